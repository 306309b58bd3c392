/* Rounding for CPUs without an instruction for it, and without libm. NaN comes back quiet, with its payload; zeros and
 * small negative numbers keep their sign. Relies on the default rounding mode, which wasm never changes. */
#include "context.h"

/* From here on every number of the type is an integer. */
#define INTEGERS_F32 8388608.0f         /* 2^23 */
#define INTEGERS_F64 4503599627370496.0 /* 2^52 */

/* Large numbers, infinities (unchanged) and NaN (x + x makes it quiet) need no rounding. */
#define RETURN_IF_INTEGER(x, abs, limit) \
	if (!(abs(x) < (limit))) \
		return (x) != (x) ? (x) + (x) : (x)

float pal_rt_trunc_f32(float x)
{
	RETURN_IF_INTEGER(x, __builtin_fabsf, INTEGERS_F32);
	return __builtin_copysignf((float)(int32_t)x, x); /* below 2^23, so it fits */
}

double pal_rt_trunc_f64(double x)
{
	RETURN_IF_INTEGER(x, __builtin_fabs, INTEGERS_F64);
	return __builtin_copysign((double)(int64_t)x, x); /* below 2^52, so it fits */
}

float pal_rt_floor_f32(float x)
{
	float whole = pal_rt_trunc_f32(x);
	return whole > x ? whole - 1.0f : whole;
}

double pal_rt_floor_f64(double x)
{
	double whole = pal_rt_trunc_f64(x);
	return whole > x ? whole - 1.0 : whole;
}

float pal_rt_ceil_f32(float x)
{
	float whole = pal_rt_trunc_f32(x);
	return whole < x ? whole + 1.0f : whole;
}

double pal_rt_ceil_f64(double x)
{
	double whole = pal_rt_trunc_f64(x);
	return whole < x ? whole + 1.0 : whole;
}

/* Adding 2^23 leaves no room for a fraction: the addition rounds, ties to even. */
float pal_rt_nearest_f32(float x)
{
	RETURN_IF_INTEGER(x, __builtin_fabsf, INTEGERS_F32);
	float big = __builtin_copysignf(INTEGERS_F32, x);
	return __builtin_copysignf((x + big) - big, x);
}

double pal_rt_nearest_f64(double x)
{
	RETURN_IF_INTEGER(x, __builtin_fabs, INTEGERS_F64);
	double big = __builtin_copysign(INTEGERS_F64, x);
	return __builtin_copysign((x + big) - big, x);
}
