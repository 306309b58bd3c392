//! The address space around a memory.

use crate::context::GUARD_SIZE;
use crate::plan::{MemoryMode, MemoryPlan, Plan, Virtual};

/// What a range of addresses is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The instance's context, below the memory.
    Context,
    /// Bytes of the memory.
    Accessible,
    /// Bytes of the memory that are never accessible.
    NoAccess,
    /// Bytes of the memory that can't be written.
    ReadOnly,
    /// Bytes of the memory that are not mapped at first.
    Unmapped,
    /// Becomes accessible as the memory grows.
    Reserved,
    /// Never accessible: what code without checks may touch.
    Guard,
}

impl Use {
    pub fn name(self) -> &'static str {
        match self {
            Use::Context => "context",
            Use::Accessible => "accessible",
            Use::NoAccess => "no access",
            Use::ReadOnly => "read-only",
            Use::Unmapped => "unmapped",
            Use::Reserved => "reserved",
            Use::Guard => "guard",
        }
    }
}

/// A range; addresses are relative to the memory's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub start: i64,
    pub bytes: u64,
    pub usage: Use,
}

/// All 32-bit addresses.
const ADDRESSES: u64 = 1 << 32;

/// From low to high addresses; nothing for an imported memory, which is whatever its provider made of it. Of an `auto`
/// memory: as where there is room for it.
pub fn ranges(plan: &Plan, index: u32) -> Vec<Range> {
    let memory = &plan.memories[index as usize];
    if memory.import.is_some() {
        return Vec::new();
    }
    let mut ranges = Vec::new();
    if index == 0 && plan.base_pinned {
        let bytes = plan.layout.context_size;
        ranges.push(Range { start: -i64::from(bytes), bytes: bytes.into(), usage: Use::Context });
    }
    let reserved = reserved(memory);
    let guard = if has_guard(memory) { GUARD_SIZE } else { 0 };
    let (read_from, read_to) = memory.read_only;
    let first = memory.no_access.max(if read_to > 0 { read_from } else { 0 });
    let pages = if memory.virtual_pages == Some(Virtual::Empty) { Use::Unmapped } else { Use::Accessible };
    let parts = [
        (memory.no_access, Use::NoAccess),
        (first - memory.no_access, pages),
        (read_to.saturating_sub(first), Use::ReadOnly),
        (memory.minimum_bytes - read_to.max(first), pages), // the plan has checked that they lie inside
        (reserved.saturating_sub(memory.minimum_bytes), Use::Reserved),
        (guard, Use::Guard),
    ];
    let mut start = 0i64;
    for (bytes, usage) in parts {
        if bytes > 0 {
            ranges.push(Range { start, bytes, usage });
        }
        start = start.saturating_add_unsigned(bytes);
    }
    ranges
}

/// Modules that import it may want it so.
fn has_guard(memory: &MemoryPlan) -> bool {
    memory.mode == MemoryMode::Guard
        || (memory.exported && !memory.compact && !memory.index64 && memory.page_log2 == 16)
}

fn reserved(memory: &MemoryPlan) -> u64 {
    match memory.maximum_bytes {
        _ if has_guard(memory) => ADDRESSES,
        Some(maximum) if !memory.moves => maximum,
        _ => memory.minimum_bytes,
    }
}
