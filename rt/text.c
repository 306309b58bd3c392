/* See text.h. */
#include "text.h"

struct pal_text pal_text_in(char *buffer, size_t size)
{
	buffer[0] = 0;
	return (struct pal_text){ buffer, buffer, buffer + size - 1 };
}

static void add_byte(struct pal_text *text, char byte)
{
	if (text->at == text->end)
		return;
	*text->at++ = byte;
	*text->at = 0;
}

void pal_text_add(struct pal_text *text, const char *string)
{
	while (*string)
		add_byte(text, *string++);
}

void pal_text_name(struct pal_text *text, const char *name)
{
	for (int i = 0; i < 200 && name[i]; i++) {
		unsigned char byte = (unsigned char)name[i];
		add_byte(text, byte < 0x20 || byte == 0x7f ? '?' : name[i]);
	}
}

static void add_number(struct pal_text *text, uint64_t value, unsigned base)
{
	char digits[20]; /* 2^64 - 1 has 20 decimal digits */
	int count = 0;
	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (count)
		add_byte(text, digits[--count]);
}

void pal_text_decimal(struct pal_text *text, uint64_t value)
{
	add_number(text, value, 10);
}

void pal_text_hex(struct pal_text *text, uint64_t value)
{
	pal_text_add(text, "0x");
	add_number(text, value, 16);
}
