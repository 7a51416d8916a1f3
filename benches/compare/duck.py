"""The source queries in DuckDB's SQL over structs: prints one line of JSON, as main.rs does.

Where the two languages differ, the SQL does the cheaper thing that gives the same rows on this data: `contains` for
`has_any`, and a CASE over prefixes for the GeoIP look-up.
"""

import json
import sys
import time

import duckdb

NOW = "TIMESTAMP '2026-06-10 12:00:00'"
CREATES = "('api_key.created', 'service_account.created', 'project.created', 'user.added', 'invite.sent')"


def any_of(words):
    return "(" + " OR ".join(f"contains(type, '{it}')" for it in words) + ")"


def country(address):
    places = [("Germany", "192.0.2.", "2001:db8:49:"), ("United States", "198.51.100.", "2001:db8:1:"), ("Japan", "203.0.113.", "2001:db8:81:")]
    cases = [f"WHEN starts_with({address}, '{v4}') OR starts_with({address}, '{v6}') THEN '{name}'" for name, v4, v6 in places]
    return "CASE " + " ".join(cases) + " ELSE '' END"


QUERIES = {
    "credential_project_sprawl": f"""
        WITH creators AS (
            SELECT coalesce(lower(actor.session.user.email), '') AS email, count(*) AS prior
            FROM audit
            WHERE TimeGenerated BETWEEN {NOW} - INTERVAL 14 DAY AND {NOW} - INTERVAL 1 DAY AND type IN {CREATES}
            GROUP BY 1),
        recent AS (
            SELECT coalesce(lower(actor.session.user.email), '') AS email, coalesce(actor.session.ip_address, '') AS ip,
                count(*) AS creates, list_slice(list(DISTINCT type), 1, 10) AS types,
                min(TimeGenerated) AS first_seen, max(TimeGenerated) AS last_seen
            FROM audit WHERE TimeGenerated > {NOW} - INTERVAL 1 DAY AND type IN {CREATES}
            GROUP BY 1, 2)
        SELECT first_seen, last_seen, recent.email, ip, creates, coalesce(prior, 0) AS prior, types
        FROM recent LEFT JOIN creators ON recent.email = creators.email
        WHERE coalesce(prior, 0) = 0 OR creates >= 3
        ORDER BY creates DESC""",
    "config_change_then_abuse": f"""
        WITH changes AS (
            SELECT TimeGenerated AS config_time, type, lower(actor.session.user.email) AS email,
                actor.session.ip_address AS ip
            FROM audit
            WHERE TimeGenerated > {NOW} - INTERVAL 1 DAY AND actor.session.user.email <> '' AND {any_of([
                "settings", "organization.updated", "logging", "retention", "role", "user.added", "invite",
                "service_account.created", "api_key.created", "project.created"])}),
        abuse AS (
            SELECT TimeGenerated AS abuse_time, lower(input_user) AS email, model, choices[1].finish_reason AS reason,
                request_id
            FROM completions
            WHERE TimeGenerated > {NOW} - INTERVAL 1 DAY AND input_user <> ''
                AND (choices[1].finish_reason IN ('content_filter', 'length') OR len(choices) = 0))
        SELECT config_time, type, changes.email, ip, abuse_time, model, reason, request_id
        FROM changes JOIN abuse ON changes.email = abuse.email
        WHERE abuse_time BETWEEN config_time AND config_time + INTERVAL 24 HOUR
        ORDER BY config_time DESC""",
    "org_config_change": f"""
        SELECT TimeGenerated, type, actor.session.user.email, actor.session.ip_address, project.name,
            "organization.updated", "role.updated", "rate_limit.updated", id
        FROM audit
        WHERE {any_of(["organization.updated", "settings", "logging", "retention", "rate_limit", "sso", "scim", "mfa",
            "domain", "role.updated", "member.updated", "owner"])} AND NOT contains(type, 'login')
        ORDER BY TimeGenerated DESC""",
    "off_hours_or_geo_login": f"""
        WITH usual AS (
            SELECT lower(actor.session.user.email) AS email, list(DISTINCT hour(TimeGenerated)) AS hours,
                list(DISTINCT {country("actor.session.ip_address")}) AS countries
            FROM audit
            WHERE TimeGenerated BETWEEN {NOW} - INTERVAL 30 DAY AND {NOW} - INTERVAL 1 DAY AND starts_with(type, 'login')
            GROUP BY 1),
        recent AS (
            SELECT TimeGenerated, lower(actor.session.user.email) AS email, actor.session.ip_address AS ip,
                {country("actor.session.ip_address")} AS country, hour(TimeGenerated) AS hour
            FROM audit WHERE TimeGenerated > {NOW} - INTERVAL 1 DAY AND starts_with(type, 'login')),
        joined AS (
            SELECT recent.*, countries,
                hours IS NOT NULL AND NOT list_contains(hours, hour) AS off_hours,
                country <> '' AND countries IS NOT NULL AND NOT list_contains(countries, country) AS anomalous
            FROM recent LEFT JOIN usual ON recent.email = usual.email)
        SELECT TimeGenerated, email, ip, country, hour, off_hours, anomalous, countries
        FROM joined WHERE off_hours OR anomalous ORDER BY TimeGenerated DESC""",
    "api_key_anomalous_activity": """
        WITH keys AS (
            SELECT *, list_transform(coalesce("api_key.created".data.scopes, "api_key.updated".changes_requested.scopes),
                lambda it: lower(it)) AS scopes
            FROM audit WHERE type IN ('api_key.created', 'api_key.updated')),
        elevated AS (
            SELECT *, list_distinct(list_filter(scopes, lambda it:
                it IN ('all', 'models:write', 'organization:write', 'api_keys:write', 'admin'))) AS elevated
            FROM keys)
        SELECT TimeGenerated, type, id, actor, elevated,
            CASE WHEN list_has_any(elevated, ['all', 'admin']) THEN 'High' ELSE 'Medium' END
        FROM elevated WHERE len(elevated) > 0 ORDER BY TimeGenerated DESC""",
}


