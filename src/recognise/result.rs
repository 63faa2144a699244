//! The words with which a seller says how a criterion came out, in the languages of our users.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::DeclaredResult::{self, Fail, Open, Partial, Pass};
use crate::text::{fixed, squeeze};

/// Words by result. Longer words win over shorter ones, so "not met" is never read as "met".
const WORDS: &[(DeclaredResult, &[&str])] = &[
    (
        Pass,
        &[
            "passed",
            "pass",
            "fully passed",
            "met",
            "fully met",
            "exceeded",
            "ok",
            "okay",
            "o.k.",
            "done",
            "yes",
            "achieved",
            "reached",
            "validated",
            "verified",
            "fulfilled",
            "satisfied",
            "success",
            "successful",
            "successfully validated",
            "complete",
            "completed",
            "confirmed",
            "accepted",
            "works",
            "working",
            "proven",
            "100%",
            "100 %",
            "bestanden",
            "erfüllt",
            "erfolgreich",
            "ja",
            "in ordnung",
            "i.o.",
            "nachgewiesen",
            "abgenommen",
            "erreicht",
            "réussi",
            "réussie",
            "validé",
            "validée",
            "validés",
            "conforme",
            "atteint",
            "atteinte",
            "satisfait",
            "rempli",
            "remplie",
            "oui",
            "superado",
            "superada",
            "cumplido",
            "cumplida",
            "cumple",
            "aprobado",
            "aprobada",
            "logrado",
            "validado",
            "validada",
            "sí",
            "superato",
            "superata",
            "soddisfatto",
            "soddisfatta",
            "riuscito",
            "validato",
            "raggiunto",
            "aprovado",
            "aprovada",
            "atendido",
            "atendida",
            "cumprido",
            "cumprida",
            "passou",
            "sim",
            "geslaagd",
            "voldaan",
            "behaald",
            "gehaald",
            "akkoord",
            "godkänd",
            "godkänt",
            "uppfyllt",
            "uppfyllda",
            "klarat",
            "godkendt",
            "opfyldt",
            "godkjent",
            "oppfylt",
            "bestått",
            "bestået",
            "spełnione",
            "spełniony",
            "zaliczone",
            "zaliczony",
            "splněno",
            "hyväksytty",
            "läpäisty",
            "täytetty",
            "onnistui",
            "пройдено",
            "выполнено",
            "合格",
            "達成",
            "適合",
            "完了",
            "クリア",
            "通过",
            "通過",
            "达成",
            "满足",
            "합격",
            "통과",
            "충족",
        ],
    ),
    (
        Partial,
        &[
            "partial",
            "partially",
            "partly",
            "in part",
            "partially met",
            "partly met",
            "partially passed",
            "partial pass",
            "passed in part",
            "passed with limitations",
            "passed with remarks",
            "passed with restrictions",
            "passed with workaround",
            "passed with a workaround",
            "passed with exceptions",
            "conditional pass",
            "met with limitations",
            "met in part",
            "mostly met",
            "mostly",
            "with limitations",
            "workaround",
            "teilweise",
            "teilweise erfüllt",
            "teilweise bestanden",
            "zum teil",
            "mit einschränkungen",
            "partiel",
            "partielle",
            "partiellement",
            "en partie",
            "parcial",
            "parcialmente",
            "parziale",
            "parzialmente",
            "in parte",
            "gedeeltelijk",
            "deels",
            "delvis",
            "częściowo",
            "częściowe",
            "částečně",
            "osittain",
            "частично",
            "一部",
            "一部達成",
            "部分",
            "部分通过",
            "부분",
        ],
    ),
    (
        Fail,
        &[
            "failed",
            "fail",
            "not met",
            "not passed",
            "not achieved",
            "not reached",
            "not fulfilled",
            "not satisfied",
            "not validated",
            "did not pass",
            "missed",
            "unmet",
            "no",
            "rejected",
            "unsuccessful",
            "nicht bestanden",
            "nicht erfüllt",
            "nicht erreicht",
            "durchgefallen",
            "fehlgeschlagen",
            "nein",
            "échoué",
            "échec",
            "non atteint",
            "non validé",
            "non conforme",
            "non rempli",
            "non réussi",
            "non",
            "no superado",
            "no superada",
            "no cumplido",
            "no cumple",
            "no validado",
            "fallido",
            "fallo",
            "suspenso",
            "non superato",
            "non soddisfatto",
            "non raggiunto",
            "fallito",
            "reprovado",
            "não atendido",
            "não cumprido",
            "falhou",
            "niet geslaagd",
            "niet voldaan",
            "niet behaald",
            "niet gehaald",
            "nee",
            "ej godkänd",
            "ej godkänt",
            "ej uppfyllt",
            "inte uppfyllt",
            "underkänd",
            "ikke godkendt",
            "ikke opfyldt",
            "ikke godkjent",
            "ikke oppfylt",
            "ikke bestått",
            "niespełnione",
            "niezaliczone",
            "nesplněno",
            "hylätty",
            "не пройдено",
            "не выполнено",
            "不合格",
            "未達成",
            "不適合",
            "未通过",
            "未通過",
            "不通过",
            "불합격",
            "미달",
        ],
    ),
    (
        Open,
        &[
            "open",
            "still open",
            "pending",
            "in progress",
            "ongoing",
            "outstanding",
            "not tested",
            "not yet tested",
            "untested",
            "not yet met",
            "not yet",
            "not started",
            "tbd",
            "to be tested",
            "to be validated",
            "to be confirmed",
            "to be done",
            "to do",
            "todo",
            "waiting",
            "deferred",
            "postponed",
            "blocked",
            "fix pending",
            "fix scheduled",
            "offen",
            "noch offen",
            "ausstehend",
            "in arbeit",
            "in bearbeitung",
            "verschoben",
            "nicht getestet",
            "en attente",
            "en cours",
            "ouvert",
            "à valider",
            "à tester",
            "non testé",
            "pendiente",
            "abierto",
            "en curso",
            "por validar",
            "sin probar",
            "in attesa",
            "in sospeso",
            "aperto",
            "in corso",
            "da validare",
            "da verificare",
            "pendente",
            "em aberto",
            "em andamento",
            "por validar",
            "openstaand",
            "open punt",
            "in behandeling",
            "nog open",
            "öppen",
            "pågår",
            "återstår",
            "ej testad",
            "åben",
            "afventer",
            "åpen",
            "venter",
            "otwarte",
            "w toku",
            "do sprawdzenia",
            "avoin",
            "kesken",
            "открыто",
            "в работе",
            "未完",
            "未完了",
            "保留",
            "未確認",
            "対応中",
            "進行中",
            "未定",
            "进行中",
            "待定",
            "未测试",
            "보류",
            "진행 중",
        ],
    ),
];

