//! Geographic data for `geo_info_from_ip_address`, out of a MaxMind DB file that the host has read.

use crate::country;
use kql_data::{Geo, GeoInfo, Map};
use maxminddb::{LookupResult, PathElement, Reader};
use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

type Record<'a> = LookupResult<'a, Vec<u8>>;

/// Records that are kept decoded.
const KEPT_RECORDS: usize = 1 << 16;

/// A MaxMind DB in memory, in one of three layouts: that of GeoLite2-City (`country.names.en`, `subdivisions`, `city`,
/// `location`), a flat one (`country_code`, `state1`, `city`, `latitude`, `longitude`), or country codes alone.
pub struct GeoFile {
    reader: Reader<Vec<u8>>,
    /// Records by their place in the file: many addresses share one.
    records: Mutex<Map<usize, Option<Arc<GeoInfo>>>>,
}

impl fmt::Debug for GeoFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("GeoFile").field("type", &self.reader.metadata().database_type).finish_non_exhaustive()
    }
}

impl GeoFile {
    /// Takes the bytes of a `.mmdb` file; the error says what is wrong with them.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<GeoFile, String> {
        let reader = Reader::from_source(bytes.into()).map_err(|it| format!("no MaxMind DB: {it}"))?;
        Ok(GeoFile { reader, records: Mutex::default() })
    }

    /// What the file calls itself, such as `GeoLite2-City`.
    pub fn kind(&self) -> &str {
        &self.reader.metadata().database_type
    }
}

impl Geo for GeoFile {
    fn look_up(&self, address: &str) -> Option<Arc<GeoInfo>> {
        let mut address: IpAddr = address.trim().parse().ok()?;
        if let IpAddr::V6(it) = address
            && let Some(it) = it.to_ipv4_mapped()
        {
            address = IpAddr::V4(it);
        }
        let found = self.reader.lookup(address).ok()?;
        let offset = found.offset()?;
        let known = self.records.lock().unwrap_or_else(PoisonError::into_inner).get(&offset).cloned();
        if let Some(known) = known {
            return known;
        }
        let info = decode(&found).map(Arc::new);
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() >= KEPT_RECORDS {
            records.clear();
        }
        _ = records.insert(offset, info.clone());
        info
    }
}

/// The fields of a record, by path: nothing else of it is decoded, whatever the file holds. `None` without any.
fn decode(found: &Record<'_>) -> Option<GeoInfo> {
    let code = |it: String| country::name(&it).map_or(it, str::to_owned);
    let text = |paths: &[&str]| paths.iter().find_map(|it| text(found, it));
    let number = |paths: &[&str]| paths.iter().find_map(|it| number(found, it));
    let info = GeoInfo {
        country: text(&["country.names.en"])
            .or_else(|| text(&["country_code", "country.iso_code", "country"]).map(code)),
        state: text(&["subdivisions.0.names.en", "state1"]),
        city: text(&["city.names.en", "city"]),
        latitude: number(&["location.latitude", "latitude"]),
        longitude: number(&["location.longitude", "longitude"]),
    };
    (info != GeoInfo::default()).then_some(info)
}

fn path(path: &str) -> Vec<PathElement<'_>> {
    path.split('.').map(|it| it.parse().map_or(PathElement::Key(it), PathElement::Index)).collect()
}

fn text(found: &Record<'_>, at: &str) -> Option<String> {
    found.decode_path::<String>(&path(at)).ok().flatten().filter(|it| !it.is_empty())
}

