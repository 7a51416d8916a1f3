//! What holds for the text of the project: the rules of `crates/STYLE.md` that neither the compiler nor Clippy knows.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "a test may fail anywhere")]

use kql::{
    codes::CODES,
    parser::{OperatorDeclaration, operators},
};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Lines of a file, and of a function.
const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

/// Crates that open nothing and look at no clock.
const ENGINE: [&str; 5] = ["kql-data", "kql-functions", "kql-parser", "kql-executor", "kql-formats"];

/// File names that say nothing.
const VAGUE: [&str; 7] = ["util", "utils", "helper", "helpers", "misc", "common", "stuff"];

/// Codes that no query text brings about, and what tests them instead.
const CODES_WITHOUT_A_CASE: [(&str, &str); 4] = [
    ("E_QUERY_CANCELLED", "crates/kql/tests/limits.rs"),
    ("KQL0001", "crates/kql/tests/limits.rs"),
    ("KQL9999", "a query that brings it about would be mended"),
    ("SEM0057", "crates/kql/tests/check.rs"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The files below a directory with that ending, by their path from the root.
fn files(directory: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(directory)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{directory}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != "target" {
                found.extend(files(&path, ending));
            }
        } else if path.ends_with(ending) {
            found.push(PathBuf::from(path));
        }
    }
    found.sort();
    found
}

/// Every Rust file with its text.
fn sources() -> Vec<(PathBuf, String)> {
    let all = ["crates", "tests", "benches", "examples"].into_iter().flat_map(|it| files(it, ".rs"));
    all.map(|path| (path.clone(), read(&path))).collect()
}

/// The part of a file in front of its tests.
fn untested(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or_default()
}

fn fail_on(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn files_are_short_and_begin_with_what_they_are() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let place = path.display();
        let n_lines = text.lines().count();
        if !text.starts_with("//! ") {
            faults.push(format!("{place}: the first line is not `//! what it is`"));
        }
        if n_lines > FILE_LINES_MAX {
            faults.push(format!("{place}: {n_lines} lines, more than {FILE_LINES_MAX}"));
        }
        if path.file_stem().is_some_and(|it| VAGUE.iter().any(|vague| it == *vague)) {
            faults.push(format!("{place}: a name that says nothing"));
        }
    }
    fail_on(&faults);
}

/// The name of the function that begins in a line, with the white space before it.
fn function_of(line: &str) -> Option<(&str, &str)> {
    let code = line.trim_start();
    let indentation = &line[..line.len() - code.len()];
    let (before, rest) = code.split_once("fn ")?;
    let is_declaration = before.split_whitespace().all(|it| {
        matches!(it, "pub" | "const" | "async" | "unsafe" | "extern") || it.starts_with("pub(") || it.ends_with(')')
    });
    let name = rest.split(['(', '<']).next().filter(|it| it.len() < rest.len())?;
    (is_declaration && name.chars().all(|it| it.is_alphanumeric() || it == '_')).then_some((indentation, name))
}

/// The functions of a formatted file and their lengths; those that stand on one line are left out.
fn functions(text: &str) -> Vec<(usize, &str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((indentation, name)) = function_of(line) else { continue };
        if line.ends_with(['}', ';']) {
            continue;
        }
        let is_end = |it: &&str| it.strip_prefix(indentation).is_some_and(|it| it == "}" || it.starts_with(") -> "));
        let length = lines[at..].iter().position(|it| is_end(it) && !it.ends_with('{')).map_or(0, |it| it + 1);
        found.push((at + 1, name, length));
    }
    found
}

#[test]
fn functions_are_short() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let long = functions(&text).into_iter().filter(|it| it.2 > FUNCTION_LINES_MAX);
        faults.extend(long.map(|(line, name, length)| {
            format!("{}:{line}: {name} has {length} lines, more than {FUNCTION_LINES_MAX}", path.display())
        }));
    }
    fail_on(&faults);
    let example = "fn a() {\n    b\n}\n\nimpl X {\n    pub(crate) const fn c(\n        x: u8,\n    ) -> u8 {\n        x\n    }\n}\n";
    assert_eq!(functions(example), [(1, "a", 3), (6, "c", 5)]);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X"].concat(), ["todo", "!("].concat()];
    let mut faults = Vec::new();
    for (path, text) in sources() {
        for (at, line) in text.lines().enumerate() {
            let is_mark = |mark: &String| line.split(|it: char| !it.is_alphanumeric()).any(|it| it == mark);
            if marks.iter().any(|it| is_mark(it) || (it.ends_with('(') && line.contains(it.as_str()))) {
                faults.push(format!("{}:{}: {}", path.display(), at + 1, line.trim()));
            }
        }
    }
    fail_on(&faults);
}

