//! Tokens of HTTP: a file of mode 0600 in the store's folder, `tokens.json`.
//!
//! Not entries of the record: the record is kept for ever, copied and handed to auditors, and the hash of a secret has
//! no place there; and a token must be revocable while nothing runs. What a token *did* is in the record, by its name.
//! A revoked token stays in the file, so that a name on record can always be explained.
//!
//! A token is 256 random bits, so its plain SHA-256 is kept: there is nothing to guess, and a slow hash would only slow
//! down every request. The file is read again when it changed: revoking holds from the next request on.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::answer::{Caller, Means, Role, name_problem};
use crate::edge::store::{hand_over, replace_file};
use crate::model::Digest;

/// File in the store's folder.
const FILE: &str = "tokens.json";
/// How a token starts, so that secret scanners and people recognise one.
const PREFIX: &str = "edt_";
/// Random octets of a token.
const SECRET_BYTES: usize = 32;
/// Longest text that is looked up: more than any token has.
const TOKEN_BYTES_MAX: usize = 200;

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Who has it.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// SHA-256 of the text.
    pub sha256: Digest,
    /// When it was made.
    pub created_at: Timestamp,
    /// After this it is worth nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl Token {
    /// Whether it counts at this time.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// The file can not be used, or the wish not be granted; one plain sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TokenError(String);

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    tokens: Vec<Token>,
}

/// When the file changed, by what the file system says of it; nothing when there is no file.
type Stamp = Option<(std::time::SystemTime, u64, u64)>;

/// The tokens of a store.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    read: RwLock<(Stamp, Arc<Vec<Token>>)>,
}

impl Tokens {
    /// The tokens in the store's folder.
    pub fn new(store: &Path) -> Self {
        Self { path: store.join(FILE), read: RwLock::default() }
    }

    /// Makes a token and returns its text, which nobody can see again. A name has one live token.
    ///
    /// # Errors
    /// When the name cannot be used or has a token already, and when the file cannot be read or written.
    pub fn create(&self, name: &str, role: Role, days: Option<u32>) -> Result<String, TokenError> {
        if let Some(problem) = name_problem(name, role) {
            return Err(TokenError(problem));
        }
        let now = Timestamp::now();
        let expires_at = days
            .map(|days| now.checked_add(SignedDuration::from_hours(24 * i64::from(days))))
            .transpose()
            .map_err(|e| TokenError(e.to_string()))?;
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(|e| TokenError(format!("no random token: {e}")))?;
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
        self.change(|kept| {
            if kept.iter().any(|t| t.name == name && t.is_live(now)) {
                return Err(TokenError(format!(
                    "`{name}` has a token: revoke it first, or use another name"
                )));
            }
            let sha256 = Digest::of(text.as_bytes());
            kept.push(Token {
                name: name.to_owned(),
                role,
                sha256,
                created_at: now,
                expires_at,
                revoked_at: None,
            });
            Ok(())
        })?;
        Ok(text)
    }

