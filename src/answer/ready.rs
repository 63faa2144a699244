//! Whether the daemon does its work: every mailbox read lately, nothing stuck.

use serde::{Deserialize, Serialize};

use crate::model::Reason;

/// One mailbox as health shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxHealth {
    /// Its name in metrics: host and folder, never an address.
    pub mailbox: String,
    /// Whether its folder is open now. That alone proves nothing.
    pub connected: bool,
    /// Seconds since everything that was listed in it was durable; none before the first time.
    pub age_seconds: Option<u64>,
    /// Whether that is recent enough for gates.
    pub fresh: bool,
    /// Whether its loop has not given the sign of life that it owes.
    pub stuck: bool,
    /// Messages that were listed at the last comparison and are not on record.
    pub missing: u64,
    /// UIDs that are still to be read.
    pub lag_uids: u64,
    /// Messages on record that left the folder since the start.
    #[serde(default)]
    pub gone: u64,
}

/// Whether the daemon does its work, and what stops it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether everything below is well.
    pub ready: bool,
    /// What is not.
    pub reasons: Vec<Reason>,
    /// The mailboxes in the order of the configuration.
    pub mailboxes: Vec<MailboxHealth>,
    /// Entries in the log.
    pub size: u64,
    /// Messages seen but not considered yet.
    pub waiting: u64,
    /// Messages that were set aside.
    pub set_aside: u64,
}

impl Readiness {
    /// Draws the conclusion.
    pub fn new(mailboxes: Vec<MailboxHealth>, (size, waiting, set_aside): (u64, u64, u64)) -> Self {
        let reasons: Vec<Reason> = mailboxes.iter().filter_map(complaint).collect();
        Self { ready: reasons.is_empty(), reasons, mailboxes, size, waiting, set_aside }
    }
}

fn complaint(mailbox: &MailboxHealth) -> Option<Reason> {
    let name = &mailbox.mailbox;
    if mailbox.stuck {
        return Some(Reason::new("mailbox_stuck", format!("The loop of {name} gives no sign of life.")).fix(
            "Restart the daemon and report this with its log; under systemd the watchdog restarts it.",
        ));
    }
    if mailbox.fresh {
        return None;
    }
    let text = match mailbox.age_seconds {
        Some(age) => format!("{name} was last read whole {age} seconds ago."),
        None => format!("{name} was not read whole since the start."),
    };
    Some(
        Reason::new("mailbox_stale", text)
            .fix("See the log (mail.disconnected), or run `endorsed check-mailbox`."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connected_is_not_ready() {
        let mut mailbox = MailboxHealth {
            mailbox: "imap.example.com/INBOX".into(),
            connected: true,
            age_seconds: Some(3),
            fresh: true,
            stuck: false,
            missing: 0,
            lag_uids: 0,
            gone: 0,
        };
        let of = |mailbox: &MailboxHealth| Readiness::new(vec![mailbox.clone()], (1, 0, 0));
        assert!(of(&mailbox).ready && Readiness::new(Vec::new(), (0, 0, 0)).ready);
        (mailbox.fresh, mailbox.age_seconds) = (false, None);
        assert_eq!(
            of(&mailbox).reasons.iter().map(|r| r.code.as_str()).collect::<Vec<_>>(),
            ["mailbox_stale"]
        );
        (mailbox.fresh, mailbox.stuck) = (true, true);
        assert_eq!(
            of(&mailbox).reasons.iter().map(|r| r.code.as_str()).collect::<Vec<_>>(),
            ["mailbox_stuck"]
        );
    }
}
