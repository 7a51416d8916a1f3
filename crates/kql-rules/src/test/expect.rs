//! What must come out of a run, and whether it did.

use super::{
    diff::{self, Rows, Wanted},
    format::verdict,
    keys::{boolean, entries, fault, list, mapping, text},
    matcher::Matcher,
};
use crate::{At, Note, Place, document::Node};

/// What a test expects.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// Where it is written.
    pub place: Place,
    /// Whether there is an alert.
    pub fires: Option<At<bool>>,
    /// How many alerts.
    pub alerts: Option<At<Matcher>>,
    /// How many incidents.
    pub incidents: Option<At<Matcher>>,
    /// How many rows.
    pub row_count: Option<At<Matcher>>,
    /// Rows that are there, each once, whatever else is.
    pub rows: Vec<At<Wanted>>,
    /// Rows that are not there.
    pub not_rows: Vec<At<Wanted>>,
    /// Entities of the alerts.
    pub entities: Vec<At<WantedEntity>>,
    /// Entities that no alert has.
    pub not_entities: Vec<At<WantedEntity>>,
    /// The severity of every alert.
    pub severity: Option<At<Matcher>>,
    /// The name of every alert; a list has one for each alert in any order.
    pub title: Vec<At<Matcher>>,
    /// The description of every alert.
    pub description: Option<At<Matcher>>,
    /// Tactics that every alert has.
    pub tactics: Vec<At<String>>,
    /// Techniques that every alert has.
    pub techniques: Vec<At<String>>,
    /// Custom details: of some alert, one of the values.
    pub custom_details: Vec<(At<String>, Matcher)>,
    /// The file that holds the whole answer.
    pub snapshot: Option<At<String>>,
}

/// An entity that alerts have: its type, and identifiers of it.
#[derive(Clone, Debug)]
pub struct WantedEntity {
    /// `Account`, `IP`, …
    pub entity_type: String,
    /// Identifiers by name; without a name, any of them.
    pub identifiers: Vec<(Option<String>, Matcher)>,
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The rows of the run, or of all runs of a backtest.
    pub rows: Rows,
    /// Whether the query sorts them.
    pub is_sorted: bool,
    /// The alerts.
    pub alerts: Vec<ObservedAlert>,
    /// How many incidents, where that is known.
    pub incidents: Option<usize>,
}

/// An alert as tests see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservedAlert {
    /// Its name.
    pub title: String,
    /// Its description.
    pub description: String,
    /// `High`, …
    pub severity: String,
    /// Its tactics.
    pub tactics: Vec<String>,
    /// Its techniques.
    pub techniques: Vec<String>,
    /// Its entities: type, and identifiers with their values.
    pub entities: Vec<(String, Vec<(String, String)>)>,
    /// Its custom details with their values.
    pub custom_details: Vec<(String, Vec<String>)>,
}

/// An expectation that did not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Which: `alerts`, `rows`, …
    pub expectation: &'static str,
    /// Where it is written in the test file.
    pub place: Place,
    /// What is wrong, in one line.
    pub message: String,
    /// More lines: the difference.
    pub detail: Vec<String>,
}

const KEYS: &[&str] = &[
    "alerts",
    "fires",
    "must_not_fire",
    "incidents",
    "row_count",
    "rows",
    "not_rows",
    "entities",
    "not_entities",
    "severity",
    "title",
    "description",
    "tactics",
    "techniques",
    "custom_details",
    "snapshot",
];

impl Expect {
    /// What a node of a test file expects.
    pub fn read(node: &Node) -> Result<Expect, Note> {
        let mut out = Expect { place: node.place, ..Expect::default() };
        if let Some(word) = verdict(node) {
            out.fires = Some(word?);
            return Ok(out);
        }
        let entries = entries(node, "an expectation", KEYS)?;
        if entries.is_empty() {
            return Err(fault(node.place, "the expectation is empty: the test could not fail"));
        }
        for entry in entries {
            out.read_key(&entry.key, entry.key_place, &entry.value)?;
        }
        Ok(out)
    }

