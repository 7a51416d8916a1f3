//! Aligned columns, with lines around cells or without, made to fit a terminal.

use super::{WriteOptions, cell::text, paint, rows};
use kql_data::{Batch, Schema, Type};
use std::{
    borrow::Cow,
    io::{Result, Write},
};

/// Characters below which texts are not cut to make a table fit; rather columns are left out.
const CELL_MIN: usize = 12;

pub(super) fn write(schema: &Schema, batches: &[Batch], options: &WriteOptions, out: &mut impl Write) -> Result<()> {
    let n_rows: usize = batches.iter().map(|it| it.n_rows).sum();
    let (head, tail) = match options.rows_max {
        0 => (n_rows, 0),
        max if n_rows <= max => (n_rows, 0),
        max => (max.div_ceil(2), max / 2),
    };
    let shown = |index: usize| index < head || index >= n_rows - tail;
    let header = schema.fields.iter().map(|it| cell(&it.name, options)).collect::<Vec<_>>();
    let mut lines: Vec<Vec<String>> = Vec::new();
    for (_, (batch, row)) in rows(batches).enumerate().filter(|it| shown(it.0)) {
        let texts = batch.columns.iter().map(|it| text(it, row).unwrap_or_else(|| options.null.clone()));
        lines.push(texts.map(|it| cell(&it, options)).collect());
    }
    let is_cut = n_rows > head + tail;
    let columns = Columns::new(schema, &header, &lines);
    let frame = Frame { columns: &columns.fitted(options), lines: options.lines };
    frame.rule(["┌", "┬", "┐"], out, false)?;
    frame.row(&header, out)?;
    frame.rule(["├", "┼", "┤"], out, true)?;
    let dots: Vec<String> = header.iter().map(|_| "·".to_owned()).collect();
    for (index, line) in lines.iter().enumerate() {
        if index == head && is_cut {
            frame.row(&dots, out)?;
        }
        frame.row(line, out)?;
    }
    if tail == 0 && is_cut {
        frame.row(&dots, out)?;
    }
    frame.rule(["└", "┴", "┘"], out, false)?;
    let unit = if n_rows == 1 { "row" } else { "rows" };
    let rows_shown = if is_cut { format!(" ({} shown)", head + tail) } else { String::new() };
    let n_shown = frame.columns.iter().filter(|it| it.index.is_some()).count();
    let columns_shown = match header.len() {
        n if n_shown < n => format!(", {n} columns ({n_shown} shown)"),
        _ => String::new(),
    };
    writeln!(out, "{n_rows} {unit}{rows_shown}{columns_shown}")
}

/// The text of a cell in one line, cut to the width that cells have.
fn cell(text: &str, options: &WriteOptions) -> String {
    let text: Cow<'_, str> = if options.terminal { paint::paint(text) } else { paint::one_line(text) };
    if options.cell_width == 0 { text.into_owned() } else { paint::cut(&text, options.cell_width).into_owned() }
}

/// A column as it is drawn.
#[derive(Clone, Debug)]
struct Drawn {
    /// Which one it is; `None` for the mark of those left out.
    index: Option<usize>,
    width: usize,
    is_right: bool,
}

/// The columns as they want to be, and how far each gives way.
struct Columns {
    natural: Vec<Drawn>,
    least: Vec<usize>,
}

impl Columns {
    fn new(schema: &Schema, header: &[String], lines: &[Vec<String>]) -> Columns {
        let (mut natural, mut least) = (Vec::new(), Vec::new());
        for (index, (field, name)) in schema.fields.iter().zip(header).enumerate() {
            let cells = lines.iter().filter_map(|it| it.get(index)).map(|it| paint::width(it)).max().unwrap_or(0);
            let width = cells.max(paint::width(name)).max(1);
            // Half a number or a time would be another one.
            let is_text = matches!(field.ty, Type::String | Type::Dynamic);
            least.push(if is_text { width.min(CELL_MIN) } else { cells.max(width.min(CELL_MIN)) });
            natural.push(Drawn { index: Some(index), width, is_right: field.ty.is_number() });
        }
        Columns { natural, least }
    }

