//! What webhooks get to hear, and how it is signed.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method, StatusCode},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use simulators::zoho::{Change, Deliveries, Entity, Mutation, Options, Simulator};

const ORG: &str = "700000001";

struct Inbox {
    url: String,
    heard: Arc<Mutex<Vec<(String, Value)>>>,
    status: Arc<Mutex<u16>>,
}

impl Inbox {
    async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let heard: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let status = Arc::new(Mutex::new(200));
        let (hear, answer) = (Arc::clone(&heard), Arc::clone(&status));
        let router = Router::new().fallback(
            move |method: Method, headers: HeaderMap, body: Bytes| async move {
                if method == Method::POST {
                    let token = headers["x-zdesk-jwt"].to_str().unwrap().to_owned();
                    let body = serde_json::from_slice(&body).unwrap();
                    hear.lock().unwrap().push((token, body));
                }
                StatusCode::from_u16(*answer.lock().unwrap()).unwrap()
            },
        );
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { url, heard, status }
    }

    /// Waits until this many deliveries came.
    async fn hear(&self, count: usize) -> Vec<(String, Value)> {
        for _ in 0..1_000 {
            let heard = self.heard.lock().unwrap().clone();
            if heard.len() >= count {
                return heard;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.heard.lock().unwrap());
    }

    fn events(heard: &[(String, Value)]) -> Vec<String> {
        let events = heard.iter().flat_map(|(_, body)| body.as_array().unwrap());
        events
            .map(|event| event["eventType"].as_str().unwrap().to_owned())
            .collect()
    }
}

struct Caller {
    simulator: Simulator,
    http: reqwest::Client,
    token: String,
}

impl Caller {
    async fn new(options: Options) -> Self {
        let simulator = Simulator::start(options).await.unwrap();
        let options = simulator.options();
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &simulator.issue_refresh_token()),
            ("client_id", &options.client_id),
            ("client_secret", &options.client_secret),
        ];
        let http = reqwest::Client::new();
        let url = format!("{}/oauth/v2/token", simulator.origin());
        let answer = http.post(url).form(&form).send().await.unwrap();
        let answer = crate::portal::read(answer).await.unwrap().json();
        let token = answer["access_token"].as_str().unwrap().to_owned();
        Self {
            simulator,
            http,
            token,
        }
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/api/v1/{path}", self.simulator.origin());
        let method: Method = method.parse().unwrap();
        let mut request = self
            .http
            .request(method, url)
            .header("authorization", format!("Zoho-oauthtoken {}", self.token))
            .header("orgId", ORG);
        if !body.is_null() {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = crate::portal::read(request.send().await.unwrap())
            .await
            .unwrap();
        let json = serde_json::from_str(&answer.body).unwrap_or_default();
        (answer.status, json)
    }

    async fn subscribe(&self, inbox: &Inbox, subscriptions: Value) -> Value {
        let hook = json!({"name": "hook", "url": inbox.url, "subscriptions": subscriptions});
        let (status, hook) = self.call("POST", "webhooks", &hook).await;
        assert_eq!(status, 200, "{hook}");
        hook
    }

    async fn ticket(&self, subject: &str) -> String {
        let department = &self.simulator.ids("departments", 1)[0];
        let ticket = json!({
            "departmentId": department,
            "contact": {"lastName": "Lee", "email": "ann@x.test"},
            "subject": subject,
        });
        let (status, ticket) = self.call("POST", "tickets", &ticket).await;
        assert_eq!(status, 200, "{ticket}");
        ticket["id"].as_str().unwrap().to_owned()
    }

    async fn verified(&self, token: &str, webhook: &str) -> Value {
        let url = format!("{}/.well-known/jwks.json", self.simulator.origin());
        let keys = self.http.get(url).send().await.unwrap();
        let keys = crate::portal::read(keys).await.unwrap().json();
        let kid = decode_header(token).unwrap().kid.unwrap();
        let keys = keys["keys"].as_array().unwrap();
        let key = keys.iter().find(|key| key["kid"] == kid.as_str()).unwrap();
        let part = |name: &str| key[name].as_str().unwrap().to_owned();
        let key = DecodingKey::from_rsa_components(&part("n"), &part("e")).unwrap();
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_audience(&[format!("webhookId:{webhook}")]);
        rules.set_issuer(&[format!("orgId:{ORG}")]);
        decode::<Value>(token, &key, &rules).unwrap().claims
    }
}

fn everything() -> Value {
    json!({
        "Ticket_Add": null,
        "Ticket_Update": {"includePrevState": true},
        "Ticket_Delete": null,
        "Ticket_Comment_Add": null,
    })
}

