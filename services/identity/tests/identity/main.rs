//! Identity through its stack and its rpcs, in process, on both databases.

#[cfg(test)]
mod access;
#[cfg(test)]
mod house;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod org;
#[cfg(test)]
mod people;
#[cfg(test)]
mod session;
