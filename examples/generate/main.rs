//! Makes audit events and chat completions of an invented organization, with attacks in them.
//!
//! ```text
//! cargo run --release --example generate -- --events 1000000 --completions 200000 --directory /tmp/lumen
//! ```
//! Without options it makes the data in `examples/data`.
#![allow(clippy::print_stderr, reason = "a program for a terminal prints")]

mod data;

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

const USAGE: &str = "usage: generate [--events N] [--completions N] [--seed N] [--last-day N] [--directory DIR]
  --events N       audit events (600)
  --completions N  stored chat completions (160)
  --seed N         other data, with the same attacks in it (1)
  --last-day N     the last day, as days since 1970; the data ends at its noon (20614, which is 2026-06-10)
  --directory DIR  where audit.ndjson and completions.ndjson go (examples/data)";

fn main() -> io::Result<()> {
    let (options, directory) = match parse(std::env::args().skip(1)) {
        Ok(it) => it,
        Err(why) => {
            eprintln!("{why}\n{USAGE}");
            std::process::exit(2);
        }
    };
    fs::create_dir_all(&directory)?;
    write(&directory.join("audit.ndjson"), |out| data::write_audit(&options, out))?;
    write(&directory.join("completions.ndjson"), |out| data::write_completions(&options, out))
}

fn write(path: &Path, make: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    make(&mut out)?;
    out.flush()
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<(data::Options, PathBuf), String> {
    let (mut options, mut directory) = (data::Options::default(), PathBuf::from("examples/data"));
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|why| format!("{name} {value}: {why}"));
        match name.as_str() {
            "--events" => options.events = number()? as usize,
            "--completions" => options.completions = number()? as usize,
            "--seed" => options.seed = number()?,
            "--last-day" => options.last_day = number()?.min(1_000_000) as i64 * data::DAY,
            "--directory" => directory = value.into(),
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok((options, directory))
}
