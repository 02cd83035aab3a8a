//! Observations that count for nothing: those that reach beyond the period, and those of measures that nobody reads.

use std::collections::{BTreeMap, BTreeSet};

use tally_access::{OpContext, Owner, Region};
use tally_app::units::Units;
use tally_bundle::{TEMPLATES, nearest};
use tally_engine::closing::facts::Finding;
use tally_engine::observed::is_own;
use tally_engine::scoring::Scheme;
use tally_kernel::id::OrgUnitId;
use tally_kernel::time::Period;
use tally_kernel::{Result, msg};
use tally_store::ScopedTx;

use super::facts::observed_by_indicators;
use crate::App;
use crate::credit::facts::Place;
use crate::cycle::domain::Cycle;
use crate::observation::facts::{Counted, uncounted};
use crate::scheme;

/// What was observed in the period of a cycle and counts for nothing there.
pub struct Unread {
    /// Reaches beyond the period.
    beyond: Vec<Counted>,
    /// Of measures that no scheme in use reads.
    unread: Vec<Counted>,
}

impl Unread {
    /// # Errors
    /// What the store says.
    pub async fn read(tx: &ScopedTx, cycle: &Cycle, scheme: &Scheme) -> Result<Self> {
        let days = (cycle.period.from(), cycle.period.to());
        let (beyond, mut unread) = uncounted(tx, &observed_by_indicators(scheme), days).await?;
        if !unread.is_empty() {
            let others = scheme::facts::in_use(tx, cycle.period.to()).await?;
            let read: BTreeSet<String> = others.iter().flat_map(observed_by_indicators).collect();
            unread.retain(|of| !read.contains(&of.measure));
        }
        Ok(Self { beyond, unread })
    }

    /// A finding for each measure and reason; for a unit's cycle of what was observed of the unit and those below it alone.
    ///
    /// # Errors
    /// What identity says.
    pub async fn findings(
        self,
        app: &App,
        ctx: &OpContext,
        cycle: &Cycle,
        scheme: &Scheme,
    ) -> Result<Vec<(Place, Finding)>> {
        let (owner, period) = (&cycle.owner, cycle.period);
        if self.beyond.is_empty() && self.unread.is_empty() {
            return Ok(Vec::new());
        }
        let units = match owner.unit() {
            Some(_) => Units::of(&app.peers.identity, ctx, Some(period.to())).await?,
            None => Units::default(),
        };
        let holds = |above: OrgUnitId, unit: Option<OrgUnitId>| unit.is_some_and(|unit| units.holds(above, unit));
        let mine = |of: &Counted| owner.unit().is_none_or(|above| holds(above, of.unit));
        Ok(told(
            owner,
            &observed_by_indicators(scheme),
            [self.beyond, self.unread].map(|all| summed(all, mine)),
            period,
        ))
    }
}

/// How many there are of each measure.
fn summed(all: Vec<Counted>, mine: impl Fn(&Counted) -> bool) -> BTreeMap<String, u64> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for of in all.into_iter().filter(mine) {
        *sums.entry(of.measure).or_default() += of.observations;
    }
    sums
}

fn told(
    owner: &Owner,
    read: &BTreeSet<String>,
    [beyond, unread]: [BTreeMap<String, u64>; 2],
    period: Period,
) -> Vec<(Place, Finding)> {
    let region = if owner.unit().is_some() { owner.region().clone() } else { Region::global() };
    let place = Place { region, unit: owner.unit(), person: None, left: None };
    let (from, to) = (period.from(), period.to());
    let beyond = beyond.into_iter().map(|(measure, count)| {
        let told = msg!("OBSERVATIONS_BEYOND_PERIOD", measure, count, from, to);
        Finding::new("OBSERVATIONS_BEYOND_PERIOD", measure, "", told)
    });
    let unread = unread.into_iter().map(|(measure, count)| {
        let told = match meant(&measure, read) {
            Some(near) => msg!("OBSERVATIONS_UNREAD.near", measure, count, near),
            None => msg!("OBSERVATIONS_UNREAD", measure, count),
        };
        Finding::new("OBSERVATIONS_UNREAD", measure, "", told)
    });
    beyond.chain(unread).map(|finding| (place.clone(), finding)).collect()
}

/// The measure that may be meant: one that the scheme reads, or that a scheme to begin with does.
fn meant(measure: &str, read: &BTreeSet<String>) -> Option<String> {
    let of_templates = || {
        let schemes = TEMPLATES.iter().filter_map(|template| template.scheme().ok()?);
        let names = schemes.flat_map(|scheme| scheme.measures).map(|definition| definition.name);
        names.collect::<BTreeSet<String>>()
    };
    let near = |names: &BTreeSet<String>| {
        let others = names.iter().map(String::as_str).filter(|name| *name != measure && !is_own(name));
        nearest(measure, others).map(str::to_owned)
    };
    near(read).or_else(|| near(&of_templates()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use tally_i18n::text;
    use tally_kernel::Locale;

    use super::*;

    #[test]
    fn each_measure_is_told_once_with_how_many_why_and_which_name_is_near() {
        let read = BTreeSet::from(["training_hours".to_owned()]);
        let counted = |measure: &str, observations| {
            let unit = (observations > 1).then(|| OrgUnitId(uuid::Uuid::from_u128(1)));
            Counted { measure: measure.into(), unit, observations }
        };
        let beyond = vec![counted("training_hours", 1)];
        let unread = ["training_hour", "store_visitor", "zz", "zz"].map(|name| counted(name, 2)).to_vec();
        let mine = |of: &Counted| of.observations < 3;
        let period = Period::month_of(date(2026, 3, 1));
        let found = told(&Owner::group(), &read, [beyond, unread].map(|all| summed(all, mine)), period);
        let told = |locale| -> Vec<String> { found.iter().map(|(_, one)| text(locale, &one.detail)).collect() };
        let english = told(Locale::En);
        assert!(english[0].starts_with("one observation of \"training_hours\" reaches beyond"), "{english:?}");
        assert!(
            english[1].contains("2 observations of \"store_visitor\"")
                && english[1].contains("is store_visitors meant?")
        );
        assert!(english[2].contains("is training_hours meant?"), "{english:?}");
        assert!(english[3].contains("4 observations of \"zz\"") && !english[3].contains("meant"), "{english:?}");
        let chinese = told(Locale::ZhCn);
        assert!(chinese.iter().all(|told| told.contains("观测值") && !told.contains("observation")), "{chinese:?}");
    }
}
