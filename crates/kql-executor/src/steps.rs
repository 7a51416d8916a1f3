//! Sequences of rows by steps: the operator `scan`.
//!
//! A row is tested against the steps from the last to the first. A sequence that stands at a step goes on to the next one, or
//! stays; only the first step begins sequences. What depends on the input row alone is evaluated for all rows beforehand.

use crate::{
    execution::{Execution, Run},
    group::Grouper,
    program::{Program, Results, reachable},
    stream::Rows,
};
use kql_data::{Batch, Column, ColumnBuilder, Fault, Map, Reservation, Schema, Type, Value};
use kql_functions::CallSite;
use kql_parser::plan::{Expr, ExprId, NodeId, StepOutput, Steps};
use std::sync::Arc;

const BY: &str = "`scan`";

/// `Op::Steps`.
pub(crate) fn run(run: &Run<'_>, id: NodeId, steps: &Steps) -> Result<Rows, Fault> {
    let execution = run.execution;
    let schema = execution.plan.schema(steps.input);
    let scan = Scan::compile(run, steps, &schema)?;
    let rows = run.input(id, 0, steps.input, None, BY)?;
    let _joined = execution.cx.budget.reserve(rows.batches.iter().map(Batch::bytes).sum(), BY)?;
    let whole = crate::group::joined(&schema, &rows.batches)?;
    drop(rows);
    let keys = run.program(id, 0, &steps.partition_by)?.run(execution, &whole)?;
    let types = steps.partition_by.iter().map(|it| execution.plan.expr(*it).ty()).collect();
    let partitions = Grouper::new(types, &execution.cx.budget, BY)?.assign(&keys, whole.n_rows)?;
    let (batch, _) = scan.run(execution, &whole, &partitions)?;
    Rows::reserved(run, vec![batch], BY)
}

/// A compiled `scan`.
#[derive(Debug)]
pub(crate) struct Scan {
    /// What depends on the input row alone.
    local: Program,
    steps: Vec<Step>,
    defaults: Vec<Value>,
    declared: Vec<Type>,
    input: Arc<Schema>,
    with_match_id: bool,
    with_step_name: bool,
}

#[derive(Debug)]
struct Step {
    name: Arc<str>,
    is_optional: bool,
    output: StepOutput,
    condition: RowProgram,
    assignments: Vec<(usize, RowProgram)>,
}

/// An expression evaluated row by row.
#[derive(Debug)]
struct RowProgram(Vec<Instruction>);

#[derive(Debug)]
enum Instruction {
    /// A result of the program over all rows.
    Local(usize),
    /// A declared column of the row itself.
    Declared(usize, Type),
    /// A column of a step's state.
    State(usize, usize, Type),
    Constant(Value, Type),
    Call(CallSite, Vec<usize>),
}

/// The latest row of a step: its number, and its declared columns.
#[derive(Clone, Debug)]
struct Matched {
    row: usize,
    declared: Arc<[Value]>,
}

/// A sequence that stands at a step: the latest rows of this step and those before.
#[derive(Clone, Debug)]
struct Sequence {
    rows: Vec<Option<Matched>>,
    id: i64,
    /// A row that is put out if no other follows at this step.
    pending: Option<Output>,
}

#[derive(Clone, Debug)]
struct Output {
    matched: Matched,
    id: i64,
    step: usize,
}

