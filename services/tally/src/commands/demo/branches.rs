//! What the demo goes on with once the group's month is closed: each branch closes its own by its own refinement of the group's
//! scheme, from the same attribution; managers get cards; and one month is put right after it was published and paid.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use tally_api::common::v1 as common;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_bundle::Bundle;
use tally_kernel::{Message, msg};
use tally_rpc::RpcChannel;

use crate::cli::Language;
use crate::close::{CloseOutcome, Crew, FORM, cards_of, create_login, policy, publish, scheme, watch};
use crate::commands::users::User;
use crate::progress::Progress;
use crate::said::told;
use crate::session::Session;
use crate::show::{Page, Table, percent};
use tally_import::{branches, unit_ids};

/// By how many points a branch may weigh an indicator otherwise than the standard, and by how many these branches do.
const WITHIN: &str = "10";
const MORE: i64 = 10;

type Cycles = performance::cycle_service_client::CycleServiceClient<RpcChannel>;
type Schemes = performance::scheme_service_client::SchemeServiceClient<RpcChannel>;

/// A branch that closed its own month.
pub struct Branch {
    pub name: String,
    pub cycle: performance::Cycle,
    pub cards: Vec<performance::Card>,
    /// Who did it.
    pub hr: Session,
    /// The indicator that counts more here than in the standard.
    favours: String,
}

/// What everything here is done with.
pub struct Story<'a> {
    pub crew: &'a Crew,
    pub bundle: &'a Bundle,
    pub outcome: &'a CloseOutcome,
    pub password: &'a str,
    pub lang: Language,
    pub progress: &'a Progress,
}

