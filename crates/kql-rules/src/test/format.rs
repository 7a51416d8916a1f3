//! Test files: a rule or query, tables for it, and what must come out.

use super::{
    expect::Expect,
    keys::{boolean, entries, fault, list, mapping, moment, text},
};
use crate::{
    At, Note, Place, QueryText, Source,
    document::{self, Node},
};
use kql::{Schema, Type};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// A test file.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The file.
    pub source: Arc<Source>,
    /// Its path; paths within are relative to its directory.
    pub path: PathBuf,
    /// What is tested.
    pub subject: Subject,
    /// Columns of tables, which win over those that are known.
    pub schemas: Vec<(At<String>, Schema)>,
    /// When the runs are, in ticks, unless a test says otherwise.
    pub now: Option<At<i64>>,
    /// Tables of every test.
    pub fixtures: Vec<Fixture>,
    /// Watchlists of every test.
    pub watchlists: Vec<Fixture>,
    /// A MaxMind DB for `geo_info_from_ip_address`.
    pub geoip: Option<At<String>>,
    /// A Panther detection whose tests are run as well.
    pub panther: Option<PantherLink>,
    /// Mutants that may survive.
    pub survivors: Vec<Survivor>,
    /// The tests.
    pub cases: Vec<Case>,
}

/// What a test file tests.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A rule file, and which rule of it: by name or id.
    Rule {
        /// Its path, as written.
        path: At<String>,
        /// The name or id of one of several.
        which: Option<At<String>>,
    },
    /// A query of the test file itself.
    Query(QueryText),
}

/// Rows for a table or watchlist.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The table, or the alias of the watchlist.
    pub name: At<String>,
    /// Where the rows are.
    pub data: Data,
}

/// Where rows are.
#[derive(Clone, Debug)]
pub enum Data {
    /// In a file: NDJSON, a JSON array, CSV, or KQL with a `datatable`.
    File(At<String>),
    /// Here, one mapping a row.
    Rows(Vec<Node>),
    /// Here, as KQL that gives a table.
    Query(At<String>),
    /// Made of something else: JSON, one value a row.
    Json(Vec<serde_json::Value>),
}

/// A detection of Panther that a rule is a port of.
#[derive(Clone, Debug)]
pub struct PantherLink {
    /// The file of the detection.
    pub file: At<String>,
    /// How its events become rows.
    pub mapping: PantherMapping,
}

/// How events of a Panther test become rows.
#[derive(Clone, Debug, Default)]
pub struct PantherMapping {
    /// The table; unless given the one that the log type is known to be in.
    pub table: Option<At<String>>,
    /// The key of an event that holds its time.
    pub time: Option<At<String>>,
    /// What the threshold of the detection counts: a path into the event. Without it, one event is given.
    pub unique: Option<At<String>>,
    /// How many events there are for one of a test; with `unique` unless given as many as the threshold.
    pub repeat: Option<At<i64>>,
    /// For correlations: the event behind each rule of `RuleOutputs`, in which `{{value}}` is what matched.
    pub events: Vec<(At<String>, Node)>,
}

/// A mutant that may survive, with the reason.
#[derive(Clone, Debug)]
pub struct Survivor {
    /// The predicate as it stands in the query, but for white space.
    pub predicate: At<String>,
    /// Why no test can tell.
    pub because: At<String>,
}

/// A test.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub name: At<String>,
    /// Tables that stand in place of the file's.
    pub rows: Vec<Fixture>,
    /// Watchlists that stand in place of the file's.
    pub watchlists: Vec<Fixture>,
    /// When the run is, in ticks.
    pub now: Option<At<i64>>,
    /// Every scheduled run of a stretch of time in place of one.
    pub backtest: Option<Stretch>,
    /// What must come out.
    pub expect: Expect,
    /// Why it is not run, if it is not.
    pub skip: Option<String>,
    /// The file that its places are in, if that is not the test file.
    pub origin: Option<Arc<Source>>,
}

/// A stretch of time, its end not in it, in ticks.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// The first run.
    pub from: At<i64>,
    /// After the last run.
    pub to: At<i64>,
}

/// Events that stand for one of a test at most.
pub(super) const REPEAT_MAX: i64 = 10_000;

const FILE_KEYS: &[&str] = &[
    "rule",
    "query",
    "schema",
    "now",
    "fixtures",
    "watchlists",
    "geoip",
    "panther",
    "survivors",
    "tests",
    "description",
];
const CASE_KEYS: &[&str] = &["name", "rows", "watchlists", "now", "backtest", "expect", "skip", "description"];

impl Suite {
    /// A test file without tests.
    pub fn new(source: Arc<Source>, path: &Path, subject: Subject) -> Suite {
        Suite {
            source,
            path: path.to_owned(),
            subject,
            schemas: Vec::new(),
            now: None,
            fixtures: Vec::new(),
            watchlists: Vec::new(),
            geoip: None,
            panther: None,
            survivors: Vec::new(),
            cases: Vec::new(),
        }
    }
}

