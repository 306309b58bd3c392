//! Data segments: those that can't fail and nobody names become few larger ones.
//!
//! Compilers write one segment per constant (Go's make 100,000 of a few bytes), and each costs time when an instance is
//! made. At compile time segments are merged that lie within the least size of a memory of the instance's own: applying
//! them can't trap, and what lies between them is still zero. Only those in front of every other active segment are,
//! so the order in which bytes are written and a trap is met stays as it was.

use super::{MemoryPlan, Scan};
use crate::context::IMAGE_ALIGN;
use crate::read::{Data, DataMode, Module};
use std::collections::HashMap;

/// Segments closer than this become one; what lies between them is written as zeros.
const GAP: u64 = 256;

/// What a memory holds when the instance is made: pieces, ascending, with zeros between them.
#[derive(Debug, Clone)]
pub struct Image(Vec<(u64, Vec<u8>)>);

impl Image {
    /// Of a memory of `length` bytes; none if the range is not inside.
    pub fn bytes(&self, address: u64, size: u32, length: u64) -> Option<Vec<u8>> {
        let end = address.checked_add(size.into()).filter(|&end| end <= length)?;
        let mut bytes = vec![0; size as usize];
        let first = self.0.partition_point(|(at, piece)| at + piece.len() as u64 <= address);
        for (at, piece) in self.0[first..].iter().take_while(|(at, _)| *at < end) {
            let (from, to) = (address.max(*at), end.min(at + piece.len() as u64));
            let source = &piece[(from - at) as usize..(to - at) as usize];
            bytes[(from - address) as usize..(to - address) as usize].copy_from_slice(source);
        }
        Some(bytes)
    }
}

/// What memory `index` holds, if all segments of the module are where they are whatever it imports: where applying one
/// is a trap, code that others got hold of before would see the memory without those behind it.
pub fn image(module: &Module<'_>, memories: &[MemoryPlan], index: u32) -> Option<Image> {
    let mut segments = Vec::new();
    for data in module.data.iter().filter(|data| !matches!(data.mode, DataMode::Passive)) {
        let (memory, offset) = placed(data, memories)?;
        if memory == index {
            segments.push((offset, data.bytes));
        }
    }
    let pieces = images(index, segments, Gap::Bytes).into_iter().filter_map(|plan| match plan {
        DataPlan::Image { offset, bytes, .. } => Some((offset, bytes)),
        _ => None,
    });
    Some(Image(pieces.collect()))
}

/// Less data than this is not worth a mapping of its own.
const MAPPED_MIN: u64 = IMAGE_ALIGN;

/// A segment as the runtime sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataPlan {
    /// The module's own, by index.
    Kept(u32),
    /// Several of them.
    Image {
        /// The memory, owned by the instance.
        memory: u32,
        /// Where it goes, inside the memory.
        offset: u64,
        /// What is written there.
        bytes: Vec<u8>,
    },
    /// As an image, of whole pages, in a section that can be mapped from the program's file (`cow`).
    Mapped {
        /// The memory, owned by the instance.
        memory: u32,
        /// Where it goes, inside the memory; a multiple of [`IMAGE_ALIGN`].
        offset: u64,
        /// What these pages begin as; so many bytes are also a multiple of it.
        bytes: Vec<u8>,
    },
}

/// The segments in the order they are applied in.
pub fn plan(module: &Module<'_>, plans: &[MemoryPlan], scan: &Scan) -> Vec<DataPlan> {
    let mergeable = |index: usize| {
        let named = scan.data_named.contains(&(index as u32));
        if named { None } else { placed(&module.data[index], plans) }
    };
    let mut by_memory: HashMap<u32, Vec<(u64, &[u8])>> = HashMap::new();
    let mut kept = Vec::new();
    let mut merging = true;
    for (index, data) in module.data.iter().enumerate() {
        match mergeable(index).filter(|_| merging) {
            Some((memory, offset)) => by_memory.entry(memory).or_default().push((offset, data.bytes)),
            None => {
                merging &= matches!(data.mode, DataMode::Passive);
                kept.push(DataPlan::Kept(index as u32));
            }
        }
    }
    let mut memories: Vec<_> = by_memory.into_iter().collect();
    memories.sort_unstable_by_key(|(memory, _)| *memory);
    let (mapped, copied): (Vec<_>, Vec<_>) = memories
        .into_iter()
        .flat_map(|(memory, segments)| match plans[memory as usize].cow {
            true => images(memory, segments, Gap::Pages).into_iter().map(mapped).collect(),
            false => images(memory, segments, Gap::Bytes),
        })
        .partition(|plan| matches!(plan, DataPlan::Mapped { .. }));
    mapped.into_iter().chain(copied).chain(kept).collect()
}

/// What one segment may be apart from the next one to be merged with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// [`GAP`].
    Bytes,
    /// They touch the same page, or the later one begins with the next page.
    Pages,
}

impl Gap {
    /// Where a segment may begin at most that is merged with those up to `end`.
    fn reach(self, end: u64) -> u64 {
        match self {
            Gap::Bytes => end + GAP,
            Gap::Pages => end.next_multiple_of(IMAGE_ALIGN),
        }
    }
}

/// The whole pages of an image, if it is large. Pages of a memory are as large, so they lie inside it.
fn mapped(plan: DataPlan) -> DataPlan {
    let DataPlan::Image { memory, offset, bytes } = plan else { return plan };
    if (bytes.len() as u64) < MAPPED_MIN {
        return DataPlan::Image { memory, offset, bytes };
    }
    let front = offset % IMAGE_ALIGN;
    let size = (front + bytes.len() as u64).next_multiple_of(IMAGE_ALIGN);
    let mut pages = vec![0; size as usize];
    pages[front as usize..front as usize + bytes.len()].copy_from_slice(&bytes);
    DataPlan::Mapped { memory, offset: offset - front, bytes: pages }
}

