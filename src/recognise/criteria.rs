//! The criteria that a declaration states: lists with marks, lines with results, tables, and prose.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::phrase;
use super::result::{self, anywhere, behind_separator, in_front, whole};
use crate::model::{Criterion, DeclaredResult};
use crate::text::{fixed, squeeze};

/// More lines than this are no success plan; the limit keeps a pasted log from becoming one.
const CRITERIA_MAX: usize = 100;
/// A longer line is a paragraph, in bytes.
const LINE_BYTES_MAX: usize = 600;

/// What a text states.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stated {
    /// The criteria in order.
    pub criteria: Vec<Criterion>,
    /// How many of them carry their own result.
    pub with_result: usize,
}

/// The criteria of the lists in `text`.
pub(super) fn listed(text: &str) -> Stated {
    let mut stated = Stated::default();
    for group in groups(text) {
        let context = group.context();
        let own: Vec<Option<DeclaredResult>> = group.items.iter().map(|i| i.result).collect();
        if own.iter().all(Option::is_none) && context.is_none() {
            continue;
        }
        for item in group.items.iter().filter(|i| !i.text.is_empty()) {
            stated.with_result += usize::from(item.result.is_some());
            let result = item.result.or(context).unwrap_or(DeclaredResult::Unstated);
            push(&mut stated.criteria, &item.text, result);
        }
    }
    stated
}

/// The lists in `text` that name no results at all, for mails that say in a sentence how their criteria came out or
/// ask for it; `headed` wants a line above them that speaks of criteria.
pub(super) fn without_results(text: &str, result: DeclaredResult, headed: bool) -> Vec<Criterion> {
    static OTHER: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"next|step|agenda|question|action|to-?do|attend|attach|topic|naechste|nachste|frage|etape|suite|proxim|pregunta|passi|domande|stappen|vragen|schritt",
        )
    });
    let mut criteria = Vec::new();
    let wanted =
        |g: &&Group| g.items.len() > 1 && !OTHER.is_match(&squeeze(&g.heading)) && (!headed || g.is_headed());
    for group in groups(text).iter().filter(wanted) {
        if group.items.iter().all(|i| i.result.is_none() && !i.text.ends_with('?')) {
            group.items.iter().for_each(|i| push(&mut criteria, &i.text, result));
        }
    }
    criteria
}

/// Results told one sentence each: "Login: passed. Restore: failed."
pub(super) fn in_sentences(sentences: &[&str]) -> Vec<Criterion> {
    let mut criteria = Vec::new();
    for sentence in sentences.iter().map(|s| s.trim()).filter(|s| s.len() < 200) {
        if let Some(found) =
            behind_separator(sentence).filter(|f| f.strict && names_something(sentence, f.text_end))
        {
            push(&mut criteria, sentence.get(..found.text_end).unwrap_or_default(), found.result);
        }
    }
    if criteria.len() > 1 { criteria } else { Vec::new() }
}

/// The criteria that the sentences of `text` name, for mails without a list: what follows "including", else the
/// whole sentence.
pub(super) fn in_prose(sentences: &[&str]) -> Vec<Criterion> {
    static INCLUDING: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"(?i)\b(?:including|such as|namely|among them|in particular|darunter|einschließlich|inklusive|notamment|y compris|dont|incluyendo|incluid[oa]s?|tra cui|inclus[oae]|compres[oae]|incluindo|waaronder|inclusief|herunder|inklusiv|bland annat|w tym)\b[:\s]*(.+)$",
        )
    });
    let mut criteria = Vec::new();
    for sentence in sentences {
        let sentence = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
        let sentence = sentence.trim_end_matches(['.', '!', ';', ':', ',']);
        match INCLUDING.captures(sentence).and_then(|c| c.get(1)) {
            Some(clause) => {
                for piece in pieces(clause.as_str()) {
                    push(&mut criteria, piece, DeclaredResult::Pass);
                }
            }
            None => push(&mut criteria, sentence, DeclaredResult::Pass),
        }
    }
    criteria
}

