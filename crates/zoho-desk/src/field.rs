//! What an account's own ticket statuses mean.

use serde::{Deserialize, Deserializer, Serialize};

use crate::exchange::Request;
use crate::{Desk, Error};

/// What a status means, whatever the account calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum StatusType {
    /// Work to be done.
    Open,
    /// Waiting for somebody else.
    OnHold,
    /// Done.
    Closed,
}

impl StatusType {
    /// Reads `Open`, `On Hold` and `Closed` in any spelling.
    pub fn of(text: &str) -> Option<Self> {
        let letters: String = text.chars().filter(char::is_ascii_alphabetic).collect();
        match letters.to_ascii_lowercase().as_str() {
            "open" => Some(Self::Open),
            "onhold" => Some(Self::OnHold),
            "closed" => Some(Self::Closed),
            _ => None,
        }
    }
}

/// A status that tickets of the account may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketStatus {
    /// As the account calls it.
    pub name: String,
    /// What it means, where the vendor says so.
    pub status_type: Option<StatusType>,
}

#[derive(Deserialize)]
struct Fields {
    data: Vec<Field>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Field {
    #[serde(default)]
    api_name: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    allowed_values: Vec<AllowedValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AllowedValue {
    #[serde(default)]
    value: Option<String>,
    #[serde(default, deserialize_with = "status_type")]
    status_type: Option<StatusType>,
}

/// Leaves out what it does not know.
pub(crate) fn status_type<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<StatusType>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.as_deref().and_then(StatusType::of))
}

impl Desk {
    /// The statuses that tickets may have: `GET /organizationFields?module=tickets`.
    pub async fn ticket_statuses(&self) -> Result<Vec<TicketStatus>, Error> {
        let query = [("module", "tickets".into())];
        let request = Request::get("/organizationFields", &query);
        let fields: Fields = self.record(&request).await?;
        let is_status = |field: &Field| {
            let name = field.api_name.as_deref().or(field.name.as_deref());
            name.is_some_and(|name| name.eq_ignore_ascii_case("status"))
        };
        let values = fields.data.into_iter().filter(is_status);
        Ok(values
            .flat_map(|field| field.allowed_values)
            .filter_map(|allowed| {
                Some(TicketStatus {
                    name: allowed.value?,
                    status_type: allowed.status_type,
                })
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_type_is_known_in_any_spelling() {
        for (text, expected) in [
            ("Open", Some(StatusType::Open)),
            ("On Hold", Some(StatusType::OnHold)),
            ("ONHOLD", Some(StatusType::OnHold)),
            ("ON_HOLD", Some(StatusType::OnHold)),
            ("closed", Some(StatusType::Closed)),
            ("Waiting", None),
        ] {
            assert_eq!(StatusType::of(text), expected, "{text}");
        }
    }
}