/// Short words that also begin sentences; they need an end or punctuation behind them.
const SHORT: usize = 5;

/// A result that stands at the end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// The result.
    pub result: DeclaredResult,
    /// Where the text of the criterion ends, in bytes of the line.
    pub text_end: usize,
    /// Whether the result ends the line, up to a note in brackets.
    pub strict: bool,
}

/// The result behind a separator in `line`, if it names one. Of several, the worse one.
pub(super) fn behind_separator(line: &str) -> Option<Found> {
    static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| {
        fixed(r"\s*(?:[–—―−]+|--+|=+>|-+>|→|⇒|\||[:：]|=|\s-|-\s|\s\(|\s\[|\.{3,}|…|\t)\s*")
    });
    let mut found: Option<Found> = None;
    for separator in SEPARATOR.find_iter(line).filter(|s| s.start() > 0) {
        let Some(rest) = line.get(separator.end()..) else { continue };
        let Some((result, strict)) = leading(rest) else { continue };
        let better = match found {
            None => true,
            Some(old) if old.strict == strict => strict && weight(result) > weight(old.result),
            Some(old) => strict && !old.strict,
        };
        if better {
            let text_end =
                found.filter(|old| old.strict == strict).map_or(separator.start(), |old| old.text_end);
            found = Some(Found { result, text_end, strict });
        }
    }
    found
}

