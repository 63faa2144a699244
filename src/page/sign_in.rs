//! Sign-in: a token becomes a session.

use maud::html;

use super::frame::{Viewer, frame};
use super::shape::Sign;

/// The page; `to` is where one goes from there, `wrong` says why the last token was not taken.
pub fn sign_in(to: &str, wrong: Option<&str>, viewer: &Viewer) -> String {
    let main = html! {
        h1 { "Sign in" }
        @if let Some(wrong) = wrong {
            div.banner.no role="alert" { (Sign::No) p #wrong { (wrong) } }
        }
        section aria-label="Sign in" {
            p { "With a token that an administrator made: " code { "endorsed tokens create YOU@COMPANY --role review" } "." }
            form method="post" action="/sign-in" {
                input type="hidden" name="csrf" value=(viewer.csrf);
                input type="hidden" name="to" value=(to);
                label for="token" { "Token" }
                input #token name="token" type="password" required maxlength="200" autocomplete="current-password"
                    spellcheck="false" aria-describedby=[wrong.map(|_| "wrong")];
                button type="submit" { "Sign in" }
            }
            p.quiet { "The session lasts a working day. What you decide is recorded under the token's name." }
        }
    };
    frame("Sign in", "", viewer, &main)
}
