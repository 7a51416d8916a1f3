//! Who works at Lumen Labs, from where and when.

/// Countries by documentation address range; `demo.mmdb` maps the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Country {
    /// 192.0.2.0/24 and 2001:db8:49::/48.
    Germany,
    /// 198.51.100.0/24 and 2001:db8:1::/48.
    UnitedStates,
    /// 203.0.113.0/25 and 2001:db8:81::/48.
    Japan,
}

const HOMES: [Country; 3] = [Country::Germany, Country::UnitedStates, Country::Japan];
const FIRST: [&str; 24] = [
    "ada", "ben", "cora", "dan", "eva", "finn", "gina", "hugo", "iris", "jan", "kira", "leo", "mia", "nils", "olga",
    "paul", "rosa", "sven", "tara", "uwe", "vito", "wilma", "yuki", "zoe",
];
const LAST: [&str; 20] = [
    "adler", "brandt", "costa", "diaz", "evans", "fuchs", "gomez", "hansen", "ivers", "jensen", "kato", "lopez",
    "mori", "novak", "olsen", "patel", "quinn", "reyes", "sato", "tanaka",
];

/// A member of the organization, all of whose habits follow from a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person(pub(crate) usize);

impl Person {
    pub(crate) fn email(self, out: &mut Vec<u8>) {
        out.extend_from_slice(FIRST[self.0 % FIRST.len()].as_bytes());
        out.push(b'.');
        out.extend_from_slice(LAST[(self.0 / FIRST.len() + self.0 * 7) % LAST.len()].as_bytes());
        if self.0 >= 120 {
            out.extend_from_slice(self.0.to_string().as_bytes());
        }
        out.extend_from_slice(b"@lumen.example");
    }

    /// Whether the person manages keys, projects and members.
    pub(crate) fn is_admin(self) -> bool {
        self.0.is_multiple_of(6)
    }

    /// Where the person is on a working day. Some commute between two countries, and do so from the first week.
    pub(crate) fn country(self, workday: usize) -> Country {
        let commutes = self.0 % 5 == 4 && workday % 2 == 1;
        HOMES[(self.0 + usize::from(commutes)) % HOMES.len()]
    }

    /// The hour (UTC) of the first login of a working day: one of three, each of which comes up within a week.
    pub(crate) fn login_hour(self, workday: usize) -> i64 {
        let start = match HOMES[self.0 % HOMES.len()] {
            Country::Germany => 6,
            Country::UnitedStates => 13,
            Country::Japan => 0,
        };
        start + (self.0 % 2) as i64 + [0, 1, 4][(workday + self.0) % 3]
    }

    /// An address of the person in that country.
    pub(crate) fn address(self, country: Country, is_mobile: bool, out: &mut Vec<u8>) {
        let text = match (country, is_mobile) {
            (Country::Germany, false) => format!("192.0.2.{}", 32 + self.0 % 200),
            (Country::UnitedStates, false) => format!("198.51.100.{}", 32 + self.0 % 200),
            (Country::Japan, false) => format!("203.0.113.{}", 32 + self.0 % 80),
            (Country::Germany, true) => format!("2001:db8:49::{:x}", 1 + self.0),
            (Country::UnitedStates, true) => format!("2001:db8:1::{:x}", 1 + self.0),
            (Country::Japan, true) => format!("2001:db8:81::{:x}", 1 + self.0),
        };
        out.extend_from_slice(text.as_bytes());
    }
}
