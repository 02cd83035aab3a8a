//! Kinds of trouble met in the field, each with its right value.

mod case;
mod duty;
mod files;
mod language;
mod measures;
mod people;
mod runs;
mod steps;
mod templates;
mod why;
