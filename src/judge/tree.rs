//! Patterns as trees: what is asked of their parts.

use regex_syntax::ast::{self, Ast};

use super::spell::{self, Piece};

/// Lists and gaps stand as characters for private use in a pattern that is parsed with its lists left folded up: from
/// here on lists by their order in the pattern,
const LIST: u32 = 0xe000;
/// and from here on gaps by the number of words that they span: nothing, or words and a space.
const GAP: u32 = 0xf8e0;
/// The last of them.
const GAP_LAST: u32 = 0xf8ff;

/// What a character stands for: the n-th list of the pattern, or a gap of so many words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    List(usize),
    Gap(u8),
}

/// A pattern with a character for each list and gap, and the names of these lists.
pub(super) fn fold_up(written: &str) -> Option<(String, Vec<&str>)> {
    let mut out = String::new();
    let mut names = Vec::new();
    for piece in spell::pieces(written) {
        match piece {
            Piece::Plain(text) => out.push_str(text),
            Piece::Gap(count) => out.push(char::from_u32(GAP + u32::try_from(count).ok()?)?),
            Piece::List(name) => {
                let number = LIST + u32::try_from(names.len()).ok()?;
                out.push(char::from_u32(number).filter(|_| number < GAP)?);
                names.push(name);
            }
        }
    }
    Some((out, names))
}

/// What a character of a folded-up pattern stands for.
pub(super) fn stand(c: char) -> Option<Stand> {
    match u32::from(c) {
        c @ LIST..GAP => Some(Stand::List((c - LIST) as usize)),
        c @ GAP..=GAP_LAST => u8::try_from(c - GAP).ok().map(Stand::Gap),
        _ => None,
    }
}

/// Whether a match of the tree may be empty.
pub(super) fn may_be_empty(tree: &Ast) -> bool {
    match tree {
        Ast::Literal(literal) => is_gap(literal.c),
        Ast::Group(group) => may_be_empty(&group.ast),
        Ast::Repetition(repetition) => rounds(&repetition.op.kind).0 == 0 || may_be_empty(&repetition.ast),
        Ast::Concat(concat) => concat.asts.iter().all(may_be_empty),
        Ast::Alternation(alternation) => alternation.asts.iter().any(may_be_empty),
        Ast::Empty(_) | Ast::Flags(_) => true,
        // `^`, `$` and `\b` are edges.
        _ => false,
    }
}

/// Whether every match that is not empty ends (or starts) with a space or at an edge.
pub(super) fn spaced(tree: &Ast, at_end: bool) -> bool {
    match tree {
        Ast::Literal(literal) => literal.c == ' ' || (is_gap(literal.c) && at_end),
        Ast::Group(group) => spaced(&group.ast, at_end),
        Ast::Repetition(repetition) => spaced(&repetition.ast, at_end),
        Ast::Alternation(alternation) => alternation.asts.iter().all(|branch| spaced(branch, at_end)),
        Ast::Concat(concat) => {
            let mut parts: Vec<&Ast> = concat.asts.iter().collect();
            if at_end {
                parts.reverse();
            }
            for part in parts {
                if !spaced(part, at_end) {
                    return false;
                }
                if !may_be_empty(part) {
                    return true;
                }
            }
            true
        }
        Ast::Assertion(assertion) => matches!(
            assertion.kind,
            ast::AssertionKind::StartLine | ast::AssertionKind::EndLine | ast::AssertionKind::WordBoundary
        ),
        Ast::Empty(_) | Ast::Flags(_) => true,
        _ => false,
    }
}

/// The least and the most rounds of a repetition.
pub(super) fn rounds(kind: &ast::RepetitionKind) -> (u32, Option<u32>) {
    use ast::RepetitionRange::{AtLeast, Bounded, Exactly};
    match kind {
        ast::RepetitionKind::ZeroOrOne => (0, Some(1)),
        ast::RepetitionKind::ZeroOrMore => (0, None),
        ast::RepetitionKind::OneOrMore => (1, None),
        ast::RepetitionKind::Range(Exactly(n)) => (*n, Some(*n)),
        ast::RepetitionKind::Range(AtLeast(n)) => (*n, None),
        ast::RepetitionKind::Range(Bounded(few, many)) => (*few, Some(*many)),
    }
}

fn is_gap(c: char) -> bool {
    matches!(stand(c), Some(Stand::Gap(_)))
}
