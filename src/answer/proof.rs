//! The letter that an account executive forwards: six lines and the champion's own mail, octet by octet. Nothing of
//! ours is in it: no opportunity id, no rule, no reason, no other mail.

use super::OpportunityAnswer;
use crate::decide::is_statement;
use crate::model::{Digest, Evidence, Outcome, Standing, Verdict};

/// The verified messages that count, when the opportunity stands at a yes; else none.
pub fn candidates(answer: &OpportunityAnswer) -> Vec<&Evidence> {
    match answer.report.standing {
        Standing::Confirmed | Standing::Conditional => {
            answer.report.evidence.iter().filter(|evidence| evidence.verified).collect()
        }
        _ => Vec::new(),
    }
}

/// The letter for one verified statement (RFC 5322, RFC 2046 §5.2.1), as a draft that the reader's program opens for
/// sending; `None` when the statement is no yes.
pub fn letter(
    answer: &OpportunityAnswer,
    outcome: &Outcome,
    raw: &[u8],
    head: (u64, Digest),
) -> Option<Vec<u8>> {
    let word = match outcome.verdict {
        Some(Verdict::Confirmed) if is_statement(outcome) && outcome.endorsed => "confirmed",
        Some(Verdict::Conditional) if is_statement(outcome) => "confirmed with a condition",
        _ => return None,
    };
    let champion = outcome.from.as_ref()?;
    let declaration = answer.messages.iter().filter_map(|m| m.declaration.as_ref()).next_back();
    let subject = declaration.and_then(|d| d.platform.as_deref()).unwrap_or("technical evaluation");
    let date = outcome.written().strftime("%-d %B %Y");
    let signed = outcome.authorship.as_ref().and_then(|a| a.signed_by.as_deref());
    let signed =
        signed.map_or_else(|| "its sender's server".to_owned(), |domain| format!("the domain {domain}"));
    let tally = &answer.report.criteria;
    let lines = [
        format!("{}: {word} in writing.", one_line(subject)),
        format!("By {champion}, on {date}."),
        format!("In these words: \"{}\"", one_line(&outcome.quote)),
        format!("Criteria declared: {}, confirmed in writing: {}.", tally.total, tally.confirmed),
        format!("The mail is attached as it came (SHA-256 {}), signed by {signed}.", outcome.sha256),
        format!("It is on record in the log of {} entries with the root {}.", head.0, head.1),
    ];
    // The boundary must not stand in the mail (RFC 2046 §5.1.1): its own digest can not.
    let boundary = format!("proof-{}", Digest::of(raw));
    let is_text =
        raw.iter().all(u8::is_ascii) && raw.split(|byte| *byte == b'\n').all(|line| line.len() <= 998);
    let encoding = if is_text { "7bit" } else { "binary" };
    let mut out = format!(
        "MIME-Version: 1.0\r\nX-Unsent: 1\r\nSubject: Technical evaluation: the written answer\r\n\
         Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n\
         --{boundary}\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"original.eml\"\r\n\
         Content-Transfer-Encoding: {encoding}\r\n\r\n",
        base64_lines(&format!("{}\r\n", lines.join("\r\n"))),
    )
    .into_bytes();
    out.extend_from_slice(raw);
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Some(out)
}

/// Base64 in lines of 76 characters (RFC 2045 §6.8).
fn base64_lines(text: &str) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    let lines: Vec<&[u8]> = encoded.as_bytes().chunks(76).collect();
    lines.iter().map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join("\r\n")
}

/// Foreign text on one line.
fn one_line(text: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(blank).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}
