//! `/ui`: each component in each of its states, for whoever builds screens. It shows no data of anybody.

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Response;
use rust_decimal::Decimal;
use tally_kernel::{Error, Kind, msg};

use crate::console::Console;
use crate::ui::Ui;
use crate::ui::chart::Bars;
use crate::ui::form::{self, Choice, Field, Form};
use crate::ui::table::{Asked, Cell, Column, Row, Table};
use crate::visit::Visit;

/// Its page.
pub fn routes() -> Router<Console> {
    Router::new().route("/ui", get(gallery))
}

#[derive(Template)]
#[template(path = "gallery/gallery.html")]
struct Gallery {
    ui: Ui,
    table: Table,
    nothing: Table,
    bars: Bars,
    form: Form,
    refused: Form,
    tones: [&'static str; 5],
}

/// Names from several alphabets and lengths: a component must hold all of them.
const NAMES: [(&str, &str, i64); 6] = [
    ("王芳", "A-1001", 984_300),
    ("Ada Lovelace", "A-1002", 871_250),
    ("محمد علي", "A-1003", 640_000),
    ("Нгуен Тхи Минь Кхай", "A-1004", 333_333),
    ("Maximiliane Freifrau von und zu Hohenstein-Wolfenbüttel", "A-1005", 90_010),
    ("阿依古丽·买买提", "A-1006", 0),
];

async fn gallery(visit: Visit) -> Response<Body> {
    let ui = visit.ui(&msg!("UI_GALLERY"));
    let asked = visit.asked();
    let refused = Error::of(Kind::InvalidArgument, msg!("INVALID_REQUEST", count = 1))
        .at("refused.name".to_owned(), msg!("TEXT_EMPTY"))
        .at("refused.day".to_owned(), msg!("BEFORE_FROM"));
    let page = Gallery {
        table: people(&ui, "people", &asked, &NAMES),
        nothing: people(&ui, "nobody", &Asked::default(), &[]),
        bars: Bars::of(ui.t("UI_SHARE"), NAMES.iter().map(|(name, _, ppm)| bar(&ui, name, *ppm))),
        form: form(&ui, "new"),
        refused: form(&ui, "refused").refused(&ui, &[("refused.name".to_owned(), String::new())], &refused),
        tones: ["plain", "accent", "good", "warn", "bad"],
        ui,
    };
    visit.page(Ok(page))
}

fn bar(ui: &Ui, name: &str, ppm: i64) -> (String, String, u64, &'static str) {
    (name.to_owned(), ui.format.percent(ppm), ppm.unsigned_abs(), "accent")
}

fn people(ui: &Ui, id: &'static str, asked: &Asked, names: &[(&str, &str, i64)]) -> Table {
    let columns = vec![
        Column::text(ui, "name", "UI_NAME"),
        Column::text(ui, "number", "UI_EMPLOYEE_NO"),
        Column::text(ui, "state", "UI_STATE").filtered(),
        Column::number(ui, "share", "UI_SHARE"),
        Column::number(ui, "amount", "UI_AMOUNT"),
    ];
    let row = |(name, number, ppm): &(&str, &str, i64)| Row {
        id: (*number).to_owned(),
        href: format!("/ui?q={number}"),
        cells: vec![
            Cell::text(*name),
            Cell::code(*number),
            if *ppm > 500_000 { Cell::pill(ui.t("UI_YES"), "good") } else { Cell::pill(ui.t("UI_NO"), "warn") },
            Cell::share(ui.format.percent(*ppm), u32::try_from(*ppm).unwrap_or_default()),
            Cell::number(ui.format.money(*ppm, "CNY"), Decimal::new(*ppm, 2)),
        ],
    };
    Table::new(ui, (id, "UI_GALLERY", "UI_NOTHING_THERE"), asked, columns, names.iter().map(row).collect())
}

fn form(ui: &Ui, name: &str) -> Form {
    let choices = vec![Choice::new("a", ui.t("UI_YES")), Choice::new("b", ui.t("UI_NO"))];
    let name = |field: &str| format!("{name}.{field}");
    Form::new(ui, "/ui", "sample", "UI_SAVE")
        .with(Field::text(ui, &name("name"), "UI_NAME").required())
        .with(Field::new(ui, &name("day"), "UI_DAY", form::Kind::Date))
        .with(Field::new(ui, &name("choice"), "UI_STATE", form::Kind::Choice(choices)))
        .with(Field::new(ui, &name("reason"), "UI_REASON", form::Kind::Long).hint(ui.t("UI_REASON_HINT")))
        .with(Field::new(ui, &name("sure"), "UI_SURE", form::Kind::Check))
}
