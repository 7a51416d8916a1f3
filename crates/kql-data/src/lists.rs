//! Dynamic columns of arrays whose elements are rows of other columns: what `make_list` and `make_set` give. Most of them are
//! only counted or written, and a value an element would take many times the memory and the time.

use crate::{Boxed, Column, Dynamic, NO_ROW, Rows, StringDictionary, json};
use arrow_array::Array;
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

/// Arrays over the rows of other columns. Cloning, slicing and taking rows share the data.
#[derive(Clone, Debug)]
pub struct Lists {
    all: Arc<All>,
    rows: Rows,
    /// Of rows that were taken: the bytes of arrays that no other column counts.
    counted: usize,
}

#[derive(Debug)]
struct All {
    /// Columns of the elements, none dynamic, and the number of the first row of each, in ascending order.
    parts: Vec<(u32, Column)>,
    /// Numbers of the elements, array by array.
    items: Vec<u32>,
    /// Where the elements of each array end.
    ends: Vec<usize>,
    made: Vec<Made>,
    /// Elements by their codes in a dictionary, each made once.
    by_code: OnceLock<Vec<OnceLock<Dynamic>>>,
    /// Bytes behind all elements as values.
    behind: usize,
}

/// The value of an array, once somebody asked.
#[derive(Debug, Default)]
struct Made {
    value: OnceLock<Dynamic>,
    /// Whether a column of rows that were taken counts its bytes.
    is_counted: AtomicBool,
}

/// Bytes that a value of its own takes beside its content: two counters, and what the allocator puts around it.
const SHARED: usize = 32;

/// Rows that have less than this part of all elements do not share them.
const FEW: usize = 4;

impl Lists {
    /// Arrays of so many elements each. `items` are pairs of an array and the number of an element's row; elements of one array
    /// stand in its order. `behind` are the bytes behind the elements as values: see [`Lists::behind`].
    pub fn new(
        sizes: &[u32],
        items: impl Iterator<Item = (u32, u32)>,
        parts: Vec<(u32, Column)>,
        behind: usize,
    ) -> Lists {
        let mut n_items = 0;
        // Where the next element of each array goes; in the end, where its elements end.
        let mut ends: Vec<usize> = Vec::with_capacity(sizes.len());
        for size in sizes {
            ends.push(n_items);
            n_items += *size as usize;
        }
        let mut numbers = vec![u32::MAX; n_items];
        for (list, number) in items {
            let Some(end) = ends.get_mut(list as usize) else { continue };
            if let Some(place) = numbers.get_mut(*end) {
                *place = number;
            }
            *end += 1;
        }
        let made = sizes.iter().map(|_| Made::default()).collect();
        let all = All { parts, items: numbers, ends, made, by_code: OnceLock::new(), behind };
        Lists { all: Arc::new(all), rows: Rows::Range { offset: 0, len: sizes.len() }, counted: 0 }
    }

    /// Bytes behind the values of a column's rows: texts, where each row has its own.
    pub fn behind(column: &Column) -> usize {
        match column {
            Column::String(it) => {
                let offsets = it.offsets();
                let text = offsets.last().unwrap_or(&0) - offsets.first().unwrap_or(&0);
                usize::try_from(text).unwrap_or(0) + column.len() * SHARED
            }
            _ => 0,
        }
    }

    /// Number of arrays.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many elements an array has; `None` for a null row and beyond the end.
    pub fn n_elements(&self, row: usize) -> Option<usize> {
        self.numbers(row).map(<[u32]>::len)
    }

    /// The array of a row, made once; `None` for a null row and beyond the end.
    pub fn get(&self, row: usize) -> Option<&Dynamic> {
        self.all.get(self.rows.get(row)?)
    }

    /// The numbers of an array's elements; `None` for a null row and beyond the end.
    pub fn numbers(&self, row: usize) -> Option<&[u32]> {
        self.rows.get(row).map(|it| self.all.items(it))
    }

    /// The column whose rows those numbers are, when all elements stand in one.
    pub fn elements(&self) -> Option<&Column> {
        if let [(0, one)] = self.all.parts.as_slice() { Some(one) } else { None }
    }

