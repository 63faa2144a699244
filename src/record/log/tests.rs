//! The log against a slow obvious reference (RFC 6962 §2.1 word by word), ct-merkle, and mutations.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use sha2::Sha256;

use super::*;
use crate::model::Digest;

/// Differential tests go over all trees up to this size, and all pairs in them.
const SIZE_MAX: u64 = 100;

fn leaf(seq: u64) -> Leaf {
    let body = format!(r#"{{"entry":"gate","n":{seq}}}"#);
    Leaf::of_body(seq, PLAIN, body.as_bytes()).unwrap()
}

fn sha(parts: &[&[u8]]) -> Digest {
    Digest::of(&parts.concat())
}

thread_local! {
    /// What [`reference`] found before, by first leaf and number of leaves.
    static FOUND: RefCell<BTreeMap<(u64, usize), Digest>> = const { RefCell::new(BTreeMap::new()) };
}

/// RFC 6962 §2.1, MTH.
fn reference(leaves: &[Leaf]) -> Digest {
    let Some(first) = leaves.first() else { return Digest::of(b"") };
    let key = (first.seq, leaves.len());
    if let Some(found) = FOUND.with_borrow(|found| found.get(&key).copied()) {
        return found;
    }
    let hash = match leaves {
        [only] => sha(&[&[0], only.text().as_bytes()]),
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            sha(&[&[1], &reference(left).0, &reference(right).0])
        }
    };
    FOUND.with_borrow_mut(|found| found.insert(key, hash));
    hash
}

/// RFC 6962 §2.1.1, PATH.
fn reference_path(m: usize, leaves: &[Leaf]) -> Vec<Digest> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut path, other) =
        if m < k { (reference_path(m, left), right) } else { (reference_path(m - k, right), left) };
    path.push(reference(other));
    path
}

/// RFC 6962 §2.1.2, SUBPROOF.
fn reference_proof(m: usize, leaves: &[Leaf], whole: bool) -> Vec<Digest> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![reference(leaves)] };
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut proof, other) = if m <= k {
        (reference_proof(m, left, whole), right)
    } else {
        (reference_proof(m - k, right, false), left)
    };
    proof.push(reference(other));
    proof
}

/// All hashes of a log and its roots by size.
fn log(size: u64) -> (Vec<Digest>, Vec<Digest>) {
    let (mut frontier, mut hashes, mut roots) = (Frontier::default(), Vec::new(), vec![EMPTY_ROOT]);
    for seq in 0..size {
        hashes.extend(frontier.push(leaf(seq).hash()));
        roots.push(frontier.root());
    }
    (hashes, roots)
}

fn read(hashes: &[Digest]) -> impl Fn(&[u64]) -> Result<Vec<Digest>, ()> {
    move |wanted| wanted.iter().map(|n| hashes.get(usize::try_from(*n).unwrap()).copied().ok_or(())).collect()
}

fn at<T>(items: &[T], n: u64) -> &T {
    &items[usize::try_from(n).unwrap()]
}

