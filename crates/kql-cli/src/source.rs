//! From options to an engine: opens files, loads them into tables, and tells what became of them.

use crate::{
    config, interrupt,
    options::{Command, Options},
    progress::Progress,
    report::{Exit, INTERRUPTED, IO, Report, USAGE, raised_by},
    script::{self, Script},
};
use kql::{
    Engine, GeoFile, Load, Map, Now, Query, Reads, StoredFunction,
    formats::{Loaded, Loader, Reject, Search},
    table_of_alias,
};
use kql_rules::{Copies, Disk, Files, Level, LocalCopy, catalogue, paths, schemas};
use std::{
    fs::File,
    io::{IsTerminal, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Bytes of a file that tell what its records are.
const PEEK_BYTES: u64 = 256 << 10;

/// What of files is loaded.
enum Part {
    /// All.
    Whole,
    /// The beginning, without a word.
    Beginning,
    /// Those columns and rows of each table.
    Read(Map<String, Reads>),
}

/// How far times may be apart for which row groups are read: the clock goes on between the plan and the query.
const SLACK: i64 = kql::time::HOUR;

/// The files that are loaded, found before any is.
struct Inputs {
    /// Those of `--load`, by table.
    loads: Vec<(String, Vec<PathBuf>)>,
    /// Those that name their tables themselves.
    given: Vec<PathBuf>,
}

impl Inputs {
    /// What the command line names. Files that a directory or a pattern gave and that are of no kind that is read are passed
    /// over, which is told.
    fn of(options: &Options, files: &[String], report: &Report) -> Result<Inputs, Exit> {
        let mut passed = Vec::new();
        let mut expand = |text: &str| {
            let found = paths::expand(&Disk, text).map_err(|why| report.fail(IO, &why))?;
            let is_named = found.as_slice() == [PathBuf::from(text)];
            let kept = if is_named { found } else { readable(found, &mut passed) };
            match kept.is_empty() {
                true => Err(report.fail(IO, &format!("{text}: no file of a kind that is read"))),
                false => Ok(kept),
            }
        };
        let loads = options.loads.iter().map(|(name, path)| Ok((name.clone(), expand(path)?)));
        let loads = loads.collect::<Result<_, Exit>>()?;
        let mut given = Vec::new();
        for text in files {
            given.extend(expand(text)?);
        }
        tell_passed(&passed, report);
        Ok(Inputs { loads, given })
    }

    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        self.loads.iter().flat_map(|it| &it.1).chain(&self.given)
    }

    /// Whether looking at the beginning of the files first is worth while.
    fn is_large(&self) -> bool {
        self.all().map(|it| it.metadata().map_or(0, |it| it.len())).sum::<u64>() > 16 * PEEK_BYTES
    }

    /// Whether there are files of which parts can be left out unread.
    fn has_parquet(&self) -> bool {
        self.all().any(|it| it.extension().is_some_and(|it| it == "parquet"))
    }
}

/// The files among those that are of a kind that is read, by their beginning; the others go to `passed`, with what they are.
pub(crate) fn readable(found: Vec<PathBuf>, passed: &mut Vec<(PathBuf, &'static str)>) -> Vec<PathBuf> {
    let kind = |it: &PathBuf| {
        let file = File::open(it).ok().filter(|_| it.is_file())?;
        Loader::refuses(&it.display().to_string(), Box::new(file))
    };
    let (mut kept, mut left) = (Vec::new(), Vec::new());
    for it in found {
        match kind(&it) {
            Some(what) => left.push((it, what)),
            None => kept.push(it),
        }
    }
    passed.extend(left);
    kept
}

/// Warns of files that were passed over, in one line.
pub(crate) fn tell_passed(passed: &[(PathBuf, &'static str)], report: &Report) {
    if passed.is_empty() {
        return;
    }
    let named = passed.iter().take(8).map(|(path, what)| format!("{} ({what})", path.display()));
    let more = if passed.len() > 8 { format!(" and {} more", passed.len() - 8) } else { String::new() };
    report.warn(&format!("passed over what holds no logs: {}{more}", named.collect::<Vec<_>>().join(", ")));
}

/// An engine as the options say, with its files loaded.
pub(crate) fn engine(options: &Options, files: &[String], report: &Report) -> Result<Engine, Exit> {
    let (engine, loads) = engine_with(options, &Inputs::of(options, files, report)?, report, &Part::Whole)?;
    loads.iter().for_each(|it| tell(it, report));
    Ok(engine)
}

/// An engine for those queries: of large files only the columns, paths and rows that they read are kept. Which ones is found
/// out over the beginning of the files, and again over the whole ones; when it was too few, everything is loaded.
pub(crate) fn engine_for(
    options: &Options,
    files: &[String],
    functions: Vec<(String, StoredFunction)>,
    scripts: &[Script],
    report: &Report,
) -> Result<Engine, Exit> {
    let inputs = Inputs::of(options, files, report)?;
    let with_functions = |part: &Part| {
        let (mut engine, loads) = engine_with(options, &inputs, report, part)?;
        script::add_functions(&mut engine, functions.clone());
        Ok((engine, loads))
    };
    let told = |(engine, loads): (Engine, Vec<Load>)| {
        loads.iter().for_each(|it| tell(it, report));
        engine
    };
    let whole = || with_functions(&Part::Whole).map(told);
    let by_groups = inputs.has_parquet();
    if !by_groups && (options.explain || !inputs.is_large()) {
        return whole();
    }
    let (sample, _) = with_functions(&Part::Beginning)?;
    let Some(mut wanted) = reads(&sample, options, scripts) else { return whole() };
    drop(sample);
    for it in wanted.values_mut() {
        let rows = std::mem::take(&mut it.rows);
        // What the newest moment is, only all rows tell.
        it.rows = match options.now.as_deref() {
            Some("max") if by_groups => Search::all(),
            Some("max") => rows.at_any_time(),
            _ => rows.widened(SLACK),
        };
    }
    let (pruned, loads) = with_functions(&Part::Read(wanted.clone()))?;
    if loads.iter().any(|it| it.doubtful) {
        return whole();
    }
    let is_enough = |(table, read): (&String, &Reads)| wanted.get(table).is_some_and(|it| read.is_within(it));
    match reads(&pruned, options, scripts) {
        Some(read) if read.iter().all(is_enough) => Ok(told((pruned, loads))),
        _ => whole(),
    }
}

/// What queries read, by table; `None` when one of them does not tell.
fn reads(engine: &Engine, options: &Options, scripts: &[Script]) -> Option<Map<String, Reads>> {
    let mut all: Map<String, Reads> = engine.tables().map(|it| (it.0.to_owned(), Reads::default())).collect();
    for script in scripts {
        let text = script.at(engine.now()).text;
        for (table, read) in engine.reads(Query { text, parameters: options.parameters.clone() })? {
            all.entry(table).or_default().extend(&read);
        }
    }
    Some(all)
}

/// An engine, and what its loads did, which is still to be told.
fn engine_with(options: &Options, inputs: &Inputs, report: &Report, part: &Part) -> Result<(Engine, Vec<Load>), Exit> {
    let mut engine = Engine::with_builtin_schemas();
    set_up(&mut engine, options).map_err(|why| report.fail(why.0, &why.1))?;
    let (mut rejects, mut loads) = (Vec::new(), Vec::new());
    let mut groups: Vec<(String, Vec<PathBuf>)> = Vec::new();
    let Inputs { loads: named, given } = inputs;
    for (name, files) in named {
        add_group(&mut groups, table_of_alias(name), files.clone());
    }
    for file in given {
        let stem = paths::table_name(file);
        let name = if given.len() > 1 { known_table(&engine, file).unwrap_or(stem) } else { stem };
        add_group(&mut groups, &name, vec![file.clone()]);
    }
    for (name, files) in groups {
        if options.documented {
            catalogue::know(&mut engine, &name);
        }
        let is_named = options.loads.iter().any(|it| table_of_alias(&it.0) == name);
        let finds_table = (!is_named).then_some(());
        let columns = match part {
            Part::Beginning => {
                load_beginning(&mut engine, finds_table, &name, &files);
                continue;
            }
            Part::Whole => None,
            Part::Read(it) => Some(it),
        };
        let load = load_columns(&mut engine, finds_table, &name, &files, columns, report)?;
        rejects.extend(load.accounting.rejects.iter().cloned());
        loads.push(load);
    }
    if let Some(first) = given.first().filter(|_| options.names_first) {
        name_first(&mut engine, first);
    }
    if let Some(path) = options.rejects.as_ref().filter(|_| !matches!(part, Part::Beginning)) {
        write_rejects(path, &rejects).map_err(|why| report.fail(IO, &format!("{}: {why}", path.display())))?;
    }
    set_now(&mut engine, options.now.as_deref()).map_err(|why| report.fail(USAGE, &why))?;
    Ok((engine, loads))
}

fn set_up(engine: &mut Engine, options: &Options) -> Result<(), (Exit, String)> {
    let declared_only = options.command == Command::Batch && !options.schemas.is_empty();
    let disk: Arc<dyn Files> = Arc::new(Disk);
    let notes = options.project.prepare(engine, &disk).map_err(|why| (IO, why))?;
    if let Some((source, note)) = notes.iter().find(|it| it.1.level == Level::Error) {
        return Err((USAGE, note.line(source)));
    }
    let copy =
        |(url, path): &(String, PathBuf)| LocalCopy { url: url.clone(), path: path.clone(), sha256: None, date: None };
    let mut copies: Vec<LocalCopy> = options.externals.iter().map(copy).collect();
    copies.extend(options.project.copies.iter().cloned());
    engine.set_external(Arc::new(Copies::new(disk, copies).declared_only(declared_only).refused(options.no_files)));
    let mut limits = kql::Limits::interactive();
    limits.memory = options.memory.unwrap_or_else(memory);
    limits.threads = std::thread::available_parallelism().map_or(limits.threads, std::num::NonZero::get);
    if options.rejects.is_some() {
        limits.rejects_kept = 1 << 20;
    }
    engine.set_limits(limits);
    engine.set_timeout(options.timeout);
    engine.set_stop(kql::Stop::default());
    for path in &options.schemas {
        schemas::load(engine, &Disk, path).map_err(|why| (IO, why))?;
    }
    let geoip = options.geoip.clone().or_else(|| std::env::var_os("KQL_GEOIP").map(PathBuf::from));
    if let Some(path) = geoip.filter(|it| !it.as_os_str().is_empty()) {
        let bad = |why: String| (IO, format!("{}: {why}", path.display()));
        let bytes = std::fs::read(&path).map_err(|why| bad(why.to_string()))?;
        engine.set_geo(Arc::new(GeoFile::new(bytes).map_err(bad)?));
    }
    set_now(engine, options.now.as_deref()).map_err(|why| (USAGE, why))
}

/// Sets the clock by a text: a datetime, or `max`.
pub(crate) fn set_now(engine: &mut Engine, now: Option<&str>) -> Result<(), String> {
    engine.set_now(match now {
        None => Now::Clock,
        Some("max") => Now::Latest,
        Some(text) => {
            Now::At(kql::parser::parse_datetime(text).ok_or_else(|| format!("now: `{text}` is no datetime"))?)
        }
    });
    Ok(())
}

fn add_group(groups: &mut Vec<(String, Vec<PathBuf>)>, name: &str, files: Vec<PathBuf>) {
    match groups.iter_mut().find(|it| it.0 == name) {
        Some(group) => group.1.extend(files),
        None => groups.push((name.to_owned(), files)),
    }
}

/// The known table that the records of a file belong to, by its beginning.
fn known_table(engine: &Engine, path: &Path) -> Option<String> {
    let mut loader = engine.loader_for("", None, Some(Search::default()));
    add_beginning(&mut loader, path);
    Some(loader.finish().ok()?.table_name?.to_owned())
}

/// Loads files into one table and tells what is odd. With `finds_table` the records decide which table that is, and
/// `name` becomes another name of it.
pub(crate) fn load_files(
    engine: &mut Engine,
    finds_table: Option<()>,
    name: &str,
    files: &[PathBuf],
    report: &Report,
) -> Result<Load, Exit> {
    let load = load_columns(engine, finds_table, name, files, None, report)?;
    tell(&load, report);
    Ok(load)
}

/// Loads the beginning of files, as far as it can be read.
fn load_beginning(engine: &mut Engine, finds_table: Option<()>, name: &str, files: &[PathBuf]) {
    let mut loader = engine.loader_for(name, None, Some(Search::default()));
    for path in files.iter().take(8) {
        add_beginning(&mut loader, path);
    }
    if let Ok(loaded) = loader.finish() {
        _ = add(engine, finds_table, name, loaded);
    }
}

/// Adds what the beginning of a file tells of its records; of Parquet its columns.
fn add_beginning(loader: &mut Loader, path: &Path) {
    let source = path.display().to_string();
    let is_parquet = File::open(path).is_ok_and(|it| {
        let mut magic = [0; 4];
        path.is_file() && it.take(4).read_exact(&mut magic).is_ok() && magic == *b"PAR1"
    });
    // The last record is cut, and a compressed file ends too early, which is no matter here.
    _ = match File::open(path) {
        Ok(file) if is_parquet => loader.add_file(&source, Box::new(file)),
        Ok(file) => loader.add(&source, Box::new(file.take(PEEK_BYTES))),
        Err(_) => return,
    };
}

/// As [`load_files`], of what is wanted; nothing is told yet.
fn load_columns(
    engine: &mut Engine,
    finds_table: Option<()>,
    name: &str,
    files: &[PathBuf],
    wanted: Option<&Map<String, Reads>>,
    report: &Report,
) -> Result<Load, Exit> {
    let stop = engine.stop();
    let total = files.iter().map(|it| it.metadata().map_or(0, |it| it.len())).sum();
    let progress = Progress::new(&format!("loading {name}"), total, report.quiet);
    // By which name the records go is known at the end only: then the columns of both are kept.
    let all = wanted.map(|it| {
        let mut all = Reads::default();
        it.values().for_each(|it| all.extend(it));
        all
    });
    let kept = all.map(|it| it.columns);
    let rows = wanted.map(|it| match it.get(name) {
        Some(own) => own.rows.clone(),
        None => Search { any: it.values().flat_map(|it| &it.rows.any).cloned().collect() },
    });
    let mut loader = engine.loader_for(name, kept.clone(), rows.clone());
    let fail = |text: String| if stop.check().is_err() { INTERRUPTED } else { report.fail(IO, &text) };
    for path in files {
        let source = path.display().to_string();
        let file = File::open(path).map_err(|why| fail(format!("{source}: {why}")))?;
        if path.is_dir() {
            return Err(fail(format!("{source}: is a directory")));
        }
        let file = Box::new(progress.counted(file));
        // What has no places to go back to, such as a pipe, is read from its beginning to its end.
        let is_file = path.is_file();
        let add = || if is_file { loader.add_file(&source, file) } else { loader.add(&source, file) };
        let told = |why: kql::formats::LoadError| match raised_by(&why.fault) {
            Some(hint) => fail(format!("{why} ({hint})")),
            None => fail(why.to_string()),
        };
        interrupt::stoppable(&stop, add).map_err(told)?;
    }
    let loaded = interrupt::stoppable(&stop, || loader.finish()).map_err(|why| fail(why.to_string()))?;
    drop(progress);
    let load = add(engine, finds_table, name, loaded);
    if let Some(kept) = kept {
        engine.set_kept(&load.table, kept);
    }
    let groups = (load.accounting.row_groups, load.accounting.row_groups_skipped);
    if groups.0 > 0 {
        engine.set_row_groups(&load.table, groups.0 - groups.1, groups.0);
    }
    if let Some(rows) = rows.filter(|_| groups.1 > 0 || load.left_out > 0) {
        engine.set_kept_rows(&load.table, rows);
    }
    Ok(load)
}

fn add(engine: &mut Engine, finds_table: Option<()>, name: &str, loaded: Loaded) -> Load {
    let table = match (finds_table, loaded.table_name) {
        (Some(()), Some(table)) => table,
        _ => table_of_alias(name),
    };
    let load = engine.add_loaded(table, loaded);
    if table != name && table_of_alias(name) != table {
        name_table(engine, name, table);
    }
    load
}

/// Makes a second name of a table: a function, so that `union *` and `search` do not read it twice.
fn name_table(engine: &mut Engine, name: &str, table: &str) {
    if engine.table(name).is_none() && !engine.functions().any(|it| it.0 == name) {
        let body = format!("{{ ['{}'] }}", table.replace('\'', "\\'"));
        engine.add_function(name, StoredFunction { parameters: "()".to_owned(), body });
    }
}

/// `T` is the table of the first file.
pub(crate) fn name_first(engine: &mut Engine, first: &Path) {
    let stem = paths::table_name(first);
    let table =
        if engine.table(&stem).is_some() { Some(stem) } else { engine.tables().next().map(|it| it.0.to_owned()) };
    if let Some(table) = table {
        name_table(engine, "T", &table);
    }
}

/// Loads standard input into the table `stdin`, if it is no terminal.
pub(crate) fn load_stdin(engine: &mut Engine, report: &Report) -> Result<(), Exit> {
    if std::io::stdin().is_terminal() {
        return Err(report.fail(USAGE, "the table `stdin` is read from standard input, which is a terminal"));
    }
    let progress = Progress::new("reading standard input", 0, report.quiet);
    let stop = engine.stop();
    let bytes = progress.counted(std::io::stdin());
    let load = interrupt::stoppable(&stop, || engine.load("stdin", "stdin", bytes));
    let load =
        load.map_err(|why| if stop.check().is_err() { INTERRUPTED } else { report.fail(IO, &why.to_string()) })?;
    tell(&load, report);
    Ok(())
}

/// Says which input lines gave no row, and which values no value.
fn tell(load: &Load, report: &Report) {
    let it = &load.accounting;
    if it.rejected > 0 {
        let (n, lines) = (it.rejected, if it.rejected == 1 { "line" } else { "lines" });
        let first = it.rejects.first().map_or(String::new(), |it| {
            format!("; the first is {} line {}, byte {}: {}", it.source, it.line, it.offset, it.reason)
        });
        report
            .warn(&format!("table `{}`: {n} {lines} gave no row{first} (--rejects FILE writes them out)", load.table));
    }
    if it.replaced_bytes > 0 {
        let n = it.replaced_bytes;
        report.warn(&format!("table `{}`: {n} bytes were not UTF-8 and read as U+FFFD", load.table));
    }
    for it in load.conversions.iter().take(10) {
        report.warn(&format!("table `{}`: {it}", load.table));
    }
}

fn write_rejects(path: &Path, rejects: &[Reject]) -> std::io::Result<()> {
    crate::output::write_whole(path, |out| {
        for it in rejects {
            let line = serde_json::json!({
                "source": it.source, "line": it.line, "offset": it.offset, "reason": it.reason, "text": it.text,
            });
            writeln!(out, "{line}")?;
        }
        Ok(())
    })
}

/// Puts the settings of `kql.toml` below those of the command line.
pub(crate) fn configured(options: Options) -> Result<Options, String> {
    match options.no_config || matches!(options.command, Command::Help | Command::Batch | Command::Format) {
        true => Ok(options),
        false => config::apply(options),
    }
}

/// What queries may take unless told otherwise: a quarter of the machine's memory, where it tells, and 4 GiB at most.
fn memory() -> usize {
    let limit = kql::Limits::default().memory;
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else { return limit };
    let line = text.lines().find_map(|it| it.strip_prefix("MemTotal:"));
    let kilobytes = line.and_then(|it| it.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok());
    kilobytes.map_or(limit, |it| limit.min((it << 10) / 4))
}