    /// Appends the array of a row as JSON.
    pub fn write_json(&self, row: usize, out: &mut String) {
        let Some(list) = self.rows.get(row) else { return out.push_str("null") };
        out.push('[');
        let mut comma = "";
        self.all.each(list, |column, row| {
            out.push_str(comma);
            comma = ",";
            match column {
                Column::String(_) | Column::Dictionary(_) => json::write_string(column.string_reader().get(row), out),
                _ => json::write(&column.value(row).to_dynamic(), out),
            }
        });
        out.push(']');
    }

    pub(crate) fn slice(&self, from: usize, count: usize) -> Lists {
        let counted = share(self.counted, count, self.len());
        Lists { all: self.all.clone(), rows: self.rows.slice(from, count), counted }
    }

    /// Those rows, in that order. They count the bytes of arrays that no other column counts. Of few elements values are made,
    /// so that they do not hold all.
    pub(crate) fn take(&self, rows: &[u32]) -> Column {
        let taken = self.of_rows(self.rows.take(rows));
        let n_elements: usize = (0..taken.len()).filter_map(|row| taken.n_elements(row)).sum();
        if n_elements >= self.all.items.len() / FEW {
            return Column::Lists(taken);
        }
        let values = (0..taken.len()).map(|row| taken.get(row).cloned()).collect();
        Column::Dynamic(Boxed::sized(values, taken.counted))
    }

    fn of_rows(&self, rows: Rows) -> Lists {
        let mut counted = 0;
        let bytes = self.all.bytes_by_element();
        for list in (0..rows.len()).filter_map(|row| rows.get(row)) {
            let is_new = |it: &Made| !it.is_counted.swap(true, Ordering::Relaxed);
            if self.all.made.get(list).is_some_and(is_new) {
                counted += SHARED + size_of::<Made>() + self.all.items(list).len() * bytes;
            }
        }
        Lists { all: self.all.clone(), rows, counted }
    }

    /// The rows of all, one after the other, if they are rows of the same arrays.
    pub(crate) fn concat(parts: &[&Lists]) -> Option<Lists> {
        let first = parts.first()?;
        if !parts.iter().all(|it| Arc::ptr_eq(&it.all, &first.all)) {
            return None;
        }
        let number = |list: Option<usize>| list.map_or(NO_ROW, |it| it as u32);
        let rows = parts.iter().flat_map(|it| (0..it.len()).map(|row| number(it.rows.get(row))));
        let rows = Rows::Indices(rows.collect());
        let mut joined = first.of_rows(rows);
        joined.counted += parts.iter().map(|it| it.counted).sum::<usize>();
        Some(joined)
    }

    /// Bytes of its rows as values, which they may become.
    pub fn value_bytes(&self) -> usize {
        match &self.rows {
            Rows::Range { len, .. } => share(self.all.value_bytes(), *len, self.all.ends.len()),
            Rows::Indices(_) => {
                let by_element = self.all.bytes_by_element();
                let n_elements: usize = (0..self.len()).filter_map(|row| self.n_elements(row)).sum();
                n_elements * by_element + self.len() * (SHARED + size_of::<Made>())
            }
        }
    }

    /// Bytes of its rows, as values and as they are.
    pub(crate) fn bytes(&self) -> usize {
        match &self.rows {
            Rows::Range { len, .. } => {
                let all = self.all.value_bytes() + self.all.own_bytes();
                share(all, *len, self.all.ends.len())
            }
            Rows::Indices(it) => it.len() * 4 + self.counted,
        }
    }
}

/// The part of so many rows in the bytes of all.
fn share(bytes: usize, n_rows: usize, n_all: usize) -> usize {
    match n_all {
        n if n == n_rows => bytes,
        0 => 0,
        n => (bytes as u128 * n_rows as u128 / n as u128) as usize,
    }
}

