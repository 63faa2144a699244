//! Header blocks of quoted mail (From/Sent/To/Subject in any order and language), dividers, and the forms of
//! Lotus Notes.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::lines::{Line, Mark};
use super::markers::{DIVIDERS, FORWARD_LINES, FORWARDS, LABELS, Label, Table};
use crate::text::{fixed, fold};

/// Longest header block, in lines: more recipients than this are folded by no program.
const BLOCK_LINES_MAX: usize = 16;
/// Longest label, in bytes of folded text (Korean labels decompose to many).
const LABEL_BYTES_MAX: usize = 48;

/// How many lines the header block that begins at line `i` takes; 0 when there is none. A lone "From:" never
/// makes one: it takes two or three different kinds of label.
pub(super) fn block(lines: &[Line<'_>], i: usize) -> usize {
    let Some(first) = lines.get(i) else { return 0 };
    let Some(kind) = label(first) else { return 0 };
    if matches!(kind, Label::Other | Label::To) || first.mark == Mark::Hidden {
        return 0;
    }
    let mut seen = vec![kind];
    let mut address = first.folded.contains('@');
    let (mut last, mut gap) = (i, 0);
    for (j, line) in lines.iter().enumerate().skip(i + 1).take(BLOCK_LINES_MAX) {
        if line.depth != first.depth {
            break;
        }
        if line.is_blank() {
            gap += 1;
            if gap > 1 {
                break;
            }
            continue;
        }
        match label(line) {
            Some(kind) => {
                if !seen.contains(&kind) {
                    seen.push(kind);
                }
                (last, gap) = (j, 0);
            }
            None if gap > 0 || j - last > 3 => break,
            None => {}
        }
        address |= line.folded.contains('@') && j - last <= 3;
    }
    // "From: our side all is well." and "Date: 5 May works." are typed: two labels alone must hold no sentence.
    let typed = || lines.iter().take(last + 1).skip(i).any(|l| label(l).is_some() && is_typed(&l.folded));
    if is_block(&seen, address) && !(seen.len() == 2 && typed()) {
        last - i + 1 + recipients_below(lines, last)
    } else {
        0
    }
}

/// Whether a header block holds what programs write into every one: an address, a year or a time. People write
/// "From: Hamburg", "To: Lyon", "Date: Thursday", too.
pub(super) fn is_evident(block: &[Line<'_>]) -> bool {
    static WHEN: LazyLock<Regex> = LazyLock::new(|| fixed(r"\b(?:19|20)\d\d\b|\b\d{1,2}[:.h]\d\d\b|年"));
    block.iter().any(|l| l.folded.contains('@') || WHEN.is_match(&l.folded))
}

/// How many lines of labels without colons begin at line `i`, as eM Client writes them below its divider; 0 when there
/// are less than two kinds.
pub(super) fn bare_block(lines: &[Line<'_>], i: usize) -> usize {
    let kind = |l: &Line<'_>| {
        let (first, rest) = l.folded.split_once(' ')?;
        LABEL_WORDS.get(first).copied().filter(|k| !rest.is_empty() && *k != Label::Other)
    };
    let kinds: Vec<Label> = lines.iter().skip(i).take(BLOCK_LINES_MAX).map_while(kind).collect();
    let distinct = kinds.iter().enumerate().filter(|(n, k)| kinds.iter().take(*n).all(|o| o != *k)).count();
    let addressed = lines.get(i).is_some_and(|l| l.folded.contains('@'));
    if distinct >= 2 && addressed && kinds.first() == Some(&Label::From) { kinds.len() } else { 0 }
}

/// Label words by their folded form.
static LABEL_WORDS: LazyLock<HashMap<String, Label>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    for (kind, words) in LABELS {
        for word in words.words() {
            table.entry(fold(word).text.trim().to_owned()).or_insert(kind);
        }
    }
    table
});

fn is_typed(label_line: &str) -> bool {
    label_line.ends_with(['.', '!', '?', ',']) && label_line.split_whitespace().count() > 4
}

