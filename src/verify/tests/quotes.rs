//! Quotes of the declaration: the recorded criteria, or others.

use super::*;

fn seen(quoted: &str) -> CriteriaSeen {
    let mut scene = Scene::honest();
    scene.quoted = quoted.to_owned();
    let found = scene.verify();
    assert_eq!(found.seen == CriteriaSeen::Differ, found.claim != Claim::Verified, "{found:#?}");
    found.seen
}

#[test]
fn the_quoted_criteria_are_compared() {
    let body = declared_body();
    assert_eq!(seen(&body), CriteriaSeen::Quoted);
    assert_eq!(seen(LIST), CriteriaSeen::Quoted);
    assert_eq!(seen(&body.replace("through Entra", "through\nEntra")), CriteriaSeen::Quoted, "wrapped");
    assert_eq!(seen(&body.replace("✅ ", "  * ")), CriteriaSeen::Quoted, "marks lost");
    assert_eq!(seen(&body.replace('✅', "âœ…").replace('—', "â€”")), CriteriaSeen::Quoted, "wrong charset");
    assert_eq!(seen(&body.replace('—', "-").to_uppercase()), CriteriaSeen::Quoted, "laid out anew");
    let raw = body.replace('✅', "=E2=9C=85").replace('—', "=E2=80=94").replace("Entra", "Ent=\nra");
    assert_eq!(seen(&raw), CriteriaSeen::Quoted, "quoted undecoded");
    assert_eq!(seen(""), CriteriaSeen::Threaded);
    assert_eq!(seen(LIST.lines().next().unwrap()), CriteriaSeen::Threaded, "trimmed");
    assert_eq!(seen("Let us meet on Tuesday about something else."), CriteriaSeen::Threaded);
    let outro_only = "Tomas Keller will reach out about the commercial framework next week.";
    assert_eq!(seen(outro_only), CriteriaSeen::Threaded);
}

#[test]
fn another_text_than_the_recorded_one_is_seen() {
    let body = declared_body();
    let differs = |text: &str, why: &str| assert_eq!(seen(text), CriteriaSeen::Differ, "{why}: {text}");
    differs(&body.replace("seconds — Passed", "seconds — Failed"), "result");
    differs(&body.replace("✅ Failover", "❌ Failover"), "mark");
    differs(&body.replace("30 seconds", "90 seconds"), "figure");
    differs(&body.replace("under 30 seconds", "under 130 seconds"), "figure that holds the old one");
    differs(&body.replace("✅ Failover under 30 seconds — Passed", ""), "left out");
    differs(&body.replace("✅ Failover", "✅ Role based access — Failed\n✅ Failover"), "one more");
    differs(&body.replace('—', "=E2=80=94").replace("30", "90"), "figure, quoted undecoded");
    differs(&format!("{LIST}\n✅ Audit trail export — Passed"), "one more at the end");
    Scene { quoted: body.replace("30", "90"), ..Scene::honest() }.is(Claim::Unverified, "criteria_differ");
}

/// A declaration of another shape: body, criteria, and the quotes that must be told apart.
fn compare(body: &str, criteria: &[(&str, DeclaredResult)], quoted: &str) -> CriteriaSeen {
    let mut scene = Scene::honest();
    let mut message = scene.declared.message.as_ref().clone();
    message.plain = Some(body.to_owned());
    scene.declared.message = Arc::new(message);
    let list = criteria.iter().zip(1..);
    scene.declaration.criteria =
        list.map(|((text, result), n)| Criterion { n, text: (*text).into(), result: *result }).collect();
    scene.quoted = quoted.to_owned();
    scene.verify().seen
}

