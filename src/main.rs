//! The `endorsed` program.

fn main() {}
