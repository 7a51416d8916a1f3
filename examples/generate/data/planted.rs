//! The events that the queries are to find, and those that they must not: who, when, and why.
//!
//! Days count back from the day of the data's end, which is noon. The people here appear nowhere else.

/// Who does something.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Actor {
    /// In a browser: email and address.
    Session(&'static str, &'static str),
    /// By an API key of a person.
    UserKey(&'static str),
    /// By an API key of a service account.
    ServiceKey(&'static str),
}

/// An audit event: days before the end, time of day, type, actor, project, details.
pub(crate) type Event = (i64, (i64, i64, i64), &'static str, Actor, Option<(&'static str, &'static str)>, &'static str);

/// A completion: days before the end, time of day, `input_user`, finish reason, request.
pub(crate) type Completion = (i64, (i64, i64, i64), &'static str, &'static str, &'static str);

const VERA: &str = "vera.lind@lumen.example";
const TOM: &str = "tom.berg@lumen.example";
const OMAR: &str = "omar.haddad@lumen.example";
const PETRA: &str = "petra.wolf@lumen.example";

/// Vera at her desk in Germany, and whoever has her session.
const DESK: Actor = Actor::Session(VERA, "192.0.2.10");
const THIEF: Actor = Actor::Session("Vera.Lind@lumen.example", "203.0.113.120");
const SAM: Actor = Actor::Session("sam.ito@contractor.example", "198.51.100.23");
const TOM_AT_WORK: Actor = Actor::Session(TOM, "192.0.2.20");
const TOM_AT_HOME: Actor = Actor::Session(TOM, "192.0.2.21");
const CHAT: Option<(&str, &str)> = Some(("proj_chat", "chat-frontend"));

/// In the order of time.
pub(crate) const EVENTS: &[Event] = &[
    // Habits. Vera and Omar log in from Germany at eight or at ten, Petra at nine; that is all they ever do.
    (20, (8, 2, 0), "login.succeeded", DESK, None, "{}"),
    (20, (10, 5, 0), "login.succeeded", Actor::Session(OMAR, "192.0.2.11"), None, "{}"),
    (19, (9, 12, 0), "login.succeeded", Actor::Session(PETRA, "192.0.2.12"), None, "{}"),
    (13, (10, 4, 0), "login.succeeded", DESK, None, "{}"),
    (12, (8, 31, 0), "login.succeeded", Actor::Session(OMAR, "192.0.2.11"), None, "{}"),
    // Vera and Tom have created things before: no newcomers, only a burst counts. Neither scope is elevated, though both
    // would match by term.
    (
        9,
        (9, 30, 0),
        "invite.sent",
        DESK,
        None,
        r#"{"id":"invite-0a","data":{"email":"new.hire@lumen.example","role":"reader"}}"#,
    ),
    (
        8,
        (9, 0, 0),
        "api_key.created",
        TOM_AT_WORK,
        CHAT,
        r#"{"id":"key_reporting","data":{"scopes":["all-projects:read","models:write:preview"]}}"#,
    ),
    // Reported though it is routine: any change of a rate limit is.
    (
        7,
        (10, 20, 0),
        "rate_limit.updated",
        TOM_AT_WORK,
        CHAT,
        r#"{"id":"rl-gpt-5","changes_requested":{"max_requests_per_1_minute":600}}"#,
    ),
    (6, (11, 0, 0), "user.added", TOM_AT_WORK, None, r#"{"id":"user-newhire","data":{"role":"reader"}}"#),
    // A service account widens a role: a change of the organization without a person.
    (
        5,
        (3, 15, 0),
        "role.updated",
        Actor::ServiceKey("svc-provisioning"),
        None,
        r#"{"id":"role-support","changes_requested":{"permissions_added":["api.organization.write"]}}"#,
    ),
    // A role is assigned, none changed: no change of the organization.
    (
        5,
        (9, 40, 0),
        "role.assignment.created",
        TOM_AT_WORK,
        None,
        r#"{"id":"role-assignment-7","principal_id":"user-newhire","principal_type":"user","resource_id":"proj_chat","resource_type":"project"}"#,
    ),
    // Ivan's key gives another key the right to make keys.
    (
        3,
        (11, 30, 0),
        "api_key.updated",
        Actor::UserKey("ivan.petrov@contractor.example"),
        CHAT,
        r#"{"id":"key_batch","changes_requested":{"scopes":["models:read","api_keys:write"]}}"#,
    ),
    // Within the last day. Tom creates three things, but from two addresses, and has a history: nothing.
    (
        1,
        (14, 0, 0),
        "project.created",
        TOM_AT_WORK,
        None,
        r#"{"id":"proj_search","data":{"name":"search","title":"search"}}"#,
    ),
    (1, (14, 20, 0), "user.added", TOM_AT_WORK, None, r#"{"id":"user-search","data":{"role":"member"}}"#),
    // Petra works at night, from where she always is.
    (0, (1, 30, 0), "login.succeeded", Actor::Session(PETRA, "192.0.2.12"), None, "{}"),
    // Vera's session is stolen: a login at night from Japan, call logging off, then three ways to stay.
    (0, (2, 41, 7), "login.succeeded", THIEF, None, "{}"),
    (
        0,
        (2, 47, 30),
        "organization.updated",
        THIEF,
        None,
        r#"{"id":"org-lumen","changes_requested":{"api_call_logging":"disabled"}}"#,
    ),
    (0, (2, 52, 10), "service_account.created", THIEF, CHAT, r#"{"id":"svc-metrics","data":{"role":"owner"}}"#),
    (0, (2, 53, 45), "api_key.created", THIEF, CHAT, r#"{"id":"key_metrics","data":{"scopes":["ALL"]}}"#),
    (
        0,
        (2, 55, 2),
        "project.created",
        THIEF,
        None,
        r#"{"id":"proj_eval","data":{"name":"eval-sandbox","title":"eval-sandbox"}}"#,
    ),
    (0, (8, 10, 0), "api_key.created", TOM_AT_HOME, CHAT, r#"{"id":"key_tom","data":{"scopes":["models:read"]}}"#),
    // Nora's first login ever: nothing is unusual yet.
    (0, (9, 0, 0), "login.succeeded", Actor::Session("nora.quist@lumen.example", "203.0.113.20"), None, "{}"),
    // Sam, a contractor who never created anything, invites a stranger.
    (
        0,
        (9, 15, 20),
        "invite.sent",
        SAM,
        None,
        r#"{"id":"invite-0b","data":{"email":"drop@mail.example","role":"owner"}}"#,
    ),
    // Omar logs in at a usual hour, from a country he never was in.
    (0, (10, 9, 0), "login.succeeded", Actor::Session(OMAR, "198.51.100.77"), None, "{}"),
];

/// In the order of time.
pub(crate) const COMPLETIONS: &[Completion] = &[
    // Yesterday morning: out of the window.
    (1, (9, 0, 0), VERA, "content_filter", "req_planted_old"),
    // Cut for length after the first change and before the others.
    (0, (2, 50, 0), "Vera.Lind@lumen.example", "length", "req_planted_cut"),
    // Filtered after all four changes.
    (0, (3, 10, 0), VERA, "content_filter", "req_planted_filtered"),
    // Finished as usual.
    (0, (3, 20, 0), VERA, "stop", "req_planted_fine"),
    // Filtered before Sam changed anything.
    (0, (8, 0, 0), "sam.ito@contractor.example", "content_filter", "req_planted_before"),
];
