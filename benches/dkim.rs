//! What a signature costs: DKIM verification of a 10 KB mail with the key at hand, on one core:
//! `cargo bench --bench dkim [-- MESSAGES]`.

#![allow(missing_docs, dead_code, clippy::unwrap_used, clippy::expect_used)]

#[path = "../tests/it/sign.rs"]
mod sign;

use std::hint::black_box;

use endorsed::edge::dkim;
use endorsed::parse::parse;

use sign::{FULL, Key, keys, sign};

/// Size of the mail's body in bytes.
const BODY_BYTES: usize = 10 << 10;

fn main() {
    let count: u32 = std::env::args().find_map(|a| a.parse().ok()).unwrap_or(4_000);
    let line = "> The quoted declaration and the thread below it, seventy-six characters each.\n";
    let mail = format!(
        "From: Dana Reyes <dana@acme.example>\nTo: Sam <sam@northwind-labs.example>\nSubject: Re: Win\nDate: Fri, 20 Nov 2026 11:00:00 +0000\nMessage-ID: <r1@acme.example>\nIn-Reply-To: <d1@northwind-labs.example>\n\nYes, confirmed.\n\n{}",
        line.repeat(BODY_BYTES / line.len())
    );
    for (name, key) in [("rsa2048", Key::rsa()), ("ed25519", Key::ed25519())] {
        let records = keys(&["acme.example"], &key.record());
        let raw = sign(mail.as_bytes(), &key, "acme.example", FULL, "");
        let message = parse(&raw);
        assert!(dkim::check(&message, &records).iter().all(|s| s.headers_hold));
        let start = cpu_ns();
        for _ in 0..count {
            black_box(dkim::check(black_box(&message), &records));
        }
        let us = (cpu_ns() - start) as f64 / 1e3 / f64::from(count);
        println!("{name}: {us:.1} µs for a mail of {} bytes, {:.0}/s on one core", raw.len(), 1e6 / us);
    }
}

/// CPU time of this thread in nanoseconds (proc(5), schedstat).
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}
