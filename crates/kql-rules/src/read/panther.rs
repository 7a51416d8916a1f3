//! Detections of Panther: what they are called, and their tests. Their logic is Python, which nothing here runs.

use super::fields::Fields;
use crate::{At, Note, Place, document::Node};

/// A detection of Panther.
#[derive(Clone, Debug)]
pub struct Detection {
    /// `RuleID`
    pub id: Option<At<String>>,
    /// `DisplayName`, or nothing.
    pub name: Option<At<String>>,
    /// `rule`, `correlation_rule`, `scheduled_rule`, `policy`
    pub analysis_type: Option<At<String>>,
    /// `Severity`
    pub severity: Option<At<String>>,
    /// `LogTypes`
    pub log_types: Vec<At<String>>,
    /// `Threshold`: matches within the period that make an alert.
    pub threshold: Option<At<i64>>,
    /// `DedupPeriodMinutes`
    pub dedup_minutes: Option<At<i64>>,
    /// `Detection` of a correlation rule.
    pub detection: Option<Node>,
    /// Its tests.
    pub tests: Vec<Test>,
    /// The whole.
    pub place: Place,
}

/// A test of a detection.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name.
    pub name: At<String>,
    /// Whether the detection fires.
    pub expected: bool,
    /// The event, for a rule.
    pub log: Option<Node>,
    /// The mapping, for what else it has: `Mocks`, `RuleOutputs`.
    pub node: Node,
}

/// Whether a node is one.
pub(super) fn is_detection(node: &Node) -> bool {
    let has = |key: &str| node.get(key).is_some();
    has("AnalysisType") || has("RuleID") && (has("Tests") || has("LogTypes"))
}

/// Reads one detection. Keys that say nothing about tests are left alone.
pub(super) fn read(node: &Node, notes: &mut Vec<Note>) -> Detection {
    let fields = Fields::new(node);
    let mut tests = Vec::new();
    for node in fields.items(&["Tests"]) {
        let it = Fields::new(node);
        match (it.text(&["Name"]), it.boolean(&["ExpectedResult"])) {
            (Some(name), Some(expected)) => {
                let log = it.node(&["Log", "Resource"]).cloned();
                tests.push(Test { name, expected: expected.value, log, node: node.clone() });
            }
            _ => notes.push(Note::warning("READ006", node.place, "a test has a `Name` and an `ExpectedResult`")),
        }
    }
    let out = Detection {
        id: fields.text(&["RuleID", "PolicyID"]),
        name: fields.text(&["DisplayName"]),
        analysis_type: fields.text(&["AnalysisType"]),
        severity: fields.text(&["Severity"]),
        log_types: fields.texts(&["LogTypes", "ResourceTypes"]),
        threshold: fields.integer(&["Threshold"]),
        dedup_minutes: fields.integer(&["DedupPeriodMinutes"]),
        detection: fields.node(&["Detection"]).cloned(),
        tests,
        place: node.place,
    };
    notes.extend(fields.notes.into_inner());
    out
}
