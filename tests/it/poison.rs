//! One message that the server cannot serve, among many. `ENDORSED_POISON_MESSAGES=20000 tests/run poison`; the suite
//! takes fewer.

use std::time::Duration;

use endorsed::edge::imap::{self, Tls};
use endorsed::record::{Place, Trouble};

use crate::dovecot::Dovecot;
use crate::proxy::Proxy;
use crate::source_contract::{Running, Sink, message};

#[tokio::test]
async fn one_unreadable_message_costs_one_alert_and_few_connections() {
    let total: usize = std::env::var("ENDORSED_POISON_MESSAGES").map_or(1_500, |n| n.parse().unwrap());
    let bad = total * 3 / 5;
    let (server, sink) = (Dovecot::start(), Sink::new());
    for n in 1..=total {
        let name = server.deliver(&message(n));
        if n == bad {
            server.poison(&name);
        }
    }
    let proxy = Proxy::start(server.imaps);
    let mut settings = server.settings(Tls::Implicit);
    settings.port = proxy.port;
    let running = Running::start(|stop| imap::watch(settings, None, sink.intake.clone(), stop));
    sink.wait_for(total - 1, Duration::from_secs(120)).await;
    sink.wait_for_first_cycle().await;
    running.stop().await;
    assert_eq!(sink.len(), total - 1, "each of the others once");
    let aside = sink.set_aside();
    assert_eq!(aside.len(), 1, "one alert: {aside:?}");
    let Place::Imap { uid, .. } = aside[0].place else { panic!("{aside:?}") };
    assert_eq!((uid as usize, aside[0].why), (bad, Trouble::Unfetchable));
    println!("{total} messages, poison at {bad}: {} connections", proxy.connections());
    assert!(
        proxy.connections() <= 6,
        "{} connections: the first, and at most five more",
        proxy.connections()
    );
}
