//! A simulated year of five hundred deals: people answer or do not, mail bounces, servers refuse, the program dies in the
//! middle of a letter, the clock jumps. What the scheduler promises must hold all the same.

use std::collections::{BTreeMap, BTreeSet};

use endorsed::model::{
    Address, Authorship, Automatic, Binding, Claim, CriteriaSeen, Criterion, Declaration, DeclaredResult,
    Digest, Form, Kind, OpportunityId, Outcome, Seller, Verdict,
};
use endorsed::parse::parse;
use endorsed::prompt::{
    Calendar, Case, People, Person, PromptRules, Record, Schedule, Wanted, schedule, wanted,
};
use endorsed::record::{Command, Order, Posted, Posting, Side, standing};
use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const DEALS: usize = 500;
const CHAMPIONS: usize = 160;

/// A small generator (xorshift64*): the same seed gives the same year.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

fn hours(n: u64) -> SignedDuration {
    SignedDuration::from_hours(n as i64)
}

/// What will happen to a deal, whatever the daemon does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Silent,
    Answers(Verdict),
    Compliment,
    Bounces,
    Held,
    HeldThenResumed,
    ForwardedInline,
    AwayThenSilent,
}

struct Deal {
    id: OpportunityId,
    champion: Address,
    zone: usize,
    people: People,
    fate: Fate,
    declared_at: Timestamp,
    fate_at: Timestamp,
    outcomes: Vec<Outcome>,
    orders: Vec<Order>,
    history: Vec<Posting>,
    /// When the champion answered, or mail to them came back.
    over_at: Option<Timestamp>,
    asked: u32,
}

struct Year {
    dice: Dice,
    rules: PromptRules,
    zones: Vec<Calendar>,
    seller_calendar: Calendar,
    seller: Seller,
    deals: Vec<Deal>,
    sent_to: BTreeMap<Address, Vec<(Digest, Timestamp)>>,
    planned: Vec<Timestamp>,
    serial: u64,
    crashes: u32,
    uncertain: u32,
}

fn address(text: &str) -> Address {
    Address::new(text).unwrap()
}

fn calendar(rules: &PromptRules, zone: &str) -> Calendar {
    let holidays = [date(2026, 12, 25), date(2026, 5, 1), date(2026, 1, 1)];
    Calendar { zone: TimeZone::get(zone).unwrap(), holidays: BTreeSet::from(holidays), ..rules.hours.clone() }
}

fn blank(serial: &mut u64, from: &Address, parent: Option<&str>, at: Timestamp) -> Outcome {
    *serial += 1;
    let reply = parent.map_or(String::new(), |p| format!("In-Reply-To: <{p}>\r\n"));
    let raw =
        format!("From: {from}\r\nMessage-ID: <m{serial}@x.example>\r\n{reply}Subject: s\r\n\r\n{serial}\r\n");
    let mut outcome = Outcome::unread(&parse(raw.as_bytes()), at, Digest::of(b"rules"));
    outcome.date = Some(at);
    outcome
}

impl Year {
    fn new(seed: u64) -> Self {
        let rules = PromptRules::load(include_str!("../../rules/prompts.toml")).unwrap();
        let zones = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC", "Australia/Sydney"];
        let seller = Seller {
            domains: vec!["seller.example".into()],
            names: vec![],
            evidence: address("evidence@seller.example"),
        };
        let mut year = Self {
            dice: Dice(seed),
            zones: zones.iter().map(|zone| calendar(&rules, zone)).collect(),
            seller_calendar: calendar(&rules, "Europe/Berlin"),
            rules,
            seller,
            deals: Vec::new(),
            sent_to: BTreeMap::new(),
            planned: Vec::new(),
            serial: 0,
            crashes: 0,
            uncertain: 0,
        };
        for n in 0..DEALS {
            let deal = year.deal(n);
            year.deals.push(deal);
        }
        year
    }

