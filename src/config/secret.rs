//! Secrets are never written into the configuration; they are read anew at each connect, so that they can be
//! rotated without a restart. No `Debug` output shows one.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// Where a secret comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Secret {
    /// The first line of a file.
    File(PathBuf),
    /// A systemd credential (`$CREDENTIALS_DIRECTORY/NAME`).
    Credential(String),
    /// An environment variable.
    Env(String),
    /// The first line that a command prints.
    Command(Vec<String>),
}

impl Secret {
    /// Reads the secret.
    ///
    /// # Errors
    /// A sentence that names the source, never the secret.
    pub fn read(&self) -> Result<String, String> {
        let text = match self {
            Self::File(path) => read_file(path)?,
            Self::Credential(name) => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .ok_or_else(|| format!("credential `{name}`: CREDENTIALS_DIRECTORY is not set; start it from the systemd unit"))?;
                read_file(&Path::new(&folder).join(name))?
            }
            Self::Env(name) => std::env::var(name).map_err(|_| format!("environment variable `{name}` is not set"))?,
            Self::Command(words) => run(words)?,
        };
        let first = text.lines().next().unwrap_or_default().to_owned();
        if first.is_empty() { Err(format!("{self:?} gave an empty secret")) } else { Ok(first) }
    }

    /// Takes a relative file path from `folder`.
    pub fn root(&mut self, folder: &Path) {
        if let Self::File(path) = self {
            *path = folder.join(&*path);
        }
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn run(words: &[String]) -> Result<String, String> {
    let Some((program, arguments)) = words.split_first() else { return Err("an empty command".into()) };
    let output = Command::new(program).args(arguments).output().map_err(|e| format!("{program}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{program} ended with {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{program} printed something that is not UTF-8"))
}
