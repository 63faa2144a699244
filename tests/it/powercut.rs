//! The store under power cuts: whatever the disk had not been told to keep is gone or torn, what was acknowledged is
//! there.
//!
//! A child writes to a store on a recorded disk (`disk`); at random moments the power goes, and the store must open on
//! what is left. `ENDORSED_POWERCUTS` says how many images (`tests/run powercut`: 2,000), `ENDORSED_POWERCUT_SEED`
//! repeats their dice; the recordings differ from run to run.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use endorsed::edge::store::{Store, StoreError};
use endorsed::record::log::Scope;
use tempfile::TempDir;

use crate::disk::{Call, Disk, Luck, Names, library, read_log, scratch};
use crate::store::{BATCH_FOURS_MAX, Kept, LAG, Random, batch, check_kept, number, open, say};

/// Images in the normal suite.
const IMAGES: u64 = 100;
/// Images of one recording.
const IMAGES_EACH: u64 = 25;
const CHILD_FOLDER: &str = "ENDORSED_DISK_CHILD";
const CHILD_SCRIPT: &str = "ENDORSED_DISK_SCRIPT";

/// What the child does; two of four are about the making of a store.
const SCRIPTS: [&str; 4] = [
    "open append*40 sign append*30 close open append*20 close",
    "open append*2",
    "open append*16 sign erase append*6 erase append*3 close open append*4",
    "open append*1 sign append*3 close open append*1",
];

#[test]
fn no_power_cut_loses_what_was_acknowledged() {
    let images = number("ENDORSED_POWERCUTS").unwrap_or(IMAGES);
    let mut random = Random(number("ENDORSED_POWERCUT_SEED").unwrap_or(0xc07));
    let mut tally = Tally::default();
    for n in 0..images.div_ceil(IMAGES_EACH) {
        let recording = Recording::make(SCRIPTS[n as usize % SCRIPTS.len()], n, &[]);
        recording.assert_complete();
        for names in [Names::Loose, Names::Journalled] {
            let share = IMAGES_EACH.div_ceil(2).min(images - tally.images);
            recording.cut(names, share, &mut random, &mut tally);
        }
    }
    assert_eq!(tally.images, images);
    eprintln!("{tally:?}");
    assert!(tally.torn * 5 > images, "the cuts hardly tore anything: {tally:?}");
}

/// The simulator finds what it is made for: a sync that does nothing.
#[test]
fn a_missing_sync_is_seen() {
    let recording = Recording::make("open append*12", 7, &[]);
    for file in ["journal", "00000000.seg"] {
        let mut random = Random(5);
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let found = (0..40).any(|_| {
            let disk = Disk::new(Names::Journalled).lying_about(file);
            let at = random.below(recording.calls.len() as u64) as usize;
            let luck = Luck::draw(&mut random);
            let (disk, acked) = recording.replay(disk, at);
            let image = scratch();
            disk.image(luck, &mut random, image.path());
            catch_unwind(AssertUnwindSafe(|| acked.check(&open(&image.path().join("store"))))).is_err()
        });
        std::panic::set_hook(hook);
        assert!(found, "nobody missed the syncs of {file}");
    }
}

#[derive(Debug, Default)]
struct Tally {
    images: u64,
    /// Images that are neither what was synced nor everything that was written.
    torn: u64,
    /// Images before the first acknowledgement.
    making: u64,
    /// Entries acknowledged in all of them.
    entries: u64,
}

/// What a child did to a disk.
pub struct Recording {
    folder: TempDir,
    inode: u64,
    /// In order.
    pub calls: Vec<Call>,
}

/// What was acknowledged up to a moment.
#[derive(Debug, Default)]
pub struct Acked {
    size: u64,
    erasing: BTreeSet<u64>,
    erased: BTreeSet<u64>,
}

