//! The command line: commands and flags as tables, from which parsing, help and completion come.

use crate::help::{columns, entry, wrapped};
use kql::formats::Format;
use std::{path::PathBuf, time::Duration};

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Command {
    /// Queries over files, or the shell when there is none.
    #[default]
    Query,
    /// Query and rule files.
    Run,
    /// The canonical text of queries.
    Format,
    /// The plan of a query.
    Explain,
    /// What a function, aggregate or operator does.
    Help,
    /// One JSON request a line.
    Batch,
    /// Example data and the shell.
    Demo,
}

/// Every command that has a word: the word, what follows it, and a sentence.
pub(crate) const COMMANDS: &[(&str, Command, &str, &str)] = &[
    ("run", Command::Run, "FILE|DIR…", "Run query files and the queries of rule files."),
    ("fmt", Command::Format, "[FILE…]", "Print queries in their canonical form; -w writes them back."),
    ("explain", Command::Explain, "QUERY|FILE [FILES…]", "Print the plan of a query; --run adds rows and times."),
    ("help", Command::Help, "[NAME]", "Tell what a function, aggregate or operator does."),
    ("batch", Command::Batch, "", "Answer one JSON request a line on standard input."),
    ("demo", Command::Demo, "[QUERY]", "Run the bundled rules, or queries, on bundled data."),
];

/// Commands with flags of their own, which their `--help` lists.
const OWN: &[(&str, &str)] = &[
    ("check PATH…", "Tell what would fail or mislead in rules; kql check --help tells how."),
    ("test PATH…", "Run the tests of rules; kql test --help tells how."),
    ("new rule|test NAME", "Make a beginning of a rule or of its tests."),
    ("rule run|backtest RULE…", "Run rules as the service would; kql rule --help tells how."),
    ("vendor URL FILE", "Record a file as the copy of what externaldata names."),
];

/// The words that begin commands.
pub(crate) fn command_words() -> impl Iterator<Item = &'static str> {
    let own = OWN.iter().filter_map(|it| it.0.split(' ').next());
    COMMANDS.iter().map(|it| it.0).chain(own)
}

/// What the command line asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) command: Command,
    /// Free arguments: files, and perhaps a query.
    pub(crate) values: Vec<String>,
    pub(crate) queries: Vec<String>,
    pub(crate) scripts: Vec<PathBuf>,
    /// Which block of the query files is meant; the first is 1.
    pub(crate) block: Option<usize>,
    pub(crate) loads: Vec<(String, String)>,
    pub(crate) schemas: Vec<PathBuf>,
    pub(crate) externals: Vec<(String, PathBuf)>,
    /// What `kql.toml` says of functions, watchlists and copies of external data.
    pub(crate) project: kql_rules::Project,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) now: Option<String>,
    pub(crate) geoip: Option<PathBuf>,
    pub(crate) format: Option<Format>,
    pub(crate) output: Option<PathBuf>,
    pub(crate) rejects: Option<PathBuf>,
    pub(crate) null: String,
    pub(crate) csv_safe: bool,
    pub(crate) memory: Option<usize>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) rows_max: Option<usize>,
    pub(crate) explain: bool,
    pub(crate) json_errors: bool,
    pub(crate) keep_going: bool,
    pub(crate) no_config: bool,
    /// Whether queries and dot-commands may touch files.
    pub(crate) no_files: bool,
    pub(crate) quiet: bool,
    pub(crate) write: bool,
    pub(crate) check: bool,
    pub(crate) run: bool,
    pub(crate) help: bool,
    pub(crate) version: bool,
    /// Whether `T` is the first file's table.
    pub(crate) names_first: bool,
    /// Whether what is loaded into a table that Microsoft documents has the columns of that.
    pub(crate) documented: bool,
}

type Set = fn(&mut Options, String) -> Result<(), String>;

/// A flag.
pub(crate) struct Flag {
    /// Its name, without dashes.
    pub(crate) name: &'static str,
    short: Option<char>,
    /// What its value is called; `None` for a switch.
    value: Option<&'static str>,
    doc: &'static str,
    set: Set,
}

const fn flag(name: &'static str, value: Option<&'static str>, doc: &'static str, set: Set) -> Flag {
    Flag { name, short: None, value, doc, set }
}

const fn short(short: char, flag: Flag) -> Flag {
    Flag { short: Some(short), ..flag }
}

