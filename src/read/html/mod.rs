//! An HTML part laid out as text, with the quote depth and what the markup says carried along: text is never
//! flattened without them.

mod color;
mod limit;
mod marks;
mod sheet;
mod style;
mod token;

use scraper::ElementRef;
use scraper::node::Element;

use super::lines::{Mark, Stretch};
use marks::Role;
use sheet::Sheet;
use style::Sight;

/// An HTML part as its reader sees it.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The text, one line for each line or block.
    pub text: String,
    /// What the markup says about each stretch of `text`.
    pub stretches: Vec<Stretch>,
    /// A cap was reached: what lies beyond was not read.
    pub over_limit: bool,
    /// Why the text may not be what its reader sees: reason codes with sentences.
    pub doubts: Vec<Doubt>,
}

impl Layout {
    /// The text without what the reader cannot see.
    pub fn visible(&self) -> String {
        let mut start = 0;
        let mut out = String::new();
        for stretch in &self.stretches {
            if stretch.mark != Mark::Hidden {
                out.push_str(self.text.get(start..stretch.end).unwrap_or_default());
            }
            start = stretch.end;
        }
        out
    }
}

/// Lays out an HTML part.
pub(super) fn lay_out(html: &str) -> Layout {
    let limited = limit::canonical(html);
    let sheet = Sheet::read(&limited.styles);
    let tree = scraper::Html::parse_document(&limited.html);
    let mut page = Page { sheet, over_limit: limited.over_limit, ..Page::default() };
    page.walk(tree.root_element());
    page.beside(&limited.conditional);
    page.finish()
}

/// What an element hands down to what it holds.
#[derive(Debug, Clone, Default)]
struct State {
    depth: u16,
    mark: Mark,
    sight: Sight,
    /// White space counts.
    pre: bool,
    /// The next number of an ordered list.
    ordered: bool,
    /// Inside a form field.
    form: bool,
}

/// A reason code with its sentence.
type Doubt = (&'static str, &'static str);

const PICTURE: Doubt = ("picture_in_text", "A picture stands in the middle of a typed line.");
const FORM: Doubt = ("form_text", "Words stand in form fields or folded away.");
const MOVED: Doubt =
    ("moved_text", "The mail shows words in another order, place or colour than they were typed in.");
const GENERATED: Doubt = ("generated_text", "A style sheet adds words to the text.");
const CONDITIONAL: Doubt = ("conditional_text", "Only some mail programs show all words of the mail.");
const UNREAD_STYLE: Doubt = ("style_unread", "A style sheet hides or strikes text that we could not find.");

/// A picture that stands for a sign (an emoji with its modifiers) has no longer text than this.
const SIGN_CHARS_MAX: usize = 8;

/// Empty lines in a row are not laid out beyond this.
const BREAKS_MAX: usize = 3;

/// The page under construction.
#[derive(Debug, Default)]
struct Page {
    text: String,
    stretches: Vec<Stretch>,
    sheet: Sheet,
    over_limit: bool,
    doubts: Vec<Doubt>,
    /// Depth and mark of the line being written.
    line: (u16, Mark),
    /// The line being written holds something.
    written: bool,
    /// Line breaks to write before the next text.
    breaks: usize,
    /// A space to write before the next word.
    space: bool,
    /// A "the quoted mail begins here" was passed.
    cut: bool,
    /// The mark of a list item to write before its first word.
    bullet: Option<String>,
    /// Next numbers of the open lists.
    numbers: Vec<i64>,
}

impl Page {
    /// Lays out an element and all it holds, without recursion.
    fn walk(&mut self, root: ElementRef<'_>) {
        let state = self.open(root, &State::default());
        let mut stack = vec![(root, state, root.children())];
        while let Some((element, state, children)) = stack.last_mut() {
            let Some(child) = children.next() else {
                self.close(element.value());
                stack.pop();
                continue;
            };
            if let Some(inner) = ElementRef::wrap(child) {
                let state = self.open(inner, state);
                stack.push((inner, state, inner.children()));
            } else if let Some(text) = child.value().as_text() {
                self.words(text, state);
            }
        }
    }

    fn open(&mut self, element: ElementRef<'_>, outer: &State) -> State {
        let state = self.enter(element, outer);
        let own = element.value();
        self.boundary(own);
        match own.name() {
            "br" => self.line_break(),
            "img" => self.image(own, &state),
            "li" => self.bullet = Some(self.next_bullet(&state)),
            "ol" | "ul" => {
                let start = own.attr("start").and_then(|s| s.trim().parse().ok()).unwrap_or(1);
                self.numbers.push(start);
            }
            "td" | "th" => self.space |= self.written,
            _ => {}
        }
        state
    }

    fn close(&mut self, element: &Element) {
        match element.name() {
            "ol" | "ul" => {
                self.numbers.pop();
            }
            "li" => self.bullet = None,
            _ => {}
        }
        self.boundary(element);
    }

