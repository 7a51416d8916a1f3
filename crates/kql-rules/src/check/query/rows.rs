//! Rows of a rule that may grow beyond what an alert holds.

use crate::{
    Kind, Level,
    check::{Lint, finding::Found, lint::Body, subject::Subject},
};
use kql::{
    Type,
    parser::syntax::{Assignment, Operator},
};

pub(crate) const LINT: Lint = Lint {
    code: "Q021",
    name: "row-without-bound",
    level: Level::Info,
    summary: "A row of the result collects whole events without a bound, and may exceed 10 KB.",
    doc: "An alert holds 10 KB of a row. A column such as `Events = make_list(pack_all())` grows with the number of events of its group, \
          and an attack that makes many of them makes the row that tells of it too large. Say how many are kept \
          (`make_list(pack_all(), 20)`), or pack the columns that matter.\n\n`kql rule run` and `backtest` tell which rows \
          exceeded 10 KB.",
    bad: "SecurityEvent | where EventID == 4625 | summarize n = count(), Events = make_list(pack_all()) by Account",
    good: "SecurityEvent | where EventID == 4625 | summarize n = count(), Events = make_list(pack_all(), 20) by Account",
    body: Body::Query(check),
};

const COLLECTS: &[&str] = &["make_list", "make_set", "make_bag", "make_list_with_nulls", "makelist", "makeset"];
const PACKS: &[&str] = &["pack_all", "bag_pack", "pack", "pack_dictionary"];

fn check(it: &Subject<'_>, found: &mut Found<'_>) {
    let Some((schema, _)) = it.output().filter(|_| matches!(it.rule.kind, Kind::Scheduled | Kind::Nrt)) else { return };
    let is_returned = |name: &str| schema.fields.iter().any(|it| &*it.name == name && it.ty == Type::Dynamic);
    for (_, _, stage) in it.stages() {
        let Operator::Summarize(summarize) = &stage.operator else { continue };
        for Assignment { names, value, .. } in &summarize.aggregates {
            let Some(call) = it.call(*value).filter(|it| COLLECTS.contains(&it.function.text.as_str())) else {
                continue;
            };
            let [one] = call.arguments.as_slice() else { continue };
            let packs = it.call(one.value).is_some_and(|it| PACKS.contains(&it.function.text.as_str()));
            let own = match names.as_slice() {
                [name] => is_returned(&name.text),
                [] => ["list_", "set_", "bag_"].iter().any(|it| is_returned(it)),
                _ => false,
            };
            if packs && own {
                let message = "a row grows with the events of its group; an alert holds 10 KB of it";
                let function = &call.function.text;
                _ = found
                    .add(it.rule, it.place_of(*value), message)
                    .hint(format!("say how many are kept: `{function}(…, 20)`"));
            }
        }
    }
}
