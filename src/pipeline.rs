//! The whole flow as pure functions: what a message needs to be considered, and the considering.

mod carried;
mod doubts;
mod elsewhere;
mod evidence;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub use carried::{carrier, unfold_all, witness_all};
use doubts::add_doubts;

use crate::decide::decide;
use crate::judge::{self, Question, Rules, judge};
use crate::model::{
    Address, Asked, Authorship, Binding, Claim, CriteriaSeen, Declaration, Form, Judgement, Kind, Lint,
    Message, MessageId, OpportunityId, Outcome, Policy, Reading, Reason, Recognition, Seller, Verdict,
    Witnessed,
};
use crate::read::{body_text, read};
use crate::recognise::{self, Declared, Thread, recognise};
use crate::verify::{Case, account_of, authenticate_declaration, key_names, verify};

/// Most relatives that are looked at for one message: threads of evaluations have tens of mails.
pub const RELATIVES_MAX: usize = 64;

/// What must be known from outside before a message can be considered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Messages that it says it answers.
    pub parents: Vec<MessageId>,
    /// DKIM key records.
    pub keys: Vec<String>,
}

/// What `message` needs.
pub fn needs(message: &Message) -> Needs {
    Needs { parents: message.parents().into_iter().cloned().collect(), keys: key_names(message) }
}

/// A message on record with what every answer to it needs, worked out once.
#[derive(Debug, Clone)]
pub struct Known {
    /// The message and its signatures.
    pub witnessed: Witnessed,
    /// The declaration that it is, if one of the seller's people wrote one.
    pub declaration: Option<Declaration>,
    /// Opportunity ids that it carries itself.
    pub opportunities: BTreeSet<OpportunityId>,
    /// What keeps a yes to the declaration from being sure.
    doubts: Vec<Reason>,
    /// Its body as its reader saw it: what an answer may quote.
    text: String,
    /// Prompts whose tokens it is addressed to.
    tokens: Vec<MessageId>,
    /// What it asked, when it is a letter of ours. Only the record knows that.
    pub asked: Option<Asked>,
}

impl Known {
    /// Works it out.
    pub fn new(witnessed: Witnessed, seller: &Seller) -> Self {
        let message = &witnessed.message;
        // Reading is the dear part, and only the seller's people declare.
        let reading = by_seller(message, seller).then(|| read(message, &[]));
        let fresh = reading.as_ref().map_or("", |r| r.fresh.as_str());
        let declared = reading.as_ref().and_then(|r| Some((r, recognise::declaration(message, r, seller)?)));
        Self {
            doubts: declared
                .as_ref()
                .map(|(reading, d)| recognise::doubts(message, reading, d, seller))
                .unwrap_or_default(),
            declaration: declared.map(|(_, declaration)| declaration),
            opportunities: recognise::opportunities(message, fresh, seller),
            text: body_text(message),
            tokens: recognise::prompts_addressed(message, seller),
            asked: None,
            witnessed,
        }
    }

    fn message(&self) -> &Message {
        &self.witnessed.message
    }

    /// Whether it is a letter of ours that restates the criteria of a declaration as they stand.
    fn restates(&self, declared: &Message, declaration: &Declaration) -> bool {
        self.asked.as_ref().is_some_and(|asked| {
            declared.message_id.as_ref() == Some(&asked.declaration)
                && asked.criteria == declaration.criteria_digest()
        })
    }
}

fn by_seller(message: &Message, seller: &Seller) -> bool {
    message.author().is_some_and(|author| author.address.is_at(&seller.domains))
}

/// Where known messages are found: the store, or the mails of a dry run.
pub trait Library {
    /// All copies under a Message-ID, in a fixed order.
    fn copies(&self, id: &MessageId) -> Vec<Arc<Known>>;
    /// Messages that say that they answer this one, in a fixed order.
    fn answers(&self, id: &MessageId) -> Vec<Arc<Known>>;
    /// Messages that carry an opportunity's id, in a fixed order.
    fn of_opportunity(&self, id: &OpportunityId) -> Vec<Arc<Known>>;
}

