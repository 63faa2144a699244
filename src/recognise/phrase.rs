//! What a seller's sentence does: asks for a confirmation, announces a win, reports met criteria. All patterns run
//! on folded text (lower case, no accents, plain quotes and dashes).

use std::sync::LazyLock;

use regex::Regex;

use crate::text::{fixed, squeeze};

/// The sentences of `text`, as typed. A paragraph or a list item ends a sentence.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    static END: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"[.!?…]+[)\x22'”’»]*(?:\s+|$)|[。！？]+\s*|\n\s*\n|\n\s*(?:[-*•]|\d{1,2}[.)]|✅|❌|✓|✔|\[[ xX]\])\s*",
        )
    });
    let mut sentences = Vec::new();
    let mut start = 0;
    for end in END.find_iter(text) {
        // The mark stays with its sentence: a question must keep its question mark.
        let stop = if end.as_str().starts_with('\n') { end.start() } else { end.end() };
        sentences.push(text.get(start..stop).unwrap_or_default());
        start = end.end();
    }
    sentences.push(text.get(start..).unwrap_or_default());
    sentences.retain(|s| !s.trim().is_empty());
    sentences
}

/// Whether a sentence asks the reader to confirm the result.
pub(super) fn asks(sentence: &str) -> bool {
    static EAST: LazyLock<Regex> = LazyLock::new(|| {
        // Folding takes the sound marks off kana, in the text as in the pattern.
        let words =
            ["確認", "返信", "返事", "回答", "ください", "下さい", "お願い", "いただけ", "请", "確認"];
        let [confirm, reply, reply2, answer, please, please2, beg, may, qing, _] = words.map(squeeze);
        fixed(&format!(
            "(?:{confirm}|{reply}|{reply2}|{answer}).{{0,30}}(?:{please}|{please2}|{beg}|{may})|{qing}.{{0,40}}(?:确认|回复|答复)"
        ))
    });
    static ELSEWHERE: LazyLock<Regex> = LazyLock::new(|| {
        // "If something above does not match, tell us", "let me know if you have questions", "confirm the slot".
        fixed(
            r"^\W*(?:if|should|in case|falls|wenn|si|se|als|sollte|om|hvis|jesli)\b|\bif (?:you have|there (?:is|are)|anything|something|any)\b|\b(?:any|further|other|open) questions?\b|\b(?:meeting|call|slot|time|date|invite|invitation|calendar|attendance|receipt|shipping|address|termin|reunion|rendez[- ]vous|besprechung)\b",
        )
    });
    static VERDICT: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"criteri|kriteri|success|erfolg|succes|exito|successo|sucesso|evaluat|evaluier|evaluier|evaluac|valutaz|avaliac|utvarder|ewaluac|technical|techni[sq]|tecnic|teknisk|win\b|result|ergebnis|requirement|anforderung|recommend|empf|agree|einverstanden|d'accord|acuerdo|summary|above|in writing|schriftlich|par ecrit|por escrito|your team|ihr team|votre equipe|su equipo|poc\b|pilot|trial|test|評価|評價|确认|評|检|验|基準",
        )
    });
    let folded = squeeze(sentence);
    if EAST.is_match(&folded) {
        return true;
    }
    let about = VERDICT.is_match(&folded);
    if !is_request(&folded) || (ELSEWHERE.is_match(&folded) && !strong(&folded)) {
        return false;
    }
    // "Please confirm." asks about the whole mail; longer sentences must name what is to be confirmed.
    about || folded.split_whitespace().count() <= 5
}

