//! What every page is made of: the reader and what they may do, texts and formats in their language, the way through the screens, and the components.

pub mod chart;
pub mod form;
pub mod screens;
pub mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tally_access::Permission;
use tally_api::identity::v1::{GetOwnAccessResponse, OwnReach};
use tally_kernel::{Locale, Message, msg};

use crate::assets;
use crate::format::Format;
use screens::{NavGroup, Screen};

/// The colours of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has them.
    #[default]
    Auto,
    Light,
    Dark,
}

/// How close the rows of a page stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Density {
    /// For a mouse.
    #[default]
    Compact,
    /// For a finger.
    Touch,
}

/// What a reader chose, kept in cookies of the browser.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    pub locale: Locale,
    pub theme: Theme,
    pub density: Density,
    /// The zone times are shown in; nothing for that of the person.
    pub zone: Option<TimeZone>,
}

/// Who reads, and what they may do.
#[derive(Clone, Debug, Default)]
pub struct Me {
    pub principal_id: String,
    /// The person behind, or empty.
    pub person_id: String,
    /// What they are called: the person's name, or the login.
    pub name: String,
    pub login: String,
    pub tenant: String,
    pub session_id: String,
    /// Names of the roles held today.
    pub roles: Vec<String>,
    pub second_factor: bool,
    /// The person's zone, or the group's.
    pub zone: Option<TimeZone>,
    reaches: BTreeMap<String, OwnReach>,
}

impl Me {
    /// As identity says.
    pub fn of(own: GetOwnAccessResponse) -> Self {
        Self {
            reaches: own.permissions.iter().map(|it| (it.permission.clone(), it.reach())).collect(),
            zone: TimeZone::get(&own.zone).ok(),
            name: if own.name.is_empty() { own.login.clone() } else { own.name },
            principal_id: own.principal_id,
            person_id: own.person_id,
            login: own.login,
            tenant: own.tenant_name,
            session_id: own.session_id,
            roles: own.roles,
            second_factor: own.second_factor,
        }
    }

    /// Whether there is anything that the permission reaches.
    pub fn may(&self, permission: Permission) -> bool {
        self.reaches.contains_key(permission.name())
    }

    /// Whether the permission reaches more than the reader's own rows.
    pub fn may_others(&self, permission: Permission) -> bool {
        self.reaches.get(permission.name()).is_some_and(|reach| *reach != OwnReach::Self_)
    }

    /// Whether the permission reaches the whole group.
    pub fn may_all(&self, permission: Permission) -> bool {
        self.reaches.get(permission.name()) == Some(&OwnReach::Tenant)
    }
}

/// A page's own: given to each template as `ui`.
#[derive(Clone, Debug)]
pub struct Ui {
    /// Writes values in the reader's language.
    pub format: Format,
    /// What the page is called, for the tab and the heading.
    pub title: String,
    /// The way here: address and name of each page above.
    pub above: Vec<(String, String)>,
    shared: Arc<Shared>,
}

/// What all templates of one answer share.
#[derive(Debug)]
pub struct Shared {
    pub me: Option<Me>,
    pub choices: Choices,
    /// Path and question of the page.
    pub here: String,
    /// Goes with each form, so that no other site can send it.
    pub csrf: String,
    /// Goes with each script and each element that loads something.
    pub nonce: String,
    /// For the next request ids.
    pub seed: String,
    /// What has just been done.
    pub done: Option<String>,
    pub screens: &'static [Screen],
    /// When the page was made.
    pub now: Timestamp,
}

impl Ui {
    /// Of an answer, for a page of this name.
    pub fn new(shared: Arc<Shared>, title: &Message) -> Self {
        let choices = &shared.choices;
        let zone = choices.zone.clone().or_else(|| shared.me.as_ref()?.zone.clone()).unwrap_or(TimeZone::UTC);
        let format = Format::new(choices.locale, zone);
        let title = tally_i18n::text(choices.locale, title);
        Self { format, title, above: Vec::new(), shared }
    }

    /// The same, titled by what it shows and not by a message, such as a person's name.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The same, below another page.
    #[must_use]
    pub fn below(mut self, path: impl Into<String>, name: impl Into<String>) -> Self {
        self.above.push((path.into(), name.into()));
        self
    }

    /// A text without arguments, by its id.
    pub fn t(&self, id: &str) -> String {
        tally_i18n::named(self.locale(), id).unwrap_or_else(|| id.to_owned())
    }

    /// A sentence.
    pub fn say(&self, message: &Message) -> String {
        tally_i18n::text(self.locale(), message)
    }

    /// The word of a choice of the contracts, such as `CYCLE_STATE_OPEN` (`as_str_name` gives it), whose id is that with `WORD_` before it; one
    /// that has none stands as it is.
    pub fn word(&self, name: &str) -> String {
        tally_i18n::named(self.locale(), &format!("WORD_{name}")).unwrap_or_else(|| name.to_owned())
    }

    /// What a part of the suite is called.
    pub fn module(&self, name: &str) -> String {
        self.word(&format!("MODULE_{}", name.to_ascii_uppercase()))
    }

    /// The reader's language.
    pub fn locale(&self) -> Locale {
        self.shared.choices.locale
    }

