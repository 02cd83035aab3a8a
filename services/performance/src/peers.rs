//! What this service asks of others. Proto types stop here; apps get plain values.

use jiff::civil::Date;
use tally_access::{OpContext, Region};
use tally_api::attendance::v1 as att;
use tally_api::attendance::v1::account_service_client::AccountServiceClient;
use tally_api::attendance::v1::alias_service_client::AliasServiceClient;
use tally_api::attendance::v1::occupancy_service_client::OccupancyServiceClient;
use tally_api::attendance::v1::roster_service_client::RosterServiceClient;
use tally_api::common::v1 as common;
use tally_api::identity::v1 as idn;
use tally_api::identity::v1::directory_service_client::DirectoryServiceClient;
use tally_api::identity::v1::org_service_client::OrgServiceClient;
use tally_api::identity::v1::tenant_service_client::TenantServiceClient;
use tally_app::directory::People;
use tally_kernel::id::{AccountId, OrgUnitId, PersonId};
use tally_kernel::message::word;
use tally_kernel::time::Period;
use tally_kernel::{Currency, Error, Message, Result};
use tally_rpc::{MAX_MESSAGE_BYTES, Peer, RpcChannel, error_from};

use crate::transfer::domain::Entry;
use tally_engine::closing::facts::{AccountFacts, Alias, Duty, DutyRule, Facts, Finding, Phase, PhaseKind};
use tally_engine::policy::Policy;

/// Rows of a page.
const PAGE: u32 = 1_000;

/// A unit of the org tree on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The unit.
    pub id: OrgUnitId,
    /// Its parent; nothing for the root.
    pub parent: Option<OrgUnitId>,
    /// Name of this node alone.
    pub name: String,
    /// Names from the branch down, joined by `/`.
    pub path: String,
    /// Its region; `*` for the root.
    pub region: Region,
}

/// The services that this one calls, always as itself: the apps have asked for their own permit before.
#[derive(Clone, Debug)]
pub struct Peers {
    /// People and the group.
    pub identity: Peer,
    /// Accounts, aliases, rosters and occupancy.
    pub attendance: Peer,
}

impl Peers {
    /// Everything closing wants to know of a period, of these people those who were employed in it.
    ///
    /// # Errors
    /// What a peer answers; `UNAVAILABLE` when one is away.
    pub async fn facts(&self, ctx: &OpContext, people: &People, period: Period, policy: &Policy) -> Result<Facts> {
        let minor_digits = self.minor_digits(ctx).await?;
        let people = people.iter().filter(|person| person.employed_in(period)).cloned().collect();
        let (accounts, aliases) = (self.accounts(ctx).await?, self.aliases(ctx).await?);
        let mut facts = Facts { minor_digits, people, accounts, aliases, ..Facts::default() };
        self.rosters(ctx, period, &mut facts).await?;
        self.occupancy(ctx, period, policy, &mut facts).await?;
        Ok(facts)
    }

    async fn minor_digits(&self, ctx: &OpContext) -> Result<u32> {
        let mut client = TenantServiceClient::new(self.identity.channel());
        let request = self.identity.as_service(ctx, idn::GetTenantRequest {});
        let group = client.get_tenant(request).await.map_err(error_from)?.into_inner().tenant.unwrap_or_default();
        let currency: Currency = group.currency.parse()?;
        Ok(currency.minor_digits())
    }

    /// The regions of the group.
    ///
    /// # Errors
    /// What identity answers.
    pub async fn regions(&self, ctx: &OpContext) -> Result<Vec<Region>> {
        let mut client = TenantServiceClient::new(self.identity.channel());
        let request = self.identity.as_service(ctx, idn::GetTenantRequest {});
        let group = client.get_tenant(request).await.map_err(error_from)?.into_inner().tenant.unwrap_or_default();
        group.regions.iter().map(|name| name.parse()).collect()
    }

    /// The units of a day, by path.
    ///
    /// # Errors
    /// What identity answers.
    pub async fn units(&self, ctx: &OpContext, day: Date) -> Result<Vec<Unit>> {
        let mut client = OrgServiceClient::new(self.identity.channel());
        let (mut units, mut page_token) = (Vec::new(), String::new());
        loop {
            let asked =
                idn::ListOrgUnitsRequest { as_of: day.to_string(), page_size: PAGE, page_token, ..Default::default() };
            let reply =
                client.list_org_units(self.identity.as_service(ctx, asked)).await.map_err(error_from)?.into_inner();
            for unit in reply.units {
                units.push(unit_from(unit)?);
            }
            page_token = reply.next_page_token;
            if page_token.is_empty() {
                return Ok(units);
            }
        }
    }

