//! What stands around the typed text: signatures, mobile taglines, confidentiality notices, gateway banners.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::attribution;
use super::header::{self, is_rule};
use super::lines::Line;
use super::markers::{BANNERS, NOTICE_SUBJECTS, NOTICE_WORDS, NOTICES, SIGN_OFFS, TAGLINES, Table};
use crate::text::{fixed, fixed_set, fold, squeeze};

/// A contact block without delimiter is not longer than this, in lines.
const CONTACT_LINES_MAX: usize = 14;
/// Name, title, department and company take no more lines than this.
const NAME_BLOCK_LINES_MAX: usize = 5;
/// A `--` without the space of RFC 3676 §4.3 counts when at most so many lines with text follow.
const LOOSE_SIGNATURE_LINES_MAX: usize = 14;

/// Longest OpenPGP signature, in lines.
const ARMOR_LINES_MAX: usize = 80;
/// Taglines are short; what is longer may be a sentence that begins alike.
const TAGLINE_WORDS_MAX: usize = 12;

/// Whether a line is the signature delimiter `-- ` (RFC 3676 §4.3), or `--` in front of a short block.
pub(super) fn is_delimiter(lines: &[Line<'_>], i: usize) -> bool {
    let Some(line) = lines.get(i) else { return false };
    let body = line.body.trim_end_matches('\r');
    // RFC 9580 §7.1 puts "- " before a dash.
    if matches!(body, "-- " | "- -- ") {
        return true;
    }
    let loose = matches!(body.trim_end(), "--" | "\u{2014}");
    if !loose && !matches!(body.trim_end(), "---" | "\u{2014}\u{2014}") {
        return false;
    }
    let head = |k: usize| attribution::find(lines, k).is_some() || header::block(lines, k) > 0;
    let block: Vec<&Line<'_>> = (i + 1..i + 1 + 3 * LOOSE_SIGNATURE_LINES_MAX)
        .map_while(|k| lines.get(k).filter(|l| l.depth == line.depth && l.mark == line.mark && !head(k)))
        .take_while(|l| header::divider(l).is_none() && !is_rule(l))
        .filter(|l| !l.is_blank())
        .collect();
    block.len() <= LOOSE_SIGNATURE_LINES_MAX
        && (loose || is_contact(&block))
        && !block.iter().any(|l| is_sentence(&l.folded) && !is_tagline(l))
}

/// How many lines of OpenPGP clear-signing begin at line `i` (RFC 9580 §7): the head, or the whole signature.
pub(super) fn armor(lines: &[Line<'_>], i: usize) -> usize {
    let at = |k: usize| lines.get(k).map_or("", |l| l.folded.as_str());
    if at(i) == "-----begin pgp signed message-----" {
        return 1 + lines.iter().skip(i + 1).take(4).take_while(|l| l.folded.starts_with("hash:")).count();
    }
    if at(i) != "-----begin pgp signature-----" {
        return 0;
    }
    let end =
        lines.iter().skip(i).take(ARMOR_LINES_MAX).position(|l| l.folded == "-----end pgp signature-----");
    end.map_or(0, |n| n + 1)
}

/// Whether a rule line stands above the footer of a mailing list or of a virus scanner.
pub(super) fn is_list_footer(lines: &[Line<'_>], i: usize) -> bool {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"mailing list$|mailing list (?:-|<)|you received this message because you are subscribed|to unsubscribe from this|/mailman/|^this e-?mail has been (?:checked|scanned) |^diese e-?mail wurde .{0,40}auf viren |^(?:virus-free|virenfrei|sans virus|libre de virus|virus-vrij)\\.|^l'absence de virus dans ce courrier|^este (?:correo|e-?mail) .{0,60}virus",
        )
    });
    lines.get(i).is_some_and(|l| is_rule(l) || l.folded == "--" || l.folded == "__")
        && lines.iter().skip(i + 1).take(2).any(|l| WORDS.is_match(&l.folded))
}

