//! What of the documented language does not run here, or runs otherwise, with the reasons: the coverage table of the reference
//! page. A test runs every claim.

/// A name of the language and what is to be said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The name.
    pub name: &'static str,
    /// How it differs, or why it does not run.
    pub text: &'static str,
    /// A query that shows it: one that runs, or one that is refused by name.
    pub query: &'static str,
}

const fn remark(name: &'static str, text: &'static str, query: &'static str) -> Remark {
    Remark { name, text, query }
}

const CURSOR: &str = "rows have no ingestion order here";
const COMBINE: &str = "how the service combines the hashes is not published";
const SERVICE: &str = "runs on a service";
const MODEL: &str = "a language model answers it";
const NETWORK: &str = "nothing leaves the process";
const CHOICE: &str = "which of overlapping patterns are shown is this engine's choice";

/// Names that are refused when a query runs.
pub const UNSUPPORTED: &[Remark] = &[
    remark("ai_chat_completion", MODEL, "evaluate ai_chat_completion('x', 'y')"),
    remark("ai_chat_completion_prompt", MODEL, "evaluate ai_chat_completion_prompt('x', 'y')"),
    remark("ai_embed_text", MODEL, "evaluate ai_embed_text('x', 'y')"),
    remark("ai_embeddings", MODEL, "evaluate ai_embeddings('x', 'y')"),
    remark("azure_digital_twins_query_request", SERVICE, "evaluate azure_digital_twins_query_request('x', 'y')"),
    remark("cosmosdb_sql_request", SERVICE, "evaluate cosmosdb_sql_request('x', 'y')"),
    remark("csharp", "no .NET runtime is part of the engine", "print x = 1 | evaluate csharp(typeof(*), 'y')"),
    remark("cursor_after", CURSOR, "print x = 1 | where cursor_after('')"),
    remark("cursor_before_or_at", CURSOR, "print x = 1 | where cursor_before_or_at('')"),
    remark("cursor_current", CURSOR, "print cursor_current()"),
    remark("dax_request", SERVICE, "evaluate dax_request('x', 'y')"),
    remark("execute_query", SERVICE, "evaluate execute_query('x', 'y', 'z')"),
    remark("execute_show_command", SERVICE, "evaluate execute_show_command('x', 'y')"),
    remark("external_datatable", "reads external storage", "evaluate external_datatable('x')"),
    remark(
        "graph",
        "a graph that a service stores; `make-graph` makes one",
        "graph('G') | graph-match (a) project a.x",
    ),
    remark("hash_combine", COMBINE, "print hash_combine(1, 2)"),
    remark("hash_many", COMBINE, "print hash_many('a', 'b')"),
    remark("http_request", NETWORK, "evaluate http_request('https://example.com')"),
    remark("http_request_post", NETWORK, "evaluate http_request_post('https://example.com')"),
    remark("identity_v3", "not documented", "print x = 1 | evaluate identity_v3()"),
    remark(
        "infer_storage_schema_with_suggestions",
        "its suggestions are the service's; `infer_storage_schema` runs over local copies",
        "evaluate infer_storage_schema_with_suggestions(dynamic({}))",
    ),
    remark(
        "inline_external_table",
        "reads external storage; load the rows as a table",
        "inline_external_table (x:long) kind=storage dataformat=csv ('https://example.com')",
    ),
    remark("mysql_request", SERVICE, "evaluate mysql_request('x', 'y')"),
    remark("postgresql_request", SERVICE, "evaluate postgresql_request('x', 'y')"),
    remark("python", "no Python runtime is part of the engine", "print x = 1 | evaluate python(typeof(*), 'y')"),
    remark("r", "no R runtime is part of the engine", "print x = 1 | evaluate r(typeof(*), 'y')"),
    remark("row_id", CURSOR, "print x = 1 | extend row_id()"),
    remark("rowstore_ordinal_range", CURSOR, "print rowstore_ordinal_range()"),
    remark("sql_request", SERVICE, "evaluate sql_request('x', 'y')"),
];

