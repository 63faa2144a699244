//! What a person needs who must decide in ten seconds: the strongest readings of a reply with their words.

use super::language::Says;
use super::rules::Rules;
use super::scan::{Hit, Scan};
use crate::model::{Guess, Reading, Source, Verdict};

/// So many readings are shown.
const GUESSES_MAX: usize = 2;

/// The three texts of a reply as read.
pub(super) struct Scans {
    pub fresh: Scan,
    pub unsure: Scan,
    pub signature: Scan,
}

impl Scans {
    /// Each with its source and its text as typed.
    pub(super) fn each<'a>(&'a self, reading: &'a Reading) -> [(Source, &'a Scan, &'a str); 3] {
        [
            (Source::Fresh, &self.fresh, &reading.fresh),
            (Source::Unsure, &self.unsure, &reading.unsure),
            (Source::Signature, &self.signature, &reading.signature),
        ]
    }
}

/// The verdict that a hit speaks for.
pub(super) fn speaks_for(says: Says) -> Option<Verdict> {
    match says {
        Says::Retract => Some(Verdict::Retracted),
        Says::Decline => Some(Verdict::Declined),
        Says::Stipulate | Says::Concern | Says::Fail | Says::Partial | Says::Unproven | Says::Risk => {
            Some(Verdict::Conditional)
        }
        Says::Withhold | Says::Defer => Some(Verdict::Deferred),
        Says::Affirm | Says::Bare | Says::Accept => Some(Verdict::Confirmed),
        Says::Aside => Some(Verdict::Inconclusive),
        _ => None,
    }
}

/// How much a hit counts for its reading.
fn strength(hit: &Hit, source: Source) -> u8 {
    let yes = speaks_for(hit.says) == Some(Verdict::Confirmed);
    match hit.blocked {
        // Only what was surely typed may affirm.
        None if yes && source != Source::Fresh => 0,
        None if hit.says == Says::Risk => 2,
        None => 3,
        Some(_) => 1,
    }
}

/// The best guess and the strongest other reading.
pub(super) fn guesses(rules: &Rules, reading: &Reading, scans: &Scans, best: Verdict) -> Vec<Guess> {
    let mut found: Vec<(u8, Guess)> = Vec::new();
    for (source, scan, typed) in scans.each(reading) {
        for hit in &scan.hits {
            let strength = strength(hit, source);
            let Some(verdict) = speaks_for(hit.says).filter(|_| strength > 0) else { continue };
            let span = scan.folded.original(hit.span.clone());
            let guess = Guess {
                verdict,
                words: typed.get(span.clone()).unwrap_or_default().to_owned(),
                rule: rules.rules.get(hit.rule).map(|rule| rule.id.clone()),
                stopped_by: hit.blocked.map(|blocker| blocker.as_str().to_owned()),
                span: [span.start, span.end],
                source,
            };
            found.push((strength, guess));
        }
    }
    // The best guess first, then by strength; the sort is stable, so earlier words go before later ones.
    found.sort_by_key(|(strength, guess)| (guess.verdict != best, std::cmp::Reverse(*strength)));
    let mut guesses: Vec<Guess> = Vec::new();
    for (_, guess) in found {
        if guesses.len() < GUESSES_MAX && guesses.iter().all(|own| own.verdict != guess.verdict) {
            guesses.push(guess);
        }
    }
    guesses
}
