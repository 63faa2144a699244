//! What the signatures of a message prove about its author's domain: our own policy layer over the crypto
//! facts, because a bare DKIM "pass" allows much that proves nothing (AUTHENTICITY §2.3).

use jiff::{SignedDuration, Timestamp};

use crate::model::{Address, Body, Claim, KeyState, Message, Policy, Reason, Signature, Witnessed};

/// Clocks of honest machines differ: a reply may be dated so much before its declaration.
const EARLY_MINUTES_MAX: i64 = 5;
/// … and so much after it was seen.
const FUTURE_MINUTES_MAX: i64 = 15;
/// No setting makes a signature count that is older, in days: its key has long been replaced, maybe published.
const AGE_DAYS_LIMIT: i64 = 366;
/// Smaller RSA keys can be broken (RFC 8301 §3.2).
const RSA_BITS_MIN: u32 = 1024;
/// Header fields without which a signature does not count: they say who, what about and when.
const SIGNED_FIELDS: [&str; 3] = ["from", "subject", "date"];

/// When the statement must have been signed.
#[derive(Debug)]
pub(super) struct Window {
    /// Not before the declaration.
    from: Option<Timestamp>,
    seen_at: Timestamp,
    age_days_max: i64,
}

impl Window {
    /// Any time that is fresh enough at first sight.
    pub(super) fn open(seen_at: Timestamp, policy: &Policy) -> Self {
        Self { from: None, seen_at, age_days_max: policy.signature_age_days_max }
    }

    /// The same, and after the declaration. Its Date is the seller's word; the time at which the mail server
    /// signed it can only be later, and then counts.
    pub(super) fn after(declared: &Witnessed, seen_at: Timestamp, policy: &Policy) -> Self {
        let own = declared.message.author().map(|a| a.address.domain());
        let signed = declared.signatures.iter().filter(|s| s.headers_hold && Some(s.domain.as_str()) == own);
        // A copy that was handed in later is signed later, by the mail that carried it or not at all.
        let signed = signed
            .filter(|_| declared.carried_by.is_none())
            .filter_map(|s| Timestamp::from_second(s.signed_at?).ok())
            .max();
        let dated = declared.message.date.unwrap_or(declared.seen_at);
        Self { from: Some(signed.map_or(dated, |t| t.max(dated))), ..Self::open(seen_at, policy) }
    }

    /// Why a signed time is not in the window.
    fn misses(&self, time: Timestamp, which: &str) -> Option<Reason> {
        let since = |earlier: Timestamp, later: Timestamp| later.duration_since(earlier);
        let fix = "Ask the champion for a new reply to the declaration.";
        if since(self.seen_at, time) > SignedDuration::from_mins(FUTURE_MINUTES_MAX) {
            let text = format!("The {which} lies after the time at which the mail was seen.");
            return Some(Reason::new("stale_evidence", text).fix(fix));
        }
        if since(time, self.seen_at)
            > SignedDuration::from_hours(24 * self.age_days_max.clamp(0, AGE_DAYS_LIMIT))
        {
            let text = format!("The {which} is more than {} days old at first sight.", self.age_days_max);
            return Some(Reason::new("stale_evidence", text).fix(fix));
        }
        let early = |from| since(time, from) > SignedDuration::from_mins(EARLY_MINUTES_MAX);
        let text = format!("The {which} lies before the declaration.");
        self.from.is_some_and(early).then(|| Reason::new("before_declaration", text).fix(fix))
    }
}

/// What the signatures prove.
#[derive(Debug)]
pub(super) enum Proof<'a> {
    /// This one proves that the author's domain sent exactly this.
    Good(&'a Signature),
    /// None does; the best claim that remains, and why.
    Short(Claim, Reason),
}

