use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::Problem;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::auth::Auth;
use super::keys::Problems;
use super::rules::ErrorRule;
use super::simple;
use super::stream::{Stream, Verb};
use super::{Config, Limits, Rate, Test};

/// The largest answer, bytes, unless set otherwise; and the most that may be set.
const USUAL_BYTES: usize = 16 << 20;
const MOST_BYTES: usize = 64 << 20;
/// No honest list has more pages of one run.
const MOST_PAGES: u64 = 1_000_000;
const USUAL_PAGES: u64 = 100_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Raw {
    #[serde(alias = "baseURL", alias = "base_url", alias = "url")]
    base_url: String,
    auth: Option<Value>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    test: Option<Value>,
    #[serde(alias = "test_endpoint")]
    test_endpoint: Option<String>,
    #[serde(alias = "test_method")]
    test_method: Option<Verb>,
    streams: Option<Vec<Value>>,
    /// The simple form: one stream.
    endpoint: Option<Value>,
    method: Option<Value>,
    errors: Option<Vec<Value>>,
    rate: Option<Value>,
    limits: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawTest {
    path: String,
    #[serde(default)]
    method: Verb,
    #[serde(default)]
    body: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RawRate {
    requests_per_second: f64,
    at_once: u32,
    attempts: u32,
}

impl Default for RawRate {
    fn default() -> Self {
        Self {
            requests_per_second: 5.0,
            at_once: 2,
            attempts: 5,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RawLimits {
    max_bytes: usize,
    max_pages: u64,
}

impl Default for RawLimits {
    fn default() -> Self {
        Self {
            max_bytes: USUAL_BYTES,
            max_pages: USUAL_PAGES,
        }
    }
}

/// Reads a declaration, or tells all that is wrong with it. `credentials` are the names of those
/// that there are; without `auth` they tell its kind.
pub(crate) fn read(value: &Value, credentials: &BTreeSet<&str>) -> Result<Config, Vec<Problem>> {
    let mut problems = Problems::default();
    let config = problems
        .parse::<Raw>("config", value)
        .and_then(|raw| checked(raw, credentials, &mut problems));
    problems.into_result(config)
}

fn checked(raw: Raw, credentials: &BTreeSet<&str>, problems: &mut Problems) -> Option<Config> {
    let base = base_url(&raw.base_url, problems);
    let auth = match &raw.auth {
        Some(auth) => problems.parse("config.auth", auth),
        None => Some(simple::auth(credentials)),
    };
    if let Some(auth) = &auth {
        check_auth(auth, credentials, problems);
    }
    check_headers("config.headers", &raw.headers, credentials, problems);
    let test = test(&raw, problems);
    let common = error_rules("config.errors", raw.errors.as_deref(), problems);
    let streams = match (&raw.streams, simple::stream(raw.endpoint, raw.method)) {
        (Some(_), Some(_)) => {
            problems.add(
                "config.endpoint",
                "is the short form of one stream; leave it out beside `streams`",
            );
            None
        }
        (Some(streams), None) => read_streams(streams, &common, credentials, problems),
        (None, Some(stream)) => read_streams(&[stream], &common, credentials, problems),
        (None, None) => Some(Vec::new()),
    };
    let streams = streams?;
    if streams.is_empty() && !matches!(test, Some(Some(_))) {
        problems.add(
            "config.streams",
            "is missing; declare what to read, or name one `endpoint`",
        );
    }
    let rate = rate(raw.rate.as_ref(), problems);
    let limits = limits(raw.limits.as_ref(), problems);
    Some(Config {
        base: base?,
        auth: auth?,
        headers: raw.headers,
        test: test.flatten(),
        streams,
        rate: rate?,
        limits: limits?,
    })
}

fn base_url(text: &str, problems: &mut Problems) -> Option<Url> {
    let mut wrong = |message: &str| {
        problems.add("config.baseUrl", message);
        None
    };
    let Ok(mut url) = Url::parse(text.trim()) else {
        return wrong("must be a URL such as https://api.example.com/v1");
    };
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return wrong("must begin with https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("must hold no user or password; put them into the credentials");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("must have no ? or #; put parameters into a stream's `query`");
    }
    let path = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Some(url)
}

fn check_auth(auth: &Auth, credentials: &BTreeSet<&str>, problems: &mut Problems) {
    for name in auth.needs() {
        if !credentials.contains(name) {
            let message = format!("is missing; `config.auth` of this kind needs `{name}`");
            problems.add(format!("credentials.{name}"), message);
        }
    }
    let names: Vec<(&str, &str)> = match auth {
        Auth::ApiKey { name, .. } => vec![("name", name)],
        Auth::Hmac(signing) => [
            Some(("header", signing.header.as_str())),
            signing
                .timestamp_header
                .as_deref()
                .map(|name| ("timestampHeader", name)),
            signing
                .key_header
                .as_deref()
                .map(|name| ("keyHeader", name)),
        ]
        .into_iter()
        .flatten()
        .collect(),
        _ => vec![],
    };
    for (key, name) in names {
        if name.parse::<vendor_http::header::HeaderName>().is_err() {
            let message = "must be a name of letters, digits and hyphens";
            problems.add(format!("config.auth.{key}"), message);
        }
    }
}

/// Headers that carry secrets belong to the credentials, where they are kept and masked.
pub(super) fn check_headers(
    path: &str,
    headers: &BTreeMap<String, String>,
    credentials: &BTreeSet<&str>,
    problems: &mut Problems,
) {
    const SECRET: [&str; 7] = [
        "authorization",
        "cookie",
        "token",
        "secret",
        "password",
        "api-key",
        "apikey",
    ];
    for (name, value) in headers {
        let at = format!("{path}.{name}");
        if name.parse::<vendor_http::header::HeaderName>().is_err() {
            problems.add(&at, "is no header's name");
        }
        let lower = name.to_ascii_lowercase();
        let is_filled_in = value.contains("{credentials.");
        if !is_filled_in && SECRET.iter().any(|word| lower.contains(word)) {
            problems.add(
                &at,
                "looks like a secret; put it into the credentials and write {credentials.NAME} \
                 here, or choose an `auth` kind",
            );
        }
        for name in crate::request::credentials_in(value) {
            if !credentials.contains(name) {
                problems.add(
                    &at,
                    format!("names the credential `{name}`, which is missing"),
                );
            }
        }
        if matches!(
            lower.as_str(),
            "host" | "content-length" | "transfer-encoding" | "connection"
        ) {
            problems.add(&at, "is set by the connection itself; leave it out");
        }
    }
}

#[expect(clippy::option_option, reason = "outer: usable; inner: given")]
fn test(raw: &Raw, problems: &mut Problems) -> Option<Option<Test>> {
    let test = match (&raw.test, &raw.test_endpoint) {
        (Some(test), None) => {
            let RawTest { path, method, body } = problems.parse("config.test", test)?;
            Test {
                path,
                verb: method,
                body,
            }
        }
        (None, Some(path)) => Test {
            path: path.clone(),
            verb: raw.test_method.unwrap_or_default(),
            body: None,
        },
        (Some(_), Some(_)) => {
            problems.add(
                "config.testEndpoint",
                "says the same as `test`; leave one out",
            );
            return None;
        }
        (None, None) => return Some(None),
    };
    check_path("config.test.path", &test.path, &[], problems);
    Some(Some(test))
}

/// A path below the base URL, whose placeholders are among `known`.
pub(super) fn check_path(at: &str, path: &str, known: &[&str], problems: &mut Problems) {
    if path.contains("://") || path.starts_with("//") {
        problems.add(at, "must be a path below `config.baseUrl`, such as /items");
    }
    if path.split(['/', '\\']).any(|segment| segment == "..") {
        problems.add(at, "must not contain ..");
    }
    if path.contains(['?', '#']) {
        problems.add(at, "must have no ? or #; use `query`");
    }
    let mut rest = path;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            problems.add(at, "has { without }");
            return;
        };
        if !known.contains(&name) {
            let message = format!(
                "has the unknown placeholder {{{name}}}; {{parent.id}} (with `parent`), {{since}} \
                 and {{until}} (with `cursor`) are filled in"
            );
            problems.add(at, message);
        }
        rest = after;
    }
}

pub(super) fn error_rules(
    path: &str,
    rules: Option<&[Value]>,
    problems: &mut Problems,
) -> Vec<ErrorRule> {
    let rules = rules.unwrap_or_default().iter().enumerate();
    rules
        .filter_map(|(at, rule)| ErrorRule::read(problems, &format!("{path}[{at}]"), rule))
        .collect()
}

fn read_streams(
    values: &[Value],
    common: &[ErrorRule],
    credentials: &BTreeSet<&str>,
    problems: &mut Problems,
) -> Option<Vec<Stream>> {
    let read = |(at, value): (usize, &Value)| {
        let path = format!("config.streams[{at}]");
        super::stream_read::read(&path, value, common, credentials, problems)
    };
    let streams: Vec<Option<Stream>> = values.iter().enumerate().map(read).collect();
    let streams: Vec<Stream> = streams.into_iter().collect::<Option<_>>()?;
    let mut names = BTreeSet::new();
    for (at, stream) in streams.iter().enumerate() {
        let path = format!("config.streams[{at}]");
        if !names.insert(&stream.name) {
            let message = format!("two streams are called `{}`", stream.name);
            problems.add(format!("{path}.name"), message);
        }
        let Some(parent) = &stream.parent else {
            continue;
        };
        let path = format!("{path}.parent.stream");
        match streams.iter().find(|other| other.name == parent.stream) {
            None => problems.add(path, format!("there is no stream `{}`", parent.stream)),
            Some(other) if other.parent.is_some() => {
                problems.add(path, "has a parent itself; only one level is possible");
            }
            Some(_) => {}
        }
    }
    Some(streams)
}

fn rate(value: Option<&Value>, problems: &mut Problems) -> Option<Rate> {
    let raw: RawRate = match value {
        Some(value) => problems.parse("config.rate", value)?,
        None => RawRate::default(),
    };
    let per_second = raw.requests_per_second;
    if !(0.001..=1_000.0).contains(&per_second) {
        problems.add(
            "config.rate.requestsPerSecond",
            "must be from 0.001 to 1000",
        );
        return None;
    }
    if !(1..=20).contains(&raw.at_once) {
        problems.add("config.rate.atOnce", "must be from 1 to 20");
        return None;
    }
    if !(1..=10).contains(&raw.attempts) {
        problems.add("config.rate.attempts", "must be from 1 to 10");
        return None;
    }
    Some(Rate {
        apart: Duration::from_secs_f64(1.0 / per_second),
        at_once: raw.at_once,
        attempts: raw.attempts,
    })
}

fn limits(value: Option<&Value>, problems: &mut Problems) -> Option<Limits> {
    let raw: RawLimits = match value {
        Some(value) => problems.parse("config.limits", value)?,
        None => RawLimits::default(),
    };
    if !(1024..=MOST_BYTES).contains(&raw.max_bytes) {
        let message = format!("must be from 1024 to {MOST_BYTES}");
        problems.add("config.limits.maxBytes", message);
        return None;
    }
    if !(1..=MOST_PAGES).contains(&raw.max_pages) {
        problems.add(
            "config.limits.maxPages",
            format!("must be from 1 to {MOST_PAGES}"),
        );
        return None;
    }
    Some(Limits {
        bytes: raw.max_bytes,
        pages: raw.max_pages,
    })
}
