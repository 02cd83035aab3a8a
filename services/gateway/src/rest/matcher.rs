//! Which template a path fits, and what its variables are then.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

use crate::template::{Segment, Template};

/// A variable of the path: the names of the fields on the way, and the text; none where the bytes are no text.
pub type Binding = (Vec<String>, Option<String>);

/// Characters with a meaning in a URI.
const RESERVED: &[u8] = b":/?#[]@!$&'()*+,;=";

/// What a path is.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a, T> {
    /// This, with what its variables hold.
    Entry(&'a T, Vec<Binding>),
    /// Something for other methods of HTTP: those.
    OtherMethods(Vec<&'static str>),
    /// Nothing.
    Nothing,
}

struct Entry<T> {
    method: &'static str,
    template: Template,
    value: T,
}

/// Templates with a method of HTTP each, the more exact before the less.
pub struct Matcher<T> {
    entries: Vec<Entry<T>>,
    verbs: BTreeSet<String>,
}

impl<T> Default for Matcher<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), verbs: BTreeSet::new() }
    }
}

impl<T> Matcher<T> {
    /// Adds a template.
    pub fn add(&mut self, method: &'static str, template: Template, value: T) {
        self.verbs.extend(template.verb.clone());
        let exact = exactness(&template);
        let place = self.entries.partition_point(|entry| exactness(&entry.template) <= exact);
        self.entries.insert(place, Entry { method, template, value });
    }

    /// What a path is, asked for with a method. The path is as it came, percent-encoded; what stands after `?` is no part of it.
    pub fn find(&self, method: &str, path: &str) -> Found<'_, T> {
        let Some((segments, verb)) = self.split(path) else { return Found::Nothing };
        let fits = |entry: &&Entry<T>| entry.template.verb.as_deref() == verb && fits(&entry.template, &segments);
        let mut others = BTreeSet::new();
        for entry in self.entries.iter().filter(fits) {
            if entry.method == method {
                return Found::Entry(&entry.value, bindings(&entry.template, &segments));
            }
            others.insert(entry.method);
        }
        if others.is_empty() { Found::Nothing } else { Found::OtherMethods(others.into_iter().collect()) }
    }

    /// A path's segments and its verb: a colon begins one only where some template has it, so that an id may hold a colon. The path `/` has no
    /// segment; what does not begin so is no path.
    fn split<'p>(&self, path: &'p str) -> Option<(Vec<&'p str>, Option<&'p str>)> {
        let path = path.strip_prefix('/')?;
        let verb = path.rsplit_once(':').filter(|(_, verb)| self.verbs.contains(*verb));
        let (path, verb) = verb.map_or((path, None), |(path, verb)| (path, Some(verb)));
        let segments = if path.is_empty() && verb.is_none() { Vec::new() } else { path.split('/').collect() };
        Some((segments, verb))
    }
}

/// Literals are more exact than one segment, and that is more exact than many. The end stands between: `/a` is more exact than `/a/**`, and
/// that is less exact than `/a/**/b`.
fn exactness(template: &Template) -> Vec<u8> {
    const END: u8 = 2;
    let rank = |segment: &Segment| match segment {
        Segment::Literal(_) => 0,
        Segment::One => 1,
        Segment::Many => 3,
    };
    template.segments.iter().map(rank).chain([END]).collect()
}

fn fits(template: &Template, segments: &[&str]) -> bool {
    let one = |(wanted, came): (&Segment, &&str)| match wanted {
        Segment::Literal(literal) => percent_decode_str(came).decode_utf8().is_ok_and(|came| came == literal.as_str()),
        Segment::One => !came.is_empty(),
        Segment::Many => true,
    };
    let Some(many) = template.many() else {
        return template.segments.len() == segments.len() && template.segments.iter().zip(segments).all(one);
    };
    let after = template.segments.len() - many - 1;
    segments.len() >= many + after
        && template.segments[..many].iter().zip(segments).all(one)
        && template.segments[many + 1..].iter().zip(&segments[segments.len() - after..]).all(one)
}

fn bindings(template: &Template, segments: &[&str]) -> Vec<Binding> {
    let extra = (segments.len() + 1).saturating_sub(template.segments.len());
    let many = template.many().unwrap_or(usize::MAX);
    // Where a segment of the template stands among those of the path.
    let place = |segment: usize| if segment <= many { segment } else { segment + extra - 1 };
    let one = |variable: &crate::template::Variable| {
        let (from, to) = (place(variable.start), place(variable.start + variable.len));
        let several = variable.len > 1 || (variable.start..variable.start + variable.len).contains(&many);
        let told = segments[from..to].join("/");
        (variable.field_path.clone(), if several { decoded_but_reserved(&told) } else { decoded(&told) })
    };
    template.variables.iter().map(one).collect()
}

/// Without percent-encoding.
fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

/// Without percent-encoding but for the characters that RFC 6570 reserves: of several segments a `%2F` is no slash between two.
fn decoded_but_reserved(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, after) = match escaped(rest).filter(|byte| !RESERVED.contains(byte)) {
            Some(byte) => (byte, &rest[3..]),
            None => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

/// The byte that a `%` and two digits at the beginning stand for.
fn escaped(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |c: &u8| char::from(*c).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests;
