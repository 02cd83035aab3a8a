//! What a process of the suite stands in: settings, telemetry, signals, background tasks, the compute pool, and the
//! order in which it starts and stops. It knows no service by name.
//!
//! Architecture invariant: the only crate that reads the environment.

mod compute;
pub mod config;
mod process;
mod task;
pub mod telemetry;

pub use compute::Compute;
pub use config::{Config, ConfigError, EXIT_CONFIG, Sources, passphrase_in, spoken};
pub use process::{Boot, Failure, Mounted, Running, Service, run, stop_signal};
pub use task::{Shutdown, Task, Trigger};
