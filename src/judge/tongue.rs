//! Which languages a text is in: every sentence is read by the packs that know its words, and a sentence that no
//! pack knows is never sure.

use std::collections::HashMap;

use super::language::{Pack, Rule};
use crate::text::squeeze;

/// A mask holds so many packs.
pub(super) const PACKS_MAX: usize = 32;
/// Fewer words than these tell no language by their share; then the rules themselves must know the words.
const WORDS_MIN: usize = 6;
/// Of 100 words, how many must be frequent small words of the language.
const SHARE_MIN: usize = 22;
/// Of 100 words of one sentence, how many the pack must know at all: sentences of names know few.
const SENTENCE_SHARE_MIN: usize = 20;
/// A sentence of fewer words is read by every pack that knows as many of them as the best.
const DECIDED_WORDS_MIN: usize = 4;
/// So many words more than the next pack decide a sentence.
const DECIDED_LEAD_MIN: usize = 2;
/// So many words that only another pack knows let its vetoes speak.
const VETO_WORDS_MIN: usize = 2;
/// So many lower-case words that nobody knows make a sentence foreign.
const STRANGE_WORDS_MIN: usize = 3;
/// Letters of a foreign script in a row that make the sentence foreign. One may be a unit.
const FOREIGN_LETTERS_MAX: usize = 1;

/// A set of packs, a bit for each.
pub(super) type Mask = u32;

/// Who reads a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Readers {
    /// The pack that cuts it.
    pub lead: usize,
    /// Packs all of whose rules read it.
    pub full: Mask,
    /// Packs of which only what may stop a yes reads it.
    pub veto: Mask,
    /// No pack knows its language.
    pub unknown: bool,
    words: usize,
    common: usize,
}

impl Readers {
    /// One pack reads all.
    pub(super) fn only(pack: usize) -> Self {
        Self { lead: pack, full: bit(pack), ..Self::default() }
    }
}

/// Whether sentences read so are in known languages: few small words in many make a text foreign.
pub(super) fn known<'a>(readers: impl Iterator<Item = &'a Readers>) -> bool {
    let (mut words, mut common, mut unknown) = (0, 0, false);
    for reader in readers {
        words += reader.words;
        common += reader.common;
        unknown |= reader.unknown;
    }
    !unknown && (words < WORDS_MIN || common * 100 / words >= SHARE_MIN)
}

/// Which packs know a word.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// As a frequent small word.
    common: Mask,
    /// At all: in its lists and patterns too.
    any: Mask,
}

/// The words of all packs.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    words: HashMap<String, Known>,
    /// Packs of languages that set no spaces, with the pieces that tell them.
    spaceless: Vec<(usize, Vec<String>)>,
    scripts: Vec<Vec<Script>>,
}

impl Lexicon {
    /// Collects the words.
    pub(super) fn new(packs: &[Pack], rules: &[Rule]) -> Self {
        let mut lexicon = Self::default();
        for (p, pack) in packs.iter().enumerate().take(PACKS_MAX) {
            let language = &pack.language;
            let scripts = language.script.iter().filter_map(|name| Script::named(name));
            lexicon.scripts.push(scripts.chain([Script::Latin]).collect());
            if !language.words {
                let pieces = language.common.iter().chain(&language.vocabulary);
                lexicon.spaceless.push((p, pieces.filter(|w| !w.is_ascii()).cloned().collect()));
            }
            for word in &language.common {
                let known = lexicon.words.entry(word.clone()).or_default();
                known.common |= bit(p);
                known.any |= bit(p);
            }
            for word in &language.vocabulary {
                lexicon.words.entry(word.clone()).or_default().any |= bit(p);
            }
        }
        for rule in rules.iter().filter(|rule| rule.pack < PACKS_MAX) {
            for word in rule.matches.iter().flat_map(|pattern| words_of(pattern.as_str())) {
                lexicon.words.entry(word.to_owned()).or_default().any |= bit(rule.pack);
            }
        }
        lexicon
    }

