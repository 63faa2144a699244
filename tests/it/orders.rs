//! LINK and CHAMPION by mail, from end to end: what they do, who may give them, and what their author is told.

use endorsed::model::Message;

use crate::home::Home;
use crate::letters::{BUYER, Letters, SELLER};
use crate::outbox::{MAILDIR, OUTBOX, dana, home, is_to, kim, letter, wait_for, written};

const ACCOUNTS: &str = "[accounts]\nfile = \"accounts.toml\"\n";

/// With an accounts file that lists two people of the buyer.
fn at_home() -> Home {
    let home = home(&format!("{MAILDIR}{ACCOUNTS}"), OUTBOX, 3600);
    let accounts = format!(
        "[account.\"Larkspur Bank\"]\ndomains = [\"{BUYER}\"]\n[account.\"Larkspur Bank\".endorsers]\n\
         \"dana@{BUYER}\" = \"technical\"\n\"pat@{BUYER}\" = \"technical\"\n"
    );
    std::fs::write(home.path().join("accounts.toml"), accounts).unwrap();
    home
}

/// An order of Kim's or of somebody else at the seller's, each a mail of its own.
fn order(home: &Home, n: usize, of: (&str, &str), about: &Message, words: &str) {
    let raw = String::from_utf8(home.letters.order(about, words)).unwrap();
    let raw = raw
        .replace("Kim Sorel <kim@", &format!("{} <{}@", of.0, of.1))
        .replace("Message-ID: <answer-", &format!("Message-ID: <order-{n}-"));
    home.deliver(&format!("order.{n}"), &home.letters.signed_by_seller(&raw));
}

const KIM: (&str, &str) = ("Kim Sorel", "kim");
const LEE: (&str, &str) = ("Lee Park", "lee");

/// The answer to an order with these words in it.
fn told(home: &Home, to: &str, words: &str) -> Message {
    wait_for(&format!("answer with {words}"), home, || {
        let text = |m: &Message| m.plain.clone().unwrap_or_default();
        let says = |m: &Message| text(m).split_whitespace().collect::<Vec<_>>().join(" ").contains(words);
        written(home).into_iter().find(|m| is_to(m, to) && m.subject.contains("your order was") && says(m))
    })
}

#[test]
fn another_champion_by_mail_means_a_new_yes() {
    let home = at_home();
    let daemon = home.start();
    home.deliver("1.a", &home.letters.declaration("OPP-60010"));
    let receipt = letter(&home, &kim(), "your declaration is on record");
    home.deliver("2.b", &home.letters.reply("OPP-60010", 1, "Yes, we confirm."));
    home.wait_for_gate("OPP-60010", 0);
    // Somebody at another company, and somebody unsigned: nothing changes.
    order(&home, 1, KIM, &receipt, "CHAMPION pat@elsewhere.example");
    let refused = told(&home, &kim(), "none of the account's domains");
    assert!(refused.subject.contains("was not carried out"));
    assert_eq!(home.gate("OPP-60010"), 0);
    order(&home, 2, KIM, &receipt, &format!("CHAMPION pat@{BUYER}"));
    told(&home, &kim(), &format!("pat@{BUYER} is the champion of OPP-60010 now"));
    home.wait_for_gate("OPP-60010", 1);
    assert!(home.shown("OPP-60010").contains("champion_changed"), "{}", home.shown("OPP-60010"));
    let report = home.ask(&["show", "OPP-60010", "--json"]);
    let report = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(report.contains(&format!("kim@{SELLER}")), "{report}");
    // The former champion's word opens nothing any more; the new one's does.
    home.deliver("3.b", &home.letters.reply("OPP-60010", 2, "Yes, once more: we confirm."));
    let id = Letters::replied("OPP-60010", 2);
    wait_for("second reply", &home, || {
        let shown = home.ask(&["show", "OPP-60010", "--json"]).stdout;
        String::from_utf8_lossy(&shown).contains(&id).then_some(())
    });
    assert_eq!(home.gate("OPP-60010"), 1);
    let pat = String::from_utf8(home.letters.reply("OPP-60010", 3, "Yes, we confirm.")).unwrap();
    let pat = pat.replace("Dana Ruiz <dana@", "Pat Quill <pat@");
    home.deliver("4.b", &home.letters.signed_by_buyer(&pat));
    home.wait_for_gate("OPP-60010", 0);
    // One answer to each order, none to anybody else.
    let answers: Vec<Message> =
        written(&home).into_iter().filter(|m| m.subject.contains("your order was")).collect();
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|m| is_to(m, &kim())));
    assert!(written(&home).iter().all(|m| !is_to(m, &dana())), "the champion was written to");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn a_declaration_without_a_deal_is_linked_by_a_colleague_s_mail() {
    let home = home(MAILDIR, OUTBOX, 3600);
    let daemon = home.start();
    let mail = String::from_utf8(home.letters.declaration("OPP-60011")).unwrap();
    let mail =
        mail.replace("evidence+OPP-60011@", "evidence@").replace("declared-OPP-60011@", "declared-none@");
    home.deliver("1.a", &home.letters.signed_by_seller(&mail));
    let receipt = letter(&home, &kim(), "declaration");
    assert_eq!(home.gate("OPP-60011"), 1);
    // Whoever declared does not say to which deal that counts: as with `review link`.
    order(&home, 1, KIM, &receipt, "LINK OPP-60011");
    let refused = told(&home, &kim(), "the SE of a deal cannot decide about it");
    assert!(refused.subject.contains("[OPP-60011] your order was not carried out"), "{}", refused.subject);
    assert!(!home.shown("OPP-60011").contains("awaiting_reply"));
    order(&home, 2, LEE, &receipt, "LINK OPP-60011");
    told(&home, &format!("lee@{SELLER}"), "The declaration is linked to OPP-60011.");
    assert!(home.shown("OPP-60011").contains("awaiting_reply"), "{}", home.shown("OPP-60011"));
    assert_eq!(home.gate("OPP-60011"), 1, "an order is no verdict");
    // A restart reads the same orders and answers none of them again.
    let before = written(&home).len();
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let daemon = home.start();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(written(&home).len(), before);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}
