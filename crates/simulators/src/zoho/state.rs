//! What all connections of one simulator share.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::mpsc::UnboundedSender, time::Instant};

use super::{
    account::{Account, Change, Entity, Mutation},
    dice::Dice,
    faults::{Fault, Faults},
    limits::{Concurrency, Credits},
    oauth::TokenServer,
    options::Options,
    stats::Stats,
    webhooks::{Event, Keys, Webhooks},
    writes,
};

#[derive(Debug)]
pub(super) struct State {
    pub(super) options: Options,
    pub(super) concurrency: Concurrency,
    pub(super) credits: Credits,
    account: RwLock<Account>,
    tokens: Mutex<TokenServer>,
    faults: Mutex<Faults>,
    stats: Mutex<Stats>,
    /// Where the seconds of the statistics begin.
    counting_since: Mutex<Instant>,
    search_lag_ms: AtomicU64,
    changes: Mutex<Dice>,
    pub(super) keys: Keys,
    webhooks: Mutex<Webhooks>,
    events: UnboundedSender<Event>,
}

impl State {
    /// `events` is where changes are told.
    pub(super) fn new(options: Options, events: UnboundedSender<Event>) -> Arc<Self> {
        let now = options.now.unwrap_or_else(|| options.clock.now());
        let agents = options.size.agents.max(1);
        let edition = options.edition;
        let limit = options.concurrency.unwrap_or(edition.concurrency());
        let pool = options
            .daily_credits
            .unwrap_or(edition.daily_credits(agents));
        let account = Account::generate(options.seed, &options.org_id, options.size.clone(), now)
            .with_custom_fields(&options.custom_fields);
        Arc::new(Self {
            concurrency: Concurrency::new(limit),
            credits: Credits::new(pool),
            account: RwLock::new(account),
            tokens: Mutex::new(TokenServer::new(&options)),
            faults: Mutex::new(Faults::new(options.seed)),
            stats: Mutex::default(),
            counting_since: Mutex::new(Instant::now()),
            search_lag_ms: AtomicU64::new(millis(options.search_lag)),
            changes: Mutex::new(Dice::new(options.seed, 700, 0)),
            keys: Keys::default(),
            webhooks: Mutex::default(),
            events,
            options,
        })
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.options.clock.now().as_millisecond()
    }

    /// Waits as long as every vendor request takes at least.
    pub(super) async fn linger(&self) {
        let latency = self.options.latency;
        // Even a sleep of no length costs a tick of the timer.
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
    }

    pub(super) fn account(&self) -> RwLockReadGuard<'_, Account> {
        self.account.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn account_mut(&self) -> RwLockWriteGuard<'_, Account> {
        self.account.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn webhooks(&self) -> MutexGuard<'_, Webhooks> {
        lock(&self.webhooks)
    }

    /// Tells the webhooks.
    pub(super) fn publish(&self, event: Event) {
        if self.webhooks().is_listening() {
            // Nobody delivers when the simulator is about to stop.
            let _ = self.events.send(event);
        }
    }

    pub(super) fn tokens(&self) -> MutexGuard<'_, TokenServer> {
        lock(&self.tokens)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(super) fn strike(&self, route: &str) -> Option<Fault> {
        self.faults().strike(route)
    }

    pub(super) fn set_search_lag(&self, lag: Duration) {
        self.search_lag_ms.store(millis(lag), Ordering::Relaxed);
    }

    /// Rows changed after this, epoch ms, are not in the search index yet.
    pub(super) fn indexed_until(&self) -> i64 {
        match self.search_lag_ms.load(Ordering::Relaxed) {
            0 => i64::MAX,
            lag => self.now_ms().saturating_sub_unsigned(lag),
        }
    }

    /// Counts one answer of the Desk API.
    pub(super) fn count_answer(&self, crowded: bool) {
        let second = lock(&self.counting_since).elapsed().as_secs() as usize;
        self.count(|stats| stats.count_answer(second, crowded));
    }

    pub(super) fn count(&self, update: impl FnOnce(&mut Stats)) {
        update(&mut lock(&self.stats));
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            max_concurrency: self.concurrency.most_seen(),
            credits: self.credits.spent(),
            ..lock(&self.stats).clone()
        }
    }

    pub(super) fn reset_stats(&self) {
        *lock(&self.stats) = Stats::default();
        *lock(&self.counting_since) = Instant::now();
        self.concurrency.forget();
        self.credits.forget();
    }

    pub(super) fn mutate(&self, mutation: &Mutation) -> Vec<String> {
        let at_ms = self.now_ms();
        let mut account = self.account_mut();
        let is_heard = mutation.entity == Entity::Tickets && self.webhooks().is_listening();
        let tickets = |account: &Account, ids: &[String]| -> Vec<u32> {
            let ids = ids.iter().filter_map(|id| id.parse().ok());
            ids.filter_map(|id| account.tickets().find(id)).collect()
        };
        if is_heard && mutation.change == Change::Delete {
            // What an event tells must be read while the row is there.
            let mut picked = mutation.clone();
            picked.ids = account.pick(mutation, &mut lock(&self.changes));
            for row in tickets(&account, &picked.ids) {
                self.publish(writes::deleted_event(&account, row, at_ms));
            }
            return account.apply(&picked, at_ms, &mut lock(&self.changes));
        }
        let ids = account.apply(mutation, at_ms, &mut lock(&self.changes));
        if is_heard {
            let event_type = match mutation.change {
                Change::Create => "Ticket_Add",
                Change::Modify | Change::Delete => "Ticket_Update",
            };
            for row in tickets(&account, &ids) {
                self.publish(writes::ticket_event(&account, event_type, row, at_ms));
            }
        }
        ids
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
