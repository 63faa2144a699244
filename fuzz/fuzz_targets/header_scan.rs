//! The header scan and the strict author on any bytes.
#![no_main]

#[path = "../laws/header_scan.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|data: &[u8]| law::holds(data));
