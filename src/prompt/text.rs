//! From a template's words to the two bodies of a letter: text at 72 columns and HTML that says the same.
//!
//! A template is plain text: paragraphs are parted by empty lines, a line that begins with `- ` is an item of a list, one
//! that begins with `> ` is somebody's words.

use std::fmt::Write as _;

/// Longest line of the text body, in characters (RFC 5322 §2.1.1 recommends 78; a quote mark must fit before it).
pub const COLUMNS: usize = 72;

/// A block of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Block {
    Paragraph(String),
    List(Vec<String>),
    Quote(String),
    Lines(Vec<String>),
}

/// The text body.
pub fn plain(body: &str) -> String {
    let mut out = String::new();
    for block in blocks(body) {
        if !out.is_empty() {
            out.push('\n');
        }
        match block {
            Block::Paragraph(text) => wrap(&mut out, &text, "", ""),
            Block::List(items) => items.iter().for_each(|item| wrap(&mut out, item, "- ", "  ")),
            Block::Quote(text) => wrap(&mut out, &text, "> ", "> "),
            Block::Lines(lines) => lines.iter().for_each(|line| wrap(&mut out, line, "", "")),
        }
    }
    out
}

/// An HTML body that keeps lines and columns as they are.
pub fn preformatted(body: &str) -> String {
    format!("<!DOCTYPE html>\n<html lang=\"en\">\n<body>\n<pre>{}</pre>\n</body>\n</html>\n", escape(body))
}

/// The HTML body: no images, no links, no script.
pub fn html(body: &str, language: &str) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<body style=\"font-family: sans-serif; max-width: 40em\">\n"
    );
    for block in blocks(body) {
        let _ = match block {
            Block::Paragraph(text) => writeln!(out, "<p>{}</p>", escape(&text)),
            Block::List(items) => {
                let items: String = items.iter().map(|i| format!("<li>{}</li>\n", escape(i))).collect();
                writeln!(out, "<ul>\n{items}</ul>")
            }
            Block::Lines(lines) => {
                let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
                writeln!(out, "<p>{}</p>", lines.join("<br>\n"))
            }
            Block::Quote(text) => {
                let style = "border-left: 3px solid #999; margin-left: 0; padding-left: 1em";
                writeln!(out, "<blockquote style=\"{style}\"><p>{}</p></blockquote>", escape(&text))
            }
        };
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn blocks(body: &str) -> Vec<Block> {
    let mut out: Vec<Block> = Vec::new();
    let mut open = false;
    for line in body.lines().map(str::trim) {
        if line.is_empty() {
            open = false;
            continue;
        }
        let last = out.last_mut().filter(|_| open);
        if let Some(kept) = line.strip_prefix("~ ") {
            match last {
                Some(Block::Lines(lines)) => lines.push(kept.to_owned()),
                _ => out.push(Block::Lines(vec![kept.to_owned()])),
            }
            open = true;
            continue;
        }
        match (line.strip_prefix("- "), line.strip_prefix("> "), last) {
            (Some(item), _, Some(Block::List(items))) => items.push(item.to_owned()),
            (Some(item), _, _) => out.push(Block::List(vec![item.to_owned()])),
            (_, Some(words), Some(Block::Quote(text))) => join(text, words),
            (_, Some(words), _) => out.push(Block::Quote(words.to_owned())),
            (_, _, Some(Block::Paragraph(text))) => join(text, line),
            (_, _, Some(Block::List(items))) => {
                if let Some(item) = items.last_mut() {
                    join(item, line);
                }
            }
            _ => out.push(Block::Paragraph(line.to_owned())),
        }
        open = true;
    }
    out
}

fn join(text: &mut String, more: &str) {
    text.push(' ');
    text.push_str(more);
}

fn wrap(out: &mut String, text: &str, first: &str, next: &str) {
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            out.push_str(line.trim_end());
            out.push('\n');
            next.clone_into(&mut line);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_its_columns_and_html_says_the_same() {
        let body = format!("Hello Dana,\n\n{}\nend\n\n- one <b>\n- two\n\n> \"yes\"\n", "word ".repeat(30));
        let text = plain(&body);
        assert!(text.lines().all(|l| l.chars().count() <= COLUMNS), "{text}");
        assert!(text.contains("\n- one <b>\n- two\n\n> \"yes\"\n"), "{text}");
        let html = html(&body, "en");
        assert!(html.contains("<li>one &lt;b&gt;</li>") && html.contains("&quot;yes&quot;"), "{html}");
    }
}
