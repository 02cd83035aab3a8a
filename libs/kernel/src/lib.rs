//! What everybody shares and nothing that does I/O: ids, money, shares, apportionment, time, clock, pages, errors, messages.
//!
//! Architecture invariant: no tokio, tonic, sea_orm or environment here, and under 3,000 lines without its tests.

pub mod apportion;
pub mod bucket;
pub mod clock;
pub mod contribution;
pub mod dated;
pub mod error;
pub mod id;
pub mod id_number;
pub mod import;
pub mod limits;
mod locale;
pub mod message;
pub mod micro;
pub mod money;
pub mod near;
pub mod page;
pub mod person;
pub mod rate;
mod region;
pub mod rng;
pub mod share;
pub mod time;
pub mod unseen;

pub use bucket::Bucket;
pub use clock::Clock;
pub use error::{Error, Kind, Result};
pub use id_number::{IdNumber, IdNumberError};
pub use locale::Locale;
pub use message::Message;
pub use micro::Micro;
pub use money::{Currency, Money};
pub use region::{MAX_UNIT_DEPTH, Region};
pub use rng::Rng;
pub use share::Ppm;
