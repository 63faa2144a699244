//! Any message is recognised as something, and machine mail is never anything else besides.

#![no_main]

use endorsed::model::{Address, Kind, Seller};
use endorsed::parse::parse;
use endorsed::read::read;
use endorsed::recognise::{Thread, recognise};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(evidence) = Address::new("evidence@seller.example") else { return };
    let seller =
        Seller { domains: vec!["seller.example".into()], names: vec!["Cascade".into()], evidence };
    let message = parse(data);
    let reading = read(&message, &[]);
    let found = recognise(&message, &reading, &Thread::default(), &seller);
    assert_eq!(found.automatic.is_some(), found.kind == Kind::Automatic);
    assert_eq!(found.declaration.is_some(), found.kind == Kind::Declaration);
    assert!(found.answers.is_none(), "there is nothing on record that it could answer");
});
