//! `render` on a terminal: bars out of blocks, lines out of braille dots.

use kql::{
    ResultTable, Type, Value,
    formats::{cut, paint, width},
    time,
};
use std::fmt::Write;

/// Bars that are drawn at most; further rows are counted below.
const BARS_MAX: usize = 40;
const HEIGHT: usize = 12;
const SERIES_MAX: usize = 6;
const COLORS: [&str; SERIES_MAX] = ["36", "33", "32", "35", "31", "34"];

/// The chart of a table; `None` when it asks for none or its columns do not make one.
pub(crate) fn draw(table: &ResultTable, columns: usize) -> Option<String> {
    let visualization = table.visualization.as_ref()?;
    let property = |name: &str| visualization.properties.iter().find(|it| it.0 == name).map(|it| it.1.as_str());
    let mut out = String::new();
    if let Some(title) = property("title") {
        _ = writeln!(out, "{}", paint(title));
    }
    let body = match visualization.chart.as_str() {
        "timechart" | "linechart" | "areachart" | "stackedareachart" | "scatterchart" | "anomalychart"
        | "ladderchart" => lines(table, columns),
        "table" | "card" => None,
        _ => bars(table, columns),
    }?;
    Some(out + &body)
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(it) => Some(f64::from(u8::from(*it))),
        Value::Timespan(it) => Some(*it as f64 / time::SECOND as f64),
        other => other.to_dynamic().as_f64(),
    }
    .filter(|it| it.is_finite())
}

fn is_number(ty: Type) -> bool {
    ty.is_number() || ty == Type::Timespan
}

/// One bar a row: the first number column, labelled by the other columns.
fn bars(table: &ResultTable, columns: usize) -> Option<String> {
    let fields = &table.schema.fields;
    // Where every column is a number, the first one labels the bars.
    let from = usize::from(fields.len() > 1 && fields.iter().all(|it| is_number(it.ty)));
    let value = fields.iter().enumerate().skip(from).find(|it| is_number(it.1.ty))?.0;
    let mut rows = Vec::new();
    for row in table.rows().take(BARS_MAX) {
        let amount = row.get(value).and_then(number).unwrap_or(0.0);
        let shown = row.get(value).map_or(String::new(), Value::text);
        let labels = |at: usize, ty: Type| at != value && (at == 0 || !is_number(ty));
        let others = row.iter().zip(fields).enumerate().filter(|(at, it)| labels(*at, it.1.ty));
        let label = others.map(|(_, it)| it.0.text()).collect::<Vec<_>>().join(", ");
        rows.push((cut(&paint(&label), (columns / 3).max(2)).into_owned(), amount, shown));
    }
    let labels = rows.iter().map(|it| width(&it.0)).max()?;
    let texts = rows.iter().map(|it| width(&it.2)).max()?;
    let most = rows.iter().map(|it| it.1.abs()).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let room = columns.saturating_sub(labels + texts + 4).max(5);
    let mut out = String::new();
    for (label, amount, shown) in &rows {
        let eighths = (amount.abs() / most * room as f64 * 8.0).round() as usize;
        let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"].get(eighths % 8).unwrap_or(&"");
        let color = if *amount < 0.0 { "31" } else { "36" };
        let pad = " ".repeat(labels.saturating_sub(width(label)));
        _ = writeln!(out, "{pad}{label} \x1b[{color}m{}{rest}\x1b[0m {shown}", "█".repeat(eighths / 8));
    }
    if table.n_rows() > rows.len() {
        _ = writeln!(out, "… {} more rows", table.n_rows() - rows.len());
    }
    Some(out)
}

/// A line to draw: its name and its points.
type Line = (String, Vec<(f64, f64)>);

