//! DKIM crypto facts (RFC 6376) from raw bytes and key records; `verify` applies the policy.
//!
//! The checker is mail-auth. Three things are done round it:
//! - the expiry `x=` is cleared, because the checker would judge it by its own clock; policy judges it by the
//!   time at which the message was seen;
//! - the body hash is compared here and handed to the checker as right, because it stops at a wrong one: so we
//!   learn whether the *headers* hold, which tells a gateway's banner from a forgery;
//! - everything that the checker reads is read a second time by [`Tags`] and by `parse`; where the two readings
//!   differ, no signature holds.

mod key;

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use mail_auth::common::crypto::{CryptoError, HashAlgorithm};
use mail_auth::common::headers::Header;
use mail_auth::dkim::Canonicalization;
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DkimResult, Error, MessageAuthenticator, Parameters, ResolverCache,
    Txt, dkim,
};

use crate::model::{Body, KeyRecord, KeyState, Message, Signature, Witnessed};
use crate::verify::{Tags, key_name};

/// More header fields than this are a bomb: honest mail has below a hundred, and the checker looks through all of
/// them for each signed name.
const FIELDS_MAX: usize = 1_000;
/// More names in `h=` than this are a bomb as well: cautious signers name sixty.
const SIGNED_NAMES_MAX: usize = 200;

/// Checks every signature of `message` against the key records, which are keyed by lower-case name. A key that
/// is not among them counts as absent; nothing is looked up.
pub fn check(message: &Message, keys: &BTreeMap<String, KeyRecord>) -> Vec<Signature> {
    let mut facts = Vec::new();
    // The checker sees hostile bytes before anybody else does: should it stop, no signature holds.
    let done = catch_unwind(AssertUnwindSafe(|| checked(message, keys)));
    match done {
        Ok(signatures) => facts.extend(signatures),
        Err(_) => {
            for value in message.header("DKIM-Signature").take(Witnessed::SIGNATURES_MAX) {
                let mut stated = stated(value.as_bytes(), keys);
                stated.failure = Some("the checker could not cope with this message".into());
                facts.push(stated);
            }
        }
    }
    facts
}

fn checked(message: &Message, keys: &BTreeMap<String, KeyRecord>) -> Vec<Signature> {
    let raw = without_separator(&message.raw);
    let Some(mut parsed) = AuthenticatedMessage::parse(raw) else {
        return Vec::new();
    };
    let fields: Vec<&[u8]> = parsed
        .headers
        .iter()
        .filter(|(name, _)| name.trim_ascii().eq_ignore_ascii_case(b"DKIM-Signature"))
        .map(|(_, value)| *value)
        .take(Witnessed::SIGNATURES_MAX)
        .collect();
    let differs = differing(&parsed, message);
    parsed
        .dkim_headers
        .retain(|h| h.header.h.len() <= SIGNED_NAMES_MAX && fields.iter().any(|f| std::ptr::eq(*f, h.value)));
    if differs.is_some() {
        parsed.dkim_headers.clear();
    }
    let bodies = take_over_bodies(&mut parsed);
    let cache = Keys::new(&parsed, keys);
    let outputs = run(&parsed, &cache);
    fields
        .iter()
        .map(|field| {
            let mut facts = stated(field, keys);
            let at = parsed.dkim_headers.iter().position(|h| std::ptr::eq(*field, h.value));
            facts.body = at.and_then(|at| bodies.get(at)).copied().unwrap_or(Body::Differs);
            match (differs, at) {
                (Some(reason), _) => facts.failure = Some(reason.into()),
                (None, _) if facts.failure.is_some() => {}
                (None, Some(at)) => settle(&mut facts, outputs.get(at)),
                (None, None) => facts.failure = Some(malformed(&parsed, field)),
            }
            facts
        })
        .collect()
}

