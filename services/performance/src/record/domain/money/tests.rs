use jiff::civil::date;
use proptest::prelude::*;
use tally_i18n::text;
use tally_kernel::Locale;

use super::*;

const MARCH: Date = date(2026, 3, 1);

fn kept(of: &[(Currency, Currency, Date, &str)]) -> KeptRates {
    let rates = of.iter().map(|(base, quote, from, rate)| KeptRate {
        base: *base,
        quote: *quote,
        from: *from,
        rate: rate.parse().unwrap(),
        source: "bank".to_owned(),
    });
    KeptRates { group: Currency::CNY, first_day: MARCH, rates: rates.collect() }
}

fn shanghai(kept: &KeptRates, to: Option<Currency>) -> Reckoning {
    kept.reckoning(to, tally_kernel::time::zone("Asia/Shanghai").unwrap())
}

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

#[test]
fn the_day_is_that_of_the_account_and_each_currency_is_rounded_once() {
    let (cny, usd, jpy) = (Currency::CNY, Currency::USD, Currency::JPY);
    let kept = kept(&[(usd, cny, MARCH, "7.005"), (usd, cny, date(2026, 3, 2), "8"), (jpy, cny, MARCH, "0.05")]);
    let reckoning = shanghai(&kept, None);
    let on_the_first =
        |amounts: &[(Currency, i64)]| reckoning.reckon(at("2026-03-01T15:59:59Z"), amounts.iter().copied()).unwrap().0;
    assert_eq!(on_the_first(&[(cny, 3), (cny, -1)]), 2);
    assert_eq!(on_the_first(&[(usd, 50), (usd, 50)]), 700, "7.005 yuan, a half to the even fen");
    assert_eq!(on_the_first(&[(usd, 100), (jpy, 1), (cny, 1)]), 706);
    let (minor, converted) = reckoning.reckon(at("2026-03-01T16:00:00Z"), [(usd, 100)]).unwrap();
    assert_eq!((minor, converted[0].quotation.from), (800, date(2026, 3, 2)));
    let back = shanghai(&kept, Some(usd)).reckon(at("2026-03-01T16:00:00Z"), [(cny, 800), (usd, 5)]).unwrap();
    assert_eq!((back.0, back.1.len()), (105, 1));
}

#[test]
fn what_cannot_be_reckoned_with_is_named_in_both_languages() {
    let (cny, usd, kwd) = (Currency::CNY, Currency::USD, Currency::KWD);
    let kept = kept(&[(kwd, cny, MARCH, "25")]);
    let reckoning = shanghai(&kept, None);
    let wrong = |at_text: &str, currency, minor| reckoning.reckon(at(at_text), [(currency, minor)]).unwrap_err();
    let day = date(2026, 3, 9);
    let missing = wrong("2026-03-09T01:00:00Z", usd, 1);
    assert_eq!(missing, MoneyProblem::RateMissing { from: usd, to: cny, day });
    let large = wrong("2026-03-09T01:00:00Z", kwd, limits::AMOUNT_MINOR);
    assert_eq!(large, MoneyProblem::TooLarge { to: cny });
    assert_eq!(wrong("2026-03-09T01:00:00Z", cny, limits::AMOUNT_MINOR + 1), MoneyProblem::TooLarge { to: cny });
    let before = wrong("2026-02-27T01:00:00Z", usd, 1);
    assert_eq!(before, MoneyProblem::NotKept { day: date(2026, 2, 27) });
    for problem in [missing, large, before] {
        let told = [Locale::En, Locale::ZhCn].map(|locale| text(locale, &problem.message("R-1", "JD/shop/a")));
        assert!(told.iter().all(|told| told.contains("R-1") && told.contains("JD/shop/a")), "{told:?}");
        assert_ne!(told[0], told[1]);
    }
}

#[test]
fn a_finding_names_the_first_rates_with_who_says_so_and_counts_the_others() {
    let (cny, usd) = (Currency::CNY, Currency::USD);
    let days: Vec<_> = (1..=7).map(|day| (usd, cny, date(2026, 3, day), "7")).collect();
    let kept = kept(&days);
    let (reckoning, mut conversions) = (shanghai(&kept, None), Conversions::default());
    for day in 1..=7 {
        let (_, converted) = reckoning.reckon(at(&format!("2026-03-0{day}T01:00:00Z")), [(usd, 1)]).unwrap();
        conversions.add(&converted);
    }
    let found: Vec<Finding> = conversions.findings("JD/shop/a", &kept).collect();
    assert_eq!((found.len(), found[0].kind.as_str(), found[0].subject.as_str()), (1, "AMOUNTS_CONVERTED", "JD/shop/a"));
    let told = text(Locale::En, &found[0].detail);
    assert!(told.contains("1 USD = 7 CNY (2026-03-05, bank) and 2 more") && !told.contains("2026-03-06"), "{told}");
    assert!(text(Locale::ZhCn, &found[0].detail).contains("另有 2 个"));
}

#[test]
fn what_a_run_keeps_reads_back_and_says_so_little_where_there_is_nothing() {
    let rates = kept(&[(Currency::USD, Currency::CNY, MARCH, "7.25")]);
    let json = serde_json::to_string(&rates).unwrap();
    assert_eq!(serde_json::from_str::<KeptRates>(&json).unwrap(), rates);
    let none = KeptRates { rates: Vec::new(), ..rates };
    assert_eq!(serde_json::to_string(&none).unwrap(), r#"{"group":"CNY","first_day":"2026-03-01"}"#);
}

proptest! {
    #[test]
    fn in_any_order_the_same_comes_out(
        amounts in prop::collection::vec((0..4_usize, -1_000_000..1_000_000_i64), 0..12),
        digits in prop::collection::vec(1..9_999_999_u32, 3), seed: u64,
    ) {
        let of = [Currency::CNY, Currency::USD, Currency::JPY, Currency::KWD];
        let rates: Vec<(Currency, Currency, Date, String)> = of[1..].iter().zip(&digits)
            .map(|(base, n)| (*base, Currency::CNY, MARCH, format!("{}.{:04}", n / 10_000, n % 10_000 + 1))).collect();
        let rates: Vec<_> = rates.iter().map(|(base, quote, from, rate)| (*base, *quote, *from, rate.as_str())).collect();
        let kept = kept(&rates);
        let reckoning = shanghai(&kept, None);
        let amounts: Vec<(Currency, i64)> = amounts.into_iter().map(|(n, minor)| (of[n], minor)).collect();
        let mut shuffled = amounts.clone();
        for i in (1..shuffled.len()).rev() {
            let j = usize::try_from(seed.rotate_left(u32::try_from(i).unwrap()) % (i as u64 + 1)).unwrap();
            shuffled.swap(i, j);
        }
        let reckon = |amounts: Vec<(Currency, i64)>| reckoning.reckon(at("2026-03-09T01:00:00Z"), amounts).unwrap();
        prop_assert_eq!(reckon(amounts), reckon(shuffled));
    }
}
