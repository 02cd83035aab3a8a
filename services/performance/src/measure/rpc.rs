//! MeasureService: messages in, messages out.

use std::mem::take;

use tally_api::performance::v1 as pb;
use tally_app::RequestKey;
use tally_app::convert::timestamp;
use tally_engine::scoring::definition::Definition;
use tally_engine::scoring::{SUPPLIED, supplied};
use tally_i18n::text;
use tally_kernel::error::{Violations, field};
use tally_kernel::page::Page;
use tally_kernel::{Locale, Result, msg};
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app;
use super::domain::{Catalogued, Changed, NewMeasure, Title};
use crate::App;
use crate::definitions::{definition_of, definition_to};

pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

#[tonic::async_trait]
impl pb::measure_service_server::MeasureService for Rpc {
    async fn create_measure(
        &self,
        req: Request<pb::CreateMeasureRequest>,
    ) -> Result<Response<pb::CreateMeasureResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let new = read(asked.measure.unwrap_or_default())?;
            let measure = app::create(&self.app, &ctx, &request, new).await?;
            Ok(pb::CreateMeasureResponse { measure: Some(measure_to(&measure, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn update_measure(
        &self,
        req: Request<pb::UpdateMeasureRequest>,
    ) -> Result<Response<pb::UpdateMeasureResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let changed = read_changed(asked.measure.unwrap_or_default())?;
            let measure = app::update(&self.app, &ctx, &request, changed).await?;
            Ok(pb::UpdateMeasureResponse { measure: Some(measure_to(&measure, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn retire_measure(
        &self,
        req: Request<pb::RetireMeasureRequest>,
    ) -> Result<Response<pb::RetireMeasureResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let mut asked = req.into_inner();
            let request = RequestKey::of(take(&mut asked.request_id), &asked);
            let mut v = Violations::new();
            let id = v.parse("measure_id", &asked.measure_id);
            v.text("reason", &asked.reason, 500);
            let retired = v.finish(id.map(|id| (id, asked.reason)))?;
            let measure = app::retire(&self.app, &ctx, &request, retired).await?;
            Ok(pb::RetireMeasureResponse { measure: Some(measure_to(&measure, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn get_measure(
        &self,
        req: Request<pb::GetMeasureRequest>,
    ) -> Result<Response<pb::GetMeasureResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let measure = app::get(&self.app, &ctx, field("measure_id", &req.into_inner().measure_id)?).await?;
            Ok(pb::GetMeasureResponse { measure: Some(measure_to(&measure, ctx.locale)) })
        };
        reply.await.answer(&ctx)
    }

    async fn list_measures(
        &self,
        req: Request<pb::ListMeasuresRequest>,
    ) -> Result<Response<pb::ListMeasuresResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            let page = Page::read(asked.page_size, &asked.page_token, b"measures")?;
            let (found, next_page_token) = app::list(&self.app, &ctx, &page).await?;
            let measures = found.iter().map(|measure| measure_to(measure, ctx.locale)).collect();
            let first = asked.page_token.is_empty();
            let all = if first { supplied() } else { Vec::new() };
            let supplied = all.iter().map(|definition| supplied_to(definition, ctx.locale)).collect();
            Ok(pb::ListMeasuresResponse { measures, next_page_token, supplied })
        };
        reply.await.answer(&ctx)
    }
}

/// Title and definition, as they are sent.
fn read_parts(v: &mut Violations, sent: pb::CatalogueMeasure) -> Option<(Title, Definition)> {
    let title = sent.title.unwrap_or_default();
    v.text("measure.title.en", &title.en, 200);
    v.text("measure.title.zh_cn", &title.zh_cn, 200);
    let definition = definition_of(v, "measure.definition", sent.definition.unwrap_or_default());
    definition.map(|definition| (Title { en: title.en, zh_cn: title.zh_cn }, definition))
}

fn read(sent: pb::CatalogueMeasure) -> Result<NewMeasure> {
    let mut v = Violations::new();
    let unit = v.optional("measure.unit_id", &sent.unit_id);
    let parts = read_parts(&mut v, sent);
    v.finish(parts.map(|(title, definition)| NewMeasure { unit, title, definition }))
}

fn read_changed(sent: pb::CatalogueMeasure) -> Result<Changed> {
    let mut v = Violations::new();
    let (id, from) = (v.parse("measure.measure_id", &sent.measure_id), sent.revision);
    let parts = read_parts(&mut v, sent);
    v.finish(id.zip(parts).map(|(id, (title, definition))| Changed { id, from, title, definition }))
}

fn measure_to(measure: &Catalogued, locale: Locale) -> pb::CatalogueMeasure {
    let retired = measure.retired.as_ref();
    pb::CatalogueMeasure {
        measure_id: measure.id.to_string(),
        title: Some(pb::BothLanguages { en: measure.title.en.clone(), zh_cn: measure.title.zh_cn.clone() }),
        definition: Some(definition_to(&measure.definition, locale)),
        unit_id: measure.owner.unit().map(|unit| unit.to_string()).unwrap_or_default(),
        revision: measure.revision(),
        retired: retired
            .map(|retired| pb::MeasureRetirement { reason: retired.reason.clone(), at: Some(timestamp(retired.at)) }),
        supplied: false,
    }
}

/// One that everybody has.
fn supplied_to(definition: &Definition, locale: Locale) -> pb::CatalogueMeasure {
    let key = definition.name.strip_prefix(SUPPLIED).unwrap_or_default();
    let measure = if key.is_empty() { definition.name.as_str() } else { "" };
    let title = |locale| {
        let title =
            if key.is_empty() { msg!("CARD_MEASURE", measure, kpi = "") } else { msg!("SUPPLIED_MEASURE", key) };
        text(locale, &title)
    };
    pb::CatalogueMeasure {
        title: Some(pb::BothLanguages { en: title(Locale::En), zh_cn: title(Locale::ZhCn) }),
        definition: Some(definition_to(definition, locale)),
        revision: definition.version,
        supplied: true,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_has_is_called_something_in_both_languages() {
        for definition in supplied() {
            let title = supplied_to(&definition, Locale::En).title.unwrap();
            assert!(!title.en.is_empty() && !title.zh_cn.is_empty() && title.en != title.zh_cn, "{title:?}");
            assert!(!title.en.contains("supplied") && title.zh_cn.chars().any(|c| c > '\u{2e80}'), "{title:?}");
        }
    }

    #[test]
    fn everything_that_cannot_be_read_of_a_measure_is_told_at_once() {
        let error = read(pb::CatalogueMeasure { unit_id: "north".into(), ..Default::default() }).unwrap_err();
        let fields: Vec<&str> = error.violations().iter().map(|wrong| wrong.field.as_str()).collect();
        let expected = ["measure.unit_id", "measure.title.en", "measure.title.zh_cn", "measure.definition.name"];
        assert_eq!(fields[..4], expected);
        assert_eq!(fields[4..], ["measure.definition.of"]);
    }
}
