//! Answers to a prompt of ours: judged against the criteria that it restated, bound by what its reader alone could know,
//! and never more than that.

use std::collections::BTreeMap;
use std::sync::Arc;

use endorsed::config::load_rules;
use endorsed::edge::dkim;
use endorsed::judge::Rules;
use endorsed::model::{
    Address, Asked, Binding, Digest, KeyRecord, KeyState, Message, MessageId, OpportunityId, Outcome, Policy,
    Seller, Sighting, Verdict, Witnessed,
};
use endorsed::parse::parse;
use endorsed::pipeline::{Known, Library, consider, gather, needs};
use endorsed::prompt::{Due, Person, Sender, Situation, Subject, Texts, When, compose, stated_lines};
use endorsed::read::body_text;
use endorsed::record::Side;
use jiff::Timestamp;

use crate::letters::{BUYER, Letters, SELLER};

const OPPORTUNITY: &str = "OPP-61001";

struct Scene {
    letters: Letters,
    rules: Rules,
    policy: Policy,
    keys: BTreeMap<String, String>,
    shelf: Vec<Arc<Known>>,
}

impl Library for Scene {
    fn copies(&self, id: &MessageId) -> Vec<Arc<Known>> {
        self.shelf.iter().filter(|k| k.witnessed.message.message_id.as_ref() == Some(id)).cloned().collect()
    }

    fn answers(&self, id: &MessageId) -> Vec<Arc<Known>> {
        self.shelf.iter().filter(|k| k.witnessed.message.parents().contains(&id)).cloned().collect()
    }

    fn of_opportunity(&self, id: &OpportunityId) -> Vec<Arc<Known>> {
        self.shelf.iter().filter(|k| k.opportunities.contains(id)).cloned().collect()
    }
}

impl Scene {
    /// A declaration on record that asks (or that only recaps), and no letter yet.
    fn new(recap: bool) -> Self {
        let letters = Letters::new();
        let keys: BTreeMap<String, String> = serde_json::from_str(&letters.dns()).unwrap();
        let seller = Seller {
            domains: vec![SELLER.into()],
            names: vec!["Cascade".into()],
            evidence: Address::new(&format!("evidence@{SELLER}")).unwrap(),
        };
        let policy = Policy { trust_declared_champions: true, ..Policy::of(seller) };
        let mut scene = Self { letters, rules: load_rules(None).unwrap(), policy, keys, shelf: vec![] };
        let declaration =
            if recap { scene.letters.recap(OPPORTUNITY) } else { scene.letters.declaration(OPPORTUNITY) };
        let known = scene.known(&declaration);
        assert!(known.declaration.is_some());
        scene.shelf.push(Arc::new(known));
        scene
    }

    fn known(&self, raw: &[u8]) -> Known {
        let message = parse(raw);
        let seen_at = Timestamp::now();
        let keys = needs(&message).keys.into_iter().map(|name| {
            let state = self.keys.get(&name).cloned().map_or(KeyState::Absent, KeyState::Found);
            (name.clone(), KeyRecord { name, state, seen_at })
        });
        let signatures = dkim::check(&message, &keys.collect());
        let witnessed = Witnessed {
            signatures,
            seen_at,
            sighting: Sighting::Delivered,
            carried_by: None,
            message: message.into(),
        };
        Known::new(witnessed, &self.policy.seller)
    }

    /// The reminder about the declaration, in a language; on record as ours when `ours`.
    fn prompt(&mut self, language: &str, ours: bool) -> Message {
        let declared = Arc::clone(&self.shelf[0]);
        let declaration = declared.declaration.clone().unwrap();
        let dana = Address::new(&format!("dana@{BUYER}")).unwrap();
        let person =
            |name: &str, address: &Address| Person { name: Some(name.into()), address: address.clone() };
        let id = declared.witnessed.message.message_id.clone().unwrap();
        let subject = Subject {
            title: declared.witnessed.message.subject.clone(),
            references: vec![id.clone()],
            platform: declaration.platform.clone(),
            account: None,
            criteria: declaration.criteria.clone(),
            stated: stated_lines(&body_text(&declared.witnessed.message), &declaration.criteria),
            declared_in: "en".into(),
            se: person("Kim Sorel", &declaration.seller),
            ae: None,
            champions: vec![person("Dana Ruiz", &dana)],
            language: language.into(),
        };
        let due = Due {
            rule: "remind_1".into(),
            template: "remind".into(),
            base: Digest::of(b"base"),
            key: Digest::of(b"key"),
            to: person("Dana Ruiz", &dana),
            side: Side::Champion,
            asks: true,
            situation: Situation {
                when: When::Silent,
                subject: Digest::of(b"subject"),
                since: Timestamp::now(),
                champion: Some(dana.clone()),
                who: Some(dana),
                quote: String::new(),
                reasons: vec![],
            },
            why: String::new(),
            until: None,
            opportunity: OpportunityId::new(OPPORTUNITY),
            declaration: Some(id.clone()),
        };
        let evidence = self.policy.seller.evidence.clone();
        let sender = Sender { from: evidence.clone(), evidence, pages: None };
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/letters");
        let template = std::fs::read_to_string(root.join(language).join("remind.txt")).unwrap();
        let texts = Texts::new(&[(format!("letters/{language}/remind.txt"), template)]);
        let written =
            compose(&due, &subject, &sender, &texts, "abcdefghij", Timestamp::now(), &|at| at.to_string())
                .unwrap();
        let mut known = self.known(&written.raw);
        if ours {
            known.asked = Some(Asked {
                message_id: written.message_id,
                declaration: id,
                criteria: declaration.criteria_digest(),
                asks: true,
            });
        }
        self.shelf.push(Arc::new(known));
        parse(&written.raw)
    }