fn is_block(seen: &[Label], address: bool) -> bool {
    let has = |l: Label| seen.contains(&l);
    let kinds = seen.iter().filter(|l| **l != Label::Other).count();
    kinds >= 3
        || kinds == 2 && has(Label::From) && (has(Label::Date) || address || seen.len() >= 3)
        || kinds == 2 && has(Label::Date) && (has(Label::To) || has(Label::Subject)) && address
}

/// Recipients folded below the last label belong to the block.
fn recipients_below(lines: &[Line<'_>], last: usize) -> usize {
    let folded = |l: &&Line<'_>| {
        !l.is_blank() && l.body.starts_with([' ', '\t']) && l.folded.contains('@') && l.folded.len() < 200
    };
    lines.iter().skip(last + 1).take(4).take_while(folded).count()
}

/// The kind of header label that a line begins with.
pub(super) fn label(line: &Line<'_>) -> Option<Label> {
    let text = line.folded.trim_start_matches(['>', '*', '_', ' ', '|', '-']);
    let (name, _) = text.split_once(':')?;
    if name.len() > LABEL_BYTES_MAX {
        return None;
    }
    LABEL_WORDS.get(name.trim_end_matches(['*', '_', ' '])).copied()
}

/// What a divider line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Divider {
    /// A quoted mail.
    Original,
    /// A forwarded mail.
    Forward,
}

/// Whether a line is a divider such as `-----Original Message-----`.
pub(super) fn divider(line: &Line<'_>) -> Option<Divider> {
    static DASHED: LazyLock<Regex> = LazyLock::new(|| pattern(DIVIDERS));
    static FORWARD: LazyLock<Regex> = LazyLock::new(|| pattern(FORWARDS));
    static PLAIN: LazyLock<Regex> = LazyLock::new(|| fixed(&format!(r"^(?:{})\s*:?$", table(FORWARD_LINES))));
    // Ticket systems: "##- Please type your reply above this line -##".
    static REPLY_LINE: LazyLock<Regex> = LazyLock::new(|| {
        fixed(concat!(
            r"^[\s#=*_.\-]*(?:(?:please )?(?:type|write|enter) your (?:reply|response|answer) above this line|reply above this line",
            r"|bitte (?:geben|schreiben) sie ihre antwort (?:uber|oberhalb) dieser (?:linie|zeile).*|(?:veuillez )?(?:repondre|saisir votre reponse) au-dessus de cette ligne",
            r"|(?:por favor,? )?escriba su respuesta (?:por )?encima de esta linea)[\s#=*_.\-]*$"
        ))
    });
    let text = line.folded.as_str();
    if text.len() > 200 || text.len() < 6 {
        return None;
    }
    if text.starts_with("original message processed by") || REPLY_LINE.is_match(text) {
        return Some(Divider::Original);
    }
    if text.starts_with(['-', '_', '=', '*', '|', '>']) {
        if DASHED.is_match(text) {
            return Some(Divider::Original);
        }
        if FORWARD.is_match(text) {
            return Some(Divider::Forward);
        }
    }
    PLAIN.is_match(text.trim_matches(['*', '_', '-', ' '])).then_some(Divider::Forward)
}

fn pattern(words: Table) -> Regex {
    fixed(&format!(
        r"^[\s>*_|]*[-_=]{{2,}}\s*(?:{})\s*:?\s*(?:[-_=]{{2,}}|(?:by|from|von)\s.*)?\s*\*?$",
        table(words)
    ))
}

fn table(words: Table) -> String {
    words.words().map(|w| regex::escape(fold(w).text.trim())).collect::<Vec<_>>().join("|")
}

/// A line of dashes, underscores or the like that only separates.
pub(super) fn is_rule(line: &Line<'_>) -> bool {
    let text = line.folded.as_str();
    (text.len() >= 3 || text == "--" || text == "__")
        && text.chars().all(|c| matches!(c, '-' | '_' | '=' | '*' | ' ' | '~' | '#'))
}

