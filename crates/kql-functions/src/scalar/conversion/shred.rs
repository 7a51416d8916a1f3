//! JSON texts of a column taken apart into typed columns, slot by slot, so that a path into the result is a column and not
//! another look into every bag.
//!
//! Only what comes out as `kql_data::json` would read it is done here: a column with bags whose slots come in different
//! orders, a key twice in a bag or too many keys is left to be read row by row.

use super::template::{Template, Token};
use arrow_array::LargeStringArray;
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use kql_data::{
    Column, Context, DictionaryBuilder, DictionaryColumn, Fault, Map, Node, Shredded, StringReader, Tag, Texts,
};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::{fmt, sync::Arc};

/// Rows from which it pays.
const ROWS_MIN: usize = 32;
/// Slots of a bag at most.
const SLOTS_MAX: usize = 128;
/// Brackets in a slot from which its depth would have to be looked at.
const BRACKETS_MAX: usize = 100;
/// Kinds of bags that are remembered at most.
const TEMPLATES_MAX: usize = 4;
/// Bytes in front of a value that are remembered at most.
const LEAD_MAX: usize = 256;

/// The texts as a shredded column; `None` when they have to be read row by row. Of bags only the slots `wanted` are kept,
/// if it names some; the others are read like them, so that what is no JSON is told from what is.
pub(crate) fn shred(
    cx: &Context,
    texts: StringReader<'_>,
    n_rows: usize,
    wanted: Option<&[Arc<str>]>,
) -> Result<Option<Column>, Fault> {
    if n_rows < ROWS_MIN {
        return Ok(None);
    }
    let mut tree = Tree { wanted, ..Tree::default() };
    let plain = if let StringReader::Plain(texts) = texts { Some(texts) } else { None };
    for row in 0..n_rows {
        if row.is_multiple_of(4_096) {
            cx.check()?;
        }
        if plain.is_some_and(|it| tree.add_alike(row, it)) {
            continue;
        }
        if !tree.add(row, texts.get(row)) {
            return Ok(None);
        }
        if plain.is_some() {
            tree.learn(texts.get(row));
        }
    }
    Ok(Some(Column::Shredded(Shredded::new(Arc::new(tree.finish(n_rows))))))
}

/// The column so far: what rows hold that are no bags, and a column a slot.
#[derive(Default)]
struct Tree<'w> {
    wanted: Option<&'w [Arc<str>]>,
    top: Slots,
    children: Vec<(Arc<str>, Slots)>,
    indices: Map<Arc<str>, usize>,
    /// What bags before were like, the one to be replaced next, and the bags that were like one.
    templates: Vec<Template>,
    oldest: usize,
    n_alike: usize,
    n_learnt: usize,
    found: Vec<(usize, Token)>,
}

/// Why a text is not taken apart.
#[derive(Clone, Copy, PartialEq)]
enum Refusal {
    /// It is no JSON, as far as is known.
    NoJson,
    /// It is not for this reader.
    NotHere,
}

