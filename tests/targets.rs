//! Objects for Windows and macOS: their unwind tables have one entry per function, of its size, and the linkers of both
//! systems make programs and libraries of them without a warning. What runs is tested elsewhere.

mod support;

use object::read::{File, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget};
use object::{RelocationFlags, SectionKind, SymbolKind, macho};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{need, need_python, run, scratch, write};

/// A target as the tools here call it: for `palisade`, clang, `zig cc`.
struct Foreign {
    triple: &'static str,
    clang: &'static str,
    zig: &'static str,
    /// Prefix of the MinGW tools, where Debian has them.
    mingw: Option<&'static str>,
    is_macos: bool,
}

const FOREIGN: [Foreign; 4] = [
    Foreign {
        triple: "x86_64-pc-windows-gnu",
        clang: "x86_64-pc-windows-msvc",
        zig: "x86_64-windows-gnu",
        mingw: Some("x86_64-w64-mingw32-gcc"),
        is_macos: false,
    },
    Foreign {
        triple: "aarch64-pc-windows-gnullvm",
        clang: "aarch64-pc-windows-msvc",
        zig: "aarch64-windows-gnu",
        mingw: None,
        is_macos: false,
    },
    Foreign {
        triple: "x86_64-apple-darwin",
        clang: "x86_64-apple-macos11",
        zig: "x86_64-macos",
        mingw: None,
        is_macos: true,
    },
    Foreign {
        triple: "aarch64-apple-darwin",
        clang: "arm64-apple-macos11",
        zig: "aarch64-macos",
        mingw: None,
        is_macos: true,
    },
];

