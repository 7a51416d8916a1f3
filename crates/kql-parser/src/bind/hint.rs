//! Parameters that an operator does not have, hints of no meaning, and hints to a service: told, and without effect.

use super::Binder;
use crate::{
    diagnostic::{Diagnostic, closest},
    syntax::{Operator, Parameter, Stage},
};

/// Names, and with hints of a few words those words.
type Known = &'static [(&'static str, &'static [&'static str])];

const SHUFFLE: [(&str, &[&str]); 3] = [
    ("hint.shufflekey", &[]),
    ("hint.strategy", &["auto", "broadcast", "centralized", "shuffle"]),
    ("hint.num_partitions", &[]),
];

/// The parameters of an operator, those that it was given and those that it knows; `None` for one without.
fn parameters(operator: &Operator) -> Option<(&[Parameter], Known)> {
    use Operator as O;
    const PARTITION: Known = &[
        ("hint.concurrency", &[]),
        ("hint.spread", &[]),
        ("hint.materialized", &["true", "false"]),
        ("hint.shufflekey", &[]),
        ("hint.strategy", &["shuffle", "native", "legacy"]),
    ];
    const REMOTE: &[&str] = &["auto", "left", "local", "right", "unresolved"];
    Some(match operator {
        O::As(it) => (&it.parameters, &[("hint.materialized", &["true", "false"])]),
        O::Consume(it) => (&it.parameters, &[("decodeblocks", &["true", "false"])]),
        O::Distinct(it) => (&it.parameters, const { &SHUFFLE }),
        O::Evaluate(it) => (
            &it.parameters,
            &[
                ("hint.distribution", &["single", "per_node", "per_shard", "default"]),
                ("hint.remote", &["auto", "local"]),
                ("hint.pass_filters", &["true", "false"]),
                ("hint.pass_filters_column", &[]),
            ],
        ),
        O::Find(it) => (&it.parameters, &[("withsource", &[]), ("with_source", &[]), ("datascope", &[])]),
        O::Join(it) => (
            &it.parameters,
            const { &[("kind", &[] as &[&str]), ("hint.remote", REMOTE), SHUFFLE[0], SHUFFLE[1], SHUFFLE[2]] },
        ),
        O::Lookup(it) => (
            &it.parameters,
            const { &[("kind", &[] as &[&str]), ("hint.remote", REMOTE), SHUFFLE[0], SHUFFLE[1], SHUFFLE[2]] },
        ),
        O::MacroExpand(it) => {
            (&it.parameters, &[("kind", &[]), ("isfuzzy", &[]), ("best_effort", &[]), ("force_remote", &[])])
        }
        O::MakeSeries(it) => {
            (&it.parameters, const { &[("kind", &[] as &[&str]), SHUFFLE[0], SHUFFLE[1], SHUFFLE[2]] })
        }
        O::MvApply(it) => (&it.parameters, &[("with_itemindex", &[])]),
        O::MvExpand(it) => (&it.parameters, &[("kind", &[]), ("bagexpansion", &[]), ("with_itemindex", &[])]),
        O::Partition(it) => (&it.parameters, PARTITION),
        O::PartitionBy(it) => (&it.parameters, PARTITION),
        O::Reduce(it) => (&it.parameters, &[("kind", &[])]),
        O::Search(it) => (&it.parameters, &[("kind", &[])]),
        O::Sort(it) => (&it.parameters, &[("hint.strategy", &["splitBlock", "multipleBlocks"])]),
        O::Summarize(it) => (&it.parameters, const { &SHUFFLE }),
        O::Top(it) => (&it.parameters, &[("hint.progressive_top", &["true", "false"])]),
        O::Union(it) => (
            &it.parameters,
            &[
                ("kind", &[]),
                ("withsource", &[]),
                ("with_source", &[]),
                ("isfuzzy", &["true", "false"]),
                ("best_effort", &["true", "false"]),
                ("hint.concurrency", &[]),
                ("hint.spread", &[]),
            ],
        ),
        _ => return None,
    })
}

impl Binder<'_> {
    /// Warns of what a stage is given and nothing heeds.
    pub(super) fn tell_of_parameters(&mut self, stage: &Stage) {
        let word = self.query.text_of(stage.keyword).to_owned();
        if matches!(stage.operator, Operator::ExecuteAndCache(_)) && self.catalogue.runs() {
            self.warn("KQL0007", stage.keyword, format!("`{word}` steers a service; it changes nothing here"));
        }
        let Some((given, known)) = parameters(&stage.operator) else { return };
        for parameter in given {
            let name = parameter.name.text.as_str();
            if name.starts_with("__") {
                continue;
            }
            let Some((_, words)) = known.iter().find(|it| it.0.eq_ignore_ascii_case(name)) else {
                let message = format!("`{word}` has no parameter `{name}`; it changes nothing");
                let mut diagnostic = Diagnostic::warning("KQL0007", parameter.name.span, message);
                if let Some(it) = closest(name, known.iter().map(|it| it.0)) {
                    diagnostic = diagnostic.hint(format!("did you mean `{it}`?"));
                }
                self.report(diagnostic);
                continue;
            };
            let Ok(value) = self.word(parameter) else { continue };
            if !words.is_empty() && !words.iter().any(|it| it.eq_ignore_ascii_case(&value)) {
                let message = format!("`{name}` is one of {}; `{value}` changes nothing", words.join(", "));
                self.warn("KQL0007", parameter.span, message);
            }
        }
    }
}
