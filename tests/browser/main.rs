//! The console in a real browser: Chromium without a window, over the demo's group, as each of its users.
//!
//! Where Chromium is missing these tests say so and do nothing else, but in CI; `./test` installs it or names the line to type.

mod axe;
mod chrome;
mod complaints;
mod demo;
mod month;
mod nu;
mod roles;
