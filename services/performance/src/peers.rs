//! What this service asks of others. Proto types stop here; apps get plain values.

mod devices;
pub mod fixes;
mod teams;

use std::collections::{BTreeMap, BTreeSet};

use futures::try_join;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_access::{OpContext, Region, View};
use tally_api::attendance::v1 as att;
use tally_api::attendance::v1::account_service_client::AccountServiceClient;
use tally_api::attendance::v1::alias_service_client::AliasServiceClient;
use tally_api::attendance::v1::correction_service_client::CorrectionServiceClient;
use tally_api::attendance::v1::occupancy_service_client::OccupancyServiceClient;
use tally_api::attendance::v1::punch_service_client::PunchServiceClient;
use tally_api::attendance::v1::roster_service_client::RosterServiceClient;
use tally_api::common::v1 as common;
use tally_api::identity::v1 as idn;
use tally_api::identity::v1::directory_service_client::DirectoryServiceClient;
use tally_api::identity::v1::tenant_service_client::TenantServiceClient;
use tally_app::convert::{period_message, sent, timestamp};
use tally_app::directory::Directory;
use tally_app::rates;
use tally_kernel::id::{AccountId, PersonId, PrincipalId};
use tally_kernel::message::word;
use tally_kernel::rate::Quotation;
use tally_kernel::time::{Period, zone};
use tally_kernel::{Currency, Message, Result};
use tally_rpc::{MAX_MESSAGE_BYTES, Peer, RpcChannel, error_from, pages, standing_view, streamed, unreadable};

use crate::change::domain::DutyChange;
use crate::record::domain::money::{KeptRate, KeptRates};
use crate::transfer::domain::Entry;
use tally_engine::closing::facts::{AccountFacts, Alias, Duty, DutyRule, Facts, Finding, Fix, Phase, PhaseKind};
use tally_engine::policy::Policy;

/// Rows of a page.
const PAGE: u32 = 1_000;

type Rostered = BTreeSet<(AccountId, PersonId)>;

/// A shift, as far as it tells whose an account is.
struct Shift {
    account: AccountId,
    person: PersonId,
    start: Timestamp,
    end: Timestamp,
}
/// Of each person shifts, and punches in.
pub type Comings = BTreeMap<PersonId, (Vec<(i64, i64)>, Vec<i64>)>;
type OnDuty = BTreeMap<AccountId, Vec<Duty>>;

/// The services that this one calls, as itself: the apps have asked for their own permit before. The repair of a finding alone goes as
/// whoever asks for it ([`Peers::mend`]).
#[derive(Clone, Debug)]
pub struct Peers {
    /// People and the group.
    pub identity: Peer,
    /// Accounts, aliases, rosters and occupancy.
    pub attendance: Peer,
}

impl Peers {
    /// Everything closing wants to know of a period, of people those who were employed in it. All is asked at once.
    ///
    /// # Errors
    /// What a peer answers; `UNAVAILABLE` when one is away.
    pub async fn facts(
        &self,
        ctx: &OpContext,
        directory: &Directory,
        period: Period,
        policy: &Policy,
    ) -> Result<Facts> {
        let (people, minor_digits, accounts, aliases, shifts, devices, bindings, (duty, findings)) = try_join!(
            directory.everybody(ctx),
            self.minor_digits(ctx),
            self.accounts(ctx),
            self.aliases(ctx),
            self.rosters(ctx, period),
            self.devices(ctx, period, policy),
            self.bindings(ctx, policy),
            self.occupancy(ctx, period, policy),
        )?;
        let rostered = rostered(&shifts, &accounts, period, policy.duty_rules())?;
        let trees = directory.trees(ctx, &people).await?;
        let employed: Vec<_> = people.iter().filter(|person| person.employed_in(period)).collect();
        let joined = teams::joined(&accounts, &employed, &trees, period);
        let accounts = accounts.into_iter().map(|account| teams::named(account, &trees, period.to())).collect();
        let mut paths = teams::Paths::of(&trees, period.to());
        let people = employed.into_iter().map(|person| paths.named(person)).collect();
        let (claimed, named_devices) = (BTreeMap::new(), BTreeMap::new());
        let facts = Facts {
            minor_digits,
            people,
            accounts,
            aliases,
            rostered,
            joined,
            duty,
            claimed,
            devices,
            bindings,
            named_devices,
            findings,
        };
        Ok(facts)
    }

