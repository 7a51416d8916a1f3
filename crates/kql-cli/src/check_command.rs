//! `kql check`: what would fail or mislead in rules and queries.

use crate::{
    interrupt,
    options::{Options, Word, choice, unknown_flag, words},
    output,
    report::{Exit, INTERRUPTED, Report},
    source,
};
use kql::formats::paint;
use kql_rules::{
    Contents, Disk, Level, Source,
    check::{self, Checker, Finding, LINTS, lint::lint, write},
    paths, read,
};
use std::{
    ffi::OsString,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
};

/// A warning was found, and no error.
const WARNINGS: Exit = Exit(1);
/// A rule or query is faulty.
const FAULTY: Exit = Exit(2);
/// What is wrong with the command line, a schema or a file.
const CONFIG: Exit = Exit(3);
/// How often fixes are applied and the files checked anew: fixes that touch each other wait for the next round.
const ROUNDS: usize = 8;

const HELP: &str = "\
Tell what would fail or mislead in production: of Sentinel rules, hunting queries, Defender detections, functions and
query files. Nothing is run.

kql check PATH…                 files, directories, patterns
kql check --explain [CODE…]     what lints mean; without a code the list of all

  --fix              apply fixes to the files, and tell of the rest
  --format F         human, json (one finding a line), sarif (2.1.0) or github (annotations)
  --output FILE      write the findings to a file
  --level L          tell only of errors, or errors and warnings: error, warning or info (all, unless given)
  --skip CODES       lints to leave out, by code or name, with commas
  --only CODES       the only lints to look for
  --schema PATH      tables and functions: a file, or a directory such as CustomTables of Azure-Sentinel
  --load NAME=PATH   load files into a table, whose columns are known then
  --param NAME=VALUE a value for declare query_parameters
  --strict           tables that nothing knows are errors
  --rules-only       leave out named files that hold no rule, as those of directories are
  --no-config        read no kql.toml

Tables are known from the built-in catalogue of Azure Monitor, Sentinel and Defender, from --schema, --load, kql.toml and
the functions among the checked files. A finding is left out where its line or the line above says `kql: allow CODE`.

Exit status: 0 nothing but notes, 1 a warning, 2 an error: a rule or query is faulty, 3 the command line, a schema or a
file is, 130 interrupted.
";

/// How findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    #[default]
    Human,
    Json,
    Sarif,
    Github,
}

const FORMATS: &[(&str, Format)] =
    &[("human", Format::Human), ("json", Format::Json), ("sarif", Format::Sarif), ("github", Format::Github)];

#[derive(Debug, Default)]
struct Arguments {
    values: Vec<String>,
    explain: bool,
    fix: bool,
    format: Format,
    output: Option<PathBuf>,
    level: Option<Level>,
    skip: Vec<&'static str>,
    only: Vec<&'static str>,
    strict: bool,
    rules_only: bool,
    no_config: bool,
    quiet: bool,
    help: bool,
    /// What the engine is set up with.
    options: Options,
}

const FLAGS: &[&str] = &[
    "explain",
    "fix",
    "format",
    "output",
    "level",
    "skip",
    "only",
    "schema",
    "load",
    "param",
    "strict",
    "rules-only",
    "no-config",
    "quiet",
    "help",
];

impl Arguments {
    fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Arguments, String> {
        let mut out = Arguments::default();
        words(args, "kql check", &[('h', "help"), ('o', "format"), ('q', "quiet")], |word, value| match word {
            Word::Flag(name) => out.set(name, value),
            Word::Free(it) => {
                out.values.push(it.to_string_lossy().into_owned());
                Ok(())
            }
        })?;
        Ok(out)
    }

    /// Sets a flag; `value` gives what follows it.
    fn set(&mut self, name: &str, mut value: impl FnMut() -> Result<String, String>) -> Result<(), String> {
        match name {
            "explain" => self.explain = true,
            "fix" => self.fix = true,
            "strict" => self.strict = true,
            "rules-only" => self.rules_only = true,
            "no-config" => self.no_config = true,
            "quiet" => self.quiet = true,
            "help" => self.help = true,
            "output" => self.output = Some(value()?.into()),
            "skip" => self.skip.extend(codes(&value()?)?),
            "only" => self.only.extend(codes(&value()?)?),
            "schema" | "load" | "param" => self.options.set(name, value()?)?,
            "level" => {
                let levels = [Level::Error, Level::Warning, Level::Info].map(|it| (it.name(), it));
                self.level = Some(choice(name, &value()?, &levels)?);
            }
            "format" => self.format = choice(name, &value()?, FORMATS)?,
            _ => return Err(unknown_flag("kql check", name, FLAGS.iter().copied())),
        }
        Ok(())
    }

