//! Runs test files: every test on tables of its own, so that none depends on another and all may run at once.

use super::{
    coverage::{Coverage, Probe, RuleCoverage},
    evaluate,
    expect::{Failure, Observed},
    fixtures::{Fixtures, told},
    format::{self, Case, Subject, Suite},
    mutate::{Fate, Mutant, mutants, squeezed},
    panther,
    predicate::predicates,
    report::{CaseReport, Fault, FaultKind, MutantReport, Report, SuiteReport, Verdict},
    snapshot::{self, Compared},
};
use crate::{Files, Kind, Note, Place, Rule, Source, catalogue, read, run::TIME_COLUMNS};
use kql::{Diagnostic, Engine, Error, Stop, Value};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What tests run in.
pub struct Workspace<'a> {
    /// The files that test files may name.
    pub files: &'a dyn Files,
    /// Functions, schemas and watchlists of the workspace, without rows.
    pub engine: Engine,
}

/// How tests are run.
pub struct Options<'a> {
    /// Threads; at least one.
    pub threads: usize,
    /// Only tests with this in their name, or in the path of their file.
    pub filter: Option<String>,
    /// Whether snapshots are written where they differ.
    pub update: bool,
    /// Whether mutants are tried.
    pub mutate: bool,
    /// Whether it is measured what tests reach.
    pub coverage: bool,
    /// Nanoseconds since some moment.
    pub clock: &'a (dyn Fn() -> u64 + Sync),
    /// Stops the run.
    pub stop: Stop,
}

/// A test file with all that its tests share.
struct Prepared {
    suite: Suite,
    rule: Rule,
    engine: Engine,
    ran: Mutex<Vec<Option<Ran>>>,
}

/// A test that ran.
struct Ran {
    report: CaseReport,
    observed: Option<Observed>,
    counted: Vec<Option<Vec<Value>>>,
}

/// Reads and runs test files. `rules` are rule files for the coverage, with or without tests.
pub fn run(workspace: &Workspace<'_>, paths: &[PathBuf], rules: &[PathBuf], options: &Options<'_>) -> Report {
    let loaded = parallel(paths, options, |path| load(workspace, path));
    let loaded = loaded.into_iter().zip(paths).filter_map(|(it, path)| Some((path.clone(), it?)));
    let mut report = execute(workspace, loaded.collect(), options);
    if let Some(coverage) = &mut report.coverage {
        add_untested(workspace, rules, coverage);
    }
    report
}

/// Runs test files that were read already.
pub fn run_suites(workspace: &Workspace<'_>, suites: Vec<Suite>, options: &Options<'_>) -> Report {
    let prepare = |suite: Suite| (suite.path.clone(), prepare(workspace, suite));
    execute(workspace, suites.into_iter().map(prepare).collect(), options)
}

fn execute(
    workspace: &Workspace<'_>,
    loaded: Vec<(PathBuf, Result<Prepared, Fault>)>,
    options: &Options<'_>,
) -> Report {
    let begin = (options.clock)();
    let probes: Vec<Option<(RuleCoverage, Vec<Probe>)>> = loaded
        .iter()
        .map(|it| it.1.as_ref().ok().filter(|_| options.coverage).map(|it| RuleCoverage::of(&it.rule)))
        .collect();
    _ = parallel(&wanted(&loaded, options), options, |(number, at)| {
        let Some((_, Ok(prepared))) = loaded.get(*number) else { return };
        let Some(case) = prepared.suite.cases.get(*at) else { return };
        let probes = probes.get(*number).and_then(|it| it.as_ref()).map_or(&[][..], |it| &it.1);
        let ran = prepared.run(workspace, case, &prepared.rule, options, probes);
        if let Some(slot) = prepared.ran.lock().unwrap_or_else(PoisonError::into_inner).get_mut(*at) {
            *slot = Some(ran);
        }
    });
    let mut report = Report { mutated: options.mutate, ..Report::default() };
    let mut coverage = Coverage::default();
    let mut work = Vec::new();
    for (number, ((path, it), probes)) in loaded.iter().zip(probes).enumerate() {
        match it {
            Err(fault) => report.suites.push(SuiteReport::faulty(path, fault)),
            Ok(prepared) => {
                let suite = prepared.report(path);
                if options.mutate && suite.is_green() {
                    let all = mutants(&prepared.rule.query.text);
                    work.extend(all.into_iter().map(|it| (number, report.suites.len(), it)));
                }
                if let Some((rule, probes)) = probes {
                    coverage.rules.push(prepared.coverage(rule, &probes));
                }
                report.suites.push(suite);
            }
        }
    }
    let fates = parallel(&work, options, |(number, _, mutant)| {
        let Some((_, Ok(prepared))) = loaded.get(*number) else { return None };
        prepared.fate(workspace, mutant, options)
    });
    for ((number, at, mutant), fate) in work.into_iter().zip(fates) {
        let (Some((_, Ok(prepared))), Some(suite), Some(Some(fate))) =
            (loaded.get(number), report.suites.get_mut(at), fate)
        else {
            continue;
        };
        let query = &prepared.rule.query;
        suite.mutants.push(MutantReport {
            source: query.source.clone(),
            place: query.place_of(mutant.predicate.span),
            predicate: squeezed(&mutant.original),
            change: mutant.change,
            fate,
        });
    }
    report.suites.retain(|it| it.fault.is_some() || !it.cases.is_empty());
    report.coverage = options.coverage.then_some(coverage);
    report.interrupted = options.stop.check().is_err();
    report.nanoseconds = (options.clock)().saturating_sub(begin);
    report
}

