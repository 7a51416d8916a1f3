//! `kql rule run` and `kql rule backtest`: rules over the logs of files, as the service would run them.

mod draw;

use crate::{
    interrupt,
    options::{FLAGS, Options, unknown_flag},
    report::{Exit, INTERRUPTED, IO, Place, QUERY, Report, USAGE},
    script, source,
};
use kql::{
    Engine, Error, StoredFunction,
    formats::{self, Format},
    time::SECOND,
};
use kql_rules::{
    Disk, Files, Kind, Level, Rule, duration, paths,
    project::WatchlistFile,
    read,
    run::{self, Backtest, DECISIONS, Failure, History, Range, Schedule, VersionComparison},
};
use std::{
    ffi::OsString,
    io::Write,
    path::{Path, PathBuf},
};

const HELP: &str = "\
Run Sentinel rules offline, as the service would.

kql rule run RULE… --data DIR [--at T]     one run at the instant T: its window, rows, alerts and incidents
kql rule backtest RULE… --data DIR         every scheduled run over a stretch of history

RULE is a file, or a directory or pattern: then all rules of its files run, one after the other.

  --data PATH         files named after tables, or a directory of them; DIR/TABLE/ holds several files of a table,
                      DIR/watchlists/ watchlists (CSV, JSON) named by their aliases
  --at T              run: the instant R; the run sees [R - queryPeriod, R). The newest row and a second unless given
  --from T, --to T    backtest: the first instant, and none after that
  --last N            backtest: the last N runs; 50 unless --from is given
  --against RULE      backtest: another version of the rule; detections lost and gained
  --period D          another queryPeriod than the rule's, such as 14d or PT1H
  --frequency D       another queryFrequency than the rule's
  --close-after D     somebody closes an incident so long after its last alert; nobody does unless given
  --workspace ID      TenantId and workspace id
  --threads N         runs that go on at once
  --explain           what is decided where the service's documentation is silent
  -o, --format F      json: the whole report; others write the SecurityAlert rows in that format
  --incidents         write SecurityIncident rows instead, with --format

All options of kql that load and declare things hold here too: --load, --schema, --geoip, --external, --param, --timeout.

Exit status: 0 done, 1 a run failed, 2 usage or no rule, 3 input or output failed, 130 interrupted.
";

#[derive(Debug, Default)]
struct Arguments {
    data: Vec<String>,
    at: Option<i64>,
    range: Range,
    against: Option<PathBuf>,
    settings: run::Options,
    incidents: bool,
    options: Options,
}

/// Flags of this command alone; the others are those of `kql`.
const OWN: &[&str] =
    &["data", "at", "from", "to", "last", "against", "period", "frequency", "close-after", "workspace", "threads"];

impl Arguments {
    fn parse(args: Vec<OsString>) -> Result<Arguments, String> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let settings = run::Options { threads, ..run::Options::default() };
        let mut out = Arguments { settings, ..Arguments::default() };
        let mut rest: Vec<OsString> = Vec::new();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let text = arg.to_string_lossy().into_owned();
            let Some(flag) = text.strip_prefix("--") else {
                rest.push(arg);
                continue;
            };
            let (name, given) =
                flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value.to_owned())));
            if name == "incidents" {
                out.incidents = true;
            } else if OWN.contains(&name) {
                let next = || args.next().map(|it| it.to_string_lossy().into_owned());
                let value = given.or_else(next).ok_or_else(|| format!("--{name} takes a value"))?;
                out.set(name, value)?;
            } else if name.is_empty() || FLAGS.iter().any(|it| it.name == name) {
                rest.push(arg);
            } else {
                let known = OWN.iter().copied().chain(["incidents"]).chain(FLAGS.iter().map(|it| it.name));
                return Err(unknown_flag("kql rule", name, known));
            }
        }
        out.options = Options::parse(rest).and_then(source::configured)?;
        out.settings.parameters = out.options.parameters.clone();
        Ok(out)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        let moment =
            |it: &str| kql::parser::parse_datetime(it).ok_or_else(|| format!("--{name}: `{it}` is no datetime"));
        let time = |it: &str| {
            let ticks = duration::parse(it).filter(|it| *it > 0);
            ticks.ok_or_else(|| format!("--{name}: `{it}` is no duration; 1d, 5m, PT1H and 01:00:00 are"))
        };
        let number = |it: &str| {
            let number = it.parse::<usize>().ok().filter(|it| *it > 0);
            number.ok_or_else(|| format!("--{name}: `{it}` is no number"))
        };
        match name {
            "data" => self.data.push(value),
            "at" => self.at = Some(moment(&value)?),
            "from" => self.range.from = Some(moment(&value)?),
            "to" => self.range.to = Some(moment(&value)?),
            "last" => self.range.last = Some(number(&value)?),
            "against" => self.against = Some(value.into()),
            "period" => self.settings.period = Some(time(&value)?),
            "frequency" => self.settings.frequency = Some(time(&value)?),
            "close-after" => self.settings.closed_after = Some(time(&value)?),
            "workspace" => self.settings.workspace = value,
            _ => self.settings.threads = number(&value)?,
        }
        Ok(())
    }
}

