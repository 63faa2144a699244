//! Whole bodies through the reader.
use super::*;

fn plain(text: &str) -> Reading {
    split_plain(text, &Originals::default())
}

#[test]
fn top() {
    let r = plain("Yes.\n\nOn Tue, Nov 3, 2026 at 10:12 AM Kim <kim@seller.example> wrote:\n> Do you?\n");
    assert_eq!(r.fresh, "Yes.");
    assert_eq!(r.quoted, "Do you?");
}
