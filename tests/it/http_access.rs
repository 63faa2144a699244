//! Who may do what over HTTP: every endpoint, every role, no token; foreign hosts, foreign pages, hostile requests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use endorsed::answer::{Right, Role};
use endorsed::edge::http::{ENDPOINTS, Endpoint, Limits, Listen, Proxy, Settings, bind};
use serde_json::json;

use crate::http_served::{Served, closed};

/// A request that the endpoint understands.
fn sample(endpoint: &Endpoint) -> (String, String) {
    let path = endpoint
        .path
        .replace("{id}", "OPP-1")
        .replace("{message}", "a@b.example")
        .replace("{act}", "0123456789ab")
        .replace("{name}", "crm")
        .replace("{fact}", "tech_review_approved");
    let path = match endpoint.id {
        "askGate" => path + "?opportunity=OPP-1&to=commercial_review",
        "importDeals" => path + "?reason=why",
        _ => path,
    };
    let body = match endpoint.id {
        "recordGate" => json!({ "opportunity": "OPP-1", "to": "commercial_review" }),
        "setAmount" => json!({ "amount": 5, "reason": "CRM" }),
        "decideReview" => json!({ "decision": "reject", "reason": "why" }),
        "linkReview" => json!({ "opportunity": "OPP-1", "reason": "why" }),
        "stateFact" => json!({ "value": "yes", "reason": "why" }),
        "retryWebhook" => json!({}),
        "undoAct" => json!({ "reason": "why" }),
        "importDeals" => return (path, "opportunity,sales_stage\nOPP-1,3\n".to_owned()),
        _ => return (path, String::new()),
    };
    (path, body.to_string())
}

#[test]
fn every_endpoint_for_every_role_and_for_nobody() {
    let served = Served::new(closed());
    for endpoint in ENDPOINTS {
        let (path, body) = sample(endpoint);
        assert_eq!(body.is_empty(), endpoint.body.is_none(), "{}: the sample has no body", endpoint.id);
        let method = endpoint.method.to_uppercase();
        let size = served.store.size();
        let nobody = served.send(&method, &path, &[], &body);
        let wrong = served.with("edt_0123456789", &method, &path, &body);
        match endpoint.right {
            None => assert_eq!(nobody.status, 200, "{}", endpoint.id),
            Some(_) => {
                assert!(nobody.is_problem(401, "unauthorized"), "{}: {nobody:?}", endpoint.id);
                assert!(nobody.field("www-authenticate").is_some());
                assert!(wrong.is_problem(401, "unauthorized"), "{}: {wrong:?}", endpoint.id);
            }
        }
        assert_eq!(served.store.size(), size, "{}: somebody unknown wrote", endpoint.id);
    }
    for role in Role::ALL {
        let token = served.token(role);
        for endpoint in ENDPOINTS {
            let (path, body) = sample(endpoint);
            let size = served.store.size();
            let answer = served.with(&token, &endpoint.method.to_uppercase(), &path, &body);
            let may = endpoint.right.is_none_or(|right| role.has(right));
            assert_eq!(matches!(answer.status, 401 | 403), !may, "{} as {role:?}: {answer:?}", endpoint.id);
            assert!(may || answer.is_problem(403, "forbidden"), "{answer:?}");
            assert!(answer.status < 500, "{} as {role:?}: {answer:?}", endpoint.id);
            let writes = endpoint.right.is_some_and(Right::writes);
            assert!((may && writes) || served.store.size() == size, "{} as {role:?} wrote", endpoint.id);
        }
    }
}

#[test]
fn a_revoked_token_ends_with_the_next_request() {
    let served = Served::new(closed());
    let token = served.token(Role::Read);
    assert_eq!(served.with(&token, "GET", "/v1/whoami", "").json()["role"], "read");
    served.tokens.revoke("read@northwind.example").unwrap();
    assert_eq!(served.with(&token, "GET", "/v1/whoami", "").status, 401);
}

