//! Small queries that ask for much memory or much time, and the switch that stops them.

use crate::Watch;
use kql::{Error, Fault};
use std::time::Duration;

const MEMORY: usize = 64 << 20;
const TIMEOUT: Duration = Duration::from_millis(200);
/// Timeout, and what a debug build on a busy machine may need to notice it.
const AT_MOST: Duration = Duration::from_secs(4);

/// Bombs: each ends in a limit, out of time, or in a right answer.
const BOMBS: &[&str] = &[
    "print a = dynamic([1]) | extend a = pack_array(a, a, a, a, a, a, a, a, a, a) | extend a = pack_array(a, a, a, a, a, a, a, a, a, a) | extend a = pack_array(a, a, a, a, a, a, a, a, a, a) | extend a = pack_array(a, a, a, a, a, a, a, a, a, a) | extend a = pack_array(a, a, a, a, a, a, a, a, a, a) | extend a = pack_array(a, a, a, a, a, a, a, a, a, a) | extend a = pack_array(a, a, a, a, a, a, a, a, a, a) | extend a = pack_array(a, a, a, a, a, a, a, a, a, a) | project strlen(tostring(a))",
    "print a = 1 | extend b = pack_all() | extend c = pack_all() | extend d = pack_all() | extend e = pack_all() | extend f = pack_all() | extend g = pack_all() | extend h = pack_all() | extend i = pack_all() | extend j = pack_all() | extend k = pack_all() | extend l = pack_all() | extend m = pack_all() | extend n = pack_all() | extend o = pack_all() | extend p = pack_all() | extend q = pack_all() | extend r = pack_all() | extend s = pack_all() | extend t = pack_all() | extend u = pack_all() | extend v = pack_all() | extend w = pack_all() | extend x = pack_all() | extend y = pack_all() | project strlen(tostring(pack_all()))",
    "range x from 1 to 100000 step 1 | scan declare (a: dynamic) with (step s: true => a = pack_array(s.a);) | count",
    "print array_length(range(1, 9223372036854775807))",
    "print array_length(range(-9223372036854775808, 9223372036854775807))",
    "print array_length(range(1, 9223372036854775807, 9223372036854775806))",
    "print array_length(range(9223372036854775807, -9223372036854775808, -1))",
    "print array_length(range(datetime(0001-01-01), datetime(9999-12-31T23:59:59.9999999), 1tick))",
    "print array_length(range(0.0, 1.0, 1e-300))",
    "range x from 1 to 1000000000000000000 step 1 | count",
    "range x from 1 to 1000000000000000000 step 1",
    "range x from -9223372036854775808 to 9223372036854775807 step 1 | summarize max(x)",
    "range x from 1 to 1000000000000000000 step 1 | where x < 0",
    "range x from 1 to 60000000000 step 1 | summarize make_list(x)",
    "range x from 1 to 60000000000 step 1 | summarize make_set(x)",
    "range x from 1 to 60000000000 step 1 | summarize make_list(strrep('abcdefgh', 1000))",
    "range x from 1 to 60000000000 step 1 | summarize count() by x",
    "range x from 1 to 60000000000 step 1 | summarize dcount(x), percentiles(x, 50, 99)",
    "range x from 1 to 60000000000 step 1 | summarize make_bag(bag_pack(tostring(x), x))",
    "range x from 1 to 60000000000 step 1 | sort by x desc",
    "range x from 1 to 60000000000 step 1 | top 5 by x",
    "range x from 1 to 60000000000 step 1 | distinct x",
    "range x from 1 to 60000000000 step 1 | serialize r = row_number()",
    "range x from 1 to 60000000000 step 1 | extend k = 1 | partition by k (count)",
    "range x from 1 to 60000000000 step 1 | sample 5",
    "range x from 1 to 60000000000 step 1 | top-nested 2 of x by count()",
    "range x from 1 to 60000000000 step 1 | top-hitters 2 of x",
    "range x from 1 to 60000000000 step 1 | reduce by x",
    "range x from 1 to 60000000000 step 1 | scan with (step s: x > 0;)",
    "range x from 1 to 60000000000 step 1 | as A | join kind=inner (A) on x",
    "range x from datetime(2024-01-01) to datetime(2024-01-01T01:30:00) step 1tick | count",
    "range x from 0.0 to 1.0 step 1e-300 | count",
    "range x from 1e300 to 2e300 step 1 | count",
    "let r = range x from 1 to 100000 step 1 | extend k = 1; r | join kind=inner r on k | count",
    "let r = range x from 1 to 100000 step 1 | extend k = 1; r | join kind=inner r on k | where x < x1 | count",
    "let r = range x from 1 to 100000 step 1 | extend k = 1; r | join kind=fullouter r on k | sort by x",
    "let r = range x from 1 to 100000 step 1 | extend k = 1; r | lookup kind=inner r on k | count",
    "let r = range x from 1 to 100000 step 1 | extend k = 1; r | join kind=inner (r | join kind=inner r on k) on k | count",
    "print a = range(1, 1000000) | mv-expand a | extend b = range(1, 1000000) | mv-expand b | count",
    "print a = range(1, 1000) | mv-expand a | extend b = range(1, 1000) | mv-expand b | extend c = range(1, 1000) | mv-expand c | count",
    "print a = range(1, 1000000) | mv-apply a on (extend b = range(1, 100000) | mv-expand b)",
    "print a = range(1, 1000) | extend b = a, c = a | mv-expand kind=array a | mv-expand b | mv-expand c | summarize make_list(c)",
    "print strlen(strrep('a', 9223372036854775807))",
    "print strlen(strrep(strrep(strrep(strrep('a', 1024), 1024), 1024), 1024))",
    "print s = strrep('abcdefgh', 1024) | extend s = strcat(s, s, s, s, s, s, s, s) | extend s = strcat(s, s, s, s, s, s, s, s) | extend s = strcat(s, s, s, s, s, s, s, s) | extend s = strcat(s, s, s, s, s, s, s, s) | extend s = strcat(s, s, s, s, s, s, s, s) | project strlen(s)",
    "range x from 1 to 1000000 step 1 | extend s = strrep(tostring(x), 1024)",
    "range x from 1 to 1000000 step 1 | extend s = strrep(tostring(x), 1024) | summarize by s",
    "range x from 1 to 1000000 step 1 | extend s = strrep(tostring(x), 1024) | sort by s",
    "range x from 1 to 100000 step 1 | extend a = range(1, 1000)",
    "range x from 1 to 100000 step 1 | extend a = range(x, x + 1000) | summarize make_list(a)",
    "range x from 1 to 100000 step 1 | extend a = repeat(x, 100000) | summarize sum(array_length(a))",
    "print a = range(1, 100000) | extend a = array_concat(a, a, a, a, a, a, a, a) | extend a = array_concat(a, a, a, a, a, a, a, a) | extend a = array_concat(a, a, a, a, a, a, a, a) | project array_length(a)",
    "print t = datetime(2020-01-01), v = 1 | make-series sum(v) on t from datetime(0001-01-01) to datetime(9999-12-31T23:59:59.9999999) step 1tick",
    "print t = datetime(2020-01-01), v = 1 | make-series sum(v) on t from datetime(2020-01-01) to datetime(2021-01-01) step 1tick",
    "datatable(t: datetime)[datetime(0001-01-01), datetime(9999-12-31T23:59:59.9999999)] | make-series count() on t step 1tick",
    "range x from 1 to 100000 step 1 | make-series count() on x from 1 to 100000 step 1 by k = x",
    "range x from 1 to 1000000 step 1 | extend c = strcat('c', x) | evaluate pivot(c)",
    "range x from 1 to 1000000 step 1 | extend d = bag_pack(strcat('c', x), x) | evaluate bag_unpack(d)",
    "range x from 1 to 1000000 step 1 | summarize buildschema(bag_pack(strcat('c', x), x))",
    "print replace_regex(strrep('a', 1000), '', strrep('b', 1000))",
    "print s = strrep(strrep('a', 1024), 1024) | project strlen(replace_regex(s, @'.*[^A-Z]|[A-Z]', 'b'))",
    "print s = strrep(strrep('a', 1024), 1024) | project array_length(extract_all(@'(.*?,){11}P', s))",
    "print s = strrep(strrep('a', 1024), 1024) | project strlen(replace_string(s, 'a', strrep('b', 1000)))",
    "print s = strrep(strrep('a,', 1024), 1024) | project array_length(split(s, ','))",
    "print s = strrep(strrep('a,', 1024), 1024) | extend s = split(s, '') | project array_length(s)",
    "print strlen(tostring(range(1, 1000000)))",
    "print a = range(1, 1000000) | project array_length(array_sort_asc(a)), array_length(set_union(a, a)), array_length(set_difference(a, a))",
    "print series_periods_detect(range(1, 100000), 1, 100000, 10)",
    "print series_fir(range(1, 100000), range(1, 100000))",
    "print strcat_array(range(1, 1000000), strrep('x', 1000))",
    "print bin(1, 1e-300), bin_at(1, 1e-300, 0.0), bin(datetime(9999-12-31T23:59:59.9999999), 1tick)",
    "print gamma(1e308), loggamma(1e308), pow(1e308, 1e308), exp10(1e308), exp2(9223372036854775807)",
    "print hash(strrep('a', 1000000), 7), zip(range(1,1000000), range(1,1000000))",
    "print format_datetime(now(), strrep('y', 100000)), format_timespan(1h, strrep('d', 100000))",
    "print ipv4_range_to_cidr_list('0.0.0.0', '255.255.255.255'), ipv6_compare('::', strrep(':', 100000))",
    "print geo_polygon_to_s2cells(dynamic({'type':'Polygon','coordinates':[[[-170,-80],[170,-80],[170,80],[-170,80],[-170,-80]]]}), 30)",
    "print geo_polygon_to_h3cells(dynamic({'type':'Polygon','coordinates':[[[-170,-80],[170,-80],[170,80],[-170,80],[-170,-80]]]}), 15)",
    "print geo_line_densify(dynamic({'type':'LineString','coordinates':[[-170,-80],[170,80]]}), 1e-3)",
    "print geo_point_buffer(0.0, 0.0, 1000000.0, 1e-3)",
    "range x from 1 to 100000 step 1 | extend y = x % 7, z = x % 11, s = tostring(x % 100) | evaluate autocluster()",
    "range x from 1 to 100000 step 1 | extend y = tostring(x % 7), z = tostring(x % 11), s = tostring(x % 100) | evaluate basket(0.02)",
    "range x from 1 to 100000 step 1 | where x in (range y from 1 to 60000000000 step 1)",
    "print toscalar(range y from 1 to 60000000000 step 1 | summarize max(y))",
    "union (range y from 1 to 60000000000 step 1), (range y from 1 to 60000000000 step 1) | count",
    "range y from 1 to 60000000000 step 1 | as hint.materialized=true A; A | count",
    "let m = materialize(range y from 1 to 60000000000 step 1); m | count",
    "range y from 1 to 60000000000 step 1 | parse-where tostring(y) with 'a' b",
    "range y from 1 to 60000000000 step 1 | summarize hll(y), tdigest(y), make_list_if(y, y > 0), take_any(y), arg_max(y, *)",
    "range y from 1 to 60000000000 step 1 | summarize make_list(y, 9223372036854775807)",
    "range y from 1 to 60000000000 step 1 | summarize percentilesw_array(y, y, 50), stdev(y), covariance(y, y)",
    "range y from 1 to 100000 step 1 | summarize count_distinct(strrep(tostring(y), 1000)), dcount(y)",
    "range y from 1 to 100000 step 1 | extend p = prev(y, 9223372036854775807), q = next(y, -9223372036854775808), r = row_cumsum(y)",
];