/// The known messages that bear on one message.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What it answers, nearest first, with ancestors.
    pub ancestors: Vec<Arc<Known>>,
    /// Other copies under its own Message-ID.
    pub copies: Vec<Arc<Known>>,
    /// Attached copies of ancestors that were also delivered: what was delivered is what is answered.
    pub claimed: Vec<Arc<Known>>,
    /// Mail that carries the same opportunity id.
    pub siblings: Vec<Arc<Known>>,
    /// Other mail that answers one of its ancestors.
    pub beside: Vec<Arc<Known>>,
}

/// Collects the facts about `subject` from `library`.
pub fn gather(subject: &Known, library: &dyn Library) -> Facts {
    let message = subject.message();
    let mut known = BTreeSet::from([message.digest]);
    let mut facts = Facts::default();
    if let Some(id) = &message.message_id {
        facts.copies = library.copies(id).into_iter().filter(|k| known.insert(k.message().digest)).collect();
    }
    let mut queue: VecDeque<MessageId> =
        message.parents().into_iter().chain(&subject.tokens).cloned().collect();
    let mut asked = BTreeSet::new();
    while let Some(id) = queue.pop_front() {
        if facts.ancestors.len() >= RELATIVES_MAX || !asked.insert(id.clone()) {
            continue;
        }
        let found = library.copies(&id);
        let delivered = found.iter().any(|k| !k.witnessed.is_attached());
        for found in found {
            if !known.insert(found.message().digest) {
                continue;
            }
            if delivered && found.witnessed.is_attached() {
                facts.claimed.push(found);
            } else {
                queue.extend(found.message().parents().into_iter().cloned());
                facts.ancestors.push(found);
            }
        }
    }
    for id in facts.ancestors.iter().filter_map(|k| k.message().message_id.clone()).collect::<Vec<_>>() {
        let room = RELATIVES_MAX.saturating_sub(facts.beside.len());
        let new = library.answers(&id).into_iter().filter(|k| !known.contains(&k.message().digest));
        facts.beside.extend(new.take(room));
    }
    for id in &subject.opportunities {
        let room = RELATIVES_MAX.saturating_sub(facts.siblings.len());
        let new = library.of_opportunity(id).into_iter().filter(|k| known.insert(k.message().digest));
        facts.siblings.extend(new.take(room));
    }
    facts
}

/// A message as read, and what it is.
struct Seen<'a> {
    reading: Reading,
    /// What its author put into the subject.
    own_words: String,
    recognition: Recognition,
    /// The declaration that it answers, with the mail that made it.
    answered: Option<(&'a Witnessed, &'a Declaration)>,
}

fn see<'a>(subject: &Known, facts: &'a Facts, policy: &Policy) -> Seen<'a> {
    let message = subject.message();
    // The seller's mail is read the same way here as when an answer to it is considered: without the thread.
    let quotable = if by_seller(message, &policy.seller) { &[] } else { facts.ancestors.as_slice() };
    let originals: Vec<&str> = quotable.iter().map(|k| k.text.as_str()).collect();
    let reading = read(message, &originals);
    let relatives = || facts.ancestors.iter().chain(&facts.siblings);
    let declared: Vec<(&Witnessed, &Declaration)> =
        relatives().filter_map(|k| Some((&k.witnessed, k.declaration.as_ref()?))).collect();
    let thread = Thread {
        ancestors: facts.ancestors.iter().map(|k| k.message()).collect(),
        declarations: declared
            .iter()
            .map(|(w, d)| Declared { message: &w.message, declaration: (*d).clone() })
            .collect(),
    };
    let recognition = recognise(message, &reading, &thread, &policy.seller);
    let answers = |a| declared.iter().find(|(w, _)| w.message.digest == a).copied();
    let answered = recognition.answers.and_then(answers);
    let own_words = answered.map_or_else(String::new, |(declaring, _)| {
        let known = thread.ancestors.iter().copied().chain([declaring.message.as_ref()]);
        recognise::own_words(&message.subject, known.map(|m| m.subject.as_str()))
    });
    Seen { reading, own_words, recognition, answered }
}