fn push(criteria: &mut Vec<Criterion>, text: &str, result: DeclaredResult) {
    let text = text.trim().trim_matches(['*', '_']).trim_end_matches([':', '-', '–', '—', ',', ';']).trim();
    if text.is_empty() || criteria.len() >= CRITERIA_MAX {
        return;
    }
    let n = u32::try_from(criteria.len() + 1).unwrap_or(u32::MAX);
    criteria.push(Criterion { n, text: text.to_owned(), result });
}

/// A clause cut at its commas; at its last "and" only when there are commas, for "backup and restore" is one.
fn pieces(clause: &str) -> Vec<&str> {
    static COMMA: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"\s*(?:;|,\s+(?:and|und|et|y|e|en|og|och)\b|,(?:\s))\s*"));
    static LAST_AND: LazyLock<Regex> = LazyLock::new(|| fixed(r"\s+(?:and|und|et|y|e|en|og|och)\s+"));
    let mut pieces: Vec<&str> = COMMA.split(clause).filter(|p| !p.trim().is_empty()).collect();
    if pieces.len() > 1
        && let Some(last) = pieces.pop()
    {
        pieces.extend(LAST_AND.splitn(last, 2));
    }
    pieces
}

/// A line of a list, its wraps joined.
#[derive(Debug, Default)]
struct Item {
    text: String,
    result: Option<DeclaredResult>,
    indent: usize,
    /// Nothing more belongs to it.
    closed: bool,
    /// Read from two lines, criterion and result.
    paired: bool,
}

/// Items without prose between them.
#[derive(Debug, Default)]
struct Group {
    heading: String,
    items: Vec<Item>,
}

/// What a line above a list of criteria is about.
static SUBJECT: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"criteri|kriteri|requirement|anforderung|exigence|requisit|use case|eis|krav"));

impl Group {
    /// Whether the line above the list speaks of criteria.
    fn is_headed(&self) -> bool {
        SUBJECT.is_match(&squeeze(&self.heading))
    }

    /// What the line above the list says of all its items: "Passed:", "These criteria were met:".
    fn context(&self) -> Option<DeclaredResult> {
        let folded = squeeze(&self.heading);
        let heading = folded.strip_suffix(':')?;
        let sentence = heading.rsplit(". ").next().unwrap_or(heading);
        if self.items.iter().any(|i| i.text.ends_with('?')) || sentence.ends_with('?') {
            return None;
        }
        // "The success criteria:" names no result; only a sentence that they were met speaks for good ones.
        let told = || match anywhere(sentence) {
            Some(DeclaredResult::Pass) | None => {
                phrase::reports_met(sentence).then_some(DeclaredResult::Pass)
            }
            other => other,
        };
        whole(sentence).or_else(|| SUBJECT.is_match(sentence).then(told).flatten())
    }
}

fn groups(text: &str) -> Vec<Group> {
    let mut groups = vec![Group::default()];
    let mut last_prose: Option<&str> = None;
    let (mut gap, mut in_table) = (false, false);
    for line in text.lines() {
        let line = line.trim_end();
        if line.trim().is_empty() || is_rule(line) {
            gap |= line.trim().is_empty();
            in_table &= !line.trim().is_empty();
            close_last(&mut groups);
            continue;
        }
        in_table = in_table && cells(line).is_none();
        if let Some((text, result)) = result::at_end(line).filter(|_| in_table) {
            add(
                &mut groups,
                Item { text: text.into(), result: Some(result), closed: true, ..Item::default() },
            );
            last_prose = None;
            continue;
        }
        in_table = is_table_head(line);
        if !begins_item(line) && join(&mut groups, line) {
            gap = false;
            continue;
        }
        if line.len() <= LINE_BYTES_MAX
            && let Some(item) = item(line)
        {
            add(&mut groups, item);
            last_prose = None;
        } else if let (Some(result), Some(above)) = (whole(line), last_prose.take()) {
            // A table whose cells came as lines of their own.
            forget_heading(&mut groups, above);
            add(
                &mut groups,
                Item {
                    text: above.trim().into(),
                    result: Some(result),
                    closed: true,
                    paired: true,
                    ..Item::default()
                },
            );
        } else {
            prose(&mut groups, line, gap);
            last_prose = Some(line);
        }
        gap = false;
    }
    for item in groups.iter_mut().flat_map(|g| &mut g.items) {
        settle(item);
    }
    // A single pair is a wrapped sentence: "… the evaluation a / success."
    if groups.iter().flat_map(|g| &g.items).filter(|i| i.paired).count() < 2 {
        groups.iter_mut().for_each(|g| g.items.retain(|i| !i.paired));
    }
    groups.retain(|g| !g.items.is_empty());
    groups
}

