#include "os.h"
#include "guest.h"
#include "guest_copy.h"
#include <stdlib.h>
#include <string.h>

/* What Linux moves at most in one call; other systems answer EINVAL above INT_MAX. */
#define MAX_TRANSFER 0x7ffff000u

int32_t pal_wasi_room(const struct wasi_snapshot_preview1 *view, int32_t at, uint64_t size)
{
	return view->memory && pal_guest_range(view->memory, (uint32_t)at, size, false) ? WASI_OK : WASI_FAULT;
}

int32_t pal_wasi_get(const struct wasi_snapshot_preview1 *view, void *to, uint64_t at, uint64_t size)
{
	return view->memory && pal_guest_read(view->memory, to, at, size) ? WASI_OK : WASI_FAULT;
}

int32_t pal_wasi_put(const struct wasi_snapshot_preview1 *view, uint64_t at, const void *from, uint64_t size)
{
	return view->memory && pal_guest_write(view->memory, at, from, size) ? WASI_OK : WASI_FAULT;
}

int32_t pal_wasi_put_u16(const struct wasi_snapshot_preview1 *view, int32_t at, uint16_t value)
{
	uint8_t bytes[2];
	wasi_set_u16(bytes, value);
	return pal_wasi_put(view, (uint32_t)at, bytes, sizeof bytes);
}

int32_t pal_wasi_put_u32(const struct wasi_snapshot_preview1 *view, int32_t at, uint32_t value)
{
	uint8_t bytes[4];
	wasi_set_u32(bytes, value);
	return pal_wasi_put(view, (uint32_t)at, bytes, sizeof bytes);
}

int32_t pal_wasi_put_u64(const struct wasi_snapshot_preview1 *view, int32_t at, uint64_t value)
{
	uint8_t bytes[8];
	wasi_set_u64(bytes, value);
	return pal_wasi_put(view, (uint32_t)at, bytes, sizeof bytes);
}

/* Length of the UTF-8 sequence at p, 0 if there is none. The text ends with a NUL, which is no continuation byte, so
 * that nothing behind it is looked at. */
static unsigned sequence(const uint8_t *p)
{
	if (p[0] < 0x80)
		return 1;
	unsigned length = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	for (unsigned i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)) /* overlong; surrogates */
		return 0;
	if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) /* overlong; above U+10FFFF */
		return 0;
	return length;
}

/* INVAL for a NUL within the text, ILSEQ for what is not UTF-8. */
static int32_t check_text(const char *text, size_t length)
{
	if (strlen(text) != length)
		return WASI_INVAL;
	for (size_t i = 0; i < length;) {
		unsigned step = sequence((const uint8_t *)text + i);
		if (!step)
			return WASI_ILSEQ;
		i += step;
	}
	return WASI_OK;
}

int32_t pal_wasi_get_path(const struct wasi_snapshot_preview1 *view, struct pal_wasi_text *out, int32_t at,
                          int32_t length)
{
	size_t size = (uint32_t)length;
	int32_t error = pal_wasi_room(view, at, size);
	if (error)
		return error;
	if (size >= PATH_MAX)
		return WASI_NAMETOOLONG;
	out->text = size < sizeof out->small ? out->small : malloc(size + 1);
	if (!out->text)
		return WASI_NOMEM;
	error = pal_wasi_get(view, out->text, (uint32_t)at, size);
	out->text[size] = 0;
	if (!error)
		error = check_text(out->text, size);
	if (error)
		pal_wasi_drop_path(out);
	return error;
}

void pal_wasi_drop_path(struct pal_wasi_text *path)
{
	if (path->text != path->small)
		free(path->text);
}

/* Adds one buffer. False: no more fit. */
static bool add_buffer(struct pal_wasi_buffers *out, void *base, uint32_t length, uint32_t *left)
{
	uint32_t used = length < *left ? length : *left;
	out->iov[out->count++] = (struct iovec){ base, used };
	*left -= used;
	return *left != 0 && out->count < PAL_WASI_IOVECS;
}

int32_t pal_wasi_get_buffers(const struct wasi_snapshot_preview1 *view, struct pal_wasi_buffers *out, int32_t at,
                             int32_t count, bool fill)
{
	enum { BATCH = 32 };
	uint8_t batch[BATCH * WASI_IOVEC_SIZE];
	uint32_t number = (uint32_t)count, left = MAX_TRANSFER;
	out->count = 0;
	int32_t error = pal_wasi_room(view, at, (uint64_t)number * WASI_IOVEC_SIZE);
	if (error)
		return error;
	/* The array lies in memory, so there are at most 2^29 to look at even if all are empty. */
	for (uint64_t done = 0; done < number;) {
		uint32_t here = number - done < BATCH ? (uint32_t)(number - done) : BATCH;
		error = pal_wasi_get(view, batch, (uint32_t)at + done * WASI_IOVEC_SIZE, here * WASI_IOVEC_SIZE);
		if (error)
			return error;
		for (uint32_t i = 0; i < here; i++) {
			const uint8_t *entry = batch + i * WASI_IOVEC_SIZE;
			uint32_t length = wasi_u32(entry + WASI_IOVEC_LENGTH);
			if (!length)
				continue;
			void *base = pal_guest_range(view->memory, wasi_u32(entry + WASI_IOVEC_BUF), length, fill);
			if (!base)
				return WASI_FAULT;
			if (!add_buffer(out, base, length, &left))
				return WASI_OK;
		}
		done += here;
	}
	return WASI_OK;
}
