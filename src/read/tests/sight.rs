//! HTML that shows something else than it holds.

use super::*;

fn codes(reading: &Reading) -> Vec<&str> {
    reading.doubts.iter().map(|d| d.code.as_str()).collect()
}

#[test]
fn struck_out_by_any_means() {
    for (sheet, open, close) in [
        ("", "<s>", "</s>"),
        ("", "<strike>", "</strike>"),
        ("", "<del>", "</del>"),
        ("", "<b><s>", "</s></b>"),
        ("", "<span style='text-decoration: line-through'>", "</span>"),
        ("", "<span style='text-decoration-line:/**/line-through'>", "</span>"),
        (".x{text-decoration:line-through}", "<span class=x>", "</span>"),
        ("div.x, .y{color:red;text-decoration:underline line-through}", "<div class='a y'>", "</div>"),
        ("@media screen{.x{text-decoration-line:line-through}}", "<i class=x>", "</i>"),
        ("#gone{text-decoration:line-through}", "<div id=gone>", "</div>"),
        ("i.x{text-decoration:line-through}", "<i class=x>", "</i>"),
    ] {
        let r = html(&format!("<style>{sheet}</style><p>{open}We confirm.{close}</p><p>We need a week.</p>"));
        assert_eq!(
            (r.fresh.as_str(), r.unsure.as_str()),
            ("We need a week.", "We confirm."),
            "{sheet}{open}"
        );
    }
    let r = html("<style>p:first-child{text-decoration:line-through}</style><p>We confirm.</p>");
    assert_eq!(codes(&r), ["style_unread"]);
}

#[test]
fn turned_or_moved_text() {
    for (open, close) in [
        ("<bdo dir=rtl>", "</bdo>"),
        ("<span style='unicode-bidi:bidi-override;direction:rtl'>", "</span>"),
        ("<div style='position:absolute;top:4px'>", "</div>"),
        ("<div style='transform:scaleX(-1)'>", "</div>"),
        ("<div style='display:flex;flex-direction:row-reverse'>", "</div>"),
        ("<span style='color:lab(100 0 0)'>", "</span>"),
    ] {
        let r = html(&format!("<p>We thank you.</p>{open}We confirm.{close}"));
        assert_eq!((r.fresh.as_str(), r.unsure.as_str()), ("We thank you.", "We confirm."), "{open}");
        assert_eq!(codes(&r), ["moved_text"], "{open}");
    }
    let r = html(
        "<p>We confirm.</p><div dir=rtl>تم</div><blockquote type=cite><bdo dir=rtl>x</bdo></blockquote>",
    );
    assert!(r.sure);
}

#[test]
fn words_that_are_no_text() {
    for (markup, code) in [
        ("<textarea>We do not confirm</textarea>", "form_text"),
        ("<input value='We do not confirm'>", "form_text"),
        ("<select><option>We do not confirm</option></select>", "form_text"),
        ("<button>We do not confirm</button>", "form_text"),
        ("<details><summary>We do not confirm</summary></details>", "form_text"),
        ("<style>p::before{content:'we do not confirm'}</style>", "generated_text"),
        ("<!--[if mso]><p>We do not confirm</p><![endif]-->", "conditional_text"),
        ("<template>We do not confirm</template>", "hidden_text"),
        ("<dialog>We do not confirm</dialog>", "hidden_text"),
        ("<canvas>We do not confirm</canvas>", "hidden_text"),
        ("<video>We do not confirm</video>", "hidden_text"),
    ] {
        let r = html(&format!("<p>Yes, confirmed.</p><div>{markup}</div>"));
        assert_eq!(r.fresh, "Yes, confirmed.", "{markup}");
        assert_eq!(r.unsure.to_lowercase(), "we do not confirm", "{markup}");
        assert_eq!(codes(&r), [code], "{markup}");
    }
    for markup in [
        "<input type=hidden value=x>",
        "<style>li::before{content:'\u{2022}'} a:hover{color:red}</style>",
        "<!--[if gte mso 9]><xml><o:x><o:y>96</o:y></o:x></xml><![endif]-->",
        "<!--[if !mso]><style>v\\:* {behavior:url(#x);}</style><![endif]-->",
        "<!--[if !mso]><!--><!--<![endif]-->",
        "<!-- a note of the program -->",
        "<noscript></noscript>",
    ] {
        let r = html(&format!("<p>Yes, confirmed.</p>{markup}"));
        assert!(r.sure && r.unsure.is_empty() && r.fresh == "Yes, confirmed.", "{markup} {r:?}");
    }
    let r = html("<noscript>We do not confirm</noscript>");
    assert_eq!(r.fresh, "We do not confirm", "mail programs run no scripts and show it");
}

#[test]
fn texts_of_pictures() {
    let r = html("<p>We do <img alt=\"not\"> confirm.</p>");
    assert_eq!(r.unsure, "not");
    assert_eq!(codes(&r), ["picture_in_text"]);
    let r = html("<p>We confirm.</p><p><img alt=\"Acme logo\"></p>");
    assert!(r.sure);
    assert_eq!((r.fresh.as_str(), r.unsure.as_str()), ("We confirm.", "Acme logo"));
    let r = html("<p>We confirm. <img alt=\"\u{1f44d}\u{1f3fb}\"></p>");
    assert!(r.sure && r.fresh.ends_with("\u{1f44d}\u{1f3fb}"));
    let r = html("<p>We confirm.</p><div class=gmail_signature><img alt=\"not a word\">Dana</div>");
    assert!(r.sure && r.unsure.is_empty());
}

#[test]
fn the_plain_part_gives_struck_words_away() {
    let raw = b"From: dana@acme.example\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\nWe do not confirm.\n--b\nContent-Type: text/html\n\n<p>We do <s>not</s> confirm.</p>\n--b--\n";
    let r = read(&crate::parse::parse(raw), &[]);
    assert_eq!(codes(&r), ["parts_differ"]);
}

#[test]
fn look_alike_letters_are_never_sure() {
    for text in ["We c\u{043e}nfirm.", "We do \u{202e}ton\u{202c} confirm.", "W\u{0336}e\u{0336} confirm."] {
        assert!(!plain(text).sure && !html(&format!("<p>{text}</p>")).sure, "{text}");
    }
}