    /// The pseudonyms of everybody in a region; who has none gets one.
    ///
    /// # Errors
    /// What identity answers.
    pub async fn directory(&self, ctx: &OpContext, region: &Region) -> Result<Vec<Entry>> {
        let mut client =
            DirectoryServiceClient::new(self.identity.channel()).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let asked = idn::PublishDirectoryRequest { region: region.to_string() };
        let request = self.identity.as_service(ctx, asked);
        let entries = client.publish_directory(request).await.map_err(error_from)?.into_inner().entries;
        let entry = |entry: idn::DirectoryEntry| {
            let pseudonym = entry.pseudonym.parse().map_err(|_| unreadable("a pseudonym that is no id"))?;
            Ok(Entry { pseudonym, active: entry.active })
        };
        entries.into_iter().map(entry).collect()
    }

    /// Gives identity the directory that another region released.
    ///
    /// # Errors
    /// What identity answers.
    pub async fn take_in_directory(
        &self,
        ctx: &OpContext,
        from: &Region,
        released_at: jiff::Timestamp,
        entries: &[Entry],
    ) -> Result<()> {
        let mut client = DirectoryServiceClient::new(self.identity.channel());
        let (seconds, nanos) = (released_at.as_second(), released_at.subsec_nanosecond());
        let asked = idn::ImportDirectoryRequest {
            region: from.to_string(),
            released_at: Some(prost_types::Timestamp { seconds, nanos }),
            entries: entries
                .iter()
                .map(|entry| idn::DirectoryEntry { pseudonym: entry.pseudonym.to_string(), active: entry.active })
                .collect(),
        };
        client.import_directory(self.identity.as_service(ctx, asked)).await.map_err(error_from)?;
        Ok(())
    }

    /// Every account that this stack holds.
    ///
    /// # Errors
    /// What attendance answers.
    pub async fn accounts(&self, ctx: &OpContext) -> Result<Vec<AccountFacts>> {
        let mut client = AccountServiceClient::new(self.attendance.channel());
        let (mut accounts, mut page_token) = (Vec::new(), String::new());
        loop {
            let asked = att::ListAccountsRequest { page_size: PAGE, page_token };
            let reply =
                client.list_accounts(self.attendance.as_service(ctx, asked)).await.map_err(error_from)?.into_inner();
            for account in reply.accounts {
                accounts.push(account_from(account)?);
            }
            page_token = reply.next_page_token;
            if page_token.is_empty() {
                return Ok(accounts);
            }
        }
    }

    /// Every nickname and whom it means.
    ///
    /// # Errors
    /// What attendance answers.
    pub async fn aliases(&self, ctx: &OpContext) -> Result<Vec<Alias>> {
        let mut client = AliasServiceClient::new(self.attendance.channel());
        let (mut aliases, mut page_token) = (Vec::new(), String::new());
        loop {
            let asked = att::ListAliasesRequest { page_size: PAGE, page_token };
            let reply =
                client.list_aliases(self.attendance.as_service(ctx, asked)).await.map_err(error_from)?.into_inner();
            for alias in reply.aliases {
                aliases.push(Alias {
                    platform: alias.platform,
                    alias: alias.alias,
                    person: alias.person_id.parse()?,
                    from: date(&alias.from)?,
                    to: date(&alias.to)?,
                });
            }
            page_token = reply.next_page_token;
            if page_token.is_empty() {
                return Ok(aliases);
            }
        }
    }

    /// Who is rostered where: any shift that touches the period in the account's zone.
    async fn rosters(&self, ctx: &OpContext, period: Period, facts: &mut Facts) -> Result<()> {
        let mut client = RosterServiceClient::new(self.attendance.channel());
        // The widest offsets there are, so that no zone's first or last day is cut.
        let (from, to) = (day(period.from(), -1)?, day(period.to(), 2)?);
        let mut page_token = String::new();
        loop {
            let asked = att::ListShiftsRequest { from: Some(from), to: Some(to), page_size: PAGE, page_token };
            let reply =
                client.list_shifts(self.attendance.as_service(ctx, asked)).await.map_err(error_from)?.into_inner();
            for shift in reply.shifts {
                facts.rostered.insert((shift.account_id.parse::<AccountId>()?, shift.person_id.parse::<PersonId>()?));
            }
            page_token = reply.next_page_token;
            if page_token.is_empty() {
                return Ok(());
            }
        }
    }

