//! `kql test`: runs the tests of rules, and makes test files out of those of other projects.

use crate::{
    interrupt,
    options::{Word, choice, unknown_flag, words},
    report::{Exit, INTERRUPTED, Report},
};
use kql::{Engine, Stop, formats::paint};
use kql_rules::{
    Disk, Files, Level, Note, Project, Source, paths,
    test::{self, Options, PantherLink, PantherMapping, Subject, Suite, Workspace},
};
use std::{
    ffi::OsString,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// What is wrong with the command line, a test file or a fixture.
const CONFIG: Exit = Exit(3);
/// How long a run may take unless `--timeout` says otherwise: a mutant may join everything with everything.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often `--watch` looks at the files.
const WATCH: Duration = Duration::from_millis(300);

const HELP: &str = "\
Run the tests of rules.

kql test [PATH…]                      test files (*.test.yaml), rules with tests beside them, directories; without any
                                      those of `tests` in kql.toml
kql test --panther FILE RULE          the tests of a Panther detection, run against the rule that is its port
kql test --import panther FILE        a test file out of a Panther detection's tests
kql test --import sigma-regression FILE   a test file out of an info.yml of SigmaHQ's regression data
kql test --import contentctl FILE     a test file out of a detection of Splunk's contentctl and its attack data in JSON

  --filter TEXT     only tests with this in their name or path
  --update          write snapshots that differ
  --format F        human, json, tap or github
  --junit FILE      write a JUnit report as well
  --coverage        what the tests reach: predicates, branches, entities, techniques
  --mutate          drop and negate each predicate; tell which changes no test finds
  --watch           run again when a file changes
  --threads N       tests that run at once
  --timeout TIME    time of a run, such as 10s; a minute unless given
  --verbose         name tests that passed as well
  --rule PATH       --import: the rule that the test file shall name
  --table NAME      --panther, --import: the table of the events
  --time KEY        --panther, --import panther: the key of an event that holds its time
  --unique PATH     --panther, --import panther: what the detection's threshold counts
  --write           --import: write the file beside its source in place of printing it

Exit status: 0 all passed, 1 a test failed or a mutant survived, 2 a rule or query is faulty, 3 a test file or fixture
is, 130 interrupted.
";

/// How the report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    #[default]
    Human,
    Json,
    Tap,
    Github,
}

const FORMATS: &[(&str, Format)] =
    &[("human", Format::Human), ("json", Format::Json), ("tap", Format::Tap), ("github", Format::Github)];

#[derive(Debug, Default)]
struct Arguments {
    paths: Vec<PathBuf>,
    filter: Option<String>,
    update: bool,
    format: Format,
    junit: Option<PathBuf>,
    coverage: bool,
    mutate: bool,
    watch: bool,
    threads: Option<usize>,
    timeout: Option<Duration>,
    verbose: bool,
    import: Option<String>,
    panther: Option<PathBuf>,
    rule: Option<String>,
    table: Option<String>,
    time: Option<String>,
    unique: Option<String>,
    write: bool,
    help: bool,
}

/// Long flags, for suggestions.
const FLAGS: &[&str] = &[
    "filter", "update", "format", "junit", "coverage", "mutate", "watch", "threads", "timeout", "verbose", "import",
    "panther", "rule", "table", "time", "unique", "write", "help",
];

impl Arguments {
    fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Arguments, String> {
        let mut out = Arguments::default();
        words(args, "kql test", &[('h', "help"), ('o', "format"), ('v', "verbose"), ('w', "write")], |word, value| {
            match word {
                Word::Flag(name) => out.set(name, value),
                Word::Free(it) => {
                    out.paths.push(it.into());
                    Ok(())
                }
            }
        })?;
        Ok(out)
    }

    /// Sets a flag; `value` gives what follows it.
    fn set(&mut self, name: &str, mut value: impl FnMut() -> Result<String, String>) -> Result<(), String> {
        match name {
            "help" => self.help = true,
            "verbose" => self.verbose = true,
            "write" => self.write = true,
            "update" => self.update = true,
            "coverage" => self.coverage = true,
            "mutate" => self.mutate = true,
            "watch" => self.watch = true,
            "filter" => self.filter = Some(value()?),
            "junit" => self.junit = Some(value()?.into()),
            "import" => self.import = Some(value()?),
            "panther" => self.panther = Some(value()?.into()),
            "rule" => self.rule = Some(value()?),
            "table" => self.table = Some(value()?),
            "time" => self.time = Some(value()?),
            "unique" => self.unique = Some(value()?),
            "threads" => {
                let text = value()?;
                let n_threads = text.parse().ok().filter(|it| *it > 0);
                self.threads = Some(n_threads.ok_or_else(|| format!("--threads takes a number, not `{text}`"))?);
            }
            "timeout" => {
                let text = value()?;
                let time = crate::options::duration(&text);
                self.timeout = Some(time.ok_or_else(|| format!("--timeout takes a time, not `{text}`"))?);
            }
            "format" => self.format = choice(name, &value()?, FORMATS)?,
            _ => return Err(unknown_flag("kql test", name, FLAGS.iter().copied())),
        }
        Ok(())
    }

