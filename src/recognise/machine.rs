//! Machine-written mail: header and MIME signals first, stock wording last. A strong signal is never an answer,
//! whatever the words say; a weak one sends the mail to a person.

use super::declaration::is_evidence;
use super::wording;
use crate::model::{Automatic, Defect, Message, Part, Reading, Reason, Seller};
use crate::text::squeeze;

/// Who wrote a mail, as far as headers, MIME structure and stock wording tell.
#[derive(Debug)]
pub(super) enum Writer {
    /// A machine, and the sign that says so.
    Machine(Automatic, String),
    /// A person, or with reasons perhaps not.
    Person(Vec<Reason>),
}

/// Who wrote `message`. Signs inside attached messages do not count.
pub(super) fn writer(message: &Message, reading: &Reading, seller: &Seller) -> Writer {
    let mail = Mail { signs: Signs::new(message, reading), message, seller };
    let found = mail
        .own()
        .or_else(|| mail.bounce())
        .or_else(|| mail.receipt())
        .or_else(|| mail.calendar())
        .or_else(|| mail.reaction())
        .or_else(|| mail.recall())
        .or_else(|| mail.challenge())
        .or_else(|| mail.ticket())
        .or_else(|| mail.auto_reply())
        .or_else(|| mail.bulk());
    match found {
        Some((kind, why)) => Writer::Machine(kind, why),
        None => Writer::Person(mail.signs.weak()),
    }
}

type Sign = Option<(Automatic, String)>;

struct Mail<'a> {
    signs: Signs<'a>,
    message: &'a Message,
    seller: &'a Seller,
}

