//! The seller's email that states criteria and (should) ask for confirmation (DOMAIN "The declaration").

use std::sync::LazyLock;

use regex::Regex;

use super::mojibake::mend;
use super::{criteria, opportunity, phrase, result, subject};
use crate::model::DeclaredResult::{self, Pass, Unstated};
use crate::model::{Address, Criterion, Declaration, Form, Lint, Message, Reading, Seller};
use crate::text::{fixed, squeeze};

/// Longest fresh text that is searched for a declaration, in bytes: a win email has one page.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// The declaration that `message` is, if one of the seller's people wrote it and its fresh text states criteria or
/// announces a technical win. An answer in a thread needs a list with results.
pub(super) fn declaration(message: &Message, reading: &Reading, seller: &Seller) -> Option<Declaration> {
    let author = &message.author()?.address;
    if !author.is_at(&seller.domains) || is_evidence(author, seller) || subject::is_forward(&message.subject)
    {
        return None;
    }
    let text = mend(cut(&reading.fresh));
    let title = mend(&message.subject);
    let sentences = phrase::sentences(&text);
    let criteria = stated(&text, &title, &sentences, is_answer(message))?;
    let asks = sentences.iter().any(|s| phrase::asks(s));
    let conditional = phrase::is_conditional(&title)
        || sentences.iter().any(|s| phrase::is_conditional(s) && !is_listed(s, &criteria));
    let form = match (conditional, asks) {
        (true, _) => Form::Conditional,
        (false, true) => Form::Request,
        (false, false) => Form::Recap,
    };
    let (platform, account) = subject::names(&title);
    let mut declaration = Declaration {
        form,
        platform: platform.or_else(|| platform_in(&title, &text, seller)),
        account,
        champions: champions(message, seller),
        seller: author.clone(),
        ae: account_executive(&text),
        asks,
        criteria,
        lints: Vec::new(),
    };
    declaration.lints = lints(&declaration, message, &reading.fresh, seller);
    Some(declaration)
}

/// Whether an address is the evidence mailbox, with or without a tag.
pub(super) fn is_evidence(address: &Address, seller: &Seller) -> bool {
    *address == seller.evidence || address.tag_of(&seller.evidence).is_some()
}

/// Whether the mail presents itself as an answer (RFC 5322 §3.6.4).
pub(super) fn is_answer(message: &Message) -> bool {
    subject::is_reply(&message.subject) || !message.in_reply_to.is_empty() || !message.references.is_empty()
}

/// The criteria, if the text makes the mail a declaration; they may be none.
fn stated(text: &str, title: &str, sentences: &[&str], answer: bool) -> Option<Vec<Criterion>> {
    let listed = criteria::listed(text);
    let topic = phrase::speaks_of_criteria(text) || phrase::speaks_of_criteria(title);
    if !listed.criteria.is_empty() && topic && (!answer || listed.with_result > 0) {
        return Some(listed.criteria);
    }
    if answer {
        return again(text, sentences);
    }
    let told = criteria::in_sentences(sentences);
    if !told.is_empty() && topic {
        return Some(told);
    }
    let met: Vec<&str> = sentences.iter().copied().filter(|s| phrase::reports_met(s)).collect();
    let announced = subject::announces(title) || sentences.iter().any(|s| phrase::announces(s));
    if met.is_empty() && !announced {
        // "The results against the criteria: 1. … Do you consider the evaluation a success?"
        let asked = sentences.iter().any(|s| phrase::asks_for_verdict(s));
        let headed = if asked { criteria::without_results(text, Unstated, true) } else { Vec::new() };
        return (!headed.is_empty()).then_some(headed);
    }
    let result = if met.iter().any(|s| phrase::speaks_of_all(s)) { Pass } else { Unstated };
    let unresolved = criteria::without_results(text, result, false);
    Some(if unresolved.is_empty() { criteria::in_prose(&met) } else { unresolved })
}

/// A declaration sent as an answer in its thread, whose list names no results of its own: it must say or ask how the
/// criteria came out. What replaces the criteria must arm the gate anew, or an old yes would speak for them.
fn again(text: &str, sentences: &[&str]) -> Option<Vec<Criterion>> {
    let says = sentences
        .iter()
        .any(|s| phrase::reports_met(s) || phrase::announces(s) || phrase::asks_for_verdict(s));
    let headed = if says { criteria::without_results(text, Unstated, true) } else { Vec::new() };
    (!headed.is_empty()).then_some(headed)
}

/// Whether a sentence is a line of the list: a criterion may itself speak of conditions and acceptance.
fn is_listed(sentence: &str, criteria: &[Criterion]) -> bool {
    let folded = squeeze(sentence);
    criteria.iter().any(|c| folded.starts_with(&squeeze(&c.text)))
}

