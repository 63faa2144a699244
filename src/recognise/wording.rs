//! The stock wording of machines, in the languages of our users. It decides only where no header does.
//!
//! Subjects and texts come folded (see [`crate::text::squeeze`]); plain word tests stand before the patterns, since
//! nearly all mail is written by people.

use std::sync::LazyLock;

use regex::Regex;

use crate::text::{fixed, squeeze};

/// The longest typed text that stock wording may decide about, in characters: machines are brief.
const STOCK_CHARS_MAX: usize = 1500;

/// Begins of the subjects of out-of-office replies.
const ABSENCE: &[&str] = &[
    "automatic reply",
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto:",
    "out of office",
    "out of the office",
    "ooo:",
    "away from office",
    "vacation:",
    "on vacation:",
    "abwesenheit",
    "automatische antwort",
    "abwesend:",
    "réponse automatique",
    "absence du bureau",
    "absent du bureau",
    "message d'absence",
    "respuesta automática",
    "fuera de la oficina",
    "fuera de oficina",
    "ausencia de la oficina",
    "risposta automatica",
    "fuori sede",
    "fuori ufficio",
    "assente:",
    "automatisch antwoord",
    "afwezig",
    "niet aanwezig",
    "autosvar",
    "automatiskt svar",
    "automatisk svar",
    "frånvaro",
    "ikke til stede",
    "fravær",
    "resposta automática",
    "ausência",
    "fora do escritório",
    "automatyczna odpowiedź",
    "automatická odpověď",
    "automatická odpoveď",
    "automatikus válasz",
    "automaattinen vastaus",
    "poissa",
    "răspuns automat",
    "otomatik yanıt",
    "автоматический ответ",
    "автоответ",
    "自動応答",
    "自動返信",
    "不在",
    "自动答复",
    "自动回复",
    "自動回覆",
    "자동 회신",
    "부재중",
];

/// Whether a subject begins like an out-of-office reply.
pub(super) fn is_absence_subject(subject: &str) -> bool {
    static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| ABSENCE.iter().map(|w| squeeze(w)).collect());
    WORDS.iter().any(|w| subject.starts_with(w.as_str()))
}

/// Whether a subject is that of a receipt.
pub(super) fn is_receipt_subject(subject: &str) -> bool {
    static RECEIPT: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"^(?:read|not read|read receipt|return receipt(?: \(displayed\))?|gelesen|ungelesen|nicht gelesen|lesebestatigung|lu|non lu|accuse de lecture|leido|no leido|letto|non letto|conferma di lettura|gelezen|niet gelezen|leesbevestiging|last|olast|lest|lida|nao lida|przeczytano|开封確認|開封済み|已读)\s?[:：-]\s?\S",
        )
    });
    RECEIPT.is_match(subject)
}

/// Whether a subject is that of a delivery report.
pub(super) fn is_bounce_subject(subject: &str) -> bool {
    static BOUNCE: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"^(?:undeliver(?:ed|able)|delivery (?:status notification|failure|has failed|delayed)|mail delivery (?:failed|failure|system)|returned mail|failure notice|unzustellbar|nicht zustellbar|non remis|no se puede entregar|onbestelbaar|impossibile recapitare)",
        )
    });
    BOUNCE.is_match(subject)
}

/// Whether a subject is that of a voting button or a calendar answer.
pub(super) fn is_vote_subject(subject: &str) -> bool {
    static VOTE: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"^(?:approve|reject|yes|no|maybe|accepted|declined|tentative|tentatively accepted|genehmigen|ablehnen|ja|nein|zugesagt|abgelehnt|mit vorbehalt|approuver|rejeter|oui|non|accepte|refuse|aprobar|rechazar|si|aceptado|rechazado|approva|rifiuta|accettato|rifiutato|goedkeuren|afkeuren|geaccepteerd|geweigerd)\s?:",
        )
    });
    VOTE.is_match(subject)
}

/// Whether a line of the typed text is the stock sentence of a reaction.
pub(super) fn is_reaction(typed: &str, folded: &str) -> bool {
    reaction_line(typed, folded).is_some()
}

/// Whether a reaction's stock sentence is all that stands there, besides emoji and a link.
pub(super) fn is_bare_reaction(typed: &str, folded: &str) -> bool {
    is_tapback(folded) || reaction_line(typed, folded).is_some_and(|rest| rest <= 12)
}