/// Reads a test file. The note tells what is wrong with it, and where.
pub fn read(path: &Path, source: Arc<Source>) -> Result<Suite, Note> {
    let (nodes, _) = document::parse(&source)?;
    let [root] = nodes.as_slice() else {
        return Err(fault(Place::default(), "a test file is one YAML document"));
    };
    _ = entries(root, "a test file", FILE_KEYS)?;
    let mut suite = Suite::new(source.clone(), path, subject(root, path, &source)?);
    for entry in mapping(root, "a test file")? {
        let node = &entry.value;
        match entry.key.as_str() {
            "schema" => suite.schemas = schemas(node)?,
            "now" => suite.now = Some(moment(node, "`now`")?),
            "fixtures" => (suite.fixtures, suite.watchlists) = fixtures(node, true)?,
            "watchlists" => suite.watchlists.extend(fixtures(node, false)?.0),
            "geoip" => suite.geoip = Some(text(node, "`geoip`")?),
            "panther" => suite.panther = Some(panther(node)?),
            "survivors" => {
                suite.survivors = list(node, "`survivors`")?.iter().map(survivor).collect::<Result<_, _>>()?;
            }
            "tests" => suite.cases = list(node, "`tests`")?.iter().map(case).collect::<Result<_, _>>()?,
            _ => {}
        }
    }
    if suite.cases.is_empty() && suite.panther.is_none() {
        return Err(fault(root.place, "the file has no `tests`"));
    }
    for (number, case) in suite.cases.iter().enumerate() {
        if suite.cases.iter().take(number).any(|it| it.name.value == case.name.value) {
            return Err(fault(case.name.place, format!("two tests are called `{}`", case.name.value)));
        }
    }
    Ok(suite)
}

fn subject(root: &Node, path: &Path, source: &Arc<Source>) -> Result<Subject, Note> {
    match (root.get("rule"), root.get("query")) {
        (Some(rule), Some(_)) => Err(fault(rule.place, "a test file has a `rule` or a `query`, not both")),
        (Some(node), None) if node.map().is_some() => {
            _ = entries(node, "`rule`", &["file", "name", "id"])?;
            let file = node.get("file").ok_or_else(|| fault(node.place, "`rule` has a `file`"))?;
            let which = node.get_any(&["id", "name"]).map(|it| text(it, "`rule.name`")).transpose()?;
            Ok(Subject::Rule { path: text(file, "`rule.file`")?, which })
        }
        (Some(node), None) => Ok(Subject::Rule { path: text(node, "`rule`")?, which: None }),
        (None, Some(node)) => {
            let it = node.scalar().ok_or_else(|| fault(node.place, "`query` is a text"))?;
            Ok(Subject::Query(QueryText { text: it.text.clone(), source: source.clone(), map: it.map.clone() }))
        }
        (None, None) => {
            // Beside `rule.test.yaml` stands `rule.yaml`, or whatever else the runner finds there.
            let name = path.file_name().and_then(|it| it.to_str()).unwrap_or("");
            let stem = name.strip_suffix(".test.yaml").or(name.strip_suffix(".test.yml")).unwrap_or(name);
            Ok(Subject::Rule { path: At::new(format!("{stem}.*"), root.place), which: None })
        }
    }
}

fn schemas(node: &Node) -> Result<Vec<(At<String>, Schema)>, Note> {
    let one = |entry: &document::Entry| {
        let name = At::new(entry.key.clone(), entry.key_place);
        Ok((name, schema(&entry.value)?))
    };
    mapping(node, "`schema`")?.iter().map(one).collect()
}

/// `a:string, b:long`, or a mapping of columns to types.
fn schema(node: &Node) -> Result<Schema, Note> {
    let mut columns: Vec<(String, Type)> = Vec::new();
    let mut add = |name: &str, ty: &str| {
        let (name, ty) = (name.trim().trim_matches(['\'', '"', '[', ']']), ty.trim());
        let known = Type::from_name(ty).ok_or_else(|| fault(node.place, format!("`{ty}` is no type")))?;
        if name.is_empty() || columns.iter().any(|it| it.0 == name) {
            return Err(fault(node.place, format!("the column `{name}` is there twice, or has no name")));
        }
        columns.push((name.to_owned(), known));
        Ok(())
    };
    match node.map() {
        Some(entries) => {
            for entry in entries {
                add(&entry.key, entry.value.text().unwrap_or(""))?;
            }
        }
        None => {
            let columns = text(node, "a schema")?;
            for part in columns.value.split(',').filter(|it| !it.trim().is_empty()) {
                let (name, ty) = part.rsplit_once(':').ok_or_else(|| fault(node.place, "a column is `name:type`"))?;
                add(name, ty)?;
            }
        }
    }
    let columns: Vec<(&str, Type)> = columns.iter().map(|it| (it.0.as_str(), it.1)).collect();
    Ok(Schema::of(&columns))
}

