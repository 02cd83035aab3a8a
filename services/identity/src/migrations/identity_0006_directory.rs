//! Pseudonyms: of people here, and of those of other regions, who have no person here.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema
        .table("pseudonyms")
        .columns(&[
            region(),
            uuid_null("person_id"),
            uuid("pseudonym"),
            text("from_region"),
            int("active"),
            instant_null("released_at"),
        ])
        // A laptop that takes in its own directory has a pseudonym twice: as its own, and as told.
        .unique(&["pseudonym", "from_region", "region"])
        // Rows of other regions have no person, and that repeats on both databases.
        .unique(&["person_id"]);
}
