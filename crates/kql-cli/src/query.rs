//! The commands that take queries: run, format, explain.

use crate::{
    explain, interrupt,
    options::Options,
    output::{self, Output, Style},
    progress::Progress,
    report::{Exit, IO, Place, QUERY, Report, USAGE},
    script::{self, Script, Scripts},
    source,
};
use kql::{
    Diagnostic, Engine, Error, Outcome, Query,
    parser::{ParseOptions, lexer, parse, token::TokenKind},
};
use kql_rules::{Disk, paths, read as rules};
use std::{
    borrow::Cow,
    io::{IsTerminal, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Free arguments sorted into files and a query.
pub(crate) struct Words {
    pub(crate) files: Vec<String>,
    pub(crate) queries: Vec<String>,
    /// Whether one of the files is `-`, standard input.
    reads_stdin: bool,
}

/// An argument that is a file, a directory or a pattern of files is loaded; any other that reads like a query is one.
pub(crate) fn words(options: &Options, report: &Report) -> Result<Words, Exit> {
    let (mut files, mut queries, mut reads_stdin) = (Vec::new(), options.queries.clone(), false);
    for value in &options.values {
        let has_data = reads_stdin || !files.is_empty();
        let is_query = value.contains(['|', ' ', '(', '\n', ';']) || is_name(value) && has_data;
        if value == "-" {
            reads_stdin = true;
        } else if Path::new(value).exists()
            || value.contains('*') && !value.contains('|') && paths::expand(&Disk, value).is_ok()
        {
            files.push(value.clone());
        } else if is_query {
            queries.push(value.clone());
        } else {
            return Err(report.fail(IO, &format!("{value}: no such file{}", meant(value, options))));
        }
    }
    Ok(Words { files, queries, reads_stdin })
}

/// The command that a first word may have meant, as a question.
fn meant(value: &str, options: &Options) -> String {
    let is_first = options.values.first().is_some_and(|it| it == value);
    match kql::parser::diagnostic::closest(value, crate::options::command_words()).filter(|_| is_first) {
        Some(command) => format!(", and no command; did you mean `kql {command}`?"),
        None => String::new(),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|it| it.is_alphanumeric() || it == '_')
}

/// Runs the queries of the command line. `None` when there is none, and the shell is wanted.
pub(crate) fn main(options: &Options, report: &Report) -> Result<Option<(Engine, Words)>, Exit> {
    let words = words(options, report)?;
    let mut scripts = Vec::new();
    for text in &words.queries {
        scripts.push(Script::of(directives_told(text, report)));
    }
    let mut functions = Vec::new();
    for path in &options.scripts {
        let file = read(path, options, report)?;
        scripts.extend(file.queries);
        functions.extend(file.functions);
    }
    if scripts.is_empty() {
        if words.reads_stdin {
            return Err(report.fail(USAGE, "`-` is the data of standard input, and no query is given"));
        }
        if std::io::stdin().is_terminal() {
            return Ok(Some((source::engine(options, &words.files, report)?, words)));
        }
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        _ = read.map_err(|why| report.fail(IO, &format!("standard input: {why}")))?;
        scripts.push(Script::of(directives_told(&text, report)));
    }
    let mut engine = source::engine_for(options, &words.files, functions, &scripts, report)?;
    if words.reads_stdin || scripts.iter().any(|it| names_stdin(&it.text)) {
        source::load_stdin(&mut engine, report)?;
        if words.files.is_empty() && options.names_first {
            source::name_first(&mut engine, Path::new("stdin"));
        }
    }
    run_scripts(&engine, options, &scripts, report)?;
    Ok(None)
}

/// Whether a query reads the table `stdin`.
fn names_stdin(text: &str) -> bool {
    lexer::lex(text).tokens.iter().any(|it| it.kind == TokenKind::Name && it.span.of(text) == "stdin")
}

/// `kql run`, and `-c` and `-f`: queries one after the other, to the first error.
fn run_scripts(engine: &Engine, options: &Options, scripts: &[Script], report: &Report) -> Result<(), Exit> {
    let to_file = options.output.is_some();
    let broken = |why: std::io::Error| match why.kind() {
        // Whoever reads the results has seen enough.
        std::io::ErrorKind::BrokenPipe if !to_file => Exit(0),
        _ => {
            let path = options.output.as_ref().map_or("standard output".to_owned(), |it| it.display().to_string());
            report.fail(IO, &format!("{path}: {why}"))
        }
    };
    let style = Style::new(options, to_file);
    let mut out = Output::open(options.output.as_deref()).map_err(broken)?;
    let mut res = Ok(());
    let note_time = std::io::stderr().is_terminal();
    for script in scripts {
        let header = scripts.len() > 1 && style.write.terminal;
        if header && let Some(name) = script.name.as_ref().or(script.place.file.as_ref()) {
            report.note(&format!("── {name}"));
        }
        match run(engine, options, script, report) {
            Ok((outcome, _)) if options.explain => {
                out.write_all(explain::plans(engine, &outcome.plan).as_bytes()).map_err(broken)?;
            }
            Ok((outcome, elapsed)) => {
                out.show(&outcome, &style).map_err(broken)?;
                if note_time {
                    report.note(&explain::statistics(engine, &outcome, elapsed));
                }
            }
            Err(exit) => {
                res = Err(exit);
                if !options.keep_going || exit == crate::report::INTERRUPTED {
                    break;
                }
            }
        }
    }
    if res.is_ok() || !to_file {
        out.finish().map_err(broken)?;
    }
    res
}

/// One query: its answer, or what went wrong, told.
fn run(engine: &Engine, options: &Options, script: &Script, report: &Report) -> Result<(Outcome, Duration), Exit> {
    let Script { text, place, .. } = script.at(engine.now());
    let query = Query { text: text.clone(), parameters: options.parameters.clone() };
    if options.explain {
        let check = engine.check(query);
        report.diagnostics(&place, &text, &check.diagnostics);
        if check.diagnostics.iter().any(Diagnostic::is_error) {
            return Err(QUERY);
        }
        let (tables, warnings, statistics) = (Vec::new(), Vec::new(), Vec::new());
        let (diagnostics, plan) = (check.diagnostics, check.plan);
        return Ok((Outcome { tables, diagnostics, warnings, complete: true, plan, statistics }, Duration::ZERO));
    }
    let start = Instant::now();
    let progress = Progress::new("running", 0, report.quiet);
    let res = interrupt::stoppable(&engine.stop(), || engine.query(query));
    drop(progress);
    let elapsed = start.elapsed();
    let outcome = res.map_err(|error| told(engine, options, report, &place, &text, &error))?;
    report.diagnostics(&place, &text, &outcome.diagnostics);
    output::tell(&outcome, report);
    tell_empty(engine, &outcome, report, |table| format!("--load {table}=FILE"));
    Ok((outcome, elapsed))
}

/// Says when no table that a query reads has any row: then nothing was found out.
pub(crate) fn tell_empty(engine: &Engine, outcome: &Outcome, report: &Report, load: impl Fn(&str) -> String) {
    let table = |it: &kql::plan::Node| match &it.op {
        kql::plan::Op::Scan { table, .. } => Some(table.clone()),
        _ => None,
    };
    let mut names: Vec<String> = outcome.plan.nodes.iter().filter_map(table).collect();
    names.sort();
    names.dedup();
    // A table that was given and is empty is an answer.
    let has_rows = |it: &String| engine.table(it).is_some_and(|it| it.n_rows() > 0);
    if names.is_empty() || names.iter().any(has_rows) {
        return;
    }
    let shown = names.iter().take(8).map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    let more = if names.len() > 8 { format!(" and {} more", names.len() - 8) } else { String::new() };
    let first = names.first().map_or("", String::as_str);
    report.note(&format!("no table that the query reads has rows: {shown}{more}; {} gives it some", load(first)));
}

/// Tells what went wrong, and of the likeliest reason where no table is there at all.
fn told(engine: &Engine, options: &Options, report: &Report, place: &Place, text: &str, error: &Error) -> Exit {
    let exit = report.query(place, text, error);
    if engine.tables().next().is_some() {
        tell_tables(engine, error, report);
    } else if lacks_table(error) && options.schemas.is_empty() {
        report.note("no table is loaded: kql FILE… QUERY names tables after their files, --load NAME=PATH as it says");
    }
    exit
}

/// Whether a query names a table that is not there, and none is like it.
fn lacks_table(error: &Error) -> bool {
    let is_unknown = |it: &Diagnostic| it.message.starts_with("unknown table") && it.hints.is_empty();
    matches!(error, Error::Query(it) if it.iter().any(is_unknown))
}

/// Says which tables there are, of a query that names another.
pub(crate) fn tell_tables(engine: &Engine, error: &Error, report: &Report) {
    if !lacks_table(error) {
        return;
    }
    let mut names: Vec<String> = engine.tables().map(|it| format!("`{}`", it.0)).collect();
    let n_more = names.len().saturating_sub(8);
    names.truncate(8);
    let more = if n_more > 0 { format!(" and {n_more} more") } else { String::new() };
    report.note(&format!("loaded: {}{more}", names.join(", ")));
}

/// The queries and functions of a file, or the one block that is wanted; `-` is standard input.
fn read(path: &Path, options: &Options, report: &Report) -> Result<Scripts, Exit> {
    let fail = |why: String| report.fail(IO, &format!("{}: {why}", path.display()));
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        _ = std::io::stdin().read_to_end(&mut bytes).map_err(|why| fail(why.to_string()))?;
        bytes
    } else {
        std::fs::read(path).map_err(|why| fail(why.to_string()))?
    };
    script::scripts(path, &bytes, options.block, report).map_err(|why| report.fail(QUERY, &why))
}

/// The text without lines for other programs; they are warned of.
pub(crate) fn directives_told<'a>(text: &'a str, report: &Report) -> Cow<'a, str> {
    let (text, directives) = script::without_directives(text);
    for it in directives {
        report.warn(&format!("`{it}` is for another program and was left out"));
    }
    text
}

