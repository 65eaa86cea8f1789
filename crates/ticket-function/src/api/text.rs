//! Texts of requests: each type takes exactly what its schema in the OpenAPI document allows, so
//! that what passes here is safe to store and to send on.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// Text of one line: no control characters.
const LINE: &str = r"^[^\u0000-\u001F\u007F-\u009F]*$";
/// Text of many lines: of the control characters only tab and line ends.
const PROSE: &str = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]*$";
const DIGITS: &str = "^[0-9]+$";
const NAME: &str = "^[a-z0-9_]+$";
const ID: &str = "^[A-Za-z0-9._:@-]+$";
const TOKEN: &str = "^[A-Za-z0-9_.~=-]+$";
const CLIENT: &str = "^[A-Za-z0-9 ._-]+$";
const EMAIL: &str = r"^[A-Za-z0-9_+'-]+(\.[A-Za-z0-9_+'-]+)*@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}$";

fn is_line(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

fn is_prose(text: &str) -> bool {
    let control = |c| matches!(c, '\0'..='\x1f' | '\x7f') && !matches!(c, '\t' | '\n' | '\r');
    !text.chars().any(control)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn is_id(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._:@-".contains(&byte))
}

fn is_token(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_.~=-".contains(&byte))
}

fn is_client(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b" ._-".contains(&byte))
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_+'-".contains(&byte))
    };
    let label = |part: &str| {
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(inside)
    };
    let Some((labels, top)) = domain.rsplit_once('.') else {
        return false;
    };
    local.split('.').all(word)
        && labels.split('.').all(label)
        && (2..=24).contains(&top.len())
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// What distinguishes one type of text from another.
struct Rule {
    /// Lengths in characters.
    min: usize,
    max: usize,
    pattern: &'static str,
    fits: fn(&str) -> bool,
    /// What a refusal says is right.
    wants: &'static str,
    about: &'static str,
    example: &'static str,
    format: Option<KnownFormat>,
}

impl Rule {
    fn check(&self, text: &str) -> Result<(), String> {
        let length = text.chars().count();
        if length < self.min || length > self.max {
            return Err(format!("must have {} to {} characters", self.min, self.max));
        }
        if !(self.fits)(text) {
            return Err(format!("must be {}", self.wants));
        }
        Ok(())
    }

    fn schema(&self) -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(self.about))
            .min_length(Some(self.min))
            .max_length(Some(self.max))
            .pattern(Some(self.pattern))
            .format(self.format.clone().map(SchemaFormat::KnownFormat))
            .examples([self.example]);
        RefOr::T(object.build().into())
    }
}

