//! The SE-to-deal-desk story over real servers: mail through Dovecot, facts by the HTTP interface, and the gate asked by the
//! command line, by HTTP and on the page, which must say the same each time.

use std::time::{Duration, Instant};

use scraper::{Html, Selector};
use serde_json::{Value, json};

use crate::dovecot::Dovecot;
use crate::home::{Home, PATIENCE};
use crate::http_api::token;
use crate::letters::{BUYER, SELLER};
use crate::pages::{Fetched, fetch};

const DEAL: &str = "OPP-72901";
const GATE: &str = "commercial_review";

/// What somebody is told who asks.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    allowed: bool,
    codes: Vec<String>,
}

/// The deal desk's people and programs.
struct Story {
    home: Home,
    server: Dovecot,
    /// The CRM asks the gate with it.
    crm: String,
    /// The desk reads pages with it.
    reader: String,
}

/// Deal desk's policy: the win in verified words, the technical role, and two facts that only the desk may state.
fn gates() -> String {
    format!(
        "[groups]\ndesk = [\"ana@{SELLER}\"]\n\
         [fact.trial_deployed]\ntext = \"Is the trial deployed?\"\nby = [\"desk\"]\n\
         [fact.price_approved]\ntext = \"Is the price approved?\"\nby = [\"desk\"]\n\
         [gate.{GATE}]\nstanding = [\"confirmed\"]\nroles = {{ technical = 1 }}\n\
         questions = [\"trial_deployed\", \"price_approved\"]\n"
    )
}

impl Story {
    /// A daemon of which nobody without a token is told anything. It is started later: tokens need no daemon.
    fn new() -> Self {
        let server = Dovecot::start();
        let home = Home::imap(&server);
        std::fs::write(home.path().join("gates.toml"), gates()).unwrap();
        let accounts = format!(
            "[account.larkspur]\ndomains = [\"{BUYER}\"]\nendorsers = {{ \"dana@{BUYER}\" = \"technical\" }}\n"
        );
        std::fs::write(home.path().join("accounts.toml"), accounts).unwrap();
        let path = home.path().join("endorsed.toml");
        let config = std::fs::read_to_string(&path).unwrap();
        let closed = config
            .replace("open_on_loopback = \"read\"", "open_on_loopback = \"off\"")
            .replace("trust_declared_champions = true", "trust_declared_champions = false");
        let files = "[gates]\nfile = \"gates.toml\"\n[accounts]\nfile = \"accounts.toml\"\n";
        std::fs::write(&path, format!("{closed}{files}")).unwrap();
        Self { home, server, crm: String::new(), reader: String::new() }
    }

    fn send(&self, token: &str, method: &str, path: &str, body: &str) -> Fetched {
        let typed = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        fetch(self.home.port, method, path, &format!("Authorization: Bearer {token}\r\n{typed}"), body)
    }

    /// `endorsed gate --json`; the exit status says the same as the answer.
    fn by_command(&self) -> Said {
        let output = self.home.ask(&["gate", DEAL, "--to", GATE, "--json"]);
        let said = said(&serde_json::from_slice(&output.stdout).unwrap());
        assert_eq!(output.status.code(), Some(if said.allowed { 0 } else { 1 }), "{said:?}");
        said
    }

    fn by_http(&self) -> Said {
        let answer = self.send(&self.crm, "GET", &format!("/v1/gate?opportunity={DEAL}&to={GATE}"), "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        said(&serde_json::from_str(&answer.body).unwrap())
    }

    /// What the page of the opportunity shows of the gate that it explains.
    fn on_page(&self) -> Said {
        let page = self.send(&self.reader, "GET", &format!("/opportunities/{DEAL}?to={GATE}"), "");
        assert_eq!(page.status, 200, "{}", page.body);
        let page = Html::parse_document(&page.body);
        let texts = |selector: &str| -> Vec<String> {
            let found = Selector::parse(selector).unwrap();
            page.select(&found).map(|e| e.text().collect::<String>().trim().to_owned()).collect()
        };
        let allowed = match texts("a.card[aria-current=true] span.word").as_slice() {
            [word] if word.ends_with("Not allowed") => false,
            [word] if word.ends_with("Allowed") => true,
            other => panic!("the page says {other:?}"),
        };
        Said { allowed, codes: texts("#why ul.reasons p.code > code:first-child") }
    }

    /// Waits until the command line says so; then the two others must say it at once.
    fn expect(&self, when: &str, allowed: bool, codes: &[&str]) {
        let expected = Said { allowed, codes: codes.iter().map(|code| (*code).to_owned()).collect() };
        let start = Instant::now();
        loop {
            let now = self.by_command();
            if now == expected {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "{when}: {now:?}, not {expected:?}\n{}", self.home.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(self.by_http(), expected, "{when}, by HTTP");
        assert_eq!(self.on_page(), expected, "{when}, on the page");
    }

    /// States a fact by HTTP.
    fn state(&self, token: &str, fact: &str) {
        let body = json!({ "value": "yes", "reason": "seen in their tenant" }).to_string();
        let path = format!("/v1/opportunities/{DEAL}/facts/{fact}");
        let answer = self.send(token, "PUT", &path, &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

fn said(answer: &Value) -> Said {
    let reasons = answer["reasons"].as_array().unwrap();
    Said {
        allowed: answer["allowed"].as_bool().unwrap(),
        codes: reasons.iter().map(|r| r["code"].as_str().unwrap().to_owned()).collect(),
    }
}

#[test]
fn from_the_declaration_to_the_desk_all_three_say_the_same() {
    let mut story = Story::new();
    let daemon = story.home.start();
    story.crm = token(&story.home, "crm", "gate");
    story.reader = token(&story.home, "reader", "read");
    let ana = token(&story.home, &format!("ana@{SELLER}"), "review");
    let pat = token(&story.home, &format!("pat@{SELLER}"), "review");
    let (home, server) = (&story.home, &story.server);
    let unstated = ["fact_unstated", "fact_unstated"];

    // Of a deal that nobody has heard of there is no page.
    assert!(!story.by_command().allowed);
    assert_eq!(story.by_command(), story.by_http());
    let page = story.send(&story.reader, "GET", &format!("/opportunities/{DEAL}"), "");
    assert_eq!(page.status, 404, "{}", page.body);

    server.deliver(&home.letters.declaration(DEAL));
    story.expect(
        "declared",
        false,
        &["awaiting_reply", "endorser_missing", "fact_unstated", "fact_unstated"],
    );

    let words = "Yes, confirmed. All three criteria are met and we recommend it.";
    server.deliver(&home.letters.reply(DEAL, 1, words));
    story.expect("endorsed, and no fact is stated", false, &unstated);

    // Somebody states it whose word does not count.
    story.state(&pat, "trial_deployed");
    story.expect("stated by another", false, &["fact_by_other", "fact_unstated", "fact_unstated"]);
    story.state(&ana, "trial_deployed");
    story.expect("one fact is stated", false, &["fact_unstated"]);
    story.state(&ana, "price_approved");
    story.expect("both facts are stated", true, &[]);

    let words = "I have to take back my confirmation: please do not treat the evaluation as successful.";
    server.deliver(&home.letters.reply(DEAL, 2, words));
    story.expect("taken back", false, &["retracted", "retracted", "endorser_missing"]);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}
