//! A disk that loses power and a disk that fails. `tests/disk/disk.c` is preloaded into a process and writes down, in
//! the order in which they took effect, every write, truncation, new name, removed name and sync; [`Disk`] goes through
//! them and makes images of what a power cut may leave.
//!
//! What was not synced survives at random, each piece by itself: pieces are 512 octets or 4 KiB, sizes grow without
//! their content (zeros or junk stands there then), names come and go without each other. Two kinds of file system:
//! [`Names::Loose`] promises no more than POSIX, a name is durable when its folder was synced; with [`Names::Journalled`]
//! names change in order, and any sync makes all earlier ones durable.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::store::Random;

/// The preloaded library, made once.
pub fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/disk/disk.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        std::fs::create_dir_all(folder).unwrap();
        // Another test process may build it at the same time.
        let draft = folder.join(format!("disk-{}.so", std::process::id()));
        let cc = Command::new("cc")
            .args(["-std=gnu11", "-Wall", "-Wextra", "-O1", "-shared", "-fPIC", "-o"])
            .args([&draft, &source])
            .output()
            .expect("cc: install a C compiler (tests/run names the package)");
        assert!(cc.status.success(), "{}", String::from_utf8_lossy(&cc.stderr));
        let library = folder.join("disk.so");
        std::fs::rename(draft, &library).unwrap();
        library
    })
}

/// A folder in memory where there is one: what is only read back needs no disk.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let make = tempfile::Builder::new().prefix("disk").tempdir_in(memory);
    make.unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// One call of the recorded process.
#[derive(Debug)]
pub enum Call {
    Create { inode: u64, path: String },
    Write { inode: u64, offset: u64, bytes: Vec<u8> },
    Resize { inode: u64, length: u64 },
    SyncBegin { id: u64 },
    SyncEnd { inode: u64, id: u64 },
    MakeFolder { inode: u64, path: String },
    Rename { from: String, to: String },
    Unlink { path: String },
    Said(String),
    Failed(String),
}

/// Reads what the library wrote; paths become relative to `folder`.
pub fn read_log(log: &Path, folder: &Path) -> Vec<Call> {
    let bytes = std::fs::read(log).unwrap();
    let root = folder.to_str().unwrap();
    let mut rest = &bytes[..];
    let mut calls = Vec::new();
    while !rest.is_empty() {
        let number = |from: usize| u64::from_le_bytes(rest[from..from + 8].try_into().unwrap());
        let (what, inode, number) = (rest[0], number(1), number(9));
        let length = u32::from_le_bytes(rest[17..21].try_into().unwrap()) as usize;
        let body = rest[21..21 + length].to_vec();
        rest = &rest[21 + length..];
        let text = || String::from_utf8_lossy(&body).into_owned();
        let path = |text: &str| text.strip_prefix(root).unwrap_or(text).trim_start_matches('/').to_owned();
        calls.push(match what {
            1 => Call::Create { inode, path: path(&text()) },
            2 => Call::Write { inode, offset: number, bytes: body },
            3 => Call::Resize { inode, length: number },
            4 => Call::SyncBegin { id: number },
            5 => Call::SyncEnd { inode, id: number },
            6 => Call::MakeFolder { inode, path: path(&text()) },
            7 => {
                let both = text();
                let (from, to) = both.split_once('\n').unwrap();
                Call::Rename { from: path(from), to: path(to) }
            }
            8 => Call::Unlink { path: path(&text()) },
            9 => Call::Said(text()),
            10 => Call::Failed(text().trim_start().to_owned()),
            other => panic!("a record of kind {other}"),
        });
    }
    calls
}

/// What a file system promises about names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// A name is durable when its folder was synced.
    Loose,
    /// Names change in order; any sync makes all earlier changes durable.
    Journalled,
}

/// How much of what was not synced survives.
#[derive(Debug, Clone, Copy)]
pub struct Luck {
    /// Of a hundred pieces.
    pub percent: u64,
    /// Bytes of a piece.
    pub grain: usize,
    /// Whether junk stands where content did not reach a grown file.
    pub junk: bool,
}

