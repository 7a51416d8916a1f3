"""Loads and queries in Polars, DataFusion, chDB, and DuckDB with its JSON type: prints one line of JSON, as main.rs does.

    peers.py ENGINE AUDIT COMPLETIONS LINES NAMES RUNS THREADS

NAMES is a JSON list of queries by name; what an engine has no version of is left out of its answer. Each engine holds its
data as its users would: Polars and DataFusion in structs, chDB in a JSON column beside the columns that all queries name,
DuckDB ("json") in JSON columns. A query that gives one whole number is compared by it, all others by their number of rows.
"""

import json
import os
import sys
import time

NOW = 1781092800  # 2026-06-10 12:00:00
DAY = 86400


def memory(key):
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(it.split()[1]) * 1024 for it in status if it.startswith(key))
    except OSError:
        return 0


def only(rows, columns, first):
    """What is compared."""
    value = first() if rows == 1 and columns == 1 else None
    return value if isinstance(value, int) else rows


class Polars:
    """Data frames with structs."""

    def __init__(self, threads):
        os.environ["POLARS_MAX_THREADS"] = str(threads)
        import polars

        self.pl, self.version, self.tables = polars, polars.__version__, {}

    def load(self, table, time_key, path):
        frame = self.pl.read_ndjson(path, infer_schema_length=None)
        moment = self.pl.from_epoch(time_key, time_unit="s").alias("t")
        self.tables[table] = frame.with_columns(moment)

    def queries(self):
        pl, now = self.pl, self.pl.lit(NOW).cast(self.pl.Int64)
        audit, completions, lines = (self.tables[it].lazy() for it in ("audit", "completions", "lines"))
        user = pl.col("actor").struct.field("session").struct.field("user")
        email = user.struct.field("email").fill_null("")
        address = pl.col("actor").struct.field("session").struct.field("ip_address")
        kind, message = pl.col("type"), pl.col("Message")
        keep = lambda table, condition: table.filter(condition).select(pl.len())
        by = lambda table, key, *values: table.group_by(key.alias("k")).agg(*values)
        window = (
            audit.select(a="effective_at", e=email).filter(pl.col("e") != "").sort("a")
            .join_where(completions.select(u="created", f="input_user"), pl.col("e") == pl.col("f"),
                        pl.col("u") >= pl.col("a"), pl.col("u") <= pl.col("a") + DAY)
            .select(pl.len())
        )
        return {
            "time_filter": keep(audit, pl.col("effective_at") > now - DAY),
            "has_short": keep(audit, kind.str.contains(r"(?i)\blogin\b")),
            "contains_short": keep(audit, kind.str.to_lowercase().str.contains("key", literal=True)),
            "has_any_short": keep(audit, kind.str.contains(r"(?i)\b(login|logout|role)\b")),
            "has_long": keep(lines, message.str.contains(r"(?i)\brollback\b")),
            "contains_long": keep(lines, message.str.contains("(?i)certifi")),
            "contains_cs_long": keep(lines, message.str.contains("certifi", literal=True)),
            "has_any_long": keep(lines, message.str.contains(r"(?i)\b(rollback|quorum|certificate)\b")),
            "path_count_dcount_set": by(audit, email, pl.len(), kind.n_unique().alias("n"), address.unique().alias("s")),
            "top_20": audit.sort("t", descending=True).head(20),
            "hourly_bins": audit.group_by(pl.col("t").dt.truncate("1h"), kind).len(),
            "regex_extract": by(audit, email.str.extract("@([a-z.]+)$", 1), pl.len()),
            "regex_extract_long": by(lines, message.str.extract(r"status=(\d+)", 1), pl.len()),
            "mv_expand": completions.select("choices").explode("choices").select(pl.len()),
            "parse_json": by(lines, pl.col("Payload").str.json_path_match("$.kind"),
                             pl.col("Payload").str.json_path_match("$.code").cast(pl.Int64).sum().alias("s")),
            "arg_max": by(audit, email, *(pl.col(it).sort_by("t").last() for it in ("t", "type", "id"))),
            "join_million": completions.select("request_id", "model").join(
                lines.select("RequestId", "Number"), left_on="request_id", right_on="RequestId").select(pl.len()),
            "window_join": window,
            "leftanti": completions.join(audit.select(e=email), left_on="input_user", right_on="e", how="anti")
            .select(pl.len()),
        }

    def run(self, query):
        frame = query.collect()
        return only(frame.height, frame.width, lambda: frame.item())


