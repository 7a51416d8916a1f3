//! Patterns over random graphs against a plain search, conditions inside a pattern against the same behind it, and graphs
//! that would never end.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing, reason = "a test may fail")]

use kql::{Engine, Error, Fault, Limits};
use std::{
    fmt::Write,
    time::{Duration, Instant},
};

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

type Edges = Vec<(u64, u64)>;

fn edges(random: &mut Random, n_nodes: u64, n_edges: u64) -> Edges {
    (0..n_edges).map(|_| (random.below(n_nodes), random.below(n_nodes))).collect()
}

/// The graph `G` of those edges; `w` numbers them.
fn graph(edges: &Edges) -> String {
    let rows = edges.iter().enumerate().map(|(n, (s, t))| format!("{s}, {t}, {n}"));
    let rows = rows.collect::<Vec<_>>().join(", ");
    format!("let G = datatable(s:long, t:long, w:long)[{rows}] | make-graph s --> t with_node_id=id;\n")
}

fn rows(text: &str) -> Vec<String> {
    let outcome = Engine::new().query(text).unwrap_or_else(|why| panic!("{why}\n{text}"));
    let mut rows: Vec<String> = outcome.tables[0]
        .rows()
        .map(|row| {
            row.iter().fold(String::new(), |mut out, it| {
                _ = write!(out, "{}|", it.text());
                out
            })
        })
        .collect();
    rows.sort();
    rows
}

/// All walks of `least` to `most` edges that may be, as the engine shows them: first node, last node, edges.
fn walks(edges: &Edges, cycles: &str, least: usize, most: usize) -> Vec<String> {
    fn grow(
        edges: &Edges,
        cycles: &str,
        (least, most): (usize, usize),
        nodes: &mut Vec<u64>,
        way: &mut Vec<usize>,
        out: &mut Vec<String>,
    ) {
        if way.len() >= least {
            let way = way.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
            out.push(format!("{}|{}|[{way}]|", nodes[0], nodes[nodes.len() - 1]));
        }
        if way.len() == most {
            return;
        }
        for (n, (s, t)) in edges.iter().enumerate() {
            let is_free = match cycles {
                "all" => true,
                "none" => !nodes.contains(t),
                _ => !way.contains(&n),
            };
            if *s == nodes[nodes.len() - 1] && is_free {
                nodes.push(*t);
                way.push(n);
                grow(edges, cycles, (least, most), nodes, way, out);
                nodes.pop();
                way.pop();
            }
        }
    }
    let mut starts: Vec<u64> = edges.iter().flat_map(|(s, t)| [*s, *t]).collect();
    starts.sort_unstable();
    starts.dedup();
    let mut out = Vec::new();
    for start in starts {
        grow(edges, cycles, (least, most), &mut vec![start], &mut Vec::new(), &mut out);
    }
    out.sort();
    out
}

#[test]
fn paths_are_those_of_a_plain_search() {
    let mut random = Random(7);
    for _ in 0..12 {
        let edges = edges(&mut random, 5, 8);
        for cycles in ["all", "none", "unique_edges"] {
            for (least, most) in [(0, 2), (1, 3), (2, 4)] {
                let text = format!(
                    "{}G | graph-match cycles={cycles} (a)-[p*{least}..{most}]->(b) project a.id, b.id, map(p, w)",
                    graph(&edges)
                );
                assert_eq!(rows(&text), walks(&edges, cycles, least, most), "{text}");
            }
        }
    }
}

#[test]
fn shortest_paths_are_the_shortest_simple_walks() {
    let mut random = Random(11);
    for _ in 0..15 {
        let edges = edges(&mut random, 6, 10);
        for (least, most) in [(0, 4), (1, 4), (2, 4)] {
            let all = walks(&edges, "none", least, most);
            let ends = |it: &String| it.split('|').take(2).collect::<Vec<_>>().join("|");
            let length = |it: &String| it.split('|').nth(2).unwrap().split(',').filter(|it| *it != "[]").count();
            let is_shortest = |it: &&String| {
                all.iter().filter(|other| ends(other) == ends(it)).all(|other| length(other) >= length(it))
            };
            let expected: Vec<String> = all.iter().filter(is_shortest).cloned().collect();
            let text = |output: &str| {
                format!(
                    "{}G | graph-shortest-paths output={output} (a)-[p*{least}..{most}]->(b) project a.id, b.id, map(p, w)",
                    graph(&edges)
                )
            };
            assert_eq!(rows(&text("all")), expected, "{}", text("all"));
            let any = rows(&text("any"));
            assert!(any.iter().all(|it| expected.contains(it)), "{}", text("any"));
            let mut pairs: Vec<String> = expected.iter().map(ends).collect();
            pairs.dedup();
            assert_eq!(any.iter().map(ends).collect::<Vec<_>>(), pairs, "{}", text("any"));
        }
    }
}

