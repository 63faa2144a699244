//! `endorsed init`: a commented configuration to start from, on standard output or into a file. Never asks anything.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::{FAILED, NO, say};
use crate::model::Address;

/// The configuration with every key, as it is shipped.
const SHIPPED: &str = include_str!("../../systemd/endorsed.toml");
/// Between these two lines stands the part about mailboxes.
const MAILBOXES: (&str, &str) =
    ("# One block for each mailbox to watch.", "# Where questions are answered over HTTP.");
/// The address of the shipped file.
const EXAMPLE: &str = "evidence@northwind-labs.example";
/// And its domain.
const EXAMPLE_DOMAIN: &str = "northwind-labs.example";

/// `endorsed init`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("provider").required(true))]
pub struct Init {
    /// Gmail or Google Workspace, with OAuth 2.0.
    #[arg(long, group = "provider")]
    gmail: bool,
    /// Microsoft 365, read by an application.
    #[arg(long, group = "provider")]
    microsoft365: bool,
    /// Any other IMAP server, with a password.
    #[arg(long, group = "provider")]
    imap: bool,
    /// Address of the evidence mailbox.
    #[arg(long, value_name = "ADDRESS", default_value = EXAMPLE)]
    evidence: String,
    /// File to write; one that exists is left alone.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes it: 0 written, 1 the file exists, 2 it could not be written.
pub fn run(init: &Init) -> u8 {
    let Some(evidence) = Address::new(&init.evidence) else {
        eprintln!("`{}` is no mail address", init.evidence);
        return FAILED;
    };
    let (block, steps) = if init.gmail {
        (GMAIL, GMAIL_STEPS)
    } else if init.microsoft365 {
        (MICROSOFT365, MICROSOFT365_STEPS)
    } else {
        (IMAP, IMAP_STEPS)
    };
    let text = configuration(block, &evidence);
    let Some(path) = &init.output else {
        text.lines().for_each(say);
        return 0;
    };
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    match opened.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => {
            say(&format!("{} written. Next:\n{steps}", path.display()));
            0
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            eprintln!("{} exists already and stays as it is", path.display());
            NO
        }
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            FAILED
        }
    }
}

fn configuration(block: &str, evidence: &Address) -> String {
    let (start, end) = MAILBOXES;
    let (before, rest) = SHIPPED.split_once(start).unwrap_or((SHIPPED, ""));
    let after = rest.split_once(end).map_or("", |(_, after)| after);
    let http = after.replacen("# [http]\n# listen", "[http]\nlisten", 1);
    let text = format!(
        "{before}{start} Nothing in a mailbox is ever changed, not even a flag.\n{block}\n{end}{http}"
    );
    text.replace(EXAMPLE, evidence.as_str()).replace(EXAMPLE_DOMAIN, evidence.domain())
}

const GMAIL: &str = r#"# docs/MAILBOX.md says step by step how to make the client and the refresh token.
[[mailbox]]
kind = "imap"
host = "imap.gmail.com"
user = "evidence@northwind-labs.example"
folder = "INBOX"                 # the name as Gmail shows it; one folder a block
# idle_renew_seconds = 270
[mailbox.oauth2]
provider = "gmail"
client_id = "<client id>.apps.googleusercontent.com"
client_secret = { credential = "oauth-client-secret" }
refresh_token = { credential = "oauth-refresh-token" }
# An app password works as well where the account allows it: in place of [mailbox.oauth2]
# password = { credential = "imap-password" }

# Gmail's own check of each mail as a second witness.
[receiver]
preset = "gmail"
"#;

const GMAIL_STEPS: &str = "  1. Put client id, client secret and refresh token in place (docs/MAILBOX.md, Gmail).\n  \
    2. endorsed check-config --config FILE\n  3. endorsed check-mailbox --config FILE";

const MICROSOFT365: &str = r#"# docs/MAILBOX.md says step by step how to register the application and to give it the mailbox.
[[mailbox]]
kind = "imap"
host = "outlook.office365.com"
user = "evidence@northwind-labs.example"   # the shared mailbox itself
folder = "INBOX"
# idle_renew_seconds = 270
[mailbox.oauth2]
provider = "microsoft365"
tenant = "<directory (tenant) id>"
client_id = "<application (client) id>"
client_secret = { credential = "oauth-client-secret" }

# Exchange Online's own check of each mail as a second witness.
[receiver]
preset = "microsoft365"
"#;

const MICROSOFT365_STEPS: &str = "  1. Register the application, grant consent and FullAccess (docs/MAILBOX.md, Microsoft 365).\n  \
    2. endorsed check-config --config FILE\n  3. endorsed check-mailbox --config FILE: it names the step that is missing";

const IMAP: &str = r#"[[mailbox]]
kind = "imap"
host = "imap.example.com"
port = 993
tls = "implicit"                 # implicit | starttls | none (loopback only)
# ca_file = "private-ca.pem"     # only for a certificate authority of your own
user = "evidence@northwind-labs.example"
password = { credential = "imap-password" }   # or { file = "..." } { env = "..." } { command = ["..."] }
folder = "INBOX"
# idle_renew_seconds = 270        # shorter than the idle time-out of every firewall on the way
# poll_seconds = 60               # only where the server has no IDLE
"#;

const IMAP_STEPS: &str = "  1. Set `host`, and put the password into the credential `imap-password`.\n  \
    2. endorsed check-config --config FILE\n  3. endorsed check-mailbox --config FILE";
