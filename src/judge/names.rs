//! Names beside a yes: whose product, and where.

use std::ops::Range;

use super::language::Language;
use super::scan::{Hit, Reader};
use crate::text::squeeze;

/// Characters behind a yes in which a name is looked for: enough for its few words.
const BESIDE_LEN_MAX: usize = 400;

impl Reader<'_> {
    /// Whether the words name the seller, or the product without a name. A name is the captured word and the
    /// capitalised words after it.
    pub(super) fn is_own(&self, span: Range<usize>, language: &Language) -> bool {
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
        (self.context.own)(name.trim())
    }

    /// Whether a strange name stands in the words of a yes, right before them, or right behind them ("met in
    /// Hamburg"): then it may be about somebody or something else. A name is a capitalised word that no list knows.
    pub(super) fn names_a_stranger(&self, hit: &Hit) -> bool {
        let Some(rule) = self.rules.rules.get(hit.rule) else { return true };
        let language = self.rules.language(rule.pack);
        let typed = self.folded.original(hit.span.clone());
        let first =
            self.sentences.get(hit.sentence).map_or(0, |s| self.folded.original(s.span.clone()).start);
        let before = self.text.get(first..typed.start).unwrap_or_default();
        let said = self.text.get(typed.clone()).unwrap_or_default();
        let after = self.text.get(typed.end..).unwrap_or_default();
        let near = after.char_indices().nth(BESIDE_LEN_MAX).map_or(after.len(), |(at, _)| at);
        let after = after.get(..near).unwrap_or_default();
        let after = after.split(['.', ',', ';', ':', '!', '?', '\n', '(']).next().unwrap_or_default();
        // "a success for the Nantes plant": a place or a party may come behind an article.
        let opens = squeeze(after.split_whitespace().next().unwrap_or_default());
        let reach = if language.places.contains(&opens) { 4 } else { 2 };
        let starts = before.trim().is_empty();
        let said = said.split_whitespace().skip(usize::from(starts));
        let near = before.rsplit([',', ';', ':', '(', '-']).next().unwrap_or_default();
        let mut last = String::new();
        near.split_whitespace()
            .next_back()
            .into_iter()
            .chain(said)
            .chain(after.split_whitespace().take(reach))
            .any(|word| {
                let before = std::mem::replace(&mut last, squeeze(word));
                let told = language.recipients.contains(&before);
                (language.capitals && !told || language.places.contains(&before))
                    && self.is_strange(word, language)
            })
    }

    /// Whether the sentence opens with a topic that is a strange name: "About Contoso: all criteria are met".
    pub(super) fn is_fronted(&self, hit: &Hit) -> bool {
        let Some(rule) = self.rules.rules.get(hit.rule) else { return true };
        let language = self.rules.language(rule.pack);
        let typed = self.folded.original(hit.span.clone());
        let first =
            self.sentences.get(hit.sentence).map_or(0, |s| self.folded.original(s.span.clone()).start);
        let before = self.text.get(first..typed.start).unwrap_or_default();
        let Some((topic, _)) = before.split_once([':', ',']) else { return false };
        let plain = squeeze(topic);
        let opens =
            |front: &String| plain.strip_prefix(front.as_str()).is_some_and(|rest| rest.starts_with(' '));
        language.fronts.iter().any(opens)
            && topic.split_whitespace().skip(1).any(|word| self.is_strange(word, language))
    }

    /// A capitalised word that is neither the seller's nor the buyer's nor in the word lists.
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
            && !(self.context.buyer)(plain)
            && !(self.context.own)(word.split('\'').next().unwrap_or_default())
    }
}
