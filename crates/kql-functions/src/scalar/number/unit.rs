//! Conversion of units, and sizes in bytes.

use crate::{
    declare::{Accepts, Constness, Function, Naming, Overload, Param, Returns},
    scalar::{
        number::round::round_real,
        operator::{lift, of},
    },
};
use arrow_array::Float64Array;
use kql_data::{Column, ColumnBuilder, Context, Fault, Type, real_text};

/// The units of one quantity: name and size in the base unit.
struct Quantity {
    units: &'static [(&'static str, f64)],
}

impl Quantity {
    fn size(&self, unit: &str) -> Option<f64> {
        self.units.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size)
    }
}

const DEGREE: f64 = std::f64::consts::PI / 180.0;

/// In radians.
const ANGLE: Quantity = Quantity {
    units: &[
        ("Arcminute", DEGREE / 60.0),
        ("Arcsecond", DEGREE / 3600.0),
        ("Centiradian", 1e-2),
        ("Deciradian", 1e-1),
        ("Degree", DEGREE),
        ("Gradian", DEGREE * 0.9),
        ("Microdegree", DEGREE * 1e-6),
        ("Microradian", 1e-6),
        ("Millidegree", DEGREE * 1e-3),
        ("Milliradian", 1e-3),
        ("Nanodegree", DEGREE * 1e-9),
        ("Nanoradian", 1e-9),
        ("NatoMil", DEGREE * 9.0 / 160.0),
        ("Radian", 1.0),
        ("Revolution", DEGREE * 360.0),
        ("Tilt", 1.0),
    ],
};

const BTU: f64 = 1_055.055_852_62;
const ELECTRON_VOLT: f64 = 1.602_176_565e-19;

/// In joules.
const ENERGY: Quantity = Quantity {
    units: &[
        ("BritishThermalUnit", BTU),
        ("Calorie", 4.184),
        ("DecathermEc", BTU * 1e6),
        ("DecathermImperial", 1.055_055_852_57e9),
        ("DecathermUs", 1.054_804e9),
        ("ElectronVolt", ELECTRON_VOLT),
        ("Erg", 1e-7),
        ("FootPound", 1.355_817_948),
        ("GigabritishThermalUnit", BTU * 1e9),
        ("GigaelectronVolt", ELECTRON_VOLT * 1e9),
        ("Gigajoule", 1e9),
        ("GigawattDay", 86_400e9),
        ("GigawattHour", 3_600e9),
        ("HorsepowerHour", 2.684_519_537_696_172_7e6),
        ("Joule", 1.0),
        ("KilobritishThermalUnit", BTU * 1e3),
        ("Kilocalorie", 4_184.0),
        ("KiloelectronVolt", ELECTRON_VOLT * 1e3),
        ("Kilojoule", 1e3),
        ("KilowattDay", 86_400e3),
        ("KilowattHour", 3_600e3),
        ("MegabritishThermalUnit", BTU * 1e6),
        ("Megacalorie", 4.184e6),
        ("MegaelectronVolt", ELECTRON_VOLT * 1e6),
        ("Megajoule", 1e6),
        ("MegawattDay", 86_400e6),
        ("MegawattHour", 3_600e6),
        ("Millijoule", 1e-3),
        ("TeraelectronVolt", ELECTRON_VOLT * 1e12),
        ("TerawattDay", 86_400e12),
        ("TerawattHour", 3_600e12),
        ("ThermEc", BTU * 1e5),
        ("ThermImperial", 1.055_055_852_57e8),
        ("ThermUs", 1.054_804e8),
        ("WattDay", 86_400.0),
        ("WattHour", 3_600.0),
    ],
};

const POUND: f64 = 0.453_592_37;
const GRAVITY: f64 = 9.806_65;
const POUND_FORCE: f64 = 4.448_221_615_260_5;

