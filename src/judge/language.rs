//! The rule language's nouns: what a rule may say, how far it reads, what it stops.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::OnceLock;

use regex::bytes::Regex;

use super::spell;
use crate::model::{Form, Verdict};

/// What a rule says about the words that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Says {
    /// Takes back an earlier confirmation.
    Retract,
    /// Says no.
    Decline,
    /// Ties the yes to something.
    Stipulate,
    /// Cannot confirm; a failure named beside it makes it a no.
    Withhold,
    /// Puts the verdict off.
    Defer,
    /// Names something that failed or is open.
    Concern,
    /// Says yes to the criteria, the evaluation or the recommendation.
    Affirm,
    /// A yes that gets its meaning from the question ("Yes.").
    Bare,
    /// Agrees to a proposal.
    Accept,
    /// Something that is no verdict: thanks, praise, logistics.
    Aside,
    /// How many criteria: groups `n` and `of`.
    Count,
    /// What is said of one criterion.
    Pass,
    /// What is said of one criterion.
    Partial,
    /// What is said of one criterion.
    Fail,
    /// What is said of one criterion.
    Unproven,
    /// Words that look like a veto and are none.
    Harmless,
    /// A word that stops a sure yes as long as no rule explains it.
    Risk,
    /// A word that speaks of the verdict: text with it is never a sure aside.
    Cue,
    /// A frame that takes a yes in it or right before it back: denied, wished for, put off, told by others, a joke.
    Undo,
    /// Blocker: negated.
    Negation,
    /// Blocker: only supposed, wished or asked for.
    Hypothesis,
    /// Blocker: a question.
    Question,
    /// Blocker: will be, is not.
    Future,
    /// Blocker: somebody else's words.
    Reported,
    /// Blocker: about another vendor.
    OtherParty,
    /// Blocker: about a meeting, a receipt, another project.
    OtherObject,
}

impl Says {
    /// Every word that `says` may have.
    pub(super) const ALL: &[(&str, Self)] = &[
        ("retract", Self::Retract),
        ("decline", Self::Decline),
        ("stipulate", Self::Stipulate),
        ("withhold", Self::Withhold),
        ("defer", Self::Defer),
        ("concern", Self::Concern),
        ("affirm", Self::Affirm),
        ("bare", Self::Bare),
        ("accept", Self::Accept),
        ("aside", Self::Aside),
        ("count", Self::Count),
        ("pass", Self::Pass),
        ("partial", Self::Partial),
        ("fail", Self::Fail),
        ("unproven", Self::Unproven),
        ("harmless", Self::Harmless),
        ("risk", Self::Risk),
        ("cue", Self::Cue),
        ("undo", Self::Undo),
        ("negation", Self::Negation),
        ("hypothesis", Self::Hypothesis),
        ("question", Self::Question),
        ("future", Self::Future),
        ("reported", Self::Reported),
        ("other_party", Self::OtherParty),
        ("other_object", Self::OtherObject),
    ];