fn cut(text: &str) -> &str {
    let mut end = TEXT_BYTES_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The buyer's people in To.
fn champions(message: &Message, seller: &Seller) -> Vec<Address> {
    let mut champions = Vec::new();
    for to in
        message.to.iter().filter(|m| !m.address.is_at(&seller.domains) && !is_evidence(&m.address, seller))
    {
        if !champions.contains(&to.address) {
            champions.push(to.address.clone());
        }
    }
    champions
}

fn lints(declaration: &Declaration, message: &Message, fresh: &str, seller: &Seller) -> Vec<Lint> {
    let not_passed = declaration.criteria.iter().any(|c| c.result != DeclaredResult::Pass);
    let copied = message.recipients().any(|m| is_evidence(&m.address, seller));
    let without_opportunity = opportunity::opportunity(message, fresh, seller).0.is_none();
    [
        (!declaration.asks, Lint::NoAsk),
        (declaration.champions.is_empty(), Lint::NoChampion),
        (declaration.criteria.is_empty(), Lint::NoCriteria),
        (without_opportunity, Lint::NoOpportunity),
        (not_passed, Lint::CriteriaNotAllPassed),
        (!copied, Lint::NoEvidenceAddress),
    ]
    .into_iter()
    .filter_map(|(holds, lint)| holds.then_some(lint))
    .collect()
}

/// "… that Heron has met all success criteria …", else a product of the seller in the subject.
fn platform_in(title: &str, text: &str, seller: &Seller) -> Option<String> {
    static PLATFORM: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"\bthat\s+(?:the\s+)?(\p{Lu}[^\n,.;:!?]{1,60}?)\s+(?:has\s+|have\s+)?(?:successfully\s+)?(?:met|passed|fulfilled|satisfied)\s+(?:all|every|the)\b",
        )
    });
    let told = PLATFORM.captures(text).and_then(|c| c.get(1));
    told.map(|m| m.as_str().split_whitespace().collect::<Vec<_>>().join(" ")).or_else(|| {
        let from =
            seller.names.iter().filter(|n| !n.is_empty()).find_map(|name| title.find(name.as_str()))?;
        let capital = |w: &&str| w.chars().next().is_some_and(char::is_uppercase);
        let rest = title.get(from..)?.split([':', ',', '+', '–', '—', '?', '!', '(']).next()?;
        Some(rest.split_whitespace().take_while(capital).take(4).collect::<Vec<_>>().join(" "))
    })
}

