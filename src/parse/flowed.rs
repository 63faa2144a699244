//! `format=flowed` (RFC 3676): soft line breaks are undone, space-stuffing is taken away.

/// Undoes the soft breaks of a flowed text; `delsp` drops the space that marked them (RFC 3676 §4.1).
pub(super) fn unfold(text: &str, delsp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    // Quote depth of the paragraph that still flows.
    let mut flowing: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        let content = line.trim_start_matches('>');
        let depth = line.len() - content.len();
        let stuffed = content.strip_prefix(' ').unwrap_or(content);
        // The separator of a signature ends with a space but does not flow (RFC 3676 §4.3).
        let signature = stuffed == "-- ";
        if flowing.is_some_and(|d| d != depth || signature || begins_item(stuffed)) {
            out.push('\n');
            flowing = None;
        }
        if flowing.is_none() {
            out.push_str(line.get(..depth).unwrap_or_default());
            if depth > 0 && !stuffed.is_empty() {
                out.push(' ');
            }
        }
        let flows = stuffed.ends_with(' ') && !signature && !end.is_empty();
        out.push_str(if flows && delsp { stuffed.strip_suffix(' ').unwrap_or(stuffed) } else { stuffed });
        flowing = flows.then_some(depth);
        if !flows {
            out.push_str(end);
        }
    }
    out
}

/// A line of a list begins a paragraph of its own, even below a line that somebody ended with a typed space.
fn begins_item(line: &str) -> bool {
    let bare = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = bare.len() < line.len() && line.len() - bare.len() <= 2;
    (numbered && (bare.starts_with(". ") || bare.starts_with(") ")))
        || ["- ", "* ", "• ", "✅", "❌", "✓", "✔", "✗", "[x]", "[ ]"]
            .iter()
            .any(|mark| line.starts_with(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_soft_breaks_of_one_depth() {
        assert_eq!(unfold("a \nb\nc", false), "a b\nc");
        assert_eq!(unfold("> a \n> b\n> > c \nd\n", false), "> a b\n> > c \nd\n");
        assert_eq!(unfold(">> a \n> b\n", false), ">> a \n> b\n");
    }

    #[test]
    fn lines_of_a_list_are_not_joined() {
        assert_eq!(unfold("1. one (2 h) \n2. two \nmore\n", false), "1. one (2 h) \n2. two more\n");
    }

    #[test]
    fn delsp_stuffing_and_signatures() {
        assert_eq!(unfold("日本 \n語\n", true), "日本語\n");
        assert_eq!(unfold(" >not a quote\n From me\n", false), ">not a quote\nFrom me\n");
        assert_eq!(unfold("bye \n-- \nDana\n", false), "bye \n-- \nDana\n");
    }
}
