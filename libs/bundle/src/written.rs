//! The numbers of a YAML file as they are written: YAML itself makes one of `1.000`.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_norway::{Mapping, Value};

/// Keys whose values are texts, whatever they look like.
const TEXTS: [&str; 4] = ["id", "name", "of", "unit"];

/// Path and text of every number of the file that `map` was read from, and of every text where a number may stand.
pub(crate) fn numbers(map: &Mapping, source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let seed = Node { value: &Value::Mapping(map.clone()), path: String::new(), found: &mut found };
    // What was read once as YAML is YAML.
    let _ = seed.deserialize(serde_norway::Deserializer::from_str(source));
    found
}

/// A part of the file, which is walked beside what it was read as.
struct Node<'a> {
    value: &'a Value,
    path: String,
    found: &'a mut Vec<(String, String)>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.value {
            Value::Mapping(_) => deserializer.deserialize_map(self),
            Value::Sequence(_) => deserializer.deserialize_seq(self),
            Value::Number(_) | Value::String(_) => deserializer.deserialize_str(self),
            Value::Null | Value::Bool(_) | Value::Tagged(_) => {
                deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ())
            }
        }
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("what the file was read as")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.found.push((self.path, text.to_owned()));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for (value, at) in self.value.as_sequence().into_iter().flatten().zip(1..) {
            let path = format!("{}[{at}]", self.path);
            items.next_element_seed(Node { value, path, found: &mut *self.found })?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(key) = entries.next_key::<Value>()? {
            let name = key.as_str().unwrap_or_default();
            let value = self.value.get(&key).filter(|_| !TEXTS.contains(&name)).unwrap_or(&Value::Null);
            let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
            entries.next_value_seed(Node { value, path, found: &mut *self.found })?;
        }
        Ok(())
    }
}