    async fn group(&self, ctx: &OpContext) -> Result<idn::Tenant> {
        let mut client = TenantServiceClient::new(self.identity.channel());
        let request = self.identity.as_service(ctx, idn::GetTenantRequest {});
        Ok(client.get_tenant(request).await.map_err(error_from)?.into_inner().tenant.unwrap_or_default())
    }

    /// The currency of the group.
    ///
    /// # Errors
    /// What identity answers.
    pub async fn currency(&self, ctx: &OpContext) -> Result<Currency> {
        sent::value(&self.group(ctx).await?.currency)
    }

    /// What amounts of these days are reckoned with, as it was known at an instant.
    ///
    /// # Errors
    /// What identity answers.
    pub async fn money(&self, ctx: &OpContext, days: Period, known_at: Timestamp) -> Result<KeptRates> {
        let rates = rates::sourced(&self.identity, ctx, days, Some(known_at));
        let (group, rates) = try_join!(self.currency(ctx), rates)?;
        let kept = |(said, source): (Quotation, String)| {
            let Quotation { base, quote, from, rate } = said;
            KeptRate { base, quote, from, rate, source }
        };
        Ok(KeptRates { group, first_day: days.from(), rates: rates.into_iter().map(kept).collect() })
    }

    /// What somebody may do now.
    ///
    /// # Errors
    /// `NOT_FOUND` where there is no such principal; what identity answers.
    pub async fn view(&self, ctx: &OpContext, principal: PrincipalId) -> Result<View> {
        standing_view(&self.identity, ctx, principal).await
    }

    /// The zone of the group.
    ///
    /// # Errors
    /// What identity answers.
    pub async fn zone(&self, ctx: &OpContext) -> Result<TimeZone> {
        zone(&self.group(ctx).await?.zone).map_err(unreadable)
    }

    async fn minor_digits(&self, ctx: &OpContext) -> Result<u32> {
        Ok(self.currency(ctx).await?.minor_digits())
    }

