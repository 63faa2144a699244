//! Which patterns are worth trying on a stretch of text: each pattern needs certain words, and one automaton finds all
//! of these words in one pass, however many rules there are.
//!
//! From the syntax tree of a pattern we take *needs*: sets of literals of which at least one must stand in any match.
//! A pattern is tried only where every one of its needs is met. The rarest need is its key, so that a word costs only
//! the patterns that hang on it. A need may be too wide, never too narrow: what cannot be told is no need.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use regex_syntax::ast::{self, Ast};

use super::language::{Pack, Reads, Rule};
use super::spell::{self, Piece};

/// More needs of one pattern cost more than they save.
const NEEDS_MAX: usize = 5;
/// Shorter literals stand in every text; they are needs only where a pattern has no other.
const LITERAL_LEN_MIN: usize = 3;

/// Literals of which one must be there; sorted.
type Need = Vec<String>;

/// A pattern that waits for its words.
#[derive(Debug)]
struct Waiting {
    rule: usize,
    pattern: usize,
    /// Besides the key.
    needs: Vec<u32>,
}

/// The patterns of one pack by the words that they need.
#[derive(Debug)]
pub(super) struct Index {
    literals: Option<AhoCorasick>,
    /// For each literal the needs that it meets.
    meets: Vec<Vec<u32>>,
    /// For each stretch and need the patterns that hang on it.
    by_key: [Vec<Vec<Waiting>>; 3],
    /// For each stretch the patterns without needs.
    always: [Vec<Waiting>; 3],
    needs: usize,
}

/// A pattern worth trying: indices of rule and pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub rule: usize,
    pub pattern: usize,
}

/// Where the literals of a pack stand in a text.
#[derive(Debug)]
pub(super) struct Found<'a> {
    index: &'a Index,
    /// Start, end and number of each literal, by end.
    places: Vec<(u32, u32, u32)>,
    /// For each need the last stretch in which it was met.
    met: Vec<u32>,
    stretch: u32,
    here: Vec<u32>,
}

impl Index {
    /// Builds the index of a pack.
    pub(super) fn new(rules: &[Rule], pack: &Pack) -> Self {
        let mut maker = Maker { pack, lists: HashMap::new(), numbers: HashMap::new(), needs: Vec::new() };
        let mut waiting: Vec<(Reads, Option<u32>, Waiting)> = Vec::new();
        for rule in &pack.rules {
            let Some(written) = rules.get(*rule) else { continue };
            for (pattern, text) in written.matches.iter().enumerate() {
                let mut needs = maker.of_pattern(text.as_str());
                needs.sort_by_key(|need| maker.cost(need));
                needs.truncate(NEEDS_MAX);
                let mut numbers: Vec<u32> = needs.into_iter().map(|need| maker.number(need)).collect();
                let key = (!numbers.is_empty()).then(|| numbers.remove(0));
                waiting.push((written.reads, key, Waiting { rule: *rule, pattern, needs: numbers }));
            }
        }
        let mut index = Self {
            literals: None,
            meets: Vec::new(),
            by_key: [(); 3].map(|()| maker.needs.iter().map(|_| Vec::new()).collect()),
            always: [(); 3].map(|()| Vec::new()),
            needs: maker.needs.len(),
        };
        for (reads, key, pattern) in waiting {
            let keyed = key.and_then(|key| Some((key, usize::try_from(key).ok()?)));
            let (Some(by_key), Some(always)) =
                (index.by_key.get_mut(reads as usize), index.always.get_mut(reads as usize))
            else {
                continue;
            };
            match keyed.and_then(|(_, at)| by_key.get_mut(at)) {
                Some(list) => list.push(pattern),
                None => always.push(pattern),
            }
        }
        index.find_literals(&maker.needs);
        index
    }

    fn find_literals(&mut self, needs: &[Need]) {
        let mut literals: HashMap<&str, usize> = HashMap::new();
        let mut texts: Vec<&str> = Vec::new();
        for (number, need) in needs.iter().enumerate() {
            for literal in need {
                let at = *literals.entry(literal).or_insert_with(|| {
                    texts.push(literal);
                    self.meets.push(Vec::new());
                    texts.len() - 1
                });
                if let (Some(meets), Ok(number)) = (self.meets.get_mut(at), u32::try_from(number)) {
                    meets.push(number);
                }
            }
        }
        self.literals = AhoCorasickBuilder::new().match_kind(MatchKind::Standard).build(&texts).ok();
        if self.literals.is_none() {
            // Without the automaton every pattern is tried everywhere.
            for (by_key, always) in self.by_key.iter_mut().zip(&mut self.always) {
                always.extend(by_key.drain(..).flatten());
            }
        }
    }

