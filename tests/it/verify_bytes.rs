//! The law of the byte: no single changed byte of any signed fixture ever gives an endorsement with other words or for
//! another declaration, and none makes a hostile mail count.
//!
//! Every run tries a seeded sample. All bytes of all mails, an hour or two of work:
//!
//! ```text
//! EVERY_BYTE=all cargo test --release --test it verify_bytes
//! ```
//!
//! `EVERY_BYTE=07` takes only the conversations whose names begin so.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread::available_parallelism;

use endorsed::model::{Digest, MessageId, Outcome, Witnessed};
use endorsed::parse::parse;

use crate::conversations::{Bench, Raw, mails_of};
use crate::fixtures_make::{Facts, conversations, manifest, root};

/// Changed bytes tried in each mail without the switch.
const SAMPLE: usize = 8;

/// What is endorsed: for which declaration, which criteria, in which words.
type Endorsed = (Option<MessageId>, Option<Digest>, Vec<String>);

fn endorsed(outcome: &Outcome) -> Endorsed {
    let words = outcome.fresh_text.split_whitespace().map(str::to_owned).collect();
    (outcome.answers.clone(), outcome.criteria_digest, words)
}

/// A conversation, in whose mails bytes are changed.
struct Job {
    name: String,
    mails: Vec<Raw>,
    /// Mails from this one on are changed.
    from: usize,
    /// What may be endorsed whatever byte is changed.
    known: Vec<Endorsed>,
}

/// Conversations that end in an endorsement, and each hostile mail in the conversation that it attacks.
fn jobs() -> Vec<Job> {
    let bench = Bench::get();
    let all: BTreeMap<String, Facts> = conversations().into_iter().collect();
    let known = |mails: &[Raw]| {
        let judged = bench.judge(mails);
        judged.iter().filter(|(_, o)| o.endorsed).map(|(_, o)| endorsed(o)).collect::<Vec<_>>()
    };
    let mut jobs = Vec::new();
    for (name, facts) in &all {
        let mails = mails_of(name, facts);
        let known = known(&mails);
        if !known.is_empty() {
            jobs.push(Job { name: name.clone(), mails, from: 0, known });
        }
    }
    for hostile in manifest().mail.iter().filter(|h| !h.file.contains('#')) {
        let folder = hostile.answers.split('/').next().unwrap();
        let mut mails = mails_of(folder, &all[folder]);
        let from = mails.len();
        let known = known(&mails);
        mails
            .push((hostile.file.clone(), std::fs::read(root().join("hostile").join(&hostile.file)).unwrap()));
        jobs.push(Job { name: hostile.file.clone(), mails, from, known });
    }
    jobs
}

/// What a byte is changed to: one bit, the other case, and signs that have a meaning of their own.
fn changes(byte: u8) -> [u8; 4] {
    [byte ^ 1, byte ^ 32, b'\n', b':']
}

/// Puts another byte in one place of one mail and considers the whole conversation. When the mail was seen is for the
/// clock to say, not for its bytes.
fn try_byte(job: &Job, others: &[Vec<(String, Witnessed)>], mail: usize, place: usize, byte: u8) {
    let bench = Bench::get();
    let mut raw = job.mails[mail].clone();
    let arrived = parse(&raw.1).own_time().unwrap();
    raw.1[place] = byte;
    let mut mails: Vec<(String, Witnessed)> = Vec::new();
    for (n, witnessed) in others.iter().enumerate() {
        if n == mail {
            mails.extend(bench.witness_by(&raw, |_| arrived))
        } else {
            mails.extend(witnessed.iter().cloned())
        }
    }
    for (label, outcome) in bench.consider(mails).iter().filter(|(_, o)| o.endorsed) {
        assert!(
            job.known.contains(&endorsed(outcome)),
            "{}, byte {place} of {} to {byte:#04x}: {label} is endorsed: {outcome:#?}",
            job.name,
            job.mails[mail].0
        );
    }
}

fn work(job: &Job, every: bool) -> usize {
    let others: Vec<_> = job.mails.iter().map(|mail| Bench::get().witness(mail)).collect();
    let mut seed = job.name.bytes().fold(7_usize, |seed, b| seed.wrapping_mul(31) + usize::from(b));
    let mut tried = 0;
    for mail in job.from..job.mails.len() {
        let raw = &job.mails[mail].1;
        if every {
            for (place, byte) in raw.iter().enumerate() {
                for change in changes(*byte).into_iter().filter(|c| c != byte) {
                    try_byte(job, &others, mail, place, change);
                    tried += 1;
                }
            }
        } else {
            for n in 0..SAMPLE {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let place = (seed >> 33) % raw.len();
                try_byte(job, &others, mail, place, changes(raw[place])[n % 4]);
                tried += 1;
            }
        }
    }
    tried
}

#[test]
fn no_changed_byte_of_a_fixture_is_endorsed_otherwise() {
    let switch = std::env::var("EVERY_BYTE").ok();
    let chosen = |job: &Job| match switch.as_deref() {
        None | Some("all") => true,
        Some(prefix) => job.name.starts_with(prefix),
    };
    let jobs: Mutex<Vec<Job>> = Mutex::new(jobs().into_iter().filter(chosen).collect());
    let tried = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(job) = jobs.lock().unwrap().pop() else { return };
                    let start = std::time::Instant::now();
                    let done = work(&job, switch.is_some());
                    if switch.is_some() {
                        println!("{}: {done} changes in {:.0?}", job.name, start.elapsed());
                    }
                    *tried.lock().unwrap() += done;
                }
            });
        }
    });
    let tried = *tried.lock().unwrap();
    assert!(tried > 250, "only {tried} changes were tried");
}

/// Fields that no signature covers say how the body is read: without them, or with others, words that nobody could see
/// must not be read as typed.
#[test]
fn no_unsigned_field_shows_words_that_were_hidden() {
    let job = jobs().into_iter().find(|job| job.name == "06-hidden-yes.eml").unwrap();
    let mail = job.mails.len() - 1;
    let raw = String::from_utf8(job.mails[mail].1.clone()).unwrap();
    let kind = "Content-Type: text/html; charset=\"UTF-8\"\n";
    let encoding = "Content-Transfer-Encoding: quoted-printable\n";
    let both = format!("{kind}{encoding}");
    let edits = [
        (kind, ""),
        (kind, "Content-Type: text/plain; charset=UTF-8\n"),
        (kind, "Content-Type: text/enriched\n"),
        (encoding, ""),
        (encoding, "Content-Transfer-Encoding: 8bit\n"),
        (encoding, "Content-Transfer-Encoding: binary\n"),
        (encoding, "Content-Transfer-Encoding: x-unknown\n"),
        (&both, ""),
        (kind, "Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n"),
    ];
    for (field, put) in edits {
        assert!(raw.contains(field), "the mail has no {field:?}");
        let mut mails = job.mails.clone();
        mails[mail].1 = raw.replace(field, put).into_bytes();
        let mut checked = 0;
        for (label, outcome) in Bench::get().judge(&mails).iter().filter(|(label, _)| *label == mails[mail].0)
        {
            assert!(!outcome.endorsed, "{field:?} to {put:?}: {label} is endorsed: {outcome:#?}");
            checked += 1;
        }
        assert!(checked > 0, "{field:?} to {put:?}: no outcome");
    }
}