    fn read_key(&mut self, key: &str, key_place: Place, node: &Node) -> Result<(), Note> {
        let matcher = || Matcher::read(node).map(|it| At::new(it, key_place));
        let texts = |what: &str| match node.list() {
            Some(items) => items.iter().map(|it| text(it, what)).collect::<Result<Vec<_>, _>>(),
            None => text(node, what).map(|it| vec![it]),
        };
        match key {
            "alerts" => self.alerts = Some(matcher()?),
            "fires" => self.fires = Some(boolean(node, "`fires`")?),
            "must_not_fire" => {
                let it = boolean(node, "`must_not_fire`")?;
                self.fires = Some(At::new(!it.value, it.place));
            }
            "incidents" => self.incidents = Some(matcher()?),
            "row_count" => self.row_count = Some(matcher()?),
            "rows" => self.rows = rows(node)?,
            "not_rows" => self.not_rows = rows(node)?,
            "entities" => self.entities = wanted_entities(node)?,
            "not_entities" => self.not_entities = wanted_entities(node)?,
            "severity" => self.severity = Some(matcher()?),
            "title" => {
                let one = |it: &Node| Matcher::read(it).map(|matcher| At::new(matcher, it.place));
                self.title = match node.list() {
                    Some(items) => items.iter().map(one).collect::<Result<_, _>>()?,
                    None => vec![matcher()?],
                };
            }
            "description" => self.description = Some(matcher()?),
            "tactics" => self.tactics = texts("a tactic")?,
            "techniques" => self.techniques = texts("a technique")?,
            "custom_details" => {
                for entry in mapping(node, "`custom_details`")? {
                    let key = At::new(entry.key.clone(), entry.key_place);
                    self.custom_details.push((key, Matcher::read(&entry.value)?));
                }
            }
            _ => self.snapshot = Some(text(node, "`snapshot`")?),
        }
        Ok(())
    }

    /// What of it did not hold. Snapshots are the runner's matter.
    pub fn check(&self, observed: &Observed) -> Vec<Failure> {
        let mut out = Vec::new();
        self.check_counts(observed, &mut out);
        self.check_rows(observed, &mut out);
        self.check_entities(observed, &mut out);
        self.check_alerts(observed, &mut out);
        out
    }

    fn check_counts(&self, observed: &Observed, out: &mut Vec<Failure>) {
        let n_alerts = observed.alerts.len();
        let titles = || observed.alerts.iter().take(10).map(|it| format!("{}: {}", it.severity, it.title)).collect();
        if let Some(fires) = self.fires.as_ref().filter(|it| it.value != (n_alerts > 0)) {
            let message = match fires.value {
                true => format!("expected an alert; the run made none of {}", count(observed.rows.rows.len(), "row")),
                false => format!("must not fire, but made {}", count(n_alerts, "alert")),
            };
            let detail = if fires.value { observed.rows.table() } else { titles() };
            out.push(Failure { expectation: "fires", place: fires.place, message, detail });
        }
        let mut check = |expectation, wanted: &Option<At<Matcher>>, actual: usize, detail: Vec<String>| {
            if let Some(wanted) = wanted.as_ref().filter(|it| !it.value.matches_count(actual)) {
                let message = format!("expected {} {expectation}, found {actual}", wanted.value.text());
                out.push(Failure { expectation, place: wanted.place, message, detail });
            }
        };
        let rows = observed.rows.table();
        check("alerts", &self.alerts, n_alerts, if n_alerts > 0 { titles() } else { rows.clone() });
        check("rows", &self.row_count, observed.rows.rows.len(), rows);
        match (&self.incidents, observed.incidents) {
            (wanted, Some(actual)) => check("incidents", wanted, actual, Vec::new()),
            (Some(wanted), None) => {
                let message = "a query without a rule around it makes no incidents".to_owned();
                out.push(Failure { expectation: "incidents", place: wanted.place, message, detail: Vec::new() });
            }
            _ => {}
        }
    }

    fn check_rows(&self, observed: &Observed, out: &mut Vec<Failure>) {
        let rows = &observed.rows;
        for wanted in self.rows.iter().chain(&self.not_rows) {
            for (column, _) in &wanted.value {
                if rows.column(column).is_none() {
                    out.push(self.no_column(column, wanted.place, rows));
                    return;
                }
            }
        }
        let wanted: Vec<&Wanted> = self.rows.iter().map(|it| &it.value).collect();
        let found = rows.assign(&wanted);
        for (number, (wanted, _)) in self.rows.iter().zip(&found).enumerate().filter(|it| it.1.1.is_none()) {
            let message = format!("expected row {} is not among {}", number + 1, count(rows.rows.len(), "row"));
            let detail = rows.explain(&wanted.value, &found);
            out.push(Failure { expectation: "rows", place: wanted.place, message, detail });
        }
        for wanted in &self.not_rows {
            if let Some(row) = rows.find(&wanted.value) {
                let message = format!("row {} must not be there", row + 1);
                let cells = rows.rows.get(row).into_iter().flatten().zip(&rows.columns);
                let detail = cells.map(|(value, column)| format!("  {}: {}", column.0, diff::shown(value))).collect();
                out.push(Failure { expectation: "not_rows", place: wanted.place, message, detail });
            }
        }
    }

