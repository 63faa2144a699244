//! The scheduler: from the record, the rules, the calendar and now to the letters that are due, and to the moment at
//! which to look again. Pure: the same record gives the same schedule, whatever crashed in between.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::calendar::{Calendar, Wait};
use super::clock::Clock;
use super::rules::{LetterRule, PromptRules, Recipient, When};
use super::situation::{Hold, Record, Situation, about, gate, hold, situations, unlinked};
use crate::model::{Address, Digest, MessageId, OpportunityId, Outcome, Reason, Seller};
use crate::record::{Letter, Posting, Side};

/// What the seller's people were not told for so long after its time, they need not be told any more: letters that
/// were switched off, or rules that changed, must not bring up what is settled.
const NEWS: Wait = Wait::BusinessDays(10);

/// A person who is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Display name.
    pub name: Option<String>,
    /// Address.
    pub address: Address,
}

/// Who is who in a deal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// Who declared.
    pub se: Option<Person>,
    /// Who takes over.
    pub ae: Option<Person>,
    /// Who decides about stages.
    pub deal_desk: Option<Person>,
    /// The champions of the declaration.
    pub champions: Vec<Person>,
}

/// Everything that a schedule is made from, besides rules and now.
#[derive(Debug)]
pub struct Case<'a> {
    /// The deal's record.
    pub record: Record<'a>,
    /// Who is who.
    pub people: &'a People,
    /// Working time of the buyer's people.
    pub buyer: &'a Calendar,
    /// Working time of the seller's people.
    pub seller: &'a Calendar,
    /// The letters to each address, about whatever deal: key, and when it went or was planned.
    pub sent_to: &'a BTreeMap<Address, Vec<(Digest, Timestamp)>>,
    /// Letters of the last 24 hours.
    pub sent_today: usize,
    /// The account wants no letters.
    pub opted_out: bool,
    /// The operator switched on receipts to champions.
    pub receipts: bool,
}

/// A letter that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The rule's id, `warn.` before it for the warning.
    pub rule: String,
    /// Which template.
    pub template: String,
    /// Names it, without how often it was withdrawn.
    pub base: Digest,
    /// Names it.
    pub key: Digest,
    /// To whom.
    pub to: Person,
    /// Which side that is.
    pub side: Side,
    /// Whether it asks for a verdict.
    pub asks: bool,
    /// In which situation.
    pub situation: Situation,
    /// Why it is written, one sentence.
    pub why: String,
    /// For a warning: when the letter that it warns of goes out; for a letter with a clock: when that ends.
    pub until: Option<Timestamp>,
    /// About which opportunity.
    pub opportunity: Option<OpportunityId>,
    /// About which declaration.
    pub declaration: Option<MessageId>,
}

impl Due {
    /// The letter as it goes on record: `sha256` names its octets, `criteria` what a letter to a champion restates.
    pub fn letter(&self, message_id: MessageId, sha256: Digest, criteria: Digest, now: Timestamp) -> Letter {
        Letter {
            key: self.key,
            base: self.base,
            rule: self.rule.clone(),
            why: self.why.clone(),
            to: self.to.address.clone(),
            side: self.side,
            opportunity: self.opportunity.clone(),
            declaration: self.declaration.clone(),
            criteria: (self.side == Side::Champion).then_some(criteria),
            asks: self.asks,
            message_id,
            sha256,
            planned_at: now,
        }
    }
}

/// When to look again, and what for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wake {
    /// When.
    pub at: Timestamp,
    /// What for.
    pub why: String,
    /// To whom the letter would go.
    pub to: Address,
    /// The letter's base.
    pub base: Digest,
}

/// What is to be done about a deal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Letters to plan now.
    pub due: Vec<Due>,
    /// What comes later, the next first.
    pub next: Vec<Wake>,
    /// Clocks that run.
    pub clocks: Vec<Clock>,
    /// Since when letters to the champions are held.
    pub held: Option<Timestamp>,
}

/// The schedule of a deal.
pub fn schedule(case: &Case<'_>, rules: &PromptRules, now: Timestamp) -> Schedule {
    let hold = hold(&case.record);
    let mut plan = Plan { case, rules, now, hold, out: Schedule { held: hold.held, ..Schedule::default() } };
    let all = situations(&case.record, case.buyer);
    for situation in &all {
        plan.clocks(situation);
        let ruled: Vec<&LetterRule> = rules.letters.iter().filter(|r| r.when == situation.when).collect();
        let resumed = plan.resumed(situation, &ruled);
        for rule in ruled {
            plan.letter(rule, situation, resumed == Some(rule.id.as_str()));
        }
    }
    plan.out.next.sort();
    plan.out
}

