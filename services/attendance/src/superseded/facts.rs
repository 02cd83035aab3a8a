//! What other rooms may read and write of superseded facts.

pub(crate) use super::store::{EARLIEST, Fact, Facts, LATEST, NOBODY, insert, known_by, of, standing_of, touching};
