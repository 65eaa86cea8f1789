use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clock::Clock;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;

use crate::args::Global;
use crate::client::{Answer, Client, Patience};
use crate::connection::Connection;
use crate::env::Env;
use crate::{Error, Terminal, text};

/// Largest file that is read whole.
const LARGEST: u64 = 64 * 1024 * 1024;

/// What a command knows of the world.
pub struct World<'t> {
    /// Where it reads and writes.
    pub terminal: &'t mut dyn Terminal,
    /// The environment.
    pub env: Env,
    /// The current folder.
    pub folder: PathBuf,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// How long the hub is waited for.
    pub patience: Patience,
}

/// One command on its way.
pub(crate) struct Session<'t> {
    pub(crate) world: World<'t>,
    pub(crate) global: Global,
    /// Never to be shown, whatever an answer quotes.
    secrets: Vec<SecretString>,
}

/// How results are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// Columns of the terminal.
    pub(crate) width: Option<u16>,
    /// What relative times are relative to.
    pub(crate) now: Timestamp,
}

impl<'t> Session<'t> {
    pub(crate) fn new(world: World<'t>, global: Global) -> Self {
        Self {
            world,
            global,
            secrets: Vec::new(),
        }
    }

    pub(crate) fn client(&mut self) -> Result<Client, Error> {
        let connection = Connection::find(&self.global, &self.world.env, &self.world.folder)?;
        self.client_for(connection)
    }

    pub(crate) fn client_for(&mut self, connection: Connection) -> Result<Client, Error> {
        let patience = self.world.patience.clone();
        let client = Client::new(connection.address, connection.key, patience)?;
        self.hide(client.key().clone());
        Ok(client)
    }

    /// Keeps `secret` out of all notes and errors to come.
    pub(crate) fn hide(&mut self, secret: SecretString) {
        // Replacing every "a" would hide nothing and spoil everything.
        if secret.expose_secret().len() >= 4 {
            self.secrets.push(secret);
        }
    }

    pub(crate) fn view(&self) -> View {
        View {
            width: self.world.terminal.width(),
            now: self.world.clock.now(),
        }
    }

    /// Shows an answer: as the API sent it with `--json`, else as `render` makes it.
    pub(crate) fn show<T: DeserializeOwned>(
        &mut self,
        answer: &Answer,
        render: impl FnOnce(&T, View) -> String,
    ) -> Result<(), Error> {
        if self.global.json {
            return self.raw(answer.body());
        }
        let value = answer.json()?;
        let text = render(&value, self.view());
        self.print(&text)
    }

    /// Writes results for people.
    pub(crate) fn print(&mut self, text: &str) -> Result<(), Error> {
        let text = self.veiled(text);
        self.write(text.as_bytes())
    }

    /// Writes JSON of the API, byte for byte, and ends the line.
    pub(crate) fn raw(&mut self, body: &[u8]) -> Result<(), Error> {
        self.write(body)?;
        if body.last().is_some_and(|last| *last != b'\n') {
            self.write(b"\n")?;
        }
        Ok(())
    }

    /// Writes bytes of a result.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let out = self.world.terminal.out();
        out.write_all(bytes)
            .and_then(|()| out.flush())
            .map_err(Error::Output)
    }

    /// Says something beside the result, on standard error; `--quiet` keeps it back.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.global.quiet {
            self.complain(text);
        }
    }

    /// Says what must not go unheard.
    pub(crate) fn complain(&mut self, text: &str) {
        let text = self.veiled(&text::shown(text));
        // Where standard error cannot be written, there is nobody to tell.
        let _ = writeln!(self.world.terminal.err(), "{text}");
    }

    pub(crate) fn report(&mut self, error: &Error) {
        if !error.is_broken_pipe() {
            self.complain(&format!("deskbridge: {error}"));
        }
    }

    fn veiled(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.expose_secret()) {
                text.replace(secret.expose_secret(), "***")
            } else {
                text
            }
        })
    }

    /// Asks for a line; refuses where nobody is there.
    pub(crate) fn ask(&mut self, question: &str, default: Option<&str>) -> Result<String, Error> {
        self.expect_somebody(question)?;
        self.world
            .terminal
            .ask(&text::line(question), default)
            .map_err(Error::Prompt)
    }

    pub(crate) fn ask_secret(&mut self, question: &str) -> Result<SecretString, Error> {
        self.expect_somebody(question)?;
        let secret = self
            .world
            .terminal
            .ask_secret(&text::line(question))
            .map_err(Error::Prompt)?;
        self.hide(secret.clone());
        Ok(secret)
    }

    pub(crate) fn choose(&mut self, question: &str, choices: &[String]) -> Result<usize, Error> {
        self.expect_somebody(question)?;
        let choices: Vec<_> = choices.iter().map(|choice| text::line(choice)).collect();
        self.world
            .terminal
            .choose(&text::line(question), &choices)
            .map_err(Error::Prompt)
    }

    pub(crate) fn confirm(&mut self, question: &str, otherwise: &str) -> Result<bool, Error> {
        if !self.world.terminal.interactive() {
            return Err(Error::Usage(format!(
                "nobody is there to confirm; {otherwise}"
            )));
        }
        self.world
            .terminal
            .confirm(&text::line(question))
            .map_err(Error::Prompt)
    }

    fn expect_somebody(&self, question: &str) -> Result<(), Error> {
        if self.world.terminal.interactive() {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "nobody is there to answer `{}`: this is not a terminal; give a file instead, see --help",
            text::line(question)
        )))
    }

    /// Reads a file, or standard input where it is `-`.
    pub(crate) fn read(&mut self, path: &Path) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let limit = LARGEST + 1;
        if path.as_os_str() == "-" {
            self.world
                .terminal
                .input()
                .take(limit)
                .read_to_end(&mut bytes)
        } else {
            std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
        }
        .map_err(Error::reading(path))?;
        if bytes.len() as u64 == limit {
            return Err(Error::Usage(format!(
                "{} is larger than {LARGEST} bytes; split it",
                path.display()
            )));
        }
        Ok(bytes)
    }
}
