//! A complete tree to a table: types found out, declared types laid over, values converted.

use super::{
    convert::{self, Failures},
    grown::Grown,
    instant, raw,
    tree::{NodeId, ROOT, Skimmed, Tree},
};
use crate::{
    ConversionWarning,
    openai::{Item, Origin},
    read::{careful, record::Keys},
};
use arrow_array::Array;
use kql_data::{Batch, Column, Dynamic, Fault, Field, Map, Node, Schema, Stop, Table, Tag, Texts, Type, Value, json};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// How a table is made of a tree.
pub(crate) struct Finish<'a> {
    /// Types that win over those found out.
    pub(crate) declared: Option<&'a Schema>,
    /// What `TimeGenerated` is when a mapped record has no time.
    pub(crate) now: Option<i64>,
    /// Whether cells are texts whose type is still to be found out.
    pub(crate) texts: bool,
    /// Rows of a chunk.
    pub(crate) chunk_rows: usize,
    /// Threads at most.
    pub(crate) threads: usize,
    pub(crate) stop: &'a Stop,
    /// Whether texts of JSON were taken apart.
    pub(crate) opened: bool,
}

/// Rows from which on other threads help.
const ROWS_FOR_THREADS: usize = 100_000;
/// Threads at most, whatever the limits say.
const THREADS: usize = 8;

/// The nodes of a column by chunk.
type Parts = Vec<Option<Arc<Node>>>;

