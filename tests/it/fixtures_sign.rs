//! How the mail systems of the fixtures sign: profiles, keys that live as long as one remake, signatures as of the
//! mail's own Date.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mail_auth::AuthenticatedMessage;
use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256, SigningKey};
use mail_auth::common::headers::{HeaderWriter as _, Writable, Writer};
use mail_auth::dkim::{Canonicalization, Signature};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;

/// How every signature that the maker writes begins.
pub const SIGNATURE_START: &str = "DKIM-Signature: v=1; a=";

/// How a mail system signs.
pub struct Profile {
    domain: String,
    selector: &'static str,
    headers: &'static str,
    /// Ed25519 (RFC 8463) instead of RSA.
    ed25519: bool,
    /// Seconds after which the signature expires; 0 for never.
    expires_after: u64,
    /// Whether `t=` is written.
    timed: bool,
    /// Whether `l=` limits the signed body.
    length: bool,
    /// Whether the key record says `t=y`: the domain is only testing.
    testing: bool,
}

impl Profile {
    pub fn name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }
}

/// The profile of `NAME:DOMAIN`.
pub fn profile(how: &str) -> Profile {
    let (name, domain) =
        how.split_once(':').unwrap_or_else(|| panic!("sign = {how:?}: expected PROFILE:DOMAIN"));
    let plain = Profile {
        domain: domain.to_owned(),
        selector: "mail",
        headers: "Date:From:To:Cc:Subject:In-Reply-To:References:From",
        ed25519: false,
        expires_after: 0,
        timed: true,
        length: false,
        testing: false,
    };
    match name {
        // Google Workspace: over-signs what may occur once, leaves Content-Type out, lasts a week.
        "gmail" => Profile {
            selector: "google",
            headers: "to:subject:message-id:date:from:in-reply-to:references:mime-version:from:to:cc:subject:\
                      date:message-id:reply-to",
            expires_after: 604_800,
            ..plain
        },
        // Microsoft 365: neither recipients nor threading, no t=.
        "m365" => Profile {
            selector: "selector1",
            headers: "From:Date:Subject:Message-ID:Content-Type:MIME-Version",
            timed: false,
            ..plain
        },
        // OpenDKIM beside Postfix, From over-signed.
        "postfix" => plain,
        // rspamd's list, Ed25519.
        "rspamd" => Profile {
            selector: "dkim2026",
            headers: "from:from:reply-to:reply-to:subject:subject:date:date:message-id:message-id:to:to:cc:cc:\
                      mime-version:mime-version:content-type:content-type:content-transfer-encoding:\
                      content-transfer-encoding:in-reply-to:in-reply-to:references:references",
            ed25519: true,
            ..plain
        },
        // Weak ones, for the hostile set.
        "short-from" => {
            Profile { selector: "short", headers: "From:To:Subject:Date:Message-ID:In-Reply-To", ..plain }
        }
        "length" => Profile { selector: "len", length: true, ..plain },
        "testing" => Profile { selector: "trial", testing: true, ..plain },
        other => panic!("sign = {how:?}: no profile {other}"),
    }
}

/// A key that lives as long as one remake.
pub enum Key {
    Rsa { key: RsaKey<Sha256>, record: String },
    Ed25519 { key: Ed25519Key, record: String },
}

impl Key {
    pub fn draw(profile: &Profile) -> Self {
        let flags = if profile.testing { " t=y;" } else { "" };
        if profile.ed25519 {
            let key = Ed25519Key::from_pkcs8_der(&Ed25519Key::generate_pkcs8().unwrap()).unwrap();
            let record = format!("v=DKIM1; k=ed25519;{flags} p={}", BASE64.encode(key.public_key()));
            return Self::Ed25519 { key, record };
        }
        let pem = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], b"");
        let public = openssl(&["pkey", "-pubout", "-outform", "DER"], &pem);
        let key = RsaKey::<Sha256>::from_key_der(PrivateKeyDer::from_pem_slice(&pem).unwrap()).unwrap();
        Self::Rsa { key, record: format!("v=DKIM1; k=rsa;{flags} p={}", BASE64.encode(public)) }
    }

    pub fn record(&self) -> String {
        match self {
            Self::Rsa { record, .. } | Self::Ed25519 { record, .. } => record.clone(),
        }
    }

    pub fn sign(&self, profile: &Profile, raw: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa { key, .. } => sign(key, profile, raw),
            Self::Ed25519 { key, .. } => sign(key, profile, raw),
        }
    }
}

