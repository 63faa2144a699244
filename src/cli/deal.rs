//! `endorsed plan` and `endorsed evidence`: what people add to an opportunity besides mail.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;

use super::FAILED;
use super::review::{Signed, record};
use crate::answer::Wanted;
use crate::config::Config;
use crate::model::{Digest, EvidenceKind, FileHash, OpportunityId, PlanCriterion};

/// Largest plan file, in bytes: a plan is a page.
const PLAN_BYTES_MAX: u64 = 1 << 20;

/// `endorsed plan`
#[derive(Debug, Subcommand)]
pub enum Plan {
    /// Register the criteria of Mutual Success Plans before the evaluation, from CSV or TOML.
    Import(Import),
}

/// `endorsed plan import`
#[derive(Debug, Args)]
pub struct Import {
    /// CSV with the head `opportunity,n,text,mandatory`, or TOML with `[[criterion]]` tables of the same keys.
    file: PathBuf,
    /// Your name, or better your mail address.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Where the plan was agreed.
    #[arg(long, value_name = "TEXT", default_value = "Mutual Success Plan")]
    reason: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `endorsed evidence`
#[derive(Debug, Subcommand)]
pub enum Evidence {
    /// Record a scorecard, call or meeting as a link or as a file's hash: shown, never verified.
    Add(Add),
}

/// `endorsed evidence add`
#[derive(Debug, Args)]
pub struct Add {
    /// The opportunity's id.
    opportunity: String,
    /// Your name, or better your mail address.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// What it is.
    #[arg(long, value_enum)]
    kind: Kind,
    /// A file; its name, size and hash are recorded, you keep the file.
    #[arg(long, value_name = "FILE", required_unless_present = "link", conflicts_with = "link")]
    file: Option<PathBuf>,
    /// Where it is.
    #[arg(long, value_name = "URL")]
    link: Option<String>,
    /// What it shows.
    #[arg(long, value_name = "TEXT")]
    note: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `endorsed erase`
#[derive(Debug, Args)]
pub struct Erase {
    /// A Message-ID, a sender's address, or an opportunity: all its mail.
    what: String,
    #[command(flatten)]
    signed: Signed,
}

/// Kinds of evidence besides mail.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    /// A scorecard that the buyer filled in or signed.
    Scorecard,
    /// A recorded call.
    Call,
    /// A meeting.
    Meeting,
}

impl From<Kind> for EvidenceKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Scorecard => Self::Scorecard,
            Kind::Call => Self::Call,
            Kind::Meeting => Self::Meeting,
        }
    }
}

/// Runs `endorsed plan`: 0 recorded, 1 refused, 2 could not.
pub fn plan(plan: Plan, config: &Config) -> u8 {
    let Plan::Import(import) = plan;
    let (plans, file) = match read_plans(&import.file) {
        Ok(read) => read,
        Err(errors) => {
            errors.iter().for_each(|e| eprintln!("{}:{e}", import.file.display()));
            return FAILED;
        }
    };
    let mut worst = 0;
    for (opportunity, criteria) in plans {
        let signed = Signed { by: import.by.clone(), reason: import.reason.clone(), json: import.json };
        worst = worst.max(record(Wanted::Plan { opportunity, criteria, file }, signed, config));
    }
    worst
}

/// Runs `endorsed erase`: 0 erased, 1 refused, 2 could not.
pub fn erase(erase: Erase, config: &Config) -> u8 {
    record(Wanted::Erase { what: erase.what }, erase.signed, config)
}

/// Runs `endorsed evidence`: 0 recorded, 1 refused, 2 could not.
pub fn evidence(evidence: Evidence, config: &Config) -> u8 {
    let Evidence::Add(add) = evidence;
    let Some(opportunity) = OpportunityId::new(&add.opportunity) else {
        eprintln!("`{}` is no opportunity id", add.opportunity);
        return FAILED;
    };
    let file = match add.file.as_deref().map(hash).transpose() {
        Ok(file) => file,
        Err(error) => {
            eprintln!("{error}");
            return FAILED;
        }
    };
    let what = Wanted::Evidence { opportunity, kind: add.kind.into(), link: add.link, file };
    record(what, Signed { by: add.by, reason: add.note, json: add.json }, config)
}

fn hash(path: &Path) -> Result<FileHash, String> {
    let octets = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(FileHash { name, media_type: None, sha256: Digest::of(&octets), bytes: octets.len() as u64 })
}

/// One line of a plan file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    opportunity: String,
    n: u32,
    text: String,
    #[serde(default = "yes")]
    mandatory: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    criterion: Vec<toml::Spanned<Row>>,
}