/// The query and rule files that arguments name.
fn files(values: &[String], report: &Report) -> Result<Vec<PathBuf>, Exit> {
    let mut out = Vec::new();
    for value in values {
        let path = Path::new(value);
        let found = match path.is_dir() {
            true => paths::below(&Disk, path, rules::ENDINGS),
            false => paths::expand(&Disk, value),
        };
        let found = found.map_err(|why| report.fail(IO, &why))?;
        out.extend(found.into_iter().filter(|it| !rules::is_test_file(it)));
    }
    if out.is_empty() {
        return Err(report.fail(USAGE, "no query files were given; see kql --help"));
    }
    Ok(out)
}

/// `kql run`
pub(crate) fn run_files(options: &Options, report: &Report) -> Result<(), Exit> {
    let (mut scripts, mut functions) = (Vec::new(), Vec::new());
    for path in files(&options.values, report)? {
        let file = read(&path, options, report)?;
        scripts.extend(file.queries);
        functions.extend(file.functions);
    }
    let mut engine = source::engine_for(options, &[], functions, &scripts, report)?;
    if scripts.iter().any(|it| names_stdin(&it.text)) {
        source::load_stdin(&mut engine, report)?;
    }
    run_scripts(&engine, options, &scripts, report)
}

/// `kql fmt`: query files, or standard input.
pub(crate) fn format(options: &Options, report: &Report) -> Result<(), Exit> {
    if options.values.is_empty() {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        _ = read.map_err(|why| report.fail(IO, &format!("standard input: {why}")))?;
        let formatted = formatted(None, &text, report)?;
        return write(&formatted, report);
    }
    let mut res = Ok(());
    for path in files(&options.values, report)? {
        if path.extension().is_some_and(|it| it == "yaml" || it == "yml") {
            report.warn(&format!("{}: rule files are not formatted, only query files", path.display()));
            continue;
        }
        let fail = |why: String| report.fail(IO, &format!("{}: {why}", path.display()));
        let text = std::fs::read_to_string(&path).map_err(|why| fail(why.to_string()))?;
        let Ok(formatted) = formatted(Some(&path), &text, report) else {
            res = Err(QUERY);
            continue;
        };
        if options.check {
            if formatted != text {
                report.note(&format!("{} would change", path.display()));
                res = Err(QUERY);
            }
        } else if !options.write {
            write(&formatted, report)?;
        } else if formatted != text {
            let written = output::write_whole(&path, |out| out.write_all(formatted.as_bytes()));
            written.map_err(|why| fail(why.to_string()))?;
        }
    }
    res
}

