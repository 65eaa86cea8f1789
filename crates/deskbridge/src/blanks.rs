//! What a template leaves to be filled in: words in capitals in addresses and paths, such as
//! `/repos/OWNER/REPOSITORY`.

use serde_json::{Map, Value};

const SHORTEST: usize = 3;

/// The words, each once, in the order of the config.
pub(crate) fn names(config: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (key, value) in config {
        each(key, value, &mut |text| {
            for word in pieces(text).filter(|word| is_blank(word)) {
                if !names.iter().any(|name| name == word) {
                    names.push(word.to_owned());
                }
            }
        });
    }
    names
}

/// Puts `value` in the place of the word `name`.
pub(crate) fn fill(config: &mut Map<String, Value>, name: &str, value: &str) {
    for (key, place) in config {
        fill_in(key, place, name, value);
    }
}

fn fill_in(key: &str, place: &mut Value, name: &str, value: &str) {
    match place {
        Value::String(text) if is_address(key) => {
            *text = pieces(text)
                .map(|piece| if piece == name { value } else { piece })
                .collect();
        }
        Value::Object(fields) => {
            for (key, place) in fields {
                fill_in(key, place, name, value);
            }
        }
        Value::Array(items) => {
            for item in items {
                fill_in(key, item, name, value);
            }
        }
        _ => {}
    }
}

fn each(key: &str, value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) if is_address(key) => visit(text),
        Value::Object(fields) => {
            for (key, value) in fields {
                each(key, value, visit);
            }
        }
        Value::Array(items) => {
            for item in items {
                each(key, item, visit);
            }
        }
        _ => {}
    }
}

/// Elsewhere capitals are what they are: `ORDER BY`, names of headers.
fn is_address(key: &str) -> bool {
    matches!(key, "baseUrl" | "path")
}

fn is_blank(piece: &str) -> bool {
    piece.len() >= SHORTEST && piece.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

/// `text` in words and what is between them, which together are `text`.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest
            .find(|c| is_word(c) != is_word(first))
            .unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_in_capitals_of_addresses_are_filled_in() {
        let template = json!({
            "baseUrl": "https://SITE.example.com/v1",
            "headers": {"Accept": "JSON"},
            "streams": [
                {"name": "ISSUES", "path": "/repos/OWNER/my_REPO", "query": {"jql": "ORDER BY x"}},
                {"path": "/repos/OWNER/V1/issues"},
            ],
        });
        let Value::Object(mut config) = template else {
            panic!("this is an object")
        };
        assert_eq!(names(&config), ["SITE", "OWNER"]);
        fill(&mut config, "SITE", "acme");
        fill(&mut config, "OWNER", "OWNER-2");
        assert_eq!(config["baseUrl"], "https://acme.example.com/v1");
        assert_eq!(config["streams"][0]["path"], "/repos/OWNER-2/my_REPO");
        assert_eq!(config["streams"][0]["query"]["jql"], "ORDER BY x");
        assert_eq!(config["streams"][1]["path"], "/repos/OWNER-2/V1/issues");
    }
}
