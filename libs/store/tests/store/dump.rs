//! What a copy of the database gives away: no pay, no identity number, no place, in clear or in any usual spelling.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sea_orm::{ActiveValue, ConnectionTrait as _, DbBackend, Statement};
use tally_kernel::id::PersonId;
use tally_store::{Place, digest};

use crate::databases::{Backend, TestStore};
use crate::on_both;
use crate::person_keys::issue;
use crate::sample::{audit, badge, badge_row, context, database, owner, unit_of, write};

const NUMBER: &str = "11010519491231002X";
const PLACE: &str = "31.2304,121.4737";
const PAY: i64 = 876_543_219;
const IN_CLEAR: &str = "control-4711";

/// The whole database: the bytes of the SQLite files, or every row of every PostgreSQL table as `COPY` writes it.
async fn dump(db: &TestStore) -> Vec<u8> {
    if db.name == "sqlite" {
        let file = db.owner_url.strip_prefix("sqlite://").unwrap();
        let parts = ["", "-wal"].map(|ending| std::fs::read(format!("{file}{ending}")).unwrap_or_default());
        return parts.concat();
    }
    let owner = owner(db).await;
    let tables = "SELECT format('SELECT t::text FROM %I.%I t', schemaname, tablename) FROM pg_tables \
                  WHERE schemaname = 'sample'";
    let mut all = Vec::new();
    for table in owner.query_all_raw(Statement::from_string(DbBackend::Postgres, tables)).await.unwrap() {
        let sql: String = table.try_get_by_index(0).unwrap();
        for row in owner.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap() {
            let text: String = row.try_get_by_index(0).unwrap();
            all.extend(text.into_bytes());
            all.push(b'\n');
        }
    }
    all
}

/// A text as it is, in hexadecimal of both cases, and in base64 at each of its three alignments.
fn spellings(text: &[u8]) -> Vec<Vec<u8>> {
    let base64 = (0..3).map(|skip| {
        let shifted = [&vec![0; skip], text].concat();
        let spelt = STANDARD_NO_PAD.encode(shifted);
        // The first and last characters also hold bits of the neighbours.
        spelt.as_bytes()[(skip * 8).div_ceil(6)..spelt.len() - 1].to_vec()
    });
    [text.to_vec(), hex::encode(text).into_bytes(), hex::encode_upper(text).into_bytes()]
        .into_iter()
        .chain(base64)
        .collect()
}

fn holds(dump: &[u8], text: &[u8]) -> bool {
    spellings(text).iter().any(|spelling| dump.windows(spelling.len()).any(|part| part == spelling))
}

on_both!(a_dump_shows_no_pay_no_number_and_no_place);
async fn a_dump_shows_no_pay_no_number_and_no_place(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    write(&db.store, &ctx, &[IN_CLEAR]).await;
    let mut work = unit_of(&db.store, &ctx).await;
    assert!(work.replay::<String>("request 1", &digest(b"body")).await.unwrap().is_none());
    let (holder, id) = (PersonId(ctx.new_id()), ctx.new_id());
    issue(&work, &ctx, holder, NUMBER).await.unwrap();
    let pay = work.seal(&Place::of(badge::Column::Pay, id), &PAY).await.unwrap();
    let row = badge::ActiveModel { pay: ActiveValue::Set(Some(pay)), ..badge_row(&ctx, id, holder.0) };
    work.insert(row).await.unwrap();
    // The result of a request holds pay and number too.
    work.commit(audit(), format!("{NUMBER} gets {PAY}")).await.unwrap();

    let dump = dump(&db).await;
    assert!(holds(&dump, IN_CLEAR.as_bytes()), "the search finds what is there in clear");
    assert!(holds(&dump, b"request 1"));
    for secret in [NUMBER.as_bytes(), PLACE.as_bytes(), PAY.to_string().as_bytes(), &PAY.to_be_bytes()] {
        assert!(!holds(&dump, secret), "{} is in the {} dump", String::from_utf8_lossy(secret), db.name);
    }
}

#[test]
fn the_search_sees_through_hexadecimal_and_base64() {
    for before in ["", "a", "ab", "abc"] {
        let around = format!("{before}{NUMBER}tail");
        for spelt in [hex::encode(&around), hex::encode_upper(&around), STANDARD_NO_PAD.encode(&around), around] {
            assert!(holds(spelt.as_bytes(), NUMBER.as_bytes()), "{spelt}");
        }
    }
}
