//! One text read with all rules: what hit where, what was blanked out, what was blocked by what.

use std::collections::BTreeMap;
use std::ops::Range;

use super::index::{Candidate, Open, Woken};
use super::language::{Pack, Pattern, Reads, Rule, Says};
use super::rules::Rules;
use super::tongue::{self, Heard, Mask, Readers, bit};
use super::units::{self, Sentence};
use crate::text::{Folded, fold};

/// Hits of one text; more are no reply. It bounds the time that a text made of rule words can take.
const HITS_MAX: usize = 4_000;

/// Which text a rule reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// As typed.
    Harmless,
    /// Without what stands in quotation marks.
    Plain,
    /// The same, for packs too that add only their vetoes.
    Frames,
    /// Without what is harmless.
    Blanked,
}

fn pass_of(says: Says) -> Pass {
    match says {
        Says::Harmless => Pass::Harmless,
        Says::Undo => Pass::Frames,
        says if says.reads_blanked() => Pass::Blanked,
        _ => Pass::Plain,
    }
}

/// A place where a rule matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// Index of the rule.
    pub rule: usize,
    pub says: Says,
    /// In the folded text.
    pub span: Range<usize>,
    /// The stretch that the rule read.
    pub unit: Range<usize>,
    /// Index of the sentence.
    pub sentence: usize,
    /// What stopped it.
    pub blocked: Option<Says>,
    /// It names the seller or the product: other names beside it are no other vendor's.
    pub names_own: bool,
    /// For counts: `n` and `of`.
    pub count: Option<(u32, Option<u32>)>,
}

/// A text as read.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Whether its languages are known.
    pub known: bool,
    pub folded: Folded,
    pub sentences: Vec<Sentence>,
    pub hits: Vec<Hit>,
    /// Harmless rules that explained words.
    pub harmless: Vec<Hit>,
    /// What they explained, in the folded text.
    pub licensed: Vec<Range<usize>>,
}

impl Scan {
    /// Hits that say `says` and were not stopped.
    pub(super) fn of(&self, says: Says) -> impl Iterator<Item = &Hit> {
        self.hits.iter().filter(move |hit| hit.says == says && hit.blocked.is_none())
    }

    /// Whether there is such a hit.
    pub(super) fn has(&self, says: Says) -> bool {
        self.of(says).next().is_some()
    }
}

/// Who reads a text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Speech {
    /// This pack all of it.
    Only(usize),
    /// Each sentence the packs that know its words, and this one where they do not tell.
    Main(usize),
}

/// What rules may ask about the question.
pub(super) struct Context<'a> {
    /// Whether a name that a pattern captured as `party` is the seller's.
    pub own: &'a dyn Fn(&str) -> bool,
    /// Whether a folded word stands in the buyer's name.
    pub buyer: &'a dyn Fn(&str) -> bool,
    /// Whether a stretch names a declared criterion.
    pub about_criteria: &'a dyn Fn(&str) -> bool,
}

/// Reads `text`.
pub(super) fn scan(rules: &Rules, speech: Speech, text: &str, context: &Context<'_>) -> Scan {
    let folded = fold(text);
    let heard = match speech {
        Speech::Only(_) => Heard::default(),
        Speech::Main(_) => rules.lexicon.listen(&folded.text),
    };
    scan_heard(rules, speech, text, (folded, &heard), context)
}

/// Reads a text that was folded and listened to already.
pub(super) fn scan_heard(
    rules: &Rules,
    speech: Speech,
    text: &str,
    (folded, heard): (Folded, &Heard),
    context: &Context<'_>,
) -> Scan {
    let (Speech::Only(main) | Speech::Main(main)) = speech;
    let mut sentences = units::sentences(&folded.text, rules.language(main));
    for sentence in &mut sentences {
        sentence.readers = match speech {
            Speech::Only(pack) => Readers::only(pack),
            Speech::Main(_) => {
                let typed = text.get(folded.original(sentence.span.clone())).unwrap_or_default();
                rules.lexicon.readers(heard, &folded.text, &sentence.span, typed, main)
            }
        };
        if sentence.readers.lead != main {
            let language = rules.language(sentence.readers.lead);
            sentence.clauses = units::clauses(&folded.text, &sentence.span, language);
        }
    }
    let known = tongue::known(sentences.iter().map(|sentence| &sentence.readers));
    let (hits, harmless, licensed) =
        Reader { rules, main, sentences: &sentences, text, folded: &folded, context }.read();
    Scan { known, harmless, licensed, hits, sentences, folded }
}

