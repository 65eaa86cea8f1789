//! Reads a query string as strictly as the vendor does.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil};

use super::{account::Account, refusal::Refusal, routes::Route};

/// What a parameter's value must look like.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Anything but nothing.
    Text,
    /// Digits.
    Id,
    /// At most this many ids.
    Ids(usize),
    /// At most this many agent ids or `Unassigned`.
    Assignees(usize),
    OneOf(&'static [&'static str]),
    /// A comma-separated subset.
    SomeOf(&'static [&'static str]),
    Flag,
    /// Two times with milliseconds and `Z`.
    Range,
    /// Epoch milliseconds.
    Millis,
    /// `2026-01-31`.
    Date,
    /// A department of the portal or `allDepartment`.
    Department,
    KnownDepartment,
    KnownDepartments(usize),
    /// One of these keys, `-` in front for descending.
    Sort(&'static [&'static str]),
    /// At most 30 keys of the row.
    Fields,
    /// The portal has no custom views or filters, so no value is right.
    View,
    /// `customField1` to `customField10`, each `cf_name:value`.
    CustomField,
}

#[derive(Debug)]
pub(super) struct Param {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// A query that passed every check.
#[derive(Debug, Default)]
pub(super) struct Query {
    values: BTreeMap<String, String>,
    pub(super) from: u64,
    pub(super) limit: u64,
}

impl Query {
    pub(super) fn parse(route: &Route, raw: &str, account: &Account) -> Result<Self, Refusal> {
        let mut query = Self {
            limit: route.limit.map_or(u64::MAX, |limit| limit.default),
            ..Self::default()
        };
        for (name, value) in url::form_urlencoded::parse(raw.as_bytes()) {
            match (&*name, route.limit) {
                ("limit", Some(limit)) => {
                    query.limit = number("limit", &value, (limit.least, limit.most))?;
                }
                ("from", Some(_)) => query.from = number("from", &value, (0, route.last_from))?,
                _ => {
                    let param = param(route, &name).ok_or(Refusal::extra_parameter(&name))?;
                    if !is_acceptable(param.kind, &value, account) {
                        return Err(Refusal::invalid_parameter(&name));
                    }
                    query.values.insert(name.into_owned(), value.into_owned());
                }
            }
        }
        let required = route.params.iter().filter(|param| param.required);
        match required
            .map(|param| param.name)
            .find(|name| query.get(name).is_none())
        {
            Some(missing) => Err(Refusal::missing_parameter(missing)),
            None => Ok(query),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(|value| value == "true")
    }

    pub(super) fn id(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    pub(super) fn list(&self, name: &str) -> Option<Vec<&str>> {
        let values = self.get(name)?.split(',').map(str::trim);
        Some(values.filter(|value| !value.is_empty()).collect())
    }

    pub(super) fn ids(&self, name: &str) -> Option<Vec<u64>> {
        let values = self.list(name)?;
        Some(
            values
                .into_iter()
                .filter_map(|id| id.parse().ok())
                .collect(),
        )
    }

    /// Both ends inclusive, epoch ms.
    pub(super) fn range(&self, name: &str) -> Option<(i64, i64)> {
        time_range(self.get(name)?)
    }

    /// The key and whether it descends.
    pub(super) fn sort(&self) -> Option<(&str, bool)> {
        let value = self.get("sortBy")?;
        Some(match value.strip_prefix('-') {
            Some(key) => (key, true),
            None => (value, false),
        })
    }

    /// Every filter besides ranges and order, as (name, value).
    pub(super) fn text_filters(&self) -> Vec<(&str, &str)> {
        let pairs = self.values.iter();
        pairs
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| !name.ends_with("Range") && *name != "sortBy")
            .collect()
    }
}

fn param(route: &Route, name: &str) -> Option<&'static Param> {
    route.params.iter().find(|param| match param.kind {
        Kind::CustomField => {
            let number = name.strip_prefix("customField").map(str::parse::<u8>);
            matches!(number, Some(Ok(1..=10)))
        }
        _ => param.name == name,
    })
}

fn number(name: &str, value: &str, (least, most): (u64, u64)) -> Result<u64, Refusal> {
    let number: i64 = value
        .parse()
        .map_err(|_| Refusal::invalid_parameter(name))?;
    u64::try_from(number)
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| Refusal::out_of_range(name, (least, most)))
}

fn is_acceptable(kind: Kind, value: &str, account: &Account) -> bool {
    let some_of = |most: usize, ok: &dyn Fn(&str) -> bool| {
        let values: Vec<_> = value.split(',').map(str::trim).collect();
        values.len() <= most && values.into_iter().all(ok)
    };
    let known = |id: &str| {
        let id = id.parse().ok();
        id.and_then(|id| account.find_department(id)).is_some()
    };
    match kind {
        Kind::Text => !value.is_empty(),
        Kind::Id => is_id(value),
        Kind::Ids(most) => some_of(most, &is_id),
        Kind::Assignees(most) => some_of(most, &|id| id == "Unassigned" || is_id(id)),
        Kind::OneOf(allowed) => allowed.contains(&value),
        Kind::SomeOf(allowed) => some_of(allowed.len(), &|item| allowed.contains(&item)),
        Kind::Flag => matches!(value, "true" | "false"),
        Kind::Range => time_range(value).is_some(),
        Kind::Millis => value.parse::<i64>().is_ok(),
        Kind::Date => value.parse::<civil::Date>().is_ok(),
        Kind::Department => value == "allDepartment" || known(value),
        Kind::KnownDepartment => known(value),
        Kind::KnownDepartments(most) => some_of(most, &known),
        Kind::Sort(keys) => keys.contains(&value.strip_prefix('-').unwrap_or(value)),
        Kind::Fields => some_of(30, &|field| !field.is_empty()),
        Kind::View => false,
        Kind::CustomField => value.contains(':'),
    }
}

fn is_id(value: &str) -> bool {
    !value.is_empty() && value.len() <= 19 && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn time_range(value: &str) -> Option<(i64, i64)> {
    let (first, last) = value.split_once(',')?;
    Some((instant(first)?, instant(last)?))
}

/// Exactly `2026-01-31T09:15:00.000Z`: milliseconds and `Z` are not optional.
fn instant(value: &str) -> Option<i64> {
    let shaped = value.len() == 24 && value.ends_with('Z') && value.get(19..20) == Some(".");
    let time: Timestamp = shaped.then(|| value.parse().ok()).flatten()?;
    Some(time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_needs_milliseconds_and_z() {
        let cases = [
            ("2026-01-01T00:00:00.000Z,2026-01-02T00:00:00.001Z", true),
            ("2026-01-01T00:00:00Z,2026-01-02T00:00:00Z", false),
            (
                "2026-01-01T00:00:00.000+00:00,2026-01-02T00:00:00.000Z",
                false,
            ),
            ("2026-01-01T00:00:00.000Z", false),
            ("2026-13-01T00:00:00.000Z,2026-01-02T00:00:00.000Z", false),
        ];
        for (value, accepted) in cases {
            assert_eq!(time_range(value).is_some(), accepted, "{value}");
        }
    }
}
