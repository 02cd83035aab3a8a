//! What identity holds, row by row: of the whole group, or about one person.

pub(crate) mod app;
