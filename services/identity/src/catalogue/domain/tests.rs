use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn row(kind: EntryKind, code: &str, rank: u32, from: &str, to: &str) -> EntryRow {
    EntryRow { kind: Some(kind), code: code.into(), title: String::new(), rank, from: from.into(), to: to.into() }
}

fn import(known: &Catalogue, rows: &[EntryRow]) -> (ImportPlan, Catalogue) {
    let mut n = 1_000 * known.entries.len() as u128;
    let plan = plan_import(known, &(0..).zip(rows.iter().cloned()).collect::<Vec<_>>(), || {
        n += 1;
        Uuid::from_u128(n)
    });
    let after = Catalogue::new(plan.change.apply(&known.entries).cloned());
    (plan, after)
}

#[test]
fn without_a_catalogue_every_text_will_do_and_with_one_only_its_own() {
    let (_, catalogue) = import(&Catalogue::default(), &[row(EntryKind::Position, "agent", 0, "2026-01-01", "")]);
    assert!(catalogue.allows(EntryKind::Position, "chef", day("2025-12-31")), "nothing held then");
    assert!(!catalogue.allows(EntryKind::Position, "chef", day("2026-01-01")));
    assert!(catalogue.allows(EntryKind::Position, "agent", day("2026-01-01")));
    assert!(catalogue.allows(EntryKind::Grade, "P9", day("2026-01-01")), "the other catalogue is empty");
}

#[test]
fn a_row_holds_from_its_first_day_on_and_the_days_before_keep_what_they_said() {
    let (_, first) = import(&Catalogue::default(), &[row(EntryKind::Grade, "P2", 2, "", "")]);
    let (plan, second) = import(&first, &[row(EntryKind::Grade, "P2", 3, "2026-04-01", "")]);
    assert_eq!((plan.written, plan.change.closes.len(), plan.change.writes.len()), (1, 1, 2));
    assert_eq!(second.rank("P2", day("2026-03-31")), Some(2));
    assert_eq!(second.rank("P2", day("2026-04-01")), Some(3));
    let (again, _) = import(&second, &[row(EntryKind::Grade, "P2", 3, "2026-04-01", "")]);
    assert_eq!((again.written, again.unchanged), (0, 1));
    let (early, _) = import(&second, &[row(EntryKind::Grade, "P2", 9, "2026-01-01", "")]);
    assert_eq!(early.problems, [(0, CatalogueError::ChangePlanned(day("2026-04-01")))]);
}

#[test]
fn a_row_of_the_same_first_day_corrects_the_entry_and_can_end_it() {
    let (_, first) = import(&Catalogue::default(), &[row(EntryKind::Position, "agent", 0, "2026-01-01", "")]);
    let (plan, after) = import(&first, &[row(EntryKind::Position, "agent", 0, "2026-01-01", "2026-06-30")]);
    assert_eq!((plan.change.closes.len(), plan.change.writes.len()), (1, 1));
    assert_eq!(plan.change.writes[0].id, first.entries[0].id);
    assert!(after.as_of(day("2026-07-01")).is_empty());
}

#[test]
fn what_one_import_says_twice_is_written_once() {
    let rows = [row(EntryKind::Grade, "P2", 2, "2026-01-01", ""), row(EntryKind::Grade, "P2", 5, "2026-01-01", "")];
    let (plan, after) = import(&Catalogue::default(), &rows);
    assert_eq!((plan.change.writes.len(), plan.change.closes.len()), (1, 0));
    assert_eq!(after.rank("P2", day("2026-01-01")), Some(5));
}

#[test]
fn each_unusable_row_says_what_to_change() {
    let good = row(EntryKind::Grade, "P2", 2, "2026-01-01", "");
    let rows = [
        EntryRow { kind: None, ..good.clone() },
        EntryRow { code: " ".into(), ..good.clone() },
        EntryRow { title: "x".repeat(201), ..good.clone() },
        EntryRow { rank: 0, ..good.clone() },
        EntryRow { kind: Some(EntryKind::Position), ..good.clone() },
        EntryRow { from: "soon".into(), ..good.clone() },
        EntryRow { to: "2025-12-31".into(), ..good },
    ];
    let (plan, _) = import(&Catalogue::default(), &rows);
    let told: Vec<_> = plan.problems.into_iter().map(|(_, error)| error).collect();
    let expected = [
        CatalogueError::KindMissing,
        CatalogueError::TextUnusable("code"),
        CatalogueError::TextUnusable("title"),
        CatalogueError::RankUnusable,
        CatalogueError::RankUnusable,
        CatalogueError::DateMalformed("valid_from"),
        CatalogueError::DatesBackwards,
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_list_goes_up_the_ladder() {
    let rows = [("P3", 3), ("P1", 1), ("P2", 2)].map(|(code, rank)| row(EntryKind::Grade, code, rank, "", ""));
    let (_, catalogue) = import(&Catalogue::default(), &rows);
    let codes: Vec<_> = catalogue.as_of(day("2026-01-01")).into_iter().map(|entry| entry.code).collect();
    assert_eq!(codes, ["P1", "P2", "P3"]);
}