/// Signs as of the mail's own Date: `DkimSigner` reads the clock, so its pieces are put together here.
fn sign(key: &impl SigningKey, profile: &Profile, raw: &[u8]) -> Vec<u8> {
    let message = AuthenticatedMessage::parse(raw).unwrap();
    let (c, body) = (Canonicalization::Relaxed, &raw[message.body_offset as usize..]);
    let date = date_of(&message);
    let mut signature = Signature {
        v: 1,
        a: key.algorithm(),
        d: profile.domain.clone(),
        s: profile.selector.into(),
        h: profile.headers.split(':').map(str::to_owned).collect(),
        t: if profile.timed { date } else { 0 },
        x: if profile.expires_after > 0 { date + profile.expires_after } else { 0 },
        ch: c,
        cb: c,
        bh: key.hash(c.canonical_body(body, 0)).as_ref().to_vec(),
        ..Signature::default()
    };
    if profile.length {
        let mut canonical = Vec::new();
        c.canonical_body(body, 0).write(&mut canonical);
        signature.l = canonical.len() as u64;
    }
    // RFC 6376 §5.4.2: a name in h= takes the next field from the bottom; absent ones sign their absence.
    let mut left = message.headers.clone();
    let mut fields = Vec::new();
    for name in &signature.h {
        if let Some(i) = left.iter().rposition(|(n, _)| n.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
        {
            fields.push(left.remove(i));
        }
    }
    signature.b = key.sign(ToSign { fields, signature: &signature }).unwrap();
    let at = end_of_trace(raw);
    let header = signature.to_header().replace("\r\n", "\n");
    [&raw[..at], header.as_bytes(), &raw[at..]].concat()
}

/// The fields and the unfinished signature in the order in which they are hashed.
struct ToSign<'a> {
    fields: Vec<(&'a [u8], &'a [u8])>,
    signature: &'a Signature,
}

impl Writable for ToSign<'_> {
    fn write(self, writer: &mut impl Writer) {
        Canonicalization::Relaxed.canonicalize_headers(self.fields.into_iter(), writer);
        self.signature.write(writer, false);
    }
}

/// The Date field in seconds since 1970.
fn date_of(message: &AuthenticatedMessage<'_>) -> u64 {
    let value = message.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(b"date")).unwrap().1;
    let value = std::str::from_utf8(value).unwrap().trim();
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).unwrap();
    u64::try_from(at.as_second()).unwrap()
}

/// Where the sender's fields begin: below everything that the receiving side put on top.
pub fn end_of_trace(raw: &[u8]) -> usize {
    const TRACE: &[&str] = &[
        "Return-Path:",
        "Delivered-To:",
        "Received:",
        "X-Received:",
        "Received-SPF:",
        "Authentication-Results:",
    ];
    let mut at = 0;
    for line in raw.split_inclusive(|b| *b == b'\n') {
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        if !folded && !TRACE.iter().any(|name| line.starts_with(name.as_bytes())) {
            break;
        }
        at += line.len();
    }
    at
}

/// The mail without the signatures that the maker added, in attached messages too.
pub fn without_signatures(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut inside = false;
    for line in raw.split_inclusive(|b| *b == b'\n') {
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        inside = line.starts_with(SIGNATURE_START.as_bytes()) || (inside && folded);
        if !inside {
            out.extend_from_slice(line);
        }
    }
    out
}

fn openssl(args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("remaking the fixtures needs the openssl program");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {args:?} failed");
    output.stdout
}
