//! A scheme that is being written: from what somebody typed, over what it was made from.

use rust_decimal::Decimal;
use tally_api::performance::v1::{Direction, Kpi, KpiBounds, Normalisation, Scheme, SchemeBounds};

use super::words::{TEAM_MEDIAN, decimal};

/// More indicators than any scheme has.
const MOST: usize = 60;

/// A scheme with one indicator to fill in.
pub fn empty() -> Scheme {
    Scheme { kpis: vec![blank()], ..Default::default() }
}

fn blank() -> Kpi {
    Kpi {
        direction: Direction::Higher.into(),
        normalisation: Normalisation::TargetPiecewise.into(),
        floor: "0".to_owned(),
        cap: "120".to_owned(),
        ..Default::default()
    }
}

/// Without the copies of the catalogue's measures: what is written takes them as they are now.
pub fn without_copies(mut scheme: Scheme) -> Scheme {
    scheme.measures.retain(|it| it.version == 0);
    scheme
}

/// With one more indicator to fill in.
pub fn with_one_more(mut scheme: Scheme) -> Scheme {
    if scheme.kpis.len() < MOST {
        scheme.kpis.push(blank());
    }
    scheme
}

/// Without the indicator at a place.
pub fn without(mut scheme: Scheme, at: usize) -> Scheme {
    if at < scheme.kpis.len() {
        scheme.kpis.remove(at);
    }
    scheme
}

/// What the weights sum to; what is no number counts for nothing.
pub fn sum(scheme: &Scheme) -> Decimal {
    scheme.kpis.iter().map(|kpi| decimal(&kpi.weight)).fold(Decimal::ZERO, |sum, it| sum.checked_add(it).unwrap_or(sum))
}

/// A count in a field; nothing for none.
pub fn count(count: u32) -> String {
    if count == 0 { String::new() } else { count.to_string() }
}

/// By how much a refinement may weigh an indicator otherwise, in points; empty for not at all.
pub fn within(scheme: &Scheme, kpi: &Kpi) -> String {
    let bounds = scheme.bounds.iter().flat_map(|it| &it.kpis).find(|it| it.key == kpi.key);
    let Some(bounds) = bounds else { return String::new() };
    if !bounds.weight_within.is_empty() {
        return bounds.weight_within.clone();
    }
    let range = bounds.weight.as_ref().map(|it| (decimal(&it.max) - decimal(&kpi.weight)).normalize().to_string());
    range.unwrap_or_default()
}

/// What was typed, over what it was made from. `further`: name and owner stay.
pub fn read(base: &Scheme, further: bool, get: &impl Fn(&str) -> String) -> Scheme {
    let mut scheme = Scheme { kpis: kpis(get), collaboration: get("collaboration") == "yes", ..base.clone() };
    if !further {
        (scheme.name, scheme.unit_id, scheme.scheme_id) = (get("name"), get("unit_id"), String::new());
    }
    scheme.version = 0;
    scheme.withdrawal = None;
    if scheme.parent.is_none() {
        scheme.currency = get("currency");
        scheme.bounds = (get("refinable") == "yes").then(|| bounds(base, &scheme.kpis, get));
    } else if further && let Some(parent) = &mut scheme.parent {
        // A new version of a refinement follows the newest version of its standard.
        parent.version = 0;
    }
    scheme
}

fn kpis(get: &impl Fn(&str) -> String) -> Vec<Kpi> {
    let mut kpis: Vec<Kpi> = Vec::new();
    // An indicator that is not there has no direction: its field always says one.
    for at in (0..MOST).take_while(|at| !get(&format!("kpis[{at}].direction")).is_empty()) {
        let of = |field: &str| get(&format!("kpis[{at}].{field}"));
        let mut kpi = Kpi {
            key: of("key"),
            measure: of("measure"),
            unit: of("unit"),
            direction: Direction::from_str_name(&of("direction")).unwrap_or_default().into(),
            target: Some(of("target")).filter(|it| !it.is_empty()).unwrap_or_else(|| TEAM_MEDIAN.to_owned()),
            weight: of("weight"),
            normalisation: Normalisation::from_str_name(&of("normalisation")).unwrap_or_default().into(),
            floor: of("floor"),
            cap: of("cap"),
            small_sample: of("small_sample").parse().unwrap_or_default(),
            standard_unit: false,
        };
        if kpi.key.is_empty() {
            kpi.key = key(&kpi.measure, &kpis);
        }
        kpis.push(kpi);
    }
    kpis
}

