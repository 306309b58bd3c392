//! Deterministic damage to modules.

/// Numbers from a seed (splitmix64): the same on every machine, in every version of every library.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `limit`; 0 if there is nothing below it.
    pub fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { (self.next() % limit as u64) as usize }
    }
}

/// What is done to a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutation {
    /// One to eight bits, anywhere.
    Bits,
    /// The end is missing.
    Truncation,
    /// Random bytes in the middle; nothing else is adapted.
    Insertion,
    /// Bytes are missing in the middle.
    Deletion,
    /// A section is another module's.
    Splice,
    /// A section is there twice, or in another place.
    Order,
    /// Bytes inside a section change and its size is made right again, so that damage reaches further in.
    Section,
    /// A number inside a section becomes an extreme one, with the size made right.
    Number,
}

pub const ALL: [Mutation; 8] = [
    Mutation::Bits,
    Mutation::Truncation,
    Mutation::Insertion,
    Mutation::Deletion,
    Mutation::Splice,
    Mutation::Order,
    Mutation::Section,
    Mutation::Number,
];

/// `module` after a mutation; `other` is what splices take from.
pub fn mutate(mutation: Mutation, module: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = module.to_vec();
    match mutation {
        Mutation::Bits => {
            for _ in 0..=random.below(8) {
                flip(&mut bytes, random);
            }
        }
        Mutation::Truncation => bytes.truncate(random.below(module.len())),
        Mutation::Insertion => insert(&mut bytes, random),
        Mutation::Deletion => delete(&mut bytes, random),
        Mutation::Splice => {
            let (mut sections, theirs) = (sections(module), self::sections(other));
            if let Some(&taken) = theirs.get(random.below(theirs.len())) {
                match sections.iter_mut().find(|(id, _)| *id == taken.0) {
                    Some(own) => *own = taken,
                    None => sections.insert(random.below(sections.len() + 1), taken),
                }
            }
            bytes = assemble(&sections);
        }
        Mutation::Order => {
            let mut sections = sections(module);
            if !sections.is_empty() {
                let moved = sections[random.below(sections.len())];
                sections.insert(random.below(sections.len() + 1), moved);
                if random.below(2) == 0 {
                    sections.remove(random.below(sections.len()));
                }
            }
            bytes = assemble(&sections);
        }
        Mutation::Section | Mutation::Number => {
            let sections = sections(module);
            let Some(&(_, content)) = sections.get(random.below(sections.len())) else { return bytes };
            let mut changed = content.to_vec();
            match (mutation, random.below(3)) {
                (Mutation::Number, _) => number(&mut changed, random),
                (_, 0) => flip(&mut changed, random),
                (_, 1) => insert(&mut changed, random),
                (_, _) => delete(&mut changed, random),
            }
            let all: Vec<(u8, &[u8])> = (sections.iter())
                .map(|&(id, old)| (id, if std::ptr::eq(old, content) { &changed[..] } else { old }))
                .collect();
            bytes = assemble(&all);
        }
    }
    bytes
}

fn flip(bytes: &mut [u8], random: &mut Random) {
    let at = random.below(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}

fn insert(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let new: Vec<u8> = (0..=random.below(8)).map(|_| random.next() as u8).collect();
    bytes.splice(at..at, new);
}

fn delete(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(16)).min(bytes.len());
    bytes.drain(at..end);
}

/// Replaces what may be a LEB128 number by one at a limit.
fn number(bytes: &mut Vec<u8>, random: &mut Random) {
    const NUMBERS: [u64; 14] = [
        0,
        1,
        0x7f,
        0xffff,
        0x1_0000,
        999_999,
        10_000_000,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        0x1_0000_0000,
        1 << 48,
        1 << 63,
        u64::MAX,
    ];
    if bytes.is_empty() {
        return;
    }
    let at = random.below(bytes.len());
    let length = bytes[at..].iter().take(9).take_while(|&&b| b >= 0x80).count() + 1;
    let end = (at + length).min(bytes.len());
    bytes.splice(at..end, leb128(NUMBERS[random.below(NUMBERS.len())]));
}

/// The sections (id, content) of a module, as far as they can be read.
fn sections(module: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    let mut rest = module.get(8..).unwrap_or_default();
    while let Some((&id, after)) = rest.split_first() {
        let mut size = 0usize;
        let mut at = 0;
        for (shift, &byte) in (0..35).step_by(7).zip(after) {
            size |= usize::from(byte & 0x7f) << shift;
            at += 1;
            if byte < 0x80 {
                break;
            }
        }
        let Some(content) = after.get(at..at + size) else { break };
        found.push((id, content));
        rest = &after[at + size..];
    }
    found
}

fn assemble(sections: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    for (id, content) in sections {
        bytes.push(*id);
        bytes.extend(leb128(content.len() as u64));
        bytes.extend_from_slice(content);
    }
    bytes
}

pub fn leb128(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = value as u8 & 0x7f;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
