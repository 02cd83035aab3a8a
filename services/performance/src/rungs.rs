//! The rungs of the ladder as contracts say them.

use tally_api::performance::v1 as pb;
use tally_engine::attribution::Rung;

pub fn rung(rung: Rung) -> pb::Rung {
    match rung {
        Rung::Tagged => pb::Rung::Tag,
        Rung::Handover => pb::Rung::Handover,
        Rung::Sole => pb::Rung::Sole,
        Rung::Inferred => pb::Rung::Inferred,
        Rung::Equal => pb::Rung::Equal,
        Rung::Team => pb::Rung::Team,
        Rung::Unattributed => pb::Rung::Unattributed,
        Rung::Split => pb::Rung::Split,
        Rung::Claimed => pb::Rung::Claim,
        Rung::Device => pb::Rung::Device,
        Rung::Replies => pb::Rung::Replies,
        Rung::TagShare => pb::Rung::TagShare,
    }
}
