//! What keeps a yes to a declaration from being sure: the champion may have been asked something else than we read.
//!
//! A declaration is written by the party that wants the yes. Where its two parts, its attachments or the text below
//! its signature may state other criteria, or where a line calls a criterion passed that its own figure misses, a
//! person has to look before anybody's "confirmed" counts.

use std::sync::LazyLock;

use regex::Regex;

use super::{criteria, target};
use crate::model::{Declaration, DeclaredResult, Message, Part, Reading, Reason, Seller};
use crate::read::{body_texts, read};
use crate::text::{fixed, squeeze};

/// Shorter criteria turn up in any text by chance, in words.
const WORDS_MIN: usize = 2;

/// The doubts about `declaration`, which `message` makes as `reading` shows it.
pub(super) fn doubts(
    message: &Message,
    reading: &Reading,
    declaration: &Declaration,
    seller: &Seller,
) -> Vec<Reason> {
    let mut doubts = Vec::new();
    if parts_differ(message, seller) {
        let text = "The plain and the HTML part of the declaration state different criteria.";
        doubts.push(
            Reason::new("parts_differ", text).fix("Send the declaration again, with one text in both parts."),
        );
    }
    if let Some(doubt) = reading.doubts.iter().find(|d| d.code == "unsure_cut") {
        doubts.push(doubt.clone().fix("State the criteria in a mail of its own, above what it quotes."));
    }
    if is_below(reading) {
        let text = "The declaration lists results below its signature, where nobody reads them.";
        doubts.push(Reason::new("criteria_unread", text).fix("State every criterion above the signature."));
    }
    if is_attached(message, reading, declaration) {
        let text = "The criteria of the declaration may stand in an attachment, which is not read.";
        doubts.push(
            Reason::new("criteria_unread", text).fix("State every criterion in the text of the declaration."),
        );
    }
    doubts.extend(misses(reading, declaration));
    doubts.extend(answers_elsewhere(message, seller));
    doubts
}

/// Whether one part states a criterion that the other does not show, or shows with another result.
fn parts_differ(message: &Message, seller: &Seller) -> bool {
    if message.plain.is_none() || message.html.is_none() {
        return false;
    }
    let only = |plain: bool| {
        let mut one = message.clone();
        *(if plain { &mut one.html } else { &mut one.plain }) = None;
        let declaration = super::declaration(&one, &read(&one, &[]), seller);
        (declaration, words(&body_texts(&one).join("\n")))
    };
    let (plain, html) = (only(true), only(false));
    let missing = |from: &Option<Declaration>, text: &[String]| {
        let stated = from.iter().flat_map(|d| &d.criteria).map(|c| words(&c.text));
        stated.filter(|w| w.len() >= WORDS_MIN).any(|w| !text.windows(w.len()).any(|run| run == w))
    };
    missing(&plain.0, &html.1) || missing(&html.0, &plain.1) || other_results(&plain.0, &html.0)
}

fn other_results(a: &Option<Declaration>, b: &Option<Declaration>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return false };
    let differs = |x: DeclaredResult, y: DeclaredResult| {
        x != y && x != DeclaredResult::Unstated && y != DeclaredResult::Unstated
    };
    a.criteria
        .iter()
        .any(|x| b.criteria.iter().any(|y| words(&x.text) == words(&y.text) && differs(x.result, y.result)))
}

/// Letters and digits only: marks, emphasis and line ends come and go with the layout.
fn words(text: &str) -> Vec<String> {
    let folded = squeeze(text);
    folded.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// Whether results are listed where the declaration is not looked for.
fn is_below(reading: &Reading) -> bool {
    [&reading.signature, &reading.unsure].into_iter().any(|text| criteria::listed(text).with_result > 0)
}

/// Whether something is attached that may hold criteria: the text states none, or it says so.
fn is_attached(message: &Message, reading: &Reading, declaration: &Declaration) -> bool {
    static SAYS_SO: LazyLock<Regex> = LazyLock::new(|| {
        let attached = r"(?:attach|enclos|anhang|anbei|beilieg|ci-joint|en annexe|piece jointe|adjunt|en anexo|allegat|anexo|bijlage|bijgevoegd)";
        let list = r"(?:criteri|criter|kriteri|requirement|anforderung|exigence|requisit|remaining|rest of|full list|complete list|further point|additional|exception|caveat|limitation|restriction|condition)";
        fixed(&format!(r"{list}[^.!?\n]{{0,80}}{attached}|{attached}[^.!?\n]{{0,80}}{list}"))
    });
    let holds_text = |p: &&Part| {
        let harmless = ["text/calendar", "text/vcard", "text/x-vcard", "text/rfc822-headers"];
        let kinds = ["text/", "application/", "message/"];
        let seal = ["pkcs7-signature", "pgp-signature", "ms-tnef"].iter().any(|s| p.media_type.ends_with(s));
        let body = matches!(p.media_type.as_str(), "text/plain" | "text/html")
            && p.disposition.as_deref() != Some("attachment")
            && p.file_name.is_none();
        kinds.iter().any(|k| p.media_type.starts_with(k))
            && !seal
            && !body
            && !harmless.contains(&p.media_type.as_str())
    };
    let attached = message.parts.iter().any(|p| holds_text(&p)) || !message.attached.is_empty();
    attached && (declaration.criteria.is_empty() || SAYS_SO.is_match(&squeeze(&reading.fresh)))
}

/// Lines that call a criterion passed although the figure on the line misses its target.
fn misses(reading: &Reading, declaration: &Declaration) -> Vec<Reason> {
    let passed = declaration.criteria.iter().filter(|c| c.result == DeclaredResult::Pass);
    let missed = passed.filter_map(|c| {
        let line = line_of(&reading.fresh, &c.text);
        target::missed(&line).map(|why| (c.n, why))
    });
    missed
        .map(|(n, why)| {
            Reason::new(
                "target_missed",
                format!("Criterion {n} is declared as passed, but its own figure says otherwise: {why}."),
            )
            .fix("Correct the line, or declare the criterion as partial, and ask again.")
        })
        .collect()
}

/// The line that a criterion stands on, with the rest of it and what is wrapped below.
fn line_of(text: &str, criterion: &str) -> String {
    let start = criterion.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let joined = |at: usize| {
        let rest = lines.get(at + 1..).unwrap_or_default();
        let wrapped = rest.iter().take_while(|l| !l.is_empty() && !is_item(l));
        lines.get(at..=at).unwrap_or_default().iter().chain(wrapped).copied().collect::<Vec<_>>().join(" ")
    };
    let flat = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let found = (0..lines.len()).find(|at| flat(&joined(*at)).contains(&start));
    found.map_or_else(|| criterion.to_owned(), joined)
}

fn is_item(line: &str) -> bool {
    static ITEM: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"^(?:[-*•✅❌⚠✔✗☑☒>|]|\(?\d{1,2}\s?[.):]|\[[x ]\])"));
    ITEM.is_match(line)
}

/// A Reply-To that leads the champion's answer elsewhere than to its sender or the evidence mailbox (AUTHENTICITY
/// threat 20).
fn answers_elsewhere(message: &Message, seller: &Seller) -> Option<Reason> {
    let author = message.author().map(|a| &a.address);
    let own = |a: &crate::model::Address| {
        Some(a) == author || *a == seller.evidence || a.tag_of(&seller.evidence).is_some()
    };
    let other = message.reply_to.iter().find(|m| !own(&m.address) && !m.address.is_at(&seller.domains))?;
    let text = format!("The declaration sends answers to {}, not to its author.", other.address);
    Some(Reason::new("reply_to", text).fix("Send the declaration without Reply-To."))
}
