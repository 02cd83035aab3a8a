//! Reading a closed cycle: totals, findings, cards and explanations, each by those who may.

use tally_access::{Locale, Permission};
use tally_api::attendance::v1::DutyRule;
use tally_api::performance::v1 as pb;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Fixture, NORTH, PeerFacts, SOUTH, account, by, person, reason, record};

async fn closed(on: Backend) -> (Fixture, String) {
    let mut told = PeerFacts::of(3, 2);
    told.on_duty(1, 1, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T06:00:00Z");
    told.on_duty(1, 3, DutyRule::Punch, "2026-03-02T00:00:00Z", "2026-03-02T06:00:00Z");
    told.on_duty(2, 2, DutyRule::Handover, "2026-03-02T00:00:00Z", "2026-03-02T08:00:00Z");
    told.shifts = vec![tally_api::attendance::v1::Shift {
        start: Some(prost_types::Timestamp { seconds: 1_772_600_000, nanos: 0 }),
        end: Some(prost_types::Timestamp { seconds: 1_772_630_000, nanos: 0 }),
        person_id: person(1).to_string(),
        account_id: account(1).to_string(),
        ..Default::default()
    }];
    let fixture = Fixture::working(on, told).await;
    let first = vec![record("1a", "2026-03-02T01:00:00Z"), by("E0003", "1b", "2026-03-02T01:30:00Z")];
    fixture.import(1, first).await;
    let second = vec![record("2a", "2026-03-02T03:00:00Z"), by("E0001", "2b", "2026-03-02T04:00:00Z")];
    fixture.import(2, second).await;
    let id = fixture.march().await;
    let cycle = fixture.close(&id).await;
    assert_eq!(cycle.state(), pb::CycleState::Reviewable, "{}", cycle.failure);
    (fixture, id)
}

on_both!(a_card_shows_points_of_cover_outside_the_own_roster_and_team, flavor = "multi_thread");
async fn a_card_shows_points_of_cover_outside_the_own_roster_and_team(on: Backend) {
    let (fixture, id) = closed(on).await;
    let get = pb::GetCardRequest { cycle_id: id.clone(), person_id: person(1).to_string(), ..Default::default() };
    let card = fixture.cards().get_card(fixture.admin.request(get)).await.unwrap().into_inner().card.unwrap();
    assert_eq!((card.credited_ppm, card.outside_ppm), (2_000_000, 1_000_000));
    assert_eq!((card.collaboration.as_str(), card.of), ("5", 3));
    assert_eq!(card.lines.len(), 3);
    assert_eq!((card.lines[1].value.as_str(), card.lines[1].n.as_str()), ("100", "2"));
}

on_both!(agents_see_their_own_card_totals_and_shares_and_supervisors_their_units, flavor = "multi_thread");
async fn agents_see_their_own_card_totals_and_shares_and_supervisors_their_units(on: Backend) {
    let (fixture, id) = closed(on).await;
    let may = [Permission::CardRead, Permission::CreditRead];
    let (agent, north) = (fixture.agent(1, &may), fixture.of_unit(NORTH, &may));
    let cards = async |caller: &tally_testkit::callers::Caller| {
        let ask = pb::ListCardsRequest { cycle_id: id.clone(), ..Default::default() };
        let cards = fixture.cards().list_cards(caller.request(ask)).await.unwrap().into_inner().cards;
        cards.into_iter().map(|c| c.person_id).collect::<Vec<_>>()
    };
    assert_eq!(cards(&agent).await, [person(1).to_string()]);
    let mut of_unit = cards(&north).await;
    of_unit.sort();
    assert_eq!(of_unit, [person(1).to_string(), person(3).to_string()]);
    let get = pb::GetCardRequest { cycle_id: id.clone(), person_id: person(3).to_string(), ..Default::default() };
    assert_eq!(reason(fixture.cards().get_card(agent.request(get)).await), "NOT_FOUND");
    let own = fixture.credits(&agent, &id).await;
    let seen: Vec<_> = own.iter().flat_map(|c| &c.shares).map(|s| s.person_id.as_str()).collect();
    assert!(!seen.is_empty() && seen.iter().all(|p| *p == person(1).to_string()), "{own:?}");
    let of_unit = fixture.credits(&north, &id).await;
    let ids: Vec<_> = of_unit.iter().map(|c| (c.external_id.as_str(), c.others_ppm)).collect();
    assert_eq!(ids, [("1a", 0), ("1b", 0), ("2b", 0)], "and not 2a, which is of somebody else on another account");
    let ask = pb::ListTotalsRequest { cycle_id: id.clone(), ..Default::default() };
    let totals = fixture.attribution().list_totals(agent.request(ask)).await.unwrap().into_inner().totals;
    assert!(totals.iter().all(|t| t.person_id == person(1).to_string()));
    let all = totals.iter().find(|t| t.account_id.is_empty()).unwrap();
    assert_eq!((all.total_ppm, all.tagged_ppm, all.sole_ppm), (2_000_000, 1_000_000, 1_000_000));
}

on_both!(credits_totals_and_findings_are_asked_for_by_account_person_time_and_id, flavor = "multi_thread");
async fn credits_totals_and_findings_are_asked_for_by_account_person_time_and_id(on: Backend) {
    let (fixture, id) = closed(on).await;
    let at = |text: &str| {
        let at: jiff::Timestamp = text.parse().unwrap();
        Some(prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() })
    };
    let credits = async |ask: pb::ExportCreditsRequest| {
        let ask = pb::ExportCreditsRequest { cycle_id: id.clone(), ..ask };
        let mut parts = fixture.attribution().export_credits(fixture.admin.request(ask)).await.unwrap().into_inner();
        let mut all = Vec::new();
        while let Some(part) = parts.message().await.unwrap() {
            all.extend(part.credits.into_iter().map(|credit| credit.external_id));
        }
        all
    };
    let none = pb::ExportCreditsRequest::default;
    assert_eq!(credits(none()).await, ["1a", "1b", "2a", "2b"]);
    let of_account = pb::ExportCreditsRequest { account_id: account(2).to_string(), ..none() };
    assert_eq!(credits(of_account.clone()).await, ["2a", "2b"]);
    let of_person = pb::ExportCreditsRequest { person_id: person(1).to_string(), ..none() };
    assert_eq!(credits(of_person).await, ["1a", "2b"]);
    let of_nobody = pb::ExportCreditsRequest { person_id: person(2).to_string(), ..of_account.clone() };
    assert_eq!(credits(of_nobody).await, ["2a"]);
    let (from, to) = (at("2026-03-02T01:30:00Z"), at("2026-03-02T04:00:00Z"));
    assert_eq!(credits(pb::ExportCreditsRequest { from, to, ..none() }).await, ["1b", "2a"], "the end is not in it");
    let from = at("2026-03-02T01:30:00.0005Z");
    assert_eq!(credits(pb::ExportCreditsRequest { from, ..none() }).await, ["2a", "2b"]);

    let totals = async |ask: pb::ListTotalsRequest| {
        let ask = pb::ListTotalsRequest { cycle_id: id.clone(), ..ask };
        let totals = fixture.attribution().list_totals(fixture.admin.request(ask)).await.unwrap().into_inner().totals;
        totals.into_iter().map(|total| (total.person_id, total.account_key, total.total_ppm)).collect::<Vec<_>>()
    };
    let (first, second, third) = (person(1).to_string(), person(2).to_string(), person(3).to_string());
    let none = pb::ListTotalsRequest::default;
    let sums = totals(pb::ListTotalsRequest { sums_only: true, ..none() }).await;
    let work = |person: &str, ppm| (person.to_owned(), String::new(), ppm);
    assert_eq!(sums, [work(&first, 2_000_000), work(&second, 1_000_000), work(&third, 1_000_000)]);
    let of_account = totals(pb::ListTotalsRequest { account_id: account(2).to_string(), ..none() }).await;
    let people: Vec<_> = of_account.iter().map(|(person, key, _)| (person.as_str(), key.is_empty())).collect();
    assert_eq!(people, [(first.as_str(), false), (second.as_str(), false)]);
    let of_person = totals(pb::ListTotalsRequest { person_id: first.clone(), ..none() }).await;
    assert_eq!(of_person.iter().map(|(_, _, ppm)| *ppm).collect::<Vec<_>>(), [2_000_000, 1_000_000, 1_000_000]);

    let ask = pb::ListFindingsRequest { cycle_id: id.clone(), ..Default::default() };
    let found = fixture.attribution().list_findings(fixture.admin.request(ask)).await.unwrap().into_inner().findings;
    let one = found.first().expect("something is odd").clone();
    let get = || pb::GetFindingRequest { finding_id: one.finding_id.clone() };
    let told = fixture.findings().get_finding(fixture.admin.request(get())).await.unwrap().into_inner().finding;
    assert_eq!(told.as_ref(), Some(&one));
    let nobody = fixture.agent(9, &[Permission::CreditRead]);
    assert_eq!(reason(fixture.findings().get_finding(nobody.request(get())).await), "NOT_FOUND");
}

