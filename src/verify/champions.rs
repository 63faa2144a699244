//! Who may speak for the buyer: the accounts file of deal desk; without it, and only if the operator trusts
//! that, the declaration itself. The best inside cheat is to declare a champion whom the seller controls.

use crate::model::{Account, Address, Claim, Policy, Reason, Seller};

use super::domains::{self, Likeness};
use super::{Case, authenticate_declaration};

/// Seller's domains below this length, in bytes, resemble many others by chance.
const OWN_DOMAIN_LENGTH_MIN: usize = 10;

/// Who may speak.
#[derive(Debug)]
pub(super) struct Speakers {
    /// The champions' addresses.
    pub champions: Vec<Address>,
    /// The account's domains as listed; empty without an accounts file.
    pub domains: Vec<String>,
    /// Those of them whom deal desk named by address and, for an address outside of the account's domains, approved.
    pub listed: Vec<Address>,
    /// The best claim that a reply can reach.
    pub best: Claim,
    /// Why not better, and what a reader must know.
    pub reasons: Vec<Reason>,
}

/// Finds out who may answer the declaration.
pub(super) fn speakers(case: &Case<'_>, policy: &Policy) -> Speakers {
    let declared = &case.declaration.champions;
    let accounts = policy.accounts.iter().flat_map(|a| a.accounts.values());
    let covering: Vec<&Account> =
        accounts.filter(|a| declared.iter().any(|champion| covers(a, champion))).collect();
    match covering.as_slice() {
        [account] => listed(account),
        [] if policy.trust_declared_champions => as_declared(case, policy),
        [] => unlisted(declared, policy),
        several => {
            // A declaration that goes to two accounts could let the one speak for the other.
            let mut champions: Vec<Address> = several.iter().flat_map(|a| endorsers(a)).collect();
            champions.sort();
            let text = "The declaration went to people of more than one account.";
            let fix = "Send one declaration for each account.";
            let reason = Reason::new("accounts_conflict", text).fix(fix);
            Speakers {
                champions,
                domains: Vec::new(),
                listed: Vec::new(),
                best: Claim::Unverified,
                reasons: vec![reason],
            }
        }
    }
}

/// The one account that covers the people to whom a declaration went.
pub(super) fn account<'p>(declared: &[Address], policy: &'p Policy) -> Option<&'p Account> {
    let accounts = policy.accounts.iter().flat_map(|a| a.accounts.values());
    let mut covering = accounts.filter(|a| declared.iter().any(|champion| covers(a, champion)));
    covering.next().filter(|_| covering.next().is_none())
}

fn covers(account: &Account, champion: &Address) -> bool {
    champion.is_at(&account.domains) || endorsers(account).any(|e| e == *champion)
}

fn endorsers(account: &Account) -> impl Iterator<Item = Address> {
    account.endorsers.keys().filter_map(|text| Address::new(text))
}

/// Deal desk named each address; one that anybody could have registered needs an approval of its own.
fn listed(account: &Account) -> Speakers {
    let approved = |e: &Address| {
        let at_home = e.is_at(&account.domains) && !domains::is_free_mail(e.domain());
        at_home || account.waivers.keys().any(|w| w == e.as_str())
    };
    Speakers {
        champions: endorsers(account).collect(),
        domains: account.domains.clone(),
        listed: endorsers(account).filter(approved).collect(),
        best: Claim::Verified,
        reasons: Vec::new(),
    }
}

fn unlisted(declared: &[Address], policy: &Policy) -> Speakers {
    let why = if policy.accounts.is_some() {
        "The accounts file does not cover the people to whom the declaration went."
    } else {
        "There is no accounts file that says who may speak for the buyer."
    };
    let reason = Reason::new("no_accounts", why)
        .fix("Ask deal desk to list the account with its domains and endorsers in the accounts file.");
    Speakers {
        champions: declared.to_vec(),
        domains: Vec::new(),
        listed: Vec::new(),
        best: Claim::Unverified,
        reasons: vec![reason],
    }
}

fn as_declared(case: &Case<'_>, policy: &Policy) -> Speakers {
    let declared = &case.declaration.champions;
    let mut best = Claim::Verified;
    let mut reasons = vec![
        Reason::new(
            "no_accounts",
            "The champion is taken from the declaration; no accounts file names them.",
        )
        .fix("Let deal desk keep an accounts file."),
    ];
    let proof = authenticate_declaration(case.declared, policy);
    if !proof.holds {
        best = if proof.pending { Claim::Pending } else { Claim::Unverified };
        reasons.extend(proof.reasons);
    }
    Speakers { champions: declared.clone(), domains: Vec::new(), listed: Vec::new(), best, reasons }
}

/// What keeps the words of this champion from counting as the buyer's. Whom deal desk listed by address is
/// beyond doubt: that is the approved waiver of AUTHENTICITY §2.2 step 4.
pub(super) fn doubt(champion: &Address, speakers: &Speakers, seller: &Seller) -> Option<Reason> {
    if speakers.listed.contains(champion) {
        return None;
    }
    let fix = "Declare the champion's company address, or let deal desk list the account.";
    let doubt = |code, text: String| Some(Reason::new(code, text).fix(fix));
    if domains::is_free_mail(champion.domain()) {
        return doubt("free_mail", format!("{champion} is a private address, which anybody can register."));
    }
    if !champion.as_str().is_ascii() || champion.domain().split('.').any(|label| label.starts_with("xn--")) {
        return doubt("lookalike", "The champion's address holds letters that can imitate others.".into());
    }
    // A test tenant of the seller is called after the seller. In short names likeness is chance.
    let own: Vec<String> =
        seller.domains.iter().filter(|d| d.len() >= OWN_DOMAIN_LENGTH_MIN).cloned().collect();
    if domains::likeness(champion.domain(), &own) != Likeness::None {
        return doubt("lookalike", format!("The domain of {champion} looks like one of the seller's own."));
    }
    None
}
