//! Where files come from: the one place of this crate that opens any.

use std::{
    collections::BTreeMap,
    fmt,
    io::Read,
    path::{Path, PathBuf},
};

/// What a host lets rules read. Errors are sentences that name the path.
pub trait Files: Send + Sync + fmt::Debug {
    /// The bytes of a file.
    fn read(&self, path: &Path) -> Result<Vec<u8>, String>;

    /// A file to read from, for loading tables.
    fn open(&self, path: &Path) -> Result<Box<dyn Read + Send>, String> {
        Ok(Box::new(std::io::Cursor::new(self.read(path)?)))
    }

    /// Whether that is a directory.
    fn is_directory(&self, path: &Path) -> bool;

    /// Whether that is a file.
    fn is_file(&self, path: &Path) -> bool;

    /// Whether that is a link to something else.
    fn is_link(&self, _: &Path) -> bool {
        false
    }

    /// What a directory holds, as whole paths in order; nothing below its directories.
    fn list(&self, path: &Path) -> Result<Vec<PathBuf>, String>;

    /// Puts bytes into a file, which appears whole or not at all; directories above it are made.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), String>;
}

/// The files of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

fn failed(path: &Path) -> impl Fn(std::io::Error) -> String + '_ {
    move |why| format!("{}: {why}", path.display())
}

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        std::fs::read(path).map_err(failed(path))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn Read + Send>, String> {
        Ok(Box::new(std::fs::File::open(path).map_err(failed(path))?))
    }

    fn is_directory(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn is_link(&self, path: &Path) -> bool {
        path.symlink_metadata().is_ok_and(|it| it.is_symlink())
    }

    fn list(&self, path: &Path) -> Result<Vec<PathBuf>, String> {
        let mut out = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed(path))? {
            out.push(entry.map_err(failed(path))?.path());
        }
        out.sort();
        Ok(out)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), String> {
        if let Some(above) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
            std::fs::create_dir_all(above).map_err(failed(above))?;
        }
        let name = path.file_name().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
        let part = path.with_file_name(format!(".{name}.part"));
        std::fs::write(&part, bytes).map_err(failed(&part))?;
        std::fs::rename(&part, path).map_err(failed(path))
    }
}

/// Files that are in memory: for tests, and hosts without a disk.
#[derive(Debug, Default)]
pub struct Memory {
    files: std::sync::Mutex<BTreeMap<PathBuf, Vec<u8>>>,
}

impl Memory {
    /// Those files.
    pub fn new<P: Into<PathBuf>, B: Into<Vec<u8>>>(files: impl IntoIterator<Item = (P, B)>) -> Memory {
        let files = files.into_iter().map(|(path, bytes)| (path.into(), bytes.into())).collect();
        Memory { files: std::sync::Mutex::new(files) }
    }

    fn files(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, Vec<u8>>> {
        self.files.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Files for Memory {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        self.files().get(path).cloned().ok_or_else(|| format!("{}: no such file", path.display()))
    }

    fn is_directory(&self, path: &Path) -> bool {
        self.files().keys().any(|it| it != path && it.starts_with(path))
    }

    fn is_file(&self, path: &Path) -> bool {
        self.files().contains_key(path)
    }

    fn list(&self, path: &Path) -> Result<Vec<PathBuf>, String> {
        let mut out: Vec<PathBuf> = Vec::new();
        for file in self.files().keys() {
            let Ok(rest) = file.strip_prefix(path) else { continue };
            let Some(first) = rest.components().next() else { continue };
            let entry = path.join(first);
            if out.last() != Some(&entry) {
                out.push(entry);
            }
        }
        if out.is_empty() { Err(format!("{}: no such directory", path.display())) } else { Ok(out) }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), String> {
        _ = self.files().insert(path.to_owned(), bytes.to_vec());
        Ok(())
    }
}
