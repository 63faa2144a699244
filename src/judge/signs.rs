//! What a mail says of each kind of evidence. A yes must be said in the kind's own words, in a mail that all rules
//! together find to be a sure yes. A no may be said in any words: what nobody understands closes.

use std::collections::BTreeSet;
use std::ops::Range;

use super::evidence::{EvidenceRule, is_evidence, kind_of, words};
use super::guess::Scans;
use super::language::Says;
use super::rules::Rules;
use super::scan::{Hit, Scan};
use super::{Question, hear, is_own, quote};
use crate::model::{Form, Judgement, Reading, Said, Verdict};
use crate::text::squeeze;

/// What a mail says of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// The kind.
    pub kind: String,
    /// What.
    pub said: Said,
    /// Something in the mail speaks against it.
    pub against: bool,
    /// The kind's own rules hit.
    pub direct: bool,
    /// The sentence.
    pub quote: String,
    /// The rule.
    pub rule: String,
    /// Its words in the fresh text.
    pub span: Range<usize>,
}

/// What stands around the words of a mail.
#[derive(Debug, Clone, Copy, Default)]
pub struct Around<'a> {
    /// The subject.
    pub title: &'a str,
    /// The seller's names.
    pub own_names: &'a [&'a str],
    /// Names of its writer and its readers, which stand in greetings.
    pub people: &'a [String],
    /// Something in the mail may say no, so it is read even if it names no kind.
    pub refuses: bool,
    /// It answers a declaration: "I take that back" is about that answer.
    pub answers: bool,
}

/// What a mail says of the kinds of evidence, by kind.
pub fn signs(reading: &Reading, around: Around<'_>, rules: &Rules) -> Vec<Sign> {
    let Around { title, own_names, people, refuses, answers } = around;
    let people: BTreeSet<String> = people.iter().flat_map(|name| words(name)).collect();
    let kinds = &rules.evidence.kinds;
    let typed = squeeze(&format!("{}\n{}", reading.fresh, reading.unsure));
    if kinds.is_empty() || !(refuses || kinds.values().any(|kind| speaks(kind, &typed))) {
        return Vec::new();
    }
    let Some(wider) = rules.evidence.rules() else { return unread(reading, rules) };
    let question = Question {
        form: Form::Request,
        asks: true,
        criteria: &[],
        own_names: own_names.to_vec(),
        account: None,
    };
    let (judgement, scans) = hear(reading, &question, wider);
    let mail = Mail {
        refusal: refusal(&judgement, &scans),
        around: squeeze(&format!("{title}\n{}", reading.quoted)),
        is_bare: !answers
            && !kinds.values().any(|kind| speaks(kind, &typed) || speaks(kind, &squeeze(title))),
        judgement,
        scans: &scans,
        typed,
        rules: wider,
        plain: &|name, text| {
            let known = rules.evidence.plain(name);
            let known = |w: &String| known.is_some_and(|k| k.contains(w)) || people.contains(w);
            words(text).iter().all(|w| known(w) || is_own(w, own_names))
        },
    };
    let sign = |(name, kind): (&String, &EvidenceRule)| {
        let (hit, sign) = mail.of(name, kind)?;
        let span = scans.fresh.folded.original(hit.span.clone());
        let rule = wider.rules.get(hit.rule).map(|rule| rule.id.clone()).unwrap_or_default();
        Some(Sign { quote: quote(&reading.fresh, &scans.fresh, hit.sentence), rule, span, ..sign })
    };
    kinds.iter().filter_map(sign).collect()
}

/// The kinds of which a mail that cannot be read whole speaks: it may deny them.
pub fn unread(reading: &Reading, rules: &Rules) -> Vec<Sign> {
    let typed = squeeze(&format!("{}\n{}", reading.fresh, reading.unsure));
    let spoken = rules.evidence.kinds.iter().filter(|(_, kind)| speaks(kind, &typed));
    spoken.map(|(name, _)| blank(name, Said::Doubtful, true, false)).collect()
}

fn speaks(kind: &EvidenceRule, squeezed: &str) -> bool {
    kind.words.iter().any(|word| squeezed.contains(&squeeze(word)))
}

fn blank(kind: &str, said: Said, against: bool, direct: bool) -> Sign {
    let (quote, rule) = (String::new(), String::new());
    Sign { kind: kind.to_owned(), said, against, direct, quote, rule, span: 0..0 }
}

/// What takes something back or says no, and was not stopped.
fn refusal<'a>(judgement: &Judgement, scans: &'a Scans) -> Option<&'a Hit> {
    let says_no = |h: &&Hit| matches!(h.says, Says::Retract | Says::Decline | Says::Withhold);
    let no = scans.fresh.hits.iter().filter(|h| h.blocked.is_none()).find(says_no);
    let is_no = matches!(judgement.verdict, Verdict::Declined | Verdict::Retracted);
    no.or_else(|| scans.fresh.hits.iter().find(|_| is_no))
}

