//! Which patterns are worth trying on a stretch of text: each pattern needs certain words, and one automaton finds all
//! of these words in one pass, however many rules there are.
//!
//! From the syntax tree of a pattern we take *needs*: sets of literals of which at least one must stand in any match.
//! A pattern is tried only where every one of its needs is met. The rarest need is its key, so that a word costs only
//! the patterns that hang on it. A need may be too wide, never too narrow: what cannot be told is no need.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Mutex;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

use super::cutter::Cutter;
use super::language::{AnyPattern, Example, Pack, Reads, Rule};
use super::skeleton::{CELLS_MAX, Cells, Key, List, Memo, Row, Skeleton, Step, bit, key, key_of_step, up_to};
use crate::text::squeeze;

/// What a word costs for each time that it stands in an example.
const COUNT_COST: u32 = 16;
/// Longer runs of letters are no words of a language with spaces, and are not kept.
const TOKEN_LEN_MAX: usize = 24;
/// So many words of tokens are kept, and an eighth of it of tokens.
const KNOWN_MAX: usize = 1 << 18;
/// More words than these take longer to look for than the pattern itself.
const BESIDE_MAX: usize = 24;

/// A pattern that waits for its words.
#[derive(Debug)]
struct Waiting {
    candidate: Candidate,
    reads: Reads,
    skeleton: Skeleton,
}

/// What must or must not stand beside the matches of a rule, where it is looked for in the same sentence.
#[derive(Debug)]
struct Beside {
    near: Reads,
    unless: Vec<Hung>,
    when: Vec<Hung>,
}

/// A pattern with words of which one must be there; with none it is looked for everywhere.
#[derive(Debug)]
struct Hung {
    words: Vec<u32>,
    skeleton: Skeleton,
}

/// Which of the `unless` and `when` patterns of a rule are worth trying: a bit for each, the last one for all the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Open {
    pub unless: u64,
    pub when: u64,
}

impl Open {
    const ALL: Self = Self { unless: u64::MAX, when: u64::MAX };
}

/// What a word wakes.
#[derive(Debug, Clone, Copy)]
struct Wakes {
    /// Index in `waiting`.
    waiting: u32,
    /// One way of one step, when the word stands in that way alone.
    way: Option<(u16, u16)>,
    /// Where in `beside` the words are of which one must be there too.
    beside: (u32, u32),
    /// Tells wakes apart.
    number: u32,
}

/// The patterns of one pack by the words that they need.
#[derive(Debug)]
pub(super) struct Index {
    pieces: Option<AhoCorasick>,
    /// For each piece of text its words, each with where the piece must stand: 0 anywhere, 1 at the start of a word,
    /// 2 at its end, 3 as a whole word.
    words: Vec<Vec<(u32, u8)>>,
    waiting: Vec<Waiting>,
    /// By rule.
    besides: HashMap<usize, Beside>,
    /// For each word what hangs on it: patterns that read sentences or clauses, and those that read texts.
    wakes: [Vec<Vec<Wakes>>; 2],
    /// The patterns without a word that every match must hold.
    always: [Vec<Wakes>; 2],
    beside: Vec<u32>,
    /// How many wakes there are.
    hung: u32,
    lists: Vec<List>,
    /// For each word the lists that have it, and the phrases of lists that hang on it.
    lists_of: Vec<Vec<u32>>,
    phrases_of: Vec<Vec<(u32, u32)>>,
    /// One for each text that is being read at the same time.
    desks: Mutex<Vec<Desk>>,
}

/// A pattern worth trying: indices of rule and pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub rule: usize,
    pub pattern: usize,
}

/// A pattern worth trying on a stretch: 0 is the sentence or text itself, from 1 on its clauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Woken {
    pub stretch: usize,
    pub candidate: Candidate,
    pub open: Open,
}

