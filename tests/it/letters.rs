//! Signed mail made at test time, dated now: what a running daemon sees.

use base64::Engine as _;
use endorsed::model::Message;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use mail_auth::common::crypto::Ed25519Key;
use mail_auth::common::headers::HeaderWriter as _;
use mail_auth::dkim::DkimSigner;

/// The seller's domain.
pub const SELLER: &str = "northwind-labs.example";
/// The buyer's domain.
pub const BUYER: &str = "larkspur-bank.example";

/// Two domains with keys of their own.
pub struct Letters {
    seller: Vec<u8>,
    buyer: Vec<u8>,
}

impl Letters {
    /// New keys.
    pub fn new() -> Self {
        let key = || Ed25519Key::generate_pkcs8().unwrap();
        Self { seller: key(), buyer: key() }
    }

    /// The key records as `[dns] file` wants them.
    pub fn dns(&self) -> String {
        let record = |pkcs8: &[u8]| {
            let key = Ed25519Key::from_pkcs8_der(pkcs8).unwrap();
            let public = base64::engine::general_purpose::STANDARD.encode(key.public_key());
            format!("v=DKIM1; k=ed25519; p={public}")
        };
        let name = |domain: &str| format!("s1._domainkey.{domain}");
        serde_json::json!({ name(SELLER): record(&self.seller), name(BUYER): record(&self.buyer) })
            .to_string()
    }

    /// A win email of form B for an opportunity.
    pub fn declaration(&self, opportunity: &str) -> Vec<u8> {
        self.declaration_of(opportunity, 0)
    }

    /// The same, sent so many minutes ago.
    pub fn declaration_of(&self, opportunity: &str, minutes_ago: i64) -> Vec<u8> {
        let head = format!(
            "From: Kim Sorel <kim@{SELLER}>\r\nTo: Dana Ruiz <dana@{BUYER}>\r\nCc: evidence+{opportunity}@{SELLER}\r\nSubject: Cascade evaluation at Larkspur Bank: readout\r\nMessage-ID: <{}>\r\n",
            Self::declared(opportunity)
        );
        sign(
            &self.seller,
            SELLER,
            &format!("{}{head}{}\r\n{}", trace(minutes_ago), date(minutes_ago), crlf(&declared_text())),
        )
    }

    /// The champion's answer to a letter of ours, to the address that it asks for, with its text quoted.
    pub fn answer(&self, prompt: &Message, words: &str) -> Vec<u8> {
        let body = format!(
            "{words}\n\nOn Mon, 2 Nov 2026 at 09:00, Kim Sorel <evidence@{SELLER}> wrote:\n\n{}",
            quoted(prompt)
        );
        let from = format!("Dana Ruiz <dana@{BUYER}>");
        sign(&self.buyer, BUYER, &format!("{}{}\r\n{}", trace(0), answering(prompt, &from, ""), crlf(&body)))
    }

    /// The same from a client that marks no quote and writes no attribution.
    pub fn answer_unmarked(&self, prompt: &Message, words: &str) -> Vec<u8> {
        let body = format!("{words}\n\n{}", prompt.plain.clone().unwrap_or_default().replace("\r\n", "\n"));
        let head = answering(prompt, &format!("Dana Ruiz <dana@{BUYER}>"), "");
        sign(&self.buyer, BUYER, &format!("{}{head}\r\n{}", trace(0), crlf(&body)))
    }

    /// The same without quote and without a thread: only the address leads back.
    pub fn answer_unthreaded(&self, prompt: &Message, words: &str) -> Vec<u8> {
        let head = format!(
            "From: Dana Ruiz <dana@{BUYER}>\r\nTo: {}\r\nSubject: Our evaluation\r\nMessage-ID: <new@{BUYER}>\r\n{}",
            prompt.reply_to[0].address,
            date(0)
        );
        sign(&self.buyer, BUYER, &format!("{}{head}\r\n{}", trace(0), crlf(&format!("{words}\n"))))
    }

    /// A win email of form A: it asks nothing.
    pub fn recap(&self, opportunity: &str) -> Vec<u8> {
        let raw = String::from_utf8(self.declaration(opportunity)).unwrap();
        let (_, mail) = raw.split_at(raw.find("Received:").unwrap());
        let ask =
            "Can you please reply to confirm that your team considers the technical evaluation a success?";
        assert!(mail.contains(ask));
        sign(
            &self.seller,
            SELLER,
            &mail.replace(ask, "Lee Park will reach out about the commercial framework."),
        )
    }

    /// The champion's answer to that.
    pub fn reply_to_recap(&self, opportunity: &str, words: &str) -> Vec<u8> {
        let declared = Self::declared(opportunity);
        let head = format!(
            "From: Dana Ruiz <dana@{BUYER}>\r\nTo: Kim Sorel <kim@{SELLER}>\r\nCc: evidence@{SELLER}\r\nSubject: Re: x\r\nMessage-ID: <direct@{BUYER}>\r\nIn-Reply-To: <{declared}>\r\nReferences: <{declared}>\r\n"
        );
        sign(&self.buyer, BUYER, &format!("{}{head}{}\r\n{words}\r\n", trace(0), date(0)))
    }

