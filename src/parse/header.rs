//! The raw header scan (RFC 5322 §2.2): what stands in the bytes, before any lenient parser has mended it.

use crate::model::Header;

/// A header section as scanned.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Fields in order, unfolded and trimmed.
    pub fields: Vec<Header>,
    /// Where the body starts in the scanned bytes.
    pub body: usize,
    /// Breaches of the syntax, each said once.
    pub oddities: Vec<&'static str>,
}

impl Scan {
    /// The values of a field by case-insensitive name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.fields.iter().filter(move |h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value.as_str())
    }

    /// The first value of a field.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value.as_str())
    }

    /// How often a field stands in the section.
    pub fn count(&self, name: &str) -> usize {
        self.all(name).count()
    }
}

/// Scans a header section up to its empty line. `top` tolerates an mbox separator in front of it.
pub(super) fn scan(bytes: &[u8], top: bool) -> Scan {
    let mut scan = Scan::default();
    let mut open: Option<(String, Vec<u8>)> = None;
    let mut at = 0;
    for (i, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        at += line.len();
        let line = without_end(line);
        if line.is_empty() {
            break;
        }
        if top && i == 0 && is_mbox_separator(line) {
            continue;
        }
        scan.check(line);
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            scan.fold(&mut open, line, i == 0);
        } else {
            scan.close(open.take());
            open = scan.field(line);
        }
    }
    scan.close(open);
    scan.body = at;
    scan
}

/// A line without its LF or CRLF.
pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// `From sender date` in front of the header (RFC 4155); `From : x` is a field with white space before its colon.
fn is_mbox_separator(line: &[u8]) -> bool {
    let line = line.strip_prefix(b">").unwrap_or(line);
    line.strip_prefix(b"From ").is_some_and(|rest| !rest.trim_ascii().starts_with(b":"))
}

impl Scan {
    fn odd(&mut self, what: &'static str) {
        if !self.oddities.contains(&what) {
            self.oddities.push(what);
        }
    }

    fn check(&mut self, line: &[u8]) {
        if line.contains(&0) {
            self.odd("a NUL byte");
        }
        if line.contains(&b'\r') {
            self.odd("a bare CR");
        }
        // A line end made into one of these hides the field behind it. Old Japanese mail writes ESC bare.
        if line.iter().any(|b| b.is_ascii_control() && !matches!(b, 0 | b'\t' | b'\r' | 0x1b)) {
            self.odd("a control character");
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            // Some parsers end the header here, others go on (RFC 5322 §4.2 forbids it for new mail).
            self.odd("a line of white space only");
        }
    }

    fn fold(&mut self, open: &mut Option<(String, Vec<u8>)>, line: &[u8], first: bool) {
        match open {
            Some((_, value)) => value.extend_from_slice(line),
            None if first => self.odd("white space before the first field"),
            None => self.odd("a folded field name"),
        }
    }

    fn field(&mut self, line: &[u8]) -> Option<(String, Vec<u8>)> {
        let Some(colon) = line.iter().position(|b| *b == b':') else {
            self.odd("a line without a colon");
            return None;
        };
        let (name, value) = line.split_at(colon);
        if name.last().is_some_and(u8::is_ascii_whitespace) {
            self.odd("white space before a colon");
        }
        let name = name.trim_ascii();
        if name.is_empty() {
            self.odd("a field without a name");
        }
        if name.iter().any(|b| !(33..=126).contains(b)) {
            self.odd("a field name with other than printable ASCII characters");
        }
        Some((String::from_utf8_lossy(name).into_owned(), value.get(1..).unwrap_or_default().to_vec()))
    }

    fn close(&mut self, open: Option<(String, Vec<u8>)>) {
        if let Some((name, value)) = open {
            let value = String::from_utf8_lossy(&value).trim().to_owned();
            self.fields.push(Header { name, value });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd(raw: &str) -> Vec<&'static str> {
        scan(raw.as_bytes(), true).oddities
    }

    #[test]
    fn unfolds_and_finds_the_body() {
        let s = scan(b"From abc Mon\nSubject: one\n\ttwo  \nTo:x@y.example\n\nbody", true);
        assert_eq!(s.first("subject"), Some("one\ttwo"));
        assert_eq!(s.first("TO"), Some("x@y.example"));
        assert_eq!(s.body, 49);
        assert!(s.oddities.is_empty());
    }

    #[test]
    fn names_every_breach() {
        assert_eq!(odd(" From: a@b.example\n\n"), ["white space before the first field"]);
        assert_eq!(odd("From : a@b.example\n\n"), ["white space before a colon"]);
        assert_eq!(odd("From\n : a@b.example\n\n"), ["a line without a colon", "a folded field name"]);
        assert_eq!(odd("X: a\0b\n\n"), ["a NUL byte"]);
        assert_eq!(odd("X: a\rb\n\n"), ["a bare CR"]);
        assert_eq!(odd("Fröm: a\n\n"), ["a field name with other than printable ASCII characters"]);
        assert_eq!(odd("X: a\n \t\n\n"), ["a line of white space only"]);
        assert_eq!(odd(": a\n\n"), ["a field without a name"]);
    }
}