/// Every flag.
pub(crate) const FLAGS: &[Flag] = &[
    short(
        'c',
        flag("command", Some("QUERY"), "Run a query; may be given several times.", |it, value| {
            it.queries.push(value);
            Ok(())
        }),
    ),
    short(
        'f',
        flag("file", Some("FILE"), "Run a query or rule file.", |it, value| {
            it.scripts.push(value.into());
            Ok(())
        }),
    ),
    flag("block", Some("N"), "Of query files only the Nth block; blank lines part blocks.", |it, value| {
        let block = value.parse().ok().filter(|it| *it > 0);
        it.block = Some(block.ok_or_else(|| format!("--block takes a number from 1, not `{value}`"))?);
        Ok(())
    }),
    flag("load", Some("NAME=PATH"), "Load files, a directory or a pattern into a table.", |it, value| {
        let (name, path) = value.split_once('=').ok_or("--load takes NAME=PATH")?;
        it.loads.push((name.to_owned(), path.to_owned()));
        Ok(())
    }),
    flag("schema", Some("FILE"), "Declare empty tables and functions from a JSON file.", |it, value| {
        it.schemas.push(value.into());
        Ok(())
    }),
    flag("external", Some("URI=FILE"), "A local copy of what externaldata names; nothing is fetched.", |it, value| {
        let (uri, file) = value.rsplit_once('=').ok_or("--external takes URI=FILE")?;
        it.externals.push((uri.to_owned(), file.into()));
        Ok(())
    }),
    flag("param", Some("NAME=VALUE"), "A value for declare query_parameters.", |it, value| {
        let (name, value) = value.split_once('=').ok_or("--param takes NAME=VALUE")?;
        it.parameters.push((name.to_owned(), value.to_owned()));
        Ok(())
    }),
    flag("now", Some("T|max"), "What now() is: a datetime, or the newest time of the data.", |it, value| {
        it.now = Some(value);
        Ok(())
    }),
    flag("geoip", Some("FILE"), "A MaxMind DB for geo_info_from_ip_address (or $KQL_GEOIP).", |it, value| {
        it.geoip = Some(value.into());
        Ok(())
    }),
    short(
        'o',
        flag("format", Some("FORMAT"), "How results are written; see below.", |it, value| {
            let names = || Format::ALL.map(Format::name).join(", ");
            it.format =
                Some(Format::from_name(&value).ok_or_else(|| format!("unknown format `{value}`; one of {}", names()))?);
            Ok(())
        }),
    ),
    flag("output", Some("FILE"), "Write results to a file, which appears whole or not at all.", |it, value| {
        it.output = Some(value.into());
        Ok(())
    }),
    flag("null-value", Some("TEXT"), "What table, csv, tsv, markdown, line and raw write for null.", |it, value| {
        it.null = value;
        Ok(())
    }),
    flag("csv-safe", None, "Keep spreadsheets from taking csv and tsv cells for formulas.", |it, _| {
        it.csv_safe = true;
        Ok(())
    }),
    flag("max-rows", Some("N"), "Rows that a table shows on a terminal; 0 for all.", |it, value| {
        it.rows_max = Some(value.parse().map_err(|_| format!("--max-rows takes a number, not `{value}`"))?);
        Ok(())
    }),
    flag("limit-memory", Some("BYTES"), "Memory of a query, such as 512MB or 2GB.", |it, value| {
        it.memory = Some(bytes(&value).ok_or_else(|| format!("--limit-memory takes a size, not `{value}`"))?);
        Ok(())
    }),
    flag("timeout", Some("TIME"), "Time of a query, such as 500ms, 30s or 5m.", |it, value| {
        it.timeout = Some(duration(&value).ok_or_else(|| format!("--timeout takes a time, not `{value}`"))?);
        Ok(())
    }),
    flag("explain", None, "Print the plan of each query instead of running it.", |it, _| {
        it.explain = true;
        Ok(())
    }),
    flag("rejects", Some("FILE"), "Write input lines that gave no row to a file, as NDJSON.", |it, value| {
        it.rejects = Some(value.into());
        Ok(())
    }),
    flag("error-format", Some("text|json"), "How errors are written to standard error.", |it, value| {
        it.json_errors = choice("error-format", &value, &[("text", false), ("json", true)])?;
        Ok(())
    }),
    flag("keep-going", None, "Go on with the next query after an error.", |it, _| {
        it.keep_going = true;
        Ok(())
    }),
    flag("no-files", None, "Queries and dot-commands touch no files; those of the command line are read.", |it, _| {
        it.no_files = true;
        Ok(())
    }),
    flag("no-net", None, "Open no connections. None is ever opened; for scripts that say so.", |_, _| Ok(())),
    flag("no-config", None, "Read no kql.toml.", |it, _| {
        it.no_config = true;
        Ok(())
    }),
    short(
        'q',
        flag("quiet", None, "Write no warnings and no statistics.", |it, _| {
            it.quiet = true;
            Ok(())
        }),
    ),
    short(
        'w',
        flag("write", None, "fmt: write the files back.", |it, _| {
            it.write = true;
            Ok(())
        }),
    ),
    flag("check", None, "fmt: only tell which files would change; exit status 1 then.", |it, _| {
        it.check = true;
        Ok(())
    }),
    flag("run", None, "explain: run the query, and print rows and times.", |it, _| {
        it.run = true;
        Ok(())
    }),
    short(
        'h',
        flag("help", None, "Print this.", |it, _| {
            it.help = true;
            Ok(())
        }),
    ),
    short(
        'V',
        flag("version", None, "Print the version.", |it, _| {
            it.version = true;
            Ok(())
        }),
    ),
];

