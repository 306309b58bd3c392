//! Random choices of tests.

/// Numbers that don't change from run to run.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) % u64::from(end)) as u32
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }
}

/// How many times a test makes `number` random functions.
pub fn rounds(what: &str, number: u32) -> u32 {
    let rounds: u32 = std::env::var("PALISADE_LOOPS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    super::say(format!("{} random {what}; PALISADE_LOOPS=N makes {number} * N", rounds * number));
    rounds
}
