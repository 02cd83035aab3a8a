//! What must hold of every view, whatever the grants and the tree: one question asked in two ways has one answer.

mod matrix;
mod properties;
mod views;
