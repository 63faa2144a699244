//! `endorsed explain`: which words made the verdict, and why no other one came out.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::judge::Mailbox;
use super::{FAILED, Judging, say, say_json};
use crate::answer::MessageAnswer;
use crate::config::Config;
use crate::judge::{Explanation, Fired, SentenceExplained};
use crate::model::Source;

/// What to explain.
#[derive(Debug, Args)]
pub struct Explain {
    /// `.eml` files, mbox files, Maildirs or folders, read as one mailbox; replies need their declaration among them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print one JSON object a line for each message.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    judging: Judging,
}

/// A message with its explanation.
#[derive(Debug, Serialize)]
struct Explained {
    #[serde(flatten)]
    message: MessageAnswer,
    /// `null` for messages that are no answer to a declaration.
    explanation: Option<Explanation>,
}

/// Runs the command.
pub fn run(explain: &Explain, config: &Config) -> u8 {
    let Some(mailbox) = Mailbox::read(&explain.paths, &explain.judging, config) else { return FAILED };
    let all = mailbox.corpus().explain_all(&mailbox.tools.rules, &mailbox.tools.policy);
    for ((outcome, explanation), label) in all.into_iter().zip(&mailbox.labels) {
        let message = MessageAnswer::new(&outcome).in_file(label);
        let explained = Explained { message, explanation };
        if explain.json {
            say_json(&explained);
        } else {
            lines(&explained).iter().for_each(|line| say(line));
        }
    }
    if mailbox.readable { 0 } else { FAILED }
}

fn lines(explained: &Explained) -> Vec<String> {
    let Explained { message, explanation } = explained;
    let file = message.file.as_deref().unwrap_or("-");
    let kind = format!("{:?}", message.kind).to_lowercase();
    let verdict = message.verdict.map_or("no verdict", |verdict| verdict.as_str());
    let sure = match (message.verdict, message.sure) {
        (None, _) => "",
        (_, true) => ", sure",
        (_, false) => ", not sure",
    };
    let mut lines = vec![format!("{file}: {kind}, {verdict}{sure}")];
    if let Some(explanation) = explanation {
        for text in &explanation.texts {
            lines.push(format!("  {}", named(text.source)));
            lines.extend(text.sentences.iter().flat_map(sentence));
        }
    }
    for reason in &message.reasons {
        let rule = reason.rule.as_ref().map(|rule| format!(" ({rule})")).unwrap_or_default();
        lines.push(format!("  because {}: {}{rule}", reason.code, reason.text));
    }
    for guess in &message.readings {
        lines.push(format!("  could be {}: \"{}\"", guess.verdict.as_str(), one_line(&guess.words)));
    }
    for neighbour in explanation.iter().flat_map(|e| &e.neighbours) {
        lines.push(format!("  not {}: {}", neighbour.verdict.as_str(), one_line(&neighbour.why_not)));
    }
    lines
}

fn named(source: Source) -> &'static str {
    match source {
        Source::Fresh => "typed",
        Source::Unsure => "perhaps typed, may only stop a yes",
        Source::Signature => "signature, may only stop a yes",
    }
}

/// The sentence, and below it a line for each rule that marks its words.
fn sentence(sentence: &SentenceExplained) -> Vec<String> {
    let text = one_line(&sentence.text);
    let asks = if sentence.asks { " (a question)" } else { "" };
    let unknown = if sentence.unknown_language { " (in an unknown language)" } else { "" };
    let mut lines = vec![format!("    | {text}{asks}{unknown}")];
    lines.extend(sentence.fired.iter().map(|fired| format!("    | {}", mark(sentence, fired))));
    lines
}

/// Carets below the words, then what the rule says of them.
fn mark(sentence: &SentenceExplained, fired: &Fired) -> String {
    let from = fired.span[0].saturating_sub(sentence.span[0]);
    let before = sentence.text.get(..from).unwrap_or_default();
    let indent = one_line(before).chars().count();
    let carets = one_line(&fired.words).chars().count().max(1);
    let harmless = if fired.blanks.is_some() { ", blanked out" } else { "" };
    let stopped = fired.stopped.as_ref().map(|stopped| {
        let words =
            stopped.words.as_ref().map(|words| format!(" \"{}\"", one_line(words))).unwrap_or_default();
        let rule = stopped.rule.as_ref().map(|rule| format!(" ({rule})")).unwrap_or_default();
        format!(", stopped by {}{words}{rule}", stopped.by.replace('_', " "))
    });
    format!(
        "{}{} {}: {} ({}){harmless}{}",
        " ".repeat(indent),
        "^".repeat(carets),
        fired.says.replace('_', " "),
        fired.why,
        fired.rule,
        stopped.unwrap_or_default()
    )
}

/// Line breaks become spaces, so that marks stand below their words.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_below_their_words() {
        let fired = Fired {
            rule: "en/a.b".into(),
            says: "affirm",
            why: "says yes".into(),
            words: "met".into(),
            span: [12, 15],
            blanks: None,
            stopped: None,
        };
        let sentence = SentenceExplained {
            text: "it is\nmet".into(),
            span: [6, 15],
            languages: vec!["en".into()],
            unknown_language: false,
            asks: false,
            clauses: vec![[6, 15]],
            fired: vec![fired],
        };
        let lines = super::sentence(&sentence);
        assert_eq!(lines, ["    | it is met", "    |       ^^^ affirm: says yes (en/a.b)"]);
    }
}
