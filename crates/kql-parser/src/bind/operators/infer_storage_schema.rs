//! `evaluate infer_storage_schema(…)`: the columns of files that the host allows, as text. It is bound away: the answer is known
//! before the query runs.

use super::super::{Bind, Binder, Table};
use crate::{
    plan::Op,
    syntax::{Evaluate, Stage},
};
use kql_data::{Batch, Column, Schema, Type, Value};
use std::sync::Arc;

/// The name of the plugin.
pub(super) const NAME: &str = "infer_storage_schema";

pub(super) fn bind(b: &mut Binder<'_>, it: &Evaluate, stage: &Stage) -> Bind<Table> {
    let [argument] = it.call.arguments.as_slice() else {
        return b.fail("SEM0219", stage.span, format!("`{NAME}` takes one bag of options"));
    };
    let span = b.query.span(argument.value);
    let options = b.constant_scalar(argument.value)?;
    let Some(Value::Dynamic(options)) = b.value_of(options) else {
        return b.fail("SEM0207", span, format!("`{NAME}` takes one bag of options, known before the query runs"));
    };
    let text = |name: &str| options.get(name).as_str().map(str::to_owned);
    let mut properties = Vec::new();
    properties.extend(text("DataFormat").map(|it| ("format".to_owned(), it)));
    let has_header = options.get("InferenceOptions").get("UseFirstRowAsHeader").text() == "true";
    properties.push(("header".to_owned(), has_header.to_string()));
    let containers = options.get("StorageContainers");
    let uris: Vec<String> =
        containers.as_array().unwrap_or_default().iter().filter_map(|it| it.as_str().map(str::to_owned)).collect();
    if uris.is_empty() {
        return b.fail("SEM0207", span, format!("`{NAME}`: `StorageContainers` must list URIs"));
    }
    let mut found: Vec<Schema> = Vec::new();
    for uri in &uris {
        match b.catalogue.infer(uri, &properties) {
            Ok(schema) => found.push(schema),
            Err(why) => return b.fail("KQL0005", span, why),
        }
    }
    let schema = match text("Mode").as_deref() {
        Some("all") => merged(&found),
        Some("any") => found.into_iter().next().unwrap_or_default(),
        _ => found.pop().unwrap_or_default(),
    };
    let columns: Vec<String> = schema.fields.iter().map(|it| format!("{}:{}", it.name, it.ty)).collect();
    let batch = Arc::new(Batch::new(vec![Column::strings([columns.join(", ")].iter())], 1));
    Ok(b.new_table(Op::Values { batch }, Schema::of(&[("CslSchema", Type::String)])))
}

/// Every column, each as the first type that is met; where types differ, as a string.
fn merged(schemas: &[Schema]) -> Schema {
    let mut out = Schema::default();
    for field in schemas.iter().flat_map(|it| &it.fields) {
        match out.fields.iter_mut().find(|it| it.name == field.name) {
            Some(known) if known.ty != field.ty => known.ty = Type::String,
            Some(_) => {}
            None => out.fields.push(field.clone()),
        }
    }
    out
}
