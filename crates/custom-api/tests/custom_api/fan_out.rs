use std::collections::BTreeSet;

use engine::{Kind, Mode, Piece, Reading, Source, Stop};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::world::World;

fn config(world: &World) -> Value {
    world.config("", &json!({"streams": [
        {"name": "groups", "path": "/groups", "records": "$.groups", "primaryKey": "id", "pagination": {"kind": "page", "size": 2}},
        {
            "name": "items", "path": "/groups/{parent.id}/items", "records": "$.items", "primaryKey": "id",
            "pagination": {"kind": "page", "size": 3, "stopWhenShort": true},
            "parent": {"stream": "groups", "id": "id", "as": "group_id"},
            "cursor": {"field": "updatedAt", "parameter": "since"},
        },
    ]}))
}

#[tokio::test]
async fn each_parents_rows_are_read_and_name_their_parent() {
    let world = World::with_rows(21).await;
    let read = world.read(&config(&world), &[]).await.unwrap();
    let mut rows = read.rows.clone();
    rows.sort();
    let mut truth = world.truth();
    truth.sort();
    assert_eq!(rows, truth);
    let parents: BTreeSet<_> = read.parents.iter().map(String::as_str).collect();
    assert_eq!(parents, BTreeSet::from(["g/1", "g/2", "g/3", "g/4"]));
    assert!(read.state.is_some());
}

#[tokio::test]
async fn changed_rows_are_looked_for_below_each_parent() {
    let world = World::with_rows(21).await;
    let source = world.source(&config(&world), &[]).unwrap();
    let full = world.run(&source, Mode::Full, None).await.unwrap();
    world.pass(600);
    world.api.change(&[3, 8, 13]);
    let changed = world
        .run(&source, Mode::Incremental, full.state)
        .await
        .unwrap();
    let truth = world.truth();
    assert!(
        [2, 7, 12]
            .iter()
            .all(|at| changed.rows.contains(&truth[*at]))
    );
    assert!(changed.rows.len() <= 5, "{:?}", changed.rows);
}

/// Its rows are gone with it; the others are read.
#[tokio::test]
async fn a_parent_that_vanishes_meanwhile_is_told() {
    let world = World::with_rows(21).await;
    let source = world.source(&config(&world), &[]).unwrap();
    let mut reader = source.read(reading(&world, None)).await.unwrap();
    let first = reader.next().await.unwrap();
    assert!(matches!(first, Some(Piece::Rows { .. })));
    reader.stop(Stop::Now);
    while reader.next().await.unwrap().is_some() {}
    let position = reader.position().unwrap();
    // The second group waits in the position; it and the two behind it go.
    for _ in 0..3 {
        world.api.delete_last_group();
    }
    let mut reader = source.read(reading(&world, Some(position))).await.unwrap();
    let mut vanished = 0;
    while let Some(piece) = reader.next().await.unwrap() {
        vanished += usize::from(matches!(piece, Piece::Vanished));
    }
    assert!(reader.at_end());
    assert_eq!(vanished, 1);
}

#[tokio::test]
async fn a_run_that_stops_after_each_piece_reads_each_row_once() {
    for how in [Stop::Soon, Stop::Now] {
        let world = World::with_rows(40).await;
        let (mut resume, mut rows) = (None, Vec::new());
        for leg in 0.. {
            assert!(leg < 100, "no end");
            let source = world.source(&config(&world), &[]).unwrap();
            let mut reader = source.read(reading(&world, resume.take())).await.unwrap();
            let mut is_first = true;
            while let Some(piece) = reader.next().await.unwrap() {
                if let Piece::Rows { rows: some, .. } = piece {
                    rows.extend(some.into_iter().map(|row| row.get().to_owned()));
                }
                if is_first {
                    reader.stop(how);
                    is_first = false;
                }
            }
            if reader.at_end() {
                break;
            }
            resume = Some(reader.position().unwrap());
        }
        rows.sort();
        let mut truth = world.truth();
        truth.sort();
        assert_eq!(rows, truth, "{how:?}");
    }
}

#[tokio::test]
async fn a_position_of_a_stream_that_was_declared_anew_is_refused() {
    let world = World::with_rows(40).await;
    let source = world.source(&config(&world), &[]).unwrap();
    let mut reader = source.read(reading(&world, None)).await.unwrap();
    reader.next().await.unwrap();
    reader.stop(Stop::Now);
    let position = reader.position().unwrap();
    let mut anew = config(&world);
    anew["streams"][1]["pagination"]["size"] = json!(4);
    let source = world.source(&anew, &[]).unwrap();
    let error = source
        .read(reading(&world, Some(position)))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidConfig, "{error}");
}

fn reading(world: &World, resume: Option<Box<RawValue>>) -> Reading {
    Reading {
        stream: "items".into(),
        mode: Mode::Full,
        state: None,
        resume,
        fields: Vec::new(),
        started_at: world.now(),
    }
}
