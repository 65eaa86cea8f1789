//! Runs commands in a world of their own and looks at what comes out.

use std::collections::VecDeque;
use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::ManualClock;
use deskbridge::{Env, Exit, Patience, Terminal, World};
use futures_util::future::BoxFuture;
use indicatif::{ProgressDrawTarget, TermLike};
use secrecy::SecretString;
use tempfile::TempDir;

use crate::stub::{KEY, Stub};

/// A secret that must come out nowhere but in the body that is sent.
pub(crate) const DECOY: &str = "hunter2-decoy-secret";

/// What somebody at the terminal answers.
pub(crate) enum Said {
    Line(&'static str),
    Secret(&'static str),
    Choice(usize),
    Yes(bool),
}

/// A terminal that is read from a script and written into memory.
#[derive(Default)]
pub(crate) struct Script {
    out: Vec<u8>,
    err: Vec<u8>,
    input: Cursor<Vec<u8>>,
    answers: VecDeque<Said>,
    asked: Vec<String>,
    width: Option<u16>,
    interactive: bool,
    screen: Option<Screen>,
    interrupt_after: Option<Duration>,
}

impl Script {
    fn said(&mut self, question: &str) -> Said {
        self.asked.push(question.to_owned());
        self.answers
            .pop_front()
            .unwrap_or_else(|| panic!("nobody expected to be asked: {question}"))
    }
}

impl Terminal for Script {
    fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    fn err(&mut self) -> &mut dyn Write {
        &mut self.err
    }

    fn input(&mut self) -> &mut dyn Read {
        &mut self.input
    }

    fn width(&self) -> Option<u16> {
        self.width
    }

    fn interactive(&self) -> bool {
        self.interactive
    }

    fn progress(&self) -> Option<ProgressDrawTarget> {
        let screen = self.screen.clone()?;
        Some(ProgressDrawTarget::term_like_with_hz(Box::new(screen), 255))
    }

    fn ask(&mut self, question: &str, default: Option<&str>) -> io::Result<String> {
        match self.said(question) {
            Said::Line("") => Ok(default.unwrap_or_default().to_owned()),
            Said::Line(line) => Ok(line.to_owned()),
            _ => panic!("a line was asked for: {question}"),
        }
    }

    fn ask_secret(&mut self, question: &str) -> io::Result<SecretString> {
        match self.said(question) {
            Said::Secret(secret) => Ok(SecretString::from(secret)),
            _ => panic!("a secret was asked for: {question}"),
        }
    }

    fn choose(&mut self, question: &str, choices: &[String]) -> io::Result<usize> {
        self.asked
            .extend(choices.iter().map(|choice| format!("- {choice}")));
        match self.said(question) {
            Said::Choice(choice) => Ok(choice),
            _ => panic!("a choice was asked for: {question}"),
        }
    }

    fn confirm(&mut self, question: &str) -> io::Result<bool> {
        match self.said(question) {
            Said::Yes(yes) => Ok(yes),
            _ => panic!("yes or no was asked for: {question}"),
        }
    }

    fn interrupted(&self) -> BoxFuture<'static, ()> {
        match self.interrupt_after {
            Some(after) => Box::pin(tokio::time::sleep(after)),
            None => Box::pin(std::future::pending()),
        }
    }
}

/// Everything that was ever drawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Screen(Arc<Mutex<String>>);

impl Screen {
    pub(crate) fn drawn(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    fn add(&self, text: &str) {
        self.0.lock().unwrap().push_str(text);
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        120
    }

    fn move_cursor_up(&self, _n: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _n: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _n: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _n: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.add(text);
        self.add("\n");
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.add(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.add("\r");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A folder, an environment and a terminal to run commands in.
pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    env: Vec<(String, String)>,
    script: Script,
    timeout: Duration,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) asked: Vec<String>,
}

impl Stage {
    /// With nothing but a place for profiles.
    pub(crate) fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.json");
        Self {
            env: vec![(
                "DESKBRIDGE_CONFIG".to_owned(),
                config.to_str().unwrap().to_owned(),
            )],
            folder,
            script: Script::default(),
            timeout: Duration::from_secs(5),
        }
    }

    /// With address and key of `stub` in the environment.
    pub(crate) fn of(stub: &Stub) -> Self {
        Self::bare()
            .env("DESKBRIDGE_URL", &stub.url)
            .env("DESKBRIDGE_API_KEY", KEY)
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn patience(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(crate) fn width(mut self, columns: u16) -> Self {
        self.script.width = Some(columns);
        self
    }

    pub(crate) fn saying<const N: usize>(mut self, answers: [Said; N]) -> Self {
        self.script.interactive = true;
        self.script.answers = answers.into();
        self
    }

    pub(crate) fn stdin(mut self, text: &str) -> Self {
        self.script.input = Cursor::new(text.as_bytes().to_vec());
        self
    }

    pub(crate) fn screen(mut self, screen: &Screen) -> Self {
        self.script.screen = Some(screen.clone());
        self
    }

    pub(crate) fn interrupted_after(mut self, after: Duration) -> Self {
        self.script.interrupt_after = Some(after);
        self
    }

    /// A file that only its owner can read; its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs a command, and holds that no secret came out.
    pub(crate) async fn run<const N: usize>(&mut self, arguments: [&str; N]) -> Ran {
        let mut script = std::mem::take(&mut self.script);
        let world = World {
            terminal: &mut script,
            env: self.env.iter().cloned().collect::<Env>(),
            folder: self.folder.path().to_owned(),
            clock: Arc::new(ManualClock::at("2026-01-15T12:00:00Z".parse().unwrap())),
            patience: Patience {
                timeout: self.timeout,
                attempts: 3,
                backoff: Duration::from_millis(1),
                poll: Duration::from_millis(5),
                longest_poll: Duration::from_millis(20),
            },
        };
        let arguments = std::iter::once("deskbridge").chain(arguments);
        let exit = deskbridge::run(arguments.map(Into::into).collect(), world).await;
        let ran = Ran {
            exit,
            out: String::from_utf8(script.out).unwrap(),
            err: String::from_utf8(script.err).unwrap(),
            asked: script.asked,
        };
        for secret in [KEY, DECOY] {
            assert!(!ran.out.contains(secret), "{ran:?}");
            assert!(!ran.err.contains(secret), "{ran:?}");
        }
        assert_eq!(
            script.answers.len(),
            0,
            "not all was asked: {:?}",
            ran.asked
        );
        ran
    }
}

impl Ran {
    pub(crate) fn expect(self, exit: Exit) -> Self {
        assert_eq!(self.exit, exit, "{self:?}");
        self
    }

    /// Standard output and error, as in a snapshot.
    pub(crate) fn shown(&self) -> String {
        format!("{}--- stderr\n{}", self.out, self.err)
    }
}
