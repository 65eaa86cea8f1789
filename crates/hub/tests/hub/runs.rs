use std::sync::Arc;
use std::time::Duration;

use engine::Kind;
use hub::{
    Error, IntegrationStatus, Job, RunKind, RunStatus, StreamStage, SyncRequest, Trigger, Worked,
};
use jiff::civil::date;
use serde_json::json;
use tokio::sync::Notify;
use vendor_http::Deadline;

use crate::world::{HOUR, MINUTE, World, acme, orders, patch};

#[tokio::test]
async fn a_check_tells_how_the_integration_is() {
    let (world, id) = World::stocked().await;
    let until = || Deadline::after(Duration::from_secs(5));
    let run = world.hub.start_check(acme(), id).await.unwrap();
    let (run, _) = tokio::join!(world.hub.wait(acme(), id, &run.id, until()), world.drain());
    assert_eq!(
        run.unwrap().result,
        Some(
            json!({"success": true, "message": "Connection successful", "facts": {"shop": "Corner"}})
        )
    );
    world.shop.stock().refuses = Some(Kind::AuthRequired);
    let run = world.hub.start_check(acme(), id).await.unwrap();
    world.drain().await;
    let run = world.hub.run(acme(), id, &run.id).await.unwrap();
    assert_eq!(run.status, RunStatus::Failed);
    assert_eq!(run.error.unwrap().error_type, "AuthRequired");
    let shown = world.get(id).await;
    assert_eq!(shown.status, IntegrationStatus::Error);
    assert!(shown.error_message.unwrap().contains("come back later"));
    world.shop.stock().refuses = None;
    world.hub.start_check(acme(), id).await.unwrap();
    world.drain().await;
    assert_eq!(world.get(id).await.status, IntegrationStatus::Active);
}

