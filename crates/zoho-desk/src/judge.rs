use serde::Deserialize;
use std::borrow::Cow;
use std::time::Duration;

use vendor_http::{Answer, Cost, Vendor, Verdict};

/// Reads Zoho Desk's answers for the HTTP client: which to retry, what they cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct ZohoAnswers;

/// An unknown 429 that asks for more than this is about the daily pool, not about a moment.
const LONG_WAIT: Duration = Duration::from_mins(1);

/// Longer bodies are pages, which are not worth reading twice.
const LONGEST_COMPLAINT: usize = 4096;

/// `{"errorCode":…,"message":…}`, with fields some codes add.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Complaint<'a> {
    #[serde(borrow)]
    pub(crate) error_code: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) message: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) edition_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) errors: Vec<FieldComplaint<'a>>,
}

/// `{"fieldName":"/contactId","errorType":"invalid","errorMessage":…}`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct FieldComplaint<'a> {
    #[serde(borrow)]
    pub(crate) field_name: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) error_type: Cow<'a, str>,
}

impl<'a> Complaint<'a> {
    pub(crate) fn read(answer: &'a Answer) -> Self {
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }
}

impl Vendor for ZohoAnswers {
    fn judge(&self, answer: &Answer) -> Verdict {
        let again = |reason: String| Verdict::Retry {
            reason,
            after: answer.retry_after(),
        };
        match answer.status {
            200 if answer.is_html() => again("a web page instead of JSON".to_owned()),
            200 if !looks_whole(&answer.body) => again("an answer cut short".to_owned()),
            200 if answer.body.len() <= LONGEST_COMPLAINT => disguised(answer),
            429 => too_many(answer),
            408 | 500..=599 => again(format!("HTTP {}", answer.status)),
            _ => Verdict::Accept,
        }
    }

    fn cost(&self, answer: &Answer) -> Cost {
        let number = |name| answer.header_text(name)?.trim().parse().ok();
        Cost {
            spent: number("x-rate-limit-request-weight-v3").unwrap_or(0),
            remaining: number("x-rate-limit-remaining-v3"),
        }
    }
}

/// An error of the moment under status 200. The page reader knows the lasting ones.
fn disguised(answer: &Answer) -> Verdict {
    match Complaint::read(answer).error_code.as_ref() {
        "TOO_MANY_REQUESTS" | "THRESHOLD_EXCEEDED" => too_many(answer),
        "INTERNAL_SERVER_ERROR" => Verdict::Retry {
            reason: "INTERNAL_SERVER_ERROR under HTTP 200".to_owned(),
            after: answer.retry_after(),
        },
        _ => Verdict::Accept,
    }
}

fn too_many(answer: &Answer) -> Verdict {
    let after = answer.retry_after();
    match Complaint::read(answer).error_code.as_ref() {
        "THRESHOLD_EXCEEDED" => Verdict::Exhausted {
            resume_after: after,
        },
        "TOO_MANY_REQUESTS" => Verdict::Crowded,
        _ if after.is_some_and(|after| after > LONG_WAIT) => Verdict::Exhausted {
            resume_after: after,
        },
        _ if after.is_some() => Verdict::Retry {
            reason: "HTTP 429".to_owned(),
            after,
        },
        _ => Verdict::Crowded,
    }
}

/// Cheap check on both ends of the body; the page reader does the rest.
fn looks_whole(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    match (body.first(), body.last()) {
        (None, None) => true,
        (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) => body.len() > 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    vendor_http::header::HeaderName::from_static(name),
                    vendor_http::header::HeaderValue::from_static(value),
                )
            })
            .collect();
        Answer {
            status,
            headers,
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[test]
    fn each_answer_has_its_verdict() {
        let crowded = r#"{"errorCode":"TOO_MANY_REQUESTS"}"#;
        let spent = r#"{"errorCode":"THRESHOLD_EXCEEDED"}"#;
        let hour = Some(Duration::from_hours(1));
        for (case, given, verdict) in [
            ("page", answer(200, &[], r#"{"data":[]}"#), Verdict::Accept),
            ("empty page", answer(204, &[], ""), Verdict::Accept),
            (
                "refusal",
                answer(422, &[], r#"{"errorCode":"X"}"#),
                Verdict::Accept,
            ),
            ("web page 404", answer(404, &[], "<html>"), Verdict::Accept),
            ("crowded", answer(429, &[], crowded), Verdict::Crowded),
            ("crowded, no body", answer(429, &[], ""), Verdict::Crowded),
            (
                "crowded, told how long",
                answer(429, &[("retry-after", "5")], ""),
                Verdict::Retry {
                    reason: "HTTP 429".to_owned(),
                    after: Some(Duration::from_secs(5)),
                },
            ),
            ("crowded, 200", answer(200, &[], crowded), Verdict::Crowded),
            (
                "lasting refusal, 200",
                answer(200, &[], r#"{"errorCode":"SCOPE_MISMATCH"}"#),
                Verdict::Accept,
            ),
            (
                "spent",
                answer(429, &[("retry-after", "3600")], spent),
                Verdict::Exhausted { resume_after: hour },
            ),
            (
                "spent, no body",
                answer(429, &[("retry-after", "3600")], ""),
                Verdict::Exhausted { resume_after: hour },
            ),
        ] {
            assert_eq!(ZohoAnswers.judge(&given), verdict, "{case}");
        }
        for again in [
            answer(200, &[], " <!doctype html>"),
            answer(200, &[], r#"{"data":[{"id"#),
            answer(502, &[], ""),
            answer(500, &[], "{}"),
            answer(200, &[], r#"{"errorCode":"INTERNAL_SERVER_ERROR"}"#),
        ] {
            assert!(
                matches!(ZohoAnswers.judge(&again), Verdict::Retry { .. }),
                "{again:?}"
            );
        }
    }

    #[test]
    fn credits_are_read_from_the_headers() {
        let given = answer(
            200,
            &[
                ("x-rate-limit-request-weight-v3", "3"),
                ("x-rate-limit-remaining-v3", "4990"),
            ],
            "{}",
        );
        assert_eq!(
            ZohoAnswers.cost(&given),
            Cost {
                spent: 3,
                remaining: Some(4990)
            }
        );
    }
}
