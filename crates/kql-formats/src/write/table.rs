//! Aligned columns, with lines around cells or without.

use super::{WriteOptions, cell::text, paint, rows};
use kql_data::{Batch, Schema};
use std::{
    borrow::Cow,
    io::{self, Write},
};

pub(super) fn write(
    schema: &Schema,
    batches: &[Batch],
    options: &WriteOptions,
    out: &mut impl Write,
) -> io::Result<()> {
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
    let widths: Vec<usize> = (0..header.len())
        .map(|column| {
            let cells = lines.iter().chain([&header]).filter_map(|it| it.get(column));
            cells.map(|it| paint::width(it)).max().unwrap_or(0).max(usize::from(n_rows > head + tail))
        })
        .collect();
    let right: Vec<bool> = schema.fields.iter().map(|it| it.ty.is_number()).collect();
    let frame = Frame { widths: &widths, right: &right, lines: options.lines };
    frame.rule(["┌", "┬", "┐"], out, false)?;
    frame.row(&header, out)?;
    frame.rule(["├", "┼", "┤"], out, true)?;
    for (index, line) in lines.iter().enumerate() {
        if index == head && n_rows > head + tail {
            let dots: Vec<String> = widths.iter().map(|_| "·".to_owned()).collect();
            frame.row(&dots, out)?;
        }
        frame.row(line, out)?;
    }
    if tail == 0 && n_rows > head {
        frame.row(&widths.iter().map(|_| "·".to_owned()).collect::<Vec<_>>(), out)?;
    }
    frame.rule(["└", "┴", "┘"], out, false)?;
    let unit = if n_rows == 1 { "row" } else { "rows" };
    if n_rows > head + tail {
        writeln!(out, "{n_rows} {unit} ({} shown)", head + tail)
    } else {
        writeln!(out, "{n_rows} {unit}")
    }
}

/// The text of a cell in one line, cut to the width that cells have.
fn cell(text: &str, options: &WriteOptions) -> String {
    let text: Cow<'_, str> = if options.terminal { paint::paint(text) } else { paint::one_line(text) };
    if options.cell_width == 0 || paint::width(&text) <= options.cell_width {
        return text.into_owned();
    }
    let (mut out, mut width) = (String::new(), 1);
    for c in text.chars() {
        width += paint::char_width(c);
        if width > options.cell_width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

struct Frame<'a> {
    widths: &'a [usize],
    right: &'a [bool],
    lines: bool,
}

impl Frame<'_> {
    fn rule(&self, ends: [&str; 3], out: &mut impl Write, below_header: bool) -> io::Result<()> {
        let parts = self.widths.iter().map(|it| if self.lines { "─".repeat(it + 2) } else { "-".repeat(*it) });
        match (self.lines, below_header) {
            (true, _) => writeln!(out, "{}{}{}", ends[0], parts.collect::<Vec<_>>().join(ends[1]), ends[2]),
            (false, true) => writeln!(out, "{}", parts.collect::<Vec<_>>().join("  ")),
            (false, false) => Ok(()),
        }
    }

    fn row(&self, cells: &[String], out: &mut impl Write) -> io::Result<()> {
        let mut line = String::new();
        for (index, (cell, width)) in cells.iter().zip(self.widths).enumerate() {
            line.push_str(match (self.lines, index) {
                (true, _) => "│ ",
                (false, 0) => "",
                (false, _) => "  ",
            });
            let pad = " ".repeat(width.saturating_sub(paint::width(cell)));
            match self.right.get(index) {
                Some(true) => line.extend([pad.as_str(), cell]),
                _ => line.extend([cell, pad.as_str()]),
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
