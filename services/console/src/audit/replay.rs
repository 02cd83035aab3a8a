//! Replaying a closed month: its credits and cards, or the statements of a settlement, derived again and held against what is stored.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;

use askama::Template;
use axum::body::Body;
use axum::response::IntoResponse as _;
use futures::{Stream, StreamExt as _};
use http::Response;
use tally_access::Permission;
use tally_api::compensation::v1::settlement_service_client::SettlementServiceClient;
use tally_api::compensation::v1::{ReplaySettlementRequest, ReplaySettlementResponse, SettlementReplay};
use tally_api::performance::v1::replay_service_client::ReplayServiceClient;
use tally_api::performance::v1::{
    CreditedAs, Cycle, CycleDifference, CycleReplay, CycleState, ReplayCycleRequest, ReplayCycleResponse, ReplayedKind,
};
use tally_kernel::{Result, msg};

use super::live::{self, without_end};
use crate::cycles::watch;
use crate::pay::names::{self, Named};
use crate::pay::shared::{self, Cycles};
use crate::ui::Ui;
use crate::ui::form::Choice;
use crate::ui::table::{Asked, Cell, Column, Row, Table};
use crate::visit::Visit;
use crate::visit::answer::rendered;

#[derive(Template)]
#[template(path = "audit/replay.html")]
struct Replay {
    ui: Ui,
    cycles: Vec<Choice>,
    settlements: Vec<Choice>,
    /// What was chosen, or empty.
    of: String,
    /// Where the replay is told, while it is to go on; or empty.
    live: String,
    shown: Option<Shown>,
}

/// The part of the page that changes.
#[derive(Template)]
#[template(path = "audit/replay-part.html")]
struct Changing {
    ui: Ui,
    shown: Shown,
}

/// How far a replay is, or what came of it.
#[derive(Clone, Debug, Default)]
struct Shown {
    heading: String,
    /// Of its pill, empty while it goes on.
    tone: &'static str,
    state: String,
    said: String,
    /// What is to be known besides.
    noted: String,
    done: u32,
    total: u32,
    table: Option<Table>,
    /// Of what, then and now.
    digests: Vec<(String, String, String)>,
}

/// What is replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Of {
    Cycle(String),
    Settlement(String),
}

impl Of {
    fn read(text: &str) -> Option<Self> {
        match text.split_once('/')? {
            ("cycle", id) => Some(Self::Cycle(id.to_owned())),
            ("settlement", id) => Some(Self::Settlement(id.to_owned())),
            _ => None,
        }
    }
}

/// What a replay tells.
enum Told {
    /// What is done, how many parts of it are, and of how many.
    Step(String, u32, u32),
    Cycle(Box<CycleReplay>, bool),
    Settlement(Box<SettlementReplay>, bool),
}

/// `GET /audit/replay?of=`: the question, and what came of it once it is asked.
pub async fn replay(visit: Visit) -> Response<Body> {
    visit.page(page(&visit, false).await)
}

/// `GET /audit/replay/live?of=`: the same, with what comes of it told as it goes on.
pub async fn begun(visit: Visit) -> Response<Body> {
    visit.page(page(&visit, true).await)
}

/// `GET /audit/replay/progress?of=`: what comes of it, as events.
pub async fn progress(visit: Visit) -> axum::response::Response {
    // Its table leads to the page that it comes into.
    let visit = visit.at("/audit/replay");
    match told(&visit) {
        Ok(Some(told)) => {
            let parts = told.then(move |told| {
                let visit = visit.clone();
                async move {
                    let ui = visit.ui(&msg!("NAV_AUDIT_REPLAY"));
                    let shown = shown(&visit, &ui, told).await;
                    let rests = !shown.tone.is_empty();
                    watch::Told { html: rendered(&Changing { ui, shown }).unwrap_or_default(), rests }
                }
            });
            live::answer(parts)
        }
        Ok(None) => live::answer(futures::stream::empty()),
        Err(error) => visit.refused(&error).into_response(),
    }
}

