//! The IMAP source against servers that fail in every way that async-imap would call success.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use endorsed::edge::imap::{self, Settings, Tls};
use endorsed::edge::source::{Fatal, Fetched};
use endorsed::record::{Cursor, Place};

use crate::scripted::{Act, Call, Folder, Server, fetch, say};
use crate::source_contract::{Running, Sink, message, until};

const SOON: Duration = Duration::from_secs(10);

fn run(settings: &Settings, cursor: Option<Cursor>, sink: &Sink) -> Running {
    Running::start(|stop| imap::watch(settings.clone(), cursor, sink.intake.clone(), stop))
}

fn all(uids: impl IntoIterator<Item = usize>) -> BTreeSet<Vec<u8>> {
    uids.into_iter().map(message).collect()
}

fn uids(sink: &Sink) -> Vec<u32> {
    let uid = |f: Fetched| match f.place {
        Place::Imap { uid, .. } => uid,
        other => panic!("{other:?}"),
    };
    sink.stored().into_iter().map(uid).collect()
}

/// Runs against the server until `n` messages are stored and a cycle was completed after that.
async fn read_all(server: &Server, n: usize) -> Sink {
    let sink = Sink::new();
    let running = run(&server.settings(), None, &sink);
    sink.wait_for(n, SOON).await;
    sink.wait_for_cycle().await;
    running.stop().await;
    sink
}