impl Mail<'_> {
    /// Our own letters carry `X-Endorsed-*` and come from the evidence address.
    fn own(&self) -> Sign {
        // A group mailbox that rewrites From ("Dana via Evidence") carries somebody else's words.
        let from_us =
            self.message.from.iter().any(|m| is_evidence(&m.address, self.seller)) && !self.signs.via();
        let header = self.message.headers.iter().any(|h| starts_with(&h.name, "X-Endorsed-"));
        (from_us || header).then(|| (Automatic::Own, "The mail is our own.".into()))
    }

    /// Delivery reports (RFC 3464): failed, delayed and delivered alike are no answer.
    fn bounce(&self) -> Sign {
        let signs = &self.signs;
        let report = signs.report("delivery-status")
            || signs.part(|p| {
                matches!(p.media_type.as_str(), "message/delivery-status" | "message/global-delivery-status")
            });
        let header = signs.has("X-Failed-Recipients") || signs.has("X-MS-Exchange-Message-Is-Ndr");
        let daemon = signs.sent_by(&["mailer-daemon", "mail-daemon"])
            || (signs.sent_by(&["postmaster"]) && !signs.report("disposition-notification"));
        let found = report
            || header
            || daemon
            || wording::is_bounce_subject(&self.signs.subject) && signs.null_sender();
        found.then(|| (Automatic::Bounce, "The mail is a delivery report.".into()))
    }

    /// Disposition notifications (RFC 8098) and feedback reports (RFC 5965).
    fn receipt(&self) -> Sign {
        let signs = &self.signs;
        let disposition = signs.report("disposition-notification")
            || signs.part(|p| {
                matches!(
                    p.media_type.as_str(),
                    "message/disposition-notification" | "message/global-disposition-notification"
                )
            });
        if disposition || wording::is_receipt_subject(&self.signs.subject) {
            return Some((
                Automatic::Receipt,
                "The mail is a receipt: it says that a mail was read, not what was thought of it.".into(),
            ));
        }
        let feedback =
            signs.report("feedback-report") || signs.part(|p| p.media_type == "message/feedback-report");
        feedback.then(|| (Automatic::Notification, "The mail is a feedback report.".into()))
    }

    /// Calendar answers (RFC 6047): a click. An attached invitation file is none.
    fn calendar(&self) -> Sign {
        let method = |p: &Part| {
            let text = p.text.as_deref().unwrap_or_default();
            p.parameter("method").is_some_and(|m| !m.eq_ignore_ascii_case("publish"))
                || ["REPLY", "COUNTER", "REQUEST", "CANCEL"]
                    .iter()
                    .any(|m| text.contains(&format!("METHOD:{m}")))
        };
        let found = self.signs.part(|p| {
            p.media_type == "text/calendar" && p.disposition.as_deref() != Some("attachment") && method(p)
        });
        found.then(|| (Automatic::Calendar, "The mail is a calendar answer.".into()))
    }

    /// Reactions: RFC 9078, Gmail's part, and the stock wording of clients that send no mark.
    fn reaction(&self) -> Sign {
        let signs = &self.signs;
        let marked = signs.part(|p| {
            p.disposition.as_deref() == Some("reaction")
                || (p.media_type == "text/vnd.google.email-reaction+json"
                    && p.disposition.as_deref() != Some("attachment"))
        });
        let worded = wording::is_bare_reaction(signs.typed, &signs.folded);
        (marked || worded)
            .then(|| (Automatic::Reaction, "The mail is a reaction, made with one click.".into()))
    }

    fn recall(&self) -> Sign {
        let found = wording::is_recall(&self.signs.subject, &self.signs.folded);
        found.then(|| (Automatic::Recall, "The mail asks to recall an earlier one.".into()))
    }

    fn challenge(&self) -> Sign {
        let header = ["X-Boxbe-", "X-SpamArrest-", "X-TMDA-", "X-Challenge-"];
        let header = self.message.headers.iter().any(|h| header.iter().any(|p| starts_with(&h.name, p)));
        let found = header || wording::is_challenge(&self.signs.folded);
        found.then(|| {
            (Automatic::Challenge, "The mail asks the sender to prove that a person wrote to it.".into())
        })
    }

    fn ticket(&self) -> Sign {
        const PREFIXES: &[&str] = &[
            "X-ServiceNow-",
            "X-JIRA-",
            "X-Zendesk-",
            "X-GitHub-",
            "X-GitLab-",
            "X-Freshdesk-",
            "X-OTRS-",
            "X-RT-",
            "RT-Ticket",
            "X-Mailer-Zendesk",
            "X-Redmine-",
            "X-Bugzilla-",
        ];
        let header = self.message.headers.iter().find(|h| PREFIXES.iter().any(|p| starts_with(&h.name, p)));
        if let Some(header) = header {
            return Some((
                Automatic::Ticket,
                format!("A ticket system wrote the mail: it has the header {}.", header.name),
            ));
        }
        let body = self.message.plain.as_deref().unwrap_or_default();
        let worded = wording::is_reply_line(body)
            || wording::is_ticket_subject(&self.signs.subject)
                && wording::is_acknowledgement(&self.signs.folded);
        worded.then(|| (Automatic::Ticket, "A ticket system wrote the mail: so its wording says.".into()))
    }

    /// RFC 3834 §5 and what mail systems wrote before and beside it.
    fn auto_reply(&self) -> Sign {
        let signs = &self.signs;
        if let Some(value) = self.message.header("Auto-Submitted").next() {
            let word = value.split([';', '(', ' ', '\t']).next().unwrap_or_default().to_ascii_lowercase();
            if !word.is_empty() && word != "no" {
                let kind = self.submitted(&word);
                return Some((kind, format!("The header Auto-Submitted says {word}.")));
            }
        }
        const HEADERS: &[&str] = &[
            "X-Autoreply",
            "X-Auto-Reply",
            "X-Autorespond",
            "X-Autoresponder",
            "X-AutoReply-From",
            "X-Vacation",
            "X-Vacation-Responder",
            "X-MS-Exchange-Generated-Message-Source",
            "X-Autogenerated",
            "X-Cron-Env",
        ];
        if let Some(name) = HEADERS.iter().find(|h| signs.has(h)) {
            return Some((Automatic::AutoReply, format!("The header {name} marks an automatic reply.")));
        }
        for name in ["X-MS-Journal-Report", "X-MS-Exchange-Transport-Rules-Notification"] {
            if signs.has(name) {
                return Some((
                    Automatic::Notification,
                    format!("The header {name} marks a notice of the mail server."),
                ));
            }
        }
        let rule = signs.has("X-MS-Exchange-Inbox-Rules-Loop") && !signs.redirected();
        let precedence = signs.precedence(&["auto_reply", "auto-reply", "bulk", "junk"]);
        let told = [
            (rule, "A mailbox rule wrote the mail."),
            (
                signs.precedence(&["auto_reply", "auto-reply"]),
                "The header Precedence marks an automatic reply.",
            ),
            (signs.null_sender(), "The mail has no envelope sender, as only machines send it."),
            (
                wording::is_absence_subject(&self.signs.subject),
                "The subject is that of an out-of-office reply.",
            ),
            (precedence && !signs.is_list() && !self.sellers(), "The header Precedence marks bulk mail."),
        ];
        told.iter().find(|(holds, _)| *holds).map(|(_, text)| (Automatic::AutoReply, (*text).to_owned()))
    }

    fn submitted(&self, word: &str) -> Automatic {
        let answer = word == "auto-replied"
            || wording::is_absence_subject(&self.signs.subject)
            || (word == "auto-generated" && super::declaration::is_answer(self.message));
        if answer { Automatic::AutoReply } else { Automatic::Notification }
    }

    /// Lists (RFC 2919, RFC 2369) and services. A seller's own mail may pass through a campaign tool; it never
    /// counts as an answer anyway.
    fn bulk(&self) -> Sign {
        let signs = &self.signs;
        let own_list = self.seller.evidence.as_str().replace('@', ".");
        let ours = self.message.header("List-Id").any(|id| id.to_ascii_lowercase().contains(&own_list));
        if signs.is_list() && !ours {
            return Some((Automatic::List, "The mail came through a mailing list.".into()));
        }
        let address = signs.sent_by(&[
            "notif",
            "notify",
            "notification",
            "notifications",
            "automated",
            "automailer",
            "robot",
            "no-reply",
            "noreply",
            "no_reply",
            "donotreply",
            "do_not_reply",
            "do-not-reply",
            "alerts",
        ]);
        let service =
            !self.sellers() && (signs.has("Feedback-ID") || (signs.has("List-Unsubscribe") && !ours));
        let found = address || service || wording::is_notification(&signs.folded);
        found.then(|| (Automatic::Notification, "A service sent the mail for somebody.".into()))
    }

    fn sellers(&self) -> bool {
        self.message.author().is_some_and(|a| a.address.is_at(&self.seller.domains))
    }
}