/// The result in front of a separator: `Passed: SSO`, `[FAIL] SSO`. Then the rest of the line.
pub(super) fn in_front(line: &str) -> Option<(DeclaredResult, &str)> {
    static FRONT: LazyLock<Regex> = LazyLock::new(|| {
        fixed(r"^\s*(?:\[([^\]]{2,20})\]|([^:：–—|-]{2,25}?)\s*(?:[:：]|[–—|]|\s-))\s+(.*\S)")
    });
    let found = FRONT.captures(line)?;
    let word = found.get(1).or_else(|| found.get(2))?.as_str();
    Some((whole(word)?, found.get(3)?.as_str()))
}

/// The result that ends a row of a table without gaps, and the text in front of it.
pub(super) fn at_end(line: &str) -> Option<(&str, DeclaredResult)> {
    let line = line.trim();
    // From the longest tail of words to the shortest, so that "not met" is found before "met".
    let starts = line.match_indices(' ').map(|(at, _)| at).collect::<Vec<_>>();
    let tails = starts.iter().skip(starts.len().saturating_sub(4));
    tails.filter_map(|at| Some((line.get(..*at)?.trim(), whole(line.get(*at..)?)?))).next()
}

/// The result if `text` is nothing but one.
pub(super) fn whole(text: &str) -> Option<DeclaredResult> {
    let folded = squeeze(text);
    let folded = folded.trim_matches(|c: char| matches!(c, '.' | '!' | '*' | '_' | '(' | ')' | ' '));
    table().iter().find(|(word, _)| word == folded).map(|(_, result)| *result).or_else(|| mark(text.trim()))
}

/// Every result word that stands in `text`, the worst one.
pub(super) fn anywhere(text: &str) -> Option<DeclaredResult> {
    static ANYWHERE: LazyLock<Regex> = LazyLock::new(|| {
        let words: Vec<String> = table()
            .iter()
            .filter(|(w, _)| w.chars().count() > 2 || !w.is_ascii())
            .map(|(w, _)| if w.is_ascii() { format!(r"\b{}\b", regex::escape(w)) } else { regex::escape(w) })
            .collect();
        fixed(&words.join("|"))
    });
    let folded = squeeze(text);
    ANYWHERE.find_iter(&folded).filter_map(|m| whole(m.as_str())).max_by_key(|r| weight(*r))
}

/// What a list mark says about its line.
pub(super) fn mark(mark: &str) -> Option<DeclaredResult> {
    let mark = mark.trim_end_matches('\u{fe0f}');
    Some(match mark {
        "✅" | "✔" | "✓" | "☑" | "🟢" | "🟩" | "👍" | "✔️" | ":white_check_mark:" | "[x]" | "[X]" | "[✓]"
        | "[✔]" => Pass,
        "❌" | "✗" | "✘" | "✖" | "☒" | "🔴" | "🟥" | "👎" | ":x:" | "[✗]" => Fail,
        "⚠" | "🟡" | "🟨" | "🟠" | "[-]" | "[~]" => Partial,
        "⏳" | "☐" | "[ ]" | "[]" => Open,
        _ => return None,
    })
}

