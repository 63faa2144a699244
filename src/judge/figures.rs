//! Figures in a reply against the declared ones: "38 %" under a declared "43 %" is no sure yes.

use std::sync::LazyLock;

use regex::Regex;

use super::Question;
use super::scan::Scan;
use crate::text::{fixed, squeeze};

static FIGURE: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?:^|[^a-z0-9.,])(?P<bound>(?:under|below|at or below|within|less than|at most|max(?:imum)?|up to|<=?|at least|at or above|above|over|more than|min(?:imum)?|>=?)\s+)?(?P<n>\d+(?:[.,]\d+)?)\s?(?P<unit>%|percent|ms|milliseconds|s|sec|seconds|min|minutes|h|hours|days|gb|tb|mb|tps|rps|k)(?:[^a-z0-9]|$)",
    )
});

struct Figure {
    bound: Option<bool>,
    value: f64,
    unit: &'static str,
    start: usize,
    end: usize,
}

/// A figure of the reply that contradicts a declared one: its span in the folded text.
pub(super) fn differs(question: &Question<'_>, scan: &Scan) -> Option<std::ops::Range<usize>> {
    let said = figures(&scan.folded.text);
    let all: Vec<Figure> = question.criteria.iter().flat_map(|c| figures(&squeeze(&c.text))).collect();
    for declared in &all {
        // A bound holds for every figure on its side, and durations are told of many things.
        let loose = declared.bound.is_some() || matches!(declared.unit, "h" | "d" | "min" | "s" | "k");
        let mut same = said.iter().filter(|figure| figure.unit == declared.unit && !is_emphasis(figure));
        // Whoever names a declared figure speaks of it: "reduced by 20 % (measured: 26 %)" declares two.
        let known =
            |figure: &Figure| all.iter().any(|own| own.unit == figure.unit && equal(own.value, figure.value));
        let mut rest = same.clone().peekable();
        if loose || rest.peek().is_none() || same.any(known) {
            continue;
        }
        return rest.next().map(|figure| figure.start..figure.end);
    }
    None
}

/// "100 % yes" counts nothing.
fn is_emphasis(figure: &Figure) -> bool {
    figure.unit == "%" && equal(figure.value, 100.0)
}

fn equal(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

fn figures(text: &str) -> Vec<Figure> {
    let mut found = Vec::new();
    let mut from = 0;
    // Each search starts at the unit of the last one, so that "5 % 7 %" gives two.
    while let Some(caught) = text.get(from..).and_then(|rest| FIGURE.captures(rest)) {
        let (Some(n), Some(unit)) = (caught.name("n"), caught.name("unit")) else { break };
        let upper = caught.name("bound").map(|b| {
            let bound = b.as_str();
            !(bound.contains("least")
                || bound.contains('>')
                || bound.contains("more")
                || bound.contains("min"))
        });
        if let Ok(value) = n.as_str().replace(',', ".").parse() {
            let (start, end) = (from + n.start(), from + unit.end());
            found.push(Figure { bound: upper, value, unit: canonical(unit.as_str()), start, end });
        }
        from += unit.end();
    }
    found
}

fn canonical(unit: &str) -> &'static str {
    match unit {
        "%" | "percent" => "%",
        "ms" | "milliseconds" => "ms",
        "s" | "sec" | "seconds" => "s",
        "min" | "minutes" => "min",
        "h" | "hours" => "h",
        "days" => "d",
        "gb" => "gb",
        "tb" => "tb",
        "mb" => "mb",
        "k" => "k",
        _ => "per_s",
    }
}
