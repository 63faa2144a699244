//! One text read with all rules: what hit where, what was blanked out, what was blocked by what.

use std::ops::Range;

use regex::bytes::{RegexSet, RegexSetBuilder};

use super::language::{Language, Pattern, Reads, Rule, Says};
use super::rules::Rules;
use super::tongue::{self, Mask, Readers, bit};
use super::units::{self, Sentence};
use crate::text::{Folded, fold, squeeze};

/// Room for the lazy automaton of a set: at the default 2 MiB its cache thrashes with some hundred patterns
/// (notes/DEPENDENCIES "Patterns": 160 µs instead of 3.5).
const SET_DFA_MAX: usize = 32 << 20;
/// Room for a compiled set.
const SET_SIZE_MAX: usize = 64 << 20;

/// All patterns, grouped by the text and the stretch that they read.
#[derive(Debug, Default)]
pub(super) struct Sets {
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    pass: Pass,
    reads: Reads,
    set: RegexSet,
    /// Rule and pattern of each pattern of the set.
    from: Vec<(usize, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    Harmless,
    Plain,
    Blanked,
}

fn pass_of(says: Says) -> Pass {
    match says {
        Says::Harmless => Pass::Harmless,
        says if says.reads_blanked() => Pass::Blanked,
        _ => Pass::Plain,
    }
}

impl Sets {
    /// Builds the sets.
    pub(super) fn build(rules: &[Rule], pack: usize) -> Result<Self, String> {
        let mut groups = Vec::new();
        for pass in [Pass::Harmless, Pass::Plain, Pass::Blanked] {
            for reads in [Reads::Clause, Reads::Sentence, Reads::Text] {
                let mut from = Vec::new();
                let mut patterns = Vec::new();
                for (r, rule) in rules.iter().enumerate() {
                    if rule.pack == pack && pass_of(rule.says) == pass && rule.reads == reads {
                        for (p, pattern) in rule.patterns().enumerate() {
                            from.push((r, p));
                            patterns.push(pattern);
                        }
                    }
                }
                let set = RegexSetBuilder::new(&patterns)
                    .unicode(false)
                    .size_limit(SET_SIZE_MAX)
                    .dfa_size_limit(SET_DFA_MAX)
                    .build()
                    .map_err(|error| {
                        format!("the rules together do not compile ({error}), expected fewer")
                    })?;
                groups.push(Group { pass, reads, set, from });
            }
        }
        Ok(Self { groups })
    }
}

/// A place where a rule matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// Index of the rule.
    pub rule: usize,
    pub says: Says,
    /// In the folded text.
    pub span: Range<usize>,
    /// The stretch that the rule read.
    pub unit: Range<usize>,
    /// Index of the sentence.
    pub sentence: usize,
    /// What stopped it.
    pub blocked: Option<Says>,
    /// For counts: `n` and `of`.
    pub count: Option<(u32, Option<u32>)>,
}

/// A text as read.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The pack of most of it.
    pub main: usize,
    /// Whether its languages are known.
    pub known: bool,
    pub folded: Folded,
    pub sentences: Vec<Sentence>,
    pub hits: Vec<Hit>,
    /// Harmless rules that explained words.
    pub licences: Vec<usize>,
    /// What they explained, in the folded text.
    pub licensed: Vec<Range<usize>>,
}

impl Scan {
    /// Hits that say `says` and were not stopped.
    pub(super) fn of(&self, says: Says) -> impl Iterator<Item = &Hit> {
        self.hits.iter().filter(move |hit| hit.says == says && hit.blocked.is_none())
    }

    /// Whether there is such a hit.
    pub(super) fn has(&self, says: Says) -> bool {
        self.of(says).next().is_some()
    }
}

/// Who reads a text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Speech<'a> {
    /// This pack all of it.
    Only(usize),
    /// Each sentence the packs that know its words; among equals the pack that knows most of this text.
    Like(&'a str),
    /// The same, but this is the main pack where sentences do not tell.
    Main(usize),
}

