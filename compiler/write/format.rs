//! What differs between object formats: ELF, COFF (Windows), Mach-O (macOS).

use crate::error::{Error, Result};
use crate::generate::Relocation;
use cranelift_codegen::binemit::Reloc;
use object::write::{MachOBuildVersion, Object, SectionId, StandardSection};
use object::{
    Architecture, BinaryFormat, Endianness, FileFlags, RelocationEncoding, RelocationFlags, RelocationKind,
    SectionFlags, SectionKind, elf, macho, pe,
};
use target_lexicon::Triple;

/// The oldest macOS that programs with our objects run on: 11, the first on both machines.
const MACOS: u32 = 11 << 16;

/// An empty object for a target: with the note that its code needs no executable stack, or the version of macOS that it
/// is for.
pub fn new_object(triple: &Triple) -> Object<'static> {
    let architecture = match triple.architecture {
        target_lexicon::Architecture::X86_64 => Architecture::X86_64,
        target_lexicon::Architecture::Riscv64(_) => Architecture::Riscv64,
        _ => Architecture::Aarch64,
    };
    let format = match triple.binary_format {
        target_lexicon::BinaryFormat::Coff => BinaryFormat::Coff,
        target_lexicon::BinaryFormat::Macho => BinaryFormat::MachO,
        _ => BinaryFormat::Elf,
    };
    let mut object = Object::new(format, architecture, Endianness::Little);
    if architecture == Architecture::Riscv64 {
        // The ABI lp64d; no compressed instructions.
        object.flags = FileFlags::Elf { os_abi: 0, abi_version: 0, e_flags: elf::EF_RISCV_FLOAT_ABI_DOUBLE };
    }
    if format == BinaryFormat::Elf {
        let note = object.add_section(vec![], b".note.GNU-stack".to_vec(), SectionKind::Other);
        object.section_mut(note).flags = SectionFlags::Elf { sh_flags: 0 };
    }
    if format == BinaryFormat::MachO {
        let mut version = MachOBuildVersion::default();
        version.platform = macho::PLATFORM_MACOS;
        version.minos = MACOS;
        version.sdk = MACOS;
        object.set_macho_build_version(version);
    }
    object
}

/// The section of what is read-only once its pointers are right. In COFF that is one more of read-only data.
pub fn relro_section(object: &mut Object<'_>) -> SectionId {
    if object.format() == BinaryFormat::Coff {
        return object.add_section(vec![], b".rdata$r".to_vec(), SectionKind::ReadOnlyData);
    }
    object.section_id(StandardSection::ReadOnlyDataWithRel)
}

/// Segment and name of the section with mapped data, and its largest alignment. Only in ELF files it is as large as the
/// largest pages: elsewhere the runtime copies the bytes.
pub fn mapped_section(format: BinaryFormat) -> (&'static [u8], &'static [u8], u64) {
    match format {
        BinaryFormat::Coff => (b"", b".rdata$zimage", 4096),
        BinaryFormat::MachO => (b"__TEXT", b"__pal_image", 16384),
        _ => (b"", b".palisade.image", u64::MAX),
    }
}

/// The object format's relocation for Cranelift's.
pub fn relocation_flags(format: BinaryFormat, relocation: &Relocation) -> Result<RelocationFlags> {
    let generic = |kind, encoding, size| RelocationFlags::Generic { kind, encoding, size };
    Ok(match relocation.kind {
        Reloc::Abs8 => generic(RelocationKind::Absolute, RelocationEncoding::Generic, 64),
        Reloc::X86PCRel4 => generic(RelocationKind::Relative, RelocationEncoding::Generic, 32),
        Reloc::X86CallPCRel4 | Reloc::X86CallPLTRel4 => {
            generic(RelocationKind::PltRelative, RelocationEncoding::X86Branch, 32)
        }
        Reloc::Arm64Call => {
            let mach = (macho::ARM64_RELOC_BRANCH26, true);
            of_arm64(format, elf::R_AARCH64_CALL26, pe::IMAGE_REL_ARM64_BRANCH26, mach)
        }
        Reloc::Aarch64AdrPrelPgHi21 => {
            let mach = (macho::ARM64_RELOC_PAGE21, true);
            of_arm64(format, elf::R_AARCH64_ADR_PREL_PG_HI21, pe::IMAGE_REL_ARM64_PAGEBASE_REL21, mach)
        }
        Reloc::Aarch64AddAbsLo12Nc => {
            let mach = (macho::ARM64_RELOC_PAGEOFF12, false);
            of_arm64(format, elf::R_AARCH64_ADD_ABS_LO12_NC, pe::IMAGE_REL_ARM64_PAGEOFFSET_12A, mach)
        }
        Reloc::RiscvCallPlt => RelocationFlags::Elf { r_type: elf::R_RISCV_CALL_PLT },
        Reloc::RiscvPCRelHi20 => RelocationFlags::Elf { r_type: elf::R_RISCV_PCREL_HI20 },
        Reloc::RiscvPCRelLo12I => RelocationFlags::Elf { r_type: elf::R_RISCV_PCREL_LO12_I },
        other => return Err(Error::new(format!("writing the object: no relocation for {other}"))),
    })
}

/// Of an instruction; Mach-O wants to know whether it is relative to the place.
fn of_arm64(format: BinaryFormat, r_type: u32, typ: u16, (mach, r_pcrel): (u8, bool)) -> RelocationFlags {
    match format {
        BinaryFormat::Coff => RelocationFlags::Coff { typ },
        BinaryFormat::MachO => RelocationFlags::MachO { r_type: mach, r_pcrel, r_length: 2 },
        _ => RelocationFlags::Elf { r_type },
    }
}

/// What weak symbols of COFF are where nobody defines them: a `pal_export` of no module. In COFF a weak symbol names
/// another one for that case, which must be the same in all objects of a link.
pub const NO_EXPORT: &str = "pal_no_export";

/// Length of a COFF symbol.
const SYMBOL: usize = 18;

/// Makes `pal_no_export` what stands in for the weak symbols of a COFF object: as it was written, each has a symbol of
/// its own for that, of value 0, which becomes local.
pub fn share_weak_default(bytes: &mut [u8]) {
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let (table, count) = (word(bytes, 8) as usize, word(bytes, 12) as usize);
    let strings = table + count * SYMBOL;
    let name_is_shared = |bytes: &[u8], at: usize| {
        // Longer than 8 bytes, so it is in the string table.
        word(bytes, at) == 0 && {
            let name = &bytes[strings + word(bytes, at + 4) as usize..];
            name.starts_with(NO_EXPORT.as_bytes()) && name[NO_EXPORT.len()] == 0
        }
    };
    let (mut index, mut weak, mut shared) = (0, Vec::new(), None);
    while index < count {
        let at = table + index * SYMBOL;
        if bytes[at + 16] == pe::IMAGE_SYM_CLASS_WEAK_EXTERNAL {
            weak.push(at + SYMBOL);
        } else if name_is_shared(bytes, at) {
            shared = Some(index as u32);
        }
        index += 1 + usize::from(bytes[at + 17]);
    }
    for at in weak {
        let own = table + word(bytes, at) as usize * SYMBOL;
        bytes[own + 16] = pe::IMAGE_SYM_CLASS_STATIC;
        bytes[at..at + 4].copy_from_slice(&shared.expect("it is there where weak symbols are").to_le_bytes());
    }
}
