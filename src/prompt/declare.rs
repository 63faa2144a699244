//! `endorsed declare`: writes the win email from criteria, with one clear ask.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use super::compose::{ComposeError, Texts, one_line, shown_word};
use super::schedule::Person;
use super::text;
use crate::model::{Address, Criterion, DeclaredResult, Digest, OpportunityId};

/// What a win email is written from.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The opportunity.
    pub opportunity: OpportunityId,
    /// The seller's product.
    pub platform: String,
    /// The buyer.
    pub account: String,
    /// To whom.
    pub champions: Vec<Person>,
    /// Who declares.
    pub seller: Person,
    /// Who takes over.
    pub ae: Option<String>,
    /// The criteria with their results.
    pub criteria: Vec<Criterion>,
    /// Language of the template.
    pub language: String,
    /// The evidence mailbox.
    pub evidence: Address,
}

/// A win email as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WinEmail {
    /// Subject.
    pub subject: String,
    /// Text body.
    pub text: String,
    /// HTML body.
    pub html: String,
    /// A draft that mail programs open for sending (RFC 5322, `X-Unsent: 1`).
    pub raw: Vec<u8>,
}

/// Writes it.
///
/// # Errors
/// When the template is missing or wrong, or an address can not be written.
pub fn declare(draft: &Draft, texts: &Texts, now: Timestamp) -> Result<WinEmail, ComposeError> {
    let champion =
        draft.champions.first().ok_or_else(|| ComposeError::Message("no champion is named".into()))?;
    let items: Vec<serde_json::Value> = draft
        .criteria
        .iter()
        .map(|c| serde_json::json!({ "text": one_line(&c.text, 300), "result": shown_word(c.result, &draft.language) }))
        .collect();
    let facts = serde_json::json!({
        "champion": super::compose::first_name(champion),
        "platform": one_line(&draft.platform, 80),
        "account": one_line(&draft.account, 80),
        "se": super::compose::full_name(&draft.seller),
        "ae": draft.ae.as_deref().map(|ae| one_line(ae, 80)).unwrap_or_default(),
        "criteria": items,
        "all_passed": draft.criteria.iter().all(|c| c.result == DeclaredResult::Pass),
    });
    let (language, filled) = texts.fill(&draft.language, "declare", &facts)?;
    let (subject, body) = filled
        .strip_prefix("Subject:")
        .and_then(|rest| rest.split_once('\n'))
        .ok_or_else(|| ComposeError::Template("declare: expected `Subject:` on the first line".into()))?;
    let subject = format!("{} [{}]", one_line(subject, 160), draft.opportunity);
    let (plain, html) = (text::plain(body), text::html(body, &language));
    let mailbox = |person: &Person| {
        let email = person.address.as_str().parse::<lettre::Address>();
        let email = email.map_err(|e| ComposeError::Message(format!("{}: {e}", person.address)))?;
        Ok::<_, ComposeError>(Mailbox::new(person.name.as_deref().map(|n| one_line(n, 80)), email))
    };
    let evidence = format!("{}+{}@{}", draft.evidence.local(), draft.opportunity, draft.evidence.domain());
    let evidence = Person {
        name: None,
        address: Address::new(&evidence)
            .ok_or_else(|| ComposeError::Message("no evidence address".into()))?,
    };
    let date = jiff::fmt::rfc2822::to_string(&now.to_zoned(TimeZone::UTC))
        .map_err(|e| ComposeError::Message(e.to_string()))?;
    let mut builder = lettre::Message::builder().from(mailbox(&draft.seller)?).subject(&subject);
    for champion in &draft.champions {
        builder = builder.to(mailbox(champion)?);
    }
    // Who answers only the sender still answers the evidence mailbox.
    builder = builder.cc(mailbox(&evidence)?).reply_to(mailbox(&draft.seller)?).reply_to(mailbox(&evidence)?);
    for (name, value) in [("Date", date.as_str()), ("X-Unsent", "1")] {
        let name =
            HeaderName::new_from_ascii(name.to_owned()).map_err(|e| ComposeError::Message(e.to_string()))?;
        builder = builder.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    let boundary = Digest::of_fields([subject.as_bytes(), plain.as_bytes()]).short();
    let message = builder
        .multipart(
            MultiPart::alternative()
                .boundary(format!("=_{boundary}"))
                .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(plain.clone()))
                .singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(html.clone())),
        )
        .map_err(|e| ComposeError::Message(e.to_string()))?;
    Ok(WinEmail { subject, text: plain, html, raw: message.formatted() })
}
