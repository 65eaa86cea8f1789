//! The list of committed runs.

use std::collections::HashSet;

use clock::Clock as _;
use jiff::SignedDuration;
use lake::{Partition, RunSpec};
use simulators::aws::Fault;

use crate::harness::{Bench, REPORT, SMALL, claimed, fill, id};

#[tokio::test]
async fn committed_runs_are_listed_oldest_first_and_known_ones_not_read() {
    let bench = Bench::start().await;
    let mut runs = vec![];
    for name in ["z", "m", "a"] {
        let spec = RunSpec {
            partitions: match name {
                "m" => vec![Partition::new("department_id", "1")],
                _ => vec![],
            },
            ..bench.spec(name)
        };
        let run = claimed(bench.lake.begin(spec).await.unwrap());
        runs.push(fill(run, SMALL, bench.clock.now()).await.unwrap());
        bench.pass(SignedDuration::from_mins(1));
    }
    let all = bench.lake.committed_runs(REPORT, &HashSet::new()).await;
    assert_eq!(all.unwrap(), runs);

    let reads = bench.aws.calls("GetObject");
    let known = HashSet::from([id("z"), id("a")]);
    let unknown = bench.lake.committed_runs(REPORT, &known).await.unwrap();
    assert_eq!(unknown, runs[1..2]);
    assert_eq!(bench.aws.calls("GetObject") - reads, 1);
    let none = bench.lake.committed_runs("calls", &HashSet::new()).await;
    assert_eq!(none.unwrap(), []);
}

#[tokio::test]
async fn a_run_whose_pointer_has_not_moved_is_not_listed() {
    let bench = Bench::start().await;
    bench.run("r1", SMALL).await.unwrap();
    bench.pass(SignedDuration::from_mins(1));
    bench
        .aws
        .inject(Fault::internal_error("PutObject").on("tickets/_latest"));
    bench.run("r2", SMALL).await.unwrap_err();
    bench.aws.heal();
    assert_eq!(bench.keys_with("/_runs/").len(), 2);
    let runs = bench.lake.committed_runs(REPORT, &HashSet::new()).await;
    let ids: Vec<_> = runs.unwrap().into_iter().map(|run| run.run).collect();
    assert_eq!(ids, [id("r1")]);
}
