use std::any::Any;
use std::path::{Component, Path, PathBuf};

use engine::{Error, Kind};
use futures_util::future::BoxFuture;
use sql::FilePlace;

/// Brings a `SQLite` file onto this machine. Whoever implements it decides which files may be read,
/// and how large they may be.
pub trait SqliteFiles: Send + Sync {
    /// Fetches it.
    fn fetch<'a>(&'a self, place: &'a FilePlace) -> BoxFuture<'a, Result<SqliteFile, Error>>;
}

/// A `SQLite` file on this machine. It is not changed while it is read.
pub struct SqliteFile {
    /// Where it is.
    pub path: PathBuf,
    /// Tells this content from others (an `ETag`): a reading that goes on with another is refused.
    pub version: String,
    /// Dropped when the file is not needed any more; may delete it.
    pub keep: Box<dyn Any + Send + Sync>,
}

impl std::fmt::Debug for SqliteFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqliteFile")
    }
}

/// There are no files.
#[derive(Debug, Clone, Copy)]
pub struct NoFiles;

impl SqliteFiles for NoFiles {
    fn fetch<'a>(&'a self, _: &'a FilePlace) -> BoxFuture<'a, Result<SqliteFile, Error>> {
        Box::pin(async {
            Err(Error::new(
                Kind::Refused,
                "SQLite files cannot be read here",
            ))
        })
    }
}

/// Files below a folder of this machine, for tests and local use.
#[derive(Debug, Clone)]
pub struct LocalFiles(PathBuf);

impl LocalFiles {
    /// Files below `root`.
    pub fn under(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    fn find(&self, place: &FilePlace) -> Result<SqliteFile, Error> {
        let FilePlace::Local(path) = place else {
            return Err(Error::new(
                Kind::Refused,
                "only files of this machine can be read here",
            ));
        };
        let refused = || Error::new(Kind::Refused, "the file lies outside of the allowed folder");
        if Path::new(path)
            .components()
            .any(|part| part == Component::ParentDir)
        {
            return Err(refused());
        }
        let missing = |_| Error::new(Kind::InvalidConfig, "the file is not there; check its path");
        let root = self.0.canonicalize().map_err(missing)?;
        // Links are followed before it is decided.
        let path = root.join(path).canonicalize().map_err(missing)?;
        if !path.starts_with(&root) {
            return Err(refused());
        }
        let about = path.metadata().map_err(missing)?;
        let changed = about
            .modified()
            .ok()
            .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
            .unwrap_or_default();
        Ok(SqliteFile {
            path,
            version: format!("{}-{}", about.len(), changed.as_nanos()),
            keep: Box::new(()),
        })
    }
}

impl SqliteFiles for LocalFiles {
    fn fetch<'a>(&'a self, place: &'a FilePlace) -> BoxFuture<'a, Result<SqliteFile, Error>> {
        Box::pin(async move { self.find(place) })
    }
}
