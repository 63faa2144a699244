//! The `endorsed` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    endorsed::cli::main()
}
