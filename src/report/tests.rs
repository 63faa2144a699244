use super::*;
use crate::model::Ended;
use jiff::civil::Weekday;

fn at(day: &str) -> Timestamp {
    format!("{day}T12:00:00Z").parse().unwrap()
}

/// A year from January, without holidays.
const YEAR: BusinessYear<'_> = BusinessYear { first_month: 1, is_working: &is_weekday };

fn is_weekday(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn deal(n: usize, standing: Standing) -> Deal {
    Deal {
        opportunity: OpportunityId::new(&format!("OPP-{n}")).unwrap(),
        standing,
        verified: standing,
        reason: None,
        fix: Some("Ask.".into()),
        quote: None,
        seller: Some("kim".into()),
        declared_at: (standing != Standing::NoDeclaration).then(|| at("2026-10-01")),
        decided_at: matches!(standing, Standing::Confirmed | Standing::Declined).then(|| at("2026-10-05")),
        heard_at: None,
        overdue: false,
        breaches: Vec::new(),
        amount: Some(100),
        details: BTreeMap::new(),
        ended: None,
    }
}

fn ended(mut deal: Deal, ended: Ended, on: &str, could_have_competed: bool) -> Deal {
    deal.ended = Some(DealEnd {
        ended,
        on: on.parse().unwrap(),
        could_have_competed,
        by: "Ana".into(),
        at: at(on),
        reason: "x".into(),
    });
    deal
}

fn with(mut deal: Deal, fields: &[(DealField, &str)]) -> Deal {
    deal.details.extend(fields.iter().map(|(f, v)| (*f, (*v).to_owned())));
    deal
}

fn value<'t>(table: &'t Table, metric: &str) -> (&'t str, &'t str) {
    let row = table.rows.iter().find(|r| r[0] == metric).unwrap();
    (&row[1], &row[2])
}

#[test]
fn the_honest_rate_stands_beside_the_plain_one() {
    let mut deals: Vec<Deal> = (0..7).map(|n| deal(n, Standing::Confirmed)).collect();
    deals.extend((10..12).map(|n| deal(n, Standing::Declined)));
    deals.push(ended(deal(12, Standing::NoDeclaration), Ended::Lost, "2026-10-09", true));
    deals.extend(
        (20..24).map(|n| ended(deal(n, Standing::NoDeclaration), Ended::OptedOut, "2026-10-09", true)),
    );
    deals.push(ended(deal(30, Standing::NoDeclaration), Ended::OptedOut, "2026-10-09", false));
    deals.push(deal(31, Standing::AwaitingReply));
    let tables = metrics(&deals, None, None);
    assert_eq!(value(&tables[0], "technical_win_rate"), ("70.0 %", "7/10"));
    assert_eq!(value(&tables[0], "honest_technical_win_rate"), ("50.0 %", "7/14"));
    assert_eq!(value(&tables[0], "close_rate"), ("0.0 %", "0/1"));
    assert_eq!(tables[1].rows, [["kim", "70.0 %", "7/10", "50.0 %", "7/14", "0.0 %", "0/1"]]);
    assert!(
        tables[0].rows.iter().all(|row| row.len() == 4 && !row[3].is_empty()),
        "each with its definition"
    );
    // Outside of the period nothing counts, and nothing is divided by nothing.
    let none = metrics(&deals, Some("2027-01-01".parse().unwrap()), None);
    assert_eq!(value(&none[0], "technical_win_rate"), ("-", "0/0"));
}

#[test]
fn a_person_decision_is_no_win_and_the_crm_claims_none() {
    let mut accepted = deal(1, Standing::Confirmed);
    accepted.verified = Standing::NeedsReview;
    let claimed = with(deal(2, Standing::NoDeclaration), &[(DealField::TechWinAchieved, "yes")]);
    let tables = metrics(&[accepted, claimed, deal(3, Standing::Confirmed)], None, None);
    assert_eq!(value(&tables[0], "technical_win_rate"), ("100.0 %", "1/1"));
    assert_eq!(value(&tables[0], "override_share"), ("50.0 %", "1/2"));
    assert_eq!(value(&tables[0], "unproven_claims"), ("100.0 %", "1/1"));
}

