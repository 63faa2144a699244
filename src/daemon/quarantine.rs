//! Messages that were set aside: shown, tried again, dropped.

use jiff::Timestamp;

use super::desk::{Desk, failed};
use crate::answer::{QuarantineAct, QuarantineRow, Response};
use crate::edge::store::{Batch, Store, StoreError};
use crate::record::{Entry, Place, Release, SetAside, Trouble};

impl Desk {
    /// Does what somebody wants with the quarantine. Blocking.
    pub(super) fn quarantine(&self, act: QuarantineAct) -> Response {
        let QuarantineAct::Retry { id } = act else { return quarantine(&self.engine.store, act) };
        let retried = find(&self.engine.store, id.as_deref()).and_then(|found| match found {
            Some(found) => self.retry(&found).map(Some),
            None => Ok(None),
        });
        match retried {
            Ok(Some(text)) => Response::Settled { text },
            Ok(None) => unknown(id.as_deref().unwrap_or_default()),
            Err(error) => failed(&error),
        }
    }

    fn retry(&self, found: &[(String, SetAside)]) -> Result<String, StoreError> {
        let consider = found.iter().filter_map(|(_, aside)| aside.sha256).collect();
        self.engine.store.append(Batch { consider, ..Batch::default() })?;
        self.arrived.notify_one();
        // A source tries all that it set aside: asking for one of them alone would gain nothing.
        self.mailboxes.iter().for_each(|mailbox| mailbox.retry());
        Ok(format!("{} to be tried again", found.len()))
    }
}

/// What the record alone can do. Blocking.
pub(super) fn quarantine(store: &Store, act: QuarantineAct) -> Response {
    match act {
        QuarantineAct::List => match find(store, None) {
            Ok(found) => Response::Quarantine {
                rows: found.into_iter().flatten().map(|(id, a)| QuarantineRow::new(id, a)).collect(),
            },
            Err(error) => failed(&error),
        },
        // A daemon that starts tries again by itself.
        QuarantineAct::Retry { .. } => Response::Failed {
            code: "not_running".into(),
            text: "No daemon runs; what is set aside is tried again when it starts.".into(),
        },
        QuarantineAct::Drop { id, by, reason } => match find(store, Some(&id)) {
            Ok(None) => unknown(&id),
            Ok(Some(found)) => release(store, found, &by, &reason).unwrap_or_else(|e| failed(&e)),
            Err(error) => failed(&error),
        },
    }
}

fn release(
    store: &Store,
    found: Vec<(String, SetAside)>,
    by: &str,
    reason: &str,
) -> Result<Response, StoreError> {
    let drop = |(_, aside): (String, SetAside)| {
        let (by, reason) = (Some(by.to_owned()), reason.to_owned());
        Entry::Released(Release { place: aside.place, by, reason, at: Timestamp::now() })
    };
    let entries: Vec<Entry> = found.into_iter().map(drop).collect();
    let text = format!("{} dropped", entries.len());
    store.append(Batch { entries, ..Batch::default() })?;
    Ok(Response::Settled { text })
}

/// What is set aside and still matters: of an IMAP folder with a new UIDVALIDITY everything was read anew.
fn find(store: &Store, id: Option<&str>) -> Result<Option<Vec<(String, SetAside)>>, StoreError> {
    let mut found = Vec::new();
    for (name, aside) in store.set_aside()? {
        let over = match &aside.place {
            Place::Imap { mailbox, uid_validity, .. } if aside.why != Trouble::Vanished => {
                store.cursor(mailbox)?.is_some_and(|cursor| cursor.uid_validity != *uid_validity)
            }
            _ => false,
        };
        if !over && id.is_none_or(|id| id == name) {
            found.push((name, aside));
        }
    }
    Ok((id.is_none() || !found.is_empty()).then_some(found))
}

fn unknown(id: &str) -> Response {
    Response::Unknown {
        text: format!("Nothing called `{id}` is set aside; `endorsed quarantine list` names what is."),
    }
}