    /// Whether any pack knows the word.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.words.contains_key(word)
    }

    /// The pack that knows most of `folded`; of packs that know as much, the one that knows most of `hint`.
    pub(super) fn main<'t>(&self, folded: &str, hint: impl Iterator<Item = &'t str>) -> usize {
        let scores = |text: &str| {
            let heard = self.listen(text);
            let packs = 0..self.scripts.len();
            packs.map(|p| heard.common(p) + heard.any(bit(p))).collect::<Vec<_>>()
        };
        let own = scores(folded);
        let best = own.iter().copied().max().unwrap_or(0);
        let tied: Vec<usize> = (0..own.len()).filter(|p| own.get(*p) == Some(&best)).collect();
        if let [only] = tied.as_slice() {
            return *only;
        }
        let hints = scores(&squeeze(&hint.collect::<Vec<_>>().join("\n")));
        let score = |p: &usize| hints.get(*p).copied().unwrap_or(0);
        // The first of equals: `max_by_key` would take the last.
        tied.into_iter().rev().max_by_key(score).unwrap_or(0)
    }

    /// Who reads the sentence `folded` of a text whose main pack is `main`. `typed` is the sentence before folding.
    pub(super) fn readers(&self, folded: &str, typed: &str, main: usize) -> Readers {
        let heard = self.listen(folded);
        let words = heard.weight();
        let any: Vec<usize> = (0..self.scripts.len()).map(|p| heard.any(bit(p))).collect();
        let at = |p: usize| any.get(p).copied().unwrap_or(0);
        let mut lead = main;
        for p in 0..any.len() {
            if at(p) > at(lead) {
                lead = p;
            }
        }
        let next = (0..any.len()).filter(|p| *p != lead).map(at).max().unwrap_or(0);
        let full = if words >= DECIDED_WORDS_MIN && at(lead) >= next + DECIDED_LEAD_MIN {
            bit(lead)
        } else {
            let equals = (0..any.len()).filter(|p| at(*p) >= at(main).max(1));
            equals.fold(bit(main) | bit(lead), |mask, p| mask | bit(p))
        };
        let others = (0..any.len()).filter(|p| full & bit(*p) == 0);
        let veto = others.filter(|p| heard.alone(bit(*p), full) >= VETO_WORDS_MIN).map(bit).sum();
        let strange = at(lead) == 0 && strange_words(typed) >= STRANGE_WORDS_MIN;
        let few = words >= WORDS_MIN && at(lead) * 100 / words < SENTENCE_SHARE_MIN;
        let unknown = strange || few || self.foreign_script(folded, full);
        let common = (0..any.len()).filter(|p| full & bit(*p) != 0).map(|p| heard.common(p)).max();
        Readers { lead, full, veto, unknown, words, common: common.unwrap_or(0) }
    }

    fn listen(&self, folded: &str) -> Heard {
        let mut heard = Heard::default();
        for word in words_of(folded) {
            for (piece, spaceless) in by_script(word) {
                let known = if spaceless { self.piece(piece) } else { self.words.get(piece).copied() };
                // Two letters of a language without spaces count as a word.
                let weight = if spaceless { piece.chars().count().div_ceil(2) } else { 1 };
                heard.words.push((known.unwrap_or_default(), weight));
            }
        }
        heard
    }

    /// What is known of a run of letters without spaces.
    fn piece(&self, run: &str) -> Option<Known> {
        let knows = |(_, pieces): &&(usize, Vec<String>)| pieces.iter().any(|p| run.contains(p.as_str()));
        let mask = self.spaceless.iter().filter(knows).fold(0, |mask, (p, _)| mask | bit(*p));
        Some(Known { common: mask, any: mask })
    }

    /// A run of letters of a script that none of these packs is written in, or Cyrillic letters in a Latin word.
    fn foreign_script(&self, folded: &str, packs: Mask) -> bool {
        if folded.is_ascii() {
            return false;
        }
        let own = |script: Script| {
            let mut reading = self.scripts.iter().enumerate().filter(|(p, _)| packs & bit(*p) != 0);
            reading.any(|(_, scripts)| scripts.contains(&script))
        };
        let mut run = 0;
        let mut before = None;
        folded.chars().any(|c| {
            let script = c.is_alphabetic().then(|| Script::of(c));
            run = if script.is_some_and(|s| !own(s)) { run + 1 } else { 0 };
            let pair = (before, script);
            before = script;
            run > FOREIGN_LETTERS_MAX
                || matches!(
                    pair,
                    (Some(Script::Latin), Some(Script::Cyrillic))
                        | (Some(Script::Cyrillic), Some(Script::Latin))
                )
        })
    }
}

