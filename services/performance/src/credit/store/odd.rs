//! Rows of findings.

use std::collections::BTreeSet;

use jiff::civil;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Condition;
use tally_access::{Moment, OpContext, Plan, Rpc, Target};
use tally_kernel::id::{FindingId, OrgUnitId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Message, Result};
use tally_store::{ScopedTx, UnitOfWork, to_db, word_from_db};

use super::{Place, total};
use crate::columns::{holding, read, write};
use tally_engine::closing::collect::{UNKNOWN_AGENT, UNKNOWN_CONTRIBUTOR};
use tally_engine::closing::facts::Finding;

pub mod finding {
    use futures::future::FutureExt as _;
    use sea_orm::entity::prelude::*;
    use tally_i18n::text;
    use tally_kernel::message::Arg;
    use tally_kernel::{Locale, Message};
    use tally_privacy::{ExportCells, Exported, plain};
    use tally_store::ScopedTx;

    use crate::credit::domain::without_others;

    /// In a finding about one person, what names that one.
    const OWN: [&str; 3] = ["number", "first", "person"];

    /// Something that a person should look at.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "findings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Option<Uuid>,
        pub person_id: Option<Uuid>,
        pub run_id: Uuid,
        pub component: i32,
        pub kind: String,
        pub subject: String,
        pub at: String,
        /// A [`Message`] in JSON, or a sentence of the time before messages were data.
        pub detail: String,
        pub recorded_at: DateTimeUtc,
        /// A [`Fix`] in JSON, where something would put it right.
        pub fix: Option<String>,
        /// The last day of the month, or of the person in the unit; nothing in a row from before days were kept.
        pub day: Option<String>,
    }

    impl Model {
        /// What was seen and what was made of it.
        pub fn message(&self) -> Message {
            serde_json::from_str(&self.detail).unwrap_or_else(|_| Message::told(self.detail.as_str()))
        }

        /// The same for whoever reads all that is known of one person: without the numbers of others.
        fn of_one(&self) -> Message {
            let message = self.message();
            let own = message.args().iter().find_map(|(name, arg)| match arg {
                Arg::Text(text) if OWN.contains(name) => Some(text.clone()),
                Arg::Text(_) | Arg::Message(_) | Arg::List(_) => None,
            });
            let own = own.unwrap_or_default();
            if self.person_id.is_some() { without_others(&message, &own) } else { message }
        }
    }

    impl Exported for Entity {
        fn tell<'t>(_: &'t ScopedTx, row: &'t Model, _: bool) -> ExportCells<'t> {
            async move {
                let mut told = plain(row)?;
                told.insert("detail".to_owned(), text(Locale::En, &row.of_one()).into());
                Ok(told)
            }
            .boxed()
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, iso_day: Day });
}

/// How many findings these runs have.
pub async fn count_findings(tx: &ScopedTx, runs: &[Uuid]) -> Result<u64> {
    let of_runs = finding::Column::RunId.is_in(runs.iter().copied());
    Ok(tx.select::<finding::Entity>().filter(of_runs).count().await?)
}

/// Writes findings, each with where its subject stands. `day` is the last of the month.
pub async fn put_findings(
    work: &UnitOfWork,
    ctx: &OpContext,
    (run, day): (Uuid, civil::Date),
    component: i32,
    findings: &[(Place, Finding)],
) -> Result<()> {
    let row = |((place, finding), (detail, fix)): (&(Place, Finding), (String, Option<String>))| finding::ActiveModel {
        tenant_id: NotSet,
        id: Set(ctx.new_id()),
        region: Set(place.region.as_str().to_owned()),
        unit_id: Set(place.unit.map(Uuid::from)),
        person_id: Set(place.person.map(Uuid::from)),
        run_id: Set(run),
        component: Set(component),
        kind: Set(finding.kind.clone()),
        subject: Set(finding.subject.clone()),
        at: Set(finding.at.clone()),
        detail: Set(detail),
        recorded_at: Set(to_db(ctx.now())),
        fix: Set(fix),
        day: Set(Some(place.day(day).to_string())),
    };
    let texts =
        |(_, finding): &(Place, Finding)| Ok((write(&finding.detail)?, finding.fix.as_ref().map(write).transpose()?));
    let texts: Vec<_> = findings.iter().map(texts).collect::<Result<_>>()?;
    let rows: Vec<_> = findings.iter().zip(texts).map(row).collect();
    work.insert_many(rows).await?;
    Ok(())
}

