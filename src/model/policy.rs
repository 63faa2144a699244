//! Who the seller is and who may speak for the buyer: facts that the operator states.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Address, Digest};

/// The seller: whose words never count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seller {
    /// The seller's mail domains, lower case.
    pub domains: Vec<String>,
    /// Product and company names that "we recommend …" must name, if it names anybody.
    pub names: Vec<String>,
    /// The evidence mailbox, without a tag.
    pub evidence: Address,
}

/// One buyer account in the accounts file, owned by deal desk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The buyer's mail domains, lower case.
    pub domains: Vec<String>,
    /// Addresses that may endorse, with their role.
    pub endorsers: BTreeMap<String, String>,
    /// Roles for which somebody must have spoken before the technical win is more than `partial`.
    #[serde(default)]
    pub required: BTreeSet<String>,
    /// Endorsers whose address is at none of the account's domains, each with who approved that and why.
    #[serde(default)]
    pub waivers: BTreeMap<String, String>,
}

/// The accounts file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Accounts by name.
    pub accounts: BTreeMap<String, Account>,
    /// Digest of the file as read.
    pub digest: Digest,
}

/// On which side of the border Received a receiving server writes its Authentication-Results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Border {
    /// Above it, as milters and Microsoft 365 do.
    Above,
    /// Below it, as Gmail does.
    Below,
}

/// How the server that received the evidence mailbox's mail marks it (RFC 8601): what makes its word a witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receiver {
    /// Its authserv-id, lower case; `None` for Microsoft 365, which writes none. Never learnt from mail.
    pub authserv_id: Option<String>,
    /// Hosts (`by` of Received) at which mail enters: names, or endings that begin with a dot.
    pub border: Vec<String>,
    /// Further hosts behind the border that mail passes on its way to the mailbox.
    pub hops: Vec<String>,
    /// Where its Authentication-Results stand.
    pub place: Border,
    /// The operator states that nobody but that server can write to the mailbox's folder: only then may its word do
    /// for a signature that no longer holds.
    pub alone: bool,
    /// The mailbox is in the seller's own Microsoft 365 tenant: its mark for internal mail authenticates declarations.
    pub internal_mark: bool,
}

impl Receiver {
    /// Gmail and Google Workspace.
    pub fn gmail() -> Self {
        Self {
            authserv_id: Some("mx.google.com".into()),
            border: vec!["mx.google.com".into()],
            hops: vec!["*".into(), ".google.com".into()],
            place: Border::Below,
            alone: false,
            internal_mark: false,
        }
    }

    /// Exchange Online.
    pub fn microsoft365() -> Self {
        Self {
            authserv_id: None,
            border: vec![".mail.protection.outlook.com".into()],
            hops: vec![".outlook.com".into(), ".office365.com".into()],
            place: Border::Above,
            alone: false,
            internal_mark: false,
        }
    }
}

/// Everything the core needs to know besides the mail and the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The seller.
    pub seller: Seller,
    /// Who may speak for the buyers; `None` without an accounts file.
    pub accounts: Option<Accounts>,
    /// Without an accounts file: take champion and domain from the To of an authenticated declaration
    /// (CONTRACT: always in `judge` and `demo`, in `run` only by the operator's word).
    pub trust_declared_champions: bool,
    /// Oldest age of a signature at first sight, in days.
    pub signature_age_days_max: i64,
    /// Whether a champion's mail counts that was only ever seen attached to another one: its own signature must hold.
    pub accept_attached: bool,
    /// The server whose Authentication-Results are a second witness, if the operator named one.
    pub receiver: Option<Receiver>,
}

impl Policy {
    /// The careful policy of a seller: no accounts file, nobody trusted for being declared, no second witness.
    pub fn of(seller: Seller) -> Self {
        Self {
            seller,
            accounts: None,
            trust_declared_champions: false,
            signature_age_days_max: Self::SIGNATURE_AGE_DAYS_MAX,
            accept_attached: true,
            receiver: None,
        }
    }

    /// A signature first seen later than this proves nothing: keys rotate and leak (7 days, as Gmail's `x=`).
    pub const SIGNATURE_AGE_DAYS_MAX: i64 = 7;
}
