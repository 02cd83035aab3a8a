//! The form of a new pool: its money, and up to three parts, each with its rule.

use rust_decimal::Decimal;
use tally_api::common::v1::Money;
use tally_api::compensation::v1::pool_part::Rule;
use tally_api::compensation::v1::{Pool, PoolPart, ProportionalRule, TeamFundRule, Tier, TierRule};
use tally_kernel::money::{self, Currency};
use tally_kernel::{Error, Kind, Message, Result, msg};

use crate::ui::Ui;
use crate::ui::form::{self, Choice, Field, Form};

/// Grades of a form; who wants more of them says so to the service.
const TIERS: usize = 5;
/// Millionths in a percent.
const PPM: i64 = 10_000;
/// Millionths in a whole.
const ALL: u32 = 1_000_000;
/// Digits behind the point of a percentage that is told in millionths.
const PPM_DIGITS: u32 = 4;
/// The fields of the first part of the form; the rest belong to parts of the pool.
const HEAD: usize = 6;

/// The fields, all in one row: `grouped` takes those of the parts apart.
pub fn form(ui: &Ui, (cycles, units): (Vec<Choice>, Vec<Choice>), cycle: &str) -> Form {
    let currencies = Currency::all().map(|it| Choice::new(it.code(), it.code())).collect();
    let mut form = Form::new(ui, "/pay/pools/new", "pool", "UI_PAY_MAKE_POOL")
        .with(Field::text(ui, "name", "UI_NAME").required().hint(ui.t("UI_PAY_POOL_NAME_HINT")))
        .with(Field::new(ui, "cycle_id", "UI_PAY_CYCLE", form::Kind::Choice(cycles)).required().value(cycle))
        .with(Field::new(ui, "unit_id", "UI_UNIT", form::Kind::Choice(units)).hint(ui.t("UI_PAY_POOL_UNIT_HINT")))
        .with(Field::text(ui, "amount", "UI_AMOUNT").required().hint(ui.t("UI_PAY_AMOUNT_HINT")))
        .with(Field::new(ui, "currency", "UI_PAY_CURRENCY", form::Kind::Choice(currencies)).required())
        .with(Field::new(ui, "carry", "UI_PAY_CARRY", form::Kind::Check).value("yes"))
        .with(Field::text(ui, "proportional", "UI_PAY_PERCENT_OF_POOL").value("100"))
        .with(Field::text(ui, "floor", "UI_PAY_FLOOR").hint(ui.t("UI_PAY_FLOOR_HINT")))
        .with(Field::text(ui, "tiers", "UI_PAY_PERCENT_OF_POOL"));
    for at in 1..=TIERS {
        let field = |name: &str, label: &str| {
            let mut field = Field::text(ui, &format!("{name}{at}"), label);
            field.label = ui.say(&msg!("UI_PAY_NUMBERED", at, label = field.label));
            field
        };
        form = form
            .with(field("tier", "UI_PAY_TIER"))
            .with(field("quota", "UI_PAY_QUOTA"))
            .with(field("from", "UI_PAY_LOWEST_SCORE"))
            .with(field("weight", "UI_PAY_WEIGHT"));
    }
    form.with(Field::text(ui, "fund_share", "UI_PAY_PERCENT_OF_POOL")).with(Field::text(ui, "fund", "UI_PAY_FUND_NAME"))
}

/// Takes the fields of the parts out of the form: what each part is called, what it does, and its fields.
pub fn grouped(ui: &Ui, form: &mut Form) -> Vec<(String, String, Vec<Field>)> {
    let mut rest = form.fields.split_off(HEAD.min(form.fields.len())).into_iter();
    let mut group = |name: &str, said: String, fields: usize| (ui.t(name), said, rest.by_ref().take(fields).collect());
    vec![
        group("UI_PAY_RULE_PROPORTIONAL", ui.t("UI_PAY_PART_PROPORTIONAL_SAID"), 2),
        group("UI_PAY_RULE_TIERS", ui.t("UI_PAY_PART_TIERS_SAID"), 1 + TIERS * 4),
        group("UI_PAY_TEAM_FUND", ui.t("UI_PAY_PART_FUND_SAID"), 2),
    ]
}

/// What somebody filled in, as a pool; all that is wrong with it at once.
///
/// # Errors
/// `INVALID_REQUEST` with what is wrong beside its field.
pub fn read<'f>(field: &dyn Fn(&str) -> &'f str) -> Result<Pool> {
    let mut wrong = Wrong::default();
    for name in ["name", "cycle_id", "amount", "currency"] {
        if field(name).is_empty() {
            wrong.at(name, msg!("TEXT_EMPTY"));
        }
    }
    let amount = wrong.amount(field("amount"), field("currency"));
    let shares = ["proportional", "tiers", "fund_share"].map(|name| wrong.percent(name, field(name)));
    let sum: u32 = shares.iter().sum();
    if sum != ALL && wrong.is_right(&["proportional", "tiers", "fund_share"]) {
        let sum = Decimal::new(sum.into(), PPM_DIGITS).normalize();
        wrong.at("proportional", msg!("UI_PAY_SHARES_SUM", sum));
    }
    let mut parts = Vec::new();
    let mut part = |share: u32, rule: Rule| {
        if share > 0 {
            parts.push(PoolPart { share_ppm: share, rule: Some(rule) });
        }
    };
    let [proportional, tiers, fund] = shares;
    part(tiers, Rule::Tiers(TierRule { tiers: read_tiers(field, &mut wrong) }));
    part(proportional, Rule::Proportional(ProportionalRule { floor: field("floor").to_owned() }));
    part(fund, Rule::TeamFund(TeamFundRule { name: field("fund").to_owned() }));
    wrong.over()?;
    Ok(Pool {
        name: field("name").to_owned(),
        cycle_id: field("cycle_id").to_owned(),
        unit_id: field("unit_id").to_owned(),
        amount,
        parts,
        carry: field("carry") == "yes",
        ..Default::default()
    })
}

