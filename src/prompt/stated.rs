//! The criteria in the declaration's own words: what a letter restates must be what was declared, sign by sign, or an
//! answer that quotes the letter seems to speak of other criteria.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::model::Criterion;
use crate::text::{fixed, squeeze};

/// A list line is wrapped over so many lines at most.
const LINES_MAX: usize = 4;

/// The line of each criterion in `body` as it was declared, without list mark, by the criterion's number. A criterion that
/// stands on no line of its own is left out.
pub fn stated_lines(body: &str, criteria: &[Criterion]) -> BTreeMap<u32, String> {
    let lines: Vec<&str> = body.lines().collect();
    criteria.iter().filter_map(|c| Some((c.n, stated(&lines, &squeeze(&c.text))?))).collect()
}

fn stated(lines: &[&str], criterion: &str) -> Option<String> {
    if criterion.is_empty() {
        return None;
    }
    // The last line on which it can begin: an earlier one only runs into it.
    let start = (0..lines.len())
        .rev()
        .find(|i| item(lines, *i).is_some_and(|item| squeeze(&item).contains(criterion)))?;
    let item = item(lines, start)?;
    // A whole paragraph is no line of a list.
    let own = squeeze(&item).chars().count() <= criterion.chars().count() * 2 + 60;
    own.then_some(item)
}

/// The list item that begins on a line, with what was wrapped off it.
fn item(lines: &[&str], start: usize) -> Option<String> {
    static MARK: LazyLock<Regex> = LazyLock::new(|| fixed(r"^\s*(?:[-*+•·‣▪–—]\s+|\(?\d{1,2}[.):]\s*)"));
    static LISTED: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"^\s*(?:[-*+•·‣▪–—]\s|\(?\d{1,2}[.):]|\[[xX ✓]\]|[✅✔✓☑❌✗✘✖☒⚠])"));
    let first = lines.get(start).filter(|line| !line.trim().is_empty())?;
    let mut text = MARK.replace(first, "").trim().to_owned();
    for line in lines.iter().skip(start + 1).take(LINES_MAX - 1) {
        if line.trim().is_empty() || LISTED.is_match(line) || !LISTED.is_match(first) {
            break;
        }
        text.push(' ');
        text.push_str(line.trim());
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DeclaredResult;

    #[test]
    fn lines_are_restated_as_they_were_declared() {
        let body = "Hallo Dana,\n\n✅ Restore in 40 Minuten — bestanden\n  2) Anmeldung über den eigenen\n     Anbieter: erfüllt\n- [x] Audit export\n\nDanke, Audit export war schwer.\n";
        let criterion = |n, text: &str| Criterion { n, text: text.into(), result: DeclaredResult::Pass };
        let criteria = [
            criterion(1, "Restore in 40 Minuten"),
            criterion(2, "Anmeldung über den eigenen Anbieter"),
            criterion(3, "Failover"),
        ];
        let stated = stated_lines(body, &criteria);
        assert_eq!(stated.get(&1).map(String::as_str), Some("✅ Restore in 40 Minuten — bestanden"));
        assert_eq!(stated.get(&2).map(String::as_str), Some("Anmeldung über den eigenen Anbieter: erfüllt"));
        assert_eq!(stated.get(&3), None);
    }
}
