//! A table, a Zoho Desk, queues, and the service between them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use clock::{Clock, ManualClock, SystemClock};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use simulators::aws::Aws;
use simulators::zoho::{Options, Simulator};
use state::{ChatId, State, SystemEntropy, Table, TicketRecord};
use ticketing::{
    Actor, Authentication, Conversations, DeskFuture, Desks, Figures, Job, NotificationJob,
    Notifications, Outbox, OutboxFuture, Parts, People, Prepared, Settings, TicketJob, Tickets,
    Viewer, Worked,
};
use tokio::time::Instant;
use vendor_http::{
    AccessToken, Answer, Call, Client, Deadline, Origin, TokenError, TokenErrorKind, TokenFuture,
    TokenSource, Vendor, Verdict,
};
use webhook::salesiq::{Delivery, Reply};
use zoho_desk::Desk;

pub(crate) const TABLE: &str = "deskbridge-state";
/// How long Desk may still do what it did not answer; half a minute in earnest.
pub(crate) const SETTLE: Duration = Duration::from_millis(400);
/// What SalesIQ waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Delays of the queues are so much shorter here.
const HURRY: u32 = 40;

/// A clock that shows the real time and can be put forward.
#[derive(Debug)]
pub(crate) struct Skipping(ManualClock);

impl Skipping {
    pub(crate) fn skip(&self, by: SignedDuration) {
        self.0.advance(by);
    }
}

