//! What the author of an answer puts into its subject was typed, too.

use crate::conversations::{Bench, mails_of};
use crate::fixtures_make::conversations;

/// Whether a genuine yes is still a sure one under another subject.
fn is_sure_under(subject: &str) -> bool {
    let (name, facts) = conversations().into_iter().find(|(name, _)| name.starts_with("01-")).unwrap();
    let mut mails = mails_of(&name, &facts);
    let reply = mails.last_mut().unwrap();
    let text = String::from_utf8(reply.1.clone()).unwrap();
    let line = text.lines().find(|line| line.starts_with("Subject: ")).unwrap();
    let title = line.trim_start_matches("Subject: Re: ").to_owned();
    reply.1 = text.replacen(line, &format!("Subject: {}", subject.replace("{}", &title)), 1).into_bytes();
    let label = reply.0.clone();
    let judged = Bench::get().judge(&mails);
    let (_, outcome) = judged.iter().find(|(l, _)| *l == label).unwrap();
    outcome.sure && outcome.verdict == Some(endorsed::model::Verdict::Confirmed)
}

#[test]
fn a_subject_of_programs_changes_nothing() {
    for subject in
        ["Re: {}", "[EXTERNAL] Re: {}", "AW: WG: {}", "Re: {} [SEC=OFFICIAL]", "RE: {} - ticket 4711"]
    {
        assert!(is_sure_under(subject), "{subject}");
    }
}

#[test]
fn a_subject_that_takes_the_yes_back_is_heard() {
    for subject in [
        "DRAFT: Re: {}",
        "Re: {} - draft for review",
        "Test",
        "Re: {}: not yet!",
        "Re: {} (subject to the security review)",
        "I have to withdraw my confirmation",
        "SSO still does not work",
    ] {
        assert!(!is_sure_under(subject), "{subject}");
    }
}
