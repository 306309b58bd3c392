//! References: pointers to `pal_func`, or whatever the host makes of them; null is 0.

use super::base::Region;
use super::function::Translator;
use super::helper::Helper;
use super::trap;
use crate::context::FUNC_TYPE;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I32, I64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, TrapCode, Value};
use wasmparser::{AbstractHeapType, HeapType, RefType, UnpackedIndex, ValType};

impl Translator<'_, '_> {
    pub fn ref_null(&mut self) {
        let null = self.b.ins().iconst(I64, 0);
        self.push(null);
    }

    pub fn ref_is_null(&mut self) {
        let value = self.pop();
        let null = self.is_null(value);
        let null = self.b.ins().uextend(I32, null);
        self.push(null);
    }

    pub fn ref_func(&mut self, function: u32) {
        let value = self.func_reference(function);
        self.push(value);
    }

    /// Address of a function's `pal_func`.
    pub fn func_reference(&mut self, function: u32) -> Value {
        let pinned = self.pinned();
        let Some(distance) = self.env.plan.func_distance(function) else { return pinned }; // this code can't run
        self.b.ins().iadd_imm_s(pinned, -i64::from(distance))
    }

    pub fn ref_as_non_null(&mut self) {
        let value = *self.stack.last().expect("the validator has seen the operand");
        self.b.ins().trapz(value, trap::NULL_REFERENCE);
    }

    /// The reference goes on where the branch is not taken.
    pub fn br_on_null(&mut self, depth: u32) {
        let value = self.pop();
        let null = self.is_null(value);
        self.branch_if(null, depth);
        self.push(value);
    }

    /// The reference goes with the branch.
    pub fn br_on_non_null(&mut self, depth: u32) {
        let value = *self.stack.last().expect("the validator has seen the operand");
        self.branch_if(value, depth);
        self.pop();
    }

    pub fn ref_test(&mut self, ty: RefType) {
        let value = self.pop();
        let matches = self.matches(value, ty);
        let matches = self.b.ins().uextend(I32, matches);
        self.push(matches);
    }

    pub fn ref_cast(&mut self, ty: RefType) {
        let value = *self.stack.last().expect("the validator has seen the operand");
        let matches = self.matches(value, ty);
        self.b.ins().trapz(matches, trap::CAST_FAILURE);
    }

    /// Branches with the reference if it is, or is not, of the type.
    pub fn br_on_cast(&mut self, depth: u32, ty: RefType, if_matches: bool) {
        let value = *self.stack.last().expect("the validator has seen the operand");
        let matches = self.matches(value, ty);
        let condition = if if_matches { matches } else { self.b.ins().icmp_imm_u(IntCC::Equal, matches, 0) };
        self.branch_if(condition, depth);
    }

    fn is_null(&mut self, value: Value) -> Value {
        self.b.ins().icmp_imm_u(IntCC::Equal, value, 0)
    }

    /// Whether a reference of the type's own hierarchy (functions, exceptions, or the host's) is of this type.
    fn matches(&mut self, value: Value, ty: RefType) -> Value {
        use AbstractHeapType::{NoExn, NoExtern, NoFunc};
        match ty.heap_type() {
            HeapType::Concrete(UnpackedIndex::Module(index)) => {
                let canonical = self.env.module.canonical_type(index);
                self.matches_function(value, canonical, ty.is_nullable())
            }
            // Nothing but null, if that.
            HeapType::Abstract { ty: NoFunc | NoExtern | NoExn, .. } => {
                if ty.is_nullable() {
                    self.is_null(value)
                } else {
                    self.b.ins().iconst(I8, 0)
                }
            }
            // The whole hierarchy.
            _ if ty.is_nullable() => self.b.ins().iconst(I8, 1),
            _ => self.b.ins().icmp_imm_u(IntCC::NotEqual, value, 0),
        }
    }

    fn matches_function(&mut self, value: Value, canonical: u32, nullable: bool) -> Value {
        let (some, done) = (self.b.create_block(), self.b.create_block());
        let result = self.b.append_block_param(done, I8);
        let if_null = self.b.ins().iconst(I8, i64::from(nullable));
        self.b.ins().brif(value, some, &[], done, &[if_null.into()]);
        self.b.seal_block(some);
        self.switch_to(some);
        let found = self.reference_type_of(value, None);
        let expected = self.interned_type(canonical);
        let same = self.b.ins().icmp(IntCC::Equal, found, expected);
        if self.env.module.shapes[canonical as usize].is_final {
            self.b.ins().jump(done, &[same.into()]);
        } else {
            let ask = self.b.create_block();
            self.b.set_cold_block(ask);
            self.b.ins().brif(same, done, &[same.into()], ask, &[]);
            self.b.seal_block(ask);
            self.switch_to(ask);
            let below = self.ask_subtype(found, expected);
            self.b.ins().jump(done, &[below.into()]);
        }
        self.b.seal_block(done);
        self.switch_to(done);
        result
    }

    /// The interned type of a function; null is found by the MMU, where a trap is given: the first page is never mapped.
    pub fn reference_type_of(&mut self, reference: Value, if_null: Option<TrapCode>) -> Value {
        let flags = self.func_flags(if_null);
        self.b.ins().load(I32, flags, reference, FUNC_TYPE as i32)
    }

    /// Flags of a load from a `pal_func`. Without a trap the reference is known not to be null.
    pub fn func_flags(&mut self, if_null: Option<TrapCode>) -> MemFlagsData {
        match if_null {
            None => self.trusted(Region::Constant),
            Some(trap) => {
                let region = self.region(Region::Constant);
                MemFlagsData::new().with_aligned().with_alias_region(Some(region)).with_trap_code(Some(trap))
            }
        }
    }

    /// The number that the runtime gave a canonical type.
    pub fn interned_type(&mut self, canonical: u32) -> Value {
        let slot = self.env.plan.layout.type_slot(self.env.plan.type_number(canonical));
        self.load_context(I32, slot, Region::Context)
    }

    /// Has the runtime walk up from one interned type to another.
    fn ask_subtype(&mut self, found: Value, expected: Value) -> Value {
        let below = self.call_helper(Helper::IsSubtype, &[found, expected])[0];
        self.b.ins().ireduce(I8, below)
    }

    /// Traps unless interned type `found` is that of canonical type `expected`, or below it if that can be.
    pub fn check_function_type(&mut self, found: Value, expected: u32) {
        let wanted = self.interned_type(expected);
        let same = self.b.ins().icmp(IntCC::Equal, found, wanted);
        if self.env.module.shapes[expected as usize].is_final {
            self.b.ins().trapz(same, trap::INDIRECT_CALL_TYPE);
            return;
        }
        let (next, ask) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(ask);
        self.b.ins().brif(same, next, &[], ask, &[]);
        self.b.seal_block(ask);
        self.switch_to(ask);
        let below = self.ask_subtype(found, wanted);
        self.b.ins().trapz(below, trap::INDIRECT_CALL_TYPE);
        self.b.ins().jump(next, &[]);
        self.b.seal_block(next);
        self.switch_to(next);
    }

    /// A value from C: what code will rely on without asking is asked here.
    pub fn check_from_c(&mut self, value: Value, ty: ValType) {
        let ValType::Ref(ty) = ty else { return };
        if ty.is_nullable() && (ty.is_func_ref() || ty.is_extern_ref()) {
            return;
        }
        let matches = self.matches(value, ty);
        self.b.ins().trapz(matches, trap::CAST_FAILURE);
    }
}