/// Takes the result out of an item whose wraps are joined.
fn settle(item: &mut Item) {
    // "Login\n   Result: Passed": the word for the result belongs to no criterion.
    static LABEL: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"(?i)[\s,;:–—-]+(?:test )?(?:results?|status|outcome|ergebnis|résultat|statut|resultado|estado|risultato|stato|esito|resultaat|resultat)\s*$",
        )
    });
    let (text, own) = match behind_separator(&item.text) {
        Some(found) => {
            let text = item.text.get(..found.text_end).unwrap_or_default();
            (LABEL.replace(text, "").into_owned(), Some(found.result))
        }
        None => match in_front(&item.text) {
            Some((result, rest)) => (rest.to_owned(), Some(result)),
            None => return,
        },
    };
    item.text = text;
    item.result = own.or(item.result);
}

fn add(groups: &mut [Group], item: Item) {
    close_last(groups);
    if let Some(group) = groups.last_mut() {
        group.items.push(item);
    }
}

fn close_last(groups: &mut [Group]) {
    if let Some(item) = groups.last_mut().and_then(|g| g.items.last_mut()) {
        item.closed = true;
    }
}

/// Joins a wrapped line to the item above it.
fn join(groups: &mut [Group], line: &str) -> bool {
    let Some(item) = groups.last_mut().and_then(|g| g.items.last_mut()).filter(|i| !i.closed) else {
        return false;
    };
    let indent = line.len() - line.trim_start().len();
    let complete =
        behind_separator(&item.text).is_some_and(|f| f.strict) || item.text.ends_with(['.', '!', '?']);
    let in_brackets = item.text.matches('(').count() > item.text.matches(')').count();
    if complete && !in_brackets && indent <= item.indent {
        return false;
    }
    item.text.push(' ');
    item.text.push_str(line.trim());
    true
}

fn prose(groups: &mut Vec<Group>, line: &str, gap: bool) {
    if groups.last().is_none_or(|g| !g.items.is_empty()) {
        groups.push(Group::default());
    }
    if let Some(group) = groups.last_mut() {
        if gap {
            group.heading.clear();
        }
        group.heading.push(' ');
        group.heading.push_str(line.trim());
    }
}

fn forget_heading(groups: &mut Vec<Group>, line: &str) {
    if let Some(group) = groups.last_mut() {
        let kept = group.heading.strip_suffix(line.trim()).map(str::to_owned);
        group.heading = kept.unwrap_or_default();
    }
    // A pair continues the table above it.
    if groups.len() > 1 && groups.last().is_some_and(|g| g.items.is_empty() && g.heading.trim().is_empty()) {
        groups.pop();
    }
}

/// Whether a line opens an item by its mark; a dash in front of a bare result closes the item above it.
fn begins_item(line: &str) -> bool {
    let bare = || whole(line.trim_start_matches(['-', '–', '—', ' ', '\t'])).is_some();
    marked(line).is_some_and(|c| c.name("bullet").is_some() || c.name("mark").is_some()) && !bare()
}

fn marked(line: &str) -> Option<Captures<'_>> {
    static MARKED: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"^(?P<bullet>\s*(?:(?:[-*•·◦▪‣●○■►▶➤➢⇒→+–—]|\(?\d{1,2}[.)]|\(?[a-z][.)])\s+|・\s*|\d{1,2}[．、]\s*))?\s*(?:(?P<mark>\[[ xX✓✔✗~-]?\]|☐|☑|☒|✅|✔|✓|✗|✘|❌|✖|⚠|🟢|🟡|🟠|🔴|🟩|🟨|🟥|⏳|👍|👎|:white_check_mark:|:x:)\x{fe0f}?\s*)?(?P<text>\S.*)$",
        )
    });
    MARKED.captures(line)
}

