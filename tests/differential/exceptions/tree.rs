//! Modules with exceptions, before it is decided how they say so.

/// Types of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ty {
    I32,
    I64,
    F32,
    F64,
    V128,
    Extern,
}

impl Ty {
    /// All but references.
    pub const NUMBERS: [Ty; 5] = [Ty::I32, Ty::I64, Ty::F32, Ty::F64, Ty::V128];

    /// In the text format.
    pub fn name(self) -> &'static str {
        match self {
            Ty::I32 => "i32",
            Ty::I64 => "i64",
            Ty::F32 => "f32",
            Ty::F64 => "f64",
            Ty::V128 => "v128",
            Ty::Extern => "externref",
        }
    }
}

/// Parameters and results.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Signature {
    pub params: Vec<Ty>,
    pub results: Vec<Ty>,
}

/// What a branch goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label {
    Function,
    Block(usize),
}

/// Instructions that are one label's and one handler's own: exceptions from anywhere in it are caught alike.
#[derive(Debug, Default)]
pub struct Region {
    pub id: usize,
    pub code: Vec<Node>,
}

/// A piece of code.
#[derive(Debug)]
pub enum Node {
    /// Instructions without labels.
    Plain(String),
    /// `br` or `br_if`.
    Branch(&'static str, Label),
    BrTable(Vec<Label>),
    Block(Block),
    Try(Try),
    Delegate(Delegate),
    /// Of what this `Try`, in whose handler it is, has caught.
    Rethrow(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    Block,
    Loop,
    If,
}

#[derive(Debug)]
pub struct Block {
    pub kind: BlockKind,
    pub label: usize,
    pub ty: Signature,
    pub body: Region,
    /// The `else`.
    pub otherwise: Option<Region>,
}

#[derive(Debug)]
pub struct Try {
    pub label: usize,
    pub ty: Signature,
    pub body: Region,
    pub catches: Vec<Catch>,
    /// Some handler throws what was caught once more.
    pub rethrown: bool,
}

#[derive(Debug)]
pub struct Catch {
    /// `None` catches everything.
    pub tag: Option<usize>,
    pub handler: Region,
}

/// A `try` whose exceptions are thrown once more elsewhere.
#[derive(Debug)]
pub struct Delegate {
    pub label: usize,
    pub ty: Signature,
    pub body: Region,
    /// The region, around this one, that they seem to be thrown in.
    pub to: usize,
}

#[derive(Debug)]
pub struct Function {
    pub ty: Signature,
    pub locals: Vec<Ty>,
    pub body: Region,
}

/// What kind of memory the module has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    Plain,
    /// 64-bit.
    Wide,
    /// With pages of one byte.
    Bytes,
    Shared,
}

impl Memory {
    /// Its limits, in the text format.
    pub fn limits(self) -> &'static str {
        match self {
            Memory::Plain => "1 1",
            Memory::Wide => "i64 1 1",
            Memory::Bytes => "65536 65536 (pagesize 1)",
            Memory::Shared => "1 1 shared",
        }
    }

    /// An instruction that pushes an address.
    pub fn address(self, address: i64) -> String {
        format!("{}.const {address}", if self == Memory::Wide { "i64" } else { "i32" })
    }
}

#[derive(Debug)]
pub struct Module {
    pub memory: Memory,
    /// The imported ones first.
    pub tags: Vec<Vec<Ty>>,
    pub functions: Vec<Function>,
    /// Of functions without parameters and results, for tables.
    pub plain_functions: Vec<usize>,
    pub with_host: bool,
}

/// Tags of host.wat.
pub const HOST_TAGS: [&str; 2] = ["pair", "empty"];
