//! What mail says besides verdicts, and how far it is heard: a dispute about a mail takes its yes, never its no.

use super::act::{CONFLICT, Decision};
use super::fold::By;
use super::rulings::{Review, Rulings};
use crate::model::{Outcome, Said, Signal};

/// A signal of a mail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard<'a> {
    pub mail: &'a Outcome,
    pub signal: &'a Signal,
    /// What it counts as.
    pub said: Said,
    /// People decided that the mail says nothing, or is about something else.
    is_dismissed: bool,
}

impl Heard<'_> {
    /// Whether it counts by whom `by` says.
    pub fn counts(&self, by: By) -> bool {
        by == By::Machine || !self.is_dismissed
    }
}

/// What `messages` say. A yes counts only where its author is proven; what closes needs no proof. Of a disputed mail
/// nothing is sure: a yes of it opens nothing, and a no of it skips no question.
pub(super) fn heard<'a>(messages: &[&'a Outcome], rulings: &Rulings<'_>) -> Vec<Heard<'a>> {
    let of_mail = |mail: &&'a Outcome| {
        let mail = *mail;
        let is_disputed = mail.has(CONFLICT) || rulings.is_doubted(mail);
        let is_dismissed = match rulings.of(mail, messages) {
            Review::Decided(ruling) => matches!(ruling.decision, Decision::Reject | Decision::NotAbout),
            _ => false,
        };
        let signals = mail.signals.iter().filter(|s| s.proven || s.said != Said::Yes);
        signals.map(move |signal| Heard {
            mail,
            signal,
            said: if is_disputed || !signal.proven { Said::Doubtful } else { signal.said },
            is_dismissed,
        })
    };
    let counts = |mail: &&&Outcome| !mail.signals.is_empty() && !rulings.is_cleared(mail, messages);
    messages.iter().filter(counts).flat_map(of_mail).collect()
}