    /// Its word in rule files.
    pub(super) fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, says)| *says == self).map_or("", |(word, _)| word)
    }

    /// Whether hits stop other hits instead of saying something themselves.
    pub(super) fn blocks(self) -> bool {
        self >= Self::Negation
    }

    /// Whether it says yes.
    pub(super) fn affirms(self) -> bool {
        matches!(self, Self::Affirm | Self::Bare | Self::Accept)
    }

    /// Whether it reads the text with everything harmless blanked out. What says yes reads the plain text;
    /// what could stop a yes must not stumble over "no open points".
    pub(super) fn reads_blanked(self) -> bool {
        // Whose talk it is counts even where the talk itself is harmless: "the invoice has been approved".
        self.blocks() && self != Self::OtherObject
            || matches!(
                self,
                Self::Retract
                    | Self::Decline
                    | Self::Stipulate
                    | Self::Withhold
                    | Self::Defer
                    | Self::Concern
                    | Self::Partial
                    | Self::Fail
                    | Self::Unproven
                    | Self::Risk
                    | Self::Cue
            )
    }

    /// Which blockers stop a hit that says this, unless the rule lists them under `despite`.
    pub(super) fn stopped_by(self) -> &'static [Self] {
        use Says::{Future, Hypothesis, Negation, OtherObject, OtherParty, Question, Reported};
        match self {
            Self::Affirm | Self::Bare | Self::Accept | Self::Pass => {
                &[Negation, Hypothesis, Question, Future, Reported, OtherParty, OtherObject]
            }
            Self::Decline | Self::Retract | Self::Stipulate | Self::Fail | Self::Concern => {
                &[Question, OtherParty]
            }
            Self::Withhold | Self::Defer => &[Question],
            _ => &[],
        }
    }

    /// The reason code when the rule names none.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Retract => "retracted",
            Self::Decline => "declined",
            Self::Stipulate => "conditional_open",
            Self::Withhold | Self::Defer => "deferred",
            Self::Concern => "concern",
            Self::Affirm | Self::Bare | Self::Accept => "affirmed",
            Self::Aside => "reply_neutral",
            Self::Count => "partial_criteria",
            Self::Pass | Self::Partial | Self::Fail | Self::Unproven => "criterion",
            Self::Harmless => "harmless",
            Self::Risk | Self::Cue => "not_understood",
            Self::Undo => "yes_undone",
            _ => "blocked",
        }
    }
}

/// The stretch of text that a pattern must fit into; for a blocker also how far it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reads {
    /// Between commas and conjunctions.
    Clause,
    /// Between full stops.
    Sentence,
    /// The whole text.
    Text,
}

impl Reads {
    /// Every word that `reads` and `covers` may have besides `match`.
    pub(super) const ALL: &[(&str, Self)] =
        &[("clause", Self::Clause), ("sentence", Self::Sentence), ("text", Self::Text)];
}

/// A rule.
#[derive(Debug)]
pub(super) struct Rule {
    /// `en/affirm.recommend`.
    pub id: String,
    pub path: String,
    /// Index of the pack.
    pub pack: usize,
    pub says: Says,
    pub reads: Reads,
    /// Patterns, any of which makes a hit.
    pub matches: Vec<Pattern>,
    /// Patterns near the match that undo the hit.
    pub unless: AnyPattern,
    /// Patterns of which one must match near the match.
    pub when: AnyPattern,
    /// How far `unless` and `when` see.
    pub near: Reads,
    /// The stretch must name a declared criterion.
    pub about_criteria: bool,
    /// Blockers that do not stop it.
    pub despite: BTreeSet<Says>,
    /// Affirmation: speaks of every criterion, so that soft failures and risks said before it are settled.
    pub whole: bool,
    /// Affirmation: speaks of the whole evaluation, so that soft risks said before it are settled.
    pub settles: bool,
    /// Risk or failure: settled by an affirmation that follows.
    pub soft: bool,
    /// Veto: says its verdict in plain words, so that one hit is enough for a sure one.
    pub plain: bool,
    /// Harmless: what is blanked out; `None` blanks the match alone.
    pub covers: Option<Reads>,
    pub code: String,
    /// A plain sentence for the trail.
    pub why: String,
    pub hits: Vec<Example>,
    pub misses: Vec<Example>,
}

/// A pattern as written, folded; compiled at its first use: most patterns never have one in a daemon's life, and
/// an idle daemon need not hold them compiled.
#[derive(Debug)]
pub(super) struct Pattern {
    text: String,
    pub line: usize,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern that is not compiled yet.
    pub(super) fn new(text: String, line: usize) -> Self {
        Self { text, line, compiled: OnceLock::new() }
    }

    /// As written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it names groups.
    pub(super) fn captures(&self) -> bool {
        self.text.contains("(?<") || self.text.contains("(?P<")
    }

    /// Compiled; `None` for a pattern that [`super::compile::check`] would have refused.
    pub(super) fn regex(&self, pack: &Pack, reads: Reads) -> Option<&Regex> {
        self.compiled.get_or_init(|| spell::compile(pack, reads, &self.text).ok()).as_ref()
    }
}

/// Patterns of which any may match.
#[derive(Debug)]
pub(super) struct AnyPattern(Vec<Pattern>);

