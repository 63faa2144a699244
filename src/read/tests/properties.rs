//! Laws that hold for every body.

use proptest::prelude::*;

use super::*;

/// Lines that look like what mail holds, typed and not.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z ,.?!]{0,50}",
        "> [A-Za-z ,.?!]{0,50}",
        "\\PC{0,30}",
        prop::sample::select(vec![
            "",
            "-- ",
            "---",
            "____",
            "Best,",
            "Dana",
            "Yes.",
            "On Tue, Nov 3, 2026 Kim <k@s.example> wrote:",
            "From: Kim <k@s.example>",
            "To: Dana",
            "Subject: x",
            "Sent: Tuesday",
            "-----Original Message-----",
            "Sent from my iPhone",
            "\tindented",
            "| bar",
            "Am 3.11.2026 schrieb Kim:",
            "Phone: +1 555 0100 200",
            "> > deep",
            ">",
            "```",
            "<",
            "> wrote:",
            "    indented by spaces",
            "[EXTERNAL]",
            "This is confidential, for the intended recipient only, so please take care of it.",
        ])
        .prop_map(str::to_owned),
    ]
}

fn body() -> impl Strategy<Value = String> {
    prop::collection::vec(line(), 0..25).prop_map(|lines| lines.join("\n"))
}

/// Prose that no detector should touch.
fn prose() -> impl Strategy<Value = String> {
    prop::collection::vec("(We|They|All) [a-z]{3,8} [a-z]{3,8} the [a-z]{3,8}\\.", 1..6)
        .prop_map(|sentences| sentences.join("\n\n"))
}

fn tiles(reading: &Reading, text: &str) -> bool {
    let mut at = 0;
    reading.segments.iter().all(|s| {
        let fits = s.span.start == at && text.get(s.span.clone()) == Some(s.text.as_str());
        at = s.span.end;
        fits
    }) && at == text.len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn segments_tile_the_part(text in body()) {
        prop_assert!(tiles(&plain(&text), &text));
    }

    #[test]
    fn nothing_is_invented(text in body()) {
        let r = plain(&text);
        for piece in r.fresh.lines().chain(r.signature.lines()).chain(r.unsure.lines()) {
            prop_assert!(text.contains(piece.trim()));
        }
        for answer in &r.inline {
            prop_assert!(r.fresh.get(answer.span.clone()).is_some());
        }
    }

    #[test]
    fn a_quoted_tail_changes_nothing(text in prose(), quoted in prose()) {
        let marked: String = quoted.lines().map(|l| format!("> {l}\n")).collect();
        for tail in [
            format!("On Tue, Nov 3, 2026 at 10:12 AM Kim <k@s.example> wrote:\n{marked}"),
            format!("-----Original Message-----\nFrom: Kim <k@s.example>\nSent: Tuesday\nTo: Dana\nSubject: x\n\n{quoted}"),
            marked.clone(),
        ] {
            let r = plain(&format!("{text}\n\n{tail}"));
            prop_assert_eq!(&r.fresh, &text);
            prop_assert!(r.sure);
        }
    }

    #[test]
    fn a_sure_cut_holds_a_second_time(text in body()) {
        let r = plain(&text);
        if r.sure {
            let again = plain(&r.fresh);
            prop_assert!(again.quoted.is_empty() && again.unsure.is_empty());
            let typed = [again.fresh.as_str(), again.signature.as_str()].concat();
            prop_assert!(typed.len() <= r.fresh.len());
        }
    }

    #[test]
    fn typed_prose_comes_back_unchanged(text in prose()) {
        prop_assert_eq!(plain(&text).fresh, text.clone());
        let paragraphs: String = text.split("\n\n").map(|p| format!("<p>{p}</p>")).collect();
        prop_assert_eq!(html(&paragraphs).fresh, text);
    }

    #[test]
    fn a_quoted_tail_changes_nothing_in_html(text in prose(), quoted in prose()) {
        let typed: String = text.split("\n\n").map(|p| format!("<p>{p}</p>")).collect();
        let on = "On Tue, Nov 3, 2026 at 10:12 AM Kim &lt;k@s.example&gt; wrote:";
        for tail in [
            format!("<div class=gmail_quote><div class=gmail_attr>{on}</div><blockquote class=gmail_quote>{quoted}</blockquote></div>"),
            format!("<div class=moz-cite-prefix>{on}</div><blockquote type=cite>{quoted}</blockquote>"),
            format!("<div>{on}</div><blockquote>{quoted}</blockquote>"),
            format!("<div id=divRplyFwdMsg><b>From:</b> Kim<br><b>Subject:</b> x</div><div>{quoted}</div>"),
        ] {
            let r = html(&format!("{typed}{tail}"));
            prop_assert_eq!(&r.fresh, &text);
            prop_assert!(r.sure);
        }
    }

    #[test]
    fn a_known_original_in_the_tail_changes_nothing(text in prose(), quoted in prose()) {
        let originals = Originals::new(&[&quoted]);
        let marked: String = quoted.lines().map(|l| format!("> {l}\n")).collect();
        let alone = split_plain(&text, &originals);
        let with = split_plain(&format!("{text}\n\n{marked}"), &originals);
        prop_assert_eq!(alone.fresh, with.fresh);
    }

    #[test]
    fn html_never_panics(text in "(<[a-z]{1,6}( [a-z]{1,5}=[\"']?\\PC{0,5}[\"']?)?>|</[a-z]{1,6}>|<!--|-->|<div style=display:none>|<blockquote>|<table>|<tr>|<td>|<svg>|<p>|&[a-z]{1,4};|\\PC{0,8}){0,40}") {
        let layout = html::lay_out(&text);
        let end = layout.stretches.last().map_or(0, |s| s.end);
        prop_assert_eq!(end, layout.text.len());
        let r = split_html(&text, &Originals::default());
        prop_assert!(tiles(&r, &layout.text));
    }

    #[test]
    fn any_text_is_read(text in "\\PC{0,200}|[\\x00-\\x7f]{0,200}") {
        let originals = Originals::new(&[&text, DECLARED]);
        split_plain(&text, &originals);
        split_html(&text, &originals);
    }
}