impl Tree<'_> {
    /// Adds a row that is like one before; false when it is not.
    fn add_alike(&mut self, row: usize, texts: &LargeStringArray) -> bool {
        let place = |row: usize| texts.value_offsets().get(row).map_or(0, |it| *it as usize);
        let (from, to) = (place(row), place(row + 1));
        let Tree { templates, found, children, .. } = self;
        if !templates.iter().any(|it| it.read(texts.value_data(), from, to, found)) {
            return false;
        }
        let text = texts.value(row);
        for (slot, token) in &*found {
            let Some((_, slots)) = children.get_mut(*slot) else { continue };
            match *token {
                Token::Text(a, b) => slots.put_string(row, text.get(a - from..b - from).unwrap_or("")),
                Token::Long(it) => slots.put_long(row, it),
                Token::Real(it) => slots.put_real(row, it),
                Token::Word(it) => slots.put(row, it),
                Token::Raw(a, b) => slots.put_raw(row, text.get(a - from..b - from).unwrap_or("")),
            }
        }
        self.top.put(row, Tag::Bag);
        self.n_alike += 1;
        true
    }

    /// Remembers what the row that was added last is like, if it is a bag, and as long as that is of use.
    fn learn(&mut self, text: &str) {
        if self.top.tags.last() != Some(&(Tag::Bag as u8)) || self.n_learnt > TEMPLATES_MAX + self.n_alike / 16 {
            return;
        }
        self.n_learnt += 1;
        let wanted = |key: &str| {
            self.indices.get(key).copied().filter(|it| self.children.get(*it).is_some_and(|(_, it)| !it.is_dropped))
        };
        let Some(template) = Template::new(text, wanted) else { return };
        if self.templates.len() < TEMPLATES_MAX {
            self.templates.push(template);
        } else if let Some(it) = self.templates.get_mut(self.oldest) {
            *it = template;
            self.oldest = (self.oldest + 1) % TEMPLATES_MAX;
        }
    }

    /// Adds a row; false when the column must be read in another way.
    fn add(&mut self, row: usize, text: &str) -> bool {
        let trimmed = text.trim();
        match trimmed.as_bytes().first() {
            None => self.top.put(row, Tag::Null),
            Some(b'{') => return self.add_bag(row, text),
            // An array, a number, anything: the usual reader tells, and reads arrays again when they are wanted.
            Some(_) => match kql_data::json::read(text) {
                Some(kql_data::Dynamic::Null) => self.top.put(row, Tag::Null),
                Some(kql_data::Dynamic::String(it)) => self.top.put_string(row, &it),
                Some(_) => self.top.put_raw(row, text),
                None if super::is_plain(text) => self.top.put_string(row, text),
                None => self.top.put(row, Tag::Null),
            },
        }
        true
    }

    fn add_bag(&mut self, row: usize, text: &str) -> bool {
        match self.add_plain_bag(row, text) {
            Ok(()) => {
                self.top.put(row, Tag::Bag);
                return true;
            }
            Err(Refusal::NotHere) => return false,
            // Or not as simple as most.
            Err(Refusal::NoJson) => self.children.iter_mut().for_each(|(_, it)| it.cut(row)),
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let mut bag = BagOf { tree: self, row, next: 0, refusal: Refusal::NoJson };
        let read = (&mut bag).deserialize(&mut json).and_then(|()| json.end());
        match (read, bag.refusal) {
            (Ok(()), _) => {
                self.top.put(row, Tag::Bag);
                true
            }
            (Err(_), Refusal::NotHere) => false,
            // Slots of this row may have been put already.
            (Err(_), Refusal::NoJson) => {
                self.children.iter_mut().for_each(|(_, it)| it.cut(row));
                self.top.put(row, Tag::Null);
                true
            }
        }
    }

    /// Adds a bag of the usual kind: texts without escapes, whole numbers of some digits. What is not, is left to serde.
    fn add_plain_bag(&mut self, row: usize, text: &str) -> Result<(), Refusal> {
        let mut at = Cursor { text, bytes: text.as_bytes(), at: 0 };
        let mut next = 0;
        loop {
            let from = at.at;
            // Bags of a column are nearly always alike: what leads to a value is what led to it before.
            let expected = self.children.get_mut(next).map(|(_, it)| it);
            if let Some(slots) = expected.filter(|it| at.is_at(&it.lead, next)) {
                at.at += slots.lead.len();
                next += 1;
                at.value(row, slots)?;
                continue;
            }
            let is_first = from == 0;
            if is_first {
                at.expect(b'{')?;
            }
            if at.next_is(b'}') {
                return at.end();
            }
            if !is_first {
                at.expect(b',')?;
            }
            at.expect(b'"')?;
            let index = self.slot(at.string()?, &mut next).ok_or(Refusal::NotHere)?;
            at.expect(b':')?;
            at.skip_space();
            let Some((_, slots)) = self.children.get_mut(index) else { return Err(Refusal::NotHere) };
            if let Some(lead) = at.bytes.get(from..at.at).filter(|it| it.len() <= LEAD_MAX) {
                slots.lead.clear();
                slots.lead.extend_from_slice(lead);
            }
            at.value(row, slots)?;
        }
    }

    /// The number of a key's slot, which must not stand before `next`; `None` when there are too many, or it does.
    fn slot(&mut self, key: &str, next: &mut usize) -> Option<usize> {
        let is_expected = self.children.get(*next).is_some_and(|(it, _)| **it == *key);
        let known = if is_expected { Some(*next) } else { self.indices.get(key).copied() };
        let index = match known {
            Some(it) => it,
            None if self.children.len() < SLOTS_MAX => {
                let key: Arc<str> = key.into();
                let is_dropped = self.wanted.is_some_and(|it| !it.contains(&key));
                self.children.push((key.clone(), Slots { is_dropped, ..Slots::default() }));
                _ = self.indices.insert(key, self.children.len() - 1);
                self.children.len() - 1
            }
            None => return None,
        };
        // Slots keep one order in all rows, and a key stands once.
        if index < *next {
            return None;
        }
        *next = index + 1;
        Some(index)
    }

    fn finish(self, n_rows: usize) -> Node {
        let mut node = self.top.finish(n_rows);
        let is_used = |it: &Slots| !it.is_dropped && it.tags.iter().any(|it| *it != Tag::Missing as u8);
        let used = self.children.into_iter().filter(|(_, it)| is_used(it));
        node.children = used.map(|(key, it)| (key, it.finish(n_rows).into())).collect();
        node
    }
}

