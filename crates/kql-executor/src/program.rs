//! Expressions, compiled once: constants and call sites in the order in which they are evaluated.

use crate::execution::{Execution, Run};
use kql_data::{Batch, Column, Fault, HeldColumn, Map, Type, Value};
use kql_functions::{CallSite, Cells};
use kql_parser::plan::{Expr, ExprId};
use std::{ops::Deref, sync::Arc};

/// Who asks for the memory of results.
const BY: &str = "an expression";

/// Some expressions over the rows of one node's input. Each is evaluated at most once a batch.
#[derive(Debug, Default)]
pub(crate) struct Program {
    instructions: Vec<Instruction>,
    /// By instruction, the results that nothing reads after it.
    done: Vec<Vec<usize>>,
    /// Where the results stand, in the order asked for.
    roots: Vec<usize>,
    /// Input columns that are read, in ascending order.
    pub(crate) columns: Vec<usize>,
    /// Whether two runs over the same rows may differ.
    pub(crate) is_volatile: bool,
}

#[derive(Debug)]
enum Instruction {
    Column(usize, Type),
    Constant(Value, Type),
    Call(CallSite, Vec<usize>),
}

/// By what two instructions surely are the same.
#[derive(PartialEq, Eq, Hash)]
enum Same {
    Column(usize, Type),
    Text(Arc<str>),
    Number(i64, Type),
    Call(&'static str, usize, Vec<usize>),
}

impl Same {
    fn of(instruction: &Instruction) -> Option<Same> {
        Some(match instruction {
            Instruction::Column(index, ty) => Same::Column(*index, *ty),
            Instruction::Constant(Value::String(it), Type::String) => Same::Text(it.clone()),
            Instruction::Constant(Value::Long(it) | Value::Datetime(it) | Value::Timespan(it), ty) => {
                Same::Number(*it, *ty)
            }
            Instruction::Constant(..) => return None,
            Instruction::Call(site, _) if site.function.volatile => return None,
            Instruction::Call(site, args) => Same::Call(site.function.name, site.overload, args.clone()),
        })
    }
}

impl Program {
    /// Compiles those expressions. What `toscalar` and subqueries in them give must be ready.
    pub(crate) fn compile(run: &Run<'_>, roots: &[ExprId]) -> Result<Program, Fault> {
        let execution = run.execution;
        let plan = execution.plan;
        let mut wanted: Vec<ExprId> = reachable(execution, roots);
        // Arguments stand before their calls.
        wanted.sort_unstable();
        let mut places: Map<ExprId, usize> = Map::default();
        let mut known: Map<Same, usize> = Map::default();
        let mut it = Program::default();
        for id in wanted {
            let instruction = match plan.expr(id) {
                Expr::Column { index, ty } => {
                    it.columns.push(*index);
                    Instruction::Column(*index, *ty)
                }
                Expr::Constant { value, ty } => Instruction::Constant(value.clone(), *ty),
                Expr::Call { function, overload, args, .. } => {
                    let args = args.iter().map(|arg| places.get(arg).copied()).collect::<Option<Vec<usize>>>();
                    let args = args.ok_or_else(|| Fault::new("an argument stands behind its call in the plan"))?;
                    it.is_volatile |= function.volatile;
                    let site = CallSite::new(function, *overload)?.shared(&execution.calls);
                    Instruction::Call(site, args)
                }
                Expr::Scalar { node, ty } => Instruction::Constant(run.scalar(*node, *ty)?, *ty),
                Expr::List { node } => Instruction::Constant(run.list(*node)?, Type::Dynamic),
            };
            // The same expression in several places is evaluated once.
            let next = it.instructions.len();
            let place = Same::of(&instruction).map_or(next, |same| *known.entry(same).or_insert(next));
            _ = places.insert(id, place);
            if place == next {
                it.instructions.push(instruction);
            }
        }
        it.columns.sort_unstable();
        it.columns.dedup();
        it.roots = roots.iter().filter_map(|root| places.get(root).copied()).collect();
        it.done = it.last_reads();
        it.tell_slots();
        Ok(it)
    }

