//! What a deal's record means for its letters: the situations that it is in, each with the moment at which it began.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::absence::return_day;
use super::calendar::Calendar;
use super::rules::When;
use crate::decide::is_statement;
use crate::model::{
    Address, Automatic, Claim, Declaration, Digest, Kind, MessageId, OpportunityId, Outcome, Reason, Seller,
    Standing, StandingReport, Verdict,
};
use crate::record::{Command, Order, Posted, Posting, Side};

/// One situation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// Which.
    pub when: When,
    /// What it is about; part of what makes its letters unique.
    pub subject: Digest,
    /// When it began.
    pub since: Timestamp,
    /// The champion, where there is one.
    pub champion: Option<Address>,
    /// Who spoke, where somebody did.
    pub who: Option<Address>,
    /// Their words.
    pub quote: String,
    /// What is to be said about it.
    pub reasons: Vec<Reason>,
}

/// A deal's record, as far as its letters go.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Where it stands.
    pub report: &'a StandingReport,
    /// The newest outcomes of its copies.
    pub outcomes: &'a [Outcome],
    /// Copies that came in through a watched mailbox while they were new. Nothing else starts a letter.
    pub live: &'a BTreeSet<Digest>,
    /// Its letters so far.
    pub history: &'a [Posting],
    /// Its orders so far.
    pub orders: &'a [Order],
    /// Lints of its declaration beyond those that the declaration carries itself.
    pub lints: &'a [Reason],
    /// Whether the person who declared never got a letter of ours before.
    pub first_use: bool,
    /// Who the seller is.
    pub seller: &'a Seller,
}

/// The situations of a deal, in a fixed order. `calendar` is the champions'.
pub fn situations(record: &Record<'_>, calendar: &Calendar) -> Vec<Situation> {
    let Some((gating, declaration)) = gating(record) else { return Vec::new() };
    let mut all = Vec::new();
    all.extend(declared(record, gating, declaration));
    for champion in &declaration.champions {
        all.extend(of_champion(record, gating, champion, declaration, calendar));
    }
    // What a person accepted is no proof, and nobody is told that it is.
    let proven = record.report.verified_standing == Standing::Confirmed;
    if proven && record.report.standing == Standing::Confirmed {
        all.extend(confirmed(record));
    }
    for outcome in newest_first(record) {
        all.extend(of_message(record, outcome, gating, declaration));
    }
    all.extend(record.history.iter().filter_map(refused));
    all
}

/// A server refused a letter to the champion for good.
fn refused(posting: &Posting) -> Option<Situation> {
    let Some((at, Posted::Refused { text })) = &posting.end else { return None };
    (posting.letter.side == Side::Champion).then(|| Situation {
        when: When::Bounced,
        subject: posting.letter.key,
        since: *at,
        champion: Some(posting.letter.to.clone()),
        who: Some(posting.letter.to.clone()),
        quote: text.clone(),
        reasons: Vec::new(),
    })
}

/// The declaration that gates, if its letters may be written: it came in live.
fn gating<'a>(record: &Record<'a>) -> Option<(&'a Outcome, &'a Declaration)> {
    let id = record.report.declaration.as_ref();
    let of = |o: &&Outcome| o.kind == Kind::Declaration && o.message_id.as_ref() == id && id.is_some();
    let copies = || record.outcomes.iter().filter(of);
    let live = copies().find(|o| record.live.contains(&o.sha256))?;
    Some((live, live.declaration.as_ref()?))
}

/// Whether the declaration is proven to be the seller's: nobody else makes the daemon write to strangers.
pub(super) fn may_write_to_champions(gating: &Outcome) -> bool {
    const DOUBTFUL: &[&str] = &[
        "declaration_unauthenticated",
        "message_conflict",
        "identity_pending",
        "late_declaration",
        "opportunity_conflict",
    ];
    gating.opportunity.is_some() && !DOUBTFUL.iter().any(|code| gating.has(code))
}

