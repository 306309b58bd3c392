//! `.pdata` and `.xdata`: how Windows walks through frames. Written here and not by Cranelift, whose tables know neither
//! of the pinned register nor of frames that tail calls have moved, and have limits that its prologues do not keep.
//!
//! Registers are found from the frame pointer: the stack pointer of a caller may be off by what a callee that was
//! reached by a tail call has taken off the stack.

use crate::generate::Code;
use crate::translate::Env;
use cranelift_codegen::isa::unwind::UnwindInst;
use regalloc2::RegClass;

/// Both sections, and where addresses as distances from the image go.
#[derive(Default)]
pub struct Tables {
    pub pdata: Vec<u8>,
    pub xdata: Vec<u8>,
    /// (offset in `.pdata`, offset in the text)
    pub to_text: Vec<(u64, u32)>,
    /// (offset in `.pdata`, offset in `.xdata`)
    pub to_xdata: Vec<(u64, u32)>,
}

/// Encodes the unwind information of all code, given with its offset in the text, in ascending order.
pub fn encode<'c>(env: &Env<'_>, codes: impl Iterator<Item = (u32, &'c Code)>) -> Tables {
    let mut tables = Tables::default();
    for (at, code) in codes {
        if env.is_x86_64 {
            let info = tables.info(&x86_64(code));
            tables.entry(&[at, at + code.bytes.len() as u32], info);
        } else {
            tables.arm64(at, code);
        }
    }
    tables
}

impl Tables {
    fn info(&mut self, bytes: &[u8]) -> u32 {
        let at = self.xdata.len();
        self.xdata.extend_from_slice(bytes);
        self.xdata.resize(self.xdata.len().next_multiple_of(4), 0);
        // A few dozen bytes a function.
        at as u32
    }

    fn entry(&mut self, text: &[u32], info: u32) {
        for &offset in text {
            self.to_text.push((self.pdata.len() as u64, offset));
            self.pdata.extend_from_slice(&[0; 4]);
        }
        self.to_xdata.push((self.pdata.len() as u64, info));
        self.pdata.extend_from_slice(&[0; 4]);
    }

    /// A function in pieces, since an entry's length has 18 bits of instructions.
    fn arm64(&mut self, at: u32, code: &Code) {
        const MOST: u32 = (1 << 18) - 4;
        let words = (code.bytes.len() as u32).div_ceil(4);
        for from in (0..words).step_by(MOST as usize) {
            let mut codes = arm64(code, from > 0);
            codes.resize(codes.len().next_multiple_of(4), ARM64_NOP);
            // No scopes of epilogues; at most 31 words of codes, since at most 18 registers are saved.
            let header = (words - from).min(MOST) | ((codes.len() as u32 / 4) << 27);
            let info = self.info(&[&header.to_le_bytes()[..], &codes].concat());
            self.entry(&[at + from * 4], info);
        }
    }
}

/// A register that the prologue has saved.
struct Saved {
    /// Offset of the code behind it.
    offset: u32,
    vector: bool,
    number: u8,
    /// So much below the frame pointer; negative: above.
    below: i64,
}

/// What the steps of a prologue come to.
struct Prologue {
    /// Behind the push of the frame pointer; behind its last change.
    pushed: u32,
    framed: u32,
    /// The frame was moved down by so much.
    moved: u32,
    /// Room for saved registers below the frame pointer.
    clobbers: u32,
    saved: Vec<Saved>,
}

fn prologue(code: &Code, windows_keeps: impl Fn(RegClass, u8) -> bool) -> Prologue {
    let mut found = Prologue { pushed: 0, framed: 0, moved: 0, clobbers: 0, saved: Vec::new() };
    let mut setup = 16;
    for &(offset, ref step) in &code.frame.steps {
        match *step {
            UnwindInst::PushFrameRegs { offset_upward_to_caller_sp } => {
                found.pushed = offset;
                setup = offset_upward_to_caller_sp;
            }
            UnwindInst::StackAlloc { size } => found.moved = size,
            UnwindInst::DefineNewFrame { offset_upward_to_caller_sp, offset_downward_to_clobbers } => {
                found.framed = offset;
                found.moved = found.moved.max(offset_upward_to_caller_sp.saturating_sub(setup));
                found.clobbers = offset_downward_to_clobbers;
            }
            UnwindInst::SaveReg { clobber_offset, reg } if windows_keeps(reg.class(), reg.hw_enc()) => {
                let below = i64::from(found.clobbers) - i64::from(clobber_offset);
                let vector = reg.class() != RegClass::Int;
                found.saved.push(Saved { offset, vector, number: reg.hw_enc(), below });
            }
            _ => {}
        }
    }
    found
}

// ---- x86-64 ----

const R15: u8 = 15;
const RBP: u8 = 5;

/// The frame register may be so much above the place that saved registers are counted from.
const X86_64_MOST: u32 = 240;

