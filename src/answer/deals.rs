//! All opportunities at once: reports, and the CSV that a CRM takes back.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::import::harmless;
use super::{Case, Context, PAGE_MAX, Register, Response, Unavailable, failed};
use crate::model::{DealField, Evidence, OpportunityId, StandingReport};
use crate::report::{Breach, BusinessYear, Deal, Week, inflation, metrics, week, zombies};

/// Which report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum ReportWanted {
    /// Open deals about which nobody decides.
    Zombies,
    /// Stages that run ahead of the proof.
    Inflation,
    /// The numbers that people watch.
    Metrics {
        /// First day.
        from: Option<Date>,
        /// Last day.
        to: Option<Date>,
    },
    /// The weekly review.
    Week {
        /// `2026-W48`; this week without it.
        week: Option<String>,
    },
}

/// Columns of the export: the fourteen of the dashboard, then what the record proves.
const COLUMNS: [&str; 30] = [
    "opportunity",
    "customer_engineer",
    "account_executive",
    "sales_stage",
    "opportunity_due_date",
    "tech_win_phase",
    "tech_win_due_date",
    "tech_win_next_step",
    "mutual_action_plan_url",
    "technical_design_document_url",
    "tech_win_achieved",
    "weekly_checkin",
    "non_standard_requirements",
    "tech_review_link",
    "standing",
    "verified_standing",
    "accepted_by",
    "reason",
    "fix",
    "quote",
    "evidence_sha256",
    "declared_at",
    "verified_at",
    "criteria_confirmed",
    "criteria_total",
    "amount",
    "outcome",
    "closed_on",
    "gates_open",
    "as_of",
];

/// A report.
pub fn report(wanted: &ReportWanted, register: &dyn Register, context: Context<'_>) -> Response {
    let deals = match all(register, context) {
        Ok(all) => all.into_iter().map(|(deal, _)| deal).collect::<Vec<_>>(),
        Err(error) => return failed(&error),
    };
    tables(wanted, &deals, context)
}

/// A report over these opportunities.
pub fn tables(wanted: &ReportWanted, deals: &[Deal], context: Context<'_>) -> Response {
    let is_working = |day: Date| context.clocks.seller.is_working(day);
    let year = BusinessYear { first_month: context.clocks.fiscal_month, is_working: &is_working };
    let tables = match wanted {
        ReportWanted::Zombies => vec![zombies(deals, year, context.now)],
        ReportWanted::Inflation => vec![inflation(deals)],
        ReportWanted::Metrics { from, to } => metrics(deals, *from, *to),
        ReportWanted::Week { week: name } => {
            let found = name.as_deref().map_or_else(|| Week::of(context.now), Week::parse);
            let Some(found) = found else {
                let text = "Name a week as in 2026-W48.".to_owned();
                return Response::Refused { code: "bad_request".into(), text };
            };
            week(deals, found, year, context.now)
        }
    };
    Response::Tables { as_of: context.now, tables }
}

/// Opportunities as CSV (RFC 4180), for an upsert by `opportunity`: all of them, or a page of `limit` behind `after`. The head
/// comes with the first page.
pub fn export_deals(
    (after, limit): (Option<&OpportunityId>, Option<usize>),
    register: &dyn Register,
    context: Context<'_>,
) -> Response {
    let work = || -> Result<Response, Unavailable> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        let broken = |e: csv::Error| Unavailable(e.to_string());
        if after.is_none() {
            writer.write_record(COLUMNS).map_err(broken)?;
        }
        let (rows, next) = match limit {
            None => (all(register, context)?, None),
            Some(limit) => page(after, limit.clamp(1, PAGE_MAX), register, context)?,
        };
        for (deal, report) in rows {
            writer
                .write_record(cells(&deal, &report, context).iter().map(|c| harmless(c)))
                .map_err(broken)?;
        }
        let octets = writer.into_inner().map_err(|e| Unavailable(e.to_string()))?;
        Ok(Response::Csv { text: String::from_utf8_lossy(&octets).into_owned(), next })
    };
    work().unwrap_or_else(|error| failed(&error))
}

