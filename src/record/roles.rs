//! In which role somebody speaks for the buyer, and what was said there. One list serves the standing (roles that the
//! accounts file requires) and the gates (roles that a policy file asks for).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::chain::Chain;
use super::fold::{Vote, evidence};
use crate::model::{Address, Evidence, Means, Outcome, Reason, RoleWord, Said, Signal, Standing};

/// Role of a declared champion while no accounts file names another.
const ROLE_TECHNICAL: &str = "technical";

/// The role of a person, by the accounts file.
pub(super) fn role_of<'a>(who: &Address, gating: &'a Outcome) -> &'a str {
    gating.roles.get(who).map_or(ROLE_TECHNICAL, String::as_str)
}

/// What people said in their roles by answers to the declaration.
pub(super) fn words<'a>(gating: &Outcome, votes: impl Iterator<Item = &'a Vote<'a>>) -> Vec<RoleWord> {
    let word = |vote: &Vote<'_>| RoleWord {
        role: role_of(&vote.champion, gating).to_owned(),
        who: vote.champion.to_string(),
        means: Means::Endorsed,
        kind: None,
        standing: vote.standing,
        verified_standing: vote.standing,
        evidence: vote.statements.first().map(|s| evidence(s)),
    };
    votes.map(word).collect()
}

/// What people said in their roles by evidence of other kinds: of each person and role the newest word. A doubtful one
/// counts as nothing, and so does what was said before it.
pub(super) fn evidence_words(mails: &[&Outcome], chain: &Chain<'_>) -> Vec<RoleWord> {
    let mut said: BTreeMap<(String, String), Vec<(&Outcome, &Signal)>> = BTreeMap::new();
    for mail in mails {
        for signal in mail.signals.iter().filter(|s| s.proven || s.said != Said::Yes) {
            let (Some(from), Some(role)) = (&mail.from, &signal.role) else { continue };
            said.entry((role.clone(), from.to_string())).or_default().push((mail, signal));
        }
    }
    let word = |((role, who), said): ((String, String), Vec<(&Outcome, &Signal)>)| {
        let outcomes: Vec<&Outcome> = said.iter().map(|(mail, _)| *mail).collect();
        let newest = chain.newest(&outcomes);
        let is_newest = |mail: &Outcome| newest.iter().any(|n| n.identity == mail.identity);
        let last: Vec<(&Outcome, &Signal)> = said.into_iter().filter(|(mail, _)| is_newest(mail)).collect();
        let standing = |(_, signal): &(&Outcome, &Signal)| match signal.said {
            Said::Yes => Standing::Confirmed,
            Said::No if signal.proven => Standing::Declined,
            Said::No | Said::Doubtful => Standing::NeedsReview,
        };
        let worst = last.iter().min_by_key(|s| (standing(s).favour(), s.0.identity, s.1.kind.clone()))?;
        let (mail, signal) = *worst;
        Some(RoleWord {
            role,
            who,
            means: if signal.waiver { Means::Waived } else { Means::Evidence },
            kind: Some(signal.kind.clone()),
            standing: standing(worst),
            verified_standing: standing(worst),
            evidence: Some(Evidence {
                id: mail.sha256.to_string().chars().take(12).collect(),
                message_id: mail.message_id.as_ref().map(|id| format!("<{id}>")),
                sha256: mail.sha256,
                verified: signal.proven,
                quote: signal.quote.clone(),
                accepted_by: None,
                at: Some(mail.date.map_or(mail.seen_at, |date| date.min(mail.seen_at))),
            }),
        })
    };
    said.into_iter().filter_map(word).collect()
}

/// What was said before mail was erased may have been taken back in it.
pub(super) fn doubt_older(words: &mut [RoleWord], erased: Option<Timestamp>) {
    let Some(erased) = erased else { return };
    let is_older = |w: &&mut RoleWord| w.evidence.as_ref().and_then(|e| e.at).is_some_and(|at| at <= erased);
    for word in words.iter_mut().filter(is_older) {
        word.standing = word.standing.less_favourable(Standing::NeedsReview);
        word.verified_standing = word.verified_standing.less_favourable(Standing::NeedsReview);
    }
}

/// Why required roles are still open.
pub(super) fn missing(gating: &Outcome, words: &[RoleWord]) -> Vec<Reason> {
    let fills = |w: &&RoleWord| match w.means {
        Means::Endorsed => matches!(w.standing, Standing::Confirmed | Standing::Conditional),
        Means::Evidence | Means::Waived => w.standing == Standing::Confirmed,
    };
    let is_open = |role: &&String| !words.iter().filter(fills).any(|w| w.role == **role);
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

/// Brings each word's verified standing down to what it is without people's decisions, never up.
pub(super) fn lower_to(words: &mut [RoleWord], verified: &[RoleWord]) {
    for word in words {
        let same = |v: &&RoleWord| v.who == word.who && v.role == word.role && v.means == word.means;
        let alone = verified.iter().find(same).map_or(Standing::AwaitingReply, |v| v.standing);
        word.verified_standing = word.verified_standing.less_favourable(alone);
    }
}