fn declared(record: &Record<'_>, gating: &Outcome, declaration: &Declaration) -> Vec<Situation> {
    let mut reasons: Vec<Reason> = gating
        .reasons
        .iter()
        .filter(|r| is_lint(&r.code))
        .map(|r| Reason { rule: None, span: None, ..r.clone() })
        .collect();
    // What the finer lint says, the general one need not.
    let is_said = |code: &str| record.lints.iter().any(|r| r.code == code);
    if is_said("champion_is_seller") {
        reasons.retain(|r| r.code != "no_champion");
    }
    reasons.extend(record.lints.iter().cloned());
    let to_seller = Situation {
        when: When::Declared,
        subject: gating.identity,
        since: gating.seen_at,
        champion: None,
        who: Some(declaration.seller.clone()),
        quote: String::new(),
        reasons,
    };
    let mut all = Vec::new();
    if !to_seller.reasons.is_empty() || record.first_use {
        all.push(to_seller.clone());
    }
    if may_write_to_champions(gating) {
        let receipt = |c: &Address| Situation { champion: Some(c.clone()), ..to_seller.clone() };
        all.extend(declaration.champions.iter().map(receipt));
    }
    all
}

/// Reason codes of a declaration that its author can do something about.
pub(super) fn is_lint(code: &str) -> bool {
    const LINTS: &[&str] = &[
        "no_ask",
        "no_champion",
        "no_criteria",
        "no_opportunity",
        "criteria_not_all_passed",
        "no_evidence_address",
        "champion_free_mail",
        "champion_is_seller",
        "declaration_unauthenticated",
        "late_declaration",
        "opportunity_conflict",
        "declaration_unclear",
    ];
    LINTS.contains(&code)
}

/// Whether a person of the buyer (or a stranger) wrote it.
fn by_buyer(record: &Record<'_>, outcome: &Outcome) -> bool {
    outcome.automatic.is_none()
        && outcome.kind != Kind::Automatic
        && outcome.kind != Kind::Declaration
        && outcome.from.as_ref().is_some_and(|from| !from.is_at(&record.seller.domains))
}

fn of_champion(
    record: &Record<'_>,
    gating: &Outcome,
    champion: &Address,
    declaration: &Declaration,
    calendar: &Calendar,
) -> Option<Situation> {
    let open = matches!(record.report.standing, Standing::AwaitingReply | Standing::Partial);
    let silent = record
        .report
        .endorsers
        .iter()
        .any(|e| e.who == champion.as_str() && e.standing == Standing::AwaitingReply);
    if !open || !silent || !may_write_to_champions(gating) || is_bounced(record, champion, declaration) {
        return None;
    }
    let after = |o: &&Outcome| !is_before(o, gating);
    let spoken: Vec<&Outcome> =
        record.outcomes.iter().filter(|o| by_buyer(record, o)).filter(after).collect();
    let own = |o: &&&Outcome| o.from.as_ref() == Some(champion);
    let back = last_return(record, champion, calendar);
    let named = record.report.champion.as_ref().map(|change| change.at);
    let situation = |when, subject, since: Timestamp, quote: &str| Situation {
        when,
        subject,
        since: [back, named].into_iter().flatten().fold(since, Ord::max),
        champion: Some(champion.clone()),
        who: Some(champion.clone()),
        quote: quote.to_owned(),
        reasons: Vec::new(),
    };
    let reactions = record.outcomes.iter().filter(|o| {
        o.automatic == Some(Automatic::Reaction) && o.from.as_ref() == Some(champion) && !is_before(o, gating)
    });
    let wordless = |o: &Outcome| o.sure && o.verdict == Some(Verdict::Inconclusive);
    let said: Vec<&Outcome> = spoken.iter().filter(own).copied().collect();
    // Words that a person must read first are not for a robot to answer, and neither is a colleague's mail.
    let others_confirmed = record.report.standing == Standing::Partial;
    let talk_goes_on = said.iter().any(|o| !wordless(o))
        || (!others_confirmed && spoken.iter().any(|o| o.from.as_ref() != Some(champion)));
    if talk_goes_on {
        return None;
    }
    let wanted = said.iter().copied().chain(reactions).filter(|o| record.live.contains(&o.sha256));
    if let Some(first) = wanted.min_by_key(|o| (o.seen_at, o.sha256)) {
        let key = Digest::of_fields([gating.identity.0.as_slice(), champion.as_str().as_bytes()]);
        let words = if first.quote.is_empty() { &first.fresh_text } else { &first.quote };
        return Some(situation(When::WordsWanted, key, first.seen_at, words));
    }
    let key = Digest::of_fields([gating.identity.0.as_slice(), champion.as_str().as_bytes()]);
    said.is_empty().then(|| situation(When::Silent, key, gating.seen_at, ""))
}

