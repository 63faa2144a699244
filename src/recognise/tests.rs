use proptest::prelude::*;

use super::*;
use crate::model::Address;
use crate::parse::parse;

pub(super) fn seller() -> Seller {
    Seller {
        domains: vec!["northwind-labs.example".into()],
        names: vec!["Northwind".into()],
        evidence: Address::new("evidence@northwind-labs.example").unwrap(),
    }
}

/// A mail with these header lines; the headers may bring a body of their own.
pub(super) fn sent(headers: &str, text: &str) -> Message {
    parse(format!("{headers}\n\n{text}").as_bytes())
}

pub(super) fn fresh(text: &str) -> Reading {
    Reading { fresh: text.into(), sure: true, ..Reading::default() }
}

const CRITERIA: &str = "Criteria:\n- Login through SAML: Passed\n- Restore in 4 hours: Passed\n";

struct Case {
    declarations: Vec<(Message, Declaration)>,
    ancestors: Vec<Message>,
}

impl Case {
    fn new(declarations: &[(&str, &str)]) -> Self {
        let declarations = declarations
            .iter()
            .map(|(headers, text)| {
                let message = sent(
                    &format!("From: kim@northwind-labs.example\nTo: dana@acme.example\n{headers}"),
                    text,
                );
                let declaration = declaration(&message, &fresh(text), &seller()).unwrap();
                (message, declaration)
            })
            .collect();
        Self { declarations, ancestors: Vec::new() }
    }

    fn with(mut self, headers: &str) -> Self {
        self.ancestors.push(sent(headers, "x"));
        self
    }

    fn recognise(&self, headers: &str, reading: &Reading) -> Recognition {
        let thread = Thread {
            ancestors: self.ancestors.iter().chain(self.declarations.iter().map(|(m, _)| m)).collect(),
            declarations: self
                .declarations
                .iter()
                .map(|(message, declaration)| Declared { message, declaration: declaration.clone() })
                .collect(),
        };
        recognise(&sent(headers, &reading.fresh), reading, &thread, &seller())
    }

    fn answered(&self, headers: &str, reading: &Reading) -> (Kind, Option<usize>, Vec<String>) {
        let r = self.recognise(headers, reading);
        let at = r.answers.and_then(|d| self.declarations.iter().position(|(m, _)| m.digest == d));
        (r.kind, at, r.reasons.into_iter().map(|r| r.code).collect())
    }
}

fn two() -> Case {
    Case::new(&[
        ("Message-ID: <d1@x>\nSubject: [OPP-1] Results", CRITERIA),
        (
            "Message-ID: <d2@x>\nSubject: [OPP-2] Results",
            "Criteria:\n- Audit trail to the SIEM: Passed\n- Key rotation: Passed\n",
        ),
    ])
}

const DANA: &str = "From: dana@acme.example\nTo: kim@northwind-labs.example\n";

#[test]
fn headers_lead_to_the_nearest_declaration() {
    let case = two().with("From: dana@acme.example\nMessage-ID: <r1@x>\nIn-Reply-To: <d1@x>");
    let reply = |h: &str| case.answered(&format!("{DANA}Subject: Re: Results\n{h}"), &fresh("Yes."));
    assert_eq!(reply("In-Reply-To: <d2@x>\nReferences: <d1@x> <d2@x>"), (Kind::Reply, Some(1), vec![]));
    assert_eq!(reply("References: <d1@x>"), (Kind::Reply, Some(0), vec![]));
    assert_eq!(reply("In-Reply-To: <r1@x>"), (Kind::Reply, Some(0), vec![]), "a reply to a reply inherits");
    assert_eq!(reply("In-Reply-To: <lost@x>"), (Kind::Orphan, None, vec![]));
}

#[test]
fn without_headers_opportunity_or_quote_lead_there() {
    let case = two();
    let tagged = case.answered(
        &format!("{DANA}Subject: Evaluation\nCc: evidence+OPP-2@northwind-labs.example"),
        &fresh("We recommend it."),
    );
    assert_eq!(tagged, (Kind::Reply, Some(1), vec![]));
    let quoting = Reading {
        quoted: "> - Login through\n> SAML: Passed\n> - Restore in 4 hours: Passed".replace("> ", ""),
        ..fresh("Yes.")
    };
    assert_eq!(case.answered(&format!("{DANA}Subject: Results"), &quoting), (Kind::Reply, Some(0), vec![]));
    assert_eq!(case.answered(&format!("{DANA}Subject: Lunch"), &fresh("Noon?")).0, Kind::Other);
    assert_eq!(
        case.answered(
            &format!("{DANA}Subject: Results\nCc: evidence+OPP-9@northwind-labs.example"),
            &fresh("Yes.")
        )
        .0,
        Kind::Orphan
    );
}