impl Finish<'_> {
    /// The table of those columns.
    pub(crate) fn table(
        &mut self,
        mut tree: Grown,
        items: Vec<Item>,
    ) -> Result<(Table, Vec<ConversionWarning>), Fault> {
        let items = self.declare(items);
        let n_rows = tree.chunks.clone();
        let mut columns: Vec<Vec<Column>> = n_rows.iter().map(|_| Vec::with_capacity(items.len())).collect();
        let (mut fields, mut warnings) = (Vec::new(), Vec::new());
        // A node may serve several columns: it is taken once.
        let mut taken: Map<NodeId, Parts> = Map::default();
        let mut uses: Map<NodeId, usize> = Map::default();
        // Several columns tell the same moments: they are one.
        let mut moments: Map<(NodeId, usize), Column> = Map::default();
        for node in items.iter().filter_map(|it| it.origin.node()) {
            *uses.entry(node).or_default() += 1;
        }
        for item in items {
            self.stop.check()?;
            let node = item.origin.node();
            let mut parts: Parts = match node {
                Some(id) if uses.get(&id).is_some_and(|it| *it > 1) => {
                    taken.entry(id).or_insert_with(|| take(&mut tree, id)).clone()
                }
                Some(id) => take(&mut tree, id),
                None => Vec::new(),
            };
            if let Origin::Pack(slots) = &item.origin {
                parts = pack(&mut tree, slots);
            }
            let skimmed = node.map(|it| tree.skimmed(it)).unwrap_or_default();
            let ty = self.find_type(&item, &parts, skimmed);
            if ty == Type::Dynamic && (item.ty.is_some() || self.texts) {
                parts = self.open_texts(parts, &n_rows, node.map(|it| (&tree, it)));
            }
            parts.resize(n_rows.len(), None);
            let written = node.is_some_and(|it| tree.writes(it));
            let mut failures = Failures::default();
            let mut converted = match item.origin {
                Origin::Seconds(id) => {
                    let mut of = |chunk: usize, part: Option<&Node>, len| {
                        let known = moments.entry((id, chunk));
                        self.moments(&item, known.or_insert_with(|| convert::seconds(part, len)))
                    };
                    let chunks = parts.iter().zip(&n_rows).enumerate();
                    chunks.map(|(chunk, (part, len))| of(chunk, part.as_deref(), *len)).collect()
                }
                _ => self.columns(&item, parts, &n_rows, (ty, written), &mut failures)?,
            };
            if let Origin::FinishReasons(_) = item.origin {
                raw::share_dictionary(&mut converted);
            }
            columns.iter_mut().zip(converted).for_each(|(out, it)| out.push(it));
            if failures.count > 0 {
                let (column, example) = (item.name.to_string(), failures.example.unwrap_or_default());
                warnings.push(ConversionWarning { column, ty, count: failures.count, example });
            }
            fields.push(Field::new(item.name, ty));
        }
        let batches = columns.into_iter().zip(&n_rows).map(|(it, len)| Batch::new(it, *len)).collect();
        Ok((Table::new(Schema::new(fields), batches), warnings))
    }

    /// Declared columns first, in their order; then the others.
    fn declare(&self, mut items: Vec<Item>) -> Vec<Item> {
        let Some(declared) = self.declared else { return items };
        let mut out = Vec::with_capacity(items.len() + declared.len());
        for field in &declared.fields {
            let found = items.iter().position(|it| it.name == field.name).map(|it| items.remove(it));
            let origin = found.map_or(Origin::Constant(Value::Null), |it| it.origin);
            out.push(Item { name: field.name.clone(), ty: Some(field.ty), origin });
        }
        out.append(&mut items);
        out
    }

    fn find_type(&self, item: &Item, parts: &Parts, skimmed: Skimmed) -> Type {
        if let Some(ty) = item.ty {
            return ty;
        }
        let seen = parts.iter().flatten().fold(skimmed.seen, |seen, it| seen | seen_in(&it.tags)) & !0b11;
        let only = |tags: &[Tag]| seen & !tags.iter().fold(0, |bits, it| bits | 1 << *it as u8) == 0;
        if seen == 0 {
            return Type::Dynamic;
        }
        if only(&[Tag::True, Tag::False]) {
            return Type::Bool;
        }
        if only(&[Tag::String]) {
            return match self.texts {
                true => type_of_cells(&item.name, parts),
                false => type_of_strings(&item.name, parts, skimmed),
            };
        }
        if &*item.name == "TimeGenerated" && only(&[Tag::String, Tag::Long, Tag::Real]) {
            return Type::Datetime;
        }
        match () {
            () if only(&[Tag::Long]) => Type::Long,
            () if only(&[Tag::Long, Tag::Real]) => Type::Real,
            () => Type::Dynamic,
        }
    }

    /// The column of all chunks. Each chunk is for itself, so threads take them in turn.
    fn columns(
        &self,
        item: &Item,
        parts: Parts,
        n_rows: &[usize],
        (ty, written): (Type, bool),
        failures: &mut Failures,
    ) -> Result<Vec<Column>, Fault> {
        // A part that was converted is let go.
        let parts: Vec<_> = parts.into_iter().map(Mutex::new).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut made = Vec::new();
            loop {
                let chunk = next.fetch_add(1, Ordering::Relaxed);
                let (Some(part), Some(len)) = (parts.get(chunk), n_rows.get(chunk)) else { return made };
                let part = part.lock().unwrap_or_else(PoisonError::into_inner).take();
                let mut failures = Failures::default();
                let column = self.column(item, part.as_ref(), *len, ty, written, &mut failures);
                made.push((chunk, column, failures));
            }
        };
        let is_large = n_rows.iter().sum::<usize>() >= ROWS_FOR_THREADS;
        let others = if is_large { self.threads.min(THREADS).min(n_rows.len()).saturating_sub(1) } else { 0 };
        let made = thread::scope(|scope| {
            let spawn = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
            let threads: Vec<_> = (0..others).filter_map(spawn).collect();
            let mut made = work();
            for it in threads {
                made.extend(it.join().ok()?);
            }
            Some(made)
        });
        let bug = || Fault::new("a thread that converts died, which is a bug; please report it");
        let mut made = made.ok_or_else(bug)?;
        made.sort_by_key(|it| it.0);
        let add = |(_, column, failed): (usize, Column, Failures)| {
            failures.append(failed);
            column
        };
        Ok(made.into_iter().map(add).collect())
    }

    fn column(
        &self,
        item: &Item,
        part: Option<&Arc<Node>>,
        len: usize,
        ty: Type,
        written: bool,
        failures: &mut Failures,
    ) -> Column {
        match &item.origin {
            Origin::Node(_) | Origin::Pack(_) => convert::column(part, len, ty, failures),
            Origin::Constant(value) => Column::constant(value.clone(), ty, len),
            Origin::Seconds(_) => convert::seconds(part.map(|it| &**it), len),
            Origin::Json(_) => raw::texts(part.map(|it| &**it), len, written),
            Origin::FinishReasons(_) => raw::finish_reasons(part.map(|it| &**it), len),
        }
    }

    /// Moments of a column, with the clock where a record that is mapped has none.
    fn moments(&self, item: &Item, all: &Column) -> Column {
        match (all, self.now.filter(|_| &*item.name == "TimeGenerated")) {
            (Column::Datetime(it), Some(now)) if it.null_count() > 0 => {
                convert::moments_of(it.iter().map(|it| Some(it.unwrap_or(now))))
            }
            _ => all.clone(),
        }
    }

    /// Strings that are JSON texts of bags or arrays, taken apart as well. Slots that `node` has keep their order.
    fn open_texts(&mut self, parts: Parts, n_rows: &[usize], node: Option<(&Grown, NodeId)>) -> Parts {
        let is_text = |it: &Arc<Node>| strings(it).any(convert::is_json);
        if !parts.iter().flatten().any(is_text) {
            return parts;
        }
        self.opened = true;
        let mut tree = Tree::new(self.chunk_rows);
        let value = tree.grow_member(ROOT, "v");
        if let Some((grown, node)) = node {
            let value = tree.at(ROOT, value).node;
            tree.sketch(value, grown, node);
        }
        for (part, len) in parts.iter().zip(n_rows) {
            for row in 0..*len {
                let value = part.as_ref().map_or(Dynamic::Null, |it| it.value(row));
                let mut record = "{\"v\":".to_owned();
                match value.as_str() {
                    Some(it) if convert::is_json(it) => record.push_str(it),
                    Some("") => record.push_str("null"),
                    _ => json::write(&value, &mut record),
                }
                record.push('}');
                _ = careful::read(&record, json::DEPTH_MAX, Keys::default(), &mut tree);
                tree.end_row("");
            }
            // Chunks stay those of the other columns: they may be shorter than they could be.
            tree.end_chunk();
        }
        let mut tree = tree.finish();
        tree.child(ROOT, "v").map_or(parts, |it| take(&mut tree, it))
    }
}

