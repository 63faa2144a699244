//! HTML parts, client by client.

use super::*;

const P: &str = "<p>Hello Dana,</p><p>All five checks passed.</p><ul><li>Login over SAML - Passed</li></ul><p>Is it a success?</p>";

#[test]
fn gmail() {
    let r = html(&format!(
        "<div dir=\"ltr\">Yes, a success.<div><br></div><div>Dana</div></div><br><div class=\"gmail_quote gmail_quote_container\">\
         <div dir=\"ltr\" class=\"gmail_attr\">On Tue, Nov 3, 2026 at 10:12 AM Kim Doe &lt;<a href=\"mailto:kim@seller.example\">kim@seller.example</a>&gt; wrote:<br></div>\
         <blockquote class=\"gmail_quote\" style=\"margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex\">{P}</blockquote></div>"
    ));
    assert_eq!(r.fresh, "Yes, a success.\n\nDana");
    assert!(r.quoted.contains("Login over SAML - Passed"));
    assert!(r.sure);
}

#[test]
fn gmail_answers_inside_the_container() {
    let r = html(
        "<div>See below.</div><div class=\"gmail_quote\"><div class=\"gmail_attr\">On Tue, Nov 3, 2026 Kim &lt;k@s.example&gt; wrote:</div>\
         <blockquote class=\"gmail_quote\"><p>1. Login - Passed</p></blockquote><div>Yes, met.</div>\
         <blockquote class=\"gmail_quote\"><p>2. Failover - Passed</p></blockquote><div>No, it took a minute.</div></div>",
    );
    assert_eq!(r.fresh, "See below.\n\nYes, met.\n\nNo, it took a minute.");
    assert_eq!(r.inline.len(), 2);
    assert_eq!(r.inline[1].quoted, "2. Failover - Passed");
}

/// Text in Gmail's frame, and no head and no quote in it: an answer, or somebody else's words without a head.
#[test]
fn a_lone_frame_of_gmail_is_never_sure() {
    let r =
        html("<p>Noted, thanks.</p><div class=\"gmail_quote\"><div>Yes, all criteria are met.</div></div>");
    assert_eq!(r.fresh, "Noted, thanks.");
    assert!(r.unsure.contains("all criteria are met"), "{r:#?}");
}

#[test]
fn outlook_web_and_mobile() {
    let head = "<div id=\"divRplyFwdMsg\" dir=\"ltr\"><font face=\"Calibri, sans-serif\" color=\"#000000\"><b>From:</b> Kim Doe &lt;kim@seller.example&gt;<br><b>Sent:</b> Tuesday<br><b>To:</b> Dana<br><b>Subject:</b> x</font></div>";
    for before in [
        "<div id=\"appendonsend\"></div><hr tabindex=\"-1\" style=\"display:inline-block;width:98%\">",
        "<div id=\"ms-outlook-mobile-body-separator-line\"><br></div><div id=\"mail-editor-reference-message-container\"><div class=\"ms-outlook-mobile-reference-message\">",
        "<div id=\"mail-editor-reference-message-container\"><hr>",
    ] {
        let r = html(&format!(
            "<html><body><div class=\"elementToProof\">Confirmed, we recommend it.</div>{before}{head}<div>{P}</div></body></html>"
        ));
        assert_eq!(r.fresh, "Confirmed, we recommend it.", "{before}");
        assert!(r.sure);
    }
    let r = html(&format!(
        "<div>Confirmed.</div><div><hr><div><b>From:</b> Kim &lt;k@s.example&gt;<br><b>Sent:</b> Tuesday<br><b>To:</b> Dana<br><b>Subject:</b> x</div>{P}</div>"
    ));
    assert_eq!(r.fresh, "Confirmed.");
}

#[test]
fn word() {
    let r = html(&format!(
        "<body><div class=\"WordSection1\"><p class=\"MsoNormal\">All criteria are met.<o:p></o:p></p><p class=\"MsoNormal\"><o:p>&nbsp;</o:p></p>\
         <div><div style=\"border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in\"><p class=\"MsoNormal\"><b>From:</b> Kim Doe &lt;kim@seller.example&gt; <br><b>Sent:</b> Tuesday<br><b>To:</b> Dana<br><b>Subject:</b> x<o:p></o:p></p></div></div>{P}</div></body>"
    ));
    assert_eq!(r.fresh, "All criteria are met.");
}

