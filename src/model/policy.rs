//! Who the seller is and who may speak for the buyer: facts that the operator states.

use std::collections::BTreeMap;

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
}

/// The accounts file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Accounts by name.
    pub accounts: BTreeMap<String, Account>,
    /// Digest of the file as read.
    pub digest: Digest,
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
}

impl Policy {
    /// A signature first seen later than this proves nothing: keys rotate and leak (7 days, as Gmail's `x=`).
    pub const SIGNATURE_AGE_DAYS_MAX: i64 = 7;
}
