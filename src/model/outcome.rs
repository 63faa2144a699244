//! The outcome for one message: what `judge --json` prints and what the record keeps.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Address, Authorship, CriterionAnswer, Declaration, Digest, FileHash, Guess, Message, MessageId,
    OpportunityId, Part, Reason, Signal, Verdict,
};

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The seller's email that states criteria.
    Declaration,
    /// A human answer to one.
    Reply,
    /// Written by a machine.
    Automatic,
    /// Passes on somebody else's mail.
    Forward,
    /// Looks like an answer; its declaration is not known (yet).
    Orphan,
    /// Anything else.
    Other,
}

/// Which machine wrote it (CONTRACT `automatic`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Automatic {
    /// Out of office and the like (RFC 3834).
    AutoReply,
    /// Delivery status notification (RFC 3464).
    Bounce,
    /// Disposition notification (RFC 8098).
    Receipt,
    /// Calendar answer (RFC 6047).
    Calendar,
    /// Emoji reaction (RFC 9078 and vendors' forms).
    Reaction,
    /// Ticket system acknowledgement.
    Ticket,
    /// Mailing list or bulk mail.
    List,
    /// Challenge-response.
    Challenge,
    /// Recall of an earlier mail.
    Recall,
    /// Notification by a service.
    Notification,
    /// Our own mail.
    Own,
}

/// What recognition found: what the message is and what it answers. Machine mail is decided here, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognition {
    /// What it is.
    pub kind: Kind,
    /// Which machine, when `kind` is [`Kind::Automatic`].
    pub automatic: Option<Automatic>,
    /// A weak sign of a machine: a person must look.
    pub weak_machine: bool,
    /// The declaration that it is, when `kind` is [`Kind::Declaration`].
    pub declaration: Option<Declaration>,
    /// Digest of the declaration's copy that it answers.
    pub answers: Option<Digest>,
    /// The opportunity it belongs to.
    pub opportunity: Option<OpportunityId>,
    /// Why, and what is doubtful.
    pub reasons: Vec<Reason>,
}

/// Everything decided about one message. Recorded whole; the fold to a standing reads nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Names the stored copy.
    pub sha256: Digest,
    /// Names the message: copies that agree in content share it.
    pub identity: Digest,
    /// Message-ID.
    pub message_id: Option<MessageId>,
    /// The only author.
    pub from: Option<Address>,
    /// The Date field.
    pub date: Option<Timestamp>,
    /// When we first saw it.
    pub seen_at: Timestamp,
    /// It was only ever seen attached to another message.
    #[serde(default)]
    pub attached: bool,
    /// What it says it answers, nearest first.
    pub parents: Vec<MessageId>,
    /// What it is.
    pub kind: Kind,
    /// Which machine wrote it.
    pub automatic: Option<Automatic>,
    /// The opportunity.
    pub opportunity: Option<OpportunityId>,
    /// Message-ID of the declaration it answers.
    pub answers: Option<MessageId>,
    /// Identity of the declaration it answers.
    pub answers_identity: Option<Digest>,
    /// The declaration it is.
    pub declaration: Option<Declaration>,
    /// What the person typed.
    pub fresh_text: String,
    /// What we were unsure how to cut.
    pub unsure_text: String,
    /// The contact block.
    pub signature_text: String,
    /// Its attachments by their hashes; nobody has read them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<FileHash>,
    /// What was said.
    pub verdict: Option<Verdict>,
    /// Whether the rules stand behind it.
    pub sure: bool,
    /// The sentence that carries the verdict.
    pub quote: String,
    /// What was said about each criterion.
    pub criteria: Vec<CriterionAnswer>,
    /// When not sure, the strongest readings, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Guess>,
    /// Who said it.
    pub authorship: Option<Authorship>,
    /// Of a declaration: who speaks for the account by the accounts file, with role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<Address, String>,
    /// Of a declaration: the roles that the accounts file requires.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub required_roles: BTreeSet<String>,
    /// Evidence of other kinds that the mail is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<Signal>,
    /// Digest of the criteria that the statement is bound to.
    pub criteria_digest: Option<Digest>,
    /// Whether [`crate::decide`] made an endorsement of it. The fold decides again; this is for readers.
    pub endorsed: bool,
    /// The trail.
    pub reasons: Vec<Reason>,
    /// Digest of the rule set that judged it.
    pub rules: Digest,
    /// Digest of the accounts file that said who may speak, if there was one.
    #[serde(default)]
    pub accounts: Option<Digest>,
    /// Key records that the verification rests on: name and digest of the text.
    pub keys: Vec<(String, Option<Digest>)>,
}

impl Outcome {
    /// The outcome of a message that nobody has looked at: it says nothing and opens nothing.
    pub fn unread(message: &Message, seen_at: Timestamp, rules: Digest) -> Self {
        Self {
            sha256: message.digest,
            identity: message.identity,
            message_id: message.message_id.clone(),
            from: message.author().map(|m| m.address.clone()),
            date: message.date,
            seen_at,
            attached: false,
            parents: message.parents().into_iter().cloned().collect(),
            kind: Kind::Other,
            automatic: None,
            opportunity: None,
            answers: None,
            answers_identity: None,
            declaration: None,
            fresh_text: String::new(),
            unsure_text: String::new(),
            signature_text: String::new(),
            attachments: attachments(message),
            verdict: None,
            sure: false,
            quote: String::new(),
            criteria: Vec::new(),
            readings: Vec::new(),
            authorship: None,
            roles: BTreeMap::new(),
            required_roles: BTreeSet::new(),
            signals: Vec::new(),
            criteria_digest: None,
            endorsed: false,
            reasons: Vec::new(),
            rules,
            accounts: None,
            keys: Vec::new(),
        }
    }

    /// When it was written: its Date, or when we first saw it, if it claims to be written later. A Date in the future must
    /// not keep a yes young.
    pub fn written(&self) -> Timestamp {
        self.date.map_or(self.seen_at, |date| date.min(self.seen_at))
    }

    /// Whether a reason of this code is in the trail.
    pub fn has(&self, code: &str) -> bool {
        self.reasons.iter().any(|r| r.code == code)
    }
}

/// Most attachments that are listed: mails of evaluations have a few.
const ATTACHMENTS_MAX: usize = 50;

fn attachments(message: &Message) -> Vec<FileHash> {
    let hash = |part: &Part| {
        Some(FileHash {
            name: part.file_name.clone(),
            media_type: Some(part.media_type.clone()),
            sha256: part.attached?,
            bytes: part.length as u64,
        })
    };
    message.parts.iter().filter_map(hash).take(ATTACHMENTS_MAX).collect()
}