impl Story<'_> {
    /// The branches' months, one after the other, and who did each.
    pub async fn branches(&self, page: &mut Page) -> Result<(Vec<Branch>, Vec<User>)> {
        let units = unit_ids(&self.crew.hr).await?;
        let standard = self.standard().await?;
        let run = self.group_cycle().await?.attribution_run_id;
        let (mut closed, mut users) = (Vec::new(), Vec::new());
        for (number, name) in branches(self.bundle).into_iter().enumerate() {
            let unit_id = units.get(name).context("the suite has every branch")?;
            let (hr, user) = self.branch_hr(number + 1, name, unit_id).await?;
            users.push(user);
            let branch = Box::pin(self.branch(number, (name, unit_id), hr, (&standard, &run))).await?;
            closed.push(branch);
        }
        self.tell(page, &closed);
        Ok((closed, users))
    }

    pub async fn group_cycle(&self) -> Result<performance::Cycle> {
        let ask = performance::GetCycleRequest { cycle_id: self.outcome.cycle_id.clone() };
        let hr = &self.crew.hr;
        let mut cycles = Cycles::new(hr.at.performance.clone());
        Ok(cycles.get_cycle(hr.ask(ask)).await.map_err(told)?.into_inner().cycle.unwrap_or_default())
    }

    /// The group's scheme as a standard: branches may weigh its indicators a little otherwise.
    async fn standard(&self) -> Result<performance::Scheme> {
        let mut standard = scheme(self.bundle, FORM)?;
        standard.name = self.say(&msg!("DEMO_STANDARD", scheme = standard.name));
        let bounds = |kpi: &performance::Kpi| performance::KpiBounds {
            key: kpi.key.clone(),
            weight_within: WITHIN.to_owned(),
            ..Default::default()
        };
        let kpis = standard.kpis.iter().map(bounds).collect();
        standard.bounds = Some(performance::SchemeBounds { mandatory: true, kpis, ..Default::default() });
        self.write(&self.crew.hr, standard).await
    }

    pub async fn write(&self, session: &Session, scheme: performance::Scheme) -> Result<performance::Scheme> {
        let mut schemes = Schemes::new(session.at.performance.clone());
        let ask = performance::CreateSchemeVersionRequest { scheme: Some(scheme), ..Default::default() };
        let written = schemes.create_scheme_version(session.ask(ask)).await.map_err(told)?;
        Ok(written.into_inner().scheme.unwrap_or_default())
    }

    /// A login whose rights end where the branch does.
    async fn branch_hr(&self, number: usize, branch: &str, unit_id: &str) -> Result<(Session, User)> {
        let (login, admin) = (format!("hr{number}"), &self.crew.admin);
        let grant = identity::Grant {
            principal_id: create_login(admin, &login, self.password).await?,
            role: "branch_hr".to_owned(),
            scope: identity::ScopeKind::Subtree.into(),
            scope_ref: unit_id.to_owned(),
            valid_from: tally_identity::ALWAYS.to_string(),
            reason: "closes the month of the branch".to_owned(),
            ..Default::default()
        };
        let ask = identity::GrantRoleRequest { grant: Some(grant), ..Default::default() };
        let mut access = identity::access_service_client::AccessServiceClient::new(admin.at.identity.clone());
        access.grant_role(admin.ask(ask)).await.map_err(told)?;
        let session = Session::sign_in(&admin.at, &login, self.password).await?.speaking(self.lang.tag());
        let about = self.say(&msg!("DEMO_USER_BRANCH_HR", branch));
        Ok((session, User { login, role: "branch_hr", about }))
    }

    async fn branch(
        &self,
        number: usize,
        (name, unit_id): (&str, &str),
        hr: Session,
        (standard, run): (&performance::Scheme, &str),
    ) -> Result<Branch> {
        let favours = favour(standard.kpis.len(), number);
        let mut own = performance::Scheme {
            name: standard.name.clone(),
            unit_id: unit_id.to_owned(),
            parent: Some(performance::SchemeParent {
                scheme_id: standard.scheme_id.clone(),
                version: standard.version,
            }),
            kpis: standard.kpis.clone(),
            collaboration: standard.collaboration,
            measures: standard.measures.clone(),
            ..Default::default()
        };
        if favours > 0 {
            weigh(&mut own.kpis[favours], MORE)?;
            weigh(&mut own.kpis[0], -MORE)?;
        }
        let favours = own.kpis[favours].key.clone();
        let scheme = self.write(&hr, own).await?;
        let population = None;
        let cycle = self.month(&hr, (name, unit_id), (&scheme, population), run).await?;
        let cards = cards_of(&hr, &cycle.cycle_id).await?;
        Ok(Branch { name: name.to_owned(), cycle, cards, hr, favours })
    }

    /// A cycle over the bundle's month, closed from a run that is there and published.
    pub async fn month(
        &self,
        hr: &Session,
        (name, unit_id): (&str, &str),
        (scheme, population): (&performance::Scheme, Option<performance::Population>),
        run: &str,
    ) -> Result<performance::Cycle> {
        let period = &self.bundle.period;
        let cycle = performance::Cycle {
            name: name.to_owned(),
            unit_id: unit_id.to_owned(),
            period: Some(common::Period { from: period.from.to_string(), to: period.to.to_string() }),
            scheme_id: scheme.scheme_id.clone(),
            scheme_version: scheme.version,
            policy: Some(policy(self.bundle, FORM)),
            population,
            ..Default::default()
        };
        let mut cycles = Cycles::new(hr.at.performance.clone());
        let ask = performance::CreateCycleRequest { cycle: Some(cycle), ..Default::default() };
        let cycle = cycles.create_cycle(hr.ask(ask)).await.map_err(told)?.into_inner().cycle.unwrap_or_default();
        let (cycle_id, attribution_run_id) = (cycle.cycle_id, run.to_owned());
        let ask =
            performance::CloseCycleRequest { cycle_id: cycle_id.clone(), attribution_run_id, ..Default::default() };
        cycles.close_cycle(hr.ask(ask)).await.map_err(told)?;
        self.published(hr, &cycle_id).await
    }

    /// Waits until a cycle that is closing is reviewable, and publishes it.
    pub async fn published(&self, hr: &Session, cycle_id: &str) -> Result<performance::Cycle> {
        let closed = watch(hr, cycle_id, self.progress).await?;
        anyhow::ensure!(closed.state() == performance::CycleState::Reviewable, "{}", closed.failure);
        publish(hr, cycle_id).await
    }

    fn tell(&self, page: &mut Page, closed: &[Branch]) {
        page.heading(&self.say(&msg!("DEMO_BRANCHES")));
        page.say(2, &self.say(&msg!("DEMO_BRANCHES_SAID", within = WITHIN)));
        let mut table = Table::new("<<>><>>");
        let head = [
            msg!("DEMO_COLUMN_BRANCH"),
            msg!("DEMO_COLUMN_FAVOURS"),
            msg!("DEMO_COLUMN_PEOPLE"),
            msg!("DEMO_COLUMN_CREDITED"),
            msg!("DEMO_COLUMN_FIRST"),
            msg!("DEMO_COLUMN_SCORE"),
            msg!("DEMO_COLUMN_IN_GROUP"),
        ];
        table.row(head.map(|column| self.say(&column)));
        let in_group: BTreeMap<&str, u32> =
            self.outcome.cards.iter().map(|(_, c)| (c.person_id.as_str(), c.rank)).collect();
        for branch in closed {
            let Some(first) = branch.cards.first() else { continue };
            let summary = branch.cycle.summary.clone().unwrap_or_default();
            let all = summary.records * 1_000_000;
            table.row([
                branch.name.clone(),
                branch.favours.clone(),
                branch.cards.len().to_string(),
                percent(summary.credited_ppm, all),
                self.name_of(&first.person_id),
                first.score.clone(),
                in_group.get(first.person_id.as_str()).map(u32::to_string).unwrap_or_default(),
            ]);
        }
        page.table(2, &table);
    }

    /// Name and number of somebody.
    pub fn name_of(&self, person_id: &str) -> String {
        let person = self.outcome.ids.person(person_id).map(|ix| self.bundle.person(ix));
        person.map_or_else(|_| person_id.to_owned(), |who| format!("{} {}", who.name, who.employee_no))
    }

    /// In the reader's language.
    pub fn say(&self, message: &Message) -> String {
        self.lang.say(message)
    }
}

/// Which indicator a branch weighs more than the first: another one for each, as long as there are some.
fn favour(kpis: usize, branch: usize) -> usize {
    if kpis > 1 { 1 + branch % (kpis - 1) } else { 0 }
}

fn weigh(kpi: &mut performance::Kpi, more: i64) -> Result<()> {
    let weight: rust_decimal::Decimal = kpi.weight.parse()?;
    kpi.weight = (weight + rust_decimal::Decimal::from(more)).normalize().to_string();
    Ok(())
}
