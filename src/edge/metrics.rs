//! Counts what this process did, in the text format that Prometheus reads (exposition format 0.0.4).
//!
//! One set of tallies for the process: a counter is a fact about a process by definition, and a place that counts should not
//! need to be handed anything. No label ever holds an address, an opportunity or a Message-ID.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Upper ends of the histograms' buckets, in seconds: from one fdatasync of a good disk to a mail that waited for a day.
const BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0, 3_600.0, 86_400.0];
/// Most series of one counter: a label that runs wild must not eat the memory.
const SERIES_MAX: usize = 2_000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// Connections to a mail server that ended, by mailbox and reason.
    Reconnects,
    /// IDLE rounds, by mailbox and how they ended.
    IdleRounds,
    /// Messages that were new, by mailbox.
    Ingested,
    /// Messages that were on record already, by mailbox.
    Duplicates,
    /// Messages on record that left their mailbox, by mailbox.
    Gone,
    /// Verdicts, by word and rule.
    Verdicts,
    /// What was found out about authors, by check and result.
    AuthResults,
    /// Access tokens asked for, by result.
    OAuthRefresh,
    /// Letters that left, by rule.
    PromptsSent,
    /// Letters that were written and did not leave, by reason.
    PromptsSuppressed,
    /// Gate answers, by answer.
    GateRequests,
}

impl Counter {
    const ALL: [Self; 11] = [
        Self::Reconnects,
        Self::IdleRounds,
        Self::Ingested,
        Self::Duplicates,
        Self::Gone,
        Self::Verdicts,
        Self::AuthResults,
        Self::OAuthRefresh,
        Self::PromptsSent,
        Self::PromptsSuppressed,
        Self::GateRequests,
    ];

    /// Name, help and labels.
    fn about(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            Self::Reconnects => (
                "endorsed_imap_reconnects_total",
                "Connections to a mail server that ended otherwise than by our stop.",
                &["mailbox", "reason"],
            ),
            Self::IdleRounds => {
                ("endorsed_imap_idle_rounds_total", "IDLE rounds by how they ended.", &["mailbox", "end"])
            }
            Self::Ingested => {
                ("endorsed_messages_ingested_total", "Messages that were new and are durable.", &["mailbox"])
            }
            Self::Duplicates => {
                ("endorsed_messages_duplicate_total", "Messages that were on record already.", &["mailbox"])
            }
            Self::Gone => (
                "endorsed_mailbox_gone_total",
                "Messages on record that the server lists no more.",
                &["mailbox"],
            ),
            Self::Verdicts => {
                ("endorsed_verdicts_total", "Verdicts, new or changed, by rule.", &["verdict", "rule"])
            }
            Self::AuthResults => {
                ("endorsed_auth_results_total", "What was found out about authors.", &["check", "result"])
            }
            Self::OAuthRefresh => {
                ("endorsed_oauth_refresh_total", "Access tokens asked for, by result.", &["result"])
            }
            Self::PromptsSent => ("endorsed_prompts_sent_total", "Letters that left.", &["step"]),
            Self::PromptsSuppressed => (
                "endorsed_prompts_suppressed_total",
                "Letters that were written and did not leave.",
                &["reason"],
            ),
            Self::GateRequests => ("endorsed_gate_requests_total", "Gate answers.", &["answer"]),
        }
    }
}

/// What is measured, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// One durable commit of the store.
    StoreFlush,
    /// From the receiving server's Received date of a message to its durable commit.
    IngestLatency,
}

impl Timer {
    const ALL: [Self; 2] = [Self::StoreFlush, Self::IngestLatency];

    fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::StoreFlush => ("endorsed_store_flush_seconds", "Time of one durable commit."),
            Self::IngestLatency => (
                "endorsed_ingest_latency_seconds",
                "From the newest Received date of a message to its durable commit.",
            ),
        }
    }
}

#[derive(Debug, Default)]
struct Tallies {
    counters: BTreeMap<Counter, BTreeMap<Vec<String>, u64>>,
    timers: BTreeMap<Timer, Histogram>,
}

