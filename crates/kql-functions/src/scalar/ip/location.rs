//! Where an address is, as far as the host's geographic data tells.

use crate::{
    declare::{Accepts, CHECK_ROWS, Overload, Param, Returns},
    scalar::operator::lift,
};
use kql_data::{Bag, Boxed, Column, Context, Dynamic, Fault, GeoInfo, Map, Type};
use std::sync::Arc;

const GEO_INFO: &[Overload] = &[Overload {
    params: &[Param::new("ip", Accepts::Type(Type::String)).cast(Type::String)],
    rest: None,
    returns: Returns::Type(Type::Dynamic),
    kernel: Some(locations),
}];

crate::functions! {
    /// Country, state, city, latitude and longitude of an IPv4 or IPv6 address; null when the data lists nothing for
    /// it. The data come with the host; without any the result is null, and a warning says so once.
    fn geo_info_from_ip_address = GEO_INFO;
}

/// Addresses of one record share one bag.
fn locations(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let addresses = lift::arg(args, 0)?.string_reader();
    let Some(geo) = &cx.geo else {
        if n_rows > 0 {
            cx.warn("geo_info_from_ip_address() gives null: no geographic data was given");
        }
        return Ok(Column::null(Type::Dynamic, n_rows));
    };
    // By the address of the record, which is held beside so that it stays its own.
    let mut known: Map<usize, (Arc<GeoInfo>, Option<Dynamic>)> = Map::default();
    let (mut held, mut bytes) = (cx.budget.reserve(0, "geo_info_from_ip_address")?, 0);
    let mut out = Vec::with_capacity(n_rows);
    for row in 0..n_rows {
        if row % CHECK_ROWS == 0 {
            cx.check()?;
            held.follow(bytes, "geo_info_from_ip_address")?;
        }
        out.push(geo.look_up(addresses.get(row)).and_then(|info| {
            let record = known.entry(Arc::as_ptr(&info) as usize).or_insert_with(|| {
                let bag = bag_of(&info);
                bytes += bag.as_ref().map_or(0, Dynamic::bytes);
                (info, bag)
            });
            record.1.clone()
        }));
    }
    Ok(Column::Dynamic(Boxed::sized(out, bytes)))
}

fn bag_of(info: &GeoInfo) -> Option<Dynamic> {
    let texts = [("country", &info.country), ("state", &info.state), ("city", &info.city)];
    let numbers = [("latitude", info.latitude), ("longitude", info.longitude)];
    let texts = texts.into_iter().filter_map(|(key, it)| Some((key.into(), Dynamic::string(it.as_deref()?))));
    let numbers = numbers.into_iter().filter_map(|(key, it)| Some((key.into(), Dynamic::Real(it?))));
    let bag: Bag = texts.chain(numbers).collect();
    (!bag.is_empty()).then(|| Dynamic::bag(bag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::{Geo, GeoInfo};

    fn location(cx: &Context, ip: &str) -> Option<Dynamic> {
        let found = locations(cx, &[Column::strings([ip, ip])], 2).unwrap();
        assert_eq!(found.dynamic(0), found.dynamic(1));
        Some(found.dynamic(0)).filter(|it| !it.is_null())
    }

    struct Somewhere;
    impl Geo for Somewhere {
        fn look_up(&self, address: &str) -> Option<Arc<GeoInfo>> {
            let info = GeoInfo { country: Some("Czechia".into()), latitude: Some(50.5), ..GeoInfo::default() };
            (address == "1.2.3.4").then(|| Arc::new(info))
        }
    }

    #[test]
    fn without_data_it_warns_once() {
        let mut cx = Context::default();
        assert!(location(&cx, "1.2.3.4").is_none() && location(&cx, "1.2.3.5").is_none());
        assert_eq!(cx.take_warnings().len(), 1);
        cx.geo = Some(Arc::new(Somewhere));
        assert_eq!(
            location(&cx, "1.2.3.4").map(|it| it.json()),
            Some(r#"{"country":"Czechia","latitude":50.5}"#.to_owned())
        );
        assert!(location(&cx, "x").is_none());
        assert!(cx.take_warnings().is_empty());
    }
}
