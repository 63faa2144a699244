//! Signed heads (C2SP tlog-checkpoint over signed-note, Ed25519) and proofs as files (C2SP tlog-proof).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};

use super::tree::check_inclusion;
use crate::model::Digest;

/// First line of a proof file.
const PROOF: &str = "c2sp.org/tlog-proof@v1";
/// C2SP signed-note: the byte that stands for Ed25519 before a key.
const ED25519: u8 = 1;
/// A path is as long as the tree is high, and a size is a number of 64 bits.
const PATH_MAX: usize = 64;

/// A key, a note or a proof cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoteError(pub String);

/// Signs heads.
#[derive(Clone)]
pub struct Signer {
    key: StandardSigner,
    origin: String,
    text: String,
    verifier: String,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.verifier)
    }
}

impl Signer {
    /// The signer of a log: its name, and the 32 random bytes of an Ed25519 key (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// When the name has white space or a `+`.
    pub fn new(origin: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let key = SigningKey::from_bytes(seed);
        let public = [&[ED25519], &key.verifying_key().to_bytes()[..]].concat();
        let private = STANDARD.encode([&[ED25519], &seed[..]].concat());
        let id = signed_note::key_id(origin, &public);
        let text = format!("PRIVATE+KEY+{origin}+{id:08x}+{private}");
        let verifier = signed_note::new_ed25519_verifier_key(origin, &key.verifying_key());
        let key = StandardSigner::new(&text)
            .map_err(|e| NoteError(format!("`{origin}` cannot be the name of a log: {e}")))?;
        Ok(Self { key, origin: origin.to_owned(), text, verifier })
    }

    /// Reads `PRIVATE+KEY+NAME+ID+BASE64`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let bad = || NoteError("no signing key: expected `PRIVATE+KEY+NAME+ID+BASE64`".into());
        let text = text.trim();
        StandardSigner::new(text).map_err(|_| bad())?;
        let rest = text.strip_prefix("PRIVATE+KEY+").ok_or_else(bad)?;
        let mut fields = rest.splitn(3, '+');
        let (Some(origin), Some(_), Some(key)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(bad());
        };
        let key = STANDARD.decode(key).map_err(|_| bad())?;
        let seed = key.split_first().and_then(|(_, seed)| <[u8; 32]>::try_from(seed).ok()).ok_or_else(bad)?;
        // One key has one spelling.
        Self::new(origin, &seed).and_then(|signer| if signer.text == text { Ok(signer) } else { Err(bad()) })
    }

    /// The key as [`Self::parse`] reads it. Secret.
    pub fn secret(&self) -> &str {
        &self.text
    }

    /// An Ed25519 signature over `message` (RFC 8032 §5.1.6).
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, NoteError> {
        signed_note::Signer::sign(&self.key, message).map_err(|e| NoteError(e.to_string()))
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// `NAME+ID+BASE64`: what checks its signatures.
    pub fn verifier(&self) -> &str {
        &self.verifier
    }
}

/// Checks that a text is a verifier key; returns the name in it.
///
/// # Errors
/// When it is not.
pub fn check_verifier(key: &str) -> Result<String, NoteError> {
    let bad = |why: &dyn std::fmt::Display| NoteError(format!("no verifier key `NAME+ID+BASE64`: {why}"));
    let known = StandardVerifier::new(key).map_err(|error| bad(&error))?;
    let name = signed_note::Verifier::name(&known);
    // One key has one spelling.
    if key.starts_with(&format!("{name}+{:08x}+", signed_note::Verifier::key_id(&known))) {
        Ok(name.to_owned())
    } else {
        Err(bad(&"its id is not in lower case"))
    }
}

/// The head of a log: so many entries, and the root of the tree over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// Root.
    pub root: Digest,
}

