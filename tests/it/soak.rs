//! Chaos, seeded and bounded: everything that can go wrong with a mailbox goes wrong while mail comes in. In the end the
//! record holds exactly what was delivered, each message once in its place, and nobody is endorsed who should not be.
//!
//! `ENDORSED_SOAK_SECONDS=600 tests/run soak`; the suite runs a short share. `ENDORSED_SOAK_SEED` repeats a run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use endorsed::edge::store::{OpenOptions, Store};
use endorsed::model::Digest;
use endorsed::record::{Entry, Place};

use crate::dovecot::{Dovecot, USER};
use crate::home::{Home, PATIENCE, Running};
use crate::imap_oauth::Issuer;
use crate::letters::BUYER;
use crate::proxy::{Fault, Proxy};
use crate::source_contract::message;

/// Time of faults when nobody says otherwise.
const SECONDS: u64 = 15;
/// Messages a second, until there are 2,000.
const RATE: f64 = 20.0;
const MESSAGES_MAX: usize = 2_000;

/// xorshift64*: the same faults for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// What happens once, at a share of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Kill,
    Expire,
    Epoch,
}

const EVENTS: [(f64, Event); 5] = [
    (0.20, Event::Kill),
    (0.35, Event::Expire),
    (0.45, Event::Kill),
    (0.60, Event::Epoch),
    (0.75, Event::Kill),
];

struct Soak<'a> {
    server: &'a Dovecot,
    proxy: &'a Proxy,
    home: &'a Home,
    daemon: Option<Running>,
    random: Random,
    faults: BTreeMap<&'static str, usize>,
}

