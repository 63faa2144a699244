//! What the CRM says, from CSV: rows to acts. A row changes only what differs, so the same file twice changes nothing.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::act::{ActRequest, Wanted, act_on};
use super::{Case, Context, Register, Response, Unavailable, failed};
use crate::model::{DealField, Ended, OpportunityId, StandingReport, YesNo, sales_stage};
use crate::record::Act;
use crate::text::nearest;

/// Largest file, in bytes: 100,000 opportunities with long next steps.
pub const CSV_BYTES_MAX: usize = 32 << 20;
/// Longest cell, in bytes: next steps are sentences.
const CELL_BYTES_MAX: usize = 2_000;
/// Signs by which a spreadsheet takes a cell for a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// Columns besides the CRM's fields.
const OTHER_COLUMNS: [&str; 5] = ["opportunity", "amount", "outcome", "closed_on", "could_have_competed"];

/// A file to import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRequest {
    /// Who.
    pub by: String,
    /// Why, or where it comes from.
    pub reason: String,
    /// The file.
    pub csv: String,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// A row that could not be taken, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadRow {
    /// Line of the file, from 1.
    pub line: u64,
    /// What is wrong and what was expected.
    pub message: String,
}

/// What a row changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportChange {
    /// Line of the file.
    pub line: u64,
    /// The opportunity.
    pub opportunity: OpportunityId,
    /// What changes, in words.
    pub changes: Vec<String>,
}

/// What an import did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Rows that were read.
    pub rows: usize,
    /// Rows that change nothing.
    pub unchanged: usize,
    /// What the others change.
    pub changed: Vec<ImportChange>,
    /// Rows that could not be taken.
    pub bad: Vec<BadRow>,
    /// What the file says and an import does not do, since it would open gates: a person must.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<BadRow>,
    /// Whether the changes are on record.
    pub applied: bool,
}

/// A row as read.
struct Row {
    opportunity: OpportunityId,
    fields: BTreeMap<DealField, String>,
    amount: Option<u64>,
    end: Option<(Ended, Option<Date>, bool)>,
}

/// Reads the file: the acts to record, and the answer to give once they are. Bad rows are left out and told.
pub fn import(
    request: &ImportRequest,
    register: &dyn Register,
    context: Context<'_>,
) -> (Vec<Act>, Response) {
    let refused = |text: String| (Vec::new(), Response::Refused { code: "bad_request".into(), text });
    if request.csv.len() > CSV_BYTES_MAX {
        return refused(format!("The file is larger than {CSV_BYTES_MAX} bytes; split it."));
    }
    let text = request.csv.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let columns = match reader.headers().map_err(|e| e.to_string()).and_then(known_columns) {
        Ok(columns) => columns,
        Err(text) => return refused(text),
    };
    let mut imported = Imported { applied: !request.dry_run, ..Imported::default() };
    let mut acts = Vec::new();
    let mut seen: BTreeMap<OpportunityId, u64> = BTreeMap::new();
    for record in reader.records() {
        imported.rows += 1;
        let line = match &record {
            Ok(record) => record.position().map_or(0, csv::Position::line),
            Err(error) => error.position().map_or(0, csv::Position::line),
        };
        let row = record.map_err(|e| vec![e.to_string()]).and_then(|r| row(&columns, &r));
        let row = match row {
            Ok(row) => row,
            Err(messages) => {
                imported.bad.extend(messages.into_iter().map(|message| BadRow { line, message }));
                continue;
            }
        };
        if let Some(first) = seen.insert(row.opportunity.clone(), line) {
            let message = format!("{} stands on line {first} already", row.opportunity);
            imported.bad.push(BadRow { line, message });
            continue;
        }
        match changes(&row, line, request, register, context) {
            Ok(changes) => {
                imported.kept.extend(changes.kept);
                if changes.acts.is_empty() {
                    imported.unchanged += 1;
                } else {
                    acts.extend(changes.acts);
                    imported.changed.push(changes.told);
                }
            }
            Err(Trouble::Bad(message)) => imported.bad.push(BadRow { line, message }),
            Err(Trouble::Store(error)) => return (Vec::new(), failed(&error)),
        }
    }
    if request.dry_run {
        acts.clear();
    }
    (acts, Response::Imported(Box::new(imported)))
}

enum Trouble {
    Bad(String),
    Store(Unavailable),
}

