//! A body taken apart: what the person typed, what was quoted, what we were unsure how to cut.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// What a piece of a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentKind {
    /// Typed by the author, above or without a quote.
    Fresh,
    /// Typed by the author between or below quoted lines.
    FreshInline,
    /// A quoted line that differs from the original: somebody typed into the quote.
    EditedQuote,
    /// Quoted text.
    Quoted,
    /// "On … wrote:".
    Attribution,
    /// From/Sent/To/Subject lines of the quoted mail.
    HeaderBlock,
    /// "-----Original Message-----" and rules.
    Divider,
    /// The contact block at the end.
    Signature,
    /// "Sent from my iPhone".
    Tagline,
    /// Confidentiality notices and the like.
    Disclaimer,
    /// "\[EXTERNAL\] This message came from outside".
    Banner,
    /// A forwarded mail inside the body.
    Forwarded,
    /// Text that the reader of the mail cannot see (display:none, zero size, white on white).
    Hidden,
    /// Could be typed or quoted.
    Unsure,
}

/// A piece of a decoded body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// What it is.
    pub kind: SegmentKind,
    /// The text, as typed (HTML: as shown).
    pub text: String,
    /// Byte span in the decoded part (plain) or in the text laid out from it (HTML).
    pub span: Range<usize>,
    /// Which test said so, e.g. `attribution.evidence`, `html.gmail_quote`.
    pub evidence: &'static str,
}

/// An answer typed below a quoted line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlineAnswer {
    /// Byte span of the answer in [`Reading::fresh`].
    pub span: Range<usize>,
    /// The quoted line directly above it, without quote marks, with what was wrapped off it.
    pub quoted: String,
}

/// A body as read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// All pieces of the part that `fresh` was taken from, in order, without overlap.
    pub segments: Vec<Segment>,
    /// What may affirm: surely typed by the author; interleaved pieces joined by an empty line.
    pub fresh: String,
    /// What may veto besides `fresh`: unsure pieces and edited quotes, joined by an empty line.
    pub unsure: String,
    /// The signature block; may veto.
    pub signature: String,
    /// What was quoted, without quote marks; for binding to the declared criteria.
    pub quoted: String,
    /// Answers typed between quoted lines.
    pub inline: Vec<InlineAnswer>,
    /// Length of `fresh` when the last quoted word was passed; see [`Reading::is_between`].
    pub fresh_above_quote: usize,
    /// False when the two parts disagree, the parser tore a part, or a guard fired; then `doubts` says why.
    pub sure: bool,
    /// Why the reading is not sure: reason codes with plain sentences.
    pub doubts: Vec<super::Reason>,
}

impl Reading {
    /// The inline answer that a span of `fresh` lies in, if it lies in one: what is said there is said about the
    /// quoted line, not about the whole mail.
    pub fn inline_at(&self, span: &Range<usize>) -> Option<&InlineAnswer> {
        self.inline.iter().find(|answer| answer.span.start <= span.start && span.end <= answer.span.end)
    }

    /// Whether more quoted text stands below an answer: it can only be meant for the line above it. Otherwise it may
    /// stand for the whole quote – or for its last line, if the author cut the quote there.
    pub fn is_between(&self, answer: &InlineAnswer) -> bool {
        answer.span.end <= self.fresh_above_quote
    }
}
