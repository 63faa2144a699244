//! Mail from files, for `judge` and `ingest`: `.eml`, mbox, Maildir and folders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::edge::maildir;

/// A path could not be read as mail.
#[derive(Debug, thiserror::Error)]
pub enum MailFileError {
    /// The file or folder could not be read.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder without any mail in it.
    #[error("{0}: no mail in this folder, expected *.eml files or a Maildir (cur/, new/)")]
    NoMail(PathBuf),
}

/// Reads all messages at `path`, each with a label that says where it came from: the file's path, for
/// messages of an mbox with `#n` behind it (from 1).
///
/// A file that begins with `From ` is an mbox (RFC 4155), any other file one message. A folder with `cur/` or
/// `new/` is a Maildir, read by unique name; of any other folder all `*.eml` files are read, also in folders
/// below it, in the order of their paths.
///
/// # Errors
/// When something cannot be read; mail itself is never an error.
pub fn read(path: &Path) -> Result<Vec<(String, Vec<u8>)>, MailFileError> {
    let about = fs::metadata(path).map_err(|e| io_error(path, e))?;
    if !about.is_dir() {
        return read_file(path);
    }
    files(path)?.into_iter().map(|(file, _)| read_one(&file)).collect()
}

/// The files that [`read`] would read at `path`, and their size in bytes: so that years of mail need not be held at once.
///
/// # Errors
/// As [`read`].
pub fn files(path: &Path) -> Result<Vec<(PathBuf, u64)>, MailFileError> {
    let about = fs::metadata(path).map_err(|e| io_error(path, e))?;
    let mut files = Vec::new();
    if !about.is_dir() {
        files.push(path.to_owned());
    } else if maildir::is_maildir(path) {
        files.extend(maildir::list(path).map_err(|e| io_error(path, e))?.into_values());
    } else {
        collect(path, &mut files)?;
        if files.is_empty() {
            return Err(MailFileError::NoMail(path.to_owned()));
        }
        files.sort();
    }
    // A file that went away since is named when it is read.
    let sized = |file: PathBuf| {
        let size = fs::metadata(&file).map_or(0, |about| about.len());
        (file, size)
    };
    Ok(files.into_iter().map(sized).collect())
}

/// One file as one message, whatever it begins with.
///
/// # Errors
/// When it cannot be read.
pub fn read_one(file: &Path) -> Result<(String, Vec<u8>), MailFileError> {
    Ok((label(file), read_raw(file)?))
}

/// Messages of a stream: an mbox, or one message.
///
/// # Errors
/// When it cannot be read.
pub fn read_stream(name: &str, mut stream: impl io::Read) -> Result<Vec<(String, Vec<u8>)>, MailFileError> {
    let mut content = Vec::new();
    stream.read_to_end(&mut content).map_err(|e| io_error(Path::new(name), e))?;
    Ok(messages(name.to_owned(), content))
}

/// Splits an mbox (RFC 4155) into messages: a line `From …` begins one at the start and after an empty line.
/// The empty line before it belongs to the format, and `>From ` loses one `>` (the mboxrd rule).
fn split_mbox(content: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut after_empty = true;
    for line in content.split_inclusive(|b| *b == b'\n') {
        if after_empty && line.starts_with(b"From ") {
            close(&mut messages);
            messages.push(Vec::new());
            after_empty = false;
            continue;
        }
        after_empty = matches!(line, b"\n" | b"\r\n");
        if let Some(message) = messages.last_mut() {
            message.extend_from_slice(unescape(line));
        }
    }
    close(&mut messages);
    messages
}

/// Takes the format's empty line off the last message.
fn close(messages: &mut [Vec<u8>]) {
    let Some(last) = messages.last_mut() else { return };
    for end in [b"\r\n\r\n".as_slice(), b"\n\n"] {
        if last.ends_with(end) {
            last.truncate(last.len() - end.len() / 2);
            return;
        }
    }
}

fn unescape(line: &[u8]) -> &[u8] {
    let quoted = line.iter().take_while(|b| **b == b'>').count();
    match (line.get(quoted..), line.split_first()) {
        (Some(rest), Some((b'>', one_less))) if rest.starts_with(b"From ") => one_less,
        _ => line,
    }
}

fn read_file(path: &Path) -> Result<Vec<(String, Vec<u8>)>, MailFileError> {
    Ok(messages(label(path), read_raw(path)?))
}