/// The cases that the filter lets through: the number of the file, and that of the case in it.
fn wanted(loaded: &[(PathBuf, Result<Prepared, Fault>)], options: &Options<'_>) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (number, (path, it)) in loaded.iter().enumerate() {
        let Ok(prepared) = it else { continue };
        let fits = |case: &Case| {
            let file = path.display().to_string();
            options.filter.as_ref().is_none_or(|it| case.name.value.contains(it) || file.contains(it))
        };
        let cases = prepared.suite.cases.iter().enumerate().filter(|it| fits(it.1));
        found.extend(cases.map(|it| (number, it.0)));
    }
    found
}

/// Reads a test file and all that its tests share.
fn load(workspace: &Workspace<'_>, path: &Path) -> Result<Prepared, Fault> {
    let nothing = Arc::new(Source::new(path.display().to_string(), ""));
    let config = |why: String| Fault::new(FaultKind::Config, &nothing, Note::error("TEST001", Place::default(), why));
    let bytes = workspace.files.read(path).map_err(config)?;
    let (source, _) = Source::of_bytes(path.display().to_string(), &bytes);
    let source = Arc::new(source);
    let suite = format::read(path, source.clone()).map_err(|note| Fault::new(FaultKind::Config, &source, note))?;
    prepare(workspace, suite)
}

fn prepare(workspace: &Workspace<'_>, mut suite: Suite) -> Result<Prepared, Fault> {
    let source = suite.source.clone();
    let config = |note: Note| Fault::new(FaultKind::Config, &source, note);
    let rule = subject(workspace, &suite)?;
    if let Some(link) = &suite.panther {
        let fixtures = Fixtures { files: workspace.files, suite: &suite };
        let path = fixtures.resolve(&link.file.value);
        let contents = read(&path.display().to_string(), &fixtures.read(&link.file).map_err(config)?);
        let detection = contents.panther.first().ok_or_else(|| {
            config(Note::error("TEST001", link.file.place, format!("{} is no detection of Panther", link.file.value)))
        })?;
        let cases = panther::cases(detection, &link.mapping, &rule, &contents.source)
            .map_err(|note| Fault::new(FaultKind::Config, &contents.source, note))?;
        suite.cases.extend(cases);
    }
    let known: Vec<String> =
        predicates(&rule.query.text).iter().map(|it| squeezed(it.span.of(&rule.query.text))).collect();
    if let Some(it) = suite.survivors.iter().find(|it| !known.contains(&squeezed(&it.predicate.value))) {
        let message = format!("the query has no predicate `{}`", it.predicate.value);
        return Err(config(Note::error("TEST001", it.predicate.place, message)));
    }
    let mut engine = workspace.engine.clone();
    engine.set_seed(1);
    let mut limits = engine.limits().clone();
    limits.threads = 1;
    engine.set_limits(limits);
    let fixtures = Fixtures { files: workspace.files, suite: &suite };
    fixtures.declare(&mut engine).map_err(config)?;
    fixtures.know(&mut engine);
    for it in &suite.fixtures {
        fixtures.load(&mut engine, it).map_err(config)?;
    }
    fixtures.infer(&mut engine);
    let now = engine.now();
    _ = catalogue::complete(&mut engine, rule.query.with_window(now, now).text.as_str());
    fixtures.load_watchlists(&mut engine, &suite.watchlists.iter().collect::<Vec<_>>()).map_err(config)?;
    // Lists of single tests are there for the check as well, so that the query binds before any of them runs.
    let mut checked = engine.clone();
    let lists: Vec<_> = suite.watchlists.iter().chain(suite.cases.iter().flat_map(|it| &it.watchlists)).collect();
    fixtures.load_watchlists(&mut checked, &lists).map_err(config)?;
    check(&rule, &checked)?;
    let ran = Mutex::new(suite.cases.iter().map(|_| None).collect());
    Ok(Prepared { suite, rule, engine, ran })
}

