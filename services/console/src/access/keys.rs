//! Accounts of programs, and their keys.

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_api::identity::v1::service_account_service_client::ServiceAccountServiceClient;
use tally_api::identity::v1::{
    ApiKey, CreateApiKeyRequest, CreateServiceAccountRequest, ListApiKeysRequest, ListServiceAccountsRequest,
    RevokeApiKeyRequest, ServiceAccount,
};
use tally_kernel::{Result, msg};

use super::logins::{List, Once};
use super::temporary::permissions;
use crate::act::{self, Act, all_right, missing};
use crate::console::told;
use crate::names;
use crate::ui::form::{Choice, Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::ui::{as_sent, instant};
use crate::visit::{Sent, Visit};

async fn accounts(visit: &Visit) -> Result<Vec<ServiceAccount>> {
    let client = ServiceAccountServiceClient::new(visit.channel("identity")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListServiceAccountsRequest { page_size: names::AT_ONCE, page_token };
        let page = client.clone().list_service_accounts(visit.request(ask)).await?.into_inner();
        Ok((page.accounts, page.next_page_token))
    })
    .await
}

async fn keys(visit: &Visit) -> Result<Vec<ApiKey>> {
    let client = ServiceAccountServiceClient::new(visit.channel("identity")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListApiKeysRequest { page_size: names::AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_api_keys(visit.request(ask)).await?.into_inner();
        Ok((page.keys, page.next_page_token))
    })
    .await
}

/// `GET /access/keys`: a row a key; accounts without one have a row of their own.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_KEYS"));
    let (accounts, keys) = futures::try_join!(accounts(visit), keys(visit))?;
    let columns = vec![
        Column::text(&ui, "account", "UI_SERVICE_ACCOUNT").filtered(),
        Column::text(&ui, "name", "UI_WHAT_FOR"),
        Column::text(&ui, "permissions", "UI_PERMISSIONS"),
        Column::text(&ui, "until", "UI_UNTIL_WHEN"),
        Column::text(&ui, "used", "UI_LAST_USED"),
    ];
    let row = |account: &ServiceAccount, key: &ApiKey| {
        let until = key.expires_at.as_ref().and_then(instant);
        let all = if key.key_id.is_empty() { ui.t("UI_NO_KEY") } else { ui.t("UI_ALL_OF_ACCOUNT") };
        let some = if key.permissions.is_empty() { all } else { key.permissions.join(", ") };
        Row {
            id: format!("{}{}", account.principal_id, key.key_id),
            href: if key.key_id.is_empty() { String::new() } else { format!("/access/keys/{}/revoke", key.key_id) },
            cells: vec![
                Cell::text(&account.name),
                Cell::text(&key.name),
                Cell::text(some),
                Cell::when(ui.moment(key.expires_at.as_ref()), until.map_or(0, |at| at.as_second())),
                Cell::text(ui.format.day_text(&key.last_used_on)),
            ],
        }
    };
    let mut rows = Vec::new();
    for account in &accounts {
        let own: Vec<&ApiKey> = keys.iter().filter(|key| key.principal_id == account.principal_id).collect();
        if own.is_empty() {
            rows.push(row(account, &ApiKey::default()));
        }
        rows.extend(own.into_iter().map(|key| row(account, key)));
    }
    let table = Table::new(&ui, ("keys", "NAV_KEYS", "UI_NOTHING_THERE"), &visit.asked(), columns, rows);
    let act = if accounts.is_empty() { "/access/keys/new-account" } else { "/access/keys/new" };
    let label = ui.t(if accounts.is_empty() { "UI_NEW_SERVICE_ACCOUNT" } else { "UI_NEW_KEY" });
    let said = ui.t("UI_KEYS_SAID");
    Ok(List { ui, table, act: (act.to_owned(), label), said })
}

fn page_account(visit: &Visit) -> Act {
    let ui = visit.ui(&msg!("UI_NEW_SERVICE_ACCOUNT")).below("/access/keys", visit.ui(&msg!("NAV_KEYS")).title);
    let form = Form::new(&ui, "/access/keys/new-account", "account", "UI_NEW_SERVICE_ACCOUNT");
    let form = form.with(Field::text(&ui, "name", "UI_NAME").required());
    let said = ui.t("UI_SERVICE_ACCOUNT_SAID");
    Act::new(ui, form, "/access/keys").note("plain", said)
}

