//! The index against a fold made anew, beside the audit of the files.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::Store;
use super::audit::audit;
use super::error::StoreError;
use super::guard;
use super::index::{Draft, Index};
use super::journal::{Fact, Span};
use super::rows::Head;
use crate::record::log::{Audit, Finding, Scope, SeenHead};

/// Audits a store that no process has open, also one that does not open any more. Changes nothing in its files.
///
/// # Errors
/// [`StoreError::Locked`], [`StoreError::NotFound`] and those of the operating system; damage is a finding.
pub fn audit_folder(
    folder: &Path,
    scope: Scope,
    seen: Option<SeenHead>,
    lock_wait: Duration,
) -> Result<Audit, StoreError> {
    if !folder.join("format").exists() && !folder.join("journal").exists() {
        return Err(StoreError::NotFound { path: folder.to_owned() });
    }
    let _lock = guard::lock(folder, lock_wait)?;
    let mut fold = Fold::new(folder);
    let mut report = audit(folder, scope, seen, || None, &mut |facts| fold.add(facts))?;
    if !report.is_clean() || scope == Scope::Log {
        return Ok(report);
    }
    fold.commit()?;
    let path = folder.join("index");
    if !path.join("db").exists() {
        report.notes.push("there is no index; the next start makes it from the journal".into());
        return Ok(report);
    }
    match Index::open(&path, lock_wait).and_then(|index| Ok((index.head()?, index))) {
        Ok((head, _)) if head.journal < fold.head.journal => {
            let behind = fold.head.size.saturating_sub(head.size);
            report.notes.push(format!("the index is {behind} entries behind; the next start brings it up"));
        }
        Ok((_, index)) => report.findings.extend(fold.compare(&index)?),
        Err(StoreError::Index { why, .. }) => {
            report.notes.push(format!("the index does not open ({why}); the next start makes it anew"));
        }
        Err(error) => return Err(error),
    }
    Ok(report)
}

/// Audits an open store.
pub fn live(store: &Store, scope: Scope, seen: Option<SeenHead>) -> Result<Audit, StoreError> {
    let mut fold = Fold::new(&store.folder);
    let lock = || store.writer.lock().map_err(|_| store.dead("a writer panicked".into()));
    let bound = || lock().ok().map(|head| head.journal);
    let mut report = audit(&store.folder, scope, seen, bound, &mut |facts| fold.add(facts))?;
    if !report.is_clean() || scope == Scope::Log {
        return Ok(report);
    }
    fold.commit()?;
    // From here on nobody writes: what came in meanwhile is folded too.
    let writer = lock()?;
    let (from, size) = (fold.head.journal, fold.head.size);
    store.journal.scan(from, writer.journal, writer.journal, size, |batch| fold.add(batch))?;
    fold.commit()?;
    report.findings.extend(fold.compare(&store.index)?);
    Ok(report)
}

/// Facts that are committed to the fresh index at once.
const FACTS_MAX: usize = 1_000;

/// An index that is made anew in a scratch folder on the same disk, as soon as there is something to put into it.
struct Fold<'a> {
    folder: &'a Path,
    // Fields drop in order: the index closes before its folder goes.
    index: Option<Index>,
    scratch: Option<TempDir>,
    head: Head,
    waiting: Vec<(Fact, Span)>,
}

impl<'a> Fold<'a> {
    fn new(folder: &'a Path) -> Self {
        Self { folder, index: None, scratch: None, head: Head::EMPTY, waiting: Vec::new() }
    }

    fn add(&mut self, facts: Vec<(Fact, Span)>) -> Result<(), StoreError> {
        self.waiting.extend(facts);
        if self.waiting.len() >= FACTS_MAX { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        if self.index.is_none() && self.waiting.is_empty() {
            // An index of nothing has no row, not even a head.
            return Ok(());
        }
        if self.index.is_none() {
            let scratch = tempfile::Builder::new().prefix("index.check-").tempdir_in(self.folder);
            let scratch = scratch.map_err(StoreError::io("make a scratch folder in", self.folder))?;
            self.index = Some(Index::open(&scratch.path().join("index"), Duration::ZERO)?);
            self.scratch = Some(scratch);
        }
        let Some(index) = &self.index else { return Ok(()) };
        let mut draft = Draft::new(index, self.head);
        self.waiting.drain(..).try_for_each(|(fact, span)| draft.add(&fact, span))?;
        self.head = draft.head;
        index.commit(draft, false)
    }

    /// What is wrong with an index that must hold the same.
    fn compare(&self, index: &Index) -> Result<Option<Finding>, StoreError> {
        let Some(fresh) = &self.index else { return Ok(None) };
        let found = index.first_difference(fresh)?;
        Ok(found.map(|(table, entry)| {
            let what = format!(
                "a row of its table `{table}` is not what the entries say; delete `index`, it is made anew"
            );
            Finding { place: index.folder().display().to_string(), entry, what }
        }))
    }
}
