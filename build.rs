//! Embeds `rules/` and `fixtures/conversations/` so that one binary works without any installed file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").map_err(std::io::Error::other)?);
    let out = PathBuf::from(std::env::var("OUT_DIR").map_err(std::io::Error::other)?);
    let mut code = String::new();
    for (name, doc, folder) in [
        ("RULES", "The shipped rule files: path below `rules/` and content.", "rules"),
        (
            "CONVERSATIONS",
            "The demo's mail: path below `fixtures/conversations/` and content.",
            "fixtures/conversations",
        ),
    ] {
        println!("cargo:rerun-if-changed={folder}");
        let mut files = Vec::new();
        collect(&root.join(folder), &mut files)?;
        files.sort();
        let _ = writeln!(code, "/// {doc}\npub static {name}: &[(&str, &[u8])] = &[");
        for file in files {
            let short = file.strip_prefix(root.join(folder)).map_err(std::io::Error::other)?;
            let _ = writeln!(
                code,
                "    ({:?}, include_bytes!({:?})),",
                short.display().to_string(),
                file.display().to_string()
            );
        }
        code.push_str("];\n");
    }
    std::fs::write(out.join("embedded.rs"), code)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
