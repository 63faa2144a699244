//! Style sheets, as far as they bear on what is seen: rules for element names, classes and ids (CSS Syntax 3,
//! Selectors 4). A rule that hides or strikes by a selector that we do not work out makes the whole part doubtful.

use std::collections::HashMap;

use scraper::node::Element;

use super::style::{generated, hides, moves, strikes};

/// Rules of style sheets that are looked at.
const RULES_MAX: usize = 2000;
/// Declarations for one selector that are kept.
const DECLARATIONS_MAX: usize = 40;
/// Classes of one element that are looked up.
const CLASSES_MAX: usize = 16;
/// Declarations of one rule or element that are read.
const READ_MAX: usize = 200;
/// Deepest nesting of `@media` and the like.
const NESTING_MAX: usize = 4;

/// A property with its value, both in lower case.
pub(super) type Declaration = (String, String);

/// Rules that bear on sight, by their last simple selector.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    rules: HashMap<String, Vec<Declaration>>,
    read: usize,
    /// Words that a rule puts before or after an element.
    pub generated: String,
    /// A rule hides or strikes something that we cannot find.
    pub unread: bool,
}

impl Sheet {
    /// Reads style sheets.
    pub fn read(css: &str) -> Self {
        let mut sheet = Self::default();
        sheet.block(&strip_comments(css), 0);
        sheet
    }

    /// Reads the rules of a sheet or of an at-rule's block.
    fn block(&mut self, css: &str, nesting: usize) {
        let mut rest = css;
        while let Some(at) = rest.find(['{', '}', ';']) {
            let (head, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
            let opens = tail.starts_with('{');
            rest = tail.get(1..).unwrap_or_default();
            if !opens {
                continue;
            }
            let (body, behind) = balanced(rest);
            rest = behind;
            self.read += 1;
            if self.read > RULES_MAX {
                self.unread = true;
                return;
            }
            match head.trim().strip_prefix('@') {
                None => self.rule(head, body, nesting > 0),
                // What depends on the screen or the program may hold for the reader.
                Some(name) if is_conditional(name) && nesting < NESTING_MAX => self.block(body, nesting + 1),
                Some(_) => {}
            }
        }
    }

    fn rule(&mut self, selectors: &str, body: &str, conditional: bool) {
        let style = declarations(body);
        let veils = hides(&style) || strikes(&style) || moves(&style);
        let bears = |(name, _): &Declaration| {
            matches!(
                name.as_str(),
                "color"
                    | "background"
                    | "background-color"
                    | "font-size"
                    | "font"
                    | "-webkit-text-fill-color"
            )
        };
        let words = generated(&style);
        if words.chars().any(char::is_alphanumeric) {
            self.generated.push_str(&words);
            self.generated.push('\n');
        }
        // Colours and sizes for another screen are the rule in newsletters; what hides is believed everywhere.
        if !veils && (conditional || !style.iter().any(bears)) {
            return;
        }
        for selector in selectors.split(',') {
            let Some(last) = last_compound(selector) else {
                self.unread |= veils;
                continue;
            };
            let rules = self.rules.entry(last).or_default();
            let room = DECLARATIONS_MAX.saturating_sub(rules.len());
            self.unread |= veils && style.len() > room;
            rules.extend(style.iter().take(room).cloned());
        }
    }

    /// Hands over the rules for an element, the more special ones later.
    pub fn of(&self, element: &Element, mut apply: impl FnMut(&[Declaration])) {
        if self.rules.is_empty() {
            return;
        }
        let name = element.name();
        let mut look = |selector: String| {
            if let Some(style) = self.rules.get(&selector.to_ascii_lowercase()) {
                apply(style);
            }
        };
        look(name.to_owned());
        for class in element.attr("class").unwrap_or_default().split_whitespace().take(CLASSES_MAX) {
            look(format!(".{class}"));
            look(format!("{name}.{class}"));
        }
        if let Some(id) = element.id() {
            look(format!("#{id}"));
            look(format!("{name}#{id}"));
        }
    }
}

fn is_conditional(at_rule: &str) -> bool {
    ["media", "supports", "layer", "container", "scope", "document", "-moz-document"]
        .iter()
        .any(|name| at_rule.trim_start().to_ascii_lowercase().starts_with(name))
}

/// The last compound of a selector, if it is one name, class or id, or a name with one of these. What stands before
/// it narrows the rule; without it the rule hides more than it would, never less.
fn last_compound(selector: &str) -> Option<String> {
    let last = selector.split([' ', '>', '+', '~', '\n', '\t', '\r']).rfind(|s| !s.trim().is_empty())?;
    let last = unescaped(last.trim()).to_ascii_lowercase();
    if last.contains([':', '[', '*', '(', '\\']) || last.matches(['.', '#']).count() > 1 {
        return None;
    }
    // The canonical form has fewer element names: `h1.x` becomes `.x`, and a lone `h1` cannot be found.
    let name = last.split(['.', '#']).next().unwrap_or_default();
    if name.is_empty() || super::limit::is_canonical(name) {
        return Some(last);
    }
    last.get(name.len()..).filter(|rest| !rest.is_empty()).map(str::to_owned)
}

/// The declarations of a rule or of a `style` attribute; comments are expected to be gone.
pub(super) fn declarations(style: &str) -> Vec<Declaration> {
    style
        .split(';')
        .take(READ_MAX)
        .filter_map(|d| d.split_once(':'))
        .map(|(n, v)| {
            let value = unescaped(v.trim()).to_ascii_lowercase();
            let value = value.trim_end().trim_end_matches("important").trim_end();
            let value = value.strip_suffix('!').unwrap_or(value).trim_end().to_owned();
            (unescaped(n.trim()).to_ascii_lowercase(), value)
        })
        .collect()
}

/// CSS escapes undone (CSS Syntax 3 §4.3.7): `\64 isplay` is `display`.
fn unescaped(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let mut code = String::new();
        while code.len() < 6
            && let Some(digit) = chars.next_if(char::is_ascii_hexdigit)
        {
            code.push(digit);
        }
        if code.is_empty() {
            out.extend(chars.next());
        } else {
            let _ = chars.next_if(|c| c.is_ascii_whitespace());
            out.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
        }
    }
    out
}