#[tokio::test]
async fn the_schedule_makes_one_sync_each_time_and_skips_while_one_is_under_way() {
    let (world, id) = World::stocked().await;
    let scheduled = Job::scheduled(world.owner(id));
    for _ in 0..2 {
        assert_eq!(world.work(&scheduled).await.unwrap(), Worked::Done);
    }
    let runs = world.hub.runs(acme(), id, 10, None).await.unwrap().items;
    assert_eq!(runs.len(), 1, "the same turn delivered twice is one run");
    assert_eq!(
        (runs[0].trigger, runs[0].status),
        (Trigger::Schedule, RunStatus::Succeeded)
    );
    world.pass(HOUR);
    let gate = Arc::new(Notify::new());
    world.shop.stock().page = 1;
    world.shop.stock().gate = Some(gate.clone());
    world.shop.rows("customers", |rows| rows.extend(orders(3)));
    let working = {
        let (worker, job, shift) = (world.worker.clone(), scheduled.clone(), world.shift());
        tokio::spawn(async move { worker.work(&job, shift).await })
    };
    while world
        .get(id)
        .await
        .current_run
        .is_none_or(|run| run.stage != "reading customers")
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(world.work(&scheduled).await.unwrap(), Worked::Done);
    let manual = world
        .hub
        .start_sync(acme(), id, SyncRequest::default(), None)
        .await;
    assert!(matches!(manual, Err(Error::Busy { .. })), "{manual:?}");
    world.shop.stock().gate = None;
    while !working.is_finished() {
        gate.notify_waiters();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(working.await.unwrap().unwrap(), Worked::Done);
    assert_eq!(
        world
            .hub
            .runs(acme(), id, 10, None)
            .await
            .unwrap()
            .items
            .len(),
        2
    );
    world
        .hub
        .patch(acme(), id, patch(json!({"status": "inactive"})), None)
        .await
        .unwrap();
    world.pass(HOUR);
    world.work(&scheduled).await.unwrap();
    assert_eq!(
        world
            .hub
            .runs(acme(), id, 10, None)
            .await
            .unwrap()
            .items
            .len(),
        2
    );
}

#[tokio::test]
async fn progress_can_be_read_while_a_sync_runs() {
    let (world, id) = World::stocked().await;
    let gate = Arc::new(Notify::new());
    {
        let mut stock = world.shop.stock();
        (stock.page, stock.gate) = (1, Some(gate.clone()));
    }
    let run = world
        .hub
        .start_sync(acme(), id, SyncRequest::default(), None)
        .await
        .unwrap();
    let job = world.ports.kept().jobs.pop_front().unwrap().0;
    let working = {
        let (worker, shift) = (world.worker.clone(), world.shift());
        tokio::spawn(async move { worker.work(&job, shift).await })
    };
    let seen = async {
        loop {
            let now = world.get(id).await.current_run;
            if let Some(run) = now.filter(|run| run.streams.iter().any(|stream| stream.rows > 0)) {
                return run;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(20), seen)
        .await
        .unwrap();
    assert_eq!((seen.id, seen.status), (run.id, RunStatus::Running));
    assert_eq!(seen.streams[0].stage, StreamStage::Reading);
    assert_eq!((seen.streams[0].rows, seen.streams[0].pages), (1, 1));
    world.shop.stock().gate = None;
    while !working.is_finished() {
        gate.notify_waiters();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    working.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_failed_stream_fails_the_run_and_harms_nothing() {
    let (world, id) = World::stocked().await;
    world.sync(id).await;
    let good = world.live(id).await;
    world
        .shop
        .rows("orders", |rows| rows.extend(orders(9).split_off(3)));
    world.shop.rows("customers", Vec::clear);
    world.shop.stock().page = 1;
    world
        .shop
        .stock()
        .shelves
        .get_mut("customers")
        .unwrap()
        .fails_after = Some((0, Kind::Upstream));
    world
        .shop
        .rows("customers", |rows| rows.push(json!({"id": "c9"})));
    let run = world.sync(id).await;
    assert_eq!(run.status, RunStatus::Failed);
    let error = run.error.unwrap();
    assert_eq!(error.error_type, "Upstream");
    assert_eq!(error.message, "stream customers: the shelf broke: mend it");
    assert_eq!(
        run.streams[1].stage,
        StreamStage::Done,
        "the other stream goes on"
    );
    let shown = world.get(id).await;
    assert_eq!(
        (shown.status, shown.consecutive_failures),
        (IntegrationStatus::Error, 1)
    );
    assert_eq!(shown.error_message.as_deref(), Some(error.message.as_str()));
    let live = world.live(id).await;
    assert!(good.iter().all(|record| live.contains(record)), "{live:?}");
    assert_eq!(live.len(), 11);
    for failures in 2..=3 {
        assert!(world.ports.kept().alerts.is_empty());
        world.sync(id).await;
        assert_eq!(world.get(id).await.consecutive_failures, failures);
    }
    let alert = world.ports.kept().alerts[0].clone();
    assert_eq!((alert.failures, alert.platform), (3, "shop"));
    world
        .shop
        .stock()
        .shelves
        .get_mut("customers")
        .unwrap()
        .fails_after = None;
    world.sync(id).await;
    let shown = world.get(id).await;
    assert_eq!(
        (shown.status, shown.consecutive_failures),
        (IntegrationStatus::Active, 0)
    );
    assert_eq!(shown.error_message, None);
    assert_eq!(world.ports.kept().alerts.len(), 1);
}

#[tokio::test]
async fn a_shop_that_is_closed_fails_the_run_and_a_stream_that_is_gone_only_itself() {
    let (world, id) = World::stocked().await;
    world.shop.stock().refuses = Some(Kind::Unreachable);
    let run = world.sync(id).await;
    assert_eq!(
        (run.status, run.error.unwrap().error_type.as_str()),
        (RunStatus::Failed, "Unreachable")
    );
    world.shop.stock().refuses = None;
    let only = SyncRequest {
        full: false,
        streams: vec!["orders".into(), "returns".into()],
    };
    let run = world.sync_as(id, only).await;
    assert_eq!(run.error.unwrap().error_type, "SchemaChanged");
    assert_eq!(world.live(id).await, ["orders/1", "orders/2", "orders/3"]);
}

#[tokio::test]
async fn rows_that_cannot_be_mapped_are_failed_and_come_in_once_the_mapping_is_right() {
    let (world, id) = World::stocked().await;
    world.shop.rows("orders", |rows| {
        rows.push(json!({"id": 4, "updated": 4, "total": "n/a"}));
    });
    let strict =
        json!({"mapping": {"orders": {"steps": [{"cast": {"field": "total", "to": "integer"}}]}}});
    world
        .hub
        .patch(acme(), id, patch(strict), None)
        .await
        .unwrap();
    let run = world.sync(id).await;
    assert_eq!(run.status, RunStatus::Succeeded, "{run:?}");
    assert_eq!((run.streams[1].rows, run.streams[1].failed_rows), (3, 1));
    let failed = hub::DataQuery {
        sync_status: Some(records::Status::Failed),
        ..hub::DataQuery::default()
    };
    let found = world.data(id, failed.clone()).await;
    assert_eq!((found.len(), found[0].external_id.as_str()), (1, "4"));
    let why = found[0].error.clone().unwrap();
    assert!(why.contains("total") && !why.contains("n/a"), "{why}");
    let lax = json!({"mapping": {"orders": {"steps": [{"hash": {"fields": ["total"]}}]}}});
    world.hub.patch(acme(), id, patch(lax), None).await.unwrap();
    let run = world.sync(id).await;
    assert_eq!(
        run.streams[1].mode,
        Some(engine::Mode::Full),
        "other rules want all rows again"
    );
    assert_eq!(run.streams[1].failed_rows, 0);
    assert_eq!(world.data(id, failed).await.len(), 0);
    assert_eq!(world.live(id).await.len(), 6);
}

#[tokio::test]
async fn a_sync_of_many_legs_is_one_run() {
    let (world, id) = World::stocked().await;
    world.shop.rows("orders", |rows| *rows = orders(25));
    {
        let mut stock = world.shop.stock();
        (stock.page, stock.pieces_a_leg) = (2, Some(3));
    }
    let run = world.sync(id).await;
    assert_eq!(run.status, RunStatus::Succeeded, "{run:?}");
    let orders = &run.streams[1];
    assert_eq!((orders.rows, orders.failed_rows), (25, 0));
    assert!(orders.legs >= 4, "{}", orders.legs);
    assert_eq!(world.live(id).await.len(), 27);
    assert_eq!(
        world
            .hub
            .runs(acme(), id, 10, None)
            .await
            .unwrap()
            .items
            .len(),
        1
    );
}

#[tokio::test]
async fn an_action_happens_once_however_often_its_job_comes() {
    let (world, id) = World::stocked().await;
    let unknown = world
        .hub
        .start_act(acme(), id, "explode", json!({}), None)
        .await;
    assert!(matches!(unknown, Err(Error::Invalid(_))), "{unknown:?}");
    let amount = json!({"amount": 5});
    let run = world
        .hub
        .start_act(acme(), id, "refund", amount.clone(), Some("k"))
        .await
        .unwrap();
    let again = world
        .hub
        .start_act(acme(), id, "refund", amount, Some("k"))
        .await
        .unwrap();
    assert_eq!(run.id, again.id);
    assert_eq!(
        world.ports.kept().jobs.len(),
        2,
        "a job that may be lost is sent again"
    );
    world.drain().await;
    world
        .work(&Job::run(world.owner(id), run.id.clone(), RunKind::Act))
        .await
        .unwrap();
    assert_eq!(world.shop.stock().refunds.len(), 1);
    let run = world.hub.run(acme(), id, &run.id).await.unwrap();
    assert_eq!(
        (run.status, run.result),
        (RunStatus::Succeeded, Some(json!({"refunded": 5})))
    );
    assert!(
        !world.table().contains("amount"),
        "parameters go once they are used"
    );
}

#[tokio::test]
async fn an_action_whose_worker_died_may_have_happened_and_is_not_repeated() {
    let (world, id) = World::stocked().await;
    world.shop.stock().gate = Some(Arc::new(Notify::new()));
    let run = world
        .hub
        .start_act(acme(), id, "refund", json!({}), None)
        .await
        .unwrap();
    let job = world.ports.kept().jobs.pop_front().unwrap().0;
    let dying = tokio::time::timeout(Duration::from_millis(500), world.work(&job)).await;
    assert!(dying.is_err(), "{dying:?}");
    assert_eq!(world.shop.stock().refunds.len(), 1);
    assert!(
        matches!(world.work(&job).await.unwrap(), Worked::Again(_)),
        "it may still be at it"
    );
    world.pass(MINUTE * 3);
    assert_eq!(world.work(&job).await.unwrap(), Worked::Done);
    let run = world.hub.run(acme(), id, &run.id).await.unwrap();
    assert_eq!(run.status, RunStatus::Failed);
    assert!(run.error.unwrap().message.contains("may have happened"));
    assert_eq!(world.shop.stock().refunds.len(), 1);
}

#[tokio::test]
async fn figures_of_days_are_right() {
    let (world, id) = World::stocked().await;
    world.sync(id).await;
    world.shop.stock().refuses = Some(Kind::Upstream);
    world.sync(id).await;
    world.shop.stock().refuses = None;
    world.pass(HOUR * 24);
    world.sync(id).await;
    let of = |from, to| world.hub.metrics(acme(), id, from, to);
    let metrics = of(date(2026, 3, 4), date(2026, 3, 5)).await.unwrap();
    let totals = &metrics.totals;
    assert_eq!((totals.runs, totals.succeeded, totals.failed), (3, 2, 1));
    assert_eq!(totals.rows, 10);
    assert_eq!(totals.streams["customers"].rows, 4);
    assert_eq!(metrics.days.len(), 2);
    assert_eq!(
        (metrics.days[0].figures.runs, metrics.days[1].figures.runs),
        (2, 1)
    );
    let later = of(date(2026, 3, 6), date(2026, 4, 5)).await.unwrap();
    assert_eq!((later.totals.runs, later.days.len()), (0, 0));
    for (from, to) in [
        (date(2026, 3, 5), date(2026, 3, 4)),
        (date(2025, 1, 1), date(2026, 3, 4)),
    ] {
        let refused = of(from, to).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn runs_are_listed_newest_first() {
    let (world, id) = World::stocked().await;
    let mut ids = vec![];
    for _ in 0..3 {
        ids.insert(0, world.sync(id).await.id);
    }
    let first = world.hub.runs(acme(), id, 2, None).await.unwrap();
    let second = world
        .hub
        .runs(acme(), id, 2, first.next.as_deref())
        .await
        .unwrap();
    let listed: Vec<_> = first
        .items
        .into_iter()
        .chain(second.items)
        .map(|run| run.id)
        .collect();
    assert_eq!(listed, ids);
}

#[tokio::test]
async fn a_sync_asked_for_while_another_ends_is_queued_or_told_that_it_is_busy() {
    let (world, id) = World::stocked().await;
    for _ in 0..20 {
        let asking = async {
            loop {
                let asked = world
                    .hub
                    .start_sync(acme(), id, SyncRequest::default(), None)
                    .await;
                match asked {
                    Err(Error::Busy { .. }) => {}
                    Ok(_) => break,
                    Err(error) => panic!("{error}"),
                }
            }
        };
        tokio::join!(world.drain(), asking);
    }
}
