//! A person as identity tells them, and which employments hold on a day.

use tally_api::identity::v1::person_service_client::PersonServiceClient;
use tally_api::identity::v1::{Employment, GetPersonRequest, GetPersonResponse, Person, Post};
use tally_kernel::Result;

use crate::act::holds;
use crate::console::told;
use crate::visit::Visit;

/// A person, with what is hidden from the reader.
pub async fn get(visit: &Visit, id: &str, known_at: Option<prost_types::Timestamp>) -> Result<GetPersonResponse> {
    let ask = GetPersonRequest { person_id: id.to_owned(), known_at, ..Default::default() };
    told(PersonServiceClient::new(visit.channel("identity")?).get_person(visit.request(ask))).await
}

/// The employments of a day: the home first.
pub fn on<'p>(person: &'p Person, day: &str) -> impl Iterator<Item = &'p Employment> {
    let holding = |it: &&Employment| holds(day, &it.from, &it.to);
    let mut found: Vec<_> = person.employments.iter().filter(holding).collect();
    found.sort_by_key(|it| it.post() != Post::Home);
    found.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_of_a_day_comes_first() {
        let stretch = |unit: &str, post: Post, from: &str, to: &str| Employment {
            unit_path: unit.into(),
            post: post.into(),
            from: from.into(),
            to: to.into(),
            ..Default::default()
        };
        let employments = vec![
            stretch("lent", Post::Secondment, "2026-03-01", "2026-03-31"),
            stretch("before", Post::Home, "2025-01-01", "2026-02-28"),
            stretch("home", Post::Home, "2026-03-01", ""),
        ];
        let person = Person { employments, ..Default::default() };
        let units: Vec<_> = on(&person, "2026-03-15").map(|it| it.unit_path.as_str()).collect();
        assert_eq!(units, ["home", "lent"]);
        assert_eq!(on(&person, "2024-03-15").count(), 0);
    }
}
