//! Plugins and whole-table operators.

use super::query::{answer, fault, rows};

const DAYS: &str = "let d = datatable(u:string, t:datetime, g:string)[
    'a', datetime(2024-01-01), 'x', 'b', datetime(2024-01-01 05:00), 'x', 'a', datetime(2024-01-01 06:00), 'y',
    'a', datetime(2024-01-02), 'x', 'c', datetime(2024-01-02), 'y', 'b', datetime(2024-01-04), 'x'];
    let s = datetime(2024-01-01); let e = datetime(2024-01-04); d | ";

fn days(query: &str) -> (String, Vec<String>) {
    let (columns, rows) = answer(&format!("{DAYS}{query}"));
    // The day is enough.
    (columns, rows.iter().map(|it| it.replace("2024-01-", "").replace("T00:00:00.0000000Z", "")).collect())
}

#[test]
fn narrow_and_pivot() {
    let (columns, found) = answer("datatable(a:long, b:string)[1, 'x', int(null), 'y'] | evaluate narrow()");
    assert_eq!(columns, "Row:long Column:string Value:string");
    assert_eq!(found, ["0|a|1", "0|b|x", "1|a|", "1|b|y"]);
    let data = "datatable(k:string, c:string, n:long)['p', 'b', 1, 'q', 'a', 2, 'p', 'a', 4, 'p', 'b', 8] | ";
    let (columns, found) = answer(&format!("{data} evaluate pivot(c, sum(n))"));
    assert_eq!(columns, "k:string a:long b:long");
    assert_eq!(found, ["p|4|9", "q|2|0"]);
    assert_eq!(answer(&format!("{data} evaluate pivot(c, count(), k)")).1, ["p|1|2", "q|1|0"]);
    assert_eq!(answer(&format!("{data} project c | evaluate pivot(c)")), ("a:long b:long".into(), vec!["2|2".into()]));
}

#[test]
fn bags_are_unpacked() {
    let data = r#"datatable(n:string, d:dynamic)['i', dynamic({"z":1,"a":"x","m":1}), 'j', dynamic({"a":"y","m":"t"}), 'k', dynamic(null)] | "#;
    let (columns, found) = answer(&format!("{data} evaluate bag_unpack(d)"));
    assert_eq!(columns, "n:string a:string m:dynamic z:long");
    assert_eq!(found, ["i|x|1|1", "j|y|t|", "k|||"]);
    assert_eq!(answer(&format!("{data} evaluate bag_unpack(d, 'p_')")).0, "n:string p_a:string p_m:dynamic p_z:long");
    let found = answer(&format!("{data} evaluate bag_unpack(d, ignoredProperties=dynamic(['a', 'm']))"));
    assert_eq!(found.0, "n:string z:long");
    let clash = data.replace("n:string", "a:string");
    assert!(fault(&format!("{clash} evaluate bag_unpack(d)")).contains("`a`"));
    assert_eq!(
        rows(&format!("{clash} evaluate bag_unpack(d, columnsConflict='keep_source') | project a")),
        ["i", "j", "k"]
    );
    assert_eq!(
        rows(&format!("{clash} evaluate bag_unpack(d, columnsConflict='replace_source') | project a")),
        ["x", "y", ""]
    );
}

#[test]
fn texts_are_reduced() {
    let data =
        "range x from 1 to 20 step 1 | project s = iff(x % 4 == 0, strcat('user ', x, ' left'), strcat('disk', x))";
    assert_eq!(rows(&format!("{data} | reduce by s")), ["user * left|5|user 4 left", "others|15|"]);
    let data = "range x from 1 to 20 step 1 | project s = strcat('fooZ', x)";
    assert_eq!(rows(&format!("{data} | reduce by s with characters='Z'")), ["foo*|20|fooZ1"]);
}

