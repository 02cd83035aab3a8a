//! Generated messages, clients and servers of every package, the descriptor set, and what is read from it: the data
//! class of a field, and the events. Nothing else lives here.
//!
//! Architecture invariant: proto types stop at a room's `rpc.rs`, a service's `peers.rs` and `events.rs`, and the
//! command line.

pub mod classes;
#[path = "../classify.rs"]
mod classify;
pub mod events;
pub mod json;
mod redact;
pub mod texts;

macro_rules! packages {
    ($($package:ident),+) => {$(
        #[doc = concat!("Package `tally.", stringify!($package), ".v1`.")]
        pub mod $package {
            /// Version 1.
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/tally.", stringify!($package), ".v1.rs"));
                include!(concat!(env!("OUT_DIR"), "/impls.tally.", stringify!($package), ".v1.rs"));
            }
        }
    )+};
}

packages!(common, identity, attendance, performance, compensation, talent);

/// Every file of the suite with its imports, options and comments: for reflection, masking and the test walks.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));
