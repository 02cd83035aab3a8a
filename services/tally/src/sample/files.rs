//! The sample as the files of a bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::group::{DAYS, Group, Phase, SampleAccount};
use super::serve::{Served, Tag};
use super::shifts::{Month, Shift};
use super::talk::{Claimed, Names, Written};
use super::words::Words;

/// A local time of March 2026, or of the first days of April.
struct Local(u32);

impl std::fmt::Display for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (day, second) = (self.0 / 86_400, self.0 % 86_400);
        let (month, day) = if day < DAYS { (3, day + 1) } else { (4, day + 1 - DAYS) };
        write!(f, "2026-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
    }
}

/// Writing to a String cannot fail, so its result is dropped here, in one place.
macro_rules! line {
    ($out:expr, $($arg:tt)*) => {
        let _ = writeln!($out, $($arg)*);
    };
}

pub(super) fn write(
    group: &Group,
    month: &Month,
    served: &[Served],
    (written, claims): (&[Written], &[Claimed]),
    words: &'static Words,
) -> BTreeMap<&'static str, String> {
    let mut files = BTreeMap::from([
        ("people.csv", people(group)),
        ("accounts.csv", accounts(group, words)),
        ("records.csv", records(group, served, words)),
        ("rosters.csv", rosters(group, month)),
        ("punches.csv", punches(group, month)),
        ("handovers.csv", handovers(group, month)),
        ("aliases.csv", aliases(group, words)),
        ("group.yaml", group_yaml(words)),
        ("policy.yaml", policy_yaml(words)),
        ("scheme.yaml", scheme_yaml(words)),
        ("pool.yaml", pool_yaml(group, words)),
    ]);
    if group.accounts.iter().any(|a| a.feed) {
        files.insert("replies.csv", replies(group, (served, written)));
        files.insert("claims.csv", claimed(group, (served, claims)));
        files.insert("devices.csv", devices(month));
    }
    files
}

fn people(group: &Group) -> String {
    let mut out = String::from("employee_no,name,org_unit,position,grade,hired_on,left_on\n");
    for p in &group.people {
        let left = if p.days.1 + 1 < DAYS { format!("2026-03-{:02}", p.days.1 + 1) } else { String::new() };
        line!(out, "{},{},{},{},{},{},{left}", p.employee_no, p.name, p.unit, p.position, p.grade, p.hired_on);
    }
    out
}

fn accounts(group: &Group, words: &Words) -> String {
    let mut out = String::from("platform,store,account,phase,capacity,zone,team,phase_from,exclusive\n");
    for a in &group.accounts {
        let team = &group.teams[a.team].unit;
        let row = |out: &mut String, phase: &str, from: &str| {
            let (platform, exclusive) = (words.platforms[a.platform], if a.handed_over { "true" } else { "" });
            line!(
                out,
                "{platform},{},{},{phase},{},Asia/Shanghai,{team},{from},{exclusive}",
                a.store,
                a.name,
                a.capacity
            );
        };
        match a.phase {
            Phase::Shared => row(&mut out, "shared", ""),
            Phase::Mixed => row(&mut out, "mixed", ""),
            Phase::Named => row(&mut out, "named", ""),
            Phase::Changing => {
                row(&mut out, "shared", "");
                row(&mut out, "named", "2026-03-16");
            }
        }
    }
    out
}

