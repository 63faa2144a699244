//! The words by which mail programs mark what they quote, per language: the tables of `data/words.toml`. All of them
//! are folded with the fold that mail goes through.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Kinds of label in the header block of a quoted mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Label {
    /// Who wrote it.
    From,
    /// When.
    Date,
    /// To whom.
    To,
    /// About what.
    Subject,
    /// Anything else a header block may hold.
    Other,
}

/// Labels with the table that holds their words.
pub(super) const LABELS: [(Label, Table); 5] = [
    (Label::From, Table("labels", "from")),
    (Label::Date, Table("labels", "date")),
    (Label::To, Table("labels", "to")),
    (Label::Subject, Table("labels", "subject")),
    (Label::Other, Table("labels", "other")),
];

/// "wrote" and its kin as they stand in attribution lines.
pub(super) const VERBS: Table = Table("attribution", "verbs");
/// The same in scripts that put no space between words.
pub(super) const VERBS_UNSPACED: Table = Table("attribution", "verbs_unspaced");
/// Words with which an attribution begins.
pub(super) const LEADS: Table = Table("attribution", "leads");
/// Leads that stand without a space behind them.
pub(super) const LEADS_UNSPACED: Table = Table("attribution", "leads_unspaced");
/// Weekdays and months.
pub(super) const CALENDAR: Table = Table("attribution", "calendar");
/// Weekdays of one or two letters.
pub(super) const WEEKDAYS: Table = Table("attribution", "weekdays");
/// Text between the dashes of a divider.
pub(super) const DIVIDERS: Table = Table("dividers", "original");
/// The same for forwarded mail.
pub(super) const FORWARDS: Table = Table("dividers", "forwarded");
/// Lines without dashes that begin a forwarded mail.
pub(super) const FORWARD_LINES: Table = Table("dividers", "forward_lines");
/// How mobile and advertising taglines begin.
pub(super) const TAGLINES: Table = Table("closings", "taglines");
/// Phrases that hardly stand outside confidentiality notices.
pub(super) const NOTICES: Table = Table("closings", "notices");
/// Words that such notices hold besides.
pub(super) const NOTICE_WORDS: Table = Table("closings", "notice_words");
/// What the other sentences of such notices are about.
pub(super) const NOTICE_SUBJECTS: Table = Table("closings", "notice_subjects");
/// Phrases of the banners of gateways.
pub(super) const BANNERS: Table = Table("closings", "banners");
/// Words that close a letter.
pub(super) const SIGN_OFFS: Table = Table("closings", "sign_offs");

/// A table of words: its section and its key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table(&'static str, &'static str);

type Sections = BTreeMap<String, BTreeMap<String, Vec<String>>>;

impl Table {
    /// Its words, in the order of the file.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        // The file is part of the program; a test reads every table of it.
        static FILE: LazyLock<Sections> =
            LazyLock::new(|| toml::from_str(include_str!("data/words.toml")).unwrap_or_default());
        let table = FILE.get(self.0).and_then(|section| section.get(self.1));
        table.into_iter().flatten().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_there() {
        let sections: Sections = toml::from_str(include_str!("data/words.toml")).unwrap();
        let named: Vec<Table> = [
            VERBS,
            VERBS_UNSPACED,
            LEADS,
            LEADS_UNSPACED,
            CALENDAR,
            WEEKDAYS,
            DIVIDERS,
            FORWARDS,
            FORWARD_LINES,
            TAGLINES,
            NOTICES,
            NOTICE_WORDS,
            NOTICE_SUBJECTS,
            BANNERS,
            SIGN_OFFS,
        ]
        .into_iter()
        .chain(LABELS.map(|(_, table)| table))
        .collect();
        assert!(named.iter().all(|t| t.words().count() > 0));
        assert_eq!(named.len(), sections.values().map(BTreeMap::len).sum::<usize>());
        assert!(sections.values().flat_map(BTreeMap::values).flatten().all(|w| !w.trim().is_empty()));
    }
}
