//! Why a record was credited as it was: the ladder, rung by rung, as far as it was climbed.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tally_kernel::contribution::Role;
use tally_kernel::message::Arg;
use tally_kernel::time::told_by;
use tally_kernel::{Message, Ppm, msg};

use super::codec::Share;
use super::credit::on_duty;
use super::facts::PhaseKind;
use super::snapshot::{Frozen, FrozenAccount, FrozenDuty};
use crate::attribution::Rung;
use crate::policy::Split;

/// What is to be explained.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The component.
    pub frozen: &'a Frozen,
    /// The account.
    pub account: &'a FrozenAccount,
    /// The account's zone.
    pub zone: TimeZone,
    /// How the account was used on that day.
    pub phase: PhaseKind,
    /// When the record began.
    pub started_ms: i64,
    /// Who may have answered it: [`on_duty_at`](super::credit::on_duty_at) its replies.
    pub answered: &'a [&'a FrozenDuty],
    /// Agent as the platform wrote it.
    pub agent: &'a str,
    /// Whom that meant.
    pub tag: Option<u32>,
    /// Who contributed what, as written, and whom each name meant.
    pub contributors: &'a [(Role, String, Option<u32>)],
    /// The device that it names, or empty.
    pub device: &'a str,
    /// How it was credited.
    pub rung: Rung,
    /// To whom.
    pub shares: &'a [Share],
    /// Of whom the reader is told, by place among the people of the component; of others it is said that there is somebody.
    pub told: &'a [bool],
}

/// What stands for somebody of whom the reader is not told.
const SOMEBODY: &str = "***";

/// The lines, from the first rung to the one that held.
pub fn lines(q: &Question) -> Vec<Message> {
    let on_duty = on_duty(q.account, q.started_ms);
    let mut lines = vec![q.when()];
    if !q.contributors.is_empty() {
        lines.push(q.contributors_line());
        match (&q.frozen.policy.split, q.rung) {
            (Some(split), Rung::Split) => {
                lines.push(q.split_line(split));
                return lines;
            }
            (Some(_) | None, _) => lines.push(msg!("LADDER_NOT_SPLIT")),
        }
    }
    lines.push(q.tag_line());
    if q.rung == Rung::Tagged {
        // Without a tag of its own it has that of another record of its session.
        lines.extend(q.tag.is_none().then(|| msg!("LADDER_BY_SESSION", shares = q.shares())));
        return lines;
    }
    if q.phase == PhaseKind::Named && q.rung == Rung::Unattributed {
        lines.push(msg!("LADDER_NAMED_WITHOUT"));
        return lines;
    }
    lines.push(q.duty_line(&on_duty));
    lines.push(q.verdict());
    lines
}

