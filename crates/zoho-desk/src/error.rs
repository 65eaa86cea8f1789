use thiserror::Error;
use vendor_http::TokenError;

use crate::route::{self, Edition};

/// Why Zoho Desk gave no rows. Codes: Zoho Desk API, "Errors".
#[derive(Debug, Error)]
pub enum Error {
    /// No access token can be had.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A fresh token was refused too.
    #[error(
        "Zoho refused a freshly issued access token; check that ZOHO_DATA_CENTER is the account's own, then generate a new grant code and put it into `code` of the secret"
    )]
    Unauthorized,
    /// The token's scopes do not cover the route.
    #[error(
        "the OAuth scope for {path} is missing (needs {scopes}); generate a grant code with it and put it into `code` of the secret"
    )]
    ScopeMissing {
        /// The route.
        path: String,
        /// Scopes that would do.
        scopes: String,
    },
    /// `org_id` is not the organisation the token belongs to.
    #[error(
        "the access token does not belong to the organisation in `org_id` of the secret; copy the id from Zoho Desk > Setup > Developer Space > API"
    )]
    WrongOrganization,
    /// The account's edition lacks the feature.
    #[error(
        "{path} needs the Zoho Desk {edition} edition{}; upgrade, or switch this report's schedule off", account_has(.owned.as_deref())
    )]
    PlanRequired {
        /// The route.
        path: String,
        /// The edition that has it.
        edition: String,
        /// The account's edition, where the vendor named it.
        owned: Option<String>,
    },
    /// The user behind the token may not do this.
    #[error(
        "Zoho refused {path} ({code}); the user who made the grant code needs permission for it in Zoho Desk"
    )]
    Forbidden {
        /// The route.
        path: String,
        /// The vendor's code.
        code: String,
    },
    /// No such route or record.
    #[error("Zoho knows no {path}")]
    NotFound {
        /// The route.
        path: String,
    },
    /// A web page instead of an answer: not the API's host.
    #[error(
        "{path} was answered with a web page (HTTP {status}); check ZOHO_DATA_CENTER and ZOHO_DESK_URL"
    )]
    NotTheApi {
        /// The route.
        path: String,
        /// HTTP status.
        status: u16,
    },
    /// The request was refused as such.
    #[error("Zoho refused {path}: HTTP {status} {code}: {message}")]
    Refused {
        /// The route.
        path: String,
        /// HTTP status.
        status: u16,
        /// The vendor's code.
        code: String,
        /// The vendor's sentence, shortened.
        message: String,
    },
    /// The answer is no page of records.
    #[error("the answer to {path} cannot be read: {why}")]
    Malformed {
        /// The route.
        path: String,
        /// What is wrong with it; never the content.
        why: String,
    },
    /// No final answer came.
    #[error(transparent)]
    Http(#[from] vendor_http::Error),
}

impl Error {
    /// Whether a later run may succeed without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            Self::Token(error) => matches!(
                error.kind,
                vendor_http::TokenErrorKind::RateLimited
                    | vendor_http::TokenErrorKind::Unavailable
                    | vendor_http::TokenErrorKind::Deadline
            ),
            Self::Malformed { .. } => true,
            _ => false,
        }
    }

    /// What `code` means, whatever status it came with.
    pub(crate) fn from_code(status: u16, code: &str, message: &str, path: &str) -> Self {
        let path = path.to_owned();
        match code {
            "INVALID_OAUTH" | "UNAUTHORIZED" => Self::Unauthorized,
            "SCOPE_MISMATCH" => Self::ScopeMissing {
                scopes: route::scopes_for(&path),
                path,
            },
            "OAUTH_ORG_MISMATCH" => Self::WrongOrganization,
            "LICENSE_ACCESS_LIMITED" => Self::PlanRequired {
                // No feature we read is reserved for a higher edition than this one.
                edition: Edition::Professional.to_string(),
                owned: None,
                path,
            },
            "FORBIDDEN" | "ONLY_LIVECHAT_USER" => Self::Forbidden {
                path,
                code: code.to_owned(),
            },
            "URL_NOT_FOUND" => Self::NotFound { path },
            _ => Self::Refused {
                path,
                status,
                code: shortened(code, 60),
                message: shortened(message, 200),
            },
        }
    }
}

fn account_has(edition: Option<&str>) -> String {
    edition
        .map(|edition| format!(" (this account has {edition})"))
        .unwrap_or_default()
}

fn shortened(text: &str, most: usize) -> String {
    let mut short: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(most)
        .collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
