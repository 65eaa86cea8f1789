//! A simulated portal and a client of it.

use std::sync::Arc;

use clock::ManualClock;
use serde_json::{Value, value::RawValue};
use simulators::zoho::{Options, Simulator};

pub(crate) const NOW: &str = "2026-02-01T10:30:00Z";

pub(crate) struct Portal {
    pub(crate) simulator: Simulator,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) http: reqwest::Client,
    pub(crate) token: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["errorCode"].as_str().unwrap_or("").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<u64> {
        self.headers.get(name)?.to_str().ok()?.parse().ok()
    }

    pub(crate) fn rows(&self) -> Vec<String> {
        #[derive(serde::Deserialize)]
        struct Page {
            data: Vec<Box<RawValue>>,
        }
        if self.status == 204 {
            return Vec::new();
        }
        let page: Page = serde_json::from_str(&self.body).unwrap();
        page.data.iter().map(|row| row.get().to_owned()).collect()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.rows().iter().map(|row| field(row, "id")).collect()
    }
}

pub(crate) fn field(row: &str, name: &str) -> String {
    let row: Value = serde_json::from_str(row).unwrap();
    row[name].as_str().unwrap_or("").to_owned()
}

pub(crate) async fn read(mut response: reqwest::Response) -> Result<Answer, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: String::from_utf8(body).unwrap(),
    })
}

impl Portal {
    pub(crate) async fn open(options: Options) -> Self {
        let clock = Arc::new(ManualClock::at(NOW.parse().unwrap()));
        let options = Options {
            clock: clock.clone(),
            ..options
        };
        Self::of(options, clock).await
    }

    /// `clock` is what moves the clock of `options`.
    pub(crate) async fn of(options: Options, clock: Arc<ManualClock>) -> Self {
        let simulator = Simulator::start(options).await.unwrap();
        let mut portal = Self {
            simulator,
            clock,
            http: reqwest::Client::new(),
            token: String::new(),
        };
        let refresh_token = portal.simulator.issue_refresh_token();
        let answer = portal.refresh(&refresh_token).await;
        portal
            .token
            .push_str(answer["access_token"].as_str().unwrap());
        portal.simulator.reset_stats();
        portal
    }

    pub(crate) async fn with_tickets(tickets: u32) -> Self {
        Self::open(Options::with_tickets(tickets)).await
    }

    pub(crate) fn request(&self, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/api/v1/{path}", self.simulator.origin());
        self.http.get(url)
    }

    pub(crate) async fn try_get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        let request = self
            .request(path)
            .header("authorization", format!("Zoho-oauthtoken {}", self.token))
            .header("orgId", "700000001");
        read(request.send().await?).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.try_get(path).await.unwrap()
    }

    pub(crate) async fn mint(&self, pairs: &[(&str, &str)]) -> Value {
        let url = format!("{}/oauth/v2/token", self.simulator.origin());
        let response = self.http.post(url).form(pairs).send().await.unwrap();
        let answer = read(response).await.unwrap();
        assert_eq!(
            answer.status, 200,
            "token errors come as 200: {}",
            answer.body
        );
        answer.json()
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Value {
        self.mint(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("client_id", "1000.SIMCLIENT"),
            ("client_secret", "sim-client-secret"),
        ])
        .await
    }

    pub(crate) async fn exchange(&self, code: &str) -> Value {
        self.mint(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("client_id", "1000.SIMCLIENT"),
            ("client_secret", "sim-client-secret"),
        ])
        .await
    }

    /// Walks a list until a short page; `path` has its query already.
    pub(crate) async fn walk(&self, path: &str, limit: usize) -> Vec<String> {
        let mut rows = Vec::new();
        loop {
            let answer = self
                .get(&format!("{path}&limit={limit}&from={}", rows.len()))
                .await;
            assert!(matches!(answer.status, 200 | 204), "{answer:?}");
            let page = answer.rows();
            let short = page.len() < limit;
            rows.extend(page);
            if short {
                return rows;
            }
        }
    }

    pub(crate) fn truth(&self, report: &str, query: &str) -> Vec<String> {
        let rows = self.simulator.truth(report, query).unwrap();
        sorted(rows.into_iter().map(|row| row.row).collect())
    }
}

pub(crate) fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}
