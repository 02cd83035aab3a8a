//! Who said with a click that a dialogue is theirs.

use tally_api::performance::v1 as performance;
use tally_api::performance::v1::claim_service_client::ClaimServiceClient;

use crate::journey::{Done, agent};

/// Somebody claims a dialogue and takes it back; claims are sent, and listed.
pub async fn on_an_account(done: &Done, account_id: &str) {
    let hr = &done.crew.hr;
    let (_, card) = done.outcome.cards.get(2).expect("a third card");
    let somebody = agent(done, &card.person_id, "agent-three").await;
    let mut own = ClaimServiceClient::new(somebody.at.performance.clone());
    let ask = performance::MakeClaimRequest { account_id: account_id.to_owned(), ..Default::default() };
    let made = own.make_claim(somebody.ask(ask)).await.expect("a claim").into_inner().claim.expect("a claim");
    assert_eq!(made.person_id, card.person_id);
    let row = |seconds, person_id: &str| performance::Claim {
        account_id: account_id.to_owned(),
        person_id: person_id.to_owned(),
        at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        ..Default::default()
    };
    let rows = vec![row(1_770_000_000, &card.person_id), row(1_770_000_000, "nobody")];
    let mut claims = ClaimServiceClient::new(hr.at.performance.clone());
    let ask = performance::ImportClaimsRequest { rows, ..Default::default() };
    let sent = claims.import_claims(hr.ask(ask)).await.expect("an import").into_inner().result.expect("a result");
    assert_eq!((sent.written, sent.problems.len()), (1, 1), "{sent:?}");
    let (claim_id, reason) = (made.claim_id.clone(), "a slip".to_owned());
    let ask = performance::WithdrawClaimRequest { claim_id, reason, ..Default::default() };
    let was = own.withdraw_claim(somebody.ask(ask)).await.expect("a withdrawal").into_inner().claim;
    assert_eq!(was, Some(made));
    let who = &done.crew.auditor;
    let mut claims = ClaimServiceClient::new(who.at.performance.clone());
    let ask = performance::ListClaimsRequest { account_id: account_id.to_owned(), ..Default::default() };
    let told = claims.list_claims(who.ask(ask)).await.expect("claims").into_inner().claims;
    assert_eq!(told.iter().filter(|claim| claim.person_id == card.person_id).count(), 1, "{told:?}");
}