/// "Sent from my phone": a whole short line.
pub(super) fn is_tagline(line: &Line<'_>) -> bool {
    static START: LazyLock<Regex> =
        LazyLock::new(|| fixed(&format!(r"^\W{{0,4}}(?:{})", folded(&[TAGLINES]).join("|"))));
    static LINKS: LazyLock<Regex> = LazyLock::new(|| fixed(r"<[^>]*>|\([^)]*\)|\[[^\]]*\]|https?://\S+"));
    // Words behind a full stop, or a verdict: somebody typed a sentence that begins like a tagline.
    static SENTENCE: LazyLock<Regex> = LazyLock::new(|| {
        fixed(r"[.!?,;]\s*\w+|\b(?:is|are|was|we|you|yes|no|not|but|confirm|confirmed|agree)\b")
    });
    static EXCUSE: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"excuse|forgive|brevity|typos?|sorry for|autocorrect"));
    let text = line.folded.as_str();
    if text.is_empty() || text.len() > 240 || !START.is_match(text) {
        return false;
    }
    let bare = LINKS.replace_all(text, "");
    static HOST: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"\b[a-z]+\.(?:ru|com|de|fr|org|net|ch|at|cz|pl)\b"));
    let bare = HOST.replace_all(&bare, "");
    bare.chars().count() < 90
        && bare.split_whitespace().count() <= TAGLINE_WORDS_MAX
        && (!SENTENCE.is_match(&bare) || EXCUSE.is_match(&bare))
}

/// Whether a paragraph is a confidentiality notice: long, with a phrase that only such notices hold and another.
/// One such phrase is not enough: people make conditions about confidential data, too.
pub(super) fn is_disclaimer(paragraph: &str) -> bool {
    static STOCK: LazyLock<RegexSet> = LazyLock::new(|| set(&[NOTICES]));
    static USUAL: LazyLock<RegexSet> = LazyLock::new(|| set(&[NOTICE_WORDS]));
    let stock = STOCK.matches(paragraph).iter().count();
    paragraph.len() >= 80 && (stock >= 2 || stock == 1 && USUAL.is_match(paragraph))
}

/// The sentences of a notice or banner that no such notice holds: somebody may have typed them into it.
pub(super) fn typed_in_notice(notice: &str) -> String {
    static STOCK: LazyLock<RegexSet> =
        LazyLock::new(|| set(&[NOTICES, NOTICE_WORDS, BANNERS, NOTICE_SUBJECTS]));
    static SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"criteri|evaluation|\bpilot\b|proof of concept|\bpoc\b|technical win|\bsso\b|go[- ]live|kriteri|critere|evaluierung",
        )
    });
    let typed = |sentence: &&str| {
        let folded = squeeze(sentence);
        let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).count();
        words >= 2 && (!STOCK.is_match(&folded) || SUBJECT.is_match(&folded))
    };
    let sentences = notice.split_inclusive(['.', '!', '?', '\n']).map(str::trim);
    sentences.filter(typed).collect::<Vec<_>>().join("\n")
}

/// Whether the first paragraph of a mail is a banner of the receiver's gateway.
pub(super) fn is_banner(paragraph: &str) -> bool {
    static PHRASES: LazyLock<RegexSet> = LazyLock::new(|| set(&[BANNERS]));
    static TAG: LazyLock<Regex> = LazyLock::new(|| {
        fixed(r"^\W{0,3}(?:external|extern|externo|externe|esterno)(?: e-?mail| sender| message)?\W{0,3}$")
    });
    static OPENS: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"^\W{0,4}(?:caution|external|warning|attention|vorsicht|achtung|you don't often|this (?:e-?mail|message) (?:originated|came|was sent|is from)|some people who received|diese (?:e-?mail|nachricht)|precaucion|atencion|attenzione|let op|extern)",
        )
    });
    if TAG.is_match(paragraph) {
        return true;
    }
    paragraph.len() < 600 && OPENS.is_match(paragraph) && PHRASES.matches(paragraph).iter().count() >= 2
}

/// Whether a line closes a letter ("Best regards,").
pub(super) fn is_sign_off(line: &Line<'_>) -> bool {
    static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| folded(&[SIGN_OFFS]));
    let text = line.folded.trim_matches([',', '.', '!', '*', ' ', '-', '/']);
    text.len() < 60 && WORDS.iter().any(|w| text == w)
}