/// Where the words of a pack stand in a text.
#[derive(Debug)]
pub(super) struct Found<'a> {
    index: &'a Index,
    /// For each byte of the text how many spaces are before it.
    spaces: &'a [u32],
    desk: Desk,
}

/// What reading a text needs to write on. It is kept for the next text: it is large and mostly zero.
#[derive(Debug, Default)]
struct Desk {
    /// The words of each token that was seen before, as a range of `known`.
    tokens: HashMap<Box<[u8]>, (u32, u32)>,
    known: Vec<u32>,
    /// The short tokens of the text in order.
    here_tokens: Vec<Token>,
    /// The pieces of text in long tokens, by end.
    places: Vec<Place>,
    /// For each word where in `cells` it is; 0 for words that are not there.
    slots: Vec<u16>,
    cells: Vec<Cells>,
    /// The words that are there.
    here: Vec<u32>,
    /// For each wake the last stretch in which it was looked at.
    seen: Vec<u32>,
    stretch: u32,
    memo: Memo,
}

/// Letters between spaces, with its words as a range of `known`.
#[derive(Debug)]
struct Token {
    start: u32,
    end: u32,
    words: (u32, u32),
}

/// A piece of text where it stands.
#[derive(Debug)]
struct Place {
    start: u32,
    end: u32,
    piece: u32,
    /// 1 at the start of a word, 2 at its end, 3 both.
    place: u8,
}

impl Index {
    /// Builds the index of a pack.
    pub(super) fn new(rules: &[Rule], pack: &Pack) -> Self {
        let mut cutter = Cutter::new(pack);
        let mut waiting = Vec::new();
        let mut besides = HashMap::new();
        for rule in &pack.rules {
            let Some(written) = rules.get(*rule) else { continue };
            for (pattern, text) in written.matches.iter().enumerate() {
                let candidate = Candidate { rule: *rule, pattern };
                let skeleton = cutter.of_pattern(text.as_str());
                waiting.push(Waiting { candidate, reads: written.reads, skeleton });
            }
            let any = !written.unless.patterns().is_empty() || !written.when.patterns().is_empty();
            if any && written.near != Reads::Text {
                let mut cut = |any: &AnyPattern| -> Vec<Hung> {
                    let skeletons = any.patterns().iter().map(|pattern| cutter.of_pattern(pattern.as_str()));
                    skeletons.map(|skeleton| Hung { words: Vec::new(), skeleton }).collect()
                };
                let (unless, when) = (cut(&written.unless), cut(&written.when));
                besides.insert(*rule, Beside { near: written.near, unless, when });
            }
        }
        let (words, lists) = cutter.done();
        let mut index = Self {
            pieces: None,
            words: Vec::new(),
            wakes: [(); 2].map(|()| words.iter().map(|_| Vec::new()).collect()),
            always: [(); 2].map(|()| Vec::new()),
            beside: Vec::new(),
            hung: 0,
            waiting,
            besides,
            lists_of: lists_of(words.len(), &lists),
            phrases_of: vec![Vec::new(); words.len()],
            lists,
            desks: Mutex::default(),
        };
        index.find_pieces(&words);
        let examples = pack.rules.iter().filter_map(|rule| rules.get(*rule));
        let counts = index.count(examples.flat_map(|rule| rule.hits.iter().chain(&rule.misses)), words.len());
        let cost = |word: u32| counts.get(word as usize).copied().unwrap_or(0) * COUNT_COST + 1;
        index.hang(&cost);
        index.hang_phrases(&cost);
        index.hang_besides(&cost);
        index
    }

    fn find_pieces(&mut self, words: &HashMap<(String, u8), u32>) {
        let mut pieces: BTreeMap<&str, Vec<(u32, u8)>> = BTreeMap::new();
        for ((text, place), number) in words {
            pieces.entry(text).or_default().push((*number, *place));
        }
        self.pieces = AhoCorasickBuilder::new().match_kind(MatchKind::Standard).build(pieces.keys()).ok();
        if self.pieces.is_none() {
            // Without the automaton no word is found, and every pattern is tried everywhere.
            self.waiting.iter_mut().for_each(|waiting| waiting.skeleton = Skeleton::default());
            self.besides.clear();
        }
        self.words = pieces.into_values().collect();
    }