AUDIT_SQL = {
    "time_filter": "SELECT count(*) FROM audit WHERE effective_at > {now} - 86400",
    "has_short": "SELECT count(*) FROM audit WHERE {match}(type, '(?i)\\blogin\\b')",
    "contains_short": "SELECT count(*) FROM audit WHERE {contains}(lower(type), 'key')",
    "has_any_short": "SELECT count(*) FROM audit WHERE {match}(type, '(?i)\\b(login|logout|role)\\b')",
    "has_long": "SELECT count(*) FROM lines WHERE {match}({message}, '(?i)\\brollback\\b')",
    "contains_long": "SELECT count(*) FROM lines WHERE {contains}(lower({message}), 'certifi')",
    "contains_cs_long": "SELECT count(*) FROM lines WHERE {contains}({message}, 'certifi')",
    "has_any_long": "SELECT count(*) FROM lines WHERE {match}({message}, '(?i)\\b(rollback|quorum|certificate)\\b')",
    "path_count_dcount_set": "SELECT coalesce({email}, '') AS e, count(*), {dcount}(type), {set}({address}) FROM audit GROUP BY e",
    "top_20": "SELECT * FROM audit ORDER BY effective_at DESC LIMIT 20",
    "hourly_bins": "SELECT floor(effective_at / 3600) AS t, type, count(*) FROM audit GROUP BY t, type",
    "regex_extract_long": "SELECT {extract}({message}, 'status=([0-9]+)'{group}) AS c, count(*) FROM lines GROUP BY c",
    "regex_extract": "SELECT {extract}(coalesce({email}, ''), '@([a-z.]+)$'{group}) AS d, count(*) FROM audit GROUP BY d",
    "join_million": "SELECT count(*) FROM completions c JOIN lines l ON c.request_id = l.{request}",
    "window_join": "SELECT count(*) FROM (SELECT effective_at AS a, {email} AS e FROM audit WHERE {email} <> '') x "
    "JOIN (SELECT created AS u, input_user AS f FROM completions) y ON x.e = y.f WHERE u BETWEEN a AND a + 86400",
    "leftanti": "SELECT count(*) FROM completions c LEFT ANTI JOIN (SELECT {email} AS e FROM audit) a ON c.input_user = a.e",
}


class DataFusion:
    """SQL over structs."""

    def __init__(self, threads):
        os.environ["TOKIO_WORKER_THREADS"] = str(threads)
        import datafusion

        self.version = datafusion.__version__
        self.context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(threads))

    def load(self, table, time_key, path):
        self.context.register_json("source", path, schema_infer_max_records=10**9, file_extension=".ndjson")
        self.context.register_record_batches(table, [self.context.sql("SELECT * FROM source").collect()])
        self.context.deregister_table("source")

    def queries(self):
        names = {
            "now": NOW, "match": "regexp_like", "contains": "contains", "message": '"Message"', "request": '"RequestId"',
            "email": "actor['session']['user']['email']", "address": "actor['session']['ip_address']",
            "dcount": "approx_distinct", "set": "array_agg DISTINCT",
        }
        sql = {name: it for name, it in AUDIT_SQL.items() if "{extract}" not in it}
        sql = {name: it.replace("{set}({address})", "array_agg(DISTINCT {address})").format(**names) for name, it in sql.items()}
        extract = "SELECT (regexp_match({text}, '{pattern}'))[1] AS c, count(*) FROM {table} GROUP BY c"
        sql["regex_extract"] = extract.format(text=f"coalesce({names['email']}, '')", pattern="@([a-z.]+)$", table="audit")
        sql["regex_extract_long"] = extract.format(text='"Message"', pattern="status=([0-9]+)", table="lines")
        sql["mv_expand"] = "SELECT count(*) FROM (SELECT unnest(choices) FROM completions)"
        sql["arg_max"] = (
            f"SELECT coalesce({names['email']}, '') AS e, max(effective_at), last_value(type ORDER BY effective_at), "
            "last_value(id ORDER BY effective_at) FROM audit GROUP BY e"
        )
        return sql

    def run(self, query):
        batches = self.context.sql(query).collect()
        rows = sum(it.num_rows for it in batches)
        return only(rows, batches[0].num_columns if batches else 0, lambda: next(it for it in batches if it.num_rows).column(0)[0].as_py())


