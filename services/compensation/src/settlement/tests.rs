//! Settlements on both databases: who may do what to them in which order, and what is on file afterwards.

use std::sync::Arc;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use tally_access::four_eyes::Hands;
use tally_access::{OpContext, Owner, Permission, Reach, Target};
use tally_app::RequestKey;
use tally_app::directory::{Directory, People};
use tally_kernel::id::{CycleId, OrgUnitId, PersonId, PoolId, PrincipalId, TenantId};
use tally_kernel::money::{Currency, Money};
use tally_kernel::page::Page;
use tally_kernel::person::{DirectoryPerson, Employment, Post};
use tally_kernel::{Micro, Ppm};
use tally_rpc::Peer;
use tally_store::{Audit, Store};
use tally_testkit::callers::{Approver, Callers, everything};
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::on_both;
use uuid::Uuid;

use super::app::{self, App, Known, Taking, file};
use super::domain::{CarryBook, Claimant, Filed, Stage, settle};
use super::{rpc, store};
use crate::correction::facts::Now;
use crate::peers::Peers;
use crate::policy::{ApproveSettlement, DraftSettlement, GetSettlement, GetStatement};
use crate::pool::domain::{Part, Pool, PoolRule, Rule};
use crate::{SERVICE, migrations, statement};

struct Fixture {
    app: App,
    preparer: OpContext,
    approver: OpContext,
    payer: OpContext,
}

fn fixture(db: &TestStore) -> Fixture {
    let callers = Callers::new(db.clock.clone(), 7);
    let tenant = TenantId(Uuid::from_u128(1));
    let someone = || callers.context(&callers.person(tenant, None, everything()));
    // Nothing here calls a peer: the way leads nowhere.
    let nowhere = tally_rpc::connect("http://127.0.0.1:9", None).unwrap();
    let peer = Peer::new(nowhere, callers.signer(SERVICE));
    let directory = Directory::new(peer.clone());
    let peers = Peers { identity: peer.clone(), performance: peer };
    Fixture {
        app: App { store: db.store.clone(), peers, directory },
        preparer: someone(),
        approver: someone(),
        payer: someone(),
    }
}

/// The last day of the cycle.
const LAST_DAY: Date = date(2026, 3, 31);

/// Of unit 50 and, in a second post since March, of unit 60 in another region.
fn somebody(id: PersonId) -> DirectoryPerson {
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
    let home = employment(Post::Home, date(2026, 1, 1), 50, "cn-north");
    let second = employment(Post::Beside, date(2026, 3, 1), 60, "cn-south");
    DirectoryPerson { id, employee_no: "E1".into(), zone: TimeZone::UTC, employments: vec![home, second] }
}

/// A draft of 100.01 among three, with odd cents carried, of a pool of its own.
async fn draft(fixture: &Fixture) -> Filed {
    draft_of(fixture, PoolId(fixture.preparer.new_id()), true).await
}

async fn draft_of(fixture: &Fixture, pool: PoolId, carry: bool) -> Filed {
    draft_for(fixture, pool, &Owner::group(), carry).await
}

