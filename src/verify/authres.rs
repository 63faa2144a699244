//! The receiving server's own word, Authentication-Results (RFC 8601), as second witness (AUTHENTICITY §2.5).
//!
//! Anybody can write such a field into a mail. It counts only under the configured authserv-id and on the side of the
//! border Received at which the sender could not write; and since whoever may write to the mailbox's folder can make up
//! the whole top of a mail, it never proves anything alone unless the operator says that nobody can.
//! Authentication-Results-Original, X-MS-Exchange-Authentication-Results, ARC-Authentication-Results, Received-SPF and
//! `compauth` are other servers' or softer words and are not read.

mod syntax;

pub use syntax::{AuthenticationResults, MethodResult};

use crate::model::{Border, Message, Receiver};

/// What the receiving server says about the author's domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stamp {
    /// Nothing that we may believe.
    Missing,
    /// A good signature of the domain, and DMARC agrees.
    Pass,
    /// A signature of the domain that does not hold.
    NotPassed,
    /// DMARC fails: nothing that came with the mail is of the domain (RFC 7489 §3.1).
    Failed,
    /// The fields contradict each other or cannot be read.
    Conflict(String),
}

/// What `receiver` wrote into `message` about `domain`.
pub(super) fn stamp(message: &Message, receiver: &Receiver, domain: &str) -> Stamp {
    let fields = match trusted(message, receiver) {
        Ok(fields) => fields,
        Err(conflict) => return Stamp::Conflict(conflict.to_owned()),
    };
    let mut results = Vec::new();
    for field in fields {
        match read(field, receiver) {
            Read::Own(found) => results.extend(found),
            Read::Foreign => {}
            Read::Broken => return Stamp::Conflict("a field of our own server cannot be read".to_owned()),
        }
    }
    judged(&results, domain)
}

/// What a field on the trusted side is.
enum Read {
    Own(Vec<MethodResult>),
    Foreign,
    Broken,
}

fn read(field: &str, receiver: &Receiver) -> Read {
    let Some(id) = &receiver.authserv_id else {
        // Without an id, only the form without an id can be our server's; its older form does not parse.
        return AuthenticationResults::parse_without_id(field)
            .map_or(Read::Foreign, |r| Read::Own(r.results));
    };
    match AuthenticationResults::parse(field) {
        Some(read) if read.authserv_id.as_ref() == Some(id) => Read::Own(read.results),
        Some(_) => Read::Foreign,
        None if field.to_ascii_lowercase().contains(id.as_str()) => Read::Broken,
        None => Read::Foreign,
    }
}

/// The fields that only our own servers can have written.
fn trusted<'a>(message: &'a Message, receiver: &Receiver) -> Result<Vec<&'a str>, &'static str> {
    let headers = &message.headers;
    let is = |at: usize, name: &str| headers.get(at).is_some_and(|h| h.name.eq_ignore_ascii_case(name));
    let value = |at: usize| headers.get(at).map_or("", |h| h.value.as_str());
    let mut border = None;
    for at in (0..headers.len()).filter(|at| is(*at, "Received")) {
        let Some(hop) = Hop::read(value(at)) else { return Ok(Vec::new()) };
        if hop.crosses_border() && matches_host(&hop.by, &receiver.border) {
            border = Some(at);
            break;
        }
        // Above the border only our own servers wrote. A strange one there means that this is not our border.
        if !matches_host(&hop.by, &receiver.border) && !matches_host(&hop.by, &receiver.hops) {
            return Ok(Vec::new());
        }
    }
    let Some(border) = border else { return Ok(Vec::new()) };
    let results = |at: &usize| is(*at, "Authentication-Results");
    match receiver.place {
        Border::Above => Ok((0..border).filter(results).map(value).collect()),
        Border::Below => {
            // Up to the first field that a sender may have written.
            let own = |at: &usize| is(*at, "Received-SPF") || is(*at, "Authentication-Results");
            let fields: Vec<&str> =
                (border + 1..headers.len()).take_while(own).filter(results).map(value).collect();
            let ours = fields.iter().filter(|f| !matches!(read(f, receiver), Read::Foreign)).count();
            if ours > 1 { Err("two fields bear our own server's name") } else { Ok(fields) }
        }
    }
}

