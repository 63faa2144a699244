//! Typed text that says less than it seems: a conversation pasted from a chat, a mark that points to a footnote.

use std::sync::LazyLock;

use regex::Regex;

use crate::text::fixed;

/// Words that a chat puts before its time: `Yesterday 18:40`.
const DAY: &str =
    "today|yesterday|heute|gestern|aujourd'hui|hier|hoy|ayer|hoje|ontem|oggi|ieri|vandaag|gisteren";

/// Whether lines of a chat stand in it: a name and a time above what was said, or names as labels of what each said.
pub(super) fn is_chat(text: &str) -> bool {
    // "raj  6:40 PM", "Raj Patel, 18:40", "[18:40] Raj Patel:", "Yesterday 18:40" below a name.
    static HEAD: LazyLock<Regex> = LazyLock::new(|| {
        let time = r"\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?: ?[ap]\.?m\.?)?";
        let name = r"\p{L}[\p{L}.'’-]{1,20}(?: \p{L}[\p{L}.'’-]{0,20}){0,2}";
        fixed(&format!(
            r"(?i)^(?:{name}(?: {{2,}}|\t|, ?| [·•|–-] )(?:(?:{DAY}),? (?:at )?)?{time}|(?:{DAY}),? (?:at )?{time}|[\[(]{time}[\])] {name} ?:.*)$"
        ))
    });
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let is_head =
        |pair: &[&str]| matches!(pair, [head, said] if HEAD.is_match(head) && !said.trim().is_empty());
    lines.windows(2).any(is_head) || has_speakers(&lines)
}

/// Two speakers at least, one of them twice or called "me".
fn has_speakers(lines: &[&str]) -> bool {
    const ME: &[&str] = &["me", "ich", "moi", "yo", "eu", "io", "ik", "you"];
    static LABEL: LazyLock<Regex> = LazyLock::new(|| fixed(r"^(\p{L}{2,15}(?: \p{Lu}\p{L}{1,15})?): \S"));
    let labels: Vec<String> =
        lines.iter().filter_map(|line| Some(LABEL.captures(line)?.get(1)?.as_str().to_lowercase())).collect();
    let is_again = |(n, label): (usize, &String)| labels.iter().take(n).any(|before| before == label);
    let others = labels.iter().any(|label| Some(label) != labels.first());
    others && (labels.iter().any(|l| ME.contains(&l.as_str())) || labels.iter().enumerate().any(is_again))
}

/// Whether a word bears a mark that points to a note: "All criteria are met*." A pair of asterisks is emphasis.
pub(super) fn has_footnote(text: &str) -> bool {
    text.lines().any(|line| {
        let mut open = false;
        line.split_whitespace().any(|word| {
            let word =
                word.trim_matches(|c: char| c.is_ascii_punctuation() && c != '*' || c == '”' || c == '“');
            open |= word.starts_with('*') && word.len() > 1;
            let marked = word
                .strip_suffix('*')
                .is_some_and(|w| w.ends_with(char::is_alphanumeric) && !w.contains('*'));
            let closes = word.ends_with('*');
            let is_note = marked && !open || word.ends_with(['†', '‡', '¹']) && word.chars().count() > 2;
            open &= !closes;
            is_note
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_chat_is_found() {
        for text in [
            "fyi from slack\n\nraj  6:40 PM\nYes, a success.\n",
            "Raj: Yes, all met.\nMe: seen the graphs?\nRaj: oh",
            "Raj Patel\nYesterday 18:40\nYes, all met.",
            "[18:40] Raj Patel: yes\n[18:41] Kim: great",
            "Raj Patel, 18:40\nall criteria met",
        ] {
            assert!(is_chat(text), "{text}");
        }
        for text in [
            "Yes, confirmed.\n\nTuesday 10:30 would suit.\nRegards\nDana",
            "Call me at 10:30\nRegards",
            "SSO: passed\nExport: passed\nFailover: passed",
            "Yes.\n\nKick-off, 10:30\n\nDana",
            "PS: one more thing\nNB: closed on Monday",
            "Latency: 40 ms\nYes to all.",
        ] {
            assert!(!is_chat(text), "{text}");
        }
    }

    #[test]
    fn a_mark_of_a_footnote_is_found() {
        for text in
            ["Yes, all criteria are met*.\n\n* in London", "All five* passed", "success† for us", "all met¹"]
        {
            assert!(has_footnote(text), "{text}");
        }
        for text in [
            "*All* criteria are met.",
            "We are *very happy*, all met.",
            "* one\n* two",
            "what a f*** week",
            "3 * 4 = 12",
            "**done**",
            "area in m²",
            "*all met*.",
        ] {
            assert!(!has_footnote(text), "{text}");
        }
    }
}
