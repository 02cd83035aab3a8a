//! Parses, calls, renders.

use tally_api::talent::v1 as pb;
use tally_app::convert::timestamp;
use tally_kernel::error::{Violations, field};
use tally_kernel::id::PersonId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_rpc::{Answer, context};
use tonic::{Request, Response, Status};

use super::app::{self, App};
use super::domain::{Kind, Profile};
use super::store::Evidence;

pub struct Rpc {
    pub app: App,
}

#[tonic::async_trait]
impl pb::profile_service_server::ProfileService for Rpc {
    async fn get_profile(
        &self,
        req: Request<pb::GetProfileRequest>,
    ) -> Result<Response<pb::GetProfileResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let person = field("person_id", &req.into_inner().person_id)?;
            let profile = app::profile(&self.app, &ctx, person).await?;
            Ok(pb::GetProfileResponse { profile: Some(render(person, profile)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_evidence(
        &self,
        req: Request<pb::ListEvidenceRequest>,
    ) -> Result<Response<pb::ListEvidenceResponse>, Status> {
        let ctx = context(&req)?;
        let reply = async {
            let Listing { person, page } = req.into_inner().try_into()?;
            let (evidence, next_page_token) = app::evidence(&self.app, &ctx, person, &page).await?;
            Ok(pb::ListEvidenceResponse { evidence: evidence.into_iter().map(Into::into).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

struct Listing {
    person: PersonId,
    page: Page,
}

impl TryFrom<pb::ListEvidenceRequest> for Listing {
    type Error = Error;

    fn try_from(req: pb::ListEvidenceRequest) -> Result<Self> {
        let mut wrong = Violations::new();
        let person = wrong.parse("person_id", &req.person_id);
        let page = wrong.take("page_token", Page::read(req.page_size, &req.page_token, req.person_id.as_bytes()));
        wrong.finish(person.zip(page).map(|(person, page)| Self { person, page }))
    }
}

fn render(person: PersonId, profile: Profile) -> pb::Profile {
    pb::Profile {
        person_id: person.to_string(),
        accounts: profile.accounts.into_iter().collect(),
        platforms: profile.platforms.into_iter().collect(),
        collaboration: profile.collaboration.map(|p| p.to_string()).unwrap_or_default(),
        learning: profile.learning.map(|p| p.to_string()).unwrap_or_default(),
        cycles: profile.cycles,
        partial: profile.partial,
    }
}

impl From<Evidence> for pb::Evidence {
    fn from(evidence: Evidence) -> Self {
        let kind = match evidence.kept.kind {
            Kind::Cover => pb::EvidenceKind::Cover,
            Kind::Collaboration => pb::EvidenceKind::Collaboration,
            Kind::Learning => pb::EvidenceKind::Learning,
        };
        Self {
            evidence_id: evidence.id.to_string(),
            person_id: evidence.person.to_string(),
            cycle_id: evidence.kept.cycle.to_string(),
            kind: kind.into(),
            subject: evidence.kept.subject,
            value: evidence.kept.value.to_string(),
            recorded_at: Some(timestamp(evidence.recorded_at)),
        }
    }
}
