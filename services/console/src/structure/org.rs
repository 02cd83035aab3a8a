//! The org tree as of any day, and one unit of it.

pub mod deeds;

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::attendance::v1::Account;
use tally_api::common::v1::Period;
use tally_api::identity::v1::org_service_client::OrgServiceClient;
use tally_api::identity::v1::{ListOrgUnitsRequest, OrgUnit, Person, Post};
use tally_kernel::{Error, Result, msg};

use super::pages::Detail;
use crate::act::{AsOf, Step, days};
use crate::console::told;
use crate::names::{self, Names};
use crate::ui::Ui;
use crate::visit::Visit;

/// How deep the tree is open at first.
const OPEN: usize = 2;

/// A unit in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    id: String,
    name: String,
    href: String,
    kind: String,
    said: String,
    open: bool,
}

/// The tree in the order in which it is written: a unit with others below opens and closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Open(Node),
    Leaf(Node),
    Close,
}

#[derive(Template)]
#[template(path = "structure/org.html")]
struct Tree {
    ui: Ui,
    asof: AsOf,
    may_write: bool,
    counted: String,
    tree: Vec<Part>,
    gone: Vec<Step>,
}

/// `GET /org?day=&known=`.
pub async fn tree(visit: Visit) -> Response<Body> {
    visit.page(grown(&visit).await)
}

async fn grown(visit: &Visit) -> Result<Tree> {
    let ui = visit.ui(&msg!("NAV_ORG"));
    let asof = AsOf::of(&ui, &visit.asked());
    let known_at = asof.known_at(&ui);
    let (units, gone, people) = futures::try_join!(
        names::units(visit, &asof.day, known_at),
        gone(visit, &asof, known_at),
        employed(visit, &asof.day, known_at),
    )?;
    let counts = headcount(&units, &people, &asof.day);
    let count = people.len();
    let say = |(own, all): (usize, usize)| {
        if own == all {
            ui.say(&msg!("UI_PEOPLE_COUNT", count = all))
        } else {
            ui.say(&msg!("UI_PEOPLE_OF", count = all, own))
        }
    };
    let node = |unit: &OrgUnit, depth: usize| Node {
        id: unit.unit_id.clone(),
        name: unit.name.clone(),
        href: format!("/org/{}{}", unit.unit_id, asof.query()),
        kind: ui.word(unit.kind().as_str_name()),
        said: say(counts.get(unit.unit_id.as_str()).copied().unwrap_or_default()),
        open: depth < OPEN,
    };
    let was = |unit: &OrgUnit| Step {
        days: days(&ui, &unit.valid_from, &unit.valid_to),
        title: unit.path.clone(),
        href: format!("/org/{}?day={}", unit.unit_id, unit.valid_to),
        pills: vec![(ui.word(unit.kind().as_str_name()), "plain")],
        said: went(&ui, unit, &units),
        ..Default::default()
    };
    let (units_count, gone) = (units.len(), gone.iter().map(was).collect());
    Ok(Tree {
        counted: ui.say(&msg!("UI_ORG_COUNTED", units = units_count, count)),
        may_write: visit.me().may(Permission::OrgWrite),
        tree: parts(&units, node),
        gone,
        asof,
        ui,
    })
}

fn went(ui: &Ui, unit: &OrgUnit, units: &[OrgUnit]) -> String {
    let into = units.iter().find(|one| one.unit_id == unit.into_id).map(|one| one.path.clone());
    into.map_or_else(String::new, |into| ui.say(&msg!("UI_WENT_INTO", unit = into)))
}

/// Units that were closed before the day, as they were last.
async fn gone(visit: &Visit, asof: &AsOf, known_at: Option<prost_types::Timestamp>) -> Result<Vec<OrgUnit>> {
    let ask =
        ListOrgUnitsRequest { as_of: asof.day.clone(), page_size: 1, known_at, with_gone: true, ..Default::default() };
    told(OrgServiceClient::new(visit.channel("identity")?).list_org_units(visit.request(ask))).await.map(|it| it.gone)
}

/// Who is employed on a day; nobody where the reader may not see people.
pub async fn employed(visit: &Visit, day: &str, known_at: Option<prost_types::Timestamp>) -> Result<Vec<Person>> {
    if !visit.me().may(Permission::PersonRead) {
        return Ok(Vec::new());
    }
    names::everybody(visit, Some(Period { from: day.to_owned(), to: day.to_owned() }), known_at).await
}

