//! Caps an HTML part before the tree is built.
//!
//! html5ever builds trees in time quadratic in depth and in attributes (notes: 200 KB of nested `div` take
//! 8 s). So the part is first tokenised as the HTML standard says (WHATWG HTML §13.2.5) and written again in a
//! canonical form: known elements only, no comments, no raw text, no foreign content, few attributes. On that
//! form the depth of the open elements can be followed exactly enough to cap it.

use std::fmt::Write as _;

use super::token::{Tag, behind, conditional, is_raw, raw_text, skip_comment, tag};

/// Larger HTML parts are cut here: building their tree takes quadratic time in depth.
pub(super) const BYTES_MAX: usize = 256 * 1024;
/// Deeper nesting is dropped; browsers do the same.
pub(super) const DEPTH_MAX: usize = 512;
/// More tags and texts than this are not read.
const NODES_MAX: usize = 40_000;
/// Bytes of style sheets that are looked at.
const STYLE_BYTES_MAX: usize = 64 * 1024;

/// Attribute that stands for struck-out text in the canonical form.
pub(super) const STRUCK: &str = "data-struck";
/// Attribute that stands for text whose direction is overridden.
pub(super) const TURNED: &str = "data-turned";
/// Attribute that stands for words in form fields and closed details.
pub(super) const FORM: &str = "data-form";

/// The canonical form.
#[derive(Debug, Default)]
pub(super) struct Limited {
    /// Canonical HTML.
    pub html: String,
    /// The style sheets, joined.
    pub styles: String,
    /// Words in comments that only some programs show.
    pub conditional: String,
    /// Whether a cap was reached.
    pub over_limit: bool,
}

/// Writes `html` again in canonical form, within the caps.
pub(super) fn canonical(html: &str) -> Limited {
    let mut end = html.len().min(BYTES_MAX);
    while !html.is_char_boundary(end) {
        end -= 1;
    }
    let rest = html.get(..end).unwrap_or_default();
    let mut writer = Writer::default();
    writer.out.over_limit = end < html.len();
    writer.run(rest);
    writer.out
}

#[derive(Default)]
struct Writer {
    out: Limited,
    /// Names of the open elements.
    open: Vec<&'static str>,
    /// Formatting elements that the tree builder will open again in each block (HTML §13.2.4.3).
    carried: usize,
    /// Tags and texts so far, each with what the tree builder adds to it.
    nodes: usize,
}

