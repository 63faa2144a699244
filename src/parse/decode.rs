//! Transfer encodings (RFC 2045 §6) and charsets: decoded whole or called torn, never cut in silence.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;

use super::field::cut;
use super::limits::TEXT_BYTES_MAX;
use crate::model::Defect;

/// Undoes a transfer encoding, given in lower case.
pub(super) fn transfer<'a>(encoding: &str, body: &'a [u8]) -> (Cow<'a, [u8]>, Option<Defect>) {
    match encoding {
        "" | "7bit" | "8bit" | "binary" => (Cow::Borrowed(body), undeclared(body)),
        "quoted-printable" => {
            let (bytes, whole) = quoted_printable(body);
            (Cow::Owned(bytes), (!whole).then(|| Defect::TornPart("quoted-printable syntax".into())))
        }
        "base64" => {
            let (bytes, whole) = base64(body);
            (Cow::Owned(bytes), (!whole).then(|| Defect::TornPart("base64 syntax".into())))
        }
        other => {
            let what = format!("unknown transfer encoding {}", cut(other, 40));
            (Cow::Borrowed(body), Some(Defect::AmbiguousMime(what)))
        }
    }
}

/// HTML in quoted-printable that nothing declares: the field is often unsigned, and without it a style that hides words is
/// none (`style=3D"display:none"`).
fn undeclared(body: &[u8]) -> Option<Defect> {
    let has = |what: &[u8]| body.windows(what.len()).any(|at| at.eq_ignore_ascii_case(what));
    (body.contains(&b'<') && has(b"=3d"))
        .then(|| Defect::AmbiguousMime("quoted-printable that is not declared".into()))
}

/// Decodes text with LF line ends.
pub(super) fn text(bytes: &[u8], charset: Option<&str>) -> (String, Option<Defect>) {
    let charset = charset.unwrap_or_default().trim().to_ascii_lowercase().replace('_', "-");
    let (text, mut defect) = match charset.as_str() {
        // Many programs write UTF-8 and say nothing or us-ascii.
        "" | "us-ascii" | "ascii" => match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), None),
            Err(_) => (by_table(bytes, "windows-1252").unwrap_or_default(), None),
        },
        "utf-8" | "utf8" => match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), None),
            // Some programs show the bytes as windows-1252, some show boxes.
            Err(_) => (
                by_table(bytes, "windows-1252").unwrap_or_default(),
                Some(Defect::AmbiguousMime("bytes that are not the declared utf-8".into())),
            ),
        },
        other => match by_table(bytes, other) {
            // These charsets can hide ASCII text in other bytes; nobody needs them in mail (RFC 2152 is dead).
            Some(text)
                if other.starts_with("utf-7") || other.starts_with("utf-16") || other.contains("unicode") =>
            {
                (text, Some(Defect::AmbiguousMime(format!("charset {other}"))))
            }
            Some(text) => (text, None),
            None => {
                let what = format!("unknown charset {}", cut(other, 40));
                (String::from_utf8_lossy(bytes).into_owned(), Some(Defect::AmbiguousMime(what)))
            }
        },
    };
    if text.len() > TEXT_BYTES_MAX {
        defect = Some(Defect::OverLimit("a text part longer than 1 MiB".into()));
    }
    let text = cut(text.strip_prefix('\u{feff}').unwrap_or(&text), TEXT_BYTES_MAX);
    (text.replace("\r\n", "\n").replace(['\u{2028}', '\u{2029}', '\u{85}'], "\n"), defect)
}

/// Why a body may look different in different programs: some end it at a NUL, some begin a line at a bare CR, some
/// rub out what stands before a backspace.
pub(super) fn controls(text: &str) -> Option<Defect> {
    let plain = |c: char| matches!(c, '\t' | '\n' | '\u{c}');
    let what = match text.chars().find(|c| c.is_control() && !plain(*c))? {
        '\0' => "a NUL character in the text",
        '\r' => "a bare CR in the text",
        // C1 controls are what broken charsets leave behind; nobody sees them.
        c if c > '\u{7f}' => return None,
        _ => "a control character in the text",
    };
    Some(Defect::AmbiguousMime(what.into()))
}

fn by_table(bytes: &[u8], charset: &str) -> Option<String> {
    charset_decoder(charset.as_bytes()).map(|decode| decode(bytes))
}

/// Decodes; false when something is no quoted-printable (RFC 2045 §6.7): it then stays as it stands.
fn quoted_printable(body: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(body.len());
    let mut whole = true;
    for line in body.split_inclusive(|b| *b == b'\n') {
        let content = super::header::without_end(line);
        let end = line.get(content.len()..).unwrap_or_default();
        // White space at the end of a line was added on the way.
        let content = content.trim_ascii_end();
        let (content, soft) = match content.strip_suffix(b"=") {
            Some(content) => (content, true),
            None => (content, false),
        };
        let mut bytes = content.iter();
        while let Some(byte) = bytes.next() {
            if *byte != b'=' {
                out.push(*byte);
                continue;
            }
            match bytes.as_slice() {
                [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    out.push(hex(*high) << 4 | hex(*low));
                    bytes.nth(1);
                }
                _ => {
                    whole = false;
                    out.push(b'=');
                }
            }
        }
        if !soft {
            out.extend_from_slice(end);
        }
    }
    (out, whole)
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit.to_ascii_lowercase() - b'a') + 10,
    }
}

/// Decodes; false when foreign characters, missing padding or data behind the padding show that it is torn.
fn base64(body: &[u8]) -> (Vec<u8>, bool) {
    let alphabet = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let letters: Vec<u8> = body.iter().copied().filter(alphabet).collect();
    let dense: Vec<u8> = body.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    let padding = dense.len() - dense.iter().rposition(|b| *b != b'=').map_or(0, |i| i + 1);
    let whole = padding <= 2 && dense.len() == letters.len() + padding && dense.len().is_multiple_of(4);
    (base64_decode(&letters).unwrap_or_default(), whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_that_nothing_declares_is_a_defect() {
        let hidden = br#"<div style=3D"display:none">Yes.</div>"#;
        assert!(matches!(transfer("", hidden).1, Some(Defect::AmbiguousMime(_))));
        assert_eq!(transfer("quoted-printable", hidden).1, None);
        assert_eq!(transfer("", b"1 + 1 =3D 2").1, None);
    }

    #[test]
    fn quoted_printable_is_decoded_or_called_torn() {
        let (text, whole) = quoted_printable(b"caf=C3=A9 =  \r\nau lait=\nx \t\n=3d");
        assert_eq!((String::from_utf8(text).unwrap().as_str(), whole), ("café au laitx\n=", true));
        assert_eq!(quoted_printable(b"yes == no =G1"), (b"yes == no =G1".to_vec(), false));
    }

    #[test]
    fn base64_without_padding_keeps_its_end_and_is_torn() {
        assert_eq!(base64(b"WWVzLCBidXQgbm8="), (b"Yes, but no".to_vec(), true));
        assert_eq!(base64(b"WWVzLCBidXQgbm8"), (b"Yes, but no".to_vec(), false));
        assert!(!base64(b"WWVz=\nWWVz").1);
        assert!(!base64(b"WWVz\n-- \nlist footer").1);
    }

    #[test]
    fn charsets() {
        assert_eq!(text(b"Jos\xe9\r\nx", Some("ISO-8859-1")), ("José\nx".into(), None));
        assert_eq!(text("José".as_bytes(), Some("us-ascii")).0, "José");
        assert!(text(b"+AGE-", Some("utf-7")).1.is_some());
        assert!(text(b"a", Some("klingon")).1.is_some());
    }
}