async fn page(visit: &Visit, live: bool) -> Result<Replay> {
    shared::must(visit, Permission::AuditRead)?;
    let ui = visit.ui(&msg!("NAV_AUDIT_REPLAY"));
    let settled = async {
        if visit.me().may(Permission::SettlementRead) { shared::settlements(visit).await } else { Ok(Vec::new()) }
    };
    let (cycles, settlements, units) = tokio::try_join!(shared::cycles(visit), settled, names::units(visit, ""))?;
    let named = |it: &tally_api::compensation::v1::Settlement| {
        let label = dated(&ui, shared::settlement_name(&ui, it, &cycles, &units), cycles.get(&it.cycle_id));
        Choice::new(
            format!("settlement/{}", it.settlement_id),
            format!("{label} · {}", ui.word(it.state().as_str_name())),
        )
    };
    let of = visit.asked().get("of").to_owned();
    let (mut progress, mut last) = (String::new(), None);
    if live && Of::read(&of).is_some() {
        progress = format!("/audit/replay/progress?of={of}");
        last = Some(Told::Step(String::new(), 0, 0));
    } else if let Some(mut stream) = told(visit)? {
        while let Some(told) = stream.next().await {
            last = Some(told?);
        }
    }
    let shown = match last {
        Some(last) => Some(shown(visit, &ui, Ok(last)).await),
        None => None,
    };
    let settlements = settlements.iter().map(named).collect();
    Ok(Replay { cycles: closed(&ui, &cycles, &units), settlements, of, live: progress, shown, ui })
}

/// Cycles that are closed, the newest first, by name, days and unit.
fn closed(ui: &Ui, cycles: &Cycles, units: &BTreeMap<String, String>) -> Vec<Choice> {
    let closed = |it: &&Cycle| matches!(it.state(), CycleState::Reviewable | CycleState::Published);
    let choice = |it: &Cycle| {
        let (unit, called) = (shared::unit_name(ui, units, &it.unit_id), shared::cycle_name(ui, cycles, &it.cycle_id));
        let unit = if unit == called { String::new() } else { format!(" · {unit}") };
        let name = dated(ui, called, Some(it));
        let correction = (!it.corrects_id.is_empty()).then(|| format!(" · {}", ui.t("UI_AUDIT_A_CORRECTION")));
        Choice::new(format!("cycle/{}", it.cycle_id), format!("{name}{unit}{}", correction.unwrap_or_default()))
    };
    // Ids begin with their time: the newest first.
    cycles.values().rev().filter(closed).map(choice).collect()
}

/// A name with the days of its cycle, where it does not say them itself.
fn dated(ui: &Ui, name: String, cycle: Option<&Cycle>) -> String {
    let period = cycle.and_then(|it| it.period.as_ref()).map(|it| ui.format.period(&it.from, &it.to));
    match period {
        Some(period) if !name.contains(&period) => format!("{name} · {period}"),
        Some(_) | None => name,
    }
}

type Telling = Pin<Box<dyn Stream<Item = Result<Told>> + Send>>;

/// What the replay tells that the address asks for; nothing where it asks for none.
fn told(visit: &Visit) -> Result<Option<Telling>> {
    shared::must(visit, Permission::AuditRead)?;
    Ok(match Of::read(visit.asked().get("of")) {
        None => None,
        Some(Of::Cycle(cycle_id)) => {
            let mut client = ReplayServiceClient::new(visit.channel("performance")?);
            let ask = without_end(visit.request(ReplayCycleRequest { cycle_id }));
            let opened = async move { client.replay_cycle(ask).await.map(tonic::Response::into_inner) };
            let told = live::until_end(opened, |told: &ReplayCycleResponse| told.replay.is_some());
            Some(Box::pin(told.map(|told| told.map(of_cycle))))
        }
        Some(Of::Settlement(settlement_id)) => {
            let mut client = SettlementServiceClient::new(visit.channel("compensation")?);
            let ask = without_end(visit.request(ReplaySettlementRequest { settlement_id }));
            let opened = async move { client.replay_settlement(ask).await.map(tonic::Response::into_inner) };
            let told = live::until_end(opened, |told: &ReplaySettlementResponse| told.replay.is_some());
            Some(Box::pin(told.map(|told| told.map(of_settlement))))
        }
    })
}

