//! Words that somebody else wrote, as a page may show them.

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, PreEscaped, Render, html};

/// Text from outside. Markup is escaped; characters that turn the order of writing around, take no room or do something to
/// a screen are shown as marks, so that everybody sees what was sent.
pub struct Shown<'a>(pub &'a str);

impl Render for Shown<'_> {
    fn render(&self) -> Markup {
        let mut plain = String::new();
        let mut out = String::with_capacity(self.0.len());
        for c in self.0.chars() {
            if !is_sly(c) {
                plain.push(c);
                continue;
            }
            out.push_str(&html!((plain)).into_string());
            plain.clear();
            let name = format!("U+{:04X}", u32::from(c));
            let said = format!("{}: this character is invisible in the mail", what(c));
            out.push_str(&html!(span.sly title=(said) { (name) }).into_string());
        }
        out.push_str(&html!((plain)).into_string());
        PreEscaped(out)
    }
}

/// Whether a reader would not see the character, or see others in another order because of it. Joiners stay: Persian,
/// Indic scripts and emoji need them.
fn is_sly(c: char) -> bool {
    match c {
        '\n' | '\t' | '\u{200c}' | '\u{200d}' => false,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{feff}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        // A bare CR or another control character.
        c => c.is_control(),
    }
}

fn what(c: char) -> &'static str {
    match c {
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "changes the direction of writing"
        }
        c if c.is_control() => "a control character",
        _ => "takes no room",
    }
}

/// A stretch of a text to mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Bytes of the text.
    pub span: Range<usize>,
    /// The number that leads to what is said about it; none for the words that carry the verdict.
    pub number: Option<usize>,
}

/// The text with its marks. Marks that overlap an earlier one, or do not lie on whole characters, are left out: the list
/// beside the text has them all the same.
pub fn marked(text: &str, marks: &[Mark]) -> Markup {
    let mut marks: Vec<&Mark> = marks.iter().collect();
    marks.sort_by_key(|m| (m.span.start, std::cmp::Reverse(m.span.end), m.number));
    let mut at = 0;
    let mut parts = Vec::new();
    for mark in marks {
        let (Some(before), Some(words)) =
            (text.get(at..mark.span.start), text.get(mark.span.start..mark.span.end))
        else {
            continue;
        };
        if words.is_empty() {
            continue;
        }
        parts.push((before, Some((words, mark.number))));
        at = mark.span.end;
    }
    let rest = text.get(at..).unwrap_or_default();
    html! {
        @for (before, marked) in &parts {
            (Shown(before))
            @if let Some((words, number)) = marked {
                mark {
                    (Shown(words))
                    @if let Some(n) = number { sup { a href={ "#rule-" (n) } { span.unseen { "rule " } (n) } } }
                }
            }
        }
        (Shown(rest))
    }
}

/// A moment in UTC.
pub fn moment(at: Timestamp) -> Markup {
    let shown = at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y, %H:%M").to_string();
    html!(time datetime=(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()) { (shown) " UTC" })
}

/// How long ago, in the largest unit that says it.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let minutes = now.duration_since(at).as_mins();
    match minutes {
        i64::MIN..=0 => "just now".into(),
        1..60 => format!("{minutes} min ago"),
        60..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}

/// The first words, at most so many characters of them.
pub fn short(text: &str, characters: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= characters {
        return line;
    }
    let head: String = line.chars().take(characters.saturating_sub(1)).collect();
    format!("{}…", head.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text_and_what_hides_is_shown() {
        let shown =
            Shown("<b onclick='x'>\u{202e}txt.exe\u{2069} a\u{200b}b \"&amp;\u{1b}").render().into_string();
        assert!(!shown.contains("<b"), "{shown}");
        for mark in ["U+202E", "U+2069", "U+200B", "U+001B", "&amp;amp;", "&lt;b onclick"] {
            assert!(shown.contains(mark), "{mark}: {shown}");
        }
        assert!(!shown.chars().any(is_sly), "{shown}");
        assert_eq!(
            Shown("नमस्ते\u{200d} 👩\u{200d}💻\n").render().into_string(),
            "नमस्ते\u{200d} 👩\u{200d}💻\n"
        );
    }

    #[test]
    fn marks_keep_every_character_in_order() {
        let text = "yes, <all> met – really";
        let mark = |span: Range<usize>, n| Mark { span, number: Some(n) };
        let marks = [mark(5..10, 1), mark(7..14, 2), mark(15..17, 3), mark(0..3, 4), mark(90..99, 5)];
        let shown = marked(text, &marks).into_string();
        let mut bare = String::new();
        let mut inside = false;
        for c in shown.replace("<sup>", "\u{1}").replace("</sup>", "\u{2}").chars() {
            match c {
                '<' | '\u{1}' => inside = true,
                '>' if !bare.is_empty() || inside => inside = false,
                '\u{2}' => inside = false,
                c if !inside => bare.push(c),
                _ => {}
            }
        }
        assert!(shown.contains("<mark>yes<sup>") && shown.contains("<mark>&lt;all&gt;<sup>"), "{shown}");
        assert!(!shown.contains("#rule-2") && !shown.contains("#rule-5"), "{shown}");
        assert!(shown.contains("– really"), "{shown}");
    }

    #[test]
    fn ages_are_told_in_one_unit() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let before = |s: i64| ago(Timestamp::from_second(1_000_000 - s).unwrap(), now);
        assert_eq!(
            (before(-5), before(61), before(7200)),
            ("just now".into(), "1 min ago".into(), "2 h ago".into())
        );
        assert_eq!(before(86_400 * 3), "3 days ago");
    }

    #[test]
    fn a_long_text_is_cut_on_a_character() {
        assert_eq!(short("ä ö\n ü", 9), "ä ö ü");
        assert_eq!(short("äöüäöü", 4), "äöü…");
    }
}
