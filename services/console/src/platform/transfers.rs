//! What leaves a region and what for: the register, the deeds of each entry, and its file.

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::performance::v1::transfer_service_client::TransferServiceClient;
use tally_api::performance::v1::{
    ApproveTransferRequest, ImportTransferRequest, ListTransfersRequest, PrepareTransferRequest, RejectTransferRequest,
    ReleaseTransferRequest, Transfer, TransferKind, TransferStage, WithdrawTransferRequest,
};
use tally_kernel::{Error, Result, msg};

use crate::access::logins::{List, Principals};
use crate::act::{Act, all_right, allowed, missing};
use crate::console::told;
use crate::names::AT_ONCE;
use crate::pay::shared::must;
use crate::ui::form::{Choice, Field, Form, Kind};
use crate::ui::table::{Cell, Column, Row, Table};
use crate::ui::{Ui, instant};
use crate::visit::answer::file_named;
use crate::visit::{Sent, Visit};

const LIST: &str = "/platform/transfers";

/// The register, newest first.
///
/// # Errors
/// What performance refuses.
pub async fn all(visit: &Visit) -> Result<Vec<Transfer>> {
    let client = TransferServiceClient::new(visit.channel("performance")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListTransfersRequest { page_size: AT_ONCE, page_token };
        let page = client.clone().list_transfers(visit.request(ask)).await?.into_inner();
        Ok((page.transfers, page.next_page_token))
    })
    .await
}

fn tone(stage: TransferStage) -> &'static str {
    match stage {
        TransferStage::Prepared => "warn",
        TransferStage::Approved => "accent",
        TransferStage::Released => "good",
        TransferStage::Unspecified | TransferStage::Withdrawn | TransferStage::Rejected => "plain",
    }
}

/// `GET /platform/transfers`.
pub async fn list(visit: Visit) -> Response<Body> {
    visit.list(listed(&visit).await, |page| &page.table)
}

async fn listed(visit: &Visit) -> Result<List> {
    let ui = visit.ui(&msg!("NAV_TRANSFERS"));
    let (transfers, principals) = futures::try_join!(all(visit), Principals::of(visit))?;
    let columns = vec![
        Column::text(&ui, "kind", "UI_KIND").filtered(),
        Column::text(&ui, "way", "UI_TRANSFER_WAY"),
        Column::text(&ui, "month", "UI_MONTH").filtered(),
        Column::text(&ui, "stage", "UI_STATE").filtered(),
        Column::text(&ui, "purpose", "UI_WHAT_FOR"),
        Column::text(&ui, "by", "UI_PREPARED_BY"),
        Column::text(&ui, "at", "UI_SINCE"),
    ];
    let row = |it: &Transfer| {
        let at = it.prepared_at.as_ref().and_then(instant);
        Row {
            id: it.transfer_id.clone(),
            href: format!("{LIST}/{}", it.transfer_id),
            cells: vec![
                Cell::text(ui.word(it.kind().as_str_name())),
                Cell::text(way(it)),
                Cell::text(&it.month),
                Cell::pill(ui.word(it.stage().as_str_name()), tone(it.stage())),
                Cell::text(&it.purpose),
                Cell::text(principals.said(&it.prepared_by)),
                Cell::when(ui.moment(it.prepared_at.as_ref()), at.map_or(0, |at| at.as_second())),
            ],
        }
    };
    let rows = transfers.iter().map(row).collect();
    let table = Table::new(&ui, ("transfers", "NAV_TRANSFERS", "UI_NO_TRANSFERS"), &visit.asked(), columns, rows);
    let may = visit.me().may(Permission::TransferPrepare);
    let act = if may { ("/platform/transfers/new".to_owned(), ui.t("UI_NEW_TRANSFER")) } else { Default::default() };
    let said = ui.t("UI_TRANSFERS_SAID");
    Ok(List { ui, table, act, said })
}

fn way(it: &Transfer) -> String {
    format!("{} → {}", it.from_region, it.to_region)
}