/// How many lines a Lotus Notes / Domino header that begins at line `i` takes; 0 when there is none.
pub(super) fn notes(lines: &[Line<'_>], i: usize) -> usize {
    static DATE: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"^\d{1,2}[/.]\d{1,2}[/.]\d{2,4} \d{1,2}:\d\d(?::\d\d)?(?: [ap]m)?$"));
    static ON: LazyLock<Regex> = LazyLock::new(|| {
        fixed(r"^.{3,90} on \d{1,2}[/.]\d{1,2}[/.]\d{2,4}(?: \d{1,2}:\d\d(?::\d\d)?(?: [ap]m)?)?$")
    });
    static LABEL: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"^(?:to|an|pour|cc|kopie|sent by|gesendet von|please respond to|bitte antwort an|subject|thema):?(?:\s|$)",
        )
    });
    let folded = |k: usize| lines.get(i + k).map_or("", |l| l.folded.as_str());
    if folded(0).is_empty() || folded(0).len() > 160 {
        return 0;
    }
    // (a) name line, date line, "To:" or "Sent by:".
    if DATE.is_match(folded(1)) && LABEL.is_match(folded(2)) {
        return 3;
    }
    // (b) `"Name" <address> on 05/01/2001 10:12:00 AM`, perhaps wrapped, then To/cc/Subject.
    let labelled = |from: usize| (from..from + 5).any(|k| LABEL.is_match(folded(k)));
    if ON.is_match(folded(0)) && labelled(1) {
        return 1;
    }
    if folded(0).len() + folded(1).len() < 160
        && ON.is_match(&format!("{} {}", folded(0), folded(1)))
        && labelled(2)
    {
        return 2;
    }
    // (c) an indented banner, then a tabbed "From:".
    let tabbed = |k: usize| lines.get(i + k).is_some_and(|l| l.body.starts_with('\t'));
    if tabbed(0) && (1..4).any(|k| tabbed(k) && folded(k).starts_with("from: ")) { 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::lines::plain_lines;

    #[test]
    fn blocks_in_any_language_and_order() {
        for text in [
            "From: Kim <kim@seller.example>\nSent: Monday\nTo: Dana\nSubject: x\n",
            "*Von:* Kim <kim@seller.example>\n*Gesendet:* Montag\n*An:* Dana\n*Betreff:* x\n",
            "De : Kim <kim@seller.example>\nEnvoyé : lundi\nÀ : Dana\nObjet : x\n",
            "发件人： Kim <kim@seller.example>\n发送时间： 2026年\n收件人： Dana\n主题： x\n",
            "보낸 사람: Kim <kim@seller.example>\n보낸 날짜: 2026\n받는 사람: Dana\n제목: x\n",
            "Subject: x\nDate: Monday\nFrom: Kim\n",
            "Från: Kim\nSkickat: måndag\nTill: Dana\nÄmne: x\n",
        ] {
            assert!(block(&plain_lines(text), 0) >= 3, "{text}");
        }
    }

    #[test]
    fn a_lone_label_is_no_block() {
        assert_eq!(block(&plain_lines("From: our side all is well.\nWe go on.\n"), 0), 0);
        assert_eq!(block(&plain_lines("Date: 5 May works for us.\nBest\n"), 0), 0);
        assert_eq!(block(&plain_lines("From: our side that is all.\nDate: 5 May works for us.\n"), 0), 0);
    }

    #[test]
    fn dividers() {
        let of = |t: &str| divider(&plain_lines(t)[0]);
        assert_eq!(of("-----Original Message-----"), Some(Divider::Original));
        assert_eq!(of("________ Ursprüngliche Nachricht ________"), Some(Divider::Original));
        assert_eq!(of("---------- Forwarded message ---------"), Some(Divider::Forward));
        assert_eq!(of("Begin forwarded message:"), Some(Divider::Forward));
        assert_eq!(of("- original message was fine"), None);
    }

    #[test]
    fn notes_headers() {
        assert_eq!(notes(&plain_lines("Kim Doe/SE/SELLER\n05/01/2026 10:12 AM\nTo: Dana\n"), 0), 3);
        assert_eq!(notes(&plain_lines("\"Kim\" <k@s.example> on 05/01/2026 10:12:00 AM\nTo: Dana\n"), 0), 1);
    }
}
