/* args_get, args_sizes_get, environ_get, environ_sizes_get. */
#include "guest.h"
#include "preview1.h"
#include <string.h>

static int32_t put_sizes(PAL_WASI_VIEW, const struct pal_wasi_strings *strings, int32_t count, int32_t size)
{
	int32_t error = pal_wasi_put_u32(view, count, strings->count);
	return error ? error : pal_wasi_put_u32(view, size, strings->size);
}

/* Writes the strings to `text` and the addresses of their beginnings to `pointers`. */
static int32_t put_strings(PAL_WASI_VIEW, const struct pal_wasi_strings *strings, int32_t pointers, int32_t text)
{
	int32_t error = pal_wasi_room(view, pointers, (uint64_t)strings->count * 4);
	if (!error)
		error = pal_wasi_put(view, (uint32_t)text, strings->text, strings->size);
	const char *string = strings->text;
	for (uint32_t i = 0; !error && i < strings->count; i++) {
		uint8_t pointer[4];
		/* Stays below 2^32: the text was just written there, into a memory that has no more. */
		wasi_set_u32(pointer, (uint32_t)text + (uint32_t)(string - strings->text));
		error = pal_wasi_put(view, (uint32_t)pointers + (uint64_t)i * 4, pointer, sizeof pointer);
		string += strlen(string) + 1;
	}
	return error;
}

int32_t wasi_snapshot_preview1_args_get(PAL_WASI_VIEW, int32_t argv, int32_t text)
{
	return put_strings(view, &view->wasi->arguments, argv, text);
}

int32_t wasi_snapshot_preview1_args_sizes_get(PAL_WASI_VIEW, int32_t count, int32_t size)
{
	return put_sizes(view, &view->wasi->arguments, count, size);
}

int32_t wasi_snapshot_preview1_environ_get(PAL_WASI_VIEW, int32_t environ_, int32_t text)
{
	return put_strings(view, &view->wasi->environment, environ_, text);
}

int32_t wasi_snapshot_preview1_environ_sizes_get(PAL_WASI_VIEW, int32_t count, int32_t size)
{
	return put_sizes(view, &view->wasi->environment, count, size);
}
