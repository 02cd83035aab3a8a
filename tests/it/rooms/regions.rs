//! Transfers and pseudonyms in a stack that serves every region: what leaves one branch's region comes in at another's.

use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_suite::session::Session;
use tonic::Code;

use crate::journey::Done;
use crate::stack::Stack;

/// Does them all, and looks at what came of each.
pub async fn all(stack: &Stack, done: &Done) {
    let regions: Vec<String> = done.reading.bundle.group.branches.values().cloned().collect();
    let [from, to, ..] = regions.as_slice() else { panic!("the sample has several regions: {regions:?}") };
    trust(stack, stack, from);
    let asked = performance::PrepareTransferRequest {
        kind: performance::TransferKind::Report.into(),
        cycle_id: done.outcome.cycle_id.clone(),
        from_region: from.clone(),
        to_region: to.clone(),
        ..purpose()
    };
    let (_, file) = released(&done.crew.hr, &done.crew.approver, asked).await;
    let taken = import(&done.crew.hr, &file).await;
    assert!(taken.items > 0 && taken.from_region == *from, "{taken:?}");
    let cells = cells(&done.crew.auditor).await;
    assert!(cells.len() as u32 >= 2 * taken.items && cells.iter().all(|cell| cell.people >= 5), "{cells:?}");

    let (_, card) = done.outcome.cards.last().expect("a card");
    let pseudonym = pseudonym(&done.crew.hr, &card.person_id, "").await.expect("a pseudonym");
    assert_eq!(self::pseudonym(&done.crew.hr, &card.person_id, &pseudonym).await, Ok(pseudonym.clone()));
    let other = "00000000-0000-4000-8000-000000000001";
    assert_eq!(self::pseudonym(&done.crew.hr, &card.person_id, other).await, Err(Code::FailedPrecondition));
    dropped(&done.crew.hr, &done.crew.approver, directory(from, to)).await;
    let (transfer, file) = released(&done.crew.hr, &done.crew.approver, directory(from, to)).await;
    assert_eq!(import(&done.crew.hr, &file).await.items, transfer.items);
    let ask = async |group: &str, pseudonym: &str| {
        let at = done.crew.hr.at.identity.clone();
        located_in(at, group, pseudonym).await
    };
    let group = done.tenant.to_string();
    let led = ask("", &pseudonym).await;
    assert!(!led.is_empty(), "in the stack's first group");
    assert_eq!(ask(&group, &pseudonym).await, led, "and the same by its id");
    assert!(
        ask("", other).await.is_empty() && ask(other, &pseudonym).await.is_empty(),
        "no such pseudonym, no such group"
    );
}

/// Lets a stack believe the files of another one.
pub fn trust(stack: &Stack, other: &Stack, region: &str) {
    let folder = stack.folder.path().join("keys").join("regions");
    std::fs::create_dir_all(&folder).expect("a folder");
    let public = other.folder.path().join("keys").join("performance.pub");
    std::fs::copy(public, folder.join(format!("{region}.pub"))).expect("a copied key");
}

fn purpose() -> performance::PrepareTransferRequest {
    performance::PrepareTransferRequest {
        purpose: "comparison of branches".into(),
        legal_basis: "works agreement 7".into(),
        ..Default::default()
    }
}

/// The directory of a region for another one.
pub fn directory(from: &str, to: &str) -> performance::PrepareTransferRequest {
    performance::PrepareTransferRequest {
        kind: performance::TransferKind::Directory.into(),
        from_region: from.into(),
        to_region: to.into(),
        ..purpose()
    }
}

/// The report of a cycle for another region, out of the only one of a stack.
pub fn report(cycle_id: &str, to: &str) -> performance::PrepareTransferRequest {
    performance::PrepareTransferRequest {
        kind: performance::TransferKind::Report.into(),
        cycle_id: cycle_id.into(),
        to_region: to.into(),
        ..purpose()
    }
}

