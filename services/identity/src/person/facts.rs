//! What others read and write of people and employments.

pub(crate) use super::store::{change_employments, employed, employments, get, leaves, of_units, people, places};
