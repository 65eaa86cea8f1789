//! Adding a function touches one folder, one template block and one event: this finds what was
//! forgotten.

use std::fs;

use crate::stack::{root, sorted};

/// The folders of `functions/`.
pub(crate) fn functions() -> Vec<String> {
    let entries = fs::read_dir(root().join("functions")).unwrap();
    sorted(entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()))
}

#[test]
fn every_function_has_a_package_an_event_and_a_template_block() {
    let template = fs::read_to_string(root().join("infra/template.yaml")).unwrap();
    let functions = functions();
    assert_eq!(functions.len(), 15);
    for name in &functions {
        let manifest =
            fs::read_to_string(root().join(format!("functions/{name}/Cargo.toml"))).unwrap();
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "{name}: folder and package differ"
        );
        let event = root().join(format!("events/{name}.json"));
        assert!(event.is_file(), "{name}: no {}", event.display());
        for line in [
            format!("CodeUri: ../target/lambda/{name}/"),
            format!("FunctionName: !Sub '${{FunctionNamePrefix}}{name}'"),
        ] {
            assert!(
                template.contains(&line),
                "{name}: the template lacks `{line}`"
            );
        }
        let main =
            fs::read_to_string(root().join(format!("functions/{name}/src/main.rs"))).unwrap();
        assert!(main.lines().count() <= 30, "{name}: main is for wiring");
    }
    let blocks = template.matches("CodeUri: ../target/lambda/").count();
    assert_eq!(
        blocks,
        functions.len(),
        "the template has a function without a folder"
    );
}
