//! The `kql` command.

mod batch;
mod options;

use options::Options;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("batch") => {}
        _ => {
            eprintln!("usage: kql batch [--now T] [--schema FILE] [--load NAME=PATH]…");
            return ExitCode::from(2);
        }
    }
    let mut options = Options::default();
    while let Some(arg) = args.next() {
        let value = args.next().unwrap_or_default();
        match arg.as_str() {
            "--now" => options.now = Some(value),
            "--schema" => options.schemas.push(value.into()),
            "--load" => match value.split_once('=') {
                Some((name, path)) => options.loads.push((name.to_owned(), path.into())),
                None => return usage("--load takes NAME=PATH"),
            },
            other => return usage(&format!("unknown option {other}")),
        }
    }
    match batch::run(&options, std::io::stdin().lock(), std::io::stdout().lock()) {
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        Err(why) => {
            eprintln!("kql: {why}");
            ExitCode::from(3)
        }
    }
}

fn usage(message: &str) -> ExitCode {
    eprintln!("kql: {message}");
    ExitCode::from(2)
}
