//! What is told of the amounts of an account's sessions: by what they were converted, and sales of which more was paid back than they
//! brought. The numbers stay what was sent.

use tally_engine::closing::facts::Finding;
use tally_kernel::{Currency, Money, msg};

use super::money::{Conversions, Converted, KeptRates};

/// Sales that a finding names, and refunds of each.
const NAMED: usize = 5;

/// A sale with its refunds, as records say them: no currency where it is the group's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overpaid {
    pub sale: String,
    /// Nothing where the record has no amount.
    pub brought: Option<Sum>,
    pub refunds: Vec<(String, Sum)>,
}

/// Minor units of a currency.
pub type Sum = (Option<Currency>, i64);

/// Of one account.
#[derive(Debug, Default)]
pub struct Told {
    conversions: Conversions,
    overpayments: Overpayments,
}

impl Told {
    pub fn add(&mut self, converted: &[Converted], overpaid: Option<Overpaid>) {
        self.conversions.add(converted);
        overpaid.into_iter().for_each(|one| self.overpayments.add(one));
    }

    /// What somebody should look at, of a run that keeps these rates.
    pub fn findings(&self, account: &str, money: &KeptRates) -> Vec<Finding> {
        self.conversions.findings(account, money).chain(self.overpayments.finding(account, money.group)).collect()
    }
}

/// Those of one account.
#[derive(Debug, Default)]
struct Overpayments {
    /// In the order of the records.
    named: Vec<Overpaid>,
    sales: u64,
}

impl Overpayments {
    fn add(&mut self, one: Overpaid) {
        self.sales += 1;
        if self.named.len() < NAMED {
            self.named.push(one);
        }
    }

    /// One finding that names the first of them with all amounts; nothing where there is none.
    fn finding(&self, account: &str, group: Currency) -> Option<Finding> {
        let money = |(currency, minor): &Sum| Money::new(*minor, currency.unwrap_or(group)).to_string();
        let sale = |one: &Overpaid| {
            let brought = one.brought.as_ref().map_or_else(|| "-".to_owned(), money);
            let refunds = one.refunds.iter().take(NAMED).map(|(id, sum)| format!("{id} {}", money(sum)));
            let more = if one.refunds.len() > NAMED { ", …" } else { "" };
            format!("{} {brought} ({}{more})", one.sale, refunds.collect::<Vec<_>>().join(", "))
        };
        let named = self.named.iter().map(sale).collect::<Vec<_>>().join("; ");
        let (sales, more) = (self.sales, self.sales.saturating_sub(NAMED as u64));
        let told = msg!("REFUND_EXCEEDS_SALE", sales, named, more);
        (sales > 0).then(|| Finding::new("REFUND_EXCEEDS_SALE", account, "", told))
    }
}

#[cfg(test)]
mod tests {
    use tally_i18n::text;
    use tally_kernel::Locale;

    use super::*;

    #[test]
    fn the_first_sales_are_named_with_all_amounts_and_the_others_counted() {
        let mut all = Overpayments::default();
        assert_eq!(all.finding("JD/shop/a", Currency::CNY), None);
        let refunds = vec![("r1".to_owned(), (None, -600)), ("r2".to_owned(), (Some(Currency::JPY), -50))];
        all.add(Overpaid { sale: "a".into(), brought: Some((None, 1_000)), refunds: refunds.clone() });
        let told = |all: &Overpayments, locale| text(locale, &all.finding("JD/shop/a", Currency::CNY).unwrap().detail);
        let one = told(&all, Locale::En);
        assert!(one.contains("of one sale") && one.ends_with("a 10.00 CNY (r1 -6.00 CNY, r2 -50 JPY)"), "{one}");
        for n in 0..6 {
            all.add(Overpaid { sale: format!("s{n}"), brought: None, refunds: refunds[..1].to_vec() });
        }
        let many = told(&all, Locale::En);
        assert!(many.contains("of 7 sales") && many.contains("s3 - (r1 -6.00 CNY) and 2 more"), "{many}");
        assert!(!many.contains("s4"), "{many}");
        let chinese = told(&all, Locale::ZhCn);
        assert!(chinese.contains("7 笔销售") && chinese.contains("另有 2 笔"), "{chinese}");
    }
}
