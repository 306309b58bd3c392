//! What is known of a number of `BITS` bits: the least and the greatest it can be, unsigned, and how many of its low
//! bits are zero. Generic over the width, so that the tests below can try all numbers of a small one.

/// All multiples of `2^zeros` from `low` to `high`; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range<const BITS: u32 = 32> {
    low: u64,
    high: u64,
    zeros: u32,
}

impl<const BITS: u32> Range<BITS> {
    /// The greatest number of this width.
    pub const MAX: u64 = (1 << BITS) - 1;
    /// Nothing is known.
    pub const FULL: Self = Range { low: 0, high: Self::MAX, zeros: 0 };

    /// One number, of which the low `BITS` bits count.
    pub fn exact(value: u64) -> Self {
        let value = value & Self::MAX;
        Range { low: value, high: value, zeros: value.trailing_zeros().min(BITS) }
    }

    /// Numbers from `low` to `high`, if those are numbers of this width.
    pub fn between(low: u64, high: u64) -> Self {
        if low > high || high > Self::MAX { Self::FULL } else { Range { low, high, zeros: 0 }.with_zeros(0) }
    }

    pub fn low(self) -> u64 {
        self.low
    }

    pub fn high(self) -> u64 {
        self.high
    }

    pub fn zeros(self) -> u32 {
        self.zeros
    }

    /// True if neither a least nor a greatest number is known.
    pub fn is_any(self) -> bool {
        self.low == 0 && self.high >= Self::MAX >> self.zeros << self.zeros
    }

    /// The number, if there is only one.
    pub fn constant(self) -> Option<u64> {
        (self.low == self.high).then_some(self.low)
    }

    /// The same numbers, where it is known that their low `zeros` bits are zero.
    pub fn with_zeros(self, zeros: u32) -> Self {
        if let Some(value) = self.constant() {
            return Self::exact(value);
        }
        let zeros = zeros.max(self.zeros).min(BITS);
        let unit = 1u64 << zeros;
        let (low, high) = (self.low.div_ceil(unit) * unit, self.high / unit * unit);
        // Facts that contradict each other: code that can't be reached. Either is true of it.
        if low > high { self } else { Range { low, high, zeros } }
    }

    /// Everything that is in one of two.
    pub fn union(self, other: Self) -> Self {
        let (low, high) = (self.low.min(other.low), self.high.max(other.high));
        Range { low, high, zeros: 0 }.with_zeros(self.zeros.min(other.zeros))
    }

    /// True if no sum of the two wraps.
    pub fn adds_exactly(self, other: Self) -> bool {
        self.high + other.high <= Self::MAX
    }

    /// True if each sum of the two wraps: it is less than the exact one by `2^BITS`.
    pub fn adds_wrapping(self, other: Self) -> bool {
        self.low + other.low > Self::MAX
    }

    pub fn add(self, other: Self) -> Self {
        let (low, high) = (self.low + other.low, self.high + other.high);
        Self::wrapped(low, high, self.zeros.min(other.zeros))
    }

    /// A sum of a constant and numbers that are shifted to the left, each by at most 16 bits: by which multiple of `2^BITS`
    /// it differs from its low `BITS` bits, if that is always the same, and the range of those.
    pub fn sum(constant: i64, shifted: impl Iterator<Item = (Self, u32)>) -> Option<(i64, Self)> {
        let (mut low, mut high, mut zeros) = (constant, constant, constant.trailing_zeros());
        for (range, shift) in shifted {
            // Below 2⁴⁸ each.
            low += (range.low as i64) << shift;
            high += (range.high as i64) << shift;
            zeros = zeros.min(range.zeros + shift);
        }
        let below = -1 << BITS;
        let far = low & below;
        let range = || Self::between((low - far) as u64, (high - far) as u64).with_zeros(zeros);
        (high & below == far).then(|| (far, range()))
    }

