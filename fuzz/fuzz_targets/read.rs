//! The laws of reading, on plain and HTML bodies: see `src/read/tests/properties.rs`.

#![no_main]

use endorsed::model::{Message, Segment};
use endorsed::parse::parse;
use endorsed::read::read;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, String, String)| {
    let (html, text, original) = input;
    let message = message(html, &text);
    for originals in [&[][..], &[original.as_str()][..]] {
        let reading = read(&message, originals);
        tile(&reading.segments);
        if !html {
            let body = message.plain.as_deref().unwrap_or_default();
            for piece in reading.fresh.lines().chain(reading.unsure.lines()).chain(reading.signature.lines()) {
                assert!(body.contains(piece.trim()), "invented: {piece:?}");
            }
        }
        for answer in &reading.inline {
            assert!(reading.fresh.get(answer.span.clone()).is_some());
        }
        assert_eq!(reading, read(&message, originals), "the same text is read twice alike");
    }
    let first = read(&message, &[]);
    if !html && first.sure {
        let again = read(&self::message(false, &first.fresh), &[]);
        assert!(again.quoted.is_empty() && again.unsure.is_empty(), "the cut does not hold a second time");
    }
});

fn message(html: bool, text: &str) -> Message {
    let kind = if html { "html" } else { "plain" };
    parse(format!("From: d@acme.example\nContent-Type: text/{kind}; charset=utf-8\n\n{text}").as_bytes())
}

fn tile(segments: &[Segment]) {
    let mut at = 0;
    for segment in segments {
        assert_eq!((segment.span.start, segment.span.len()), (at, segment.text.len()));
        at = segment.span.end;
    }
}