    fn deal(&mut self, n: usize) -> Deal {
        let start: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
        let declared_at = start.checked_add(hours(self.dice.roll(320 * 24))).unwrap();
        let fate = match self.dice.roll(12) {
            0..=2 => Fate::Silent,
            3 => Fate::Answers(Verdict::Confirmed),
            4 => Fate::Answers(Verdict::Conditional),
            5 => Fate::Answers(Verdict::Deferred),
            6 => Fate::Answers(Verdict::Declined),
            7 => Fate::Compliment,
            8 => Fate::Bounces,
            9 => [Fate::Held, Fate::HeldThenResumed][self.dice.roll(2) as usize],
            10 => Fate::ForwardedInline,
            _ => Fate::AwayThenSilent,
        };
        let fate_at = declared_at.checked_add(hours(1 + self.dice.roll(24 * 12))).unwrap();
        let champion_n = self.dice.roll(CHAMPIONS as u64) as usize;
        let champion = address(&format!("champion{champion_n}@buyer{}.example", champion_n % 40));
        let se = address(&format!("se{}@seller.example", n % 25));
        let ae = address(&format!("ae{}@seller.example", n % 10));
        let person = |a: &Address| Person { name: None, address: a.clone() };
        let people = People {
            se: Some(person(&se)),
            ae: Some(person(&ae)),
            deal_desk: None,
            champions: vec![person(&champion)],
        };
        let id = OpportunityId::new(&format!("OPP-{n}")).unwrap();
        let mut declared = blank(&mut self.serial, &se, None, declared_at);
        let declaration = Declaration {
            form: Form::Request,
            platform: None,
            account: None,
            champions: vec![champion.clone()],
            seller: se,
            ae: None,
            asks: true,
            criteria: vec![Criterion { n: 1, text: "Failover in 30 s".into(), result: DeclaredResult::Pass }],
            lints: vec![],
        };
        declared.kind = Kind::Declaration;
        declared.sure = true;
        declared.criteria_digest = Some(declaration.criteria_digest());
        declared.declaration = Some(declaration);
        declared.opportunity = Some(id.clone());
        Deal {
            zone: champion_n % self.zones.len(),
            id,
            champion,
            people,
            fate,
            declared_at,
            fate_at,
            outcomes: vec![declared],
            orders: vec![],
            history: vec![],
            over_at: None,
            asked: 0,
        }
    }

    /// Runs the year; returns every letter that left, or may have left.
    fn run(&mut self) {
        let end: Timestamp = "2027-01-05T00:00:00Z".parse().unwrap();
        let mut queue: BTreeSet<(Timestamp, usize)> = BTreeSet::new();
        for (n, deal) in self.deals.iter().enumerate() {
            queue.insert((deal.declared_at, n));
            queue.insert((deal.fate_at, n));
        }
        let mut now = Timestamp::MIN;
        // Now and then the daemon stands still for days, or its clock goes back.
        let mut dead_until = now;
        let mut steps = 0_u64;
        while let Some((at, n)) = queue.pop_first() {
            if at > end {
                break;
            }
            steps += 1;
            assert!(steps < 400_000, "the scheduler spins");
            now = now.max(at);
            self.happen(n, now);
            if now < dead_until {
                queue.insert((dead_until, n));
                continue;
            }
            if self.dice.one_in(400) {
                dead_until = now.checked_add(hours(self.dice.roll(24 * 9))).unwrap();
            }
            let back = if self.dice.one_in(300) { hours(self.dice.roll(3)) } else { hours(0) };
            let clock = now.checked_sub(back).unwrap();
            if let Some(next) = self.round(n, clock) {
                queue.insert((next.max(now.checked_add(SignedDuration::from_secs(1)).unwrap()), n));
            }
        }
        // Everybody wakes a last time.
        for n in 0..self.deals.len() {
            self.round(n, end);
        }
    }

    /// What people and servers do, once its time has come.
    fn happen(&mut self, n: usize, now: Timestamp) {
        let deal = &mut self.deals[n];
        if now < deal.fate_at || deal.outcomes.len() > 1 && deal.fate != Fate::HeldThenResumed {
            return;
        }
        let declared = deal.outcomes[0].clone();
        let parent = declared.message_id.as_ref().unwrap().to_string();
        let champion = deal.champion.clone();
        let mut said = |from: &Address, kind: Kind| {
            let mut outcome = blank(&mut self.serial, from, Some(&parent), now);
            outcome.kind = kind;
            outcome.opportunity = Some(deal.id.clone());
            outcome.answers = declared.message_id.clone();
            outcome.answers_identity = Some(declared.identity);
            outcome.criteria_digest = declared.criteria_digest;
            outcome.sure = true;
            outcome.quote = "their words".into();
            outcome
        };
        let verified = |mut outcome: Outcome, verdict| {
            outcome.verdict = Some(verdict);
            outcome.authorship = Some(Authorship {
                claim: Claim::Verified,
                binding: Binding::Signed,
                seen: CriteriaSeen::Quoted,
                signed_by: None,
                reasons: vec![],
            });
            outcome
        };
        let order = |command| Order {
            opportunity: deal.id.clone(),
            command,
            by: "operator".into(),
            mail: None,
            at: now,
            answer: None,
        };
        match deal.fate {
            Fate::Silent => {}
            Fate::Answers(verdict) => {
                let outcome = verified(said(&champion, Kind::Reply), verdict);
                deal.outcomes.push(outcome);
                deal.over_at = Some(now);
            }
            Fate::Compliment => {
                let outcome = verified(said(&champion, Kind::Reply), Verdict::Inconclusive);
                deal.outcomes.push(outcome);
            }
            Fate::Bounces => {
                let mut outcome = said(&address("mailer-daemon@buyer.example"), Kind::Automatic);
                outcome.automatic = Some(Automatic::Bounce);
                outcome.fresh_text = format!("<{champion}>: unknown user");
                deal.outcomes.push(outcome);
                deal.over_at = Some(now);
            }
            Fate::Held if deal.orders.is_empty() => deal.orders.push(order(Command::Hold)),
            Fate::HeldThenResumed if deal.orders.is_empty() => {
                deal.orders.push(order(Command::Hold));
                deal.fate_at = now.checked_add(hours(60)).unwrap();
            }
            Fate::HeldThenResumed if deal.orders.len() == 1 => deal.orders.push(order(Command::Resume)),
            Fate::ForwardedInline => {
                let se = deal.people.se.clone().unwrap().address;
                let mut outcome = said(&se, Kind::Forward);
                outcome.reasons.push(endorsed::model::Reason::new("forwarded_inline", "pasted"));
                deal.outcomes.push(outcome);
            }
            Fate::AwayThenSilent => {
                let back = now.checked_add(hours(24 * 10)).unwrap().to_zoned(TimeZone::UTC).date();
                let mut outcome = said(&champion, Kind::Automatic);
                outcome.automatic = Some(Automatic::AutoReply);
                outcome.fresh_text = format!("I am away until {back}.");
                deal.outcomes.push(outcome);
            }
            Fate::Held | Fate::HeldThenResumed => {}
        }
    }

