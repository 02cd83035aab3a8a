//! What the pages of this room ask for.

use std::collections::BTreeMap;

use tally_api::performance::v1::attribution_run_service_client::AttributionRunServiceClient;
use tally_api::performance::v1::attribution_service_client::AttributionServiceClient;
use tally_api::performance::v1::card_service_client::CardServiceClient;
use tally_api::performance::v1::cycle_service_client::CycleServiceClient;
use tally_api::performance::v1::measure_service_client::MeasureServiceClient;
use tally_api::performance::v1::scheme_service_client::SchemeServiceClient;
use tally_api::performance::v1::{
    AttributionRun, Card, CatalogueMeasure, Cycle, GetAttributionRunRequest, GetCycleRequest, GetSchemeRequest,
    ListAttributionRunsRequest, ListCardsRequest, ListCyclesRequest, ListFindingsRequest, ListFindingsResponse,
    ListMeasuresRequest, ListSchemesRequest, Scheme,
};
use tally_kernel::error::Kind;
use tally_kernel::{Error, Locale, Result};

use crate::console::told;
use crate::names::AT_ONCE;
use crate::ui::Ui;
use crate::visit::Visit;

/// A client of this room's service, which may answer at length.
macro_rules! client {
    ($visit:expr, $client:ident) => {
        $client::new($visit.channel("performance")?).max_decoding_message_size(tally_rpc::MAX_MESSAGE_BYTES)
    };
}
pub(super) use client;

/// The schemes that the reader may see, each with its newest version.
pub async fn schemes(visit: &Visit) -> Result<Vec<Scheme>> {
    let client = client!(visit, SchemeServiceClient);
    tally_rpc::pages(async |page_token| {
        let ask = ListSchemesRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_schemes(visit.request(ask)).await?.into_inner();
        Ok((page.schemes, page.next_page_token))
    })
    .await
}

/// A version of a scheme; 0 for the newest.
pub async fn scheme(visit: &Visit, id: &str, version: u32) -> Result<Scheme> {
    let ask = GetSchemeRequest { scheme_id: id.to_owned(), version };
    let answer = told(client!(visit, SchemeServiceClient).get_scheme(visit.request(ask))).await?;
    Ok(answer.scheme.unwrap_or_default())
}

/// The measures that the reader may see, those that everybody has first.
pub async fn measures(visit: &Visit) -> Result<Vec<CatalogueMeasure>> {
    let client = client!(visit, MeasureServiceClient);
    tally_rpc::pages(async |page_token| {
        let ask = ListMeasuresRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_measures(visit.request(ask)).await?.into_inner();
        Ok((page.supplied.into_iter().chain(page.measures).collect(), page.next_page_token))
    })
    .await
}

/// The cycles that the reader may see, newest first.
pub async fn cycles(visit: &Visit) -> Result<Vec<Cycle>> {
    let client = client!(visit, CycleServiceClient);
    tally_rpc::pages(async |page_token| {
        let ask = ListCyclesRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_cycles(visit.request(ask)).await?.into_inner();
        Ok((page.cycles, page.next_page_token))
    })
    .await
}

/// A cycle.
pub async fn cycle(visit: &Visit, id: &str) -> Result<Cycle> {
    let ask = GetCycleRequest { cycle_id: id.to_owned() };
    let answer = told(client!(visit, CycleServiceClient).get_cycle(visit.request(ask))).await?;
    Ok(answer.cycle.unwrap_or_default())
}

/// The cards of a cycle that the reader may see, by rank, of a version of its result; 0 for the newest.
pub async fn cards(visit: &Visit, id: &str, result_version: u32) -> Result<Vec<Card>> {
    let client = client!(visit, CardServiceClient);
    tally_rpc::pages(async |page_token| {
        let ask = ListCardsRequest {
            cycle_id: id.to_owned(),
            page_size: AT_ONCE,
            page_token,
            result_version,
            ..Default::default()
        };
        let page = client.clone().list_cards(visit.request(ask)).await?.into_inner();
        Ok((page.cards, page.next_page_token))
    })
    .await
}

/// The first findings of a cycle or of a run, and whether there are more.
pub async fn findings(visit: &Visit, cycle_id: &str, run_id: &str) -> Result<ListFindingsResponse> {
    let (cycle_id, attribution_run_id) = (cycle_id.to_owned(), run_id.to_owned());
    let ask = ListFindingsRequest { cycle_id, attribution_run_id, page_size: AT_ONCE, ..Default::default() };
    told(client!(visit, AttributionServiceClient).list_findings(visit.request(ask))).await
}

/// The attribution runs that the reader may see, newest first.
pub async fn runs(visit: &Visit) -> Result<Vec<AttributionRun>> {
    let client = client!(visit, AttributionRunServiceClient);
    tally_rpc::pages(async |page_token| {
        let ask = ListAttributionRunsRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_attribution_runs(visit.request(ask)).await?.into_inner();
        Ok((page.runs, page.next_page_token))
    })
    .await
}

/// A run.
pub async fn run(visit: &Visit, id: &str) -> Result<AttributionRun> {
    let ask = GetAttributionRunRequest { attribution_run_id: id.to_owned() };
    let answer = told(client!(visit, AttributionRunServiceClient).get_attribution_run(visit.request(ask))).await?;
    Ok(answer.run.unwrap_or_default())
}

/// Nothing where the reader may not see it: the page is made without.
pub fn where_allowed<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_out_of_reach(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_out_of_reach(error: &Error) -> bool {
    matches!(error.kind(), Kind::PermissionDenied | Kind::NotFound)
}

/// What measures are called, by their names.
pub fn titles(ui: &Ui, measures: &[CatalogueMeasure]) -> BTreeMap<String, String> {
    let chinese = matches!(ui.locale(), Locale::ZhCn | Locale::ZhTw);
    let named = |measure: &CatalogueMeasure| {
        let name = measure.definition.as_ref()?.name.clone();
        let title = measure.title.as_ref().map(|it| if chinese { &it.zh_cn } else { &it.en });
        Some((name.clone(), title.filter(|it| !it.is_empty()).cloned().unwrap_or(name)))
    };
    measures.iter().filter_map(named).collect()
}

/// What the indicators of a scheme are called, by their keys.
pub fn indicators(scheme: &Scheme, titles: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let title = |measure: &String| titles.get(measure).unwrap_or(measure).clone();
    scheme.kpis.iter().map(|kpi| (kpi.key.clone(), title(&kpi.measure))).collect()
}
