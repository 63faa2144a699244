//! Which text the reader of the mail cannot see: inline styles, old attributes, and simple style sheet rules.

use std::collections::HashSet;

use scraper::node::Element;

/// Rules of style sheets that are looked at.
const RULES_MAX: usize = 2000;

type Rgb = (u8, u8, u8);

/// What decides whether text is seen; inherited from element to element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sight {
    hidden: bool,
    zero_size: bool,
    color: Option<Rgb>,
    background: Rgb,
}

impl Default for Sight {
    fn default() -> Self {
        Self { hidden: false, zero_size: false, color: None, background: (255, 255, 255) }
    }
}

impl Sight {
    /// Whether text here is invisible.
    pub fn is_hidden(&self) -> bool {
        self.hidden || self.zero_size || self.color.is_some_and(|c| near(c, self.background))
    }

    /// Sight inside an element.
    pub fn inside(&self, element: &Element, sheet: &Sheet) -> Self {
        let mut sight = self.clone();
        sight.hidden |= element.attr("hidden").is_some() || sheet.hides(element);
        if let Some(color) = element.attr("bgcolor").and_then(color) {
            sight.background = color;
        }
        if let Some(color) = element.attr("color").and_then(color) {
            sight.color = Some(color);
        }
        if let Some(style) = element.attr("style") {
            sight.style(&declarations(style));
        }
        sight
    }

    fn style(&mut self, style: &[(String, String)]) {
        self.hidden |= hides(style);
        for (name, value) in style {
            match name.as_str() {
                "font-size" => self.zero_size = is_tiny(value),
                "font"
                    if value.split_whitespace().any(|v| v.split('/').next().is_some_and(is_zero_length)) =>
                {
                    self.zero_size = true;
                }
                "color" if value == "transparent" || is_clear(value) => self.hidden = true,
                "color" => self.color = color(value).or(self.color),
                "background" | "background-color" => {
                    let found = color(value).or_else(|| value.split_whitespace().find_map(color));
                    self.background = found.unwrap_or(self.background);
                }
                _ => {}
            }
        }
    }
}

/// Class names, ids and elements that a style sheet hides for every reader.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    hidden: HashSet<String>,
}

impl Sheet {
    /// Reads style sheets; rules inside `@media` and the like depend on the screen and are left out.
    pub fn read(css: &str) -> Self {
        let mut sheet = Self::default();
        let (mut depth, mut head, mut body) = (0_usize, String::new(), String::new());
        let mut rules = 0;
        for c in strip_comments(css).chars() {
            match c {
                '{' => depth += 1,
                '}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        rules += 1;
                        if !head.trim_start().starts_with('@') && rules < RULES_MAX {
                            sheet.rule(&head, &body);
                        }
                        head.clear();
                        body.clear();
                    }
                }
                ';' if depth == 0 => head.clear(),
                _ if depth == 0 => head.push(c),
                _ => body.push(c),
            }
        }
        sheet
    }

    fn rule(&mut self, selectors: &str, body: &str) {
        let style = declarations(body);
        let tiny = style.iter().any(|(name, value)| name == "font-size" && is_tiny(value));
        if !(hides(&style) || tiny) {
            return;
        }
        for selector in selectors.split(',') {
            let last = selector.split([' ', '>', '+', '~', '\n', '\t']).rfind(|s| !s.trim().is_empty());
            if let Some(last) = last
                && !last.contains(':')
                && !last.contains('[')
            {
                self.hidden.insert(last.trim().to_ascii_lowercase());
            }
        }
    }

    fn hides(&self, element: &Element) -> bool {
        if self.hidden.is_empty() {
            return false;
        }
        let name = element.name();
        let has = |s: String| self.hidden.contains(&s.to_ascii_lowercase());
        has(name.to_owned())
            || element.id().is_some_and(|id| has(format!("#{id}")) || has(format!("{name}#{id}")))
            || element
                .attr("class")
                .unwrap_or_default()
                .split_whitespace()
                .any(|c| has(format!(".{c}")) || has(format!("{name}.{c}")))
    }
}

/// Whether declarations hide an element with everything in it.
fn hides(style: &[(String, String)]) -> bool {
    let is = |name: &str, test: &dyn Fn(&str) -> bool| style.iter().any(|(n, v)| n == name && test(v));
    let clipped = is("overflow", &|v| v.starts_with("hidden")) || is("overflow-y", &|v| v == "hidden");
    let flat = |name: &str| is(name, &is_zero_length);
    is("display", &|v| v == "none")
        || is("visibility", &|v| v == "hidden" || v == "collapse")
        || is("mso-hide", &|v| v == "all")
        || is("opacity", &|v| v.parse::<f32>().is_ok_and(|o| o < 0.05))
        || is("content-visibility", &|v| v == "hidden")
        || flat("max-height")
        || (clipped && (flat("height") || flat("width") || flat("max-width")))
        || ["text-indent", "left", "top", "right", "margin-left"].iter().any(|n| is(n, &is_far_off))
        || is("clip", &|v| v.replace(' ', "").starts_with("rect(0"))
        || is("transform", &|v| v.replace(' ', "").starts_with("scale(0)"))
}

