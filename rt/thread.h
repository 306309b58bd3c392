/* What the runtime keeps per thread. */
#ifndef PAL_THREAD_H
#define PAL_THREAD_H
#include "palisade.h"
#include "port.h"

#pragma GCC visibility push(hidden)

/* One frame of a trap's backtrace. */
struct pal_frame {
	const char *module, *function; /* names */
	uint32_t index;                /* function index in its module */
	uint64_t offset;               /* in the wasm file; 0 if unknown */
};
enum { PAL_FRAMES = 32 };

/* A pal_try that has not ended, kept outside its frame since the frame may be gone: longjmp tells nobody. */
struct pal_try_entry {
	uintptr_t frame;    /* see arch.h */
	uintptr_t stack;    /* low end of the stack it is on; 0 if unknown */
	uintptr_t link[2];  /* what the frame's record holds as long as it lives */
	uint64_t cookie;
};

/* Exception objects of this thread (exception.h). */
struct pal_exceptions {
	struct slab *slabs;
	struct pal_exception *free;
	size_t count, free_count; /* objects in all; those in the list */
};

struct pal_thread {
	struct pal_stack own;    /* the thread's stack; asked for once */
	struct pal_stack mapped; /* one that the runtime made and this thread is running on; high 0: none */
	bool own_asked, prepared;
	struct pal_try_entry *tries; /* innermost last */
	size_t try_count, try_room;
	uint64_t cookie; /* of the latest try; never used twice */
	uintptr_t retried_pc, retried_address; /* of the latest access that was made again; see fault.c */
	struct pal_exceptions exceptions;
	pal_budget *budget; /* what it makes is counted there, see budget.h; NULL: nowhere */
	/* the last trap */
	struct pal_trap_info trap;
	char message[1024];
	struct pal_frame frames[PAL_FRAMES];
	int frame_count;
	bool frames_cut; /* there were more */
};
#ifdef _WIN32 /* whose compilers don't agree on thread-local variables, and some allocate them at any time */
struct pal_thread *pal_thread_here(void);
#define pal_self (*pal_thread_here())
#elif defined(PAL_BOARD) /* there is one */
extern struct pal_thread pal_self;
#else
extern _Thread_local struct pal_thread pal_self;
#endif

/* Makes the calling thread ready for traps: signal stack, stack bounds, fault handlers. Cheap when done already. */
void pal_thread_prepare(void);
/* Frees what this thread's pal_self holds; the thread may begin anew after it. */
void pal_thread_end(void);
/* The known stack that contains this address, or NULL. Knows the thread's own one only once pal_thread_prepare or pal_rt_stack_enter
 * has run. */
const struct pal_stack *pal_thread_stack(uintptr_t address);

#pragma GCC visibility pop
#endif
