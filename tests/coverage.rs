//! The coverage table is true: what it calls partial runs, what it calls unsupported is refused by name, and every name that
//! Microsoft documents runs or stands in it.

use kql::{
    Batch, Column, Engine, Error, External, Field, Limits, Schema, Table, Type,
    coverage::{PARTIAL, UNSUPPORTED},
    functions::{aggregate, function},
    parser::{BOUND, BOUND_PLUGINS, operators},
    plugins,
};
use serde_json::Value as Json;
use std::sync::Arc;

/// One row behind any URI.
struct One;

impl External for One {
    fn read(&self, _: &str, schema: &Schema, _: &[(String, String)], _: &Limits) -> Result<Vec<Batch>, String> {
        let columns = schema.fields.iter().map(|_| Column::longs(vec![1])).collect();
        Ok(vec![Batch::new(columns, 1)])
    }

    fn infer(&self, _: &str, _: &[(String, String)]) -> Result<Schema, String> {
        Ok(Schema::of(&[("x", Type::Long)]))
    }
}

fn engine() -> Engine {
    let mut engine = Engine::new();
    engine.add_table("Local", Table::new(Schema::new(vec![Field::new("x", Type::Long)]), Vec::new()));
    engine.set_external(Arc::new(One));
    engine
}

#[test]
fn what_is_partial_runs() {
    for it in PARTIAL {
        if let Err(why) = engine().query(it.query) {
            panic!("`{}` is said to run: {why}", it.name);
        }
    }
}

#[test]
fn what_is_unsupported_is_refused_by_name() {
    for it in UNSUPPORTED {
        let error = engine().query(it.query).err().unwrap_or_else(|| panic!("`{}` is said not to run", it.name));
        let is_refusal = matches!(error.code(), "KQL0002" | "KQL0003" | "SEM1076") && !matches!(error, Error::Bug(_));
        assert!(is_refusal && error.to_string().contains(it.name), "`{}`: {} {error}", it.name, error.code());
    }
    assert!(UNSUPPORTED.len() < 30, "{} names are unsupported", UNSUPPORTED.len());
}

/// Whether a documented name of that kind runs.
fn runs(kind: &str, name: &str) -> bool {
    let answers = |query: String| engine().query(query.as_str()).is_ok();
    match kind {
        "join_flavors" => answers(format!("print k = 1 | join kind={name} (print k = 1) on k")),
        "render_visualizations" => answers(format!("print k = 1 | render {name}")),
        "data_types" => Type::from_name(name).is_some(),
        "special_functions" => match name {
            "cluster" => answers("cluster('c').database('d').Local".into()),
            "database" => answers("database('d').Local".into()),
            "materialize" => answers("materialize(print x = 1)".into()),
            "toscalar" => answers("print toscalar(print x = 1)".into()),
            _ => answers(format!("{name}('Local')")),
        },
        "statements" => match name {
            "let" => answers("let x = 1; print x".into()),
            "pattern" => answers("declare pattern P = (a:string) { ('x') = { print 1 }; }; P('x')".into()),
            "query parameters" => answers("declare query_parameters(p:long = 1); print p".into()),
            "tabular expression" => answers("print 1 | where true".into()),
            "batch (;-separated tabular statements)" => answers("print 1; print 2".into()),
            _ => false,
        },
        "graph_functions" => {
            let graph = "datatable(a:string, b:string)['x', 'y', 'y', 'z'] | make-graph a --> b with_node_id=id | graph-match (s)-[e*1..2]->(t)";
            let call = match name {
                "all" | "any" => format!("where {name}(e, a != '') project s.id"),
                "map" => "project m = map(e, a)".to_owned(),
                "inner_nodes" => "project m = map(inner_nodes(e), id)".to_owned(),
                _ => format!("project m = {name}(s)"),
            };
            answers(format!("{graph} {call}"))
        }
        _ if name == "entity_group" => answers("macro-expand entity_group [database('d')] as D (D.Local)".into()),
        _ => {
            let is_operator = operators().iter().any(|it| it.words.contains(&name));
            let is_function = function(name).is_some_and(|it| it.overloads.iter().any(|it| it.kernel.is_some()));
            is_operator
                || is_function
                || BOUND.contains(&name)
                || BOUND_PLUGINS.contains(&name)
                || aggregate(name).is_some_and(|it| it.make.is_some())
                || plugins::names().any(|it| it == name)
        }
    }
}

#[test]
fn every_documented_name_runs_or_is_in_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/conformance/names.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: the list of documented names is not here");
        return;
    };
    let names: Json = serde_json::from_str(&text).unwrap();
    // What is no name of the language: descriptions, and texts to paste.
    let skipped =
        ["functions_library", "join_variants", "pages", "syntax", "aliases", "deprecated_aliases", "docs_only"];
    let is_listed = |name: &str| PARTIAL.iter().chain(UNSUPPORTED).any(|it| it.name == name);
    let mut missing = Vec::new();
    let mut look = |kind: &str, list: &Json| {
        for name in list.as_array().into_iter().flatten().filter_map(Json::as_str) {
            if !is_listed(name) && !runs(kind, name) {
                missing.push(format!("{kind}: {name}"));
            }
        }
    };
    for (kind, list) in names.as_object().unwrap() {
        match kind.as_str() {
            kind if skipped.contains(&kind) => {}
            "parser_only" => list.as_object().unwrap().iter().for_each(|(kind, list)| look(kind, list)),
            kind => look(kind, list),
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
