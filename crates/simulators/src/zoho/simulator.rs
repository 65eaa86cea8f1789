use std::{io, net::Ipv4Addr, sync::Arc, time::Duration};

use axum::Router;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::AbortHandle,
};

use super::{
    account::Mutation,
    admin,
    faults::FaultRule,
    options::Options,
    server,
    socket::{Cut, Sockets},
    state::State,
    stats::Stats,
    truth::{self, Scope, TruthRow},
    webhooks::{self, Deliveries, Delivery},
};

/// A running portal and its accounts server. It stops when dropped.
#[derive(Debug)]
pub struct Simulator {
    state: Arc<State>,
    origin: String,
    _stop: oneshot::Sender<()>,
    _delivering: Ended,
}

/// A task that ends with what holds it.
#[derive(Debug)]
struct Ended(AbortHandle);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Simulator {
    /// Generates the portal and listens on 127.0.0.1.
    ///
    /// Fails if the port is taken.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let (events, told) = mpsc::unbounded_channel();
        let generated = tokio::task::spawn_blocking(move || State::new(options, events)).await;
        let state = generated.map_err(io::Error::other)?;
        let router = Router::new()
            .fallback(server::answer)
            .with_state(Arc::clone(&state));
        let (stop, stopped) = oneshot::channel();
        let service = router.into_make_service_with_connect_info::<Cut>();
        let sockets = Sockets {
            listener,
            state: Arc::clone(&state),
        };
        let serving = axum::serve(sockets, service).with_graceful_shutdown(async {
            // The sender is dropped, never used.
            let _ = stopped.await;
        });
        tokio::spawn(serving.into_future());
        let delivering = tokio::spawn(webhooks::run(Arc::clone(&state), told));
        Ok(Self {
            state,
            origin,
            _stop: stop,
            _delivering: Ended(delivering.abort_handle()),
        })
    }

    /// `http://127.0.0.1:PORT`, both as the accounts server and as the Desk server.
    pub fn origin(&self) -> String {
        self.origin.clone()
    }

    /// How it was set up.
    pub fn options(&self) -> &Options {
        &self.state.options
    }

    /// What it has been asked since the start or the last [`Simulator::reset_stats`].
    pub fn stats(&self) -> Stats {
        self.state.stats()
    }

    /// Starts counting again. Credits already spent stay spent.
    pub fn reset_stats(&self) {
        self.state.reset_stats();
    }

    /// Switches a fault on.
    pub fn add_fault(&self, rule: FaultRule) {
        self.state.faults().add(rule);
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.state.faults().clear();
    }

    /// From now on this many requests may be in flight; those that are stay.
    pub fn set_concurrency(&self, limit: usize) {
        self.state.concurrency.set_limit(limit);
    }

    /// From now on search finds rows this long after they changed; see [`Options::search_lag`].
    pub fn set_search_lag(&self, lag: Duration) {
        self.state.set_search_lag(lag);
    }

    /// From now on every access token handed out so far is `INVALID_OAUTH`.
    pub fn expire_access_tokens(&self) {
        self.state.tokens().expire_access_tokens();
    }

    /// Kills every refresh token and its access tokens.
    pub fn revoke_refresh_tokens(&self) {
        self.state.tokens().revoke_all_refresh_tokens();
    }

    /// Takes a scope such as `Desk.tickets.READ` away from all tokens, the `ALL` of its module too.
    pub fn drop_scope(&self, scope: &str) {
        self.state.tokens().drop_scope(scope);
    }

    /// Gives all tokens a scope.
    pub fn grant_scope(&self, scope: &str) {
        self.state.tokens().add_scope(scope);
    }

    /// A fresh grant code, good once within [`Options::code_lifetime`].
    pub fn issue_code(&self) -> String {
        let now_ms = self.state.now_ms();
        self.state.tokens().issue_code(now_ms)
    }

    /// A refresh token as if a code had been exchanged earlier.
    pub fn issue_refresh_token(&self) -> String {
        self.state.tokens().issue_refresh_token()
    }

    /// Changes the portal's data now and returns the ids of the rows it touched.
    pub fn mutate(&self, mutation: &Mutation) -> Vec<String> {
        self.state.mutate(mutation)
    }

    /// Tickets that were made, changed or commented on through the API, oldest first: as
    /// `GET /tickets/{id}` shows them, with `comments`, an array of theirs, oldest first.
    pub fn written_tickets(&self) -> Vec<Value> {
        admin::written_tickets(&self.state.account())
    }

    /// Contacts that were made through the API, oldest first.
    pub fn written_contacts(&self) -> Vec<Value> {
        admin::written_contacts(&self.state.account())
    }

    /// From now on events are delivered like this.
    pub fn set_deliveries(&self, deliveries: Deliveries) {
        self.state.webhooks().deliveries = deliveries;
    }

    /// What was delivered to webhooks so far, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state.webhooks().log.clone()
    }

    /// From now on another key signs deliveries; the one before stays in the key set, older ones
    /// do not.
    pub fn rotate_webhook_key(&self) {
        self.state.keys.rotate();
    }

    /// The first `count` ids of `tickets`, `contacts`, `accounts`, `calls`, `agents` or
    /// `departments`; empty for another kind.
    pub fn ids(&self, kind: &str, count: usize) -> Vec<String> {
        admin::ids(&self.state.account(), kind, count).unwrap_or_default()
    }

    /// The rows that a complete report must contain, in no promised order; `None` if no report
    /// has this name. `query` is that of `GET /_sim/truth/{report}`.
    pub fn truth(&self, report: &str, query: &str) -> Option<Vec<TruthRow>> {
        let account = self.state.account();
        let items = truth::items(&account, report, Scope::parse(query))?;
        let rows = items
            .into_iter()
            .flat_map(|item| truth::rows(&account, item));
        Some(rows.collect())
    }
}
