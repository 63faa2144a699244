//! Replies as mail programs write them, quoting what the champion was shown: nothing softer may pass, and honest
//! quotes must.

use super::quotes::{BARE, BARE_CRITERIA};
use super::*;
use crate::read::{body_text, read};

/// The mandatory points as a mail program shows them in HTML.
const SHOWN: &str = "<p>Hello Dana,</p><p>the mandatory points of our joint plan were shown to work on your side:</p>\
    <ol><li>Orders reach the ledger within 5 seconds</li><li>Nightly backup can be restored by one person</li>\
    <li>99.9% uptime</li></ol><p>Would you answer and say whether your team takes the trial for a success?</p><p>Sam</p>";
const WROTE: &str = "On Fri, Nov 20, 2026 at 10:00 AM Sam <sam@northwind.example> wrote:\n";

/// A scene whose declaration has the bare list, as plain text and as HTML.
fn scene(plain: Option<&str>, html: Option<&str>) -> Scene {
    let mut scene = Scene::honest();
    let mut message = scene.declared.message.as_ref().clone();
    (message.plain, message.html) = (plain.map(str::to_owned), html.map(str::to_owned));
    scene.declared.message = Arc::new(message);
    let list = BARE_CRITERIA.iter().zip(1..);
    scene.declaration.criteria =
        list.map(|((text, result), n)| Criterion { n, text: (*text).into(), result: *result }).collect();
    scene
}

/// Who said it and what was seen, when the reply has these parts.
fn judged(mut scene: Scene, plain: Option<&str>, html: Option<&str>) -> (Claim, CriteriaSeen) {
    (scene.reply.plain, scene.reply.html) = (plain.map(str::to_owned), html.map(str::to_owned));
    let original = body_text(&scene.declared.message);
    let reading = read(&scene.reply, &[&original]);
    let witnessed = Witnessed {
        message: Arc::new(scene.reply.clone()),
        signatures: scene.signatures.clone(),
        seen_at: scene.seen_at,
        sighting: Sighting::Delivered,
        carried_by: None,
    };
    let case = Case { declared: &scene.declared, declaration: &scene.declaration, prompts: &[] };
    let found = verify(&witnessed, &case, &reading, &scene.policy);
    (found.claim, found.seen)
}

fn marked(text: &str, mark: &str) -> String {
    text.lines().map(|l| format!("{mark}{l}\n")).collect()
}

fn gmail(shown: &str) -> String {
    format!(
        "<div dir=\"ltr\">Confirmed.</div><br><div class=\"gmail_quote\"><div class=\"gmail_attr\">On Fri, Nov 20, 2026 at 10:00 AM Sam &lt;sam@northwind.example&gt; wrote:<br></div><blockquote class=\"gmail_quote\">{shown}</blockquote></div>"
    )
}

fn outlook(shown: &str) -> String {
    format!(
        "<html><body><div>Confirmed.</div><div id=\"appendonsend\"></div><hr><div id=\"divRplyFwdMsg\"><b>From:</b> Sam &lt;sam@northwind.example&gt;<br><b>Sent:</b> Friday, November 20, 2026 10:00 AM<br><b>To:</b> Dana<br><b>Subject:</b> Win</div><div>{shown}</div></body></html>"
    )
}

fn outlook_plain(text: &str) -> String {
    format!(
        "Confirmed.\n\n________________________________\nFrom: Sam <sam@northwind.example>\nSent: Friday, November 20, 2026 10:00 AM\nTo: Dana\nSubject: Win\n\n{text}"
    )
}

/// The reply in the shapes of several mail programs, for what was shown as text and as HTML.
fn shapes(text: &str, shown: &str) -> Vec<(Option<String>, Option<String>)> {
    let plain = format!("Confirmed.\n\n{WROTE}{}", marked(text, "> "));
    vec![
        (Some(plain.clone()), None),
        (Some(plain), Some(gmail(shown))),
        (None, Some(gmail(shown))),
        (Some(outlook_plain(text)), Some(outlook(shown))),
        (None, Some(outlook(shown))),
        (Some(outlook_plain(text)), None),
        (Some(format!("{WROTE}{}\nConfirmed.\n", marked(text, ">"))), None),
    ]
}

#[test]
fn no_softer_text_passes() {
    for (old, new) in [
        ("Orders reach the ledger within 5 seconds", "Orders reach the ledger"),
        ("Orders reach the ledger within 5 seconds", "Orders reach the ledger within 5 minutes"),
        ("within 5 seconds", "within 50 seconds"),
        ("can be restored by one person", "was looked at"),
        ("can be restored by one person", "can be restored by one person, planned for Q3"),
        ("99.9%", "99%"),
        ("99.9% uptime", "uptime"),
        ("99.9% uptime", "Uptime: discussed"),
        ("99.9% uptime", "A friendly demo"),
        ("Nightly backup can be restored by one person", "Login"),
        ("Nightly backup can be restored by one person", "The team liked it: see sam@northwind.example"),
    ] {
        for (plain, html) in shapes(&BARE.replace(old, new), &SHOWN.replace(old, new)) {
            for declared in
                [scene(Some(BARE), None), scene(Some(BARE), Some(SHOWN)), scene(None, Some(SHOWN))]
            {
                let (claim, seen) = judged(declared, plain.as_deref(), html.as_deref());
                assert_eq!(
                    (claim, seen),
                    (Claim::Unverified, CriteriaSeen::Differ),
                    "{new}\n{plain:?}\n{html:?}"
                );
            }
        }
    }
}

