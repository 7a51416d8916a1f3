//! The tests of a Panther detection, run as they are against its port: each event becomes a row, and the port must fire
//! exactly where the test expects a match.
//!
//! Panther's tests ask about one event. A port that counts events is given as many as its threshold wants, with another
//! value each at `unique`; a correlation, whose tests give minutes of matches, is given an event a minute.

use super::{
    expect::Expect,
    format::{Case, Data, Fixture, PantherMapping, REPEAT_MAX},
    keys::{fault, list, mapping},
};
use crate::{
    At, Note, Place, Rule, Source,
    document::Node,
    read::panther::{Detection, Test},
};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;

/// When minute 0 of a correlation's test is: 2024-01-01, in seconds since 1970.
const BEGINNING: i64 = 1_704_067_200;
/// The tables that log types are in.
const TABLES: &[(&str, &str)] = &[("OpenAI.Audit", "OpenAIAuditLogs")];
/// The key of events that holds the time, by log type.
const TIMES: &[(&str, &str)] = &[("OpenAI.Audit", "effective_at")];

/// The tests of a detection as tests of a rule that is its port.
pub fn cases(
    detection: &Detection,
    mapping: &PantherMapping,
    rule: &Rule,
    source: &Arc<Source>,
) -> Result<Vec<Case>, Note> {
    let port = Port { detection, mapping, rule };
    let mut out = Vec::with_capacity(detection.tests.len());
    for test in &detection.tests {
        let (rows, skip) = match test.node.get("Mocks") {
            Some(_) => (Vec::new(), Some("it has `Mocks`, which replace functions of Python".to_owned())),
            None => (port.rows(test)?, None),
        };
        let expect = Expect {
            place: test.name.place,
            fires: Some(At::new(test.expected, test.name.place)),
            ..Expect::default()
        };
        let table = port.table().ok_or_else(|| {
            let place = mapping.table.as_ref().map_or(detection.place, |it| it.place);
            fault(place, "the table of the events is not known").hint("name it under `panther.table`, or with --table")
        })?;
        let fixture = Fixture { name: At::new(table, test.name.place), data: Data::Json(rows) };
        out.push(Case {
            name: test.name.clone(),
            rows: vec![fixture],
            watchlists: Vec::new(),
            now: None,
            backtest: None,
            expect,
            skip,
            origin: Some(source.clone()),
        });
    }
    Ok(out)
}

struct Port<'a> {
    detection: &'a Detection,
    mapping: &'a PantherMapping,
    rule: &'a Rule,
}

