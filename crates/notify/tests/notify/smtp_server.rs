//! An SMTP server on loopback that answers as told and remembers what it heard.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use notify::{SmtpSettings, SmtpTls};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the server does other than accept, and at which command (`EHLO`, `AUTH`, `MAIL`, `RCPT`, `DATA`,
/// `.` for the end of the mail, and an empty text for the connection itself).
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    Accept,
    Answer(&'static str, &'static str),
    HangUp(&'static str),
    Silence(&'static str),
}

#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) commands: Vec<String>,
    pub(crate) mail: String,
}

pub(crate) struct SmtpServer {
    port: u16,
    heard: Arc<Mutex<Heard>>,
    serving: JoinHandle<()>,
}

impl SmtpServer {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let shared = Arc::clone(&heard);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that hangs up is no failure of the server.
                let _ = talk(stream, manner, &shared).await;
            }
        });
        Self {
            port,
            heard,
            serving,
        }
    }

    pub(crate) fn settings(&self) -> SmtpSettings {
        SmtpSettings {
            port: Some(self.port),
            tls: SmtpTls::None,
            ..SmtpSettings::new("127.0.0.1")
        }
    }

    pub(crate) fn heard(&self) -> (Vec<String>, String) {
        let heard = self.heard.lock().unwrap();
        (heard.commands.clone(), heard.mail.clone())
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn talk(stream: TcpStream, manner: Manner, heard: &Mutex<Heard>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    if !answer(&mut stream, manner, "", "220 loopback ESMTP").await? {
        return Ok(());
    }
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let command = line.trim_end().to_owned();
        line.clear();
        heard.lock().unwrap().commands.push(command.clone());
        let verb = command.split(' ').next().unwrap_or_default().to_owned();
        let usual = match verb.as_str() {
            "EHLO" => "250-loopback\r\n250 AUTH PLAIN LOGIN",
            "AUTH" => "235 2.7.0 in",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 2.0.0 fine",
        };
        if !answer(&mut stream, manner, &verb, usual).await? {
            return Ok(());
        }
        if verb == "DATA" && !matches!(manner, Manner::Answer("DATA", _)) {
            read_mail(&mut stream, heard).await?;
            if !answer(&mut stream, manner, ".", "250 2.0.0 taken").await? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// `false` if the server hangs up instead.
async fn answer(
    stream: &mut BufReader<TcpStream>,
    manner: Manner,
    place: &str,
    usual: &str,
) -> std::io::Result<bool> {
    let reply = match manner {
        Manner::Answer(at, reply) if at == place => reply,
        Manner::HangUp(at) if at == place => return Ok(false),
        Manner::Silence(at) if at == place => return std::future::pending().await,
        _ => usual,
    };
    stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    Ok(true)
}

async fn read_mail(stream: &mut BufReader<TcpStream>, heard: &Mutex<Heard>) -> std::io::Result<()> {
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 && line != ".\r\n" {
        heard.lock().unwrap().mail.push_str(&line);
        line.clear();
    }
    Ok(())
}