/// Reads `text`. `own` tells whether a name that a pattern captured as `party` is the seller's.
pub(super) fn scan(rules: &Rules, speech: Speech<'_>, text: &str, own: &dyn Fn(&str) -> bool) -> Scan {
    let folded = fold(text);
    let main = match speech {
        Speech::Only(pack) | Speech::Main(pack) => pack,
        Speech::Like(hint) => rules.lexicon.main(&folded.text, hint),
    };
    let mut sentences = units::sentences(&folded.text, rules.language(main));
    for sentence in &mut sentences {
        sentence.readers = match speech {
            Speech::Only(pack) => Readers::only(pack),
            Speech::Like(_) | Speech::Main(_) => {
                let said = folded.text.get(sentence.span.clone()).unwrap_or_default();
                let typed = text.get(folded.original(sentence.span.clone())).unwrap_or_default();
                rules.lexicon.readers(said, typed, main)
            }
        };
        if sentence.readers.lead != main {
            let language = rules.language(sentence.readers.lead);
            sentence.clauses = units::clauses(&folded.text, &sentence.span, language);
        }
    }
    let known = tongue::known(sentences.iter().map(|sentence| &sentence.readers));
    let (hits, harmless, licensed) = {
        let reader = Reader { rules, sentences: &sentences, text, folded: &folded, own };
        reader.read()
    };
    let licences = harmless.iter().map(|hit| hit.rule).collect();
    Scan { main, known, licences, licensed, hits, sentences, folded }
}

/// Somebody's words in quotation marks are not the writer's yes: blanks quotes of two words and more.
fn blank_quotes(text: &mut [u8]) {
    let mut open = None;
    let mut spans = Vec::new();
    for (at, byte) in text.iter().enumerate() {
        match (byte, open) {
            (b'"', None) => open = Some(at),
            (b'"', Some(from)) => {
                spans.push(from + 1..at);
                open = None;
            }
            _ => {}
        }
    }
    for span in spans {
        if let Some(quote) = text.get_mut(span).filter(|quote| quote.contains(&b' ')) {
            quote.iter_mut().filter(|b| **b != b' ').for_each(|b| *b = b'_');
        }
    }
}

struct Reader<'a> {
    rules: &'a Rules,
    sentences: &'a [Sentence],
    text: &'a str,
    folded: &'a Folded,
    own: &'a dyn Fn(&str) -> bool,
}

