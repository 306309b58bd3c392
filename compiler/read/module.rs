//! A module as it stands in the file: index spaces, segments, bodies.

use super::memories::{ManyMemories, Resources};
use super::{BranchHints, ConstExpression, Features, Names};
use crate::error::{Error, Result};
use std::collections::{HashMap, HashSet};
use wasmparser::types::{CoreTypeId, TypesRef};
use wasmparser::{
    AbstractHeapType, CompositeInnerType, DataKind, ElementItems, ElementKind, ExternalKind, FuncToValidate, FuncType,
    FunctionBody, HeapType, MemoryType, Parser, Payload, RefType, TableInit, TableType, TagType, TypeRef, ValType,
    ValidPayload, Validator, ValidatorResources,
};

/// A decoded module. Index spaces begin with the imports, as in the specification.
#[derive(Default)]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub struct Module<'a> {
    pub types: Vec<FuncType>,
    /// What else a type is made of, one per type.
    pub shapes: Vec<TypeShape>,
    pub imports: Vec<Import<'a>>,
    pub functions: Vec<Function>,
    pub tables: Vec<Table>,
    pub memories: Vec<(MemoryType, Option<u32>)>,
    pub globals: Vec<Global>,
    pub tags: Vec<Tag>,
    pub exports: Vec<Export<'a>>,
    pub start: Option<u32>,
    pub elements: Vec<Element>,
    pub data: Vec<Data<'a>>,
    pub bodies: Vec<Body<'a>>,
    pub names: Names<'a>,
    pub hints: BranchHints,
    /// Offset and text of custom section `palisade.memory`, if there is one.
    pub memory_section: Option<(usize, &'a str)>,
    /// Number of imported functions: bodies[i] is function `imported_functions + i`.
    pub imported_functions: u32,
    /// The import of each imported function.
    function_imports: Vec<u32>,
    /// Equal types share the index of the first of them.
    canonical: Vec<u32>,
}

/// A type's place in its recursion group and among others.
#[derive(Debug, Clone, Copy)]
pub struct TypeShape {
    /// It belongs to the same recursion group as the type before it.
    pub continues: bool,
    /// It has no subtypes.
    pub is_final: bool,
    /// The declared supertype, canonical.
    pub supertype: Option<u32>,
}

/// What a module imports; `index` is the entity's in its own index space.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub struct Import<'a> {
    pub module: &'a str,
    pub name: &'a str,
    pub kind: ExternalKind,
    pub index: u32,
}

impl Import<'_> {
    /// Answered by the compiler itself.
    pub fn is_builtin(&self) -> bool {
        self.module.strip_prefix("palisade:memory").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// A function: its type's index, canonical.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "plain")]
pub struct Function {
    pub ty: u32,
}

/// A table, with the import it comes from.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "plain")]
pub struct Table {
    pub ty: TableType,
    pub import: Option<u32>,
    /// What its elements begin as.
    pub init: ElementItem,
}

/// A global, with the import it comes from or its initial value.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "plain")]
pub struct Global {
    pub ty: ValType,
    pub mutable: bool,
    pub import: Option<u32>,
    pub init: Option<ConstExpression>,
}

/// An exception tag: its type's index, canonical, with the import it comes from.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "plain")]
pub struct Tag {
    pub ty: u32,
    pub import: Option<u32>,
}

/// An export of the entity `index` of `kind`.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "plain")]
pub struct Export<'a> {
    pub name: &'a str,
    pub kind: ExternalKind,
    pub index: u32,
    pub offset: usize,
}

/// When an element segment is used.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum ElementMode {
    Passive,
    Declared,
    Active { table: u32, offset: ConstExpression },
}

/// One element of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "plain")]
pub enum ElementItem {
    Null,
    Function(u32),
    Global(u32),
}

/// An element segment.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "plain")]
pub struct Element {
    pub mode: ElementMode,
    pub items: Vec<ElementItem>,
}

/// When a data segment is used.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum DataMode {
    Passive,
    Active { memory: u32, offset: ConstExpression },
}

/// A data segment.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "plain")]
pub struct Data<'a> {
    pub mode: DataMode,
    pub bytes: &'a [u8],
}

/// A function's code with its validator, which runs where the function is translated.
#[allow(missing_docs, reason = "plain")]
pub struct Body<'a> {
    pub validate: FuncToValidate<Resources>,
    pub body: FunctionBody<'a>,
}

