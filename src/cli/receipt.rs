//! `endorsed verify --receipt`: is this statement of a gate the log's own, and still good?

use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use super::{FAILED, NO, say, say_json};
use crate::config::Config;
use crate::record::log::open_claims;

/// 0 it is the log's and still good, 1 it is not, 2 could not tell. Needs no daemon; with `key` no configuration either.
pub fn run(file: &Path, key: Option<&str>, json: bool, config: &Path) -> u8 {
    let known = match key {
        Some(key) => Ok(key.to_owned()),
        None => known_key(config),
    };
    let read = known.and_then(|key| {
        let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        Ok((key, text))
    });
    let (key, text) = match read {
        Ok(read) => read,
        Err(error) => {
            eprintln!("could not tell: {error}");
            return FAILED;
        }
    };
    let claims = match open_claims(&text, key.trim()) {
        Ok(claims) => claims,
        Err(error) => {
            eprintln!("{error}");
            return NO;
        }
    };
    let end = claims.get("exp").and_then(Value::as_i64).unwrap_or(0);
    let good = Timestamp::now().as_second() < end;
    if json {
        say_json(&serde_json::json!({ "ok": good, "claims": claims }));
    } else {
        say(if good { "VERIFIED" } else { "EXPIRED" });
        for name in ["iss", "sub", "to", "allowed", "standing", "as_of", "log_size", "log_root"] {
            say(&format!("  {name}: {}", claims.get(name).unwrap_or(&Value::Null)));
        }
    }
    if good { 0 } else { NO }
}

/// The key in the store's folder.
fn known_key(config: &Path) -> Result<String, String> {
    let config = Config::read(config).map_err(|e| format!("{e}\nor give the log's key with --key"))?;
    let path = config.store.path.join("log.vkey");
    std::fs::read_to_string(&path)
        .map_err(|e| format!("{}: {e}; give the log's key with --key", path.display()))
}
