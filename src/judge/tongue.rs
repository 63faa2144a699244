//! Which language a reply is in: a text of which we know few words is never sure.

use std::collections::BTreeMap;

use super::language::Language;
use crate::text::fold;

/// Fewer words than these tell no language; then the rules themselves must know the words.
const WORDS_MIN: usize = 6;
/// Of 100 words, how many must be frequent small words of the language.
const SHARE_MIN: usize = 22;
/// Letters of a foreign script in a row that make the text foreign.
const FOREIGN_LETTERS_MAX: usize = 3;

/// The pack that fits best and whether it fits.
pub(super) struct Tongue<'a> {
    pub pack: &'a Language,
    pub known: bool,
}

static NONE: Language = Language::EMPTY;

/// Finds the language of `text`.
pub(super) fn language_of<'a>(text: &str, packs: &'a BTreeMap<String, Language>) -> Tongue<'a> {
    let folded = fold(text).text;
    let words: Vec<&str> = folded
        .split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .filter(|word| word.chars().any(char::is_alphabetic))
        .collect();
    let known = |pack: &Language| words.iter().filter(|word| pack.common.contains(**word)).count();
    let best = packs.values().max_by_key(|pack| known(pack));
    let Some(pack) = best else { return Tongue { pack: &NONE, known: false } };
    let enough = words.len() < WORDS_MIN || known(pack) * 100 / words.len() >= SHARE_MIN;
    Tongue { pack, known: enough && !foreign_script(&folded) }
}

/// A run of letters of a script that no pack is written in.
fn foreign_script(folded: &str) -> bool {
    let mut run = 0;
    folded.chars().any(|c| {
        run = if c.is_alphabetic() && c > '\u{24f}' { run + 1 } else { 0 };
        run > FOREIGN_LETTERS_MAX
    })
}
