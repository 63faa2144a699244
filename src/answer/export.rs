//! Decided replies as cases in the language of rules (docs/RULES.md "Whole replies"): what people decide teaches the
//! rules, and keeps them from forgetting.

use serde::Serialize;

use super::act::find;
use super::{Context, PAGE_MAX, Register, Response, Unavailable, failed, home};
use crate::model::{Declaration, Digest, Form, Outcome, Verdict};
use crate::record::{Act, Decision, Review, Ruling};

#[derive(Debug, Serialize)]
struct File<'a> {
    case: [Case<'a>; 1],
}

/// A `[[case]]` of a rule file.
#[derive(Debug, Serialize)]
struct Case<'a> {
    text: &'a str,
    form: Form,
    criteria: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    never: Option<Verdict>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
}

/// The decided replies among `messages`, or all that the queue has seen. `names` are the seller's.
pub fn export(
    messages: &[String],
    names: &[String],
    register: &dyn Register,
    context: Context<'_>,
) -> Response {
    let found = if messages.is_empty() { everything(register) } else { named(messages, register) };
    let cases = found.and_then(|outcomes| {
        let mut cases = Vec::new();
        for outcome in outcomes {
            cases.extend(decided(&outcome, names, register, context)?);
        }
        Ok(cases)
    });
    match cases {
        Ok(cases) if cases.is_empty() => {
            Response::Unknown { text: "No decided reply is among these mails.".into() }
        }
        Ok(cases) => Response::Exported { cases },
        Err(error) => failed(&error),
    }
}

fn named(messages: &[String], register: &dyn Register) -> Result<Vec<Outcome>, Unavailable> {
    let mut outcomes = Vec::new();
    for message in messages {
        outcomes.extend(find(message, register)?);
    }
    Ok(outcomes)
}

fn everything(register: &dyn Register) -> Result<Vec<Outcome>, Unavailable> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut after: Option<Digest> = None;
    loop {
        let page = register.review(after.as_ref(), PAGE_MAX)?;
        let Some(last) = page.last() else { break };
        after = Some(last.sha256);
        outcomes.extend(page);
    }
    outcomes.sort_by_key(|o| (o.written(), o.identity));
    outcomes.dedup_by_key(|o| o.identity);
    Ok(outcomes)
}

fn decided(
    outcome: &Outcome,
    names: &[String],
    register: &dyn Register,
    context: Context<'_>,
) -> Result<Option<String>, Unavailable> {
    let Some(case) = home(outcome, register, context)? else { return Ok(None) };
    let known: Vec<&Outcome> = case.outcomes.iter().collect();
    let Review::Decided(ruling) = case.rulings(context).of(outcome, &known) else { return Ok(None) };
    let asked = |o: &&Outcome| outcome.answers_identity == Some(o.identity);
    let declaration = case.outcomes.iter().find(asked).and_then(|o| o.declaration.as_ref());
    let Some(declaration) = declaration else { return Ok(None) };
    let deal = case.opportunity.as_str();
    Ok(write(outcome, declaration, &ruling, names)
        .map(|case| format!("{}{case}", note(outcome, deal, &ruling))))
}

/// Where the case comes from, and that it holds a customer's words.
fn note(outcome: &Outcome, deal: &str, ruling: &Ruling) -> String {
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let id = outcome.message_id.as_ref().map(ToString::to_string).unwrap_or_default();
    let decisions: Vec<String> = ruling.acts.iter().map(Act::name).collect();
    format!(
        "# {deal}, <{}>, decided by {} ({}): {}\n# Holds a customer's words: keep it where their mail may be kept, or put it into words of your own.\n",
        one_line(&id),
        one_line(&ruling.by.join(" and ")),
        decisions.join(", "),
        one_line(&ruling.reason)
    )
}

fn write(outcome: &Outcome, declaration: &Declaration, ruling: &Ruling, names: &[String]) -> Option<String> {
    let (verdict, never) = match ruling.decision {
        Decision::Accept { verdict, .. } => (Some(verdict), None),
        // That it gives no verdict may have many reasons; that it is not this one is sure.
        Decision::Reject => (None, outcome.verdict),
        Decision::NotAbout | Decision::AskSe | Decision::Clear => return None,
    };
    if outcome.fresh_text.trim().is_empty() || (verdict.is_none() && never.is_none()) {
        return None;
    }
    let names = names.iter().map(String::as_str).chain(declaration.platform.as_deref()).collect();
    let criteria = declaration.criteria.iter().map(|c| c.text.as_str()).collect();
    let account = declaration.account.as_deref();
    let case =
        Case { text: &outcome.fresh_text, form: declaration.form, criteria, verdict, never, names, account };
    toml::to_string(&File { case: [case] }).ok()
}
