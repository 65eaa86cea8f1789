//! Runs a REST API with every kind of paging and authentication until it is told to stop.

use std::{io, process::ExitCode};

use clap::Parser;
use serde_json::json;
use simulators::rest::{Options, Simulator};
use tokio::{
    io::AsyncReadExt,
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

/// A local REST API. Prints one JSON line when it is ready: its origin, and what callers must know.
#[derive(Debug, Parser)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Rows at the beginning.
    #[arg(long, default_value_t = 250)]
    rows: u64,
    /// Groups that the rows are spread over.
    #[arg(long, default_value_t = 4)]
    groups: u64,
    /// Life of an access token.
    #[arg(long, default_value_t = 3600)]
    token_life_s: u64,
    /// Stop when standard input ends, as it does when the parent process dies.
    #[arg(long)]
    exit_with_parent: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = Runtime::new().and_then(|runtime| runtime.block_on(serve(arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a command's errors go there")]
fn print_error(error: &io::Error) {
    eprintln!("rest-simulator: {error}");
}

#[expect(clippy::print_stdout, reason = "its callers read the line")]
async fn serve(arguments: Arguments) -> io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let simulator = Simulator::start(Options {
        rows: arguments.rows,
        groups: arguments.groups,
        port: arguments.port,
        token_life_s: arguments.token_life_s,
        ..Options::default()
    })
    .await?;
    let secrets = simulator.secrets();
    let ready = json!({
        "origin": simulator.origin(),
        "api_key": secrets.api_key,
        "token": secrets.token,
        "username": secrets.username,
        "password": secrets.password,
        "client_id": secrets.client_id,
        "client_secret": secrets.client_secret,
        "refresh_token": secrets.refresh_token,
        "signing_secret": secrets.signing_secret,
    });
    println!("{ready}");
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
        () = parent_gone(arguments.exit_with_parent) => {}
        () = simulator.run() => {}
    }
    Ok(())
}

async fn parent_gone(watched: bool) {
    if !watched {
        return std::future::pending().await;
    }
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 64];
    while stdin.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}
