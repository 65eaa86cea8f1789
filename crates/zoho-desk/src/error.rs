use thiserror::Error;
use vendor_http::TokenError;

use crate::judge::FieldComplaint;
use crate::route::{self, Edition};

/// Why Zoho Desk gave no rows, or did not write. Codes: Zoho Desk API, "Errors".
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
    /// The content of a write was refused, by the vendor (422 `INVALID_DATA`) or before it was sent.
    #[error("the content of {path} is not accepted: {}", named(.fields))]
    Invalid {
        /// Method and path.
        path: String,
        /// What is wrong with which field.
        fields: Vec<InvalidField>,
    },
    /// The answer is no page of records, or no record.
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

/// One field of a refused content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// JSON pointer into the content, e.g. `/contact/email`.
    pub name: String,
    /// The vendor's word (`invalid`, `missing`, `duplicate`), or a limit in words.
    pub problem: String,
}

impl InvalidField {
    pub(crate) fn new(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            problem: problem.into(),
        }
    }
}

impl From<&FieldComplaint<'_>> for InvalidField {
    fn from(complaint: &FieldComplaint<'_>) -> Self {
        Self::new(
            shortened(&complaint.field_name, 100),
            shortened(&complaint.error_type, 40),
        )
    }
}

impl Error {
    /// Whether a write may have been carried out although it failed. `false` is certain for what is
    /// sent once ([`crate::Desk::create_ticket`], [`crate::Desk::add_comment`],
    /// [`crate::Desk::create_contact`], [`crate::Desk::create_webhook`]): it was refused, or never
    /// reached the vendor.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Http(error) => error.may_have_happened(),
            // Carried out, then answered with something that is no record.
            Self::Malformed { .. } => true,
            // A code that nobody knows, under a status that says it went well.
            Self::Refused { status, .. } | Self::NotTheApi { status, .. } => {
                *status < 400 || *status >= 500
            }
            Self::Token(_)
            | Self::Unauthorized
            | Self::ScopeMissing { .. }
            | Self::WrongOrganization
            | Self::PlanRequired { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Invalid { .. } => false,
        }
    }

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

fn named(fields: &[InvalidField]) -> String {
    if fields.is_empty() {
        return "no field is named".to_owned();
    }
    let named: Vec<String> = fields
        .iter()
        .map(|field| format!("{} ({})", field.name, field.problem))
        .collect();
    named.join(", ")
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
