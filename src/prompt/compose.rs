//! Writes a letter: template, text and HTML, headers. Pure and repeatable: the same letter gives the same octets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart, SinglePart};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use serde::Serialize;

use super::schedule::{Due, Person};
use super::text;
use crate::model::{Address, Criterion, DeclaredResult, Digest, MessageId, Reason};
use crate::record::Side;

/// Longest piece of somebody's words that a letter repeats, in characters.
const QUOTE_CHARS_MAX: usize = 600;
/// Longest subject, in characters.
const SUBJECT_CHARS_MAX: usize = 200;
/// References that a letter carries: RFC 5322 sets no limit, servers do.
const REFERENCES_MAX: usize = 20;
/// The language that has every template.
const DEFAULT_LANGUAGE: &str = "en";

/// The templates: `LANGUAGE/NAME` and content.
#[derive(Debug, Clone, Default)]
pub struct Texts(BTreeMap<String, String>);

/// What a letter is about, besides what the schedule knows.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Subject of the declaration.
    pub title: String,
    /// Message-ID of the mail that the letter answers, with what that answered, oldest first.
    pub references: Vec<MessageId>,
    /// The seller's product.
    pub platform: Option<String>,
    /// The buyer.
    pub account: Option<String>,
    /// Criteria as recorded.
    pub criteria: Vec<Criterion>,
    /// Their lines as they were declared, by number: what a letter restates where it is known.
    pub stated: BTreeMap<u32, String>,
    /// Language of the declaration.
    pub declared_in: String,
    /// Who declared.
    pub se: Person,
    /// Who takes over, as the declaration says.
    pub ae: Option<String>,
    /// The champions.
    pub champions: Vec<Person>,
    /// Language of the letters to the champion.
    pub language: String,
}

/// How letters leave.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The sender's address.
    pub from: Address,
    /// The evidence mailbox.
    pub evidence: Address,
    /// Where the deal can be looked at, without a slash at the end; none without HTTP.
    pub pages: Option<String>,
}

/// A letter as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its Message-ID.
    pub message_id: MessageId,
    /// Subject line.
    pub subject: String,
    /// Text body.
    pub text: String,
    /// HTML body.
    pub html: String,
    /// The whole message (RFC 5322), with CRLF.
    pub raw: Vec<u8>,
}

/// Why a letter could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// No such template.
    #[error("no template `{0}`: name a file rules/letters/LANGUAGE/{0}.txt")]
    NoTemplate(String),
    /// A template is wrong.
    #[error("template {0}")]
    Template(String),
    /// The message could not be put together.
    #[error("the letter could not be put together: {0}")]
    Message(String),
}

impl Texts {
    /// Takes files, given as (path below `rules/`, content): those of the form `letters/LANGUAGE/NAME.txt`.
    pub fn new(files: &[(String, String)]) -> Self {
        let name = |path: &str| Some(path.strip_prefix("letters/")?.strip_suffix(".txt")?.to_owned());
        Self(files.iter().filter_map(|(path, text)| Some((name(path)?, text.clone()))).collect())
    }

    /// Every template as `LANGUAGE/NAME`, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A template with its blanks filled in, and the language that it was found in.
    pub(super) fn fill(
        &self,
        language: &str,
        name: &str,
        facts: &impl Serialize,
    ) -> Result<(String, String), ComposeError> {
        let found = self.get(language, name);
        let (language, template) = found.ok_or_else(|| ComposeError::NoTemplate(name.to_owned()))?;
        Ok((language.to_owned(), fill(name, template, facts)?))
    }

    /// The template of a language, or that of the default language; with the language found.
    fn get<'a>(&'a self, language: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
        [language, DEFAULT_LANGUAGE]
            .into_iter()
            .find_map(|language| Some((language, self.0.get(&format!("{language}/{name}"))?.as_str())))
    }
}

/// The token of a letter: nobody can guess it without the secret, and the same letter always gets the same one.
pub fn token(secret: &[u8], key: &Digest) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = Digest::of_fields([b"letter token".as_slice(), secret, &key.0]);
    // 26 letters of five bits: 130 bits.
    let letter = |byte: &u8| ALPHABET.get(usize::from(*byte % 32)).copied().map_or('a', char::from);
    digest.0.iter().take(26).map(letter).collect()
}

