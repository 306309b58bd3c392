/* For the few functions that read other functions' frames, where sanitizers keep red zones. */
#ifndef PAL_NO_SANITIZE_H
#define PAL_NO_SANITIZE_H
#ifdef __clang__
#define PAL_NO_SANITIZE __attribute__((no_sanitize("address", "undefined")))
#else
#define PAL_NO_SANITIZE __attribute__((no_sanitize_address, no_sanitize_undefined))
#endif
#endif