/// In newtons.
const FORCE: Quantity = Quantity {
    units: &[
        ("Decanewton", 10.0),
        ("Dyn", 1e-5),
        ("KilogramForce", GRAVITY),
        ("Kilonewton", 1e3),
        ("KiloPond", GRAVITY),
        ("KilopoundForce", POUND_FORCE * 1e3),
        ("Meganewton", 1e6),
        ("Micronewton", 1e-6),
        ("Millinewton", 1e-3),
        ("Newton", 1.0),
        ("OunceForce", POUND_FORCE / 16.0),
        ("Poundal", 0.138_254_954_376),
        ("PoundForce", POUND_FORCE),
        ("ShortTonForce", POUND_FORCE * 2e3),
        ("TonneForce", GRAVITY * 1e3),
    ],
};

const FOOT: f64 = 0.3048;
const INCH: f64 = 0.0254;
const LIGHT_YEAR: f64 = 9.460_730_472_58e15;
const PARSEC: f64 = 3.085_677_581_28e16;

/// In meters.
const LENGTH: Quantity = Quantity {
    units: &[
        ("Angstrom", 1e-10),
        ("AstronomicalUnit", 1.495_978_707e11),
        ("Centimeter", 1e-2),
        ("Chain", 20.1168),
        ("DataMile", 1_828.8),
        ("Decameter", 10.0),
        ("Decimeter", 1e-1),
        ("DtpPica", INCH / 6.0),
        ("DtpPoint", INCH / 72.0),
        ("Fathom", 1.8288),
        ("Foot", FOOT),
        ("Hand", 0.1016),
        ("Hectometer", 100.0),
        ("Inch", INCH),
        ("KilolightYear", LIGHT_YEAR * 1e3),
        ("Kilometer", 1e3),
        ("Kiloparsec", PARSEC * 1e3),
        ("LightYear", LIGHT_YEAR),
        ("MegalightYear", LIGHT_YEAR * 1e6),
        ("Megaparsec", PARSEC * 1e6),
        ("Meter", 1.0),
        ("Microinch", INCH * 1e-6),
        ("Micrometer", 1e-6),
        ("Mil", INCH * 1e-3),
        ("Mile", 1_609.344),
        ("Millimeter", 1e-3),
        ("Nanometer", 1e-9),
        ("NauticalMile", 1_852.0),
        ("Parsec", PARSEC),
        ("PrinterPica", INCH / 6.022_5),
        ("PrinterPoint", INCH / 72.27),
        ("Shackle", 27.432),
        ("SolarRadius", 6.955_10e8),
        ("Twip", INCH / 1_440.0),
        ("UsSurveyFoot", 1_200.0 / 3_937.0),
        ("Yard", 0.9144),
    ],
};

/// In kilograms.
const MASS: Quantity = Quantity {
    units: &[
        ("Centigram", 1e-5),
        ("Decagram", 1e-2),
        ("Decigram", 1e-4),
        ("EarthMass", 5.972_2e24),
        ("Grain", POUND / 7_000.0),
        ("Gram", 1e-3),
        ("Hectogram", 1e-1),
        ("Kilogram", 1.0),
        ("Kilopound", POUND * 1e3),
        ("Kilotonne", 1e6),
        ("LongHundredweight", POUND * 112.0),
        ("LongTon", POUND * 2_240.0),
        ("Megapound", POUND * 1e6),
        ("Megatonne", 1e9),
        ("Microgram", 1e-9),
        ("Milligram", 1e-6),
        ("Nanogram", 1e-12),
        ("Ounce", POUND / 16.0),
        ("Pound", POUND),
        ("ShortHundredweight", POUND * 100.0),
        ("ShortTon", POUND * 2_000.0),
        ("Slug", POUND * GRAVITY / FOOT),
        ("SolarMass", 1.989_47e30),
        ("Stone", POUND * 14.0),
        ("Tonne", 1e3),
    ],
};

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const SURVEY_FOOT: f64 = 1_200.0 / 3_937.0;

