//! Scalar functions, one family a file.

use crate::declare::Function;

mod bounds;
pub mod conversion;
pub mod datetime;
pub mod dynamic;
pub mod encoding;
pub mod geo;
pub mod hash;
pub mod internal;
pub mod ip;
pub mod number;
pub mod operator;
pub mod parsing;
pub mod series;
pub mod session;
pub mod sketch;
pub mod text;
pub mod window;

/// Every family.
pub const FAMILIES: &[&[Function]] = &[
    series::anomaly::FUNCTIONS,
    series::elementwise::FUNCTIONS,
    series::fill::FUNCTIONS,
    series::filter::FUNCTIONS,
    series::fit::FUNCTIONS,
    series::fourier::FUNCTIONS,
    series::season::FUNCTIONS,
    series::statistics::FUNCTIONS,
    series::vector::FUNCTIONS,
    sketch::FUNCTIONS,
    sketch::IRREGULAR,
    window::FUNCTIONS,
    dynamic::arrays::FUNCTIONS,
    dynamic::bags::FUNCTIONS,
    dynamic::pack::FUNCTIONS,
    dynamic::sets::FUNCTIONS,
    dynamic::sorting::FUNCTIONS,
    dynamic::trees::FUNCTIONS,
    internal::FUNCTIONS,
    encoding::base64::FUNCTIONS,
    encoding::compression::FUNCTIONS,
    encoding::url::FUNCTIONS,
    geo::buffer::FUNCTIONS,
    geo::covering::FUNCTIONS,
    geo::densify::FUNCTIONS,
    geo::geohash::FUNCTIONS,
    geo::h3::FUNCTIONS,
    geo::intersections::FUNCTIONS,
    geo::lines::FUNCTIONS,
    geo::points::FUNCTIONS,
    geo::polygons::FUNCTIONS,
    geo::s2::FUNCTIONS,
    geo::simplify::FUNCTIONS,
    geo::wkt::FUNCTIONS,
    ip::address::FUNCTIONS,
    ip::compare::FUNCTIONS,
    ip::format::FUNCTIONS,
    ip::location::FUNCTIONS,
    ip::ranges::FUNCTIONS,
    ip::text::FUNCTIONS,
    parsing::csv::FUNCTIONS,
    parsing::path::FUNCTIONS,
    parsing::url::FUNCTIONS,
    parsing::user_agent::FUNCTIONS,
    parsing::version::FUNCTIONS,
    parsing::xml::FUNCTIONS,
    text::FUNCTIONS,
    text::codepoints::FUNCTIONS,
    text::command_line::FUNCTIONS,
    text::extract::FUNCTIONS,
    text::join::FUNCTIONS,
    text::punycode::FUNCTIONS,
    text::replace::FUNCTIONS,
    text::search::FUNCTIONS,
    text::split::FUNCTIONS,
    operator::compare::FUNCTIONS,
    operator::arithmetic::FUNCTIONS,
    operator::logic::FUNCTIONS,
    operator::search::FUNCTIONS,
    operator::search::OTHERS,
    operator::member::FUNCTIONS,
    operator::between::FUNCTIONS,
    operator::path::FUNCTIONS,
    conversion::FUNCTIONS,
    conversion::test::FUNCTIONS,
    conversion::choice::FUNCTIONS,
    datetime::format::FUNCTIONS,
    datetime::make::FUNCTIONS,
    datetime::make::MAKERS,
    datetime::part::FUNCTIONS,
    datetime::part::BY_NAME,
    datetime::shift::FUNCTIONS,
    datetime::shift::BY_NAME,
    datetime::zone::FUNCTIONS,
    number::bin::FUNCTIONS,
    number::bits::OF_TWO,
    number::bits::OTHERS,
    number::distribution::FUNCTIONS,
    number::real::FUNCTIONS,
    number::real::OF_ONE,
    number::real::OTHERS,
    number::round::FUNCTIONS,
    number::series::FUNCTIONS,
    number::unit::CONVERSIONS,
    number::unit::OTHERS,
    hash::FUNCTIONS,
    session::FUNCTIONS,
    session::OTHERS,
];