/// Looks for one signature that proves `author`'s domain. `domains` are the account's listed domains.
pub(super) fn prove<'a>(
    witnessed: &'a Witnessed,
    author: &Address,
    domains: &[String],
    window: &Window,
) -> Proof<'a> {
    let own: Vec<&Signature> =
        witnessed.signatures.iter().filter(|s| is_aligned(&s.domain, author.domain(), domains)).collect();
    let mut best: Option<(Claim, Reason)> = None;
    for signature in own {
        match shortfall(signature, &witnessed.message, window) {
            None => return Proof::Good(signature),
            // A signature that waits for its key may still turn out good, whatever the others lack. Otherwise
            // the first reason of the worst claim stands.
            Some(short) => {
                let weight = |claim| match claim {
                    Claim::Pending => 2,
                    Claim::Forged => 1,
                    _ => 0,
                };
                if best.as_ref().is_none_or(|(claim, _)| weight(short.0) > weight(*claim)) {
                    best = Some(short);
                }
            }
        }
    }
    let (claim, reason) = best.unwrap_or_else(|| unsigned(witnessed, author));
    Proof::Short(claim, reason)
}

/// A signature of the author's domain that proves nothing any more only because of what happened after the receiving
/// server checked it: a gateway behind that server changed the body, or the key is gone. The server's own word may do
/// for it (AUTHENTICITY §2.7, level B).
pub(super) fn outlived<'a>(
    witnessed: &'a Witnessed,
    author: &Address,
    domains: &[String],
    window: &Window,
) -> Option<&'a Signature> {
    let message = &witnessed.message;
    witnessed.signatures.iter().filter(|s| is_aligned(&s.domain, author.domain(), domains)).find(|s| {
        let body_changed = s.headers_hold && s.body == Body::Differs;
        let key_gone = s.key == KeyState::Absent && !s.headers_hold;
        (body_changed || key_gone) && weakness(s, message).is_none() && untimely(s, message, window).is_none()
    })
}

/// Whether every occurrence of a field is covered by the signature (RFC 6376 §5.4.2: it signs from the bottom
/// up, so that a field put on top later stays unsigned), and at least one is there.
pub(super) fn covers(signature: &Signature, message: &Message, field: &str) -> bool {
    let listed = signature.signed_headers.iter().filter(|h| h.eq_ignore_ascii_case(field)).count();
    let present = message.header(field).count();
    (1..=listed).contains(&present)
}

/// RFC 7489 §3.1.1 without guessing at public suffixes: the author's own domain; a parent or child of it that
/// the account lists; and where nothing is listed, a parent.
fn is_aligned(signer: &str, own: &str, listed: &[String]) -> bool {
    let below = |child: &str, parent: &str| {
        child.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')) && parent.contains('.')
    };
    let related = below(own, signer) || below(signer, own);
    signer == own
        || (related && listed.iter().any(|domain| domain == signer))
        || (listed.is_empty() && below(own, signer))
}

/// Why a signature of the right domain proves nothing, and the best claim that this leaves.
fn shortfall(signature: &Signature, message: &Message, window: &Window) -> Option<(Claim, Reason)> {
    let unverified = |reason| Some((Claim::Unverified, reason));
    if let Some(text) = weakness(signature, message) {
        let text = format!("The signature of {} does not count: {text}.", signature.domain);
        return unverified(Reason::new("identity_unverified", text).fix(
            "Ask the champion's mail administrator for a full DKIM signature, or ask the champion to confirm \
             through another mail system of the company.",
        ));
    }
    if signature.key == KeyState::Temporary {
        let text = format!("The key of {} could not be looked up yet.", signature.domain);
        let fix = "Nothing to do: the look-up is tried again.";
        return Some((Claim::Pending, Reason::new("identity_pending", text).fix(fix)));
    }
    if signature.key == KeyState::Unreachable {
        let text = format!("The key of {} could not be looked up for two days.", signature.domain);
        let fix = "Ask the champion for a new reply, or their mail administrator to mend the name server.";
        return unverified(Reason::new("dns", text).fix(fix));
    }
    if let Some(reason) = untimely(signature, message, window) {
        return unverified(reason);
    }
    if !signature.headers_hold {
        return Some(broken(signature, message));
    }
    if signature.body == Body::Differs {
        let text = "The body was changed after it was signed, as gateways do that add a banner.";
        return unverified(
            Reason::new("body_changed", text)
                .fix("Exempt the evidence mailbox from banners and footers, and ask for a new reply."),
        );
    }
    None
}