    pub fn sub(self, other: Self) -> Self {
        let modulus = Self::MAX + 1;
        Self::wrapped(modulus + self.low - other.high, modulus + self.high - other.low, self.zeros.min(other.zeros))
    }

    /// Numbers below `2 * 2^BITS`, reduced to this width.
    fn wrapped(low: u64, high: u64, zeros: u32) -> Self {
        let modulus = Self::MAX + 1;
        let range = match (low / modulus, high / modulus) {
            (a, b) if a == b => Range { low: low % modulus, high: high % modulus, zeros: 0 },
            _ => Self::FULL,
        };
        range.with_zeros(zeros)
    }

    pub fn mul(self, other: Self) -> Self {
        let exact = self.high.checked_mul(other.high).is_some_and(|high| high <= Self::MAX);
        let range = if exact {
            Range { low: self.low * other.low, high: self.high * other.high, zeros: 0 }
        } else {
            Self::FULL
        };
        range.with_zeros(self.zeros + other.zeros)
    }

    /// True if a shift to the left by `count` loses no bits.
    pub fn shifts_exactly(self, count: u32) -> bool {
        count < BITS && self.high <= Self::MAX >> count
    }

    pub fn shl(self, count: u32) -> Self {
        if self.shifts_exactly(count) {
            Range { low: self.low << count, high: self.high << count, zeros: 0 }.with_zeros(self.zeros + count)
        } else {
            Self::FULL.with_zeros(self.zeros + count)
        }
    }

    pub fn shr(self, count: u32) -> Self {
        Range { low: self.low >> count, high: self.high >> count, zeros: 0 }
            .with_zeros(self.zeros.saturating_sub(count))
    }

    pub fn and(self, other: Self) -> Self {
        Range { low: 0, high: self.high.min(other.high), zeros: 0 }.with_zeros(self.zeros.max(other.zeros))
    }

    pub fn or(self, other: Self) -> Self {
        Range { low: self.low.max(other.low), high: ones(self.high | other.high), zeros: 0 }
            .with_zeros(self.zeros.min(other.zeros))
    }

    pub fn xor(self, other: Self) -> Self {
        Range { low: 0, high: ones(self.high | other.high), zeros: 0 }.with_zeros(self.zeros.min(other.zeros))
    }

    /// The quotient by a constant that is not zero.
    pub fn div(self, divisor: u64) -> Self {
        Range { low: self.low / divisor, high: self.high / divisor, zeros: 0 }.with_zeros(0)
    }

    /// The remainder by a constant that is not zero.
    pub fn rem(self, divisor: u64) -> Self {
        Range { low: 0, high: self.high.min(divisor - 1), zeros: 0 }
            .with_zeros(self.zeros.min(divisor.trailing_zeros()))
    }
}