/// The account executive, when the text names one.
fn account_executive(text: &str) -> Option<String> {
    static NAMED: LazyLock<[Regex; 3]> = LazyLock::new(|| {
        let name = r"(\p{Lu}(?:\.|[^\s.,;:!?()\[\]\x22]+)(?:[ \t]*\n?[ \t]*(?:(?:van|von|de|der|del|di|da|la|le|den|ten)\s+)*\p{Lu}(?:\.|[^\s.,;:!?()\[\]\x22]+)){0,3})";
        let role = r"(?:(?i:account\s+executive|account\s+manager|account\s+director|account\s+lead|sales\s+(?:lead|manager|director))|AE|AM)";
        [
            fixed(&format!(r"{name}\s*[,(–—-]+\s*(?:(?:your|our|the|in\s+copy\s+as)\s+)?{role}\b")),
            fixed(&format!(r"\b{role}\b[\s,:(–—-]+{name}")),
            fixed(&format!(
                r"(?:\b(?:so\s+that|so)\s+)?{name}\s+(?:will|can|is\s+going\s+to|shall|may|wird|kann|va|pourra|puede|podrá|potrà|può|pode|poderá|zal|kan)\s+(?:now\s+|then\s+|also\s+)?(?:be\s+in\s+touch|reach\s+out|get\s+in\s+touch|contact|follow\s+up|begin|start|open|initiate|kick\s+off|keep|take|continue|move|sich|prendre\s+contact|vous|ponerse|contattar\w*|entrar|contact)\b[^.!?]{{0,60}}\b(?i:commercial|contract|proposal|pricing|procurement|order|framework|business|kommerziell|vertrag|angebot|comercial|contrat|commerciale|contratto|contrato|offerte)"
            )),
        ]
    });
    // Words that begin a sentence and are no names.
    const NOT_NAMES: &[&str] = &[
        "We",
        "I",
        "You",
        "They",
        "Our",
        "The",
        "He",
        "She",
        "It",
        "As",
        "From",
        "Once",
        "Next",
        "Then",
        "Now",
        "After",
        "Afterwards",
        "And",
        "But",
        "So",
        "Also",
        "Thanks",
        "Best",
        "When",
        "If",
        "With",
    ];
    NAMED.iter().find_map(|pattern| {
        let found = pattern.captures(text)?.get(1)?.as_str();
        let words: Vec<&str> = found.split_whitespace().collect();
        let no_name = |w: &&str| NOT_NAMES.contains(w) || result::whole(w).is_some();
        let from = words.iter().rposition(no_name).map_or(0, |at| at + 1);
        let words = words.get(from..).unwrap_or_default();
        (!words.is_empty()).then(|| words.join(" ").trim_end_matches(['.', '-']).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fresh, seller, sent};
    use super::*;

    const HEADERS: &str = "From: Kim <kim@northwind-labs.example>\nTo: Dana <dana@acme.example>, lee@northwind-labs.example\nCc: evidence+OPP-7@northwind-labs.example";

    fn of(subject: &str, text: &str) -> Option<Declaration> {
        declaration(&sent(&format!("{HEADERS}\nSubject: {subject}"), text), &fresh(text), &seller())
    }

    #[test]
    fn a_recap_asks_nothing() {
        let text = "Hi Dana,\n\nthank you for confirming on the call that Heron has met all criteria of our plan.\n\n✅ Login through SAML — Passed\n✅ Restore in 4 hours — Passed\n\nLee Park (Account Executive) will write to you about the contract. If a line is wrong, tell us.\n\nKim";
        let d = of("Technical Win Confirmed — Heron + Acme", text).unwrap();
        assert_eq!((d.form, d.asks), (Form::Recap, false));
        assert_eq!((d.platform.as_deref(), d.account.as_deref()), (Some("Heron"), Some("Acme")));
        assert_eq!(d.ae.as_deref(), Some("Lee Park"));
        assert_eq!(d.champions, [Address::new("dana@acme.example").unwrap()]);
        assert_eq!(d.criteria.len(), 2);
        assert_eq!(d.lints, [Lint::NoAsk]);
    }

    #[test]
    fn the_criteria_survive_a_wrong_charset() {
        let good = "All criteria:\n✅ Login through SAML — Passed\n✅ Restore in 4 hours — Passed\n";
        let bad = "All criteria:\nâœ… Login through SAML â€” Passed\nâœ… Restore in 4 hours â€” Passed\n";
        assert_eq!(
            of("Result", good).unwrap().criteria_digest(),
            of("Result", bad).unwrap().criteria_digest()
        );
    }

    #[test]
    fn a_request_in_prose_keeps_its_figure() {
        let text = "Hi Dana,\n\nas shown on Monday, we validated the 3 agreed success criteria, including a 31% shorter repair time. Could you reply to confirm that your team sees the evaluation as a success, so that Lee can begin the commercial review with your VP?\n\nKim";
        let d = of("Readout", text).unwrap();
        assert_eq!((d.form, d.asks, d.ae.as_deref()), (Form::Request, true, Some("Lee")));
        assert_eq!(
            d.criteria.iter().map(|c| c.text.as_str()).collect::<Vec<_>>(),
            ["a 31% shorter repair time"]
        );
    }

    #[test]
    fn a_conditional_proposal() {
        let text = "Status against the plan:\n1. Login - Passed\n2. Restore in 4 hours - Open (fix due in two weeks)\n\nCan we agree to a Conditional Technical Win today?\n";
        let d = of("Conditional Technical Win: Heron at Acme", text).unwrap();
        assert_eq!((d.form, d.asks), (Form::Conditional, true));
        assert_eq!(d.criteria.last().unwrap().result, DeclaredResult::Open);
        assert_eq!(d.lints, [Lint::CriteriaNotAllPassed]);
    }

    #[test]
    fn criteria_without_results_are_unstated() {
        let text = "The trial results against the agreed criteria:\n1. Login\n2. Restore\n\nPlease reply to confirm that your team considers the evaluation a\nsuccess.\n";
        let d = of("Northwind Heron trial: results", text).unwrap();
        assert_eq!(d.criteria.iter().map(|c| c.result).collect::<Vec<_>>(), [Unstated, Unstated]);
        assert_eq!(d.platform.as_deref(), Some("Northwind Heron"));
        let plan = "The success criteria that we agreed on:\n1. Login\n2. Restore\n\nPlease confirm that these are complete before we start.";
        assert_eq!(of("Success plan", plan), None);
    }

    #[test]
    fn a_conditional_win_may_be_proposed_in_prose() {
        let text = "Login passed, the restore did not. We propose to record a conditional technical win: legal starts now, nothing is signed until the patch is deployed. Do you agree?";
        assert_eq!(of("Where we stand", text).unwrap().form, Form::Conditional);
    }

    #[test]
    fn other_mails_of_the_seller_are_none() {
        for (subject, text) in [
            (
                "Dates",
                "Hi Dana,\n\nbefore the evaluation I have some questions:\n1. How many nodes do you run?\n2. Which region?\n\nKim",
            ),
            ("Thanks", "Thanks for the good talk about the evaluation. Can we meet on Tuesday?"),
            (
                "Re: Technical Win Confirmed — Heron + Acme",
                "Thank you Dana, that is a clear yes to all the criteria that were met.",
            ),
            ("Kick-off", "Agenda:\n- Goals\n- Success criteria\n- What a technical win would be\n"),
            ("Fwd: Technical Win Confirmed — Heron + Acme", "See below.\nLogin criteria - Passed"),
            ("Next step", "Before we can speak of a technical win, the load test has to pass."),
        ] {
            assert_eq!(of(subject, text), None, "{subject}");
        }
        let buyer = sent("From: dana@acme.example\nSubject: Result", "Criteria:\n- Login: Passed\n");
        assert_eq!(declaration(&buyer, &fresh("Criteria:\n- Login: Passed\n"), &seller()), None);
    }
}