/// Memory and offset of an active segment that can't fail.
fn placed(data: &Data<'_>, memories: &[MemoryPlan]) -> Option<(u32, u64)> {
    let DataMode::Active { memory, offset } = &data.mode else { return None };
    let plan = &memories[*memory as usize];
    let offset = offset.constant()?;
    let inside = offset.checked_add(data.bytes.len() as u64).is_some_and(|end| end <= plan.minimum_bytes);
    (plan.import.is_none() && inside).then_some((*memory, offset))
}

/// Merges one memory's segments; where they overlap, the later one wins.
fn images(memory: u32, segments: Vec<(u64, &[u8])>, gap: Gap) -> Vec<DataPlan> {
    let mut order: Vec<usize> = (0..segments.len()).filter(|&at| !segments[at].1.is_empty()).collect();
    order.sort_by_key(|&at| segments[at].0);
    let mut images = Vec::new();
    let mut group: Vec<usize> = Vec::new();
    let mut end = 0; // of the group: segments are inside a memory, so no sum overflows
    for at in order {
        let (offset, bytes) = segments[at];
        if !group.is_empty() && offset > gap.reach(end) {
            images.push(one_image(memory, &segments, std::mem::take(&mut group), end));
        }
        end = if group.is_empty() { 0 } else { end }.max(offset + bytes.len() as u64);
        group.push(at);
    }
    if !group.is_empty() {
        images.push(one_image(memory, &segments, group, end));
    }
    images
}

/// One image of the segments in `group`, which is sorted by offset.
fn one_image(memory: u32, segments: &[(u64, &[u8])], mut group: Vec<usize>, end: u64) -> DataPlan {
    let offset = segments[group[0]].0;
    let mut image = vec![0; (end - offset) as usize];
    group.sort_unstable(); // as in the module
    for at in group {
        let (to, bytes) = segments[at];
        let to = (to - offset) as usize;
        image[to..to + bytes.len()].copy_from_slice(bytes);
    }
    DataPlan::Image { memory, offset, bytes: image }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(segments: &[(u64, &[u8])]) -> Vec<(u64, Vec<u8>)> {
        let made = images(0, segments.to_vec(), Gap::Bytes).into_iter().map(|plan| match plan {
            DataPlan::Image { offset, bytes, .. } => (offset, bytes),
            _ => unreachable!("images only"),
        });
        made.collect()
    }

    #[test]
    fn near_segments_become_one_and_far_ones_do_not() {
        assert_eq!(merged(&[(8, &[3]), (4, &[1, 2])]), [(4, vec![1, 2, 0, 0, 3])]);
        let far = 10 + 1 + GAP;
        assert_eq!(merged(&[(10, &[1]), (far, &[2])]).len(), 1);
        assert_eq!(merged(&[(10, &[1]), (far + 1, &[2])]), [(10, vec![1]), (far + 1, vec![2])]);
    }

    #[test]
    fn where_segments_overlap_the_later_one_wins() {
        assert_eq!(merged(&[(4, &[1, 1, 1, 1]), (5, &[2, 2])]), [(4, vec![1, 2, 2, 1])]);
        assert_eq!(merged(&[(5, &[2, 2]), (4, &[1, 1, 1, 1])]), [(4, vec![1, 1, 1, 1])]);
        assert_eq!(merged(&[(4, &[1; 600]), (5, &[2]), (700, &[3])]).len(), 1);
    }

    #[test]
    fn images_are_zero_where_nothing_is() {
        let image = Image(vec![(4, vec![1, 2, 3]), (9, vec![4])]);
        assert_eq!(image.bytes(2, 8, 16), Some(vec![0, 0, 1, 2, 3, 0, 0, 4]));
        assert_eq!(image.bytes(5, 1, 16), Some(vec![2]));
        assert_eq!(image.bytes(12, 4, 16), Some(vec![0; 4]));
        assert_eq!((image.bytes(13, 4, 16), image.bytes(u64::MAX, 4, 16)), (None, None));
    }

    #[test]
    fn mapped_images_are_whole_pages_and_share_none() {
        const PAGE: usize = IMAGE_ALIGN as usize;
        let large = vec![7; PAGE + 1];
        let segments: [(u64, &[u8]); 4] =
            [(10, &large), (2 * IMAGE_ALIGN + 3, &[1]), (9 * IMAGE_ALIGN, &[2]), (4, &[3])];
        let made: Vec<_> = images(5, segments.to_vec(), Gap::Pages).into_iter().map(mapped).collect();
        let [
            DataPlan::Mapped { memory: 5, offset: 0, bytes },
            DataPlan::Image { offset: next, .. },
            DataPlan::Image { offset: last, .. },
        ] = &made[..]
        else {
            panic!("{} plans", made.len());
        };
        assert_eq!((bytes.len(), *next, *last), (2 * PAGE, 2 * IMAGE_ALIGN + 3, 9 * IMAGE_ALIGN));
        assert_eq!((bytes[3], bytes[4], bytes[10], bytes[PAGE + 10], bytes[PAGE + 11]), (0, 3, 7, 7, 0));
    }

    #[test]
    fn empty_segments_vanish() {
        assert_eq!(merged(&[(100, &[]), (4, &[1])]), [(4, vec![1])]);
    }
}