/// Reads a line as an item: a list mark, cells of a table, or a result at its end.
fn item(line: &str) -> Option<Item> {
    let indent = line.len() - line.trim_start().len();
    if let Some((text, result)) = cells(line) {
        return Some(Item { text, result: Some(result), indent, closed: true, paired: false });
    }
    let found = marked(line)?;
    let text = found.name("text")?.as_str();
    let mark = found.name("mark").and_then(|m| result::mark(m.as_str()));
    if found.name("bullet").is_some() || mark.is_some() {
        return Some(Item { text: text.trim().into(), result: mark, indent, closed: false, paired: false });
    }
    if in_front(line).is_some_and(|(_, rest)| line.len() < 200 && line.len() - rest.len() > 5) {
        return Some(Item { text: line.trim().into(), result: None, indent, closed: true, paired: false });
    }
    let stated = behind_separator(line)
        .is_some_and(|f| f.strict && line.len() < 200 && names_something(line, f.text_end));
    stated.then(|| Item { text: line.trim().into(), result: None, indent, closed: true, paired: false })
}

/// Whether the text in front of a result is a criterion and not a word for the result itself.
fn names_something(line: &str, end: usize) -> bool {
    static LABEL: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"^(?:the )?(?:overall|total|results?|status|summary|outcome|verdict|conclusion|criteria|gesamt|ergebnis|resultado?|risultato|resultaat|resultat|statut|estado|stato|next steps?|ps|note)\b[^-:]{0,25}$",
        )
    });
    line.get(..end).is_some_and(|text| !text.trim().is_empty() && !LABEL.is_match(&squeeze(text)))
}

/// A row of a table: cells with bars, tabs or wide gaps between them, one of which is a result.
fn cells(line: &str) -> Option<(String, DeclaredResult)> {
    static GAP: LazyLock<Regex> = LazyLock::new(|| fixed(r"\s*[|│¦]\s*|\t+| {3,}"));
    let cells: Vec<&str> = GAP.split(line.trim()).map(str::trim).filter(|c| !c.is_empty()).collect();
    let at = cells.iter().skip(1).position(|c| whole(c).is_some())? + 1;
    let result = whole(cells.get(at)?)?;
    let numbered =
        |c: &str| c.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ')' | '#' | '*' | '-' | ' '));
    let text = cells.get(..at)?.iter().find(|c| !numbered(c) && result::mark(c).is_none())?;
    let text = item(text).map_or((*text).to_owned(), |i| i.text);
    Some((text, result))
}

/// The head of a table whose cells were laid out with single spaces: "Criterion Target Result".
fn is_table_head(line: &str) -> bool {
    static HEAD: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"^(?:#|no\.?|nr\.?)? ?(?:success |acceptance )?(?:criteri|kriteri|requirement|anforderung|exigence|requisit|use case|test|item|eis|krav)[^.:?!]{0,60} (?:results?|status|outcome|verdict|pass/fail|ergebnis|resultat|statut|resultado|estado|risultato|esito|stato|resultaat)$",
        )
    });
    HEAD.is_match(&squeeze(line))
}