impl Clock for Skipping {
    fn now(&self) -> Timestamp {
        let skipped = self.0.now().duration_since(Timestamp::UNIX_EPOCH);
        SystemClock.now().saturating_add(skipped).unwrap()
    }
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) aws: Arc<Aws>,
    pub(crate) zoho: Arc<Simulator>,
    pub(crate) clock: Arc<Skipping>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) state: State,
    pub(crate) conversations: Conversations,
    pub(crate) tickets: Tickets,
    pub(crate) notifications: Notifications,
    pub(crate) people: People,
    pub(crate) figures: Figures,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}, json!({})).await
    }

    /// `more` are further settings.
    pub(crate) async fn with(options: impl FnOnce(&mut Options), more: Value) -> Self {
        let clock = Arc::new(Skipping(ManualClock::at(Timestamp::UNIX_EPOCH)));
        let mut portal = Options::with_tickets(50);
        options(&mut portal);
        let zoho = Arc::new(Simulator::start(portal).await.unwrap());
        let aws = Arc::new(Aws::start().await.unwrap());
        aws.create_table(TABLE);
        let table = Table::new(dynamodb(&aws), TABLE, clock.clone() as Arc<dyn Clock>);
        let mut file = json!({
            "department_id": zoho.ids("departments", 1)[0],
            "default_assignee": zoho.ids("agents", 1)[0],
            "ticket_source": "SalesIQ",
            "custom_fields": {"automation_source": "AceBuddy"},
            "from_email": "Support <support@company.com>",
            "support_email": "team@company.com",
            "poc_email": "poc@company.com",
            "public_url": "https://support.company.com",
        });
        for (key, value) in more.as_object().unwrap() {
            file[key] = value.clone();
        }
        let mut settings = Settings::parse(&file.to_string()).unwrap();
        settings.settle_after = SETTLE;
        let state = State::new(&table, settings.retention(), Arc::new(SystemEntropy));
        let queue = Arc::new(Queue::default());
        let parts = Arc::new(Parts {
            state: state.clone(),
            catalogue: chat::Catalogue::built_in(),
            settings,
            desks: Arc::new(Portal::of(&zoho)),
            outbox: queue.clone(),
            templates: notify::Templates::built_in().unwrap(),
            clock: clock.clone(),
        });
        Self {
            aws,
            zoho,
            clock,
            queue,
            state,
            conversations: Conversations::new(parts.clone()),
            tickets: Tickets::new(parts.clone()),
            notifications: Notifications::new(parts.clone()),
            people: People::new(parts.clone()),
            figures: Figures::new(parts),
        }
    }

    /// One delivery in the flat format.
    pub(crate) async fn deliver(&self, delivery: &Delivery) -> Result<Reply, ticketing::Error> {
        self.conversations
            .deliver(delivery, Authentication::Authenticated, PATIENCE)
            .await
    }

    /// John says something in chat `chat`.
    pub(crate) async fn say(&self, chat: &str, text: &str) -> Reply {
        self.deliver(&flat(chat, text, &json!({}))).await.unwrap()
    }

    /// Says one thing after the other and gives the last answer.
    pub(crate) async fn talk(&self, chat: &str, texts: &[&str]) -> Reply {
        let mut reply = None;
        for text in texts {
            reply = Some(self.say(chat, text).await);
        }
        reply.unwrap()
    }

    /// Works the queue of tickets off, with all its delays.
    pub(crate) async fn drain(&self) {
        while !self.queue.is_idle() {
            match self.queue.next_ticket() {
                Some(job) => self.work(job).await,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    /// What the worker does with one message.
    pub(crate) async fn work(&self, job: TicketJob) {
        let deadline = Deadline::after(Duration::from_secs(20));
        let worked = self.tickets.work(&job, deadline).await;
        let again = match worked {
            Ok(worked) => worked == Worked::Again,
            Err(error) => {
                eprintln!("a job comes again: {error}");
                true
            }
        };
        if again {
            self.queue.put(job, Duration::from_millis(250));
        }
    }

    /// Sends all queued mails; gives what was sent, by chat and kind.
    pub(crate) async fn mails(&self) -> Vec<Sent> {
        let mut sent = Vec::new();
        for job in self.queue.take_notifications() {
            if let Prepared::Send { envelopes, mail } =
                self.notifications.prepare(&job).await.unwrap()
            {
                self.notifications.mark_sent(&job).await.unwrap();
                for envelope in envelopes {
                    sent.push(Sent {
                        job: job.clone(),
                        to: envelope.to.as_str().to_owned(),
                        subject: mail.subject.as_str().to_owned(),
                        text: mail.text.clone(),
                    });
                }
            }
        }
        sent
    }

    /// The tickets in Desk that came from this chat.
    pub(crate) fn desk_tickets(&self, chat: &str) -> Vec<Value> {
        let mut tickets = self.zoho.written_tickets();
        tickets.retain(|ticket| ticket["cf"]["cf_salesiq_chat_id"] == chat);
        tickets
    }

    pub(crate) fn tickets_by_chat(&self) -> HashMap<String, Vec<Value>> {
        let mut by_chat: HashMap<String, Vec<Value>> = HashMap::new();
        for ticket in self.zoho.written_tickets() {
            if let Some(chat) = ticket["cf"]["cf_salesiq_chat_id"].as_str() {
                by_chat.entry(chat.to_owned()).or_default().push(ticket);
            }
        }
        by_chat
    }

    pub(crate) async fn records(&self, chat: &str) -> Vec<TicketRecord> {
        let chat = ChatId::parse(chat).unwrap();
        self.state.tickets.of_chat(&chat).await.unwrap()
    }

    /// What was said, in order.
    pub(crate) async fn history(&self, chat: &str) -> Vec<String> {
        let chat = ChatId::parse(chat).unwrap();
        let messages = self.state.sessions.all_messages(&chat).await.unwrap();
        messages.into_iter().map(|message| message.text).collect()
    }

    /// Everything in the table, as text.
    pub(crate) fn everything(&self) -> String {
        serde_json::to_string(&self.aws.items(TABLE)).unwrap()
    }
}

/// A mail that went out.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) job: NotificationJob,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

pub(crate) fn staff() -> Viewer {
    Viewer::Staff(Actor::Client("key1".to_owned()))
}

pub(crate) fn client() -> Actor {
    Actor::Client("key1".to_owned())
}

/// The comments of a ticket as one text.
pub(crate) fn comments(ticket: &Value) -> String {
    let comments = ticket["comments"].as_array().unwrap();
    let contents = comments
        .iter()
        .map(|comment| comment["content"].as_str().unwrap());
    contents.collect::<Vec<_>>().join("\n")
}

/// The requirement's payload, through the parser.
pub(crate) fn flat(chat: &str, text: &str, more: &Value) -> Delivery {
    let mut body = json!({
        "chat_id": chat,
        "visitor_id": "visitor_456",
        "visitor_email": "john@company.com",
        "visitor_name": "John Doe",
        "visitor_phone": "555-1234",
        "message": text,
    });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    webhook::salesiq::parse(body.to_string().as_bytes()).unwrap()
}

fn dynamodb(aws: &Aws) -> aws_sdk_dynamodb::Client {
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
    aws_sdk_dynamodb::Client::from_conf(config)
}

/// The queues. A message taken is gone; who cannot finish it puts it back.
#[derive(Debug, Default)]
pub(crate) struct Queue(Mutex<Queued>);

#[derive(Debug, Default)]
struct Queued {
    tickets: BTreeMap<(Instant, u64), TicketJob>,
    notifications: Vec<NotificationJob>,
    count: u64,
    in_work: usize,
}

impl Queue {
    pub(crate) fn put(&self, job: TicketJob, delay: Duration) {
        let mut queued = self.0.lock().unwrap();
        queued.count += 1;
        let key = (Instant::now() + delay, queued.count);
        queued.tickets.insert(key, job);
    }

    pub(crate) fn next_ticket(&self) -> Option<TicketJob> {
        let mut queued = self.0.lock().unwrap();
        let (&key, _) = queued.tickets.first_key_value()?;
        if key.0 > Instant::now() {
            return None;
        }
        queued.tickets.remove(&key)
    }

    pub(crate) fn is_idle(&self) -> bool {
        let queued = self.0.lock().unwrap();
        queued.tickets.is_empty() && queued.in_work == 0
    }

    /// Takes a message and counts it as in work until [`Queue::worked`].
    pub(crate) fn begin(&self) -> Option<TicketJob> {
        let job = self.next_ticket()?;
        self.0.lock().unwrap().in_work += 1;
        Some(job)
    }

    pub(crate) fn worked(&self) {
        self.0.lock().unwrap().in_work -= 1;
    }

    pub(crate) fn forget_tickets(&self) -> Vec<TicketJob> {
        let mut queued = self.0.lock().unwrap();
        std::mem::take(&mut queued.tickets).into_values().collect()
    }

    pub(crate) fn take_notifications(&self) -> Vec<NotificationJob> {
        std::mem::take(&mut self.0.lock().unwrap().notifications)
    }
}

impl Outbox for Queue {
    fn send<'a>(&'a self, job: &'a Job, delay: Duration) -> OutboxFuture<'a> {
        Box::pin(async move {
            // A queue takes its time, so that futures can be dropped here, too.
            tokio::time::sleep(Duration::from_millis(1)).await;
            match job {
                Job::Ticket(job) => self.put(job.clone(), delay / HURRY),
                Job::Notification(job) => {
                    self.0.lock().unwrap().notifications.push(job.clone());
                }
            }
            Ok(())
        })
    }
}

/// The way to the simulated portal.
#[derive(Debug)]
struct Portal {
    http: Client,
    tokens: Arc<Minter>,
    origin: Origin,
    org: String,
}

impl Portal {
    fn of(zoho: &Simulator) -> Self {
        let settings = vendor_http::Settings {
            max_concurrency: 20,
            backoff_base: Duration::from_millis(20),
            ..vendor_http::Settings::default()
        };
        Self {
            http: Client::new(settings).unwrap(),
            tokens: Arc::new(Minter::of(zoho)),
            origin: zoho.origin().parse().unwrap(),
            org: zoho.options().org_id.clone(),
        }
    }
}

impl Desks for Portal {
    fn desk(&self, deadline: Deadline) -> DeskFuture<'_> {
        let tokens = Arc::clone(&self.tokens) as Arc<dyn TokenSource>;
        let (http, origin) = (self.http.clone(), self.origin.clone());
        let org = self.org.parse().unwrap();
        Box::pin(async move { Ok(Desk::new(http, tokens, origin, org, deadline)) })
    }

    fn org_id(&self) -> String {
        self.org.clone()
    }
}

/// One access token for all.
#[derive(Debug)]
struct Minter {
    http: Client,
    origin: Origin,
    form: [(&'static str, String); 4],
    current: tokio::sync::Mutex<Option<AccessToken>>,
}

#[derive(Debug)]
struct Accounts;

impl Vendor for Accounts {
    fn judge(&self, _: &Answer) -> Verdict {
        Verdict::Accept
    }
}

impl Minter {
    fn of(zoho: &Simulator) -> Self {
        let options = zoho.options();
        Self {
            http: Client::new(vendor_http::Settings::default()).unwrap(),
            origin: zoho.origin().parse().unwrap(),
            form: [
                ("grant_type", "refresh_token".to_owned()),
                ("refresh_token", zoho.issue_refresh_token()),
                ("client_id", options.client_id.clone()),
                ("client_secret", options.client_secret.clone()),
            ],
            current: tokio::sync::Mutex::default(),
        }
    }

    async fn other_than(
        &self,
        rejected: Option<&AccessToken>,
        deadline: Deadline,
    ) -> Result<AccessToken, TokenError> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| Some(*token) != rejected) {
            return Ok(token.clone());
        }
        let fields = self.form.clone().map(|(name, value)| (name, value.into()));
        let call = Call::post_form(self.origin.at("/oauth/v2/token"), fields);
        let answer = self.http.send(&call, &Accounts, deadline).await;
        let answer = answer.map_err(|error| TokenError {
            kind: TokenErrorKind::Unavailable,
            message: error.to_string(),
        })?;
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        let token = AccessToken::new(answer["access_token"].as_str().unwrap());
        *current = Some(token.clone());
        Ok(token)
    }
}

impl TokenSource for Minter {
    fn token(&self, deadline: Deadline) -> TokenFuture<'_> {
        Box::pin(self.other_than(None, deadline))
    }

    fn replace<'a>(&'a self, rejected: &'a AccessToken, deadline: Deadline) -> TokenFuture<'a> {
        Box::pin(self.other_than(Some(rejected), deadline))
    }
}
