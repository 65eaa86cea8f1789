use std::fmt;
use std::str::FromStr;

use url::form_urlencoded;

/// A GET route below `/api/v1`, with its query: what `desk-route` may fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePath {
    path: String,
    query: Vec<(String, String)>,
}

const LONGEST: usize = 1_000;

impl RoutePath {
    /// E.g. `/tickets/123/comments`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Decoded query parameters, in order.
    pub fn query(&self) -> &[(String, String)] {
        &self.query
    }

    /// Whether the caller pages by hand.
    pub fn pages_itself(&self) -> bool {
        self.query
            .iter()
            .any(|(key, _)| key == "from" || key == "limit")
    }
}

impl FromStr for RoutePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} characters"));
        }
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        if !path.starts_with('/') || path.len() < 2 {
            return Err("must be a path such as \"/tickets\" or \"/tickets/123/comments\"; the host is the account's own".to_owned());
        }
        // The path goes into a URL as it is: only what needs no escaping, and no way out of /api/v1.
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.');
        if !path.bytes().all(plain) {
            return Err(
                "may hold letters, digits, `-`, `_`, `.` and `/` only, and a query after `?`"
                    .to_owned(),
            );
        }
        if path[1..]
            .split('/')
            .any(|part| part.is_empty() || part.starts_with('.'))
        {
            return Err("must not hold empty parts or parts that begin with a dot".to_owned());
        }
        if query.contains('#') {
            return Err("must not hold a fragment (`#`)".to_owned());
        }
        Ok(Self {
            path: path.to_owned(),
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        })
    }
}

impl fmt::Display for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_the_api_are_routes() {
        for (text, path) in [
            ("/tickets", "/tickets"),
            ("/api/v1/tickets/12/comments", "/tickets/12/comments"),
            ("/tickets/search?status=Open", "/tickets/search"),
        ] {
            assert_eq!(text.parse::<RoutePath>().unwrap().path(), path);
        }
        for bad in [
            "",
            "/",
            "tickets",
            "//evil.example/x",
            "https://evil.example/x",
            "/../oauth",
            "/tickets/../../x",
            "/tickets/%2e%2e/x",
            "/tickets\\x",
            "/tickets@evil.example",
            "/tickets?x=1#y",
            "/a b",
            "/tickets/",
        ] {
            assert!(bad.parse::<RoutePath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_query_is_kept() {
        let route: RoutePath = "/tickets?status=On%20Hold&limit=5".parse().unwrap();
        assert_eq!(route.query()[0], ("status".into(), "On Hold".into()));
        assert!(route.pages_itself());
    }
}
