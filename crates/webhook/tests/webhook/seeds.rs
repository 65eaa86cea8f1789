//! The fuzz targets start from samples; this keeps the samples what their names say.

use std::path::Path;

use webhook::{Refusal, desk, salesiq};

fn outcomes(target: &str, parse: impl Fn(&[u8]) -> Result<(), Refusal>) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target);
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let result = parse(&std::fs::read(&path).unwrap());
        match name.split('-').next().unwrap() {
            "accepted" => assert_eq!(result, Ok(()), "{name}"),
            "refused" => assert!(result.is_err(), "{name}"),
            _ => continue,
        }
        seen += 1;
    }
    seen
}

#[test]
fn samples_are_accepted_or_refused_as_their_names_say() {
    let salesiq = outcomes("salesiq", |body| salesiq::parse(body).map(drop));
    let desk = outcomes("desk_events", |body| desk::parse(body).map(drop));
    assert!(salesiq >= 14 && desk >= 7, "{salesiq} {desk}");
}