on_both!(an_explanation_names_the_rungs_in_the_callers_language, flavor = "multi_thread");
async fn an_explanation_names_the_rungs_in_the_callers_language(on: Backend) {
    let (fixture, id) = closed(on).await;
    let ask = || pb::ExplainRecordRequest {
        cycle_id: id.clone(),
        account_id: account(1).to_string(),
        external_id: "1a".into(),
        ..Default::default()
    };
    let english = fixture.attribution().explain_record(fixture.admin.request(ask())).await.unwrap().into_inner();
    assert_eq!(english.credit.unwrap().rung(), pb::Rung::Sole);
    assert!(english.lines[0].contains("2026-03-02 09:00:00"), "{:?}", english.lines);
    assert!(english.lines.last().unwrap().contains("One person was on duty: E0001 100 %"), "{:?}", english.lines);
    let mut chinese = fixture.admin.request(ask());
    chinese.metadata_mut().insert("accept-language", Locale::ZhCn.tag().parse().unwrap());
    let chinese = fixture.attribution().explain_record(chinese).await.unwrap().into_inner();
    assert!(chinese.lines.last().unwrap().contains("只有一人在岗：E0001 100 %"), "{:?}", chinese.lines);
    let far = fixture.of_unit(SOUTH, &[Permission::CreditRead]);
    assert_eq!(reason(fixture.attribution().explain_record(far.request(ask())).await), "NOT_FOUND");
}

