//! What a subject says: reply and forward prefixes, platform and account (RFC 5322 §3.6.5 knows only `Re: `).

use std::sync::LazyLock;

use regex::Regex;

use crate::text::{fixed, squeeze};

/// Reply prefixes, folded.
const REPLY: &[&str] =
    &["re", "aw", "antw", "sv", "vs", "res", "ref", "odp", "rif", "r", "ynt", "回复", "回覆", "回", "返信"];
/// Forward prefixes, folded.
const FORWARD: &[&str] =
    &["fwd", "fw", "wg", "tr", "rv", "i", "enc", "vb", "vl", "pd", "ilt", "doorst", "转发", "轉寄", "転送"];

/// Whether the subject begins with a reply prefix.
pub(super) fn is_reply(subject: &str) -> bool {
    prefix(subject).is_some_and(|p| REPLY.contains(&p.as_str()))
}

/// Whether the subject begins with a forward prefix.
pub(super) fn is_forward(subject: &str) -> bool {
    // `[sender: subject]` is how mutt marks a forward.
    let mutt = subject
        .strip_prefix('[')
        .and_then(|s| s.strip_suffix(']')?.split_once(": "))
        .is_some_and(|(sender, _)| sender.contains('@') && !sender.contains(' '));
    mutt || prefix(subject).is_some_and(|p| FORWARD.contains(&p.as_str()))
}

/// What stands before the first colon, behind tags in square brackets: `[EXTERNAL] Re[2]: x` has `re`.
fn prefix(subject: &str) -> Option<String> {
    split_prefix(&squeeze(subject)).map(|(word, _)| word.to_owned())
}

/// The same of a folded subject, with what stands behind it.
fn split_prefix(folded: &str) -> Option<(&str, &str)> {
    let (word, rest) = without_tags(folded).split_once(':')?;
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit() || "[]()^ .".contains(c));
    (word.chars().count() <= 10).then_some((word, rest.trim_start()))
}

/// Without the tags in square brackets that stand in front.
fn without_tags(folded: &str) -> &str {
    let mut rest = folded;
    while let Some((_, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
        rest = after.trim_start();
    }
    rest
}

/// The subject without the marks of answering and forwarding, folded.
fn base(subject: &str) -> String {
    let folded = squeeze(subject);
    let mut rest = without_tags(&folded);
    while let Some((word, after)) = split_prefix(rest)
        && (REPLY.contains(&word) || FORWARD.contains(&word))
    {
        rest = without_tags(after);
    }
    rest.to_owned()
}

/// What the author of an answer put into its subject, beside the subjects of the thread; folded.
pub fn own_words<'a>(subject: &str, thread: impl IntoIterator<Item = &'a str>) -> String {
    let own = base(subject);
    let known: Vec<String> = thread.into_iter().map(base).filter(|known| !known.is_empty()).collect();
    // Programs cut long subjects.
    if known.iter().any(|known| known.starts_with(&own)) {
        return String::new();
    }
    known.iter().find_map(|known| own.split_once(known.as_str())).map_or_else(
        || own.clone(),
        |(before, behind)| format!("{}\n{}", before.trim_end_matches(": "), behind.trim()).trim().to_owned(),
    )
}

