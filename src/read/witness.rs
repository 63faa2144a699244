//! The two parts of a mail as witnesses of one text: they must tell the same story.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::model::{Reading, Reason, SegmentKind};
use crate::text::{fixed, squeeze};

/// A plain part that only says "this is an HTML mail" is shorter than this.
const PLACEHOLDER_BYTES_MAX: usize = 300;

/// Joins the readings of the plain and of the HTML part.
pub(super) fn join(plain: Option<Reading>, html: Option<Reading>) -> Reading {
    match (plain, html) {
        (Some(plain), Some(html)) => both(plain, html),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => Reading { sure: true, ..Reading::default() },
    }
}

fn both(plain: Reading, html: Reading) -> Reading {
    // Some programs write a plain part that only says "this is an HTML mail".
    if is_empty(&plain) || (plain.quoted.is_empty() && says_nothing(&plain.fresh)) {
        return with_hidden(html, &plain);
    }
    if is_empty(&html) {
        return with_hidden(plain, &html);
    }
    let (told, shown) = (words(&plain.fresh), words(&html.fresh));
    if told == shown {
        return agreed(plain, &html);
    }
    // The same words, but one part shows more clearly where signature or notice begin.
    if own_words(&plain) == own_words(&html) {
        let plain_first = shown.is_empty() || (!told.is_empty() && told.len() <= shown.len());
        return if plain_first { agreed(plain, &html) } else { agreed(html, &plain) };
    }
    differ(plain, html, &told, &shown)
}

/// Everything that belongs to the author, typed or appended by the program.
fn own_words(reading: &Reading) -> Vec<String> {
    use SegmentKind::{Disclaimer, Fresh, FreshInline, Signature, Tagline};
    let own = |k: SegmentKind| matches!(k, Fresh | FreshInline | Signature | Tagline | Disclaimer);
    reading.segments.iter().filter(|s| own(s.kind)).flat_map(|s| words(&s.text)).collect()
}

fn agreed(mut kept: Reading, other: &Reading) -> Reading {
    for doubt in &other.doubts {
        if !kept.doubts.iter().any(|d| d.code == doubt.code) {
            kept.doubts.push(doubt.clone());
        }
    }
    let known: BTreeSet<String> = words(&kept.unsure).into_iter().collect();
    if !words(&other.unsure).iter().all(|w| known.contains(w)) {
        add(&mut kept.unsure, &other.unsure);
    }
    if kept.quoted.is_empty() {
        kept.quoted.clone_from(&other.quoted);
    }
    kept.sure = kept.doubts.is_empty();
    kept
}

/// The shorter text may affirm, the rest of the longer one may veto; and a person looks.
fn differ(plain: Reading, html: Reading, told: &[String], shown: &[String]) -> Reading {
    let plain_is_shorter = !told.is_empty() && (told.len() <= shown.len() || shown.is_empty());
    let (mut kept, other) = if plain_is_shorter { (plain, html) } else { (html, plain) };
    let known: BTreeSet<String> = lines(&kept.fresh).collect();
    let extra: Vec<&str> =
        other.fresh.lines().filter(|l| !l.trim().is_empty() && !known.contains(&squeeze(l))).collect();
    add(&mut kept.unsure, &extra.join("\n"));
    add(&mut kept.unsure, &other.unsure);
    kept.doubts
        .push(Reason::new("parts_differ", "The plain and the HTML part of the mail do not say the same."));
    for doubt in other.doubts {
        if !kept.doubts.iter().any(|d| d.code == doubt.code) {
            kept.doubts.push(doubt);
        }
    }
    kept.sure = false;
    kept
}

fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(squeeze).filter(|l| !l.is_empty())
}

fn with_hidden(mut kept: Reading, empty: &Reading) -> Reading {
    add(&mut kept.unsure, &empty.unsure);
    for doubt in &empty.doubts {
        if !kept.doubts.iter().any(|d| d.code == doubt.code) {
            kept.doubts.push(doubt.clone());
        }
    }
    kept.sure = kept.doubts.is_empty();
    kept
}

fn is_empty(reading: &Reading) -> bool {
    [&reading.fresh, &reading.quoted, &reading.unsure].iter().all(|t| words(t).is_empty())
}

/// Whether a plain part only tells that there is an HTML part.
pub(super) fn says_nothing(plain: &str) -> bool {
    const WORDS: &[&str] = &["support", "view", "client", "viewer", "message", "compatible", "programm"];
    if plain.len() > PLACEHOLDER_BYTES_MAX {
        return false;
    }
    let text = squeeze(plain);
    text.is_empty() || text.contains("html") && WORDS.iter().any(|w| text.contains(w))
}

fn add(to: &mut String, text: &str) {
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    if !to.is_empty() {
        to.push_str("\n\n");
    }
    to.push_str(text);
}

/// Words for comparing: programs that make plain text from HTML add bullets, stars and link targets.
fn words(text: &str) -> Vec<String> {
    // "[image: logo.png]" (Gmail), "[cid:…]" and "[https://…]" (Outlook) stand for images.
    static IMAGES: LazyLock<Regex> = LazyLock::new(|| {
        fixed(r"\[(?:image: [^\]]*|cid:[^\]]*|https?://[^\]]*|inline image[^\]]*)\]|<image\d+\.\w+>")
    });
    IMAGES
        .replace_all(&squeeze(text), " ")
        .split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '[' | ']'))
        .filter(|t| {
            !t.contains("://") && !t.contains('@') && !t.starts_with("tel:") && !t.starts_with("cid:")
        })
        .flat_map(|t| t.split(|c: char| !c.is_alphanumeric() && !is_sign(c)))
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Signs that carry a verdict count as words.
fn is_sign(c: char) -> bool {
    matches!(c, '✅' | '✓' | '✔' | '❌' | '✗' | '✘' | '👍' | '👎' | '?' | '%')
}
