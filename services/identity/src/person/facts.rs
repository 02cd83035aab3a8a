//! What others read and write of people and employments.

pub(crate) use super::store::{
    employed, employments, get, insert_employments, leaves, of_units, people, places, supersede,
};