impl Scan {
    pub(crate) fn compile(run: &Run<'_>, it: &Steps, input: &Arc<Schema>) -> Result<Scan, Fault> {
        let execution = run.execution;
        let width = input.len() + it.declared.len();
        let roots: Vec<ExprId> = it
            .steps
            .iter()
            .flat_map(|step| std::iter::once(step.condition).chain(step.assignments.iter().map(|(_, id)| *id)))
            .collect();
        let mut locals =
            Locals { run, execution, n_input: input.len(), width, is_local: Map::default(), roots: Vec::new() };
        locals.mark(&roots);
        let mut steps = Vec::with_capacity(it.steps.len());
        for step in &it.steps {
            let condition = locals.compile(step.condition)?;
            let mut assignments = Vec::with_capacity(step.assignments.len());
            for (column, id) in &step.assignments {
                assignments.push((*column, locals.compile(*id)?));
            }
            let name = step.name.as_str().into();
            steps.push(Step { name, is_optional: step.is_optional, output: step.output, condition, assignments });
        }
        let mut defaults = Vec::with_capacity(it.declared.len());
        for (ty, default) in &it.declared {
            defaults.push(match default {
                Some(id) => run.constant(*id)?,
                None => Value::null(*ty),
            });
        }
        Ok(Scan {
            local: Program::compile(run, &locals.roots)?,
            steps,
            defaults,
            declared: it.declared.iter().map(|(ty, _)| *ty).collect(),
            input: input.clone(),
            with_match_id: it.with_match_id,
            with_step_name: it.with_step_name,
        })
    }

    /// The output, and the input row of each of its rows. Partitions come in the order of their first row.
    pub(crate) fn run(
        &self,
        execution: &Execution<'_>,
        batch: &Batch,
        partitions: &[u32],
    ) -> Result<(Batch, Vec<u32>), Fault> {
        let locals = self.local.run(execution, batch)?;
        let n_partitions = partitions.iter().max().map_or(0, |it| *it as usize + 1);
        let by_partition = crate::group::RowsByGroup::new(partitions, n_partitions);
        let held = execution.cx.budget.reserve(0, BY)?;
        let mut state =
            State { scan: self, execution, batch, locals, at: Vec::new(), next_id: 0, out: Vec::new(), held };
        for partition in 0..n_partitions as u32 {
            state.at = vec![None; self.steps.len()];
            state.next_id = 0;
            for (n, row) in by_partition.get(partition).iter().enumerate() {
                if n.is_multiple_of(1_024) {
                    execution.cx.check()?;
                }
                state.row(*row as usize)?;
            }
            let mut pending: Vec<Output> = state.at.drain(..).flatten().filter_map(|it| it.pending).collect();
            pending.sort_by_key(|it| it.matched.row);
            state.out.extend(pending);
        }
        Ok(self.columns(batch, &state.out))
    }

    fn columns(&self, batch: &Batch, out: &[Output]) -> (Batch, Vec<u32>) {
        let rows: Vec<u32> = out.iter().map(|it| it.matched.row as u32).collect();
        let mut columns: Vec<Column> = batch.columns.iter().map(|it| it.take(&rows)).collect();
        for (index, ty) in self.declared.iter().enumerate() {
            let mut column = ColumnBuilder::new(*ty, out.len());
            out.iter().for_each(|it| column.push(it.matched.declared.get(index).unwrap_or(&Value::Null)));
            columns.push(column.finish());
        }
        if self.with_match_id {
            columns.push(Column::longs(out.iter().map(|it| it.id).collect()));
        }
        if self.with_step_name {
            columns.push(Column::strings(out.iter().map(|it| self.steps.get(it.step).map_or("", |it| &*it.name))));
        }
        (Batch::new(columns, out.len()), rows)
    }
}

/// Finds what depends on the input row alone.
struct Locals<'e> {
    run: &'e Run<'e>,
    execution: &'e Execution<'e>,
    n_input: usize,
    width: usize,
    is_local: Map<ExprId, bool>,
    roots: Vec<ExprId>,
}

