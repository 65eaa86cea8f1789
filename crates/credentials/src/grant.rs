use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use vendor_http::{AccessToken, Answer, Call, Client, Deadline, Origin, Vendor, Verdict};

use crate::{DataCentre, Error, SecretId, ZohoSecret};

/// The vendor answers a token request within a second or not at all.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);
/// What the vendor documents, for an answer that does not say.
const USUAL_LIFE_S: u64 = 3600;
/// No Zoho access token lives longer; a larger number would be milliseconds.
const LONGEST_LIFE_S: u64 = 24 * 3600;

/// What is traded for an access token.
#[derive(Clone, Copy)]
pub(crate) enum Grant<'a> {
    Code(&'a SecretString),
    RefreshToken(&'a SecretString),
}

/// What the vendor handed out.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) access_token: AccessToken,
    /// Only for a code, as a rule.
    pub(crate) refresh_token: Option<SecretString>,
    pub(crate) expires_in_s: u64,
    api_domain: Option<String>,
}

/// Why the vendor handed out nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The code or refresh token is unknown, used or expired.
    DeadGrant,
    Client(&'static str),
    RedirectUri,
    Scope,
    TooMany,
    /// The vendor's own trouble.
    Trouble(String),
    /// Anything else it may say.
    Other(String),
    /// The answer is none of a token endpoint.
    NoTokenAnswer(u16),
}

impl Refusal {
    /// Whether the same request may succeed later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::TooMany | Self::Trouble(_))
    }
}

/// Zoho's token endpoint as one secret's client uses it.
#[derive(Debug, Clone)]
pub(crate) struct TokenEndpoint {
    pub(crate) http: Client,
    pub(crate) accounts: Origin,
    pub(crate) data_centre: Option<DataCentre>,
}

/// How a token request failed.
#[derive(Debug)]
pub(crate) enum Failed {
    Refused(Refusal),
    /// Anything no other grant would mend.
    Error(Error),
}

impl TokenEndpoint {
    /// Trades `grant` for a token.
    pub(crate) async fn request(
        &self,
        secret: &ZohoSecret,
        grant: Grant<'_>,
        deadline: Deadline,
    ) -> Result<Issued, Failed> {
        let call = Call::post_form(self.accounts.at("/oauth/v2/token"), fields(secret, grant))
            .timeout(ATTEMPT_TIMEOUT);
        let answer = self
            .http
            .send(&call, &TokenAnswers, deadline)
            .await
            .map_err(|error| Failed::Error(transport_error(&error)))?;
        let issued = read(&answer).map_err(Failed::Refused)?;
        self.check_api_domain(&issued).map_err(Failed::Error)?;
        Ok(issued)
    }

    /// A token for an account elsewhere must not be sent anywhere.
    fn check_api_domain(&self, issued: &Issued) -> Result<(), Error> {
        let Some(domain) = &issued.api_domain else {
            return Ok(());
        };
        let api: Option<Origin> = domain.parse().ok();
        if let Some(api) = &api
            && is_loopback(api)
            && is_loopback(&self.accounts)
        {
            return Ok(());
        }
        let home = api.and_then(|api| DataCentre::of_api_host(api.host()));
        match (home, self.data_centre) {
            (None, _) => Err(Error::AuthRequired(
                "the token answer names an api_domain that is none of Zoho's; check \
                 ZOHO_ACCOUNTS_URL and ZOHO_DATA_CENTER"
                    .into(),
            )),
            (Some(home), Some(configured)) if home != configured => {
                Err(Error::AuthRequired(format!(
                    "your account lives in {home}, not in {configured}: set ZOHO_DATA_CENTER={home}"
                )))
            }
            _ => Ok(()),
        }
    }