#[tokio::test]
async fn every_change_is_told_once_in_order_and_signed() {
    let caller = Caller::new(Options::with_tickets(5)).await;
    let inbox = Inbox::open().await;
    let hook = caller.subscribe(&inbox, everything()).await;
    let ticket = caller.ticket("Broken mug").await;
    let path = format!("tickets/{ticket}");
    caller
        .call("PATCH", &path, &json!({"status": "On Hold"}))
        .await;
    let comment = json!({"content": "hello", "contentType": "plainText", "isPublic": false});
    caller
        .call("POST", &format!("{path}/comments"), &comment)
        .await;
    caller
        .call("POST", "closeTickets", &json!({"ids": [ticket]}))
        .await;
    let (trashed, _) = caller
        .call(
            "POST",
            "tickets/moveToTrash",
            &json!({"ticketIds": [ticket]}),
        )
        .await;
    assert_eq!(trashed, 204);

    let heard = inbox.hear(5).await;
    assert_eq!(
        Inbox::events(&heard),
        [
            "Ticket_Add",
            "Ticket_Update",
            "Ticket_Comment_Add",
            "Ticket_Update",
            "Ticket_Delete"
        ]
    );
    let (token, added) = &heard[0];
    let claims = caller.verified(token, hook["id"].as_str().unwrap()).await;
    assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 300);
    assert_eq!(added[0]["orgId"], ORG);
    assert_eq!(added[0]["payload"]["id"], ticket.as_str());
    assert_eq!(added[0]["payload"]["contact"]["email"], "ann@x.test");
    assert!(
        added[0]["eventTime"]
            .as_str()
            .unwrap()
            .parse::<i64>()
            .is_ok()
    );
    let updated = &heard[1].1[0];
    assert_eq!(updated["payload"]["status"], "On Hold");
    assert_eq!(updated["prevState"]["status"], "Open");
    assert_eq!(heard[2].1[0]["payload"]["ticketId"], ticket.as_str());
    assert_eq!(heard[4].1[0]["payload"]["id"], ticket.as_str());
    assert!(
        caller
            .simulator
            .deliveries()
            .iter()
            .all(|delivery| delivery.status == Some(200))
    );
}

#[tokio::test]
async fn what_an_admin_changes_is_told_too() {
    let caller = Caller::new(Options::with_tickets(5)).await;
    let inbox = Inbox::open().await;
    caller.subscribe(&inbox, everything()).await;
    let ids = caller.simulator.ids("tickets", 2);
    for change in [Change::Modify, Change::Delete] {
        let mutation = Mutation::of_ids(Entity::Tickets, change, ids.clone());
        assert_eq!(caller.simulator.mutate(&mutation), ids);
    }
    let events = Inbox::events(&inbox.hear(4).await);
    assert_eq!(
        events,
        [
            "Ticket_Update",
            "Ticket_Update",
            "Ticket_Delete",
            "Ticket_Delete"
        ]
    );
}

#[tokio::test]
async fn filters_choose_and_an_own_change_is_not_echoed() {
    let caller = Caller::new(Options::with_tickets(5)).await;
    let inbox = Inbox::open().await;
    let other = caller.simulator.ids("departments", 2)[1].clone();
    caller
        .subscribe(&inbox, json!({"Ticket_Add": {"departmentIds": [other]}, "Ticket_Update": {"fields": ["status"]}}))
        .await;
    let ticket = caller.ticket("elsewhere").await;
    let path = format!("tickets/{ticket}");
    caller
        .call("PATCH", &path, &json!({"priority": "Low"}))
        .await;
    caller
        .call("PATCH", &path, &json!({"status": "Closed"}))
        .await;
    let heard = inbox.hear(1).await;
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0].1[0]["payload"]["status"], "Closed");
}

