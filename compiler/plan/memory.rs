//! How each memory is accessed.

use super::data::Image;
use super::rodata;
use super::spec::{self, ModeChoice, ReadOnly, Settings, Virtual};
use crate::context::RESERVE_MAX;
use crate::error::{Error, Result};
use crate::read::Module;
use std::collections::HashSet;
use wasmparser::ExternalKind;

pub use super::spec::MemorySpec;

/// How code reaches a memory's bytes (design: "code mode").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryMode {
    /// 4 GiB and a guard reserved: no checks.
    Guard,
    /// Explicit checks against the view's size.
    Checked,
    /// Its size never changes: explicit checks against a constant.
    Fixed,
}

/// The plan of one memory.
#[derive(Debug, Clone)]
pub struct MemoryPlan {
    /// How it is accessed; of an `auto` memory: by the version of the code that this plan is for.
    pub mode: MemoryMode,
    /// Code for both guard and checked mode is in the object; each instance uses one of them.
    pub auto: bool,
    /// Its base is another one after it has grown.
    pub moves: bool,
    /// Others may use it, but not as a memory without checks: no address space is reserved for that.
    pub compact: bool,
    /// The import it comes from.
    pub import: Option<u32>,
    /// Addresses are i64.
    pub index64: bool,
    /// Other threads may use it at the same time; it never moves.
    pub shared: bool,
    /// log2 of the page size.
    pub page_log2: u32,
    /// The least length it ever has: the declared minimum in bytes, saturated, or 0 of a bindable memory.
    pub minimum_bytes: u64,
    /// Declared maximum in bytes, saturated.
    pub maximum_bytes: Option<u64>,
    /// Others may see it.
    pub exported: bool,
    /// Bytes from 0 on that are inaccessible once data segments are in place.
    pub no_access: u64,
    /// Bytes that can't be written after that: from, to.
    pub read_only: (u64, u64),
    /// Code and runtime check what is protected, to the byte; else the MMU does, as far as host pages lie inside.
    pub exact: bool,
    /// Nothing changes it once the instance is made, not even its length.
    pub immutable: bool,
    /// What an immutable memory holds, if that is known.
    pub image: Option<Image>,
    /// Instances may be given other bytes for it as they run.
    pub bindable: bool,
    /// Pages can be mapped and unmapped.
    pub virtual_pages: Option<Virtual>,
    /// Bytes it can ever have.
    pub limit: Option<u64>,
    /// Large data images are mapped from the program's file.
    pub cow: bool,
    /// Why this mode, for `--plan`.
    pub reason: String,
}

/// Plans all memories. `board`: there may be no MMU.
pub fn plan(module: &Module<'_>, specs: &[MemorySpec], board: bool) -> Result<Vec<MemoryPlan>> {
    let settings = spec::settings(module, specs)?;
    let exports = module.exports.iter().filter(|e| e.kind == ExternalKind::Memory);
    let exported: HashSet<u32> = exports.map(|e| e.index).collect();
    let plan = |(index, settings)| plan_one(module, index, settings, exported.contains(&index), board);
    (0..).zip(settings).map(plan).collect()
}