/// What can be seen on a mail without knowing the seller.
struct Signs<'a> {
    message: &'a Message,
    /// The subject, folded.
    subject: String,
    /// What the person typed; where nothing is sure, what could have been typed.
    typed: &'a str,
    /// The begin of it, folded.
    folded: String,
}

impl<'a> Signs<'a> {
    fn new(message: &'a Message, reading: &'a Reading) -> Self {
        let typed = if reading.fresh.trim().is_empty() { &reading.unsure } else { &reading.fresh };
        Self { message, subject: squeeze(&message.subject), typed, folded: wording::folded_head(typed) }
    }

    /// Signs that a machine may have had a hand in the mail; each is a sentence for a person.
    fn weak(&self) -> Vec<Reason> {
        let signs = [
            (
                self.has("X-Auto-Response-Suppress"),
                "A header asks other mail systems not to answer, as robots do.",
            ),
            (
                self.voted(),
                "The subject looks like a voting button or a calendar answer, and nothing was typed.",
            ),
            (self.redirected(), "A mailbox rule of somebody else passed the mail on."),
            (
                wording::is_reaction(self.typed, &self.folded),
                "The text looks like a reaction, but more was typed.",
            ),
            (self.via(), "The sender's name says that a service sent the mail for somebody."),
            (wording::is_ticket_subject(&self.subject), "The subject carries the number of a ticket system."),
            (
                self.unreadable(),
                "The mail cannot be read: it is encrypted, a picture, or a format of one vendor.",
            ),
        ];
        let reason = |text: &str| {
            Reason::new("weak_machine", text)
                .fix("Read the original and decide whether a person wrote it as an answer.")
        };
        signs.iter().filter(|(holds, _)| *holds).map(|(_, text)| reason(text)).collect()
    }

