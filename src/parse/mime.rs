//! The MIME tree (RFC 2046 §5.1), split at line-anchored delimiters only.
//!
//! mail-parser 0.11 ends a part at a boundary in the middle of a line and drops what follows; so the tree is cut
//! here, and everything that another program could cut in another way becomes a defect.

use std::sync::LazyLock;

use regex::Regex;

use super::field::{self, Media};
use super::header::{self, Scan};
use super::limits::{MULTIPART_DEPTH_MAX, PARTS_MAX};
use crate::model::Defect;
use crate::text::{fixed, squeeze};

/// A leaf of the tree, still encoded.
#[derive(Debug)]
pub(super) struct Leaf<'a> {
    /// Media type and parameters; `text/plain` (in a digest `message/rfc822`) when none is given.
    pub media: Media,
    /// Lower-case transfer encoding, empty when none is given.
    pub encoding: String,
    /// Lower-case disposition.
    pub disposition: Option<String>,
    /// File name, from the disposition or the type.
    pub file_name: Option<String>,
    /// The encoded body.
    pub body: &'a [u8],
}

/// The leaves of a message in order, and what is odd about the tree.
#[derive(Debug, Default)]
pub(super) struct Tree<'a> {
    /// Leaves in order.
    pub leaves: Vec<Leaf<'a>>,
    /// Media types of the multiparts, outermost first.
    pub multiparts: Vec<String>,
    /// What is odd.
    pub defects: Vec<Defect>,
}

/// Takes the body of the message with the header `scan` apart.
pub(super) fn tree<'a>(scan: &Scan, body: &'a [u8]) -> Tree<'a> {
    let mut tree = Tree::default();
    tree.entity(scan, body, "text/plain", 0);
    tree
}

fn ambiguous(what: &str) -> Defect {
    Defect::AmbiguousMime(what.into())
}

impl<'a> Tree<'a> {
    /// Walks one entity and gives back its media type.
    fn entity(&mut self, scan: &Scan, body: &'a [u8], default: &str, depth: usize) -> String {
        let media = self.media(scan, default);
        let encoding =
            scan.first("Content-Transfer-Encoding").unwrap_or_default().trim().to_ascii_lowercase();
        let name = media.name.clone();
        if !name.starts_with("multipart/") {
            self.leaf(scan, media, encoding, body);
            return name;
        }
        if matches!(encoding.as_str(), "base64" | "quoted-printable") {
            // RFC 2045 §6.4: a multipart is never encoded itself; some programs decode it, some do not.
            self.defects.push(ambiguous("an encoded multipart"));
        }
        self.multiparts.push(name.clone());
        if media.parameters.iter().filter(|(n, _)| n == "boundary").count() > 1 {
            self.defects.push(ambiguous("two boundary parameters"));
        }
        match media.parameter("boundary").map(str::trim_end).filter(|b| !b.is_empty()) {
            None => self.defects.push(Defect::TornPart("multipart without boundary".into())),
            Some(_) if depth >= MULTIPART_DEPTH_MAX => {
                self.defects.push(Defect::OverLimit("multiparts nested deeper than 10".into()));
            }
            Some(boundary) => self.multipart(body, boundary, &name, depth),
        }
        name
    }

    fn multipart(&mut self, body: &'a [u8], boundary: &str, name: &str, depth: usize) {
        let split = split(body, boundary);
        self.defects.extend(split.defects(body, boundary));
        let default = if name == "multipart/digest" { "message/rfc822" } else { "text/plain" };
        let mut kinds: Vec<String> = Vec::new();
        for part in split.parts {
            if self.leaves.len() + self.multiparts.len() > PARTS_MAX {
                self.defects.push(Defect::OverLimit("more than 250 parts".into()));
                return;
            }
            let scan = header::scan(part, false);
            for oddity in &scan.oddities {
                self.defects.push(ambiguous(&format!("{oddity} in the header of a part")));
            }
            let kind = self.entity(&scan, part.get(scan.body..).unwrap_or_default(), default, depth + 1);
            if name == "multipart/alternative" && kind.starts_with("text/") && kinds.contains(&kind) {
                self.defects.push(ambiguous("two alternatives of one type"));
            }
            kinds.push(kind);
        }
    }

