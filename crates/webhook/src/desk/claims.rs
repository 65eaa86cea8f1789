use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::Caller;
use crate::Refusal;
use crate::json::Node;

const LEEWAY: SignedDuration = SignedDuration::from_secs(60);
/// Numbers from here on are milliseconds: as such it is the year 1973, as seconds 5138.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// What the token says, as far as anybody asks.
#[derive(Deserialize)]
pub(super) struct Claims {
    #[serde(default)]
    iss: Node,
    #[serde(default)]
    aud: Node,
    #[serde(default)]
    iat: Node,
    #[serde(default)]
    nbf: Node,
    #[serde(default)]
    exp: Node,
}

impl Claims {
    /// `webhook_ids` may be empty as long as no webhook is registered: then any webhook of the
    /// organisation is accepted.
    pub(super) fn check(
        &self,
        org_id: &str,
        webhook_ids: &[String],
        now: Timestamp,
    ) -> Result<Caller, Refusal> {
        let issuer = self
            .iss
            .as_text()
            .and_then(|iss| iss.strip_prefix("orgId:"));
        if org_id.is_empty() || issuer != Some(org_id) {
            return Err(Refusal::TokenIssuer);
        }
        let webhook_id = self
            .audiences()
            .find(|id| is_accepted(id, webhook_ids))
            .ok_or(Refusal::TokenAudience)?;
        let expires_at = time(&self.exp)?.ok_or(Refusal::TokenMalformed {
            problem: "it has no exp",
        })?;
        if now.duration_since(expires_at) >= LEEWAY {
            return Err(Refusal::TokenExpired);
        }
        let issued_at = time(&self.iat)?;
        for start in [issued_at, time(&self.nbf)?].into_iter().flatten() {
            if start.duration_since(now) > LEEWAY {
                return Err(Refusal::TokenNotYetValid);
            }
        }
        Ok(Caller {
            org_id: org_id.to_owned(),
            webhook_id: webhook_id.to_owned(),
            issued_at,
            expires_at,
        })
    }

    /// The webhooks that the token is for; a text or a list of texts.
    fn audiences(&self) -> impl Iterator<Item = &str> {
        let audiences = match &self.aud {
            Node::List(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        audiences
            .iter()
            .filter_map(|aud| aud.as_text()?.strip_prefix("webhookId:"))
    }
}

fn is_accepted(id: &str, webhook_ids: &[String]) -> bool {
    let is_id =
        (1..=100).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_id && (webhook_ids.is_empty() || webhook_ids.iter().any(|accepted| accepted == id))
}

/// `None` when the claim is not there; an error when it is no time.
fn time(claim: &Node) -> Result<Option<Timestamp>, Refusal> {
    let number = match claim {
        Node::Null => return Ok(None),
        // RFC 7519 allows fractions of seconds.
        Node::Fraction(number) => Some(number.trunc() as i64),
        other => other
            .integer()
            .and_then(|number| i64::try_from(number).ok()),
    };
    number
        .and_then(moment)
        .map(Some)
        .ok_or(Refusal::TokenMalformed {
            problem: "iat, nbf and exp must be seconds or milliseconds since 1970",
        })
}

/// A moment given as seconds or milliseconds since 1970, told apart by size.
pub(crate) fn moment(number: i64) -> Option<Timestamp> {
    match number {
        0..MILLISECONDS_FROM => Timestamp::from_second(number).ok(),
        _ => milliseconds(number),
    }
}

/// A moment given as milliseconds since 1970; `None` for what must be seconds.
pub(super) fn milliseconds(number: i64) -> Option<Timestamp> {
    let number = Some(number).filter(|number| *number >= MILLISECONDS_FROM)?;
    Timestamp::from_millisecond(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_milliseconds_are_told_apart() {
        let cases = [
            (1_767_225_600, Some("2026-01-01T00:00:00Z")),
            (1_767_225_600_000, Some("2026-01-01T00:00:00Z")),
            (1_767_225_600_123, Some("2026-01-01T00:00:00.123Z")),
            (0, Some("1970-01-01T00:00:00Z")),
            (-1, None),
            (i64::MAX, None),
        ];
        for (number, expected) in cases {
            let expected = expected.map(|time| time.parse::<Timestamp>().unwrap());
            assert_eq!(moment(number), expected, "{number}");
        }
    }
}
