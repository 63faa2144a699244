//! Any octets are a message, and the same octets always the same one.

#![no_main]

use endorsed::parse::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let message = parse(data);
    assert_eq!(&*message.raw, data);
    assert_eq!(message.identity, parse(data).identity);
    // Attached messages end: each is smaller than the one that carries it, or as large after decoding.
    let mut depth = 0;
    let mut inner = &message;
    while let Some(next) = inner.attached.first() {
        depth += 1;
        inner = next;
    }
    assert!(depth <= 5);
});