/// A key of its own for an indicator that was given none.
fn key(measure: &str, others: &[Kpi]) -> String {
    let name = measure.rsplit('.').next().unwrap_or(measure);
    let taken = |key: &str| others.iter().any(|kpi| kpi.key == key);
    let numbered = (2..=MOST + 1).map(|at| format!("{name}_{at}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|key| !taken(key)).unwrap_or_default()
}

fn bounds(base: &Scheme, kpis: &[Kpi], get: &impl Fn(&str) -> String) -> SchemeBounds {
    let known = base.bounds.clone().unwrap_or_default();
    let of = |(at, kpi): (usize, &Kpi)| {
        let within = get(&format!("kpis[{at}].within"));
        let before = known.kpis.iter().find(|it| it.key == kpi.key);
        if before.is_none() && within.is_empty() {
            return None;
        }
        let before = before.cloned().unwrap_or_else(|| KpiBounds { key: kpi.key.clone(), ..Default::default() });
        Some(KpiBounds { weight: None, weight_within: within, ..before })
    };
    SchemeBounds {
        mandatory: get("mandatory") == "yes",
        kpis: kpis.iter().enumerate().filter_map(of).collect(),
        ..known
    }
}

#[cfg(test)]
mod tests {
    use tally_api::performance::v1::{DecimalRange, MeasureDefinition, SchemeParent};

    use super::*;

    fn typed<'t>(fields: &'t [(&'t str, &'t str)]) -> impl Fn(&str) -> String + 't {
        move |name| fields.iter().find(|(known, _)| *known == name).map_or(String::new(), |it| it.1.to_owned())
    }

    const TWO: [(&str, &str); 9] = [
        ("name", "Autumn"),
        ("kpis[0].measure", "supplied.conversion"),
        ("kpis[0].direction", "DIRECTION_HIGHER"),
        ("kpis[0].weight", "33.5"),
        ("kpis[0].within", "5"),
        ("kpis[1].measure", "supplied.conversion"),
        ("kpis[1].direction", "DIRECTION_LOWER"),
        ("kpis[1].weight", "66.5"),
        ("kpis[1].target", "90"),
    ];

    #[test]
    fn what_was_typed_becomes_a_scheme_whose_keys_are_its_own() {
        let scheme = read(&empty(), false, &typed(&TWO));
        let keys: Vec<_> = scheme.kpis.iter().map(|kpi| kpi.key.as_str()).collect();
        assert_eq!(keys, ["conversion", "conversion_2"]);
        assert_eq!(scheme.kpis.iter().map(|kpi| kpi.target.as_str()).collect::<Vec<_>>(), [TEAM_MEDIAN, "90"]);
        assert_eq!((sum(&scheme), scheme.bounds), (Decimal::ONE_HUNDRED, None));
    }

    #[test]
    fn what_the_form_does_not_show_stays() {
        let range = DecimalRange { min: "20".into(), max: "40".into() };
        let known = KpiBounds { key: "conversion".into(), weight: Some(range), optional: true, ..Default::default() };
        let copied = MeasureDefinition { name: "supplied.conversion".into(), version: 1, ..Default::default() };
        let own = MeasureDefinition { name: "own".into(), ..Default::default() };
        let base = Scheme {
            name: "Spring".into(),
            bounds: Some(SchemeBounds { kpis: vec![known], collaboration: true, ..Default::default() }),
            measures: vec![copied, own],
            ..Default::default()
        };
        let fields: Vec<_> = TWO.into_iter().chain([("refinable", "yes")]).collect();
        let scheme = read(&without_copies(base), true, &typed(&fields));
        let bounds = scheme.bounds.expect("it may be refined");
        assert!(bounds.collaboration && bounds.kpis[0].optional && scheme.name == "Spring");
        assert_eq!((bounds.kpis.len(), bounds.kpis[0].weight_within.as_str()), (1, "5"));
        assert_eq!(scheme.measures.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["own"]);
    }

    #[test]
    fn a_new_version_of_a_refinement_follows_the_newest_standard_and_lays_down_nothing() {
        let parent = Some(SchemeParent { scheme_id: "standard".into(), version: 3 });
        let fields: Vec<_> = TWO.into_iter().chain([("refinable", "yes"), ("currency", "EUR")]).collect();
        let base = Scheme { parent, currency: "CNY".into(), ..empty() };
        let scheme = read(&base, true, &typed(&fields));
        assert_eq!(scheme.parent.expect("it refines").version, 0);
        assert_eq!((scheme.bounds, scheme.currency.as_str()), (None, "CNY"));
    }

    #[test]
    fn indicators_come_and_go() {
        let scheme = with_one_more(read(&empty(), false, &typed(&TWO)));
        assert_eq!(scheme.kpis.len(), 3);
        assert_eq!(without(without(scheme, 0), 9).kpis.len(), 2);
    }
}
