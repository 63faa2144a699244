//! What a yes may be about instead: what the author made the subject of, what is quoted below it, and what the seller wrote
//! since the declaration.

use std::sync::LazyLock;

use regex::Regex;

use super::doubts::{affirms, asks_nothing_new};
use super::{Facts, Known, by_seller};
use crate::judge::Rules;
use crate::model::{Message, Outcome, Reason, Seller, Witnessed};
use crate::read::body_text;
use crate::text::{fixed, squeeze};

/// Words of a line that is told apart from everybody's greetings.
const LINE_WORDS_MIN: usize = 3;

/// What an answer stands in.
pub(super) struct Thread<'a> {
    /// The mail that declared.
    pub declaring: &'a Witnessed,
    pub facts: &'a Facts,
    pub seller: &'a Seller,
    /// What the answer quotes.
    pub quoted: &'a str,
}

/// Adds what keeps a yes from being one to the declaration, and says whether anything does.
pub(super) fn add_doubts(outcome: &mut Outcome, subject: &Known, thread: &Thread<'_>, rules: &Rules) -> bool {
    if !affirms(outcome) {
        return false;
    }
    let by = |test: fn(&Rules, &str) -> bool| {
        outcome.reasons.iter().any(|r| r.rule.as_deref().is_some_and(|rule| test(rules, rule)))
    };
    let (says_what, whole) = (by(Rules::says_what), by(Rules::speaks_of_all));
    let mut doubts = Vec::new();
    // "Confirmed." says nothing of what it confirms: the subject and the quote must.
    if !says_what && thread.has_other_subject(subject.message()) {
        doubts.push(("subject_changed", "The subject is another one than the declaration's."));
    }
    if !says_what && thread.quotes_other() {
        doubts.push(("quote_other", "What is quoted below the answer is not the declaration."));
    }
    let between = |k: &Known| thread.is_between(k, subject) && !asks_nothing_new(k, whole);
    if thread.facts.beside.iter().any(|k| between(k)) {
        doubts.push(("parent_other", "The seller wrote again between the declaration and the answer."));
    }
    outcome.sure &= doubts.is_empty();
    let doubted = !doubts.is_empty();
    let fix = "Ask the champion to answer the declaration itself, with its criteria quoted.";
    outcome.reasons.extend(doubts.into_iter().map(|(code, text)| Reason::new(code, text).fix(fix)));
    doubted
}

impl Thread<'_> {
    /// The mails that the answer may stand below.
    fn mails(&self) -> impl Iterator<Item = &Message> {
        self.facts.ancestors.iter().map(|k| k.message()).chain([self.declaring.message.as_ref()])
    }

    /// Whether the author put another subject above the answer.
    fn has_other_subject(&self, answer: &Message) -> bool {
        let own = base_subject(&answer.subject);
        let mut known = self.mails().map(|m| base_subject(&m.subject)).filter(|s| !s.is_empty());
        // Programs cut long subjects, and put their own marks behind them.
        !own.is_empty() && !known.any(|known| own.starts_with(&known) || known.starts_with(&own))
    }

    /// Whether there is a quote, and no line of the thread in it.
    fn quotes_other(&self) -> bool {
        let quoted = squeeze(self.quoted);
        let is_in = |line: &str| {
            let line = squeeze(line);
            line.split(' ').count() >= LINE_WORDS_MIN && quoted.contains(&line)
        };
        !quoted.is_empty() && !self.mails().any(|m| body_text(m).lines().any(is_in))
    }

    /// Whether somebody of the seller's wrote it after the declaration, and not surely after the answer. Letters of ours
    /// ask nothing new.
    fn is_between(&self, known: &Known, subject: &Known) -> bool {
        let (mail, answer) = (known.message(), subject.message());
        let after = mail.date > answer.date && known.witnessed.seen_at >= subject.witnessed.seen_at;
        let answers_it = answer.message_id.as_ref().is_some_and(|id| mail.parents().contains(&id));
        by_seller(mail, self.seller)
            && !after
            && !answers_it
            && known.asked.is_none()
            && known.declaration.is_none()
            && known.witnessed.seen_at >= self.declaring.seen_at
    }
}

/// The subject without the marks of answering and forwarding (RFC 5256 §2.1), in whatever language, and without tags in
/// brackets; folded.
fn base_subject(subject: &str) -> String {
    static MARKS: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"^(?:\s*(?:\[[^\]]*\]|\p{L}{1,8}(?:\[\d+\])?\s?:))+\s*"));
    let folded = squeeze(subject);
    MARKS.replace(&folded, "").into_owned()
}