impl Seen<'_> {
    /// How the words of the reply are judged. What its author put into the subject ("Re: Evaluation: not yet") was typed,
    /// too: it may veto.
    fn judged<T>(&self, judge: impl Fn(&Reading) -> T) -> T {
        if self.own_words.is_empty() {
            return judge(&self.reading);
        }
        let mut reading = self.reading.clone();
        reading.unsure = format!("{}\n\n{}", reading.unsure, self.own_words).trim().to_owned();
        judge(&reading)
    }
}

/// The letters of ours among the ancestors that restate the declaration's criteria.
fn prompts<'a>(facts: &'a Facts, declared: &Message, declaration: &Declaration) -> Vec<&'a Known> {
    facts.ancestors.iter().map(Arc::as_ref).filter(|k| k.restates(declared, declaration)).collect()
}

/// What the author of `subject` was asked: by the declaration, or by the letter of ours that the mail answers.
fn question<'a>(
    policy: &'a Policy,
    declaration: &'a Declaration,
    prompts: &[&Known],
    subject: &Known,
) -> Question<'a> {
    let answers = |id: &MessageId| subject.message().in_reply_to.contains(id) || subject.tokens.contains(id);
    let asked = prompts.iter().filter_map(|k| k.asked.as_ref());
    let asked = asked.into_iter().any(|asked| asked.asks && answers(&asked.message_id));
    Question {
        form: if asked && declaration.form == Form::Recap { Form::Request } else { declaration.form },
        asks: declaration.asks || asked,
        criteria: &declaration.criteria,
        own_names: own_names(policy, declaration),
        account: declaration.account.as_deref(),
    }
}

/// Considers one message: reads, recognises, judges, verifies, decides.
pub fn consider(subject: &Known, facts: &Facts, rules: &Rules, policy: &Policy) -> Outcome {
    let witnessed = &subject.witnessed;
    let seen = see(subject, facts, policy);
    let Seen { reading, recognition, answered, .. } = &seen;
    let answered = *answered;
    let mut outcome = blank(witnessed, recognition, reading, rules);
    outcome.accounts = policy.accounts.as_ref().map(|a| a.digest);
    match (recognition.kind, answered) {
        (Kind::Declaration, _) => {
            let delivered = facts.copies.iter().any(|k| !k.witnessed.is_attached());
            add_declaration(&mut outcome, subject, delivered, recognition, policy);
        }
        (Kind::Automatic, _) => add_machine(&mut outcome),
        (Kind::Reply, Some((declaring, declaration))) => {
            add_answer(&mut outcome, declaring, declaration);
            let prompts = prompts(facts, &declaring.message, declaration);
            let question = question(policy, declaration, &prompts, subject);
            let judgement =
                if is_too_long(reading) { unjudged() } else { seen.judged(|r| judge(r, &question, rules)) };
            outcome.verdict = Some(judgement.verdict);
            outcome.sure = judgement.sure;
            outcome.quote = judgement.quote;
            outcome.criteria = judgement.criteria;
            outcome.readings = judgement.readings;
            outcome.reasons.extend(judgement.reasons);
            let prompts: Vec<&Message> = prompts.iter().map(|k| k.message()).collect();
            let case = Case { declared: declaring, declaration, prompts: &prompts };
            let authorship = verify(witnessed, &case, reading, policy);
            outcome.reasons.extend(authorship.reasons.iter().cloned());
            outcome.authorship = Some(authorship);
            add_vendor_claim(&mut outcome);
        }
        _ => {
            add_unanswered(&mut outcome, subject.message(), policy);
            add_stray_objection(&mut outcome, reading, rules);
        }
    }
    let deal = evidence::deal(&outcome, facts, answered);
    let signs = deal.as_ref().map(|d| evidence::signs(&outcome, d, subject, reading, rules, policy));
    let signs = signs.unwrap_or_default();
    let mut doubted = add_doubts(&mut outcome, facts, recognition, subject, &signs, rules);
    if let Some((declaring, _)) = answered {
        let thread = elsewhere::Thread { declaring, facts, seller: &policy.seller, quoted: &reading.quoted };
        doubted |= elsewhere::add_doubts(&mut outcome, subject, &thread, rules);
    }
    if let Some(deal) = deal {
        evidence::add_evidence(&mut outcome, (&deal, signs), doubted, subject, reading, rules, policy);
    }
    decide(outcome)
}

