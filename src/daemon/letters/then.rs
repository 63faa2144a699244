//! Letters as they would have been written when a deal's mail came in. Nothing is planned or sent.

use jiff::Timestamp;

use super::file::{File, Since};
use crate::daemon::Engine;
use crate::edge::store::StoreError;
use crate::model::{Address, OpportunityId};
use crate::prompt::{ComposeError, Settings, Written, compose};

/// A letter that would have been written.
#[derive(Debug)]
pub struct Example {
    /// The rule that wants it.
    pub rule: String,
    /// To whom.
    pub to: Address,
    /// The letter.
    pub written: Written,
}

/// The letters about a deal at the moment at which the last of its mail came in; where none was due then, those of the next
/// moment at which one is. Blocking.
///
/// # Errors
/// When the record can not be read.
pub fn examples(
    engine: &Engine,
    settings: &Settings,
    opportunity: &OpportunityId,
) -> Result<Vec<Result<Example, ComposeError>>, StoreError> {
    let (store, policy) = (&engine.store, engine.policy());
    let mut last = Timestamp::MIN;
    for copy in store.of_opportunity(opportunity)? {
        last = store.outcome(&copy)?.map_or(last, |outcome| last.max(outcome.seen_at));
    }
    let since = Since { since: Timestamp::MIN, now: last };
    let file = File::open(store, &policy, settings, opportunity, since)?;
    let mut schedule = file.schedule(&policy, settings, 0, last);
    if schedule.due.is_empty()
        && let Some(next) = schedule.next.first().map(|wake| wake.at)
    {
        schedule = file.schedule(&policy, settings, 0, next);
    }
    let Some(subject) = &file.subject else { return Ok(Vec::new()) };
    let shown = |at| settings.seller.shown(at);
    let letters = schedule.due.iter().map(|due| {
        let written = compose(due, subject, &settings.sender, &settings.texts, "TOKEN", last, &shown)?;
        Ok(Example { rule: due.rule.clone(), to: due.to.address.clone(), written })
    });
    Ok(letters.collect())
}
