//! Where results go: standard output, or a file that appears whole or not at all.

use crate::{chart, options::Options, pager::Paged, report::Report};
use kql::{
    Outcome, ResultTable,
    formats::{self, Format, WriteOptions},
};
use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
};

/// How results are shown.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    pub(crate) format: Format,
    pub(crate) write: WriteOptions,
    /// Whether `render` draws.
    pub(crate) draws: bool,
    /// Columns and lines of the terminal.
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Style {
    /// As the flags say, for standard output or for a file.
    pub(crate) fn new(options: &Options, to_file: bool) -> Style {
        let terminal = !to_file && io::stdout().is_terminal();
        let is_parquet = options.output.as_ref().is_some_and(|it| it.extension().is_some_and(|it| it == "parquet"));
        let format = options.format.or(is_parquet.then_some(Format::Parquet));
        let format = format.unwrap_or(if terminal { Format::Table } else { Format::Ndjson });
        let rows_max = options.rows_max.unwrap_or(if terminal { 40 } else { 0 });
        let cell_width = if terminal { 60 } else { 0 };
        let (null, csv_safe) = (options.null.clone(), options.csv_safe);
        let write = WriteOptions { terminal, rows_max, cell_width, width: 0, lines: true, null, csv_safe };
        let draws = terminal && format == Format::Table;
        let mut style = Style { format, write, draws, width: 100, height: usize::MAX };
        style.measure();
        style
    }

    /// Takes the size that the terminal has now: windows change.
    pub(crate) fn measure(&mut self) {
        if let Some((width, height)) = terminal_size() {
            (self.width, self.height) = (width, height);
        }
        self.write.width = if self.write.terminal { self.width } else { 0 };
    }
}

/// Columns and lines of the terminal, if there is one.
pub(crate) fn terminal_size() -> Option<(usize, usize)> {
    let (width, height) = terminal_size::terminal_size()?;
    Some((usize::from(width.0).clamp(20, 400), usize::from(height.0)))
}

/// The sink of all results of a run.
pub(crate) enum Output {
    /// Standard output.
    Standard(BufWriter<io::Stdout>),
    /// A file that is renamed at the end.
    File(Whole),
}

impl Output {
    /// Writes an answer; on a terminal one that is too long for it goes through the pager.
    pub(crate) fn show(&mut self, outcome: &Outcome, style: &Style) -> io::Result<()> {
        match self {
            Output::Standard(_) if style.format == Format::Parquet => Err(refused(
                "the format parquet is for files: name one with --output, or in the shell with .once or .output",
            )),
            Output::Standard(out) if style.write.terminal => {
                out.flush()?;
                let mut paged = Paged::new(style.width, style.height);
                let written = write_outcome(outcome, style, &mut paged);
                paged.finish()?;
                written
            }
            Output::File(out) if style.format == Format::Parquet => {
                // Two files in one would be none.
                if std::mem::replace(&mut out.is_whole, true) {
                    return Err(refused("a Parquet file holds one answer, and this is the second"));
                }
                write_outcome(outcome, style, out)
            }
            out => write_outcome(outcome, style, out),
        }
    }

    /// The file of `--output`, or standard output.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Output> {
        Ok(match path {
            Some(path) => Output::File(Whole::create(path)?),
            None => Output::Standard(BufWriter::new(io::stdout())),
        })
    }

    /// Ends the output: only now a file gets its name.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Output::Standard(mut out) => out.flush(),
            Output::File(out) => out.finish(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Standard(out) => out.write(bytes),
            Output::File(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Standard(out) => out.flush(),
            Output::File(out) => out.flush(),
        }
    }
}

/// A file written beside its place, and removed when it does not come to its end.
pub(crate) struct Whole {
    out: Option<BufWriter<File>>,
    path: PathBuf,
    part: PathBuf,
    /// Whether nothing can come behind what was written.
    is_whole: bool,
}

impl Whole {
    fn create(path: &Path) -> io::Result<Whole> {
        let mut part = path.as_os_str().to_owned();
        part.push(".tmp");
        let part = PathBuf::from(part);
        // Never through a link that somebody else put there.
        _ = std::fs::remove_file(&part);
        let out = Some(BufWriter::new(File::create_new(&part)?));
        Ok(Whole { out, path: path.to_owned(), part, is_whole: false })
    }

    fn finish(mut self) -> io::Result<()> {
        if let Some(out) = self.out.take() {
            out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            std::fs::rename(&self.part, &self.path)?;
            self.part = PathBuf::new();
        }
        Ok(())
    }
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.as_mut().map_or(Ok(0), |it| it.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if !self.part.as_os_str().is_empty() {
            _ = std::fs::remove_file(&self.part);
        }
    }
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Writes a file that appears whole or not at all.
pub(crate) fn write_whole(path: &Path, write: impl FnOnce(&mut Whole) -> io::Result<()>) -> io::Result<()> {
    let mut out = Whole::create(path)?;
    write(&mut out)?;
    out.finish()
}

/// Writes every table of an answer.
pub(crate) fn write_outcome(outcome: &Outcome, style: &Style, out: &mut impl Write) -> io::Result<()> {
    if style.format == Format::Parquet && outcome.tables.len() != 1 {
        let n = outcome.tables.len();
        return Err(refused(&format!("a Parquet file holds one table, and the answer has {n}")));
    }
    for table in &outcome.tables {
        let is_text = matches!(style.format, Format::Table | Format::Line | Format::Markdown);
        if outcome.tables.len() > 1 && is_text {
            writeln!(out, "{}", formats::paint(&table.name))?;
        }
        write_table(table, style, out)?;
    }
    out.flush()
}

fn write_table(table: &ResultTable, style: &Style, out: &mut impl Write) -> io::Result<()> {
    if style.draws
        && let Some(chart) = chart::draw(table, style.width)
    {
        return out.write_all(chart.as_bytes());
    }
    formats::write(style.format, &table.schema, &table.batches, &style.write, out)
}

/// Warnings of an answer, on standard error.
pub(crate) fn tell(outcome: &Outcome, report: &Report) {
    for it in &outcome.warnings {
        report.warn(it);
    }
    if !outcome.complete {
        report.warn("the answer is not complete");
    }
}
