//! How much a service takes on: calls, and bytes of one message.

use std::time::Duration;

/// The largest message either side takes or sends.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Sets the size limits of a generated server: `Routes::new(limited!(PunchServiceServer::new(rpc)))`.
#[macro_export]
macro_rules! limited {
    ($server:expr) => {
        $server
            .max_decoding_message_size($crate::MAX_MESSAGE_BYTES)
            .max_encoding_message_size($crate::MAX_MESSAGE_BYTES)
    };
}

/// How much one service takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once; more are refused with `OVERLOADED`.
    pub concurrency: usize,
    /// Calls of one rpc by one person or login in one second; 0 means no limit. Services are not limited.
    pub calls_per_second: u32,
    /// Calls of one rpc by all people and logins of one group in one second; 0 means no limit.
    pub group_calls_per_second: u32,
    /// Calls of one rpc that needs no token, such as sign-in, from one address in one second; 0 means no limit.
    pub public_calls_per_second: u32,
    /// Time until the first answer where the caller set no deadline. A stream may then go on.
    pub first_answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 512,
            calls_per_second: 5_000,
            group_calls_per_second: 20_000,
            public_calls_per_second: 500,
            first_answer: Duration::from_secs(60),
        }
    }
}
