//! The rates table. Rows are written and marked as superseded, never rewritten.

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::{ColumnTrait as _, Condition};
use tally_access::{OpContext, Region};
use tally_kernel::Currency;
use tally_kernel::rate::Quotation;
use tally_store::{ScopedTx, StoreError, UnitOfWork, among, date_from_db, date_to_db, from_db, to_db, word_from_db};

use super::domain::{Known, Plan, Sourced};

pub(crate) mod rates {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "exchange_rates")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub base: String,
        pub quote: String,
        pub rate: String,
        pub valid_from: Date,
        pub source: String,
        pub superseded_at: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region });
}

use rates::{Column, Entity};

/// Which versions of what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    /// Those that count now.
    Counting,
    /// Those that counted at an instant.
    KnownAt(Timestamp),
    /// All.
    Every,
}

/// Rates of one currency, or of all, from days until this one.
pub(crate) async fn get(
    tx: &ScopedTx,
    of: Option<Currency>,
    to: Option<Date>,
    versions: Versions,
) -> Result<Vec<Known>, StoreError> {
    let mut wanted = match versions {
        Versions::Every => Condition::all(),
        Versions::Counting => Condition::all().add(Column::SupersededAt.is_null()),
        Versions::KnownAt(at) => {
            let at = to_db(at);
            let open = Condition::any().add(Column::SupersededAt.is_null()).add(Column::SupersededAt.gt(at));
            Condition::all().add(Column::RecordedAt.lte(at)).add(open)
        }
    };
    if let Some(code) = of.map(|currency| currency.to_string()) {
        wanted = wanted.add(Condition::any().add(Column::Base.eq(code.clone())).add(Column::Quote.eq(code)));
    }
    if let Some(to) = to {
        wanted = wanted.add(Column::ValidFrom.lte(date_to_db(to)));
    }
    let rows = tx.select::<Entity>().filter(wanted).all().await?;
    rows.into_iter().map(read).collect()
}

/// Marks what does not count any more, and writes what counts from `now` on.
pub(crate) async fn change(work: &UnitOfWork, ctx: &OpContext, now: Timestamp, plan: Plan) -> Result<(), StoreError> {
    if !plan.closes.is_empty() {
        let closed = Condition::all().add(among::<Entity>(work, Column::Id, plan.closes));
        work.update::<Entity>().set(Column::SupersededAt, to_db(now)).filter(closed).exec().await?;
    }
    let rows = plan.writes.into_iter().map(|Sourced { quotation, source }| rates::Model {
        tenant_id: ctx.tenant().0,
        id: ctx.new_id(),
        region: Region::GLOBAL.to_owned(),
        base: quotation.base.to_string(),
        quote: quotation.quote.to_string(),
        rate: quotation.rate.to_string(),
        valid_from: date_to_db(quotation.from),
        source,
        superseded_at: None,
        recorded_at: to_db(now),
    });
    work.insert_many(rows.collect::<Vec<_>>()).await.map(drop)
}

fn read(row: rates::Model) -> Result<Known, StoreError> {
    let (base, quote) = (word_from_db("a currency", &row.base)?, word_from_db("a currency", &row.quote)?);
    let (from, rate) = (date_from_db(row.valid_from)?, word_from_db("a rate", &row.rate)?);
    Ok(Known {
        id: row.id,
        said: Sourced { quotation: Quotation { base, quote, from, rate }, source: row.source },
        recorded_at: from_db(row.recorded_at)?,
        superseded_at: row.superseded_at.map(from_db).transpose()?,
    })
}
