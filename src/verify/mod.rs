//! Who said it: policy over the edge's facts. Blind to what was said.

use crate::model::{
    Authorship, Binding, Claim, CriteriaSeen, Declaration, Message, Policy, Reading, Witnessed,
};

/// The declaration that a message answers, with what proves it.
#[derive(Debug, Clone)]
pub struct Case<'a> {
    /// The message that declared.
    pub declared: &'a Witnessed,
    /// What it declares.
    pub declaration: &'a Declaration,
}

/// Says who wrote `witnessed`, which answers `case`. `reading` serves to compare the quoted criteria.
pub fn verify(witnessed: &Witnessed, case: &Case<'_>, reading: &Reading, policy: &Policy) -> Authorship {
    let _ = (witnessed, case, reading, policy);
    Authorship {
        claim: Claim::Unverified,
        binding: Binding::Unbound,
        seen: CriteriaSeen::Threaded,
        signed_by: None,
        reasons: Vec::new(),
    }
}

/// Names of the DKIM key records that the message's signatures need: `selector._domainkey.domain`.
pub fn key_names(message: &Message) -> Vec<String> {
    let _ = message;
    Vec::new()
}

/// Whether a declaration provably comes from the seller's own domain, and if not, why.
pub fn authenticate_declaration(witnessed: &Witnessed, policy: &Policy) -> (bool, Vec<crate::model::Reason>) {
    let _ = (witnessed, policy);
    (false, Vec::new())
}
