//! What the operator says about letters, ready for use.

use std::collections::BTreeMap;

use super::calendar::Calendar;
use super::compose::{Sender, Texts};
use super::rules::PromptRules;
use super::schedule::Person;
use crate::model::{Address, Terms};

/// Habits of one buyer, by mail domain.
#[derive(Debug, Clone)]
pub struct Habits {
    /// When its people work.
    pub calendar: Calendar,
    /// Language of the letters to them; `None`: the declaration's.
    pub language: Option<String>,
    /// They want no letters.
    pub opt_out: bool,
}

/// Everything that letters need besides the record.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The rules.
    pub rules: PromptRules,
    /// The templates.
    pub texts: Texts,
    /// How letters leave.
    pub sender: Sender,
    /// Working time of the seller's people.
    pub seller: Calendar,
    /// What the configuration lets count.
    pub terms: Terms,
    /// Who decides about stages.
    pub deal_desk: Option<Person>,
    /// Whether champions get a receipt of what was recorded.
    pub receipts: bool,
    /// Who gets the signed head of the log every day; nobody where no auditor is named.
    pub auditors: Vec<Address>,
    /// Who gets the digest of every week.
    pub digest_to: Vec<Address>,
    /// Buyers of whom nothing is said.
    pub others: Habits,
    /// Buyers by mail domain.
    pub buyers: BTreeMap<String, Habits>,
}

impl Settings {
    /// The habits that hold for an address: those of its domain or of the nearest domain above it.
    pub fn habits(&self, address: &Address) -> &Habits {
        let mut domain = address.domain();
        loop {
            if let Some(habits) = self.buyers.get(domain) {
                return habits;
            }
            match domain.split_once('.') {
                Some((_, above)) => domain = above,
                None => return &self.others,
            }
        }
    }
}

/// The language that a text is written in, of those that have templates, by its commonest words.
pub fn language_of(text: &str) -> &'static str {
    const WORDS: &[(&str, &[&str])] = &[
        (
            "de",
            &["und", "die", "der", "wir", "nicht", "ist", "mit", "für", "sie", "das", "den", "eine", "alle"],
        ),
        (
            "fr",
            &[
                "et", "les", "des", "nous", "vous", "est", "pour", "avec", "une", "votre", "sur", "dans",
                "que",
            ],
        ),
        ("es", &["y", "los", "las", "que", "para", "con", "una", "su", "del", "por", "se", "como", "hemos"]),
        ("en", &["and", "the", "we", "you", "is", "for", "with", "your", "to", "of", "that", "this", "all"]),
    ];
    let words: Vec<String> =
        text.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect();
    let count = |list: &[&str]| words.iter().filter(|w| list.contains(&w.as_str())).count();
    // In a tie the last one wins, and that is English.
    WORDS.iter().max_by_key(|(_, list)| count(list)).map_or("en", |(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_speaks_the_language_of_its_declaration() {
        assert_eq!(
            language_of("Vielen Dank, dass Sie mit uns die Evaluierung und alle Kriterien geprüft haben."),
            "de"
        );
        assert_eq!(
            language_of("Merci d'avoir confirmé que les critères sont remplis pour votre équipe."),
            "fr"
        );
        assert_eq!(language_of("Gracias por confirmar que se cumplen los criterios con su equipo."), "es");
        assert_eq!(language_of("Thank you for the review of all criteria with your team."), "en");
        assert_eq!(language_of(""), "en");
    }
}
