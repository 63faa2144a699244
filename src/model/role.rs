//! What the buyer's people said in their roles: technical, security, architecture, operations, approver.

use serde::{Deserialize, Serialize};

use super::{Evidence, Standing};

/// Role of a declared champion while no accounts file names another.
pub const ROLE_TECHNICAL: &str = "technical";

/// How somebody speaks for a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// By an answer to the declaration.
    Endorsed,
    /// By evidence of another kind, such as a passed security review.
    Evidence,
    /// By a written waiver: the role is not needed.
    Waived,
}

impl Means {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Endorsed => "endorsed",
            Self::Evidence => "evidence",
            Self::Waived => "waived",
        }
    }
}

/// The last word of one person in one role, by whatever means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleWord {
    /// The role.
    pub role: String,
    /// Who.
    pub who: String,
    /// How the person speaks.
    pub means: Means,
    /// Kind of the evidence, when it is not an answer to the declaration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Where the person stands.
    pub standing: Standing,
    /// Where the person stands by verified words alone; never more than `standing`.
    pub verified_standing: Standing,
    /// The mail that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}
