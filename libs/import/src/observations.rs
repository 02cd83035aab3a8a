//! The observations of a bundle.

use anyhow::Result;
use tally_api::common::v1::ImportResult;
use tally_api::performance::v1 as performance;
use tally_api::performance::v1::subject::Of;
use tally_bundle::{Bundle, Observation, Observed, RowName, Subject};
use tally_kernel::Message;

use crate::caller::Caller;
use crate::kept_back::by_clock;
use crate::said::told;
use crate::{CHUNK, Ids, Taken, instant};

const FILE: &str = "observations.csv";

/// Writes the observations.
///
/// # Errors
/// [`RowsRefused`](crate::said::RowsRefused) by a suite of one's own, or what stopped it.
pub async fn observations(caller: &Caller, bundle: &Bundle, ids: &Ids, taken: &mut Taken) -> Result<()> {
    if bundle.observations.is_empty() {
        return Ok(());
    }
    let mut client =
        performance::observation_service_client::ObservationServiceClient::new(caller.at.performance.clone());
    let mut placed = Vec::with_capacity(bundle.observations.len());
    for row in &bundle.observations {
        match missing(bundle, ids, taken, row) {
            None => placed.push(row),
            Some(message) => taken.refuse(FILE, name(bundle, row), &message),
        }
    }
    for chunk in placed.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| message(row, ids)).collect();
        let ask = performance::ImportObservationsRequest { request_id: taken.request_id(), rows };
        let reply = client.import_observations(caller.ask(ask)).await.map_err(told)?.into_inner();
        let row = |at: usize| RowName::Observation(chunk[at].clone());
        let result = reply.result.map(|result| in_words(result, |at| chunk[at], (bundle, ids)));
        taken.note(FILE, result, row, |at| name(bundle, chunk[at]));
    }
    Ok(taken.all_in()?)
}

/// Why a row cannot be sent: the suite did not take what it is about.
fn missing(bundle: &Bundle, ids: &Ids, taken: &Taken, row: &Observation) -> Option<Message> {
    match &row.subject {
        Subject::Person(ix) => taken.kept_back.person(bundle, ids, *ix),
        Subject::Account(ix) => taken.kept_back.account(bundle, ids, *ix),
        Subject::Unit(path) | Subject::Campaign { run_by: Some(path), .. } => taken.kept_back.unit(path),
        Subject::Store(_) | Subject::Campaign { run_by: None, .. } => None,
    }
}

/// What the suite says of rows, each with its subject as the file calls it: the suite knows it by an id.
fn in_words<'r>(
    mut result: ImportResult,
    row: impl Fn(usize) -> &'r Observation,
    (bundle, ids): (&Bundle, &Ids),
) -> ImportResult {
    for problem in &mut result.problems {
        let (id, label) = match &row(problem.index as usize).subject {
            Subject::Person(ix) => (Some(&ids.people[ix.0 as usize]), bundle.person(*ix).employee_no.clone()),
            Subject::Account(ix) => (Some(&ids.accounts[ix.0 as usize]), bundle.account_label(*ix)),
            Subject::Unit(path) | Subject::Campaign { run_by: Some(path), .. } => (ids.units.get(path), path.clone()),
            Subject::Store(_) | Subject::Campaign { run_by: None, .. } => continue,
        };
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            problem.message = problem.message.replace(id.as_str(), &label);
        }
    }
    result
}

/// What names a row, as its file has it.
fn name(bundle: &Bundle, row: &Observation) -> String {
    let (subject, zone) = match &row.subject {
        Subject::Person(ix) => (bundle.person(*ix).employee_no.clone(), bundle.person(*ix).zone.as_str()),
        Subject::Account(ix) => (bundle.account_label(*ix), bundle.account(*ix).zone.as_str()),
        Subject::Unit(name) | Subject::Store(name) | Subject::Campaign { name, .. } => {
            (name.clone(), bundle.group.zone.as_str())
        }
    };
    let when = match row.when {
        Observed::At(at) => by_clock(at, zone),
        Observed::Days(from, to) if from == to => from.to_string(),
        Observed::Days(from, to) => format!("{from} {to}"),
    };
    format!("{} {subject} {when}", row.measure)
}

fn message(row: &Observation, ids: &Ids) -> performance::Observation {
    let unit = |path: &String| ids.units.get(path).cloned().unwrap_or_default();
    let (of, run_by) = match &row.subject {
        Subject::Person(ix) => (Of::PersonId(ids.people[ix.0 as usize].clone()), None),
        Subject::Account(ix) => (Of::AccountId(ids.accounts[ix.0 as usize].clone()), None),
        Subject::Unit(path) => (Of::UnitId(unit(path)), None),
        Subject::Store(name) => (Of::Store(name.clone()), None),
        Subject::Campaign { name, run_by } => (Of::Campaign(name.clone()), run_by.as_ref().map(unit)),
    };
    let (at, days) = match row.when {
        Observed::At(at) => (Some(instant(at)), None),
        Observed::Days(from, to) => (None, Some((from.to_string(), to.to_string()))),
    };
    let (from, to) = days.unwrap_or_default();
    performance::Observation {
        measure: row.measure.clone(),
        subject: Some(performance::Subject { of: Some(of) }),
        at,
        from,
        to,
        value: row.value.to_string(),
        source: row.source.clone(),
        revision: row.revision,
        unit_id: run_by.unwrap_or_default(),
        ..Default::default()
    }
}
