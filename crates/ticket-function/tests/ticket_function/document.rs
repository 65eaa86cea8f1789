//! The OpenAPI document.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::world::{World, ask};

const ROUTES: [&str; 23] = [
    "POST /zoho/ticket/create",
    "GET /zoho/ticket/{ticket_id}",
    "POST /zoho/ticket/{ticket_id}/comment",
    "GET /zoho/ticket/{ticket_id}/comments",
    "PATCH /zoho/ticket/{ticket_id}/status",
    "GET /zoho/test",
    "GET /zoho/tickets",
    "GET /salesiq/session/{chat_id}",
    "POST /salesiq/session/{chat_id}/close",
    "POST /salesiq/session/{chat_id}/visitor-key",
    "GET /workflows",
    "GET /stats",
    "GET /admin/keys",
    "POST /admin/keys",
    "DELETE /admin/keys/{key_id}",
    "GET /admin/audit",
    "POST /privacy/export",
    "POST /privacy/erase",
    "GET /survey",
    "GET /survey/{token}",
    "POST /survey/{token}",
    "GET /health",
    "GET /openapi.json",
];

fn document() -> Value {
    serde_json::to_value(ticket_function::openapi()).unwrap()
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
fn it_names_every_route_and_no_other() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let named: BTreeSet<String> = operations(&document)
        .into_iter()
        .map(|(route, _)| route)
        .collect();
    let expected: BTreeSet<String> = ROUTES.iter().map(ToString::to_string).collect();
    assert_eq!(named, expected);
}

#[test]
fn every_route_behind_a_key_says_so_and_every_reference_leads_somewhere() {
    let document = document();
    for (route, operation) in operations(&document) {
        let is_public = ["/health", "/openapi", "/survey"]
            .iter()
            .any(|p| route.contains(p));
        let asks = operation["security"].to_string().contains("api_key");
        assert_ne!(is_public, asks, "{route}");
        assert_eq!(operation["responses"]["401"].is_object(), asks, "{route}");
        assert!(operation["responses"]["500"].is_object(), "{route}");
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/").skip(1) {
        let path = reference.split('"').next().unwrap();
        assert!(document.pointer(&format!("/{path}")).is_some(), "{path}");
    }
}

#[test]
fn texts_are_bounded() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in ["Query", "Subject", "Email", "CommentText", "StatusName"] {
        let schema = &schemas[name];
        assert!(
            schema["maxLength"].is_u64() && schema["pattern"].is_string(),
            "{name}: {schema}"
        );
    }
    for name in ["NewTicket", "NewComment", "NewStatus", "NewKey", "Person"] {
        assert_eq!(schemas[name]["additionalProperties"], false, "{name}");
    }
}

#[test]
fn what_may_be_left_out_is_not_required() {
    let document = document();
    for (route, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().unwrap_or(&Vec::new()) {
            let needed = parameter["in"] == "path"
                || (route == "GET /survey" && parameter["name"] == "token");
            assert_eq!(parameter["required"] == true, needed, "{route} {parameter}");
        }
    }
}

#[tokio::test]
async fn it_is_served_as_it_is_generated() {
    let world = World::start().await;
    let answer = ask(&world.api(), "", "GET /openapi.json", None).await;
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.json(), document());
}
