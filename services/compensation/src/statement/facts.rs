//! What other rooms may ask of statements.

pub(crate) use super::store::{NewStatement, insert_all, kept_lines, lines_of, people_of};
