//! What a caller sees is the same over the network and within one process.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod fields;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod order;
#[cfg(test)]
mod port;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod unread;
#[cfg(test)]
mod walk;
