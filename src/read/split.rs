//! The boundary resolver: walks the lines once from the top and says of each what it is.
//!
//! Every detector that fires is believed and the earliest boundary wins: peers err by leaking, not by losing.
//! Below a boundary with marked quotes the walk goes on (bottom and inline answers); below one without marks
//! everything to the end is quoted, or unsure where the evidence is thin.

use super::attribution;
use super::closing;
use super::fence::{self, Fence};
use super::header::{self, Divider};
use super::lines::{Line, Mark};
use super::markers::Label;
use crate::model::SegmentKind;

/// What a line is, and which test said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    /// What it is.
    pub kind: SegmentKind,
    /// Which test.
    pub evidence: &'static str,
}

impl Class {
    /// A class.
    pub fn new(kind: SegmentKind, evidence: &'static str) -> Self {
        Self { kind, evidence }
    }
}

/// Evidence of text that is hidden inside quoted text.
pub(super) const HIDDEN_QUOTE: &str = "html.hidden_in_quote";

/// Evidence of an attribution with nothing typed above it and no quote marks below.
pub(super) const UNMARKED: &str = "attribution.unmarked";
/// Evidence of a bare blockquote that is read as typed, but never surely.
pub(super) const INDENTED: &str = "html.indented_typed";
/// Evidence of text below a tagline.
const TAGLINE_BELOW: &str = "tagline.below";
/// More lines than this between a tagline and a quote may be a quote that lost its marks.
const TYPED_BELOW_TAGLINE_MAX: usize = 8;
/// Quoted lines that are only indented.
const INDENT: &str = "    ";
/// Banners stand in the first paragraphs only.
const BANNER_PARAGRAPHS_MAX: usize = 3;
/// A bare blockquote of more lines than this is not taken for indented words of the author.
const INDENTED_LINES_MAX: usize = 6;
/// A line that a program wrapped out of a quote is shorter than this…
const STRAGGLER_BYTES_MAX: usize = 60;
/// …and the quoted line above it was about full.
const WRAPPED_BYTES_MIN: usize = 56;

/// Classifies every line.
pub(super) fn classify(lines: &[Line<'_>]) -> Vec<Class> {
    let mut walk = Walk { lines, classes: vec![None; lines.len()], ..Walk::default() };
    let start = walk.banners();
    walk.run(start);
    walk.between_tagline_and_quote();
    walk.closings();
    walk.finish()
}

#[derive(Default)]
struct Walk<'a, 'b> {
    lines: &'b [Line<'a>],
    classes: Vec<Option<Class>>,
    /// Typed text was seen.
    typed: bool,
    /// Quoted text or its head was seen.
    quoted: bool,
    /// The mark other than `>` that quoted lines carry in this mail.
    prefix: Option<String>,
    /// We are below a signature delimiter, a list footer or a tagline: what typed lines are here.
    closed: Option<Class>,
    /// No fenced block begins above this line.
    unfenced: usize,
}

impl Walk<'_, '_> {
    fn set(&mut self, from: usize, to: usize, kind: SegmentKind, evidence: &'static str) {
        for class in self.classes.iter_mut().take(to).skip(from) {
            *class = Some(Class::new(kind, evidence));
        }
    }

    /// Marks gateway banners at the top; returns where the mail itself begins.
    fn banners(&mut self) -> usize {
        let mut at = 0;
        for _ in 0..BANNER_PARAGRAPHS_MAX {
            let Some((from, to)) = paragraph(self.lines, at) else { break };
            let text = join(self.lines.get(from..to).unwrap_or_default());
            if self.lines.get(from).is_some_and(|l| l.depth > 0) || !closing::is_banner(&text) {
                break;
            }
            self.set(at, to, SegmentKind::Banner, "banner");
            at = to;
        }
        at
    }

