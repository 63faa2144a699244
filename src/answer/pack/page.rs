//! The page of a pack: what a person reads. No script, nothing loaded from anywhere, and whatever came by mail is
//! escaped.

use super::Material;
use crate::answer::MessageAnswer;
use crate::model::Reason;

/// Allows the page its own style and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:52em;margin:2em auto;padding:0 1em;color:#222}\
blockquote{border-left:4px solid #999;margin:.5em 0;padding:0 1em;white-space:pre-wrap;overflow-wrap:anywhere}\
table{border-collapse:collapse}td,th{text-align:left;padding:.2em 1em .2em 0;vertical-align:top}\
code{overflow-wrap:anywhere;font-size:.85em}h2{margin-top:2em}";

/// The page.
pub fn page(material: &Material<'_>) -> String {
    let report = &material.answer.report;
    let opportunity = escape(report.opportunity.as_str());
    let mut body = format!(
        "<h1>{opportunity}</h1>\n<p>Standing: <strong>{}</strong>. Criteria: {} declared, {} confirmed in writing.</p>\n",
        report.standing.as_str(),
        report.criteria.total,
        report.criteria.confirmed,
    );
    body += "<table><tr><th>Who must endorse</th><th>Role</th><th>Standing</th></tr>\n";
    for endorser in &report.endorsers {
        let (who, role) = (escape(&endorser.who), escape(&endorser.role));
        body += &format!("<tr><td>{who}</td><td>{role}</td><td>{}</td></tr>\n", endorser.standing.as_str());
    }
    body += "</table>\n";
    body += &reasons(&report.reasons);
    body += "<h2>Mail</h2>\n";
    for message in &material.answer.messages {
        body += &letter(material, message);
    }
    body += &log(material);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{opportunity}</title>\n<style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n"
    )
}

fn letter(material: &Material<'_>, message: &MessageAnswer) -> String {
    let word = |text: &Option<String>| escape(text.as_deref().unwrap_or("–"));
    let verdict = match message.verdict {
        Some(verdict) if message.sure => verdict.as_str().to_owned(),
        Some(verdict) => format!("{} (not sure: a person must look)", verdict.as_str()),
        None => "–".to_owned(),
    };
    let sha256 = escape(&message.sha256);
    let kept = material
        .mails
        .iter()
        .any(|(digest, octets)| octets.is_some() && digest.to_string() == message.sha256);
    let file = if kept {
        format!("<a href=\"mail/{sha256}.eml\"><code>mail/{sha256}.eml</code></a>")
    } else {
        format!("<code>{sha256}</code> (erased)")
    };
    let mut text = format!(
        "<h3>{} from {}</h3>\n<table>\n<tr><th>Message-ID</th><td><code>{}</code></td></tr>\n\
         <tr><th>What was said</th><td>{verdict}</td></tr>\n<tr><th>Who said it</th><td>{}</td></tr>\n\
         <tr><th>Endorsement</th><td>{}</td></tr>\n<tr><th>Original</th><td>{file}</td></tr>\n</table>\n",
        escape(&format!("{:?}", message.kind)),
        word(&message.from),
        word(&message.message_id),
        word(&message.authorship),
        if message.endorsed { "yes, verified" } else { "no" },
    );
    let words = if message.quote.is_empty() { &message.fresh_text } else { &message.quote };
    if !words.trim().is_empty() {
        text += &format!("<blockquote>{}</blockquote>\n", escape(words));
    }
    text + &reasons(&message.reasons)
}

fn reasons(reasons: &[Reason]) -> String {
    if reasons.is_empty() {
        return String::new();
    }
    let item = |reason: &Reason| {
        let rule = reason.rule.as_ref().map_or_else(String::new, |rule| format!(" (rule {rule})"));
        format!("<li>{}</li>\n", escape(&format!("{}: {}{rule}", reason.code, reason.text)))
    };
    format!("<ul>\n{}</ul>\n", reasons.iter().map(item).collect::<String>())
}

fn log(material: &Material<'_>) -> String {
    let mut rows = String::new();
    for (record, _) in material.records {
        let kind = crate::record::log::kind_of(record.json()).unwrap_or_else(|| "erased".into());
        let file = format!("entries/{:08}.json", record.seq);
        rows += &format!(
            "<tr><td>{}</td><td>{}</td><td><a href=\"{file}\">{file}</a></td></tr>\n",
            record.seq,
            escape(&kind)
        );
    }
    let (note, verifier) = material.head;
    format!(
        "<h2>Entries of the log</h2>\n<table><tr><th>Number</th><th>Kind</th><th>File</th></tr>\n{rows}</table>\n\
         <h2>Signed head</h2>\n<pre>{}</pre>\n<p>Key: <code>{}</code></p>\n\
         <p>This page only shows what the other files prove. <code>README.txt</code> says how to check them.</p>\n",
        escape(note),
        escape(verifier),
    )
}

/// Text as HTML shows it. Control characters become blanks: they could hide or turn around what was written.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            '\n' | '\t' => out.push(c),
            c if c.is_control() || is_direction(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Marks that change the direction of writing (Unicode UAX #9): they make a reader see another order than was sent.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
