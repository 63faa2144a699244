//! Signs test mail (RFC 6376) with any tags, times and mistakes. The keys are throw-away ones.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use endorsed::model::{KeyRecord, KeyState};
use jiff::Timestamp;
use mail_auth::AuthenticatedMessage;
use mail_auth::common::crypto::{Ed25519Key, HashAlgorithm, RsaKey, Sha256, SigningKey};
use mail_auth::dkim::Canonicalization;
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};

/// What mail servers sign that care: everything that threads, and From once more than it occurs.
pub const FULL: &str = "from:to:cc:subject:date:message-id:in-reply-to:references:from";
/// What Microsoft 365 signs.
pub const M365: &str = "from:date:subject:message-id:content-type:mime-version";
/// What Gmail signs: everything twice, but not Content-Type.
pub const GMAIL: &str = "to:cc:subject:message-id:date:from:in-reply-to:references:mime-version:from:to:cc:subject:date:message-id:reply-to";

pub enum Key {
    Rsa(Box<RsaKey<Sha256>>, Vec<u8>),
    Ed25519(Ed25519Key),
}

impl Key {
    pub fn rsa() -> Self {
        let pem = include_bytes!("../keys/rsa2048.pem");
        let key =
            RsaKey::<Sha256>::from_key_der(PrivateKeyDer::from_pem_slice(pem).expect("a key")).expect("rsa");
        let public = key.public_key();
        Self::Rsa(Box::new(key), public)
    }

    pub fn ed25519() -> Self {
        let made = Ed25519Key::generate_pkcs8().expect("a key");
        Self::Ed25519(Ed25519Key::from_pkcs8_der(&made).expect("ed25519"))
    }

    /// The TXT value of its key record.
    pub fn record(&self) -> String {
        match self {
            Self::Rsa(_, public) => format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(public)),
            Self::Ed25519(key) => format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode(key.public_key())),
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(..) => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    fn sign(&self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key, _) => key.sign(data),
            Self::Ed25519(key) => key.sign(data),
        }
        .expect("a signature")
    }
}

/// Puts a signature on top of `raw` (LF or CRLF). `extra` is a list of further tags, each with its semicolon;
/// `c=simple/simple; ` among them chooses the other canonicalisation.
pub fn sign(raw: &[u8], key: &Key, domain: &str, h: &str, extra: &str) -> Vec<u8> {
    let raw = crlf(raw);
    let parsed = AuthenticatedMessage::parse(&raw).expect("a message");
    let simple = extra.contains("c=simple/simple; ");
    let canonical = if simple { Canonicalization::Simple } else { Canonicalization::Relaxed };
    let body = canonical.canonical_body(parsed.raw_body(), 0);
    let bh = STANDARD.encode(HashAlgorithm::Sha256.hash(body).as_ref());
    let algorithm = key.algorithm();
    let relaxed = if simple { "" } else { "c=relaxed/relaxed; " };
    let value = format!(" v=1; a={algorithm}; {relaxed}d={domain}; s=s1; {extra}h={h}; bh={bh}; b=");
    let names: Vec<String> = h.split(':').map(str::to_owned).collect();
    let mut data = Vec::new();
    let signed = parsed.signed_headers(&names, b"DKIM-Signature", value.as_bytes());
    canonical.canonicalize_headers(signed, &mut data);
    let b = STANDARD.encode(key.sign(&data));
    [format!("DKIM-Signature:{value}{b}\r\n").as_bytes(), &raw].concat()
}

/// Key records for `s1` of the given domains.
pub fn keys(domains: &[&str], text: &str) -> BTreeMap<String, KeyRecord> {
    let record = |domain: &&str| {
        let name = format!("s1._domainkey.{domain}");
        let state = KeyState::Found(text.to_owned());
        (name.clone(), KeyRecord { name, state, seen_at: Timestamp::UNIX_EPOCH })
    };
    domains.iter().map(record).collect()
}

/// CRLF line ends, as on the wire.
pub fn crlf(raw: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(raw.to_vec()).expect("test mail is UTF-8");
    text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
}
