//! What can be changed of a person: each a page of one form.

mod carry;

use axum::body::Body;
use axum::extract::Path;
use http::Response;
use tally_access::Permission;
use tally_api::common::v1::EmploymentKind;
use tally_api::identity::v1::catalogue_service_client::CatalogueServiceClient;
use tally_api::identity::v1::{CatalogueEntry, CatalogueKind, Employment, ListCatalogueRequest, OrgUnit, Person, Post};
use tally_kernel::{Error, Result, msg};

use super::known;
use crate::act::{Act, allowed, day_field, days, sure, today, word_field};
use crate::names::{self, AT_ONCE, Names};
use crate::ui::Ui;
use crate::ui::form::{Choice, Field, Form, Kind};
use crate::visit::{Sent, Visit};

/// Something that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Another unit, position, grade or kind.
    Transfer,
    /// A secondment or a concurrent post.
    Post,
    EndPost,
    Rehire,
    Leave,
    EndLeave,
    /// What was planned does not happen.
    Cancel,
    CorrectStart,
    /// The last day of all.
    End,
    /// Who the person is.
    Rectify,
    /// To whom the person reports.
    Line,
    EndLine,
}

impl Deed {
    const ALL: [Self; 12] = [
        Self::Transfer,
        Self::Post,
        Self::EndPost,
        Self::Rehire,
        Self::Leave,
        Self::EndLeave,
        Self::Cancel,
        Self::CorrectStart,
        Self::End,
        Self::Rectify,
        Self::Line,
        Self::EndLine,
    ];

    /// Its name in addresses.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Post => "post",
            Self::EndPost => "end-post",
            Self::Rehire => "rehire",
            Self::Leave => "leave",
            Self::EndLeave => "end-leave",
            Self::Cancel => "cancel",
            Self::CorrectStart => "first-day",
            Self::End => "end",
            Self::Rectify => "rectify",
            Self::Line => "reports-to",
            Self::EndLine => "end-line",
        }
    }

    /// The id of its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Transfer => "UI_DEED_TRANSFER",
            Self::Post => "UI_DEED_POST",
            Self::EndPost => "UI_DEED_END_POST",
            Self::Rehire => "UI_DEED_REHIRE",
            Self::Leave => "UI_DEED_LEAVE",
            Self::EndLeave => "UI_DEED_END_LEAVE",
            Self::Cancel => "UI_DEED_CANCEL",
            Self::CorrectStart => "UI_DEED_CORRECT_START",
            Self::End => "UI_DEED_END",
            Self::Rectify => "UI_DEED_RECTIFY",
            Self::Line => "UI_DEED_LINE",
            Self::EndLine => "UI_DEED_END_LINE",
        }
    }

    /// What to know before.
    fn said(self) -> &'static str {
        match self {
            Self::Transfer => "UI_DEED_TRANSFER_SAID",
            Self::Cancel => "UI_DEED_CANCEL_SAID",
            Self::CorrectStart => "UI_DEED_CORRECT_START_SAID",
            Self::End => "UI_DEED_END_SAID",
            Self::Rectify => "UI_DEED_RECTIFY_SAID",
            Self::Line => "UI_DEED_LINE_SAID",
            _ => "",
        }
    }

    fn of(slug: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|deed| deed.slug() == slug).ok_or_else(|| Error::not_found("page", slug))
    }

    /// It takes something away.
    fn is_dangerous(self) -> bool {
        matches!(self, Self::End | Self::Cancel)
    }

    /// What can be done to somebody who is employed today, or is not.
    pub fn of_person(employed: bool) -> Vec<Self> {
        if employed {
            vec![Self::Transfer, Self::Post, Self::Leave, Self::Line, Self::Rectify, Self::End]
        } else {
            vec![Self::Rehire, Self::Rectify]
        }
    }

    /// What can be done to a stretch of an employment, and with what in the address.
    pub fn of_employment(person: &Person, it: &Employment, today: &str) -> Vec<(Self, String)> {
        let of = format!("of={}", it.employment_id);
        let is_first =
            !person.employments.iter().any(|one| one.employment_id == it.employment_id && one.from < it.from);
        let mut deeds = Vec::new();
        if it.post() != Post::Home && crate::act::holds(today, &it.from, &it.to) {
            deeds.push((Self::EndPost, of.clone()));
        }
        if it.from.as_str() > today {
            deeds.push((Self::Cancel, format!("{of}&on={}", it.from)));
        }
        if is_first {
            deeds.push((Self::CorrectStart, of));
        }
        deeds
    }
}

