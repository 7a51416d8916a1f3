//! Dot-commands. None of them is a first word of the reference's own control commands.

use super::{Next, Shell};
use crate::{
    explain as plan_text, help, interrupt,
    options::{bytes, duration},
    output::{self, Output},
    report::{INTERRUPTED, IO},
    rule_command, script, source, test_command,
};
use kql::{Diagnostic, Engine, Query, Stop, formats::Format, formats::paint};
use kql_rules::{Disk, paths};
use std::path::Path;

type Run = fn(&mut Shell, &str) -> Result<Next, String>;

/// A dot-command.
pub(super) struct Command {
    pub(super) name: &'static str,
    values: &'static str,
    doc: &'static str,
    run: Run,
    /// Whether it reads or writes files, which --no-files forbids.
    files: bool,
}

/// Every dot-command.
#[rustfmt::skip]
pub(super) const COMMANDS: &[Command] = &[
    Command { name: ".tables", values: "", doc: "Tables with their rows and columns.", run: tables, files: false },
    Command { name: ".schema", values: "[T]", doc: "Columns and types of a table, or of all.", run: schema, files: false },
    Command { name: ".functions", values: "[TEXT]", doc: "Stored functions, or built-in ones whose name holds a text.", run: functions, files: false },
    Command { name: ".load", values: "FILE [as T]", doc: "Load files, a directory or a pattern.", run: load, files: true },
    Command { name: ".save", values: "FILE", doc: "Write the last answer to a file, in the format of its ending.", run: save, files: true },
    Command { name: ".read", values: "FILE", doc: "Run the queries of a query or rule file.", run: read, files: true },
    Command { name: ".mode", values: "[FORMAT]", doc: "How answers are written.", run: mode, files: false },
    Command { name: ".output", values: "[FILE]", doc: "Write answers to a file from now on; without a file, end it.", run: output, files: true },
    Command { name: ".once", values: "FILE", doc: "Write the next answer to a file.", run: once, files: true },
    Command { name: ".timer", values: "on|off", doc: "Rows, time and bytes after each query.", run: timer, files: false },
    Command { name: ".maxrows", values: "N", doc: "Rows that a table shows; 0 for all.", run: max_rows, files: false },
    Command { name: ".now", values: "[T|max|clock]", doc: "What now() is.", run: now, files: false },
    Command { name: ".param", values: "[NAME=VALUE]", doc: "A value for declare query_parameters.", run: param, files: false },
    Command { name: ".opt", values: "[memory|timeout VALUE]", doc: "Bounds of queries.", run: opt, files: false },
    Command { name: ".explain", values: "[QUERY]", doc: "The plan of a query; without one, the last plan with rows and times.", run: explain, files: false },
    Command { name: ".rule", values: "FILE [at T]", doc: "One run of a rule as the service would do it: its window, rows, alerts and incidents.", run: rule, files: true },
    Command { name: ".test", values: "PATH", doc: "Run test files, or those beside rules; their rows are their own.", run: test, files: true },
    Command { name: ".help", values: "[NAME]", doc: "This, or what a function, aggregate or operator does.", run: about, files: false },
    Command { name: ".quit", values: "", doc: "Leave the shell; so does Ctrl-D.", run: |_, _| Ok(Next::Quit), files: false },
    Command { name: ".exit", values: "", doc: "Another name of .quit.", run: |_, _| Ok(Next::Quit), files: false },
];

/// First words of the reference's control commands, which speak to a cluster.
const CONTROL: &[&str] = &[
    ".show",
    ".alter",
    ".alter-merge",
    ".delete",
    ".drop",
    ".create",
    ".create-merge",
    ".create-or-alter",
    ".clear",
    ".rename",
    ".move",
    ".ingest",
    ".export",
    ".enable",
    ".disable",
    ".execute",
    ".cancel",
    ".undo",
    ".set",
    ".set-or-append",
    ".set-or-replace",
    ".append",
    ".replace",
    ".make",
    ".add",
    ".attach",
    ".detach",
];