    fn run(&mut self, start: usize) {
        let mut i = start;
        while let Some(line) = self.lines.get(i) {
            i = match line.mark {
                Mark::Hidden if line.depth > 0 => self.one(i, SegmentKind::Hidden, HIDDEN_QUOTE),
                Mark::Hidden => self.one(i, SegmentKind::Hidden, "html.hidden"),
                Mark::Cut => self.rest(i, SegmentKind::Quoted, "html.cut"),
                _ if line.depth > 0 => self.quote(i),
                _ if line.is_blank() => i + 1,
                Mark::None if self.is_prefixed(i) => {
                    self.closed = None;
                    self.one(i, SegmentKind::Quoted, "quote.prefix")
                }
                Mark::Signature => self.one(i, SegmentKind::Signature, "html.signature"),
                Mark::Struck => self.one(i, SegmentKind::Unsure, "html.struck"),
                Mark::Framed => self.one(i, SegmentKind::Unsure, "html.framed"),
                Mark::Moved => self.one(i, SegmentKind::Unsure, "html.moved"),
                Mark::Form => self.one(i, SegmentKind::Unsure, "html.form"),
                Mark::Indented => self.indented(i),
                Mark::None | Mark::Attribution => {
                    self.fenced(i).or_else(|| self.head(i)).unwrap_or_else(|| self.text(i))
                }
            };
        }
    }

    /// A block of code between fences, typed as a whole.
    fn fenced(&mut self, i: usize) -> Option<usize> {
        if i < self.unfenced || self.closed.is_some() {
            return None;
        }
        match fence::find(self.lines, i) {
            Fence::Block(count) => {
                let class = self.typed_class();
                self.typed = true;
                self.set(i, i + count, class.kind, class.evidence);
                Some(i + count)
            }
            Fence::Not(count) => {
                self.unfenced = i + count;
                None
            }
        }
    }

    /// What a typed line is here.
    fn typed_class(&self) -> Class {
        if self.quoted {
            Class::new(SegmentKind::FreshInline, "typed.below_quote")
        } else {
            Class::new(SegmentKind::Fresh, "typed")
        }
    }

    fn one(&mut self, i: usize, kind: SegmentKind, evidence: &'static str) -> usize {
        self.set(i, i + 1, kind, evidence);
        i + 1
    }

    fn rest(&mut self, i: usize, kind: SegmentKind, evidence: &'static str) -> usize {
        for k in i..self.lines.len() {
            let hidden = self.lines.get(k).is_some_and(|l| l.mark == Mark::Hidden);
            let (kind, evidence) = match kind {
                // Newsletters and templates hide text; in a quote that says nothing about the author.
                SegmentKind::Quoted | SegmentKind::Forwarded if hidden => (SegmentKind::Hidden, HIDDEN_QUOTE),
                _ if hidden => (SegmentKind::Hidden, "html.hidden"),
                _ => (kind, evidence),
            };
            self.set(k, k + 1, kind, evidence);
        }
        self.lines.len()
    }

    /// Quoted lines by mark or depth, with a line that the program wrapped out of them.
    fn quote(&mut self, i: usize) -> usize {
        (self.quoted, self.closed) = (true, None);
        self.set(i, i + 1, SegmentKind::Quoted, "quote.mark");
        let (line, next, after) = (self.lines.get(i), self.lines.get(i + 1), self.lines.get(i + 2));
        if let (Some(line), Some(next), Some(after)) = (line, next, after)
            && next.depth == 0
            && next.mark == line.mark
            && after.depth > 0
            && !next.is_blank()
            && line.body.len() >= WRAPPED_BYTES_MIN
            && next.body.len() < STRAGGLER_BYTES_MAX
            && (!line.folded.ends_with(['.', '!', '?', ':']) || next.body.starts_with(char::is_lowercase))
        {
            return self.one(i + 1, SegmentKind::Unsure, "quote.straggler");
        }
        i + 1
    }

    /// Whether a line carries the mark that other quoted lines of this mail carry, or initials that its neighbour
    /// carries, too. Spaces, `#` and the like begin typed lines as well and prove nothing further down.
    fn is_prefixed(&self, i: usize) -> bool {
        let Some(line) = self.lines.get(i) else { return false };
        let known = self.prefix.as_deref().is_some_and(|prefix| {
            matches!(prefix, "\t" | "| " | "|") && line.body.starts_with(prefix)
                || prefix.ends_with('>') && line.body.starts_with(prefix)
        });
        let neighbours = [i.checked_sub(1), Some(i + 1)].into_iter().flatten();
        let shared = |own: &str| {
            neighbours.clone().any(|k| self.lines.get(k).and_then(|l| initials(l.body)) == Some(own))
        };
        known || self.quoted && initials(line.body).is_some_and(shared)
    }