#[test]
fn apple_and_thunderbird() {
    let r = html(&format!(
        "<body>Confirmed.<br><div><br><blockquote type=\"cite\"><div>On 3 Nov 2026, at 10:12, Kim Doe &lt;kim@seller.example&gt; wrote:</div><br class=\"Apple-interchange-newline\"><div>{P}</div></blockquote></div></body>"
    ));
    assert_eq!(r.fresh, "Confirmed.");
    let r = html(&format!(
        "<body><div class=\"moz-cite-prefix\">On 03/11/2026 10:12, Kim Doe wrote:<br></div><blockquote type=\"cite\" cite=\"mid:x\">{P}</blockquote><p>We sign it off.</p></body>"
    ));
    assert_eq!(r.fresh, "We sign it off.");
    assert_eq!(r.inline.len(), 1);
}

#[test]
fn other_clients() {
    for quote in [
        format!(
            "<div id=\"yahoo_quoted_1\" class=\"yahoo_quoted\"><div>On Tuesday, Kim &lt;k@s.example&gt; wrote:</div><div>{P}</div></div>"
        ),
        format!(
            "<div class=\"protonmail_quote\">On Tuesday, Kim &lt;k@s.example&gt; wrote:<br><blockquote class=\"protonmail_quote\" type=\"cite\">{P}</blockquote></div>"
        ),
        format!(
            "<hr id=\"zwchr\" data-marker=\"__DIVIDER__\"><div data-marker=\"__HEADERS__\"><b>From: </b>Kim<br><b>To: </b>Dana</div>{P}"
        ),
        format!(
            "<div name=\"quote\" style=\"margin:10px 5px 5px 10px; border-left:2px solid #C3D9E5\"><b>Gesendet:</b> Dienstag<br><b>Von:</b> Kim<div name=\"quoted-content\">{P}</div></div>"
        ),
        format!(
            "<div class=\"zmail_extra\"><div>---- On Tue, 03 Nov 2026 10:12:00 +0000 <b>Kim &lt;k@s.example&gt;</b> wrote ----</div><blockquote>{P}</blockquote></div>"
        ),
        format!("<div>03.11.2026, 10:12, \"Kim Doe\" &lt;k@s.example&gt;:</div><blockquote>{P}</blockquote>"),
        format!(
            "<hr id=\"stopSpelling\">From: k@s.example<br>To: dana@acme.example<br>Subject: x<br><br>{P}"
        ),
        format!("<div id=\"OLK_SRC_BODY_SECTION\"><div>From: Kim</div>{P}</div>"),
        format!(
            "<div name=\"messageReplySection\">On 3 Nov 2026, Kim wrote:<br><blockquote type=\"cite\">{P}</blockquote></div>"
        ),
        format!("<div id=\"x_divRplyFwdMsg\"><b>From:</b> Kim</div>{P}"),
    ] {
        let r = html(&format!("<div>Agreed on all points.</div><br>{quote}"));
        assert_eq!(r.fresh, "Agreed on all points.", "{quote}");
        assert!(r.sure, "{quote}");
    }
}

#[test]
fn signatures() {
    for signature in [
        "<div class=\"gmail_signature\" data-smartmail=\"gmail_signature\">Dana Ruiz<br>Acme</div>",
        "<div id=\"Signature\">Dana Ruiz<br>Acme</div>",
        "<pre class=\"moz-signature\" cols=\"72\">-- \nDana Ruiz\nAcme</pre>",
    ] {
        let r = html(&format!("<div>We confirm.</div><div>Dana</div>{signature}"));
        assert_eq!(r.fresh, "We confirm.\nDana", "{signature}");
        assert_eq!(r.signature, "Dana Ruiz\nAcme", "{signature}");
    }
}

#[test]
fn own_indentation_is_never_dropped() {
    let r = html(
        "<div>These hold:</div><blockquote style=\"margin:0 0 0 40px;border:none;padding:0px\"><div>Login, failover</div></blockquote><div>Dana</div>",
    );
    assert_eq!(r.fresh, "These hold:\n\nLogin, failover\n\nDana");
    let r = html("<div>We agree, but</div><blockquote>the fix must ship.</blockquote><div>Dana</div>");
    assert!(!r.fresh.contains("fix") && r.unsure.contains("the fix must ship."));
}