#[test]
fn a_leaf_is_canonical_json() {
    let leaf = Leaf::of_body(7, SALTED, &[&[9; 32], &br#"{"entry":"seen","a":1}"#[..]].concat()).unwrap();
    let text = leaf.text();
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&parsed).unwrap(), text, "names in order, no white space");
    assert_eq!(parsed["entry"], "seen");
    assert_eq!(parsed["commitment"], sha(&[&[9; 32], br#"{"entry":"seen","a":1}"#]).to_string());
    assert_eq!(leaf.hash(), sha(&[&[0], text.as_bytes()]));
    for body in [&b""[..], b"{}", br#"{"entry":""}"#, br#"{"entry":"a\"b"}"#, br#"{"entry":"Seen"}"#] {
        assert_eq!(Leaf::of_body(0, PLAIN, body), None, "{body:?}");
    }
}

#[test]
fn the_tree_is_that_of_the_rfc() {
    let leaves: Vec<Leaf> = (0..SIZE_MAX).map(leaf).collect();
    let (hashes, roots) = log(SIZE_MAX);
    assert_eq!(hashes.len() as u64, stored_count(SIZE_MAX));
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 0..=SIZE_MAX {
        let root = *at(&roots, size);
        assert_eq!(root, reference(&leaves[..usize::try_from(size).unwrap()]), "size {size}");
        assert_eq!(root.0[..], theirs.root().as_bytes()[..], "size {size}");
        assert_eq!(root_at(size, read(&hashes)), Ok(root), "size {size}");
        if size < SIZE_MAX {
            assert_eq!(*at(&hashes, leaf_index(size)), at(&leaves, size).hash());
            theirs.push(at(&leaves, size).text().into_bytes());
        }
    }
}

#[test]
fn proofs_are_those_of_the_rfc() {
    let leaves: Vec<Leaf> = (0..SIZE_MAX).map(leaf).collect();
    let (hashes, roots) = log(SIZE_MAX);
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut old_roots = vec![theirs.root()];
    for size in 1..=SIZE_MAX {
        theirs.push(at(&leaves, size - 1).text().into_bytes());
        let root = at(&roots, size);
        let whole = &leaves[..usize::try_from(size).unwrap()];
        for n in 0..size {
            let path = prove_inclusion(size, n, read(&hashes)).unwrap().unwrap();
            assert_eq!(path, reference_path(usize::try_from(n).unwrap(), whole), "{n} of {size}");
            let flat: Vec<u8> = path.iter().flat_map(|d| d.0).collect();
            let proof = theirs.prove_inclusion(usize::try_from(n).unwrap());
            assert_eq!(proof.as_bytes(), flat, "{n} of {size}");
            assert!(check_inclusion(&at(&leaves, n).hash(), n, size, root, &path), "{n} of {size}");
            let proof = InclusionProof::<Sha256>::try_from_bytes(flat).unwrap();
            theirs.root().verify_inclusion(&at(&leaves, n).text().into_bytes(), n, &proof).unwrap();
        }
        for old in 1..=size {
            let path = prove_consistency(size, old, read(&hashes)).unwrap().unwrap();
            assert_eq!(path, reference_proof(usize::try_from(old).unwrap(), whole, true), "{old} in {size}");
            assert!(check_consistency((old, at(&roots, old)), (size, root), &path), "{old} in {size}");
            if old < size {
                let flat = path.iter().flat_map(|d| d.0).collect();
                let proof = ConsistencyProof::<Sha256>::try_from_bytes(flat).unwrap();
                let old_root: &RootHash<Sha256> = at(&old_roots, old);
                theirs.root().verify_consistency(old_root, &proof).unwrap();
            }
        }
        old_roots.push(theirs.root());
    }
    assert_eq!(prove_inclusion(5, 5, read(&hashes)), Ok(None));
    assert_eq!(prove_consistency(5, 6, read(&hashes)), Ok(None));
    assert!(check_consistency((0, &EMPTY_ROOT), (5, &roots[5]), &[]));
    assert!(!check_consistency((0, &roots[1]), (5, &roots[5]), &[]));
}

/// Every way in which a path can be wrong by one: a bit, a hash more, a hash less, two swapped.
fn mutations(path: &[Digest]) -> Vec<Vec<Digest>> {
    let mut all = vec![[path, &[EMPTY_ROOT]].concat(), [&[EMPTY_ROOT], path].concat()];
    for n in 0..path.len() {
        for byte in [0, 13, 31] {
            let mut other = path.to_vec();
            other[n].0[byte] ^= 1 << (n % 8);
            all.push(other);
        }
        let mut shorter = path.to_vec();
        shorter.remove(n);
        all.push(shorter);
        if n > 0 {
            let mut swapped = path.to_vec();
            swapped.swap(n - 1, n);
            all.push(swapped);
        }
    }
    all
}

#[test]
fn a_mutated_proof_is_refused() {
    let (hashes, roots) = log(SIZE_MAX);
    let mut refused = 0;
    for size in [1, 2, 3, 7, 8, 33, 64, 99, SIZE_MAX] {
        let root = at(&roots, size);
        for n in 0..size {
            let path = prove_inclusion(size, n, read(&hashes)).unwrap().unwrap();
            let hash = leaf(n).hash();
            for other in mutations(&path) {
                assert!(!check_inclusion(&hash, n, size, root, &other), "{n} of {size}");
                refused += 1;
            }
            assert!(!check_inclusion(&leaf(n + 1).hash(), n, size, root, &path));
            assert!(!check_inclusion(&hash, size, size, root, &path));
            assert!(!check_inclusion(&hash, n ^ 1, size, root, &path), "{n} of {size}");
            let old = n + 1;
            let path = prove_consistency(size, old, read(&hashes)).unwrap().unwrap();
            for other in mutations(&path) {
                assert!(!check_consistency((old, at(&roots, old)), (size, root), &other), "{old} in {size}");
                refused += 1;
            }
            assert!(!check_consistency((old, &EMPTY_ROOT), (size, root), &path));
            assert!(!check_consistency((size + 1, root), (size, root), &path));
        }
    }
    assert!(refused > 5_000, "{refused}");
}

fn signer() -> Signer {
    Signer::new("northwind.example/log", &[7; 32]).unwrap()
}

fn head(size: u64) -> Checkpoint {
    Checkpoint { origin: "northwind.example/log".into(), size, root: *at(&log(size).1, size) }
}

#[test]
fn a_head_is_signed_and_read_back() {
    let signer = signer();
    assert_eq!(Signer::parse(signer.secret()).unwrap().verifier(), signer.verifier());
    assert!(!format!("{signer:?}").contains("PRIVATE"));
    let note = head(9).sign(&signer).unwrap();
    assert_eq!(Checkpoint::open(&note, signer.verifier()), Ok(head(9)));
    let other = Signer::new("northwind.example/log", &[8; 32]).unwrap();
    assert!(Checkpoint::open(&note, other.verifier()).is_err());
    assert!(head(9).sign(&Signer::new("another.example/log", &[7; 32]).unwrap()).is_err());
    assert!(Signer::new("two words", &[7; 32]).is_err());
    // A note that is signed well but is no plain head.
    let odd = Checkpoint { origin: "northwind.example/log\n3".into(), ..head(9) };
    assert!(odd.sign(&signer).is_err());
}

#[test]
fn every_changed_byte_of_a_head_or_a_proof_is_refused() {
    let signer = signer();
    let (hashes, _) = log(41);
    let note = head(41).sign(&signer).unwrap();
    let path = prove_inclusion(41, 13, read(&hashes)).unwrap().unwrap();
    let proof = Proof { index: 13, path, note };
    let text = proof.text();
    assert_eq!(Proof::parse(&text), Ok(proof.clone()));
    assert_eq!(proof.check(&leaf(13).hash(), signer.verifier()), Ok(head(41)));
    assert!(proof.check(&leaf(14).hash(), signer.verifier()).is_err());
    for n in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[n] ^= 1 << (n % 8);
        let holds = String::from_utf8(bytes)
            .ok()
            .and_then(|text| Proof::parse(&text).ok())
            .and_then(|proof| proof.check(&leaf(13).hash(), signer.verifier()).ok());
        assert_eq!(holds, None, "byte {n}");
    }
}

#[test]
fn tiles_have_one_path_each() {
    let tile = Tile { level: Some(0), index: 1_234_067, width: 256 };
    assert_eq!(tile.path(), "0/x001/x234/067");
    assert_eq!(Tile::parse("0/x001/x234/067"), Ok(tile));
    assert_eq!(Tile::parse("entries/000.p/5"), Ok(Tile { level: None, index: 0, width: 5 }));
    let bad = [
        "",
        "0",
        "0/",
        "0/1",
        "0/0001",
        "0/x000/001",
        "8/000",
        "-1/000",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/05",
    ];
    for path in
        bad.into_iter().chain(["entries/../000", "data/000", "0/x999/x999/x999/x999/x999/x999/x999/999"])
    {
        assert!(Tile::parse(path).is_err(), "{path}");
    }
    let all: Vec<String> = Tile::all(600).map(|t| t.path()).collect();
    let hashes = ["0/000", "0/001", "0/002.p/88", "1/000.p/2"];
    assert_eq!(all, [&hashes[..], &["entries/000", "entries/001", "entries/002.p/88"]].concat());
    for size in [0, 1, 255, 256, 257, 66_000] {
        for tile in Tile::all(size) {
            assert_eq!(Tile::parse(&tile.path()), Ok(tile));
            assert!(tile.is_in(size) && !(Tile { width: 256, ..tile }.is_in(size) && tile.width < 256));
        }
    }
}

/// An auditor who has only level-0 tiles gets the same root.
#[test]
fn tiles_hold_the_leaf_hashes() {
    let (hashes, roots) = log(SIZE_MAX);
    let mut frontier = Frontier::default();
    for tile in Tile::all(SIZE_MAX).filter(|t| t.level == Some(0)) {
        for hash in read(&hashes)(&tile.stored()).unwrap() {
            frontier.push(hash);
        }
    }
    assert_eq!(frontier.root(), *at(&roots, SIZE_MAX));
    assert_eq!(bundle(["ab", "c"]), b"\0\x02ab\0\x01c");
}

#[test]
fn the_letter_holds_the_head_and_how_to_check_it() {
    let signer = signer();
    let note = head(3).sign(&signer).unwrap();
    let letter = checkpoint_letter(&head(3), &note, signer.verifier());
    assert_eq!(letter.subject, "Log head of northwind.example/log: 3 entries");
    assert!(letter.body.contains(&format!("--seen 3:{}", head(3).root)));
    let inside = letter.body.split("-----\n").nth(1).unwrap();
    assert_eq!(Checkpoint::open(inside, signer.verifier()), Ok(head(3)));
    assert!(letter.body.lines().all(|line| line.len() < 200));
}