/// A line that only draws: rules of tables and underlines.
fn is_rule(line: &str) -> bool {
    line.chars().all(|c| matches!(c, '-' | '=' | '_' | '+' | '|' | ':' | '*' | ' ' | '─' | '│' | '┼' | '━'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use DeclaredResult::{Fail, Open, Partial, Pass, Unstated};

    fn read(text: &str) -> Vec<(String, DeclaredResult)> {
        listed(text).criteria.into_iter().map(|c| (c.text, c.result)).collect()
    }

    fn want(list: &[(&str, DeclaredResult)]) -> Vec<(String, DeclaredResult)> {
        list.iter().map(|(t, r)| ((*t).to_owned(), *r)).collect()
    }

    #[test]
    fn reads_lists_in_many_hands() {
        let plain = want(&[("Login through SAML", Pass), ("Restore in 4 hours", Fail)]);
        for text in [
            "Results:\n\n✅ Login through SAML — Passed\n❌ Restore in 4 hours — Not met (it took 6)\n\nKim",
            "- Login through SAML: Passed\n- Restore in 4 hours: Failed\n",
            "1. Login through SAML - Passed\n2. Restore in 4 hours - Failed\n",
            "* [x] Login through SAML\n* ❌ Restore in 4 hours\n",
            "Login through SAML — Passed\nRestore in 4 hours — Not met\n",
            "| Criterion | Result |\n|---|---|\n| Login through SAML | Passed |\n| Restore in 4 hours | Failed |\n",
            "1\tLogin through SAML\tPassed\n2\tRestore in 4 hours\tFailed\ttook 6\n",
            "Criterion\nResult\nLogin through SAML\nPassed\nRestore in 4 hours\nFailed\n",
            "Passed: Login through SAML\n\nFailed: Restore in 4 hours"
                .replace("Passed:", "- Passed:")
                .replace("Failed:", "- Failed:")
                .as_str(),
            "1) Login through SAML\n   — Passed\n\n2) Restore in 4\n   hours — Failed\n",
        ] {
            assert_eq!(read(text), plain, "{text}");
        }
    }

    #[test]
    fn a_table_may_have_lost_its_gaps() {
        let text = "Criterion Target Result\nLogin through SAML all users Pass\nRestore under 4 hours Not met\n\nWe met on Friday and all did pass\n";
        assert_eq!(
            read(text),
            want(&[("Login through SAML all users", Pass), ("Restore under 4 hours", Fail)])
        );
    }

    #[test]
    fn wraps_end_at_the_result() {
        let text = "✅ Ingest of 40k events\n  per second — Passed\n✅ Failover — Open (fix due\n   next week)\nFrom our side this is all.";
        assert_eq!(read(text), want(&[("Ingest of 40k events per second", Pass), ("Failover", Open)]));
    }

    #[test]
    fn other_lists_are_left_out() {
        let text = "Criteria:\n1. Login - Passed\n2. Restore - Partial\n3. Audit trail\n\nNext steps:\n- Lee calls on Monday\n- We send the paper\n";
        assert_eq!(read(text), want(&[("Login", Pass), ("Restore", Partial), ("Audit trail", Unstated)]));
        assert_eq!(read("Some questions:\n1. How many nodes?\n2. Which region?\n"), []);
        assert_eq!(read("Status: Passed\nResult - open\n"), []);
    }

    #[test]
    fn a_wrapped_sentence_is_no_pair() {
        let text = "Criteria:\n- Login: Passed\n\nDo you consider the evaluation a\nsuccess.\n";
        assert_eq!(read(text), want(&[("Login", Pass)]));
    }

    #[test]
    fn sentences_may_tell_results() {
        let told = in_sentences(&["The trial is over. ", "Login: passed. ", "Restore: failed. "]);
        assert_eq!(told.iter().map(|c| c.result).collect::<Vec<_>>(), [Pass, Fail]);
        assert!(in_sentences(&["Login: passed. "]).is_empty(), "one sentence is no list");
    }

    #[test]
    fn lists_without_results_need_a_heading() {
        let text =
            "The results against the criteria:\n1. Login\n2. Restore\n\nNext steps:\n- call\n- paper\n";
        let texts =
            |headed| without_results(text, Unstated, headed).into_iter().map(|c| c.text).collect::<Vec<_>>();
        assert_eq!(texts(true), ["Login", "Restore"]);
        assert!(without_results("1. Login\n2. Restore\n", Unstated, true).is_empty());
    }

    #[test]
    fn the_line_above_speaks_for_the_list() {
        let text = "The following criteria were met:\n- Login\n- Restore\n\nStill open:\n- Audit trail\n";
        assert_eq!(read(text), want(&[("Login", Pass), ("Restore", Pass), ("Audit trail", Open)]));
    }

    #[test]
    fn prose_keeps_the_figure() {
        let criteria =
            in_prose(&["we validated the 3 required criteria, including a 43% cut of the\nrepair time"]);
        assert_eq!(
            criteria.iter().map(|c| c.text.as_str()).collect::<Vec<_>>(),
            ["a 43% cut of the repair time"]
        );
        assert_eq!(in_prose(&["all four criteria were met."])[0].text, "all four criteria were met");
    }
}
