//! Calls: direct, through tables, and to the runtime.

use super::base::Region;
use super::exception::Callee;
use super::function::Translator;
use super::helper::Helper;
use super::{Symbol, signature, trap};
use crate::context::{FUNC_CODE, FUNC_PINNED, FUNC_TYPE, STATIC_NULL};
use crate::plan::TablePlan;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value};
use cranelift_codegen::isa::CallConv;
use wasmparser::FuncType;

impl<'a> Translator<'a, '_> {
    pub fn call(&mut self, function: u32) {
        let env = self.env;
        let ty = env.module.function_type(function);
        let imported = function < env.module.imported_functions;
        let symbol = if imported { Symbol::ImportThunk(function) } else { Symbol::Function(function) };
        let args = self.call_args(ty);
        let callee = self.function(symbol, || signature::wasm(ty));
        let results = self.invoke(Callee::Direct(callee), &args);
        self.finish_call(&results, ty);
    }

    pub fn call_indirect(&mut self, type_index: u32, table: u32) {
        let canonical = self.env.module.canonical_type(type_index);
        let index = self.pop();
        match &self.env.plan.tables[table as usize] {
            TablePlan::Static(entries) => self.call_static(canonical, table, entries.len() as u64, index),
            TablePlan::Dynamic => self.call_dynamic(canonical, table, index),
        }
    }

    /// Through read-only data: one bounds check, one type check, no change of instance.
    fn call_static(&mut self, canonical: u32, table: u32, length: u64, index: Value) {
        let index = self.extend_index(index);
        let outside = self.b.ins().icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, index, length as i64);
        self.b.ins().trapnz(outside, trap::TABLE_OUT_OF_BOUNDS);
        let entries = self.symbol_address(Symbol::StaticTable(table));
        let offset = self.b.ins().ishl_imm_u(index, 3);
        let entry = self.b.ins().iadd(entries, offset);
        let found = self.load_constant(I32, entry, 4);
        let expected = self.env.plan.type_number(canonical);
        let same = self.b.ins().icmp_imm_u(IntCC::Equal, found, i64::from(expected));
        self.check_type(same, found);
        let code = self.load_constant(I32, entry, 0);
        let code = self.b.ins().uextend(I64, code);
        let text = self.symbol_address(Symbol::Text);
        let code = self.b.ins().iadd(text, code);
        let ty = &self.env.module.types[canonical as usize];
        let args = self.call_args(ty);
        let signature = self.signature_of(canonical);
        let results = self.invoke(Callee::Indirect(signature, code), &args);
        self.finish_call(&results, ty);
    }

    /// Branches away, out of line, unless the entry has the `same` type; a null entry has a reason of its own.
    fn check_type(&mut self, same: Value, found: Value) {
        let (next, wrong) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(wrong);
        self.b.ins().brif(same, next, &[], wrong, &[]);
        self.b.seal_block(next);
        self.b.seal_block(wrong);
        self.switch_to(wrong);
        let null = self.b.ins().icmp_imm_u(IntCC::Equal, found, STATIC_NULL as i64);
        self.b.ins().trapnz(null, trap::INDIRECT_CALL_NULL);
        self.b.ins().trap(trap::INDIRECT_CALL_TYPE);
        self.switch_to(next);
    }

    fn call_dynamic(&mut self, canonical: u32, table: u32, index: Value) {
        let address = self.element_address(table, index);
        let flags = self.trusted(Region::Tables);
        let reference = self.b.ins().load(I64, flags, address, 0);
        self.call_checked_reference(canonical, reference);
    }

    /// Through a reference of unknown type. Null is found by the MMU: the first page is never mapped.
    fn call_checked_reference(&mut self, canonical: u32, reference: Value) {
        let region = self.region(Region::Constant);
        let flags = MemFlagsData::new()
            .with_aligned()
            .with_alias_region(Some(region))
            .with_trap_code(Some(trap::INDIRECT_CALL_NULL));
        let found = self.b.ins().load(I32, flags, reference, FUNC_TYPE as i32);
        let slot = self.env.plan.layout.type_slot(self.env.plan.type_number(canonical));
        let expected = self.load_context(I32, slot, Region::Context);
        let same = self.b.ins().icmp(IntCC::Equal, found, expected);
        self.b.ins().trapz(same, trap::INDIRECT_CALL_TYPE);
        self.call_reference(canonical, reference);
    }

    /// The function may belong to another instance: its pinned value is set for the call and ours set again after it.
    fn call_reference(&mut self, canonical: u32, reference: Value) {
        let code = self.load_constant(I64, reference, FUNC_CODE as i32);
        let theirs = self.load_constant(I64, reference, FUNC_PINNED as i32);
        let ty = &self.env.module.types[canonical as usize];
        let args = self.call_args(ty);
        let signature = self.signature_of(canonical);
        let ours = self.pinned();
        self.b.ins().set_pinned_reg(theirs);
        let results = self.invoke(Callee::Indirect(signature, code), &args);
        // Where an exception is caught instead, the runtime has set ours.
        self.b.ins().set_pinned_reg(ours);
        self.finish_call(&results, ty);
    }

    /// Pops a call's arguments; with many results, adds the area for them.
    fn call_args(&mut self, ty: &FuncType) -> Vec<Value> {
        let mut args = self.pop_many(ty.params().len());
        if signature::uses_area(ty) {
            let slot = self.call_area(signature::area_size(ty));
            args.push(self.b.ins().stack_addr(I64, slot, 0));
        }
        args
    }

    fn finish_call(&mut self, results: &[Value], ty: &FuncType) {
        if signature::uses_area(ty) {
            let slot = self.call_area(0);
            let area = self.b.ins().stack_addr(I64, slot, 0);
            for (at, &result) in (0..).zip(ty.results()) {
                let value = self.b.ins().load(signature::value_type(result), MemFlagsData::trusted(), area, at * 8);
                self.push(value);
            }
        } else {
            self.stack.extend_from_slice(results);
        }
    }

    /// Calls a runtime helper that throws no exceptions, through its thunk.
    pub fn call_helper(&mut self, helper: Helper, args: &[Value]) -> Vec<Value> {
        let (params, result) = helper.signature();
        let thunk = self.function(Symbol::HelperThunk(helper), || signature::plain(CallConv::Tail, params, result));
        let call = self.b.ins().call(thunk, args);
        self.pinned = None;
        self.b.inst_results(call).to_vec()
    }
}
