//! The words by which mail programs mark what they quote, per language. Tables only; all of them are folded
//! with the fold that mail goes through.

/// Kinds of label in the header block of a quoted mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Label {
    /// Who wrote it.
    From,
    /// When.
    Date,
    /// To whom.
    To,
    /// About what.
    Subject,
    /// Anything else a header block may hold.
    Other,
}

/// Labels by kind, separated by `|`.
pub(super) const LABELS: &[(Label, &str)] = &[
    (Label::From, "from|von|de|da|van|fra|frå|från|od|od kogo|nadawca|от|від|од|από|lähettäjä|feladó|kimden"),
    (Label::From, "gönderen|de la|expéditeur|remitente|remetente|mittente|afzender|avsender|afsender|saatja"),
    (
        Label::From,
        "no|nuo|từ|من|מאת|发件人|發件人|寄件者|寄件人|差出人|送信者|from / 发件人|보낸 사람|보낸사람|dari|จาก",
    ),
    (
        Label::Date,
        "sent|date|sent at|gesendet|datum|envoyé|envoyé le|date d'envoi|enviado|enviada|enviado el",
    ),
    (
        Label::Date,
        "enviado em|enviada em|fecha|data|inviato|verzonden|verzonden op|sendt|skickat|dato|wysłano",
    ),
    (
        Label::Date,
        "odesláno|odoslané|отправлено|дата|надіслано|дата на изпращане|lähetetty|päivämäärä|elküldve",
    ),
    (
        Label::Date,
        "küldve|dátum|gönderildi|gönderilme tarihi|tarih|trimis|στάλθηκε|ημερομηνία|saadetud|kuupäev",
    ),
    (
        Label::Date,
        "发送时间|發送時間|日期|时间|傳送時間|寄件日期|送信日時|日時|보낸 날짜|보낸날짜|날짜|تم الإرسال|التاريخ|נשלח|תאריך",
    ),
    (Label::Date, "dikirim|tanggal|ngày|đã gửi|poslano|sendt dato|gesendet am|senddate|วันที่"),
    (Label::To, "to|an|à|a|para|aan|til|till|do|komu|кому|до|προς|vastaanottaja|címzett|kime|alıcı|către"),
    (
        Label::To,
        "destinataire|destinatario|destinatário|adressaat|kam|收件人|收件者|宛先|받는 사람|받는사람|إلى|אל|đến|kepada",
    ),
    (
        Label::Subject,
        "subject|betreff|objet|asunto|assunto|oggetto|onderwerp|emne|ämne|temat|předmět|predmet",
    ),
    (
        Label::Subject,
        "тема|относно|предмет|θέμα|aihe|tárgy|konu|subiect|teema|主题|主題|主旨|件名|제목|الموضوع|נושא|chủ đề|subjek",
    ),
    (
        Label::Other,
        "cc|bcc|kopie|kopi|kopia|copie|copia|cópia|c.c.|dw|копия|копія|抄送|副本|참조|عناية|importance|wichtigkeit",
    ),
    (
        Label::Other,
        "priority|attachments|anlagen|attachment|reply-to|antwort an|organization|organisation|reply to",
    ),
    (
        Label::Other,
        "responder a|répondre à|kopija|másolatot kap|bilgi|κοιν|gesendet durch|sent by|please respond to|bijlagen",
    ),
];

/// "wrote" and its kin as they stand in attribution lines. Parts between languages are separated by `|`.
pub(super) const VERBS: &[&str] = &[
    "wrote|writes|said|says|has written|tapped",
    "a écrit|écrit|a ecrit|écrivait",
    "escribió|escribio|escribieron|escribe|ha escrit|va escriure",
    "escreveu|escreve|ha scritto|scrive|scritto",
    "schrieb|schrieben|geschrieben|hat geschrieben|schreibt",
    "schreef|geschreven|skrev|skreiv|skrifaði|har skrevet|följande",
    "napisał|napisała|napisał(a)|napisali|pisze|napsal|napsala|napsal(a)|napísal|napísala|napísal(a)|píše",
    "написал|написала|написал(а)|пишет|писал|пише|написав|написала|написа|пишува",
    "έγραψε|έγραψες|yazdı|yazmış|kirjoitti|írta|ezt írta|a scris|scrie|rakstīja|kirjutas|parašė|rašė",
    "đã viết|viết|menulis|napisao|napisala|je napisao|je napisal",
    "wiadomość napisana przez",
];

