//! Where instructions come from, as source locations of the IR: offsets in the wasm file. Those of a callee that has been
//! put in place of a call count on behind the file's last function, so that of a trap in it two things are known: the
//! callee's instruction, and the call.

/// Locations of one function's code that are another's.
#[derive(Debug, Default)]
pub struct Locations {
    /// In order of `first`.
    copies: Vec<Copy>,
    /// Where the next ones begin.
    next: u32,
}

/// A callee's code.
#[derive(Debug)]
struct Copy {
    /// The location of its body's start.
    first: u32,
    /// That start in the file.
    start: u32,
    inlined: Inlined,
}

/// A call that has become the code of its callee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inlined {
    /// Index of the callee.
    pub function: u32,
    /// Offset of the call in the wasm file.
    pub call: u32,
}

/// What a location says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Offset of the instruction in the wasm file.
    pub wasm: u32,
    /// It is a callee's.
    pub inlined: Option<Inlined>,
}

impl Locations {
    /// Those of a function in a file whose functions all end in front of `end`.
    pub fn new(end: u32) -> Locations {
        Locations { copies: Vec::new(), next: end }
    }

    /// Makes locations for the code of a callee that takes `size` bytes from `start` on, and gives the first one. None if
    /// there are no more.
    pub fn add(&mut self, start: u32, size: u32, inlined: Inlined) -> Option<u32> {
        let first = self.next;
        // The very last one says that nothing is known.
        self.next = first.checked_add(size).filter(|&next| next < u32::MAX)?;
        self.copies.push(Copy { first, start, inlined });
        Some(first)
    }

    /// What a location says.
    pub fn find(&self, location: u32) -> Place {
        let after = self.copies.partition_point(|copy| copy.first <= location);
        match after.checked_sub(1).map(|at| &self.copies[at]) {
            None => Place { wasm: location, inlined: None },
            Some(copy) => Place { wasm: location - copy.first + copy.start, inlined: Some(copy.inlined) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Inlined, Locations, Place};

    #[test]
    fn each_copy_has_locations_of_its_own() {
        let mut locations = Locations::new(1000);
        let (a, b) = (Inlined { function: 3, call: 700 }, Inlined { function: 3, call: 800 });
        assert_eq!(locations.add(100, 20, a), Some(1000));
        assert_eq!(locations.add(100, 20, b), Some(1020));
        assert_eq!(locations.find(999), Place { wasm: 999, inlined: None });
        assert_eq!(locations.find(1019), Place { wasm: 119, inlined: Some(a) });
        assert_eq!(locations.find(1020), Place { wasm: 100, inlined: Some(b) });
    }

    #[test]
    fn there_are_no_more_than_32_bits_hold() {
        let inlined = Inlined { function: 0, call: 0 };
        assert_eq!(Locations::new(u32::MAX - 20).add(0, 20, inlined), None);
        assert_eq!(Locations::new(u32::MAX - 21).add(0, 20, inlined), Some(u32::MAX - 21));
    }
}