    fn mapping(&self) -> PantherMapping {
        let at = |it: &Option<String>| it.clone().map(|it| kql_rules::At::new(it, Default::default()));
        PantherMapping { table: at(&self.table), time: at(&self.time), unique: at(&self.unique), ..Default::default() }
    }
}

/// The command, with what follows its word.
pub(crate) fn main(args: Vec<OsString>) -> Result<(), Exit> {
    let report = Report::new(false, false);
    let arguments = Arguments::parse(args).map_err(|why| report.fail(CONFIG, &why))?;
    if arguments.help {
        return print(HELP, &report);
    }
    interrupt::install();
    match (&arguments.import, &arguments.panther) {
        (Some(kind), _) => import(kind, &arguments, &report),
        (None, Some(file)) => {
            let suites = panther_suite(file, &arguments).map_err(|why| report.fail(CONFIG, &why))?;
            run_once(&arguments, &report, |workspace, options| {
                Ok(test::run_suites(workspace, vec![suites.clone()], options))
            })
        }
        (None, None) if arguments.watch => watch(&arguments, &report),
        (None, None) => run_once(&arguments, &report, |workspace, options| found(&arguments, workspace, options)),
    }
}

/// Runs the tests of the paths; without any those that the project's file names.
fn found(arguments: &Arguments, workspace: &Workspace<'_>, options: &Options<'_>) -> Result<test::Report, String> {
    let mut given = arguments.paths.clone();
    if given.is_empty() {
        for pattern in &Project::of_directory(workspace.files, Path::new(""))?.tests {
            given.extend(paths::expand(workspace.files, pattern)?);
        }
    }
    if given.is_empty() {
        return Err(
            "kql test takes test files, rules or directories, or `tests` in kql.toml; see kql test --help".to_owned()
        );
    }
    let found = test::discover(workspace.files, &given)?;
    if found.tests.is_empty() {
        return Err("there are no test files (*.test.yaml); `kql new test RULE` makes one".to_owned());
    }
    Ok(test::run(workspace, &found.tests, &found.rules, options))
}

fn run_once(
    arguments: &Arguments,
    report: &Report,
    run: impl Fn(&Workspace<'_>, &Options<'_>) -> Result<test::Report, String>,
) -> Result<(), Exit> {
    let files = Disk;
    let stop = Stop::default();
    let mut engine = engine().map_err(|why| report.fail(CONFIG, &why))?;
    engine.set_stop(stop.clone());
    engine.set_timeout(Some(arguments.timeout.unwrap_or(TIMEOUT)));
    let workspace = Workspace { files: &files, engine };
    let start = Instant::now();
    let clock = move || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let options = Options {
        threads: arguments.threads.or(std::thread::available_parallelism().ok().map(Into::into)).unwrap_or(1),
        filter: arguments.filter.clone(),
        update: arguments.update,
        mutate: arguments.mutate,
        coverage: arguments.coverage,
        clock: &clock,
        stop: stop.clone(),
    };
    let res = interrupt::stoppable(&stop, || run(&workspace, &options)).map_err(|why| report.fail(CONFIG, &why))?;
    if arguments.filter.is_some() && res.suites.is_empty() && !res.interrupted {
        return Err(report.fail(CONFIG, "no test has that in its name or path"));
    }
    if let Some(path) = &arguments.junit {
        let text = test::junit(&res);
        let written = crate::output::write_whole(path, |out| out.write_all(text.as_bytes()));
        written.map_err(|why| report.fail(CONFIG, &format!("{}: {why}", path.display())))?;
    }
    let text = match arguments.format {
        Format::Human => coloured(&test::human(&res, arguments.verbose)),
        Format::Json => format!("{:#}\n", test::json(&res)),
        Format::Tap => painted(&test::tap(&res)),
        Format::Github => painted(&test::github(&res)),
    };
    print(&text, report)?;
    match res.exit_status() {
        0 => Ok(()),
        130 => Err(INTERRUPTED),
        status => Err(Exit(status)),
    }
}

/// What tests run in: the known tables, and the functions, schemas, watchlists and copies of the project; none of its data.
fn engine() -> Result<Engine, String> {
    let mut engine = Engine::with_builtin_schemas();
    let project = Project::of_directory(&Disk, Path::new(""))?;
    for path in &project.schemas {
        kql_rules::schemas::load(&mut engine, &Disk, path)?;
    }
    let files: Arc<dyn Files> = Arc::new(Disk);
    for (source, note) in project.prepare(&mut engine, &files)? {
        if note.level == Level::Error {
            return Err(note.line(&source));
        }
    }
    Ok(engine)
}

/// Runs the tests again and again, whenever a file below the paths changes. Ctrl-C ends it.
fn watch(arguments: &Arguments, report: &Report) -> Result<(), Exit> {
    loop {
        let before = fingerprint(&arguments.paths);
        let res = run_once(arguments, report, |workspace, options| found(arguments, workspace, options));
        if res == Err(INTERRUPTED) {
            return res;
        }
        report.note("waiting for a file to change; Ctrl-C ends");
        while fingerprint(&arguments.paths) == before {
            std::thread::sleep(WATCH);
        }
        print("\n", report)?;
    }
}

