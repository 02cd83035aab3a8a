//! SchemeService: messages in, messages out.

use std::mem::take;

use tally_api::performance::v1 as pb;
use tally_app::RequestKey;
use tally_app::convert::choice;
use tally_kernel::error::{Violations, field};
use tally_kernel::id::SchemeId;
use tally_kernel::page::Page;
use tally_kernel::{Micro, Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use crate::App;
use tally_engine::scoring::{Direction, Kpi, Normalisation, Scheme};

/// Most points where the scheme does not say.
const CAP: Micro = Micro::from_int(120);

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

#[tonic::async_trait]
impl pb::scheme_service_server::SchemeService for Rpc {
    async fn create_scheme_version(
        &self,
        req: Request<pb::CreateSchemeVersionRequest>,
    ) -> Result<Response<pb::CreateSchemeVersionResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let scheme = read(asked.scheme.unwrap_or_default())?;
            let written = app::create_version(&self.app, &ctx, &request, scheme).await?;
            Ok(pb::CreateSchemeVersionResponse { scheme: Some(message(written)) })
        };
        reply.await.answer(&ctx)
    }

    async fn get_scheme(&self, req: Request<pb::GetSchemeRequest>) -> Result<Response<pb::GetSchemeResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let id: SchemeId = field("scheme_id", &asked.scheme_id)?;
            let scheme = app::get_scheme(&self.app, &ctx, id, asked.version).await?;
            Ok(pb::GetSchemeResponse { scheme: Some(message((id, scheme))) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_schemes(
        &self,
        req: Request<pb::ListSchemesRequest>,
    ) -> Result<Response<pb::ListSchemesResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let page = Page::read(asked.page_size, &asked.page_token, b"schemes")?;
            let (schemes, next_page_token) = app::list_schemes(&self.app, &ctx, &page).await?;
            Ok(pb::ListSchemesResponse { schemes: schemes.into_iter().map(message).collect(), next_page_token })
        };
        reply.await.answer(&ctx)
    }
}

fn read(sent: pb::Scheme) -> Result<Scheme> {
    let mut v = Violations::new();
    v.text("scheme.name", &sent.name, 200);
    let kpi = |(i, kpi)| kpi_of(&mut v, &format!("scheme.kpis[{i}]"), kpi);
    let kpis: Option<Vec<Kpi>> = sent.kpis.into_iter().enumerate().map(kpi).collect();
    let scheme = |kpis| Scheme { name: sent.name, version: 1, kpis, collaboration: sent.collaboration, grades: vec![], bounds: None };
    v.finish(kpis.map(scheme))
}

fn kpi_of(v: &mut Violations, path: &str, sent: pb::Kpi) -> Option<Kpi> {
    // A number that this release does not know reads as unspecified, and is refused as if nothing was said.
    let direction = match sent.direction() {
        pb::Direction::Unspecified => None,
        pb::Direction::Higher => Some(Direction::Higher),
        pb::Direction::Lower => Some(Direction::Lower),
    };
    let direction = choice(v, &format!("{path}.direction"), direction, msg!("DIRECTION_EXPECTED"));
    let normalisation = match sent.normalisation() {
        pb::Normalisation::Unspecified => None,
        pb::Normalisation::TargetPiecewise => Some(Normalisation::TargetPiecewise),
        pb::Normalisation::MinMax => Some(Normalisation::MinMax),
        pb::Normalisation::Percentile => Some(Normalisation::Percentile),
        pb::Normalisation::TScore => Some(Normalisation::TScore),
    };
    let normalisation = choice(v, &format!("{path}.normalisation"), normalisation, msg!("NORMALISATION_EXPECTED"));
    let mut number = |field: &str, text: &str, missing: Micro| match text {
        "" => Some(missing),
        text => v.parse::<Micro>(&format!("{path}.{field}"), text),
    };
    let (weight, floor) = (number("weight", &sent.weight, Micro::ZERO), number("floor", &sent.floor, Micro::ZERO));
    let cap = number("cap", &sent.cap, CAP);
    let target = match sent.target.as_str() {
        "" => Some(None),
        text => v.parse(&format!("{path}.target"), text).map(Some),
    };
    Some(Kpi {
        measure: sent.measure.into(),
        key: sent.key,
        unit: sent.unit,
        standard_unit: sent.standard_unit,
        direction: direction?,
        target: target?,
        weight: weight?,
        normalisation: normalisation?,
        floor: floor?,
        cap: cap?,
        small_sample: sent.small_sample,
        bands: vec![],
    })
}

fn message((id, scheme): (SchemeId, Scheme)) -> pb::Scheme {
    pb::Scheme {
        scheme_id: id.to_string(),
        name: scheme.name,
        version: scheme.version,
        kpis: scheme.kpis.into_iter().map(kpi_to).collect(),
        collaboration: scheme.collaboration,
    }
}

fn kpi_to(kpi: Kpi) -> pb::Kpi {
    let direction = match kpi.direction {
        Direction::Higher => pb::Direction::Higher,
        Direction::Lower => pb::Direction::Lower,
    };
    let normalisation = match kpi.normalisation {
        Normalisation::TargetPiecewise => pb::Normalisation::TargetPiecewise,
        Normalisation::MinMax => pb::Normalisation::MinMax,
        Normalisation::Percentile => pb::Normalisation::Percentile,
        Normalisation::TScore => pb::Normalisation::TScore,
        // No message can ask for it yet, so no stored scheme has it.
        Normalisation::ForcedDistribution => pb::Normalisation::Unspecified,
    };
    pb::Kpi {
        key: kpi.key,
        measure: kpi.measure.name().to_owned(),
        unit: kpi.unit,
        standard_unit: kpi.standard_unit,
        direction: direction.into(),
        target: kpi.target.map(|t| t.to_string()).unwrap_or_default(),
        weight: kpi.weight.to_string(),
        normalisation: normalisation.into(),
        floor: kpi.floor.to_string(),
        cap: kpi.cap.to_string(),
        small_sample: kpi.small_sample,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_indicator_without_a_way_or_with_one_that_nobody_knows_is_refused_by_its_field() {
        for (direction, normalisation) in [(0, 0), (9, 9)] {
            let kpi = pb::Kpi { key: "qa".into(), direction, normalisation, ..Default::default() };
            let error = read(pb::Scheme { name: "service".into(), kpis: vec![kpi], ..Default::default() }).unwrap_err();
            let fields: Vec<&str> = error.violations().iter().map(|wrong| wrong.field.as_str()).collect();
            assert_eq!(fields, ["scheme.kpis[0].direction", "scheme.kpis[0].normalisation"]);
        }
    }
}