#[test]
fn a_crate_depends_only_on_those_above() {
    let order: Vec<String> = read("crates/README.md")
        .lines()
        .filter_map(|it| it.strip_prefix("| `kql").and_then(|it| it.split_once('`')))
        .map(|it| format!("kql{}", it.0))
        .collect();
    assert!(order.len() >= 8, "crates/README.md lists the crates: {order:?}");
    let mut faults = Vec::new();
    for (rank, name) in order.iter().enumerate() {
        let path = if name == "kql-cli" { "Cargo.toml".to_owned() } else { format!("crates/{name}/Cargo.toml") };
        let text = read(&path);
        let own = text.split_once("[dependencies]").map_or("", |it| it.1);
        let own = own.split("\n[").next().unwrap_or_default();
        for line in own.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if order.iter().position(|it| it == dependency).is_some_and(|it| it >= rank) {
                faults.push(format!("{path}: {name} must not depend on {dependency}"));
            }
        }
        if !text.contains("[lints]\nworkspace = true") {
            faults.push(format!("{path}: does not take the lints of the workspace"));
        }
    }
    fail_on(&faults);
}

#[test]
fn engine_crates_touch_nothing_outside() {
    const FORBIDDEN: [&str; 12] = [
        "std::fs",
        "std::env",
        "std::process",
        "std::net::Tcp",
        "std::net::Udp",
        "File::open",
        "TcpStream",
        "UdpSocket",
        "Instant::now",
        "SystemTime",
        "Local::now",
        "Utc::now",
    ];
    let mut faults = Vec::new();
    for path in ENGINE.iter().flat_map(|it| files(&format!("crates/{it}/src"), ".rs")) {
        let text = read(&path);
        let code = untested(&text).lines().filter(|it| !it.trim_start().starts_with("//"));
        for (line, word) in code.flat_map(|line| FORBIDDEN.map(|it| (line, it))) {
            if line.contains(word) {
                faults.push(format!("{}: `{word}` in an engine crate: {}", path.display(), line.trim()));
            }
        }
    }
    fail_on(&faults);
}

/// An operator is one file, called like it.
#[test]
fn an_operator_is_a_file() {
    let file = |it: &&OperatorDeclaration| match it.name() {
        "__partitionby" => "partition_by".to_owned(),
        name => name.replace('-', "_"),
    };
    let declared: BTreeSet<String> = operators().iter().map(|it| file(&it)).collect();
    let directory = "crates/kql-parser/src/parser/operators";
    let written: BTreeSet<String> = files(directory, ".rs")
        .iter()
        .map(|it| it.file_stem().unwrap().to_string_lossy().trim_end_matches('_').to_owned())
        .collect();
    assert_eq!(declared, written, "operators, and files in {directory}");
}

/// A family of functions is one file with one block of declarations.
#[test]
fn a_family_of_functions_is_a_file() {
    let mut faults = Vec::new();
    for path in files("crates/kql-functions/src/scalar", ".rs") {
        let n_blocks = read(&path).matches("\ncrate::functions! {").count();
        if n_blocks > 1 {
            faults.push(format!("{}: {n_blocks} blocks of declarations", path.display()));
        }
    }
    fail_on(&faults);
}

/// The string literals of a text that look like codes.
fn codes_in(text: &str) -> BTreeSet<String> {
    let is_code = |it: &&str| {
        let digits = it.trim_start_matches(|it: char| it.is_ascii_uppercase());
        let letters = &it[..it.len() - digits.len()];
        let has_number = digits.len() == 4 && digits.bytes().all(|it| it.is_ascii_digit());
        (has_number && matches!(letters, "SYN" | "SEM" | "KQL" | "CRT"))
            || it.starts_with("E_QUERY_")
            || *it == "E_RUNAWAY_QUERY"
    };
    text.split('"').filter(is_code).map(str::to_owned).collect()
}

/// Every code is documented, told somewhere, and has a case: reliability without a list of what can go wrong is none.
#[test]
fn every_code_is_documented_and_has_a_case() {
    let documented: BTreeSet<String> = CODES.iter().map(|it| it.code.to_owned()).collect();
    assert!(CODES.is_sorted_by(|a, b| a.code < b.code), "the table of codes is sorted");
    let mut told = BTreeSet::from(["GENERAL".to_owned()]);
    for path in files("crates", ".rs").iter().filter(|it| it.components().any(|it| it.as_os_str() == "src")) {
        if !path.ends_with("codes.rs") {
            told.extend(codes_in(untested(&read(path))));
        }
    }
    assert_eq!(documented, told, "codes in crates/kql/src/codes.rs, and those that the crates tell");
    let suite: String = files("tests/suite", ".test").iter().map(read).collect();
    let without: BTreeSet<&str> = CODES_WITHOUT_A_CASE.iter().map(|it| it.0).collect();
    let mut faults = Vec::new();
    for it in CODES {
        let has_case =
            suite.contains(&format!("\nerror {}", it.code)) || suite.contains(&format!("\nwarning {}", it.code));
        if has_case == without.contains(it.code) {
            faults.push(format!("{}: {}", it.code, if has_case { "has a case" } else { "has no case in tests/suite" }));
        }
    }
    fail_on(&faults);
}

