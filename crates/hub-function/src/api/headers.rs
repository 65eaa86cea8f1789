use axum::http::{HeaderMap, HeaderName, header};
use front_door::ApiError;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LONGEST_KEY: usize = 128;

/// The `Idempotency-Key`: 1 to 128 letters, digits and `._:@-`.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(key) = once(headers, &IDEMPOTENCY_KEY)? else {
        return Ok(None);
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._:@-".contains(&byte);
    if (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(fits) {
        return Ok(Some(key));
    }
    Err(ApiError::invalid_field(
        IDEMPOTENCY_KEY.as_str(),
        "must be 1 to 128 letters, digits and ._:@-",
    ))
}

/// The version that `If-Match` names, as an `ETag` of an integration; `*` is any.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(tag) = once(headers, &header::IF_MATCH)?.filter(|tag| *tag != "*") else {
        return Ok(None);
    };
    let version = tag
        .strip_prefix('"')
        .and_then(|tag| tag.strip_suffix('"'))
        .and_then(|version| version.parse().ok());
    version.map(Some).ok_or_else(|| {
        ApiError::invalid_field(
            "if-match",
            "must be the ETag of the integration as it was read",
        )
    })
}

fn once<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(ApiError::invalid_field(name.as_str(), "must be sent once"));
    }
    value
        .to_str()
        .map(Some)
        .map_err(|_| ApiError::invalid_field(name.as_str(), "must be readable text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                axum::http::HeaderValue::from_static(value),
            )
        });
        pairs.collect()
    }

    #[test]
    fn an_idempotency_key_is_short_and_plain() {
        for (value, taken) in [("order-4711", true), ("", false), ("a b", false)] {
            let headers = headers(&[("idempotency-key", value)]);
            assert_eq!(idempotency_key(&headers).is_ok(), taken, "{value}");
        }
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
        let mut two = headers(&[("idempotency-key", "a")]);
        two.append(IDEMPOTENCY_KEY, axum::http::HeaderValue::from_static("b"));
        assert!(idempotency_key(&two).is_err());
    }

    #[test]
    fn if_match_is_an_etag_or_anything() {
        for (value, version) in [
            ("\"7\"", Some(Some(7))),
            ("*", Some(None)),
            ("7", None),
            ("W/\"7\"", None),
            ("\"x\"", None),
        ] {
            let headers = headers(&[("if-match", value)]);
            assert_eq!(if_match(&headers).ok(), version, "{value}");
        }
    }
}
