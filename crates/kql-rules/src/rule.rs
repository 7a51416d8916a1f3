//! What a rule is, whatever file it came from.

use crate::{At, Note, Place, Source, TextMap, document::Node};
use kql::StoredFunction;
use std::{fmt, ops::Range, sync::Arc};

/// What runs a rule, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An analytics rule on a schedule.
    Scheduled,
    /// A near-real-time analytics rule: every minute, over what arrived in the last one.
    Nrt,
    /// A hunting query: run by a person.
    Hunting,
    /// A custom detection of Defender XDR.
    CustomDetection,
    /// A function or parser that rules call.
    Function,
    /// A query without anything around it.
    Query,
}

impl Kind {
    /// As messages call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Scheduled => "scheduled rule",
            Kind::Nrt => "NRT rule",
            Kind::Hunting => "hunting query",
            Kind::CustomDetection => "custom detection",
            Kind::Function => "function",
            Kind::Query => "query",
        }
    }

    /// Whether its runs make alerts.
    pub fn alerts(self) -> bool {
        matches!(self, Kind::Scheduled | Kind::Nrt | Kind::CustomDetection)
    }
}

/// How bad an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nobody needs to act.
    Informational,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
}

impl Severity {
    /// Every severity, the lowest first.
    pub const ALL: [Severity; 4] = [Severity::Informational, Severity::Low, Severity::Medium, Severity::High];

    /// As alerts write it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Informational => "Informational",
            Severity::Low => "Low",
            Severity::Medium => "Medium",
            Severity::High => "High",
        }
    }

    /// The severity of that name, in any case.
    pub fn from_name(text: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(text.trim()))
    }
}

/// How the number of rows is compared with the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// More rows.
    GreaterThan,
    /// Fewer rows.
    LessThan,
    /// As many rows.
    Equal,
    /// Another number of rows.
    NotEqual,
}

impl Comparison {
    /// The comparison of that name, `gt` or `GreaterThan`, in any case.
    pub fn from_name(text: &str) -> Option<Comparison> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "gt" | "greaterthan" => Comparison::GreaterThan,
            "lt" | "lessthan" => Comparison::LessThan,
            "eq" | "equal" => Comparison::Equal,
            "ne" | "notequal" => Comparison::NotEqual,
            _ => return None,
        })
    }

    /// As alerts write it.
    pub fn name(self) -> &'static str {
        match self {
            Comparison::GreaterThan => "GreaterThan",
            Comparison::LessThan => "LessThan",
            Comparison::Equal => "Equal",
            Comparison::NotEqual => "NotEqual",
        }
    }

    /// Whether a number of rows fires.
    pub fn holds(self, n_rows: usize, threshold: i64) -> bool {
        let n_rows = i64::try_from(n_rows).unwrap_or(i64::MAX);
        match self {
            Comparison::GreaterThan => n_rows > threshold,
            Comparison::LessThan => n_rows < threshold,
            Comparison::Equal => n_rows == threshold,
            Comparison::NotEqual => n_rows != threshold,
        }
    }
}

/// Into how many alerts the rows of a run go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub enum EventGrouping {
    /// One for all.
    #[default]
    SingleAlert,
    /// One for each, up to a bound.
    AlertPerResult,
}

/// When an alert joins an incident that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub enum MatchingMethod {
    /// All entities are the same.
    #[default]
    AllEntities,
    /// Always.
    AnyAlert,
    /// What is listed is the same.
    Selected,
}

/// A detail of alerts that may group them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DetailGrouping {
    /// Their name.
    DisplayName,
    /// Their severity.
    Severity,
}

/// A query of a file.
#[derive(Clone, Debug)]
pub struct QueryText {
    /// The text.
    pub text: String,
    /// The file.
    pub source: Arc<Source>,
    /// Where its bytes stand in the file.
    pub map: TextMap,
}

impl QueryText {
    /// The place in the file of a range of bytes of the query: of a [`kql::Span`], say.
    pub fn place(&self, range: Range<usize>) -> Place {
        self.source.place(self.map.range(range))
    }

