//! The table of `docs/CLIENTS.md`: one mail for each client and way of answering, read with and without the original.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use endorsed::parse::parse;
use endorsed::read::read;

/// The mail that all fixtures answer.
const ORIGINAL: &str = "Hi Dana,\n\nhere is where the evaluation landed:\n\n\
    1. Restore of a 2 TB volume under 40 minutes - Passed\n2. Sign-on through your own identity provider - Passed\n\
    3. Audit export to your SIEM - Passed\n\nCould you reply and confirm that your team sees it the same way?\n\nKim\n";

/// Names of the fixtures, without their endings.
fn names() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clients");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files.filter_map(|name| name.strip_suffix(".eml").map(str::to_owned)).collect()
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn every_client_is_read_word_for_word() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clients");
    let names = names();
    assert!(names.len() >= 60, "found no tests to run");
    let mut wrong = Vec::new();
    for name in names {
        let message = parse(&fs::read(folder.join(format!("{name}.eml"))).unwrap());
        let expected = fs::read_to_string(folder.join(format!("{name}.fresh.txt"))).unwrap();
        for (how, originals) in [("alone", &[][..]), ("with the original", &[ORIGINAL][..])] {
            let reading = read(&message, originals);
            if words(&reading.fresh) != words(&expected) || !reading.sure || !reading.unsure.is_empty() {
                wrong.push(format!(
                    "{name} {how}: {:?} unsure {:?} {:?}",
                    reading.fresh, reading.unsure, reading.doubts
                ));
            }
            let answers = reading.inline.iter().filter(|a| reading.is_between(a)).count();
            if name.ends_with("inline") && answers != 3 {
                wrong.push(format!("{name} {how}: {answers} answers between quoted lines"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_names_every_fixture_and_no_other() {
    let table = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CLIENTS.md")).unwrap();
    let rows = table.lines().filter(|l| l.starts_with("| ") && l.contains('`'));
    let named: BTreeSet<String> =
        rows.flat_map(|row| row.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
    assert_eq!(named, names());
}
