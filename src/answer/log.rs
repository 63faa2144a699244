//! Questions about the signed log, and files that prove something.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::OpportunityId;
use crate::record::log::{Audit, Scope, SeenHead};

/// What somebody asks about the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogQuestion {
    /// Is everything as it was written?
    Audit {
        /// How much is recomputed.
        scope: Scope,
        /// A head that was told earlier, which must still be in the log.
        seen: Option<SeenHead>,
    },
    /// Everything that proves where an opportunity stands, as files.
    Pack {
        /// Which one.
        opportunity: OpportunityId,
    },
    /// The same of several opportunities, for somebody who is handed their mail: that is recorded first.
    Packs {
        /// Which ones.
        opportunities: Vec<OpportunityId>,
        /// Who.
        by: String,
    },
    /// The letter that shows somebody else the champion's verified words.
    Proof {
        /// Which opportunity.
        opportunity: OpportunityId,
    },
    /// A file of the log for auditors (C2SP tlog-tiles): `checkpoint`, `tile/…`.
    Public {
        /// Its path.
        path: String,
    },
    /// The keys that check receipts, as a JWK Set.
    Keys,
    /// Copies the store into a new folder while it is in use.
    Backup {
        /// Absolute path of a folder that does not exist yet.
        folder: PathBuf,
    },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogAnswer {
    /// To [`LogQuestion::Audit`].
    Audit(Audit),
    /// To [`LogQuestion::Pack`] and [`LogQuestion::Proof`]: files by path, in base64.
    Files(BTreeMap<String, String>),
    /// To [`LogQuestion::Packs`]: the files of each opportunity.
    Packs(BTreeMap<String, BTreeMap<String, String>>),
    /// To [`LogQuestion::Proof`]: there is nothing to prove; one plain sentence.
    Nothing(String),
    /// To [`LogQuestion::Public`]: the octets in base64; `None` when there is no such file.
    Public(Option<String>),
    /// To [`LogQuestion::Keys`].
    Keys(serde_json::Value),
    /// To [`LogQuestion::Backup`]: what was found when the copy was read again.
    Backup(Audit),
}
