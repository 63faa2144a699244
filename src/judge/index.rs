//! Which patterns are worth trying on a stretch of text: each pattern needs certain words, and one automaton finds all
//! of these words in one pass, however many rules there are.
//!
//! From the syntax tree of a pattern we take *needs*: sets of literals of which at least one must stand in any match.
//! A pattern is tried only where every one of its needs is met. The rarest need is its key, so that a word costs only
//! the patterns that hang on it. A need may be too wide, never too narrow: what cannot be told is no need.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use regex_syntax::ast;

use super::language::{Pack, Reads, Rule};
use super::needs::{self, Need, best, cost, is_word, shortest, useful};
use super::spell::{self, Piece};

/// More needs of one pattern cost more than they save.
const NEEDS_MAX: usize = 3;

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
    /// For each stretch and literal the needs that it meets, each with where the literal must stand: 0 anywhere, 1 at
    /// the start of a word, 2 at its end, 3 as a whole word.
    meets: [Vec<Vec<(u32, u8)>>; 3],
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
    /// The literals, by end.
    places: Vec<Place>,
    /// For each need the last stretch in which it was met.
    met: Vec<u32>,
    stretch: u32,
    here: Vec<u32>,
}

/// A literal in the text.
#[derive(Debug)]
struct Place {
    start: u32,
    end: u32,
    literal: u32,
    /// 1 at the start of a word, 2 at its end, 3 both.
    place: u8,
}

