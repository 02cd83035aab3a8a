//! The examples of docs/bundle.md are read as they stand there.

use super::*;
use strum::IntoEnumIterator as _;

const DOCS: &str = include_str!("../../../../docs/bundle.md");

/// The contents of the fenced blocks of a language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    DOCS.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_examples_of_the_documentation_are_read() {
    let (csv, yaml) = (blocks("csv"), blocks("yaml"));
    let [people, accounts, records, employments, phases, ..] = csv.as_slice() else {
        panic!("{} examples of CSV", csv.len())
    };
    let [group, policy, scheme, pool] = yaml.as_slice() else { panic!("{} examples of YAML", yaml.len()) };
    let dir = TempDir::new().expect("a folder");
    let files = [("people.csv", people), ("accounts.csv", accounts), ("records.csv", records)];
    let settings = [("group.yaml", group), ("policy.yaml", policy), ("scheme.yaml", scheme), ("pool.yaml", pool)];
    for (name, text) in files {
        put(&dir, name, text);
    }
    assert_eq!(read(&dir).rejected, []);
    for (name, text) in settings {
        put(&dir, name, text);
    }
    let bundle = read(&dir).bundle;
    assert_eq!((bundle.records.len(), bundle.people.len()), (2, 2));
    assert_eq!((bundle.policy, bundle.scheme), (Policy::default(), Scheme::default()));
    assert_eq!(bundle.pool.map(|p| (p.amount_minor, p.rule.len())), Some((6_000_000, 3)));
    put(&dir, "people.csv", format!("{employments}1002,Li Wei,Hangzhou/Chat,,,2025-01-13,\n"));
    assert_eq!(read(&dir).bundle.people[0].employments.len(), 2);
    put(&dir, "accounts.csv", phases);
    put(&dir, "records.csv", records.replace("JD,Star River Digital,jd-kf01", "Tmall,Star River Home,tm-kf03"));
    assert_eq!(read(&dir).bundle.accounts[0].phases.len(), 2);
}

#[test]
fn every_finding_and_every_column_is_documented() {
    for layout in [
        &people::PEOPLE,
        &people::ACCOUNTS,
        &people::ALIASES,
        &crate::devices::DEVICES,
        &records::RECORDS,
        &replied::REPLIES,
        &claimed::CLAIMS,
        &duty::ROSTERS,
        &duty::PUNCHES,
        &duty::HANDOVERS,
        &observed::OBSERVATIONS,
    ] {
        for (column, _) in layout.columns {
            assert!(DOCS.contains(column), "{column} of {}", layout.file);
        }
    }
    for kind in FindingKind::iter() {
        assert!(DOCS.contains(<&str>::from(kind)), "{kind}");
    }
}
