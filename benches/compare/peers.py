"""The other engines: loads and queries of one of them, and one line of JSON as `main.rs` prints it.

    peers.py ENGINE AUDIT COMPLETIONS LINES QUERIES RUNS THREADS

QUERIES is the object of `queries.json`; what an engine has no version of is left out of its answer. Each engine holds its
data as its users would: DuckDB and Polars and DataFusion in structs, chDB in a JSON column beside the columns that all
queries name. A query that gives one whole number is compared by it, all others by their number of rows.
"""

import json
import os
import sys
import time

from sources import CREATES

NOW = 1781092800  # 2026-06-10 12:00:00
DAY = 86400
SLOW = 1.0  # Seconds from which on a query runs three times and no more.


def only(rows, columns, first):
    """What is compared."""
    value = first() if rows == 1 and columns == 1 else None
    return value if isinstance(value, int) else rows


class Polars:
    """Data frames with structs."""

    title = "Polars"

    def __init__(self, threads):
        os.environ["POLARS_MAX_THREADS"] = str(threads)
        import polars

        self.pl, self.version, self.tables = polars, polars.__version__, {}

    def load(self, table, time_key, path):
        frame = self.pl.read_ndjson(path, infer_schema_length=None)
        moment = self.pl.from_epoch(time_key, time_unit="s").alias("t")
        self.tables[table] = frame.with_columns(moment)

    def queries(self, wanted):
        pl, now = self.pl, self.pl.lit(NOW).cast(self.pl.Int64)
        audit, completions, lines = (self.tables[it].lazy() for it in ("audit", "completions", "lines"))
        user = pl.col("actor").struct.field("session").struct.field("user")
        email = user.struct.field("email").fill_null("")
        address = pl.col("actor").struct.field("session").struct.field("ip_address")
        tokens = pl.col("usage").struct.field("prompt_tokens")
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
            "count_distinct_plain": audit.select(pl.col("id").n_unique()),
            "dcount_plain": by(audit, kind, pl.col("id").approx_n_unique()),
            "make_set_plain": by(audit, email, pl.col("id").unique()),
            "make_list_plain": by(audit, email, pl.col("t"), pl.col("id")),
            "percentiles": by(completions, pl.col("model"), *(tokens.quantile(it).alias(str(it)) for it in (0.5, 0.95, 0.99))),
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
    "count_distinct_plain": "SELECT count(DISTINCT id) FROM audit",
    "dcount_plain": "SELECT type, {dcount}(id) FROM audit GROUP BY type",
    "make_set_plain": "SELECT {email} AS e, {set}(id) FROM audit GROUP BY e",
    "make_list_plain": "SELECT {email} AS e, {list}(effective_at), {list}(id) FROM audit GROUP BY e",
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

    title = "DataFusion"

    def __init__(self, threads):
        os.environ["TOKIO_WORKER_THREADS"] = str(threads)
        import datafusion

        self.version = datafusion.__version__
        self.context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(threads))

    def load(self, table, time_key, path):
        self.context.register_json("source", path, schema_infer_max_records=10**9, file_extension=".ndjson")
        self.context.register_record_batches(table, [self.context.sql("SELECT * FROM source").collect()])
        self.context.deregister_table("source")

    def queries(self, wanted):
        names = {
            "now": NOW, "match": "regexp_like", "contains": "contains", "message": '"Message"', "request": '"RequestId"',
            "email": "actor['session']['user']['email']", "address": "actor['session']['ip_address']",
            "dcount": "approx_distinct", "set": "", "list": "array_agg",
        }
        sql = {name: it for name, it in AUDIT_SQL.items() if "{extract}" not in it}
        sql = {name: it.replace("{set}(", "array_agg(DISTINCT ").format(**names) for name, it in sql.items()}
        extract = "SELECT (regexp_match({text}, '{pattern}'))[1] AS c, count(*) FROM {table} GROUP BY c"
        sql["regex_extract"] = extract.format(text=f"coalesce({names['email']}, '')", pattern="@([a-z.]+)$", table="audit")
        sql["regex_extract_long"] = extract.format(text='"Message"', pattern="status=([0-9]+)", table="lines")
        sql["mv_expand"] = "SELECT count(*) FROM (SELECT unnest(choices) FROM completions)"
        tokens = "approx_percentile_cont(usage['prompt_tokens'], {})"
        sql["percentiles"] = f"SELECT model, {', '.join(tokens.format(it) for it in (0.5, 0.95, 0.99))} FROM completions GROUP BY model"
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

    title = "chDB"

    COLUMNS = {
        "audit": "j.id::String AS id, j.type::String AS type, j.effective_at::Int64 AS effective_at, "
        "coalesce(j.actor.session.user.email::Nullable(String), '') AS email, "
        "coalesce(j.actor.session.ip_address::Nullable(String), '') AS address",
        "completions": "j.request_id::String AS request_id, j.model::String AS model, j.created::Int64 AS created, "
        "j.input_user::String AS input_user, j.usage.prompt_tokens::Int64 AS prompt_tokens, "
        "arrayMap(it -> toString(it), j.choices[].finish_reason) AS reasons",
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

    def queries(self, wanted):
        names = {
            "now": NOW, "match": "match", "contains": "position", "message": "Message", "request": "RequestId",
            "email": "email", "address": "address", "dcount": "uniq", "set": "groupUniqArray", "list": "groupArray", "extract": "extract", "group": "",
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
        sql["count_distinct_plain"] = "SELECT uniqExact(id) FROM audit"
        sql["percentiles"] = "SELECT model, quantiles(0.5, 0.95, 0.99)(prompt_tokens) FROM completions GROUP BY model"
        sql |= self.sources()
        for table in self.COLUMNS:
            sql = {name: it.replace(f" {table}", f" logs.{table}") for name, it in sql.items()}
        return sql

    def sources(self):
        """The source queries, and the rule of ten steps."""
        day, words = NOW - DAY, lambda *names: "(" + " OR ".join(f"position(type, '{it}') > 0" for it in names) + ")"
        country = (
            "multiIf(startsWith(address, '192.0.2.') OR startsWith(address, '2001:db8:49:'), 'Germany', "
            "startsWith(address, '198.51.100.') OR startsWith(address, '2001:db8:1:'), 'United States', "
            "startsWith(address, '203.0.113.') OR startsWith(address, '2001:db8:81:'), 'Japan', '')"
        )
        hour = "intDiv(effective_at % 86400, 3600)"
        scopes = "arrayMap(it -> lower(it), arrayConcat(j.api_key.created.data.scopes::Array(String), j.api_key.updated.changes_requested.scopes::Array(String)))"
        return {
            "credential_project_sprawl": f"""
                WITH creators AS (SELECT lower(email) AS e, count(*) AS prior FROM audit
                    WHERE effective_at BETWEEN {NOW - 14 * DAY} AND {day} AND type IN {CREATES} GROUP BY e),
                recent AS (SELECT lower(email) AS e, address AS ip, count(*) AS creates, groupUniqArray(10)(type) AS types,
                        min(effective_at) AS first_seen, max(effective_at) AS last_seen FROM audit
                    WHERE effective_at > {day} AND type IN {CREATES} GROUP BY e, ip)
                SELECT first_seen, last_seen, e, ip, creates, prior, types FROM recent LEFT JOIN creators USING (e)
                WHERE prior = 0 OR creates >= 3 ORDER BY creates DESC""",
            "config_change_then_abuse": f"""
                WITH changes AS (SELECT effective_at AS at, type, lower(email) AS e, address FROM audit
                    WHERE effective_at > {day} AND email <> '' AND {words(
                        "settings", "organization.updated", "logging", "retention", "role", "user.added", "invite",
                        "service_account.created", "api_key.created", "project.created")}),
                abuse AS (SELECT created AS used, lower(input_user) AS e, model, reasons, request_id FROM completions
                    WHERE created > {day} AND input_user <> ''
                        AND (reasons[1] IN ('content_filter', 'length') OR empty(reasons)))
                SELECT at, type, e, address, used, model, reasons, request_id FROM changes JOIN abuse USING (e)
                WHERE used BETWEEN at AND at + {DAY} ORDER BY at DESC""",
            "org_config_change": f"""
                SELECT effective_at, type, email, address, j.project.name, j.^organization.updated, j.^role.updated,
                    j.^rate_limit.updated, id FROM audit WHERE {words(
                        "organization.updated", "settings", "logging", "retention", "rate_limit", "sso", "scim", "mfa",
                        "domain", "role.updated", "member.updated", "owner")} AND position(type, 'login') = 0
                ORDER BY effective_at DESC""",
            "off_hours_or_geo_login": f"""
                WITH usual AS (SELECT lower(email) AS e, groupUniqArray({hour}) AS hours, groupUniqArray({country}) AS countries
                    FROM audit WHERE effective_at BETWEEN {NOW - 30 * DAY} AND {day} AND startsWith(type, 'login') GROUP BY e),
                recent AS (SELECT effective_at, lower(email) AS e, address, {country} AS country, {hour} AS hour
                    FROM audit WHERE effective_at > {day} AND startsWith(type, 'login'))
                SELECT effective_at, e, address, country, hour, notEmpty(hours) AND NOT has(hours, hour) AS off_hours,
                    country <> '' AND notEmpty(countries) AND NOT has(countries, country) AS anomalous, countries
                FROM recent LEFT JOIN usual USING (e) WHERE off_hours OR anomalous ORDER BY effective_at DESC""",
            "api_key_anomalous_activity": f"""
                SELECT effective_at, type, id, j.^actor, arrayDistinct(arrayFilter(it -> it IN ('all', 'models:write',
                    'organization:write', 'api_keys:write', 'admin'), {scopes})) AS elevated,
                    if(hasAny(elevated, ['all', 'admin']), 'High', 'Medium') AS severity
                FROM audit WHERE type IN ('api_key.created', 'api_key.updated') AND notEmpty(elevated)
                ORDER BY effective_at DESC""",
            "ten_steps": f"""
                WITH known AS (SELECT lower(email) AS e, groupUniqArray(100)(address) AS ips FROM audit
                    WHERE effective_at BETWEEN {NOW - 14 * DAY} AND {day} AND startsWith(type, 'login') GROUP BY e)
                SELECT e, ip, intDiv(effective_at, 3600) AS t, count(*) AS events, min(effective_at), groupUniqArray(type) AS types,
                    if(length(types) > 2, 'High', 'Low') AS score
                FROM (SELECT lower(email) AS e, address AS ip, effective_at, type FROM audit
                    WHERE effective_at > {day} AND email <> ''
                        AND match(type, '(?i)(^|[^a-z0-9])(login|api_key|role)([^a-z0-9]|$)')) a
                LEFT JOIN known USING (e) WHERE empty(ips) OR NOT has(ips, ip)
                GROUP BY e, ip, t ORDER BY events DESC""",
        }

    def run(self, query):
        text = self.query(query, "TSV").bytes()
        rows = text.count(b"\n")
        return int(text) if rows == 1 and text.strip().isdigit() else rows


ENGINES = {"polars": Polars, "datafusion": DataFusion, "chdb": ChDb}


def engine_of(name, threads):
    if name in ENGINES:
        return ENGINES[name](threads)
    import duck

    return {"duckdb": duck.Structs, "json": duck.Json, "variant": duck.Variant, "text": duck.Text}[name](threads)


def memory(key):
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(it.split()[1]) * 1024 for it in status if it.startswith(key))
    except OSError:
        return 0


def measured(peer, query, runs):
    times, busy, rows = [], [], peer.run(query)
    while len(times) < (runs if sum(times) < runs * SLOW else min(runs, 3)):
        start, used = time.perf_counter(), time.process_time()
        rows = peer.run(query)
        times.append(time.perf_counter() - start)
        busy.append(time.process_time() - used)
    return {"seconds": times, "busy": busy, "rows": rows}


def main(engine, audit, completions, lines, queries, runs, threads):
    peer = engine_of(engine, int(threads))
    with open(queries, encoding="utf-8") as source:
        wanted = json.load(source)
    loads, answers, failed = {}, {}, {}
    for name, table, time_key, path in [
        ("OpenAIAuditLogs", "audit", "effective_at", audit),
        ("OpenAIChatCompletions", "completions", "created", completions),
        ("Lines", "lines", "second", lines),
    ]:
        before, start, used = memory("VmRSS"), time.perf_counter(), time.process_time()
        peer.load(table, time_key, path)
        seconds, busy = time.perf_counter() - start, time.process_time() - used
        loads[name] = {"seconds": seconds, "busy": busy, "resident": memory("VmRSS") - before, "peak": memory("VmHWM")}
    for name, query in peer.queries(wanted).items():
        if name not in wanted:
            continue
        try:
            answers[name] = measured(peer, query, int(runs))
        except Exception as why:  # What a peer cannot do is told, and does not end the comparison.
            failed[name] = str(why).splitlines()[0][:200]
    res = {"title": peer.title, "version": peer.version, "loads": loads, "queries": answers, "failed": failed}
    print(json.dumps(res | {"peak": memory("VmHWM")}))


if __name__ == "__main__":
    main(*sys.argv[1:])