    /// How often each word stands in the examples of the pack: so it may in mail.
    fn count<'e>(&self, examples: impl Iterator<Item = &'e Example>, words: usize) -> Vec<u32> {
        let mut counts = vec![0; words];
        let text = examples.map(|example| squeeze(&example.text)).collect::<Vec<_>>().join(" ");
        let mut places = Vec::new();
        self.places(text.as_bytes(), 0, &mut places);
        for place in places {
            for word in self.words_of(&place) {
                counts.get_mut(word as usize).into_iter().for_each(|count: &mut u32| *count += 1);
            }
        }
        counts
    }

    /// Hangs each pattern on its rarest words, and each way of an alternation on its own.
    fn hang(&mut self, cost: &dyn Fn(u32) -> u32) {
        let waiting = std::mem::take(&mut self.waiting);
        for (number, waiting) in (0u32..).zip(&waiting) {
            let kind = usize::from(waiting.reads == Reads::Text);
            let mut keys = keys(&waiting.skeleton, &self.lists, cost).into_iter();
            let first = keys.next();
            let others: Vec<Key> = keys.map(|(_, key)| key).collect();
            let step = first.as_ref().map(|(step, _)| *step);
            match step.and_then(|step| waiting.skeleton.get(step)) {
                Some(Step::Ways(ways)) => {
                    for (way, skeleton) in (0u16..).zip(ways) {
                        let mut keys: Vec<Key> =
                            self::keys(skeleton, &self.lists, cost).into_iter().map(|(_, key)| key).collect();
                        keys.extend(others.iter().cloned());
                        let step = step.and_then(|step| u16::try_from(step).ok());
                        self.hang_one(kind, number, step.map(|step| (step, way)), &keys);
                    }
                }
                _ => {
                    let keys: Vec<Key> = first.into_iter().map(|(_, key)| key).chain(others).collect();
                    self.hang_one(kind, number, None, &keys);
                }
            }
        }
        self.waiting = waiting;
    }

    /// Hangs each phrase of a list on its rarest words.
    fn hang_phrases(&mut self, cost: &dyn Fn(u32) -> u32) {
        let mut loose = vec![Vec::new(); self.lists.len()];
        for ((number, list), loose) in (0u32..).zip(&self.lists).zip(&mut loose) {
            for (phrase, (_, skeleton)) in (0u32..).zip(&list.phrases) {
                match key(skeleton, &self.lists, cost) {
                    Some(key) => {
                        for word in key.words.into_iter().collect::<BTreeSet<u32>>() {
                            let phrases = self.phrases_of.get_mut(word as usize);
                            phrases.into_iter().for_each(|phrases| phrases.push((number, phrase)));
                        }
                    }
                    None => loose.push(phrase),
                }
            }
        }
        self.lists.iter_mut().zip(loose).for_each(|(list, loose)| list.loose = loose);
    }

    /// Hangs what stands beside matches on its rarest words.
    fn hang_besides(&mut self, cost: &dyn Fn(u32) -> u32) {
        let all =
            self.besides.values_mut().flat_map(|beside| beside.unless.iter_mut().chain(&mut beside.when));
        for hung in all {
            let key = key(&hung.skeleton, &self.lists, cost).filter(|key| key.words.len() <= BESIDE_MAX);
            hung.words = key.map(|key| key.words).unwrap_or_default();
        }
    }

    /// Hangs a pattern, or one way of it, on the first of its keys; beside it the cheapest other one must be met.
    fn hang_one(&mut self, kind: usize, waiting: u32, way: Option<(u16, u16)>, keys: &[Key]) {
        let beside = keys.get(1..).unwrap_or_default().iter().filter(|key| key.words.len() <= BESIDE_MAX);
        let from = self.beside.len();
        self.beside.extend(beside.min_by_key(|key| key.cost).into_iter().flat_map(|key| &key.words));
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let beside = (number(from), number(self.beside.len()));
        let wake = Wakes { waiting, way, beside, number: self.hung };
        self.hung += 1;
        match keys.first() {
            None => self.always.get_mut(kind).into_iter().for_each(|always| always.push(wake)),
            Some(key) => {
                let words: BTreeSet<u32> = key.words.iter().copied().collect();
                for word in words {
                    let list = self.wakes.get_mut(kind).and_then(|wakes| wakes.get_mut(word as usize));
                    list.into_iter().for_each(|list| list.push(wake));
                }
            }
        }
    }

    /// Where pieces stand in a text from `at` on, by end.
    fn places(&self, text: &[u8], at: usize, out: &mut Vec<Place>) {
        let place = |found: aho_corasick::Match| {
            let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            let before = found.start().checked_sub(1).and_then(|at| text.get(at));
            Place {
                start: number(at + found.start()),
                end: number(at + found.end()),
                piece: found.pattern().as_u32(),
                place: u8::from(!before.is_some_and(is_word))
                    | u8::from(!text.get(found.end()).is_some_and(is_word)) << 1,
            }
        };
        out.extend(self.pieces.iter().flat_map(|pieces| pieces.find_overlapping_iter(text)).map(place));
    }

    /// Looks for the words of each token: pieces of text hold no spaces. Most tokens were seen before.
    fn tokens(&self, text: &[u8], desk: &mut Desk) {
        if desk.known.len() > KNOWN_MAX || desk.tokens.len() > KNOWN_MAX / 8 {
            desk.tokens.clear();
            desk.known.clear();
        }
        desk.here_tokens.clear();
        desk.places.clear();
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut at = 0;
        let mut places = Vec::new();
        for token in text.split(|byte| *byte == b' ') {
            let start = at;
            at += token.len() + 1;
            if token.len() > TOKEN_LEN_MAX {
                self.places(token, start, &mut desk.places);
                continue;
            }
            let words = match desk.tokens.get(token) {
                Some(words) => *words,
                None => {
                    places.clear();
                    self.places(token, 0, &mut places);
                    let from = desk.known.len();
                    desk.known.extend(places.iter().flat_map(|place| self.words_of(place)));
                    let words = (number(from), number(desk.known.len()));
                    desk.tokens.insert(token.into(), words);
                    words
                }
            };
            if words.0 != words.1 {
                desk.here_tokens.push(Token {
                    start: number(start),
                    end: number(start + token.len()),
                    words,
                });
            }
        }
    }

    fn words_of(&self, place: &Place) -> impl Iterator<Item = u32> {
        let words = self.words.get(place.piece as usize).into_iter().flatten();
        words.filter(|(_, must)| must & !place.place == 0).map(|(word, _)| *word)
    }

    /// Looks for the pieces in `text`. `spaces` says for each of its bytes how many spaces are before it.
    pub(super) fn find<'a>(&'a self, text: &[u8], spaces: &'a [u32]) -> Found<'a> {
        let mut desk = match self.desks.lock() {
            Ok(mut desks) => desks.pop().unwrap_or_default(),
            Err(_) => Desk::default(),
        };
        self.tokens(text, &mut desk);
        desk.slots.resize(self.wakes.first().map_or(0, Vec::len), 0);
        desk.seen.resize(self.hung as usize, 0);
        desk.cells.resize(1, 0);
        desk.memo.resize(self.lists.len());
        if desk.stretch > u32::MAX / 2 {
            desk.seen.fill(0);
            desk.stretch = 0;
        }
        Found { index: self, spaces, desk }
    }
}