/// Decodes and validates `wasm`, all but the function bodies.
pub fn read<'a>(wasm: &'a [u8], features: &Features) -> Result<Module<'a>> {
    if wasm.get(4..8).is_some_and(|v| wasm.starts_with(b"\0asm") && v[2] == 1) {
        return Err(Error::at(
            4,
            "unknown binary version: this is a component; palisade compiles the core modules inside",
        ));
    }
    let mut module = Module::default();
    let mut validator = Validator::new_with_features(features.validator);
    let mut parser = Parser::new(0);
    parser.set_features(features.validator);
    let mut many = None;
    for payload in parser.parse_all(wasm) {
        let payload = payload?;
        match (&payload, &many) {
            (Payload::MemorySection(section), None) => {
                let imported = module.memories.iter().map(|(ty, _)| *ty).collect();
                many = ManyMemories::section(&mut validator, imported, section, wasm, features)?;
                if many.is_none() {
                    validator.memory_section(section)?;
                }
            }
            (Payload::ExportSection(section), Some(many)) => many.exports(&mut validator, section, wasm, features)?,
            (Payload::DataSection(section), Some(many)) => many.data(&mut validator, section, wasm, features)?,
            (payload, many) => {
                if let ValidPayload::Func(validate, body) = validator.payload(payload)? {
                    module.bodies.push(Body { validate: with_memories(validate, many.as_ref()), body });
                }
            }
        }
        if let Payload::TypeSection(_) = payload {
            module.canonicalize(validator.types(0).expect("inside a module"));
        }
        module.payload(payload, features)?;
    }
    Ok(module)
}

fn with_memories(
    validate: FuncToValidate<ValidatorResources>,
    many: Option<&ManyMemories>,
) -> FuncToValidate<Resources> {
    let FuncToValidate { resources, index, ty, features } = validate;
    let resources = many.map_or_else(|| resources.clone().into(), |many| many.resources(resources.clone()));
    FuncToValidate { resources, index, ty, features }
}

