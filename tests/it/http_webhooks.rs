//! The outbox of webhooks against real receivers: down, refusing, and over a restart.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use endorsed::answer::{GateOrder, Request, Response, WebhookRow, WebhooksAsk};
use endorsed::config::{load_rules, shipped_gates};
use endorsed::daemon::{self, Daemon, Desk, Engine, Pace, SeenAt, Webhooks};
use endorsed::edge::Password;
use endorsed::edge::dns::Resolver;
use endorsed::edge::store::{OpenOptions, Store};
use endorsed::edge::webhook::{Settings, sign};
use endorsed::model::{Address, OpportunityId, Policy, Seller};
use serde_json::{Value, json};
use tokio::sync::watch;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What a receiver took: webhook-id and body.
type Taken = Arc<Mutex<Vec<(String, Value)>>>;

/// A receiver that answers what `status` says of each body, and checks each signature.
fn receive(listener: TcpListener, status: impl Fn(&Value) -> u16 + Send + 'static) -> Taken {
    let taken = Taken::default();
    let noted = Arc::clone(&taken);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (fields, body) = request(&stream);
            let at = jiff::Timestamp::from_second(fields["webhook-timestamp"].parse().unwrap()).unwrap();
            let id = &fields["webhook-id"];
            assert_eq!(sign(SECRET, id, at, &body).unwrap(), fields["webhook-signature"]);
            assert!(jiff::Timestamp::now().duration_since(at).as_secs().abs() < 60);
            let value: Value = serde_json::from_str(&body).unwrap();
            let status = status(&value);
            if status == 200 {
                noted.lock().unwrap().push((id.clone(), value));
            }
            let moved = "Location: http://127.0.0.1:9/\r\n";
            let head =
                format!("HTTP/1.1 {status} X\r\n{moved}Content-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = (&stream).write_all(head.as_bytes());
        }
    });
    taken
}

