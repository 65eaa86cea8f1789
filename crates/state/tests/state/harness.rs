use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use clock::{Clock as _, ManualClock};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use simulators::aws::Aws;
use state::{
    Author, ChatId, Contact, Origin, Retention, Session, State, SystemEntropy, Table, TicketRecord,
    TicketState,
};

pub(crate) const TABLE: &str = "deskbridge-state";
pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(crate) struct Bench {
    pub(crate) aws: Aws,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) table: Table,
    pub(crate) state: State,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let aws = Aws::start().await.unwrap();
        aws.create_table(TABLE);
        let clock = Arc::new(ManualClock::at("2026-03-04T05:00:00Z".parse().unwrap()));
        let table = Table::new(client(&aws), TABLE, clock.clone());
        let state = State::new(&table, Retention::default(), Arc::new(SystemEntropy));
        Self {
            aws,
            clock,
            table,
            state,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn pass(&self, time: SignedDuration) {
        self.clock.advance(time);
    }

    /// Everything in the table, as text.
    pub(crate) fn everything(&self) -> String {
        serde_json::to_string(&self.aws.items(TABLE)).unwrap()
    }

    /// A stored chat with one message of the visitor for each text.
    pub(crate) async fn chat(&self, id: &str, texts: &[&str]) -> Session {
        let mut session = Session::new(chat(id), self.now());
        let messages: Vec<_> = texts
            .iter()
            .map(|text| session.message(Author::Visitor, *text, self.now()))
            .collect();
        self.state
            .sessions
            .commit(session, &messages, vec![])
            .await
            .unwrap()
    }

    pub(crate) async fn ticket(&self, record: TicketRecord) -> TicketRecord {
        self.state.tickets.save(record).await.unwrap()
    }
}

pub(crate) fn client(aws: &Aws) -> Client {
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(1));
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(aws.origin())
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .retry_config(retries)
        .build();
    Client::from_conf(config)
}

pub(crate) fn chat(id: &str) -> ChatId {
    ChatId::parse(id).unwrap()
}

pub(crate) fn due(id: &str, n: u32, workflow: &str, now: Timestamp) -> TicketRecord {
    let origin = Origin {
        source: "AceBuddy".to_owned(),
        workflow: workflow.to_owned(),
        title: "Password Reset".to_owned(),
        subject: "Password Reset - John Doe".to_owned(),
        priority: "Medium".to_owned(),
        category: "Account Management".to_owned(),
        answers: json!([{ "field": "username", "value": "john.doe", "validated": true }]),
        escalated: false,
        approval: None,
        contact: Contact {
            name: Some("John Doe".to_owned()),
            email: Some("john@company.example".to_owned()),
            phone: Some("555-1234".to_owned()),
        },
    };
    TicketRecord::due(chat(id), n, origin, now)
}

pub(crate) fn made(desk_id: &str, at: Timestamp) -> TicketState {
    TicketState::Made {
        id: desk_id.to_owned(),
        number: "1000001".to_owned(),
        web_url: None,
        made_at: at,
    }
}
