//! In which role somebody speaks for the buyer, and what was said there. One list serves the standing (roles that the
//! accounts file requires) and the gates (roles that a policy file asks for).

use super::fold::{Vote, evidence};
use crate::model::{Address, Means, Outcome, Reason, RoleWord, Standing};

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