/// What each column is; every unknown name is told with the nearest known one.
fn known_columns(head: &csv::StringRecord) -> Result<Vec<String>, String> {
    let known: Vec<&str> =
        OTHER_COLUMNS.into_iter().chain(DealField::ALL.iter().map(|f| f.as_str())).collect();
    let mut problems = Vec::new();
    let names: Vec<String> = head.iter().map(|name| name.trim().to_lowercase().replace(' ', "_")).collect();
    for (at, name) in names.iter().enumerate() {
        if !known.contains(&name.as_str()) {
            let hint = nearest(name, known.iter().copied())
                .map_or_else(|| format!("known: {}", known.join(", ")), |n| format!("did you mean `{n}`?"));
            problems.push(format!("1: unknown column `{name}`; {hint}"));
        } else if names.iter().take(at).any(|n| n == name) {
            problems.push(format!("1: column `{name}` twice"));
        }
    }
    if !names.iter().any(|n| n == "opportunity") {
        problems.push("1: there is no column `opportunity`".into());
    }
    if problems.is_empty() { Ok(names) } else { Err(problems.join("\n")) }
}

fn row(columns: &[String], record: &csv::StringRecord) -> Result<Row, Vec<String>> {
    let mut problems = Vec::new();
    let cells: BTreeMap<&str, &str> = columns
        .iter()
        .map(String::as_str)
        .zip(record.iter().map(plain))
        .filter(|(_, cell)| !cell.is_empty())
        .collect();
    for (name, cell) in &cells {
        if cell.len() > CELL_BYTES_MAX {
            problems.push(format!("`{name}` is longer than {CELL_BYTES_MAX} bytes"));
        }
    }
    let id = cells.get("opportunity").copied().unwrap_or_default();
    let opportunity = OpportunityId::new(id);
    if opportunity.is_none() {
        problems.push(format!("`{id}` is no opportunity id"));
    }
    let mut fields = BTreeMap::new();
    for field in DealField::ALL {
        let Some(cell) = cells.get(field.as_str()) else { continue };
        match value(*field, cell) {
            Ok(value) => drop(fields.insert(*field, value)),
            Err(expected) => problems.push(format!("`{}` is `{cell}`, expected {expected}", field.as_str())),
        }
    }
    let amount = cells.get("amount").map(|cell| cell.parse::<u64>());
    if let Some(Err(_)) = amount {
        problems.push("`amount` wants whole units without separators, such as 250000".into());
    }
    let end = end(&cells).map_err(|problem| problems.push(problem)).ok().flatten();
    match opportunity {
        Some(opportunity) if problems.is_empty() => {
            Ok(Row { opportunity, fields, amount: amount.and_then(Result::ok), end })
        }
        _ => Err(problems),
    }
}

/// A cell without the quote that keeps spreadsheets from taking it for a formula.
fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(cell)
}

fn value(field: DealField, cell: &str) -> Result<String, &'static str> {
    match field {
        DealField::OpportunityDueDate | DealField::TechWinDueDate => {
            cell.parse::<Date>().map(|d| d.to_string()).map_err(|_| "a day such as 2026-11-30")
        }
        DealField::TechWinAchieved | DealField::WeeklyCheckin | DealField::NonStandardRequirements => {
            YesNo::parse(cell).map(|v| v.as_str().to_owned()).ok_or("yes or no")
        }
        DealField::SalesStage => {
            sales_stage(cell).map(|_| cell.to_owned()).ok_or("a stage that begins with a digit from 0 to 7")
        }
        DealField::MutualActionPlanUrl
        | DealField::TechnicalDesignDocumentUrl
        | DealField::TechReviewLink => {
            let web = cell.starts_with("https://") || cell.starts_with("http://");
            web.then(|| cell.to_owned()).ok_or("a link that begins with https://")
        }
        _ => Ok(cell.to_owned()),
    }
}

fn end(cells: &BTreeMap<&str, &str>) -> Result<Option<(Ended, Option<Date>, bool)>, String> {
    let on = match cells.get("closed_on").map(|cell| cell.parse::<Date>()) {
        Some(Err(_)) => return Err("`closed_on` wants a day such as 2026-11-30".into()),
        Some(Ok(on)) => Some(on),
        None => None,
    };
    let competed = match cells.get("could_have_competed").map(|cell| YesNo::parse(cell)) {
        Some(None) => return Err("`could_have_competed` is yes or no".into()),
        Some(Some(value)) => value == YesNo::Yes,
        // The honest rate counts what nobody has excused.
        None => true,
    };
    match cells.get("outcome").copied() {
        None | Some("open") => Ok(None),
        Some(text) => Ended::parse(text)
            .map(|ended| Some((ended, on, competed)))
            .ok_or_else(|| format!("`outcome` is `{text}`, expected open, won, lost or opted_out")),
    }
}

