use tally_i18n::text;
use tally_kernel::Locale;
use tally_kernel::import::{ImportOutcome, Problem};

use super::*;

pub(super) fn record(id: &str) -> Record {
    Record {
        external_id: id.to_owned(),
        started_ms: 1_772_400_000_000,
        ended_ms: 1_772_400_060_000,
        agent: String::new(),
        kind: "presale".to_owned(),
        first_reply_ms: Some(12_000),
        resolved: Some(true),
        rating_milli: None,
        amount_minor: Some(9_900),
        customer: "c1".to_owned(),
        measures: vec![],
        currency: String::new(),
        refers_to: String::new(),
        contributors: Vec::new(),
        device: String::new(),
    }
}

/// As the store tells it.
pub(super) fn stored(row: &Row) -> Stored {
    Stored {
        revision: row.revision,
        content: row.content,
        started_ms: row.record.started_ms,
        refers_to: row.record.refers_to.clone(),
        record: Some(Box::new(row.record.clone())),
    }
}

#[test]
fn a_backwards_interval_and_a_negative_amount_are_refused_and_say_why() {
    let mut backwards = record("a");
    backwards.ended_ms = backwards.started_ms - 1;
    assert_eq!(backwards.check().unwrap_err().reason(), "INTERVAL_BACKWARDS");
    let mut negative = record("a");
    negative.amount_minor = Some(-1);
    assert_eq!(negative.check().unwrap_err().reason(), "AMOUNT_NEGATIVE");
    assert_eq!(record("a\u{202e}b").seen().unwrap_err().reason(), "ID_WITH_UNSEEN");
    let mut bidden = record("a");
    bidden.agent = "\u{feff}1001".to_owned();
    assert_eq!(bidden.seen(), Err(RowError::Unseen("agent", "U+FEFF".to_owned())));
    let mut nickname = record("a");
    nickname.agent = "\u{2764}\u{fe0f}小雨".to_owned();
    assert!(nickname.seen().is_ok(), "an agent may be named by a nickname");
    let mut nameless = record("");
    nameless.external_id.clear();
    assert_eq!(nameless.check(), Err(RowError::NoExternalId));
}