    /// The place in the file of what a diagnostic is about.
    pub fn place_of(&self, span: kql::Span) -> Place {
        self.place(span.start as usize..span.end as usize)
    }

    /// The place of the whole query.
    pub fn whole(&self) -> Place {
        self.place(0..self.text.len())
    }

    /// The query with the placeholders of hunting queries, `{{StartTimeISO}}` and `{{EndTimeISO}}`, filled in. Bytes of
    /// the new text are at the places of those that they stand for.
    pub fn with_window(&self, from: i64, to: i64) -> QueryText {
        if !self.text.contains("{{") {
            return self.clone();
        }
        let times =
            [("{{StartTimeISO}}", kql::time::datetime_wire(from)), ("{{EndTimeISO}}", kql::time::datetime_wire(to))];
        let (mut text, mut map, mut at) = (String::new(), TextMap::straight(self.map.byte(0)), 0);
        while let Some(rest) = self.text.get(at..).filter(|it| !it.is_empty()) {
            let next =
                times.iter().filter_map(|(name, value)| Some((rest.find(name)?, *name, value))).min_by_key(|it| it.0);
            let upto = next.as_ref().map_or(rest.len(), |it| it.0);
            map.extend(text.len(), &self.map, at, at + upto);
            text.push_str(rest.get(..upto).unwrap_or(""));
            at += upto;
            let Some((_, name, value)) = next else { break };
            map.push(text.len(), self.map.byte(at));
            text.push_str(value);
            at += name.len();
        }
        QueryText { text, source: self.source.clone(), map }
    }
}

/// A data connector that fills tables which the rule reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    /// Its id.
    pub id: At<String>,
    /// Tables and functions.
    pub data_types: Vec<At<String>>,
}

/// Columns that make an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityMapping {
    /// `Account`, `Host`, `IP`, …
    pub entity_type: At<String>,
    /// Its identifiers.
    pub fields: Vec<FieldMapping>,
    /// The mapping as a whole.
    pub place: Place,
}

/// A column that gives an identifier of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldMapping {
    /// `FullName`, `Address`, …
    pub identifier: At<String>,
    /// The column of the query's result.
    pub column: At<String>,
}

/// What alerts say instead of the rule's own texts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Overrides {
    /// A name with `{{Column}}` in it.
    pub display_name: Option<At<String>>,
    /// A description with `{{Column}}` in it.
    pub description: Option<At<String>>,
    /// The column of the tactics.
    pub tactics_column: Option<At<String>>,
    /// The column of the severity.
    pub severity_column: Option<At<String>>,
    /// Properties of the alert and the column of each.
    pub dynamic: Vec<(At<String>, At<String>)>,
}

/// Whether and how long a rule rests after an alert.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Suppression {
    /// Whether it does.
    pub enabled: Option<At<bool>>,
    /// How long, in ticks.
    pub duration: Option<At<i64>>,
}

/// What becomes of alerts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Incident {
    /// Whether they make incidents; so unless it says no.
    pub create: Option<At<bool>>,
    /// How alerts share one.
    pub grouping: Option<IncidentGrouping>,
}

/// How alerts share incidents.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct IncidentGrouping {
    /// Whether they do.
    pub enabled: Option<At<bool>>,
    /// Whether a closed incident is opened again.
    pub reopen_closed: Option<At<bool>>,
    /// How long after its first alert an incident takes more, in ticks.
    pub lookback: Option<At<i64>>,
    /// What must be the same.
    pub matching: Option<At<MatchingMethod>>,
    /// Types of entities that must be the same.
    pub entities: Vec<At<String>>,
    /// Details that must be the same.
    pub details: Vec<At<DetailGrouping>>,
    /// Custom details that must be the same.
    pub custom_details: Vec<At<String>>,
    /// The grouping as a whole.
    pub place: Place,
}