/// Where the contact block at the end of a typed run begins, as an index into `run`; `None` when there is no
/// evident one. The block must stand below a sign-off and a name, or be a paragraph that opens with the
/// name and holds contact data; a line that could be a sentence keeps everything above it.
pub(super) fn contact_block(run: &[&Line<'_>]) -> Option<usize> {
    let end = run.iter().rposition(|l| !l.is_blank())? + 1;
    let floor = end.saturating_sub(CONTACT_LINES_MAX + 4);
    let mut best = None;
    for start in (floor.max(1)..end).rev() {
        let Some(line) = run.get(start) else { break };
        if is_sentence(&line.folded) {
            break;
        }
        let above = run.get(start - 1)?;
        let closes = is_name_below_sign_off(run, start);
        let block = run.get(start..end)?;
        if (above.is_blank() || closes) && !is_sign_off(above) && !line.is_blank() && !is_sign_off(line) {
            let named = || signed_above(run, start) || closes || opens_with_name(block);
            if repeats_name(run, start, block) || is_contact(block) && named() {
                best = Some(start);
            }
        }
    }
    best.filter(|start| !is_signed_with_number(run, *start, end))
}

/// Whether all that would be cut is a telephone number right below the signed name: people type that, and one line
/// is no block.
fn is_signed_with_number(run: &[&Line<'_>], start: usize, end: usize) -> bool {
    end - start == 1
        && is_name_below_sign_off(run, start)
        && run.get(start).is_some_and(|l| {
            l.folded.chars().filter(char::is_ascii_digit).count() >= 6
                && !l.folded.contains(|c: char| c.is_alphabetic() || matches!(c, '@' | '|'))
        })
}

/// Whether the lines above `start` end in a sign-off with or without a name.
fn signed_above(run: &[&Line<'_>], start: usize) -> bool {
    let mut above = run.iter().take(start).rev().filter(|l| !l.is_blank());
    let (Some(name), before) = (above.next(), above.next()) else { return false };
    is_sign_off(name)
        || (is_short_name(&name.folded) && before.is_some_and(|b| is_sign_off(b) || ends_sentence(&b.folded)))
}

/// Whether a block below a signed first name gives the full name, with title and company: no contact data needed.
fn repeats_name(run: &[&Line<'_>], start: usize, block: &[&Line<'_>]) -> bool {
    let above = run.iter().take(start).rev().find(|l| !l.is_blank());
    let (Some(above), Some(first)) = (above, block.first()) else { return false };
    let capital = |l: &&Line<'_>| l.body.trim_start().starts_with(char::is_uppercase);
    let name = above.folded.trim_end_matches(',');
    is_short_name(name)
        && first.folded.split_whitespace().count() > name.split_whitespace().count()
        && first.folded.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '))
        && is_short_name(&first.folded)
        && (2..=NAME_BLOCK_LINES_MAX).contains(&block.len())
        && block.iter().all(|l| capital(l) && l.folded.len() <= 60 && !is_sentence(&l.folded))
}

/// Whether a block of several lines opens with a full name.
fn opens_with_name(block: &[&Line<'_>]) -> bool {
    let capital = |w: &str| w.chars().next().is_some_and(char::is_uppercase);
    block.iter().filter(|l| !l.is_blank()).count() >= 3
        && block.first().is_some_and(|l| {
            let words: Vec<&str> = l.body.split_whitespace().collect();
            is_short_name(&l.folded) && (2..=4).contains(&words.len()) && words.into_iter().all(capital)
        })
}

fn is_name_below_sign_off(run: &[&Line<'_>], start: usize) -> bool {
    let at = |k: usize| start.checked_sub(k).and_then(|i| run.get(i));
    at(1).is_some_and(|n| is_short_name(&n.folded)) && at(2).is_some_and(|s| is_sign_off(s))
}

fn is_short_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= 40
        && text.split_whitespace().count() <= 4
        && !text.chars().any(|c| c.is_ascii_digit() || matches!(c, '?' | ':' | '@'))
        && !text.ends_with(['.', '!'])
}

fn ends_sentence(text: &str) -> bool {
    text.ends_with(['.', '!', '?', ')', '。', '！', '？'])
}

/// Contact data: a telephone number, an address, a link, "Title | Company".
fn is_contact(block: &[&Line<'_>]) -> bool {
    static DATA: LazyLock<Regex> = LazyLock::new(|| {
        fixed(concat!(
            r"\+\d[\d\s().\-/]{6,}|\(?0\d{2,}\)?[\d\s\-/]{5,}|\b\d{3}[-. ]\d{3}[-. ]\d{4}\b|",
            r"[^\s@<>]+@[^\s@<>]+\.[a-z]{2,}|https?://|\bwww\.|\b(?:tel|phone|mobile|mob|fax|cell|office|telefon|handy)\b\s*[.:]|",
            r" \| |linkedin"
        ))
    });
    let filled: Vec<_> = block.iter().filter(|l| !l.is_blank()).collect();
    filled.len() <= CONTACT_LINES_MAX
        && filled.iter().any(|l| DATA.is_match(&l.folded))
        && filled.iter().all(|l| !is_sentence(&l.folded) && l.folded.chars().count() <= 120)
}

/// Whether a line may be typed prose: it asks, or it has enough words and ends or goes on like a sentence.
pub(super) fn is_sentence(folded: &str) -> bool {
    static VERDICT: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"\b(?:we|i|you|please|confirm|confirmed|yes|no|not|but|if|agree|approved|passed|failed|wir|nous|ja|nein|oui|si)\b",
        )
    });
    static PLAIN: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"^(?:my|our|it|this|that|here) .*\b(?:is|are|was)\b"));
    let words = folded.split_whitespace().count();
    if folded.ends_with('?') || (words >= 3 && PLAIN.is_match(folded)) {
        return true;
    }
    // "He will sign." is one; "Castello Foods S.p.A." and "Acme Tools Corp." are names.
    let last = folded.trim_end_matches(['.', '!']).rsplit(' ').next().unwrap_or_default();
    let long_end = last.chars().count() >= 4
        && last.chars().all(char::is_alphabetic)
        && !matches!(last, "corp" | "gmbh" | "reserved");
    words == 3 && folded.ends_with(['.', '!']) && long_end
        || words >= 4
            && folded.ends_with(['.', '!', ';', ','])
            && !folded.ends_with("inc.")
            && !folded.ends_with("ltd.")
        || words >= 3 && VERDICT.is_match(folded)
        || words >= 12
}

