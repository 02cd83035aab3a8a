//! What tells of others is written down before it leaves; one's own data, and what a service reads, are not.

use tally_access::{Effect, Permission, Reach};
use tally_api::talent::v1::profile_service_client::ProfileServiceClient;
use tally_api::talent::v1::profile_service_server::{ProfileService, ProfileServiceServer};
use tally_api::talent::v1::{
    Evidence, GetProfileRequest, GetProfileResponse, ListEvidenceRequest, ListEvidenceResponse, Profile,
};
use tally_kernel::id::{PersonId, TenantId};
use tally_rpc::{Limits, RpcChannel, bearer, in_process, limited};
use tally_testkit::callers::Caller;
use tally_testkit::{Callers, clock};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use uuid::Uuid;

mod policy {
    tally_access::rpcs! {
        GetProfile = "tally.talent.v1.ProfileService/GetProfile", ProfileRead, PersonalRead;
        ListEvidence = "tally.talent.v1.ProfileService/ListEvidence", EvidenceRead, PersonalRead;
    }
}

/// Tells of whoever is asked for; of `page_size` people when nobody is.
struct Profiles;

#[tonic::async_trait]
impl ProfileService for Profiles {
    async fn get_profile(&self, request: Request<GetProfileRequest>) -> Result<Response<GetProfileResponse>, Status> {
        let person_id = request.into_inner().person_id;
        let profile = (!person_id.is_empty()).then(|| Profile { person_id, cycles: 1, ..Default::default() });
        Ok(Response::new(GetProfileResponse { profile }))
    }

    async fn list_evidence(
        &self,
        request: Request<ListEvidenceRequest>,
    ) -> Result<Response<ListEvidenceResponse>, Status> {
        let asked = request.into_inner();
        let of = |n: u32| Evidence {
            evidence_id: n.to_string(),
            // Whose it is stands in the question where it names somebody.
            person_id: if asked.person_id.is_empty() { person(n).to_string() } else { String::new() },
            ..Default::default()
        };
        let evidence = (0..asked.page_size).map(of).collect();
        Ok(Response::new(ListEvidenceResponse { evidence, next_page_token: String::new() }))
    }
}

fn person(n: u32) -> PersonId {
    PersonId(Uuid::from_u128(u128::from(n) + 100))
}

fn served() -> (Callers, Caller, RpcChannel) {
    let callers = Callers::new(clock("2026-03-02T08:00:00Z"), 3);
    let everything = [Permission::ProfileRead, Permission::EvidenceRead].map(|p| (p, Reach::everything()));
    let caller = callers.person(TenantId(Uuid::from_u128(1)), Some(person(0)), everything);
    let routes = Routes::new(limited!(ProfileServiceServer::new(Profiles)));
    let guarded = callers.stack("talent", policy::POLICY, Limits::default()).guard(routes);
    (callers, caller, in_process(&guarded))
}

async fn list(channel: &RpcChannel, caller: &Caller, of: Option<PersonId>, rows: u32) {
    let person_id = of.map(|person| person.to_string()).unwrap_or_default();
    let ask = ListEvidenceRequest { person_id, page_size: rows, page_token: String::new() };
    let reply = ProfileServiceClient::new(channel.clone()).list_evidence(caller.request(ask)).await.expect("an answer");
    assert_eq!(reply.into_inner().evidence.len(), rows as usize, "the answer arrives whole");
}

#[tokio::test]
async fn what_tells_of_others_is_written_down_once_a_call_and_ones_own_data_are_not() {
    let (callers, caller, channel) = served();
    let mut profiles = ProfileServiceClient::new(channel.clone());
    let mut get = async |id: String| profiles.get_profile(caller.request(GetProfileRequest { person_id: id })).await;
    get(person(0).to_string()).await.unwrap();
    get(String::new()).await.unwrap();
    list(&channel, &caller, Some(person(0)), 3).await;
    list(&channel, &caller, None, 0).await;
    assert_eq!(callers.readings(), [], "oneself, and nothing");

    get(person(7).to_string()).await.unwrap();
    let reading = callers.readings().pop().expect("somebody else");
    assert_eq!((reading.method, reading.effect), ("tally.talent.v1.ProfileService/GetProfile", Effect::PersonalRead));
    assert_eq!((reading.people, reading.told), ([person(7)].into(), 1));

    // Rows that do not say whose they are: the question does.
    list(&channel, &caller, Some(person(8)), 2).await;
    let reading = callers.readings().pop().expect("an entry");
    assert_eq!((reading.people, reading.rows.len()), ([person(8)].into(), 2));

    list(&channel, &caller, None, 3).await;
    let reading = callers.readings().pop().expect("an entry");
    assert_eq!(reading.people, (0..3).map(person).collect());
    assert_eq!(callers.readings().len(), 3, "one entry a call");
}

#[tokio::test]
async fn of_very_many_people_it_says_how_many_and_what_was_asked() {
    let (callers, caller, channel) = served();
    list(&channel, &caller, None, 100).await;
    let reading = callers.readings().pop().expect("an entry");
    assert_eq!((reading.people.len(), reading.told, reading.asked), (100, 100, Vec::new()));
    list(&channel, &caller, None, 101).await;
    let reading = callers.readings().pop().expect("an entry");
    assert_eq!((reading.people.len(), reading.told), (0, 101));
    assert_eq!(reading.asked, Vec::<String>::new(), "nothing was asked for but a page");
    list(&channel, &caller, Some(person(9)), 101).await;
    assert_eq!(callers.readings().pop().expect("an entry").people, [person(9)].into());
}

#[tokio::test]
async fn a_service_reads_for_somebody_whose_own_call_is_written_down() {
    let (callers, _, channel) = served();
    let token = callers.signer("performance").token(TenantId(Uuid::from_u128(1)), None).unwrap();
    let mut request = Request::new(GetProfileRequest { person_id: person(7).to_string() });
    bearer(&mut request, &token);
    let refused = ProfileServiceClient::new(channel).get_profile(request).await;
    // Whether it may is another matter: it leaves no entry here.
    assert!(refused.is_ok_and(|reply| reply.into_inner().profile.is_some()));
    assert_eq!(callers.readings(), []);
}
