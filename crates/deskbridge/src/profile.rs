use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::address::Address;
use crate::env::Env;
use crate::{Error, file};

/// The profile that is used if none is named.
pub(crate) const DEFAULT: &str = "default";

/// A hub and the key for it, as `deskbridge login` stored them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) url: Address,
    #[serde(serialize_with = "exposed", deserialize_with = "kept")]
    pub(crate) key: SecretString,
}

/// The file of all profiles, which only its owner may read.
#[derive(Debug)]
pub(crate) struct Profiles {
    path: PathBuf,
    stored: Stored,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Stored {
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

impl Profiles {
    /// Reads `DESKBRIDGE_CONFIG`, else `deskbridge/config.json` in `XDG_CONFIG_HOME` or
    /// `~/.config`. No file is no profiles.
    pub(crate) fn load(env: &Env) -> Result<Self, Error> {
        let path = place(env)?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self {
                    path,
                    stored: Stored::default(),
                });
            }
            Err(error) => return Err(Error::reading(&path)(error)),
        };
        if file::is_exposed(&path).map_err(Error::reading(&path))? {
            return Err(Error::Exposed { path });
        }
        let stored = serde_json::from_str(&text).map_err(|error| {
            Error::Usage(format!(
                "{} is not what `deskbridge login` writes (line {}); mend it, or remove it and log in again",
                path.display(),
                error.line()
            ))
        })?;
        Ok(Self { path, stored })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Profile> {
        self.stored.profiles.get(name)
    }

    /// The same, or an error that names those there are.
    pub(crate) fn named(&self, name: &str) -> Result<&Profile, Error> {
        self.get(name).ok_or_else(|| {
            let known: Vec<_> = self.stored.profiles.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "there is none yet".to_owned()
            } else {
                format!("there are {}", known.join(", "))
            };
            Error::Usage(format!(
                "no profile `{name}` ({known}); run `deskbridge login --profile {name}`"
            ))
        })
    }

    /// Stores a profile, over one of the same name.
    pub(crate) fn put(&mut self, name: &str, profile: Profile) -> Result<(), Error> {
        self.stored.profiles.insert(name.to_owned(), profile);
        let mut text = serde_json::to_vec_pretty(&self.stored)
            .map_err(|error| Error::writing(&self.path)(io::Error::other(error)))?;
        text.push(b'\n');
        let mut file = file::Private::create(&self.path).map_err(Error::writing(&self.path))?;
        file.write_all(&text)
            .and_then(|()| file.keep())
            .map_err(Error::writing(&self.path))
    }
}

fn place(env: &Env) -> Result<PathBuf, Error> {
    if let Some(path) = env.get("DESKBRIDGE_CONFIG") {
        return Ok(path.into());
    }
    let folder = match (
        env.get("XDG_CONFIG_HOME"),
        env.get("HOME"),
        env.get("APPDATA"),
    ) {
        (Some(folder), _, _) | (None, None, Some(folder)) => PathBuf::from(folder),
        (None, Some(home), _) => Path::new(home).join(".config"),
        (None, None, None) => {
            return Err(Error::Usage(
                "there is no home folder to keep profiles in: set HOME, or DESKBRIDGE_CONFIG to a file"
                    .to_owned(),
            ));
        }
    };
    Ok(folder.join("deskbridge").join("config.json"))
}

fn exposed<S: Serializer>(key: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.expose_secret())
}

fn kept<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}