    /// The regions of the group.
    ///
    /// # Errors
    /// What identity answers.
    pub async fn regions(&self, ctx: &OpContext) -> Result<Vec<Region>> {
        self.group(ctx).await?.regions.iter().map(|name| sent::value(name)).collect()
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
        let entry =
            |entry: idn::DirectoryEntry| Ok(Entry { pseudonym: sent::value(&entry.pseudonym)?, active: entry.active });
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
        released_at: Timestamp,
        entries: &[Entry],
    ) -> Result<()> {
        let mut client = DirectoryServiceClient::new(self.identity.channel());
        let asked = idn::ImportDirectoryRequest {
            region: from.to_string(),
            released_at: Some(timestamp(released_at)),
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
        let accounts = pages(async |page_token| {
            let ask = att::ListAccountsRequest { page_size: PAGE, page_token };
            let mut client = AccountServiceClient::new(self.attendance.channel());
            let page = client.list_accounts(self.attendance.as_service(ctx, ask)).await?.into_inner();
            Ok((page.accounts, page.next_page_token))
        });
        accounts.await?.into_iter().map(account_from).collect()
    }

    /// Every nickname and whom it means.
    ///
    /// # Errors
    /// What attendance answers.
    pub async fn aliases(&self, ctx: &OpContext) -> Result<Vec<Alias>> {
        let aliases = pages(async |page_token| {
            let ask = att::ListAliasesRequest { page_size: PAGE, page_token, counting_only: true, known_at: None };
            let mut client = AliasServiceClient::new(self.attendance.channel());
            let page = client.list_aliases(self.attendance.as_service(ctx, ask)).await?.into_inner();
            Ok((page.aliases, page.next_page_token))
        });
        aliases.await?.into_iter().map(alias_from).collect()
    }

    /// Facts of duty that were put right, and count since this instant or later.
    ///
    /// # Errors
    /// What attendance answers.
    pub async fn duty_changes(&self, ctx: &OpContext, since: Timestamp) -> Result<Vec<DutyChange>> {
        let corrections = pages(async |page_token| {
            let counting_since = Some(timestamp(since));
            let ask = att::ListCorrectionsRequest { page_size: PAGE, page_token, counting_since, ..Default::default() };
            let mut client = CorrectionServiceClient::new(self.attendance.channel());
            let page = client.list_corrections(self.attendance.as_service(ctx, ask)).await?.into_inner();
            Ok((page.corrections, page.next_page_token))
        });
        corrections.await?.into_iter().map(duty_change_from).collect()
    }

    /// Every shift that touches the period in whatever zone.
    async fn rosters(&self, ctx: &OpContext, period: Period) -> Result<Vec<Shift>> {
        // The widest offsets there are, so that no zone's first or last day is cut.
        let (from, to) = (day(period.from(), -1)?, day(period.to(), 2)?);
        let shifts = pages(async |page_token| {
            let (from, to) = (Some(from), Some(to));
            let counting_only = true;
            let ask =
                att::ListShiftsRequest { from, to, page_size: PAGE, page_token, counting_only, ..Default::default() };
            let mut client = RosterServiceClient::new(self.attendance.channel());
            let page = client.list_shifts(self.attendance.as_service(ctx, ask)).await?.into_inner();
            Ok((page.shifts, page.next_page_token))
        });
        let shift = |shift: att::Shift| {
            let (account, person) = (sent::value(&shift.account_id)?, sent::value(&shift.person_id)?);
            Ok(Shift { account, person, start: sent::instant(shift.start)?, end: sent::instant(shift.end)? })
        };
        shifts.await?.into_iter().map(shift).collect()
    }

    /// When everybody was to come, and when everybody came: begin and end of the shifts that touch the period, and punches in around it,
    /// in milliseconds.
    ///
    /// # Errors
    /// What attendance answers.
    pub async fn comings(&self, ctx: &OpContext, period: Period) -> Result<Comings> {
        let (shifts, punches) = try_join!(self.rosters(ctx, period), self.punches_in(ctx, period))?;
        let mut comings = Comings::new();
        for shift in shifts {
            let span = (shift.start.as_millisecond(), shift.end.as_millisecond());
            comings.entry(shift.person).or_default().0.push(span);
        }
        for (person, at) in punches {
            comings.entry(person).or_default().1.push(at.as_millisecond());
        }
        Ok(comings)
    }

    async fn punches_in(&self, ctx: &OpContext, period: Period) -> Result<Vec<(PersonId, Timestamp)>> {
        let (from, to) = (day(period.from(), -1)?, day(period.to(), 2)?);
        let punches = pages(async |page_token| {
            let (from, to) = (Some(from), Some(to));
            let ask = att::ListPunchesRequest {
                from,
                to,
                page_size: PAGE,
                page_token,
                counting_only: true,
                ..Default::default()
            };
            let mut client = PunchServiceClient::new(self.attendance.channel());
            let page = client.list_punches(self.attendance.as_service(ctx, ask)).await?.into_inner();
            Ok((page.punches, page.next_page_token))
        });
        let came = punches.await?.into_iter().filter(|punch| punch.kind() == att::PunchKind::In);
        came.map(|punch| Ok((sent::value(&punch.person_id)?, sent::instant(punch.at)?))).collect()
    }

    /// Who was on duty for which account, and what was odd about it.
    async fn occupancy(&self, ctx: &OpContext, period: Period, policy: &Policy) -> Result<(OnDuty, Vec<Finding>)> {
        let duty = att::DutyPolicy {
            grace_minutes: Some(policy.grace_minutes),
            max_hours: policy.max_hours,
            cut_over: policy.cut_over.strftime("%H:%M").to_string(),
            version: policy.duty_rules(),
        };
        let period = Some(period_message(period));
        let asked = att::ListOccupancyRequest { period, policy: Some(duty), ..Default::default() };
        let ask = async || {
            let mut client: OccupancyServiceClient<RpcChannel> =
                OccupancyServiceClient::new(self.attendance.channel()).max_decoding_message_size(MAX_MESSAGE_BYTES);
            client.list_occupancy(self.attendance.as_service(ctx, asked.clone())).await
        };
        let add = |(duty, findings): &mut (OnDuty, Vec<Finding>), part: att::ListOccupancyResponse| {
            for account in part.accounts {
                let rows = duty.entry(sent::value(&account.account_id)?).or_default();
                for row in account.rows {
                    rows.push(duty_from(row)?);
                }
            }
            for found in part.findings {
                findings.push(finding_from(found)?);
            }
            Ok(())
        };
        streamed(Default::default, ask, add).await
    }
}

/// Who is rostered where: by any shift that touches the period in the account's zone. Version 1 of the rules took the days
/// around it as well, and what was closed under it stays as it is.
fn rostered(shifts: &[Shift], accounts: &[AccountFacts], period: Period, rules: u32) -> Result<Rostered> {
    let span = |account: &AccountFacts| {
        let zone = zone(&account.zone).map_err(unreadable)?;
        Ok((account.id, period.instants(&zone).map_err(unreadable)?))
    };
    let spans = accounts.iter().map(span).collect::<Result<BTreeMap<_, _>>>()?;
    let touches = |shift: &&Shift| {
        rules < 2 || spans.get(&shift.account).is_some_and(|span| shift.start < span.end && shift.end > span.start)
    };
    Ok(shifts.iter().filter(touches).map(|shift| (shift.account, shift.person)).collect())
}

fn day(date: Date, shift: i64) -> Result<prost_types::Timestamp> {
    let at = date.checked_add(jiff::Span::new().days(shift)).and_then(|d| d.to_zoned(jiff::tz::TimeZone::UTC));
    let at = at.map_err(|_| unreadable("a period at the end of time"))?;
    Ok(prost_types::Timestamp { seconds: at.timestamp().as_second(), nanos: 0 })
}

fn duty_change_from(correction: att::Correction) -> Result<DutyChange> {
    let touched = correction.touched.unwrap_or_default();
    let on = |account: att::TouchedAccount| {
        let days = account.days.iter().map(|day| sent::date(day)).collect::<Result<_>>()?;
        Ok((sent::value(&account.account_id)?, days))
    };
    Ok(DutyChange {
        accounts: touched.accounts.into_iter().map(on).collect::<Result<_>>()?,
        from: sent::optional_date(&touched.from)?,
        to: sent::optional_date(&touched.to)?,
        at: sent::instant(correction.approved_at.or(correction.requested_at))?,
        id: correction.correction_id,
    })
}

fn alias_from(alias: att::Alias) -> Result<Alias> {
    Ok(Alias {
        person: sent::value(&alias.person_id)?,
        from: sent::optional_date(&alias.from)?,
        to: sent::optional_date(&alias.to)?,
        platform: alias.platform,
        alias: alias.alias,
    })
}

fn account_from(account: att::Account) -> Result<AccountFacts> {
    let phase = |p: att::Phase| {
        let kind = match p.kind() {
            att::PhaseKind::Unspecified => return Err(unreadable("a phase of no kind that is known here")),
            att::PhaseKind::Shared => PhaseKind::Shared,
            att::PhaseKind::Mixed => PhaseKind::Mixed,
            att::PhaseKind::Named => PhaseKind::Named,
        };
        Ok(Phase { from: sent::optional_date(&p.from)?, kind, capacity: p.capacity.max(1) })
    };
    let mut phases = account.phases.into_iter().map(phase).collect::<Result<Vec<_>>>()?;
    phases.sort_by_key(|p| p.from);
    Ok(AccountFacts {
        id: sent::value(&account.account_id)?,
        platform: account.platform,
        key: account.key,
        zone: account.zone,
        team_path: account.team_path,
        unit: sent::optional_value(&account.unit_id)?,
        region: sent::value(&account.region)?,
        phases,
    })
}

fn duty_from(row: att::Occupancy) -> Result<Duty> {
    let rule = match row.rule() {
        att::DutyRule::Handover => DutyRule::Handover,
        att::DutyRule::Roster => DutyRule::Roster,
        att::DutyRule::Punch => DutyRule::Punch,
        att::DutyRule::Team => DutyRule::Team,
        att::DutyRule::Unspecified => return Err(unreadable("a stretch of duty without a rule")),
    };
    Ok(Duty {
        person: sent::value(&row.person_id)?,
        start_ms: sent::instant(row.start)?.as_millisecond(),
        end_ms: sent::instant(row.end)?.as_millisecond(),
        rule,
        evidence: row.evidence,
    })
}

fn finding_from(found: common::Finding) -> Result<Finding> {
    // Who knows no messages as data sends the sentence only.
    let arguments = found.arguments.into_iter().map(|arg| Some((word(&arg.name)?, arg.value)));
    let detail = match (word(&found.message), arguments.collect::<Option<_>>()) {
        (Some(id), Some(arguments)) => Message::from_parts(id, &arguments),
        (None, _) | (_, None) => Message::told(found.detail),
    };
    let fix = found.fix.map(|fix| Fix { service: fix.service, method: fix.method, request: fix.request });
    let person = sent::optional_value(&found.person_id)?;
    Ok(Finding { kind: found.kind, subject: found.subject, at: found.at, detail, person, fix })
}

#[cfg(test)]
mod tests {
    use tally_kernel::Kind;
    use uuid::Uuid;

