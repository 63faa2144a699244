//! What taking a body apart costs: `cargo bench --bench reading [-- --check]`.
//!
//! Honest bodies by the second, hostile ones of 1 MB by the millisecond, and each shape at four sizes, so that
//! growth that is more than linear shows. Figures are CPU time of the thread; `--check` ends with 1 when a bound of
//! the plan is broken.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::time::Instant;

use endorsed::config::load_rules;
use endorsed::judge::{Question, judge};
use endorsed::model::{Address, Form, Message, Seller};
use endorsed::parse::parse;
use endorsed::read::read;
use endorsed::recognise::{Thread, recognise};

/// Plain bodies of 2.5 KB that must be read in a second.
const PLAIN_PER_SECOND_MIN: f64 = 10_000.0;
/// HTML bodies of 3.6 KB that must be read in a second.
const HTML_PER_SECOND_MIN: f64 = 4_000.0;
/// Longest time that a hostile body of 1 MB may take.
const HOSTILE_MS_MAX: f64 = 200.0;
/// From 256 KB to 1 MB the time may grow by this factor; linear growth is 4.
const GROWTH_MAX: f64 = 8.0;

fn main() {
    let check = std::env::args().any(|a| a == "--check");
    let mut broken = 0;
    for (name, message, wanted) in [
        ("plain, 2.5 KB", plain_mail(2_500), PLAIN_PER_SECOND_MIN),
        ("html, 3.6 KB", html_mail(3_600), HTML_PER_SECOND_MIN),
    ] {
        (0..200).for_each(|_| drop(read(&message, &[])));
        let per_second = 1e3 / ms(2_000, || drop(read(&message, &[])));
        println!("{name:34} {per_second:10.0}/s   wanted {wanted:.0}/s");
        broken += usize::from(per_second < wanted);
    }
    println!("{:34} {:>9} {:>9} {:>9} {:>9}  ms", "hostile bodies", "64 KB", "256 KB", "512 KB", "1 MB");
    for (name, html, piece) in HOSTILE {
        let at = |bytes: usize| {
            let message = body(&piece.repeat(bytes / piece.len()), *html);
            ms(1, || drop(read(&message, &[])))
        };
        let times = [64, 256, 512, 1024].map(|kb| at(kb << 10));
        let slow = times[3] > HOSTILE_MS_MAX || (times[3] > 50.0 && times[3] > times[1] * GROWTH_MAX);
        broken += usize::from(slow);
        let [a, b, c, d] = times;
        println!("{name:34} {a:9.1} {b:9.1} {c:9.1} {d:9.1}{}", if slow { "  TOO SLOW" } else { "" });
    }
    whole(&mut broken);
    if check && broken > 0 {
        eprintln!("{broken} bounds are broken");
        std::process::exit(1);
    }
}

/// What recognising and judging the same text costs: they see what was read.
fn whole(broken: &mut usize) {
    let rules = load_rules(None).unwrap();
    let seller = Seller {
        domains: vec!["northwind-labs.example".into()],
        names: vec!["Cascade".into()],
        evidence: Address::new("evidence@northwind-labs.example").unwrap(),
    };
    let question = Question {
        form: Form::Request,
        asks: true,
        criteria: &[],
        own_names: vec!["Cascade"],
        account: None,
    };
    for (name, html, piece) in HOSTILE.iter().filter(|(_, html, _)| !html) {
        for stage in ["recognise", "judge"] {
            let at = |bytes: usize| {
                let message = body(&piece.repeat(bytes / piece.len()), *html);
                let reading = read(&message, &[]);
                match stage {
                    "recognise" => ms(1, || drop(recognise(&message, &reading, &Thread::default(), &seller))),
                    _ => ms(1, || drop(judge(&reading, &question, &rules))),
                }
            };
            let times = [16, 32, 64, 128].map(|kb| at(kb << 10));
            let slow = times[3] > 20.0 && times[3] > times[1] * GROWTH_MAX;
            *broken += usize::from(slow);
            let [a, b, c, d] = times;
            println!(
                "{stage:10} {name:23} {a:9.1} {b:9.1} {c:9.1} {d:9.1}{}",
                if slow { "  TOO SLOW" } else { "" }
            );
        }
    }
}

