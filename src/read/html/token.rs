//! The tokens of HTML as browsers read them (WHATWG HTML §13.2.5): tags, attributes, comments, raw text.

use std::collections::HashSet;

/// Attributes of one tag that are looked at.
const ATTRIBUTES_MAX: usize = 64;
/// Bytes of one attribute that are looked at.
const VALUE_BYTES_MAX: usize = 4096;

/// A start or end tag as written.
pub(super) struct Tag {
    /// Lower-case name.
    pub name: String,
    /// The attributes that we keep, each once.
    pub attributes: Vec<(&'static str, String)>,
    /// It has more or longer attributes than are looked at.
    pub over_limit: bool,
}

impl Tag {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a tag from its name on; returns it and what stands behind its `>`.
pub(super) fn tag(text: &str) -> (Tag, &str) {
    let end = text.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>')).unwrap_or(text.len());
    let (name, mut rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let mut tag = Tag { name: name.to_ascii_lowercase(), attributes: Vec::new(), over_limit: false };
    let mut seen = HashSet::new();
    let mut count = 0;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        let Some(first) = rest.chars().next() else { return (tag, "") };
        if first == '>' {
            return (tag, rest.strip_prefix('>').unwrap_or_default());
        }
        let (key, value, tail) = attribute(rest);
        rest = tail;
        count += 1;
        tag.over_limit |= count > ATTRIBUTES_MAX || value.len() > VALUE_BYTES_MAX;
        // The first of several attributes of one name counts.
        if let Some(key) = kept(&key)
            && count <= ATTRIBUTES_MAX
            && seen.insert(key)
        {
            let mut end = value.len().min(VALUE_BYTES_MAX);
            while !value.is_char_boundary(end) {
                end -= 1;
            }
            tag.attributes.push((key, value.get(..end).unwrap_or_default().to_owned()));
        }
    }
}

/// Reads one attribute; the name is in lower case, the value without quotes.
fn attribute(text: &str) -> (String, &str, &str) {
    // A leading "=" belongs to the name (HTML §13.2.5.32).
    let from = usize::from(text.starts_with('='));
    let stop = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '=');
    let end = text.get(from..).and_then(|t| t.find(stop)).map_or(text.len(), |at| at + from);
    let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let name = name.to_ascii_lowercase();
    let Some(value) = rest.trim_ascii_start().strip_prefix('=') else { return (name, "", rest) };
    let value = value.trim_ascii_start();
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            let (inner, tail) = inner.split_once(quote).unwrap_or((inner, ""));
            return (name, inner, tail);
        }
    }
    let end = value.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(value.len());
    let (value, tail) = value.split_at_checked(end).unwrap_or((value, ""));
    (name, value, tail)
}

/// `<!…`: a comment ends at `-->`, anything else (doctype, conditional) at `>` (HTML §13.2.5.42).
pub(super) fn skip_comment(after: &str) -> &str {
    let Some(body) = after.strip_prefix("!--") else { return behind(after, ">") };
    if let Some(rest) = body.strip_prefix('>').or_else(|| body.strip_prefix("->")) {
        return rest;
    }
    let ends = [body.find("-->").map(|at| at + 3), body.find("--!>").map(|at| at + 4)];
    ends.into_iter().flatten().min().and_then(|at| body.get(at..)).unwrap_or_default()
}

pub(super) fn behind<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

pub(super) fn is_raw(name: &str) -> bool {
    matches!(
        name,
        "script" | "style" | "title" | "textarea" | "xmp" | "iframe" | "noembed" | "noframes" | "plaintext"
    )
}

/// The words in a comment that only some programs show (`<!--[if mso]>…<![endif]-->`); empty for other comments.
pub(super) fn conditional(comment: &str) -> String {
    let lower = comment.to_ascii_lowercase();
    let Some(start) = lower.starts_with("!--[if").then(|| lower.find("]>")).flatten() else {
        return String::new();
    };
    let (mut out, mut rest) = (String::new(), comment.get(start + 2..).unwrap_or_default());
    while let Some((text, tail)) = rest.split_once('<') {
        out.push_str(text);
        let (tag, behind) = self::tag(tail);
        // Settings and styles for Word are not shown.
        rest = match tag.name.as_str() {
            name @ ("xml" | "style" | "script") => raw_text(behind, name).1,
            _ if tail.starts_with('!') => self::behind(tail, ">"),
            _ => behind,
        };
        out.push(' ');
    }
    out.push_str(rest.trim_end_matches("--").trim_end_matches("-->"));
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Content up to the matching end tag, and what stands behind that.
pub(super) fn raw_text<'a>(text: &'a str, name: &str) -> (&'a str, &'a str) {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|t| t.find("</")).map(|at| at + from) {
        let tail = text.get(at + 2..).unwrap_or_default();
        let matches = tail.get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name))
            && tail
                .get(name.len()..)
                .is_some_and(|t| t.starts_with([' ', '\t', '\n', '\r', '\x0c', '/', '>']));
        if matches {
            return (text.get(..at).unwrap_or_default(), behind(tail, ">"));
        }
        from = at + 2;
    }
    (text, "")
}

/// Attributes that tell quotes, signatures or hidden text.
fn kept(key: &str) -> Option<&'static str> {
    const KEPT: &[&str] = &[
        "id",
        "class",
        "style",
        "type",
        "cite",
        "name",
        "hidden",
        "color",
        "bgcolor",
        "alt",
        "start",
        "value",
        "placeholder",
        "open",
        "data-marker",
        "data-smartmail",
        "data-skiff-mail",
    ];
    KEPT.iter().find(|k| **k == key).copied()
}