impl All {
    /// Bytes of all arrays as values.
    fn value_bytes(&self) -> usize {
        let of_items = self.items.len() * size_of::<Dynamic>() + self.behind;
        let of_lists = self.ends.len() * (SHARED + size_of::<Made>());
        let of_codes = |it: &StringDictionary| {
            let n_made = it.len().min(self.items.len());
            n_made * (SHARED + it.bytes() / it.len().max(1)) + it.len() * size_of::<OnceLock<Dynamic>>()
        };
        of_items + of_lists + self.dictionary().map_or(0, of_codes)
    }

    /// Bytes of what it is without values.
    fn own_bytes(&self) -> usize {
        let parts: usize = self.parts.iter().map(|it| it.1.bytes()).sum();
        parts + self.items.len() * 4 + self.ends.len() * 8
    }

    /// Bytes of one element with all that stands behind it, about.
    fn bytes_by_element(&self) -> usize {
        (self.value_bytes() + self.own_bytes()).div_ceil(self.items.len().max(1))
    }

    /// Numbers of the elements of an array.
    fn items(&self, list: usize) -> &[u32] {
        let from = list.checked_sub(1).and_then(|it| self.ends.get(it)).copied().unwrap_or(0);
        self.ends.get(list).and_then(|to| self.items.get(from..*to)).unwrap_or(&[])
    }

    /// Runs something on the column and the row of each element of an array.
    fn each<'a>(&'a self, list: usize, mut body: impl FnMut(&'a Column, usize)) {
        // Neighbours are often in one part.
        let (mut first, mut column) = (u32::MAX, None);
        for number in self.items(list) {
            let inside = |it: &&'a Column| number.checked_sub(first).is_some_and(|row| (row as usize) < it.len());
            if column.as_ref().is_none_or(|it| !inside(it)) {
                let at = self.parts.partition_point(|it| it.0 <= *number).wrapping_sub(1);
                let Some(part) = self.parts.get(at) else { continue };
                (first, column) = (part.0, Some(&part.1));
            }
            if let Some(column) = column {
                body(column, number.wrapping_sub(first) as usize);
            }
        }
    }

    fn get(&self, list: usize) -> Option<&Dynamic> {
        let make = || {
            let mut items = Vec::with_capacity(self.items(list).len());
            self.each(list, |column, row| items.push(self.element(column, row)));
            Dynamic::array(items)
        };
        Some(self.made.get(list)?.value.get_or_init(make))
    }

    fn element(&self, column: &Column, row: usize) -> Dynamic {
        match column {
            Column::String(it) if row < it.len() => Dynamic::string(it.value(row)),
            Column::Dictionary(it) if self.dictionary().is_some_and(|known| known.id() == it.dictionary.id()) => {
                let code = it.codes.get(row).copied().unwrap_or(0);
                let places = self.by_code.get_or_init(|| vec![OnceLock::new(); it.dictionary.len()]);
                let new = || Dynamic::string(it.dictionary.get(code));
                places.get(code as usize).map_or_else(new, |place| place.get_or_init(new).clone())
            }
            _ => column.value(row).to_dynamic(),
        }
    }

