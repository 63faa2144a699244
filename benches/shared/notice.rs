//! From Dovecot's notice of a message (`EXISTS` to the daemon that idles, RFC 2177) to the committed verdict.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use endorsed::edge::imap::Tls;

use super::dovecot::Dovecot;
use super::{Daemon, health};

/// Delivers the messages one by one to a daemon that idles; milliseconds from the notice to the verdict, sorted.
pub fn to_verdict(server: &Dovecot, mails: &[Vec<u8>]) -> Vec<f64> {
    let (port, notices) = relay(server.settings(Tls::None).port);
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path(), &format!("port = {port}\ntls = \"none\""));
    std::thread::sleep(Duration::from_secs(2));
    let mut times = Vec::new();
    for mail in mails {
        // It idles again.
        std::thread::sleep(Duration::from_millis(200));
        let (before, _) = health(daemon.port);
        notices.try_iter().for_each(drop);
        server.deliver(mail);
        let noticed = notices.recv_timeout(Duration::from_secs(30)).unwrap();
        // What was seen, and what it says: two entries at least.
        let is_on_record = || {
            let (size, waiting) = health(daemon.port);
            size >= before + 2 && waiting == 0
        };
        while !is_on_record() {
            assert!(noticed.elapsed() < Duration::from_secs(30), "no verdict");
            std::thread::sleep(Duration::from_millis(1));
        }
        times.push(noticed.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    times
}

/// A port before the server's, without TLS so that it can tell when an `EXISTS` goes by.
fn relay(server: u16) -> (u16, Receiver<Instant>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let upstream = TcpStream::connect(("127.0.0.1", server)).unwrap();
            let (from, to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            std::thread::spawn(move || pump(from, to, None));
            let tell = tell.clone();
            std::thread::spawn(move || pump(upstream, client, Some(&tell)));
        }
    });
    (port, told)
}

fn pump(mut from: TcpStream, mut to: TcpStream, tell: Option<&Sender<Instant>>) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if bytes[..count].windows(6).any(|word| word == b"EXISTS") {
            // Nobody listens any more when the daemon has ended.
            let _ = tell.map(|tell| tell.send(Instant::now()));
        }
        if to.write_all(&bytes[..count]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}