impl Index {
    /// Builds the index of a pack.
    pub(super) fn new(rules: &[Rule], pack: &Pack) -> Self {
        let mut maker = Maker { pack, lists: HashMap::new(), numbers: HashMap::new(), needs: Vec::new() };
        let mut waiting: Vec<(Reads, Option<u32>, Waiting)> = Vec::new();
        for rule in &pack.rules {
            let Some(written) = rules.get(*rule) else { continue };
            for (pattern, text) in written.matches.iter().enumerate() {
                let needs = maker.of_pattern(text.as_str());
                let mut numbers: Vec<u32> = needs.into_iter().map(|need| maker.number(need)).collect();
                let key = (!numbers.is_empty()).then(|| numbers.remove(0));
                waiting.push((written.reads, key, Waiting { rule: *rule, pattern, needs: numbers }));
            }
        }
        let mut index = Self {
            literals: None,
            meets: [(); 3].map(|()| Vec::new()),
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
        let used = self.by_key.each_ref().map(|by_key| used_needs(by_key));
        let mut literals: HashMap<&str, usize> = HashMap::new();
        let mut texts: Vec<&str> = Vec::new();
        for (number, need) in needs.iter().enumerate() {
            for literal in need {
                let at = *literals.entry(&literal.text).or_insert_with(|| {
                    texts.push(&literal.text);
                    self.meets.iter_mut().for_each(|meets| meets.push(Vec::new()));
                    texts.len() - 1
                });
                let Ok(number) = u32::try_from(number) else { continue };
                for (meets, used) in self.meets.iter_mut().zip(&used) {
                    if let Some(meets) = meets.get_mut(at).filter(|_| used.contains(&number)) {
                        meets.push((number, literal.place()));
                    }
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
            let before = found.start().checked_sub(1).and_then(|at| text.get(at));
            places.push(Place {
                start: number(found.start()),
                end: number(found.end()),
                literal: found.pattern().as_u32(),
                place: u8::from(!before.is_some_and(is_word))
                    | u8::from(!text.get(found.end()).is_some_and(is_word)) << 1,
            });
        }
        Found { index: self, places, met: vec![0; self.needs], stretch: 0, here: Vec::new() }
    }
}

impl Found<'_> {
    /// The patterns that read `reads` and are worth trying on `stretch`.
    pub(super) fn candidates(&mut self, reads: Reads, stretch: &Range<usize>, out: &mut Vec<Candidate>) {
        out.clear();
        let at = reads as usize;
        let index = self.index;
        let (Some(by_key), Some(always), Some(meets)) =
            (index.by_key.get(at), index.always.get(at), index.meets.get(at))
        else {
            return;
        };
        out.extend(always.iter().map(|w| Candidate { rule: w.rule, pattern: w.pattern }));
        self.stretch += 1;
        self.here.clear();
        let from = self.places.partition_point(|place| (place.end as usize) <= stretch.start);
        for place in self.places.iter().skip(from) {
            if place.end as usize > stretch.end {
                break;
            }
            if (place.start as usize) < stretch.start {
                continue;
            }
            for (need, must) in meets.get(place.literal as usize).into_iter().flatten() {
                if must & !place.place != 0 {
                    continue;
                }
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

/// The needs that patterns of one stretch have.
fn used_needs(by_key: &[Vec<Waiting>]) -> HashSet<u32> {
    let keyed = (0u32..).zip(by_key).filter(|(_, waiting)| !waiting.is_empty());
    keyed.flat_map(|(key, waiting)| waiting.iter().flat_map(|w| w.needs.clone()).chain([key])).collect()
}

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

    /// The needs of a pattern that holds to whole words at its ends as [`spell`] says.
    fn of_pattern(&mut self, written: &str) -> Vec<Need> {
        let (start, end) = if self.pack.language.words { spell::bounds(written) } else { (false, false) };
        let mut needs = self.of_piece(written);
        for literal in needs.iter_mut().flatten() {
            literal.close(start, end);
            if !self.pack.language.words {
                literal.open();
            }
        }
        let mut needs: Vec<Need> = useful(needs.into_iter().map(shortest).collect());
        needs.sort_by_key(|need| cost(need, &self.pack.language));
        needs.dedup();
        // Beside a rarer word a frequent small one tells little, and it stands in every sentence.
        let common = &self.pack.language.common;
        let frequent = |need: &Need| need.iter().any(|literal| common.contains(&literal.text));
        let mut first = true;
        needs.retain(|need| std::mem::take(&mut first) || !frequent(need));
        needs.truncate(NEEDS_MAX);
        needs
    }

    /// The needs of a pattern or list entry, whatever stands beside it.
    fn of_piece(&mut self, written: &str) -> Vec<Need> {
        let Some((folded_up, lists)) = self.fold_up(written) else { return Vec::new() };
        match ast::parse::Parser::new().parse(&folded_up) {
            Ok(tree) => needs::of(&tree, &lists),
            Err(_) => Vec::new(),
        }
    }

    /// The pattern with a character for each list and gap, and the needs of these lists.
    fn fold_up(&mut self, written: &str) -> Option<(String, Vec<Option<Need>>)> {
        let mut out = String::new();
        let mut lists = Vec::new();
        for piece in spell::pieces(written) {
            match piece {
                Piece::Plain(text) => out.push_str(text),
                Piece::Gap(_) if self.pack.language.words => out.push(needs::GAP),
                Piece::Gap(_) => out.push_str("(?:)"),
                Piece::List(name) => {
                    let number = u32::try_from(lists.len()).ok()?;
                    out.push(char::from_u32(needs::LIST + number)?);
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
        let mut all = Need::new();
        let mut whole = true;
        for word in words {
            match best(self.of_piece(word)) {
                Some(need) => all.extend(need),
                None => whole = false,
            }
        }
        let need = whole.then_some(all);
        self.lists.insert(name, need.clone());
        need
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(pattern: &str) -> Vec<String> {
        let mut pack = Pack::default();
        pack.lists.insert("met".into(), vec!["met".into(), "fulfil(?:led)?".into()]);
        pack.lists.insert("any".into(), vec!["met".into(), "[a-z]+".into()]);
        let mut maker =
            Maker { pack: &pack, lists: HashMap::new(), numbers: HashMap::new(), needs: Vec::new() };
        let written = |need: &Need| need.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let mut needs: Vec<String> = maker.of_pattern(pattern).iter().map(written).collect();
        needs.sort();
        needs
    }

    #[test]
    fn needs_are_what_every_match_holds() {
        assert_eq!(needs("all <3>criteria (?:are )?{met}"), ["|all|", "|criteria|", "|fulfil,|met|"]);
        assert_eq!(needs("sign-?offs?|approv(?:al|ed)"), ["|approv,|sign"]);
        assert_eq!(needs("(?:yes)? (?:[a-z]+ ){1,3}as if"), ["|as|", "|if|"]);
        assert!(needs("{any}").is_empty() && needs("[a-z]+").is_empty() && needs("yes|[a-z]+").is_empty());
    }

    #[test]
    fn a_match_never_lacks_a_need() {
        for (pattern, texts) in [
            ("sign-?off|approv(?:al|ed)", &["signoff", "sign-off", "approval", "approved"][..]),
            ("(?:re)?tested (?:it )?ok", &["tested ok", "retested it ok"]),
            (
                "(?:the |our )*(?:team|lab)s? (?:[a-z]+ ){0,2}agrees?",
                &["our labs fully agree", "team agrees"],
            ),
            ("yes(?: sir)?,? {met}", &["yes sir, met", "yes fulfilled"]),
            (r"\d{1,2} ?%", &["43%", "5 %"]),
            ("(?:no|not)(?: a)? {any}", &["no x", "not a met"]),
            ("^as if|x$", &["as if", "x"]),
        ] {
            let mut pack = Pack::default();
            pack.lists.insert("met".into(), vec!["met".into(), "fulfil(?:led)?".into()]);
            pack.lists.insert("any".into(), vec!["met".into(), "[a-z]+".into()]);
            let regex = spell::compile(&pack, Reads::Clause, pattern).unwrap();
            let mut maker =
                Maker { pack: &pack, lists: HashMap::new(), numbers: HashMap::new(), needs: Vec::new() };
            let needs = maker.of_pattern(pattern);
            for text in texts {
                assert!(regex.is_match(text.as_bytes()), "{pattern} {text}");
                let met = |need: &Need| need.iter().any(|literal| literal.stands_in(text.as_bytes()));
                assert!(needs.iter().all(met), "{pattern} {text} {needs:?}");
            }
        }
    }
}
