//! The command line: what can be typed, and what each exit code means.
#![expect(missing_docs, reason = "clap turns doc comments into help, and a struct's would replace its command's")]

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

/// Who did which work, what was it worth, what does it pay, and why.
#[derive(Debug, Parser)]
#[command(name = "tally", version, about, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the main job on a made-up group: a month of records becomes statements, on SQLite in a temporary folder
    Demo(Demo),
    /// Do the main job on your own files
    Close(Close),
    /// Bring a bundle into a running suite, and say what is there before and after
    Import(Import),
    /// Recompute a result folder from its own inputs, and say whether it comes out the same
    Replay(Replay),
    /// Run one, some or all services
    Serve(Serve),
    /// Make the group and its first administrator on an empty store
    Init(Init),
    /// Print an invitation to make one more group in a store that holds one (PostgreSQL)
    Invite(Invite),
    /// Bring the database up to date (PostgreSQL: with the owner's URL)
    Migrate(Settings),
    /// Trade a password for a token
    Login(Login),
    /// Give people and programs a way in
    User(User),
    /// Take a whole group's data along
    Tenant(Tenant),
    /// Take out what is held about a person
    Person(PersonArgs),
    /// Look after how long data are kept
    Retention(Retention),
    /// Look into the audit log
    Audit(Audit),
    /// Say who may do what, for a review
    Access(Access),
    /// Look after the keys: those that sign tokens, and those of what is sealed in the database
    Keys(Keys),
}

impl Command {
    /// The language of what it says.
    pub fn language(&self) -> Language {
        match self {
            Self::Close(args) => args.input.lang,
            Self::Demo(args) => args.lang,
            Self::Import(args) => args.input.lang,
            _ => Language::of_system(),
        }
    }
}

/// Settings of everything that opens a store: file < environment < flags.
#[derive(Clone, Debug, Default, Args)]
pub struct Settings {
    /// Settings file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set one key, such as database.url=postgres://..
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print the settings in force, secrets masked, and stop
    #[arg(long)]
    pub dump_config: bool,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Which services, separated by commas; all by default
    #[arg(long, value_delimiter = ',')]
    pub services: Vec<String>,
    /// Address to listen on
    #[arg(long)]
    pub listen: Option<std::net::SocketAddr>,
    /// Begin with the made-up group of `tally demo` on an empty store
    #[arg(long)]
    pub sample: bool,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Init {
    /// The group's name
    #[arg(long)]
    pub name: String,
    /// ISO 4217 code
    #[arg(long, default_value = "CNY")]
    pub currency: String,
    /// IANA zone
    #[arg(long, default_value = "Asia/Shanghai")]
    pub zone: String,
    /// Regions, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "local")]
    pub regions: Vec<String>,
    /// The group's id, chosen beforehand or that of another region's stack; when the store holds this very group, nothing
    /// is changed and that is no failure
    #[arg(long, value_name = "ID")]
    pub tenant_id: Option<TenantId>,
    /// Sign-in name of the first administrator
    #[arg(long, default_value = "admin")]
    pub login: String,
    /// File that holds the administrator's password; without it the password is the first line of the standard input
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// File that holds what `tally invite` printed, where the store holds another group already
    #[arg(long, value_name = "FILE")]
    pub invitation_file: Option<PathBuf>,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Invite {
    /// The group's id, where a stack of another region made the group before; a new group by default
    #[arg(long, value_name = "ID")]
    pub tenant_id: Option<TenantId>,
    /// For how many days it is good
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=i64::from(tally_identity::MAX_DAYS)))]
    pub days: u32,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Login {
    /// Sign-in name
    pub login: String,
    /// The six digits of your authenticator, or a recovery code, where you have a second factor
    #[arg(long, default_value = "", hide_default_value = true)]
    pub code: String,
    /// The password was given to you for one sign-in: the second line of the standard input is your new one
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
    /// Where the suite listens, such as https://tally.example:7070; where `tally login` signed in last, or
    /// http://127.0.0.1:7070
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// File of the authority that signs the server's certificate (PEM); by default those that this machine trusts
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// File of the certificate chain to show to a server that wants one (PEM)
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub client_cert: Option<PathBuf>,
    /// File of its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub client_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Server {
    #[command(flatten)]
    pub connection: Connection,
    /// File that holds a token, or - for the standard input; by default the one that `tally login` remembers, else the standard
    /// input
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
    /// Make a login with one role in the whole group
    Create(UserCreate),
}