/// What makes a signature worthless whatever the crypto says.
fn weakness(signature: &Signature, message: &Message) -> Option<String> {
    let rsa = signature.algorithm == "rsa-sha256";
    if !rsa && signature.algorithm != "ed25519-sha256" {
        return Some(format!("{} is not accepted", named(&signature.algorithm)));
    }
    if signature.has_length {
        return Some("it covers only a part of the body".into());
    }
    if let Some(field) = SIGNED_FIELDS.iter().find(|field| !covers(signature, message, field)) {
        return Some(format!("it leaves a {field} field unsigned"));
    }
    if signature.test_key {
        return Some("its key is marked as a test".into());
    }
    match signature.key_bits {
        Some(bits) if rsa && bits < RSA_BITS_MIN => Some(format!("its key has only {bits} bits")),
        _ => None,
    }
}

/// A word from the mail as a reason may show it: short, and never empty.
fn named(word: &str) -> String {
    let short: String = word.chars().filter(|c| c.is_ascii_graphic()).take(40).collect();
    if short.is_empty() { "an algorithm that it does not name".into() } else { short }
}

/// The signed Date must be timely, and `t=` and `x=` where they are given (RFC 6376 §3.5).
fn untimely(signature: &Signature, message: &Message, window: &Window) -> Option<Reason> {
    let Some(date) = message.date else {
        let fix = "Ask the champion for a new reply to the declaration.";
        return Some(Reason::new("stale_evidence", "The mail has no readable date.").fix(fix));
    };
    let beyond = || Reason::new("stale_evidence", "The signature states an impossible time.");
    let time = |seconds: Option<i64>| seconds.map(Timestamp::from_second).transpose();
    let (Ok(signed_at), Ok(expires_at)) = (time(signature.signed_at), time(signature.expires_at)) else {
        return Some(beyond());
    };
    if expires_at.is_some_and(|x| x < window.seen_at) {
        let text = "The signature had expired when the mail was first seen.";
        let fix = "Ask the champion for a new reply to the declaration.";
        return Some(Reason::new("stale_evidence", text).fix(fix));
    }
    window
        .misses(date, "signed date")
        .or_else(|| signed_at.and_then(|time| window.misses(time, "time of the signature")))
}

/// A signature in the author's own domain whose header hash does not hold. When nothing on the way is known to
/// rewrite headers and the body came as signed, somebody changed the header or signed with another key: a
/// forgery. Otherwise a list or gateway can have done it.
fn broken(signature: &Signature, message: &Message) -> (Claim, Reason) {
    let why = signature.failure.as_deref().unwrap_or("it does not hold");
    if !signature.headers_broken {
        let text = format!("The signature of {} cannot be checked: {why}.", signature.domain);
        let fix = "Ask the champion for a new reply; if this goes on, their mail administrator has to look.";
        return (Claim::Unverified, Reason::new("identity_unverified", text).fix(fix));
    }
    let text = format!("The signature of {} does not fit this mail: {why}.", signature.domain);
    let fix = "Ask the champion directly whether they wrote this.";
    let reason = Reason::new("identity_failed", text).fix(fix);
    let intact = signature.body != Body::Differs;
    (if intact && is_direct(message) { Claim::Forged } else { Claim::Unverified }, reason)
}

/// Whether nothing shows that a list, a forwarder or a gateway handled the mail.
fn is_direct(message: &Message) -> bool {
    let marks = ["List-Id", "List-Post", "Mailing-List", "ARC-Seal", "Resent-From", "Resent-Date"];
    // "[EXTERNAL] Re: …", "[list] Re: …", "*** SPAM *** …": written into the subject on the way.
    let banner = message.subject.trim_start().starts_with(['[', '*', '{']);
    !banner && marks.iter().all(|mark| message.header(mark).next().is_none())
}

/// No signature of the author's domain at all.
fn unsigned(witnessed: &Witnessed, author: &Address) -> (Claim, Reason) {
    let text = match witnessed.signatures.first() {
        None => format!("The mail carries no signature, so anybody can have written it as {author}."),
        Some(other) => {
            format!("The mail is signed by {}, which says nothing about {author}.", named(&other.domain))
        }
    };
    let fix = "Ask the champion to reply from their company's own mail system, which must sign (DKIM).";
    (Claim::Unverified, Reason::new("identity_unverified", text).fix(fix))
}