    /// Tells each `parse_json` of which only slots are read their names.
    fn tell_slots(&mut self) {
        for place in 0..self.instructions.len() {
            let is_parse = matches!(self.instructions.get(place), Some(Instruction::Call(site, _)) if site.function.name == "todynamic");
            if !is_parse || self.roots.contains(&place) {
                continue;
            }
            let slots = self.slots_read(place);
            if let (Some(slots), Some(Instruction::Call(site, _))) = (slots, self.instructions.get_mut(place)) {
                site.reads_only(slots);
            }
        }
    }

    /// The slots that are read of a result; `None` when anything else is.
    fn slots_read(&self, place: usize) -> Option<Vec<Arc<str>>> {
        let mut slots = Vec::new();
        for instruction in &self.instructions {
            let Instruction::Call(site, args) = instruction else { continue };
            if !args.contains(&place) {
                continue;
            }
            match (site.function.name, args.as_slice()) {
                ("." | "[]", [of, key]) if *of == place => match self.instructions.get(*key) {
                    Some(Instruction::Constant(Value::String(key), _)) => slots.push(key.clone()),
                    _ => return None,
                },
                _ => return None,
            }
        }
        Some(slots)
    }

    /// By instruction, the places that it is the last to read; results of the program are kept.
    fn last_reads(&self) -> Vec<Vec<usize>> {
        let mut last: Vec<Option<usize>> = vec![None; self.instructions.len()];
        for (index, instruction) in self.instructions.iter().enumerate() {
            if let Instruction::Call(_, args) = instruction {
                for arg in args {
                    if let Some(it) = last.get_mut(*arg) {
                        *it = Some(index);
                    }
                }
            }
        }
        for root in &self.roots {
            if let Some(it) = last.get_mut(*root) {
                *it = None;
            }
        }
        let mut done = vec![Vec::new(); self.instructions.len()];
        for (place, index) in last.into_iter().enumerate() {
            if let Some(places) = index.and_then(|it| done.get_mut(it)) {
                places.push(place);
            }
        }
        done
    }

    /// The results for a batch, one column an expression.
    pub(crate) fn run(&self, execution: &Execution<'_>, batch: &Batch) -> Result<Results, Fault> {
        self.results(execution, batch)?.columns(execution)
    }

    /// The same, as they come: by entry of a dictionary where they can be.
    pub(crate) fn results(&self, execution: &Execution<'_>, batch: &Batch) -> Result<ResultCells, Fault> {
        let slots = self.cells(execution, batch)?;
        let results = self.roots.iter().filter_map(|it| slots.get(*it)?.clone());
        let (cells, held) = results.unzip();
        Ok(ResultCells { cells, held })
    }

    /// The rows for which the first expression is true.
    pub(crate) fn true_rows(&self, execution: &Execution<'_>, batch: &Batch) -> Result<Vec<u32>, Fault> {
        let slots = self.cells(execution, batch)?;
        let root = self.roots.first().and_then(|it| slots.get(*it)?.as_ref());
        Ok(root.map(|(cells, _)| cells.true_rows()).unwrap_or_default())
    }

    /// How many those are.
    pub(crate) fn n_true(&self, execution: &Execution<'_>, batch: &Batch) -> Result<usize, Fault> {
        let slots = self.cells(execution, batch)?;
        let root = self.roots.first().and_then(|it| slots.get(*it)?.as_ref());
        Ok(root.map_or(0, |(cells, _)| cells.n_true()))
    }

