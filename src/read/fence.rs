//! Fenced code: what stands between two lines of three backticks (CommonMark §4.5) was put there by the author,
//! also where it looks like a signature or a tagline.

use super::attribution;
use super::header;
use super::lines::{Line, Mark};

/// Longest fenced block, in lines; a longer one is read like any other text.
const FENCE_LINES_MAX: usize = 120;
/// The name of the language behind the opening backticks is not longer than this, in bytes.
const INFO_BYTES_MAX: usize = 24;

/// What a line of backticks begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fence {
    /// A block of so many lines, both fences included.
    Block(usize),
    /// None; no line of the next so many begins one either.
    Not(usize),
}

/// The fenced block that begins at line `i`. A block that holds the head of a mail is pasted mail and none.
pub(super) fn find(lines: &[Line<'_>], i: usize) -> Fence {
    let Some(open) = lines.get(i) else { return Fence::Not(0) };
    // A `>` inside is a prompt or a tag; a fence that is quoted itself ends nothing.
    let closes = |l: &Line<'_>| l.depth == 0 && l.body.trim() == "```";
    let info = open.body.trim().strip_prefix("```");
    if open.mark != Mark::None
        || open.depth > 0
        || !info.is_some_and(|info| info.len() <= INFO_BYTES_MAX && !info.contains(['`', ' ']))
    {
        return Fence::Not(0);
    }
    let mut inside = lines.iter().skip(i + 1).take(FENCE_LINES_MAX).take_while(|l| l.mark == Mark::None);
    let Some(count) = inside.position(closes) else { return Fence::Not(0) };
    let head = |k: usize| {
        header::block(lines, k) > 0
            || lines.get(k).is_some_and(|l| header::divider(l).is_some())
            || attribution::find(lines, k).is_some()
    };
    if (i + 1..i + 1 + count).any(head) { Fence::Not(count + 2) } else { Fence::Block(count + 2) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::lines::plain_lines;

    #[test]
    fn blocks_end_at_their_fence() {
        assert_eq!(find(&plain_lines("```rust\n-- \nx\n```\nmore\n"), 0), Fence::Block(4));
        assert_eq!(find(&plain_lines("```\n```\n"), 0), Fence::Block(2));
        assert_eq!(find(&plain_lines("```\nnever closed\n"), 0), Fence::Not(0));
        assert_eq!(find(&plain_lines("```one two```\nx\n```\n"), 0), Fence::Not(0));
    }

    #[test]
    fn a_pasted_mail_is_no_code() {
        let text = "```\nFrom: Kim <kim@seller.example>\nTo: Dana\nSubject: x\n\nAll met.\n```\n";
        assert_eq!(find(&plain_lines(text), 0), Fence::Not(7));
        let text = "```\nOn 3 Nov 2026, Kim <kim@seller.example> wrote:\n> All met.\n```\n";
        assert_eq!(find(&plain_lines(text), 0), Fence::Not(4));
        assert_eq!(find(&plain_lines("```\n> a\n> ```\n"), 0), Fence::Not(0));
    }

    #[test]
    fn prompts_are_code() {
        assert_eq!(find(&plain_lines("```\n>>> run()\n> yes\n```\n"), 0), Fence::Block(4));
    }
}
