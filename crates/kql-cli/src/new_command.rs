//! `kql new`: beginnings of rules and test files.

use crate::report::{Exit, Report};
use kql::Engine;
use kql_rules::{Disk, Files, read, test};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// What is wrong with the command line or a file.
const CONFIG: Exit = Exit(3);

const HELP: &str = "\
Make a beginning of a rule or of its tests.

kql new rule NAME      NAME.yaml and NAME.test.yaml: an analytics rule that runs, and tests that pass
kql new test RULE      RULE.test.yaml beside a rule: a row of each table that its query reads, to be filled in
";

/// The command, with what follows its word.
pub(crate) fn main(args: Vec<OsString>) -> Result<(), Exit> {
    let report = Report::new(false, false);
    let args: Vec<String> = args.into_iter().map(|it| it.to_string_lossy().into_owned()).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let fail = |why: String| report.fail(CONFIG, &why);
    match args.as_slice() {
        ["rule", name] if !name.starts_with('-') => new_rule(name, &report).map_err(fail),
        ["test", path] if !path.starts_with('-') => new_test(Path::new(path), &report).map_err(fail),
        ["-h" | "--help"] => {
            use std::io::Write;
            _ = std::io::stdout().write_all(HELP.as_bytes());
            Ok(())
        }
        _ => Err(fail("kql new takes `rule NAME` or `test RULE`; see kql new --help".to_owned())),
    }
}

fn new_rule(name: &str, report: &Report) -> Result<(), String> {
    let stem = name.strip_suffix(".yaml").or(name.strip_suffix(".yml")).unwrap_or(name);
    let path = PathBuf::from(format!("{stem}.yaml"));
    let title = path.file_stem().map_or_else(|| stem.to_owned(), |it| it.to_string_lossy().replace(['_', '-'], " "));
    write(&path, &test::new_rule(&title, &new_guid()), report)?;
    let file = path.file_name().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
    write(&path.with_extension("test.yaml"), &test::new_rule_test(&file), report)
}

fn new_test(path: &Path, report: &Report) -> Result<(), String> {
    let contents = read(&path.display().to_string(), &Disk.read(path)?);
    let rule = contents.rules.first().ok_or_else(|| format!("{}: there is no rule in it", path.display()))?;
    let name = path.file_name().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
    let text = test::new_test(rule, &name, &Engine::with_builtin_schemas());
    write(&path.with_extension("test.yaml"), &text, report)
}

/// Writes a file that is not there yet.
fn write(path: &Path, text: &str, report: &Report) -> Result<(), String> {
    if path.exists() {
        return Err(format!("{} is there already", path.display()));
    }
    Disk.write(path, text.as_bytes())?;
    report.note(&format!("wrote {}", path.display()));
    Ok(())
}

/// A guid that nobody has: the engine's own, seeded by the clock.
fn new_guid() -> String {
    let mut engine = Engine::new();
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    engine.set_seed(u64::try_from(since.as_nanos()).unwrap_or(0) ^ u64::from(std::process::id()).rotate_left(40));
    let rows = engine.query("print new_guid()").map(|it| it.rows()).unwrap_or_default();
    rows.first().and_then(|it| it.first()).map_or_else(String::new, kql::Value::text)
}
