//! The syntax of every tabular operator and statement.
#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a test may fail anywhere")]

mod support;

use kql_parser::syntax::*;
use kql_parser::{OPERATORS, format};
use support::{accept, operator, pipeline, reject, shape};

/// Queries that use every operator in several forms; also formatted and parsed again.
const QUERIES: &[&str] = &[
    "Logs",
    "Logs;",
    ";; Logs ;;",
    "['my table'] | count",
    "3Dmodels | take 5",
    "database('db').Logs | take 5",
    "cluster(\"c\").database('db').Logs | where x > 1",
    "workspace('w').Logs | union app('a').Logs",
    "Logs | as hint.materialized=true Kept | where Kept == 1",
    "Logs | assert-schema (a:long, b:string)",
    "Logs | consume decodeblocks=true",
    "Logs | count",
    "Logs | count as n",
    "datatable(a:long, b:string)[1, 'x', 2, 'y',]",
    "datatable (a: long) []",
    "datatable(a:datetime, ['b c']:dynamic)[datetime(2024-01-02), dynamic({\"k\": [1, 2.5, null, true, 'z']}), datetime(null), dynamic(null)]",
    "Logs | distinct *",
    "Logs | distinct hint.strategy=shuffle a, n = tolower(b)",
    "Logs | evaluate hint.distribution=single bag_unpack(d, 'p_') : (*, a:long)",
    "Logs | evaluate pivot(kind, count(), user)",
    "evaluate some_source('x')",
    "Logs | execute-and-cache",
    "Logs | extend a = 1, b = a + 1, tolower(c), (x, y) = series_fit_line(z), ['odd name'] = 2",
    "externaldata(a:string, b:dynamic) [@'https://host/file.csv' h'?secret'] with (format='csv', ignoreFirstRecord=true)",
    "external_data (a:string,) [ 'one', 'two' ]",
    "Logs | facet by a, b",
    "Logs | facet by a with (where b > 1 | take 3)",
    "find withsource=src in (Logs, T*, database('d').*) where user == 'x' project a, b:long, pack_all()",
    "find 'needle'",
    "find in (Logs) where a has 'x' project-smart",
    "find where a has 'x' project-away *",
    "Logs | fork (where a > 1 | take 5) named=(summarize count() by b) (count)",
    "Logs | getschema",
    "Edges | make-graph src --> dst with Nodes on id, Others on key",
    "Edges | make-graph src --> dst with_node_id=id | graph-match (a)-[e]->(b)<-[f*1..3]-(c), (c)--(d)-->()<--(x) where a.n == 1 and e.w > 2 project a.n, w = e.w",
    "Edges | make-graph src -- dst with Nodes on id partitioned-by tenant (graph-match (a)-->(b) project a.id)",
    "G | graph-match cycles=none (a)-->(b) project a",
    "G | graph-shortest-paths output=all (a)-[e*1..9]->(b) where a.x == 1 project e",
    "G | graph-to-table nodes as N with_node_id=nid, edges as E with_source_id=s with_target_id=t",
    "G | graph-to-table edges",
    "G | graph-mark-components kind=strong with_component_id=cid | graph-to-table nodes",
    "G | graph-where-nodes kind == 'user' | graph-where-edges weight > 3",
    "inline_external_table (a:string, d:datetime) kind=storage partition by (day:datetime = bin(d, 1d)) pathformat=(day '/' 'x') dataformat=csv ('https://host') with (folder='f')",
    "inline_external_table kind=delta ('abfss://x') | take 1",
    "Logs | invoke enrich('x', 5)",
    "Logs | invoke database('d').enrich()",
    "Logs | join Other on k",
    "Logs | join kind=inner hint.strategy=broadcast hint.remote=left (Other | where x > 1) on k, $left.a == $right.b",
    "Logs | join kind=leftanti (datatable(k:long)[1, 2]) on k | join kind = rightsemi materialize(X) on $left.a==$right.b",
    "Logs | lookup kind=leftouter (Dim | project k, v) on k",
    "Logs | lookup Dim on k, j",
    "macro-expand isfuzzy=true entity_group [cluster('a').database('x'), database('y')] as s (s.Logs | where a == 1)",
    "let g = entity_group [database('x')]; macro-expand g as s (let n = 3; s.Logs | take n)",
    "Logs | make-series n = count() default=0, avg(x) on t from ago(7d) to now() step 1h by user, day = bin(t, 1d)",
    "Logs | make-series kind=nonempty sum(x) on t in range(ago(1d), now(), 1h)",
    "Logs | make-series count() on t step 1d",
    "Logs | mv-apply with_itemindex=i e = items to typeof(long), f limit 10 on (where e > 1 | top 3 by e)",
    "Logs | mv-expand kind=array with_itemindex=i e = items to typeof(string), tags limit 100",
    "Logs | mvexpand a, parse_json(b)",
    "Logs | mvapply a on (count)",
    "Logs | parse kind=regex flags=Ui msg with * 'id=' id:long ', name=' name ';' *",
    "Logs | parse msg with \"a\" x: int 'b' ['y z']: datetime",
    "Logs | parse-where kind=simple msg with 'a=' a:long",
    "Logs | parse-kv msg as (a:long, b:string) with (pair_delimiter=' ', kv_delimiter='=', quote='\"')",
    "Logs | parse-kv msg as (a:long)",
    "Logs | partition hint.strategy=native by user (top 3 by t | project a)",
    "Logs | partition by user { Logs | where u == user | take 1 }",
    "Logs | __partitionby user (take 1)",
    "print 1",
    "print a = 1, b = 'two', now(), -3, dynamic([1, 2]), x = toscalar(Logs | count)",
    "Logs | project a, b = c + 1, d.e.f, ['g h']",
    "Logs | project-away a*, *_id, b",
    "Logs | project-keep *",
    "Logs | project-by-names 'a', dynamic(['b', 'c*'])",
    "Logs | project-rename new = old, ['x y'] = z",
    "Logs | project-reorder a* asc, b desc, c* granny-asc, *d granny-desc, e",
    "range x from 1 to 10 step 2",
    "range t from ago(1d) to now() step 1h | extend y = t + 1m",
    "Logs | reduce kind=source by msg with threshold=0.3, characters='-_'",
    "Logs | render timechart",
    "Logs | render barchart kind=stacked title='x' with (xcolumn=a, ycolumns=b, c, legend=hidden)",
    "Logs | render 3Dchart by a, b",
    "Logs | sample 10",
    "Logs | sample-distinct 5 of tolower(user)",
    "Logs | scan with_match_id=m declare (s:long = 0, t:string) with (step a: x > 1 => s = a.s + 1, t = 'z'; step b optional output=last: x < 1;)",
    "Logs | scan kind=partial order by t asc partition by u with (step a output=none: true)",
    "search 'needle'",
    "search kind=case_sensitive in (Logs, Other*) 'needle' and (name:'x*' or n > 5)",
    "Logs | search * has 'x' or col:'y'",
    "Logs | serialize",
    "Logs | serialize n = row_number(), p = prev(n)",
    "Logs | sort by a, b asc, tolower(c) desc nulls first",
    "Logs | order by a asc nulls last",
    "Logs | summarize by a",
    "Logs | summarize count(), n = dcount(x), arg_max(t, *) by a, day = bin(t, 1d)",
    "Logs | summarize hint.strategy=shuffle hint.shufflekey=k hint.num_partitions=4 total = sum(v) by k",
    "Logs | take 5",
    "Logs | limit toscalar(print 3)",
    "Logs | top 10 by a desc nulls last",
    "Logs | top 3 by count_",
    "Logs | top-hitters 5 of user by weight",
    "Logs | top-nested 3 of a with others = 'rest' by count(), top-nested of b by max(c) asc",
    "union Logs, Other",
    "Logs | union kind=inner withsource=src isfuzzy=true Other*, (Third | where x > 1), database('d').T*",
    "union withsource=t *",
    "Logs | where a > 1",
    "Logs | filter a > 1 and b < 2",
    // names that are words of the language
    "Logs | where count > 1 and range == 2 | project by, id, range, count, step, kind, with, from",
    "let range = 5; let count = 3; print range + count",
    "Logs | extend type = 1, order = 2, sort = 3 | summarize by type, order",
    "union | count",
    "search | take 1",
    // statements
    "let x = 5; let y = x + 1; print y",
    "let T2 = Logs | where a > 1; T2 | count",
    "let f = (a:long, b:string='x', T:(*), S:(x:long, y:string)) { let c = a + 1; T | where z == c }; f(1, b='y', T=Logs, S=Logs)",
    "let f = () { 5 }; print f()",
    "let v = view () { Logs | take 1 }; union v*",
    "let ['odd name'] = 3; print ['odd name']",
    "set notruncation; set maxmemory = 5; set a = 'x'; set query_now = datetime(2024-01-01); Logs",
    "alias database d = cluster('c').database('x'); database('d').T",
    "declare query_parameters(a:long = 5, b:string, c:datetime = datetime(2024-01-01)); print a",
    "declare pattern app; app('x').logs",
    "declare pattern app = (name:string)[scope:string] { ('a').['b'] = { Logs | where s == 'ab' }; ('c').['d'] = { Other }; }; app('a').b | count",
    "restrict access to (T*, database('d').*, v); Logs",
    "Logs | count; Other | count",
    // tabular expressions where a value may stand
    "let a = materialize(Logs | where x > 1); a | where y in (a) or z in ((a | project z)) or w in~ ('b', 'c')",
    "print toscalar(range i from 1 to 3 step 1 | count), toscalar kind=nooptimization (Logs | count)",
    "f(Logs | take 1, 2, n = 3)",
    "((Logs)) | where ((a) == (1))",
    "(Logs | take 1) | union (print 1)",
];

