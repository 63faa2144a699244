//! Key look-ups against a name server on loopback that answers as it is told.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::Instant;

use endorsed::edge::dns::{LOOKUP_SECONDS_MAX, Resolver};
use endorsed::model::KeyState;
use jiff::Timestamp;
use mail_auth::hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};

/// What the server does with a question.
enum Answer {
    Texts(&'static [&'static [&'static str]]),
    Code(u8),
    Silence,
}

/// A server that answers every question the same way, for the length of the test.
fn server(answer: Answer) -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Some(reply) = reply(&buffer[..length], &answer) {
                let _ = socket.send_to(&reply, from);
            }
        }
    });
    port
}

/// RFC 1035 §4.1: the question back, and the answers.
fn reply(question: &[u8], answer: &Answer) -> Option<Vec<u8>> {
    let name_end = 12 + question[12..].iter().position(|b| *b == 0)? + 5;
    let (code, texts): (u8, &[&[&str]]) = match answer {
        Answer::Texts(texts) => (0, texts),
        Answer::Code(code) => (*code, &[]),
        Answer::Silence => return None,
    };
    let mut out = question[..2].to_vec();
    out.extend([0x81, 0x80 | code, 0, 1, 0, u8::try_from(texts.len()).unwrap(), 0, 0, 0, 0]);
    out.extend(&question[12..name_end]);
    for strings in texts {
        let data: Vec<u8> =
            strings.iter().flat_map(|s| [&[u8::try_from(s.len()).unwrap()], s.as_bytes()].concat()).collect();
        out.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, u8::try_from(data.len()).unwrap()]);
        out.extend(data);
    }
    Some(out)
}

fn ask(answer: Answer, name: &str) -> KeyState {
    let resolver = resolver(answer);
    let record = runtime().block_on(resolver.key(name, Timestamp::UNIX_EPOCH));
    assert_eq!(record.name, "s1._domainkey.acme.example");
    record.state
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn resolver(answer: Answer) -> Resolver {
    let mut connection = ConnectionConfig::udp();
    connection.port = server(answer);
    let server = NameServerConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST), true, vec![connection]);
    let config = ResolverConfig::from_parts(None, vec![], vec![server]);
    Resolver::with(config, Default::default()).unwrap()
}

const NAME: &str = "s1._domainkey.acme.example";

#[test]
fn strings_of_a_record_are_joined() {
    let texts = Answer::Texts(&[&["v=DKIM1; k=rsa; p=AAA", "BBB"]]);
    assert_eq!(ask(texts, "S1._domainkey.ACME.example."), KeyState::Found("v=DKIM1; k=rsa; p=AAABBB".into()));
}

#[test]
fn of_several_records_the_key_is_taken() {
    let texts = Answer::Texts(&[&["a note"], &["v=DKIM1; p=AAA"]]);
    assert_eq!(ask(texts, NAME), KeyState::Found("v=DKIM1; p=AAA".into()));
}

#[test]
fn only_a_clear_no_is_absent() {
    assert_eq!(ask(Answer::Code(3), NAME), KeyState::Absent, "NXDOMAIN");
    assert_eq!(ask(Answer::Texts(&[]), NAME), KeyState::Absent, "no TXT record");
    assert_eq!(ask(Answer::Code(2), NAME), KeyState::Temporary, "SERVFAIL");
    assert_eq!(ask(Answer::Code(5), NAME), KeyState::Temporary, "REFUSED");
}

#[test]
fn silence_is_temporary_and_does_not_hold_us_up() {
    let start = Instant::now();
    let names: Vec<String> = (0..10).map(|n| format!("s{n}._domainkey.acme.example")).collect();
    let found = runtime().block_on(resolver(Answer::Silence).keys(&names, Timestamp::UNIX_EPOCH));
    assert_eq!(found.keys().collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
    assert!(found.values().all(|record| record.state == KeyState::Temporary));
    assert!(start.elapsed().as_secs() <= LOOKUP_SECONDS_MAX + 2);
}