    fn enter(&mut self, element: ElementRef<'_>, outer: &State) -> State {
        let own = element.value();
        let mut state = outer.clone();
        state.sight = outer.sight.inside(own, &self.sheet);
        state.pre |= own.name() == "pre"
            || own.attr("style").is_some_and(|s| s.contains("pre-wrap") || s.contains("pre-line"));
        if matches!(own.name(), "ol" | "ul") {
            state.ordered = own.name() == "ol";
        }
        if matches!(state.mark, Mark::None | Mark::Indented) && outer.depth == 0 {
            if state.sight.is_struck() {
                state.mark = Mark::Struck;
            } else if state.sight.is_moved() {
                state.mark = Mark::Moved;
            } else if own.attr(limit::FORM).is_some() {
                (state.mark, state.form) = (Mark::Form, true);
            }
        }
        match marks::role(own, || element.text().take(8).collect()) {
            Role::None if outer.depth == 0 && marks::is_lone_frame(element) => state.mark = Mark::Framed,
            Role::None => {}
            Role::Quote => (state.depth, state.mark) = (outer.depth.saturating_add(1), Mark::None),
            Role::Indented if outer.depth == 0 => state.mark = Mark::Indented,
            Role::Indented => state.depth = outer.depth.saturating_add(1),
            Role::Cut => self.cut |= outer.depth == 0,
            Role::Attribution if outer.depth == 0 => state.mark = Mark::Attribution,
            Role::Signature if outer.depth == 0 => state.mark = Mark::Signature,
            Role::Attribution | Role::Signature => {}
        }
        state
    }

    /// A line begins and ends at the edges of a block.
    fn boundary(&mut self, element: &Element) {
        let name = element.name();
        if !matches!(
            name,
            "p" | "div"
                | "blockquote"
                | "pre"
                | "ul"
                | "ol"
                | "li"
                | "dl"
                | "dt"
                | "dd"
                | "table"
                | "tr"
                | "caption"
                | "hr"
                | "body"
                | "tbody"
                | "thead"
                | "tfoot"
        ) {
            return;
        }
        if self.written {
            (self.written, self.space) = (false, false);
            self.breaks += 1;
        }
        // Word writes its paragraphs without space between them.
        let spaced = name == "p" && !element.attr("class").is_some_and(|c| c.contains("Mso"));
        if (spaced || matches!(name, "blockquote" | "hr")) && !self.text.is_empty() {
            self.breaks = self.breaks.max(2);
        }
    }

    fn line_break(&mut self) {
        (self.written, self.space) = (false, false);
        self.breaks = (self.breaks + 1).min(BREAKS_MAX);
    }

    /// A small image with a sign as its text is that sign; other words may be read where pictures are not loaded.
    fn image(&mut self, element: &Element, state: &State) {
        let alt = element.attr("alt").unwrap_or_default().trim();
        if alt.chars().count() <= SIGN_CHARS_MAX && !alt.chars().any(char::is_alphanumeric) && !alt.is_ascii()
        {
            self.words(alt, state);
        } else if state.depth == 0 && state.mark == Mark::None && !self.cut {
            let inside_a_line = self.written && self.line == (0, Mark::None);
            self.words(alt, &State { mark: Mark::Form, ..state.clone() });
            if inside_a_line && alt.chars().any(char::is_alphabetic) {
                self.doubt(PICTURE);
            }
        }
    }

    /// Words that stand outside the text: from style sheets, and from comments for some programs.
    fn beside(&mut self, conditional: &str) {
        let generated = std::mem::take(&mut self.sheet.generated);
        let unread = self.sheet.unread;
        for (words, doubt) in [(generated.as_str(), GENERATED), (conditional, CONDITIONAL)] {
            if words.chars().any(char::is_alphabetic) {
                self.line_break();
                (self.cut, self.bullet) = (false, None);
                self.words(words, &State { mark: Mark::Form, ..State::default() });
                self.doubt(doubt);
            }
        }
        if unread {
            self.doubt(UNREAD_STYLE);
        }
    }

    fn doubt(&mut self, doubt: Doubt) {
        if !self.doubts.contains(&doubt) {
            self.doubts.push(doubt);
        }
    }

    fn next_bullet(&mut self, state: &State) -> String {
        match self.numbers.last_mut() {
            Some(number) if state.ordered => {
                *number = number.saturating_add(1);
                format!("{}. ", number.saturating_sub(1))
            }
            _ => "- ".to_owned(),
        }
    }

    fn words(&mut self, text: &str, state: &State) {
        for c in text.chars() {
            match c {
                '\n' if state.pre => self.line_break(),
                '\r' if state.pre => {}
                '\u{a0}' => self.put(' ', state),
                c if c.is_ascii_whitespace() && !state.pre => self.space = true,
                c => self.put(c, state),
            }
        }
    }

    fn put(&mut self, c: char, state: &State) {
        let mark = if state.sight.is_hidden() {
            Mark::Hidden
        } else if self.cut {
            Mark::Cut
        } else {
            state.mark
        };
        let line = (state.depth, mark);
        if self.written && self.line != line {
            (self.written, self.space) = (false, false);
            self.breaks = self.breaks.max(1);
        }
        if !self.written {
            self.new_line(line);
            match mark {
                Mark::Moved => self.doubt(MOVED),
                Mark::Form if state.form => self.doubt(FORM),
                _ => {}
            }
        }
        if let Some(bullet) = self.bullet.take() {
            self.text.push_str(&bullet);
        }
        if self.space && self.written && !self.text.ends_with([' ', '\n']) {
            self.text.push(' ');
        }
        self.space = false;
        self.text.push(c);
        self.written = true;
    }

    fn new_line(&mut self, line: (u16, Mark)) {
        if !self.text.is_empty() {
            for _ in 0..self.breaks.clamp(1, BREAKS_MAX) {
                self.text.push('\n');
            }
            self.stretches.push(Stretch { end: self.text.len(), depth: self.line.0, mark: self.line.1 });
        }
        (self.breaks, self.space, self.line) = (0, false, line);
    }

    fn finish(mut self) -> Layout {
        self.stretches.push(Stretch { end: self.text.len(), depth: self.line.0, mark: self.line.1 });
        Layout {
            text: self.text,
            stretches: self.stretches,
            over_limit: self.over_limit,
            doubts: self.doubts,
        }
    }
}