fn cells(deal: &Deal, report: &StandingReport, context: Context<'_>) -> Vec<String> {
    let accepted: Vec<&str> = report.accepted_by.iter().map(|a| a.by.as_str()).collect();
    let open = |name: &&str| {
        let answer = context.gates.answer(report, name, context.freshness, context.now);
        answer.is_some_and(|answer| answer.allowed)
    };
    let gates: Vec<&str> = context.gates.names().filter(open).collect();
    let time = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    let counts: Vec<&Evidence> = report.evidence.iter().filter(|e| e.verified).collect();
    let proven = deal.is_proven();
    COLUMNS
        .iter()
        .map(|column| match *column {
            "opportunity" => deal.opportunity.to_string(),
            "customer_engineer" => deal.seller.clone().unwrap_or_default(),
            // Computed, never typed in: what the CRM claims is not what is proven.
            "tech_win_achieved" => if proven { "yes" } else { "no" }.to_owned(),
            "tech_win_next_step" => {
                let own = deal.detail(DealField::TechWinNextStep);
                if own.is_empty() { deal.fix.clone().unwrap_or_default() } else { own.to_owned() }
            }
            "standing" => report.standing.as_str().to_owned(),
            "verified_standing" => report.verified_standing.as_str().to_owned(),
            "accepted_by" => accepted.join(", "),
            "reason" => report.reasons.first().map(|r| r.code.clone()).unwrap_or_default(),
            "fix" => deal.fix.clone().unwrap_or_default(),
            "quote" => deal.quote.clone().unwrap_or_default(),
            "evidence_sha256" => counts.iter().map(|e| e.sha256.to_string()).collect::<Vec<_>>().join(" "),
            "declared_at" => time(deal.declared_at),
            "verified_at" => time(deal.decided_at.filter(|_| proven)),
            "criteria_confirmed" => report.criteria.confirmed.to_string(),
            "criteria_total" => report.criteria.total.to_string(),
            "amount" => report.amount.map(|a| a.to_string()).unwrap_or_default(),
            "outcome" => report.ended.as_ref().map_or("open", |e| e.ended.as_str()).to_owned(),
            "closed_on" => report.ended.as_ref().map(|e| e.on.to_string()).unwrap_or_default(),
            "gates_open" => gates.join(" "),
            "as_of" => context.now.to_string(),
            field => {
                let known = DealField::ALL.iter().find(|f| f.as_str() == field);
                known.map_or_else(String::new, |f| deal.detail(*f).to_owned())
            }
        })
        .collect()
}

type Rows = Vec<(Deal, StandingReport)>;

fn all(register: &dyn Register, context: Context<'_>) -> Result<Rows, Unavailable> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let (more, next) = page(after.as_ref(), PAGE_MAX, register, context)?;
        rows.extend(more);
        let Some(last) = next else { return Ok(rows) };
        after = Some(last);
    }
}

/// A page of opportunities, and the last of them where there may be more behind it.
fn page(
    after: Option<&OpportunityId>,
    limit: usize,
    register: &dyn Register,
    context: Context<'_>,
) -> Result<(Rows, Option<OpportunityId>), Unavailable> {
    let found = register.opportunities(after, limit)?;
    let next = found.last().filter(|_| found.len() == limit).cloned();
    let mut rows = Vec::new();
    for id in &found {
        let case = Case::open(id, register)?;
        let report = case.report(context);
        rows.push((deal(&case, &report, context), report));
    }
    Ok((rows, next))
}

/// The row of a deal in reports.
pub(super) fn deal(case: &Case, report: &StandingReport, context: Context<'_>) -> Deal {
    let said = report.details.get(&DealField::CustomerEngineer).cloned();
    let verified = report.evidence.iter().filter(|e| e.verified).filter_map(|e| e.at);
    let reasons = || report.reasons.iter().chain(&report.verified_reasons);
    let clocks = context.clocks.of(report, &case.outcomes, &case.acts, context.now);
    let over = clocks.into_iter().filter(|clock| clock.over);
    let breaches =
        over.map(|clock| Breach { fix: context.clocks.fix(&clock.code), code: clock.code, due: clock.due });
    Deal {
        opportunity: report.opportunity.clone(),
        standing: report.standing,
        verified: report.verified_standing,
        reason: reasons().next().map(|r| r.text.clone()),
        fix: reasons().find_map(|r| r.fix.clone()),
        quote: report.evidence.first().map(|e| e.quote.clone()),
        seller: said.or_else(|| report.seller.clone()),
        declared_at: report.declared_at,
        decided_at: verified.max(),
        heard_at: report.heard_at,
        breaches: breaches.collect(),
        overdue: report.conditions.iter().any(|c| c.overdue),
        amount: report.amount,
        details: report.details.clone(),
        ended: report.ended.clone(),
    }
}