/// What comes of a row.
struct Changes {
    acts: Vec<Act>,
    /// What they change.
    told: ImportChange,
    /// What an import leaves to people.
    kept: Option<BadRow>,
}

fn changes(
    row: &Row,
    line: u64,
    request: &ImportRequest,
    register: &dyn Register,
    context: Context<'_>,
) -> Result<Changes, Trouble> {
    let case = Case::open(&row.opportunity, register).map_err(Trouble::Store)?;
    let report = case.report(context);
    let mut acts = Vec::new();
    let mut told = Vec::new();
    for what in wanted(row, &report, request, context) {
        told.push(words(&what));
        let asked = ActRequest { by: request.by.clone(), reason: request.reason.clone(), what };
        acts.push(act_on(&asked, &case, context).map_err(Trouble::Bad)?);
    }
    let kept = kept(row, &report).map(|message| BadRow { line, message });
    Ok(Changes {
        acts,
        told: ImportChange { line, opportunity: row.opportunity.clone(), changes: told },
        kept,
    })
}

/// What the row says less than the record, and an import therefore leaves as it is: a smaller amount needs less.
fn kept(row: &Row, report: &StandingReport) -> Option<String> {
    let (said, known) = row.amount.zip(report.amount).filter(|(said, known)| said < known)?;
    let id = &row.opportunity;
    Some(format!(
        "{id}: amount stays {known}: the file says {said}, and an import only raises it; if that is right: \
         `endorsed review amount {id} {said} --by NAME --reason …`"
    ))
}

/// What differs from the record.
fn wanted(row: &Row, report: &StandingReport, request: &ImportRequest, context: Context<'_>) -> Vec<Wanted> {
    let opportunity = || row.opportunity.clone();
    let mut wanted = Vec::new();
    let fields: BTreeMap<DealField, String> = row
        .fields
        .iter()
        .filter(|(field, value)| report.details.get(field) != Some(value))
        .map(|(field, value)| (*field, value.clone()))
        .collect();
    if !fields.is_empty() {
        wanted.push(Wanted::Details { opportunity: opportunity(), fields });
    }
    // No import opens a gate: it raises the amount, and of facts it states only the yes that asks for more.
    if let Some(amount) = row.amount.filter(|amount| report.amount.is_none_or(|known| known < *amount)) {
        wanted.push(Wanted::Amount { opportunity: opportunity(), amount });
    }
    if let Some((ended, on, could_have_competed)) = row.end {
        let known = report.ended.as_ref().is_some_and(|end| {
            end.ended == ended
                && on.is_none_or(|on| on == end.on)
                && (ended != Ended::OptedOut || end.could_have_competed == could_have_competed)
        });
        if !known {
            wanted.push(Wanted::Close { opportunity: opportunity(), ended, on, could_have_competed });
        }
    }
    // Whether a tech review is needed hangs on this fact, where the gates know it.
    let fact = DealField::NonStandardRequirements.as_str();
    let says_yes =
        row.fields.get(&DealField::NonStandardRequirements).and_then(|v| YesNo::parse(v)) == Some(YesNo::Yes);
    if says_yes && context.gates.fact_names().any(|known| known == fact) {
        let said = |f: &&crate::model::StatedFact| f.id == fact && f.by == request.by.trim();
        let value = YesNo::Yes;
        if report.facts.iter().find(said).map(|f| f.value) != Some(value) {
            wanted.push(Wanted::Fact { opportunity: opportunity(), fact: fact.to_owned(), value });
        }
    }
    wanted
}

fn words(what: &Wanted) -> String {
    match what {
        Wanted::Details { fields, .. } => {
            let fields: Vec<String> = fields.iter().map(|(f, v)| format!("{} = {v}", f.as_str())).collect();
            fields.join(", ")
        }
        Wanted::Amount { amount, .. } => format!("amount = {amount}"),
        Wanted::Close { ended, .. } => format!("outcome = {}", ended.as_str()),
        Wanted::Fact { fact, value, .. } => format!("fact {fact} = {}", value.as_str()),
        _ => "something".to_owned(),
    }
}

/// A cell that no spreadsheet takes for a formula.
pub(super) fn harmless(cell: &str) -> String {
    if cell.starts_with(FORMULA) { format!("'{cell}") } else { cell.to_owned() }
}
