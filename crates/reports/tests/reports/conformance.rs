//! What every source must do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::{Error, Source};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use serde_json::value::RawValue;
use simulators::conformance::{Account, Behaviour, Mishap, SourceFuture, hold};
use simulators::zoho::{Change, Entity, Fault, FaultRule, Mutation};
use tokio::sync::{Mutex, MutexGuard};
use vendor_http::AccessToken;

use crate::portal::Portal;

/// The tickets of a portal.
struct Tickets {
    portal: Mutex<Portal>,
    /// Too many calls for ever are waited out to the end.
    doomed: AtomicBool,
}

impl Tickets {
    /// Nobody else looks at the portal meanwhile.
    fn portal(&self) -> MutexGuard<'_, Portal> {
        self.portal.try_lock().unwrap()
    }
}

fn id_of(row: &str) -> String {
    let row: Value = serde_json::from_str(row).unwrap();
    row["id"].as_str().unwrap().to_owned()
}

impl Account for Tickets {
    fn stream(&self) -> &'static str {
        "tickets"
    }

    fn page_rows(&self) -> usize {
        100
    }

    fn reset(&self, rows: usize) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let portal = Portal::with_tickets(u32::try_from(rows).unwrap()).await;
            *self.portal() = portal;
        })
    }

    fn truth(&self) -> BoxFuture<'_, Vec<(String, Option<String>)>> {
        Box::pin(async {
            let rows = self.portal().zoho.truth("tickets", "").unwrap();
            let rows = rows.into_iter().map(|truth| truth.row);
            rows.map(|row| (id_of(&row), Some(row))).collect()
        })
    }

    fn change<'a>(&'a self, ids: &'a [String]) -> BoxFuture<'a, ()> {
        Box::pin(async {
            let portal = self.portal();
            // Beyond what an incremental run reads again.
            portal.pass(SignedDuration::from_hours(1));
            let modified = Mutation::of_ids(Entity::Tickets, Change::Modify, ids.to_vec());
            assert_eq!(portal.zoho.mutate(&modified).len(), ids.len());
            portal.pass(SignedDuration::from_hours(1));
        })
    }

    fn id_of(&self, row: &RawValue) -> String {
        id_of(row.get())
    }

    fn source(&self) -> BoxFuture<'_, Result<Box<dyn Source>, Error>> {
        let doomed = self.doomed.load(Ordering::SeqCst);
        let life = Duration::from_secs(if doomed { 3 } else { 60 });
        let source: Box<dyn Source> = Box::new(self.portal().source_for(life));
        Box::pin(async { Ok(source) })
    }

    fn now(&self) -> Timestamp {
        self.portal().now()
    }

    fn with_wrong_credentials(&self) -> SourceFuture<'_> {
        let wrong = AccessToken::new("1000.planted.wrong");
        let source = self.portal().source_with(wrong);
        let source: Box<dyn Source> = Box::new(source);
        Box::pin(async { Some(Ok(source)) })
    }

    fn secrets(&self) -> Vec<String> {
        vec!["1000.planted".to_owned()]
    }

    fn mishap(&self, mishap: Mishap, after: u32, times: Option<u32>) -> bool {
        let fault = match mishap {
            Mishap::TooManyRequests { retry_after: None } => Fault::TooManyRequests,
            Mishap::ServerError => Fault::ServerError,
            Mishap::Reset => Fault::ConnectionReset,
            Mishap::Truncated => Fault::TruncatedBody,
            Mishap::MalformedJson => Fault::MalformedJson,
            Mishap::Html => Fault::Html { status: 200 },
            Mishap::OversizedBody => Fault::OversizedBody { bytes: 1 << 30 },
            Mishap::DeepNesting => Fault::DeepNesting { depth: 100_000 },
            // A spent pool says so, and pages that repeat are found out and read otherwise.
            Mishap::TooManyRequests { .. } | Mishap::RepeatedPage | Mishap::EndlessPages => {
                return false;
            }
        };
        self.doomed.store(times.is_none(), Ordering::SeqCst);
        let rule = FaultRule::always(fault).on("tickets/search").after(after);
        self.portal().zoho.add_fault(FaultRule {
            count: times,
            ..rule
        });
        true
    }

    fn recover(&self) {
        self.doomed.store(false, Ordering::SeqCst);
        self.portal().zoho.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_are_read_as_every_stream_is() {
    let account = Tickets {
        portal: Mutex::new(Portal::with_tickets(1).await),
        doomed: AtomicBool::new(false),
    };
    let skipped = hold(&account).await.unwrap();
    // The address is the data centre's: nobody can set one where nothing answers.
    assert_eq!(skipped, [Behaviour::NoticesNobodyAnswers]);
}
