//! Archives of files: what a pack is handed over in (tar in gzip).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// No pack is larger, unpacked: a small archive may otherwise fill the memory.
const BYTES_MAX: u64 = 1 << 30;
/// No pack has more files.
const FILES_MAX: usize = 200_000;

/// Packs files under one folder. The same files give the same octets: there are no times and no owners in it.
///
/// # Errors
/// When a path is too long for a tar archive.
pub fn write(folder: &str, files: &BTreeMap<String, Vec<u8>>) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (path, octets) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(octets.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        archive.append_data(&mut header, format!("{folder}/{path}"), octets.as_slice())?;
    }
    archive.into_inner()?.finish()
}

/// Reads an archive, or a folder into which one was unpacked; paths are those below its folder.
///
/// # Errors
/// When it cannot be read, is too large, or names a file outside of itself.
pub fn read(path: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    if path.is_dir() {
        read_folder(path, path, &mut files)?;
        return Ok(files);
    }
    let mut archive = tar::Archive::new(MultiGzDecoder::new(File::open(path)?).take(BYTES_MAX));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = name_of(&entry.path()?).ok_or_else(|| bad("it names a file outside of its folder"))?;
        let mut octets = Vec::new();
        entry.read_to_end(&mut octets)?;
        if files.insert(name, octets).is_some() {
            return Err(bad("it holds a file twice"));
        }
        if files.len() > FILES_MAX {
            return Err(bad("it holds too many files"));
        }
    }
    Ok(files)
}

/// The path without the folder around all files.
fn name_of(path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path
        .components()
        .map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect();
    let parts = parts?;
    let (_, rest) = parts.split_first()?;
    (!rest.is_empty()).then(|| rest.join("/"))
}

fn read_folder(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            read_folder(root, &path, files)?;
        } else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) {
            files.insert(name.to_owned(), std::fs::read(&path)?);
        }
    }
    Ok(())
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
