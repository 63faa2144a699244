//! How each mail client marks what it quotes in HTML. The table is `data/clients.toml`; rules of
//! position are in [`super`].

use std::collections::HashMap;
use std::sync::LazyLock;

use scraper::ElementRef;
use scraper::node::Element;
use serde::Deserialize;

/// What an element is by its client's marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
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

/// One mark of one client, as `data/clients.toml` states it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Marked {
    #[allow(dead_code)] // for people who read the file
    client: String,
    id: Option<String>,
    id_prefix: Option<String>,
    class: Option<String>,
    name: Option<String>,
    role: Role,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mark: Vec<Marked>,
}

/// Marks by attribute.
#[derive(Debug, Default)]
struct Marks {
    ids: HashMap<String, Role>,
    id_prefixes: Vec<(String, Role)>,
    classes: HashMap<String, Role>,
    names: HashMap<String, Role>,
}

/// The marks of all clients.
static MARKS: LazyLock<Marks> = LazyLock::new(|| {
    // The file is part of the program; a test reads it.
    let file: File = toml::from_str(include_str!("../data/clients.toml")).unwrap_or_default();
    let mut marks = Marks::default();
    for mark in file.mark {
        marks.ids.extend(mark.id.map(|id| (id, mark.role)));
        marks.id_prefixes.extend(mark.id_prefix.map(|id| (id, mark.role)));
        marks.classes.extend(mark.class.map(|class| (class, mark.role)));
        marks.names.extend(mark.name.map(|name| (name, mark.role)));
    }
    marks
});

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

/// Gmail's frame around a head and a quote, with neither in it: nobody can tell whose words these are.
pub(super) fn is_lone_frame(element: ElementRef<'_>) -> bool {
    let has = |e: &Element, class: &str| e.classes().any(|own| plain_name(own) == class);
    let own = element.value();
    own.name() == "div"
        && has(own, "gmail_quote")
        && !element
            .descendants()
            .filter_map(ElementRef::wrap)
            .any(|inner| inner.value().name() == "blockquote" || has(inner.value(), "gmail_attr"))
}

fn by_marks(element: &Element) -> Role {
    let look = |table: &HashMap<String, Role>, word: &str| table.get(word).copied();
    let id = element.attr("id").map(plain_name).and_then(|id| {
        let begins = |(prefix, _): &&(String, Role)| id.starts_with(prefix.as_str());
        let prefixed = || MARKS.id_prefixes.iter().find(begins).map(|(_, role)| *role);
        look(&MARKS.ids, &id).or_else(prefixed)
    });
    let class = || {
        let classes = element.attr("class").unwrap_or_default();
        classes.split_whitespace().find_map(|c| look(&MARKS.classes, &plain_name(c)))
    };
    let name = || element.attr("name").and_then(|n| look(&MARKS.names, &plain_name(n)));
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

/// Without the prefixes that clients put before foreign names (`x_`, `ecx`, Yahoo's `yiv…` and `ydp…`), and without the remains of torn
/// quoted-printable (`3D"…"`).
fn plain_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let mut name = name.trim_start_matches("3d").trim_matches(['"', '\'']);
    while let Some(rest) = name.strip_prefix("x_").or_else(|| name.strip_prefix("ecx")) {
        name = rest;
    }
    name =
        name.strip_prefix("yiv").map_or(name, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    if let Some(rest) = name.strip_prefix("ydp").and_then(|rest| rest.get(8..)) {
        name = rest;
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read() {
        let file: File = toml::from_str(include_str!("../data/clients.toml")).unwrap();
        assert!(file.mark.len() > 30);
        for mark in file.mark {
            let words =
                [mark.id, mark.id_prefix, mark.class, mark.name].into_iter().flatten().collect::<Vec<_>>();
            assert!(words.len() == 1 && words.iter().all(|w| *w == plain_name(w)), "{words:?}");
        }
    }
}
