//! Which proposals a module may use.

use wasmparser::WasmFeatures;

/// A proposal by its name, as `--enable-NAME` and `--disable-NAME` know it.
#[derive(Debug)]
pub struct Feature {
    /// Name in the proposals' repository.
    pub name: &'static str,
    switch: Switch,
    /// True if palisade compiles it; otherwise modules that use it get an error naming it.
    pub compiled: bool,
}

/// What a proposal's switch turns.
#[derive(Debug, Clone, Copy)]
enum Switch {
    /// What the validator accepts.
    Validator(WasmFeatures),
    /// Hints in a custom section are heeded.
    BranchHinting,
    /// Modules in text may have annotations.
    Annotations,
}

const fn feature(name: &'static str, flag: WasmFeatures, compiled: bool) -> Feature {
    Feature { name, switch: Switch::Validator(flag), compiled }
}

/// All proposals that have a switch.
pub const FEATURES: &[Feature] = &[
    feature("mutable-globals", WasmFeatures::MUTABLE_GLOBAL, true),
    feature("nontrapping-fptoint", WasmFeatures::SATURATING_FLOAT_TO_INT, true),
    feature("sign-extension", WasmFeatures::SIGN_EXTENSION, true),
    feature("reference-types", WasmFeatures::REFERENCE_TYPES, true),
    feature("multi-value", WasmFeatures::MULTI_VALUE, true),
    feature("bulk-memory", WasmFeatures::BULK_MEMORY, true),
    feature("extended-const", WasmFeatures::EXTENDED_CONST, true),
    feature("multi-memory", WasmFeatures::MULTI_MEMORY, true),
    feature("memory64", WasmFeatures::MEMORY64, true),
    feature("compact-import-section", WasmFeatures::COMPACT_IMPORTS, true),
    feature("custom-page-sizes", WasmFeatures::CUSTOM_PAGE_SIZES, true),
    feature("wide-arithmetic", WasmFeatures::WIDE_ARITHMETIC, true),
    feature("simd", WasmFeatures::SIMD, true),
    feature("relaxed-simd", WasmFeatures::RELAXED_SIMD, true),
    feature("tail-call", WasmFeatures::TAIL_CALL, true),
    feature("threads", WasmFeatures::THREADS, true),
    feature("exception-handling", WasmFeatures::EXCEPTIONS, true),
    feature("legacy-exceptions", WasmFeatures::LEGACY_EXCEPTIONS, true),
    feature("function-references", WasmFeatures::FUNCTION_REFERENCES, true),
    Feature { name: "branch-hinting", switch: Switch::BranchHinting, compiled: true },
    Feature { name: "annotations", switch: Switch::Annotations, compiled: true },
    feature("gc", WasmFeatures::GC, false),
    feature("memory-control", WasmFeatures::MEMORY_CONTROL, true),
];

/// The set of proposals a compilation accepts.
#[derive(Debug, Clone, Copy)]
pub struct Features {
    /// What the validator accepts.
    pub(crate) validator: WasmFeatures,
    /// Branch hints are heeded.
    pub(crate) branch_hinting: bool,
    /// Modules in text may have annotations.
    pub(crate) annotations: bool,
}

impl Default for Features {
    /// All finished proposals; legacy exceptions too, since most shipped binaries use them.
    fn default() -> Features {
        let mut on = WasmFeatures::all();
        on.remove(WasmFeatures::COMPONENT_MODEL);
        for off in [
            WasmFeatures::CUSTOM_PAGE_SIZES,
            WasmFeatures::WIDE_ARITHMETIC,
            WasmFeatures::MEMORY_CONTROL,
            WasmFeatures::STACK_SWITCHING,
            WasmFeatures::SHARED_EVERYTHING_THREADS,
            WasmFeatures::CUSTOM_DESCRIPTORS,
            WasmFeatures::ACQUIRE_RELEASE_ATOMICS,
            WasmFeatures::MULTIBYTE_ARRAY_ACCESS,
        ] {
            on.remove(off);
        }
        Features { validator: on, branch_hinting: true, annotations: true }
    }
}

impl Features {
    /// Switches a proposal by its name; false if there is none of that name.
    pub fn set(&mut self, name: &str, on: bool) -> bool {
        let Some(feature) = FEATURES.iter().find(|f| f.name == name) else { return false };
        match feature.switch {
            Switch::Validator(flag) => self.validator.set(flag, on),
            Switch::BranchHinting => self.branch_hinting = on,
            Switch::Annotations => self.annotations = on,
        }
        true
    }

    /// For CPUs without vectors.
    pub fn without_vectors(&mut self) {
        self.validator.remove(WasmFeatures::SIMD | WasmFeatures::RELAXED_SIMD);
    }

    /// True if the named proposal is on.
    pub fn has(&self, name: &str) -> bool {
        FEATURES.iter().find(|f| f.name == name).is_some_and(|feature| match feature.switch {
            Switch::Validator(flag) => self.validator.contains(flag),
            Switch::BranchHinting => self.branch_hinting,
            Switch::Annotations => self.annotations,
        })
    }
}