/// The same in scripts that put no space between words.
pub(super) const VERBS_UNSPACED: &[&str] = &[
    "写道|寫道|來信|来信|撰写|撰寫|のメッセージ|のメール|は書きました|さんは書きました|さんが書きました|작성|님이 작성|님이 씀",
    "كتب|كتبت|تمت كتابة|כתב|כתבה|เขียนว่า|เขียน",
];

/// Words with which an attribution begins.
pub(super) const LEADS: &[&str] = &[
    "on|at|in message|in article|le|el|il|il giorno|in data|em|no dia|a|am|op|den|på|w dniu|dnia|dne|dňa",
    "pe|la|în data|în|vào|στις|στην|pada|þann|vom|den|d\\.|kl\\.|em data|em dia|el día|le|af|på|um|dana|u",
    "في|בתאריך|ב-|on behalf of|wiadomość napisana przez|на|ut|dne|v",
];

/// Leads that stand without a space behind them.
pub(super) const LEADS_CJK: &str = "在|於|于|引用|אב";

/// Weekdays and months, shortened where all longer forms begin alike.
pub(super) const CALENDAR: &[&str] = &[
    "mon|tue|wed|thu|fri|sat|sun|lun|mar|mer|jeu|ven|sam|dim|mié|jue|vie|sáb|dom|seg|ter|qua|qui|sex",
    "gio|lør|löj|søn|sön|mån|tis|tir|ons|tor|fre|man|pon|wto|czw|pią|sob|niedz|śro|понед|втор|сред|четв|пятн|субб|воскр",
    "pzt|sal|çar|per|cum|cmt|paz|sze|szo|joi|tre|pet|uto|sri|čet|lör",
    "jan|feb|apr|may|jun|jul|aug|sep|oct|nov|dec|janv|févr|mars|avr|mai|juin|juil|août|déc|ene|abr|ago|dic",
    "mär|märz|okt|dez|gen|mag|giu|lug|set|ott|mei|maj|mrt|sty|lut|kwi|cze|lip|sie|wrz|paź|lis|gru|stu|pro",
    "янв|фев|мар|апр|мая|май|июн|июл|авг|сен|окт|ноя|дек|січ|лют|бер|квіт|трав|чер|лип|серп|верес|жовт|груд",
];

/// Weekdays that are shortened to one or two letters.
pub(super) const WEEKDAYS: &[&str] = &[
    "mo|di|mi|do|fr|sa|so|ma|wo|vr|za|zo|wt|śr|pt|po|út|st|čt|pá|ne|ut|št|pi|пн|вт|ср|чт|пт|сб|вс|нд|ti|ke|to|pe|la|su",
    "lu|ma|mi|vi|du|dl|dt|dc|dj|dv|ds|dg|th|cn|tor|tors|tirs|ons|man|tis|fre",
];

/// Text between the dashes of a divider.
pub(super) const DIVIDERS: &str = "original message|reply message|replied message|reply|original|message d'origine|message original|mensaje original|\
     mensagem original|mensagem de origem|messaggio originale|messaggio di origine|ursprüngliche nachricht|\
     originalnachricht|original-nachricht|original nachricht|ursprungliche nachricht|antwort|antwort nachricht|oprindelig meddelelse|\
     oprindelig besked|opprinnelig melding|opprinnelig e-post|ursprungligt meddelande|originalmeddelande|\
     oorspronkelijk bericht|origineel bericht|alkuperäinen viesti|wiadomość oryginalna|oryginalna wiadomość|\
     původní zpráva|pôvodná správa|исходное сообщение|оригинальное сообщение|вихідне повідомлення|\
     eredeti üzenet|mesaj original|mesajul original|orijinal ileti|özgün ileti|αρχικό μήνυμα|原始邮件|原始郵件|原始訊息|\
     元のメッセージ|원본 메시지|원본 메일|الرسالة الأصلية|הודעה מקורית|thư gốc|pesan asli|original appointment|enter none";

