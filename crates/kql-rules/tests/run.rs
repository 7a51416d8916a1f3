//! Runs of rules: windows, late rows, thresholds, alerts, entities, details, incidents, backtests. Expected values are
//! derived by hand from the specification of the service.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]
#![allow(clippy::indexing_slicing, reason = "a test may fail anywhere")]

use kql::{Engine, Type, Value, parser::parse_datetime, time::MINUTE};
use kql_rules::{
    Rule, Severity, read,
    run::{self, Failure, History, Options, Range, VersionComparison, alert_table, incident_table},
};

const T: &str = "2026-01-02T12:00:00Z";

fn at(text: &str) -> i64 {
    parse_datetime(text).unwrap()
}

fn minutes(n: i64) -> i64 {
    at(T) + n * MINUTE
}

fn rule(text: &str) -> Rule {
    let contents = read("rule.yaml", text.as_bytes());
    assert!(contents.notes.is_empty(), "{:?}", contents.notes);
    contents.rules.into_iter().next().unwrap()
}

/// A table `E` of events: minutes from T, user, address.
fn history(rows: &[(i64, &str, &str)]) -> History {
    let mut engine = Engine::new();
    let columns = [("TimeGenerated", Type::Datetime), ("User", Type::String), ("Ip", Type::String)];
    let row = |it: &(i64, &str, &str)| {
        vec![Value::Datetime(minutes(it.0)), Value::String(it.1.into()), Value::String(it.2.into())]
    };
    engine.load_rows("E", &columns, rows.iter().map(row)).unwrap();
    History::new(engine, "ws").unwrap()
}

const HEAD: &str = "id: 11111111-2222-3333-4444-555555555555\nname: Events\nkind: Scheduled\nseverity: Low\n\
                    queryFrequency: 1h\nqueryPeriod: 1h\ntriggerOperator: gt\ntriggerThreshold: 0\n";

fn scheduled(more: &str) -> Rule {
    rule(&format!("{HEAD}{more}"))
}

fn users(run: &run::Run) -> Vec<String> {
    let outcome = run.outcome.as_ref().unwrap();
    let column = outcome.table().unwrap().schema.index_of("User").unwrap();
    let mut out: Vec<String> = outcome.rows().iter().map(|it| it[column].text()).collect();
    out.sort();
    out
}

/// [R − 1h, R) decides, whatever the text of the query asks for; `now()` is R.
#[test]
fn the_window_is_half_open_and_under_the_whole_query() {
    let history = history(&[(-61, "before", ""), (-60, "first", ""), (-1, "last", ""), (0, "at", "")]);
    for query in ["E", "E | where TimeGenerated > ago(14d)", "let f = () { E }; union f(), (E | where false)"] {
        let it = run::run(&history, &scheduled(&format!("query: {query:?}\n")), at(T), &Options::default());
        assert_eq!(users(&it), ["first", "last"], "{query}");
    }
    let it =
        run::run(&history, &scheduled("query: print t = now(), n = toscalar(E | count)\n"), at(T), &Options::default());
    assert_eq!(it.outcome.unwrap().rows(), [[Value::Datetime(at(T)), Value::Long(2)]]);
    assert_eq!((it.executed, it.from), (minutes(5), minutes(-60)));
}