impl Question<'_> {
    fn name(&self, place: u32) -> &str {
        match self.frozen.people.get(place as usize) {
            Some(person) if self.tells(place) => &person.no,
            Some(_) => SOMEBODY,
            None => "?",
        }
    }

    fn tells(&self, place: u32) -> bool {
        self.told.get(place as usize).is_some_and(|told| *told)
    }

    /// A name as the platform wrote it, unless it is that of somebody of whom the reader is not told.
    fn written<'n>(&self, name: &'n str, meant: Option<u32>) -> &'n str {
        if meant.is_none_or(|place| self.tells(place)) { name } else { SOMEBODY }
    }

    fn local(&self, ms: i64) -> String {
        let at = Timestamp::from_millisecond(ms).unwrap_or_default();
        self.zone.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn when(&self) -> Message {
        msg!("LADDER_BEGAN", at = self.local(self.started_ms), account = self.account.key, phase = self.phase)
    }

    fn tag_line(&self) -> Message {
        match self.tag {
            _ if self.agent.is_empty() => msg!("LADDER_TAG_NONE"),
            None => msg!("LADDER_TAG_UNKNOWN", agent = self.agent),
            Some(place) => {
                let agent = self.written(self.agent, self.tag);
                msg!("LADDER_TAG", agent, person = self.name(place))
            }
        }
    }

    fn contributors_line(&self) -> Message {
        let named = |(role, agent, meant): &(Role, String, Option<u32>)| {
            let (role, agent) = (role.word(), self.written(agent, *meant));
            match meant {
                Some(place) => msg!("LADDER_CONTRIBUTOR", role, agent, person = self.name(*place)),
                None => msg!("LADDER_CONTRIBUTOR_UNKNOWN", role, agent),
            }
        };
        msg!("LADDER_CONTRIBUTORS", list = Arg::List(self.contributors.iter().map(named).collect()))
    }

    fn split_line(&self, split: &Split) -> Message {
        let part = |role| Ppm::new(split.part(role)).map_or_else(|_| split.part(role).to_string(), |p| p.to_string());
        let [first_answer, closer, after_sales] = Role::ALL.map(part);
        msg!("LADDER_SPLIT", version = split.version, first_answer, closer, after_sales, shares = self.shares())
    }

    /// Who was on duty when the record was answered, where that decides: nobody need have been when it began. Else who was then.
    fn duty_line(&self, at_start: &[&FrozenDuty]) -> Message {
        let who = |d: &&FrozenDuty| {
            let (from, to) = (self.local(d.start_ms), self.local(d.end_ms));
            let evidence = if self.tells(d.person) { told_by(&d.evidence, &self.zone) } else { SOMEBODY.to_owned() };
            msg!("LADDER_ON_DUTY", person = self.name(d.person), rule = d.rule, from, to, evidence)
        };
        let those = |duty: &[&FrozenDuty]| Arg::List(duty.iter().map(who).collect());
        match (self.answered, at_start) {
            ([], []) => msg!("LADDER_DUTY_NONE"),
            ([], at_start) => msg!("LADDER_DUTY", list = those(at_start)),
            (answered, []) => msg!("LADDER_DUTY_ANSWERED.unheld", list = those(answered)),
            (answered, _) => msg!("LADDER_DUTY_ANSWERED", list = those(answered)),
        }
    }

    /// The device that decided, as the record names it, unless it is that of somebody of whom the reader is not told.
    fn device_named(&self) -> &str {
        let is_told = self.shares.iter().all(|share| self.tells(share.person));
        if is_told && !self.device.is_empty() { self.device } else { SOMEBODY }
    }

    /// Who gets which part.
    fn shares(&self) -> Message {
        let part = |ppm: u32| Ppm::new(ppm).map_or_else(|_| ppm.to_string(), |p| p.to_string());
        let mut shares = self.shares.iter().map(|s| Message::told(format!("{} {}", self.name(s.person), part(s.ppm))));
        let first = shares.next().unwrap_or_default();
        shares.fold(first, |before, share| msg!("LADDER_SHARES", before, share))
    }

    fn verdict(&self) -> Message {
        match self.rung {
            Rung::Tagged => msg!("LADDER_BY_TAG", shares = self.shares()),
            Rung::Handover => msg!("LADDER_BY_HANDOVER", shares = self.shares()),
            Rung::Sole => msg!("LADDER_SOLE", shares = self.shares()),
            Rung::Inferred => msg!("LADDER_INFERRED", shares = self.shares()),
            Rung::Equal => msg!("LADDER_EQUAL", shares = self.shares()),
            Rung::Team => msg!("LADDER_TEAM", shares = self.shares()),
            Rung::Unattributed => msg!("LADDER_NOBODY"),
            Rung::Split => msg!("LADDER_BY_SPLIT", shares = self.shares()),
            Rung::Claimed => msg!("LADDER_BY_CLAIM", shares = self.shares()),
            Rung::Device => msg!("LADDER_BY_DEVICE", device = self.device_named(), shares = self.shares()),
            Rung::Replies => msg!("LADDER_BY_REPLIES", shares = self.shares()),
            Rung::TagShare => msg!("LADDER_BY_TAG_SHARE", shares = self.shares()),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use tally_i18n::text;
    use tally_kernel::id::{AccountId, OrgUnitId, PersonId};
    use tally_kernel::time::Period;
    use tally_kernel::{Locale, Region};
    use uuid::Uuid;

    use super::super::credit::on_duty_at;
    use super::super::facts::{DutyRule, Phase};
    use super::super::snapshot::FrozenPerson;
    use super::*;
    use crate::policy::Policy;

    const RUNGS: [Rung; 12] = [
        Rung::Tagged,
        Rung::Handover,
        Rung::Sole,
        Rung::Inferred,
        Rung::Equal,
        Rung::Team,
        Rung::Unattributed,
        Rung::Split,
        Rung::Claimed,
        Rung::Device,
        Rung::Replies,
        Rung::TagShare,
    ];

    const RULES: [DutyRule; 4] = [DutyRule::Handover, DutyRule::Roster, DutyRule::Punch, DutyRule::Team];

    fn frozen(rule: DutyRule) -> Frozen {
        let person = |n: u128| FrozenPerson {
            id: PersonId(Uuid::from_u128(n)),
            no: format!("E{n}"),
            unit: OrgUnitId(Uuid::nil()),
            unit_path: String::new(),
            region: Region::global(),
            employed: Vec::new(),
        };
        let duty =
            |person| FrozenDuty { start_ms: 0, person, rule, end_ms: 60_000, evidence: "shift:E0@x/y".to_owned() };
        let account = FrozenAccount {
            id: AccountId(Uuid::from_u128(9)),
            key: "JD/shop/a".to_owned(),
            zone: "UTC".to_owned(),
            region: Region::global(),
            unit: None,
            from_ms: 0,
            to_ms: 60_000,
            phases: Vec::new(),
            duty: vec![duty(0), duty(1)],
            own: Vec::new(),
            own_from: std::collections::BTreeMap::new(),
            agents: std::collections::BTreeMap::new(),
            devices: std::collections::BTreeMap::new(),
        };
        Frozen {
            period: Period::month_of(date(1970, 1, 1)),
            policy: Policy::default(),
            minor_digits: 2,
            rosters_known: true,
            effort: 0,
            people: vec![person(0), person(1)],
            accounts: vec![account],
        }
    }

    fn told(q: &Question) -> [Vec<String>; 2] {
        let lines = lines(q);
        [Locale::En, Locale::ZhCn].map(|locale| lines.iter().map(|line| text(locale, line)).collect())
    }

    #[test]
    fn every_rung_is_explained_in_every_language() {
        let share = |person, ppm| Share { person, ppm, duty: None };
        let shares = [share(0, 600_000), share(1, 400_000)];
        let phases = [PhaseKind::Shared, PhaseKind::Mixed, PhaseKind::Named];
        for (phase, rule) in phases.into_iter().flat_map(|phase| RULES.map(|rule| (phase, rule))) {
            let frozen = frozen(rule);
            for rung in RUNGS {
                for (agent, tag, started_ms) in [("", None, 0), ("Mimi", None, 1), ("Mimi", Some(1), 60_000)] {
                    let q = Question {
                        frozen: &frozen,
                        account: &frozen.accounts[0],
                        zone: TimeZone::UTC,
                        phase,
                        started_ms,
                        answered: &[],
                        agent,
                        tag,
                        contributors: &[],
                        device: "PC-7",
                        rung,
                        shares: &shares,
                        told: &[true, true],
                    };
                    let [english, chinese] = told(&q);
                    assert_eq!(english.len(), chinese.len());
                    for (english, chinese) in english.iter().zip(&chinese) {
                        assert_ne!(english, chinese);
                        assert!(!english.contains("LADDER_") && english.ends_with('.'), "{english}");
                        assert!(!chinese.contains("LADDER_") && chinese.ends_with('。'), "{chinese}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_shared_record_is_explained_by_its_roles_the_rule_and_its_version() {
        let split = Split { version: "spring".into(), first_answer: 300_000, closer: 500_000, after_sales: 200_000 };
        let mut frozen = frozen(DutyRule::Roster);
        frozen.policy.split = Some(split);
        let named = [
            (Role::FirstAnswer, "Mimi".to_owned(), Some(0)),
            (Role::Closer, "E1".to_owned(), Some(1)),
            (Role::AfterSales, "Nobody".to_owned(), None),
        ];
        let shares = [Share { person: 0, ppm: 375_000, duty: None }, Share { person: 1, ppm: 625_000, duty: None }];
        let mut q = Question {
            frozen: &frozen,
            account: &frozen.accounts[0],
            zone: TimeZone::UTC,
            phase: PhaseKind::Shared,
            started_ms: 0,
            answered: &[],
            agent: "",
            tag: None,
            contributors: &named,
            device: "",
            rung: Rung::Split,
            shares: &shares,
            told: &[true, true],
        };
        for lines in told(&q) {
            assert_eq!(lines.len(), 3, "{lines:?}");
            assert!(["Mimi", "E0", "E1", "Nobody"].into_iter().all(|part| lines[1].contains(part)), "{}", lines[1]);
            let parts = ["spring", "30 %", "50 %", "20 %", "37.5 %", "62.5 %"];
            assert!(parts.into_iter().all(|part| lines[2].contains(part)), "{}", lines[2]);
            assert!(lines.iter().all(|line| !line.contains("LADDER_")), "{lines:?}");
        }
        q.rung = Rung::Equal;
        let [english, chinese] = told(&q);
        assert!(english[2].contains("no part") && chinese[2].contains("没有"), "{} {}", english[2], chinese[2]);
    }

    #[test]
    fn a_line_of_duty_and_one_of_shares_read_as_they_always_did() {
        let frozen = frozen(DutyRule::Handover);
        let mut q = Question {
            frozen: &frozen,
            account: &frozen.accounts[0],
            zone: TimeZone::UTC,
            phase: PhaseKind::Shared,
            started_ms: 0,
            answered: &[],
            agent: "",
            tag: None,
            contributors: &[],
            device: "PC-7",
            rung: Rung::Equal,
            shares: &[Share { person: 0, ppm: 500_000, duty: None }, Share { person: 1, ppm: 500_000, duty: None }],
            told: &[true, true],
        };
        let [english, chinese] = told(&q);
        assert_eq!(english[0], "Began at 1970-01-01 00:00:00 on JD/shop/a, a shared account on that day.");
        let duty = "Duty: E0 held it by hand-over, 1970-01-01 00:00:00 to 1970-01-01 00:01:00 [shift:E0@x/y]; E1 held it by hand-over, ";
        assert!(english[2].starts_with(duty), "{}", english[2]);
        assert!(english[3].ends_with("so they share equally: E0 50 %, E1 50 %."), "{}", english[3]);
        assert!(chinese[3].ends_with("平均分配：E0 50 %、E1 50 %。"), "{}", chinese[3]);
        // Whoever reads it is told of E0 alone.
        (q.told, q.agent, q.tag) = (&[true, false], "Mimi", Some(1));
        for lines in told(&q) {
            let all = lines.join(" ");
            assert!(!all.contains("E1") && !all.contains("Mimi") && all.contains("***"), "{all}");
            assert!(all.contains("E0 50 %"), "{all}");
        }
        // Which device it was is told with whose it is.
        (q.agent, q.tag, q.rung) = ("", None, Rung::Device);
        let whole = [Share { person: 1, ppm: 1_000_000, duty: None }];
        q.shares = &whole;
        assert!(told(&q).iter().flatten().all(|line| !line.contains("PC-7")));
        q.told = &[true, true];
        for lines in told(&q) {
            let last = lines.last().unwrap();
            assert!(last.contains("PC-7") && last.contains("E1 100 %"), "{last}");
        }
    }

    #[test]
    fn the_line_of_duty_speaks_of_when_the_record_was_answered_where_that_decides() {
        let mut frozen = frozen(DutyRule::Roster);
        let hour = 3_600_000;
        let duty = |person, from: i64, to: i64| FrozenDuty {
            start_ms: from * hour,
            person,
            rule: DutyRule::Roster,
            end_ms: to * hour,
            evidence: String::new(),
        };
        frozen.accounts[0].duty = vec![duty(0, 1, 3), duty(1, 2, 4)];
        let phase = Phase { from: None, kind: PhaseKind::Shared, capacity: 3 };
        let account = &frozen.accounts[0];
        let told_at = |phase, started_ms, replies: &[i64], rung| {
            let answered = on_duty_at(&frozen, account, phase, replies);
            let q = Question {
                frozen: &frozen,
                account,
                zone: TimeZone::UTC,
                phase: PhaseKind::Shared,
                started_ms,
                answered: &answered,
                agent: "",
                tag: None,
                contributors: &[],
                device: "",
                rung,
                shares: &[Share { person: 1, ppm: 1_000_000, duty: Some(1) }],
                told: &[true, true],
            };
            told(&q).map(|lines| lines[2].clone())
        };
        let [english, chinese] = told_at(phase, hour, &[3 * hour, 3 * hour + 1], Rung::Sole);
        let one = "E1 was rostered on it, 1970-01-01 02:00:00 to 1970-01-01 04:00:00 []";
        assert_eq!(english, format!("Duty when it was answered: {one}."));
        assert!(chinese.starts_with("回复时在岗：E1") && !chinese.contains("E0"), "{chinese}");
        let [english, chinese] = told_at(phase, 0, &[3 * hour], Rung::Sole);
        assert_eq!(
            english,
            format!("Duty: nobody held the account or was on duty when it began; when it was answered, {one}.")
        );
        assert!(
            chinese.starts_with("在岗：开始时无人持有账号，也无人在岗；回复时") && chinese.contains("E1"),
            "{chinese}"
        );
        let both = told_at(phase, hour, &[2 * hour, 3 * hour], Rung::Replies);
        assert!(both.iter().all(|line| line.contains("E0") && line.contains("E1")), "{both:?}");
        // One dialogue at a time, or nobody on duty at any reply: who was there when it began decides.
        for (phase, replies) in [(Phase { capacity: 1, ..phase }, 3), (phase, 9)] {
            let [english, _] = told_at(phase, hour, &[replies * hour], Rung::Sole);
            assert!(english.starts_with("Duty: E0 ") && !english.contains("E1"), "{english}");
        }
        let [english, _] = told_at(phase, 0, &[9 * hour], Rung::Unattributed);
        assert_eq!(english, "Duty: nobody held the account or was on duty at that time.");
    }
}