impl Luck {
    /// Any.
    pub fn draw(random: &mut Random) -> Self {
        let percent = [0, 10, 50, 90, 100][random.below(5) as usize];
        Self { percent, grain: [512, 4096][random.below(2) as usize], junk: random.below(4) == 0 }
    }

    /// All of it, or nothing.
    pub fn all(survives: bool) -> Self {
        Self { percent: if survives { 100 } else { 0 }, grain: 4096, junk: false }
    }

    fn holds(&self, random: &mut Random) -> bool {
        random.below(100) < self.percent
    }
}

#[derive(Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Resize { length: usize },
}

#[derive(Debug, Default)]
struct File {
    durable: Vec<u8>,
    /// Its size for the process.
    length: usize,
    pending: Vec<(usize, Change)>,
}

#[derive(Debug)]
enum Node {
    File(File),
    Folder,
}

/// Names by folder and name: which node they lead to.
type Tree = BTreeMap<(usize, String), usize>;

/// What changes together: a name leads to another node, or to none.
type Renaming = Vec<((usize, String), Option<usize>)>;

/// A disk under a process.
#[derive(Debug)]
pub struct Disk {
    names: Names,
    nodes: Vec<Node>,
    by_inode: BTreeMap<u64, usize>,
    durable: Tree,
    live: Tree,
    pending: Vec<(usize, Renaming)>,
    syncs: BTreeMap<u64, usize>,
    now: usize,
    /// A file whose syncs do nothing: the test of the test.
    lying: Option<&'static str>,
}

/// The node of the recorded folder.
const ROOT: usize = 0;

impl Disk {
    /// An empty folder, which is durable.
    pub fn new(names: Names) -> Self {
        Self {
            names,
            nodes: vec![Node::Folder],
            by_inode: BTreeMap::new(),
            durable: Tree::new(),
            live: Tree::new(),
            pending: Vec::new(),
            syncs: BTreeMap::new(),
            now: 0,
            lying: None,
        }
    }

    /// Syncs of this file do nothing.
    pub fn lying_about(mut self, file: &'static str) -> Self {
        self.lying = Some(file);
        self
    }

    /// Says which inode the recorded folder has.
    pub fn root(&mut self, inode: u64) {
        self.by_inode.insert(inode, ROOT);
    }

    /// Goes one call further.
    pub fn step(&mut self, call: &Call) {
        self.now += 1;
        match call {
            Call::Create { inode, path } => {
                self.nodes.push(Node::File(File::default()));
                self.link(*inode, path);
            }
            Call::MakeFolder { inode, path } => {
                self.nodes.push(Node::Folder);
                self.link(*inode, path);
            }
            Call::Write { inode, offset, bytes } => {
                let change = Change::Write { offset: *offset as usize, bytes: bytes.clone() };
                self.change(*inode, change);
            }
            Call::Resize { inode, length } => {
                self.change(*inode, Change::Resize { length: *length as usize })
            }
            Call::Rename { from, to } => {
                let (from, to) = (self.place(from), self.place(to));
                let node = self.live.get(&from).copied();
                self.rename(vec![(from, None), (to, node)]);
            }
            Call::Unlink { path } => {
                let place = self.place(path);
                self.rename(vec![(place, None)]);
            }
            Call::SyncBegin { id } => {
                self.syncs.insert(*id, self.now);
            }
            Call::SyncEnd { inode, id } => self.sync(*inode, *id),
            Call::Said(_) | Call::Failed(_) => {}
        }
    }

    /// Writes what may be left after a power cut now.
    pub fn image(&self, luck: Luck, random: &mut Random, to: &Path) {
        let mut tree = self.durable.clone();
        let kept = random.below(self.pending.len() as u64 + 1) as usize;
        for (n, (_, renaming)) in self.pending.iter().enumerate() {
            let survives = match self.names {
                _ if luck.percent == 0 => false,
                _ if luck.percent == 100 => true,
                Names::Journalled => n < kept,
                Names::Loose => luck.holds(random),
            };
            if survives {
                apply(&mut tree, renaming);
            }
        }
        self.write(ROOT, &tree, luck, random, to);
    }