impl Recording {
    /// Runs a script in a child. `settings` are those of the disk.
    pub fn make(script: &str, seed: u64, settings: &[(&str, &str)]) -> Self {
        let folder = scratch();
        let (below, log) = (folder.path().join("disk"), folder.path().join("log"));
        std::fs::create_dir(&below).unwrap();
        let inode = std::fs::metadata(&below).unwrap().ino();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["powercut::child_on_a_recorded_disk", "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD_FOLDER, below.join("store"))
            .env(CHILD_SCRIPT, format!("{seed} {script}"))
            .env("LD_PRELOAD", library())
            .env("DISK_FOLDER", &below)
            .env("DISK_LOG", &log)
            .envs(settings.iter().copied())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{script}: {}\n{text}", String::from_utf8_lossy(&child.stdout));
        let calls = read_log(&log, &below);
        Self { folder, inode, calls }
    }

    /// Where the child worked.
    pub fn disk(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// A disk that went through the first `to` calls, and what was acknowledged by then.
    pub fn replay(&self, mut disk: Disk, to: usize) -> (Disk, Acked) {
        disk.root(self.inode);
        let mut acked = Acked::default();
        for call in &self.calls[..to] {
            disk.step(call);
            acked.hear(call);
        }
        (disk, acked)
    }

    /// When everything survives, the image is what the child left: nothing passed the recorder by.
    fn assert_complete(&self) {
        let image = scratch();
        let (disk, _) = self.replay(Disk::new(Names::Loose), self.calls.len());
        disk.image(Luck::all(true), &mut Random(0), image.path());
        assert_eq!(files(image.path()), files(&self.disk()), "the recording is not complete");
    }

    /// Cuts the power `count` times, at random moments.
    fn cut(&self, names: Names, count: u64, random: &mut Random, tally: &mut Tally) {
        let mut cuts: Vec<usize> =
            (0..count).map(|_| random.below(self.calls.len() as u64 + 1) as usize).collect();
        cuts.sort_unstable();
        let mut disk = Disk::new(names);
        disk.root(self.inode);
        let (mut acked, mut done) = (Acked::default(), 0);
        for cut in cuts {
            for call in &self.calls[done..cut] {
                disk.step(call);
                acked.hear(call);
            }
            done = cut;
            let luck = Luck::draw(random);
            tally.images += 1;
            tally.torn += u64::from(!matches!(luck.percent, 0 | 100));
            tally.making += u64::from(acked.size == 0);
            tally.entries += acked.size;
            try_image(&disk, &acked, luck, random, &format!("{names:?}, call {cut} of {}", self.calls.len()));
        }
    }
}

impl Acked {
    fn hear(&mut self, call: &Call) {
        let Call::Said(text) = call else { return };
        // libtest writes without a line end in front of ours.
        for line in text.lines().filter_map(|line| Some(line.split_once("> ")?.1)) {
            match line.split_once(' ') {
                Some(("erasing", seq)) => drop(self.erasing.insert(seq.parse().unwrap())),
                Some(("erased", seq)) => drop(self.erased.insert(seq.parse().unwrap())),
                _ => self.size = line.parse().unwrap_or(self.size),
            }
        }
    }

    /// What must be at an entry's place.
    pub fn kept(&self, seq: u64) -> Kept {
        match (self.erased.contains(&seq), self.erasing.contains(&seq)) {
            (true, _) => Kept::Gone,
            (_, true) => Kept::Either,
            _ => Kept::Whole,
        }
    }

    /// Checks a store that must hold at least this.
    pub fn check(&self, store: &Store) {
        check_kept(store, self.size, 0, |seq| self.kept(seq));
        let audit = store.audit(Scope::Everything, None).unwrap();
        assert!(audit.is_clean(), "{:?}", audit.findings);
    }
}

/// Makes one image and opens it; one that is bad is kept for whoever looks for the reason.
fn try_image(disk: &Disk, acked: &Acked, luck: Luck, random: &mut Random, what: &str) {
    let image = scratch();
    disk.image(luck, random, image.path());
    let tried = catch_unwind(AssertUnwindSafe(|| {
        let folder = image.path().join("store");
        let store = open(&folder);
        acked.check(&store);
        let size = store.append(batch(store.size(), 1)).unwrap();
        drop(store);
        // The second start finds what the first one left.
        assert_eq!(open(&folder).size(), size);
    }));
    if let Err(panic) = tried {
        let fresh = scratch();
        disk.image(luck, random, fresh.path());
        let (image, fresh) = (image.keep(), fresh.keep());
        eprintln!("{what}, {luck:?}, {acked:?}: kept as {} (after) and {}", image.display(), fresh.display());
        std::panic::resume_unwind(panic);
    }
}

/// Every file below a folder with its content.
fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut queue = vec![folder.to_owned()];
    while let Some(next) = queue.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                queue.push(path);
            } else {
                let content = u64::from(crc32fast::hash(&std::fs::read(&path).unwrap()));
                found.push((path.strip_prefix(folder).unwrap().to_owned(), content));
            }
        }
    }
    found.sort();
    found
}

/// The child's side: does nothing unless the parent named a folder.
#[test]
fn child_on_a_recorded_disk() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER).map(PathBuf::from) else { return };
    let script = std::env::var(CHILD_SCRIPT).unwrap();
    let mut words = script.split_whitespace();
    let mut random = Random(words.next().unwrap().parse().unwrap());
    let mut store = None;
    for word in words {
        let (verb, count) = word.split_once('*').map_or((word, 1), |(v, n)| (v, n.parse().unwrap()));
        for _ in 0..count {
            if let Err(error) = act(verb, &folder, &mut store, &mut random) {
                say(&format!("failed {error}"));
                if let Some(store) = &store {
                    let again = store.append(batch(store.size(), 1));
                    assert!(matches!(again, Err(StoreError::Poisoned { .. })), "{again:?}");
                }
                return;
            }
        }
    }
}

fn act(verb: &str, folder: &Path, open: &mut Option<Store>, random: &mut Random) -> Result<(), StoreError> {
    if verb == "open" {
        *open = Some(crate::store::try_open(folder)?);
        return Ok(());
    }
    if verb == "armed" {
        say("armed");
        return Ok(());
    }
    let Some(store) = open.as_ref() else { return Ok(()) };
    match verb {
        "close" => *open = None,
        "sign" => drop(store.checkpoint()?),
        "append" => say(&store.append(batch(store.size(), 1 + random.below(BATCH_FOURS_MAX)))?.to_string()),
        "erase" => {
            // What was considered twice waits for nothing.
            let all = (0..store.size().saturating_sub(2 * LAG)).step_by(4);
            let whole = |seq: &u64| store.raw(&crate::store::digest(*seq)).is_ok_and(|raw| raw.is_some());
            let Some(seq) = all.into_iter().find(whole) else { return Ok(()) };
            say(&format!("erasing {seq}"));
            store.erase(&BTreeSet::from([seq]), &BTreeSet::from([crate::store::digest(seq)]))?;
            say(&format!("erased {seq}"));
        }
        other => panic!("no verb is called {other}"),
    }
    Ok(())
}