/// In meters per second.
const SPEED: Quantity = Quantity {
    units: &[
        ("CentimeterPerHour", 1e-2 / HOUR),
        ("CentimeterPerMinute", 1e-2 / MINUTE),
        ("CentimeterPerSecond", 1e-2),
        ("DecimeterPerMinute", 1e-1 / MINUTE),
        ("DecimeterPerSecond", 1e-1),
        ("FootPerHour", FOOT / HOUR),
        ("FootPerMinute", FOOT / MINUTE),
        ("FootPerSecond", FOOT),
        ("InchPerHour", INCH / HOUR),
        ("InchPerMinute", INCH / MINUTE),
        ("InchPerSecond", INCH),
        ("KilometerPerHour", 1e3 / HOUR),
        ("KilometerPerMinute", 1e3 / MINUTE),
        ("KilometerPerSecond", 1e3),
        ("Knot", 1_852.0 / HOUR),
        ("MeterPerHour", 1.0 / HOUR),
        ("MeterPerMinute", 1.0 / MINUTE),
        ("MeterPerSecond", 1.0),
        ("MicrometerPerMinute", 1e-6 / MINUTE),
        ("MicrometerPerSecond", 1e-6),
        ("MilePerHour", 0.447_04),
        ("MillimeterPerHour", 1e-3 / HOUR),
        ("MillimeterPerMinute", 1e-3 / MINUTE),
        ("MillimeterPerSecond", 1e-3),
        ("NanometerPerMinute", 1e-9 / MINUTE),
        ("NanometerPerSecond", 1e-9),
        ("UsSurveyFootPerHour", SURVEY_FOOT / HOUR),
        ("UsSurveyFootPerMinute", SURVEY_FOOT / MINUTE),
        ("UsSurveyFootPerSecond", SURVEY_FOOT),
        ("YardPerHour", 0.9144 / HOUR),
        ("YardPerMinute", 0.9144 / MINUTE),
        ("YardPerSecond", 0.9144),
    ],
};

const CUBIC_FOOT: f64 = 0.028_316_846_592;
const IMPERIAL_GALLON: f64 = 0.004_546_09;
const US_GALLON: f64 = 0.003_785_411_784;

/// In cubic meters.
const VOLUME: Quantity = Quantity {
    units: &[
        ("AcreFoot", 1.0 / 0.000_810_714),
        ("AuTablespoon", 2e-5),
        ("BoardFoot", CUBIC_FOOT / 12.0),
        ("Centiliter", 1e-5),
        ("CubicCentimeter", 1e-6),
        ("CubicDecimeter", 1e-3),
        ("CubicFoot", CUBIC_FOOT),
        ("CubicHectometer", 1e6),
        ("CubicInch", 1.638_706_4e-5),
        ("CubicKilometer", 1e9),
        ("CubicMeter", 1.0),
        ("CubicMicrometer", 1e-18),
        ("CubicMile", 4_168_181_825.440_579_6),
        ("CubicMillimeter", 1e-9),
        ("CubicYard", 0.764_554_857_984),
        ("Decaliter", 1e-2),
        ("DecausGallon", US_GALLON * 10.0),
        ("Deciliter", 1e-4),
        ("DeciusGallon", US_GALLON / 10.0),
        ("HectocubicFoot", CUBIC_FOOT * 100.0),
        ("HectocubicMeter", 100.0),
        ("Hectoliter", 0.1),
        ("HectousGallon", US_GALLON * 100.0),
        ("ImperialBeerBarrel", IMPERIAL_GALLON * 36.0),
        ("ImperialGallon", IMPERIAL_GALLON),
        ("ImperialOunce", IMPERIAL_GALLON / 160.0),
        ("ImperialPint", IMPERIAL_GALLON / 8.0),
        ("KilocubicFoot", CUBIC_FOOT * 1e3),
        ("KilocubicMeter", 1e3),
        ("KiloimperialGallon", IMPERIAL_GALLON * 1e3),
        ("Kiloliter", 1.0),
        ("KilousGallon", US_GALLON * 1e3),
        ("Liter", 1e-3),
        ("MegacubicFoot", CUBIC_FOOT * 1e6),
        ("MegaimperialGallon", IMPERIAL_GALLON * 1e6),
        ("Megaliter", 1e3),
        ("MegausGallon", US_GALLON * 1e6),
        ("MetricCup", 2.5e-4),
        ("MetricTeaspoon", 5e-6),
        ("Microliter", 1e-9),
        ("Milliliter", 1e-6),
        ("OilBarrel", US_GALLON * 42.0),
        ("UkTablespoon", 1.5e-5),
        ("UsBeerBarrel", US_GALLON * 31.0),
        ("UsCustomaryCup", US_GALLON / 16.0),
        ("UsGallon", US_GALLON),
        ("UsLegalCup", 2.4e-4),
        ("UsOunce", US_GALLON / 128.0),
        ("UsPint", US_GALLON / 8.0),
        ("UsQuart", US_GALLON / 4.0),
        ("UsTablespoon", US_GALLON / 256.0),
        ("UsTeaspoon", US_GALLON / 768.0),
    ],
};