#[test]
fn the_clock_of_the_close_starts_at_the_verified_word() {
    let closed = |n, on| ended(deal(n, Standing::Confirmed), Ended::Won, on, true);
    let deals = [closed(1, "2026-10-15"), closed(2, "2026-11-05"), closed(3, "2026-12-04")];
    let tables = metrics(&deals, None, None);
    assert_eq!(value(&tables[0], "days_win_to_close"), ("median 31, p90 60", "3"));
    assert_eq!(value(&tables[0], "days_declared_to_confirmed"), ("median 4, p90 4", "3"));
}

#[test]
fn each_zombie_is_listed_once_with_its_days() {
    let mut overdue = deal(3, Standing::Conditional);
    overdue.overdue = true;
    let deals = [
        deal(1, Standing::AwaitingReply),
        with(deal(2, Standing::NoDeclaration), &[(DealField::TechWinDueDate, "2026-10-10")]),
        overdue,
        deal(4, Standing::Confirmed),
        with(deal(5, Standing::NoDeclaration), &[(DealField::TechWinDueDate, "2026-12-10")]),
        ended(deal(6, Standing::AwaitingReply), Ended::Lost, "2026-10-10", true),
    ];
    let ids = |now: &str| -> Vec<(String, String)> {
        let table = zombies(&deals, YEAR, at(now));
        table.rows.into_iter().map(|r| (r[0].clone(), r[1].clone())).collect()
    };
    let is = |id: &str, days: &str| (id.to_owned(), days.to_owned());
    // From Thursday, October 1, to Thursday, October 15: ten weekdays.
    assert_eq!(ids("2026-10-15"), [is("OPP-1", "10"), is("OPP-3", "10"), is("OPP-2", "5")]);
    assert_eq!(ids("2026-10-14").len(), 2, "nine weekdays are no zombie yet");
    assert!(zombies(&deals, YEAR, at("2026-10-15")).notes[0].contains("3 deals, amount 300"));
}

#[test]
fn nobody_is_silent_on_a_holiday() {
    let is_working = |day: Date| is_weekday(day) && day != jiff::civil::date(2026, 10, 12);
    let year = BusinessYear { is_working: &is_working, ..YEAR };
    let days = |now: &str| zombies(&[deal(1, Standing::AwaitingReply)], year, at(now)).rows;
    assert!(days("2026-10-15").is_empty(), "nine working days and a holiday");
    assert_eq!(days("2026-10-16")[0][1], "10");
}

#[test]
fn a_stage_ahead_of_the_proof_is_told_with_its_amount() {
    let staged = |n, standing| with(deal(n, standing), &[(DealField::SalesStage, "5 - Negotiation")]);
    let mut deals: Vec<Deal> = (0..7).map(|n| staged(n, Standing::Confirmed)).collect();
    deals.push(staged(10, Standing::AwaitingReply));
    deals.push(staged(11, Standing::Conditional));
    deals.push(with(deal(12, Standing::NoDeclaration), &[(DealField::TechWinAchieved, "yes")]));
    deals.push(with(deal(13, Standing::NoDeclaration), &[(DealField::SalesStage, "4")]));
    let table = inflation(&deals);
    assert_eq!(table.rows.len(), 3);
    assert_eq!(table.notes[0], "3 of 10 claimed wins have no verified endorsement, amount 300 of 1000");
}

