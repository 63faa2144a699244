//! Whom the message names as its author, and whether that is the champion, somebody else, or somebody who
//! wants to be taken for the champion (AUTHENTICITY §2.2 steps 1-4).

use std::collections::BTreeSet;

use crate::model::{Address, Claim, Defect, Mailbox, Message, Reason, Seller};
use crate::text::squeeze;

use super::Case;
use super::champions::Speakers;
use super::domains::{self, Likeness};

/// Whom a message names.
#[derive(Debug)]
pub(super) enum Named<'a> {
    /// A champion; nothing is proven yet.
    Champion(&'a Address),
    /// Somebody else, or nobody for sure.
    Other(Claim, Vec<Reason>),
}

/// Says whom `message` names as its author. Only the addr-spec of From counts: never Sender, Reply-To,
/// Resent-From or a display name.
pub(super) fn author<'a>(
    message: &'a Message,
    case: &Case<'_>,
    speakers: &Speakers,
    seller: &Seller,
) -> Named<'a> {
    let Some(author) = message.author().filter(|_| !message.defects.contains(&Defect::SeveralAuthors)) else {
        return not_one(message, speakers);
    };
    let address = &author.address;
    if is_sellers(address, seller) {
        let text = format!("{address} is one of the seller's own addresses.");
        let fix = "Only the buyer's own words count: ask the champion to reply.";
        return Named::Other(Claim::Seller, vec![Reason::new("vendor_sender", text).fix(fix)]);
    }
    if speakers.champions.contains(address) {
        return Named::Champion(address);
    }
    let (claim, reasons) = stranger(author, case, speakers);
    Named::Other(claim, reasons)
}

fn is_sellers(address: &Address, seller: &Seller) -> bool {
    let own = address == &seller.evidence || address.tag_of(&seller.evidence).is_some();
    own || address.is_at(&seller.domains)
}

/// No author that can be read, or more than one. With the champion among several, readers would be shown one name
/// and proof would be for another.
fn not_one(message: &Message, speakers: &Speakers) -> Named<'static> {
    let shown: Vec<String> = message.header("From").map(str::to_ascii_lowercase).collect();
    let names_champion = |champion: &Address| {
        message.from.iter().any(|m| m.address == *champion)
            || shown.iter().any(|value| value.contains(champion.as_str()))
    };
    let named = speakers.champions.iter().any(names_champion);
    let several = message.from.len() > 1 || message.defects.contains(&Defect::SeveralAuthors);
    let fix = "Ask the champion directly whether they wrote this.";
    if named && several {
        let text = "The mail names several authors, the champion among them.";
        return Named::Other(Claim::Forged, vec![Reason::new("identity_failed", text).fix(fix)]);
    }
    if named {
        let text = "The author of the mail can be read in more than one way.";
        return Named::Other(Claim::Unverified, vec![Reason::new("header_syntax", text).fix(fix)]);
    }
    let text = "The mail does not name exactly one author.";
    Named::Other(Claim::NotChampion, vec![Reason::new("wrong_sender", text)])
}

/// Somebody who is no champion: a colleague, a stranger, or an imitation of the champion.
fn stranger(author: &Mailbox, case: &Case<'_>, speakers: &Speakers) -> (Claim, Vec<Reason>) {
    let address = &author.address;
    let fix = "Ask the champion to reply from the declared address, or let deal desk list this person.";
    let mut reasons =
        vec![Reason::new("wrong_sender", format!("{address} is not a champion of this deal.")).fix(fix)];
    let name = squeeze(author.name.as_deref().unwrap_or_default());
    let shows_address = speakers.champions.iter().any(|c| name.contains(&squeeze(c.as_str())));
    let same_name = speakers.champions.iter().any(|c| is_same_person(author, c, case));
    if same_name {
        let text = format!("{address} bears the champion's name; the declared address is another one.");
        reasons.push(Reason::new("same_name_other_address", text).fix(fix));
    }
    let mut domains = speakers.domains.clone();
    domains.extend(speakers.champions.iter().map(|c| c.domain().to_owned()));
    // At a provider that everybody uses, a similar domain is no imitation of the account.
    domains.retain(|d| !domains::is_free_mail(d));
    let likeness = domains::likeness(address.domain(), &domains);
    if likeness != Likeness::None {
        let text = format!("The domain of {address} looks like the champion's, and is another one.");
        let fix = "Warn the champion's company, and ask the champion through the declared address.";
        reasons.push(Reason::new("lookalike", text).fix(fix));
    }
    if shows_address {
        let text = format!("{address} shows the champion's address as its display name.");
        let fix = "Ask the champion directly whether they wrote this.";
        reasons.push(Reason::new("identity_failed", text).fix(fix));
    }
    let forged = match likeness {
        Likeness::Strong => true,
        // The company's name under another ending can be honest as long as nobody plays the champion.
        Likeness::Weak => same_name,
        Likeness::None => false,
    };
    (if forged || shows_address { Claim::Forged } else { Claim::NotChampion }, reasons)
}

/// Whether the author bears the champion's name or local part. A name proves nothing; it only tells an
/// imitation or a private account from a stranger.
fn is_same_person(author: &Mailbox, champion: &Address, case: &Case<'_>) -> bool {
    let declared = case.declared.message.recipients().filter(|m| m.address == *champion);
    let mut names: Vec<BTreeSet<String>> = declared.filter_map(|m| m.name.as_deref()).map(words).collect();
    names.push(words(champion.local()));
    names.retain(|name| name.len() >= 2);
    let own = author.name.as_deref().map(words).unwrap_or_default();
    let at_home = domains::is_below(author.address.domain(), champion.domain());
    (!own.is_empty() && names.contains(&own))
        || names.contains(&words(author.address.local()))
        || (!at_home && author.address.local() == champion.local())
}

/// The words of a name in any order: "Whitfield, Dana" is "dana.whitfield".
fn words(name: &str) -> BTreeSet<String> {
    let words = squeeze(name);
    words.split(|c: char| !c.is_alphanumeric()).filter(|w| w.len() > 1).map(str::to_owned).collect()
}
