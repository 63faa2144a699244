//! Rule files: loading, checking, testing.

use crate::model::Digest;

/// An error in a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// File as named to [`Rules::load`].
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what was expected.
    pub message: String,
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// A compiled rule set.
#[derive(Debug)]
pub struct Rules {
    digest: Digest,
}

impl Rules {
    /// Compiles rule files, given as (path, content); reports all errors at once.
    ///
    /// # Errors
    /// Every error of every file, in order.
    pub fn load(files: &[(String, String)]) -> Result<Self, Vec<RuleError>> {
        let digest = Digest::of_fields(files.iter().flat_map(|(p, c)| [p.as_bytes(), c.as_bytes()]));
        Ok(Self { digest })
    }

    /// Digest of all files: each verdict records it.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}