/// Somebody's words in quotation marks are not the writer's yes: blanks quotes of two words and more.
fn blank_quotes(text: &mut [u8]) {
    let mut open = None;
    let mut spans = Vec::new();
    for (at, byte) in text.iter().enumerate() {
        match (byte, open) {
            (b'"', None) => open = Some(at),
            (b'"', Some(from)) => {
                spans.push(from + 1..at);
                open = None;
            }
            _ => {}
        }
    }
    for span in spans {
        if let Some(quote) = text.get_mut(span).filter(|quote| quote.contains(&b' ')) {
            quote.iter_mut().filter(|b| **b != b' ').for_each(|b| *b = b'_');
        }
    }
}

/// A text without what is harmless.
struct Blanked {
    all: Vec<u8>,
    /// By pack.
    own: BTreeMap<usize, Vec<u8>>,
}

fn blank(text: &mut [u8], span: &Range<usize>) {
    for byte in text.get_mut(span.clone()).into_iter().flatten().filter(|b| **b != b' ') {
        *byte = b'_';
    }
}

/// A pattern to try on a stretch of a sentence.
#[derive(Debug)]
struct Trial {
    candidate: Candidate,
    open: Open,
    pass: Pass,
    stretch: Range<usize>,
    sentence: usize,
}

pub(super) struct Reader<'a> {
    pub rules: &'a Rules,
    /// The pack that knows most of the text.
    pub main: usize,
    pub sentences: &'a [Sentence],
    pub text: &'a str,
    pub folded: &'a Folded,
    pub context: &'a Context<'a>,
}

