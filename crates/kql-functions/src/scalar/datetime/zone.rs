//! Local times by the names of the IANA time zone database.

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};
use kql_data::{
    Context, Dynamic, Fault,
    time::{self, SECOND, UNIX_EPOCH},
};
use std::sync::Arc;

/// The zone of a name, looked up once a query.
fn zone(cx: &Context, name: &str) -> Result<Arc<Tz>, Fault> {
    cx.cached("time zone", name, || {
        name.parse::<Tz>()
            .map_err(|_| Fault::coded("SEM0001", format!("`{name}` is no time zone of the IANA database")))
    })
}

fn naive(ticks: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp((ticks - UNIX_EPOCH).div_euclid(SECOND), 0).map(|it| it.naive_utc())
}

fn offset_ticks(offset: &impl Offset) -> i64 {
    i64::from(offset.fix().local_minus_utc()) * SECOND
}

fn to_local(zone: Tz, ticks: i64) -> Option<i64> {
    let offset = zone.offset_from_utc_datetime(&naive(ticks)?);
    time::in_range(ticks + offset_ticks(&offset))
}

/// An hour that comes twice means the first; one that is left out is the moment of the change.
fn to_utc(zone: Tz, ticks: i64) -> Option<i64> {
    let offset = match zone.offset_from_local_datetime(&naive(ticks)?) {
        LocalResult::Single(it) | LocalResult::Ambiguous(it, _) => offset_ticks(&it),
        LocalResult::None => {
            let before = zone.offset_from_utc_datetime(&naive(ticks - 24 * time::HOUR)?);
            let after = zone.offset_from_utc_datetime(&naive(ticks + 24 * time::HOUR)?);
            offset_ticks(&before).max(offset_ticks(&after))
        }
    };
    time::in_range(ticks - offset)
}

crate::functions! {
    /// The UTC time of a local time in a zone.
    ///
    ///     datetime_local_to_utc(datetime(2020-02-02 20:02:20), "US/Pacific") => datetime(2020-02-03 04:02:20)
    fn datetime_local_to_utc(from: datetime, timezone: string) -> datetime |cx| {
        zone(cx, timezone).map(|zone| to_utc(*zone, from))
    }

    /// The local time in a zone of a UTC time.
    ///
    ///     datetime_utc_to_local(datetime(2022-07-11 22:00), "Australia/Canberra") => datetime(2022-07-12 08:00)
    fn datetime_utc_to_local(from: datetime, timezone: string) -> datetime |cx| {
        zone(cx, timezone).map(|zone| to_local(*zone, from))
    }

    /// The names of all time zones.
    ///
    ///     array_length(datetime_list_timezones()) > 400 => true
    fn datetime_list_timezones() -> dynamic {
        Dynamic::array(TZ_VARIANTS.iter().map(|it| Dynamic::string(it.name())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::datetime::text::parse_datetime;

    #[test]
    fn local_times() {
        let date = |text| parse_datetime(text).unwrap();
        let paris: Tz = "Europe/Paris".parse().unwrap();
        assert_eq!(to_utc(paris, date("2020-02-02 20:02:20")), Some(date("2020-02-02 19:02:20")));
        // The hour that summer time leaves out.
        assert_eq!(to_utc(paris, date("2022-03-27 02:00")), Some(date("2022-03-27 00:00")));
        assert_eq!(to_local(paris, date("2022-03-27 01:00")), Some(date("2022-03-27 03:00")));
        assert_eq!(to_local(paris, 0), Some(561 * SECOND));
    }
}
