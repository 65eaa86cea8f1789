use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use thiserror::Error;
use vendor_http::AccessToken;

use crate::document::Document;

/// A token is given up this long before it expires, so that a request under way does not lose it.
const EXPIRY_MARGIN: SignedDuration = SignedDuration::from_secs(30);

const FIELDS: [&str; 9] = [
    "client_id",
    "client_secret",
    "redirect_uri",
    "code",
    "org_id",
    "refresh_token",
    "access_token",
    "expires_at",
    "code_used",
];

/// Id of a Zoho Desk organisation: digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrgId(String);

impl OrgId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OrgId {
    type Err = SecretProblem;

    fn from_str(text: &str) -> Result<Self, SecretProblem> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        (digits && text.len() <= 32)
            .then(|| Self(text.into()))
            .ok_or(SecretProblem::OrgId)
    }
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is wrong with the content of a secret, and how to put it right. Shows no values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretProblem {
    /// Stored as bytes.
    #[error(
        "it is binary; store it as text: a JSON object of client_id, client_secret, org_id and code"
    )]
    Binary,
    /// The text is no JSON.
    #[error(
        "it is not JSON: the mistake is at line {line}, column {column} or just before it (often a \
         missing quote or comma); correct it there"
    )]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// JSON, but a list or a plain value.
    #[error(
        "it must be a JSON object: {{\"client_id\": …, \"client_secret\": …, \"org_id\": …, \"code\": …}}"
    )]
    NotAnObject,
    /// A required field is not there.
    #[error("`{field}` is missing; {}", .found.as_ref().map_or_else(
        || format!("add it ({})", advice(field)),
        |found| format!("found `{found}`, did you mean `{field}`?")
    ))]
    Missing {
        /// Its name.
        field: &'static str,
        /// A field with a similar name.
        found: Option<String>,
    },
    /// A required field is there and empty.
    #[error("`{field}` is empty; fill it in ({})", advice(field))]
    Empty {
        /// Its name.
        field: &'static str,
    },
    /// A field is not a text.
    #[error("`{0}` must be a text in quotes")]
    NotText(&'static str),
    /// Not digits.
    #[error(
        "`org_id` must be digits only (in Zoho Desk: Setup, Developer Space, API, Zoho Service \
         Communication key)"
    )]
    OrgId,
}

fn advice(field: &str) -> &'static str {
    match field {
        "client_id" | "client_secret" => "from the client's page in the Zoho API console",
        "org_id" => "digits; in Zoho Desk: Setup, Developer Space, API",
        _ => "a new grant code from the Zoho API console, Self Client; or a `refresh_token`",
    }
}

/// The content of a Zoho secret, checked. `Debug` shows the organisation only.
#[derive(Clone)]
pub struct ZohoSecret {
    document: Document,
    org_id: OrgId,
    client_id: String,
    client_secret: SecretString,
    redirect_uri: Option<String>,
    code: Option<SecretString>,
    code_used: Option<String>,
    refresh_token: Option<SecretString>,
    access_token: Option<AccessToken>,
    expires_at: Option<Timestamp>,
}

/// What the broker writes after a mint; everything else in the secret belongs to people.
#[derive(Clone)]
pub(crate) struct Renewal {
    pub(crate) access_token: AccessToken,
    pub(crate) expires_at: Timestamp,
    pub(crate) refresh_token: Option<SecretString>,
    pub(crate) code_used: Option<String>,
}

impl ZohoSecret {
    /// Reads the text of a secret.
    pub fn parse(text: &str) -> Result<Self, SecretProblem> {
        let document = parse_object(text)?;
        let reader = Reader(&document);
        let code = reader.text("code")?;
        let refresh_token = reader.text("refresh_token")?;
        let secret = Self {
            client_id: reader.required("client_id")?,
            client_secret: reader.required("client_secret")?.into(),
            org_id: reader.org_id()?,
            redirect_uri: reader.text("redirect_uri")?,
            code_used: reader.text("code_used")?,
            access_token: reader.text("access_token")?.map(AccessToken::new),
            // A time nobody can read is as good as none: the token is renewed.
            expires_at: reader
                .text("expires_at")?
                .and_then(|text| text.parse().ok()),
            code: code.map(Into::into),
            refresh_token: refresh_token.map(Into::into),
            document: document.clone(),
        };
        if secret.code.is_none() && secret.refresh_token.is_none() {
            return Err(reader.absent("code", "refresh_token"));
        }
        Ok(secret)
    }

