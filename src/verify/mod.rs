//! Who said it: policy over the edge's facts. Blind to what was said.
//!
//! The order is that of docs/ARCHITECTURE.md "verify": who may speak for the buyer (`champions`), whom the
//! message names as its author (`author`), what its signatures prove (`signature`), what ties it to the
//! declaration and whether the champion saw the recorded criteria (`binding`, `quote`). Every step only adds reasons,
//! and a step can lower the claim but never raise it: one more bad fact never helps anybody.

mod author;
mod authres;
mod binding;
mod champions;
mod domains;
mod quote;
mod receipt;
mod signature;
mod tags;
#[cfg(test)]
mod tests;

pub use authres::{AuthenticationResults, MethodResult};
pub use domains::is_free_mail;
pub use receipt::{Receipt, receipts};
pub use tags::{Tags, key_name, key_names};

use jiff::SignedDuration;

use crate::model::{
    Account, Address, Authorship, Binding, Claim, CriteriaSeen, Declaration, Defect, Message, OpportunityId,
    Policy, Reading, Reason, Sighting, Signature, Witnessed,
};

use author::Named;
use authres::Stamp;
use signature::{Proof, Window};

/// The evidence copy of a declaration may arrive so much later than the champion's quick answer was written: servers
/// hold mail of strangers back for some minutes (RFC 6647).
const LATE_MINUTES_MAX: i64 = 15;

/// The declaration that a message answers, with what proves it.
#[derive(Debug, Clone)]
pub struct Case<'a> {
    /// The message that declared.
    pub declared: &'a Witnessed,
    /// What it declares.
    pub declaration: &'a Declaration,
    /// Our own letters that restate its criteria to the champion: an answer to one of them answers the declaration.
    pub prompts: &'a [&'a Message],
}

/// Whether a declaration was proven to come from the seller's own domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// It was.
    pub holds: bool,
    /// The key could not be asked for yet; ask again before saying no.
    pub pending: bool,
    /// Why not; empty when it holds. The code is `declaration_unauthenticated`.
    pub reasons: Vec<Reason>,
}

/// Says who wrote `witnessed`, which answers `case`. `reading` serves to compare the quoted criteria.
pub fn verify(witnessed: &Witnessed, case: &Case<'_>, reading: &Reading, policy: &Policy) -> Authorship {
    opinion(witnessed, case, None, reading, policy)
}

/// Says who wrote a mail that is evidence of its own kind. It answers no declaration: what ties it to the opportunity
/// is that opportunity's name in a signed field, and it may be older than the declaration.
pub fn verify_evidence(
    witnessed: &Witnessed,
    case: &Case<'_>,
    about: &OpportunityId,
    reading: &Reading,
    policy: &Policy,
) -> Authorship {
    opinion(witnessed, case, Some(about), reading, policy)
}

fn opinion(
    witnessed: &Witnessed,
    case: &Case<'_>,
    about: Option<&OpportunityId>,
    reading: &Reading,
    policy: &Policy,
) -> Authorship {
    let message = witnessed.message.as_ref();
    let speakers = champions::speakers(case, policy);
    let seen = quote::seen(message, reading, case);
    let window = match about {
        Some(_) => Window::open(witnessed.seen_at, policy),
        None => Window::after(case.declared, witnessed.seen_at, policy),
    };
    let author = message.author().map(|author| &author.address);
    let proof = author.map(|address| signature::prove(witnessed, address, &speakers.domains, &window));
    let witness = second_witness(witnessed, author, policy);
    let (proof, stands_in) = match (proof, author) {
        (Some(Proof::Short(Claim::Unverified, reason)), Some(author))
            if witness == Stamp::Pass && policy.receiver.as_ref().is_some_and(|r| r.alone) =>
        {
            match signature::outlived(witnessed, author, &speakers.domains, &window) {
                Some(signature) => (Some(Proof::Good(signature)), Some(reason)),
                None => (Some(Proof::Short(Claim::Unverified, reason)), None),
            }
        }
        (proof, _) => (proof, None),
    };
    let signature = match &proof {
        Some(Proof::Good(signature)) => Some(*signature),
        _ => None,
    };
    let binding = match (about, signature) {
        (Some(about), Some(signature)) if binding::names(message, signature, about, &policy.seller) => {
            Binding::Signed
        }
        _ => binding::binding(message, signature, case, seen),
    };
    let signed_by = signature.map(|s| s.domain.clone());
    let champion = match author::author(message, case, &speakers, &policy.seller) {
        Named::Champion(champion) => champion,
        Named::Other(claim, reasons) => return Authorship { claim, binding, seen, signed_by, reasons },
    };

    let doubt = champions::doubt(champion, &speakers, &policy.seller);
    let mut findings = Findings::new(speakers.best, speakers.reasons);
    if let Some(reason) = doubt {
        findings.add(Claim::Unverified, reason);
    }
    oddities(message, &mut findings);
    if witnessed.is_attached() && !policy.accept_attached {
        findings.add(Claim::Unverified, not_delivered());
    }
    if witnessed.sighting == Sighting::Junk {
        findings.add(Claim::Unverified, in_junk());
    }
    match proof {
        Some(Proof::Short(claim, reason)) => findings.add(claim, reason),
        _ => findings.reasons.extend(stands_in.map(|reason| taken_on_word(&reason))),
    }
    add_witness(&witness, signature.is_some(), &mut findings);
    if signature.is_some_and(|s| is_relabelled(message, s)) {
        let text = "The body is called HTML by a field that nobody signed, and does not look like it.";
        findings.add(
            Claim::Unverified,
            Reason::new("ambiguous_mime", text).fix("Ask the champion for a new reply."),
        );
    }
    if signature.is_some() && binding != Binding::Signed {
        findings.add(Claim::Unverified, binding::not_bound(binding));
    }
    if about.is_none() && seen == CriteriaSeen::Differ {
        findings.add(Claim::Unverified, quote::differ());
    }
    if about.is_none() && is_late(case, message) && seen != CriteriaSeen::Quoted {
        findings.add(Claim::Unverified, late());
    }
    Authorship { claim: findings.claim, binding, seen, signed_by, reasons: findings.reasons }
}

