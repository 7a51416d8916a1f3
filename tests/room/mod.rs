//! A directory for one test.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A directory of the test's own, removed at the end.
pub(crate) struct Room(PathBuf);

impl Room {
    /// An empty one.
    pub(crate) fn new(name: &str) -> Room {
        let path = std::env::temp_dir().join(format!("kql-cli-{}-{name}", std::process::id()));
        _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Room(path)
    }

    /// Puts a file there.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> &Room {
        fs::write(self.0.join(name), text).unwrap();
        self
    }

    /// The text of a file there.
    #[allow(dead_code, reason = "not every test that has a room reads files back")]
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}