impl Writer {
    fn run(&mut self, mut rest: &str) {
        while !rest.is_empty() {
            if self.nodes > NODES_MAX {
                self.out.over_limit = true;
                return;
            }
            let at = rest.find('<').unwrap_or(rest.len());
            let (text, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
            self.text(text);
            rest = if tail.is_empty() { "" } else { self.markup(tail) };
        }
    }

    fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.out.html.push_str(text);
            self.nodes += 1 + self.carried;
        }
    }

    /// Takes what begins with `<`; returns what stands behind it.
    fn markup<'a>(&mut self, tail: &'a str) -> &'a str {
        let after = tail.strip_prefix('<').unwrap_or(tail);
        let mut chars = after.chars();
        match chars.next() {
            Some('!') => {
                let rest = skip_comment(after);
                let comment = after.get(..after.len() - rest.len()).unwrap_or_default();
                if comment.starts_with("!--[") {
                    self.out.conditional.push_str(&conditional(comment));
                }
                rest
            }
            Some('?') => behind(after, ">"),
            Some('/') => match chars.next() {
                Some(c) if c.is_ascii_alphabetic() => {
                    let (tag, rest) = tag(after.strip_prefix('/').unwrap_or(after));
                    self.end(&tag.name);
                    rest
                }
                _ => behind(after, ">"),
            },
            Some(c) if c.is_ascii_alphabetic() => {
                let (tag, rest) = tag(after);
                self.start(tag, rest)
            }
            _ => {
                self.out.html.push_str("&lt;");
                after
            }
        }
    }

    /// Opens an element; raw text (style, script, title) is taken out at once.
    fn start<'a>(&mut self, tag: Tag, rest: &'a str) -> &'a str {
        self.out.over_limit |= tag.over_limit;
        if is_raw(&tag.name) {
            let (content, rest) = raw_text(rest, &tag.name);
            if tag.name == "style" && self.out.styles.len() + content.len() <= STYLE_BYTES_MAX {
                self.out.styles.push_str(content);
                self.out.styles.push('\n');
            } else if matches!(tag.name.as_str(), "style" | "plaintext") {
                self.out.over_limit = true;
            } else if tag.name == "textarea" {
                self.field(content);
            }
            return rest;
        }
        let mut tag = tag;
        if tag.name == "input" && tag.attribute("type").is_none_or(|t| !t.eq_ignore_ascii_case("hidden")) {
            self.field(tag.attribute("value").unwrap_or_default());
            self.field(tag.attribute("placeholder").unwrap_or_default());
        }
        if let Some(mark) = stands_for(&tag) {
            tag.attributes.push((mark, String::new()));
        }
        let Some(name) = known(&tag) else { return rest };
        self.imply_ends(name);
        if self.open.len() >= DEPTH_MAX && !is_void(name) {
            self.out.over_limit = true;
            return rest;
        }
        self.nodes += 1 + self.carried;
        let _ = write!(self.out.html, "<{name}");
        for (key, value) in &tag.attributes {
            let value = value.replace('"', "&quot;");
            let _ = write!(self.out.html, " {key}=\"{value}\"");
        }
        self.out.html.push('>');
        if !is_void(name) {
            self.open.push(name);
        }
        rest
    }

    /// Words in a form field: whoever reads the mail may see them, and nobody typed them as text.
    fn field(&mut self, words: &str) {
        if !words.trim().is_empty() {
            let _ = write!(self.out.html, "<span {FORM}=\"\">{}</span>", words.replace('<', "&lt;"));
            self.nodes += 2;
        }
    }

    fn end(&mut self, written: &str) {
        let as_tag = |attributes| Tag { name: written.to_owned(), attributes, over_limit: false };
        let Some(mut name) = known(&as_tag(Vec::new())) else { return };
        if written == "br" || written == "p" && !self.open.contains(&"p") {
            // `</br>` is a line break, a stray `</p>` an empty paragraph.
            self.out.html.push_str("<br>");
            return;
        }
        if is_void(name) {
            return;
        }
        if is_formatting(written)
            && self.open.iter().rev().find(|n| is_inline(n)).is_some_and(|n| *n == "font")
        {
            name = "font";
        }
        let found = self.find(name);
        if let Some(at) = found {
            self.close_from(at);
            let _ = write!(self.out.html, "</{name}>");
        } else if name == "font" || is_formatting(written) {
            self.out.html.push_str("</font>");
            self.carried = self.carried.saturating_sub(1);
        }
        self.nodes += 1;
    }

    /// The innermost open `name` that an end tag would close (HTML §13.2.6.4.7: what is "in scope").
    fn find(&self, name: &str) -> Option<usize> {
        for (at, open) in self.open.iter().enumerate().rev() {
            if *open == name {
                return Some(at);
            }
            let scope = if is_table(name) {
                *open == "table"
            } else {
                matches!(*open, "table" | "td" | "th" | "caption")
            };
            if scope || (is_inline(name) && !is_inline(open)) {
                return None;
            }
        }
        None
    }

    fn close_from(&mut self, at: usize) {
        let above = self.open.iter().skip(at + 1);
        self.carried += above.filter(|n| **n == "font").count();
        self.open.truncate(at);
    }

    /// Start tags that close what is open.
    fn imply_ends(&mut self, name: &'static str) {
        let closed: &[&str] = match name {
            "li" => &["li"],
            "dt" | "dd" => &["dt", "dd"],
            "td" | "th" => &["td", "th"],
            "tr" => &["tr"],
            "tbody" | "thead" | "tfoot" => &["tbody", "thead", "tfoot"],
            _ => &[],
        };
        for other in closed {
            if let Some(at) = self.find_sibling(other) {
                self.close_from(at);
            }
        }
        if !is_inline(name)
            && !matches!(name, "br" | "img")
            && let Some(at) = self.find("p")
        {
            self.close_from(at);
        }
    }

    fn find_sibling(&self, name: &str) -> Option<usize> {
        for (at, open) in self.open.iter().enumerate().rev() {
            if *open == name {
                return Some(at);
            }
            if matches!(*open, "table" | "ul" | "ol" | "blockquote" | "dl") {
                return None;
            }
        }
        None
    }
}

/// What an element does to the text in it, as an attribute of the canonical form.
fn stands_for(tag: &Tag) -> Option<&'static str> {
    Some(match tag.name.as_str() {
        "s" | "strike" | "del" => STRUCK,
        "bdo" => TURNED,
        // Never rendered, or only by programs that cannot play or draw (WHATWG HTML §4.8, §4.12.3).
        "template" | "datalist" | "audio" | "video" | "canvas" | "metadata" | "desc" | "defs"
        | "progress" | "meter" | "rp" => "hidden",
        "dialog" if tag.attribute("open").is_none() => "hidden",
        "details" if tag.attribute("open").is_none() => FORM,
        "select" | "option" | "optgroup" | "button" | "output" | "object" | "applet" => FORM,
        _ => return None,
    })
}