/// The unit that somebody belongs to on a day.
pub fn home_of<'p>(person: &'p Person, day: &str) -> Option<&'p str> {
    let home =
        |it: &&tally_api::identity::v1::Employment| it.post() == Post::Home && crate::act::holds(day, &it.from, &it.to);
    person.employments.iter().find(home).map(|it| it.unit_id.as_str())
}

/// People of each unit: its own, and with all below it.
fn headcount<'u>(units: &'u [OrgUnit], people: &[Person], day: &str) -> BTreeMap<&'u str, (usize, usize)> {
    let parents: BTreeMap<&str, &str> = units.iter().map(|it| (it.unit_id.as_str(), it.parent_id.as_str())).collect();
    let mut counts: BTreeMap<&str, (usize, usize)> = units.iter().map(|it| (it.unit_id.as_str(), (0, 0))).collect();
    for home in people.iter().filter_map(|person| home_of(person, day)) {
        if let Some(count) = counts.get_mut(home) {
            count.0 += 1;
        }
        // A tree is at most as deep as it has units.
        let mut at = Some(home);
        for _ in 0..=units.len() {
            let Some(count) = at.and_then(|unit| counts.get_mut(unit)) else { break };
            count.1 += 1;
            at = at.and_then(|unit| parents.get(unit).copied());
        }
    }
    counts
}

/// The tree in the order in which it is written; units whose parent the reader does not see stand at the top.
fn parts(units: &[OrgUnit], node: impl Fn(&OrgUnit, usize) -> Node) -> Vec<Part> {
    let known: BTreeSet<&str> = units.iter().map(|it| it.unit_id.as_str()).collect();
    let mut below: BTreeMap<&str, Vec<&OrgUnit>> = BTreeMap::new();
    for unit in units {
        let parent = if known.contains(unit.parent_id.as_str()) { unit.parent_id.as_str() } else { "" };
        below.entry(parent).or_default().push(unit);
    }
    let mut parts = Vec::new();
    // Nothing stands for the end of a unit that was opened.
    let mut waiting: Vec<Option<(&OrgUnit, usize)>> = Vec::new();
    put(&mut waiting, below.remove("").unwrap_or_default(), 0);
    while let Some(next) = waiting.pop() {
        let Some((unit, depth)) = next else {
            parts.push(Part::Close);
            continue;
        };
        match below.remove(unit.unit_id.as_str()) {
            None => parts.push(Part::Leaf(node(unit, depth))),
            Some(children) => {
                parts.push(Part::Open(node(unit, depth)));
                waiting.push(None);
                put(&mut waiting, children, depth + 1);
            }
        }
    }
    parts
}

/// Puts units on top of what waits, the first of them topmost.
fn put<'u>(waiting: &mut Vec<Option<(&'u OrgUnit, usize)>>, units: Vec<&'u OrgUnit>, depth: usize) {
    waiting.extend(units.into_iter().rev().map(|unit| Some((unit, depth))));
}

/// Ids of a unit and all below it.
pub fn subtree(units: &[OrgUnit], id: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::from([id.to_owned()]);
    loop {
        let before = found.len();
        found.extend(
            units.iter().filter(|it| found.contains(&it.parent_id)).map(|it| it.unit_id.clone()).collect::<Vec<_>>(),
        );
        if found.len() == before {
            return found;
        }
    }
}

/// `GET /org/{id}?day=&known=`.
pub async fn unit(visit: Visit, Path(id): Path<String>) -> Response<Body> {
    visit.page(shown(&visit, &id).await)
}

/// One unit: of the tree of a day, or as it was last or will be.
pub async fn one(visit: &Visit, units: &[OrgUnit], id: &str) -> Result<OrgUnit> {
    if let Some(unit) = units.iter().find(|unit| unit.unit_id == id) {
        return Ok(unit.clone());
    }
    let ask = ListOrgUnitsRequest { unit_ids: vec![id.to_owned()], ..Default::default() };
    let found = told(OrgServiceClient::new(visit.channel("identity")?).list_org_units(visit.request(ask))).await?;
    found.units.into_iter().next().ok_or_else(|| Error::not_found("org unit", id))
}