/// Names that run with a difference.
pub const PARTIAL: &[Remark] = &[
    remark(
        "alias",
        "names the tables that the host calls `Db.T`, else the local ones; so do `cluster`, `database`, `workspace`, `app`",
        "alias database D = cluster('c').database('d'); database('D').Local",
    ),
    remark("autocluster", CHOICE, "print x = 1 | evaluate autocluster()"),
    remark("basket", CHOICE, "print x = 1 | evaluate basket()"),
    remark("current_principal_details", "the user is always the local one", "print current_principal_details()"),
    remark(
        "dcount",
        "exact up to the sketch's size; the sketch is this engine's own, as that of `hll`",
        "range x from 1 to 9 step 1 | summarize dcount(x)",
    ),
    remark("diffpatterns", CHOICE, "print x = 1, s = 'a' | evaluate diffpatterns(s, 'a', 'b')"),
    remark(
        "diffpatterns_text",
        "patterns are runs of words, without `*` between them",
        "print t = 'a b', c = true | evaluate diffpatterns_text(t, c)",
    ),
    remark("estimate_rows_count", "the exact number", "print x = 1 | evaluate estimate_rows_count()"),
    remark("external_table", "names a local table", "external_table('Local')"),
    remark(
        "externaldata",
        "rows of local copies that the host allows; nothing is fetched",
        "externaldata(x:long)['https://example.com/x.csv']",
    ),
    remark("extent_id", "one extent holds all rows", "print extent_id()"),
    remark(
        "funnel_sequence",
        "the first of its tables",
        "datatable(id:long, t:datetime, s:string)[1, datetime(2024-01-01), 'a'] | evaluate funnel_sequence(id, t, datetime(2024-01-01), datetime(2024-01-02), 1d, 1d, s, dynamic(['a']))",
    ),
    remark(
        "geo_info_from_ip_address",
        "reads the MaxMind DB that the host gives",
        "print geo_info_from_ip_address('1.1.1.1')",
    ),
    remark(
        "geo_line_buffer",
        "other vertices on the same outline, as `geo_polygon_buffer`",
        "print geo_line_buffer(dynamic({'type':'LineString','coordinates':[[0,0],[1,1]]}), 10)",
    ),
    remark(
        "hll",
        "a sketch of this engine's own form, as those of `tdigest`",
        "range x from 1 to 9 step 1 | summarize hll(x)",
    ),
    remark(
        "infer_storage_schema",
        "the columns of local copies that the host allows",
        "evaluate infer_storage_schema(dynamic({'StorageContainers': ['https://example.com/x.csv'], 'DataFormat': 'csv'}))",
    ),
    remark("ingestion_time", "null: rows do not know when they came", "print x = 1 | extend ingestion_time()"),
    remark("parse_user_agent", "by rules of this engine's own", "print parse_user_agent('Mozilla/5.0', 'browser')"),
    remark(
        "percentile",
        "exact, where the service estimates large groups",
        "range x from 1 to 9 step 1 | summarize percentile(x, 50)",
    ),
    remark("preview", "the first of its tables", "print x = 1 | evaluate preview(1)"),
    remark(
        "reduce",
        "by the words that are frequent at their places",
        "datatable(s:string)['a b', 'a c'] | reduce by s",
    ),
    remark(
        "render",
        "its properties go with the answer; a terminal draws lines, bars and tables",
        "print x = 1 | render table",
    ),
    remark(
        "restrict",
        "hides tables and functions from the rest of the query",
        "let T = view () { print x = 1 }; restrict access to (T); T",
    ),
    remark("set", "options of a service are taken and change nothing", "set notruncation; print x = 1"),
    remark("stored_query_result", "names a local table", "stored_query_result('Local')"),
    remark(
        "string",
        "never null, where a few functions of the service give a null string",
        "print isnull(substring('a', long(null)))",
    ),
];
