//! What is kept sealed and how: master keys and their file, ciphers, classes, sealed values. Knows no database.

pub(crate) mod cipher;
pub mod class;
pub(crate) mod key_file;
pub(crate) mod keys;
pub(crate) mod ring;
pub(crate) mod sealed;
pub(crate) mod sealer;
pub(crate) mod secret_file;
