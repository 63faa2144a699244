//! All IO, each port in one place. Nothing here decides.

pub mod dkim;
pub mod dns;
pub mod source;