/// The letters beside the stock sentence, if it is there.
fn reaction_line(typed: &str, folded: &str) -> Option<usize> {
    static LINE: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"reacted (?:via gmail|to your (?:message|email|mail)|with .{1,12}$)|hat (?:uber gmail|auf ihre nachricht|auf deine nachricht) reagiert|a reagi (?:via gmail|a votre message|a ton message)|(?:ha )?reacciono (?:a traves de gmail|a tu mensaje|a su mensaje|con gmail)|ha reaccionado (?:a tu mensaje|a su mensaje|desde gmail|a traves de gmail)|ha (?:reagito|inviato una reazione) (?:al tuo messaggio|al suo messaggio|tramite gmail|con gmail)|reagiu (?:a sua mensagem|pelo gmail|via gmail)|heeft (?:gereageerd )?(?:via gmail|op (?:je|uw) bericht)(?: gereageerd)?|reagerade (?:pa ditt meddelande|via gmail)|reagerede pa din (?:besked|meddelelse)|reagerte pa meldingen din",
        )
    });
    static EAST: LazyLock<Vec<String>> = LazyLock::new(|| {
        let stock = [
            "メッセージにリアクションしました",
            "Gmail でリアクションしました",
            "回应了你的消息",
            "对您的邮件做出了回应",
        ];
        stock.iter().map(|w| squeeze(w)).collect()
    });
    let eastern = EAST.iter().any(|w| folded.contains(w.as_str()));
    if !eastern && !has_any(folded, &["react", "reag", "reac", "gmail"]) {
        return None;
    }
    let mut found = false;
    let mut rest = 0;
    for line in typed.lines() {
        let line = squeeze(line);
        let stock = LINE.find(&line).is_some_and(|m| m.start() <= 80 && line.len() <= m.end() + 120);
        if stock || EAST.iter().any(|w| line.contains(w.as_str())) {
            found = true;
        } else if !line.contains("://") {
            rest += line.chars().filter(|c| c.is_alphabetic()).count();
        }
    }
    found.then_some(rest)
}

/// A tapback of a phone: the whole text is a verb and the quoted message.
fn is_tapback(folded: &str) -> bool {
    static TAPBACK: LazyLock<Regex> = LazyLock::new(|| {
        // Folding has made plain quotes of all kinds of them.
        fixed(concat!(
            r#"^(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|reacted \S{1,8} to|gefallt(?: mir)?:?|geliebt|a aime|a adore|le gusto|le encanto|ha messo "?mi piace"? a|gostou de|vond leuk|gillade) "#,
            r#"(?:"[^"]*(?:"|\.\.\.|…)|an? (?:image|message|photo|attachment|movie|link))$"#
        ))
    });
    TAPBACK.is_match(folded)
}

/// Whether a mail asks to recall another.
pub(super) fn is_recall(subject: &str, typed: &str) -> bool {
    static SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"^(?:recall|message recall|ruckruf|zuruckgerufen|rappel(?: de message)?|recuperar|recuperacion|richiamo|richiama|terugroepen|intrekken|aterkalla|tilbagekald|tilbakekall)\s?:",
        )
    });
    static WORDING: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"would like to recall the message|mochte die nachricht .{0,120}zuruckrufen|souhaite rappeler le message|(?:desea|quisiera) recuperar el mensaje|desidera richiamare il messaggio|wil het bericht .{0,120}(?:intrekken|terugroepen)|vill aterkalla meddelandet",
        )
    });
    SUBJECT.is_match(subject) && (typed.is_empty() || WORDING.is_match(typed))
}

/// Whether a text is a challenge to the sender.
pub(super) fn is_challenge(typed: &str) -> bool {
    static CHALLENGE: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"\b(?:confirm|verify|prove|bestatigen sie)\b.{0,30}\byou(?:'re| are) (?:a )?(?:real |genuine )?(?:human|person|sender|not a (?:robot|bot|spammer))|\bclick\b.{0,60}\b(?:to (?:release|deliver) your (?:message|mail|e-?mail)|verify your (?:e-?mail )?address)|\bsender verification\b|\bcomplete the (?:captcha|challenge)\b",
        )
    });
    has_any(typed, &["you are", "you're", "click", "verification", "captcha", "the challenge"])
        && CHALLENGE.is_match(typed)
}

