//! The strict author: one From field with one plain mailbox, read alike by two readers (RFC 5322 §3.4, §3.6.2).

use std::sync::LazyLock;

use regex::Regex;

use super::field;
use super::header::Scan;
use crate::model::{Address, Defect, Mailbox};
use crate::text::fixed;

/// The authors that anybody could see in the From fields, and why they are in doubt.
pub(super) fn authors(scan: &Scan) -> (Vec<Mailbox>, Option<Defect>) {
    let fields: Vec<&str> = scan.all("From").collect();
    let seen: Vec<Mailbox> = fields.iter().flat_map(|f| field::mailboxes(f)).collect();
    if let ([only], [mailbox]) = (fields.as_slice(), seen.as_slice())
        && strict(only).as_ref() == Some(&mailbox.address)
    {
        return (seen, None);
    }
    let mut all = seen;
    for address in fields.iter().flat_map(|f| looks_like(f)) {
        if all.iter().all(|m| m.address != address) {
            all.push(Mailbox { name: None, address });
        }
    }
    all.dedup_by(|a, b| a.address == b.address);
    let defect = if fields.len() > 1 || all.len() > 1 {
        Defect::SeveralAuthors
    } else if fields.is_empty() {
        Defect::HeaderSyntax("no From field".into())
    } else {
        Defect::HeaderSyntax("From does not hold one plain mailbox".into())
    };
    (all, Some(defect))
}

/// The address of `addr-spec` or `phrase <addr-spec>` when nothing in the value can be read in another way:
/// no group, route, comment, quoted local part, `@` in an unquoted name or text behind the bracket.
fn strict(value: &str) -> Option<Address> {
    static PLAIN: LazyLock<Regex> = LazyLock::new(|| {
        let spec = r"([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)";
        let phrase = r#"(?:"(?:[^"\\\x00-\x1f]|\\["\\])*"|[^\x00-\x20"(),:;<>@\[\]\\]+)"#;
        fixed(&format!(r"^(?:{spec}|(?:{phrase}[ \t]*)*<{spec}>)$"))
    });
    let found = PLAIN.captures(value)?;
    let spec = found.get(1).or_else(|| found.get(2))?.as_str();
    let local = spec.split('@').next().unwrap_or_default();
    let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
    (!dots).then(|| Address::new(spec)).flatten()
}

/// Everything in a value that some reader could take for an address.
fn looks_like(value: &str) -> Vec<Address> {
    static ADDRESS: LazyLock<Regex> = LazyLock::new(|| fixed(r#"[^\s<>(),;:"\\]+@[^\s<>(),;:"\\@]+"#));
    let value = field::cut(value, super::limits::ADDRESSES_BYTES_MAX);
    // A mailbox has few addresses; a hundred are enough to say that there are several.
    ADDRESS.find_iter(value).take(100).filter_map(|m| Address::new(m.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raw: &str) -> (Vec<String>, Option<Defect>) {
        let (all, defect) = authors(&super::super::header::scan(raw.as_bytes(), true));
        (all.into_iter().map(|m| m.address.to_string()).collect(), defect)
    }

    #[test]
    fn plain_mailboxes_are_one_author() {
        for value in [
            "dana@acme.example",
            "<dana@acme.example>",
            "Dana Ruiz <Dana@ACME.example>",
            "\"Ruiz, Dana\" <dana@acme.example>",
            "\"Dana \\\"DJ\\\" Ruiz\" <dana@acme.example>",
            "=?utf-8?Q?D=C3=A1na?= R. <dana@acme.example>",
            "Dána Ruiz\t<dana@acme.example>",
        ] {
            assert_eq!(
                of(&format!("From: {value}\n\n")),
                (vec!["dana@acme.example".into()], None),
                "{value}"
            );
        }
    }

    #[test]
    fn tricks_are_in_doubt() {
        for value in [
            "dana@acme.example <eve@evil.example>",
            "dana@acme.example, eve@evil.example",
            "<dana@acme.example>, <eve@evil.example>",
            "<@relay.example:dana@acme.example>",
            "<dana@acme.example> <eve@evil.example>",
            "Dana (x) <dana@acme.example>",
            "staff: dana@acme.example;",
            "<dana@acme.example> and more",
            "\"dana\"@acme.example",
            "<dana@acme.example.>",
            "<dana@[127.0.0.1]>",
            "dana@аcme.example",
            "",
        ] {
            assert!(of(&format!("From: {value}\n\n")).1.is_some(), "{value}");
        }
    }

    #[test]
    fn two_fields_show_both_authors() {
        let (all, defect) = of("From: dana@acme.example\nFROM: eve@evil.example\n\n");
        assert_eq!(all, ["dana@acme.example", "eve@evil.example"]);
        assert_eq!(defect, Some(Defect::SeveralAuthors));
    }
}