async fn draft_for(fixture: &Fixture, pool: PoolId, owner: &Owner, carry: bool) -> Filed {
    let ctx = &fixture.preparer;
    let amount = Money::new(10_001, Currency::CNY);
    let whole = Part { share: Ppm::WHOLE, rule: Rule::Proportional { floor: Micro::ZERO } };
    let rule = PoolRule { parts: vec![whole], carry };
    let pool = Pool {
        id: pool,
        owner: owner.clone(),
        name: "March".into(),
        cycle: CycleId(Uuid::from_u128(3)),
        last_day: None,
        amount,
        rule,
    };
    let person = |n: u128| PersonId(Uuid::from_u128(n));
    let scores: Vec<_> =
        (1..=3).map(|n| (Claimant { employee_no: format!("E{n}"), person: person(n) }, Micro::from_int(90))).collect();
    let people = People::new((1..=3).map(|n| somebody(person(n))));
    let permit = ctx.permit::<DraftSettlement>(&owner.target()).unwrap();
    let work = fixture.app.store.unit(ctx, &permit).await.unwrap();
    let carry = store::carry_book(&work, owner, Currency::CNY).await.unwrap();
    let split = settle(pool.amount, &pool.rule, &scores, &carry).unwrap();
    let (people, trees) = (Arc::new(people), Arc::default());
    let now = Now { people, trees, at: ctx.now(), not_before: Some(LAST_DAY) };
    let known = Known { now: &now, last_day: LAST_DAY, cards_version: 0 };
    let taking = Taking::of(&work, &pool, &split, &known).await.unwrap();
    let filed = file(ctx, Hands::of(ctx, &permit), &pool, &scores, carry, &split, &taking).unwrap();
    store::insert(&work, &filed).await.unwrap();
    taking.write(&work, ctx, &filed.heading(), &known).await.unwrap();
    work.commit(Audit::new("compensation.settlement.draft", "settlement", filed.id), filed.id).await.unwrap();
    filed
}

async fn book(store: &Store, ctx: &OpContext) -> CarryBook {
    book_of(store, ctx, &Owner::group()).await
}

async fn book_of(store: &Store, ctx: &OpContext, owner: &Owner) -> CarryBook {
    store::carry_book(&store.read(ctx).await.unwrap(), owner, Currency::CNY).await.unwrap()
}

on_both!(a_settlement_goes_from_draft_over_other_hands_to_posted_and_stays);
async fn a_settlement_goes_from_draft_over_other_hands_to_posted_and_stays(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let fixture = fixture(&db);
    let filed = draft(&fixture).await;
    let refused = app::approve(&fixture.app, &fixture.preparer, &RequestKey::default(), filed.id).await.unwrap_err();
    assert_eq!(refused.reason(), "FOUR_EYES_REQUIRED");
    let refused = app::post(&fixture.app, &fixture.preparer, &RequestKey::default(), filed.id).await.unwrap_err();
    assert_eq!(refused.reason(), "SETTLEMENT_NOT_APPROVED");
    let approved = app::approve(&fixture.app, &fixture.approver, &RequestKey::default(), filed.id).await.unwrap();
    assert_eq!(approved.approved.map(|hands| hands.by), Some(fixture.approver.actor.principal));
    assert_eq!((approved.approved_at.is_some(), approved.posted_at), (true, None));
    for same in [&fixture.preparer, &fixture.approver] {
        let refused = app::post(&fixture.app, same, &RequestKey::default(), filed.id).await.unwrap_err();
        assert_eq!(refused.reason(), "FOUR_EYES_REQUIRED");
    }
    let posted = app::post(&fixture.app, &fixture.payer, &RequestKey::default(), filed.id).await.unwrap();
    assert_eq!(posted.sums.paid_minor + posted.sums.team_fund_minor(), 10_001);
    assert_eq!((posted.approved_at, posted.posted_at.is_some()), (approved.approved_at, true));
    for again in [
        app::discard(&fixture.app, &fixture.preparer, &RequestKey::default(), filed.id).await,
        app::post(&fixture.app, &fixture.payer, &RequestKey::default(), filed.id).await,
        app::approve(&fixture.app, &fixture.approver, &RequestKey::default(), filed.id).await,
    ] {
        let refused = again.unwrap_err();
        assert_eq!(refused.reason(), "SETTLEMENT_POSTED");
        assert!(
            tally_i18n::sentence(tally_kernel::Locale::En, &refused).contains("draft a correction of it"),
            "{}",
            tally_i18n::sentence(tally_kernel::Locale::En, &refused)
        );
    }
}

