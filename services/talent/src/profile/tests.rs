//! Evidence on both databases: counted once, and seen by whom it should be.

use jiff::civil::date;
use jiff::tz::TimeZone;
use tally_access::{OpContext, Permission, Reach, Target};
use tally_app::directory::{Directory, People};
use tally_app::trees::{State, Trees};
use tally_kernel::Micro;
use tally_kernel::id::{CycleId, OrgUnitId, PersonId, TenantId};
use tally_kernel::page::Page;
use tally_kernel::person::{DirectoryPerson, Employment, Post};
use tally_rpc::Peer;
use tally_store::Audit;
use tally_testkit::callers::Callers;
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::on_both;
use uuid::Uuid;

use super::app::{self, App};
use super::domain;
use super::store;
use crate::policy::RecordEvidence;
use crate::published::{Card, Published, Served};
use crate::{Peers, SERVICE, migrations};

fn published() -> Published {
    let person = |n: u128| PersonId(Uuid::from_u128(n));
    let served = |n| Served { person: person(n), account: "JD/a/cs01".into(), platform: "JD".into(), ppm: 2_000_000 };
    Published {
        cycle: CycleId(Uuid::from_u128(3)),
        scheme: tally_kernel::id::SchemeId(Uuid::from_u128(70)),
        last_day: date(2026, 3, 31),
        cards: vec![Card { person: person(1), score: Micro::from_int(90), collaboration: None }],
        served: vec![served(1), served(2)],
    }
}

/// Of unit 70 in 2025, of unit 50 since and, in a second post since March, of unit 60 in another region.
fn people() -> People {
    let employment = |post, from, unit, region: &str| Employment {
        post,
        from,
        to: None,
        unit: OrgUnitId(Uuid::from_u128(unit)),
        unit_path: "north/a".into(),
        region: region.parse().unwrap(),
        position: "agent".into(),
        grade: "P1".into(),
        kind: None,
    };
    let first = employment(Post::Home, date(2025, 1, 1), 70, "cn-north");
    let first = Employment { to: Some(date(2025, 12, 31)), ..first };
    let home = employment(Post::Home, date(2026, 1, 1), 50, "cn-north");
    let second = employment(Post::Beside, date(2026, 3, 1), 60, "cn-south");
    let (id, employments) = (PersonId(Uuid::from_u128(1)), vec![first, home, second]);
    People::new([DirectoryPerson { id, employee_no: "E1".into(), zone: TimeZone::UTC, employments }])
}

fn room(db: &TestStore, callers: &Callers) -> App {
    let peer = Peer::new(tally_rpc::connect("http://127.0.0.1:9", None).unwrap(), callers.signer(SERVICE));
    let peers = Peers { identity: peer.clone(), attendance: peer.clone(), performance: peer };
    App { store: db.store.clone(), directory: Directory::new(peers.identity.clone()), peers }
}

async fn record(app: &App, ctx: &OpContext, position: i64) -> bool {
    record_of(app, ctx, position, published()).await
}

async fn record_of(app: &App, ctx: &OpContext, position: i64, published: Published) -> bool {
    let permit = ctx.permit::<RecordEvidence>(&Target::tenant()).unwrap();
    let work = app.store.unit(ctx, &permit).await.unwrap();
    if !work.advance_cursor("performance", position).await.unwrap() {
        return false;
    }
    let findings = domain::evidence(&published);
    store::insert(&work, ctx, (&people(), &Trees::default()), &published, &findings).await.unwrap();
    work.commit(Audit::new("talent.evidence.record", "cycle", published.cycle), ()).await.unwrap();
    true
}

