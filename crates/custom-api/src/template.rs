//! Declarations of common APIs, to start from.

/// A declaration to be filled in: words in capitals stand for what users know.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    /// Its name, such as `github-issues`.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// What it reads, in a sentence.
    pub description: &'static str,
    /// The vendor's page that its paging follows.
    pub documentation: &'static str,
    /// The `config`, as JSON text.
    pub config: &'static str,
    /// The credentials to be filled in.
    pub credentials: &'static [&'static str],
}

/// Templates of common APIs.
pub fn templates() -> &'static [Template] {
    TEMPLATES
}

const TEMPLATES: &[Template] = &[
    Template {
        name: "json-endpoint",
        title: "One JSON endpoint",
        description: "Reads the list that one address gives, whole each time.",
        documentation: "https://datatracker.ietf.org/doc/html/rfc9110",
        config: include_str!("../templates/json-endpoint.json"),
        credentials: &[],
    },
    Template {
        name: "github-issues",
        title: "GitHub issues",
        description: "Issues and pull requests of a repository, with their comments.",
        documentation: "https://docs.github.com/en/rest/issues/issues",
        config: include_str!("../templates/github-issues.json"),
        credentials: &["token"],
    },
    Template {
        name: "stripe-charges",
        title: "Stripe charges",
        description: "Charges and customers of a Stripe account.",
        documentation: "https://docs.stripe.com/api/pagination",
        config: include_str!("../templates/stripe-charges.json"),
        credentials: &["token"],
    },
    Template {
        name: "shopify-orders",
        title: "Shopify orders",
        description: "Orders and customers of a shop, by change.",
        documentation: "https://shopify.dev/docs/api/admin-rest/usage/pagination",
        config: include_str!("../templates/shopify-orders.json"),
        credentials: &["apiKey"],
    },
    Template {
        name: "jira-issues",
        title: "Jira Cloud issues",
        description: "Issues of a Jira Cloud site, by change, through a JQL search.",
        documentation: "https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/",
        config: include_str!("../templates/jira-issues.json"),
        credentials: &["username", "password"],
    },
    Template {
        name: "intercom-conversations",
        title: "Intercom conversations",
        description: "Conversations of an Intercom workspace, by change.",
        documentation: "https://developers.intercom.com/docs/build-an-integration/learn-more/rest-apis/pagination",
        config: include_str!("../templates/intercom-conversations.json"),
        credentials: &["token"],
    },
    Template {
        name: "pagerduty-incidents",
        title: "PagerDuty incidents",
        description: "Incidents and services of a PagerDuty account.",
        documentation: "https://developer.pagerduty.com/docs/pagination",
        config: include_str!("../templates/pagerduty-incidents.json"),
        credentials: &["apiKey"],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, Value};

    use super::*;
    use crate::{CONFIG_SCHEMA, CUSTOM_API};

    #[test]
    fn each_template_is_valid_with_its_credentials_and_not_without() {
        for template in templates() {
            let config: Value = serde_json::from_str(template.config).unwrap();
            let credentials: Map<String, Value> = template
                .credentials
                .iter()
                .map(|name| ((*name).to_owned(), "x".into()))
                .collect();
            let outcome = (CUSTOM_API.validate)(&config, &credentials.into());
            assert_eq!(outcome, Ok(()), "{}", template.name);
            let without = (CUSTOM_API.validate)(&config, &Value::Null);
            assert_eq!(
                without.is_ok(),
                template.credentials.is_empty(),
                "{}",
                template.name
            );
        }
        let names: BTreeSet<_> = templates().iter().map(|template| template.name).collect();
        assert_eq!(names.len(), templates().len());
    }

    /// All keys that the schema knows below `value`, wherever they may stand.
    fn keys(schema: &Value, into: &mut BTreeSet<String>) {
        match schema {
            Value::Object(object) => {
                if let Some(Value::Object(properties)) = object.get("properties") {
                    into.extend(properties.keys().cloned());
                }
                object.values().for_each(|value| keys(value, into));
            }
            Value::Array(values) => values.iter().for_each(|value| keys(value, into)),
            _ => {}
        }
    }

    #[test]
    fn the_schema_knows_the_settings_and_the_keys_of_the_templates() {
        let schema: Value = serde_json::from_str(CONFIG_SCHEMA).unwrap();
        let mut known = BTreeSet::new();
        keys(&schema, &mut known);
        for setting in CUSTOM_API.settings.iter().filter(|setting| !setting.secret) {
            assert!(
                schema["properties"][setting.name].is_object(),
                "{}",
                setting.name
            );
        }
        for template in templates() {
            let config: Value = serde_json::from_str(template.config).unwrap();
            for stream in config["streams"].as_array().into_iter().flatten() {
                for part in [
                    Some(stream),
                    stream.get("pagination"),
                    stream.get("cursor"),
                    stream.get("parent"),
                ] {
                    for key in part
                        .and_then(Value::as_object)
                        .into_iter()
                        .flatten()
                        .map(|(key, _)| key)
                    {
                        assert!(known.contains(key), "{key}");
                    }
                }
            }
        }
    }
}
