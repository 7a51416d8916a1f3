//! Estimates: `dcount` and the sketches behind it and behind percentiles.

use crate::{
    aggregate::{
        Accumulator, Aggregate, AggregateCall, SMALLEST,
        codes::{SeenCodes, by_dictionary},
        filter::{PREDICATE, filtered},
        same,
    },
    declare::{Accepts, Naming, Overload, Param, Returns, types, types::Argument},
    sketch::{
        hll::{Hll, bits_of_accuracy, each_hash, hash_text},
        tdigest::Digest,
    },
};
use kql_data::{Column, Context, Dynamic, Fault, Type};
use std::any::Any;

const EXPR: Param = Param::new("expr", Accepts::Scalar);
const COUNTED: Param = Param::new("expr", Accepts::NotRealOrBool);
const NUMBER: Param = Param::new("expr", Accepts::Summable);
const WEIGHT: Param = Param::new("weight", Accepts::Integer).cast(Type::Long);
const ACCURACY: Param = Param::new("accuracy", Accepts::Integer).cast(Type::Long).constant();
const SKETCH: Param = Param::new("hll", Accepts::Array);
const DIGEST: Param = Param::new("tdigest", Accepts::Array);

const fn gives(params: &'static [Param], ty: Type) -> Overload {
    Overload { params, rest: None, returns: Returns::Type(ty), kernel: None }
}

/// The aggregates of this family.
pub const AGGREGATES: &[Aggregate] = &[
    Aggregate::new(
        "dcount",
        "Number of distinct values of `expr`: exact while there are some thousands, an estimate beyond. `accuracy` from 0 to \
         4 (errors of 1.6, 0.8, 0.4, 0.28, 0.2 percent) is 1 by default. Nulls do not count.\n\n    \
         datatable(x:string)[\"a\", \"b\", \"a\"] | summarize dcount(x) => 2\n",
        &[gives(&[EXPR], Type::Long), gives(&[EXPR, ACCURACY], Type::Long)],
        |call| hll(call, true),
    ),
    Aggregate::new(
        "dcountif",
        "`dcount` over the rows for which `predicate` is true.\n\n    \
         datatable(x:long)[1, 2, 3] | summarize dcountif(x, x > 1) => 2\n",
        &[gives(&[EXPR, PREDICATE], Type::Long), gives(&[EXPR, PREDICATE, ACCURACY], Type::Long)],
        |call| filtered(call, 1, |call| hll(call, true)),
    ),
    Aggregate::new(
        "hll",
        "What `dcount` counts by, to be merged and counted later; null without values.\n\n    \
         datatable(x:long)[1, 2, 2] | summarize h = hll(x) | project dcount_hll(h) => 2\n",
        &[gives(&[COUNTED], Type::Dynamic), gives(&[COUNTED, ACCURACY], Type::Dynamic)],
        |call| hll(call, false),
    ),
    Aggregate::new(
        "hll_if",
        "`hll` over the rows for which `predicate` is true.\n\n    \
         datatable(x:long)[1, 2, 3] | summarize h = hll_if(x, x > 1) | project dcount_hll(h) => 2\n",
        &[gives(&[COUNTED, PREDICATE], Type::Dynamic), gives(&[COUNTED, PREDICATE, ACCURACY], Type::Dynamic)],
        |call| filtered(call, 1, |call| hll(call, false)),
    ),
    Aggregate::new(
        "hll_merge",
        "The union of what `hll` gave; null without values.\n\n    \
         range x from 1 to 9 step 1 | summarize h = hll(x) by x % 3 | summarize m = hll_merge(h) | project dcount_hll(m) => 9\n",
        &[gives(&[SKETCH], Type::Dynamic)],
        |_| Ok(Box::new(HllMerge(Vec::new()))),
    ),
    Aggregate::new(
        "tdigest",
        "What percentiles of many values can be estimated from, to be merged and asked later: see `percentile_tdigest`. \
         `weight` says how often a value counts. Null without values.\n\n    \
         datatable(v:real, w:long)[1.0, 1, 2.0, 2] | summarize t = tdigest(v, w) | project percentile_tdigest(t, 50) => 2.0\n",
        &[gives(&[NUMBER], Type::Dynamic), gives(&[NUMBER, WEIGHT], Type::Dynamic)],
        |call| Ok(Box::new(Digests { ty: call.ty(0), is_merge: false, digests: Vec::new() })),
    ),
    Aggregate::new("tdigest_merge", MERGE, &[gives(&[DIGEST], Type::Dynamic)], merge_digests)
        .naming(Naming::Prefix("merge_tdigests")),
    Aggregate::new("merge_tdigest", MERGE, &[gives(&[DIGEST], Type::Dynamic)], merge_digests)
        .naming(Naming::Prefix("merge_tdigests")),
];