struct Mail<'a> {
    judgement: Judgement,
    scans: &'a Scans,
    rules: &'a Rules,
    /// Whether every word of a text may stand in the clause of a yes of a kind.
    plain: &'a dyn Fn(&str, &str) -> bool,
    refusal: Option<&'a Hit>,
    /// What was typed.
    typed: String,
    /// The subject and what is quoted.
    around: String,
    /// It answers no declaration, and neither the typed text nor the subject names a kind.
    is_bare: bool,
}

impl<'a> Mail<'a> {
    fn of(&self, name: &str, kind: &EvidenceRule) -> Option<(&'a Hit, Sign)> {
        let said = |said, against, direct| blank(name, said, against, direct);
        if !speaks(kind, &self.typed) {
            // "I take that back" without a word of what: of everything that its author may have said.
            let taken_back = self.is_bare && self.refusal.is_some_and(|h| h.says == Says::Retract);
            let meant = taken_back || speaks(kind, &self.around);
            return self.refusal.filter(|_| meant).map(|hit| (hit, said(Said::Doubtful, true, false)));
        }
        let hits: Vec<&Hit> = self.scans.fresh.hits.iter().filter(|hit| self.is_of(hit, name)).collect();
        let yes = hits.iter().find(|h| h.says == Says::Affirm && h.blocked.is_none());
        let no = hits.iter().find(|h| says_no(h) && h.blocked.is_none());
        // "has not passed" may be a no; a question, a wish and a plan say nothing.
        let negated = hits.iter().find(|h| h.says == Says::Affirm && h.blocked == Some(Says::Negation));
        let judgement = &self.judgement;
        let is_yes = judgement.verdict == Verdict::Confirmed && judgement.sure;
        let is_no = matches!(judgement.verdict, Verdict::Declined | Verdict::Retracted) && judgement.sure;
        match (yes, no, negated) {
            (Some(hit), None, None) if is_yes && self.is_plain(hit, name) => {
                Some((hit, said(Said::Yes, false, true)))
            }
            (None, Some(hit), _) if is_no => Some((hit, said(Said::No, true, true))),
            (_, Some(hit), _) | (_, None, Some(hit)) => Some((hit, said(Said::Doubtful, true, true))),
            (Some(hit), None, None) => Some((hit, said(Said::Doubtful, false, true))),
            (None, None, None) => {
                let other = self.refusal.or_else(|| self.trouble(kind));
                other.map(|hit| (hit, said(Said::Doubtful, true, false)))
            }
        }
    }

    /// Whether nothing limits a yes that no rule knows: its clause says nothing besides, and what stands in later
    /// sentences is explained.
    fn is_plain(&self, hit: &Hit, name: &str) -> bool {
        let fresh = &self.scans.fresh;
        let is_known =
            |span: &Range<usize>| fresh.folded.text.get(span.clone()).is_some_and(|t| (self.plain)(name, t));
        let explains = |h: &Hit| {
            h.blocked.is_none()
                && matches!(h.says, Says::Affirm | Says::Bare | Says::Pass | Says::Count | Says::Aside)
        };
        let later = fresh.sentences.iter().enumerate().skip(hit.sentence + 1);
        is_known(&hit.unit)
            && later.into_iter().all(|(at, sentence)| {
                is_known(&sentence.span) || fresh.hits.iter().any(|h| h.sentence == at && explains(h))
            })
    }

    fn is_of(&self, hit: &Hit, name: &str) -> bool {
        self.rules.rules.get(hit.rule).is_some_and(|r| is_evidence(&r.path) && kind_of(&r.id) == name)
    }

    /// What is wrong in a sentence that names the kind.
    fn trouble(&self, kind: &EvidenceRule) -> Option<&'a Hit> {
        let fresh: &'a Scan = &self.scans.fresh;
        let named = |hit: &Hit| {
            let span = fresh.sentences.get(hit.sentence).map(|s| s.span.clone());
            span.and_then(|span| fresh.folded.text.get(span)).is_some_and(|text| speaks(kind, &squeeze(text)))
        };
        let is_trouble = |hit: &Hit| match hit.blocked {
            None => matches!(
                hit.says,
                Says::Stipulate
                    | Says::Concern
                    | Says::Defer
                    | Says::Fail
                    | Says::Partial
                    | Says::Unproven
                    | Says::Risk
            ),
            Some(Says::Negation) => matches!(hit.says, Says::Affirm | Says::Pass),
            Some(_) => false,
        };
        fresh.hits.iter().filter(|hit| is_trouble(hit)).find(|hit| named(hit))
    }
}

fn says_no(hit: &Hit) -> bool {
    use Says::{Concern, Decline, Defer, Fail, Partial, Retract, Stipulate, Unproven, Withhold};
    matches!(hit.says, Retract | Decline | Withhold | Fail | Concern | Stipulate | Defer | Partial | Unproven)
}
