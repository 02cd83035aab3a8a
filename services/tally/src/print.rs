//! The one way to the standard output and the error stream. A reader that went away (`| head`) is nobody's fault: it ends no
//! command, and above all it breaks off no work that changes something.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};
use std::sync::OnceLock;

/// Why something was not printed, where nobody chose not to read it: a full disk.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Writes to the standard output.
pub fn text(text: &str) {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        let _first = LOST.set(error);
    }
}

/// Writes a line to the standard output.
pub fn line(line: impl Display) {
    text(&format!("{line}\n"));
}

/// Writes to the error stream.
pub fn aside(text: &str) {
    let _gone = io::stderr().write_all(text.as_bytes());
}

/// Writes a line to the error stream.
pub fn note(line: impl Display) {
    aside(&format!("{line}\n"));
}

/// Why the standard output does not hold all that was printed.
pub fn lost() -> Option<&'static io::Error> {
    LOST.get()
}