    /// The organisation whose helpdesk this is.
    pub fn org_id(&self) -> &OrgId {
        &self.org_id
    }

    /// The OAuth2 client.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(crate) fn client_secret(&self) -> &SecretString {
        &self.client_secret
    }

    pub(crate) fn redirect_uri(&self) -> Option<&str> {
        self.redirect_uri.as_deref()
    }

    pub(crate) fn refresh_token(&self) -> Option<&SecretString> {
        self.refresh_token.as_ref()
    }

    pub(crate) fn access_token(&self) -> Option<&AccessToken> {
        self.access_token.as_ref()
    }

    /// The grant code, unless it is the one that was used up last.
    pub(crate) fn new_code(&self) -> Option<&SecretString> {
        self.code
            .as_ref()
            .filter(|code| self.code_used.as_deref() != Some(&fingerprint(code.expose_secret())))
    }

    /// The stored access token, if it can be sent: not about to expire, not `rejected`, and no new
    /// grant code waits to replace it.
    pub(crate) fn usable_token(
        &self,
        now: Timestamp,
        rejected: Option<&AccessToken>,
    ) -> Option<&AccessToken> {
        let fresh = self.expires_at.is_some_and(|at| is_fresh(at, now));
        self.access_token
            .as_ref()
            .filter(|token| fresh && Some(*token) != rejected && self.new_code().is_none())
    }

    /// Whether both would mint the same tokens: what people edit to change the account.
    pub(crate) fn same_grant(&self, other: &Self) -> bool {
        let exposed = |secret: &Option<SecretString>| {
            secret.as_ref().map(|text| text.expose_secret().to_owned())
        };
        self.same_client(other)
            && exposed(&self.code) == exposed(&other.code)
            && exposed(&self.refresh_token) == exposed(&other.refresh_token)
    }

    /// Whether both name the same OAuth2 client.
    pub(crate) fn same_client(&self, other: &Self) -> bool {
        self.client_id == other.client_id
            && self.client_secret.expose_secret() == other.client_secret.expose_secret()
    }

    /// A field that looks like a misspelt `field`.
    pub(crate) fn lookalike(&self, field: &'static str) -> Option<String> {
        Reader(&self.document).lookalike(field)
    }

    /// This secret with the outcome of a mint written into it.
    pub(crate) fn renewed(&self, renewal: &Renewal) -> Result<Self, serde_json::Error> {
        let mut next = self.clone();
        if let Some(token) = &renewal.refresh_token {
            next.document.set("refresh_token", token.expose_secret())?;
            next.refresh_token = Some(token.clone());
        }
        let document = &mut next.document;
        document.set("access_token", renewal.access_token.expose())?;
        document.set("expires_at", &renewal.expires_at.to_string())?;
        if let Some(code_used) = &renewal.code_used {
            document.set("code_used", code_used)?;
            next.code_used = Some(code_used.clone());
        }
        next.access_token = Some(renewal.access_token.clone());
        next.expires_at = Some(renewal.expires_at);
        Ok(next)
    }

    /// The text to store.
    pub(crate) fn to_json(&self) -> Result<SecretString, serde_json::Error> {
        serde_json::to_string(&self.document).map(Into::into)
    }
}

impl fmt::Debug for ZohoSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZohoSecret")
            .field("org_id", &self.org_id.0)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// SHA-256 in hex: tells two codes apart without keeping either.
pub(crate) fn fingerprint(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Whether a token that expires at `expires_at` may still be sent.
pub(crate) fn is_fresh(expires_at: Timestamp, now: Timestamp) -> bool {
    expires_at.duration_since(now) > EXPIRY_MARGIN
}

fn parse_object(text: &str) -> Result<Document, SecretProblem> {
    let not_json = |error: &serde_json::Error| SecretProblem::NotJson {
        line: error.line(),
        column: error.column(),
    };
    serde_json::from_str::<&RawValue>(text).map_err(|error| not_json(&error))?;
    serde_json::from_str(text).map_err(|_| SecretProblem::NotAnObject)
}

struct Reader<'a>(&'a Document);

