use vendor_http::header::{CONTENT_TYPE, HeaderMap};

use crate::Refusal;

/// Refuses a body that is declared as something else than JSON in UTF-8. No declaration is
/// accepted, and so is `text/plain`, which some senders put on JSON.
pub fn json_body(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let value = value.to_str().map_err(|_| Refusal::MediaType)?;
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_json = essence == "application/json"
        || essence == "text/plain"
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    let charset_is_utf8 = parts
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .all(|(_, charset)| {
            let charset = charset.trim().trim_matches('"');
            charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
        });
    if is_json && charset_is_utf8 {
        Ok(())
    } else {
        Err(Refusal::MediaType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vendor_http::header::HeaderValue;

    #[test]
    fn json_or_nothing_is_declared() {
        let cases = [
            (None, true),
            (Some("application/json"), true),
            (Some("Application/JSON; charset=\"UTF-8\""), true),
            (Some("application/cloudevents+json"), true),
            (Some("text/plain;charset=utf-8"), true),
            (Some("application/json; charset=iso-8859-1"), false),
            (Some("application/x-www-form-urlencoded"), false),
            (Some("multipart/form-data; boundary=x"), false),
            (Some("application/xml"), false),
            (Some(""), false),
        ];
        for (declared, accepted) in cases {
            let mut headers = HeaderMap::new();
            if let Some(declared) = declared {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(declared));
            }
            assert_eq!(json_body(&headers).is_ok(), accepted, "{declared:?}");
        }
    }
}
