//! The policy as read: gates, what each needs, and the facts that they ask for. No decisions live here.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Address, Standing, YesNo};

/// How many of the declared criteria must be confirmed in writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Coverage {
    /// Those that the plan calls mandatory; without a plan all of them.
    Mandatory,
    /// All of them.
    All,
}

/// What must hold together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Standings that open; empty when the win is not asked for.
    pub standing: BTreeSet<Standing>,
    /// Whether a standing that rests on a person's decision counts.
    pub accepted: bool,
    /// How many persons must speak for each role.
    pub roles: BTreeMap<String, u32>,
    /// Whether a written waiver fills a role.
    pub waivers: bool,
    /// How many criteria must be confirmed.
    pub criteria: Option<Coverage>,
    /// Oldest age of the words that count, in days.
    pub age_days_max: Option<u32>,
    /// Facts that must be stated as yes.
    pub questions: Vec<Question>,
}

/// A fact that a gate asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// The fact.
    pub fact: String,
    /// Asked unless this other fact was stated as no.
    pub only_if: Option<String>,
}

/// Further needs of large opportunities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Above {
    /// They hold above this amount, and where no amount is registered.
    pub amount: u64,
    /// What they are.
    pub needs: Needs,
}

/// One gate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Gate {
    /// What it needs itself.
    pub needs: Needs,
    /// What it needs of large opportunities.
    pub above: Vec<Above>,
    /// A gate that must be open too.
    pub after: Option<String>,
    /// Another gate that it is only a name for.
    pub same_as: Option<String>,
    /// What it must answer.
    pub examples: Vec<Example>,
    /// Line of its head.
    pub line: usize,
}

/// Who may state a fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Party {
    /// One person, by address or name.
    Person(String),
    /// Everybody at a mail domain.
    Domain(String),
}

/// A fact as the policy defines it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fact {
    /// The question, as a person reads it.
    pub text: String,
    /// Who may state it; `None` is everybody.
    pub by: Option<BTreeSet<Party>>,
}

/// A case with the answer that the gate must give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Example {
    /// Line of its head.
    pub line: usize,
    /// Why, in a few words.
    pub why: String,
    /// The verified standing.
    pub standing: Option<Standing>,
    /// The standing by a person's decision.
    pub accepted: Option<Standing>,
    /// Facts; `None` for all that the gate asks for, stated by somebody who may.
    pub facts: Option<Vec<ExampleFact>>,
    /// People who spoke: role, standing, and whether it is a waiver.
    pub roles: Vec<(String, Standing, bool)>,
    /// Confirmed and declared criteria.
    pub criteria: Option<(usize, usize)>,
    /// The registered amount.
    pub amount: Option<u64>,
    /// Age of the words, in days.
    pub age_days: u32,
    /// Whether the mailbox was read lately.
    pub stale: bool,
    /// The answer.
    pub allowed: bool,
    /// A reason code that must be among the reasons.
    pub reason: Option<String>,
}

/// A fact of an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExampleFact {
    pub id: String,
    pub value: YesNo,
    /// Who stated it; `None` for somebody who may.
    pub by: Option<String>,
}

impl Party {
    /// Reads an address, `@domain`, or a name.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.strip_prefix('@') {
            Some(domain) => {
                let plain = domain.contains('.') && !domain.contains(['@', ' ']);
                plain.then(|| Self::Domain(domain.to_ascii_lowercase()))
            }
            None => (!text.is_empty()).then(|| Self::Person(text.to_lowercase())),
        }
    }

    /// Somebody who is this party.
    pub fn example(&self) -> String {
        match self {
            Self::Person(person) => person.clone(),
            Self::Domain(domain) => format!("somebody@{domain}"),
        }
    }

    /// Whether `by`, a name or an address, is this party.
    pub fn is(&self, by: &str) -> bool {
        match self {
            Self::Person(person) => by.trim().to_lowercase() == *person,
            Self::Domain(domain) => Address::new(by).is_some_and(|a| a.is_at(std::slice::from_ref(domain))),
        }
    }
}

impl std::fmt::Display for Party {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Person(person) => f.write_str(person),
            Self::Domain(domain) => write!(f, "anybody at {domain}"),
        }
    }
}

impl Fact {
    /// Whether `by` may state it.
    pub fn may_be_stated_by(&self, by: &str) -> bool {
        self.by.as_ref().is_none_or(|parties| parties.iter().any(|p| p.is(by)))
    }

    /// Who may state it, in words; nothing when everybody may.
    pub fn stated_by(&self) -> Option<String> {
        let parties: Vec<String> = self.by.as_ref()?.iter().map(ToString::to_string).collect();
        Some(parties.join(", "))
    }
}
