//! The text section: functions one after the other, calls among them resolved here.

use crate::error::{Error, Result};
use crate::generate::{Code, Generated, Phase, Relocation, StubKind};
use crate::translate::{Env, Symbol, Version};
use cranelift_codegen::binemit::Reloc;
use std::collections::HashMap;

/// Code bytes with the offset of everything in them.
pub struct Text {
    /// All code.
    pub bytes: Vec<u8>,
    /// Start of each defined function, or of what follows in its place if it can't run; those of the second version of
    /// the code come behind the others.
    pub functions: Vec<u32>,
    /// End of the wasm functions; stubs come behind.
    pub functions_end: u32,
    /// End of the imports' thunks, which come next.
    pub thunks_end: u32,
    /// Start of each stub.
    pub stubs: HashMap<StubKind, u32>,
    /// References out of the text, with offsets from its start.
    pub relocations: Vec<Relocation>,
    imported: u32,
    defined: u32,
    /// Bytes in front of a function where indirect jumps enter it.
    mark: u32,
}

/// `bti jc`: where indirect tail calls may go, beside calls. They jump by a register that other marks don't allow.
const MARK: [u8; 4] = 0xd503_24df_u32.to_le_bytes();

/// Where functions, and the stubs on the way of calls, begin is good for their jumps; the other stubs are small and cold.
const STUB_ALIGN: usize = 16;

/// Where functions without code are until all others have their places.
const NOWHERE: u32 = u32::MAX;

impl Text {
    /// Lays out all code.
    pub fn new(env: &Env<'_>, generated: &Generated) -> Result<Text> {
        let x86 = env.isa.triple().architecture == target_lexicon::Architecture::X86_64;
        let mut text = Text {
            bytes: Vec::new(),
            functions: Vec::with_capacity(generated.functions.len()),
            functions_end: 0,
            thunks_end: 0,
            stubs: HashMap::new(),
            relocations: Vec::new(),
            imported: env.module.imported_functions,
            defined: env.module.bodies.len() as u32,
            mark: if env.harden.branch { MARK.len() as u32 } else { 0 },
        };
        // int3 or udf between functions.
        let padding = if x86 { 0xcc } else { 0 };
        for code in &generated.functions {
            let Some(code) = code else {
                text.functions.push(NOWHERE);
                continue;
            };
            text.make_room(padding);
            text.advance(code.phase, padding);
            let at = text.append(code, 1, padding)?;
            text.mark(at);
            text.functions.push(at);
        }
        text.functions_end = text.bytes.len() as u32;
        text.close_gaps();
        text.thunks_end = text.functions_end;
        for (kind, code) in &generated.stubs {
            let behind = text.bytes.len() as u32;
            let at = if x86 && (kind.is_thunk() || matches!(kind, StubKind::Export(_))) {
                text.advance(code.phase, padding);
                text.append(code, 1, padding)?
            } else {
                text.make_room(padding);
                text.append(code, STUB_ALIGN, padding)?
            };
            text.mark(at);
            text.stubs.insert(*kind, at);
            if kind.is_thunk() {
                assert_eq!(text.thunks_end, behind, "thunks come first: rt/throw.c knows them by their place");
                text.thunks_end = text.bytes.len() as u32;
            }
        }
        text.resolve(generated)?;
        Ok(text)
    }

    /// Gives functions without code the start of the next one that has some: none of its code is taken for theirs.
    fn close_gaps(&mut self) {
        let mut next = self.functions_end;
        for start in self.functions.iter_mut().rev() {
            if *start == NOWHERE {
                *start = next;
            }
            next = *start;
        }
    }

