//! The pinned register and what lies around it. Only this file knows where memory 0's base comes from.

use super::function::Translator;
use crate::context::{VIEW_BASE, VIEW_LENGTH, VIEW_SIZE, VIEW_WRITABLE};
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{
    AliasRegion, AliasRegionData, Endianness, ExternalName, GlobalValue, GlobalValueData, InstBuilder, MemFlagsData,
    Type, Value,
};

/// Parts of memory that never overlap; a store to one leaves loads of the others valid. Numbers are ids in the IR.
#[derive(Debug, Clone, Copy)]
pub enum Region {
    /// Views, import pointers, interned types: written by the runtime only, so calls end what is known of them.
    Context,
    /// A global of this instance.
    Global(u32),
    /// Globals of others: two imports may be the same one.
    ImportedGlobals,
    /// Elements of all tables.
    Tables,
    /// A memory this instance owns.
    Memory(u32),
    /// Memories that others know: two imports may be the same one, and the host may bind it to a third.
    SeenMemories,
    /// `pal_func`s and static tables: never written while code runs.
    Constant,
    /// Locals in this function's frame.
    Frame,
}

/// Entities beyond this share the last one's region: region ids and memory flags are 16-bit numbers.
const REGIONS_PER_KIND: u32 = 64;

impl Region {
    fn id(self) -> u32 {
        match self {
            Region::Context => 0,
            Region::ImportedGlobals => 1,
            Region::Tables => 2,
            Region::SeenMemories => 3,
            Region::Constant => 4,
            Region::Frame => 5,
            Region::Global(i) => 8 + i.min(REGIONS_PER_KIND),
            Region::Memory(i) => 9 + REGIONS_PER_KIND + i.min(REGIONS_PER_KIND),
        }
    }
}

impl Translator<'_, '_> {
    /// The instance: read once per basic block, and again after each call; once for a whole small loop (`loops.rs`).
    /// A copy that lived longer would be spilled and reloaded, which is what the pinned register is there to avoid.
    pub fn pinned(&mut self) -> Value {
        match self.loop_pinned.map(|(value, _)| value).or(self.pinned) {
            Some(value) => value,
            None => {
                let value = self.read_instance();
                *self.pinned.insert(value)
            }
        }
    }

    /// Flags of an access to `region` that can't trap.
    pub fn trusted(&mut self, region: Region) -> MemFlagsData {
        let region = self.region(region);
        MemFlagsData::trusted().with_endianness(Endianness::Little).with_alias_region(Some(region))
    }

    /// The alias region in this function's tables.
    pub fn region(&mut self, region: Region) -> AliasRegion {
        let id = region.id();
        if let Some(known) = self.regions.get(&id) {
            return *known;
        }
        let data = AliasRegionData { user_id: id, description: format!("{region:?}").into() };
        let made = self.b.func.dfg.alias_regions.insert(data);
        self.regions.insert(id, made);
        made
    }

    /// Loads the context's field at `distance` below the pinned register.
    pub fn load_context(&mut self, ty: Type, distance: u32, region: Region) -> Value {
        let flags = self.trusted(region);
        let pinned = self.pinned();
        self.b.ins().load(ty, flags, pinned, offset_below(distance))
    }

    /// Address of memory `index`'s first byte.
    pub fn memory_base(&mut self, index: u32) -> Value {
        if index == 0 && self.env.plan.base_pinned {
            return self.pinned();
        }
        let moves = self.env.plan.memories[index as usize].moves;
        let view = self.env.plan.layout.memory_view(index) - VIEW_BASE as u32;
        let flags = self.trusted(Region::Context);
        let flags = if moves { flags } else { flags.with_readonly() };
        let pinned = self.pinned();
        self.b.ins().load(I64, flags, pinned, offset_below(view))
    }

    /// Accessible bytes of memory `index`.
    pub fn memory_length(&mut self, index: u32) -> Value {
        let view = self.env.plan.layout.memory_view(index) - VIEW_LENGTH as u32;
        self.load_context(I64, view, Region::Context)
    }

    /// Bytes of memory `index` that may be written: all, or none.
    pub fn memory_writable(&mut self, index: u32) -> Value {
        let view = self.env.plan.layout.memory_view(index) - VIEW_WRITABLE as u32;
        self.load_context(I64, view, Region::Context)
    }

    /// The same, as another thread may have just made it. Checks do without: a length read too early is too small.
    pub fn shared_memory_length(&mut self, index: u32) -> Value {
        let view = self.env.plan.layout.memory_view(index) - VIEW_LENGTH as u32;
        let flags = self.trusted(Region::Context);
        let pinned = self.pinned();
        let at = self.b.ins().iadd_imm_s(pinned, i64::from(offset_below(view)));
        self.b.ins().atomic_load(I64, flags, at)
    }

    /// Address of table `index`'s elements.
    pub fn table_base(&mut self, index: u32) -> Value {
        let view = self.env.plan.layout.table_view(index) - VIEW_BASE as u32;
        self.load_context(I64, view, Region::Context)
    }

    /// Elements of table `index`.
    pub fn table_length(&mut self, index: u32) -> Value {
        let view = self.env.plan.layout.table_view(index) - VIEW_LENGTH as u32;
        self.load_context(I64, view, Region::Context)
    }

    /// The address of a symbol of this object.
    pub fn symbol_address(&mut self, symbol: super::Symbol) -> Value {
        let global = self.symbol_value(symbol);
        self.b.ins().symbol_value(I64, global)
    }

    fn symbol_value(&mut self, symbol: super::Symbol) -> GlobalValue {
        if let Some(known) = self.symbols.get(&symbol) {
            return *known;
        }
        let name = self.b.func.declare_imported_user_function(symbol.external());
        let data =
            GlobalValueData::Symbol { name: ExternalName::user(name), offset: 0.into(), colocated: true, tls: false };
        let made = self.b.create_global_value(data);
        self.symbols.insert(symbol, made);
        made
    }
}

/// The load or store offset of something `distance` bytes below the pinned register. Contexts are far below 2 GiB.
pub fn offset_below(distance: u32) -> i32 {
    -i32::try_from(distance).expect("contexts are smaller than 2 GiB")
}

const _: () = assert!(VIEW_SIZE == 40);