#[test]
fn a_condition_in_the_pattern_is_a_condition_behind_it() {
    let patterns = [
        "(a)-[e]->(b)-[p*1..3]->(c)",
        "(a)<-[p*0..2]-(b)-[e]-(c)",
        "(a)-[e]->(b), (c)-[p*1..2]->(b)",
        "(a)-[p*1..3]-(b)-[e]->(a), (b)--(c)",
        "(c)-[p*2..3]->(b)<-[e]-(a)-->(a)",
    ];
    let conditions = [
        ("a.id == 1", "a_id == 1"),
        ("b.id > 1 and c.id < 4", "b_id > 1 and c_id < 4"),
        ("e.w % 2 == 0 and a.id != c.id", "e_w % 2 == 0 and a_id != c_id"),
        ("all(p, w > 2)", "array_length(p_w) == array_length(big)"),
        ("all(inner_nodes(p), id != 2) and c.id >= 1", "array_index_of(inner, 2) == -1 and c_id >= 1"),
        ("any(p, w > 4) or a.id == 0", "array_length(huge) > 0 or a_id == 0"),
    ];
    let mut random = Random(3);
    for round in 0..8 {
        let edges = edges(&mut random, 5, 9);
        let cycles = ["all", "none", "unique_edges"][round % 3];
        for pattern in patterns {
            for (inside, behind) in conditions {
                let project = "project a.id, b.id, c.id, e.w, map(p, w), inner = map(inner_nodes(p), id), \
                               big = map(p, iff(w > 2, 1, 0)), huge = map(p, iff(w > 4, 1, 0))";
                let sums = "| mv-apply x = big to typeof(long) on (summarize big = make_list_if(x, x == 1)) \
                            | mv-apply x = huge to typeof(long) on (summarize huge = make_list_if(x, x == 1))";
                let matches = format!("{}G | graph-match cycles={cycles} {pattern}", graph(&edges));
                let first = rows(&format!("{matches} where {inside} {project} {sums}"));
                let second = rows(&format!("{matches} {project} {sums} | where {behind}"));
                assert_eq!(first, second, "{matches} where {inside}");
            }
        }
    }
}

#[test]
fn endless_searches_stop_at_a_limit() {
    let all_to_all: Edges = (0..30).flat_map(|s| (0..30).map(move |t| (s, t))).collect();
    let queries = [
        "graph-match cycles=all (a)-[p*1..1000000000]->(b) project map(p, w)",
        "graph-match cycles=all (a)-[p*900000000..1000000000]->(b) project a.id",
        "graph-match (a)-[p*1..1000000000]->(b) project map(p, w)",
        "graph-match cycles=none (a)-[p*20..25]->(b), (b)-[q*3..9]->(c) where a.id == b.id project 1",
        "graph-shortest-paths (a)-[p*20..25]->(b) where any(p, w > 5000) project 1",
    ];
    for query in queries {
        let mut engine = Engine::new();
        engine.set_limits(Limits { memory: 32 << 20, ..Limits::default() });
        engine.set_timeout(Some(Duration::from_millis(500)));
        let start = Instant::now();
        match engine.query(format!("{}G | {query}", graph(&all_to_all)).as_str()) {
            Err(Error::Run(Fault::Limit { .. }) | Error::Stopped(Fault::Timeout)) => {}
            Err(other) => panic!("{query}: {other}"),
            Ok(outcome) => panic!("{query}: {} rows", outcome.tables[0].rows().count()),
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{query}: {:?}", start.elapsed());
    }
}