#[tokio::test]
async fn deliveries_come_twice_together_or_out_of_order_when_told_to() {
    let caller = Caller::new(Options::with_tickets(5)).await;
    let inbox = Inbox::open().await;
    let hook = caller.subscribe(&inbox, everything()).await;
    let deliver = |deliveries: Deliveries| caller.simulator.set_deliveries(deliveries);

    deliver(Deliveries {
        duplicate: 1.0,
        ..Deliveries::default()
    });
    caller.ticket("one").await;
    let heard = inbox.hear(2).await;
    assert_eq!(heard[0].1, heard[1].1);

    deliver(Deliveries {
        paused: true,
        ..Deliveries::default()
    });
    for subject in ["two", "three"] {
        caller.ticket(subject).await;
    }
    deliver(Deliveries {
        reorder: 1.0,
        times_in_ms: true,
        ..Deliveries::default()
    });
    let heard = inbox.hear(4).await;
    assert_eq!(heard[2].1[0]["payload"]["subject"], "three");
    assert_eq!(heard[3].1[0]["payload"]["subject"], "two");
    // In milliseconds, the token is good for some thousand years.
    let claims = caller
        .verified(&heard[2].0, hook["id"].as_str().unwrap())
        .await;
    assert!(claims["iat"].as_i64().unwrap() > 1_000_000_000_000);

    deliver(Deliveries {
        paused: true,
        batch: 10,
        ..Deliveries::default()
    });
    for subject in ["four", "five", "six"] {
        caller.ticket(subject).await;
    }
    deliver(Deliveries {
        batch: 10,
        ..Deliveries::default()
    });
    let heard = inbox.hear(5).await;
    assert_eq!(heard[4].1.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_key_changes_and_the_one_before_stays_published() {
    let caller = Caller::new(Options::with_tickets(5)).await;
    let inbox = Inbox::open().await;
    let hook = caller.subscribe(&inbox, everything()).await;
    caller.ticket("one").await;
    inbox.hear(1).await;
    caller.simulator.rotate_webhook_key();
    caller.ticket("two").await;
    let heard = inbox.hear(2).await;
    let kid = |nth: usize| decode_header(&heard[nth].0).unwrap().kid;
    assert_ne!(kid(0), kid(1));
    for (token, _) in &heard {
        caller.verified(token, hook["id"].as_str().unwrap()).await;
    }
}

#[tokio::test]
async fn gone_cancels_the_subscription() {
    let caller = Caller::new(Options::with_tickets(5)).await;
    let inbox = Inbox::open().await;
    let hook = caller.subscribe(&inbox, everything()).await;
    *inbox.status.lock().unwrap() = 410;
    caller.ticket("one").await;
    inbox.hear(1).await;
    let path = format!("webhooks/{}", hook["id"].as_str().unwrap());
    for _ in 0..100 {
        let (_, hook) = caller.call("GET", &path, &Value::Null).await;
        if hook["isEnabled"] == false {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still enabled");
}

#[tokio::test]
async fn contents_are_refused_as_the_vendor_does() {
    let caller = Caller::new(Options::with_tickets(5)).await;
    let department = caller.simulator.ids("departments", 1)[0].clone();
    let contact = caller.simulator.ids("contacts", 1)[0].clone();
    let good = json!({"departmentId": department, "contactId": contact, "subject": "x"});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let without = |name: &str| {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(name);
        body
    };
    for (body, code, field) in [
        (
            without("subject"),
            "INVALID_DATA",
            Some(("/subject", "missing")),
        ),
        (
            without("departmentId"),
            "INVALID_DATA",
            Some(("/departmentId", "missing")),
        ),
        (
            without("contactId"),
            "INVALID_DATA",
            Some(("/contactId", "missing")),
        ),
        (
            with("subject", json!("x".repeat(1_001))),
            "INVALID_DATA",
            Some(("/subject", "invalid")),
        ),
        (
            with("description", json!("x".repeat(65_536))),
            "INVALID_DATA",
            Some(("/description", "invalid")),
        ),
        (
            with("email", json!("nobody")),
            "INVALID_DATA",
            Some(("/email", "invalid")),
        ),
        (
            with("assigneeId", json!("12")),
            "INVALID_DATA",
            Some(("/assigneeId", "invalid")),
        ),
        (
            with("cf", json!({"cf_chat_id": "x".repeat(256)})),
            "INVALID_DATA",
            Some(("/cf/cf_chat_id", "invalid")),
        ),
        (
            with("cf", json!({"cf_none": "x"})),
            "INVALID_DATA",
            Some(("/cf/cf_none", "invalid")),
        ),
        (with("colour", json!("red")), "UNPROCESSABLE_ENTITY", None),
        (json!({}), "EMPTY_PAYLOAD", None),
        (json!([]), "BAD_REQUEST", None),
    ] {
        let (_, answer) = caller.call("POST", "tickets", &body).await;
        assert_eq!(answer["errorCode"], code, "{answer}");
        if let Some((name, error_type)) = field {
            let error = &answer["errors"][0];
            assert_eq!(
                (&error["fieldName"], &error["errorType"]),
                (&json!(name), &json!(error_type))
            );
        }
    }
    assert!(caller.simulator.written_tickets().is_empty());
    let (status, _) = caller.call("POST", "tickets", &good).await;
    assert_eq!(status, 200);
    let truth = caller.simulator.truth("tickets", "").unwrap();
    assert_eq!(
        truth.len(),
        6,
        "a ticket that was made is in the truth of reports"
    );
    let (status, _) = caller.call("PATCH", "tickets", &good).await;
    assert_eq!(status, 405);
}
