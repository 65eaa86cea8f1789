use std::fmt;
use std::io::Read as _;

use flate2::read::GzDecoder;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Failure;
use crate::world::{BUCKET, World};

/// Stored rows beside those the account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Agreement {
    stored: u64,
    /// Rows of the account that are not stored.
    missing: u64,
    /// Stored rows that are none of the account's, or there a second time.
    surplus: u64,
}

impl Agreement {
    pub(crate) fn is_exact(self) -> bool {
        self.missing == 0 && self.surplus == 0
    }

    fn of(mut stored: Vec<Print>, mut expected: Vec<Print>) -> Self {
        stored.sort_unstable();
        expected.sort_unstable();
        let (mut missing, mut matched) = (0, 0);
        let mut rest = stored.iter().peekable();
        for row in &expected {
            while rest.next_if(|stored| *stored < row).is_some() {}
            match rest.next_if_eq(&row) {
                Some(_) => matched += 1,
                None => missing += 1,
            }
        }
        Self {
            stored: stored.len() as u64,
            missing,
            surplus: stored.len() as u64 - matched,
        }
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            stored,
            missing,
            surplus,
        } = self;
        if self.is_exact() {
            write!(f, "{stored}, each byte for byte that of the account, once")
        } else {
            write!(
                f,
                "{stored}, {missing} missing, {surplus} too many: NOT exact"
            )
        }
    }
}

/// Enough of a row's digest to tell a million rows apart.
type Print = [u8; 16];

fn print(row: &[u8]) -> Print {
    let mut print = Print::default();
    for (to, from) in print.iter_mut().zip(Sha256::digest(row)) {
        *to = from;
    }
    print
}

/// The keys of all data objects that a manifest names.
pub(crate) fn objects(world: &World, manifest_key: &str) -> Result<Vec<String>, Failure> {
    let manifest = object(world, manifest_key)?;
    let manifest: Value = serde_json::from_slice(&manifest)?;
    let keys = manifest["keys"].as_array().ok_or("a manifest names keys")?;
    keys.iter()
        .map(|entry| Ok(entry["key"].as_str().ok_or("a key is text")?.to_owned()))
        .collect()
}

/// The rows of these objects of tickets beside those of the account.
pub(crate) fn compared(world: &World, keys: &[String]) -> Result<Agreement, Failure> {
    let mut stored = Vec::new();
    for key in keys {
        let bytes = object(world, key)?;
        stored.extend(rows(&bytes).map(print));
    }
    let truth = world.zoho.truth("tickets", "").ok_or("no such report")?;
    let expected = truth.into_iter().map(|truth| print(truth.row.as_bytes()));
    Ok(Agreement::of(stored, expected.collect()))
}

fn object(world: &World, key: &str) -> Result<Vec<u8>, Failure> {
    let bytes = world.aws.object(BUCKET, key);
    let bytes = bytes.ok_or_else(|| format!("{key} is not there"))?;
    if std::path::Path::new(key).extension() != Some("gz".as_ref()) {
        return Ok(bytes.to_vec());
    }
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes.as_ref()).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

/// The rows of an object in any of the formats; the simulated rows have no line breaks.
fn rows(object: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (inner, end): (_, &[u8]) = match object {
        [b'[', inner @ .., b']', b'\n'] => (inner, b","),
        lines => (lines, b""),
    };
    inner
        .split(|byte| *byte == b'\n')
        .map(move |line| line.strip_suffix(end).unwrap_or(line))
        .filter(|row| !row.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreement(stored: &[&str], expected: &[&str]) -> (u64, u64) {
        let prints = |rows: &[&str]| rows.iter().map(|row| print(row.as_bytes())).collect();
        let agreement = Agreement::of(prints(stored), prints(expected));
        (agreement.missing, agreement.surplus)
    }

    #[test]
    fn each_row_counts_once() {
        for (stored, expected, outcome) in [
            (&["a", "b"][..], &["b", "a"][..], (0, 0)),
            (&["a"], &["a", "b"], (1, 0)),
            (&["a", "a", "b"], &["a", "b"], (0, 1)),
            (&["a", "c"], &["a", "b"], (1, 1)),
            (&["a", "a"], &["a", "b"], (1, 1)),
            (&[], &[], (0, 0)),
        ] {
            assert_eq!(agreement(stored, expected), outcome, "{stored:?}");
        }
    }

    #[test]
    fn rows_are_found_in_arrays_and_in_lines() {
        for (object, expected) in [
            ("[]\n", &[][..]),
            ("[{\"a\":1},\n{\"b\":2}]\n", &["{\"a\":1}", "{\"b\":2}"]),
            ("{\"a\":1}\n{\"b\":2}\n", &["{\"a\":1}", "{\"b\":2}"]),
            ("", &[]),
        ] {
            let found: Vec<&[u8]> = rows(object.as_bytes()).collect();
            let expected: Vec<&[u8]> = expected.iter().map(|row| row.as_bytes()).collect();
            assert_eq!(found, expected);
        }
    }
}