    /// A bare blockquote is a quote below an attribution; elsewhere the author may have indented own words.
    fn indented(&mut self, i: usize) -> usize {
        let end = (i..self.lines.len())
            .find(|k| self.lines.get(*k).is_some_and(|l| l.mark != Mark::Indented))
            .unwrap_or(self.lines.len());
        let above = self.classes.iter().take(i).rev().flatten().next().map(|c| c.kind);
        let framed = matches!(
            above,
            Some(
                SegmentKind::Attribution
                    | SegmentKind::HeaderBlock
                    | SegmentKind::Divider
                    | SegmentKind::Quoted
            )
        ) || (i..end)
            .any(|k| attribution::find(self.lines, k).is_some() || header::block(self.lines, k) > 0);
        if framed {
            self.quoted = true;
            self.set(i, end, SegmentKind::Quoted, "html.blockquote");
        } else if self.closed.is_none() && self.is_own_indent(i, end) {
            let class = self.typed_class();
            self.set(i, end, class.kind, INDENTED);
        } else {
            self.set(i, end, SegmentKind::Unsure, "html.indented");
        }
        self.closed = None;
        end
    }

    /// Whether a bare blockquote without the head of a mail anywhere ends what the author typed above it. One that is
    /// announced by a colon, answered below, long, or that holds labels or addresses may be somebody else's words.
    fn is_own_indent(&self, from: usize, to: usize) -> bool {
        let filled = |l: &&Line<'_>| !l.is_blank();
        let above = self.lines.iter().take(from).rev().find(filled);
        let below = (to..self.lines.len()).find(|k| self.lines.get(*k).is_some_and(|l| !l.is_blank()));
        let heads = |k: usize| {
            self.lines
                .get(k)
                .is_some_and(|l| l.depth > 0 || l.mark == Mark::Cut || header::divider(l).is_some())
                || attribution::find(self.lines, k).is_some()
                || header::block(self.lines, k) > 0
        };
        let block: Vec<&Line<'_>> =
            self.lines.iter().take(to).skip(from).filter(filled).take(INDENTED_LINES_MAX + 1).collect();
        let own =
            |l: &&Line<'_>| !l.folded.contains('@') && !l.folded.ends_with(':') && header::label(l).is_none();
        self.typed
            && !self.quoted
            && above.is_some_and(|l| l.mark == Mark::None && !l.folded.ends_with(':'))
            && below.is_none_or(heads)
            && block.len() <= INDENTED_LINES_MAX
            && block.iter().all(own)
    }

    /// The head of a quoted mail: divider, header block, Notes header or attribution.
    fn head(&mut self, i: usize) -> Option<usize> {
        use SegmentKind::{Attribution, Divider as DividerKind, Forwarded, HeaderBlock, Quoted};
        let line = self.lines.get(i)?;
        if let Some(divider) = header::divider(line) {
            self.set(i, i + 1, DividerKind, "divider");
            let below = match divider {
                Divider::Original => (Quoted, "divider"),
                Divider::Forward => (Forwarded, "divider.forward"),
            };
            let block = self.block_below(i + 1);
            // A line of dashes alone proves nothing: anybody can type one and go on below it.
            let strong = block.is_some() || divider == Divider::Forward || self.labelled_below(i + 1);
            return Some(self.below(block.unwrap_or(i + 1), strong, below));
        }
        if header::is_rule(line)
            && let Some(end) = self.block_below(i + 1)
        {
            self.set(i, i + 1, DividerKind, "divider.rule");
            return Some(self.below(end, true, (Quoted, "header.block")));
        }
        let block = header::block(self.lines, i);
        if block > 0 {
            self.set(i, i + block, HeaderBlock, "header.block");
            let evident = header::is_evident(self.lines.get(i..i + block).unwrap_or_default());
            return Some(self.below(i + block, evident, (Quoted, "header.block")));
        }
        let notes = if self.typed { header::notes(self.lines, i) } else { 0 };
        if notes > 0 {
            self.set(i, i + notes, HeaderBlock, "header.notes");
            return Some(self.below(i + notes, true, (Quoted, "header.notes")));
        }
        let found = attribution::find(self.lines, i)?;
        let strong = found.strong || attribution::quote_follows(self.lines, i, i + found.lines);
        self.set(i, i + found.lines, Attribution, "attribution.evidence");
        Some(self.below(i + found.lines, strong, (Quoted, "attribution.below")))
    }

