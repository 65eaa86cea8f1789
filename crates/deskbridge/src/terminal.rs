use std::io::{self, IsTerminal as _, Read, Write};

use dialoguer::console::Term;
use dialoguer::{Confirm, Input, Password, Select};
use futures_util::future::BoxFuture;
use indicatif::ProgressDrawTarget;
use secrecy::SecretString;

/// Where a command reads and writes. Everything that a person sees goes through it.
pub trait Terminal {
    /// Standard output: results.
    fn out(&mut self) -> &mut dyn Write;
    /// Standard error: notes and errors.
    fn err(&mut self) -> &mut dyn Write;
    /// Standard input.
    fn input(&mut self) -> &mut dyn Read;
    /// Columns of standard output, if it is a terminal.
    fn width(&self) -> Option<u16>;
    /// Whether somebody is there to answer questions.
    fn interactive(&self) -> bool;
    /// Where progress is drawn, if standard error is a terminal.
    fn progress(&self) -> Option<ProgressDrawTarget>;
    /// Asks for a line. An empty one means `default`.
    fn ask(&mut self, question: &str, default: Option<&str>) -> io::Result<String>;
    /// Asks for a line without showing it. It may be empty.
    fn ask_secret(&mut self, question: &str) -> io::Result<SecretString>;
    /// Lets one of `choices` be chosen.
    fn choose(&mut self, question: &str, choices: &[String]) -> io::Result<usize>;
    /// Asks yes or no; no, if only Enter is pressed.
    fn confirm(&mut self, question: &str) -> io::Result<bool>;
    /// Ends when Ctrl-C is pressed.
    fn interrupted(&self) -> BoxFuture<'static, ()>;
}

/// The terminal that the process was started in.
#[derive(Debug)]
pub struct ProcessTerminal {
    out: io::Stdout,
    err: io::Stderr,
    input: io::Stdin,
}

impl Default for ProcessTerminal {
    fn default() -> Self {
        Self {
            out: io::stdout(),
            err: io::stderr(),
            input: io::stdin(),
        }
    }
}

impl Terminal for ProcessTerminal {
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
        Term::stdout().size_checked().map(|(_, columns)| columns)
    }

    fn interactive(&self) -> bool {
        self.input.is_terminal() && self.err.is_terminal()
    }

    fn progress(&self) -> Option<ProgressDrawTarget> {
        self.err.is_terminal().then(ProgressDrawTarget::stderr)
    }

    fn ask(&mut self, question: &str, default: Option<&str>) -> io::Result<String> {
        let input = Input::<String>::new()
            .with_prompt(question)
            .allow_empty(true);
        let input = match default {
            Some(default) => input.default(default.to_owned()),
            None => input,
        };
        Ok(input.interact_text()?)
    }

    fn ask_secret(&mut self, question: &str) -> io::Result<SecretString> {
        let secret = Password::new()
            .with_prompt(question)
            .allow_empty_password(true)
            .interact()?;
        Ok(SecretString::from(secret))
    }

    fn choose(&mut self, question: &str, choices: &[String]) -> io::Result<usize> {
        Ok(Select::new()
            .with_prompt(question)
            .items(choices)
            .default(0)
            .interact()?)
    }

    fn confirm(&mut self, question: &str) -> io::Result<bool> {
        Ok(Confirm::new()
            .with_prompt(question)
            .default(false)
            .interact()?)
    }

    fn interrupted(&self) -> BoxFuture<'static, ()> {
        Box::pin(async {
            if tokio::signal::ctrl_c().await.is_err() {
                // Without a handler the system ends the process at Ctrl-C by itself.
                std::future::pending::<()>().await;
            }
        })
    }
}