/// What is prepared is taken back, and the next one refused by the approver: neither leaves.
async fn dropped(hr: &Session, approver: &Session, asked: performance::PrepareTransferRequest) {
    let client =
        |who: &Session| performance::transfer_service_client::TransferServiceClient::new(who.at.performance.clone());
    let prepare = async || {
        let prepared = client(hr).prepare_transfer(hr.ask(asked.clone())).await.expect("a transfer").into_inner();
        prepared.transfer.expect("a transfer").transfer_id
    };
    let (request_id, reason) = (String::new(), "not now".to_owned());
    let transfer_id = prepare().await;
    let ask = performance::WithdrawTransferRequest { request_id, transfer_id: transfer_id.clone(), reason };
    client(hr).withdraw_transfer(hr.ask(ask)).await.expect("it is taken back");
    let release = performance::ReleaseTransferRequest { transfer_id, ..Default::default() };
    let refused = client(hr).release_transfer(hr.ask(release)).await.expect_err("it was taken back");
    assert_eq!(tally_rpc::error_from(refused).reason(), "TRANSFER_DROPPED");
    let (request_id, reason, transfer_id) = (String::new(), "no contract".to_owned(), prepare().await);
    let ask = performance::RejectTransferRequest { request_id, transfer_id, reason };
    let refused = client(hr).reject_transfer(hr.ask(ask.clone())).await.expect_err("hr rejects nothing");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    let entry = client(approver).reject_transfer(approver.ask(ask)).await.expect("a no").into_inner().transfer;
    assert_eq!(entry.expect("an entry").dropped_by, approver.principal_id);
}

/// Prepares, approves and releases: the entry of the register, and the file.
pub async fn released(
    hr: &Session,
    approver: &Session,
    asked: performance::PrepareTransferRequest,
) -> (performance::Transfer, String) {
    let client =
        |who: &Session| performance::transfer_service_client::TransferServiceClient::new(who.at.performance.clone());
    let prepared = client(hr).prepare_transfer(hr.ask(asked)).await.expect("a transfer").into_inner();
    let transfer_id = prepared.transfer.expect("a transfer").transfer_id;
    let release = performance::ReleaseTransferRequest { transfer_id: transfer_id.clone(), ..Default::default() };
    let refused = client(hr).release_transfer(hr.ask(release.clone())).await.expect_err("nobody approved it");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    let approve = performance::ApproveTransferRequest { transfer_id: transfer_id.clone(), ..Default::default() };
    let refused = client(hr).approve_transfer(hr.ask(approve.clone())).await.expect_err("hr approves nothing");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    client(approver).approve_transfer(approver.ask(approve)).await.expect("an approval");
    let out = client(hr).release_transfer(hr.ask(release)).await.expect("a file").into_inner();
    let listed = client(approver).list_transfers(approver.ask(performance::ListTransfersRequest::default())).await;
    let listed = listed.expect("the register").into_inner().transfers;
    let entry = listed.into_iter().find(|entry| entry.transfer_id == transfer_id).expect("an entry");
    assert_eq!(entry.approved_by, approver.principal_id);
    (entry, out.file)
}

/// Takes a file in.
pub async fn import(hr: &Session, file: &str) -> performance::ImportTransferResponse {
    try_import(hr, file).await.unwrap_or_else(|status| panic!("{status:?}"))
}

/// Tries to take a file in.
pub async fn try_import(hr: &Session, file: &str) -> Result<performance::ImportTransferResponse, tonic::Status> {
    let mut client = performance::transfer_service_client::TransferServiceClient::new(hr.at.performance.clone());
    let ask = performance::ImportTransferRequest { file: file.into(), ..Default::default() };
    client.import_transfer(hr.ask(ask)).await.map(tonic::Response::into_inner)
}

/// All cells that left or came in.
pub async fn cells(reader: &Session) -> Vec<performance::Cell> {
    let mut client = performance::transfer_service_client::TransferServiceClient::new(reader.at.performance.clone());
    let ask = performance::ListCellsRequest { page_size: 1000, ..Default::default() };
    client.list_cells(reader.ask(ask)).await.expect("cells").into_inner().cells
}

/// A person's pseudonym, which may be brought along.
pub async fn pseudonym(hr: &Session, person_id: &str, brings: &str) -> Result<String, Code> {
    let channel = hr.at.identity.clone();
    let mut client = identity::directory_service_client::DirectoryServiceClient::new(channel);
    let ask = identity::AssignPseudonymRequest {
        person_id: person_id.into(),
        pseudonym: brings.into(),
        ..Default::default()
    };
    let given = client.assign_pseudonym(hr.ask(ask)).await.map_err(|status| status.code())?;
    Ok(given.into_inner().pseudonym)
}

/// Where a pseudonym leads, asked by nobody in particular.
pub async fn located(identity: tally_rpc::RpcChannel, pseudonym: &str) -> Vec<String> {
    located_in(identity, "", pseudonym).await
}

async fn located_in(identity: tally_rpc::RpcChannel, group: &str, pseudonym: &str) -> Vec<String> {
    let mut client = identity::directory_service_client::DirectoryServiceClient::new(identity);
    let ask = identity::LocatePseudonymRequest { pseudonym: pseudonym.into(), tenant_id: group.into() };
    client.locate_pseudonym(ask).await.expect("regions").into_inner().regions
}
