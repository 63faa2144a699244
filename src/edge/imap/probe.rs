//! Looks whether a folder can be watched, step by step, and says what to do about the step that fails. Changes nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::strtime;
use tokio::sync::watch;

use super::connect;
use super::error::Error;
use super::session::{Listed, Session, Wake};
use super::settings::{Settings, SignIn, Tls};
use crate::edge::finding::Finding;
use crate::edge::source::{Fatal, Intake, Progress};

/// Newest messages that are looked at: enough that one of them came from outside.
const NEWEST: u32 = 5;
/// UIDs behind the end that are searched for them: gaps are normal.
const SEARCHED: u32 = 200;
/// Octets of each that are read: headers and the start of the body.
const OCTETS: usize = 256 << 10;
/// How long the trial of IDLE is.
const IDLE_TRIAL: Duration = Duration::from_secs(1);
/// Clocks that differ by more are wrong: DKIM's `t=` and `x=` and every deadline rest on them.
const SKEW_MAX: Duration = Duration::from_secs(300);
/// Folders that are named when the wanted one is missing.
const FOLDERS_SHOWN: usize = 20;

/// What was found, and the newest mail.
#[derive(Debug, Default)]
pub struct Probed {
    /// The steps in their order; the last one is the one that failed, if any did.
    pub findings: Vec<Finding>,
    /// The newest messages, newest first, perhaps cut.
    pub newest: Vec<Vec<u8>>,
}

/// Connects, signs in, opens the folder, tries IDLE and reads the newest mail.
pub async fn probe(settings: &Settings) -> Probed {
    let mut probed = Probed::default();
    if let Err(finding) = steps(settings, &mut probed).await {
        probed.findings.push(finding);
    }
    probed
}

async fn steps(settings: &Settings, probed: &mut Probed) -> Result<(), Finding> {
    let broken =
        |fatal: Fatal| Finding::failed("settings", fatal.to_string(), "Correct the [[mailbox]] block.");
    settings.check().map_err(broken)?;
    let tls = connect::tls(settings).map_err(broken)?;
    let mut settings = settings.clone();
    settings.timings.idle_renew = IDLE_TRIAL;
    settings.timings.idle_round_max = IDLE_TRIAL;
    let mut session = connect::connect(&settings, tls.as_ref()).await.map_err(|e| why(&settings, &e))?;
    let (host, port) = (&settings.host, settings.port);
    probed.findings.push(Finding::ok("connect", format!("{host}:{port} answers")));
    probed.findings.push(match settings.tls {
        Tls::None => Finding::ok("tls", "none, on loopback"),
        Tls::Implicit | Tls::StartTls => Finding::ok("tls", format!("the certificate is good for {host}")),
    });
    probed.findings.push(Finding::ok("sign_in", format!("as {}", settings.user)));
    probed.findings.push(capabilities(&session));
    open(&settings, &mut session, probed).await?;
    probed.findings.push(idle(&mut session).await?);
    read_newest(&mut session, probed).await?;
    session.logout().await;
    Ok(())
}

fn capabilities(session: &Session) -> Finding {
    if session.can("IDLE") {
        return Finding::ok("capabilities", "IMAP4rev1 with IDLE");
    }
    Finding::warning(
        "capabilities",
        "the server offers no IDLE: new mail is noticed by polling",
        "Nothing must be done; `poll_seconds` in the [[mailbox]] block says how often it is looked at.",
    )
}

async fn open(settings: &Settings, session: &mut Session, probed: &mut Probed) -> Result<(), Finding> {
    let folder = match session.examine(&settings.folder).await {
        Ok(folder) => folder,
        Err(error) => {
            let names =
                if error.leaves_session() { session.folders().await.unwrap_or_default() } else { Vec::new() };
            let known: Vec<&str> = names.iter().take(FOLDERS_SHOWN).map(String::as_str).collect();
            let fix = match &error {
                Error::Permission(_) => PERMISSION.to_owned(),
                _ if known.is_empty() => "Check `folder` in the [[mailbox]] block.".to_owned(),
                _ => format!("Set `folder` to one of the server's: {}.", known.join(", ")),
            };
            let check = if matches!(error, Error::Permission(_)) { "permission" } else { "folder" };
            return Err(Finding::failed(check, format!("{}: {error}", settings.folder), fix));
        }
    };
    probed.findings.push(match folder.uid_validity {
        Some(epoch) => Finding::ok(
            "folder",
            format!("{}: {} messages, UIDVALIDITY {epoch}, opened read-only", settings.folder, folder.exists),
        ),
        None => Finding::warning(
            "folder",
            format!(
                "{}: the server gives no UIDVALIDITY; everything is read again at each connection",
                settings.folder
            ),
            "Ask the provider: RFC 3501 §2.3.1.1 demands it.",
        ),
    });
    Ok(())
}

