//! Tables for people: columns padded to the widest cell, the last one as long as it is.

/// Lays out rows under a head.
pub fn lines(head: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let head: Vec<String> = head.iter().map(|h| (*h).to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&head).chain(rows).collect();
    let width = |column: usize| {
        all.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    all.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

/// One line of at most `width` characters.
pub fn short(text: &str, width: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= width {
        return line;
    }
    let cut: String = line.chars().take(width.saturating_sub(1)).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_long_text_is_cut() {
        let rows = [vec!["OPP-1".into(), "yes".into()], vec!["OPP-20417".into(), "no".into()]];
        assert_eq!(lines(&["id", "word"], &rows), ["id         word", "OPP-1      yes", "OPP-20417  no"]);
        assert_eq!(short("a  b\nc", 9), "a b c");
        assert_eq!(short("abcdef", 4), "abc…");
    }
}
