mod act;
mod configs;
mod create;
mod data;
mod guide;
mod integrations;
mod login;
mod metrics;
mod runs;
mod sync;
mod templates;
mod test;
mod transfer;

use clap::CommandFactory as _;

use crate::Error;
use crate::args::{Cli, Command, Config};
use crate::session::Session;

pub(crate) async fn carry_out(session: &mut Session<'_>, command: Command) -> Result<(), Error> {
    match command {
        Command::Login(login) => login::login(session, &login).await,
        Command::List => integrations::list(session).await,
        Command::Templates { name } => templates::templates(session, name.as_deref()).await,
        Command::Create(create) => create::create(session, &create).await,
        Command::Show(id) => integrations::show(session, id.id).await,
        Command::Update(update) => integrations::update(session, &update).await,
        Command::Test(id) => test::test(session, id.id).await,
        Command::Sync(sync) => sync::sync(session, &sync).await,
        Command::Runs(runs) => runs::runs(session, &runs).await,
        Command::Metrics(metrics) => metrics::metrics(session, &metrics).await,
        Command::Streams(id) => data::streams(session, id.id).await,
        Command::Data(data) => data::records(session, &data).await,
        Command::Import(import) => transfer::import(session, &import).await,
        Command::Export(export) => transfer::export(session, &export).await,
        Command::Act(act) => act::act(session, &act).await,
        Command::Delete(delete) => integrations::delete(session, &delete).await,
        Command::Config(Config::Export { output }) => {
            configs::export(session, output.as_deref()).await
        }
        Command::Config(Config::Import { file }) => configs::import(session, &file).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "deskbridge", &mut script);
            session.write(&script)
        }
    }
}
