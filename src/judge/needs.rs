//! What a pattern needs: from its syntax tree, sets of literals of which one must stand in any match.

use regex_syntax::ast::{self, Ast};

use super::language::Language;

/// Shorter literals that are no whole words stand in every text.
const LITERAL_LEN_MIN: usize = 3;

/// Stands for a list in a pattern that is parsed with its lists left folded up: a character for private use.
pub(super) const LIST: u32 = 0xe000;
/// Stands for a gap of words: nothing, or words and a space.
pub(super) const GAP: char = '\u{f8ff}';

/// What stands beside a literal in every match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Edge {
    /// Perhaps a letter.
    Open,
    /// What stands beside the piece of pattern that it comes from.
    Outer,
    /// No letter: a space or an end.
    Closed,
}

/// A piece of text that a match holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Literal {
    pub text: String,
    left: Edge,
    right: Edge,
}

/// Literals of which one must be there.
pub(super) type Need = Vec<Literal>;

impl Literal {
    /// Says what stands outside.
    pub(super) fn close(&mut self, start: bool, end: bool) {
        let told = |edge: Edge, closed: bool| match edge {
            Edge::Outer if closed => Edge::Closed,
            Edge::Closed => Edge::Closed,
            _ => Edge::Open,
        };
        self.left = told(self.left, start);
        self.right = told(self.right, end);
    }

    /// Lets letters stand beside it: in a language without words they do.
    pub(super) fn open(&mut self) {
        (self.left, self.right) = (Edge::Open, Edge::Open);
    }

    /// 0 anywhere, 1 at the start of a word, 2 at its end, 3 as a whole word.
    pub(super) fn place(&self) -> u8 {
        u8::from(self.left == Edge::Closed) | u8::from(self.right == Edge::Closed) << 1
    }

    #[cfg(test)]
    pub(super) fn stands_in(&self, text: &[u8]) -> bool {
        let piece = self.text.as_bytes();
        text.windows(piece.len()).enumerate().any(|(at, window)| {
            let before = at.checked_sub(1).and_then(|at| text.get(at));
            window == piece
                && !(self.left == Edge::Closed && before.is_some_and(is_word))
                && !(self.right == Edge::Closed && text.get(at + piece.len()).is_some_and(is_word))
        })
    }
}

impl std::fmt::Display for Literal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let edge = |edge: Edge| if edge == Edge::Closed { "|" } else { "" };
        write!(f, "{}{}{}", edge(self.left), self.text, edge(self.right))
    }
}

/// A letter or digit for `\b` in folded text. Letters beyond ASCII bound nothing here: then the literal is looked for
/// more often than it need be.
pub(super) fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

/// How often a need is met by chance: short literals and frequent words are bad keys.
pub(super) fn cost(need: &Need, language: &Language) -> u32 {
    need.iter()
        .map(|literal| {
            let whole = literal.place() == 3;
            let length: u32 = match literal.text.len() {
                0..=2 if !whole => 80,
                0..=3 if !whole => 12,
                0..=3 => 6,
                4 => 3,
                5 => 2,
                _ => 1,
            };
            if language.common.contains(&literal.text) { length + 20 } else { length }
        })
        .sum()
}

/// Without needs that every text meets, if others are left.
pub(super) fn useful(needs: Vec<Need>) -> Vec<Need> {
    let rare = |literal: &Literal| literal.text.len() >= LITERAL_LEN_MIN || literal.place() == 3;
    let best: Vec<Need> = needs.iter().filter(|need| need.iter().all(rare)).cloned().collect();
    if best.is_empty() { needs } else { best }
}

/// Without literals that hold another one: where they stand, that one stands too.
pub(super) fn shortest(mut need: Need) -> Need {
    need.sort();
    need.dedup();
    let anywhere: Vec<String> = need.iter().filter(|l| l.place() == 0).map(|l| l.text.clone()).collect();
    need.retain(|l| !anywhere.iter().any(|short| *short != l.text && l.text.contains(short.as_str())));
    need
}

/// The need that is met least by chance, as far as the literals alone tell.
pub(super) fn best(needs: Vec<Need>) -> Option<Need> {
    let length = |need: &Need| need.iter().map(|literal| literal.text.len()).min().unwrap_or(0);
    needs.into_iter().max_by_key(length)
}

/// What every match of `tree` holds.
pub(super) fn of(tree: &Ast, lists: &[Option<Need>]) -> Vec<Need> {
    match tree {
        Ast::Literal(literal) => of_parts(&[Ast::Literal(literal.clone())], lists),
        Ast::Concat(concat) => of_parts(&concat.asts, lists),
        Ast::Group(group) => of(&group.ast, lists),
        Ast::ClassPerl(class) if class.kind == ast::ClassPerlKind::Digit && !class.negated => {
            let digit = |c: char| Literal { text: c.to_string(), left: Edge::Open, right: Edge::Open };
            vec![('0'..='9').map(digit).collect()]
        }
        Ast::Repetition(repetition) if at_least_once(&repetition.op.kind) => {
            let mut needs = of(&repetition.ast, lists);
            // Beside one round stands another.
            needs.iter_mut().flatten().for_each(|literal| literal.close(false, false));
            needs
        }
        Ast::Alternation(alternation) => {
            let mut all = Need::new();
            for branch in &alternation.asts {
                match best(of(branch, lists)) {
                    Some(need) => all.extend(need),
                    None => return Vec::new(),
                }
            }
            vec![all]
        }
        _ => Vec::new(),
    }
}

