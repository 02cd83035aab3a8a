//! The canonical form: reading it gives the same bundle, whatever the order of rows was.

use proptest::prelude::*;

use super::*;

/// The bundle with its findings as the canonical form keeps them.
fn in_words(bundle: &Bundle) -> Bundle {
    let mut bundle = bundle.clone();
    bundle.findings.iter_mut().for_each(|finding| finding.detail = Message::told(en(&finding.detail)));
    bundle.findings.sort();
    bundle
}

/// Reads, writes, reads again; both readings are equal and so are the files. Returns the digests.
pub(super) fn round(dir: &TempDir) -> (Reading, Vec<FileDigest>) {
    let first = read(dir);
    let (one, two) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let digests = write_normalised(&first.bundle, one.path(), Locale::En).expect("written");
    // To the letter, as a replay reads it: what is left of an apostrophe there belongs to the text.
    let literal = Options { literal: true, ..Options::default() };
    let second = read_bundle(one.path(), literal, &mut |_, _| {}).expect("the canonical form is usable");
    assert!(second.rejected.is_empty(), "{:#?}", second.rejected);
    assert_eq!(in_words(&second.bundle), in_words(&first.bundle));
    assert_eq!(write_normalised(&second.bundle, two.path(), Locale::En).expect("written"), digests);
    let mut files = second.files.clone();
    files.sort_by(|a, b| a.file.cmp(&b.file));
    assert_eq!(files, digests);
    (first, digests)
}

const TRICKY: [&str; 12] = [
    "JD,星河旗舰店,kf01,R1,2026-03-02 09:00,2026-03-02 09:05,1001,\"a\n\"\"b\"\"\",12.5,yes,5,199.00,c1,3,x\n",
    "JD,星河旗舰店,kf01,R1,2026-03-02 09:00,2026-03-02 09:05,1001,\"a\n\"\"b\"\"\",12.5,yes,5,199.00,c1,3,x\n",
    "JD,星河旗舰店,kf01,R2,2026-03-02 09:00,2026-03-02 09:05,,,,,,,,,\n",
    "JD,星河旗舰店,kf01,R3,2026-03-02 09:00,2026-03-02 09:05,,,,,,,,4,y\n",
    "JD,星河旗舰店,kf01,R3,2026-03-02 09:00,2026-03-02 09:06,,,,,,,,text,y\n",
    "Tmall,银河专营店,kf01,R1,2026-03-31 23:59:59.5,2026-04-01 00:05,1002,退款,0.0000004,否,4.50,0,c2,0.10,7\n",
    "Tmall,银河专营店,kf01,R9,2026-03-30 10:00,2026-03-30 10:05,,,,,,,c1,-5,\n",
    "Vipshop,柏林店,berlin,R1,2026-03-29 02:30,2026-03-29 02:40,,,,,,,,,\n",
    "Vipshop,柏林店,berlin,R2,2026-03-29T00:30:00Z,2026-03-29 03:40,,,,,,,,,\n",
    "Nowhere,x,y,R2,2026-03-29T00:30:00Z,2026-03-29 03:40,,,,,,,,,\n",
    "broken row\n",
    "Vipshop,柏林店,berlin,R5,2026-03-05 12:00,2026-03-05 12:00,2001,a,3600,0,1,1.1,\"x,y\",1,\n",
];

