//! From patterns to skeletons: what is kept of a pattern are its words, the spaces between them, and its ends.

use std::collections::HashMap;

use regex_syntax::ast::{self, Ast};

use super::language::Pack;
use super::skeleton::{ANY, LIST_SPACES_MAX, List, Skeleton, Step};
use super::spell;
use super::tree::{Stand, fold_up, may_be_empty, rounds, spaced, stand};

/// Pieces that may be missing are read as they are from so many rounds on.
const ROUNDS_MIN: u8 = 2;
/// Spellings of one piece of text: `fro[sz]e`, `k\.?o`.
const SPELLINGS_MAX: usize = 10;
/// Letters that tell something though other letters may stand beside them.
const LETTERS_MIN: usize = 2;

/// Makes the skeletons of a pack. Pieces of text and lists get numbers.
pub(super) struct Cutter<'a> {
    pack: &'a Pack,
    /// Each piece of text with where it must stand: 0 anywhere, 1 at the start of a word, 2 at its end, 3 as a whole word.
    words: HashMap<(String, u8), u32>,
    by_name: HashMap<(&'a str, u8), u32>,
    lists: Vec<List>,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(pack: &'a Pack) -> Self {
        Self { pack, words: HashMap::new(), by_name: HashMap::new(), lists: Vec::new() }
    }

    /// All pieces of text with their numbers, and all lists.
    pub(super) fn done(self) -> (HashMap<(String, u8), u32>, Vec<List>) {
        (self.words, self.lists)
    }

    fn word(&mut self, text: &str, place: u8) -> u32 {
        let next = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        *self.words.entry((text.to_owned(), place)).or_insert(next)
    }

    /// The skeleton of a pattern that is held to whole words at its ends as [`spell`] says.
    pub(super) fn of_pattern(&mut self, written: &str) -> Skeleton {
        let (start, end) = if self.pack.language.words { spell::bounds(written) } else { (false, false) };
        self.of_piece(written, start, end, false)
    }

    /// Of a pattern or list entry between edges that are closed or not.
    fn of_piece(&mut self, written: &str, left: bool, right: bool, in_list: bool) -> Skeleton {
        let Some((folded_up, names)) = fold_up(written) else { return opaque() };
        let Ok(tree) = ast::parse::Parser::new().parse(&folded_up) else { return opaque() };
        let mut steps = Vec::new();
        Cut { cutter: self, names: &names, in_list }.tree(&tree, left, right, &mut steps);
        steps.into_boxed_slice()
    }

    fn list(&mut self, name: &str, left: bool, right: bool) -> Option<u32> {
        let (name, entries) = self.pack.lists.get_key_value(name)?;
        let edges = u8::from(left) | u8::from(right) << 1;
        if let Some(number) = self.by_name.get(&(name, edges)) {
            return Some(*number);
        }
        let number = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        // A list inside itself, which is no valid list, may be anything.
        self.lists.push(List { free: vec![opaque()], ..List::default() });
        self.by_name.insert((name, edges), number);
        let mut list = List::default();
        for entry in entries {
            let steps = self.of_piece(entry, left, right, true);
            match (&*steps, span(&steps, &self.lists)) {
                ([Step::Word(word)], _) => list.words.push(*word),
                ([Step::Words(words)], _) => list.words.extend(words.iter()),
                (_, (few, many)) if few == many && usize::from(few) <= LIST_SPACES_MAX => {
                    list.phrases.push((few.into(), steps));
                }
                _ => list.free.push(steps),
            }
        }
        list.words.sort_unstable();
        list.words.dedup();
        if let Some(slot) = self.lists.get_mut(number as usize) {
            *slot = list;
        }
        Some(number)
    }
}

/// One pattern or list entry being cut.
struct Cut<'c, 'a> {
    cutter: &'c mut Cutter<'a>,
    names: &'c [&'c str],
    in_list: bool,
}

/// Letters in a row, in each of their spellings.
struct Run {
    texts: Vec<String>,
    /// What stands beside them is no letter.
    left: bool,
    right: bool,
}

impl Run {
    fn is_empty(&self) -> bool {
        self.texts.iter().all(String::is_empty)
    }

