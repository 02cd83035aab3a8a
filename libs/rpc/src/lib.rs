//! How services are called: the stack before every handler, channels over the network or within the process, tokens,
//! the mapping of errors, health and reflection.
//!
//! A service builds [`tonic::service::Routes`] of its generated servers (each through [`limited!`]), a [`Stack`] guards
//! them, and the guarded routes stand both behind the port ([`serve`]) and behind in-process channels ([`in_process`]).
//!
//! Architecture invariant: nothing here knows what a service does; nobody else maps errors, reads tokens or opens
//! channels.

mod addresses;
mod channel;
mod deadline;
mod diagnosis;
mod eddsa;
mod fields;
mod introduction;
mod keys;
pub mod layers;
mod limits;
mod network;
mod peer;
mod server;
mod signing;
mod stack;
pub mod statement;
mod status;
mod tls;
mod token;
mod trace;
mod views;
mod watches;
mod wire;

pub use addresses::Resolve;
pub use channel::RpcChannel;
pub use deadline::write as write_deadline;
pub use fields::{class_of, is_free, mask, masked_in, may_ask_by};
pub use introduction::{GATEWAY, Introducer};
pub use keys::{FetchedKeys, LocalKeys, UnknownKeys};
pub use layers::{AUDITED, CONSISTENCY, Keys, ReadLog, Reading, Tokens, Views};
pub use limits::{Limits, MAX_MESSAGE_BYTES};
pub use network::{Network, connect};
pub use peer::{Peer, bearer, pages, streamed, unreadable};
pub use server::{Health, serve};
pub use signing::{SERVICE_TOKEN_SECONDS, Signer, SigningKeys, Turn};
pub use stack::{Guarded, Stack, StackConfig, context, current_trace, in_process};
pub use status::{Answer, DOMAIN, error_from, http_status, status};
pub use tls::{ClientTls, Tls, TlsFault};
pub use token::{AUDIENCE, Claims, IDENTITY, Jwks, PublicKey, SigningKey, TokenKind, key_id, open_signed};
pub use trace::{looking, work};
pub use views::{LeasedViews, standing_view};
pub use watches::Watches;
pub use wire::write_view;
