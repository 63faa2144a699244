//! The words of the contract as people read them.

use super::shape::Sign;
use crate::answer::MessageAnswer;
use crate::model::{
    Automatic, Binding, Claim, CriteriaSeen, DeclaredResult, Form, Kind, SegmentKind, Spoken, Standing,
    Verdict,
};

/// A gate's name: `commercial_review` is "Commercial review".
pub fn stage(name: &str) -> String {
    let text = name.replace(['_', '-'], " ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Where an opportunity or a person stands.
pub fn standing(standing: Standing) -> (Sign, &'static str) {
    match standing {
        Standing::NoDeclaration => (Sign::Wait, "Nothing declared"),
        Standing::AwaitingReply => (Sign::Wait, "Waiting for an answer"),
        Standing::Confirmed => (Sign::Yes, "Confirmed"),
        Standing::Conditional => (Sign::Part, "Confirmed with a condition"),
        Standing::Partial => (Sign::Part, "Confirmed in part"),
        Standing::Deferred => (Sign::Wait, "Needs more time"),
        Standing::Declined => (Sign::No, "Said no"),
        Standing::Retracted => (Sign::No, "Took the yes back"),
        Standing::NeedsReview => (Sign::Look, "A person must look"),
    }
}

/// What a mail says. What is not sure is said to be so.
fn verdict(verdict: Option<Verdict>, sure: bool) -> (Sign, String) {
    let Some(verdict) = verdict else { return (Sign::Note, "No verdict".into()) };
    let (sign, word) = match verdict {
        Verdict::Confirmed => (Sign::Yes, "Confirms"),
        Verdict::Conditional => (Sign::Part, "Confirms with a condition"),
        Verdict::Deferred => (Sign::Wait, "Needs more time"),
        Verdict::Declined => (Sign::No, "Says no"),
        Verdict::Retracted => (Sign::No, "Takes the yes back"),
        Verdict::Inconclusive => (Sign::Note, "Gives no verdict"),
        Verdict::Automatic => (Sign::Note, "Written by a machine"),
    };
    if sure { (sign, word.into()) } else { (Sign::Look, format!("{word}? Not sure")) }
}

/// The same of a mail. A yes whose author is not verified looks like none.
pub fn said(message: &MessageAnswer) -> (Sign, String) {
    let (sign, word) = verdict(message.verdict, message.sure);
    let is_verified = message.authorship.as_deref() == Some(Claim::Verified.as_str());
    match sign {
        Sign::Yes | Sign::Part if !is_verified => (Sign::Look, word),
        _ => (sign, word),
    }
}

/// Who wrote a mail.
pub fn claim(claim: Claim) -> (Sign, &'static str) {
    match claim {
        Claim::Verified => (Sign::Yes, "Author verified"),
        Claim::Unverified => (Sign::Look, "Author not proven"),
        Claim::Forged => (Sign::No, "Author forged"),
        Claim::NotChampion => (Sign::No, "Not the champion"),
        Claim::Seller => (Sign::Note, "Written by the seller"),
        Claim::Machine => (Sign::Note, "Written by a machine"),
        Claim::Pending => (Sign::Wait, "Author not checked yet"),
    }
}

/// The same from the word of the contract, as answers carry it.
pub fn claim_of(word: Option<&str>) -> Option<(Sign, &'static str)> {
    const ALL: [Claim; 7] = [
        Claim::Verified,
        Claim::Unverified,
        Claim::Forged,
        Claim::NotChampion,
        Claim::Seller,
        Claim::Machine,
        Claim::Pending,
    ];
    ALL.into_iter().find(|c| Some(c.as_str()) == word).map(claim)
}

/// What ties a mail to the declaration.
pub fn binding(binding: Binding) -> (Sign, &'static str) {
    match binding {
        Binding::Signed => (Sign::Yes, "What is signed ties it to this declaration"),
        Binding::Unsigned => (Sign::Look, "Only unsigned header fields tie it to this declaration"),
        Binding::Unbound => (Sign::No, "Nothing ties it to this declaration"),
    }
}

/// What the author had before her eyes.
pub fn seen(seen: CriteriaSeen) -> (Sign, &'static str) {
    match seen {
        CriteriaSeen::Quoted => (Sign::Yes, "The mail quotes the declared criteria"),
        CriteriaSeen::Threaded => (Sign::Note, "The criteria are not quoted; only the thread leads to them"),
        CriteriaSeen::Differ => (Sign::No, "The mail quotes other criteria than the declared ones"),
    }
}

/// What a mail is.
pub fn kind(kind: Kind, automatic: Option<Automatic>) -> &'static str {
    match (kind, automatic) {
        (_, Some(Automatic::AutoReply)) => "Automatic reply",
        (_, Some(Automatic::Bounce)) => "Delivery report",
        (_, Some(Automatic::Receipt)) => "Read receipt",
        (_, Some(Automatic::Calendar)) => "Calendar answer",
        (_, Some(Automatic::Reaction)) => "Emoji reaction",
        (_, Some(Automatic::Ticket)) => "Ticket system",
        (_, Some(Automatic::List)) => "Mailing list",
        (_, Some(Automatic::Challenge)) => "Challenge of a mail filter",
        (_, Some(Automatic::Recall)) => "Recall of a mail",
        (_, Some(Automatic::Notification)) => "Notification",
        (_, Some(Automatic::Own)) => "Our own letter",
        (Kind::Declaration, None) => "Declaration",
        (Kind::Reply, None) => "Reply",
        (Kind::Automatic, None) => "Machine mail",
        (Kind::Forward, None) => "Forward",
        (Kind::Orphan, None) => "Reply to an unknown mail",
        (Kind::Other, None) => "Other mail",
    }
}

/// Form of a declaration.
pub fn form(form: Form) -> &'static str {
    match form {
        Form::Recap => "recap",
        Form::Request => "request to confirm",
        Form::Conditional => "proposal of a conditional win",
    }
}