impl Drop for Found<'_> {
    fn drop(&mut self) {
        if let Ok(mut desks) = self.index.desks.lock() {
            desks.push(std::mem::take(&mut self.desk));
        }
    }
}

impl Found<'_> {
    /// The patterns that are worth trying on a sentence or its clauses.
    pub(super) fn in_sentence(
        &mut self,
        span: &Range<usize>,
        clauses: &[Range<usize>],
        out: &mut Vec<Woken>,
    ) {
        self.wake(0, span, clauses, out);
    }

    /// The patterns that are worth trying on the whole text.
    pub(super) fn in_text(&mut self, out: &mut Vec<Woken>) {
        self.wake(1, &(0..self.spaces.len()), &[], out);
    }

    fn wake(&mut self, kind: usize, span: &Range<usize>, clauses: &[Range<usize>], out: &mut Vec<Woken>) {
        out.clear();
        let index = self.index;
        let (Some(wakes), Some(always)) = (index.wakes.get(kind), index.always.get(kind)) else { return };
        let base = self.space(span.start);
        let words = self.space(span.end.saturating_sub(1)) - base + 1;
        let coarse = words.div_ceil(CELLS_MAX);
        self.desk.memo.clear();
        self.put(span, base, coarse);
        self.desk.stretch += 1;
        let cell = |at: usize| (self.space(at) - base) / coarse;
        let ends = |span: &Range<usize>| (cell(span.start), cell(span.end.saturating_sub(1)));
        let (_, last) = ends(span);
        let clauses: Vec<(usize, usize)> = clauses.iter().map(ends).collect();
        let row = Row {
            lists: &index.lists,
            slots: &self.desk.slots,
            cells: &self.desk.cells,
            coarse,
            all: up_to(last),
            first: 1,
            last: bit(last),
            walls: 0,
        };
        let parted = row.parted(&clauses);
        for wake in
            self.desk.here.iter().filter_map(|word| wakes.get(*word as usize)).chain([always]).flatten()
        {
            let (Some(waiting), Some(seen)) =
                (index.waiting.get(wake.waiting as usize), self.desk.seen.get_mut(wake.number as usize))
            else {
                continue;
            };
            let (from, to) = wake.beside;
            let beside = index.beside.get(from as usize..to as usize).unwrap_or_default();
            if std::mem::replace(seen, self.desk.stretch) == self.desk.stretch
                || !beside.is_empty() && !beside.iter().any(|word| row.has(*word))
            {
                continue;
            }
            let candidate = waiting.candidate;
            let memo = &mut self.desk.memo;
            if waiting.reads == Reads::Clause {
                let ends = parted.ends(&waiting.skeleton, wake.way, memo);
                let woken = (1..).zip(&clauses).filter(|(_, clause)| ends & within(clause) != 0);
                out.extend(woken.map(|(stretch, _)| Woken { stretch, candidate, open: Open::ALL }));
            } else if row.ends(&waiting.skeleton, wake.way, memo) != 0 {
                out.push(Woken { stretch: 0, candidate, open: Open::ALL });
            }
        }
        out.sort_unstable();
        out.dedup();
        for woken in out.iter_mut() {
            let Some(beside) = index.besides.get(&woken.candidate.rule) else { continue };
            let clause = woken.stretch.checked_sub(1).and_then(|clause| clauses.get(clause));
            let (row, cells) = match clause {
                Some(clause) if beside.near == Reads::Clause => (&parted, within(clause)),
                _ => (&row, row.all),
            };
            woken.open = beside.open(row, cells, &mut self.desk.memo);
        }
        for word in self.desk.here.drain(..) {
            self.desk.slots.get_mut(word as usize).into_iter().for_each(|slot| *slot = 0);
        }
        self.desk.cells.truncate(1);
    }

    fn space(&self, at: usize) -> usize {
        self.spaces.get(at).map_or(0, |spaces| *spaces as usize)
    }

    /// Puts the words of a stretch into their cells.
    fn put(&mut self, span: &Range<usize>, base: usize, coarse: usize) {
        let spaces = self.spaces;
        let cell = |start: u32| {
            let at = spaces.get(start as usize).map_or(0, |spaces| *spaces as usize);
            bit(at.saturating_sub(base) / coarse)
        };
        let desk = &mut self.desk;
        let from = desk.here_tokens.partition_point(|token| (token.end as usize) <= span.start);
        let tokens = std::mem::take(&mut desk.here_tokens);
        let known = std::mem::take(&mut desk.known);
        for token in tokens.iter().skip(from).take_while(|token| (token.start as usize) < span.end) {
            let (from, to) = token.words;
            let cell = cell(token.start);
            for word in known.get(from as usize..to as usize).into_iter().flatten() {
                desk.put(*word, cell, self.index);
            }
        }
        (desk.here_tokens, desk.known) = (tokens, known);
        let places = std::mem::take(&mut desk.places);
        let from = places.partition_point(|place| (place.end as usize) <= span.start);
        for place in places.iter().skip(from).take_while(|place| (place.end as usize) <= span.end) {
            if place.start as usize >= span.start {
                self.index.words_of(place).for_each(|word| desk.put(word, cell(place.start), self.index));
            }
        }
        desk.places = places;
    }
}

