//! Dynamics of a column by row. A JSON text that stands in many rows is read once.

use crate::{Column, Dynamic, Tag, Texts, json};
use std::{borrow::Cow, cell::OnceCell};

/// Dynamics of a column by row, whatever its encoding; other types are wrapped.
#[derive(Debug)]
pub struct DynamicReader<'a> {
    column: &'a Column,
    /// By the codes of JSON texts: what they hold, once it was read.
    read: Vec<OnceCell<Dynamic>>,
}

impl<'a> DynamicReader<'a> {
    /// A reader of a column.
    pub fn new(column: &'a Column) -> DynamicReader<'a> {
        let n_texts = match column {
            Column::Shredded(it) => match &it.node.raw {
                Some(Texts::Dictionary(raw)) => raw.dictionary.len(),
                _ => 0,
            },
            _ => 0,
        };
        // A place for every text must not cost more than reading those of the rows.
        let n_texts = if n_texts / 8 > column.len() { 0 } else { n_texts };
        DynamicReader { column, read: vec![OnceCell::new(); n_texts] }
    }

    /// The dynamic of a row.
    pub fn get(&self, row: usize) -> Cow<'_, Dynamic> {
        match self.column {
            Column::Dynamic(it) => it.get(row).map_or(Cow::Owned(Dynamic::Null), Cow::Borrowed),
            Column::Lists(it) => it.get(row).map_or(Cow::Owned(Dynamic::Null), Cow::Borrowed),
            Column::Shredded(it) if !self.read.is_empty() && it.tag(row) == Tag::Raw => {
                let texts = if let Some(Texts::Dictionary(it)) = &it.node.raw { Some(it) } else { None };
                let code = it.rows.get(row).zip(texts).and_then(|(row, texts)| texts.codes.get(row));
                let place = code.and_then(|code| self.read.get(*code as usize));
                match (place, code, texts) {
                    (Some(place), Some(code), Some(texts)) => Cow::Borrowed(
                        place.get_or_init(|| json::read(texts.dictionary.get(*code)).unwrap_or(Dynamic::Null)),
                    ),
                    _ => Cow::Owned(it.value(row)),
                }
            }
            other => Cow::Owned(other.dynamic(row)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DictionaryBuilder, DictionaryColumn, NO_ROW, Node, Shredded};
    use std::sync::Arc;

    #[test]
    fn reads_what_the_column_holds() {
        let mut builder = DictionaryBuilder::default();
        let codes = vec![builder.code("[1]"), builder.code("[1, [2]]"), 0, builder.code("[1]"), 0];
        let raw = DictionaryColumn { codes: codes.into(), dictionary: Arc::new(builder.finish()) };
        let tags = [Tag::Raw, Tag::Raw, Tag::Long, Tag::Raw, Tag::Missing].map(|it| it as u8);
        let longs = Some(vec![0, 0, 7, 0, 0].into());
        let node = Node { tags: tags.to_vec().into(), longs, raw: Some(Texts::Dictionary(raw)), ..Node::default() };
        let whole = Column::Shredded(Shredded::new(Arc::new(node)));
        for column in [whole.clone(), whole.slice(1, 4), whole.take(&[3, 0, NO_ROW, 2]), Column::longs(vec![1])] {
            let reader = DynamicReader::new(&column);
            for row in 0..column.len() {
                assert_eq!(*reader.get(row), column.dynamic(row));
            }
        }
    }
}
