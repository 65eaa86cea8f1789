use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use crate::Exit;

/// Why a command did not do what was asked. Messages say what happened and the next step; none
/// holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was typed, or lies in a file, makes no sense.
    #[error("{0}")]
    Usage(String),
    /// No address of a hub is known.
    #[error(
        "no address of a hub: run `deskbridge login`, or set DESKBRIDGE_URL, or pass --url or --local"
    )]
    NoAddress,
    /// No key for the address is known.
    #[error(
        "no API key for {url}: run `deskbridge login --url {url}`, or set DESKBRIDGE_API_KEY_FILE or DESKBRIDGE_API_KEY"
    )]
    NoKey {
        /// The hub's address.
        url: String,
    },
    /// A file that others may read holds keys.
    #[error("{path} can be read by others on this machine; run `chmod 600 {path}`, then try again", path = .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {path}: {source}", path = .path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No whole answer came.
    #[error("cannot reach {url}: {why}{}", if *.may_have_happened { "; the request may have been carried out: look before you repeat it" } else { "; check the address and your network" })]
    Unreachable {
        /// Where the request went.
        url: String,
        /// What went wrong.
        why: String,
        /// Whether the hub may have done what was asked.
        may_have_happened: bool,
    },
    /// The hub refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The hub answered something else than its API does.
    #[error(
        "the answer of {url} makes no sense: {why}; check that the address is a hub's, and that this program is as new as the hub"
    )]
    Answer {
        /// Where the answer came from.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The hub did what was asked, and it ended badly.
    #[error("{0}")]
    Failed(String),
    /// Ctrl-C.
    #[error("{0}")]
    Interrupted(String),
    /// Nobody answers questions here.
    #[error("cannot ask: {0}")]
    Prompt(io::Error),
    /// Standard output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
}

/// A refusal of the hub's API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Stable code, such as `invalid_field`.
    pub code: String,
    /// For people.
    pub message: String,
    /// The field at fault, such as `config.baseUrl`.
    pub field: Option<String>,
    /// Names the request in the hub's logs.
    pub request_id: Option<String>,
    /// Seconds after which to try again.
    pub retry_after_s: Option<u64>,
}

impl Refusal {
    fn text(&self) -> String {
        let mut text = match &self.field {
            Some(field) => format!("{field}: {}", self.message),
            None => self.message.clone(),
        };
        // Writing to a String does not fail.
        let _ = write!(text, " [{}, HTTP {}", self.code, self.status);
        if let Some(id) = &self.request_id {
            let _ = write!(text, ", request {id}");
        }
        text.push(']');
        if let Some(step) = self.next_step() {
            text.push_str("\nnext: ");
            text.push_str(&step);
        }
        text
    }

    fn next_step(&self) -> Option<String> {
        if self.code == "busy" {
            return Some("watch it with `deskbridge runs` and the integration's number".to_owned());
        }
        Some(match (self.status, self.retry_after_s) {
            (401, _) => "run `deskbridge login` with a key that is valid".to_owned(),
            (403, _) => {
                "ask whoever manages the keys for one of your tenant with this right".to_owned()
            }
            (404, _) => "see what there is with `deskbridge list`".to_owned(),
            (429 | 500.., Some(seconds)) => format!("try again in {seconds} s"),
            (429, None) => "try again in a minute".to_owned(),
            (500.., None) => {
                "try again; if it stays, tell the operator the request's id".to_owned()
            }
            _ => return None,
        })
    }
}

impl Error {
    /// What the process ends with.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::NoAddress | Self::Prompt(_) => Exit::Usage,
            Self::File { action, .. } if *action == "read" => Exit::Usage,
            Self::File { .. } | Self::Failed(_) | Self::Output(_) => Exit::Failed,
            Self::NoKey { .. } | Self::Exposed { .. } => Exit::NotAllowed,
            Self::Unreachable { .. } => Exit::Unreachable,
            Self::Answer { .. } => Exit::Unavailable,
            Self::Interrupted(_) => Exit::Interrupted,
            Self::Refused(refusal) => match refusal.status {
                401 | 403 => Exit::NotAllowed,
                404 | 410 => Exit::NotFound,
                409 | 412 => Exit::Conflict,
                // With a code of the hub's, it is the platform that failed.
                502 if refusal.code != "bad_gateway" => Exit::Failed,
                429 | 500.. => Exit::Unavailable,
                _ => Exit::Usage,
            },
        }
    }

    /// Whether the same command may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.exit(),
            Exit::Unreachable | Exit::Conflict | Exit::Unavailable
        )
    }

    /// Whether the reader of standard output went away, as `head` does: nothing to tell.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    pub(crate) fn reading(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action: "read",
            path,
            source,
        }
    }

    pub(crate) fn writing(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action: "write",
            path,
            source,
        }
    }
}
