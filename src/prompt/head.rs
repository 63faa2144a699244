//! The letter of every day: the signed head of the log, for whoever keeps it out of our reach. Says nothing about anybody.

use jiff::Timestamp;
use jiff::civil::Date;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, MultiPart, SinglePart};

use super::compose::{ComposeError, Sender, Written};
use super::notice::{self, Notice};
use crate::model::{Address, Digest};
use crate::record::{Letter, Side};

/// Id of the rule under which these letters stand on record.
pub const HEAD_RULE: &str = "log_head";

/// A signed head.
#[derive(Debug, Clone, Copy)]
pub struct SignedHead<'a> {
    /// Entries.
    pub size: u64,
    /// The root over them.
    pub root: &'a Digest,
    /// The head as a C2SP signed-note.
    pub note: &'a str,
    /// What checks its signature.
    pub verifier: &'a str,
}

/// The key of the letter of a day to an address: it is written once.
pub fn head_key(day: Date, to: &Address) -> Digest {
    Digest::of_fields([b"log head".as_slice(), day.to_string().as_bytes(), to.as_str().as_bytes()])
}

/// Writes the letter of a day; the letter as it goes on record, and its octets.
///
/// # Errors
/// When the message cannot be put together.
pub fn compose_head(
    day: Date,
    to: &Address,
    head: SignedHead<'_>,
    sender: &Sender,
    token: &str,
    now: Timestamp,
) -> Result<(Letter, Written), ComposeError> {
    let key = head_key(day, to);
    let text = text(day, head);
    let parts = MultiPart::mixed()
        .boundary(notice::boundary(&key))
        .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text.clone()))
        // The octets that were signed: as text they would not survive every mail server.
        .singlepart(Attachment::new("checkpoint".into()).body(head.note.as_bytes().to_vec(), octets()?));
    let notice = Notice {
        key,
        rule: HEAD_RULE,
        why: format!("The signed head of the log leaves the house every day; this is that of {day}."),
        to,
        side: Side::Auditor,
        subject: format!("Log of {day}: {} entries", head.size),
        text,
        html: String::new(),
    };
    notice::write(notice, parts, sender, token, now)
}

fn octets() -> Result<ContentType, ComposeError> {
    ContentType::parse("application/octet-stream").map_err(|e| ComposeError::Message(e.to_string()))
}

fn text(day: Date, SignedHead { size, root, verifier, .. }: SignedHead<'_>) -> String {
    format!(
        "On {day} the log had {size} entries, and this root over them:\n\n{root}\n\n\
         Please keep this mail where nobody who runs the log can change it. Whoever has it can ask at any time\n\
         whether everything that was in the log that day still is:\n\n\
         \u{20}   endorsed verify --seen {size}:{root}\n\n\
         The attached file \"checkpoint\" is the head as it was signed (C2SP tlog-checkpoint). What checks it:\n\n\
         \u{20}   {verifier}\n\n\
         A machine wrote this. It says nothing about any person, and needs no answer.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    #[test]
    fn a_head_is_mailed_as_it_was_signed() {
        let address = |text: &str| Address::new(text).unwrap();
        let sender = Sender {
            from: address("evidence@seller.example"),
            evidence: address("evidence@seller.example"),
            pages: None,
        };
        let note = "seller.example/log\n3\ncm9vdA==\n\n\u{2014} seller.example/log c2ln\n";
        let root = Digest::of(b"root");
        let head = SignedHead { size: 3, root: &root, note, verifier: "seller.example/log+01234567+key" };
        let day = jiff::civil::date(2026, 3, 2);
        let to = address("audit@auditor.example");
        let now = Timestamp::UNIX_EPOCH;
        let write = || compose_head(day, &to, head, &sender, "token", now).unwrap();
        let (letter, written) = write();
        assert_eq!(write().1, written, "the same letter has the same octets");
        let message = parse(&written.raw);
        assert_eq!(message.to[0].address, to);
        assert_eq!(message.header("Auto-Submitted").next(), Some("auto-generated"));
        let body = message.plain.unwrap();
        assert!(body.contains(&format!("endorsed verify --seen 3:{root}")), "{body}");
        assert!(body.contains("seller.example/log+01234567+key"));
        let attached = String::from_utf8_lossy(&written.raw).replace("\r\n", "");
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(note);
        assert!(attached.contains(&encoded), "{attached}");
        assert_eq!((letter.key, letter.opportunity), (head_key(day, &to), None));
        assert_ne!(letter.key, head_key(day.tomorrow().unwrap(), &to));
    }
}
