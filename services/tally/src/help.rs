//! The pages of `--help`, in the reader's language. Their texts are in the catalogues: that of a command under `HELP_` and its
//! name, those of its arguments as attributes of it, and what several commands take alike as attributes of `HELP_SHARED`.

use clap::builder::styling::Style;
use clap::{Arg, Command, CommandFactory as _};
use tally_kernel::{Locale, Message, msg};
use unicode_width::UnicodeWidthStr as _;

use crate::cli::Cli;
use crate::show::wrap;

/// Columns of a page, of which a terminal has 80: a mark that closes may stand beyond.
const WIDTH: usize = 78;
const INDENT: usize = 2;
/// What is typed stands beside its text up to this width, and above it beyond.
const TYPED_MAX: usize = 28;

/// The command line, each command with its page in a language. The parser would write pages of its own, which are English
/// and know no width of Chinese.
pub fn in_language(locale: Locale) -> Command {
    let mut command = Cli::command();
    command.build();
    give_pages(&mut command, locale);
    command
}

fn give_pages(command: &mut Command, locale: Locale) {
    below(command).for_each(|command| give_pages(command, locale));
    let page = page(command, locale);
    *command = std::mem::take(command).override_help(page);
}

/// The commands below one. Those below `help` are copies of the others, by which the parser knows what may follow.
fn below(command: &mut Command) -> impl Iterator<Item = &mut Command> {
    let is_help = command.get_name() == "help";
    command.get_subcommands_mut().filter(move |_| !is_help)
}

fn page(command: &mut Command, locale: Locale) -> String {
    let (usage, id) = (command.render_usage().to_string(), id(command));
    let typed = usage.strip_prefix("Usage: ").unwrap_or(&usage).to_owned();
    let below = below(command).map(|command| (command.get_name().to_owned(), text(locale, &self::id(command))));
    let commands: Vec<_> = below.collect();
    let (positionals, options): (Vec<&Arg>, Vec<&Arg>) = command.get_arguments().partition(|arg| arg.is_positional());
    let rows =
        |args: Vec<&Arg>| args.into_iter().map(|arg| (typed_as(arg), told(locale, &id, arg))).collect::<Vec<_>>();
    let styles = command.get_styles();
    let mut page =
        Page { text: text(locale, &id), heading: *styles.get_header(), literal: *styles.get_literal(), locale };
    page.usage(&typed);
    page.part(&msg!("PAGE_COMMANDS"), &commands);
    page.part(&msg!("PAGE_ARGUMENTS"), &rows(positionals));
    page.part(&msg!("PAGE_OPTIONS"), &rows(options));
    page.text
}

/// Under which id the text of a command is: `tally keys rotate` has `HELP_KEYS_ROTATE`.
fn id(command: &Command) -> String {
    let name = command.get_name();
    let path = command.get_bin_name().filter(|_| name != "help").unwrap_or(name);
    let path = path.strip_prefix("tally ").unwrap_or(path);
    format!("HELP_{}", path.to_ascii_uppercase().replace([' ', '-'], "_"))
}

/// Under which ids the text of an argument may be: its command's own comes first.
fn ids(command: &str, arg: &Arg) -> [String; 2] {
    let name = arg.get_long().unwrap_or(arg.get_id().as_str());
    [command, "HELP_SHARED"].map(|id| format!("{id}.{name}"))
}

fn text(locale: Locale, id: &str) -> String {
    tally_i18n::named(locale, id).unwrap_or_default()
}

/// What is typed for an argument: `-h, --help`, `    --from <DATE>`, `<BUNDLE>`.
fn typed_as(arg: &Arg) -> String {
    match arg.get_short() {
        Some(short) => format!("-{short}, {arg}"),
        None if arg.is_positional() => arg.to_string(),
        None => format!("    {arg}"),
    }
}

/// What an argument is for, and what else is to be known: its default, the values it takes, where else it is read from.
fn told(locale: Locale, command: &str, arg: &Arg) -> String {
    let mut told = ids(command, arg).iter().find_map(|id| tally_i18n::named(locale, id)).unwrap_or_default();
    let mut note = |message: Message| told.push_str(&tally_i18n::text(locale, &message));
    if let Some(name) = arg.get_env() {
        note(msg!("PAGE_ENV", name = name.display()));
    }
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if arg.get_action().takes_values() && !arg.is_hide_default_value_set() && !defaults.is_empty() {
        note(msg!("PAGE_DEFAULT", value = defaults.join(",")));
    }
    let values = arg.get_possible_values();
    if arg.get_action().takes_values() && !arg.is_hide_possible_values_set() && !values.is_empty() {
        note(msg!("PAGE_VALUES", values = values.iter().map(|it| it.get_name()).collect::<Vec<_>>().join(", ")));
    }
    told
}

/// A page in the making.
struct Page {
    text: String,
    heading: Style,
    literal: Style,
    locale: Locale,
}

