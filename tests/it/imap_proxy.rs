//! The IMAP source against a real Dovecot behind a network that misbehaves.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use endorsed::edge::imap::{self, Settings, Tls};

use crate::dovecot::Dovecot;
use crate::proxy::{Fault, Proxy};
use crate::source_contract::{Running, Sink, message};

const SOON: Duration = Duration::from_secs(20);

fn behind(proxy: &Proxy, server: &Dovecot) -> Settings {
    let mut settings = server.settings(Tls::Implicit);
    settings.port = proxy.port;
    settings
}

fn run(settings: &Settings, sink: &Sink) -> Running {
    Running::start(|stop| imap::watch(settings.clone(), sink.cursor(), sink.intake.clone(), stop))
}

fn large(n: usize) -> Vec<u8> {
    let mut raw = message(n);
    raw.extend(format!("{}\r\n", "x".repeat(76)).repeat(60).into_bytes());
    raw
}

#[tokio::test]
async fn an_outage_is_waited_out_with_few_connections() {
    let (server, sink) = (Dovecot::start(), Sink::new());
    let proxy = Proxy::start(server.imaps);
    let running = run(&behind(&proxy, &server), &sink);
    sink.wait_for_first_cycle().await;
    proxy.set(Fault::Refuse);
    let before = proxy.connections();
    server.deliver(&message(0));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let tries = proxy.connections() - before;
    assert!((1..=30).contains(&tries), "{tries} connections in 3 s with steps from 50 to 400 ms");
    assert_eq!(sink.len(), 0);
    proxy.set(Fault::Pass);
    sink.wait_for(1, SOON).await;
    running.stop().await;
}

#[tokio::test]
async fn a_flow_that_was_dropped_silently_is_replaced() {
    let (server, sink) = (Dovecot::start(), Sink::new());
    let proxy = Proxy::start(server.imaps);
    let mut settings = behind(&proxy, &server);
    settings.timings.idle_renew = Duration::from_millis(500);
    settings.timings.done = Duration::from_secs(1);
    let running = run(&settings, &sink);
    sink.wait_for_first_cycle().await;
    // A firewall that forgot the flow: neither side hears of it.
    proxy.set(Fault::Freeze);
    server.deliver(&message(0));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(sink.len(), 0);
    // The flow stays dead, new ones work.
    proxy.kick();
    proxy.set(Fault::Pass);
    sink.wait_for(1, SOON).await;
    running.stop().await;
}

#[tokio::test]
async fn a_slow_line_that_is_cut_again_and_again_makes_progress() {
    const CUT: u64 = 45_000;
    let (server, sink) = (Dovecot::start(), Sink::new());
    (0..100).for_each(|n| drop(server.deliver(&large(n))));
    let proxy = Proxy::start(server.imaps);
    proxy.set(Fault::CutAfter(CUT));
    let running = run(&behind(&proxy, &server), &sink);
    let start = Instant::now();
    let (mut cuts, mut last) = (0, 0);
    while sink.len() < 100 {
        assert!(start.elapsed() < SOON * 2, "{} of 100 after {cuts} cuts", sink.len());
        // A tenth of what a batch would bring, and the line ends.
        if cuts < 8 {
            proxy.set(Fault::CutAfter(CUT));
            cuts += 1;
        } else {
            proxy.set(Fault::Slow(200_000));
        }
        let connections = proxy.connections();
        while cuts < 8 && proxy.connections() == connections && sink.len() < 100 {
            assert!(start.elapsed() < SOON * 2, "no new connection");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Whatever passes before the next cut is set passes freely.
        tokio::time::sleep(Duration::from_millis(if cuts < 8 { 1 } else { 100 })).await;
        assert!(sink.len() >= last, "never backwards");
        last = sink.len();
    }
    running.stop().await;
    let all: BTreeSet<_> = (0..100).map(large).collect();
    let (missing, foreign) = (all.difference(&sink.bodies()).count(), sink.bodies().difference(&all).count());
    assert_eq!((missing, foreign, cuts >= 5), (0, 0, true), "of 100");
    assert_eq!(sink.len(), 100, "what was complete before a cut is not fetched again");
}

#[tokio::test]
async fn late_answers_lose_nothing() {
    let (server, sink) = (Dovecot::start(), Sink::new());
    let proxy = Proxy::start(server.imaps);
    proxy.set(Fault::Delay(Duration::from_millis(40)));
    (0..10).for_each(|n| drop(server.deliver(&message(n))));
    let running = run(&behind(&proxy, &server), &sink);
    sink.wait_for(10, SOON).await;
    server.deliver(&message(10));
    sink.wait_for(11, SOON).await;
    running.stop().await;
    assert_eq!((sink.len(), sink.bodies()), (11, (0..11).map(message).collect()));
}
