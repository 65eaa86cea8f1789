use std::fmt::{self, Write as _};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::InvalidName;
use crate::format::Format;

/// Names one run of one report: 1 to 40 characters of `a-z0-9`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// Checks `id`.
    pub fn parse(id: impl Into<String>) -> Result<Self, InvalidName> {
        let id = id.into();
        let fits = (1..=40).contains(&id.len())
            && id.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9'));
        if fits {
            Ok(Self(id))
        } else {
            Err(InvalidName {
                what: "run id",
                value: id,
                rule: "1 to 40 characters of a-z and 0-9",
            })
        }
    }

    /// The first 20 bytes of `bytes` in hexadecimal, for instance of a digest.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidName> {
        Self::parse(hex::encode(bytes.get(..20).unwrap_or(bytes)))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidName;

    fn try_from(id: String) -> Result<Self, InvalidName> {
        Self::parse(id)
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

/// One `key=value/` level above `dt=`, in Hive's notation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// `[a-z][a-z0-9_]*`, other than `dt`.
    pub key: String,
    /// Any text; percent-encoded in object keys outside `[A-Za-z0-9_.-]`.
    pub value: String,
}

impl Partition {
    /// A partition level; checked when a run begins.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
        }
    }

    fn check(&self) -> Result<(), InvalidName> {
        let fits = self.key.starts_with(|c: char| c.is_ascii_lowercase())
            && self
                .key
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
            && self.key != "dt";
        if !fits {
            return Err(InvalidName {
                what: "partition key",
                value: self.key.clone(),
                rule: "a-z, 0-9 and _, a letter first, and not dt",
            });
        }
        if self.value.is_empty() {
            return Err(InvalidName {
                what: "partition value",
                value: String::new(),
                rule: "at least one character",
            });
        }
        Ok(())
    }
}

/// What all keys of a lake begin with: nothing, or folders that end with `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Root(String);

impl Root {
    pub(crate) fn parse(root: &str) -> Result<Self, InvalidName> {
        let fits = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment.bytes().all(
                    |b| matches!(b, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'=' | b'-'),
                )
        };
        match root.strip_suffix('/') {
            Some(folders) if folders.split('/').all(fits) => Ok(Self(root.to_owned())),
            _ => Err(InvalidName {
                what: "root",
                value: root.to_owned(),
                rule: "folders of A-Z, a-z, 0-9, _, ., = and -, none of them . or .., each with a / at its end",
            }),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The folder of a report below a root, both as in [`crate::Lake::under`] and
/// [`crate::RunSpec::report`]: everything of the report begins so.
pub fn folder(root: &str, report: &str) -> Result<String, InvalidName> {
    check_report(report)?;
    Ok(format!("{}{report}/", Root::parse(root)?.as_str()))
}

/// What all keys of the lake [under](crate::Lake::under) `root` begin with: `root`, if it may be one.
pub fn everything(root: &str) -> Result<String, InvalidName> {
    Ok(Root::parse(root)?.0)
}

/// Checks the name of a report.
fn check_report(report: &str) -> Result<(), InvalidName> {
    let fits = report.starts_with(|c: char| c.is_ascii_alphanumeric())
        && report
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    if fits {
        return Ok(());
    }
    Err(InvalidName {
        what: "report",
        value: report.to_owned(),
        rule: "a-z, 0-9, - and _, a letter or digit first",
    })
}

/// The keys of one report in one bucket.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    /// The report's folder, without the `/` at its end.
    report: String,
    folder: String,
}

impl Keys {
    pub(crate) fn new(
        root: &Root,
        report: &str,
        partitions: &[Partition],
    ) -> Result<Self, InvalidName> {
        check_report(report)?;
        let report = format!("{}{report}", root.as_str());
        let mut folder = format!("{report}/");
        for partition in partitions {
            partition.check()?;
            folder.push_str(&partition.key);
            folder.push('=');
            push_encoded(&mut folder, &partition.value);
            folder.push('/');
        }
        Ok(Self { report, folder })
    }

    /// The data object of one leg; `leg` counts from 1.
    pub(crate) fn object(
        &self,
        started_at: Timestamp,
        run: &RunId,
        leg: u32,
        format: Format,
    ) -> String {
        let suffix = if leg > 1 {
            format!("-{leg:04}")
        } else {
            String::new()
        };
        format!(
            "{}dt={}/{}-{run}{suffix}.{}",
            self.folder,
            started_at.strftime("%Y-%m-%d"),
            started_at.strftime("%Y%m%dT%H%M%SZ"),
            format.extension()
        )
    }

    pub(crate) fn pointer(&self) -> String {
        format!("{}_latest.json", self.folder)
    }

    pub(crate) fn manifest(&self, run: &RunId) -> String {
        format!("{}{run}.json", self.manifests())
    }

    pub(crate) fn manifests(&self) -> String {
        format!("{}/_runs/", self.report)
    }

    /// The run whose manifest is at `key`.
    pub(crate) fn run_of_manifest(&self, key: &str) -> Option<RunId> {
        run_of(key.strip_prefix(&self.manifests())?)
    }

    /// The open record of a run, which the parts of a group keep in a folder of their own.
    pub(crate) fn open(&self, group: Option<&RunId>, run: &RunId) -> String {
        match group {
            None => format!("{}{run}.json", self.open_records()),
            Some(group) => format!("{}{group}/{run}.json", self.open_records()),
        }
    }

