//! Binding of tabular operators, one file an operator.

mod as_;
mod columns;
mod count;
mod datatable;
mod distinct;
mod evaluate;
mod expand;
mod extend;
mod externaldata;
mod find;
mod fork;
mod getschema;
mod graph;
mod graph_match;
mod infer_storage_schema;
mod invoke;
mod join;
mod keys;
mod lookup;
mod macro_expand;
mod make_graph;
mod make_series;
mod mv_apply;
mod mv_expand;
mod parse;
mod parse_kv;
mod partition;
mod print;
mod project;
mod project_away;
mod project_rename;
mod project_reorder;
mod range;
mod reduce;
mod render;
mod sample;
mod scan;
mod search;
mod sort;
mod summarize;
mod take;
mod terms;
mod top_nested;
mod union;
mod where_;

pub(super) use extend::more as extend_more;
pub(super) use getschema::bind as getschema;
pub(super) use project_away::matches;
pub(super) use take::limited;

use super::{Bind, Binder, Reported, Table};
use crate::syntax::{Operator, Stage};

/// Binds one stage: a source, an operator that may stand first, or one over its input.
pub(super) fn bind(b: &mut Binder<'_>, stage: &Stage, input: Option<Table>) -> Bind<Table> {
    use Operator as O;
    b.tell_of_parameters(stage);
    match &stage.operator {
        O::Datatable(it) => datatable::bind(b, it, stage),
        O::ExternalData(it) => externaldata::bind(b, it, stage),
        O::Print(it) => print::bind(b, it, stage),
        O::Range(it) => range::bind(b, it, stage),
        O::Union(it) => union::bind(b, it, input, stage),
        O::Find(it) => find::bind(b, it, input, stage),
        O::Search(it) => search::bind(b, it, input, stage),
        O::MacroExpand(it) => macro_expand::bind(b, it, input, stage),
        O::InlineExternalTable(_) => {
            let message =
                "`inline_external_table` reads from external storage; load its rows as a table and name that instead";
            b.fail("KQL0003", stage.keyword, message)
        }
        O::Error => Err(Reported),
        operator => match (input, operator) {
            (Some(Table { graph: Some(graph), .. }), _) => graph::bind(b, stage, &graph),
            (Some(input), _) => over(b, stage, input),
            (None, O::Evaluate(it)) => evaluate::source(b, it, stage),
            (None, _) => b.fail("SYN0002", stage.keyword, "this operator needs a table in front of it"),
        },
    }
}

/// Binds an operator over the rows of a table.
fn over(b: &mut Binder<'_>, stage: &Stage, input: Table) -> Bind<Table> {
    use Operator as O;
    match &stage.operator {
        O::As(it) => as_::bind(b, it, input),
        O::AssertSchema(it) => getschema::assert(b, it, input, stage),
        O::Consume(_) => Ok(take::none(b, &input)),
        O::ExecuteAndCache(_) => Ok(input),
        O::Count(it) => count::bind(b, it, input),
        O::Distinct(it) => distinct::bind(b, it, input, stage),
        O::Evaluate(it) => evaluate::bind(b, it, input, stage),
        O::Extend(it) => extend::bind(b, &it.columns, input),
        O::Facet(it) => fork::facet(b, it, input, stage),
        O::Fork(it) => fork::bind(b, it, input),
        O::GetSchema => getschema::bind(b, input),
        O::Invoke(it) => invoke::bind(b, it, input, stage),
        O::Join(it) => join::bind(b, it, input, stage),
        O::Lookup(it) => lookup::bind(b, it, input, stage),
        O::MakeSeries(it) => make_series::bind(b, it, input, stage),
        O::MvApply(it) => mv_apply::bind(b, it, input, stage),
        O::MvExpand(it) => mv_expand::bind(b, it, input),
        O::Parse(it) => parse::bind(b, it, false, input, stage),
        O::ParseWhere(it) => parse::bind(b, it, true, input, stage),
        O::ParseKv(it) => parse_kv::bind(b, it, input, stage),
        O::Partition(it) => partition::bind(b, it, input, stage),
        O::PartitionBy(it) => partition::by(b, it, input),
        O::Project(it) => project::bind(b, &it.columns, input),
        O::ProjectAway(it) => project_away::bind(b, &it.columns, false, input),
        O::ProjectKeep(it) => project_away::bind(b, &it.columns, true, input),
        O::ProjectByNames(it) => project_away::by_names(b, &it.columns, input),
        O::ProjectRename(it) => project_rename::bind(b, it, input),
        O::ProjectReorder(it) => project_reorder::bind(b, it, input),
        O::Reduce(it) => reduce::bind(b, it, input, stage),
        O::Render(it) => render::bind(b, it, input),
        O::Sample(it) => sample::bind(b, it.count, input),
        O::SampleDistinct(it) => sample::distinct(b, it, input),
        O::Scan(it) => scan::bind(b, it, input, stage),
        O::Serialize(it) => {
            let input = Table { serialized: true, ..input };
            extend::bind(b, &it.columns, input)
        }
        O::Sort(it) => sort::bind(b, &it.keys, input),
        O::Summarize(it) => summarize::bind(b, it, input, stage),
        O::Take(it) => take::bind(b, it.count, input),
        O::Top(it) => sort::top(b, it, input),
        O::TopHitters(it) => top_nested::hitters(b, it, input),
        O::TopNested(it) => top_nested::bind(b, it, input),
        O::Where(it) => where_::bind(b, it.predicate, input),
        O::MakeGraph(it) => make_graph::bind(b, it, input, stage),
        O::GraphMatch(_)
        | O::GraphMarkComponents(_)
        | O::GraphShortestPaths(_)
        | O::GraphToTable(_)
        | O::GraphWhereEdges(_)
        | O::GraphWhereNodes(_) => {
            let word = b.query.text_of(stage.keyword).to_owned();
            b.fail("SEM0104", stage.keyword, format!("`{word}` needs a graph: put `make-graph` in front of it"))
        }
        O::Datatable(_)
        | O::ExternalData(_)
        | O::Print(_)
        | O::Range(_)
        | O::Union(_)
        | O::Find(_)
        | O::Search(_)
        | O::MacroExpand(_)
        | O::InlineExternalTable(_)
        | O::Error => Err(Reported),
    }
}