/// What the field and the key record state by themselves; nothing is proven yet.
fn stated(field: &[u8], keys: &BTreeMap<String, KeyRecord>) -> Signature {
    let text = String::from_utf8_lossy(field);
    let tags = Tags::parse(&text);
    let well_formed = tags.is_some();
    let tags = tags.unwrap_or_default();
    let domain = tags.get("d").unwrap_or_default().to_ascii_lowercase();
    let selector = tags.get("s").unwrap_or_default().to_ascii_lowercase();
    let name = key_name(&selector, &domain);
    let key = name.as_ref().and_then(|n| keys.get(n)).map_or(KeyState::Absent, |r| r.state.clone());
    let key_facts = key::facts(&key);
    let (signed_at, expires_at) = (tags.number("t"), tags.number("x"));
    let failure = if !well_formed || signed_at.is_err() || expires_at.is_err() {
        Some("the field breaks the syntax (RFC 6376 §3.2)".into())
    } else if tags.get("v").as_deref() != Some("1") {
        Some("the field's version is not 1".into())
    } else if name.is_none() {
        Some("selector or domain is not a plain name".into())
    } else if tags.get("l").is_some() {
        Some("only a part of the body is signed (l=)".into())
    } else {
        key_facts.failure
    };
    Signature {
        domain,
        selector,
        algorithm: tags.get("a").unwrap_or_default().to_ascii_lowercase(),
        signed_headers: tags.items("h").unwrap_or_default(),
        has_length: tags.get("l").is_some(),
        signed_at: signed_at.unwrap_or_default(),
        expires_at: expires_at.unwrap_or_default(),
        key_bits: key_facts.bits,
        test_key: key_facts.test,
        key,
        headers_hold: false,
        headers_broken: false,
        body: Body::Differs,
        failure,
    }
}

/// Adds the checker's answer.
fn settle(facts: &mut Signature, output: Option<&DkimOutput<'_>>) {
    let same = |signature: &dkim::Signature| {
        signature.d == facts.domain
            && signature.s == facts.selector
            && signature.a.name() == facts.algorithm
            && signature.h.len() == facts.signed_headers.len()
            && signature.h.iter().zip(&facts.signed_headers).all(|(a, b)| a.eq_ignore_ascii_case(b))
    };
    match output {
        Some(output) if !output.signature().is_some_and(same) => {
            facts.failure = Some("the field can be read in two ways".into());
        }
        Some(output) => match output.result() {
            DkimResult::Pass => {
                facts.headers_hold = true;
                if facts.body == Body::Differs {
                    facts.failure = Some("the body differs from the signed one".into());
                }
            }
            DkimResult::Neutral(error)
            | DkimResult::Fail(error)
            | DkimResult::PermError(error)
            | DkimResult::TempError(error) => {
                facts.headers_broken = is_mismatch(error);
                facts.failure = Some(error.to_string());
            }
            DkimResult::None => facts.failure = Some("nothing was checked".into()),
        },
        None => facts.failure = Some("the checker gave no answer".into()),
    }
}

/// Whether the checker did the sum and it came out wrong. Its Ed25519 side reports that as a library error.
fn is_mismatch(error: &Error) -> bool {
    matches!(error, Error::Crypto(CryptoError::FailedVerification | CryptoError::Library(_)))
}

/// Compares the body hashes, then makes each signature state the hash that came, so that the checker goes on to
/// the headers. The header hash covers the field's own bytes, which stay as they are.
fn take_over_bodies(parsed: &mut AuthenticatedMessage<'_>) -> Vec<Body> {
    let body = parsed.raw_body().to_vec();
    let hashes = std::mem::take(&mut parsed.body_hashes);
    let mut trimmed: Vec<(HashAlgorithm, Vec<u8>)> = Vec::new();
    let mut fits_trimmed = |hash: HashAlgorithm, stated: &[u8]| {
        if !trimmed.iter().any(|(h, _)| *h == hash) {
            trimmed.push((hash, trimmed_hash(&body, hash)));
        }
        trimmed.iter().any(|(h, digest)| *h == hash && digest == stated)
    };
    let mut bodies = Vec::new();
    for header in &mut parsed.dkim_headers {
        let signature = &mut header.header;
        // Not our business here (see the module head): expiry, reports to the signer, third-party signatures.
        (signature.x, signature.r, signature.atps) = (0, false, None);
        let hash = HashAlgorithm::from(signature.a);
        let came = hashes.iter().find(|(c, h, l, _)| *c == signature.cb && *h == hash && *l == signature.l);
        let came = came.map(|(_, _, _, digest)| digest.clone()).unwrap_or_default();
        bodies.push(if came == signature.bh {
            Body::Fits
        } else if signature.cb == Canonicalization::Relaxed && fits_trimmed(hash, &signature.bh) {
            Body::FitsTrimmed
        } else {
            Body::Differs
        });
        signature.bh = came;
    }
    parsed.body_hashes = hashes;
    bodies
}

