//! Rules tested in the rule language: every example of every rule, and whole replies with their verdicts.

use std::collections::BTreeSet;

use super::evidence::is_evidence;
use super::language::{Case, Rule, Says};
use super::rules::Rules;
use super::scan::{Context, Scan, Speech, scan};
use super::topics::Topics;
use super::{Question, judge};
use crate::model::{Criterion, DeclaredResult, Form, Reading, Verdict};

/// What [`Rules::test`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestReport {
    /// Rules in the set.
    pub rules: usize,
    /// Examples that were tried, both kinds.
    pub examples: usize,
    /// Whole replies that were judged.
    pub cases: usize,
    /// Yeses that were put into a frame in which they are none.
    pub framed: usize,
    /// Rules that hit in no case and in no example of another rule: perhaps nobody needs them.
    pub unexercised: Vec<String>,
    /// What came out otherwise than written.
    pub failures: Vec<Failure>,
}

impl TestReport {
    /// Whether everything came out as written. A set without examples proves nothing and does not pass.
    pub fn passed(&self) -> bool {
        self.failures.is_empty() && self.examples > 0
    }
}

/// An example or case that came out otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Rule file.
    pub path: String,
    /// Line of the example, from 1.
    pub line: usize,
    /// The rule, or `case`.
    pub rule: String,
    /// The example's text.
    pub text: String,
    /// What was expected.
    pub expected: String,
    /// What came out: the rules that fired and where, or the verdict with its reasons.
    pub got: String,
}

impl Rules {
    /// Runs all examples and cases.
    pub fn test(&self) -> TestReport {
        let mut report = self.test_where(|_| true);
        let evidence = self.test_evidence();
        report.rules += evidence.rules;
        report.examples += evidence.examples;
        report.cases += evidence.cases;
        report.framed += evidence.framed;
        report.failures.extend(evidence.failures);
        report
    }

    /// Runs the examples and cases of `evidence/` alone.
    pub fn test_evidence(&self) -> TestReport {
        self.evidence.rules().map(|wider| wider.test_where(is_evidence)).unwrap_or_default()
    }

    /// Runs the examples and cases of the files for whose path `own` holds.
    fn test_where(&self, own: impl Fn(&str) -> bool) -> TestReport {
        let rules = self.rules.iter().filter(|rule| own(&rule.path)).count();
        let cases: Vec<&Case> = self.cases.iter().filter(|case| own(&case.path)).collect();
        let mut report = TestReport { rules, cases: cases.len(), ..TestReport::default() };
        let mut exercised = BTreeSet::new();
        for (index, rule) in self.rules.iter().enumerate().filter(|(_, rule)| own(&rule.path)) {
            for (example, wanted) in
                rule.hits.iter().map(|e| (e, true)).chain(rule.misses.iter().map(|e| (e, false)))
            {
                report.examples += 1;
                let scan = self.scan_example(rule, &example.text);
                let effective = scan.hits.iter().filter(|hit| hit.blocked.is_none());
                let fired = effective.clone().any(|hit| hit.rule == index)
                    || scan.harmless.iter().any(|hit| hit.rule == index);
                let others = effective.map(|hit| hit.rule).chain(scan.harmless.iter().map(|hit| hit.rule));
                exercised.extend(others.filter(|other| *other != index));
                if fired != wanted {
                    report.failures.push(Failure {
                        path: rule.path.clone(),
                        line: example.line,
                        rule: rule.id.clone(),
                        text: example.text.clone(),
                        expected: if wanted { "a hit" } else { "no hit" }.to_owned(),
                        got: self.fired(&scan),
                    });
                }
            }
        }
        for case in cases {
            self.run_case(case, &mut report, &mut exercised);
        }
        self.run_frames(&own, &mut report);
        let idle = self.rules.iter().enumerate().filter(|(i, _)| !exercised.contains(i));
        report.unexercised = idle.map(|(_, rule)| rule.id.clone()).collect();
        report
    }

    /// Puts what says yes into the frames of its language in which it is none, some frames for each example.
    fn run_frames(&self, own: impl Fn(&str) -> bool, report: &mut TestReport) {
        let criteria = listed(&EXAMPLE_CRITERIA.map(str::to_owned));
        let question = Question {
            form: Form::Request,
            asks: true,
            criteria: &criteria,
            own_names: vec!["Northwind"],
            account: None,
        };
        let mut turn = 0;
        for rule in self.rules.iter().filter(|rule| rule.says == Says::Affirm && own(&rule.path)) {
            let frames = &self.language(rule.pack).undone;
            for example in &rule.hits {
                for frame in frames
                    .iter()
                    .cycle()
                    .skip(turn % frames.len().max(1))
                    .take(FRAMES_TRIED.min(frames.len()))
                {
                    let text = framed(frame, &example.text);
                    let reading = Reading { fresh: text.clone(), sure: true, ..Reading::default() };
                    let judgement = judge(&reading, &question, self);
                    report.framed += 1;
                    if judgement.sure && judgement.verdict == Verdict::Confirmed {
                        report.failures.push(Failure {
                            path: rule.path.clone(),
                            line: example.line,
                            rule: rule.id.clone(),
                            text,
                            expected: format!("never confirmed, sure: the yes stands in `{frame}`"),
                            got: "confirmed, sure".to_owned(),
                        });
                    }
                }
                turn += FRAMES_TRIED;
            }
        }
    }

