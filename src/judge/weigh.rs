//! From hits to a verdict, by order of veto: retraction and denial > stipulation > deferral > affirmation.
//! Nothing is summed up; one veto stops any number of yeses.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Question;
use super::criteria::Answers;
use super::language::{Rule, Says};
use super::rules::Rules;
use super::scan::{Hit, Scan, overlap};
use crate::model::{DeclaredResult, Form, Reading, Reason, Source, Spoken, Verdict};

/// Shorter sentences are names and greetings.
pub(super) const UNEXPLAINED_WORDS_MIN: usize = 4;

/// In a reply of so few sentences one phrase is enough for a sure no, condition or delay.
const SHORT_SENTENCES_MAX: usize = 2;

/// In more sentences that no rule knows there may be an answer.
const UNREAD_MAX: usize = 1;

/// What was heard in the three texts.
pub(super) struct Heard<'a> {
    pub rules: &'a Rules,
    pub question: &'a Question<'a>,
    pub fresh: &'a Scan,
    pub unsure: &'a Scan,
    pub signature: &'a Scan,
    pub answers: &'a Answers,
    pub reading: &'a Reading,
}

/// The opinion before doubts about the reading are added.
#[derive(Debug)]
pub(super) struct Opinion {
    pub verdict: Verdict,
    pub sure: bool,
    /// The sentence of the fresh text that carries it.
    pub sentence: Option<usize>,
    pub reasons: Vec<Reason>,
}

/// Weighs.
pub(super) fn weigh(heard: &Heard<'_>) -> Opinion {
    let mut opinion = heard
        .refused()
        .or_else(|| heard.tied())
        .or_else(|| heard.put_off())
        .or_else(|| heard.affirmed())
        .unwrap_or_else(|| heard.nothing());
    heard.veto_outside(&mut opinion);
    opinion
}