fn plan_one(module: &Module<'_>, index: u32, settings: Settings, exported: bool, board: bool) -> Result<MemoryPlan> {
    let (ty, import) = &module.memories[index as usize];
    let page_log2 = ty.page_size_log2.unwrap_or(16);
    let guardable = !ty.memory64 && page_log2 == 16;
    let (choice, reason) = match settings.mode {
        Some((mode, origin)) => (mode, format!("asked for by {}", origin.name())),
        None if board => default_board_mode(ty.maximum == Some(ty.initial), &settings),
        None => default_mode(index, ty.memory64, page_log2, &settings),
    };
    let bytes = |pages: u64| pages.saturating_mul(1 << page_log2);
    let impossible = |why: &str| {
        let origin = settings.mode.map_or("--memory", |(_, origin)| origin.name());
        Err(Error::new(format!("{origin}: memory {index} {why}")))
    };
    match choice {
        ModeChoice::Guard | ModeChoice::Auto if !guardable => {
            return impossible("is 64-bit or has small pages: guard and auto are impossible");
        }
        ModeChoice::Guard | ModeChoice::Auto | ModeChoice::Fixed if settings.bindable => {
            return impossible("is bindable, so its length and place may change at any time: it needs mode=checked");
        }
        ModeChoice::Guard if board => {
            return impossible(
                "can't rely on guard pages: a board may have no MMU. mode=auto has checks for that case",
            );
        }
        ModeChoice::Fixed if ty.maximum != Some(ty.initial) && !settings.immutable => {
            return impossible("can grow: fixed needs a maximum that is the minimum");
        }
        _ => {}
    }
    let mode = match choice {
        ModeChoice::Guard | ModeChoice::Auto => MemoryMode::Guard,
        ModeChoice::Checked => MemoryMode::Checked,
        ModeChoice::Fixed => MemoryMode::Fixed,
    };
    let maximum_bytes = match (ty.maximum.map(bytes), settings.limit) {
        (Some(maximum), Some(limit)) => Some(maximum.min(limit)),
        (maximum, limit) => maximum.or(limit),
    };
    if settings.limit.is_some_and(|limit| limit < bytes(ty.initial)) {
        return impossible("is larger than its limit");
    }
    if settings.virtual_pages.is_some() && ty.memory64 && maximum_bytes.is_none() {
        return impossible("is virtual and 64-bit: it needs a maximum or limit=SIZE, which is reserved");
    }
    if board && (settings.virtual_pages.is_some() || settings.cow) {
        return impossible("is virtual or cow: there is no operating system that manages pages on boards");
    }
    if let Some(why) = contradiction(&settings, ty.shared, import.is_some()) {
        return impossible(why);
    }
    if settings.cow && (import.is_some() || page_log2 != 16 || settings.virtual_pages.is_some()) {
        return impossible("is imported, virtual or has small pages: cow is impossible");
    }
    if settings.cow && ty.memory64 && maximum_bytes.is_none() {
        return impossible("is 64-bit and must not move: cow needs a maximum or limit=SIZE, which is reserved");
    }
    let special = settings.no_access > 0 || settings.read_only.is_some();
    if import.is_some() && (settings.virtual_pages.is_some() || settings.limit.is_some()) {
        return impossible("is imported: what its pages are is its provider's to say");
    }
    // With `exact` the keys say what the provider protects, and this module's code checks it, too.
    if import.is_some() && special && !settings.exact {
        return impossible("is imported: what is protected of it is its provider's to say, without exact");
    }
    let read_only = match settings.read_only {
        None => (0, 0),
        Some(ReadOnly::Bytes(size)) => (settings.no_access, settings.no_access.saturating_add(size)),
        Some(ReadOnly::Rodata) => match rodata::range(module, index) {
            Some(range) => range,
            None => return impossible("has no constant data that is known: read-only=rodata needs a segment .rodata"),
        },
    };
    if settings.no_access.max(read_only.1) > bytes(ty.initial) {
        return impossible("is smaller than what is to be protected of it");
    }
    Ok(MemoryPlan {
        mode,
        auto: choice == ModeChoice::Auto,
        exact: special && (settings.exact || board || matches!(choice, ModeChoice::Checked | ModeChoice::Fixed)),
        immutable: settings.immutable,
        image: None,
        bindable: settings.bindable,
        moves: mode == MemoryMode::Checked
            && !ty.shared
            && settings.virtual_pages.is_none()
            && !settings.immutable
            && !settings.cow
            && (settings.bindable || board || moves(import.is_some(), maximum_bytes)),
        compact: (settings.mode.is_some() && mode == MemoryMode::Checked) || (board && mode != MemoryMode::Guard),
        import: *import,
        index64: ty.memory64,
        shared: ty.shared,
        page_log2,
        minimum_bytes: if settings.bindable { 0 } else { bytes(ty.initial) },
        maximum_bytes,
        exported,
        no_access: settings.no_access,
        read_only,
        virtual_pages: settings.virtual_pages,
        limit: if settings.immutable { Some(bytes(ty.initial).max(1)) } else { settings.limit },
        cow: settings.cow,
        reason,
    })
}

