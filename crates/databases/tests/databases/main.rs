//! The drivers against real servers, which are started here on free ports with throwaway data.
//!
//! A test whose server is not installed is counted as ignored, never as passed; libtest cannot do
//! that at run time, so this binary is its own harness. `million` runs only with `--ignored`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "this is a test harness; lints know tests by libtest's attributes only"
)]

mod changes;
mod conformance;
mod mariadb;
mod mariadb_types;
mod million;
mod postgres;
mod postgres_types;
mod reading;
mod refusals;
mod runner;
mod servers;
mod sqlite;
mod tls;

use runner::{Needs, Test, test};

fn main() -> std::process::ExitCode {
    let tests: Vec<Test> = vec![
        test!(Postgres, postgres_types::each_type_is_exact),
        test!(Postgres, postgres_types::a_query_has_the_same_types),
        test!(Postgres, postgres::streams_tell_keys_cursors_and_types),
        test!(Postgres, postgres::only_readable_columns_are_read),
        test!(Postgres, postgres::keys_of_every_type_are_walked),
        test!(
            Postgres,
            postgres::a_table_without_key_is_read_in_one_snapshot
        ),
        test!(Postgres, postgres::a_key_that_is_none_is_told),
        test!(Postgres, postgres::a_late_commit_is_not_missed),
        test!(Postgres, postgres::an_idle_table_costs_nothing_in_the_end),
        test!(
            Postgres,
            postgres::a_date_in_the_future_does_not_stop_the_cursor
        ),
        test!(Postgres, postgres::stopping_now_ends_the_statement),
        test!(Postgres, postgres::fields_are_chosen),
        test!(Postgres, changes::postgres_ties_and_nulls_are_read_once),
        test!(Postgres, changes::postgres_resumes_at_every_chunk),
        test!(Postgres, changes::postgres_loses_no_change_made_meanwhile),
        test!(Postgres, changes::postgres_columns_come_and_go),
        test!(Postgres, refusals::postgres_errors_say_what_to_do),
        test!(Postgres, refusals::postgres_never_writes),
        test!(Postgres, tls::postgres_modes),
        test!(Postgres, conformance::postgres),
        test!(MariaDb, mariadb_types::each_type_is_exact),
        test!(MariaDb, mariadb_types::a_query_has_the_same_types),
        test!(MariaDb, mariadb::streams_tell_keys_cursors_and_types),
        test!(MariaDb, mariadb::keys_of_every_type_are_walked),
        test!(
            MariaDb,
            mariadb::a_table_without_key_is_read_in_one_snapshot
        ),
        test!(MariaDb, changes::mariadb_ties_and_nulls_are_read_once),
        test!(MariaDb, changes::mariadb_resumes_at_every_chunk),
        test!(MariaDb, changes::mariadb_loses_no_change_made_meanwhile),
        test!(MariaDb, changes::mariadb_columns_come_and_go),
        test!(MariaDb, refusals::mariadb_errors_say_what_to_do),
        test!(MariaDb, refusals::mariadb_never_writes),
        test!(MariaDb, tls::mariadb_modes),
        test!(MariaDb, conformance::mariadb),
        test!(Nothing, sqlite::each_value_is_exact),
        test!(Nothing, sqlite::streams_tell_keys_and_cursors),
        test!(Nothing, sqlite::resumes_at_every_chunk_with_and_without_key),
        test!(Nothing, sqlite::changes_come_with_the_next_file),
        test!(Nothing, sqlite::a_replaced_file_is_not_gone_on_with),
        test!(Nothing, sqlite::errors_say_what_to_do),
        test!(Nothing, refusals::no_server_is_needed_to_refuse),
        test!(Postgres, million::a_million_rows_in_legs_while_they_change).by_hand(),
    ];
    runner::run(&tests)
}
