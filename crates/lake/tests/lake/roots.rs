use std::collections::HashSet;

use clock::Clock as _;
use lake::{Begin, Error, Lake, RunSpec};

use crate::harness::{
    BUCKET, Bench, LARGE, LATEST, LIFETIME, SMALL, claimed, client, fill, id, next_row, outcome,
    progress, row, write,
};

const ROOT: &str = "integrations/tenant=acme/integration=7/";

fn rooted(bench: &Bench) -> Lake {
    bench.lake.clone().under(ROOT).unwrap()
}

#[tokio::test]
async fn a_lake_below_a_root_keeps_to_it() {
    let bench = Bench::start().await;
    bench.run("r1", SMALL).await.unwrap();
    let before = bench.aws.keys(BUCKET);
    let lake = rooted(&bench);

    // Suspended, dead, taken up again: whatever a run can leave lies below the root.
    let mut run = claimed(lake.begin(bench.spec("r2")).await.unwrap());
    write(&mut run, 0..LARGE).await.unwrap();
    run.suspend(progress(LARGE)).await.unwrap();
    let mut dead = claimed(lake.begin(bench.spec("r2")).await.unwrap());
    write(&mut dead, LARGE..2 * LARGE).await.unwrap();
    drop(dead);
    let uploads = bench.aws.open_uploads(BUCKET);
    assert!(!uploads.is_empty());
    assert!(
        uploads.iter().all(|key| key.starts_with(ROOT)),
        "{uploads:?}"
    );
    bench.pass(LIFETIME);
    let mut run = claimed(lake.begin(bench.spec("r2")).await.unwrap());
    assert_eq!(next_row(&run), LARGE, "it goes on after the checkpoint");
    write(&mut run, LARGE..LARGE + 1).await.unwrap();
    let manifest = run.commit(outcome(bench.clock.now())).await.unwrap();

    assert!(
        manifest
            .keys
            .iter()
            .all(|entry| entry.key.starts_with(ROOT))
    );
    assert!(manifest.manifest_key.starts_with(ROOT));
    let all = bench.aws.keys(BUCKET);
    let new = all.iter().filter(|key| !before.contains(key));
    assert_eq!(
        new.filter(|key| !key.starts_with(ROOT)).count(),
        0,
        "{all:?}"
    );
    assert_eq!(bench.keys_with("/_open/"), [""; 0]);
    assert_eq!(bench.aws.open_uploads(BUCKET), [""; 0]);

    // Neither sees the other.
    let pointer = lake.pointer("tickets", &[]).await.unwrap().unwrap();
    assert_eq!(pointer.run, id("r2"));
    assert_eq!(bench.pointer().await.unwrap().run, id("r1"));
    assert!(bench.keys_with(LATEST).contains(&LATEST.to_owned()));
    assert!(lake.finished("tickets", &id("r1")).await.unwrap().is_none());
    let runs = lake
        .committed_runs("tickets", &HashSet::new())
        .await
        .unwrap();
    assert_eq!(runs, [manifest]);
}

#[tokio::test]
async fn the_rows_of_a_run_are_handed_out_and_checked() {
    let bench = Bench::start().await;
    let lake = rooted(&bench);
    let until = bench.clock.now();
    let Begin::Claimed(run) = lake.begin(bench.spec("r1")).await.unwrap() else {
        panic!("not claimed");
    };
    let manifest = fill(run, LARGE, until).await.unwrap();
    let read = async || {
        let mut found = vec![];
        for entry in &manifest.keys {
            let mut rows = lake.rows(&manifest, entry).await?;
            let mut take = |row: &[u8]| {
                found.push(String::from_utf8(row.to_vec()).unwrap());
                Ok::<_, Error>(())
            };
            while rows.next(&mut take).await? {}
            assert_eq!(rows.count(), LARGE);
        }
        Ok::<_, Error>(found)
    };
    assert_eq!(
        read().await.unwrap(),
        (0..LARGE).map(row).collect::<Vec<_>>()
    );

    let key = &manifest.keys[0].key;
    let stored = bench.aws.object(BUCKET, key).unwrap();
    let other = [&stored[..], b" "].concat();
    bench.aws.put_object(BUCKET, key, other);
    let error = read().await.unwrap_err();
    assert!(
        matches!(error, Error::Mismatch { what: "bytes", .. }),
        "{error}"
    );
    let elsewhere = Lake::new(client(&bench.aws), "other-bucket", bench.clock.clone());
    bench.aws.create_bucket("other-bucket");
    let error = elsewhere
        .rows(&manifest, &manifest.keys[0])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_root_that_cannot_be_kept_to_is_refused() {
    let bench = Bench::start().await;
    for root in ["", "a", "a/../b/", "/a/"] {
        assert!(bench.lake.clone().under(root).is_err(), "{root}");
    }
    let spec = RunSpec {
        report: "../tickets".to_owned(),
        ..bench.spec("r1")
    };
    let error = rooted(&bench).begin(spec).await.unwrap_err();
    assert!(matches!(error, Error::InvalidName(_)), "{error}");
}
