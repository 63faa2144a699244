//! What must hold for any Authentication-Results (RFC 8601 §2.2). The fuzz target and tests/it/fuzz_laws.rs share it.

use endorsed::verify::AuthenticationResults;

/// Panics when it does not hold.
pub fn holds(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = AuthenticationResults::parse_without_id(&text);
    let Some(read) = AuthenticationResults::parse(&text) else { return };
    assert!(read.authserv_id.as_ref().is_some_and(|id| !id.is_empty()));
    assert!(read.results.iter().all(|r| !r.method.is_empty() && !r.result.is_empty()));
    // What is read and written down again reads the same: nothing was taken from a comment or out of a quoted string.
    assert_eq!(AuthenticationResults::parse(&written(&read)).as_ref(), Some(&read));
    for open in [" (", " )", "\""] {
        assert_eq!(AuthenticationResults::parse(&format!("{text}{open}")), None, "{open:?} behind {text:?}");
    }
}

fn written(read: &AuthenticationResults) -> String {
    let quoted = |value: &str| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    let mut out = quoted(read.authserv_id.as_deref().unwrap_or_default());
    if read.results.is_empty() {
        out.push_str("; none");
    }
    for result in &read.results {
        out.push_str(&format!("; {}={}", result.method, result.result));
        if let Some(reason) = &result.reason {
            out.push_str(&format!(" reason={}", quoted(reason)));
        }
        for (name, value) in &result.properties {
            out.push_str(&format!(" {name}={}", quoted(value)));
        }
    }
    out
}