/// A query pasted from an alert sets the scope that the run had: it narrows every table, and not what has no such column.
#[test]
fn a_pasted_scope_is_a_filter_under_the_whole_query() {
    let mut engine =
        history(&[(-61, "before", ""), (-60, "first", ""), (-1, "last", ""), (0, "at", "")]).engine().clone();
    engine.load_rows("Names", &[("User", Type::String)], [vec![Value::String("first".into())]]).unwrap();
    engine.add_function("F", kql::StoredFunction { parameters: String::new(), body: "E".to_owned() });
    let set = |what: &str, value: &str| format!("set query_datetimescope_{what} = {value};\n");
    let (column, from, to) = (
        set("column", "\"TimeGenerated\""),
        set("from", "datetime(2026-01-02T11:00:00Z)"),
        set("to", "datetime(2026-01-02T12:00:00Z)"),
    );
    let users = |text: &str| {
        let rows = engine.query(text).unwrap().rows();
        rows.iter().map(|it| it[0].text()).collect::<Vec<_>>().join(" ")
    };
    let project = "| project User";
    assert_eq!(users(&format!("{column}{from}{to}E {project}")), "first last");
    assert_eq!(users(&format!("{column}{from}E {project}")), "first last at");
    assert_eq!(users(&format!("{column}{to}E {project}")), "before first last");
    assert_eq!(users(&format!("{from}{to}E {project}")), "before first last at");
    assert_eq!(
        users(&format!("{column}{from}{to}let f = () {{ F }}; union (f() | where User == 'at'), E* {project}")),
        "first last"
    );
    assert_eq!(users(&format!("{column}{from}{to}E | join kind=inner Names on User {project}")), "first");
    assert_eq!(users(&format!("{}{from}E {project}", set("column", "'Missing'"))), "before first last at");
    for wrong in [set("from", "'x'"), set("column", "1"), set("to", "ago(1d)")] {
        assert!(matches!(engine.query(format!("{wrong}E").as_str()), Err(kql::Error::Query(_))), "{wrong}");
    }
}

/// What came in more than five minutes after R is not there; a row without a time of arrival is.
#[test]
fn late_rows_are_missed() {
    let mut engine = Engine::new();
    let columns = [("TimeGenerated", Type::Datetime), ("User", Type::String), ("_IngestionTime", Type::Datetime)];
    let row = |event: i64, user: &str, arrival: Option<i64>| {
        let arrival = arrival.map_or(Value::Null, |it| Value::Datetime(minutes(it)));
        vec![Value::Datetime(minutes(event)), Value::String(user.into()), arrival]
    };
    let rows =
        [row(-30, "on time", Some(5)), row(-20, "late", Some(6)), row(-10, "unknown", None), row(-90, "old", Some(-1))];
    engine.load_rows("E", &columns, rows).unwrap();
    let history = History::new(engine, "ws").unwrap();
    let it = run::run(&history, &scheduled("query: E\n"), at(T), &Options::default());
    assert_eq!(users(&it), ["on time", "unknown"]);
    // An NRT rule sees what came in within its minute, whenever it happened.
    let nrt = rule("name: N\nkind: NRT\nseverity: Low\nquery: E | extend Late = ingestion_time() - TimeGenerated\n");
    let it = run::run(&history, &nrt, at(T), &Options::default());
    assert_eq!((users(&it), it.alerts.len(), it.executed), (vec!["old".to_owned()], 1, minutes(2)));
    // A custom detection sees either.
    let xdr = "displayName: X\nqueryCondition: {queryText: E}\nschedule: {frequency: PT1H, lookback: PT1H}\n";
    let it = run::run(&history, &rule(xdr), minutes(6) + 1, &Options::default());
    assert_eq!(users(&it), ["late", "old", "on time", "unknown"]);
    let it = run::run(&history, &rule(xdr), at(T), &Options::default());
    assert_eq!(users(&it), ["old", "unknown"]);
}

#[test]
fn columns_of_a_workspace() {
    let history = history(&[(-1, "a", "")]);
    let query = "query: E | where Type == 'E' and TenantId == 'ws' | project User, t = ingestion_time(), w = 1\n";
    let it = run::run(&history, &scheduled(query), at(T), &Options::default());
    assert_eq!(it.outcome.unwrap().rows(), [[Value::String("a".into()), Value::Datetime(minutes(-1)), Value::Long(1)]]);
    let it = run::run(
        &history,
        &scheduled("query: workspace('other').E | union isfuzzy=true E, Nothing\n"),
        at(T),
        &Options::default(),
    );
    assert_eq!(it.n_rows, 2);
}