impl Checkpoint {
    /// The signed note.
    ///
    /// # Errors
    /// When the origin is not the signer's, or cannot stand in a note.
    pub fn sign(&self, signer: &Signer) -> Result<String, NoteError> {
        let bad = |why: &dyn std::fmt::Display| NoteError(format!("the head cannot be signed: {why}"));
        if self.origin != signer.origin {
            return Err(bad(&"the key belongs to another log"));
        }
        let mut note = Note::new(self.text().as_bytes(), &[]).map_err(|e| bad(&e))?;
        note.add_sigs(&[&signer.key]).map_err(|e| bad(&e))?;
        String::from_utf8(note.to_bytes()).map_err(|e| bad(&e))
    }

    /// Reads a note that must carry a valid signature of this key and name its log.
    ///
    /// # Errors
    /// Says what does not hold.
    pub fn open(note: &str, verifier: &str) -> Result<Self, NoteError> {
        let key = StandardVerifier::new(verifier)
            .map_err(|e| NoteError(format!("the verifier key cannot be read: {e}")))?;
        let signed =
            Note::from_bytes(note.as_bytes()).map_err(|e| NoteError(format!("no signed note: {e}")))?;
        signed
            .verify(&VerifierList::new(vec![Box::new(key)]))
            .map_err(|e| NoteError(format!("the signature does not hold: {e}")))?;
        let read = Self::parse(signed.text())?;
        if check_verifier(verifier)? != read.origin {
            return Err(NoteError("the note names another log than the key".into()));
        }
        Ok(read)
    }

    fn parse(text: &[u8]) -> Result<Self, NoteError> {
        let read =
            tlog_tiles::Checkpoint::from_bytes(text).map_err(|_| NoteError("no head of a log".into()))?;
        let checkpoint =
            Self { origin: read.origin().to_owned(), size: read.size(), root: Digest(read.hash().0) };
        // One head has one spelling: extension lines are nothing of ours.
        if checkpoint.text().as_bytes() == text {
            Ok(checkpoint)
        } else {
            Err(NoteError("the head has more lines than name, size and root".into()))
        }
    }

    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0))
    }
}

/// That an entry is in a log: its number, the path, and the signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Number of the entry.
    pub index: u64,
    /// RFC 6962 §2.1.1.
    pub path: Vec<Digest>,
    /// The signed head.
    pub note: String,
}

impl Proof {
    /// The file.
    pub fn text(&self) -> String {
        let mut text = format!("{PROOF}\nindex {}\n", self.index);
        for hash in &self.path {
            text += &STANDARD.encode(hash.0);
            text.push('\n');
        }
        text + "\n" + &self.note
    }

    /// Reads the file.
    ///
    /// # Errors
    /// Says what cannot be read.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let bad = |what: &str| NoteError(format!("no proof: {what}"));
        let (head, note) = text.split_once("\n\n").ok_or_else(|| bad("there is no head in it"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(PROOF) {
            return Err(bad("its first line is unknown"));
        }
        let number = lines.next().and_then(|line| line.strip_prefix("index ")).unwrap_or_default();
        let index: u64 = number.parse().map_err(|_| bad("it names no entry"))?;
        if index.to_string() != number {
            return Err(bad("it names no entry"));
        }
        let mut path = Vec::new();
        for line in lines {
            let hash = STANDARD.decode(line).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            path.push(Digest(hash.ok_or_else(|| bad("a line of the path is no hash"))?));
            if path.len() > PATH_MAX {
                return Err(bad("its path is too long"));
            }
        }
        Ok(Self { index, path, note: note.to_owned() })
    }

    /// Checks that this leaf stands in the log of this key; returns the head.
    ///
    /// # Errors
    /// Says what does not hold.
    pub fn check(&self, leaf: &Digest, verifier: &str) -> Result<Checkpoint, NoteError> {
        let head = Checkpoint::open(&self.note, verifier)?;
        if check_inclusion(leaf, self.index, head.size, &head.root, &self.path) {
            Ok(head)
        } else {
            Err(NoteError(format!("entry {} is not in the log of this head", self.index)))
        }
    }
}
