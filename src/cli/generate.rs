//! `endorsed man` and `endorsed completions`: both come from the definition of the command line.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, FAILED};

/// `endorsed man`
#[derive(Debug, Args)]
pub struct Man {
    /// Folder for one page a command, instead of the first page on standard output.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// `endorsed completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// For which shell.
    shell: Shell,
}

/// Writes the manual (roff).
pub fn man(man: &Man) -> u8 {
    let written = match &man.dir {
        Some(folder) => pages(folder),
        None => page(Cli::command()).and_then(|text| std::io::stdout().lock().write_all(&text)),
    };
    match written {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the manual could not be written: {error}");
            FAILED
        }
    }
}

/// Writes the completions of a shell.
pub fn completions(completions: &Completions) -> u8 {
    let mut text = Vec::new();
    clap_complete::generate(completions.shell, &mut Cli::command(), "endorsed", &mut text);
    match std::io::stdout().lock().write_all(&text) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the completions could not be written: {error}");
            FAILED
        }
    }
}

fn pages(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)
}

fn page(command: clap::Command) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command).section("1").render(&mut text)?;
    Ok(text)
}
