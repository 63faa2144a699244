use super::*;
use crate::judge::language::{AnyPattern, Pattern, Says};
use crate::judge::spell;

fn pack() -> Pack {
    let mut pack = Pack::default();
    let lists = [
        ("met", &["met", "fulfil(?:led)?", "as (?:good|fine) as met"][..]),
        ("any", &["met", "[a-z]+"]),
        ("both", &["{met}", "in <2>order"]),
    ];
    for (name, words) in lists {
        pack.lists.insert(name.into(), words.iter().map(|word| (*word).to_owned()).collect());
    }
    pack
}

fn rule(pattern: &str, reads: Reads) -> Rule {
    Rule {
        id: "en/x".into(),
        path: "en/x.toml".into(),
        pack: 0,
        says: Says::Risk,
        reads,
        matches: vec![Pattern::new(pattern.into(), 1)],
        unless: AnyPattern::new(Vec::new()),
        when: AnyPattern::new(Vec::new()),
        near: reads,
        about_criteria: false,
        despite: Default::default(),
        whole: false,
        settles: false,
        soft: false,
        plain: false,
        covers: None,
        code: String::new(),
        why: String::new(),
        hits: Vec::new(),
        misses: Vec::new(),
    }
}

/// The stretches on which a pattern is tried, and those that it matches. Clauses end at commas.
fn tried(pattern: &str, reads: Reads, text: &str) -> (Vec<usize>, Vec<usize>) {
    let (woken, matched) = woken(rule(pattern, reads), pattern, reads, text);
    (woken.iter().map(|woken| woken.stretch).collect(), matched)
}

/// What a rule tries, and the stretches that `pattern` matches.
fn woken(rule: Rule, pattern: &str, reads: Reads, text: &str) -> (Vec<Woken>, Vec<usize>) {
    let pack = Pack { rules: vec![0], ..pack() };
    let index = Index::new(&[rule], &pack);
    let spaces: Vec<u32> = text
        .bytes()
        .scan(0, |count, byte| Some(std::mem::replace(count, *count + u32::from(byte == b' '))))
        .collect();
    let mut clauses = Vec::new();
    for clause in text.split(", ") {
        let at = clause.as_ptr() as usize - text.as_ptr() as usize;
        clauses.push(at..at + clause.len());
    }
    let mut woken = Vec::new();
    let all = 0..text.len();
    match reads {
        Reads::Text => index.find(text.as_bytes(), &spaces).in_text(&mut woken),
        _ => index.find(text.as_bytes(), &spaces).in_sentence(&all, &clauses, &mut woken),
    }
    let regex = spell::compile(&pack, reads, pattern).unwrap();
    let stretches: Vec<Range<usize>> = std::iter::once(all).chain(clauses).collect();
    let read = |stretch: &usize| (*stretch > 0) == (reads == Reads::Clause);
    let matches = |stretch: &usize| regex.is_match(text[stretches[*stretch].clone()].as_bytes());
    let matched = (0..stretches.len()).filter(read).filter(matches).collect();
    (woken, matched)
}

const TEXTS: [&str; 9] = [
    "all five criteria are met",
    "met are all the criteria",
    "the criteria, all are met",
    "we met them, all is as good as met",
    "nothing here is in good order",
    "it's the team's sign-off, approved",
    "43 % of it, k.o. for us",
    "frozen since may, from the start",
    "so and so, yes yes yes",
];

const PATTERNS: [&str; 14] = [
    "all <3>criteria (?:are )?{met}",
    "^(?:met|the) <2>all",
    "{both}$",
    "{any} of",
    "sign-?offs?|approv(?:al|ed)",
    r"\d{1,2} ?%",
    r"k\.?o\.?",
    "fro[sz]en?",
    "(?:so |and )*so$",
    "(?:yes ?){2,3}",
    "it's|'s sign",
    "_+ (?:all|of)",
    "(?:re)?(?:met|tested) (?:[a-z]+ ){0,2}all",
    "[^ ]+ is <4>(?:good|fine)",
];

#[test]
fn a_pattern_is_tried_where_it_matches_and_hardly_elsewhere() {
    for pattern in PATTERNS {
        for text in TEXTS {
            for reads in [Reads::Clause, Reads::Sentence, Reads::Text] {
                let (tried, matched) = tried(pattern, reads, text);
                assert!(matched.iter().all(|m| tried.contains(m)), "{pattern} {text} {reads:?}");
                assert!(tried.len() <= matched.len() + 1, "{pattern} {text} {reads:?} {tried:?}");
            }
        }
    }
}

#[test]
fn what_stands_beside_a_match_is_tried_where_it_matches_and_hardly_elsewhere() {
    let (mut open, mut matching) = (0, 0);
    for (pattern, text) in PATTERNS.iter().flat_map(|pattern| TEXTS.map(|text| (pattern, text))) {
        for reads in [Reads::Clause, Reads::Sentence] {
            let beside = |pattern: &str| AnyPattern::new(vec![Pattern::new(pattern.into(), 1)]);
            let rule = Rule { unless: beside("nowhere"), when: beside(pattern), ..rule("[a-z]+", reads) };
            let (woken, matched) = woken(rule, pattern, reads, text);
            let tried: Vec<usize> = woken.iter().filter(|w| w.open.when == 1).map(|w| w.stretch).collect();
            assert!(matched.iter().all(|m| tried.contains(m)), "{pattern} {text} {reads:?}");
            assert!(
                woken.iter().all(|w| w.open.unless == 0 && w.open.when <= 1),
                "{pattern} {text} {woken:?}"
            );
            open += tried.len();
            matching += matched.len();
        }
    }
    assert!(open <= matching + matching / 2, "{open} were tried, {matching} match");
}

#[test]
fn order_and_distance_count() {
    let tried = |pattern, text| !tried(pattern, Reads::Clause, text).0.is_empty();
    assert!(tried("all <2>met", "all of it met") && !tried("all <2>met", "all of it was met"));
    assert!(!tried("all <2>met", "met all") && !tried("all <2>met", "all, met"));
    assert!(!tried("{met} now", "a meter now") && tried("^{met}", "so, met"));
}

#[test]
fn long_stretches_are_read_coarsely() {
    let text = format!("all {} met", "so ".repeat(1_000));
    assert!(
        tried("all", Reads::Sentence, &text).0 == [0]
            && tried("all met", Reads::Sentence, &text).0.is_empty()
    );
    assert!(tried("so met", Reads::Sentence, &text).0 == [0]);
}