async fn page_new(visit: &Visit) -> Result<Act> {
    allowed(visit, Permission::TransferPrepare)?;
    let cycles = crate::cycles::data::cycles(visit).await?;
    let cycles: Vec<Choice> = cycles.iter().map(|it| Choice::new(&it.cycle_id, &it.name)).collect();
    let ui = visit.ui(&msg!("UI_NEW_TRANSFER")).below(LIST, visit.ui(&msg!("NAV_TRANSFERS")).title);
    let kinds = [TransferKind::Report, TransferKind::Directory].map(|kind| kind.as_str_name());
    let kinds = kinds.map(|name| Choice::new(name, ui.word(name))).into();
    let long = |name: &str, label: &str| Field::new(&ui, name, label, Kind::Long).required();
    let form = Form::new(&ui, format!("{LIST}/new"), "transfer", "UI_PREPARE_TRANSFER")
        .with(Field::new(&ui, "kind", "UI_KIND", Kind::Choice(kinds)).required())
        .with(Field::new(&ui, "cycle_id", "UI_CYCLE", Kind::Choice(cycles)).hint(ui.t("UI_TRANSFER_CYCLE_HINT")))
        .with(Field::text(&ui, "from_region", "UI_FROM_REGION"))
        .with(Field::text(&ui, "to_region", "UI_TO_REGION").required())
        .with(long("purpose", "UI_WHAT_FOR"))
        .with(long("legal_basis", "UI_LEGAL_BASIS"));
    let said = ui.t("UI_TRANSFERS_SAID");
    Ok(Act::new(ui, form, LIST).note("plain", said))
}

/// `GET /platform/transfers/new`.
pub async fn new(visit: Visit) -> Response<Body> {
    visit.page(page_new(&visit).await)
}

/// `POST /platform/transfers/new`.
pub async fn prepare(visit: Visit, sent: Sent) -> Response<Body> {
    let page = match page_new(&visit).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        all_right(missing(&sent, &["kind", "to_region", "purpose", "legal_basis"]))?;
        let text = |name: &str| sent.get(name).to_owned();
        let ask = PrepareTransferRequest {
            request_id: sent.request_id(),
            kind: TransferKind::from_str_name(sent.get("kind")).unwrap_or_default().into(),
            cycle_id: text("cycle_id"),
            from_region: text("from_region"),
            to_region: text("to_region"),
            purpose: text("purpose"),
            legal_basis: text("legal_basis"),
        };
        let mut client = TransferServiceClient::new(visit.channel("performance")?);
        told(client.prepare_transfer(visit.request(ask))).await.map(|_| ())
    };
    page.answered(&visit, &sent, done.await, (LIST, "TRANSFER_PREPARED"))
}

/// A deed of an entry: its name in the address, its label, and whether it wants a reason.
type Deed = (&'static str, &'static str, bool);

/// What the reader may do with an entry: whoever prepared it takes it back, somebody else decides.
fn deeds(visit: &Visit, it: &Transfer) -> Vec<Deed> {
    let (me, own) = (visit.me(), it.prepared_by == visit.me().principal_id);
    let decides = me.may(Permission::TransferApprove) && !own;
    match it.stage() {
        TransferStage::Prepared if decides => vec![("approve", "UI_APPROVE", false), ("reject", "UI_REJECT", true)],
        TransferStage::Prepared if own => vec![("withdraw", "UI_WITHDRAW", true)],
        TransferStage::Approved | TransferStage::Released if me.may(Permission::TransferPrepare) => {
            vec![("release", "UI_RELEASE_TRANSFER", false)]
        }
        _ => Vec::new(),
    }
}

async fn found(visit: &Visit, id: &str) -> Result<Transfer> {
    let all = all(visit).await?;
    all.into_iter().find(|it| it.transfer_id == id).ok_or_else(|| Error::not_found("transfer", id))
}

