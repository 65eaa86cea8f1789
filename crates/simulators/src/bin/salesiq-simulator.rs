//! Plays a SalesIQ chat against a webhook, and makes keys for it.

use std::{
    fs, io,
    io::{BufRead as _, Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clock::SystemClock;
use serde_json::json;
use simulators::{
    SigningKey,
    salesiq::{Chat, Format, Player, Signer, Turn, Visitor},
};

/// Plays a chat, one line after the other, and prints what both sides say.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    play: Play,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes a new RSA key as private-key.pem and public-key.pem.
    Keygen {
        /// A directory; it is made if it is not there.
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Play {
    /// The webhook, such as `http://127.0.0.1:8080/webhook/salesiq`.
    #[arg(long)]
    url: Option<String>,
    #[arg(long, value_enum, default_value_t = Shape::Zobot)]
    format: Shape,
    /// A private RSA key, PEM or DER; signs as SalesIQ does.
    #[arg(long, group = "signer")]
    key_file: Option<PathBuf>,
    /// A file with a shared secret; `-` is standard input.
    #[arg(long, group = "signer")]
    shared_secret: Option<PathBuf>,
    /// A file with a Standard Webhooks secret (`whsec_…`); `-` is standard input.
    #[arg(long, group = "signer")]
    signing_secret: Option<PathBuf>,
    /// A new one if not given.
    #[arg(long)]
    chat_id: Option<String>,
    #[arg(long, default_value = "visitor-1")]
    visitor_id: String,
    #[arg(long)]
    name: Option<String>,
    #[arg(long)]
    email: Option<String>,
    #[arg(long)]
    phone: Option<String>,
    #[arg(long)]
    language: Option<String>,
    /// The page vouches for the e-mail (flat only).
    #[arg(long)]
    email_verified: bool,
    /// Print each turn as one line of JSON.
    #[arg(long)]
    json: bool,
    /// What the visitor says; lines of standard input if there are none.
    lines: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    Zobot,
    Flat,
}

impl From<Shape> for Format {
    fn from(shape: Shape) -> Self {
        match shape {
            Shape::Zobot => Self::Zobot,
            Shape::Flat => Self::Flat,
        }
    }
}

impl Play {
    fn signer(&self) -> io::Result<Signer> {
        if let Some(file) = &self.key_file {
            return Ok(Signer::Rsa(SigningKey::read(&fs::read(file)?)?));
        }
        if let Some(file) = &self.shared_secret {
            return Ok(Signer::SharedSecret(secret(file)?));
        }
        match &self.signing_secret {
            Some(file) => Signer::standard_webhooks(&secret(file)?),
            None => Err(io::Error::other(
                "name one of --key-file, --shared-secret and --signing-secret",
            )),
        }
    }

    fn chat(&self) -> Chat {
        let id = self.chat_id.clone();
        let id = id.unwrap_or_else(|| format!("chat-{:016x}", fastrand::u64(..)));
        let visitor = Visitor {
            id: self.visitor_id.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            language: self.language.clone(),
            email_verified: self.email_verified,
        };
        Chat::new(&id, visitor)
    }

    async fn run(self) -> io::Result<bool> {
        let url = self.url.as_deref();
        let url = url.ok_or_else(|| io::Error::other("--url is missing"))?;
        let player = Player::new(url, self.signer()?, Arc::new(SystemClock))?;
        let format = Format::from(self.format);
        let mut chat = self.chat();
        let mut all_good = true;
        if format == Format::Zobot {
            let turn = player.open(&mut chat, format).await?;
            all_good &= self.show(&turn)?;
        }
        let lines: Box<dyn Iterator<Item = io::Result<String>>> = if self.lines.is_empty() {
            Box::new(io::stdin().lock().lines())
        } else {
            Box::new(self.lines.clone().into_iter().map(Ok))
        };
        for line in lines {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            let turn = player.say(&mut chat, format, line.trim()).await?;
            all_good &= self.show(&turn)?;
        }
        Ok(all_good)
    }

    /// Whether the webhook answered well.
    fn show(&self, turn: &Turn) -> io::Result<bool> {
        let played = &turn.played;
        let is_good = played.status == 200;
        let mut out = io::stdout().lock();
        if self.json {
            let line = json!({"said": turn.said, "status": played.status, "answer": played.answer});
            writeln!(out, "{line}")?;
            return Ok(is_good);
        }
        if let Some(said) = &turn.said {
            writeln!(out, "Visitor: {said}")?;
        }
        if !is_good {
            writeln!(out, "HTTP {}: {}", played.status, played.answer)?;
        }
        for reply in played.replies() {
            writeln!(out, "Bot: {}", reply.replace('\n', "\n     "))?;
        }
        let suggestions = played.suggestions();
        if !suggestions.is_empty() {
            writeln!(out, "     [{}]", suggestions.join("] ["))?;
        }
        Ok(is_good)
    }
}

fn secret(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    if file == Path::new("-") {
        io::stdin().read_line(&mut text)?;
    } else {
        fs::File::open(file)?.read_to_string(&mut text)?;
    }
    Ok(text.trim().to_owned())
}

fn keygen(out: &Path) -> io::Result<()> {
    let key = SigningKey::generate()?;
    fs::create_dir_all(out)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(out.join("private-key.pem"))?;
    file.write_all(key.private_pem()?.as_bytes())?;
    fs::write(out.join("public-key.pem"), key.public_pem()?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.command {
        Some(Command::Keygen { out }) => keygen(&out).map(|()| true),
        None => arguments.play.run().await,
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a program run by hand")]
fn report(error: &io::Error) {
    eprintln!("salesiq-simulator: {error}");
}
