//! Brings events to webhooks.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures_util::future::join_all;
use reqwest::{Client, StatusCode, header, redirect};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{Deliveries, Delivery, Event, Hook, PATIENCE};
use crate::zoho::{dice::Dice, refusal::Refusal, state::State};

/// How long a lonely event that is to be overtaken waits for another.
const OVERTAKEN_WITHIN: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(20);
const TOKEN: &str = "X-ZDesk-JWT";

fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()
}

/// Calls a url that is to become a webhook's: a GET, failing that a POST, must be answered with
/// 200. Neither is signed.
pub(super) async fn validate(url: &str) -> Result<(), Refusal> {
    let http = client().map_err(|_| Refusal::internal())?;
    let post = http
        .post(url)
        .header(header::CONTENT_TYPE, "application/json")
        .body("[]");
    for call in [http.get(url), post] {
        let answer = call.send().await;
        if answer.is_ok_and(|answer| answer.status() == StatusCode::OK) {
            return Ok(());
        }
    }
    Err(Refusal::invalid_parameter("url"))
}

/// Delivers until the simulator is gone.
pub(in crate::zoho) async fn run(state: Arc<State>, mut events: UnboundedReceiver<Event>) {
    let Ok(http) = client() else {
        return;
    };
    let mut dice = Dice::new(state.options.seed, 900, 0);
    let mut waiting = VecDeque::new();
    while let Some(event) = events.recv().await {
        waiting.push_back(event);
        while !waiting.is_empty() {
            let settings = state.webhooks().deliveries.clone();
            if settings.paused {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            if strikes(&mut dice, settings.reorder) {
                if waiting.len() == 1 {
                    tokio::time::sleep(OVERTAKEN_WITHIN).await;
                }
                take_more(&mut events, &mut waiting);
                if waiting.len() > 1 {
                    waiting.swap(0, 1);
                }
            }
            take_more(&mut events, &mut waiting);
            let size = settings.batch.clamp(1, waiting.len());
            let batch: Vec<Event> = waiting.drain(..size).collect();
            tokio::time::sleep(Duration::from_millis(settings.delay_ms)).await;
            deliver(&http, &state, &batch, &settings).await;
            if strikes(&mut dice, settings.duplicate) {
                deliver(&http, &state, &batch, &settings).await;
            }
        }
    }
}

fn take_more(events: &mut UnboundedReceiver<Event>, waiting: &mut VecDeque<Event>) {
    while let Ok(event) = events.try_recv() {
        waiting.push_back(event);
    }
}

fn strikes(dice: &mut Dice, chance: f64) -> bool {
    let roll = dice.below(1 << 32) as f64 / (1_u64 << 32) as f64;
    roll < chance
}

async fn deliver(http: &Client, state: &State, batch: &[Event], settings: &Deliveries) {
    let hooks: Vec<Hook> = state.webhooks().hooks.clone();
    let calls = hooks.iter().map(|hook| async {
        let delivery = post(http, state, hook, batch, settings).await?;
        let mut webhooks = state.webhooks();
        if delivery.status == Some(StatusCode::GONE.as_u16()) {
            webhooks.cancel(hook.id);
        }
        webhooks.log.push(delivery);
        Some(())
    });
    join_all(calls).await;
}

/// `None` if the webhook wants none of the events.
async fn post(
    http: &Client,
    state: &State,
    hook: &Hook,
    batch: &[Event],
    settings: &Deliveries,
) -> Option<Delivery> {
    let org_id = &state.options.org_id;
    let (types, items): (Vec<String>, Vec<String>) = batch
        .iter()
        .filter_map(|event| {
            let item = event.as_seen_by(hook, org_id)?;
            Some((event.name.to_owned(), item))
        })
        .unzip();
    if items.is_empty() {
        return None;
    }
    let now_ms = state.now_ms();
    let token = state
        .keys
        .token(org_id, hook.id, now_ms, settings.times_in_ms);
    let answer = http
        .post(&hook.url)
        .header(header::CONTENT_TYPE, "application/json;charset=UTF-8")
        .header(TOKEN, token)
        .body(format!("[{}]", items.join(",")))
        .send()
        .await;
    Some(Delivery {
        webhook_id: hook.id.to_string(),
        events: types,
        status: answer.ok().map(|answer| answer.status().as_u16()),
    })
}