fn read_tiers<'f>(field: &dyn Fn(&str) -> &'f str, wrong: &mut Wrong) -> Vec<Tier> {
    let tier = |at: usize| {
        let of = |name: &str| field(&format!("{name}{at}")).to_owned();
        let name = of("tier");
        if name.is_empty() {
            return None;
        }
        let quota_ppm = wrong.percent(&format!("quota{at}"), &of("quota"));
        Some(Tier { name, quota_ppm, min_score: of("from"), weight: of("weight") })
    };
    (1..=TIERS).filter_map(tier).collect()
}

/// What is wrong so far.
#[derive(Default)]
struct Wrong(Vec<(String, Message)>);

impl Wrong {
    fn at(&mut self, field: &str, message: Message) {
        self.0.push((field.to_owned(), message));
    }

    fn is_right(&self, fields: &[&str]) -> bool {
        !self.0.iter().any(|(name, _)| fields.contains(&name.as_str()))
    }

    /// Percent with at most four digits behind the point, in millionths; empty is nothing.
    fn percent(&mut self, name: &str, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let percent = text.trim_end_matches('%').trim().parse::<Decimal>().ok();
        let ppm = percent.and_then(|percent| percent.checked_mul(Decimal::from(PPM))).filter(Decimal::is_integer);
        match ppm.and_then(|ppm| u32::try_from(ppm).ok()) {
            Some(ppm) if ppm <= ALL => ppm,
            _ => {
                self.at(name, msg!("UI_PAY_NO_PERCENT"));
                0
            }
        }
    }

    fn amount(&mut self, text: &str, currency: &str) -> Option<Money> {
        if text.is_empty() || currency.is_empty() {
            return None;
        }
        let known: Currency = match currency.parse() {
            Ok(known) => known,
            Err(error) => {
                self.at("currency", message(error));
                return None;
            }
        };
        match money::Money::parse_major(text, known) {
            Ok(amount) => Some(Money { currency: currency.to_owned(), minor: amount.minor }),
            Err(error) => {
                self.at("amount", message(error));
                None
            }
        }
    }

    fn over(self) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let error = Error::of(Kind::InvalidArgument, msg!("INVALID_REQUEST", count = self.0.len()));
        Err(self.0.into_iter().fold(error, |error, (name, message)| error.at(name, message)))
    }
}

fn message(error: money::MoneyError) -> Message {
    Error::from(error).message().clone()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(changes: &[(&'static str, &'static str)]) -> Result<Pool> {
        let mut fields = BTreeMap::from([
            ("name", "March"),
            ("cycle_id", "c"),
            ("amount", "12000.50"),
            ("currency", "CNY"),
            ("carry", "yes"),
            ("proportional", "60"),
            ("tiers", "30.5 %"),
            ("tier1", "excellent"),
            ("quota1", "20"),
            ("weight1", "1.5"),
            ("tier2", "good"),
            ("quota2", "80"),
            ("weight2", "1"),
            ("fund_share", "9.5"),
            ("fund", "Team"),
        ]);
        fields.extend(changes.iter().copied());
        read(&|name| fields.get(name).copied().unwrap_or_default())
    }

    #[test]
    fn a_filled_form_is_a_pool() {
        let pool = of(&[]).expect("a pool");
        assert_eq!(pool.amount, Some(Money { currency: "CNY".to_owned(), minor: 1_200_050 }));
        assert_eq!(pool.parts.iter().map(|part| part.share_ppm).collect::<Vec<_>>(), [305_000, 600_000, 95_000]);
        let Some(Rule::Tiers(rule)) = &pool.parts[0].rule else { panic!("tiers first") };
        assert_eq!(rule.tiers.iter().map(|tier| tier.quota_ppm).collect::<Vec<_>>(), [200_000, 800_000]);
        assert!(pool.carry && pool.unit_id.is_empty());
    }

    #[test]
    fn a_part_without_a_share_is_left_out() {
        let pool = of(&[("tiers", ""), ("fund_share", "0"), ("proportional", "100")]).expect("a pool");
        assert_eq!(pool.parts.len(), 1);
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let error = of(&[("name", ""), ("amount", "1,000.001"), ("proportional", "12.34567"), ("tiers", "101")])
            .expect_err("refused");
        let fields: Vec<_> = error.violations().iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["name", "amount", "proportional", "tiers"]);
        let error = of(&[("fund_share", "9")]).expect_err("refused");
        assert_eq!(error.violations()[0].message, msg!("UI_PAY_SHARES_SUM", sum = "99.5"));
        let error = of(&[("currency", "XXX"), ("quota2", "many")]).expect_err("refused");
        let fields: Vec<_> = error.violations().iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["currency", "quota2"]);
    }
}