/// Kelvins of a temperature, as `value * factor + offset`.
fn temperature(unit: &str) -> Option<(f64, f64)> {
    Some(match unit {
        "Kelvin" => (1.0, 0.0),
        "DegreeCelsius" => (1.0, 273.15),
        "MillidegreeCelsius" => (1e-3, 273.15),
        "DegreeDelisle" => (-2.0 / 3.0, 373.15),
        "DegreeFahrenheit" => (5.0 / 9.0, 459.67 * 5.0 / 9.0),
        "DegreeNewton" => (100.0 / 33.0, 273.15),
        "DegreeRankine" => (5.0 / 9.0, 0.0),
        "DegreeReaumur" => (1.25, 273.15),
        "DegreeRoemer" => (40.0 / 21.0, 273.15 - 7.5 * 40.0 / 21.0),
        "SolarTemperature" => (5_778.0, 0.0),
        _ => return None,
    })
}

/// Converts every row; null for an unknown unit.
fn convert(args: &[Column], n_rows: usize, one: impl Fn(f64, &str, &str) -> Option<f64>) -> Result<Column, Fault> {
    let values = lift::reals(lift::arg(args, 0)?)?;
    let (from, to) = (lift::arg(args, 1)?.string_reader(), lift::arg(args, 2)?.string_reader());
    let rows = (0..n_rows).map(|row| one(values.get(row)?, from.get(row), to.get(row)));
    Ok(Column::Real(rows.collect::<Float64Array>()))
}

fn by_table(args: &[Column], n_rows: usize, quantity: &Quantity) -> Result<Column, Fault> {
    convert(args, n_rows, |value, from, to| {
        let (from, to) = (quantity.size(from)?, quantity.size(to)?);
        Some(value * (from / to))
    })
}

const PARAMS: &[Param] = &[of("value", Type::Real), of("from", Type::String), of("to", Type::String)];

macro_rules! conversions {
    ($($name:ident $kernel:ident $table:ident $doc:literal $example:literal;)*) => {
        $(fn $kernel(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
            by_table(args, n_rows, &$table)
        })*

        /// Conversions by a factor.
        pub const CONVERSIONS: &[Function] = &[$(
            Function::new(
                stringify!($name),
                concat!("A value in another unit of ", $doc, "; null for an unknown unit.\n\n    ", $example, "\n"),
                &[Overload {
                    params: PARAMS,
                    rest: None,
                    returns: Returns::Type(Type::Real),
                    kernel: Some($kernel),
                }],
            ),
        )*];
    };
}
conversions! {
    convert_angle angle ANGLE "an angle" "convert_angle(1.2, \"Degree\", \"Arcminute\") => 72.0";
    convert_energy energy ENERGY "energy" "convert_energy(1, \"KilowattHour\", \"Joule\") => 3600000.0";
    convert_force force FORCE "force" "convert_force(1.2, \"Newton\", \"Decanewton\") => 0.12";
    convert_length length LENGTH "length" "convert_length(1, \"Mile\", \"Meter\") => 1609.344";
    convert_mass mass MASS "mass" "convert_mass(1, \"Pound\", \"Gram\") => 453.59237";
    convert_speed speed SPEED "speed" "convert_speed(1.2, \"MeterPerSecond\", \"CentimeterPerHour\") => 432000.0";
    convert_volume volume VOLUME "volume" "convert_volume(1, \"CubicMeter\", \"Liter\") => 1000.0";
}

fn convert_temperature(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    convert(args, n_rows, |value, from, to| {
        let ((factor, offset), (to_factor, to_offset)) = (temperature(from)?, temperature(to)?);
        Some((value * factor + offset - to_offset) / to_factor)
    })
}