/// The rule or query that a test file is about.
fn subject(workspace: &Workspace<'_>, suite: &Suite) -> Result<Rule, Fault> {
    let (path, which) = match &suite.subject {
        Subject::Query(query) => return Ok(Rule::of_query(Kind::Query, query.clone(), query.whole())),
        Subject::Rule { path, which } => (path, which),
    };
    let config = |why: String| Fault::new(FaultKind::Config, &suite.source, Note::error("TEST001", path.place, why));
    let fixtures = Fixtures { files: workspace.files, suite };
    let file = match path.value.strip_suffix(".*") {
        Some(stem) => {
            let mut all = read::ENDINGS.iter().map(|it| fixtures.resolve(&format!("{stem}.{it}")));
            all.find(|it| workspace.files.is_file(it)).ok_or_else(|| {
                config(format!(
                    "there is no `rule` and no `query`, and no rule file called {stem} beside the test file"
                ))
            })?
        }
        None => fixtures.resolve(&path.value),
    };
    let bytes = workspace.files.read(&file).map_err(config)?;
    let contents = read(&file.display().to_string(), &bytes);
    let is_it = |rule: &&Rule| match which {
        None => true,
        Some(which) => [&rule.id, &rule.name].into_iter().flatten().any(|it| it.value == which.value),
    };
    let mut found = contents.rules.iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some(rule), None) => Ok(rule.clone()),
        (Some(_), Some(_)) => {
            Err(config(format!("{} has several rules; say which by `rule: {{file, name}}`", path.value)))
        }
        (None, _) => {
            let errors: Vec<Note> = contents.notes.into_iter().filter(|it| it.level == crate::Level::Error).collect();
            match errors.is_empty() {
                true => Err(config(format!("{} has no such rule", path.value))),
                false => Err(Fault { kind: FaultKind::Rule, source: contents.source, notes: errors }),
            }
        }
    }
}

/// Whether a rule's query is sound, before any test runs it.
fn check(rule: &Rule, engine: &Engine) -> Result<(), Fault> {
    let query = rule.query.with_window(0, 0);
    let check = engine.check(query.text.as_str());
    let errors = errors(&check.diagnostics, rule);
    match errors.is_empty() {
        true => Ok(()),
        false => Err(Fault { kind: FaultKind::Rule, source: rule.query.source.clone(), notes: errors }),
    }
}

/// The errors of a rule's query, at their places in its file. Placeholders of hunts are longer than the times that stand for
/// them, so places are looked up in the query as it runs.
fn errors(all: &[Diagnostic], rule: &Rule) -> Vec<Note> {
    let query = rule.query.with_window(0, 0);
    let note = |it: &Diagnostic| {
        let note = Note::error(it.code, query.place_of(it.span), it.message.clone());
        match it.hints.first() {
            Some((_, hint)) => note.hint(hint.clone()),
            None => note,
        }
    };
    all.iter().filter(|it| it.is_error()).map(note).collect()
}

impl Prepared {
    fn run(&self, workspace: &Workspace<'_>, case: &Case, rule: &Rule, options: &Options<'_>, probes: &[Probe]) -> Ran {
        let begin = (options.clock)();
        let mut report = CaseReport {
            name: case.name.value.clone(),
            source: case.origin.clone().unwrap_or_else(|| self.suite.source.clone()),
            place: case.name.place,
            verdict: Verdict::Passed,
            notes: Vec::new(),
            n_alerts: 0,
            nanoseconds: 0,
        };
        if let Some(why) = &case.skip {
            report.verdict = Verdict::Skipped(why.clone());
            return Ran { report, observed: None, counted: Vec::new() };
        }
        let mut counted = Vec::new();
        let observed = match self.observe(workspace, case, rule, &mut report) {
            Ok((observed, engine, at)) => {
                let failures = self.failures(workspace, case, &observed, options, &mut report);
                if !failures.is_empty() {
                    report.verdict = Verdict::Failed(failures);
                }
                let count = |it: &Probe| evaluate::probe(rule, &engine, at, &it.query).ok()?.into_iter().next();
                counted = probes.iter().map(count).collect();
                report.n_alerts = observed.alerts.len();
                Some(observed)
            }
            Err(verdict) => {
                report.verdict = verdict;
                None
            }
        };
        report.nanoseconds = (options.clock)().saturating_sub(begin);
        Ran { report, observed, counted }
    }

