//! One quick look at all code, for what a plan can't know from the module's head.

use crate::error::Result;
use crate::read::Module;
use rayon::prelude::*;
use std::collections::HashSet;
use wasmparser::Operator;

/// What the code does with tables and references.
#[derive(Debug, Default)]
pub struct Scan {
    /// For each body, functions that it calls or that its `ref.func`s name.
    pub named: Vec<Vec<u32>>,
    /// For each body, functions that its `ref.func`s name.
    pub referenced: Vec<Vec<u32>>,
    /// Tables that code reads or writes other than by `call_indirect` and `table.size`.
    pub tables_used_as_values: HashSet<u32>,
    /// Data segments that `memory.init` and `data.drop` name.
    pub data_named: HashSet<u32>,
}

/// The same of one body.
#[derive(Default)]
struct BodyScan {
    called: Vec<u32>,
    referenced: Vec<u32>,
    tables_used_as_values: HashSet<u32>,
    data_named: HashSet<u32>,
}

impl Scan {
    pub fn of(module: &Module<'_>) -> Result<Scan> {
        let bodies: Result<Vec<BodyScan>> = module.bodies.par_iter().map(|body| scan_body(&body.body)).collect();
        let mut scan = Scan::default();
        for body in bodies? {
            scan.tables_used_as_values.extend(body.tables_used_as_values);
            scan.data_named.extend(body.data_named);
            scan.named.push(distinct(body.called, &body.referenced));
            scan.referenced.push(body.referenced);
        }
        Ok(scan)
    }
}

fn distinct(mut functions: Vec<u32>, more: &[u32]) -> Vec<u32> {
    functions.extend(more);
    functions.sort_unstable();
    functions.dedup();
    functions.shrink_to_fit();
    functions
}

fn scan_body(body: &wasmparser::FunctionBody<'_>) -> Result<BodyScan> {
    let mut scan = BodyScan::default();
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
                scan.referenced.push(function_index);
            }
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                scan.called.push(function_index);
            }
            _ => {}
        }
    }
    Ok(scan)
}
