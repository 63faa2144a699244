//! A shape for each state: with the word beside it, nobody needs to see its colour.

use maud::{Markup, Render, html};

/// A state as a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A disc with a tick: yes, allowed, proven.
    Yes,
    /// An octagon with a cross: no, not allowed, disproven.
    No,
    /// A half-filled disc: in part, with a condition.
    Part,
    /// A ring with a hand: waiting.
    Wait,
    /// A triangle with a mark: somebody must look, could not tell.
    Look,
    /// A square: only for information.
    Note,
}

impl Sign {
    /// The class that colours what it stands beside.
    pub fn class(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Part => "part",
            Self::Wait => "wait",
            Self::Look => "look",
            Self::Note => "note",
        }
    }

    fn outline(self) -> &'static str {
        match self {
            Self::Yes => "M8 .5a7.500 7.500 0 1 0 0 15a7.500 7.500 0 1 0 0-15z",
            Self::No => "M5 .5h6l4.500 4.500v6l-4.500 4.500h-6l-4.500-4.500v-6z",
            Self::Look => "M8 .8l7.600 14h-15.200z",
            Self::Note => "M2 2h12v12h-12z",
            Self::Part | Self::Wait => "M8 1.300a6.700 6.700 0 1 0 0 13.400a6.700 6.700 0 1 0 0-13.400z",
        }
    }

    fn mark(self) -> &'static str {
        match self {
            Self::Yes => "M4.300 8.300l2.600 2.600l4.900-5.500",
            Self::No => "M5.200 5.200l5.600 5.600M10.800 5.200l-5.600 5.600",
            Self::Look => "M8 5.600v4.300M8 11.700v1.300",
            Self::Note => "M8 4.400v1.300M8 7.400v4.300",
            Self::Wait => "M8 4.400v3.800l2.600 1.700",
            Self::Part => "M8 1.300a6.700 6.700 0 0 0 0 13.400z",
        }
    }
}

impl Render for Sign {
    fn render(&self) -> Markup {
        html! {
            svg.sign.(self.class()) viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false" {
                path.outline d=(self.outline()) {}
                path.inner d=(self.mark()) {}
            }
        }
    }
}

/// A shape with its word.
pub fn state(sign: Sign, word: &str) -> Markup {
    html!(span.state.(sign.class()) { (sign) " " (word) })
}