#[test]
fn honest_quotes_pass() {
    let footer = "Northwind Labs GmbH, Hafenstr. 1\n- Managing directors: A. B.\n";
    let shown_footer = format!("{SHOWN}<ul><li>New: visit our stand at the fair</li></ul>");
    let plain_footer = format!("{BARE}\n-- \nSam\nNew: visit our stand at the fair\n");
    for (plain, html) in shapes(BARE, SHOWN) {
        for declared in [scene(Some(BARE), None), scene(Some(BARE), Some(SHOWN)), scene(None, Some(SHOWN))] {
            let (claim, seen) = judged(declared, plain.as_deref(), html.as_deref());
            assert_eq!((claim, seen), (Claim::Verified, CriteriaSeen::Quoted), "{plain:?}\n{html:?}");
        }
        let with_notice = plain.map(|p| format!("{p}\n\n{footer}"));
        let (claim, _) = judged(scene(Some(BARE), Some(SHOWN)), with_notice.as_deref(), html.as_deref());
        assert_eq!(claim, Claim::Verified, "{with_notice:?}\n{html:?}");
    }
    for (plain, html) in shapes(&plain_footer, &shown_footer) {
        let declared = scene(Some(&plain_footer), Some(&shown_footer));
        let (claim, _) = judged(declared, plain.as_deref(), html.as_deref());
        assert_eq!(claim, Claim::Verified, "{plain:?}\n{html:?}");
    }
}

#[test]
fn a_thread_with_several_declarations_is_told_apart() {
    let soft = BARE
        .replace("Orders reach the ledger within 5 seconds", "Somebody logged in")
        .replace("99.9% uptime", "A call");
    let nested = |top: &str, below: &str, between: &str| {
        let below = marked(below, "> ");
        let body = format!("{top}\n{between}\n{below}");
        format!("Confirmed.\n\n{WROTE}{}", marked(&body, "> "))
    };
    let asked = "On Thu, Nov 19, 2026 at 8:00 AM Dana <dana@acme.example> wrote:";
    // Shown the softer list, above the recorded one.
    let text = nested(&soft, BARE, asked);
    assert_eq!(judged(scene(Some(BARE), None), Some(&text), None).1, CriteriaSeen::Differ, "{text}");
    // The recorded declaration itself quotes an earlier, softer attempt.
    let recorded = format!("{BARE}\n{asked}\n{}", marked(&soft, "> "));
    let text = nested(BARE, &soft, asked);
    assert_eq!(
        judged(scene(Some(&recorded), None), Some(&text), None),
        (Claim::Verified, CriteriaSeen::Quoted),
        "{text}"
    );
    // A question and an answer, with a list of their own, between the declaration and the yes.
    let mut later = scene(Some(BARE), None);
    later.reply.in_reply_to = vec![MessageId::new("q2@northwind.example").unwrap()];
    let answer = "Hi Dana,\n\nthe two points you asked about:\n\n1. stops are planned ones\n2. the list is on the share\n\nSam\n";
    let text = nested(answer, BARE, asked);
    assert_eq!(judged(later, Some(&text), None), (Claim::Verified, CriteriaSeen::Quoted), "{text}");
    // A later mail that nobody recorded declares softer criteria above the recorded ones.
    for softer in [
        soft.clone(),
        soft.replace("Hello Dana", "Dear Dana"),
        soft.replace("logged in", "logged in — Passed").replace("A call", "A call — Passed"),
    ] {
        let mut later = scene(Some(BARE), None);
        later.reply.in_reply_to = vec![MessageId::new("hidden@northwind.example").unwrap()];
        let text = nested(&softer, BARE, asked);
        assert_eq!(judged(later, Some(&text), None).0, Claim::Unverified, "{text}");
    }
}

#[test]
fn hidden_criteria_are_not_seen() {
    let soft = SHOWN
        .replace("Orders reach the ledger within 5 seconds", "Somebody logged in")
        .replace("99.9% uptime", "A call");
    let list =
        "<div style=\"display:none\">1. Orders reach the ledger within 5 seconds<br>3. 99.9% uptime</div>";
    for shown in [format!("{soft}{list}"), format!("{list}{soft}")] {
        let (claim, _) = judged(scene(Some(BARE), Some(SHOWN)), None, Some(&gmail(&shown)));
        assert_eq!(claim, Claim::Unverified, "{shown}");
        let plain = format!("Confirmed.\n\n{WROTE}{}", marked(BARE, "> "));
        let (claim, _) = judged(scene(Some(BARE), Some(SHOWN)), Some(&plain), Some(&gmail(&shown)));
        assert_eq!(claim, Claim::Unverified, "{shown}");
        // The seller's own mail shows one thing and says another.
        let (claim, _) = judged(scene(Some(BARE), Some(&shown)), Some(&plain), None);
        assert_eq!(claim, Claim::Unverified, "{shown}");
    }
}