    /// Looks for the literals in `text`.
    pub(super) fn find(&self, text: &[u8]) -> Found<'_> {
        let mut places = Vec::new();
        for found in self.literals.iter().flat_map(|literals| literals.find_overlapping_iter(text)) {
            let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            places.push((number(found.start()), number(found.end()), found.pattern().as_u32()));
        }
        Found { index: self, places, met: vec![0; self.needs], stretch: 0, here: Vec::new() }
    }
}

impl Found<'_> {
    /// The patterns that read `reads` and are worth trying on `stretch`.
    pub(super) fn candidates(&mut self, reads: Reads, stretch: &Range<usize>, out: &mut Vec<Candidate>) {
        out.clear();
        let (Some(by_key), Some(always)) =
            (self.index.by_key.get(reads as usize), self.index.always.get(reads as usize))
        else {
            return;
        };
        out.extend(always.iter().map(|w| Candidate { rule: w.rule, pattern: w.pattern }));
        self.stretch += 1;
        self.here.clear();
        let from = self.places.partition_point(|(_, end, _)| (*end as usize) <= stretch.start);
        for (start, end, literal) in self.places.iter().skip(from) {
            if *end as usize > stretch.end {
                break;
            }
            if (*start as usize) < stretch.start {
                continue;
            }
            for need in self.index.meets.get(*literal as usize).into_iter().flatten() {
                if let Some(met) = self.met.get_mut(*need as usize).filter(|met| **met != self.stretch) {
                    *met = self.stretch;
                    self.here.push(*need);
                }
            }
        }
        for need in &self.here {
            for waiting in by_key.get(*need as usize).into_iter().flatten() {
                let met = |need: &u32| self.met.get(*need as usize) == Some(&self.stretch);
                if waiting.needs.iter().all(met) {
                    out.push(Candidate { rule: waiting.rule, pattern: waiting.pattern });
                }
            }
        }
        out.sort_unstable();
    }
}

/// Stands for a list in a pattern that is parsed with its lists left folded up: a character for private use.
const LIST: u32 = 0xe000;

struct Maker<'a> {
    pack: &'a Pack,
    /// The need of each list; `None` when it has none, or while it is looked at.
    lists: HashMap<&'a str, Option<Need>>,
    numbers: HashMap<Need, u32>,
    needs: Vec<Need>,
}

impl<'a> Maker<'a> {
    fn number(&mut self, need: Need) -> u32 {
        if let Some(number) = self.numbers.get(&need) {
            return *number;
        }
        let number = u32::try_from(self.needs.len()).unwrap_or(u32::MAX);
        self.needs.push(need.clone());
        self.numbers.insert(need, number);
        number
    }

    fn of_pattern(&mut self, written: &str) -> Vec<Need> {
        let Some((folded_up, lists)) = self.fold_up(written) else { return Vec::new() };
        match ast::parse::Parser::new().parse(&folded_up) {
            Ok(tree) => useful(needs_of(&tree, &lists)),
            Err(_) => Vec::new(),
        }
    }

    /// The pattern with a character for each list, and the needs of these lists.
    fn fold_up(&mut self, written: &str) -> Option<(String, Vec<Option<Need>>)> {
        let mut out = String::new();
        let mut lists = Vec::new();
        for piece in spell::pieces(written) {
            match piece {
                Piece::Plain(text) => out.push_str(text),
                Piece::Gap(_) => out.push_str("(?:)"),
                Piece::List(name) => {
                    let number = u32::try_from(lists.len()).ok()?;
                    out.push(char::from_u32(LIST + number)?);
                    lists.push(self.of_list(name));
                }
            }
        }
        Some((out, lists))
    }

    fn of_list(&mut self, name: &str) -> Option<Need> {
        let pack = self.pack;
        let (name, words) = pack.lists.get_key_value(name)?;
        if let Some(need) = self.lists.get(name.as_str()) {
            return need.clone();
        }
        // A list inside itself ends here.
        self.lists.insert(name, None);
        let mut all: BTreeSet<String> = BTreeSet::new();
        let mut whole = true;
        for word in words {
            let needs = self.of_pattern(word);
            match needs.into_iter().min_by_key(|need| self.cost(need)) {
                Some(need) => all.extend(need),
                None => whole = false,
            }
        }
        let need = whole.then(|| shortest(all));
        self.lists.insert(name, need.clone());
        need
    }

