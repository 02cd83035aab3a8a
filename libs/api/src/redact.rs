//! How a field that not everybody may read prints: its class in the place of its value, or `-` where it holds nothing.

use std::fmt;

/// See the module's text.
pub(crate) fn hidden<T: Default + PartialEq>(value: &T, class: &'static str) -> impl fmt::Debug + use<T> {
    fmt::from_fn({
        let there = *value != T::default();
        move |f| if there { write!(f, "[{class}]") } else { f.write_str("-") }
    })
}

#[cfg(test)]
mod tests {
    use crate::common::v1::Money;
    use crate::compensation::v1::{GetStatementResponse, Statement, StatementLine};
    use crate::identity::v1::{GetPersonRequest, Leave, Person, SignInRequest, SignInResponse};

    #[test]
    fn what_not_everybody_may_read_does_not_print_at_any_depth() {
        let money = || Some(Money { currency: "CNY".into(), minor: 876_543_219 });
        let line = StatementLine { amount: money(), note: "876,543,219 fen".into(), ..Default::default() };
        let statement = Statement {
            statement_id: "S-1".into(),
            amount: money(),
            score: "98.7".into(),
            lines: vec![line],
            ..Default::default()
        };
        let printed = format!("{:?}", GetStatementResponse { statement: Some(statement), masked_fields: vec![] });
        for told in ["S-1", "amount: [SALARY]", "score: [RATING]", "equal_split: -", "note: [SALARY]"] {
            assert!(printed.contains(told), "{told} is not in {printed}");
        }
        for hidden in ["876", "98.7"] {
            assert!(!printed.contains(hidden), "{printed}");
        }
        assert_eq!(format!("{:?}", money()), "Some(Money { currency: \"CNY\", minor: [SALARY] })");
    }

    #[test]
    fn neither_names_nor_numbers_nor_secrets_print() {
        let leave = Leave { kind: 1, reason: "an ankle".into(), ..Default::default() };
        let person = Person {
            name: "Li Na".into(),
            employee_no: "E-17".into(),
            id_number: "110105".into(),
            leaves: vec![leave],
            zone: "Asia/Shanghai".into(),
            ..Default::default()
        };
        let ask = GetPersonRequest { id_number: "110105".into(), ..Default::default() };
        let sign_in = SignInRequest { login: "li".into(), password: "willows".into(), ..Default::default() };
        let begun = SignInResponse { access_token: "eyJ".into(), refresh_token: "r-1".into(), ..Default::default() };
        let printed = format!("{person:#?} {ask:?} {sign_in:?} {begun:?}");
        for hidden in ["Li Na", "E-17", "110105", "ankle", "willows", "eyJ", "r-1"] {
            assert!(!printed.contains(hidden), "{hidden} is in {printed}");
        }
        assert!(printed.contains("Asia/Shanghai") && printed.contains("kind: [MEDICAL]"), "{printed}");
    }
}
