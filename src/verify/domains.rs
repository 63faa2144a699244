//! Domains: who gives addresses to everybody, and which domain imitates another (Unicode TR39 in spirit: letters
//! that look alike become one before comparing).

use unicode_normalization::UnicodeNormalization;

use crate::text::edit_distance;

/// How much a domain looks like one that may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    /// Not at all, or it is one of them.
    None,
    /// It holds the name: `acme-group.example`, `acme.net`.
    Weak,
    /// It can be taken for it: `acrne.example`, `acme.example.evil.example`.
    Strong,
}

/// Labels of providers that give an address to anybody, in every country they serve.
const FREE_BRANDS: &[&str] = &[
    "gmail",
    "googlemail",
    "outlook",
    "hotmail",
    "yahoo",
    "ymail",
    "rocketmail",
    "icloud",
    "aol",
    "gmx",
    "yandex",
    "proton",
    "protonmail",
    "tutanota",
    "tuta",
    "zohomail",
    "fastmail",
    "freemail",
    "mailinator",
];

/// Providers whose label alone would say too little.
const FREE_DOMAINS: &[&str] = &[
    "live.com",
    "live.co.uk",
    "live.de",
    "live.fr",
    "live.nl",
    "live.se",
    "msn.com",
    "me.com",
    "mac.com",
    "pm.me",
    "web.de",
    "mail.com",
    "email.com",
    "hey.com",
    "zoho.com",
    "mail.ru",
    "inbox.ru",
    "list.ru",
    "bk.ru",
    "rambler.ru",
    "qq.com",
    "163.com",
    "126.com",
    "sina.com",
    "foxmail.com",
    "naver.com",
    "daum.net",
    "hanmail.net",
    "t-online.de",
    "freenet.de",
    "orange.fr",
    "wanadoo.fr",
    "free.fr",
    "laposte.net",
    "sfr.fr",
    "libero.it",
    "virgilio.it",
    "alice.it",
    "seznam.cz",
    "wp.pl",
    "o2.pl",
    "onet.pl",
    "interia.pl",
    "bluewin.ch",
    "comcast.net",
    "verizon.net",
    "att.net",
    "sbcglobal.net",
    "btinternet.com",
    "bigpond.com",
    "rediffmail.com",
    "uol.com.br",
    "terra.com.br",
    "bol.com.br",
    "duck.com",
    "disroot.org",
    "riseup.net",
];

/// Second-level labels under which countries let people register: `acme.co.uk`.
const SHARED_LABELS: &[&str] =
    &["co", "com", "org", "net", "ac", "gov", "edu", "or", "ne", "go", "ltd", "plc"];

/// Whether anybody can register an address at `domain`.
pub fn is_free_mail(domain: &str) -> bool {
    FREE_DOMAINS.contains(&domain) || FREE_BRANDS.contains(&registrable_label(domain))
}