/// An `UNWIND_INFO`.
fn x86_64(code: &Code) -> Vec<u8> {
    let keeps = |class, number| match class {
        RegClass::Int => matches!(number, 3 | 6 | 7 | 12..=15),
        _ => (6..=15).contains(&number),
    };
    let mut prologue = prologue(code, keeps);
    if let Some((from, cfa_offset)) = code.saved_pinned {
        let below = -i64::from(cfa_offset) - 16;
        prologue.saved.push(Saved { offset: from, vector: false, number: R15, below });
    }
    // Thunks that keep all registers call only C, so their stack pointer is always right.
    let framed = prologue.clobbers <= X86_64_MOST;
    let base = if framed { prologue.clobbers } else { code.frame.size };
    // In the order of the prologue. Places are bytes: what is done later counts as done by the last of them, before
    // which nothing unwinds through it.
    let place = |offset: u32| offset.min(255) as u8;
    let mut nodes: Vec<Vec<u8>> = vec![vec![place(prologue.pushed), RBP << 4]];
    for size in [prologue.moved, base] {
        nodes.extend((size > 0).then(|| allocation(place(prologue.framed), size)));
    }
    nodes.extend(framed.then(|| vec![place(prologue.framed), 3]));
    nodes.extend(prologue.saved.iter().map(|saved| {
        // Not negative: nothing is saved lower than the base.
        let at = (i64::from(base) - saved.below) as u32;
        let (operation, unit) = if saved.vector { (8, 16) } else { (4, 8) };
        match u16::try_from(at / unit) {
            Ok(scaled) => [&[place(saved.offset), (saved.number << 4) | operation][..], &scaled.to_le_bytes()].concat(),
            Err(_) => [&[place(saved.offset), (saved.number << 4) | (operation + 1)][..], &at.to_le_bytes()].concat(),
        }
    }));
    let length = nodes.last().map_or(0, |node| node[0]);
    let codes: Vec<u8> = nodes.iter().rev().flatten().copied().collect();
    let register = if framed { RBP | ((base / 16) as u8 * 16) } else { 0 };
    // At most 2 + 3 + 1 + 3 · 17 nodes.
    let mut info = vec![1, length, (codes.len() / 2) as u8, register];
    info.extend(codes);
    info
}

fn allocation(place: u8, size: u32) -> Vec<u8> {
    match size {
        8..=128 => vec![place, (size / 8 - 1) as u8 * 16 + 2],
        _ => match u16::try_from(size / 8) {
            Ok(scaled) => [&[place, 1][..], &scaled.to_le_bytes()].concat(),
            Err(_) => [&[place, 0x11][..], &size.to_le_bytes()].concat(),
        },
    }
}

// ---- AArch64 ----

const X21: u8 = 21;
const ARM64_NOP: u8 = 0xe3;
const ARM64_END: u8 = 0xe4;
const ARM64_END_C: u8 = 0xe5;

/// The codes of a function, or of a further piece of one: what undoes the prologue, in this order.
fn arm64(code: &Code, further: bool) -> Vec<u8> {
    let keeps = |class, number| match class {
        RegClass::Int => (19..=28).contains(&number),
        _ => (8..=15).contains(&number),
    };
    let mut prologue = prologue(code, keeps);
    let mut lowest = prologue.clobbers;
    if let Some((_, cfa_offset)) = code.saved_pinned {
        let below = -cfa_offset - 16;
        prologue.saved.push(Saved { offset: 0, vector: false, number: X21, below: below.into() });
        lowest = lowest.max((below as u32).next_multiple_of(16));
    }
    let mut steps: Vec<Vec<u8>> = Vec::new();
    // To the lowest register: from the frame pointer, unless it is too far.
    match lowest / 8 {
        0 => steps.push(vec![0xe1]),
        units @ 1..=255 => steps.push(vec![0xe2, units as u8]),
        _ => steps.extend(arm64_allocation(code.frame.size - lowest)),
    }
    // The pinned register lies lower than all others; an instruction reaches 504 bytes up.
    let (pinned, others): (Vec<&Saved>, Vec<&Saved>) =
        prologue.saved.iter().partition(|saved| !saved.vector && saved.number == X21);
    steps.extend(pinned.iter().map(|saved| arm64_save(saved, lowest)));
    steps.extend(arm64_allocation(lowest - prologue.clobbers));
    steps.extend(others.iter().map(|saved| arm64_save(saved, prologue.clobbers)));
    steps.extend(arm64_allocation(prologue.clobbers));
    steps.push(vec![0x81]); // the frame record, 16 bytes
    steps.extend(arm64_allocation(prologue.moved));
    // Each step counts as an instruction of the prologue. If these are fewer, all are done from the first on: what
    // unwinds from inside a prologue, a debugger, is worse off than what unwinds from calls.
    let instructions = code.frame.steps.last().map_or(0, |(offset, _)| offset / 4);
    let phantom = further || steps.len() as u32 > instructions;
    let mut codes: Vec<u8> = phantom.then_some(ARM64_END_C).into_iter().collect();
    codes.extend(steps.concat());
    codes.push(ARM64_END);
    codes
}

/// save_reg, save_freg.
fn arm64_save(saved: &Saved, base: u32) -> Vec<u8> {
    // At most 63: see above, and all registers together take 288 bytes.
    let units = ((i64::from(base) - saved.below) / 8) as u16;
    let code = if saved.vector {
        0xdc00 | (u16::from(saved.number - 8) << 6) | units
    } else {
        0xd000 | (u16::from(saved.number - 19) << 6) | units
    };
    code.to_be_bytes().to_vec()
}

/// alloc_s, alloc_m, alloc_l; nothing for nothing.
fn arm64_allocation(size: u32) -> Option<Vec<u8>> {
    match size / 16 {
        0 => None,
        units @ 1..32 => Some(vec![units as u8]),
        units @ 32..2048 => Some((0xc000 | units as u16).to_be_bytes().to_vec()),
        // Frames are far below 256 MiB.
        units => Some((0xe000_0000 | units).to_be_bytes().to_vec()),
    }
}
