//! What must hold for the header of any bytes (AUTHENTICITY §2.2 steps 1 and 2). The fuzz target and
//! tests/it/fuzz_laws.rs share it.

use std::collections::BTreeMap;

use endorsed::edge::dkim;
use endorsed::model::Defect;
use endorsed::parse::parse;

/// Panics when it does not hold.
pub fn holds(data: &[u8]) {
    let message = parse(data);
    let broken =
        |d: &Defect| matches!(d, Defect::HeaderSyntax(_) | Defect::SeveralAuthors | Defect::OverLimit(_));
    if !message.defects.iter().any(broken) {
        let fields: Vec<&str> = message.header("From").collect();
        assert_eq!(fields.len(), 1, "one From field, or a defect");
        assert_eq!(message.from.len(), 1, "one author, or a defect");
        let address = message.from[0].address.as_str();
        assert!(address.is_ascii(), "{address:?}");
        assert!(fields[0].to_ascii_lowercase().contains(address), "{address:?} in {:?}", fields[0]);
        let plain =
            |name: &str| !name.is_empty() && name.bytes().all(|b| (33..=126).contains(&b) && b != b':');
        assert!(message.headers.iter().all(|h| plain(&h.name)), "{:?}", message.headers);
    }
    // Whatever the bytes say, nothing holds without a key.
    assert!(dkim::check(&message, &BTreeMap::new()).iter().all(|facts| !facts.headers_hold));
}