    /// All code with its offset: functions, then stubs.
    pub fn codes<'g>(&self, generated: &'g Generated) -> impl Iterator<Item = (u32, &'g Code)> {
        let stubs = generated.stubs.iter().map(|(kind, code)| (self.stubs[kind], code));
        self.function_codes(generated).chain(stubs)
    }

    /// The same of functions only.
    pub fn function_codes<'g>(&self, generated: &'g Generated) -> impl Iterator<Item = (u32, &'g Code)> {
        let functions = self.functions.iter().copied().zip(&generated.functions);
        functions.filter_map(|(at, code)| Some((at, code.as_ref()?)))
    }

    /// For the mark in front of what comes next.
    fn make_room(&mut self, padding: u8) {
        self.bytes.resize(self.bytes.len() + self.mark as usize, padding);
    }

    fn mark(&mut self, at: u32) {
        let (at, mark) = (at as usize, self.mark as usize);
        self.bytes[at - mark..at].copy_from_slice(&MARK[..mark]);
    }

    /// Goes on to the next such offset.
    fn advance(&mut self, phase: Phase, padding: u8) {
        self.bytes.resize(phase.place(self.bytes.len()), padding);
    }

    fn append(&mut self, code: &Code, align: usize, padding: u8) -> Result<u32> {
        self.bytes.resize(self.bytes.len().next_multiple_of(align), padding);
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&code.bytes);
        // Branches reach 2 GiB.
        if self.bytes.len() > i32::MAX as usize {
            return Err(Error::new("the module's code is larger than 2 GiB"));
        }
        Ok(at as u32)
    }

    /// Offset of a symbol that is code of this object.
    pub fn offset_of(&self, symbol: Symbol) -> Option<u32> {
        match symbol {
            Symbol::Function(index) => Some(self.functions[(index - self.imported) as usize]),
            Symbol::CheckedFunction(index) => Some(self.functions[(self.defined + index - self.imported) as usize]),
            Symbol::ImportThunk(index) => self.stubs.get(&StubKind::Import(index)).copied(),
            Symbol::HostThunk(index) => self.stubs.get(&StubKind::HostImport(index)).copied(),
            Symbol::HelperThunk(helper) => self.stubs.get(&StubKind::Helper(helper)).copied(),
            Symbol::TailStub(ty) => self.stubs.get(&StubKind::Tail(ty)).copied(),
            Symbol::Text => Some(0),
            _ => None,
        }
    }

    /// Offset of the code that a wasm function index stands for in tables, where it is entered by indirect calls: an
    /// import's is its thunk.
    pub fn function(&self, index: u32, version: Version) -> u32 {
        let symbol = match version {
            _ if index < self.imported => Symbol::ImportThunk(index),
            Version::First => Symbol::Function(index),
            Version::Checked => Symbol::CheckedFunction(index),
        };
        self.offset_of(symbol).expect("every function has code") - self.mark
    }

    fn resolve(&mut self, generated: &Generated) -> Result<()> {
        for (at, code) in self.codes(generated).collect::<Vec<_>>() {
            self.resolve_code(at, code);
        }
        Ok(())
    }

    fn resolve_code(&mut self, at: u32, code: &Code) {
        for relocation in &code.relocations {
            let relocation = Relocation { offset: at + relocation.offset, ..*relocation };
            let done = self.offset_of(relocation.symbol).is_some_and(|target| self.patch(&relocation, target));
            if !done {
                self.relocations.push(relocation);
            }
        }
    }

    /// Writes a PC-relative reference to `target`; false if the kind or the distance is for the linker.
    fn patch(&mut self, relocation: &Relocation, target: u32) -> bool {
        let offset = relocation.offset as usize;
        let distance = i64::from(target) + relocation.addend - i64::from(relocation.offset);
        if relocation.kind == Reloc::RiscvCallPlt {
            let parts = [Reloc::RiscvPCRelHi20, Reloc::RiscvPCRelLo12I];
            return (relocation.offset..).step_by(4).zip(parts).all(|(offset, kind)| {
                self.patch(&Relocation { offset, kind, ..*relocation }, target) // `jalr` has its bits where `addi` has
            });
        }
        let place: &mut [u8] = &mut self.bytes[offset..offset + 4];
        let instruction = u32::from_le_bytes([place[0], place[1], place[2], place[3]]);
        match relocation.kind {
            // Both within 2 GiB: the text is.
            Reloc::X86CallPCRel4 | Reloc::X86PCRel4 => {
                place.copy_from_slice(&(distance as i32).to_le_bytes());
                true
            }
            // 26 bits of words: ±128 MiB.
            Reloc::Arm64Call if (-(1 << 27)..1 << 27).contains(&distance) => {
                let patched = (instruction & 0xfc00_0000) | ((distance >> 2) as u32 & 0x03ff_ffff);
                place.copy_from_slice(&patched.to_le_bytes());
                true
            }
            // A pair: the upper 20 bits, rounded, are added to the first one's address; the second has the lower 12,
            // signed. The text is smaller than 2 GiB, so the sum does not wrap.
            Reloc::RiscvPCRelHi20 => {
                let patched = (instruction & 0xfff) | ((distance + 0x800) as u32 & 0xffff_f000);
                place.copy_from_slice(&patched.to_le_bytes());
                true
            }
            Reloc::RiscvPCRelLo12I => {
                let patched = (instruction & 0xf_ffff) | ((distance + 4) as u32) << 20;
                place.copy_from_slice(&patched.to_le_bytes());
                true
            }
            _ => false,
        }
    }
}