/// `GET /access/keys/new-account`.
pub async fn new_account(visit: Visit) -> Response<Body> {
    visit.page(Ok(page_account(&visit)))
}

/// `POST /access/keys/new-account`.
pub async fn create_account(visit: Visit, sent: Sent) -> Response<Body> {
    let done = async {
        all_right(missing(&sent, &["name"]))?;
        let ask = CreateServiceAccountRequest { request_id: sent.request_id(), name: sent.get("name").to_owned() };
        let client = ServiceAccountServiceClient::new(visit.channel("identity")?);
        told(client.clone().create_service_account(visit.request(ask))).await.map(|_| ())
    };
    page_account(&visit).answered(&visit, &sent, done.await, ("/access/keys", "ACCOUNT_MADE"))
}

async fn page_key(visit: &Visit) -> Result<Act> {
    let ui = visit.ui(&msg!("UI_NEW_KEY")).below("/access/keys", visit.ui(&msg!("NAV_KEYS")).title);
    let choices = accounts(visit).await?.into_iter().map(|it| Choice::new(it.principal_id, it.name)).collect();
    let some = Field::new(&ui, "permissions", "UI_PERMISSIONS", Kind::Long).hint(ui.t("UI_KEY_PERMISSIONS_HINT"));
    let form = Form::new(&ui, "/access/keys/new", "key", "UI_NEW_KEY")
        .with(Field::new(&ui, "principal_id", "UI_SERVICE_ACCOUNT", Kind::Choice(choices)).required())
        .with(Field::text(&ui, "name", "UI_WHAT_FOR").required())
        .with(some)
        .with(Field::new(&ui, "expires_at", "UI_LAST_DAY", Kind::Date).required().hint(ui.t("UI_KEY_YEAR")));
    Ok(Act::new(ui, form, "/access/keys"))
}

/// `GET /access/keys/new`.
pub async fn new(visit: Visit) -> Response<Body> {
    visit.page(page_key(&visit).await)
}

/// `POST /access/keys/new`: the key, shown once.
pub async fn create(visit: Visit, sent: Sent) -> Response<Body> {
    let page = match page_key(&visit).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let until = page.ui.typed_moment(&format!("{}T23:59", sent.get("expires_at")));
    let done = async {
        all_right(missing(&sent, &["principal_id", "name", "expires_at"]))?;
        let ask = CreateApiKeyRequest {
            request_id: sent.request_id(),
            principal_id: sent.get("principal_id").to_owned(),
            name: sent.get("name").to_owned(),
            permissions: permissions(sent.get("permissions")),
            expires_at: until.map(as_sent),
        };
        told(ServiceAccountServiceClient::new(visit.channel("identity")?).create_api_key(visit.request(ask))).await
    };
    match done.await {
        Ok(made) => {
            let ui = page.ui;
            let secrets = vec![(ui.t("UI_API_KEY"), made.api_key)];
            let said = ui.t("UI_ONCE_SAID");
            visit.page(Ok(Once { ui, said, secrets, back: "/access/keys" }))
        }
        Err(error) => page.answered(&visit, &sent, Err(error), ("", "")),
    }
}

/// `GET /access/keys/{id}/revoke`.
pub async fn leave(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    let ui = visit.ui(&msg!("UI_REVOKE_KEY")).below("/access/keys", visit.ui(&msg!("NAV_KEYS")).title);
    let form = Form::new(&ui, format!("/access/keys/{id}/revoke"), "revoke", "UI_REVOKE_KEY").danger();
    let form = form.with(act::sure(&ui));
    let said = ui.t("UI_REVOKE_KEY_SAID");
    visit.page(Ok(Act::new(ui, form, "/access/keys").note("warn", said)))
}

/// `POST /access/keys/{id}/revoke`.
pub async fn revoke(visit: Visit, Path(key_id): Path<String>, sent: Sent) -> Response<Body> {
    let ask = RevokeApiKeyRequest { request_id: sent.request_id(), key_id };
    let done = async {
        told(ServiceAccountServiceClient::new(visit.channel("identity")?).revoke_api_key(visit.request(ask))).await
    };
    match done.await {
        Ok(_) => visit.done("/access/keys", "KEY_REVOKED"),
        Err(error) => visit.refused(&error),
    }
}