impl<'a> Module<'a> {
    fn payload(&mut self, payload: Payload<'a>, features: &Features) -> Result<()> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section.into_iter_with_offsets() {
                    let (offset, group) = group?;
                    for (at, ty) in group.types().enumerate() {
                        self.add_type(offset as usize, ty, at > 0)?;
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports_with_offsets() {
                    let (offset, import) = import?;
                    self.add_import(offset as usize, import)?;
                }
                self.imported_functions = self.functions.len() as u32;
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    self.functions.push(Function { ty: self.canonical[ty? as usize] });
                }
            }
            Payload::TableSection(section) => {
                for table in section.into_iter_with_offsets() {
                    let (offset, table) = table?;
                    let init = match &table.init {
                        TableInit::RefNull => ElementItem::Null,
                        TableInit::Expr(expression) => item(offset as usize, expression)?,
                    };
                    self.add_table(offset as usize, Table { ty: table.ty, import: None, init })?;
                }
            }
            Payload::MemorySection(section) => {
                for memory in section.into_iter_with_offsets() {
                    let (_, memory) = memory?;
                    self.memories.push((memory, None));
                }
            }
            Payload::TagSection(section) => {
                for tag in section {
                    self.add_tag(tag?, None);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section.into_iter_with_offsets() {
                    let (offset, global) = global?;
                    let init = ConstExpression::read(&global.init_expr)?;
                    self.add_global(offset as usize, global.ty, None, Some(init))?;
                }
            }
            Payload::ExportSection(section) => {
                for export in section.into_iter_with_offsets() {
                    let (offset, export) = export?;
                    let (name, kind, index) = (export.name, export.kind, export.index);
                    if kind == ExternalKind::Func {
                        self.names.export_function(index, name);
                    }
                    self.exports.push(Export { name, kind, index, offset: offset as usize });
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(section) => {
                for element in section {
                    self.add_element(element?)?;
                }
            }
            Payload::DataSection(section) => {
                for data in section {
                    self.add_data(data?)?;
                }
            }
            Payload::CustomSection(section) if section.name() == "name" => {
                self.names.read(section.data(), section.data_offset());
            }
            Payload::CustomSection(section) if section.name() == BranchHints::SECTION && features.branch_hinting => {
                self.hints = BranchHints::read(section.data(), section.data_offset());
            }
            Payload::CustomSection(section) if section.name() == "palisade.memory" => {
                let offset = section.data_offset() as usize;
                let text = std::str::from_utf8(section.data());
                let text = text.map_err(|_| Error::at(offset, "section palisade.memory is not UTF-8 text"))?;
                if self.memory_section.replace((offset, text)).is_some() {
                    return Err(Error::at(offset, "there are two sections palisade.memory"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Gives equal types the index of the first of them: the validator numbers them so, group by group.
    fn canonicalize(&mut self, types: TypesRef<'_>) {
        let mut first: HashMap<CoreTypeId, u32> = HashMap::new();
        let all = 0..types.core_type_count_in_module();
        self.canonical = all.map(|i| *first.entry(types.core_type_at_in_module(i)).or_insert(i)).collect();
    }

    fn add_type(&mut self, offset: usize, ty: &wasmparser::SubType, continues: bool) -> Result<()> {
        let CompositeInnerType::Func(func) = &ty.composite_type.inner else {
            return Err(Error::unsupported(offset, "GC: a struct, array or continuation type"));
        };
        if ty.composite_type.shared {
            return Err(Error::unsupported(offset, "shared-everything threads: a shared type"));
        }
        for ty in func.params().iter().chain(func.results()) {
            check_type(offset, *ty)?;
        }
        // At most one, the validator says; in a file all are indices of the module.
        let supertype = ty.supertype_idxs.first().and_then(|s| s.unpack().as_module_index());
        let supertype = supertype.map(|s| self.canonical[s as usize]);
        self.shapes.push(TypeShape { continues, is_final: ty.is_final, supertype });
        self.types.push(func.clone());
        Ok(())
    }

    fn add_import(&mut self, offset: usize, import: wasmparser::Import<'a>) -> Result<()> {
        let number = Some(self.imports.len() as u32);
        let (kind, index) = match import.ty {
            TypeRef::Func(ty) => {
                self.functions.push(Function { ty: self.canonical[ty as usize] });
                self.function_imports.push(self.imports.len() as u32);
                (ExternalKind::Func, self.functions.len() - 1)
            }
            TypeRef::Table(ty) => {
                self.add_table(offset, Table { ty, import: number, init: ElementItem::Null })?;
                (ExternalKind::Table, self.tables.len() - 1)
            }
            TypeRef::Memory(ty) => {
                self.memories.push((ty, number));
                (ExternalKind::Memory, self.memories.len() - 1)
            }
            TypeRef::Global(ty) => {
                self.add_global(offset, ty, number, None)?;
                (ExternalKind::Global, self.globals.len() - 1)
            }
            TypeRef::Tag(ty) => {
                self.add_tag(ty, number);
                (ExternalKind::Tag, self.tags.len() - 1)
            }
            TypeRef::FuncExact(_) => return Err(Error::unsupported(offset, "custom descriptors: an exact import")),
        };
        self.imports.push(Import { module: import.module, name: import.name, kind, index: index as u32 });
        Ok(())
    }

    fn add_table(&mut self, offset: usize, table: Table) -> Result<()> {
        check_type(offset, ValType::Ref(table.ty.element_type))?;
        if table.ty.shared {
            return Err(Error::unsupported(offset, "shared-everything threads: a shared table"));
        }
        self.tables.push(table);
        Ok(())
    }

    fn add_global(
        &mut self,
        offset: usize,
        ty: wasmparser::GlobalType,
        import: Option<u32>,
        init: Option<ConstExpression>,
    ) -> Result<()> {
        check_type(offset, ty.content_type)?;
        if ty.shared {
            return Err(Error::unsupported(offset, "shared-everything threads: a shared global"));
        }
        self.globals.push(Global { ty: ty.content_type, mutable: ty.mutable, import, init });
        Ok(())
    }

    fn add_tag(&mut self, ty: TagType, import: Option<u32>) {
        self.tags.push(Tag { ty: self.canonical[ty.func_type_idx as usize], import });
    }

    fn add_element(&mut self, element: wasmparser::Element<'a>) -> Result<()> {
        let offset = element.range.start as usize;
        let items = match element.items {
            ElementItems::Functions(functions) => {
                functions.into_iter().map(|f| Ok(ElementItem::Function(f?))).collect::<Result<_>>()?
            }
            ElementItems::Expressions(ty, expressions) => {
                check_type(offset, ValType::Ref(ty))?;
                expressions.into_iter().map(|e| item(offset, &e?)).collect::<Result<_>>()?
            }
        };
        let mode = match element.kind {
            ElementKind::Passive => ElementMode::Passive,
            ElementKind::Declared => ElementMode::Declared,
            ElementKind::Active { table_index, offset_expr } => {
                ElementMode::Active { table: table_index.unwrap_or(0), offset: ConstExpression::read(&offset_expr)? }
            }
        };
        self.elements.push(Element { mode, items });
        Ok(())
    }

    fn add_data(&mut self, data: wasmparser::Data<'a>) -> Result<()> {
        let mode = match data.kind {
            DataKind::Passive => DataMode::Passive,
            DataKind::Active { memory_index, offset_expr } => {
                DataMode::Active { memory: memory_index, offset: ConstExpression::read(&offset_expr)? }
            }
        };
        self.data.push(Data { mode, bytes: data.data });
        Ok(())
    }

    /// Forgets exports of functions but those of these names.
    pub fn keep_exported_functions(&mut self, names: &HashSet<String>) {
        let is_function = |kind| matches!(kind, ExternalKind::Func | ExternalKind::FuncExact);
        self.exports.retain(|export| !is_function(export.kind) || names.contains(export.name));
    }

    /// The first type index that means the same type as `index`.
    pub fn canonical_type(&self, index: u32) -> u32 {
        self.canonical[index as usize]
    }

    /// True if canonical type `ty` is `of` or declared below it. Chains are short: the validator's limit is 63.
    pub fn is_subtype(&self, ty: u32, of: u32) -> bool {
        let mut above = Some(ty);
        while let Some(one) = above {
            if one == of {
                return true;
            }
            above = self.shapes[one as usize].supertype;
        }
        false
    }

    /// Type of a function.
    pub fn function_type(&self, index: u32) -> &FuncType {
        &self.types[self.functions[index as usize].ty as usize]
    }

    /// Canonical index of its type.
    pub fn canonical_type_of(&self, function: u32) -> u32 {
        self.canonical_type(self.functions[function as usize].ty)
    }

    /// Type of a tag: its parameters are what an exception carries.
    pub fn tag_type(&self, index: u32) -> &FuncType {
        &self.types[self.tags[index as usize].ty as usize]
    }

    /// The import that function `index` is, if it is one.
    pub fn function_import(&self, index: u32) -> Option<u32> {
        self.function_imports.get(index as usize).copied()
    }

    /// A name of each tag, for messages: of an export, else from the name section, else of the import; may be empty.
    pub fn tag_names(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> =
            (0..self.tags.len() as u32).map(|index| self.names.tag(index).unwrap_or_default()).collect();
        for import in self.imports.iter().filter(|i| i.kind == ExternalKind::Tag) {
            let name = &mut names[import.index as usize];
            *name = if name.is_empty() { import.name } else { *name };
        }
        for export in self.exports.iter().filter(|e| e.kind == ExternalKind::Tag) {
            names[export.index as usize] = export.name;
        }
        names
    }

    /// A name for messages and symbols: from the name section, else of an export.
    pub fn function_name(&self, index: u32) -> Option<&'a str> {
        self.names.function(index)
    }
}

fn item(offset: usize, expression: &wasmparser::ConstExpr<'_>) -> Result<ElementItem> {
    use super::ConstOp;
    match ConstExpression::read(expression)?.0[..] {
        [ConstOp::RefNull] => Ok(ElementItem::Null),
        [ConstOp::RefFunc(f)] => Ok(ElementItem::Function(f)),
        [ConstOp::GlobalGet(g)] => Ok(ElementItem::Global(g)),
        _ => Err(Error::unsupported(offset, "GC: an element expression")),
    }
}

/// True for references to functions, false for references to what the host has.
pub fn refers_to_function(ty: RefType) -> bool {
    use AbstractHeapType::{Func, NoFunc};
    matches!(ty.heap_type(), HeapType::Concrete(_) | HeapType::Abstract { ty: Func | NoFunc, .. })
}

/// True for references to exceptions.
pub fn refers_to_exception(ty: RefType) -> bool {
    use AbstractHeapType::{Exn, NoExn};
    matches!(ty.heap_type(), HeapType::Abstract { ty: Exn | NoExn, .. })
}

/// Refuses value types of features that are not compiled yet.
pub(crate) fn check_type(offset: usize, ty: ValType) -> Result<()> {
    match ty {
        ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 | ValType::V128 => Ok(()),
        ValType::Ref(r) => check_reference(offset, r),
    }
}

/// Type indices are functions': others were refused with the type section.
fn check_reference(offset: usize, ty: RefType) -> Result<()> {
    use AbstractHeapType::{Cont, Exn, Extern, Func, NoCont, NoExn, NoExtern, NoFunc};
    let what = match ty.heap_type() {
        HeapType::Concrete(_)
        | HeapType::Abstract { shared: false, ty: Func | NoFunc | Extern | NoExtern | Exn | NoExn } => {
            return Ok(());
        }
        HeapType::Abstract { shared: true, .. } => "shared-everything threads: a shared reference type".to_owned(),
        HeapType::Abstract { ty: Cont | NoCont, .. } => "stack switching (contref)".to_owned(),
        HeapType::Abstract { .. } => format!("GC: type {ty}"),
        HeapType::Exact(_) => "custom descriptors: an exact type".to_owned(),
    };
    Err(Error::unsupported(offset, &what))
}