on_both!(a_settlement_is_approved_and_posted_by_other_eyes_than_those_of_the_steps_before);
async fn a_settlement_is_approved_and_posted_by_other_eyes_than_those_of_the_steps_before(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let callers = Callers::new(db.clock.clone(), 11);
    let person = |n| callers.person(TenantId(Uuid::from_u128(1)), Some(PersonId(Uuid::from_u128(n))), everything());
    for who in Approver::ALL {
        let (preparer, approver) = (person(71), person(72));
        let fixture =
            Fixture { preparer: callers.context(&preparer), approver: callers.context(&approver), ..fixture(&db) };
        let filed = draft(&fixture).await.id;
        let other = callers.context(&who.caller(&callers, &preparer));
        let approved = app::approve(&fixture.app, &other, &RequestKey::default(), filed).await;
        if who == Approver::SomebodyElse {
            assert!(approved.is_ok(), "{approved:?}");
            continue;
        }
        assert_eq!(approved.unwrap_err().reason(), "FOUR_EYES_REQUIRED", "{who:?}");
        app::approve(&fixture.app, &fixture.approver, &RequestKey::default(), filed).await.unwrap();
        for before in [&preparer, &approver] {
            let other = callers.context(&who.caller(&callers, before));
            let refused = app::post(&fixture.app, &other, &RequestKey::default(), filed).await.unwrap_err();
            assert_eq!(refused.reason(), "FOUR_EYES_REQUIRED", "{who:?}");
        }
        app::post(&fixture.app, &callers.context(&person(73)), &RequestKey::default(), filed).await.unwrap();
    }
}

on_both!(the_database_refuses_a_pair_of_hands_twice_even_when_code_forgets);
async fn the_database_refuses_a_pair_of_hands_twice_even_when_code_forgets(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let fixture = fixture(&db);
    let filed = draft(&fixture).await;
    let hands = |by: u128, delegated_by| Hands { delegated_by, ..Hands::own(PrincipalId(Uuid::from_u128(by)), None) };
    let somebody = Some(PersonId(Uuid::from_u128(70)));
    let (first, second) = (filed.prepared, Hands { person: somebody, ..hands(2, None) });
    let delegated = |by| hands(by, Some(first.by));
    let forgotten = [
        (Some(first), None, false),
        (Some(delegated(2)), None, false),
        (Some(second), Some(first), false),
        (Some(second), Some(second), false),
        (Some(second), Some(delegated(3)), false),
        (Some(second), Some(hands(3, Some(second.by))), false),
        (Some(second), Some(Hands { person: somebody, ..hands(3, None) }), false),
        (Some(second), Some(hands(3, None)), true),
    ];
    for (approved, posted, good) in forgotten {
        let filed = Filed { approved, posted, stage: Stage::Approved, ..filed.clone() };
        let permit = fixture.preparer.permit::<DraftSettlement>(&Target::tenant()).unwrap();
        let work = fixture.app.store.unit(&fixture.preparer, &permit).await.unwrap();
        assert_eq!(store::keep_stage(&work, &filed).await.is_ok(), good, "{approved:?} {posted:?}");
    }
}

on_both!(posting_moves_the_carry_account_on_and_a_draft_from_before_is_refused);
async fn posting_moves_the_carry_account_on_and_a_draft_from_before_is_refused(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let fixture = fixture(&db);
    let (first, second) = (draft(&fixture).await, draft(&fixture).await);
    for filed in [&first, &second] {
        app::approve(&fixture.app, &fixture.approver, &RequestKey::default(), filed.id).await.unwrap();
    }
    assert_eq!(book(&fixture.app.store, &fixture.preparer).await, CarryBook::empty(Currency::CNY));
    app::post(&fixture.app, &fixture.payer, &RequestKey::default(), first.id).await.unwrap();
    assert_eq!(book(&fixture.app.store, &fixture.preparer).await, first.sums.carry_after);
    let refused = app::post(&fixture.app, &fixture.payer, &RequestKey::default(), second.id).await.unwrap_err();
    assert_eq!(refused.reason(), "CARRY_MOVED");
}

