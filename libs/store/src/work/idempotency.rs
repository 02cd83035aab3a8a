//! A request that comes twice is done once: the same id with the same body gets the first result, another body is refused.
//!
//! The id is claimed at the start of the unit. A concurrent duplicate waits at the key until the first has committed (then
//! it gets the first's result) or rolled back (then it does the work). The kept result is sealed, since it may hold pay.

use sea_orm::ConnectionTrait as _;
use serde_json::value::RawValue;
use tally_kernel::{Error, Kind, msg};
use uuid::Uuid;

use crate::error::StoreError;
use crate::log::chain::digest;
use crate::names;
use crate::seal::class;
use crate::seal::sealed::{Place, Sealed};
use crate::tx::context::to_db;
use crate::tx::scoped::ScopedTx;
use crate::tx::sql::Part;

/// A claimed request of a unit.
#[derive(Debug)]
pub(crate) struct Claim {
    pub request_id: String,
}

const LONGEST_ID: usize = 128;

/// Claims the request, or gives the first result.
pub(crate) async fn claim(
    tx: &ScopedTx,
    method: &str,
    request_id: &str,
    body: &[u8; 32],
) -> Result<Result<Claim, Box<RawValue>>, StoreError> {
    if request_id.len() > LONGEST_ID {
        let message = msg!("REQUEST_ID_INVALID", max = LONGEST_ID);
        return Err(StoreError::Refused(Error::of(Kind::InvalidArgument, message)));
    }
    let scope = tx.scope();
    let place = place(tx, request_id);
    let sql = "INSERT INTO idempotency (tenant_id, id, principal, request_id, method, body, recorded_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    let values = [
        scope.tenant.into(),
        place.row.into(),
        scope.author.principal.into(),
        request_id.into(),
        method.into(),
        body.to_vec().into(),
        to_db(scope.now).into(),
    ];
    if tx.raw().execute_raw(tx.statement(sql, values)).await?.rows_affected() == 1 {
        return Ok(Ok(Claim { request_id: request_id.to_owned() }));
    }
    let sql = "SELECT method, body, result FROM idempotency WHERE tenant_id = $1 AND id = $2";
    let values = [scope.tenant.into(), place.row.into()];
    let Some(row) = tx.raw().query_one_raw(tx.statement(sql, values)).await? else {
        // The first rolled back between the two statements.
        return Err(StoreError::Busy("the first request with this id has just been rolled back".to_owned()));
    };
    let (first_method, first_body): (String, Vec<u8>) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    if first_method != method || first_body != body {
        let message = msg!("REQUEST_ID_REUSED", request_id);
        return Err(StoreError::Refused(Error::of(Kind::FailedPrecondition, message)));
    }
    let result: Option<Sealed<class::Result, Box<RawValue>>> = row.try_get_by_index(2)?;
    let result = result.ok_or_else(|| StoreError::fault("a committed request without its result"))?;
    Ok(Err(tx.open(&place, &result).await?))
}

/// The statement that keeps the result with the claim.
pub(crate) async fn part(tx: &ScopedTx, claim: &Claim, result: &RawValue) -> Result<Part, StoreError> {
    let place = place(tx, &claim.request_id);
    let sealed: Sealed<class::Result, _> = tx.seal_in(&place, &result).await?;
    Ok(Part {
        sql: "UPDATE idempotency SET result = $3 WHERE tenant_id = $1 AND id = $2".to_owned(),
        values: vec![tx.scope().tenant.into(), place.row.into(), sealed.into()],
    })
}

/// The row of a request: whose, and which. Its result is bound to it.
fn place(tx: &ScopedTx, request_id: &str) -> Place {
    let whose = digest(format!("{}|{request_id}", tx.scope().author.principal).as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&whose[..16]);
    Place::named(names::IDEMPOTENCY, "result", Uuid::from_bytes(id))
}