#[test]
fn the_week_reviews_this_quarter_from_stage_two_and_the_next_from_three() {
    let due = |n, stage, on| {
        let fields = [(DealField::SalesStage, stage), (DealField::OpportunityDueDate, on)];
        with(deal(n, Standing::AwaitingReply), &fields)
    };
    let deals = [
        due(1, "2", "2026-12-31"),
        due(2, "1", "2026-12-31"),
        due(3, "3", "2027-01-01"),
        due(4, "2", "2027-01-01"),
        due(5, "4", "2027-04-01"),
        due(6, "2", "2026-09-30"),
        deal(7, Standing::Confirmed),
    ];
    let now = at("2026-11-25");
    let tables = week(&deals, Week::parse("2026-W48").unwrap(), YEAR, now);
    assert_eq!(tables[0].title, "Week 2026-W48");
    assert_eq!(tables[0].notes, ["scope: 4 of 7 deals"]);
    assert_eq!(tables[2].rows.len(), 3, "zombies within the scope");
    assert_eq!(tables, week(&deals, Week::of(now).unwrap(), YEAR, now), "the same week, the same tables");
    let of_win = week(&deals, Week::parse("2026-W41").unwrap(), YEAR, now);
    assert_eq!(of_win[4].rows, [["OPP-7", "100", ""]]);
    // Where the fiscal year begins in February, January is still of this quarter, and April of the next.
    let fiscal = week(&deals, Week::parse("2026-W48").unwrap(), BusinessYear { first_month: 2, ..YEAR }, now);
    assert_eq!(fiscal[0].notes, ["scope: 6 of 7 deals"]);
    assert!(Week::parse("2026-48").is_none() && Week::parse("2026-W60").is_none());
}

#[test]
fn a_lost_deal_is_a_loss_whatever_its_no_rests_on() {
    // The no of a mail that a person read has no verified day.
    let accepted = Deal { decided_at: None, ..deal(1, Standing::Declined) };
    let lost = ended(accepted.clone(), Ended::Lost, "2026-10-10", true);
    let rate = |deals: &[Deal]| metrics(deals, None, None)[0].rows[0][2].clone();
    assert_eq!(rate(&[deal(2, Standing::Confirmed), lost]), "1/2");
    assert_eq!(rate(&[deal(2, Standing::Confirmed), accepted]), "1/1", "nobody knows when");
}

#[test]
fn a_stage_is_the_lone_digit_that_it_begins_with() {
    let stage = |text: &str| with(deal(1, Standing::Confirmed), &[(DealField::SalesStage, text)]).stage();
    assert_eq!(["5 - Negotiation", "0", "7: won"].map(stage), [Some(5), Some(0), Some(7)]);
    assert_eq!(["10 - Closed", "8", "Stage 3", "", "\u{663}"].map(stage), [None; 5]);
}

#[test]
fn clocks_that_ran_out_are_lines_of_the_week() {
    let breach =
        |code: &str, day: &str| Breach { code: code.into(), due: at(day), fix: Some("Do it.".into()) };
    let late = Deal {
        breaches: vec![breach("tech_review_due", "2026-11-24"), breach("documentation_due", "2026-11-10")],
        ..deal(1, Standing::Confirmed)
    };
    let later =
        Deal { breaches: vec![breach("more_time_overdue", "2026-12-24")], ..deal(2, Standing::Deferred) };
    let closed = Deal {
        breaches: late.breaches.clone(),
        ..ended(deal(3, Standing::Confirmed), Ended::Won, "2026-11-01", true)
    };
    let tables = week(&[late, later, closed], Week::parse("2026-W48").unwrap(), YEAR, at("2026-12-31"));
    let clocks = tables.last().unwrap();
    assert_eq!(clocks.title, "Clocks that ran out");
    // The oldest first; what runs out after the week is not the week's, and a closed deal has no clocks.
    assert_eq!(
        clocks.rows,
        [
            ["OPP-1", "documentation_due", "2026-11-10", "kim", "Do it."],
            ["OPP-1", "tech_review_due", "2026-11-24", "kim", "Do it."]
        ]
    );
    assert!(plain(&tables).contains("\nClocks that ran out\n  opportunity  clock"), "{}", plain(&tables));
}
