//! What `set` statements, hints and databases do to a query, and what is said of those that do nothing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]

use kql::{Engine, Outcome, Value};

fn engine() -> Engine {
    let mut engine = Engine::new();
    let rows = "{\"at\":\"2024-01-01T00:00:00Z\",\"n\":1}\n{\"at\":\"2024-01-02T00:00:00Z\",\"n\":2}\n\
                {\"at\":\"2024-01-03T00:00:00Z\",\"n\":3}";
    engine.load_bytes("T", rows).unwrap();
    engine
}

/// The warnings of a query that runs.
fn warnings(query: &str) -> Vec<String> {
    let outcome = engine().query(query).unwrap_or_else(|why| panic!("{query}: {why}"));
    outcome.diagnostics.iter().map(|it| format!("{} {}", it.code, it.message)).collect()
}

fn numbers(outcome: &Outcome) -> Vec<Vec<Value>> {
    outcome.rows()
}

#[test]
fn what_changes_nothing_is_told() {
    let steers = |what: &str| vec![format!("KQL0007 `{what}` steers a service; it changes nothing here")];
    assert_eq!(warnings("set query_datascope = 'hotcache'; print 1"), steers("set query_datascope"));
    assert_eq!(warnings("T | execute-and-cache"), steers("execute-and-cache"));
    for (query, told) in [
        (
            "set truncationmaxrecord = 5; print 1",
            "KQL0007 no option is called `truncationmaxrecord`; it changes nothing",
        ),
        (
            "T | join hint.startegy=shuffle (T) on n",
            "KQL0007 `join` has no parameter `hint.startegy`; it changes nothing",
        ),
        (
            "T | join hint.strategy=slow (T) on n",
            "KQL0007 `hint.strategy` is one of auto, broadcast, centralized, shuffle; `slow` changes nothing",
        ),
        ("set maxoutputcolumns = 1; T", "KQL0007 the result has 2 columns, more than `maxoutputcolumns` of 1"),
        ("T | render barchrat", "KQL0007 no chart is called `barchrat`"),
        ("T | render barchart with (titel='x')", "KQL0007 no property of a chart is called `titel`"),
    ] {
        assert_eq!(warnings(query), [told], "{query}");
    }
}

#[test]
fn what_is_honoured_needs_no_word() {
    for query in [
        "set notruncation; set norequesttimeout; set request_callout_disabled; T",
        "set query_bin_auto_size = 1d; T | summarize count() by bin_auto(at)",
        "T | join kind=inner hint.strategy=shuffle hint.shufflekey=n hint.num_partitions=2 hint.remote=auto (T) on n",
        "T | summarize hint.strategy=shuffle count() by n",
        "T | partition hint.strategy=native by n (take 1)",
        "union hint.concurrency=2 hint.spread=1 withsource=s isfuzzy=true T, T",
        "T | evaluate hint.distribution=per_node narrow()",
        "T | render timechart with (title='a', ysplit=panels)",
        "T | mv-expand kind=array with_itemindex=i a=dynamic([1])",
    ] {
        assert_eq!(warnings(query), Vec::<String>::new(), "{query}");
    }
}

/// A check is of the service that the query is for, where such options are in their place.
#[test]
fn a_check_lets_options_of_a_service_stand() {
    let told = |query: &str| engine().check(query).diagnostics.len();
    assert_eq!(told("set query_datascope = 'hotcache'; T | execute-and-cache"), 0);
    assert_eq!(told("set no_such_option; T"), 1);
}

#[test]
fn a_stretch_of_time_holds_for_stored_tables() {
    let scope = "set query_datetimescope_column = 'at'; set query_datetimescope_from = datetime(2024-01-02); \
                 set query_datetimescope_to = datetime(2024-01-02 12:00);";
    let count = |query: &str| numbers(&engine().query(format!("{scope} {query}").as_str()).unwrap());
    assert_eq!(count("T | project n"), [[Value::Long(2)]]);
    assert_eq!(count("union withsource=s T | project s, n"), [[Value::String("T".into()), Value::Long(2)]]);
    assert_eq!(count("print n = 5"), [[Value::Long(5)]]);
}

/// Tables under the name of a database are that database's; without any, its tables are the local ones.
#[test]
fn the_host_maps_databases() {
    let mut engine = engine();
    engine.load_bytes("Prod.T", "{\"n\":7}").unwrap();
    engine.load_bytes("east.Prod.T", "{\"n\":8}").unwrap();
    let answer = |query: &str| engine.query(query).map(|it| numbers(&it)).map_err(|why| why.to_string());
    let one = |n: i64| Ok(vec![vec![Value::Long(n)]]);
    assert_eq!(answer("database('Prod').T"), one(7));
    assert_eq!(answer("database('Prod').['T']"), one(7));
    assert_eq!(answer("cluster('east').database('Prod').T"), one(8));
    assert_eq!(answer("cluster('west').database('Prod').T"), one(7));
    assert_eq!(answer("workspace('Prod').T"), one(7));
    assert_eq!(answer("database('Else').T | summarize sum(n)"), one(6));
    assert_eq!(answer("union database('Prod').*"), one(7));
    assert_eq!(answer("alias database d = database('Prod'); database('d').T | count"), one(3));
    assert_eq!(
        answer(
            "macro-expand entity_group [database('Prod'), cluster('east').database('Prod')] as D (D.T | count) | count"
        ),
        one(2)
    );
    let error = answer("database('Prod').U").unwrap_err();
    assert!(error.contains("unknown table `Prod.U`"), "{error}");
}

#[test]
fn parameters_are_given() {
    let query = |parameters: &[(&str, &str)]| kql::Query {
        text: "declare query_parameters(a:long); print a".to_owned(),
        parameters: parameters.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect(),
    };
    assert_eq!(numbers(&engine().query(query(&[("a", "5")])).unwrap()), [[Value::Long(5)]]);
    let error = engine().query(query(&[])).unwrap_err().to_string();
    assert!(error.contains("no value is given for the query parameter `a`"), "{error}");
    assert!(engine().check(query(&[])).diagnostics.is_empty());
}
