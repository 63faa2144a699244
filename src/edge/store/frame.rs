//! Frames: the one shape in which bytes lie in the journal and in segment files.
//!
//! ```text
//! 0   4  mark "ejf1"          12  8  seq: entries in the journal before this frame
//! 4   1  kind                 20  4  length of the body in bytes
//! 5   1  version of the body  24  4  CRC-32 of bytes 0..24 and the body
//! 6   1  flags                28  …  body
//! 7   5  zero, for later use
//! ```
//! Numbers are big-endian. Kinds, versions and flags only grow and are never reused. The mark holds a digit that
//! changes when this table does.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// First bytes of each frame: a scan after damage finds its way back by them.
pub const MARK: [u8; 4] = *b"ejf1";
/// Bytes before the body.
pub const HEADER: usize = 28;
/// Largest body, in bytes: a message of the largest size that sources take (25 MiB) fits twice.
pub const BODY_MAX: usize = 64 << 20;

/// Flag: the first frame of a batch.
pub const FIRST: u8 = 1;
/// Flag: the last frame of a batch. A batch without it was never acknowledged.
pub const LAST: u8 = 2;

/// Kind: a JSON entry.
pub const ENTRY: u8 = 1;
/// Kind: where raw copies of this batch lie.
pub const STORED: u8 = 2;
/// Kind: copies that must be considered.
pub const CONSIDER: u8 = 3;
/// Kind: raw mail, in segments: sha256, then the octets.
pub const RAW: u8 = 4;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What the body is.
    pub kind: u8,
    /// How the body is written.
    pub version: u8,
    /// [`FIRST`], [`LAST`].
    pub flags: u8,
    /// Entries in the journal before this frame.
    pub seq: u64,
    /// The body.
    pub body: Vec<u8>,
}

/// What lay at an offset.
#[derive(Debug)]
pub enum Found {
    /// A whole frame with its checksum.
    Whole(Frame, u32),
    /// Something else; says why.
    Damaged(&'static str),
}

/// Appends a frame to `out`; returns its checksum. The body must not exceed [`BODY_MAX`].
pub fn write(out: &mut Vec<u8>, head: (u8, u8, u8, u64), body: &[&[u8]]) -> u32 {
    let (kind, version, flags, seq) = head;
    let length = body.iter().map(|part| part.len()).sum::<usize>();
    let mut start = Vec::with_capacity(HEADER);
    start.extend_from_slice(&MARK);
    start.extend_from_slice(&[kind, version, flags, 0, 0, 0, 0, 0]);
    start.extend_from_slice(&seq.to_be_bytes());
    start.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(&start);
    body.iter().for_each(|part| crc.update(part));
    let crc = crc.finalize();
    out.extend_from_slice(&start);
    out.extend_from_slice(&crc.to_be_bytes());
    body.iter().for_each(|part| out.extend_from_slice(part));
    crc
}

/// Where frames are read from.
pub trait ReadAt {
    /// Fills `into` with the bytes from `offset` on.
    fn read_exact_at(&mut self, into: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for &File {
    fn read_exact_at(&mut self, into: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(*self, into, offset)
    }
}

/// Bytes that [`Ahead`] reads at once.
const AHEAD_BYTES: usize = 256 << 10;

/// A file that is read from front to back: two system calls for each small frame would be most of the work.
#[derive(Debug)]
pub struct Ahead<'a> {
    file: &'a File,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Ahead<'a> {
    /// Reads ahead in a file.
    pub fn new(file: &'a File) -> Self {
        Self { file, start: 0, bytes: Vec::new() }
    }

    fn held(&self, length: usize, offset: u64) -> Option<&[u8]> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..from.checked_add(length)?)
    }
}

impl ReadAt for Ahead<'_> {
    fn read_exact_at(&mut self, into: &mut [u8], offset: u64) -> io::Result<()> {
        if into.len() >= AHEAD_BYTES {
            return FileExt::read_exact_at(self.file, into, offset);
        }
        if self.held(into.len(), offset).is_none() {
            self.bytes.resize(AHEAD_BYTES, 0);
            let mut length = 0;
            while length < into.len() {
                let rest = self.bytes.get_mut(length..).unwrap_or_default();
                match self.file.read_at(rest, offset + length as u64)? {
                    0 => break,
                    n => length += n,
                }
            }
            self.bytes.truncate(length);
            self.start = offset;
        }
        let held = self.held(into.len(), offset).ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(held);
        Ok(())
    }
}

/// Reads the frame at `offset` of a file that ends at `end`.
///
/// # Errors
/// Only those of the operating system; damage is an answer.
pub fn read(file: &mut impl ReadAt, offset: u64, end: u64) -> io::Result<Found> {
    let room = end.saturating_sub(offset);
    if room < HEADER as u64 {
        return Ok(Found::Damaged("a frame is cut off in its header"));
    }
    let mut start = [0; HEADER];
    file.read_exact_at(&mut start, offset)?;
    let Some(head) = Head::parse(&start) else {
        return Ok(Found::Damaged("no frame starts here"));
    };
    if head.length > BODY_MAX {
        return Ok(Found::Damaged("the frame's length is not possible"));
    }
    if room - (HEADER as u64) < head.length as u64 {
        return Ok(Found::Damaged("a frame is cut off in its body"));
    }
    let mut body = vec![0; head.length];
    file.read_exact_at(&mut body, offset + HEADER as u64)?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(start.split_last_chunk::<4>().map_or(&[][..], |(rest, _)| rest));
    crc.update(&body);
    if crc.finalize() != head.crc {
        return Ok(Found::Damaged("the checksum of a frame does not fit"));
    }
    let frame = Frame { kind: head.kind, version: head.version, flags: head.flags, seq: head.seq, body };
    Ok(Found::Whole(frame, head.crc))
}

/// What the header of a frame says. Nothing vouches for it: whoever reads the frame checks its checksum.
#[derive(Debug, Clone, Copy)]
pub struct Skimmed {
    /// What the body is.
    pub kind: u8,
    /// Entries in the journal before this frame.
    pub seq: u64,
    /// Bytes of the frame with its header.
    pub length: u32,
}

/// Reads the header at `offset`; `None` when there is none.
///
/// # Errors
/// Those of the operating system, other than the end of the file.
pub fn skim(file: &mut impl ReadAt, offset: u64) -> io::Result<Option<Skimmed>> {
    let mut start = [0; HEADER];
    match file.read_exact_at(&mut start, offset) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let head = Head::parse(&start).filter(|head| head.length <= BODY_MAX);
    Ok(head.map(|head| {
        let length = u32::try_from(HEADER + head.length).unwrap_or(u32::MAX);
        Skimmed { kind: head.kind, seq: head.seq, length }
    }))
}

/// Takes the first `N` bytes off `bytes`.
pub fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

/// Takes a big-endian number of 32 bits off `bytes`.
pub fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take(bytes).map(u32::from_be_bytes)
}

/// Takes a big-endian number of 64 bits off `bytes`.
pub fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes).map(u64::from_be_bytes)
}

struct Head {
    kind: u8,
    version: u8,
    flags: u8,
    seq: u64,
    length: usize,
    crc: u32,
}

impl Head {
    fn parse(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        if take::<4>(bytes)? != MARK {
            return None;
        }
        let [kind, version, flags] = take::<3>(bytes)?;
        let _later = take::<5>(bytes)?;
        let seq = take_u64(bytes)?;
        let length = usize::try_from(take_u32(bytes)?).ok()?;
        Some(Self { kind, version, flags, seq, length, crc: take_u32(bytes)? })
    }
}