#[derive(Debug, Default)]
struct Histogram {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

static TALLIES: LazyLock<Mutex<Tallies>> = LazyLock::new(Mutex::default);

fn tallies() -> MutexGuard<'static, Tallies> {
    // Valid whatever a panicking thread did: each change is one addition.
    TALLIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts one event; `labels` in the order of the counter.
pub fn count(counter: Counter, labels: &[&str]) {
    count_by(counter, labels, 1);
}

/// Counts `by` events.
pub fn count_by(counter: Counter, labels: &[&str], by: u64) {
    let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
    let mut tallies = tallies();
    let series = tallies.counters.entry(counter).or_default();
    if series.len() < SERIES_MAX || series.contains_key(&labels) {
        *series.entry(labels).or_default() += by;
    }
}

/// Notes how long something took.
pub fn observe(timer: Timer, time: Duration) {
    let seconds = time.as_secs_f64();
    let mut tallies = tallies();
    let histogram = tallies.timers.entry(timer).or_default();
    histogram.count += 1;
    histogram.sum += seconds;
    // Cumulative, as the format wants them.
    let fitting = histogram.buckets.iter_mut().zip(BUCKETS).filter(|(_, end)| seconds <= *end);
    fitting.for_each(|(bucket, _)| *bucket += 1);
}

/// A page of metrics: gauges are put on it, counters are already there.
#[derive(Debug)]
pub struct Sheet(String);

impl Default for Sheet {
    fn default() -> Self {
        Self::new()
    }
}

impl Sheet {
    /// A page with every counter and histogram as they are now.
    pub fn new() -> Self {
        let mut sheet = Self(String::new());
        sheet.gauge(
            "endorsed_build_info",
            "The program.",
            &["version"],
            [(vec![env!("CARGO_PKG_VERSION").to_owned()], 1.0)],
        );
        let tallies = tallies();
        for counter in Counter::ALL {
            let (name, help, labels) = counter.about();
            sheet.head(name, help, "counter");
            for (values, count) in tallies.counters.get(&counter).into_iter().flatten() {
                sheet.line(name, labels, values, &count.to_string());
            }
        }
        for timer in Timer::ALL {
            let (name, help) = timer.about();
            sheet.head(name, help, "histogram");
            let none = Histogram::default();
            let histogram = tallies.timers.get(&timer).unwrap_or(&none);
            let bucket = format!("{name}_bucket");
            for (end, count) in BUCKETS.iter().zip(histogram.buckets) {
                sheet.line(&bucket, &["le"], &[end.to_string()], &count.to_string());
            }
            sheet.line(&bucket, &["le"], &["+Inf".to_owned()], &histogram.count.to_string());
            sheet.line(&format!("{name}_sum"), &[], &[], &histogram.sum.to_string());
            sheet.line(&format!("{name}_count"), &[], &[], &histogram.count.to_string());
        }
        sheet
    }

    /// Adds a gauge.
    pub fn gauge(
        &mut self,
        name: &str,
        help: &str,
        labels: &[&str],
        series: impl IntoIterator<Item = (Vec<String>, f64)>,
    ) {
        self.head(name, help, "gauge");
        for (values, value) in series {
            self.line(name, labels, &values, &value.to_string());
        }
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[&str], values: &[String], value: &str) {
        let pairs: Vec<String> = labels
            .iter()
            .zip(values)
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        let braces = if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
        let _ = writeln!(self.0, "{name}{braces} {value}");
    }
}

/// A label's value as the format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_in_the_format() {
        count_by(Counter::Ingested, &["a \"b\"\\c\nd"], 3);
        observe(Timer::StoreFlush, Duration::from_millis(3));
        let mut sheet = Sheet::new();
        sheet.gauge("endorsed_x", "X.", &[], [(Vec::new(), 2.0)]);
        let text = sheet.into_text();
        assert!(
            text.contains("endorsed_messages_ingested_total{mailbox=\"a \\\"b\\\"\\\\c\\nd\"} 3\n"),
            "{text}"
        );
        assert!(text.contains("# TYPE endorsed_store_flush_seconds histogram\n"), "{text}");
        assert!(text.ends_with("# TYPE endorsed_x gauge\nendorsed_x 2\n"), "{text}");
        let bucket = |end: &str| {
            let start = format!("endorsed_store_flush_seconds_bucket{{le=\"{end}\"}} ");
            let line = text.lines().find_map(|line| line.strip_prefix(&start)).unwrap();
            line.parse::<u64>().unwrap()
        };
        assert!(bucket("0.0025") < bucket("0.005") && bucket("0.005") <= bucket("+Inf"), "{text}");
    }

    #[test]
    fn a_label_that_runs_wild_is_bounded() {
        (0..SERIES_MAX + 10).for_each(|n| count(Counter::GateRequests, &[&n.to_string()]));
        assert!(tallies().counters.get(&Counter::GateRequests).unwrap().len() <= SERIES_MAX);
    }
}