/// How requests begin and what they ask for, language by language.
const REQUESTS: &[(&str, &str)] = &[
    (
        r"\b(?:please|kindly|pls)\b",
        r"\b(?:confirm|reply|respond|answer|let (?:us|me) know|tell (?:us|me)|acknowledge|endorse|sign[- ]off|approve|agree)",
    ),
    (
        r"\b(?:could|can|would|will|may) (?:you|we|i)\b",
        r"\b(?:confirm|reply|respond|let (?:us|me) know|tell (?:us|me)|acknowledge|endorse|sign off|agree|consider|get your)",
    ),
    (
        r"\b(?:do|does|did|are|is|have|has) (?:you|your|we|the team|this|that)\b",
        r"\b(?:confirm|agree|consider|accept|endorse|recommend|satisfied|match|happy|ok|comfortable)",
    ),
    (
        r"\b(?:we|i)(?:'d| would)? (?:ask|need|appreciate|be grateful|kindly ask|would like|look forward to)\b",
        r"\b(?:confirm|written (?:reply|yes|statement)|in writing|your reply)",
    ),
    (r"\breply\b", r"^[ -~]{0,40}\bconfirm"),
    (r"\ba (?:short|brief|quick|simple|written) (?:reply|yes|answer|confirmation)\b", r""),
    (
        r"\b(?:bitte|konnen sie|konnten sie|konnt ihr|konntet ihr|kannst du|wurden sie|wir bitten|darf ich)\b",
        r"bestatig|antwort|ruckmeld|mitteil|teilen sie|zustimm|einverstanden|schreib",
    ),
    (
        r"\b(?:merci de|pourriez[- ]vous|pouvez[- ]vous|pourrais[- ]tu|peux[- ]tu|veuillez|nous vous (?:prions|demandons|remercions)|je vous (?:prie|remercie))\b",
        r"confirm|repond|valider|indiquer|nous dire|donner votre accord",
    ),
    (
        r"\b(?:por favor|podria[ns]?|podrias|pueden?|puedes|os pedimos|l[ea]s? (?:ruego|rogamos|pedimos|agradeceria)|rogamos|agradeceriamos|confirme[ns]?)\b",
        r"confirm|respond|contest|indic|digan|evaluacion",
    ),
    (
        r"\b(?:per favore|potete|potresti|potreste|puo|puoi|potrebbe|vi chiediamo|le chiedo|la prego|vi preghiamo|si prega|cortesemente|gentilmente)\b",
        r"conferm|rispond|far(?:ci|mi) sapere|indicar",
    ),
    (
        r"\b(?:por favor|poderia[ms]?|podem?|pedimos|solicitamos|agradeco|agradecemos)\b",
        r"confirm|respond|indica|diga",
    ),
    (
        r"\b(?:graag|kun(?:t|nen)?|kan|zou(?:den)?|alsjeblieft|alstublieft|gelieve|wil(?:t|len)?)\b",
        r"bevestig|antwoord|reager|laten weten|akkoord",
    ),
    (
        r"\b(?:vanligen|kan (?:ni|du|i|dere)|skulle (?:ni|du)|vennligst|venligst|vi ber)\b",
        r"bekraft|bekreft|svar|meddel",
    ),
    (r"\b(?:prosze|prosimy|czy (?:moga|moze|mozecie))\b", r"potwierdz|odpow"),
    (r"\b(?:prosim|muzete|voitteko|vahvista)\b", r"potvrd|odpov|vahvist|vasta"),
];

/// How far the thing asked for may stand behind the begin of a request, in bytes.
const REQUEST_BYTES_MAX: usize = 160;

/// Whether a folded sentence has the form of a request for an answer.
fn is_request(folded: &str) -> bool {
    // Two small patterns and a slice: one pattern with a bounded gap would compile into thousands of states.
    static PAIRS: LazyLock<Vec<(Regex, Regex)>> =
        LazyLock::new(|| REQUESTS.iter().map(|(begin, thing)| (fixed(begin), fixed(thing))).collect());
    PAIRS.iter().any(|(begin, thing)| {
        begin.find_iter(folded).any(|found| {
            let rest = folded.get(found.end()..).unwrap_or_default();
            let end = (0..=REQUEST_BYTES_MAX.min(rest.len())).rev().find(|i| rest.is_char_boundary(*i));
            thing.is_match(rest.get(..end.unwrap_or_default()).unwrap_or_default())
        })
    })
}

/// A sentence that asks for the confirmation even though it also names a meeting or begins with "if".
fn strong(folded: &str) -> bool {
    static STRONG: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"\bconfirm.{0,60}\b(?:success|criteria|evaluation|technical win)|\bagree.{0,60}\btechnical win|\btell (?:us|me) whether\b|\blet (?:us|me) know whether\b|\breply (?:to|and) confirm",
        )
    });
    STRONG.is_match(folded) && !folded.starts_with("if ")
}