impl AnyPattern {
    /// Patterns that are not compiled yet.
    pub(super) fn new(patterns: Vec<Pattern>) -> Self {
        Self(patterns)
    }

    /// Each of them.
    pub(super) fn patterns(&self) -> &[Pattern] {
        &self.0
    }

    /// Whether one of them matches somewhere in `piece`; `None` when there is none. Only those are tried whose bit in `open`
    /// is set; the last bit stands for all the rest.
    pub(super) fn matches(&self, pack: &Pack, reads: Reads, piece: &[u8], open: u64) -> Option<bool> {
        if self.0.is_empty() {
            return None;
        }
        let is_open = |number: u32| open & 1 << number.min(u64::BITS - 1) != 0;
        let mut tried = (0..).zip(&self.0).filter(|(number, _)| is_open(*number));
        Some(tried.any(|(_, pattern)| pattern.regex(pack, reads).is_some_and(|regex| regex.is_match(piece))))
    }
}

/// A text that a rule must (not) hit.
#[derive(Debug, Clone)]
pub(super) struct Example {
    pub text: String,
    pub line: usize,
}

/// A whole reply with its verdict.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub path: String,
    pub line: usize,
    pub text: String,
    pub form: Form,
    /// Texts of the declared criteria.
    pub criteria: Vec<String>,
    /// What must come out, or with `never` what must not come out surely.
    pub verdict: Verdict,
    pub never: bool,
    pub sure: bool,
    pub names: Vec<String>,
    pub account: Option<String>,
}

/// The bytes with which some words start: most words need not be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Initials([bool; 256]);

impl Initials {
    /// Whether `word` may be one of the words.
    pub(super) fn may_start(&self, word: &str) -> bool {
        word.as_bytes().first().is_some_and(|byte| self.0.get(usize::from(*byte)) == Some(&true))
    }
}

impl Default for Initials {
    fn default() -> Self {
        Self([false; 256])
    }
}

impl<'w> FromIterator<&'w String> for Initials {
    fn from_iter<I: IntoIterator<Item = &'w String>>(words: I) -> Self {
        let mut initials = Self::default();
        for byte in words.into_iter().filter_map(|word| word.as_bytes().first()) {
            initials.0.get_mut(usize::from(*byte)).into_iter().for_each(|known| *known = true);
        }
        initials
    }
}

