//! Identity through its stack and its rpcs, in process, on both databases.

#[cfg(test)]
mod access;
#[cfg(test)]
mod accounts;
mod catalogue;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod employments;
#[cfg(test)]
mod fields;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod four_eyes;
#[cfg(test)]
mod history;
#[cfg(test)]
mod invitations;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod lending;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod org;
#[cfg(test)]
mod people;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod reporting;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod session;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod sso;