/// Reads one bag into the tree.
struct BagOf<'t, 'w> {
    tree: &'t mut Tree<'w>,
    row: usize,
    /// The slot that comes next when this bag is like those before.
    next: usize,
    refusal: Refusal,
}

impl<'de> DeserializeSeed<'de> for &mut BagOf<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut BagOf<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a bag")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<(), A::Error> {
        while let Some(index) = json.next_key_seed(KeyOf(&mut *self))? {
            let value: &RawValue = json.next_value()?;
            let row = self.row;
            let Some((_, slots)) = self.tree.children.get_mut(index) else { return Err(A::Error::custom("no slot")) };
            if let Err(why) = slots.put_json(row, value.get()) {
                self.refusal = why;
                return Err(A::Error::custom("a slot"));
            }
        }
        Ok(())
    }
}

/// Reads a key: the number of its slot.
struct KeyOf<'b, 't, 'w>(&'b mut BagOf<'t, 'w>);

impl<'de> DeserializeSeed<'de> for KeyOf<'_, '_, '_> {
    type Value = usize;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyOf<'_, '_, '_> {
    type Value = usize;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<usize, E> {
        let BagOf { tree, next, refusal, .. } = self.0;
        tree.slot(key, next).ok_or_else(|| {
            *refusal = Refusal::NotHere;
            E::custom("another order")
        })
    }
}

