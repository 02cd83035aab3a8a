//! Between which instants the days of a period lie, by account: each has its own zone. Pure.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use tally_engine::closing::facts::AccountFacts;
use tally_engine::closing::snapshot::Days;
use tally_kernel::id::AccountId;
use tally_kernel::time::{Period, TimeError, zone};

/// More on either side of a period than any zone can need.
const DAY_MS: i64 = 86_400_000;

/// From an instant, in milliseconds since 1970, up to and without another one.
pub type Stretch = (i64, i64);

/// Between which instants records of a period are counted.
#[derive(Clone, Debug)]
pub struct Spans {
    of: BTreeMap<AccountId, Stretch>,
    /// What no zone reaches beyond.
    around: Stretch,
}

impl Spans {
    /// Those of these accounts.
    ///
    /// # Errors
    /// [`TimeError`] for a zone that is not known, or a period at the end of time.
    pub fn of(accounts: &[AccountFacts], period: Period, days: Days) -> Result<Self, TimeError> {
        let ms = |zone: &TimeZone| -> Result<Stretch, TimeError> {
            let span = period.instants(zone)?;
            Ok((span.start.as_millisecond(), span.end.as_millisecond()))
        };
        let utc = ms(&TimeZone::UTC)?;
        let around = (utc.0 - DAY_MS, utc.1 + DAY_MS);
        let span = |account: &AccountFacts| -> Result<_, TimeError> {
            let own = match days {
                Days::Around => around,
                Days::Own => ms(&zone(&account.zone)?)?,
            };
            Ok((account.id, own))
        };
        Ok(Self { of: accounts.iter().map(span).collect::<Result<_, TimeError>>()?, around })
    }

    /// Around the period, whatever zone an account has.
    pub fn around(&self) -> Stretch {
        self.around
    }

    /// The time between the first instant of any account and the last one, cut wherever one of them begins or ends: each stretch lies wholly
    /// within the days of an account, or wholly outside of them.
    pub fn stretches(&self) -> Vec<Stretch> {
        let mut cuts: Vec<i64> = self.of.values().flat_map(|(from, to)| [*from, *to]).collect();
        if cuts.is_empty() {
            cuts = vec![self.around.0, self.around.1];
        }
        cuts.sort_unstable();
        cuts.dedup();
        cuts.windows(2).map(|ends| (ends[0], ends[1])).collect()
    }

    /// Whether a stretch is of the days of an account; of one that is not known each is.
    pub fn hold(&self, account: AccountId, (from, to): Stretch) -> bool {
        self.of.get(&account).is_none_or(|(first, end)| *first <= from && to <= *end)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use uuid::Uuid;

    use super::*;

    fn account(n: u128, zone: &str) -> AccountFacts {
        AccountFacts {
            id: AccountId(Uuid::from_u128(n)),
            platform: "JD".into(),
            key: format!("JD/shop/{n}"),
            zone: zone.into(),
            team_path: String::new(),
            unit: None,
            region: tally_kernel::Region::global(),
            phases: Vec::new(),
        }
    }

    #[test]
    fn each_instant_counts_for_an_account_when_it_is_of_its_own_days_alone() {
        let march = Period::month_of(date(2026, 3, 1));
        let zones = ["Asia/Shanghai", "America/New_York", "UTC"];
        let accounts: Vec<_> = (0..).zip(zones).map(|(n, zone)| account(n, zone)).collect();
        let spans = Spans::of(&accounts, march, Days::Own).unwrap();
        let stretches = spans.stretches();
        assert!(stretches.windows(2).all(|two| two[0].1 == two[1].0), "{stretches:?}");
        for account in &accounts {
            let own: Vec<_> = stretches.iter().filter(|stretch| spans.hold(account.id, **stretch)).collect();
            let days = march.instants(&zone(&account.zone).unwrap()).unwrap();
            let ends = (days.start.as_millisecond(), days.end.as_millisecond());
            assert_eq!((own[0].0, own[own.len() - 1].1), ends, "{}", account.zone);
            assert_eq!(own.iter().map(|(from, to)| to - from).sum::<i64>(), ends.1 - ends.0, "{}", account.zone);
        }
        let stranger = AccountId(Uuid::from_u128(9));
        assert!(stretches.iter().all(|stretch| spans.hold(stranger, *stretch)));
        let before = Spans::of(&accounts, march, Days::Around).unwrap();
        assert_eq!(before.stretches(), [before.around()], "as it was counted");
    }
}
