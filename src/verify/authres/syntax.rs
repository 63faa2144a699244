//! The syntax of Authentication-Results (RFC 8601 §2.2): a real tokenizer, because comments, quoted strings and reasons
//! may hold anything, `dkim=pass` included.

/// More results than this in one field are no honest server's: it has one for each of a handful of methods.
const RESULTS_MAX: usize = 64;
/// More properties than this in one result are none either.
const PROPERTIES_MAX: usize = 64;
/// A longer field is not read, in bytes.
const FIELD_BYTES_MAX: usize = 16 << 10;
/// Comments nest deeper than this only in attacks.
const COMMENTS_MAX: usize = 16;

/// A field as read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthenticationResults {
    /// The name of the server that checked, lower case (`authserv-id`); `None` in Microsoft's form, which has none.
    pub authserv_id: Option<String>,
    /// The results in order; empty for `none` (RFC 8601 §2.2 "no-result").
    pub results: Vec<MethodResult>,
}

/// What one method found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MethodResult {
    /// Lower-case method, e.g. `dkim`.
    pub method: String,
    /// Lower-case result, e.g. `pass`.
    pub result: String,
    /// `reason=`, as written.
    pub reason: Option<String>,
    /// Properties in order: lower-case `ptype.property`, and the value as written.
    pub properties: Vec<(String, String)>,
}

impl MethodResult {
    /// The values of a property.
    pub fn property<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.properties.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

impl AuthenticationResults {
    /// Reads an unfolded field value that begins with an authserv-id. `None` when anything breaks the syntax.
    pub fn parse(value: &str) -> Option<Self> {
        let mut input = Input::new(value)?;
        input.skip_comments()?;
        let id = input.value()?.to_ascii_lowercase();
        input.skip_comments()?;
        // A version is a number on its own (§2.2 "authres-version"); another than 1 is another syntax.
        let version = input.word(|c| c.is_ascii_digit());
        if id.is_empty() || !(version.is_empty() || version == "1") {
            return None;
        }
        input.skip_comments()?;
        input.eat(';').then_some(())?;
        let results = input.results(false)?;
        Some(Self { authserv_id: Some(id), results })
    }

    /// Reads Microsoft's form: no authserv-id, and properties without a type (`action=none`, `reason=100`).
    pub fn parse_without_id(value: &str) -> Option<Self> {
        let results = Input::new(value)?.results(true)?;
        (!results.is_empty()).then_some(Self { authserv_id: None, results })
    }
}

/// What is left to read.
struct Input<'a> {
    rest: &'a str,
}

impl<'a> Input<'a> {
    fn new(value: &'a str) -> Option<Self> {
        let plain = |c: char| c == '\t' || !c.is_control();
        (value.len() <= FIELD_BYTES_MAX && value.chars().all(plain)).then_some(Self { rest: value })
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        Some(next)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// White space and comments (RFC 5322 §3.2.2 CFWS); `None` when a comment stays open or one closes that never
    /// opened.
    fn skip_comments(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        while let Some(c) = self.peek() {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.checked_sub(1)?,
                '\\' if depth > 0 => drop(self.next()?),
                ' ' | '\t' => {}
                _ if depth > 0 => {}
                _ => break,
            }
            if depth > COMMENTS_MAX {
                return None;
            }
            self.next()?;
        }
        (depth == 0).then_some(())
    }

