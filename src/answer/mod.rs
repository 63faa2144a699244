//! From a request to a response, without sockets: the CLI, the local socket and HTTP all ask here.

mod log;
mod message;
mod opportunity;
pub mod pack;
pub mod proof;
mod rejudged;

pub use log::{LogAnswer, LogQuestion};
pub use message::MessageAnswer;
pub use opportunity::{OpportunityAnswer, OpportunityRow};
pub use rejudged::VerdictChange;

use std::path::PathBuf;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::gate::{Freshness, GateAnswer, Gates};
use crate::model::{Address, MessageId, OpportunityId, Outcome, StandingReport};
use crate::record::standing;

/// Most opportunities in one page of a list.
pub const PAGE_MAX: usize = 1_000;

/// What somebody asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// May it move?
    Gate {
        /// Which opportunity.
        opportunity: OpportunityId,
        /// To which stage.
        to: String,
        /// Whether the answer becomes an entry of the log.
        #[serde(default)]
        record: bool,
    },
    /// Everything about one opportunity, or about a declaration without one by its Message-ID.
    Show {
        /// Opportunity id or Message-ID.
        what: String,
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
    /// What would be said of the stored mail with the rules as they are now?
    Rejudge {
        /// A folder of rules to try instead of the running ones.
        rules: Option<PathBuf>,
        /// Whether the new outcomes are recorded; only with the running rules.
        apply: bool,
    },
    /// About the signed log.
    Log(LogQuestion),
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
    /// To [`Request::Gate`].
    Gate(Box<GateAnswer>),
    /// To [`Request::Show`].
    Opportunity(Box<OpportunityAnswer>),
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
    /// To [`Request::Ingest`].
    Ingested {
        /// Messages that were new.
        new: usize,
        /// Messages that were on record already.
        known: usize,
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
}

/// Answers a gate question. Reading never writes: recording the answer is the caller's part.
pub fn gate(
    opportunity: &OpportunityId,
    to: &str,
    register: &dyn Register,
    context: Context<'_>,
) -> Response {
    let report = match report(opportunity, register) {
        Ok(report) => report,
        Err(error) => return failed(&error),
    };
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
        Some(id) => outcomes(&id, register).map(|outcomes| (id, outcomes)),
        None => {
            let Some(id) = MessageId::new(what) else {
                return Response::Unknown { text: "Name an opportunity or a Message-ID.".into() };
            };
            // A thread without an opportunity is shown under a name that no gate knows.
            let Some(name) = OpportunityId::new("UNLINKED-0") else {
                return Response::Unknown { text: what.into() };
            };
            register.thread(&id).map(|outcomes| (name, outcomes))
        }
    };
    match found {
        Err(error) => failed(&error),
        Ok((_, outcomes)) if outcomes.is_empty() => {
            Response::Unknown { text: format!("Nothing about `{what}` is on record.") }
        }
        Ok((id, outcomes)) => {
            let report = standing(&id, &outcomes);
            Response::Opportunity(Box::new(OpportunityAnswer::new(report, &outcomes, context)))
        }
    }
}

/// Lists a page of opportunities, and the declarations that wait for a link.
pub fn list(after: Option<&OpportunityId>, limit: Option<usize>, register: &dyn Register) -> Response {
    let limit = limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let rows = || -> Result<Response, Unavailable> {
        let mut opportunities = Vec::new();
        for id in register.opportunities(after, limit)? {
            opportunities.push(OpportunityRow::new(&report(&id, register)?));
        }
        let unlinked = register.unlinked(limit)?.iter().map(MessageAnswer::new).collect();
        Ok(Response::Opportunities { opportunities, unlinked })
    };
    rows().unwrap_or_else(|error| failed(&error))
}

fn report(opportunity: &OpportunityId, register: &dyn Register) -> Result<StandingReport, Unavailable> {
    Ok(standing(opportunity, &outcomes(opportunity, register)?))
}

/// The outcomes that bear on an opportunity: its own, and what its champions object without naming a deal.
fn outcomes(opportunity: &OpportunityId, register: &dyn Register) -> Result<Vec<Outcome>, Unavailable> {
    let mut outcomes = register.outcomes(opportunity)?;
    let declared = outcomes.iter().filter_map(|o| o.declaration.as_ref());
    let champions: BTreeSet<Address> = declared.flat_map(|d| d.champions.iter().cloned()).collect();
    for champion in &champions {
        outcomes.extend(register.strays(champion)?);
    }
    Ok(outcomes)
}

fn failed(error: &Unavailable) -> Response {
    Response::Failed { code: "store_unavailable".into(), text: error.to_string() }
}