/// Whether the canonical form has elements of that name.
pub(super) fn is_canonical(name: &str) -> bool {
    known(&Tag { name: name.to_owned(), attributes: Vec::new(), over_limit: false }) == Some(name)
}

/// The element that stands for a tag in the canonical form; `None` drops the tag and keeps its content.
fn known(tag: &Tag) -> Option<&'static str> {
    Some(match tag.name.as_str() {
        "body" => "body",
        "p" => "p",
        "br" => "br",
        "hr" => "hr",
        "img" => "img",
        "blockquote" => "blockquote",
        "pre" | "listing" => "pre",
        "ul" | "menu" | "dir" => "ul",
        "ol" => "ol",
        "li" => "li",
        "dl" => "dl",
        "dt" => "dt",
        "dd" => "dd",
        "table" => "table",
        "tr" => "tr",
        "td" => "td",
        "th" => "th",
        "tbody" => "tbody",
        "thead" => "thead",
        "tfoot" => "tfoot",
        "caption" => "caption",
        "div" | "center" | "address" | "article" | "aside" | "details" | "dialog" | "fieldset"
        | "figcaption" | "figure" | "footer" | "form" | "header" | "hgroup" | "main" | "nav" | "section"
        | "summary" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => "div",
        "html" | "head" | "meta" | "link" | "base" | "col" | "colgroup" | "input" | "wbr" | "area"
        | "param" | "source" | "track" | "embed" | "frame" | "frameset" => return None,
        // A formatting element goes on in later blocks; only one that can hide text needs that.
        name if is_formatting(name) && can_hide(tag) => "font",
        _ => "span",
    })
}

fn can_hide(tag: &Tag) -> bool {
    tag.attributes.iter().any(|(key, _)| {
        matches!(*key, "style" | "class" | "color" | "hidden" | "id" | STRUCK | TURNED | FORM)
    })
}

fn is_formatting(name: &str) -> bool {
    matches!(
        name,
        "a" | "b"
            | "big"
            | "code"
            | "del"
            | "em"
            | "font"
            | "i"
            | "nobr"
            | "s"
            | "small"
            | "strike"
            | "strong"
            | "tt"
            | "u"
    )
}

fn is_inline(name: &str) -> bool {
    matches!(name, "span" | "font")
}

fn is_void(name: &str) -> bool {
    matches!(name, "br" | "hr" | "img")
}

fn is_table(name: &str) -> bool {
    matches!(name, "table" | "tr" | "td" | "th" | "tbody" | "thead" | "tfoot" | "caption")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_raw_text_go() {
        let out = canonical(
            "<!doctype html><style>.x{display:none}</style><!-- <b> -->a<script>if(a<b){}</script>b<![endif]>c",
        );
        assert_eq!(out.html, "abc");
        assert!(out.styles.contains(".x"));
        assert!(!out.over_limit);
    }

    #[test]
    fn attributes_are_read_as_browsers_do() {
        let out = canonical("<div id=a ID='b' onclick=\"x>y\" class='q \"r\"'>t</div>");
        assert_eq!(out.html, "<div id=\"a\" class=\"q &quot;r&quot;\">t</div>");
    }

    #[test]
    fn nothing_becomes_a_tag_that_was_none() {
        assert_eq!(canonical("a<<!-- -->b>c < d").html, "a&lt;b>c &lt; d");
        assert_eq!(canonical("<svg><style>x</svg>").styles, "x</svg>\n");
    }

    #[test]
    fn depth_and_attributes_are_capped() {
        assert!(canonical(&"<div>".repeat(600)).over_limit);
        assert!(!canonical(&"<div>a</div>".repeat(600)).over_limit);
        assert!(!canonical(&"<p>a".repeat(600)).over_limit);
        assert!(!canonical(&format!("<table>{}</table>", "<tr><td>a".repeat(600))).over_limit);
        assert!(!canonical(&format!("<ul>{}</ul>", "<li>a".repeat(600))).over_limit);
        let many: String = (0..100).map(|i| format!(" a{i}=1")).collect();
        assert!(canonical(&format!("<p{many}>")).over_limit);
        assert!(canonical(&"x".repeat(BYTES_MAX + 1)).over_limit);
        let carried =
            format!("<div>{}</div>", (0..400).map(|i| format!("<b class=c{i}>")).collect::<String>());
        assert!(canonical(&format!("{carried}{}", "<div>x</div>".repeat(1000))).over_limit);
    }
}
