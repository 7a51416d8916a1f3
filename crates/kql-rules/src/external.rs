//! `externaldata`: rows of local copies, by URI. Nothing is fetched.

use crate::{Files, guid};
use kql::{
    Batch, External, Field, Limits, Schema,
    formats::{Header, InputFormat, LoadOptions, load},
};
use std::{path::PathBuf, sync::Arc};

/// A file that stands for what a URI gave on some day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalCopy {
    /// The URI, as queries name it.
    pub url: String,
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of the file when it was recorded, in hexadecimal. Another file is refused.
    pub sha256: Option<String>,
    /// The day it was recorded.
    pub date: Option<String>,
}

/// Copies by URI: an engine's [`External`].
#[derive(Clone, Debug)]
pub struct Copies {
    files: Arc<dyn Files>,
    copies: Vec<LocalCopy>,
    /// Whether a URI without a copy is a table without rows: where tables are declared and hold none either.
    declared_only: bool,
    /// Whether no file may be touched.
    refused: bool,
}

impl Copies {
    /// Those copies.
    pub fn new(files: Arc<dyn Files>, copies: Vec<LocalCopy>) -> Copies {
        Copies { files, copies, declared_only: false, refused: false }
    }

    /// Makes a URI without a copy a table without rows: where tables are declared and hold none either.
    pub fn declared_only(mut self, declared_only: bool) -> Copies {
        self.declared_only = declared_only;
        self
    }

    /// Makes every URI an error: where no file may be touched.
    pub fn refused(mut self, refused: bool) -> Copies {
        self.refused = refused;
        self
    }
}

impl Copies {
    /// The bytes of a URI's copy and the name of its file; `None` where a URI without one is a table without rows.
    fn bytes(&self, uri: &str) -> Result<Option<(String, Vec<u8>)>, String> {
        let name = without_secret(uri);
        if self.refused {
            return Err(format!("`{name}` is not read: --no-files"));
        }
        let Some(copy) = self.copies.iter().find(|it| it.url == uri || it.url == name) else {
            if self.declared_only {
                return Ok(None);
            }
            return Err(format!(
                "`{name}` is not fetched; record a local copy of it with `kql vendor '{name}' FILE`, \
                 or give one with --external '{name}=FILE'"
            ));
        };
        let shown = copy.path.display().to_string();
        let bytes = self.files.read(&copy.path)?;
        if let Some(recorded) = &copy.sha256
            && !guid::sha256(&bytes).eq_ignore_ascii_case(recorded)
        {
            return Err(format!(
                "{shown} is not the copy of `{name}` that was recorded: its hash differs. If it is meant, record it \
                 again with `kql vendor '{name}' '{shown}'`"
            ));
        }
        Ok(Some((shown, bytes)))
    }
}

/// A URI without the secrets behind `;`, which are not part of its name.
fn without_secret(uri: &str) -> &str {
    uri.split(';').next().unwrap_or(uri)
}

impl External for Copies {
    fn available(&self, uri: &str) -> Result<(), String> {
        self.bytes(uri).map(|_| ())
    }

    fn read(
        &self,
        uri: &str,
        schema: &Schema,
        properties: &[(String, String)],
        limits: &Limits,
    ) -> Result<Vec<Batch>, String> {
        let Some((shown, bytes)) = self.bytes(uri)? else { return Ok(Vec::new()) };
        let (format, header) = form(without_secret(uri), properties)?;
        let options = LoadOptions {
            format,
            header,
            schema: Some(schema.clone()),
            limits: limits.clone(),
            ..LoadOptions::default()
        };
        let loaded = load(&shown, Box::new(std::io::Cursor::new(bytes)), options).map_err(|why| why.to_string())?;
        // Only the declared columns, in their order; the file may have more.
        let n_columns = schema.len();
        let cut = |it: &Batch| Batch::new(it.columns.iter().take(n_columns).cloned().collect(), it.n_rows);
        Ok(loaded.table.chunks.iter().map(|it| cut(&it.batch)).collect())
    }

    fn infer(&self, uri: &str, properties: &[(String, String)]) -> Result<Schema, String> {
        let Some((shown, bytes)) = self.bytes(uri)? else { return Ok(Schema::default()) };
        let (format, _) = form(without_secret(uri), properties)?;
        let has_names = matches!(format, InputFormat::Json | InputFormat::Parquet)
            || properties.iter().any(|(name, value)| name == "header" && value == "true");
        let options = LoadOptions { format, ..LoadOptions::default() };
        let loaded = load(&shown, Box::new(std::io::Cursor::new(bytes)), options).map_err(|why| why.to_string())?;
        let named = |(n, it): (usize, &Field)| {
            if has_names { it.clone() } else { Field::new(format!("Column{}", n + 1), it.ty) }
        };
        Ok(Schema::new(loaded.table.schema.fields.iter().enumerate().map(named).collect()))
    }
}

/// How a copy is written, by the properties of the call or the ending of the URI.
fn form(name: &str, properties: &[(String, String)]) -> Result<(InputFormat, Header), String> {
    let property = |key: &str| {
        let found = properties.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.to_ascii_lowercase())
    };
    let format = match property("format").as_deref() {
        Some("csv") => InputFormat::Csv,
        Some("tsv" | "tsve") => InputFormat::Tsv,
        Some("psv") => InputFormat::Psv,
        Some("scsv") => InputFormat::Scsv,
        Some("txt" | "raw") => InputFormat::Text,
        Some("json" | "multijson") => InputFormat::Json,
        Some("parquet") => InputFormat::Parquet,
        Some(other) => return Err(format!("`{name}`: the format `{other}` is not read")),
        None if name.ends_with(".json") || name.ends_with(".ndjson") => InputFormat::Json,
        None if name.ends_with(".parquet") => InputFormat::Parquet,
        None if name.ends_with(".txt") => InputFormat::Text,
        None if name.ends_with(".tsv") => InputFormat::Tsv,
        None => InputFormat::Csv,
    };
    let skips = property("ignorefirstrecord").is_some_and(|it| it == "true");
    Ok((format, if skips { Header::Skip } else { Header::Absent }))
}