/// Runs `kql rule …`.
pub(crate) fn main(args: Vec<OsString>) -> Result<(), Exit> {
    let plain = Report::new(false, false);
    let mut args = args.into_iter();
    let verb = args.next().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
    let arguments = match Arguments::parse(args.collect()) {
        Ok(it) => it,
        Err(why) => return Err(plain.fail(USAGE, &why)),
    };
    let report = Report::new(arguments.options.json_errors, arguments.options.quiet);
    if arguments.options.help || matches!(verb.as_str(), "--help" | "-h" | "help") {
        return write(HELP, &report);
    }
    if !matches!(verb.as_str(), "run" | "backtest") {
        return Err(report.fail(USAGE, "kql rule run, or kql rule backtest; see kql rule --help"));
    }
    interrupt::install();
    let Found { rules, functions, mut res } = found(&arguments.options.values, &report)?;
    let all = history(&arguments, &rules, functions, &report)?;
    let mut totals = Totals { rules: rules.len(), ..Totals::default() };
    for rule in &rules {
        let history = &of_rule(&all, rule, &report);
        let one = if verb == "run" {
            run_one(&arguments, history, rule, &report)
        } else {
            backtest(&arguments, history, rule, &report)
        };
        match one {
            Err(exit) if exit == INTERRUPTED || exit == IO => return Err(exit),
            Err(exit) => (res, totals.failed) = (Err(exit), totals.failed + 1),
            Ok(counts) => totals.add(counts),
        }
    }
    if rules.len() > 1 && arguments.options.format.is_none() {
        write(&totals.line(), &report)?;
    }
    res
}

/// What one rule gave: alerts and incidents.
type Counts = (usize, usize);

/// What all rules gave together.
#[derive(Debug, Default)]
struct Totals {
    rules: usize,
    fired: usize,
    alerts: usize,
    incidents: usize,
    failed: usize,
}

impl Totals {
    fn add(&mut self, (alerts, incidents): Counts) {
        self.fired += usize::from(alerts > 0);
        self.alerts += alerts;
        self.incidents += incidents;
    }

    fn line(&self) -> String {
        let of = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let (rules, alerts, incidents) =
            (of(self.rules, "rule"), of(self.alerts, "alert"), of(self.incidents, "incident"));
        let failed = if self.failed > 0 { format!("; {} failed", self.failed) } else { String::new() };
        format!("\n{rules}: {} fired, {alerts}, {incidents}{failed}\n", self.fired)
    }
}

/// What files hold to run.
struct Found {
    rules: Vec<Rule>,
    /// Functions beside the rules, which they may call.
    functions: Vec<(String, StoredFunction)>,
    /// What was wrong with some of the files, told.
    res: Result<(), Exit>,
}

