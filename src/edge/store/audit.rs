//! Recomputes everything from the files, and trusts nothing that is held in memory. Only reads, so that a store may be
//! looked at that does not open, or that a running process writes to.

use std::path::{Path, PathBuf};

use super::error::{StoreError, spot};
use super::frame::{self, Ahead, Found, ReadAt};
use super::journal::{self, Fact, Journal, Span};
use super::opening::{self, FORMAT};
use super::segments::{self, Segments, Tail};
use super::tree::not_signed;
use super::{journal::leaf_of, seal};
use crate::model::Digest;
use crate::record::log::{Audit, Checkpoint, ERASED, Finding, Frontier, Scope, SeenHead, Signer};

/// Takes the facts of a batch, in the order of the journal.
pub type Each<'a> = dyn FnMut(Vec<(Fact, Span)>) -> Result<(), StoreError> + 'a;

/// Audits the files of a folder. `bound` is asked for the length of the journal that was acknowledged; when nobody
/// writes to the store it is `None`, and the files are read to their ends. `each` gets all facts of the journal when the
/// scope is everything, until something is found.
///
/// # Errors
/// Those of the operating system, and of files of a newer release; damage is a finding.
pub fn audit(
    folder: &Path,
    scope: Scope,
    seen: Option<SeenHead>,
    bound: impl FnOnce() -> Option<u64>,
    each: &mut Each<'_>,
) -> Result<Audit, StoreError> {
    let mut report = Report::new(scope);
    report.keep(check_format(folder))?;
    // The head first: while somebody writes, what is read later may only be more.
    let signed = report.keep(read_head(folder))?.flatten();
    let bound = bound();
    if let Some((head, verifier)) = &signed {
        report.audit.signed = Some(head.size);
        report.audit.verifier = Some(verifier.clone());
    }
    let mark = report.keep(check_mark(folder))?.unwrap_or_default();
    let Some(journal) = report.keep(Journal::open_to_read(&folder.join("journal")))? else {
        return Ok(report.audit);
    };
    let mut walk = Walk {
        journal: &journal,
        segments: Segments::to_read(folder.join("segments")),
        tree: TreeFile::open(folder)?,
        frontier: Frontier::default(),
        tail: Tail::default(),
        signed: signed.map(|(head, _)| head),
        seen,
        each,
        report,
    };
    let end = match bound {
        Some(bound) => bound,
        None => journal.length()?,
    };
    // Offline, the journal may end in a write that was never acknowledged.
    let known = bound.unwrap_or(mark);
    walk.walk(end, known)?;
    Ok(walk.finish())
}

struct Report {
    audit: Audit,
}

impl Report {
    fn new(scope: Scope) -> Self {
        Self {
            audit: Audit {
                scope,
                log_size: 0,
                log_root: Frontier::default().root(),
                signed: None,
                verifier: None,
                erased_entries: 0,
                raw: 0,
                raw_bytes: 0,
                erased_raw: 0,
                journal_bytes: 0,
                seen_holds: None,
                notes: Vec::new(),
                findings: Vec::new(),
            },
        }
    }

    /// Turns damage into a finding.
    fn keep<T>(&mut self, result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        self.keep_of(result, None)
    }

