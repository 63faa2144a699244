//! Leaves to parts and bodies: what the reader of the mail sees, and what is attached.

use std::sync::LazyLock;

use regex::Regex;

use super::header::Scan;
use super::limits::{ATTACHED_DEPTH_MAX, MESSAGE_BYTES_MAX};
use super::mime::{self, Leaf, Tree};
use super::{decode, flowed};
use crate::model::{Defect, Digest, Message, Part};
use crate::text::fixed;

/// Fills parts, bodies, attached messages and their defects.
pub(super) fn fill(message: &mut Message, scan: &Scan, body: &[u8], depth: usize, attached_left: &mut usize) {
    let mut tree = mime::tree(scan, body);
    message.defects.append(&mut tree.defects);
    let (mut plain, mut html) = (Vec::new(), Vec::new());
    for leaf in &tree.leaves {
        let part = part(leaf, message, depth, attached_left);
        if let Some(text) = part.text.as_ref().filter(|_| part.is_body()) {
            message.defects.extend(decode::controls(text));
            let text = &text.replace('\r', "\n");
            match part.media_type.as_str() {
                "text/html" => html.push(text.clone()),
                _ => plain.push(body_text(&part, text)),
            }
        }
        message.parts.push(part);
    }
    message.plain = joined(plain, "\n\n");
    message.html = joined(html, "\n");
    message.defects.extend(unreadable(message, &tree));
}

fn part(leaf: &Leaf<'_>, message: &mut Message, depth: usize, attached_left: &mut usize) -> Part {
    let (bytes, defect) = decode::transfer(&leaf.encoding, leaf.body);
    message.defects.extend(defect);
    if is_message(leaf) {
        if depth >= ATTACHED_DEPTH_MAX || *attached_left == 0 || bytes.len() > MESSAGE_BYTES_MAX {
            message.defects.push(Defect::OverLimit("more attached messages than are read".into()));
        } else {
            *attached_left -= 1;
            message.attached.push(super::message(&bytes, depth + 1, attached_left));
        }
    }
    let mut text = None;
    if is_text(leaf) {
        let (decoded, defect) = decode::text(&bytes, leaf.media.parameter("charset"));
        message.defects.extend(defect);
        if hides_parts(&decoded) {
            message.defects.push(Defect::AmbiguousMime("text that another boundary would cut".into()));
        }
        text = Some(decoded);
    }
    Part {
        media_type: leaf.media.name.clone(),
        parameters: leaf.media.parameters.clone(),
        disposition: leaf.disposition.clone(),
        file_name: leaf.file_name.clone(),
        text,
        length: bytes.len(),
        attached: is_attachment(leaf).then(|| Digest::of(&bytes)),
    }
}

/// Files, and text that comes as a file: listed by their hash, not read.
fn is_attachment(leaf: &Leaf<'_>) -> bool {
    !is_text(leaf) || leaf.disposition.as_deref() == Some("attachment") || leaf.file_name.is_some()
}

fn is_message(leaf: &Leaf<'_>) -> bool {
    let eml = || leaf.file_name.as_ref().is_some_and(|n| n.to_ascii_lowercase().ends_with(".eml"));
    match leaf.media.name.as_str() {
        "message/rfc822" | "message/global" => true,
        "application/octet-stream" | "application/eml" | "application/x-eml" => eml(),
        _ => false,
    }
}

/// Text parts, and the machine-readable parts of reports (RFC 3464, RFC 8098).
fn is_text(leaf: &Leaf<'_>) -> bool {
    let name = leaf.media.name.as_str();
    name.starts_with("text/") || (name.starts_with("message/") && !is_message(leaf))
}

fn body_text(part: &Part, text: &str) -> String {
    let is = |name: &str, value: &str| part.parameter(name).is_some_and(|v| v.eq_ignore_ascii_case(value));
    if is("format", "flowed") { flowed::unfold(text, is("delsp", "yes")) } else { text.to_owned() }
}

fn joined(texts: Vec<String>, between: &str) -> Option<String> {
    if texts.len() < 2 {
        return texts.into_iter().next();
    }
    let texts: Vec<&str> = texts.iter().map(|t| t.trim_end_matches('\n')).filter(|t| !t.is_empty()).collect();
    Some(texts.join(between))
}

/// A line `--token` followed by a part header: with another Content-Type field, which many signatures do not
/// cover, this text would fall into parts (RFC 2046 §5.1).
fn hides_parts(text: &str) -> bool {
    static HIDDEN: LazyLock<Regex> = LazyLock::new(|| fixed(r"(?mi)^--\S+[ \t]*\r?\nContent-[a-z-]+[ \t]*:"));
    HIDDEN.is_match(text)
}

/// Why nobody can read the message, if nobody can.
fn unreadable(message: &Message, tree: &Tree<'_>) -> Option<Defect> {
    let blank = |t: &Option<String>| t.as_ref().is_none_or(|t| t.trim().is_empty());
    let has = |test: fn(&str) -> bool| message.parts.iter().any(|p| test(&p.media_type));
    let sealed = |t: &str| {
        matches!(
            t,
            "application/pkcs7-mime"
                | "application/x-pkcs7-mime"
                | "application/pgp-encrypted"
                | "application/x-microsoft-rpmsg-message"
        )
    };
    if has(sealed) || tree.multiparts.iter().any(|m| m == "multipart/encrypted") {
        return Some(Defect::Unreadable("encrypted".into()));
    }
    if message.plain.as_ref().is_some_and(|t| t.trim_start().starts_with("-----BEGIN PGP MESSAGE-----")) {
        return Some(Defect::Unreadable("encrypted".into()));
    }
    if !blank(&message.plain) || !blank(&message.html) || !message.attached.is_empty() {
        return None;
    }
    if has(|t| matches!(t, "application/ms-tnef" | "application/vnd.ms-tnef")) {
        return Some(Defect::Unreadable("TNEF only".into()));
    }
    if has(|t| t.starts_with("image/")) {
        return Some(Defect::Unreadable("pictures only".into()));
    }
    (message.plain.is_none() && message.html.is_none() && !message.parts.is_empty())
        .then(|| Defect::Unreadable("no text".into()))
}
