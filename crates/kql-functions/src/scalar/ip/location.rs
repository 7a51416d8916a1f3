//! Where an address is, as far as the host's geographic data tells.

use kql_data::{Bag, Context, Dynamic};

crate::functions! {
    /// Country, state, city, latitude and longitude of an IPv4 or IPv6 address; null when the data lists nothing for
    /// it. The data come with the host; without any the result is null, and a warning says so once.
    fn geo_info_from_ip_address(ip: string) -> dynamic |cx| { location(cx, ip) }
}

fn location(cx: &Context, ip: &str) -> Option<Dynamic> {
    let Some(geo) = &cx.geo else {
        cx.warn("geo_info_from_ip_address() gives null: no geographic data was given");
        return None;
    };
    let info = geo.look_up(ip)?;
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
    use std::sync::Arc;

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
