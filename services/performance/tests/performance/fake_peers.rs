//! Peers that tell what a test wants them to.

use futures::Stream;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tally_api::attendance::v1 as att;
use tally_api::attendance::v1::account_service_server::AccountService;
use tally_api::attendance::v1::alias_service_server::AliasService;
use tally_api::attendance::v1::occupancy_service_server::OccupancyService;
use tally_api::attendance::v1::roster_service_server::RosterService;
use tally_api::identity::v1 as idn;
use tally_api::identity::v1::org_service_server::OrgService;
use tally_api::identity::v1::person_service_server::PersonService;
use tally_api::identity::v1::tenant_service_server::TenantService;
use tonic::{Request, Response, Status};

use crate::fixture::{PeerFacts, units};

pub mod asked {
    tally_access::rpcs! {
        GetTenant = "tally.identity.v1.TenantService/GetTenant", TenantRead, Read;
        ListPeople = "tally.identity.v1.PersonService/ListPeople", PersonRead, Read;
        ListOrgUnits = "tally.identity.v1.OrgService/ListOrgUnits", OrgRead, Read;
        ListAccounts = "tally.attendance.v1.AccountService/ListAccounts", AccountRead, Read;
        ListAliases = "tally.attendance.v1.AliasService/ListAliases", AliasRead, Read;
        ListShifts = "tally.attendance.v1.RosterService/ListShifts", RosterRead, Read;
        ListOccupancy = "tally.attendance.v1.OccupancyService/ListOccupancy", OccupancyRead, Read;
    }
}

/// Identity and attendance, as far as this service asks them.
#[derive(Clone)]
pub struct FakePeers(pub Arc<Mutex<PeerFacts>>);

impl FakePeers {
    fn told(&self) -> PeerFacts {
        self.0.lock().unwrap().clone()
    }
}

fn no<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("this service only reads its peers"))
}

#[tonic::async_trait]
impl TenantService for FakePeers {
    async fn get_tenant(&self, _: Request<idn::GetTenantRequest>) -> Result<Response<idn::GetTenantResponse>, Status> {
        let tenant = idn::Tenant {
            currency: "CNY".into(),
            zone: "Asia/Shanghai".into(),
            regions: ["cn-north", "cn-south", "eu-west"].map(Into::into).into(),
            ..Default::default()
        };
        Ok(Response::new(idn::GetTenantResponse { tenant: Some(tenant) }))
    }

    async fn init_tenant(
        &self,
        _: Request<idn::InitTenantRequest>,
    ) -> Result<Response<idn::InitTenantResponse>, Status> {
        no()
    }

    type ExportTenantStream = Pin<Box<dyn Stream<Item = Result<idn::ExportTenantResponse, Status>> + Send>>;

    async fn export_tenant(
        &self,
        _: Request<idn::ExportTenantRequest>,
    ) -> Result<Response<Self::ExportTenantStream>, Status> {
        no()
    }

    async fn delete_tenant(
        &self,
        _: Request<idn::DeleteTenantRequest>,
    ) -> Result<Response<idn::DeleteTenantResponse>, Status> {
        no()
    }

    async fn add_region(&self, _: Request<idn::AddRegionRequest>) -> Result<Response<idn::AddRegionResponse>, Status> {
        no()
    }

    async fn suspend_tenant(
        &self,
        _: Request<idn::SuspendTenantRequest>,
    ) -> Result<Response<idn::SuspendTenantResponse>, Status> {
        no()
    }

    async fn resume_tenant(
        &self,
        _: Request<idn::ResumeTenantRequest>,
    ) -> Result<Response<idn::ResumeTenantResponse>, Status> {
        no()
    }
}

#[tonic::async_trait]
impl OrgService for FakePeers {
    async fn list_org_units(
        &self,
        _: Request<idn::ListOrgUnitsRequest>,
    ) -> Result<Response<idn::ListOrgUnitsResponse>, Status> {
        Ok(Response::new(idn::ListOrgUnitsResponse { units: units(), ..Default::default() }))
    }

    async fn import_org_units(
        &self,
        _: Request<idn::ImportOrgUnitsRequest>,
    ) -> Result<Response<idn::ImportOrgUnitsResponse>, Status> {
        no()
    }

    async fn move_org_unit(
        &self,
        _: Request<idn::MoveOrgUnitRequest>,
    ) -> Result<Response<idn::MoveOrgUnitResponse>, Status> {
        no()
    }

