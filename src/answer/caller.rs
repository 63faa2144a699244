//! Who asks over HTTP, and what that caller may do. The one table of roles and rights.

use serde::{Deserialize, Serialize};

use crate::model::Address;

/// What a token is for. A role is given to a name once, and never grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A CRM: asks the gate, and may have the answer recorded.
    Gate,
    /// Reads everything but raw mail; changes nothing.
    Read,
    /// The deal desk: reads, decides, links, states.
    Review,
    /// An auditor: reads everything, changes nothing.
    Audit,
    /// Everything.
    Admin,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Ask the gate.
    Ask,
    /// Have the gate's answer recorded.
    Record,
    /// Read what is on record of opportunities and mail.
    Read,
    /// Do something to the record as a person: decide, link, undo, state a fact, import what the CRM says.
    Decide,
    /// See what only an auditor or the operator needs.
    Audit,
    /// Operate: webhooks.
    Administer,
}

/// How the caller was identified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// A token in the `Authorization` field (RFC 6750 §2.1).
    Token,
    /// The cookie of a page's sign-in.
    Session,
    /// A field that a trusted proxy set.
    Proxy,
    /// Not at all: a process of this machine, which the configuration lets ask.
    Open,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's or the person's name; acts bear it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// How we know.
    pub means: Means,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Gate, Self::Read, Self::Review, Self::Audit, Self::Admin];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Read => "read",
            Self::Review => "review",
            Self::Audit => "audit",
            Self::Admin => "admin",
        }
    }

    /// The role of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// Whether the role has the right.
    pub fn has(self, right: Right) -> bool {
        match right {
            Right::Ask => true,
            Right::Record => matches!(self, Self::Gate | Self::Review | Self::Admin),
            Right::Read => self != Self::Gate,
            Right::Decide => matches!(self, Self::Review | Self::Admin),
            Right::Audit => matches!(self, Self::Audit | Self::Admin),
            Right::Administer => self == Self::Admin,
        }
    }

    /// Whether somebody of this role can decide: then the name must be a mail address, since nobody decides about a deal
    /// that they declared themselves.
    pub fn decides(self) -> bool {
        self.has(Right::Decide)
    }
}

impl Right {
    /// Whether it changes anything.
    pub fn writes(self) -> bool {
        matches!(self, Self::Record | Self::Decide | Self::Administer)
    }
}

impl Caller {
    /// Whether the caller may do it. Whoever is not known changes nothing.
    pub fn may(&self, right: Right) -> bool {
        self.role.has(right) && (self.means != Means::Open || !right.writes())
    }
}

/// Why a name cannot be that of a caller of this role; `None` when it can.
pub fn name_problem(name: &str, role: Role) -> Option<String> {
    /// Longest name, in bytes: an address of RFC 5321 §4.5.3.1.3.
    const NAME_BYTES_MAX: usize = 254;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(plain) {
        return Some(format!("`{name}` is no name: letters, digits and `._-@+`, at most {NAME_BYTES_MAX}"));
    }
    (role.decides() && Address::new(name).is_none()).then(|| {
        format!(
            "`{name}` is no mail address: whoever can decide is named by address, so that nobody decides about a deal \
             that they declared themselves"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_only_reads_changes_nothing() {
        use Right::*;
        for right in [Record, Decide, Administer] {
            for role in [Role::Read, Role::Audit] {
                assert!(!role.has(right), "{role:?} {right:?}");
            }
            let open = Caller { name: "local".into(), role: Role::Admin, means: Means::Open };
            assert!(!open.may(right));
        }
        assert!(!Role::Gate.has(Read) && !Role::Gate.has(Decide) && !Role::Review.has(Administer));
    }

    #[test]
    fn who_decides_is_named_by_address() {
        assert!(name_problem("crm", Role::Gate).is_none());
        assert!(name_problem("crm", Role::Review).is_some());
        assert!(name_problem("ana@northwind.example", Role::Review).is_none());
        assert!(name_problem("a b", Role::Gate).is_some() && name_problem("", Role::Gate).is_some());
        assert!(Role::ALL.into_iter().all(|role| Role::of(role.as_str()) == Some(role)));
    }
}