    /// Whether a label of a header stands right below a divider, as where a program wrote only some of them.
    fn labelled_below(&self, from: usize) -> bool {
        let next = self.lines.iter().skip(from).take(3).find(|l| !l.is_blank());
        next.is_some_and(|l| header::label(l).is_some_and(|kind| kind != Label::Other))
    }

    /// A header block that begins within the next lines: marks it and returns its end.
    fn block_below(&mut self, from: usize) -> Option<usize> {
        let at = (from..from + 3).find(|k| self.lines.get(*k).is_some_and(|l| !l.is_blank()))?;
        let block = match header::block(self.lines, at) {
            0 => header::bare_block(self.lines, at),
            block => block,
        };
        (block > 0).then(|| {
            self.set(at, at + block, SegmentKind::HeaderBlock, "header.block");
            at + block
        })
    }

    /// Decides what stands below a head that ended before line `from`.
    fn below(&mut self, from: usize, strong: bool, below: (SegmentKind, &'static str)) -> usize {
        let typed = self.typed;
        (self.quoted, self.closed) = (true, None);
        let Some(next) = (from..self.lines.len()).find(|k| self.lines.get(*k).is_some_and(|l| !l.is_blank()))
        else {
            return self.lines.len();
        };
        let marked = self.lines.get(next).is_some_and(|l| l.depth > 0 || l.mark == Mark::Indented);
        if marked || self.head_follows(next) {
            return next;
        }
        if below.1 == "attribution.below"
            && let Some((prefix, end)) = prefixed(self.lines, next)
        {
            self.set(from, end, SegmentKind::Quoted, "quote.prefix");
            // Spaces are no quote mark: below an answer, what is indented less may be quoted as well.
            if prefix == INDENT && typed {
                return self.rest(end, SegmentKind::Unsure, "boundary.unsure");
            }
            self.prefix = Some(prefix);
            return end;
        }
        if below.1 == "attribution.below" && !typed {
            self.unmark(from);
            return from;
        }
        // With nothing typed above, the text below may be the answer under a quote that lost its marks.
        let sure = strong && typed;
        let forwarded = below.0 == SegmentKind::Forwarded;
        if sure || forwarded {
            self.rest(from, below.0, below.1)
        } else {
            self.rest(from, SegmentKind::Unsure, "boundary.unsure")
        }
    }

    /// Programs that write an attribution mark what they quote, so text without marks below one that stands at the
    /// top was most likely typed there. It is read as typed, and the reading is never sure (see [`UNMARKED`]).
    fn unmark(&mut self, from: usize) {
        let head = self.classes.iter_mut().take(from).rev().flatten();
        for class in head.take_while(|c| c.kind == SegmentKind::Attribution && c.evidence != UNMARKED) {
            class.evidence = UNMARKED;
        }
    }

    /// An attribution or header block directly below another head (a forward of a reply).
    fn head_follows(&self, next: usize) -> bool {
        header::block(self.lines, next) > 0
            || self.lines.get(next).is_some_and(|l| header::divider(l).is_some())
    }

    /// Typed text, or what closes it.
    fn text(&mut self, i: usize) -> usize {
        let Some(line) = self.lines.get(i) else { return i + 1 };
        // What tracking add-ons of Gmail leave behind.
        if line.folded == "\u{1427}" {
            return self.one(i, SegmentKind::Tagline, "tracker");
        }
        let armor = closing::armor(self.lines, i);
        if armor > 0 {
            self.set(i, i + armor, SegmentKind::Divider, "pgp.armor");
            return i + armor;
        }
        if closing::is_delimiter(self.lines, i) && (self.typed || self.quoted) {
            self.closed = Some(Class::new(SegmentKind::Signature, "signature.delimiter"));
        } else if closing::is_list_footer(self.lines, i) {
            self.closed = Some(Class::new(SegmentKind::Disclaimer, "list.footer"));
        } else if closing::is_tagline(line) && self.closed.is_none() && !self.goes_on(i + 1) {
            // People type above a tagline, or below a quote under it; text right below it may be a lost quote.
            let below = Class::new(SegmentKind::Unsure, TAGLINE_BELOW);
            self.closed = self.typed.then_some(below);
            return self.one(i, SegmentKind::Tagline, "tagline");
        }
        if let Some(class) = self.closed {
            return self.one(i, class.kind, class.evidence);
        }
        if !header::is_rule(line) {
            self.typed = true;
        }
        let class = self.typed_class();
        self.one(i, class.kind, class.evidence)
    }

    /// Whether a typed sentence stands right below, so that the line above it is one of its paragraph.
    fn goes_on(&self, next: usize) -> bool {
        self.lines.get(next).is_some_and(|l| {
            l.depth == 0
                && l.mark == Mark::None
                && closing::is_sentence(&l.folded)
                && !closing::is_tagline(l)
                && !closing::is_disclaimer(&l.folded)
                && attribution::find(self.lines, next).is_none()
        })
    }

    /// Text between a tagline and the head of a marked quote is no lost quote: the quote stands below it.
    fn between_tagline_and_quote(&mut self) {
        let mut i = 0;
        while i < self.classes.len() {
            let is = |k: usize| self.classes.get(k).copied().flatten().map(|c| c.evidence);
            let blank = |k: usize| self.lines.get(k).is_some_and(Line::is_blank);
            if is(i) != Some(TAGLINE_BELOW) {
                i += 1;
                continue;
            }
            let end = (i..self.classes.len())
                .find(|k| is(*k) != Some(TAGLINE_BELOW) && !blank(*k))
                .unwrap_or(self.classes.len());
            let below =
                (end..self.classes.len()).find(|k| is(*k) != Some("attribution.evidence") && !blank(*k));
            let quoted = is(end) == Some("attribution.evidence") && below.and_then(is) == Some("quote.mark");
            let filled = || self.lines.get(i..end).unwrap_or_default().iter().filter(|l| !l.is_blank());
            let own = |l: &Line<'_>| !l.folded.contains('@') && !l.folded.ends_with(':');
            if quoted && filled().count() <= TYPED_BELOW_TAGLINE_MAX && filled().all(own) {
                let closing = filled().all(|l| !closing::is_sentence(&l.folded));
                let kind = if closing { SegmentKind::Signature } else { SegmentKind::Fresh };
                self.set(i, end, kind, "tagline.above_quote");
            }
            i = end;
        }
    }

    /// Takes contact blocks, notices and rules off the end of each typed run.
    fn closings(&mut self) {
        let mut i = 0;
        while i < self.lines.len() {
            let typed = |k: usize| self.classes.get(k).is_some_and(|c| c.is_none_or(|c| is_fresh(c.kind)));
            let end = (i..self.lines.len()).find(|k| !typed(*k)).unwrap_or(self.lines.len());
            if end > i {
                self.close(i, end);
            }
            i = end + 1;
        }
    }

    fn close(&mut self, from: usize, mut to: usize) {
        while let Some((start, end)) = last_paragraph(self.lines, from, to) {
            let piece = self.lines.get(start..end).unwrap_or_default();
            if closing::is_only_rules(piece) {
                self.set(start, end, SegmentKind::Divider, "rule");
            } else if (start > from || self.is_below_quote(from)) && closing::is_disclaimer(&join(piece)) {
                self.set(start, end, SegmentKind::Disclaimer, "disclaimer");
            } else if piece.len() > 1 && piece.last().is_some_and(|l| closing::is_disclaimer(&l.folded)) {
                // In HTML the notice is one long line, perhaps right below the name.
                self.set(end - 1, end, SegmentKind::Disclaimer, "disclaimer");
                to = end - 1;
                continue;
            } else {
                break;
            }
            to = start;
        }
        let Some((_, end)) = last_paragraph(self.lines, from, to) else { return };
        let mut end = end;
        while end > from + 1 && self.lines.get(end - 1).is_some_and(header::is_rule) {
            end -= 1;
            self.set(end, end + 1, SegmentKind::Divider, "rule");
        }
        let run: Vec<&Line<'_>> = self.lines.iter().take(end).skip(from).collect();
        if let Some(start) = closing::contact_block(&run) {
            self.set(from + start, end, SegmentKind::Signature, "signature.contact");
        }
    }

    /// Whether the typed run from `from` stands below a quote, with typed text above that.
    fn is_below_quote(&self, from: usize) -> bool {
        let mut above = self.classes.iter().take(from).flatten();
        above.any(|c| is_fresh(c.kind)) && above.any(|c| c.kind == SegmentKind::Quoted)
    }

    /// Blank lines go with the line above them (at the top: below).
    fn finish(self) -> Vec<Class> {
        let unsaid = Class::new(SegmentKind::Fresh, "blank");
        let mut last = self.classes.iter().flatten().next().copied().unwrap_or(unsaid);
        self.classes
            .into_iter()
            .map(|class| {
                last = class.unwrap_or(last);
                last
            })
            .collect()
    }
}

pub(super) fn is_fresh(kind: SegmentKind) -> bool {
    matches!(kind, SegmentKind::Fresh | SegmentKind::FreshInline)
}

/// Where lines that carry a quote prefix other than `>` end, directly below an attribution: a tab (s-nail, BSD
/// mail), a bar, or initials.
fn prefixed(lines: &[Line<'_>], from: usize) -> Option<(String, usize)> {
    let first = lines.get(from)?.body;
    let initials = first
        .split_once('>')
        .map(|(name, _)| name)
        .filter(|n| (1..=12).contains(&n.len()) && n.chars().all(|c| c.is_ascii_alphabetic()));
    let prefix = if let Some(name) = initials {
        first.get(..=name.len())?
    } else {
        ["\t", "| ", "|", INDENT, ": ", "% ", "# "].into_iter().find(|p| first.starts_with(p))?
    };
    let carries = |l: &Line<'_>| l.is_blank() || l.body.starts_with(prefix) || l.body == prefix.trim_end();
    let end = (from..lines.len()).find(|k| lines.get(*k).is_some_and(|l| !carries(l))).unwrap_or(lines.len());
    let filled = |k: &usize| lines.get(*k).is_some_and(|l| !l.is_blank());
    let last = (from..end).rev().find(filled)?;
    // One indented line may begin a paragraph of a quote that has no marks at all.
    let alone = (from..end).filter(filled).count() == 1 && end < lines.len();
    (!(alone && prefix == INDENT)).then(|| (prefix.to_owned(), last + 1))
}

/// The initials before a `>` (`KD> yes?`), with the sign.
fn initials(body: &str) -> Option<&str> {
    let at = body.find('>').filter(|at| (1..=3).contains(at))?;
    let name = body.get(..at)?;
    name.chars().all(|c| c.is_ascii_uppercase()).then(|| body.get(..=at)).flatten()
}

/// The next paragraph from line `at`: its first line and the line behind its last.
fn paragraph(lines: &[Line<'_>], at: usize) -> Option<(usize, usize)> {
    let from = (at..lines.len()).find(|k| lines.get(*k).is_some_and(|l| !l.is_blank()))?;
    let to = (from..lines.len()).find(|k| lines.get(*k).is_some_and(Line::is_blank)).unwrap_or(lines.len());
    Some((from, to))
}

fn last_paragraph(lines: &[Line<'_>], from: usize, to: usize) -> Option<(usize, usize)> {
    let filled = |k: &usize| lines.get(*k).is_some_and(|l| !l.is_blank());
    let end = (from..to).rev().find(filled)? + 1;
    let start = (from..end).rev().find(|k| !filled(k)).map_or(from, |k| k + 1);
    Some((start, end))
}

fn join(lines: &[Line<'_>]) -> String {
    lines.iter().map(|l| l.folded.as_str()).collect::<Vec<_>>().join(" ")
}
