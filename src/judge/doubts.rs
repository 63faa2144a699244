//! What keeps a yes from being sure: words beside it that no rule explains, frames in which it is none, something else that it
//! may be a yes to.

use std::ops::Range;

use super::language::Says;
use super::scan::{Hit, overlap};
use super::weigh::{Heard, Opinion, UNEXPLAINED_WORDS_MIN};
use crate::model::{Form, Reason, Source};

/// Words of a clause that may be a name beside a bare yes ("Confirmed, Kim Sorel").
const NAME_WORDS_MAX: usize = 2;

/// "All three points".
const COUNT_WORDS_MAX: usize = 3;

impl Heard<'_> {
    /// A sure yes must have no word beside it that no rule explains.
    pub(super) fn stop_at_risks(&self, opinion: &mut Opinion, explicit: bool) {
        let settled = self.settled_before(|rule| rule.settles);
        let proven = self.settled_before(|rule| rule.whole);
        let risks = self
            .fresh
            .of(Says::Risk)
            .filter(|hit| !self.soft(hit) || hit.span.end > settled && !self.is_the_yes(hit));
        let concerns = self.open_points().into_iter().filter(|hit| !self.soft(hit) || hit.span.end > proven);
        let mut stops: Vec<Reason> =
            risks.chain(concerns).map(|hit| self.reason(hit, Source::Fresh)).collect();
        if !explicit {
            let asked = |hit: &Hit| self.fresh.sentences.get(hit.sentence).is_some_and(|s| s.asks);
            // "Yes. For Tuesday 3 pm": what stands with the yes or right behind it may be what it is about.
            let near = |hit: &Hit| {
                self.fresh
                    .of(Says::Bare)
                    .any(|yes| matches!(hit.sentence.checked_sub(yes.sentence), Some(0 | 1)))
            };
            let objects = self.fresh.of(Says::OtherObject).filter(|hit| !asked(hit) && near(hit));
            let other = objects.chain(self.fresh.of(Says::Hypothesis).filter(|hit| near(hit)));
            let beside = self.fresh.of(Says::Bare).filter(|hit| self.says_more(hit));
            let other = other.chain(beside);
            stops.extend(other.map(|hit| self.reason(hit, Source::Fresh)));
        }
        // "You passed. When the patch is in we will call it a success."
        let postpones = |hit: &Hit| self.fresh.of(Says::Affirm).all(|yes| yes.sentence < hit.sentence);
        let stopped = |hit: &&Hit| {
            let speaks = match hit.says {
                Says::Affirm | Says::Stipulate | Says::Decline | Says::Retract => true,
                Says::Accept => self.question.form == Form::Conditional,
                _ => false,
            };
            let blockers = [Says::Negation, Says::Hypothesis, Says::OtherParty, Says::Reported];
            speaks
                && hit.blocked.is_some_and(|b| blockers.contains(&b) || b == Says::Future && postpones(hit))
        };
        stops.extend(self.undone().map(|hit| self.reason(hit, Source::Fresh)));
        if self.answers.exceptions {
            stops.push(Reason::new("partial_criteria", "some of the criteria are excepted from the yes"));
        }
        // What was told as a question before the yes is answered by it; what others say beside it changes nothing.
        let answered = |hit: &&Hit| match hit.blocked {
            Some(Says::Hypothesis) => hit.span.end <= settled,
            Some(Says::Reported) => settled > 0 && hit.says == Says::Affirm || hit.span.end <= settled,
            _ => false,
        };
        let stopped = |hit: &&Hit| stopped(hit) && !answered(hit);
        stops.extend(self.fresh.hits.iter().filter(stopped).map(|hit| self.reason(hit, Source::Fresh)));
        stops.extend(self.unexplained_behind(explicit).map(|span| {
            let text = "nothing explains what is said of it right behind a yes that names nothing";
            let mut reason = Reason::new("not_understood", text);
            let span = self.fresh.folded.original(span);
            reason.span = Some([span.start, span.end]);
            reason
        }));
        if !stops.is_empty() {
            opinion.sure = false;
            opinion.reasons.extend(stops);
        }
    }

    /// Whether what nobody knows about a sentence is the yes itself: hardly a word of it stands outside the affirmation.
    fn is_the_yes(&self, risk: &Hit) -> bool {
        let text = |span: Range<usize>| self.fresh.folded.text.get(span).unwrap_or_default();
        let words = |span: Range<usize>| text(span).split_whitespace().count();
        self.fresh.of(Says::Affirm).any(|yes| {
            risk.span.start <= yes.span.start
                && yes.span.end <= risk.span.end
                && words(risk.span.start..yes.span.start) + words(yes.span.end..risk.span.end)
                    <= NAME_WORDS_MAX
        })
    }

    /// "I doubt that all criteria are met.", "All met. Just kidding.": frames around a yes. One without a yes in its own
    /// sentence is about the sentence before it, and about the next one behind a colon. One whose yes is stopped anyway
    /// makes any other doubtful.
    fn undone(&self) -> impl Iterator<Item = &Hit> {
        let said = |at: usize| {
            self.fresh.of(Says::Affirm).chain(self.fresh.of(Says::Bare)).any(move |yes| yes.sentence == at)
        };
        let colon = |at: usize| {
            let end = self.fresh.sentences.get(at).map_or(0, |sentence| sentence.span.end);
            self.fresh.folded.text.get(end..).is_some_and(|rest| rest.starts_with(':'))
        };
        let spelled_out = self.answers.all_pass && self.yeses().is_empty();
        self.fresh.of(Says::Undo).filter(move |undo| {
            let at = undo.sentence;
            let beside = || at.checked_sub(1).is_some_and(said) || colon(at) && said(at + 1);
            let stopped = || self.fresh.hits.iter().any(|hit| hit.sentence == at && hit.says == Says::Affirm);
            spelled_out || said(at) || beside() || stopped()
        })
    }

    /// "Confirmed. We gave it to the interns to play with.": the sentence right behind a yes that does not speak of the
    /// evaluation, when no rule knows it; behind words that are more than a yes, only when it is about us or the product.
    fn unexplained_behind(&self, explicit: bool) -> Option<Range<usize>> {
        let settles = |hit: &Hit| self.rules.rules.get(hit.rule).is_some_and(|rule| rule.settles);
        if self.fresh.of(Says::Affirm).any(settles) {
            return None;
        }
        let said = self.fresh.of(Says::Affirm).chain(self.fresh.of(Says::Bare));
        let behind =
            said.filter_map(|yes| Some((yes.sentence + 1, self.fresh.sentences.get(yes.sentence + 1)?)));
        let explains = |hit: &Hit| {
            use Says::{Accept, Affirm, Aside, Bare, Count, Pass};
            matches!(hit.says, Affirm | Bare | Accept | Aside | Pass | Count)
        };
        let mut unknown = behind.filter(|(at, sentence)| {
            let language = self.rules.language(sentence.readers.lead);
            let text = self.fresh.folded.text.get(sentence.span.clone()).unwrap_or_default();
            let mut words = text.split(|c: char| !c.is_alphanumeric());
            let words_min = if explicit { UNEXPLAINED_WORDS_MIN } else { NAME_WORDS_MAX + 1 };
            text.split_whitespace().count() >= words_min
                && !sentence.asks
                && (!explicit || words.any(|word| language.us.contains(word)))
                && !self.fresh.hits.iter().any(|hit| hit.sentence == *at && explains(hit))
                && !self.fresh.licensed.iter().any(|span| overlap(span, &sentence.span))
        });
        unknown.next().map(|(_, sentence)| sentence.span.clone())
    }

    /// Whether a bare yes stands in a sentence with words that are no yes and no thanks: "Approved - the badge, that is",
    /// "Yes, the quote is fine". That the words behind it are known and harmless does not tell what it is about.
    fn says_more(&self, bare: &Hit) -> bool {
        let Some(sentence) = self.fresh.sentences.get(bare.sentence) else { return true };
        let code = |hit: &Hit| self.rules.rules.get(hit.rule).map(|rule| rule.code.as_str());
        let known = |clause: &Range<usize>| {
            let words =
                self.fresh.folded.text.get(clause.clone()).unwrap_or_default().split_whitespace().count();
            let before = clause.end <= bare.span.start;
            let said = |hit: &&Hit| {
                let explains = match hit.says {
                    Says::Affirm | Says::Bare | Says::Accept | Says::Pass => true,
                    // "Confirmed, all three", but not "Yes, I remember all three".
                    Says::Count => words <= COUNT_WORDS_MAX,
                    Says::Aside if before => {
                        !matches!(code(hit), Some("reply_other_object" | "reply_logistics"))
                    }
                    Says::Aside => code(hit) == Some("reply_neutral"),
                    _ => false,
                };
                explains && hit.blocked.is_none() && overlap(&hit.span, clause)
            };
            words <= NAME_WORDS_MAX && (before || self.is_name(clause))
                || self.fresh.hits.iter().any(|hit| said(&hit))
                || before && self.fresh.licensed.iter().any(|span| overlap(span, clause))
        };
        !sentence.clauses.iter().all(known)
    }

    /// Whether no word of a clause starts with a small letter, in a text that has capitals.
    fn is_name(&self, clause: &Range<usize>) -> bool {
        let typed = &self.reading.fresh;
        let words = typed.get(self.fresh.folded.original(clause.clone())).unwrap_or_default();
        let small = words.split_whitespace().any(|word| word.starts_with(char::is_lowercase));
        !small || !typed.contains(char::is_uppercase)
    }
}
