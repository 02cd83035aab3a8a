//! Who else signs our people in: providers of single sign-on.

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_api::identity::v1::sso_service_client::SsoServiceClient;
use tally_api::identity::v1::{ListSsoProvidersRequest, PutSsoProviderRequest, RemoveSsoProviderRequest, SsoProvider};
use tally_kernel::{Result, msg};

use super::logins::List;
use crate::act::{Act, all_right, missing};
use crate::console::told;
use crate::names;
use crate::ui::form::{Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::visit::{Sent, Visit};

/// Where a provider sends people back to, at this console.
pub const BACK: &str = "/sso/back";

/// `GET /access/providers`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_PROVIDERS"));
    let client = SsoServiceClient::new(visit.channel("identity")?);
    let all = tally_rpc::pages(async |page_token| {
        let ask = ListSsoProvidersRequest { page_size: names::AT_ONCE, page_token };
        let page = client.clone().list_sso_providers(visit.request(ask)).await?.into_inner();
        Ok((page.providers, page.next_page_token))
    });
    let columns = vec![
        Column::text(&ui, "name", "UI_NAME"),
        Column::text(&ui, "issuer", "UI_ISSUER"),
        Column::text(&ui, "client", "UI_CLIENT_ID"),
        Column::text(&ui, "claim", "UI_CLAIM"),
        Column::text(&ui, "region", "UI_REGION"),
        Column::text(&ui, "back", "UI_REDIRECT").hidden(),
    ];
    let row = |it: SsoProvider| Row {
        id: it.name.clone(),
        href: format!("/access/providers/put?name={}", it.name),
        cells: vec![
            Cell::text(&it.name),
            Cell::code(&it.issuer),
            Cell::code(&it.client_id),
            Cell::code(&it.claim),
            Cell::text(&it.region),
            Cell::code(&it.redirect_uri),
        ],
    };
    let rows = all.await?.into_iter().map(row).collect();
    let table = Table::new(&ui, ("providers", "NAV_PROVIDERS", "UI_NO_PROVIDERS"), &visit.asked(), columns, rows);
    let act = ("/access/providers/put", ui.t("UI_NEW_PROVIDER"));
    let said = ui.say(&msg!("UI_PROVIDERS_SAID", path = BACK));
    Ok(List { ui, table, act: (act.0.to_owned(), act.1), said })
}

fn page(visit: &Visit, name: &str) -> Act {
    let ui = visit.ui(&msg!("UI_NEW_PROVIDER")).below("/access/providers", visit.ui(&msg!("NAV_PROVIDERS")).title);
    let secret =
        Field::new(&ui, "client_secret", "UI_CLIENT_SECRET", Kind::Password).hint(ui.t("UI_CLIENT_SECRET_HINT"));
    let form = Form::new(&ui, "/access/providers/put", "provider", "UI_SAVE")
        .with(Field::text(&ui, "name", "UI_NAME").required().value(name).hint(ui.t("UI_PROVIDER_NAME_HINT")))
        .with(Field::text(&ui, "issuer", "UI_ISSUER").required().hint("https://login.example.com"))
        .with(Field::text(&ui, "client_id", "UI_CLIENT_ID").required())
        .with(secret)
        .with(Field::text(&ui, "claim", "UI_CLAIM").required().value("email").hint(ui.t("UI_CLAIM_HINT")))
        .with(
            Field::text(&ui, "redirect_uri", "UI_REDIRECT")
                .required()
                .hint(ui.say(&msg!("UI_PROVIDERS_SAID", path = BACK))),
        )
        .with(Field::text(&ui, "region", "UI_REGION").required().value("*").hint(ui.t("UI_PROVIDER_REGION_HINT")));
    Act::new(ui, form, "/access/providers")
}

/// `GET /access/providers/put?name=`.
pub async fn new(visit: Visit) -> Response<Body> {
    let name = visit.asked().get("name").to_owned();
    visit.page(Ok(page(&visit, &name)))
}

/// `POST /access/providers/put`.
pub async fn put(visit: Visit, sent: Sent) -> Response<Body> {
    let done = async {
        all_right(missing(&sent, &["name", "issuer", "client_id", "claim", "redirect_uri", "region"]))?;
        let text = |name: &str| sent.get(name).to_owned();
        let provider = SsoProvider {
            provider_id: String::new(),
            name: text("name"),
            issuer: text("issuer"),
            client_id: text("client_id"),
            claim: text("claim"),
            redirect_uri: text("redirect_uri"),
            region: text("region"),
        };
        let (request_id, client_secret) = (sent.request_id(), text("client_secret"));
        let ask = PutSsoProviderRequest { request_id, provider: Some(provider), client_secret };
        told(SsoServiceClient::new(visit.channel("identity")?).put_sso_provider(visit.request(ask))).await.map(|_| ())
    };
    page(&visit, sent.get("name")).answered(&visit, &sent, done.await, ("/access/providers", "PROVIDER_KEPT"))
}

/// `POST /access/providers/{name}/remove`.
pub async fn remove(visit: Visit, Path(name): Path<String>, sent: Sent) -> Response<Body> {
    let ask = RemoveSsoProviderRequest { request_id: sent.request_id(), name };
    let done =
        async { told(SsoServiceClient::new(visit.channel("identity")?).remove_sso_provider(visit.request(ask))).await };
    match done.await {
        Ok(_) => visit.done("/access/providers", "PROVIDER_REMOVED"),
        Err(error) => visit.refused(&error),
    }
}
