/* Work of the kind that CoreMark does: a linked list is sorted and searched, matrices are multiplied, a state machine reads
 * numbers, and a CRC goes over all of it. The same source is a guest and a part of the firmware. No library is used. */
#include <stdint.h>

#ifdef __wasm__
__attribute__((export_name("work")))
#endif
uint32_t WORK(uint32_t turns);

static uint16_t crc_byte(uint8_t byte, uint16_t crc)
{
	for (int i = 0; i < 8; i++) {
		int carry = (byte ^ crc) & 1;
		crc >>= 1;
		byte >>= 1;
		if (carry)
			crc ^= 0xa001;
	}
	return crc;
}

static uint16_t crc_word(uint32_t word, uint16_t crc)
{
	for (int i = 0; i < 4; i++)
		crc = crc_byte((uint8_t)(word >> 8 * i), crc);
	return crc;
}

/* ---- Lists ---- */

struct node {
	struct node *next;
	int16_t value, place;
};
enum { NODES = 200 };
static struct node nodes[NODES];

static struct node *make_list(uint32_t seed)
{
	for (int i = 0; i < NODES; i++) {
		seed = seed * 1103515245 + 12345;
		nodes[i] = (struct node){ i + 1 < NODES ? &nodes[i + 1] : 0, (int16_t)(seed >> 16), (int16_t)i };
	}
	return nodes;
}

static int by_value(const struct node *a, const struct node *b)
{
	return a->value - b->value;
}

static int by_place(const struct node *a, const struct node *b)
{
	return a->place - b->place;
}

typedef int compare(const struct node *, const struct node *);

static struct node *merge(struct node *a, struct node *b, compare *order)
{
	struct node *head = 0, **tail = &head;
	while (a && b) {
		struct node **less = order(a, b) <= 0 ? &a : &b;
		*tail = *less;
		tail = &(*less)->next;
		*less = *tail;
	}
	*tail = a ? a : b;
	return head;
}

static struct node *sort(struct node *list, int count, compare *order)
{
	if (count < 2) {
		list->next = 0;
		return list;
	}
	struct node *middle = list;
	for (int i = 0; i < count / 2; i++)
		middle = middle->next;
	struct node *rest = sort(middle, count - count / 2, order);
	return merge(sort(list, count / 2, order), rest, order);
}

static struct node *reverse(struct node *list)
{
	struct node *reversed = 0;
	while (list) {
		struct node *next = list->next;
		list->next = reversed;
		reversed = list;
		list = next;
	}
	return reversed;
}

static uint16_t work_on_list(uint32_t seed, uint16_t crc)
{
	struct node *list = sort(make_list(seed), NODES, by_value);
	for (const struct node *at = list; at; at = at->next)
		crc = crc_word((uint16_t)at->value, crc);
	list = reverse(sort(list, NODES, by_place));
	for (int wanted = 0; wanted < NODES; wanted += 7)
		for (const struct node *at = list; at; at = at->next)
			if (at->place == wanted) {
				crc = crc_byte((uint8_t)at->value, crc);
				break;
			}
	return crc;
}

/* ---- Matrices ---- */

enum { SIZE = 24 };
static int16_t a[SIZE][SIZE], b[SIZE][SIZE];
static int32_t c[SIZE][SIZE];

static uint16_t work_on_matrices(uint32_t seed, uint16_t crc)
{
	for (int i = 0; i < SIZE; i++)
		for (int j = 0; j < SIZE; j++) {
			seed = seed * 1103515245 + 12345;
			a[i][j] = (int16_t)(seed >> 20);
			b[i][j] = (int16_t)(a[i][j] + i * j);
		}
	for (int i = 0; i < SIZE; i++)
		for (int j = 0; j < SIZE; j++) {
			int32_t sum = 0;
			for (int k = 0; k < SIZE; k++)
				sum += (int32_t)a[i][k] * b[k][j];
			c[i][j] = sum;
		}
	for (int i = 0; i < SIZE; i++)
		crc = crc_word((uint32_t)c[i][(i * 7) % SIZE], crc);
	return crc;
}

/* ---- A state machine ---- */

enum state { START, SIGN, WHOLE, FRACTION, EXPONENT, INVALID, STATES };
static const char input[] = "5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,5.500e+3,-.123e-2,-87e+832,+0.6e-12,T0.3e-1F,"
                            "-T.T++Tq,1T3.4e4z,34.0e-T^";

static int is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static enum state step(enum state state, char byte)
{
	switch (state) {
	case START:
		if (byte == '+' || byte == '-')
			return SIGN;
		/* fall through */
	case SIGN: return is_digit(byte) ? WHOLE : byte == '.' ? FRACTION : INVALID;
	case WHOLE: return is_digit(byte) ? WHOLE : byte == '.' ? FRACTION : byte == 'e' ? EXPONENT : INVALID;
	case FRACTION: return is_digit(byte) ? FRACTION : byte == 'e' ? EXPONENT : INVALID;
	case EXPONENT: return is_digit(byte) || byte == '+' || byte == '-' ? EXPONENT : INVALID;
	default: return INVALID;
	}
}

static uint16_t work_on_text(uint32_t seed, uint16_t crc)
{
	uint32_t counts[STATES] = { 0 };
	for (unsigned turn = 0; turn < 10; turn++) {
		enum state state = START;
		for (unsigned i = 0; i + 1 < sizeof input; i++) {
			char byte = (char)(input[i] ^ ((seed + i) % 29 == turn ? 1 : 0));
			if (byte == ',') {
				counts[state]++;
				state = START;
			} else {
				state = step(state, byte);
			}
		}
	}
	for (int i = 0; i < STATES; i++)
		crc = crc_word(counts[i], crc);
	return crc;
}

uint32_t WORK(uint32_t turns)
{
	uint16_t crc = 0xffff;
	for (uint32_t turn = 1; turn <= turns; turn++) {
		crc = work_on_list(turn, crc);
		crc = work_on_matrices(turn, crc);
		crc = work_on_text(turn, crc);
	}
	return crc;
}