fn declarations(style: &str) -> Vec<(String, String)> {
    style
        .split(';')
        .take(200)
        .filter_map(|d| d.split_once(':'))
        .map(|(n, v)| {
            let value = v.trim().to_ascii_lowercase();
            let value = value.trim_end_matches("!important").trim_end().to_owned();
            (n.trim().to_ascii_lowercase(), value)
        })
        .collect()
}

fn strip_comments(css: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(css.len()), css);
    while let Some((head, tail)) = rest.split_once("/*") {
        out.push_str(head);
        rest = tail.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    // Old sheets stand inside an HTML comment.
    out.replace("<!--", "").replace("-->", "")
}

fn number(value: &str) -> Option<(f32, &str)> {
    let end = value.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+')).unwrap_or(value.len());
    let (digits, unit) = value.split_at_checked(end)?;
    Some((digits.parse().ok()?, unit.trim()))
}

fn is_zero_length(value: &str) -> bool {
    number(value).is_some_and(|(n, unit)| n.abs() < 0.01 && !unit.contains(' '))
}

fn is_tiny(value: &str) -> bool {
    number(value).is_some_and(|(n, unit)| {
        n < 0.05 || (matches!(unit, "px" | "pt") && n <= 1.0) || (unit == "%" && n < 5.0)
    })
}

fn is_far_off(value: &str) -> bool {
    number(value).is_some_and(|(n, _)| n <= -500.0)
}

fn is_clear(value: &str) -> bool {
    value.starts_with("rgba(")
        && value
            .trim_end_matches(')')
            .rsplit(',')
            .next()
            .and_then(|a| a.trim().parse::<f32>().ok())
            .is_some_and(|a| a < 0.05)
}

fn near(a: Rgb, b: Rgb) -> bool {
    a.0.abs_diff(b.0) <= 12 && a.1.abs_diff(b.1) <= 12 && a.2.abs_diff(b.2) <= 12
}

/// A CSS colour: hexadecimal, `rgb()`, and the names that hide text on usual grounds.
fn color(value: &str) -> Option<Rgb> {
    let value = value.trim().to_ascii_lowercase();
    if let Some(hex) = value.strip_prefix('#') {
        let digit =
            |i: usize| hex.chars().nth(i).and_then(|c| c.to_digit(16)).and_then(|d| u8::try_from(d).ok());
        return match hex.len() {
            3 | 4 => Some((digit(0)? * 17, digit(1)? * 17, digit(2)? * 17)),
            6 | 8 => {
                Some((digit(0)? * 16 + digit(1)?, digit(2)? * 16 + digit(3)?, digit(4)? * 16 + digit(5)?))
            }
            _ => None,
        };
    }
    if let Some(args) = value.strip_prefix("rgb(").or_else(|| value.strip_prefix("rgba(")) {
        let mut parts = args.trim_end_matches(')').split([',', ' ', '/']).filter(|p| !p.is_empty());
        let mut next = || parts.next().and_then(|p| p.trim().parse::<u8>().ok());
        return Some((next()?, next()?, next()?));
    }
    Some(match value.as_str() {
        "white" | "window" => (255, 255, 255),
        "black" | "windowtext" => (0, 0, 0),
        "snow" | "ivory" | "ghostwhite" | "floralwhite" | "mintcream" => (255, 250, 250),
        "whitesmoke" => (245, 245, 245),
        "red" => (255, 0, 0),
        "blue" => (0, 0, 255),
        "navy" => (0, 0, 128),
        "gray" | "grey" => (128, 128, 128),
        "silver" => (192, 192, 192),
        "yellow" => (255, 255, 0),
        "green" => (0, 128, 0),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(style: &str) -> bool {
        let mut sight = Sight::default();
        sight.style(&declarations(style));
        sight.is_hidden()
    }

    #[test]
    fn styles_that_hide() {
        for style in [
            "display:none",
            "DISPLAY: None !important",
            "visibility:hidden",
            "font-size:0",
            "font-size: 0px",
            "font-size:1px",
            "color:#fff",
            "color:#FFFFFF;background:white",
            "color:#333;background-color:rgb(51, 51, 51)",
            "mso-hide:all",
            "max-height:0;overflow:hidden",
            "height:0px;overflow:hidden",
            "opacity:0",
            "text-indent:-9999px",
            "color:transparent",
            "color:rgba(0,0,0,0)",
        ] {
            assert!(hidden(style), "{style}");
        }
    }

    #[test]
    fn styles_that_show() {
        for style in [
            "font-size:10pt;color:#000",
            "color:white;background:#003366",
            "font-size:0.9em",
            "margin-left:-10px",
            "height:0",
            "color:inherit",
            "font:12px/1.5 sans-serif",
        ] {
            assert!(!hidden(style), "{style}");
        }
    }

    #[test]
    fn sheets_hide_by_class() {
        let sheet = Sheet::read(
            "/* x */ .a, p.b { display:none } @media print { .c { display:none } } .d{color:red}",
        );
        assert!(sheet.hidden.contains(".a") && sheet.hidden.contains("p.b"));
        assert!(!sheet.hidden.contains(".c") && !sheet.hidden.contains(".d"));
    }
}