/// What becomes of a letter that is on record but was not sent yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// It goes out.
    Now,
    /// It goes out later.
    Later(Timestamp),
    /// Its reason went away.
    No,
}

/// Whether a letter that is on record but not sent is still wanted: whether it would be planned if it were not.
pub fn wanted(case: &Case<'_>, rules: &PromptRules, letter: &Posting, now: Timestamp) -> Wanted {
    let (key, base) = (letter.letter.key, letter.letter.base);
    let others: Vec<Posting> = case.record.history.iter().filter(|p| p.letter.key != key).cloned().collect();
    let mut sent_to = case.sent_to.clone();
    sent_to.values_mut().for_each(|letters| letters.retain(|(other, _)| *other != key));
    let unknown = |p: &Person| sent_to.get(&p.address).is_none_or(Vec::is_empty);
    let first_use = case.people.se.as_ref().is_some_and(unknown);
    let record = Record { history: &others, first_use, ..case.record };
    let sent_today = case.sent_today.saturating_sub(1);
    let schedule = schedule(&Case { record, sent_to: &sent_to, sent_today, ..*case }, rules, now);
    if schedule.due.iter().any(|due| due.base == base) {
        return Wanted::Now;
    }
    schedule.next.iter().find(|wake| wake.base == base).map_or(Wanted::No, |wake| Wanted::Later(wake.at))
}

/// The letter about a declaration that names no opportunity: to its author, and to nobody else.
pub fn schedule_unlinked(
    outcome: &Outcome,
    lints: &[Reason],
    se: Person,
    rules: &PromptRules,
    history: &[Posting],
    seller: &Seller,
) -> Option<Due> {
    let situation = unlinked(outcome, lints)?;
    let rule = rules.letters.iter().find(|r| r.when == When::Declared && r.to.contains(&Recipient::Se))?;
    let fields =
        [b"unlinked".as_slice(), rule.id.as_bytes(), se.address.as_str().as_bytes(), &situation.subject.0];
    let base = Digest::of_fields(fields);
    let known = history.iter().any(|p| p.letter.base == base);
    if known || !se.address.is_at(&seller.domains) {
        return None;
    }
    Some(Due {
        rule: rule.id.clone(),
        template: rule.template.clone(),
        key: Digest::of_fields([base.0.as_slice(), &0_u64.to_be_bytes()]),
        base,
        to: se,
        side: Side::Seller,
        asks: false,
        why: why(rule, &situation),
        situation,
        until: None,
        opportunity: None,
        declaration: outcome.message_id.clone(),
    })
}

struct Plan<'a, 'b> {
    case: &'a Case<'b>,
    rules: &'a PromptRules,
    now: Timestamp,
    hold: Hold,
    out: Schedule,
}

impl Plan<'_, '_> {
    fn clocks(&mut self, situation: &Situation) {
        if situation.when == When::Declared {
            return;
        }
        for clock in self.rules.clocks.iter().filter(|c| c.when.is(situation.when)) {
            let calendar = if situation.when == When::Silent { self.case.buyer } else { self.case.seller };
            let due = calendar.after(situation.since, clock.after);
            let clock = Clock { code: clock.code.clone(), due, over: due <= self.now };
            if !self.out.clocks.contains(&clock) {
                self.out.clocks.push(clock);
            }
        }
    }

    fn letter(&mut self, rule: &LetterRule, situation: &Situation, resumed: bool) {
        // A receipt is a declared champion's own situation; what else follows a declaration is for the seller.
        let to_champion = rule.to.contains(&Recipient::Champion);
        if situation.when == When::Declared && to_champion != situation.champion.is_some() {
            return;
        }
        if rule.receipt && !self.case.receipts {
            return;
        }
        if to_champion {
            self.plan_for_champion(rule, situation, resumed);
            return;
        }
        for recipient in &rule.to {
            let people = self.case.people;
            let person = match recipient {
                Recipient::Se => people.se.as_ref(),
                Recipient::Ae => people.ae.as_ref(),
                Recipient::DealDesk => people.deal_desk.as_ref(),
                Recipient::Champion => None,
            };
            // Nothing of this ever leaves the seller's domains.
            let own = |p: &&Person| p.address.is_at(&self.case.record.seller.domains);
            if let Some(person) = person.filter(own).cloned() {
                let due = self.case.seller.after(situation.since, rule.after);
                let base = self.base(rule, situation, &person.address, "");
                // That a deal is a zombie stays true; other news grow old.
                if !rule.once && self.is_old(due) {
                    continue;
                }
                let due = self.draft(rule, situation, person, base, self.clock_end(situation), due);
                self.plan_for_seller(due, rule.any_hour);
            }
        }
    }

