//! The weekly review – decision: which deals do we talk about on Monday? – and the numbers with what each of them means.
//! Both show the tables of a report as they are; an opportunity leads to its page.

use jiff::Timestamp;
use maud::{Markup, html};

use super::frame::{Viewer, frame};
use super::text::{Shown, moment};
use super::words;
use crate::report::{Table, Week};

/// The review of a week.
pub fn week_page(week: Week, tables: &[Table], as_of: Timestamp, viewer: &Viewer) -> String {
    let title = format!("Week {week}");
    let main = html! {
        (head(&title, as_of))
        nav aria-label="Weeks" {
            ul.inline {
                @if let Some(before) = week.before() { li { a rel="prev" href={ "/week/" (before) } { "Week " (before) } } }
                @if let Some(after) = week.after() { li { a rel="next" href={ "/week/" (after) } { "Week " (after) } } }
            }
        }
        (sections(tables))
    };
    frame(&title, "/week", viewer, &main)
}

/// The numbers.
pub fn metrics_page(tables: &[Table], as_of: Timestamp, viewer: &Viewer) -> String {
    let main = html! {
        (head("Metrics", as_of))
        (sections(tables))
    };
    frame("Metrics", "/metrics-page", viewer, &main)
}

fn head(title: &str, as_of: Timestamp) -> Markup {
    html! {
        div.title {
            h1 { (title) }
            p.facts { span { "as of " (moment(as_of)) } }
        }
    }
}

fn sections(tables: &[Table]) -> Markup {
    html! {
        @for (n, table) in tables.iter().enumerate() {
            section aria-labelledby={ "table-" (n) } {
                h2 id={ "table-" (n) } { (Shown(&table.title)) " " span.count { (table.rows.len()) span.unseen { " rows" } } }
                @for note in &table.notes { p.quiet { (Shown(note)) } }
                @if table.rows.is_empty() { p.empty { "None." } } @else { (rows(table)) }
            }
        }
    }
}

fn rows(table: &Table) -> Markup {
    let of_deals = table.columns.first().is_some_and(|column| column == "opportunity");
    let of_people = table.columns.first().is_some_and(|column| column == "se");
    html! {
        div.scroll tabindex="0" role="region" aria-label=(table.title) {
            table {
                thead { tr { @for column in &table.columns { th scope="col" { (words::stage(column)) } } } }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (n, cell) in row.iter().enumerate() {
                                @if n > 0 { td { (Shown(cell)) } }
                                @else if of_deals { th scope="row" { a href={ "/opportunities/" (cell) } { (Shown(cell)) } } }
                                @else if of_people { th scope="row" { (Shown(cell)) } }
                                @else { th scope="row" { (words::stage(cell)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