/// What the declaration says about a criterion.
pub fn declared(result: DeclaredResult) -> (Sign, &'static str) {
    match result {
        DeclaredResult::Pass => (Sign::Yes, "Passed"),
        DeclaredResult::Partial => (Sign::Part, "Passed in part"),
        DeclaredResult::Fail => (Sign::No, "Failed"),
        DeclaredResult::Open => (Sign::Wait, "Open"),
        DeclaredResult::Unstated => (Sign::Note, "Not stated"),
    }
}

/// What the champion says about a criterion.
pub fn spoken(result: Spoken) -> (Sign, &'static str) {
    match result {
        Spoken::Pass => (Sign::Yes, "Met"),
        Spoken::Partial => (Sign::Part, "Met in part"),
        Spoken::Fail => (Sign::No, "Not met"),
        Spoken::Unproven => (Sign::Wait, "Not shown yet"),
        Spoken::Unspoken => (Sign::Note, "Not mentioned"),
    }
}

/// How a piece of a body is shown: class, and the label before it.
pub fn piece(kind: SegmentKind) -> (&'static str, &'static str) {
    use SegmentKind as K;
    match kind {
        K::Fresh | K::FreshInline => ("fresh", "Typed by the author"),
        K::EditedQuote => ("unsure", "Somebody typed into the quote"),
        K::Unsure => ("unsure", "Typed or quoted? Unsure"),
        K::Hidden => ("unsure", "Hidden from whoever reads the mail"),
        K::Quoted | K::Attribution | K::HeaderBlock | K::Divider | K::Forwarded => ("quoted", "Quoted"),
        K::Signature | K::Tagline => ("faint", "Signature"),
        K::Disclaimer | K::Banner => ("faint", "Notice added by a mail server"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_named_as_people_say_them() {
        assert_eq!(stage("commercial_review"), "Commercial review");
        assert_eq!(stage("stage_4"), "Stage 4");
        assert_eq!(stage(""), "");
    }

    #[test]
    fn nothing_unsure_looks_like_a_yes() {
        for v in [Verdict::Confirmed, Verdict::Conditional] {
            assert_eq!(verdict(Some(v), false).0, Sign::Look);
        }
        assert_eq!(claim_of(Some("verified")), Some((Sign::Yes, "Author verified")));
        assert!(
            ["unverified", "forged", "not_champion", "pending"]
                .iter()
                .all(|w| claim_of(Some(w)).is_some_and(|(s, _)| s != Sign::Yes))
        );
    }
}