impl Options {
    /// Reads the command line; the error is meant for people.
    pub(crate) fn parse(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Options, String> {
        use lexopt::prelude::*;
        let mut res = Options { names_first: true, ..Options::default() };
        let mut parser = lexopt::Parser::from_args(args);
        let mut is_first = true;
        while let Some(arg) = parser.next().map_err(|it| it.to_string())? {
            let flag = match &arg {
                Short(it) => FLAGS.iter().find(|flag| flag.short == Some(*it)),
                Long(it) => FLAGS.iter().find(|flag| flag.name == *it),
                Value(value) => {
                    let value = value.to_string_lossy().into_owned();
                    match COMMANDS.iter().find(|it| it.0 == value).filter(|_| is_first) {
                        Some(command) => res.command = command.1,
                        None => res.values.push(value),
                    }
                    is_first = false;
                    continue;
                }
            };
            let Some(flag) = flag else { return Err(unknown(&arg)) };
            let value = match flag.value {
                Some(_) => parser.value().map_err(|it| it.to_string())?.to_string_lossy().into_owned(),
                None => String::new(),
            };
            (flag.set)(&mut res, value)?;
        }
        Ok(res)
    }

    /// Sets a flag by its name, as `kql.toml` does.
    pub(crate) fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match FLAGS.iter().find(|it| it.name == name) {
            Some(flag) => (flag.set)(self, value),
            None => Err(format!("unknown setting `{name}`")),
        }
    }
}

fn unknown(arg: &lexopt::Arg<'_>) -> String {
    match arg {
        lexopt::Arg::Long(name) => unknown_flag("kql", name, FLAGS.iter().map(|it| it.name)),
        lexopt::Arg::Short(it) => unknown_short("kql", *it),
        lexopt::Arg::Value(_) => "unknown argument".to_owned(),
    }
}

/// A word of the command line of a command that has flags of its own.
pub(crate) enum Word<'a> {
    /// A path or the like.
    Free(std::ffi::OsString),
    /// A flag, by its long name.
    Flag(&'a str),
}

/// Hands the words of a command line to `take`, one after the other, with what gives the value behind a flag. `shorts` are
/// the letters that stand for flags.
pub(crate) fn words(
    args: impl IntoIterator<Item = std::ffi::OsString>,
    command: &str,
    shorts: &[(char, &str)],
    mut take: impl FnMut(Word<'_>, &mut dyn FnMut() -> Result<String, String>) -> Result<(), String>,
) -> Result<(), String> {
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(|it| it.to_string())? {
        let name = match arg {
            lexopt::Arg::Value(it) => {
                take(Word::Free(it), &mut || Ok(String::new()))?;
                continue;
            }
            lexopt::Arg::Long(name) => name.to_owned(),
            lexopt::Arg::Short(letter) => match shorts.iter().find(|it| it.0 == letter) {
                Some((_, name)) => (*name).to_owned(),
                None => return Err(unknown_short(command, letter)),
            },
        };
        let mut value = || Ok(parser.value().map_err(|it| it.to_string())?.to_string_lossy().into_owned());
        take(Word::Flag(&name), &mut value)?;
    }
    Ok(())
}

/// What to say of a long flag that a command does not have.
pub(crate) fn unknown_flag<'a>(command: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match kql::parser::diagnostic::closest(name, known) {
        Some(near) => format!("unknown option `--{name}`; did you mean `--{near}`?"),
        None => format!("unknown option `--{name}`; see {command} --help"),
    }
}

