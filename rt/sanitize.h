/* What the runtime must tell AddressSanitizer, which knows neither of traps nor of a second stack. Nothing without it. */
#ifndef PAL_SANITIZE_H
#define PAL_SANITIZE_H
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define PAL_ASAN 1
#elif defined(__has_feature)
#define PAL_ASAN __has_feature(address_sanitizer)
#else
#define PAL_ASAN 0
#endif

/* For the few functions that read other functions' frames, where there are red zones. */
#ifdef __clang__
#define PAL_NO_SANITIZE __attribute__((no_sanitize("address", "undefined")))
#else
#define PAL_NO_SANITIZE __attribute__((no_sanitize_address, no_sanitize_undefined))
#endif

#if PAL_ASAN
/* Forgets the red zones of frames that a trap skips. */
void __asan_handle_no_return(void);
/* Announces a change of stacks, and completes it on the new one. `kept` saves, or gives back, what belongs to the stack
 * that is left; NULL where that ends. */
void __sanitizer_start_switch_fiber(void **kept, const void *low, size_t size);
void __sanitizer_finish_switch_fiber(void *kept, const void **old_low, size_t *old_size);
#else
#define __asan_handle_no_return() ((void)0)
#define __sanitizer_start_switch_fiber(kept, low, size) ((void)(kept), (void)(low), (void)(size))
#define __sanitizer_finish_switch_fiber(kept, low, size) ((void)(kept), (void)(low), (void)(size))
#endif
#endif