/// The rules of files, directories and patterns. A file that was found and not named may hold none; one that is faulty is told,
/// the others run, and the status is that of the fault.
fn found(values: &[String], report: &Report) -> Result<Found, Exit> {
    let mut out = Found { rules: Vec::new(), functions: Vec::new(), res: Ok(()) };
    for text in values {
        let path = Path::new(text);
        let files = match path.is_dir() {
            true => paths::below(&Disk, path, read::ENDINGS),
            false => paths::expand(&Disk, text),
        };
        let files = files.map_err(|why| report.fail(IO, &why))?;
        if files.as_slice() == [path.to_owned()] {
            out.rules.extend(rules_of(path, report)?);
            continue;
        }
        for file in files.iter().filter(|it| !read::is_test_file(it)) {
            let bytes = Disk.read(file).map_err(|why| report.fail(IO, &why))?;
            let contents = read::read(&file.display().to_string(), &bytes);
            let is_other = contents.rules.is_empty() && contents.notes.iter().all(|it| it.code == "READ004");
            if let Some(note) = fault_of(&contents).filter(|_| !is_other) {
                out.res = Err(report.fail(USAGE, &note.line(&contents.source)));
                continue;
            }
            out.functions.extend(contents.functions());
            out.rules.extend(contents.rules.into_iter().filter(|it| it.kind != Kind::Function));
        }
    }
    match (out.rules.is_empty(), values) {
        (false, _) => Ok(out),
        (true, []) => Err(report.fail(USAGE, "no rule was given; see kql rule --help")),
        (true, _) => out.res.and_then(|()| Err(report.fail(USAGE, &format!("{}: no rule", values.join(", "))))),
    }
}

/// Why a file cannot be run.
fn fault_of(contents: &kql_rules::Contents) -> Option<&kql_rules::Note> {
    contents.all_notes().into_iter().find(|it| it.level == Level::Error)
}

/// One run of the rules of a file over tables that are loaded, at an instant or behind the newest row.
pub(crate) fn over(
    engine: Engine,
    path: &Path,
    at: Option<i64>,
    options: &Options,
    report: &Report,
) -> Result<(), Exit> {
    let rules = rules_of(path, report)?;
    let mut arguments = Arguments::parse(Vec::new()).map_err(|why| report.fail(USAGE, &why))?;
    arguments.at = at;
    arguments.settings.parameters = options.parameters.clone();
    let history = History::new(engine, &arguments.settings.workspace);
    let history = history.map_err(|why| report.query(&Place::default(), "", &why))?;
    rules.iter().try_for_each(|rule| run_one(&arguments, &of_rule(&history, rule, report), rule, report).map(|_| ()))
}

/// The rules of a file that can run.
fn rules_of(path: &Path, report: &Report) -> Result<Vec<Rule>, Exit> {
    let bytes = Disk.read(path).map_err(|why| report.fail(IO, &why))?;
    let contents = read::read(&path.display().to_string(), &bytes);
    if let Some(note) = fault_of(&contents) {
        return Err(report.fail(USAGE, &note.line(&contents.source)));
    }
    let rules: Vec<Rule> = contents.rules.into_iter().filter(|it| it.kind != Kind::Function).collect();
    if rules.is_empty() {
        return Err(report.fail(USAGE, &format!("{}: no rule", path.display())));
    }
    Ok(rules)
}

/// The history with the documented tables that the rule reads and `--data` does not have: they are empty, which is told.
fn of_rule(history: &History, rule: &Rule, report: &Report) -> History {
    let (own, empty) = history.of_rule(rule);
    if !empty.is_empty() {
        let named = empty.iter().take(8).map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        let more = if empty.len() > 8 { format!(" and {} more", empty.len() - 8) } else { String::new() };
        report.warn(&format!("{}: no rows were given for {named}{more}", rule.title()));
    }
    own
}

