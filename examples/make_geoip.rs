//! Makes `examples/data/demo.mmdb`: the address ranges that are set aside for documentation, as if they were in countries.
//!
//! ```text
//! cargo run --example make_geoip
//! ```

use maxminddb_writer::{Database, metadata::IpVersion, paths::IpAddrWithMask};
use serde_json::{Value, json};
use std::{
    error::Error,
    fs::File,
    io::{BufWriter, Write},
    net::IpAddr,
};

/// A place as below.
type Place = (&'static [&'static str], &'static str, &'static str, &'static str, &'static str, f64, f64);

/// Ranges of both kinds, country code, country, subdivision, city, latitude, longitude.
const PLACES: [Place; 4] = [
    (&["192.0.2.0/24", "2001:db8:49::/48"], "DE", "Germany", "Hamburg", "Hamburg", 53.55, 9.99),
    (&["198.51.100.0/24", "2001:db8:1::/48"], "US", "United States", "Massachusetts", "Boston", 42.36, -71.06),
    (&["203.0.113.0/25", "2001:db8:81::/48"], "JP", "Japan", "Tokyo", "Tokyo", 35.68, 139.69),
    (&["203.0.113.128/25", "2001:db8:55::/48"], "BR", "Brazil", "Bahia", "Salvador", -12.97, -38.51),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut database = Database::default();
    database.metadata.ip_version = IpVersion::V6;
    database.metadata.binary_format_major_version = 2;
    database.metadata.database_type = "Demo-City".to_owned();
    // Fixed, so that the file comes out the same every time.
    database.metadata.build_epoch = 1_781_049_600;
    for (ranges, code, country, state, city, latitude, longitude) in PLACES {
        let record: Value = json!({
            "country": {"iso_code": code, "names": {"en": country}},
            "subdivisions": [{"names": {"en": state}}],
            "city": {"names": {"en": city}},
            "location": {"latitude": latitude, "longitude": longitude},
        });
        let record = database.insert_value(record)?;
        for range in ranges {
            database.insert_node(parse(range)?, record);
        }
    }
    let mut out = database.write_to(BufWriter::new(File::create("examples/data/demo.mmdb")?))?;
    out.flush()?;
    Ok(())
}

/// A range of the tree, in which IPv4 lies in the first 2^32 addresses of IPv6.
fn parse(range: &str) -> Result<IpAddrWithMask, Box<dyn Error>> {
    let (address, bits) = range.split_once('/').ok_or("no prefix length")?;
    let bits: u8 = bits.parse()?;
    Ok(match address.parse::<IpAddr>()? {
        IpAddr::V4(it) => IpAddrWithMask::new(IpAddr::V6(u128::from(u32::from(it)).into()), 96 + bits),
        it => IpAddrWithMask::new(it, bits),
    })
}
