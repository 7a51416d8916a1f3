//! Options that commands share.

use crate::batch;
use kql::{Engine, Now};
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// `--now`
    pub(crate) now: Option<String>,
    /// `--schema`
    pub(crate) schemas: Vec<PathBuf>,
    /// `--load NAME=PATH`
    pub(crate) loads: Vec<(String, PathBuf)>,
}

impl Options {
    /// An engine as the options say; the error is meant for people.
    pub(crate) fn engine(&self) -> Result<Engine, String> {
        let mut engine = Engine::new();
        for path in &self.schemas {
            let text = std::fs::read(path).map_err(|why| format!("{}: {why}", path.display()))?;
            let schema = serde_json::from_slice(&text).map_err(|why| format!("{}: {why}", path.display()))?;
            batch::declare(&mut engine, &schema)?;
        }
        for (name, path) in &self.loads {
            let bytes = std::fs::read(path).map_err(|why| format!("{}: {why}", path.display()))?;
            _ = engine.load_bytes(name, bytes).map_err(|why| why.to_string())?;
        }
        match self.now.as_deref() {
            None => {}
            Some("max") => engine.set_now(Now::Latest),
            Some(text) => {
                let ticks =
                    kql::parser::parse_datetime(text).ok_or_else(|| format!("--now: `{text}` is no datetime"))?;
                engine.set_now(Now::At(ticks));
            }
        }
        Ok(engine)
    }
}
