//! Names on the wire.

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

const BASE64: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// A folder's name as a quoted string (RFC 3501 §4.3) in modified UTF-7 (RFC 3501 §5.1.3).
///
/// The caller has refused control characters; what remains of them is encoded like any other character.
pub(super) fn folder(name: &str) -> String {
    let encoded = modified_utf7(name);
    format!("\"{}\"", encoded.replace('\\', "\\\\").replace('"', "\\\""))
}

fn modified_utf7(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut run = Vec::new();
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            flush(&mut out, &mut run);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            run.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut out, &mut run);
    out
}

/// Writes the collected UTF-16 octets as one shifted run.
fn flush(out: &mut String, run: &mut Vec<u8>) {
    if !run.is_empty() {
        out.push('&');
        out.push_str(&BASE64.encode(&run));
        out.push('-');
        run.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_as_the_standard_shows() {
        assert_eq!(folder("INBOX"), "\"INBOX\"");
        // The example of RFC 3501 §5.1.3.
        assert_eq!(folder("~peter/mail/台北/日本語"), "\"~peter/mail/&U,BTFw-/&ZeVnLIqe-\"");
        assert_eq!(folder("Nachweis-Öl"), "\"Nachweis-&ANY-l\"");
        assert_eq!(folder("R&D"), "\"R&-D\"");
        assert_eq!(folder("a\"b\\c"), "\"a\\\"b\\\\c\"");
        assert_eq!(folder("👍"), "\"&2D3cTQ-\"");
        assert!(!folder("x\r\ny").contains('\n'));
    }
}