impl Reader<'_> {
    /// All hits, the harmless ones, and what these explain.
    fn read(&self) -> (Vec<Hit>, Vec<Hit>, Vec<Range<usize>>) {
        let mut plain: Vec<u8> =
            self.folded.text.bytes().map(|b| if b == b'\n' { b' ' } else { b }).collect();
        let trials = self.trials(&plain);
        let harmless = self.pass(Pass::Harmless, &trials, &|_| &plain);
        let licensed: Vec<Range<usize>> = harmless.iter().map(|hit| self.covered(hit)).collect();
        let blanked = self.blanked(&plain, &harmless, &licensed);
        blank_quotes(&mut plain);
        let mut hits = self.pass(Pass::Plain, &trials, &|_| &plain);
        hits.extend(self.pass(Pass::Frames, &trials, &|_| &plain));
        hits.extend(
            self.pass(Pass::Blanked, &trials, &|pack| blanked.own.get(&pack).unwrap_or(&blanked.all)),
        );
        hits.extend(self.covered_vetoes(&trials, &plain, &harmless));
        hits.extend(self.cut_vetoes(&trials, &plain, &harmless, &licensed));
        self.block(&mut hits);
        hits.sort_by_key(|hit| (hit.span.start, hit.span.end, hit.rule));
        (hits, harmless, licensed)
    }

    /// The text without what harmless rules explain, for all packs and for some of them. A pack that leads
    /// neither the text nor the sentence explains it for itself only: what is harmless in its language may be a veto in the sentence's own.
    fn blanked(&self, plain: &[u8], harmless: &[Hit], licensed: &[Range<usize>]) -> Blanked {
        let explained = harmless.iter().zip(licensed).filter_map(|(hit, span)| {
            let pack = self.rules.rules.get(hit.rule)?.pack;
            let leads =
                pack == self.main || self.sentences.get(hit.sentence).is_some_and(|s| s.readers.lead == pack);
            Some((pack, leads, span))
        });
        let mut blanked = Blanked { all: plain.to_vec(), own: BTreeMap::new() };
        let (leading, others): (Vec<_>, Vec<_>) = explained.partition(|(_, leads, _)| *leads);
        leading.into_iter().for_each(|(_, _, span)| blank(&mut blanked.all, span));
        for (pack, _, span) in others {
            blank(blanked.own.entry(pack).or_insert_with(|| blanked.all.clone()), span);
        }
        blanked
    }

    /// Refusals and conditions in what a harmless rule covers beyond its own words: "the invoice comes once SSO works"
    /// is no talk about invoices. They decide nothing, but no yes beside them is sure.
    fn covered_vetoes(&self, trials: &[Trial], plain: &[u8], harmless: &[Hit]) -> Vec<Hit> {
        let wide = |hit: &&Hit| self.rules.rules.get(hit.rule).is_some_and(|rule| rule.covers.is_some());
        let wide: Vec<(Range<usize>, &Range<usize>)> =
            harmless.iter().filter(wide).map(|hit| (self.covered(hit), &hit.span)).collect();
        if wide.is_empty() {
            return Vec::new();
        }
        let mut hits = self.pass(Pass::Blanked, trials, &|_| plain);
        hits.retain(|hit| {
            matches!(hit.says, Says::Retract | Says::Decline | Says::Stipulate)
                && wide.iter().any(|(covered, own)| overlap(covered, &hit.span) && !overlap(own, &hit.span))
        });
        hits.iter_mut().for_each(|hit| hit.says = Says::Risk);
        hits
    }

    /// What a harmless rule explains may be a part of a longer veto: "they want [nothing more] to do with it". A rule
    /// that says so is tried on the plain text too, and its veto stands unless the words of a harmless rule are all of it.
    fn cut_vetoes(
        &self,
        trials: &[Trial],
        plain: &[u8],
        harmless: &[Hit],
        licensed: &[Range<usize>],
    ) -> Vec<Hit> {
        let mut hits = Vec::new();
        for trial in trials.iter().filter(|trial| trial.pass == Pass::Blanked && !harmless.is_empty()) {
            let rule = self.rules.rules.get(trial.candidate.rule);
            if let Some(rule) = rule.filter(|rule| rule.despite.contains(&Says::Harmless)) {
                self.attempt(rule, trial, plain, &mut hits);
            }
        }
        let within = |out: &Hit, hit: &Hit| out.span.start <= hit.span.start && hit.span.end <= out.span.end;
        hits.retain(|hit| {
            licensed.iter().any(|span| overlap(span, &hit.span))
                && !harmless.iter().any(|known| within(known, hit))
        });
        hits
    }

    /// The patterns that are worth trying. Blanking takes words away and adds none, so one look at the plain text is
    /// enough for all passes.
    fn trials(&self, plain: &[u8]) -> Vec<Trial> {
        let mut trials = Vec::new();
        let reading = self.sentences.iter().fold(0, |m, s| m | s.readers.full | s.readers.veto);
        let mut spaces = Vec::with_capacity(plain.len());
        let mut count = 0;
        for byte in plain {
            spaces.push(count);
            count += u32::from(*byte == b' ');
        }
        let mut woken = Vec::new();
        for pack in (0..self.rules.packs.len()).filter(|pack| reading & bit(*pack) != 0) {
            let Some(index) = self.rules.index(pack) else { continue };
            let mut found = index.find(plain, &spaces);
            for (i, sentence) in self.sentences.iter().enumerate() {
                if reads(pack, &sentence.readers, Pass::Blanked) {
                    found.in_sentence(&sentence.span, &sentence.clauses, &mut woken);
                    self.add(&woken, &sentence.span, i, &mut trials);
                }
            }
            found.in_text(&mut woken);
            self.add(&woken, &(0..plain.len()), 0, &mut trials);
        }
        trials
    }

    fn add(&self, woken: &[Woken], stretch: &Range<usize>, sentence: usize, out: &mut Vec<Trial>) {
        let clauses = self.sentences.get(sentence).map_or(&[][..], |s| &s.clauses);
        for woken in woken {
            let Some(rule) = self.rules.rules.get(woken.candidate.rule) else { continue };
            let clause = woken.stretch.checked_sub(1).and_then(|clause| clauses.get(clause));
            let stretch = clause.unwrap_or(stretch).clone();
            let Woken { candidate, open, .. } = *woken;
            out.push(Trial { candidate, open, pass: pass_of(rule.says), stretch, sentence });
        }
    }

    /// Tries the patterns of a pass on the text that each pack reads.
    fn pass<'t>(&self, pass: Pass, trials: &[Trial], text: &dyn Fn(usize) -> &'t [u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        for trial in trials.iter().filter(|trial| trial.pass == pass) {
            let Some(rule) = self.rules.rules.get(trial.candidate.rule) else { continue };
            let here = self.sentences.get(trial.sentence);
            if rule.reads != Reads::Text && !here.is_some_and(|s| reads(rule.pack, &s.readers, pass)) {
                continue;
            }
            if hits.len() < HITS_MAX {
                self.attempt(rule, trial, text(rule.pack), &mut hits);
            }
        }
        hits
    }

    fn attempt(&self, rule: &Rule, trial: &Trial, text: &[u8], hits: &mut Vec<Hit>) {
        let Some(pack) = self.rules.packs.get(rule.pack) else { return };
        let Some(pattern) = rule.matches.get(trial.candidate.pattern) else { return };
        let Some(regex) = pattern.regex(pack, rule.reads) else { return };
        let Some(piece) = text.get(trial.stretch.clone()) else { return };
        let at = trial.stretch.start;
        let spans: Vec<Range<usize>> =
            regex.find_iter(piece).map(|found| at + found.start()..at + found.end()).collect();
        if spans.is_empty() || !self.holds(rule, pack, trial, text) {
            return;
        }
        for span in spans {
            let sentence = match rule.reads {
                Reads::Text => self.sentence_at(span.start),
                _ => trial.sentence,
            };
            let here = self.sentences.get(sentence);
            if rule.reads == Reads::Text
                && !here.is_some_and(|s| reads(rule.pack, &s.readers, pass_of(rule.says)))
            {
                continue;
            }
            let mut hit = Hit {
                rule: trial.candidate.rule,
                says: rule.says,
                span,
                unit: trial.stretch.clone(),
                sentence,
                blocked: None,
                names_own: false,
                count: None,
            };
            if !pattern.captures() || self.take_groups(rule, pack, pattern, text, &mut hit) {
                hits.push(hit);
            }
        }
    }

    /// Whether what must stand near the match does, and what must not does not.
    fn holds(&self, rule: &Rule, pack: &Pack, trial: &Trial, text: &[u8]) -> bool {
        let near = match rule.near {
            near if near == rule.reads => trial.stretch.clone(),
            Reads::Text => 0..text.len(),
            _ => self.sentences.get(trial.sentence).map_or(trial.stretch.clone(), |s| s.span.clone()),
        };
        let near = text.get(near).unwrap_or_default();
        let said = || self.folded.text.get(trial.stretch.clone()).unwrap_or_default();
        rule.unless.matches(pack, rule.near, near, trial.open.unless) != Some(true)
            && rule.when.matches(pack, rule.near, near, trial.open.when) != Some(false)
            && (!rule.about_criteria || (self.context.about_criteria)(said()))
    }

    /// Reads the groups `party`, `n` and `of`; false when the hit is none for them.
    fn take_groups(&self, rule: &Rule, pack: &Pack, pattern: &Pattern, text: &[u8], hit: &mut Hit) -> bool {
        let Some(regex) = pattern.regex(pack, rule.reads) else { return false };
        let Some(piece) = text.get(hit.unit.clone()) else { return false };
        let Some(found) = regex.captures_at(piece, hit.span.start - hit.unit.start) else { return false };
        if let Some(party) = found.name("party") {
            let at = hit.unit.start + party.start()..hit.unit.start + party.end();
            match (rule.says, self.is_own(at, &pack.language)) {
                (Says::OtherParty, true) => return false,
                (Says::OtherParty, false) => {}
                (_, true) => hit.names_own = true,
                (_, false) => hit.blocked = Some(Says::OtherParty),
            }
        }
        let number = |name: &str| {
            let word = std::str::from_utf8(found.name(name)?.as_bytes()).ok()?;
            word.parse().ok().or_else(|| pack.language.number(word))
        };
        hit.count = number("n").map(|n| (n, number("of")));
        true
    }

    fn sentence_at(&self, at: usize) -> usize {
        self.sentences.partition_point(|s| s.span.start <= at).saturating_sub(1)
    }

    /// What a harmless hit explains.
    fn covered(&self, hit: &Hit) -> Range<usize> {
        let covers = self.rules.rules.get(hit.rule).and_then(|rule| rule.covers);
        let sentence = self.sentences.get(hit.sentence);
        match (covers, sentence) {
            (None, _) | (_, None) => hit.span.clone(),
            (Some(Reads::Text), _) => 0..hit.span.end,
            (Some(Reads::Sentence), Some(sentence)) => sentence.span.clone(),
            (Some(Reads::Clause), Some(sentence)) => {
                let touched: Vec<_> = sentence.clauses.iter().filter(|c| overlap(c, &hit.span)).collect();
                let start = touched.iter().map(|c| c.start).min().unwrap_or(hit.span.start);
                let end = touched.iter().map(|c| c.end).max().unwrap_or(hit.span.end);
                start.min(hit.span.start)..end.max(hit.span.end)
            }
        }
    }

    fn block(&self, hits: &mut [Hit]) {
        let blockers = hits.iter().filter(|hit| hit.says.blocks()).map(|hit| (hit.says, hit.unit.clone()));
        let asked = self.sentences.iter().filter(|s| s.asks).map(|s| (Says::Question, self.asked(s)));
        let reaches = Reaches::new(blockers.chain(asked));
        for hit in hits.iter_mut().filter(|hit| hit.blocked.is_none()) {
            let affirms = hit.says == Says::Affirm && !hit.names_own;
            if hit.says.affirms() && self.is_fronted(hit) || affirms && self.names_a_stranger(hit) {
                hit.blocked = Some(Says::OtherParty);
                continue;
            }
            let despite = self.rules.rules.get(hit.rule).map(|rule| &rule.despite);
            hit.blocked = hit.says.stopped_by().iter().copied().find(|blocker| {
                !despite.is_some_and(|d| d.contains(blocker)) && reaches.touch(*blocker, &hit.span)
            });
        }
    }

    /// How far a question mark reaches back: to the clause that starts like a question, else to the start.
    fn asked(&self, sentence: &Sentence) -> Range<usize> {
        let language = self.rules.language(sentence.readers.lead);
        let starts = |clause: &&Range<usize>| {
            let words = self.folded.text.get((*clause).clone()).unwrap_or_default();
            words.split([' ', '\n']).next().is_some_and(|word| language.asks.contains(word))
        };
        let from = sentence.clauses.iter().find(starts).map_or(sentence.span.start, |clause| clause.start);
        from..sentence.span.end
    }
}

