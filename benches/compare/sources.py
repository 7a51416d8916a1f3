"""The source queries in DuckDB's SQL over structs; `main.rs` has their KQL.

Where the two languages differ, the SQL does the cheaper thing that gives the same rows on this data: `contains` for
`has_any`, and a CASE over prefixes for the GeoIP look-up.
"""

NOW = "TIMESTAMP '2026-06-10 12:00:00'"
CREATES = "('api_key.created', 'service_account.created', 'project.created', 'user.added', 'invite.sent')"


def any_of(words):
    return "(" + " OR ".join(f"contains(type, '{it}')" for it in words) + ")"


def country(address):
    places = [("Germany", "192.0.2.", "2001:db8:49:"), ("United States", "198.51.100.", "2001:db8:1:"), ("Japan", "203.0.113.", "2001:db8:81:")]
    cases = [f"WHEN starts_with({address}, '{v4}') OR starts_with({address}, '{v6}') THEN '{name}'" for name, v4, v6 in places]
    return "CASE " + " ".join(cases) + " ELSE '' END"


SOURCES = {
    "credential_project_sprawl": {
        "title": "hunt: credential and project sprawl",
        "duckdb": f"""
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
    },
    "config_change_then_abuse": {
        "title": "hunt: configuration change, then abuse",
        "duckdb": f"""
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
    },
    "org_config_change": {
        "title": "rule: organisation configuration change",
        "duckdb": f"""
        SELECT TimeGenerated, type, actor.session.user.email, actor.session.ip_address, project.name,
            "organization.updated", "role.updated", "rate_limit.updated", id
        FROM audit
        WHERE {any_of(["organization.updated", "settings", "logging", "retention", "rate_limit", "sso", "scim", "mfa",
            "domain", "role.updated", "member.updated", "owner"])} AND NOT contains(type, 'login')
        ORDER BY TimeGenerated DESC""",
    },
    "off_hours_or_geo_login": {
        "title": "rule: login off hours or from a new country",
        "duckdb": f"""
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
    },
    "api_key_anomalous_activity": {
        "title": "Panther port: API key activity",
        "duckdb": """
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
    },
}
