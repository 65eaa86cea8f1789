use std::io::Read as _;

use clock::Clock as _;
use jiff::SignedDuration;
use lake::{Error, Format, Lake, Mode, Outcome, Partition, RunSpec};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::harness::{BUCKET, Bench, claimed, client, id, outcome, row};

#[tokio::test]
async fn rows_come_back_byte_by_byte_in_every_format() {
    for format in [Format::Json, Format::Jsonl, Format::JsonlGz] {
        let bench = Bench::start().await;
        // Compressed bytes come in lumps of some 30 KiB.
        let many = if format == Format::JsonlGz { 4000 } else { 400 };
        for count in [0, 1, many] {
            let spec = RunSpec {
                format,
                ..bench.spec(&format!("r{count}"))
            };
            let mut run = claimed(bench.lake.begin(spec).await.unwrap());
            for number in 0..count {
                run.write(row(number).as_bytes()).await.unwrap();
            }
            assert_eq!(run.rows(), count);
            let manifest = run.commit(outcome(bench.clock.now())).await.unwrap();

            let rows: Vec<_> = (0..count).map(row).collect();
            let lines = rows.iter().flat_map(|row| [row, "\n"]).collect::<String>();
            let stored = bench.bytes(&manifest.key);
            let (text, expected) = match format {
                Format::Json => (stored.clone(), format!("[{}]\n", rows.join(",\n"))),
                Format::Jsonl => (stored.clone(), lines),
                Format::JsonlGz => {
                    let mut text = vec![];
                    flate2::read::GzDecoder::new(&stored[..])
                        .read_to_end(&mut text)
                        .unwrap();
                    (text, lines)
                }
            };
            assert!(text == expected.as_bytes(), "{format}, {count} rows");
            assert_eq!(manifest.rows, count);
            assert_eq!(manifest.bytes, stored.len() as u64);
            assert_eq!(manifest.sha256, Some(hex::encode(Sha256::digest(&stored))));
            assert!(manifest.key.ends_with(&format!(".{format}")));
            let content_type = bench.aws.content_type(BUCKET, &manifest.key).unwrap();
            assert!(content_type.starts_with("application/"), "{content_type}");
        }
        assert!(
            bench.aws.calls("UploadPart") > 2,
            "{format}: {many} rows take several parts"
        );
    }
}

#[tokio::test]
async fn seventeen_mebibytes_travel_in_the_parts_that_aws_accepts() {
    let bench = Bench::start().await;
    bench.aws.set_min_part_bytes(5 << 20);
    let lake = Lake::new(client(&bench.aws), BUCKET, bench.clock.clone());
    let mut run = claimed(lake.begin(bench.spec("big")).await.unwrap());
    let row = format!("\"{}\"", "é".repeat(32 << 10));
    let mut expected = Sha256::new();
    while run.bytes() < 17 << 20 {
        run.write(row.as_bytes()).await.unwrap();
        expected.update(&row);
        expected.update("\n");
    }
    let manifest = run.commit(outcome(bench.clock.now())).await.unwrap();
    assert_eq!(manifest.sha256, Some(hex::encode(expected.finalize())));
    assert_eq!(bench.aws.calls("UploadPart"), 4);
    bench.read_latest();
    bench.assert_settled("17 MiB");
}

#[tokio::test]
async fn a_run_is_told_in_full_by_its_manifest_and_pointer() {
    let bench = Bench::start().await;
    let partitions = vec![Partition::new("ticket_id", "1 2")];
    let spec = RunSpec {
        report: "threads".to_owned(),
        partitions: partitions.clone(),
        format: Format::Json,
        ..bench.spec("a1")
    };
    let mut run = claimed(bench.lake.begin(spec).await.unwrap());
    run.write_child(br#"{"id":"7"}"#, &[("ticketId", "12")])
        .await
        .unwrap();
    bench.pass(SignedDuration::from_secs(5));
    let full = Outcome {
        mode: Mode::Full,
        reasons: vec!["sampled".to_owned()],
        complete: false,
        ..outcome(bench.clock.now())
    };
    let manifest = run.commit(full).await.unwrap();

    let key = "threads/ticket_id=1%202/dt=2026-03-04/20260304T050000Z-a1.json";
    assert_eq!(manifest.key, key);
    assert_eq!(bench.bytes(key), b"[{\"ticketId\":\"12\",\"id\":\"7\"}]\n");
    assert_eq!(manifest.manifest_key, "threads/_runs/a1.json");
    let stored: serde_json::Value =
        serde_json::from_slice(&bench.bytes("threads/_runs/a1.json")).unwrap();
    assert_eq!(stored["status"], "complete");
    assert_eq!(stored["started_at"], "2026-03-04T05:00:00Z");
    assert_eq!(stored["finished_at"], "2026-03-04T05:00:05Z");
    assert_eq!(stored["format"], "json");
    let run_id = id("a1");
    assert_eq!(
        bench.lake.finished("threads", &run_id).await.unwrap(),
        Some(manifest.clone())
    );

    let pointer = bench.lake.pointer("threads", &partitions).await.unwrap();
    let pointer = pointer.unwrap();
    assert_eq!(pointer.keys, [key]);
    assert_eq!(
        pointer.full_run.unwrap().manifest_key,
        manifest.manifest_key
    );
    assert!(!pointer.complete);
    assert_eq!(
        bench.lake.pointer("threads", &[]).await.unwrap(),
        None,
        "a limited run does not move the report's own pointer"
    );
}

#[tokio::test]
async fn a_bad_row_is_refused_by_number_and_the_run_goes_on() {
    let bench = Bench::start().await;
    let mut run = bench.claim("r1").await;
    run.write(b"{}").await.unwrap();
    for bad in [&b"{"[..], b"{} {}", b"{\"secret\":tru}", b"\xff"] {
        let error = run.write(bad).await.unwrap_err().to_string();
        assert!(
            error.contains("row 2") && !error.contains("secret"),
            "{error}"
        );
    }
    let error = run
        .write_child(b"[]", &[("ticketId", "1")])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::InvalidRow { number: 2, .. }));
    run.write(b"{\"a\":\r\n1}").await.unwrap();
    let checked = RawValue::from_string("{\"b\":\n2}".to_owned()).unwrap();
    run.write_value(&checked).await.unwrap();
    let manifest = run.commit(outcome(bench.clock.now())).await.unwrap();
    assert_eq!(bench.bytes(&manifest.key), b"{}\n{\"a\":  1}\n{\"b\": 2}\n");
}
