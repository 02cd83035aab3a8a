//! The one table, as lists of people's size use it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tally_kernel::msg;

use super::*;
use crate::ui::{Choices, Shared};

fn ui() -> Ui {
    let shared = Shared {
        me: None,
        choices: Choices::default(),
        here: "/people".to_owned(),
        csrf: String::new(),
        nonce: String::new(),
        seed: String::new(),
        done: None,
        screens: &[],
        now: Timestamp::UNIX_EPOCH,
    };
    Ui::new(Arc::new(shared), &msg!("NAV_PEOPLE"))
}

/// A list of so many people in 45 teams, as the address asks for it.
fn people(count: usize, query: &str) -> Table {
    let ui = ui();
    let columns = vec![
        Column::text(&ui, "name", "UI_NAME"),
        Column::text(&ui, "team", "UI_UNIT").filtered(),
        Column::number(&ui, "score", "UI_SCORE"),
        Column::text(&ui, "code", "UI_CODE").hidden(),
    ];
    let row = |n: usize| Row {
        id: n.to_string(),
        href: String::new(),
        cells: vec![
            Cell::text(format!("Person {n:04}")),
            Cell::text(format!("Team {:02}", n % 45)),
            if n.is_multiple_of(7) { Cell::text("") } else { Cell::number(format!("{n}.0"), n as u32) },
            Cell::code(format!("c{n}")),
        ],
    };
    let asked = Asked::of(form_urlencoded::parse(query.as_bytes()).into_owned().collect());
    Table::new(&ui, ("people", "NAV_PEOPLE", "UI_NOTHING_THERE"), &asked, columns, (0..count).map(row).collect())
}

fn names(table: &Table) -> Vec<&str> {
    table
        .groups
        .iter()
        .flat_map(|group| &group.rows)
        .filter_map(|row| row.cells.first())
        .map(|it| it.text.as_str())
        .collect()
}

/// Complaint 5 of users of others: a roster of twenty, and the rest out of reach.
#[test]
fn two_thousand_people_are_all_within_reach_page_by_page() {
    let mut seen = BTreeSet::new();
    let pages = people(2_000, "").pages;
    for page in 1..=pages {
        let table = people(2_000, &format!("page={page}"));
        assert!(names(&table).len() <= 50 && table.page == page);
        seen.extend(names(&table).into_iter().map(str::to_owned));
        assert_eq!((table.previous.is_empty(), table.next.is_empty()), (page == 1, page == pages));
    }
    assert_eq!((pages, seen.len()), (40, 2_000));
    assert_eq!(names(&people(2_000, "q=1234")), ["Person 1234"]);
    assert_eq!(people(2_000, "page=999").page, 40, "a page beyond the last is the last");
}

/// Complaint 6: a grouped list that pages by rows shows two people of a group on its first page.
#[test]
fn a_grouped_list_pages_by_groups_and_cuts_none() {
    let first = people(2_000, "group=team");
    assert_eq!((first.groups.len(), first.pages), (20, 3));
    assert!(first.groups.iter().all(|group| group.rows.len() == group.count && group.count >= 44));
    assert!(first.next.contains("group=team") && first.next.contains("page=2"), "the state stands in the address");
    assert_eq!(people(2_000, "group=team&page=3").groups.len(), 5);
}

/// Complaint 7: an export that takes something else than what was chosen.
#[test]
fn an_export_is_exactly_the_list_that_is_shown() {
    let table = people(300, "f.team=Team+07&sort=-score&q=person&cols=name&cols=score");
    let csv = String::from_utf8(table.csv().expect("a file")).expect("text");
    let rows: Vec<&str> = csv.trim_start_matches('\u{feff}').lines().skip(1).collect();
    let shown: Vec<String> = names(&table).iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(rows.iter().map(|row| row.split(',').next().unwrap_or_default()).collect::<Vec<_>>(), shown);
    assert!(rows.iter().all(|row| row.split(',').count() == 2), "{csv}");
    assert!(table.export.contains("f.team") && table.export.contains("export=csv"), "{}", table.export);
}

#[test]
fn columns_are_those_that_are_ticked_and_a_missing_value_comes_last_whichever_way_is_sorted() {
    let keys = |query: &str| people(3, query).heads.iter().map(|head| head.key).collect::<Vec<_>>();
    assert_eq!(keys(""), ["name", "team", "score"]);
    assert_eq!(keys("cols=name&cols=code"), ["name", "code"]);
    assert_eq!(keys("cols=name,code"), ["name", "code"], "as an address that was sent has it");
    assert_eq!(keys("cols=nothing"), ["name", "team", "score"]);
    assert_eq!(names(&people(3, "sort=score")), ["Person 0001", "Person 0002", "Person 0000"]);
    assert_eq!(names(&people(3, "sort=-score")), ["Person 0002", "Person 0001", "Person 0000"]);
    assert_eq!(people(3, "q=nobody").empty, ui().t("UI_NOTHING_FITS"));
}
