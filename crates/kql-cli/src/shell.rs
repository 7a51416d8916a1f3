//! The shell: reads queries and dot-commands, and shows answers until it is left.

mod command;
mod complete;
mod editor;

use crate::{
    explain, interrupt,
    options::Options,
    output::{self, Output, Style},
    progress::Progress,
    query,
    report::{Exit, INTERRUPTED, IO, Report},
    script::Script,
};
use editor::Helper;
use kql::{Engine, Outcome, Query, Stop};
use rustyline::{
    Cmd, Config, Editor, EventHandler, KeyCode, KeyEvent, Modifiers, config::CompletionType, error::ReadlineError,
    history::FileHistory,
};
use std::{cell::RefCell, path::PathBuf, rc::Rc, time::Instant};

/// Queries that the history keeps.
const HISTORY_MAX: usize = 10_000;

const PROMPT: &str = "kql> ";

/// What the shell holds from one query to the next.
pub(crate) struct Shell {
    engine: Rc<RefCell<Engine>>,
    report: Report,
    options: Options,
    style: Style,
    /// Where results go instead of the terminal, until it is changed.
    output: Option<Output>,
    /// Where the next result goes.
    once: Option<PathBuf>,
    shows_time: bool,
    last: Option<Outcome>,
    /// The last query that ran: an input that begins with a pipe goes on from it.
    last_query: Option<String>,
}

/// Whether the shell goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Read,
    Quit,
}

/// Runs the shell over an engine.
pub(crate) fn run(engine: Engine, options: &Options, report: &Report) -> Result<(), Exit> {
    let engine = Rc::new(RefCell::new(engine));
    let style = Style::new(options, false);
    let (report, options) = (report.clone(), options.clone());
    let mut shell = Shell {
        engine: engine.clone(),
        report,
        options,
        style,
        output: None,
        once: None,
        shows_time: true,
        last: None,
        last_query: None,
    };
    let mut editor = shell.editor().map_err(|why| shell.report.fail(IO, &format!("no shell: {why}")))?;
    let history = history_file();
    if let Some(path) = &history {
        _ = editor.load_history(path);
    }
    shell.greet();
    let res = loop {
        if let Some(helper) = editor.helper() {
            helper.begin();
        }
        match editor.readline(PROMPT) {
            Ok(text) => {
                let text = shell.continued(text.trim_end());
                let text = text.as_str();
                if text.trim().is_empty() {
                    continue;
                }
                _ = editor.add_history_entry(text);
                if let Some(path) = &history {
                    _ = editor.append_history(path);
                }
                if shell.enter(text) == Next::Quit {
                    break Ok(());
                }
            }
            Err(ReadlineError::Interrupted) => {
                if interrupt::pressed() {
                    break Err(INTERRUPTED);
                }
            }
            Err(ReadlineError::Eof) => break Ok(()),
            Err(why) => break Err(shell.report.fail(IO, &why.to_string())),
        }
    };
    shell.end_output();
    res
}

/// `$XDG_STATE_HOME/kql/history`, unless `KQL_HISTORY` is `off` or names another file.
fn history_file() -> Option<PathBuf> {
    let path = match std::env::var("KQL_HISTORY") {
        Ok(it) if it == "off" => return None,
        Ok(it) if !it.is_empty() => PathBuf::from(it),
        _ => {
            let state = std::env::var_os("XDG_STATE_HOME").filter(|it| !it.is_empty()).map(PathBuf::from);
            let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state"));
            state.or_else(home)?.join("kql/history")
        }
    };
    std::fs::create_dir_all(path.parent()?).ok()?;
    Some(path)
}

