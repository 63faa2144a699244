//! The board keeps up with the record deal by deal and says what a look at everything says: after every mail, act and
//! erasure, and when nothing but time went by. Events name the deals that they bear on.

use endorsed::answer::{ActRequest, Context, Event, ReportWanted, Request, Response, Wanted};
use endorsed::daemon::{Board, Desk, answer_from};
use endorsed::edge::store::Batch;
use endorsed::gate::Freshness;
use endorsed::model::{Digest, OpportunityId, Outcome, Reason};
use endorsed::record::{Act, Decision, Deed, Entry, Reviewed};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::http_view::{desk, mails, opportunities, take};

fn context(desk: &Desk, now: Timestamp) -> Context<'_> {
    Context { freshness: Freshness::Fresh, now, gates: &desk.gates, terms: &desk.terms, clocks: &desk.clocks }
}

/// The board without the moment at which a gate was asked.
fn shown(board: &Board, desk: &Desk, now: Timestamp) -> Value {
    let Response::Board(answer) = board.answer(&desk.engine.store, context(desk, now)) else { panic!() };
    assert_eq!(answer.read, answer.size);
    let mut value = serde_json::to_value(answer).unwrap();
    for row in value["blocked"]["rows"].as_array_mut().unwrap() {
        row["gate"].as_object_mut().unwrap().remove("as_of");
    }
    value
}

fn compare(board: &Board, desk: &Desk, now: Timestamp) -> Value {
    let kept = shown(board, desk, now);
    assert_eq!(kept, shown(&Board::default(), desk, now));
    kept
}

/// What the desk answers from its board, and what a look at everything answers.
fn compare_with_record(desk: &Desk) {
    let wanted = [
        Request::Queue { after: None, limit: None },
        Request::Report(ReportWanted::Inflation),
        Request::Report(ReportWanted::Metrics { from: None, to: None }),
    ];
    for request in wanted {
        let slow =
            answer_from(&desk.engine.store, &desk.gates, &desk.terms, Freshness::Fresh, request.clone());
        match (desk.answer(request), slow) {
            (Response::Queue { items }, Response::Queue { items: slow }) => assert_eq!(items, slow),
            (Response::Tables { tables, .. }, Response::Tables { tables: slow, .. }) => {
                assert_eq!(tables, slow);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_board_says_what_a_look_at_everything_says() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (board, start) = (Board::default(), Timestamp::now());
    for (step, some) in mails().chunks(15).enumerate() {
        take(&desk, some);
        runtime.block_on(desk.engine.consider_waiting()).unwrap();
        compare(&board, &desk, start);
        compare_with_record(&desk);
        let opportunity = opportunities(&desk)[step % 5].clone();
        let (to, by) = ("commercial_review".to_owned(), "crm".to_owned());
        let order = endorsed::answer::GateOrder {
            opportunity: opportunity.clone(),
            to,
            by,
            record: true,
            receipt: false,
        };
        assert!(matches!(desk.answer(Request::Official(order)), Response::Official { .. }));
        compare(&board, &desk, start);
        let what = match step % 2 {
            0 => Wanted::Amount { opportunity, amount: 5_000_000 },
            _ => Wanted::Erase { what: opportunity.to_string() },
        };
        let act = ActRequest { by: "ana@desk.example".into(), reason: "why".into(), what };
        assert!(matches!(desk.answer(Request::Act(act)), Response::Done { .. }));
        compare(&board, &desk, start);
        compare_with_record(&desk);
    }
    let verified = |value: &Value| value["verified"]["total"].as_u64().unwrap();
    let last = Timestamp::now();
    assert!(verified(&compare(&board, &desk, last)) > 0, "nothing to grow old");
    // Nothing is recorded; a yes is too old after ninety days, and conditions are overdue.
    for days in [1, 30, 91, 400] {
        compare(&board, &desk, last + SignedDuration::from_hours(24 * days));
    }
    let late = compare(&board, &desk, last + SignedDuration::from_hours(24 * 400));
    assert_eq!(verified(&late), 0, "{late}");
}

#[test]
fn pages_of_what_waits_are_the_whole_list() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    take(&desk, &mails());
    runtime.block_on(desk.engine.consider_waiting()).unwrap();
    let ask = |after, limit| match desk.answer(Request::Queue { after, limit }) {
        Response::Queue { items } => items,
        other => panic!("{other:?}"),
    };
    let all = ask(None, None);
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = ask(after, Some(1));
        let Some(last) = page.last() else { break };
        after = Digest::from_hex(&last.message.sha256);
        pages.extend(page);
    }
    assert!(all.len() > 1, "{}", all.len());
    assert_eq!(pages, all);
}

fn newest(desk: &Desk) -> Event {
    match desk.answer(Request::Events { after: desk.engine.store.size() - 1, limit: 10 }) {
        Response::Events { mut events, .. } => events.pop().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn record(desk: &Desk, entry: Entry) {
    desk.engine.store.append(Batch { entries: vec![entry], ..Batch::default() }).unwrap();
}

#[test]
fn events_name_the_deals_that_they_bear_on() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    take(&desk, &mails());
    runtime.block_on(desk.engine.consider_waiting()).unwrap();
    let store = &desk.engine.store;
    let all: Vec<Outcome> = opportunities(&desk)
        .iter()
        .flat_map(|id| store.of_opportunity(id).unwrap())
        .filter_map(|copy| store.outcome(&copy).unwrap())
        .collect();
    let declared =
        all.iter().find(|o| o.declaration.as_ref().is_some_and(|d| !d.champions.is_empty())).unwrap();
    let deal: OpportunityId = declared.opportunity.clone().unwrap();
    // A decision, and its undo, whose subject is the mail alone.
    let act = |deed| Act { at: Timestamp::now(), by: "ana@desk.example".into(), reason: "why".into(), deed };
    let message = Reviewed::now(declared, std::slice::from_ref(declared));
    let decide = act(Deed::Decide { message, opportunity: Some(deal.clone()), decision: Decision::Reject });
    let undo = act(Deed::Undo { act: decide.id(), subjects: decide.subjects() });
    for act in [decide, undo] {
        record(&desk, Entry::Act(Box::new(act)));
        let event = newest(&desk);
        assert_eq!(event.opportunity.as_ref(), Some(&deal), "{event:?}");
        assert!(event.opportunities.contains(&deal));
    }
    // A "no" of the champion that names no deal freezes all of theirs.
    let champion = declared.declaration.as_ref().unwrap().champions[0].clone();
    let mut stray = Outcome { opportunity: None, message_id: None, declaration: None, ..declared.clone() };
    (stray.sha256, stray.identity) = (Digest::of(b"stray"), Digest::of(b"stray too"));
    (stray.parents, stray.answers, stray.answers_identity) = (Vec::new(), None, None);
    stray.from = Some(champion);
    stray.reasons.push(Reason::new("stray_objection", "It names no deal."));
    record(&desk, Entry::Considered(Box::new(stray)));
    let event = newest(&desk);
    assert!(event.opportunities.contains(&deal), "{event:?}");
    assert!(event.opportunity.is_some());
}
