//! Machine-written mail as it comes, whole: every row of the table of signals, with people who look like machines.

use endorsed::model::{Address, Automatic, Kind, Seller};
use endorsed::parse::parse;
use endorsed::read::read;
use endorsed::recognise::{Thread, recognise};

/// What a mail is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Machine(Automatic),
    /// A person perhaps: somebody must look.
    Weak,
    Person,
}

fn taken(raw: &str) -> Taken {
    let seller = Seller {
        domains: vec!["seller.example".into()],
        names: vec!["Cascade".into()],
        evidence: Address::new("evidence@seller.example").unwrap(),
    };
    let message = parse(raw.as_bytes());
    let reading = read(&message, &[]);
    let found = recognise(&message, &reading, &Thread::default(), &seller);
    match found.automatic {
        Some(kind) => {
            assert_eq!(found.kind, Kind::Automatic);
            Taken::Machine(kind)
        }
        None if found.weak_machine => Taken::Weak,
        None => Taken::Person,
    }
}

/// A reply of the champion with more header fields.
fn mail(fields: &str, subject: &str, body: &str) -> String {
    let from = if fields.contains("From:") { "" } else { "From: Dana Ruiz <dana@acme.example>\n" };
    let kind = if fields.contains("Content-Type:") {
        ""
    } else {
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
    };
    format!(
        "{from}To: Kim Doe <kim@seller.example>\nSubject: {subject}\nMessage-ID: <r@acme.example>\nIn-Reply-To: <d@seller.example>\nDate: Wed, 04 Nov 2026 09:31:00 +0100\n{kind}{fields}\n{body}\n"
    )
}

/// A multipart of parts that each begin with their own header.
fn parts(kind: &str, parts: &[&str]) -> String {
    let body: String = parts.iter().map(|part| format!("--cut\n{part}\n")).collect();
    mail(
        &format!("MIME-Version: 1.0\nContent-Type: {kind}; boundary=cut\n"),
        "Re: Result",
        &format!("{body}--cut--"),
    )
}

const YES: &str = "Yes, confirmed. We recommend going forward.";

fn all(wanted: Taken, mails: &[String]) {
    for raw in mails {
        assert_eq!(taken(raw), wanted, "{raw}");
    }
}

#[test]
fn absence_notes() {
    let head = |fields: &str| mail(fields, "Re: Result", YES);
    let subject = |subject: &str| mail("", subject, YES);
    all(
        Taken::Machine(Automatic::AutoReply),
        &[
            head("Auto-Submitted: auto-replied\n"),
            head("Auto-Submitted: Auto-Replied (vacation); owner-email=\"x\"\n"),
            head("Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\n"),
            head("Return-Path: <>\n"),
            head("Precedence: auto_reply\n"),
            head("Precedence: junk\n"),
            head("X-Autoreply: yes\n"),
            head("X-Autorespond: Result\n"),
            head("X-Vacation: on\n"),
            head("X-MS-Exchange-Inbox-Rules-Loop: dana@acme.example\n"),
            head("x-ms-exchange-generated-message-source: Mailbox Rules Agent\n"),
            subject("Automatic reply: Result"),
            subject("Out of Office: Result"),
            subject("Abwesenheitsnotiz: Result"),
            subject("Automatische Antwort: Result"),
            subject("Réponse automatique : Result"),
            subject("Absence du bureau : Result"),
            subject("Respuesta automática: Result"),
            subject("Risposta automatica: Result"),
            subject("Automatisch antwoord: Result"),
            subject("Autosvar: Result"),
            subject("Resposta automática: Result"),
            subject("自動応答: Result"),
            subject("自动答复: Result"),
        ],
    );
}

#[test]
fn reports() {
    let report = |kind: &str, machine: &str| {
        parts(
            &format!("multipart/report; report-type={kind}"),
            &[&format!("Content-Type: text/plain\n\n{YES}\n"), machine],
        )
    };
    let status = |action: &str| {
        report(
            "delivery-status",
            &format!(
                "Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; kim@seller.example\nAction: {action}\nStatus: 5.1.1\n"
            ),
        )
    };
    let mut bounces: Vec<String> =
        ["failed", "delayed", "delivered", "relayed", "expanded"].iter().map(|a| status(a)).collect();
    bounces.push(mail("X-Failed-Recipients: kim@seller.example\n", "Re: Result", YES));
    bounces.push(mail(
        "From: Mail Delivery System <MAILER-DAEMON@acme.example>\n",
        "Undelivered Mail Returned to Sender",
        YES,
    ));
    all(Taken::Machine(Automatic::Bounce), &bounces);
    let read = "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; dana@acme.example\nDisposition: manual-action/MDN-sent-manually; displayed\n";
    all(
        Taken::Machine(Automatic::Receipt),
        &[
            report("disposition-notification", read),
            mail("", "Read: Result", ""),
            mail("", "Not read: Result", ""),
            mail("", "Gelesen: Result", ""),
            mail("", "Lu : Result", ""),
        ],
    );
    let feedback = "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n";
    all(Taken::Machine(Automatic::Notification), &[report("feedback-report", feedback)]);
}

