//! Where a password comes from. It is read again at each connect, so that rotation needs no restart.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// How long a password command may run.
const COMMAND_MAX: Duration = Duration::from_secs(30);
/// Longest password that is read, in bytes: far above any real one, far below what could hurt.
const PASSWORD_BYTES_MAX: u64 = 16 << 10;

/// Source of a password: `{ file = "…" }`, `{ credential = "…" }`, `{ env = "…" }` or `{ command = ["…"] }`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Password {
    /// First line of a file.
    File(PathBuf),
    /// A systemd credential by name (below `$CREDENTIALS_DIRECTORY`).
    Credential(String),
    /// An environment variable.
    Env(String),
    /// First line that a program prints.
    Command(Vec<String>),
    /// The password itself; cannot be written in a configuration file.
    #[serde(skip)]
    Fixed(String),
}

impl Password {
    /// Reads the password. Blocking; call it off the async threads.
    ///
    /// # Errors
    /// A sentence that names the source, never the secret.
    pub fn read(&self) -> Result<String, String> {
        let text = match self {
            Self::Fixed(password) => return Ok(password.clone()),
            Self::File(path) => read_file(path)?,
            Self::Credential(name) => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .ok_or_else(|| format!("no $CREDENTIALS_DIRECTORY for the credential {name}"))?;
                read_file(&Path::new(&folder).join(name))?
            }
            Self::Env(name) => {
                std::env::var(name).map_err(|e| format!("environment variable {name}: {e}"))?
            }
            Self::Command(words) => run(words)?,
        };
        let password = text.lines().next().unwrap_or_default().to_owned();
        if password.is_empty() {
            return Err(format!("{self:?} is empty"));
        }
        Ok(password)
    }
}

/// Names the source and never shows the secret.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "password file {}", path.display()),
            Self::Credential(name) => write!(f, "credential {name}"),
            Self::Env(name) => write!(f, "environment variable {name}"),
            // Arguments may be secrets themselves.
            Self::Command(words) => {
                write!(f, "password command {}", words.first().map_or("", String::as_str))
            }
            Self::Fixed(_) => f.write_str("fixed password"),
        }
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    let fail = |e: std::io::Error| format!("password file {}: {e}", path.display());
    let file = std::fs::File::open(path).map_err(fail)?;
    let mut text = String::new();
    file.take(PASSWORD_BYTES_MAX).read_to_string(&mut text).map_err(fail)?;
    Ok(text)
}

fn run(words: &[String]) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("the password command is empty")?;
    let fail = |e: std::io::Error| format!("password command {program}: {e}");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(fail)?;
    let deadline = Instant::now() + COMMAND_MAX;
    // A pipe holds 64 KiB, so a program that prints a password never blocks on us before it ends.
    let status = loop {
        if let Some(status) = child.try_wait().map_err(fail)? {
            break status;
        }
        if Instant::now() >= deadline {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("password command {program}: no answer in {} s", COMMAND_MAX.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    if !status.success() {
        return Err(format!("password command {program}: {status}"));
    }
    let mut text = String::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(PASSWORD_BYTES_MAX).read_to_string(&mut text).map_err(fail)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_read_without_its_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "s3cret \r\n").unwrap();
        assert_eq!(Password::File(path).read().unwrap(), "s3cret ");
        let words = ["sh", "-c", "echo s3cret; echo more"].map(str::to_owned).to_vec();
        assert_eq!(Password::Command(words).read().unwrap(), "s3cret");
        assert!(Password::Command(vec!["false".into()]).read().is_err());
        assert!(Password::File(folder.path().join("none")).read().unwrap_err().contains("none"));
        assert!(Password::Env("ENDORSED_TEST_NO_SUCH_VARIABLE".into()).read().is_err());
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", Password::Fixed("s3cret".into())), "fixed password");
        let command = Password::Command(vec!["pass".into(), "s3cret".into()]);
        assert!(!format!("{command:?}").contains("s3cret"));
    }

    #[test]
    fn the_configuration_names_the_source_but_not_the_secret() {
        #[derive(Deserialize)]
        struct Section {
            password: Password,
        }
        let section: Section = toml::from_str("password = { file = \"/run/x\" }").unwrap();
        assert_eq!(section.password, Password::File("/run/x".into()));
        assert!(toml::from_str::<Section>("password = { fixed = \"x\" }").is_err());
    }
}
