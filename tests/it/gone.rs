//! Mail that leaves the folder after it was read, and a server that asks who we are.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use endorsed::edge::imap;

use crate::scripted::{Folder, Server, say};
use crate::source_contract::{Running, Sink, until};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn what_leaves_the_folder_after_it_was_read_is_told_once_and_stays_on_record() {
    let server = Server::start(Folder::new(1..=5), |_| None).await;
    let mut settings = server.settings();
    settings.timings.reconcile = Duration::from_millis(100);
    let sink = Sink::new();
    let running = Running::start(|stop| imap::watch(settings, None, sink.intake.clone(), stop));
    sink.wait_for(5, SOON).await;
    sink.wait_for_cycle().await;
    assert_eq!(sink.progress.gone(), 0);
    let remove = |gone: &[u32]| server.folder.lock().unwrap().uids.retain(|uid| !gone.contains(uid));
    remove(&[2, 4]);
    until(SOON, || sink.progress.gone() == 2, || format!("{} gone", sink.progress.gone())).await;
    remove(&[5]);
    until(SOON, || sink.progress.gone() == 3, || format!("{} gone", sink.progress.gone())).await;
    // Two more comparisons later nothing was told again.
    let listings = server.count("UID FETCH 1:5");
    until(SOON, || server.count("UID FETCH 1:5") > listings + 2, || "no comparison".into()).await;
    assert_eq!((sink.progress.gone(), sink.progress.missing(), sink.len()), (3, 0, 5));
    running.stop().await;
}

#[tokio::test]
async fn a_server_that_wants_to_know_who_we_are_is_told_before_the_folder_is_opened() {
    let told: Arc<Mutex<Vec<usize>>> = Arc::default();
    let server = Server::start(Folder::new(1..=3), move |call| {
        let knows = || told.lock().unwrap().contains(&call.connection);
        match call.command.split(' ').next()? {
            "CAPABILITY" => Some(vec![say("* CAPABILITY IMAP4rev1 IDLE ID"), say("{T} OK done")]),
            "ID" => {
                told.lock().unwrap().push(call.connection);
                Some(vec![say("* ID NIL"), say("{T} OK done")])
            }
            // As a large provider says it.
            "EXAMINE" if !knows() => Some(vec![say("{T} NO EXAMINE Unsafe Login. Please contact us.")]),
            _ => None,
        }
    })
    .await;
    let sink = Sink::new();
    let running = Running::start(|stop| imap::watch(server.settings(), None, sink.intake.clone(), stop));
    sink.wait_for(3, SOON).await;
    running.stop().await;
    assert_eq!((server.connections(), server.count("ID (\"name\" \"endorsed\"")), (1, 1));
}