impl Reader<'_> {
    /// The trimmed text of `field`; `None` if it is absent, null or empty.
    fn text(&self, field: &'static str) -> Result<Option<String>, SecretProblem> {
        let Some(raw) = self.0.get(field) else {
            return Ok(None);
        };
        let text: Option<String> =
            serde_json::from_str(raw.get()).map_err(|_| SecretProblem::NotText(field))?;
        Ok(text
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty()))
    }

    fn required(&self, field: &'static str) -> Result<String, SecretProblem> {
        self.text(field)?.ok_or_else(|| self.absent(field, field))
    }

    fn org_id(&self) -> Result<OrgId, SecretProblem> {
        match self.0.get("org_id").map(RawValue::get) {
            Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => number.parse(),
            Some(text) if text.starts_with('"') => self.required("org_id")?.parse(),
            Some("null") | None => Err(self.absent("org_id", "org_id")),
            Some(_) => Err(SecretProblem::OrgId),
        }
    }

    /// Why neither `field` nor `alternative` has a value.
    fn absent(&self, field: &'static str, alternative: &'static str) -> SecretProblem {
        if let Some(present) = [field, alternative]
            .into_iter()
            .find(|name| self.0.get(name).is_some())
        {
            return SecretProblem::Empty { field: present };
        }
        for name in [field, alternative] {
            if let Some(found) = self.lookalike(name) {
                return SecretProblem::Missing {
                    field: name,
                    found: Some(found),
                };
            }
        }
        SecretProblem::Missing { field, found: None }
    }

    fn lookalike(&self, field: &'static str) -> Option<String> {
        let wanted = plain(field);
        // In a short name two changes make another word.
        let tolerance = if wanted.len() <= 5 { 1 } else { 2 };
        self.0
            .keys()
            .filter(|key| !FIELDS.contains(key))
            .map(|key| (edit_distance(&plain(key), &wanted), key))
            .filter(|(distance, _)| *distance <= tolerance)
            .min()
            .map(|(_, key)| key.to_owned())
    }
}