/// The text up to the brace that closes what was opened before it, and what stands behind that.
fn balanced(text: &str) -> (&str, &str) {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                return (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    (text, "")
}

/// Without comments; old sheets stand inside an HTML comment.
pub(super) fn strip_comments(css: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(css.len()), css);
    while let Some((head, tail)) = rest.split_once("/*") {
        out.push_str(head);
        rest = tail.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out.replace("<!--", "").replace("-->", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_found_by_name_class_and_id() {
        let sheet = Sheet::read(
            "/* x */ .a, p.b, div > #c { display:none } @media print { .d { d\\69splay: none } } .e{color:red} .f{margin:0}",
        );
        let hidden = |s: &str| sheet.rules.get(s).is_some_and(|style| hides(style));
        assert!(hidden(".a") && hidden("p.b") && hidden("#c") && hidden(".d"));
        assert!(!hidden(".e") && sheet.rules.contains_key(".e") && !sheet.rules.contains_key(".f"));
        assert!(!sheet.unread);
    }

    #[test]
    fn selectors_that_are_not_worked_out_are_told() {
        for css in [
            "p:nth-child(2){display:none}",
            "[lang]{visibility:hidden}",
            "*{display:none}",
            "h1{display:none}",
            ".a.b{text-decoration:line-through}",
        ] {
            assert!(Sheet::read(css).unread, "{css}");
        }
        for css in ["a:link{color:blue}", "p::first-line{color:red}", "*{margin:0}", "@page{size:a4}"] {
            assert!(!Sheet::read(css).unread, "{css}");
        }
    }

    #[test]
    fn generated_words_are_collected() {
        assert_eq!(Sheet::read("p::before{content:\"We do not \"}").generated, "we do not \n");
        assert_eq!(Sheet::read("li::before{content:'\u{2022}'}").generated, "");
    }
}