    use super::*;

    fn account(n: u128, kind: i32) -> att::Account {
        att::Account {
            account_id: Uuid::from_u128(n).to_string(),
            region: "*".into(),
            zone: "Asia/Shanghai".into(),
            phases: vec![att::Phase { kind, capacity: 1, ..Default::default() }],
            ..Default::default()
        }
    }

    #[test]
    fn a_phase_of_a_kind_that_is_not_known_here_is_an_error_and_not_shared() {
        assert!(account_from(account(1, att::PhaseKind::Named.into())).is_ok());
        for unknown in [0, 99] {
            assert_eq!(account_from(account(1, unknown)).unwrap_err().kind(), Kind::Internal);
        }
    }

    #[test]
    fn an_account_is_ones_own_by_shifts_of_the_period_in_its_zone_alone() {
        let accounts = [account_from(account(1, att::PhaseKind::Shared.into())).unwrap()];
        let shift = |person: u128, start: &str, end: &str| Shift {
            account: AccountId(Uuid::from_u128(1)),
            person: PersonId(Uuid::from_u128(person)),
            start: start.parse().unwrap(),
            end: end.parse().unwrap(),
        };
        let shifts = [
            shift(1, "2026-02-28T20:00:00+08:00", "2026-03-01T00:00:00+08:00"),
            shift(2, "2026-02-28T20:00:00+08:00", "2026-03-01T04:00:00+08:00"),
            shift(3, "2026-03-31T20:00:00+08:00", "2026-04-01T04:00:00+08:00"),
            shift(4, "2026-04-01T00:00:00+08:00", "2026-04-01T08:00:00+08:00"),
        ];
        let march = Period::new(Date::constant(2026, 3, 1), Date::constant(2026, 3, 31)).unwrap();
        let who = |rules| -> Vec<u128> {
            let rostered = rostered(&shifts, &accounts, march, rules).unwrap();
            rostered.into_iter().map(|(_, person)| person.0.as_u128()).collect()
        };
        assert_eq!(who(2), [2, 3]);
        assert_eq!(who(1), [1, 2, 3, 4], "as it was closed");
    }
}
