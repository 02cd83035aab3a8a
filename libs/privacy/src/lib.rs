//! Privacy, as every service keeps it: what it holds about a person and tells on request, what it erases when identity says
//! so, and what it removes when it has been kept long enough. A service brings the list of its tables
//! ([`DataTable`]); what is done with them is here once. `docs/privacy.md` says what is kept how long
//! and why.

mod export;
mod follow;
mod group;
mod retention;
mod schedule;
mod tables;

use futures::stream::{BoxStream, Stream, StreamExt as _};
use tally_access::Locale;
use tally_kernel::{Error, Result};
use tonic::{Response, Status};

pub use export::export;
pub use follow::{Before, Follower, Subject, follower, purge};
pub use group::export_tenant;
pub use retention::{Raised, Ran, Removed, Terms, first_day, months_before, run, terms, terms_of_old};
pub use schedule::{Kind, PERSON, REQUESTS, SCHEDULE, kind};
pub use tables::{
    Clear, DataTable, ErasureRule, ExportCells, ExportCursor, ExportRow, ExportRows, Exported, Over, RowKey, Sees,
    plain, pseudonym, with_opened,
};
pub use tally_api::common::v1::ExportedPiece;

/// The services that do their part of an erasure after identity, by name.
pub const FOLLOWERS: [&str; 4] = ["attendance", "compensation", "performance", "talent"];

/// The messages of a stream that are there already.
pub type Parts<T> = futures::stream::Iter<std::vec::IntoIter<Result<T, Status>>>;

/// A stream of these messages.
pub fn parts<T>(messages: Vec<T>) -> Parts<T> {
    futures::stream::iter(messages.into_iter().map(Ok).collect::<Vec<_>>())
}

/// The messages of a stream that are made as it goes.
pub type Pieces<T> = BoxStream<'static, Result<T, Status>>;

/// The stream of an export, as messages.
pub fn pieces<T>(
    pieces: impl Stream<Item = Result<ExportedPiece, Error>> + Send + 'static,
    locale: Locale,
    message: impl Fn(ExportedPiece) -> T + Send + 'static,
) -> Pieces<T> {
    pieces.map(move |piece| piece.map(&message).map_err(|error| tally_rpc::status(error, locale))).boxed()
}

/// See [`room!`].
pub type Streamed<T> = Result<Response<Parts<T>>, Status>;

/// The room: `Rpc { store, identity }` answers the service's own `PrivacyService`. Takes the package of the contract, the
/// rows of the policy, the tables that tell of people or are kept for a time, and those of the group beside them; the
/// service names tonic, tally-rpc and tally-store, as every room does.
#[macro_export]
macro_rules! room {
    ($package:path, $policy:ident, $data_tables:ident, $group:ident) => {
        use ::tally_api::common::v1 as common;
        use $package as pb;

        /// The room's rpcs.
        pub struct Rpc {
            /// Whose tables are told and cleared.
            pub store: ::tally_store::Store,
            /// Knows the retention schedule and the legal holds.
            pub identity: ::tally_rpc::Peer,
        }

        #[::tonic::async_trait]
        impl pb::privacy_service_server::PrivacyService for Rpc {
            type ExportPersonStream = $crate::Parts<common::ExportPersonResponse>;
            type ExportTenantStream = $crate::Pieces<common::ExportTenantResponse>;

            async fn export_person(
                &self,
                req: ::tonic::Request<common::ExportPersonRequest>,
            ) -> $crate::Streamed<common::ExportPersonResponse> {
                let ctx = ::tally_rpc::context(&req)?;
                let reply = async {
                    let mut wrong = ::tally_kernel::error::Violations::new();
                    let person = wrong.parse("person_id", &req.into_inner().person_id);
                    let person = wrong.finish(person)?;
                    let (found, beyond_reach) =
                        $crate::export::<$policy::ExportPerson>(&self.store, &ctx, person, $data_tables).await?;
                    let message = |part| common::ExportPersonResponse { part: Some(part), beyond_reach };
                    Ok($crate::parts(found.into_iter().map(message).collect()))
                };
                ::tally_rpc::Answer::answer(reply.await, &ctx)
            }

            async fn export_tenant(
                &self,
                req: ::tonic::Request<common::ExportTenantRequest>,
            ) -> Result<::tonic::Response<Self::ExportTenantStream>, ::tonic::Status> {
                let ctx = ::tally_rpc::context(&req)?;
                let tables = $data_tables.iter().chain($group).collect();
                let pieces = $crate::export_tenant::<$policy::ExportTenant>(&self.store, &ctx, tables).await;
                let message = |piece| common::ExportTenantResponse { piece: Some(piece) };
                ::tally_rpc::Answer::answer(pieces.map(|pieces| $crate::pieces(pieces, ctx.locale, message)), &ctx)
            }

            async fn run_retention(
                &self,
                req: ::tonic::Request<common::RunRetentionRequest>,
            ) -> Result<::tonic::Response<common::RunRetentionResponse>, ::tonic::Status> {
                let ctx = ::tally_rpc::context(&req)?;
                let reply = async {
                    ctx.permit::<$policy::RunRetention>(&::tally_access::Target::tenant())?;
                    let terms = $crate::terms(&self.identity, &ctx).await?;
                    let ran = $crate::run::<$policy::RunRetention>(&self.store, &ctx, &terms, $data_tables).await?;
                    Ok(common::RunRetentionResponse { taken: ran.taken, more: ran.more })
                };
                ::tally_rpc::Answer::answer(reply.await, &ctx)
            }
        }
    };
}
