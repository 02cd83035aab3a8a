//! What the main job does not do by itself, room by room: each is a journey of its own, on both deployments, which fails alone
//! and whose list in `tests/snapshots/journeys/` says what it calls.

use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::journey::{Done, main_job};
use crate::stack::Stack;

pub mod access;
pub mod attendance;
mod claims;
mod corrections_of_pay;
mod deletion;
mod measures;
mod organisation;
mod performance;
pub mod privacy;
pub mod regions;
mod replies;
pub mod results;
pub mod sign_in;
pub mod taking_along;

/// A test for each room, and the list of rooms.
macro_rules! journeys {
    ($($test:ident: $room:ident),+ $(,)?) => {
        /// Every journey of a room.
        pub const JOURNEYS: &[&str] = &[$(stringify!($room)),+];

        $(
            on_both!($test, flavor = "multi_thread");
            async fn $test(on: Backend) {
                let mut stack = Stack::on(on).await;
                let done = main_job(&stack).await;
                stack.called.begin();
                Box::pin($room::journey(&stack, &done)).await;
                stack.end(&done, stringify!($room)).await;
            }
        )+
    };
}

journeys! {
    a_group_changes_its_units_its_people_and_their_grants: organisation,
    people_and_programs_sign_in_and_out: sign_in,
    roles_modules_delegations_and_emergencies_hold_everywhere: access,
    people_are_on_duty_and_say_so_themselves: attendance,
    cycles_are_closed_explained_and_cross_regions: performance,
    money_is_settled_and_evidence_kept: results,
    who_left_is_erased_and_every_look_is_in_the_log: privacy,
    a_group_takes_its_data_along_and_is_deleted: deletion,
}

/// What the journeys of all rooms do, one after the other, but for the end of the group.
pub async fn everything(stack: &Stack, done: &Done) {
    organisation::journey(stack, done).await;
    attendance::journey(stack, done).await;
    performance::journey(stack, done).await;
    results::journey(stack, done).await;
    sign_in::journey(stack, done).await;
    access::journey(stack, done).await;
    privacy::journey(stack, done).await;
}

/// From the first day on, for a month in UTC.
fn month(done: &Done) -> (Option<prost_types::Timestamp>, Option<prost_types::Timestamp>) {
    let first = format!("{}T00:00:00Z", done.outcome.summary.from).parse::<prost_types::Timestamp>().expect("a day");
    let at = |days: i64| Some(prost_types::Timestamp { seconds: first.seconds + days * 86_400, nanos: 0 });
    (at(0), at(30))
}