    fn word(&mut self, takes: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !takes(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        word
    }

    /// A value (§2.2 "pvalue"): quoted strings and plain characters without white space between them. Servers write
    /// base64 and local parts without quotes, so nearly everything is plain.
    fn value(&mut self) -> Option<String> {
        let mut out = String::new();
        loop {
            match self.peek() {
                Some('"') => {
                    self.next()?;
                    out.push_str(&self.quoted()?);
                }
                None | Some(';' | '(' | ')' | ' ' | '\t') => return Some(out),
                Some(_) => out.push(self.next()?),
            }
        }
    }

    /// The rest of a quoted string (RFC 5322 §3.2.4).
    fn quoted(&mut self) -> Option<String> {
        let mut out = String::new();
        loop {
            match self.next()? {
                '"' => return Some(out),
                '\\' => out.push(self.next()?),
                c => out.push(c),
            }
        }
    }

    /// Everything behind the authserv-id. `loose` lets properties do without a type.
    fn results(&mut self, loose: bool) -> Option<Vec<MethodResult>> {
        let mut results = Vec::new();
        loop {
            self.skip_comments()?;
            if self.rest.is_empty() {
                // Many servers end the field with a semicolon; before the first result that says nothing at all.
                return (!results.is_empty()).then_some(results);
            }
            let method = self.word(is_keyword).to_ascii_lowercase();
            self.skip_comments()?;
            if method == "none" && results.is_empty() && self.rest.trim_end_matches([' ', ';']).is_empty() {
                return Some(results);
            }
            results.push(self.result(method, loose)?);
            if results.len() > RESULTS_MAX {
                return None;
            }
            self.skip_comments()?;
            if !self.eat(';') {
                return self.rest.is_empty().then_some(results);
            }
        }
    }

    /// `dkim=pass reason="…" header.d=…`, the method read already.
    fn result(&mut self, method: String, loose: bool) -> Option<MethodResult> {
        if self.eat('/') {
            self.skip_comments()?;
            // Versions of methods are numbers; only the first of each was ever defined (§2.2 "method-version").
            (self.word(|c| c.is_ascii_digit()) == "1").then_some(())?;
            self.skip_comments()?;
        }
        self.eat('=').then_some(())?;
        self.skip_comments()?;
        let result = self.word(is_keyword).to_ascii_lowercase();
        if method.is_empty() || result.is_empty() || !self.at_gap() {
            return None;
        }
        let mut out = MethodResult { method, result, ..MethodResult::default() };
        loop {
            self.skip_comments()?;
            if matches!(self.peek(), None | Some(';')) {
                return Some(out);
            }
            let name = self.word(|c| is_keyword(c) || c == '.').to_ascii_lowercase();
            self.skip_comments()?;
            self.eat('=').then_some(())?;
            self.skip_comments()?;
            let value = self.value()?;
            let typed = name.split_once('.').is_some_and(|(t, p)| !t.is_empty() && !p.is_empty());
            if name == "reason" && out.reason.is_none() && (loose || out.properties.is_empty()) {
                out.reason = Some(value);
            } else if (typed || (loose && !name.is_empty())) && out.properties.len() < PROPERTIES_MAX {
                out.properties.push((name, value));
            } else {
                return None;
            }
        }
    }

    /// Whether a word ends here.
    fn at_gap(&self) -> bool {
        matches!(self.peek(), None | Some(';' | '(' | ' ' | '\t'))
    }
}

/// Keyword characters (RFC 5321 §4.1.2 "Keyword", with the underscore that servers write).
fn is_keyword(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Option<AuthenticationResults> {
        AuthenticationResults::parse(value)
    }

    #[test]
    fn reads_what_servers_write() {
        let gmail = "mx.google.com;       dkim=pass header.i=@acme.example header.s=s1 header.b=dKO/DHcx;       \
            spf=pass (google.com: domain of dana@acme.example designates 10.0.0.1 as permitted sender) \
            smtp.mailfrom=dana@acme.example;       dmarc=pass (p=NONE sp=QUARANTINE dis=NONE) header.from=acme.example";
        let read = parse(gmail).unwrap();
        assert_eq!(read.authserv_id.as_deref(), Some("mx.google.com"));
        let found: Vec<(&str, &str)> =
            read.results.iter().map(|r| (r.method.as_str(), r.result.as_str())).collect();
        assert_eq!(found, [("dkim", "pass"), ("spf", "pass"), ("dmarc", "pass")]);
        assert_eq!(read.results[0].property("header.b").collect::<Vec<_>>(), ["dKO/DHcx"]);
        let opendkim =
            "mx.x.example;\tdkim=pass (2048-bit key; unprotected) header.d=acme.example;\tdkim-atps=neutral";
        assert_eq!(parse(opendkim).unwrap().results.len(), 2);
        assert_eq!(parse("mx.x.example 1; none").unwrap().results, []);
        let exim =
            "mx.x.example; iprev=pass (\\(a\\) (b)) smtp.remote-ip=10.0.0.1; dkim = fail reason = \"a; b\" ;";
        let read = parse(exim).unwrap();
        assert_eq!(read.results[1].reason.as_deref(), Some("a; b"));
        let quoted = parse("x; spf=pass smtp.mailfrom=\"a b\\\"\"@y.example").unwrap();
        assert_eq!(quoted.results[0].property("smtp.mailfrom").collect::<Vec<_>>(), ["a b\"@y.example"]);
    }

    #[test]
    fn microsoft_leaves_the_server_out() {
        let now = "spf=pass (sender IP is 10.0.0.1) smtp.mailfrom=acme.example; dkim=pass (signature was verified) \
            header.d=acme.example;dmarc=pass action=none header.from=acme.example;compauth=pass reason=100";
        let read = AuthenticationResults::parse_without_id(now).unwrap();
        assert_eq!(read.results.len(), 4);
        assert_eq!(read.results[3].reason.as_deref(), Some("100"));
        let old = "spf=pass smtp.mailfrom=a.example; tenant.example; dkim=pass header.d=a.example;";
        assert_eq!(AuthenticationResults::parse_without_id(old), None);
        assert_eq!(parse(now), None);
    }

    #[test]
    fn anything_odd_is_not_read() {
        for odd in [
            "mx.x.example; dkim=pass (open",
            "mx.x.example; dkim=pass ) header.d=a.example",
            "mx.x.example; dkim=pass reason=\"open",
            "mx.x.example; dkim=pass header.d=a.example spf=pass",
            "mx.x.example; dkim=pass'; header.d=a.example",
            "mx.x.example; =pass",
            "mx.x.example; dkim=",
            "mx.x.example;",
            "mx.x.example",
            "mx.x.example 2; dkim=pass",
            "mx.x.example; dkim/2=pass",
            "mx.x.example; dkim=pass header.=a",
            "mx.x.example; dkim=pass\0",
            "; dkim=pass",
            "",
        ] {
            assert_eq!(parse(odd), None, "{odd:?}");
        }
        let deep = format!("x; dkim=pass {}{}", "(".repeat(50), ")".repeat(50));
        assert_eq!(parse(&deep), None);
        assert_eq!(parse(&format!("x; {}", "a=b;".repeat(100))), None);
    }
}
