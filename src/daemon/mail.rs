//! Mails with their pieces, as a person reads them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::desk::failed;
use super::library::Records;
use crate::answer::{self, Context, MailAnswer, Response};
use crate::edge::store::{Store, StoreError};
use crate::model::{Digest, Message, MessageId, OpportunityId, Outcome};
use crate::parse::parse;
use crate::read::body_text;

/// Most mails that one may quote: threads of evaluations are shorter.
const ORIGINALS_MAX: usize = 20;

/// The mail of a copy. Reading never writes.
pub fn answer(store: &Store, sha256: &Digest) -> Response {
    match Reader::new(store).mail(sha256) {
        Ok(Some(mail)) => Response::Mail(Box::new(mail)),
        Ok(None) => Response::Unknown { text: "No such mail is on record.".into() },
        Err(error) => failed(&error),
    }
}

/// Everything that a person reads about an opportunity.
pub fn sheet(store: &Store, opportunity: &OpportunityId, most: usize, context: Context<'_>) -> Response {
    let found = store.settled(|| answer::sheet(opportunity, &Records(store), context));
    let (answer, mut gates, moment) = match found {
        Ok((Ok((answer, gates)), moment)) => (answer, gates, moment),
        Ok((Err(other), _)) => return *other,
        Err(error) => return failed(&error),
    };
    for gate in &mut gates {
        (gate.log_size, gate.log_root) = (Some(moment.size), Some(moment.root));
    }
    let skipped = answer.messages.len().saturating_sub(most);
    let copies = answer.messages.iter().skip(skipped).filter_map(|m| Digest::from_hex(&m.sha256));
    let mut reader = Reader::new(store);
    // One that was erased meanwhile is left out.
    let mails = copies.filter_map(|copy| reader.mail(&copy).transpose()).collect::<Result<_, _>>();
    match mails {
        Ok(mails) => Response::Sheet { opportunity: answer, gates, mails },
        Err(error) => failed(&error),
    }
}

/// Reads the mails of a thread, each of them once.
struct Reader<'a> {
    store: &'a Store,
    /// None where the octets are gone.
    read: BTreeMap<Digest, Option<(Message, String)>>,
}

impl<'a> Reader<'a> {
    fn new(store: &'a Store) -> Self {
        Self { store, read: BTreeMap::new() }
    }

    fn mail(&mut self, sha256: &Digest) -> Result<Option<MailAnswer>, StoreError> {
        let Some(outcome) = self.store.outcome(sha256)? else { return Ok(None) };
        self.load(sha256)?;
        let originals = self.originals(&outcome)?;
        let texts: Vec<&str> = originals.iter().filter_map(|copy| Some(self.get(copy)?.1.as_str())).collect();
        let message = self.get(sha256).map(|(message, _)| message);
        Ok(Some(MailAnswer::new(&outcome, message, &texts)))
    }

    fn get(&self, copy: &Digest) -> Option<&(Message, String)> {
        self.read.get(copy)?.as_ref()
    }

    /// Whether there are octets.
    fn load(&mut self, copy: &Digest) -> Result<bool, StoreError> {
        if !self.read.contains_key(copy) {
            let message = self.store.raw(copy)?.map(|raw| parse(&raw));
            let read = message.map(|message| {
                let text = body_text(&message);
                (message, text)
            });
            self.read.insert(*copy, read);
        }
        Ok(self.get(copy).is_some())
    }

    /// What the mail answers, nearest first, with ancestors.
    fn originals(&mut self, outcome: &Outcome) -> Result<Vec<Digest>, StoreError> {
        let mut queue: VecDeque<MessageId> =
            outcome.parents.iter().chain(&outcome.answers).cloned().collect();
        let mut asked = BTreeSet::new();
        let mut originals = Vec::new();
        while let Some(id) = queue.pop_front() {
            if originals.len() >= ORIGINALS_MAX || !asked.insert(id.clone()) {
                continue;
            }
            for copy in self.store.copies(&id)? {
                if self.load(&copy)? {
                    originals.push(copy);
                }
                queue.extend(self.store.outcome(&copy)?.into_iter().flat_map(|parent| parent.parents));
            }
        }
        Ok(originals)
    }
}