    async fn rename_org_unit(
        &self,
        _: Request<idn::RenameOrgUnitRequest>,
    ) -> Result<Response<idn::RenameOrgUnitResponse>, Status> {
        no()
    }

    async fn close_org_unit(
        &self,
        _: Request<idn::CloseOrgUnitRequest>,
    ) -> Result<Response<idn::CloseOrgUnitResponse>, Status> {
        no()
    }

    async fn merge_org_units(
        &self,
        _: Request<idn::MergeOrgUnitsRequest>,
    ) -> Result<Response<idn::MergeOrgUnitsResponse>, Status> {
        no()
    }
}

#[tonic::async_trait]
impl PersonService for FakePeers {
    async fn list_people(
        &self,
        _: Request<idn::ListPeopleRequest>,
    ) -> Result<Response<idn::ListPeopleResponse>, Status> {
        Ok(Response::new(idn::ListPeopleResponse { people: self.told().people, ..Default::default() }))
    }

    async fn get_person(&self, _: Request<idn::GetPersonRequest>) -> Result<Response<idn::GetPersonResponse>, Status> {
        no()
    }

    async fn import_people(
        &self,
        _: Request<idn::ImportPeopleRequest>,
    ) -> Result<Response<idn::ImportPeopleResponse>, Status> {
        no()
    }

    async fn end_employment(
        &self,
        _: Request<idn::EndEmploymentRequest>,
    ) -> Result<Response<idn::EndEmploymentResponse>, Status> {
        no()
    }

    async fn change_employment(
        &self,
        _: Request<idn::ChangeEmploymentRequest>,
    ) -> Result<Response<idn::ChangeEmploymentResponse>, Status> {
        no()
    }

    async fn rectify_person(
        &self,
        _: Request<idn::RectifyPersonRequest>,
    ) -> Result<Response<idn::RectifyPersonResponse>, Status> {
        no()
    }

    async fn export_person(
        &self,
        _: Request<idn::ExportPersonRequest>,
    ) -> Result<Response<idn::ExportPersonResponse>, Status> {
        no()
    }
}

#[tonic::async_trait]
impl AccountService for FakePeers {
    async fn list_accounts(
        &self,
        _: Request<att::ListAccountsRequest>,
    ) -> Result<Response<att::ListAccountsResponse>, Status> {
        Ok(Response::new(att::ListAccountsResponse { accounts: self.told().accounts, ..Default::default() }))
    }

    async fn import_accounts(
        &self,
        _: Request<att::ImportAccountsRequest>,
    ) -> Result<Response<att::ImportAccountsResponse>, Status> {
        no()
    }
}

#[tonic::async_trait]
impl AliasService for FakePeers {
    async fn list_aliases(
        &self,
        _: Request<att::ListAliasesRequest>,
    ) -> Result<Response<att::ListAliasesResponse>, Status> {
        Ok(Response::new(att::ListAliasesResponse { aliases: self.told().aliases, ..Default::default() }))
    }

    async fn import_aliases(
        &self,
        _: Request<att::ImportAliasesRequest>,
    ) -> Result<Response<att::ImportAliasesResponse>, Status> {
        no()
    }
}

#[tonic::async_trait]
impl RosterService for FakePeers {
    async fn list_shifts(
        &self,
        _: Request<att::ListShiftsRequest>,
    ) -> Result<Response<att::ListShiftsResponse>, Status> {
        Ok(Response::new(att::ListShiftsResponse { shifts: self.told().shifts, ..Default::default() }))
    }

    async fn publish_shifts(
        &self,
        _: Request<att::PublishShiftsRequest>,
    ) -> Result<Response<att::PublishShiftsResponse>, Status> {
        no()
    }
}

#[tonic::async_trait]
impl OccupancyService for FakePeers {
    type ListOccupancyStream = Pin<Box<dyn Stream<Item = Result<att::ListOccupancyResponse, Status>> + Send>>;

    async fn list_occupancy(
        &self,
        _: Request<att::ListOccupancyRequest>,
    ) -> Result<Response<Self::ListOccupancyStream>, Status> {
        let told = self.told();
        let mut parts: Vec<_> = told
            .duty
            .into_iter()
            .map(|one| Ok(att::ListOccupancyResponse { accounts: vec![one], findings: vec![] }))
            .collect();
        parts.push(Ok(att::ListOccupancyResponse { accounts: vec![], findings: told.findings }));
        Ok(Response::new(Box::pin(futures::stream::iter(parts))))
    }
}
