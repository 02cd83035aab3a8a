//! What a published cycle shows about people, and what a profile sums up. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use strum_macros::{Display, EnumString};
use tally_kernel::id::{CycleId, PersonId, SchemeId};
use tally_kernel::micro::Micro;

use crate::published::Published;

/// What a piece of evidence is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Display, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// Accounts and platforms served.
    Cover,
    /// Work for others.
    Collaboration,
    /// The score of a cycle, from which the change is read.
    Learning,
}

/// One piece of evidence, before it has an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub person: PersonId,
    pub kind: Kind,
    /// `account:KEY`, `platform:NAME`, `points` or `score`.
    pub subject: String,
    /// Records, points or score.
    pub value: Micro,
}

/// Share of an account's work below which a person does not count as covering it: one whole record.
const COVER_MIN_PPM: u64 = 1_000_000;

/// What the cycle shows, by person, kind and subject.
pub fn evidence(published: &Published) -> Vec<Finding> {
    let mut records: BTreeMap<(PersonId, String), u64> = BTreeMap::new();
    for served in published.served.iter().filter(|s| s.ppm >= COVER_MIN_PPM) {
        *records.entry((served.person, format!("account:{}", served.account))).or_default() += served.ppm;
        *records.entry((served.person, format!("platform:{}", served.platform))).or_default() += served.ppm;
    }
    let cover = records.into_iter().map(|((person, subject), ppm)| Finding {
        person,
        kind: Kind::Cover,
        subject,
        value: Micro::from_millionths(i64::try_from(ppm).unwrap_or(i64::MAX)),
    });
    let cards = published.cards.iter().flat_map(|card| {
        let finding =
            |kind, subject: &str, value| Finding { person: card.person, kind, subject: subject.into(), value };
        let points = card.collaboration.filter(|p| *p > Micro::from_int(0));
        [
            points.map(|points| finding(Kind::Collaboration, "points", points)),
            Some(finding(Kind::Learning, "score", card.score)),
        ]
    });
    let mut all: Vec<Finding> = cover.chain(cards.flatten()).collect();
    all.sort_by(|a, b| (a.person, a.kind, &a.subject).cmp(&(b.person, b.kind, &b.subject)));
    all
}

/// A stored piece of evidence, as a profile reads it.
#[derive(Clone, Debug)]
pub struct Kept {
    pub cycle: CycleId,
    /// The last day of the cycle; nothing for evidence of the time before it was kept.
    pub last_day: Option<Date>,
    /// The scheme of the cycle; nothing for evidence of the time before it was kept.
    pub scheme: Option<SchemeId>,
    pub kind: Kind,
    /// See [`Finding::subject`].
    pub subject: String,
    /// See [`Finding::value`].
    pub value: Micro,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Accounts served, by key.
    pub accounts: BTreeSet<String>,
    pub platforms: BTreeSet<String>,
    /// Collaboration points of the newest period.
    pub collaboration: Option<Micro>,
    /// Score of the newest period less that of the one before by the same scheme; of several cycles of a period and a scheme the one
    /// published last counts.
    pub learning: Option<Micro>,
    pub cycles: u32,
    /// Whether there is evidence that was left out.
    pub partial: bool,
}

