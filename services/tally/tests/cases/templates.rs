//! Schemes to begin with, as docs/measures.md takes them: each scores people of a bundle, right by hand.

use std::collections::BTreeSet;
use std::process::Output;

use crate::case::{Case, RECORDS, text};

const DOCS: &str = include_str!("../../../../docs/measures.md");

const PEOPLE: &str = "employee_no,name,org_unit,position,grade,hired_on,left_on\n\
    1001,Ann,East/Desk,agent,P1,2025-01-06,\n1002,Bo,East/Desk,agent,P1,2025-01-06,\n\
    1003,Cy,East/Desk,agent,P1,2025-01-06,2026-03-10\n2001,Di,East,service manager,M1,2024-01-06,\n\
    3001,Ed,West/Shop,operations,P2,2024-01-06,\n";

/// Agent, kind, customer, seconds until the first reply, resolved, rating, amount.
const ROWS: [[&str; 7]; 5] = [
    ["1001", "presale", "x", "20", "yes", "5", "100"],
    ["1001", "presale", "y", "40", "yes", "4", ""],
    ["1001", "aftersale", "x", "10", "no", "3", ""],
    ["1002", "presale", "v", "30", "yes", "5", "50"],
    ["1002", "presale", "w", "31", "", "", ""],
];

/// Ann comes in time, Bo does not.
const ROSTERS: &str = "employee_no,account,start,end\n1001,mart-a,2026-03-02 09:00,2026-03-02 18:00\n\
    1002,mart-a,2026-03-02 09:00,2026-03-02 18:00\n";
const PUNCHES: &str = "employee_no,at,kind\n1001,2026-03-02 08:58,in\n1001,2026-03-02 18:01,out\n\
    1002,2026-03-02 09:07,in\n1002,2026-03-02 18:02,out\n";

/// Nobody sends `improvements_adopted`.
const OBSERVATIONS: &str = "measure,subject_kind,subject,from,to,value,source,run_by\n\
    quality_check,person,1001,2026-03-04,,80,qa,\nquality_check,person,1001,2026-03-05,,90,qa,\n\
    complaints_received,person,1001,2026-03-06,,1,crm,\ncomplaints_received,person,1002,2026-03-06,,2,crm,\n\
    training_hours,person,1001,2026-03-09,,6,school,\n\
    improvement_proposals,person,2001,2026-03-11,,3,board,\n\
    store_visitors,unit,West/Shop,2026-03-01,2026-03-31,40000,till,\n\
    store_orders,unit,West/Shop,2026-03-01,2026-03-31,1000,till,\n\
    operating_cost,unit,West/Shop,2026-03-01,2026-03-31,15000,books,\n\
    campaign_sales,campaign,Spring,2026-03-05,2026-03-20,90000,till,West/Shop\n";

fn case() -> Case {
    let row = |(n, row): (usize, &[&str; 7])| {
        let [agent, kind, customer, reply, resolved, rating, amount] = row;
        let at = format!("2026-03-02 1{n}:00");
        format!("Mart,One,mart-a,T{n},{at},{at},{agent},{kind},{reply},{resolved},{rating},{amount},{customer}\n")
    };
    let records = RECORDS.replace("amount", "amount,customer") + &ROWS.iter().enumerate().map(row).collect::<String>();
    let files = [
        ("people.csv", PEOPLE),
        ("records.csv", &records),
        ("rosters.csv", ROSTERS),
        ("punches.csv", PUNCHES),
        ("observations.csv", OBSERVATIONS),
        ("pool.yaml", "amount: 900\n"),
    ];
    Case::new(&files, &[])
}

