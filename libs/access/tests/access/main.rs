//! What must hold of every view, whatever the grants and the tree: one question asked in two ways has one answer.

#[cfg(test)]
mod delegated_rights;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod views;