#[test]
fn alerts_say_what_the_rule_says() {
    let rows = [(-50, "ann", "10.0.0.1"), (-40, "ann", "10.0.0.1"), (-30, "bob", ""), (-20, "SYSTEM", "10.0.0.2")];
    let more = "description: Somebody did it.\ntactics: [Persistence, Discovery]\nrelevantTechniques: [T1078, T1078.004]\n\
                entityMappings:\n- entityType: Account\n  fieldMappings: [{identifier: Name, columnName: User}]\n\
                - entityType: IP\n  fieldMappings: [{identifier: Address, columnName: Ip}]\n\
                customDetails: {Who: User}\n\
                alertDetailsOverride:\n  alertDisplayNameFormat: 'By {{User}} from {{Ip}}'\n  alertDescriptionFormat: '{{Nothing}}'\n\
                \x20 alertSeverityColumnName: Grade\n  alertTacticsColumnName: Tactic\n\
                query: E | extend Grade = iff(User == 'ann', 'high', 'grave'), Tactic = dynamic(['Credential Access'])\n";
    let history = history(&rows);
    let it = run::run(&history, &scheduled(more), at(T), &Options::default());
    let [alert] = it.alerts.as_slice() else { panic!("{:?}", it.alerts) };
    assert_eq!((alert.name.as_str(), alert.description.as_str()), ("By ann from 10.0.0.1", "Somebody did it."));
    assert_eq!(
        (alert.severity, alert.tactics.as_slice()),
        (Severity::High, ["CredentialAccess".to_owned()].as_slice())
    );
    assert_eq!(
        (alert.techniques.join(" "), alert.sub_techniques.join(" ")),
        ("T1078".to_owned(), "T1078.004".to_owned())
    );
    // SYSTEM is a name that says nothing, and bob has no address.
    let labels: Vec<String> = alert.entities.iter().map(|it| it.label()).collect();
    assert_eq!(labels, ["Account ann", "Account bob", "IP 10.0.0.1", "IP 10.0.0.2"]);
    assert_eq!(
        alert.custom_details,
        [("Who".to_owned(), vec!["ann".to_owned(), "bob".to_owned(), "SYSTEM".to_owned()])]
    );
    assert_eq!((alert.start, alert.end, alert.time_generated), (minutes(-50), minutes(-20), minutes(5)));
    assert_eq!(alert.extended["Query Period"], "01:00:00");
    assert_eq!(alert.extended["Search Query Results Overall Count"], "4");
    // The record can be queried as the service's is, and its id is the same in every run.
    let again = run::run(&history, &scheduled(more), at(T), &Options::default());
    assert_eq!(again.alerts[0].id, alert.id);
    let mut engine = Engine::new();
    engine.add_table("SecurityAlert", alert_table(&it.alerts, "ws"));
    let query = "SecurityAlert | mv-expand e = todynamic(Entities) | summarize n = count(), s = take_any(AlertSeverity) by t = tostring(e.Type)";
    let mut rows: Vec<String> =
        engine.query(query).unwrap().rows().iter().map(|it| format!("{} {}", it[0].text(), it[1].text())).collect();
    rows.sort();
    assert_eq!(rows, ["account 2", "ip 2"]);
}

#[test]
fn an_alert_for_each_row_and_none() {
    let history = history(&[(-50, "ann", ""), (-40, "bob", "")]);
    let each = "eventGroupingSettings: {aggregationKind: AlertPerResult}\nalertDetailsOverride: {alertDisplayNameFormat: 'By {{User}}'}\n\
                query: E | sort by TimeGenerated asc | project-away TimeGenerated\n";
    let it = run::run(&history, &scheduled(each), at(T), &Options::default());
    assert_eq!(it.alerts.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["By ann", "By bob"]);
    // Without a time in the rows the window stands for it.
    assert_eq!((it.alerts[0].start, it.alerts[0].end), (minutes(-60), at(T)));
    assert!(it.alerts[0].extended.contains_key("OriginalQuery"));
    let none = HEAD.replace("gt", "eq");
    let it = run::run(&history, &rule(&format!("{none}query: E | where false\n")), at(T), &Options::default());
    assert_eq!((it.alerts.len(), it.alerts[0].entities.len(), it.n_rows), (1, 0, 0));
    // A query that fails is not one without rows.
    let it = run::run(&history, &rule(&format!("{none}query: E | where Nobody == 1\n")), at(T), &Options::default());
    assert!(it.outcome.is_err() && it.alerts.is_empty());
}