/// How the words of a reply were judged; nothing for messages that are no answer to a declaration.
pub fn explain_words(
    subject: &Known,
    facts: &Facts,
    rules: &Rules,
    policy: &Policy,
) -> Option<judge::Explanation> {
    let seen = see(subject, facts, policy);
    let (declaring, declaration) = seen.answered.filter(|_| seen.recognition.kind == Kind::Reply)?;
    let prompts = prompts(facts, &declaring.message, declaration);
    let question = question(policy, declaration, &prompts, subject);
    (!is_too_long(&seen.reading)).then(|| seen.judged(|r| judge::explain(r, &question, rules)))
}

/// Longest text that is judged, in bytes: people type far less, and a text made of rule words alone costs more than
/// its length.
const TYPED_BYTES_MAX: usize = 32 << 10;

fn is_too_long(reading: &Reading) -> bool {
    reading.fresh.len() + reading.unsure.len() + reading.signature.len() > TYPED_BYTES_MAX
}

fn unjudged() -> Judgement {
    Judgement {
        verdict: Verdict::Inconclusive,
        sure: false,
        quote: String::new(),
        criteria: Vec::new(),
        readings: Vec::new(),
        reasons: vec![
            Reason::new("over_limit", "The text is longer than what people type.").fix("Read the mail."),
        ],
    }
}

fn own_names<'a>(policy: &'a Policy, declaration: &'a Declaration) -> Vec<&'a str> {
    policy.seller.names.iter().map(String::as_str).chain(declaration.platform.as_deref()).collect()
}

/// An outcome that says nothing yet.
fn blank(witnessed: &Witnessed, recognition: &Recognition, reading: &Reading, rules: &Rules) -> Outcome {
    Outcome {
        kind: recognition.kind,
        automatic: recognition.automatic,
        opportunity: recognition.opportunity.clone(),
        declaration: recognition.declaration.clone(),
        fresh_text: reading.fresh.clone(),
        unsure_text: reading.unsure.clone(),
        signature_text: reading.signature.clone(),
        reasons: recognition.reasons.clone(),
        attached: witnessed.is_attached(),
        ..Outcome::unread(&witnessed.message, witnessed.seen_at, rules.digest())
    }
}

/// `delivered`: a copy of it came by itself.
fn add_declaration(
    outcome: &mut Outcome,
    subject: &Known,
    delivered: bool,
    recognition: &Recognition,
    policy: &Policy,
) {
    let authenticated = authenticate_declaration(&subject.witnessed, policy);
    outcome.sure = subject.doubts.is_empty();
    outcome.reasons.extend(subject.doubts.iter().cloned());
    outcome.reasons.extend(authenticated.reasons);
    if subject.witnessed.is_attached() && !delivered {
        let text = "The declaration was handed in later, with another mail.";
        outcome.reasons.push(
            Reason::new("late_declaration", text).fix("Put the evidence mailbox into Cc when you declare."),
        );
    }
    if authenticated.pending {
        outcome
            .reasons
            .push(Reason::new("identity_pending", "The key of the declaration could not be asked for yet."));
    }
    outcome.authorship = Some(Authorship {
        claim: Claim::Seller,
        binding: Binding::Unbound,
        seen: CriteriaSeen::Threaded,
        signed_by: outcome.from.as_ref().filter(|_| authenticated.holds).map(|a| a.domain().to_owned()),
        reasons: Vec::new(),
    });
    if let Some(declaration) = &recognition.declaration {
        if let Some(account) = account_of(declaration, policy) {
            let role = |(who, role): (&String, &String)| Some((Address::new(who)?, role.clone()));
            outcome.roles = account.endorsers.iter().filter_map(role).collect();
            outcome.required_roles.clone_from(&account.required);
        }
        outcome.criteria_digest = Some(declaration.criteria_digest());
        outcome.reasons.extend(declaration.lints.iter().map(|lint| lint_reason(*lint)));
    }
}