    /// Whether a finding is wanted.
    fn wants(&self, finding: &Finding) -> bool {
        self.level.is_none_or(|it| finding.level >= it)
            && !self.skip.contains(&finding.code)
            && (self.only.is_empty() || self.only.contains(&finding.code))
    }
}

/// The codes that a list names.
fn codes(text: &str) -> Result<Vec<&'static str>, String> {
    let known = |it: &str| lint(it.trim()).map(|it| it.code).ok_or_else(|| unknown(it.trim()));
    text.split(',').filter(|it| !it.trim().is_empty()).map(known).collect()
}

fn unknown(code: &str) -> String {
    match kql::parser::diagnostic::closest(code, LINTS.iter().flat_map(|it| [it.code, it.name])) {
        Some(near) => format!("there is no lint `{code}`; did you mean `{near}`?"),
        None => format!("there is no lint `{code}`; kql check --explain lists them"),
    }
}

/// The command, with what follows its word.
pub(crate) fn main(args: Vec<OsString>) -> Result<(), Exit> {
    let mut report = Report::new(false, false);
    let arguments = Arguments::parse(args).map_err(|why| report.fail(CONFIG, &why))?;
    report.quiet = arguments.quiet;
    let fail = |why: String| report.fail(CONFIG, &why);
    if arguments.help {
        return print(HELP).map_err(fail);
    }
    if arguments.explain {
        return print(&explained(&arguments.values).map_err(fail)?).map_err(fail);
    }
    interrupt::install();
    let mut paths = paths(&arguments.values).map_err(fail)?;
    paths.iter_mut().for_each(|it| it.1 &= !arguments.rules_only);
    let mut options = arguments.options.clone();
    if !arguments.no_config {
        options = source::configured(options).map_err(fail)?;
    }
    let engine =
        source::engine(&options, &[], &report).map_err(|exit| if exit == INTERRUPTED { exit } else { CONFIG })?;
    let checker = Checker::new(&engine, arguments.strict).with_parameters(options.parameters.clone());
    let mut files = files(&paths).map_err(fail)?;
    let mut findings = checker.check(&files);
    if arguments.fix {
        let mut n_fixed = 0;
        for _ in 0..ROUNDS {
            findings.retain(|it| arguments.wants(it));
            let n = fix(&files, &findings).map_err(fail)?;
            if n == 0 {
                break;
            }
            n_fixed += n;
            files = self::files(&paths).map_err(fail)?;
            findings = checker.check(&files);
        }
        report.note(&format!("{n_fixed} fixed"));
    }
    if engine.stop().check().is_err() {
        return Err(INTERRUPTED);
    }
    findings.retain(|it| arguments.wants(it));
    tell(&arguments, &findings, &report).map_err(fail)?;
    if arguments.format == Format::Human {
        report.note(&summary(&files, &findings));
    }
    match check::worst(&findings) {
        Some(Level::Error) => Err(FAULTY),
        Some(Level::Warning) => Err(WARNINGS),
        Some(Level::Info) | None => Ok(()),
    }
}

