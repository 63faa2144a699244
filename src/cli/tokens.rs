//! `endorsed tokens`: who may ask over HTTP. Works on the file in the store's folder, whether the daemon runs or not.

use clap::{Args, Subcommand, ValueEnum};

use super::{FAILED, NO, say, say_json, table};
use crate::answer::Role;
use crate::config::Config;
use crate::edge::tokens::{TokenError, Tokens};

/// `endorsed tokens`
#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// Make a token and print it: it is shown this once.
    Create(Create),
    /// Tokens by name and role, never their text.
    List(List),
    /// Take a name's token away; it holds from the next request on.
    Revoke(Revoke),
}

/// `endorsed tokens create`
#[derive(Debug, Args)]
pub struct Create {
    /// Who has it: a system's name, or for `review` and `admin` the person's mail address.
    name: String,
    /// What it is for.
    #[arg(long)]
    role: RoleWord,
    /// After so many days it is worth nothing.
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `endorsed tokens list`
#[derive(Debug, Args)]
pub struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `endorsed tokens revoke`
#[derive(Debug, Args)]
pub struct Revoke {
    /// Whose.
    name: String,
}

/// A role on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleWord {
    /// Ask the gate.
    Gate,
    /// Read everything but raw mail.
    Read,
    /// Read, decide, state.
    Review,
    /// Read everything, change nothing.
    Audit,
    /// Everything.
    Admin,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Gate => Self::Gate,
            RoleWord::Read => Self::Read,
            RoleWord::Review => Self::Review,
            RoleWord::Audit => Self::Audit,
            RoleWord::Admin => Self::Admin,
        }
    }
}

/// Runs the command.
pub fn run(command: &TokensCommand, config: &Config) -> u8 {
    let tokens = Tokens::new(&config.store.path);
    let done = match command {
        TokensCommand::Create(wanted) => create(wanted, &tokens),
        TokensCommand::List(wanted) => list(wanted, &tokens),
        TokensCommand::Revoke(wanted) => revoke(wanted, &tokens),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        FAILED
    })
}

fn create(wanted: &Create, tokens: &Tokens) -> Result<u8, TokenError> {
    let role = Role::from(wanted.role);
    let text = tokens.create(&wanted.name, role, wanted.days)?;
    if wanted.json {
        say_json(&serde_json::json!({ "name": wanted.name, "role": role, "token": text }));
    } else {
        say(&text);
        eprintln!("The token of {} ({}). It is shown this once.", wanted.name, role.as_str());
    }
    Ok(0)
}

fn list(wanted: &List, tokens: &Tokens) -> Result<u8, TokenError> {
    let now = jiff::Timestamp::now();
    let tokens = tokens.list()?;
    if wanted.json {
        let rows: Vec<_> = tokens
            .iter()
            .map(|t| {
                serde_json::json!({
                    "name": t.name, "role": t.role, "live": t.is_live(now), "created_at": t.created_at,
                    "expires_at": t.expires_at, "revoked_at": t.revoked_at,
                })
            })
            .collect();
        say_json(&serde_json::json!({ "tokens": rows }));
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .map(|t| {
            let state = match (t.revoked_at, t.expires_at) {
                (Some(at), _) => format!("revoked {at}"),
                (None, Some(at)) if !t.is_live(now) => format!("expired {at}"),
                (None, Some(at)) => format!("until {at}"),
                (None, None) => "live".into(),
            };
            vec![t.name.clone(), t.role.as_str().to_owned(), t.created_at.to_string(), state]
        })
        .collect();
    table::lines(&["name", "role", "made", "state"], &rows).iter().for_each(|l| say(l));
    Ok(0)
}

fn revoke(wanted: &Revoke, tokens: &Tokens) -> Result<u8, TokenError> {
    if tokens.revoke(&wanted.name)? {
        say(&format!("{} has no token any more.", wanted.name));
        return Ok(0);
    }
    eprintln!("`{}` has no live token.", wanted.name);
    Ok(NO)
}