    fn keep_of<T>(
        &mut self,
        result: Result<T, StoreError>,
        entry: Option<u64>,
    ) -> Result<Option<T>, StoreError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Corrupt { what, at, .. }) => {
                self.audit.findings.push(Finding { place: at, entry, what });
                Ok(None)
            }
            Err(StoreError::Key { path, why }) => {
                self.audit.findings.push(Finding { place: spot(&path, 0), entry, what: why });
                Ok(None)
            }
            // A version that nobody ever wrote is damage where an audit looks; a newer release says so in `format`.
            Err(StoreError::Format { at, found, .. }) => {
                let what = format!("written as {found}, which this program does not know");
                self.audit.findings.push(Finding { place: at, entry, what });
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// The journal from front to back.
struct Walk<'a, 'e> {
    journal: &'a Journal,
    segments: Segments,
    tree: TreeFile,
    frontier: Frontier,
    tail: Tail,
    signed: Option<Checkpoint>,
    seen: Option<SeenHead>,
    each: &'a mut Each<'e>,
    report: Report,
}

impl Walk<'_, '_> {
    fn walk(&mut self, end: u64, known: u64) -> Result<(), StoreError> {
        self.compare_heads();
        let everything = self.report.audit.scope == Scope::Everything;
        let mut ahead = Ahead::new(&self.journal.file);
        let (mut start, mut at) = (journal::START, journal::START);
        let mut batch: Vec<(Fact, Span)> = Vec::new();
        let mut in_batch = false;
        while at < end {
            let read =
                frame::read(&mut ahead, at, end).map_err(StoreError::io("read", self.journal.path()))?;
            let (frame, crc) = match read {
                Found::Whole(frame, crc) => (frame, crc),
                Found::Damaged(why) => return self.damage(start, at, known, why),
            };
            if (frame.flags & frame::FIRST != 0) == in_batch || frame.seq != self.frontier.size() {
                return self.damage(start, at, u64::MAX, "a frame stands out of order");
            }
            let length = u32::try_from(frame::HEADER + frame.body.len()).unwrap_or(u32::MAX);
            let entry = (frame.kind == frame::ENTRY).then_some(frame.seq);
            if entry.is_some() {
                let Some(leaf) = leaf_of(&frame) else {
                    return self.damage(start, at, u64::MAX, "a frame's body cannot be read");
                };
                self.report.audit.erased_entries += u64::from(frame.version == ERASED);
                self.leaf(leaf.hash())?;
            }
            if everything {
                let Some((fact, leaf)) = self.report.keep_of(self.journal.decode(&frame, at), entry)? else {
                    return Ok(());
                };
                batch.push((fact, Span { offset: at, length, crc, leaf }));
            }
            in_batch = frame.flags & frame::LAST == 0;
            at += u64::from(length);
            if !in_batch {
                self.batch(std::mem::take(&mut batch))?;
                start = at;
                self.report.audit.journal_bytes = at;
            }
        }
        if in_batch { self.damage(start, at, known, "a batch has no end") } else { Ok(()) }
    }

    /// Damage in the batch that starts at `start`: a torn write that nobody was told about, or a finding.
    fn damage(&mut self, start: u64, at: u64, known: u64, why: &str) -> Result<(), StoreError> {
        let size = self.frontier.size();
        let result = match known {
            u64::MAX => Err(StoreError::corrupt(why, self.journal.path(), at)),
            known => self.journal.torn_or_corrupt(start, at, known, why),
        };
        if self.report.keep_of(result, Some(size))?.is_some() {
            let note = format!("the journal ends in a write that was never acknowledged, at byte {start}");
            self.report.audit.notes.push(note);
        }
        Ok(())
    }

    /// Takes a leaf up and compares what the tree's file says of it.
    fn leaf(&mut self, leaf: Digest) -> Result<(), StoreError> {
        let seq = self.frontier.size();
        let computed = self.frontier.push(leaf);
        let place = self.tree.compare(&computed)?;
        if let Some((place, what)) = place {
            self.report.audit.findings.push(Finding { place, entry: Some(seq), what: what.into() });
        }
        self.compare_heads();
        Ok(())
    }

    /// Compares the root with the heads of this size.
    fn compare_heads(&mut self) {
        let size = self.frontier.size();
        if let Some(signed) = self.signed.take_if(|signed| signed.size == size)
            && signed.root != self.frontier.root()
        {
            let place = spot(self.journal.path(), journal::START);
            self.report.audit.findings.push(Finding { place, entry: None, what: not_signed(size) });
        }
        if let Some(seen) = self.seen.take_if(|seen| seen.size == size) {
            let holds = seen.root == self.frontier.root();
            self.report.audit.seen_holds = Some(holds);
            if !holds {
                let what =
                    format!("the log of {size} entries has another root than was told: it was changed since");
                let place = spot(self.journal.path(), journal::START);
                self.report.audit.findings.push(Finding { place, entry: None, what });
            }
        }
    }

    /// Reads the raw copies that a batch names, and hands it on.
    fn batch(&mut self, facts: Vec<(Fact, Span)>) -> Result<(), StoreError> {
        for (fact, _) in &facts {
            let Fact::Stored(placed) = fact else { continue };
            for place in placed {
                let expected = if place.segment == self.tail.segment && self.tail.end > 0 {
                    self.tail.end
                } else {
                    segments::START
                };
                self.tail = Tail { segment: place.segment, end: place.end() };
                let read = if place.offset == expected {
                    self.segments.read(place)
                } else {
                    let path = self.segments.path(place.segment);
                    Err(StoreError::corrupt(
                        "raw mail does not stand behind the one before it",
                        &path,
                        expected,
                    ))
                };
                self.report.audit.raw += 1;
                match self.report.keep(read)? {
                    Some(Some(octets)) => self.report.audit.raw_bytes += octets.len() as u64,
                    Some(None) => self.report.audit.erased_raw += 1,
                    None => {}
                }
            }
        }
        if self.report.audit.findings.is_empty() { (self.each)(facts) } else { Ok(()) }
    }

    fn finish(mut self) -> Audit {
        let size = self.frontier.size();
        self.report.audit.log_size = size;
        self.report.audit.log_root = self.frontier.root();
        let journal = self.journal.path();
        let mut missing = |told: u64, by: &str| {
            let what =
                format!("the journal has {size} entries, but {told} were {by}: it was set back or cut off");
            let place = spot(journal, journal::START);
            self.report.audit.findings.push(Finding { place, entry: Some(size), what });
        };
        if let Some(signed) = &self.signed {
            missing(signed.size, "signed for");
        }
        if let Some(seen) = &self.seen {
            missing(seen.size, "told of");
            self.report.audit.seen_holds = Some(false);
        }
        self.report.audit
    }
}

/// The tree's file beside the hashes computed anew. It may be shorter than they are after a crash, or missing: it is
/// derived, and the next start makes it whole.
struct TreeFile {
    path: PathBuf,
    file: Option<std::fs::File>,
    length: u64,
    at: u64,
    bytes: Vec<u8>,
    start: u64,
}

impl TreeFile {
    fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("tree");
        let file = match std::fs::File::open(&path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::io("open", &path)(error)),
        };
        let length = match &file {
            Some(file) => file.metadata().map_err(StoreError::io("stat", &path))?.len(),
            None => 0,
        };
        Ok(Self { path, file, length, at: 0, bytes: Vec::new(), start: 0 })
    }

    /// The place of the first of these hashes that the file has otherwise.
    fn compare(&mut self, hashes: &[Digest]) -> Result<Option<(String, &'static str)>, StoreError> {
        let Some(file) = &self.file else { return Ok(None) };
        let mut wrong = None;
        for hash in hashes {
            let at = self.at;
            self.at += 32;
            if at + 32 > self.length {
                continue;
            }
            let from = usize::try_from(at - self.start).unwrap_or(usize::MAX);
            if self.bytes.get(from..from.saturating_add(32)).is_none() {
                let size = usize::try_from(self.length - at).unwrap_or(usize::MAX).min(PIECE);
                self.bytes.resize(size, 0);
                let read = (&mut &*file).read_exact_at(&mut self.bytes, at);
                read.map_err(StoreError::io("read", &self.path))?;
                self.start = at;
            }
            let from = usize::try_from(at - self.start).unwrap_or(usize::MAX);
            if self.bytes.get(from..from.saturating_add(32)) != Some(&hash.0[..]) && wrong.is_none() {
                wrong = Some((spot(&self.path, at), "the hash here is not that of the entries"));
            }
        }
        Ok(wrong)
    }
}

