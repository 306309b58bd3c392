/* See interrupt.h. A page that is made inaccessible would save code the comparison, but programs took no less time for it
 * (benches/programs on x86-64: 5% with either), changing mappings is slow, and boards have none. */
#include "interrupt.h"
#include "instance.h"
#include "wait.h"

static uint32_t *word_of(const void *pinned)
{
	uint32_t at = pal_instance_of(pinned)->module->interrupt_at;
	return at ? (uint32_t *)((uintptr_t)pinned - at) : NULL;
}

void pal_rt_interrupt(void *pinned)
{
	__atomic_store_n(word_of(pinned), 1, __ATOMIC_SEQ_CST);
	pal_wait_wake(pinned);
}

void pal_rt_uninterrupt(void *pinned)
{
	uint32_t *word = word_of(pinned);
	if (word)
		__atomic_store_n(word, 0, __ATOMIC_SEQ_CST);
}

bool pal_interrupt_pending(const void *pinned)
{
	const uint32_t *word = word_of(pinned);
	return word && __atomic_load_n(word, __ATOMIC_SEQ_CST);
}