/// Joins the results that our server found.
fn judged(results: &[MethodResult], domain: &str) -> Stamp {
    let conflict = |why: &str| Stamp::Conflict(why.to_owned());
    let of = |method: &'static str| results.iter().filter(move |r| r.method == method);
    if of("dmarc").count() > 1 || of("spf").count() > 1 {
        return conflict("our own server's results stand there twice");
    }
    let dmarc = of("dmarc").next();
    // Exact equality: `acme.example'a.evil.example` is what an injection looks like.
    let other = |r: &MethodResult| r.property("header.from").any(|d| !d.eq_ignore_ascii_case(domain));
    if dmarc.is_some_and(other) {
        return conflict("our own server checked another author's domain");
    }
    let named = dmarc.is_some_and(|r| r.property("header.from").count() == 1);
    let dmarc = dmarc.map(|r| r.result.as_str());
    let signed: Vec<&str> = of("dkim").filter(|r| is_signer(r, domain)).map(|r| r.result.as_str()).collect();
    match dmarc {
        Some("fail") => Stamp::Failed,
        Some("pass") if named && signed.contains(&"pass") => Stamp::Pass,
        _ if signed.contains(&"fail") && !signed.contains(&"pass") => Stamp::NotPassed,
        _ => Stamp::Missing,
    }
}

fn is_signer(result: &MethodResult, domain: &str) -> bool {
    let identity = result.property("header.i").filter_map(|i| i.rsplit_once('@')).map(|(_, d)| d);
    let mut named = result.property("header.d").chain(identity).peekable();
    named.peek().is_some() && named.all(|d| d.eq_ignore_ascii_case(domain))
}

/// One Received field (RFC 5321 §4.4).
struct Hop {
    by: String,
    with: String,
}

impl Hop {
    /// Reads host and protocol outside of comments; `None` when a comment stays open or no host is named.
    fn read(value: &str) -> Option<Self> {
        let mut bare = String::new();
        let mut depth = 0_usize;
        let mut characters = value.chars();
        while let Some(c) = characters.next() {
            match c {
                '\\' => drop(characters.next()),
                '(' => depth += 1,
                ')' => depth = depth.checked_sub(1)?,
                ';' if depth == 0 => break,
                _ if depth == 0 => bare.push(c),
                _ => {}
            }
        }
        let words: Vec<&str> = bare.split_whitespace().collect();
        let behind = |name: &str| {
            let at = words.iter().position(|w| w.eq_ignore_ascii_case(name))?;
            words.get(at + 1).map(|w| w.to_ascii_lowercase())
        };
        (depth == 0).then_some(())?;
        Some(Self { by: behind("by")?, with: behind("with").unwrap_or_default() })
    }

    /// Whether the mail came from another system: local delivery names LMTP, HTTP, or nothing (RFC 3848 for the others).
    fn crosses_border(&self) -> bool {
        matches!(
            self.with.as_str(),
            "smtp"
                | "esmtp"
                | "esmtps"
                | "esmtpa"
                | "esmtpsa"
                | "smtps"
                | "utf8smtp"
                | "utf8smtps"
                | "microsoft"
        )
    }
}

/// Whether a host is one of `patterns`: a name, or an ending that begins with a dot. `*` is every address literal, which
/// is how Gmail's inner hops are named.
fn matches_host(host: &str, patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| match pattern.as_str() {
        "*" => host.parse::<core::net::IpAddr>().is_ok(),
        ending if ending.starts_with('.') => host.ends_with(ending),
        name => host == name,
    })
}
