use std::fmt;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::http::HttpResponse;
use aws_sdk_sesv2::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Destination, EmailContent, MessageTag, RawMessage};

use crate::mime::Mime;
use crate::{Envelope, Error, MessageId, Service};

/// What sending through Amazon SES needs.
#[derive(Clone)]
pub struct SesSettings {
    /// The client; its region, retries and timeouts are the caller's.
    pub client: Client,
    /// The configuration set that receives the events (bounces, complaints) of what is sent.
    pub configuration_set: Option<String>,
}

impl fmt::Debug for SesSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SesSettings")
            .field("configuration_set", &self.configuration_set)
            .finish_non_exhaustive()
    }
}

/// Sends through [SES v2 `SendEmail`](https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html).
#[derive(Debug)]
pub struct SesSender(SesSettings);

impl SesSender {
    pub(crate) fn new(settings: SesSettings) -> Self {
        Self(settings)
    }

    /// SES replaces `Message-ID` and `Date` by its own; the other headers stay.
    pub(crate) async fn send(
        &self,
        envelope: &Envelope,
        message: Mime,
    ) -> Result<MessageId, Error> {
        let unbuildable = |_| Error::Unbuildable {
            why: "a field that SES requires is missing",
        };
        let raw = RawMessage::builder()
            .data(Blob::new(message.bytes))
            .build()
            .map_err(unbuildable)?;
        let kind = MessageTag::builder()
            .name("kind")
            .value(envelope.reference.kind().as_str())
            .build()
            .map_err(unbuildable)?;
        let answer = self
            .0
            .client
            .send_email()
            .from_email_address(envelope.from.address().as_str())
            .destination(
                Destination::builder()
                    .to_addresses(envelope.to.as_str())
                    .build(),
            )
            .content(EmailContent::builder().raw(raw).build())
            .email_tags(kind)
            .set_configuration_set_name(self.0.configuration_set.clone())
            .send()
            .await
            .map_err(|error| judge(&error))?;
        Ok(MessageId::new(
            answer.message_id().unwrap_or(&message.message_id),
        ))
    }
}

const NEXT: &str = "give the function's role ses:SendEmail and ses:SendRawEmail on the sender's identity and the configuration set";

/// SES's messages name addresses, so they are looked into but never shown.
fn judge(error: &SdkError<SendEmailError, HttpResponse>) -> Error {
    let service = Service::Ses;
    let unreachable = |why: &str| Error::Unreachable {
        service,
        why: why.to_owned(),
    };
    match error {
        SdkError::TimeoutError(_) => unreachable("timed out"),
        SdkError::DispatchFailure(_) => unreachable("no connection"),
        SdkError::ConstructionFailure(_) => Error::Unbuildable {
            why: "the request to SES",
        },
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            by_code(
                answer.err().code(),
                answer.err().message().unwrap_or_default(),
                status,
            )
        }
        _ => unreachable("the answer could not be read"),
    }
}

fn by_code(code: Option<&str>, message: &str, status: u16) -> Error {
    let service = Service::Ses;
    let name = code.unwrap_or_default();
    let code = code.map_or_else(|| format!("HTTP {status}"), str::to_owned);
    match name {
        "TooManyRequestsException"
        | "LimitExceededException"
        | "Throttling"
        | "ThrottlingException"
        | "RequestTimeout"
        | "ConcurrentModificationException" => Error::Busy { service, code },
        "MailFromDomainNotVerifiedException" => Error::SenderUnverified { service, code },
        "MessageRejected" if message.contains("not verified") => {
            Error::SenderUnverified { service, code }
        }
        "AccountSuspendedException" | "SendingPausedException" => {
            Error::SendingStopped { service, code }
        }
        "NotFoundException" => Error::NoConfigurationSet { service, code },
        "AccessDenied"
        | "AccessDeniedException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Error::AuthRequired {
            service,
            code,
            next: NEXT,
        },
        "BadRequestException" if names_an_address(message) => {
            Error::RecipientRefused { service, code }
        }
        _ if status == 429 || status >= 500 => Error::Busy { service, code },
        _ if status == 403 => Error::AuthRequired {
            service,
            code,
            next: NEXT,
        },
        _ => Error::Refused { service, code },
    }
}

/// As in `Missing final '@domain'`, `Domain ends with dot`, `Local address contains control or whitespace`.
fn names_an_address(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["@domain", "domain ", "address", "recipient"]
        .iter()
        .any(|word| message.contains(word))
}