#[test]
fn bombs_end() {
    let engine = crate::engine(MEMORY, TIMEOUT);
    let mut wrong = Vec::new();
    for bomb in BOMBS {
        let (res, fault) = crate::run(&engine, &bomb.chars().take(150).collect::<String>(), bomb, AT_MOST);
        wrong.extend(fault);
        match res {
            Ok(_) | Err(Error::Stopped(_) | Error::Run(Fault::Limit { .. } | Fault::Error { .. })) => {}
            Err(why) => wrong.push(format!("{bomb}: {why:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Plugins and `partition` compute rows while the query is bound; a limit met there is one of the run, not of the text.
#[test]
fn limits_met_while_binding_are_limits() {
    let engine = crate::engine(MEMORY, Duration::from_secs(120));
    for query in [
        "range x from 1 to 1000000 step 1 | extend d = bag_pack(strcat('c', x), x) | evaluate bag_unpack(d)",
        "range x from 1 to 1000000 step 1 | extend s = strrep(tostring(x), 100) | sort by s | evaluate narrow()",
        "range x from 1 to 1000000 step 1 | extend s = strrep(tostring(x), 100) | partition by s { count }",
    ] {
        let res = engine.query(query);
        assert!(matches!(res, Err(Error::Run(Fault::Limit { .. }))), "{query}: {res:?}");
    }
}

#[test]
fn a_switch_stops_what_runs() {
    let mut engine = crate::engine(4 << 30, Duration::from_secs(20));
    let mut wrong = Vec::new();
    for query in [
        "range x from 1 to 4000000000 step 1 | count",
        "range x from 1 to 4000000000 step 1 | summarize count() by x % 10",
        "range x from 1 to 4000000000 step 1 | where x < 0 | sort by x",
        "let r = range x from 1 to 1000000 step 1 | extend k = 1; r | join kind=inner r on k | count",
        "print a = range(1, 100000) | mv-expand a | extend b = range(1, 100000) | mv-expand b | count",
        "range x from 1 to 4000000000 step 1 | extend s = strcat('x', x) | where s matches regex @'x9*y'",
        "range x from 1 to 4000000000 step 1 | extend s = split(strcat(x, ',', x), ',') | where s[0] == 'y'",
        "range x from 1 to 3000000 step 1 | extend y = strcat(x % 1000, 'a') | sort by y",
        "union (range y from 1 to 4000000000 step 1), (range y from 1 to 4000000000 step 1) | count",
    ] {
        let stop = kql::Stop::default();
        engine.set_stop(stop.clone());
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(400));
            stop.cancel();
            Watch::start()
        });
        let res = engine.query(query);
        let late = canceller.join().unwrap().took();
        if std::env::var_os("KQL_HOSTILE_TIMES").is_some() {
            eprintln!("{late:9.1?}  {query}");
        }
        match res {
            Err(Error::Stopped(_)) if late < Duration::from_secs(1) => {}
            Err(why) => wrong.push(format!("{query}: {why:?} after {late:?}")),
            Ok(_) => wrong.push(format!("{query}: an answer")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
