//! Reads the stored messages again with a changed rule set: what would be said otherwise, and, when asked, the
//! new outcomes. A change towards a yes is never taken over: it becomes something for a person to look at.

use std::collections::BTreeMap;

use super::engine::Engine;
use super::library::Shelf;
use crate::answer::VerdictChange;
use crate::decide::decide;
use crate::edge::store::{Batch, StoreError};
use crate::judge::Rules;
use crate::model::{Digest, Outcome, Reason, Verdict};
use crate::pipeline::{consider, gather};
use crate::record::Entry;

/// Reason of a change towards a yes that a person must decide.
const TOWARDS_YES: &str = "rejudged_towards_yes";
/// Entries read at once.
const PAGE: u64 = 500;

impl Engine {
    /// Considers every stored message with `rules` and returns what changes. With `apply` the new outcomes are
    /// recorded, one commit a page. Blocking.
    ///
    /// # Errors
    /// When the store can not be read or written; what was committed before stays.
    pub fn rejudge(&self, rules: &Rules, apply: bool) -> Result<Vec<VerdictChange>, StoreError> {
        let mut changes = Vec::new();
        let size = self.store.size();
        let mut start = 0;
        while start < size {
            let end = size.min(start + PAGE);
            let mut batch = Batch::default();
            for digest in self.first_seen(start..end)? {
                let Some(old) = self.store.outcome(&digest)? else { continue };
                let Some(new) = self.reconsider(&digest, rules)? else { continue };
                let new = held_back(&old, new);
                if let Some(change) = difference(&old, &new) {
                    changes.push(change);
                    batch.entries.push(Entry::Considered(Box::new(Outcome { keys: old.keys, ..new })));
                }
            }
            if apply && !batch.entries.is_empty() {
                self.store.append(batch)?;
            }
            start = end;
        }
        Ok(changes)
    }

    /// Copies whose first place stands among these entries.
    fn first_seen(&self, range: std::ops::Range<u64>) -> Result<Vec<Digest>, StoreError> {
        let mut digests = Vec::new();
        for entry in self.store.entries(range)? {
            if let Entry::Seen(seen) = entry
                && self.store.seen(&seen.sha256)?.is_some_and(|first| first.place == seen.place)
            {
                digests.push(seen.sha256);
            }
        }
        Ok(digests)
    }

    fn reconsider(&self, digest: &Digest, rules: &Rules) -> Result<Option<Outcome>, StoreError> {
        let keys = BTreeMap::new();
        let policy = self.policy();
        let shelf = Shelf::new(&self.store, &keys, &policy.seller);
        let outcome =
            shelf.load(digest).map(|subject| consider(&subject, &gather(&subject, &shelf), rules, &policy));
        shelf.error().map_or(Ok(outcome), Err)
    }
}

/// How far a verdict opens gates.
fn openness(outcome: &Outcome) -> u8 {
    match outcome.verdict {
        Some(Verdict::Confirmed) if outcome.sure => 2,
        Some(Verdict::Conditional) if outcome.sure => 1,
        _ => 0,
    }
}

/// A rule that somebody wrote afterwards must not turn an old mail into a yes, whatever made us look at the mail
/// again: a person decides.
pub(super) fn held_back(old: &Outcome, mut new: Outcome) -> Outcome {
    let by_rules = old.has(TOWARDS_YES) || old.verdict.is_some() && old.rules != new.rules;
    if !by_rules || openness(&new) <= openness(old) {
        return new;
    }
    new.sure = false;
    new.reasons.push(
        Reason::new(
            "rejudged_towards_yes",
            "The changed rules read this mail as a yes; they did not before.",
        )
        .fix("Read the mail and decide."),
    );
    decide(new)
}

fn difference(old: &Outcome, new: &Outcome) -> Option<VerdictChange> {
    let words = |o: &Outcome| (o.verdict, o.sure, o.criteria.clone());
    (words(old) != words(new)).then(|| VerdictChange {
        message_id: new.message_id.as_ref().map(ToString::to_string),
        sha256: new.sha256.to_string(),
        opportunity: new.opportunity.clone(),
        from: new.from.as_ref().map(ToString::to_string),
        was: old.verdict,
        was_sure: old.sure,
        is: new.verdict,
        is_sure: new.sure,
        needs_person: new.has(TOWARDS_YES),
        quote: if new.quote.is_empty() { new.fresh_text.clone() } else { new.quote.clone() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn outcome(verdict: Option<Verdict>, sure: bool, rules: &str) -> Outcome {
        let message = crate::parse::parse(b"Message-ID: <a@b.example>\r\n\r\nYes.\r\n");
        let blank = Outcome::unread(&message, Timestamp::UNIX_EPOCH, Digest::of(rules.as_bytes()));
        Outcome { verdict, sure, ..blank }
    }

    #[test]
    fn no_rule_written_later_makes_a_yes() {
        use Verdict::{Conditional, Confirmed, Declined, Inconclusive};
        let yes = || outcome(Some(Confirmed), true, "new");
        for (verdict, sure) in
            [(Inconclusive, true), (Confirmed, false), (Conditional, true), (Declined, true)]
        {
            let new = held_back(&outcome(Some(verdict), sure, "old"), yes());
            assert!(!new.sure && new.has(TOWARDS_YES), "{verdict:?} {sure}");
            // Nor does looking once more under the same new rules.
            let again = held_back(&new, yes());
            assert!(!again.sure && again.has(TOWARDS_YES), "{verdict:?} {sure}");
        }
    }

    #[test]
    fn what_the_rules_did_not_change_is_not_held_back() {
        let yes = || outcome(Some(Verdict::Confirmed), true, "new");
        // Its declaration came only now.
        assert!(held_back(&outcome(None, false, "old"), yes()).sure);
        // News in the thread, the same rules.
        assert!(held_back(&outcome(Some(Verdict::Confirmed), false, "new"), yes()).sure);
    }

    #[test]
    fn a_change_away_from_a_yes_stands() {
        let yes = outcome(Some(Verdict::Confirmed), true, "old");
        let new = held_back(&yes, outcome(Some(Verdict::Declined), true, "new"));
        assert!(new.sure && !new.has(TOWARDS_YES));
    }

    #[test]
    fn the_same_words_are_no_change() {
        let same = outcome(Some(Verdict::Confirmed), true, "rules");
        assert_eq!(difference(&same, &same.clone()), None);
    }
}
