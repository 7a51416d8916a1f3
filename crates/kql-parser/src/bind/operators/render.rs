//! `render`: how the result is to be drawn; the rows stay as they are.

use super::super::{Bind, Binder, Table};
use crate::{plan::Visualization, syntax::Render};

pub(super) fn bind(b: &mut Binder<'_>, it: &Render, input: Table) -> Bind<Table> {
    let mut properties = Vec::new();
    for property in &it.properties {
        let mut value = b.word(property)?;
        for more in &property.more {
            value.push_str(", ");
            value.push_str(b.query.text_of(b.query.span(*more)));
        }
        properties.push((property.name.text.clone(), value));
    }
    let visualization = Some(Visualization { chart: it.chart.text.clone(), properties });
    Ok(Table { visualization, ..input })
}