/// The account whose people were asked, by the accounts file; none while it covers nobody of them, or when several
/// accounts do.
pub fn account_of<'p>(declaration: &Declaration, policy: &'p Policy) -> Option<&'p Account> {
    champions::account(&declaration.champions, policy)
}

/// What the receiving server says. Of a mail that was only ever attached it says nothing: whoever attached it wrote
/// its header.
fn second_witness(witnessed: &Witnessed, author: Option<&Address>, policy: &Policy) -> Stamp {
    match (&policy.receiver, author) {
        (Some(receiver), Some(author)) if !witnessed.is_attached() => {
            authres::stamp(&witnessed.message, receiver, author.domain())
        }
        _ => Stamp::Missing,
    }
}

/// Adds what the receiving server says against the author; its yes adds nothing to a signature that holds.
fn add_witness(witness: &Stamp, proven: bool, findings: &mut Findings) {
    let fix = "Ask the champion directly whether they wrote this.";
    let (claim, code, text) = match witness {
        Stamp::Missing | Stamp::Pass => return,
        // Two servers disagree about one mail: a person must find out which of them errs.
        Stamp::Failed | Stamp::NotPassed if proven => (
            Claim::Unverified,
            "results_failed",
            "The receiving server says that the signature does not hold; we find that it does.".to_owned(),
        ),
        Stamp::Failed => (
            Claim::Forged,
            "results_failed",
            "The receiving server says that the mail is not from the author's domain.".to_owned(),
        ),
        Stamp::NotPassed => (
            Claim::Unverified,
            "results_failed",
            "The receiving server says that the signature of the author's domain does not hold.".to_owned(),
        ),
        Stamp::Conflict(why) => (
            Claim::Forged,
            "results_conflict",
            format!("The receiving server's word is contradictory: {why}."),
        ),
    };
    findings.add(claim, Reason::new(code, text).fix(fix));
}

/// Remark on a signature that only the receiving server saw hold.
fn taken_on_word(reason: &Reason) -> Reason {
    let text = format!(
        "The receiving server saw the signature hold, and the operator lets its word stand alone. {}",
        reason.text
    );
    Reason::new("results_alone", text)
}

/// Whether the declaration came to us only after the reply was written, or only attached to another mail. Date and
/// Message-ID are its author's choice: a "yes" to something else could be given a declaration afterwards.
fn is_late(case: &Case<'_>, message: &Message) -> bool {
    let declared = case.declared;
    let arrived = declared.message.received.unwrap_or(declared.seen_at);
    let limit = SignedDuration::from_mins(LATE_MINUTES_MAX);
    declared.is_attached() || message.date.is_some_and(|date| arrived.duration_since(date) > limit)
}

/// The seller handed the declaration in later: it may not be the text that the champion answered.
fn late() -> Reason {
    let text = "The declaration came only after the reply was written, and the reply does not quote it.";
    Reason::new("late_declaration", text)
        .fix("Ask the champion to reply once more, with the criteria quoted and the evidence mailbox in Cc.")
}

fn not_delivered() -> Reason {
    let text = "The mail was only ever attached to another one, and the operator does not accept that.";
    Reason::new("attached_only", text)
        .fix("Ask the champion to reply to the declaration with the evidence mailbox in Cc.")
}

fn in_junk() -> Reason {
    let text = "The mail was only seen in a folder for junk: the server took it for unwanted.";
    Reason::new("seen_in_junk", text)
        .fix("Look whether it is genuine; moved to the watched folder it is read again there.")
}

/// Whether the declaration came from the seller's own domain: for champions taken from it, and for the gate's
/// remark `declaration_unauthenticated`.
pub fn authenticate_declaration(witnessed: &Witnessed, policy: &Policy) -> Authenticated {
    let own = authenticate(witnessed, policy);
    match &witnessed.carried_by {
        Some(carrier) if !own.holds => authenticate(carrier, policy),
        _ => own,
    }
}

