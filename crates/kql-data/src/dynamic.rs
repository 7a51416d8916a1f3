//! Dynamic values: JSON with the language's own scalar types inside.

use crate::{Decimal, Type, Value, json, time, value::guid_text};
use indexmap::IndexMap;
use std::{cmp::Ordering, hash::Hash, hash::Hasher, sync::Arc};

/// The slots of a bag, in source order.
pub type Bag = IndexMap<Arc<str>, Dynamic, ahash::RandomState>;

/// A dynamic value. Clone is cheap: arrays, bags and strings are shared.
#[derive(Clone, Debug)]
pub enum Dynamic {
    /// JSON null, and the null dynamic.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// Any other number.
    Real(f64),
    /// A whole number beyond 64 bits, or a `decimal` put into a dynamic.
    Decimal(Decimal),
    /// Text.
    String(Arc<str>),
    /// A datetime put into a dynamic; its JSON is the seven-digit string.
    Datetime(i64),
    /// A timespan put into a dynamic; its JSON is a string.
    Timespan(i64),
    /// A guid put into a dynamic.
    Guid(u128),
    /// An array.
    Array(Arc<[Dynamic]>),
    /// A property bag.
    Bag(Arc<Bag>),
}

/// Bytes of a shared value beside its content: two counters, and what the allocator puts around it.
const SHARED: usize = 32;

/// Bytes of a bag itself: its entries and the table that finds them, both with the room that they keep free.
fn bag_bytes(bag: &Bag) -> usize {
    const ENTRY: usize = size_of::<(u64, Arc<str>, Dynamic)>();
    const PLACE: usize = size_of::<usize>() + 2;
    SHARED + size_of::<Bag>() + bag.capacity() * (ENTRY + PLACE)
}

impl Dynamic {
    /// A string value.
    pub fn string(text: impl Into<Arc<str>>) -> Dynamic {
        Dynamic::String(text.into())
    }

    /// An array value.
    pub fn array(items: Vec<Dynamic>) -> Dynamic {
        Dynamic::Array(items.into())
    }