    fn push(&mut self, letters: &[Option<char>]) {
        let texts = std::mem::take(&mut self.texts);
        for text in &texts {
            self.texts.extend(letters.iter().map(|letter| text.chars().chain(*letter).collect::<String>()));
        }
    }
}

/// The letters of which a part of a pattern is one; `None` for a letter that may be missing.
fn letters(part: &Ast) -> Option<Vec<Option<char>>> {
    match part {
        Ast::Literal(literal) if literal.c != ' ' && stand(literal.c).is_none() => {
            Some(vec![Some(literal.c)])
        }
        Ast::Repetition(repetition) if rounds(&repetition.op.kind) == (0, Some(1)) => {
            let mut letters = letters(&repetition.ast)?;
            letters.push(None);
            Some(letters)
        }
        Ast::ClassPerl(class) if class.kind == ast::ClassPerlKind::Digit && !class.negated => {
            Some(('0'..='9').map(Some).collect())
        }
        Ast::ClassBracketed(class) if !class.negated => {
            let ast::ClassSet::Item(item) = &class.kind else { return None };
            let mut letters = Vec::new();
            collect(item, &mut letters).then_some(letters)
        }
        _ => None,
    }
}

/// Collects the letters of a class; false for one that is no short list of them.
fn collect(item: &ast::ClassSetItem, letters: &mut Vec<Option<char>>) -> bool {
    match item {
        ast::ClassSetItem::Literal(literal) if literal.c != ' ' && stand(literal.c).is_none() => {
            letters.push(Some(literal.c));
        }
        ast::ClassSetItem::Range(range) => {
            letters.extend((range.start.c..=range.end.c).take(SPELLINGS_MAX + 1).map(Some));
        }
        ast::ClassSetItem::Union(union) => return union.items.iter().all(|item| collect(item, letters)),
        _ => return false,
    }
    letters.len() <= SPELLINGS_MAX && !letters.contains(&Some(' '))
}

impl Cut<'_, '_> {
    fn tree(&mut self, tree: &Ast, left: bool, right: bool, out: &mut Vec<Step>) {
        match tree {
            Ast::Concat(concat) => self.row(&concat.asts, left, right, out),
            Ast::Literal(_) => self.row(std::slice::from_ref(tree), left, right, out),
            Ast::Group(group) => self.tree(&group.ast, left, right, out),
            Ast::Alternation(ways) => {
                let mut cut = Vec::new();
                for way in &ways.asts {
                    let mut steps = Vec::new();
                    self.tree(way, left, right, &mut steps);
                    cut.push(steps.into_boxed_slice());
                }
                push_ways(cut, out);
            }
            Ast::Repetition(repetition) => self.repetition(repetition, left, right, out),
            Ast::Assertion(assertion) if !self.in_list => match assertion.kind {
                ast::AssertionKind::StartLine | ast::AssertionKind::StartText => out.push(Step::First),
                ast::AssertionKind::EndLine | ast::AssertionKind::EndText => out.push(Step::Last),
                _ => {}
            },
            Ast::Assertion(_) | Ast::Empty(_) => {}
            Ast::ClassPerl(_) | Ast::ClassBracketed(_)
                if letters(tree).is_some_and(|letters| letters.len() <= SPELLINGS_MAX) =>
            {
                self.row(std::slice::from_ref(tree), left, right, out);
            }
            Ast::ClassPerl(class)
                if !class.negated && class.kind != ast::ClassPerlKind::Space
                    || class.negated && class.kind == ast::ClassPerlKind::Space => {}
            Ast::ClassBracketed(class) if !class.negated && has_no_space(&class.kind) => {}
            Ast::Flags(_) => push_spaces(0, ANY, out),
            // A character that may be a space.
            _ => push_spaces(0, 1, out),
        }
    }