const MERGE: &str = "The values of several of what `tdigest` gave in one; null without values.\n\n    \
    range x from 1 to 9 step 1 | summarize t = tdigest(x) by x % 3 | summarize m = tdigest_merge(t) \
    | project percentile_tdigest(m, 100, typeof(long)) => 9\n";

fn merge_digests(_: &AggregateCall) -> Result<Box<dyn Accumulator>, Fault> {
    Ok(Box::new(Digests { ty: Type::Real, is_merge: true, digests: Vec::new() }))
}

fn hll(call: &AggregateCall, counts: bool) -> Result<Box<dyn Accumulator>, Fault> {
    let bits = bits_of_accuracy(call.constant_long(1));
    Ok(Box::new(Sketches { bits, counts, n_groups: 0, codes: None, sketches: Vec::new(), bytes: 0 }))
}

/// A sketch a group.
struct Sketches {
    bits: u8,
    /// Whether only the number is asked for.
    counts: bool,
    n_groups: usize,
    /// While all columns had the same dictionary: which codes each group has, and how many.
    codes: Option<(SeenCodes, Vec<u32>)>,
    sketches: Vec<Hll>,
    bytes: usize,
}

impl Sketches {
    /// Turns codes into sketches.
    fn spill(&mut self) {
        let bits = self.bits;
        self.sketches.resize_with(self.n_groups, || Hll::new(bits));
        let Some((seen, _)) = self.codes.take() else { return };
        seen.each_pair(|group, code| {
            if let Some(sketch) = self.sketches.get_mut(group as usize) {
                sketch.insert(hash_text(seen.text(code)));
            }
        });
        self.bytes = self.sketches.iter().map(Hll::bytes).sum();
    }

    fn insert_codes(&mut self, groups: &[u32], codes: &[u32]) {
        let Some((seen, counts)) = &mut self.codes else { return };
        seen.insert_rows(self.n_groups, groups, codes, |group, _, is_new| {
            if let Some(count) = counts.get_mut(group as usize) {
                *count += u32::from(is_new);
            }
        });
    }
}

impl Accumulator for Sketches {
    fn resize(&mut self, n_groups: usize) {
        self.n_groups = self.n_groups.max(n_groups);
        if let Some((_, counts)) = &mut self.codes {
            counts.resize(self.n_groups, 0);
        }
    }

