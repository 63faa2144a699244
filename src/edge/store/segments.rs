//! Raw mail: frames of append-only segment files, addressed by sha256.
//!
//! A segment is never changed after the next one was started. Which frames count is said by the journal; what lies
//! behind them was never acknowledged and is overwritten.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::StoreError;
use super::frame::{self, Found};
use super::guard::sync_folder;
use crate::model::Digest;

/// Where the first frame of a segment lies.
pub const START: u64 = TITLE.len() as u64;
/// First bytes of each file; the digit is the version of the file.
const TITLE: [u8; 16] = *b"endorsed-seg  1\n";
/// Version of the bodies that we write.
const BODY_VERSION: u8 = 1;
/// Version of a body whose octets were erased: its sha256, then zeros, as many as there were octets.
pub const ERASED: u8 = 2;

/// Where a raw copy lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Names the copy.
    pub sha256: Digest,
    /// Number of the segment.
    pub segment: u32,
    /// First byte of its frame.
    pub offset: u64,
    /// Length of its frame with the header, in bytes.
    pub length: u32,
}

impl Placed {
    /// Bytes of [`Self::encode`].
    pub const SIZE: usize = 48;

    /// Digest, segment, offset, length; big-endian.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::SIZE);
        out.extend_from_slice(&self.sha256.0);
        out.extend_from_slice(&self.segment.to_be_bytes());
        out.extend_from_slice(&self.offset.to_be_bytes());
        out.extend_from_slice(&self.length.to_be_bytes());
        out
    }

    /// Takes one off `bytes`.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            sha256: Digest(frame::take(bytes)?),
            segment: frame::take_u32(bytes)?,
            offset: frame::take_u64(bytes)?,
            length: frame::take_u32(bytes)?,
        })
    }

    /// The byte after it.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.length)
    }
}

/// The end of what was acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tail {
    /// The segment that is written to.
    pub segment: u32,
    /// Its length; 0 while it does not exist.
    pub end: u64,
}

/// The folder of segments.
#[derive(Debug)]
pub struct Segments {
    folder: PathBuf,
    bytes_max: u64,
    write: bool,
    open: Mutex<BTreeMap<u32, Arc<File>>>,
}

impl Segments {
    /// The segments of a folder; a new one is started before one grows beyond `bytes_max`.
    pub fn new(folder: PathBuf, bytes_max: u64) -> Self {
        Self { folder, bytes_max, write: true, open: Mutex::new(BTreeMap::new()) }
    }

    /// The segments of a folder, only to read them.
    pub fn to_read(folder: PathBuf) -> Self {
        Self { folder, bytes_max: 0, write: false, open: Mutex::new(BTreeMap::new()) }
    }

    /// The file of a segment.
    pub fn path(&self, segment: u32) -> PathBuf {
        self.folder.join(format!("{segment:08}.seg"))
    }

    /// Checks that everything acknowledged is there and cuts off what is not.
    pub fn recover(&self, tail: Tail) -> Result<(), StoreError> {
        if tail.end == 0 {
            return Ok(());
        }
        let path = self.path(tail.segment);
        let file = self.file(tail.segment)?;
        let length = file.metadata().map_err(StoreError::io("stat", &path))?.len();
        if length < tail.end {
            let what = format!("the segment ends here, the journal names {} bytes of it", tail.end);
            return Err(StoreError::corrupt(what, &path, length));
        }
        if length > tail.end {
            tracing::warn!(segment = %path.display(), bytes = length - tail.end, "cut off mail that was never acknowledged");
            file.set_len(tail.end).map_err(StoreError::io("truncate", &path))?;
        }
        file.sync_all().map_err(StoreError::io("fsync", &path))
    }