    /// What a test makes of its tables; also the tables and the moment of the (last) run.
    fn observe(
        &self,
        workspace: &Workspace<'_>,
        case: &Case,
        rule: &Rule,
        report: &mut CaseReport,
    ) -> Result<(Observed, Engine, i64), Verdict> {
        let source = report.source.clone();
        let faulty = |note: Note| Verdict::Faulty(Fault::new(FaultKind::Config, &source, note));
        let fixtures = Fixtures { files: workspace.files, suite: &self.suite };
        let mut engine = self.engine.clone();
        for it in &case.rows {
            fixtures.load(&mut engine, it).map_err(faulty)?;
        }
        if !case.watchlists.is_empty() {
            let lists = self.suite.watchlists.iter().chain(&case.watchlists);
            fixtures.load_watchlists(&mut engine, &lists.collect::<Vec<_>>()).map_err(faulty)?;
        }
        if let Some(stretch) = &case.backtest {
            let observed = evaluate::backtest(rule, &engine, stretch.from.value, stretch.to.value);
            let observed = observed.map_err(|why| failed_run(&why, case, rule))?;
            return Ok((observed, engine, stretch.to.value));
        }
        let at = match case.now.as_ref().or(self.suite.now.as_ref()) {
            Some(it) => it.value,
            None => {
                let at = latest(&engine).map_or(NO_ROWS, |it| it.saturating_add(kql::time::SECOND));
                report.notes.push(format!("no `now`: the run is at {}", kql::time::datetime_wire(at)));
                at
            }
        };
        report.notes.extend(outside(rule, &engine, at));
        let observed = evaluate::once(rule, &engine, at).map_err(|why| failed_run(&why, case, rule))?;
        Ok((observed, engine, at))
    }

    fn failures(
        &self,
        workspace: &Workspace<'_>,
        case: &Case,
        observed: &Observed,
        options: &Options<'_>,
        report: &mut CaseReport,
    ) -> Vec<Failure> {
        let mut out = case.expect.check(observed);
        let Some(at) = &case.expect.snapshot else { return out };
        let path = Fixtures { files: workspace.files, suite: &self.suite }.resolve(&at.value);
        match snapshot::compare(workspace.files, &path, at, observed, options.update) {
            Compared::Same => {}
            Compared::Written => report.notes.push(format!("wrote {}", path.display())),
            Compared::Other(failure) => out.push(failure),
        }
        out
    }

    fn report(&self, path: &Path) -> SuiteReport {
        let ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        SuiteReport {
            path: path.to_owned(),
            title: self.rule.title().to_owned(),
            fault: None,
            cases: ran.iter().flatten().map(|it| it.report.clone()).collect(),
            mutants: Vec::new(),
        }
    }

    fn coverage(&self, mut rule: RuleCoverage, probes: &[Probe]) -> RuleCoverage {
        for ran in self.ran.lock().unwrap_or_else(PoisonError::into_inner).iter().flatten() {
            let (Some(observed), Verdict::Passed) = (&ran.observed, &ran.report.verdict) else { continue };
            rule.add_test(observed);
            for (probe, row) in probes.iter().zip(&ran.counted) {
                row.iter().for_each(|it| rule.add(probe, it));
            }
        }
        rule
    }

    /// What becomes of a mutant: the first test that fails finds it.
    fn fate(&self, workspace: &Workspace<'_>, mutant: &Mutant, options: &Options<'_>) -> Option<Fate> {
        let mut rule = self.rule.clone();
        rule.query.text = mutant.query.clone();
        let options = Options { update: false, filter: None, stop: options.stop.clone(), ..*options };
        for case in self.suite.cases.iter().filter(|it| it.skip.is_none()) {
            options.stop.check().ok()?;
            let ran = self.run(workspace, case, &rule, &options, &[]);
            if !matches!(ran.report.verdict, Verdict::Passed) {
                return Some(Fate::Killed(ran.report.name));
            }
        }
        let original = squeezed(&mutant.original);
        let accepted = self.suite.survivors.iter().find(|it| squeezed(&it.predicate.value) == original);
        Some(accepted.map_or(Fate::Survived, |it| Fate::Accepted(it.because.value.clone())))
    }
}

