//! Two daemons that take each other for a champion: each asks once as it would ask a person, hears a machine, and stops.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::home::Home;
use crate::letters::{BUYER, SELLER};
use crate::outbox::{MAILDIR, OUTBOX, SILENCE, home, written};

/// The other side: the same daemon under the buyer's name, with the same keys in its DNS.
fn other_side(first: &Home) -> Home {
    let home = home(MAILDIR, OUTBOX, 3600);
    let config = home.path().join("endorsed.toml");
    let text = std::fs::read_to_string(&config).unwrap().replace(SELLER, BUYER);
    std::fs::write(&config, text).unwrap();
    std::fs::copy(first.path().join("dns.json"), home.path().join("dns.json")).unwrap();
    home
}

/// Brings every letter of `from` to `to` that is addressed to it and was not brought yet; how many.
fn carry(from: &Home, to: &Home, domain: &str, brought: &mut BTreeSet<String>) -> usize {
    let mut count = 0;
    for file in std::fs::read_dir(from.path().join("out")).into_iter().flatten() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|e| e != "eml")
            || !is_for(&path, domain)
            || !brought.insert(name.clone())
        {
            continue;
        }
        let received = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
        let trace = format!(
            "Received: from out.example by mx.{domain}; {}\r\n",
            received.strftime("%a, %d %b %Y %H:%M:%S +0000")
        );
        to.deliver(&name, &[trace.into_bytes(), std::fs::read(&path).unwrap()].concat());
        count += 1;
    }
    count
}

fn is_for(path: &Path, domain: &str) -> bool {
    let message = endorsed::parse::parse(&std::fs::read(path).unwrap());
    message.to.iter().any(|to| to.address.as_str() == format!("evidence@{domain}"))
}

#[test]
fn two_daemons_that_write_to_each_other_stop_at_once() {
    let one = home(MAILDIR, OUTBOX, 3600);
    let two = other_side(&one);
    let (first, second) = (one.start(), two.start());
    let text = |raw: Vec<u8>| String::from_utf8(raw).unwrap();
    // Each one's champion is the other one's evidence mailbox.
    let declared = text(one.letters.declaration("OPP-60030")).replace("dana@", "evidence@");
    let back = declared.replace(SELLER, "HERE").replace(BUYER, SELLER).replace("HERE", BUYER);
    let (declared, back) = (one.letters.signed_by_seller(&declared), one.letters.signed_by_buyer(&back));
    one.deliver("1.a", &declared);
    two.deliver("1.b", &declared);
    two.deliver("2.a", &back);
    one.deliver("2.b", &back);
    let (mut from_one, mut from_two) = (BTreeSet::new(), BTreeSet::new());
    let run = |for_so_long: Duration, from_one: &mut BTreeSet<String>, from_two: &mut BTreeSet<String>| {
        let start = Instant::now();
        let mut carried = 0;
        while start.elapsed() < for_so_long {
            carried += carry(&one, &two, BUYER, from_one) + carry(&two, &one, SELLER, from_two);
            std::thread::sleep(Duration::from_millis(100));
        }
        carried
    };
    // Long enough for the first reminder on a busy machine.
    let start = Instant::now();
    while (from_one.is_empty() || from_two.is_empty()) && start.elapsed() < Duration::from_secs(60) {
        run(Duration::from_secs(1), &mut from_one, &mut from_two);
    }
    assert_eq!((from_one.len(), from_two.len()), (1, 1), "{}{}", one.log(), two.log());
    let before = (written(&one).len(), written(&two).len());
    assert_eq!(run(SILENCE * 2, &mut from_one, &mut from_two), 0, "they go on");
    assert_eq!((written(&one).len(), written(&two).len()), before, "somebody was told of a machine's mail");
    for home in [&one, &two] {
        assert_eq!(home.gate("OPP-60030"), 1, "a machine confirmed");
    }
    assert_eq!((first.stop(), second.stop()), (Some(0), Some(0)), "{}{}", one.log(), two.log());
}
