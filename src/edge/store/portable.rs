//! Export and import: the record as lines of JSON that any program can read. An import gives the same log: the same
//! leaves, the same root.
//!
//! ```text
//! {"endorsed_export":1,"verifier":"…","checkpoint":"…"}
//! {"mail":"sha256","octets":"base64"}            before the entries that name it; erased mail is left out
//! {"entry":7,"v":2,"salt":"hex","json":"…"}      the octets that the leaf commits to
//! {"consider":["sha256",…]}                      copies that wait
//! {"end":{"entries":19,"root":"hex"}}
//! ```

use std::io::{self, BufRead, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::journal::{self, Bodies, Fact};
use super::{Store, seal};
use crate::model::Digest;
use crate::record::log::{Record, SeenHead};

/// Version of the lines.
const VERSION: u32 = 1;
/// Octets of mail and entries that are stored in one commit of an import.
const CHUNK_BYTES: usize = 4 << 20;
/// Lines of one commit, so that all rows fit one transaction of the index.
const CHUNK_LINES: usize = 500;

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Title { endorsed_export: u32, verifier: String, checkpoint: String },
    Mail { mail: Digest, octets: String },
    Entry { entry: u64, v: u8, salt: String, json: String },
    Consider { consider: Vec<Digest> },
    End { end: End },
}

#[derive(Debug, Serialize, Deserialize)]
struct End {
    entries: u64,
    root: Digest,
}

/// What is stored in one commit of an import.
#[derive(Default)]
struct Chunk {
    raw: Vec<Vec<u8>>,
    records: Vec<Record>,
    consider: Vec<Digest>,
    bytes: usize,
}

impl Chunk {
    fn is_full(&self) -> bool {
        self.bytes >= CHUNK_BYTES || self.raw.len() + self.records.len() + self.consider.len() >= CHUNK_LINES
    }
}

impl Store {
    /// Writes everything that was acknowledged when this was called; returns the head of its log.
    ///
    /// # Errors
    /// Those of reading, and of `out`.
    pub fn export(&self, out: &mut dyn Write) -> Result<SeenHead, StoreError> {
        let (head, note) = self.checkpoint()?;
        let end = self.writer.lock().map_err(|_| self.dead("a writer panicked".into()))?.journal;
        let mut print = |line: &Line| {
            let write = serde_json::to_writer(&mut *out, line).map_err(io::Error::from);
            write
                .and_then(|()| out.write_all(b"\n"))
                .map_err(StoreError::io("write the export of", &self.folder))
        };
        let verifier = self.verifier().to_owned();
        print(&Line::Title { endorsed_export: VERSION, verifier, checkpoint: note })?;
        let mut entries = 0;
        self.journal.frames(journal::START, end, |offset, frame| {
            match self.journal.decode(&frame, offset)?.0 {
                Fact::Stored(placed) => {
                    for place in placed {
                        if let Some(octets) = self.segments.read(&place)? {
                            print(&Line::Mail { mail: place.sha256, octets: STANDARD.encode(octets) })?;
                        }
                    }
                    Ok(())
                }
                Fact::Consider(consider) => print(&Line::Consider { consider }),
                Fact::Entry(_) => {
                    entries += 1;
                    let record = Record { seq: frame.seq, version: frame.version, body: frame.body };
                    let salt = record.salt().unwrap_or_default().iter().map(|b| format!("{b:02x}")).collect();
                    let json = String::from_utf8_lossy(record.json()).into_owned();
                    print(&Line::Entry { entry: record.seq, v: record.version, salt, json })
                }
            }
        })?;
        let root = self.tree.root_at(entries)?;
        print(&Line::End { end: End { entries, root } })?;
        debug_assert!(entries >= head.size);
        Ok(SeenHead { size: entries, root })
    }

    /// Takes an export into this store, which must be empty. The log has the same root afterwards; what signs it is the
    /// key of this store.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names the line that is not as it was exported.
    pub fn import(&self, from: &mut dyn BufRead, name: &Path) -> Result<SeenHead, StoreError> {
        if self.size() > 0 {
            return Err(StoreError::Unwritable {
                why: "the store that takes an import must be empty".into(),
            });
        }
        let mut chunk = Chunk::default();
        let mut end = None;
        for (n, line) in from.lines().enumerate() {
            let line = line.map_err(StoreError::io("read", name))?;
            let bad = |what: &str| StoreError::corrupt(format!("line {}: {what}", n + 1), name, 0);
            let line: Line = serde_json::from_str(&line).map_err(|_| bad("this is no line of an export"))?;
            match line {
                _ if end.is_some() => return Err(bad("something stands behind the end")),
                Line::Title { endorsed_export: VERSION, verifier, checkpoint } if n == 0 => {
                    seal::open_note(&checkpoint, &verifier, name)?;
                }
                Line::Title { .. } => return Err(bad("an export of this version starts otherwise")),
                _ if n == 0 => return Err(bad("the first line of an export is missing")),
                Line::Mail { mail, octets } => {
                    let octets = STANDARD.decode(octets).map_err(|_| bad("the mail is no base64"))?;
                    if Digest::of(&octets) != mail {
                        return Err(bad("the mail does not have its sha256"));
                    }
                    chunk.bytes += octets.len();
                    chunk.raw.push(octets);
                }
                Line::Entry { entry, v, salt, json } => {
                    if entry != self.size() + chunk.records.len() as u64 {
                        return Err(bad("an entry is missing before this one"));
                    }
                    let mut body = unhex(&salt).ok_or_else(|| bad("the salt is not hexadecimal"))?;
                    body.extend_from_slice(json.as_bytes());
                    chunk.bytes += body.len();
                    chunk.records.push(Record { seq: entry, version: v, body });
                }
                Line::Consider { consider } => {
                    chunk.consider.extend(consider);
                    // Entries that follow may take the marks back.
                    self.take(&mut chunk)?;
                }
                Line::End { end: last } => end = Some(last),
            }
            if chunk.is_full() {
                self.take(&mut chunk)?;
            }
        }
        self.take(&mut chunk)?;
        let (size, root) = self.log_head();
        match end {
            Some(end) if (end.entries, end.root) == (size, root) => Ok(SeenHead { size, root }),
            Some(_) => Err(StoreError::corrupt("the log has another root than the one exported", name, 0)),
            None => Err(StoreError::corrupt("the export is cut off: its last line is missing", name, 0)),
        }
    }

    fn take(&self, chunk: &mut Chunk) -> Result<(), StoreError> {
        let Chunk { raw, records, consider, .. } = std::mem::take(chunk);
        let copies = super::name(&raw)?;
        let mut bodies = Bodies::default();
        records.into_iter().try_for_each(|record| bodies.record(record))?;
        bodies.consider(consider)?;
        self.store(copies, bodies).map(drop)
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if digits.len().is_multiple_of(2) { digits.chunks(2).map(pair).collect() } else { None }
}