on_both!(a_branch_prepares_approves_and_posts_its_own_and_a_stranger_finds_nothing);
async fn a_branch_prepares_approves_and_posts_its_own_and_a_stranger_finds_nothing(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let callers = Callers::new(db.clock.clone(), 13);
    let (north, south) = (unit(50), unit(60));
    let owner = Owner::of("cn-north".parse().unwrap(), north);
    let of = |unit| {
        let of_unit = |permissions: &[Permission]| {
            callers.context(&callers.of_unit(TenantId(Uuid::from_u128(1)), unit, permissions))
        };
        use Permission::{PoolRead, SettlementApprove, SettlementPost, SettlementPrepare, SettlementRead};
        let specialist = [PoolRead, SettlementRead, SettlementPrepare, SettlementPost];
        (of_unit(&specialist), of_unit(&[PoolRead, SettlementRead, SettlementApprove]), of_unit(&specialist))
    };
    let ((preparer, approver, payer), (stranger, strange_approver, _)) = (of(north), of(south));
    let of_group = fixture(&db);
    let fixture = Fixture { preparer, approver, payer, ..fixture(&db) };
    let filed = draft_for(&fixture, PoolId(Uuid::from_u128(42)), &owner, true).await;
    assert_eq!(filed.owner, owner);
    let key = RequestKey::default();
    let app = &fixture.app;
    for refused in [
        app::get(app, &stranger, filed.id).await,
        app::discard(app, &stranger, &key, filed.id).await,
        app::approve(app, &strange_approver, &key, filed.id).await,
        app::post(app, &stranger, &key, filed.id).await,
    ] {
        assert_eq!(refused.unwrap_err().reason(), "NOT_FOUND");
    }
    let page = Page::read(0, "", b"settlements").unwrap();
    assert!(app::list(app, &stranger, &page).await.unwrap().0.is_empty());
    let refused = app::approve(app, &fixture.preparer, &key, filed.id).await.unwrap_err();
    assert_eq!(refused.reason(), "PERMISSION_DENIED");
    let group = draft_of(&of_group, PoolId(Uuid::from_u128(43)), true).await;
    assert_eq!(app::get(app, &fixture.preparer, group.id).await.unwrap_err().reason(), "NOT_FOUND", "the group's");

    let approved = app::approve(app, &fixture.approver, &key, filed.id).await.unwrap();
    assert!(rpc::render::<ApproveSettlement>(&fixture.approver, approved).1.is_empty(), "its own sums are shown");
    let refused = app::post(app, &fixture.preparer, &key, filed.id).await.unwrap_err();
    assert_eq!(refused.reason(), "FOUR_EYES_REQUIRED");
    let posted = app::post(app, &fixture.payer, &key, filed.id).await.unwrap();
    assert_eq!((posted.stage, &posted.owner), (Stage::Posted, &owner));
    let listed = app::list(app, &fixture.preparer, &page).await.unwrap().0;
    assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [filed.id]);
}

fn unit(n: u128) -> OrgUnitId {
    OrgUnitId(Uuid::from_u128(n))
}

on_both!(each_owner_has_a_carry_book_of_its_own);
async fn each_owner_has_a_carry_book_of_its_own(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let fixture = fixture(&db);
    let owners = [
        Owner::group(),
        Owner::of("cn-north".parse().unwrap(), unit(50)),
        Owner::of("cn-south".parse().unwrap(), unit(60)),
    ];
    // All are drafted before any is posted: were there one book, the second would find it moved.
    let mut drafts = Vec::new();
    for (n, owner) in (80..).zip(&owners) {
        drafts.push(draft_for(&fixture, PoolId(Uuid::from_u128(n)), owner, true).await);
    }
    for (n, (filed, owner)) in drafts.iter().zip(&owners).enumerate() {
        app::approve(&fixture.app, &fixture.approver, &RequestKey::default(), filed.id).await.unwrap();
        app::post(&fixture.app, &fixture.payer, &RequestKey::default(), filed.id).await.unwrap();
        for (at, other) in owners.iter().enumerate() {
            let moved = book_of(&fixture.app.store, &fixture.preparer, other).await != CarryBook::empty(Currency::CNY);
            assert_eq!(moved, at <= n, "{owner:?} was posted, {other:?} looked at");
        }
    }
    let again = draft_for(&fixture, PoolId(Uuid::from_u128(90)), &owners[1], true).await;
    assert_eq!(again.sums.carry_before, drafts[1].sums.carry_after, "it goes on from its own");
}