/// What employments are written with: the units of a day, and the group's positions and grades.
pub struct Terms {
    pub units: Vec<OrgUnit>,
    entries: Vec<CatalogueEntry>,
}

impl Terms {
    /// As of a day; empty for today.
    ///
    /// # Errors
    /// What identity refuses.
    pub async fn of(visit: &Visit, day: &str) -> Result<Self> {
        let (units, entries) = futures::try_join!(names::units(visit, day, None), catalogue(visit, day))?;
        Ok(Self { units, entries })
    }

    fn codes(&self, kind: CatalogueKind) -> Vec<Choice> {
        let label = |it: &CatalogueEntry| match it.title.as_str() {
            title if title.is_empty() || title == it.code => it.code.clone(),
            title => format!("{title} ({})", it.code),
        };
        self.entries.iter().filter(|it| it.kind() == kind).map(|it| Choice::new(&it.code, label(it))).collect()
    }

    fn of_catalogue(&self, ui: &Ui, (name, label): (&str, &str), kind: CatalogueKind) -> Field {
        let codes = self.codes(kind);
        Field::new(ui, name, label, if codes.is_empty() { Kind::Text } else { Kind::Choice(codes) })
    }

    /// The field of a position: of the catalogue where there is one.
    pub fn position(&self, ui: &Ui) -> Field {
        self.of_catalogue(ui, ("position", "UI_POSITION"), CatalogueKind::Position)
    }

    /// The field of a grade.
    pub fn grade(&self, ui: &Ui) -> Field {
        self.of_catalogue(ui, ("grade", "UI_GRADE"), CatalogueKind::Grade)
    }

    fn unit(&self, ui: &Ui) -> Field {
        let held: Vec<_> = self.units.iter().filter(|unit| !unit.path.is_empty()).cloned().collect();
        Field::new(ui, "unit_id", "UI_UNIT", Kind::Choice(Names::of_units(&held).choices()))
    }
}

async fn catalogue(visit: &Visit, day: &str) -> Result<Vec<CatalogueEntry>> {
    let client = CatalogueServiceClient::new(visit.channel("identity")?);
    tally_rpc::pages(async |page_token| {
        let ask = ListCatalogueRequest { as_of: day.to_owned(), page_size: AT_ONCE, page_token, ..Default::default() };
        let page = client.clone().list_catalogue(visit.request(ask)).await?.into_inner();
        Ok((page.entries, page.next_page_token))
    })
    .await
}

/// Kinds of employment; `value` makes what is sent of their names.
pub fn kinds(ui: &Ui, value: fn(&str) -> String) -> Vec<Choice> {
    let all = (1..).map_while(|number| EmploymentKind::try_from(number).ok());
    all.map(|kind| Choice::new(value(kind.as_str_name()), ui.word(kind.as_str_name()))).collect()
}

/// A kind of employment as imports write it: `full_time`.
pub fn kind_value(name: &str) -> String {
    name.trim_start_matches("EMPLOYMENT_KIND_").to_lowercase()
}

/// `GET /people/{id}/{deed}`.
pub async fn form(visit: Visit, Path((id, slug)): Path<(String, String)>) -> Response<Body> {
    visit.page(page(&visit, &id, &slug).await.map(|(page, ..)| page))
}

/// `POST /people/{id}/{deed}`.
pub async fn carry(visit: Visit, Path((id, slug)): Path<(String, String)>, sent: Sent) -> Response<Body> {
    match page(&visit, &id, &slug).await {
        Err(error) => visit.refused(&error),
        Ok((page, deed, people)) => {
            let done = carry::out(&visit, deed, (&id, &people), &sent).await;
            page.answered(&visit, &sent, done, (&format!("/people/{id}"), "PERSON_CHANGED"))
        }
    }
}