#[test]
fn incidents_group_by_entities_within_the_lookback() {
    // One event an hour: ann at 0, 1, 2, 7, bob at 3.
    let rows = [(-30, "ann", ""), (30, "ann", ""), (90, "ann", ""), (150, "bob", ""), (390, "ann", "")];
    let history = history(&rows);
    let range = Range { from: Some(at(T)), to: Some(minutes(420)), last: None };
    let grouped = |method: &str, more: &str| {
        scheduled(&format!(
            "entityMappings:\n- entityType: Account\n  fieldMappings: [{{identifier: Name, columnName: User}}]\n\
             incidentConfiguration:\n  createIncident: true\n  groupingConfiguration:\n    enabled: true\n    \
             reopenClosedIncident: false\n    lookbackDuration: PT5H\n    matchingMethod: {method}\n{more}query: E\n"
        ))
    };
    let sizes = |rule: &Rule, options: &Options| {
        let it = run::backtest(&history, rule, &range, options).unwrap();
        assert_eq!(it.alerts.len(), 5);
        it.incidents.iter().map(|it| it.alerts.len()).collect::<Vec<_>>()
    };
    let options = Options::default();
    // ann's fourth alert comes seven hours after the first.
    assert_eq!(sizes(&grouped("AllEntities", ""), &options), [3, 1, 1]);
    assert_eq!(sizes(&grouped("AnyAlert", ""), &options), [4, 1]);
    assert_eq!(sizes(&grouped("Selected", "    groupByAlertDetails: [Severity]\n"), &options), [4, 1]);
    assert_eq!(sizes(&grouped("Selected", "    groupByEntities: [Host]\n"), &options), [1, 1, 1, 1, 1]);
    assert_eq!(sizes(&scheduled("query: E\n"), &options), [1, 1, 1, 1, 1]);
    // Closed half an hour after its last alert, an incident takes no more.
    let closing = Options { closed_after: Some(30 * MINUTE), ..Options::default() };
    assert_eq!(sizes(&grouped("AnyAlert", ""), &closing), [1, 1, 1, 1, 1]);
    let it = run::backtest(&history, &grouped("AnyAlert", ""), &range, &options).unwrap();
    let table = incident_table(&it.incidents, "ws");
    assert_eq!(table.n_rows(), 2);
}

#[test]
fn a_rule_rests_after_an_alert() {
    let rows: Vec<(i64, &str, &str)> = (0..10).map(|it| (it * 60 - 30, "ann", "")).collect();
    let history = history(&rows);
    let range = Range { from: Some(at(T)), to: Some(minutes(9 * 60)), last: None };
    let rested = scheduled("suppressionEnabled: true\nsuppressionDuration: 3h\nquery: E\n");
    let it = run::backtest(&history, &rested, &range, &Options::default()).unwrap();
    let alerts: Vec<i64> = it.alerts.iter().map(|it| (it.at - at(T)) / MINUTE / 60).collect();
    assert_eq!(alerts, [0, 3, 6, 9]);
    assert_eq!(it.runs.iter().filter(|it| it.is_suppressed).count(), 6);
    let awake = scheduled("suppressionEnabled: false\nsuppressionDuration: 3h\nquery: E\n");
    assert_eq!(run::backtest(&history, &awake, &range, &Options::default()).unwrap().alerts.len(), 10);
}

/// Each run of a backtest is the run of that instant, however many threads, and rows that two windows share are counted.
#[test]
fn a_backtest_is_its_runs() {
    let rows: Vec<(i64, &str, &str)> =
        (0..600).map(|it| (it * 7 % 2_000, if it % 3 == 0 { "ann" } else { "bob" }, "")).collect();
    let history = history(&rows);
    let text = "name: Two hours\nkind: Scheduled\nseverity: Low\nqueryFrequency: 1h\nqueryPeriod: 2h\n";
    for query in ["E | where User == 'ann'", "E | summarize n = count() by User | where n > 5", "E | take 1"] {
        let rule = rule(&format!("{text}query: \"{query}\"\n"));
        let range = Range { from: Some(at(T)), to: Some(minutes(1_800)), last: None };
        let one = run::backtest(&history, &rule, &range, &Options::default()).unwrap();
        let many = run::backtest(&history, &rule, &range, &Options { threads: 3, ..Options::default() }).unwrap();
        assert_eq!(one.runs.len(), 31);
        for (it, other) in one.runs.iter().zip(&many.runs) {
            let alone = run::run(&history, &rule, it.at, &Options::default());
            assert_eq!((it.n_rows, it.n_alerts), (alone.n_rows, alone.alerts.len()), "{query}");
            assert_eq!((it.at, it.n_rows), (other.at, other.n_rows));
        }
    }
    let all = rule(&format!("{text}query: E | where User == 'ann'\n"));
    let it = run::backtest(
        &history,
        &all,
        &Range { from: Some(at(T)), to: Some(minutes(1_980)), last: None },
        &Options::default(),
    )
    .unwrap();
    // The windows cover [T − 2h, T + 33h); rows are at 0 .. 1,999 minutes, those of ann that lie before 1,980 are seen.
    let distinct = rows.iter().filter(|it| it.1 == "ann" && it.0 < 1_980).count();
    assert_eq!(it.source_rows["E"], distinct);
    assert!(it.n_result_rows > distinct, "{} {distinct}", it.n_result_rows);
}

