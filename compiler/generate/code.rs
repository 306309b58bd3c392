//! The machine code of one function, reduced to what the object needs.

use super::super::error::{Error, Result};
use super::epilogue;
use super::phase::{Phase, hot, phase};
use super::sign::sign;
use crate::context::{REGISTER_INSTANCE, SITE_CALL, SITE_INLINED, SITE_INLINED_AT};
use crate::translate::stub::SavedPinned;
use crate::translate::{Env, Handlers, Inlined, Locations, Place, Scope, Symbol, fs1, trap};
use cranelift_codegen::CompiledCode;
use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::ir::{ExternalName, Function, Inst, InstructionData, Opcode, Signature, StackSlot};
use cranelift_codegen::isa::unwind::{UnwindInfo, UnwindInst};
use cranelift_codegen::{FinalizedMachExceptionHandler, FinalizedMachReloc, FinalizedRelocTarget};
use regalloc2::RegClass;
use target_lexicon::Architecture;

/// Machine code with its metadata; offsets are from its first byte.
pub struct Code {
    /// The instructions and constants.
    pub bytes: Vec<u8>,
    /// Where its start should be.
    pub phase: Phase,
    /// In order of offset.
    pub relocations: Vec<Relocation>,
    /// Where traps and calls are, in order of offset.
    pub sites: Vec<Site>,
    /// How to unwind it, as DWARF has it. On Windows [`Code::frame`] says it, on boards nobody wants to know.
    pub unwind: Option<UnwindInfo>,
    /// What the prologue does.
    pub frame: Frame,
    /// The caller's pinned register is at this offset from the CFA, from this code offset on.
    pub saved_pinned: Option<(u32, i32)>,
    /// On x86-64, from this code offset on: how many bytes the prologue moved the frame down by, so that a tail call's
    /// arguments fit above it. Cranelift's unwind information has the saved registers relative to the caller's stack
    /// pointer, but forgets to say that it is that much further away.
    pub moved_down: Option<(u32, u32)>,
    /// Registers of the caller that its frame keeps, and P if it keeps that.
    pub saved: Vec<SavedRegister>,
    /// Calls inside a `try`, in order of offset.
    pub handler_sites: Vec<HandlerSite>,
    /// Their scopes, and the frame that handlers find; there if there are such calls.
    pub tries: Option<(Vec<Scope>, TryFrame)>,
    /// Explicit bounds checks of memories.
    pub checks: Checks,
    /// Calls that became the code of their callee.
    pub inlined: usize,
}

/// How many explicit bounds checks of memories there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checks {
    /// As wasm has it.
    pub before: usize,
    /// In the machine code.
    pub after: usize,
    /// In the machine code, in versions of loops that run when not all of a loop's accesses are known to be inside.
    pub aside: usize,
}

impl Checks {
    /// Counts those of a function, hot and cold ones apart.
    pub(super) fn count(func: &Function) -> (usize, usize) {
        let (mut hot, mut cold) = (0, 0);
        for block in func.layout.blocks() {
            let checks = func.layout.block_insts(block).filter(|&inst| is_check(func, inst)).count();
            *(if func.layout.is_cold(block) { &mut cold } else { &mut hot }) += checks;
        }
        (hot, cold)
    }
}

impl std::iter::Sum for Checks {
    fn sum<I: Iterator<Item = Checks>>(checks: I) -> Checks {
        checks.fold(Checks::default(), |a, b| Checks {
            before: a.before + b.before,
            after: a.after + b.after,
            aside: a.aside + b.aside,
        })
    }
}

fn is_check(func: &Function, inst: Inst) -> bool {
    let InstructionData::CondTrap { code, .. } = func.dfg.insts[inst] else { return false };
    trap::checked_memory(code).is_some()
}

/// A call whose exceptions are caught in its function, perhaps.
#[derive(Debug, Clone, Copy)]
pub struct HandlerSite {
    /// Return address.
    pub offset: u32,
    /// Among the function's.
    pub scope: u32,
    /// Where a caught exception comes.
    pub landing: u32,
}

/// What handlers of a function find at its frame pointer.
#[derive(Debug, Clone, Copy)]
pub struct TryFrame {
    /// The stack pointer is so much below it.
    pub size: u32,
    /// The saved pinned register is so much below it.
    pub pinned: u32,
}