fn records(group: &Group, served: &[Served], words: &Words) -> String {
    let mut out = String::with_capacity(served.len() * 150);
    out.push_str(
        "platform,store,account,external_id,started_at,ended_at,agent,kind,first_reply_seconds,resolved,rating,amount,customer\n",
    );
    let heads: Vec<String> = group.accounts.iter().map(|a| head(a, words)).collect();
    for (number, r) in served.iter().enumerate() {
        let person = &group.people[usize::from(r.person)];
        let agent = match r.tag {
            Tag::None => "",
            Tag::Number => person.employee_no.as_str(),
            Tag::Nickname => person.nickname.as_deref().unwrap_or_default(),
        };
        let _ = write!(out, "{}{},", heads[usize::from(r.account)], Id(number, r));
        let _ = write!(out, "{},{},{agent},{},", Local(r.start), Local(r.end), words.kinds[usize::from(r.kind)]);
        let _ = r.first_reply.map(|s| write!(out, "{s}"));
        out.push_str(match r.resolved {
            Some(true) => ",true,",
            Some(false) => ",false,",
            None => ",,",
        });
        let _ = r.rating.map(|n| write!(out, "{n}"));
        out.push(',');
        let _ = r.amount.map(|cents| write!(out, "{}.{:02}", cents / 100, cents % 100));
        line!(out, ",c{:07}", r.customer);
    }
    out
}

/// What comes after the platform's letter in the external id of a record with this number.
struct Id<'a>(usize, &'a Served);

impl std::fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "2603{:02}{:07}", self.1.start / 86_400 + 1, self.0)
    }
}

fn replies(group: &Group, (served, written): (&[Served], &[Written])) -> String {
    let mut out = String::with_capacity(written.len() * 70);
    out.push_str("account,external_id,at,by,device\n");
    for m in written {
        let (r, by) = (&served[m.record], if m.by_agent { "agent" } else { "customer" });
        let a = &group.accounts[usize::from(r.account)];
        let _ = write!(out, "{},{}{},{},{by},", a.name, letter(a), Id(m.record, r), Local(m.at));
        let _ = m.seat.map(|seat| write!(out, "{}", workstation(seat)));
        out.push('\n');
    }
    out
}

fn claimed(group: &Group, (served, claims): (&[Served], &[Claimed])) -> String {
    let mut out = String::from("account,at,employee_no,external_id,customer\n");
    for c in claims {
        let r = &served[c.record];
        let (a, no) = (&group.accounts[usize::from(r.account)], &group.people[usize::from(r.person)].employee_no);
        let _ = write!(out, "{},{},{no},", a.name, Local(c.at));
        let _ = match c.names {
            Names::Record => writeln!(out, "{}{},", letter(a), Id(c.record, r)),
            Names::Customer => writeln!(out, ",c{:07}", r.customer),
            Names::Nothing => writeln!(out, ","),
        };
    }
    out
}

/// A seat by day and shift: A1 is the first of the early one.
fn seat(seat: u8) -> String {
    format!("{}{}", ["A", "B", "C"][usize::from(seat / 10) % 3], seat % 10 + 1)
}

fn workstation(at: u8) -> String {
    format!("kf-pc-{}", seat(at).to_lowercase())
}

fn devices(month: &Month) -> String {
    let mut out = String::from("device,employee_no,seat,from,to\n");
    for at in month.rosters.iter().filter_map(|shift| shift.seat).collect::<BTreeSet<_>>() {
        line!(out, "{},,{},,", workstation(at), seat(at));
    }
    out
}

/// The letter with which a platform's external ids begin.
fn letter(a: &SampleAccount) -> &'static str {
    ["J", "V", "T"][a.platform]
}

/// The cells of a record that are the account's, up to the beginning of the external id.
fn head(a: &SampleAccount, words: &Words) -> String {
    format!("{},{},{},{}", words.platforms[a.platform], a.store, a.name, letter(a))
}

fn rosters(group: &Group, month: &Month) -> String {
    let seats = month.rosters.iter().any(|shift| shift.seat.is_some());
    let mut out = format!("employee_no,account,start,end{}\n", if seats { ",seat" } else { "" });
    for Shift { person, account, start, end, seat: place } in &month.rosters {
        let (no, name) = (&group.people[*person].employee_no, &group.accounts[*account].name);
        let _ = write!(out, "{no},{name},{},{}", Local(*start), Local(*end));
        let _ = place.map(|place| write!(out, ",{}", seat(place)));
        out.push_str(if seats && place.is_none() { ",\n" } else { "\n" });
    }
    out
}