async fn idle(session: &mut Session) -> Result<Finding, Finding> {
    if !session.can("IDLE") {
        return Ok(Finding::ok("idle", "not offered"));
    }
    let (_keep, mut stop) = watch::channel(false);
    let (intake, _deliveries) = Intake::new(Arc::new(Progress::default()));
    match session.idle(&mut stop, &intake).await {
        Ok(Wake::EndedByServer) => Ok(poor_idle("the server ends IDLE at once")),
        Ok(_) => Ok(Finding::ok("idle", "begins, and DONE is answered")),
        Err(error) if error.leaves_session() => Ok(poor_idle(&error.to_string())),
        Err(error) => {
            Err(Finding::failed("idle", error.to_string(), "See whether a firewall cuts the connection."))
        }
    }
}

fn poor_idle(text: &str) -> Finding {
    Finding::warning("idle", text, "Nothing must be done: the folder is polled instead.")
}

async fn read_newest(session: &mut Session, probed: &mut Probed) -> Result<(), Finding> {
    let unreadable = |error: Error| {
        Finding::failed(
            "read",
            error.to_string(),
            "The account must be allowed to read messages (IMAP right `r`); see also the server's log.",
        )
    };
    let lo = session.folder().uid_next.map_or(1, |next| next.saturating_sub(SEARCHED).max(1));
    let mut listed: Vec<Listed> = Vec::new();
    session.list(lo, None, false, &mut listed).await.map_err(unreadable)?;
    let newest: Vec<u32> = listed.iter().rev().take(NEWEST as usize).map(|l| l.uid).collect();
    let Some(&last) = newest.first() else {
        probed.findings.push(Finding::warning(
            "read",
            "no mail among the newest UIDs: nothing to look at",
            "Send a mail to the evidence address from outside, then run this again.",
        ));
        return Ok(());
    };
    for uid in &newest {
        let mut bodies = Vec::new();
        session.bodies((*uid, *uid), Some(OCTETS), |_, raw| bodies.push(raw)).await.map_err(unreadable)?;
        probed.newest.append(&mut bodies);
    }
    let read = probed.newest.len();
    probed.findings.push(Finding::ok("read", format!("the newest {read} messages, flags untouched")));
    let arrived = session.internal_date(last).await.map_err(unreadable)?;
    if let Some(finding) = arrived.as_deref().and_then(|text| clock(text, Timestamp::now())) {
        probed.findings.push(finding);
    }
    Ok(())
}

/// Compares our clock with the time at which the server says that a message came in: it cannot lie ahead.
fn clock(internal_date: &str, now: Timestamp) -> Option<Finding> {
    let time = strtime::parse("%d-%b-%Y %H:%M:%S %z", internal_date.trim()).ok()?.to_timestamp().ok()?;
    let ahead = Duration::try_from(time.duration_since(now)).unwrap_or_default();
    Some(if ahead > SKEW_MAX {
        Finding::failed(
            "clock",
            format!("the newest message arrived {} s in the future by the server's clock", ahead.as_secs()),
            "Set this machine's clock (timedatectl set-ntp true): signatures and deadlines rest on it.",
        )
    } else {
        Finding::ok(
            "clock",
            format!("the newest message arrived {time} by the server's clock, it is {now} here"),
        )
    })
}

const PERMISSION: &str = "Microsoft 365: New-ServicePrincipal with the object id of the enterprise application, then \
    Add-MailboxPermission -AccessRights FullAccess (docs/MAILBOX.md, step 4); check that `user` is the shared mailbox.";

