//! Whole bodies through the reader: per client, then properties.

mod languages;
mod markup;
mod originals;
mod plain;
mod properties;
mod sight;
mod witnesses;

use super::*;

/// Reads a plain part without originals.
fn plain(text: &str) -> Reading {
    split_plain(text, &Originals::default())
}

/// Reads an HTML part without originals.
fn html(text: &str) -> Reading {
    split_html(text, &Originals::default())
}

/// Text of the segments of a kind.
fn of_kind(reading: &Reading, kind: SegmentKind) -> String {
    let texts: Vec<&str> =
        reading.segments.iter().filter(|s| s.kind == kind).map(|s| s.text.trim()).collect();
    texts.join("\n")
}

/// What the seller wrote, as the quoted mail of most tests.
const DECLARED: &str = "Hello Dana,\n\nthe pilot ended on Friday. All five checks passed:\n\n\
    - Login over SAML - Passed\n- Forty thousand events a second - Passed\n- Failover below 30 seconds - Passed\n\n\
    Could you reply and say whether your team sees the pilot as a success?\n\nKim\n";
