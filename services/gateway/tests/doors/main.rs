//! The doors before services of a test: what is let in, how much of it, and what everybody else is told.

mod edge;
mod fixture;
mod hostile;
mod port;
