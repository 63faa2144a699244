//! What a mail server's behaviour means for a letter, step by step: scripted servers that say no, say later, fall silent or
//! hang up at each step.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use endorsed::edge::imap::{SignIn, Tls};
use endorsed::edge::oauth::Mechanism;
use endorsed::edge::outbox::{Delivery, Outbox, Parcel};
use endorsed::edge::smtp::{Settings, Smtp};
use endorsed::model::{Address, Digest};

use crate::imap_oauth::{Issuer, tokens};

/// What the server does at a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Acts {
    Well,
    Says(&'static str),
    HangsUp,
}

/// A server that does one thing at one step (`connect`, `EHLO`, `MAIL`, `RCPT`, `DATA`, `text`), and counts what it took.
struct Server {
    port: u16,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(step: &'static str, acts: Acts) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                kept.lock().unwrap().push("connect".into());
                let _ = talk(stream, step, acts, &kept);
            }
        });
        Self { port, log }
    }

    fn taken(&self) -> usize {
        self.count("taken")
    }

    fn count(&self, what: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| *line == what).count()
    }

    fn outbox(&self) -> Outbox {
        self.outbox_of(None)
    }

    fn outbox_of(&self, login: Option<(String, SignIn)>) -> Outbox {
        Outbox::Smtp(Box::new(Smtp::new(Settings {
            host: "127.0.0.1".into(),
            port: self.port,
            tls: Tls::None,
            ca_file: None,
            login,
        })))
    }
}

fn talk(stream: TcpStream, step: &str, acts: Acts, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut stream = stream;
    let mut answer = |name: &str, well: &str| -> std::io::Result<bool> {
        let line = match acts {
            Acts::HangsUp if step == name => return Ok(false),
            Acts::Says(line) if step == name => line,
            _ => well,
        };
        stream.write_all(format!("{line}\r\n").as_bytes())?;
        Ok(true)
    };
    if !answer("connect", "220 mx.example ESMTP")? {
        return Ok(());
    }
    while let Some(line) = lines.next().transpose()? {
        let word = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let goes_on = match word.as_str() {
            "DATA" => {
                if !answer("DATA", "354 go on")? {
                    return Ok(());
                }
                if step == "DATA" && acts != Acts::Well {
                    continue;
                }
                while lines.next().transpose()?.is_some_and(|line| line != ".") {}
                // Before the answer: who has that may look at once.
                if step != "text" || acts == Acts::Well {
                    log.lock().unwrap().push("taken".into());
                }
                answer("text", "250 queued as 42")?
            }
            "QUIT" => {
                answer("QUIT", "221 bye")?;
                return Ok(());
            }
            "RSET" => answer("RSET", "250 ok")?,
            "EHLO" => answer("EHLO", "250-mx.example\r\n250 AUTH PLAIN XOAUTH2")?,
            "AUTH" => {
                log.lock().unwrap().push(line.clone());
                answer("AUTH", "235 welcome")?
            }
            word => answer(word, "250 ok")?,
        };
        if !goes_on {
            return Ok(());
        }
    }
    Ok(())
}

async fn deliver(outbox: &mut Outbox) -> Delivery {
    let (from, to) = (Address::new("a@x.example").unwrap(), Address::new("b@y.example").unwrap());
    let raw = b"Subject: x\r\n\r\nHello.\r\n.a line with a dot\r\n";
    outbox.deliver(&Parcel { from: &from, to: &to, key: &Digest::of(b"key"), raw }).await
}

/// Whether a delivery ended as it must.
type Wanted<'a> = &'a dyn Fn(&Delivery) -> bool;

#[tokio::test]
async fn every_step_has_its_meaning() {
    use Acts::{HangsUp, Says};
    let deferred = |d: &Delivery| matches!(d, Delivery::Deferred(_));
    let refused = |d: &Delivery| matches!(d, Delivery::Refused(_));
    let uncertain = |d: &Delivery| matches!(d, Delivery::Uncertain(_));
    let cases: [(&str, Acts, Wanted<'_>); 13] = [
        ("connect", Says("421 later"), &deferred),
        ("connect", Says("554 go away"), &deferred),
        ("connect", HangsUp, &deferred),
        ("EHLO", HangsUp, &deferred),
        ("MAIL", Says("451 later"), &deferred),
        ("MAIL", HangsUp, &deferred),
        ("RCPT", Says("450 greylisted"), &deferred),
        ("RCPT", Says("550 no such user"), &refused),
        ("RCPT", HangsUp, &deferred),
        ("DATA", Says("554 no"), &refused),
        ("DATA", HangsUp, &deferred),
        ("text", Says("452 disk full"), &deferred),
        ("text", HangsUp, &uncertain),
    ];
    for (step, acts, wanted) in cases {
        let server = Server::start(step, acts);
        let delivery = deliver(&mut server.outbox()).await;
        assert!(wanted(&delivery), "{step} {acts:?}: {delivery:?}");
        assert_eq!(server.taken(), 0, "{step} {acts:?}");
    }
    let server = Server::start("text", Says("554 spam"));
    assert!(refused(&deliver(&mut server.outbox()).await));
}

#[tokio::test]
async fn one_connection_serves_several_letters_and_a_lost_one_is_made_anew() {
    let server = Server::start("none", Acts::Well);
    let mut outbox = server.outbox();
    for _ in 0..3 {
        assert_eq!(deliver(&mut outbox).await, Delivery::Sent("250 queued as 42".into()));
    }
    assert_eq!((server.taken(), server.count("connect")), (3, 1));
    outbox.rest().await;
    assert!(matches!(deliver(&mut outbox).await, Delivery::Sent(_)));
    assert_eq!((server.taken(), server.count("connect")), (4, 2));
    // Nobody listens: nothing was taken, so it is tried again later.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = Server { port, log: Arc::default() };
    assert!(matches!(deliver(&mut closed.outbox()).await, Delivery::Deferred(_)));
}

#[tokio::test]
async fn a_token_signs_in_and_a_refused_one_is_replaced() {
    let (issuer, address) = Issuer::start().await;
    let login = || Some(("evidence@x.example".to_owned(), tokens(&address, Mechanism::XOAuth2)));
    let server = Server::start("none", Acts::Well);
    assert!(matches!(deliver(&mut server.outbox_of(login())).await, Delivery::Sent(_)));
    let message = STANDARD.encode("user=evidence@x.example\x01auth=Bearer t0ken-0\x01\x01");
    assert_eq!(server.count(&format!("AUTH XOAUTH2 {message}")), 1, "{:?}", server.log.lock().unwrap());

    let refuses = Server::start("AUTH", Acts::Says("535 5.7.3 no"));
    let mut outbox = refuses.outbox_of(login());
    for asked in [2, 3] {
        assert!(matches!(deliver(&mut outbox).await, Delivery::Deferred(_)));
        assert_eq!(issuer.asked(), asked);
    }
}

#[tokio::test]
async fn starttls_never_falls_back_to_plain_text() {
    let server = Server::start("none", Acts::Well);
    let mut outbox = Outbox::Smtp(Box::new(Smtp::new(Settings {
        host: "127.0.0.1".into(),
        port: server.port,
        tls: Tls::StartTls,
        ca_file: None,
        login: None,
    })));
    assert!(matches!(deliver(&mut outbox).await, Delivery::Deferred(_)));
    assert_eq!(server.taken(), 0);
}
