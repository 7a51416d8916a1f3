//! A file whose bytes are read where they are needed.

use bytes::Bytes;
use kql_data::Fault;
use std::{
    fmt,
    io::{Read, Seek, SeekFrom},
    sync::{Mutex, PoisonError},
};

/// What can be read from any place: an opened file, a cursor over bytes. The caller opens files; this crate never does.
pub trait Random: Read + Seek + Send {}

impl<T: Read + Seek + Send> Random for T {}

/// The bytes of a file.
pub(crate) enum Input {
    /// All of them.
    Memory(Bytes),
    /// Where they are read, and how many there are.
    File(Mutex<Box<dyn Random>>, u64),
}

impl fmt::Debug for Input {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Input({} bytes)", self.len())
    }
}

impl Input {
    /// A file, from its first byte on.
    pub(crate) fn file(mut file: Box<dyn Random>) -> Result<Input, Fault> {
        let len = file.seek(SeekFrom::End(0)).map_err(|it| Fault::new(it.to_string()))?;
        Ok(Input::File(Mutex::new(file), len))
    }

    /// Bytes of the file.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Input::Memory(it) => it.len() as u64,
            Input::File(_, len) => *len,
        }
    }

    /// So many bytes from a place on, which lie inside the file.
    pub(crate) fn read(&self, from: u64, n_bytes: u64) -> Result<Bytes, Fault> {
        let outside = || Fault::new(format!("{n_bytes} bytes from byte {from} on lie outside the file"));
        let to = from.checked_add(n_bytes).filter(|it| *it <= self.len()).ok_or_else(outside)?;
        match self {
            Input::Memory(it) => match (usize::try_from(from), usize::try_from(to)) {
                (Ok(from), Ok(to)) => Ok(it.slice(from..to)),
                _ => Err(outside()),
            },
            Input::File(file, _) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let mut bytes = Vec::new();
                let read = file.seek(SeekFrom::Start(from));
                let read = read.and_then(|_| file.by_ref().take(n_bytes).read_to_end(&mut bytes));
                match read {
                    Ok(n) if n as u64 == n_bytes => Ok(bytes.into()),
                    Ok(n) => Err(Fault::new(format!("the file ends at byte {}, and was longer", from + n as u64))),
                    Err(it) => Err(Fault::new(it.to_string())),
                }
            }
        }
    }
}