fn number(found: &Record<'_>, at: &str) -> Option<f64> {
    let real = || found.decode_path::<f64>(&path(at)).ok().flatten();
    let float = || found.decode_path::<f32>(&path(at)).ok().flatten().map(f64::from);
    real().or_else(float).or_else(|| text(found, at)?.parse().ok()).filter(|it| it.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use maxminddb_writer::{Database, metadata::IpVersion, paths::IpAddrWithMask};
    use serde::Serialize;
    use std::collections::BTreeMap;

    type Names = BTreeMap<&'static str, &'static str>;

    #[derive(Serialize)]
    struct Named {
        names: Names,
    }

    #[derive(Serialize)]
    struct Location {
        latitude: f64,
        longitude: f64,
    }

    #[derive(Serialize)]
    struct City {
        country: Named,
        subdivisions: Vec<Named>,
        city: Named,
        location: Location,
    }

    #[derive(Serialize)]
    struct Flat {
        country_code: &'static str,
        state1: &'static str,
        city: &'static str,
        latitude: f32,
        longitude: f32,
    }

    #[derive(Serialize)]
    struct Country {
        country_code: &'static str,
    }

    fn file<T: Serialize>(records: Vec<(&str, T)>) -> GeoFile {
        let mut database = Database::default();
        database.metadata.binary_format_major_version = 2;
        database.metadata.ip_version = IpVersion::V4;
        database.metadata.database_type = "Test".into();
        for (network, record) in records {
            let data = database.insert_value(record).unwrap();
            database.insert_node(network.parse::<IpAddrWithMask>().unwrap(), data);
        }
        GeoFile::new(database.write_to(Vec::new()).unwrap()).unwrap()
    }

    fn named(name: &'static str) -> Named {
        Named { names: Names::from([("de", "?"), ("en", name)]) }
    }

    #[test]
    fn the_layout_of_geolite2_city() {
        let record = City {
            country: named("Czechia"),
            subdivisions: vec![named("Prague"), named("Prague 1")],
            city: named("Praha"),
            location: Location { latitude: 50.08, longitude: 14.42 },
        };
        let geo = file(vec![("192.0.2.0/24", record)]);
        let info = geo.look_up(" 192.0.2.7").unwrap();
        let text = |it: &str| Some(it.to_owned());
        assert_eq!((info.country.clone(), info.state.clone()), (text("Czechia"), text("Prague")));
        assert_eq!((info.city.clone(), info.latitude, info.longitude), (text("Praha"), Some(50.08), Some(14.42)));
        assert!(Arc::ptr_eq(&info, &geo.look_up("::ffff:192.0.2.9").unwrap()), "a record is decoded once");
        for not in ["192.0.3.1", "", "x", "2001:db8::1", "999.1.1.1"] {
            assert!(geo.look_up(not).is_none(), "{not}");
        }
    }

    #[test]
    fn flat_layouts() {
        let prague =
            Flat { country_code: "CZ", state1: "Hlavni mesto Praha", city: "Prague", latitude: 50.5, longitude: 14.25 };
        let info = file(vec![("198.51.100.0/25", prague)]).look_up("198.51.100.3").unwrap();
        assert_eq!(info.country.as_deref(), Some("Czechia"));
        assert_eq!((info.city.as_deref(), info.latitude), (Some("Prague"), Some(50.5)));
        let geo = file(vec![
            ("203.0.113.0/24", Country { country_code: "US" }),
            ("198.18.0.0/15", Country { country_code: "??" }),
        ]);
        let info = geo.look_up("203.0.113.200").unwrap();
        assert_eq!(*info, GeoInfo { country: Some("United States".to_owned()), ..GeoInfo::default() });
        assert_eq!(geo.look_up("198.19.1.1").unwrap().country.as_deref(), Some("??"), "an unknown code stays");
    }

    #[test]
    fn damaged_files_are_refused_or_find_nothing() {
        assert!(GeoFile::new(b"no database".to_vec()).is_err());
        let mut database = Database::default();
        database.metadata.binary_format_major_version = 2;
        database.metadata.ip_version = IpVersion::V4;
        let data = database.insert_value(Country { country_code: "US" }).unwrap();
        database.insert_node("203.0.113.0/24".parse::<IpAddrWithMask>().unwrap(), data);
        let whole = database.write_to(Vec::new()).unwrap();
        for cut in 0..whole.len() {
            if let Ok(geo) = GeoFile::new(&whole[..cut]) {
                _ = geo.look_up("203.0.113.1");
            }
            let mut bent = whole.clone();
            bent[cut] ^= 0xFF;
            if let Ok(geo) = GeoFile::new(bent) {
                _ = geo.look_up("203.0.113.1");
            }
        }
    }
}