    /// The champion's vacation responder answers a letter of ours.
    pub fn vacation(&self, prompt: &Message) -> Vec<u8> {
        let from = format!("Dana Ruiz <dana@{BUYER}>");
        let head = answering(prompt, &from, "Auto-Submitted: auto-replied\r\n");
        let body = "Yes, I got your mail. I am out of the office and will confirm later.\n";
        sign(&self.buyer, BUYER, &format!("{}{head}\r\n{}", trace(0), crlf(body)))
    }

    /// The seller's answer to a letter of ours.
    pub fn order(&self, letter: &Message, words: &str) -> Vec<u8> {
        let head = answering(letter, &format!("Kim Sorel <kim@{SELLER}>"), "");
        let body = format!("{words}\n\nOn Mon, 2 Nov 2026 at 09:00, endorsed wrote:\n\n{}", quoted(letter));
        sign(&self.seller, SELLER, &format!("{}{head}\r\n{}", trace(0), crlf(&body)))
    }

    /// The champion's answer to it.
    pub fn reply(&self, opportunity: &str, n: usize, words: &str) -> Vec<u8> {
        let declared = Self::declared(opportunity);
        let head = format!(
            "From: Dana Ruiz <dana@{BUYER}>\r\nTo: Kim Sorel <kim@{SELLER}>\r\nCc: evidence+{opportunity}@{SELLER}\r\nSubject: Re: Cascade evaluation at Larkspur Bank: readout\r\nMessage-ID: <{}>\r\nIn-Reply-To: <{declared}>\r\nReferences: <{declared}>\r\n",
            Self::replied(opportunity, n)
        );
        let quoted: String = declared_text().lines().map(|l| format!("> {l}\n")).collect();
        let body =
            format!("{words}\n\nOn Mon, 2 Nov 2026 at 09:00, Kim Sorel <kim@{SELLER}> wrote:\n\n{quoted}");
        // Its signature is of now; later answers are dated a little ahead, within what clocks may differ.
        let age = -(n as i64);
        sign(&self.buyer, BUYER, &format!("{}{head}{}\r\n{}", trace(0), date(age), crlf(&body)))
    }

    /// A mail of the seller's, changed by a test, with a signature that fits.
    pub fn signed_by_seller(&self, mail: &str) -> Vec<u8> {
        sign(&self.seller, SELLER, unsigned(mail))
    }

    /// A mail of the buyer's, changed by a test, with a signature that fits.
    pub fn signed_by_buyer(&self, mail: &str) -> Vec<u8> {
        sign(&self.buyer, BUYER, unsigned(mail))
    }

    /// Message-ID of the declaration.
    pub fn declared(opportunity: &str) -> String {
        format!("declared-{opportunity}@{SELLER}")
    }

    /// Message-ID of the n-th reply.
    pub fn replied(opportunity: &str, n: usize) -> String {
        format!("reply-{opportunity}-{n}@{BUYER}")
    }
}

fn quoted(letter: &Message) -> String {
    let text = letter.plain.clone().unwrap_or_default().replace("\r\n", "\n");
    text.lines().map(|l| format!("> {l}\n")).collect()
}

/// The header of an answer, without the empty line after it.
fn answering(letter: &Message, from: &str, extra: &str) -> String {
    let id = letter.message_id.as_ref().unwrap();
    let mut references: Vec<String> = letter.references.iter().map(|r| format!("<{r}>")).collect();
    references.push(format!("<{id}>"));
    let subject = letter.subject.trim_start_matches("Re: ");
    format!(
        "From: {from}\r\nTo: {}\r\nSubject: Re: {subject}\r\nMessage-ID: <answer-{}-{}>\r\nIn-Reply-To: <{id}>\r\nReferences: {}\r\n{extra}{}",
        letter.reply_to[0].address,
        extra.len(),
        id,
        references.join("\r\n "),
        date(0)
    )
}

fn declared_text() -> String {
    "Hi Dana,\n\nthank you for two good weeks. We validated the three mandatory success criteria:\n\n\
     1. Nightly restore of the ledger in under 40 minutes - Passed\n\
     2. Sign-on through your own identity provider - Passed\n\
     3. Audit export to your SIEM - Passed\n\n\
     Can you please reply to confirm that your team considers the technical evaluation a success?\n\nBest,\nKim\n"
        .into()
}

fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}

fn rfc5322(minutes_ago: i64) -> String {
    let time = Timestamp::now() - minutes_ago.minutes();
    time.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

fn date(minutes_ago: i64) -> String {
    format!(
        "Date: {}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n",
        rfc5322(minutes_ago)
    )
}

fn trace(minutes_ago: i64) -> String {
    format!("Received: from out.example by mx.{SELLER} with ESMTPS id t1;\r\n\t{}\r\n", rfc5322(minutes_ago))
}

/// The mail below its signature, which stands first.
fn unsigned(mail: &str) -> &str {
    ["\r\nReceived:", "\r\nFrom:"]
        .iter()
        .filter_map(|f| mail.find(f))
        .min()
        .map_or(mail, |at| &mail[at + 2..])
}

fn sign(pkcs8: &[u8], domain: &str, mail: &str) -> Vec<u8> {
    let signature = DkimSigner::from_key(Ed25519Key::from_pkcs8_der(pkcs8).unwrap())
        .domain(domain)
        .selector("s1")
        .headers(["From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References"])
        .sign(mail.as_bytes())
        .unwrap();
    format!("{}{mail}", signature.to_header()).into_bytes()
}