    /// Parts in a row: letters that follow each other are one piece of text.
    fn row(&mut self, parts: &[Ast], left: bool, right: bool, out: &mut Vec<Step>) {
        let mut behind = vec![right; parts.len()];
        let mut edge = right;
        for (part, slot) in parts.iter().zip(&mut behind).rev() {
            *slot = edge;
            edge = self.beyond(part, edge, false);
        }
        let mut before = left;
        let mut run = Run { texts: vec![String::new()], left, right };
        for (part, after) in parts.iter().zip(behind) {
            let letters = letters(part).filter(|letters| letters.len() * run.texts.len() <= SPELLINGS_MAX);
            match letters {
                Some(letters) => {
                    if run.is_empty() {
                        run.left = before;
                    }
                    run.right = after;
                    run.push(&letters);
                }
                None => {
                    self.push_run(&mut run, out);
                    // What is too much for a run that has begun may begin the next one.
                    match self::letters(part).filter(|letters| letters.len() <= SPELLINGS_MAX) {
                        Some(letters) => {
                            (run.left, run.right) = (before, after);
                            run.push(&letters);
                        }
                        None => self.part(part, before, after, out),
                    }
                }
            }
            before = self.beyond(part, before, true);
        }
        self.push_run(&mut run, out);
    }

    fn part(&mut self, part: &Ast, left: bool, right: bool, out: &mut Vec<Step>) {
        let Ast::Literal(literal) = part else { return self.tree(part, left, right, out) };
        match stand(literal.c) {
            Some(Stand::Gap(count)) => push_spaces(0, count, out),
            Some(Stand::List(number)) => {
                let words = self.cutter.pack.language.words;
                let name = self.names.get(number).copied().unwrap_or_default();
                match self.cutter.list(name, left && words, right && words) {
                    Some(number) => out.push(Step::List(number)),
                    None => push_spaces(0, ANY, out),
                }
            }
            None => push_spaces(1, 1, out),
        }
    }

    fn push_run(&mut self, run: &mut Run, out: &mut Vec<Step>) {
        let texts = std::mem::replace(&mut run.texts, vec![String::new()]);
        let words = self.cutter.pack.language.words;
        let mut numbers = Vec::new();
        for text in texts {
            // Blanks stand in texts that were blanked only.
            if text.contains('_') {
                return;
            }
            // Beside a sign `\b` asks for a letter.
            let left = run.left && words && text.starts_with(|c: char| c.is_ascii_alphanumeric());
            let right = run.right && words && text.ends_with(|c: char| c.is_ascii_alphanumeric());
            let letter = text.len() < LETTERS_MIN && text.chars().all(char::is_alphabetic);
            if letter && !left && !right {
                return;
            }
            numbers.push(self.cutter.word(&text, u8::from(left) | u8::from(right) << 1));
        }
        match numbers.as_slice() {
            [number] => out.push(Step::Word(*number)),
            _ => out.push(Step::Words(numbers.into_boxed_slice())),
        }
    }

    /// The first round as it is; what further rounds and pieces that may be missing hold, tells little: their spaces.
    fn repetition(&mut self, repetition: &ast::Repetition, left: bool, right: bool, out: &mut Vec<Step>) {
        let (few, many) = rounds(&repetition.op.kind);
        let again = many != Some(1);
        let mut round = Vec::new();
        let left = left && (!again || spaced(&repetition.ast, true));
        let right = right && (!again || spaced(&repetition.ast, false));
        self.tree(&repetition.ast, left, right, &mut round);
        let (least, most) = span(&round, &self.cutter.lists);
        let few = few.min(u32::from(ANY)) as u8;
        let many = many.and_then(|many| u8::try_from(many).ok());
        let times = |rounds: Option<u8>| match (most, rounds) {
            (0, _) => 0,
            (_, None) => ANY,
            (most, Some(rounds)) => most.saturating_mul(rounds),
        };
        if few == 0 && many.is_none_or(|many| many > ROUNDS_MIN) && most != ANY && tells(&round) {
            return out.push(Step::Rounds(round.into_boxed_slice()));
        }
        if few == 0 {
            return push_spaces(0, times(many), out);
        }
        out.extend(round);
        push_spaces(least.saturating_mul(few - 1), times(many.map(|many| many - 1)), out);
    }

    /// The edge beyond a part, seen from before it.
    fn beyond(&self, part: &Ast, edge: bool, at_end: bool) -> bool {
        if let Ast::Literal(literal) = part {
            return match stand(literal.c) {
                Some(Stand::Gap(_)) => at_end && edge && self.cutter.pack.language.words,
                Some(Stand::List(_)) => false,
                None => literal.c == ' ',
            };
        }
        match (may_be_empty(part), spaced(part, at_end)) {
            (true, true) => edge,
            (false, true) => true,
            (_, false) => false,
        }
    }
}