    /// Whether a letter to one of the seller's people comes too late to be news.
    fn is_old(&self, at: Timestamp) -> bool {
        self.now > self.case.seller.after(at, NEWS)
    }

    /// Plans a letter to one of the seller's people, or says when it will be time.
    fn plan_for_seller(&mut self, (due, at): (Due, Timestamp), any_hour: bool) {
        if self.exists(due.base) || self.out.due.iter().any(|d| d.base == due.base) {
            return;
        }
        let calendar = self.case.seller;
        let at = if any_hour { at } else { calendar.open(at) };
        let time = if any_hour { self.now } else { calendar.open(self.now) };
        if self.now < at || self.now < time {
            self.wake(at.max(time), &due);
        } else if self.sent_on_day(&due.to.address, calendar) >= self.rules.caps.seller_per_day
            || self.is_full()
        {
            self.wake(self.tomorrow(calendar), &due);
        } else {
            self.out.due.push(due);
        }
    }

    fn plan_for_champion(&mut self, rule: &LetterRule, situation: &Situation, resumed: bool) {
        let record = &self.case.record;
        let Some(address) = &situation.champion else { return };
        let known = self.case.people.champions.iter().find(|p| p.address == *address);
        let Some(person) = known.filter(|p| may_be_written_to(&p.address, record)).cloned() else { return };
        if self.case.opted_out || (self.hold.held.is_some() && !rule.receipt) {
            return;
        }
        let base = self.base(rule, situation, address, "");
        if self.exists(base) || self.out.due.iter().any(|d| d.base == base) {
            return;
        }
        let calendar = self.case.buyer;
        let own = calendar.after(situation.since, rule.after);
        let due = match (self.hold.now, self.hold.resumed) {
            (Some(at), _) if resumed => at,
            (None, Some(at)) if resumed => own.max(at),
            _ => match self.warned(rule, situation, own, address) {
                Some(due) => due,
                None => return,
            },
        };
        let (letter, at) = self.draft(rule, situation, person, base, None, due);
        // Too late to be of any use: the next step comes soon enough.
        if self.now > calendar.after(at, rule.late) {
            return;
        }
        let time = calendar.open(self.now.max(at));
        if self.thread(address) >= self.rules.caps.thread {
        } else if self.now < time {
            self.wake(time, &letter);
        } else if self.sent_on_day(address, calendar) >= self.rules.caps.champion_per_day || self.is_full() {
            self.wake(self.tomorrow(calendar), &letter);
        } else {
            self.out.due.push(letter);
        }
    }

    /// When a letter may go after the SE was warned of it; plans the warning when it is time. `None`: not yet, or too
    /// late.
    fn warned(
        &mut self,
        rule: &LetterRule,
        situation: &Situation,
        own: Timestamp,
        champion: &Address,
    ) -> Option<Timestamp> {
        let Some(wait) = rule.warn else { return Some(own) };
        let se = self.case.people.se.clone()?;
        if !se.address.is_at(&self.case.record.seller.domains) {
            return None;
        }
        let base = self.base(rule, situation, &se.address, champion.as_str());
        let sent = self.case.record.history.iter().filter(|p| p.letter.base == base);
        if let Some(at) = sent.filter_map(Posting::left_at).max() {
            return Some(own.max(self.case.buyer.after(at, wait)));
        }
        if self.now > self.case.buyer.after(own, rule.late) {
            return None;
        }
        let at = self.case.buyer.before(own, wait).max(situation.since);
        let goes = own.max(self.case.buyer.after(self.now.max(at), wait));
        let warning = LetterRule {
            id: format!("warn.{}", rule.id),
            template: "warn".into(),
            asks: false,
            ..rule.clone()
        };
        let drafted = self.draft(&warning, situation, se, base, Some(goes), at);
        self.plan_for_seller(drafted, false);
        None
    }

