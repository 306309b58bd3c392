//! A `br_table` with few ranges of indices that go to the same target is a few comparisons, which CPUs foresee better
//! than a jump by a table: `switch`es with two cases that lie apart are compiled to a table for all that lies between.
//!
//! ```text
//! br_table v, a, [b, a, a, a, c, c]     →     brif v == 0, b; brif v - 4 <= 1, c; jump a
//! ```

/// As many comparisons at most; a jump by a table costs about as much as so many branches, if all are foreseen.
const FEW: usize = 3;

/// A branch by the ranges that its index may lie in.
#[derive(Debug, PartialEq, Eq)]
pub struct Comparisons {
    /// Those to compare with, in order.
    pub runs: Vec<Run>,
    /// Where all other indices go.
    pub otherwise: u32,
}

/// Indices with the same target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Least index.
    pub first: u32,
    /// Greatest index.
    pub last: u32,
    /// Target, as a depth.
    pub depth: u32,
}

impl Comparisons {
    /// Those for a table and its default. None if there are many.
    pub fn of(depths: &[u32], default: u32) -> Option<Comparisons> {
        let mut runs: Vec<Run> = Vec::new();
        // Tables have fewer entries than a function has bytes: 32 bits are enough.
        for (index, &depth) in (0..).zip(depths).chain([(depths.len() as u32, &default)]) {
            // One target may have as many as the others together.
            let many = runs.len() > 2 * FEW;
            match runs.last_mut() {
                Some(run) if run.depth == depth => run.last = index,
                _ if many => return None,
                _ => runs.push(Run { first: index, last: index, depth }),
            }
        }
        runs.last_mut()?.last = u32::MAX;
        let count = |depth: u32| runs.iter().filter(|run| run.depth == depth).count();
        // The default of all that have as many.
        let most = runs.iter().map(|run| count(run.depth)).max()?;
        let common = runs.iter().rev().find(|run| count(run.depth) == most)?;
        let otherwise = if count(default) == most { default } else { common.depth };
        runs.retain(|run| run.depth != otherwise);
        (runs.len() <= FEW).then_some(Comparisons { runs, otherwise })
    }
}

#[cfg(test)]
mod tests {
    use super::{Comparisons, Run};

    fn of(depths: &[u32], default: u32) -> Option<Comparisons> {
        Comparisons::of(depths, default)
    }

    /// Comparisons with ranges, each first, last and target.
    fn few<const N: usize>(runs: [(u32, u32, u32); N], otherwise: u32) -> Option<Comparisons> {
        let runs = runs.map(|(first, last, depth)| Run { first, last, depth }).to_vec();
        Some(Comparisons { runs, otherwise })
    }

    #[test]
    fn ranges_are_compared_with() {
        assert_eq!(of(&[], 7), few([], 7));
        assert_eq!(of(&[7, 7], 7), few([], 7));
        assert_eq!(of(&[1], 0), few([(0, 0, 1)], 0));
        assert_eq!(of(&[1, 0, 0, 0, 2, 2], 0), few([(0, 0, 1), (4, 5, 2)], 0));
        assert_eq!(of(&[1, 2, 3], 3), few([(0, 0, 1), (1, 1, 2)], 3));
        assert_eq!(of(&[1, 2, 3], 0), few([(0, 0, 1), (1, 1, 2), (2, 2, 3)], 0));
        // What stands most often is what is not compared with, which may leave no end.
        assert_eq!(of(&[1, 0, 1, 0, 1], 2), few([(1, 1, 0), (3, 3, 0), (5, u32::MAX, 2)], 1));
    }

    #[test]
    fn many_ranges_are_left_to_a_table() {
        assert_eq!(of(&[1, 2, 3, 4], 0), None);
        assert_eq!(of(&[1, 0, 1, 0, 1, 0, 1, 0], 2), None);
        assert_eq!(of(&(0..1000).map(|index| index % 2).collect::<Vec<_>>(), 2), None);
    }
}