/// The tables and watchlists of `--data` and of the project, by time.
fn history(
    arguments: &Arguments,
    rules: &[Rule],
    functions: Vec<(String, StoredFunction)>,
    report: &Report,
) -> Result<History, Exit> {
    let mut options = arguments.options.clone();
    let (mut files, mut passed) = (Vec::new(), Vec::new());
    for text in &arguments.data {
        let path = Path::new(text);
        if !path.is_dir() {
            files.push(text.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in Disk.list(path).map_err(|why| report.fail(IO, &why))? {
            let name = entry.file_name().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
            if name.starts_with('.') {
                continue;
            }
            if !entry.is_dir() {
                found.push(entry);
            } else if name == "watchlists" {
                options.project.watchlists.extend(watchlists(&entry).map_err(|why| report.fail(IO, &why))?);
            } else {
                match paths::expand(&Disk, &entry.display().to_string()) {
                    Ok(_) => options.loads.push((name, entry.display().to_string())),
                    Err(_) => passed.push((entry, "a directory without files")),
                }
            }
        }
        let kept = source::readable(found, &mut passed);
        files.extend(kept.into_iter().map(|it| it.display().to_string()));
    }
    source::tell_passed(&passed, report);
    options.names_first = false;
    options.documented = true;
    let mut engine = source::engine(&options, &files, report)?;
    script::add_functions(&mut engine, functions);
    if rules.iter().any(|it| it.query.text.contains(run::ITEM_ID)) {
        run::number_items(&mut engine);
    }
    let history = History::new(engine, &arguments.settings.workspace);
    let history = history.map_err(|why| report.query(&Place::default(), "", &why))?;
    for (table, n) in history.untimed() {
        report.warn(&format!("table `{table}`: {n} rows have no time, and no run sees them"));
    }
    Ok(history)
}

fn watchlists(directory: &Path) -> Result<Vec<WatchlistFile>, String> {
    let alias = |it: &PathBuf| it.file_stem().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
    let found = paths::expand(&Disk, &directory.display().to_string())?;
    Ok(found.into_iter().map(|path| WatchlistFile { alias: alias(&path), path, search_key: None }).collect())
}

/// `kql rule run` of one rule.
fn run_one(arguments: &Arguments, history: &History, rule: &Rule, report: &Report) -> Result<Counts, Exit> {
    let newest = || history.span(&[]).map(|it| it.1.saturating_add(SECOND));
    let Some(at) = arguments.at.or_else(newest) else {
        return Err(report.fail(USAGE, "there is no row with a time: --at tells the instant"));
    };
    let settings = &arguments.settings;
    let stop = history.engine().stop();
    let run = interrupt::stoppable(&stop, || run::run(history, rule, at, settings));
    if let Err(error) = &run.outcome {
        return Err(failed(rule, error, at, settings, report));
    }
    let incidents = run::incidents(rule, &run.alerts, settings.closed_after);
    match arguments.options.format {
        None => write(&draw::run(rule, &run, &incidents, settings), report)?,
        Some(Format::Json) => {
            let alerts: serde_json::Value = run.alerts.iter().map(run::Alert::to_json).collect();
            let wire = kql::time::datetime_wire;
            let whole = serde_json::json!({
                "rule": rule.title(), "at": wire(at), "executed": wire(run.executed), "rows": run.n_rows,
                "largeRows": run.large.n, "alerts": alerts,
            });
            write(&format!("{whole:#}\n"), report)?;
        }
        Some(format) => records(arguments, format, &run.alerts, &incidents, report)?,
    }
    explain(arguments, report)?;
    Ok((run.alerts.len(), incidents.len()))
}

/// What a run failed of, told at its place in the file.
fn failed(rule: &Rule, error: &Error, at: i64, settings: &run::Options, report: &Report) -> Exit {
    let window = settings.period.unwrap_or_else(|| Schedule::of(rule, settings).period.min(kql::time::DAY));
    let query = rule.query.with_window(at.saturating_sub(window), at);
    let place = Place { file: Some(rule.source.name.clone()), query: Some(query.clone()) };
    report.query(&place, &query.text, error)
}

/// `kql rule backtest` of one rule.
fn backtest(arguments: &Arguments, history: &History, rule: &Rule, report: &Report) -> Result<Counts, Exit> {
    let start = std::time::Instant::now();
    let (new, range) = tested(arguments, history, rule, &arguments.range, report)?;
    let elapsed = start.elapsed();
    let mut compared = None;
    if let Some(path) = &arguments.against {
        let olds = rules_of(path, report)?;
        let same = |it: &&Rule| it.id.as_ref().map(|it| &it.value) == rule.id.as_ref().map(|it| &it.value);
        let Some(old) = olds.iter().find(same).or(olds.first()) else { return Ok((0, 0)) };
        let (old, _) = tested(arguments, history, old, &range, report)?;
        compared = Some((path.display().to_string(), VersionComparison::of(&old, &new)));
    }
    match arguments.options.format {
        None => {
            let mut text =
                draw::backtest(rule, &new, &arguments.settings, crate::output::terminal_size().map_or(100, |it| it.0));
            text.push_str(&format!("  in {}\n", crate::explain::elapsed(elapsed)));
            if let Some((name, it)) = &compared {
                text.push_str(&draw::comparison(name, it));
            }
            write(&text, report)?;
        }
        Some(Format::Json) => {
            let mut whole = new.to_json();
            if let Some(fields) = whole.as_object_mut() {
                _ = fields.insert("rule".to_owned(), rule.title().into());
                if let Some((name, it)) = &compared {
                    _ = fields.insert("against".to_owned(), name.as_str().into());
                    _ = fields.insert("comparison".to_owned(), it.to_json());
                }
            }
            write(&format!("{whole:#}\n"), report)?;
        }
        Some(format) => records(arguments, format, &new.alerts, &new.incidents, report)?,
    }
    explain(arguments, report)?;
    let first = new.runs.iter().find_map(|it| Some((it.at, it.error.as_ref()?)));
    match first {
        Some((at, error)) => Err(failed(rule, error, at, &arguments.settings, report)),
        None => Ok((new.alerts.len(), new.incidents.len())),
    }
}

/// A backtest, and the instants that it has, so that another version gets the same.
fn tested(
    arguments: &Arguments,
    history: &History,
    rule: &Rule,
    range: &Range,
    report: &Report,
) -> Result<(Backtest, Range), Exit> {
    let settings = &arguments.settings;
    let stop = history.engine().stop();
    let res = interrupt::stoppable(&stop, || run::backtest(history, rule, range, settings));
    let done = res.map_err(|why| match why {
        Failure::Query(error) => failed(rule, &error, history.span(&[]).map_or(0, |it| it.1), settings, report),
        Failure::Range(why) => report.fail(USAGE, &why),
    })?;
    let ends = done.runs.first().zip(done.runs.last());
    let range = ends.map_or(*range, |(first, last)| Range { from: Some(first.at), to: Some(last.at), last: None });
    Ok((done, range))
}

/// Writes alerts or incidents as rows.
fn records(
    arguments: &Arguments,
    format: Format,
    alerts: &[run::Alert],
    incidents: &[run::IncidentRecord],
    report: &Report,
) -> Result<(), Exit> {
    let workspace = &arguments.settings.workspace;
    let table = match arguments.incidents {
        true => run::incident_table(incidents, workspace),
        false => run::alert_table(alerts, workspace),
    };
    let batches: Vec<kql::Batch> = table.chunks.iter().map(|it| it.batch.clone()).collect();
    let style = crate::output::Style::new(&arguments.options, false);
    let mut out = Vec::new();
    let written = formats::write(format, &table.schema, &batches, &style.write, &mut out);
    written.map_err(|why| report.fail(IO, &why.to_string()))?;
    let mut stdout = std::io::stdout();
    match stdout.write_all(&out) {
        Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => Err(report.fail(IO, &why.to_string())),
        _ => Ok(()),
    }
}

/// Says what is decided where the documentation is silent.
fn explain(arguments: &Arguments, report: &Report) -> Result<(), Exit> {
    if !arguments.options.explain {
        return Ok(());
    }
    let mut text = String::from("decisions where the service's documentation is silent\n");
    for (name, decision) in DECISIONS {
        text.push_str(&format!("  {name:17} {decision}\n"));
    }
    match arguments.options.format {
        // The report is for a program.
        Some(_) => {
            report.note(text.trim_end());
            Ok(())
        }
        None => write(&text, report),
    }
}

fn write(text: &str, report: &Report) -> Result<(), Exit> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => Err(report.fail(IO, &why.to_string())),
        _ => Ok(()),
    }
}

/// Runs `kql vendor URL FILE`.
pub(crate) fn vendor(args: Vec<OsString>) -> Result<(), Exit> {
    let report = Report::new(false, false);
    let words: Vec<String> = args.iter().map(|it| it.to_string_lossy().into_owned()).collect();
    let usage = "kql vendor URL FILE: record a file as the copy of what a URL gave, with its hash and today's date, in kql.toml";
    match words.as_slice() {
        [one] if one == "--help" || one == "-h" => write(&format!("{usage}\n"), &report),
        [url, file] => {
            let today = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |it| it.as_secs());
            let ticks = i64::try_from(today).unwrap_or(0).saturating_mul(SECOND).saturating_add(kql::time::UNIX_EPOCH);
            let date = kql::time::datetime_wire(ticks);
            let date = date.get(..10).unwrap_or("");
            let copy = kql_rules::vendor::record(&Disk, Path::new(""), url, Path::new(file), date);
            let copy = copy.map_err(|why| report.fail(QUERY, &why))?;
            let sha = copy.sha256.unwrap_or_default();
            report.note(&format!("kql.toml: {url} is {file} of {date}, sha256 {sha}"));
            Ok(())
        }
        _ => Err(report.fail(USAGE, usage)),
    }
}