class ChDb:
    """ClickHouse: a JSON column, and the columns that all queries name."""

    COLUMNS = {
        "audit": "j.id::String AS id, j.type::String AS type, j.effective_at::Int64 AS effective_at, "
        "coalesce(j.actor.session.user.email::Nullable(String), '') AS email, "
        "coalesce(j.actor.session.ip_address::Nullable(String), '') AS address",
        "completions": "j.request_id::String AS request_id, j.model::String AS model, j.created::Int64 AS created, "
        "j.input_user::String AS input_user",
        "lines": "j.RequestId::String AS RequestId, j.Number::Int64 AS Number, j.Message::String AS Message, "
        "j.Payload::String AS Payload",
    }

    def __init__(self, threads):
        import chdb
        from chdb import session

        self.version, self.threads, self.session = chdb.__version__, threads, session.Session()
        self.session.query("CREATE DATABASE IF NOT EXISTS logs ENGINE = Atomic")

    def query(self, sql, form="CSV"):
        return self.session.query(f"{sql} SETTINGS max_threads = {self.threads}, max_insert_threads = {self.threads}", form)

    def load(self, table, time_key, path):
        columns = self.COLUMNS[table]
        source = f"(SELECT json AS j FROM file('{path}', 'JSONAsObject', 'json JSON'))"
        self.session.query(f"CREATE TABLE logs.{table} ENGINE = Memory AS SELECT j, {columns} FROM {source} LIMIT 0")
        self.query(f"INSERT INTO logs.{table} SELECT j, {columns} FROM {source}")

    def queries(self):
        names = {
            "now": NOW, "match": "match", "contains": "position", "message": "Message", "request": "RequestId",
            "email": "email", "address": "address", "dcount": "uniq", "set": "groupUniqArray", "extract": "extract", "group": "",
        }
        sql = {name: it.replace("\\b", "\\\\b").format(**names) for name, it in AUDIT_SQL.items()}
        sql["contains_short"] = "SELECT count(*) FROM audit WHERE position(lower(type), 'key') > 0"
        sql["contains_long"] = "SELECT count(*) FROM lines WHERE positionCaseInsensitive(Message, 'certifi') > 0"
        sql["contains_cs_long"] = "SELECT count(*) FROM lines WHERE position(Message, 'certifi') > 0"
        sql["mv_expand"] = "SELECT count(*) FROM completions ARRAY JOIN j.choices::Array(JSON) AS choice"
        sql["parse_json"] = (
            "SELECT JSONExtractString(Payload, 'kind') AS k, sum(JSONExtractInt(Payload, 'code')) FROM lines GROUP BY k"
        )
        sql["arg_max"] = (
            "SELECT email, max(effective_at), argMax(type, effective_at), argMax(id, effective_at) FROM audit GROUP BY email"
        )
        for table in self.COLUMNS:
            sql = {name: it.replace(f" {table}", f" logs.{table}") for name, it in sql.items()}
        return sql

    def run(self, query):
        lines = self.query(query, "TSV").bytes().decode().splitlines()
        rows = len(lines)
        number = rows == 1 and lines[0].lstrip("-").isdigit()
        return int(lines[0]) if number else rows


class DuckJson:
    """DuckDB with every record as JSON, taken apart by each query."""

    def __init__(self, threads):
        import duckdb

        self.version, self.database = duckdb.__version__, duckdb.connect()
        self.database.execute(f"SET threads = {threads}")

    def load(self, table, time_key, path):
        self.database.execute(f"CREATE TABLE {table} AS SELECT json AS j FROM read_ndjson_objects(?)", [path])

    def queries(self):
        email = "coalesce(j->>'$.actor.session.user.email', '')"
        count = "SELECT count(*) FROM {} WHERE {}"
        return {
            "time_filter": count.format("audit", f"(j->>'$.effective_at')::BIGINT > {NOW} - {DAY}"),
            "has_short": count.format("audit", r"regexp_matches(j->>'$.type', '(?i)\blogin\b')"),
            "contains_long": count.format("lines", "contains(lower(j->>'$.Message'), 'certifi')"),
            "path_count_dcount_set": f"SELECT {email} AS e, count(*), approx_count_distinct(j->>'$.type'), "
            "list(DISTINCT j->>'$.actor.session.ip_address') FROM audit GROUP BY e",
            "arg_max": f"SELECT {email} AS e, arg_max(j->>'$.type', (j->>'$.effective_at')::BIGINT), "
            "arg_max(j->>'$.id', (j->>'$.effective_at')::BIGINT) FROM audit GROUP BY e",
            "leftanti": "SELECT count(*) FROM completions c ANTI JOIN "
            f"(SELECT {email} AS e FROM audit) a ON (c.j->>'$.input_user') = a.e",
        }

    def run(self, query):
        rows = self.database.execute(query).fetchall()
        return only(len(rows), len(rows[0]) if rows else 0, lambda: rows[0][0])


ENGINES = {"polars": Polars, "datafusion": DataFusion, "chdb": ChDb, "json": DuckJson}


def main(engine, audit, completions, lines, names, runs, threads):
    peer = ENGINES[engine](int(threads))
    with open(names, encoding="utf-8") as source:
        wanted = list(json.load(source))
    loads, answers, failed = {}, {}, {}
    for name, table, time_key, path in [
        ("OpenAIAuditLogs", "audit", "effective_at", audit),
        ("OpenAIChatCompletions", "completions", "created", completions),
        ("Lines", "lines", "second", lines),
    ]:
        before, start, used = memory("VmRSS"), time.perf_counter(), time.process_time()
        peer.load(table, time_key, path)
        seconds, busy = time.perf_counter() - start, time.process_time() - used
        loads[name] = {"seconds": seconds, "busy": busy, "resident": memory("VmRSS") - before}
    for name, query in peer.queries().items():
        if name not in wanted:
            continue
        times, busy, rows = [], [], 0
        try:
            for _ in range(int(runs)):
                start, used = time.perf_counter(), time.process_time()
                rows = peer.run(query)
                times.append(time.perf_counter() - start)
                busy.append(time.process_time() - used)
        except Exception as why:  # What a peer cannot do is told, and does not end the comparison.
            failed[name] = str(why).splitlines()[0][:200]
            continue
        answers[name] = {"seconds": times, "busy": busy, "rows": rows}
    res = {"loads": loads, "queries": answers, "peak": memory("VmHWM"), "version": peer.version, "failed": failed}
    print(json.dumps(res))


if __name__ == "__main__":
    main(*sys.argv[1:])
