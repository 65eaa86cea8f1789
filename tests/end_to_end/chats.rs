//! Chats become tickets: over HTTP, as SalesIQ and the team's own programs come in.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use simulators::SigningKey;
use simulators::salesiq::{Chat, Format, Player, Signer, Visitor};
use tokio::sync::RwLockReadGuard;

use crate::stack::{Stack, operate};

const PATIENCE: Duration = Duration::from_mins(2);

/// One of the requirement's scenarios.
struct Scenario {
    name: &'static str,
    says: &'static [&'static str],
    subject: &'static str,
    priority: &'static str,
    category: &'static str,
    format: Format,
}

const SCENARIOS: [Scenario; 3] = [
    Scenario {
        name: "password_reset",
        says: &["I forgot my password", "jane.roe@company.example", "1234"],
        subject: "Password Reset - Jane Roe",
        priority: "Medium",
        category: "Account Management",
        format: Format::Zobot,
    },
    Scenario {
        name: "disk_upgrade",
        says: &["My disk is full", "100GB"],
        subject: "Disk Space Upgrade - Jane Roe",
        priority: "Low",
        category: "Infrastructure",
        format: Format::Flat,
    },
    Scenario {
        name: "server_slowness",
        says: &["Server is slow", "CPU 95 RAM 80 disk 60"],
        subject: "Server Performance Issue - Jane Roe",
        priority: "High",
        category: "Infrastructure",
        format: Format::Flat,
    },
];

/// The stack's HTTP API, its simulated SalesIQ and its mails.
struct Front {
    stack: Stack,
    http: reqwest::Client,
    key: String,
    _changing: RwLockReadGuard<'static, ()>,
}

impl Front {
    async fn new(name: &str) -> Self {
        let changing = Stack::account_changing().await;
        let stack = Stack::of_environment().await;
        let key = api_key(name);
        Self {
            stack,
            http: reqwest::Client::new(),
            key,
            _changing: changing,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.stack.text("/http_api"))
    }

    fn player(&self, format: Format) -> Player {
        let signer = match format {
            Format::Zobot => {
                let key = std::fs::read(self.stack.text("/senders/private_key")).unwrap();
                Signer::Rsa(SigningKey::read(&key).unwrap())
            }
            Format::Flat => {
                Signer::standard_webhooks(&self.stack.text("/senders/signing_secret")).unwrap()
            }
        };
        Player::new(&self.url("/webhook/salesiq"), signer, Arc::new(SystemClock)).unwrap()
    }

    /// Plays a whole scenario and returns the last answer.
    async fn play(&self, scenario: &Scenario, chat: &mut Chat) -> Value {
        let player = self.player(scenario.format);
        let mut last = Value::Null;
        for text in scenario.says {
            let turn = player.say(chat, scenario.format, text).await.unwrap();
            assert_eq!(turn.played.status, 200, "{text}: {:?}", turn.played.answer);
            assert!(!turn.played.replies().is_empty(), "{text}");
            last = turn.played.answer;
        }
        last
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        self.call_as(&self.key, method, path, body).await
    }

