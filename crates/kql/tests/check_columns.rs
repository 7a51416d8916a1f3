//! What a check says of columns: it answers as the reference's language library does, and warns where answers will differ.

use kql::{Engine, Field, Schema, Table, Type};

fn engine() -> Engine {
    let mut engine = Engine::new();
    for (name, ty) in [("A", Type::String), ("B", Type::String), ("C", Type::Long)] {
        engine.add_table(name, Table::new(Schema::new(vec![Field::new("Status", ty)]), Vec::new()));
    }
    let bags = Schema::of(&[("at", Type::Datetime), ("bag", Type::Dynamic)]);
    engine.add_table("Bags", Table::new(bags, Vec::new()));
    engine
}

/// Columns of the first result as `name:type`, and the codes of all diagnostics.
fn check(query: &str) -> (Vec<String>, Vec<&'static str>) {
    let check = engine().check(query);
    let columns =
        check.results.first().map(|(_, it)| it.fields.iter().map(|it| format!("{}:{}", it.name, it.type_name())));
    (columns.into_iter().flatten().collect(), check.diagnostics.iter().map(|it| it.code).collect())
}

#[test]
fn a_union_of_several_types_keeps_the_first_where_two_tables_agree() {
    assert_eq!(check("union A, B, C"), (vec!["Status:string".to_owned()], vec!["KQL0006"]));
    assert_eq!(check("union A, B, C | where Status == 'x'").1, ["KQL0006"]);
    // Where the first two differ, and where the query runs, each type has its column.
    assert_eq!(check("union A, C, B").0, ["Status_string:string", "Status_long:long"]);
    let outcome = engine().query("union A, B, C").unwrap();
    let names: Vec<_> = outcome.tables[0].schema.fields.iter().map(|it| it.name.to_string()).collect();
    assert_eq!(names, ["Status_string", "Status_long"]);
}

#[test]
fn columns_that_only_rows_can_tell_are_unknown() {
    let columns = |query| check(query).0;
    assert_eq!(columns("Bags | evaluate bag_unpack(bag) | project at, user"), ["at:datetime", "user:unknown"]);
    assert_eq!(columns("Bags | evaluate bag_unpack(bag) | where user == 'x'"), ["at:datetime", "user:unknown"]);
    assert_eq!(columns("Bags | evaluate bag_unpack(bag) | summarize count() by user"), ["user:unknown", "count_:long"]);
    assert_eq!(columns("Bags | evaluate bag_unpack(bag) | mv-expand role"), ["at:datetime", "role:unknown"]);
    assert_eq!(
        columns("Bags | evaluate bag_unpack(bag) | summarize arg_max(at, *) by user | project user, role"),
        ["user:unknown", "role:unknown"]
    );
    // A plugin whose columns are the same for all rows tells them without any.
    assert_eq!(columns("Bags | evaluate narrow() | take 1"), ["Row:long", "Column:string", "Value:string"]);
    assert_eq!(
        columns(
            "range n from 1 to 9 step 1 | extend t = datetime(2024-01-01) + n * 1h | evaluate rolling_percentile(n, 50, t, 1d, 3)"
        ),
        ["t:datetime", "rolling_3_percentile_n_50:long"]
    );
}
