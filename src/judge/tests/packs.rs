//! Several packs beside each other: two tiny languages of the tests, one with spaces and one without.

use super::*;

const DE: &str = r#"
[language]
capitals = false
splits = ["aber"]
common = ["wir", "die", "das", "ist", "und", "nicht", "noch", "ja", "alle", "sind", "dass", "mit", "der"]
decimal = ","
places = ["in", "bei"]

[lists]
krit = ["kriterien", "anforderungen"]

[[rule]]
id = "affirm.erfuellt"
says = "affirm"
reads = "clause"
why = "says that the criteria are met"
match = ['alle <1>{krit} <2>erfüllt', 'bestätigt']
hits = ["Alle unsere Kriterien sind erfüllt.", "Bestätigt."]
misses = ["Alle Kriterien sind nicht erfüllt."]

[[rule]]
id = "bare.ja"
says = "bare"
reads = "clause"
why = "a yes"
match = ['^ja$']
hits = ["Ja."]
misses = ["Naja."]

[[rule]]
id = "block.nicht"
says = "negation"
reads = "clause"
why = "a negation"
match = ['nicht|kein(?:e|en)?']
hits = ["Das ist nicht erfüllt."]
misses = ["Das ist erfüllt."]

[[rule]]
id = "stipulate.sobald"
says = "stipulate"
why = "ties the yes to a condition"
match = ['(?:sobald|nur wenn|vorausgesetzt)']
hits = ["Sobald das fertig ist."]
misses = ["Das ist fertig."]
"#;

const JA: &str = r#"
[language]
words = false
script = ["kana", "han"]
common = ["の", "は", "を", "です", "ます", "した", "が"]
units = { "秒" = "s", "％" = "%" }
at_most = ["以内"]

[lists]
kijun = ["基準", "条件"]

[[rule]]
id = "affirm.mitashita"
says = "affirm"
reads = "clause"
why = "says that the criteria are met"
match = ['すべての{kijun}<3>満たし', '確認しました$']
hits = ["すべての基準を満たしました。", "ｶﾞｲﾄﾞを確認しました！"]
misses = ["すべての基準は不明です。"]

[[rule]]
id = "block.nai"
says = "negation"
reads = "sentence"
why = "a negation"
match = ['ていません', 'ない']
hits = ["満たしていません。"]
misses = ["満たしました。"]

[[rule]]
id = "concern.mondai"
says = "concern"
why = "names a problem"
match = ['問題']
unless = ['問題<1>ありません']
hits = ["SSOに問題があります。"]
misses = ["問題はありません。"]
"#;

static MANY: LazyLock<Rules> = LazyLock::new(|| {
    let mut files = english();
    files.push(("de/all.toml".into(), DE.into()));
    files.push(("ja/all.toml".into(), JA.into()));
    loaded(&files)
});

fn said(text: &str) -> Judgement {
    let criteria = criteria(&THREE);
    let question = Question {
        form: Form::Request,
        asks: true,
        criteria: &criteria,
        own_names: vec!["Northwind"],
        account: None,
    };
    judge(&fresh(text), &question, &MANY)
}

#[test]
fn packs_pass_their_examples_beside_each_other() {
    let failures = MANY.test().failures;
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn each_language_is_read_by_its_pack() {
    for text in [
        "Wir bestätigen gern, dass alle Kriterien erfüllt sind.",
        "Bestätigt.",
        "Ja.",
        "すべての基準を満たしました。",
        "確認しました。",
        "Yes, all criteria are met.",
    ] {
        let given = said(text);
        assert!((given.verdict, given.sure) == (Verdict::Confirmed, true), "{text} {given:?}");
    }
    for text in
        ["Wir bestätigen das nicht.", "すべての基準を満たしていません。", "Да, подтверждаю.", "没有问题。"]
    {
        let given = said(text);
        assert!(!(given.sure && given.verdict == Verdict::Confirmed), "{text} {given:?}");
    }
}

#[test]
fn sentences_of_several_languages_stop_each_other() {
    for text in [
        "Yes, all criteria are met. Wir sind noch nicht sicher, sobald das SSO fertig ist.",
        "Hi Kim,\n\nyes, all criteria are met.\n\nAber nur wenn das SSO fertig ist.",
        "All criteria are met, nur wenn das SSO fertig ist.",
        "All criteria are met. SSOに問題があります。",
        "Yes, all criteria are met. Pas avant la fin du mois.",
        "Yes, all criteria are met. 不行。",
    ] {
        let given = said(text);
        assert!(!(given.sure && given.verdict == Verdict::Confirmed), "{text} {given:?}");
    }
    let both = said("Wir sind mit der Arbeit fertig. Yes, all criteria are met.");
    assert!((both.verdict, both.sure) == (Verdict::Confirmed, true), "{both:?}");
}

#[test]
fn figures_are_read_with_the_signs_of_the_language() {
    let mut declared = criteria(&THREE);
    declared[2].text = "42.5 % reduction in MTTR".into();
    let question = Question {
        form: Form::Request,
        asks: true,
        criteria: &declared,
        own_names: vec!["Northwind"],
        account: None,
    };
    let differs = |text: &str| {
        let given = judge(&fresh(text), &question, &MANY);
        given.reasons.iter().any(|reason| reason.code == "number_differs")
    };
    assert!(!differs("Bestätigt, wir sind bei 42,5 % und das ist die Zahl."));
    // Without a unit of its own a pack compares nothing.
    assert!(differs("Confirmed, we saw 38% as well."));
}

#[test]
fn wrong_language_keys_are_errors() {
    let text = "[language]\nscript = [\"runes\"]\ndecimal = \";\"\nwords = \"no\"\n";
    let files = vec![("xx/language.toml".to_owned(), text.to_owned())];
    let errors: Vec<String> = Rules::load(&files).unwrap_err().iter().map(ToString::to_string).collect();
    let all = errors.join("\n");
    for part in ["xx/language.toml:2: unknown script `runes`", ":3: wrong `decimal`", ":4: wrong type"] {
        assert!(all.contains(part), "{part}\n{all}");
    }
    let text = JA.replace("'問題']", "'\\b問題']");
    let errors = Rules::load(&[("ja/all.toml".to_owned(), text)]).unwrap_err();
    assert!(errors[0].message.contains("without words"), "{errors:?}");
}