    /// How often a need is met by chance: short literals and frequent words are bad keys.
    fn cost(&self, need: &Need) -> u32 {
        need.iter()
            .map(|literal| {
                let length: u32 = match literal.len() {
                    0..=2 => 60,
                    3 => 12,
                    4 => 4,
                    5 => 2,
                    _ => 1,
                };
                if self.pack.language.common.contains(literal) { length + 20 } else { length }
            })
            .sum()
    }
}

/// Needs with short literals are of no use beside others.
fn useful(needs: Vec<Need>) -> Vec<Need> {
    let long = |need: &&Need| need.iter().all(|literal| literal.len() >= LITERAL_LEN_MIN);
    let best: Vec<Need> = needs.iter().filter(long).cloned().collect();
    if best.is_empty() { needs } else { best }
}

/// Without literals that hold another one: where they stand, that one stands too.
fn shortest(all: BTreeSet<String>) -> Need {
    let holds =
        |literal: &String| all.iter().any(|other| other != literal && literal.contains(other.as_str()));
    all.iter().filter(|literal| !holds(literal)).cloned().collect()
}

/// What every match must hold.
fn needs_of(tree: &Ast, lists: &[Option<Need>]) -> Vec<Need> {
    match tree {
        Ast::Literal(literal) => match list_of(literal.c, lists) {
            Some(need) => need.iter().cloned().collect(),
            None => run(&literal.c.to_string()).into_iter().collect(),
        },
        Ast::Group(group) => needs_of(&group.ast, lists),
        Ast::Repetition(repetition) if at_least_once(&repetition.op.kind) => needs_of(&repetition.ast, lists),
        Ast::Concat(concat) => {
            let mut needs = Vec::new();
            let mut literal = String::new();
            for part in &concat.asts {
                match part {
                    Ast::Literal(l) if list_of(l.c, lists).is_none() => literal.push(l.c),
                    _ => {
                        needs.extend(run(&std::mem::take(&mut literal)));
                        needs.extend(needs_of(part, lists));
                    }
                }
            }
            needs.extend(run(&literal));
            needs
        }
        Ast::Alternation(alternation) => {
            let mut all = BTreeSet::new();
            for branch in &alternation.asts {
                let needs = useful(needs_of(branch, lists));
                // The longest literals are the rarest.
                let length = |need: &Need| need.iter().map(String::len).min().unwrap_or(0);
                match needs.into_iter().max_by_key(length) {
                    Some(need) => all.extend(need),
                    None => return Vec::new(),
                }
            }
            vec![shortest(all)]
        }
        _ => Vec::new(),
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

/// The need of the list that a character stands for.
fn list_of(c: char, lists: &[Option<Need>]) -> Option<&Option<Need>> {
    let number = u32::from(c).checked_sub(LIST)?;
    lists.get(usize::try_from(number).ok()?)
}

/// The longest word of a literal: between its words a comma may stand in the text.
fn run(literal: &str) -> Option<Need> {
    let word = literal.split(' ').rev().max_by_key(|word| word.len())?;
    (!word.is_empty()).then(|| vec![word.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(pattern: &str) -> Vec<Need> {
        let mut pack = Pack::default();
        pack.lists.insert("met".into(), vec!["met".into(), "fulfil(?:led)?".into()]);
        pack.lists.insert("any".into(), vec!["met".into(), "[a-z]+".into()]);
        let mut maker =
            Maker { pack: &pack, lists: HashMap::new(), numbers: HashMap::new(), needs: Vec::new() };
        maker.of_pattern(pattern)
    }

    #[test]
    fn needs_are_what_every_match_holds() {
        assert_eq!(
            needs("all <3>criteria (?:are )?{met}"),
            [vec!["all"], vec!["criteria"], vec!["fulfil", "met"]]
        );
        assert_eq!(needs("sign-?off|approv(?:al|ed)"), [vec!["approv", "sign"]]);
        assert_eq!(needs("no"), [vec!["no"]]);
        assert_eq!(needs("(?:yes)? (?:[a-z]+ ){1,3}now"), [vec!["now"]]);
        assert!(needs("{any}").is_empty() && needs(r"\d+").is_empty() && needs("yes|[a-z]+").is_empty());
        assert_eq!(needs("(?:yes|yes sir|no way) {any}"), [vec!["way", "yes"]]);
    }
}
