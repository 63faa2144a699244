//! The signed log over the entries: RFC 6962 hashes in the C2SP formats (tlog-tiles, tlog-checkpoint, signed-note,
//! tlog-proof). Pure: where hashes are kept and keys come from is the edge's part.

mod audit;
mod leaf;
mod letter;
mod note;
mod receipt;
#[cfg(test)]
mod tests;
mod tile;
mod tree;

pub use audit::{Audit, Finding, Scope, SeenHead};
pub use leaf::{ERASED, Leaf, PLAIN, Record, SALT_BYTES, SALTED, commitment, kind_of};
pub use letter::{Letter, checkpoint_letter};
pub use note::{Checkpoint, NoteError, Proof, Signer, check_verifier};
pub use receipt::{key_set, open_claims, sign_claims};
pub use tile::{BadTile, ENTRIES_PER_TILE, Tile, bundle};
pub use tree::{
    EMPTY_ROOT, Frontier, check_consistency, check_inclusion, leaf_index, prove_consistency, prove_inclusion,
    root_at, stored_count,
};