macro_rules! texts {
    ($($(#[doc = $about:literal])+ $name:ident = $min:literal..=$max:literal, $pattern:ident, $fits:ident, $wants:literal, $example:literal $(, $format:expr)?;)+) => {$(
        $(#[doc = $about])+
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $name(String);

        impl $name {
            const RULE: Rule = Rule {
                min: $min,
                max: $max,
                pattern: $pattern,
                fits: $fits,
                wants: $wants,
                about: concat!($($about),+),
                example: $example,
                format: { #[allow(unused_mut, unused_assignments)] let mut format = None; $(format = Some($format);)? format },
            };

            #[allow(dead_code, reason = "some are only checked")]
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }

            #[allow(dead_code, reason = "some are only looked at")]
            pub(crate) fn into_string(self) -> String {
                self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::RULE.check(&text).map_err(D::Error::custom)?;
                Ok(Self(text))
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                Self::RULE.schema()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+};
}

texts! {
    /// What a person asks for.
    Query = 1..=8000, PROSE, is_prose, "text without control characters", "I need to upgrade my disk storage";
    /// A ticket's subject.
    Subject = 1..=255, LINE, is_line, "one line without control characters", "Disk Space Upgrade Request";
    /// A person's name.
    PersonName = 1..=120, LINE, is_line, "one line without control characters", "John Doe";
    /// A phone number as people write it.
    Phone = 1..=50, LINE, is_line, "one line without control characters", "555-1234";
    /// An e-mail address.
    Email = 6..=150, EMAIL, is_email, "an e-mail address such as john@company.com", "john@company.com", KnownFormat::Email;
    /// A kind of request, such as a workflow of `GET /workflows`.
    WorkflowType = 1..=40, NAME, is_name, "made of a-z, 0-9 and _", "disk_upgrade";
    /// The name of a further detail of a request.
    DetailName = 1..=60, LINE, is_line, "one line without control characters", "server";
    /// A further detail of a request.
    Detail = 0..=500, PROSE, is_prose, "text without control characters", "srv-42";
    /// The text of a comment.
    CommentText = 1..=30000, PROSE, is_prose, "text without control characters", "Customer confirmed 100GB upgrade plan";
    /// A status of the helpdesk, such as `Open`, `On Hold`, `Closed` or one of your own.
    StatusName = 1..=100, LINE, is_line, "one line without control characters", "Closed";
    /// Zoho Desk's id of a ticket.
    TicketId = 1..=19, DIGITS, is_digits, "digits", "7000000000001001";
    /// The id of a chat.
    ChatId = 1..=200, ID, is_id, "made of letters, digits and ._:@-", "chat_123";
    /// The system that made a ticket.
    Source = 1..=64, LINE, is_line, "one line without control characters", "AceBuddy";
    /// Where the page before ended, from its `next_cursor`.
    Cursor = 1..=2048, TOKEN, is_token, "a `next_cursor` of an answer", "eyJwIjoiMSJ9";
    /// A key of your choice that makes a repeated request harmless.
    IdempotencyKey = 1..=128, ID, is_id, "made of letters, digits and ._:@-", "order-4711";
    /// The name of a client of this API; it is logged, so it can be no address.
    ClientName = 1..=64, CLIENT, is_client, "made of letters, digits, spaces and ._-", "intranet";
    /// The id of an API key.
    KeyId = 1..=64, TOKEN, is_token, "the `id` of a key of GET /admin/keys", "k3jx9q2m";
    /// What a change was made to, such as `chat:chat_123`.
    AuditTarget = 1..=200, ID, is_id, "made of letters, digits and ._:@-", "chat:chat_123";
    /// The token of a survey's link.
    SurveyToken = 16..=128, TOKEN, is_token, "a token of a survey's link", "c3VydmV5LXRva2VuLTEyMw";
    /// What a person has to say.
    Remark = 0..=2000, PROSE, is_prose, "text without control characters", "Quick and friendly.";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::string::string_regex;
    use serde_json::json;

    use super::*;

    /// Whatever a schema's pattern generates is taken, as far as the length allows.
    #[test]
    fn what_the_schema_says_is_what_is_taken() {
        for rule in [
            Query::RULE,
            Subject::RULE,
            Email::RULE,
            WorkflowType::RULE,
            TicketId::RULE,
            ChatId::RULE,
            Cursor::RULE,
            ClientName::RULE,
        ] {
            // proptest wants patterns without anchors.
            let pattern = rule.pattern.trim_start_matches('^').trim_end_matches('$');
            proptest!(|(text in string_regex(pattern).unwrap())| {
                let length = text.chars().count();
                let fits = (rule.min..=rule.max).contains(&length);
                prop_assert_eq!(rule.check(&text).is_ok(), fits, "{} {:?}", rule.about, text);
            });
            assert!(rule.check(rule.example).is_ok(), "{}", rule.example);
        }
    }

    #[test]
    fn what_is_no_such_text_is_refused_with_what_would_do() {
        fn why<T: for<'de> Deserialize<'de>>(text: &str) -> String {
            serde_json::from_value::<T>(json!(text))
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        }
        assert_eq!(
            why::<Subject>("a\u{0}b"),
            "must be one line without control characters"
        );
        assert_eq!(why::<Subject>(""), "must have 1 to 255 characters");
        assert_eq!(why::<Subject>(&"é".repeat(255)), "");
        assert_eq!(
            why::<Subject>(&"é".repeat(256)),
            "must have 1 to 255 characters"
        );
        assert_eq!(why::<Query>("two\nlines"), "");
        assert_eq!(why::<TicketId>("TKT-1"), "must be digits");
        for bad in [
            "@x.de", "a@b", "a@@b.de", "a b@c.de", "a@-b.de", "a@b.d3", ".a@b.de",
        ] {
            assert_ne!(why::<Email>(bad), "", "{bad}");
        }
    }

    #[test]
    fn debug_output_holds_no_text() {
        let email: Email = serde_json::from_value(json!("john@company.com")).unwrap();
        assert_eq!(format!("{email:?}"), "Email(16 bytes)");
    }
}