    fn no_column(&self, column: &str, place: Place, rows: &Rows) -> Failure {
        let names = rows.columns.iter().map(|it| it.0.as_str());
        let near = kql::parser::diagnostic::closest(column, names.clone());
        let hint = near.map_or(String::new(), |it| format!("; did you mean `{it}`?"));
        let message = format!("the query gives no column `{column}`{hint}");
        let detail = vec![format!("columns: {}", names.collect::<Vec<_>>().join(", "))];
        Failure { expectation: "rows", place, message, detail }
    }

    fn check_entities(&self, observed: &Observed, out: &mut Vec<Failure>) {
        let all: Vec<_> = observed.alerts.iter().flat_map(|it| &it.entities).collect();
        let shown = |it: &(String, Vec<(String, String)>)| {
            let identifiers = it.1.iter().map(|it| format!("{}: {}", it.0, it.1)).collect::<Vec<_>>();
            format!("  {} {{{}}}", it.0, identifiers.join(", "))
        };
        for wanted in self.entities.iter().filter(|it| !all.iter().any(|entity| it.value.matches(entity))) {
            let message = format!("no alert has the entity {}", wanted.value.text());
            let mut detail =
                vec![format!("{} in {}:", count(all.len(), "entity"), count(observed.alerts.len(), "alert"))];
            detail.extend(all.iter().take(20).map(|it| shown(it)));
            out.push(Failure { expectation: "entities", place: wanted.place, message, detail });
        }
        for wanted in &self.not_entities {
            if let Some(entity) = all.iter().find(|it| wanted.value.matches(it)) {
                let message = format!("no alert may have the entity {}", wanted.value.text());
                out.push(Failure {
                    expectation: "not_entities",
                    place: wanted.place,
                    message,
                    detail: vec![shown(entity)],
                });
            }
        }
    }

    fn check_alerts(&self, observed: &Observed, out: &mut Vec<Failure>) {
        let alerts = &observed.alerts;
        let mut fail = |expectation, place, message: String| {
            out.push(Failure { expectation, place, message, detail: Vec::new() });
        };
        let needs = [
            self.severity.as_ref().map(|it| ("severity", it.place)),
            self.description.as_ref().map(|it| ("description", it.place)),
            self.title.first().map(|it| ("title", it.place)),
            self.tactics.first().map(|it| ("tactics", it.place)),
            self.techniques.first().map(|it| ("techniques", it.place)),
            self.custom_details.first().map(|it| ("custom_details", it.0.place)),
        ];
        if let (true, Some((expectation, place))) = (alerts.is_empty(), needs.into_iter().flatten().next()) {
            return fail(expectation, place, format!("there is no alert that could have this {expectation}"));
        }
        for alert in alerts {
            if let Some(it) = self.severity.as_ref().filter(|it| !it.value.matches_text(&alert.severity)) {
                fail("severity", it.place, format!("expected severity {}, found {}", it.value.text(), alert.severity));
            }
            if let Some(it) = self.description.as_ref().filter(|it| !it.value.matches_text(&alert.description)) {
                fail(
                    "description",
                    it.place,
                    format!("the description is not {}: {}", it.value.text(), alert.description),
                );
            }
            for (expectation, wanted, actual) in
                [("tactics", &self.tactics, &alert.tactics), ("techniques", &self.techniques, &alert.techniques)]
            {
                for it in wanted.iter().filter(|it| !actual.contains(&it.value)) {
                    fail(expectation, it.place, format!("no {} among {}", it.value, actual.join(", ")));
                }
            }
        }
        for (place, message) in self.titles(alerts) {
            fail("title", place, message);
        }
        for (key, wanted) in &self.custom_details {
            let of = |it: &ObservedAlert| it.custom_details.iter().find(|it| it.0 == key.value).map(|it| it.1.clone());
            let values: Vec<String> = alerts.iter().filter_map(of).flatten().collect();
            if !values.iter().any(|it| matches_any(wanted, it)) {
                let message = format!("custom detail {} is not {}: {}", key.value, wanted.text(), values.join(", "));
                fail("custom_details", key.place, message);
            }
        }
    }