    fn has(&self, name: &str) -> bool {
        self.message.header(name).next().is_some()
    }

    fn part(&self, test: impl Fn(&Part) -> bool) -> bool {
        self.message.parts.iter().any(test)
    }

    fn report(&self, kind: &str) -> bool {
        let squeezed = |v: &str| v.to_ascii_lowercase().replace([' ', '\t', '"'], "");
        self.message.header("Content-Type").any(|v| squeezed(v).contains(&format!("report-type={kind}")))
    }

    fn precedence(&self, words: &[&str]) -> bool {
        self.message.header("Precedence").any(|v| words.iter().any(|w| v.eq_ignore_ascii_case(w)))
    }

    fn is_list(&self) -> bool {
        self.precedence(&["list"])
            || ["List-Id", "List-Post", "Mailing-List", "X-Mailing-List"].iter().any(|h| self.has(h))
    }

    /// RFC 5321 §4.5.5: reports and automatic answers are sent with an empty reverse path.
    fn null_sender(&self) -> bool {
        self.message.header("Return-Path").next().is_some_and(|v| v.replace(char::is_whitespace, "") == "<>")
    }

    fn sent_by(&self, locals: &[&str]) -> bool {
        self.message.from.iter().any(|m| {
            let local = m.address.local();
            locals.iter().any(|l| {
                local == *l || local.strip_prefix(l).is_some_and(|rest| rest.starts_with(['+', '-']))
            })
        })
    }

    fn voted(&self) -> bool {
        self.typed.trim().is_empty() && wording::is_vote_subject(&self.subject)
    }

    /// The loop header names the mailbox whose rule acted: if that is not the author, somebody passed the mail on.
    fn redirected(&self) -> bool {
        let author = self.message.author().map(|a| a.address.as_str());
        self.message
            .header("X-MS-Exchange-Inbox-Rules-Loop")
            .any(|v| !v.trim().is_empty() && Some(v.trim().to_ascii_lowercase().as_str()) != author)
    }

    fn via(&self) -> bool {
        self.message.from.iter().any(|m| m.name.as_ref().is_some_and(|n| n.to_lowercase().contains(" via ")))
    }

    fn unreadable(&self) -> bool {
        // Gmail's confidential mode and Microsoft's protected mail send a link instead of the text.
        const LINKS: &[&str] =
            &["gmail confidential mode", "confidential-mail.google.com", "sent you a protected message"];
        self.message.defects.iter().any(|d| matches!(d, Defect::Unreadable(_)))
            || LINKS.iter().any(|words| self.folded.contains(words))
    }
}

