"""DuckDB four ways: structs, JSON kept as text, its VARIANT type, and plain text, which is loaded and never asked.

Over JSON and VARIANT the queries are those over structs, on views whose columns are paths: a query takes apart what it names
and no more, as its author would write it.
"""

import time
import warnings

import duckdb

warnings.filterwarnings("ignore", message="Arrow output")

# Columns of the views: the name, the keys on the way, the type. A path is written as in the queries over structs.
PATHS = {
    "audit": [
        ("id", ["id"], "VARCHAR"),
        ("type", ["type"], "VARCHAR"),
        ("effective_at", ["effective_at"], "BIGINT"),
        ("email", ["actor", "session", "user", "email"], "VARCHAR"),
        ("address", ["actor", "session", "ip_address"], "VARCHAR"),
        ("actor", ["actor"], None),
        ("project_name", ["project", "name"], "VARCHAR"),
        ("organization.updated", ["organization.updated"], None),
        ("role.updated", ["role.updated"], None),
        ("rate_limit.updated", ["rate_limit.updated"], None),
        ("created_scopes", ["api_key.created", "data", "scopes"], "VARCHAR[]"),
        ("updated_scopes", ["api_key.updated", "changes_requested", "scopes"], "VARCHAR[]"),
    ],
    "completions": [
        ("created", ["created"], "BIGINT"),
        ("model", ["model"], "VARCHAR"),
        ("request_id", ["request_id"], "VARCHAR"),
        ("input_user", ["input_user"], "VARCHAR"),
        ("prompt_tokens", ["usage", "prompt_tokens"], "BIGINT"),
        ("choices", ["choices"], "LIST"),
    ],
    "lines": [
        ("RequestId", ["RequestId"], "VARCHAR"),
        ("Number", ["Number"], "BIGINT"),
        ("Message", ["Message"], "VARCHAR"),
        ("Payload", ["Payload"], "VARCHAR"),
    ],
}

NAMES = {
    "actor.session.user.email": "email",
    "actor.session.ip_address": "address",
    "project.name": "project_name",
    "usage.prompt_tokens": "prompt_tokens",
    '"api_key.created".data.scopes': "created_scopes",
    '"api_key.updated".changes_requested.scopes': "updated_scopes",
    "SELECT * FROM audit": "SELECT j, TimeGenerated FROM audit",
    "SELECT *, list_transform": "SELECT TimeGenerated, type, id, actor, list_transform",
}


class Structs:
    """A column for each key, of the types that are found in all rows."""

    title = "DuckDB"

    def __init__(self, threads):
        self.version, self.database, self.ways = duckdb.__version__, duckdb.connect(), {}
        self.database.execute(f"SET threads = {threads}")

    def load(self, table, time_key, path):
        # All rows are sampled: what is rare would have no column otherwise.
        self.database.execute(
            f"CREATE TABLE {table} AS SELECT *, make_timestamp({time_key} * 1000000) AS TimeGenerated"
            " FROM read_json(?, format = 'newline_delimited', sample_size = -1)",
            [path],
        )

    def queries(self, wanted):
        return {name: it["duckdb"] for name, it in wanted.items()}

    def run(self, query):
        """Rows are fetched in the way that costs less for this query, which is found out when it first runs."""
        if query not in self.ways:
            took = {}
            for way in (self.objects, self.columns):
                start = time.process_time()
                way(query)
                took[way] = time.process_time() - start
            self.ways[query] = min(took, key=took.get)
        return self.ways[query](query)

    def objects(self, query):
        rows = self.database.execute(query).fetchall()
        number = len(rows) == 1 and len(rows[0]) == 1 and isinstance(rows[0][0], int)
        return rows[0][0] if number else len(rows)

    def columns(self, query):
        table = self.database.sql(query).to_arrow_table()
        number = table.num_rows == 1 and table.num_columns == 1 and isinstance(table.column(0)[0].as_py(), int)
        return table.column(0)[0].as_py() if number else table.num_rows


class Paths(Structs):
    """Records in one column beside their time."""

    record = "json"

    def load(self, table, time_key, path):
        moment = f"make_timestamp({self.member([time_key], 'BIGINT')} * 1000000) AS TimeGenerated"
        source = f"(SELECT {self.record} AS j FROM read_ndjson_objects(?))"
        self.database.execute(f"CREATE TABLE {table}_records AS SELECT j, {moment} FROM {source}", [path])
        columns = [f'{self.member(keys, kind)} AS "{name}"' for name, keys, kind in PATHS[table]]
        self.database.execute(f"CREATE VIEW {table} AS SELECT j, TimeGenerated, {', '.join(columns)} FROM {table}_records")

    def queries(self, wanted):
        res = {}
        for name, sql in super().queries(wanted).items():
            for long, short in {**NAMES, "choices[1].finish_reason": self.reason}.items():
                sql = sql.replace(long, short)
            res[name] = sql
        return res


class Json(Paths):
    """Text that is known to be JSON."""

    title = "DuckDB over JSON"
    reason = "(choices[1]->>'$.finish_reason')"

    def member(self, keys, kind):
        path = "$" + "".join(f'."{it}"' for it in keys)
        if kind == "LIST":
            return f"json_extract(j, '{path}[*]')"
        if kind in (None, "VARCHAR[]"):
            return f"json_extract(j, '{path}')" + ("::VARCHAR[]" if kind else "")
        return f"json_extract_string(j, '{path}')" + ("" if kind == "VARCHAR" else f"::{kind}")


class Variant(Paths):
    """Binary values of any type."""

    title = "DuckDB over VARIANT"
    record = "json::VARIANT"
    reason = "choices[1].finish_reason::VARCHAR"

    def member(self, keys, kind):
        path = "j" + "".join(f'."{it}"' for it in keys)
        return path + ("::VARIANT[]" if kind == "LIST" else f"::{kind}" if kind else "")


class Text(Structs):
    """Files as they are: what a copy into DuckDB costs."""

    title = "DuckDB, text"

    def load(self, table, time_key, path):
        self.database.execute(f"CREATE TABLE {table} AS SELECT content FROM read_text(?)", [path])

    def queries(self, wanted):
        return {}