    async fn call_as(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.http.request(method, self.url(path)).bearer_auth(key);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        answered(request).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// Asks until `found` finds something: tickets and mails may come from a queue.
    async fn until<T>(&self, path: &str, found: impl Fn(&Value) -> Option<T>) -> T {
        let began = std::time::Instant::now();
        loop {
            let answer = self.get(path).await;
            if let Some(found) = found(&answer) {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{path}: {answer}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// The tickets that Desk has of a chat.
    async fn tickets(&self, chat: &str) -> Vec<Value> {
        let written: Value = serde_json::from_str(&self.stack.get("/_sim/written").await).unwrap();
        let tickets = written["tickets"].as_array().unwrap().iter();
        let of_chat = |ticket: &&Value| ticket["cf"]["cf_salesiq_chat_id"] == chat;
        tickets.filter(of_chat).cloned().collect()
    }

    /// The mails whose text has `word`, once there are `count` of them.
    async fn mails(&self, word: &str, count: usize) -> Vec<Value> {
        let began = std::time::Instant::now();
        loop {
            let kept = self.emulator("/_ministack/ses/messages").await;
            let mails = kept["messages"].as_object().unwrap().values();
            let mails = mails.flat_map(|mails| mails.as_array().unwrap());
            let about = |mail: &&Value| mail["BodyText"].as_str().unwrap().contains(word);
            let found: Vec<Value> = mails.filter(about).cloned().collect();
            if found.len() >= count {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{count} mails about {word}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    async fn emulator(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.stack.text("/endpoint_url"));
        answered(self.http.get(url)).await.1
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a local stack of our own answers"
)]
async fn answered(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body = answer.text().await.unwrap();
    (
        status,
        serde_json::from_str(&body).unwrap_or(Value::String(body)),
    )
}

/// As an administrator gets one.
pub(crate) fn api_key(name: &str) -> String {
    let scopes = "read,write,admin";
    operate("infra/api_key.py", &["--name", name, "--scopes", scopes])
}

fn chat_id(name: &str) -> String {
    format!("e2e-{name}-{}", std::process::id())
}

fn jane(name: &str) -> Visitor {
    let email = format!("jane.{}@company.example", name.replace('_', "-"));
    Visitor::named(&format!("visitor-{name}"), "Jane Roe", &email)
}

#[tokio::test]
async fn each_scenario_ends_with_a_ticket_its_history_two_mails_a_session_and_figures() {
    let front = Front::new("scenarios").await;
    for scenario in &SCENARIOS {
        let name = scenario.name;
        let id = chat_id(name);
        let visitor = jane(name);
        let email = visitor.email.clone().unwrap();
        let mut chat = Chat::new(&id, visitor);
        front.play(scenario, &mut chat).await;

        let session = format!("/salesiq/session/{id}");
        let made = front
            .until(&session, |answer| {
                answer["session"]["ticket_id"].as_str().map(str::to_owned)
            })
            .await;
        let tickets = front.tickets(&id).await;
        assert_eq!(tickets.len(), 1, "{name}");
        let ticket = &tickets[0];
        assert_eq!(ticket["id"], made, "{name}");
        assert_eq!(ticket["subject"], scenario.subject, "{name}");
        assert_eq!(ticket["priority"], scenario.priority, "{name}");
        assert_eq!(ticket["category"], scenario.category, "{name}");
        assert_eq!(ticket["status"], "Open", "{name}");
        assert_eq!(ticket["cf"]["cf_workflow_type"], name);
        assert_eq!(ticket["cf"]["cf_automation_source"], "AceBuddy", "{name}");
        assert_eq!(
            ticket["cf"]["cf_salesiq_visitor_id"],
            format!("visitor-{name}")
        );

        let comments = format!("/zoho/ticket/{made}/comments");
        let history = front
            .until(&comments, |answer| {
                let comments = answer["comments"].as_array()?;
                let text = comments
                    .iter()
                    .filter_map(|comment| comment["comment"].as_str());
                Some(text.collect::<Vec<_>>().join("\n")).filter(|text| !text.is_empty())
            })
            .await;
        for text in scenario.says {
            // Digits of a phone are for verifying, not for everybody who reads the ticket.
            let hidden = text.bytes().all(|byte| byte.is_ascii_digit());
            assert!(
                hidden || history.contains(text),
                "{name}: {text} is not in {history}"
            );
        }

        let number = ticket["ticketNumber"].as_str().unwrap();
        let mails = front.mails(&made, 2).await;
        let to: HashSet<String> = mails
            .iter()
            .flat_map(|mail| mail["To"].as_array().unwrap())
            .map(|to| to.as_str().unwrap().to_owned())
            .collect();
        assert!(to.contains(&email), "{name}: {to:?}");
        assert!(
            to.contains("support-team@deskbridge.example"),
            "{name}: {to:?}"
        );
        for mail in &mails {
            assert!(
                mail["BodyText"].as_str().unwrap().contains(number),
                "{name}: {mail}"
            );
        }

        let session = front.get(&session).await;
        assert_eq!(session["success"], true);
        assert_eq!(session["session"]["visitor_email"], email, "{name}");
        assert!(
            session["session"]["message_count"].as_u64().unwrap() >= scenario.says.len() as u64
        );
        let listed = front
            .get(&format!(
                "/zoho/tickets?source=AceBuddy&workflow_type={name}&status=Open"
            ))
            .await;
        let ids: Vec<_> = listed["tickets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| &t["id"])
            .collect();
        assert!(ids.contains(&&json!(made)), "{name}: {listed}");
    }
    let stats = front.get("/stats").await;
    assert_eq!(stats["success"], true, "{stats}");
    let text = stats.to_string();
    for scenario in &SCENARIOS {
        assert!(text.contains(scenario.name), "{stats}");
    }
}

#[tokio::test]
async fn a_ticket_of_the_api_is_made_read_commented_and_closed() {
    let front = Front::new("api").await;
    let (status, created) = front
        .call(
            Method::POST,
            "/zoho/ticket/create",
            Some(json!({
                "query": "I need to upgrade my disk storage",
                "user_id": "john.api@company.example",
                "metadata": {"subject": "Disk Space Upgrade Request", "priority": "Medium", "workflow_type": "disk_upgrade"}
            })),
        )
        .await;
    assert!(status.is_success(), "{status} {created}");
    assert_eq!(created["success"], true);
    let id = created["ticket_id"].as_str().unwrap().to_owned();
    assert!(created["ticket_number"].is_string() && created["timestamp"].is_string());

    let ticket = front.get(&format!("/zoho/ticket/{id}")).await;
    assert_eq!(ticket["ticket"]["subject"], "Disk Space Upgrade Request");
    assert_eq!(ticket["ticket"]["email"], "john.api@company.example");

    let path = format!("/zoho/ticket/{id}/comment");
    let text = json!({"comment": "Customer confirmed 100GB upgrade plan", "is_internal": false});
    let (status, commented) = front.call(Method::POST, &path, Some(text)).await;
    assert!(status.is_success(), "{commented}");
    assert!(commented["comment_id"].is_string());

    let path = format!("/zoho/ticket/{id}/status");
    let (status, closed) = front
        .call(Method::PATCH, &path, Some(json!({"status": "Closed"})))
        .await;
    assert_eq!(
        (status, &closed["status"]),
        (StatusCode::OK, &json!("Closed")),
        "{closed}"
    );
    let (status, connection) = front.call(Method::GET, "/zoho/test", None).await;
    assert_eq!(
        (status, &connection["success"]),
        (StatusCode::OK, &json!(true)),
        "{connection}"
    );
}

#[tokio::test]
async fn a_visitor_sees_their_own_chat_and_no_other() {
    let front = Front::new("visitors").await;
    let mut keys = Vec::new();
    for name in ["own", "other"] {
        let id = chat_id(name);
        let mut chat = Chat::new(&id, jane(name));
        front.play(&SCENARIOS[0], &mut chat).await;
        let path = format!("/salesiq/session/{id}/visitor-key");
        let (status, made) = front.call(Method::POST, &path, Some(json!({}))).await;
        assert!(status.is_success(), "{made}");
        let ticket = front
            .until(&format!("/salesiq/session/{id}"), |answer| {
                answer["session"]["ticket_id"].as_str().map(str::to_owned)
            })
            .await;
        keys.push((id, ticket, made["key"].as_str().unwrap().to_owned()));
    }
    let [(own, own_ticket, key), (other, other_ticket, _)] = keys.as_slice() else {
        panic!("two chats");
    };
    let as_visitor = async |path: String| front.call_as(key, Method::GET, &path, None).await.0;
    assert_eq!(
        as_visitor(format!("/salesiq/session/{own}")).await,
        StatusCode::OK
    );
    assert_eq!(
        as_visitor(format!("/zoho/ticket/{own_ticket}")).await,
        StatusCode::OK
    );
    assert_eq!(
        as_visitor(format!("/salesiq/session/{other}")).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        as_visitor(format!("/zoho/ticket/{other_ticket}")).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(as_visitor("/stats".to_owned()).await, StatusCode::FORBIDDEN);

    // What the team writes among itself stays there.
    let path = format!("/zoho/ticket/{own_ticket}/comment");
    let note = json!({"comment": "planted internal note", "is_internal": true});
    assert!(
        front
            .call(Method::POST, &path, Some(note))
            .await
            .0
            .is_success()
    );
    let path = format!("/zoho/ticket/{own_ticket}/comments");
    let (_, comments) = front.call_as(key, Method::GET, &path, None).await;
    assert!(
        !comments.to_string().contains("planted internal note"),
        "{comments}"
    );
    assert!(
        front
            .get(&path)
            .await
            .to_string()
            .contains("planted internal note")
    );
}

#[tokio::test]
async fn forged_stale_and_hostile_requests_are_refused() {
    let front = Front::new("refusals").await;
    let secret = front.stack.text("/senders/shared_secret");
    let url = front.url("/webhook/salesiq");
    let flat =
        json!({"chat_id": chat_id("refused"), "visitor_id": "v", "message": "hello"}).to_string();
    let deep = format!(
        "{{\"chat_id\": {}1{}}}",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    let cases: [(&str, Vec<u8>, Option<&str>, u16); 7] = [
        ("no proof", flat.clone().into_bytes(), None, 401),
        (
            "a wrong secret",
            flat.clone().into_bytes(),
            Some("wrong"),
            401,
        ),
        (
            "1 MB and more",
            format!("\"{}\"", "x".repeat(1 << 20)).into_bytes(),
            Some(&secret),
            413,
        ),
        // The local gateway hands on replacement characters; the crate sees the bytes themselves.
        (
            "not UTF-8",
            b"{\"chat_id\": \"\xff\xfe\"}".to_vec(),
            Some(&secret),
            422,
        ),
        ("nested deeply", deep.into_bytes(), Some(&secret), 400),
        ("no JSON", b"hello".to_vec(), Some(&secret), 400),
        ("no chat", b"{}".to_vec(), Some(&secret), 422),
    ];
    for (what, body, secret, expected) in cases {
        let mut request = front
            .http
            .post(&url)
            .header("content-type", "application/json")
            .body(body);
        if let Some(secret) = secret {
            request = request.header("x-webhook-secret", secret);
        }
        let (status, answer) = answered(request).await;
        assert_eq!(status.as_u16(), expected, "{what}: {answer}");
        assert_eq!(answer["success"], false, "{what}: {answer}");
    }
    // A signature of yesterday, or of another body.
    let signer = Signer::standard_webhooks(&front.stack.text("/senders/signing_secret")).unwrap();
    let yesterday = jiff::Timestamp::from_second(1_700_000_000).unwrap();
    for (what, at, signed) in [
        ("stale", yesterday, flat.as_bytes()),
        (
            "of another body",
            clock::Clock::now(&SystemClock),
            b"{}".as_slice(),
        ),
    ] {
        let mut request = front
            .http
            .post(&url)
            .header("content-type", "application/json");
        for (name, value) in signer.headers("d1", at, signed).unwrap() {
            request = request.header(name, value);
        }
        let (status, answer) = answered(request.body(flat.clone())).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{what}: {answer}");
    }
    let (status, _) = answered(front.http.get(front.url("/stats"))).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn events_of_zoho_desk_are_stored_and_a_closed_ticket_brings_a_survey() {
    let front = Front::new("desk-events").await;
    operate("infra/desk_webhook.py", &[]);

    let id = chat_id("closed");
    let mut chat = Chat::new(&id, jane("closed"));
    front.play(&SCENARIOS[2], &mut chat).await;
    let session = format!("/salesiq/session/{id}");
    let ticket = front
        .until(&session, |answer| {
            answer["session"]["ticket_id"].as_str().map(str::to_owned)
        })
        .await;
    let path = format!("/zoho/ticket/{ticket}/status");
    let (status, _) = front
        .call(Method::PATCH, &path, Some(json!({"status": "Closed"})))
        .await;
    assert_eq!(status, StatusCode::OK);

    // The survey's link stands in the mail, stars are given by its form.
    let email = "jane.closed@company.example";
    let survey = loop {
        let mails = front.mails("stars=5", 1).await;
        let own = mails.into_iter().find(|mail| mail["To"][0] == email);
        match own {
            Some(mail) => break mail["BodyText"].as_str().unwrap().to_owned(),
            None => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    };
    let link = survey
        .split_whitespace()
        .find(|word| word.contains("stars=5"))
        .unwrap();
    let path = &link[link.find("/survey").unwrap()..];
    let page = answered(front.http.get(front.url(path))).await;
    assert_eq!(page.0, StatusCode::OK, "{}", page.1);
    let token = path.split("token=").nth(1).unwrap();
    let token = token.split('&').next().unwrap();
    let form = front
        .http
        .post(front.url(&format!("/survey/{token}")))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("stars=5&comment=quick");
    let (status, thanks) = answered(form).await;
    assert!(status.is_success(), "{thanks}");

    let began = std::time::Instant::now();
    loop {
        let mut found = false;
        for key in front.stack.keys("desk_events/dt=").await {
            let stored = front.stack.object(&key).await.unwrap();
            found |= String::from_utf8(stored).unwrap().contains(&ticket);
        }
        if found {
            break;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "no event of ticket {ticket} was stored"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
