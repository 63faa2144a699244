//! A folder for junk beside the watched one: what lies there is seen, and confirms nothing.

use std::sync::Arc;

use endorsed::config::load_rules;
use endorsed::daemon::{Engine, SeenAt};
use endorsed::edge::dns::Resolver;
use endorsed::edge::source::Fetched;
use endorsed::edge::store::{OpenOptions, Store};
use endorsed::edge::{imap, maildir};
use endorsed::model::{Digest, Outcome};
use endorsed::record::Place;

use crate::fixtures_make::{northwind, root};

const FOLDER: &str = "conversations/01-plain-confirmation";

fn engine(folder: &std::path::Path) -> Arc<Engine> {
    let store = Store::open(folder, OpenOptions { create: true, ..OpenOptions::default() }).unwrap();
    let resolver = Resolver::file(&root().join("conversations/dns.json")).unwrap();
    Arc::new(Engine::new(store, load_rules(None).unwrap(), northwind(), resolver))
}

fn mail(name: &str) -> Vec<u8> {
    std::fs::read(root().join(FOLDER).join(name)).unwrap()
}

/// Takes the mail at this place and considers what waits.
async fn arrive(engine: &Arc<Engine>, place: Place, raw: Vec<u8>) {
    engine.take(vec![Fetched { place, raw }], SeenAt::Message).unwrap();
    engine.consider_waiting().await.unwrap();
}

fn at(mailbox: &str, uid: u32) -> Place {
    Place::Imap { mailbox: mailbox.into(), uid_validity: 1, uid }
}

fn reply(engine: &Engine) -> Outcome {
    engine.store.outcome(&Digest::of(&mail("02-reply.eml"))).unwrap().expect("the reply is considered")
}

#[tokio::test]
async fn a_reply_in_junk_goes_to_a_person_and_counts_once_it_is_moved() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut settings =
        imap::Settings::new("imap.example", "evidence", endorsed::edge::Password::File("/dev/null".into()));
    let inbox = settings.key();
    settings.folder = "Junk".into();
    settings.junk = true;
    let junk = settings.key();
    arrive(&engine, at(&inbox, 1), mail("01-declaration.eml")).await;

    arrive(&engine, at(&junk, 1), mail("02-reply.eml")).await;
    let outcome = reply(&engine);
    assert!(!outcome.endorsed && outcome.has("seen_in_junk"), "{:#?}", outcome.reasons);

    arrive(&engine, at(&inbox, 2), mail("02-reply.eml")).await;
    let outcome = reply(&engine);
    assert!(outcome.endorsed && !outcome.has("seen_in_junk"), "{:#?}", outcome.reasons);

    // Thrown away again, it stays what it was.
    arrive(&engine, at(&junk, 2), mail("02-reply.eml")).await;
    assert!(reply(&engine).endorsed);
    // The best sighting is in the record, not in the process.
    drop(engine);
    let engine = self::engine(folder.path());
    assert!(!engine.store.seen(&Digest::of(&mail("02-reply.eml"))).unwrap().unwrap().place.eq(&at(&junk, 1)));
}

#[test]
fn a_folder_for_junk_is_a_mailbox_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = maildir::Settings::new(folder.path());
    let junk = maildir::Settings { junk: true, ..inbox.clone() };
    assert_ne!(inbox.key(), junk.key());
}
