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