impl Desk {
    fn put(&mut self, word: u32, cell: Cells, index: &Index) {
        let Some(slot) = self.slots.get_mut(word as usize) else { return };
        if *slot == 0 {
            *slot = u16::try_from(self.cells.len()).unwrap_or(0);
            self.cells.push(0);
            self.here.push(word);
            for (list, phrase) in index.phrases_of.get(word as usize).into_iter().flatten() {
                self.memo.hope(*list, *phrase);
            }
        }
        self.cells.get_mut(usize::from(*slot)).into_iter().for_each(|cells| *cells |= cell);
        for list in index.lists_of.get(word as usize).into_iter().flatten() {
            self.memo.put(*list, cell);
        }
    }
}

impl Beside {
    /// What may match in these cells.
    fn open(&self, row: &Row<'_>, cells: Cells, memo: &mut Memo) -> Open {
        let mut open = |hung: &[Hung]| {
            let there = |hung: &Hung| hung.words.is_empty() || hung.words.iter().any(|word| row.has(*word));
            let each = (0u32..)
                .zip(hung)
                .filter(|(_, hung)| there(hung) && row.ends(&hung.skeleton, None, memo) & cells != 0);
            each.fold(0, |open, (number, _)| open | 1u64 << number.min(u64::BITS - 1))
        };
        Open { unless: open(&self.unless), when: open(&self.when) }
    }
}

/// The cells from the first to the last of a clause.
fn within((from, to): &(usize, usize)) -> Cells {
    up_to(*to) & !(bit(*from) - 1)
}

/// For each of so many words the lists that have it.
fn lists_of(words: usize, lists: &[List]) -> Vec<Vec<u32>> {
    let mut lists_of = vec![Vec::new(); words];
    for (number, list) in (0u32..).zip(lists) {
        for word in &list.words {
            lists_of.get_mut(*word as usize).into_iter().for_each(|lists: &mut Vec<u32>| lists.push(number));
        }
    }
    lists_of
}

/// The keys of the steps of a skeleton, the cheapest first.
fn keys(skeleton: &[Step], lists: &[List], cost: &dyn Fn(u32) -> u32) -> Vec<(usize, Key)> {
    let keys =
        skeleton.iter().enumerate().filter_map(|(at, step)| Some((at, key_of_step(step, lists, cost)?)));
    let mut keys: Vec<(usize, Key)> = keys.collect();
    keys.sort_by_key(|(_, key)| key.cost);
    keys
}

/// A letter or digit for `\b` in folded text. Letters beyond ASCII bound nothing here: then a piece is found more often
/// than it need be.
fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

#[cfg(test)]
mod tests;