impl Page {
    fn usage(&mut self, typed: &str) {
        let heading = tally_i18n::text(self.locale, &msg!("PAGE_USAGE"));
        let column = heading.width();
        self.text = format!("{}\n\n{}", wrap(&self.text, WIDTH).join("\n"), styled(self.heading, &heading));
        self.text.push_str(&wrap(typed, WIDTH - column).join(&format!("\n{:column$}", "")));
        self.text.push('\n');
    }

    /// A list of what can be typed, with the texts beside it in a column.
    fn part(&mut self, heading: &Message, rows: &[(String, String)]) {
        if rows.is_empty() {
            return;
        }
        let heading = tally_i18n::text(self.locale, heading);
        self.text.push_str(&format!("\n{}\n", styled(self.heading, &heading)));
        let fitting = rows.iter().map(|(typed, _)| typed.width()).filter(|width| *width <= TYPED_MAX);
        let widest = fitting.max().unwrap_or_default();
        let column = INDENT + widest + INDENT;
        for (typed, told) in rows {
            let told: Vec<_> = told.lines().flat_map(|line| wrap(line, WIDTH - column)).collect();
            // What must not be torn apart was kept together by a space of its own.
            let told = told.join(&format!("\n{:column$}", "")).replace('\u{a0}', " ");
            let gap = match typed.width() {
                width if width <= widest => " ".repeat(column - INDENT - width),
                _ => format!("\n{:column$}", ""),
            };
            self.text.push_str(&format!("{:INDENT$}{}{gap}{told}\n", "", styled(self.literal, typed)));
        }
    }
}

/// A text in a style, which goes no further than its words.
fn styled(style: Style, text: &str) -> String {
    let words = text.trim();
    let before = &text[..text.len() - text.trim_start().len()];
    let after = &text[text.trim_end().len()..];
    format!("{before}{style}{words}{style:#}{after}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The ids of a catalogue that are texts of help: `HELP_CLOSE` and `HELP_CLOSE.out`.
    fn written(catalogue: &str) -> BTreeSet<String> {
        let (mut ids, mut message) = (BTreeSet::new(), "");
        for line in catalogue.lines() {
            let Some((name, value)) = line.split_once(" =") else { continue };
            match name.strip_prefix("    .") {
                Some(attribute) if message.starts_with("HELP_") => {
                    ids.insert(format!("{message}.{attribute}"));
                }
                None if !name.starts_with(' ') => {
                    message = name;
                    if name.starts_with("HELP_") && !value.is_empty() {
                        ids.insert(name.to_owned());
                    }
                }
                _ => {}
            }
        }
        ids
    }

    /// The ids under which the commands and arguments look for their texts, of an argument those of which one must be there.
    fn wanted(command: &mut Command, into: &mut Vec<Vec<String>>) {
        let id = id(command);
        into.extend(command.get_arguments().map(|arg| ids(&id, arg).to_vec()));
        into.push(vec![id]);
        below(command).for_each(|command| wanted(command, into));
    }

    #[test]
    fn every_command_and_argument_has_a_text_in_every_language_and_no_text_is_of_nothing() {
        let (mut command, mut all) = (Cli::command(), Vec::new());
        command.build();
        wanted(&mut command, &mut all);
        assert!(all.len() > 100, "the walk finds the arguments: {all:?}");
        for locale in Locale::ALL {
            let (mut missing, mut unused) = (Vec::new(), written(tally_i18n::source(locale)));
            for ids in &all {
                match ids.iter().find(|id| tally_i18n::named(locale, id).is_some_and(|text| !text.is_empty())) {
                    Some(id) => _ = unused.remove(id),
                    None => missing.push(&ids[0]),
                }
            }
            assert!(missing.is_empty(), "{}: {missing:?} are missing", locale.tag());
            assert!(unused.is_empty(), "{}: {unused:?} are of no command or argument", locale.tag());
        }
    }

    #[test]
    fn what_is_too_long_stands_above_its_text_and_chinese_takes_two_columns() {
        let mut page =
            Page { text: "说明".to_owned(), heading: Style::new(), literal: Style::new(), locale: Locale::En };
        page.usage("tally x [OPTIONS]");
        let long = format!("    --{}", "x".repeat(TYPED_MAX));
        let rows = [("-h, --help", "帮助".repeat(20)), (&long, "one\ntwo".to_owned())];
        page.part(&msg!("PAGE_OPTIONS"), &rows.map(|(typed, told)| (typed.to_owned(), told)));
        let lines = [
            "说明",
            "",
            "Usage: tally x [OPTIONS]",
            "",
            "Options:",
            &format!("  -h, --help  {}", "帮助".repeat(16)),
            &format!("{:14}{}", "", "帮助".repeat(4)),
            &format!("  {long}"),
            "              one",
            "              two",
            "",
        ];
        assert_eq!(page.text, lines.join("\n"));
    }
}
