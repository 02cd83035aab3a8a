//! What told the people of a record apart, as it is told to those who ask.

use jiff::{SignedDuration, Timestamp};
use tally_access::{Locale, Permission};
use tally_api::attendance::v1::DutyRule;
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::reply_service_client::ReplyServiceClient;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::corrections::{LATER, asked, correct, publish};
use crate::fixture::{Fixture, PeerFacts, account, at, by, person, record};

/// Two people on one account, who may hold four dialogues each and answer in turns of ten replies 43 seconds apart; the first two of a turn name
/// their agent. So many turns, with times of replies or without.
async fn closed(on: Backend, turns: i64, replied: bool) -> (Fixture, String) {
    let mut told = PeerFacts::of(3, 3);
    told.accounts.iter_mut().flat_map(|account| &mut account.phases).for_each(|phase| phase.capacity = 4);
    for n in [1, 3] {
        told.on_duty(1, n, DutyRule::Roster, "2026-03-02T01:00:00Z", "2026-03-02T09:00:00Z");
    }
    told.on_duty(2, 2, DutyRule::Roster, "2026-03-02T01:00:00Z", "2026-03-02T09:00:00Z");
    let fixture = Fixture::working(on, told).await;
    let (mut records, mut rows) = (Vec::new(), Vec::new());
    for (turn, place) in (0..turns).flat_map(|turn| (0..10).map(move |place| (turn, place))) {
        let begin: Timestamp = "2026-03-02T01:00:07Z".parse().unwrap();
        let when = (begin + SignedDuration::from_secs(turn * 1_200 + place * 43)).to_string();
        let id = format!("{turn}-{place}");
        let agent = if place > 1 { "" } else { ["E0001", "E0003"][turn as usize % 2] };
        records.push(by(agent, &id, &when));
        let reply = pb::Reply { at: at(&when), by: pb::ReplySide::Agent.into(), device: String::new() };
        let account_id = account(1).to_string();
        rows.push(pb::RecordReplies { account_id, external_id: id, replies: vec![reply], recorded_at: None });
    }
    fixture.import(1, records).await;
    fixture.import(2, vec![record("other", "2026-03-02T02:00:00Z")]).await;
    if replied {
        let ask = pb::ImportRepliesRequest { rows, ..Default::default() };
        let mut replies = ReplyServiceClient::new(fixture.channel.clone());
        replies.import_replies(fixture.admin.request(ask)).await.unwrap();
    }
    let id = fixture.march().await;
    let cycle = fixture.close(&id).await;
    assert_eq!(cycle.state(), pb::CycleState::Reviewable, "{}", cycle.failure);
    (fixture, id)
}

fn of(cycle: &str, external_id: &str) -> pb::ExplainRecordRequest {
    let (cycle_id, account_id) = (cycle.to_owned(), account(1).to_string());
    pb::ExplainRecordRequest { cycle_id, account_id, external_id: external_id.into(), ..Default::default() }
}

async fn explained(fixture: &Fixture, ask: tonic::Request<pb::ExplainRecordRequest>) -> pb::ExplainRecordResponse {
    fixture.attribution().explain_record(ask).await.unwrap().into_inner()
}

on_both!(a_record_tells_who_may_have_answered_it_and_what_spoke_for_whom, flavor = "multi_thread");
async fn a_record_tells_who_may_have_answered_it_and_what_spoke_for_whom(on: Backend) {
    let (mut fixture, id) = closed(on, 16, true).await;
    let told = explained(&fixture, fixture.admin.request(of(&id, "8-6"))).await;
    assert_eq!(told.credit.unwrap().rung(), pb::Rung::Replies);
    let candidates: Vec<_> = told.candidates.iter().map(|one| one.person_id.clone()).collect();
    assert_eq!(candidates, [person(1), person(3)].map(|one| one.to_string()));
    assert_eq!(told.candidates.iter().map(|one| one.ppm).sum::<u32>(), 1_000_000);
    let reason = told.reason.unwrap();
    let pauses = |of: &Option<pb::ReasonPerson>| {
        of.as_ref().map(|one| (one.person_id.clone(), one.ppm, one.seconds, one.not_yet))
    };
    let of_person =
        |n: u128, place: usize, seconds| Some((person(n).to_string(), told.candidates[place].ppm, seconds, false));
    assert_eq!((reason.sign(), pauses(&reason.first)), (pb::Sign::Hands, of_person(1, 0, 43)));
    assert_eq!(pauses(&reason.second), of_person(3, 1, 1_071));
    let english = &reason.sentence;
    let (who, what) = english.split_once(": ").unwrap();
    assert!(who.starts_with("E0001 (") && who.contains(" %) rather than E0003 ("), "{english}");
    assert_eq!(what, "E0001 had last replied 43 seconds before, E0003 had last replied 18 minutes before.");
    let mut chinese = fixture.admin.request(of(&id, "8-6"));
    chinese.metadata_mut().insert("accept-language", Locale::ZhCn.tag().parse().unwrap());
    let chinese = explained(&fixture, chinese).await.reason.unwrap().sentence;
    assert!(chinese.ends_with("：E0001 43 秒前刚回复过，E0003 18 分钟前刚回复过。"), "{chinese}");
    // Who is told of nobody but themselves.
    let agent = fixture.agent(1, &[Permission::CreditRead]);
    let own = explained(&fixture, agent.request(of(&id, "8-6"))).await;
    assert_eq!(own.candidates, told.candidates[..1]);
    let own = own.reason.unwrap();
    assert_eq!(own.second.map(|one| one.person_id), Some(String::new()));
    assert!(
        !own.sentence.contains("E0003") && own.sentence.contains("somebody else had last replied"),
        "{}",
        own.sentence
    );
    let tagged = explained(&fixture, fixture.admin.request(of(&id, "8-0"))).await;
    assert_eq!((tagged.reason, tagged.candidates.len()), (None, 2), "a name decides by itself");
    // A correction of something else takes the credits over, and with them what they say.
    publish(&fixture, &id).await.unwrap();
    fixture.import(2, vec![record("late", "2026-03-02T03:00:00Z")]).await;
    fixture.pass(LATER);
    let correction = correct(&fixture, asked(&id, "a record came late")).await;
    publish(&fixture, &correction.cycle_id).await.unwrap();
    let again = explained(&fixture, fixture.admin.request(of(&id, "8-6"))).await;
    assert_eq!((again.reason, again.candidates), (Some(reason), told.candidates));
}