#[test]
fn a_later_mail_may_ask_about_the_criteria_and_not_restate_them() {
    let later = |between: &str| {
        let mut later = scene(Some(BARE), None);
        later.reply.in_reply_to = vec![MessageId::new("q2@northwind.example").unwrap()];
        let asked = "On Thu, Nov 19, 2026 at 8:00 AM Dana <dana@acme.example> wrote:";
        let body = format!("Hi Dana,\n\n{between}\n\n{asked}\n{}", marked(BARE, "> "));
        judged(later, Some(&format!("Confirmed.\n\n{WROTE}{}", marked(&body, "> "))), None).0
    };
    assert_eq!(
        later("Two questions:\n1. Do orders reach the ledger within 5 seconds at night?\n2. Who pays?"),
        Claim::Verified
    );
    assert_eq!(later("We speak on:\n- Monday about the start\n- Tuesday about the price"), Claim::Verified);
    assert_eq!(
        later("In short:\n- Orders reach the ledger within 5 minutes\n- Demo given"),
        Claim::Unverified
    );
    assert_eq!(later("In short:\n✅ Demo — Passed\n✅ Workshop — Passed"), Claim::Unverified);
}

#[test]
fn results_and_tables_are_compared_in_every_program() {
    let rows = [
        ("Orders within 5 s", "5 s", "Passed"),
        ("Restore by one person", "1", "Failed"),
        ("Uptime", "99.9%", "Passed"),
    ];
    let table = |rows: &[(&str, &str, &str)]| {
        let rows: Vec<String> =
            rows.iter().map(|(a, b, c)| format!("<tr><td>{a}</td><td>{b}</td><td>{c}</td></tr>")).collect();
        format!(
            "<p>Hello Dana,</p><p>here is how the trial at your site went in the end:</p><table><tr><th>Point</th><th>Goal</th><th>Result</th></tr>{}</table><p>Does your team take this for a success?</p><p>Sam</p>",
            rows.concat()
        )
    };
    let declared = || {
        let mut scene = scene(None, Some(&table(&rows)));
        let results = [DeclaredResult::Pass, DeclaredResult::Fail, DeclaredResult::Pass];
        let list = rows.iter().zip(results).zip(1..);
        scene.declaration.criteria =
            list.map(|((row, result), n)| Criterion { n, text: row.0.into(), result }).collect();
        scene
    };
    let cells = |rows: &[(&str, &str, &str)], gap: &str| {
        let rows: Vec<String> = rows.iter().map(|(a, b, c)| format!("{a}{gap}{b}{gap}{c}\n")).collect();
        format!(
            "Hello Dana,\n\nhere is how the trial at your site went in the end:\n\nPoint{gap}Goal{gap}Result\n{}\nDoes your team take this for a success?\n\nSam\n",
            rows.concat()
        )
    };
    let mut turned = rows;
    turned.reverse();
    let with = |at: usize, row: (&'static str, &'static str, &'static str)| {
        let mut rows = rows;
        rows[at] = row;
        rows
    };
    for (rows, claim) in [
        (rows, Claim::Verified),
        (turned, Claim::Verified),
        (with(1, ("Restore by one person", "1", "Passed")), Claim::Unverified),
        (with(1, ("Restore", "1", "Passed")), Claim::Unverified),
        (with(0, ("Orders within 9 s", "5 s", "Passed")), Claim::Unverified),
        (with(0, ("Orders within 5 s", "9 s", "Passed")), Claim::Unverified),
        (with(0, ("Login", "any", "Passed")), Claim::Unverified),
    ] {
        for gap in ["\n", " | ", "\t", " "] {
            for (plain, html) in shapes(&cells(&rows, gap), &table(&rows)) {
                let (found, seen) = judged(declared(), plain.as_deref(), html.as_deref());
                assert_eq!(found, claim, "{seen:?} {rows:?} {gap:?}\n{plain:?}\n{html:?}");
            }
        }
    }
}

#[test]
fn quotes_without_marks_are_compared() {
    let soft = BARE.replace("Orders reach the ledger within 5 seconds", "Somebody logged in");
    let added = BARE.replace("3. ", "3. The manual was read\n4. ");
    let answered = BARE.replace("2. Night", "Yes.\n\n2. Night").replace("3. ", "\nYes, that too.\n\n3. ");
    for (shown, claim) in [
        (BARE, Claim::Verified),
        (&answered, Claim::Verified),
        (&soft, Claim::Unverified),
        (&added, Claim::Unverified),
    ] {
        for text in [format!("Confirmed.\n\n{shown}"), format!("{shown}\nConfirmed.\n")] {
            let html = format!("<div>{}</div>", text.replace('\n', "<br>"));
            let declared = || scene(Some(BARE), Some(SHOWN));
            assert_eq!(judged(declared(), Some(&text), None).0, claim, "{text}");
            assert_eq!(judged(declared(), None, Some(&html)).0, claim, "{text}");
        }
    }
}