    /// What a person should do about `refusal`.
    pub(crate) fn explain(&self, refusal: &Refusal, id: &SecretId, secret: &ZohoSecret) -> Error {
        let place = self.data_centre.map_or_else(
            || self.accounts.to_string(),
            |centre| format!("data centre {centre}"),
        );
        match refusal {
            Refusal::DeadGrant => Error::AuthRequired(new_code_advice(id)),
            Refusal::Client(field) => Error::AuthRequired(format!(
                "Zoho ({place}) refuses `{field}` in secret `{id}`: copy client_id and \
                 client_secret again from the Zoho API console of that data centre, or set \
                 ZOHO_DATA_CENTER to where the client was made"
            )),
            Refusal::RedirectUri => Error::SecretInvalid(format!(
                "Zoho refuses `redirect_uri` in secret `{id}`: {}",
                match secret.lookalike("redirect_uri") {
                    Some(found) => format!("found `{found}`, did you mean `redirect_uri`?"),
                    None =>
                        "write it exactly as registered with the client in the Zoho API console; a \
                         self client needs none"
                            .into(),
                }
            )),
            Refusal::Scope => Error::ScopeMissing(format!(
                "Zoho does not know a scope of the grant in secret `{id}`: generate a new grant \
                 code with the scopes in the README and put it into `code`"
            )),
            Refusal::TooMany => Error::RateLimited(
                "Zoho has issued too many tokens for now (10 in 10 minutes); the next run in a few \
                 minutes will succeed, unless another program uses the same refresh token"
                    .into(),
            ),
            Refusal::Trouble(code) => Error::Unavailable(format!(
                "Zoho ({place}) could not issue a token for now: {code}"
            )),
            Refusal::Other(code) => Error::AuthRequired(format!(
                "Zoho ({place}) refuses to issue a token for secret `{id}`: {code}; check the \
                 client in the Zoho API console"
            )),
            Refusal::NoTokenAnswer(status) => Error::AuthRequired(format!(
                "{} answered HTTP {status} and is no Zoho accounts server; check ZOHO_ACCOUNTS_URL \
                 and ZOHO_DATA_CENTER",
                self.accounts
            )),
        }
    }
}

pub(crate) fn new_code_advice(id: &SecretId) -> String {
    format!(
        "Zoho no longer accepts what secret `{id}` holds: generate a new grant code in the Zoho API \
         console (Self Client, valid 3-10 minutes) and put it into `code`"
    )
}

fn fields(secret: &ZohoSecret, grant: Grant<'_>) -> Vec<(&'static str, SecretString)> {
    let plain = |text: &str| SecretString::from(text.to_owned());
    let mut fields = vec![
        ("client_id", plain(secret.client_id())),
        ("client_secret", secret.client_secret().clone()),
    ];
    match grant {
        Grant::Code(code) => {
            fields.push(("grant_type", plain("authorization_code")));
            fields.push(("code", code.clone()));
            fields.extend(
                secret
                    .redirect_uri()
                    .map(|uri| ("redirect_uri", plain(uri))),
            );
        }
        Grant::RefreshToken(token) => {
            fields.push(("grant_type", plain("refresh_token")));
            fields.push(("refresh_token", token.clone()));
        }
    }
    fields
}

fn is_loopback(origin: &Origin) -> bool {
    let host = origin.host();
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn transport_error(error: &vendor_http::Error) -> Error {
    let text = format!("no token from Zoho: {error}");
    match error {
        vendor_http::Error::Deadline { .. } => Error::Deadline(text),
        _ => Error::Unavailable(text),
    }
}

/// Judges answers of the token endpoint by their body: errors come as HTTP 200 too.
#[derive(Debug)]
struct TokenAnswers;

impl Vendor for TokenAnswers {
    fn judge(&self, answer: &Answer) -> Verdict {
        let retry = |reason: String| Verdict::Retry {
            reason,
            after: answer.retry_after(),
        };
        match read(answer) {
            _ if answer.status >= 500 => retry(format!("HTTP {}", answer.status)),
            Err(Refusal::NoTokenAnswer(status)) if status < 300 => {
                retry("an answer that holds no token".into())
            }
            _ => Verdict::Accept,
        }
    }
}

#[derive(Deserialize)]
struct Reply {
    access_token: Option<String>,
    refresh_token: Option<String>,
    api_domain: Option<String>,
    expires_in: Option<Value>,
    expires_in_sec: Option<Value>,
    error: Option<String>,
    error_description: Option<String>,
}

fn read(answer: &Answer) -> Result<Issued, Refusal> {
    if answer.status == 429 {
        return Err(Refusal::TooMany);
    }
    let reply: Reply =
        serde_json::from_slice(&answer.body).map_err(|_| Refusal::NoTokenAnswer(answer.status))?;
    if let Some(error) = &reply.error {
        return Err(refusal(error, reply.error_description.as_deref()));
    }
    let access_token = reply
        .access_token
        .filter(|token| !token.is_empty())
        .ok_or(Refusal::NoTokenAnswer(answer.status))?;
    let life = reply.expires_in_sec.or(reply.expires_in);
    Ok(Issued {
        access_token: AccessToken::new(access_token),
        refresh_token: reply
            .refresh_token
            .filter(|token| !token.is_empty())
            .map(Into::into),
        expires_in_s: life
            .as_ref()
            .and_then(seconds)
            .unwrap_or(USUAL_LIFE_S)
            .min(LONGEST_LIFE_S),
        api_domain: reply.api_domain.filter(|domain| !domain.is_empty()),
    })
}

fn seconds(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_str()?.trim().parse().ok())
}

