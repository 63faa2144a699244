//! How a reply names the declared criteria: by number, range, ordinal or by their words.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::language::{Initials, Language};
use crate::model::Criterion;
use crate::text::{fold, squeeze};

/// Letters that a word must have to tell criteria apart, unless it is an abbreviation or has a digit.
const WORD_LETTERS_MIN: usize = 3;
/// The same for abbreviations: HA, S3.
const SHORT_WORD_LETTERS_MIN: usize = 2;
/// Letters that must be left of a word without its ending.
const STEM_LETTERS_MIN: usize = 4;
/// So many words that several criteria share name the one that shares most.
const SHARED_WORDS_MIN: usize = 2;

/// A criterion that a clause names, and whether by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mention {
    pub n: u32,
    pub by_number: bool,
}

/// The declared criteria as a reply may name them.
#[derive(Debug)]
pub(super) struct Topics<'a> {
    pub language: &'a Language,
    /// Number and content words of each, in order.
    named: Vec<(u32, BTreeSet<String>)>,
    /// For each content word the numbers of the criteria that have it.
    by_word: HashMap<String, Vec<u32>>,
    initials: Initials,
}

impl<'a> Topics<'a> {
    /// Of these criteria, in a reply in this language.
    pub(super) fn new(criteria: &[Criterion], language: &'a Language) -> Self {
        let named: Vec<(u32, BTreeSet<String>)> =
            criteria.iter().map(|c| (c.n, declared_words(&c.text, language))).collect();
        let mut by_word: HashMap<String, Vec<u32>> = HashMap::new();
        for (n, words) in &named {
            for word in words {
                by_word.entry(word.clone()).or_default().push(*n);
            }
        }
        let initials = by_word.keys().collect();
        Self { language, named, by_word, initials }
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.named.len()
    }

    /// All numbers.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.named.iter().map(|(n, _)| *n)
    }

    /// Whether a clause names one.
    pub(super) fn any_named(&self, clause: &str) -> bool {
        !self.mentions(clause, &mut false).is_empty()
    }

    /// The criteria that a clause names. `numbering` says whether numbers stood for criteria in the clauses before.
    pub(super) fn mentions(&self, clause: &str, numbering: &mut bool) -> Vec<Mention> {
        let total = u32::try_from(self.named.len()).unwrap_or(u32::MAX);
        let mut found: Vec<Mention> = Numbers { total, language: self.language }
            .read(clause, numbering)
            .into_iter()
            .map(|n| Mention { n, by_number: true })
            .collect();
        if found.is_empty() {
            found = self.by_name(clause);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Criteria named by a word that no other criterion has, or else the one that shares most words.
    fn by_name(&self, clause: &str) -> Vec<Mention> {
        let mention = |n: u32| Mention { n, by_number: false };
        let mut named = Vec::new();
        let mut shared: BTreeMap<u32, usize> = BTreeMap::new();
        for word in words(clause).filter(|word| self.initials.may_start(word)) {
            let Some(with) = self.by_word.get(stem(word, self.language)) else { continue };
            if let [only] = with.as_slice() {
                named.push(mention(*only));
            }
            with.iter().for_each(|n| *shared.entry(*n).or_default() += 1);
        }
        if !named.is_empty() {
            return named;
        }
        let most = shared.values().copied().max().unwrap_or(0);
        let mut best = shared.iter().filter(|(_, count)| **count == most);
        match (best.next(), best.next()) {
            (Some((n, _)), None) if most >= SHARED_WORDS_MIN => vec![mention(*n)],
            _ => Vec::new(),
        }
    }

    /// The criterion of which at least so many tenths of the words stand in a quoted line.
    pub(super) fn quoted(&self, line: &str, tenths: usize) -> Option<u32> {
        let line = squeeze(line);
        let said: BTreeSet<&str> = words(&line).map(|word| stem(word, self.language)).collect();
        let shared = |own: &BTreeSet<String>| {
            own.iter().filter(|word| said.contains(word.as_str())).count() * 10 / own.len().max(1)
        };
        let (n, own) = self.named.iter().max_by_key(|(_, own)| shared(own))?;
        (shared(own) >= tenths).then_some(*n)
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() >= SHORT_WORD_LETTERS_MIN && word.chars().any(char::is_alphabetic))
}

/// The words of a criterion that tell it from others, without their endings.
fn declared_words(text: &str, language: &Language) -> BTreeSet<String> {
    let folded = fold(text);
    let mut found = BTreeSet::new();
    for word in words(&folded.text) {
        let at = word.as_ptr() as usize - folded.text.as_ptr() as usize;
        let typed = text.get(folded.original(at..at + word.len())).unwrap_or_default();
        let short = typed.chars().any(|c| c.is_ascii_digit()) || !typed.chars().any(char::is_lowercase);
        let idle = language.idle.contains(word) || language.common.contains(word);
        if !idle && (short || word.len() >= WORD_LETTERS_MIN) {
            found.insert(stem(word, language).to_owned());
        }
    }
    found
}

/// The words by which a text is told from others, without their endings: no small words, no figures.
pub(super) fn content_words(text: &str, language: &Language) -> BTreeSet<String> {
    let text = squeeze(text);
    words(&text)
        .filter(|word| word.len() >= WORD_LETTERS_MIN)
        .filter(|word| !language.idle.contains(*word) && !language.common.contains(*word))
        .map(|word| stem(word, language).to_owned())
        .collect()
}

/// A word without the ending of its number or form.
fn stem<'w>(word: &'w str, language: &Language) -> &'w str {
    let cut = |ending: &String| {
        word.strip_suffix(ending.as_str()).filter(|rest| rest.chars().count() >= STEM_LETTERS_MIN)
    };
    language.endings.iter().filter_map(cut).min_by_key(|rest| rest.len()).unwrap_or(word)
}

