//! The `kql` command.

mod batch;
mod chart;
mod check_command;
mod config;
mod demo;
mod explain;
mod help;
mod interrupt;
mod new_command;
mod options;
mod output;
mod pager;
mod progress;
mod query;
mod report;
mod rule_command;
mod script;
mod shell;
mod source;
mod test_command;

use options::{Command, Options};
use report::{Exit, IO, Report, USAGE};
use std::{io::Write, process::ExitCode};

fn main() -> ExitCode {
    // Commands whose flags are their own.
    let own = |name: &str| std::env::args_os().nth(1).is_some_and(|it| it == name);
    for (name, main) in [
        ("check", check_command::main as fn(Vec<_>) -> Result<(), Exit>),
        ("test", test_command::main),
        ("new", new_command::main),
        ("rule", rule_command::main),
        ("vendor", rule_command::vendor),
    ] {
        if own(name) {
            return main(std::env::args_os().skip(2).collect()).map_or_else(status, |()| ExitCode::SUCCESS);
        }
    }
    let options = Options::parse(std::env::args_os().skip(1)).and_then(source::configured);
    let options = match options {
        Ok(options) => options,
        Err(why) => return status(Report::new(false, false).fail(USAGE, &why)),
    };
    let report = Report::new(options.json_errors, options.quiet);
    if options.help || options.version {
        let version = concat!("kql ", env!("CARGO_PKG_VERSION"), "\n").to_owned();
        return print(&if options.help { options::help() } else { version }, &report);
    }
    if let Err(exit) = dispatch(&options, &report) { status(exit) } else { ExitCode::SUCCESS }
}

fn dispatch(options: &Options, report: &Report) -> Result<(), Exit> {
    if !matches!(options.command, Command::Batch | Command::Format | Command::Help) {
        interrupt::install();
    }
    match options.command {
        Command::Query => match query::main(options, report)? {
            Some((engine, _)) => shell::run(engine, options, report),
            None => Ok(()),
        },
        Command::Run => query::run_files(options, report),
        Command::Format => query::format(options, report),
        Command::Explain => query::explain(options, report),
        Command::Batch => batch(options, report),
        Command::Demo => demo::run(options, report),
        Command::Help => match options.values.first() {
            None => write(&help::index(), report),
            Some(name) => {
                let text = help::about(name).map_err(|why| report.fail(report::QUERY, &why))?;
                write(&text, report)
            }
        },
    }
}

fn batch(options: &Options, report: &Report) -> Result<(), Exit> {
    if !options.values.is_empty() {
        return Err(report.fail(USAGE, "batch takes no files; use --load NAME=PATH"));
    }
    let engine = source::engine(options, &[], report)?;
    match batch::run(&engine, std::io::stdin().lock(), std::io::stdout().lock()) {
        Ok(0) => Ok(()),
        Ok(_) => Err(report::QUERY),
        Err(why) if why.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(why) => Err(report.fail(IO, &why.to_string())),
    }
}

fn write(text: &str, report: &Report) -> Result<(), Exit> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => Err(report.fail(IO, &why.to_string())),
        _ => Ok(()),
    }
}

fn print(text: &str, report: &Report) -> ExitCode {
    write(text, report).map_or_else(status, |()| ExitCode::SUCCESS)
}

fn status(exit: Exit) -> ExitCode {
    ExitCode::from(exit.0)
}
