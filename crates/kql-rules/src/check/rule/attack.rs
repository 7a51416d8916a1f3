//! Tactics and techniques of ATT&CK.

use super::Asked;
use crate::{
    Kind, Level,
    check::{Lint, finding::Found, lint::Body},
};
use kql::parser::diagnostic::closest;

pub(crate) const TACTIC: Lint = Lint {
    code: "R024",
    name: "tactic",
    level: Level::Warning,
    summary: "A tactic is none that the service knows.",
    doc: "Tactics are written in one word with capitals: `CredentialAccess`, `CommandAndControl`.",
    bad: "tactics:\n  - Credential Access",
    good: "tactics:\n  - CredentialAccess",
    body: Body::Rule(tactics),
};

pub(crate) const TECHNIQUE: Lint = Lint {
    code: "R025",
    name: "technique",
    level: Level::Warning,
    summary: "A technique is not of the form `T1078` or `T1078.004`.",
    doc: "Techniques are named by their number; their names belong into the description.",
    bad: "relevantTechniques:\n  - Valid Accounts",
    good: "relevantTechniques:\n  - T1078",
    body: Body::Rule(techniques),
};

const TACTICS: &[&str] = &[
    "Collection",
    "CommandAndControl",
    "CredentialAccess",
    "DefenseEvasion",
    "Discovery",
    "Execution",
    "Exfiltration",
    "Impact",
    "ImpairProcessControl",
    "InhibitResponseFunction",
    "InitialAccess",
    "LateralMovement",
    "Persistence",
    "PreAttack",
    "PrivilegeEscalation",
    "Reconnaissance",
    "ResourceDevelopment",
];

fn tactics(asked: &Asked<'_>, found: &mut Found<'_>) {
    if matches!(asked.rule.kind, Kind::CustomDetection | Kind::Function) {
        return;
    }
    for tactic in &asked.rule.tactics {
        let given = tactic.trim();
        if TACTICS.contains(&given) || given.is_empty() {
            continue;
        }
        let letters: String = given.chars().filter(|it| it.is_alphanumeric()).collect();
        let same = TACTICS.iter().copied().find(|it| it.eq_ignore_ascii_case(&letters));
        // In one word, whatever its case, the service takes it.
        if letters == given && same.is_some() {
            continue;
        }
        let finding = found.add(asked.rule, tactic.place, format!("there is no tactic `{given}`"));
        let written = asked.rule.source.text.get(tactic.place.start..tactic.place.end).unwrap_or("");
        _ = match same.or_else(|| closest(given, TACTICS.iter().copied())) {
            Some(near) if written == given => {
                finding.hint(format!("did you mean `{near}`?")).replace(format!("write `{near}`"), tactic.place, near)
            }
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None => finding,
        };
    }
}

fn techniques(asked: &Asked<'_>, found: &mut Found<'_>) {
    for technique in &asked.rule.techniques {
        let given = technique.trim();
        let (main, sub) = given.split_once('.').map_or((given, None), |(main, sub)| (main, Some(sub)));
        let digits = |it: &str, n: usize| it.len() == n && it.bytes().all(|it| it.is_ascii_digit());
        let is_technique =
            main.strip_prefix(['T', 't']).is_some_and(|it| digits(it, 4)) && sub.is_none_or(|it| digits(it, 3));
        if !is_technique && !given.is_empty() {
            let message = format!("`{given}` is not of the form `T1078` or `T1078.004`");
            _ = found.add(asked.rule, technique.place, message);
        }
    }
}
