use std::ffi::OsString;

use clap::Parser as _;

use crate::args::{Cli, Global};
use crate::session::{Session, World};
use crate::{Error, Exit, Terminal, commands, secrets};

/// Carries out the command line `arguments`, the program's name first. Everything that is read,
/// written, asked and waited for goes through `world`.
pub async fn run(arguments: Vec<OsString>, world: World<'_>) -> Exit {
    let texts = arguments.iter().skip(1).filter_map(|text| text.to_str());
    if let Err(error) = secrets::refuse_in_arguments(texts) {
        return finish(&mut Session::new(world, Global::default()), Err(error));
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return explain(world.terminal, &error),
    };
    let mut session = Session::new(world, cli.global);
    let outcome = commands::carry_out(&mut session, cli.command).await;
    finish(&mut session, outcome)
}

fn finish(session: &mut Session<'_>, outcome: Result<(), Error>) -> Exit {
    match outcome {
        Ok(()) => Exit::Done,
        Err(error) if error.is_broken_pipe() => Exit::Done,
        Err(error) => {
            session.report(&error);
            error.exit()
        }
    }
}

/// Help and version are results; what cannot be understood is an error.
fn explain(terminal: &mut dyn Terminal, error: &clap::Error) -> Exit {
    let text = error.render().to_string();
    let (to, exit) = if error.use_stderr() {
        (terminal.err(), Exit::Usage)
    } else {
        (terminal.out(), Exit::Done)
    };
    // There is nobody to tell if this fails.
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
    exit
}