on_both!(a_pool_is_paid_once_however_often_it_was_drafted);
async fn a_pool_is_paid_once_however_often_it_was_drafted(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let fixture = fixture(&db);
    let pool = PoolId(Uuid::from_u128(40));
    let (first, second) = (draft_of(&fixture, pool, false).await, draft_of(&fixture, pool, false).await);
    for filed in [&first, &second] {
        app::approve(&fixture.app, &fixture.approver, &RequestKey::default(), filed.id).await.unwrap();
    }
    app::post(&fixture.app, &fixture.payer, &RequestKey::default(), first.id).await.unwrap();
    let refused = app::post(&fixture.app, &fixture.payer, &RequestKey::default(), second.id).await.unwrap_err();
    assert_eq!(refused.reason(), "POOL_PAID");
    app::discard(&fixture.app, &fixture.preparer, &RequestKey::default(), second.id).await.unwrap();
    let other = draft_of(&fixture, PoolId(Uuid::from_u128(41)), false).await;
    app::approve(&fixture.app, &fixture.approver, &RequestKey::default(), other.id).await.unwrap();
    app::post(&fixture.app, &fixture.payer, &RequestKey::default(), other.id).await.unwrap();
}

on_both!(the_database_refuses_a_second_posting_of_a_pool_even_when_code_forgets);
async fn the_database_refuses_a_second_posting_of_a_pool_even_when_code_forgets(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let fixture = fixture(&db);
    let pool = PoolId(Uuid::from_u128(40));
    let (first, second) = (draft_of(&fixture, pool, false).await, draft_of(&fixture, pool, false).await);
    for (filed, refused) in [(first, None), (second, Some("POOL_PAID"))] {
        let permit = fixture.preparer.permit::<DraftSettlement>(&Target::tenant()).unwrap();
        let work = fixture.app.store.unit(&fixture.preparer, &permit).await.unwrap();
        let posted = store::keep_stage(&work, &Filed { stage: Stage::Posted, ..filed.clone() }).await;
        assert_eq!(posted.as_ref().err().map(tally_kernel::Error::reason), refused);
        if posted.is_ok() {
            work.commit(Audit::new("compensation.settlement.post", "settlement", filed.id), filed.id).await.unwrap();
        }
    }
}

on_both!(a_settlement_shows_its_sums_only_to_who_may_read_pools);
async fn a_settlement_shows_its_sums_only_to_who_may_read_pools(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let fixture = fixture(&db);
    let filed = draft(&fixture).await;
    let callers = Callers::new(db.clock.clone(), 9);
    let having = |permissions: &[Permission]| {
        let reach: Vec<_> = permissions.iter().map(|p| (*p, Reach::everything())).collect();
        callers.context(&callers.person(fixture.preparer.tenant(), None, reach))
    };
    let hidden = ["paid", "pool", "team_fund"];
    // The permissions to prepare and to approve open pay, and do not show the pool all the same.
    let hr = having(&[Permission::SettlementRead, Permission::SettlementPrepare, Permission::SettlementApprove]);
    let found = app::get(&fixture.app, &hr, filed.id).await.unwrap();
    let (shown, masked) = rpc::render::<GetSettlement>(&hr, found.clone());
    assert_eq!((shown.pool, shown.paid, shown.team_fund, shown.people), (None, None, None, 3));
    assert_eq!(masked, hidden);
    assert_eq!(rpc::render::<ApproveSettlement>(&hr, found.clone()).1, hidden);
    let (all, masked) = rpc::render_all(&hr, vec![found.clone(), found.clone()]);
    assert!(all.iter().all(|s| s.pool.is_none()) && masked.len() == 3 && masked[0] == "settlements.paid");
    let reader = having(&[Permission::SettlementRead, Permission::PoolRead]);
    let (shown, masked) = rpc::render::<GetSettlement>(&reader, found);
    assert_eq!((shown.pool.unwrap().minor, masked.len()), (10_001, 0));
}