/// The relaxed hash after white-space-only lines at the end were dropped, as RFC 6376 §3.4.4 says; mail-auth
/// 0.13 keeps lines that become empty only by the relaxed reduction (its issue 62).
fn trimmed_hash(body: &[u8], hash: HashAlgorithm) -> Vec<u8> {
    let mut kept = body;
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = kept {
        kept = rest;
    }
    // White space before the last line's end is reduced anyway; an empty body stays empty (§3.4.4).
    let mut kept = kept.to_vec();
    if !kept.is_empty() {
        kept.extend_from_slice(b"\r\n");
    }
    hash.hash(Canonicalization::Relaxed.canonical_body(&kept, 0)).as_ref().to_vec()
}

/// Why the checker's reading of the message is not ours, if so: a signature over other headers, another author
/// or another body than the ones that we show proves nothing.
fn differing(parsed: &AuthenticatedMessage<'_>, message: &Message) -> Option<&'static str> {
    if parsed.headers.len() > FIELDS_MAX {
        return Some("the header section has too many fields");
    }
    let names = parsed.headers.iter().map(|(name, _)| name.trim_ascii());
    if parsed.headers.len() != message.headers.len()
        || !names.zip(&message.headers).all(|(name, own)| name.eq_ignore_ascii_case(own.name.as_bytes()))
    {
        return Some("the header section can be read in two ways");
    }
    let authors = parsed.froms();
    if authors.len() != message.from.len()
        || !authors.iter().zip(&message.from).all(|(a, own)| a.eq_ignore_ascii_case(own.address.as_str()))
    {
        return Some("the author can be read in two ways");
    }
    (parsed.body_offset() != body_start(parsed.raw_message())).then_some("the body can begin at two places")
}

/// Where the first empty line ends (RFC 5322 §2.1); the end of the message when there is none.
fn body_start(raw: &[u8]) -> usize {
    let mut at = 0;
    for line in raw.split_inclusive(|b| *b == b'\n') {
        at += line.len();
        if matches!(line, b"\r\n" | b"\n") {
            break;
        }
    }
    at
}

/// The message without an mbox separator in front (RFC 4155), which is no part of it.
fn without_separator(raw: &[u8]) -> &[u8] {
    let separator = raw.split_inclusive(|b| *b == b'\n').next().filter(|line| {
        let rest = line.strip_prefix(b">").unwrap_or(line).strip_prefix(b"From ");
        rest.is_some_and(|rest| !rest.trim_ascii().starts_with(b":"))
    });
    raw.get(separator.map_or(0, <[u8]>::len)..).unwrap_or_default()
}

/// The checker's word for a field that it could not read.
fn malformed(parsed: &AuthenticatedMessage<'_>, field: &[u8]) -> String {
    let error = parsed.errors.iter().find(|e| std::ptr::eq(e.value, field));
    error.map_or_else(|| "the field was not understood".into(), |e| e.header.to_string())
}

/// The checker without any name server. Every key is served by [`Keys`], so its future never waits.
static CHECKER: LazyLock<Option<MessageAuthenticator>> = LazyLock::new(|| {
    MessageAuthenticator::new(ResolverConfig::from_parts(None, vec![], vec![]), ResolverOpts::default()).ok()
});

fn run<'x>(parsed: &'x AuthenticatedMessage<'x>, keys: &'x Keys) -> Vec<DkimOutput<'x>> {
    let Some(checker) = CHECKER.as_ref() else {
        return Vec::new();
    };
    let answer = checker.verify_dkim(Parameters::new(parsed).with_txt_cache(keys));
    match std::pin::pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        // Fields that could not be read come first, without a signature; the others in order.
        Poll::Ready(outputs) => outputs.into_iter().filter(|o| o.signature().is_some()).collect(),
        Poll::Pending => Vec::new(),
    }
}

/// The key records as the checker's cache: it answers every name, so that nothing ever leaves the machine.
struct Keys(HashMap<Box<str>, Txt>);

impl Keys {
    /// Takes over the records that the message's signatures name; the caller may know thousands.
    fn new(parsed: &AuthenticatedMessage<'_>, keys: &BTreeMap<String, KeyRecord>) -> Self {
        let entry = |header: &Header<'_, dkim::Signature>| {
            let name = key_name(&header.header.s, &header.header.d)?;
            let record = keys.get(&name)?;
            Some((format!("{name}.").into_boxed_str(), key::answer(&record.state)))
        };
        Self(parsed.dkim_headers.iter().filter_map(entry).collect())
    }
}

impl ResolverCache<Box<str>, Txt> for Keys {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        Some(self.0.get(name).cloned().unwrap_or_else(|| key::answer(&KeyState::Absent)))
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}