fn of_cycle(told: ReplayCycleResponse) -> Told {
    match told.replay {
        Some(replay) => Told::Cycle(Box::new(replay), !told.masked_fields.is_empty()),
        None => Told::Step(told.step, told.done, told.total),
    }
}

fn of_settlement(told: ReplaySettlementResponse) -> Told {
    match told.replay {
        Some(replay) => Told::Settlement(Box::new(replay), !told.masked_fields.is_empty()),
        None => Told::Step(told.step, told.done, told.total),
    }
}

/// What a replay tells as the page shows it.
async fn shown(visit: &Visit, ui: &Ui, told: Result<Told>) -> Shown {
    let found = match told {
        Ok(Told::Step(said, done, total)) => {
            return Shown { heading: ui.t("UI_REPLAY_RUNNING"), said, done, total, ..Shown::default() };
        }
        Ok(Told::Cycle(replay, masked)) => {
            Names::of_cycle(visit, &replay).await.map(|names| cycle(visit, ui, &replay, masked, &names))
        }
        Ok(Told::Settlement(replay, masked)) => {
            Names::of_settlement(visit, &replay).await.map(|names| settlement(visit, ui, &replay, masked, &names))
        }
        Err(error) => Err(error),
    };
    found.unwrap_or_else(|error| Shown {
        heading: ui.t("UI_REPLAY_RESULT"),
        tone: "warn",
        state: ui.t("UI_CHAIN_UNKNOWN"),
        said: format!("{} {}", ui.t("UI_REPLAY_BROKE"), tally_i18n::sentence(ui.locale(), &error)),
        ..Shown::default()
    })
}

/// What people and accounts are called.
#[derive(Default)]
struct Names {
    people: BTreeMap<String, Named>,
    accounts: BTreeMap<String, String>,
}

impl Names {
    async fn of_cycle(visit: &Visit, replay: &CycleReplay) -> Result<Self> {
        if replay.differences.is_empty() {
            return Ok(Self::default());
        }
        let ids = replay.differences.iter().flat_map(people_in).collect();
        let (people, accounts) = tokio::try_join!(names::people(visit, &ids), names::accounts(visit))?;
        Ok(Self { people, accounts })
    }

    async fn of_settlement(visit: &Visit, replay: &SettlementReplay) -> Result<Self> {
        let ids: BTreeSet<String> = replay.differences.iter().map(|it| it.person_id.clone()).collect();
        let people = names::people(visit, &ids.into_iter().filter(|id| !id.is_empty()).collect()).await?;
        Ok(Self { people, accounts: BTreeMap::new() })
    }

    fn person(&self, ui: &Ui, id: &str) -> String {
        match self.people.get(id) {
            Some(named) if !named.number.is_empty() => {
                format!("{} {}", shared::person_name(ui, Some(named)), named.number)
            }
            named => shared::person_name(ui, named),
        }
    }

    /// To whom, and how sure; a dash where nothing is there.
    fn credited(&self, ui: &Ui, credit: Option<&CreditedAs>) -> String {
        let Some(credit) = credit else { return "–".to_owned() };
        let share = |it: &tally_api::performance::v1::Share| {
            format!("{} {}", self.person(ui, &it.person_id), ui.format.percent(it.ppm))
        };
        let shares = credit.shares.iter().map(share).collect::<Vec<_>>().join(", ");
        let rung = ui.t(credit.rung().as_str_name());
        if shares.is_empty() { rung } else { format!("{shares} · {rung}") }
    }
}

fn people_in(difference: &CycleDifference) -> Vec<String> {
    let credits = [&difference.stored_credit, &difference.derived_credit];
    let shares = credits.into_iter().flatten().flat_map(|credit| &credit.shares);
    let people = shares.map(|share| share.person_id.clone()).chain([difference.person_id.clone()]);
    people.filter(|id| !id.is_empty()).collect()
}