impl Port<'_> {
    fn of_log_type<'a>(&self, known: &'a [(&'a str, &'a str)]) -> Option<&'a str> {
        self.detection.log_types.iter().find_map(|it| known.iter().find(|known| known.0 == it.value)).map(|it| it.1)
    }

    fn table(&self) -> Option<String> {
        let given = self.mapping.table.as_ref().map(|it| it.value.clone());
        given.or_else(|| self.of_log_type(TABLES).map(str::to_owned)).or_else(|| {
            let mut types = self.rule.connectors.iter().flat_map(|it| &it.data_types);
            types.next().filter(|_| types.next().is_none()).map(|it| it.value.clone())
        })
    }

    fn time_key(&self) -> Option<&str> {
        self.mapping.time.as_ref().map(|it| it.value.as_str()).or_else(|| self.of_log_type(TIMES))
    }

    fn rows(&self, test: &Test) -> Result<Vec<Json>, Note> {
        match (&test.log, test.node.get("RuleOutputs")) {
            (_, Some(outputs)) => self.correlated(outputs),
            (Some(log), None) => self.repeated(log),
            (None, None) => Err(fault(test.name.place, "the test has neither a `Log` nor `RuleOutputs`")),
        }
    }

    /// The event of a test, as often as the port needs it.
    fn repeated(&self, log: &Node) -> Result<Vec<Json>, Note> {
        let event = self.timed(log.to_json(), log.place)?;
        let threshold = self.detection.threshold.as_ref().map_or(1, |it| it.value);
        let unique = self.mapping.unique.as_ref();
        let times = match (&self.mapping.repeat, unique) {
            (Some(it), _) => it.value,
            (None, Some(_)) => threshold,
            (None, None) => 1,
        };
        let mut out = Vec::new();
        for number in 0..times.clamp(1, REPEAT_MAX) {
            let mut event = event.clone();
            if let Some(value) = unique.and_then(|it| path_mut(&mut event, &it.value)).filter(|_| number > 0) {
                *value = another(value, number);
            }
            out.push(event);
        }
        Ok(out)
    }

    /// An event for each minute at which a rule of the correlation matched.
    fn correlated(&self, outputs: &Node) -> Result<Vec<Json>, Note> {
        let mut out = Vec::new();
        for output in list(outputs, "`RuleOutputs`")? {
            let id = output.get("ID").and_then(Node::text).unwrap_or("");
            let template = self.mapping.events.iter().find(|it| it.0.value == id).ok_or_else(|| {
                fault(output.place, format!("no event stands for the rule `{id}`"))
                    .hint("give one under `panther.events`, with `{{value}}` where the matched value stands")
            })?;
            for field in output.get("Matches").map_or(Ok(&[][..]), |it| mapping(it, "`Matches`"))? {
                for matched in mapping(&field.value, "a match")? {
                    for minute in list(&matched.value, "the minutes of a match")? {
                        let at = minute.integer().ok_or_else(|| fault(minute.place, "a minute is a whole number"))?;
                        let event = filled(template.1.to_json(), &matched.key);
                        out.push(self.at(event, BEGINNING.saturating_add(at.saturating_mul(60)), minute.place)?);
                    }
                }
            }
        }
        Ok(out)
    }

    /// An event at a moment, in seconds since 1970.
    fn at(&self, event: Json, seconds: i64, place: Place) -> Result<Json, Note> {
        let Json::Object(mut event) = event else { return Err(fault(place, "an event is a mapping")) };
        match self.time_key() {
            Some(key) => _ = event.insert(key.to_owned(), seconds.into()),
            None => _ = event.insert("TimeGenerated".to_owned(), moment(seconds)),
        }
        self.timed(Json::Object(event), place)
    }

    /// An event whose time the engine finds: it has `TimeGenerated`, or is one that the loader knows.
    fn timed(&self, event: Json, place: Place) -> Result<Json, Note> {
        let Json::Object(event) = event else { return Err(fault(place, "an event is a mapping")) };
        let is_known = kql::formats::detect(&Json::Object(event.clone()).to_string()) != kql::formats::Shape::Plain;
        if is_known || event.contains_key("TimeGenerated") || event.contains_key("Timestamp") {
            return Ok(Json::Object(event));
        }
        let key = self.time_key().ok_or_else(|| {
            fault(place, "the time of the event is not known").hint("name its key under `panther.time`")
        })?;
        let time = match event.get(key) {
            Some(Json::Number(it)) => {
                it.as_f64().map(|it| if it > 1e11 { it / 1000.0 } else { it }).map(|it| moment(it as i64))
            }
            Some(Json::String(it)) if kql::parser::parse_datetime(it).is_some() => Some(it.as_str().into()),
            _ => None,
        };
        let time = time.ok_or_else(|| fault(place, format!("the event has no time under `{key}`")))?;
        let mut out = Map::new();
        _ = out.insert("TimeGenerated".to_owned(), time);
        out.extend(event);
        Ok(Json::Object(out))
    }
}

fn moment(seconds: i64) -> Json {
    let ticks = kql::time::UNIX_EPOCH.saturating_add(seconds.saturating_mul(10_000_000));
    kql::time::datetime_wire(ticks).into()
}

/// The value at a path of keys with dots between.
fn path_mut<'a>(event: &'a mut Json, path: &str) -> Option<&'a mut Json> {
    path.split('.').try_fold(event, |value, key| value.get_mut(key))
}

/// Another value than that, of the same kind: addresses stay addresses.
fn another(value: &Json, number: i64) -> Json {
    match value {
        Json::String(text) if text.parse::<std::net::Ipv4Addr>().is_ok() => {
            // 198.18.0.0/15 is set aside for measurements, so it is nobody's.
            json!(format!("198.18.{}.{}", number / 256 % 256, number % 256))
        }
        Json::String(text) => json!(format!("{text}-{number}")),
        Json::Number(it) => it.as_i64().map_or_else(|| json!(number), |it| json!(it.saturating_add(number))),
        _ => json!(number),
    }
}

/// The event with a value in place of `{{value}}`.
fn filled(event: Json, value: &str) -> Json {
    match event {
        Json::String(it) => json!(it.replace("{{value}}", value)),
        Json::Array(items) => items.into_iter().map(|it| filled(it, value)).collect(),
        Json::Object(entries) => Json::Object(entries.into_iter().map(|(key, it)| (key, filled(it, value))).collect()),
        other => other,
    }
}
