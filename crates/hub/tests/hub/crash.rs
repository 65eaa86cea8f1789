use engine::Kind;
use hub::{DataFate, Job, RunStatus, SyncRequest, Worked};
use serde_json::json;
use simulators::aws::{Fault, Hang};

use crate::ports::Death;
use crate::world::{DECOY, MINUTE, World, acme, body, orders, patch, shop_body};

/// Does `work` in a process that dies at the `n`th call of a port; false if it lived.
async fn dies_at<T>(world: &World, n: u32, how: Death, work: impl Future<Output = T>) -> bool {
    {
        let mut kept = world.ports.kept();
        let calls = kept.calls;
        kept.dies = Some((calls + n, how));
    }
    let died = tokio::select! {
        _ = work => false,
        () = world.ports.died() => true,
    };
    world.ports.kept().dies = None;
    died
}

#[tokio::test]
async fn a_creation_that_dies_anywhere_leaves_all_or_nothing() {
    for how in [Death::Before, Death::After] {
        for n in 1.. {
            let world = World::start().await;
            let create = world.hub.create(acme(), body(shop_body()), Some("k"));
            let died = dies_at(&world, n, how, create).await;
            world.drain().await;
            let made = world.hub.list(acme(), 10, None).await.unwrap().items.len();
            let kept = world.ports.kept();
            let left = (kept.secrets.len(), kept.schedules.len());
            drop(kept);
            assert_eq!(left, (made, made), "{how:?} {n}");
            world
                .hub
                .create(acme(), body(shop_body()), Some("k"))
                .await
                .unwrap();
            world.drain().await;
            let made = world.hub.list(acme(), 10, None).await.unwrap().items.len();
            assert_eq!(made, 1, "{how:?} {n}: the next attempt mends it");
            assert_eq!(world.ports.kept().secrets.len(), 1);
            if !died {
                assert!(n > 3, "{n}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_creation_that_dies_in_the_table_leaves_all_or_nothing() {
    for how in [Hang::BeforeEffect, Hang::AfterEffect] {
        for n in 1..=2 {
            let world = World::start().await;
            world.aws.hang_from(n, how);
            tokio::select! {
                made = world.hub.create(acme(), body(shop_body()), None) => panic!("{made:?}"),
                () = world.aws.hung() => {}
            }
            world.aws.heal();
            world.drain().await;
            let made = world.hub.list(acme(), 10, None).await.unwrap().items.len();
            let kept = world.ports.kept();
            assert_eq!(
                (kept.secrets.len(), kept.schedules.len()),
                (made, made),
                "{how:?} {n}"
            );
        }
    }
}

#[tokio::test]
async fn a_creation_that_fails_is_taken_back() {
    for port in ["vault", "schedules", "queue"] {
        let world = World::start().await;
        world.ports.kept().down = vec![port];
        let failed = world
            .hub
            .create(acme(), body(shop_body()), None)
            .await
            .unwrap_err();
        assert!(failed.is_transient(), "{failed:?}");
        world.ports.kept().down.clear();
        world.drain().await;
        world.assert_no_orphans(port);
    }
    let world = World::start().await;
    world.aws.inject(Fault::deny("TransactWriteItems"));
    let failed = world
        .hub
        .create(acme(), body(shop_body()), None)
        .await
        .unwrap_err();
    assert!(
        !failed.is_transient() && !format!("{failed:?}").contains(DECOY),
        "{failed:?}"
    );
    world.aws.heal();
    world.assert_no_orphans("table");
}

#[tokio::test]
async fn a_removal_that_dies_anywhere_is_finished_by_the_next_job() {
    for how in [Death::Before, Death::After] {
        for n in 1.. {
            let (world, id) = World::stocked().await;
            world.sync(id).await;
            let died = dies_at(&world, n, how, async {
                world
                    .hub
                    .delete(acme(), id, DataFate::Delete)
                    .await
                    .unwrap();
                let (job, _) = world.ports.kept().jobs.pop_back().unwrap();
                world.work(&job).await.unwrap();
            })
            .await;
            world.pass(MINUTE * 3);
            world.drain().await;
            if world.hub.get(acme(), id).await.is_ok() {
                world
                    .hub
                    .delete(acme(), id, DataFate::Delete)
                    .await
                    .unwrap();
                world.drain().await;
            }
            world.assert_no_orphans(&format!("{how:?} {n}"));
            if !died {
                assert!(n > 5, "{n}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_vendor_that_does_not_answer_holds_up_a_removal_only_so_long() {
    let (world, id) = World::stocked().await;
    world.shop.stock().revoke_fails = Some(Kind::Upstream);
    world.hub.delete(acme(), id, DataFate::Keep).await.unwrap();
    world.drain().await;
    world.assert_no_orphans("removed");
    assert_eq!(world.shop.stock().revoked, 5);
}

#[tokio::test]
async fn a_sync_that_dies_anywhere_is_gone_on_with_and_nothing_is_lost_or_doubled() {
    for how in [Hang::BeforeEffect, Hang::AfterEffect] {
        for n in 1.. {
            let (world, id) = World::stocked().await;
            world.shop.rows("orders", |rows| *rows = orders(12));
            let run = world
                .hub
                .start_sync(acme(), id, SyncRequest::default(), None)
                .await
                .unwrap();
            let (job, _) = world.ports.kept().jobs.pop_front().unwrap();
            world.aws.hang_from(n, how);
            let died = tokio::select! {
                worked = world.work(&job) => {
                    assert_eq!(worked.unwrap(), Worked::Done);
                    false
                }
                () = world.aws.hung() => true,
            };
            world.aws.heal();
            world
                .ports
                .kept()
                .jobs
                .push_back((job, std::time::Duration::ZERO));
            world.pass(MINUTE * 3);
            world.drain().await;
            let ended = world.hub.run(acme(), id, &run.id).await.unwrap();
            assert_eq!(ended.status, RunStatus::Succeeded, "{how:?} {n}: {ended:?}");
            assert_eq!(world.live(id).await.len(), 14, "{how:?} {n}");
            world
                .shop
                .rows("orders", |rows| rows.extend(orders(13).split_off(12)));
            let next = world.sync(id).await;
            assert_eq!(next.status, RunStatus::Succeeded, "{how:?} {n}: {next:?}");
            assert_eq!(world.live(id).await.len(), 15, "{how:?} {n}");
            let metrics = world
                .hub
                .metrics(
                    acme(),
                    id,
                    jiff::civil::date(2026, 3, 4),
                    jiff::civil::date(2026, 3, 4),
                )
                .await
                .unwrap();
            assert_eq!(metrics.totals.runs, 2, "{how:?} {n}: each run counts once");
            if !died {
                assert!(n > 10, "{n}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn jobs_delivered_again_change_nothing() {
    let (world, id) = World::stocked().await;
    let run = world.sync(id).await;
    let table = world.table();
    let (connects, objects) = (
        world.shop.stock().connects,
        world.aws.keys(crate::world::BUCKET),
    );
    let job = Job::run(world.owner(id), run.id.clone(), run.kind);
    for _ in 0..3 {
        assert_eq!(world.work(&job).await.unwrap(), Worked::Done);
    }
    assert_eq!(world.shop.stock().connects, connects);
    assert_eq!(world.aws.keys(crate::world::BUCKET), objects);
    let after = world.hub.run(acme(), id, &run.id).await.unwrap();
    assert_eq!(after, run);
    // Leases come and go; everything else is as it was.
    assert_eq!(world.table().len(), table.len());
}

#[tokio::test]
async fn a_change_that_meets_another_puts_the_old_secret_back() {
    let (world, id) = World::stocked().await;
    world.aws.inject(Fault::deny("PutItem"));
    let change = patch(json!({"credentials": {"api_key": "new"}}));
    world.hub.patch(acme(), id, change, None).await.unwrap_err();
    world.aws.heal();
    assert!(world.ports.kept().secrets["integrations/acme/1"].contains(DECOY));
    world.drain().await;
    assert_eq!(world.sync(id).await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_job_of_an_integration_that_is_gone_takes_its_remains_away() {
    let world = World::start().await;
    let id = world
        .hub
        .create(acme(), body(shop_body()), None)
        .await
        .unwrap()
        .id;
    let owner = world.owner(id);
    let (secret, schedule) = {
        let kept = world.ports.kept();
        (kept.secrets.clone(), kept.schedules.clone())
    };
    world.hub.delete(acme(), id, DataFate::Keep).await.unwrap();
    world.drain().await;
    {
        let mut kept = world.ports.kept();
        (kept.secrets, kept.schedules) = (secret, schedule);
    }
    world.work(&Job::scheduled(owner)).await.unwrap();
    world.assert_no_orphans("a schedule that fired late");
}