/// Code of all kinds of frames: large ones, ones with saved registers, ones that tail calls move, stubs with vectors
/// and many values, thunks of imports and helpers, handlers; and references of all kinds to data.
const MODULE: &str = r#"(module
    (import "env" "twice" (func $twice (param i32) (result i32)))
    (import "env" "vector" (func $vector (param v128) (result v128)))
    (import "env" "memory" (memory $theirs 1))
    (import "env" "global" (global $theirs (mut i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "\05\00\00\00")
    (table (export "table") 8 funcref)
    (table $inner 4 funcref)
    (tag $tag (param i32))
    (elem (i32.const 0) $twice $square)
    (elem (table $inner) (i32.const 1) func $square)
    (type $unary (func (param i32) (result i32)))
    (func $square (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
    (func $many (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64) (local.get 9))
    (func $few (export "few") (param i64) (result i64)
      (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)
      (local.get 0) (local.get 0) (return_call $many))
    (func (export "caught") (param i32) (result i32)
      (block $caught (result i32)
        (try_table (result i32) (catch $tag $caught)
          (i32.add (local.get 0) (i32.add (call $twice (local.get 0)) (call $twice (i32.const 1)))))))
    (func (export "thrown") (throw $tag (i32.const 1)))
    (func (export "vectors") (param v128 v128) (result v128 i32 i64 f32 f64 v128 i32)
      (call $vector (v128.not (local.get 0))) (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4) (local.get 1)
      (i32.const 5))
    (func (export "run") (param i32) (result i32)
      (memory.fill $theirs (i32.const 0) (i32.const 1) (local.get 0))
      (drop (memory.grow (i32.const 1)))
      (i32.add
        (i32.add
          (call_indirect 0 (type $unary) (i32.load (i32.const 8)) (i32.const 0))
          (call_indirect $inner (type $unary) (i32.load (i32.const 8)) (i32.const 1)))
        (i32.add (global.get $theirs) (i32.load8_u $theirs (i32.const 0)))))
    LARGE)"#;

/// With a function of more than 1 MiB of code, which takes several entries on aarch64, and a frame of many values.
fn module() -> Vec<u8> {
    let terms = "(local.set 0 (i32.rotl (i32.mul (local.get 0) (i32.const 305419897)) (local.get 1)))".repeat(60_000);
    let large = format!("(func (export \"large\") (param i32 i32) (result i32) {terms} (local.get 0))");
    wat::parse_str(MODULE.replace("LARGE", &large)).expect("a module")
}

fn compile(triple: &str, wasm: &[u8]) -> Vec<u8> {
    let mut options = palisade::Options::new("lib");
    options.target = palisade::Target::parse(triple).expect("a target");
    options.opt_level = 0;
    palisade::compile(wasm, &options).unwrap_or_else(|e| panic!("{triple}: {e}")).bytes
}

fn u32_at(bytes: &[u8], at: u64) -> u64 {
    let at = at as usize;
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")).into()
}

/// Begin and end of what each entry of `.pdata` is for, as offsets in the text; in an object distances are from symbols.
fn pdata_entries(file: &File<'_>) -> Vec<(u64, u64)> {
    let pdata = file.section_by_name(".pdata").expect("a table");
    let bytes = pdata.data().expect("its bytes");
    let xdata = file.section_by_name(".xdata").expect("what it points to");
    let infos = xdata.data().expect("its bytes");
    let (text, xdata) = (file.section_by_name(".text").expect("code").index(), xdata.index());
    let mut places = Vec::new();
    for (at, relocation) in pdata.relocations() {
        let RelocationTarget::Symbol(index) = relocation.target() else { panic!("{relocation:?}") };
        let symbol = file.symbol_by_index(index).expect("a symbol");
        places.push((at, symbol.section_index().expect("a section"), symbol.address() + u32_at(bytes, at)));
    }
    places.sort_by_key(|&(at, ..)| at);
    assert_eq!(places.len() * 4, bytes.len(), "all words are relocated");
    let x86 = file.architecture() == object::Architecture::X86_64;
    let entry = |words: &[(u64, object::SectionIndex, u64)]| match *words {
        [(_, from, begin), (_, to, end), (_, info, at)] if x86 => {
            assert_eq!((from, to, info), (text, text, xdata));
            check_x86_64(&infos[at as usize..], end - begin);
            (begin, end)
        }
        [(_, from, begin), (_, info, at)] => {
            assert_eq!((from, info), (text, xdata));
            let header = u32_at(infos, at);
            let codes = &infos[at as usize + 4..][..(header >> 27) as usize * 4];
            assert!(codes.contains(&0xe4), "the codes end");
            assert_eq!(header & 0x07fc_0000, 0, "no epilogues, no handler, version 0");
            (begin, begin + (header & 0x3_ffff) * 4)
        }
        _ => panic!("{words:?}"),
    };
    places.chunks(if x86 { 3 } else { 2 }).map(entry).collect()
}

/// An `UNWIND_INFO` of a function: all codes lie in it, in order, and the last one is the push of rbp.
fn check_x86_64(info: &[u8], size: u64) {
    assert_eq!(info[0], 1, "version 1, no handler");
    assert!(u64::from(info[1]) <= size, "a prologue of {} bytes in {size}", info[1]);
    let (mut codes, mut before, mut last) = (&info[4..4 + usize::from(info[2]) * 2], info[1], 0);
    while let [place, operation, ..] = *codes {
        assert!(place <= before, "they come in reverse order");
        (before, last) = (place, operation);
        let slots = match operation & 15 {
            0 | 2 | 3 => 1,
            1 if operation >> 4 == 0 => 2,
            4 | 8 => 2,
            1 | 5 | 9 => 3,
            _ => panic!("operation {operation}"),
        };
        codes = &codes[slots * 2..];
    }
    assert_eq!(last, 0x50, "push rbp");
}

/// The same of `__eh_frame`: of each description the function that its reference is relocated to, and its length.
fn eh_frame_entries(file: &File<'_>) -> Vec<(u64, u64)> {
    let section = file.section_by_name("__eh_frame").expect("a table");
    let text = file.section_by_name("__text").expect("code");
    let bytes = section.data().expect("its bytes");
    let is_unsigned = |flags| {
        let RelocationFlags::MachO { r_type, r_length, .. } = flags else { panic!("{flags:?}") };
        r_length == 3 && [macho::X86_64_RELOC_UNSIGNED, macho::ARM64_RELOC_UNSIGNED].contains(&r_type)
    };
    let relocations: Vec<_> = section.relocations().collect();
    let (mut entries, mut at) = (Vec::new(), 0);
    while at < bytes.len() as u64 {
        let length = u32_at(bytes, at);
        if length > 0 && u32_at(bytes, at + 4) != 0 {
            let mut here = relocations.iter().filter(|(offset, r)| *offset == at + 8 && is_unsigned(r.flags()));
            let RelocationTarget::Symbol(index) = here.next().expect("a reference to the function").1.target() else {
                panic!("not of a symbol");
            };
            let begin = file.symbol_by_index(index).expect("a symbol").address() - text.address();
            let size = u32_at(bytes, at + 16) | u32_at(bytes, at + 20) << 32;
            entries.push((begin, begin + size));
        }
        at += 4 + length;
    }
    entries
}

#[test]
fn unwind_tables_have_one_entry_per_function() {
    let wasm = module();
    for foreign in &FOREIGN {
        let bytes = compile(foreign.triple, &wasm);
        let file = File::parse(&*bytes).expect("an object");
        let mut entries = if foreign.is_macos { eh_frame_entries(&file) } else { pdata_entries(&file) };
        entries.sort_unstable();
        let text = file.sections().find(|s| s.kind() == SectionKind::Text).expect("code");
        let code = text.data().expect("its bytes");
        // All code belongs to one entry, and between entries there is nothing but padding.
        let mut end = 0;
        for &(from, to) in &entries {
            assert!(end <= from && from < to, "{}: {from:#x} to {to:#x} behind {end:#x}", foreign.triple);
            let padding = &code[end as usize..from as usize];
            assert!(padding.len() < 64 && padding.iter().all(|byte| [0, 0xcc].contains(byte)), "{}", foreign.triple);
            end = to;
        }
        assert_eq!(end, code.len() as u64, "{}", foreign.triple);
        let functions = file.symbols().filter(|symbol| symbol.section_index() == Some(text.index()));
        let functions = functions.filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.address() != 0);
        let mut count = 0;
        for symbol in functions {
            let at = symbol.address() - text.address();
            count += 1;
            assert!(entries.iter().any(|entry| entry.0 == at), "{}: {symbol:?} has no entry", foreign.triple);
        }
        assert!(count > 15, "{}: {count} functions", foreign.triple);
    }
}

/// C that defines all that an object wants from elsewhere.
fn stand_ins(object: &[u8]) -> String {
    let file = File::parse(object).expect("an object");
    let mut text = String::from("int main(void) { return 0; }\n");
    for (at, symbol) in file.symbols().filter(|symbol| symbol.is_undefined() && !symbol.is_weak()).enumerate() {
        let name = symbol.name().expect("a name");
        text += &format!("char stand_in_{at}[64] __asm__({name:?});\n");
    }
    text
}

#[track_caller]
fn quiet(command: &mut Command) {
    let shown = format!("{command:?}");
    let ran = run(command);
    assert!(ran.ok() && ran.out.is_empty() && ran.err.is_empty(), "{shown}\n{}{}", ran.stdout(), ran.stderr());
}

/// As an executable and as a library, by every linker that is here.
fn link(foreign: &Foreign, dir: &Path, object: &Path, others: &Path) -> Vec<PathBuf> {
    let mut made = Vec::new();
    for shared in [false, true] {
        let mut output = |linker: &str| {
            made.push(dir.join(format!("{linker}-{shared}.out")));
            made[made.len() - 1].clone()
        };
        if foreign.is_macos {
            let (architecture, _) = foreign.clang.split_once('-').expect("a triple");
            let mut ld = Command::new("ld64.lld-19");
            ld.args(["-arch", architecture, "-platform_version", "macos", "11.0", "11.0", "-o"]).arg(output("lld"));
            quiet(ld.args(shared.then_some("-dylib")).args([object, others]));
        } else {
            let mut ld = Command::new("lld-link-19");
            ld.arg("-nologo").arg("-nodefaultlib").arg(format!("-out:{}", output("lld").display()));
            let kind: &[&str] = if shared { &["-dll", "-noentry"] } else { &["-entry:main", "-subsystem:console"] };
            quiet(ld.args(kind).args([object, others]));
        }
        let zig = format!("python3 -m ziglang cc -target {}", foreign.zig);
        for compiler in foreign.mingw.into_iter().chain([zig.as_str()]) {
            let mut words = compiler.split(' ');
            let name = if compiler == zig { "zig" } else { "mingw" };
            let mut cc = Command::new(words.next().expect("a program"));
            cc.args(words).args(shared.then_some("-shared")).args([object, others]).arg("-o").arg(output(name));
            if compiler == zig {
                // It would make a C library first.
                cc.arg("-nostdlib").args((!foreign.is_macos).then_some("-Wl,-e,main"));
            }
            quiet(&mut cc);
        }
    }
    made
}

#[test]
fn linkers_of_both_systems_take_them() {
    let tools = ["clang-19", "lld-link-19", "ld64.lld-19", "x86_64-w64-mingw32-gcc"];
    if !need("linking for Windows and macOS", &tools) || !need_python("linking for Windows and macOS", "ziglang") {
        return;
    }
    let wasm = wat::parse_str(MODULE.replace("LARGE", "")).expect("a module");
    for foreign in &FOREIGN {
        let dir = scratch();
        let bytes = compile(foreign.triple, &wasm);
        if !foreign.is_macos {
            let msvc = compile(foreign.clang, &wasm);
            assert!(msvc == bytes, "{} and {} differ", foreign.triple, foreign.clang);
        }
        let object = write(dir.path(), "lib.o", &bytes);
        let source = write(dir.path(), "others.c", stand_ins(&bytes));
        let others = dir.path().join("others.o");
        let target = format!("--target={}", foreign.clang);
        quiet(Command::new("clang-19").args([&target, "-fno-builtin", "-c"]).arg(&source).arg("-o").arg(&others));
        let functions =
            if foreign.is_macos { 0 } else { pdata_entries(&File::parse(&*bytes).expect("an object")).len() };
        for path in link(foreign, dir.path(), &object, &others) {
            let path = if path.exists() { path } else { path.with_extension("out.exe") };
            let linked = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            check_linked(foreign, &linked, functions);
        }
    }
}

/// The bytes of a section of a Windows program.
fn image_section<'i>(image: &'i [u8], name: &[u8; 8]) -> &'i [u8] {
    let header = u32_at(image, 0x3c);
    let (sections, optional) = (u32_at(image, header + 4) >> 16, u32_at(image, header + 20) & 0xffff);
    let mut rows = (0..sections).map(|at| header + 24 + optional + at * 40);
    let row = rows.find(|&row| &image[row as usize..row as usize + 8] == name).expect("the section");
    let (size, at) = (u32_at(image, row + 8).min(u32_at(image, row + 16)), u32_at(image, row + 20));
    &image[at as usize..(at + size) as usize]
}

/// Its unwind tables are there, in order.
fn check_linked(foreign: &Foreign, linked: &[u8], functions: usize) {
    if foreign.is_macos {
        let file = File::parse(linked).expect("a program");
        for name in ["__eh_frame", "__unwind_info"] {
            assert!(file.section_by_name(name).is_some_and(|s| s.size() > 0), "{}: {name}", foreign.triple);
        }
        return;
    }
    let bytes = image_section(linked, b".pdata\0\0");
    let step = if foreign.triple.starts_with("x86_64") { 12 } else { 8 };
    let begins: Vec<u64> = (0..bytes.len() as u64 / step).map(|at| u32_at(bytes, at * step)).collect();
    let begins: Vec<u64> = begins.into_iter().take_while(|&begin| begin != 0).collect();
    assert!(begins.is_sorted() && begins.len() >= functions, "{}: {} entries", foreign.triple, begins.len());
}
