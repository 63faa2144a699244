//! Which text the reader of the mail cannot see, sees struck out, or sees elsewhere than it stands: inline styles,
//! old attributes, and style sheets.

use scraper::node::Element;

use super::color::{Color, Rgb, color, is_faint, near};
use super::sheet::{Declaration, Sheet, declarations, strip_comments};

/// Text moved further than this off its place is off the screen, in any unit.
const FAR_OFF: f32 = -500.0;

/// What decides whether text is seen as it stands; inherited from element to element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sight {
    hidden: bool,
    zero_size: bool,
    struck: bool,
    moved: bool,
    color: Option<Color>,
    background: Rgb,
}

impl Default for Sight {
    fn default() -> Self {
        Self {
            hidden: false,
            zero_size: false,
            struck: false,
            moved: false,
            color: None,
            background: (255, 255, 255),
        }
    }
}

impl Sight {
    /// Whether text here is invisible.
    pub fn is_hidden(&self) -> bool {
        let unseen = match self.color {
            Some(Color::Solid(rgb)) => near(rgb, self.background),
            Some(Color::Clear) => true,
            Some(Color::Unknown) | None => false,
        };
        self.hidden || self.zero_size || unseen
    }

    /// Whether text here is struck out.
    pub fn is_struck(&self) -> bool {
        self.struck
    }

    /// Whether text here is shown in another place or order than it stands, or in a colour that we cannot name.
    pub fn is_moved(&self) -> bool {
        self.moved || self.color == Some(Color::Unknown)
    }

    /// Sight inside an element: style sheets first, then attributes, then the inline style.
    pub fn inside(&self, element: &Element, sheet: &Sheet) -> Self {
        let mut sight = self.clone();
        sheet.of(element, |style| sight.style(style));
        sight.hidden |= element.attr("hidden").is_some();
        sight.struck |= element.attr(super::limit::STRUCK).is_some();
        sight.moved |= element.attr(super::limit::TURNED).is_some();
        let of = |name: &str| element.attr(name).map(str::to_ascii_lowercase).and_then(|v| color(&v));
        if let Some(Color::Solid(rgb)) = of("bgcolor") {
            sight.background = rgb;
        }
        if let Some(color) = of("color") {
            sight.color = Some(color);
        }
        if let Some(style) = element.attr("style") {
            let bare = if style.contains("/*") { strip_comments(style) } else { style.to_owned() };
            sight.style(&declarations(&bare));
        }
        sight
    }

    fn style(&mut self, style: &[Declaration]) {
        self.hidden |= hides(style);
        self.struck |= strikes(style);
        self.moved |= moves(style);
        for (name, value) in style {
            match name.as_str() {
                "font-size" => self.zero_size = is_tiny(value),
                "font"
                    if value.split_whitespace().any(|v| v.split('/').next().is_some_and(is_zero_length)) =>
                {
                    self.zero_size = true;
                }
                "color" | "-webkit-text-fill-color" => self.color = color(value).or(self.color),
                "background" | "background-color" => {
                    let found = color(value).or_else(|| value.split_whitespace().find_map(color));
                    if let Some(Color::Solid(rgb)) = found {
                        self.background = rgb;
                    }
                }
                _ => {}
            }
        }
    }
}

/// Whether declarations hide an element with everything in it.
pub(super) fn hides(style: &[Declaration]) -> bool {
    let is = |name: &str, test: &dyn Fn(&str) -> bool| style.iter().any(|(n, v)| n == name && test(v));
    let hidden = |v: &str| v.starts_with("hidden") || v == "clip";
    let clipped = ["overflow", "overflow-x", "overflow-y"].iter().any(|n| is(n, &hidden));
    let flat = |name: &str| is(name, &is_sliver);
    let squeezed = |v: &str| v.replace(' ', "");
    is("display", &|v| v == "none")
        || is("visibility", &|v| v == "hidden" || v == "collapse")
        || is("mso-hide", &|v| v == "all")
        || is("opacity", &|v| v.trim_end_matches('%').parse().is_ok_and(is_faint))
        || is("content-visibility", &|v| v == "hidden")
        || is("max-height", &is_zero_length)
        || is("zoom", &is_zero_length)
        || (clipped && ["height", "width", "max-height", "max-width"].into_iter().any(flat))
        || ["text-indent", "left", "top", "right", "bottom", "margin-left", "margin-top"]
            .iter()
            .any(|n| is(n, &is_far_off))
        || is("clip", &|v| squeezed(v).starts_with("rect(0") || squeezed(v).starts_with("rect(1px,1px"))
        || is("clip-path", &|v| v != "none")
        || ["mask", "mask-image", "-webkit-mask-image"].iter().any(|n| is(n, &|v| v != "none"))
        || is("filter", &|v| squeezed(v).contains("opacity(0") || v.contains("blur("))
        || is("transform", &|v| squeezed(v).contains("scale(0"))
}