    fn leaf(&mut self, scan: &Scan, media: Media, encoding: String, body: &'a [u8]) {
        let disposition = scan.first("Content-Disposition").and_then(field::media);
        let file_name = disposition
            .as_ref()
            .and_then(|d| d.parameter("filename"))
            .or_else(|| media.parameter("name"))
            .map(field::text)
            .filter(|name| !name.is_empty());
        let disposition = disposition.map(|d| d.name);
        self.leaves.push(Leaf { media, encoding, disposition, file_name, body });
    }

    fn media(&mut self, scan: &Scan, default: &str) -> Media {
        for name in ["Content-Type", "Content-Transfer-Encoding", "Content-Disposition"] {
            if scan.count(name) > 1 {
                self.defects.push(ambiguous(&format!("repeated {name}")));
            }
        }
        let plain = || Media { name: default.into(), parameters: Vec::new() };
        let Some(value) = scan.first("Content-Type") else { return plain() };
        match field::media(value) {
            Some(media) if media.name.contains('/') => media,
            _ => {
                self.defects.push(ambiguous("unreadable Content-Type"));
                plain()
            }
        }
    }
}

/// A multipart body cut at its delimiter lines.
#[derive(Debug, Default)]
struct Split<'a> {
    preamble: &'a [u8],
    parts: Vec<&'a [u8]>,
    /// `None` when the closing delimiter is missing.
    epilogue: Option<&'a [u8]>,
    delimiters: usize,
}

fn split<'a>(body: &'a [u8], boundary: &str) -> Split<'a> {
    let mut split = Split::default();
    let mut start: Option<usize> = None;
    let mut at = 0;
    for line in body.split_inclusive(|b| *b == b'\n') {
        let begin = at;
        at += line.len();
        let Some(closing) = delimiter(line, boundary) else { continue };
        split.delimiters += 1;
        // The line end before a delimiter belongs to it (RFC 2046 §5.1.1).
        let piece = header::without_end(body.get(start.unwrap_or(0)..begin).unwrap_or_default());
        match start {
            None => split.preamble = piece,
            Some(_) => split.parts.push(piece),
        }
        start = Some(at);
        if closing {
            split.epilogue = Some(body.get(at..).unwrap_or_default());
            return split;
        }
    }
    match start {
        None => split.preamble = body,
        Some(start) => split.parts.push(body.get(start..).unwrap_or_default()),
    }
    split
}

/// Whether a line is a delimiter; then whether it is the closing one.
fn delimiter(line: &[u8], boundary: &str) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary.as_bytes())?.trim_ascii_end();
    match rest {
        b"" => Some(false),
        b"--" => Some(true),
        _ => None,
    }
}

impl Split<'_> {
    fn defects(&self, body: &[u8], boundary: &str) -> Vec<Defect> {
        let mut defects = Vec::new();
        if self.parts.is_empty() {
            defects.push(Defect::TornPart("multipart without its delimiter".into()));
        } else if self.epilogue.is_none() {
            defects.push(Defect::TornPart("unclosed multipart".into()));
        }
        if boundary.len() > 70 {
            defects.push(ambiguous("a boundary longer than 70 characters"));
        }
        if !idle(self.preamble) {
            defects.push(ambiguous("text in the preamble"));
        }
        if !self.epilogue.is_none_or(|e| e.trim_ascii().is_empty()) {
            defects.push(ambiguous("text in the epilogue"));
        }
        let text = String::from_utf8_lossy(body);
        let dashed = format!("--{boundary}");
        let mut at_start = 0;
        for (at, _) in text.match_indices(&dashed) {
            if text.as_bytes().get(..at).is_some_and(|before| before.last().is_none_or(|b| *b == b'\n')) {
                at_start += 1;
            } else {
                defects.push(Defect::TornPart("a boundary inside a line".into()));
                break;
            }
        }
        if at_start > self.delimiters {
            defects.push(ambiguous("a line that only starts like a delimiter"));
        }
        defects
    }
}