#[test]
fn every_query_parses_and_survives_the_formatter() {
    for text in QUERIES {
        let query = accept(text);
        let formatted = format(&query);
        let again = accept(&formatted);
        assert_eq!(shape(&query), shape(&again), "{text}\n{formatted}");
        assert_eq!(formatted, format(&again), "{text}");
    }
}

#[test]
fn every_operator_has_a_query_here() {
    for word in OPERATORS {
        assert!(QUERIES.iter().any(|it| it.contains(word)), "{word}");
    }
}

#[test]
fn every_stage_lies_within_its_text() {
    for text in QUERIES {
        let query = accept(text);
        for pipeline in &query.pipelines {
            for stage in &pipeline.stages {
                let word = query.text_of(stage.keyword);
                assert!(OPERATORS.contains(&word), "{text}: {word}");
                assert!(query.text_of(stage.span).starts_with(word), "{text}");
            }
        }
    }
}

#[test]
fn children_come_before_their_parents() {
    for text in QUERIES {
        let query = accept(text);
        for (at, expr) in query.exprs.iter().enumerate() {
            if let ExprKind::Parenthesized(inner) | ExprKind::Unary { operand: inner, .. } = &expr.kind {
                assert!((inner.0 as usize) < at, "{text}");
            }
        }
    }
}

