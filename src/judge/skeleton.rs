//! The skeleton of a pattern: its words in their order and the spaces between them. It tells by a few steps of bit
//! arithmetic where a pattern cannot match, which is nearly everywhere.
//!
//! A stretch of text is a row of *cells*, one for each word, and a set of cells is the bits of a number. Reading a
//! skeleton, the set holds the words in which a match may have come so far: a word of the pattern keeps the cells where
//! it stands, a space moves each cell on by one. Where nothing is left, the pattern does not match. What stands between
//! the words of a pattern is taken for anything, so that a skeleton says yes too often, never no too often.

/// A set of cells.
pub(super) type Cells = u128;
/// So many cells are told apart; in a longer stretch a cell holds several words.
pub(super) const CELLS_MAX: usize = 128;
/// "So many or more".
pub(super) const ANY: u8 = u8::MAX;
/// Entries of lists with so many spaces are looked up once for a stretch, longer ones for each pattern.
pub(super) const LIST_SPACES_MAX: usize = 3;

/// A step of a skeleton.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// This piece of text stands in the word.
    Word(u32),
    /// One of these does.
    Words(Box<[u32]>),
    /// A word list.
    List(u32),
    /// Between so few and so many spaces.
    Spaces(u8, u8),
    /// Any of these ways.
    Ways(Box<[Skeleton]>),
    /// This any number of times.
    Rounds(Skeleton),
    /// The first word of the stretch.
    First,
    /// The last word of the stretch.
    Last,
}

/// The steps of a pattern.
pub(super) type Skeleton = Box<[Step]>;

/// A word list: its single words, its phrases by their number of spaces, and phrases of no fixed length.
#[derive(Debug, Default)]
pub(super) struct List {
    pub words: Vec<u32>,
    pub phrases: Vec<(usize, Skeleton)>,
    pub free: Vec<Skeleton>,
    /// The phrases that hang on no word.
    pub loose: Vec<u32>,
}

/// A row of cells with what stands in them.
pub(super) struct Row<'a> {
    pub lists: &'a [List],
    /// For each piece of text where in `cells` it is.
    pub slots: &'a [u16],
    /// The cells in which a piece of text stands; first those of a piece that is not there.
    pub cells: &'a [Cells],
    /// Words in a cell.
    pub coarse: usize,
    /// All cells.
    pub all: Cells,
    pub first: Cells,
    pub last: Cells,
    /// Cells behind which no match goes on: the ends of clauses.
    pub walls: Cells,
}

/// The set of one cell.
pub(super) fn bit(cell: usize) -> Cells {
    u32::try_from(cell).ok().and_then(|cell| Cells::checked_shl(1, cell)).unwrap_or(0)
}

/// All cells up to this one.
pub(super) fn up_to(cell: usize) -> Cells {
    bit(cell) | bit(cell).wrapping_sub(1)
}

/// Where the entries of lists start, by their spaces. Single words are put in, phrases are looked for when first asked
/// for.
#[derive(Debug, Default)]
pub(super) struct Memo {
    starts: Vec<[Cells; LIST_SPACES_MAX + 1]>,
    known: Vec<bool>,
    /// The phrases one of whose words is there.
    likely: Vec<Vec<u32>>,
    /// Lists that are not empty or are known to be.
    touched: Vec<u32>,
}

impl Memo {
    /// Makes room for so many lists.
    pub(super) fn resize(&mut self, lists: usize) {
        self.starts.resize(lists, [0; LIST_SPACES_MAX + 1]);
        self.known.resize(lists, false);
        self.likely.resize(lists, Vec::new());
    }

    /// For another stretch.
    pub(super) fn clear(&mut self) {
        for list in self.touched.drain(..) {
            self.starts.get_mut(list as usize).into_iter().for_each(|starts| *starts = Default::default());
            self.known.get_mut(list as usize).into_iter().for_each(|known| *known = false);
            self.likely.get_mut(list as usize).into_iter().for_each(Vec::clear);
        }
    }

    /// A word is there on which this phrase of a list hangs.
    pub(super) fn hope(&mut self, list: u32, phrase: u32) {
        if let Some(likely) = self.likely.get_mut(list as usize) {
            if likely.is_empty() {
                self.touched.push(list);
            }
            likely.push(phrase);
        }
    }

    /// A word of a list stands in these cells.
    pub(super) fn put(&mut self, list: u32, cells: Cells) {
        if let Some([single, ..]) = self.starts.get_mut(list as usize) {
            if *single == 0 {
                self.touched.push(list);
            }
            *single |= cells;
        }
    }
}

/// The words of which one stands in every match of a skeleton, and what they cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub words: Vec<u32>,
    pub cost: u32,
}

/// The cheapest key of a skeleton; `None` where no word is sure. `cost` tells how often a word stands in texts.
pub(super) fn key(skeleton: &[Step], lists: &[List], cost: &dyn Fn(u32) -> u32) -> Option<Key> {
    skeleton.iter().filter_map(|step| key_of_step(step, lists, cost)).min_by_key(|key| key.cost)
}

/// The key of a step.
pub(super) fn key_of_step(step: &Step, lists: &[List], cost: &dyn Fn(u32) -> u32) -> Option<Key> {
    let of_words =
        |words: &[u32]| Key { words: words.to_vec(), cost: words.iter().map(|word| cost(*word)).sum() };
    let all = |mut all: Key, ways: &mut dyn Iterator<Item = &Skeleton>| {
        for way in ways {
            let own = key(way, lists, cost)?;
            all.words.extend(own.words);
            all.cost = all.cost.saturating_add(own.cost);
        }
        Some(all)
    };
    match step {
        Step::Word(word) => Some(of_words(&[*word])),
        Step::Words(words) => Some(of_words(words)),
        Step::Ways(ways) => all(of_words(&[]), &mut ways.iter()),
        Step::List(number) => {
            let list = lists.get(*number as usize)?;
            let phrases = list.phrases.iter().map(|(_, phrase)| phrase);
            all(of_words(&list.words), &mut phrases.chain(&list.free))
        }
        _ => None,
    }
}