type Plans = std::collections::BTreeMap<OpportunityId, Vec<PlanCriterion>>;

/// The plans of a file by opportunity, and the file's digest; or everything that is wrong, each with its line.
fn read_plans(path: &Path) -> Result<(Plans, Digest), Vec<String>> {
    let one = |text: String| vec![format!("1: {text}")];
    let size = std::fs::metadata(path).map_err(|e| one(e.to_string()))?.len();
    if size > PLAN_BYTES_MAX {
        return Err(one(format!("{size} bytes are more than a plan has (at most {PLAN_BYTES_MAX})")));
    }
    let text = std::fs::read_to_string(path).map_err(|e| one(e.to_string()))?;
    let rows = if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml")) {
        toml_rows(&text)?
    } else {
        csv_rows(&text)?
    };
    let mut plans = Plans::new();
    let mut errors = Vec::new();
    for (line, row) in rows {
        match OpportunityId::new(&row.opportunity) {
            None => errors.push(format!("{line}: `{}` is no opportunity id", row.opportunity)),
            Some(_) if row.text.trim().is_empty() => {
                errors.push(format!("{line}: the criterion has no text"))
            }
            Some(id) => plans.entry(id).or_default().push(PlanCriterion {
                n: row.n,
                text: row.text.trim().to_owned(),
                mandatory: row.mandatory,
            }),
        }
    }
    if plans.is_empty() && errors.is_empty() {
        errors.push("1: there is no criterion in it".into());
    }
    if errors.is_empty() { Ok((plans, Digest::of(text.as_bytes()))) } else { Err(errors) }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

fn toml_rows(text: &str) -> Result<Vec<(usize, Row)>, Vec<String>> {
    let file: PlanFile = toml::from_str(text).map_err(|e| {
        let line = line_of(text, e.span().map_or(0, |s| s.start));
        vec![format!("{line}: {}", e.message())]
    })?;
    Ok(file.criterion.into_iter().map(|row| (line_of(text, row.span().start), row.into_inner())).collect())
}

fn csv_rows(text: &str) -> Result<Vec<(usize, Row)>, Vec<String>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let line = |e: &csv::Error| e.position().map_or(1, csv::Position::line);
    let headers = reader.headers().map_err(|e| vec![format!("{}: {e}", line(&e))])?.clone();
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let read = record.and_then(|r| {
            let at = r.position().map_or(1, csv::Position::line);
            r.deserialize::<Row>(Some(&headers)).map(|row| (usize::try_from(at).unwrap_or(1), row))
        });
        match read {
            Ok(row) => rows.push(row),
            Err(e) => errors.push(format!("{}: {e}", line(&e))),
        }
    }
    if errors.is_empty() { Ok(rows) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_plan_say_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (csv, toml) = (folder.path().join("p.csv"), folder.path().join("p.toml"));
        std::fs::write(
            &csv,
            "opportunity,n,text,mandatory\nOPP-1,1,\"Restore, nightly\",true\nOPP-1,2,Dark mode,false\nOPP-2,1,SSO,true\n",
        )
        .unwrap();
        std::fs::write(
            &toml,
            "[[criterion]]\nopportunity = \"OPP-1\"\nn = 1\ntext = \"Restore, nightly\"\n\
             [[criterion]]\nopportunity = \"OPP-1\"\nn = 2\ntext = \"Dark mode\"\nmandatory = false\n\
             [[criterion]]\nopportunity = \"OPP-2\"\nn = 1\ntext = \"SSO\"\n",
        )
        .unwrap();
        let plans = read_plans(&csv).unwrap().0;
        assert_eq!(plans, read_plans(&toml).unwrap().0);
        assert_eq!((plans.len(), plans.values().flatten().filter(|c| c.mandatory).count()), (2, 2));
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("p.csv");
        std::fs::write(&csv, "opportunity,n,text,mandatory\nOPP-1,x,SSO,true\nOPP-1,2,SSO,maybe\n").unwrap();
        let errors = read_plans(&csv).unwrap_err();
        assert!(
            errors.len() == 2 && errors[0].starts_with("2:") && errors[1].starts_with("3:"),
            "{errors:?}"
        );
        std::fs::write(&csv, "opportunity,n,text,mandatory\nnodigit,1,SSO,true\n").unwrap();
        assert!(read_plans(&csv).unwrap_err()[0].starts_with("2: `nodigit`"));
        std::fs::write(&csv, "opportunity,n,text,mandatory\n").unwrap();
        assert!(read_plans(&csv).is_err());
    }
}
