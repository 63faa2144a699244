//! Every localised form of the heads of quotes, each in the frames in which clients write it.

use super::*;

/// Attribution lines of clients, one a line.
const ATTRIBUTIONS: &str = "\
On Tue, Nov 3, 2026 at 10:12 AM Kim Doe <kim@seller.example> wrote:
On 03/11/2026 10:12, Kim Doe wrote:
On 3 Nov 2026, at 10:12, Kim Doe <kim@seller.example> wrote:
On Tuesday, November 3, 2026 10:12 AM, Kim Doe <kim@seller.example> wrote:
At 10:12 AM 11/3/2026, Kim Doe wrote:
* Kim Doe <kim@seller.example> [2026-11-03 10:12]:
Quoting Kim Doe <kim@seller.example>:
In message <20261103101200.1@seller.example> Kim Doe <kim@seller.example> writes:
Kim Doe <kim@seller.example> wrote on 11/03/2026 10:12:00 AM:
Kim Doe via Example <notify@seller.example> wrote on Nov 3, 2026:
--- On Tue, 11/3/26, Kim Doe <kim@seller.example> wrote:
---- On Tue, 03 Nov 2026 10:12:00 +0000 Kim Doe <kim@seller.example> wrote ----
Le mar. 3 nov. 2026 à 10:12, Kim Doe <kim@seller.example> a écrit :
Le 03/11/2026 à 10:12, Kim Doe a écrit :
Le mardi 3 novembre 2026 à 10:12, Kim Doe <kim@seller.example> a écrit :
El mar, 3 nov 2026 a las 10:12, Kim Doe (<kim@seller.example>) escribió:
El 3/11/26 a las 10:12, Kim Doe escribió:
El dt., 3 de nov. 2026 a les 10:12, Kim Doe (<kim@seller.example>) va escriure:
Em ter., 3 de nov. de 2026 às 10:12, Kim Doe <kim@seller.example> escreveu:
Em 03/11/2026 10:12, Kim Doe escreveu:
Il giorno mar 3 nov 2026 alle ore 10:12 Kim Doe <kim@seller.example> ha scritto:
Il 03/11/2026 10:12, Kim Doe ha scritto:
In data 3 novembre 2026 alle 10:12:00, Kim Doe (kim@seller.example) ha scritto:
Am Di., 3. Nov. 2026 um 10:12 Uhr schrieb Kim Doe <kim@seller.example>:
Am 03.11.26 um 10:12 schrieb Kim Doe:
Am Dienstag, 3. November 2026, 10:12 hat Kim Doe <kim@seller.example> geschrieben:
Kim Doe <kim@seller.example> hat am 03.11.2026 10:12 geschrieben:
Kim Doe <kim@seller.example> schrieb am Di., 3. Nov. 2026, 10:12:
Op di 3 nov 2026 om 10:12 schreef Kim Doe <kim@seller.example>:
Op 03-11-2026 om 10:12 schreef Kim Doe:
Op 3 nov. 2026 om 10:12 heeft Kim Doe <kim@seller.example> het volgende geschreven:
Den tis 3 nov. 2026 kl 10:12 skrev Kim Doe <kim@seller.example>:
Den 2026-11-03 kl. 10:12, skrev Kim Doe:
tir. 3. nov. 2026 kl. 10:12 skrev Kim Doe <kim@seller.example>:
Den tirs. 3. nov. 2026 kl. 10.12 skrev Kim Doe <kim@seller.example>:
På 3. november 2026 kl. 10:12:00, skrev Kim Doe <kim@seller.example>:
Þann þri., 3. nóv. 2026 kl. 10:12 skrifaði Kim Doe <kim@seller.example>:
ti 3. marrask. 2026 klo 10.12 Kim Doe (kim@seller.example) kirjoitti:
Kim Doe kirjoitti 3.11.2026 klo 10.12:
wt., 3 lis 2026 o 10:12 Kim Doe <kim@seller.example> napisał(a):
W dniu 03.11.2026 o 10:12, Kim Doe pisze:
Dnia 3 listopada 2026 10:12 Kim Doe <kim@seller.example> napisał(a):
Wiadomość napisana przez Kim Doe <kim@seller.example> w dniu 3 lis 2026, o godz. 10:12:
út 3. 11. 2026 v 10:12 odesílatel Kim Doe <kim@seller.example> napsal:
Dne 03. 11. 26 v 10:12 Kim Doe napsal(a):
ut 3. 11. 2026 o 10:12 Kim Doe <kim@seller.example> napísal(a):
Dňa 3. 11. 2026 o 10:12 Kim Doe napísal:
Kim Doe <kim@seller.example> ezt írta (időpont: 2026. nov. 3., K, 10:12):
2026. 11. 03. 10:12 keltezéssel, Kim Doe írta:
În mar., 3 nov. 2026 la 10:12, Kim Doe <kim@seller.example> a scris:
Pe 03.11.2026 10:12, Kim Doe a scris:
На вт, 3.11.2026 г. в 10:12 Kim Doe <kim@seller.example> написа:
вт, 3 нояб. 2026 г. в 10:12, Kim Doe <kim@seller.example>:
3 ноября 2026 г., в 10:12, Kim Doe <kim@seller.example> написал(а):
03.11.2026 10:12, Kim Doe пишет:
03.11.2026, 10:12, \"Kim Doe\" <kim@seller.example>:
Вторник, 3 ноября 2026, 10:12 +03:00 от Kim Doe <kim@seller.example>:
вт, 3 лист. 2026 р. о 10:12 Kim Doe <kim@seller.example> пише:
03.11.26 10:12, Kim Doe пише:
3 Kas 2026 Sal 10:12 tarihinde Kim Doe <kim@seller.example> şunu yazdı:
Kim Doe <kim@seller.example>, 3 Kas 2026 Sal, 10:12 tarihinde şunu yazdı:
Στις Τρί 3 Νοε 2026 στις 10:12 π.μ., ο χρήστης Kim Doe <kim@seller.example> έγραψε:
Στις 3/11/2026 10:12, ο/η Kim Doe έγραψε:
Vào Th 3, 3 thg 11, 2026 vào lúc 10:12 Kim Doe <kim@seller.example> đã viết:
Pada tanggal Sel, 3 Nov 2026 pukul 10.12 Kim Doe <kim@seller.example> menulis:
V V tor., 3. nov. 2026 ob 10:12 je oseba Kim Doe <kim@seller.example> napisala:
uto, 3. stu 2026. u 10:12 Kim Doe <kim@seller.example> napisao je:
Kim Doe <kim@seller.example> kirjutas kuupäeval T, 3. november 2026 kell 10:12:
2026-11-03, an, 10:12 Kim Doe <kim@seller.example> rašė:
otrd., 2026. g. 3. nov., plkst. 10:12 — lietotājs Kim Doe (<kim@seller.example>) rakstīja:
Kim Doe <kim@seller.example> 于2026年11月3日周二 10:12写道：
在 2026年11月3日，10:12，Kim Doe <kim@seller.example> 写道：
Kim Doe <kim@seller.example> 於 2026年11月3日 週二 上午10:12寫道：
在 2026/11/3 10:12, Kim Doe 写道:
---- 在 Tue, 03 Nov 2026 10:12:00 +0000 Kim Doe <kim@seller.example> 撰写 ----
2026年11月3日(火) 10:12 Kim Doe <kim@seller.example>:
2026/11/03 10:12、Kim Doe <kim@seller.example>のメール:
2026年11月3日 10:12、Kim Doe さんは書きました:
2026년 11월 3일 (화) 오전 10:12, Kim Doe <kim@seller.example>님이 작성:
2026. 11. 3. 오전 10:12, Kim Doe 작성:
בתאריך יום ג׳, 3 בנוב׳ 2026 ב-10:12 מאת Kim Doe <kim@seller.example>:
في الثلاثاء، 3 نوفمبر 2026 في 10:12 ص كتب Kim Doe <kim@seller.example>:
ในวันที่ อ. 3 พ.ย. 2026 เวลา 10:12 Kim Doe <kim@seller.example> เขียนว่า:
El mar., 3 nov. 2026 10:12, Kim Doe <kim@seller.example> escribió:
2026-11-03 10:12 GMT+01:00 Kim Doe <kim@seller.example>:
On Tue, Nov 3, 2026, 10:12 Kim Doe <kim@seller.example> wrote:
------- Original Message -------";

