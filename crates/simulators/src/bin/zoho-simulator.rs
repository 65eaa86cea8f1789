//! Runs a simulated Zoho Desk portal until it is told to stop.

use std::{io, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use clock::SystemClock;
use jiff::Timestamp;
use serde_json::json;
use simulators::zoho::{AccountSize, Edition, FromBase, Options, Simulator};
use tokio::{
    io::AsyncReadExt,
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

/// A local Zoho accounts server and Zoho Desk portal. Prints one JSON line when it is ready.
#[derive(Debug, Parser)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The same seed, sizes and --now give the same portal.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Tickets; the other sizes are in proportion unless given.
    #[arg(long, default_value_t = 250)]
    tickets: u32,
    #[arg(long)]
    contacts: Option<u32>,
    #[arg(long)]
    accounts: Option<u32>,
    #[arg(long)]
    agents: Option<u32>,
    #[arg(long)]
    departments: Option<u32>,
    #[arg(long)]
    calls: Option<u32>,
    /// Tickets created in one and the same millisecond.
    #[arg(long)]
    same_millisecond: Option<u32>,
    /// Where the generated history ends, such as 2026-01-31T09:15:00Z; the present by default.
    #[arg(long)]
    now: Option<Timestamp>,
    /// Free, Express, Standard, Professional or Enterprise.
    #[arg(long, default_value = "Enterprise", value_parser = edition)]
    edition: Edition,
    /// What `from` of the first row is on list routes.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=1))]
    from_base: u8,
    /// Least time of each vendor request.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Credits per day instead of the edition's.
    #[arg(long)]
    daily_credits: Option<u64>,
    /// Requests in flight instead of the edition's.
    #[arg(long)]
    concurrency: Option<usize>,
    /// Seconds for which search does not find what changed.
    #[arg(long, default_value_t = 0)]
    search_lag_s: u64,
    /// Seconds by which the portal's clock is ahead of the machine's; negative if behind.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    clock_offset_s: i64,
    #[arg(long, default_value_t = 3600)]
    token_lifetime_s: u64,
    #[arg(long)]
    client_id: Option<String>,
    #[arg(long)]
    client_secret: Option<String>,
    /// The first grant code.
    #[arg(long)]
    code: Option<String>,
    /// Digits.
    #[arg(long)]
    org_id: Option<String>,
    /// `api_domain` in token answers.
    #[arg(long)]
    api_domain: Option<String>,
    /// Comma-separated scopes instead of the default set.
    #[arg(long, value_delimiter = ',')]
    scopes: Vec<String>,
    /// Answer `/myPendingApprovals` as today's vendor may: not at all.
    #[arg(long)]
    no_my_pending_approvals: bool,
    /// Stop when standard input ends, as it does when the parent process dies.
    #[arg(long)]
    exit_with_parent: bool,
}

fn edition(name: &str) -> Result<Edition, String> {
    Edition::from_name(name)
        .ok_or_else(|| "use one of Free, Express, Standard, Professional, Enterprise".to_owned())
}

impl Arguments {
    fn options(self) -> Options {
        let sizes = AccountSize::from_tickets(self.tickets);
        let defaults = Options::default();
        let offset = Duration::from_secs(self.clock_offset_s.unsigned_abs());
        let is_behind = self.clock_offset_s < 0;
        let options = Options {
            seed: self.seed,
            size: AccountSize {
                contacts: self.contacts.unwrap_or(sizes.contacts),
                accounts: self.accounts.unwrap_or(sizes.accounts),
                agents: self.agents.unwrap_or(sizes.agents),
                departments: self.departments.unwrap_or(sizes.departments),
                calls: self.calls.unwrap_or(sizes.calls),
                same_millisecond: self.same_millisecond.unwrap_or(sizes.same_millisecond),
                ..sizes
            },
            edition: self.edition,
            clock: Arc::new(SystemClock),
            now: self.now,
            port: self.port,
            client_id: self.client_id.unwrap_or(defaults.client_id),
            client_secret: self.client_secret.unwrap_or(defaults.client_secret),
            code: self.code.unwrap_or(defaults.code),
            org_id: self.org_id.unwrap_or(defaults.org_id),
            api_domain: self.api_domain.unwrap_or(defaults.api_domain),
            scopes: if self.scopes.is_empty() {
                defaults.scopes
            } else {
                self.scopes
            },
            token_lifetime: Duration::from_secs(self.token_lifetime_s),
            from_base: match self.from_base {
                0 => FromBase::Zero,
                _ => FromBase::One,
            },
            latency: Duration::from_millis(self.latency_ms),
            daily_credits: self.daily_credits,
            concurrency: self.concurrency,
            search_lag: Duration::from_secs(self.search_lag_s),
            my_pending_approvals: !self.no_my_pending_approvals,
            ..Options::default()
        };
        if is_behind {
            options.clock_behind(offset)
        } else {
            options.clock_ahead(offset)
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = Runtime::new().and_then(|runtime| {
        let ended = runtime.block_on(run(arguments));
        // A read of standard input cannot be cancelled and must not hold up the exit.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> io::Result<()> {
    let exit_with_parent = arguments.exit_with_parent;
    let mut terminated = signal(SignalKind::terminate())?;
    let simulator = Simulator::start(arguments.options()).await?;
    announce(&simulator);
    tokio::select! {
        _ = terminated.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        () = end_of_input(), if exit_with_parent => {}
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the line that callers wait for")]
fn announce(simulator: &Simulator) {
    let options = simulator.options();
    let ready = json!({
        "origin": simulator.origin(),
        "client_id": options.client_id,
        "client_secret": options.client_secret,
        "code": options.code,
        "org_id": options.org_id,
    });
    println!("{ready}");
}

#[expect(clippy::print_stderr, reason = "a program run by hand")]
fn report(error: &io::Error) {
    eprintln!("zoho-simulator: {error}; if the port is taken, choose another with --port");
}

async fn end_of_input() {
    let mut input = tokio::io::stdin();
    let mut ignored = [0; 256];
    while matches!(input.read(&mut ignored).await, Ok(read) if read > 0) {}
}