    /// The columns that fit, cut where that is enough, else with some from the middle left out.
    fn fitted(self, options: &WriteOptions) -> Vec<Drawn> {
        let n = self.natural.len();
        let frame = |n: usize| if options.lines { 3 * n + 1 } else { 2 * n.saturating_sub(1) };
        let natural: usize = self.natural.iter().map(|it| it.width).sum();
        if options.width == 0 || natural + frame(n) <= options.width {
            return self.natural;
        }
        let ends = |shown: usize| (0..shown.div_ceil(2)).chain(n - shown / 2..n);
        let least = |shown: usize| -> usize {
            let mark = usize::from(shown < n);
            ends(shown).filter_map(|it| self.least.get(it)).sum::<usize>() + mark + frame(shown + mark)
        };
        let shown = (1..=n).rev().find(|it| least(*it) <= options.width).unwrap_or(1);
        // A terminal too narrow for the mark beside one character goes without; the footer counts the columns.
        let mark = usize::from(shown < n && options.width > frame(shown + 1) + 1);
        let room = options.width.saturating_sub(frame(shown + mark) + mark);
        let mut out: Vec<Drawn> = ends(shown).filter_map(|it| self.natural.get(it).cloned()).collect();
        let floor = |it: &Drawn| it.index.and_then(|it| self.least.get(it)).copied().unwrap_or(1);
        let capped = |it: &Drawn, cap: usize| it.width.min(cap.max(floor(it)));
        // The widest give way first: the greatest width that all of them may have together.
        let fits = |cap: usize| out.iter().map(|it| capped(it, cap)).sum::<usize>() <= room;
        let cap = (1..=room.max(1)).rev().find(|it| fits(*it)).unwrap_or(1);
        let widths: Vec<usize> = out.iter().map(|it| capped(it, cap)).collect();
        let mut left = room.saturating_sub(widths.iter().sum());
        for (it, width) in out.iter_mut().zip(widths) {
            // What the common width leaves goes to the first that can use it.
            let more = it.width.saturating_sub(width).min(left);
            left -= more;
            it.width = width + more;
        }
        if let [only] = out.as_mut_slice() {
            only.width = only.width.min(room.max(1));
        }
        if mark == 1 {
            out.insert(shown.div_ceil(2), Drawn { index: None, width: 1, is_right: false });
        }
        out
    }
}

struct Frame<'a> {
    columns: &'a [Drawn],
    lines: bool,
}

impl Frame<'_> {
    fn rule(&self, ends: [&str; 3], out: &mut impl Write, below_header: bool) -> Result<()> {
        let part = |it: &Drawn| if self.lines { "─".repeat(it.width + 2) } else { "-".repeat(it.width) };
        let parts: Vec<String> = self.columns.iter().map(part).collect();
        match (self.lines, below_header) {
            (true, _) => writeln!(out, "{}{}{}", ends[0], parts.join(ends[1]), ends[2]),
            (false, true) => writeln!(out, "{}", parts.join("  ")),
            (false, false) => Ok(()),
        }
    }

    fn row(&self, cells: &[String], out: &mut impl Write) -> Result<()> {
        let mut line = String::new();
        for (number, column) in self.columns.iter().enumerate() {
            let cell = match column.index {
                Some(index) => cells.get(index).map_or("", String::as_str),
                None => "…",
            };
            let cell = paint::cut(cell, column.width);
            line.push_str(match (self.lines, number) {
                (true, _) => "│ ",
                (false, 0) => "",
                (false, _) => "  ",
            });
            let pad = " ".repeat(column.width.saturating_sub(paint::width(&cell)));
            match column.is_right {
                true => line.extend([pad.as_str(), &cell]),
                false => line.extend([&cell, pad.as_str()]),
            }
            if self.lines {
                line.push(' ');
            }
        }
        if self.lines {
            line.push('│');
        }
        writeln!(out, "{}", line.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths(natural: &[usize], least: &[usize], width: usize) -> Vec<usize> {
        let drawn = |(index, width): (usize, &usize)| Drawn { index: Some(index), width: *width, is_right: false };
        let columns = Columns { natural: natural.iter().enumerate().map(drawn).collect(), least: least.to_vec() };
        let options = WriteOptions { width, ..WriteOptions::default() };
        let out = columns.fitted(&options);
        let total: usize = out.iter().map(|it| it.width + 3).sum::<usize>() + 1;
        assert!(width == 0 || total <= width.max(5), "{total} in {width}: {out:?}");
        out.into_iter().map(|it| if it.index.is_some() { it.width } else { 0 }).collect()
    }

    #[test]
    fn tables_fit_their_terminal() {
        assert_eq!(widths(&[20, 60], &[20, 12], 0), [20, 60]);
        assert_eq!(widths(&[20, 60], &[20, 12], 87), [20, 60]);
        assert_eq!(widths(&[20, 60], &[20, 12], 80), [20, 53], "the widest gives way");
        assert_eq!(widths(&[20, 60, 60], &[20, 12, 12], 80), [20, 25, 25]);
        assert_eq!(widths(&[20, 60, 60, 9], &[20, 12, 12, 9], 50), [20, 0, 9], "columns go from the middle");
        assert_eq!(widths(&[20, 20], &[20, 20], 10), [2, 0], "one is always there");
        for width in 5..120 {
            _ = widths(&[20, 36, 17, 20, 9, 60, 60, 45], &[20, 12, 12, 20, 9, 12, 12, 12], width);
        }
    }
}