/// Anything.
fn opaque() -> Skeleton {
    Box::new([Step::Spaces(0, ANY)])
}

fn push_spaces(few: u8, many: u8, out: &mut Vec<Step>) {
    if let Some(Step::Spaces(least, most)) = out.last_mut() {
        (*least, *most) = (least.saturating_add(few), most.saturating_add(many));
    } else if many > 0 {
        out.push(Step::Spaces(few, many));
    }
}

/// Ways that go on alike behind a first word are looked up together.
fn push_ways(ways: Vec<Skeleton>, out: &mut Vec<Step>) {
    let mut heads: Vec<(Vec<u32>, &[Step])> = Vec::new();
    let mut others = Vec::new();
    for way in &ways {
        let (words, tail) = match way.split_first() {
            Some((Step::Word(word), tail)) => (std::slice::from_ref(word), tail),
            Some((Step::Words(words), tail)) => (&**words, tail),
            _ => {
                if !others.contains(way) {
                    others.push(way.clone());
                }
                continue;
            }
        };
        match heads.iter_mut().find(|(_, own)| *own == tail) {
            Some((own, _)) => own.extend(words),
            None => heads.push((words.to_vec(), tail)),
        }
    }
    // A way that tells nothing makes the others tell nothing.
    if others.iter().any(|way| way.is_empty()) && !ways.iter().any(|way| has_spaces(way)) {
        return;
    }
    others.extend(heads.into_iter().map(|(mut words, tail)| {
        words.sort_unstable();
        words.dedup();
        let head = match words.as_slice() {
            [word] => Step::Word(*word),
            _ => Step::Words(words.into_boxed_slice()),
        };
        std::iter::once(head).chain(tail.iter().cloned()).collect()
    }));
    match <[Skeleton; 1]>::try_from(others) {
        Ok([only]) => out.extend(only),
        Err(others) => out.push(Step::Ways(others.into_boxed_slice())),
    }
}

fn has_spaces(skeleton: &[Step]) -> bool {
    skeleton.iter().any(|step| !matches!(step, Step::Word(_) | Step::Words(_)))
}

/// Whether a skeleton holds words that tell something.
fn tells(skeleton: &[Step]) -> bool {
    skeleton.iter().any(|step| matches!(step, Step::Word(_) | Step::Words(_) | Step::List(_) | Step::Ways(_)))
}

/// The least and the most spaces of a skeleton.
fn span(skeleton: &[Step], lists: &[List]) -> (u8, u8) {
    let union = |spans: &mut dyn Iterator<Item = (u8, u8)>| {
        spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0, 0))
    };
    let mut sum = (0u8, 0u8);
    for step in skeleton {
        let (few, many) = match step {
            Step::Spaces(few, many) => (*few, *many),
            Step::Ways(ways) => union(&mut ways.iter().map(|way| span(way, lists))),
            Step::Rounds(_) => (0, ANY),
            Step::List(number) => lists.get(*number as usize).map_or((0, ANY), |list| {
                let words = list.words.first().map(|_| (0, 0));
                let phrases = list.phrases.iter().map(|(_, phrase)| phrase).chain(&list.free);
                union(&mut words.into_iter().chain(phrases.map(|phrase| span(phrase, lists))))
            }),
            _ => (0, 0),
        };
        sum = (sum.0.saturating_add(few), sum.1.saturating_add(many));
    }
    sum
}

fn has_no_space(set: &ast::ClassSet) -> bool {
    match set {
        ast::ClassSet::Item(item) => item_has_no_space(item),
        ast::ClassSet::BinaryOp(_) => false,
    }
}

fn item_has_no_space(item: &ast::ClassSetItem) -> bool {
    use ast::ClassSetItem::{Ascii, Bracketed, Empty, Literal, Perl, Range, Unicode, Union};
    match item {
        Empty(_) => true,
        Literal(literal) => literal.c != ' ',
        Range(range) => !(range.start.c..=range.end.c).contains(&' '),
        Perl(class) => !class.negated && class.kind != ast::ClassPerlKind::Space,
        Union(union) => union.items.iter().all(item_has_no_space),
        Bracketed(class) => !class.negated && has_no_space(&class.kind),
        Ascii(_) | Unicode(_) => false,
    }
}