/// A place in a JSON text. Whatever is not simple is `NoJson`: another reader tells.
struct Cursor<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Whether those bytes, which led to the value of a slot, come next: as the first if none was read in this bag.
    fn is_at(&self, lead: &[u8], next: usize) -> bool {
        let is_first = self.at == 0;
        // Slots before `next` may be missing from this bag.
        (next > 0 || is_first)
            && lead.first() == Some(if is_first { &b'{' } else { &b',' })
            && self.bytes.get(self.at..).is_some_and(|it| it.starts_with(lead))
    }

    fn skip_space(&mut self) {
        while self.bytes.get(self.at).is_some_and(|it| matches!(it, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Goes behind a byte if it comes next.
    fn next_is(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_it = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(is_it);
        is_it
    }

    fn expect(&mut self, byte: u8) -> Result<(), Refusal> {
        if self.next_is(byte) { Ok(()) } else { Err(Refusal::NoJson) }
    }

    fn end(&mut self) -> Result<(), Refusal> {
        self.skip_space();
        if self.at == self.bytes.len() { Ok(()) } else { Err(Refusal::NoJson) }
    }

    /// The rest of a string whose first quote is behind, and goes behind the other.
    fn string(&mut self) -> Result<&'a str, Refusal> {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let len = rest.iter().position(|it| matches!(it, b'"' | b'\\' | ..0x20)).ok_or(Refusal::NoJson)?;
        let text = self.text.get(self.at..self.at + len).filter(|_| rest.get(len) == Some(&b'"'));
        self.at += len + 1;
        text.ok_or(Refusal::NoJson)
    }

    fn word(&mut self, word: &str) -> Result<(), Refusal> {
        let is_it = self.bytes.get(self.at..self.at + word.len()) == Some(word.as_bytes());
        self.at += word.len();
        if is_it { Ok(()) } else { Err(Refusal::NoJson) }
    }

    fn value(&mut self, row: usize, slots: &mut Slots) -> Result<(), Refusal> {
        self.skip_space();
        match self.bytes.get(self.at) {
            Some(b'"') => {
                self.at += 1;
                slots.put_string(row, self.string()?);
            }
            Some(b't') => self.word("true").map(|()| slots.put(row, Tag::True))?,
            Some(b'f') => self.word("false").map(|()| slots.put(row, Tag::False))?,
            Some(b'n') => self.word("null").map(|()| slots.put(row, Tag::Null))?,
            Some(b'[' | b'{') => {
                let from = self.at;
                let n_brackets = match self.nested() {
                    Ok(it) => it,
                    Err(_) => {
                        self.at = from;
                        self.nested_by_serde()?
                    }
                };
                if n_brackets > BRACKETS_MAX {
                    return Err(Refusal::NotHere);
                }
                slots.put_raw(row, self.text.get(from..self.at).unwrap_or(""));
            }
            _ => {
                let from = self.at;
                match self.whole_number() {
                    Ok(it) => slots.put_long(row, it),
                    Err(why) => {
                        let is_part = |it: &&u8| matches!(it, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                        let len = self.bytes.get(from..).unwrap_or(&[]).iter().take_while(is_part).count();
                        let number = self.text.get(from..from + len).unwrap_or("");
                        // Others may be no JSON though they are numbers elsewhere.
                        if !number.contains(['.', 'e', 'E']) {
                            return Err(why);
                        }
                        slots.put_real(row, serde_json::from_str(number).map_err(|_| Refusal::NoJson)?);
                        self.at = from + len;
                    }
                }
            }
        }
        Ok(())
    }

    /// Goes behind an array or a bag of simple values. Gives the number of its opening brackets.
    fn nested(&mut self) -> Result<usize, Refusal> {
        // A bit for each bracket that is open, 1 for a bag.
        let (mut kinds, mut depth, mut n_brackets) = (0_u64, 0_u32, 0);
        loop {
            self.skip_space();
            match self.bytes.get(self.at) {
                Some(it @ (b'[' | b'{')) if depth < u64::BITS => {
                    (self.at, depth, n_brackets) = (self.at + 1, depth + 1, n_brackets + 1);
                    kinds = kinds << 1 | u64::from(*it == b'{');
                    let is_empty = self.next_is(if *it == b'{' { b'}' } else { b']' });
                    if is_empty {
                        (kinds, depth) = (kinds >> 1, depth - 1);
                    } else {
                        self.key_of(kinds)?;
                        continue;
                    }
                }
                Some(b'"') => {
                    self.at += 1;
                    _ = self.string()?;
                }
                Some(b't') => self.word("true")?,
                Some(b'f') => self.word("false")?,
                Some(b'n') => self.word("null")?,
                _ => _ = self.whole_number()?,
            }
            while depth > 0 && !self.next_is(b',') {
                self.expect(if kinds & 1 == 1 { b'}' } else { b']' })?;
                (kinds, depth) = (kinds >> 1, depth - 1);
            }
            if depth == 0 {
                return Ok(n_brackets);
            }
            self.key_of(kinds)?;
        }
    }

    /// Goes behind a key, if the innermost bracket is a bag's.
    fn key_of(&mut self, kinds: u64) -> Result<(), Refusal> {
        if kinds & 1 == 1 {
            self.expect(b'"')?;
            _ = self.string()?;
            self.expect(b':')?;
        }
        Ok(())
    }

    /// The same for any array or bag.
    fn nested_by_serde(&mut self) -> Result<usize, Refusal> {
        let rest = self.text.get(self.at..).unwrap_or("");
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Sound>();
        _ = values.next().and_then(Result::ok).ok_or(Refusal::NoJson)?;
        let text = rest.get(..values.byte_offset()).ok_or(Refusal::NoJson)?;
        self.at += text.len();
        Ok(text.bytes().filter(|it| matches!(it, b'[' | b'{')).count())
    }

    /// A whole number of at most 18 digits that something else follows.
    fn whole_number(&mut self) -> Result<i64, Refusal> {
        let is_negative = self.bytes.get(self.at) == Some(&b'-');
        let from = self.at + usize::from(is_negative);
        let digits = self.bytes.get(from..).unwrap_or(&[]).iter().take_while(|it| it.is_ascii_digit());
        let (mut len, mut value) = (0, 0_i64);
        for digit in digits.take(19) {
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
            len += 1;
        }
        self.at = from + len;
        let is_whole = !matches!(self.bytes.get(self.at), Some(b'.' | b'e' | b'E') | None);
        let is_plain = (1..=18).contains(&len) && (self.bytes.get(from) != Some(&b'0') || (len == 1 && !is_negative));
        if !is_whole || !is_plain {
            return Err(Refusal::NoJson);
        }
        Ok(if is_negative { -value } else { value })
    }
}

/// One column of the tree. Rows that are not put hold nothing.
#[derive(Default)]
struct Slots {
    /// The bytes that last led to a value: a comma or the bag's bracket, the key, the colon.
    lead: Vec<u8>,
    /// Whether nobody wants what it holds.
    is_dropped: bool,
    tags: Vec<u8>,
    longs: Vec<i64>,
    reals: Vec<f64>,
    strings: Option<(DictionaryBuilder, Vec<u32>)>,
    raw: Option<(Vec<u8>, Vec<i64>)>,
}

impl Slots {
    #[inline]
    fn put(&mut self, row: usize, tag: Tag) {
        if self.is_dropped {
            return;
        }
        self.tags.resize(row, Tag::Missing as u8);
        self.tags.push(tag as u8);
    }

    fn put_string(&mut self, row: usize, text: &str) {
        self.put(row, Tag::String);
        if self.is_dropped {
            return;
        }
        let (dictionary, codes) = self.strings.get_or_insert_default();
        codes.resize(row, 0);
        codes.push(dictionary.code(text));
    }

    fn put_long(&mut self, row: usize, value: i64) {
        self.put(row, Tag::Long);
        if self.is_dropped {
            return;
        }
        self.longs.resize(row, 0);
        self.longs.push(value);
    }

    fn put_real(&mut self, row: usize, value: f64) {
        self.put(row, Tag::Real);
        if self.is_dropped {
            return;
        }
        self.reals.resize(row, 0.0);
        self.reals.push(value);
    }

    fn put_raw(&mut self, row: usize, text: &str) {
        self.put(row, Tag::Raw);
        if self.is_dropped {
            return;
        }
        let (bytes, ends) = self.raw.get_or_insert_default();
        ends.resize(row, bytes.len() as i64);
        bytes.extend_from_slice(text.as_bytes());
        ends.push(bytes.len() as i64);
    }

    /// Puts a JSON value, whose text was only looked over so far.
    fn put_json(&mut self, row: usize, text: &str) -> Result<(), Refusal> {
        match text.as_bytes().first() {
            Some(b'"') => {
                let inside = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
                if inside.contains('\\') {
                    let text: String = serde_json::from_str(text).map_err(|_| Refusal::NoJson)?;
                    self.put_string(row, &text);
                } else {
                    self.put_string(row, inside);
                }
            }
            Some(b't') => self.put(row, Tag::True),
            Some(b'f') => self.put(row, Tag::False),
            Some(b'n') => self.put(row, Tag::Null),
            Some(b'[' | b'{') => {
                if text.bytes().filter(|it| matches!(it, b'[' | b'{')).count() > BRACKETS_MAX {
                    return Err(Refusal::NotHere);
                }
                _ = serde_json::from_str::<Sound>(text).map_err(|_| Refusal::NoJson)?;
                self.put_raw(row, text);
            }
            _ => match text.parse::<i64>() {
                Ok(it) if text != "-0" => self.put_long(row, it),
                // Whole numbers beyond a long are decimals.
                _ if text.parse::<u64>().is_ok() => self.put_raw(row, text),
                _ => self.put_real(row, serde_json::from_str(text).map_err(|_| Refusal::NoJson)?),
            },
        }
        Ok(())
    }

    /// Takes back what a row has put.
    fn cut(&mut self, row: usize) {
        if self.tags.len() > row {
            self.tags.truncate(row);
            self.longs.truncate(row);
            self.reals.truncate(row);
            if let Some((_, codes)) = &mut self.strings {
                codes.truncate(row);
            }
            if let Some((bytes, ends)) = &mut self.raw {
                ends.truncate(row);
                bytes.truncate(ends.last().map_or(0, |it| *it as usize));
            }
        }
    }

    fn finish(mut self, n_rows: usize) -> Node {
        fn whole<T: Clone + Default>(mut values: Vec<T>, n_rows: usize) -> Option<Vec<T>> {
            (!values.is_empty()).then(|| {
                values.resize(n_rows, T::default());
                values
            })
        }
        self.tags.resize(n_rows, Tag::Missing as u8);
        Node {
            tags: self.tags.into(),
            longs: whole(self.longs, n_rows).map(ScalarBuffer::from),
            reals: whole(self.reals, n_rows).map(ScalarBuffer::from),
            strings: self.strings.map(|(dictionary, codes)| strings(dictionary, codes, n_rows)),
            raw: self.raw.and_then(|(bytes, ends)| raw(bytes, ends, n_rows)),
            children: Default::default(),
        }
    }
}

fn strings(dictionary: DictionaryBuilder, mut codes: Vec<u32>, n_rows: usize) -> Texts {
    codes.resize(n_rows, 0);
    if dictionary.len() > n_rows / 2 {
        // Hardly any text stands twice.
        return Texts::Plain(codes.iter().map(|it| Some(dictionary.value(*it))).collect());
    }
    Texts::Dictionary(DictionaryColumn { codes: codes.into(), dictionary: Arc::new(dictionary.finish()) })
}

fn raw(bytes: Vec<u8>, mut ends: Vec<i64>, n_rows: usize) -> Option<Texts> {
    ends.resize(n_rows, bytes.len() as i64);
    let offsets: Vec<i64> = std::iter::once(0).chain(ends).collect();
    // The bytes are whole texts, and the offsets lie between them.
    LargeStringArray::try_new(OffsetBuffer::new(offsets.into()), bytes.into(), None).ok().map(Texts::Plain)
}

/// JSON that can be read, numbers and escapes included.
struct Sound;

impl<'de> serde::Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Sound, D::Error> {
        json.deserialize_any(Sound)
    }
}