const BYTE_UNITS: [&str; 7] = ["Bytes", "KB", "MB", "GB", "TB", "PB", "EB"];

/// A size in the largest unit of which there is one, or in a given one.
fn bytes_text(size: f64, digits: i64, unit: &str) -> String {
    let chosen = BYTE_UNITS.iter().position(|it| it.eq_ignore_ascii_case(unit));
    let power = chosen.unwrap_or_else(|| {
        let mut left = size.abs();
        let mut power = 0;
        while left >= 1024.0 && power + 1 < BYTE_UNITS.len() {
            left /= 1024.0;
            power += 1;
        }
        power
    });
    let value = round_real(size / 1024_f64.powi(power as i32), digits.clamp(0, 15));
    let text = real_text(value);
    format!("{} {}", text.strip_suffix(".0").unwrap_or(&text), BYTE_UNITS.get(power).unwrap_or(&""))
}

fn format_bytes(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let sizes = lift::reals(lift::arg(args, 0)?)?;
    let digits = args.get(1).map(lift::longs).transpose()?;
    let units = args.get(2).map(Column::string_reader);
    let mut out = ColumnBuilder::new(Type::String, n_rows);
    for row in 0..n_rows {
        let digits = digits.as_ref().and_then(|it| it.get(row)).unwrap_or(0);
        let unit = units.as_ref().map_or("", |it| it.get(row));
        out.push_str(&sizes.get(row).map_or(String::new(), |size| bytes_text(size, digits, unit)));
    }
    Ok(out.finish())
}

const SIZE: Param = Param::new("size", Accepts::Number).cast(Type::Real);
const DIGITS: Param =
    Param { name: "precision", accepts: Accepts::Number, cast: Some(Type::Long), constness: Constness::Constant };
const UNIT: Param = of("units", Type::String).constant();

const fn formatted(params: &'static [Param]) -> Overload {
    Overload { params, rest: None, returns: Returns::Type(Type::String), kernel: Some(format_bytes) }
}

/// The other functions of units.
pub const OTHERS: &[Function] = &[
    Function::new(
        "convert_temperature",
        "A temperature in another unit; null for an unknown unit.\n\n    \
         convert_temperature(1.2, \"Kelvin\", \"DegreeCelsius\") => -271.95\n",
        &[Overload {
            params: PARAMS,
            rest: None,
            returns: Returns::Type(Type::Real),
            kernel: Some(convert_temperature),
        }],
    ),
    Function::new(
        "format_bytes",
        "A size in bytes for people: in the unit that suits it or in a given one, with so many digits behind the point.\n\n    \
         format_bytes(564) => \"564 Bytes\"\n    format_bytes(20010332, 2) => \"19.08 MB\"\n    \
         format_bytes(20010332, 0, \"KB\") => \"19541 KB\"\n",
        &[formatted(&[SIZE]), formatted(&[SIZE, DIGITS]), formatted(&[SIZE, DIGITS, UNIT])],
    )
    .naming(Naming::FirstArgument),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(bytes_text(10_332.0, 1, ""), "10.1 KB");
        assert_eq!(bytes_text(20_010_332.0, 0, ""), "19 MB");
        assert_eq!(bytes_text(20_010_332.0, 0, "KB"), "19541 KB");
        assert_eq!(bytes_text(f64::INFINITY, 0, ""), "inf EB");
    }

    #[test]
    fn temperatures() {
        let convert = |value: f64, from: &str, to: &str| {
            let ((f, o), (tf, to)) = (temperature(from).unwrap(), temperature(to).unwrap());
            (value * f + o - to) / tf
        };
        assert_eq!(convert(1.2, "Kelvin", "DegreeCelsius"), -271.95);
        for (value, unit, celsius) in
            [(212.0, "DegreeFahrenheit", 100.0), (0.0, "DegreeDelisle", 100.0), (7.5, "DegreeRoemer", 0.0)]
        {
            assert!((convert(value, unit, "DegreeCelsius") - celsius).abs() < 1e-9, "{unit}");
        }
    }
}