fn cycle(visit: &Visit, ui: &Ui, replay: &CycleReplay, masked: bool, names: &Names) -> Shown {
    let CycleReplay { credits, cards, differing, .. } = *replay;
    let said = if replay.same {
        msg!("UI_REPLAY_CYCLE_SAME", credits, cards)
    } else {
        msg!("UI_REPLAY_CYCLE_DIFFERENT", credits, cards, differing)
    };
    let rows = (1..).zip(&replay.differences).map(|(n, it)| {
        let (stored, derived) = match it.kind() {
            ReplayedKind::Credit => {
                (names.credited(ui, it.stored_credit.as_ref()), names.credited(ui, it.derived_credit.as_ref()))
            }
            _ => (it.stored.clone(), it.derived.clone()),
        };
        row(n, &place(ui, it, names), [stored, derived, it.said.join(" · ")])
    });
    let renamed = replay.same && !replay.digest_now.is_empty() && replay.digest_then != replay.digest_now;
    let digest = |of: &str, then: &String, now: &String| (ui.t(of), then.clone(), now.clone());
    Shown {
        said: with_first(ui, ui.say(&said), differing, replay.differences.len()),
        noted: noted(ui, masked, renamed),
        table: table(ui, &visit.asked(), rows.collect()),
        digests: vec![
            digest("UI_REPLAY_DIGEST", &replay.digest_then, &replay.digest_now),
            digest("UI_REPLAY_DIGEST_CREDITS", &replay.credits_digest_then, &replay.credits_digest_now),
        ],
        ..ended(ui, replay.same)
    }
}

/// What a difference is of, by name.
fn place(ui: &Ui, it: &CycleDifference, names: &Names) -> String {
    let person = || names.person(ui, &it.person_id);
    let account = || names.accounts.get(&it.account_id).cloned().unwrap_or_else(|| it.account_id.clone());
    match it.kind() {
        ReplayedKind::Credit if it.external_id.is_empty() => ui.say(&msg!("UI_REPLAY_OF_ACCOUNT", account = account())),
        ReplayedKind::Credit => {
            ui.say(&msg!("UI_REPLAY_OF_CREDIT", record = it.external_id.as_str(), account = account()))
        }
        ReplayedKind::Sum => ui.say(&msg!("UI_REPLAY_OF_SUM", person = person())),
        ReplayedKind::Card => ui.say(&msg!("UI_REPLAY_OF_CARD", person = person())),
        ReplayedKind::Cycle | ReplayedKind::Unspecified => ui.t("UI_REPLAY_OF_CYCLE"),
    }
}

fn settlement(visit: &Visit, ui: &Ui, replay: &SettlementReplay, masked: bool, names: &Names) -> Shown {
    let SettlementReplay { statements, differing, .. } = *replay;
    let said = if replay.same {
        msg!("UI_REPLAY_PAY_SAME", statements)
    } else {
        msg!("UI_REPLAY_PAY_DIFFERENT", statements, differing)
    };
    let rows = (1..).zip(&replay.differences).map(|(n, it)| {
        let place = if it.person_id.is_empty() {
            ui.t("UI_REPLAY_OF_SETTLEMENT")
        } else {
            ui.say(&msg!("UI_REPLAY_OF_STATEMENT", person = names.person(ui, &it.person_id)))
        };
        row(n, &place, [it.stored.clone(), it.derived.clone(), it.said.join(" · ")])
    });
    let (then, now) = (replay.inputs_digest_then.clone(), replay.inputs_digest_now.clone());
    let renamed = replay.same && !now.is_empty() && then != now;
    Shown {
        said: with_first(ui, ui.say(&said), differing.into(), replay.differences.len()),
        noted: noted(ui, masked, renamed),
        table: table(ui, &visit.asked(), rows.collect()),
        digests: vec![(ui.t("UI_REPLAY_DIGEST_INPUTS"), then, now)],
        ..ended(ui, replay.same)
    }
}

fn ended(ui: &Ui, same: bool) -> Shown {
    let (tone, state) = if same { ("good", "UI_REPLAY_SAME") } else { ("bad", "UI_REPLAY_DIFFERENT") };
    Shown { heading: ui.t("UI_REPLAY_RESULT"), tone, state: ui.t(state), ..Shown::default() }
}

/// Of many differences the first are told, and that they are.
fn with_first(ui: &Ui, said: String, differing: u64, told: usize) -> String {
    if u64::try_from(told).is_ok_and(|told| told >= differing) {
        return said;
    }
    format!("{said} {}", ui.say(&msg!("UI_REPLAY_FIRST", count = told)))
}

