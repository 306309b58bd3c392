/* Buffered streams: large writes, reading back in odd pieces, ungetc, temporary positions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char out[100000], in[100000];
	if (argc != 2 || chdir(argv[1]))
		return 2;
	for (size_t i = 0; i < sizeof out; i++)
		out[i] = (char)(i * 7 + i / 256);
	FILE *f = fopen("stream.bin", "wb");
	if (!f)
		return 3;
	setvbuf(f, NULL, _IOFBF, 777);
	for (size_t at = 0, step = 1; at < sizeof out; at += step, step = step * 3 % 1021) {
		if (step > sizeof out - at)
			step = sizeof out - at;
		if (fwrite(out + at, 1, step, f) != step)
			return 4;
	}
	fclose(f);
	f = fopen("stream.bin", "rb");
	size_t got = 0;
	for (size_t step = 5; got < sizeof in; step = step * 7 % 4093) {
		size_t n = fread(in + got, 1, step < sizeof in - got ? step : sizeof in - got, f);
		if (!n)
			break;
		got += n;
		if (got % 3 == 0 && got < sizeof in) {
			int c = fgetc(f);
			ungetc(c, f);
		}
	}
	printf("%zu %d %d\n", got, memcmp(in, out, sizeof in), fgetc(f));
	fpos_t place;
	fseek(f, 1234, SEEK_SET);
	fgetpos(f, &place);
	int first = fgetc(f);
	fseek(f, -1, SEEK_END);
	fsetpos(f, &place);
	printf("%d\n", first == fgetc(f));
	printf("%d %d\n", fclose(f), remove("stream.bin"));
	return 0;
}
