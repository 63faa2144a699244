//! From a request to a response, without sockets: the CLI, the local socket and HTTP all ask here.

mod act;
mod board;
mod caller;
mod case;
mod deals;
mod event;
mod export;
mod facts;
mod glance;
mod import;
mod letters;
mod log;
mod mail;
mod message;
mod official;
mod opportunity;
pub mod pack;
pub mod proof;
mod quarantine;
mod ready;
mod rejudged;
mod retention;
mod review;
mod webhook;
mod window;

pub use act::{ActRequest, Choice, Wanted, act};
pub use board::{Blocked, BoardAnswer, Brief, Listed};
pub use caller::{Caller, Means, Right, Role, name_problem};
pub use case::outcomes;
pub(crate) use case::{Case, home};
pub use deals::{ReportWanted, export_deals, report, tables};
pub use event::Event;
pub use export::export;
pub use facts::{FactRow, facts};
pub use glance::{Glance, concerned, copy_of};
pub use import::{BadRow, CSV_BYTES_MAX, ImportChange, ImportRequest, Imported, import};
pub use letters::{LetterRow, LetterText, LettersAsk, WakeRow};
pub use log::{LogAnswer, LogQuestion};
pub use mail::{HeaderField, MailAnswer, Piece};
pub use message::MessageAnswer;
pub use official::{GateOrder, RECEIPT_LIFE, claims};
pub use opportunity::{OpportunityAnswer, OpportunityRow};
pub use quarantine::{QuarantineAct, QuarantineRow};
pub use ready::{MailboxHealth, Readiness};
pub use rejudged::VerdictChange;
pub use retention::{RetentionAsk, RetentionRow};
pub use review::{DecisionAnswer, ReviewItem, queue, review, waiting_alone};
pub use webhook::{DeadRow, WebhookRow, WebhooksAsk};
pub use window::{ActRow, Governance, Head, SAMPLE, SAMPLE_MAX, Window, WindowAnswer, rank};

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::gate::{Freshness, GateAnswer, Gates};
use crate::model::{Address, Digest, MessageId, OpportunityId, Outcome, StandingReport, Terms};
use crate::prompt::Clocks;
use crate::record::{Act, Subject};
use crate::report::Table;

/// Most opportunities in one page of a list.
pub const PAGE_MAX: usize = 1_000;

