//! What other rooms may read and write of superseded facts.

pub(crate) use super::store::{EARLIEST, Fact, LATEST, NOBODY, insert, known_by, marked, marked_by, touching};
