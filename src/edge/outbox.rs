//! Where letters leave: a mail server, or a folder that takes them as files. Two ways through one port.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::smtp::Smtp;
use crate::model::{Address, Digest};

/// A letter on its way out.
#[derive(Debug, Clone, Copy)]
pub struct Parcel<'a> {
    /// Envelope sender: bounces come back to it.
    pub from: &'a Address,
    /// Envelope recipient.
    pub to: &'a Address,
    /// Names the letter.
    pub key: &'a Digest,
    /// The message.
    pub raw: &'a [u8],
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It was taken; what the other side said.
    Sent(String),
    /// Nothing was taken; try again later.
    Deferred(String),
    /// It will never be taken.
    Refused(String),
    /// Nobody knows.
    Uncertain(String),
}

/// The port.
pub enum Outbox {
    /// A mail server.
    Smtp(Box<Smtp>),
    /// A folder.
    Folder(PathBuf),
}

impl Outbox {
    /// Hands over one letter.
    pub async fn deliver(&mut self, parcel: &Parcel<'_>) -> Delivery {
        match self {
            Self::Smtp(smtp) => smtp.deliver(parcel).await,
            // A small file: not worth a thread.
            Self::Folder(folder) => match put(folder, parcel) {
                Ok(path) => Delivery::Sent(path.display().to_string()),
                Err(error) => Delivery::Deferred(format!("{}: {error}", folder.display())),
            },
        }
    }

    /// Lets go of connections that are not needed for now.
    pub async fn rest(&mut self) {
        if let Self::Smtp(smtp) = self {
            smtp.close().await;
        }
    }
}

/// Writes the letter whole or not at all, under a name that its key gives: twice is once.
fn put(folder: &Path, parcel: &Parcel<'_>) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{}.eml", parcel.key));
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    draft.write_all(parcel.raw)?;
    draft.as_file().sync_all()?;
    draft.persist(&path).map_err(|e| e.error)?;
    std::fs::File::open(folder)?.sync_all()?;
    Ok(path)
}

/// Octets of the secret from which the letters' tokens are made.
const SECRET_BYTES: usize = 32;

/// The secret of a store: made at first use, then for ever the same.
///
/// # Errors
/// When it can be neither read nor written.
pub fn secret(store: &Path) -> std::io::Result<Vec<u8>> {
    let path = store.join("letters.secret");
    match std::fs::read(&path) {
        Ok(secret) if secret.len() == SECRET_BYTES => return Ok(secret),
        Ok(_) => {
            let text = format!("{} is not {SECRET_BYTES} octets long", path.display());
            return Err(std::io::Error::other(text));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut secret = vec![0; SECRET_BYTES];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut secret)?;
    let mut draft = tempfile::NamedTempFile::new_in(store)?;
    draft.write_all(&secret)?;
    draft.as_file().sync_all()?;
    draft.persist(&path).map_err(|e| e.error)?;
    Ok(secret)
}

/// Since when a store's letters are written: what came in before starts none. Made at first use, unless somebody only
/// looks (`make` is false): then it would be now.
///
/// # Errors
/// When it can be neither read nor written.
pub fn since(store: &Path, now: jiff::Timestamp, make: bool) -> std::io::Result<jiff::Timestamp> {
    let path = store.join("letters.since");
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|e| {
            std::io::Error::other(format!("{}: {e}; expected a time (RFC 3339)", path.display()))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if !make {
                return Ok(now);
            }
            let mut draft = tempfile::NamedTempFile::new_in(store)?;
            writeln!(draft, "{now}")?;
            draft.as_file().sync_all()?;
            draft.persist(&path).map_err(|e| e.error)?;
            Ok(now)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_takes_a_letter_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::Folder(folder.path().join("out"));
        let (from, to) = (Address::new("a@x.example").unwrap(), Address::new("b@y.example").unwrap());
        let parcel =
            Parcel { from: &from, to: &to, key: &Digest::of(b"key"), raw: b"Subject: x\r\n\r\ny\r\n" };
        for _ in 0..2 {
            assert!(matches!(outbox.deliver(&parcel).await, Delivery::Sent(_)));
        }
        let files: Vec<_> = std::fs::read_dir(folder.path().join("out")).unwrap().collect();
        assert_eq!(files.len(), 1);
    }

    #[test]
    fn the_secret_stays() {
        let folder = tempfile::tempdir().unwrap();
        let first = secret(folder.path()).unwrap();
        assert_eq!(first, secret(folder.path()).unwrap());
        assert_ne!(first, vec![0; SECRET_BYTES]);
    }
}