/// A function's prologue and frame, for targets with unwind tables of another kind than DWARF's.
#[derive(Debug, Default)]
pub struct Frame {
    /// Steps of the prologue, each with the offset behind it. Nothing on other targets.
    pub steps: Vec<(u32, UnwindInst)>,
    /// The stack pointer is so much below the frame pointer.
    pub size: u32,
}

/// A register that a callee saves in the wasm convention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SavedRegister {
    /// Among `struct pal_registers` (rt/arch.h).
    pub number: u8,
    /// It lies so much below the frame pointer.
    pub below: u32,
}

/// A reference to a symbol.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "as in object formats")]
pub struct Relocation {
    pub offset: u32,
    pub kind: Reloc,
    pub symbol: Symbol,
    pub addend: i64,
}

/// An instruction that may trap, or a call's return address.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "plain")]
pub struct Site {
    pub offset: u32,
    /// Offset of the instruction in the wasm file, or what the kind has instead.
    pub wasm: u32,
    /// As in rt/context.h.
    pub kind: u8,
}

impl Code {
    pub(super) fn new(
        env: &Env<'_>,
        func: &Function,
        compiled: &mut CompiledCode,
        (saved_pinned, kept_instance): (Option<SavedPinned>, Option<StackSlot>),
        handlers: Handlers,
        checks: Checks,
        locations: &Locations,
    ) -> Result<Code> {
        let mut bytes = compiled.code_buffer().to_vec();
        if env.harden.returns {
            let most = tail_arguments(func).unwrap_or(0).max(stack_arguments(&func.signature));
            sign(&mut bytes, compiled, most > 0)?;
        }
        let compiled = &*compiled;
        let relocations = relocations(func, compiled)?;
        let windows = env.isa.triple().operating_system == target_lexicon::OperatingSystem::Windows;
        let unwind = if windows || env.is_board { Ok(None) } else { compiled.create_unwind_info(env.isa) };
        let unwind = unwind.map_err(|e| Error::new(format!("unwind information: {e}")))?;
        if env.is_x86_64 {
            epilogue::shorten(&mut bytes, compiled);
        }
        if env.is_riscv64 && saved_pinned.is_some() {
            fs1::patch(&mut bytes, compiled)?;
        }
        let hot = if checks.aside > 0 { hot(&bytes) } else { bytes.len() };
        Ok(Code {
            phase: if env.is_x86_64 { phase(&bytes, hot, compiled.buffer.alignment) } else { Phase::ANY },
            bytes,
            relocations,
            sites: sites(compiled, locations),
            unwind,
            frame: if windows || env.is_board { frame(compiled) } else { Frame::default() },
            saved_pinned: saved_pinned.and_then(|saved| saved_pinned_rule(compiled, saved)),
            moved_down: moved_down(env, func, compiled),
            saved: saved_registers(env, compiled, kept_instance),
            handler_sites: handler_sites(compiled),
            tries: try_frame(compiled, handlers.pinned_slot).map(|frame| (handlers.scopes, frame)),
            checks,
            inlined: 0,
        })
    }
}

impl Code {
    /// Return addresses of its calls.
    pub(super) fn returns(&self) -> impl Iterator<Item = u32> {
        self.sites.iter().filter(|site| site.kind == SITE_CALL as u8).map(|site| site.offset)
    }
}

fn relocation(func: &Function, reloc: &FinalizedMachReloc) -> Result<Relocation> {
    let FinalizedRelocTarget::ExternalName(ExternalName::User(name)) = &reloc.target else {
        return Err(Error::new(format!("code generation failed: unexpected reference to {:?}", reloc.target)));
    };
    let symbol = Symbol::from_external(&func.params.user_named_funcs()[*name]);
    Ok(Relocation { offset: reloc.offset, kind: reloc.kind, symbol, addend: reloc.addend })
}