async fn page(visit: &Visit, id: &str, slug: &str) -> Result<(Act, Deed, Names)> {
    allowed(visit, Permission::PersonWrite)?;
    let deed = Deed::of(slug)?;
    let (found, terms, people) =
        futures::try_join!(known::get(visit, id, None), Terms::of(visit, ""), names::people(visit))?;
    let person = found.person.unwrap_or_default();
    let mut terms = terms;
    // Data do not move between regions: what is elsewhere is not offered.
    if let Some(last) = person.employments.last() {
        terms.units.retain(|unit| unit.region == last.region);
    }
    let (all, back) = (visit.ui(&msg!("NAV_PEOPLE")).title, format!("/people/{id}"));
    let ui = visit.ui(&msg!("UI_PERSON"));
    let ui = ui.below("/people", all).below(&back, people.said(id));
    let title = ui.t(deed.label());
    let ui = ui.titled(title);
    let form = filled(visit, &ui, deed, (&person, &terms, &people));
    let mut act = Act::new(ui.clone(), form, back);
    if !deed.said().is_empty() {
        act = act.note(if deed.is_dangerous() { "warn" } else { "plain" }, ui.t(deed.said()));
    }
    if let Some(told) = about(visit, &ui, deed, &person) {
        act = act.note("accent", told);
    }
    Ok((act, deed, people))
}

/// Which employment or leave it is about, in words.
fn about(visit: &Visit, ui: &Ui, deed: Deed, person: &Person) -> Option<String> {
    let asked = visit.asked();
    let of = asked.get("of");
    match deed {
        Deed::EndLeave => {
            let leave = person.leaves.iter().find(|it| it.leave_id == of)?;
            Some(days(ui, &leave.from, &leave.to))
        }
        Deed::EndPost | Deed::Cancel | Deed::CorrectStart => {
            let on = asked.get("on");
            let same = |it: &&Employment| it.employment_id == of && (on.is_empty() || it.from == on);
            let it = person.employments.iter().find(same)?;
            Some(format!("{} · {} · {}", it.unit_path, it.position, days(ui, &it.from, &it.to)))
        }
        _ => None,
    }
}

fn filled(visit: &Visit, ui: &Ui, deed: Deed, (person, terms, people): (&Person, &Terms, &Names)) -> Form {
    let asked = visit.asked();
    let (of, on) = (asked.get("of"), asked.get("on"));
    let query = asked.others().filter(|(name, _)| ["of", "on"].contains(&name.as_str()));
    let query: Vec<_> = query.map(|(name, value)| format!("{name}={value}")).collect();
    let to = format!("/people/{}/{}?{}", person.person_id, deed.slug(), query.join("&"));
    let form = Form::new(ui, to.trim_end_matches('?'), deed.slug(), deed.label());
    let form = if deed.is_dangerous() { form.danger() } else { form };
    let from = || day_field(ui, "from", "UI_FIRST_DAY");
    let to = || Field::new(ui, "to", "UI_LAST_DAY", Kind::Date).hint(ui.t("UI_OPEN_END_HINT"));
    let last_day = || day_field(ui, "last_day", "UI_LAST_DAY");
    let today = today(ui);
    let home = known::on(person, &today).next().cloned().unwrap_or_default();
    match deed {
        Deed::Transfer => with_terms(form, ui, terms, Some(&home)).with(from()),
        Deed::Post => with_terms(form.with(posts(ui)), ui, terms, None).with(from()).with(to()),
        Deed::Rehire => with_terms(form, ui, terms, None).with(from()).with(to()),
        Deed::Leave => form
            .with(from())
            .with(to())
            .with(leaves(ui))
            .with(Field::new(ui, "reason", "UI_LEAVE_REASON", Kind::Long).hint(ui.t("UI_LEAVE_REASON_HINT"))),
        Deed::EndPost => form.with(Field::hidden("employment_id", of)).with(last_day()),
        Deed::EndLeave => form.with(Field::hidden("leave_id", of)).with(last_day()),
        Deed::EndLine => form.with(Field::hidden("line_id", of)).with(last_day()),
        Deed::Cancel => form.with(Field::hidden("employment_id", of)).with(Field::hidden("on", on)).with(sure(ui)),
        Deed::CorrectStart => {
            let known = person.employments.iter().filter(|it| it.employment_id == of).map(|it| it.from.clone()).min();
            let day = day_field(ui, "first_day", "UI_FIRST_DAY").value(known.unwrap_or_default());
            form.with(Field::hidden("employment_id", of)).with(day)
        }
        Deed::End => form.with(last_day()).with(sure(ui)),
        Deed::Rectify => form
            .with(Field::text(ui, "employee_no", "UI_EMPLOYEE_NO").value(&person.employee_no))
            .with(Field::text(ui, "name", "UI_NAME").value(&person.name))
            .with(Field::text(ui, "zone", "UI_ZONE").value(&person.zone))
            .with(Field::text(ui, "id_number", "UI_ID_NUMBER").hint(ui.t("UI_EMPTY_STAYS"))),
        Deed::Line => form
            .with(Field::new(ui, "manager_id", "UI_MANAGER", Kind::Among(people.labels())).required())
            .with(lines(ui))
            .with(from())
            .with(to()),
    }
}