/// The words of a text, each with who knows it and how many words it counts for.
#[derive(Default)]
struct Heard {
    words: Vec<(Known, usize)>,
}

impl Heard {
    fn weight(&self) -> usize {
        self.words.iter().map(|(_, weight)| weight).sum()
    }

    fn any(&self, packs: Mask) -> usize {
        self.words.iter().filter(|(known, _)| known.any & packs != 0).map(|(_, weight)| weight).sum()
    }

    fn common(&self, pack: usize) -> usize {
        self.words.iter().filter(|(known, _)| known.common & bit(pack) != 0).map(|(_, weight)| weight).sum()
    }

    /// Words that `packs` know and `others` do not.
    fn alone(&self, packs: Mask, others: Mask) -> usize {
        let alone = self.words.iter().filter(|(known, _)| known.any & packs != 0 && known.any & others == 0);
        alone.map(|(_, weight)| weight).sum()
    }
}

/// The bit of a pack.
pub(super) fn bit(pack: usize) -> Mask {
    u32::try_from(pack).ok().and_then(|p| 1u32.checked_shl(p)).unwrap_or(0)
}

/// Words with letters.
pub(super) fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .map(|word| word.trim_matches('\''))
        .filter(|word| word.chars().any(char::is_alphabetic))
}

/// Words of a typed sentence that are no names: they start with a small letter and have two letters or more.
fn strange_words(typed: &str) -> usize {
    words_of(typed).filter(|word| word.starts_with(char::is_lowercase) && word.chars().count() > 1).count()
}

/// A word cut where letters of a script without spaces begin or end.
fn by_script(word: &str) -> Vec<(&str, bool)> {
    if word.is_ascii() {
        return vec![(word, false)];
    }
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut before: Option<bool> = None;
    for (at, c) in word.char_indices() {
        let spaceless = matches!(Script::of(c), Script::Kana | Script::Han | Script::Thai);
        if before.is_some_and(|b| b != spaceless) {
            pieces.extend(word.get(start..at).map(|piece| (piece, !spaceless)));
            start = at;
        }
        before = Some(spaceless);
    }
    pieces.extend(word.get(start..).map(|piece| (piece, before == Some(true))));
    pieces
}

/// A script that a pack may declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Hebrew,
    Arabic,
    Devanagari,
    Thai,
    Hangul,
    Kana,
    Han,
    Other,
}

/// The names that `script` may list.
pub(super) const SCRIPTS: &[&str] =
    &["latin", "greek", "cyrillic", "hebrew", "arabic", "devanagari", "thai", "hangul", "kana", "han"];

impl Script {
    fn named(name: &str) -> Option<Self> {
        use Script::{Arabic, Cyrillic, Devanagari, Greek, Han, Hangul, Hebrew, Kana, Latin, Thai};
        let all = [Latin, Greek, Cyrillic, Hebrew, Arabic, Devanagari, Thai, Hangul, Kana, Han];
        SCRIPTS.iter().zip(all).find(|(known, _)| **known == name).map(|(_, script)| script)
    }

    fn of(c: char) -> Self {
        match c {
            '\0'..='\u{2af}' | '\u{1e00}'..='\u{1eff}' => Self::Latin,
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Self::Greek,
            '\u{400}'..='\u{52f}' => Self::Cyrillic,
            '\u{590}'..='\u{5ff}' => Self::Hebrew,
            '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' => Self::Arabic,
            '\u{900}'..='\u{97f}' => Self::Devanagari,
            '\u{e00}'..='\u{e7f}' => Self::Thai,
            '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7a3}' => Self::Hangul,
            '\u{3040}'..='\u{30ff}' => Self::Kana,
            '\u{3005}'..='\u{3007}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' => Self::Han,
            '\u{20000}'..='\u{2fa1f}' => Self::Han,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_at_scripts() {
        assert_eq!(by_script("ssoの確認"), [("sso", false), ("の確認", true)]);
        assert_eq!(by_script("größe"), [("größe", false)]);
        assert_eq!(words_of("it's 5 'ok' - yes").collect::<Vec<_>>(), ["it's", "ok", "yes"]);
    }

    #[test]
    fn every_script_has_its_name() {
        assert!(SCRIPTS.iter().all(|name| Script::named(name).is_some()));
        assert_eq!(Script::named("klingon"), None);
    }
}
