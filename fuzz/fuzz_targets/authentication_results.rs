//! The tokenizer of Authentication-Results on any text.
#![no_main]

#[path = "../laws/authentication_results.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|data: &[u8]| law::holds(data));
