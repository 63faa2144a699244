//! A store of each released format is a fixture and opens for ever: same entries, same root, same standing.

use std::path::Path;

use endorsed::edge::store::{OpenOptions, Store};
use endorsed::record::Entry;
use endorsed::record::log::{Scope, SeenHead};
use serde_json::Value;

use crate::home::Home;

/// Release, entries, and the root over them.
const RELEASES: [(&str, u64, &str); 1] =
    [("release-0.1", 39, "16cda7afb902b3dac6847c8bcee6ece70d2bad5f8e976a1b1c6d2c22e332ec1d")];

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}

/// Opportunities and what they stand at.
fn standings(list: &[u8]) -> Vec<(String, String)> {
    let list: Value = serde_json::from_slice(list).unwrap();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let rows = list["opportunities"].as_array().unwrap();
    rows.iter().map(|row| (text(row, "opportunity"), text(row, "standing"))).collect()
}

#[test]
fn a_store_of_every_release_opens_for_ever() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/store");
    for (release, size, root) in RELEASES {
        let home = Home::new("");
        copy(&fixtures.join(release), &home.store());
        let journal = std::fs::read(home.store().join("journal")).unwrap();
        let store = Store::open(&home.store(), OpenOptions::default()).unwrap();
        assert_eq!((store.size(), store.log_head().1.to_string().as_str()), (size, root), "{release}");
        let audit =
            store.audit(Scope::Everything, Some(SeenHead { size, root: store.log_head().1 })).unwrap();
        assert!(audit.is_clean(), "{release}: {:?}", audit.findings);
        let entries = store.entries(0..size).unwrap();
        let has = |kind: fn(&Entry) -> bool| entries.iter().any(kind);
        assert!(has(|e| matches!(e, Entry::Act(_))) && has(|e| matches!(e, Entry::Erased(_))), "{release}");
        assert!(has(|e| matches!(e, Entry::Posted { .. })) && has(|e| matches!(e, Entry::Gate { .. })));
        let entry = Entry::Gate { at: jiff::Timestamp::UNIX_EPOCH, answer: release.into() };
        let batch = endorsed::edge::store::Batch { entries: vec![entry], ..Default::default() };
        assert_eq!(store.append(batch).unwrap(), size + 1);
        drop(store);
        let now = std::fs::read(home.store().join("journal")).unwrap();
        assert!(now.starts_with(&journal), "{release}: something was rewritten");
        let expected = std::fs::read(fixtures.join(format!("{release}.json"))).unwrap();
        assert_eq!(standings(&home.ask(&["list", "--json"]).stdout), standings(&expected), "{release}");
        assert_eq!(home.gate("OPP-31001"), 0, "{release}: {}", home.shown("OPP-31001"));
        assert_eq!(home.gate("OPP-31011"), 1, "{release}");
    }
}