    /// The dictionary that comes first, unless it has many more texts than there are elements.
    fn dictionary(&self) -> Option<&StringDictionary> {
        let found = self
            .parts
            .iter()
            .find_map(|it| if let Column::Dictionary(it) = &it.1 { Some(&*it.dictionary) } else { None });
        found.filter(|it| it.len() / 4 <= self.items.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ColumnBuilder, DictionaryBuilder, DictionaryColumn, DynamicReader, Type, Value};

    /// Arrays of texts that are plain, by dictionary and constant, and one without elements.
    fn texts() -> (Column, Vec<&'static str>) {
        let mut builder = DictionaryBuilder::default();
        let codes = vec![builder.code("x"), 0, builder.code("y\"")];
        let dictionary = DictionaryColumn { codes: codes.into(), dictionary: Arc::new(builder.finish()) };
        let parts = vec![
            (0, Column::strings(["a", "b", "c"])),
            (5, Column::Dictionary(dictionary)),
            (8, Column::constant(Value::String("k".into()), Type::String, 2)),
        ];
        let items = [(0, 0), (2, 1), (0, 5), (2, 6), (0, 7), (3, 8), (2, 9), (0, 2), (2, 5)];
        let behind = parts.iter().map(|it| Lists::behind(&it.1)).sum();
        let lists = Lists::new(&[4, 0, 4, 1], items.into_iter(), parts, behind);
        (Column::Lists(lists), vec![r#"["a","x","y\"","c"]"#, "[]", r#"["b","","k","x"]"#, r#"["k"]"#])
    }

    #[test]
    fn elements_stand_in_the_order_of_their_arrays() {
        let (column, expected) = texts();
        let Column::Lists(lists) = &column else { panic!("other columns") };
        assert_eq!(
            (0..5).map(|row| lists.n_elements(row)).collect::<Vec<_>>(),
            [Some(4), Some(0), Some(4), Some(1), None]
        );
        for (row, expected) in expected.iter().enumerate() {
            let mut json = String::new();
            lists.write_json(row, &mut json);
            assert_eq!(json, *expected);
            assert_eq!(column.value(row).text(), *expected);
            assert!(!column.is_null(row));
        }
        assert!(column.is_null(4) && column.value(4).is_null());
    }

    #[test]
    fn slices_and_rows_taken_have_the_same_values() {
        let (column, expected) = texts();
        let of = |column: &Column| (0..column.len()).map(|row| column.value(row).text()).collect::<Vec<String>>();
        assert_eq!(of(&column.slice(1, 2)), expected[1..3]);
        assert_eq!(of(&column.slice(1, 2).take(&[1, NO_ROW, 1, 0])), [expected[2], "", expected[2], "[]"]);
        let joined = Column::concat(Type::Dynamic, &[column.clone(), column.slice(3, 1)]).unwrap();
        assert_eq!(of(&joined), [expected.as_slice(), &expected[3..]].concat());
        // Rows taken of rows taken, by arrays as by values.
        let taken = column.take(&[2, NO_ROW, 0, 2, 3]);
        assert!(matches!(&taken, Column::Lists(_)) && taken.is_null(1) && !taken.is_null(0));
        assert_eq!(of(&taken.slice(1, 4).take(&[0, 2, 1])), ["", expected[2], expected[0]]);
        assert!(matches!(taken.take(&[4, 1]), Column::Dynamic(_)));
        assert_eq!(of(&taken.take(&[4, 1])), [expected[3], ""]);
        let joined = Column::concat(Type::Dynamic, &[taken.slice(0, 2), column.slice(3, 1)]).unwrap();
        assert!(matches!(&joined, Column::Lists(_)));
        assert_eq!(of(&joined), [expected[2], "", expected[3]]);
        let mut json = String::new();
        if let Column::Lists(it) = &taken {
            it.write_json(1, &mut json);
        }
        assert_eq!(json, "null");
        let (slice, reader) = (column.slice(2, 2), DynamicReader::new(&column));
        assert_eq!(DynamicReader::new(&slice).get(0).json(), reader.get(2).json());
    }

    #[test]
    fn bytes_are_those_of_the_values_at_least() {
        let (column, _) = texts();
        let values: usize = (0..4).map(|row| column.dynamic(row).bytes()).sum();
        assert!(column.bytes() >= values, "{} {values}", column.bytes());
        assert!(column.slice(0, 2).bytes() < column.bytes());
        // What two columns share is counted by one of them.
        let (first, second) = (column.take(&[0, 2, 0]), column.take(&[0, 2]));
        assert!(first.bytes() > second.bytes() + 100, "{} {}", first.bytes(), second.bytes());
    }

    #[test]
    fn numbers_keep_their_type() {
        let mut times = ColumnBuilder::new(Type::Datetime, 2);
        [Value::Datetime(0), Value::Null].iter().for_each(|it| times.push(it));
        let column = Column::Lists(Lists::new(&[2], [(0, 0), (0, 1)].into_iter(), vec![(0, times.finish())], 0));
        assert_eq!(column.dynamic(0), Dynamic::array(vec![Dynamic::Datetime(0), Dynamic::Null]));
    }
}
