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
     aria-hidden aria-label aria-labelledby aria-current aria-describedby";

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
        assert!(start.elapsed() < PATIENCE, "{}", home.log());
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