    fn update(&mut self, _: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault> {
        let Some(column) = args.first() else { return Ok(()) };
        if let Some((codes, dictionary)) = by_dictionary(column) {
            if self.codes.is_none() && self.sketches.is_empty() {
                self.codes = Some((SeenCodes::new(dictionary.clone()), vec![0; self.n_groups]));
            }
            if self.codes.as_ref().is_some_and(|(seen, _)| seen.is_of(dictionary)) {
                self.insert_codes(groups, codes);
                return Ok(());
            }
        }
        self.spill();
        let (sketches, bytes) = (&mut self.sketches, &mut self.bytes);
        each_hash(column, |row, hash| {
            if let Some(sketch) = groups.get(row).and_then(|it| sketches.get_mut(*it as usize)) {
                *bytes = bytes.saturating_add_signed(sketch.insert_sized(hash));
            }
        });
        Ok(())
    }

    fn merge(&mut self, _: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        let mut other = *same::<Sketches>(other)?;
        if let Some((theirs, _)) = &other.codes {
            if self.codes.is_none() && self.sketches.is_empty() {
                self.codes = Some((theirs.empty(), vec![0; self.n_groups]));
            }
            if self.codes.as_ref().is_some_and(|(mine, _)| mine.is_like(theirs)) {
                let (mut mine, mut codes) = (Vec::new(), Vec::new());
                theirs.each_pair(|group, code| {
                    if let Some(group) = groups.get(group as usize) {
                        mine.push(*group);
                        codes.push(code);
                    }
                });
                self.insert_codes(&mine, &codes);
                return Ok(());
            }
        }
        self.spill();
        other.spill();
        for (other, group) in other.sketches.iter().zip(groups) {
            if let Some(sketch) = self.sketches.get_mut(*group as usize) {
                sketch.merge(other);
            }
        }
        self.bytes = self.sketches.iter().map(Hll::bytes).sum();
        Ok(())
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Result<Vec<Column>, Fault> {
        if self.counts
            && let Some((_, counts)) = &self.codes
        {
            return Ok(vec![Column::longs(counts.iter().map(|it| i64::from(*it)).collect())]);
        }
        self.spill();
        if self.counts {
            return Ok(vec![Column::longs(self.sketches.iter().map(Hll::count).collect())]);
        }
        Ok(vec![sketch_column(&self.sketches)])
    }

    fn bytes(&self) -> usize {
        let codes = self.codes.as_ref().map_or(0, |(seen, _)| seen.bytes());
        self.bytes + codes + self.n_groups * (size_of::<Hll>() + SMALLEST)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

fn sketch_column(sketches: &[Hll]) -> Column {
    Column::dynamics(sketches.iter().map(|it| Some(it).filter(|it| !it.is_empty()).map(Hll::to_dynamic)).collect())
}

/// A union of sketches a group.
struct HllMerge(Vec<Hll>);

impl Accumulator for HllMerge {
    fn resize(&mut self, n_groups: usize) {
        self.0.resize_with(n_groups.max(self.0.len()), || Hll::new(18));
    }

    fn update(&mut self, _: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault> {
        let Some(column) = args.first() else { return Ok(()) };
        for (row, group) in groups.iter().enumerate() {
            if let (Some(sketch), Some(it)) = (self.0.get_mut(*group as usize), Hll::from_dynamic(&column.dynamic(row)))
            {
                sketch.merge(&it);
            }
        }
        Ok(())
    }

    fn merge(&mut self, _: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        for (other, group) in same::<HllMerge>(other)?.0.iter().zip(groups) {
            if let Some(sketch) = self.0.get_mut(*group as usize).filter(|_| !other.is_empty()) {
                sketch.merge(other);
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Context) -> Result<Vec<Column>, Fault> {
        Ok(vec![sketch_column(&self.0)])
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|it| size_of::<Hll>() + SMALLEST + it.bytes()).sum()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// A digest a group, of values or of digests.
struct Digests {
    ty: Type,
    is_merge: bool,
    digests: Vec<Digest>,
}

impl Accumulator for Digests {
    fn resize(&mut self, n_groups: usize) {
        let ty = self.ty;
        self.digests.resize_with(n_groups.max(self.digests.len()), || Digest::new(ty));
    }

    fn update(&mut self, cx: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault> {
        let Some(column) = args.first() else { return Ok(()) };
        let weights = args.get(1).map(|it| types::long::reader(cx, it)).transpose()?;
        for (row, group) in groups.iter().enumerate() {
            let Some(digest) = self.digests.get_mut(*group as usize) else { continue };
            let value = column.dynamic(row);
            if self.is_merge {
                Digest::from_dynamic(&value).into_iter().for_each(|it| digest.merge(&it));
            } else if let Some(number) = Digest::number(&value) {
                let weight = weights.as_ref().map_or(Some(1), |it| it.get(row));
                digest.insert(number, weight.unwrap_or(0) as f64);
            }
        }
        Ok(())
    }

    fn merge(&mut self, _: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        for (other, group) in same::<Digests>(other)?.digests.iter().zip(groups) {
            if let Some(digest) = self.digests.get_mut(*group as usize).filter(|_| !other.is_empty()) {
                digest.merge(other);
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Context) -> Result<Vec<Column>, Fault> {
        let digest = |mut it: Digest| {
            it.settle();
            (!it.is_empty()).then(|| it.to_dynamic())
        };
        Ok(vec![Column::dynamics(self.digests.into_iter().map(digest).collect::<Vec<Option<Dynamic>>>())])
    }

    fn bytes(&self) -> usize {
        self.digests.iter().map(|it| size_of::<Digest>() + SMALLEST + it.bytes()).sum()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::aggregate::testing::{json, one, run, run_split, values};
    use kql_data::{Column, DictionaryBuilder, DictionaryColumn, Type, Value};
    use std::sync::Arc;

    #[test]
    fn distinct_counts_by_code_and_by_hash_agree() {
        let mut builder = DictionaryBuilder::default();
        let texts: Vec<String> = (0..3_000).map(|it| format!("u{}", it % 700)).collect();
        let codes: Vec<u32> = texts.iter().map(|it| builder.code(it)).collect();
        let dictionary = Arc::new(builder.finish());
        let coded = Column::Dictionary(DictionaryColumn { codes: codes.into(), dictionary });
        let plain = Column::strings(&texts);
        let groups: Vec<u32> = (0..3_000).map(|it| it / 500 % 3).collect();
        let expected = values(&run("dcount", &groups, std::slice::from_ref(&plain)));
        assert_eq!(expected, vec![Value::Long(600); 3]);
        for column in [coded, plain] {
            assert_eq!(values(&run("dcount", &groups, std::slice::from_ref(&column))), expected);
            assert_eq!(values(&run_split("dcount", &groups, &[column], &[100, 1_700], 64)), expected);
        }
    }

    #[test]
    fn empty_groups() {
        assert_eq!(one("dcount", &[Column::null(Type::Long, 3)]), Value::Long(0));
        assert_eq!(one("hll", &[Column::null(Type::Long, 0)]), Value::Null);
        assert_eq!(one("tdigest", &[Column::null(Type::Real, 0)]), Value::Null);
    }

    #[test]
    fn digests_show_values_and_weights() {
        let args = [Column::Real(vec![2.5, 1.0].into()), Column::longs(vec![2, 1])];
        assert_eq!(json("tdigest", &args), "[[7],[1.0,2.5],[1,2]]");
    }
}
