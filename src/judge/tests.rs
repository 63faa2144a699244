use super::*;

fn shipped() -> Rules {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut files = Vec::new();
    for name in ["en"] {
        for entry in std::fs::read_dir(root.join(name)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "toml") {
                let short = path.strip_prefix(&root).unwrap().display().to_string();
                files.push((short, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    match Rules::load(&files) {
        Ok(rules) => rules,
        Err(errors) => panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

#[test]
fn shipped_rules_pass_their_examples() {
    let report = shipped().test();
    let lines: Vec<String> = report
        .failures
        .iter()
        .map(|f| {
            format!(
                "{}:{}: {} on {:?}: expected {}, got {}",
                f.path, f.line, f.rule, f.text, f.expected, f.got
            )
        })
        .collect();
    assert!(report.passed(), "{} failures\n{}", lines.len(), lines.join("\n"));
}