    fn scan_example(&self, rule: &Rule, text: &str) -> Scan {
        // In examples the seller is called Northwind, and these are the criteria.
        let criteria = listed(&EXAMPLE_CRITERIA.map(str::to_owned));
        let topics = Topics::new(&criteria, self.language(rule.pack));
        let context = Context {
            own: &|name| name.eq_ignore_ascii_case("northwind"),
            buyer: &|_| false,
            about_criteria: &|text| topics.any_named(text),
        };
        scan(self, Speech::Only(rule.pack), text, &context)
    }

    fn fired(&self, scan: &Scan) -> String {
        let mut fired: Vec<String> = Vec::new();
        for hit in &scan.hits {
            let Some(rule) = self.rules.get(hit.rule) else { continue };
            let words = scan.folded.text.get(hit.span.clone()).unwrap_or_default();
            let blocked = hit.blocked.map(|b| format!(" (stopped by {})", b.as_str())).unwrap_or_default();
            fired.push(format!("{} on `{words}`{blocked}", rule.id));
        }
        if fired.is_empty() { "nothing fired".to_owned() } else { fired.join("; ") }
    }

    fn run_case(&self, case: &Case, report: &mut TestReport, exercised: &mut BTreeSet<usize>) {
        let mut criteria = listed(&case.criteria);
        // In a conditional proposal the last criterion is the open one.
        if let (Form::Conditional, Some(last)) = (case.form, criteria.last_mut()) {
            last.result = DeclaredResult::Open;
        }
        let question = Question {
            form: case.form,
            asks: case.form != Form::Recap,
            criteria: &criteria,
            own_names: case.names.iter().map(String::as_str).chain(["Northwind"]).collect(),
            account: case.account.as_deref(),
        };
        let reading = Reading { fresh: case.text.clone(), sure: true, ..Reading::default() };
        let judgement = judge(&reading, &question, self);
        for reason in &judgement.reasons {
            exercised.extend(self.rules.iter().position(|rule| Some(&rule.id) == reason.rule.as_ref()));
        }
        let same = judgement.verdict == case.verdict && judgement.sure == case.sure;
        if same == case.never {
            let said =
                |verdict: &str, sure: bool| format!("{verdict}, {}", if sure { "sure" } else { "not sure" });
            let reasons: Vec<String> = judgement
                .reasons
                .iter()
                .map(|r| format!("{} {}", r.code, r.rule.as_deref().unwrap_or("-")))
                .collect();
            report.failures.push(Failure {
                path: case.path.clone(),
                line: case.line,
                rule: "case".to_owned(),
                text: case.text.clone(),
                expected: format!(
                    "{}{}",
                    if case.never { "never " } else { "" },
                    said(case.verdict.as_str(), case.sure)
                ),
                got: format!("{} ({})", said(judgement.verdict.as_str(), judgement.sure), reasons.join("; ")),
            });
        }
    }
}

/// A yes in a frame: without its full stop, and with a small letter where it does not start the text.
fn framed(frame: &str, yes: &str) -> String {
    let bare = yes.trim_end_matches(['.', '!', '。']);
    let first = bare.split([' ', '\'']).next().unwrap_or_default();
    let keeps = frame.starts_with("{}")
        || matches!(first, "I" | "Northwind")
        || first.chars().nth(1).is_some_and(char::is_uppercase);
    let mut letters = bare.chars();
    let text = match letters.next().filter(|_| !keeps) {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => bare.to_owned(),
    };
    frame.replace("{}", &text)
}

/// So many frames are tried for each example, others for the next.
const FRAMES_TRIED: usize = 4;

/// The declared criteria of `hits` and `misses`.
const EXAMPLE_CRITERIA: [&str; 3] =
    ["Single sign-on with SAML", "Audit log export to S3", "Failover in under 30 s"];

fn listed(texts: &[String]) -> Vec<Criterion> {
    let passed =
        |(n, text): (u32, &String)| Criterion { n, text: text.clone(), result: DeclaredResult::Pass };
    (1..).zip(texts).map(passed).collect()
}