/// The parameters `name=` of an operator's syntax.
fn parameters(syntax: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in syntax.match_indices('=').filter(|it| !syntax[it.0 + 1..].starts_with(['=', '>'])) {
        let before = syntax[..at].trim_end();
        let name = before.rsplit(|it: char| !it.is_alphanumeric() && it != '_' && it != '.').next().unwrap_or_default();
        // `Name = expression` and `Column:type = value` declare columns and are no parameters.
        let is_type = before.trim_end_matches(name).ends_with(':');
        if name.starts_with(|it: char| it.is_lowercase()) && !is_type {
            found.push(name);
        }
    }
    found
}

#[test]
fn every_operator_and_parameter_has_a_case() {
    let suite: Vec<String> = files("tests/suite", ".test").iter().map(read).collect();
    let suite = suite.join("\n\n").replace(" = ", "=");
    let mut faults = Vec::new();
    for it in operators() {
        let queries: Vec<&str> =
            suite.split("\n\n").filter(|case| it.words.iter().any(|word| has_word(case, word))).collect();
        if queries.is_empty() {
            faults.push(format!("{}: no case in tests/suite", it.name()));
        }
        for parameter in parameters(it.syntax) {
            if !queries.iter().any(|case| case.contains(&format!("{parameter}="))) {
                faults.push(format!("{}: no case with `{parameter}=`", it.name()));
            }
        }
    }
    fail_on(&faults);
}

/// Whether a word stands in a query, in front of its answer.
fn has_word(case: &str, word: &str) -> bool {
    let query = case.split("\n---").next().unwrap_or_default();
    query.split(|it: char| !it.is_alphanumeric() && !matches!(it, '_' | '-')).any(|it| it == word)
}

#[test]
fn every_limit_is_tested() {
    let declared = read("crates/kql-data/src/limits.rs");
    let (_, fields) = declared.split_once("pub struct Limits {").unwrap();
    let (fields, _) = fields.split_once("\n}").unwrap();
    let names: Vec<&str> =
        fields.lines().filter_map(|it| it.trim().strip_prefix("pub ")?.split_once(':')).map(|it| it.0).collect();
    assert!(names.len() > 10, "{names:?}");
    let tests: String = files("crates", ".rs")
        .iter()
        .filter(|it| it.components().any(|it| it.as_os_str() == "tests"))
        .map(read)
        .collect();
    let faults: Vec<String> = names
        .into_iter()
        .filter(|it| !tests.contains(&format!("{it}:")))
        .map(|it| format!("Limits::{it}: no test sets it"))
        .collect();
    fail_on(&faults);
}

/// What the pages name is there: links, and paths in backticks.
#[test]
fn pages_name_files_that_exist() {
    let mut faults = Vec::new();
    for page in ["README.md", "crates/README.md", "crates/STYLE.md", "crates/CHANGELOG.md"] {
        let text = read(page);
        let base = root().join(page).parent().unwrap().to_owned();
        let links = text.split("](").skip(1).filter_map(|it| it.split_once(')')).map(|it| it.0);
        for link in links.filter(|it| !it.contains("://") && !it.starts_with('#')) {
            if !base.join(link.split('#').next().unwrap_or_default()).exists() {
                faults.push(format!("{page}: the link to {link} leads nowhere"));
            }
        }
        for path in text.split('`').skip(1).step_by(2).filter(|it| is_path(it)) {
            let bases = [
                base.clone(),
                root().to_owned(),
                root().join("crates/kql-parser/src"),
                root().join("crates/kql-rules"),
            ];
            if !bases.iter().any(|it| it.join(path.trim_end_matches('/')).exists()) {
                faults.push(format!("{page}: there is no {path}"));
            }
        }
    }
    fail_on(&faults);
}

/// Whether a piece of code on a page is a path of this project.
fn is_path(text: &str) -> bool {
    let is_rooted = ["crates/", "tests/", "benches/", "examples/", "queries/", "kql-", ".ci/"].iter();
    is_rooted.clone().any(|it| text.starts_with(it)) && text.contains('/') && !text.contains([' ', '*', '{', '…', '$'])
}
