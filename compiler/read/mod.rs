//! Stage 1: wasm bytes to a [`Module`]: decoded and validated but for function bodies, which are validated where they
//! are translated, on all threads.

mod annotations;
mod expression;
mod features;
mod hints;
mod memories;
mod module;
mod names;

pub use annotations::first_annotation;
pub use expression::{ConstExpression, ConstOp};
pub use features::{FEATURES, Feature, Features};
pub use hints::BranchHints;
pub use memories::Resources;
pub(crate) use module::check_type;
pub use module::{
    Body, Data, DataMode, Element, ElementItem, ElementMode, Export, Function, Global, Import, Module, Table, Tag,
    TypeShape, read, refers_to_exception, refers_to_function,
};
pub use names::Names;
