use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::agreement::{COMPACT, is_report};
use crate::stack::{Stack, root, sorted};

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.is_file());
    sorted(files.map(|path| path.display().to_string()))
        .into_iter()
        .map(PathBuf::from)
        .collect()
}

fn read(file: &PathBuf) -> Value {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// `tickets-window.json` is an event of `tickets`: the longest function name it begins with.
fn function_of(file: &std::path::Path, functions: &[String]) -> String {
    let stem = file.file_stem().unwrap().to_str().unwrap();
    let fits = |name: &&String| stem == name.as_str() || stem.starts_with(&format!("{name}-"));
    let longest = functions.iter().filter(fits).max_by_key(|name| name.len());
    longest
        .unwrap_or_else(|| panic!("{stem} belongs to no function"))
        .clone()
}

/// Ids in the files are examples; here they become ids of the simulated account.
async fn with_real_ids(stack: &Stack, mut event: Value) -> Value {
    for (key, kind) in [
        ("ticket_id", "tickets"),
        ("agent_id", "agents"),
        ("department_id", "departments"),
    ] {
        if event.get(key).is_some() {
            let ids: Value =
                serde_json::from_str(&stack.get(&format!("/_sim/ids/{kind}?n=1")).await).unwrap();
            event[key] = ids.pointer("/0").or(ids.pointer("/ids/0")).unwrap().clone();
        }
    }
    event
}

#[tokio::test]
async fn every_good_event_is_answered_with_a_complete_run() {
    let stack = Stack::of_environment().await;
    let functions = crate::agreement::functions();
    let events = files("events");
    assert!(events.len() >= functions.len());
    for file in events {
        let function = function_of(&file, &functions);
        if function != COMPACT && !is_report(&function) {
            continue; // their crates' tests use them
        }
        let event = with_real_ids(&stack, read(&file)).await;
        if event.get("secret_id").is_some() {
            continue; // needs a second secret: see `refusals`
        }
        let result = stack.invoke(&function, &event).await.result();
        if function == COMPACT {
            assert!(result["tables"].is_array(), "{}: {result}", file.display());
            continue;
        }
        assert_eq!(result["report"], function, "{}", file.display());
        assert_eq!(result["complete"], true, "{}: {result}", file.display());
    }
}

#[tokio::test]
async fn every_bad_event_fails_with_its_type_and_names_its_key() {
    let stack = Stack::of_environment().await;
    let bad = files("events/bad");
    assert!(bad.len() >= 10);
    for file in bad {
        let case = read(&file);
        let function = case["function"].as_str().unwrap();
        let (error_type, message) = stack.invoke(function, &case["event"]).await.error();
        assert_eq!(
            error_type,
            case["errorType"].as_str().unwrap(),
            "{}: {message}",
            file.display()
        );
        let names = format!("`{}`", case["names"].as_str().unwrap());
        assert!(message.contains(&names), "{}: {message}", file.display());
    }
}
