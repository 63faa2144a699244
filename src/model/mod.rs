//! The nouns: what the stages hand to each other. No decisions live here.

mod address;
mod asked;
mod authorship;
mod criteria;
mod deal;
mod declaration;
mod digest;
mod fact;
mod message;
mod opinion;
mod outcome;
mod policy;
mod reading;
mod reason;
mod role;
mod signal;
mod standing;
mod witness;

pub use address::{Address, Mailbox, MessageId, OpportunityId};
pub use asked::Asked;
pub use authorship::{Authorship, Binding, Claim, CriteriaSeen};
pub use criteria::{
    Condition, CriteriaDiff, CriteriaVersion, EvidenceKind, FileHash, ManualEvidence, PlanCriterion,
    PlanReport, Reworded,
};
pub use deal::{DealEnd, DealField, Ended};
pub use declaration::{Criterion, Declaration, DeclaredResult, Form, Lint, criteria_digest};
pub use digest::Digest;
pub use fact::{FACT_NAME_BYTES_MAX, StatedFact, YesNo, is_fact_name};
pub use message::{Defect, Header, Message, Part};
pub use opinion::{CriterionAnswer, Guess, Judgement, Spoken, Verdict};
pub use outcome::{Automatic, Kind, Outcome, Recognition};
pub use policy::{Account, Accounts, Border, Policy, Receiver, Seller};
pub use reading::{InlineAnswer, Reading, Segment, SegmentKind};
pub use reason::{Reason, Source};
pub use role::{Means, RoleWord};
pub use signal::{Said, Signal};
pub use standing::{Acceptance, Endorser, Evidence, Standing, StandingReport, Tally, Terms};
pub use witness::{Body, KeyRecord, KeyState, Sighting, Signature, Witnessed};