    /// Its tag.
    pub fn lang(&self) -> &'static str {
        self.locale().tag()
    }

    /// Which way it is written.
    pub fn dir(&self) -> &'static str {
        if self.locale().is_right_to_left() { "rtl" } else { "ltr" }
    }

    /// `auto`, `light` or `dark`.
    pub fn theme(&self) -> &'static str {
        match self.shared.choices.theme {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// `compact` or `touch`.
    pub fn density(&self) -> &'static str {
        match self.shared.choices.density {
            Density::Compact => "compact",
            Density::Touch => "touch",
        }
    }

    /// Who reads; nobody before the sign-in.
    pub fn me(&self) -> Option<&Me> {
        self.shared.me.as_ref()
    }

    /// Path and question of the page.
    pub fn here(&self) -> &str {
        &self.shared.here
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        self.here().split('?').next().unwrap_or_default()
    }

    /// What goes with each form.
    pub fn csrf(&self) -> &str {
        &self.shared.csrf
    }

    /// What goes with each script and each element that loads something.
    pub fn nonce(&self) -> &str {
        &self.shared.nonce
    }

    /// The request id of a form: sent twice, the form does its work once. `name` sets forms of one page apart.
    pub fn request_id(&self, name: &str) -> String {
        format!("{}-{name}", self.shared.seed)
    }

    /// When the page was made.
    pub fn now(&self) -> Timestamp {
        self.shared.now
    }

    /// What has just been done, to be said once.
    pub fn done(&self) -> Option<String> {
        self.shared.done.as_deref().and_then(|id| tally_i18n::named(self.locale(), &format!("DONE_{id}")))
    }

    /// The address of a file.
    pub fn asset(&self, name: &str) -> &'static str {
        assets::path(name)
    }

    /// The way through the screens that the reader may see.
    pub fn nav(&self) -> Vec<NavGroup> {
        self.me().map_or_else(Vec::new, |me| screens::nav(self.shared.screens, me, self.path()))
    }

    /// The languages there are, each by its own name.
    pub fn languages(&self) -> Vec<(&'static str, String)> {
        let name = |locale: Locale| (locale.tag(), tally_i18n::text(locale, &msg!("UI_LANGUAGE_NAME")));
        Locale::ALL.into_iter().map(name).collect()
    }

    /// Whether two texts are the same: in templates one may be a reference to the other's kind.
    pub fn same(&self, one: &str, other: &str) -> bool {
        one == other
    }

    /// The name of a theme.
    pub fn theme_name(&self, theme: &str) -> String {
        self.t(match theme {
            "light" => "UI_THEME_LIGHT",
            "dark" => "UI_THEME_DARK",
            _ => "UI_THEME_AUTO",
        })
    }

    /// The name of a density.
    pub fn density_name(&self, density: &str) -> String {
        self.t(if density == "touch" { "UI_DENSITY_TOUCH" } else { "UI_DENSITY_COMPACT" })
    }

    /// The zone that was chosen, or empty.
    pub fn zone_name(&self) -> &str {
        self.shared.choices.zone.as_ref().and_then(TimeZone::iana_name).unwrap_or_default()
    }

    /// At which zone a time that is typed is read.
    pub fn zone_said(&self) -> String {
        let zone = crate::format::zone_name(self.now(), self.format.zone());
        self.say(&msg!("UI_TYPED_AT", zone))
    }

    /// A local date and time as a browser sends it, at the reader's zone.
    pub fn typed_moment(&self, text: &str) -> Option<Timestamp> {
        let local: jiff::civil::DateTime = text.parse().ok()?;
        self.format.zone().to_timestamp(local).ok()
    }

    /// What a choice of groups says.
    pub fn grouped_by(&self, column: &str) -> String {
        self.say(&msg!("UI_GROUPED_BY", column))
    }

    /// Which page of how many.
    pub fn page_of(&self, page: &usize, pages: &usize) -> String {
        self.say(&msg!("UI_PAGE_OF", page, pages))
    }

    /// An instant of the services; nothing is a dash.
    pub fn moment(&self, at: Option<&prost_types::Timestamp>) -> String {
        at.and_then(instant).map_or_else(|| "–".to_owned(), |at| self.format.moment(at))
    }
}

/// An instant as the services write it.
pub fn instant(at: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(at.seconds, at.nanos).ok()
}

/// An instant as the services read it.
pub fn as_sent(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tally_api::classes;

    use super::*;

    /// What else has a word: ready roles, the parts of the suite, what the log says of a deed, what a finding is about, why nobody has a credit,
    /// kinds of data that are kept, and how sessions began.
    const OTHERS: [&str; 9] =
        ["ROLE_", "MODULE_", "SERVICE_", "DID_", "THING_", "FINDING_", "NOBODY_", "KEPT_", "SESSION_"];

    #[test]
    fn a_choice_of_the_contracts_has_a_word_for_each_of_its_values_or_for_none() {
        let words = |locale: Locale| -> BTreeSet<String> {
            let ids =
                tally_i18n::source(locale).lines().filter_map(|line| line.strip_prefix("WORD_")?.split(" =").next());
            ids.map(str::to_owned).collect()
        };
        let en = words(Locale::En);
        let choices: Vec<BTreeSet<String>> = classes::pool()
            .all_enums()
            .map(|choice| choice.values().map(|value| value.name().to_owned()).collect())
            .collect();
        let mut wrong = BTreeSet::new();
        for word in en.iter().filter(|word| !OTHERS.iter().any(|other| word.starts_with(other))) {
            let Some(of) = choices.iter().find(|choice| choice.contains(word)) else {
                wrong.insert(format!("WORD_{word} is no choice of the contracts"));
                continue;
            };
            let lacks = of.iter().filter(|value| !value.ends_with("_UNSPECIFIED") && !en.contains(*value));
            wrong.extend(lacks.map(|value| format!("WORD_{value} is missing")));
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        for role in tally_access::roles::READY {
            assert!(en.contains(&format!("ROLE_{}", role.name.to_ascii_uppercase())), "{}", role.name);
        }
    }
}