/// Whether declarations strike text out.
pub(super) fn strikes(style: &[Declaration]) -> bool {
    let lines = |n: &str| matches!(n, "text-decoration" | "text-decoration-line" | "-webkit-text-decoration");
    style
        .iter()
        .any(|(n, v)| lines(n) && v.contains("line-through") || n == "text-line-through" && v != "none")
}

/// Whether declarations show text in another order or place than it stands in the source.
pub(super) fn moves(style: &[Declaration]) -> bool {
    style.iter().any(|(name, value)| match name.as_str() {
        "unicode-bidi" => value.contains("override"),
        "position" => matches!(value.as_str(), "absolute" | "fixed"),
        "flex-direction" | "flex-flow" => value.contains("reverse"),
        "order" => value != "0",
        "writing-mode" => value != "horizontal-tb" && value != "lr-tb" && value != "inherit",
        "transform" => value != "none",
        "rotate" => value != "none" && !is_zero_length(value),
        _ => false,
    })
}

/// The words that a rule writes before or after an element (CSS Generated Content 3 §2).
pub(super) fn generated(style: &[Declaration]) -> String {
    let mut out = String::new();
    for (_, value) in style.iter().filter(|(n, _)| n == "content") {
        for quote in ['"', '\''] {
            out.extend(value.split(quote).skip(1).step_by(2));
        }
    }
    out
}

fn number(value: &str) -> Option<(f32, &str)> {
    let end = value.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+')).unwrap_or(value.len());
    let (digits, unit) = value.split_at_checked(end)?;
    Some((digits.parse().ok()?, unit.trim()))
}

fn is_zero_length(value: &str) -> bool {
    number(value).is_some_and(|(n, unit)| n.abs() < 0.01 && !unit.contains(' '))
}

/// A box of one pixel shows nothing when what goes over it is cut.
fn is_sliver(value: &str) -> bool {
    is_zero_length(value)
        || number(value).is_some_and(|(n, unit)| matches!(unit, "px" | "pt") && n.abs() <= 2.0)
}

fn is_tiny(value: &str) -> bool {
    number(value).is_some_and(|(n, unit)| {
        n < 0.05 || (matches!(unit, "px" | "pt") && n <= 1.0) || (unit == "%" && n < 5.0)
    })
}

fn is_far_off(value: &str) -> bool {
    number(value).is_some_and(|(n, _)| n <= FAR_OFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(style: &str) -> Sight {
        let mut sight = Sight::default();
        sight.style(&declarations(style));
        sight
    }

    #[test]
    fn styles_that_hide() {
        for style in [
            "display:none",
            "DISPLAY: None !important",
            "d\\69splay:none",
            "visibility:hidden",
            "font-size:0",
            "font-size: 0px",
            "font-size:1px",
            "color:#fff",
            "color:#ffffff00",
            "color:hsl(0 0% 100%)",
            "-webkit-text-fill-color:transparent",
            "color:#FFFFFF;background:white",
            "color:#333;background-color:rgb(51, 51, 51)",
            "mso-hide:all",
            "max-height:0;overflow:hidden",
            "height:0px;overflow:hidden",
            "width:1px;height:1px;overflow:hidden",
            "opacity:0",
            "text-indent:-9999px",
            "color:transparent",
            "color:rgba(0,0,0,0)",
            "clip-path:inset(100%)",
            "filter:opacity(0)",
            "transform:scale(0)",
        ] {
            assert!(sight(style).is_hidden(), "{style}");
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
            "color:var(--text)",
            "font:12px/1.5 sans-serif",
            "text-decoration:underline",
            "position:relative",
            "order:0",
            "direction:rtl",
        ] {
            let sight = sight(style);
            assert!(!sight.is_hidden() && !sight.is_struck() && !sight.is_moved(), "{style}");
        }
    }

    #[test]
    fn styles_that_strike_or_move() {
        for style in ["text-decoration: line-through", "text-decoration-line:underline line-through"] {
            assert!(sight(style).is_struck(), "{style}");
        }
        for style in [
            "unicode-bidi:bidi-override;direction:rtl",
            "position:absolute;top:0",
            "display:flex;flex-direction:row-reverse",
            "transform:scaleX(-1)",
            "writing-mode:vertical-rl",
            "color:oklch(1 0 0)",
        ] {
            assert!(sight(style).is_moved(), "{style}");
        }
    }
}
