//! The request of one page.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use engine::{Error, Kind};
use secrecy::ExposeSecret;
use serde_json::Value;
use url::{Url, form_urlencoded};
use vendor_http::Call;
use vendor_http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};

use crate::auth::secret_value;
use crate::config::{BodyFormat, Config, Place, Stream, Verb};
use crate::source::Credentials;

/// One request, complete but for the proof of who sends it. `Debug` shows method and path.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) verb: Verb,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// Media type and bytes.
    pub(crate) body: Option<(HeaderValue, Bytes)>,
}

/// Values for `{parent.id}`, `{since}` and `{until}`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Blanks {
    pub(crate) parent: Option<String>,
    pub(crate) since: Option<String>,
    pub(crate) until: Option<String>,
}

/// A parameter of the page or of the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) value: String,
    /// Whether it is a number in a JSON body.
    pub(crate) is_number: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())
    }
}

impl Blanks {
    /// `text` with the blanks filled in; `encode` makes a value fit its surroundings.
    fn fill(&self, text: &str, encode: impl Fn(&str) -> String) -> String {
        let mut filled = text.to_owned();
        for (name, value) in [
            ("{parent.id}", &self.parent),
            ("{since}", &self.since),
            ("{until}", &self.until),
        ] {
            if let Some(value) = value
                && filled.contains(name)
            {
                filled = filled.replace(name, &encode(value));
            }
        }
        filled
    }

    fn fill_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.fill(text, str::to_owned),
            Value::Array(values) => values.iter_mut().for_each(|value| self.fill_json(value)),
            Value::Object(object) => object.values_mut().for_each(|value| self.fill_json(value)),
            _ => {}
        }
    }
}

/// The names in `{credentials.NAME}`.
pub(crate) fn credentials_in(text: &str) -> Vec<&str> {
    let parts = text.split("{credentials.").skip(1);
    parts
        .filter_map(|part| Some(part.split_once('}')?.0))
        .collect()
}

fn with_credentials(text: &str, credentials: &Credentials) -> String {
    let mut filled = text.to_owned();
    for name in credentials_in(text) {
        if let Some(secret) = credentials.get(name) {
            let blank = format!("{{credentials.{name}}}");
            filled = filled.replace(&blank, secret.expose_secret());
        }
    }
    filled
}

impl Request {
    /// A request of `path` below the base URL, with the headers of all streams.
    pub(crate) fn of(
        config: &Config,
        credentials: &Credentials,
        verb: Verb,
        path: &str,
    ) -> Result<Self, Error> {
        let mut request = Self {
            verb,
            url: below(&config.base, path)?,
            headers: HeaderMap::new(),
            body: None,
        };
        request.set_header(
            ACCEPT,
            HeaderValue::from_static("application/json, */*;q=0.5"),
        );
        request.add_headers(&config.headers, credentials, &Blanks::default())?;
        Ok(request)
    }

    /// The request of a page of `stream`.
    pub(crate) fn of_page(
        config: &Config,
        credentials: &Credentials,
        stream: &Stream,
        blanks: &Blanks,
        parameters: &[Parameter],
    ) -> Result<Self, Error> {
        if let Some(id) = &blanks.parent
            && stream.path.contains("{parent.id}")
            && matches!(id.as_str(), "" | "." | "..")
        {
            return Err(Error::new(
                Kind::Upstream,
                format!(
                    "a row of the parent of `{}` has an id that no path can hold",
                    stream.name
                ),
            ));
        }
        let path = blanks.fill(&stream.path, segment);
        let mut request = Self::of(config, credentials, stream.verb, &path)?;
        request.add_headers(&stream.headers, credentials, blanks)?;
        for (name, value) in &stream.query {
            let value = with_credentials(&blanks.fill(value, str::to_owned), credentials);
            request.url.query_pairs_mut().append_pair(name, &value);
        }
        let mut body = stream.body.clone();
        if let Some(body) = &mut body {
            blanks.fill_json(body);
        }
        for parameter in parameters {
            match parameter.place {
                Place::Query => request.set_query(&parameter.name, &parameter.value),
                Place::Header => {
                    let name: Result<HeaderName, _> = parameter.name.parse();
                    let value = HeaderValue::from_str(&parameter.value);
                    let (Ok(name), Ok(value)) = (name, value) else {
                        return Err(wrong_header(&parameter.name));
                    };
                    request.set_header(name, value);
                }
                Place::Body => put(body.get_or_insert_default(), parameter),
            }
        }
        if stream.verb == Verb::Post {
            request.body = Some(written(body, stream.body_format));
        }
        Ok(request)
    }

