//! Words that are no clear written approval of a kind of evidence, and some that are.

use endorsed::judge::{Around, Rules, signs};
use endorsed::model::{Reading, Said};

fn said(rules: &Rules, kind: &str, text: &str) -> Option<Said> {
    let reading = Reading { fresh: text.into(), sure: true, ..Reading::default() };
    let people = ["sam", "ines", "pat"].map(str::to_owned);
    let around = Around { people: &people, own_names: &["Northwind"], ..Around::default() };
    signs(&reading, around, rules).into_iter().find(|sign| sign.kind == kind).map(|sign| sign.said)
}

/// Kind, clear approvals, everything else.
type Words = (&'static str, &'static [&'static str], &'static [&'static str]);

const WORDS: &[Words] = &[
    (
        "security_review",
        &[
            "Our security review is passed.",
            "Hi Sam, your platform has passed our vendor security assessment. Ines",
            "The penetration test was passed without findings.",
            "Dear Sam,\n\nour security review of Northwind has been passed.\n\nKind regards\nInes",
            "Hi Sam, our security review is passed. Thank you for the good cooperation. Ines",
            "Our security team has now completed the security review successfully.",
        ],
        &[
            "The security review is passed with conditions.",
            "The security review is passed, except for the export.",
            "Half of our security review is passed.",
            "Our security review is almost passed.",
            "The security review of the mobile app is passed, the web app follows.",
            "Let us say the security review is passed.",
            "Assume the security review is passed and go on.",
            "Is it true that our security review is passed?",
            "Please confirm that the security review is passed.",
            "The security review should be passed by Friday.",
            "I hope the security review is passed soon.",
            "If the security review is passed we can sign.",
            "The security review of your competitor is passed.",
            "Our own security review at head office is passed, yours starts in May.",
            "The security review is passed on paper.",
            "The security review was passed in 2019.",
            "You failed our penetration test.",
            "The security review is not going well.",
            "Nobody here says that the security review is passed.",
            "The security review is passed for the staging environment.",
            "We passed your documents on to the security review.",
            "I would not call the security review passed.",
            "Security review passed? Not yet.",
            "The security review has been passed to another team.",
            "The penetration test is passed to the next vendor.",
            "The security review is approved as a project, the budget is there.",
            "Sam, you said the security review is passed.",
        ],
    ),
    (
        "security_waiver",
        &["We hereby waive the security review.", "The security review has been formally waived."],
        &[
            "We may waive the security review.",
            "We waive the security review for the pilot only.",
            "Can you waive the security review?",
            "We will not waive the security review.",
            "We waive the security review until the go-live.",
            "Who can waive the security review?",
            "Sales wants us to waive the security review.",
            "We waive the security review if legal agrees.",
            "We never waive the security review.",
            "I am not allowed to waive the security review.",
            "We will probably waive the security review.",
            "The waiver of the security review is in the works.",
            "The waiver was refused.",
            "We waived the security review for another vendor.",
            "We have asked the CISO to waive the security review.",
            "The waiver form is attached.",
            "We would waive the security review.",
            "It was a mistake that we waived the security review.",
            "We waive the security review in part.",
            "We are thinking about it: waive the security review or not.",
        ],
    ),
    (
        "integration_feasibility",
        &["We confirm that the integration is feasible.", "Integration feasibility is confirmed."],
        &[
            "The integration is hardly feasible.",
            "The integration may be feasible.",
            "The integration is feasible with a lot of custom code, which we will not write.",
            "The integration is feasible for SAP only.",
            "Please confirm that the integration is feasible.",
            "Do we confirm that the integration is feasible?",
            "The integration is feasible, except for the identity part.",
            "We confirm that the integration is feasible in most regions.",
            "The integration would be feasible.",
            "Arun thinks that the integration is feasible.",
            "The integration is only partly feasible.",
            "We can not confirm that the integration is feasible.",
            "The integration with Contoso is feasible.",
            "The integration will be feasible after the upgrade.",
            "Integration feasibility is confirmed for phase one.",
            "Integration feasibility is to be confirmed.",
            "We approve the integration budget.",
            "The integration was feasible with the old version.",
            "The architecture board approved the architecture of the new office.",
            "Nobody has confirmed that the integration is feasible.",
        ],
    ),
    (
        "competitors_deselected",
        &["All other vendors have been formally de-selected.", "We have ruled out all other vendors."],
        &[
            "The other vendors are ruled out for the pilot.",
            "Most other vendors are ruled out.",
            "All other vendors but Contoso are ruled out.",
            "All other vendors are ruled out, except one.",
            "Are all other vendors ruled out?",
            "All other vendors will be ruled out next week.",
            "The other vendors may be ruled out.",
            "Please rule out the other vendors.",
            "We would like to say that all other vendors are ruled out.",
            "We have not ruled out the other vendors.",
            "All other vendors are still in the running.",
            "One of the other vendors has been ruled out.",
            "You and all other vendors have been ruled out.",
            "All other vendors were ruled out last year, this year they are back.",
            "If the other vendors are ruled out I will tell you.",
            "Rumour has it that all other vendors have been ruled out.",
            "Two other vendors are out.",
            "The other vendors were ruled out by mistake.",
            "All the other vendors have been ruled out in round one, and two were added since.",
            "Procurement decides whether the other vendors are ruled out.",
        ],
    ),
    (
        "buyer_to_buyer",
        &["We recommend Northwind.", "Our technical recommendation is to go with Northwind."],
        &[
            "We recommend Contoso.",
            "We recommend waiting.",
            "We recommend Northwind as second choice.",
            "We recommend Northwind for the test lab only.",
            "We recommend against Northwind.",
            "We would recommend Northwind.",
            "Should we recommend Northwind?",
            "We can not recommend Northwind.",
            "We recommend Northwind or Contoso.",
            "We recommend Northwind if the price drops.",
            "Sam wants us to recommend Northwind.",
            "We recommend Northwind to stop its offer.",
            "We recommend Northwind with reservations.",
            "We recommended Northwind last year and regret it.",
            "I was told that we recommend Northwind.",
            "We will recommend Northwind after the test.",
            "We might recommend Northwind.",
            "We recommend Northwind to nobody.",
            "We do not know what to recommend, Northwind or not.",
            "We recommend Northwind's competitor.",
        ],
    ),
    (
        "tech_review",
        &[
            "The tech review is approved.",
            "I approve the technical review.",
            "Hi Sam,\nthe tech review is approved.\nBest\nPat",
        ],
        &[
            "The tech review is approved for phase one.",
            "The tech review is approved with comments.",
            "The tech review is approved, but not the SLA.",
            "Is the tech review approved?",
            "Please approve the tech review.",
            "I will approve the tech review tomorrow.",
            "I would approve the tech review.",
            "The tech review is approved in part.",
            "The tech review meeting is approved for Monday.",
            "The tech review of OPP-99 is approved, this one is not.",
            "Consider the tech review approved unless you hear from me.",
            "Lee said that the tech review is approved.",
            "The tech review is nearly approved.",
            "I can not say that the tech review is approved.",
            "The tech review was approved before the change, now it is open again.",
            "Has anybody approved the tech review?",
            "The tech review did not pass.",
            "We approve of having a tech review.",
            "The tech review template is approved.",
            "Who approved the tech review?",
            "The tech review is approved by nobody.",
            "Two of three reviewers have approved the tech review.",
        ],
    ),
    (
        "tdd_review",
        &["I have reviewed and approved the TDD.", "The technical design document is approved."],
        &[
            "I have reviewed the TDD.",
            "I have reviewed and approved chapter 2 of the TDD.",
            "The TDD is approved as a draft.",
            "Is the TDD approved?",
            "The TDD will be approved.",
            "Please approve the TDD.",
            "The TDD is approved except for the network part.",
            "The TDD is approved once the diagram is fixed.",
            "The TDD template is approved.",
            "The TDD is not approved.",
            "The TDD is rejected.",
            "I have commented on the TDD.",
            "Lee has approved the TDD of the other project.",
            "If the TDD is approved we can go on.",
            "The TDD should be approved.",
            "I approve the TDD with reservations.",
            "I approve the TDD, but the sizing is wrong.",
            "The TDD is half approved.",
            "The TDD is approved by the customer, I have not read it.",
            "Nobody approved the TDD.",
        ],
    ),
];

/// What stands in another sentence limits a yes too.
const BESIDE: &[(&str, &[&str])] = &[
    (
        "security_review",
        &[
            "Our security review is passed. For the conditions see the attachment.",
            "Our security review is passed. Scope: staging.",
            "Our security review is passed. Not for production though.",
            "Our security review is passed. Valid until the end of the pilot.",
            "Our security review is passed. Production is another matter.",
            "Only for the pilot: our security review is passed.",
            "Our security review is passed.\n\nThat is what Omar says.",
        ],
    ),
    (
        "tech_review",
        &[
            "The tech review is approved. For phase one only.",
            "The tech review is approved. I did not read the SLA part.",
            "The tech review is approved. Just kidding.",
            "The tech review is approved. Phase two is open.",
            "Yesterday I wrote that the tech review is approved. Today I see it differently.",
            "Subject to legal: the tech review is approved.",
            "The tech review is approved. Lee wrote that, not me.",
            "The tech review is approved. The SLA must change.",
        ],
    ),
    (
        "tdd_review",
        &[
            "The TDD is approved. Subject to my comments in the document.",
            "The TDD is approved. Chapter 3 is missing.",
        ],
    ),
    ("buyer_to_buyer", &["We recommend Northwind. As plan B.", "We recommend Northwind. Contoso is better."]),
    (
        "competitors_deselected",
        &[
            "All other vendors have been formally de-selected. Contoso stays.",
            "All other vendors are ruled out. Two came back.",
        ],
    ),
    (
        "integration_feasibility",
        &["The integration is feasible. In theory.", "The integration is feasible. SSO is not."],
    ),
];

#[test]
fn only_a_clear_approval_is_a_yes() {
    let rules = endorsed::config::load_rules(None).unwrap();
    let mut wrong = Vec::new();
    for (kind, clear, other) in WORDS {
        wrong.extend(
            clear.iter().filter(|t| said(&rules, kind, t) != Some(Said::Yes)).map(|t| (kind, "yes", t)),
        );
        wrong.extend(
            other.iter().filter(|t| said(&rules, kind, t) == Some(Said::Yes)).map(|t| (kind, "no yes", t)),
        );
    }
    for (kind, other) in BESIDE {
        wrong.extend(
            other.iter().filter(|t| said(&rules, kind, t) == Some(Said::Yes)).map(|t| (kind, "no yes", t)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