on_both!(an_event_counts_once_and_the_profile_shows_what_it_left);
async fn an_event_counts_once_and_the_profile_shows_what_it_left(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let callers = Callers::new(db.clock.clone(), 7);
    let all = Permission::ALL.iter().map(|p| (*p, Reach::everything()));
    let ctx = callers.context(&callers.person(TenantId(Uuid::from_u128(1)), None, all));
    let app = room(&db, &callers);
    assert!(record(&app, &ctx, 1).await);
    assert!(!record(&app, &ctx, 1).await, "the same event twice");
    let profile = app::profile(&app, &ctx, PersonId(Uuid::from_u128(1))).await.unwrap();
    assert_eq!((profile.cycles, profile.learning), (1, None));
    assert_eq!(profile.accounts.into_iter().collect::<Vec<_>>(), ["JD/a/cs01"]);
    let page = Page::read(2, "", b"p").unwrap();
    let (first, token) = app::evidence(&app, &ctx, PersonId(Uuid::from_u128(1)), &page).await.unwrap();
    assert_eq!((first.len(), token.is_empty()), (2, false));
    let page = Page::read(2, &token, b"p").unwrap();
    let (rest, token) = app::evidence(&app, &ctx, PersonId(Uuid::from_u128(1)), &page).await.unwrap();
    assert_eq!((rest.len(), token.as_str()), (1, ""));
}

on_both!(a_correction_takes_the_place_of_what_the_cycle_showed_before);
async fn a_correction_takes_the_place_of_what_the_cycle_showed_before(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let callers = Callers::new(db.clock.clone(), 7);
    let all = Permission::ALL.iter().map(|p| (*p, Reach::everything()));
    let ctx = callers.context(&callers.person(TenantId(Uuid::from_u128(1)), None, all));
    let app = room(&db, &callers);
    let who = PersonId(Uuid::from_u128(1));
    let shown = async || {
        let (evidence, _) = app::evidence(&app, &ctx, who, &Page::read(50, "", b"p").unwrap()).await.unwrap();
        let mut shown: Vec<_> = evidence.into_iter().map(|piece| (piece.kept.subject, piece.kept.value)).collect();
        shown.sort();
        shown
    };
    let older = Published { cycle: CycleId(Uuid::from_u128(2)), last_day: date(2026, 2, 28), ..published() };
    record_of(&app, &ctx, 1, older).await;
    let other = shown().await;
    record(&app, &ctx, 2).await;
    let first = shown().await;
    let mut corrected = published();
    corrected.cards.iter_mut().for_each(|card| card.score = "12.5".parse().unwrap());
    record_of(&app, &ctx, 3, corrected).await;
    let second = shown().await;
    assert_eq!((second.len(), second == first), (first.len(), false), "nothing twice, and the newest counts");
    record(&app, &ctx, 4).await;
    assert_eq!(shown().await, first);
    assert!(other.iter().all(|piece| first.contains(piece)), "what other cycles showed stays");
}

on_both!(a_second_post_leaves_the_evidence_with_the_home);
async fn a_second_post_leaves_the_evidence_with_the_home(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let callers = Callers::new(db.clock.clone(), 7);
    let tenant = TenantId(Uuid::from_u128(1));
    let all = Permission::ALL.iter().map(|p| (*p, Reach::everything()));
    let app = room(&db, &callers);
    record(&app, &callers.context(&callers.person(tenant, None, all)), 1).await;
    let of_unit = |unit: u128| {
        let units = [OrgUnitId(Uuid::from_u128(unit))].into_iter().collect();
        let reach = Reach { units, ..Reach::default() };
        callers.context(&callers.person(tenant, None, [(Permission::ProfileRead, reach)]))
    };
    let who = PersonId(Uuid::from_u128(1));
    assert!(app::profile(&app, &of_unit(50), who).await.is_ok());
    assert_eq!(app::profile(&app, &of_unit(60), who).await.unwrap_err().reason(), "NOT_FOUND");
}