    /// Appends copies behind `tail` and makes them durable: one fdatasync for each segment touched.
    pub fn append(
        &self,
        mut tail: Tail,
        copies: &[(Digest, &[u8])],
        seq: u64,
    ) -> Result<Vec<Placed>, StoreError> {
        let mut placed = Vec::with_capacity(copies.len());
        let mut bytes = Vec::new();
        let mut start = tail;
        for (sha256, raw) in copies {
            let length = frame::HEADER + 32 + raw.len();
            let full = tail.end > START && tail.end + length as u64 > self.bytes_max;
            if full {
                self.write(start, &bytes)?;
                bytes.clear();
                tail = Tail { segment: tail.segment.saturating_add(1), end: 0 };
                start = tail;
            }
            if tail.end == 0 {
                bytes.extend_from_slice(&TITLE);
                tail.end = START;
            }
            let flags = frame::FIRST | frame::LAST;
            frame::write(&mut bytes, (frame::RAW, BODY_VERSION, flags, seq), &[&sha256.0, raw]);
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            placed.push(Placed { sha256: *sha256, segment: tail.segment, offset: tail.end, length });
            tail.end += u64::from(length);
        }
        self.write(start, &bytes)?;
        Ok(placed)
    }

    /// Reads a copy and checks it twice: the frame's checksum and its sha256. `None` when its octets were erased.
    pub fn read(&self, placed: &Placed) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(placed.segment);
        let file = self.file(placed.segment)?;
        let length = file.metadata().map_err(StoreError::io("stat", &path))?.len();
        let wrong = |what: &str| Err(StoreError::corrupt(what, &path, placed.offset));
        if length < placed.end() {
            return wrong("the segment ends before this raw mail does");
        }
        let frame = match frame::read(&mut &*file, placed.offset, placed.end())
            .map_err(StoreError::io("read", &path))?
        {
            Found::Whole(frame, _) => frame,
            Found::Damaged(why) => return wrong(why),
        };
        if frame.kind != frame::RAW || !matches!(frame.version, BODY_VERSION | ERASED) {
            return wrong("this frame holds no raw mail");
        }
        let mut body = frame.body;
        if body.get(..32) != Some(&placed.sha256.0[..]) {
            return wrong("this frame holds other mail than the journal says");
        }
        body.drain(..32);
        if frame.version == ERASED {
            return if body.iter().all(|byte| *byte == 0) {
                Ok(None)
            } else {
                wrong("erased mail is not empty")
            };
        }
        if Digest::of(&body) != placed.sha256 {
            return wrong("the raw mail does not have its sha256");
        }
        Ok(Some(body))
    }

    fn write(&self, at: Tail, bytes: &[u8]) -> Result<(), StoreError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let path = self.path(at.segment);
        let file = if at.end == 0 { self.start(at.segment)? } else { self.file(at.segment)? };
        file.write_all_at(bytes, at.end).map_err(StoreError::io("append to", &path))?;
        file.sync_data().map_err(StoreError::io("fdatasync", &path))
    }

    /// Starts a segment. One of that number that no journal frame names is left over from a torn write.
    fn start(&self, segment: u32) -> Result<Arc<File>, StoreError> {
        let path = self.path(segment);
        let mut options = options();
        options.create(true).truncate(true);
        let file = Arc::new(options.open(&path).map_err(StoreError::io("create", &path))?);
        sync_folder(&self.folder)?;
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(segment, Arc::clone(&file));
        Ok(file)
    }

    fn file(&self, segment: u32) -> Result<Arc<File>, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let path = self.path(segment);
        let mut options = options();
        options.write(self.write);
        let file = options.open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                StoreError::corrupt("a segment that the journal names is missing", &path, 0)
            }
            _ => StoreError::io("open", &path)(error),
        })?;
        let file = Arc::new(file);
        check_title(&file, &path)?;
        open.insert(segment, Arc::clone(&file));
        Ok(file)
    }
}

fn check_title(file: &File, path: &Path) -> Result<(), StoreError> {
    let mut title = [0; TITLE.len()];
    if file.read_exact_at(&mut title, 0).is_ok() && title == TITLE {
        return Ok(());
    }
    if title.starts_with(b"endorsed-seg") {
        let known = String::from_utf8_lossy(&TITLE).trim_end().to_owned();
        let found = String::from_utf8_lossy(&title).trim_end().to_owned();
        return Err(StoreError::Format { at: path.display().to_string(), found, known });
    }
    Err(StoreError::corrupt("the segment does not start with its title", path, 0))
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}
