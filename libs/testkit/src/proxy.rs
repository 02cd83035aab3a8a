//! A TCP proxy that misbehaves on demand: cuts connections, swallows bytes, answers late.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::listener;

/// What happens to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// They pass, after a pause per piece.
    Pass(Duration),
    /// Connections are closed, new ones at once.
    Cut,
    /// Connections stay open and nothing passes.
    Swallow,
}

/// A proxy before one address.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    mood: watch::Sender<Mood>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy before `target` that lets everything pass.
    pub async fn before(target: SocketAddr) -> Self {
        let (listener, address) = listener().await;
        let mood = watch::channel(Mood::Pass(Duration::ZERO)).0;
        let accepting = tokio::spawn(accept(listener, target, mood.subscribe()));
        Self { address, mood, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection, and every new one at once.
    pub fn cut(&self) {
        self.mood.send_replace(Mood::Cut);
    }

    /// Keeps connections open and lets nothing pass: a peer that hangs.
    pub fn swallow(&self) {
        self.mood.send_replace(Mood::Swallow);
    }

    /// Lets every piece of bytes pass after `pause`.
    pub fn delay(&self, pause: Duration) {
        self.mood.send_replace(Mood::Pass(pause));
    }

    /// Lets everything pass again.
    pub fn restore(&self) {
        self.delay(Duration::ZERO);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, mood: watch::Receiver<Mood>) {
    while let Ok((client, _)) = listener.accept().await {
        let mood = mood.clone();
        tokio::spawn(async move {
            if *mood.borrow() == Mood::Cut {
                return;
            }
            let Ok(server) = TcpStream::connect(target).await else { return };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::select! {
                () = pump(from_client, to_server, mood.clone()) => {}
                () = pump(from_server, to_client, mood) => {}
            }
        });
    }
}

async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut mood: watch::Receiver<Mood>,
) {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let now = *mood.borrow_and_update();
        let Mood::Pass(pause) = now else {
            if now == Mood::Cut || mood.changed().await.is_err() {
                return;
            }
            continue;
        };
        let length = tokio::select! {
            changed = mood.changed() => if changed.is_ok() { continue } else { return },
            read = from.read(&mut piece) => match read {
                Ok(0) | Err(_) => return,
                Ok(length) => length,
            },
        };
        tokio::time::sleep(pause).await;
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