impl<'de> Visitor<'de> for Sound {
    type Value = Sound;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Sound, E> {
        Ok(Sound)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Sound, E> {
        Ok(Sound)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Sound, E> {
        Ok(Sound)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Sound, E> {
        Ok(Sound)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Sound, E> {
        Ok(Sound)
    }
    fn visit_str<E>(self, _: &str) -> Result<Sound, E> {
        Ok(Sound)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut json: A) -> Result<Sound, A::Error> {
        while json.next_element::<Sound>()?.is_some() {}
        Ok(Sound)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<Sound, A::Error> {
        while json.next_key::<IgnoredAny>()?.is_some() {
            _ = json.next_value::<Sound>()?;
        }
        Ok(Sound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shredded(texts: &[&str]) -> Option<Column> {
        let column = Column::strings(texts);
        shred(&Context::default(), column.string_reader(), texts.len(), None).unwrap()
    }

    #[test]
    fn agrees_with_the_reader_of_dynamics() {
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(90), "]".repeat(90));
        let texts = [
            r#"{"a":1,"b":"x","c":null,"d":true}"#,
            r#"{"a":-0,"b":"\u00e9\n","d":false}"#,
            r#" {"a": 1.5, "c": [1, {"k": 2}] } "#,
            r#"{"b":"\ud800"}"#,
            r#"{"a":1e400}"#,
            r#"{"c":[1e400]}"#,
            r#"{"a":18446744073709551615}"#,
            r#"{"a":18446744073709551616}"#,
            r#"{"a":9223372036854775808,"d":{}}"#,
            "{",
            "{}",
            r#"{"a":1}x"#,
            r#"{"a":1,}"#,
            "[1,2]",
            "7",
            "1e400",
            "\"s\"",
            "abc",
            "",
            "  ",
            "null",
            "true",
            r#"{"a":"","b":"x"}"#,
            r#"{"b":{"c":"\ud800"}}"#,
            r#"{"a":1,"c":[[],{},[{"k":[1,"x",null,true]}, -5]],"d":false}"#,
            r#"{"c":{"x":[1,2,{"y":{}}],"z":"w"} , "d" : 7}"#,
            r#"{"c":[1,]}"#,
            r#"{"c":{"k":1,}}"#,
            r#"{"c":{"k" 1}}"#,
            r#"{"c":[1 2]}"#,
            r#"{"c":[1}"#,
            r#"{"c":[01]}"#,
            r#"{"a":+5}"#,
            r#"{"a":007}"#,
            r#"{"a":1.5e3,"b":"x"}"#,
            r#"{"a":-0.0,"b":"x"}"#,
            r#"{"a":.5}"#,
            r#"{"a":5.}"#,
            r#",{"a":1}"#,
            r#"{,"a":1}"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":1,"b":"x"}}"#,
            r#"{"a":1,,"b":"x"}"#,
            &deep,
        ];
        let texts: Vec<&str> = texts.iter().cycle().take(3 * texts.len()).map(|it| &**it).collect();
        let found = shredded(&texts).unwrap();
        let mut reader = kql_data::json::Reader::default();
        for (row, text) in texts.iter().enumerate() {
            let expected = super::super::dynamic_of_text(&mut reader, text);
            assert_eq!(format!("{:?}", found.dynamic(row)), format!("{expected:?}"), "{text}");
        }
    }

    #[test]
    fn wanted_slots_are_those_of_the_whole() {
        let mut texts: Vec<String> = Vec::new();
        for it in 0..200 {
            let middle = [r#""m":[1,{"x":"]"}],"#, "", r#" "m" : "text","#, r#""m":{"a":1.5},"#][it % 4];
            let a =
                [format!("{it}"), format!("\"{it}\""), "null".into(), format!("{it}.5"), "[1]".into()][it % 5].clone();
            texts.push(match it % 50 {
                7 => format!("{{\"a\":{a},{middle}}}"),
                9 => "[1, 2]".into(),
                11 => format!("{{\"a\":{a},{middle}\"b\":\"\\ud800\"}}"),
                _ => format!("{{\"a\":{a},{middle}\"b\":true}}"),
            });
        }
        let texts: Vec<&str> = texts.iter().map(|it| &**it).filter(|it| !it.starts_with('[')).collect();
        let column = Column::strings(&texts);
        let all = shredded(&texts).unwrap();
        for keys in [&["a"][..], &["b"], &["m"], &["b", "a"], &["none"], &[]] {
            let keys: Vec<Arc<str>> = keys.iter().map(|it| (*it).into()).collect();
            let some = shred(&Context::default(), column.string_reader(), texts.len(), Some(&keys)).unwrap().unwrap();
            let slots =
                |it: &Column, row: usize| -> Vec<_> { keys.iter().map(|key| it.dynamic(row).get(key)).collect() };
            for (row, text) in texts.iter().enumerate() {
                assert_eq!(format!("{:?}", slots(&some, row)), format!("{:?}", slots(&all, row)), "{text}");
                assert_eq!(some.dynamic(row).type_name(), all.dynamic(row).type_name(), "{text}");
            }
        }
    }

    #[test]
    fn what_it_cannot_keep_is_refused() {
        let many = |it: &'static str| [vec![r#"{"a":1,"b":2}"#; 40], vec![it]].concat();
        assert!(shredded(&many(r#"{"b":1}"#)).is_some());
        assert!(shredded(&many(r#"{"b":1,"a":2}"#)).is_none());
        assert!(shredded(&many(r#"{"a":1,"a":2}"#)).is_none());
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(126), "]".repeat(126));
        assert!(shredded(&[vec!["{}"; 40], vec![&*deep]].concat()).is_none());
        assert!(shredded(&["{}"]).is_none());
    }
}