/// Whether `domain` is `parent` or a sub-domain of it.
pub(super) fn is_below(domain: &str, parent: &str) -> bool {
    domain == parent || domain.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

/// How much `domain` looks like one of `allowed` without being one of them.
pub(super) fn likeness(domain: &str, allowed: &[String]) -> Likeness {
    if allowed.iter().any(|a| is_below(domain, a) || is_below(a, domain)) {
        return Likeness::None;
    }
    allowed.iter().map(|a| compare(domain, a)).max().unwrap_or(Likeness::None)
}

fn compare(domain: &str, allowed: &str) -> Likeness {
    let shown: Vec<String> = domain.split('.').map(shown_label).collect();
    let shown = shown.join(".");
    let label = registrable_label(&shown);
    let own = registrable_label(allowed);
    let own_length = own.chars().count();
    if label == own {
        // The same label under another ending; whole imitations such as `acme.example.acme.net` come below.
        return if embeds(&shown, allowed) { Likeness::Strong } else { Likeness::Weak };
    }
    // In a short name every second word is near.
    let near = match own_length {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    if skeleton(label) == skeleton(own)
        || skeleton(&shown) == skeleton(allowed)
        || edit_distance(label, own) <= near
        || embeds(&shown, allowed)
    {
        return Likeness::Strong;
    }
    let holds = |part: &str| {
        let part = skeleton(part);
        let own = skeleton(own);
        (own_length >= 4 && part.contains(&own)) || part.split('-').any(|piece| piece == own)
    };
    if shown.split('.').any(holds) { Likeness::Weak } else { Likeness::None }
}

/// Whether the whole allowed domain stands inside the other: `acme.example.evil.example`, `acmeexample.net`.
fn embeds(shown: &str, allowed: &str) -> bool {
    shown.starts_with(&format!("{allowed}.")) || {
        let joined: String = allowed.chars().filter(|c| *c != '.').collect();
        let dashed = allowed.replace('.', "-");
        shown.split('.').any(|part| part.contains(&joined) || part.contains(&dashed))
    }
}

/// The label that its owner registered. Without a list of public suffixes this is a guess, good enough to see
/// imitations and never used to accept anything.
fn registrable_label(domain: &str) -> &str {
    let labels: Vec<&str> = domain.split('.').collect();
    match labels.as_slice() {
        [.., own, second, top] if top.len() == 2 && SHARED_LABELS.contains(second) => own,
        [.., own, _] => own,
        [only] => only,
        [] => "",
    }
}

/// The label as a mail client shows it: IDNA labels decoded (RFC 5891), lower case.
fn shown_label(label: &str) -> String {
    let decoded = label.strip_prefix("xn--").and_then(punycode);
    decoded.unwrap_or_else(|| label.to_owned()).to_lowercase()
}

/// One text for everything that looks alike.
fn skeleton(text: &str) -> String {
    let mut out = String::new();
    for c in text.nfkd().flat_map(char::to_lowercase) {
        let plain = match c {
            'а' | 'ɑ' | 'α' => 'a',
            'ь' | 'Ь' => 'b',
            'с' | 'ϲ' => 'c',
            'ԁ' | 'ɗ' => 'd',
            'е' | 'є' | 'ҽ' | 'ε' => 'e',
            'ɡ' | 'ց' => 'g',
            'һ' | 'հ' => 'h',
            'і' | 'ı' | 'ɩ' | 'ι' | 'ӏ' | '1' | '|' | 'l' | 'i' | 'ј' | 'j' => 'l',
            'к' | 'κ' => 'k',
            'м' => 'm',
            'п' | 'ո' | 'η' => 'n',
            'о' | 'ο' | 'օ' | '0' | 'σ' => 'o',
            'р' | 'ρ' => 'p',
            'ѕ' | '5' => 's',
            'т' | 'τ' => 't',
            'υ' | 'ս' => 'u',
            'ѵ' | 'ν' => 'v',
            'ԝ' | 'ω' => 'w',
            'х' | 'χ' => 'x',
            'у' | 'ү' | 'γ' => 'y',
            // Marks and letters without width vanish on the screen.
            c if unicode_normalization::char::is_combining_mark(c) => continue,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => continue,
            c => c,
        };
        out.push(plain);
    }
    out.replace("rn", "m").replace("vv", "w").replace("cl", "d")
}

/// Decodes the part of an IDNA label after `xn--` (RFC 3492 §6.2); `None` when it is not well formed.
fn punycode(text: &str) -> Option<String> {
    const BASE: u32 = 36;
    let (basic, extended) = text.rsplit_once('-').unwrap_or(("", text));
    let mut out: Vec<char> = basic.chars().collect();
    let (mut n, mut i, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut digits = extended.bytes();
    while digits.len() > 0 {
        let before = i;
        let mut weight = 1_u32;
        let mut k = BASE;
        loop {
            let digit = match digits.next()? {
                b @ b'a'..=b'z' => u32::from(b - b'a'),
                b @ b'A'..=b'Z' => u32::from(b - b'A'),
                b @ b'0'..=b'9' => u32::from(b - b'0') + 26,
                _ => return None,
            };
            i = i.checked_add(digit.checked_mul(weight)?)?;
            let threshold = k.saturating_sub(bias).clamp(1, 26);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            k += BASE;
        }
        let count = u32::try_from(out.len()).ok()? + 1;
        bias = adapt(i - before, count, before == 0);
        n = n.checked_add(i / count)?;
        i %= count;
        out.insert(usize::try_from(i).ok()?, char::from_u32(n)?);
        i += 1;
    }
    Some(out.into_iter().collect())
}

/// RFC 3492 §6.1.
fn adapt(delta: u32, count: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / count;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(domain: &str) -> Likeness {
        likeness(domain, &["prospect.example".to_owned()])
    }

    #[test]
    fn imitations_are_seen() {
        for domain in [
            "prospct.example",
            "prospecct.example",
            "pr0spect.example",
            "prоspect.example", // Cyrillic о
            "xn--prspect-bjg.example",
            "pros\u{200b}pect.example",
            "prospect.example.evil.example",
            "prospectexample.com",
            "prospect-example.com",
            "próspect.example",
            "prospeet.example",
            "prospect5.example",
        ] {
            assert_eq!(like(domain), Likeness::Strong, "{domain}");
        }
        for domain in ["prospect.net", "prospect-inc.example", "ourprospects.io", "prospect.evil.example"] {
            assert_eq!(like(domain), Likeness::Weak, "{domain}");
        }
        assert_eq!(likeness("acrne.example", &["acme.example".to_owned()]), Likeness::Strong);
    }

    #[test]
    fn others_are_not() {
        for domain in
            ["prospect.example", "mail.prospect.example", "partner.example", "northwind-labs.example"]
        {
            assert_eq!(like(domain), Likeness::None, "{domain}");
        }
        assert_eq!(likeness("sap.example", &["ibm.example".to_owned()]), Likeness::None);
        assert_eq!(likeness("acme.example", &["mail.acme.example".to_owned()]), Likeness::None);
    }

    #[test]
    fn decodes_idna_labels() {
        assert_eq!(punycode("mnchen-3ya").as_deref(), Some("münchen"));
        assert_eq!(punycode("bcher-kva").as_deref(), Some("bücher"));
        assert_eq!(punycode("ab!"), None);
    }

    #[test]
    fn free_mail_in_every_country() {
        for domain in ["gmail.com", "yahoo.co.uk", "gmx.net", "web.de", "outlook.fr", "me.com"] {
            assert!(is_free_mail(domain), "{domain}");
        }
        for domain in ["acme.example", "yahoo-inc.example", "mail.acme.example", "live.acme.com"] {
            assert!(!is_free_mail(domain), "{domain}");
        }
    }
}