fn noted(ui: &Ui, masked: bool, renamed: bool) -> String {
    match (masked, renamed) {
        (true, _) => ui.t("UI_REPLAY_MASKED"),
        (false, true) => ui.t("UI_REPLAY_RENAMED"),
        (false, false) => String::new(),
    }
}

fn row(n: u32, place: &str, said: [String; 3]) -> Row {
    let cells = [Cell::text(place)].into_iter().chain(said.map(Cell::text)).collect();
    Row { id: n.to_string(), href: String::new(), cells }
}

/// The differences; nothing where there are none.
fn table(ui: &Ui, asked: &Asked, rows: Vec<Row>) -> Option<Table> {
    let columns = vec![
        Column::text(ui, "where", "UI_REPLAY_WHERE"),
        Column::text(ui, "stored", "UI_REPLAY_STORED"),
        Column::text(ui, "derived", "UI_REPLAY_DERIVED"),
        Column::text(ui, "why", "UI_REPLAY_WHY"),
    ];
    let there = !rows.is_empty();
    there.then(|| Table::new(ui, ("differences", "UI_REPLAY_DIFFERENT", "UI_REPLAY_SAME"), asked, columns, rows))
}

#[cfg(test)]
mod tests {
    use tally_api::performance::v1::{Rung, Share};

    use super::*;
    use crate::audit::ui_of_tests;

    fn names() -> Names {
        let li = Named { name: "Li Wei".to_owned(), number: "101".to_owned(), unit: String::new() };
        Names {
            people: BTreeMap::from([("p1".to_owned(), li)]),
            accounts: BTreeMap::from([("a1".to_owned(), "JD/shop/a".to_owned())]),
        }
    }

    fn credit() -> CycleDifference {
        let share = |person_id: &str, ppm| Share { person_id: person_id.to_owned(), ppm };
        let shares = vec![share("p1", 600_000), share("p2", 400_000)];
        CycleDifference {
            kind: ReplayedKind::Credit.into(),
            account_id: "a1".to_owned(),
            external_id: "R-7".to_owned(),
            stored_credit: Some(CreditedAs { rung: Rung::Equal.into(), shares, reason: String::new() }),
            ..Default::default()
        }
    }

    #[test]
    fn the_address_names_a_cycle_or_a_settlement() {
        assert_eq!(Of::read("cycle/7"), Some(Of::Cycle("7".to_owned())));
        assert_eq!(Of::read("settlement/7"), Some(Of::Settlement("7".to_owned())));
        assert!(Of::read("").is_none() && Of::read("pool/7").is_none());
    }

    #[test]
    fn a_difference_is_named_by_record_account_and_person() {
        let (ui, names, credit) = (ui_of_tests(), names(), credit());
        assert_eq!(place(&ui, &credit, &names), "Credit of R-7 on JD/shop/a");
        let card =
            CycleDifference { kind: ReplayedKind::Card.into(), person_id: "p1".to_owned(), ..Default::default() };
        assert_eq!(place(&ui, &card, &names), "Card of Li Wei 101");
        let whole = CycleDifference { external_id: String::new(), ..credit.clone() };
        assert_eq!(place(&ui, &whole, &names), "Account JD/shop/a");
        let told = names.credited(&ui, credit.stored_credit.as_ref());
        assert!(told.contains("Li Wei 101 60") && told.ends_with("shared equally by those on duty"), "{told}");
        assert_eq!(names.credited(&ui, None), "–");
        assert_eq!(people_in(&credit), ["p1", "p2"]);
    }

    #[test]
    fn the_same_is_good_and_a_difference_is_bad() {
        let ui = ui_of_tests();
        assert_eq!((ended(&ui, true).tone, ended(&ui, false).tone), ("good", "bad"));
        assert!(noted(&ui, false, false).is_empty() && !noted(&ui, false, true).is_empty());
        assert_ne!(noted(&ui, true, true), noted(&ui, false, true));
        assert_eq!(with_first(&ui, "said".to_owned(), 3, 3), "said");
        assert_eq!(with_first(&ui, "said".to_owned(), 300, 100), "said These are the first 100.");
        assert!(table(&ui, &Asked::of(Vec::new()), Vec::new()).is_none());
    }
}
