//! The command line: what can be typed, and what each exit code means.
#![expect(
    missing_docs,
    reason = "what each command and argument is for stands in the catalogues, for whoever types it"
)]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tally_kernel::id::{PersonId, PrincipalId, TenantId};

mod jobs;
mod refused;

pub use crate::language::Language;
pub use jobs::{Close, Demo, Import, Input, Replay};
pub use refused::{refused, usage};

/// Everything was done.
pub const DONE: u8 = 0;
/// Something failed that is not the user's to mend.
pub const FAILED: u8 = 1;
/// The input cannot be used; the message says what to change.
pub const UNUSABLE: u8 = 2;
/// Everything was done but for rows that were rejected, each with its cure, for a pool that could not be split, or for a later
/// step.
pub const REJECTED: u8 = 3;
/// The command line or a setting is wrong; the message names it.
pub const USAGE: u8 = 64;

#[derive(Debug, Parser)]
#[command(name = "tally", version)]
pub struct Cli {
    /// Before the command or after it.
    #[arg(long, value_enum, global = true, default_value_t = Language::of_system(), hide_default_value = true)]
    pub lang: Language,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(Demo),
    Close(Close),
    Import(Import),
    Replay(Replay),
    Serve(Serve),
    Init(Init),
    Invite(Invite),
    Migrate(Settings),
    Login(Login),
    User(User),
    Tenant(Tenant),
    Person(PersonArgs),
    Retention(Retention),
    Scheme(SchemeArgs),
    Audit(Audit),
    Access(Access),
    Keys(Keys),
}

/// Settings of everything that opens a store: file < environment < flags.
#[derive(Clone, Debug, Default, Args)]
pub struct Settings {
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[arg(long)]
    pub dump_config: bool,
}

#[derive(Debug, Args)]
pub struct Serve {
    #[arg(long, value_delimiter = ',')]
    pub services: Vec<String>,
    #[arg(long)]
    pub listen: Option<std::net::SocketAddr>,
    #[arg(long)]
    pub http: Option<std::net::SocketAddr>,
    #[arg(long)]
    pub sample: bool,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Init {
    #[arg(long)]
    pub name: String,
    #[arg(long, default_value = "CNY")]
    pub currency: String,
    #[arg(long, default_value = "Asia/Shanghai")]
    pub zone: String,
    #[arg(long, value_delimiter = ',', default_value = "local")]
    pub regions: Vec<String>,
    #[arg(long, value_name = "ID")]
    pub tenant_id: Option<TenantId>,
    #[arg(long, default_value = "admin")]
    pub login: String,
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    #[arg(long, value_name = "FILE")]
    pub invitation_file: Option<PathBuf>,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Invite {
    #[arg(long, value_name = "ID")]
    pub tenant_id: Option<TenantId>,
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=i64::from(tally_identity::MAX_DAYS)))]
    pub days: u32,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Login {
    pub login: String,
    #[arg(long, default_value = "", hide_default_value = true)]
    pub code: String,
    #[arg(long)]
    pub new_password: bool,
    #[command(flatten)]
    pub connection: Connection,
    #[command(flatten)]
    pub settings: Settings,
}

/// Where a suite listens, and what is shown and believed there: flags before [client] of the settings before what
/// `tally login` remembered.
#[derive(Clone, Debug, Default, Args)]
pub struct Connection {
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub client_cert: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub client_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Server {
    #[command(flatten)]
    pub connection: Connection,
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Something else is read from the standard input
    #[arg(skip)]
    pub input_is_taken: bool,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct User {
    #[command(subcommand)]
    pub what: UserCommand,
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    Create(UserCreate),
    Grant(UserGrant),
}

#[derive(Debug, Args)]
pub struct UserCreate {
    pub login: String,
    #[arg(long)]
    pub role: String,
    #[arg(long, value_name = "PATH")]
    pub unit: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub password_file: PathBuf,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
pub struct UserGrant {
    pub login: String,
    pub role: String,
    #[arg(long, value_name = "PATH")]
    pub unit: Option<String>,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
pub struct Tenant {
    #[command(subcommand)]
    pub what: TenantCommand,
}

#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    Export(TenantExport),
}

#[derive(Debug, Args)]
pub struct TenantExport {
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    #[arg(long)]
    pub quiet: bool,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
pub struct PersonArgs {
    #[command(subcommand)]
    pub what: PersonCommand,
}

#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    Export(PersonExport),
}

#[derive(Debug, Args)]
pub struct PersonExport {
    #[arg(value_name = "NUMBER_OR_ID")]
    pub person: String,
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
pub struct Retention {
    #[command(subcommand)]
    pub what: RetentionCommand,
}

#[derive(Debug, Subcommand)]
pub enum RetentionCommand {
    Run(RetentionRun),
}

#[derive(Debug, Args)]
pub struct RetentionRun {
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
pub struct SchemeArgs {
    #[command(subcommand)]
    pub what: SchemeCommand,
}

#[derive(Debug, Subcommand)]
pub enum SchemeCommand {
    Export(SchemeExport),
    Import(SchemeImport),
    Template(SchemeTemplate),
}

#[derive(Debug, Args)]
pub struct SchemeTemplate {
    pub name: Option<String>,
    #[arg(long, value_name = "FILE", requires = "name")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SchemeExport {
    pub name: String,
    #[arg(long, value_name = "REGION")]
    pub from: Option<String>,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
pub struct SchemeImport {
    pub file: PathBuf,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
pub struct Audit {
    #[command(subcommand)]
    pub what: AuditCommand,
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    Verify(Verify),
    Search(Search),
}

#[derive(Debug, Args)]
pub struct Access {
    #[command(subcommand)]
    pub what: AccessCommand,
}

#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    Review(Review),
}

#[derive(Debug, Args)]
pub struct Review {
    pub permission: String,
    #[arg(long)]
    pub plain_csv: bool,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
pub struct Search {
    #[command(flatten)]
    pub of: Whose,
    #[arg(long, value_name = "INSTANT")]
    pub from: Option<jiff::Timestamp>,
    #[arg(long, value_name = "INSTANT")]
    pub to: Option<jiff::Timestamp>,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Whose {
    #[arg(long, value_name = "ID")]
    pub person: Option<PersonId>,
    #[arg(long, value_name = "ID")]
    pub principal: Option<PrincipalId>,
    #[arg(long, value_name = "KIND:ID")]
    pub subject: Option<String>,
}

#[derive(Debug, Args)]
pub struct Verify {
    #[arg(long, value_name = "DIR")]
    pub heads: Option<PathBuf>,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Keys {
    #[command(subcommand)]
    pub what: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    Make(MakeKeys),
    Protect(Protect),
    Rotate(Rotate),
    RotateSigning(RotateSigning),
}

#[derive(Debug, Args)]
pub struct MakeKeys {
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct RotateSigning {
    pub service: String,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Protect {
    #[arg(long, value_name = "FILE")]
    pub new_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Rotate {
    #[arg(long, value_enum, hide_possible_values = true)]
    pub what: Option<RotatedKeys>,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RotatedKeys {
    File,
    Master,
    Data,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
