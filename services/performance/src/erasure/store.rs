//! Records and findings that name a person.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Condition;
use tally_kernel::{Error, Message, Result};
use tally_store::{ScopedTx, UnitOfWork};

use super::domain::Worn;
use tally_engine::closing::collect::UNKNOWN_AGENT;

use crate::credit::store::finding;
use crate::record::store as record;

/// Puts the pseudonym on the records that this text named: how many.
pub async fn rename(work: &UnitOfWork, worn: &Worn, pseudonym: &str) -> Result<u64> {
    let mut these = Condition::all()
        .add(record::Column::AccountId.eq(worn.account.0))
        .add(record::Column::Agent.eq(worn.agent.as_str()));
    if let Some(from) = worn.from_ms {
        these = these.add(record::Column::StartedMs.gte(from));
    }
    if let Some(to) = worn.to_ms {
        these = these.add(record::Column::StartedMs.lt(to));
    }
    let update = work.update::<record::Entity>().set(record::Column::Agent, pseudonym);
    Ok(update.filter(these).exec().await?)
}

/// Puts the pseudonym on the records of whatever account that name the number.
pub async fn rename_number(work: &UnitOfWork, number: &str, pseudonym: &str) -> Result<u64> {
    let update = work.update::<record::Entity>().set(record::Column::Agent, pseudonym);
    Ok(update.filter(record::Column::Agent.eq(number)).exec().await?)
}

/// Findings whose subject or sentence holds the text somewhere.
pub async fn findings_with(tx: &ScopedTx, text: &str) -> Result<Vec<finding::Model>> {
    let any = Condition::any().add(finding::Column::Subject.contains(text)).add(finding::Column::Detail.contains(text));
    Ok(tx.select::<finding::Entity>().filter(any).all().await?)
}

/// Findings about names that nobody is known by.
pub async fn findings_of_agents(tx: &ScopedTx) -> Result<Vec<finding::Model>> {
    Ok(tx.select::<finding::Entity>().filter(finding::Column::Kind.eq(UNKNOWN_AGENT)).all().await?)
}

/// Writes a finding's texts in place of what they were.
pub async fn put_finding(work: &UnitOfWork, id: Uuid, subject: &str, detail: &Message) -> Result<()> {
    let detail = serde_json::to_string(detail).map_err(Error::internal)?;
    let update = work.update::<finding::Entity>().set(finding::Column::Subject, subject);
    Ok(update.set(finding::Column::Detail, detail).filter(finding::Column::Id.eq(id)).exec_one().await?)
}