#[test]
fn what_no_month_could_add_up_is_refused_and_the_most_that_a_file_may_say_is_not() {
    let refused = |change: fn(&mut Record)| {
        let mut record = record("a");
        change(&mut record);
        record.check().err().map(|error| error.reason())
    };
    let number = |r: &mut Record, text: &str| {
        r.measures = vec![Measure { name: "qa".into(), value: MeasureValue::Number(text.parse().unwrap()) }];
    };
    const HOUR: i64 = 3_600_000;
    type Case = (fn(&mut Record), Option<&'static str>);
    let cases: [Case; 10] = [
        (|r| r.amount_minor = Some(i64::MAX), Some("AMOUNT_OUT_OF_RANGE")),
        (|r| r.amount_minor = Some(limits::AMOUNT_MINOR), None),
        (|r| r.ended_ms = r.started_ms + 32 * 24 * HOUR, Some("INTERVAL_TOO_LONG")),
        (|r| r.ended_ms = r.started_ms + 31 * 24 * HOUR, None),
        (|r| r.started_ms = -62_135_596_800_000, Some("RECORD_TIME_IMPLAUSIBLE")),
        (|r| r.ended_ms = 19_000_000_000_000, Some("RECORD_TIME_IMPLAUSIBLE")),
        (|r| r.first_reply_ms = Some(u32::MAX), Some("REPLY_OUT_OF_RANGE")),
        (|r| r.first_reply_ms = Some(4_000_000_000), None),
        (|r| r.rating_milli = Some(10_001), Some("RATING_OUT_OF_RANGE")),
        (|r| r.rating_milli = Some(10_000), None),
    ];
    for (at, (change, wanted)) in cases.into_iter().enumerate() {
        assert_eq!(refused(change), wanted, "case {at}");
    }
    let mut large = record("a");
    number(&mut large, "-1000000000000000.5");
    assert_eq!(large.check().unwrap_err().reason(), "MEASURE_OUT_OF_RANGE");
    let mut most = record("a");
    number(&mut most, "999999999999999.999999");
    assert!(most.check().is_ok());
}

#[test]
fn a_long_text_is_measured_in_characters_not_bytes() {
    let mut chinese = record("a");
    chinese.customer = "客".repeat(MAX_ID);
    assert!(chinese.clone().check().is_ok());
    chinese.customer.push('客');
    assert_eq!(chinese.check(), Err(RowError::TooLong("customer", MAX_ID)));
}

#[test]
fn every_field_changes_the_content() {
    let base = record("a").content();
    let changes: [fn(&mut Record); 13] = [
        |r| r.external_id.push('x'),
        |r| r.started_ms -= 1,
        |r| r.ended_ms += 1,
        |r| r.agent.push('x'),
        |r| r.kind.push('x'),
        |r| r.first_reply_ms = None,
        |r| r.resolved = Some(false),
        |r| r.rating_milli = Some(0),
        |r| r.amount_minor = Some(0),
        |r| r.currency = "JPY".to_owned(),
        |r| r.refers_to = "b".to_owned(),
        |r| r.device = "PC-7".to_owned(),
        |r| r.measures.push(Measure { name: "qa".into(), value: MeasureValue::Text(String::new()) }),
    ];
    let mut seen = BTreeSet::from([base]);
    for change in changes {
        let mut other = record("a");
        change(&mut other);
        assert!(seen.insert(other.content()), "{other:?}");
    }
    let mut shifted = record("a");
    (shifted.agent, shifted.kind) = ("p".to_owned(), "resale".to_owned());
    assert!(seen.insert(shifted.content()), "a letter moved to the neighbour is another content");
}

#[test]
fn the_same_content_again_counts_as_unchanged_and_an_id_with_two_contents_is_refused_wherever_it_stands() {
    let mut other = record("a");
    other.kind = "after-sales".to_owned();
    let rows = [record("a"), record("b"), other, record("c"), record("d"), record("d")].map(|r| Row::new(r, 0));
    let mut known = record("c");
    (known.amount_minor, known.customer, known.rating_milli) = (Some(9_800), "c2".to_owned(), Some(5_000));
    known.measures = [("qa", "4.5"), ("shop", "1")]
        .map(|(name, n)| Measure { name: name.into(), value: MeasureValue::Number(n.parse().unwrap()) })
        .to_vec();
    known.measures.push(Measure { name: "note".into(), value: MeasureValue::Text("of Li Na".into()) });
    let said = |record: Record| (record.external_id.clone(), There::Record(stored(&Row::new(record, 0))));
    let there = [record("b"), known].map(said).into();
    let mut outcome = ImportOutcome::default();
    let plan = revise((0..).zip(rows).collect(), there, &mut outcome);
    assert_eq!(plan.changes, [Change { earlier: vec![], row: Row::new(record("d"), 0), was: None }]);
    let outcome = outcome.in_order();
    assert_eq!((outcome.written, outcome.unchanged), (1, 2));
    let refused = |p: &Problem| (p.index, p.reason.clone());
    let expected = [(0, "ROWS_CONTRADICT"), (2, "ROWS_CONTRADICT"), (3, "DIFFERENT_CONTENT")];
    let expected = expected.map(|(index, reason)| (index, reason.to_owned()));
    assert_eq!(outcome.problems.iter().map(refused).collect::<Vec<_>>(), expected);
    assert_eq!(
        text(Locale::En, &outcome.problems[2].message),
        "c is there already with other content (rating_milli: 5000 there, none here; amount_minor: 9800 there, 9900 here; \
         qa: 4.5 there, none here; shop: 1 there, none here; note; customer): send it with a higher revision, if this is what \
         counts"
    );
    assert!(text(Locale::ZhCn, &outcome.problems[2].message).contains("amount_minor：已有 9800，此处 9900"));
}

#[test]
fn measures_are_stored_in_one_order_and_read_back() {
    let named = |name: &str, value| Measure { name: name.to_owned(), value };
    let mut record = record("a");
    record.measures = vec![
        named("qa", MeasureValue::Number("4.50".parse().unwrap())),
        named("channel", MeasureValue::Text("app".to_owned())),
    ];
    let record = record.check().unwrap();
    assert_eq!(record.measures[0].name, "channel");
    let json = serde_json::to_string(&record.measures).unwrap();
    assert_eq!(json, r#"[{"k":"channel","t":"app"},{"k":"qa","n":"4.50"}]"#);
    assert_eq!(serde_json::from_str::<Vec<Measure>>(&json).unwrap(), record.measures);
}

#[test]
fn a_negative_amount_is_a_refund_that_names_its_record_and_nothing_else() {
    let sent = |amount: Option<i64>, refers_to: &str| {
        let record = Record { amount_minor: amount, refers_to: refers_to.to_owned(), ..record("a") };
        record.check().err().map(|error| error.reason())
    };
    assert_eq!(sent(Some(-100), "b"), None);
    assert_eq!(sent(Some(-100), ""), Some("AMOUNT_NEGATIVE"));
    assert_eq!(sent(Some(100), "b"), Some("REFUND_TAKES_NOTHING"));
    assert_eq!(sent(None, "b"), Some("REFUND_TAKES_NOTHING"));
    assert_eq!(sent(Some(-limits::AMOUNT_MINOR - 1), "b"), Some("AMOUNT_OUT_OF_RANGE"));
    let in_currency = |code: &str| {
        let record = Record { currency: code.to_owned(), ..record("a") };
        record.check().err().map(|error| error.reason())
    };
    assert_eq!([in_currency("JPY"), in_currency("")], [None, None]);
    assert_eq!(in_currency("jpy"), Some("RECORD_CURRENCY_UNKNOWN"));
}

#[test]
fn what_was_stored_before_there_were_currencies_has_the_digest_that_it_had() {
    let digest = blake3::Hash::from_bytes(record("a").content()).to_hex();
    assert_eq!(digest.as_str(), "fb36a680d7759211a25910f1f13fc710d2864ce3db19b04a32f8390aaf11ffad");
}
