//! Loads sources into one table.

use crate::{
    Accounting,
    openai::{self, Shape},
    parquet::{self, Input, Random, Search},
    read::{binary, delimited, json, record, source::Source, text},
    schemas,
    shred::{Finish, ROOT, Tree},
};
use kql_data::{Chunk, Fault, Limits, Map, Schema, Slots, Stop, Table, Type};
use std::{fmt, io::Read};

pub use crate::read::source::Bytes;

/// The columns that tell when a row was.
pub(crate) const TIMES: [&str; 2] = ["TimeGenerated", "Timestamp"];
/// Bytes of a line, whatever the limits say.
const LINE_BYTES_MAX: usize = 1 << 31;

/// A load that could not go on, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadError {
    /// Name of the source, as the caller gave it.
    pub source: String,
    /// Line, from 1; 0 where the source has no lines.
    pub line: u64,
    /// Byte, after decompression.
    pub offset: u64,
    /// What happened.
    pub fault: Fault,
}

impl LoadError {
    pub(crate) fn at(source: &str, line: u64, offset: u64, fault: Fault) -> LoadError {
        LoadError { source: source.to_owned(), line, offset, fault }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LoadError { source, line, offset, fault } = self;
        match (line, offset) {
            // Of the source as a whole, or of a file without lines.
            (0, 0) => write!(out, "{source}: {fault}"),
            _ => write!(out, "{source}, line {line}, byte {offset}: {fault}"),
        }
    }
}

impl std::error::Error for LoadError {}

/// Values that did not convert to the type of their column, and are null there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionWarning {
    /// The column.
    pub column: String,
    /// Its type.
    pub ty: Type,
    /// How many.
    pub count: u64,
    /// The first.
    pub example: String,
}

impl fmt::Display for ConversionWarning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConversionWarning { column, ty, count, example } = self;
        write!(out, "column `{column}`: {count} values are no {ty} and became null, such as `{example}`")
    }
}

/// How a source is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputFormat {
    /// By the source's name, else by its first bytes.
    #[default]
    Auto,
    /// JSON: one value a line, an array, pages with `data`, `value` or `Records`, or values over several lines.
    Json,
    /// Comma-separated values with a header.
    Csv,
    /// Tab-separated values with a header.
    Tsv,
    /// Values separated by `|`, with a header.
    Psv,
    /// Values separated by `;`, with a header.
    Scsv,
    /// A row a line, in one string column: the first of the declared schema, or `Line`.
    Text,
    /// Parquet.
    Parquet,
}

/// What the first record of a delimited source is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// The names of the columns.
    #[default]
    Names,
    /// Nothing of use: cells belong to the columns of the declared schema, in order.
    Skip,
    /// A row already: cells belong to the columns of the declared schema, in order.
    Absent,
}

impl InputFormat {
    /// The format of that name, or of a file of that name.
    pub fn from_name(name: &str) -> Option<InputFormat> {
        let name = name.to_ascii_lowercase();
        let name = [".gz", ".zst", ".zstd"].iter().find_map(|it| name.strip_suffix(it)).unwrap_or(&name);
        Some(match name.rsplit(['.', '/', '\\']).next()? {
            "json" | "ndjson" | "jsonl" | "jsonlines" | "multijson" => InputFormat::Json,
            "csv" => InputFormat::Csv,
            "tsv" | "tab" => InputFormat::Tsv,
            "psv" => InputFormat::Psv,
            "scsv" => InputFormat::Scsv,
            "txt" => InputFormat::Text,
            "parquet" => InputFormat::Parquet,
            _ => return None,
        })
    }
}

