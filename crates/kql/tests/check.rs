//! Checks of queries over tables and functions of which not all is known, and the notes that a check takes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use kql::{Check, Engine, Field, Known, Schema, Type, parser::Opaque};
use std::sync::Arc;

/// Knows the table `Known`, that `Parser` is a function, and lets everything else that begins with `Some` exist.
struct Host;

impl Known for Host {
    fn table(&self, name: &str) -> Option<Arc<Schema>> {
        let columns = vec![Field::new("Name", Type::String), Field::new("Count", Type::Long)];
        (name == "Known").then(|| Arc::new(Schema::new(columns)))
    }

    fn tables(&self) -> Vec<String> {
        vec!["Known".to_owned()]
    }

    fn opaque(&self, name: &str) -> Option<Opaque> {
        let is_known = name == "Parser";
        let schema = Arc::new(Schema::new(vec![Field::new("TimeGenerated", Type::Datetime)]));
        (is_known || name.starts_with("Some") || name == "*").then_some(Opaque { schema, is_known })
    }
}

fn check(text: &str) -> Check {
    let mut engine = Engine::new();
    engine.set_known(Arc::new(Host));
    engine.check(text)
}

fn errors(text: &str) -> Vec<String> {
    check(text).diagnostics.into_iter().filter(|it| it.is_error()).map(|it| it.message).collect()
}

#[test]
fn columns_of_opaque_tables_are_taken_to_exist() {
    for text in [
        "Some | where A == 1 and B has 'x' | project A, C = strcat(B, D)",
        "Some | join kind=inner (Known) on Name | project Name, Count, Other",
        "Known | join kind=inner (Some) on $left.Name == $right.Whatever | project Whatever",
        "Some | project-keep A, B | where A == 'x'",
        "Some | project-rename New = Old | where New > 1",
        "Some | summarize arg_max(TimeGenerated, *) by Host | where Anything == 1",
        "Some | distinct * | where Anything == 1",
        "Known | where Name in (Some | project Any)",
        "union (Some | project A = Any), (Known | project A = Name) | where A == 'x'",
        "let s = Parser(starttime=ago(1d)); s | where X == 1",
        "Some(1, 2) | summarize n = count() by A | where n > 1",
        "Known | invoke Some() | where Extra == 1",
        "union Kno* | where Name == 'a' and Count > 1",
        "search * | where Anything == 1",
        "union * | where Anything == 1",
        "union isfuzzy=true Some, Known | where Name == 'a' or Q == 1",
        "union isfuzzy=true Missing, Known | where Name == 'a' or Q == 1",
        "union isfuzzy=true (Missing | summarize count() by Host = Computer), Known | summarize count() by Host, Name",
    ] {
        assert_eq!(errors(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_fuzzy_leg_that_is_missing_has_its_columns_in_a_check_and_none_in_a_run() {
    let text =
        "union isfuzzy=true (Missing | summarize count() by Name = Computer), Known | summarize n = count() by Name";
    let it = check(text);
    let columns: Vec<_> = it.results[0].1.fields.iter().map(|it| (&*it.name, it.type_name())).collect();
    assert_eq!(columns, [("Name", "unknown"), ("n", "long")]);
    assert_eq!(it.diagnostics.iter().map(|it| it.code).collect::<Vec<_>>(), ["KQL0004"]);
    // What the other legs do not know is still told where the leg gives no columns of its own choice.
    let project = "union isfuzzy=true (Missing | project A = 1), Known | where Nmae == 'a'";
    assert_eq!(errors(project).len(), 1);
    let mut engine = Engine::new();
    engine.set_known(Arc::new(Host));
    assert!(engine.query("union isfuzzy=true Missing, (print Name = 'a') | where Other == 1").is_err());
    assert_eq!(engine.query("union isfuzzy=true Missing, (print Name = 'a')").unwrap().rows().len(), 1);
}

#[test]
fn what_is_known_is_checked() {
    for (text, unknown) in [
        ("Known | where Nam == 'x'", "Nam"),
        ("Some | summarize n = count() by A | where B == 1", "B"),
        ("Some | project A | where B == 1", "B"),
        ("Some(Wrong) | take 1", "Wrong"),
        ("Other | take 1", "Other"),
    ] {
        let found = errors(text);
        assert!(found.len() == 1 && found[0].contains(&format!("`{unknown}`")), "{text}: {found:?}");
    }
    // Runs do not see any of it.
    let mut engine = Engine::new();
    engine.set_known(Arc::new(Host));
    assert!(engine.query("Known").is_err());
}

#[test]
fn notes_of_the_text() {
    let text =
        "let f = (x:long) { x + 1 };\nunion isfuzzy=true Some, Parser()\n| extend y = f(2), z = Any\n| where y > 1";
    let it = check(text);
    let opaque: Vec<_> =
        it.notes.opaque.iter().map(|it| (it.name.text.as_str(), it.is_call, it.is_known, it.is_fuzzy)).collect();
    assert_eq!(opaque, [("Some", false, false, true), ("Parser", true, true, true)]);
    assert_eq!(it.notes.assumed.iter().map(|it| it.span.of(text)).collect::<Vec<_>>(), ["Any"]);
    assert_eq!(it.notes.open_results, [true]);
    let stages: Vec<_> = it.notes.stages.iter().map(|it| it.span.of(text).split(' ').next().unwrap()).collect();
    assert_eq!(stages, ["union", "extend", "where"]);
    // `x + 1` is bound where `f` is called, and known there.
    let (_, sum) = it.notes.scalars.iter().find(|(id, _)| it.tree.span(*id).of(text) == "x + 1").unwrap();
    assert!(matches!(it.plan.expr(*sum), kql::plan::Expr::Constant { value: kql::Value::Long(3), .. }));
}

#[test]
fn a_table_without_columns_is_told_of() {
    let mut engine = Engine::new();
    engine.load_bytes("E", "").unwrap();
    let Err(kql::Error::Query(found)) = engine.query("E | where User == 'x'") else { panic!("no error") };
    assert!(found[0].hints.iter().any(|it| it.1.contains("empty file")), "{found:?}");
    assert!(engine.query("E | count").is_ok());
}
