use lake::{InvalidName, RunId};

/// The keys of one stream.
///
/// Names of objects begin with the generation of the index that may first name them: once the index
/// is of that generation or a later one, an object that it does not name never will be.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    stream: String,
}

const EXTENSION: &str = ".jsonl.gz";

impl Folder {
    pub(crate) fn new(root: &str, stream: &str) -> Result<Self, InvalidName> {
        Ok(Self {
            stream: lake::folder(root, stream)?,
        })
    }

    /// Everything of the stream, its runs too.
    pub(crate) fn all(&self) -> &str {
        &self.stream
    }

    pub(crate) fn current(&self) -> String {
        format!("{}current/", self.stream)
    }

    pub(crate) fn index(&self) -> String {
        format!("{}index.json", self.current())
    }

    pub(crate) fn segment(&self, generation: u64, nonce: &str) -> String {
        format!("{}{generation}-{nonce}{EXTENSION}", self.current())
    }

    pub(crate) fn staged(&self, generation: u64, import: &RunId, nonce: &str) -> String {
        format!(
            "{}staged/{generation}-{import}-{nonce}{EXTENSION}",
            self.current()
        )
    }

    /// The generation in the name of a segment or an import.
    pub(crate) fn generation_of(&self, key: &str) -> Option<u64> {
        let name = key.strip_prefix(&self.current())?;
        let name = name.strip_prefix("staged/").unwrap_or(name);
        let (generation, rest) = name.split_once('-')?;
        rest.strip_suffix(EXTENSION)?;
        generation.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lie_in_the_streams_folder_and_tell_their_generation() {
        let folder = Folder::new("integrations/tenant=acme/integration=7/", "tickets").unwrap();
        let base = "integrations/tenant=acme/integration=7/tickets/current/";
        assert_eq!(folder.index(), format!("{base}index.json"));
        assert_eq!(folder.segment(12, "ab"), format!("{base}12-ab.jsonl.gz"));
        assert_eq!(folder.generation_of(&folder.segment(12, "ab")), Some(12));
        let import = RunId::parse("i1").unwrap();
        assert_eq!(
            folder.generation_of(&folder.staged(3, &import, "ab")),
            Some(3)
        );
        for other in [
            folder.index(),
            format!("{base}note.txt"),
            "x/1-a.jsonl.gz".to_owned(),
        ] {
            assert_eq!(folder.generation_of(&other), None, "{other}");
        }
        for (root, stream) in [("a/", ""), ("a/", "../b"), ("a/../", "b"), ("a", "b")] {
            assert!(Folder::new(root, stream).is_err(), "{root} {stream}");
        }
    }
}
