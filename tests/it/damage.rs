//! A store whose files were cut, flipped or lost, and one on a disk that refuses: a clear error or a healed store, never
//! a wrong answer. Asked through the program, the gate says `store_unavailable` and ends with 2.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use endorsed::edge::store::{LOCK_WAIT, OpenOptions, Store, StoreError, audit_folder};
use endorsed::record::log::Scope;
use serde_json::Value;

use crate::disk::{library, scratch};
use crate::home::{Home, PATIENCE};
use crate::store::{Random, batch, check, digest, entry, open, raw, try_open};

/// Bytes flipped in each file.
const FLIPS: u64 = 5;

/// What may become of a store with one damaged file.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It opens, holds everything, and an audit is clean.
    Healed,
    /// It opens; what is damaged is an error when it is read, and the audit names the file.
    Found,
    /// It does not open, and says why.
    Refused,
}

#[test]
fn a_damaged_file_is_healed_found_or_refused_and_never_believed() {
    let folder = scratch();
    let whole = folder.path().join("whole");
    let store = open(&whole);
    for _ in 0..10 {
        store.append(batch(store.size(), 5)).unwrap();
    }
    let size = store.size();
    drop(store);
    let mut random = Random(17);
    let mut fates = Vec::new();
    for file in files(&whole) {
        let content = std::fs::read(whole.join(&file)).unwrap();
        let mut kinds: Vec<(String, Option<Vec<u8>>)> = vec![("lost".into(), None)];
        for length in [0, content.len() / 2, content.len().saturating_sub(1)] {
            kinds.push((format!("cut to {length}"), Some(content[..length].to_vec())));
        }
        for _ in 0..FLIPS.min(content.len() as u64) {
            let (at, bit) = (random.below(content.len() as u64) as usize, random.below(8));
            let mut flipped = content.clone();
            flipped[at] ^= 1 << bit;
            kinds.push((format!("bit {bit} of byte {at} flipped"), Some(flipped)));
        }
        for (what, damaged) in kinds {
            let image = folder.path().join("image");
            copy(&whole, &image);
            match &damaged {
                Some(bytes) => std::fs::write(image.join(&file), bytes).unwrap(),
                None => std::fs::remove_file(image.join(&file)).unwrap(),
            }
            let judged = catch_unwind(AssertUnwindSafe(|| fate(&image, &file, size)));
            let fate = judged.unwrap_or_else(|_| panic!("{} {what}", file.display()));
            if Some(&content) == damaged.as_ref() {
                assert_eq!(fate, Fate::Healed);
            }
            fates.push((file.display().to_string(), what, fate));
            std::fs::remove_dir_all(&image).unwrap();
        }
    }
    let of = |name: &str, fate: Fate| fates.iter().filter(|(f, _, x)| f.contains(name) && *x == fate).count();
    // What can be made anew is, and what can not never passes in silence. A hash inside the tree is read when a proof
    // needs it; until then only an audit sees it.
    for derived in ["index/", "journal.head", "lock", "log.vkey"] {
        assert_eq!(of(derived, Fate::Found), 0, "{derived}: {fates:#?}");
        assert!(of(derived, Fate::Healed) > 0, "{derived}: {fates:#?}");
    }
    for healing in ["index/", "journal.head", "lock", "tree"] {
        assert_eq!(of(healing, Fate::Refused), 0, "{healing}: {fates:#?}");
    }
    for truth in ["segments/", "format", "log.key", "checkpoint"] {
        assert_eq!(of(truth, Fate::Healed), 0, "{truth}: {fates:#?}");
    }
    assert!(of("journal", Fate::Refused) > 3, "{fates:#?}");
}

fn fate(folder: &Path, file: &Path, size: u64) -> Fate {
    let store = match try_open(folder) {
        Ok(store) => store,
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains(folder.to_str().unwrap()), "which file? {text}");
            assert!(!matches!(error, StoreError::Poisoned { .. } | StoreError::Index { .. }), "{text}");
            return Fate::Refused;
        }
    };
    assert_eq!(store.size(), size, "something is gone");
    let mut unread = 0;
    for seq in 0..size {
        match store.entries(seq..seq + 1) {
            Ok(found) => assert!(found == [entry(seq)], "entry {seq} is another: {found:?}"),
            Err(_) => unread += 1,
        }
        match (seq % 2, store.raw(&digest(seq))) {
            (0, Ok(found)) => assert!(found == Some(raw(seq)), "mail {seq} is other mail"),
            (0, Err(_)) => unread += 1,
            _ => {}
        }
    }
    drop(store);
    if unread == 0 || file.starts_with("index") {
        // The note of an index that failed makes the next start build another.
        let store = open(folder);
        check(&store, size, 0);
        let audit = store.audit(Scope::Everything, None).unwrap();
        if audit.is_clean() {
            return Fate::Healed;
        }
    }
    let audit = audit_folder(folder, Scope::Everything, None, LOCK_WAIT).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(audit.findings.iter().any(|f| f.place.contains(name)), "{:?}", audit.findings);
    Fate::Found
}

/// Every file of a store, relative to it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut queue = vec![folder.to_owned()];
    while let Some(next) = queue.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                queue.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(&file);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(from.join(&file), target).unwrap();
    }
    // A store has them also when they are empty.
    std::fs::create_dir_all(to.join("index/blobs")).unwrap();
}

