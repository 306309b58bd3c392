//! One quick look at all code, for what a plan can't know from the module's head.

use crate::error::Result;
use crate::read::Module;
use rayon::prelude::*;
use std::collections::HashSet;
use wasmparser::Operator;

/// What the code does with tables and references.
#[derive(Debug, Default)]
pub struct Scan {
    /// Functions that `ref.func` names.
    pub referenced: HashSet<u32>,
    /// Tables that code reads or writes other than by `call_indirect` and `table.size`.
    pub tables_used_as_values: HashSet<u32>,
    /// Data segments that `memory.init` and `data.drop` name.
    pub data_named: HashSet<u32>,
}

impl Scan {
    pub fn of(module: &Module<'_>) -> Result<Scan> {
        module.bodies.par_iter().map(|body| scan_body(&body.body)).try_reduce(Scan::default, |mut a, b| {
            a.referenced.extend(b.referenced);
            a.tables_used_as_values.extend(b.tables_used_as_values);
            a.data_named.extend(b.data_named);
            Ok(a)
        })
    }
}

fn scan_body(body: &wasmparser::FunctionBody<'_>) -> Result<Scan> {
    let mut scan = Scan::default();
    let found = &mut scan.tables_used_as_values;
    let mut reader = body.get_operators_reader()?;
    while !reader.eof() {
        match reader.read()? {
            Operator::TableGet { table }
            | Operator::TableSet { table }
            | Operator::TableGrow { table }
            | Operator::TableFill { table }
            | Operator::TableInit { table, .. } => {
                found.insert(table);
            }
            Operator::TableCopy { dst_table, src_table } => found.extend([dst_table, src_table]),
            Operator::MemoryInit { data_index, .. } | Operator::DataDrop { data_index } => {
                scan.data_named.insert(data_index);
            }
            Operator::RefFunc { function_index } => {
                scan.referenced.insert(function_index);
            }
            _ => {}
        }
    }
    Ok(scan)
}
