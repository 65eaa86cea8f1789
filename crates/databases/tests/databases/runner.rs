use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Instant;

use futures_util::future::LocalBoxFuture;

use crate::servers::Servers;

/// What a test cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    Postgres,
    MariaDb,
}

pub(crate) struct Test {
    pub(crate) name: String,
    pub(crate) needs: Needs,
    pub(crate) by_hand: bool,
    pub(crate) body: fn(Servers) -> LocalBoxFuture<'static, ()>,
}

impl Test {
    /// Only with `--ignored`.
    pub(crate) fn by_hand(mut self) -> Self {
        self.by_hand = true;
        self
    }
}

macro_rules! test {
    ($needs:ident, $($path:ident)::+) => {
        Test {
            name: stringify!($($path)::+).replace(' ', ""),
            needs: Needs::$needs,
            by_hand: false,
            body: |servers| Box::pin($($path)::+(servers)),
        }
    };
}
pub(crate) use test;

/// libtest's arguments, as far as `cargo test` users give them.
#[derive(Default)]
struct Arguments {
    filters: Vec<String>,
    exact: bool,
    list: bool,
    only_ignored: bool,
    ignored_too: bool,
}

impl Arguments {
    fn read() -> Self {
        let mut arguments = Self::default();
        for argument in std::env::args().skip(1) {
            match argument.as_str() {
                "--exact" => arguments.exact = true,
                "--list" => arguments.list = true,
                "--ignored" => arguments.only_ignored = true,
                "--include-ignored" => arguments.ignored_too = true,
                flag if flag.starts_with('-') => {}
                filter => arguments.filters.push(filter.to_owned()),
            }
        }
        arguments
    }

    fn wants(&self, test: &Test) -> bool {
        let is_meant = |filter: &String| {
            if self.exact {
                test.name == *filter
            } else {
                test.name.contains(filter.as_str())
            }
        };
        self.filters.is_empty() || self.filters.iter().any(is_meant)
    }

    fn runs(&self, test: &Test) -> bool {
        self.ignored_too || test.by_hand == self.only_ignored
    }
}

/// Runs them one after the other: they share two servers and two cores.
pub(crate) fn run(tests: &[Test]) -> ExitCode {
    let arguments = Arguments::read();
    let all = tests.len();
    let chosen: Vec<_> = tests.iter().filter(|t| arguments.wants(t)).collect();
    if arguments.list {
        for test in &chosen {
            println!("{}: test", test.name);
        }
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    let servers = Servers::default();
    let (mut passed, mut failed, mut missing, mut by_hand) = (0, Vec::new(), 0, 0);
    for test in &chosen {
        if !arguments.runs(test) {
            println!("test {} ... ignored, runs with --ignored", test.name);
            by_hand += 1;
            continue;
        }
        if let Some(advice) = Servers::missing(test.needs) {
            println!("test {} ... ignored, {advice}", test.name);
            missing += 1;
            continue;
        }
        let began = Instant::now();
        let ok = runs_well(test, &servers);
        let word = if ok { "ok" } else { "FAILED" };
        println!(
            "test {} ... {word} ({} ms)",
            test.name,
            began.elapsed().as_millis()
        );
        if ok {
            passed += 1;
        } else {
            failed.push(test.name.as_str());
        }
    }
    for name in &failed {
        println!("failed: {name}");
    }
    if missing > 0 {
        println!("{missing} tests did not run, for want of a server: run infra/databases");
    }
    let word = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {} failed; {} ignored; 0 measured; {} filtered out\n",
        failed.len(),
        missing + by_hand,
        all - chosen.len()
    );
    ExitCode::from(u8::from(!failed.is_empty()) * 101)
}

fn runs_well(test: &Test, servers: &Servers) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let body = (test.body)(servers.clone());
    std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(body))).is_ok()
}