#[test]
fn versions_are_compared_by_the_columns_they_share() {
    let history = history(&[(-30, "ann", "1"), (-20, "bob", "2"), (-10, "eve", "3")]);
    let range = Range { from: Some(at(T)), to: Some(at(T)), last: None };
    let backtest = |query: &str| {
        run::backtest(&history, &scheduled(&format!("query: {query}\n")), &range, &Options::default()).unwrap()
    };
    let old = backtest("E | where User in ('ann', 'bob') | project User, Ip");
    let new = backtest("E | where User in ('bob', 'eve') | project User, Old = 1");
    let it = VersionComparison::of(&old, &new);
    assert_eq!((it.columns.join(" "), it.n_common), ("User".to_owned(), 1));
    assert_eq!((it.lost[0].values.join(" "), it.gained[0].values.join(" ")), ("ann".to_owned(), "eve".to_owned()));
    assert!(it.runs_lost.is_empty() && it.runs_gained.is_empty());
    let none = backtest("E | where false | project Other = User");
    let it = VersionComparison::of(&old, &none);
    assert_eq!((it.lost.len(), it.runs_lost.len(), it.columns.len()), (1, 1, 0));
}

#[test]
fn instants_and_their_bounds() {
    let history = history(&[(-30, "ann", ""), (95, "bob", "")]);
    let rule = scheduled("query: E\n");
    let backtest = |range: Range| run::backtest(&history, &rule, &range, &Options::default());
    // Fifty runs to the first whole hour after the newest row.
    let it = backtest(Range::default()).unwrap();
    assert_eq!((it.runs.len(), it.runs[49].at, it.runs[0].at), (50, minutes(120), minutes(120 - 49 * 60)));
    assert_eq!(backtest(Range { last: Some(3), ..Range::default() }).unwrap().runs.len(), 3);
    assert_eq!(
        backtest(Range { from: Some(minutes(10)), ..Range::default() }).unwrap().runs.last().unwrap().at,
        minutes(130)
    );
    for range in
        [Range { from: Some(minutes(500)), ..Range::default() }, Range { from: Some(0), to: Some(at(T)), last: None }]
    {
        assert!(matches!(backtest(range), Err(Failure::Range(_))), "{range:?}");
    }
    let faulty = scheduled("query: E | where Nobody\n");
    assert!(matches!(run::backtest(&history, &faulty, &Range::default(), &Options::default()), Err(Failure::Query(_))));
}

/// Runs see everything before R where nothing schedules them, and hunts fill their placeholders.
#[test]
fn hunts() {
    let history = history(&[(-3_000, "old", ""), (-30, "ann", ""), (30, "bob", "")]);
    let it = run::run(&history, &rule("name: H\nquery: E\n"), at(T), &Options::default());
    assert_eq!((users(&it), it.alerts.len()), (vec!["ann".to_owned(), "old".to_owned()], 0));
    let window = "name: H\nquery: E | where TimeGenerated between (todatetime('{{StartTimeISO}}') .. todatetime('{{EndTimeISO}}'))\n";
    let it = run::run(&history, &rule(window), at(T), &Options::default());
    assert_eq!(users(&it), ["ann"]);
}