    /// The one letter of a situation that an order may set free.
    fn resumed<'r>(&self, situation: &Situation, ruled: &[&'r LetterRule]) -> Option<&'r str> {
        let at = self.hold.resumed?;
        let champion = situation.champion.as_ref()?;
        let left_since = |p: &Posting| {
            p.letter.side == Side::Champion
                && p.letter.to == *champion
                && p.letter.asks
                && !p.is_withdrawn()
                && p.letter.planned_at >= at
        };
        if self.case.record.history.iter().any(left_since) {
            return None;
        }
        let open = |rule: &&&LetterRule| rule.asks && !self.exists(self.base(rule, situation, champion, ""));
        let mut open = ruled.iter().filter(open);
        if self.hold.now.is_some() {
            return open.next().map(|r| r.id.as_str());
        }
        let overdue = |rule: &&&LetterRule| self.case.buyer.after(situation.since, rule.after) <= at;
        open.rfind(overdue).map(|r| r.id.as_str())
    }

    fn draft(
        &self,
        rule: &LetterRule,
        situation: &Situation,
        to: Person,
        base: Digest,
        until: Option<Timestamp>,
        at: Timestamp,
    ) -> (Due, Timestamp) {
        let withdrawn = self.case.record.history.iter().filter(|p| p.letter.base == base).count() as u64;
        let (opportunity, declaration) = about(&self.case.record);
        let side = if rule.to.contains(&Recipient::Champion) && !rule.id.starts_with("warn.") {
            Side::Champion
        } else {
            Side::Seller
        };
        let due = Due {
            rule: rule.id.clone(),
            template: rule.template.clone(),
            key: Digest::of_fields([base.0.as_slice(), &withdrawn.to_be_bytes()]),
            base,
            to,
            side,
            asks: rule.asks,
            situation: situation.clone(),
            why: why(rule, situation),
            until,
            opportunity: Some(opportunity),
            declaration,
        };
        (due, at)
    }

    /// What a letter is about: it is sent at most once.
    fn base(&self, rule: &LetterRule, situation: &Situation, to: &Address, warned_of: &str) -> Digest {
        let subject = match gate(&self.case.record) {
            Some((gating, _)) if rule.once => gating.identity,
            _ => situation.subject,
        };
        let name = if rule.once { &rule.template } else { &rule.id };
        let warning = if warned_of.is_empty() { "letter" } else { "warning" };
        let (id, name) = (self.case.record.report.opportunity.as_str(), name.as_str());
        let fields = [warning, id, name, to.as_str(), warned_of];
        Digest::of_fields(fields.into_iter().map(str::as_bytes).chain([subject.0.as_slice()]))
    }

    /// Whether such a letter is on record and was not withdrawn.
    fn exists(&self, base: Digest) -> bool {
        self.case.record.history.iter().any(|p| p.letter.base == base && !p.is_withdrawn())
    }

    /// Letters to a champion about this deal's declaration.
    fn thread(&self, champion: &Address) -> usize {
        let (_, declaration) = about(&self.case.record);
        let counts = |p: &&Posting| {
            p.letter.side == Side::Champion
                && p.letter.to == *champion
                && p.letter.declaration == declaration
                && !p.is_withdrawn()
        };
        let planned = self.out.due.iter().filter(|d| d.side == Side::Champion && d.to.address == *champion);
        self.case.record.history.iter().filter(counts).count() + planned.count()
    }

    fn sent_on_day(&self, address: &Address, calendar: &Calendar) -> usize {
        let today = calendar.day(self.now);
        let sent = self
            .case
            .sent_to
            .get(address)
            .map_or(0, |times| times.iter().filter(|(_, at)| calendar.day(*at) == today).count());
        sent + self.out.due.iter().filter(|d| d.to.address == *address).count()
    }

    fn is_full(&self) -> bool {
        self.case.sent_today + self.out.due.len() >= self.rules.caps.all_per_day
    }

    /// The next morning on which people work.
    fn tomorrow(&self, calendar: &Calendar) -> Timestamp {
        let next = calendar.day(self.now).tomorrow().ok().and_then(|day| calendar.morning(day));
        next.unwrap_or_else(|| self.now.saturating_add(SignedDuration::from_hours(24)).unwrap_or(self.now))
    }

    fn clock_end(&self, situation: &Situation) -> Option<Timestamp> {
        let clock = self.rules.clocks.iter().find(|c| c.when.is(situation.when))?;
        Some(self.case.seller.after(situation.since, clock.after))
    }

    fn wake(&mut self, at: Timestamp, letter: &Due) {
        let why = format!("{} to {}", letter.rule, letter.to.address);
        self.out.next.push(Wake { at, why, to: letter.to.address.clone(), base: letter.base });
    }
}

/// Champions are the buyer's people: never the seller's, never a machine's address.
fn may_be_written_to(address: &Address, record: &Record<'_>) -> bool {
    const MACHINES: &[&str] = &[
        "noreply",
        "no-reply",
        "donotreply",
        "do-not-reply",
        "mailer-daemon",
        "postmaster",
        "bounce",
        "bounces",
    ];
    let declared = gate(record).is_some_and(|(_, d)| d.champions.contains(address));
    declared && !address.is_at(&record.seller.domains) && !MACHINES.contains(&address.local())
}

fn why(rule: &LetterRule, situation: &Situation) -> String {
    let after = match rule.after {
        Wait::Hours(0) | Wait::BusinessDays(0) => "at once".to_owned(),
        wait => format!("{wait} after it began"),
    };
    let name = serde_json::to_value(situation.when).ok();
    let name = name.as_ref().and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    format!("The deal is `{name}`: `{}`, {after}.", rule.id)
}
