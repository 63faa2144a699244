//! "On … wrote:" in any language, by evidence: a window of one to four joined lines is an attribution when
//! date, address, verb, lead word, final colon and the quote below it bear each other out.

use std::sync::LazyLock;

use regex::Regex;

use super::lines::{Line, Mark};
use super::markers::{CALENDAR, LEADS, LEADS_UNSPACED, Table, VERBS, VERBS_UNSPACED, WEEKDAYS};
use crate::text::{fixed, fold};

/// Most lines that a wrapped attribution takes.
const LINES_MAX: usize = 4;
/// "wrote:" on a line of its own is not longer than this, in bytes of folded text.
const TAIL_BYTES_MAX: usize = 24;
/// Longest attribution, in bytes of folded text.
const BYTES_MAX: usize = 400;

/// An attribution found at a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// How many lines it takes.
    pub lines: usize,
    /// Whether the evidence allows to drop unmarked text below it; if not, that text is only unsure.
    pub strong: bool,
}

/// The attribution that begins at line `i`, if any.
pub(super) fn find(lines: &[Line<'_>], i: usize) -> Option<Found> {
    let first = lines.get(i)?;
    if first.is_blank() || first.folded.len() > BYTES_MAX {
        return None;
    }
    if first.mark == Mark::Attribution {
        let n = lines.iter().skip(i).take_while(|l| l.mark == Mark::Attribution).count();
        return Some(Found { lines: n, strong: true });
    }
    let found = window(lines, i)?;
    // A later line of the window that is an attribution by itself must not be swallowed together with typed
    // text above it, unless the first line visibly begins one.
    let inner = (1..found.lines).any(|k| window(lines, i + k).is_some_and(|f| f.lines + k == found.lines));
    let begins = || opens(&first.folded) || names_author(lines, i, found.lines);
    if inner && !begins() { None } else { Some(found) }
}

/// Whether a line follows that is quoted deeper than line `i`, within the next few lines from `from`.
pub(super) fn quote_follows(lines: &[Line<'_>], i: usize, from: usize) -> bool {
    let depth = lines.get(i).map_or(0, |l| l.depth);
    lines.iter().skip(from).take(4).find(|l| !l.is_blank()).is_some_and(|l| {
        l.depth > depth && l.folded != ":" && !is_torn_verb(l)
            || l.body.starts_with('\t')
            || l.body.starts_with("| ")
            || l.mark == Mark::Indented
    })
}

/// Whether a line is nothing but the end of an attribution: "wrote:".
fn is_torn_verb(line: &Line<'_>) -> bool {
    line.folded.len() <= TAIL_BYTES_MAX
        && line.folded.ends_with(':')
        && WORDS.verb_ends.is_match(&line.folded)
}

/// Whether an angle bracket is still open at the end of `text`.
fn is_open(text: &str) -> bool {
    text.matches('<').count() > text.matches('>').count()
}

struct Words {
    verb: Regex,
    verb_ends: Regex,
    verb_then_when: Regex,
    lead: Regex,
    starts_with_date: Regex,
    date: Regex,
    mail: Regex,
    mail_ends: Regex,
    mail_then_verb: Regex,
    dashed: Regex,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let verbs = format!("(?:(?:^|[^a-z])(?:{})|{})", alternatives(VERBS), alternatives(VERBS_UNSPACED));
    let patterns = |table: Table| table.words().map(|w| fold(w).text).collect::<Vec<_>>().join("|");
    let leads = patterns(LEADS);
    let names = alternatives(CALENDAR);
    let weekdays = alternatives(WEEKDAYS);
    let cjk = patterns(LEADS_UNSPACED);
    let mail = r"[^\s<>@()\[\]]+@[^\s<>@()\[\]]+|<[^<>@\s]{0,40}>";
    let number_date = r"(?:19|20)\d\d\b|\b\d{1,2}[./\-]\d{1,2}[./\-]\d{2,4}|\b\d{1,2}[:h]\d\d|年|月|日";
    let hangul = fold("년|월|일").text;
    Words {
        verb: fixed(&format!(r"{verbs}(?:$|[^a-z])")),
        verb_ends: fixed(&format!(r"{verbs}\s*:?\s*[-*_]*$")),
        verb_then_when: fixed(&format!(r"{verbs}\s+(?:am|den|op|on|le|el|w dniu|dnia|\(|\d|kl|{names})")),
        lead: fixed(&format!(r"^[-\s]*(?:(?:{leads})(?:$|[\s,])|{cjk})")),
        starts_with_date: fixed(&format!(
            r"^[\[(]?(?:\d|(?:{names})[a-zа-я]{{0,7}}[.,]{{0,2}} (?:\d|[a-z]{{3,9}}[.,]? \d)|(?:{weekdays})[.,]{{0,2}} \d)"
        )),
        date: fixed(&format!(
            r"{number_date}|\d\s?(?:{hangul})|\b\d{{1,2}}[.,]? (?:de )?(?:{names})|\b(?:{names})[a-z]{{0,7}}[.,]? \d{{1,2}}\b"
        )),
        mail: fixed(mail),
        mail_ends: fixed(&format!(r"(?:{mail})[>)\]\x22']*\s*:?\s*$")),
        mail_then_verb: fixed(&format!(r"(?:{mail})[>)\]]*\s*{verbs}(?:$|[^a-z])")),
        dashed: fixed(&format!(r"^-{{2,}}\s.*{verbs}\s*:?\s*-{{2,}}$")),
    }
});

/// Folds a table into one alternation, longest first, specials escaped.
fn alternatives(table: Table) -> String {
    let mut words: Vec<String> =
        table.words().map(|w| regex::escape(fold(w).text.trim())).filter(|w| !w.is_empty()).collect();
    words.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    words.dedup();
    words.join("|")
}

fn window(lines: &[Line<'_>], i: usize) -> Option<Found> {
    let depth = lines.get(i)?.depth;
    let mut joined = String::new();
    let mut parted = false;
    for n in 1..=LINES_MAX + 1 {
        let line = lines.get(i + n - 1)?;
        // "<a@b\n>:" and "<a@b\n> wrote:" leave a last line that only looks like a quote.
        let tail = n > 1
            && line.depth == depth + 1
            && (line.folded == ":" || is_torn_verb(line) && is_open(&joined));
        // Polymail parts the address from the name by an empty line.
        if line.is_blank() && n > 1 && !parted && lines.get(i + n).is_some_and(|l| l.folded == "<") {
            parted = true;
            continue;
        }
        if line.is_blank()
            || (line.depth != depth && !tail)
            || line.mark == Mark::Hidden
            || n > LINES_MAX && !parted
        {
            return None;
        }
        if tail {
            joined.push('>');
        }
        if n > 1 && !line.folded.starts_with(['>', ':']) {
            joined.push(' ');
        }
        joined.push_str(line.folded.trim_matches(['*', '_', ' ', '|']));
        if joined.len() > BYTES_MAX {
            return None;
        }
        let below = lines.iter().skip(i + n).find(|l| !l.is_blank()).is_none();
        let quoted = quote_follows(lines, i, i + n);
        if let Some(strong) = weigh(&joined, quoted, below) {
            return Some(Found { lines: n, strong });
        }
        if joined.ends_with(':') {
            // Nothing of an attribution stands behind its colon.
            return None;
        }
    }
    None
}

/// Weighs the evidence in a window; `Some(strong)` when it is an attribution.
fn weigh(text: &str, quoted: bool, nothing_below: bool) -> Option<bool> {
    let closed = text.trim_end_matches([' ', '-', '*', '_', '>', '"', ')', ']']);
    let colon = closed.ends_with(':') || text.ends_with(':');
    let dashes = text.ends_with("--");
    let last = text.chars().next_back().unwrap_or(' ');
    // Cheap test first: hostile bodies have many lines, and no attribution ends otherwise.
    let ends = colon
        || dashes
        || last == '>'
        || text.starts_with("20")
        || !last.is_ascii()
        || text.ends_with("wrote");
    if !(ends || quoted || nothing_below) {
        return None;
    }
    // So is this: without a quote below, it takes a date or an address.
    let evident = |c: char| matches!(c, '@' | '<') || c.is_numeric();
    if !(quoted || text.chars().any(evident) || dashes && text.contains(|c: char| c.is_alphabetic())) {
        return None;
    }
    let w = &*WORDS;
    if dashes && w.dashed.is_match(text) {
        return Some(true);
    }
    let date = w.date.is_match(text);
    let mail = w.mail.is_match(text);
    if !(date || mail || quoted && colon) {
        return None;
    }
    let opens = w.lead.is_match(text) || w.starts_with_date.is_match(text);
    let verb = w.verb.is_match(text);
    let verb_ends = verb && w.verb_ends.is_match(text);
    if verb_ends && (colon || quoted || (opens && date && mail)) && (date || mail || (quoted && colon)) {
        // "As the auditor wrote on 5 May:" with nothing quoted below may be typed prose.
        return Some(quoted || mail || (opens && date));
    }
    if verb && colon && opens && (date || mail) && !prose(text) {
        return Some(quoted || mail || date);
    }
    if verb && colon && (date || mail) && w.verb_then_when.is_match(text) && !prose(text) {
        return Some(quoted || mail);
    }
    if verb && date && mail && (quoted || colon && w.mail_then_verb.is_match(text) && text.len() < 200) {
        return Some(true);
    }
    if date && mail && opens && (colon || quoted) && w.mail_ends.is_match(text) && !prose(text) {
        return Some(true);
    }
    static OLD_GMAIL: LazyLock<Regex> = LazyLock::new(|| fixed(r"^20\d\d-\d\d-\d\d \d\d?:\d\d gmt[+-]\d"));
    if text.starts_with("20") && OLD_GMAIL.is_match(text) {
        return Some(true);
    }
    // Horde and old Kmail: "Quoting Kim Doe <kim@seller.example>:".
    static QUOTING: LazyLock<Regex> = LazyLock::new(|| {
        fixed(r"^(?:quoting|zitat von|citando a?|citat fran|cytowanie|citeren|citado por) .{2,120}:$")
    });
    if colon && (mail || quoted) && text.starts_with(['q', 'z', 'c']) && QUOTING.is_match(text) {
        return Some(true);
    }
    // A name, an address in angle brackets and a date, in any order, and a quote below: somebody's own format.
    if colon && date && mail && text.contains('<') && text.len() < 140 && !prose(text) {
        return Some(quoted);
    }
    // Older still: "2013/11/1 Kim <kim@seller.example>".
    let year_first = text.get(..5).is_some_and(|t| t.ends_with(['/', '-']) && t.starts_with("20"));
    (year_first && mail && w.mail_ends.is_match(text) && text.len() < 140).then_some(true)
}

/// A sentence with clauses before its colon: an attribution has no full stop followed by words.
fn prose(text: &str) -> bool {
    static SENTENCE: LazyLock<Regex> = LazyLock::new(|| fixed(r"[a-z]{4,}[.!?] [a-z]{2,} [a-z]"));
    SENTENCE.is_match(text)
}

/// Whether the first line of a window visibly begins an attribution; a typed sentence does not.
fn opens(first_line: &str) -> bool {
    let w = &*WORDS;
    let text = first_line.trim_matches(['*', '_', ' ', '|']);
    if prose(text) || text.len() > 120 || (text.len() >= 24 && text.ends_with(['.', '!', '?'])) {
        return false;
    }
    let date = w.date.is_match(text);
    (date && w.starts_with_date.is_match(text))
        // A lone word is a name ("Dana" is a lead in one language, and signs in another).
        || (w.lead.is_match(text) && (date || w.mail.is_match(text) || text.len() < 24 && text.contains(' ')))
}

/// Whether the first line is nothing but a name with its address (and perhaps a date), and the rest names nobody.
fn names_author(lines: &[Line<'_>], i: usize, count: usize) -> bool {
    let named = |l: &Line<'_>| l.folded.contains(['@', '<']);
    let Some((name, behind)) = lines.get(i).and_then(|l| l.body.split_once('<')) else { return false };
    let capital =
        |w: &str| !w.starts_with(char::is_lowercase) || matches!(w, "via" | "von" | "van" | "de" | "der");
    name.split_whitespace().count() <= 5
        && name.split_whitespace().all(capital)
        && !name.contains(['!', '?', ';'])
        && behind.split_once('>').is_some_and(|(_, rest)| rest.split_whitespace().count() <= 5)
        && !lines.iter().skip(i + 1).take(count - 1).any(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::lines::plain_lines;

    fn strong(text: &str) -> Option<bool> {
        let lines = plain_lines(text);
        find(&lines, 0).map(|f| f.strong)
    }

    #[test]
    fn languages() {
        for line in [
            "On Tue, Nov 3, 2026 at 10:12 AM Kim Doe <kim@seller.example> wrote:",
            "Le mar. 3 nov. 2026 à 10:12, Kim Doe <kim@seller.example> a écrit :",
            "El mar, 3 nov 2026 a las 10:12, Kim Doe (<kim@seller.example>) escribió:",
            "Em ter., 3 de nov. de 2026 às 10:12, Kim Doe <kim@seller.example> escreveu:",
            "Il giorno mar 3 nov 2026 alle ore 10:12 Kim Doe <kim@seller.example> ha scritto:",
            "Am Di., 3. Nov. 2026 um 10:12 Uhr schrieb Kim Doe <kim@seller.example>:",
            "Am 03.11.26 um 10:12 schrieb Kim Doe:",
            "Kim Doe <kim@seller.example> schrieb am Di., 3. Nov. 2026, 10:12:",
            "Op di 3 nov 2026 om 10:12 schreef Kim Doe <kim@seller.example>:",
            "Den tis 3 nov. 2026 kl 10:12 skrev Kim Doe <kim@seller.example>:",
            "tir. 3. nov. 2026 kl. 10:12 skrev Kim Doe <kim@seller.example>:",
            "ti 3. marrask. 2026 klo 10.12 Kim Doe (kim@seller.example) kirjoitti:",
            "wt., 3 lis 2026 o 10:12 Kim Doe <kim@seller.example> napisał(a):",
            "út 3. 11. 2026 v 10:12 odesílatel Kim Doe <kim@seller.example> napsal:",
            "ut 3. 11. 2026 o 10:12 Kim Doe <kim@seller.example> napísal(a):",
            "Kim Doe <kim@seller.example> ezt írta (időpont: 2026. nov. 3., K, 10:12):",
            "În mar., 3 nov. 2026 la 10:12, Kim Doe <kim@seller.example> a scris:",
            "вт, 3 нояб. 2026 г. в 10:12, Kim Doe <kim@seller.example>:",
            "вт, 3 лист. 2026 р. о 10:12 Kim Doe <kim@seller.example> пише:",
            "3 Kas 2026 Sal 10:12 tarihinde Kim Doe <kim@seller.example> şunu yazdı:",
            "Στις Τρί 3 Νοε 2026 στις 10:12 π.μ., ο χρήστης Kim Doe <kim@seller.example> έγραψε:",
            "Vào Th 3, 3 thg 11, 2026 vào lúc 10:12 Kim Doe <kim@seller.example> đã viết:",
            "Pada tanggal Sel, 3 Nov 2026 pukul 10.12 Kim Doe <kim@seller.example> menulis:",
            "Kim Doe <kim@seller.example> 于2026年11月3日周二 10:12写道：",
            "在 2026年11月3日，Kim Doe <kim@seller.example> 写道：",
            "2026年11月3日(火) 10:12 Kim Doe <kim@seller.example>:",
            "2026년 11월 3일 (화) 오전 10:12, Kim Doe <kim@seller.example>님이 작성:",
            "בתאריך יום ג׳, 3 בנוב׳ 2026 ב-10:12 מאת Kim Doe <kim@seller.example>:",
            "في الثلاثاء، 3 نوفمبر 2026 في 10:12 ص كتب Kim Doe <kim@seller.example>:",
            "---- On Tue, 03 Nov 2026 10:12:00 +0000 Kim Doe <kim@seller.example> wrote ----",
            "2013/11/1 Kim Doe <kim@seller.example>",
            "Kim Doe <kim@seller.example> wrote:",
        ] {
            assert_eq!(strong(&format!("{line}\n\n> quoted\n")), Some(true), "{line}");
            assert_eq!(strong(&format!("{line}\nquoted without marks\n")), Some(true), "{line}");
        }
    }

    #[test]
    fn wrapped_lines_are_joined() {
        let text = "On Tue, Nov 3, 2026 at 10:12 AM Kim Doe\n<kim@seller.example> wrote:\n\n> x\n";
        assert_eq!(find(&plain_lines(text), 0).unwrap().lines, 2);
        let text = "ons. 4. nov. 2026 kl. 10:12 skrev Kim Doe <kim@seller.example\n>:\n\n> x\n";
        assert_eq!(find(&plain_lines(text), 0).unwrap().lines, 2);
    }

    #[test]
    fn typed_lines_are_not_swallowed() {
        let text = "Yes, all good.\nOn Tue, Nov 3, 2026 Kim <kim@seller.example> wrote:\n> x\n";
        let lines = plain_lines(text);
        assert_eq!(find(&lines, 0), None);
        assert!(find(&lines, 1).is_some());
    }

    #[test]
    fn lines_that_only_begin_with_a_digit_are_typed() {
        let text =
            "-1 from both of us, so it is a no\nut 3. 11. 2026 o 10:12 Kim <k@s.example> napísal(a):\n> x\n";
        assert_eq!(find(&plain_lines(text), 0), None);
    }

    #[test]
    fn prose_is_no_attribution() {
        for line in [
            "On Monday we tested the failover and it held.",
            "These are the open points:",
            "Please note what our auditor said:",
            "On 5 May 2026 we start. My colleagues said this is what we need:",
        ] {
            assert_eq!(strong(&format!("{line}\nmore text\n")), None, "{line}");
        }
    }
}