/// Writes a letter. `shown` puts a moment into words for its reader.
///
/// # Errors
/// When a template is missing or wrong.
pub fn compose(
    due: &Due,
    subject: &Subject,
    sender: &Sender,
    texts: &Texts,
    token: &str,
    now: Timestamp,
    shown: &dyn Fn(Timestamp) -> String,
) -> Result<Written, ComposeError> {
    let language = if due.side == Side::Champion { subject.language.as_str() } else { DEFAULT_LANGUAGE };
    let facts = Facts::new(due, subject, sender, shown);
    let (language, filled) = texts.fill(language, &due.template, &facts)?;
    let (line, body) = match filled.strip_prefix("Subject:").and_then(|rest| rest.split_once('\n')) {
        Some((line, body)) => (line.trim().to_owned(), body),
        None => (String::new(), filled.as_str()),
    };
    // A letter to the champion stays in the thread.
    let line = if due.side == Side::Champion || line.is_empty() { replying(&subject.title) } else { line };
    let line = one_line(&line, SUBJECT_CHARS_MAX);
    let (plain, html) = (text::plain(body), text::html(body, &language));
    let id = MessageId::new(&format!("t.{token}@{}", sender.evidence.domain()))
        .ok_or_else(|| ComposeError::Message("no Message-ID".into()))?;
    let message = headers(due, subject, sender, token, now, &line)?
        .message_id(Some(format!("<{id}>")))
        .multipart(
            MultiPart::alternative()
                .boundary(format!("=_{}", due.key.short()))
                .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(plain.clone()))
                .singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(html.clone())),
        )
        .map_err(|e| ComposeError::Message(e.to_string()))?;
    Ok(Written { message_id: id, subject: line, text: plain, html, raw: message.formatted() })
}

fn headers(
    due: &Due,
    subject: &Subject,
    sender: &Sender,
    token: &str,
    now: Timestamp,
    line: &str,
) -> Result<MessageBuilder, ComposeError> {
    let to_champion = due.side == Side::Champion;
    let name = if to_champion { subject.se.name.clone() } else { Some("endorsed".to_owned()) };
    let evidence = &sender.evidence;
    // The token routes a champion's answer to this very letter; the seller's people answer about the deal.
    let tag = match (&due.opportunity, to_champion) {
        (_, true) => format!("+t.{token}"),
        (Some(opportunity), false) => format!("+{opportunity}"),
        (None, false) => String::new(),
    };
    let reply_to = format!("{}{tag}@{}", evidence.local(), evidence.domain());
    let reply_to = Address::new(&reply_to).ok_or_else(|| ComposeError::Message("no reply address".into()))?;
    let date = jiff::fmt::rfc2822::to_string(&now.to_zoned(TimeZone::UTC))
        .map_err(|e| ComposeError::Message(e.to_string()))?;
    let mut builder = lettre::Message::builder()
        .from(mailbox(name.as_deref(), &sender.from)?)
        .reply_to(mailbox(name.as_deref(), &reply_to)?)
        .to(mailbox(due.to.name.as_deref(), &due.to.address)?)
        .subject(line);
    builder = raw(builder, "Date", &date)?;
    // RFC 3834 §5; no reader's machine shall answer, but an out-of-office note of a champion is worth reading.
    builder = raw(builder, "Auto-Submitted", "auto-generated")?;
    let suppress = if to_champion { "DR, RN, NRN, AutoReply" } else { "All" };
    builder = raw(builder, "X-Auto-Response-Suppress", suppress)?;
    builder = raw(builder, "x-ms-reactions", "disallow")?;
    builder = raw(builder, "X-Endorsed-Letter", if to_champion { "champion" } else { "seller" })?;
    // The seller's letters stay out of the buyer's thread: nobody answers all of it by mistake.
    if let Some(parent) = subject.references.last().filter(|_| to_champion) {
        let all: Vec<String> = subject.references.iter().rev().take(REFERENCES_MAX).map(bracketed).collect();
        let all: Vec<String> = all.into_iter().rev().collect();
        builder = raw(builder, "In-Reply-To", &bracketed(parent))?;
        builder = raw(builder, "References", &all.join(" "))?;
    }
    Ok(builder)
}