fn leading(rest: &str) -> Option<(DeclaredResult, bool)> {
    static NOTE: LazyLock<Regex> =
        LazyLock::new(|| fixed(r"^[*_]*(?:[.!)\]*_ ]*|\s*[(\[].*[)\]][.!]?|\s*(?:✅|✔|✓|❌|✗|⚠|☑)\s*)$"));
    static PUNCTUATED: LazyLock<Regex> = LazyLock::new(|| fixed(r"^\s*(?:[,;.:/(!|\t]|--?\s|\s-)"));
    static CONNECTED: LazyLock<Regex> = LazyLock::new(|| {
        fixed(r"^ (?:with|after|on|in|at|by|since|as|but|during|mit|nach|am|avec|con|com|met|med)\b")
    });
    if let Some(result) = rest.split_whitespace().next().and_then(mark) {
        return Some((result, true));
    }
    let folded = squeeze(rest);
    let folded = folded.trim_start_matches(['*', '_']);
    for (word, result) in table() {
        let Some(tail) = folded.strip_prefix(word.as_str()) else { continue };
        if word.is_ascii() && tail.starts_with(|c: char| c.is_alphanumeric()) {
            continue;
        }
        if NOTE.is_match(tail) {
            return Some((*result, true));
        }
        let long = word.chars().count() > SHORT;
        if PUNCTUATED.is_match(tail)
            || (long && CONNECTED.is_match(tail))
            || (!word.is_ascii() && tail.is_empty())
        {
            return Some((*result, false));
        }
    }
    None
}

fn weight(result: DeclaredResult) -> u8 {
    match result {
        DeclaredResult::Unstated => 0,
        Pass => 1,
        Open => 2,
        Partial => 3,
        Fail => 4,
    }
}

/// Folded words with their results, longest first.
fn table() -> &'static [(String, DeclaredResult)] {
    static TABLE: LazyLock<Vec<(String, DeclaredResult)>> = LazyLock::new(|| {
        let pairs = WORDS.iter().flat_map(|(result, words)| words.iter().map(|w| (squeeze(w), *result)));
        let mut table: Vec<(String, DeclaredResult)> = pairs.collect();
        table.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        table
    });
    &TABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Option<(&str, DeclaredResult)> {
        behind_separator(line).map(|f| (&line[..f.text_end], f.result))
    }

    #[test]
    fn finds_the_result_behind_the_last_separator() {
        for (line, text, result) in [
            ("Single sign-on (SAML) — Passed", "Single sign-on (SAML)", Pass),
            ("Single sign-on - Passed.", "Single sign-on", Pass),
            ("Failover: under 30 s: Met", "Failover: under 30 s", Pass),
            ("Signing at 900/s -- Not met (610/s on the loan box)", "Signing at 900/s", Fail),
            ("Audit export - Open (fix in two weeks)", "Audit export", Open),
            ("Audit export — Partial, see the note - by hand", "Audit export", Partial),
            ("Audit export (passed)", "Audit export", Pass),
            ("Anmeldung über SAML – nicht erfüllt", "Anmeldung über SAML", Fail),
            ("Reprise des maillages : validé", "Reprise des maillages", Pass),
            ("Alertas - Cumplido", "Alertas", Pass),
            ("検索 300ms以内：合格", "検索 300ms以内", Pass),
            ("Load test - Passed with 43k events", "Load test", Pass),
            ("Load test — ✅", "Load test", Pass),
            ("Load test - **Passed**", "Load test", Pass),
            ("Load - Passed (open)", "Load", Open),
        ] {
            assert_eq!(split(line), Some((text, result)), "{line}");
        }
    }

    #[test]
    fn sentences_are_no_results() {
        for line in [
            "Deployment: open source stack",
            "Login: no password is needed",
            "Criteria passed: 2 of 3.",
            "Passed",
            "We met - as you know - on Friday",
            "Backup - okapi connector",
        ] {
            assert_eq!(split(line), None, "{line}");
        }
    }

    #[test]
    fn results_may_stand_in_front() {
        assert_eq!(in_front("Passed: SSO over SAML"), Some((Pass, "SSO over SAML")));
        assert_eq!(in_front("[FAIL] Failover"), Some((Fail, "Failover")));
        assert_eq!(in_front("Note: SSO"), None);
    }
}