fn lint_reason(lint: Lint) -> Reason {
    match lint {
        Lint::NoAsk => {
            Reason::new("no_ask", "The declaration asks for nothing, so a bare yes answers nothing.")
                .fix("Ask the champion to reply and confirm that the criteria are met.")
        }
        Lint::NoChampion => Reason::new("no_champion", "The declaration has no buyer's address in To.")
            .fix("Send the declaration to the champion, with the evidence mailbox in Cc."),
        Lint::NoCriteria => Reason::new("no_criteria", "No criteria were found in the declaration.")
            .fix("List the agreed criteria, one a line, each with its result."),
        Lint::NoOpportunity => Reason::new("no_opportunity", "The declaration names no opportunity.")
            .fix("Use the plus-address of the opportunity, or put its id into the subject in brackets."),
        Lint::CriteriaNotAllPassed => {
            Reason::new("criteria_not_all_passed", "Not every criterion is declared as passed.")
        }
        Lint::NoEvidenceAddress => {
            Reason::new("no_evidence_address", "The evidence address is neither in To nor in Cc.")
                .fix("Put the evidence address into Cc, or the champion's reply will not reach it.")
        }
    }
}

fn add_machine(outcome: &mut Outcome) {
    outcome.verdict = Some(Verdict::Automatic);
    outcome.sure = true;
    outcome.authorship = Some(Authorship {
        claim: Claim::Machine,
        binding: Binding::Unbound,
        seen: CriteriaSeen::Threaded,
        signed_by: None,
        reasons: Vec::new(),
    });
}

fn add_answer(outcome: &mut Outcome, declaring: &Witnessed, declaration: &Declaration) {
    outcome.answers = declaring.message.message_id.clone();
    outcome.answers_identity = Some(declaring.message.identity);
    outcome.criteria_digest = Some(declaration.criteria_digest());
}

/// The seller's word that the champion confirmed is worth nothing, however it is put.
fn add_vendor_claim(outcome: &mut Outcome) {
    let by_seller = outcome.authorship.as_ref().is_some_and(|a| a.claim == Claim::Seller);
    if by_seller && matches!(outcome.verdict, Some(Verdict::Confirmed | Verdict::Conditional)) {
        outcome.reasons.push(
            Reason::new("vendor_claim", "The seller says that the champion confirmed; that is no proof.")
                .fix("Let the champion write it, or forward the champion's own mail as an attachment."),
        );
    }
}

/// Forwards, orphans and other mail: nobody was asked, so nothing was answered.
fn add_unanswered(outcome: &mut Outcome, message: &Message, policy: &Policy) {
    if message.author().is_some_and(|a| a.address.is_at(&policy.seller.domains)) {
        outcome.authorship = Some(Authorship {
            claim: Claim::Seller,
            binding: Binding::Unbound,
            seen: CriteriaSeen::Threaded,
            signed_by: None,
            reasons: Vec::new(),
        });
    }
    if outcome.kind == Kind::Orphan {
        outcome.reasons.push(
            Reason::new(
                "no_declaration",
                "It looks like an answer, but no declaration that it answers is on record.",
            )
            .fix("Forward the declaration as it was sent, as an attachment, to the evidence mailbox."),
        );
    }
}