#[test]
fn hidden_text_never_affirms() {
    for hidden in [
        "<span style=\"display:none\">We confirm everything.</span>",
        "<div hidden>We confirm everything.</div>",
        "<font color=\"white\">We confirm everything.</font>",
        "<div style=\"background:#123456\"><span style=\"color:#123456\">We confirm everything.</span></div>",
        "<div style=\"height:0;overflow:hidden\">We confirm everything.</div>",
        "<span style=\"font-size:0\">We confirm everything.</span>",
        "<style>.k9{display:none}</style><p class=\"k9\">We confirm everything.</p>",
        "<style>.w{color:#fff}</style><p class=w>We confirm everything.</p>",
        "<span style=\"mso-hide:all\">We confirm everything.</span>",
        "<div><font style=\"display:none\"></div><div>We confirm everything.</div></font>",
        "<table style=\"visibility:hidden\"><tr><td>We confirm everything.</table>",
    ] {
        let r = html(&format!("<p>Thanks, talk soon.</p>{hidden}"));
        assert_eq!(r.fresh, "Thanks, talk soon.", "{hidden}");
        assert!(r.unsure.contains("We confirm everything."), "{hidden}");
        assert!(!r.sure && r.doubts[0].code == "hidden_text", "{hidden}");
    }
    let r = html(
        "<style>.x{background:#000}</style><div class=x><span style='color:#fff'>We confirm.</span></div>",
    );
    assert!(r.sure && r.fresh == "We confirm.");
    let r = html("<p>Thanks.</p><div style=\"display:none\">&nbsp;\u{200c}</div>");
    assert!(r.sure);
}

#[test]
fn layout_shows_what_the_reader_sees() {
    let r = html(
        "<p>One<br>two</p><ol><li>first</li><li>second</li></ol><table><tr><td>Login</td><td>Passed</td></tr></table><pre>a\n  b</pre>",
    );
    assert_eq!(r.fresh, "One\ntwo\n\n1. first\n2. second\nLogin Passed\na\n  b");
    let r = html("<ul><li><p>Login</p></li><li><div>Failover</div></li></ul>");
    assert_eq!(r.fresh, "- Login\n\n- Failover");
    let r = html("A &amp; B &lt;c&gt;&nbsp;d <img alt=\"\u{2705}\"> <!-- no --> <script>x</script>");
    assert_eq!(r.fresh, "A & B <c> d \u{2705}");
}

#[test]
fn over_the_cap_is_never_sure() {
    for body in [
        "<div>".repeat(2000) + "Yes",
        "x".repeat(300 * 1024),
        format!("<p {}>Yes</p>", "a=1 b=2 ".repeat(100)),
    ] {
        let r = html(&body);
        assert!(!r.sure);
        assert!(r.doubts.iter().any(|d| d.code == "over_limit"));
        assert_eq!(r.fresh, "");
    }
}

#[test]
fn text_hidden_in_a_quote_is_no_doubt() {
    let r = html(
        "<p>We confirm.</p><blockquote type=cite><div style=\"display:none\">Preview of the mail</div><p>Well?</p></blockquote>",
    );
    assert!(r.sure && r.unsure.is_empty() && !r.quoted.contains("Preview"));
    let r = html(
        "<p>We confirm.</p><div id=divRplyFwdMsg><b>From:</b> Kim</div><p style=\"mso-hide:all\">Preview</p><p>Well?</p>",
    );
    assert!(r.sure && r.unsure.is_empty(), "{r:?}");
}

#[test]
fn notices_right_below_the_name() {
    let r = html(
        "<div>We confirm.</div><div>Dana</div><div>This message is confidential. If you are not the intended recipient, please inform the sender and delete it.</div>",
    );
    assert_eq!(r.fresh, "We confirm.\nDana");
}

#[test]
fn struck_out_text_never_affirms() {
    for (open, close) in
        [("<s>", "</s>"), ("<del>", "</del>"), ("<span style='text-decoration:line-through'>", "</span>")]
    {
        let r = html(&format!("<p>{open}We confirm.{close}</p><p>We need a week more.</p>"));
        assert_eq!(r.fresh, "We need a week more.", "{open}");
        assert_eq!(r.unsure, "We confirm.", "{open}");
    }
}

#[test]
fn a_bare_blockquote_at_the_end_of_the_typed_text_is_the_authors() {
    let r = html(
        "<p>Our wish for the next release:</p><p>Two things.</p><blockquote>Faster export, and tags.</blockquote>",
    );
    assert_eq!(r.fresh, "Our wish for the next release:\n\nTwo things.\n\nFaster export, and tags.");
    assert_eq!((r.sure, r.doubts[0].code.as_str()), (false, "indented_text"));
    for other in [
        "<p>You asked:</p><blockquote>Do you confirm?</blockquote>",
        "<p>Hi.</p><blockquote>Do you confirm?</blockquote><p>No.</p>",
        "<blockquote>We confirm.</blockquote>",
        "<p>See this.</p><blockquote>Kim, kim@seller.example<br>All five are met.</blockquote>",
        "<p>See this.</p><blockquote type=cite>All five are met.</blockquote>",
        "<p>See this.</p><blockquote>a<br>b<br>c<br>d<br>e<br>f<br>All five are met.</blockquote>",
    ] {
        let r = html(other);
        assert!(!r.fresh.contains("confirm") && !r.fresh.contains("met"), "{other}: {:?}", r.fresh);
    }
}
