//! From patterns as written to compiled ones: word lists and gaps are spelled out, limits held.

use regex::bytes::{Regex, RegexBuilder};

use super::language::{Pack, Reads};

/// Bytes of a pattern with its lists spelled out.
const EXPANDED_LEN_MAX: usize = 64 << 10;
/// Lists within lists.
const LIST_DEPTH_MAX: usize = 8;
/// Words that a gap `<N>` may span.
const GAP_WORDS_MAX: usize = 12;
/// Bytes that one pattern may take compiled: a rule's slip (`.{900}` of a list) must not eat the daemon.
const PATTERN_SIZE_MAX: usize = 2 << 20;

/// Compiles one folded pattern of a rule that reads `reads`.
pub(super) fn compile(pack: &Pack, reads: Reads, written: &str) -> Result<Regex, String> {
    // Where letters survive folding, `\b` and `[…]` must know them.
    let foreign = pack.language.script.iter().any(|script| script != "latin");
    let mut builder = RegexBuilder::new(&whole(pack, reads, written)?);
    builder.unicode(foreign).size_limit(PATTERN_SIZE_MAX).build().map_err(|error| regex_error(&error))
}

fn whole(pack: &Pack, reads: Reads, written: &str) -> Result<String, String> {
    let mut bare = written.replace("\\W", "").replace("\\S", "").replace("\\B", "").replace("\\D", "");
    bare.retain(char::is_uppercase);
    if !bare.is_empty() {
        return Err("has capitals, expected lower case: rules run on folded text".to_owned());
    }
    let words = pack.language.words;
    if !words && (written.contains("\\b") || written.contains("\\w")) {
        return Err("`\\b` or `\\w` in a language without words, expected neither".to_owned());
    }
    let mut spelled = String::new();
    spell(pack, written, 0, &mut spelled)?;
    let whole = if words { bounded(written, &spelled) } else { format!("(?:{spelled})") };
    Ok(if reads != Reads::Clause && words { over_commas(&whole) } else { whole })
}

/// A piece of a pattern as written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Pattern language.
    Plain(&'a str),
    /// `{name}`
    List(&'a str),
    /// `<3>`
    Gap(usize),
}

/// Takes a pattern apart.
pub(super) fn pieces(written: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = written;
    while let Some(at) = rest.find(['{', '<']) {
        let (before, tail) = rest.split_at(at);
        pieces.push(Piece::Plain(before));
        let named = tail.starts_with('{');
        let inner = tail.get(1..).and_then(|t| t.split_once(if named { '}' } else { '>' }));
        match inner {
            Some((name, after)) if named && name.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                pieces.push(Piece::List(name));
                rest = after;
            }
            Some((words, after)) if !named && !before.ends_with("(?") && words.parse::<usize>().is_ok() => {
                pieces.push(Piece::Gap(words.parse().unwrap_or(0).min(GAP_WORDS_MAX)));
                rest = after;
            }
            _ => {
                pieces.push(Piece::Plain(tail.get(..1).unwrap_or_default()));
                rest = tail.get(1..).unwrap_or_default();
            }
        }
    }
    pieces.push(Piece::Plain(rest));
    pieces
}

fn spell(pack: &Pack, written: &str, depth: usize, out: &mut String) -> Result<(), String> {
    if depth > LIST_DEPTH_MAX {
        return Err(format!("lists nest deeper than {LIST_DEPTH_MAX}, expected no list inside itself"));
    }
    for piece in pieces(written) {
        match piece {
            Piece::Plain(text) => out.push_str(text),
            // Up to so many words in between; characters in a language without words.
            Piece::Gap(count) if pack.language.words => {
                out.push_str(&format!("(?:[^ ]+ ){{0,{count}}}"));
            }
            Piece::Gap(count) => out.push_str(&format!(".{{0,{count}}}")),
            Piece::List(name) => list(pack, name, depth, out)?,
        }
        if out.len() > EXPANDED_LEN_MAX {
            return Err(format!("longer than {EXPANDED_LEN_MAX} bytes spelled out, expected shorter lists"));
        }
    }
    Ok(())
}

fn list(pack: &Pack, name: &str, depth: usize, out: &mut String) -> Result<(), String> {
    let Some(words) = pack.lists.get(name) else {
        return Err(match crate::text::nearest(name, pack.lists.keys().map(String::as_str)) {
            Some(near) => format!("unknown word list `{{{name}}}`, expected `{{{near}}}`"),
            None => format!("unknown word list `{{{name}}}`, expected one of [lists]"),
        });
    };
    out.push_str("(?:");
    for (i, word) in words.iter().enumerate() {
        if i > 0 {
            out.push('|');
        }
        spell(pack, word, depth + 1, out)?;
    }
    out.push(')');
    Ok(())
}

/// Lets a space match a space with a comma before it: sentences have them between any two words.
fn over_commas(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() * 2);
    let mut in_class = false;
    let mut escaped = false;
    for c in pattern.chars() {
        match c {
            '[' if !escaped => in_class = true,
            ']' if !escaped => in_class = false,
            ' ' if !in_class => out.push_str("[,:]?"),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        out.push(c);
    }
    out
}

/// Holds a pattern to whole words where it starts or ends with a word.
fn bounded(written: &str, spelled: &str) -> String {
    let edge = |on: bool| if on { "\\b" } else { "" };
    let (starts, ends) = bounds(written);
    format!("{}(?:{spelled}){}", edge(starts), edge(ends))
}

/// Whether a pattern is held to whole words at its start and at its end.
pub(super) fn bounds(written: &str) -> (bool, bool) {
    let word = |c: char, marks: &str| c.is_alphanumeric() || marks.contains(c);
    let starts = written.starts_with(|c| word(c, "({[")) || written.starts_with("\\d");
    let ends = written.ends_with(|c| word(c, ")}]?*+")) && !written.ends_with("\\b");
    (starts, ends)
}

/// The last line of a regex error, with the piece of the pattern that it points at.
fn regex_error(error: &regex::Error) -> String {
    match error {
        regex::Error::Syntax(text) => {
            let mut lines = text.lines();
            let pattern = lines.find(|line| line.starts_with("    ")).unwrap_or_default();
            let at = text.lines().find(|l| l.trim_start().starts_with('^')).map_or(0, |l| l.len() - 1);
            let near: String = pattern.chars().skip(at).take(20).collect();
            let what = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("{what} at `{}`, expected a regular expression", near.trim_end())
        }
        regex::Error::CompiledTooBig(limit) => {
            format!("larger than {limit} bytes compiled, expected a simpler pattern")
        }
        other => format!("{other}, expected a regular expression"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_come_apart_into_lists_and_gaps() {
        use Piece::{Gap, List, Plain};
        assert_eq!(
            pieces("all {crit} <3>met"),
            [Plain("all "), List("crit"), Plain(" "), Gap(3), Plain("met")]
        );
        assert_eq!(pieces("(?<n>a)x{2}").iter().filter(|p| !matches!(p, Plain(_))).count(), 0);
    }

    #[test]
    fn commas_may_stand_in_sentences_only() {
        let pack = Pack::default();
        let matches = |reads, text: &[u8]| compile(&pack, reads, "yes but").unwrap().is_match(text);
        assert!(matches(Reads::Sentence, b"yes, but") && !matches(Reads::Clause, b"yes, but"));
        assert!(!matches(Reads::Clause, b"yes buts") && matches(Reads::Clause, b"oh yes but"));
    }
}