/// Sums up the evidence of one person, in the order in which it was recorded. Months may be published in any order.
pub fn profile(mut kept: Vec<Kept>) -> Profile {
    kept.sort_by_key(|piece| piece.last_day);
    let mut profile = Profile::default();
    let mut scores: Vec<(Option<SchemeId>, Option<Date>, Micro)> = Vec::new();
    for piece in &kept {
        match piece.kind {
            Kind::Cover => {
                if let Some(account) = piece.subject.strip_prefix("account:") {
                    profile.accounts.insert(account.to_owned());
                } else if let Some(platform) = piece.subject.strip_prefix("platform:") {
                    profile.platforms.insert(platform.to_owned());
                }
            }
            Kind::Collaboration => {}
            Kind::Learning => {
                profile.cycles += 1;
                let again = |(scheme, day, _): &(Option<SchemeId>, Option<Date>, Micro)| {
                    day.is_some() && *day == piece.last_day && *scheme == piece.scheme
                };
                scores.retain(|score| !again(score));
                scores.push((piece.scheme, piece.last_day, piece.value));
            }
        }
    }
    // Like with like: what another scheme asks for is no progress. Scores of the time before schemes were kept are of any.
    let of_newest = scores.last().and_then(|(scheme, ..)| *scheme);
    scores.retain(|(scheme, ..)| scheme.is_none() || *scheme == of_newest);
    if let [.., (.., before), (.., newest)] = scores.as_slice() {
        profile.learning = Some(Micro::from_millionths(newest.millionths().saturating_sub(before.millionths())));
    }
    let newest = kept.last().map(|p| p.cycle);
    profile.collaboration =
        kept.iter().rfind(|p| p.kind == Kind::Collaboration && Some(p.cycle) == newest).map(|p| p.value);
    profile
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::published::{Card, Served};

    const SERVICE: SchemeId = SchemeId(Uuid::from_u128(70));
    const SALES: SchemeId = SchemeId(Uuid::from_u128(71));

    fn person(n: u128) -> PersonId {
        PersonId(Uuid::from_u128(n))
    }

    fn cycle(n: u128) -> CycleId {
        CycleId(Uuid::from_u128(n))
    }

    fn micro(text: &str) -> Micro {
        text.parse().unwrap()
    }

    fn march() -> Published {
        let served = |n, account: &str, ppm| Served {
            person: person(n),
            account: account.into(),
            platform: account.split('/').next().unwrap().into(),
            ppm,
        };
        Published {
            cycle: cycle(3),
            scheme: SERVICE,
            cards: vec![
                Card { person: person(2), score: micro("88"), collaboration: None },
                Card { person: person(1), score: micro("91.5"), collaboration: Some(micro("2.5")) },
            ],
            served: vec![
                served(1, "JD/a/cs01", 40_500_000),
                served(1, "JD/b/cs02", 2_000_000),
                served(1, "Tmall/a/cs03", 999_999),
                served(2, "JD/a/cs01", 10_000_000),
            ],
            last_day: Date::constant(2026, 3, 31),
        }
    }

    #[test]
    fn a_cycle_shows_cover_collaboration_and_the_score_in_a_fixed_order() {
        let seen: Vec<_> = evidence(&march())
            .into_iter()
            .filter(|f| f.person == person(1))
            .map(|f| format!("{} {} {}", f.kind, f.subject, f.value))
            .collect();
        let expected = [
            "cover account:JD/a/cs01 40.5",
            "cover account:JD/b/cs02 2",
            "cover platform:JD 42.5",
            "collaboration points 2.5",
            "learning score 91.5",
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn less_than_one_record_on_an_account_is_no_cover_and_no_points_no_evidence() {
        let all = evidence(&march());
        assert!(all.iter().all(|f| f.subject != "account:Tmall/a/cs03" && f.subject != "platform:Tmall"));
        assert!(all.iter().all(|f| f.person != person(2) || f.kind != Kind::Collaboration));
    }

    /// What a cycle that ended in this month showed.
    fn kept(n: u128, month: i8, kind: Kind, subject: &str, value: &str) -> Kept {
        let last_day = Some(Date::constant(2026, month, 28));
        Kept { cycle: cycle(n), last_day, scheme: Some(SERVICE), kind, subject: subject.into(), value: micro(value) }
    }

    #[test]
    fn a_profile_sums_the_cycles_and_reads_learning_from_the_last_two() {
        let one = vec![kept(2, 2, Kind::Cover, "account:JD/a/cs01", "10"), kept(2, 2, Kind::Learning, "score", "80")];
        assert_eq!(profile(one.clone()).learning, None);
        let march = [
            kept(3, 3, Kind::Cover, "platform:Tmall", "4"),
            kept(3, 3, Kind::Collaboration, "points", "1.25"),
            kept(3, 3, Kind::Learning, "score", "77.5"),
        ];
        let seen = profile(one.into_iter().chain(march).collect());
        assert_eq!((seen.learning, seen.collaboration, seen.cycles), (Some(micro("-2.5")), Some(micro("1.25")), 2));
        assert_eq!(seen.accounts.len() + seen.platforms.len(), 2);
    }

    #[test]
    fn months_are_read_by_their_days_and_not_by_the_day_of_their_publication() {
        let score = |n, month, value| kept(n, month, Kind::Learning, "score", value);
        let points = |n, month, value| kept(n, month, Kind::Collaboration, "points", value);
        // March was published before February.
        let seen = profile(vec![points(3, 3, "3"), score(3, 3, "90"), points(2, 2, "2"), score(2, 2, "80")]);
        assert_eq!((seen.learning, seen.collaboration), (Some(micro("10")), Some(micro("3"))));
        // A second cycle of March takes the place of the first, and is no change against it.
        let again = vec![score(2, 2, "80"), score(3, 3, "90"), score(4, 3, "92")];
        assert_eq!((profile(again.clone()).learning, profile(again).cycles), (Some(micro("12")), 3));
        assert_eq!(profile(vec![score(3, 3, "90"), score(4, 3, "92")]).learning, None);
        // Evidence of the time before its days were kept is older, and in the order in which it came.
        let old = |n, value| Kept { last_day: None, scheme: None, ..score(n, 1, value) };
        assert_eq!(profile(vec![old(1, "70"), old(2, "75")]).learning, Some(micro("5")));
        assert_eq!(profile(vec![score(3, 3, "90"), old(2, "75")]).learning, Some(micro("15")));
    }

    #[test]
    fn scores_of_different_schemes_are_never_compared() {
        let by =
            |scheme, n, month, value| Kept { scheme: Some(scheme), ..kept(n, month, Kind::Learning, "score", value) };
        let two = vec![by(SERVICE, 2, 2, "80"), by(SALES, 3, 3, "40")];
        assert_eq!(profile(two.clone()).learning, None);
        // Two cycles of a month by two schemes: each goes on where its own scheme was.
        let four = two.into_iter().chain([by(SERVICE, 4, 3, "85"), by(SALES, 5, 4, "43")]).collect();
        assert_eq!(profile(four).learning, Some(micro("3")));
        let alone = vec![by(SERVICE, 2, 2, "80"), by(SALES, 3, 3, "40"), by(SERVICE, 4, 3, "85")];
        assert_eq!(profile(alone).learning, Some(micro("5")));
    }

    #[test]
    fn points_of_an_older_cycle_are_not_shown_as_the_newest() {
        let kept = vec![kept(2, 2, Kind::Collaboration, "points", "4"), kept(3, 3, Kind::Learning, "score", "80")];
        assert_eq!(profile(kept).collaboration, None);
    }

    #[test]
    fn the_stored_words_of_evidence_are_these() {
        tally_testkit::words([
            (Kind::Cover, "cover"),
            (Kind::Collaboration, "collaboration"),
            (Kind::Learning, "learning"),
        ]);
    }
}