/// Names, sizes and times of the files in the directories of the paths and below.
fn fingerprint(paths: &[PathBuf]) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
    const FILES_MAX: usize = 100_000;
    let mut out = Vec::new();
    let directory = |it: &PathBuf| match it.is_dir() {
        true => it.clone(),
        false => it.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned(),
    };
    let mut left: Vec<PathBuf> = paths.iter().map(directory).collect();
    while let Some(path) = left.pop() {
        for entry in std::fs::read_dir(&path).into_iter().flatten().flatten() {
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            let Some(meta) = entry.metadata().ok().filter(|_| !is_hidden && out.len() < FILES_MAX) else { continue };
            match meta.is_dir() {
                true if entry.file_name() != "target" => left.push(entry.path()),
                true => {}
                false => out.push((entry.path(), meta.len(), meta.modified().ok())),
            }
        }
    }
    out.sort();
    out
}

/// A test file that is nothing but the tests of a detection.
fn panther_suite(file: &Path, arguments: &Arguments) -> Result<Suite, String> {
    let [rule] = arguments.paths.as_slice() else { return Err("--panther FILE takes one rule".to_owned()) };
    let absolute = |it: &Path| std::path::absolute(it).map_err(|why| format!("{}: {why}", it.display()));
    let at = |it: &Path| kql_rules::At::new(it.display().to_string(), Default::default());
    let bytes = Disk.read(file)?;
    let (source, _) = Source::of_bytes(file.display().to_string(), &bytes);
    // Both paths are the user's own, and not relative to each other.
    let subject = Subject::Rule { path: at(&absolute(rule)?), which: None };
    let mut suite = Suite::new(Arc::new(source), file, subject);
    suite.panther = Some(PantherLink { file: at(&absolute(file)?), mapping: arguments.mapping() });
    Ok(suite)
}

fn import(kind: &str, arguments: &Arguments, report: &Report) -> Result<(), Exit> {
    let [path] = arguments.paths.as_slice() else {
        return Err(report.fail(CONFIG, "--import takes one file"));
    };
    let beside =
        path.with_extension("kql").file_name().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
    let rule = arguments.rule.clone().unwrap_or(beside);
    let fail = |note: Note| {
        let hint = note.hint.map_or(String::new(), |it| format!("; {it}"));
        report.fail(CONFIG, &format!("{}:{}: {}{hint}", path.display(), note.place.line, note.message))
    };
    let imported = match kind {
        "panther" => {
            let bytes = Disk.read(path).map_err(|why| report.fail(CONFIG, &why))?;
            test::import::panther(path, &bytes, &arguments.mapping(), &rule).map_err(fail)?
        }
        "sigma-regression" => {
            let table = arguments.table.as_deref().unwrap_or("WindowsEvent");
            test::import::sigma_regression(&Disk, path, &rule, table).map_err(fail)?
        }
        "contentctl" => {
            let table = arguments.table.as_deref().ok_or_else(|| {
                report.fail(CONFIG, "--import contentctl needs --table: the table that the rule reads")
            })?;
            test::import::contentctl(&Disk, path, &rule, table).map_err(fail)?
        }
        other => {
            let message = format!("--import takes panther, sigma-regression or contentctl, not `{other}`");
            return Err(report.fail(CONFIG, &message));
        }
    };
    for it in &imported.notes {
        report.warn(&format!("{}:{}: {}", path.display(), it.place.line, it.message));
    }
    if !arguments.write {
        return print(&painted(&imported.text), report);
    }
    if Disk.is_file(&imported.path) {
        return Err(report.fail(CONFIG, &format!("{} is there already", imported.path.display())));
    }
    Disk.write(&imported.path, imported.text.as_bytes()).map_err(|why| report.fail(CONFIG, &why))?;
    report.note(&format!("wrote {}", imported.path.display()));
    Ok(())
}

/// Text in which nothing moves the cursor: names and cells may come from data.
fn painted(text: &str) -> String {
    text.lines().map(|it| paint(it).into_owned() + "\n").collect()
}

/// The same with colours, on a terminal that wants them.
fn coloured(text: &str) -> String {
    let wants = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if !wants {
        return painted(text);
    }
    let line = |it: &str| {
        let (line, trimmed) = (paint(it).into_owned(), it.trim_start());
        let colour = match trimmed.get(..2) {
            Some("ok") => "32",
            Some("FA") if trimmed.starts_with("FAIL") => "31;1",
            Some("- ") => "31",
            Some("+ ") => "32",
            _ => return line + "\n",
        };
        format!("\x1b[{colour}m{line}\x1b[0m\n")
    };
    text.lines().map(line).collect()
}

fn print(text: &str, report: &Report) -> Result<(), Exit> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => Err(report.fail(CONFIG, &why.to_string())),
        _ => Ok(()),
    }
}