/// On riscv64 an address takes two instructions; the second one's reference is to the first one's place, which lies in
/// front of it: here it gets the first one's symbol.
fn relocations(func: &Function, compiled: &CompiledCode) -> Result<Vec<Relocation>> {
    let mut all: Vec<Relocation> = Vec::new();
    for reloc in compiled.buffer.relocs() {
        let before = all.last().filter(|first| first.offset + 4 == reloc.offset);
        all.push(match (reloc.kind, before) {
            (Reloc::RiscvPCRelLo12I, Some(first)) => Relocation { offset: reloc.offset, kind: reloc.kind, ..*first },
            _ => relocation(func, reloc)?,
        });
    }
    Ok(all)
}

fn sites(compiled: &CompiledCode, locations: &Locations) -> Vec<Site> {
    let ranges = compiled.buffer.get_srclocs_sorted();
    let wasm_offset = |pc: u32| {
        let after = ranges.partition_point(|l| l.start <= pc);
        let found = after.checked_sub(1).map(|at| &ranges[at]).filter(|l| pc < l.end && !l.loc.is_default());
        found.map_or(0, |l| l.loc.bits())
    };
    let traps = compiled.buffer.traps().iter();
    let mut sites: Vec<Site> = traps
        .map(|t| Site { offset: t.offset, wasm: wasm_offset(t.offset), kind: trap::site_kind(t.code) })
        .chain(compiled.buffer.call_sites().map(|c| {
            let wasm = wasm_offset(c.ret_addr.saturating_sub(1));
            Site { offset: c.ret_addr, wasm, kind: SITE_CALL as u8 }
        }))
        .collect();
    // A return address may be a trapping instruction's too; both are listed.
    sites.sort_by_key(|s| (s.offset, s.kind == SITE_CALL as u8));
    sites.into_iter().flat_map(|site| with_inlined(site, locations)).collect()
}

/// A site by its location, and behind it what says that it is in a callee's code, if it is.
fn with_inlined(site: Site, locations: &Locations) -> impl Iterator<Item = Site> {
    let Place { wasm, inlined } = locations.find(site.wasm);
    let more = inlined.map(|Inlined { function, call }| {
        [(SITE_INLINED, function), (SITE_INLINED_AT, call)].map(|(kind, wasm)| Site { wasm, kind: kind as u8, ..site })
    });
    std::iter::once(Site { wasm, ..site }).chain(more.into_iter().flatten())
}

fn handler_sites(compiled: &CompiledCode) -> Vec<HandlerSite> {
    let calls = compiled.buffer.call_sites();
    let mut sites: Vec<HandlerSite> = calls
        .filter_map(|call| match call.exception_handlers {
            [FinalizedMachExceptionHandler::Tag(scope, landing)] => {
                Some(HandlerSite { offset: call.ret_addr, scope: scope.as_u32(), landing: *landing })
            }
            _ => None,
        })
        .collect();
    sites.sort_by_key(|s| s.offset);
    sites
}

/// The frame has the same size at all calls.
fn try_frame(compiled: &CompiledCode, pinned: Option<StackSlot>) -> Option<TryFrame> {
    let size = compiled.buffer.call_sites().find_map(|call| call.frame_offset)?;
    Some(TryFrame { size, pinned: below_frame_pointer(compiled, pinned?)? })
}

/// In the prologue. Others than those of the wasm convention are C's, in stubs: nobody between a `throw` and a handler
/// wants those.
fn saved_registers(env: &Env<'_>, compiled: &CompiledCode, instance: Option<StackSlot>) -> Vec<SavedRegister> {
    let architecture = env.isa.triple().architecture;
    let mut size = 0;
    let instance = instance.and_then(|slot| below_frame_pointer(compiled, slot));
    let instance = instance.map(|below| SavedRegister { number: REGISTER_INSTANCE as u8, below });
    let mut saved = Vec::from_iter(instance);
    for (_, instruction) in &compiled.buffer.unwind_info {
        match instruction {
            UnwindInst::DefineNewFrame { offset_downward_to_clobbers, .. } => size = *offset_downward_to_clobbers,
            UnwindInst::SaveReg { clobber_offset, reg } => {
                if let Some(number) = register_number(architecture, reg.class(), reg.hw_enc()) {
                    saved.push(SavedRegister { number, below: size - clobber_offset });
                }
            }
            _ => {}
        }
    }
    saved
}

