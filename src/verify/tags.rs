//! Tag lists (RFC 6376 §3.2), as in DKIM-Signature fields and key records.

use crate::model::{Message, Witnessed};

/// A well-formed tag list: names in lower case, no name twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(Vec<(String, String)>);

/// More tags than this in one list are no signature: RFC 6376 and its extensions define twenty.
const TAGS_MAX: usize = 64;

impl Tags {
    /// Reads `text`; `None` when a specification has no `=`, a name is not one word, or a name comes twice
    /// (RFC 6376 §3.2: the whole list is then invalid), or when there are more than 64.
    pub fn parse(text: &str) -> Option<Self> {
        let mut tags = Vec::new();
        for spec in text.split(';').map(str::trim).filter(|spec| !spec.is_empty()) {
            let (name, value) = spec.split_once('=')?;
            let name = name.trim().to_ascii_lowercase();
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let twice = tags.iter().any(|(n, _)| *n == name);
            if name.is_empty() || !name.chars().all(plain) || twice || tags.len() == TAGS_MAX {
                return None;
            }
            tags.push((name, value.trim().to_owned()));
        }
        Some(Self(tags))
    }

    /// The value of a tag without any white space: folding may stand anywhere in it.
    pub fn get(&self, name: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(n, _)| n == name)?;
        Some(value.split_whitespace().collect())
    }

    /// The colon-separated items of a tag, lower case.
    pub fn items(&self, name: &str) -> Option<Vec<String>> {
        self.get(name).map(|value| value.split(':').map(str::to_ascii_lowercase).collect())
    }

    /// A number tag: `Ok(None)` when absent, an error when it is no number that fits.
    #[allow(clippy::result_unit_err)]
    pub fn number(&self, name: &str) -> Result<Option<i64>, ()> {
        let digits = |value: String| {
            value.bytes().all(|b| b.is_ascii_digit()).then(|| value.parse().ok()).flatten().ok_or(())
        };
        self.get(name).map(digits).transpose()
    }
}

/// Names of the DKIM key records that the message's signatures need: `selector._domainkey.domain`, lower case,
/// without the trailing dot, none twice.
pub fn key_names(message: &Message) -> Vec<String> {
    let mut names = Vec::new();
    for value in message.header("DKIM-Signature").take(Witnessed::SIGNATURES_MAX) {
        let name = Tags::parse(value).and_then(|tags| key_name(&tags.get("s")?, &tags.get("d")?));
        if let Some(name) = name.filter(|name| !names.contains(name)) {
            names.push(name);
        }
    }
    names
}

/// The name of a key record; `None` unless selector and domain are plain names, so that no signature can steer
/// a look-up anywhere else.
pub fn key_name(selector: &str, domain: &str) -> Option<String> {
    let plain = domain.contains('.') && is_plain_name(domain) && is_plain_name(selector);
    plain.then(|| format!("{selector}._domainkey.{domain}").to_ascii_lowercase())
}

/// Whether `name` consists of letter-digit-hyphen labels (RFC 1123 §2.1) and fits into DNS.
fn is_plain_name(name: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    name.len() <= 240 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Header;

    fn names(values: &[&str]) -> Vec<String> {
        let mut message = crate::parse::parse(b"");
        message.headers =
            values.iter().map(|v| Header { name: "dkim-signature".into(), value: (*v).to_owned() }).collect();
        key_names(&message)
    }

    #[test]
    fn reads_folded_names_once_and_in_lower_case() {
        let folded = "v=1; d=Acme.\r\n example;s = S1 ; b=x";
        assert_eq!(names(&[folded, "v=1; s=s1; d=acme.example"]), ["s1._domainkey.acme.example"]);
    }

    #[test]
    fn refuses_names_that_could_steer_the_look_up() {
        for bad in [
            "d=acme.example; s=a\0b",
            "d=acme.example; s=a..b",
            "d=acme.example; s=../x",
            "d=acme.example",
            "d=example; s=a",
            "d=acme.example; d=evil.example; s=a",
            "d=acme.example.; s=a",
            "d=-acme.example; s=a",
            "d=äcme.example; s=a",
            "d=acme.example; s=a; junk",
        ] {
            assert!(names(&[bad]).is_empty(), "{bad:?}");
        }
    }

    #[test]
    fn looks_at_no_more_signatures_than_the_limit() {
        let many: Vec<String> = (0..100).map(|n| format!("d=acme.example; s=k{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(names(&many).len(), Witnessed::SIGNATURES_MAX);
    }

    #[test]
    fn numbers_are_digits_only() {
        let tags = Tags::parse("t=12; x=1 2; l=-1; n=99999999999999999999").unwrap();
        assert_eq!(tags.number("t"), Ok(Some(12)));
        assert_eq!(tags.number("x"), Ok(Some(12)));
        assert_eq!(tags.number("l"), Err(()));
        assert_eq!(tags.number("n"), Err(()));
        assert_eq!(tags.number("q"), Ok(None));
    }
}
