//! Answers questions about the signed log, and collects what proves something.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::desk::failed;
use super::library::Records;
use crate::answer::pack::{Files, Material, pack};
use crate::answer::{self, Context, LogAnswer, LogQuestion, OpportunityAnswer, Response};
use crate::edge::store::{Batch, Moment, Store, StoreError};
use crate::model::{Digest, OpportunityId, Outcome};
use crate::record::log::{ENTRIES_PER_TILE, Record, Tile, bundle};
use crate::record::record_leaf;
use crate::record::{Act, Deed, Entry};

/// Octets of mail in the packs of one sample: they are in memory several times while they are packed.
const PACKS_BYTES_MAX: u64 = 64 << 20;

/// Answers. Blocking; an audit and a pack read the whole journal.
pub fn answer(store: &Store, question: LogQuestion, context: Context<'_>) -> Response {
    let answer = match question {
        LogQuestion::Audit { scope, seen } => store.audit(scope, seen).map(LogAnswer::Audit),
        LogQuestion::Pack { opportunity } => {
            return files(store, &opportunity, context, |store, answer| {
                let pack = packs_of(store, std::slice::from_ref(answer))?.pop();
                Ok(LogAnswer::Files(pack.unwrap_or_default()))
            });
        }
        LogQuestion::Packs { opportunities, by } => return packs(store, &opportunities, by, context),
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

/// The packs of several opportunities, with everything recorded that is handed out.
fn packs(store: &Store, opportunities: &[OpportunityId], by: String, context: Context<'_>) -> Response {
    let mut answers = Vec::new();
    for opportunity in opportunities {
        match answer::show(opportunity.as_str(), &Records(store), context) {
            Response::Opportunity(answer) => answers.push(*answer),
            other => return other,
        }
    }
    let work = || -> Result<Response, StoreError> {
        let (mut acts, mut octets) = (Vec::new(), 0);
        for digest in answers.iter().flat_map(digests_of).collect::<BTreeSet<_>>() {
            let (Some(outcome), Some(seen)) = (store.outcome(&digest)?, store.seen(&digest)?) else {
                continue;
            };
            octets += seen.size;
            let deed = Deed::Access { message: outcome.identity, sha256: digest };
            let (by, reason) = (by.clone(), "packs of a sample".to_owned());
            acts.push(Entry::Act(Box::new(Act { at: context.now, by, reason, deed })));
        }
        if octets > PACKS_BYTES_MAX {
            let text =
                "The mail of these opportunities is too much for one archive: choose a smaller sample.";
            return Ok(Response::Refused { code: "too_large".into(), text: text.into() });
        }
        store.append(Batch { entries: acts, ..Batch::default() })?;
        let names = answers.iter().map(|answer| answer.report.opportunity.to_string());
        let packs = names.zip(packs_of(store, &answers)?).collect();
        Ok(Response::Log(Box::new(LogAnswer::Packs(packs))))
    };
    work().unwrap_or_else(|error| failed(&error))
}

fn digests_of(answer: &OpportunityAnswer) -> BTreeSet<Digest> {
    answer.messages.iter().filter_map(|m| Digest::from_hex(&m.sha256)).collect()
}

/// The files of each pack, in base64. The journal is read once for all of them.
fn packs_of(
    store: &Store,
    answers: &[OpportunityAnswer],
) -> Result<Vec<BTreeMap<String, String>>, StoreError> {
    let (mut known, mut texts) = (Vec::new(), Vec::new());
    for answer in answers {
        let digests = digests_of(answer);
        let mut keys = BTreeSet::new();
        for digest in &digests {
            keys.extend(store.outcome(digest)?.into_iter().flat_map(|outcome: Outcome| outcome.keys));
        }
        let names = keys.iter().map(|(name, _)| format!("\"{name}\""));
        let opportunity = format!("\"{}\"", answer.report.opportunity);
        texts.push(digests.iter().map(Digest::to_string).chain([opportunity]).chain(names).collect());
        known.push((digests, keys));
    }
    let mut packs = Vec::new();
    for ((answer, (digests, keys)), mut records) in answers.iter().zip(known).zip(store.records_with(&texts)?)
    {
        let mut mails = BTreeMap::new();
        for digest in &digests {
            mails.insert(*digest, store.raw(digest)?);
        }
        records.retain(|record| belongs(record, &digests, &keys));
        let numbers: Vec<u64> = records.iter().map(|record| record.seq).collect();
        let (note, proofs) = store.prove_all(&numbers)?;
        let records: Vec<_> = records.into_iter().zip(proofs).collect();
        let head = (note.as_str(), store.verifier());
        packs.push(encoded(pack(&Material { answer, mails: &mails, records: &records, head })));
    }
    Ok(packs)
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
    let (_, Moment { size, root, .. }) = store.settled(|| ())?;
    for evidence in answer::proof::candidates(answer) {
        if let (Some(raw), Some(outcome)) = (store.raw(&evidence.sha256)?, store.outcome(&evidence.sha256)?)
            && let Some(letter) = answer::proof::letter(answer, &outcome, &raw, (size, root))
        {
            let name = format!("{}-proof.eml", answer.report.opportunity);
            return Ok(LogAnswer::Files(encoded(Files::from([(name, letter)]))));
        }
    }
    let text = format!(
        "{} has no verified endorsement to show: it stands at `{}`.",
        answer.report.opportunity,
        answer.report.standing.as_str()
    );
    Ok(LogAnswer::Nothing(text))
}

fn encoded(files: Files) -> BTreeMap<String, String> {
    files.into_iter().map(|(path, octets)| (path, STANDARD.encode(octets))).collect()
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