/// How far blockers reach: for each the starts in order, each with the furthest end so far.
struct Reaches(BTreeMap<Says, Vec<(usize, usize)>>);

impl Reaches {
    fn new(reaches: impl Iterator<Item = (Says, Range<usize>)>) -> Self {
        let mut by_blocker: BTreeMap<Says, Vec<(usize, usize)>> = BTreeMap::new();
        for (says, reach) in reaches {
            by_blocker.entry(says).or_default().push((reach.start, reach.end));
        }
        for reaches in by_blocker.values_mut() {
            reaches.sort_unstable();
            let mut furthest = 0;
            for (_, end) in reaches {
                furthest = furthest.max(*end);
                *end = furthest;
            }
        }
        Self(by_blocker)
    }

    /// Whether one of them shares a byte with the span.
    fn touch(&self, blocker: Says, span: &Range<usize>) -> bool {
        let Some(reaches) = self.0.get(&blocker) else { return false };
        let before = reaches.partition_point(|(start, _)| *start < span.end);
        before.checked_sub(1).and_then(|last| reaches.get(last)).is_some_and(|(_, end)| *end > span.start)
    }
}

/// Whether a pack reads a sentence in this pass. A pack that adds only its vetoes says no yes.
fn reads(pack: usize, readers: &Readers, pass: Pass) -> bool {
    let mask: Mask = if pass == Pass::Plain { readers.full } else { readers.full | readers.veto };
    mask & bit(pack) != 0
}

/// Whether two spans share a byte.
pub(super) fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}