#[test]
fn join_takes_kind_hints_and_keys() {
    let (query, it) = operator("join kind=inner hint.strategy=broadcast (Other | take 1) on k, $left.a == $right.b");
    let Operator::Join(join) = it else { panic!() };
    let names: Vec<_> = join.parameters.iter().map(|it| it.name.text.as_str()).collect();
    assert_eq!(names, ["kind", "hint.strategy"]);
    assert!(matches!(query.kind(join.parameters[0].value), ExprKind::Name(name) if name.text == "inner"));
    assert!(matches!(query.kind(join.right), ExprKind::Parenthesized(_)));
    assert_eq!(join.on.len(), 2);
    assert_eq!(query.text_of(query.span(join.on[1])), "$left.a == $right.b");
}

#[test]
fn unknown_parameters_are_kept_for_the_binder() {
    let (_, it) = operator("summarize kind=foo total = sum(v) by k");
    let Operator::Summarize(it) = it else { panic!() };
    assert_eq!(it.parameters[0].name.text, "kind");
    assert_eq!(it.aggregates[0].names[0].text, "total");
}

#[test]
fn assignments_know_their_names() {
    let (_, it) = operator("extend a = 1, (b, c) = f(x), d");
    let Operator::Extend(it) = it else { panic!() };
    let names: Vec<Vec<_>> = it.columns.iter().map(|it| it.names.iter().map(|it| it.text.as_str()).collect()).collect();
    assert_eq!(names, [vec!["a"], vec!["b", "c"], vec![]]);
    assert!(it.columns[1].is_tuple && !it.columns[0].is_tuple);
}