on_both!(a_statement_shows_its_amounts_only_to_who_may_read_pay);
async fn a_statement_shows_its_amounts_only_to_who_may_read_pay(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let fixture = fixture(&db);
    let filed = draft(&fixture).await;
    let callers = Callers::new(db.clock.clone(), 9);
    let supervisor = [(Permission::StatementRead, Reach::everything())];
    let supervisor = callers.context(&callers.person(fixture.preparer.tenant(), None, supervisor));
    let room = statement::app::App { store: fixture.app.store.clone(), peers: fixture.app.peers.clone() };
    let person = PersonId(Uuid::from_u128(2));
    let found = statement::app::get(&room, &supervisor, filed.id, person).await.unwrap();
    assert_eq!(
        (found.statement.unit.0.as_u128(), found.statement.region.as_str()),
        (50, "cn-north"),
        "a second post moves no pay"
    );
    let (shown, masked) = statement::rpc::render::<GetStatement>(&supervisor, found.clone());
    assert_eq!((shown.amount, shown.score.as_str()), (None, ""));
    let hidden = ["amount", "equal_split", "lines.amount", "lines.exact", "lines.note", "lines.weight", "score"];
    assert_eq!(masked, hidden);
    let (shown, masked) = statement::rpc::render::<GetStatement>(&fixture.approver, found);
    assert_eq!(masked, [""; 0]);
    assert!([3_333, 3_334].contains(&shown.amount.unwrap().minor) && !shown.score.is_empty());
    let nobody = statement::app::get(&room, &fixture.approver, filed.id, PersonId(Uuid::from_u128(77))).await;
    assert_eq!(nobody.unwrap_err().reason(), "NOT_FOUND");
}

on_both!(a_person_reads_the_own_statements_newest_first_without_those_that_were_thrown_away);
async fn a_person_reads_the_own_statements_newest_first_without_those_that_were_thrown_away(on: Backend) {
    let db = TestStore::on(on, SERVICE, migrations).await;
    let fixture = fixture(&db);
    let mut filed = Vec::new();
    for pool in 0..3 {
        filed.push(draft_of(&fixture, PoolId(Uuid::from_u128(pool)), false).await.id);
    }
    app::discard(&fixture.app, &fixture.preparer, &RequestKey::default(), filed[1]).await.unwrap();
    let callers = Callers::new(db.clock.clone(), 9);
    let (me, other) = (PersonId(Uuid::from_u128(2)), PersonId(Uuid::from_u128(3)));
    let own = Reach { persons: [me].into_iter().collect(), ..Reach::default() };
    let own = callers.context(&callers.person(fixture.preparer.tenant(), Some(me), [(Permission::StatementRead, own)]));
    let room = statement::app::App { store: fixture.app.store.clone(), peers: fixture.app.peers.clone() };
    let read = async |ctx: &OpContext, of, size, token: &str| {
        let page = Page::read(size, token, b"statements").unwrap();
        let (found, token) = statement::app::list_of_person(&room, ctx, of, &page).await.unwrap();
        (found.iter().map(|paid| (paid.statement.person, paid.statement.settlement)).collect::<Vec<_>>(), token)
    };
    let (first, token) = read(&own, me, 1, "").await;
    assert_eq!(first, [(me, filed[2])]);
    let (second, end) = read(&own, me, 1, &token).await;
    assert_eq!((second, end.as_str()), (vec![(me, filed[0])], ""));
    assert!(read(&own, other, 50, "").await.0.is_empty(), "somebody else's");
    assert_eq!(read(&fixture.approver, other, 50, "").await.0, [(other, filed[2]), (other, filed[0])]);
    assert!(read(&fixture.approver, PersonId(Uuid::from_u128(77)), 50, "").await.0.is_empty());
}