def memory(key):
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(it.split()[1]) * 1024 for it in status if it.startswith(key))
    except OSError:
        return 0


def answer(rows):
    """What is compared: of one whole number its value, else the number of rows."""
    return rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 and isinstance(rows[0][0], int) else len(rows)


def main(audit, completions, lines, queries, runs, threads):
    with open(queries, encoding="utf-8") as source:
        wanted = [*QUERIES.items(), *((name, it["duckdb"]) for name, it in json.load(source).items())]
    database = duckdb.connect()
    database.execute(f"SET threads = {int(threads)}")
    loads, answers = {}, {}
    for name, table, time_key, path in [
        ("OpenAIAuditLogs", "audit", "effective_at", audit),
        ("OpenAIChatCompletions", "completions", "created", completions),
        ("Lines", "lines", "second", lines),
    ]:
        before, start = memory("VmRSS"), time.perf_counter()
        # All rows are sampled: what is rare would have no column otherwise.
        database.execute(
            f"CREATE TABLE {table} AS SELECT *, make_timestamp({time_key} * 1000000) AS TimeGenerated"
            " FROM read_json(?, format = 'newline_delimited', sample_size = -1)",
            [path],
        )
        seconds = time.perf_counter() - start
        loads[name] = {"seconds": seconds, "resident": memory("VmRSS") - before}
    for name, query in wanted:
        times, busy, rows = [], [], 0
        for _ in range(int(runs)):
            start, used = time.perf_counter(), time.process_time()
            rows = answer(database.execute(query).fetchall())
            times.append(time.perf_counter() - start)
            busy.append(time.process_time() - used)
        answers[name] = {"seconds": times, "busy": busy, "rows": rows}
    print(json.dumps({"loads": loads, "queries": answers, "peak": memory("VmHWM"), "version": duckdb.__version__}))


if __name__ == "__main__":
    main(*sys.argv[1:])
