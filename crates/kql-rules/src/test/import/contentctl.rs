//! Test files out of detections of Splunk's contentctl: its `tests` name attack data by URL. Nothing is fetched: the file of
//! that name is looked for beside the detection, and at the URL's path in the directories above.

use super::{Imported, case, events, find, sigma_regression::row, yaml};
use crate::{Files, Note, Source, document::Node};
use serde_json::Value as Json;
use std::path::Path;

/// The test file of a detection. `rule` is the path of the ported rule as the test file shall name it, `table` the table that
/// it reads. A test of contentctl passes when its detection finds something, and so does the port's.
pub fn contentctl(files: &dyn Files, path: &Path, rule: &str, table: &str) -> Result<Imported, Note> {
    let whole = |why: String| Note::error("TEST004", Default::default(), why);
    let bytes = files.read(path).map_err(whole)?;
    let (source, _) = Source::of_bytes(path.display().to_string(), &bytes);
    let (nodes, _) = crate::document::parse(&source)?;
    let detection = nodes.first();
    let tests = detection.and_then(|it| it.get("tests")).and_then(Node::list);
    let tests = tests.filter(|it| it.iter().any(|it| it.get("attack_data").is_some()));
    let tests = tests.ok_or_else(|| whole("there is no list `tests` with `attack_data`".to_owned()))?;
    let name = detection.and_then(|it| it.get("name")).and_then(Node::text).unwrap_or("a detection");
    let mut text = format!("# Made of the tests of contentctl's {}.\n", name.replace(['\n', '\r'], " "));
    text.push_str(&format!("rule: {}\ntests:\n", yaml::flow(&rule.into())));
    let (mut notes, mut n_tests) = (Vec::new(), 0);
    for test in tests {
        match rows(files, path, test) {
            Ok(rows) => {
                n_tests += 1;
                let name = test.get("name").and_then(Node::text).unwrap_or("test");
                text.push_str(&case(name, table, &rows, "must fire"));
            }
            Err(note) => notes.push(note),
        }
    }
    match notes.first() {
        Some(note) if n_tests == 0 => Err(note.clone()),
        _ => {
            let stem = path.file_stem().and_then(|it| it.to_str()).unwrap_or("contentctl");
            Ok(Imported { path: path.with_file_name(format!("{stem}.test.yaml")), text, notes })
        }
    }
}

/// The events of all attack data of a test.
fn rows(files: &dyn Files, detection: &Path, test: &Node) -> Result<Vec<Json>, Note> {
    let mut out = Vec::new();
    let data = test.get("attack_data").and_then(Node::list).unwrap_or_default();
    for item in data {
        let fault = |why: String| Note::warning("TEST004", item.place, why);
        let url =
            item.get("data").and_then(Node::text).ok_or_else(|| fault("the attack data has no `data`".to_owned()))?;
        // The path of a URL; what stands in front of it is a host.
        let written = url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |it| it.1));
        let parts: Vec<&str> = written.split('/').collect();
        // Repositories are downloaded without what the host puts in front of their paths.
        let within = |n: usize| parts.get(n..).map(|it| it.join("/")).unwrap_or_default();
        let found = (0..parts.len()).find_map(|n| find(files, detection, Path::new(&within(n))));
        let file = found.ok_or_else(|| fault(format!("`{url}` is not fetched; put the file beside the detection")))?;
        let found = events(files, &file);
        out.extend(found.map_err(|why| fault(format!("only events in JSON are read: {why}")))?.into_iter().map(row));
    }
    match out.is_empty() {
        true => Err(Note::warning("TEST004", test.place, "the test has no events")),
        false => Ok(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    const DETECTION: &str = "name: Console login\nid: a\nsearch: '`cloudtrail` eventName=ConsoleLogin'\ntests:\n- name: True Positive Test\n  attack_data:\n  - data: https://media.example.com/media/x/master/datasets/T1078/login/aws.json\n    sourcetype: aws:cloudtrail\n    source: aws_cloudtrail\n";

    #[test]
    fn attack_data_become_rows() {
        let event =
            "{\"eventName\": \"ConsoleLogin\", \"TimeGenerated\": \"2026-01-01T10:00:00Z\"}\n{\"eventName\": \"x\"}\n";
        for place in ["d/aws.json", "datasets/T1078/login/aws.json"] {
            let files = Memory::new([("d/login.yml", DETECTION), (place, event)]);
            let it = contentctl(&files, Path::new("d/login.yml"), "login.kql", "AWSCloudTrail").unwrap();
            assert_eq!(it.path, Path::new("d/login.test.yaml"));
            assert!(
                it.text.contains("      AWSCloudTrail:\n        - ") && it.text.contains("eventName: \"ConsoleLogin\"")
            );
            let source = std::sync::Arc::new(crate::Source::new("login.test.yaml", it.text));
            assert_eq!(crate::test::read(Path::new("login.test.yaml"), source).unwrap().cases.len(), 1);
        }
        let told = |files: Memory| contentctl(&files, Path::new("d/login.yml"), "r.kql", "T").unwrap_err().message;
        assert!(told(Memory::new([("d/login.yml", DETECTION)])).contains("is not fetched"));
        assert!(
            told(Memory::new([("d/login.yml", DETECTION), ("d/aws.json", "<Event/>")])).contains("only events in JSON")
        );
        assert!(told(Memory::new([("d/login.yml", "name: x\ntests: []\n")])).contains("no list `tests`"));
    }
}
