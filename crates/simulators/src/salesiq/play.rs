//! Plays a chat against a webhook.

use std::{io, sync::Arc, time::Duration};

use clock::Clock;
use reqwest::{Client, header, redirect};
use serde_json::Value;

use super::{Chat, Format, Signer};

/// Bytes of the longest answer that is read.
const LONGEST_ANSWER: usize = 256 * 1024;
/// SalesIQ itself waits 5 s; a person who plays is more patient.
const PATIENCE: Duration = Duration::from_secs(30);

/// Posts payloads and reads the answers.
#[derive(Debug)]
pub struct Player {
    http: Client,
    url: String,
    signer: Signer,
    clock: Arc<dyn Clock>,
}

/// How a webhook answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// HTTP status.
    pub status: u16,
    /// The answer; `null` if it is no JSON.
    pub answer: Value,
}

/// What was said on both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// What the visitor said; `None` for opening the chat.
    pub said: Option<String>,
    /// How it was answered.
    pub played: Played,
}

impl Played {
    /// What the visitor reads, whatever the format.
    pub fn replies(&self) -> Vec<String> {
        let text = |value: &Value| {
            let text = value.as_str().or_else(|| value["text"].as_str());
            text.map(str::to_owned)
        };
        match self.answer["replies"].as_array() {
            Some(replies) => replies.iter().filter_map(text).collect(),
            None => text(&self.answer["response"]).into_iter().collect(),
        }
    }

    /// What the visitor may choose from.
    pub fn suggestions(&self) -> Vec<String> {
        let suggestions = self.answer["suggestions"].as_array();
        let suggestions = suggestions.into_iter().flatten();
        suggestions
            .filter_map(|suggestion| suggestion.as_str().map(str::to_owned))
            .collect()
    }
}

impl Player {
    /// Plays against `url`.
    pub fn new(url: &str, signer: Signer, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .map_err(io::Error::other)?;
        Ok(Self {
            http,
            url: url.to_owned(),
            signer,
            clock,
        })
    }

    /// Posts one payload. `id` names the delivery where it is signed by Standard Webhooks.
    pub async fn post(&self, id: &str, payload: &Value) -> io::Result<Played> {
        let body = payload.to_string();
        let mut request = self
            .http
            .post(&self.url)
            .header(header::CONTENT_TYPE, "application/json");
        let headers = self.signer.headers(id, self.clock.now(), body.as_bytes())?;
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut response = request.body(body).send().await.map_err(io::Error::other)?;
        let status = response.status().as_u16();
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(io::Error::other)? {
            if answer.len() + chunk.len() > LONGEST_ANSWER {
                return Err(io::Error::other("the answer is far too long"));
            }
            answer.extend_from_slice(&chunk);
        }
        Ok(Played {
            status,
            answer: serde_json::from_slice(&answer).unwrap_or_default(),
        })
    }

    /// Opens the chat, as SalesIQ does for a bot.
    pub async fn open(&self, chat: &mut Chat, format: Format) -> io::Result<Turn> {
        let payload = chat.opened(format, self.clock.now());
        let played = self.post(&delivery(chat), &payload).await?;
        Ok(Turn { said: None, played })
    }

    /// The visitor says `text`.
    pub async fn say(&self, chat: &mut Chat, format: Format, text: &str) -> io::Result<Turn> {
        let payload = chat.says(format, text, self.clock.now());
        let played = self.post(&delivery(chat), &payload).await?;
        Ok(Turn {
            said: Some(text.to_owned()),
            played,
        })
    }
}

fn delivery(chat: &Chat) -> String {
    format!("{}-{}", chat.id, chat.made())
}