impl Reader<'_> {
    /// All hits, the harmless ones, and what these explain.
    fn read(&self) -> (Vec<Hit>, Vec<Hit>, Vec<Range<usize>>) {
        let mut plain: Vec<u8> =
            self.folded.text.bytes().map(|b| if b == b'\n' { b' ' } else { b }).collect();
        let harmless = self.pass(Pass::Harmless, &plain);
        let licensed: Vec<Range<usize>> = harmless.iter().map(|hit| self.covered(hit)).collect();
        let mut blanked = plain.clone();
        for span in &licensed {
            for byte in blanked.get_mut(span.clone()).into_iter().flatten().filter(|b| **b != b' ') {
                *byte = b'_';
            }
        }
        blank_quotes(&mut plain);
        let mut hits = self.pass(Pass::Plain, &plain);
        hits.extend(self.pass(Pass::Blanked, &blanked));
        self.block(&mut hits);
        hits.sort_by_key(|hit| (hit.span.start, hit.span.end, hit.rule));
        (hits, harmless, licensed)
    }

    fn pass(&self, pass: Pass, text: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        for pack in 0..self.rules.packs.len() {
            // A pack that reads a sentence only for its vetoes says no yes there.
            let reads = |readers: &Readers| {
                let mask: Mask = if pass == Pass::Plain { readers.full } else { readers.full | readers.veto };
                mask & bit(pack) != 0
            };
            if !self.sentences.iter().any(|sentence| reads(&sentence.readers)) {
                continue;
            }
            let Some(sets) = self.rules.sets(pack) else { continue };
            for group in sets.groups.iter().filter(|g| g.pass == pass && !g.from.is_empty()) {
                let from = hits.len();
                match group.reads {
                    Reads::Text => self.unit(group, text, &(0..text.len()), 0, &mut hits),
                    Reads::Sentence | Reads::Clause => {
                        for (i, sentence) in self.sentences.iter().enumerate() {
                            if !reads(&sentence.readers) {
                                continue;
                            }
                            if group.reads == Reads::Sentence {
                                self.unit(group, text, &sentence.span, i, &mut hits);
                            } else {
                                for clause in &sentence.clauses {
                                    self.unit(group, text, clause, i, &mut hits);
                                }
                            }
                        }
                    }
                }
                if group.reads == Reads::Text {
                    let here =
                        |hit: &Hit| self.sentences.get(hit.sentence).is_some_and(|s| reads(&s.readers));
                    let tail = hits.split_off(from);
                    hits.extend(tail.into_iter().filter(here));
                }
            }
        }
        hits
    }

    fn unit(&self, group: &Group, text: &[u8], unit: &Range<usize>, sentence: usize, hits: &mut Vec<Hit>) {
        let Some(piece) = text.get(unit.clone()) else { return };
        for index in group.set.matches(piece) {
            let Some((r, p)) = group.from.get(index).copied() else { continue };
            let Some(rule) = self.rules.rules.get(r) else { continue };
            let Some(regex) = rule.matches.get(p).and_then(Pattern::regex) else { continue };
            if rule.unless.iter().any(|unless| unless.is_match(piece)) {
                continue;
            }
            for found in regex.captures_iter(piece) {
                let Some(all) = found.get(0) else { continue };
                let sentence = match rule.reads {
                    Reads::Text => self.sentence_at(unit.start + all.start()),
                    _ => sentence,
                };
                let mut hit = Hit {
                    rule: r,
                    says: rule.says,
                    span: unit.start + all.start()..unit.start + all.end(),
                    unit: unit.clone(),
                    sentence,
                    blocked: None,
                    count: None,
                };
                if let Some(party) = found.name("party") {
                    let at = unit.start + party.start()..unit.start + party.end();
                    let own = self.is_own(at, self.rules.language(rule.pack));
                    match (rule.says, own) {
                        (Says::OtherParty, true) => continue,
                        (Says::OtherParty, false) | (_, true) => {}
                        (_, false) => hit.blocked = Some(Says::OtherParty),
                    }
                }
                hit.count = found
                    .name("n")
                    .and_then(|n| self.number(n.as_bytes(), rule.pack))
                    .map(|n| (n, found.name("of").and_then(|of| self.number(of.as_bytes(), rule.pack))));
                hits.push(hit);
            }
        }
    }

    fn number(&self, word: &[u8], pack: usize) -> Option<u32> {
        let word = std::str::from_utf8(word).ok()?;
        word.parse().ok().or_else(|| self.rules.language(pack).number(word))
    }

    fn sentence_at(&self, at: usize) -> usize {
        self.sentences.iter().rposition(|s| s.span.start <= at).unwrap_or(0)
    }

    /// Whether the words name the seller, or the product without a name. A name is the captured word and the
    /// capitalised words after it.
    fn is_own(&self, span: Range<usize>, language: &Language) -> bool {
        let Some(word) = self.folded.text.get(span.clone()) else { return false };
        if language.generic.contains(word.trim()) {
            return true;
        }
        let from = self.folded.original(span.clone()).start;
        let typed = self.text.get(from..).unwrap_or_default();
        let mut name = String::new();
        for (i, word) in typed.split_whitespace().enumerate().take(5) {
            if i > 0 && !word.starts_with(|c: char| c.is_uppercase()) {
                break;
            }
            name.push_str(word.trim_end_matches(|c: char| !c.is_alphanumeric()));
            if word.ends_with([',', '.', ';', ':', '!', '?', ')']) {
                break;
            }
            name.push(' ');
        }
        (self.own)(name.trim())
    }

    /// What a harmless hit explains.
    fn covered(&self, hit: &Hit) -> Range<usize> {
        let covers = self.rules.rules.get(hit.rule).and_then(|rule| rule.covers);
        let sentence = self.sentences.get(hit.sentence);
        match (covers, sentence) {
            (None, _) | (_, None) => hit.span.clone(),
            (Some(Reads::Text), _) => 0..hit.span.end,
            (Some(Reads::Sentence), Some(sentence)) => sentence.span.clone(),
            (Some(Reads::Clause), Some(sentence)) => {
                let touched: Vec<_> = sentence.clauses.iter().filter(|c| overlap(c, &hit.span)).collect();
                let start = touched.iter().map(|c| c.start).min().unwrap_or(hit.span.start);
                let end = touched.iter().map(|c| c.end).max().unwrap_or(hit.span.end);
                start.min(hit.span.start)..end.max(hit.span.end)
            }
        }
    }

    fn block(&self, hits: &mut [Hit]) {
        let mut reaches: Vec<(Says, Range<usize>)> =
            hits.iter().filter(|hit| hit.says.blocks()).map(|hit| (hit.says, hit.unit.clone())).collect();
        reaches.extend(self.sentences.iter().filter(|s| s.asks).map(|s| (Says::Question, self.asked(s))));
        for hit in hits.iter_mut().filter(|hit| hit.blocked.is_none()) {
            if hit.says == Says::Affirm && self.names_a_stranger(hit) {
                hit.blocked = Some(Says::OtherParty);
                continue;
            }
            let despite = self.rules.rules.get(hit.rule).map(|rule| &rule.despite);
            hit.blocked = hit.says.stopped_by().iter().copied().find(|blocker| {
                !despite.is_some_and(|d| d.contains(blocker))
                    && reaches.iter().any(|(says, reach)| says == blocker && overlap(reach, &hit.span))
            });
        }
    }

    /// Whether a strange name stands in the words of a yes, right before them, or right behind them ("met in
    /// Hamburg"): then it may be about somebody or something else. A name is a capitalised word that no list knows.
    fn names_a_stranger(&self, hit: &Hit) -> bool {
        let Some(rule) = self.rules.rules.get(hit.rule) else { return true };
        let language = self.rules.language(rule.pack);
        let typed = self.folded.original(hit.span.clone());
        let first =
            self.sentences.get(hit.sentence).map_or(0, |s| self.folded.original(s.span.clone()).start);
        let before = self.text.get(first..typed.start).unwrap_or_default();
        let said = self.text.get(typed.clone()).unwrap_or_default();
        let after = self.text.get(typed.end..).unwrap_or_default();
        let after = after.split(['.', ',', ';', ':', '!', '?', '\n', '(']).next().unwrap_or_default();
        // "a success for the Nantes plant": a place or a party may come behind an article.
        let opens = squeeze(after.split_whitespace().next().unwrap_or_default());
        let reach = if language.places.contains(&opens) { 4 } else { 2 };
        let starts = before.trim().is_empty();
        let said = said.split_whitespace().skip(usize::from(starts));
        let near = before.rsplit([',', ';', ':', '(', '-']).next().unwrap_or_default();
        let mut place = false;
        near.split_whitespace()
            .next_back()
            .into_iter()
            .chain(said)
            .chain(after.split_whitespace().take(reach))
            .any(|word| {
                let behind_place = std::mem::replace(&mut place, language.places.contains(&squeeze(word)));
                (language.capitals || behind_place) && self.is_strange(word, language)
            })
    }

    /// A capitalised word that is neither the seller's nor in the word lists.
    fn is_strange(&self, word: &str, language: &Language) -> bool {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let mut letters = word.chars();
        let name = letters.next().is_some_and(char::is_uppercase)
            && letters.clone().next().is_some()
            && letters.all(|c| c.is_lowercase() || !c.is_alphabetic());
        let plain = squeeze(word);
        let plain = plain.split('\'').next().unwrap_or_default();
        name && !language.vocabulary.contains(plain)
            && !language.common.contains(plain)
            // Nouns that only a pattern knows are no names where every noun has a capital.
            && (language.capitals || !self.rules.lexicon.knows(plain))
            && !(self.own)(word.split('\'').next().unwrap_or_default())
    }

    /// How far a question mark reaches back: to the clause that starts like a question, else to the start.
    fn asked(&self, sentence: &Sentence) -> Range<usize> {
        let language = self.rules.language(sentence.readers.lead);
        let starts = |clause: &&Range<usize>| {
            let words = self.folded.text.get((*clause).clone()).unwrap_or_default();
            words.split([' ', '\n']).next().is_some_and(|word| language.asks.contains(word))
        };
        let from = sentence.clauses.iter().find(starts).map_or(sentence.span.start, |clause| clause.start);
        from..sentence.span.end
    }
}

/// Whether two spans share a byte.
pub(super) fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}