#[cfg(test)]
mod cost {
    use std::time::Instant;

    use super::*;

    /// Hostile bodies must cost about as much as honest ones. The bound is generous: it has to hold
    /// in a debug build on a busy machine, and what it guards against takes minutes.
    #[test]
    fn hostile_bodies_take_linear_time() {
        let mega = 128 * 1024;
        let fill = |piece: &str| piece.repeat(mega / piece.len());
        let begun = Instant::now();
        for body in [
            fill("On Tue, Nov 3, 2026 at 10:12 Kim\n"),
            fill("On 3 Nov 2026, Kim <k@s.example> wrote:\n"),
            fill("```a\n"),
            fill("a@b.example:\n"),
            fill("From: a@b.example\n\n"),
            fill("> a\nb\n"),
            fill("-- \n"),
            fill("--\n"),
            fill("\t"),
            fill("-----BEGIN PGP SIGNATURE-----\n"),
            fill("____\n"),
            fill("-----Original Message-----\n"),
            fill("wrote: "),
            fill("\n"),
            fill("On On On On <a@b.example> "),
            fill("Sent from my "),
            "x".repeat(mega),
        ] {
            plain(&body);
        }
        for body in [
            fill("<div>"),
            fill("<b class=x>"),
            fill("<p>a"),
            fill("<table>"),
            fill("<!--"),
            fill("<svg><math>"),
            fill("</p>"),
            fill("<a b=c d=e>x</a>"),
            format!("<p {}>", fill("a1=2 ")),
            fill("<li><b><i>"),
            fill("<style>a{"),
            fill("<font color=red><p>"),
            fill("&lt;"),
            format!("<div>{}</div>{}", "<font color=red>".repeat(200), fill("x<div>")),
        ] {
            html(&body);
        }
        assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
    }
}
