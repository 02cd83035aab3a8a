//! One employee number with several employments.

use crate::case::{Case, RECORDS};

const HEAD: &str = "employee_no,name,org_unit,position,grade,hired_on,left_on\n";
const BO: &str = "1002,Bo,East/Desk,agent,P1,2025-01-06,\n";
const POOL: (&str, &str) = ("pool.yaml", "amount: 100.00\n");

#[test]
fn who_comes_back_within_the_month_is_one_person_and_keeps_the_credit_of_both_employments() {
    let people = format!(
        "{HEAD}1001,Ann,East/Desk,agent,P1,2024-05-06,2026-03-08\n1001,Ann,East/Desk,agent,P1,2026-03-20,\n{BO}"
    );
    let records = [
        ("T1", "2026-03-02 09:00", "1001"),
        ("T2", "2026-03-12 09:00", ""),
        ("T3", "2026-03-23 09:00", "1001"),
        ("T4", "2026-03-23 10:00", "1002"),
    ];
    let punches = "employee_no,at,kind\n1001,2026-03-02 08:58,in\n1001,2026-03-02 18:01,out\n\
        1002,2026-03-12 08:58,in\n1002,2026-03-12 18:01,out\n";
    let case = Case::new(&[("people.csv", &people), ("punches.csv", punches), POOL], &records);
    assert_eq!(case.close(), 0);
    assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1002 1000000", "T3 1001 1000000", "T4 1002 1000000"]);
    let findings = case.result("findings.csv");
    let told =
        "REHIRE,people.csv 1001,,\"East/Desk, agent, P1 until 2026-03-08; East/Desk, agent, P1 from 2026-03-20\"";
    assert!(findings.contains(told), "{findings}");
    let of = |sheet: &str, with: &str| case.result(sheet).lines().filter(|line| line.starts_with(with)).count();
    assert_eq!(of("statements.csv", "1001,total,"), 1, "one statement for the whole of it");
    assert_eq!(of("score_cards.csv", "1001,"), 4, "one card");
    assert_eq!(of("inputs/people.csv", "1001,"), 2, "two rows");
    assert!(case.replayed().contains("identical"));
}

#[test]
fn who_moves_within_the_month_serves_the_old_team_before_and_the_new_one_after() {
    let people = format!(
        "{HEAD}1001,Ann,West/Desk,agent,P2,2026-03-16,\n{BO}1001,Ann,East/Desk,agent,P1,2024-05-06,2026-03-15\n"
    );
    let accounts = "platform,store,account,phase,capacity,zone,team\nMart,One,mart-a,shared,1,Asia/Shanghai,East/Desk\n\
        Mart,One,mart-b,shared,1,Asia/Shanghai,West/Desk\n";
    let row = |id: &str, account: &str, at: &str, agent: &str| {
        format!("Mart,One,{account},{id},2026-03-{at},2026-03-{at},{agent},chat,,,,\n")
    };
    let rows = [
        row("T1", "mart-a", "02 09:00", "1001"),
        row("T2", "mart-b", "23 09:00", "1001"),
        row("T3", "mart-b", "23 10:00", ""),
        row("T4", "mart-a", "23 10:00", ""),
    ];
    let records = RECORDS.to_owned() + &rows.concat();
    let files = [("people.csv", people.as_str()), ("accounts.csv", accounts), ("records.csv", &records), POOL];
    let case = Case::new(&files, &[]);
    assert_eq!(case.close(), 0);
    assert_eq!(case.credits(), ["T1 1001 1000000", "T2 1001 1000000", "T3 1001 1000000", "T4 1002 1000000"]);
    let findings = case.result("findings.csv");
    let told =
        "TRANSFER,people.csv 1001,,\"East/Desk, agent, P1 until 2026-03-15; West/Desk, agent, P2 from 2026-03-16\"";
    assert!(findings.contains(told) && !findings.contains("REHIRE"), "{findings}");
    assert!(case.replayed().contains("identical"));
}

#[test]
fn a_row_that_goes_on_as_it_was_is_the_same_employment() {
    let people = format!(
        "{HEAD}1001,Ann,East/Desk,agent,P1,2024-05-06,2026-03-15\n1001,Ann,East/Desk,agent,P1,2026-03-16,\n{BO}"
    );
    let case = Case::new(&[("people.csv", &people)], &[("T1", "2026-03-02 09:00", "1001")]);
    assert_eq!(case.close(), 0);
    let (findings, inputs) = (case.result("findings.csv"), case.result("inputs/people.csv"));
    assert!(!findings.contains("TRANSFER") && !findings.contains("REHIRE"), "{findings}");
    assert!(inputs.contains("1001,Ann,East/Desk,agent,P1,2024-05-06,,"), "{inputs}");
}

#[test]
fn rows_of_one_number_that_cannot_be_one_person_are_rejected_with_what_to_do() {
    let first = "1001,Ann,East/Desk,agent,P1,2024-05-06,2026-03-15\n";
    let zoned = HEAD.replace("left_on", "left_on,zone");
    for (people, column, said, cure) in [
        (
            format!("{HEAD}{first}1001,Anna,East/Desk,agent,P1,2026-03-20,\n{BO}"),
            "name",
            "lines 2 and 3 have the number 1001 and differ in the name",
            "give each person a number of their own",
        ),
        (
            format!(
                "{zoned}1001,Ann,East/Desk,,,2024-05-06,2026-03-15,Asia/Tokyo\n1001,Ann,East/Desk,,,2026-03-20,,\n{BO}"
            ),
            "zone",
            "lines 2 and 3 have the number 1001 and differ in the zone",
            "a person has one",
        ),
        (
            format!("{HEAD}{first}1001,Ann,West/Desk,agent,P1,2026-03-15,\n{BO}"),
            "hired_on",
            "lines 2 and 3 have the number 1001 and overlap: 2024-05-06 to 2026-03-15 and 2026-03-15 to no end",
            "left_on is its last one",
        ),
    ] {
        let records = [("T1", "2026-03-02 09:00", "1001"), ("T2", "2026-03-02 09:00", "1002")];
        let case = Case::new(&[("people.csv", &people)], &records);
        assert_eq!(case.close(), 3, "{said}");
        let rejected = case.result("rejected.csv");
        for line in 2..4 {
            assert!(rejected.contains(&format!("people.csv,{line},{column},{said}")), "{rejected}");
        }
        assert!(rejected.contains(cure), "{rejected}");
        let record = "records.csv,2,agent,the rows of 1001 in people.csv were rejected,mend them first";
        assert!(rejected.contains(record), "{rejected}");
        assert_eq!(case.credits(), ["T2 1002 1000000"], "{said}");
    }
}