#[test]
fn attributions_end_the_typed_text() {
    let mut wrong = Vec::new();
    for line in ATTRIBUTIONS.lines() {
        let half =
            line.char_indices().filter(|(at, c)| *c == ' ' && *at >= line.len() / 2).map(|(at, _)| at).next();
        let wrapped = half.map_or(line.to_owned(), |at| format!("{}\n{}", &line[..at], &line[at + 1..]));
        for (frame, text) in [
            ("marked", format!("Confirmed.\n\n{line}\n\n> Hello Dana,\n> all passed.\n")),
            ("unmarked", format!("Confirmed.\n\n{line}\n\nHello Dana,\nall passed.\n")),
            ("wrapped", format!("Confirmed.\n\n{wrapped}\n> Hello Dana,\n> all passed.\n")),
            ("bottom", format!("{line}\n> Hello Dana,\n> all passed.\n\nConfirmed.\n")),
        ] {
            let r = plain(&text);
            if r.fresh != "Confirmed." || !r.sure {
                wrong.push(format!("{frame}: {line} -> {:?} {:?}", r.fresh, r.doubts));
            }
        }
        let escaped = line.replace('<', "&lt;").replace('>', "&gt;");
        let r = html(&format!(
            "<div>Confirmed.</div><div>{escaped}<br></div><blockquote><div>Hello Dana,</div><div>all passed.</div></blockquote>"
        ));
        if r.fresh != "Confirmed." || !r.sure {
            wrong.push(format!("html: {line} -> {:?} {:?}", r.fresh, r.doubts));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Labels of header blocks: from, date, to, subject.
const BLOCKS: &str = "\
From|Sent|To|Subject
From|Date|To|Subject
Von|Gesendet|An|Betreff
Von|Datum|An|Betreff
De|Envoyé|À|Objet
De|Date|À|Objet
De|Enviado|Para|Asunto
De|Fecha|Para|Asunto
De|Enviado|Para|Assunto
De|Data|Para|Assunto
Da|Inviato|A|Oggetto
Da|Data|A|Oggetto
Van|Verzonden|Aan|Onderwerp
Fra|Sendt|Til|Emne
Fra|Dato|Til|Emne
Från|Skickat|Till|Ämne
Lähettäjä|Lähetetty|Vastaanottaja|Aihe
Od|Wysłano|Do|Temat
Nadawca|Data|Do|Temat
Od|Odesláno|Komu|Předmět
Od|Dátum|Komu|Predmet
Feladó|Elküldve|Címzett|Tárgy
De la|Trimis|Către|Subiect
От|Отправлено|Кому|Тема
От|Дата|Кому|Тема
Від|Надіслано|Кому|Тема
Kimden|Gönderildi|Kime|Konu
Gönderen|Tarih|Kime|Konu
Από|Στάλθηκε|Προς|Θέμα
Από|Ημερομηνία|Προς|Θέμα
Saatja|Saadetud|Adressaat|Teema
发件人|发送时间|收件人|主题
寄件者|日期|收件者|主旨
差出人|送信日時|宛先|件名
보낸 사람|보낸 날짜|받는 사람|제목
من|تم الإرسال|إلى|الموضوع
מאת|נשלח|אל|נושא
Từ|Ngày|Đến|Chủ đề
Dari|Tanggal|Kepada|Subjek";

#[test]
fn header_blocks_end_the_typed_text() {
    let mut wrong = Vec::new();
    for labels in BLOCKS.lines() {
        let values = ["Kim Doe <kim@seller.example>", "2026-11-03 10:12", "Dana Ruiz", "Re: Result"];
        let fields: Vec<(&str, &str)> = labels.split('|').zip(values).collect();
        let lines = |open: &str, colon: &str| -> String {
            fields.iter().map(|(label, value)| format!("{open}{label}{colon} {value}\n")).collect()
        };
        for block in [
            lines("", ":"),
            lines("", " :"),
            lines("*", ":*"),
            lines("", "："),
            format!("________________________________\n{}", lines("", ":")),
        ] {
            let r = plain(&format!("Confirmed.\n\n{block}\nHello Dana,\n\nall passed.\n"));
            if r.fresh != "Confirmed." || !r.sure {
                wrong.push(format!("plain: {block:?} -> {:?}", r.fresh));
            }
        }
        let rows: String =
            fields.iter().map(|(l, v)| format!("<b>{l}:</b> {}<br>", v.replace('<', "&lt;"))).collect();
        let r = html(&format!(
            "<div>Confirmed.</div><div style=\"border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm\"><p class=MsoNormal>{rows}</p></div><p>Hello Dana,</p><p>all passed.</p>"
        ));
        if r.fresh != "Confirmed." || !r.sure {
            wrong.push(format!("html: {labels} -> {:?}", r.fresh));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Taglines of phones and programs.
const TAGLINES: &str = "\
Sent from my iPhone
Sent from Outlook for Android
Sent from Proton Mail for iOS
Sent via BlackBerry by AT&T
Get Outlook for iOS<https://aka.ms/o0ukef>
Von meinem iPhone gesendet
Gesendet von Mail für Windows
Gesendet mit der GMX Mail App
Outlook für Android beziehen
Diese Nachricht wurde von meinem Android-Gerät mit GMX Mail gesendet.
Envoyé de mon iPhone
Envoyé depuis mon mobile Orange
Télécharger Outlook pour Android
Enviado desde mi iPhone
Enviado do meu iPhone
Obter o Outlook para iOS
Inviato da iPhone
Verzonden vanaf mijn iPhone
Verstuurd vanaf mijn iPad
Sendt fra min iPhone
Hent Outlook til iOS
Skickat från min iPhone
Lähetetty iPhonesta
Wysłane z iPhone'a
Odesláno z iPhonu
Odoslané z iPhonu
Отправлено с iPhone
Отправлено из мобильной Почты Mail.ru
Надіслано з iPhone
发自我的iPhone
從我的 iPhone 傳送
iPhoneから送信
나의 iPhone에서 보냄
أُرسلت من الـ iPhone الخاص بي
נשלח מה-iPhone שלי
iPhone'umdan gönderildi
Trimis de pe iPhone-ul meu
Iphone-ról küldve
Στάλθηκε από το iPhone μου
Được gửi từ iPhone của tôi
Dikirim dari iPhone saya
Изпратено от моя iPhone
Poslano s mojeg iPhonea";

#[test]
fn taglines_are_not_typed() {
    let mut wrong = Vec::new();
    for line in TAGLINES.lines() {
        let r = plain(&format!("Confirmed.\n\n{line}\n\n> Hello\n"));
        if r.fresh != "Confirmed." || !r.sure {
            wrong.push(format!("{line} -> {:?}", r.fresh));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Dividers of clients.
const DIVIDERS: &str = "\
-----Original Message-----
-------- Original message --------
-----Ursprüngliche Nachricht-----
-------- Original-Nachricht --------
-----Message d'origine-----
-----Message original-----
-----Mensaje original-----
-----Mensagem original-----
-----Messaggio originale-----
-----Oorspronkelijk bericht-----
-----Oprindelig meddelelse-----
-----Opprinnelig melding-----
-----Ursprungligt meddelande-----
-----Alkuperäinen viesti-----
-----Wiadomość oryginalna-----
-----Původní zpráva-----
-----Eredeti üzenet-----
-----Исходное сообщение-----
-----原始邮件-----
------------------ 原始邮件 ------------------
-----元のメッセージ-----
-----원본 메시지-----
---------- Replied Message ----------
__________ Original Message __________";

#[test]
fn dividers_end_the_typed_text() {
    for line in DIVIDERS.lines() {
        let r =
            plain(&format!("Confirmed.\n\n{line}\nFrom: Kim <kim@seller.example>\nTo: Dana\n\nHello Dana\n"));
        assert_eq!(r.fresh, "Confirmed.", "{line}");
        assert!(r.sure && r.unsure.is_empty(), "{line}");
    }
}

#[test]
fn begun_forwards() {
    for line in [
        "---------- Forwarded message ---------",
        "Begin forwarded message:",
        "Anfang der weitergeleiteten Nachricht:",
        "Début du message réexpédié :",
        "Inicio del mensaje reenviado:",
        "Inizio messaggio inoltrato:",
        "Início da mensagem encaminhada:",
        "-------- Weitergeleitete Nachricht --------",
        "-------- Message transféré --------",
        "-------- Mensaje reenviado --------",
        "-------- Messaggio inoltrato --------",
        "-------- Doorgestuurd bericht --------",
        "---------- Пересылаемое сообщение ----------",
        "---------- 转发的邮件 ----------",
    ] {
        let r = plain(&format!(
            "See below.\n\n{line}\n\nFrom: Ann <ann@acme.example>\nSubject: x\nDate: 3 Nov 2026\nTo: Dana\n\nWe confirm.\n"
        ));
        assert_eq!(r.fresh, "See below.", "{line}");
        assert_eq!(of_kind(&r, SegmentKind::Forwarded), "We confirm.", "{line}");
    }
}
