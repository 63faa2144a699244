//! Pages through the real server: what hostile mail can do to them, and what the browser is told.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine as _;
use scraper::{Html, Node, Selector};

use crate::home::{Home, PATIENCE};
use crate::letters::{BUYER, SELLER};

/// An answer as it came.
pub struct Fetched {
    pub status: u16,
    pub fields: BTreeMap<String, String>,
    pub body: String,
}

/// Sends a request with these further header lines.
pub fn fetch(port: u16, method: &str, path: &str, fields: &str, body: &str) -> Fetched {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: {}\r\n{fields}\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut octets = Vec::new();
    stream.read_to_end(&mut octets).unwrap();
    let text = String::from_utf8(octets).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
    let fields =
        lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_lowercase(), v.to_owned())).collect();
    Fetched { status, fields, body: body.to_owned() }
}

fn get(home: &Home, path: &str) -> Fetched {
    fetch(home.port, "GET", path, "", "")
}

const DEAL: &str = "OPP-70901";

/// Elements and attributes that a page may have; there is none among them that runs, loads or sends anything by itself.
const ELEMENTS: &str = "html head meta title link body a header nav ul ol li main section div h1 h2 h3 p span strong b q \
     bdi code pre time svg path blockquote figure figcaption mark sup table thead tbody tr th td details summary dl dt dd \
     form fieldset legend label input select option textarea button footer";
const ATTRIBUTES: &str = "lang charset name content rel href class id tabindex role scope datetime title dir viewbox width \
     height d focusable method action type value for required maxlength rows checked selected autocomplete spellcheck \
     aria-hidden aria-label aria-labelledby aria-current aria-describedby min max";

