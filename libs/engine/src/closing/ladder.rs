//! Why a record was credited as it was: the ladder, rung by rung, as far as it was climbed, in the caller's language.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tally_kernel::Locale;
use tally_kernel::Ppm;

use super::codec::Share;
use super::credit::on_duty;
use super::facts::{DutyRule, PhaseKind};
use super::snapshot::{Frozen, FrozenAccount, FrozenDuty};
use crate::attribution::Rung;

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
    /// Agent as the platform wrote it.
    pub agent: &'a str,
    /// Whom that meant.
    pub tag: Option<u32>,
    /// How it was credited.
    pub rung: Rung,
    /// To whom.
    pub shares: &'a [Share],
    /// Why to nobody.
    pub reason: &'a str,
}

/// The lines, from the first rung to the one that held.
pub fn lines(q: &Question, locale: Locale) -> Vec<String> {
    let on_duty = on_duty(q.account, q.started_ms);
    let mut lines = vec![q.when(locale), q.tag_line(locale)];
    if q.rung == Rung::Tagged {
        // Without a tag of its own it has that of another record of its session.
        lines.extend(q.tag.is_none().then(|| q.session_line(locale)));
        return lines;
    }
    if q.phase == PhaseKind::Named && q.rung == Rung::Unattributed {
        lines.push(q.named_line(locale));
        return lines;
    }
    lines.push(q.duty_line(&on_duty, locale));
    lines.push(q.verdict(locale));
    lines
}