on_both!(who_was_on_duty_is_told_of_when_a_record_was_answered, flavor = "multi_thread");
async fn who_was_on_duty_is_told_of_when_a_record_was_answered(on: Backend) {
    let mut told = PeerFacts::of(3, 1);
    told.accounts[0].phases[0].capacity = 4;
    told.on_duty(1, 1, DutyRule::Roster, "2026-03-02T01:00:00Z", "2026-03-02T05:00:00Z");
    told.on_duty(1, 2, DutyRule::Roster, "2026-03-02T01:00:00Z", "2026-03-02T09:00:00Z");
    told.on_duty(1, 3, DutyRule::Roster, "2026-03-02T04:00:00Z", "2026-03-02T09:00:00Z");
    let fixture = Fixture::working(on, told).await;
    // The first begins before anybody came, the second while the first two are there; both are answered later.
    let open = |id: &str, start: &str| pb::Record { ended_at: at("2026-03-02T06:00:00Z"), ..record(id, start) };
    fixture.import(1, vec![open("early", "2026-03-02T00:30:07Z"), open("late", "2026-03-02T03:50:07Z")]).await;
    let reply = |id: &str, when: &str| {
        let reply = pb::Reply { at: at(when), by: pb::ReplySide::Agent.into(), device: String::new() };
        let (account_id, external_id) = (account(1).to_string(), id.to_owned());
        pb::RecordReplies { account_id, external_id, replies: vec![reply], recorded_at: None }
    };
    let rows = vec![reply("early", "2026-03-02T01:10:11Z"), reply("late", "2026-03-02T05:20:11Z")];
    let ask = pb::ImportRepliesRequest { rows, ..Default::default() };
    let mut replies = ReplyServiceClient::new(fixture.channel.clone());
    replies.import_replies(fixture.admin.request(ask)).await.unwrap();
    let id = fixture.march().await;
    fixture.close(&id).await;
    let begun = "Duty: nobody held the account or was on duty when it began; when it was answered, E0001 was rostered";
    for (record, said, who) in
        [("early", begun, [1, 2]), ("late", "Duty when it was answered: E0002 was rostered", [2, 3])]
    {
        let told = explained(&fixture, fixture.admin.request(of(&id, record))).await;
        let duty: Vec<_> = told.lines.iter().filter(|line| line.contains("uty")).collect();
        assert!(duty[0].starts_with(said), "{:?}", told.lines);
        assert_eq!(duty[0].matches("was rostered on it").count(), 2, "{}", duty[0]);
        let mut candidates: Vec<_> = told.candidates.iter().map(|one| one.person_id.clone()).collect();
        candidates.sort_unstable();
        assert_eq!(candidates, who.map(|n| person(n).to_string()));
    }
}

on_both!(where_nothing_was_weighed_it_is_told_what_was_missing, flavor = "multi_thread");
async fn where_nothing_was_weighed_it_is_told_what_was_missing(on: Backend) {
    let (fixture, id) = closed(on, 2, true).await;
    let told = explained(&fixture, fixture.admin.request(of(&id, "0-6"))).await;
    assert_eq!(told.credit.unwrap().rung(), pb::Rung::Equal);
    let reason = told.reason.unwrap();
    assert_eq!((reason.sign(), reason.first, reason.second), (pb::Sign::TooFewReplies, None, None));
    assert!(reason.sentence.contains("too few records of the account have times of replies"), "{}", reason.sentence);
    let parts: Vec<u32> = told.candidates.iter().map(|one| one.ppm).collect();
    assert_eq!(parts, [500_000, 500_000]);
}

on_both!(names_near_in_time_are_counted_where_nobody_knows_when_a_record_was_answered, flavor = "multi_thread");
async fn names_near_in_time_are_counted_where_nobody_knows_when_a_record_was_answered(on: Backend) {
    let (fixture, id) = closed(on, 3, false).await;
    let told = explained(&fixture, fixture.admin.request(of(&id, "1-6"))).await;
    assert_eq!(told.credit.unwrap().rung(), pb::Rung::TagShare);
    let reason = told.reason.unwrap();
    assert_eq!((reason.sign(), reason.near), (pb::Sign::Names, true));
    let counts = [reason.first, reason.second].map(|one| one.map(|one| (one.person_id, one.count, one.of)));
    assert_eq!(counts, [Some((person(1).to_string(), 4, 6)), Some((person(3).to_string(), 2, 6))]);
    assert!(reason.sentence.ends_with("E0001 has 4 of 6 and E0003 2 of 6."), "{}", reason.sentence);
}
