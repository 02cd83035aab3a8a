//! Random histories of employments against a diary that is kept day by day.

use std::collections::BTreeSet;

use jiff::civil::date;

use super::*;

/// What holds on a day: each employment with its post, unit and grade.
type Cell = BTreeMap<EmploymentId, (Post, OrgUnitId, String)>;

const DAYS: i64 = 60;

fn on(day: i64) -> Date {
    date(2026, 3, 10).checked_add(jiff::Span::new().days(day)).unwrap()
}

/// The same history, kept day by day without any stretches.
fn replay(cells: &mut [Cell], step: &Change, person: &Person, changes: &Changes) {
    let new = changes.employments.writes.iter().find(|e| cells.iter().all(|cell| !cell.contains_key(&e.id)));
    let first = |from: Date| (0..DAYS).find(|day| on(*day) >= from).unwrap_or(DAYS) as usize;
    let cell_of = |e: &Employment| (e.post, e.unit, e.grade.clone());
    match step {
        Change::Transfer { terms, from, .. } => {
            let id = person.home(*from).unwrap().id;
            for cell in &mut cells[first(*from)..] {
                if let Some(held) = cell.get_mut(&id) {
                    held.1 = terms.unit.unwrap();
                    if !terms.grade.is_empty() {
                        held.2.clone_from(&terms.grade);
                    }
                }
            }
        }
        Change::Post { from, to, .. } | Change::Rehire { from, to, .. } => {
            let new = new.expect("a new employment");
            let last = to.map_or(DAYS as usize, |to| first(to.tomorrow().unwrap()));
            cells[first(*from)..last].iter_mut().for_each(|cell| drop(cell.insert(new.id, cell_of(new))));
        }
        Change::EndPost { employment, last_day } => {
            cells[first(last_day.tomorrow().unwrap())..].iter_mut().for_each(|cell| drop(cell.remove(employment)));
        }
        Change::Cancel { employment, on: from } => {
            let at = first(*from);
            let before = cells[at - 1].get(employment).cloned();
            let began = cells[at].contains_key(employment);
            for cell in &mut cells[at..] {
                match (&before, began) {
                    (Some(before), true) if cell.contains_key(employment) => {
                        drop(cell.insert(*employment, before.clone()))
                    }
                    (Some(before), false) => drop(cell.insert(*employment, before.clone())),
                    (None, true) if cell.get(employment).is_some_and(|held| held.0 == Post::Home) => cell.clear(),
                    (None, _) => drop(cell.remove(employment)),
                    (Some(_), true) => {}
                }
            }
        }
        Change::CorrectStart { employment, from } => {
            let old = person.employments.iter().filter(|e| e.id == *employment).min_by_key(|e| e.from).unwrap();
            let (now, was) = (first(*from), first(old.from));
            cells[now.min(was)..was].iter_mut().for_each(|cell| drop(cell.insert(*employment, cell_of(old))));
            cells[was..now.max(was)].iter_mut().for_each(|cell| drop(cell.remove(employment)));
        }
        Change::Leave { .. } | Change::EndLeave { .. } => {}
    }
}

proptest::proptest! {
    #[test]
    fn any_history_holds_day_by_day_what_a_diary_of_it_says(steps in proptest::collection::vec((0..7_u8, 0..DAYS, 0..DAYS, 0..4_usize), 0..24)) {
        let mut life = Life::new();
        let hired = life.person.employments[0].clone();
        let mut diary: Vec<Cell> = vec![Cell::from([(hired.id, (hired.post, hired.unit, hired.grade.clone()))]); DAYS as usize];
        for (what, from, length, pick) in steps {
            let to = (pick != 0).then(|| on((from + length).min(DAYS - 1)));
            let terms = Terms { unit: Some(unit([2, 4, 2, 5][pick])), position: String::new(), grade: ["", "P1", "P2", "P3"][length as usize % 4].into(), kind: None };
            // Who was hired for a day to come, and does not come, has none.
            let all = &life.person.employments;
            let employment = all.get(length as usize % all.len().max(1)).map_or(hired.id, |e| e.id);
            let step = match what {
                0 => Change::Transfer { employment: None, terms, from: on(from) },
                1 => Change::Post { post: if pick % 2 == 0 { Post::Secondment } else { Post::Concurrent }, terms, from: on(from), to },
                2 => Change::EndPost { employment, last_day: on(from) },
                3 => Change::Rehire { terms, from: on(from), to },
                4 => Change::Cancel { employment, on: on(from.max(1)) },
                5 => Change::CorrectStart { employment, from: on(from) },
                _ => {
                    let before = life.person.clone();
                    if life.ends(&on(from).to_string()).is_ok() {
                        let home = before.home(on(from)).unwrap().id;
                        // With the home employment goes, on its days, whatever is beside it.
                        diary[from as usize + 1..].iter_mut().filter(|cell| cell.contains_key(&home)).for_each(Cell::clear);
                    }
                    continue;
                }
            };
            let before = life.person.clone();
            if let Ok(changes) = life.does(&step) {
                replay(&mut diary, &step, &before, &changes);
            }
        }
        for (number, cell) in (0..DAYS).zip(&diary) {
            let there = life.person.employments.iter().filter(|e| e.covers(on(number)));
            let there: Vec<_> = there.map(|e| (e.id, (e.post, e.unit, e.grade.clone()))).collect();
            proptest::prop_assert_eq!(there.iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len(), there.len());
            proptest::prop_assert_eq!(&there.into_iter().collect::<Cell>(), cell, "on {}", on(number));
            let homes = cell.values().filter(|held| held.0 == Post::Home).count();
            proptest::prop_assert!(homes <= 1 && (homes == 1 || cell.is_empty()), "posts without a home, or two homes");
        }
    }
}