fn request(stream: &TcpStream) -> (BTreeMap<String, String>, String) {
    let mut reader = BufReader::new(stream);
    let mut fields = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            fields.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let mut body = vec![0; fields["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    (fields, String::from_utf8(body).unwrap())
}

/// A daemon in this process whose hours are seconds.
struct Running {
    desk: Arc<Desk>,
    stop: watch::Sender<bool>,
    runtime: tokio::runtime::Runtime,
}

impl Running {
    fn new(folder: &Path, url: &str, types: &[&str]) -> Self {
        let policy = Policy {
            trust_declared_champions: true,
            ..Policy::of(Seller {
                domains: vec!["northwind.example".into()],
                names: vec![],
                evidence: Address::new("evidence@northwind.example").unwrap(),
            })
        };
        let dns = folder.join("dns.json");
        std::fs::write(&dns, "{}").unwrap();
        let path = folder.join("store");
        let store = Store::open(&path, OpenOptions { create: true, ..OpenOptions::default() }).unwrap();
        let settings = Settings {
            name: "crm".into(),
            url: url.into(),
            secret: Password::Fixed(SECRET.into()),
            types: types.iter().map(|t| (*t).to_owned()).collect(),
        };
        let pace = Pace {
            look: Duration::from_millis(10),
            first: Duration::from_millis(20),
            longest: Duration::from_millis(100),
            refusals_max: 3,
        };
        let webhooks = Webhooks::open(&path, vec![settings], pace, store.size()).unwrap();
        let engine = Engine::new(store, load_rules(None).unwrap(), policy, Resolver::file(&dns).unwrap());
        let desk = Desk { webhooks, ..Desk::new(engine, shipped_gates().unwrap()) };
        let daemon = Daemon {
            desk,
            mailboxes: vec![],
            outbox: None,
            http: None,
            socket: path,
            seen_at: SeenAt::Clock,
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (stop, stopped) = watch::channel(false);
        let (ready, is_ready) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            daemon::run(daemon, stopped, move |_, desk| ready.send(desk).unwrap()).await.unwrap();
        });
        Self { desk: is_ready.recv().unwrap(), stop, runtime }
    }

    /// Somebody asks the gate and has it recorded: an event.
    fn happen(&self, opportunity: &str) {
        let opportunity = OpportunityId::new(opportunity).unwrap();
        let (to, by) = ("commercial_review".into(), "crm".into());
        let order = GateOrder { opportunity, to, by, record: true, receipt: false };
        assert!(matches!(self.desk.answer(Request::Official(order)), Response::Official { .. }));
    }

    fn row(&self) -> WebhookRow {
        match self.desk.answer(Request::Webhooks(WebhooksAsk::List)) {
            Response::Webhooks { mut webhooks } => webhooks.remove(0),
            other => panic!("{other:?}"),
        }
    }

    fn stop(self) {
        self.stop.send_replace(true);
        drop(self.desk);
        self.runtime.shutdown_timeout(Duration::from_secs(20));
    }
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(90), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Ids by opportunity, each once, in the order of arrival.
fn order(taken: &Taken) -> BTreeMap<String, Vec<u64>> {
    let mut order: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (_, body) in taken.lock().unwrap().iter() {
        let ids = order.entry(body["data"]["opportunity"].as_str().unwrap().to_owned()).or_default();
        let id = body["data"]["id"].as_u64().unwrap();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    order
}

#[test]
fn a_receiver_that_is_down_for_long_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/hook");
    let daemon = Running::new(folder.path(), &url, &["gate.recorded"]);
    for n in 0..240 {
        daemon.happen(&format!("OPP-{}", n % 3));
    }
    wait("the receiver is found to be down", || daemon.row().paused_until.is_some());
    daemon.stop();
    // Down over a restart, with more to tell afterwards.
    let daemon = Running::new(folder.path(), &url, &["gate.recorded"]);
    for n in 0..30 {
        daemon.happen(&format!("OPP-{}", n % 3));
    }
    std::thread::sleep(Duration::from_millis(500));
    assert!(daemon.row().dead.is_empty(), "who is down loses nothing");
    let taken = receive(TcpListener::bind(("127.0.0.1", port)).unwrap(), |_| 200);
    wait("everything arrives", || order(&taken).values().map(Vec::len).sum::<usize>() == 270);
    for ids in order(&taken).values() {
        assert!(ids.is_sorted() && ids.len() == 90, "{ids:?}");
    }
    let body = taken.lock().unwrap()[0].1.clone();
    assert_eq!((&body["type"], &body["data"]["allowed"]), (&json!("gate.recorded"), &json!(false)));
    wait("nothing is left", || daemon.row().waiting == 0 && daemon.row().behind == 0);
    assert!(daemon.row().error.is_none());
    daemon.stop();
}

#[test]
fn a_refused_event_holds_up_its_own_deal_is_given_up_and_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    // The first event of OPP-1 is refused for as long as this says so.
    let refuse: Arc<Mutex<(bool, Option<u64>)>> = Arc::new(Mutex::new((true, None)));
    let refusing = Arc::clone(&refuse);
    let taken = receive(listener, move |body| {
        let mut refusing = refusing.lock().unwrap();
        let id = body["data"]["id"].as_u64();
        if body["data"]["opportunity"] == "OPP-1" && refusing.1.is_none() {
            refusing.1 = id;
        }
        // A redirect is a refusal: nobody is led anywhere.
        if refusing.0 && refusing.1 == id { 307 } else { 200 }
    });
    let daemon = Running::new(folder.path(), &url, &["gate.recorded"]);
    daemon.happen("OPP-1");
    daemon.happen("OPP-1");
    daemon.happen("OPP-2");
    wait("the other deals go on", || order(&taken).contains_key("OPP-2"));
    wait("it is given up", || daemon.row().dead.len() == 1);
    assert_eq!(daemon.row().dead[0].attempts, 3);
    wait("then the next of its deal follows", || order(&taken).contains_key("OPP-1"));
    let first = refuse.lock().unwrap().1.unwrap();
    assert!(!order(&taken)["OPP-1"].contains(&first));
    refuse.lock().unwrap().0 = false;
    let ask = Request::Webhooks(WebhooksAsk::Retry { name: "crm".into(), event: Some(first) });
    assert!(matches!(daemon.desk.answer(ask), Response::Settled { .. }));
    wait("it is sent again", || order(&taken)["OPP-1"].contains(&first));
    wait("nothing is left", || daemon.row().dead.is_empty() && daemon.row().waiting == 0);
    daemon.stop();
}
