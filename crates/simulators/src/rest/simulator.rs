use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use clock::{Clock, SystemClock};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::auth::Secrets;
use super::faults::FaultRule;
use super::rows::Rows;
use super::server::{self, Received, State};

/// What the API is like.
#[derive(Debug, Clone)]
pub struct Options {
    /// Rows at the beginning.
    pub rows: u64,
    /// Groups that the rows are spread over.
    pub groups: u64,
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The clock that changes are dated by.
    pub clock: Arc<dyn Clock>,
    /// What callers must know.
    pub secrets: Secrets,
    /// Life of an access token, seconds.
    pub token_life_s: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rows: 250,
            groups: 4,
            port: 0,
            clock: Arc::new(SystemClock),
            secrets: Secrets::default(),
            token_life_s: 3600,
        }
    }
}

impl Options {
    /// An API of `rows` rows.
    pub fn with_rows(rows: u64) -> Self {
        Self {
            rows,
            ..Self::default()
        }
    }
}

/// A running API; it stops when dropped.
#[derive(Debug)]
pub struct Simulator {
    state: Arc<State>,
    server: JoinHandle<()>,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Simulator {
    /// Starts it on 127.0.0.1.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(State::new(options, origin));
        let router = Router::new()
            .fallback(server::answer)
            .with_state(state.clone());
        let server = tokio::spawn(async move {
            // Ends with its task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { state, server })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn origin(&self) -> &str {
        &self.state.origin
    }

    /// What callers must know.
    pub fn secrets(&self) -> &Secrets {
        &self.state.options.secrets
    }

    /// Id and text of each row.
    pub fn truth(&self) -> Vec<(u64, String)> {
        let inner = self.state.lock();
        let rows = inner.rows.all().map(|row| (row.id, inner.rows.json(row)));
        rows.collect()
    }

    /// Starts over with `rows` rows.
    pub fn reset(&self, rows: u64) {
        let options = &self.state.options;
        let fresh = Rows::fresh(rows, options.groups, options.clock.now());
        self.state.lock().rows = fresh;
    }

    /// Changes rows, all at one moment that is later than every change before.
    pub fn change(&self, ids: &[u64]) {
        let now = self.state.options.clock.now();
        self.state.lock().rows.change(ids, now);
    }

    /// Adds rows, and gives their ids.
    pub fn add(&self, count: u64) -> Vec<u64> {
        let now = self.state.options.clock.now();
        self.state.lock().rows.create(count, now)
    }

    /// Deletes rows.
    pub fn delete(&self, ids: &[u64]) {
        self.state.lock().rows.delete(ids);
    }

    /// Takes the last group away; its rows are in no list of a group any more.
    pub fn delete_last_group(&self) {
        self.state.lock().rows.remove_last_group();
    }

    /// Lets things go wrong.
    pub fn add_fault(&self, rule: FaultRule) {
        self.state.lock().faults.add(rule);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.state.lock().faults.clear();
    }

    /// Ends all access tokens that were given out.
    pub fn expire_tokens(&self) {
        self.state.lock().tokens.expire();
    }

    /// Ends the refresh token.
    pub fn revoke_refresh_token(&self) {
        self.state.lock().tokens.revoke(&self.state.options.secrets);
    }

    /// Tokens that were given out.
    pub fn tokens_issued(&self) -> u64 {
        self.state.lock().tokens.issued()
    }

    /// Requests for tokens that were refused.
    pub fn token_refusals(&self) -> u64 {
        self.state.lock().tokens.refusals
    }

    /// Requests that came in, but for the simulator's own pages.
    pub fn received(&self) -> Vec<Received> {
        self.state.lock().received.clone()
    }

    /// Waits until the server ends, which it does not by itself.
    pub async fn run(mut self) {
        let _ = (&mut self.server).await;
    }
}
