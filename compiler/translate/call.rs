//! Calls: direct, through tables, and to the runtime.

use super::base::{Region, offset_below};
use super::exception::Callee;
use super::function::Translator;
use super::helper::Helper;
use super::instance::Travel;
use super::{Symbol, Version, signature, trap};
use crate::context::{FUNC_CODE, FUNC_PINNED, STATIC_NULL};
use crate::error::Result;
use crate::plan::TablePlan;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{BlockArg, FuncRef, InstBuilder, MemFlagsData, TrapCode, Value};
use wasmparser::{FuncType, HeapType, UnpackedIndex};

/// Whether a call ends its function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    No,
    Yes,
}

/// What a call through a table or reference enters.
enum Target {
    /// Code of this instance.
    Code(Value),
    /// A `pal_func`, perhaps of another instance: its code and its pinned value.
    Reference { reference: Value, code: Value, theirs: Value },
}

impl<'a> Translator<'a, '_> {
    pub fn call(&mut self, function: u32) -> Result<()> {
        match self.env.plan.builtins.get(&function) {
            Some(builtin) => self.builtin(*builtin),
            None if self.inline(function)? => {}
            None => match self.entered(function) {
                Some((code, pinned)) => self.call_import(function, code, pinned),
                None => self.call_code(function),
            },
        }
        Ok(())
    }

    /// Where the context has code and P of an imported function that is entered from here. Where a call is not likely, the
    /// shorter way is that by its thunk.
    fn entered(&self, function: u32) -> Option<(u32, u32)> {
        let plan = self.env.plan;
        let pinned = plan.import_pinned.get(&function).filter(|_| !self.hints.is_cold())?;
        Some((plan.import_code[&function], *pinned))
    }

    /// The function may be another instance's or the host's: the module's `init` has seen to it that both are entered
    /// alike, the latter's thunk with our own P.
    fn call_import(&mut self, function: u32, code: u32, pinned: u32) {
        let env = self.env;
        let canonical = env.module.canonical_type_of(function);
        let theirs = self.load_context(I64, pinned, Region::Context);
        let from = |t: &mut Self, ours| {
            // Right in front of the call, so that it becomes its operand.
            let flags = t.trusted(Region::Context);
            t.b.ins().load(I64, flags, ours, offset_below(code))
        };
        self.call_other(canonical, theirs, from);
    }

    fn call_code(&mut self, function: u32) {
        let ty = self.env.module.function_type(function);
        let callee = self.direct(function, self.env.version);
        let args = self.call_args(ty);
        let results = self.invoke(Callee::Direct(callee), &args);
        self.finish_call(&results, ty);
    }

    /// From a stub, which serves all versions of the code.
    pub fn call_from_stub(&mut self, function: u32) {
        let imported = function < self.env.module.imported_functions;
        let Some(slot) = self.env.plan.version_slot.filter(|_| !imported) else {
            return self.call_code(function);
        };
        let ty = self.env.module.function_type(function);
        let args = self.call_args(ty);
        let version = self.load_context(I64, slot, Region::Context);
        let (first, checked, next) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(checked);
        self.b.ins().brif(version, checked, &[], first, &[]);
        for result in signature::wasm(self.env, ty).returns {
            self.b.append_block_param(next, result.value_type);
        }
        for (block, version) in [(first, Version::First), (checked, Version::Checked)] {
            self.switch_to(block);
            let callee = self.direct(function, version);
            let call = self.b.ins().call(callee, &args);
            let results: Vec<BlockArg> = self.b.inst_results(call).iter().map(|&r| BlockArg::Value(r)).collect();
            self.b.ins().jump(next, &results);
        }
        self.switch_to(next);
        let results = self.b.block_params(next).to_vec();
        self.finish_call(&results, ty);
    }

    /// An import's thunk gives our pinned register back, so it can be left to return for us.
    pub fn return_call(&mut self, function: u32) {
        let ty = self.env.module.function_type(function);
        let callee = self.direct(function, self.env.version);
        let args = self.tail_args(ty);
        self.b.ins().return_call(callee, &args);
        self.reachable = false;
    }

    fn direct(&mut self, function: u32, version: Version) -> FuncRef {
        let env = self.env;
        let symbol = match version {
            _ if function < env.module.imported_functions => Symbol::ImportThunk(function),
            Version::First => Symbol::Function(function),
            Version::Checked => Symbol::CheckedFunction(function),
        };
        self.function(symbol, || signature::wasm(env, env.module.function_type(function)))
    }

    pub fn call_indirect(&mut self, type_index: u32, table: u32, tail: Tail) {
        let canonical = self.env.module.canonical_type(type_index);
        let index = self.pop();
        let callee = match &self.env.plan.tables[table as usize] {
            TablePlan::Static(entries) => self.static_callee(canonical, table, entries.len() as u64, index),
            TablePlan::Dynamic => self.dynamic_callee(canonical, table, index),
        };
        self.call_callee(canonical, callee, tail);
    }

    /// The validator knows the type, null is found by the MMU.
    pub fn call_ref(&mut self, type_index: u32, tail: Tail) {
        let canonical = self.env.module.canonical_type(type_index);
        let reference = self.pop();
        let callee = self.reference_callee(reference, Some(trap::NULL_REFERENCE));
        self.call_callee(canonical, callee, tail);
    }

    /// Through read-only data: one bounds check, one type check, no change of instance.
    fn static_callee(&mut self, canonical: u32, table: u32, length: u64, index: Value) -> Target {
        let index = self.extend_index(index);
        let outside = self.b.ins().icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, index, length as i64);
        self.b.ins().trapnz(outside, trap::TABLE_OUT_OF_BOUNDS);
        self.note_refused(outside);
        let entries = self.symbol_address(Symbol::StaticTable(self.env.static_table(table, self.env.version)));
        let offset = self.b.ins().ishl_imm_u(index, 3);
        let entry = self.b.ins().iadd(entries, offset);
        let entry = self.mask_refused(entry);
        let found = self.load_constant(I32, entry, 4);
        let expected = self.env.plan.type_number(canonical);
        let same = self.b.ins().icmp_imm_u(IntCC::Equal, found, i64::from(expected));
        self.check_static_type(same, found, canonical);
        let code = self.load_constant(I32, entry, 0);
        let code = self.b.ins().uextend(I64, code);
        let text = self.symbol_address(Symbol::Text);
        Target::Code(self.b.ins().iadd(text, code))
    }

    /// Branches away, out of line, unless the entry has the `same` type; a null entry has a reason of its own, and a
    /// type that is not final may have others below it.
    fn check_static_type(&mut self, same: Value, found: Value, canonical: u32) {
        let (next, other) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(other);
        self.b.ins().brif(same, next, &[], other, &[]);
        self.b.seal_block(other);
        self.switch_to(other);
        let null = self.b.ins().icmp_imm_u(IntCC::Equal, found, STATIC_NULL as i64);
        self.b.ins().trapnz(null, trap::INDIRECT_CALL_NULL);
        if self.env.module.shapes[canonical as usize].is_final {
            self.b.ins().trap(trap::INDIRECT_CALL_TYPE);
        } else {
            // The entry has the module's number of its type; the context has the interned one.
            let number = self.b.ins().uextend(I64, found);
            let offset = self.b.ins().ishl_imm_u(number, 2);
            let pinned = self.pinned();
            let slot = self.b.ins().iadd(pinned, offset);
            let flags = self.trusted(Region::Context);
            let types = offset_below(self.env.plan.layout.type_slot(0));
            let interned = self.b.ins().load(I32, flags, slot, types);
            self.check_function_type(interned, canonical);
            self.b.ins().jump(next, &[]);
        }
        self.b.seal_block(next);
        self.switch_to(next);
    }

    fn dynamic_callee(&mut self, canonical: u32, table: u32, index: Value) -> Target {
        let address = self.element_address(table, index);
        let flags = self.trusted(Region::Tables);
        let reference = self.b.ins().load(I64, flags, address, 0);
        if self.elements_match(table, canonical) {
            return self.reference_callee(reference, Some(trap::INDIRECT_CALL_NULL));
        }
        let found = self.reference_type_of(reference, Some(trap::INDIRECT_CALL_NULL));
        self.check_function_type(found, canonical);
        self.reference_callee(reference, None)
    }

    /// The table's own type says that its functions have this type.
    fn elements_match(&self, table: u32, canonical: u32) -> bool {
        let module = self.env.module;
        match module.tables[table as usize].ty.element_type.heap_type() {
            HeapType::Concrete(UnpackedIndex::Module(index)) => {
                module.is_subtype(module.canonical_type(index), canonical)
            }
            _ => false,
        }
    }

    /// Of a reference whose type is known.
    fn reference_callee(&mut self, reference: Value, if_null: Option<TrapCode>) -> Target {
        let flags = self.func_flags(if_null);
        let code = self.b.ins().load(I64, flags, reference, FUNC_CODE as i32);
        let theirs = self.load_constant(I64, reference, FUNC_PINNED as i32);
        Target::Reference { reference, code, theirs }
    }

    fn call_callee(&mut self, canonical: u32, callee: Target, tail: Tail) {
        let signature = self.signature_of(canonical);
        match (callee, tail) {
            (Target::Code(code), Tail::Yes) => {
                let args = self.tail_args(&self.env.module.types[canonical as usize]);
                self.b.ins().return_call_indirect(signature, code, &args);
                self.reachable = false;
            }
            (Target::Reference { reference, code, theirs }, Tail::Yes) => {
                self.return_call_reference(canonical, reference, code, theirs);
            }
            (Target::Code(code), Tail::No) => {
                let ty = &self.env.module.types[canonical as usize];
                let args = self.call_args(ty);
                let results = self.invoke(Callee::Indirect(signature, code), &args);
                self.finish_call(&results, ty);
            }
            (Target::Reference { code, theirs, .. }, Tail::No) => self.call_other(canonical, theirs, |_, _| code),
        }
    }

    /// The function may belong to another instance: its pinned value is set for the call and ours set again after it.
    /// `code` is told ours, and asked last of all.
    fn call_other(&mut self, canonical: u32, theirs: Value, code: impl FnOnce(&mut Self, Value) -> Value) {
        let ty = &self.env.module.types[canonical as usize];
        let args = self.call_args_alone(ty);
        let args = self.with_theirs(theirs, args);
        let signature = self.signature_of(canonical);
        let ours = self.pinned();
        self.set_instance(theirs);
        let code = code(self, ours);
        let results = self.invoke(Callee::Indirect(signature, code), &args);
        // Where an exception is caught instead, the runtime has set ours.
        self.set_instance(ours);
        self.finish_call(&results, ty);
    }

    /// Inside the instance a real tail call. Into another one, whose function would return with its pinned register to
    /// our caller, a stub that is left behind on the stack and sets ours again. P as a parameter leaves nothing to set.
    fn return_call_reference(&mut self, canonical: u32, reference: Value, code: Value, theirs: Value) {
        let env = self.env;
        let mut args = self.tail_args_alone(&env.module.types[canonical as usize]);
        if env.travel == Travel::Parameter {
            let args = self.with_theirs(theirs, args);
            let signature = self.signature_of(canonical);
            self.b.ins().return_call_indirect(signature, code, &args);
            self.reachable = false;
            return;
        }
        let ours = self.pinned();
        let same = self.b.ins().icmp(IntCC::Equal, theirs, ours);
        let (near, far) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(far);
        self.b.ins().brif(same, near, &[], far, &[]);
        self.b.seal_block(near);
        self.b.seal_block(far);
        self.switch_to(near);
        let signature = self.signature_of(canonical);
        self.b.ins().return_call_indirect(signature, code, &args);
        self.switch_to(far);
        args.push(reference);
        let ty = &env.module.types[canonical as usize];
        let stub = self.function(Symbol::TailStub(canonical), || signature::with_reference(env, ty));
        self.b.ins().return_call(stub, &args);
        self.reachable = false;
    }

    /// The arguments of a tail call inside the instance.
    fn tail_args(&mut self, ty: &FuncType) -> Vec<Value> {
        let args = self.tail_args_alone(ty);
        self.with_instance(args)
    }

    /// Pops a tail call's arguments. Its results are ours, and so is their area.
    fn tail_args_alone(&mut self, ty: &FuncType) -> Vec<Value> {
        let mut args = self.pop_many(ty.params().len());
        args.extend(self.result_area);
        args
    }

    /// The arguments of a call inside the instance.
    fn call_args(&mut self, ty: &FuncType) -> Vec<Value> {
        let args = self.call_args_alone(ty);
        self.with_instance(args)
    }

    /// Pops a call's arguments; with many results, adds the area for them.
    fn call_args_alone(&mut self, ty: &FuncType) -> Vec<Value> {
        let mut args = self.pop_many(ty.params().len());
        if signature::uses_area(self.env, ty) {
            let slot = self.call_area(signature::result_area(ty).1);
            args.push(self.b.ins().stack_addr(I64, slot, 0));
        }
        args
    }

    fn finish_call(&mut self, results: &[Value], ty: &FuncType) {
        self.pinned = None;
        if signature::uses_area(self.env, ty) {
            let slot = self.call_area(0);
            let area = self.b.ins().stack_addr(I64, slot, 0);
            for (&result, at) in ty.results().iter().zip(signature::result_area(ty).0) {
                let value = self.b.ins().load(signature::value_type(result), MemFlagsData::trusted(), area, at);
                self.push(value);
            }
        } else {
            self.stack.extend_from_slice(results);
        }
    }

    /// Calls a runtime helper that throws no exceptions, through its thunk.
    pub fn call_helper(&mut self, helper: Helper, args: &[Value]) -> Vec<Value> {
        if helper.may_take_long() {
            self.poll();
        }
        let env = self.env;
        let thunk = self.function(Symbol::HelperThunk(helper), || signature::helper(env, helper));
        let args = self.with_instance(args.to_vec());
        let call = self.b.ins().call(thunk, &args);
        self.pinned = None;
        self.b.inst_results(call).to_vec()
    }
}
