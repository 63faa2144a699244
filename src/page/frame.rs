//! What stands around every page.

use maud::{DOCTYPE, Markup, html};

use super::shape::Sign;

/// Who looks, and what may be done from the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Viewer {
    /// The name under which decisions are recorded; `None` when nobody has signed in.
    pub name: Option<String>,
    /// Whether decisions may be recorded under that name.
    pub may_decide: bool,
    /// Whether the auditor's page is open to them.
    pub may_audit: bool,
    /// Whether they have a session that can be ended.
    pub may_sign_out: bool,
    /// The token that every form of the viewer carries.
    pub csrf: String,
}

/// Pages that are found in the head, and whether only auditors find them.
const PLACES: &[(&str, &str, bool)] = &[
    ("/", "Queue", false),
    ("/week", "Week", false),
    ("/metrics-page", "Metrics", false),
    ("/audit", "Audit", true),
];

/// A whole page. `at` is the path of the place in the head that it belongs to.
pub fn frame(title: &str, at: &str, viewer: &Viewer, main: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – endorsed" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header {
                    a.home href="/" { (Sign::Yes) "endorsed" }
                    nav aria-label="Pages" {
                        ul {
                            @for (path, word, _) in PLACES.iter().filter(|p| viewer.may_audit || !p.2) {
                                li { a href=(path) aria-current=[(*path == at).then_some("page")] { (word) } }
                            }
                        }
                    }
                    (account(viewer))
                }
                main #main tabindex="-1" { (main) }
                footer {
                    p { "Only a verified written endorsement counts as one. What is unknown, missing or doubtful counts as nothing." }
                }
            }
        }
    }
    .into_string()
}

fn account(viewer: &Viewer) -> Markup {
    html! {
        @if let Some(name) = &viewer.name {
            div.account {
                span { "Signed in as " strong { (super::text::Shown(name)) } }
                @if viewer.may_sign_out {
                    form method="post" action="/sign-out" {
                        input type="hidden" name="csrf" value=(viewer.csrf);
                        button.plain type="submit" { "Sign out" }
                    }
                }
            }
        } @else { div.account { a href="/sign-in" { "Sign in" } } }
    }
}

/// A page that says one thing, e.g. that something is not there.
pub fn notice(title: &str, text: &str, viewer: &Viewer) -> String {
    let main = html! {
        h1 { (title) }
        p { (super::text::Shown(text)) }
        p { a href="/" { "To the queue" } }
    };
    frame(title, "", viewer, &main)
}
