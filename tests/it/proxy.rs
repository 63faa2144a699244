//! A proxy on loopback that does to a connection what networks do: it passes, freezes, delays, cuts, refuses.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to octets on the way to the client; those to the server only freeze or end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    Pass,
    /// Nothing gets through, and nobody is told.
    Freeze,
    /// Every read is held back for so long.
    Delay(Duration),
    /// So many octets get through in all, then the connection ends; later ones pass again.
    CutAfter(u64),
    /// At most so many octets a second.
    Slow(u64),
    /// New connections end at once; old ones too.
    Refuse,
}

struct State {
    fault: Mutex<Fault>,
    /// Octets since the fault was set.
    passed: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
    connections: AtomicU64,
    over: AtomicBool,
}

/// A running proxy; it ends with the value.
pub struct Proxy {
    pub port: u16,
    state: Arc<State>,
}

/// How long a pump looks at its fault again at the latest.
const TICK: Duration = Duration::from_millis(5);

impl Proxy {
    /// In front of a port of this machine.
    pub fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            fault: Mutex::new(Fault::Pass),
            passed: AtomicU64::new(0),
            open: Mutex::default(),
            connections: AtomicU64::new(0),
            over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                if shared.fault() == Fault::Refuse {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                shared
                    .open
                    .lock()
                    .unwrap()
                    .extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                let up = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (one, other) = (Arc::clone(&shared), Arc::clone(&shared));
                std::thread::spawn(move || pump(up.0, up.1, &one, false));
                std::thread::spawn(move || pump(server, client, &other, true));
            }
        });
        Self { port, state }
    }

    pub fn set(&self, fault: Fault) {
        self.state.passed.store(0, Ordering::SeqCst);
        *self.state.fault.lock().unwrap() = fault;
        if fault == Fault::Refuse {
            self.kick();
        }
    }

    /// Ends all connections.
    pub fn kick(&self) {
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// How many were accepted.
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        self.kick();
        // Wakes the listener, which then sees that it is over.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl State {
    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap()
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, state: &State, to_client: bool) {
    from.set_read_timeout(Some(TICK)).unwrap();
    let mut buffer = [0; 8192];
    while !state.over.load(Ordering::SeqCst) {
        let fault = state.fault();
        if fault == Fault::Freeze {
            std::thread::sleep(TICK);
            continue;
        }
        let room = match fault {
            Fault::Slow(rate) => usize::try_from(rate / 50).unwrap().clamp(1, buffer.len()),
            _ => buffer.len(),
        };
        let read = match from.read(&mut buffer[..room]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                continue;
            }
            Err(_) => break,
        };
        let mut octets = &buffer[..read];
        if to_client {
            match state.fault() {
                Fault::Delay(time) => std::thread::sleep(time),
                Fault::Slow(_) => std::thread::sleep(Duration::from_millis(20)),
                Fault::CutAfter(limit) => {
                    let before = state.passed.fetch_add(read as u64, Ordering::SeqCst);
                    if before <= limit && before + read as u64 > limit {
                        octets = &octets[..usize::try_from(limit - before).unwrap()];
                        let _ = to.write_all(octets);
                        break;
                    }
                }
                _ => {}
            }
        }
        if to.write_all(octets).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