on_both!(what_more_evidence_would_bring_is_told_of_accounts_within_reach_on_the_first_page, flavor = "multi_thread");
async fn what_more_evidence_would_bring_is_told_of_accounts_within_reach_on_the_first_page(on: Backend) {
    let mut told = PeerFacts::of(3, 2);
    told.on_duty(1, 1, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T06:00:00Z");
    told.on_duty(1, 3, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T06:00:00Z");
    told.on_duty(2, 2, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T08:00:00Z");
    let fixture = Fixture::working(on, told).await;
    fixture.import(1, vec![record("1a", "2026-03-02T01:00:00Z"), record("1b", "2026-03-02T02:00:00Z")]).await;
    fixture.import(2, vec![record("2a", "2026-03-02T03:00:00Z")]).await;
    let id = fixture.march().await;
    assert_eq!(fixture.close(&id).await.state(), pb::CycleState::Reviewable);
    let page = async |caller: &tally_testkit::callers::Caller, page_token: String| {
        let ask = pb::ListTotalsRequest { cycle_id: id.clone(), page_size: 1, page_token, ..Default::default() };
        fixture.attribution().list_totals(caller.request(ask)).await.unwrap().into_inner()
    };
    let first = page(&fixture.admin, String::new()).await;
    let [one] = &first.evidence[..] else { panic!("one account is in doubt: {first:?}") };
    assert_eq!(one.account_id, account(1).to_string());
    let parts = [one.now_ppm, one.with_breaks_ppm, one.with_devices_ppm, one.with_claims_ppm];
    assert!(0 < parts[3] && parts[3] < parts[2] && parts[2] < parts[0] && parts[1] == parts[0], "{parts:?}");
    assert!(page(&fixture.admin, first.next_page_token).await.evidence.is_empty(), "it was told on the first");
    let may = [Permission::CreditRead];
    assert_eq!(page(&fixture.of_unit(NORTH, &may), String::new()).await.evidence, first.evidence);
    assert!(page(&fixture.of_unit(SOUTH, &may), String::new()).await.evidence.is_empty());
    let own = page(&fixture.agent(1, &may), String::new()).await;
    assert!(
        !own.totals.is_empty() && own.evidence.is_empty(),
        "it is of the account, and not of one of its people: {own:?}"
    );
    let ask = pb::ExplainRecordRequest {
        cycle_id: id.clone(),
        account_id: account(1).to_string(),
        external_id: "1a".into(),
        ..Default::default()
    };
    let why = fixture.attribution().explain_record(fixture.admin.request(ask)).await.unwrap().into_inner();
    assert!(why.lines.last().unwrap().contains("expected to be credited to somebody else"), "{:?}", why.lines);
}

on_both!(a_cycle_that_is_not_closed_has_nothing_to_read, flavor = "multi_thread");
async fn a_cycle_that_is_not_closed_has_nothing_to_read(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    let id = fixture.march().await;
    let ask = pb::ListCardsRequest { cycle_id: id, ..Default::default() };
    let refused = fixture.cards().list_cards(fixture.admin.request(ask)).await;
    assert_eq!(reason(refused), "CYCLE_WITHOUT_RESULT");
}
