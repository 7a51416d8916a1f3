//! `externaldata`: rows of local copies that the command line allows, by URI. Nothing is fetched.

use kql::{
    Batch, External, Schema,
    formats::{Header, InputFormat, LoadOptions, load},
};
use std::{fs::File, path::PathBuf};

/// The copies by URI.
#[derive(Clone, Debug, Default)]
pub(crate) struct Copies {
    /// URI and file.
    pub(crate) files: Vec<(String, PathBuf)>,
    /// Whether a URI without a copy is a table without rows: where tables are declared and hold none either.
    pub(crate) declared_only: bool,
    /// Whether no file may be touched.
    pub(crate) refused: bool,
}

impl External for Copies {
    fn read(&self, uri: &str, schema: &Schema, properties: &[(String, String)]) -> Result<Vec<Batch>, String> {
        // Secrets behind `;` or `?` are not part of the name.
        let name = uri.split(';').next().unwrap_or(uri);
        let known = self.files.iter().find(|(known, _)| known == uri || known == name);
        if self.refused {
            return Err(format!("`{name}` is not read: --no-files"));
        }
        let Some((_, path)) = known else {
            if self.declared_only {
                return Ok(Vec::new());
            }
            return Err(format!("`{name}` is not fetched; allow a local copy of it: --external '{name}=FILE'"));
        };
        let file = File::open(path).map_err(|why| format!("{}: {why}", path.display()))?;
        let property = |key: &str| {
            properties
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(key))
                .map(|(_, value)| value.to_ascii_lowercase())
        };
        let format = match property("format").as_deref() {
            Some("csv") => InputFormat::Csv,
            Some("tsv" | "tsve") => InputFormat::Tsv,
            Some("psv") => InputFormat::Psv,
            Some("scsv") => InputFormat::Scsv,
            Some("txt" | "raw") => InputFormat::Text,
            Some("json" | "multijson") => InputFormat::Json,
            Some(other) => return Err(format!("`{name}`: the format `{other}` is not read")),
            None if name.ends_with(".json") || name.ends_with(".ndjson") => InputFormat::Json,
            None if name.ends_with(".txt") => InputFormat::Text,
            None if name.ends_with(".tsv") => InputFormat::Tsv,
            None => InputFormat::Csv,
        };
        let skips = property("ignorefirstrecord").is_some_and(|it| it == "true");
        let header = if skips { Header::Skip } else { Header::Absent };
        let options = LoadOptions { format, header, schema: Some(schema.clone()), ..LoadOptions::default() };
        let loaded = load(&path.display().to_string(), Box::new(file), options).map_err(|why| why.to_string())?;
        // Only the declared columns, in their order; the file may have more.
        let n_columns = schema.len();
        let cut = |it: &Batch| Batch::new(it.columns.iter().take(n_columns).cloned().collect(), it.n_rows);
        Ok(loaded.table.chunks.iter().map(|it| cut(&it.batch)).collect())
    }
}
