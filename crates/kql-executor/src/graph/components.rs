//! `graph-mark-components`: numbers of connected components.

use super::{BY, Graph, column_of};
use crate::{execution::Run, group::Grouper};
use kql_data::Fault;

/// The component of each node, counted from 0 in the order of their first nodes, anew in each partition.
pub(super) fn number(
    run: &Run<'_>,
    graph: &Graph,
    partition: Option<usize>,
    is_strong: bool,
) -> Result<Vec<i64>, Fault> {
    let n_nodes = graph.nodes.n_rows;
    let roots = if is_strong { strong(run, graph)? } else { weak(run, graph)? };
    let partitions = match partition {
        Some(index) => {
            let column = column_of(&graph.nodes, index)?.clone();
            Grouper::new(vec![column.ty()], &run.execution.cx.budget, BY)?.assign(&[column], n_nodes)?
        }
        None => vec![0; n_nodes],
    };
    let mut next = vec![0i64; partitions.iter().max().map_or(0, |it| *it as usize + 1)];
    let mut numbers: Vec<i64> = vec![-1; n_nodes];
    let mut found = Vec::with_capacity(n_nodes);
    for (root, partition) in roots.iter().zip(&partitions) {
        let (Some(number), Some(next)) = (numbers.get_mut(*root as usize), next.get_mut(*partition as usize)) else {
            continue;
        };
        if *number < 0 {
            *number = *next;
            *next += 1;
        }
        found.push(*number);
    }
    Ok(found)
}

/// A node that stands for the component of each, whatever the direction of edges: union by size, halving paths.
fn weak(run: &Run<'_>, graph: &Graph) -> Result<Vec<u32>, Fault> {
    let mut parents: Vec<u32> = (0..graph.nodes.n_rows as u32).collect();
    let mut sizes = vec![1u32; parents.len()];
    for (n, (source, target)) in graph.sources.iter().zip(&graph.targets).enumerate() {
        if n % 4_096 == 0 {
            run.execution.cx.check()?;
        }
        let (mut a, mut c) = (root(&mut parents, *source), root(&mut parents, *target));
        if a == c {
            continue;
        }
        let size = |sizes: &[u32], it: u32| sizes.get(it as usize).copied().unwrap_or(0);
        if size(&sizes, a) < size(&sizes, c) {
            std::mem::swap(&mut a, &mut c);
        }
        let sum = size(&sizes, a).saturating_add(size(&sizes, c));
        if let (Some(parent), Some(size)) = (parents.get_mut(c as usize), sizes.get_mut(a as usize)) {
            *parent = a;
            *size = sum;
        }
    }
    Ok((0..parents.len() as u32).map(|it| root(&mut parents, it)).collect())
}

fn root(parents: &mut [u32], node: u32) -> u32 {
    let mut at = node;
    loop {
        let parent = parents.get(at as usize).copied().unwrap_or(at);
        if parent == at {
            return at;
        }
        let above = parents.get(parent as usize).copied().unwrap_or(parent);
        if let Some(it) = parents.get_mut(at as usize) {
            *it = above;
        }
        at = above;
    }
}

const UNSEEN: u32 = u32::MAX;

/// Components whose nodes reach each other along the edges (Tarjan's algorithm, with a stack of its own).
fn strong(run: &Run<'_>, graph: &Graph) -> Result<Vec<u32>, Fault> {
    let n_nodes = graph.nodes.n_rows;
    let outs = super::pattern::Neighbours::new(n_nodes, &graph.sources, &graph.targets);
    let mut order = vec![UNSEEN; n_nodes];
    let mut low = vec![UNSEEN; n_nodes];
    let mut roots = vec![UNSEEN; n_nodes];
    let (mut next, mut steps) = (0u32, 0usize);
    // Nodes of components that are not closed yet, and the way to the current node with the neighbour that is next.
    let (mut open, mut way): (Vec<u32>, Vec<(u32, usize)>) = (Vec::new(), Vec::new());
    for start in 0..n_nodes as u32 {
        if get(&order, start) != UNSEEN {
            continue;
        }
        way.push((start, 0));
        while let Some((node, at)) = way.last_mut() {
            steps += 1;
            if steps.is_multiple_of(4_096) {
                run.execution.cx.check()?;
            }
            let node = *node;
            if *at == 0 && get(&order, node) == UNSEEN {
                set(&mut order, node, next);
                set(&mut low, node, next);
                next += 1;
                open.push(node);
            }
            if let Some((_, neighbour)) = outs.of(node).get(*at) {
                *at += 1;
                if get(&order, *neighbour) == UNSEEN {
                    way.push((*neighbour, 0));
                } else if get(&roots, *neighbour) == UNSEEN {
                    let least = get(&low, node).min(get(&order, *neighbour));
                    set(&mut low, node, least);
                }
                continue;
            }
            _ = way.pop();
            if let Some((above, _)) = way.last() {
                let least = get(&low, *above).min(get(&low, node));
                set(&mut low, *above, least);
            }
            if get(&low, node) == get(&order, node) {
                while let Some(member) = open.pop() {
                    set(&mut roots, member, node);
                    if member == node {
                        break;
                    }
                }
            }
        }
    }
    Ok(roots)
}

fn get(values: &[u32], at: u32) -> u32 {
    values.get(at as usize).copied().unwrap_or(UNSEEN)
}

fn set(values: &mut [u32], at: u32, value: u32) {
    if let Some(it) = values.get_mut(at as usize) {
        *it = value;
    }
}