fn messages(name: String, content: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    if content.starts_with(b"From ") {
        let messages = split_mbox(&content).into_iter();
        return (1..).zip(messages).map(|(n, raw)| (format!("{name}#{n}"), raw)).collect();
    }
    // An empty mbox looks like this; an empty message is no mail either.
    if content.is_empty() { Vec::new() } else { vec![(name, content)] }
}

/// All `*.eml` files below a folder. Links to folders are not followed: they may lead in a circle.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), MailFileError> {
    for entry in fs::read_dir(folder).map_err(|e| io_error(folder, e))? {
        let entry = entry.map_err(|e| io_error(folder, e))?;
        let path = entry.path();
        if entry.file_type().map_err(|e| io_error(&path, e))?.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("eml")) && !path.is_dir() {
            files.push(path);
        }
    }
    Ok(())
}

fn read_raw(path: &Path) -> Result<Vec<u8>, MailFileError> {
    fs::read(path).map_err(|e| io_error(path, e))
}

fn label(path: &Path) -> String {
    path.display().to_string()
}

fn io_error(path: &Path, source: io::Error) -> MailFileError {
    MailFileError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &Path, below: &Path) -> Vec<String> {
        let prefix = format!("{}/", below.display());
        read(path).unwrap().into_iter().map(|(label, _)| label.replace(&prefix, "")).collect()
    }

    #[test]
    fn an_mbox_is_split_and_unescaped() {
        let mbox = b"From a@b Thu Jan  1 00:00:00 1970\nSubject: one\n\nFrom here on\n>From me\n>>From you\n> From x\n\n\
            From c@d Thu Jan  1 00:00:00 1970\nSubject: two\n\nlast line\n";
        let messages = split_mbox(mbox);
        // "From here on" follows the empty line below the header: mboxrd writers escape it, so it begins a message.
        assert_eq!(messages.len(), 3);
        let mbox = b"From a@b x\nSubject: one\n\n>From here on\nFrom here\n>>From you\n> From x\n\nFrom c@d x\nSubject: two\n\nlast\n\n";
        let messages = split_mbox(mbox);
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[0], b"Subject: one\n\nFrom here on\nFrom here\n>From you\n> From x\n");
        assert_eq!(messages[1], b"Subject: two\n\nlast\n");
    }

    #[test]
    fn an_mbox_with_crlf_keeps_it() {
        let messages = split_mbox(b"From a x\r\nA: 1\r\n\r\nx\r\n\r\nFrom b x\r\nB: 2\r\n\r\ny\r\n\r\n");
        assert_eq!(messages, [b"A: 1\r\n\r\nx\r\n", b"B: 2\r\n\r\ny\r\n"]);
        // A message without a body keeps the empty line that ends its header or loses it: both parse alike.
        assert_eq!(split_mbox(b"From a x\nA: 1\n\n"), [b"A: 1\n"]);
    }

    #[test]
    fn every_kind_of_path_is_read_in_a_fixed_order() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for folder in ["mail/b", "box/cur", "box/new", "box/tmp", "empty"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for (name, content) in [
            ("mail/2.eml", "A: 2\n\n"),
            ("mail/b/1.EML", "A: 1\n\n"),
            ("mail/10.eml", "A: 10\n\n"),
            ("mail/notes.txt", "no mail"),
            ("box/cur/2.x:2,S", "A: 2\n\n"),
            ("box/new/1.x", "A: 1\n\n"),
            ("box/tmp/0.x", "half"),
            ("all.mbox", "From a x\nA: 1\n\nx\n\nFrom b x\nA: 2\n\ny\n"),
        ] {
            fs::write(at(name), content).unwrap();
        }
        assert_eq!(names(&at("mail"), root.path()), ["mail/10.eml", "mail/2.eml", "mail/b/1.EML"]);
        assert_eq!(names(&at("mail/2.eml"), root.path()), ["mail/2.eml"]);
        assert_eq!(names(&at("box"), root.path()), ["box/new/1.x", "box/cur/2.x:2,S"]);
        assert_eq!(names(&at("all.mbox"), root.path()), ["all.mbox#1", "all.mbox#2"]);
        assert!(read(&at("empty")).unwrap_err().to_string().contains("no mail"));
        assert!(read(&at("nowhere.eml")).unwrap_err().to_string().contains("nowhere.eml"));
    }
}