impl Row<'_> {
    /// The same row read by clauses, given by their first and last cells.
    pub(super) fn parted(&self, clauses: &[(usize, usize)]) -> Self {
        let mut row = Self { first: 0, last: 0, ..*self };
        for (from, to) in clauses {
            row.first |= bit(*from);
            row.last |= bit(*to);
        }
        // No wall stands inside a clause: two may share a word, and a coarse cell may hold several.
        let inside = clauses.iter().fold(0, |inside, (from, to)| inside | (bit(*to) - 1) & !(bit(*from) - 1));
        row.walls = if self.coarse == 1 { row.last & !inside } else { 0 };
        row
    }

    /// The cells in which a match may end. With `way`, the step and the way of it that is tried alone.
    pub(super) fn ends(&self, skeleton: &[Step], way: Option<(u16, u16)>, memo: &mut Memo) -> Cells {
        let parts = way.and_then(|(step, way)| {
            let (before, behind) = skeleton.split_at_checked(usize::from(step))?;
            let (ways, behind) = behind.split_first()?;
            let Step::Ways(ways) = ways else { return None };
            Some([before, ways.get(usize::from(way))?, behind])
        });
        match parts {
            Some(parts) => parts.iter().fold(self.all, |at, part| self.read(part, at, memo)),
            None => self.read(skeleton, self.all, memo),
        }
    }

    fn read(&self, skeleton: &[Step], from: Cells, memo: &mut Memo) -> Cells {
        let mut at = from;
        for step in skeleton {
            if at == 0 {
                break;
            }
            at = match step {
                Step::Word(word) => at & self.word(*word),
                Step::Words(words) => at & self.words(words),
                Step::List(list) => self.list(*list as usize, at, memo),
                Step::Spaces(few, many) => self.spaces(at, *few, *many),
                Step::Ways(ways) => ways.iter().fold(0, |out, way| out | self.read(way, at, memo)),
                Step::Rounds(round) => self.rounds(round, at, memo),
                Step::First => at & self.first,
                Step::Last => at & self.last,
            };
        }
        at
    }

    fn word(&self, word: u32) -> Cells {
        let slot = self.slots.get(word as usize).copied().unwrap_or(0);
        self.cells.get(usize::from(slot)).copied().unwrap_or(0)
    }

    /// Whether a piece of text stands anywhere.
    pub(super) fn has(&self, word: u32) -> bool {
        self.slots.get(word as usize).is_some_and(|slot| *slot != 0)
    }

    fn words(&self, words: &[u32]) -> Cells {
        words.iter().fold(0, |cells, word| cells | self.word(*word))
    }

    fn spaces(&self, from: Cells, few: u8, many: u8) -> Cells {
        let (few, many) = match many {
            ANY => (usize::from(few) / self.coarse, CELLS_MAX),
            many => (usize::from(few) / self.coarse, usize::from(many).div_ceil(self.coarse)),
        };
        let on = |at: Cells| ((at & !self.walls) << 1) & self.all;
        let mut at = from;
        for _ in 0..few {
            at = on(at);
        }
        let mut out = at;
        for _ in few..many {
            at = on(at);
            if at & !out == 0 {
                break;
            }
            out |= at;
        }
        out
    }

    fn rounds(&self, round: &[Step], from: Cells, memo: &mut Memo) -> Cells {
        let (mut at, mut out) = (from, from);
        loop {
            at = self.read(round, at, memo) & !out;
            if at == 0 {
                return out;
            }
            out |= at;
        }
    }

    fn list(&self, number: usize, from: Cells, memo: &mut Memo) -> Cells {
        let Some(list) = self.lists.get(number) else { return from };
        if self.coarse == 1 && memo.known.get(number) != Some(&true) {
            self.look_up(number, list, memo);
        }
        let starts = memo.starts.get(number).copied().unwrap_or_default();
        let mut out = 0;
        for (spaces, starts) in (0u8..).zip(starts) {
            if from & starts != 0 {
                out |= self.spaces(from & starts, spaces, spaces);
            }
        }
        // Where a cell holds several words, phrases have no certain start.
        let phrases = list.phrases.iter().filter(|_| self.coarse > 1).map(|(_, phrase)| phrase);
        phrases.chain(&list.free).fold(out, |out, phrase| out | self.read(phrase, from, memo))
    }

    /// Finds where the phrases of a list start, whatever the clauses.
    fn look_up(&self, number: usize, list: &List, memo: &mut Memo) {
        if let Some(known) = memo.known.get_mut(number) {
            *known = true;
            memo.touched.push(u32::try_from(number).unwrap_or(u32::MAX));
        }
        let open = Row { walls: 0, ..*self };
        let likely = memo.likely.get_mut(number).map(std::mem::take).unwrap_or_default();
        let phrases =
            likely.iter().chain(&list.loose).filter_map(|phrase| list.phrases.get(*phrase as usize));
        for (spaces, phrase) in phrases {
            let ends = open.read(phrase, self.all, memo);
            if let Some(starts) = memo.starts.get_mut(number).and_then(|starts| starts.get_mut(*spaces)) {
                *starts |= ends >> spaces;
            }
        }
        if let Some(slot) = memo.likely.get_mut(number) {
            *slot = likely;
        }
    }
}
