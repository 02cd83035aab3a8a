//! Templates of paths, as `google.api.http` has them: `/v1/cycles/{cycle_id}:publish`.
//!
//! ```text
//! Template = "/" [ Segments [ ":" Verb ] ]
//! Segments = Segment { "/" Segment }
//! Segment  = "*" | "**" | Literal | "{" FieldPath [ "=" Segments ] "}"
//! ```
//!
//! `**` stands for any number of segments; after it only literals may come, so that what it stands for is never in doubt.

/// A part of a path between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// These very characters.
    Literal(String),
    /// Any one segment.
    One,
    /// Any number of segments.
    Many,
}

/// A field of the request that a part of the path is read into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Names of the fields on the way.
    pub field_path: Vec<String>,
    /// Its first segment.
    pub start: usize,
    /// How many segments it has.
    pub len: usize,
}

/// A template that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub segments: Vec<Segment>,
    /// What stands after the colon.
    pub verb: Option<String>,
    pub variables: Vec<Variable>,
}

impl Template {
    /// Reads a template; nothing where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parser =
            Parser { rest: text, template: Self { segments: Vec::new(), verb: None, variables: Vec::new() } };
        parser.expect('/')?;
        if parser.rest.is_empty() {
            return Some(parser.template);
        }
        parser.segments(true)?;
        if !parser.rest.is_empty() {
            parser.expect(':')?;
            parser.template.verb = Some(parser.literal()?);
        }
        let after = parser.template.many().map_or(&[][..], |many| &parser.template.segments[many + 1..]);
        let only_literals = after.iter().all(|segment| matches!(segment, Segment::Literal(_)));
        (parser.rest.is_empty() && only_literals).then_some(parser.template)
    }

    /// Where the segments of any number stand.
    pub fn many(&self) -> Option<usize> {
        self.segments.iter().position(|segment| *segment == Segment::Many)
    }
}

struct Parser<'a> {
    rest: &'a str,
    template: Template,
}

impl Parser<'_> {
    fn expect(&mut self, wanted: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(wanted)?;
        Some(())
    }

    fn segments(&mut self, may_hold_variables: bool) -> Option<()> {
        loop {
            self.segment(may_hold_variables)?;
            if !self.rest.starts_with('/') {
                return Some(());
            }
            self.expect('/')?;
        }
    }

    fn segment(&mut self, may_hold_variables: bool) -> Option<()> {
        let segment = match self.rest.as_bytes().first()? {
            b'*' if self.rest.starts_with("**") => {
                self.rest = &self.rest[2..];
                Segment::Many
            }
            b'*' => {
                self.rest = &self.rest[1..];
                Segment::One
            }
            b'{' if may_hold_variables => return self.variable(),
            _ => Segment::Literal(self.literal()?),
        };
        self.template.segments.push(segment);
        Some(())
    }

    fn variable(&mut self) -> Option<()> {
        self.expect('{')?;
        let start = self.template.segments.len();
        let mut field_path = vec![self.name()?];
        while self.rest.starts_with('.') {
            self.expect('.')?;
            field_path.push(self.name()?);
        }
        if self.rest.starts_with('=') {
            self.expect('=')?;
            self.segments(false)?;
        } else {
            self.template.segments.push(Segment::One);
        }
        self.expect('}')?;
        let len = self.template.segments.len() - start;
        self.template.variables.push(Variable { field_path, start, len });
        Some(())
    }

    /// What stands until a character of the grammar.
    fn literal(&mut self) -> Option<String> {
        self.word(|c| !"/:{}=*".contains(c))
    }

    fn name(&mut self) -> Option<String> {
        self.word(|c| c.is_ascii_alphanumeric() || c == '_')
            .filter(|name| !name.starts_with(|c: char| c.is_ascii_digit()))
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> Option<String> {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }
}

#[cfg(test)]
pub(super) mod tests;
