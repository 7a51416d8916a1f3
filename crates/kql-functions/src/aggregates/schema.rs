//! `buildschema`: the smallest schema that admits all values.

use crate::{
    aggregate::{Accumulator, Aggregate, SMALLEST, same},
    declare::{Accepts, Naming, Overload, Param, Returns},
};
use indexmap::IndexMap;
use kql_data::{Bag, Column, Context, Dynamic, Fault, Type};
use std::{any::Any, sync::Arc};

/// The key under which the schema of an array's elements stands.
const INDEXER: &str = "`indexer`";

/// The aggregates of this family.
pub const AGGREGATES: &[Aggregate] = &[Aggregate::new(
    "buildschema",
    "The smallest schema that admits all values of `expr`: a type's name, several in an array, the schemas of a bag's slots, \
     those of an array's elements as `indexer` between backticks. Null without values.\n\n    \
     datatable(d:dynamic)[dynamic({\"x\":1}), dynamic({\"x\":\"a\"})] | summarize buildschema(d) => dynamic({\"x\":[\"long\",\"string\"]})\n",
    &[Overload {
        params: &[Param::new("expr", Accepts::Bag)],
        rest: None,
        returns: Returns::Type(Type::Dynamic),
        kernel: None,
    }],
    |_| Ok(Box::new(Schemas { schemas: Vec::new(), n_nodes: 0 })),
)
.naming(Naming::Prefix("schema"))];

/// What was seen at one place.
#[derive(Default)]
struct Schema {
    /// Names of scalar types, in order.
    types: Vec<&'static str>,
    slots: Option<IndexMap<Arc<str>, Schema, ahash::RandomState>>,
    elements: Option<Box<Schema>>,
}

impl Schema {
    fn add(&mut self, value: &Dynamic, n_nodes: &mut usize) {
        match value {
            Dynamic::Null => {}
            Dynamic::Array(items) => {
                let elements = self.elements.get_or_insert_default();
                items.iter().for_each(|it| elements.add(it, n_nodes));
            }
            Dynamic::Bag(bag) => {
                let slots = self.slots.get_or_insert_default();
                for (key, it) in bag.iter() {
                    if let Some(known) = slots.get_mut(key) {
                        known.add(it, n_nodes);
                    } else {
                        *n_nodes += 1;
                        slots.entry(key.clone()).or_default().add(it, n_nodes);
                    }
                }
            }
            scalar => {
                let name = scalar.type_name();
                if !self.types.contains(&name) {
                    self.types.push(name);
                }
            }
        }
    }

    fn merge(&mut self, other: Schema) {
        for name in other.types {
            if !self.types.contains(&name) {
                self.types.push(name);
            }
        }
        if let Some(theirs) = other.slots {
            let slots = self.slots.get_or_insert_default();
            theirs.into_iter().for_each(|(key, it)| slots.entry(key).or_default().merge(it));
        }
        if let Some(theirs) = other.elements {
            self.elements.get_or_insert_default().merge(*theirs);
        }
    }

    fn dynamic(&self) -> Dynamic {
        let mut all: Vec<Dynamic> = self.types.iter().map(|it| Dynamic::string(*it)).collect();
        if self.slots.is_some() || self.elements.is_some() {
            let mut bag = Bag::default();
            for (key, it) in self.slots.iter().flatten() {
                _ = bag.insert(key.clone(), it.dynamic());
            }
            if let Some(elements) = &self.elements {
                _ = bag.insert(INDEXER.into(), elements.dynamic());
            }
            all.push(Dynamic::bag(bag));
        }
        match all.len() {
            0 => Dynamic::Null,
            1 => all.remove(0),
            _ => Dynamic::array(all),
        }
    }
}

/// A schema a group.
struct Schemas {
    schemas: Vec<Schema>,
    n_nodes: usize,
}

impl Accumulator for Schemas {
    fn resize(&mut self, n_groups: usize) {
        self.schemas.resize_with(n_groups.max(self.schemas.len()), Schema::default);
    }

    fn update(&mut self, cx: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault> {
        let Some(column) = args.first() else { return Ok(()) };
        // Each row of a batch may have slots of its own.
        let (before, mut held) = (self.bytes(), cx.budget.reserve(0, "buildschema")?);
        for (row, group) in groups.iter().enumerate() {
            if let Some(schema) = self.schemas.get_mut(*group as usize) {
                schema.add(&column.dynamic(row), &mut self.n_nodes);
            }
            held.follow(self.bytes() - before, "buildschema")?;
        }
        Ok(())
    }

    fn merge(&mut self, _: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        let other = same::<Schemas>(other)?;
        self.n_nodes += other.n_nodes;
        for (other, group) in other.schemas.into_iter().zip(groups) {
            if let Some(schema) = self.schemas.get_mut(*group as usize) {
                schema.merge(other);
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Context) -> Result<Vec<Column>, Fault> {
        Ok(vec![Column::dynamics(self.schemas.iter().map(|it| Some(it.dynamic())).collect())])
    }

    fn bytes(&self) -> usize {
        // A node stands in a table with room to spare, beside its name and the list of its types.
        (self.n_nodes + self.schemas.capacity()) * (2 * size_of::<(u64, Arc<str>, Schema)>() + 2 * SMALLEST)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::aggregate::testing::json;
    use kql_data::{Column, json as text};

    #[test]
    fn the_page_s_example() {
        let rows = [
            r#"{"x":1, "y":3.5}"#,
            r#"{"x":"somevalue", "z":[1, 2, 3]}"#,
            r#"{"y":{"w":"zzz"}, "t":["aa", "bb"], "z":["foo"]}"#,
        ];
        let column = Column::dynamics(rows.iter().map(|it| text::read(it)).collect());
        assert_eq!(
            json("buildschema", &[column]),
            r#"{"x":["long","string"],"y":["double",{"w":"string"}],"z":{"`indexer`":["long","string"]},"t":{"`indexer`":"string"}}"#
        );
    }
}
