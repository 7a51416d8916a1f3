//! `externaldata`: rows of files that the host allows.

use super::super::{Bind, Binder, Table};
use super::datatable;
use crate::{
    plan::Op,
    syntax::{ExternalData, Stage},
};
use kql_data::{Batch, Value};
use std::sync::Arc;

pub(super) fn bind(b: &mut Binder<'_>, it: &ExternalData, stage: &Stage) -> Bind<Table> {
    if b.options.no_external_data {
        return b.fail(
            "SEM1076",
            stage.keyword,
            "`externaldata` is off: the query sets `request_external_data_disabled`",
        );
    }
    let schema = datatable::row_schema(b, &it.schema)?;
    let mut properties = Vec::new();
    for property in &it.properties {
        properties.push((property.name.text.clone(), b.word(property)?));
    }
    let mut batches = Vec::new();
    for source in &it.sources {
        let span = b.query.span(*source);
        let expr = b.constant_scalar(*source)?;
        let Some(Value::String(uri)) = b.value_of(expr) else {
            return b.fail("SEM0207", span, "the place of external data must be a constant string");
        };
        match b.catalogue.external(&uri, &schema, &properties) {
            Ok(rows) => batches.extend(rows),
            Err(why) => return b.fail("KQL0005", span, why),
        }
    }
    if batches.is_empty() {
        return Ok(b.no_rows(schema));
    }
    // The rows are the query's, for as long as its plan is there.
    let held = |it: Batch| it.hold(&b.cx.budget, "`externaldata`");
    match Batch::concat(&schema, &batches).and_then(held) {
        Ok(batch) => Ok(b.new_table(Op::Values { batch: Arc::new(batch) }, schema)),
        Err(fault) => b.fault(stage.span, &fault),
    }
}
