use clock::Clock as _;
use jiff::SignedDuration;
use lake::{Error, Lake, RunSpec};
use simulators::aws::Fault;

use crate::harness::{BUCKET, Bench, LARGE, LATEST, LIFETIME, REPORT, SMALL, client, outcome, row};

#[tokio::test]
async fn an_abandoned_run_leaves_no_trace() {
    for rows in [0, SMALL, LARGE] {
        let bench = Bench::start().await;
        let mut run = bench.claim("r1").await;
        for number in 0..rows {
            run.write(row(number).as_bytes()).await.unwrap();
        }
        run.abandon().await.unwrap();
        assert_eq!(bench.aws.keys(BUCKET), [""; 0]);
        assert_eq!(bench.aws.open_uploads(BUCKET), [""; 0]);
        bench.run("r1", rows).await.unwrap();
    }
}

#[tokio::test]
async fn a_denied_call_names_itself_and_leaves_nothing() {
    for (rows, action, prefix, named) in [
        (SMALL, "ListBucket", "tickets/_open/", "s3:ListBucket"),
        (SMALL, "PutObject", "tickets/_open/", "s3:PutObject"),
        (SMALL, "GetObject", "tickets/_runs/", "s3:GetObject"),
        (SMALL, "PutObject", "tickets/dt=", "s3:PutObject"),
        (SMALL, "PutObject", "tickets/_runs/", "s3:PutObject"),
        (SMALL, "GetObject", LATEST, "s3:GetObject"),
        (SMALL, "PutObject", LATEST, "s3:PutObject"),
        (
            LARGE,
            "CreateMultipartUpload",
            "tickets/dt=",
            "s3:PutObject",
        ),
        (LARGE, "UploadPart", "tickets/dt=", "s3:PutObject"),
        (
            LARGE,
            "CompleteMultipartUpload",
            "tickets/dt=",
            "s3:PutObject",
        ),
        (LARGE, "PutObject", "tickets/_runs/", "s3:PutObject"),
        (LARGE, "PutObject", LATEST, "s3:PutObject"),
    ] {
        let case = format!("{action} on {prefix}, {rows} rows");
        let bench = Bench::start().await;
        bench.run("r1", SMALL).await.unwrap();
        bench.pass(SignedDuration::from_mins(1));
        bench.aws.inject(Fault::deny(action).on(prefix));
        let error = bench.run("r2", rows).await.unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "{case}: {error}");
        assert!(!error.is_transient());
        let message = error.to_string();
        assert!(
            message.contains(named) && message.contains(prefix),
            "{message}"
        );

        bench.aws.heal();
        assert_eq!(bench.read_latest().run.as_str(), "r1", "{case}");
        bench.assert_settled(&case);
        bench.run("r2", rows).await.unwrap();
    }
}

#[tokio::test]
async fn lost_answers_are_recognised() {
    for rows in [SMALL, LARGE] {
        for prefix in ["tickets/_open/", "tickets/dt=", "tickets/_runs/", LATEST] {
            // 1: the client's retry meets its own write. 3: the client gives up.
            for times in [1, 3] {
                let case = format!("{prefix} {times} times, {rows} rows");
                let bench = Bench::start().await;
                bench.run("r1", SMALL).await.unwrap();
                bench.pass(SignedDuration::from_mins(1));
                for action in ["PutObject", "CompleteMultipartUpload"] {
                    bench
                        .aws
                        .inject(Fault::lose_answer(action).on(prefix).times(times));
                }
                match bench.run("r2", rows).await {
                    Ok(manifest) => assert_eq!(bench.read_latest(), manifest, "{case}"),
                    // A part whose answers all get lost is a part that failed.
                    Err(error) => assert!(
                        error.is_transient() && rows == LARGE && prefix == "tickets/dt=",
                        "{case}: {error}"
                    ),
                }
                bench.aws.heal();
                bench.assert_settled(&case);
            }
        }
    }
}