    /// The page behind `link`, a URL or a part of one, which replaces path and query.
    pub(crate) fn linked(mut self, from: &Url, link: &str) -> Result<Self, Error> {
        self.url = from.join(link.trim()).map_err(|_| {
            Error::new(
                Kind::Upstream,
                "the API's link to the next page is no URL; check `pagination.from`",
            )
        })?;
        self.url.set_fragment(None);
        Ok(self)
    }

    fn add_headers(
        &mut self,
        headers: &BTreeMap<String, String>,
        credentials: &Credentials,
        blanks: &Blanks,
    ) -> Result<(), Error> {
        for (name, text) in headers {
            let filled = blanks.fill(text, str::to_owned);
            let value = if credentials_in(&filled).is_empty() {
                HeaderValue::from_str(&filled).map_err(|_| wrong_header(name))?
            } else {
                secret_value(&with_credentials(&filled, credentials))?
            };
            self.set_header(name.parse().map_err(|_| wrong_header(name))?, value);
        }
        Ok(())
    }

    pub(crate) fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }

    /// Sets a query parameter, in place of those of the same name.
    pub(crate) fn set_query(&mut self, name: &str, value: &str) {
        let others: Vec<(String, String)> = self
            .url
            .query_pairs()
            .filter(|(other, _)| other != name)
            .map(|(other, value)| (other.into_owned(), value.into_owned()))
            .collect();
        let mut query = self.url.query_pairs_mut();
        query.clear().extend_pairs(others).append_pair(name, value);
    }

    /// Another host learns nothing but what it is asked for.
    pub(crate) fn forget_headers(&mut self) {
        self.headers.clear();
        self.set_header(ACCEPT, HeaderValue::from_static("*/*"));
    }

    /// Where `status` and `location` lead. A POST becomes a GET as with every client, but for 307
    /// and 308; its body goes to no other host.
    pub(crate) fn redirected(mut self, status: u16, location: &str) -> Result<Self, Error> {
        let url = self.url.join(location).map_err(|_| {
            Error::new(
                Kind::Upstream,
                "the API redirects to what is no URL; try again later",
            )
        })?;
        let keeps_body = matches!(status, 307 | 308);
        if self.verb == Verb::Post && keeps_body && url.origin() != self.url.origin() {
            return Err(Error::new(
                Kind::Refused,
                "the API redirects a POST to another host, which is not followed; set \
                 `config.baseUrl` to that host if it is the right one",
            ));
        }
        if !keeps_body {
            self.verb = Verb::Get;
            self.body = None;
        }
        self.url = url;
        self.url.set_fragment(None);
        Ok(self)
    }

    pub(crate) fn method(&self) -> &'static str {
        match self.verb {
            Verb::Get => "GET",
            Verb::Post => "POST",
        }
    }

    /// Method and path; queries may hold keys.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.method(), self.url.path())
    }

    pub(crate) fn call(&self) -> Call {
        let url = self.url.clone();
        let call = match (self.verb, &self.body) {
            (Verb::Get, _) => Call::get(url),
            (Verb::Post, Some((media_type, body))) => {
                Call::post_raw(url, media_type.clone(), body.clone())
            }
            (Verb::Post, None) => Call::post_json(url, Bytes::new()),
        };
        let headers = self.headers.iter();
        headers
            .fold(call, |call, (name, value)| {
                call.header(name.clone(), value.clone())
            })
            .accepting_gzip()
    }
}

fn wrong_header(name: &str) -> Error {
    Error::new(
        Kind::InvalidConfig,
        format!("the header `{name}` cannot be sent; it holds a line end or the like"),
    )
}