impl SuiteReport {
    fn faulty(path: &Path, fault: &Fault) -> SuiteReport {
        SuiteReport {
            path: path.to_owned(),
            title: path.display().to_string(),
            fault: Some(fault.clone()),
            cases: Vec::new(),
            mutants: Vec::new(),
        }
    }

    fn is_green(&self) -> bool {
        let is_good = |it: &CaseReport| matches!(it.verdict, Verdict::Passed | Verdict::Skipped(_));
        self.fault.is_none() && !self.cases.is_empty() && self.cases.iter().all(is_good)
    }
}

/// When a run is that has no rows to tell: 2026-01-01.
const NO_ROWS: i64 = 639_028_224_000_000_000;

/// The newest time of the tables.
fn latest(engine: &Engine) -> Option<i64> {
    engine.tables().flat_map(|it| TIME_COLUMNS.map(|column| it.1.latest(column))).flatten().max()
}

/// Rows that the window of a run leaves out: the usual reason why a test is not what its author expects.
fn outside(rule: &Rule, engine: &Engine, at: i64) -> Vec<String> {
    let Some((from, _)) = evaluate::window(rule, at) else { return Vec::new() };
    let mut out = Vec::new();
    for (name, table) in engine.tables() {
        let Some(column) = TIME_COLUMNS.iter().find_map(|it| table.schema.index_of(it)) else { continue };
        let is_out = |it: Value| matches!(it, Value::Datetime(it) if it < from || it >= at);
        let n_out: usize = table
            .chunks
            .iter()
            .filter_map(|it| it.batch.columns.get(column).map(|values| (values, it.batch.n_rows)))
            .map(|(values, n_rows)| (0..n_rows).filter(|row| is_out(values.value(*row))).count())
            .sum();
        if n_out > 0 {
            let wire = kql::time::datetime_wire;
            out.push(format!(
                "{n_out} of {} rows of {name} are not in the window {} to {}",
                table.n_rows(),
                wire(from),
                wire(at)
            ));
        }
    }
    out
}

/// A run that failed is a test that failed, and not an empty answer; one whose query does not bind is the rule's fault.
fn failed_run(why: &Error, case: &Case, rule: &Rule) -> Verdict {
    if let Error::Query(all) = why {
        let (source, notes) = (rule.query.source.clone(), errors(all, rule));
        return Verdict::Faulty(Fault { kind: FaultKind::Rule, source, notes });
    }
    let message = format!("the run failed: {} {}", why.code(), told(why));
    Verdict::Failed(vec![Failure { expectation: "run", place: case.expect.place, message, detail: Vec::new() }])
}

/// Puts rule files that no test is about into the coverage.
fn add_untested(workspace: &Workspace<'_>, rules: &[PathBuf], coverage: &mut Coverage) {
    for path in rules {
        let name = path.display().to_string();
        let Ok(bytes) = workspace.files.read(path) else { continue };
        for rule in read(&name, &bytes).rules.iter().filter(|it| it.kind != Kind::Function) {
            let is_it = |it: &RuleCoverage| same_file(Path::new(&it.file), path) && it.title == rule.title();
            if !coverage.rules.iter().any(is_it) {
                coverage.rules.push(RuleCoverage::of(rule).0);
            }
        }
    }
    coverage.rules.sort_by(|left, right| left.file.cmp(&right.file));
}

/// Whether two paths name one file, as far as their text tells.
fn same_file(left: &Path, right: &Path) -> bool {
    let normal = |it: &Path| it.components().filter(|it| *it != std::path::Component::CurDir).collect::<PathBuf>();
    normal(left) == normal(right)
}

/// Does work for each item on as many threads as the options say; results stand in the order of the items, those that a
/// stop left out are `None`.
fn parallel<T: Sync, R: Send>(items: &[T], options: &Options<'_>, work: impl Fn(&T) -> R + Sync) -> Vec<Option<R>> {
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let worker = || {
        while options.stop.check().is_ok() {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(item), Some(slot)) = (items.get(at), results.get(at)) else { return };
            let result = work(item);
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..options.threads.clamp(1, items.len().max(1)) {
            _ = scope.spawn(worker);
        }
        worker();
    });
    results.into_iter().map(|it| it.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}
