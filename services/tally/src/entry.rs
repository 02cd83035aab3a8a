//! Where the binary begins.

use std::process::ExitCode;

use clap::FromArgMatches as _;
use tally_bundle::Unusable;
use tally_kernel::{Error, Kind, Locale, msg};
use tally_runtime::{ConfigError, Failure};

use crate::cli::{self, Cli, Command};
use crate::commands;
use crate::help;
use crate::print;
use crate::said::{Mistyped, Refusal, here, say};

/// Reads the command line, does what it says, and gives the exit code. Lives here and not in the binary, which would
/// otherwise compile all of it a second time.
pub fn main() -> ExitCode {
    let language = cli::Language::asked(std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()));
    language.speak();
    let typed = help::in_language(language.locale()).try_get_matches();
    let cli = match typed.and_then(|typed| Cli::from_arg_matches(&typed)) {
        Ok(cli) => cli,
        Err(error) => return mistyped(language, &error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            print::note(format_args!("tally: {}", here(&msg!("CANNOT_START", error = tally_i18n::io(&error)))));
            return ExitCode::from(cli::FAILED);
        }
    };
    let locale = language.locale();
    match runtime.block_on(run(cli)) {
        Ok(code) => match print::lost() {
            None => ExitCode::from(code),
            Some(error) => {
                print::note(format_args!("tally: {}", here(&msg!("OUTPUT_LOST", error = tally_i18n::io(error)))));
                ExitCode::from(cli::FAILED)
            }
        },
        Err(error) => {
            print::note(format_args!("tally: {}", say(locale, &error)));
            details(locale, &error);
            ExitCode::from(code_of(&error))
        }
    }
}

/// What is wrong with the command line, or the help that was asked for.
fn mistyped(language: cli::Language, error: &clap::Error) -> ExitCode {
    let Some(problem) = cli::refused(error) else {
        let _printed = error.print();
        return if error.use_stderr() { ExitCode::from(cli::USAGE) } else { ExitCode::SUCCESS };
    };
    print::note(format_args!("tally: {}", language.say(&problem)));
    if let Some(usage) = cli::usage(error) {
        print::note(language.say(&msg!("ARG_USAGE", usage)));
    }
    ExitCode::from(cli::USAGE)
}

async fn run(cli: Cli) -> anyhow::Result<u8> {
    match cli.command {
        Command::Demo(args) => commands::demo::demo(args).await,
        Command::Close(args) => Box::pin(commands::close::close(args)).await,
        Command::Import(args) => Box::pin(commands::import::import(args)).await,
        Command::Replay(args) => commands::replay::replay(args).await,
        Command::Serve(args) => commands::serve::serve(args).await,
        Command::Init(args) => commands::init::init(args).await,
        Command::Invite(args) => commands::invite::invite(args),
        Command::Migrate(args) => commands::migrate::migrate(args).await,
        Command::Login(args) => commands::login::login(args).await,
        Command::User(args) => commands::user::user(args.what).await,
        Command::Tenant(args) => commands::tenant::run(args.what).await,
        Command::Person(args) => commands::privacy::person(args.what).await,
        Command::Retention(args) => commands::privacy::retention(args.what).await,
        Command::Scheme(args) => commands::scheme::scheme(args.what).await,
        Command::Audit(args) => commands::audit::audit(args).await,
        Command::Access(args) => commands::access::access(args).await,
        Command::Keys(args) => commands::keys::keys(args).await,
    }
}

fn code_of(error: &anyhow::Error) -> u8 {
    let is_of_input = |refusal: &Refusal| refusal.is_of_input;
    if error.chain().any(|cause| cause.is::<Unusable>() || cause.downcast_ref().is_some_and(is_of_input)) {
        cli::UNUSABLE
    } else if error.chain().any(is_config) {
        cli::USAGE
    } else {
        cli::FAILED
    }
}

/// A setting, a file that one names, or a command line that cannot hold.
fn is_config(cause: &(dyn std::error::Error + 'static)) -> bool {
    let is_wrong = own(cause).is_some_and(|error| error.kind() == Kind::InvalidArgument);
    is_wrong
        || cause.is::<Mistyped>()
        || cause.is::<ConfigError>()
        || matches!(cause.downcast_ref(), Some(Failure::Config(_)))
}

/// An error of this process itself; what a suite elsewhere refused is something else.
fn own<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    match cause.downcast_ref() {
        Some(Failure::Error(error)) => Some(error),
        _ => cause.downcast_ref(),
    }
}

/// A fault of ours has no log but this one: whoever typed the command operates the suite.
fn details(locale: Locale, error: &anyhow::Error) {
    let faults = error.chain().filter_map(own).filter(|error| error.kind() == Kind::Internal);
    for details in faults.filter_map(Error::internal_context) {
        print::note(tally_i18n::text(locale, &msg!("INTERNAL_DETAILS", details)));
    }
}