/// Text between the dashes of a divider that begins a forwarded mail.
pub(super) const FORWARDS: &str = "forwarded message|forwarded by|weitergeleitete nachricht|weitergeleitete mail|message transféré|\
     message transmis|mensaje reenviado|mensagem encaminhada|messaggio inoltrato|doorgestuurd bericht|\
     videresendt meddelelse|videresendt besked|videresendt melding|vidarebefordrat meddelande|välitetty viesti|\
     wiadomość przekazana dalej|treść przekazanej wiadomości|přeposlaná zpráva|пересылаемое сообщение|\
     пересланное сообщение|переслане повідомлення|továbbított üzenet|mesaj redirecționat|iletilen mesaj|\
     转发邮件|转发的邮件|轉寄郵件|転送メッセージ|전달된 메시지";

/// Lines without dashes that begin a forwarded mail.
pub(super) const FORWARD_LINES: &str = "begin forwarded message|début du message réexpédié|début du message transféré|\
     anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail|inicio del mensaje reenviado|\
     inizio messaggio inoltrato|início da mensagem reencaminhada|início da mensagem encaminhada|\
     begin doorgestuurd bericht|vidarebefordrat brev|start på videresendt besked|начало переадресованного сообщения";

/// How mobile and advertising taglines begin (the line ends soon after).
pub(super) const TAGLINES: &str = "sent from (?:my|a|an|outlook|yahoo|mail|proton|samsung|windows|gmail|the|aol|mailbird|nine|blue|type|myMail|iphone|ipad|android|spark|airmail|newton|tutanota|polymail|zoho|aqua)|sent via|sent with|\
     sent using|sent by my|sent on the go|sent while mobile|get outlook for|download outlook|\
     von meinem .{1,60} gesendet|von .{1,40} gesendet|gesendet von|gesendet mit|gesendet über|gesendet aus|\
     diese nachricht wurde von .{1,60} gesendet|outlook für .{1,20} beziehen|envoyé de|envoyé depuis|envoyé à partir|\
     envoyé avec|télécharger outlook|téléchargez outlook|obtenez outlook|enviado desde|enviado do|enviado de|enviado a partir|\
     enviado con|enviado com|obtener outlook|obter o outlook|baixar o outlook|inviato da|inviato con|scarica outlook|ottieni outlook|\
     verzonden vanaf|verzonden met|verzonden via|verstuurd vanaf|verstuurd met|verzonden vanuit|verstuurd vanuit|outlook voor .{1,20} downloaden|\
     download outlook voor|sendt fra|sendt med|sendt via|hent outlook|få outlook|skickat från|skickat med|hämta outlook|\
     lähetetty|hanki outlook|wysłane z|wysłano z|wysłane za|pobierz outlook|odesláno z|odoslané z|отправлено с|отправлено из|\
     отправлено через|надіслано з|надіслано через|відправлено з|отримано з|изпратено от|发自我的|发自|從我的|从我的|寄自|iphoneから送信|ipadから送信|androidから送信|\
     내 .{1,30}에서 보냄|나의 .{1,30}에서 보냄|ارسلت من|أرسلت من|تم الإرسال من|אנא שלח מ|נשלח מ|trimis de pe|trimis din|\
     .{1,40} küldve$|.{1,30} eszközről küldve|iphone'umdan gönderildi|.{1,30} gönderildi$|στάλθηκε από|đã gửi từ|dikirim dari|\
     envoyé de mon|使用.{1,30}发送|用.{1,20}发送";

