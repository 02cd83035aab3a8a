//! Text stored once: a million records share a few kinds and a table of ids instead of owning strings.

use std::hash::{DefaultHasher, Hasher};
use std::num::NonZeroU32;

/// The half of a slot that holds the number.
const LOW: u64 = 0xffff_ffff;

/// A text in a [`Symbols`] table. In a finished table symbols are in the order of their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(NonZeroU32);

impl Symbol {
    fn new(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        // The reading stops at a count of records that keeps every table far below this.
        Self(number.unwrap_or(NonZeroU32::MAX))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A table of texts.
#[derive(Debug, Clone, Default)]
pub struct Symbols {
    text: String,
    ends: Vec<usize>,
    /// Open addressing: half a hash above the number of a symbol, or 0 for a free slot. Empty in a finished table.
    slots: Vec<u64>,
}

impl PartialEq for Symbols {
    fn eq(&self, other: &Self) -> bool {
        self.ends == other.ends && self.text == other.text
    }
}
impl Eq for Symbols {}

impl Symbols {
    /// The text of a symbol of this table.
    pub fn get(&self, symbol: Symbol) -> &str {
        let i = symbol.index();
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.text[start..self.ends[i]]
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The symbol of `text`, in a finished table.
    pub fn find(&self, text: &str) -> Option<Symbol> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(Symbol::new(middle)).cmp(text) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(Symbol::new(middle)),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// The symbol of `text`, added when it is new.
    pub(crate) fn intern(&mut self, text: &str) -> Symbol {
        if self.len() * 2 >= self.slots.len() {
            self.grow();
        }
        // Keys are fixed on purpose: nothing depends on the order in this table, and no randomness is taken.
        let mut hasher = DefaultHasher::new();
        hasher.write(text.as_bytes());
        let hash = hasher.finish() >> 32;
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        // The text is looked at only where its half hash agrees: it is far away in memory.
        while self.slots[at] != 0 {
            let symbol = Symbol::new((self.slots[at] & LOW) as usize - 1);
            if self.slots[at] >> 32 == hash && self.get(symbol) == text {
                return symbol;
            }
            at = (at + 1) & mask;
        }
        let symbol = Symbol::new(self.len());
        self.text.push_str(text);
        self.ends.push(self.text.len());
        self.slots[at] = hash << 32 | u64::from(symbol.0.get());
        symbol
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(64);
        let old = std::mem::replace(&mut self.slots, vec![0; size]);
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            let mut at = (slot >> 32) as usize & (size - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = slot;
        }
    }

    /// A table of the marked symbols alone, in the order of their texts, and where each old symbol went.
    pub(crate) fn finish(self, used: &Marks) -> (Self, Renumbered) {
        // Most texts differ within sixteen bytes: those are compared without going to the text.
        let head = |i: usize| {
            let mut head = [0; 16];
            let text = self.get(Symbol::new(i)).as_bytes();
            let len = text.len().min(16);
            head[..len].copy_from_slice(&text[..len]);
            u128::from_be_bytes(head)
        };
        let mut order: Vec<(u128, u32)> = (0..self.len()).filter(|i| used.0[*i]).map(|i| (head(i), i as u32)).collect();
        let text = |i: u32| self.get(Symbol::new(i as usize));
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| text(a.1).cmp(text(b.1))));
        let mut finished = Self { text: String::new(), ends: Vec::with_capacity(order.len()), slots: Vec::new() };
        let mut moved = vec![None; self.len()];
        for (_, old) in order {
            moved[old as usize] = Some(Symbol::new(finished.ends.len()));
            finished.text.push_str(self.get(Symbol::new(old as usize)));
            finished.ends.push(finished.text.len());
        }
        (finished, Renumbered(moved))
    }

    pub(crate) fn marks(&self) -> Marks {
        Marks(vec![false; self.len()])
    }
}

/// Which symbols are in use.
pub(crate) struct Marks(Vec<bool>);

impl Marks {
    pub fn mark(&mut self, symbol: Symbol) {
        self.0[symbol.index()] = true;
    }
}

/// Old symbol to new symbol.
pub(crate) struct Renumbered(Vec<Option<Symbol>>);

impl Renumbered {
    pub fn get(&self, old: Symbol) -> Option<Symbol> {
        self.0[old.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_table_does_not_depend_on_the_order_of_interning() {
        let words: Vec<String> = (0..500).map(|n| format!("w{}", n * 7919 % 500)).collect();
        let table = |words: &mut dyn Iterator<Item = &String>| {
            let mut table = Symbols::default();
            let symbols: Vec<Symbol> = words.map(|w| table.intern(w)).collect();
            let mut marks = table.marks();
            symbols.iter().for_each(|s| marks.mark(*s));
            table.finish(&marks).0
        };
        let (forward, backward) = (table(&mut words.iter()), table(&mut words.iter().rev()));
        assert_eq!(forward, backward);
        assert_eq!(forward.len(), 500);
        let found = forward.find("w42").expect("it is there");
        assert_eq!(forward.get(found), "w42");
        assert_eq!(forward.find("w999"), None);
    }

    #[test]
    fn the_same_text_is_the_same_symbol_and_unused_ones_are_dropped() {
        let mut table = Symbols::default();
        let (b, a, again) = (table.intern("b"), table.intern("a"), table.intern("b"));
        assert_eq!(b, again);
        let mut marks = table.marks();
        marks.mark(a);
        let (finished, moved) = table.finish(&marks);
        assert_eq!((finished.len(), moved.get(b)), (1, None));
        assert_eq!(moved.get(a).map(|s| finished.get(s)), Some("a"));
    }
}
