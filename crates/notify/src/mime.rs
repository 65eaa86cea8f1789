//! Puts a mail into the MIME form that both senders hand over.

use std::time::SystemTime;

use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{MultiPart, SinglePart};

use crate::{Envelope, Error, Mail};

/// Headers that say no person wrote this, so that vacation notices and other automatons, a help
/// desk's included, do not answer it
/// ([RFC 3834](https://www.rfc-editor.org/rfc/rfc3834), [MS-OXCMAIL](https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcmail/ced68690-498a-4567-9d14-5c01f974d8b1)).
const AUTOMATIC: [(&str, &str); 3] = [
    ("Auto-Submitted", "auto-generated"),
    ("X-Auto-Response-Suppress", "All"),
    ("Precedence", "bulk"),
];

/// A message and the `Message-ID` in it.
pub(crate) struct Mime {
    pub(crate) message_id: String,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn build(envelope: &Envelope, mail: &Mail) -> Result<Mime, Error> {
    let reference = envelope.reference.as_str();
    let message_id = format!("<{reference}@{}>", envelope.from.address().domain());
    let mut builder = Message::builder()
        .from(envelope.from.to_lettre())
        .to(lettre::message::Mailbox::new(
            None,
            envelope.to.as_lettre().clone(),
        ))
        .date(SystemTime::from(envelope.date))
        .subject(mail.subject.as_str())
        .message_id(Some(message_id.clone()))
        .raw_header(header("X-Entity-Ref-ID", reference.to_owned()));
    if let Some(reply_to) = &envelope.reply_to {
        builder = builder.reply_to(lettre::message::Mailbox::new(
            None,
            reply_to.as_lettre().clone(),
        ));
    }
    for (name, value) in AUTOMATIC {
        builder = builder.raw_header(header(name, value.to_owned()));
    }
    // `=_` never occurs in quoted-printable text, so no text can end its part.
    let parts = MultiPart::alternative()
        .boundary(format!("=_{}", boundary(reference)))
        .singlepart(part(ContentType::TEXT_PLAIN, &mail.text))
        .singlepart(part(ContentType::TEXT_HTML, &mail.html));
    let message = builder
        .multipart(parts)
        .map_err(|error| Error::Unbuildable {
            why: reason(&error),
        })?;
    Ok(Mime {
        message_id,
        bytes: message.formatted(),
    })
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

fn part(kind: ContentType, body: &str) -> SinglePart {
    SinglePart::builder()
        .header(kind)
        .header(ContentTransferEncoding::QuotedPrintable)
        .body(body.to_owned())
}

/// A boundary has at most 70 characters ([RFC 2046, 5.1.1](https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1)).
fn boundary(reference: &str) -> &str {
    reference.get(..reference.len().min(60)).unwrap_or("mail")
}

fn reason(error: &lettre::error::Error) -> &'static str {
    use lettre::error::Error as Reason;
    match error {
        Reason::MissingFrom => "no sender",
        Reason::MissingTo => "no recipient",
        Reason::TooManyFrom => "several senders",
        Reason::EmailMissingAt | Reason::EmailMissingLocalPart | Reason::EmailMissingDomain => {
            "an address"
        }
        Reason::CannotParseFilename | Reason::Io(_) | Reason::NonAsciiChars => "its characters",
    }
}
