//! The OpenAPI document.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use state::Scope;

use crate::world::{World, ask};

fn document() -> Value {
    serde_json::to_value(hub_function::openapi()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| {
            (format!("{} {path}", method.to_uppercase()), operation)
        })
    });
    operations.collect()
}

#[test]
fn it_names_every_route_with_what_it_takes_and_answers() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let routes: std::collections::BTreeMap<_, _> = operations(&document)
        .into_iter()
        .map(|(route, operation)| {
            let responses = operation["responses"].as_object().unwrap().keys();
            let parameters = operation["parameters"].as_array().cloned();
            let parameters = parameters.unwrap_or_default();
            let names: Vec<_> = parameters.iter().map(|p| p["name"].clone()).collect();
            let statuses: Vec<_> = responses.cloned().collect();
            (route, json!({"parameters": names, "responses": statuses}))
        })
        .collect();
    insta::assert_json_snapshot!(routes);
}

#[test]
fn every_route_behind_a_key_says_so_and_every_reference_leads_somewhere() {
    let document = document();
    for (route, operation) in operations(&document) {
        let is_public = route.ends_with("/openapi.json");
        let asks = operation["security"].to_string().contains("api_key");
        assert_ne!(is_public, asks, "{route}");
        assert_eq!(operation["responses"]["401"].is_object(), asks, "{route}");
        assert_eq!(operation["responses"]["403"].is_object(), asks, "{route}");
        assert!(operation["responses"]["500"].is_object(), "{route}");
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/").skip(1) {
        let path = reference.split('"').next().unwrap();
        assert!(document.pointer(&format!("/{path}")).is_some(), "{path}");
    }
    let ids: Vec<_> = operations(&document)
        .iter()
        .map(|(_, operation)| operation["operationId"].to_string())
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}

#[tokio::test]
async fn it_is_served_without_a_key_as_it_is_generated() {
    let world = World::start().await;
    let route = "GET /api/integrations/openapi.json";
    let answer = ask(&world.api(), "", route, None).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json(), document());
}

/// The schema behind references.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => schema,
    }
}

/// Holds `value` against `schema`: it has what is required, and nothing that is not documented.
fn conforms(document: &Value, schema: &Value, value: &Value, place: &str) {
    let schema = resolved(document, schema);
    for one in ["oneOf", "anyOf"] {
        if let Some(options) = schema[one].as_array() {
            let is_null = |option: &Value| option["type"] == "null";
            if let (false, Some(option)) = (
                value.is_null(),
                options.iter().find(|option| !is_null(option)),
            ) {
                conforms(document, option, value, place);
            }
            return;
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        // Parts of one object, as serde's `flatten` makes them.
        let mut merged = json!({"type": "object", "properties": {}, "required": []});
        for part in parts {
            let part = resolved(document, part);
            for (name, property) in part["properties"].as_object().unwrap() {
                merged["properties"][name] = property.clone();
            }
            for name in part["required"].as_array().unwrap() {
                merged["required"]
                    .as_array_mut()
                    .unwrap()
                    .push(name.clone());
            }
        }
        return conforms(document, &merged, value, place);
    }
    match value {
        Value::Object(fields) => {
            let Some(properties) = schema["properties"].as_object() else {
                for (name, field) in fields {
                    let inner = &schema["additionalProperties"];
                    if inner.is_object() {
                        conforms(document, inner, field, &format!("{place}.{name}"));
                    }
                }
                return;
            };
            for name in schema["required"].as_array().into_iter().flatten() {
                assert!(
                    fields.contains_key(name.as_str().unwrap()),
                    "{place} lacks {name}"
                );
            }
            for (name, field) in fields {
                let property = properties.get(name);
                let property =
                    property.unwrap_or_else(|| panic!("{place}.{name} is not documented"));
                conforms(document, property, field, &format!("{place}.{name}"));
            }
        }
        Value::Array(items) => {
            for item in items {
                conforms(document, &schema["items"], item, &format!("{place}[]"));
            }
        }
        Value::String(text) => {
            if let Some(choices) = schema["enum"].as_array() {
                assert!(choices.contains(value), "{place}: {text}");
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn answers_are_as_documented() {
    let world = World::start().await;
    let api = world.api();
    let key = world.key("acme", &[Scope::Admin]).await;
    let document = document();
    let integration = "/api/integrations/{id}";
    let rows = json!([{"externalId": "1", "data": {"a": 1}}]);
    for (route, path, body) in [
        (
            "POST /api/integrations",
            "/api/integrations",
            Some(world.desk()),
        ),
        ("POST /api/integrations/1/sync", "{id}/sync", None),
        ("GET /api/integrations/1", integration, None),
        ("GET /api/integrations", "/api/integrations", None),
        ("GET /api/integrations/1/runs", "{id}/runs", None),
        ("GET /api/integrations/1/streams", "{id}/streams", None),
        ("GET /api/integrations/1/metrics", "{id}/metrics", None),
        ("GET /api/integrations/1/data", "{id}/data", None),
        (
            "POST /api/integrations/1/data/import?dataType=x",
            "{id}/data/import",
            Some(rows),
        ),
        (
            "GET /api/integrations/templates",
            "/api/integrations/templates",
            None,
        ),
        (
            "GET /api/integrations/export",
            "/api/integrations/export",
            None,
        ),
        (
            "PATCH /api/integrations/1",
            integration,
            Some(json!({"name": "y"})),
        ),
        ("DELETE /api/integrations/1", integration, None),
    ] {
        let answer = ask(&api, &key, route, body.as_ref()).await;
        assert!(answer.status.is_success(), "{route}: {}", answer.text);
        let path = match path.strip_prefix("{id}") {
            Some(rest) => format!("{integration}{rest}"),
            None => path.to_owned(),
        };
        let method = route.split(' ').next().unwrap().to_lowercase();
        let responses = &document["paths"][&path][method]["responses"];
        let response = &responses[answer.status.as_str()];
        let schema = &response["content"]["application/json"]["schema"];
        assert!(
            schema.is_object(),
            "{route}: {} is not documented",
            answer.status
        );
        conforms(&document, schema, &answer.json(), route);
        // From here on there is something to show.
        world.drain().await;
    }
}