#[test]
fn without_a_token_this_machine_reads_and_changes_nothing() {
    let served = Served::new(Settings { open: Some(Role::Admin), ..closed() });
    let gate = "/v1/gate?opportunity=OPP-1&to=commercial_review";
    assert_eq!(served.send("GET", gate, &[], "").json()["allowed"], false);
    let body = json!({ "opportunity": "OPP-1", "to": "commercial_review" }).to_string();
    assert!(served.send("POST", "/v1/gate", &[], &body).is_problem(401, "unauthorized"));
    // What a proxy passes on comes from elsewhere.
    for field in ["X-Forwarded-For", "Forwarded", "Via"] {
        assert_eq!(served.send("GET", gate, &[(field, "10.0.0.1")], "").status, 401, "{field}");
    }
}

#[test]
fn another_name_of_this_server_is_refused() {
    let served = Served::new(Settings { hosts: vec!["deals.northwind.example".into()], ..closed() });
    let ask = |host: &str| served.send("GET", "/healthz", &[("Host", host)], "").status;
    for host in ["localhost", "127.0.0.1:99", "[::1]:99", "deals.northwind.example"] {
        assert_eq!(ask(host), 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""] {
        assert_ne!(ask(host), 200, "{host}");
    }
    assert_eq!(served.raw(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n").status, 421, "no host");
    let absolute =
        b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(served.raw(absolute).status, 421);
    let twice =
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_ne!(served.raw(twice).status, 200);
}

#[test]
fn a_foreign_page_cannot_write_and_a_token_can() {
    let served = Served::new(Settings { open: Some(Role::Read), ..closed() });
    let body = json!({ "opportunity": "OPP-1", "to": "commercial_review" }).to_string();
    for field in [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("Origin", "null")] {
        let answer = served.send("POST", "/v1/gate", &[field], &body);
        assert!(answer.is_problem(403, "cross_origin"), "{field:?}: {answer:?}");
    }
    let token = format!("Bearer {}", served.token(Role::Gate));
    let fields = [("Authorization", token.as_str()), ("Origin", "https://evil.example")];
    assert_eq!(
        served.send("POST", "/v1/gate", &fields, &body).status,
        200,
        "a browser sends no token by itself"
    );
}

#[test]
fn a_proxy_is_believed_from_its_own_address_only() {
    let proxy = |trusted: &str| Proxy {
        user_field: "x-forwarded-email".into(),
        groups_field: "x-forwarded-groups".into(),
        trusted: vec![trusted.parse().unwrap()],
        roles: vec![("desk".into(), Role::Review), ("sales".into(), Role::Read)],
    };
    let who = |served: &Served, fields: &[(&str, &str)]| {
        let answer = served.send("GET", "/v1/whoami", fields, "");
        if answer.status == 200 { answer.json()["role"].as_str().unwrap().to_owned() } else { String::new() }
    };
    let served = Served::new(Settings { proxy: Some(proxy("127.0.0.1")), ..closed() });
    let ana = ("X-Forwarded-Email", "ana@northwind.example");
    assert_eq!(who(&served, &[ana, ("X-Forwarded-Groups", "sales, desk")]), "review");
    assert_eq!(who(&served, &[ana, ("X-Forwarded-Groups", "cooks")]), "");
    assert_eq!(who(&served, &[ana]), "", "no group, no role");
    assert_eq!(
        who(&served, &[("X-Forwarded-Email", "ana"), ("X-Forwarded-Groups", "sales,desk")]),
        "read",
        "who decides is named by address"
    );
    let twice = [("X-Forwarded-Email", "eve@evil.example"), ana, ("X-Forwarded-Groups", "desk")];
    assert_eq!(who(&served, &twice), "");
    let body = json!({ "opportunity": "OPP-1", "to": "commercial_review" }).to_string();
    let bare = served.send("POST", "/v1/gate", &[ana, ("X-Forwarded-Groups", "desk")], &body);
    assert!(bare.is_problem(403, "cross_origin"), "a proxy's sign-in is sent by any page: {bare:?}");
    let other = Served::new(Settings { proxy: Some(proxy("10.1.1.1")), ..closed() });
    assert_eq!(who(&other, &[ana, ("X-Forwarded-Groups", "desk")]), "");
}

#[test]
fn hostile_requests_get_an_error_and_nothing_else() {
    let limits = Limits { body_bytes_max: 10_000, ..Limits::default() };
    let served = Served::new(Settings { limits, ..closed() });
    let token = served.token(Role::Admin);
    for path in [
        "/../../etc/passwd",
        "/tile/../../../../etc/passwd",
        "/tile/..%2f..%2f..%2fetc%2fpasswd",
        "/tile/%2e%2e/%2e%2e/tokens.json",
        "/tile/0/%00",
        "/tokens.json",
        "/v1/opportunities/..%2f..%2ftokens.json",
        "/v1/opportunities/%ff%fe",
        "/v1/reviews/%00",
    ] {
        let answer = served.with(&token, "GET", path, "");
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        assert!(!answer.body.contains("root:") && !answer.body.contains("sha256\""), "{path}: {answer:?}");
    }
    let large = json!({ "opportunity": "OPP-1", "to": "x".repeat(20_000) }).to_string();
    assert!(served.with(&token, "POST", "/v1/gate", &large).is_problem(413, "too_large"));
    let long = format!("/v1/gate?opportunity=OPP-1&to={}", "x".repeat(100_000));
    assert!(matches!(served.with(&token, "GET", &long, "").status, 0 | 400..=499));
    let many: String = (0..500).map(|n| format!("X-{n}: y\r\n")).collect();
    let many = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{many}Connection: close\r\n\r\n");
    assert_ne!(served.raw(many.as_bytes()).status, 200);
    assert!(served.with(&token, "DELETE", "/v1/gate", "").is_problem(405, "method_not_allowed"));
    assert!(served.with(&token, "GET", "/v2", "").is_problem(404, "not_found"));
    let typed = [("Authorization", format!("Bearer {token}")), ("Content-Type", "text/plain".to_owned())];
    let typed: Vec<(&str, &str)> = typed.iter().map(|(a, b)| (*a, b.as_str())).collect();
    assert!(served.send("POST", "/v1/gate", &typed, "{}").is_problem(415, "not_json"));
    assert!(served.with(&token, "POST", "/v1/gate", "{").is_problem(400, "bad_request"));
    assert!(served.with(&token, "POST", "/v1/gate", "{}").is_problem(422, "unprocessable"));
}

#[test]
fn a_slow_client_is_cut_off_and_others_are_served() {
    let limits = Limits {
        header_wait: Duration::from_millis(500),
        request_wait: Duration::from_millis(700),
        connections_max: 8,
        ..Limits::default()
    };
    let served = Served::new(Settings { limits, ..closed() });
    let token = served.token(Role::Admin);
    let start = Instant::now();
    let mut slow = TcpStream::connect(served.address).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: loc").unwrap();
    let mut half = TcpStream::connect(served.address).unwrap();
    half.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = format!(
        "POST /v1/gate HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    );
    half.write_all(head.as_bytes()).unwrap();
    assert_eq!(served.send("GET", "/healthz", &[], "").status, 200);
    let mut text = String::new();
    let _ = slow.read_to_string(&mut text);
    assert!(!text.contains("200"), "{text}");
    let mut first = [0; 12];
    half.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 408");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    // Connections that rest make room again.
    let resting: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(served.address).unwrap()).collect();
    assert_eq!(served.send("GET", "/healthz", &[], "").status, 200);
    drop(resting);
}

#[test]
fn too_many_requests_wait() {
    let limits = Limits { requests_per_second: 5, ..Limits::default() };
    let served = Served::new(Settings { limits, ..closed() });
    let token = served.token(Role::Read);
    let answers: Vec<u16> = (0..30).map(|_| served.with(&token, "GET", "/v1/whoami", "").status).collect();
    assert!(answers.contains(&200) && answers.contains(&429), "{answers:?}");
    let refused = (0..30).map(|_| served.with(&token, "GET", "/v1/whoami", "")).find(|a| a.status == 429);
    assert!(
        refused.is_some_and(|a| a.is_problem(429, "too_many_requests") && a.field("retry-after").is_some())
    );
    let guesses: Vec<u16> =
        (0..40).map(|n| served.with(&format!("edt_{n}"), "GET", "/v1/whoami", "").status).collect();
    assert!(guesses.contains(&401) && guesses.last() == Some(&429), "{guesses:?}");
}

#[test]
fn a_listener_beyond_this_machine_needs_tls() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let open = Settings { listen: Listen::Tcp(([0, 0, 0, 0], 0).into()), ..closed() };
    let refused = runtime.block_on(bind(&open)).err().unwrap().to_string();
    assert!(refused.contains("not loopback") && refused.contains("[http.tls]"), "{refused}");
}

#[test]
fn wrong_tokens_hold_up_nobody_who_has_a_right_one() {
    let served = Served::new(closed());
    let token = served.token(Role::Read);
    let last = (0..30).map(|_| served.with("edt_wrong", "GET", "/v1/whoami", "").status).last();
    assert_eq!(last, Some(429));
    assert_eq!(served.with(&token, "GET", "/v1/whoami", "").status, 200, "from the same address");
}

#[test]
fn another_scheme_is_no_wrong_token() {
    let served = Served::new(Settings { open: Some(Role::Gate), ..closed() });
    let basic = [("Authorization", "Basic cHJveHk6cHJveHk=")];
    let gate = "/v1/gate?opportunity=OPP-1&to=commercial_review";
    let statuses: Vec<u16> = (0..30).map(|_| served.send("GET", gate, &basic, "").status).collect();
    assert_eq!(statuses, [401; 30], "and who shows it is not simply somebody of this machine");
    assert_eq!(served.send("GET", gate, &[], "").status, 200);
}

#[test]
fn a_revoked_token_ends_its_stream() {
    let served = Served::new(closed());
    let token = served.token(Role::Read);
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(1));
            served.tokens.revoke("read@northwind.example").unwrap();
        });
        let bearer = format!("Bearer {token}");
        let fields = [("Authorization", bearer.as_str()), ("Accept", "text/event-stream")];
        assert_eq!(served.send("GET", "/v1/events", &fields, "").status, 200);
    });
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn a_form_outlives_other_cookies_and_its_session_is_sent_over_tls_only() {
    let served = Served::new(closed());
    let token = served.token(Role::Read);
    let page = served.send("GET", "/sign-in", &[("Cookie", "theme=dark")], "");
    let csrf = page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = format!("csrf={csrf}&token={token}&to=/");
    let typed = ("Content-Type", "application/x-www-form-urlencoded");
    let sent = |proto: &str, cookie: &str| {
        let fields =
            [typed, ("Cookie", cookie), ("Sec-Fetch-Site", "same-origin"), ("X-Forwarded-Proto", proto)];
        served.send("POST", "/sign-in", &fields, &form)
    };
    let plain = sent("http", "theme=light; more=1");
    assert_eq!(plain.status, 303, "{plain:?}");
    assert!(!plain.field("set-cookie").unwrap().contains("Secure"));
    assert!(sent("https", "").field("set-cookie").unwrap().contains("; Secure"));
    let large = format!("csrf={csrf}&token={}", "x".repeat(20_000));
    let fields = [typed, ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(served.send("POST", "/sign-in", &fields, &large).status, 413);
}
