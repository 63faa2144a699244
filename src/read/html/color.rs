//! CSS colours, as far as it takes to see that text has the colour of its ground (CSS Color 4).

/// Red, green, blue.
pub(super) type Rgb = (u8, u8, u8);

/// What a colour value comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    /// A colour that covers.
    Solid(Rgb),
    /// Nothing is to be seen.
    Clear,
    /// A notation that we do not work out: it may be any colour.
    Unknown,
}

/// Less opaque text is not seen.
const OPACITY_MIN: f32 = 0.05;
/// Channels that differ by no more than this look alike.
const NEAR: u8 = 12;

/// Whether nobody can tell two colours apart.
pub(super) fn near(a: Rgb, b: Rgb) -> bool {
    a.0.abs_diff(b.0) <= NEAR && a.1.abs_diff(b.1) <= NEAR && a.2.abs_diff(b.2) <= NEAR
}

/// Whether an opacity hides.
pub(super) fn is_faint(opacity: f32) -> bool {
    opacity < OPACITY_MIN
}

/// Reads a value in lower case; `None` for what is no colour (`inherit`, `url(…)`, a system colour).
pub(super) fn color(value: &str) -> Option<Color> {
    let value = value.trim();
    if value == "transparent" {
        return Some(Color::Clear);
    }
    if let Some(hex) = value.strip_prefix('#') {
        return self::hex(hex);
    }
    let Some((name, rest)) = value.split_once('(') else { return named(value).map(Color::Solid) };
    let arguments: Vec<&str> =
        rest.trim_end_matches(')').split([',', ' ', '/']).map(str::trim).filter(|p| !p.is_empty()).collect();
    let alpha = arguments.get(3).and_then(|a| share(a)).unwrap_or(1.0);
    let solid = match name.trim() {
        "rgb" | "rgba" => rgb(&arguments),
        "hsl" | "hsla" => hsl(&arguments),
        "hwb" | "lab" | "lch" | "oklab" | "oklch" | "color" | "color-mix" | "light-dark" => {
            return Some(Color::Unknown);
        }
        _ => return None,
    };
    if is_faint(alpha) {
        return Some(Color::Clear);
    }
    Some(solid.map_or(Color::Unknown, Color::Solid))
}

fn hex(digits: &str) -> Option<Color> {
    let values: Option<Vec<u8>> =
        digits.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let (rgb, alpha) = match values?.as_slice() {
        [r, g, b] => ((r * 17, g * 17, b * 17), 255),
        [r, g, b, a] => ((r * 17, g * 17, b * 17), a * 17),
        [a, b, c, d, e, f] => ((a * 16 + b, c * 16 + d, e * 16 + f), 255),
        [a, b, c, d, e, f, g, h] => ((a * 16 + b, c * 16 + d, e * 16 + f), g * 16 + h),
        _ => return None,
    };
    Some(if is_faint(f32::from(alpha) / 255.0) { Color::Clear } else { Color::Solid(rgb) })
}

fn rgb(arguments: &[&str]) -> Option<Rgb> {
    let channel = |n: usize| {
        let text = arguments.get(n)?;
        match text.strip_suffix('%') {
            Some(percent) => percent.parse::<f32>().ok().map(|p| byte(p / 100.0)),
            None => text.parse::<f32>().ok().map(|v| byte(v / 255.0)),
        }
    };
    Some((channel(0)?, channel(1)?, channel(2)?))
}

/// CSS Color 4 §7: hue in degrees, saturation and lightness in per cent.
fn hsl(arguments: &[&str]) -> Option<Rgb> {
    let hue: f32 = arguments.first()?.trim_end_matches("deg").parse().ok()?;
    let (saturation, light) = (share(arguments.get(1)?)?, share(arguments.get(2)?)?);
    let channel = |n: f32| {
        let k = (n + hue.rem_euclid(360.0) / 30.0) % 12.0;
        let a = saturation * light.min(1.0 - light);
        byte(light - a * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0))
    };
    Some((channel(0.0), channel(8.0), channel(4.0)))
}

/// `0.5` or `50%`.
fn share(text: &str) -> Option<f32> {
    match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f32>().ok().map(|p| p / 100.0),
        None => text.parse().ok(),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn byte(share: f32) -> u8 {
    (share.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// Colour names: those with which text is written or hidden.
fn named(name: &str) -> Option<Rgb> {
    Some(match name {
        "white" | "window" | "canvas" | "background" => (255, 255, 255),
        "black" | "windowtext" | "canvastext" => (0, 0, 0),
        "snow" => (255, 250, 250),
        "ivory" | "floralwhite" => (255, 252, 240),
        "ghostwhite" => (248, 248, 255),
        "mintcream" => (245, 255, 250),
        "whitesmoke" => (245, 245, 245),
        "azure" | "aliceblue" => (240, 252, 255),
        "honeydew" => (240, 255, 240),
        "seashell" => (255, 245, 238),
        "oldlace" | "linen" => (253, 245, 230),
        "lavenderblush" => (255, 240, 245),
        "lightyellow" => (255, 255, 224),
        "lightcyan" => (224, 255, 255),
        "beige" => (245, 245, 220),
        "gainsboro" => (220, 220, 220),
        "lightgray" | "lightgrey" => (211, 211, 211),
        "silver" => (192, 192, 192),
        "darkgray" | "darkgrey" => (169, 169, 169),
        "gray" | "grey" => (128, 128, 128),
        "dimgray" | "dimgrey" => (105, 105, 105),
        "red" => (255, 0, 0),
        "maroon" => (128, 0, 0),
        "orange" => (255, 165, 0),
        "yellow" => (255, 255, 0),
        "green" => (0, 128, 0),
        "lime" => (0, 255, 0),
        "teal" => (0, 128, 128),
        "aqua" | "cyan" => (0, 255, 255),
        "blue" => (0, 0, 255),
        "navy" => (0, 0, 128),
        "purple" => (128, 0, 128),
        "fuchsia" | "magenta" => (255, 0, 255),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notations() {
        for (value, is) in [
            ("#fff", Color::Solid((255, 255, 255))),
            ("#FFFFFF00".to_lowercase().as_str(), Color::Clear),
            ("rgb(255 255 255 / 0)", Color::Clear),
            ("rgba(0,0,0,0.5)", Color::Solid((0, 0, 0))),
            ("rgb(100%, 0%, 0%)", Color::Solid((255, 0, 0))),
            ("hsl(0, 0%, 100%)", Color::Solid((255, 255, 255))),
            ("hsl(120deg 100% 25%)", Color::Solid((0, 128, 0))),
            ("oklch(1 0 0)", Color::Unknown),
            ("transparent", Color::Clear),
        ] {
            assert_eq!(color(value), Some(is), "{value}");
        }
        assert_eq!(color("inherit"), None);
        assert_eq!(color("url(x)"), None);
    }
}
