//! A month in a suite of its own. Rows that only the suite refuses are rejected rows as those that cannot be read: the bundle is
//! read again without them, so that lines, what depends on them and what follows from several rows are the reader's business
//! alone, and the job begins anew in an empty suite. A replay reads accepted rows and comes to the same.

use anyhow::Result;
use tally_bundle::{Reading, Refusals, Unusable};

use super::home::{Home, Place, Ports, secret};
use super::run::{CloseOutcome, Job, clock_of, close};
use crate::said::RowsRefused;

/// Does the job in an empty suite at `place`, answered in `language`. `read` reads the bundle without rows; what it gave last is
/// left in `again`.
///
/// # Errors
/// What [`close`] says, and [`Unusable`] where nothing sensible is left.
pub async fn close_alone(
    place: &Place,
    language: &'static str,
    job: Job<'_>,
    again: &mut Option<Reading>,
    read: impl Fn(&Refusals) -> Result<Reading, Unusable>,
) -> Result<(Home, CloseOutcome)> {
    let (mut refused, mut attempt) = (Refusals::default(), 0);
    loop {
        let reading = again.as_ref().unwrap_or(job.reading);
        let at = place.of_attempt(attempt);
        let mut home =
            Home::start(&at, &reading.bundle, clock_of(&reading.bundle)?, &secret(), (Ports::default(), job.form))
                .await?;
        home.crew = home.crew.speaking(language);
        let error = match Box::pin(close(&home.crew, Job { reading, ..job.clone() })).await {
            Ok(outcome) => return Ok((home, outcome)),
            Err(error) => error,
        };
        let found = error.chain().find_map(|cause| cause.downcast_ref::<RowsRefused>());
        // Each time there are fewer rows, so that it comes to an end.
        if !found.is_some_and(|RowsRefused(rows)| refused.add_all(rows.clone())) {
            return Err(error);
        }
        home.discard(&at).await?;
        *again = Some(read(&refused)?);
        attempt += 1;
    }
}