fn refusal(error: &str, description: Option<&str>) -> Refusal {
    let code = error.trim().to_ascii_lowercase().replace(' ', "_");
    let described = description.unwrap_or_default().to_ascii_lowercase();
    if described.contains("too many requests") {
        return Refusal::TooMany;
    }
    match code.as_str() {
        "invalid_code" | "invalid_grant" => Refusal::DeadGrant,
        "invalid_client" | "unauthorized_client" => Refusal::Client("client_id"),
        "invalid_client_secret" => Refusal::Client("client_secret"),
        "invalid_redirect_uri" | "redirect_uri_mismatch" => Refusal::RedirectUri,
        "invalid_scope" => Refusal::Scope,
        "access_denied" | "too_many_requests" => Refusal::TooMany,
        "general_error" | "server_error" | "internal_error" | "temporarily_unavailable" => {
            Refusal::Trouble(code)
        }
        _ => Refusal::Other(shown(&code)),
    }
}

/// An error code as far as it looks like one: nothing else of an answer is shown.
fn shown(code: &str) -> String {
    let is_code = code.len() <= 40 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if is_code && !code.is_empty() {
        code.into()
    } else {
        "an unknown error".into()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: impl Into<String>) -> Answer {
        Answer {
            status,
            headers: vendor_http::header::HeaderMap::new(),
            body: body.into().into_bytes().into(),
        }
    }

    fn endpoint(accounts: &str, data_centre: Option<DataCentre>) -> TokenEndpoint {
        TokenEndpoint {
            http: Client::new(vendor_http::Settings::default()).unwrap(),
            accounts: accounts.parse().unwrap(),
            data_centre,
        }
    }

    fn secret() -> ZohoSecret {
        ZohoSecret::parse(r#"{"client_id":"i","client_secret":"planted","org_id":1,"code":"c"}"#)
            .unwrap()
    }

    #[test]
    fn refusals_are_told_by_the_body_whatever_the_status() {
        for (error, expected) in [
            ("invalid_code", Refusal::DeadGrant),
            ("invalid_client", Refusal::Client("client_id")),
            ("invalid_client_secret", Refusal::Client("client_secret")),
            ("invalid_redirect_uri", Refusal::RedirectUri),
            ("invalid_scope", Refusal::Scope),
            ("access_denied", Refusal::TooMany),
            ("Access Denied", Refusal::TooMany),
            ("general_error", Refusal::Trouble("general_error".into())),
            (
                "unsupported_grant_type",
                Refusal::Other("unsupported_grant_type".into()),
            ),
            (
                "1000.planted token",
                Refusal::Other("an unknown error".into()),
            ),
        ] {
            for status in [200, 400, 401] {
                let answer = answer(status, json!({ "error": error }).to_string());
                assert_eq!(read(&answer).unwrap_err(), expected, "{error} {status}");
                assert_eq!(
                    TokenAnswers.judge(&answer),
                    Verdict::Accept,
                    "{error} {status}"
                );
            }
        }
    }

    #[test]
    fn each_refusal_says_what_a_person_should_do() {
        type Build = fn(String) -> Error;
        let endpoint = endpoint("https://accounts.zoho.eu", Some(DataCentre::Eu));
        let id: SecretId = "zoho_auth".parse().unwrap();
        let table: [(Refusal, Build, &[&str]); 9] = [
            (
                Refusal::DeadGrant,
                Error::AuthRequired,
                &["new grant code", "3-10 minutes", "`code`"],
            ),
            (
                Refusal::Client("client_id"),
                Error::AuthRequired,
                &["`client_id`", "data centre eu"],
            ),
            (
                Refusal::Client("client_secret"),
                Error::AuthRequired,
                &["`client_secret`", "eu"],
            ),
            (
                Refusal::RedirectUri,
                Error::SecretInvalid,
                &["`redirect_uri`", "as registered"],
            ),
            (Refusal::Scope, Error::ScopeMissing, &["scope", "README"]),
            (Refusal::TooMany, Error::RateLimited, &["too many tokens"]),
            (
                Refusal::Trouble("general_error".into()),
                Error::Unavailable,
                &["general_error"],
            ),
            (Refusal::Other("odd".into()), Error::AuthRequired, &["odd"]),
            (
                Refusal::NoTokenAnswer(404),
                Error::AuthRequired,
                &["HTTP 404", "ZOHO_ACCOUNTS_URL"],
            ),
        ];
        for (refusal, build, phrases) in table {
            let error = endpoint.explain(&refusal, &id, &secret());
            assert_eq!(error, build(error.to_string()), "{refusal:?}");
            for phrase in phrases {
                assert!(error.to_string().contains(phrase), "{error}");
            }
        }
    }

    #[test]
    fn a_token_lives_as_long_as_the_answer_says_in_seconds() {
        for (extra, expected) in [
            (json!({"expires_in": 3600}), 3600),
            (json!({"expires_in": "1800"}), 1800),
            (
                json!({"expires_in": 3_600_000, "expires_in_sec": 3600}),
                3600,
            ),
            (json!({"expires_in": 3_600_000}), LONGEST_LIFE_S),
            (json!({}), USUAL_LIFE_S),
        ] {
            let mut body = extra;
            body["access_token"] = "t".into();
            let issued = read(&answer(200, body.to_string())).unwrap();
            assert_eq!(issued.expires_in_s, expected, "{body}");
        }
    }

    #[test]
    fn what_is_no_token_answer_is_asked_again_only_where_that_may_help() {
        for (status, body, again) in [
            (200, "<html>", true),
            (200, "{\"access_to", true),
            (200, "{}", true),
            (500, "{\"error\":\"invalid_code\"}", true),
            (503, "", true),
            (404, "<html>", false),
            (302, "", false),
            (429, "", false),
        ] {
            let verdict = TokenAnswers.judge(&answer(status, body));
            assert_eq!(
                matches!(verdict, Verdict::Retry { .. }),
                again,
                "{status} {body}"
            );
        }
    }

    #[test]
    fn only_a_token_for_the_configured_data_centre_is_taken() {
        let zoho = "https://accounts.zoho.com";
        let local = "http://127.0.0.1:9";
        let us = Some(DataCentre::Us);
        for (accounts, centre, api_domain, expected) in [
            (zoho, us, None, Ok(())),
            (zoho, us, Some("https://www.zohoapis.com"), Ok(())),
            (zoho, None, Some("https://www.zohoapis.eu"), Ok(())),
            (
                zoho,
                us,
                Some("https://www.zohoapis.eu"),
                Err("set ZOHO_DATA_CENTER=eu"),
            ),
            (
                zoho,
                us,
                Some("https://www.zohoapis.com.evil.example"),
                Err("none of Zoho's"),
            ),
            (
                zoho,
                us,
                Some("http://www.zohoapis.com"),
                Err("none of Zoho's"),
            ),
            (zoho, us, Some("http://127.0.0.1:9"), Err("none of Zoho's")),
            (zoho, us, Some("rubbish"), Err("none of Zoho's")),
            (local, us, Some("http://localhost:7"), Ok(())),
            (local, us, Some("https://www.zohoapis.com"), Ok(())),
            (
                local,
                us,
                Some("https://www.zohoapis.in"),
                Err("set ZOHO_DATA_CENTER=in"),
            ),
        ] {
            let issued = Issued {
                access_token: AccessToken::new("t"),
                refresh_token: None,
                expires_in_s: 1,
                api_domain: api_domain.map(Into::into),
            };
            let outcome = endpoint(accounts, centre).check_api_domain(&issued);
            match (outcome, expected) {
                (Ok(()), Ok(())) => {}
                (Err(Error::AuthRequired(text)), Err(phrase)) => {
                    assert!(text.contains(phrase), "{text}");
                }
                (outcome, _) => panic!("{accounts} {api_domain:?}: {outcome:?}"),
            }
        }
    }

    #[test]
    fn a_redirect_uri_goes_with_a_code_and_nothing_else() {
        let with_uri = ZohoSecret::parse(
            r#"{"client_id":"i","client_secret":"s","org_id":1,"code":"c","redirect_uri":"https://x.test/cb"}"#,
        )
        .unwrap();
        let grant = SecretString::from("g".to_owned());
        let names = |secret: &ZohoSecret, grant| -> Vec<_> {
            fields(secret, grant)
                .into_iter()
                .map(|(name, _)| name)
                .collect()
        };
        assert!(names(&with_uri, Grant::Code(&grant)).contains(&"redirect_uri"));
        assert!(!names(&with_uri, Grant::RefreshToken(&grant)).contains(&"redirect_uri"));
        assert!(!names(&secret(), Grant::Code(&grant)).contains(&"redirect_uri"));
        let sent = fields(&with_uri, Grant::RefreshToken(&grant));
        assert!(
            sent.iter()
                .any(|(name, value)| *name == "grant_type"
                    && value.expose_secret() == "refresh_token")
        );
    }
}
