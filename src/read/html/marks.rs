//! How each mail client marks what it quotes in HTML. A table; rules of position are in [`super`].

use scraper::node::Element;

/// What an element is by its client's marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing that we know.
    None,
    /// Holds quoted text.
    Quote,
    /// A bare blockquote: a quote, or words that the author indented.
    Indented,
    /// The quoted mail begins here and goes on to the end of the body.
    Cut,
    /// "On … wrote:".
    Attribution,
    /// The signature block.
    Signature,
}

/// Ids, from clients in the comment behind them.
const IDS: &[(&str, Role)] = &[
    ("divrplyfwdmsg", Role::Cut), // Outlook web, new Outlook, mobile
    ("mail-editor-reference-message-container", Role::Cut), // new Outlook
    ("ms-outlook-mobile-body-separator-line", Role::Cut), // Outlook mobile
    ("replysplit", Role::Cut),    // Mail.com
    ("stopspelling", Role::Cut),  // Hotmail
    ("zwchr", Role::Cut),         // Zimbra
    ("olk_src_body_section", Role::Quote), // Outlook for Mac
    ("isreplycontent", Role::Quote), // NetEase
    ("isforwardcontent", Role::Quote), // NetEase
    ("reply139content", Role::Quote), // 139.com
    ("origbody", Role::Quote),    // Sina
    ("orimsghtmlseperator", Role::Cut), // Alibaba
    ("signature", Role::Signature), // Outlook web
    ("ms-outlook-mobile-signature", Role::Signature),
];

/// Class names.
const CLASSES: &[(&str, Role)] = &[
    ("outlookmessageheader", Role::Cut),
    ("moz-cite-prefix", Role::Attribution),
    ("gmail_attr", Role::Attribution),
    ("yahoo_quoted", Role::Quote),
    ("iosymail", Role::Quote),
    ("protonmail_quote", Role::Quote),
    ("tutanota_quote", Role::Quote),
    ("skiff_quote", Role::Quote),
    ("zmail_extra", Role::Quote),
    ("freshdesk_quote", Role::Quote),
    ("front-blockquote", Role::Quote),
    ("gmail_signature", Role::Signature),
    ("gmail_signature_prefix", Role::Signature),
    ("moz-signature", Role::Signature),
    ("protonmail_signature_block", Role::Signature),
    ("front-signature", Role::Signature),
];

/// `name` attributes.
const NAMES: &[(&str, Role)] = &[
    ("quote", Role::Quote),               // GMX, web.de
    ("quoted-content", Role::Quote),      // GMX, web.de
    ("messagereplysection", Role::Quote), // Spark
    ("messagesignaturesection", Role::Signature),
];

/// The role of an element; `text` gives its first words and is asked only where they decide.
pub(super) fn role(element: &Element, text: impl Fn() -> String) -> Role {
    let found = by_marks(element);
    if found == Role::Attribution {
        // Gmail gives the head of a forward the same class.
        let words = text();
        let words = words.trim_start();
        return if words.starts_with('-') || words.len() < 3 { Role::None } else { found };
    }
    if found == Role::None && element.name() == "blockquote" { blockquote(element) } else { found }
}

fn by_marks(element: &Element) -> Role {
    let look = |table: &[(&str, Role)], word: &str| table.iter().find(|(w, _)| *w == word).map(|(_, r)| *r);
    let id = element
        .attr("id")
        .map(plain_name)
        .and_then(|id| look(IDS, &id).or_else(|| id.starts_with("aolmsgpart").then_some(Role::Quote)));
    let class = || {
        let classes = element.attr("class").unwrap_or_default();
        classes.split_whitespace().find_map(|c| look(CLASSES, &plain_name(c)))
    };
    let name = || element.attr("name").and_then(|n| look(NAMES, &plain_name(n)));
    let data = || match (element.attr("data-marker"), element.attr("data-smartmail")) {
        (Some("__DIVIDER__"), _) => Some(Role::Cut),
        (_, Some("gmail_signature")) => Some(Role::Signature),
        _ => element.attr("data-skiff-mail").map(|_| Role::Quote),
    };
    id.or_else(class).or_else(name).or_else(data).unwrap_or(Role::None)
}

/// A blockquote without a client's mark: what its attributes tell.
fn blockquote(element: &Element) -> Role {
    let cited =
        element.attr("type").is_some_and(|t| plain_name(t) == "cite") || element.attr("cite").is_some();
    let class = element.attr("class").unwrap_or_default().to_ascii_lowercase();
    if cited || class.contains("quote") || class.contains("cite") {
        return Role::Quote;
    }
    let style = element.attr("style").unwrap_or_default().to_ascii_lowercase().replace(' ', "");
    // The indent button of Gmail and Outlook: a blockquote with a margin and expressly no border.
    if (style.contains("border:none") || style.contains("border:0")) && !style.contains("border-left") {
        return Role::None;
    }
    if style.contains("border-left") { Role::Quote } else { Role::Indented }
}

/// Without the prefixes that clients put before foreign names (`x_`, `ecx`), and without the remains of torn
/// quoted-printable (`3D"…"`).
fn plain_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let mut name = name.trim_start_matches("3d").trim_matches(['"', '\'']);
    while let Some(rest) = name.strip_prefix("x_").or_else(|| name.strip_prefix("ecx")) {
        name = rest;
    }
    name.to_owned()
}