/// A finding as it is kept.
#[derive(Clone, Debug)]
pub struct Found {
    pub id: FindingId,
    pub place: Place,
    /// The last day of the month; nothing of a finding from before days were kept.
    pub day: Option<civil::Date>,
    pub finding: Finding,
}

impl Found {
    /// What a call about it is decided on.
    pub fn target(&self) -> Target {
        Target { moment: self.day.map(Moment::Day), ..self.place.target() }
    }
}

impl TryFrom<finding::Model> for Found {
    type Error = Error;
    fn try_from(row: finding::Model) -> Result<Self> {
        let (id, detail, person) = (FindingId(row.id), row.message(), row.person_id.map(PersonId));
        let day = row.day.as_deref().map(str::parse).transpose().map_err(Error::internal)?;
        let (region, unit) = (word_from_db("a region", &row.region)?, row.unit_id.map(OrgUnitId));
        let place = Place { region, unit, person, left: None };
        let fix = row.fix.as_deref().map(read).transpose()?;
        let finding = Finding { kind: row.kind, subject: row.subject, at: row.at, detail, person, fix };
        Ok(Self { id, place, day, finding })
    }
}

/// A page of findings, by kind, subject and instant; about one person, if one is said.
pub async fn findings<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    kept: Vec<Uuid>,
    person: Option<PersonId>,
    page: &Page,
) -> Result<(Vec<Found>, String)> {
    use finding::Column::{At, Id, Kind, PersonId as About, RunId, Subject};
    let about = person.map(|person| About.eq(person.0));
    let of = Condition::all().add(RunId.is_in(kept)).add_option(about);
    let (rows, next) =
        tx.select::<finding::Entity>().within(plan).filter(of).page_asc(page, [Kind, Subject, At, Id]).await?;
    Ok((rows.into_iter().map(Found::try_from).collect::<Result<_>>()?, next))
}

/// One finding within reach.
pub async fn finding<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, id: FindingId) -> Result<Option<Found>> {
    let found = tx.select::<finding::Entity>().within(plan).filter(finding::Column::Id.eq(id.0)).one().await?;
    found.map(Found::try_from).transpose()
}

/// The runs that tell something of a person within reach.
pub async fn runs_about<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, person: PersonId) -> Result<BTreeSet<Uuid>> {
    let (of, by) = (finding::Column::PersonId.eq(person.0), finding::Column::RunId);
    let odd = tx
        .select::<finding::Entity>()
        .within(plan)
        .filter(of)
        .rows::<(Uuid, i64)>(|q| q.column(by).count().group_by(by));
    let (of, by) = (total::Column::PersonId.eq(person.0), total::Column::RunId);
    let work =
        tx.select::<total::Entity>().within(plan).filter(of).rows::<(Uuid, i64)>(|q| q.column(by).count().group_by(by));
    Ok(odd.await?.into_iter().chain(work.await?).map(|(run, _)| run).collect())
}

/// Throws away the findings of a run.
pub async fn discard_findings(work: &UnitOfWork, run: Uuid) -> Result<()> {
    work.delete::<finding::Entity>().filter(finding::Column::RunId.eq(run)).exec().await?;
    Ok(())
}

/// Findings whose subject or sentence holds the text somewhere, and some others.
pub async fn findings_with(tx: &ScopedTx, text: &str) -> Result<Vec<finding::Model>> {
    let held = holding(text);
    let any = Condition::any().add(finding::Column::Subject.like(&held)).add(finding::Column::Detail.like(&held));
    Ok(tx.select::<finding::Entity>().filter(any).all().await?)
}

/// Findings about names that nobody is known by.
pub async fn findings_of_agents(tx: &ScopedTx) -> Result<Vec<finding::Model>> {
    Ok(tx
        .select::<finding::Entity>()
        .filter(finding::Column::Kind.is_in([UNKNOWN_AGENT, UNKNOWN_CONTRIBUTOR]))
        .all()
        .await?)
}

/// Writes a finding's texts in place of what they were.
pub async fn put_finding(work: &UnitOfWork, id: Uuid, subject: &str, detail: &Message) -> Result<()> {
    let detail = serde_json::to_string(detail).map_err(Error::internal)?;
    let update = work.update::<finding::Entity>().set(finding::Column::Subject, subject);
    // A repair may hold the same name, and nobody sends it for somebody who is forgotten.
    let update = update.set(finding::Column::Fix, None::<String>);
    Ok(update.set(finding::Column::Detail, detail).filter(finding::Column::Id.eq(id)).exec_one().await?)
}