async fn shown(visit: &Visit, id: &str) -> Result<Detail> {
    let ui = visit.ui(&msg!("NAV_ORG"));
    let asof = AsOf::of(&ui, &visit.asked());
    let known_at = asof.known_at(&ui);
    let (units, people, accounts) = futures::try_join!(
        names::units(visit, &asof.day, known_at),
        employed(visit, &asof.day, known_at),
        names::accounts(visit),
    )?;
    let unit = one(visit, &units, id).await?;
    let (own, all) = headcount(&units, &people, &asof.day).get(id).copied().unwrap_or_default();
    let facts = vec![
        (ui.t("UI_PATH"), unit.path.clone()),
        (ui.t("UI_KIND"), ui.word(unit.kind().as_str_name())),
        (ui.t("UI_REGION"), unit.region.clone()),
        (ui.t("UI_DAYS"), days(&ui, &unit.valid_from, &unit.valid_to)),
        (ui.t("UI_PEOPLE_HERE"), ui.format.count(own)),
        (ui.t("UI_PEOPLE_BELOW"), ui.format.count(all)),
    ];
    let names = Names::of_people(&people);
    let child = |it: &OrgUnit| (it.name.clone(), format!("/org/{}{}", it.unit_id, asof.query()));
    let children = units.iter().filter(|it| it.parent_id == id).map(child).collect();
    let mut here: Vec<_> = people.iter().filter(|person| home_of(person, &asof.day) == Some(id)).collect();
    here.sort_by(|a, b| ui.format.order(&a.name, &b.name));
    let person = |it: &&Person| (names.said(&it.person_id), format!("/people/{}{}", it.person_id, asof.query()));
    let account = |it: &Account| (it.key.clone(), format!("/accounts/{}", it.account_id));
    let lists = vec![
        (ui.t("UI_UNITS_BELOW"), children),
        (ui.t("UI_PEOPLE_HERE"), here.iter().map(person).collect()),
        (ui.t("NAV_ACCOUNTS"), accounts.iter().filter(|it| it.unit_id == id).map(account).collect()),
    ];
    let is_closed = !units.iter().any(|one| one.unit_id == id);
    let may = visit.me().may(Permission::OrgWrite) && !unit.parent_id.is_empty() && !is_closed;
    let notes = if is_closed { vec![("warn", ui.t("UI_UNIT_NOT_ON_DAY"))] } else { Vec::new() };
    let above = (format!("/org{}", asof.query()), ui.title.clone());
    let ui = ui.titled(unit.name).below(above.0, above.1);
    Ok(Detail {
        acts: if may { deeds::offered(&ui, id) } else { Vec::new() },
        asof: Some(asof),
        lists,
        notes,
        ..Detail::new(ui, facts)
    })
}

#[cfg(test)]
mod tests {
    use tally_api::identity::v1::Employment;

    use super::*;

    fn unit(id: &str, parent: &str) -> OrgUnit {
        OrgUnit { unit_id: id.into(), parent_id: parent.into(), name: id.into(), ..Default::default() }
    }

    fn node(unit: &OrgUnit, depth: usize) -> Node {
        let (id, name) = (unit.unit_id.clone(), depth.to_string());
        Node { id, name, href: String::new(), kind: String::new(), said: String::new(), open: depth < OPEN }
    }

    fn person(unit: &str) -> Person {
        let home = Employment {
            unit_id: unit.into(),
            from: "2026-01-01".into(),
            post: Post::Home.into(),
            ..Default::default()
        };
        Person { employments: vec![home], ..Default::default() }
    }

    #[test]
    fn a_tree_opens_and_closes_and_what_hangs_below_nothing_seen_stands_at_the_top() {
        let units = [unit("a", "unseen"), unit("b", "a"), unit("c", "b"), unit("d", "a")];
        let order: Vec<String> = parts(&units, node)
            .iter()
            .map(|part| match part {
                Part::Open(it) => format!("({}{}", it.id, it.name),
                Part::Leaf(it) => format!("{}{}", it.id, it.name),
                Part::Close => ")".to_owned(),
            })
            .collect();
        assert_eq!(order.join(" "), "(a0 (b1 c2 ) d1 )");
    }

    #[test]
    fn heads_are_counted_where_they_are_and_above() {
        let units = [unit("a", ""), unit("b", "a"), unit("c", "b")];
        let people = [person("c"), person("c"), person("b"), person("elsewhere")];
        let counts = headcount(&units, &people, "2026-03-01");
        assert_eq!((counts["a"], counts["b"], counts["c"]), ((0, 3), (1, 3), (2, 2)));
        assert_eq!(headcount(&units, &people, "2025-03-01")["a"], (0, 0));
    }

    #[test]
    fn a_subtree_has_all_below() {
        let units = [unit("c", "b"), unit("b", "a"), unit("d", "x")];
        assert_eq!(subtree(&units, "a"), BTreeSet::from(["a", "b", "c"].map(str::to_owned)));
    }
}
