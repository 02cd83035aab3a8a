//! Cards of people who are credited with nothing.

use tally_api::attendance::v1::DutyRule;
use tally_api::performance::v1 as pb;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Fixture, NORTH, PeerFacts, cycle, person, record, scheme};

on_both!(everybody_of_a_population_has_a_card_and_without_one_whoever_is_credited, flavor = "multi_thread");
async fn everybody_of_a_population_has_a_card_and_without_one_whoever_is_credited(on: Backend) {
    let mut told = PeerFacts::of(5, 1);
    told.on_duty(1, 1, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T09:00:00Z");
    let fixture = Fixture::working(on, told).await;
    fixture.import(1, vec![record("a", "2026-03-02T01:00:00Z"), record("b", "2026-03-02T02:00:00Z")]).await;
    let scheme_id = fixture.scheme(scheme()).await;
    let run = fixture.attribute(pb::AttributionRun::default()).await.attribution_run_id;
    let of_group = fixture.make(cycle(&scheme_id)).await.unwrap();
    let usual = fixture.close_from(&of_group, &run).await.summary.unwrap();
    assert_eq!((usual.people, usual.outside_people), (1, 0), "as it was before there were populations");
    let unsaid = fixture.make(pb::Cycle { unit_id: NORTH.to_string(), ..cycle(&scheme_id) }).await.unwrap();
    assert_eq!(fixture.close_from(&unsaid, &run).await.summary.unwrap().people, 1, "of a branch likewise");
    let population = Some(pb::Population { unit_ids: vec![NORTH.to_string()], ..Default::default() });
    let said = pb::Cycle { unit_id: NORTH.to_string(), population, ..cycle(&scheme_id) };
    let of_branch = fixture.make(said.clone()).await.unwrap();
    let closed = fixture.close_from(&of_branch, &run).await;
    assert_eq!(closed.state(), pb::CycleState::Reviewable, "{}", closed.failure);
    let summary = closed.summary.unwrap();
    assert_eq!((summary.people, summary.credited_ppm, summary.records), (3, 2_000_000, 2));
    let card = async |n: u128| {
        let ask =
            pb::GetCardRequest { cycle_id: of_branch.clone(), person_id: person(n).to_string(), ..Default::default() };
        fixture.cards().get_card(fixture.admin.request(ask)).await.unwrap().into_inner().card.unwrap()
    };
    let (first, last) = (card(1).await, card(5).await);
    assert_eq!((first.rank, first.of, last.rank, last.of), (1, 3, 2, 3), "3 and 5 share the second place");
    assert_eq!((last.credited_ppm, last.unit_id), (0, NORTH.to_string()));
    let dropped: Vec<_> = last.lines.iter().map(|line| (line.kpi.as_str(), line.dropped())).collect();
    use pb::DropReason::{NoDataOfPerson, Unspecified};
    let expected =
        [("credited_records", Unspecified), ("first_reply_within_30s", NoDataOfPerson), ("resolved", NoDataOfPerson)];
    assert_eq!(dropped, expected, "none of a count is zero, and of what was not measured nothing is said");
    let again = fixture.make(said).await.unwrap();
    let again = fixture.close_from(&again, &run).await.summary.unwrap();
    assert_eq!(again.digest, summary.digest, "the same facts, the same bytes");
}
