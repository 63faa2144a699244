//! Tiles and entry bundles for auditors (C2SP tlog-tiles): which hashes a path stands for.

/// Hashes in a full tile, leaves in a full bundle: tiles are eight levels high.
pub const ENTRIES_PER_TILE: u64 = 256;
/// Levels of a tile.
const HEIGHT: u8 = 8;
/// A tree of 2^64 entries has no more levels of tiles than this.
const LEVEL_MAX: u8 = 7;

/// A path names no tile of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no tile of this log")]
pub struct BadTile(pub String);

/// What a path below `tile/` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Level of tiles from the bottom; `None` for a bundle of leaves.
    pub level: Option<u8>,
    /// Number in its level.
    pub index: u64,
    /// Hashes or leaves in it: 1 to [`ENTRIES_PER_TILE`].
    pub width: u64,
}

impl Tile {
    /// Reads `LEVEL/INDEX[.p/WIDTH]` or `entries/INDEX[.p/WIDTH]`.
    ///
    /// # Errors
    /// When the path has another shape; each tile has one path.
    pub fn parse(path: &str) -> Result<Self, BadTile> {
        Self::read(path).filter(|tile| tile.path() == path).ok_or_else(|| BadTile(path.to_owned()))
    }

    fn read(path: &str) -> Option<Self> {
        let (level, rest) = path.split_once('/')?;
        let level = match level {
            "entries" => None,
            level => Some(level.parse::<u8>().ok().filter(|level| *level <= LEVEL_MAX)?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => {
                (number, width.parse().ok().filter(|w| (1..ENTRIES_PER_TILE).contains(w))?)
            }
            None => (rest, ENTRIES_PER_TILE),
        };
        let mut index = 0_u64;
        for digits in number.split('/') {
            let digits: u64 = digits.strip_prefix('x').unwrap_or(digits).parse().ok()?;
            index = index.checked_mul(1_000)?.checked_add(digits)?;
        }
        Some(Self { level, index, width })
    }

    /// The path below `tile/`.
    pub fn path(&self) -> String {
        let mut rest = self.index;
        let mut number = format!("{:03}", rest % 1_000);
        while rest >= 1_000 {
            rest /= 1_000;
            number = format!("x{:03}/{number}", rest % 1_000);
        }
        let level = self.level.map_or_else(|| "entries".to_owned(), |level| level.to_string());
        let part = if self.width == ENTRIES_PER_TILE { String::new() } else { format!(".p/{}", self.width) };
        format!("{level}/{number}{part}")
    }

    /// All tiles and bundles of a log of `size` entries: the full ones, and the partial ones at its edge.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        (0..=LEVEL_MAX)
            .map(move |level| (Some(level), size >> (HEIGHT * level)))
            .chain([(None, size)])
            .flat_map(|(level, count)| {
                (0..count.div_ceil(ENTRIES_PER_TILE)).map(move |index| {
                    let width = (count - index * ENTRIES_PER_TILE).min(ENTRIES_PER_TILE);
                    Self { level, index, width }
                })
            })
    }

    /// Numbers of its first thing and of the one behind its last: of hashes in its level, or of entries.
    pub fn range(&self) -> std::ops::Range<u64> {
        let start = self.index.saturating_mul(ENTRIES_PER_TILE);
        start..start.saturating_add(self.width)
    }

    /// Whether a log of `size` entries has all of it.
    pub fn is_in(&self, size: u64) -> bool {
        self.range().end <= size >> (HEIGHT * self.level.unwrap_or_default())
    }

    /// The numbers of its hashes among all hashes; none for a bundle.
    pub fn stored(&self) -> Vec<u64> {
        let Some(level) = self.level else { return Vec::new() };
        self.range().map(|n| tlog_tiles::stored_hash_index(HEIGHT * level, n)).collect()
    }
}

/// A bundle: each leaf behind its length in two bytes, big-endian. Leaves are far shorter than that can say.
pub fn bundle<'a>(leaves: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut out = Vec::new();
    for leaf in leaves {
        out.extend_from_slice(&u16::try_from(leaf.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(leaf.as_bytes());
    }
    out
}