#[test]
fn lists_of_other_shapes_are_compared() {
    use CriteriaSeen::{Differ, Quoted};
    use DeclaredResult::{Fail, Pass, Unstated};
    let bare = "We agreed on these criteria:\n1. SSO\n2. SCIM provisioning\n3. Audit export\nAre they met?";
    let criteria = [("SSO", Unstated), ("SCIM provisioning", Unstated), ("Audit export", Unstated)];
    let seen = |quoted: &str| compare(bare, &criteria, quoted);
    assert_eq!(seen(bare), Quoted);
    assert_eq!(seen("- SSO\n- SCIM provisioning\n- Audit export"), Quoted);
    assert_eq!(seen("SSO\nSCIM provisioning Audit export Are they met?"), Quoted, "run together");
    assert_eq!(seen(&bare.replace("2. SCIM", "2. SCIM de")), Differ);
    assert_eq!(seen(&bare.replace("1. SSO", "1. SSO (pilot group only)")), Differ, "a note was added");

    let first = "Results:\nPassed: SSO\nFailed: SCIM provisioning\nWe go on anyway, the fix comes soon.";
    let criteria = [("SSO", Pass), ("SCIM provisioning", Fail)];
    assert_eq!(compare(first, &criteria, first), Quoted);
    assert_eq!(compare(first, &criteria, &first.replace("Failed", "Passed")), Differ);

    let table = "SSO\nPassed\n\nSCIM provisioning\nNot met\n\nPlease confirm this in writing, Dana.";
    assert_eq!(compare(table, &criteria, &table.replace("\n\n", "|").replace('\n', " ")), Quoted);
    assert_eq!(compare(table, &criteria, &table.replace("Not met", "Met")), Differ);

    let prose =
        "You validated a 43% reduction in MTTR and single sign-on with\nEntra ID. Do you agree, Dana?";
    let criteria = [("43% reduction in MTTR", Pass), ("single sign-on with Entra ID", Pass)];
    let wrapped = prose.replace('\n', " ").replace("MTTR and", "MTTR\nand");
    assert_eq!(compare(prose, &criteria, &wrapped), Quoted);
    assert_eq!(compare(prose, &criteria, &prose.replace("43%", "143%")), Differ);
    assert_eq!(compare(prose, &criteria, &prose.replace("43%", "34%")), Differ);
}

#[test]
fn prose_that_names_a_criterion_is_no_change_of_it() {
    use DeclaredResult::Pass;
    let body =
        "We tested SSO and the audit export for two weeks.\n✅ SSO — Passed\n✅ Audit export — Passed\n";
    let criteria = [("SSO", Pass), ("Audit export", Pass)];
    assert_eq!(compare(body, &criteria, body), CriteriaSeen::Quoted);
    let trimmed = body.replace("✅ SSO — Passed\n", "");
    assert_eq!(compare(body, &criteria, &trimmed), CriteriaSeen::Threaded);
    let changed = body.replace("✅ SSO — Passed", "✅ SSO — Passed in the pilot");
    assert_eq!(compare(body, &criteria, &changed), CriteriaSeen::Differ);
}

#[test]
fn earlier_answers_inside_the_quote_are_no_difference() {
    let interleaved = declared_body().replace(
        "✅ Failover",
        "Works for us, deprovisioning took a minute.\n\nOn Friday Sam wrote:\n✅ Failover",
    );
    assert_eq!(seen(&interleaved), CriteriaSeen::Quoted);
}

/// A request as its list stands in a mail, without results.
pub(super) const BARE: &str = "Hello Dana,\n\nthe mandatory points of our joint plan were shown to work on your side:\n\n\
    1. Orders reach the ledger within 5 seconds\n2. Nightly backup can be restored by one person\n3. 99.9% uptime\n\n\
    Would you answer and say whether your team takes the trial for a success?\n\nSam\n";
pub(super) const BARE_CRITERIA: &[(&str, DeclaredResult)] = &[
    ("Orders reach the ledger within 5 seconds", DeclaredResult::Unstated),
    ("Nightly backup can be restored by one person", DeclaredResult::Unstated),
    ("99.9% uptime", DeclaredResult::Unstated),
];

#[test]
fn replaced_and_added_criteria_are_a_difference() {
    let unlisted = |text: &str| text.replace("1. ", "").replace("2. ", "").replace("3. ", "");
    let softer = BARE
        .replace("Orders reach the ledger within 5 seconds", "Somebody logged in")
        .replace("Nightly backup can be restored by one person", "We had a call");
    let all_softer = softer.replace("99.9% uptime", "Documentation received");
    let added = BARE.replace("3. 99", "3. The manual was read\n4. 99");
    let appended = BARE.replace("uptime\n", "uptime\n4. The manual was read\n");
    let figure = BARE.replace("99.9%", "95%");
    let noted = BARE.replace("person\n", "person\n   (in the lab only)\n");
    let result = softer.replace("logged in", "logged in — Passed").replace("a call", "a call — Passed");
    let intro_only = all_softer.replace("Would you answer", "Do you like it");
    let dashes = softer.replace("1. ", "- ").replace("2. ", "* ").replace("3. ", "• ");
    for text in [&softer, &all_softer, &added, &appended, &figure, &noted, &result, &intro_only, &dashes] {
        for text in [text.clone(), unlisted(text), text.replace("\n\n", "\n"), text.to_uppercase()] {
            assert_eq!(compare(BARE, BARE_CRITERIA, &text), CriteriaSeen::Differ, "{text}");
        }
    }
    let only_list = "1. Somebody logged in\n2. We had a call";
    assert_eq!(compare(BARE, BARE_CRITERIA, only_list), CriteriaSeen::Differ);
    let nothing_alike =
        "Hi! As agreed please say yes to our small friendly demo from last Thursday afternoon.";
    assert_eq!(compare(BARE, BARE_CRITERIA, nothing_alike), CriteriaSeen::Differ);
}

