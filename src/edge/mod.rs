//! All IO, each port in one place. Nothing here decides.

pub mod dkim;
pub mod source;
pub mod store;