fn write(text: &str, report: &Report) -> Result<(), Exit> {
    let written = std::io::stdout().write_all(text.as_bytes());
    written.map_err(|why| report.fail(IO, &format!("standard output: {why}")))
}

fn formatted(path: Option<&Path>, text: &str, report: &Report) -> Result<String, Exit> {
    let (query, diagnostics) = parse(text, &ParseOptions::default());
    if !diagnostics.iter().any(Diagnostic::is_error) {
        return Ok(kql::parser::format(&query));
    }
    // Several queries in one file, parted by blank lines, are formatted one by one.
    if let Some(path) = path
        && let Ok(scripts) = script::scripts(path, text.as_bytes(), None, report).map(|it| it.queries)
        && scripts.len() > 1
    {
        let one = |it: &Script| kql::parser::format(&parse(&it.text, &ParseOptions::default()).0);
        return Ok(scripts.iter().map(one).collect::<Vec<_>>().join("\n"));
    }
    let place = Place { file: path.map(|it| it.display().to_string()), ..Place::default() };
    report.diagnostics(&place, text, &diagnostics);
    Err(QUERY)
}

/// `kql explain`
pub(crate) fn explain(options: &Options, report: &Report) -> Result<(), Exit> {
    let mut options = options.clone();
    let is_script = |it: &String| {
        let ending = Path::new(it).extension().and_then(|it| it.to_str()).unwrap_or("");
        rules::ENDINGS.contains(&ending) && Path::new(it).is_file()
    };
    let (scripts, values) = options.values.drain(..).partition(is_script);
    options.values = values;
    options.scripts.extend(scripts.into_iter().map(|it: String| it.into()));
    let words = words(&options, report)?;
    let mut all = Vec::new();
    for text in words.queries {
        all.push(Script::of(text));
    }
    let mut functions = Vec::new();
    for path in &options.scripts {
        let file = read(path, &options, report)?;
        all.extend(file.queries);
        functions.extend(file.functions);
    }
    if all.is_empty() {
        return Err(report.fail(USAGE, "explain takes a query or a query file"));
    }
    options.explain = !options.run;
    let engine = source::engine_for(&options, &words.files, functions, &all, report)?;
    for script in &all {
        let (outcome, _) = run(&engine, &options, script, report)?;
        let text =
            if options.explain { explain::plans(&engine, &outcome.plan) } else { explain::timed(&engine, &outcome) };
        write(&text, report)?;
    }
    Ok(())
}