#[test]
fn the_same_criteria_in_another_layout_are_no_difference() {
    let list = "1. Orders reach the ledger within 5 seconds\n2. Nightly backup can be restored by one person\n3. 99.9% uptime";
    let turned = "1. 99.9% uptime\n2. Nightly backup can be restored by one person\n3. Orders reach the ledger within 5 seconds";
    let wrapped = BARE
        .replace("within 5", "within\n5")
        .replace("plan were", "plan\nwere")
        .replace("restored by", "restored\n   by");
    let garbled = BARE.replace("1. ", "â€¢ ").replace("2. ", "â€¢ ");
    let rows = BARE.replace("1. ", "| 1 | ").replace("2. ", "| 2 | ").replace("seconds\n", "seconds |\n");
    for text in [
        BARE.to_owned(),
        list.to_owned(),
        BARE.replace(list, turned),
        wrapped,
        BARE.replace("1. ", "- ").replace("2. ", "- ").replace("3. ", "- "),
        BARE.replace("1. ", "").replace("2. ", "").replace("3. ", ""),
        garbled,
        rows,
        BARE.replace("uptime", "uptime <https://safelinks.example/?u=1>"),
        format!("On Mon, Nov 2, 2026 at 9:00 AM Sam <sam@northwind.example> wrote:\n{BARE}"),
    ] {
        assert_eq!(compare(BARE, BARE_CRITERIA, &text), CriteriaSeen::Quoted, "{text}");
    }
    for text in [
        "1. Orders reach the ledger within 5 seconds\n[...]\n3. 99.9% uptime",
        "Orders reach the ledger within 5 seconds",
        "Would you answer and say whether your team takes the trial for a success?\n\nSam",
        "On Monday Dana wrote:\nHello Sam, how is the uptime measured, and over which weeks of the trial?",
    ] {
        assert_ne!(compare(BARE, BARE_CRITERIA, text), CriteriaSeen::Differ, "{text}");
    }
}

#[test]
fn each_part_of_either_mail_is_a_witness() {
    let soft = "<p>the mandatory points of our joint plan were shown to work on your side:</p><ol><li>Somebody logged in</li><li>We had a call</li><li>99.9% uptime</li></ol>";
    let scene = || {
        let mut scene = Scene::honest();
        let mut message = scene.declared.message.as_ref().clone();
        message.plain = Some(BARE.to_owned());
        scene.declared.message = Arc::new(message);
        let list = BARE_CRITERIA.iter().zip(1..);
        scene.declaration.criteria =
            list.map(|((text, result), n)| Criterion { n, text: (*text).into(), result: *result }).collect();
        scene
    };
    let mut quoted = scene();
    quoted.reply.plain = Some("We confirm.\n".into());
    quoted.reply.html = Some(format!("<p>We confirm.</p><blockquote type=\"cite\">{soft}</blockquote>"));
    quoted.is(Claim::Unverified, "criteria_differ");
    let mut declared = scene();
    let mut message = declared.declared.message.as_ref().clone();
    message.html = Some(soft.to_owned());
    declared.declared.message = Arc::new(message);
    declared.is(Claim::Unverified, "criteria_differ");
    let marked: String = BARE.lines().map(|l| format!("> {l}\n")).collect();
    let mut typed = scene();
    typed.reply.plain =
        Some(format!("We confirm.\n\n{}", marked.replace("> 3.", "> 3. A kind welcome\n> 4.")));
    typed.is(Claim::Unverified, "criteria_differ");
    let mut honest = scene();
    honest.reply.plain = Some(format!("We confirm.\n\n{marked}"));
    assert_eq!(honest.verify().claim, Claim::Verified);
    assert_eq!(honest.verify().seen, CriteriaSeen::Quoted);
}
