//! Proofs from outside, by the program: answers that carry the log's head, `verify`, `pack`, `proof`, the store's
//! commands, and the tiles for auditors.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use endorsed::answer::pack::{Files, check, sealed};
use endorsed::edge::archive;
use endorsed::model::Digest;
use endorsed::parse::parse;
use endorsed::record::log::{Checkpoint, Frontier, Tile};
use serde_json::Value;
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// A deal that is confirmed, one with a condition, one that was taken back.
const DEALS: [(&str, &str); 3] =
    [("01-plain-confirmation", "OPP-31001"), ("03-yes-but", "OPP-31003"), ("11-retraction", "OPP-31011")];

/// A store with the mail of some conversations.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let config = format!(
            "[seller]\ndomains = [\"northwind-labs.example\"]\nnames = [\"Northwind\", \"Cascade\"]\n\
             evidence = \"evidence@northwind-labs.example\"\n[store]\npath = \"store\"\n\
             [dns]\nfile = \"{ROOT}/fixtures/conversations/dns.json\"\n\
             [policy]\ntrust_declared_champions = true\n"
        );
        fs::write(home.path("endorsed.toml"), config).unwrap();
        home
    }

    fn filled() -> Self {
        let home = Self::new();
        DEALS.iter().for_each(|(name, _)| home.ingest(name));
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_endorsed"));
        command.current_dir(&self.0).args(arguments).arg("--config").arg(self.path("endorsed.toml"));
        command.output().unwrap()
    }

    fn status(&self, arguments: &[&str]) -> i32 {
        self.run(arguments).status.code().unwrap()
    }

    /// Runs a command that must end with 0.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let shown = [output.stdout.clone(), output.stderr].concat();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&shown));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_slice(&self.run(&[arguments, &["--json"]].concat()).stdout).unwrap()
    }

    fn ingest(&self, name: &str) {
        let folder = format!("{ROOT}/fixtures/conversations/{name}");
        self.done(&["ingest", &folder]);
    }

    fn pack(&self, opportunity: &str) -> Files {
        let file = self.path("pack.tar.gz");
        self.done(&["pack", opportunity, "-o", file.to_str().unwrap()]);
        archive::read(&file).unwrap()
    }

    /// Writes a pack of these files and verifies it.
    fn verify_pack(&self, files: &Files, more: &[&str]) -> (i32, String) {
        fs::write(self.path("other.tar.gz"), archive::write("x", files).unwrap()).unwrap();
        let output = self.run(&[&["verify", "other.tar.gz"], more].concat());
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }
}

fn seen(answer: &Value) -> String {
    format!("{}:{}", answer["log_size"], answer["log_root"].as_str().unwrap())
}

#[test]
fn an_answer_given_earlier_is_proved_to_be_in_the_log() {
    let home = Home::new();
    home.ingest(DEALS[0].0);
    let gate = ["gate", DEALS[0].1, "--to", "commercial_review"];
    let told = seen(&home.json(&gate));
    assert!(home.done(&gate).contains(&format!("log: {told}")));
    home.ingest(DEALS[2].0);
    let now = home.json(&gate);
    assert_ne!(seen(&now), told);
    assert!(home.done(&["verify", "--log", "--seen", &told]).contains("still in the log"));
    assert!(home.done(&["verify", "--seen", &told]).starts_with("VERIFIED"));
    let other = told.replacen(|c: char| c.is_ascii_digit(), "7", 1);
    assert_eq!(home.status(&["verify", "--seen", &other]), 1, "{other}");
    assert_eq!(home.status(&["verify", "--seen", "nonsense"]), 2);
    // What is recorded names the head before it.
    home.done(&["gate", DEALS[0].1, "--to", "commercial_review", "--record"]);
    let newer = home.json(&gate);
    assert_eq!(newer["log_size"].as_u64().unwrap(), now["log_size"].as_u64().unwrap() + 1);
    home.done(&["verify", "--seen", &seen(&now)]);
}