#[test]
fn conflicts_are_shown_and_headers_win() {
    let case = two();
    let tagged =
        case.recognise(&format!("{DANA}Subject: Re: [OPP-2] Results\nIn-Reply-To: <d1@x>"), &fresh("Yes."));
    assert_eq!(tagged.opportunity.unwrap().as_str(), "OPP-1");
    let codes: Vec<&str> = tagged.reasons.iter().map(|r| r.code.as_str()).collect();
    assert_eq!(codes, ["opportunity_conflict", "answers_conflict"]);
    let quoting =
        Reading { quoted: "Audit trail to the SIEM: Passed\nKey rotation: Passed".into(), ..fresh("Yes.") };
    let quoted = case.answered(&format!("{DANA}Subject: Re: Results\nIn-Reply-To: <d1@x>"), &quoting);
    assert_eq!(quoted, (Kind::Reply, Some(0), vec!["answers_conflict".into()]));
}

#[test]
fn the_sellers_other_mails() {
    let case = two();
    let kim = "From: kim@northwind-labs.example\nTo: dana@acme.example\n";
    let thanks = case.answered(
        &format!("{kim}Subject: Re: [OPP-1] Results\nIn-Reply-To: <d1@x>"),
        &fresh("Thank you, all clear."),
    );
    assert_eq!(thanks, (Kind::Reply, Some(0), vec![]));
    let new = case.recognise(&format!("{kim}Subject: [OPP-1] New date"), &fresh("Does Tuesday work?"));
    assert_eq!((new.kind, new.answers), (Kind::Other, None));
    assert_eq!(new.opportunity.unwrap().as_str(), "OPP-1");
}

#[test]
fn forwards_prove_nothing() {
    let case = two();
    let pasted = "See below.\n\n---------- Forwarded message ---------\nFrom: Dana <dana@acme.example>\nDate: Monday\nSubject: Re: Results\nTo: Kim\n\nYes, confirmed.";
    let inline = case.answered("From: kim@northwind-labs.example\nSubject: Fwd: Re: Results", &fresh(pasted));
    assert_eq!((inline.0, inline.2), (Kind::Forward, vec!["forwarded_inline".to_owned()]));
    let attached = "From: kim@northwind-labs.example\nSubject: The answer\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nAttached.\n--b\nContent-Type: message/rfc822\n\nFrom: dana@acme.example\nAuto-Submitted: auto-replied\n\nYes.\n--b--\n";
    assert_eq!(case.answered(attached, &fresh("")).0, Kind::Forward, "signs of the inner mail do not count");
}

#[test]
fn machines_are_linked_too() {
    let r = two().recognise(
        &format!("{DANA}Subject: Re: Results\nIn-Reply-To: <d1@x>\nAuto-Submitted: auto-replied"),
        &fresh("Yes."),
    );
    assert_eq!((r.kind, r.automatic), (Kind::Automatic, Some(Automatic::AutoReply)));
    assert!(r.answers.is_some());
    assert_eq!(r.opportunity.unwrap().as_str(), "OPP-1");
}

#[test]
fn a_loop_in_the_thread_ends() {
    let case = two()
        .with("From: a@b.example\nMessage-ID: <a@x>\nIn-Reply-To: <b@x>")
        .with("From: a@b.example\nMessage-ID: <b@x>\nIn-Reply-To: <a@x>");
    assert_eq!(
        case.answered(&format!("{DANA}Subject: Re: x\nIn-Reply-To: <a@x>"), &fresh("Yes.")).0,
        Kind::Orphan
    );
}

proptest! {
    #[test]
    fn never_panics(subject in "\\PC{0,60}", text in "(\\PC|\n){0,300}", seller_writes in any::<bool>()) {
        let from = if seller_writes { "kim@northwind-labs.example" } else { "dana@acme.example" };
        two().recognise(&format!("From: {from}\nSubject: {subject}"), &fresh(&text));
    }

    #[test]
    fn order_of_what_is_known_does_not_matter(swap in any::<bool>(), id in prop::sample::select(vec!["d1@x", "d2@x", "r1@x"])) {
        let mut case = two().with("From: dana@acme.example\nMessage-ID: <r1@x>\nIn-Reply-To: <d1@x>");
        let headers = format!("{DANA}Subject: Re: Results\nIn-Reply-To: <{id}>");
        let before = case.recognise(&headers, &fresh("Yes."));
        if swap {
            case.declarations.reverse();
            case.ancestors.reverse();
        }
        prop_assert_eq!(before, case.recognise(&headers, &fresh("Yes.")));
    }
}
