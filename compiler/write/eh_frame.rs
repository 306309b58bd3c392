//! `.eh_frame`: how debuggers, `backtrace()` and C++ exceptions walk through wasm frames. Pointers are PC-relative, so
//! that nothing is relocated when a program starts.

use crate::error::{Error, Result};
use crate::generate::Code;
use crate::translate::Env;
use cranelift_codegen::isa::unwind::UnwindInfo;
use gimli::constants::{DW_EH_PE_pcrel, DW_EH_PE_sdata4, DwEhPe};
use gimli::write::{Address, CallFrameInstruction, EhFrame, EndianVec, FrameTable, Writer};
use gimli::{LittleEndian, Register, X86_64};

/// The section's bytes, and where PC-relative references to text offsets go: of 32 bits, of 64 on macOS.
pub struct Unwind {
    pub bytes: Vec<u8>,
    /// (offset in the section, offset in the text)
    pub references: Vec<(u64, u32)>,
}

/// Encodes the unwind information of all code, given with its offset in the text.
pub fn encode<'c>(env: &Env<'_>, codes: impl Iterator<Item = (u32, &'c Code)>) -> Result<Unwind> {
    let Some(mut cie) = env.isa.create_systemv_cie() else {
        return Ok(Unwind { bytes: Vec::new(), references: Vec::new() });
    };
    cie.fde_address_encoding = if is_mach(env) { DW_EH_PE_pcrel } else { DwEhPe(DW_EH_PE_pcrel.0 | DW_EH_PE_sdata4.0) };
    let mut table = FrameTable::default();
    let cie = table.add_cie(cie);
    let pinned = pinned_register(env);
    for (at, code) in codes {
        let Some(UnwindInfo::SystemV(info)) = &code.unwind else { continue };
        // The symbol is the text; gimli hands the addend back below.
        let mut fde = info.to_fde(Address::Symbol { symbol: 0, addend: i64::from(at) });
        if let Some((from, cfa_offset)) = code.saved_pinned {
            fde.add_instruction(from, CallFrameInstruction::Offset(pinned, cfa_offset));
        }
        if let Some((from, bytes)) = code.moved_down {
            // The frame pointer holds the address of the caller's; above that is the return address.
            let [cfa, return_address] = [16, 8].map(|above| above + bytes as i32);
            fde.add_instruction(from, CallFrameInstruction::CfaOffset(cfa));
            fde.add_instruction(from, CallFrameInstruction::Offset(X86_64::RBP, -cfa));
            fde.add_instruction(from, CallFrameInstruction::Offset(X86_64::RA, -return_address));
        }
        table.add_fde(cie, fde);
    }
    let pointer = if is_mach(env) { 8 } else { 4 };
    let mut out = EhFrame(Output { bytes: EndianVec::new(LittleEndian), references: Vec::new(), pointer });
    table.write_eh_frame(&mut out).map_err(|e| Error::new(format!("unwind information: {e}")))?;
    let mut bytes = out.0.bytes.into_vec();
    // A terminator belongs to the last object of a program only, which is the C compiler's business.
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    Ok(Unwind { bytes, references: out.0.references })
}

/// Linkers for macOS know references of 64 bits only.
fn is_mach(env: &Env<'_>) -> bool {
    env.isa.triple().binary_format == target_lexicon::BinaryFormat::Macho
}

/// What stubs keep for their caller, by DWARF numbers: r15, x21; fs1.
fn pinned_register(env: &Env<'_>) -> Register {
    match env.isa.triple().architecture {
        target_lexicon::Architecture::X86_64 => Register(15),
        target_lexicon::Architecture::Riscv64(_) => Register(41),
        _ => Register(21),
    }
}

struct Output {
    bytes: EndianVec<LittleEndian>,
    references: Vec<(u64, u32)>,
    /// Bytes of a reference.
    pointer: u8,
}

impl Writer for Output {
    type Endian = LittleEndian;

    fn endian(&self) -> LittleEndian {
        LittleEndian
    }

    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn write(&mut self, bytes: &[u8]) -> gimli::write::Result<()> {
        self.bytes.write(bytes)
    }

    fn write_at(&mut self, offset: usize, bytes: &[u8]) -> gimli::write::Result<()> {
        self.bytes.write_at(offset, bytes)
    }

    fn write_eh_pointer(&mut self, address: Address, encoding: DwEhPe, size: u8) -> gimli::write::Result<()> {
        match address {
            Address::Constant(_) => self.bytes.write_eh_pointer(address, encoding, size),
            Address::Symbol { addend, .. } => {
                self.references.push((self.len() as u64, addend as u32));
                self.bytes.write_udata(0, self.pointer)
            }
        }
    }
}
