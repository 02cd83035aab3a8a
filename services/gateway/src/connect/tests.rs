//! Calls through the doors, of a service that answers what a test says.

mod client;
mod conformance;
mod forms;
mod service;
