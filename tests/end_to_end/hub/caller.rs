//! A tenant's program that calls the hub.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stack::{Stack, operate};

/// A schedule of a minute may wait for most of two.
pub(super) const PATIENCE: Duration = Duration::from_mins(4);

pub(super) struct Hub {
    pub(super) stack: Stack,
    pub(super) tenant: String,
    pub(super) key: String,
    http: reqwest::Client,
}

/// A run that has ended, or not in time.
pub(super) fn ended(run: &Value) -> bool {
    matches!(run["status"].as_str(), Some("succeeded" | "failed"))
}

/// Issues a key of `tenant` as an operator does.
pub(super) fn tenant_key(tenant: &str, scopes: &str) -> String {
    let key = [
        "--name",
        "end-to-end",
        "--scopes",
        scopes,
        "--tenant",
        tenant,
    ];
    operate("infra/api_key.py", &key)
}

impl Hub {
    pub(super) async fn of(tenant: &str) -> Self {
        Self {
            stack: Stack::of_environment().await,
            tenant: tenant.to_owned(),
            key: tenant_key(tenant, "read,write,admin"),
            http: reqwest::Client::new(),
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/api/integrations{path}", self.stack.text("/http_api"))
    }

    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        self.call_as(&self.key, method, path, body).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "our own API on the local stack answers"
    )]
    pub(super) async fn call_as(
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
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status, value)
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        self.expect(Method::GET, path, None, StatusCode::OK).await
    }

    pub(super) async fn expect(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        expected: StatusCode,
    ) -> Value {
        let (status, answer) = self.call(method, path, body).await;
        assert_eq!(status, expected, "{path}: {answer}");
        answer
    }

    /// Creates an integration and gives its id.
    pub(super) async fn create(&self, body: &Value) -> u64 {
        let made = self
            .expect(Method::POST, "", Some(body.clone()), StatusCode::CREATED)
            .await;
        made["id"]
            .as_u64()
            .unwrap_or_else(|| panic!("no id: {made}"))
    }

    /// What the integration's test says, however long it takes.
    pub(super) async fn test(&self, id: u64) -> Value {
        let (status, answer) = self.call(Method::POST, &format!("/{id}/test"), None).await;
        if status == StatusCode::ACCEPTED {
            let run = answer["run"]["id"].as_str().unwrap();
            return self.finished(id, run).await["result"].clone();
        }
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// Syncs by hand and gives the run, which must have succeeded.
    pub(super) async fn sync(&self, id: u64, body: Value) -> Value {
        let run = self.sync_however(id, body).await;
        assert_eq!(run["status"], "succeeded", "{run}");
        run
    }

    /// Syncs by hand, whatever comes of it. A scheduled run that is under way goes first.
    pub(super) async fn sync_however(&self, id: u64, body: Value) -> Value {
        let began = Instant::now();
        loop {
            let (status, answer) = self
                .call(Method::POST, &format!("/{id}/sync"), Some(body.clone()))
                .await;
            if status == StatusCode::CONFLICT && began.elapsed() < PATIENCE {
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
            assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
            let run = answer["run"]["id"].as_str().unwrap();
            return self.finished(id, run).await;
        }
    }

    pub(super) async fn finished(&self, id: u64, run: &str) -> Value {
        self.until(&format!("/{id}/runs/{run}"), |run| {
            ended(run).then(|| run.clone())
        })
        .await
    }

    /// Asks until `found` finds something.
    pub(super) async fn until<T>(&self, path: &str, found: impl Fn(&Value) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            let answer = self.get(path).await;
            if let Some(found) = found(&answer) {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{path}: {answer}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// All records of a stream, page by page.
    pub(super) async fn records(&self, id: u64, stream: &str, deleted: bool) -> Vec<Value> {
        let mut records = Vec::new();
        let mut cursor = String::new();
        loop {
            let path =
                format!("/{id}/data?dataType={stream}&limit=100&includeDeleted={deleted}{cursor}");
            let page = self.get(&path).await;
            records.extend(page["data"].as_array().unwrap().iter().cloned());
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return records,
            }
        }
    }

    /// Deletes an integration with its data, and waits until it is gone.
    pub(super) async fn delete(&self, id: u64) {
        let path = format!("/{id}?data=delete");
        self.expect(Method::DELETE, &path, None, StatusCode::ACCEPTED)
            .await;
        self.gone(id).await;
    }

    pub(super) async fn gone(&self, id: u64) {
        let began = Instant::now();
        loop {
            let (status, answer) = self.call(Method::GET, &format!("/{id}"), None).await;
            if status == StatusCode::NOT_FOUND {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{id} stays: {answer}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Everything that the tenant's integration has outside the table: secret, schedule, objects.
    pub(super) async fn left_of(&self, id: u64) -> Vec<String> {
        let mut left = Vec::new();
        let secret = format!("integrations/{}/{id}", self.tenant);
        let mut pages = self.stack.secrets.list_secrets().into_paginator().send();
        while let Some(page) = pages.next().await {
            let names = page.unwrap();
            let names = names.secret_list().iter().filter_map(|entry| entry.name());
            left.extend(
                names
                    .filter(|name| name.ends_with(&secret))
                    .map(str::to_owned),
            );
        }
        let schedules = self.stack.scheduler.list_schedules().send().await.unwrap();
        let schedule = format!("{}-{id}", self.tenant);
        let names = schedules
            .schedules()
            .iter()
            .filter_map(|entry| entry.name());
        left.extend(names.filter(|name| *name == schedule).map(str::to_owned));
        let root = format!("integrations/tenant={}/integration={id}/", self.tenant);
        left.extend(self.stack.keys(&root).await);
        left
    }
}

/// A body that creates an integration which is synced every minute.
pub(super) fn every_minute(mut body: Value) -> Value {
    body["syncInterval"] = json!(1);
    body
}