    fn cells(&self, execution: &Execution<'_>, batch: &Batch) -> Result<Vec<Option<(Cells, HeldColumn)>>, Fault> {
        let mut slots: Vec<Option<(Cells, HeldColumn)>> = Vec::with_capacity(self.instructions.len());
        let n_rows = batch.n_rows;
        for (instruction, done) in self.instructions.iter().zip(&self.done) {
            let slot = match instruction {
                Instruction::Column(index, ty) => match batch.columns.get(*index) {
                    Some(it) => (Cells::Rows(it.clone()), batch.held_column(*index)),
                    None => return Err(Fault::new(format!("column {index} ({ty}) is not in the input"))),
                },
                Instruction::Constant(value, ty) => (Cells::Rows(Column::constant(value.clone(), *ty, n_rows)), None),
                Instruction::Call(site, args) => {
                    let arg = |it: &usize| slots.get(*it)?.as_ref().map(|it| it.0.clone());
                    let args: Vec<Cells> = args.iter().filter_map(arg).collect();
                    let cells = site.apply(execution.cx, &args, n_rows)?;
                    let held = execution.cx.budget.reserve(cells.bytes_made(&args), BY)?;
                    (cells, Some(Arc::new(held)))
                }
            };
            slots.push(Some(slot));
            for place in done {
                if let Some(it) = slots.get_mut(*place) {
                    *it = None;
                }
            }
        }
        Ok(slots)
    }

    /// The value of its first expression, which has no columns.
    pub(crate) fn value(&self, execution: &Execution<'_>) -> Result<Value, Fault> {
        let columns = self.run(execution, &Batch::new(Vec::new(), 1))?;
        Ok(columns.first().map_or(Value::Null, |it| it.value(0)))
    }

    /// For each expression the value that it has in all rows, if that is known before.
    pub(crate) fn constants(&self) -> Vec<Option<Value>> {
        let constant = |root: &usize| match self.instructions.get(*root) {
            Some(Instruction::Constant(value, ty)) => {
                Some(if value.is_null() { Value::null(*ty) } else { value.clone() })
            }
            _ => None,
        };
        self.roots.iter().map(constant).collect()
    }
}

/// What a program gives for a batch, before its rows are wanted, and the memory of it.
#[derive(Debug, Default)]
pub(crate) struct ResultCells {
    pub(crate) cells: Vec<Cells>,
    held: Vec<HeldColumn>,
}

impl ResultCells {
    /// The values of all rows.
    pub(crate) fn columns(self, execution: &Execution<'_>) -> Result<Results, Fault> {
        let (mut columns, mut held) = (Vec::with_capacity(self.cells.len()), Vec::with_capacity(self.cells.len()));
        for (cells, of_cells) in self.cells.iter().zip(self.held) {
            let column = cells.column();
            held.push(match cells {
                Cells::Rows(_) => of_cells,
                Cells::Entries(_) => Some(Arc::new(execution.cx.budget.reserve(column.bytes(), BY)?)),
            });
            columns.push(column);
        }
        Ok(Results { columns, held })
    }
}

/// What a program gives for a batch: columns, and the memory of those that were made.
#[derive(Debug, Default)]
pub(crate) struct Results {
    columns: Vec<Column>,
    held: Vec<HeldColumn>,
}

impl Results {
    /// A result with its memory.
    pub(crate) fn result(&self, place: usize) -> Option<(Column, HeldColumn)> {
        Some((self.columns.get(place)?.clone(), self.held.get(place).cloned().flatten()))
    }

    /// All results as a batch.
    pub(crate) fn batch(self, n_rows: usize) -> Batch {
        Batch::held(self.columns, n_rows, self.held)
    }
}

impl Deref for Results {
    type Target = [Column];

    fn deref(&self) -> &[Column] {
        &self.columns
    }
}

/// The expressions below `roots`, each once, in no order.
pub(crate) fn reachable(execution: &Execution<'_>, roots: &[ExprId]) -> Vec<ExprId> {
    let mut seen = kql_data::Set::default();
    let mut open: Vec<ExprId> = roots.to_vec();
    let mut found = Vec::new();
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            found.push(id);
            if let Expr::Call { args, .. } = execution.plan.expr(id) {
                open.extend_from_slice(args);
            }
        }
    }
    found
}

/// A whole number, of an int or long value.
pub(crate) fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(it) => Some(i64::from(*it)),
        Value::Long(it) => Some(*it),
        Value::Real(it) => Some(*it as i64),
        Value::Decimal(it) => it.to_i64(),
        Value::Dynamic(it) => it.as_i64(),
        _ => None,
    }
}

/// A count that a query asks for: null and negative numbers count as 0.
pub(crate) fn count_of(value: &Value) -> usize {
    whole_number(value).and_then(|it| usize::try_from(it).ok()).unwrap_or(0)
}
