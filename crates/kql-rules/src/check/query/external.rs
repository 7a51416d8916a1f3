//! `externaldata` without a local copy.

use crate::{
    Level,
    check::{Lint, finding::Found, lint::Body, subject::Subject},
};
use kql::parser::syntax::Operator;

pub(crate) const LINT: Lint = Lint {
    code: "Q020",
    name: "external-without-copy",
    level: Level::Info,
    summary: "`externaldata` names a URL of which the project has no local copy.",
    doc: "Nothing is fetched here: a rule that reads a URL runs, and can be tested, with a copy that `kql vendor URL FILE` records with its \
          hash and date in `kql.toml`. Without one its runs fail. In the service each run fetches the URL anew: what the rule finds \
          depends on whoever owns it.\n\nA copy that is not the one that was recorded is a warning.",
    bad: "externaldata(Address: string)['https://example.com/bad.csv'] | join kind=inner SigninLogs on $left.Address == $right.IPAddress",
    good: "datatable(Address: string)['192.0.2.7'] | join kind=inner SigninLogs on $left.Address == $right.IPAddress",
    body: Body::Query(check),
};

fn check(it: &Subject<'_>, found: &mut Found<'_>) {
    for (_, _, stage) in it.stages() {
        let Operator::ExternalData(external) = &stage.operator else { continue };
        for source in &external.sources {
            let Some(uri) = it.constant_text(*source) else { continue };
            let Err(why) = it.engine.external_available(uri) else { continue };
            let (what, hint) = why.split_once("; ").unwrap_or((why.as_str(), "record one with `kql vendor URL FILE`"));
            let changed = what.contains("its hash differs");
            let message = if changed { what } else { "there is no local copy of this URL, and nothing is fetched" };
            let finding = found.add(it.rule, it.place_of(*source), message.to_owned());
            _ = if changed { finding.level(Level::Warning) } else { finding.hint(hint.to_owned()) };
        }
    }
}
