//! When two records are the same, and in what they differ.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tally_kernel::{Message, contribution, msg};

use super::{MeasureValue, Record};

impl Record {
    /// The columns in which the record is another one than `there`, and both values: not those of people, and of measures the
    /// numbers alone.
    pub(super) fn differing(&self, there: &Self) -> Vec<Message> {
        let mut columns = Vec::new();
        let mut note = |column: &str, one: Option<String>, other: Option<String>| {
            let value = |text: Option<String>| text.map_or_else(|| msg!("NO_VALUE_THERE"), Message::told);
            if one != other {
                columns.push(msg!("COLUMN_DIFFERS", column, there = value(other), here = value(one)));
            }
        };
        let at = |ms: i64| Some(Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| at.to_string()));
        note("started_at", at(self.started_ms), at(there.started_ms));
        note("ended_at", at(self.ended_ms), at(there.ended_ms));
        let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        note("kind", given(&self.kind), given(&there.kind));
        let text = |number: Option<u32>| number.map(|number| number.to_string());
        note("first_reply_ms", text(self.first_reply_ms), text(there.first_reply_ms));
        note("resolved", self.resolved.map(|yes| yes.to_string()), there.resolved.map(|yes| yes.to_string()));
        note("rating_milli", text(self.rating_milli), text(there.rating_milli));
        note("amount_minor", self.amount_minor.map(|n| n.to_string()), there.amount_minor.map(|n| n.to_string()));
        note("currency", given(&self.currency), given(&there.currency));
        note("refers_to", given(&self.refers_to), given(&there.refers_to));
        let of = |record: &Self, name: &str| record.measures.iter().find(|m| m.name == name).map(|m| m.value.clone());
        let names: BTreeSet<&str> = self.measures.iter().chain(&there.measures).map(|m| m.name.as_str()).collect();
        let mut hidden: Vec<&str> = Vec::new();
        for name in names {
            let number = |value: Option<MeasureValue>| match value {
                Some(MeasureValue::Number(number)) => Ok(Some(number.to_string())),
                Some(MeasureValue::Text(_)) => Err(()),
                None => Ok(None),
            };
            match (number(of(self, name)), number(of(there, name))) {
                (Ok(one), Ok(other)) => note(name, one, other),
                _ if of(self, name) != of(there, name) => hidden.push(name),
                _ => {}
            }
        }
        hidden.extend((self.agent != there.agent).then_some("agent"));
        hidden.extend((self.customer != there.customer).then_some("customer"));
        hidden.extend((self.contributors != there.contributors).then_some("contributors"));
        hidden.extend((self.device != there.device).then_some("device"));
        columns.extend(hidden.into_iter().map(|column| msg!("COLUMN_DIFFERS.hidden", column)));
        columns
    }

    /// A digest of everything the record says: two records with the same digest are the same.
    pub fn content(&self) -> [u8; 32] {
        let mut hash = Canonical::default();
        hash.text(&self.external_id).number(self.started_ms).number(self.ended_ms);
        hash.text(&self.agent).text(&self.kind).text(&self.customer);
        hash.maybe(self.first_reply_ms.map(i64::from)).maybe(self.resolved.map(i64::from));
        hash.maybe(self.rating_milli.map(i64::from)).maybe(self.amount_minor);
        for measure in &self.measures {
            hash.text(&measure.name);
            match &measure.value {
                MeasureValue::Number(number) => hash.text("n").text(&number.to_string()),
                MeasureValue::Text(text) => hash.text("t").text(text),
            };
        }
        // What came later stands at the end, and only where it is said: what was stored before has the digest that it had.
        let contributors = contribution::write(&self.contributors);
        let later = [("currency", &self.currency), ("refers_to", &self.refers_to), ("contributors", &contributors)];
        for (name, text) in later.into_iter().chain([("device", &self.device)]) {
            if !text.is_empty() {
                hash.text(name).text(text);
            }
        }
        *blake3::hash(&hash.0).as_bytes()
    }
}

/// Bytes that say the same only for the same values: every part carries its length or its presence.
#[derive(Default)]
struct Canonical(Vec<u8>);

impl Canonical {
    fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn number(&mut self, number: i64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn maybe(&mut self, number: Option<i64>) -> &mut Self {
        self.0.push(u8::from(number.is_some()));
        self.number(number.unwrap_or_default())
    }
}
