//! Where in a YAML file a key stands that comes twice: the parser tells the beginning of the mapping that has it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor};

/// The lines of the first key that its mapping has already, and of the one before it.
pub(crate) fn lines_of_twice(source: &str) -> Option<(Place, Place)> {
    let mut walk = Walk::default();
    let second = walk.stop_in(source)?;
    let mut walk = Walk { until: Some(walk.earlier?), ..Walk::default() };
    Some((walk.stop_in(source)?, second))
}

/// Line and column, from 1.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub line: u64,
    pub column: u64,
}

/// A walk through a file that ends at a key: only what stops the parser is told with its place.
#[derive(Default)]
struct Walk {
    /// Keys so far, of all mappings.
    keys: usize,
    /// The key at which it ends; without one, the first that its mapping has already.
    until: Option<usize>,
    /// The key that this one repeats.
    earlier: Option<usize>,
    stopped: bool,
}

impl Walk {
    fn stop_in(&mut self, source: &str) -> Option<Place> {
        let end = Node(self).deserialize(serde_norway::Deserializer::from_str(source)).err()?;
        let at = end.location().filter(|_| self.stopped)?;
        Some(Place { line: at.line() as u64, column: at.column() as u64 })
    }
}

struct Node<'w>(&'w mut Walk);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("YAML")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Node(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut names = BTreeMap::new();
        while entries.next_key_seed(Key { walk: &mut *self.0, names: &mut names })?.is_some() {
            entries.next_value_seed(Node(&mut *self.0))?;
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        let (_, value) = tagged.variant::<IgnoredAny>()?;
        value.newtype_variant_seed(self)
    }
}

struct Key<'w> {
    walk: &'w mut Walk,
    /// The keys of its mapping, and which of all they are.
    names: &'w mut BTreeMap<String, usize>,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<(), E> {
        let Self { walk, names } = self;
        let at = walk.keys;
        walk.keys += 1;
        let earlier = names.insert(name.to_owned(), at);
        walk.stopped = walk.until.map_or(earlier.is_some(), |until| until == at);
        if !walk.stopped {
            return Ok(());
        }
        walk.earlier = earlier;
        Err(E::custom("here"))
    }
}