/// Points by a datetime or number column, a line for each number column or for each value of a text column.
fn lines(table: &ResultTable, columns: usize) -> Option<String> {
    let fields = &table.schema.fields;
    let axis =
        fields.iter().position(|it| it.ty == Type::Datetime).or_else(|| fields.iter().position(|it| is_number(it.ty)));
    let series = match axis {
        Some(axis) => by_rows(table, axis),
        None => Vec::new(),
    };
    let mut series = if series.is_empty() { by_arrays(table) } else { series };
    let n_series = series.len();
    series.truncate(SERIES_MAX);
    let points = || series.iter().flat_map(|it| it.1.iter());
    let least = |f: fn(&(f64, f64)) -> f64| points().map(f).fold(f64::INFINITY, f64::min);
    let most = |f: fn(&(f64, f64)) -> f64| points().map(f).fold(f64::NEG_INFINITY, f64::max);
    let (x0, x1, y0, y1) = (least(|it| it.0), most(|it| it.0), least(|it| it.1).min(0.0), most(|it| it.1));
    if !x0.is_finite() || !y1.is_finite() {
        return None;
    }
    let is_time = axis.is_some_and(|it| fields.get(it).is_some_and(|it| it.ty == Type::Datetime)) || x0 > 1e17;
    let gutter = short(y1).len().max(short(y0).len()) + 1;
    let canvas = Canvas::new(columns.saturating_sub(gutter + 2).max(10));
    let text = canvas.draw(&series, (x0, x1), (y0, y1.max(y0 + f64::MIN_POSITIVE)));
    let mut out = String::new();
    for (number, line) in text.iter().enumerate() {
        let label = match number {
            0 => short(y1),
            it if it + 1 == text.len() => short(y0),
            _ => String::new(),
        };
        _ = writeln!(out, "{label:>gutter$} │{line}");
    }
    let show = |it: f64| if is_time { time::datetime_wire(it as i64) } else { short(it) };
    let (first, last) = (show(x0), show(x1));
    let gap = canvas.width.saturating_sub(first.chars().count() + last.chars().count());
    _ = writeln!(out, "{:gutter$} └{}", "", "─".repeat(canvas.width));
    _ = writeln!(out, "{:gutter$}  {first}{}{last}", "", " ".repeat(gap));
    let names =
        series.iter().zip(COLORS).map(|(it, color)| format!("\x1b[{color}m●\x1b[0m {}", cut(&paint(&it.0), 30)));
    let more = if n_series > SERIES_MAX { format!("  … {} more", n_series - SERIES_MAX) } else { String::new() };
    _ = writeln!(out, "{:gutter$}  {}{more}", "", names.collect::<Vec<_>>().join("  "));
    Some(out)
}