/// The entry as a page, with the forms of its deeds.
#[derive(askama::Template)]
#[template(path = "platform/group.html")]
struct One {
    ui: Ui,
    state: (String, &'static str),
    facts: Vec<(String, String)>,
    forms: Vec<(String, String, Form)>,
}

/// `GET /platform/transfers/{id}`.
pub async fn one(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(shown(&visit, &id, None).await)
}

async fn shown(visit: &Visit, id: &str, refused: Option<(&str, &Sent, &Error)>) -> Result<One> {
    must(visit, Permission::TransferRead)?;
    let (it, principals) = futures::try_join!(found(visit, id), Principals::of(visit))?;
    let ui = visit.ui(&msg!("NAV_TRANSFERS")).titled(way(&it)).below(LIST, visit.ui(&msg!("NAV_TRANSFERS")).title);
    let form = |(deed, label, reason): Deed| {
        let mut form = Form::new(&ui, format!("{LIST}/{id}/{deed}"), deed, label);
        if reason {
            form = form.with(Field::new(&ui, "reason", "UI_REASON", Kind::Long).required()).danger();
        }
        if let Some((_, sent, error)) = refused.filter(|(of, ..)| *of == deed) {
            form = form.refused(&ui, sent.fields(), error);
        }
        (ui.t(label), String::new(), form)
    };
    let forms = deeds(visit, &it).into_iter().map(form).collect();
    let state = (ui.word(it.stage().as_str_name()), tone(it.stage()));
    Ok(One { facts: facts(&ui, &it, &principals), state, forms, ui })
}

fn facts(ui: &Ui, it: &Transfer, principals: &Principals) -> Vec<(String, String)> {
    let mut facts = vec![
        (ui.t("UI_KIND"), ui.word(it.kind().as_str_name())),
        (ui.t("UI_WHAT_FOR"), it.purpose.clone()),
        (ui.t("UI_LEGAL_BASIS"), it.legal_basis.clone()),
        (ui.t("UI_TRANSFER_ITEMS"), ui.format.count(it.items)),
    ];
    let steps = [
        ("UI_PREPARED_BY", &it.prepared_by, it.prepared_at.as_ref()),
        ("UI_APPROVED", &it.approved_by, it.approved_at.as_ref()),
        ("UI_RELEASED", &it.released_by, it.released_at.as_ref()),
        ("UI_TRANSFER_DROPPED", &it.dropped_by, it.dropped_at.as_ref()),
    ];
    for (label, by, at) in steps.into_iter().filter(|(_, by, _)| !by.is_empty()) {
        facts.push((ui.t(label), format!("{} · {}", principals.said(by), ui.moment(at))));
    }
    if !it.drop_reason.is_empty() {
        facts.push((ui.t("UI_REASON"), it.drop_reason.clone()));
    }
    facts
}

/// `POST /platform/transfers/{id}/{deed}`: releasing gives the file.
pub async fn carry(visit: Visit, Path((id, deed)): Path<(String, String)>, sent: Sent) -> Response<Body> {
    match carried(&visit, &id, &deed, &sent).await {
        Ok(None) => visit.done(&format!("{LIST}/{id}"), "TRANSFER_DONE"),
        Ok(Some(file)) => file_named(&format!("transfer-{id}.txt"), "text/plain; charset=utf-8", file.into_bytes()),
        Err(error) => visit.wrong(shown(&visit, &id, Some((&deed, &sent, &error))).await, &error),
    }
}

async fn carried(visit: &Visit, id: &str, deed: &str, sent: &Sent) -> Result<Option<String>> {
    let mut client = TransferServiceClient::new(visit.channel("performance")?);
    let (request_id, transfer_id, reason) = (sent.request_id(), id.to_owned(), sent.get("reason").to_owned());
    if matches!(deed, "reject" | "withdraw") {
        all_right(missing(sent, &["reason"]))?;
    }
    match deed {
        "approve" => {
            let ask = ApproveTransferRequest { request_id, transfer_id };
            told(client.approve_transfer(visit.request(ask))).await.map(|_| None)
        }
        "reject" => {
            let ask = RejectTransferRequest { request_id, transfer_id, reason };
            told(client.reject_transfer(visit.request(ask))).await.map(|_| None)
        }
        "withdraw" => {
            let ask = WithdrawTransferRequest { request_id, transfer_id, reason };
            told(client.withdraw_transfer(visit.request(ask))).await.map(|_| None)
        }
        "release" => {
            let ask = ReleaseTransferRequest { request_id, transfer_id };
            told(client.release_transfer(visit.request(ask))).await.map(|it| Some(it.file))
        }
        _ => Err(Error::not_found("page", deed)),
    }
}

async fn page_take(visit: &Visit) -> Result<Act> {
    allowed(visit, Permission::TransferImport)?;
    let ui = visit.ui(&msg!("UI_TAKE_TRANSFER")).below(LIST, visit.ui(&msg!("NAV_TRANSFERS")).title);
    let file = Field::new(&ui, "file", "UI_TRANSFER_FILE", Kind::Long).required().hint(ui.t("UI_TRANSFER_FILE_HINT"));
    let form = Form::new(&ui, format!("{LIST}/take"), "take", "UI_TAKE_TRANSFER").with(file);
    Ok(Act::new(ui, form, LIST))
}

/// `GET /platform/transfers/take`.
pub async fn take_form(visit: Visit) -> Response<Body> {
    visit.page(page_take(&visit).await)
}

/// `POST /platform/transfers/take`: a file of another region.
pub async fn take(visit: Visit, sent: Sent) -> Response<Body> {
    let page = match page_take(&visit).await {
        Ok(page) => page,
        Err(error) => return visit.refused(&error),
    };
    let done = async {
        all_right(missing(&sent, &["file"]))?;
        let ask = ImportTransferRequest { request_id: sent.request_id(), file: sent.get("file").to_owned() };
        let mut client = TransferServiceClient::new(visit.channel("performance")?);
        told(client.import_transfer(visit.request(ask))).await.map(|_| ())
    };
    page.answered(&visit, &sent, done.await, (LIST, "TRANSFER_TAKEN"))
}