/// How sources are loaded.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// How they are written.
    pub format: InputFormat,
    /// Columns and types that win over what is found out. Other columns of the sources come after.
    pub schema: Option<Schema>,
    /// What the first record of a delimited source is.
    pub header: Header,
    /// Columns of JSON and Parquet sources whose values are wanted, and which slots of their bags; all when not given. The
    /// other columns exist, with the types that their values have, and are null in every row; other slots may be missing.
    /// Every line is checked all the same.
    pub columns: Option<Map<String, Slots>>,
    /// What rows are wanted for; all when not given. Row groups of Parquet files without such a row are passed over, and
    /// records of JSON that are no such row may be left out: counted as rows all the same.
    pub search: Option<Search>,
    /// What the records are; found out from the first one when not given.
    pub shape: Option<Shape>,
    /// What `TimeGenerated` is for OpenAI records without a time.
    pub now: Option<i64>,
    /// Bounds: `line_bytes`, `decompressed_bytes`, `json_depth`, `rejects_kept`, `memory`.
    pub limits: Limits,
    /// Stops the load.
    pub stop: Stop,
    /// Rows of a chunk; 0 for [`Chunk::ROWS`]. For tests.
    pub chunk_rows: usize,
    /// Bytes that threads read at a time, from the second block of so many on; 0 for what suits. For tests.
    pub block_bytes: usize,
    /// Reads every record by the careful path alone. For tests.
    pub careful: bool,
}

/// A loaded table, and what became of its input.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The rows.
    pub table: Table,
    /// What the records were.
    pub shape: Shape,
    /// The known table that the rows belong to.
    pub table_name: Option<&'static str>,
    /// Where the bytes went.
    pub accounting: Accounting,
    /// Values that did not convert.
    pub conversions: Vec<ConversionWarning>,
    /// Records of JSON that were left out because no row is wanted for them.
    pub left_out: u64,
    /// The newest `TimeGenerated` or `Timestamp` of those, in ticks.
    pub latest: Option<i64>,
    /// Whether some record was met that a load of everything might have treated otherwise: then load everything.
    pub doubtful: bool,
}

/// Loads sources, one after the other, into one table.
#[derive(Debug)]
pub struct Loader {
    options: LoadOptions,
    tree: Tree,
    shape: Option<Shape>,
    accounting: Accounting,
    texts: bool,
    parquet: parquet::Files,
}

impl Loader {
    /// A loader without rows.
    pub fn new(mut options: LoadOptions) -> Loader {
        // Places within a line are kept in 32 bits.
        options.limits.line_bytes = options.limits.line_bytes.min(LINE_BYTES_MAX);
        let mut tree = Tree::new(Loader::chunk_rows(&options));
        let shape = options.shape;
        if let Some(shape) = shape {
            tree.want(openai::wanted(shape, Some(&options)));
        }
        let (accounting, parquet) = (Accounting::default(), parquet::Files::default());
        Loader { options, tree, shape, accounting, texts: false, parquet }
    }