fn tricky(order: &[usize]) -> TempDir {
    let dir = good();
    let rows: String = order.iter().map(|i| TRICKY[*i]).collect();
    put(&dir, "records.csv", HEAD.replace('\n', ",customer,score,mark\n") + &rows);
    put(&dir, "group.yaml", "name: \"星河: #1\"\nbranches: {杭州: east, 柳州: '2026'}\n");
    put(&dir, "pool.yaml", "amount: 1000\nrule:\n- {share: 99.9999, by: score}\n- {share: 0.0001, by: team_fund}\n");
    put(&dir, "stray.csv", "");
    let shuffled = |rows: &[&str]| order.iter().filter_map(|i| rows.get(*i).copied()).collect::<String>();
    put(
        &dir,
        "punches.csv",
        String::from("employee_no,at,kind\n")
            + &shuffled(&[
                "1001,2026-03-02 08:00,in\n",
                "1001,2026-03-02 17:00,out\n",
                "1001,2026-03-02 08:00,in\n",
                "2001,2026-03-29 02:10,in\n",
            ]),
    );
    put(
        &dir,
        "rosters.csv",
        String::from("employee_no,account,start,end\n")
            + &shuffled(&[
                "1001,JD/星河旗舰店/kf01,2026-03-02 08:00,2026-03-02 17:00\n",
                "1001,berlin,2026-03-02 22:00,2026-03-03 06:00\n",
            ]),
    );
    put(
        &dir,
        "handovers.csv",
        String::from("account,employee_no,at,kind\n")
            + &shuffled(&[
                "berlin,2001,2026-03-02 08:00,take\n",
                "berlin,2001,2026-03-02 08:00,release\n",
                "berlin,1001,2026-03-02 07:00,take\n",
            ]),
    );
    put(
        &dir,
        "aliases.csv",
        String::from("platform,alias,employee_no,from,to\n")
            + &shuffled(&["JD,小雨,1001,,2026-03-04\n", "JD,小雨,1002,2026-03-05,\n"]),
    );
    dir
}

#[test]
fn reading_the_canonical_form_gives_the_same_bundle() {
    let (reading, digests) = round(&good());
    assert_eq!(digests.len(), 6);
    assert_eq!(reading.bundle.findings, []);
}

#[test]
fn rows_that_contradict_each_other_are_read_back_where_a_month_was_closed_with_them() {
    let dir = good();
    put(&dir, "reading.csv", "kind,file,subject,detail,count\n");
    put(&dir, "punches.csv", "employee_no,at,kind\n1001,2026-03-02 08:00,in\n1001,2026-03-02 08:00,out\n");
    put(
        &dir,
        "handovers.csv",
        "account,employee_no,at,kind\nberlin,2001,2026-03-02 08:00,take\nberlin,2001,2026-03-02 08:00,release\n",
    );
    let (reading, _) = round(&dir);
    assert_eq!((reading.bundle.punches.len(), reading.bundle.handovers.len()), (2, 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn neither_bundle_nor_canonical_bytes_depend_on_the_order_of_rows(order in Just((0..TRICKY.len()).collect::<Vec<_>>()).prop_shuffle()) {
        let straight: Vec<usize> = (0..TRICKY.len()).collect();
        let (a, a_digests) = round(&tricky(&straight));
        let (b, b_digests) = round(&tricky(&order));
        prop_assert_eq!(&a.bundle, &b.bundle);
        prop_assert_eq!(a_digests, b_digests);
        prop_assert_eq!(&a.rejected_rows, &b.rejected_rows);
        prop_assert_eq!(a.rejected_rows["records.csv"], 5);
        prop_assert_eq!(ids(&a), ["R1", "R2", "R9", "R1", "R5", "R2"]);
    }

    #[test]
    fn any_text_in_a_cell_survives(texts in proptest::collection::vec("[^\u{0}]{0,12}|[ \",\n\r;\t]{0,6}", 1..6), head in "[a-z ,\"A-Z\u{4e00}-\u{4e10}]{1,6}") {
        let dir = good();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let known: Vec<&str> = HEAD.trim_end().split(',').collect();
        let extra = format!("extra {head}");
        writer.write_record(known.iter().copied().chain([extra.as_str()])).expect("memory");
        for (i, text) in texts.iter().enumerate() {
            let id = format!("R{i}");
            let row = ["JD", "星河旗舰店", "kf01", &id, "2026-03-02 09:00", "2026-03-02 09:05", "", text, "", "", "", "", text];
            writer.write_record(row).expect("memory");
        }
        put(&dir, "records.csv", writer.into_inner().expect("memory"));
        let (reading, _) = round(&dir);
        prop_assert_eq!(reading.bundle.records.len(), texts.len());
    }
}

#[test]
fn many_findings_are_listed_up_to_a_limit_and_survive_a_second_reading() {
    let dir = good();
    let rows: String = (0..1_005).map(|n| ROW.replace("R1", &format!("R{n}")).repeat(2)).collect();
    put(&dir, "records.csv", format!("{HEAD}{rows}"));
    let (reading, _) = round(&dir);
    assert_eq!(reading.bundle.findings.len(), 1_001);
    assert_eq!((reading.bundle.findings[0].subject.as_str(), reading.bundle.findings[0].count), ("", 5));
}