    /// Names that no alert has. One name is for every alert; of several each alert has one of its own.
    fn titles(&self, alerts: &[ObservedAlert]) -> Vec<(Place, String)> {
        if let [wanted] = self.title.as_slice() {
            let other = alerts.iter().filter(|it| !wanted.value.matches_text(&it.title));
            return other
                .map(|it| (wanted.place, format!("expected the title {}, found {}", wanted.value.text(), it.title)))
                .collect();
        }
        let columns = vec![("title".to_owned(), kql::Type::String)];
        let rows = alerts.iter().map(|it| vec![kql::Value::String(it.title.as_str().into())]).collect();
        let rows = Rows { columns, rows };
        let wanted: Vec<Wanted> = self.title.iter().map(|it| vec![("title".to_owned(), it.value.clone())]).collect();
        let found = rows.assign(&wanted.iter().collect::<Vec<_>>());
        let missing = self.title.iter().zip(found).filter(|it| it.1.is_none());
        let actual = || alerts.iter().map(|it| it.title.as_str()).collect::<Vec<_>>().join("; ");
        missing
            .map(|it| (it.0.place, format!("no alert is called {}; there are {}", it.0.value.text(), actual())))
            .collect()
    }
}

/// Whether a text is what it must be, a number in it as well.
fn matches_any(wanted: &Matcher, text: &str) -> bool {
    let number = text.parse::<i64>().ok().map(kql::Value::Long);
    wanted.matches_text(text) || number.is_some_and(|it| wanted.matches(&it))
}

fn rows(node: &Node) -> Result<Vec<At<Wanted>>, Note> {
    let row = |node: &Node| {
        let cell = |it: &crate::document::Entry| Ok((it.key.clone(), Matcher::read(&it.value)?));
        let cells = mapping(node, "an expected row")?.iter().map(cell).collect::<Result<Wanted, Note>>()?;
        Ok(At::new(cells, node.place))
    };
    list(node, "`rows`")?.iter().map(row).collect()
}

fn wanted_entities(node: &Node) -> Result<Vec<At<WantedEntity>>, Note> {
    let mut out = Vec::new();
    for item in list(node, "`entities`")? {
        for entry in mapping(item, "an entity")? {
            let identifiers = match entry.value.map() {
                Some(fields) if !fields.is_empty() && !super::matcher::is_matcher(&entry.value) => {
                    let one = |it: &crate::document::Entry| Ok((Some(it.key.clone()), Matcher::read(&it.value)?));
                    fields.iter().map(one).collect::<Result<_, Note>>()?
                }
                _ => vec![(None, Matcher::read(&entry.value)?)],
            };
            out.push(At::new(WantedEntity { entity_type: entry.key.clone(), identifiers }, entry.key_place));
        }
    }
    Ok(out)
}

impl WantedEntity {
    fn matches(&self, entity: &(String, Vec<(String, String)>)) -> bool {
        self.entity_type.eq_ignore_ascii_case(&entity.0)
            && self.identifiers.iter().all(|it| matches_entity(it, &entity.1))
    }

    fn text(&self) -> String {
        let one = |it: &(Option<String>, Matcher)| match &it.0 {
            Some(name) => format!("{name}: {}", it.1.text()),
            None => it.1.text(),
        };
        format!("{} {{{}}}", self.entity_type, self.identifiers.iter().map(one).collect::<Vec<_>>().join(", "))
    }
}

fn matches_entity(wanted: &(Option<String>, Matcher), identifiers: &[(String, String)]) -> bool {
    let of = |name: &str| identifiers.iter().find(|it| it.0.eq_ignore_ascii_case(name)).map(|it| it.1.as_str());
    match &wanted.0 {
        Some(name) => of(name).is_some_and(|it| wanted.1.matches_text(it)),
        None => {
            // Accounts may be cut at the `@` or the `\`.
            let whole = [("UPNSuffix", '@'), ("DnsDomain", '.')].map(|(suffix, joint)| {
                of("Name").or(of("HostName")).zip(of(suffix)).map(|(name, suffix)| format!("{name}{joint}{suffix}"))
            });
            let domain = of("NTDomain").zip(of("Name")).map(|(domain, name)| format!("{domain}\\{name}"));
            let joined = whole.into_iter().flatten().chain(domain);
            identifiers.iter().any(|it| wanted.1.matches_text(&it.1))
                || joined.into_iter().any(|it| wanted.1.matches_text(&it))
        }
    }
}

/// A number of things.
pub(super) fn count(n: usize, what: &str) -> String {
    match (n, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{n} {stem}ies"),
        _ => format!("{n} {what}s"),
    }
}