    /// Revokes the live token of a name; false when it has none.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn revoke(&self, name: &str) -> Result<bool, TokenError> {
        let now = Timestamp::now();
        let mut found = false;
        self.change(|kept| {
            for token in kept.iter_mut().filter(|t| t.name == name && t.is_live(now)) {
                token.revoked_at = Some(now);
                found = true;
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// All tokens, revoked ones included.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self) -> Result<Vec<Token>, TokenError> {
        Ok(self.current()?.to_vec())
    }

    /// Who has this token; `None` when nobody has. A file that cannot be read holds no token.
    pub fn check(&self, text: &str) -> Option<Token> {
        if text.len() > TOKEN_BYTES_MAX {
            return None;
        }
        self.find(&Digest::of(text.as_bytes()))
    }

    /// The live token of a hash. The time it takes tells nothing of the hashes that are kept.
    pub fn find(&self, sha256: &Digest) -> Option<Token> {
        let tokens = self.current().inspect_err(|error| tracing::error!(event = "tokens.unreadable", %error));
        let now = Timestamp::now();
        let mut found = None;
        for token in tokens.ok()?.iter() {
            let same = bool::from(token.sha256.0.ct_eq(&sha256.0));
            if same && token.is_live(now) {
                found = Some(token.clone());
            }
        }
        found
    }

    fn current(&self) -> Result<Arc<Vec<Token>>, TokenError> {
        let stamp = self.stamp()?;
        {
            let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
            if read.0 == stamp {
                return Ok(Arc::clone(&read.1));
            }
        }
        let tokens = Arc::new(self.load()?.tokens);
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = (stamp, Arc::clone(&tokens));
        Ok(tokens)
    }

    fn stamp(&self) -> Result<Stamp, TokenError> {
        use std::os::unix::fs::MetadataExt;
        match std::fs::metadata(&self.path) {
            // The file is replaced as a whole, so a change is another file.
            Ok(data) => Ok(Some((data.modified().map_err(|e| self.fail(&e))?, data.len(), data.ino()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.fail(&error)),
        }
    }

    fn load(&self) -> Result<Kept, TokenError> {
        match std::fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| self.fail(&e)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Kept::default()),
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// Changes the file while nobody else does.
    fn change(
        &self,
        change: impl FnOnce(&mut Vec<Token>) -> Result<(), TokenError>,
    ) -> Result<(), TokenError> {
        let path = self.path.with_extension("lock");
        let lock = File::options().create(true).append(true).open(&path).and_then(|file| {
            hand_over(&file, &path)?;
            file.lock().map(|()| file)
        });
        let _lock = lock.map_err(|e| self.fail(&e))?;
        let mut kept = self.load()?;
        change(&mut kept.tokens)?;
        let text = serde_json::to_vec_pretty(&kept).map_err(|e| self.fail(&e))?;
        replace_file(&self.path, &text).map_err(|e| self.fail(&e))
    }

    fn fail(&self, error: &dyn std::fmt::Display) -> TokenError {
        TokenError(format!("{}: {error}", self.path.display()))
    }
}

impl Token {
    /// The caller that shows it.
    pub fn caller(&self, means: Means) -> Caller {
        Caller { name: self.name.clone(), role: self.role, means }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_known_until_it_is_revoked_and_never_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(folder.path());
        assert!(tokens.check("edt_none").is_none());
        let text = tokens.create("crm", Role::Gate, None).unwrap();
        let found = tokens.check(&text).unwrap();
        assert_eq!((found.name.as_str(), found.role), ("crm", Role::Gate));
        let mut other = text.clone();
        other.pop();
        assert!(tokens.check(&other).is_none() && tokens.check("").is_none());
        let file = folder.path().join(FILE);
        assert!(!std::fs::read_to_string(&file).unwrap().contains(text.trim_start_matches(PREFIX)));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(tokens.create("crm", Role::Read, None).is_err(), "one live token a name");
        // Another process revokes it.
        assert!(Tokens::new(folder.path()).revoke("crm").unwrap());
        assert!(tokens.check(&text).is_none());
        assert!(!tokens.revoke("crm").unwrap());
        assert_eq!(tokens.list().unwrap().len(), 1, "a revoked token stays on file");
    }

    /// As `sudo endorsed tokens create` beside a daemon with a user of its own.
    #[test]
    fn a_new_file_belongs_to_whom_the_folder_belongs() {
        use std::os::unix::fs::{MetadataExt, chown};
        let folder = tempfile::tempdir().unwrap();
        let user = 12_345;
        // Only the administrator can give a folder away.
        let user = chown(folder.path(), Some(user), Some(user))
            .map_or_else(|_| std::fs::metadata(folder.path()).unwrap().uid(), |()| user);
        // What somebody planted is not written through.
        let planted = folder.path().join("planted");
        std::os::unix::fs::symlink(&planted, folder.path().join("tokens.json.new")).unwrap();
        let around = tempfile::tempdir().unwrap();
        let link = around.path().join("store");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        Tokens::new(&link).create("crm", Role::Gate, None).unwrap();
        for file in ["tokens.json", "tokens.lock"] {
            assert_eq!(std::fs::metadata(folder.path().join(file)).unwrap().uid(), user, "{file}");
        }
        assert!(!planted.exists());
    }

    #[test]
    fn an_expired_token_and_a_broken_file_open_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(folder.path());
        let text = tokens.create("crm", Role::Gate, Some(0)).unwrap();
        assert!(tokens.check(&text).is_none());
        let text = tokens.create("crm", Role::Gate, Some(1)).unwrap();
        assert!(tokens.check(&text).is_some());
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(tokens.check(&text).is_none() && tokens.list().is_err());
    }
}
