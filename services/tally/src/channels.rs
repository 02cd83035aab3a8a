//! Ways to the services.

use tally_rpc::RpcChannel;

/// Channels to the five services; behind one port they are the same one.
#[derive(Clone, Debug)]
pub struct Channels {
    /// Groups, people, sign-in, grants.
    pub identity: RpcChannel,
    /// Rosters, punches, accounts, occupancy.
    pub attendance: RpcChannel,
    /// Records, cycles, score cards.
    pub performance: RpcChannel,
    /// Pools, settlements, statements.
    pub compensation: RpcChannel,
    /// Profiles.
    pub talent: RpcChannel,
}

impl Channels {
    /// All of them, in the order of [`SERVICES`](crate::suite::SERVICES).
    pub fn all(&self) -> [RpcChannel; 5] {
        [&self.identity, &self.attendance, &self.performance, &self.compensation, &self.talent].map(Clone::clone)
    }
}
