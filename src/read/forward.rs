//! A mail that was passed on in the body of another: its header lines and its text.

use super::header;
use super::html;
use super::lines::{self, Line, Mark};
use super::markers::Label;
use super::{PLAIN_BYTES_MAX, witness};
use crate::model::Message;

/// The header of a forwarded mail stands within the first lines: above it there is a remark, no letter.
const ABOVE_LINES_MAX: usize = 200;

/// A forwarded mail as the body shows it. Values stand as written, empty where the block has none; whoever forwards
/// could have changed each of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InlineForward {
    /// Who wrote it.
    pub from: String,
    /// When.
    pub date: String,
    /// To whom.
    pub to: String,
    /// About what.
    pub subject: String,
    /// Its Message-ID, which few programs show.
    pub message_id: String,
    /// Its text, with what it quoted behind `>`.
    pub text: String,
}

/// The first mail that the body of `message` passes on below a block of header lines, if there is one.
pub fn inline_forward(message: &Message) -> Option<InlineForward> {
    let plain = message.plain.as_deref().filter(|text| !witness::says_nothing(text));
    match (plain, message.html.as_deref()) {
        (Some(text), _) if text.len() <= PLAIN_BYTES_MAX => first(&lines::plain_lines(text)),
        (None, Some(markup)) => {
            let layout = html::lay_out(markup);
            if layout.over_limit { None } else { first(&lines::lines(&layout.text, &layout.stretches)) }
        }
        _ => None,
    }
}

fn first(lines: &[Line<'_>]) -> Option<InlineForward> {
    let begins = |i: &usize| header::block(lines, *i) > 0;
    let start = (0..lines.len().min(ABOVE_LINES_MAX)).find(begins)?;
    let labelled = start + header::block(lines, start);
    let end = (labelled..lines.len()).find(|k| !lines.get(*k).is_some_and(is_id)).unwrap_or(lines.len());
    let mut found = fields(lines.get(start..end)?);
    found.text = text(lines.get(end..)?, lines.get(start)?.depth);
    Some(found)
}

/// Whether a line gives the Message-ID; no other mark tells that it belongs to the header.
fn is_id(line: &Line<'_>) -> bool {
    line.folded.trim_start_matches(['*', '_', ' ']).starts_with("message-id:")
}

/// The values of a block, folded ones joined.
fn fields(block: &[Line<'_>]) -> InlineForward {
    let mut found = InlineForward::default();
    let mut last = None;
    for line in block.iter().filter(|l| !l.is_blank()) {
        let is_id = is_id(line);
        let label = header::label(line);
        if label.is_some() || is_id {
            last = label.map_or(Some(Label::Other), Some).filter(|l| is_id || *l != Label::Other);
        }
        let value = match (last, is_id) {
            (_, true) => &mut found.message_id,
            (Some(Label::From), _) => &mut found.from,
            (Some(Label::Date), _) => &mut found.date,
            (Some(Label::To), _) => &mut found.to,
            (Some(Label::Subject), _) => &mut found.subject,
            _ => continue,
        };
        let written = match line.body.split_once([':', '：']) {
            Some((_, written)) if label.is_some() || is_id => written,
            _ => line.body,
        };
        if !value.is_empty() {
            value.push(' ');
        }
        value.push_str(written.trim_matches(['*', '_', ' ', '\t', '\u{a0}']));
    }
    found
}

/// The text of a mail that is quoted `depth` deep, up to where somebody else goes on.
fn text(below: &[Line<'_>], depth: u16) -> String {
    let mut out = String::new();
    let ends = |l: &&Line<'_>| l.depth >= depth || l.is_blank();
    for line in below.iter().take_while(ends).filter(|l| l.mark != Mark::Hidden) {
        out.push_str(&"> ".repeat(usize::from(line.depth.saturating_sub(depth).min(QUOTED_DEPTH_MAX))));
        out.push_str(line.body.trim_end());
        out.push('\n');
    }
    out.trim().to_owned()
}

/// Deeper quotes are written as deep as this.
const QUOTED_DEPTH_MAX: u16 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<InlineForward> {
        first(&lines::plain_lines(text))
    }

    #[test]
    fn blocks_of_several_programs() {
        let gmail = "FYI\n\n---------- Forwarded message ---------\nFrom: Sam Ito <sam@seller.example>\nDate: Fri, Nov 20, 2026 at 10:00 AM\nSubject: Results\nTo: Dana Reyes <dana@acme.example>\n\n\nHi Dana,\n\n> old\n";
        let found = of(gmail).unwrap();
        assert_eq!(found.from, "Sam Ito <sam@seller.example>");
        assert_eq!(found.date, "Fri, Nov 20, 2026 at 10:00 AM");
        assert_eq!((found.subject.as_str(), found.text.as_str()), ("Results", "Hi Dana,\n\n> old"));
        let outlook = "________________________________\nVon: Sam Ito <sam@seller.example>\nGesendet: Freitag, 20. November 2026 10:00\nAn: Dana Reyes <dana@acme.example>;\n  Pat <pat@acme.example>\nBetreff: Ergebnis\n\nHallo\n";
        let found = of(outlook).unwrap();
        assert_eq!(found.to, "Dana Reyes <dana@acme.example>; Pat <pat@acme.example>");
        let apple = "Begin forwarded message:\n\n> From: Sam Ito <sam@seller.example>\n> Subject: Results\n> Date: November 20, 2026 at 10:00:00 AM GMT+1\n> To: dana@acme.example\n> Message-Id: <d1@seller.example>\n>\n> Hi Dana,\n>\n> > old\n\nSam\n";
        let found = of(apple).unwrap();
        assert_eq!(
            (found.message_id.as_str(), found.text.as_str()),
            ("<d1@seller.example>", "Hi Dana,\n\n> old")
        );
        assert_eq!(of("no header at all\n"), None);
    }
}
