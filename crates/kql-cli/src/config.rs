//! `kql.toml` of the current directory: settings for what the command line does not say, and the project of the rules.

use crate::options::Options;
use kql_rules::{Disk, Project, project::FILE};
use std::path::Path;

/// Settings that are flags by name.
const SETTINGS: &[&str] = &["now", "format", "null-value", "max-rows", "limit-memory", "timeout", "keep-going"];

/// The options with the file's settings for what they do not set.
pub(crate) fn apply(options: Options) -> Result<Options, String> {
    merge(options, Project::of_directory(&Disk, Path::new(""))?)
}

fn merge(mut options: Options, mut project: Project) -> Result<Options, String> {
    let mut found = Options::default();
    for (key, value, line) in &project.settings {
        let bad = |why: &str| format!("{FILE}, line {line}: {why}");
        if !SETTINGS.contains(&key.as_str()) {
            let known = "geoip, schema, functions, tests";
            return Err(bad(&format!("unknown setting `{key}`; one of {known}, {}", SETTINGS.join(", "))));
        }
        if value != "false" {
            found.set(key, value.clone()).map_err(|it| bad(&it))?;
        }
    }
    // A table of the command line replaces that of the file.
    let named = |it: &(String, String)| !options.loads.iter().any(|own| own.0 == it.0);
    let mut loads: Vec<(String, String)> = project.loads.iter().filter(|it| named(it)).cloned().collect();
    loads.append(&mut options.loads);
    options.loads = loads;
    options.schemas.splice(0..0, project.schemas.iter().cloned());
    options.now = options.now.or(found.now);
    options.geoip = options.geoip.or(project.geoip.take());
    options.format = options.format.or(found.format);
    options.rows_max = options.rows_max.or(found.rows_max);
    options.memory = options.memory.or(found.memory);
    options.timeout = options.timeout.or(found.timeout);
    options.keep_going |= found.keep_going;
    if options.null.is_empty() {
        options.null = found.null;
    }
    options.project = project;
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_rules::Source;

    #[test]
    fn the_command_line_wins() {
        let text = "# settings\nnow = \"max\"  # newest\nmax-rows = 7\nkeep-going = false\n[load]\nA = 'a*.json'\nB = \"b\\\"\"\n";
        let parse = |text: &str| Project::parse(Path::new(""), Source::new(FILE, text));
        let own = Options {
            now: Some("2024-01-01".into()),
            loads: vec![("A".into(), "own.json".into())],
            ..Options::default()
        };
        let res = merge(own, parse(text).unwrap()).unwrap();
        assert_eq!((res.now.as_deref(), res.rows_max, res.keep_going), (Some("2024-01-01"), Some(7), false));
        assert_eq!(res.loads, [("B".into(), "b\"".into()), ("A".into(), "own.json".into())]);
        for bad in ["x", "colour = 1", "now = \"a", "[other]", "now ="] {
            assert!(parse(bad).and_then(|it| merge(Options::default(), it)).is_err(), "{bad}");
        }
    }
}