#[test]
fn verify_names_what_was_changed() {
    let home = Home::filled();
    let audit = home.json(&["verify"]);
    assert_eq!((audit["findings"].as_array().unwrap().len(), audit["raw"].as_u64()), (0, Some(7)));
    let path = home.path("store/journal");
    let whole = fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    let at = whole.windows(4).rposition(|w| w == b"OPP-").unwrap();
    bytes[at] = b'0';
    fs::write(&path, bytes).unwrap();
    let output = home.run(&["verify"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.starts_with("CHANGED") && text.contains("store/journal, byte ") && text.contains("(entry "),
        "{text}"
    );
    assert_eq!(home.status(&["gate", DEALS[0].1, "--to", "commercial_review"]), 2);
    fs::write(&path, whole).unwrap();
    home.done(&["verify"]);
    fs::remove_dir_all(home.path("store")).unwrap();
    assert_eq!(home.status(&["verify"]), 2);
}

#[test]
fn a_pack_holds_everything_that_proves_the_deal() {
    let home = Home::filled();
    home.done(&["gate", DEALS[0].1, "--to", "commercial_review", "--record"]);
    let files = home.pack(DEALS[0].1);
    let report = check(&files, None);
    assert_eq!(report.findings, []);
    let folder = Path::new(ROOT).join("fixtures/conversations").join(DEALS[0].0);
    for name in ["01-declaration.eml", "02-reply.eml"] {
        let raw = fs::read(folder.join(name)).unwrap();
        assert!(files.values().any(|octets| *octets == raw), "{name} is there, octet by octet");
    }
    let mut kinds = BTreeMap::new();
    for octets in
        files.iter().filter(|(p, _)| p.starts_with("entries/") && p.ends_with(".json")).map(|(_, o)| o)
    {
        let entry: Value = serde_json::from_slice(octets).unwrap();
        *kinds.entry(entry["entry"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    let kinds: Vec<&str> = kinds.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["considered", "gate", "key", "seen"]);
    // Nothing of the other deals.
    let texts: Vec<_> = files.iter().filter(|(p, _)| !p.starts_with("rules/")).map(|(_, o)| o).collect();
    for (_, other) in &DEALS[1..] {
        assert!(texts.iter().all(|o| !String::from_utf8_lossy(o).contains(other)), "{other}");
    }
    assert!(files.keys().any(|path| path.starts_with("rules/en/")));
    let (code, text) = home.verify_pack(&files, &[]);
    assert!(code == 0 && text.contains("1 mails proven by their signatures"), "{text}");
    let verifier = fs::read_to_string(home.path("store/log.vkey")).unwrap();
    assert!(verifier.starts_with("northwind-labs.example/endorsed+"));
    assert_eq!(home.verify_pack(&files, &["--key", verifier.trim()]).0, 0);
    let other = Home::filled();
    let verifier = fs::read_to_string(other.path("store/log.vkey")).unwrap();
    assert_eq!(home.verify_pack(&files, &["--key", verifier.trim()]).0, 1);
    assert_eq!(home.status(&["pack", "OPP-99999"]), 1);
}

#[test]
fn whatever_is_changed_in_a_pack_is_named() {
    let home = Home::filled();
    let mut files = home.pack(DEALS[0].1);
    // They are many, and no more than files with a digest.
    files.retain(|path, _| !path.starts_with("rules/"));
    let files = sealed(files);
    let head = |files: &Files| check(files, None).findings.into_iter().map(|f| f.place).collect::<Vec<_>>();
    assert_eq!(head(&files), Vec::<String>::new());
    let flipped = |octets: &[u8], n: usize| {
        let mut octets = octets.to_vec();
        octets[n] ^= 1;
        octets
    };
    for (path, octets) in &files {
        for n in [0, octets.len() / 2, octets.len() - 1] {
            let mut other = files.clone();
            other.insert(path.clone(), flipped(octets, n));
            // A file and its digest in the manifest accuse each other: then the words name the manifest.
            let found = check(&other, None).findings;
            let named = found.iter().any(|f| f.place == *path || f.what.contains(path.as_str()));
            assert!(named, "{path}, byte {n}: {found:?}");
            // Whoever makes the manifest anew still cannot change what the log holds.
            let proven = path.starts_with("entries/") || path.starts_with("mail/") || path == "checkpoint";
            if proven || path == "log.vkey" {
                assert!(!head(&sealed(other)).is_empty(), "{path}, byte {n}, sealed anew");
            }
        }
        let mut other = files.clone();
        other.remove(path);
        assert!(!head(&other).is_empty(), "without {path}");
    }
    let mut other = files.clone();
    other.insert("mail/more.eml".into(), b"x".to_vec());
    assert!(head(&other).contains(&"mail/more.eml".to_owned()));
    assert_eq!(head(&sealed(other.clone())), ["mail/more.eml"]);
    let (code, text) = home.verify_pack(&sealed(other), &[]);
    assert!(code == 1 && text.contains("mail/more.eml"), "{text}");
    // Half an archive, and none at all.
    let octets = fs::read(home.path("pack.tar.gz")).unwrap();
    fs::write(home.path("half.tar.gz"), &octets[..octets.len() / 2]).unwrap();
    assert_ne!(home.status(&["verify", "half.tar.gz"]), 0);
    assert_eq!(home.status(&["verify", "none.tar.gz"]), 2);
}

/// The key record in the pack is the one that the mail was verified with: another key, and the mail is not proven.
#[test]
fn a_pack_with_another_key_record_proves_nothing() {
    let home = Home::filled();
    let mut files = home.pack(DEALS[0].1);
    let keys: Vec<String> = files
        .iter()
        .filter(|(path, octets)| path.ends_with(".json") && octets.starts_with(br#"{"entry":"key""#))
        .map(|(path, _)| path.trim_end_matches("json").to_owned())
        .collect();
    assert!(!keys.is_empty());
    files.retain(|path, _| !keys.iter().any(|key| path.starts_with(key)));
    let (code, text) = home.verify_pack(&sealed(files), &[]);
    assert!(code == 1 && text.contains("holds with the key records of this pack"), "{text}");
}

#[test]
fn the_page_of_a_pack_shows_hostile_words_as_words() {
    let home = Home::new();
    let raw = "From: \"<script>alert(1)</script>\" <eve@evil.example>\r\nTo: evidence+OPP-666@northwind-labs.example\r\n\
               Subject: [OPP-666] <img src=x>\r\nMessage-ID: <a\"b<c@evil.example>\r\n\
               Date: Fri, 20 Nov 2026 11:00:00 +0000\r\n\r\n<script>alert(2)</script> & \u{202e}txet desrever\r\n\
               Technical Win Confirmed\r\n";
    fs::write(home.path("evil.eml"), raw).unwrap();
    home.done(&["ingest", "evil.eml"]);
    let list = home.json(&["list"]);
    let Some(id) = list["opportunities"][0]["opportunity"].as_str() else { panic!("{list}") };
    let files = home.pack(id);
    let page = String::from_utf8(files["index.html"].clone()).unwrap();
    assert!(page.contains("&lt;script&gt;alert(2)"), "{page}");
    for word in ["<script", "<img", "\u{202e}", "javascript:", " src=", " onload"] {
        assert!(!page.contains(word), "{word}: {page}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn a_proof_is_six_lines_and_the_original() {
    let home = Home::filled();
    for (name, opportunity) in &DEALS[..2] {
        home.done(&["proof", opportunity, "-o", "proof.eml"]);
        let octets = fs::read(home.path("proof.eml")).unwrap();
        let folder = Path::new(ROOT).join("fixtures/conversations").join(name);
        let reply = fs::read(folder.join("02-reply.eml")).unwrap();
        assert!(octets.windows(reply.len()).any(|w| w == reply), "{name}: octet by octet");
        let letter = parse(&octets);
        assert_eq!(letter.attached.len(), 1);
        assert_eq!(letter.attached[0].message_id, parse(&reply).message_id);
        let text = letter.plain.as_ref().unwrap();
        assert_eq!(text.trim_end().lines().count(), 6, "{text}");
        let conditional = text.contains("confirmed with a condition in writing");
        assert_eq!(conditional, *name == "03-yes-but", "{text}");
        // Nothing internal.
        for word in [opportunity, "evidence@", "rule", "commercial_review"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }
    let output = home.run(&["proof", DEALS[2].1]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no verified endorsement to show"));
    assert!(!home.path("OPP-31011-proof.eml").exists());
    assert_eq!(home.status(&["proof", "OPP-99999"]), 1);
}

#[test]
fn tiles_give_an_auditor_the_same_root() {
    let home = Home::filled();
    let audit = home.json(&["verify", "--log"]);
    home.done(&["store", "export", "--tiles", "tiles"]);
    let note = fs::read_to_string(home.path("tiles/checkpoint")).unwrap();
    let verifier = fs::read_to_string(home.path("store/log.vkey")).unwrap();
    let head = Checkpoint::open(&note, verifier.trim()).unwrap();
    assert_eq!(head.size, audit["log_size"].as_u64().unwrap());
    let tile = Tile { level: None, index: 0, width: head.size };
    let bundle = fs::read(home.path("tiles/tile").join(tile.path())).unwrap();
    let (mut rest, mut frontier) = (&bundle[..], Frontier::default());
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (leaf, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
        frontier.push(Digest::of(&[&[0], leaf].concat()));
        rest = after;
    }
    assert_eq!((frontier.size(), frontier.root()), (head.size, head.root));
    let hashes = fs::read(home.path("tiles/tile/0").join(format!("000.p/{}", head.size))).unwrap();
    assert_eq!(hashes.len() as u64, 32 * head.size);
}

#[test]
fn a_store_is_copied_exported_and_imported() {
    let home = Home::filled();
    let told = seen(&home.json(&["gate", DEALS[0].1, "--to", "commercial_review"]));
    let list = home.done(&["list", "--json"]);
    home.done(&["store", "backup", "copy"]);
    assert_eq!(home.status(&["store", "backup", "copy"]), 2, "it is there already");
    home.done(&["store", "check", "copy"]);
    home.done(&["store", "check"]);
    home.done(&["store", "export", "-o", "all.jsonl"]);
    // As if the disk were lost.
    fs::remove_dir_all(home.path("store")).unwrap();
    fs::rename(home.path("copy"), home.path("store")).unwrap();
    assert_eq!(home.done(&["list", "--json"]), list);
    home.done(&["verify", "--seen", &told]);
    // As if it were moved to another machine.
    fs::rename(home.path("store"), home.path("old")).unwrap();
    home.done(&["store", "import", "all.jsonl"]);
    assert_eq!(home.done(&["list", "--json"]), list);
    home.done(&["verify", "--seen", &told]);
    assert_eq!(home.status(&["store", "import", "all.jsonl"]), 2, "it is not empty");
    // One word changed in the export.
    let text = fs::read_to_string(home.path("all.jsonl")).unwrap();
    fs::write(home.path("all.jsonl"), text.replacen("technical evaluation", "technical revaluation", 1))
        .unwrap();
    fs::remove_dir_all(home.path("store")).unwrap();
    let output = home.run(&["store", "import", "all.jsonl"]);
    assert_eq!(output.status.code(), Some(2));
    let mut bytes = fs::read(home.path("old/segments/00000000.seg")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(home.path("old/segments/00000000.seg"), bytes).unwrap();
    assert_eq!(home.status(&["store", "check", "old"]), 1);
}
