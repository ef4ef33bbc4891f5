//! The little statistics that a replay needs: medians, shares with their uncertainty, paired differences.

/// An estimate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// The middle value, or the mean of the two middle ones; `None` for no values.
pub fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some((values[low] + values[high]) / 2.0)
}

/// Share of `hits` in `trials` with the Wilson score interval, which stays inside 0..1 and is honest for few trials.
pub fn share(hits: usize, trials: usize) -> Estimate {
    if trials == 0 {
        return Estimate { value: 0.0, low: 0.0, high: 1.0 };
    }
    // The 97.5 % quantile of the normal distribution.
    let z = 1.959_963_985;
    let (n, p) = (trials as f64, hits as f64 / trials as f64);
    let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let low = if hits == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if hits == trials { 1.0 } else { (centre + half).min(1.0) };
    Estimate { value: p, low, high }
}

/// Mean of paired differences with a percentile bootstrap interval. The resampling starts from a fixed seed, so the
/// same differences give the same interval on every machine.
pub fn mean_difference(differences: &[f64]) -> Option<Estimate> {
    const RESAMPLES: usize = 2000;
    let n = differences.len();
    if n == 0 {
        return None;
    }
    let mean = differences.iter().sum::<f64>() / n as f64;
    let mut random = SplitMix64(0x6261_6b65_6c69_6e74);
    let mut means: Vec<f64> =
        (0..RESAMPLES).map(|_| (0..n).map(|_| differences[random.below(n)]).sum::<f64>() / n as f64).collect();
    means.sort_by(f64::total_cmp);
    Some(Estimate { value: mean, low: means[RESAMPLES / 40], high: means[RESAMPLES - 1 - RESAMPLES / 40] })
}

/// Steele, Lea and Flood's generator: small, fast, and good enough to resample with.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, by the high half of a product; the bias is n in 2⁶⁴.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
    }

    /// The values of Wilson's interval for these counts, from the formula worked by hand.
    #[test]
    fn shares_have_wilson_intervals() {
        let close = |a: f64, b: f64| (a - b).abs() < 5e-4;
        for (hits, trials, low, high) in [(0, 10, 0.0, 0.2775), (1, 10, 0.0179, 0.4042), (10, 10, 0.7225, 1.0)] {
            let found = share(hits, trials);
            assert!(close(found.low, low) && close(found.high, high), "{hits} of {trials}: {found:?}");
        }
        assert_eq!((share(0, 0).low, share(0, 0).high), (0.0, 1.0));
    }

    #[test]
    fn paired_differences_are_the_same_on_every_run() {
        let differences: Vec<f64> = (0..100).map(|n| f64::from(n % 10)).collect();
        let found = mean_difference(&differences).expect("an interval");
        assert_eq!(Some(found), mean_difference(&differences));
        assert_eq!(found.value, 4.5);
        // The standard error of this mean is 0.289; the interval is about two of them to each side.
        assert!((3.7..4.1).contains(&found.low) && (4.9..5.3).contains(&found.high), "{found:?}");
        let constant = mean_difference(&[2.0; 20]).expect("an interval");
        assert_eq!((constant.low, constant.high), (2.0, 2.0));
    }
}