/// What docs/measures.md says to type, in the bundle of a case.
fn typed(case: &Case, command: &str) -> Output {
    let args: Vec<String> =
        command.split_whitespace().skip(1).map(|word| word.replace("my-month", text(&case.bundle()))).collect();
    case.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The month of a case by a template: the case, and every indicator with its value or why it is left out.
fn closed(template: &str, person: &str) -> (Case, Vec<String>) {
    let case = case();
    let command =
        DOCS.lines().map(str::trim).find(|line| line.starts_with("tally scheme template ") && line.contains("--out"));
    let command = command.expect("a command").replace("operations", template);
    let written = typed(&case, &command);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    assert_eq!(case.close(), 0);
    assert!(case.replayed().contains("identical"));
    let told = told(&case, person);
    (case, told)
}

/// Every indicator of a person with its value.
fn told(case: &Case, person: &str) -> Vec<String> {
    let table = case.table("score_cards.csv");
    let column = |name: &str| table[0].iter().position(|cell| cell == name).expect("a column");
    let mine = table[1..].iter().filter(|row| row[0] == person && !row[column("kpi")].is_empty());
    mine.map(|row| format!("{} {}", row[column("kpi")], row[column("value")])).collect()
}

#[test]
fn the_documented_commands_list_and_write_them() {
    let case = case();
    let listed = typed(&case, "tally scheme template");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for name in ["agent: Service agents", "operations: Store operations", "service-manager: Service managers"] {
        assert!(listed.contains(name), "{listed}");
    }
    let commands = DOCS.lines().map(str::trim).filter(|line| line.starts_with("tally scheme template"));
    let ran = commands.map(|command| typed(&case, command)).inspect(|ran| {
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    });
    assert_eq!(ran.count(), 3);
    let file = std::fs::read_to_string(case.bundle().join("scheme.yaml")).expect("the template");
    assert!(file.contains("name: Operations"), "{file}");
    let again = typed(&case, "tally scheme template agent --out my-month/scheme.yaml");
    assert!(!again.status.success(), "what is there may be somebody's own");
    assert_eq!(std::fs::read_to_string(case.bundle().join("scheme.yaml")).expect("the template"), file);
    let unknown = typed(&case, "tally scheme template manager");
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(!unknown.status.success() && said.contains("agent, operations, service-manager"), "{said}");
}

#[test]
fn agents_are_scored_by_records_and_by_what_is_observed() {
    let (case, ann) = closed("agent", "1001");
    let expected = [
        "records 3",
        "first_reply 66.666667",
        "resolved 66.666667",
        "rating 66.666667",
        "conversion 50",
        "quality_check 85",
        "punctuality 100",
    ];
    assert_eq!(ann, expected, "{}", case.result("score_cards.csv"));
    assert_eq!(
        told(&case, "1002").join(", "),
        "records 2, first_reply 50, resolved 100, rating 100, conversion 50, quality_check , punctuality 0"
    );
}

#[test]
fn managers_are_scored_in_four_dimensions_and_what_nobody_sends_is_named() {
    let (case, di) = closed("service-manager", "2001");
    // Ann and Bo for 31 days each, Cy for 10 of which nothing but training is measured; Cy leaves: 100 * 31 / 72.
    let expected = [
        "service_quality.first_reply 58.333334",
        "service_quality.resolved 83.333334",
        "service_quality.rating 83.333334",
        "service_quality.complaints 3",
        "team.turnover 43.055556",
        "team.punctuality 50",
        "team.training 2.583333",
        "business.conversion 50",
        "business.sales_growth ",
        "innovation.proposals 3",
        "innovation.adopted ",
    ];
    assert_eq!(di, expected, "{}", case.result("score_cards.csv"));
    let findings = case.result("findings.csv");
    let adopted = "nobody has data of \"\"improvements_adopted\"\", so that its indicator counts for nobody: send observations of it";
    assert!(findings.contains(adopted), "{findings}");
    let growth = "nobody has a value of \"\"team_sales\"\" from before, so that the indicator of \"\"team_sales_growth\"\" counts for nobody";
    assert!(findings.contains(growth), "{findings}");
    let named = findings.lines().filter(|line| line.starts_with("MEASURE_NOT_SENT,")).count();
    assert_eq!(named, 2, "{findings}");
    let people = |file: &str| case.table(file)[1..].iter().map(|row| row[0].clone()).collect::<BTreeSet<_>>();
    let managers = BTreeSet::from(["2001".to_owned()]);
    assert_eq!([people("score_cards.csv"), people("statements.csv")], [managers.clone(), managers], "and nobody else");
    let summary = case.result("summary.json");
    for said in ["\"people\": 1,", "\"outside_people\": 2,", "\"outside_ppm\": 5000000,", "\"paid_minor\": 90000,"] {
        assert!(summary.contains(said), "{said}: {summary}");
    }
    let unread = "5 observations of \"\"store_visitors\"\"";
    assert!(!findings.contains(unread) && findings.contains("OBSERVATIONS_UNREAD,quality_check"), "{findings}");
}

#[test]
fn operations_are_scored_by_what_is_observed_of_their_unit_and_campaigns() {
    let (case, ed) = closed("operations", "3001");
    let expected = ["visitors 40000", "conversion 2.5", "campaign_sales 90000", "order_cost 15", "visitors_growth "];
    assert_eq!(ed, expected, "{}", case.result("score_cards.csv"));
    // 80, 83.333333 and 90 points, and 120 at the cap, weighing 20, 25, 25 and 15 of 85.
    let table = case.table("score_cards.csv");
    let score = table.iter().find(|row| row[0] == "3001").map(|row| row.join(","));
    assert!(score.as_ref().is_some_and(|row| row.contains("90.98")), "{score:?}");
    let cards = case.result("score_cards.csv");
    assert!(cards.contains("there is no value of before other than 0 of this person to hold it against"), "{cards}");

    // Without any record, and nobody in the position that the template names.
    let scheme = std::fs::read_to_string(case.bundle().join("scheme.yaml")).expect("the template");
    for (position, code) in [("operations", 0), ("buyer", 2)] {
        let scheme = scheme.replace("[operations]", &format!("[{position}]"));
        let bare =
            Case::new(&[("people.csv", PEOPLE), ("observations.csv", OBSERVATIONS), ("scheme.yaml", &scheme)], &[]);
        for name in ["records.csv", "accounts.csv"] {
            std::fs::remove_file(bare.bundle().join(name)).expect("a file");
        }
        let out = bare.bundle().with_file_name("result");
        let closed = bare.run(&["close", text(&bare.bundle()), "--out", text(&out)]);
        let said = String::from_utf8_lossy(&closed.stderr).into_owned();
        assert_eq!(closed.status.code(), Some(code), "{said}");
        if code == 0 {
            assert_eq!(told(&bare, "3001"), ed);
            assert!(bare.replayed().contains("identical"), "{}", bare.replayed());
        } else {
            let here = "position: agent, operations, service manager";
            assert!(said.contains("population names nobody") && said.contains(here), "{said}");
        }
    }
}