/// A script that misbehaves at the first fitting command only.
fn once(
    fits: fn(&Call<'_>) -> bool,
    acts: Vec<Act>,
) -> impl Fn(&Call<'_>) -> Option<Vec<Act>> + Send + Sync + 'static {
    let left = AtomicUsize::new(1);
    move |call| (fits(call) && left.swap(0, Ordering::SeqCst) == 1).then(|| acts.clone())
}

fn failures() -> Vec<(&'static str, Vec<Act>)> {
    let first = Act::Say(fetch(1, 1, true));
    vec![
        ("NO", vec![say("{T} NO [UNAVAILABLE] x")]),
        ("BAD", vec![say("{T} BAD x")]),
        ("BYE", vec![say("* BYE going"), Act::Close]),
        ("end", vec![Act::Close]),
        ("silence", vec![Act::Hang]),
        ("nonsense", vec![say("* %% what")]),
        ("one, NO", vec![first.clone(), say("{T} NO [LIMIT] x")]),
        ("one, BYE", vec![first.clone(), say("* BYE going"), Act::Close]),
        ("one, end", vec![first.clone(), Act::Close]),
        ("one, silence", vec![first.clone(), Act::Hang]),
        ("one and three, end", vec![first.clone(), Act::Say(fetch(3, 3, true)), Act::Close]),
        ("three, OK", vec![Act::Say(fetch(3, 3, true)), say("{T} OK done")]),
        ("one, OK", vec![first.clone(), say("{T} OK done")]),
        ("one, NIL, OK", vec![first, say("* 2 FETCH (UID 2 BODY[] NIL)"), say("{T} OK done")]),
        ("OK", vec![say("{T} OK done")]),
    ]
}

#[tokio::test]
async fn a_failed_fetch_loses_nothing_and_doubles_nothing() {
    for (name, acts) in failures() {
        let server = Server::start(Folder::new(1..=3), once(|call| call.is_bodies(), acts)).await;
        let sink = read_all(&server, 3).await;
        assert_eq!((sink.len(), sink.bodies()), (3, all(1..=3)), "{name}");
        // In order: had we been stopped in between, the highest UID stored would not pass over a gap.
        assert_eq!(uids(&sink), [1, 2, 3], "{name}");
    }
}

#[tokio::test]
async fn a_failed_listing_is_not_an_empty_mailbox() {
    // A tagged OK is the server's word; everything else is a failure.
    for (name, acts) in failures().into_iter().filter(|(name, _)| !name.contains("OK")) {
        let server = Server::start(Folder::new(1..=3), once(|call| call.is_listing(), acts)).await;
        let sink = read_all(&server, 3).await;
        assert_eq!((sink.len(), sink.bodies()), (3, all(1..=3)), "{name}");
    }
}

#[tokio::test]
async fn a_connection_cut_at_any_octet_loses_nothing() {
    let length = (1..=3).map(|n| fetch(n, n as usize, true).len()).sum::<usize>();
    let mut runs = Vec::new();
    for n in (0..length + 12).step_by(5) {
        runs.push(tokio::spawn(async move {
            let script = once(|call| call.is_bodies(), vec![Act::UsualUpTo(n), Act::Close]);
            let server = Server::start(Folder::new(1..=3), script).await;
            let sink = read_all(&server, 3).await;
            assert_eq!((sink.len(), sink.bodies()), (3, all(1..=3)), "cut at {n}");
        }));
    }
    for run in runs {
        run.await.unwrap();
    }
}

#[tokio::test]
async fn one_message_that_is_always_refused_is_set_aside() {
    for (name, failure) in [
        ("NO", vec![say("{T} NO [SERVERBUG] cannot read it")]),
        ("BYE", vec![say("* BYE FETCH failed"), Act::Close]),
        ("end", vec![Act::Close]),
        ("NIL", vec![say("* 4 FETCH (UID 4 BODY[] NIL)"), say("{T} OK done")]),
    ] {
        let script = move |call: &Call<'_>| {
            let mut words = call.command.split([' ', ':']).filter_map(|w| w.parse::<u32>().ok());
            let (lo, hi) = (words.next()?, words.next()?);
            let failing = call.is_bodies() && (lo..=hi).contains(&4);
            let before = Act::Say((lo..4).map(|uid| fetch(uid, uid as usize, true)).collect());
            failing.then(|| [vec![before], failure.clone()].concat())
        };
        let server = Server::start(Folder::new(1..=9), script).await;
        let sink = read_all(&server, 8).await;
        assert_eq!((sink.len(), sink.bodies()), (8, all([1, 2, 3, 5, 6, 7, 8, 9])), "{name}");
        assert!(server.connections() <= 6, "{name}: {} connections", server.connections());
    }
}

#[tokio::test]
async fn a_wrong_size_throws_no_message_away() {
    let server = Server::start(Folder::new(1..=3), |call| {
        let lie = Act::Say("* 2 FETCH (UID 2 RFC822.SIZE 99000000)\r\n* 3 FETCH (UID 3)\r\n".into());
        let sized = call.is_listing() && call.command.contains("SIZE") && call.command.contains(" 1:");
        sized.then(|| vec![Act::Say(fetch(1, 1, false)), lie, say("{T} OK done")])
    })
    .await;
    let sink = read_all(&server, 3).await;
    assert_eq!((uids(&sink), sink.bodies(), server.connections()), (vec![1, 2, 3], all(1..=3), 1));
}

#[tokio::test]
async fn without_uidvalidity_an_unreadable_message_stops_nothing_either() {
    let server = Server::start(Folder { uid_validity: None, ..Folder::new(1..=3) }, |call| {
        (call.is_bodies() && call.command.contains("FETCH 1:")).then(|| vec![say("* BYE failed"), Act::Close])
    })
    .await;
    let sink = Sink::new();
    let running = run(&server.settings(), None, &sink);
    sink.wait_for_first_cycle().await;
    running.stop().await;
    assert_eq!(sink.bodies(), all(2..=3));
}

#[tokio::test]
async fn throttling_blames_no_message() {
    let answers = Arc::new(AtomicUsize::new(0));
    let count = answers.clone();
    let server = Server::start(Folder::new(1..=3), move |call| {
        let throttled = call.is_bodies() && count.fetch_add(1, Ordering::SeqCst) < 6;
        throttled.then(|| vec![say("{T} NO Request is throttled. Suggested Backoff Time: 50 milliseconds")])
    })
    .await;
    let sink = read_all(&server, 3).await;
    assert_eq!((sink.len(), sink.bodies()), (3, all(1..=3)));
    assert!(answers.load(Ordering::SeqCst) > 6);
}

#[tokio::test]
async fn lines_that_nobody_asked_for_do_not_confuse() {
    let noise = "* 2 FETCH (FLAGS (\\Seen))\r\n* NO disk is 95% full\r\n* 9 FETCH (UID 900 BODY[] {1}\r\nx)\r\n\
                 * 1 FETCH (UID 900 RFC822.SIZE 5)\r\n* 3 RECENT\r\n";
    let server = Server::start(Folder::new(1..=3), move |call| {
        let quiet = call.command.starts_with("GREETING") || call.command.starts_with("LOGOUT");
        // An open-ended listing may name new messages; these would be fetched, in vain.
        let open = call.command.contains(":*");
        (!quiet && !open).then(|| vec![Act::Say(noise.into()), Act::Usual])
    })
    .await;
    let sink = read_all(&server, 3).await;
    assert_eq!((sink.len(), sink.bodies(), server.connections()), (3, all(1..=3), 1));
}

#[tokio::test]
async fn a_message_removed_before_it_was_read_is_gone_not_awaited() {
    let server = Server::start(Folder::new(1..=3), |call| {
        let listed = call.is_listing() && call.command.contains("SIZE") && call.command.contains("1:");
        let ghost = Act::Say("* 4 FETCH (UID 2 RFC822.SIZE 5)\r\n".into());
        listed.then(|| vec![ghost, Act::Usual])
    })
    .await;
    server.folder.lock().unwrap().uids = vec![1, 3];
    let sink = read_all(&server, 2).await;
    assert_eq!((sink.bodies(), server.connections()), (all([1, 3]), 1));
}

#[tokio::test]
async fn idle_refused_means_polling() {
    for refusal in
        [vec![say("{T} NO not now")], vec![say("{T} BAD what?")], vec![say("+ idling"), say("{T} OK over")]]
    {
        let server =
            Server::start(Folder::new(1..=1), move |call| (call.command == "IDLE").then(|| refusal.clone()))
                .await;
        let sink = Sink::new();
        let running = run(&server.settings(), None, &sink);
        sink.wait_for(1, SOON).await;
        server.folder.lock().unwrap().uids.push(2);
        sink.wait_for(2, SOON).await;
        running.stop().await;
        assert_eq!((server.connections(), server.count("IDLE")), (1, 1));
    }
}

/// Long before the IDLE round ends: nothing else ever wakes the session.
async fn second_message_comes_at_once(server: &Server) {
    let mut settings = server.settings();
    settings.timings.idle_renew = Duration::from_secs(60);
    let sink = Sink::new();
    let running = run(&settings, None, &sink);
    sink.wait_for(2, Duration::from_secs(2)).await;
    running.stop().await;
}

#[tokio::test]
async fn news_before_the_continuation_is_not_slept_over() {
    let acts = vec![Act::Arrive(2), say("* 2 EXISTS"), Act::Usual];
    let server = Server::start(Folder::new(1..=1), once(|call| call.command == "IDLE", acts)).await;
    second_message_comes_at_once(&server).await;
}

#[tokio::test]
async fn news_during_a_fetch_is_not_slept_over() {
    let acts = vec![Act::Usual, Act::Arrive(2)];
    let noted = once(|call| call.is_listing() && call.command.contains(":*"), acts);
    let server = Server::start(Folder::new(1..=1), move |call| {
        // The notice comes with the next answer, as from a real server.
        let notice = call.command == "IDLE";
        noted(call).or_else(|| notice.then(|| vec![say("* 2 EXISTS"), Act::Usual]))
    })
    .await;
    second_message_comes_at_once(&server).await;
}

#[tokio::test]
async fn a_uidvalidity_that_changes_inside_a_session_ends_it() {
    let acts = vec![Act::Usual, say("* OK [UIDVALIDITY 9] renumbered")];
    let server = Server::start(Folder::new(1..=2), once(|call| call.command == "IDLE", acts)).await;
    let sink = Sink::new();
    let folder = server.folder.clone();
    let running = run(&server.settings(), None, &sink);
    sink.wait_for(2, SOON).await;
    folder.lock().unwrap().uid_validity = Some(9);
    until(
        SOON,
        || sink.cursor().is_some_and(|c| c.uid_validity == 9 && c.uid == 2),
        || format!("{:?}", sink.cursor()),
    )
    .await;
    running.stop().await;
}

#[tokio::test]
async fn keepalives_do_not_extend_an_idle_round() {
    let server = Server::start(Folder::new(1..=1), |call| {
        let keepalive = Act::Keepalive(Duration::from_millis(30));
        (call.command == "IDLE").then(|| vec![Act::Usual, keepalive])
    })
    .await;
    let mut settings = server.settings();
    settings.timings.idle_renew = Duration::from_millis(500);
    settings.timings.idle_round_max = Duration::from_millis(800);
    let sink = Sink::new();
    let running = run(&settings, None, &sink);
    sink.wait_for(1, SOON).await;
    // Arrives without any notice.
    server.folder.lock().unwrap().uids.push(2);
    sink.wait_for(2, Duration::from_secs(3)).await;
    running.stop().await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_link_that_died_in_idle_is_noticed() {
    for (at, acts) in
        [("IDLE", vec![Act::Usual, Act::Hang]), ("DONE", vec![Act::Hang]), ("IDLE", vec![Act::Hang])]
    {
        let server = Server::start(Folder::new(1..=1), move |call| {
            (call.connection == 0 && call.command == at).then(|| acts.clone())
        })
        .await;
        let mut settings = server.settings();
        settings.timings.idle_renew = Duration::from_millis(300);
        let sink = Sink::new();
        let running = run(&settings, None, &sink);
        sink.wait_for(1, SOON).await;
        server.folder.lock().unwrap().uids.push(2);
        sink.wait_for(2, Duration::from_secs(4)).await;
        running.stop().await;
        assert!(server.connections() >= 2);
    }
}

#[tokio::test]
async fn a_hostile_greeting_gets_no_password() {
    for greeting in
        [vec![say("* BYE overloaded"), Act::Close], vec![say("* PREAUTH welcome")], vec![Act::Close]]
    {
        let server = Server::start(Folder::new([1]), move |call| {
            (call.connection < 2 && call.command == "GREETING").then(|| greeting.clone())
        })
        .await;
        let sink = read_all(&server, 1).await;
        assert_eq!(sink.len(), 1);
        assert_eq!(server.count("LOGIN"), 1, "only the third connection greets as it should");
    }
}

#[tokio::test]
async fn a_refused_starttls_does_not_fall_back() {
    let server =
        Server::start(Folder::new([1]), |call| (call.command == "STARTTLS").then(|| vec![say("{T} NO")]))
            .await;
    let mut settings = server.settings();
    settings.tls = Tls::StartTls;
    let sink = Sink::new();
    let running = run(&settings, None, &sink);
    until(SOON, || server.count("STARTTLS") > 1, || "no second try".into()).await;
    running.stop().await;
    assert_eq!(server.count("LOGIN"), 0);
}

#[tokio::test]
async fn a_busy_server_is_not_taken_for_a_wrong_password() {
    let busy = Server::start(Folder::new([1]), |call| {
        let refused = call.connection < 2 && call.command.starts_with("LOGIN");
        refused.then(|| vec![say("{T} NO [UNAVAILABLE] try again later")])
    })
    .await;
    assert_eq!(read_all(&busy, 1).await.len(), 1);
    let wrong = Server::start(Folder::new([1]), |call| {
        call.command.starts_with("LOGIN").then(|| vec![say("{T} NO [AUTHENTICATIONFAILED] no")])
    })
    .await;
    let ended = run(&wrong.settings(), None, &Sink::new()).end().await;
    assert!(matches!(ended, Err(Fatal::Credentials(text)) if text.contains("AUTHENTICATIONFAILED")));
}

#[tokio::test]
async fn the_cursor_holds_only_while_the_epoch_does() {
    let at = |uid_validity, uid| Some(Cursor { uid_validity, uid });
    let folder = |uid_validity, uid_next| Folder { uid_validity, uid_next, ..Folder::new(1..=5) };
    for (name, folder, cursor, expected) in [
        ("same epoch", folder(Some(7), Some(6)), at(7, 3), all(4..=5)),
        ("no UIDNEXT", folder(Some(7), None), at(7, 3), all(4..=5)),
        ("nothing new", folder(Some(7), Some(6)), at(7, 5), all([])),
        ("new epoch", folder(Some(8), Some(6)), at(7, 3), all(1..=5)),
        ("epoch 0 is an epoch", folder(Some(0), Some(6)), at(0, 3), all(4..=5)),
        ("UIDNEXT went back", folder(Some(7), Some(6)), at(7, 900), all(1..=5)),
        ("no UIDVALIDITY", folder(None, Some(6)), at(7, 3), all(1..=5)),
    ] {
        let server = Server::start(folder, |_| None).await;
        let sink = Sink::new();
        let running = run(&server.settings(), cursor, &sink);
        sink.wait_for(expected.len(), SOON).await;
        sink.wait_for_cycle().await;
        running.stop().await;
        assert_eq!((sink.len(), sink.bodies()), (expected.len(), expected), "{name}");
    }
}

#[tokio::test]
async fn a_large_gap_between_uids_costs_few_commands() {
    let server = Server::start(Folder::new([1, 2, 4_000_000_000]), |_| None).await;
    let sink = read_all(&server, 3).await;
    assert_eq!(sink.len(), 3);
    assert!(server.count("UID FETCH") < 30, "{} commands", server.count("UID FETCH"));
}

#[tokio::test]
async fn reconnects_do_not_storm() {
    // Logging in works, the session dies at once: success at login must not reset the backoff.
    let server =
        Server::start(Folder::new([1]), |call| call.command.starts_with("EXAMINE").then(|| vec![Act::Close]))
            .await;
    let mut settings = server.settings();
    settings.timings.backoff_min = Duration::from_millis(50);
    settings.timings.backoff_max = Duration::from_secs(60);
    let sink = Sink::new();
    let start = Instant::now();
    let running = run(&settings, None, &sink);
    tokio::time::sleep(Duration::from_secs(2)).await;
    running.stop().await;
    assert!(start.elapsed() < Duration::from_secs(4), "the stop signal ends a wait");
    assert!(server.connections() <= 14, "{} connections in 2 s", server.connections());
    assert_eq!(sink.progress.age(), None);
}