/// What the engine must know about a language.
#[derive(Debug, Clone)]
pub(super) struct Language {
    /// Whether spaces stand between words; without them patterns match anywhere and gaps count characters.
    pub words: bool,
    /// Whether a capitalised word may be a name. In German every noun has a capital.
    pub capitals: bool,
    /// Scripts besides Latin that the language is written in.
    pub script: Vec<String>,
    /// Words that start a new clause.
    pub splits: Vec<String>,
    /// Words whose full stop ends no sentence.
    pub abbreviations: BTreeSet<String>,
    /// Frequent small words: a text with few of them is in another language.
    pub common: HashSet<String>,
    /// Words that start a question.
    pub asks: BTreeSet<String>,
    /// Words that make a question of the sentence that they end, whatever mark follows.
    pub asks_last: Vec<String>,
    /// Words before a topic at the start of a sentence: "about", "as for".
    pub fronts: Vec<String>,
    /// Frames with `{}` for a yes, in which it is none: "I doubt that {}".
    pub undone: Vec<String>,
    /// What "we recommend …" may name besides the seller: `you`, `the product`.
    pub generic: HashSet<String>,
    /// Words behind which a place or a party stands: `in`, `for`.
    pub places: BTreeSet<String>,
    /// Words behind which somebody stands who is told: `to` in "we recommend it to Ana".
    pub recipients: BTreeSet<String>,
    /// Words that carry no meaning when a criterion's text is compared.
    pub idle: HashSet<String>,
    /// Words before a criterion's number.
    pub criterion: HashSet<String>,
    /// Number words.
    pub numbers: BTreeMap<String, u32>,
    /// Words for a place in the list: `first`.
    pub ordinals: BTreeMap<String, u32>,
    /// `first` in "the first four".
    pub leading: BTreeSet<String>,
    /// `of` in "4 of 5": such a number counts and names no criterion.
    pub of: BTreeSet<String>,
    /// `last` in "the last two".
    pub last: BTreeSet<String>,
    /// `to` in "1 to 3".
    pub to: BTreeSet<String>,
    /// "everything *except* 3".
    pub except: BTreeSet<String>,
    /// "*the rest* passed".
    pub rest: BTreeSet<String>,
    /// Words for those who evaluate and for what is evaluated: `we`, `it`.
    pub us: BTreeSet<String>,
    /// Endings that a word may have or not: `exports`, `export`.
    pub endings: Vec<String>,
    /// `all` in "all 5".
    pub all: BTreeSet<String>,
    /// `one` in "the third one".
    pub ones: BTreeSet<String>,
    /// Words before or behind a figure that bound it from above and from below.
    pub at_most: Vec<String>,
    pub at_least: Vec<String>,
    /// Words of a criterion that tell the better side of its figure: `saved`, `uptime`; `errors`, `latency`.
    pub more_is_better: BTreeSet<String>,
    pub less_is_better: BTreeSet<String>,
    /// Words by which less becomes the gain: `reduced`; and before the figure that is left then: `to`.
    pub reduces: BTreeSet<String>,
    pub down_to: BTreeSet<String>,
    /// Words of units with the unit's short name.
    pub units: BTreeMap<String, String>,
    /// What stands before the decimals, `.` or `,`; without it both are tried.
    pub decimal: Option<char>,
    /// Words that may take part in naming criteria by number: where none stands, no number need be looked for.
    pub counting: HashSet<String>,
    /// How these words start.
    pub counts: Initials,
    /// All words of the word lists: a capitalised word that is none of them may be a name.
    pub vocabulary: HashSet<String>,
}

impl Language {
    /// Collects the words that naming by number needs.
    pub(super) fn collect_counting(&mut self) {
        let named = self.criterion.iter().chain(&self.leading).chain(&self.last).chain(self.ordinals.keys());
        self.counting = named.cloned().collect();
        self.counts = self.counting.iter().collect();
    }

    /// Number words and ordinals.
    pub(super) fn number(&self, word: &str) -> Option<u32> {
        self.numbers.get(word).or_else(|| self.ordinals.get(word)).copied()
    }
}

impl Default for Language {
    fn default() -> Self {
        Self {
            words: true,
            capitals: true,
            script: Vec::new(),
            splits: Vec::new(),
            abbreviations: BTreeSet::new(),
            common: HashSet::new(),
            asks: BTreeSet::new(),
            asks_last: Vec::new(),
            fronts: Vec::new(),
            undone: Vec::new(),
            generic: HashSet::new(),
            places: BTreeSet::new(),
            recipients: BTreeSet::new(),
            idle: HashSet::new(),
            criterion: HashSet::new(),
            numbers: BTreeMap::new(),
            ordinals: BTreeMap::new(),
            leading: BTreeSet::new(),
            of: BTreeSet::new(),
            all: BTreeSet::new(),
            last: BTreeSet::new(),
            to: BTreeSet::new(),
            except: BTreeSet::new(),
            rest: BTreeSet::new(),
            us: BTreeSet::new(),
            endings: Vec::new(),
            ones: BTreeSet::new(),
            at_most: Vec::new(),
            at_least: Vec::new(),
            more_is_better: BTreeSet::new(),
            less_is_better: BTreeSet::new(),
            reduces: BTreeSet::new(),
            down_to: BTreeSet::new(),
            units: BTreeMap::new(),
            decimal: None,
            counting: HashSet::new(),
            counts: Initials::default(),
            vocabulary: HashSet::new(),
        }
    }
}

/// The rules of one language.
#[derive(Debug, Default)]
pub(super) struct Pack {
    /// `en`.
    pub tag: String,
    pub language: Language,
    /// Word lists, folded.
    pub lists: BTreeMap<String, Vec<String>>,
    /// Indices of its rules.
    pub rules: Vec<usize>,
}
