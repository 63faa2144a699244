//! The daily letter that carries a signed head out of the house. Whoever holds one can prove later that the log was
//! changed: what is here is only its text, sending it is the edge's part.

use super::note::Checkpoint;

/// Subject and plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Subject.
    pub subject: String,
    /// Body, lines ending in a line feed.
    pub body: String,
}

/// The letter for a head and its signed note; `verifier` is the key that checks it. It holds nothing about any deal.
pub fn checkpoint_letter(head: &Checkpoint, note: &str, verifier: &str) -> Letter {
    let Checkpoint { origin, size, root } = head;
    Letter {
        subject: format!("Log head of {origin}: {size} entries"),
        body: format!(
            "This is the signed head of the log {origin}. Please keep this mail.\n\
             Nobody can change or drop one of the {size} entries without this head no longer fitting.\n\
             \n\
             Check that the log still holds what this head says:\n\
             \n    endorsed verify --seen {size}:{root}\n\
             \n\
             The head as signed (C2SP tlog-checkpoint), between the lines:\n\
             \n-----\n{note}-----\n\
             \n\
             The key that checks it (C2SP signed-note):\n\
             \n{verifier}\n"
        ),
    }
}
