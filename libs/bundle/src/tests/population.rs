//! `population` of scheme.yaml.

use super::*;

const SCHEME: &str = "kpis: [{id: n, measure: records, target: team_median, weight: 100}]\n";

fn with(population: &str) -> TempDir {
    let dir = good();
    put(&dir, "scheme.yaml", format!("{SCHEME}population: {population}\n"));
    dir
}

#[test]
fn a_population_is_read_written_back_and_refused_where_it_names_nobody() {
    let said = "{positions: [客服], grades: [P2, P1], units: [杭州], employment_kinds: [实习], include: [1001], exclude: [\"1002\"], \
                as_of: 2026-03-10}";
    let reading = read(&with(said));
    let population = reading.bundle.scheme.population.clone().unwrap();
    let kind = tally_kernel::person::EmploymentKind::Intern;
    let numbers = (population.include.as_slice(), population.exclude.as_slice());
    assert_eq!(numbers, (&["1001".to_owned()][..], &["1002".to_owned()][..]), "numbers are taken as text");
    assert_eq!(
        (population.grades.as_slice(), population.employment_kinds),
        (&["P1".into(), "P2".into()][..], vec![kind])
    );
    let out = TempDir::new().unwrap();
    write_normalised(&reading.bundle, out.path(), Locale::En).unwrap();
    let again = read_bundle(out.path(), Options { literal: true, ..Options::default() }, &mut |_, _| {}).unwrap();
    assert_eq!(again.bundle, reading.bundle);
    write_normalised(&read(&good()).bundle, out.path(), Locale::En).unwrap();
    let plain = fs::read_to_string(out.path().join("scheme.yaml")).unwrap();
    assert!(!plain.contains("population") && !plain.contains("currency"), "the same bytes as before: {plain}");
    // 1002 left on the 16th: employed in the period, and home where it was.
    assert!(read_at(with("{include: [1002], positions: [agent], units: [杭州]}").path()).is_ok());
}

#[test]
fn a_population_of_nobody_is_refused_with_what_there_is_and_a_misspelt_word_is_told() {
    let refusal = refused(&with("{positions: [service manager]}"));
    assert_eq!(refusal.reason, "POPULATION_WITHOUT_PEOPLE");
    let told = [en(&refusal.problem), en(&refusal.cure)].join(" ");
    assert!(
        told.contains("2026-03-01") && told.contains("position: agent, 客服") && told.contains("grade: P1, P2"),
        "{told}"
    );
    let reading = read(&with("{positions: [客服, agents]}"));
    let found = &reading.bundle.findings;
    assert_eq!(kinds(&reading), ["population_of_nobody"]);
    assert_eq!(en(&found[0].detail), "nobody of people.csv has the position \"agents\" (is agent meant?)");
    for (population, path) in [
        ("{units: [杭州/客服/二组]}", "population.units"),
        ("{include: [9999]}", "population.include"),
        ("{exclude: [王芳]}", "population.exclude"),
        ("{employment_kinds: [boss]}", "population.employment_kinds"),
        ("{jobs: [agent]}", "population.jobs"),
        ("{}", "population"),
        ("{as_of: 2026-03-01}", "population"),
    ] {
        let refusal = refused(&with(population));
        assert_eq!(refusal.reason, "INVALID_SETTINGS", "{population}");
        assert!(en(&refusal.problem).contains(path), "{population}: {}", en(&refusal.problem));
    }
}