impl Soak<'_> {
    /// A signal to the daemon: what the operator does when the network is back.
    fn poll_now(&self) {
        let id = self.daemon.as_ref().unwrap().0.id().to_string();
        let _ = std::process::Command::new("kill").args(["-USR1", &id]).status();
    }

    fn fault(&mut self) {
        let (name, fault) = match self.random.below(7) {
            0 => ("cut", Fault::CutAfter(self.random.below(20_000))),
            1 => ("freeze", Fault::Freeze),
            2 => ("delay", Fault::Delay(Duration::from_millis(5 + self.random.below(60)))),
            3 => ("slow", Fault::Slow(20_000 + self.random.below(200_000))),
            4 => ("refuse", Fault::Refuse),
            5 => {
                self.server.kick();
                ("kick", Fault::Pass)
            }
            _ => ("pass", Fault::Pass),
        };
        *self.faults.entry(name).or_default() += 1;
        self.proxy.set(fault);
        std::thread::sleep(Duration::from_millis(50 + self.random.below(400)));
        if fault == Fault::Freeze && self.random.below(2) == 0 {
            // The flow is gone for good; a new one works.
            self.proxy.kick();
        }
        self.proxy.set(Fault::Pass);
        self.poll_now();
    }

    fn happen(&mut self, event: Event, tokens: &Issuer) {
        match event {
            Event::Kill => {
                self.daemon.take().unwrap().kill();
                self.daemon = Some(self.home.start());
            }
            Event::Expire => {
                tokens.revoke_all();
                self.server.kick();
            }
            Event::Epoch => {
                self.server.doveadm(&["mailbox", "update", "-u", USER, "--uid-validity", "77777", "INBOX"]);
            }
        }
    }

    /// Waits until the daemon has read the whole folder after this moment, and considered it.
    fn settle(&self) {
        // A line that broke again and again at one message has it set aside, with an alarm. It is tried again after half a
        // minute by itself; here as by a person who has seen the alarm.
        let aside = self.home.ask(&["quarantine", "list"]);
        println!("set aside when the faults end: {}", String::from_utf8_lossy(&aside.stdout));
        self.home.ask(&["quarantine", "retry"]);
        let (begun, start) = (jiff::Timestamp::now().as_second(), Instant::now());
        loop {
            self.poll_now();
            let page = self.home.get_text("/metrics").1;
            let value = |name: &str| {
                let line = page.lines().find(|line| line.starts_with(name) && !line.starts_with('#'));
                line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or(-1.0)
            };
            let whole = value("endorsed_imap_last_success_timestamp_seconds") > begun as f64 + 1.0;
            if whole && value("endorsed_imap_lag_uids") == 0.0 && value("endorsed_messages_waiting") == 0.0 {
                return;
            }
            assert!(start.elapsed() < PATIENCE * 2, "{page}\n{}", self.home.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Someone else's words in the champion's name, without her signature.
fn unsigned_yes(n: usize) -> Vec<u8> {
    format!(
        "From: Dana Ruiz <dana@{BUYER}>\r\nTo: evidence+OPP-70099@northwind-labs.example\r\n\
         Subject: Re: Cascade evaluation at Larkspur Bank: readout\r\nMessage-ID: <yes-{n}@{BUYER}>\r\n\
         In-Reply-To: <{}>\r\n\r\nYes, we confirm that all criteria are met and recommend Cascade. ({n})\r\n",
        crate::letters::Letters::declared("OPP-70099")
    )
    .into_bytes()
}

#[test]
fn nothing_is_lost_doubled_or_falsely_endorsed_in_chaos() {
    let seconds = from_environment("ENDORSED_SOAK_SECONDS", SECONDS);
    let seed = from_environment("ENDORSED_SOAK_SEED", 20_261_122);
    let total = ((seconds as f64 * RATE) as usize).min(MESSAGES_MAX);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (tokens, address) = runtime.block_on(Issuer::start());
    let server = Dovecot::start_asking("", Some(&format!("{address}/introspect")));
    let proxy = Proxy::start(server.imaps);
    let home = Home::imap_with_tokens(&server, proxy.port, &format!("{address}/token"));
    let mut mails = vec![
        home.letters.declaration("OPP-70098"),
        home.letters.reply("OPP-70098", 1, "Yes, confirmed. All three criteria are met."),
        home.letters.declaration("OPP-70099"),
    ];
    mails.extend((mails.len()..total).map(|n| if n % 5 == 0 { unsigned_yes(n) } else { message(n) }));
    let delivered: BTreeSet<Digest> = mails.iter().map(|raw| Digest::of(raw)).collect();
    assert_eq!(delivered.len(), total);
    let mut soak = Soak {
        server: &server,
        proxy: &proxy,
        home: &home,
        daemon: Some(home.start()),
        random: Random(seed | 1),
        faults: BTreeMap::new(),
    };
    let (start, end) = (Instant::now(), Duration::from_secs(seconds));
    let (mut mails, mut events) = (mails.iter().enumerate().peekable(), EVENTS.iter().peekable());
    while start.elapsed() < end || mails.peek().is_some() {
        let share = start.elapsed().as_secs_f64() / end.as_secs_f64();
        while let Some((_, raw)) = mails.next_if(|(n, _)| *n as f64 <= share * total as f64) {
            server.deliver(raw);
        }
        while let Some((_, event)) = events.next_if(|(at, _)| *at <= share) {
            soak.happen(*event, &tokens);
        }
        soak.fault();
    }
    proxy.set(Fault::Pass);
    soak.settle();
    println!(
        "seed {seed}, {seconds} s, {total} messages, {} connections, {:?}",
        proxy.connections(),
        soak.faults
    );
    assert_eq!(home.gate("OPP-70098"), 0, "the signed yes counts: {}", home.shown("OPP-70098"));
    assert_eq!(home.gate("OPP-70099"), 1, "the unsigned ones do not: {}", home.shown("OPP-70099"));
    assert_eq!(soak.daemon.take().unwrap().stop(), Some(0), "{}", home.log());
    assert!(events.peek().is_none(), "three kills, one expiry, one new epoch");

    let store = Store::open(&home.store(), OpenOptions::default()).unwrap();
    let (mut seen, mut places, mut endorsed) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
    for entry in store.entries(0..store.size()).unwrap() {
        match entry {
            Entry::Seen(copy) if matches!(copy.place, Place::Imap { .. }) => {
                seen.insert(copy.sha256);
                *places.entry(copy.place).or_insert(0) += 1;
            }
            Entry::Considered(outcome) if outcome.endorsed => {
                endorsed.extend(outcome.opportunity);
            }
            _ => {}
        }
    }
    assert_eq!(seen.difference(&delivered).count(), 0, "nothing that was never sent");
    let lost: Vec<_> = delivered.difference(&seen).collect();
    assert!(lost.is_empty(), "{lost:?} lost; set aside: {:?}\n{}", store.set_aside().unwrap(), home.log());
    assert!(places.values().all(|n| *n == 1), "nothing is read twice at its place");
    let endorsed: Vec<String> = endorsed.iter().map(ToString::to_string).collect();
    assert_eq!(endorsed, ["OPP-70098"], "never once, not even for a moment");
}