/// Platform and account, when the subject has one of the usual forms.
pub(super) fn names(subject: &str) -> (Option<String>, Option<String>) {
    static PREFIX: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"(?i)^(?:\s*(?:\[[^\]]{1,40}\]|(?:re|aw|sv|fwd?|wg|tr|rv)\s*:))+\s*"));
    static WIN: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"(?i)^(?:[\p{L}]+\s+)?(?:tech(?:nical|nischer|nique|nische)?|t[eé]cnic[ao]|teknisk)?[\s-]*(?:win|success|victory|erfolg|sieg|gewinn|victoire|succès|victoria|éxito|vittoria|successo|vitória|sucesso)\b[^–—:+-]{0,40}?\s*(?:[–—:：]|--?\s)-?\s*(?P<rest>.+)$",
        )
    });
    static AT: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"(?i)^(?P<p>.+?)\s+(?:technical |product |poc |pov )?(?:evaluation|trial|pilot|poc|pov|proof of concept|proof of value|evaluierung|évaluation)\s+(?:at|with|for|by|bei|chez)\s+(?P<a>.+?)(?:\s*[:：].*|\s+[–—-]+\s.*)?$",
        )
    });
    static PAIR: LazyLock<Regex> = LazyLock::new(|| {
        fixed(r"(?i)^(?P<p>.+?)\s+(?:\+|×|x|<>|/|at|@|for|bei|chez|en|presso|na|bij)\s+(?P<a>.+)$")
    });
    static PLUS: LazyLock<Regex> = LazyLock::new(|| fixed(r"^(?P<p>.+?)\s+\+\s*(?P<a>.+)$"));
    static PLACE: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"(?i)^(?P<p>[^:,]+?)\s+(?:at|bei|chez|presso|bij)\s+(?P<a>[^:,]+?)\s*[:,].*(?:result|evaluation|evaluierung|trial|pilot|confirm|poc|outcome|readout)",
        )
    });
    let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
    let subject = PREFIX.replace(&subject, "");
    let rest = WIN.captures(&subject).and_then(|c| c.name("rest")).map(|m| m.as_str());
    let found = match rest {
        Some(rest) => PLUS.captures(rest).or_else(|| PAIR.captures(rest)),
        None => AT.captures(&subject).or_else(|| PLACE.captures(&subject)),
    };
    let name = |group: &str| {
        let text = found.as_ref()?.name(group)?.as_str().trim().trim_matches(['"', '“', '”', ',']).trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    (name("p"), name("a"))
}

/// Whether the subject announces a win: `Technical Win Confirmed — …`, `Conditional Technical Win: …`.
pub(super) fn announces(subject: &str) -> bool {
    static ANNOUNCED: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"^(?:\[[^\]]{1,40}\]\s*)*(?:proposal: )?(?:conditional )?tech(?:nical)? win\b(?: (?:confirmed|declared|declaration|summary|recap|achieved))?\s*(?:[-:+]|(?:for|at|with|bei|chez)\b|$)",
        )
    });
    ANNOUNCED.is_match(&squeeze(subject))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_author_put_into_the_subject() {
        let thread = ["Sentra Score: evaluation at Acme", "Re: Sentra Score: evaluation at Acme"];
        for (subject, own) in [
            ("Re: Sentra Score: evaluation at Acme", ""),
            ("AW: [EXTERN] Re: sentra score: Evaluation at Acme", ""),
            ("Re: Sentra Score: evalu", ""),
            ("Re:", ""),
            ("DRAFT: Re: Sentra Score: evaluation at Acme", "draft: re"),
            ("Re: Sentra Score: evaluation at Acme - not yet!", "- not yet!"),
            ("[EXT] lunch on Friday", "lunch on friday"),
        ] {
            assert_eq!(own_words(subject, thread), own, "{subject}");
        }
    }

    #[test]
    fn prefixes_in_many_languages() {
        for subject in ["Re: x", "RE: x", "AW: x", "Antw.: x", "[EXTERNAL] Re: x", "Re[2]: x", "回复：x"] {
            assert!(is_reply(subject), "{subject}");
        }
        for subject in ["Fwd: x", "FW: x", "WG: x", "TR : x", "[OPP-1] Fwd: x", "[a@b.example: Re: x]"] {
            assert!(is_forward(subject), "{subject}");
        }
        assert!(!is_reply("Results of the trial"));
        assert!(!is_forward("Forward planning: x"));
    }

    #[test]
    fn platform_and_account() {
        let some = |p: &str, a: &str| (Some(p.to_owned()), Some(a.to_owned()));
        assert_eq!(
            names("Technical Win Confirmed — Heron Desk + Acme, Ltd"),
            some("Heron Desk", "Acme, Ltd")
        );
        assert_eq!(names("[OPP-7] Technical Win Confirmed - Heron + Acme"), some("Heron", "Acme"));
        assert_eq!(names("Conditional Technical Win: Heron at Port of Acme"), some("Heron", "Port of Acme"));
        assert_eq!(names("Heron evaluation at Acme & Sons: technical readout"), some("Heron", "Acme & Sons"));
        assert_eq!(names("Lunch on Friday"), (None, None));
    }
}
