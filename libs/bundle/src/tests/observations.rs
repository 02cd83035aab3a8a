//! observations.csv.

use jiff::civil::date;
use rust_decimal::Decimal;

use super::*;

const HEAD: &str = "measure,subject_kind,subject,from,to,at,value,source,revision,run_by\n";

fn observed(rows: &str) -> (TempDir, Reading) {
    let dir = good();
    put(&dir, "observations.csv", format!("{HEAD}{rows}"));
    put(&dir, "group.yaml", "zone: Asia/Shanghai\n");
    let reading = read(&dir);
    (dir, reading)
}

#[test]
fn a_value_of_every_kind_of_subject_is_read_and_written_back_the_same() {
    let rows = "traffic,account,Vipshop/柏林店/berlin,,,2026-03-02 09:00,12,,,\n\
                training,person,1001,2026-03-02,,,0.5,school,3,\n\
                cost,unit,杭州,2026-03-01,2026-03-31,,-7,,,\n\
                conversion,store,JD/星河旗舰店,2026-03-01,2026-03-31,,0.182,,,\n\
                sales,campaign,Spring,2026-03-01,2026-03-31,,9,,,杭州/客服\n\
                sales,campaign,Autumn,2026-03-01,2026-03-31,,9,,,\n\
                sales,campaign,Autumn,2026-03-01,2026-03-31,,9,,,\n";
    let (_dir, reading) = observed(rows);
    assert_eq!((reading.rejected.len(), kinds(&reading)), (0, vec!["duplicate_row"]));
    let bundle = &reading.bundle;
    assert_eq!(bundle.observations.len(), 6);
    let of = |measure: &str| bundle.observations.iter().find(|o| o.measure == measure).unwrap();
    let training = of("training");
    assert_eq!((training.value, training.source.as_str(), training.revision), (Decimal::new(5, 1), "school", 3));
    assert_eq!(training.when, Observed::Days(date(2026, 3, 2), date(2026, 3, 2)));
    assert_eq!(of("traffic").when, Observed::At("2026-03-02T09:00:00+01:00".parse().unwrap()), "by Berlin's clock");
    assert_eq!(of("cost").subject, Subject::Unit("杭州".to_owned()));
    let out = TempDir::new().unwrap();
    write_normalised(bundle, out.path(), Locale::En).unwrap();
    let again = read_bundle(out.path(), Options { literal: true, ..Options::default() }, &mut |_, _| {}).unwrap();
    assert_eq!(again.bundle.observations, bundle.observations);
}

#[test]
fn columns_and_words_of_chinese_exports_are_understood() {
    let dir = good();
    let text = "指标,对象类型,对象,开始日期,结束日期,数值,来源\n培训时长,员工,1001,2026/3/2,,4,学院\n\
                成本,部门,杭州/客服,2026年3月1日,2026年3月31日,100,财务\n转化率,店铺,JD/星河旗舰店,2026-03-01,2026-03-31,0.2,\n";
    put(&dir, "observations.csv", text);
    let reading = read(&dir);
    assert_eq!(reading.rejected, []);
    let measures: Vec<&str> = reading.bundle.observations.iter().map(|o| o.measure.as_str()).collect();
    assert_eq!(measures, ["培训时长", "成本", "转化率"]);
}

#[test]
fn a_row_that_says_nothing_sensible_is_rejected_with_its_column() {
    for (row, column, said) in [
        ("m,team,杭州,2026-03-01,,,1,,,", "subject_kind", "no kind of subject"),
        ("m,unit,杭州/客服/二组,2026-03-01,,,1,,,", "subject", "is no unit"),
        ("m,store,JD/星河,2026-03-01,,,1,,,", "subject", "no account of accounts.csv"),
        ("m,person,9999,2026-03-01,,,1,,,", "subject", "9999"),
        ("m,campaign,Spring,2026-03-01,,,1,,,Nowhere", "run_by", "is no unit"),
        ("m,person,1001,,,,1,,,", "from", "neither on which days"),
        ("m,person,1001,,2026-03-01,,1,,,", "from", "neither on which days"),
        ("m,person,1001,2026-03-01,,2026-03-01 09:00,1,,,", "from", "both on which days and when"),
        ("m,person,1001,,2026-03-01,2026-03-01 09:00,1,,,", "from", "both on which days and when"),
        ("m,person,1001,2026-03-02,2026-03-01,,1,,,", "to", "2026-03-01"),
        ("m,person,1001,2026-03-01,,,many,,,", "value", "many"),
        ("m,person,1001,2026-03-01,,,1,,new,", "revision", "no revision"),
        (",person,1001,2026-03-01,,,1,,,", "measure", "empty"),
    ] {
        let (_dir, reading) = observed(&format!("{row}\n"));
        let (line, found, reason) = only(&reading);
        assert_eq!((line, found), (2, column), "{row}");
        assert!(reason.contains(said), "{row}: {reason}");
    }
}

#[test]
fn a_row_that_a_suite_refused_is_left_out_alone() {
    let (dir, reading) = observed("cost,unit,杭州,2026-03-01,,,1,,,\ncost,unit,杭州,2026-03-02,,,1,,,\n");
    let mut refused = Refusals::default();
    let row = RowName::Observation(reading.bundle.observations[0].clone());
    refused.add(row, "OBSERVATION_UNIT_CLOSED", Message::told("closed"), Message::told("correct it"));
    let options = Options { refused: Some(&refused), ..Options::default() };
    let again = read_bundle(dir.path(), options, &mut |_, _| {}).unwrap();
    assert_eq!((again.rejected[0].line, again.rejected[0].code), (2, "OBSERVATION_UNIT_CLOSED"));
    assert_eq!(again.bundle.observations, reading.bundle.observations[1..]);
}

#[test]
fn of_several_revisions_the_highest_counts_and_what_is_of_other_days_is_told() {
    let rows = "training,person,1001,2026-03-02,,,4,school,,\ntraining,person,1001,2026-03-02,,,5,school,2,\n\
                training,person,1001,2026-03-02,,,6,school,1,\ntraining,person,1002,2026-04-02,,,6,school,,\n\
                traffic,account,berlin,,,2026-02-28 23:59,12,,,\n";
    let (_dir, reading) = observed(rows);
    let values: Vec<String> = reading.bundle.observations.iter().map(|row| row.value.to_string()).collect();
    assert_eq!((values, reading.rejected.len()), (["12", "5", "6"].map(str::to_owned).to_vec(), 0));
    let told: Vec<_> = reading.bundle.findings.iter().map(|f| (f.kind, f.subject.as_str(), en(&f.detail))).collect();
    let earlier = "it comes in several revisions: 2 counts (2 rows of earlier ones left out)";
    let outside = "2 observations are not about days from 2026-03-01 to 2026-03-31 and count for nothing in that period \
                   (such as 2026-02-28 traffic)";
    assert_eq!(
        told,
        [
            (FindingKind::DuplicateRow, "training 1001 2026-03-02", earlier.to_owned()),
            (FindingKind::OutsidePeriod, "", outside.to_owned()),
        ]
    );
}
