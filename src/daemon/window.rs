//! The auditor's window over the record.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::board::State;
use crate::answer::{
    ActRow, Context, DecisionAnswer, Governance, Head, Response, SAMPLE_MAX, Unavailable, Window,
    WindowAnswer, rank,
};
use crate::edge::store::Store;
use crate::record::{Act, Deed, Entry};

/// Acts that are listed: more than a desk decides in a quarter.
const ACTS_MAX: usize = 500;

/// Answers from what the queue of the day has read. Blocking.
pub(super) fn answer(state: &State, store: &Store, window: Window, context: Context<'_>) -> Response {
    match look(state, store, window, context) {
        Ok(answer) => Response::Window(Box::new(answer)),
        Err(error) => Response::Failed { code: "store_unavailable".into(), text: error.to_string() },
    }
}

fn look(
    state: &State,
    store: &Store,
    mut window: Window,
    context: Context<'_>,
) -> Result<WindowAnswer, Unavailable> {
    let head = |size: u64| -> Result<Head, Unavailable> { Ok(Head { size, root: store.log_root_at(size)? }) };
    let before = window.from.yesterday().unwrap_or(window.from);
    let heads =
        [head(state.size_after(before))?, head(state.size_after(window.to))?, head(store.log_head().0)?];
    let seed = window.seed.take().filter(|seed| !seed.trim().is_empty());
    let [_, end, _] = &heads;
    let seed = seed.unwrap_or_else(|| end.root.to_string().chars().take(12).collect());

    let (mut governed, mut acts, mut acts_left_out) = (Vec::new(), Vec::new(), 0);
    for (_, seq) in state.marks.iter().filter(|(at, _)| is_in(&window, *at)) {
        match store.entries(*seq..*seq + 1)?.pop() {
            Some(Entry::Governed { at, what, digest }) => {
                governed.push(Governance { seq: *seq, at, what: what.as_str().to_owned(), digest });
            }
            Some(Entry::Act(_)) if acts.len() >= ACTS_MAX => acts_left_out += 1,
            Some(Entry::Act(act)) => acts.push(row(*seq, &act)),
            _ => {}
        }
    }
    let in_window: Vec<_> = state
        .deals
        .iter()
        .filter(|(_, deal)| day(deal.brief.first_at) <= window.to && day(deal.brief.at) >= window.from)
        .collect();
    let mut population = std::collections::BTreeMap::new();
    for (_, deal) in &in_window {
        *population.entry(deal.word().to_owned()).or_default() += 1;
    }
    let mut drawn = in_window;
    drawn.sort_by_key(|(id, _)| rank(&seed, id));
    window.sample = window.sample.clamp(1, SAMPLE_MAX);
    let sample = drawn.into_iter().take(window.sample).map(|(_, deal)| deal.brief.as_ref().clone());
    Ok(WindowAnswer {
        as_of: context.now,
        size: store.size(),
        read: state.read,
        heads,
        verifier: store.verifier().to_owned(),
        governed,
        acts,
        acts_left_out,
        population,
        sample: sample.collect(),
        window: Window { seed: Some(seed), ..window },
    })
}

fn is_in(window: &Window, at: Timestamp) -> bool {
    (window.from..=window.to).contains(&day(at))
}

/// The day of a moment (UTC).
pub(super) fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn row(seq: u64, act: &Act) -> ActRow {
    let overrides = matches!(
        act.deed,
        Deed::Decide { .. }
            | Deed::Link { .. }
            | Deed::Champion { .. }
            | Deed::Undo { .. }
            | Deed::Erase { .. }
    );
    ActRow {
        seq,
        act: DecisionAnswer::of(act),
        opportunities: act.opportunities().into_iter().collect(),
        overrides,
    }
}