/// Phrases that hardly stand outside confidentiality notices.
pub(super) const DISCLAIMERS: &str = "intended recipient|intended addressee|intended solely for|intended only for|for the use of the (?:addressee)|\
     received this e-?mail in error|received this message in error|received this communication in error|received it in error|\
     if you are not the|notif. the sender|notif. us immediately|nicht der richtige adressat|nicht der beabsichtigte|irrtumlich erhalten|\
     informieren sie bitte sofort|destinataire prevu|pas le destinataire|recu ce message par erreur|recu cet? e-?mail par erreur|\
     a su destinatario|no es usted el destinatario|recibido este (?:mensaje) por error|recibido por error|destinado exclusivamente|\
     nao for o destinatario|recebeu esta mensagem por engano|ricevuto questo messaggio per errore|persone diverse dal destinatario|\
     niet de geadresseerde|ten onrechte ontvangen|ved en feil|ved en fejl|av misstag|otrzymali panstwo te wiadomosc";

/// Words that such notices hold besides.
pub(super) const DISCLAIMER_WORDS: &str = "confidential|privileged|unauthori[sz]ed|delete|disclos|prohibited|legally|virus|attachment|\
     vertraulich|unbefugt|loschen|confidentiel|confidencial|prohibid|riservat|vertrouwelijk|fortrolig|konfidentiell|poufn";

/// What the other sentences of such notices are about.
pub(super) const NOTICE_WORDS: &str = "liab|sender|recipient|addressee|e-?mail|\\bmail\\b|message|communication|transmission|transmitted|content|views?\\b|opinion|\\bauthor\\b|\\bregistered|company|limited|\\bprint|environment|\\bscan|secur|monitor|policy|privacy|gdpr|data protection|information|copyright|consent|individual|entity|trust|click|\\bopen|learn|report|https?:|www\\.|nachricht|empfanger|anhang|inhalt|haftung|geschaftsfuhr|handelsregister|sitz der|courriel|destinataire|piece|contenu|responsab|mensaje|correo|contenido|messaggio|contenuto|bericht|inhoud|mensagem|conteudo|meddelande|besked|wiadomo|сообщени|thank you for your cooperation";

/// Phrases of the banners that gateways put above foreign mail; two different ones make a banner.
pub(super) const BANNERS: &str = "external|caution|warning|outside of|outside your|outside the|outside our|originated|do not click|unknown sender|recognize the sender|\
     recognise the sender|be careful|safe|links|attachments|don't often get email|learn why this is important|\
     extern\\b|vorsicht|achtung|außerhalb|nicht auf links|absender|expéditeur|extérieur|attention|prudence|\
     externo\\b|precaución|atención|fuera de|cuidado|remitente|esterno|attenzione|let op|buiten de organisatie|afzender";

/// Words that close a letter.
pub(super) const SIGN_OFFS: &str = "best|best regards|kind regards|regards|warm regards|thanks|thank you|many thanks|cheers|sincerely|yours sincerely|\
     all the best|br|kr|rgds|best wishes|with kind regards|thanks and regards|mit freundlichen grüßen|freundliche grüße|viele grüße|\
     beste grüße|liebe grüße|grüße|gruß|mfg|vg|lg|cordialement|bien à vous|bien cordialement|salutations|merci|\
     saludos|un saludo|saludos cordiales|atentamente|gracias|cumprimentos|atenciosamente|obrigado|obrigada|abraços|\
     cordiali saluti|saluti|distinti saluti|grazie|met vriendelijke groet|groet|groeten|mvh|med venlig hilsen|vennlig hilsen|\
     hilsen|med vänliga hälsningar|vänliga hälsningar|hälsningar|ystävällisin terveisin|terveisin|pozdrawiam|z poważaniem|\
     s pozdravem|с уважением|з повагою|üdvözlettel|saygılarımla|cu stimă|με εκτίμηση";
