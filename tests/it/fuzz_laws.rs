//! The laws of the fuzz targets on generated input, so that they hold on every run of the tests.

use proptest::prelude::*;

#[path = "../../fuzz/laws/authentication_results.rs"]
mod authentication_results;
#[path = "../../fuzz/laws/header_scan.rs"]
mod header_scan;

/// Pieces that mean something, in any order.
fn pieces(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        9 => prop::sample::select(pieces).prop_map(str::to_owned),
        1 => "[ -~\u{a0}-\u{ff}]{0,6}",
    ];
    prop::collection::vec(piece, 0..most).prop_map(|all| all.concat())
}

const HEADER: &[&str] = &[
    "From: Dana <dana@acme.example>\r\n",
    "From: dana@acme.example\n",
    "from:",
    "From : eve@evil.example\r\n",
    "From\r\n : a@b.example\r\n",
    "Sender: x@y.example\r\n",
    "Subject: Re: Win\r\n",
    "Date: Fri, 20 Nov 2026 11:00:00 +0000\r\n",
    "DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=s1; h=from; bh=AAAA; b=AAAA\r\n",
    "Content-Type: multipart/mixed; boundary=b\r\n",
    "--b\r\n",
    "\r\n",
    "\n",
    "\r",
    "\0",
    " ",
    "\t",
    "<",
    ">",
    ",",
    ";",
    "\"",
    "(",
    "\\",
    "=?utf-8?q?dana=40acme.example?=",
    "From x Mon\n",
    "a@b.example",
    "é",
];

const RESULTS: &[&str] = &[
    "mx.example",
    "; ",
    ";",
    "dkim=pass",
    "dmarc=fail",
    "none",
    "dkim/1 = pass",
    " header.d=acme.example",
    " header.i=@acme.example",
    " reason=\"a; b\"",
    " reason=x",
    " smtp.mailfrom=\"a\\\"b\"@c.example",
    " action=none",
    " (a (b) \\) c)",
    "(",
    ")",
    "\"",
    "\\",
    " ",
    "\t",
    "=",
    " 1",
    "\u{0}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn any_header_has_one_author_or_a_defect(text in pieces(HEADER, 14)) {
        header_scan::holds(text.as_bytes());
    }

    #[test]
    fn any_bytes_have_one_author_or_a_defect(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        header_scan::holds(&bytes);
    }

    #[test]
    fn any_results_read_the_same_when_written_again(text in pieces(RESULTS, 12)) {
        authentication_results::holds(text.as_bytes());
        authentication_results::holds(format!("mx.example; dkim=pass{text}").as_bytes());
        authentication_results::holds(format!("mx.example; {text}").as_bytes());
    }
}
