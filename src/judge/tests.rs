use std::sync::LazyLock;

use super::*;

mod packs;

static SHIPPED: LazyLock<Rules> = LazyLock::new(|| loaded(&english()));

fn english() -> Vec<(String, String)> {
    let shipped = crate::embedded::RULES.iter().filter(|(path, _)| path.starts_with("en/"));
    shipped.map(|(path, text)| ((*path).to_owned(), String::from_utf8(text.to_vec()).unwrap())).collect()
}

fn loaded(files: &[(String, String)]) -> Rules {
    match Rules::load(files) {
        Ok(rules) => rules,
        Err(errors) => panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

#[test]
fn shipped_rules_pass_their_examples() {
    let report = SHIPPED.test();
    let lines: Vec<String> = report
        .failures
        .iter()
        .map(|f| {
            format!(
                "{}:{}: {} on {:?}: expected {}, got {}",
                f.path, f.line, f.rule, f.text, f.expected, f.got
            )
        })
        .collect();
    assert!(report.passed(), "{} failures\n{}", lines.len(), lines.join("\n"));
}

fn criteria(texts: &[&str]) -> Vec<Criterion> {
    let line = |(i, text): (usize, &&str)| Criterion {
        n: u32::try_from(i).unwrap() + 1,
        text: (*text).to_owned(),
        result: crate::model::DeclaredResult::Pass,
    };
    texts.iter().enumerate().map(line).collect()
}

fn fresh(text: &str) -> Reading {
    Reading { fresh: text.to_owned(), sure: true, ..Reading::default() }
}

fn judged(reading: &Reading, form: Form, criteria: &[Criterion]) -> Judgement {
    let question =
        Question { form, asks: form != Form::Recap, criteria, own_names: vec!["Northwind"], account: None };
    let judgement = judge(reading, &question, &SHIPPED);
    assert!(reading.fresh.contains(&judgement.quote));
    judgement
}

const THREE: [&str; 3] = ["Single sign-on with SAML", "Audit log export to S3", "43 % reduction in MTTR"];

#[test]
fn a_figure_that_differs_is_not_sure() {
    let given = judged(&fresh("We measured 38 %, otherwise fine."), Form::Request, &criteria(&THREE));
    assert!(!given.sure && given.reasons.iter().any(|r| r.code == "number_differs"));
    let same = judged(&fresh("Confirmed, we saw 43% as well."), Form::Request, &criteria(&THREE));
    assert!(same.reasons.iter().all(|r| r.code != "number_differs"));
}

#[test]
fn a_better_figure_is_no_doubt_and_a_worse_one_is() {
    let declared = ["Read rate of tags 99.5 %", "Scan time at most 120 ms", "Tickets reduced by 20 %"];
    let doubts = |text: &str| {
        let given = judged(&fresh(text), Form::Request, &criteria(&declared));
        given.reasons.iter().any(|r| r.code == "number_differs")
    };
    assert!(!doubts("Confirmed. The read rate was 99.7 %, tickets are down 31 %, scans take 90 ms."));
    assert!(doubts("Confirmed. The read rate was 97.8 %."));
    assert!(doubts("Confirmed. Scan time came out at 140 ms."));
    assert!(doubts("Confirmed. Tickets went down 12 %."));
    assert!(!doubts("Confirmed. My train is late by 140 min."));
}

#[test]
fn a_full_yes_to_a_conditional_proposal_is_not_sure_until_what_was_open_is_done() {
    let given = |text: &str| {
        let given = judged(&fresh(text), Form::Conditional, &criteria(&THREE));
        (given.verdict, given.sure)
    };
    assert_eq!(given("We recommend you, the evaluation was a success."), (Verdict::Conditional, false));
    assert_eq!(given("We accept the conditional win."), (Verdict::Conditional, true));
    let done = "The patch is validated. All criteria are met, the evaluation was a success.";
    assert_eq!(given(done), (Verdict::Confirmed, true));
}

#[test]
fn criteria_are_answered_by_number_name_and_inline() {
    use crate::model::Spoken;
    let given = judged(&fresh("Criteria 1 and 2 confirmed, 3 pending."), Form::Request, &criteria(&THREE));
    let results: Vec<Spoken> = given.criteria.iter().map(|c| c.result).collect();
    assert_eq!(results, [Spoken::Pass, Spoken::Pass, Spoken::Unproven]);
    assert_eq!((given.verdict, given.sure), (Verdict::Conditional, true));

    let mut reading = fresh("passed\n\npassed\n\npassed");
    reading.inline = [0..6, 8..14, 16..22]
        .into_iter()
        .zip(THREE)
        .map(|(span, quoted)| crate::model::InlineAnswer { span, quoted: quoted.to_owned() })
        .collect();
    let given = judged(&reading, Form::Request, &criteria(&THREE));
    assert_eq!(given.verdict, Verdict::Confirmed, "{:?}", given.reasons);
    assert!(given.criteria.iter().all(|c| c.result == Spoken::Pass));
}

#[test]
fn vetoes_read_wide_and_affirmations_narrow() {
    let yes = "Yes, all criteria are met.";
    assert!(judged(&fresh(yes), Form::Request, &criteria(&THREE)).sure);
    let mut reading = fresh(yes);
    reading.signature = "PS: the export must be fixed before we sign".to_owned();
    assert!(!judged(&reading, Form::Request, &criteria(&THREE)).sure);
    let mut reading = fresh(yes);
    reading.unsure = "but not the SSO part".to_owned();
    assert!(!judged(&reading, Form::Request, &criteria(&THREE)).sure);
    let reading = Reading { unsure: yes.to_owned(), sure: true, ..Reading::default() };
    let given = judged(&reading, Form::Request, &criteria(&THREE));
    assert!(given.verdict == Verdict::Inconclusive && !given.sure);
}

#[test]
fn doubts_of_the_reading_and_the_declaration_hold() {
    let mut reading = fresh("Yes.");
    reading.sure = false;
    reading.doubts = vec![Reason::new("parts_differ", "the two parts differ")];
    let given = judged(&reading, Form::Request, &criteria(&THREE));
    assert!(!given.sure && given.reasons.iter().any(|r| r.code == "parts_differ"));

    let mut partial = criteria(&THREE);
    partial[1].result = crate::model::DeclaredResult::Partial;
    let given = judged(&fresh("Confirmed."), Form::Request, &partial);
    assert!(given.verdict != Verdict::Confirmed && !given.sure);

    let nothing = judged(&fresh(" \n"), Form::Request, &criteria(&THREE));
    assert_eq!((nothing.verdict, nothing.sure), (Verdict::Inconclusive, true));
}

#[test]
fn other_languages_are_never_sure_of_a_yes() {
    for text in [
        "Bestätigt.",
        "Wir bestätigen, dass alle Kriterien erfüllt sind.",
        "はい、確認しました。",
        "Oui, confirmé. Mais pas le SSO.",
    ] {
        let given = judged(&fresh(text), Form::Request, &criteria(&THREE));
        assert!(!(given.sure && given.verdict == Verdict::Confirmed), "{text}");
    }
}

#[test]
fn broken_files_are_reported_all_at_once() {
    let text = "[lists]\nyes = [\"yes\"]\n\n[[rule]]\nid = \"a\"\nsays = \"afirm\"\nwhy = \"w\"\nmatch = ['({yess}']\nhits = [\"Yes\"]\nmises = [\"No\"]\n\n[[rule]]\nid = \"b\"\nsays = \"affirm\"\nwhy = \"w\"\nmatch = ['a(b', '{yess}', 'Yes']\nhits = [\"Yes\"]\nmisses = [\"No\"]\n";
    let files =
        vec![("en/x.toml".to_owned(), text.to_owned()), ("gates.toml".to_owned(), "junk [".to_owned())];
    let errors: Vec<String> = Rules::load(&files).unwrap_err().iter().map(ToString::to_string).collect();
    let all = errors.join("\n");
    for part in [
        "en/x.toml:10: unknown key `mises`, expected `misses`",
        "`says` is `afirm`, expected `affirm`",
        "rule `a` has no `misses`",
        "unclosed group",
        "unknown word list `{yess}`, expected `{yes}`",
        "has capitals",
    ] {
        assert!(all.contains(part), "{part}\n{all}");
    }
    assert!(Rules::load(&[]).unwrap_err()[0].message.contains("found no rules"));
}

#[test]
fn exceptions_rests_and_tables_are_answers() {
    use crate::model::Spoken::{Fail, Pass, Unproven};
    let four = ["Failover in under 30 s", "Audit log export", "Single sign-on (SSO)", "Restore of backups"];
    let results = |text: &str| {
        let given = judged(&fresh(text), Form::Request, &criteria(&four));
        assert!(!(given.verdict == Verdict::Confirmed && given.sure), "{text} {given:?}");
        given.criteria.iter().map(|c| c.result).collect::<Vec<_>>()
    };
    let but_three = [Pass, Pass, Unproven, Pass];
    assert_eq!(results("Everything passed except 3."), but_three);
    assert_eq!(results("All criteria passed but the SSO one."), but_three);
    assert_eq!(results("All criteria are met apart from criterion 3."), but_three);
    assert_eq!(results("Criterion 3 is pending, the rest passed."), but_three);
    assert_eq!(results("The first two and the fourth passed, the third one is pending."), but_three);
    assert_eq!(results("1) passed 2) passed 3) pending 4) passed"), but_three);
    assert_eq!(
        results("| 1 | passed |\n| 2 | passed |\n| 3 | failed |\n| 4 | passed |"),
        [Pass, Pass, Fail, Pass]
    );
    assert_eq!(
        results("Failover: passed\nAudit log: passed\nSSO: failed\nRestores: passed"),
        [Pass, Pass, Fail, Pass]
    );
}

#[test]
fn an_overall_yes_passes_what_nothing_was_said_about() {
    use crate::model::Spoken::Pass;
    let given = judged(&fresh("Yes, all criteria are met."), Form::Request, &criteria(&THREE));
    assert!(given.criteria.iter().all(|c| c.result == Pass), "{given:?}");
}

const PREDICATES: &str = r#"
[[rule]]
id = "fail.topic"
says = "fail"
reads = "clause"
about = "criteria"
why = "a criterion went down"
match = ['went down']
hits = ["The failover went down."]
misses = ["The coffee machine went down."]

[[rule]]
id = "concern.when"
says = "concern"
reads = "clause"
near = "sentence"
when = ['export|import']
unless = ['fixed']
why = "slow where it matters"
match = ['slow']
hits = ["It was slow, that export."]
misses = ["It was slow.", "It was slow, that export, and is fixed."]

[[rule]]
id = "harmless.enough"
says = "harmless"
why = "nothing is left to say"
match = ['nothing further']
hits = ["Nothing further."]
misses = ["Further."]

[[rule]]
id = "decline.despite"
says = "decline"
despite = ["harmless"]
why = "harmless words are a part of it only"
match = ['wish nothing further to do with', 'nothing further']
hits = ["They wish nothing further to do with it."]
misses = ["Nothing further."]
"#;

#[test]
fn rules_may_ask_for_words_near_by_and_for_criteria() {
    let mut files = english();
    files.push(("en/more.toml".to_owned(), PREDICATES.to_owned()));
    let report = loaded(&files).test();
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    let wrong = PREDICATES
        .replace("\"criteria\"", "\"weather\"")
        .replace("near = \"sentence\"", "near = \"clause\"")
        .replace("when = ['export|import']", "when = ['(export']")
        .replace("\"harmless\"]", "\"aside\"]");
    let errors = Rules::load(&[("en/more.toml".to_owned(), wrong)]).unwrap_err();
    let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let all = all.join("\n");
    for part in [
        "en/more.toml:6: `about`",
        "en/more.toml:16: `near` sees no further",
        ":17: pattern `(export`",
        ":35: `aside` is no blocker",
    ] {
        assert!(all.contains(part), "{part}\n{all}");
    }
}
