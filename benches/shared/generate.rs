//! A generator of varied mail: the same mails in every run.

/// Varied mail: declarations with their replies (plain, HTML, inline), vacation notes and unrelated mail.
pub fn mails(count: usize) -> Vec<Vec<u8>> {
    let mut random = Random(7);
    let mut mails = Vec::new();
    while mails.len() < count {
        let n = mails.len();
        mails.push(declaration(n).into_bytes());
        for _ in 0..=random.below(2) {
            mails.push(answer(n, mails.len(), &mut random).into_bytes());
        }
    }
    mails.truncate(count);
    mails
}

/// A small generator of pseudo-random numbers: the same mails in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

const LIST: &str = "1. Restore of a 2 TB volume under 40 minutes - Passed\n2. SSO through the own identity provider - Passed\n3. Audit export to the SIEM - Passed\n";

fn head(from: &str, to: &str, subject: &str, id: &str) -> String {
    let hops: String = (1..4)
        .map(|h| format!("Received: from relay{h}.example by mx{h}.example with ESMTPS id {id}{h};\n\tTue, 03 Nov 2026 10:12:0{h} +0000\n"))
        .collect();
    format!(
        "{hops}From: {from}\nTo: {to}\nCc: evidence@northwind-labs.example\nDate: Tue, 03 Nov 2026 10:12:00 +0000\nSubject: {subject}\nMessage-ID: <{id}>\nMIME-Version: 1.0\n"
    )
}

fn declaration(n: usize) -> String {
    let head = head(
        "Kim Sorel <kim@northwind-labs.example>",
        "Dana Ruiz <dana@acme.example>",
        &format!("Cascade evaluation at Acme [OPP-{n}]"),
        &format!("decl-{n}@northwind-labs.example"),
    );
    format!(
        "{head}Content-Type: text/plain; charset=utf-8\n\nHi Dana,\n\nwe validated the three mandatory criteria of the plan:\n\n{LIST}\nCan you please reply to confirm that your team considers the technical evaluation a success?\n\nBest,\nKim\n"
    )
}

fn answer(declared: usize, n: usize, random: &mut Random) -> String {
    const WORDS: &[&str] = &[
        "Yes, confirmed. All three criteria are met and we recommend going forward.",
        "Yes, but the SSO test with our own tenant is still open.",
        "Thanks, great work by your team! Talk soon.",
        "We need another week before we can answer, the night shift has not tried it.",
        "I am afraid the restore took 70 minutes in our run, so this did not pass.",
    ];
    let words = WORDS[random.below(WORDS.len() as u64) as usize];
    let mut head = head(
        "Dana Ruiz <dana@acme.example>",
        "Kim Sorel <kim@northwind-labs.example>",
        "Re: Cascade evaluation at Acme",
        &format!("reply-{n}@acme.example"),
    );
    head += &format!(
        "In-Reply-To: <decl-{declared}@northwind-labs.example>\nReferences: <decl-{declared}@northwind-labs.example>\n"
    );
    let quoted: String = LIST.lines().map(|l| format!("> {l}\n")).collect();
    let plain = format!(
        "{words}\n\nOn Mon, 2 Nov 2026 at 09:00, Kim Sorel <kim@northwind-labs.example> wrote:\n> Hi Dana,\n{quoted}> Best,\n> Kim\n"
    );
    match random.below(4) {
        0 => format!(
            "{head}Auto-Submitted: auto-replied\nContent-Type: text/plain\n\nI am away until Monday.\n"
        ),
        1 => {
            let html = format!(
                "<html><body><div dir=\"ltr\">{words}</div><br><div class=\"gmail_quote\"><div class=\"gmail_attr\">On Mon, 2 Nov 2026 at 09:00, Kim Sorel wrote:<br></div><blockquote class=\"gmail_quote\">{}</blockquote></div></body></html>",
                LIST.replace('\n', "<br>")
            );
            format!(
                "{head}Content-Type: multipart/alternative; boundary=b1\n\n--b1\nContent-Type: text/plain; charset=utf-8\n\n{plain}\n--b1\nContent-Type: text/html; charset=utf-8\n\n{html}\n--b1--\n"
            )
        }
        _ => format!("{head}Content-Type: text/plain; charset=utf-8\n\n{plain}"),
    }
}
