use thiserror::Error;

/// Why a request is not accepted. The message says how to mend it and holds nothing of the request
/// but the names of fields.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No header authenticates the request.
    #[error(
        "the request is not authenticated: send x-siqsignature (SalesIQ), or webhook-id, webhook-timestamp and webhook-signature (Standard Webhooks), or x-webhook-secret"
    )]
    SignatureMissing,
    /// A header that authenticates cannot be read.
    #[error("header {header} cannot be used: {problem}")]
    SignatureMalformed {
        /// The header, lower case.
        header: &'static str,
        /// What is wrong with it, and what is expected.
        problem: &'static str,
    },
    /// The signature belongs to other bytes or to another key.
    #[error(
        "{header} does not match the body: sign the exact bytes that are sent, with a key that is configured here"
    )]
    SignatureInvalid {
        /// The header, lower case.
        header: &'static str,
    },
    /// The signed time is too far from now.
    #[error(
        "webhook-timestamp is more than 5 minutes from now: sign each delivery when it is sent, and set the sender's clock"
    )]
    TimestampStale,
    /// The shared secret is another one.
    #[error("x-webhook-secret is not a secret that is configured here: compare it with the secret")]
    SecretInvalid,
    /// No key is configured for the way the request authenticates; nobody is let in that way.
    #[error(
        "no key is configured for this way of authenticating: the operator must add it to {field} in the webhook secret"
    )]
    NotConfigured {
        /// The fields of the secret that would help.
        field: &'static str,
    },
    /// The JWT header is not there.
    #[error("X-ZDesk-JWT is missing: only Zoho Desk's own webhook calls are accepted")]
    TokenMissing,
    /// The JWT cannot be read.
    #[error("X-ZDesk-JWT cannot be read: {problem}")]
    TokenMalformed {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The JWT names another algorithm than RS256.
    #[error("X-ZDesk-JWT must be signed with RS256; no other algorithm is accepted")]
    TokenAlgorithm,
    /// The JWT names a key that Zoho does not publish.
    #[error(
        "X-ZDesk-JWT names a key that the Desk host does not publish: check that the data centre configured here is the webhook's"
    )]
    TokenKeyUnknown,
    /// The signature of the JWT is wrong.
    #[error("the signature of X-ZDesk-JWT is wrong")]
    TokenSignature,
    /// The JWT is of another organisation.
    #[error(
        "X-ZDesk-JWT is of another organisation: its iss must be orgId:<the organisation configured here>"
    )]
    TokenIssuer,
    /// The JWT is of another webhook.
    #[error(
        "X-ZDesk-JWT is of another webhook: its aud must be webhookId:<a webhook configured here>"
    )]
    TokenAudience,
    /// The JWT is too old.
    #[error("X-ZDesk-JWT has expired: each delivery needs a token of its own")]
    TokenExpired,
    /// The JWT is from the future.
    #[error("X-ZDesk-JWT is not valid yet: compare the clocks")]
    TokenNotYetValid,
    /// The vendor's keys could not be had; the request may be good.
    #[error("the keys of the Desk host cannot be fetched just now: send the request again later")]
    KeysUnavailable,
    /// The body is larger than any honest one.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// Largest size accepted, bytes.
        limit: usize,
    },
    /// The body is not declared as JSON.
    #[error("the body must be JSON in UTF-8: send content-type: application/json")]
    MediaType,
    /// The body is not text.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// The body is not JSON.
    #[error("the body is not valid JSON: see line {line}, column {column}")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// The body nests arrays and objects too deeply.
    #[error("the body nests more than {limit} arrays and objects")]
    TooDeep {
        /// Deepest nesting accepted.
        limit: usize,
    },
    /// JSON of a shape that is none of the known ones.
    #[error("the body has an unknown shape: {expected}")]
    UnknownShape {
        /// What is accepted.
        expected: &'static str,
    },
    /// A field is missing or holds what it must not.
    #[error("{field} {problem}")]
    Field {
        /// The field's path, without values.
        field: String,
        /// What it must be.
        problem: &'static str,
    },
    /// The visitor's text is too long.
    #[error("the message is longer than {limit} characters")]
    MessageTooLong {
        /// Most characters accepted.
        limit: usize,
    },
    /// One delivery holds too many events.
    #[error("one delivery holds more than {limit} events: send them in several")]
    TooManyEvents {
        /// Most events accepted.
        limit: usize,
    },
}

impl Refusal {
    /// The HTTP status to answer with. Never 410, which makes Zoho Desk cancel the subscription.
    pub fn status(&self) -> u16 {
        match self {
            Self::SignatureMissing
            | Self::SignatureMalformed { .. }
            | Self::SignatureInvalid { .. }
            | Self::TimestampStale
            | Self::SecretInvalid
            | Self::NotConfigured { .. }
            | Self::TokenMissing
            | Self::TokenMalformed { .. }
            | Self::TokenAlgorithm
            | Self::TokenKeyUnknown
            | Self::TokenSignature
            | Self::TokenIssuer
            | Self::TokenAudience
            | Self::TokenExpired
            | Self::TokenNotYetValid => 401,
            Self::NotUtf8 | Self::NotJson { .. } | Self::TooDeep { .. } => 400,
            Self::BodyTooLarge { .. } => 413,
            Self::MediaType => 415,
            Self::UnknownShape { .. }
            | Self::Field { .. }
            | Self::MessageTooLong { .. }
            | Self::TooManyEvents { .. } => 422,
            Self::KeysUnavailable => 503,
        }
    }

    /// A name for programs and metrics, which does not change.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SignatureMissing => "signature_missing",
            Self::SignatureMalformed { .. } => "signature_malformed",
            Self::SignatureInvalid { .. } => "signature_invalid",
            Self::TimestampStale => "timestamp_stale",
            Self::SecretInvalid => "secret_invalid",
            Self::NotConfigured { .. } => "not_configured",
            Self::TokenMissing => "token_missing",
            Self::TokenMalformed { .. } => "token_malformed",
            Self::TokenAlgorithm => "token_algorithm",
            Self::TokenKeyUnknown => "token_key_unknown",
            Self::TokenSignature => "token_signature_invalid",
            Self::TokenIssuer => "token_issuer",
            Self::TokenAudience => "token_audience",
            Self::TokenExpired => "token_expired",
            Self::TokenNotYetValid => "token_not_yet_valid",
            Self::KeysUnavailable => "keys_unavailable",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::MediaType => "unsupported_media_type",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson { .. } => "not_json",
            Self::TooDeep { .. } => "too_deep",
            Self::UnknownShape { .. } => "unknown_shape",
            Self::Field { .. } => "invalid_field",
            Self::MessageTooLong { .. } => "message_too_long",
            Self::TooManyEvents { .. } => "too_many_events",
        }
    }

    /// Whether the same request may be accepted later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::KeysUnavailable)
    }

    /// Whether the operator of this deployment must act, not the sender.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::NotConfigured { .. })
    }

    pub(crate) fn field(field: impl Into<String>, problem: &'static str) -> Self {
        Self::Field {
            field: field.into(),
            problem,
        }
    }
}
