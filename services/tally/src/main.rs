//! The only binary: every deployment, and the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    tally_suite::entry::main()
}