fn punches(group: &Group, month: &Month) -> String {
    let mut out = String::from("employee_no,at,kind\n");
    let mut punches: Vec<_> = month.punches.iter().collect();
    punches.sort_by_key(|(person, at, inward)| (*at, *person, *inward));
    for (person, at, inward) in punches {
        let kind = if *inward { "in" } else { "out" };
        line!(out, "{},{},{kind}", group.people[*person].employee_no, Local(*at));
    }
    out
}

fn handovers(group: &Group, month: &Month) -> String {
    let mut out = String::from("account,employee_no,at,kind\n");
    for (account, person, at, taken) in &month.handovers {
        let kind = if *taken { "take" } else { "release" };
        let (name, no) = (&group.accounts[*account].name, &group.people[*person].employee_no);
        line!(out, "{name},{no},{},{kind}", Local(*at));
    }
    out
}

fn aliases(group: &Group, words: &Words) -> String {
    let mut out = String::from("platform,alias,employee_no,from,to\n");
    for team in &group.teams {
        let mut platforms: Vec<usize> = team.accounts.iter().map(|a| group.accounts[*a].platform).collect();
        platforms.sort_unstable();
        platforms.dedup();
        for person in team.agents.iter().map(|a| &group.people[*a]) {
            let Some(nickname) = &person.nickname else { continue };
            let from = if person.days.0 > 0 { format!("2026-03-{:02}", person.days.0 + 1) } else { String::new() };
            let to = if person.days.1 + 1 < DAYS { format!("2026-03-{:02}", person.days.1 + 1) } else { String::new() };
            for platform in &platforms {
                line!(out, "{},{nickname},{},{from},{to}", words.platforms[*platform], person.employee_no);
            }
        }
    }
    out
}

fn group_yaml(words: &Words) -> String {
    let mut out = format!("# {}\nname: {}\ncurrency: CNY\nzone: Asia/Shanghai\n", words.comments[0], words.group);
    out.push_str("period: {from: 2026-03-01, to: 2026-03-31}\nbranches:\n");
    for (branch, region) in words.branches {
        line!(out, "  {branch}: {region}");
    }
    out
}

fn policy_yaml(words: &Words) -> String {
    format!(
        "# {}\nversion: 3\ngrace_minutes: 15\nhandover_max_hours: 16\nsession_window_minutes: 10\ninference: auto\n\
         min_ambiguous: 50\ncut_over: \"04:00\"\n",
        words.comments[1]
    )
}

fn scheme_yaml(words: &Words) -> String {
    let mut out = format!("# {}\nname: {}\nversion: 1\nkpis:\n", words.comments[2], words.scheme);
    out.push_str("  - id: records\n    measure: records\n    target: team_median\n    weight: 40\n");
    for (id, of, test) in [
        ("first_reply", "first_reply_seconds", "    at_most: 30\n"),
        ("resolved", "resolved", ""),
        ("rating", "rating", "    at_least: 4\n"),
    ] {
        let _ = write!(out, "  - id: {id}\n    measure: share\n    of: {of}\n{test}    target: 0.9\n    weight: 20\n");
    }
    out
}

fn pool_yaml(group: &Group, words: &Words) -> String {
    let amount = if group.large { "200000.00" } else { "60000.00" };
    let mut out = format!("# {}\namount: {amount}\ncurrency: CNY\nrule:\n", words.comments[3]);
    out.push_str("  - share: 50\n    by: tiers\n    tiers:\n");
    for (name, (percent, weight)) in words.tiers.iter().zip([(20, "2"), (50, "1.5"), (30, "1")]) {
        line!(out, "      - {{name: {name}, top_percent: {percent}, weight: {weight}}}");
    }
    out.push_str("  - share: 40\n    by: score\n  - share: 10\n    by: team_fund\n");
    out
}
