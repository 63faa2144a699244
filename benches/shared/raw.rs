//! The way into the store alone: an IMAP source in this process whose batches are made durable and not judged. That is what
//! can be compared with a tool that only copies mail.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use endorsed::config::load_rules;
use endorsed::daemon::{Engine, SeenAt};
use endorsed::edge::dns::Resolver;
use endorsed::edge::imap::{self, Tls};
use endorsed::edge::source::{Intake, Known, Progress};
use endorsed::edge::store::{OpenOptions, Store};
use endorsed::model::{Address, Policy, Seller};
use tokio::sync::watch;

use super::Pace;
use super::dovecot::Dovecot;

/// Fetches and stores the whole mailbox.
pub fn raw(server: &Dovecot, count: usize) -> Pace {
    let folder = tempfile::tempdir().unwrap();
    let engine = Arc::new(engine(folder.path()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let settings = imap::Settings { timings: imap::Timings::default(), ..server.settings(Tls::Implicit) };
    let (start, cpu) = (Instant::now(), cpu_seconds());
    runtime.block_on(async {
        let (intake, mut deliveries) = Intake::new(Arc::new(Progress::default()));
        let (stop, stopped) = watch::channel(false);
        let source = tokio::spawn(imap::watch(settings, Known::from(None), intake, stopped));
        let mut stored = 0;
        while stored < count {
            let delivery = deliveries.recv().await.unwrap();
            stored += delivery.batch.len();
            let engine = Arc::clone(&engine);
            let take = move || engine.take(delivery.batch, SeenAt::Clock).map(drop);
            tokio::task::spawn_blocking(take).await.unwrap().unwrap();
            delivery.done.send(Ok(())).unwrap();
        }
        stop.send(true).unwrap();
        source.await.unwrap().unwrap();
    });
    Pace::of(count, start.elapsed().as_secs_f64(), cpu_seconds() - cpu)
}

fn engine(folder: &Path) -> Engine {
    let store = Store::open(folder, OpenOptions { create: true, ..OpenOptions::default() }).unwrap();
    let seller = Seller {
        domains: vec!["northwind-labs.example".into(), "vendor.example".into()],
        names: vec!["Cascade".into()],
        evidence: Address::new("evidence@northwind-labs.example").unwrap(),
    };
    let resolver = Resolver::from_json("none", "{}").unwrap();
    Engine::new(store, load_rules(None).unwrap(), Policy::of(seller), resolver)
}

/// CPU time of this process in seconds (proc(5), stat: hundredths).
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks = text.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    ticks.map(|t| t.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}
