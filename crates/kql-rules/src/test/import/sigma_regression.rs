//! Test files out of SigmaHQ's regression data: an `info.yml` with `regression_tests_info`, and beside each binary log the
//! same events as JSON. Windows events become rows as Sentinel's `WindowsEvent` has them: header fields as columns, the data
//! of the event in `EventData`.

use super::{Imported, case, events, find, yaml};
use crate::{Files, Note, document::Node};
use serde_json::{Map, Value as Json};
use std::path::Path;

/// The test file of an `info.yml`. `rule` is the path of the ported rule as the test file shall name it, `table` the table
/// that it reads; the paths of the tests are searched for from the directories above the file.
pub fn sigma_regression(files: &dyn Files, path: &Path, rule: &str, table: &str) -> Result<Imported, Note> {
    let whole = |why: String| Note::error("TEST004", Default::default(), why);
    let bytes = files.read(path).map_err(whole)?;
    let (source, _) = crate::Source::of_bytes(path.display().to_string(), &bytes);
    let (nodes, _) = crate::document::parse(&source)?;
    let tests = nodes.first().and_then(|it| it.get("regression_tests_info")).and_then(Node::list);
    let tests = tests.ok_or_else(|| whole("there is no list `regression_tests_info`".to_owned()))?;
    let titles = nodes.first().and_then(|it| it.get("rule_metadata")).and_then(Node::list).unwrap_or_default();
    let title = titles.first().and_then(|it| it.get("title")).and_then(Node::text).unwrap_or("a rule");
    let mut notes = Vec::new();
    let mut text = format!("# Made of SigmaHQ's regression test of: {}\n", title.replace(['\n', '\r'], " "));
    text.push_str(&format!("rule: {}\ntests:\n", yaml::flow(&rule.into())));
    let mut n_tests = 0;
    for test in tests {
        match rows(files, path, test) {
            Ok(rows) => {
                let name = test.get("name").and_then(Node::text).unwrap_or("regression test");
                let name = if n_tests == 0 { name.to_owned() } else { format!("{name} {}", n_tests + 1) };
                n_tests += 1;
                let expect = match test.get("match_count").and_then(Node::integer) {
                    Some(count) => format!("{{row_count: {count}}}"),
                    None => "must fire".to_owned(),
                };
                text.push_str(&case(&name, table, &rows, &expect));
            }
            Err(note) => notes.push(note),
        }
    }
    match notes.first() {
        Some(note) if n_tests == 0 => Err(note.clone()),
        _ => Ok(Imported { path: path.with_file_name("sigma.test.yaml"), text, notes }),
    }
}

/// The events of a test as rows.
fn rows(files: &dyn Files, info: &Path, test: &Node) -> Result<Vec<Json>, Note> {
    let fault = |why: String| Note::warning("TEST004", test.place, why);
    let written = test.get("path").and_then(Node::text).ok_or_else(|| fault("the test has no `path`".to_owned()))?;
    let json = Path::new(written).with_extension("json");
    let file = find(files, info, &json).ok_or_else(|| {
        fault(format!("{} is not there; binary logs are not read, only the JSON beside them", json.display()))
    })?;
    Ok(events(files, &file).map_err(fault)?.into_iter().map(row).collect())
}

/// A Windows event as a row of `WindowsEvent`; anything else as it is.
pub(super) fn row(event: Json) -> Json {
    let Some(system) = event.pointer("/Event/System").and_then(Json::as_object) else { return event };
    let attribute = |key: &str, name: &str| system.get(key)?.pointer(&format!("/#attributes/{name}")).cloned();
    let plain = |key: &str| match system.get(key)? {
        Json::Object(it) => it.get("#text").cloned(),
        other => Some(other.clone()),
    };
    let columns = [
        ("TimeGenerated", attribute("TimeCreated", "SystemTime")),
        ("Provider", attribute("Provider", "Name")),
        ("Channel", plain("Channel")),
        ("Computer", plain("Computer")),
        ("EventID", plain("EventID")),
        ("EventLevel", plain("Level")),
        ("Task", plain("Task")),
        (
            "EventRecordId",
            plain("EventRecordID").map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned).into()),
        ),
        ("EventData", event.pointer("/Event/EventData").or(event.pointer("/Event/UserData")).cloned()),
    ];
    let columns = columns.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Json::Object(columns.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    const INFO: &str = "id: a\nrule_metadata:\n  - id: b\n    title: Odd name\nregression_tests_info:\n  - name: Positive\n    type: evtx\n    match_count: 1\n    path: regression_data/x/b.evtx\n";
    const EVENT: &str = r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"P"}},"EventID":1,"TimeCreated":{"#attributes":{"SystemTime":"2026-01-01T10:00:00.5Z"}},"Channel":"C","Computer":"h"},"EventData":{"Image":"a\\b.exe"}}}"##;

    #[test]
    fn events_become_rows() {
        let files = Memory::new([("s/regression_data/x/info.yml", INFO), ("s/regression_data/x/b.json", EVENT)]);
        let it = sigma_regression(&files, Path::new("s/regression_data/x/info.yml"), "r.kql", "WindowsEvent").unwrap();
        assert!(it.text.contains("TimeGenerated: \"2026-01-01T10:00:00.5Z\""), "{}", it.text);
        assert!(
            it.text.contains(r#"EventData: {Image: "a\\b.exe"}"#) && it.text.contains("row_count: 1"),
            "{}",
            it.text
        );
        let source = std::sync::Arc::new(crate::Source::new("sigma.test.yaml", it.text));
        assert_eq!(crate::test::read(Path::new("sigma.test.yaml"), source).unwrap().cases.len(), 1);
    }

    #[test]
    fn a_log_without_json_is_told() {
        let files = Memory::new([("x/info.yml", INFO)]);
        let why = sigma_regression(&files, Path::new("x/info.yml"), "r.kql", "T").unwrap_err();
        assert!(why.message.contains("b.json is not there"), "{why:?}");
    }
}
