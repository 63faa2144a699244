//! Letters: what a deal's record asks the daemon to write, to whom, and when. Pure: [`schedule`] says which letters are
//! due and when to look again. Who plans, posts and records them is the daemon's part.

mod absence;
mod answered;
mod calendar;
mod clock;
mod compose;
mod declare;
mod digest;
mod head;
mod lint;
mod notice;
mod order;
mod rules;
mod schedule;
mod settings;
mod situation;
mod stated;
mod text;

pub use absence::return_day;
pub use answered::{ORDER_DONE, ORDER_REFUSED, order_answered};
pub use calendar::{Calendar, Wait};
pub use clock::{Clock, ClockRule, Clocks, Start};
pub use compose::{ComposeError, Sender, Subject, Texts, Written, compose, token};
pub use declare::{Draft, WinEmail, declare};
pub use digest::{DIGEST_RULE, Week as DigestWeek, compose_digest, digest_due, digest_key};
pub use head::{HEAD_RULE, SignedHead, compose_head, head_key};
pub use lint::lints;
pub use order::order;
pub use rules::{Caps, LetterRule, PromptRuleError, PromptRules, Recipient, When, holidays};
pub use schedule::{Case, Due, People, Person, Schedule, Wake, Wanted, schedule, schedule_unlinked, wanted};
pub use settings::{Habits, Settings, language_of};
pub use situation::{Hold, Record, Situation, hold, situations, unlinked};
pub use stated::stated_lines;