impl Shell {
    /// Runs a dot-command.
    pub(super) fn command(&mut self, text: &str) -> Next {
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim().trim_end_matches(';').trim();
        let res = match COMMANDS.iter().find(|it| it.name == name) {
            Some(command) if command.files && self.options.no_files => {
                Err(format!("`{name}` touches files, and the shell was started with --no-files"))
            }
            Some(command) => (command.run)(self, rest),
            // No control command of a cluster is called so.
            None if name == ".show" && rest == "limits" => opt(self, ""),
            None if CONTROL.contains(&name) => {
                Err(format!("`{name}` is a control command of a cluster; there is none here. .help lists the commands"))
            }
            None => Err(match kql::parser::diagnostic::closest(name, COMMANDS.iter().map(|it| it.name)) {
                Some(near) => format!("unknown command `{name}`; did you mean `{near}`?"),
                None => format!("unknown command `{name}`; .help lists the commands"),
            }),
        };
        res.unwrap_or_else(|why| {
            _ = self.report.fail(IO, &why);
            Next::Read
        })
    }

    fn say(&self, text: &str) -> Result<Next, String> {
        use std::io::Write;
        writeln!(std::io::stdout(), "{}", text.trim_end()).map_err(|why| why.to_string())?;
        Ok(Next::Read)
    }
}

fn needed<'a>(value: &'a str, what: &str) -> Result<&'a str, String> {
    if value.is_empty() { Err(format!("expected {what}")) } else { Ok(value) }
}