fn below(base: &Url, path: &str) -> Result<Url, Error> {
    let text = format!("{base}{}", path.trim_start_matches('/'));
    let text = if path.is_empty() {
        text.trim_end_matches('/').to_owned()
    } else {
        text
    };
    text.parse().map_err(|_| {
        Error::new(
            Kind::InvalidConfig,
            "a path does not fit behind `config.baseUrl`; write it as /items",
        )
    })
}

/// One segment of a path: whatever the id holds, it stays one segment.
fn segment(id: &str) -> String {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let mut text = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text.extend([
                '%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]),
        }
    }
    text
}

/// Sets `a.b` in a JSON body.
fn put(body: &mut Value, parameter: &Parameter) {
    let mut at = body;
    let mut names = parameter.name.split('.').peekable();
    while let Some(name) = names.next() {
        if !at.is_object() {
            *at = Value::Object(serde_json::Map::new());
        }
        let Some(object) = at.as_object_mut() else {
            return;
        };
        at = object.entry(name).or_insert(Value::Null);
        if names.peek().is_none() {
            let number = parameter.value.parse::<u64>().ok();
            *at = match number.filter(|_| parameter.is_number) {
                Some(number) => number.into(),
                None => parameter.value.as_str().into(),
            };
        }
    }
}

fn written(body: Option<Value>, format: BodyFormat) -> (HeaderValue, Bytes) {
    match format {
        BodyFormat::Json => {
            let text = body.map_or_else(String::new, |body| body.to_string());
            (HeaderValue::from_static("application/json"), text.into())
        }
        BodyFormat::Form => {
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (name, value) in body
                .as_ref()
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                match value {
                    Value::String(text) => form.append_pair(name, text),
                    other => form.append_pair(name, &other.to_string()),
                };
            }
            let media_type = HeaderValue::from_static("application/x-www-form-urlencoded");
            (media_type, form.finish().into())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_stays_one_segment_of_the_path() {
        for (id, expected) in [
            ("7", "7"),
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("ü", "%C3%BC"),
            ("%2e", "%252e"),
        ] {
            assert_eq!(segment(id), expected);
            let base: Url = "https://x.test/v1/".parse().unwrap();
            let url = below(&base, &format!("/items/{}/notes", segment(id))).unwrap();
            assert_eq!(url.path_segments().unwrap().count(), 4, "{url}");
        }
    }

    #[test]
    fn parameters_go_into_nested_bodies() {
        let mut body = json!({"variables": {"first": 1}, "query": "{ a }"});
        for (name, value, is_number) in [
            ("variables.after", "c1", false),
            ("variables.first", "50", true),
            ("deep.er.x", "1", false),
        ] {
            let parameter = Parameter {
                place: Place::Body,
                name: name.into(),
                value: value.into(),
                is_number,
            };
            put(&mut body, &parameter);
        }
        assert_eq!(
            body,
            json!({"variables": {"first": 50, "after": "c1"}, "query": "{ a }", "deep": {"er": {"x": "1"}}})
        );
    }

    #[test]
    fn only_known_blanks_are_filled_in() {
        let blanks = Blanks {
            parent: Some("7".into()),
            since: Some("2026".into()),
            until: None,
        };
        let filled = blanks.fill("{ shop(id: {parent.id}) } {since} {until}", str::to_owned);
        assert_eq!(filled, "{ shop(id: 7) } 2026 {until}");
    }

    #[test]
    fn a_redirect_of_a_post_becomes_a_get_and_its_body_stays_home() {
        let post = Request {
            verb: Verb::Post,
            url: "https://x.test/a".parse().unwrap(),
            headers: HeaderMap::new(),
            body: Some((
                HeaderValue::from_static("a/b"),
                Bytes::from_static(b"secret"),
            )),
        };
        let seen = post.clone().redirected(303, "/b").unwrap();
        assert_eq!(
            (seen.label().as_str(), seen.body.is_none()),
            ("GET /b", true)
        );
        let kept = post.clone().redirected(307, "https://x.test/c").unwrap();
        assert_eq!(
            (kept.label().as_str(), kept.body.is_some()),
            ("POST /c", true)
        );
        assert!(post.redirected(308, "https://y.test/c").is_err());
    }
}
