use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::transcript::play;

fn tests_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn files() -> Vec<PathBuf> {
    let folder = tests_folder().join("transcripts");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "txt"))
        .collect();
    files.sort();
    files
}

/// The first line that differs, or the first that one of them lacks.
fn first_difference<'t>(one: &'t str, other: &'t str) -> (usize, &'t str, &'t str) {
    let (mut one, mut other) = (one.lines(), other.lines());
    for number in 1.. {
        match (one.next(), other.next()) {
            (Some(a), Some(b)) if a == b => {}
            (a, b) => return (number, a.unwrap_or("(end)"), b.unwrap_or("(end)")),
        }
    }
    unreachable!()
}

#[test]
fn every_conversation_goes_as_written() {
    let files = files();
    assert!(files.len() >= 15, "{} transcripts", files.len());
    let mut wrong = String::new();
    for path in files {
        let written = fs::read_to_string(&path).unwrap();
        let played = play(&tests_folder(), &written);
        if played != written {
            let (line, expected, got) = first_difference(&written, &played);
            let name = path.file_name().unwrap().to_string_lossy();
            let _ = write!(
                wrong,
                "{name}, line {line}:\n  written: {expected}\n  played:  {got}\n"
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong}If the new answers are right: cargo test -p chat -- --ignored rewrite, and read the diff"
    );
}

/// Keeps the input lines and writes the answers anew.
#[test]
#[ignore = "writes files"]
fn rewrite_transcripts() {
    for path in files() {
        let written = fs::read_to_string(&path).unwrap();
        fs::write(&path, play(&tests_folder(), &written)).unwrap();
    }
}
