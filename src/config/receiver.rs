//! `[receiver]`: which server's Authentication-Results (RFC 8601) are a second witness.

use serde::Deserialize;

use crate::model::{Border, Receiver};

/// Whose habits the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Gmail and Google Workspace.
    Gmail,
    /// Exchange Online.
    Microsoft365,
}

/// On which side of the border Received the fields stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Above, as milters do.
    Above,
    /// Below, as Gmail does.
    Below,
}

/// `[receiver]`: a preset, or `authserv_id` and `border`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiverSection {
    /// Whose habits it has.
    pub preset: Option<Preset>,
    /// Its authserv-id (RFC 8601 §2.5). Never learnt from mail.
    pub authserv_id: Option<String>,
    /// Hosts at which mail enters, as `by` of Received names them; an ending begins with a dot.
    #[serde(default)]
    pub border: Vec<String>,
    /// Further hosts on the way to the mailbox.
    #[serde(default)]
    pub hops: Vec<String>,
    /// Where the fields stand.
    pub place: Option<Place>,
    /// Whether nobody but that server can write to the mailbox's folder.
    #[serde(default)]
    pub alone: bool,
    /// Whether the mailbox is in the seller's own Exchange tenant.
    #[serde(default)]
    pub internal_mark: bool,
}

impl ReceiverSection {
    /// The receiver as the core knows it: the preset, and what is given beside it.
    pub fn receiver(&self) -> Receiver {
        let mut receiver = match self.preset {
            Some(Preset::Gmail) => Receiver::gmail(),
            Some(Preset::Microsoft365) => Receiver::microsoft365(),
            None => Receiver {
                authserv_id: None,
                border: Vec::new(),
                hops: Vec::new(),
                place: Border::Above,
                alone: false,
                internal_mark: false,
            },
        };
        let lower = |list: &[String]| list.iter().map(|h| h.to_ascii_lowercase()).collect::<Vec<_>>();
        if let Some(id) = &self.authserv_id {
            receiver.authserv_id = Some(id.to_ascii_lowercase());
        }
        if !self.border.is_empty() {
            receiver.border = lower(&self.border);
        }
        receiver.hops.extend(lower(&self.hops));
        match self.place {
            Some(Place::Above) => receiver.place = Border::Above,
            Some(Place::Below) => receiver.place = Border::Below,
            None => {}
        }
        (receiver.alone, receiver.internal_mark) = (self.alone, self.internal_mark);
        receiver
    }

    /// What is missing or does not fit together, each with its key.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.preset.is_none() && self.authserv_id.as_deref().is_none_or(str::is_empty) {
            problems
                .push(("receiver", "[receiver] needs `preset`, or `authserv_id` and `border`".to_owned()));
        }
        if self.preset.is_none() && self.border.is_empty() {
            problems
                .push(("receiver", "[receiver] needs `border`: the hosts at which mail enters".to_owned()));
        }
        if self.internal_mark && self.preset != Some(Preset::Microsoft365) {
            problems.push(("internal_mark", "only Microsoft 365 marks internal mail".to_owned()));
        }
        let plain = |host: &&String| host.contains('.') || **host == "*" || **host == "localhost";
        if let Some(odd) = self.border.iter().chain(&self.hops).find(|h| !plain(h)) {
            problems.push(("border", format!("`{odd}` is no host name")));
        }
        if self.border.iter().any(|b| b == "*") {
            problems.push(("border", "`*` is no border: anybody can name an address".to_owned()));
        }
        problems
    }
}
