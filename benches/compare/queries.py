"""The micro queries: each in KQL and in the languages of the peers.

Tables: `OpenAIAuditLogs` (`audit` in SQL), `OpenAIChatCompletions` (`completions`) and `Lines` (`lines`): long texts and JSON
texts that hardly repeat. A query that gives one cell is compared by its value, all others by their number of rows.

`floor` is what a loop written by hand for this work alone takes over a million rows on one thread of such a machine, in
milliseconds, over dictionary codes and shredded columns (of a range the lower end): a time filter 0.2 to 0.4, a term in a
dictionary 0.25, a literal in 325 MB of text 10, without regard to case 19 over the whole buffer and 39 row by row, count,
set and dcount by a dynamic path 3.0, the first rows 0.4, hourly bins 1.0, a regular expression over a dictionary 0.3,
mv-expand 1.5, arg_max 0.9, a window join of a million by a million 31 (sorted by actor and time, two pointers). The texts
here are 304 MB.
"""

NOW = "TIMESTAMP '2026-06-10 12:00:00'"
EMAIL = "actor.session.user.email"

MICRO = {
    "time_filter": {
        "title": "time filter, count",
        "floor": 0.2,
        "kql": "OpenAIAuditLogs | where TimeGenerated > ago(1d) | count",
        "duckdb": f"SELECT count(*) FROM audit WHERE TimeGenerated > {NOW} - INTERVAL 1 DAY",
    },
    "has_short": {
        "title": "`has`, short column",
        "floor": 0.25,
        "kql": "OpenAIAuditLogs | where EventType has 'login' | count",
        "duckdb": r"SELECT count(*) FROM audit WHERE regexp_matches(type, '(?i)\blogin\b')",
    },
    "contains_short": {
        "title": "`contains`, short column",
        "kql": "OpenAIAuditLogs | where EventType contains 'key' | count",
        "duckdb": "SELECT count(*) FROM audit WHERE contains(lower(type), 'key')",
    },
    "has_any_short": {
        "title": "`has_any`, short column",
        "kql": "OpenAIAuditLogs | where EventType has_any ('login', 'logout', 'role') | count",
        "duckdb": r"SELECT count(*) FROM audit WHERE regexp_matches(type, '(?i)\b(login|logout|role)\b')",
    },
    "has_long": {
        "title": "`has`, long text",
        "floor": 19,
        "kql": "Lines | where Message has 'rollback' | count",
        "duckdb": r"SELECT count(*) FROM lines WHERE regexp_matches(message, '(?i)\brollback\b')",
    },
    "contains_long": {
        "title": "`contains`, long text",
        "floor": 19,
        "kql": "Lines | where Message contains 'CERTIFI' | count",
        "duckdb": "SELECT count(*) FROM lines WHERE contains(lower(message), 'certifi')",
    },
    "contains_cs_long": {
        "title": "`contains_cs`, long text",
        "floor": 10,
        "kql": "Lines | where Message contains_cs 'certifi' | count",
        "duckdb": "SELECT count(*) FROM lines WHERE contains(message, 'certifi')",
    },
    "has_any_long": {
        "title": "`has_any`, long text",
        "kql": "Lines | where Message has_any ('rollback', 'quorum', 'certificate') | count",
        "duckdb": r"SELECT count(*) FROM lines WHERE regexp_matches(message, '(?i)\b(rollback|quorum|certificate)\b')",
    },
    "path_count_dcount_set": {
        "title": "dynamic path: count, dcount, make_set",
        "floor": 3.0,
        "kql": "OpenAIAuditLogs | summarize count(), dcount(EventType), make_set(tostring(ActorSession.ip_address)) "
        "by tostring(ActorSession.user.email)",
        "duckdb": f"SELECT coalesce({EMAIL}, '') AS e, count(*), approx_count_distinct(type), "
        "list(DISTINCT actor.session.ip_address) FROM audit GROUP BY e",
    },
    "count_distinct_plain": {
        "title": "count_distinct of a million strings",
        "kql": "OpenAIAuditLogs | summarize count_distinct(Id)",
        "duckdb": "SELECT count(DISTINCT id) FROM audit",
    },
    "dcount_plain": {
        "title": "dcount of a million strings",
        "kql": "OpenAIAuditLogs | summarize dcount(Id) by EventType",
        "duckdb": "SELECT type, approx_count_distinct(id) FROM audit GROUP BY type",
    },
    "make_set_plain": {
        "title": "make_set of a million strings",
        "kql": "OpenAIAuditLogs | summarize make_set(Id) by tostring(ActorSession.user.email)",
        "duckdb": f"SELECT coalesce({EMAIL}, '') AS e, list(DISTINCT id) FROM audit GROUP BY e",
    },
    "make_list_plain": {
        "title": "make_list of a million strings",
        "kql": "OpenAIAuditLogs | summarize make_list(TimeGenerated), make_list(Id) by tostring(ActorSession.user.email)",
        "duckdb": f"SELECT coalesce({EMAIL}, '') AS e, list(TimeGenerated), list(id) FROM audit GROUP BY e",
    },
    "percentiles": {
        "title": "percentiles by key",
        "kql": "OpenAIChatCompletions | summarize percentiles(InputTokensUsed, 50, 95, 99) by ModelName",
        "duckdb": "SELECT model, approx_quantile(usage.prompt_tokens, [0.5, 0.95, 0.99]) FROM completions GROUP BY model",
    },
    "top_20": {
        "title": "top 20",
        "floor": 0.4,
        "kql": "OpenAIAuditLogs | top 20 by TimeGenerated desc",
        "duckdb": "SELECT * FROM audit ORDER BY TimeGenerated DESC LIMIT 20",
    },
    "hourly_bins": {
        "title": "hourly bins",
        "floor": 1.0,
        "kql": "OpenAIAuditLogs | summarize count() by bin(TimeGenerated, 1h), EventType",
        "duckdb": "SELECT time_bucket(INTERVAL 1 HOUR, TimeGenerated) AS t, type, count(*) FROM audit GROUP BY t, type",
    },
    "regex_extract": {
        "title": "extract by regex, short column",
        "floor": 0.3,
        "kql": "OpenAIAuditLogs | extend Domain = extract(@'@([a-z.]+)$', 1, tostring(ActorSession.user.email)) "
        "| summarize count() by Domain",
        "duckdb": f"SELECT coalesce(regexp_extract({EMAIL}, '@([a-z.]+)$', 1), '') AS d, count(*) FROM audit GROUP BY d",
    },
    "regex_extract_long": {
        "title": "extract by regex, long text",
        "kql": r"Lines | extend Code = extract(@'status=(\d+)', 1, Message) | summarize count() by Code",
        "duckdb": r"SELECT regexp_extract(message, 'status=(\d+)', 1) AS c, count(*) FROM lines GROUP BY c",
    },
    "mv_expand": {
        "title": "mv-expand, count",
        "floor": 1.5,
        "kql": "OpenAIChatCompletions | mv-expand EventFinishReasons | count",
        "duckdb": "SELECT count(*) FROM (SELECT unnest(choices) FROM completions)",
    },
    "parse_json": {
        "title": "parse_json of a string column",
        "kql": "Lines | extend p = parse_json(Payload) | summarize sum(toint(p.code)) by tostring(p.kind)",
        "duckdb": "SELECT json_extract_string(payload, '$.kind') AS k, sum(CAST(json_extract(payload, '$.code') AS INT)) "
        "FROM lines GROUP BY k",
    },
    "arg_max": {
        "title": "arg_max by key",
        "floor": 0.9,
        "kql": "OpenAIAuditLogs | summarize arg_max(TimeGenerated, EventType, Id) by tostring(ActorSession.user.email)",
        "duckdb": f"SELECT coalesce({EMAIL}, '') AS e, max(TimeGenerated), arg_max(type, TimeGenerated), "
        "arg_max(id, TimeGenerated) FROM audit GROUP BY e",
    },
    "join_million": {
        "title": "join of a million by a million",
        "kql": "OpenAIChatCompletions | project EventRequestId, ModelName "
        "| join kind=inner (Lines | project RequestId, Number) on $left.EventRequestId == $right.RequestId | count",
        "duckdb": "SELECT count(*) FROM (SELECT c.model, l.number FROM completions c JOIN lines l ON c.request_id = l.RequestId)",
    },
    "window_join": {
        "title": "the same within 24 hours",
        "floor": 31,
        "kql": "OpenAIAuditLogs | project At = TimeGenerated, Email = tostring(ActorSession.user.email) "
        "| where Email != '' | join kind=inner (OpenAIChatCompletions "
        "| project Used = TimeGenerated, Email = tostring(AdditionalFields.input_user)) on Email "
        "| where Used between (At .. At + 24h) | count",
        "duckdb": f"SELECT count(*) FROM (SELECT TimeGenerated AS a, {EMAIL} AS e FROM audit WHERE {EMAIL} <> '') x "
        "JOIN (SELECT TimeGenerated AS u, input_user AS e FROM completions) y ON x.e = y.e "
        "WHERE u BETWEEN a AND a + INTERVAL 24 HOUR",
    },
    "leftanti": {
        "title": "leftanti join",
        "kql": "OpenAIChatCompletions | project User = tostring(AdditionalFields.input_user) | join kind=leftanti "
        "(OpenAIAuditLogs | project User = tostring(ActorSession.user.email)) on User | count",
        "duckdb": f"SELECT count(*) FROM completions c WHERE NOT EXISTS (SELECT 1 FROM audit a WHERE a.{EMAIL} = c.input_user)",
    },
    "ten_steps": {
        "title": "a rule of ten steps",
        "kql": """let Known = OpenAIAuditLogs
| where TimeGenerated between (ago(14d) .. ago(1d))
| where EventType startswith 'login'
| summarize Ips = make_set(tostring(ActorSession.ip_address), 100) by Email = tolower(tostring(ActorSession.user.email));
OpenAIAuditLogs
| where TimeGenerated > ago(1d)
| where EventType has_any ('login', 'api_key', 'role')
| extend Email = tolower(tostring(ActorSession.user.email)), Ip = tostring(ActorSession.ip_address)
| where isnotempty(Email)
| join kind=leftouter Known on Email
| where isnull(Ips) or not(set_has_element(Ips, Ip))
| summarize Events = count(), First = min(TimeGenerated), Types = make_set(EventType) by Email, Ip, bin(TimeGenerated, 1h)
| where Events >= 1
| extend Score = iff(array_length(Types) > 2, 'High', 'Low')
| order by Events desc""",
        "duckdb": f"""WITH known AS (
    SELECT lower({EMAIL}) AS email, list_slice(list(DISTINCT actor.session.ip_address), 1, 100) AS ips FROM audit
    WHERE TimeGenerated BETWEEN {NOW} - INTERVAL 14 DAY AND {NOW} - INTERVAL 1 DAY AND starts_with(type, 'login')
    GROUP BY 1)
SELECT a.email, ip, t, count(*) AS events, min(moment), list(DISTINCT type) AS types,
    CASE WHEN len(list(DISTINCT type)) > 2 THEN 'High' ELSE 'Low' END
FROM (SELECT lower({EMAIL}) AS email, coalesce(actor.session.ip_address, '') AS ip, TimeGenerated AS moment,
        time_bucket(INTERVAL 1 HOUR, TimeGenerated) AS t, type FROM audit
    WHERE TimeGenerated > {NOW} - INTERVAL 1 DAY
        AND regexp_matches(type, '(?i)(^|[^a-z0-9])(login|api_key|role)([^a-z0-9]|$)') AND {EMAIL} <> '') a
LEFT JOIN known ON a.email = known.email
WHERE ips IS NULL OR NOT list_contains(ips, ip)
GROUP BY a.email, ip, t ORDER BY events DESC""",
    },
}