    /// A bag value.
    pub fn bag(bag: Bag) -> Dynamic {
        Dynamic::Bag(Arc::new(bag))
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Dynamic::Null)
    }

    /// The items, of an array.
    pub fn as_array(&self) -> Option<&[Dynamic]> {
        if let Dynamic::Array(it) = self { Some(it) } else { None }
    }

    /// The slots, of a bag.
    pub fn as_bag(&self) -> Option<&Bag> {
        if let Dynamic::Bag(it) = self { Some(it) } else { None }
    }

    /// The text, of a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Dynamic::String(it) = self { Some(it) } else { None }
    }

    /// As a float, of any number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Dynamic::Long(it) => Some(*it as f64),
            Dynamic::Real(it) => Some(*it),
            Dynamic::Decimal(it) => Some(it.to_f64()),
            _ => None,
        }
    }

    /// As a whole number: longs, and reals cut toward zero that fit.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Dynamic::Long(it) => Some(*it),
            Dynamic::Real(it) if it.is_finite() => Some(*it as i64),
            Dynamic::Decimal(it) => it.to_i64(),
            _ => None,
        }
    }

    /// The slot of a bag; null when it is missing or this is no bag.
    pub fn get(&self, key: &str) -> Dynamic {
        self.as_bag().and_then(|it| it.get(key)).cloned().unwrap_or(Dynamic::Null)
    }

    /// The item of an array, counted from the end when negative; null when there is none.
    pub fn at(&self, index: i64) -> Dynamic {
        let Some(items) = self.as_array() else { return Dynamic::Null };
        let index = if index < 0 { index + items.len() as i64 } else { index };
        usize::try_from(index).ok().and_then(|it| items.get(it)).cloned().unwrap_or(Dynamic::Null)
    }

    /// What `tostring` gives: strings unquoted, null as "", the rest as JSON.
    pub fn text(&self) -> String {
        match self {
            Dynamic::Null => String::new(),
            Dynamic::String(it) => it.to_string(),
            Dynamic::Datetime(it) => time::datetime_text(*it),
            Dynamic::Timespan(it) => time::timespan_text(*it),
            Dynamic::Guid(it) => guid_text(*it),
            _ => self.json(),
        }
    }

    /// Compact JSON.
    pub fn json(&self) -> String {
        let mut out = String::new();
        json::write(self, &mut out);
        out
    }

    /// What `gettype` calls it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Dynamic::Null => "null",
            Dynamic::Bool(_) => "bool",
            Dynamic::Long(_) => "long",
            Dynamic::Real(_) => "double",
            Dynamic::Decimal(_) => "decimal",
            Dynamic::String(_) => "string",
            Dynamic::Datetime(_) => "datetime",
            Dynamic::Timespan(_) => "timespan",
            Dynamic::Guid(_) => "guid",
            Dynamic::Array(_) => "array",
            Dynamic::Bag(_) => "dictionary",
        }
    }

    /// The scalar inside, as a value of its own type; arrays and bags stay dynamic.
    pub fn to_value(&self) -> Value {
        match self {
            Dynamic::Null => Value::Null,
            Dynamic::Bool(it) => Value::Bool(*it),
            Dynamic::Long(it) => Value::Long(*it),
            Dynamic::Real(it) => Value::Real(*it),
            Dynamic::Decimal(it) => Value::Decimal(it.clone()),
            Dynamic::String(it) => Value::String(it.clone()),
            Dynamic::Datetime(it) => Value::Datetime(*it),
            Dynamic::Timespan(it) => Value::Timespan(*it),
            Dynamic::Guid(it) => Value::Guid(*it),
            Dynamic::Array(_) | Dynamic::Bag(_) => Value::Dynamic(self.clone()),
        }
    }

    /// The language type of a scalar inside; arrays, bags and null are `dynamic`.
    pub fn scalar_type(&self) -> Type {
        self.to_value().ty().unwrap_or(Type::Dynamic)
    }

    /// Rough size of what it owns, for budgets.
    pub fn bytes(&self) -> usize {
        match self {
            Dynamic::String(it) => SHARED + it.len(),
            Dynamic::Decimal(_) => 32,
            Dynamic::Array(items) => SHARED + items.iter().map(|it| size_of::<Dynamic>() + it.bytes()).sum::<usize>(),
            Dynamic::Bag(bag) => {
                bag_bytes(bag) + bag.iter().map(|(key, it)| SHARED + key.len() + it.bytes()).sum::<usize>()
            }
            _ => 0,
        }
    }

    /// Rough size of its part of what it shares with others, so that what many hold counts about once. What more than a few
    /// hold is not looked into: a constant would be walked again for every row.
    pub fn owned_bytes(&self) -> usize {
        const FEW: usize = 4;
        let (holders, own) = match self {
            Dynamic::String(it) => return (SHARED + it.len()) / Arc::strong_count(it),
            Dynamic::Decimal(_) => return 32,
            Dynamic::Array(it) => (Arc::strong_count(it), SHARED + it.len() * size_of::<Dynamic>()),
            Dynamic::Bag(it) => (Arc::strong_count(it), bag_bytes(it)),
            _ => return 0,
        };
        let inside: usize = match self {
            _ if holders > FEW => 0,
            Dynamic::Array(items) => items.iter().map(Dynamic::owned_bytes).sum(),
            Dynamic::Bag(bag) => {
                bag.iter().map(|(key, it)| (SHARED + key.len()) / Arc::strong_count(key) + it.owned_bytes()).sum()
            }
            _ => 0,
        };
        (own + inside) / holders
    }

    /// Whether it nests at most so deeply and has at most about so many bytes of text, which are taken from `left`. Looks
    /// no further than that.
    pub fn fits(&self, depth: usize, left: &mut usize) -> bool {
        let own = if let Dynamic::String(it) = self { it.len() + 2 } else { 1 };
        let Some(rest) = left.checked_sub(own) else {
            *left = 0;
            return false;
        };
        *left = rest;
        match self {
            Dynamic::Array(_) | Dynamic::Bag(_) if depth == 0 => false,
            Dynamic::Array(items) => items.iter().all(|it| it.fits(depth - 1, left)),
            Dynamic::Bag(bag) => bag.iter().all(|(key, it)| {
                *left = left.saturating_sub(key.len());
                it.fits(depth - 1, left)
            }),
            _ => true,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Dynamic::Null => 6,
            Dynamic::Long(_) | Dynamic::Real(_) | Dynamic::Decimal(_) => 0,
            Dynamic::Datetime(_) | Dynamic::Timespan(_) => 1,
            Dynamic::String(_) => 2,
            Dynamic::Guid(_) => 3,
            Dynamic::Bool(_) => 4,
            Dynamic::Array(_) | Dynamic::Bag(_) => 5,
        }
    }

    /// One total order over all dynamics: numbers, times, strings, guids, the rest; null last. NaN before other numbers.
    pub fn order(&self, other: &Dynamic) -> Ordering {
        use Dynamic as D;
        self.rank().cmp(&other.rank()).then_with(|| match (self, other) {
            (D::Long(a), D::Long(b)) => a.cmp(b),
            (D::Decimal(a), D::Decimal(b)) => a.cmp(b),
            (D::String(a), D::String(b)) => a.cmp(b),
            (D::Datetime(a) | D::Timespan(a), D::Datetime(b) | D::Timespan(b)) => a.cmp(b),
            (D::Guid(a), D::Guid(b)) => a.cmp(b),
            (D::Bool(a), D::Bool(b)) => a.cmp(b),
            (D::Null, D::Null) => Ordering::Equal,
            _ => match (self.as_f64(), other.as_f64()) {
                (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())),
                _ => self.json().cmp(&other.json()),
            },
        })
    }
}

impl PartialEq for Dynamic {
    /// Equal as values: 1 equals 1.0, and NaN equals NaN so that sets work.
    fn eq(&self, other: &Dynamic) -> bool {
        use Dynamic as D;
        match (self, other) {
            (D::Array(a), D::Array(b)) => a == b,
            (D::Bag(a), D::Bag(b)) => a.len() == b.len() && a.iter().all(|(key, it)| b.get(key) == Some(it)),
            (D::Array(_), _) | (_, D::Array(_)) | (D::Bag(_), _) | (_, D::Bag(_)) => false,
            _ => self.order(other) == Ordering::Equal,
        }
    }
}
impl Eq for Dynamic {}

impl Hash for Dynamic {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            Dynamic::Null => {}
            Dynamic::Bool(it) => it.hash(state),
            Dynamic::Long(_) | Dynamic::Real(_) | Dynamic::Decimal(_) => {
                let number = self.as_f64().unwrap_or(f64::NAN);
                if number.is_nan() { f64::NAN.to_bits() } else { (number + 0.0).to_bits() }.hash(state);
            }
            Dynamic::String(it) => it.hash(state),
            Dynamic::Datetime(it) | Dynamic::Timespan(it) => it.hash(state),
            Dynamic::Guid(it) => it.hash(state),
            Dynamic::Array(items) => items.hash(state),
            // The order of slots does not matter, so neither may it here.
            Dynamic::Bag(bag) => bag.len().hash(state),
        }
    }
}