/// Parts in a row: letters that follow each other make one literal, and each part closes the edges of the next.
fn of_parts(parts: &[Ast], lists: &[Option<Need>]) -> Vec<Need> {
    // What closes the right edge of each part stands behind it.
    let mut behind = vec![Edge::Outer; parts.len()];
    let mut edge = Edge::Outer;
    for (at, part) in parts.iter().enumerate().rev() {
        if let Some(slot) = behind.get_mut(at) {
            *slot = edge;
        }
        edge = beyond(part, edge, |part| spaced(part, false));
    }
    let mut needs = Vec::new();
    let mut left = Edge::Outer;
    let mut text = String::new();
    let mut text_left = Edge::Outer;
    let mut previous = Edge::Outer;
    for (part, right) in parts.iter().zip(behind) {
        match part {
            Ast::Literal(l) if !stands_for(l.c, lists) => {
                if text.is_empty() {
                    text_left = left;
                }
                text.push(l.c);
            }
            _ => {
                needs.extend(words(&std::mem::take(&mut text), text_left, previous));
                let inner = match part {
                    Ast::Literal(l) => list_of(l.c, lists).into_iter().cloned().collect(),
                    _ => of(part, lists),
                };
                needs.extend(inner.into_iter().map(|need| within(need, left, right)));
            }
        }
        previous = right;
        left = beyond(part, left, |part| spaced(part, true));
    }
    needs.extend(words(&text, text_left, previous));
    needs
}

/// The need of a part between these edges.
fn within(mut need: Need, left: Edge, right: Edge) -> Need {
    for literal in &mut need {
        if literal.left == Edge::Outer {
            literal.left = left;
        }
        if literal.right == Edge::Outer {
            literal.right = right;
        }
    }
    need
}

/// The words of a literal, each a need: between them a comma may stand in the text.
fn words(text: &str, left: Edge, right: Edge) -> Vec<Need> {
    let count = text.split(' ').count();
    let word = |(i, word): (usize, &str)| {
        let left = if i == 0 { left } else { Edge::Closed };
        let right = if i + 1 == count { right } else { Edge::Closed };
        (!word.is_empty()).then(|| vec![Literal { text: word.to_owned(), left, right }])
    };
    text.split(' ').enumerate().filter_map(word).collect()
}

/// The edge beyond a part, seen from before it.
fn beyond(part: &Ast, edge: Edge, spaced: impl Fn(&Ast) -> bool) -> Edge {
    match (may_be_empty(part), spaced(part)) {
        (true, true) => edge,
        (false, true) => Edge::Closed,
        (_, false) => Edge::Open,
    }
}

fn may_be_empty(tree: &Ast) -> bool {
    match tree {
        Ast::Literal(literal) => literal.c == GAP,
        Ast::Group(group) => may_be_empty(&group.ast),
        Ast::Repetition(repetition) => !at_least_once(&repetition.op.kind) || may_be_empty(&repetition.ast),
        Ast::Concat(concat) => concat.asts.iter().all(may_be_empty),
        Ast::Alternation(alternation) => alternation.asts.iter().any(may_be_empty),
        Ast::Empty(_) | Ast::Flags(_) => true,
        // `^`, `$` and `\b` are edges.
        _ => false,
    }
}

/// Whether every match that is not empty ends (or starts) with a space or at an edge.
fn spaced(tree: &Ast, at_end: bool) -> bool {
    match tree {
        Ast::Literal(literal) => literal.c == ' ' || (literal.c == GAP && at_end),
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

fn at_least_once(kind: &ast::RepetitionKind) -> bool {
    use ast::RepetitionRange::{AtLeast, Bounded, Exactly};
    match kind {
        ast::RepetitionKind::ZeroOrOne | ast::RepetitionKind::ZeroOrMore => false,
        ast::RepetitionKind::OneOrMore => true,
        ast::RepetitionKind::Range(Exactly(n) | AtLeast(n) | Bounded(n, _)) => *n > 0,
    }
}

fn stands_for(c: char, lists: &[Option<Need>]) -> bool {
    c == GAP || u32::from(c).checked_sub(LIST).is_some_and(|n| (n as usize) < lists.len())
}

/// The need of the list that a character stands for.
fn list_of(c: char, lists: &[Option<Need>]) -> Option<&Need> {
    let number = u32::from(c).checked_sub(LIST)?;
    lists.get(usize::try_from(number).ok()?)?.as_ref()
}