/// Whether a sentence asks how the evaluation came out, and not whether a plan is complete.
pub(super) fn asks_for_verdict(sentence: &str) -> bool {
    static OUTCOME: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"\b(?:success|successful|technical win|met|passed|fulfilled|satisfied|recommend|erfolg|erfolgreich|erfullt|bestanden|succes|reussi|exito|exitosa|cumpli|superad|successo|soddisf|sucesso|succesvol|geslaagd|lyckad|vellykket)",
        )
    });
    let folded = squeeze(sentence);
    asks(sentence) && OUTCOME.is_match(&folded) && !is_future(&folded)
}

/// Whether a text speaks of a conditional win.
pub(super) fn is_conditional(text: &str) -> bool {
    static CONDITIONAL: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"\b(?:conditional|provisional) (?:tech(?:nical)?[- ])?(?:evaluation )?(?:win|success|acceptance|endorsement|sign-?off)\b|\b(?:agree|accept|endorse|confirm)[a-z]* conditionally\b|\bbedingte[a-z]* (?:technische[a-z]* )?(?:win|technical win|erfolg|sieg|gewinn|abnahme|zusage)|\b(?:win|victoire|succes|accord|validation) techniques? (?:conditionnel|sous (?:condition|reserve))|(?:victoria|exito|visto bueno|aceptacion) tecnic[ao] condicional|(?:vittoria|successo|approvazione) tecnic[ao] condizionat|(?:vitoria|sucesso|aprovacao) tecnic[ao] condicional|\bvoorwaardelijke? (?:technische )?(?:win|akkoord|succes|overwinning)|\b(?:villkorad|betinget)[a-z]* (?:teknisk )?[a-z]+|条件付き|附条件|有条件",
        )
    });
    CONDITIONAL.is_match(&squeeze(text))
}

/// Whether a sentence announces a technical win (not: speaks of one to come).
pub(super) fn announces(sentence: &str) -> bool {
    static WIN: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"\btech(?:nical)?[- ]win\b|\btechnische[a-z]* (?:erfolg|sieg|gewinn|win|overwinning|winst)|\b(?:victoire|succes|win) technique|\b(?:victoria|exito) tecnic|\b(?:vittoria|successo) tecnic|\b(?:vitoria|sucesso) tecnic|\bteknisk (?:vinst|sejr|seier|win)|技術的?(?:勝利|合格)|技术胜利",
        )
    });
    static VERB: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"\b(?:confirm[a-z]*|record[a-z]*|declar[a-z]*|announc[a-z]*|agree[a-z]*|propos[a-z]*|mark[a-z]*|document[a-z]*|achiev[a-z]*|reached|secured|consider[a-z]*|call|close[sd]?|is|as|bestatig[a-z]*|halten[a-z]*|verzeichn[a-z]*|festhalt[a-z]*|vorschlag[a-z]*|schlagen|proposons|confirm[a-z]*|registr[a-z]*|proponemos|proponiamo|conferm[a-z]*|propomos|bevestig[a-z]*|stellen)\b",
        )
    });
    static PROPOSES: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"^\W*(?:(?:so|therefore|hence|thus|daher|deshalb)\W+)?(?:we|i|wir|nous|can we|shall we|could we|let us|let's)\b.{0,60}\b(?:propos|suggest|agree|treat|record|vorschlag|schlagen)",
        )
    });
    let folded = squeeze(sentence);
    // A conditional win is agreed now; its "until the fix is deployed" speaks of the contract.
    let proposed = is_conditional(sentence) && PROPOSES.is_match(&folded);
    proposed || (WIN.is_match(&folded) && VERB.is_match(&folded) && !is_future(&folded))
}

/// Whether a sentence reports that criteria were met.
pub(super) fn reports_met(sentence: &str) -> bool {
    static VERB: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"\b(?:validated|met|passed|fulfilled|satisfied|achieved|completed|cleared|proved|proven|hit|verified|erfullte?|bestandene?|nachgewiesen|validiert|erreicht|valide[es]*|rempli[es]*|atteint[es]*|satisfait[es]*|cumpli[a-z]+|valida[a-z]+|supera[a-z]+|soddisf[a-z]+|raggiunt[a-z]+|atendi[a-z]+|voldaan|behaald|gevalideerd|uppfyll[a-z]+|opfyld[a-z]+|oppfyl[a-z]+|spelni[a-z]+)\b|達成|満たし|合格|通过|满足|达成",
        )
    });
    static NOUN: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"criteri|kriteri|kriterie|requirements?\b|anforderung|exigences?\b|requisit|requisiti|success plan|erfolgsplan|krav\b|eisen\b|objectives?\b|基準|標準|标准|要件",
        )
    });
    static NOT: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"\bnot\b|n't\b|\bnone\b|\bfailed\b|\bnicht\b|\bne\b.{0,20}\bpas\b|\bniet\b|\bnao\b|\b(?:lead|engineer|champion|team|colleague)s? (?:have |has )?confirmed\b",
        )
    });
    let folded = squeeze(sentence);
    VERB.is_match(&folded)
        && NOUN.is_match(&folded)
        && !NOT.is_match(&folded)
        && !is_future(&folded)
        && !folded.trim_end().ends_with('?')
}