/// Pieces that are repeated to a hostile body: name, whether it is HTML, piece.
const HOSTILE: &[(&str, bool, &str)] = &[
    ("prose", false, "We have tested the restore and it took thirty minutes.\n"),
    ("prose in one line", false, "We have tested the restore and it took thirty minutes. "),
    ("paragraphs", false, "We have tested the restore.\n\n"),
    ("quoted", false, "> We have tested the restore and it took thirty minutes.\n"),
    ("interleaved", false, "> Was it fast?\n\nYes.\n\n"),
    ("half attributions", false, "On Tue, Nov 3, 2026 at 10:12 Kim\n"),
    ("attributions", false, "On Tue, Nov 3, 2026 Kim <k@s.example> wrote:\n\n"),
    ("addresses with a colon", false, "a@b.example:\n"),
    ("labels", false, "From: a@b.example\n\n"),
    ("header blocks", false, "From: a@b.example\nSent: Monday\nTo: b@c.example\nSubject: x\n\n"),
    ("delimiters", false, "-- \n"),
    ("loose delimiters", false, "--\n"),
    ("tabs", false, "\t"),
    ("rules", false, "____\n"),
    ("dividers", false, "-----Original Message-----\n"),
    ("verbs", false, "wrote: "),
    ("blank lines", false, "\n"),
    ("leads", false, "On On On On <a@b.example> "),
    ("glued", false, "x On Mon, Nov 2, 2026 at 9:01 AM Kim <kim@seller.example> wrote\n"),
    ("taglines", false, "Sent from my \n"),
    (
        "notices",
        false,
        "This message is confidential and for the intended recipient only; delete it if you are not the addressee.\n\n",
    ),
    ("marks", false, "> > > > > > > > "),
    ("divs", true, "<div>"),
    ("paragraph tags", true, "<p>a"),
    ("text in divs", true, "<div>We have tested the restore.</div>"),
    ("formatting", true, "<b class=x>"),
    ("tables", true, "<table><tr><td>a"),
    ("blockquotes", true, "<blockquote>a"),
    ("attributes", true, "<p a=1 b=2 c=3>a</p>"),
    ("entities", true, "&lt;"),
    ("comments", true, "<!--"),
    ("foreign", true, "<svg><math>"),
    ("style rules", true, "<style>.a{color:red}</style>"),
    ("lists", true, "<ul><li>a"),
];

/// Milliseconds of one call: the best of three runs, since other programs share the machine.
fn ms(times: u32, mut work: impl FnMut()) -> f64 {
    let mut run = || {
        let start = Instant::now();
        (0..times).for_each(|_| work());
        start.elapsed().as_secs_f64() * 1e3 / f64::from(times)
    };
    (0..3).map(|_| run()).fold(f64::INFINITY, f64::min)
}

fn body(text: &str, html: bool) -> Message {
    let kind = if html { "html" } else { "plain" };
    parse(format!("From: dana@acme.example\nContent-Type: text/{kind}; charset=utf-8\n\n{text}").as_bytes())
}

const TYPED: &str = "Hi Kim,\n\nwe went through the list with the night shift yesterday. The restore took 31 minutes, the audit export is in the SIEM, and the contractors sign in over SAML.\n\nConfirmed, all criteria are met and we recommend going forward.\n\nBest,\nDana\n\n";

fn quoted_lines(bytes: usize) -> Vec<String> {
    let mut size = 0;
    (1..)
        .map(|n| format!("{n}. Restore of a 2 TB volume number {n} under 40 minutes - Passed"))
        .take_while(|line| {
            size += line.len();
            size < bytes
        })
        .collect()
}

fn plain_mail(bytes: usize) -> Message {
    let quoted: String = quoted_lines(bytes - TYPED.len() - 200).iter().map(|l| format!("> {l}\n")).collect();
    body(
        &format!(
            "{TYPED}On Tue, Nov 3, 2026 at 10:12 AM Kim Doe <kim@seller.example> wrote:\n\n> Hello Dana,\n>\n{quoted}"
        ),
        false,
    )
}

fn html_mail(bytes: usize) -> Message {
    let typed: String = TYPED.lines().map(|l| format!("<div>{l}</div>")).collect();
    let quoted: String =
        quoted_lines(bytes - TYPED.len() - 900).iter().map(|l| format!("<li>{l}</li>")).collect();
    body(
        &format!(
            "<html><body><div dir=\"ltr\">{typed}</div><br><div class=\"gmail_quote gmail_quote_container\"><div dir=\"ltr\" class=\"gmail_attr\">On Tue, Nov 3, 2026 at 10:12 AM Kim Doe &lt;kim@seller.example&gt; wrote:<br></div><blockquote class=\"gmail_quote\" style=\"margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex\"><p>Hello Dana,</p><ol>{quoted}</ol></blockquote></div></body></html>"
        ),
        true,
    )
}