impl Question<'_> {
    fn name(&self, place: u32) -> &str {
        self.frozen.people.get(place as usize).map_or("?", |p| p.no.as_str())
    }

    fn local(&self, ms: i64) -> String {
        let at = Timestamp::from_millisecond(ms).unwrap_or_default();
        self.zone.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn when(&self, locale: Locale) -> String {
        let (at, key) = (self.local(self.started_ms), &self.account.key);
        match (locale, self.phase) {
            (Locale::En, PhaseKind::Shared) => format!("Began at {at} on {key}, a shared account on that day."),
            (Locale::En, PhaseKind::Mixed) => {
                format!("Began at {at} on {key}, on that day on its way from shared to named.")
            }
            (Locale::En, PhaseKind::Named) => format!("Began at {at} on {key}, a named account on that day."),
            (Locale::ZhCn, PhaseKind::Shared) => format!("{at} 开始，账号 {key}，当日为公用账号。"),
            (Locale::ZhCn, PhaseKind::Mixed) => format!("{at} 开始，账号 {key}，当日处于公用转实名阶段。"),
            (Locale::ZhCn, PhaseKind::Named) => format!("{at} 开始，账号 {key}，当日为实名接待。"),
        }
    }

    fn tag_line(&self, locale: Locale) -> String {
        let agent = self.agent;
        match (locale, agent.is_empty(), self.tag) {
            (Locale::En, true, _) => "Tag: the platform named nobody.".to_owned(),
            (Locale::ZhCn, true, _) => "标记：平台没有记录客服。".to_owned(),
            (Locale::En, false, None) => {
                format!("Tag: the platform named {agent:?}, who is nobody employed on that day or more than one.")
            }
            (Locale::ZhCn, false, None) => format!("标记：平台记录为“{agent}”，当日无此在职人员或不止一人。"),
            (Locale::En, false, Some(place)) => {
                format!("Tag: the platform named {agent:?}, who is {}: the record is theirs.", self.name(place))
            }
            (Locale::ZhCn, false, Some(place)) => {
                format!("标记：平台记录为“{agent}”，即 {}，记录归其所有。", self.name(place))
            }
        }
    }

    fn named_line(&self, locale: Locale) -> String {
        match locale {
            Locale::En => format!(
                "On a named account only tags and hand-overs count, and there was neither: credited to nobody ({}).",
                self.reason
            ),
            Locale::ZhCn => format!("实名账号只认标记和交接，两者皆无：不归属任何人（{}）。", self.reason),
        }
    }

    fn duty_line(&self, on_duty: &[&FrozenDuty], locale: Locale) -> String {
        let who = |d: &&FrozenDuty| {
            let (from, to) = (self.local(d.start_ms), self.local(d.end_ms));
            let by = rule_words(d.rule, locale);
            match locale {
                Locale::En => format!("{} {by}, {from} to {to} [{}]", self.name(d.person), d.evidence),
                Locale::ZhCn => format!("{}{by}，{from} 至 {to}［{}］", self.name(d.person), d.evidence),
            }
        };
        let list: Vec<String> = on_duty.iter().map(who).collect();
        match (locale, list.is_empty()) {
            (Locale::En, true) => "Duty: nobody held the account or was on duty at that time.".to_owned(),
            (Locale::ZhCn, true) => "在岗：当时无人持有账号，也无人在岗。".to_owned(),
            (Locale::En, false) => format!("Duty: {}.", list.join("; ")),
            (Locale::ZhCn, false) => format!("在岗：{}。", list.join("；")),
        }
    }

    fn shares(&self, locale: Locale) -> String {
        let part = |ppm: u32| Ppm::new(ppm).map_or_else(|_| ppm.to_string(), |p| p.to_string());
        let share = |s: &Share| format!("{} {}", self.name(s.person), part(s.ppm));
        let shares: Vec<String> = self.shares.iter().map(share).collect();
        shares.join(if locale == Locale::En { ", " } else { "、" })
    }

    fn session_line(&self, locale: Locale) -> String {
        let shares = self.shares(locale);
        match locale {
            Locale::En => {
                format!("Another record of the same customer's session names its agent, so this one follows: {shares}.")
            }
            Locale::ZhCn => format!("同一客户同一会话的另一条记录有客服标记，本条随之归属：{shares}。"),
        }
    }

    fn verdict(&self, locale: Locale) -> String {
        let shares = self.shares(locale);
        match (locale, self.rung) {
            (Locale::En, Rung::Tagged) => format!("Credited by tag: {shares}."),
            (Locale::En, Rung::Handover) => format!("One person held the account by hand-over: {shares}."),
            (Locale::En, Rung::Sole) => format!("One person was on duty: {shares}."),
            (Locale::En, Rung::Inferred) => {
                format!(
                    "Several were on duty; who was busy with other records, and how each works, tells them apart: {shares}."
                )
            }
            (Locale::En, Rung::Equal) => {
                format!(
                    "Several were on duty and there is too little to tell them apart, so they share equally: {shares}."
                )
            }
            (Locale::En, Rung::Team) => {
                format!("The account has no evidence of duty at all, so its team shares: {shares}.")
            }
            (Locale::En, Rung::Unattributed) => format!("Credited to nobody ({}).", self.reason),
            (Locale::ZhCn, Rung::Tagged) => format!("按标记归属：{shares}。"),
            (Locale::ZhCn, Rung::Handover) => format!("按交接记录只有一人持有账号：{shares}。"),
            (Locale::ZhCn, Rung::Sole) => format!("只有一人在岗：{shares}。"),
            (Locale::ZhCn, Rung::Inferred) => format!("多人在岗，按各人当时是否忙于其他记录及工作习惯推断：{shares}。"),
            (Locale::ZhCn, Rung::Equal) => format!("多人在岗且依据不足以区分，平均分配：{shares}。"),
            (Locale::ZhCn, Rung::Team) => format!("该账号没有任何在岗依据，由团队分摊：{shares}。"),
            (Locale::ZhCn, Rung::Unattributed) => format!("不归属任何人（{}）。", self.reason),
        }
    }
}

fn rule_words(rule: DutyRule, locale: Locale) -> &'static str {
    match (locale, rule) {
        (Locale::En, DutyRule::Handover) => "held it by hand-over",
        (Locale::En, DutyRule::Roster) => "was rostered on it",
        (Locale::En, DutyRule::Punch) => "of its team was punched in",
        (Locale::En, DutyRule::Team) => "is of its team",
        (Locale::ZhCn, DutyRule::Handover) => "按交接持有",
        (Locale::ZhCn, DutyRule::Roster) => "按排班在岗",
        (Locale::ZhCn, DutyRule::Punch) => "为团队成员且已打卡",
        (Locale::ZhCn, DutyRule::Team) => "为团队成员",
    }
}