fn starts_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fresh, seller, sent};
    use super::*;

    fn of(headers: &str, text: &str) -> Option<Automatic> {
        let headers = if headers.contains("From:") {
            headers.to_owned()
        } else {
            format!("From: Dana <dana@acme.example>\n{headers}")
        };
        match writer(&sent(headers.trim_end(), text), &fresh(text), &seller()) {
            Writer::Machine(kind, _) => Some(kind),
            Writer::Person(_) => None,
        }
    }

    fn weakly(headers: &str, text: &str) -> bool {
        let message = sent(&format!("From: Dana <dana@acme.example>\n{headers}"), text);
        matches!(writer(&message, &fresh(text), &seller()), Writer::Person(weak) if !weak.is_empty())
    }

    #[test]
    fn headers_decide_before_words() {
        use Automatic::{AutoReply, Bounce, List, Notification, Own, Receipt, Ticket};
        for (headers, kind) in [
            ("Auto-Submitted: auto-replied (vacation)", AutoReply),
            ("auto-submitted: AUTO-GENERATED; owner=x\nIn-Reply-To: <d@x>", AutoReply),
            ("Auto-Submitted: auto-notified", Notification),
            ("Return-Path: <>", AutoReply),
            ("Precedence: bulk", AutoReply),
            ("X-Autoreply: yes", AutoReply),
            ("X-MS-Exchange-Inbox-Rules-Loop: dana@acme.example", AutoReply),
            ("Subject: Abwesenheitsnotiz: Ergebnis", AutoReply),
            ("Subject: Réponse automatique : résultat", AutoReply),
            ("Subject: 自動応答: 結果", AutoReply),
            ("Subject: Read: Result", Receipt),
            ("Content-Type: multipart/report; report-type=\"delivery-status\"; boundary=b", Bounce),
            ("X-Failed-Recipients: a@b.example", Bounce),
            ("From: MAILER-DAEMON@mx.acme.example", Bounce),
            ("List-Id: <team.acme.example>", List),
            ("X-Zendesk-Priority: 1", Ticket),
            ("From: no-reply@service.example", Notification),
            ("List-Unsubscribe: <mailto:x@y.example>", Notification),
            ("From: evidence+t.abc@northwind-labs.example", Own),
        ] {
            assert_eq!(of(headers, "Yes, confirmed."), Some(kind), "{headers}");
        }
    }

    #[test]
    fn people_stay_people() {
        for headers in [
            "Auto-Submitted: no",
            "Subject: Re: out of office is no reason",
            "Subject: [OPP-7] Result",
            "List-Id: <evidence.northwind-labs.example>\nPrecedence: list",
            "X-MS-Has-Attach: yes",
        ] {
            assert_eq!(of(headers, "Yes, confirmed."), None, "{headers}");
        }
        assert_eq!(of("", "👍"), None, "a typed emoji is written by a person");
    }

    #[test]
    fn stock_wording_decides_last() {
        use Automatic::{Challenge, Reaction, Recall, Ticket};
        assert_eq!(of("", "👍\n\nDana reacted via Gmail"), Some(Reaction));
        assert_eq!(of("", "[Like] Dana Ruiz reacted to your message:"), Some(Reaction));
        assert_eq!(of("", "Liked “Could you confirm the result?”"), Some(Reaction));
        assert_eq!(of("Content-Disposition: reaction", "👍"), Some(Reaction));
        assert_eq!(
            of("Subject: Recall: Result", "Dana Ruiz would like to recall the message, \"Result\"."),
            Some(Recall)
        );
        assert_eq!(of("", "Please click to confirm that you are a person."), Some(Challenge));
        assert_eq!(
            of("Subject: [#12345] Result", "##- Please type your reply above this line -##\n\nYes."),
            Some(Ticket)
        );
        assert_eq!(of("Subject: INC0012345 Result", "Your request has been received."), Some(Ticket));
    }

    #[test]
    fn calendar_answers_are_clicks_and_attached_files_are_not() {
        let part = |disposition: &str| {
            format!(
                "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nYes.\n--b\nContent-Type: text/calendar; method=REPLY\n{disposition}\nBEGIN:VCALENDAR\n--b--\n"
            )
        };
        assert_eq!(of(&part(""), ""), Some(Automatic::Calendar));
        assert_eq!(of(&part("Content-Disposition: attachment\n"), ""), None);
    }

    #[test]
    fn weak_signs_ask_a_person() {
        assert!(weakly("X-Auto-Response-Suppress: DR, OOF", "Confirmed."));
        assert!(weakly("Subject: Approve: Result", ""));
        assert!(weakly("X-MS-Exchange-Inbox-Rules-Loop: kim@northwind-labs.example", "Confirmed."));
        assert!(weakly("Content-Type: image/png", ""));
        assert!(!weakly("Subject: Re: Result", "Confirmed."));
        let rewritten = sent("From: Dana via Evidence <evidence@northwind-labs.example>", "Yes.");
        assert!(
            matches!(writer(&rewritten, &fresh("Yes."), &seller()), Writer::Person(weak) if weak.len() == 1)
        );
    }
}