/// Whether a sentence that reports met criteria speaks of all of them.
pub(super) fn speaks_of_all(sentence: &str) -> bool {
    static ALL: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"\b(?:all|every|each|both|the (?:\d+|two|three|four|five|six|seven|eight|nine|ten)|alle[nr]?|samtliche|tous|toutes|todos|todas|tutti|tutte|samtliga)\b|すべて|全て|所有|全部",
        )
    });
    ALL.is_match(&squeeze(sentence))
}

/// Whether a text speaks of an evaluation against criteria at all.
pub(super) fn speaks_of_criteria(text: &str) -> bool {
    static TOPIC: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"criteri|kriteri|requirement|anforderung|exigence|requisit|success plan|erfolgsplan|technical win|evaluat|evaluier|evaluac|valutaz|avaliac|evaluer|utvarder|ewaluac|proof of (?:concept|value)|\bpo[cv]\b|\btrial\b|\bpilot|\breadout\b|acceptance|abnahme|recette|基準|評価|评估|验收|標準|要件|평가|기준",
        )
    });
    TOPIC.is_match(&squeeze(text))
}

fn is_future(folded: &str) -> bool {
    static FUTURE: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"\b(?:before|until|once|unless|toward|towards|whether|agenda|prepare|discuss|talk about|schedule|plan to|planned|aim|hope|hopefully|upcoming|next step|need to|needs to|have to|has to|should|should be|to be|will be|would be|still|remaining|bevor|sobald|sollten|avant|antes|prima di|quando|cuando|quand)\b|^\W*(?:if|when|wenn|falls|si|se)\b",
        )
    });
    FUTURE.is_match(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_a_confirmation() {
        for sentence in [
            "Can you please reply to confirm that your team considers the technical evaluation a success?",
            "Please reply and tell us whether Acme agrees to a Conditional Technical Win on that basis.",
            "Can we agree to a Conditional Technical Win today?",
            "Please confirm.",
            "Does this match what your team saw in the tests?",
            "Bitte bestätigen Sie uns, dass die Evaluierung aus Ihrer Sicht erfolgreich war.",
            "Merci de nous confirmer que votre équipe considère l'évaluation comme un succès.",
            "¿Podrían confirmar que su equipo considera la evaluación un éxito?",
            "評価が成功だったことをご返信にてご確認ください。",
        ] {
            assert!(asks(sentence), "{sentence}");
        }
    }

    #[test]
    fn other_requests_are_no_ask() {
        for sentence in [
            "If something above does not match what your team saw, tell us here and we correct the record.",
            "Please let me know if you have any questions.",
            "Could you confirm the slot on Thursday?",
            "As agreed, Lee Park will be in touch about the commercial framework.",
            "Thank you for confirming today that Heron has met all success criteria.",
            "Please send me the log files of Tuesday.",
        ] {
            assert!(!asks(sentence), "{sentence}");
        }
    }

    #[test]
    fn announcements_are_not_plans() {
        assert!(announces("We would like to record this as a Technical Win."));
        assert!(announces("Das bestätigt den technischen Erfolg."));
        assert!(!announces("Before we can call it a technical win we need the load test."));
        assert!(reports_met("we validated the 3 mandatory success criteria of the plan"));
        assert!(!reports_met("Once all criteria are met we can talk about dates."));
        assert!(!reports_met("Your engineer confirmed that we met the criteria."));
    }

    #[test]
    fn sentences_keep_their_marks() {
        assert_eq!(
            sentences("One 2.5 s. Two?\n\nThree\n- four"),
            ["One 2.5 s. ", "Two?\n\n", "Three", "four"]
        );
    }
}
