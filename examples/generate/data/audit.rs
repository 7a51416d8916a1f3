//! Audit events: the day of everybody, and among it what is planted.

use super::{
    DAY, DAYS, Options,
    people::Person,
    planted::{self, Actor},
    put, put_number,
    random::Random,
};
use std::io::{self, Write};

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:138.0) Gecko/20100101 Firefox/138.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
];
const PROJECTS: [(&str, &str); 6] = [
    ("proj_chat", "chat-frontend"),
    ("proj_docs", "document-search"),
    ("proj_eval", "evaluation"),
    ("proj_mail", "mail-triage"),
    ("proj_code", "code-review"),
    ("proj_data", "data-labels"),
];
/// What admins do: one of these now and then.
const CREATIONS: [&str; 5] =
    ["api_key.created", "invite.sent", "user.added", "service_account.created", "project.created"];
/// What happens all day.
const ROUTINE: [&str; 16] = [
    "api_key.updated",
    "api_key.deleted",
    "project.updated",
    "project.archived",
    "user.updated",
    "user.deleted",
    "service_account.updated",
    "service_account.deleted",
    "role.assignment.created",
    "role.assignment.deleted",
    "group.updated",
    "certificate.updated",
    "ip_allowlist.updated",
    "checkpoint.permission.created",
    "tenant.workload_identity.access_token.issued",
    "resource.deleted",
];
const SCOPES: [&str; 6] = [
    r#"["models:read"]"#,
    r#"["models:read","responses:read"]"#,
    r#"["responses:write"]"#,
    r#"["files:read","files:write"]"#,
    r#"["embeddings:write","models:read"]"#,
    r#"["evals:read"]"#,
];

/// An event to be written.
#[derive(Clone, Copy)]
struct Draft {
    time: i64,
    kind: &'static str,
    source: Source,
}

#[derive(Clone, Copy)]
enum Source {
    Planted(usize),
    Session(Person),
    Key(Person),
}

/// Writes all events.
pub(super) fn write(options: &Options, out: &mut impl Write) -> io::Result<()> {
    let background = options.events.saturating_sub(planted::EVENTS.len());
    let mut writer =
        Writer { options, random: Random::new(options.seed), drafts: Vec::new(), line: Vec::new(), workday: 0 };
    let is_workday = |day: &i64| !matches!((options.last_day / DAY - day + 4).rem_euclid(7), 0 | 6);
    let workdays: Vec<i64> = (0..DAYS).rev().filter(is_workday).collect();
    let (mut done, mut routine) = (0, 0);
    for day in (0..DAYS).rev() {
        writer.drafts.clear();
        if let Some(index) = workdays.iter().position(|it| *it == day) {
            writer.workday = index;
            let due = background * (index + 1) / workdays.len();
            writer.workday(day, background, due.saturating_sub(done), &mut routine);
            done += writer.drafts.len();
        }
        let planted = planted::EVENTS.iter().enumerate().filter(|(_, it)| it.0 == day);
        writer.drafts.extend(planted.map(|(index, it)| Draft {
            time: options.at(it.0, it.1),
            kind: it.2,
            source: Source::Planted(index),
        }));
        writer.drafts.sort_by_key(|it| it.time);
        writer.flush(out)?;
    }
    Ok(())
}

struct Writer<'a> {
    options: &'a Options,
    random: Random,
    drafts: Vec<Draft>,
    line: Vec<u8>,
    workday: usize,
}