#[test]
fn calendar_answers() {
    let invitation = |method: &str, state: &str| {
        format!(
            "Content-Type: text/calendar; charset=utf-8; method={method}\n\nBEGIN:VCALENDAR\nMETHOD:{method}\nBEGIN:VEVENT\nATTENDEE;PARTSTAT={state}:mailto:dana@acme.example\nEND:VEVENT\nEND:VCALENDAR\n"
        )
    };
    let note = format!("Content-Type: text/plain\n\n{YES}\n");
    let mut mails: Vec<String> = [
        ("REPLY", "ACCEPTED"),
        ("REPLY", "TENTATIVE"),
        ("COUNTER", "DECLINED"),
        ("REQUEST", "NEEDS-ACTION"),
        ("CANCEL", "DECLINED"),
    ]
    .iter()
    .map(|(method, state)| parts("multipart/alternative", &[&note, &invitation(method, state)]))
    .collect();
    mails.push(mail(
        "MIME-Version: 1.0\nContent-Type: text/calendar; method=REPLY\n",
        "Accepted: Result",
        "BEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR",
    ));
    all(Taken::Machine(Automatic::Calendar), &mails);
    // A file that lies in the mail is no answer.
    let file = invitation("PUBLISH", "ACCEPTED")
        .replace("\n\nBEGIN", "\nContent-Disposition: attachment; filename=x.ics\n\nBEGIN");
    all(Taken::Person, &[parts("multipart/mixed", &[&note, &file])]);
}

#[test]
fn reactions() {
    let text = |body: &str| mail("", "Re: Result", body);
    let quote =
        "\n\nOn Tue, Nov 3, 2026 at 10:12 AM Kim Doe <kim@seller.example> wrote:\n\n> Could you confirm?\n";
    let mut mails: Vec<String> = [
        "👍\n\nDana Ruiz reacted via Gmail <https://www.google.com/gmail/about/?utm_source=gmail-in-product>",
        "Dana Ruiz reacted to your message:",
        "[Like] Dana Ruiz reacted to your message:",
        "❤️ Dana Ruiz hat auf Ihre Nachricht reagiert:",
        "Dana Ruiz hat über Gmail reagiert",
        "Dana Ruiz a réagi à votre message :",
        "Dana Ruiz a réagi via Gmail",
        "Dana Ruiz reaccionó a tu mensaje:",
        "Dana Ruiz ha reagito al tuo messaggio:",
        "Dana Ruiz reagiu à sua mensagem:",
        "Dana Ruiz heeft op je bericht gereageerd:",
        "Dana Ruiz reagerade på ditt meddelande:",
    ]
    .iter()
    .map(|body| text(&format!("{body}{quote}")))
    .collect();
    mails.extend(
        [
            "Liked “Could you confirm the result?”",
            "Loved \"Could you confirm the result?\"",
            "Laughed at “Could you confirm the result?”",
            "Emphasized “Could you confirm the result?”",
            "Questioned “Could you confirm the result?”",
            "Disliked “Could you confirm the result?”",
            "Liked an image",
        ]
        .map(text),
    );
    mails.push(parts(
        "multipart/alternative",
        &[
            "Content-Type: text/plain; charset=utf-8\n\n👍\n",
            "Content-Type: text/vnd.google.email-reaction+json; charset=utf-8\n\n{\"emoji\":\"👍\",\"version\":1}\n",
        ],
    ));
    mails.push(mail(
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Disposition: reaction\n",
        "Re: Result",
        "👍",
    ));
    all(Taken::Machine(Automatic::Reaction), &mails);
    all(Taken::Person, &[text("👍"), text("Loved “the demo”, but SSO is still broken.")]);
    all(
        Taken::Weak,
        &[text("Dana reacted to your message:\nand I must add that we cannot sign this off yet.")],
    );
}