/// What to say of a short one.
fn unknown_short(command: &str, name: char) -> String {
    format!("unknown option `-{name}`; see {command} --help")
}

/// The value that a text names, of a flag that takes one of a few words.
pub(crate) fn choice<T: Copy>(flag: &str, text: &str, words: &[(&str, T)]) -> Result<T, String> {
    if let Some((_, value)) = words.iter().find(|it| it.0 == text) {
        return Ok(*value);
    }
    let names: Vec<&str> = words.iter().map(|it| it.0).collect();
    let all = match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.join(""),
    };
    Err(format!("--{flag} takes {all}, not `{text}`"))
}

/// A number of bytes with a unit: `1000`, `512MB`, `2GiB`, `64k`.
pub(crate) fn bytes(text: &str) -> Option<usize> {
    let at = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(at)?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1usize << 30,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(factor)
}

/// A time with a unit: `500ms`, `30s`, `5m`, `1h`; seconds without.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let at = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(at)?;
    let factor = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * factor).ok()
}

/// The help text.
pub(crate) fn help() -> String {
    const FORMS: [(&str, &str); 3] = [
        ("kql [FILES…]", "The shell, over tables named after the files."),
        ("kql [FILES…] QUERY", "One query; `T` is the first file's table."),
        ("kql -c QUERY [FILES…]", "Queries; standard input is the table `stdin`."),
    ];
    const END: [&str; 3] = [
        "Variables: KQL_PAGER or PAGER shows long answers (off for none), KQL_HISTORY is the file of the shell's history (off \
         for none), KQL_GEOIP as --geoip, NO_COLOR. Settings and tables of a project stand in kql.toml.",
        "Files are NDJSON, JSON, API pages, CSV, TSV or Parquet, plain, .gz or .zst, told by their content.",
        "Exit status: 0 done, 1 a query failed, 2 usage, 3 input or output failed, 130 interrupted.",
    ];
    let mut out = String::from("Query logs with KQL, the Kusto Query Language.\n\n");
    for (form, doc) in FORMS {
        out.push_str(&entry(form, doc, 30));
    }
    for (name, _, values, doc) in COMMANDS {
        out.push_str(&entry(&format!("kql {name} {values}"), doc, 30));
    }
    for (command, doc) in OWN {
        out.push_str(&entry(&format!("kql {command}"), doc, 30));
    }
    out.push_str("\nOptions\n");
    for it in FLAGS {
        let short = it.short.map_or("    ".to_owned(), |it| format!("-{it}, "));
        out.push_str(&entry(&format!("  {short}--{} {}", it.name, it.value.unwrap_or("")), it.doc, 33));
    }
    out.push_str("\nFormats: table on a terminal, ndjson into a pipe or file, unless one is given\n");
    for it in Format::ALL {
        out.push_str(&entry(&format!("  {}", it.name()), it.doc(), 13));
    }
    for it in END {
        out.push_str(&format!("\n{}\n", wrapped(it, columns(), 0)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times() {
        assert_eq!((bytes("512MB"), bytes("7"), bytes("x"), bytes("1tb")), (Some(512 << 20), Some(7), None, None));
        assert_eq!(bytes("99999999999999999999"), None);
        assert_eq!(
            (duration("500ms"), duration("2m")),
            (Some(Duration::from_millis(500)), Some(Duration::from_secs(120)))
        );
        assert_eq!((duration("-1s"), duration("1e9")), (None, None));
    }

    #[test]
    fn commands_are_first_words_only() {
        let parse = |args: &[&str]| Options::parse(args.iter().map(Into::into)).unwrap();
        assert_eq!(parse(&["fmt", "-w", "a"]).command, Command::Format);
        let res = parse(&["x.json", "run"]);
        assert_eq!((res.command, res.values.len()), (Command::Query, 2));
        let error = Options::parse(["--tiemout=3".into()]).unwrap_err();
        assert_eq!(error, "unknown option `--tiemout`; did you mean `--timeout`?");
    }
}