    /// What a source is, by its beginning, when it is none that can be read: "a PNG image". `None` also where the beginning
    /// cannot be read, which adding it tells.
    pub fn refuses(name: &str, bytes: Bytes) -> Option<&'static str> {
        let mut source = Source::open(name, bytes, &Limits::untrusted(), &Stop::default()).ok()?;
        while source.window().len() < binary::LOOKED_AT && source.more().ok()? {}
        if source.window().starts_with(parquet::MAGIC) { None } else { binary::kind(source.window()) }
    }

    fn chunk_rows(options: &LoadOptions) -> usize {
        if options.chunk_rows == 0 { Chunk::ROWS } else { options.chunk_rows }
    }

    /// Adds the records of a source. After an error the loader still holds what was read before it.
    pub fn add(&mut self, name: &str, bytes: Bytes) -> Result<(), LoadError> {
        let source = Source::open(name, bytes, &self.options.limits, &self.options.stop)?;
        self.add_source(name, source)
    }

    fn add_source(&mut self, name: &str, mut source: Source) -> Result<(), LoadError> {
        let Loader { options, tree, shape, accounting, texts, parquet } = self;
        let limits = &options.limits;
        if options.block_bytes > 0 {
            source.set_block(options.block_bytes);
        }
        while source.window().len() < parquet::MAGIC.len() && source.more()? {}
        if options.format == InputFormat::Parquet || source.window().starts_with(parquet::MAGIC) {
            let input = Input::Memory(source.whole(limits)?.into());
            return parquet.add(name, &input, options, accounting);
        }
        while source.window().len() < binary::LOOKED_AT && source.more()? {}
        if let Some(what) = binary::kind(source.window()) {
            let text = format!("this is {what}; JSON, CSV, TSV and Parquet are read, plain, as .gz or as .zst");
            return Err(source.error(Fault::new(text)));
        }
        let format = match options.format {
            // Files named `.txt` hold anything.
            InputFormat::Auto => match InputFormat::from_name(name).filter(|it| *it != InputFormat::Text) {
                Some(it) => it,
                None => guess(&mut source)?,
            },
            it => it,
        };
        let names = options.schema.iter().flat_map(|it| &it.fields).map(|it| &*it.name);
        let res = match format {
            InputFormat::Csv | InputFormat::Tsv | InputFormat::Psv | InputFormat::Scsv => {
                *texts = true;
                let delimiter = match format {
                    InputFormat::Tsv => b'\t',
                    InputFormat::Psv => b'|',
                    InputFormat::Scsv => b';',
                    _ => b',',
                };
                let names = names.map(str::to_owned).collect();
                let mut reader = delimited::Reader::new(limits, tree, accounting, delimiter);
                reader.head(options.header, names);
                reader.read(&mut source)
            }
            InputFormat::Text => {
                let column = names.into_iter().next().unwrap_or("Line");
                text::Reader { limits, tree, accounting }.read(&mut source, column)
            }
            InputFormat::Parquet => {
                let fault = Fault::new("no Parquet file: it does not begin with `PAR1`");
                return Err(LoadError::at(name, 0, 0, fault));
            }
            InputFormat::Auto | InputFormat::Json => {
                let (fast, scratch) = (!options.careful, record::Scratch::default());
                let alone = if options.block_bytes == 0 { 16 } else { 1 };
                let options = Some(&*options);
                json::Reader { limits, shape, options, tree, accounting, fast, scratch, alone }.read(&mut source)
            }
        };
        assert_balanced(accounting)?;
        res
    }

    /// Adds the records of a file that can be read from any place: of Parquet only what is wanted is read, and lines are read
    /// by several threads, each its own.
    pub fn add_file(&mut self, name: &str, mut file: Box<dyn Random>) -> Result<(), LoadError> {
        let fail = |it: std::io::Error| LoadError::at(name, 0, 0, Fault::new(it.to_string()));
        let mut magic = Vec::new();
        _ = file.by_ref().take(parquet::MAGIC.len() as u64).read_to_end(&mut magic).map_err(fail)?;
        if magic == parquet::MAGIC {
            let input = Input::file(file).map_err(|it| LoadError::at(name, 0, 0, it))?;
            return self.parquet.add(name, &input, &self.options, &mut self.accounting);
        }
        let source = Source::open_file(name, magic, file, &self.options.limits, &self.options.stop)?;
        self.add_source(name, source)
    }

    /// Rows so far.
    pub fn n_rows(&self) -> usize {
        self.tree.n_rows() + self.parquet.n_rows()
    }

    /// The newest `TimeGenerated` or `Timestamp` that the Parquet files may hold, in ticks, by their statistics: of rows that
    /// were passed over as well.
    pub fn latest(&self) -> Option<i64> {
        self.parquet.latest()
    }

    /// What became of the input so far.
    pub fn accounting(&self) -> &Accounting {
        &self.accounting
    }

    /// The table.
    pub fn finish(self) -> Result<Loaded, Fault> {
        let Loader { options, tree, shape, accounting, texts, mut parquet } = self;
        let chunk_rows = Loader::chunk_rows(&options);
        let losses = tree.losses();
        let has_records = tree.n_rows() > 0 || losses.records > 0 || parquet.is_empty();
        // The type of cells is found out from those that are kept.
        let mut doubtful = losses.doubtful || texts && tree.prunes();
        let tree = tree.finish();
        let shape = shape.unwrap_or(Shape::Plain);
        let mut names: Vec<_> = tree.members(ROOT).into_iter().map(|it| it.0).collect();
        names.extend(parquet.names());
        let names: Vec<&str> = names.iter().map(|it| &**it).collect();
        let table_name = shape.table_name().or_else(|| openai::table_of(&names));
        let known = table_name.and_then(schemas::table);
        let declared = options.schema.as_ref().or(known.as_ref());
        let items = openai::items(shape, &tree);
        let (mut table, mut conversions) = (Table::empty(Schema::default()), Vec::new());
        if has_records {
            let (now, threads, stop) = (options.now, options.limits.threads, &options.stop);
            let mut finish = Finish { declared, now, texts, chunk_rows, threads, stop, opened: false };
            (table, conversions) = finish.table(tree, items)?;
            // Below the root nobody looked whether what was left out had such texts.
            doubtful |= finish.opened && losses.records > 0 && shape != Shape::Plain;
        }
        if !parquet.is_empty() {
            parquet.add_table(&table);
            let (all, mut more) = parquet.finish(declared)?;
            table = all;
            conversions.append(&mut more);
        }
        let is_time =
            |it: &&str| table.schema.fields.iter().any(|field| &*field.name == *it && field.ty == Type::Datetime);
        let times = TIMES.iter().zip(losses.latest).filter(|it| is_time(it.0));
        let latest = times.filter_map(|it| it.1).max();
        let left_out = losses.records;
        Ok(Loaded { table, shape, table_name, accounting, conversions, left_out, latest, doubtful })
    }
}