#[derive(Debug, Args)]
pub struct UserCreate {
    /// Sign-in name
    pub login: String,
    /// The role, such as group_hr or auditor
    #[arg(long)]
    pub role: String,
    /// File that holds the first password, or - for the standard input
    #[arg(long, value_name = "FILE")]
    pub password_file: PathBuf,
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
    /// Write all that every service holds of the group into a folder, a file of JSON lines for each table
    Export(TenantExport),
}

#[derive(Debug, Args)]
pub struct TenantExport {
    /// The folder; must not exist
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Show no progress
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
    /// Write all that every service holds about a person into one JSON file
    Export(PersonExport),
}

#[derive(Debug, Args)]
pub struct PersonExport {
    /// The person
    pub person: PersonId,
    /// The file; must not exist
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
    /// Remove from every service what the group's retention schedule says is over
    Run(RetentionRun),
}

#[derive(Debug, Args)]
pub struct RetentionRun {
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
    /// Recompute the chain of every service, look for the entry of every row, and name the first that is wrong
    Verify(Verify),
    /// Say who saw or changed what about a person, what a principal did, or what was done to a thing; newest first
    Search(Search),
}

#[derive(Debug, Args)]
pub struct Access {
    #[command(subcommand)]
    pub what: AccessCommand,
}

#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// Say as CSV who holds a permission, by which grant, loan or emergency, since when, and from whom; newest grant first
    Review(Review),
}

#[derive(Debug, Args)]
pub struct Review {
    /// The permission, such as compensation.statement.read_pay for reading pay
    pub permission: String,
    /// CSV for programs: without the byte order mark, and without the apostrophe before cells that begin like a formula,
    /// which spreadsheets need
    #[arg(long)]
    pub plain_csv: bool,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Debug, Args)]
pub struct Search {
    #[command(flatten)]
    pub of: Whose,
    /// Not before this instant (RFC 3339)
    #[arg(long, value_name = "INSTANT")]
    pub from: Option<jiff::Timestamp>,
    /// Before this instant (RFC 3339)
    #[arg(long, value_name = "INSTANT")]
    pub to: Option<jiff::Timestamp>,
    /// Print a JSON object a line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Whose {
    /// About this person
    #[arg(long, value_name = "ID")]
    pub person: Option<PersonId>,
    /// By this principal, or on its behalf
    #[arg(long, value_name = "ID")]
    pub principal: Option<PrincipalId>,
    /// Done to this thing, such as statement:0199..
    #[arg(long, value_name = "KIND:ID")]
    pub subject: Option<String>,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// Folder of signed heads that the logs must pass through; by default that of the settings
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
    /// Make the key folder with all its files, for the secrets of a cluster; what is there stays as it is
    Make(MakeKeys),
    /// Encrypt seal.key under a passphrase, or change the passphrase
    Protect(Protect),
    /// Make new keys while the services work, and seal everything with them; goes on where an earlier run was stopped
    Rotate(Rotate),
    /// Give a service a new key to sign tokens with; running processes take it up by themselves within a minute
    RotateSigning(RotateSigning),
}

#[derive(Debug, Args)]
pub struct MakeKeys {
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct RotateSigning {
    /// The service, such as identity
    pub service: String,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Protect {
    /// File that holds the new passphrase; without it the passphrase is the first line of the standard input
    #[arg(long, value_name = "FILE")]
    pub new_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
pub struct Rotate {
    /// Which keys; master and data by default
    #[arg(long, value_enum)]
    pub what: Option<RotatedKeys>,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RotatedKeys {
    /// Only add a master key to seal.key, to hand the file out before anything is wrapped with it
    File,
    /// The master key in seal.key: quick, nothing is sealed anew
    Master,
    /// The data keys: every sealed row is sealed anew
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