/// `Client-Secret`, `clientSecret` and `client secret` all become `clientsecret`.
fn plain(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// Levenshtein distance.
fn edit_distance(a: &str, b: &str) -> usize {
    let b = b.as_bytes();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(text: &str) -> SecretProblem {
        ZohoSecret::parse(text).unwrap_err()
    }

    fn secret(extra: &serde_json::Value) -> ZohoSecret {
        let mut value = json!({
            "client_id": "1000.C", "client_secret": "planted-cs", "org_id": "700000001",
        });
        value
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        ZohoSecret::parse(&value.to_string()).unwrap()
    }

    #[test]
    fn a_bad_secret_is_told_what_to_correct() {
        for (text, message) in [
            ("[1]", "must be a JSON object"),
            ("\"planted\"", "must be a JSON object"),
            (
                r#"{"client_secret":"s","org_id":"1","code":"c"}"#,
                "`client_id` is missing; add it",
            ),
            (
                r#"{"clientId":"i","client_secret":"s","org_id":"1","code":"c"}"#,
                "found `clientId`, did you mean `client_id`?",
            ),
            (
                r#"{"client_id":"i","client-secret":"s","org_id":"1","code":"c"}"#,
                "found `client-secret`, did you mean `client_secret`?",
            ),
            (
                r#"{"client_id":"i","cleint_secret":"s","org_id":"1","code":"c"}"#,
                "found `cleint_secret`, did you mean `client_secret`?",
            ),
            (
                r#"{"client_id":"i","client_secret":"s","org_id":"1","refreshtoken":"r"}"#,
                "found `refreshtoken`, did you mean `refresh_token`?",
            ),
            (
                r#"{"client_id":"i","client_secret":"s","orgId":"1","code":"c"}"#,
                "found `orgId`, did you mean `org_id`?",
            ),
            (
                r#"{"client_id":"i","client_secret":"s","org_id":"1"}"#,
                "`code` is missing; add it (a new grant code",
            ),
            (
                r#"{"client_id":"i","client_secret":"s","org_id":"1","note":"n"}"#,
                "`code` is missing; add it",
            ),
            (
                r#"{"client_id":" ","client_secret":"s","org_id":"1","code":"c"}"#,
                "`client_id` is empty",
            ),
            (
                r#"{"client_id":7,"client_secret":"s","org_id":"1","code":"c"}"#,
                "`client_id` must be a text",
            ),
            (
                r#"{"client_id":"i","client_secret":"s","org_id":"1","code":""}"#,
                "`code` is empty",
            ),
            (
                r#"{"client_id":"i","client_secret":"s","org_id":"my desk","code":"c"}"#,
                "`org_id` must be digits",
            ),
            (
                r#"{"client_id":"i","client_secret":"s","org_id":1.5,"code":"c"}"#,
                "`org_id` must be digits",
            ),
            (
                r#"{"client_id":"i","client_secret":"s","org_id":-1,"code":"c"}"#,
                "`org_id` must be digits",
            ),
            (
                r#"{"client_id":"i","client_secret":"s","org_id":["1"],"code":"c"}"#,
                "`org_id` must be digits",
            ),
            (
                r#"{"client_id":"i","client_secret":"s","org_id":null,"code":"c"}"#,
                "`org_id` is empty",
            ),
        ] {
            let shown = problem(text).to_string();
            assert!(shown.contains(message), "{text}: {shown}");
            assert!(!shown.contains("planted"), "{shown}");
        }
    }

    #[test]
    fn text_that_is_no_json_is_located_and_not_repeated() {
        let missing_quote = "{\n  \"client_id\": \"1000.planted,\n  \"client_secret\": \"s\"\n}";
        let shown = problem(missing_quote).to_string();
        assert!(shown.contains("line 2"), "{shown}");
        assert!(
            !shown.contains("planted") && !shown.contains("1000"),
            "{shown}"
        );
        assert_eq!(problem(""), SecretProblem::NotJson { line: 1, column: 0 });
    }

    #[test]
    fn the_organisation_may_be_a_number_or_a_text() {
        for org_id in [json!(700_000_001), json!("700000001"), json!(" 700000001 ")] {
            assert_eq!(
                secret(&json!({"org_id": org_id, "code": "c"}))
                    .org_id()
                    .as_str(),
                "700000001"
            );
        }
    }

    #[test]
    fn a_code_counts_as_new_until_its_fingerprint_is_stored() {
        assert!(secret(&json!({"code": "c"})).new_code().is_some());
        let used = fingerprint("c");
        assert!(
            secret(&json!({"code": "c", "code_used": used}))
                .new_code()
                .is_none()
        );
        assert!(
            secret(&json!({"code": "d", "code_used": used}))
                .new_code()
                .is_some()
        );
    }

    #[test]
    fn a_token_is_usable_until_half_a_minute_before_it_expires() {
        let secret = secret(&json!({
            "refresh_token": "r", "access_token": "t", "expires_at": "2026-01-01T01:00:00Z",
        }));
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let token = AccessToken::new("t");
        assert_eq!(
            secret.usable_token(at("2026-01-01T00:59:29Z"), None),
            Some(&token)
        );
        assert_eq!(secret.usable_token(at("2026-01-01T00:59:30Z"), None), None);
        assert_eq!(
            secret.usable_token(at("2026-01-01T00:00:00Z"), Some(&token)),
            None
        );
    }

    #[test]
    fn a_renewal_changes_only_its_own_fields() {
        let text = r#"{"note":"keep","org_id":700000001,"client_id":"i","client_secret":"s","code":"c","big":12345678901234567890123}"#;
        let renewed = ZohoSecret::parse(text)
            .unwrap()
            .renewed(&Renewal {
                access_token: AccessToken::new("t"),
                expires_at: "2026-01-01T01:00:00Z".parse().unwrap(),
                refresh_token: Some("r".to_owned().into()),
                code_used: Some("f".into()),
            })
            .unwrap();
        let stored = renewed.to_json().unwrap();
        assert_eq!(
            stored.expose_secret(),
            r#"{"note":"keep","org_id":700000001,"client_id":"i","client_secret":"s","code":"c","big":12345678901234567890123,"refresh_token":"r","access_token":"t","expires_at":"2026-01-01T01:00:00Z","code_used":"f"}"#
        );
        let reread = ZohoSecret::parse(stored.expose_secret()).unwrap();
        assert_eq!(reread.access_token(), renewed.access_token());
        assert!(reread.same_grant(&renewed));
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let secret = secret(&json!({"code": "planted-code", "refresh_token": "planted-rt"}));
        assert!(!format!("{secret:?}").contains("planted"));
    }
}