    fn judge(&self, raw: &[u8]) -> Outcome {
        let subject = self.known(raw);
        consider(&subject, &gather(&subject, self), &self.rules, &self.policy)
    }
}

#[test]
fn a_bare_yes_to_a_prompt_counts_even_when_the_declaration_asked_nothing() {
    let mut scene = Scene::new(true);
    let direct = scene.judge(&scene.letters.reply_to_recap(OPPORTUNITY, "Yes."));
    assert!(!direct.endorsed, "a recap asks nothing: {:?}", direct.reasons);
    let prompt = scene.prompt("en", true);
    let outcome = scene.judge(&scene.letters.answer(&prompt, "Yes."));
    assert!(outcome.endorsed, "{outcome:#?}");
}

#[test]
fn every_language_s_prompt_can_be_answered() {
    let mut wrong = Vec::new();
    for (language, words) in [
        // The example, taken as it stands.
        ("en", "We confirm: all criteria are met."),
        ("de", "Wir bestätigen: Alle Kriterien sind erfüllt."),
        ("fr", "Nous confirmons, les critères sont remplis."),
        ("es", "Confirmamos: se cumplen todos los criterios."),
        ("en", "Yes, we confirm. The criteria are met and the evaluation was a success for us."),
        ("de", "Ja, wir bestätigen, dass alle Kriterien erfüllt sind."),
        ("fr", "Oui, nous confirmons que tous les critères sont remplis."),
        ("es", "Sí, confirmamos que se cumplen todos los criterios."),
    ] {
        let mut scene = Scene::new(false);
        let prompt = scene.prompt(language, true);
        let outcome = scene.judge(&scene.letters.answer(&prompt, words));
        if !outcome.endorsed {
            wrong.push(format!("{language}: {words}: {outcome:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_examples_of_a_prompt_never_speak_for_its_reader() {
    let mut scene = Scene::new(false);
    let prompt = scene.prompt("en", true);
    for (words, wanted) in [
        (
            "We confirm, if the following is resolved first: sign-on with our Okta tenant.",
            Verdict::Conditional,
        ),
        ("We do not confirm, because the following is missing: sign-on with Okta.", Verdict::Declined),
        ("Thank you!", Verdict::Inconclusive),
        ("", Verdict::Inconclusive),
    ] {
        let outcome = scene.judge(&scene.letters.answer(&prompt, words));
        assert!(!outcome.endorsed, "{words}: {outcome:#?}");
        assert!(outcome.verdict == Some(wanted) || !outcome.sure, "{words}: {outcome:#?}");
    }
    // A client that marks no quote: the examples stand in the mail as if they were typed.
    let outcome = scene.judge(&scene.letters.answer_unmarked(&prompt, "Thanks, we will look into it."));
    assert!(!outcome.endorsed, "{outcome:#?}");
}

#[test]
fn an_answer_to_the_token_address_is_bound_without_any_thread() {
    let mut scene = Scene::new(false);
    let prompt = scene.prompt("en", true);
    let raw = String::from_utf8(scene.letters.answer_unthreaded(&prompt, "Yes, all three criteria are met."))
        .unwrap();
    assert!(!raw.contains("References:") && !raw.contains("OPP-61001"), "{raw}");
    let outcome = scene.judge(raw.as_bytes());
    assert_eq!(outcome.opportunity, OpportunityId::new(OPPORTUNITY), "{outcome:#?}");
    assert_eq!(outcome.authorship.as_ref().unwrap().binding, Binding::Signed, "{outcome:#?}");
    assert!(outcome.endorsed, "{outcome:#?}");
}

#[test]
fn a_letter_that_is_not_on_record_as_ours_asks_nothing_for_us() {
    let mut scene = Scene::new(true);
    let prompt = scene.prompt("en", false);
    let outcome = scene.judge(&scene.letters.answer(&prompt, "Yes."));
    assert!(!outcome.endorsed, "{outcome:#?}");
}

#[test]
fn a_prompt_about_other_criteria_binds_nothing() {
    let mut scene = Scene::new(false);
    let prompt = scene.prompt("en", true);
    let mut stale = Known::clone(&scene.shelf.pop().unwrap());
    stale.asked.as_mut().unwrap().criteria = Digest::of(b"as they were before");
    scene.shelf.push(Arc::new(stale));
    let outcome = scene.judge(&scene.letters.answer_unthreaded(&prompt, "Yes, confirmed."));
    assert!(!outcome.endorsed, "{outcome:#?}");
}
