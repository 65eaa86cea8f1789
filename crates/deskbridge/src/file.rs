use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that only its owner may read, and that appears whole or not at all: it is written beside
/// its place and moved there by [`Private::keep`].
#[derive(Debug)]
pub(crate) struct Private {
    file: File,
    draft: PathBuf,
    place: PathBuf,
    kept: bool,
}

impl Private {
    pub(crate) fn create(place: &Path) -> io::Result<Self> {
        let folder = place
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder
            && !folder.exists()
        {
            create_folder(folder)?;
        }
        let mut name = place
            .file_name()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "this is not a file name"))?
            .to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let draft = place.with_file_name(name);
        let file =
            private(OpenOptions::new().write(true).create(true).truncate(true)).open(&draft)?;
        Ok(Self {
            file,
            draft,
            place: place.to_owned(),
            kept: false,
        })
    }

    /// Puts the file in its place.
    pub(crate) fn keep(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.draft, &self.place)?;
        self.kept = true;
        Ok(())
    }
}

impl Write for Private {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing can be done about a draft that stays.
            let _ = fs::remove_file(&self.draft);
        }
    }
}

/// Whether others than the owner may read the file.
#[cfg(unix)]
pub(crate) fn is_exposed(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
pub(crate) fn is_exposed(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
fn create_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn create_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new/config.json");
        let mut dropped = Private::create(&place).unwrap();
        dropped.write_all(b"half").unwrap();
        drop(dropped);
        assert!(!place.exists());
        let mut file = Private::create(&place).unwrap();
        file.write_all(b"whole").unwrap();
        file.keep().unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"whole");
        assert_eq!(fs::read_dir(place.parent().unwrap()).unwrap().count(), 1);
        assert!(!is_exposed(&place).unwrap());
    }
}