/// What lints mean.
fn explained(codes: &[String]) -> Result<String, String> {
    if codes.is_empty() {
        let line = |it: &&check::Lint| format!("{} {:24} {:8} {}\n", it.code, it.name, it.level.name(), it.summary);
        return Ok(LINTS.iter().map(line).collect());
    }
    let pages = codes.iter().map(|it| lint(it).map(check::Lint::page).ok_or_else(|| unknown(it)));
    Ok(pages.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// A file, and whether it was named and not only found in a directory.
type Found = (PathBuf, bool);

fn paths(values: &[String]) -> Result<Vec<Found>, String> {
    let mut out: Vec<Found> = Vec::new();
    for value in values {
        let path = Path::new(value);
        if path.is_dir() {
            let endings: Vec<&str> = read::ENDINGS.iter().copied().chain(["json"]).collect();
            out.extend(paths::below(&Disk, path, &endings)?.into_iter().map(|it| (it, false)));
        } else {
            out.extend(paths::expand(&Disk, value)?.into_iter().map(|it| (it, true)));
        }
    }
    out.retain(|it| it.1 || !read::is_test_file(&it.0));
    if out.is_empty() {
        return Err("no files were given; see kql check --help".to_owned());
    }
    Ok(out)
}

/// The files read. Those of directories that hold no rule are left out.
fn files(paths: &[Found]) -> Result<Vec<Contents>, String> {
    let mut out = Vec::with_capacity(paths.len());
    for (path, named) in paths {
        let bytes = std::fs::read(path).map_err(|why| format!("{}: {why}", path.display()))?;
        let contents = kql_rules::read(&path.display().to_string(), &bytes);
        let is_json = path.extension().is_some_and(|it| it == "json");
        // Whatever else a directory has is no rule that is faulty; a YAML file that is none at all might be.
        let is_other = contents.rules.is_empty() && (is_json || contents.notes.iter().all(|it| it.code == "READ004"));
        if *named || !is_other {
            out.push(contents);
        }
    }
    Ok(out)
}

/// Applies what fixes there are. Gives how many findings were mended.
fn fix(files: &[Contents], findings: &[Finding]) -> Result<usize, String> {
    let mut n_fixed = 0;
    for file in files {
        let own: Vec<Finding> = findings.iter().filter(|it| it.source == file.source).cloned().collect();
        if own.iter().all(|it| it.fix.is_none()) {
            continue;
        }
        let path = Path::new(&file.source.name);
        let before = std::fs::read(path).map_err(|why| format!("{}: {why}", path.display()))?;
        // The bytes must be those of the text, so that everything else stays as it is.
        let mark: &[u8] = if file.source.has_mark { b"\xef\xbb\xbf" } else { b"" };
        if before.strip_prefix(mark) != Some(file.source.text.as_bytes()) {
            continue;
        }
        let fixed = check::fixed(&file.source.text, &own);
        n_fixed += fixed.applied;
        let written = output::write_whole(path, |out| {
            out.write_all(mark)?;
            out.write_all(fixed.text.as_bytes())
        });
        written.map_err(|why| format!("{}: {why}", path.display()))?;
    }
    Ok(n_fixed)
}

fn tell(arguments: &Arguments, findings: &[Finding], report: &Report) -> Result<(), String> {
    let to_terminal = arguments.output.is_none() && std::io::stdout().is_terminal();
    let text = match arguments.format {
        Format::Human => {
            let color = to_terminal && std::env::var_os("NO_COLOR").is_none();
            let report = Report { color, ..report.clone() };
            findings.iter().map(|it| picture(it, &report) + "\n").collect()
        }
        Format::Json => findings.iter().map(|it| format!("{}\n", write::json(it))).collect(),
        Format::Github => findings.iter().map(|it| write::github(it) + "\n").collect(),
        Format::Sarif => format!("{:#}\n", write::sarif(findings)),
    };
    match &arguments.output {
        Some(path) => output::write_whole(path, |out| out.write_all(text.as_bytes()))
            .map_err(|why| format!("{}: {why}", path.display())),
        None => print(&text),
    }
}

fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("standard output: {why}")),
        _ => Ok(()),
    }
}

/// A finding with its line and carets below what it is about.
fn picture(finding: &Finding, report: &Report) -> String {
    let color = match finding.level {
        Level::Error => "31;1",
        Level::Warning => "33",
        Level::Info => "36",
    };
    let (source, place): (&Source, _) = (&finding.source, finding.place);
    let head = report.style(color, &format!("{} {}", finding.level.name(), finding.code));
    let (file, message) = (paint(&source.name), paint(&finding.message));
    let mut out = format!("{head} at {file}:{}:{}: {message}", place.line, place.column);
    let line = source.line(place.line);
    if !line.trim().is_empty() {
        let marked = source.text.get(place.start..place.end).and_then(|it| it.lines().next()).unwrap_or("");
        out.push_str(&report.excerpt(line, place.line, place.column, marked, color));
    }
    for hint in &finding.hints {
        out.push_str(&format!("\n  {} {}", report.style("36", "hint:"), paint(hint)));
    }
    if let Some(fix) = &finding.fix {
        out.push_str(&format!("\n  {} {} (--fix)", report.style("32", "fix:"), paint(&fix.title)));
    }
    out
}

fn summary(files: &[Contents], findings: &[Finding]) -> String {
    let count = |level: Level| findings.iter().filter(|it| it.level == level).count();
    let counted = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let n_rules = files.iter().map(|it| it.rules.len()).sum::<usize>();
    let levels = [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Info, "note")];
    let found: Vec<String> = levels.iter().map(|(level, name)| counted(count(*level), name)).collect();
    format!("{} in {}: {}", counted(n_rules, "rule"), counted(files.len(), "file"), found.join(", "))
}