/// Whether `outcome` was written before the declaration that gates. Its Date is the author's word, so what we saw
/// later counts as later.
fn is_before(outcome: &Outcome, gating: &Outcome) -> bool {
    outcome.seen_at < gating.seen_at && !outcome.parents.iter().any(|p| Some(p) == gating.message_id.as_ref())
}

/// The morning on which the champion is back, of the newest automatic answer that names a day.
fn last_return(record: &Record<'_>, champion: &Address, calendar: &Calendar) -> Option<Timestamp> {
    let away = record.outcomes.iter().filter(|o| {
        o.automatic == Some(Automatic::AutoReply)
            && o.from.as_ref() == Some(champion)
            && record.live.contains(&o.sha256)
    });
    let day = |o: &Outcome| {
        let text = format!("{}\n{}", o.fresh_text, o.unsure_text);
        return_day(&text, calendar.day(o.written()))
    };
    away.filter_map(|o| calendar.morning(day(o)?)).max()
}

/// Whether mail to the champion came back, or a server refused it for good.
fn is_bounced(record: &Record<'_>, champion: &Address, declaration: &Declaration) -> bool {
    let refused = |p: &Posting| {
        p.letter.side == Side::Champion
            && p.letter.to == *champion
            && matches!(&p.end, Some((_, Posted::Refused { .. })))
    };
    // What came back before somebody else was named champion is why they were.
    let named = record.report.champion.as_ref().map(|change| change.at);
    let bounced = |o: &&Outcome| {
        o.automatic == Some(Automatic::Bounce)
            && named.is_none_or(|at| o.seen_at > at)
            && bounces(o, champion, declaration)
    };
    record.history.iter().any(refused) || record.outcomes.iter().any(|o| bounced(&o))
}

/// Whether a delivery report is about the champion's address. One that names no address at all may be.
fn bounces(report: &Outcome, champion: &Address, declaration: &Declaration) -> bool {
    let text = format!("{}\n{}", report.fresh_text, report.unsure_text).to_ascii_lowercase();
    let names = |address: &Address| text.contains(address.as_str());
    let names_other =
        names(&declaration.seller) || declaration.champions.iter().any(|c| c != champion && names(c));
    names(champion) || !names_other
}

fn confirmed(record: &Record<'_>) -> Option<Situation> {
    let counts = |o: &&Outcome| record.report.evidence.iter().any(|e| e.verified && e.sha256 == o.sha256);
    let newest = record.outcomes.iter().filter(counts).max_by_key(|o| (o.seen_at, o.sha256))?;
    record.live.contains(&newest.sha256).then(|| Situation {
        when: When::Confirmed,
        subject: newest.identity,
        since: newest.seen_at,
        champion: newest.from.clone(),
        who: newest.from.clone(),
        quote: newest.quote.clone(),
        reasons: Vec::new(),
    })
}

fn newest_first<'a>(record: &Record<'a>) -> Vec<&'a Outcome> {
    let mut live: Vec<&Outcome> =
        record.outcomes.iter().filter(|o| record.live.contains(&o.sha256)).collect();
    live.sort_by_key(|o| (std::cmp::Reverse(o.seen_at), o.sha256));
    live
}