impl Locals<'_> {
    fn mark(&mut self, roots: &[ExprId]) {
        let mut all = reachable(self.execution, roots);
        all.sort_unstable();
        for id in all {
            let is_local = match self.execution.plan.expr(id) {
                Expr::Column { index, .. } => *index < self.n_input,
                Expr::Call { function, args, .. } => {
                    !function.volatile && args.iter().all(|it| self.is_local.get(it).copied().unwrap_or(false))
                }
                _ => true,
            };
            _ = self.is_local.insert(id, is_local);
        }
    }

    fn is_local(&self, id: ExprId) -> bool {
        self.is_local.get(&id).copied().unwrap_or(false)
    }

    fn compile(&mut self, root: ExprId) -> Result<RowProgram, Fault> {
        // Below a local expression nothing is evaluated row by row.
        let mut seen = kql_data::Set::default();
        let (mut open, mut wanted) = (vec![root], Vec::new());
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            wanted.push(id);
            if !self.is_local(id)
                && let Expr::Call { args, .. } = self.execution.plan.expr(id)
            {
                open.extend_from_slice(args);
            }
        }
        wanted.sort_unstable();
        // The root has the largest number: arguments stand before their calls.
        let mut places: Map<ExprId, usize> = Map::default();
        let mut instructions = Vec::with_capacity(wanted.len());
        for id in wanted {
            let instruction = match self.execution.plan.expr(id) {
                Expr::Constant { value, ty } => Instruction::Constant(value.clone(), *ty),
                _ if self.is_local(id) => {
                    let at = self.roots.iter().position(|it| *it == id).unwrap_or(self.roots.len());
                    if at == self.roots.len() {
                        self.roots.push(id);
                    }
                    Instruction::Local(at)
                }
                Expr::Column { index, ty } if *index < self.width => {
                    Instruction::Declared(index.saturating_sub(self.n_input), *ty)
                }
                Expr::Column { index, ty } => {
                    let at = index - self.width;
                    Instruction::State(at / self.width.max(1), at % self.width.max(1), *ty)
                }
                Expr::Call { function, overload, args, .. } => {
                    let args = args.iter().filter_map(|it| places.get(it).copied()).collect();
                    Instruction::Call(CallSite::new(function, *overload)?, args)
                }
                Expr::Scalar { node, ty } => Instruction::Constant(self.run.scalar(*node, *ty)?, *ty),
                Expr::List { node } => Instruction::Constant(self.run.list(*node)?, Type::Dynamic),
            };
            _ = places.insert(id, instructions.len());
            instructions.push(instruction);
        }
        Ok(RowProgram(instructions))
    }
}

struct State<'s> {
    scan: &'s Scan,
    execution: &'s Execution<'s>,
    batch: &'s Batch,
    locals: Results,
    /// The sequence that stands at each step.
    at: Vec<Option<Sequence>>,
    next_id: i64,
    out: Vec<Output>,
    held: Reservation,
}