fn with_terms(form: Form, ui: &Ui, terms: &Terms, home: Option<&Employment>) -> Form {
    let held = home.cloned().unwrap_or_default();
    let as_was = if home.is_some() { "" } else { "UI_AS_HOME" };
    let hint = |field: Field| if as_was.is_empty() { field } else { field.hint(ui.t(as_was)) };
    let kind = Field::new(ui, "kind", "UI_EMPLOYED_AS", Kind::Choice(kinds(ui, str::to_owned)));
    form.with(terms.unit(ui).value(&held.unit_id))
        .with(hint(terms.position(ui).value(&held.position)))
        .with(hint(terms.grade(ui).value(&held.grade)))
        .with(kind.value(if home.is_some() { held.kind().as_str_name() } else { "" }))
}

fn posts(ui: &Ui) -> Field {
    word_field(ui, "post", "UI_POST", &["POST_SECONDMENT", "POST_CONCURRENT"]).required()
}

fn leaves(ui: &Ui) -> Field {
    let all = [
        "LEAVE_KIND_SICK",
        "LEAVE_KIND_WORK_INJURY",
        "LEAVE_KIND_MATERNITY",
        "LEAVE_KIND_PARENTAL",
        "LEAVE_KIND_CARE",
        "LEAVE_KIND_UNPAID",
        "LEAVE_KIND_OTHER",
    ];
    word_field(ui, "kind", "UI_LEAVE_KIND", &all)
}

fn lines(ui: &Ui) -> Field {
    let all = ["REPORTING_LINE_KIND_SOLID", "REPORTING_LINE_KIND_DOTTED"];
    word_field(ui, "kind", "UI_LINE_KIND", &all).required().value(all[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(id: &str, post: Post, from: &str, to: &str) -> Employment {
        let post = post.into();
        Employment { employment_id: id.into(), post, from: from.into(), to: to.into(), ..Default::default() }
    }

    #[test]
    fn every_deed_has_an_address_of_its_own() {
        for deed in Deed::ALL {
            assert_eq!(Deed::of(deed.slug()).ok(), Some(deed));
        }
        assert!(Deed::of("nothing").is_err());
    }

    #[test]
    fn only_what_the_state_allows_is_offered() {
        let home = stretch("a", Post::Home, "2026-01-01", "2026-05-31");
        let planned = stretch("a", Post::Home, "2026-06-01", "");
        let lent = stretch("b", Post::Secondment, "2026-04-01", "2026-04-30");
        let employments = vec![home.clone(), planned.clone(), lent.clone()];
        let person = Person { employments, ..Default::default() };
        let deeds = |it: &Employment| -> Vec<Deed> {
            Deed::of_employment(&person, it, "2026-04-15").into_iter().map(|(deed, _)| deed).collect()
        };
        assert_eq!(deeds(&home), [Deed::CorrectStart]);
        assert_eq!(deeds(&planned), [Deed::Cancel]);
        assert_eq!(deeds(&lent), [Deed::EndPost, Deed::CorrectStart]);
        assert!(!Deed::of_person(false).contains(&Deed::Leave));
    }

    #[test]
    fn kinds_are_written_as_imports_read_them() {
        assert_eq!(kind_value("EMPLOYMENT_KIND_FULL_TIME"), "full_time");
    }
}
