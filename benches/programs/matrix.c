/* Floating-point loops over two-dimensional arrays. */
#include <stdio.h>

#define N 300
static double a[N][N], b[N][N], c[N][N];

int main(void)
{
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			a[i][j] = (i * 3 + j) % 17;
			b[i][j] = (i + j * 5) % 13;
		}
	for (int round = 0; round < 12; round++)
		for (int i = 0; i < N; i++)
			for (int k = 0; k < N; k++)
				for (int j = 0; j < N; j++)
					c[i][j] += a[i][k] * b[k][j];
	double sum = 0;
	for (int i = 0; i < N; i++)
		sum += c[i][(i * 7) % N];
	printf("%.1f\n", sum);
	return 0;
}