/// Loads one source.
pub fn load(name: &str, bytes: Bytes, options: LoadOptions) -> Result<Loaded, LoadError> {
    let mut loader = Loader::new(options);
    loader.add(name, bytes)?;
    loader.finish().map_err(|it| LoadError::at(name, 0, 0, it))
}

/// Loads one source that is in memory.
pub fn load_bytes(name: &str, bytes: impl Into<Vec<u8>>, options: LoadOptions) -> Result<Loaded, LoadError> {
    let mut loader = Loader::new(options);
    loader.add_file(name, Box::new(std::io::Cursor::new(bytes.into())))?;
    loader.finish().map_err(|it| LoadError::at(name, 0, 0, it))
}

/// Bytes unaccounted for would be rows lost in silence: a fault of this crate, and never let pass.
fn assert_balanced(accounting: &Accounting) -> Result<(), LoadError> {
    if accounting.is_balanced() {
        return Ok(());
    }
    let fault = Fault::new(format!("the bytes read do not add up, which is a bug; please report it: {accounting:?}"));
    Err(LoadError::at("input", 0, accounting.bytes, fault))
}

/// The format of a source by its first bytes.
fn guess(source: &mut Source) -> Result<InputFormat, LoadError> {
    while source.window().len() < 4 << 10 && source.more()? {}
    let text = source.window();
    let first = text.iter().find(|it| !matches!(it, b' ' | b'\t' | b'\r' | b'\n' | 0 | 0xEF | 0xBB | 0xBF));
    let line = text.split(|it| *it == b'\n').next().unwrap_or(&[]);
    let count = |byte: u8| line.iter().filter(|it| **it == byte).count();
    Ok(match first {
        None | Some(b'{' | b'[') => InputFormat::Json,
        _ if count(b'\t') > count(b',') => InputFormat::Tsv,
        _ if count(b',') > 0 => InputFormat::Csv,
        _ => InputFormat::Json,
    })
}