fn by_rows(table: &ResultTable, axis: usize) -> Vec<Line> {
    let fields = &table.schema.fields;
    let others = || fields.iter().enumerate().filter(|it| it.0 != axis);
    let values: Vec<_> = others().filter(|it| is_number(it.1.ty)).collect();
    let key = others().find(|it| it.1.ty == Type::String).map(|it| it.0);
    let mut out: Vec<Line> = Vec::new();
    for row in table.rows() {
        let x = match row.get(axis) {
            Some(Value::Datetime(it)) => *it as f64,
            Some(it) => match number(it) {
                Some(it) => it,
                None => continue,
            },
            None => continue,
        };
        for (value, field) in &values {
            let Some(y) = row.get(*value).and_then(number) else { continue };
            let column = &field.name;
            let name = match key.and_then(|it| row.get(it)) {
                Some(it) if values.len() == 1 => it.text(),
                Some(it) => format!("{}: {column}", it.text()),
                None => column.to_string(),
            };
            let n_lines = out.len();
            match out.iter_mut().find(|it| it.0 == name) {
                Some(line) => line.1.push((x, y)),
                None if n_lines < 1_000 => out.push((name, vec![(x, y)])),
                None => {}
            }
        }
    }
    for line in &mut out {
        line.1.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    out
}

/// Rows that hold arrays, as `make-series` gives them.
fn by_arrays(table: &ResultTable) -> Vec<Line> {
    let mut out = Vec::new();
    for row in table.rows().take(SERIES_MAX + 1) {
        let label: Vec<String> = row.iter().filter(|it| matches!(it, Value::String(_))).map(Value::text).collect();
        let arrays: Vec<_> = row
            .iter()
            .zip(&table.schema.fields)
            .filter_map(|(it, field)| match it {
                Value::Dynamic(it) => Some((field, it.as_array()?)),
                _ => None,
            })
            .collect();
        let tick = |it: &kql::Dynamic| match it.to_value() {
            Value::Datetime(it) => Some(it as f64),
            Value::String(it) => kql::parser::parse_datetime(&it).map(|it| it as f64),
            _ => None,
        };
        let axis = arrays.iter().find(|it| it.1.first().is_some_and(|it| tick(it).is_some()));
        for (field, items) in &arrays {
            if axis.is_some_and(|it| it.0.name == field.name) {
                continue;
            }
            let x = |index: usize| axis.and_then(|it| tick(it.1.get(index)?)).unwrap_or(index as f64);
            let points = items.iter().enumerate().filter_map(|(index, it)| Some((x(index), it.as_f64()?))).collect();
            out.push(([label.clone(), vec![field.name.to_string()]].concat().join(", "), points));
        }
    }
    out.retain(|it: &Line| !it.1.is_empty());
    out
}

/// A grid of braille cells, two dots wide and four high each.
struct Canvas {
    width: usize,
}

impl Canvas {
    fn new(width: usize) -> Canvas {
        Canvas { width }
    }

    fn draw(&self, series: &[Line], x: (f64, f64), y: (f64, f64)) -> Vec<String> {
        let (columns, rows) = (self.width * 2, HEIGHT * 4);
        let mut cells = vec![(0u8, 0usize); self.width * HEIGHT];
        let scale = |it: f64, (low, high): (f64, f64), n: usize| {
            let part = if high > low { (it - low) / (high - low) } else { 0.5 };
            (part.clamp(0.0, 1.0) * (n - 1) as f64).round()
        };
        let mut dot = |column: f64, row: f64, color: usize| {
            let (column, row) = (column as usize, rows - 1 - (row as usize).min(rows - 1));
            let bit = match (row % 4, column % 2) {
                (3, right) => 0x40 << right,
                (row, right) => 0x01 << (row + 3 * right),
            };
            if let Some(cell) = cells.get_mut(row / 4 * self.width + (column / 2).min(self.width - 1)) {
                *cell = (cell.0 | bit, color);
            }
        };
        for (color, (_, points)) in series.iter().enumerate() {
            let at = |it: &(f64, f64)| (scale(it.0, x, columns), scale(it.1, y, rows));
            for pair in points.windows(2) {
                let (Some(from), Some(to)) = (pair.first().map(at), pair.get(1).map(at)) else { continue };
                let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).max(1.0);
                for step in 0..=steps as usize {
                    let part = step as f64 / steps;
                    dot((from.0 + (to.0 - from.0) * part).round(), (from.1 + (to.1 - from.1) * part).round(), color);
                }
            }
            if let [only] = points.as_slice() {
                let (column, row) = at(only);
                dot(column, row, color);
            }
        }
        let line = |row: &[(u8, usize)]| {
            let cell = |it: &(u8, usize)| match it {
                (0, _) => " ".to_owned(),
                (dots, color) => {
                    let dots = char::from_u32(0x2800 + u32::from(*dots)).unwrap_or(' ');
                    let color = COLORS.get(*color).unwrap_or(&"0");
                    format!("\x1b[{color}m{dots}\x1b[0m")
                }
            };
            row.iter().map(cell).collect::<String>()
        };
        cells.chunks(self.width).map(line).collect()
    }
}

/// A number in few characters.
fn short(value: f64) -> String {
    match value.abs() {
        it if it >= 1e9 => format!("{:.1}G", value / 1e9),
        it if it >= 1e6 => format!("{:.1}M", value / 1e6),
        it if it >= 1e4 => format!("{:.1}k", value / 1e3),
        _ if value.fract() == 0.0 => format!("{value}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(query: &str) -> Option<String> {
        let outcome = kql::Engine::new().query(query).unwrap();
        draw(outcome.table().unwrap(), 60)
    }

    #[test]
    fn bars_are_as_long_as_their_values() {
        let text = chart("datatable(k:string, n:long)['a', 4, 'b\\u001b[2J', 8] | render barchart").unwrap();
        let lines: Vec<usize> = text.lines().map(|it| it.matches('█').count()).collect();
        assert_eq!(lines[0], lines[1] / 2);
        assert!(!text.contains("\x1b[2J"), "data cannot move the cursor");
    }

    #[test]
    fn odd_tables_make_no_chart_or_a_small_one() {
        assert!(chart("print 'x' | render barchart").is_none());
        assert!(chart("print a = 1 | render timechart").is_none());
        assert!(chart("datatable(t:datetime, n:long)[] | render timechart").is_none());
        for n in [1, 2, 5000] {
            let query =
                format!("range n from 1 to {n} step 1 | extend t = datetime(2024-01-01) + n * 1h | render timechart");
            assert!(chart(&query).unwrap().contains("2024-01-01"));
        }
    }
}