impl Origin {
    fn node(&self) -> Option<NodeId> {
        match self {
            Origin::Node(it) | Origin::Seconds(it) | Origin::Json(it) | Origin::FinishReasons(it) => Some(*it),
            Origin::Pack(_) | Origin::Constant(_) => None,
        }
    }
}

fn take(tree: &mut Grown, node: NodeId) -> Parts {
    (0..tree.chunks.len()).map(|chunk| tree.take(node, chunk).map(Arc::new)).collect()
}

/// Bags of nodes, with null where there is no value.
fn pack(tree: &mut Grown, slots: &[(&'static str, Option<NodeId>)]) -> Parts {
    let n_rows = tree.chunks.clone();
    let mut out = Vec::new();
    for (chunk, len) in n_rows.into_iter().enumerate() {
        let mut bag = Node { tags: vec![Tag::Bag as u8; len].into(), ..Node::default() };
        for (key, node) in slots {
            let mut child = node.and_then(|it| tree.take(it, chunk)).unwrap_or_default();
            let mut tags = child.tags.to_vec();
            tags.resize(len, Tag::Missing as u8);
            tags.iter_mut().for_each(|it| *it = (*it).max(Tag::Null as u8));
            child.tags = tags.into();
            _ = bag.children.insert((*key).into(), child.into());
        }
        out.push(Some(Arc::new(bag)));
    }
    out
}

/// Which tags there are, a bit each. Nearly always it is one.
fn seen_in(tags: &[u8]) -> u16 {
    let Some(first) = tags.first() else { return 0 };
    match tags.iter().fold(0, |differ, it| differ | (it ^ first)) {
        0 => 1 << first,
        _ => tags.iter().fold(0, |seen, it| seen | 1 << it),
    }
}

/// The strings of a node: of a dictionary each once, though rows may use a part of it.
fn strings(node: &Node) -> impl Iterator<Item = &str> {
    let reader = node.strings.as_ref().map(Texts::reader);
    let rows = node.tags.iter().enumerate().filter(|it| *it.1 == Tag::String as u8);
    rows.filter_map(move |(row, _)| reader.map(|it| it.get(row)))
}

fn all(parts: &Parts, mut test: impl FnMut(&str) -> bool) -> bool {
    parts.iter().flatten().all(|it| strings(it).all(&mut test))
}

fn type_of_strings(name: &str, parts: &Parts, skimmed: Skimmed) -> Type {
    let is_time = name == "TimeGenerated" || skimmed.moments && all(parts, |it| instant::date_time(it).is_some());
    if is_time { Type::Datetime } else { Type::String }
}

/// The type of cells of a delimited file. A type is taken only when its text would come out the same.
fn type_of_cells(name: &str, parts: &Parts) -> Type {
    let fits = |test: fn(&str) -> bool| all(parts, |it| it.is_empty() || test(it));
    if fits(str::is_empty) {
        return Type::String;
    }
    if name == "TimeGenerated" || fits(|it| instant::date_time(it).is_some()) {
        return Type::Datetime;
    }
    if fits(|it| it.eq_ignore_ascii_case("true") || it.eq_ignore_ascii_case("false")) {
        return Type::Bool;
    }
    if fits(|it| it.parse::<i64>().is_ok_and(|n| n.to_string() == it)) {
        return Type::Long;
    }
    if fits(is_plain_number) {
        return Type::Real;
    }
    if fits(convert::is_json) { Type::Dynamic } else { Type::String }
}

/// Whether a text is a number as JSON writes it, short enough that a float keeps it.
fn is_plain_number(text: &str) -> bool {
    text.len() <= 17 && matches!(serde_json::from_str(text), Ok(serde_json::Value::Number(_)))
}