#[test]
fn a_sort_key_says_what_is_written() {
    let (_, it) = operator("sort by a, b asc, c nulls first, d desc nulls last");
    let Operator::Sort(it) = it else { panic!() };
    let keys: Vec<_> = it.keys.iter().map(|it| (it.direction, it.nulls)).collect();
    let (asc, desc) = (Some(Direction::Ascending), Some(Direction::Descending));
    assert_eq!(keys, [(None, None), (asc, None), (None, Some(Nulls::First)), (desc, Some(Nulls::Last))]);
}

#[test]
fn parse_patterns_keep_their_parts() {
    let (query, it) = operator("parse msg with * 'id=' id:long \" \" \"n=\" name *");
    let Operator::Parse(it) = it else { panic!() };
    assert!(matches!(it.pattern[0], ParsePart::Star(_)));
    let ParsePart::Text(text) = it.pattern[3] else { panic!() };
    assert_eq!(*query.kind(text), ExprKind::Literal(Literal::String(" n=".into())));
    let ParsePart::Column(name) = &it.pattern[4] else { panic!() };
    assert!(name.ty.is_none());
    assert_eq!(it.pattern.len(), 6);
}

#[test]
fn a_graph_pattern_alternates_nodes_and_edges() {
    let (_, it) = operator("graph-match (a)-[e*1..3]->(b)<--(c)-[f]-() project a.x");
    let Operator::GraphMatch(it) = it else { panic!() };
    let edges: Vec<_> = it.patterns[0]
        .elements
        .iter()
        .filter_map(|it| match it {
            GraphElement::Edge { direction, range, .. } => Some((*direction, range.is_some())),
            GraphElement::Node { .. } => None,
        })
        .collect();
    assert_eq!(edges, [(EdgeDirection::Right, true), (EdgeDirection::Left, false), (EdgeDirection::Any, false)]);
    assert_eq!(it.patterns[0].elements.len(), 7);
    reject("G | graph-match (a)-[e*2]->(b) project a");
    reject("G | graph-match (a)-[e*1..]->(b) project a");
}

#[test]
fn a_name_before_the_predicate_is_a_warning() {
    let (query, diagnostics) = kql_parser::parse("T | where a = true", &Default::default());
    assert_eq!(diagnostics.len(), 1);
    assert!(!diagnostics[0].is_error());
    let Operator::Where(it) = &pipeline(&query).stages[0].operator else { panic!() };
    assert_eq!(it.name.as_ref().map(|it| it.text.as_str()), Some("a"));
}

#[test]
fn functions_are_told_from_parentheses() {
    let query = accept("let a = (1 + 2); let f = (x:long) { x }; let v = view (T:(*)) { T };");
    let kinds: Vec<_> = query
        .statements
        .iter()
        .map(|it| match &it.kind {
            StatementKind::Let(Let { value: LetValue::Function(it), .. }) => (true, it.is_view),
            _ => (false, false),
        })
        .collect();
    assert_eq!(kinds, [(false, false), (true, false), (true, true)]);
}

#[test]
fn a_body_holds_statements_and_a_result() {
    let query = accept("let f = (x:long) { let y = x; let z = y; T | where a == z }; f(1)");
    assert_eq!(query.bodies[0].statements.len(), 2);
    assert!(query.bodies[0].result.is_some());
}

#[test]
fn operators_are_rejected_without_what_they_need() {
    for text in [
        "T | where",
        "T | extend",
        "T | extend a =",
        "T | summarize count() by",
        "T | sort a",
        "T | top 5",
        "T | top 5 by a, b",
        "T | join Other",
        "T | join (Other) on",
        "T | mv-apply x on where y",
        "T | parse a 'x' b",
        "T | parse a with",
        "T | invoke f",
        "T | make-series count() on t",
        "T | as",
        "T | take",
        "T | project-rename a = ",
        "T | render",
        "T | lookup X",
        "T | partition by a",
        "T | fork",
        "T | getschema x",
        "T | count count",
        "range x from 1 to 5",
        "datatable(a)[1]",
        "datatable(a:long) 1",
        "T | evaluate",
        "T | evaluate x",
        "union",
        "print",
        "| take 5",
        "where x",
    ] {
        if text == "union" || text == "print" {
            accept(text); // the name of a table
        } else {
            reject(text);
        }
    }
}