impl Heard<'_> {
    /// Retracted or declined.
    fn refused(&self) -> Option<Opinion> {
        let retracts: Vec<&Hit> = self.fresh.of(Says::Retract).collect();
        if !retracts.is_empty() {
            let mut opinion = self.opinion(Verdict::Retracted, &retracts);
            opinion.sure = !self.yes_after(&retracts);
            self.doubt_one_sign(&mut opinion, &retracts);
            return Some(opinion);
        }
        let mut declines: Vec<&Hit> = self.fresh.of(Says::Decline).collect();
        let withheld: Vec<&Hit> = self.fresh.of(Says::Withhold).collect();
        let mut failed = self.fresh.of(Says::Fail).peekable();
        if declines.is_empty() && !withheld.is_empty() && failed.peek().is_some() {
            declines.clone_from(&withheld);
            declines.extend(failed);
            if self.fresh.has(Says::Defer) {
                let mut opinion = self.opinion(Verdict::Deferred, &declines);
                opinion.sure = false;
                return Some(opinion);
            }
        }
        if declines.is_empty() {
            return None;
        }
        let mut opinion = self.opinion(Verdict::Declined, &declines);
        let yes = self.fresh.has(Says::Affirm) || self.fresh.has(Says::Stipulate);
        // "We decided against it. I'll be back on Friday": a delay beside several noes is about something else.
        opinion.sure = !yes && (!self.fresh.has(Says::Defer) || self.signs(&declines).len() > 1);
        if !opinion.sure {
            let against =
                [Says::Affirm, Says::Stipulate, Says::Defer].into_iter().flat_map(|s| self.fresh.of(s));
            opinion.reasons.extend(against.map(|hit| self.reason(hit, Source::Fresh)));
            self.doubt(
                &mut opinion,
                "contradiction",
                "the reply says both yes and no, or puts the answer off",
            );
        }
        self.doubt_one_sign(&mut opinion, &declines);
        Some(opinion)
    }

    /// Conditional.
    fn tied(&self) -> Option<Opinion> {
        let mut ties: Vec<&Hit> = self.fresh.of(Says::Stipulate).collect();
        let yes: Vec<&Hit> = self.yeses();
        if ties.is_empty() && yes.is_empty() {
            return self.split();
        }
        let stipulated = !ties.is_empty();
        if !yes.is_empty() {
            ties.extend(self.unsettled_points());
            ties.extend(self.partial_counts());
        }
        if ties.is_empty() {
            return None;
        }
        let first = yes.first().copied();
        let mut opinion = self.opinion(Verdict::Conditional, &ties);
        opinion.sentence = first.or(ties.first().copied()).map(|hit| hit.sentence);
        if let Some(hit) = first {
            opinion.reasons.insert(0, self.reason(hit, Source::Fresh));
        }
        let put_off = self.fresh.has(Says::Defer) || self.fresh.has(Says::Withhold);
        // A yes to everything that follows all ties may have untied them.
        let settled = self.settled_before(|rule| rule.settles);
        let untied = !yes.is_empty() && ties.iter().all(|hit| hit.span.end <= settled);
        let strong = yes.iter().any(|hit| self.rules.rules.get(hit.rule).is_some_and(|rule| rule.settles));
        let beside = |tie: &Hit| yes.iter().any(|hit| hit.sentence.abs_diff(tie.sentence) <= 1);
        let loose = strong && !ties.iter().any(|tie| tie.says != Says::Count && beside(tie));
        // "All met. The first sync failed": no condition, and perhaps no trouble that is still there.
        let whole = yes.iter().any(|hit| self.rules.rules.get(hit.rule).is_some_and(|rule| rule.whole));
        let history = whole && ties.iter().all(|hit| hit.says == Says::Fail);
        // "The first sync failed" beside a yes ties it only in the same breath: "yes, but the export is slow".
        let breath =
            |tie: &Hit| tie.says == Says::Count || yes.iter().any(|hit| hit.sentence == tie.sentence);
        let bound = stipulated || ties.iter().any(|tie| breath(tie));
        opinion.sure = bound && !untied && !loose && !history && (!put_off || stipulated);
        if !opinion.sure {
            self.doubt(
                &mut opinion,
                "contradiction",
                "the reply says yes beside something that is open, or puts the yes off: it may be tied to that or not",
            );
        }
        self.doubt_one_sign(&mut opinion, &ties);
        Some(opinion)
    }

    /// Some criteria answered with yes, some with no: conditional without any overall yes.
    fn split(&self) -> Option<Opinion> {
        let spoken = self.answers.numbered();
        let passes = spoken.iter().filter(|s| **s == Spoken::Pass).count();
        let others = spoken.iter().filter(|s| !matches!(s, Spoken::Pass | Spoken::Unspoken)).count();
        if passes == 0 || others == 0 || self.fresh.has(Says::Defer) || self.fresh.has(Says::Withhold) {
            return None;
        }
        let hits: Vec<&Hit> = self.fresh.of(Says::Unproven).chain(self.fresh.of(Says::Fail)).collect();
        let mut opinion = self.opinion(Verdict::Conditional, &hits);
        opinion.reasons.push(Reason::new("partial_criteria", "only some of the criteria are confirmed"));
        // What was told of two of five criteria is no answer about the whole.
        opinion.sure = self.answers.list(false).iter().all(|answer| answer.result != Spoken::Unspoken);
        Some(opinion)
    }

    /// Deferred.
    fn put_off(&self) -> Option<Opinion> {
        let mut off: Vec<&Hit> = self.fresh.of(Says::Withhold).collect();
        off.extend(self.fresh.of(Says::Defer));
        if off.is_empty() {
            return None;
        }
        let mut opinion = self.opinion(Verdict::Deferred, &off);
        if self.fresh.has(Says::Affirm) {
            self.doubt(&mut opinion, "contradiction", "the reply says yes and also puts the answer off");
        } else if self.fresh.has(Says::Fail) || self.fresh.has(Says::Bare) {
            // "It failed, we will see" may be a no, "Yes, and let me check …" a yes.
            self.doubt(&mut opinion, "contradiction", "the reply says more than that the answer comes later");
        }
        self.doubt_one_sign(&mut opinion, &off);
        Some(opinion)
    }

    /// Confirmed, or what a yes comes to under this question.
    fn affirmed(&self) -> Option<Opinion> {
        let yes = self.yeses();
        if yes.is_empty() && !self.answers.all_pass {
            return None;
        }
        let explicit = yes.iter().any(|hit| hit.says == Says::Affirm) || self.answers.all_pass;
        let mut opinion = self.opinion(Verdict::Confirmed, &yes);
        let form = self.question.form;
        if form == Form::Conditional && !(explicit && (self.answers.open_items_done || self.lifted())) {
            opinion.verdict = Verdict::Conditional;
            if explicit && !self.fresh.has(Says::Accept) {
                let text =
                    "the reply says yes, and not whether to the conditional technical win or to a full one";
                self.doubt(&mut opinion, "conditional_open", text);
            } else {
                opinion
                    .reasons
                    .push(Reason::new("conditional_open", "the reply accepts a conditional technical win"));
            }
            return Some(opinion);
        }
        let asked = form == Form::Request && self.question.asks;
        if !(explicit || asked) {
            opinion.verdict = Verdict::Inconclusive;
            opinion
                .reasons
                .push(Reason::new("no_ask", "a bare yes answers nothing: the declaration asked no question"));
            let beside = |cue: &&Hit| !yes.iter().any(|hit| overlap(&hit.span, &cue.span));
            let cues: Vec<&Hit> = self.fresh.of(Says::Cue).filter(beside).collect();
            if !cues.is_empty() {
                opinion.sure = false;
                opinion.reasons.extend(cues.into_iter().map(|hit| self.reason(hit, Source::Fresh)));
            }
            return Some(opinion);
        }
        if self.question.criteria.iter().any(|c| {
            matches!(c.result, DeclaredResult::Partial | DeclaredResult::Fail | DeclaredResult::Open)
        }) && form != Form::Conditional
        {
            opinion.verdict = Verdict::Conditional;
            let text =
                "the declaration itself lists a criterion that has not passed, so a yes is not a full yes";
            self.doubt(&mut opinion, "criteria_not_all_passed", text);
            return Some(opinion);
        }
        self.stop_at_risks(&mut opinion, explicit);
        // "Yes. Success." is no more than "Yes.".
        if !explicit && self.says_much_else() {
            self.doubt_one_phrase(&mut opinion);
        }
        Some(opinion)
    }

    /// Whether the reply says that what was open is done, and that with it every criterion is met.
    fn lifted(&self) -> bool {
        let code = |hit: &Hit| self.rules.rules.get(hit.rule).is_some_and(|r| r.code == "condition_lifted");
        let whole = |hit: &Hit| self.rules.rules.get(hit.rule).is_some_and(|rule| rule.whole);
        self.fresh.of(Says::Affirm).any(whole) && self.fresh.of(Says::Pass).any(code)
    }

    /// No verdict: a sure aside, or unknown territory.
    fn nothing(&self) -> Opinion {
        let asides: Vec<&Hit> = self.fresh.of(Says::Aside).collect();
        let mut opinion = self.opinion(Verdict::Inconclusive, &asides);
        let explained = |hit: &Hit| {
            let other = |aside: &&Hit| {
                let rule = self.rules.rules.get(aside.rule);
                aside.sentence == hit.sentence && rule.is_some_and(|rule| rule.code == "reply_other_object")
            };
            self.fresh.sentences.get(hit.sentence).is_some_and(|sentence| sentence.asks)
                || self.fresh.of(Says::Aside).any(|aside| other(&aside))
        };
        let speaks = |hit: &&Hit| match hit.says {
            Says::Concern | Says::Fail | Says::Partial => hit.blocked.is_none(),
            Says::Cue => !explained(hit),
            Says::Affirm | Says::Accept | Says::Decline | Says::Retract | Says::Stipulate => {
                !matches!(hit.blocked, None | Some(Says::Question | Says::OtherObject | Says::OtherParty))
            }
            _ => false,
        };
        let cues: Vec<Reason> =
            self.fresh.hits.iter().filter(speaks).map(|hit| self.reason(hit, Source::Fresh)).collect();
        let asked = self.fresh.sentences.iter().any(|sentence| sentence.asks);
        if asides.is_empty() && !asked {
            self.doubt(&mut opinion, "not_understood", "no rule says what this reply means");
        } else if asides.is_empty() {
            opinion
                .reasons
                .push(Reason::new("reply_question", "the reply asks a question and gives no verdict"));
        }
        if !cues.is_empty() {
            opinion.sure = false;
            opinion.reasons.extend(cues);
        }
        if self.unread_sentences() > UNREAD_MAX {
            self.doubt(&mut opinion, "not_understood", "most of what the reply says is known to no rule");
        }
        if self.answers.numbered().contains(&Spoken::Pass) {
            self.doubt(&mut opinion, "partial_criteria", "only some of the criteria are answered");
        }
        opinion
    }

    /// Sentences of some length, and no questions, in which no rule hit anything.
    fn unread_sentences(&self) -> usize {
        let text = |span: &Range<usize>| self.fresh.folded.text.get(span.clone()).unwrap_or_default();
        let sentences = self.fresh.sentences.iter().enumerate();
        let unread = sentences.filter(|(at, sentence)| {
            !sentence.asks
                && text(&sentence.span).split_whitespace().count() >= UNEXPLAINED_WORDS_MIN
                && !self.fresh.hits.iter().any(|hit| hit.sentence == *at)
                && !self.fresh.licensed.iter().any(|span| overlap(span, &sentence.span))
        });
        unread.count()
    }

    /// Vetoes read wide: what we were unsure how to cut and the signature may stop a yes too.
    fn veto_outside(&self, opinion: &mut Opinion) {
        if !matches!(opinion.verdict, Verdict::Confirmed | Verdict::Conditional) {
            return;
        }
        for (scan, source) in [(self.unsure, Source::Unsure), (self.signature, Source::Signature)] {
            let stops = |hit: &&Hit| match hit.says {
                Says::Retract | Says::Decline | Says::Stipulate | Says::Withhold | Says::Defer => true,
                Says::Concern | Says::Fail | Says::Unproven => true,
                Says::Risk => source == Source::Unsure || !self.soft(hit),
                _ => false,
            };
            let stops: Vec<Reason> = scan
                .hits
                .iter()
                .filter(|hit| hit.blocked.is_none())
                .filter(stops)
                .map(|hit| self.reason(hit, source))
                .collect();
            let confirmed = opinion.verdict == Verdict::Confirmed;
            if !stops.is_empty() && confirmed {
                opinion.sure = false;
                opinion.reasons.extend(stops);
            }
        }
    }

    /// Everything that says yes here, explicit first.
    pub(super) fn yeses(&self) -> Vec<&Hit> {
        let mut yes: Vec<&Hit> = self.fresh.of(Says::Affirm).collect();
        yes.extend(self.fresh.of(Says::Bare));
        yes.retain(|hit| !self.answers_a_line(hit));
        if self.question.form == Form::Conditional {
            yes.extend(self.fresh.of(Says::Accept));
        }
        yes
    }

    /// "Yes." typed below one quoted line is a yes to that line, not to all of them.
    fn answers_a_line(&self, hit: &Hit) -> bool {
        let whole = self.rules.rules.get(hit.rule).is_some_and(|rule| rule.whole);
        let typed = self.fresh.folded.original(hit.span.clone());
        let below = self.reading.inline_at(&typed).is_some_and(|answer| self.reading.is_between(answer));
        !whole && (below || self.answers.lines.iter().any(|line| overlap(line, &typed)))
    }

    /// Concerns and criteria that did not pass.
    pub(super) fn open_points(&self) -> Vec<&Hit> {
        [Says::Concern, Says::Fail, Says::Unproven, Says::Partial]
            .into_iter()
            .flat_map(|says| self.fresh.of(says))
            .collect()
    }

    /// Those that no affirmation of everything follows: what was said before it may be history.
    fn unsettled_points(&self) -> Vec<&Hit> {
        let settled = self.settled_before(|rule| rule.whole);
        self.open_points().into_iter().filter(|hit| hit.span.end > settled).collect()
    }

    /// "Four of five", "all four" of five declared.
    fn partial_counts(&self) -> Vec<&Hit> {
        self.fresh.of(Says::Count).filter(|hit| matches!(hit.count, Some((n, Some(of))) if n < of)).collect()
    }

    /// Where the sentence of the last affirmation starts that settles what was said before it.
    pub(super) fn settled_before(&self, settles: fn(&Rule) -> bool) -> usize {
        self.fresh
            .of(Says::Affirm)
            .filter(|hit| self.rules.rules.get(hit.rule).is_some_and(settles))
            .filter_map(|hit| self.fresh.sentences.get(hit.sentence))
            .map(|sentence| sentence.span.start)
            .max()
            .unwrap_or(0)
    }

    pub(super) fn soft(&self, hit: &Hit) -> bool {
        self.rules.rules.get(hit.rule).is_some_and(|rule| rule.soft)
    }

    /// One phrase that sounds like a no, a condition or a delay is as often an idiom about something else: of replies that
    /// nobody had tuned on, a third of such verdicts was wrong, and one in fifty of those with two signs. Alone it is enough when
    /// the mail says hardly anything else, or when the rule is a plain one.
    fn doubt_one_sign(&self, opinion: &mut Opinion, hits: &[&Hit]) {
        let is_plain = hits.iter().any(|hit| self.rules.rules.get(hit.rule).is_some_and(|rule| rule.plain));
        let places: BTreeSet<_> = hits.iter().map(|hit| (hit.span.start, hit.span.end)).collect();
        if places.len() < 2 && self.signs(hits).len() < 2 && !is_plain && self.says_much_else() {
            self.doubt_one_phrase(opinion);
        }
    }

    /// The rules of these hits. The packs of two languages may know the same words by rules of one name.
    fn signs(&self, hits: &[&Hit]) -> BTreeSet<&str> {
        let name = |hit: &&Hit| Some(self.rules.rules.get(hit.rule)?.id.split_once('/')?.1);
        hits.iter().filter_map(name).collect()
    }

    fn doubt_one_phrase(&self, opinion: &mut Opinion) {
        self.doubt(opinion, "one_sign", "one phrase alone says so, in a reply that says much else");
    }

    /// Whether there are more than a few sentences that are more than a name or a greeting.
    fn says_much_else(&self) -> bool {
        let of = |scan: &Scan| {
            let text = |span: &Range<usize>| scan.folded.text.get(span.clone()).unwrap_or_default();
            let words = |span: &Range<usize>| text(span).split_whitespace().count();
            scan.sentences.iter().filter(|s| words(&s.span) >= UNEXPLAINED_WORDS_MIN).count()
        };
        of(self.fresh) + of(self.unsure) > SHORT_SENTENCES_MAX
    }

    fn yes_after(&self, hits: &[&Hit]) -> bool {
        let last = hits.iter().map(|hit| hit.sentence).max().unwrap_or(0);
        self.fresh.of(Says::Affirm).any(|hit| hit.sentence > last)
    }

    fn opinion(&self, verdict: Verdict, hits: &[&Hit]) -> Opinion {
        // One sentence often fits several patterns of a rule: once is enough for the trail.
        let mut told = BTreeSet::new();
        let once = hits.iter().filter(|hit| told.insert((hit.rule, hit.sentence)));
        Opinion {
            verdict,
            sure: true,
            sentence: hits.first().map(|hit| hit.sentence),
            reasons: once.map(|hit| self.reason(hit, Source::Fresh)).collect(),
        }
    }

    fn doubt(&self, opinion: &mut Opinion, code: &str, text: &str) {
        opinion.sure = false;
        opinion.reasons.push(Reason::new(code, text));
    }

    pub(super) fn reason(&self, hit: &Hit, source: Source) -> Reason {
        let scan = match source {
            Source::Fresh => self.fresh,
            Source::Unsure => self.unsure,
            Source::Signature => self.signature,
        };
        let (code, why, id) = match self.rules.rules.get(hit.rule) {
            Some(rule) => (rule.code.as_str(), rule.why.as_str(), rule.id.as_str()),
            None => ("not_understood", "", ""),
        };
        let text = match hit.blocked {
            Some(blocker) => format!("{why}, stopped by {}", blocker.as_str().replace('_', " ")),
            None => why.to_owned(),
        };
        let code = if hit.blocked == Some(Says::OtherParty) { "other_party" } else { code };
        Reason::new(code, text).by(id, source, scan.folded.original(hit.span.clone()))
    }
}