    pub(crate) fn open_records(&self) -> String {
        format!("{}/_open/", self.report)
    }

    /// Whose open record is at `key`: its group, if it has one, and the run.
    pub(crate) fn owner_of_open(&self, key: &str) -> Option<(Option<RunId>, RunId)> {
        let name = key.strip_prefix(&self.open_records())?;
        match name.split_once('/') {
            None => Some((None, run_of(name)?)),
            Some((group, name)) => Some((Some(RunId::parse(group).ok()?), run_of(name)?)),
        }
    }
}

fn run_of(file_name: &str) -> Option<RunId> {
    RunId::parse(file_name.strip_suffix(".json")?).ok()
}

fn push_encoded(out: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_the_layout_users_were_promised() {
        let run = RunId::parse("ab12").unwrap();
        let at: Timestamp = "2026-03-04T05:06:07.9Z".parse().unwrap();
        let keys = Keys::new(&Root::default(), "tickets", &[]).unwrap();
        assert_eq!(
            keys.object(at, &run, 1, Format::Json),
            "tickets/dt=2026-03-04/20260304T050607Z-ab12.json"
        );
        assert_eq!(keys.pointer(), "tickets/_latest.json");
        assert_eq!(keys.manifest(&run), "tickets/_runs/ab12.json");
        assert_eq!(
            keys.object(at, &run, 2, Format::Jsonl),
            "tickets/dt=2026-03-04/20260304T050607Z-ab12-0002.jsonl"
        );

        let keys = Keys::new(
            &Root::default(),
            "threads",
            &[Partition::new("ticket_id", "a/b=ü")],
        )
        .unwrap();
        assert_eq!(
            keys.object(at, &run, 1, Format::JsonlGz),
            "threads/ticket_id=a%2Fb%3D%C3%BC/dt=2026-03-04/20260304T050607Z-ab12.jsonl.gz"
        );
        assert_eq!(
            keys.pointer(),
            "threads/ticket_id=a%2Fb%3D%C3%BC/_latest.json"
        );
        assert_eq!(keys.manifest(&run), "threads/_runs/ab12.json");
    }

    #[test]
    fn keys_tell_whose_they_are() {
        let id = |text: &str| RunId::parse(text).unwrap();
        let keys = Keys::new(&Root::default(), "tickets", &[]).unwrap();
        for (group, key) in [
            (None, "tickets/_open/ab12.json"),
            (Some(id("g1")), "tickets/_open/g1/ab12.json"),
        ] {
            assert_eq!(keys.open(group.as_ref(), &id("ab12")), key);
            assert_eq!(keys.owner_of_open(key), Some((group, id("ab12"))));
        }
        assert_eq!(
            keys.run_of_manifest("tickets/_runs/ab12.json"),
            Some(id("ab12"))
        );
        for foreign in [
            "other/_open/ab12.json",
            "tickets/_open/A.json",
            "tickets/_open/ab12",
            "tickets/_open/a/b/c.json",
        ] {
            assert_eq!(keys.owner_of_open(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn names_that_would_break_a_key_are_refused() {
        for id in ["", "A", "a-b", "a/b", &"x".repeat(41)] {
            assert!(RunId::parse(id).is_err(), "{id}");
        }
        for report in ["", "_runs", "a/b", "Tickets", ".."] {
            assert!(
                Keys::new(&Root::default(), report, &[]).is_err(),
                "{report}"
            );
        }
        for (key, value) in [("dt", "1"), ("", "1"), ("a/b", "1"), ("1a", "1"), ("a", "")] {
            assert!(
                Keys::new(&Root::default(), "r", &[Partition::new(key, value)]).is_err(),
                "{key}={value}"
            );
        }
    }

    #[test]
    fn a_root_stands_before_every_key() {
        let run = RunId::parse("ab12").unwrap();
        let at: Timestamp = "2026-03-04T05:06:07Z".parse().unwrap();
        let root = Root::parse("integrations/tenant=acme/integration=7/").unwrap();
        let keys = Keys::new(&root, "tickets", &[Partition::new("team", "1")]).unwrap();
        for key in [
            keys.object(at, &run, 1, Format::Json),
            keys.pointer(),
            keys.manifest(&run),
            keys.manifests(),
            keys.open(None, &run),
            keys.open_records(),
        ] {
            assert!(
                key.starts_with("integrations/tenant=acme/integration=7/tickets/"),
                "{key}"
            );
        }
        assert_eq!(
            keys.run_of_manifest(&keys.manifest(&run)),
            Some(run.clone())
        );
        assert_eq!(
            keys.owner_of_open(&keys.open(None, &run)),
            Some((None, run.clone()))
        );
        assert_eq!(keys.owner_of_open("tickets/_open/ab12.json"), None);
    }

    #[test]
    fn a_root_that_leaves_its_folder_is_refused() {
        for root in [
            "", "/", "a", "/a/", "a//b/", "a/../b/", "./", "../", "a b/", "ü/", "a\\/",
        ] {
            assert!(Root::parse(root).is_err(), "{root}");
        }
    }

    #[test]
    fn a_digest_makes_a_run_id() {
        assert_eq!(RunId::from_bytes(&[0xab, 1]).unwrap().as_str(), "ab01");
        assert_eq!(RunId::from_bytes(&[7; 32]).unwrap().as_str().len(), 40);
        assert!(RunId::from_bytes(&[]).is_err());
    }
}
