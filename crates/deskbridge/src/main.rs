//! The command line of Deskbridge.

use std::process::ExitCode;
use std::sync::Arc;

use deskbridge::{Env, Exit, Patience, ProcessTerminal, Terminal as _, World};

fn main() -> ExitCode {
    let mut terminal = ProcessTerminal::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let (runtime, folder) = match (runtime, std::env::current_dir()) {
        (Ok(runtime), Ok(folder)) => (runtime, folder),
        (Err(error), _) | (_, Err(error)) => {
            // There is nobody to tell if this fails.
            let _ = writeln!(terminal.err(), "deskbridge: cannot start: {error}");
            return ExitCode::from(Exit::Failed.code());
        }
    };
    let world = World {
        terminal: &mut terminal,
        env: Env::of_process(),
        folder,
        clock: Arc::new(clock::SystemClock),
        patience: Patience::default(),
    };
    let exit = runtime.block_on(deskbridge::run(std::env::args_os().collect(), world));
    // What still waits, such as a look at a run, is of no use any more.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}
