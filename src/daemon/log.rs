//! Answers questions about the signed log, and collects what proves something.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::desk::failed;
use super::library::Records;
use crate::answer::pack::{Files, Material, pack};
use crate::answer::{self, Context, LogAnswer, LogQuestion, OpportunityAnswer, Response};
use crate::edge::store::{Store, StoreError};
use crate::model::{Digest, OpportunityId, Outcome};
use crate::record::Entry;
use crate::record::log::{ENTRIES_PER_TILE, Record, Tile, bundle};
use crate::record::record_leaf;

/// Answers. Blocking; an audit and a pack read the whole journal.
pub fn answer(store: &Store, question: LogQuestion, context: Context<'_>) -> Response {
    let answer = match question {
        LogQuestion::Audit { scope, seen } => store.audit(scope, seen).map(LogAnswer::Audit),
        LogQuestion::Pack { opportunity } => return files(store, &opportunity, context, pack_of),
        LogQuestion::Proof { opportunity } => return files(store, &opportunity, context, proof_of),
        LogQuestion::Public { path } => {
            public(store, &path).map(|f| LogAnswer::Public(f.map(|f| STANDARD.encode(f))))
        }
        LogQuestion::Keys => return super::official::keys(store),
        LogQuestion::Backup { folder } => store.backup(Path::new(&folder)).map(LogAnswer::Backup),
    };
    answer.map_or_else(|error| failed(&error), |answer| Response::Log(Box::new(answer)))
}

/// What is collected for an opportunity that is on record.
fn files(
    store: &Store,
    opportunity: &OpportunityId,
    context: Context<'_>,
    collect: impl FnOnce(&Store, &OpportunityAnswer) -> Result<LogAnswer, StoreError>,
) -> Response {
    match answer::show(opportunity.as_str(), &Records(store), context) {
        Response::Opportunity(answer) => {
            let collected = collect(store, &answer);
            collected.map_or_else(|error| failed(&error), |answer| Response::Log(Box::new(answer)))
        }
        other => other,
    }
}

fn pack_of(store: &Store, answer: &OpportunityAnswer) -> Result<LogAnswer, StoreError> {
    let digests: BTreeSet<Digest> =
        answer.messages.iter().filter_map(|m| Digest::from_hex(&m.sha256)).collect();
    let mut mails = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for digest in &digests {
        mails.insert(*digest, store.raw(digest)?);
        keys.extend(store.outcome(digest)?.into_iter().flat_map(|outcome: Outcome| outcome.keys));
    }
    let opportunity = format!("\"{}\"", answer.report.opportunity);
    let mut texts: Vec<String> = digests.iter().map(Digest::to_string).collect();
    texts.push(opportunity.clone());
    texts.extend(keys.iter().map(|(name, _)| format!("\"{name}\"")));
    let mut records = store.records_with(&texts)?;
    records.retain(|record| belongs(record, &digests, &keys));
    let numbers: Vec<u64> = records.iter().map(|record| record.seq).collect();
    let (note, proofs) = store.prove_all(&numbers)?;
    let records: Vec<_> = records.into_iter().zip(proofs).collect();
    let head = (note.as_str(), store.verifier());
    let files = pack(&Material { answer, mails: &mails, records: &records, head });
    Ok(encoded(files))
}

/// Whether an entry in which a text of the opportunity occurs is about it.
fn belongs(record: &Record, digests: &BTreeSet<Digest>, keys: &BTreeSet<(String, Option<Digest>)>) -> bool {
    match serde_json::from_slice::<Entry>(record.json()) {
        Ok(Entry::Seen(seen)) => digests.contains(&seen.sha256),
        Ok(Entry::Considered(outcome)) => digests.contains(&outcome.sha256),
        Ok(Entry::Key(key)) => keys.contains(&(key.name.clone(), key.digest())),
        // Gate answers, decisions, tombstones: whatever names the opportunity or its mail.
        Ok(_) | Err(_) => true,
    }
}

fn proof_of(store: &Store, answer: &OpportunityAnswer) -> Result<LogAnswer, StoreError> {
    let (size, root) = store.log_head();
    for evidence in answer::proof::candidates(answer) {
        if let (Some(raw), Some(outcome)) = (store.raw(&evidence.sha256)?, store.outcome(&evidence.sha256)?)
            && let Some(letter) = answer::proof::letter(answer, &outcome, &raw, (size, root))
        {
            let name = format!("{}-proof.eml", answer.report.opportunity);
            return Ok(encoded(Files::from([(name, letter)])));
        }
    }
    let text = format!(
        "{} has no verified endorsement to show: it stands at `{}`.",
        answer.report.opportunity,
        answer.report.standing.as_str()
    );
    Ok(LogAnswer::Nothing(text))
}

fn encoded(files: Files) -> LogAnswer {
    LogAnswer::Files(files.into_iter().map(|(path, octets)| (path, STANDARD.encode(octets))).collect())
}

/// A file of the C2SP read interface.
pub fn public(store: &Store, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
    if path == "checkpoint" {
        return Ok(Some(store.checkpoint()?.1.into_bytes()));
    }
    let Some(Ok(tile)) = path.strip_prefix("tile/").map(Tile::parse) else { return Ok(None) };
    if tile.is_in(store.log_head().0) { tile_of(store, &tile).map(Some) } else { Ok(None) }
}

/// The octets of a tile or a bundle that is in the log.
pub fn tile_of(store: &Store, tile: &Tile) -> Result<Vec<u8>, StoreError> {
    if tile.level.is_some() {
        return Ok(store.log_hashes(&tile.stored())?.iter().flat_map(|d| d.0).collect());
    }
    let mut leaves = Vec::with_capacity(usize::try_from(ENTRIES_PER_TILE).unwrap_or_default());
    for seq in tile.range() {
        let record = store.record(seq)?;
        let leaf = record.and_then(|record| record_leaf(record.seq, record.version, &record.body));
        leaves.push(leaf.map(|leaf| leaf.text()).unwrap_or_default());
    }
    Ok(bundle(leaves.iter().map(String::as_str)))
}
