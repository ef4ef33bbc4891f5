//! Powers and logarithms of doubles, to the last bit as Go's `math` package computes them on amd64.
//!
//! A platform's own library may round the last bit differently, and a build argument must not depend on where the
//! linter runs.

use std::f64::consts::{LOG2_E, SQRT_2};

/// `x` as a fraction in [0.5, 1) times a power of two. Zero, infinities and NaN stay as they are.
fn split(x: f64) -> (f64, i32) {
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    let subnormal = x.abs() < f64::MIN_POSITIVE;
    let (x, shift) = if subnormal { (x * 2f64.powi(52), -52) } else { (x, 0) };
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 1022;
    (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), exponent + shift)
}

/// `fraction` × 2^`exponent`, rounded once.
fn join(fraction: f64, exponent: i64) -> f64 {
    if fraction == 0.0 || !fraction.is_finite() {
        return fraction;
    }
    let (fraction, shift) = split(fraction);
    match exponent + i64::from(shift) {
        ..=-1075 => 0f64.copysign(fraction),
        exponent @ -1074..=-1022 => fraction * 2f64.powi(exponent as i32 + 1022) * f64::MIN_POSITIVE,
        exponent @ -1021..=1024 => (fraction * 2.0) * 2f64.powi(exponent as i32 - 1),
        1025.. => f64::INFINITY.copysign(fraction),
    }
}

/// The natural logarithm, by the reduction and polynomial of FreeBSD's `e_log.c`.
pub(super) fn log(x: f64) -> f64 {
    if x.is_nan() || x == f64::INFINITY {
        return x;
    } else if x < 0.0 {
        return f64::NAN;
    } else if x == 0.0 {
        return f64::NEG_INFINITY;
    }
    // Go's assembler does not normalise subnormal numbers here.
    let bits = x.to_bits();
    let mut fraction = f64::from_bits(bits & ((1 << 52) - 1) | 1022 << 52);
    let mut exponent = (bits >> 52) as i32 - 1022;
    if fraction < SQRT_2 / 2.0 {
        fraction *= 2.0;
        exponent -= 1;
    }
    let f = fraction - 1.0;
    let k = f64::from(exponent);
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let odd = s2
        * (f64::from_bits(0x3fe5_5555_5555_5593)
            + s4 * (f64::from_bits(0x3fd2_4924_9422_9359)
                + s4 * (f64::from_bits(0x3fc7_4664_96cb_03de) + s4 * f64::from_bits(0x3fc2_f112_df3e_5244))));
    let even = s4
        * (f64::from_bits(0x3fd9_9999_9997_fa04)
            + s4 * (f64::from_bits(0x3fcc_71c5_1d8e_78af) + s4 * f64::from_bits(0x3fc3_9a09_d078_c69f)));
    let half_square = 0.5 * f * f;
    let (ln2_high, ln2_low) = (f64::from_bits(0x3fe6_2e42_fee0_0000), f64::from_bits(0x3dea_39ef_3579_3c76));
    k * ln2_high - ((half_square - (s * (half_square + (odd + even)) + k * ln2_low)) - f)
}

/// The exponential function: a Taylor series for a sixteenth of the reduced argument, squared four times.
fn exp(x: f64) -> f64 {
    if x.is_nan() || x == f64::INFINITY {
        return x;
    } else if x > 709.782712893384 {
        return f64::INFINITY;
    } else if x < -746.0 {
        return 0.0;
    }
    const LN2_HIGH: f64 = 0.693_147_180_559_662_956_511_601_805_686_950_683_593_75;
    const LN2_LOW: f64 = 0.282_352_905_630_315_771_225_884_481_750_134_360_255_254_120_68e-12;
    let exponent = (x * LOG2_E).round_ties_even();
    let reduced = (-LN2_LOW).mul_add(exponent, (-LN2_HIGH).mul_add(exponent, x)) * 0.0625;
    let mut series = 1.0 / 40320.0;
    for divisor in [5040.0, 720.0, 120.0, 24.0, 6.0, 2.0, 1.0] {
        series = f64::mul_add(series, reduced, 1.0 / divisor);
    }
    // e^x - 1, which keeps its precision while it is squared: (1+y)² - 1 = y(y+2).
    let mut minus_one = reduced * series;
    for _ in 0..3 {
        minus_one *= minus_one + 2.0;
    }
    let value = minus_one.mul_add(minus_one + 2.0, 1.0);
    join(value, exponent as i64)
}

/// `x` to the power of `y`.
pub(super) fn pow(x: f64, y: f64) -> f64 {
    let odd = y.abs() < 2f64.powi(53) && y.trunc() == y && (y as i64) & 1 == 1;
    if y == 0.0 || x == 1.0 {
        return 1.0;
    } else if y == 1.0 {
        return x;
    } else if x.is_nan() || y.is_nan() {
        return f64::NAN;
    } else if x == 0.0 {
        return match (y < 0.0, odd) {
            (true, true) => f64::INFINITY.copysign(x),
            (true, false) => f64::INFINITY,
            (false, true) => x,
            (false, false) => 0.0,
        };
    } else if y.is_infinite() {
        return match x {
            -1.0 => 1.0,
            _ if (x.abs() < 1.0) == (y > 0.0) => 0.0,
            _ => f64::INFINITY,
        };
    } else if x == f64::NEG_INFINITY {
        return pow(-0.0, -y);
    } else if x.is_infinite() {
        return if y < 0.0 { 0.0 } else { f64::INFINITY };
    } else if y == 0.5 {
        return x.sqrt();
    } else if y == -0.5 {
        return 1.0 / x.sqrt();
    }
    let (mut whole, mut part) = (y.abs().trunc(), y.abs().fract());
    if part != 0.0 && x < 0.0 {
        return f64::NAN;
    }
    if whole >= 2f64.powi(63) {
        return match x {
            -1.0 => 1.0,
            _ if (x.abs() < 1.0) == (y > 0.0) => 0.0,
            _ => f64::INFINITY,
        };
    }
    // The result is `fraction` × 2^`exponent`.
    let (mut fraction, mut exponent) = (1.0, 0i64);
    if part != 0.0 {
        if part > 0.5 {
            part -= 1.0;
            whole += 1.0;
        }
        fraction = exp(part * log(x));
    }
    let (mut square, square_exponent) = split(x);
    let mut square_exponent = i64::from(square_exponent);
    let mut bits = whole as i64;
    while bits != 0 {
        if square_exponent.abs() > 1 << 12 {
            // Far out of range already.
            exponent += square_exponent;
            break;
        }
        if bits & 1 == 1 {
            fraction *= square;
            exponent += square_exponent;
        }
        square *= square;
        square_exponent <<= 1;
        if square < 0.5 {
            square += square;
            square_exponent -= 1;
        }
        bits >>= 1;
    }
    if y < 0.0 { join(1.0 / fraction, -exponent) } else { join(fraction, exponent) }
}