/// What somebody asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// What is older than it may be kept; erases it on request.
    Retention(RetentionAsk),
    /// May it move?
    Gate {
        /// Which opportunity.
        opportunity: OpportunityId,
        /// To which stage.
        to: String,
    },
    /// The same, on record or with a receipt.
    Official(GateOrder),
    /// What happened after an event.
    Events {
        /// Its id; 0 for all.
        after: u64,
        /// At most so many.
        limit: usize,
    },
    /// Everything about one opportunity, or about a declaration without one by its Message-ID.
    Show {
        /// Opportunity id or Message-ID.
        what: String,
    },
    /// Everything that a person reads about one opportunity: what every gate answers, and its mails.
    Sheet {
        /// Which one.
        opportunity: OpportunityId,
        /// At most so many mails, the newest of them.
        mails: usize,
    },
    /// All opportunities, a page of them.
    List {
        /// Only those after this one.
        after: Option<OpportunityId>,
        /// At most so many; [`PAGE_MAX`] at most.
        limit: Option<usize>,
    },
    /// Is the daemon alive?
    Health,
    /// Does it do its work?
    Ready,
    /// What did it count?
    Metrics,
    /// What waits for a person, oldest first.
    Queue {
        /// Only what stands behind this copy; everything once that has left.
        #[serde(default)]
        after: Option<Digest>,
        /// At most so many; one more than [`PAGE_MAX`] at most, which tells whether there is more.
        limit: Option<usize>,
    },
    /// Which deals need somebody now?
    Board,
    /// What does an auditor look at?
    Window(Window),
    /// One mail with what a person needs to decide about it.
    Review {
        /// Message-ID, or sha256 of a copy.
        message: String,
    },
    /// A copy of a mail with its header and the pieces of its body.
    Mail {
        /// Names the copy.
        sha256: Digest,
    },
    /// Decided replies as cases of the rule language.
    Export {
        /// Message-IDs or sha256 of copies; without any, everything that the queue has seen.
        messages: Vec<String>,
        /// The seller's names, which the rules must know.
        names: Vec<String>,
    },
    /// The raw octets of a mail. That somebody asked for them is recorded first.
    Raw {
        /// Message-ID, or sha256 of a copy.
        message: String,
        /// Start of the copy's sha256, when several contents came under the Message-ID.
        copy: Option<String>,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Take what the CRM says into the record.
    Import(ImportRequest),
    /// All opportunities as CSV, or a page of them.
    ExportDeals {
        /// Only those after this one, and no head.
        #[serde(default)]
        after: Option<OpportunityId>,
        /// At most so many, and [`PAGE_MAX`] at most; all without it.
        #[serde(default)]
        limit: Option<usize>,
    },
    /// A report over all opportunities.
    Report(ReportWanted),
    /// The facts of an opportunity.
    Facts {
        /// Which opportunity.
        opportunity: OpportunityId,
    },
    /// A named person does something to the record.
    Act(ActRequest),
    /// What would be said of the stored mail with the rules as they are now?
    Rejudge {
        /// A folder of rules to try instead of the running ones.
        rules: Option<PathBuf>,
        /// Whether the new outcomes are recorded; only with the running rules.
        apply: bool,
    },
    /// About the signed log.
    Log(LogQuestion),
    /// See or settle what was set aside.
    Quarantine(QuarantineAct),
    /// Something about letters.
    Letters(LettersAsk),
    /// Something about webhooks.
    Webhooks(WebhooksAsk),
    /// Take these messages into the record (base64 of the bytes, with the path they came from).
    Ingest {
        /// Path and content.
        files: Vec<(String, String)>,
    },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Response {
    /// To [`Request::Retention`].
    Retention {
        /// What may not be kept any longer, or was not.
        rows: Vec<RetentionRow>,
        /// Whether it was erased.
        applied: bool,
    },
    /// To [`Request::Gate`].
    Gate(Box<GateAnswer>),
    /// To [`Request::Official`].
    Official {
        /// The answer.
        gate: Box<GateAnswer>,
        /// Signed by the log's key, when it was wanted.
        receipt: Option<String>,
    },
    /// To [`Request::Events`].
    Events {
        /// The events.
        events: Vec<Event>,
        /// How far the log was read.
        next: u64,
        /// Whether there is more.
        more: bool,
    },
    /// To [`Request::Show`].
    Opportunity(Box<OpportunityAnswer>),
    /// To [`Request::Sheet`].
    Sheet {
        /// Where it stands.
        opportunity: Box<OpportunityAnswer>,
        /// What every gate answers.
        gates: Vec<GateAnswer>,
        /// Its newest mails, oldest first.
        mails: Vec<MailAnswer>,
    },
    /// To [`Request::List`].
    Opportunities {
        /// A page of rows.
        opportunities: Vec<OpportunityRow>,
        /// Declarations that name no opportunity: a person must link them.
        unlinked: Vec<MessageAnswer>,
    },
    /// To [`Request::Health`].
    Health {
        /// Entries in the log.
        size: u64,
        /// Messages seen but not considered yet.
        waiting: u64,
        /// Whether every mailbox was read lately.
        fresh: bool,
    },
    /// To [`Request::Ready`].
    Ready(Box<Readiness>),
    /// To [`Request::Metrics`].
    Metrics {
        /// In the text format that Prometheus reads.
        text: String,
    },
    /// To [`Request::Ingest`].
    Ingested {
        /// Messages that were new.
        new: usize,
        /// Messages that were on record already.
        known: usize,
    },
    /// To [`Request::Import`].
    Imported(Box<Imported>),
    /// To [`Request::ExportDeals`].
    Csv {
        /// The file, or a page of it.
        text: String,
        /// The last opportunity of a page behind which there may be more.
        #[serde(default)]
        next: Option<OpportunityId>,
    },
    /// To [`Request::Report`].
    Tables {
        /// When this was computed.
        as_of: Timestamp,
        /// The tables.
        tables: Vec<Table>,
    },
    /// To [`Request::Facts`].
    Facts {
        /// Which opportunity.
        opportunity: OpportunityId,
        /// Every fact that the gates know.
        facts: Vec<FactRow>,
    },
    /// To [`Request::Queue`].
    Queue {
        /// What waits, oldest first.
        items: Vec<ReviewItem>,
    },
    /// To [`Request::Board`].
    Board(Box<BoardAnswer>),
    /// To [`Request::Window`].
    Window(Box<WindowAnswer>),
    /// To [`Request::Review`]: every content under the Message-ID.
    Review {
        /// The mails.
        items: Vec<ReviewItem>,
    },
    /// To [`Request::Mail`].
    Mail(Box<MailAnswer>),
    /// To [`Request::Export`].
    Exported {
        /// One `[[case]]` each.
        cases: Vec<String>,
    },
    /// To [`Request::Raw`].
    Raw {
        /// The octets, in base64.
        octets: String,
    },
    /// To [`Request::Act`].
    Done {
        /// Name of the act, for an undo.
        act: String,
        /// What it means now, in a sentence or two.
        text: String,
        /// Where the opportunity stands now, when there is one.
        report: Option<Box<StandingReport>>,
    },
    /// It may not be done.
    Refused {
        /// Reason code.
        code: String,
        /// Why, and what to do instead.
        text: String,
    },
    /// To [`LettersAsk::List`].
    Letters {
        /// Letters on record, in the order in which they were planned, deal by deal.
        letters: Vec<LetterRow>,
        /// What comes, the next first.
        next: Vec<WakeRow>,
    },
    /// To [`LettersAsk::Preview`].
    LetterTexts {
        /// The letters.
        letters: Vec<LetterText>,
    },
    /// To an order about letters.
    Ordered {
        /// About which deal.
        opportunity: OpportunityId,
    },
    /// To [`Request::Rejudge`].
    Rejudged {
        /// Digest of the rules that were used.
        rules: String,
        /// Verdicts that came out otherwise.
        changes: Vec<VerdictChange>,
        /// Whether they were recorded.
        applied: bool,
    },
    /// To [`Request::Log`].
    Log(Box<LogAnswer>),
    /// To [`QuarantineAct::List`].
    Quarantine {
        /// What is set aside.
        rows: Vec<QuarantineRow>,
    },
    /// To [`WebhooksAsk::List`].
    Webhooks {
        /// How each stands.
        webhooks: Vec<WebhookRow>,
    },
    /// To the other [`QuarantineAct`]s, and to [`WebhooksAsk::Retry`].
    Settled {
        /// One plain sentence.
        text: String,
    },
    /// No such thing.
    Unknown {
        /// One plain sentence.
        text: String,
    },
    /// Could not tell: the caller must take it for a no.
    Failed {
        /// Reason code, e.g. `store_unavailable`.
        code: String,
        /// One plain sentence.
        text: String,
    },
}

/// The record could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// Where outcomes are read from.
pub trait Register {
    /// Newest outcomes of all copies that belong to an opportunity.
    ///
    /// # Errors
    /// When the record can not be read.
    fn outcomes(&self, opportunity: &OpportunityId) -> Result<Vec<Outcome>, Unavailable>;
    /// Opportunities after the given one, in order.
    ///
    /// # Errors
    /// When the record can not be read.
    fn opportunities(
        &self,
        after: Option<&OpportunityId>,
        limit: usize,
    ) -> Result<Vec<OpportunityId>, Unavailable>;
    /// Newest outcomes of declarations that name no opportunity, at most `limit`.
    ///
    /// # Errors
    /// When the record can not be read.
    fn unlinked(&self, limit: usize) -> Result<Vec<Outcome>, Unavailable>;
    /// Newest outcomes of an author's objections that belong to no opportunity: they bear on every deal in which that
    /// author speaks.
    ///
    /// # Errors
    /// When the record can not be read.
    fn strays(&self, author: &Address) -> Result<Vec<Outcome>, Unavailable>;
    /// Newest outcomes of a message and of the messages that answer it.
    ///
    /// # Errors
    /// When the record can not be read.
    fn thread(&self, id: &MessageId) -> Result<Vec<Outcome>, Unavailable>;
    /// Newest outcomes of all copies under a Message-ID.
    ///
    /// # Errors
    /// When the record can not be read.
    fn copies(&self, id: &MessageId) -> Result<Vec<Outcome>, Unavailable>;
    /// Newest outcome of a copy.
    ///
    /// # Errors
    /// When the record can not be read.
    fn copy(&self, sha256: &Digest) -> Result<Option<Outcome>, Unavailable>;
    /// Newest outcomes of the declarations that were linked to an opportunity at some time.
    ///
    /// # Errors
    /// When the record can not be read.
    fn linked(&self, opportunity: &OpportunityId) -> Result<Vec<Outcome>, Unavailable>;
    /// At most `limit` newest outcomes behind the copy `after` that may need a person.
    ///
    /// # Errors
    /// When the record can not be read.
    fn review(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<Outcome>, Unavailable>;
    /// Newest outcomes of all mail that an address wrote. Reads the whole record.
    ///
    /// # Errors
    /// When the record can not be read.
    fn written_by(&self, author: &Address) -> Result<Vec<Outcome>, Unavailable>;
    /// The acts about a subject.
    ///
    /// # Errors
    /// When the record can not be read.
    fn acts(&self, subject: &Subject) -> Result<Vec<Act>, Unavailable>;
    /// The act of a name.
    ///
    /// # Errors
    /// When the record can not be read.
    fn act(&self, name: &str) -> Result<Option<Act>, Unavailable>;
}

/// What an answer depends on besides the record.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The gates.
    pub gates: &'a Gates,
    /// Whether the mailboxes were read lately.
    pub freshness: Freshness,
    /// The time of the answer.
    pub now: Timestamp,
    /// What the configuration lets count.
    pub terms: &'a Terms,
    /// What must have happened by when.
    pub clocks: &'a Clocks,
}

/// Answers a gate question. Reading never writes: recording the answer is the caller's part.
pub fn gate(
    opportunity: &OpportunityId,
    to: &str,
    register: &dyn Register,
    context: Context<'_>,
) -> Response {
    match Case::open(opportunity, register) {
        Ok(case) => gate_in(&case, to, context),
        Err(error) => failed(&error),
    }
}

/// The same of a case that is open.
pub(crate) fn gate_in(case: &Case, to: &str, context: Context<'_>) -> Response {
    let report = case.report(context);
    match context.gates.answer(&report, to, context.freshness, context.now) {
        Some(answer) => Response::Gate(Box::new(answer)),
        None => {
            let known: Vec<&str> = context.gates.names().collect();
            let hint = crate::text::nearest(to, known.iter().copied());
            let hint = hint
                .map_or_else(|| format!("known: {}", known.join(", ")), |h| format!("did you mean `{h}`?"));
            Response::Unknown { text: format!("No gate is called `{to}`; {hint}") }
        }
    }
}

/// Shows an opportunity, or the thread of a declaration that names none.
pub fn show(what: &str, register: &dyn Register, context: Context<'_>) -> Response {
    let found = match OpportunityId::new(what) {
        Some(id) => Case::open(&id, register),
        None => {
            let Some(id) = MessageId::new(what) else {
                return Response::Unknown { text: "Name an opportunity or a Message-ID.".into() };
            };
            unlinked_case(&id, register)
        }
    };
    match found {
        Err(error) => failed(&error),
        Ok(case) if case.outcomes.is_empty() && case.acts.is_empty() => {
            Response::Unknown { text: format!("Nothing about `{what}` is on record.") }
        }
        Ok(case) => Response::Opportunity(Box::new(OpportunityAnswer::new(&case, context))),
    }
}

/// An opportunity and what every gate answers about it, of one look.
pub(crate) fn sheet(
    opportunity: &OpportunityId,
    register: &dyn Register,
    context: Context<'_>,
) -> Result<(Box<OpportunityAnswer>, Vec<GateAnswer>), Box<Response>> {
    let case = Case::open(opportunity, register).map_err(|error| Box::new(failed(&error)))?;
    if case.outcomes.is_empty() && case.acts.is_empty() {
        let text = format!("Nothing about `{opportunity}` is on record.");
        return Err(Box::new(Response::Unknown { text }));
    }
    let answer = OpportunityAnswer::new(&case, context);
    let asked = |to: &String| context.gates.answer(&answer.report, to, context.freshness, context.now);
    let gates = answer.gates.keys().filter_map(asked).collect();
    Ok((Box::new(answer), gates))
}

/// A thread without an opportunity, under a name that no gate knows.
fn unlinked_case(id: &MessageId, register: &dyn Register) -> Result<Case, Unavailable> {
    let opportunity = OpportunityId::new("UNLINKED-0").ok_or_else(|| Unavailable(id.to_string()))?;
    let mut outcomes = register.thread(id)?;
    outcomes.iter_mut().for_each(|o| o.opportunity = Some(opportunity.clone()));
    Ok(Case { opportunity, outcomes, acts: Vec::new() })
}

/// Lists a page of opportunities, and the declarations that wait for a link.
pub fn list(
    after: Option<&OpportunityId>,
    limit: Option<usize>,
    register: &dyn Register,
    context: Context<'_>,
) -> Response {
    let limit = limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let rows = || -> Result<Response, Unavailable> {
        let mut opportunities = Vec::new();
        for id in register.opportunities(after, limit)? {
            opportunities.push(OpportunityRow::new(&Case::open(&id, register)?.report(context)));
        }
        let mut unlinked = Vec::new();
        for outcome in register.unlinked(limit)? {
            if home(&outcome, register, context)?.is_none() {
                unlinked.push(MessageAnswer::new(&outcome));
            }
        }
        Ok(Response::Opportunities { opportunities, unlinked })
    };
    rows().unwrap_or_else(|error| failed(&error))
}

impl From<Unavailable> for Response {
    fn from(error: Unavailable) -> Self {
        failed(&error)
    }
}

fn failed(error: &Unavailable) -> Response {
    Response::Failed { code: "store_unavailable".into(), text: error.to_string() }
}