impl Writer<'_> {
    /// Drafts `count` events of a working day, or somewhat more where there are few.
    fn workday(&mut self, day: i64, total: usize, count: usize, routine: &mut usize) {
        let midnight = self.options.at(day, (0, 0, 0));
        let end = self.options.end();
        let n_people = (total / 240).max(8);
        for person in (0..n_people).map(Person) {
            let login = midnight + person.login_hour(self.workday) * 3600 + 120 + self.random.below(3400) as i64;
            let session = Source::Session(person);
            let mut kinds = vec![(login, "login.succeeded")];
            if self.random.once_in(16) {
                kinds.push((login - 60, "login.failed"));
            }
            kinds.push((login + 4 * 3600 + self.random.below(14_400) as i64, "logout.succeeded"));
            if person.is_admin() && (self.workday + person.0 / 6).is_multiple_of(3) {
                kinds.push((login + 600 + self.random.below(3600) as i64, self.random.pick(&CREATIONS)));
            }
            kinds.retain(|it| it.0 < end);
            self.drafts.extend(kinds.iter().map(|&(time, kind)| Draft { time, kind, source: session }));
        }
        let length = (end - midnight).min(DAY) as usize;
        for _ in self.drafts.len()..count {
            *routine += 1;
            let person = Person(self.random.below(n_people));
            let time = midnight + self.random.below(length) as i64;
            let is_key = self.random.once_in(3);
            let source = if is_key { Source::Key(person) } else { Source::Session(person) };
            let kind = if routine.is_multiple_of(1000) { "rate_limit.updated" } else { self.random.pick(&ROUTINE) };
            self.drafts.push(Draft { time, kind, source });
        }
    }

    fn flush(&mut self, out: &mut impl Write) -> io::Result<()> {
        let drafts = std::mem::take(&mut self.drafts);
        for draft in &drafts {
            self.line.clear();
            self.event(draft);
            out.write_all(&self.line)?;
        }
        self.drafts = drafts;
        Ok(())
    }

    fn event(&mut self, draft: &Draft) {
        put(&mut self.line, &[r#"{"id":"audit_log-"#]);
        match draft.source {
            // The number tells which, and keeps answers the same under every seed.
            Source::Planted(index) => put(&mut self.line, &["planted", &format!("{index:02}")]),
            _ => self.random.id(24, &mut self.line),
        }
        put(&mut self.line, &[r#"","object":"organization.audit_log","type":""#, draft.kind, r#"","effective_at":"#]);
        put_number(&mut self.line, draft.time);
        let planted = match draft.source {
            Source::Planted(index) => planted::EVENTS.get(index),
            _ => None,
        };
        match planted {
            Some((.., actor, project, details)) => {
                self.project(*project);
                self.planted_actor(*actor);
                put(&mut self.line, &[",\"", draft.kind, "\":", details]);
            }
            None => {
                let has_project = !draft.kind.starts_with("log") && !self.random.once_in(4);
                let project = has_project.then(|| self.random.pick(&PROJECTS));
                self.project(project);
                self.actor(draft.source);
                put(&mut self.line, &[",\"", draft.kind, "\":"]);
                self.details(draft.kind);
            }
        }
        put(&mut self.line, &["}\n"]);
    }

    fn project(&mut self, project: Option<(&str, &str)>) {
        if let Some((id, name)) = project {
            put(&mut self.line, &[r#","project":{"id":""#, id, r#"","name":""#, name, "\"}"]);
        }
    }

    fn planted_actor(&mut self, actor: Actor) {
        let user = |email: &str| email.split('@').next().unwrap_or(email).to_lowercase().replace('.', "");
        match actor {
            Actor::Session(email, address) => {
                put(&mut self.line, &[r#","actor":{"type":"session","session":{"user":{"id":"user-"#, &user(email)]);
                put(&mut self.line, &[r#"","email":""#, email, r#""},"ip_address":""#, address]);
                put(&mut self.line, &[r#"","user_agent":""#, AGENTS[0], "\"}}"]);
            }
            Actor::UserKey(email) => {
                let user = user(email);
                put(&mut self.line, &[r#","actor":{"type":"api_key","api_key":{"id":"key_"#, &user]);
                put(
                    &mut self.line,
                    &[r#"","type":"user","user":{"id":"user-"#, &user, r#"","email":""#, email, "\"}}}"],
                );
            }
            Actor::ServiceKey(account) => {
                put(&mut self.line, &[r#","actor":{"type":"api_key","api_key":{"id":"key_"#, account]);
                put(&mut self.line, &[r#"","type":"service_account","service_account":{"id":""#, account, "\"}}}"]);
            }
        }
    }

    fn actor(&mut self, source: Source) {
        let user = |person: Person, line: &mut Vec<u8>| {
            put(line, &[r#""user":{"id":"user-"#]);
            Random::new(person.0 as u64).id(16, line);
            put(line, &[r#"","email":""#]);
            person.email(line);
            put(line, &["\"}"]);
        };
        match source {
            Source::Session(person) => {
                put(&mut self.line, &[r#","actor":{"type":"session","session":{"#]);
                user(person, &mut self.line);
                put(&mut self.line, &[r#","ip_address":""#]);
                let is_mobile = self.random.once_in(5);
                person.address(person.country(self.workday), is_mobile, &mut self.line);
                let agent = if is_mobile { AGENTS[3] } else { AGENTS[person.0 % 3] };
                put(&mut self.line, &[r#"","user_agent":""#, agent, "\"}}"]);
            }
            Source::Key(person) => {
                put(&mut self.line, &[r#","actor":{"type":"api_key","api_key":{"id":"key_"#]);
                Random::new(!(person.0 as u64)).id(12, &mut self.line);
                if person.0.is_multiple_of(3) {
                    put(&mut self.line, &[r#"","type":"service_account","service_account":{"id":"svc-"#]);
                    put_number(&mut self.line, person.0 as i64);
                    put(&mut self.line, &["\"}}}"]);
                } else {
                    put(&mut self.line, &[r#"","type":"user","#]);
                    user(person, &mut self.line);
                    put(&mut self.line, &["}}"]);
                }
            }
            Source::Planted(_) => {}
        }
    }

    /// Details as the API documents them for a type.
    fn details(&mut self, kind: &str) {
        let (line, random) = (&mut self.line, &mut self.random);
        match kind {
            "login.succeeded" | "logout.succeeded" => return put(line, &["{}"]),
            "login.failed" => {
                return put(line, &[r#"{"error_code":"invalid_credentials","error_message":"Wrong password"}"#]);
            }
            _ => {}
        }
        put(line, &[r#"{"id":""#]);
        put(line, &[if kind.starts_with("api_key") { "key_" } else { "" }]);
        random.id(16, line);
        put(line, &["\""]);
        let role = random.pick(&["reader", "member"]);
        match kind {
            "api_key.created" => put(line, &[r#","data":{"scopes":"#, random.pick(&SCOPES), "}"]),
            "api_key.updated" => put(line, &[r#","changes_requested":{"scopes":"#, random.pick(&SCOPES), "}"]),
            "user.added" | "service_account.created" => put(line, &[r#","data":{"role":""#, role, "\"}"]),
            "user.updated" | "service_account.updated" => {
                put(line, &[r#","changes_requested":{"role":""#, role, "\"}"]);
            }
            "invite.sent" => put(line, &[r#","data":{"email":"guest@partner.example","role":""#, role, "\"}"]),
            "project.created" => put(line, &[r#","data":{"name":"pilot","title":"Pilot"}"#]),
            "project.updated" => put(line, &[r#","changes_requested":{"title":"Second pilot"}"#]),
            "group.updated" => put(line, &[r#","changes_requested":{"group_name":"reviewers"}"#]),
            "certificate.updated" => put(line, &[r#","name":"gateway""#]),
            "ip_allowlist.updated" => put(line, &[r#","allowed_ips":["192.0.2.0/24","2001:db8:49::/48"]"#]),
            "rate_limit.updated" => {
                put(line, &[r#","changes_requested":{"max_requests_per_1_minute":"#]);
                put_number(line, 100 + random.below(900) as i64);
                put(line, &["}"]);
            }
            "role.assignment.created" | "role.assignment.deleted" => {
                put(line, &[r#","principal_id":"user-"#]);
                random.id(16, line);
                put(line, &[r#"","principal_type":"user","resource_id":"proj_chat","resource_type":"project""#]);
            }
            "checkpoint.permission.created" => {
                put(
                    line,
                    &[r#","data":{"project_id":"proj_eval","fine_tuned_model_checkpoint":"ft:gpt-4.1-mini:lumen::"#],
                );
                random.id(8, line);
                put(line, &["\"}"]);
            }
            _ => {}
        }
        put(line, &["}"]);
    }
}