/// All bits set up to the highest of `value`.
fn ones(value: u64) -> u64 {
    match value.leading_zeros() {
        64 => 0,
        zeros => u64::MAX >> zeros,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Small = Range<4>;

    fn contains(range: Small, value: u64) -> bool {
        range.low <= value && value <= range.high && value.is_multiple_of(1 << range.zeros)
    }

    fn all() -> Vec<Small> {
        let pairs = (0..16).flat_map(|low| (low..16).map(move |high| (low, high)));
        let mut ranges: Vec<Small> = Vec::new();
        for (low, high) in pairs {
            for zeros in 0..=4 {
                let range = Small::between(low, high).with_zeros(zeros);
                if !ranges.contains(&range) {
                    ranges.push(range);
                }
            }
        }
        ranges
    }

    /// Every result of an operation on numbers of two ranges is in the range of results.
    fn sound(name: &str, on_ranges: impl Fn(Small, Small) -> Small, on_numbers: impl Fn(u64, u64) -> u64) {
        for a in all() {
            for b in all() {
                let result = on_ranges(a, b);
                assert!(result.low <= result.high && result.high <= Small::MAX, "{name} {a:?} {b:?}: {result:?}");
                for x in (0..16).filter(|&x| contains(a, x)) {
                    for y in (0..16).filter(|&y| contains(b, y)) {
                        let z = on_numbers(x, y) & Small::MAX;
                        assert!(contains(result, z), "{name} {a:?} {b:?}: {x} {y} gives {z}, not in {result:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_operation_is_sound_for_all_numbers_of_four_bits() {
        sound("add", Small::add, |x, y| x + y);
        sound("sub", Small::sub, |x, y| x.wrapping_sub(y));
        sound("mul", Small::mul, |x, y| x * y);
        sound("and", Small::and, |x, y| x & y);
        sound("or", Small::or, |x, y| x | y);
        sound("xor", Small::xor, |x, y| x ^ y);
        for count in 0..4 {
            sound("shl", |a, _| a.shl(count), |x, _| x << count);
            sound("shr", |a, _| a.shr(count), |x, _| x >> count);
        }
        for divisor in 1..16 {
            sound("div", |a, _| a.div(divisor), |x, _| x / divisor);
            sound("rem", |a, _| a.rem(divisor), |x, _| x % divisor);
        }
        sound("left of union", Small::union, |x, _| x);
        sound("right of union", Small::union, |_, y| y);
    }

    #[test]
    fn exactness_is_claimed_only_where_nothing_wraps() {
        for a in all() {
            for x in (0..16).filter(|&x| contains(a, x)) {
                for b in all().into_iter().filter(|&b| a.adds_exactly(b)) {
                    assert!((0..16).filter(|&y| contains(b, y)).all(|y| x + y < 16), "{a:?} {b:?}");
                }
                for b in all().into_iter().filter(|&b| a.adds_wrapping(b)) {
                    assert!((0..16).filter(|&y| contains(b, y)).all(|y| x + y >= 16), "{a:?} {b:?}");
                }
                assert!((0..8).filter(|&count| a.shifts_exactly(count)).all(|count| x << count < 16), "{a:?}");
            }
        }
    }

    #[test]
    fn sums_differ_from_their_low_bits_by_what_is_said() {
        let some: Vec<Small> = all().into_iter().step_by(5).collect();
        let mut known = 0;
        for (a, b) in some.iter().flat_map(|&a| some.iter().map(move |&b| (a, b))) {
            for (constant, s, t) in [(0, 0, 0), (3, 0, 0), (-8, 0, 1), (12, 2, 0), (-17, 1, 0), (16, 1, 2)] {
                let Some((far, range)) = Small::sum(constant, [(a, s), (b, t)].into_iter()) else { continue };
                known += 1;
                for x in (0..16).filter(|&x| contains(a, x)) {
                    for y in (0..16).filter(|&y| contains(b, y)) {
                        let sum = ((x as i64) << s) + ((y as i64) << t) + constant;
                        assert_eq!(sum - far, sum & 15, "{a:?} << {s} + {b:?} << {t} + {constant}: {x} {y}");
                        assert!(contains(range, (sum - far) as u64), "{a:?} << {s} + {b:?} << {t} + {constant}");
                    }
                }
            }
        }
        assert!(known > 1000, "{known} sums were understood");
    }

    #[test]
    fn what_is_known_is_not_forgotten() {
        assert!(Range::<32>::FULL.shl(3).adds_exactly(Range::exact(7)), "a multiple of 8 has room for 7");
        assert!(!Range::<32>::FULL.shl(3).adds_exactly(Range::exact(8)));
        assert_eq!(Range::<32>::between(5, 9).sub(Range::exact(5)), Range::between(0, 4));
        assert_eq!(Range::<32>::between(5, 9).add(Range::exact(0xffff_ffff)), Range::between(4, 8));
        assert_eq!(Range::<32>::FULL.and(Range::exact(0xff)).high(), 0xff);
    }
}