fn authenticate(witnessed: &Witnessed, policy: &Policy) -> Authenticated {
    let message = witnessed.message.as_ref();
    let failed = |pending, why: &str| Authenticated {
        holds: false,
        pending,
        reasons: vec![
            Reason::new(
                "declaration_unauthenticated",
                format!("Nothing proves who sent the declaration: {why}"),
            )
            .fix("Send declarations through the seller's own mail server, which must sign them (DKIM)."),
        ],
    };
    if witnessed.sighting == Sighting::Junk {
        return failed(false, "It was only seen in a folder for junk.");
    }
    let mut findings = Findings::new(Claim::Verified, Vec::new());
    oddities(message, &mut findings);
    if let Some(reason) = findings.reasons.first() {
        return failed(false, &reason.text);
    }
    let Some(author) = message.author().filter(|a| a.address.is_at(&policy.seller.domains)) else {
        return failed(false, "Its author is not one person at the seller's domains.");
    };
    if is_internal(witnessed, policy) {
        return Authenticated { holds: true, pending: false, reasons: Vec::new() };
    }
    let window = Window::open(witnessed.seen_at, policy);
    match signature::prove(witnessed, &author.address, &policy.seller.domains, &window) {
        Proof::Good(_) => Authenticated { holds: true, pending: false, reasons: Vec::new() },
        Proof::Short(claim, reason) => failed(claim == Claim::Pending, &reason.text),
    }
}

/// Whether the seller's own Exchange tenant marked the mail as sent from inside it; such mail bears no signature. The
/// tenant's border removes the mark from mail that comes from outside.
fn is_internal(witnessed: &Witnessed, policy: &Policy) -> bool {
    let mut marks = witnessed.message.header("X-MS-Exchange-Organization-AuthAs");
    policy.receiver.as_ref().is_some_and(|r| r.internal_mark)
        && witnessed.sighting == Sighting::Delivered
        && marks.next().is_some_and(|mark| mark.eq_ignore_ascii_case("Internal"))
        && marks.next().is_none()
}

/// Whether somebody can have turned a plain text into HTML by editing an unsigned Content-Type (Gmail's is): a
/// planted `<!--` in the quote would then hide what the champion typed below it.
fn is_relabelled(message: &Message, signature: &Signature) -> bool {
    let html = message.html.as_deref().filter(|_| message.plain.is_none());
    !signature::covers(signature, message, "Content-Type")
        && html.is_some_and(|h| !h.trim_start().starts_with('<'))
}

/// The claim so far and why; it only ever gets worse.
struct Findings {
    claim: Claim,
    reasons: Vec<Reason>,
}

impl Findings {
    fn new(claim: Claim, reasons: Vec<Reason>) -> Self {
        Self { claim, reasons }
    }

    fn add(&mut self, claim: Claim, reason: Reason) {
        let badness = |claim| match claim {
            Claim::Verified => 0,
            Claim::Pending => 1,
            Claim::Forged => 3,
            Claim::Unverified | Claim::NotChampion | Claim::Seller | Claim::Machine => 2,
        };
        if badness(claim) > badness(self.claim) {
            self.claim = claim;
        }
        self.reasons.push(reason);
    }
}

/// What about the message itself keeps a person from being sure who wrote what: AUTHENTICITY §2.2 steps 1, 3, 8.
fn oddities(message: &Message, findings: &mut Findings) {
    for defect in &message.defects {
        let (code, text) = match defect {
            Defect::HeaderSyntax(how) => {
                ("header_syntax", format!("The header breaks the rules of mail: {how}."))
            }
            Defect::SeveralAuthors => ("header_syntax", "The mail names more than one author.".to_owned()),
            Defect::AmbiguousMime(how) => {
                ("ambiguous_mime", format!("The body can be read in two ways: {how}."))
            }
            Defect::TornPart(how) => {
                ("ambiguous_mime", format!("A part of the body could not be read: {how}."))
            }
            Defect::OverLimit(what) => ("over_limit", format!("A part of the mail was not read: {what}.")),
            // Nothing readable confirms nothing; that is for the judge to say.
            Defect::Unreadable(_) => continue,
        };
        let reason =
            Reason::new(code, text).fix("Read the mail yourself, or ask the champion for a new reply.");
        findings.add(Claim::Unverified, reason);
    }
    if message.sender.is_none() && message.header("Sender").next().is_some() {
        let reason = Reason::new("header_syntax", "The mail names a sender that cannot be read.");
        findings.add(Claim::Unverified, reason.fix("Ask the champion for a new reply."));
    }
    let author = message.author().map(|a| &a.address);
    if let (Some(sender), Some(author)) = (&message.sender, author)
        && sender.address != *author
    {
        let text = format!("{} sent the mail in the name of {author}.", sender.address);
        let fix = "Ask the champion to reply from their own account.";
        findings.add(Claim::Unverified, Reason::new("delegate", text).fix(fix));
    }
}
