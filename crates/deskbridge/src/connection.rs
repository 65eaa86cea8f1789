use std::io::Read as _;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

use crate::Error;
use crate::address::Address;
use crate::args::Global;
use crate::env::Env;
use crate::profile::{self, Profiles};

/// A key has 60 characters; whatever is much longer is another file.
const LONGEST_KEY: u64 = 4096;

/// The hub to talk to, and the key for it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) address: Address,
    pub(crate) key: SecretString,
}

impl Connection {
    /// Address: `--url`, `--local`, `--profile`, `DESKBRIDGE_URL`, the profile `default`, the
    /// first that is there. Key: that of a profile named by `--profile`, else the environment's,
    /// else that of the profile `default`, which goes to no other address than its own.
    pub(crate) fn find(global: &Global, env: &Env, folder: &Path) -> Result<Self, Error> {
        if let Some(name) = &global.profile {
            if global.url.is_some() || global.local {
                return Err(Error::Usage(
                    "a profile has an address of its own: leave out --profile, or --url and --local"
                        .to_owned(),
                ));
            }
            let profiles = Profiles::load(env)?;
            let profile = profiles.named(name)?;
            return Ok(Self {
                address: profile.url.clone(),
                key: profile.key.clone(),
            });
        }
        let address = given_address(global, env, folder)?;
        if let Some(key) = key_of(env)? {
            let address = match address {
                Some(address) => address,
                None => default_address(env)?,
            };
            return Ok(Self { address, key });
        }
        let profiles = Profiles::load(env)?;
        match (address, profiles.get(profile::DEFAULT)) {
            (None, None) => Err(Error::NoAddress),
            (None, Some(profile)) => Ok(Self {
                address: profile.url.clone(),
                key: profile.key.clone(),
            }),
            (Some(address), Some(profile)) if profile.url == address => Ok(Self {
                address,
                key: profile.key.clone(),
            }),
            (Some(address), _) => Err(Error::NoKey {
                url: address.to_string(),
            }),
        }
    }
}

/// The address from options or environment, without any profile.
pub(crate) fn given_address(
    global: &Global,
    env: &Env,
    folder: &Path,
) -> Result<Option<Address>, Error> {
    if let Some(url) = &global.url {
        return parse(url, "--url").map(Some);
    }
    if global.local {
        return local(env, folder).map(Some);
    }
    env.get("DESKBRIDGE_URL")
        .map(|url| parse(url, "DESKBRIDGE_URL"))
        .transpose()
}

/// The key that the environment gives.
pub(crate) fn key_of(env: &Env) -> Result<Option<SecretString>, Error> {
    if let Some(key) = env.get("DESKBRIDGE_API_KEY") {
        return Ok(Some(SecretString::from(key)));
    }
    env.get("DESKBRIDGE_API_KEY_FILE")
        .map(|path| key_in(Path::new(path)))
        .transpose()
}

/// The key in a file.
pub(crate) fn key_in(path: &Path) -> Result<SecretString, Error> {
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LONGEST_KEY).read_to_string(&mut text))
        .map_err(Error::reading(path))?;
    key(&text)
}

/// A key as it was typed or read.
pub(crate) fn key(text: &str) -> Result<SecretString, Error> {
    let key = text.trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::Usage(
            "that is not an API key: a key is one word such as dbk_…; ask whoever manages the keys for one"
                .to_owned(),
        ));
    }
    Ok(SecretString::from(key))
}

fn default_address(env: &Env) -> Result<Address, Error> {
    let profiles = Profiles::load(env)?;
    let profile = profiles.get(profile::DEFAULT).ok_or(Error::NoAddress)?;
    Ok(profile.url.clone())
}

fn parse(text: &str, from: &str) -> Result<Address, Error> {
    text.parse()
        .map_err(|error| Error::Usage(format!("{from}: {error}")))
}

#[derive(Deserialize)]
struct Stack {
    http_api: String,
}

/// What `make up` wrote about the stack on this machine.
fn local(env: &Env, folder: &Path) -> Result<Address, Error> {
    let path = match env.get("DESKBRIDGE_STACK") {
        Some(path) => PathBuf::from(path),
        None => folder
            .ancestors()
            .map(|folder| folder.join(".local/stack.json"))
            .find(|path| path.is_file())
            .ok_or_else(|| {
                Error::Usage(
                    "no local stack is up here or in a folder above; start one with `make up`"
                        .to_owned(),
                )
            })?,
    };
    let text = std::fs::read_to_string(&path).map_err(Error::reading(&path))?;
    let stack: Stack = serde_json::from_str(&text).map_err(|_| {
        Error::Usage(format!(
            "{} does not name `http_api`; start the stack anew with `make down up`",
            path.display()
        ))
    })?;
    parse(&stack.http_api, &path.display().to_string())
}