fn bracketed(id: &MessageId) -> String {
    // An identifier that a stranger chose: nothing in it may end the line or the brackets.
    let plain: String =
        id.as_str().chars().filter(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>')).take(250).collect();
    format!("<{plain}>")
}

pub(super) fn raw(builder: MessageBuilder, name: &str, value: &str) -> Result<MessageBuilder, ComposeError> {
    let name =
        HeaderName::new_from_ascii(name.to_owned()).map_err(|e| ComposeError::Message(e.to_string()))?;
    let value: String = value.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
    Ok(builder.raw_header(HeaderValue::new(name, value)))
}

pub(super) fn mailbox(name: Option<&str>, address: &Address) -> Result<Mailbox, ComposeError> {
    let email = address
        .as_str()
        .parse::<lettre::Address>()
        .map_err(|e| ComposeError::Message(format!("{address}: {e}")))?;
    let name = name.map(|n| one_line(n, 80)).filter(|n| !n.is_empty());
    Ok(Mailbox::new(name, email))
}

/// The subject of an answer.
fn replying(title: &str) -> String {
    let is_reply = title.trim_start().get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:"));
    if is_reply { title.to_owned() } else { format!("Re: {title}") }
}

/// One line without control characters, cut to a length.
pub(super) fn one_line(text: &str, chars_max: usize) -> String {
    let plain: String = text.chars().map(|c| if is_unprintable(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ").chars().take(chars_max).collect()
}

/// Control characters, and those that turn the direction of writing.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// What a template can name.
#[derive(Debug, Serialize)]
struct Facts {
    opportunity: String,
    account: String,
    platform: String,
    /// First name of the champion that is written to or spoken of.
    champion: String,
    champion_full: String,
    /// First name of who reads the letter.
    reader: String,
    se: String,
    se_full: String,
    ae: String,
    evidence: String,
    criteria: Vec<Item>,
    /// Who spoke.
    who: String,
    quote: String,
    reasons: Vec<Said>,
    /// When the announced thing happens or the clock ends.
    until: String,
    proof: String,
    when: super::rules::When,
}

#[derive(Debug, Serialize)]
struct Item {
    text: String,
    result: &'static str,
}

#[derive(Debug, Serialize)]
struct Said {
    code: String,
    text: String,
    fix: String,
}

impl Facts {
    fn new(due: &Due, subject: &Subject, sender: &Sender, shown: &dyn Fn(Timestamp) -> String) -> Self {
        let spoken_of = due.situation.champion.as_ref().or(due.situation.who.as_ref());
        let known = |address: &Address| subject.champions.iter().find(|p| p.address == *address);
        let champion = spoken_of
            .and_then(known)
            .or(subject.champions.first())
            .cloned()
            .or_else(|| spoken_of.map(|address| Person { name: None, address: address.clone() }));
        let opportunity = due.opportunity.as_ref().map_or_else(String::new, ToString::to_string);
        let proof = match &sender.pages {
            Some(pages) => format!("{pages}/opportunities/{opportunity}"),
            None => format!("endorsed show {opportunity}"),
        };
        let line = |text: &str| one_line(text, QUOTE_CHARS_MAX);
        Self {
            account: line(subject.account.as_deref().unwrap_or_default()),
            platform: line(subject.platform.as_deref().unwrap_or_default()),
            champion: champion.as_ref().map_or_else(String::new, first_name),
            champion_full: champion.as_ref().map_or_else(String::new, full_name),
            reader: first_name(&due.to),
            se: first_name(&subject.se),
            se_full: full_name(&subject.se),
            ae: line(subject.ae.as_deref().unwrap_or_default()),
            evidence: sender.evidence.to_string(),
            criteria: subject.criteria.iter().map(|c| item(c, subject)).collect(),
            who: due.situation.who.as_ref().map_or_else(String::new, ToString::to_string),
            quote: line(&due.situation.quote),
            reasons: due.situation.reasons.iter().map(said).collect(),
            until: due.until.map_or_else(String::new, shown),
            proof,
            opportunity,
            when: due.situation.when,
        }
    }
}

fn item(criterion: &Criterion, subject: &Subject) -> Item {
    match subject.stated.get(&criterion.n) {
        Some(line) => Item { text: one_line(line, QUOTE_CHARS_MAX), result: "" },
        None => Item {
            text: one_line(&criterion.text, QUOTE_CHARS_MAX),
            result: shown_word(criterion.result, &subject.declared_in),
        },
    }
}

fn said(reason: &Reason) -> Said {
    Said {
        code: reason.code.clone(),
        text: one_line(&reason.text, QUOTE_CHARS_MAX),
        fix: one_line(reason.fix.as_deref().unwrap_or_default(), QUOTE_CHARS_MAX),
    }
}

/// The word for a result. What a template of another language says must be read back as the same result.
pub(super) fn shown_word(result: DeclaredResult, language: &str) -> &'static str {
    let [pass, partial, fail, open] = match language {
        "de" => ["bestanden", "teilweise", "nicht bestanden", "offen"],
        "fr" => ["validé", "partiel", "échoué", "ouvert"],
        "es" => ["superado", "parcial", "no superado", "pendiente"],
        _ => ["Passed", "Partial", "Failed", "Open"],
    };
    match result {
        DeclaredResult::Pass => pass,
        DeclaredResult::Partial => partial,
        DeclaredResult::Fail => fail,
        DeclaredResult::Open => open,
        DeclaredResult::Unstated => "",
    }
}

pub(super) fn full_name(person: &Person) -> String {
    let name = person.name.as_deref().map(|n| one_line(n, 80)).filter(|n| !n.is_empty());
    name.unwrap_or_else(|| person.address.to_string())
}

/// "Dana" of "Dana Ruiz"; "Dana" of "Ruiz, Dana"; of an address what stands before the `@`.
pub(super) fn first_name(person: &Person) -> String {
    let Some(name) = person.name.as_deref().map(|n| one_line(n, 80)).filter(|n| !n.is_empty()) else {
        return person.address.local().to_owned();
    };
    let given = name.split_once(',').map_or(name.as_str(), |(_, given)| given.trim());
    given.split_whitespace().next().unwrap_or(&name).to_owned()
}

fn fill(name: &str, template: &str, facts: &impl Serialize) -> Result<String, ComposeError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let whitespace = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(whitespace.map_err(|e| ComposeError::Template(format!("{name}: {e}")))?);
    let failed = |e: minijinja::Error| ComposeError::Template(format!("{name}: {e}"));
    environment.add_template("letter", template).map_err(failed)?;
    let filled = environment
        .get_template("letter")
        .and_then(|t| t.render(Value::from(Serde(facts))))
        .map_err(failed)?;
    Ok(filled.replace("\r\n", "\n"))
}