on_both!(the_evidence_of_whoever_left_stays_with_the_branch_that_had_the_team_then);
async fn the_evidence_of_whoever_left_stays_with_the_branch_that_had_the_team_then(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let callers = Callers::new(db.clock.clone(), 7);
    let all = Permission::ALL.iter().map(|p| (*p, Reach::everything()));
    let (app, tenant, who) = (room(&db, &callers), TenantId(Uuid::from_u128(1)), PersonId(Uuid::from_u128(1)));
    // Left on the fifth; on the tenth the team went from the branch 20 to 30.
    let mut left = people().get(who).unwrap().clone();
    left.employments[1].to = Some(date(2026, 3, 5));
    let unit = |unit: u128| OrgUnitId(Uuid::from_u128(unit));
    let state = |of: u128, parent: Option<u128>, from, to| State {
        unit: unit(of),
        parent: parent.map(unit),
        name: of.to_string(),
        from,
        to,
        into: None,
    };
    let (first, tenth) = (date(2020, 1, 1), date(2026, 3, 10));
    let trees = Trees::new([
        state(10, None, first, None),
        state(20, Some(10), first, None),
        state(30, Some(10), first, None),
        state(50, Some(20), first, tenth.yesterday().ok()),
        state(50, Some(30), tenth, None),
    ]);
    let ctx = callers.context(&callers.person(tenant, None, all));
    let work = app.store.unit(&ctx, &ctx.permit::<RecordEvidence>(&Target::tenant()).unwrap()).await.unwrap();
    let published = published();
    let known = (&People::new([left]), &trees);
    store::insert(&work, &ctx, known, &published, &domain::evidence(&published)).await.unwrap();
    work.commit(Audit::new("talent.evidence.record", "cycle", published.cycle), ()).await.unwrap();
    for (of, seen) in [(20, true), (30, false), (50, false)] {
        let reach = Reach { units: [unit(of)].into_iter().collect(), ..Reach::default() };
        let ctx = callers.context(&callers.person(tenant, None, [(Permission::ProfileRead, reach)]));
        assert_eq!(app::profile(&app, &ctx, who).await.is_ok(), seen, "{of}");
    }
}

on_both!(a_profile_after_a_transfer_says_that_it_is_partial);
async fn a_profile_after_a_transfer_says_that_it_is_partial(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let callers = Callers::new(db.clock.clone(), 7);
    let tenant = TenantId(Uuid::from_u128(1));
    let all = Permission::ALL.iter().map(|p| (*p, Reach::everything()));
    let app = room(&db, &callers);
    let everywhere = callers.context(&callers.person(tenant, None, all));
    record(&app, &everywhere, 1).await;
    // In 2025 the person belonged to another unit.
    let before = Published { cycle: CycleId(Uuid::from_u128(2)), last_day: date(2025, 3, 31), ..published() };
    record_of(&app, &everywhere, 2, before).await;
    let reach = Reach { units: [OrgUnitId(Uuid::from_u128(50))].into_iter().collect(), ..Reach::default() };
    let lead = callers.context(&callers.person(tenant, None, [(Permission::ProfileRead, reach)]));
    let who = PersonId(Uuid::from_u128(1));
    let seen = app::profile(&app, &lead, who).await.unwrap();
    assert_eq!((seen.cycles, seen.partial), (1, true));
    let seen = app::profile(&app, &everywhere, who).await.unwrap();
    assert_eq!((seen.cycles, seen.partial), (2, false));
}

on_both!(somebody_elses_profile_is_not_found);
async fn somebody_elses_profile_is_not_found(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let callers = Callers::new(db.clock.clone(), 7);
    let tenant = TenantId(Uuid::from_u128(1));
    let all = Permission::ALL.iter().map(|p| (*p, Reach::everything()));
    let service = callers.context(&callers.person(tenant, None, all));
    let app = room(&db, &callers);
    record(&app, &service, 1).await;
    let (me, other) = (PersonId(Uuid::from_u128(2)), PersonId(Uuid::from_u128(1)));
    let own = Reach { persons: [me].into_iter().collect(), ..Reach::default() };
    let ctx = callers.context(&callers.person(tenant, Some(me), [(Permission::ProfileRead, own)]));
    assert!(app::profile(&app, &ctx, me).await.is_ok());
    assert_eq!(app::profile(&app, &ctx, other).await.unwrap_err().reason(), "NOT_FOUND");
}