/// A home whose gate is open.
fn confirmed() -> Home {
    let home = Home::new("");
    let mails = home.path().join("mails");
    std::fs::create_dir(&mails).unwrap();
    std::fs::write(mails.join("1.eml"), home.letters.declaration("OPP-90001")).unwrap();
    let yes = home.letters.reply("OPP-90001", 1, "Yes, confirmed. All three criteria are met.");
    std::fs::write(mails.join("2.eml"), yes).unwrap();
    assert!(home.ask(&["ingest", mails.to_str().unwrap()]).status.success());
    assert_eq!(home.gate("OPP-90001"), 0, "{}", home.shown("OPP-90001"));
    home
}

/// Asks the gate on a disk with these settings.
fn ask(home: &Home, disk: &[(&str, &str)]) -> Output {
    let mut command = home.command(&["gate", "OPP-90001", "--to", "commercial_review", "--json"]);
    if !disk.is_empty() {
        command.env("LD_PRELOAD", library()).env("DISK_FOLDER", home.store()).envs(disk.iter().copied());
    }
    command.output().unwrap()
}

/// That the gate could not tell, and what it said.
fn could_not_tell(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&answer["allowed"], &answer["reasons"][0]["code"]),
        (&false.into(), &"store_unavailable".into())
    );
    text
}

#[test]
fn the_gate_cannot_tell_on_a_disk_that_refuses() {
    let home = confirmed();
    let text = could_not_tell(&ask(&home, &[("DISK_READONLY", "1")]));
    assert!(text.contains("mount the file system writable and restart"), "{text}");
    let broken = [("DISK_FAULT", "any,*,1,before,5"), ("DISK_STICKY", "1"), ("DISK_ARMED", "1")];
    let text = could_not_tell(&ask(&home, &broken));
    assert!(text.contains("check the disk and restart"), "{text}");
    // The index must be made anew, and there is no room for it.
    std::fs::remove_dir_all(home.store().join("index")).unwrap();
    let text = could_not_tell(&ask(&home, &[("DISK_SPACE", "0"), ("DISK_ARMED", "1")]));
    assert!(text.contains("make room on the disk and restart"), "{text}");
    assert_eq!(ask(&home, &[]).status.code(), Some(0), "nothing was lost");
}

#[test]
fn the_gate_cannot_tell_from_a_damaged_or_newer_store() {
    let home = confirmed();
    let store = home.store();
    for (file, change, says) in [
        ("journal", "cut", "were acknowledged"),
        ("segments/00000000.seg", "cut", "the segment ends here"),
        ("checkpoint", "flip", "byte 0"),
        ("log.key", "cut", "put back the key that signed so far"),
        ("format", "newer", "use the newer release that wrote it"),
    ] {
        let path = store.join(file);
        let whole = std::fs::read(&path).unwrap();
        let changed = match change {
            "cut" => whole[..whole.len() * 2 / 3].to_vec(),
            "flip" => whole.iter().map(|byte| byte ^ 1).collect(),
            _ => b"endorsed store 2\n".to_vec(),
        };
        std::fs::write(&path, changed).unwrap();
        let text = could_not_tell(&ask(&home, &[]));
        assert!(text.contains(says) && text.contains(file), "{file}: {text}");
        std::fs::write(&path, whole).unwrap();
        assert_eq!(ask(&home, &[]).status.code(), Some(0), "nothing was lost: {file}");
    }
}

#[test]
fn a_second_process_is_told_who_holds_the_store() {
    let home = confirmed();
    let held = Store::open(&home.store(), OpenOptions::default()).unwrap();
    let text = could_not_tell(&ask(&home, &[]));
    assert!(text.contains("another process holds this store"), "{text}");
    drop(held);
    assert_eq!(ask(&home, &[]).status.code(), Some(0));
}

/// The disk fails under the running daemon: it ends, nobody is told a yes meanwhile, and the next start goes on.
#[test]
fn a_daemon_whose_disk_fails_ends_and_the_next_one_loses_nothing() {
    let home = Home::maildir();
    home.start().stop();
    for (n, fault) in ["write,/journal,1,half,28", "sync,/journal,1,after,5", "sync,.seg,1,before,5"]
        .into_iter()
        .enumerate()
    {
        let opportunity = format!("OPP-9100{n}");
        let log = std::fs::File::create(home.path().join("failing")).unwrap();
        let mut daemon = home
            .command(&["run"])
            .env("LD_PRELOAD", library())
            .env("DISK_FOLDER", home.store())
            .envs([("DISK_FAULT", fault), ("DISK_STICKY", "1"), ("DISK_ARMED", "1")])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        home.deliver(&format!("{n}1.a"), &home.letters.declaration(&opportunity));
        let yes = home.letters.reply(&opportunity, 1, "Yes, confirmed. All three criteria are met.");
        home.deliver(&format!("{n}2.b"), &yes);
        let start = Instant::now();
        let status = loop {
            if let Some(status) = daemon.try_wait().unwrap() {
                break status;
            }
            assert_ne!(home.gate(&opportunity), 0, "a yes that is on no disk");
            assert!(start.elapsed() < PATIENCE, "the daemon goes on with a disk that fails");
            std::thread::sleep(Duration::from_millis(50));
        };
        let said = std::fs::read_to_string(home.path().join("failing")).unwrap();
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(said.contains("restart"), "{said}");
        let daemon = home.start();
        home.wait_for_gate(&opportunity, 0);
        assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    }
}