/// Bytes of the tree's file that are read at once.
const PIECE: usize = 32 << 13;

fn check_format(folder: &Path) -> Result<(), StoreError> {
    let path = folder.join("format");
    match std::fs::read(&path) {
        Ok(text) if text == format!("{FORMAT}\n").as_bytes() => Ok(()),
        Ok(text) if text.starts_with(b"endorsed store ") && text.get(15) > Some(&b'1') => {
            let found = String::from_utf8_lossy(&text).trim_end().chars().take(60).collect();
            Err(StoreError::Format { at: path.display().to_string(), found, known: FORMAT.into() })
        }
        Ok(_) => Err(StoreError::corrupt("this file does not name the store's format", &path, 0)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if folder.join("journal").exists() {
                return Err(StoreError::corrupt("this file is missing", &path, 0));
            }
            Err(StoreError::NotFound { path: folder.to_owned() })
        }
        Err(error) => Err(StoreError::io("read", &path)(error)),
    }
}

/// The signed head and the key that it was checked with; `None` for a store that was never signed.
fn read_head(folder: &Path) -> Result<Option<(Checkpoint, String)>, StoreError> {
    let verifier = seal::read(&folder.join(seal::VERIFIER))?;
    let note = seal::read(&folder.join(seal::CHECKPOINT))?;
    let key_file = folder.join(seal::KEY);
    let key = seal::read(&key_file)?.map(|text| {
        let bad = |why: String| StoreError::Key { path: key_file.clone(), why };
        let signer = Signer::parse(&text).map_err(|e| bad(e.to_string()))?;
        if text.ends_with(&format!("{}\n", signer.secret())) {
            Ok(signer)
        } else {
            Err(bad("there is more than the key in this file".into()))
        }
    });
    let key = key.transpose()?;
    match (note, verifier) {
        (None, None) => Ok(None),
        (None, Some(_)) => {
            let path = folder.join(seal::CHECKPOINT);
            Err(StoreError::corrupt("the signed head of the log is missing", &path, 0))
        }
        (Some(_), None) => {
            Err(StoreError::corrupt("the log's verifier key is missing", &folder.join(seal::VERIFIER), 0))
        }
        (Some(note), Some(verifier)) => {
            let path = folder.join(seal::VERIFIER);
            let line = verifier.strip_suffix('\n').unwrap_or(&verifier);
            if crate::record::log::check_verifier(line).is_err() {
                return Err(StoreError::corrupt("this is no verifier key", &path, 0));
            }
            if key.is_some_and(|key| key.verifier() != line) {
                return Err(StoreError::corrupt("this is not the verifier key of `log.key`", &path, 0));
            }
            Ok(Some((seal::open_note(&note, line, folder)?, line.to_owned())))
        }
    }
}

/// The acknowledged length in `journal.head`.
fn check_mark(folder: &Path) -> Result<u64, StoreError> {
    let path = folder.join("journal.head");
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(StoreError::io("open", &path)(error)),
    };
    let length = file.metadata().map_err(StoreError::io("stat", &path))?.len();
    match opening::read_mark(&file) {
        0 if length > 0 => Err(StoreError::corrupt("the acknowledged length cannot be read", &path, 0)),
        mark => Ok(mark),
    }
}
