//! Tables as text: what the command line prints and the weekly letter says.

use super::Table;
use crate::text::table;

/// Longest cell, in characters; the last one of a row is as long as it is.
const CELL_CHARS_MAX: usize = 60;

/// The tables one below the other.
pub fn plain(tables: &[Table]) -> String {
    let mut out = String::new();
    for table in tables {
        out.push_str(&table.title);
        out.push('\n');
        for line in rows(table).iter().chain(&table.notes) {
            out.push_str(format!("  {line}").trim_end());
            out.push('\n');
        }
    }
    out
}

fn rows(wanted: &Table) -> Vec<String> {
    if wanted.rows.is_empty() {
        return Vec::new();
    }
    let columns: Vec<&str> = wanted.columns.iter().map(String::as_str).collect();
    let last = columns.len().saturating_sub(1);
    let cell = |(at, text): (usize, &String)| {
        if at == last { text.clone() } else { table::short(text, CELL_CHARS_MAX) }
    };
    let rows: Vec<Vec<String>> =
        wanted.rows.iter().map(|row| row.iter().enumerate().map(cell).collect()).collect();
    table::lines(&columns, &rows)
}