/// Whether nothing but rules and blank lines is in `lines`.
pub(super) fn is_only_rules(lines: &[Line<'_>]) -> bool {
    lines.iter().all(|l| l.is_blank() || is_rule(l))
}

fn set(tables: &[Table]) -> RegexSet {
    fixed_set(&folded(tables).iter().map(String::as_str).collect::<Vec<_>>())
}

fn folded(tables: &[Table]) -> Vec<String> {
    tables.iter().flat_map(|table| table.words()).map(|word| fold(word).text.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::lines::plain_lines;

    fn cut(text: &str) -> Option<usize> {
        let lines = plain_lines(text);
        contact_block(&lines.iter().collect::<Vec<_>>())
    }

    #[test]
    fn contact_blocks_below_a_sign_off() {
        assert_eq!(cut("All met.\n\nBest,\nDana\n\nDana Ruiz\nLead | Acme\n+1 555 0100 200\n"), Some(5));
        assert_eq!(cut("All met.\n\nBest,\nDana\nLead Engineer\n+1 555 0100 200\n"), Some(4));
        assert_eq!(cut("All met.\n\nBest,\nDana\n"), None);
        assert_eq!(cut("All met.\n\nBest,\nDana\n+1 555 0100 200\n"), None);
        assert_eq!(cut("All met.\n\nBest,\nDana\n\n+1 555 0100 200\n"), Some(5));
    }

    #[test]
    fn typed_text_is_kept() {
        assert_eq!(
            cut("All met.\n\nBest,\nDana\n\nPS: we still need the fix, see https://x.example\n"),
            None
        );
        assert_eq!(cut("See https://x.example\n"), None);
    }

    #[test]
    fn taglines_are_whole_short_lines() {
        let is = |t: &str| is_tagline(&plain_lines(t)[0]);
        assert!(is("Sent from my iPhone"));
        assert!(is("Get Outlook for Android<https://aka.ms/x>"));
        assert!(is("Von meinem iPhone gesendet"));
        assert!(is("发自我的iPhone"));
        assert!(!is("Sent from my side yesterday, and we still wait for it"));
        assert!(!is("Sent the report today"));
    }

    #[test]
    fn notices_and_banners() {
        assert!(is_disclaimer(
            "this e-mail is confidential and meant for the intended recipient only; please delete it otherwise"
        ));
        assert!(!is_disclaimer(
            "we treat the figures as confidential until the contract is signed by both of us, as agreed"
        ));
        assert!(is_banner("[external]"));
        assert!(is_banner(
            "caution: this email originated from outside of your organization. do not click links"
        ));
        assert!(!is_banner("external review is done, we confirm"));
    }

    #[test]
    fn delimiters() {
        let is = |t: &str| is_delimiter(&plain_lines(t), 0);
        assert!(is("-- \nDana\n"));
        assert!(is("--\nDana Ruiz\nAcme\n"));
        assert!(!is("--\nBut we need the fix before we sign.\n"));
    }
}