/// Everything in a page that must not be there.
fn wrong(path: &str, page: &str) -> Vec<String> {
    let elements: BTreeSet<&str> = ELEMENTS.split_whitespace().collect();
    let attributes: BTreeSet<&str> = ATTRIBUTES.split_whitespace().collect();
    let mut wrong = Vec::new();
    for node in Html::parse_document(page).tree.nodes() {
        let Node::Element(element) = node.value() else { continue };
        if !elements.contains(element.name()) {
            wrong.push(format!("{path}: <{}>", element.name()));
        }
        for (name, value) in element.attrs() {
            let name = name.to_ascii_lowercase();
            if !attributes.contains(name.as_str()) {
                wrong.push(format!("{path}: {name}={value}"));
            }
            let is_own =
                ["/", "#", "?"].iter().any(|start| value.starts_with(start)) && !value.starts_with("//");
            if matches!(name.as_str(), "href" | "action") && !is_own {
                wrong.push(format!("{path}: leads to {value}"));
            }
        }
    }
    let sly = page
        .chars()
        .find(|c| matches!(c, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{7}'));
    wrong.extend(sly.map(|c| format!("{path}: {c:?} is in the page")));
    wrong
}

/// What was there to be read, markup taken away.
fn shown(page: &str) -> String {
    Html::parse_document(page).root_element().text().collect()
}

/// A reply that tries everything, in plain text and HTML, with a file.
fn hostile(n: usize, from: &str, body: &str) -> Vec<u8> {
    let encoded =
        |text: &str| format!("=?utf-8?B?{}?=", base64::engine::general_purpose::STANDARD.encode(text));
    let subject = encoded("</title><script>alert('subject')</script>\u{202e}gnp.exe");
    let name = encoded("\"><img src=x onerror=alert('name')>\u{2066}Dana");
    let file = encoded("\"><svg onload=alert('file')>\u{202e}fdp.exe");
    let date = jiff::Zoned::now().strftime("%a, %d %b %Y %H:%M:%S %z").to_string();
    format!(
        "From: {name} <{from}>\r\nTo: kim@{SELLER}\r\nCc: {name} <evidence+{DEAL}@{SELLER}>\r\nSubject: {subject}\r\n\
         Date: {date}\r\nMessage-ID: <'\"><script>alert({n})</script>@{BUYER}>\r\nX-Odd: <script>alert('header')</script>\r\n\
         In-Reply-To: <{}>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n\
         --c\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n\
         --c\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>{body}</p><script>alert('html')</script>\r\n--c--\r\n\
         --b\r\nContent-Type: application/pdf; name=\"{file}\"\r\nContent-Disposition: attachment; filename=\"{file}\"\r\n\r\nx\r\n\
         --b--\r\n",
        crate::letters::Letters::declared(DEAL),
    )
    .into_bytes()
}

/// A daemon that has taken the hostile mails.
fn attacked() -> (Home, crate::home::Running) {
    let home = Home::maildir();
    let daemon = home.start();
    home.deliver("1.a", &home.letters.declaration(DEAL));
    let bodies = [
        "Yes, all three criteria are met.</div></main><script>alert('body')</script><a href=\"javascript:alert(1)\">x</a>",
        "We confirm.\u{200b}\u{202e} ton era yeht \u{2069}<style>*{display:none}</style><iframe src=//evil.example></iframe>",
        "I recommend {{70007*7}} ${70007*7} &lt;script&gt;alert('twice')&lt;/script&gt; <plaintext> <!-- --> ]]> \u{7}",
    ];
    for (n, body) in (2..).zip(bodies) {
        home.deliver(&format!("{n}.h"), &hostile(n, &format!("dana@{BUYER}"), body));
    }
    home.deliver("9.h", &hostile(9, "\"<script>alert('address')</script>\"@evil.example", "Confirmed."));
    let start = std::time::Instant::now();
    let taken = || {
        let answer = home.get(&format!("/v1/opportunities/{DEAL}")).1;
        answer["messages"].as_array().map_or(0, Vec::len) == 5 && home.get("/healthz").1["waiting"] == 0
    };
    while !taken() {
        assert!(start.elapsed() < PATIENCE * 4, "{}", home.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    (home, daemon)
}

/// Paths of the pages that are about the hostile mail.
fn pages(home: &Home) -> Vec<String> {
    let mut paths = vec!["/".to_owned(), format!("/opportunities/{DEAL}")];
    let page = get(home, &paths[1]).body;
    let link = Selector::parse("a[href^='/review/']").unwrap();
    let found: BTreeSet<String> =
        Html::parse_document(&page).select(&link).map(|a| a.attr("href").unwrap().to_owned()).collect();
    assert!(found.len() >= 5, "{found:?}");
    paths.extend(found);
    paths
}

#[test]
fn hostile_mail_is_shown_and_does_nothing() {
    let (home, daemon) = attacked();
    let mut all = String::new();
    for path in pages(&home) {
        let page = get(&home, &path);
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(wrong(&path, &page.body), Vec::<String>::new());
        all += &shown(&page.body);
    }
    // It was there, for everybody to read.
    for words in [
        "'subject'",
        "'name'",
        "'file'",
        "'body'",
        "'header'",
        "'twice'",
        "{{70007*7}}",
        "U+202E",
        "U+200B",
        "U+0007",
    ] {
        assert!(all.contains(words), "{words} is not shown");
    }
    assert!(!all.contains("490049"), "a template was filled in");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn what_an_address_holds_is_no_markup() {
    let home = Home::maildir();
    let daemon = home.start();
    for path in [
        "/opportunities/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/opportunities/OPP-1?to=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/review/%3Cimg%20src=x%20onerror=alert(1)%3E",
        "/review/..%2f..%2fetc%2fpasswd",
    ] {
        let page = get(&home, path);
        assert_eq!((page.status, wrong(path, &page.body)), (404, Vec::new()), "{path}");
    }
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn the_browser_is_told_to_run_load_and_keep_nothing() {
    let home = Home::maildir();
    let daemon = home.start();
    for path in ["/", "/opportunities/OPP-1", "/review/none@example"] {
        let page = get(&home, path);
        let field = |name: &str| page.fields.get(name).map_or("", String::as_str);
        let policy: BTreeSet<&str> = field("content-security-policy").split("; ").collect();
        let expected = [
            "default-src 'none'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ];
        assert_eq!(policy, BTreeSet::from(expected), "{path}");
        assert_eq!(
            (
                field("x-content-type-options"),
                field("referrer-policy"),
                field("cache-control"),
                field("x-frame-options")
            ),
            ("nosniff", "no-referrer", "no-store", "DENY"),
            "{path}"
        );
        assert!(field("content-type").starts_with("text/html; charset=utf-8"), "{path}");
        assert!(!field("set-cookie").contains("session"), "{path}: reading signs nobody in");
    }
    let style = get(&home, "/style.css");
    assert!(style.fields["content-type"].starts_with("text/css") && !style.body.contains("url("));
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

/// A deal with a doubtful yes, under a daemon that lets nobody read without a token.
fn closed() -> (Home, crate::home::Running, String) {
    let home = Home::maildir();
    let file = home.path().join("endorsed.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, config.replace("open_on_loopback = \"read\"", "open_on_loopback = \"off\""))
        .unwrap();
    let daemon = home.start();
    home.deliver("1.a", &home.letters.declaration(DEAL));
    let words = "We confirm, all three are met, knock on wood. Except maybe the weekend thing.";
    home.deliver("2.b", &home.letters.reply(DEAL, 1, words));
    let start = std::time::Instant::now();
    let id = crate::letters::Letters::replied(DEAL, 1);
    let sha256 = loop {
        let shown = home.ask(&["review", "show", &id, "--json"]);
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap_or_default();
        if shown["items"][0]["state"] == "open" {
            break shown["items"][0]["message"]["sha256"].as_str().unwrap().to_owned();
        }
        assert!(start.elapsed() < PATIENCE * 4, "{shown} {}", home.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    (home, daemon, sha256)
}

fn token(home: &Home, name: &str, role: &str) -> String {
    let made = home.ask(&["tokens", "create", name, "--role", role]);
    let text = String::from_utf8(made.stdout).unwrap();
    text.split_whitespace().find(|word| word.starts_with("edt_")).unwrap().to_owned()
}

/// Sends a form as a browser does.
fn send(home: &Home, path: &str, cookie: &str, body: &str) -> Fetched {
    let port = home.port;
    let fields = format!(
        "Cookie: {cookie}\r\nOrigin: http://127.0.0.1:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    );
    fetch(port, "POST", path, &fields, body)
}

fn with_cookie(home: &Home, path: &str, cookie: &str) -> Fetched {
    fetch(home.port, "GET", path, &format!("Cookie: {cookie}\r\n"), "")
}

/// The token of the forms on a page.
fn csrf(page: &Fetched) -> String {
    let field = Selector::parse("input[name=csrf]").unwrap();
    Html::parse_document(&page.body).select(&field).next().unwrap().attr("value").unwrap().to_owned()
}

/// Signs in on the page; the cookie.
fn session(home: &Home, name: &str, role: &str) -> String {
    let token = token(home, name, role);
    let form = csrf(&get(home, "/sign-in"));
    let entered = send(home, "/sign-in", "", &format!("csrf={form}&token={token}&to=//evil.example"));
    assert_eq!((entered.status, entered.fields["location"].as_str()), (303, "/"), "it stays on this server");
    let cookie = &entered.fields["set-cookie"];
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

#[test]
fn the_week_and_the_numbers_have_pages() {
    let (home, _daemon, _) = closed();
    let reader = session(&home, &format!("reader@{SELLER}"), "read");
    let machine = session(&home, &format!("machine@{SELLER}"), "gate");
    for (path, words) in [
        (
            "/week/2026-W48",
            &[
                "Week 2026-W48</h1>",
                "Week 2026-W48 <span",
                "/week/2026-W47",
                "/week/2026-W49",
                "Proven",
                DEAL,
            ][..],
        ),
        ("/week", &["Proven"]),
        ("/metrics-page", &["Honest technical win rate", "verified wins / (verified wins + losses)"]),
    ] {
        let page = with_cookie(&home, path, &reader);
        assert_eq!(page.status, 200, "{path}");
        for word in words {
            assert!(page.body.contains(word), "{path} without {word}: {}", page.body);
        }
        assert_eq!(with_cookie(&home, path, &machine).status, 403, "{path}");
        assert_eq!(get(&home, path).status, 303, "{path}");
    }
    for path in ["/week/2026-48", "/week/2026-W60"] {
        assert_eq!(with_cookie(&home, path, &reader).status, 404, "{path}");
    }
}

#[test]
fn who_sees_which_page() {
    let (home, daemon, sha256) = closed();
    let role = |name: &str| session(&home, &format!("{name}@{SELLER}"), name);
    let sessions = ["gate", "read", "review", "audit", "admin"].map(|name| (name, role(name)));
    let review = format!("/review/{sha256}");
    let deal = format!("/opportunities/{DEAL}");
    for (path, may) in [
        ("/", &["read", "review", "audit", "admin"][..]),
        (deal.as_str(), &["read", "review", "audit", "admin"]),
        (review.as_str(), &["read", "review", "audit", "admin"]),
        ("/audit", &["audit", "admin"]),
        ("/sign-in", &["gate", "read", "review", "audit", "admin"]),
    ] {
        let nobody = get(&home, path);
        if path == "/sign-in" {
            assert_eq!(nobody.status, 200);
        } else {
            let to = format!("/sign-in?to={path}");
            assert_eq!((nobody.status, nobody.fields["location"].as_str()), (303, to.as_str()));
            assert!(nobody.body.is_empty(), "nothing is told to somebody who is not known");
        }
        for (name, cookie) in &sessions {
            let page = with_cookie(&home, path, cookie);
            assert_eq!(page.status, if may.contains(name) { 200 } else { 403 }, "{path} for {name}");
            assert_eq!(
                page.body.contains(DEAL),
                page.status == 200 && path != "/sign-in",
                "{path} for {name}"
            );
            let decides = page.body.contains("name=\"choice\"");
            assert_eq!(decides, path == review && ["review", "admin"].contains(name), "{path} for {name}");
        }
    }
    let wrong =
        send(&home, "/sign-in", "", &format!("csrf={}&token=edt_x&to=/", csrf(&get(&home, "/sign-in"))));
    assert_eq!((wrong.status, wrong.fields.contains_key("set-cookie")), (422, false));
    // Signing out ends the session itself, not only the cookie.
    let (_, cookie) = &sessions[1];
    let form = csrf(&with_cookie(&home, "/", cookie));
    assert_eq!(send(&home, "/sign-out", cookie, &format!("csrf={form}")).status, 303);
    assert_eq!(with_cookie(&home, "/", cookie).status, 303);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn a_decision_comes_from_the_page_of_somebody_who_may() {
    let (home, daemon, sha256) = closed();
    let path = format!("/review/{sha256}");
    let ana = session(&home, &format!("ana@{SELLER}"), "review");
    let kim = session(&home, &format!("kim@{SELLER}"), "review");
    let reader = session(&home, &format!("rae@{SELLER}"), "read");
    let form = csrf(&with_cookie(&home, &path, &ana));
    let body = |csrf: &str| {
        format!("csrf={csrf}&choice=confirmed&reason=I+called+Dana%2C+%3Cb%3Eshe%3C%2Fb%3E+means+it")
    };
    let of = |cookie: &str, body: &str| send(&home, &path, cookie, body).status;
    assert_eq!(of(&ana, &body("")), 403, "without the form's token");
    assert_eq!(of(&ana, &body(&csrf(&with_cookie(&home, &path, &kim)))), 403, "with somebody else's");
    assert_eq!(of(&reader, &body(&form)), 403);
    assert_eq!(of("", &body(&form)), 303, "who is not known is sent to the sign-in");
    for from in ["Origin: https://evil.example", "Sec-Fetch-Site: cross-site", "X-Nothing: said"] {
        let fields =
            format!("Cookie: {ana}\r\n{from}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
        assert_eq!(fetch(home.port, "POST", &path, &fields, &body(&form)).status, 403, "{from}");
    }
    // The SE of the deal cannot, and is told why; what was filled in stays.
    let own = send(&home, &path, &kim, &body(&csrf(&with_cookie(&home, &path, &kim))));
    assert_eq!(own.status, 422);
    assert!(
        shown(&own.body).contains("the SE of a deal cannot decide")
            && own.body.contains("I called Dana, &lt;b&gt;")
    );
    assert_eq!(of(&ana, &format!("csrf={form}&choice=confirmed&reason=+")), 422, "a reason is needed");
    assert_eq!(of(&ana, &format!("csrf={form}&reason=because")), 422, "a choice is needed");
    assert_eq!(home.gate(DEAL), 1, "nothing of this was recorded");

    let done = send(&home, &path, &ana, &body(&form));
    assert_eq!(done.status, 303, "{}", done.body);
    let after = with_cookie(&home, &done.fields["location"], &ana);
    assert!(shown(&after.body).contains("Recorded as") && wrong(&path, &after.body).is_empty());
    let deal = with_cookie(&home, &format!("/opportunities/{DEAL}"), &ana);
    let text = shown(&deal.body);
    assert!(text.contains(&format!("accepted by ana@{SELLER}")) && text.contains("not verified"), "{text}");
    assert!(text.contains("Allowed by a decision") && !text.contains("Standing:  Confirmed As"), "{text}");
    assert_eq!(home.gate(DEAL), 0, "commercial review takes decisions");
    let queue = shown(&with_cookie(&home, "/", &ana).body);
    assert!(
        queue.contains("1  Accepted by a person, not verified") && !queue.contains("1  Confirmed"),
        "{queue}"
    );

    let act = done.fields["location"].split("done=").nth(1).unwrap().to_owned();
    let undo = format!("csrf={form}&choice=undo&named={act}&reason=too+early");
    assert_eq!(of(&ana, &undo), 303);
    assert_eq!(home.gate(DEAL), 1);

    // The auditor finds both, draws the same sample twice, and checks the packs elsewhere.
    let auditor = session(&home, &format!("audrey@{SELLER}"), "audit");
    let audit = with_cookie(&home, "/audit?seed=2026", &auditor);
    let text = shown(&audit.body);
    for words in [
        "What people overrode 2",
        "accepted as confirmed",
        &format!("undid {act}"),
        "<b>she</b> means it",
        DEAL,
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(wrong("/audit", &audit.body).is_empty(), "{:?}", wrong("/audit", &audit.body));
    assert_eq!(with_cookie(&home, "/audit?from=2026-13-01", &auditor).status, 400);
    let ask = format!("csrf={}&seed=2026", csrf(&audit));
    assert_eq!(send(&home, "/audit/pack", &auditor, "seed=2026").status, 403);
    assert_eq!(send(&home, "/audit/pack", &ana, &ask).status, 403);
    let packs = octets(&home, "/audit/pack", &auditor, &ask);
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packs.as_slice()));
    archive.unpack(home.path()).unwrap();
    let pack = home.path().join("sample").join(format!("{DEAL}-pack.tar.gz"));
    let verified = home.ask(&["verify", pack.to_str().unwrap()]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

/// The body of an answer that is no text.
fn octets(home: &Home, path: &str, cookie: &str, body: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", home.port)).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{0}\r\nOrigin: http://127.0.0.1:{0}\r\nCookie: {cookie}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {1}\r\n\r\n{body}",
        home.port,
        body.len()
    )
    .unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let at = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    assert!(all.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&all[..at]));
    all.split_off(at + 4)
}