    fn case<R>(&self, n: usize, ask: impl FnOnce(&Case<'_>) -> R) -> R {
        let deal = &self.deals[n];
        let report = standing(&deal.id, &deal.outcomes);
        let live = deal.outcomes.iter().map(|o| o.sha256).collect();
        let record = Record {
            report: &report,
            outcomes: &deal.outcomes,
            live: &live,
            history: &deal.history,
            orders: &deal.orders,
            lints: &[],
            first_use: false,
            seller: &self.seller,
        };
        ask(&Case {
            record,
            people: &deal.people,
            buyer: &self.zones[deal.zone],
            seller: &self.seller_calendar,
            sent_to: &self.sent_to,
            sent_today: 0,
            opted_out: deal.champion.domain() == "buyer7.example",
            receipts: false,
        })
    }

    /// One round of the daemon for a deal: plan, then post; it may die anywhere.
    fn round(&mut self, n: usize, now: Timestamp) -> Option<Timestamp> {
        let plan: Schedule = self.case(n, |case| schedule(case, &self.rules, now));
        for due in &plan.due {
            let message_id = endorsed::model::MessageId::new(&due.key.to_string()).unwrap();
            let letter = due.letter(message_id, due.key, due.key, now);
            self.sent_to.entry(letter.to.clone()).or_default().push((letter.key, now));
            self.planned.push(now);
            self.deals[n].history.push(Posting::planned(letter));
        }
        let mut next = plan.next.first().map(|wake| wake.at);
        if self.dice.one_in(40) {
            self.crashes += 1;
            // Dead between planning and posting: the next round finds the letters.
            return Some(now.checked_add(hours(1)).unwrap());
        }
        for index in 0..self.deals[n].history.len() {
            let posting = self.deals[n].history[index].clone();
            if posting.is_under_way() {
                self.uncertain += 1;
                self.end(n, index, now, Posted::Uncertain { text: "restart".into() });
                continue;
            }
            match &posting.end {
                None => {}
                Some((_, Posted::Deferred { retry_at, .. })) if *retry_at <= now => {}
                Some((_, Posted::Deferred { retry_at, .. })) => {
                    next = next.into_iter().chain([*retry_at]).min();
                    continue;
                }
                Some(_) => continue,
            }
            match self.case(n, |case| wanted(case, &self.rules, &posting, now)) {
                Wanted::No => self.end(n, index, now, Posted::Withdrawn { text: "gone".into() }),
                Wanted::Later(at) => next = next.into_iter().chain([at]).min(),
                Wanted::Now => self.post(n, index, now),
            }
        }
        let changed = !plan.due.is_empty() || self.deals[n].history.iter().any(|p| !is_final(p));
        let soon = changed.then(|| now.checked_add(SignedDuration::from_mins(10)).unwrap());
        next.into_iter().chain(soon).min()
    }

    fn post(&mut self, n: usize, index: usize, now: Timestamp) {
        let posting = &mut self.deals[n].history[index];
        posting.attempts += 1;
        posting.began_at = Some(now);
        posting.end = None;
        let posted = match self.dice.roll(30) {
            0 => {
                // Dead while the server was spoken to.
                self.crashes += 1;
                self.left(n, index, now);
                return;
            }
            1 | 2 => {
                let retry_at = now.checked_add(hours(1 + self.dice.roll(6))).unwrap();
                Posted::Deferred { text: "451".into(), retry_at }
            }
            3 => Posted::Uncertain { text: "no answer".into() },
            _ => Posted::Sent { text: "250".into() },
        };
        if !matches!(posted, Posted::Deferred { .. }) {
            self.left(n, index, now);
        }
        self.end(n, index, now, posted);
    }

    fn end(&mut self, n: usize, index: usize, now: Timestamp, posted: Posted) {
        let key = self.deals[n].history[index].letter.key;
        if matches!(posted, Posted::Withdrawn { .. }) {
            self.sent_to.values_mut().for_each(|letters| letters.retain(|(other, _)| *other != key));
        }
        self.deals[n].history[index].end = Some((now, posted));
    }

    /// A letter leaves: what was promised to its reader must hold at this moment.
    fn left(&mut self, n: usize, index: usize, now: Timestamp) {
        let letter = self.deals[n].history[index].letter.clone();
        if let Some(times) = self.sent_to.get_mut(&letter.to) {
            times.retain(|(key, _)| *key != letter.key);
            times.push((letter.key, now));
        }
        if letter.side == Side::Seller {
            assert!(letter.to.is_at(&self.seller.domains), "{letter:?}");
            return;
        }
        let deal = &mut self.deals[n];
        let calendar = &self.zones[deal.zone];
        let context = format!("{} {:?} {} at {now}", deal.id, deal.fate, letter.rule);
        assert!(calendar.is_open(now), "outside hours: {context}");
        assert!(deal.over_at.is_none_or(|over| now < over), "after an answer: {context}");
        assert!(letter.to == deal.champion && letter.to.domain() != "buyer7.example", "{context}");
        deal.asked += 1;
        assert!(deal.asked <= 3, "above the cap: {context}");
        let last = deal.orders.iter().rfind(|o| o.at <= now).map(|o| o.command.clone());
        assert_ne!(last, Some(Command::Hold), "held: {context}");
        let warned = deal.history.iter().any(|p| {
            p.letter.rule == format!("warn.{}", letter.rule) && p.left_at().is_some_and(|at| at < now)
        });
        assert!(warned || last == Some(Command::Resume), "nobody was warned: {context}");
        let day = calendar.day(now);
        let today = self.sent_to[&letter.to].iter().filter(|(key, at)| {
            *key != letter.key
                && calendar.day(*at) == day
                && self
                    .deals
                    .iter()
                    .any(|d| d.history.iter().any(|p| p.letter.key == *key && p.left_at().is_some()))
        });
        assert_eq!(today.count(), 0, "twice on one day: {context}");
    }
}

fn is_final(posting: &Posting) -> bool {
    posting.end.as_ref().is_some_and(|(_, end)| end.is_end())
}

#[test]
fn a_year_of_five_hundred_deals() {
    for seed in [1_u64, 20_260_105] {
        let mut year = Year::new(seed);
        year.run();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut keys = BTreeSet::new();
        for deal in &year.deals {
            for posting in &deal.history {
                assert!(keys.insert(posting.letter.key), "one key twice");
                *counts.entry(format!("{} {}", posting.letter.rule, posting.state())).or_default() += 1;
            }
            let zombies = |to: &Address| {
                let left = |p: &&Posting| p.left_at().is_some() && &p.letter.to == to;
                deal.history.iter().filter(left).filter(|p| p.letter.rule.ends_with("zombie")).count()
            };
            let context = format!("{} {:?} declared {}", deal.id, deal.fate, deal.declared_at);
            let people = [&deal.people.se, &deal.people.ae].map(|p| p.as_ref().unwrap().address.clone());
            let old_enough = deal.declared_at < "2026-11-15T00:00:00Z".parse().unwrap();
            for person in people {
                assert!(zombies(&person) <= 1, "a zombie twice: {context}");
                let silent = deal.over_at.is_none();
                if silent && old_enough {
                    assert_eq!(zombies(&person), 1, "no zombie: {context}");
                }
            }
        }
        let sum = |start: &str, end: &str| -> usize {
            counts.iter().filter(|(k, _)| k.starts_with(start) && k.ends_with(end)).map(|(_, n)| n).sum()
        };
        eprintln!("seed {seed}: {counts:#?} crashes {} uncertain {}", year.crashes, year.uncertain);
        // The year had something of everything, or it proves nothing.
        assert!(sum("remind_1", "sent") > 60 && sum("remind_2", "sent") > 60 && sum("words", "sent") > 10);
        assert!(sum("", "uncertain") > 10 && sum("", "withdrawn") > 3 && year.crashes > 30);
    }
}
