//! What others read of what performance tells.

tally_app::event_room!(tally_api::performance::v1, crate::policy::ReadEvents);