#[test]
fn recalls_freeze_and_challenges_do_not_confirm() {
    all(
        Taken::Machine(Automatic::Recall),
        &[
            mail("", "Recall: Re: Result", "Dana Ruiz would like to recall the message, \"Re: Result\"."),
            mail("", "Rückruf: Re: Result", "Dana Ruiz möchte die Nachricht \"Re: Result\" zurückrufen."),
            mail("", "Rappel : Re: Result", "Dana Ruiz souhaite rappeler le message « Re: Result »."),
        ],
    );
    all(
        Taken::Machine(Automatic::Challenge),
        &[
            mail("X-Boxbe-Challenge: 1\n", "Re: Result", "Please confirm."),
            mail("", "Re: Result", "Please confirm that you are a real person by clicking the link below."),
            mail("", "Re: Result", "Click the link below to deliver your message to Dana."),
        ],
    );
}

#[test]
fn tickets_lists_and_services() {
    let head = |fields: &str| mail(fields, "Re: Result", YES);
    all(
        Taken::Machine(Automatic::Ticket),
        &[
            head("X-ServiceNow-Generated: true\n"),
            head("X-JIRA-FingerPrint: abc\n"),
            head("X-Zendesk-From-Account-Id: 1\n"),
            head("X-GitHub-Reason: mention\n"),
            mail("", "[#12345] Result", &format!("##- Please type your reply above this line -##\n\n{YES}")),
            mail("", "INC0012345 Result", "Your request has been received and registered."),
            mail("", "[Ticket 4711] Result", "Ihr Ticket wurde erstellt."),
        ],
    );
    all(
        Taken::Machine(Automatic::List),
        &[
            head("List-Id: <eval.acme.example>\n"),
            head("Precedence: list\n"),
            head("Mailing-List: list eval@acme.example\n"),
        ],
    );
    all(
        Taken::Machine(Automatic::Notification),
        &[
            head("From: Slack <notification@slack.example>\n"),
            head("From: no-reply@teams.example\n"),
            head("Feedback-ID: 1:2:3\n"),
            head("List-Unsubscribe: <https://x.example>\n"),
            head("Auto-Submitted: auto-notified\n"),
            head("X-MS-Journal-Report: \n"),
            mail("", "Re: Result", "Dana Ruiz started a conversation about this email in Google Chat."),
        ],
    );
    all(
        Taken::Machine(Automatic::Own),
        &[head("From: evidence@seller.example\n"), head("X-Endorsed-Prompt: 1\n")],
    );
}

#[test]
fn what_cannot_be_read_or_was_clicked_goes_to_a_person() {
    let sealed = "MIME-Version: 1.0\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\nContent-Transfer-Encoding: base64\n";
    let picture = "MIME-Version: 1.0\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n";
    let rights = "MIME-Version: 1.0\nContent-Type: application/x-microsoft-rpmsg-message\nContent-Transfer-Encoding: base64\n";
    let tnef = "MIME-Version: 1.0\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n";
    let mut mails: Vec<String> =
        [sealed, picture, rights, tnef].iter().map(|head| mail(head, "Re: Result", "AAAA")).collect();
    mails.extend(
        ["Approve: Result", "Reject: Result", "Yes: Result", "Genehmigen: Result"].map(|s| mail("", s, "")),
    );
    mails.extend(
        [
            "Dana Ruiz has sent you an email via Gmail confidential mode: View the email",
            "Dana Ruiz (dana@acme.example) has sent you a protected message. Read the message",
        ]
        .map(|body| mail("", "Re: Result", body)),
    );
    mails.push(mail("X-Auto-Response-Suppress: DR, OOF, AutoReply\n", "Re: Result", YES));
    all(Taken::Weak, &mails);
}

#[test]
fn people_stay_people() {
    let head = |fields: &str| mail(fields, "Re: Result", YES);
    all(
        Taken::Person,
        &[
            head(""),
            head("Auto-Submitted: no\n"),
            head("X-MS-Exchange-Organization-AuthAs: Internal\nX-Originating-IP: [192.0.2.1]\n"),
            mail("", "Re: Read: the report", YES),
            mail("", "Re: Automatic reply: what do you think?", YES),
            mail("", "Re: Result", "I am out of office next week, but yes, confirmed."),
        ],
    );
    // A strong sign in an attached mail says nothing about the outer one.
    let attached = parts(
        "multipart/mixed",
        &[
            &format!("Content-Type: text/plain\n\n{YES}\n"),
            "Content-Type: message/rfc822\n\nFrom: ann@acme.example\nAuto-Submitted: auto-replied\nSubject: x\n\nI am away.\n",
        ],
    );
    all(Taken::Person, &[attached]);
}
