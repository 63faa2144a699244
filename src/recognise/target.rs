//! A figure against the target on its own line: "Failover under 30 seconds (measured: 45 seconds) — Passed".

use std::sync::LazyLock;

use regex::Regex;

use crate::text::{fixed, squeeze};

/// Which side of the target is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Below,
    Above,
}

/// A number with its unit.
#[derive(Debug, Clone, PartialEq)]
struct Figure {
    value: f64,
    unit: &'static str,
    at: usize,
}

/// Units by the words for them, and how many of the first of a kind they are.
const UNITS: &[(&str, &str, f64)] = &[
    ("milliseconds", "time", 0.001),
    ("millisecond", "time", 0.001),
    ("ms", "time", 0.001),
    ("seconds", "time", 1.0),
    ("second", "time", 1.0),
    ("secs", "time", 1.0),
    ("sec", "time", 1.0),
    ("sekunden", "time", 1.0),
    ("s", "time", 1.0),
    ("minutes", "time", 60.0),
    ("minuten", "time", 60.0),
    ("minute", "time", 60.0),
    ("mins", "time", 60.0),
    ("min", "time", 60.0),
    ("hours", "time", 3600.0),
    ("hour", "time", 3600.0),
    ("stunden", "time", 3600.0),
    ("hrs", "time", 3600.0),
    ("h", "time", 3600.0),
    ("percent", "%", 1.0),
    ("prozent", "%", 1.0),
    ("%", "%", 1.0),
    ("events/s", "events/s", 1.0),
    ("events per second", "events/s", 1.0),
    ("requests/s", "requests/s", 1.0),
    ("requests per second", "requests/s", 1.0),
    ("gb", "bytes", 1e9),
    ("tb", "bytes", 1e12),
    ("mb", "bytes", 1e6),
    ("users", "users", 1.0),
    ("nodes", "nodes", 1.0),
];

/// Why the measured figure of a line misses the line's target, in a few words. Only a plain case is one: one target
/// with its side, one figure of the same kind behind a word such as "measured".
pub(super) fn missed(line: &str) -> Option<String> {
    static TARGET: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"(?:(?P<below>under|below|less than|fewer than|at most|no more than|not more than|within|up to|maximum(?: of)?|max\.?|unter|hoechstens|hochstens|maximal|weniger als|<=?|≤)|(?P<above>over|above|more than|at least|no less than|not less than|minimum(?: of)?|min\. |ueber|uber|mindestens|mehr als|>=?|≥))\s*$",
        )
    });
    static MEASURED: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"(?:measured|achieved|reached|actual(?:ly)?|observed|result(?:ed)?(?: in)?|took|gemessen|erreicht|ist|mesure|medido|misurato|came out)(?:\s+(?:was|were|is|at|in|as|a|of|it|value|figure))*[\s:=~]*$",
        )
    });
    let text = squeeze(line);
    let figures = figures(&text);
    let mut targets = Vec::new();
    let mut measured = Vec::new();
    for figure in &figures {
        let before = text.get(..figure.at).unwrap_or_default();
        if let Some(found) = TARGET.captures(before) {
            let side = if found.name("below").is_some() { Side::Below } else { Side::Above };
            targets.push((figure, side));
        } else if MEASURED.is_match(before) {
            measured.push(figure);
        }
    }
    let [(target, side)] = targets.as_slice() else { return None };
    let misses = |figure: &&Figure| {
        figure.unit == target.unit
            && match side {
                Side::Below => figure.value > target.value,
                Side::Above => figure.value < target.value,
            }
    };
    let wrong = measured.into_iter().find(misses)?;
    let shown = |f: &Figure| text.get(f.at..).unwrap_or_default().chars().take(16).collect::<String>();
    Some(format!("\"{}\" against \"{}\"", shown(wrong).trim(), shown(target).trim()))
}

/// The figures of a folded text that carry a known unit.
fn figures(text: &str) -> Vec<Figure> {
    static NUMBER: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"(\d{1,3}(?:[, ]\d{3})+|\d+)(?:[.,](\d+))?\s?(k\b)?"));
    let mut out = Vec::new();
    for found in NUMBER.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        let digits: String =
            found.get(1).map_or("", |m| m.as_str()).chars().filter(char::is_ascii_digit).collect();
        let fraction = found.get(2).map_or("0", |m| m.as_str());
        let Ok(value) = format!("{digits}.{fraction}").parse::<f64>() else { continue };
        let scale = if found.get(3).is_some() { 1_000.0 } else { 1.0 };
        let rest = text.get(whole.end()..).unwrap_or_default().trim_start();
        let ends = |rest: &str, unit: &str| {
            rest.strip_prefix(unit)
                .is_some_and(|r| unit == "%" || !r.starts_with(|c: char| c.is_alphanumeric() || c == '/'))
        };
        if let Some((_, unit, factor)) =
            UNITS.iter().filter(|(word, _, _)| ends(rest, word)).max_by_key(|(word, _, _)| word.len())
        {
            out.push(Figure { value: value * scale * factor, unit, at: whole.start() });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_misses_its_own_target_is_seen() {
        for line in [
            "Failover under 30 seconds (measured: 45 seconds) — Passed",
            "Failover < 30 s: measured 0.75 minutes - Passed",
            "Alert noise cut by at least 40 % (measured: 37 %)",
            "Ingest of at least 40k events/s, achieved 38,500 events/s",
            "Restore within 4 hours, took 5 hours: passed",
        ] {
            assert!(missed(line).is_some(), "{line}");
        }
    }

    #[test]
    fn a_figure_that_meets_it_is_none() {
        for line in [
            "Failover under 30 seconds (measured: 18 seconds) — Passed",
            "Traces visible within 5 seconds (measured: 3.1 seconds)",
            "Alert noise cut by at least 40 % (measured: 47 %)",
            "Ingest of at least 40k events/s, achieved 41,000 events/s",
            "Failover under 30 seconds (was 90 seconds before)",
            "Restore within 4 hours (measured: 12 seconds of data loss)",
            "Restore within 4 hours for 500 users",
            "Unplanned stops reduced by 20 % (measured: 16 %)",
        ] {
            assert_eq!(missed(line), None, "{line}");
        }
    }
}