/// As `struct pal_registers` has them: rbx, r12, r13, r14; x19 to x28, d8 to d15; s1 to s11, fs0, fs2 to fs11.
fn register_number(architecture: Architecture, class: RegClass, encoding: u8) -> Option<u8> {
    match (architecture, class, encoding) {
        (Architecture::X86_64, RegClass::Int, 3) => Some(0),
        (Architecture::X86_64, RegClass::Int, 12..=14) => Some(encoding - 11),
        (Architecture::Aarch64(_), RegClass::Int, 19..=28) => Some(encoding - 19),
        (Architecture::Aarch64(_), RegClass::Float, 8..=15) => Some(encoding + 2),
        (Architecture::Riscv64(_), RegClass::Int, 9) => Some(0),
        (Architecture::Riscv64(_), RegClass::Int, 18..=27) => Some(encoding - 17),
        (Architecture::Riscv64(_), RegClass::Float, 8) => Some(11),
        (Architecture::Riscv64(_), RegClass::Float, 18..=27) => Some(encoding - 6),
        _ => None,
    }
}

/// How far below the frame pointer a slot lies.
fn below_frame_pointer(compiled: &CompiledCode, slot: StackSlot) -> Option<u32> {
    let layout = compiled.buffer.frame_layout()?;
    Some(layout.frame_to_fp_offset - layout.stackslots[slot].offset)
}

/// The frame pointer lies 16 below the CFA; the slot is filled before the first call.
fn saved_pinned_rule(compiled: &CompiledCode, saved: SavedPinned) -> Option<(u32, i32)> {
    let below_cfa = match saved {
        SavedPinned::Slot(slot) => 16 + below_frame_pointer(compiled, slot)?,
        SavedPinned::Home => 0,
    };
    Some((first_call(compiled)?, -i32::try_from(below_cfa).ok()?))
}

fn frame(compiled: &CompiledCode) -> Frame {
    let size = compiled.buffer.frame_layout().map_or(0, |layout| layout.frame_to_fp_offset);
    Frame { steps: compiled.buffer.unwind_info.to_vec(), size }
}

/// An offset within the first call instruction, which is at least two bytes long (four on aarch64).
fn first_call(compiled: &CompiledCode) -> Option<u32> {
    let returns = compiled.buffer.call_sites().map(|c| c.ret_addr).min()?;
    Some(if returns.is_multiple_of(4) { returns - 4 } else { returns - 1 })
}

fn moved_down(env: &Env<'_>, func: &Function, compiled: &CompiledCode) -> Option<(u32, u32)> {
    if env.isa.triple().architecture != Architecture::X86_64 {
        return None;
    }
    let most = tail_arguments(func)?;
    let bytes = most.saturating_sub(stack_arguments(&func.signature));
    (bytes > 0).then_some((first_call(compiled)?, bytes))
}

/// Bytes of arguments on the stack that its tail calls pass, at most; on aarch64, where more are in registers, fewer.
pub(super) fn tail_arguments(func: &Function) -> Option<u32> {
    let instructions = func.layout.blocks().flat_map(|block| func.layout.block_insts(block));
    instructions.filter_map(|inst| tail_signature(func, inst)).map(stack_arguments).max()
}

fn tail_signature(func: &Function, inst: Inst) -> Option<&Signature> {
    let signature = match func.dfg.insts[inst] {
        InstructionData::Call { opcode: Opcode::ReturnCall, func_ref, .. } => func.dfg.ext_funcs[func_ref].signature,
        InstructionData::CallIndirect { opcode: Opcode::ReturnCallIndirect, sig_ref, .. } => sig_ref,
        _ => return None,
    };
    Some(&func.dfg.signatures[signature])
}

/// Bytes of the arguments that the wasm convention passes on x86-64's stack, and some that it passes on aarch64's if
/// there are any: behind six integers and eight floats and vectors.
fn stack_arguments(signature: &Signature) -> u32 {
    let (mut integers, mut floats, mut bytes) = (6, 8, 0u32);
    for param in &signature.params {
        let left = if param.value_type.is_int() { &mut integers } else { &mut floats };
        if *left > 0 {
            *left -= 1;
        } else {
            let size = param.value_type.bytes().max(8);
            bytes = bytes.next_multiple_of(size) + size;
        }
    }
    bytes.next_multiple_of(16)
}