/// Keys that exclude each other, or that others' memories can't have.
fn contradiction(settings: &Settings, shared: bool, imported: bool) -> Option<&'static str> {
    let protected = settings.no_access > 0 || settings.read_only.is_some();
    match () {
        () if settings.immutable && imported => Some("is imported: its provider may change it, so it is not immutable"),
        () if settings.immutable && shared => Some("is shared and immutable: one excludes the other"),
        () if settings.cow && settings.bindable => Some("is bindable and cow: one excludes the other"),
        () if settings.immutable && settings.bindable => Some("is immutable and bindable: one excludes the other"),
        () if settings.immutable && settings.virtual_pages.is_some() => {
            Some("is immutable and virtual: one excludes the other")
        }
        // A load may be moved to where its address is not known to be one of the program's.
        () if settings.immutable && settings.no_access > 0 => Some("is immutable: it can't have no-access, too"),
        () if settings.bindable && shared => Some("is shared: its threads could not be told of other bytes"),
        () if settings.bindable && (protected || settings.virtual_pages.is_some()) => {
            Some("is bindable: what its pages are is for the host to say, who makes what is bound to it")
        }
        () if settings.exact && !protected => Some("has no range that exact could be about: no-access or read-only"),
        () => None,
    }
}

fn default_mode(index: u32, index64: bool, page_log2: u32, settings: &Settings) -> (ModeChoice, String) {
    let (mode, reason) = match () {
        () if settings.bindable => (ModeChoice::Checked, "bindable"),
        () if settings.immutable => (ModeChoice::Fixed, "immutable"),
        () if index == 0 && !index64 && page_log2 == 16 => (ModeChoice::Guard, "memory 0, 32-bit"),
        () if index64 => (ModeChoice::Checked, "64-bit"),
        () if page_log2 != 16 => (ModeChoice::Checked, "custom page size"),
        () => (ModeChoice::Checked, "not memory 0"),
    };
    (mode, reason.to_owned())
}

/// Without an MMU.
fn default_board_mode(constant: bool, settings: &Settings) -> (ModeChoice, String) {
    let (mode, reason) = match () {
        () if settings.bindable => (ModeChoice::Checked, "bindable"),
        () if settings.immutable => (ModeChoice::Fixed, "immutable"),
        () if constant => (ModeChoice::Fixed, "a board, and it never grows"),
        () => (ModeChoice::Checked, "a board, and it may grow"),
    };
    (mode, reason.to_owned())
}

/// The runtime reserves small maxima of an instance's own memories at once (`lay_out` in rt/memory.c).
fn moves(imported: bool, maximum_bytes: Option<u64>) -> bool {
    imported || maximum_bytes.is_none_or(|bytes| bytes > RESERVE_MAX)
}

impl MemoryPlan {
    /// Others know it, so it may be the same as another one of those.
    pub fn seen_outside(&self) -> bool {
        self.import.is_some() || self.exported || self.bindable
    }

    /// Bytes that it has at any time: what lies below needs no check.
    pub fn least_bytes(&self) -> u64 {
        self.minimum_bytes
    }

    /// The same for the version of the code that an instance uses where address space is short. The runtime never
    /// moves an `auto` memory of the instance's own, either: it reserves what it can.
    pub(super) fn checked(&self) -> MemoryPlan {
        let mode = if self.auto { MemoryMode::Checked } else { self.mode };
        MemoryPlan { mode, moves: self.moves || (self.auto && self.import.is_some() && !self.shared), ..self.clone() }
    }
}