    async fn occupancy(&self, ctx: &OpContext, period: Period, policy: &Policy, facts: &mut Facts) -> Result<()> {
        let mut client: OccupancyServiceClient<RpcChannel> =
            OccupancyServiceClient::new(self.attendance.channel()).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let duty = att::DutyPolicy {
            grace_minutes: Some(policy.grace_minutes),
            max_hours: policy.max_hours,
            cut_over: policy.cut_over.strftime("%H:%M").to_string(),
            version: policy.rules(),
        };
        let asked =
            att::ListOccupancyRequest { period: Some(period_to(period)), account_ids: vec![], policy: Some(duty) };
        let request = self.attendance.as_service(ctx, asked);
        let mut parts = client.list_occupancy(request).await.map_err(error_from)?.into_inner();
        while let Some(part) = parts.message().await.map_err(error_from)? {
            for account in part.accounts {
                let rows = facts.duty.entry(account.account_id.parse()?).or_default();
                for row in account.rows {
                    rows.push(duty_from(row)?);
                }
            }
            facts.findings.extend(part.findings.into_iter().map(finding_from));
        }
        Ok(())
    }
}

fn period_to(period: Period) -> common::Period {
    common::Period { from: period.from().to_string(), to: period.to().to_string() }
}

fn date(text: &str) -> Result<Option<Date>> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| unreadable(format_args!("date {text:?}")))
}

fn day(date: Date, shift: i64) -> Result<prost_types::Timestamp> {
    let at = date.checked_add(jiff::Span::new().days(shift)).and_then(|d| d.to_zoned(jiff::tz::TimeZone::UTC));
    let at = at.map_err(|_| unreadable("a period at the end of time"))?;
    Ok(prost_types::Timestamp { seconds: at.timestamp().as_second(), nanos: 0 })
}

fn unreadable(what: impl std::fmt::Display) -> Error {
    Error::internal(format_args!("a peer sent what cannot be read: {what}"))
}

fn millis(at: Option<prost_types::Timestamp>) -> Result<i64> {
    let at = at.ok_or_else(|| unreadable("a missing time"))?;
    let at = jiff::Timestamp::new(at.seconds, at.nanos).map_err(unreadable)?;
    Ok(at.as_millisecond())
}

fn unit_from(sent: idn::OrgUnit) -> Result<Unit> {
    let parent = if sent.parent_id.is_empty() { None } else { Some(sent.parent_id.parse()?) };
    let (id, region) = (sent.unit_id.parse()?, sent.region.parse()?);
    Ok(Unit { id, parent, name: sent.name, path: sent.path, region })
}

fn account_from(sent: att::Account) -> Result<AccountFacts> {
    let phase = |p: att::Phase| {
        let kind = match p.kind() {
            att::PhaseKind::Unspecified | att::PhaseKind::Shared => PhaseKind::Shared,
            att::PhaseKind::Mixed => PhaseKind::Mixed,
            att::PhaseKind::Named => PhaseKind::Named,
        };
        Ok(Phase { from: date(&p.from)?, kind, capacity: p.capacity.max(1) })
    };
    let mut phases = sent.phases.into_iter().map(phase).collect::<Result<Vec<_>>>()?;
    phases.sort_by_key(|p| p.from);
    let unit = if sent.unit_id.is_empty() { None } else { Some(sent.unit_id.parse()?) };
    Ok(AccountFacts {
        id: sent.account_id.parse()?,
        platform: sent.platform,
        key: sent.key,
        zone: sent.zone,
        team_path: sent.team_path,
        unit,
        region: sent.region.parse()?,
        phases,
    })
}

fn duty_from(sent: att::Occupancy) -> Result<Duty> {
    let rule = match sent.rule() {
        att::DutyRule::Handover => DutyRule::Handover,
        att::DutyRule::Roster => DutyRule::Roster,
        att::DutyRule::Punch => DutyRule::Punch,
        att::DutyRule::Team => DutyRule::Team,
        att::DutyRule::Unspecified => return Err(unreadable("a stretch of duty without a rule")),
    };
    Ok(Duty {
        person: sent.person_id.parse()?,
        start_ms: millis(sent.start)?,
        end_ms: millis(sent.end)?,
        rule,
        evidence: sent.evidence,
    })
}

fn finding_from(sent: common::Finding) -> Finding {
    // Who knows no messages as data sends the sentence only.
    let arguments = sent.arguments.into_iter().map(|arg| Some((word(&arg.name)?, arg.value)));
    let detail = match (word(&sent.message), arguments.collect::<Option<_>>()) {
        (Some(id), Some(arguments)) => Message::from_parts(id, &arguments),
        (None, _) | (_, None) => Message::told(sent.detail),
    };
    Finding { kind: sent.kind, subject: sent.subject, at: sent.at, detail }
}