/// Whether a body begins with the line that ticket systems put above their mails.
pub(super) fn is_reply_line(body: &str) -> bool {
    static LINE: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"(?:reply|respond|write|answer)\b.{0,30}\babove this line|antwort[a-z]* .{0,30}(?:oberhalb|uber) diese|au-dessus de cette ligne|por encima de esta linea|sopra questa (?:riga|linea)|boven deze (?:regel|lijn)|acima desta linha",
        )
    });
    let gate = ["line", "zeile", "ligne", "linea", "riga", "regel", "lijn", "linha"];
    let test = |l: &str| {
        let folded = folded_head(l);
        !l.starts_with('>') && has_any(&folded, &gate) && LINE.is_match(&folded)
    };
    body.lines().filter(|l| !l.trim().is_empty()).take(2).any(test)
}

/// Whether a subject carries the number of a ticket system.
pub(super) fn is_ticket_subject(subject: &str) -> bool {
    static TICKET: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"^(?:re: ?)?(?:\[#[0-9]{2,}\]|\[[a-z0-9 ._-]{2,30} #[0-9]{2,}\]|(?:inc|ritm|req|chg|sctask|cs)[0-9]{6,}\b|\[?(?:ticket|case|request|vorgang|anfrage)[ :#-]+[0-9]{3,}\]?)",
        )
    });
    TICKET.is_match(subject)
}

/// Whether a text acknowledges a request, as ticket systems do.
pub(super) fn is_acknowledgement(typed: &str) -> bool {
    static ACKNOWLEDGED: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"\b(?:request|ticket|case|inquiry|enquiry|issue|message)\b.{0,60}\b(?:received|created|opened|registered|logged|assigned|updated|resolved|closed)|\b(?:received|created|opened|registered|logged)\b.{0,40}\b(?:request|ticket|case)\b|\b(?:anfrage|ticket|vorgang)\b.{0,60}\b(?:eingegangen|erhalten|erstellt|eroffnet)|\b(?:demande|ticket)\b.{0,60}\b(?:recue?|enregistree?|cree)|\b(?:solicitud|ticket)\b.{0,60}\b(?:recibid[oa]|cread[oa]|registrad[oa])",
        )
    });
    ACKNOWLEDGED.is_match(typed)
}

/// Whether a text is the notice of a chat or collaboration service.
pub(super) fn is_notification(typed: &str) -> bool {
    static NOTICE: LazyLock<Regex> = LazyLock::new(|| {
        fixed(
            r"started a conversation about this email in google chat|\byou have (?:a new|\d+ new|unread) (?:messages?|notifications?|mentions?)\b|\bmentioned you in\b.{0,60}\b(?:teams|slack|chat|channel)\b|\bunsubscribe from these notifications\b",
        )
    });
    has_any(typed, &["google chat", "you have", "mentioned you", "unsubscribe"]) && NOTICE.is_match(typed)
}

/// The begin of a typed text, folded: as much of it as a machine would write.
pub(super) fn folded_head(typed: &str) -> String {
    let end = typed.char_indices().nth(STOCK_CHARS_MAX).map_or(typed.len(), |(at, _)| at);
    squeeze(typed.get(..end).unwrap_or_default())
}

fn has_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|w| text.contains(w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reactions_with_more_text_are_not_bare() {
        let is_bare_reaction = |t: &str| super::is_bare_reaction(t, &squeeze(t));
        let is_reaction = |t: &str| super::is_reaction(t, &squeeze(t));
        assert!(is_bare_reaction("❤️\n\nDana Ruiz reacted via Gmail <https://www.google.com/gmail>"));
        assert!(is_bare_reaction("Dana Ruiz hat auf Ihre Nachricht reagiert:"));
        assert!(!is_bare_reaction("Dana reacted to your message:\nbut we can not sign this off at all"));
        assert!(is_reaction("Dana reacted to your message:\nbut we can not sign this off at all"));
        assert!(!is_bare_reaction("Loved “the demo”, but SSO is still broken."));
    }

    #[test]
    fn subjects_of_people_are_left_alone() {
        assert!(!is_receipt_subject("ready: result"));
        assert!(!is_recall("recall: our talk", "as you recall, we agreed."));
        assert!(!is_absence_subject("re: out of office plan"));
        assert!(!is_ticket_subject("[opp-20417] result"));
        assert!(is_ticket_subject("inc0012345 opened: result"));
    }
}