/// The situation that one message makes, if it makes one.
fn of_message(
    record: &Record<'_>,
    outcome: &Outcome,
    gating: &Outcome,
    declaration: &Declaration,
) -> Option<Situation> {
    let claim = outcome.authorship.as_ref().map(|a| a.claim);
    let current = || record.report.evidence.iter().any(|e| e.sha256 == outcome.sha256);
    let objects = || {
        record.report.reasons.iter().any(|r| {
            matches!(r.code.as_str(), "new_objection" | "stray_objection" | "champion_changed_after_reply")
                && !outcome.quote.is_empty()
                && r.text.contains(&outcome.quote)
        })
    };
    let when = match (outcome.kind, outcome.verdict) {
        (Kind::Automatic, _) if outcome.automatic == Some(Automatic::Bounce) => {
            let stops = declaration.champions.iter().any(|c| bounces(outcome, c, declaration));
            stops.then_some(When::Bounced)?
        }
        (Kind::Automatic | Kind::Declaration, _) => return None,
        _ if claim == Some(Claim::Forged) => When::Forged,
        _ if objects() => When::Objection,
        (Kind::Forward, _) if outcome.has("forwarded_inline") && !by_buyer(record, outcome) => {
            When::ForwardedInline
        }
        (Kind::Reply, Some(verdict)) if is_statement(outcome) => {
            if !current() || outcome.criteria_digest != gating.criteria_digest {
                return None;
            }
            match verdict {
                Verdict::Conditional => When::Conditional,
                Verdict::Deferred => When::Deferred,
                Verdict::Declined => When::Declined,
                Verdict::Retracted => When::Retracted,
                _ => return None,
            }
        }
        (Kind::Reply, Some(_)) if !by_buyer(record, outcome) || outcome.has("identity_pending") => {
            return None;
        }
        (Kind::Reply, Some(Verdict::Inconclusive)) if outcome.sure => return None,
        (Kind::Reply, Some(_)) if claim == Some(Claim::Verified) && !outcome.sure => When::Review,
        (Kind::Reply, Some(_)) => When::Unverified,
        _ => return None,
    };
    Some(Situation {
        when,
        subject: outcome.identity,
        since: outcome.seen_at,
        champion: None,
        who: outcome.from.clone(),
        quote: if outcome.quote.is_empty() { outcome.fresh_text.clone() } else { outcome.quote.clone() },
        reasons: outcome
            .reasons
            .iter()
            .filter(|r| r.fix.is_some())
            .map(|r| Reason { rule: None, span: None, ..r.clone() })
            .collect(),
    })
}

/// Since when nobody may write to the champions: an order, or a mail by which the seller shows that the champion did
/// answer somewhere else. And since when somebody lets them again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hold {
    /// Held since.
    pub held: Option<Timestamp>,
    /// Somebody of the seller let the letters go, then.
    pub resumed: Option<Timestamp>,
    /// Somebody wants the next letter now, since then.
    pub now: Option<Timestamp>,
}

/// Whether letters to the champions are held.
pub fn hold(record: &Record<'_>) -> Hold {
    let mut hold = Hold::default();
    let forwarded = record
        .outcomes
        .iter()
        .filter(|o| o.kind == Kind::Forward && !by_buyer(record, o) && record.live.contains(&o.sha256))
        .map(|o| (o.seen_at, &Command::Hold));
    let mut events: Vec<(Timestamp, &Command)> =
        record.orders.iter().map(|o| (o.at, &o.command)).chain(forwarded).collect();
    // Of two at the same moment the one that keeps us silent counts last.
    events.sort_by_key(|(at, command)| (*at, **command == Command::Hold));
    for (at, command) in events {
        match command {
            Command::Hold => hold = Hold { held: Some(at), ..Hold::default() },
            Command::Resume => hold = Hold { resumed: Some(at), ..Hold::default() },
            Command::SendNow => hold = Hold { resumed: Some(at), now: Some(at), held: None },
            Command::Link { .. } | Command::Champion { .. } => {}
        }
    }
    hold
}

/// A declaration that names no opportunity: its author is told, and nobody else.
pub fn unlinked(outcome: &Outcome, lints: &[Reason]) -> Option<Situation> {
    let declaration = outcome.declaration.as_ref()?;
    let mut reasons: Vec<Reason> = outcome.reasons.iter().filter(|r| is_lint(&r.code)).cloned().collect();
    reasons.extend(lints.iter().cloned());
    if lints.iter().any(|r| r.code == "champion_is_seller") {
        reasons.retain(|r| r.code != "no_champion");
    }
    Some(Situation {
        when: When::Declared,
        subject: outcome.identity,
        since: outcome.seen_at,
        champion: None,
        who: Some(declaration.seller.clone()),
        quote: String::new(),
        reasons,
    })
}

/// The opportunity and the declaration that a letter is about.
pub(super) fn about(record: &Record<'_>) -> (OpportunityId, Option<MessageId>) {
    (record.report.opportunity.clone(), record.report.declaration.clone())
}

/// Criteria of the declaration that gates, and whether its champions may be written to.
pub(super) fn gate<'a>(record: &Record<'a>) -> Option<(&'a Outcome, &'a Declaration)> {
    gating(record)
}