/// Whether a preamble is one of the stock sentences for old readers, or blank.
fn idle(preamble: &[u8]) -> bool {
    static STOCK: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"^(?:this is (?:a|an) (?:multi-?part|mime|cryptographically signed|openpgp/mime (?:signed|encrypted)|mime-encapsulated|s/mime signed)(?: mime)? message(?: in mime format)?(?: \(rfc \d+(?: and \d+)?\))?|this message is in mime format(?:\. ?since your mail reader does not understand this format, some or all of this message may not be legible|\. ?the first part should be readable text, while the remaining parts are likely unreadable without mime-aware tools(?:\. send mail to \S+ for more info)?)?|this is a mime-formatted message(?:\. if you see this text it means that your e-?mail software does not support mime-formatted messages)?|(?:multipart|mime) message(?: follows)?|your (?:mail reader|email client|mailer) does not (?:support|understand) mime(?: messages)?)[.!]?(?: *-+)?$",
        )
    });
    let preamble = preamble.trim_ascii();
    preamble.is_empty()
        || (preamble.len() < 300 && STOCK.is_match(&squeeze(&String::from_utf8_lossy(preamble))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(raw: &str) -> (Vec<String>, Vec<Defect>) {
        let scan = header::scan(raw.as_bytes(), true);
        let tree = tree(&scan, &raw.as_bytes()[scan.body..]);
        let bodies = tree.leaves.iter().map(|l| String::from_utf8_lossy(l.body).into_owned()).collect();
        (bodies, tree.defects)
    }

    #[test]
    fn cuts_only_at_whole_lines() {
        let (bodies, defects) = walk(
            "Content-Type: multipart/mixed; boundary=bb\n\n--bb\n\nYes, done --bb but only if it ships.\n--bb--\n",
        );
        assert_eq!(bodies, ["Yes, done --bb but only if it ships."]);
        assert_eq!(defects, [Defect::TornPart("a boundary inside a line".into())]);
    }

    #[test]
    fn an_open_multipart_keeps_its_text_and_is_torn() {
        let (bodies, defects) = walk("Content-Type: multipart/mixed; boundary=bb\n\n--bb\n\nNot yet.\n");
        assert_eq!(bodies, ["Not yet.\n"]);
        assert_eq!(defects, [Defect::TornPart("unclosed multipart".into())]);
    }

    #[test]
    fn text_outside_the_parts_is_ambiguous() {
        let stock = "Content-Type: multipart/mixed; boundary=bb\n\nThis is a multi-part message in MIME format.\n--bb\n\nx\n--bb--\n";
        assert_eq!(walk(stock).1, []);
        assert_eq!(walk(&stock.replace("This is a", "No, this is a")).1, [ambiguous("text in the preamble")]);
        assert_eq!(walk(&format!("{stock}PS: no.")).1, [ambiguous("text in the epilogue")]);
        assert_eq!(
            walk(&stock.replace("x\n--bb--", "x\n--bbc\ny\n--bb--")).1,
            [ambiguous("a line that only starts like a delimiter")]
        );
    }

    #[test]
    fn a_digest_holds_messages() {
        let raw = "Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: a\n\nx\n--d--\n";
        let scan = header::scan(raw.as_bytes(), true);
        assert_eq!(tree(&scan, &raw.as_bytes()[scan.body..]).leaves[0].media.name, "message/rfc822");
    }

    #[test]
    fn depth_and_count_are_limited() {
        let mut raw = String::new();
        for i in 0..1000 {
            raw.push_str(&format!("Content-Type: multipart/mixed; boundary=b{i}x\n\n--b{i}x\n"));
        }
        assert!(walk(&raw).1.iter().any(|d| matches!(d, Defect::OverLimit(_))));
        let many =
            format!("Content-Type: multipart/mixed; boundary=b\n\n{}--b--\n", "--b\n\nx\n".repeat(400));
        let (bodies, defects) = walk(&many);
        assert_eq!(bodies.len(), PARTS_MAX);
        assert_eq!(defects, [Defect::OverLimit("more than 250 parts".into())]);
    }
}