impl Shell {
    fn editor(&self) -> rustyline::Result<Editor<Helper, FileHistory>> {
        let config = Config::builder()
            .max_history_size(HISTORY_MAX)?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .bracketed_paste(true)
            .tab_stop(4)
            .build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(Helper::new(self.engine.clone(), self.report.color)));
        let bind = |it: Cmd| EventHandler::Simple(it);
        _ = editor.bind_sequence(KeyEvent(KeyCode::Enter, Modifiers::ALT), bind(Cmd::AcceptLine));
        _ = editor.bind_sequence(KeyEvent::alt('\r'), bind(Cmd::AcceptLine));
        // Typed ahead, while the terminal turns Enter into a line feed.
        _ = editor.bind_sequence(KeyEvent::alt('\n'), bind(Cmd::AcceptLine));
        _ = editor.bind_sequence(KeyEvent(KeyCode::Char('J'), Modifiers::CTRL_ALT), bind(Cmd::AcceptLine));
        _ = editor.bind_sequence(KeyEvent::ctrl('O'), bind(Cmd::Newline));
        Ok(editor)
    }

    fn greet(&self) {
        let engine = self.engine.borrow();
        let rows = |n: usize| format!("{n} {}", if n == 1 { "row" } else { "rows" });
        let tables: Vec<String> = engine.tables().map(|it| format!("{} ({})", it.0, rows(it.1.n_rows()))).collect();
        let tables = if tables.is_empty() { "no tables; .load FILE loads one".to_owned() } else { tables.join(", ") };
        self.report.note(&format!("kql {}: {tables}. .help tells more.", env!("CARGO_PKG_VERSION")));
    }

    /// An input that begins with a pipe with the last query before it.
    fn continued(&self, text: &str) -> String {
        match &self.last_query {
            Some(last) if text.trim_start().starts_with('|') => {
                format!("{}\n{}", last.trim_end().trim_end_matches(';').trim_end(), text.trim_start())
            }
            _ => text.to_owned(),
        }
    }

    /// Handles one input: a dot-command or a query.
    fn enter(&mut self, text: &str) -> Next {
        if text.trim_start().starts_with('.') {
            return self.command(text.trim());
        }
        if let Some(command) = self.bare_command(text) {
            return self.command(command);
        }
        if self.query(&Script::of(query::directives_told(text, &self.report).into_owned())).is_ok() {
            self.last_query = Some(text.to_owned());
        }
        Next::Read
    }

    /// The dot-command that a word without a dot means, where no table or function has that name.
    fn bare_command(&self, text: &str) -> Option<&'static str> {
        let word = text.trim().trim_end_matches(';').trim_end();
        let engine = self.engine.borrow();
        let is_free = engine.table(word).is_none() && engine.functions().all(|it| it.0 != word);
        match word {
            "quit" | "exit" if is_free => Some(".quit"),
            "help" if is_free => Some(".help"),
            _ => None,
        }
    }

    /// Runs a query and shows its answer.
    fn query(&mut self, script: &Script) -> Result<(), Exit> {
        let stop = Stop::default();
        self.engine.borrow_mut().set_stop(stop.clone());
        let engine = self.engine.borrow();
        let Script { text, place, .. } = script.at(engine.now());
        let query = Query { text: text.clone(), parameters: self.options.parameters.clone() };
        let start = Instant::now();
        let progress = Progress::new("running", 0, self.report.quiet);
        let res = interrupt::stoppable(&stop, || engine.query(query));
        drop(progress);
        let elapsed = start.elapsed();
        let outcome = res.map_err(|error| {
            let exit = self.report.query(&place, &text, &error);
            query::tell_tables(&engine, &error, &self.report);
            exit
        })?;
        self.report.diagnostics(&place, &text, &outcome.diagnostics);
        output::tell(&outcome, &self.report);
        query::tell_empty(&engine, &outcome, &self.report, |table| format!(".load FILE as {table}"));
        let statistics = explain::statistics(&engine, &outcome, elapsed);
        drop(engine);
        if let Err(why) = self.show(&outcome) {
            return Err(self.report.fail(IO, &why.to_string()));
        }
        if self.shows_time {
            self.report.note(&statistics);
        }
        self.last = Some(outcome);
        Ok(())
    }

    fn show(&mut self, outcome: &Outcome) -> std::io::Result<()> {
        if let Some(path) = self.once.take() {
            let style = self.file_style(&path);
            return output::write_whole(&path, |out| output::write_outcome(outcome, &style, out));
        }
        match &mut self.output {
            Some(out) => {
                let write = kql::formats::WriteOptions { terminal: false, width: 0, ..self.style.write.clone() };
                out.show(outcome, &Style { write, draws: false, ..self.style.clone() })
            }
            None => {
                self.style.measure();
                Output::open(None)?.show(outcome, &self.style)
            }
        }
    }

    /// The format for a file: by its ending, else the shell's.
    fn file_style(&self, path: &std::path::Path) -> Style {
        let ending = path.extension().and_then(|it| it.to_str()).unwrap_or("");
        let by_ending = kql::formats::Format::from_name(ending);
        let style = Style::new(&Options { format: by_ending, ..self.options.clone() }, true);
        Style { format: by_ending.unwrap_or(self.style.format), ..style }
    }

    fn end_output(&mut self) {
        if let Some(out) = self.output.take()
            && let Err(why) = out.finish()
        {
            _ = self.report.fail(IO, &why.to_string());
        }
    }
}
