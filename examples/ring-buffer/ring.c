/* A ring buffer without the seam: its pages are mapped twice, side by side, so a message that runs over the end is still
 * one piece. It lives in a memory of its own. */
#include <palisade/guest.h>
#include <stdio.h>
#include <string.h>

PAL_VIRTUAL_MEMORY(ring, "palisade:memory/ring", uint32_t)

static uint32_t size, head, tail; /* positions count on and on; addresses are modulo size */

static void put(const char *text)
{
	uint32_t length = (uint32_t)strlen(text);
	ring_store_i32(head % size, (int32_t)length);
	ring_copy_in(head % size + 4, text, length);
	head += 4 + length;
}

static void take(char *text)
{
	uint32_t length = (uint32_t)ring_load_i32(tail % size);
	ring_copy_out(text, tail % size + 4, length);
	text[length] = 0;
	tail += 4 + length;
}

int main(void)
{
	size = (uint32_t)pal_page_size();
	if (ring_map(0, size, PAL_PROT_READ_WRITE) || ring_alias(size, 0, size))
		return 1;
	char text[64], back[64];
	unsigned seams = 0;
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(text, sizeof text, "message number %u", i);
		seams += head % size + 4 + strlen(text) > size;
		put(text);
		take(back);
		if (strcmp(text, back)) {
			printf("lost: %s\n", text);
			return 1;
		}
	}
	printf("100000 messages, %s over the seam\n", seams > 10 ? "many of them" : "none");
	return 0;
}