/// The step at which a connection failed, and what to do.
pub(super) fn why(settings: &Settings, error: &Error) -> Finding {
    let (host, port) = (&settings.host, settings.port);
    let at = |check, fix: String| Finding::failed(check, format!("{host}:{port}: {error}"), fix);
    match error {
        Error::Password(_) => at(
            "secret",
            "Check the source of the password. A credential is there only inside the service: by hand, set \
             CREDENTIALS_DIRECTORY to the folder that holds it."
                .into(),
        ),
        Error::Io(_) | Error::Timeout("connect") => at(
            "connect",
            format!("Check `host` and `port`, the name in the DNS, and that a firewall lets {port} out."),
        ),
        Error::Tls(_) | Error::Timeout("TLS handshake" | "STARTTLS") => at(
            "tls",
            "The certificate must carry `host`. Port 993 wants tls = \"implicit\", port 143 \"starttls\"; a private \
             authority goes into `ca_file`."
                .into(),
        ),
        Error::Eof | Error::Bye(_) | Error::Unreadable | Error::Timeout("greeting") => at(
            "greeting",
            "The server took the connection and did not speak IMAP: check `port` and `tls`, or wait if it is busy.".into(),
        ),
        Error::Permission(_) => at("permission", PERMISSION.into()),
        Error::Credentials(text) | Error::Token { text, .. } => at("sign_in", sign_in(settings, text)),
        _ => at("sign_in", "The server refuses for now: try again, and see its words.".into()),
    }
}

/// Words of token endpoints and servers, and what each means.
const SIGN_IN: &[(&str, &str)] = &[
    ("AADSTS7000215", "The client secret is wrong: copy its *value*, not its id (step 2)."),
    ("AADSTS7000222", "The client secret has run out: make a new one (step 2)."),
    ("AADSTS700016", "`client_id` is not known in this directory: check `client_id` and `tenant` (step 1)."),
    ("AADSTS90002", "`tenant` is not known: use the directory (tenant) id (step 1)."),
    ("AADSTS65001", "Consent is missing: *Grant admin consent* (step 3)."),
    (
        "invalid_grant",
        "The refresh token was withdrawn or has run out: let the mailbox's owner consent again. Google: \
      publish the consent screen, tokens of an app in testing end after seven days.",
    ),
    ("invalid_client", "`client_id` or the client secret is wrong."),
    ("invalid_scope", "Check `scope`, or leave it out to use the provider's."),
    ("Application-specific password", "Gmail wants an app password or [mailbox.oauth2] (docs/MAILBOX.md)."),
];

fn sign_in(settings: &Settings, text: &str) -> String {
    if let Some((_, fix)) = SIGN_IN.iter().find(|(word, _)| text.contains(word)) {
        return format!("{fix} See docs/MAILBOX.md.");
    }
    match settings.sign_in {
        SignIn::Password(_) => "Check `user` and the password. Gmail wants an app password; Microsoft 365 takes no \
            passwords at all: use [mailbox.oauth2]."
            .into(),
        SignIn::OAuth2(_) => "The token was granted and the mail server refuses it: application permission \
            IMAP.AccessAsApp with admin consent (Microsoft 365, step 3) or scope https://mail.google.com/ (Gmail); \
            `user` must be the mailbox itself."
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::Password;
    use crate::edge::finding::Grade;

    #[test]
    fn a_clock_that_is_behind_is_found() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let grade = |text: &str| clock(text, now).map(|finding| finding.result);
        assert_eq!(grade("22-Nov-2026 12:59:00 +0100"), Some(Grade::Ok));
        assert_eq!(grade(" 2-Nov-2026 12:59:00 +0000"), Some(Grade::Ok));
        assert_eq!(grade("22-Nov-2026 12:06:00 +0000"), Some(Grade::Failed));
        assert_eq!(grade("nonsense"), None);
    }

    #[test]
    fn each_failure_names_its_step() {
        let settings = Settings::new("imap.example.com", "evidence", Password::Fixed("x".into()));
        let step = |error: Error| why(&settings, &error).check;
        assert_eq!(step(Error::Timeout("connect")), "connect");
        assert_eq!(step(Error::Tls("bad".into())), "tls");
        assert_eq!(step(Error::Eof), "greeting");
        assert_eq!(step(Error::Password("none".into())), "secret");
        assert_eq!(step(Error::Permission("User is authenticated but not connected.".into())), "permission");
        let fix = |text: &str| why(&settings, &Error::Credentials(text.into())).fix.unwrap();
        assert!(fix("invalid_client: AADSTS7000215: Invalid client secret").contains("*value*"));
        assert!(fix("[AUTHENTICATIONFAILED] no").contains("app password"));
    }
}