/// A no that leads to no declaration: it can confirm nothing, but it may take something back. The fold freezes every
/// deal in which its author speaks.
fn add_stray_objection(outcome: &mut Outcome, reading: &Reading, rules: &Rules) {
    let by_seller = outcome.authorship.as_ref().is_some_and(|a| a.claim == Claim::Seller);
    if by_seller || outcome.from.is_none() || is_too_long(reading) {
        return;
    }
    let question =
        Question { form: Form::Request, asks: true, criteria: &[], own_names: Vec::new(), account: None };
    let judgement = judge(reading, &question, rules);
    let says_no = |r: &Reason| matches!(r.code.as_str(), "declined" | "retracted");
    if matches!(judgement.verdict, Verdict::Declined | Verdict::Retracted)
        || judgement.reasons.iter().any(says_no)
    {
        let text = "It says no or takes something back, and names no deal: every deal of its author waits.";
        outcome.quote = judgement.quote;
        outcome.reasons.push(
            Reason::new("stray_objection", text)
                .fix("Ask the author which evaluation is meant, and link the mail."),
        );
    }
}

/// A set of mails without a store: what `judge` and the tests work on.
#[derive(Debug, Default)]
pub struct Corpus {
    all: Vec<Arc<Known>>,
    by_id: BTreeMap<MessageId, Vec<Arc<Known>>>,
    by_parent: BTreeMap<MessageId, Vec<Arc<Known>>>,
    by_opportunity: BTreeMap<OpportunityId, Vec<Arc<Known>>>,
}

impl Corpus {
    /// Indexes the mails; exact repeats count once in look-ups.
    pub fn new(all: Vec<Witnessed>, seller: &Seller) -> Self {
        let mut corpus = Self::default();
        let mut distinct = BTreeSet::new();
        for known in all.into_iter().map(|witnessed| Arc::new(Known::new(witnessed, seller))) {
            corpus.all.push(Arc::clone(&known));
            if !distinct.insert(known.message().digest) {
                continue;
            }
            for id in &known.opportunities {
                corpus.by_opportunity.entry(id.clone()).or_default().push(Arc::clone(&known));
            }
            for id in known.message().parents() {
                corpus.by_parent.entry(id.clone()).or_default().push(Arc::clone(&known));
            }
            if let Some(id) = &known.message().message_id {
                corpus.by_id.entry(id.clone()).or_default().push(Arc::clone(&known));
            }
        }
        let order = |list: &mut Vec<Arc<Known>>| list.sort_by_key(|k| k.message().digest);
        corpus.by_id.values_mut().for_each(order);
        corpus.by_parent.values_mut().for_each(order);
        corpus.by_opportunity.values_mut().for_each(order);
        corpus
    }

    /// Considers every mail with all others known, in input order.
    pub fn consider_all(&self, rules: &Rules, policy: &Policy) -> Vec<Outcome> {
        self.all.iter().map(|subject| consider(subject, &gather(subject, self), rules, policy)).collect()
    }

    /// Considers every mail and explains how its words were judged, in input order.
    pub fn explain_all(&self, rules: &Rules, policy: &Policy) -> Vec<(Outcome, Option<judge::Explanation>)> {
        let explain = |subject: &Arc<Known>| {
            let facts = gather(subject, self);
            (consider(subject, &facts, rules, policy), explain_words(subject, &facts, rules, policy))
        };
        self.all.iter().map(explain).collect()
    }
}

impl Library for Corpus {
    fn copies(&self, id: &MessageId) -> Vec<Arc<Known>> {
        self.by_id.get(id).cloned().unwrap_or_default()
    }

    fn answers(&self, id: &MessageId) -> Vec<Arc<Known>> {
        self.by_parent.get(id).cloned().unwrap_or_default()
    }

    fn of_opportunity(&self, id: &OpportunityId) -> Vec<Arc<Known>> {
        self.by_opportunity.get(id).cloned().unwrap_or_default()
    }
}

/// A message and everything attached to it, attached ones first; each with its place below the outer one
/// (`""` for the outer, `#1` for its first attached message, `#1#2` for that one's second).
pub fn unfold(message: Message) -> Vec<(String, Message)> {
    let mut out = Vec::new();
    unfold_into(message, "", &mut out);
    out
}

fn unfold_into(message: Message, place: &str, out: &mut Vec<(String, Message)>) {
    for (n, inner) in message.attached.iter().enumerate() {
        unfold_into(inner.clone(), &format!("{place}#{}", n + 1), out);
    }
    out.push((place.to_owned(), message));
}
