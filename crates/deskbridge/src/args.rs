use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use jiff::civil::Date;

const EXITS: &str = "\
Exit codes:
  0    done
  1    tried and failed: a sync, test or action that was not successful
  2    what was typed or sent makes no sense
  3    no API key, or one that may not do this
  4    no such integration, run or stream
  5    the hub cannot be reached
  6    something else is going on, such as a sync
  7    the hub cannot do it now; try again
  130  Ctrl-C; what runs at the hub goes on";

/// Creates, tests, syncs and watches integrations of a Deskbridge hub.
#[derive(Debug, Parser)]
#[command(name = "deskbridge", version, after_help = EXITS, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    #[arg(
        long,
        global = true,
        value_name = "URL",
        value_hint = ValueHint::Url,
        help = "Address of the hub, https:// unless it is on this machine [env: DESKBRIDGE_URL]"
    )]
    pub(crate) url: Option<String>,
    /// Address and key that `deskbridge login` stored under this name
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The hub of the local stack, found by .local/stack.json here or above
    #[arg(long, global = true, conflicts_with = "url")]
    pub(crate) local: bool,
    /// Results as the API sends them, byte for byte, and nothing else on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No notes and no progress, only results and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Store address and key of a hub, in a file that only you can read
    Login(Login),
    /// List the integrations
    List,
    /// List what can be integrated, or show the settings of one template
    Templates {
        /// Name of a template
        name: Option<String>,
    },
    /// Create an integration, by answering questions or from a file
    Create(Create),
    /// Show an integration
    Show(Id),
    /// Change an integration
    Update(Update),
    /// Test address and credentials of an integration
    Test(Id),
    /// Sync an integration now, and watch it
    Sync(Sync),
    /// List the runs of an integration, or show one
    Runs(Runs),
    /// Show how an integration has been doing
    Metrics(Metrics),
    /// List what can be read of an integration, and what is
    Streams(Id),
    /// List the current records of an integration
    Data(Data),
    /// Bring records into an integration from a file
    Import(Import),
    /// Write all current records of an integration to a file, as JSON lines
    Export(Export),
    /// Carry out an action of the platform, at most once
    Act(Act),
    /// Delete an integration, its credentials and its schedule
    Delete(Delete),
    /// Export or import configurations, without secrets
    #[command(subcommand)]
    Config(Config),
    /// Write a script that completes commands in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Id {
    /// Number of the integration, as in `deskbridge list`
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) id: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// File that holds the key; `-` is standard input. Without it, you are asked
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key_file: Option<PathBuf>,
    /// Store without trying the key
    #[arg(long)]
    pub(crate) no_check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Template to be asked about; without it you choose one
    #[arg(conflicts_with = "file")]
    pub(crate) template: Option<String>,
    /// Name of the new integration
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// JSON body of the new integration; `-` is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Its secrets: a JSON object, or lines NAME=VALUE; `-` is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) secrets_file: Option<PathBuf>,
    /// Test it once it is created
    #[arg(long)]
    pub(crate) test: bool,
    /// Repeating the command with the same key does nothing twice
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

/// Whether an integration syncs.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Switch {
    /// On its schedule, and when asked
    Active,
    /// Never
    Inactive,
}

impl Switch {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub(crate) struct Update {
    #[command(flatten)]
    pub(crate) id: Id,
    /// Its new name
    #[arg(long, group = "change")]
    pub(crate) name: Option<String>,
    /// Whether it syncs
    #[arg(long, group = "change")]
    pub(crate) status: Option<Switch>,
    /// Minutes between two syncs
    #[arg(long, value_name = "MINUTES", group = "change")]
    pub(crate) every: Option<u32>,
    /// JSON with what is to change; `-` is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "change")]
    pub(crate) file: Option<PathBuf>,
    /// New secrets: a JSON object, or lines NAME=VALUE; `-` is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "change")]
    pub(crate) secrets_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    #[command(flatten)]
    pub(crate) id: Id,
    /// Read everything, and find what was deleted at the source
    #[arg(long)]
    pub(crate) full: bool,
    /// Only this stream; may be repeated
    #[arg(long = "stream", value_name = "NAME")]
    pub(crate) streams: Vec<String>,
    /// Start it, and do not wait for its end
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Repeating the command with the same key does nothing twice
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Runs {
    #[command(flatten)]
    pub(crate) id: Id,
    /// Show this run
    pub(crate) run: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Metrics {
    #[command(flatten)]
    pub(crate) id: Id,
    /// First day, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<Date>,
    /// Last day, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<Date>,
}

/// How far a record is.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Status {
    /// As the source has it
    Synced,
    /// Sent by `import`, not yet taken in
    Pending,
    /// The source's row could not be taken in
    Failed,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Pending => "pending",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Data {
    #[command(flatten)]
    pub(crate) id: Id,
    /// Only records of this type (stream)
    #[arg(long = "type", value_name = "STREAM")]
    pub(crate) stream: Option<String>,
    /// Only records of this status
    #[arg(long)]
    pub(crate) status: Option<Status>,
    /// At most so many on a page
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Also records that the source does not have any more
    #[arg(long)]
    pub(crate) deleted: bool,
    /// All pages; with --json one page a line
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(crate) id: Id,
    /// JSON lines or a JSON array of rows, each {"externalId": …, "data": {…}}, or the data alone
    /// where the stream has a primary key; `-` is standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Type (stream) of the records
    #[arg(long = "type", value_name = "STREAM")]
    pub(crate) stream: String,
    /// Do not wait until the last rows are taken in
    #[arg(long)]
    pub(crate) no_wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) id: Id,
    /// Only records of this type (stream)
    #[arg(long = "type", value_name = "STREAM")]
    pub(crate) stream: Option<String>,
    /// Only records of this status
    #[arg(long)]
    pub(crate) status: Option<Status>,
    /// Also records that the source does not have any more
    #[arg(long)]
    pub(crate) deleted: bool,
    /// Where to; standard output without it
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Act {
    #[command(flatten)]
    pub(crate) id: Id,
    /// Name of the action, as in `deskbridge templates NAME`
    pub(crate) action: String,
    /// JSON object with its parameters; `-` is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Repeating the command with the same key does nothing twice
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    pub(crate) id: Id,
    /// Delete its records too; otherwise they stay in the bucket
    #[arg(long)]
    pub(crate) with_data: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Do not wait until it is gone
    #[arg(long)]
    pub(crate) no_wait: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Write the configurations of all integrations
    Export {
        /// Where to; standard output without it
        #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
    /// Create integrations from what `config export` wrote
    Import {
        /// JSON file; `-` is standard input
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}