#[tokio::test]
async fn a_pointer_that_may_still_move_keeps_the_run_until_it_expires() {
    let bench = Bench::start().await;
    bench.run("r1", SMALL).await.unwrap();
    bench.pass(SignedDuration::from_mins(1));
    bench
        .aws
        .inject(Fault::internal_error("PutObject").on(LATEST));
    let error = bench.run("r2", SMALL).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    bench.aws.heal();
    assert_eq!(bench.read_latest().run.as_str(), "r1");
    assert_eq!(
        bench.keys_with("dt=").len(),
        2,
        "readers may be sent to the second object at any moment"
    );
    bench.pass(LIFETIME);
    bench.run("r3", SMALL).await.unwrap();
    assert_eq!(bench.keys_with("r2"), [""; 0]);
    bench.assert_settled("undecided");
}

#[tokio::test]
async fn an_upload_that_cannot_be_completed_is_aborted() {
    let bench = Bench::start().await;
    bench.aws.inject(Fault::failing_complete());
    let error = bench.run("r1", LARGE).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert_eq!(bench.aws.keys(BUCKET), [""; 0]);
    assert_eq!(bench.aws.open_uploads(BUCKET), [""; 0]);
}

#[tokio::test]
async fn storms_of_refusals_end_in_a_run_or_in_nothing() {
    for seed in 0..8 {
        let bench = Bench::seeded(seed).await;
        bench.run("r0", SMALL).await.unwrap();
        for attempt in 1..=3 {
            bench
                .aws
                .inject(Fault::slow_down("*").with_probability(0.45));
            bench.pass(LIFETIME);
            let result = bench.run(&format!("r{attempt}"), LARGE).await;
            if let Err(error) = &result {
                assert!(error.is_transient(), "{error}");
            }
            bench.aws.heal();
            let seen = bench.read_latest();
            if let Ok(manifest) = result {
                assert_eq!(seen, manifest);
            }
        }
        bench.pass(LIFETIME);
        bench.run("r9", SMALL).await.unwrap();
        bench.assert_settled(&format!("seed {seed}"));
    }
}

#[tokio::test]
async fn messages_name_the_next_step() {
    let bench = Bench::start().await;
    let elsewhere = Lake::new(client(&bench.aws), "nowhere", bench.clock.clone());
    let error = elsewhere.begin(bench.spec("r1")).await.unwrap_err();
    assert!(matches!(error, Error::BucketMissing { .. }), "{error}");
    assert!(error.to_string().contains("nowhere") && error.to_string().contains("BUCKET"));

    bench.aws.put_object(BUCKET, LATEST, "{");
    let error = bench.lake.pointer(REPORT, &[]).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains(LATEST));

    let spec = RunSpec {
        report: "../x".to_owned(),
        ..bench.spec("r1")
    };
    let error = bench.lake.begin(spec).await.unwrap_err();
    assert!(matches!(error, Error::InvalidName(_)), "{error}");

    bench.aws.inject(Fault::slow_down("*"));
    let error = bench.lake.begin(bench.spec("r1")).await.unwrap_err();
    assert!(error.to_string().contains("SlowDown"), "{error}");
}

#[tokio::test]
async fn a_run_that_lost_a_part_cannot_be_committed() {
    let bench = Bench::start().await;
    let mut run = bench.claim("r1").await;
    bench
        .aws
        .inject(Fault::internal_error("CreateMultipartUpload"));
    let mut failures = 0;
    for number in 0..LARGE {
        failures += u32::from(run.write(row(number).as_bytes()).await.is_err());
    }
    assert!(failures > 1, "every write after the first failure fails");
    bench.aws.heal();
    let error = run.commit(outcome(bench.clock.now())).await.unwrap_err();
    assert!(matches!(error, Error::Broken { .. }), "{error}");
    assert_eq!(bench.aws.keys(BUCKET), [""; 0]);
}
