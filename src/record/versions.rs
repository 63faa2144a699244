//! Lists of criteria beside each other: what was added, dropped and put otherwise.

use std::collections::BTreeSet;

use crate::model::{CriteriaDiff, CriteriaVersion, Criterion, Declaration, Outcome, PlanCriterion, Reworded};
use crate::text::squeeze;

/// Two criteria with at least this share of common words, in percent, are one criterion in other words.
const ALIKE_PERCENT: usize = 50;
/// Longest lists that are compared for other words: the cost is their product.
const COMPARED_MAX: usize = 200;

/// The declared lists of criteria in order, each with what it changes. A declaration that is sent again is no version.
/// `gating` comes last, whatever its Date.
pub(super) fn versions(declared: &[&Outcome], gating: &Outcome) -> Vec<CriteriaVersion> {
    let mut sorted: Vec<&Outcome> = declared.to_vec();
    sorted.sort_by_key(|o| (o.identity == gating.identity, o.written(), o.identity));
    let mut versions: Vec<CriteriaVersion> = Vec::new();
    for outcome in sorted {
        let Some(declaration) = &outcome.declaration else { continue };
        let before = versions.last();
        if before.is_some_and(|b| b.digest == outcome.criteria_digest && b.champions == declaration.champions)
        {
            continue;
        }
        versions.push(CriteriaVersion {
            n: versions.len() + 1,
            message_id: outcome.message_id.as_ref().map(|id| format!("<{id}>")),
            at: outcome.written(),
            digest: outcome.criteria_digest,
            champions: declaration.champions.clone(),
            criteria: declaration.criteria.clone(),
            changes: before.map(|b| between(&b.criteria, &declaration.criteria)).unwrap_or_default(),
        });
    }
    versions
}

/// What one declared list changes about another.
pub(super) fn between(old: &[Criterion], new: &[Criterion]) -> CriteriaDiff {
    changes(&lines(old), &lines(new))
}

fn lines(criteria: &[Criterion]) -> Vec<Line> {
    criteria.iter().map(|c| Line::new(&c.text, Some(format!("{:?}", c.result)))).collect()
}

/// What a declaration changes about a plan, and which of the plan's lines it states, word for word or otherwise.
pub(super) fn against_plan(plan: &[PlanCriterion], declaration: &Declaration) -> CriteriaDiff {
    let old: Vec<Line> = plan.iter().map(|c| Line::new(&c.text, None)).collect();
    let new: Vec<Line> = declaration.criteria.iter().map(|c| Line::new(&c.text, None)).collect();
    changes(&old, &new)
}

/// Whether two texts state one criterion in the same words.
pub(super) fn same(a: &str, b: &str) -> bool {
    Line::new(a, None).words == Line::new(b, None).words
}

/// A criterion as it is compared.
#[derive(Debug, Clone)]
struct Line {
    text: String,
    words: Vec<String>,
    result: Option<String>,
}

impl Line {
    fn new(text: &str, result: Option<String>) -> Self {
        let squeezed = squeeze(text);
        let words = squeezed.split(|c: char| !(c.is_alphanumeric() || c == '.' || c == '%'));
        let words = words.map(|w| w.trim_matches('.')).filter(|w| !w.is_empty()).map(str::to_owned).collect();
        Self { text: text.to_owned(), words, result }
    }

    fn figures(&self) -> BTreeSet<&str> {
        let figure = |w: &&String| w.bytes().any(|b| b.is_ascii_digit());
        self.words.iter().filter(figure).map(String::as_str).collect()
    }

    /// Common words of all, in percent.
    fn likeness(&self, other: &Self) -> usize {
        let (a, b): (BTreeSet<&String>, BTreeSet<&String>) =
            (self.words.iter().collect(), other.words.iter().collect());
        (a.intersection(&b).count() * 100).checked_div(a.union(&b).count()).unwrap_or(0)
    }
}

fn changes(old: &[Line], new: &[Line]) -> CriteriaDiff {
    let mut dropped: Vec<&Line> = old.iter().collect();
    let mut added: Vec<&Line> = new.iter().collect();
    let mut diff = CriteriaDiff::default();
    for line in old {
        let Some(at) = added.iter().position(|other| other.words == line.words) else { continue };
        let other = added.remove(at);
        dropped.retain(|d| !std::ptr::eq(*d, line));
        if line.result != other.result {
            diff.reworded.push(reworded(line, other));
        }
    }
    if dropped.len() <= COMPARED_MAX && added.len() <= COMPARED_MAX {
        while let Some((from, to)) = most_alike(&dropped, &added) {
            let (from, to) = (dropped.remove(from), added.remove(to));
            diff.reworded.push(reworded(from, to));
        }
    }
    diff.added = added.iter().map(|l| l.text.clone()).collect();
    diff.dropped = dropped.iter().map(|l| l.text.clone()).collect();
    diff
}

/// The pair that shares most words, if any shares enough; of equals the first.
fn most_alike(dropped: &[&Line], added: &[&Line]) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize, usize)> = None;
    for (i, from) in dropped.iter().enumerate() {
        for (k, to) in added.iter().enumerate() {
            let likeness = from.likeness(to);
            if likeness >= ALIKE_PERCENT && best.is_none_or(|(most, ..)| likeness > most) {
                best = Some((likeness, i, k));
            }
        }
    }
    best.map(|(_, i, k)| (i, k))
}

fn reworded(from: &Line, to: &Line) -> Reworded {
    let say = |line: &Line| match &line.result {
        Some(result) if from.result != to.result => format!("{} ({})", line.text, result.to_lowercase()),
        _ => line.text.clone(),
    };
    let weightier = from.figures() != to.figures() || from.result != to.result;
    Reworded { from: say(from), to: say(to), weightier }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(old: &[&str], new: &[&str]) -> CriteriaDiff {
        let lines = |texts: &[&str]| texts.iter().map(|t| Line::new(t, None)).collect::<Vec<_>>();
        changes(&lines(old), &lines(new))
    }

    #[test]
    fn tells_new_words_from_new_criteria() {
        let old = ["Nightly restore in under 40 minutes", "Single sign-on", "Audit export to the SIEM"];
        let new = ["nightly  restore in under 60 minutes", "Audit export to the SIEM", "Dark mode"];
        let found = diff(&old, &new);
        assert_eq!(
            (found.added, found.dropped),
            (vec!["Dark mode".to_owned()], vec!["Single sign-on".to_owned()])
        );
        assert_eq!(found.reworded.len(), 1);
        assert!(found.reworded[0].weightier, "40 became 60");
        assert!(
            diff(&old, &["Single Sign-On", "Audit export to the SIEM", old[0]]).is_empty(),
            "order is nothing"
        );
        let milder = diff(&["Restore of the ledger"], &["Restore of the whole ledger"]);
        assert!(!milder.reworded[0].weightier && milder.added.is_empty());
    }
}
