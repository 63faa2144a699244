//! In which role somebody speaks for the buyer, and what was said there. One list serves the standing (roles that the
//! accounts file requires) and the gates (roles that a policy file asks for).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::chain::Chain;
use super::fold::{Vote, evidence};
use super::heard::Heard;
use crate::model::{Address, Evidence, Means, Outcome, ROLE_TECHNICAL, Reason, RoleWord, Said, Standing};

/// A word, and the mail that says it; none while nothing was said.
type Spoken<'a> = (Option<&'a Outcome>, RoleWord);

/// The role of a person, by the accounts file.
pub(super) fn role_of<'a>(who: &Address, gating: &'a Outcome) -> &'a str {
    gating.roles.get(who).map_or(ROLE_TECHNICAL, String::as_str)
}

/// What people said last in their roles, one word for each person and role, whatever it was said by: an answer to the
/// declaration or evidence of another kind. A doubtful word counts as nothing, and so does what was said before it.
pub(super) fn words<'a>(
    gating: &Outcome,
    votes: impl Iterator<Item = &'a Vote<'a>>,
    heard: impl Iterator<Item = Heard<'a>>,
    chain: &Chain<'_>,
) -> Vec<RoleWord> {
    let mut said: BTreeMap<(String, String), Vec<Spoken<'_>>> = BTreeMap::new();
    let spoken = votes.flat_map(|vote| answers(vote, gating)).chain(heard.filter_map(by_evidence));
    for (mail, word) in spoken {
        said.entry((word.role.clone(), word.who.clone())).or_default().push((mail, word));
    }
    said.into_values().filter_map(|said| newest(said, chain)).collect()
}

/// Of one person's words the newest; of several that nothing orders the least favourable.
fn newest(said: Vec<Spoken<'_>>, chain: &Chain<'_>) -> Option<RoleWord> {
    let mails: Vec<&Outcome> = said.iter().filter_map(|(mail, _)| *mail).collect();
    let newest = chain.newest(&mails);
    let is_newest = |mail: &Option<&Outcome>| match mail {
        Some(mail) => newest.iter().any(|n| n.identity == mail.identity),
        None => mails.is_empty(),
    };
    let last = said.into_iter().filter(|(mail, _)| is_newest(mail));
    let rank = |(mail, word): &Spoken<'_>| {
        (word.standing.favour(), word.means, mail.map(|m| m.identity), word.kind.clone())
    };
    last.min_by_key(rank).map(|(_, word)| word)
}

/// What somebody's vote says in the own role, with each mail that it rests on; with none while nothing was said.
fn answers<'a>(vote: &Vote<'a>, gating: &Outcome) -> Vec<Spoken<'a>> {
    let word = |evidence: Option<Evidence>| RoleWord {
        role: role_of(&vote.champion, gating).to_owned(),
        who: vote.champion.to_string(),
        means: Means::Endorsed,
        kind: None,
        standing: vote.standing,
        verified_standing: vote.standing,
        evidence,
    };
    let counts = vote.statements.iter().map(|s| (Some(s.message), word(Some(evidence(s)))));
    let doubtful = vote.doubtful.iter().map(|m| (Some(*m), word(Some(Evidence::of(m, &m.quote, false)))));
    let all: Vec<_> = counts.chain(doubtful).collect();
    if all.is_empty() { vec![(None, word(None))] } else { all }
}

/// What evidence of another kind says in its role.
fn by_evidence(heard: Heard<'_>) -> Option<Spoken<'_>> {
    let Heard { mail, signal, said, .. } = heard;
    let standing = match said {
        Said::Yes => Standing::Confirmed,
        Said::No => Standing::Declined,
        Said::Doubtful => Standing::NeedsReview,
    };
    let word = RoleWord {
        role: signal.role.clone()?,
        who: mail.from.as_ref()?.to_string(),
        means: if signal.waiver { Means::Waived } else { Means::Evidence },
        kind: Some(signal.kind.clone()),
        standing,
        verified_standing: standing,
        evidence: Some(Evidence::of(mail, &signal.quote, signal.proven)),
    };
    Some((Some(mail), word))
}

/// What was said before mail was erased may have been taken back in it.
pub(super) fn doubt_older(words: &mut [RoleWord], erased: Option<Timestamp>) {
    let Some(erased) = erased else { return };
    for word in words.iter_mut().filter(|w| at(w).is_some_and(|at| at <= erased)) {
        lower(word, Standing::NeedsReview);
    }
}

/// What was said before `oldest` counts as not said until it is said again. Returns who did speak, and when.
pub(super) fn forget_older(words: &mut [RoleWord], oldest: Timestamp) -> Vec<(String, Timestamp)> {
    let mut forgotten = Vec::new();
    for word in words.iter_mut().filter(|w| fills(w)) {
        if let Some(at) = at(word).filter(|at| *at < oldest) {
            forgotten.push((word.who.clone(), at));
            lower(word, Standing::AwaitingReply);
        }
    }
    forgotten
}

fn at(word: &RoleWord) -> Option<Timestamp> {
    word.evidence.as_ref().and_then(|e| e.at)
}

fn lower(word: &mut RoleWord, to: Standing) {
    word.standing = word.standing.less_favourable(to);
    word.verified_standing = word.verified_standing.less_favourable(to);
}

/// Whether a word may speak for its role.
fn fills(word: &RoleWord) -> bool {
    match word.means {
        Means::Endorsed => matches!(word.standing, Standing::Confirmed | Standing::Conditional),
        Means::Evidence | Means::Waived => word.standing == Standing::Confirmed,
    }
}

/// Why required roles are still open.
pub(super) fn missing(gating: &Outcome, words: &[RoleWord]) -> Vec<Reason> {
    let is_open = |role: &&String| !words.iter().filter(|w| fills(w)).any(|w| w.role == **role);
    let open = gating.required_roles.iter().filter(is_open);
    open.map(|role| {
        let listed = gating.roles.iter().filter(|(_, r)| *r == role);
        let people: Vec<&str> = listed.map(|(who, _)| who.as_str()).collect();
        let text = format!("Nobody of the buyer's has spoken for the required role {role} yet.");
        let fix = format!("Ask {} for a written yes with the evidence mailbox in Cc.", people.join(" or "));
        Reason::new("endorser_missing", text).fix(fix)
    })
    .collect()
}

/// Brings each word's verified standing down to what it is without people's decisions, never up. Who speaks only there
/// is heard too.
pub(super) fn lower_to(words: &mut Vec<RoleWord>, verified: Vec<RoleWord>) {
    let same = |a: &RoleWord, b: &RoleWord| a.who == b.who && a.role == b.role;
    for word in words.iter_mut() {
        let alone = verified.iter().find(|v| same(v, word)).map_or(Standing::AwaitingReply, |v| v.standing);
        word.verified_standing = word.verified_standing.less_favourable(alone);
    }
    for mut word in verified {
        if !words.iter().any(|w| same(w, &word)) {
            word.verified_standing = word.standing.less_favourable(Standing::AwaitingReply);
            word.standing = Standing::AwaitingReply;
            words.push(word);
        }
    }
    words.sort_by(|a, b| (&a.role, &a.who).cmp(&(&b.role, &b.who)));
}