    fn write(&self, folder: usize, tree: &Tree, luck: Luck, random: &mut Random, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        let inside = tree.range((folder, String::new())..(folder + 1, String::new()));
        for ((_, name), node) in inside {
            let path = to.join(name);
            match &self.nodes[*node] {
                Node::Folder => self.write(*node, tree, luck, random, &path),
                Node::File(file) => std::fs::write(path, file.after_cut(luck, random)).unwrap(),
            }
        }
    }

    fn link(&mut self, inode: u64, path: &str) {
        let node = self.nodes.len() - 1;
        self.by_inode.insert(inode, node);
        let place = self.place(path);
        self.rename(vec![(place, Some(node))]);
    }

    /// Folder and name of a path as the process sees it.
    fn place(&self, path: &str) -> (usize, String) {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let down = |at, name: &str| self.live[&(at, name.to_owned())];
        (folders.split('/').filter(|f| !f.is_empty()).fold(ROOT, down), name.to_owned())
    }

    fn rename(&mut self, renaming: Renaming) {
        apply(&mut self.live, &renaming);
        self.pending.push((self.now, renaming));
    }

    fn change(&mut self, inode: u64, change: Change) {
        let now = self.now;
        let Some(Node::File(file)) = self.by_inode.get(&inode).map(|node| &mut self.nodes[*node]) else {
            panic!("inode {inode} changed that was never made");
        };
        file.length = match &change {
            Change::Write { offset, bytes } => file.length.max(offset + bytes.len()),
            Change::Resize { length } => *length,
        };
        file.pending.push((now, change));
    }

    fn sync(&mut self, inode: u64, id: u64) {
        let Some(node) = self.by_inode.get(&inode).copied() else { return };
        let begun = self.syncs[&id];
        if let Some(lying) = self.lying
            && self.live.iter().any(|((_, name), n)| *n == node && name == lying)
        {
            return;
        }
        if let Node::File(file) = &mut self.nodes[node] {
            let later = file.pending.iter().position(|(at, _)| *at > begun).unwrap_or(file.pending.len());
            for (_, change) in file.pending.drain(..later) {
                change.apply(&mut file.durable);
            }
        }
        let journalled = self.names == Names::Journalled;
        let (done, left) = std::mem::take(&mut self.pending).into_iter().partition(|(at, renaming)| {
            *at <= begun && (journalled || renaming.iter().any(|((folder, _), _)| *folder == node))
        });
        self.pending = left;
        let done: Vec<(usize, Renaming)> = done;
        done.iter().for_each(|(_, renaming)| apply(&mut self.durable, renaming));
    }
}

fn apply(tree: &mut Tree, renaming: &Renaming) {
    for (place, node) in renaming {
        match node {
            Some(node) => tree.insert(place.clone(), *node),
            None => tree.remove(place),
        };
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                content.resize(content.len().max(offset + bytes.len()), 0);
                content[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            Self::Resize { length } => content.resize(*length, 0),
        }
    }
}

impl File {
    fn after_cut(&self, luck: Luck, random: &mut Random) -> Vec<u8> {
        let mut content = self.durable.clone();
        for (_, change) in &self.pending {
            match change {
                Change::Resize { length } if luck.holds(random) => content.resize(*length, 0),
                Change::Resize { .. } => {}
                Change::Write { offset, bytes } => {
                    let mut at = *offset;
                    while at < offset + bytes.len() {
                        let end = (at / luck.grain * luck.grain + luck.grain).min(offset + bytes.len());
                        if luck.holds(random) {
                            grow(&mut content, at, luck.junk, random);
                            content.resize(content.len().max(end), 0);
                            content[at..end].copy_from_slice(&bytes[at - offset..end - offset]);
                        }
                        at = end;
                    }
                }
            }
        }
        // The new size may be durable before the content is.
        if luck.percent > 0 && content.len() < self.length && random.below(2) == 0 {
            grow(&mut content, self.length, luck.junk, random);
        }
        content
    }
}

/// Lengthens a file by what nobody wrote.
fn grow(content: &mut Vec<u8>, length: usize, junk: bool, random: &mut Random) {
    while content.len() < length {
        content.push(if junk { random.below(256) as u8 } else { 0 });
    }
}