#[test]
fn levels_of_top_nested() {
    let data =
        "datatable(a:string, b:string, n:long)['x', 'p', 5, 'x', 'q', 7, 'x', 'r', 1, 'y', 'p', 9, 'z', 'p', 2] | ";
    let run = |query: &str| rows(&format!("{data} top-nested {query}"));
    assert_eq!(run("2 of a by sum(n)"), ["x|13", "y|9"]);
    assert_eq!(run("1 of a by sum(n), top-nested 2 of b by sum(n)"), ["x|13|q|7", "x|13|p|5"]);
    assert_eq!(run("1 of a with others='rest' by sum(n)"), ["x|13", "rest|11"]);
    assert_eq!(
        run("1 of a with others='rest' by sum(n), top-nested 1 of b with others='more' by sum(n)"),
        ["x|13|q|7", "x|13|more|6", "rest|11|more|11"]
    );
    assert_eq!(run("of a by m = max(1) asc, top-nested 1 of b by min(n) asc").len(), 3);
    assert!(run("0 of a by sum(n)").is_empty());
}

#[test]
fn timelines() {
    let (columns, found) = days("evaluate activity_counts_metrics(u, t, s, e, 1d)");
    assert_eq!(columns, "t:datetime count:long dcount:long new_dcount:long aggregated_dcount:long");
    assert_eq!(found, ["01|3|2|2|2", "02|2|2|1|3", "04|1|1|0|3"]);
    let found = days("evaluate activity_counts_metrics(u, t, s, e, 1d, g) | sort by g asc, t asc").1;
    assert_eq!(found, ["01|x|2|2|2|2", "02|x|1|1|0|2", "04|x|1|1|0|2", "01|y|1|1|1|1", "02|y|1|1|1|2"]);
    assert_eq!(days("evaluate sliding_window_counts(u, t, s, e, 2d, 1d)").1, ["01|3|2", "02|5|3", "03|2|2", "04|1|1"]);
    assert_eq!(
        days("evaluate activity_engagement(u, t, s, e, 1d, 2d)").1,
        ["01|2|2|1.0", "02|2|3|0.6666666666666666", "04|1|1|1.0"]
    );
    assert_eq!(
        days("evaluate activity_metrics(u, t, s, e, 1d)").1,
        ["01|2|2|NaN|NaN", "02|2|1|0.5|0.5", "04|1|1|NaN|NaN"]
    );
    let found = days("evaluate new_activity_metrics(u, t, s, e, 1d) | project from_t, to_t, dcount_new_values, dcount_retained_values, dcount_churn_values").1;
    assert_eq!(
        found,
        ["01|01|2|2|0", "01|02|1|1|1", "01|03|0|0|2", "01|04|0|1|1", "02|02|1|1|0", "02|03|0|0|1", "02|04|0|0|1"]
    );
    assert_eq!(days("evaluate session_count(u, t, s, e, 1d, 20h)").1, ["01|2", "02|2", "04|1"]);
    assert_eq!(days("evaluate active_users_count(u, t, s, e, 2d, 1d, 2, 7d)").1, ["01|1"]);
    assert_eq!(days("evaluate activity_counts_metrics(u, t, s, e, 'week') | project c = ['count']").1, ["6"]);
    assert!(fault(&format!("{DAYS} evaluate activity_counts_metrics(u, t, s, e, 0d)")).contains("greater than zero"));
    assert!(fault(&format!("{DAYS} evaluate activity_counts_metrics(u, t, s, e, 1tick)")).contains("million"));
    let found = rows("range x from 1 to 6 step 1 | evaluate rolling_percentile(x, 50, x, 2, 2)");
    assert_eq!(found, ["0|1", "2|2", "4|3", "6|5"]);
}

#[test]
fn sequences() {
    let found = days("evaluate funnel_sequence_completion(u, t, s, e, 10d, g, dynamic(['x', 'y']), dynamic([1h, 1d])) | project g, Period, dcount").1;
    assert_eq!(found, ["x|01:00:00|2", "y|01:00:00|0", "x|1.00:00:00|2", "y|1.00:00:00|1"]);
    let found = days("evaluate funnel_sequence(u, t, s, e, 1d, 10d, g, dynamic(['y'])) | project prev, next, dcount").1;
    assert_eq!(found, ["||1", "x|x|1"]);
    let found = days("evaluate sequence_detect(t, 2d, 3d, one = (g == 'x'), two = (g == 'y'), u)");
    assert_eq!(found.0, "u:string one_t:datetime two_t:datetime Duration:timespan");
    assert_eq!(found.1, ["a|01|01T06:00:00.0000000Z|06:00:00"]);
}