/// Tables with their rows, and watchlists where `watchlists` is such a key.
fn fixtures(node: &Node, with_watchlists: bool) -> Result<(Vec<Fixture>, Vec<Fixture>), Note> {
    let (mut tables, mut watchlists) = (Vec::new(), Vec::new());
    for entry in mapping(node, "a fixture")? {
        if with_watchlists && entry.key == "watchlists" {
            watchlists = fixtures(&entry.value, false)?.0;
            continue;
        }
        let name = At::new(entry.key.clone(), entry.key_place);
        tables.push(Fixture { name, data: data(&entry.value)? });
    }
    Ok((tables, watchlists))
}

fn data(node: &Node) -> Result<Data, Note> {
    if let Some(rows) = node.list() {
        return Ok(Data::Rows(rows.to_vec()));
    }
    if node.map().is_some() {
        let known = entries(node, "a fixture", &["file", "datatable", "query"])?;
        return match known {
            [entry] if entry.key == "file" => Ok(Data::File(text(&entry.value, "`file`")?)),
            [entry] => Ok(Data::Query(text(&entry.value, "a query")?)),
            _ => Err(fault(node.place, "a fixture has one of `file`, `datatable`, `query`")),
        };
    }
    let it = text(node, "a fixture")?;
    let is_query = it.value.trim_start().starts_with("datatable") || it.value.contains('\n');
    Ok(if is_query { Data::Query(it) } else { Data::File(it) })
}

fn survivor(node: &Node) -> Result<Survivor, Note> {
    _ = entries(node, "a survivor", &["predicate", "because"])?;
    let get = |key: &str| node.get(key).ok_or_else(|| fault(node.place, format!("a survivor has a `{key}`")));
    Ok(Survivor { predicate: text(get("predicate")?, "`predicate`")?, because: text(get("because")?, "`because`")? })
}

fn panther(node: &Node) -> Result<PantherLink, Note> {
    if node.map().is_none() {
        return Ok(PantherLink { file: text(node, "`panther`")?, mapping: PantherMapping::default() });
    }
    _ = entries(node, "`panther`", &["file", "table", "time", "unique", "repeat", "events"])?;
    let get = |key: &str| node.get(key).map(|it| text(it, key)).transpose();
    let file = get("file")?.ok_or_else(|| fault(node.place, "`panther` has a `file`"))?;
    let mut events = Vec::new();
    for entry in node.get("events").map_or(Ok(&[][..]), |it| mapping(it, "`events`"))? {
        events.push((At::new(entry.key.clone(), entry.key_place), entry.value.clone()));
    }
    let whole = |it: &Node| it.integer().filter(|it| (1..=REPEAT_MAX).contains(it)).map(|n| At::new(n, it.place));
    let repeat = match node.get("repeat") {
        Some(it) => Some(whole(it).ok_or_else(|| fault(it.place, format!("`repeat` is 1 to {REPEAT_MAX}")))?),
        None => None,
    };
    let mapping = PantherMapping { table: get("table")?, time: get("time")?, unique: get("unique")?, repeat, events };
    Ok(PantherLink { file, mapping })
}

fn case(node: &Node) -> Result<Case, Note> {
    _ = entries(node, "a test", CASE_KEYS)?;
    let name = node.get("name").ok_or_else(|| fault(node.place, "a test has a `name`"))?;
    let (rows, watchlists) = match node.get("rows") {
        Some(it) => fixtures(it, true)?,
        None => Default::default(),
    };
    let mut case = Case {
        name: text(name, "`name`")?,
        rows,
        watchlists,
        now: node.get("now").map(|it| moment(it, "`now`")).transpose()?,
        backtest: node.get("backtest").map(stretch).transpose()?,
        expect: match node.get("expect") {
            Some(it) => Expect::read(it)?,
            None => return Err(fault(node.place, format!("the test `{}` expects nothing", name.text().unwrap_or("")))),
        },
        skip: node.get("skip").map(|it| text(it, "`skip` tells why: it")).transpose()?.map(|it| it.value),
        origin: None,
    };
    if let Some(it) = node.get("watchlists") {
        case.watchlists.extend(fixtures(it, false)?.0);
    }
    if let (Some(now), Some(_)) = (&case.now, &case.backtest) {
        return Err(fault(now.place, "a backtest has no `now`"));
    }
    Ok(case)
}

fn stretch(node: &Node) -> Result<Stretch, Note> {
    _ = entries(node, "`backtest`", &["from", "to"])?;
    let get = |key: &str| node.get(key).ok_or_else(|| fault(node.place, format!("`backtest` has a `{key}`")));
    let (from, to) = (moment(get("from")?, "`from`")?, moment(get("to")?, "`to`")?);
    if from.value >= to.value {
        return Err(fault(node.place, "`from` is before `to`"));
    }
    Ok(Stretch { from, to })
}

/// Whether an expectation that is written `must not fire` or `fires` says that the rule fires.
pub(super) fn verdict(node: &Node) -> Option<Result<At<bool>, Note>> {
    let word = node.scalar()?.text.as_str();
    Some(match word {
        "fires" | "must fire" => Ok(At::new(true, node.place)),
        "quiet" | "must not fire" => Ok(At::new(false, node.place)),
        _ => boolean(node, "an expectation in a word is `must fire` or `must not fire`, or"),
    })
}