impl State<'_> {
    fn row(&mut self, row: usize) -> Result<(), Fault> {
        let scan = self.scan;
        for (index, step) in scan.steps.iter().enumerate().rev() {
            if !self.advance(index, step, row)? {
                self.stay(index, step, row)?;
            }
        }
        Ok(())
    }

    /// A sequence of the step before, or of one before steps that may be skipped, goes on to this one.
    fn advance(&mut self, index: usize, step: &Step, row: usize) -> Result<bool, Fault> {
        for before in (0..index).rev() {
            if self.at.get(before).is_some_and(Option::is_some) {
                let rows = self.rows_at(before);
                if !self.holds(&step.condition, row, &rows)? {
                    return Ok(false);
                }
                if let Some(left) = self.at.get_mut(index).and_then(Option::take) {
                    self.out.extend(left.pending);
                }
                let Some(mut sequence) = self.at.get_mut(before).and_then(Option::take) else { return Ok(false) };
                self.out.extend(sequence.pending.take());
                self.put(index, step, row, sequence)?;
                return Ok(true);
            }
            if !self.scan.steps.get(before).is_some_and(|it| it.is_optional) {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// The sequence at this step takes the row too, or a new one begins with it.
    fn stay(&mut self, index: usize, step: &Step, row: usize) -> Result<(), Fault> {
        let is_active = self.at.get(index).is_some_and(Option::is_some);
        let may_begin = self.scan.steps.get(..index).is_some_and(|it| it.iter().all(|it| it.is_optional));
        if !is_active && !may_begin {
            return Ok(());
        }
        let rows = self.rows_at(index);
        if !self.holds(&step.condition, row, &rows)? {
            return Ok(());
        }
        let sequence = match self.at.get_mut(index).and_then(Option::take) {
            Some(mut it) => {
                it.pending = None;
                it
            }
            None => {
                let id = self.next_id;
                self.next_id += 1;
                Sequence { rows: Vec::new(), id, pending: None }
            }
        };
        self.put(index, step, row, sequence)
    }

    fn rows_at(&self, index: usize) -> Vec<Option<Matched>> {
        self.at.get(index).and_then(Option::as_ref).map(|it| it.rows.clone()).unwrap_or_default()
    }

    /// The sequence, now at this step, takes the row.
    fn put(&mut self, index: usize, step: &Step, row: usize, mut sequence: Sequence) -> Result<(), Fault> {
        let mut declared = self.scan.defaults.clone();
        for (column, program) in &step.assignments {
            let value = self.value(program, row, &sequence.rows)?;
            if let Some(slot) = declared.get_mut(*column) {
                *slot = value;
            }
        }
        self.held.grow(96 + declared.iter().map(Value::bytes).sum::<usize>(), BY)?;
        let matched = Matched { row, declared: declared.into() };
        sequence.rows.resize(index + 1, None);
        if let Some(slot) = sequence.rows.get_mut(index) {
            *slot = Some(matched.clone());
        }
        let output = Output { matched, id: sequence.id, step: index };
        match step.output {
            StepOutput::All => self.out.push(output),
            StepOutput::Last => sequence.pending = Some(output),
            StepOutput::None => {}
        }
        if let Some(slot) = self.at.get_mut(index) {
            *slot = Some(sequence);
        }
        Ok(())
    }

    fn holds(&self, program: &RowProgram, row: usize, rows: &[Option<Matched>]) -> Result<bool, Fault> {
        Ok(self.value(program, row, rows)? == Value::Bool(true))
    }

    fn value(&self, program: &RowProgram, row: usize, rows: &[Option<Matched>]) -> Result<Value, Fault> {
        let n_input = self.scan.input.len();
        let default = |column: usize, ty: Type| match column.checked_sub(n_input) {
            Some(declared) => self.scan.defaults.get(declared).cloned().unwrap_or_else(|| Value::null(ty)),
            None => Value::null(ty),
        };
        let mut slots: Vec<Column> = Vec::with_capacity(program.0.len());
        for instruction in &program.0 {
            let slot = match instruction {
                Instruction::Local(at) => match self.locals.get(*at) {
                    Some(it) => Column::constant(it.value(row), it.ty(), 1),
                    None => Column::null(Type::Dynamic, 1),
                },
                Instruction::Constant(value, ty) => Column::constant(value.clone(), *ty, 1),
                Instruction::Declared(column, ty) => Column::constant(default(n_input + column, *ty), *ty, 1),
                Instruction::State(step, column, ty) => {
                    let value = match rows.get(*step).and_then(Option::as_ref) {
                        None => default(*column, *ty),
                        Some(matched) => match column.checked_sub(n_input) {
                            None => self.batch.columns.get(*column).map_or(Value::Null, |it| it.value(matched.row)),
                            Some(it) => matched.declared.get(it).cloned().unwrap_or(Value::Null),
                        },
                    };
                    Column::constant(value, *ty, 1)
                }
                Instruction::Call(site, args) => {
                    let args: Vec<Column> = args.iter().filter_map(|it| slots.get(*it).cloned()).collect();
                    let column = site.evaluate(self.execution.cx, &args, 1)?;
                    Column::constant(column.value(0), column.ty(), 1)
                }
            };
            slots.push(slot);
        }
        Ok(slots.last().map_or(Value::Null, |it| it.value(0)))
    }
}