#[test]
fn look_ups() {
    let query = "let n = datatable(net:string, k:string, c:string)['10.0.0.0/8', 'p', 'A', '10.1.0.0/16', 'p', 'B', '0.0.0.0/0', 'q', 'C'];
        datatable(ip:string, k:string)['10.1.2.3', 'p', '8.8.8.8', 'q', 'x', 'p'] | evaluate ipv4_lookup(n, ip, net";
    let (columns, found) = answer(&format!("{query})"));
    assert_eq!(columns, "ip:string k:string net:string k1:string c:string");
    assert_eq!(
        found,
        [
            "10.1.2.3|p|10.1.0.0/16|p|B",
            "10.1.2.3|p|10.0.0.0/8|p|A",
            "10.1.2.3|p|0.0.0.0/0|q|C",
            "8.8.8.8|q|0.0.0.0/0|q|C"
        ]
    );
    assert_eq!(
        rows(&format!("{query}, k, return_unmatched = true) | project ip, c")),
        ["10.1.2.3|B", "10.1.2.3|A", "8.8.8.8|C", "x|"]
    );
    let found = rows(
        "let n = datatable(net:string)['2001:db8::/32']; datatable(ip:string)['2001:db8::5', '::1'] | evaluate ipv6_lookup(n, ip, net)",
    );
    assert_eq!(found, ["2001:db8::5|2001:db8::/32"]);
}

#[test]
fn patterns() {
    let data = "range x from 1 to 100 step 1 | extend a = iff(x <= 60, 'p', strcat('v', x)), b = iff(x <= 80, 1, 2), c = 'k' | project-away x | ";
    let (columns, found) = answer(&format!("{data} evaluate basket(0.3)"));
    assert_eq!(columns, "SegmentId:long Count:long Percent:real a:string b:long c:string");
    assert_eq!(found, ["0|100|100.0|||k", "1|80|80.0||1|k", "2|60|60.0|p|1|k"]);
    let found = rows(&format!("{data} evaluate basket(0.7, '~', '~', '*', long(-1))"));
    assert_eq!(found, ["0|100|100.0|*|-1|k", "1|80|80.0|*|1|k"]);
    assert_eq!(rows(&format!("{data} evaluate autocluster()")).first().unwrap(), "0|60|60.0|p|1|k");
    let found = rows(&format!("{data} evaluate diffpatterns(b, '1', '2', '~', 0.1)"));
    assert_eq!(found, ["0|60|0|75.0|0.0|75.0|p|k"]);
}

#[test]
fn smaller_ones() {
    let near = "range x from 1 to 9 step 1 | evaluate rows_near(x == 4 or x == 5, 1";
    assert_eq!(rows(&format!("{near})")), ["3", "4", "5", "6"]);
    assert_eq!(rows(&format!("{near}, 3)")), ["3", "4", "5", "6", "7", "8"]);
    assert_eq!(rows("range x from 1 to 9 step 1 | evaluate preview(2)"), ["1", "2"]);
    assert!(fault("print 1 | evaluate no_such_plugin()").contains("no_such_plugin"));
    assert!(fault("print 1 | evaluate python(typeof(*), '')").contains("python"));
}

#[test]
fn rows_that_do_not_fit_give_no_panic() {
    for plugin in [
        "activity_counts_metrics(x, x, 1, 0, 1)",
        "activity_metrics(x, x, 1)",
        "session_count(x, x, -9223372036854775807, 9223372036854775807, 9223372036854775807, 1)",
        "rolling_percentile(x, 50, x, 9223372036854775807, 9223372036854775807)",
        "sliding_window_counts(x, x, 1, 5, 9223372036854775807, 1)",
        "autocluster(2.0)",
        "basket(0.0)",
        "diffpatterns(x, 'p', 'q')",
        "pivot(x)",
        "sequence_detect(x, 1, 9223372036854775807, x == 1)",
        "rows_near(true, 9223372036854775807)",
        "preview(-1)",
        "dcount_intersect(x)",
        "funnel_sequence(x, x, 0, 9, 1, 1, x, dynamic([]))",
        "ipv4_lookup((print y = '1'), x, y)",
        "new_activity_metrics(x, x, 5, 1, 1)",
    ] {
        for input in ["range x from 1 to 5 step 1", "range x from 1 to 0 step 1"] {
            _ = super::query::run_with(&format!("{input} | evaluate {plugin}"), 1, 7);
        }
    }
}