/// How a function is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, and the other one that it may have.
    pub names: Vec<At<String>>,
    /// `(a:long, b:string = "x")`, or nothing.
    pub parameters: String,
    /// The schema that an ASIM parser gives: `Dns`, `NetworkSession`, …
    pub normalises: Option<At<String>>,
}

/// A rule, with the place of everything it says. Durations are in ticks of 100 ns.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The file.
    pub source: Arc<Source>,
    /// The whole of it in the file.
    pub place: Place,
    /// What runs it.
    pub kind: Kind,
    /// Its id, usually a guid.
    pub id: Option<At<String>>,
    /// Its name.
    pub name: Option<At<String>>,
    /// What it is about.
    pub description: Option<At<String>>,
    /// How bad its alerts are.
    pub severity: Option<At<Severity>>,
    /// Its query.
    pub query: QueryText,
    /// Time between runs.
    pub query_frequency: Option<At<i64>>,
    /// Time that a run sees.
    pub query_period: Option<At<i64>>,
    /// When the first run is, in ticks.
    pub start_time: Option<At<i64>>,
    /// How rows are compared with the threshold.
    pub trigger_operator: Option<At<Comparison>>,
    /// The threshold.
    pub trigger_threshold: Option<At<i64>>,
    /// Tactics of ATT&CK.
    pub tactics: Vec<At<String>>,
    /// Techniques and subtechniques of ATT&CK.
    pub techniques: Vec<At<String>>,
    /// Connectors that it needs.
    pub connectors: Vec<Connector>,
    /// Entities of its alerts.
    pub entity_mappings: Vec<EntityMapping>,
    /// Columns that hold entities of alerts.
    pub sentinel_entities: Vec<At<String>>,
    /// Keys of custom details and the column of each.
    pub custom_details: Vec<(At<String>, At<String>)>,
    /// What alerts say instead of the rule's own texts.
    pub overrides: Overrides,
    /// Into how many alerts rows go.
    pub event_grouping: Option<At<EventGrouping>>,
    /// Rest after an alert.
    pub suppression: Suppression,
    /// What becomes of alerts.
    pub incident: Incident,
    /// `1.0.2`
    pub version: Option<At<String>>,
    /// Tags.
    pub tags: Vec<At<String>>,
    /// Whether it runs in the workspace.
    pub enabled: Option<At<bool>>,
    /// How it is called, if it is a function.
    pub function: Option<Function>,
    /// The mapping that it was read from, for keys that have no field here; `None` for bare queries.
    pub node: Option<Node>,
    /// What is odd about how it is written.
    pub notes: Vec<Note>,
}

impl Rule {
    /// A rule that says nothing but its query.
    pub fn of_query(kind: Kind, query: QueryText, place: Place) -> Rule {
        Rule {
            source: query.source.clone(),
            place,
            kind,
            id: None,
            name: None,
            description: None,
            severity: None,
            query,
            query_frequency: None,
            query_period: None,
            start_time: None,
            trigger_operator: None,
            trigger_threshold: None,
            tactics: Vec::new(),
            techniques: Vec::new(),
            connectors: Vec::new(),
            entity_mappings: Vec::new(),
            sentinel_entities: Vec::new(),
            custom_details: Vec::new(),
            overrides: Overrides::default(),
            event_grouping: None,
            suppression: Suppression::default(),
            incident: Incident::default(),
            version: None,
            tags: Vec::new(),
            enabled: None,
            function: None,
            node: None,
            notes: Vec::new(),
        }
    }

    /// Its name, or its id, or its file.
    pub fn title(&self) -> &str {
        let name = self.name.as_ref().or(self.id.as_ref());
        name.map_or(self.source.name.as_str(), |it| it.value.as_str())
    }

    /// The functions that a rule of kind [`Kind::Function`] gives the workspace, by name.
    pub fn stored_functions(&self) -> Vec<(String, StoredFunction)> {
        let Some(function) = &self.function else { return Vec::new() };
        let stored =
            StoredFunction { parameters: function.parameters.clone(), body: format!("{{\n{}\n}}", self.query.text) };
        function.names.iter().map(|it| (it.value.clone(), stored.clone())).collect()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