/// Criteria named by number: "criteria 1 and 2", "1-3 and 5", "1 to 3", "#4", "the first four", "the last two".
struct Numbers<'a> {
    total: u32,
    language: &'a Language,
}

impl Numbers<'_> {
    fn read(&self, clause: &str, numbering: &mut bool) -> Vec<u32> {
        let language = self.language;
        let counts = |word: &str| language.counts.may_start(word) && language.counting.contains(word);
        let digits = clause.bytes().any(|b| b.is_ascii_digit() || b == b'#');
        if !digits && !clause.split(|c: char| !c.is_alphanumeric()).any(counts) {
            return Vec::new();
        }
        let words: Vec<&str> = clause
            .split([' ', '\n', ',', '&', '+', '/', '|'])
            .map(|word| word.trim_matches(|c: char| "().:;".contains(c)))
            .filter(|word| !word.is_empty())
            .collect();
        let listed = words.first().is_some_and(|word| self.range(word).is_some());
        let spoken =
            words.iter().any(|word| self.language.criterion.contains(*word) || word.starts_with('#'));
        *numbering |= spoken || listed;
        let mut found = Vec::new();
        for at in 0..words.len() {
            let numbers = self.at(&words, at, *numbering);
            // "The first two and the fourth": where one ordinal counts criteria, the next one does.
            *numbering |= !numbers.is_empty();
            found.extend(numbers);
        }
        found
    }

    fn at(&self, words: &[&str], at: usize, numbering: bool) -> Vec<u32> {
        let word = |at: Option<usize>| at.and_then(|at| words.get(at)).copied().unwrap_or_default();
        let (this, before, after) = (word(Some(at)), word(at.checked_sub(1)), word(Some(at + 1)));
        let language = self.language;
        let names = |word: &str| language.criterion.contains(word) || language.ones.contains(word);
        if let Some((from, to)) = self.range(this.trim_start_matches('#')) {
            let of = |word: &str| language.of.contains(word);
            let counted = of(after) || of(before) || after == "%" || language.all.contains(before);
            if !numbering || counted {
                return Vec::new();
            }
            let end = self.range(word(Some(at + 2))).filter(|_| language.to.contains(after));
            return (from..=end.map_or(to, |(_, end)| end)).collect();
        }
        let number = self.number(after);
        if let (true, Some(n)) = (language.leading.contains(this), number) {
            return (1..=n).collect();
        }
        if language.last.contains(this) {
            return match number {
                Some(n) => (self.total - n + 1..=self.total).collect(),
                None if names(after) => vec![self.total],
                None => Vec::new(),
            };
        }
        let ordinal = language.ordinals.contains_key(this) && (names(after) || numbering);
        if ordinal || language.criterion.contains(before) {
            return self.number(this).into_iter().collect();
        }
        Vec::new()
    }

    /// A number word or ordinal; nothing above the number of criteria.
    fn number(&self, word: &str) -> Option<u32> {
        let number = self.language.number(word).or_else(|| word.parse().ok());
        number.filter(|n| *n >= 1 && *n <= self.total)
    }

    /// `4`, `1-3`; nothing above the number of criteria.
    fn range(&self, word: &str) -> Option<(u32, u32)> {
        let (from, to) = word.split_once('-').unwrap_or((word, word));
        let (from, to) = (from.parse::<u32>().ok()?, to.parse::<u32>().ok()?);
        (from >= 1 && from <= to && to <= self.total).then_some((from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DeclaredResult;

    fn english() -> Language {
        fn set<C: FromIterator<String>>(words: &[&str]) -> C {
            words.iter().map(|word| (*word).to_owned()).collect()
        }
        let mut language = Language {
            criterion: set(&["criteria", "criterion", "point"]),
            ones: set(&["one"]),
            of: set(&["of"]),
            all: set(&["all"]),
            leading: set(&["first"]),
            last: set(&["last"]),
            to: set(&["to", "through"]),
            idle: set(&["under", "with", "the", "test"]),
            ..Language::default()
        };
        language.endings = ["s", "ed", "ing"].map(str::to_owned).to_vec();
        for (word, n) in [("two", 2), ("four", 4)] {
            language.numbers.insert(word.to_owned(), n);
        }
        for (word, n) in [("first", 1), ("second", 2), ("third", 3), ("fourth", 4), ("fifth", 5)] {
            language.ordinals.insert(word.to_owned(), n);
        }
        language.collect_counting();
        language
    }

    fn named(clause: &str) -> Vec<u32> {
        let texts = [
            "Failover in under 30 s",
            "Audit log export to S3",
            "Single sign-on (SSO) with SAML",
            "Backups restored under load",
            "HA of the log store",
        ];
        let criteria: Vec<Criterion> = (1..)
            .zip(texts)
            .map(|(n, text)| Criterion { n, text: text.to_owned(), result: DeclaredResult::Pass })
            .collect();
        let language = english();
        Topics::new(&criteria, &language).mentions(clause, &mut false).iter().map(|m| m.n).collect()
    }

    #[test]
    fn by_number_and_range() {
        assert_eq!(named("criteria 1 and 2"), [1, 2]);
        assert_eq!(named("criteria 1-3 and 5"), [1, 2, 3, 5]);
        assert_eq!(named("points 2 to 4"), Vec::<u32>::new());
        assert_eq!(named("point 2 to 4"), [2, 3, 4]);
        assert_eq!(named("1 through 3 passed"), [1, 2, 3]);
        assert_eq!(named("#4"), [4]);
        assert_eq!(named("criteria 9"), Vec::<u32>::new());
        assert_eq!(named("3 of 5 criteria"), Vec::<u32>::new());
        assert_eq!(named("3 | ok"), [3]);
    }

    #[test]
    fn by_ordinal() {
        assert_eq!(named("the first four are fine"), [1, 2, 3, 4]);
        assert_eq!(named("the last two are fine"), [4, 5]);
        assert_eq!(named("the last one failed"), [5]);
        assert_eq!(named("the third one"), [3]);
        assert_eq!(named("the first two and the fourth"), [1, 2, 4]);
        assert_eq!(named("a second run"), Vec::<u32>::new());
    }

    #[test]
    fn by_words_with_stems() {
        assert_eq!(named("the failover test"), [1]);
        assert_eq!(named("the sso one"), [3]);
        assert_eq!(named("restoring the backup"), [4]);
        assert_eq!(named("exports to s3"), [2]);
        assert_eq!(named("ha works"), [5]);
        assert_eq!(named("the log"), Vec::<u32>::new());
        assert_eq!(named("the tests with load"), [4]);
    }
}