/// A path as it is typed, perhaps in quotes.
fn unquoted(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

fn tables(shell: &mut Shell, _: &str) -> Result<Next, String> {
    let engine = shell.engine.borrow();
    let mut out = String::new();
    for (name, table) in engine.tables() {
        out.push_str(&format!("{:30} {:>12} rows {:>4} columns\n", paint(name), table.n_rows(), table.schema.len()));
    }
    for (name, table) in engine.known_tables() {
        out.push_str(&format!("{:30} {:>12} rows {:>4} columns, known\n", paint(name), 0, table.schema.len()));
    }
    shell.say(if out.is_empty() { "no tables" } else { &out })
}

fn schema(shell: &mut Shell, name: &str) -> Result<Next, String> {
    let engine = shell.engine.borrow();
    let mut out = String::new();
    let all: Vec<&str> = if name.is_empty() { engine.tables().map(|it| it.0).collect() } else { vec![name] };
    for name in all {
        let table = engine.table(name).or_else(|| engine.table(kql::table_of_alias(name)));
        let table = table.ok_or_else(|| unknown_table(&engine, name))?;
        out.push_str(&format!("{}\n", paint(name)));
        for field in &table.schema.fields {
            out.push_str(&format!("    {:30} {}\n", paint(&field.name), field.ty));
        }
    }
    shell.say(&out)
}

fn unknown_table(engine: &Engine, name: &str) -> String {
    match kql::parser::diagnostic::closest(name, engine.tables().map(|it| it.0)) {
        Some(near) => format!("unknown table `{name}`; did you mean `{near}`?"),
        None => format!("unknown table `{name}`"),
    }
}

fn functions(shell: &mut Shell, text: &str) -> Result<Next, String> {
    let mut out = String::new();
    for (name, function) in shell.engine.borrow().functions() {
        if name.contains(text) {
            let body: String = function.body.split_whitespace().collect::<Vec<_>>().join(" ");
            out.push_str(&format!("{}{} {}\n", paint(name), paint(&function.parameters), paint(&body)));
        }
    }
    for it in kql::functions::all_functions() {
        if !text.is_empty() && it.name.contains(text) && it.name.starts_with(char::is_alphabetic) {
            for overload in it.overloads.iter().filter(|it| it.kernel.is_some()) {
                out.push_str(&format!("{}{}\n", it.name, overload.signature()));
            }
        }
    }
    shell.say(if out.is_empty() { "none" } else { &out })
}

fn load(shell: &mut Shell, text: &str) -> Result<Next, String> {
    let text = needed(text, "a file: .load FILE [as T]")?;
    let (path, name) = match text.rsplit_once(" as ") {
        Some((path, name)) => (path.trim(), Some(name.trim())),
        None => (text, None),
    };
    let files = paths::expand(&Disk, unquoted(path))?;
    let name = name.map_or_else(|| files.first().map_or("T".to_owned(), |it| paths::table_name(it)), str::to_owned);
    let finds_table = (!text.contains(" as ")).then_some(());
    let mut engine = shell.engine.borrow_mut();
    engine.set_stop(Stop::default());
    if let Ok(load) = source::load_files(&mut engine, finds_table, &name, &files, &shell.report) {
        let rows = load.accounting.rows;
        shell.report.note(&format!("{rows} {} in table {}", if rows == 1 { "row" } else { "rows" }, load.table));
    }
    Ok(Next::Read)
}

fn save(shell: &mut Shell, path: &str) -> Result<Next, String> {
    let path = Path::new(unquoted(needed(path, "a file")?));
    let last = shell.last.as_ref().ok_or("there is no answer yet")?;
    let style = shell.file_style(path);
    let written = output::write_whole(path, |out| output::write_outcome(last, &style, out));
    written.map_err(|why| format!("{}: {why}", path.display()))?;
    Ok(Next::Read)
}

fn read(shell: &mut Shell, path: &str) -> Result<Next, String> {
    let path = Path::new(unquoted(needed(path, "a file")?));
    let bytes = std::fs::read(path).map_err(|why| format!("{}: {why}", path.display()))?;
    let file = script::scripts(path, &bytes, None, &shell.report)?;
    script::add_functions(&mut shell.engine.borrow_mut(), file.functions);
    for script in file.queries {
        match shell.query(&script) {
            Err(exit) if exit == INTERRUPTED || !shell.options.keep_going => break,
            _ => {}
        }
    }
    Ok(Next::Read)
}

fn mode(shell: &mut Shell, name: &str) -> Result<Next, String> {
    let names = || Format::ALL.map(Format::name).join(" ");
    if name.is_empty() {
        return shell.say(&format!("{} (of {})", shell.style.format.name(), names()));
    }
    let format = Format::from_name(name).ok_or_else(|| format!("unknown format `{name}`; one of {}", names()))?;
    shell.style.format = format;
    shell.style.draws = shell.style.write.terminal && format == Format::Table;
    Ok(Next::Read)
}

fn output(shell: &mut Shell, path: &str) -> Result<Next, String> {
    shell.end_output();
    if !path.is_empty() && path != "stdout" {
        let path = Path::new(unquoted(path));
        let out = Output::open(Some(path)).map_err(|why| format!("{}: {why}", path.display()))?;
        shell.output = Some(out);
        shell.report.note("the file gets its name at the next .output, or at the end");
    }
    Ok(Next::Read)
}

fn once(shell: &mut Shell, path: &str) -> Result<Next, String> {
    shell.once = Some(unquoted(needed(path, "a file")?).into());
    Ok(Next::Read)
}

fn timer(shell: &mut Shell, value: &str) -> Result<Next, String> {
    shell.shows_time = match value {
        "on" => true,
        "off" => false,
        _ => return Err("expected on or off".to_owned()),
    };
    Ok(Next::Read)
}

fn max_rows(shell: &mut Shell, value: &str) -> Result<Next, String> {
    shell.style.write.rows_max = value.parse().map_err(|_| format!("expected a number, not `{value}`"))?;
    Ok(Next::Read)
}

fn now(shell: &mut Shell, value: &str) -> Result<Next, String> {
    if !value.is_empty() {
        let value = unquoted(value);
        source::set_now(&mut shell.engine.borrow_mut(), (value != "clock").then_some(value))?;
    }
    let now = shell.engine.borrow().now();
    shell.say(&kql::time::datetime_wire(now))
}

fn param(shell: &mut Shell, text: &str) -> Result<Next, String> {
    if text.is_empty() {
        let list: Vec<String> = shell.options.parameters.iter().map(|it| format!("{} = {}", it.0, it.1)).collect();
        return shell.say(&paint(&list.join(", ")));
    }
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    shell.options.parameters.retain(|it| it.0 != name.trim());
    shell.options.parameters.push((name.trim().to_owned(), value.trim().to_owned()));
    Ok(Next::Read)
}

fn opt(shell: &mut Shell, text: &str) -> Result<Next, String> {
    let mut engine = shell.engine.borrow_mut();
    let mut limits = engine.limits().clone();
    match text.split_once(char::is_whitespace).map(|it| (it.0, it.1.trim())) {
        None if text.is_empty() => {
            let timeout = shell.options.timeout.map_or("none".to_owned(), plan_text::elapsed);
            drop(engine);
            return shell.say(&format!("timeout {timeout}\n{limits:#?}"));
        }
        Some(("memory", value)) => limits.memory = bytes(value).ok_or("expected a size such as 512MB")?,
        Some(("timeout", "none")) => {
            shell.options.timeout = None;
            limits.time = None;
        }
        Some(("timeout", value)) => {
            shell.options.timeout = Some(duration(value).ok_or("expected a time such as 30s")?);
            limits.time = shell.options.timeout;
        }
        _ => return Err("expected memory SIZE or timeout TIME".to_owned()),
    }
    engine.set_limits(limits);
    Ok(Next::Read)
}

fn explain(shell: &mut Shell, text: &str) -> Result<Next, String> {
    if text.is_empty() {
        let last = shell.last.as_ref().ok_or("there is no answer yet")?;
        return shell.say(&plan_text::timed(&shell.engine.borrow(), last));
    }
    let engine = shell.engine.borrow();
    let query = Query { text: text.to_owned(), parameters: shell.options.parameters.clone() };
    let check = interrupt::stoppable(&engine.stop(), || engine.check(query));
    shell.report.diagnostics(&Default::default(), text, &check.diagnostics);
    if check.diagnostics.iter().any(Diagnostic::is_error) {
        return Ok(Next::Read);
    }
    shell.say(&plan_text::plans(&engine, &check.plan))
}

fn rule(shell: &mut Shell, text: &str) -> Result<Next, String> {
    let text = needed(text, "a rule file: .rule FILE [at T]")?;
    let (path, at) = match text.rsplit_once(" at ") {
        Some((path, at)) => {
            let at = unquoted(at.trim());
            (path.trim(), Some(kql::parser::parse_datetime(at).ok_or_else(|| format!("`{at}` is no datetime"))?))
        }
        None => (text, None),
    };
    let mut engine = shell.engine.borrow().clone();
    engine.set_stop(Stop::default());
    // What fails is told where it fails.
    _ = rule_command::over(engine, Path::new(unquoted(path)), at, &shell.options, &shell.report);
    Ok(Next::Read)
}

fn test(_: &mut Shell, path: &str) -> Result<Next, String> {
    let path = unquoted(needed(path, "a test file, a rule or a directory")?);
    // What fails is told where it fails.
    _ = test_command::main(vec![path.into()]);
    Ok(Next::Read)
}

fn about(shell: &mut Shell, name: &str) -> Result<Next, String> {
    const KEYS: &str = "A query ends with `;` or a blank line. One that stands whole on one line runs at Enter, a table alone \
        waits for its pipes. An input that begins with `|` goes on from the last query. Alt-Enter runs an input as it is, \
        Ctrl-O begins a new line, Tab completes, Ctrl-R searches the history, Ctrl-C stops a query, Ctrl-D leaves.";
    if !name.is_empty() {
        return shell.say(&help::about(name)?);
    }
    let mut out = help::wrapped(KEYS, help::columns(), 0) + "\n\n";
    for it in COMMANDS {
        out.push_str(&help::entry(&format!("{} {}", it.name, it.values), it.doc, 30));
    }
    shell.say(&out)
}
