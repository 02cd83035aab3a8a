//! Forms: fields with labels, hints and what is wrong with each, all at once. They work as plain HTML.

use tally_kernel::Error;

use super::Ui;

/// What a field is filled in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Password,
    /// A code of digits, such as of a second factor.
    Code,
    Number,
    Date,
    /// A local date and time.
    Moment,
    Time,
    Long,
    Check,
    File,
    Hidden,
    /// One of some.
    Choice(Vec<Choice>),
    /// A line of text, with proposals.
    Among(Vec<String>),
}

/// One of some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub label: String,
}

impl Choice {
    /// A value and what people read.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

/// A field.
#[derive(Clone, Debug)]
pub struct Field {
    /// As the services name it, so that what they refuse finds it.
    pub name: String,
    pub label: String,
    pub kind: Kind,
    pub value: String,
    pub hint: String,
    pub error: String,
    pub required: bool,
    /// What browsers may fill it in with, as HTML names it; empty for nothing.
    pub autocomplete: &'static str,
}

impl Field {
    /// A field of a kind; `label` is an id.
    pub fn new(ui: &Ui, name: &str, label: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            label: ui.t(label),
            kind,
            value: String::new(),
            hint: String::new(),
            error: String::new(),
            required: false,
            autocomplete: "",
        }
    }

    /// A line of text.
    pub fn text(ui: &Ui, name: &str, label: &str) -> Self {
        Self::new(ui, name, label, Kind::Text)
    }

    /// What goes along unseen.
    pub fn hidden(name: &str, value: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            label: String::new(),
            kind: Kind::Hidden,
            value: value.into(),
            hint: String::new(),
            error: String::new(),
            required: false,
            autocomplete: "",
        }
    }

    /// Must be filled in.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Filled in already.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// What helps to fill it in.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// What browsers may fill it in with.
    #[must_use]
    pub fn autocomplete(mut self, with: &'static str) -> Self {
        self.autocomplete = with;
        self
    }

    /// Its id in the page.
    pub fn id(&self) -> String {
        format!("f-{}", self.name.replace(['.', '[', ']'], "-"))
    }

    /// The choices of a field that has some.
    pub fn choices(&self) -> &[Choice] {
        if let Kind::Choice(choices) = &self.kind { choices } else { &[] }
    }

    /// What a field that is typed in proposes.
    pub fn proposals(&self) -> &[String] {
        if let Kind::Among(proposals) = &self.kind { proposals } else { &[] }
    }

    /// Whether it holds a code of digits.
    pub fn is_code(&self) -> bool {
        self.kind == Kind::Code
    }

    /// The `type` of its input in HTML; empty for what is no input.
    pub fn input(&self) -> &'static str {
        match self.kind {
            Kind::Text | Kind::Code | Kind::Among(_) => "text",
            Kind::Password => "password",
            Kind::Number => "number",
            Kind::Date => "date",
            Kind::Moment => "datetime-local",
            Kind::Time => "time",
            Kind::Check => "checkbox",
            Kind::File => "file",
            Kind::Hidden => "hidden",
            Kind::Long | Kind::Choice(_) => "",
        }
    }
}

/// A form.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it is sent.
    pub action: String,
    /// Sets the forms of a page apart.
    pub name: &'static str,
    pub fields: Vec<Field>,
    /// What is wrong and belongs to no field.
    pub error: String,
    /// What its button says.
    pub submit: String,
    /// It takes something away: the button says so.
    pub danger: bool,
    /// Files go along.
    pub files: bool,
}

impl Form {
    /// A form whose button says `submit` (an id).
    pub fn new(ui: &Ui, action: impl Into<String>, name: &'static str, submit: &str) -> Self {
        Self {
            action: action.into(),
            name,
            fields: Vec::new(),
            error: String::new(),
            submit: ui.t(submit),
            danger: false,
            files: false,
        }
    }

    /// With one more field.
    #[must_use]
    pub fn with(mut self, field: Field) -> Self {
        self.files |= field.kind == Kind::File;
        self.fields.push(field);
        self
    }

    /// Takes something away.
    #[must_use]
    pub fn danger(mut self) -> Self {
        self.danger = true;
        self
    }

    /// As somebody filled it in, and what was refused of it: beside the fields that the services name, and above for the rest.
    #[must_use]
    pub fn refused(mut self, ui: &Ui, filled: &[(String, String)], error: &Error) -> Self {
        self = self.filled(filled);
        let mut above = Vec::new();
        for violation in error.violations() {
            let said = ui.say(&violation.message);
            let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
            let named =
                |field: &&mut Field| field.name == violation.field || last(&field.name) == last(&violation.field);
            match self.fields.iter_mut().find(named) {
                Some(field) => field.error = said,
                None => above.push(format!("{}: {said}", violation.field)),
            }
        }
        self.error =
            if error.violations().is_empty() || above.is_empty() && self.fields.iter().all(|it| it.error.is_empty()) {
                tally_i18n::sentence(ui.locale(), error)
            } else {
                above.join(" ")
            };
        self
    }

    /// As somebody filled it in; passwords are typed again.
    #[must_use]
    pub fn filled(mut self, filled: &[(String, String)]) -> Self {
        for field in &mut self.fields {
            let said = filled.iter().find(|(name, _)| *name == field.name).map(|(_, value)| value.clone());
            match field.kind {
                Kind::Password | Kind::File => {}
                Kind::Check => field.value = said.unwrap_or_default(),
                _ => field.value = said.unwrap_or_else(|| std::mem::take(&mut field.value)),
            }
        }
        self
    }

    /// Whether anything was refused.
    pub fn is_refused(&self) -> bool {
        !self.error.is_empty() || self.fields.iter().any(|field| !field.error.is_empty())
    }
}
