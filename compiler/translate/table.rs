//! Tables.

use super::base::Region;
use super::function::Translator;
use super::helper::Helper;
use super::trap;
use crate::plan::TablePlan;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, Value};

impl Translator<'_, '_> {
    /// Address of element `index` of a dynamic table, checked.
    pub fn element_address(&mut self, table: u32, index: Value) -> Value {
        let index = self.extend_index(index);
        let length = self.table_length(table);
        let outside = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, length);
        self.b.ins().trapnz(outside, trap::TABLE_OUT_OF_BOUNDS);
        self.note_refused(outside);
        let base = self.table_base(table);
        let offset = self.b.ins().ishl_imm_u(index, 3);
        let address = self.b.ins().iadd(base, offset);
        self.mask_refused(address)
    }

    pub fn table_get(&mut self, table: u32) {
        let index = self.pop();
        let address = self.element_address(table, index);
        let flags = self.trusted(Region::Tables);
        let value = self.b.ins().load(I64, flags, address, 0);
        self.push(value);
    }

    pub fn table_set(&mut self, table: u32) {
        let (index, value) = self.pop2();
        let address = self.element_address(table, index);
        let flags = self.trusted(Region::Tables);
        self.b.ins().store(flags, value, address, 0);
    }

    pub fn table_size(&mut self, table: u32) {
        let index64 = self.env.module.tables[table as usize].ty.table64;
        let length = match &self.env.plan.tables[table as usize] {
            TablePlan::Static(entries) => self.b.ins().iconst(I64, entries.len() as i64),
            TablePlan::Dynamic => self.table_length(table),
        };
        let length = self.narrow_index(length, index64);
        self.push(length);
    }

    pub fn table_grow(&mut self, table: u32) {
        let (value, count) = self.pop2();
        let count = self.extend_index(count);
        let number = self.iconst32(table);
        let old = self.call_helper(Helper::TableGrow, &[number, value, count]);
        let old = self.narrow_index(old[0], self.env.module.tables[table as usize].ty.table64);
        self.push(old);
    }

    pub fn table_fill(&mut self, table: u32) {
        let count = self.pop();
        let (at, value) = self.pop2();
        let (at, count) = (self.extend_index(at), self.extend_index(count));
        let table = self.iconst32(table);
        self.call_helper(Helper::TableFill, &[table, at, value, count]);
    }

    pub fn table_copy(&mut self, to: u32, from: u32) {
        self.copy(Helper::TableCopy, to, from);
    }

    pub fn table_init(&mut self, table: u32, segment: u32) {
        self.init(Helper::TableInit, table, segment);
    }
}
