/* Vectors of the processor, and the functions of one argument that the cells are made of.
 *
 * The same bits on every processor and for every vector length: each lane is computed by itself, from operations that IEEE
 * 754 rounds in one way (+, −, ×, ÷ and the fused multiply-add, written out), and no compiler option may reorder them.
 *
 *     e^x = 2^k e^r,  k = round(x / ln 2),  r = x − k ln 2 in [−ln 2 / 2, ln 2 / 2]
 *     e^r − 1 = r + r² (1/2! + r/3! + r²/4! + …)                                  (Taylor's series)
 *     σ(x) = 1 / (1 + e^−x)
 *     tanh(x) = (e^2x − 1) / (e^2x + 1)
 *
 * This file is compiled for float and for double: REAL is the type.
 */
#ifndef GRU_TF_VECTOR_H
#define GRU_TF_VECTOR_H

#include <stdint.h>
#include <string.h>

#ifndef VECTOR_BYTES
#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#endif

#define IS_DOUBLE (sizeof(REAL) == 8)
#define LANES ((int64_t)(VECTOR_BYTES / sizeof(REAL)))
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#define UNROLL_4 _Pragma("unroll 4")
#else
#define UNROLL _Pragma("GCC unroll 16")
#define UNROLL_4 _Pragma("GCC unroll 4")
#endif

typedef REAL vector __attribute__((vector_size(VECTOR_BYTES)));
typedef REAL unaligned_vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
typedef __typeof__((vector){0} > (vector){0}) bits; /* integers as wide as REAL, −1 where a comparison holds */

INLINE vector load(const REAL *from) { return (vector) * (const unaligned_vector *)from; }
INLINE void store(REAL *to, vector values) { *(unaligned_vector *)to = (unaligned_vector)values; }
INLINE vector all(REAL value) { return value - (vector){0}; } /* x − 0 = x, also for −0 and NaN */
INLINE bits bits_of(vector values) { return (bits)values; }
INLINE vector choose(bits condition, vector yes, vector no) { return (vector)((condition & (bits)yes) | (~condition & (bits)no)); }

/* The first `count` lanes, and zeros. */
INLINE vector first_lanes(vector values, int64_t count) {
  bits lane;
  for (int64_t i = 0; i < LANES; i++) lane[i] = i < count ? -1 : 0;
  return choose(lane, values, (vector){0});
}

/* a b + c, rounded once */
INLINE vector fma_(vector a, vector b, vector c) {
#if defined(__clang__)
  return __builtin_elementwise_fma(a, b, c);
#else
  vector result;
  for (int64_t lane = 0; lane < LANES; lane++)
    result[lane] = IS_DOUBLE ? (REAL)__builtin_fma(a[lane], b[lane], c[lane]) : (REAL)__builtin_fmaf(a[lane], b[lane], c[lane]);
  return result;
#endif
}

/* e^x = scale (1 + small), where small = e^r − 1 keeps its digits near 0; x within ±EXP_MOST, or NaN */
typedef struct {
  vector scale, small;
} Exponential;

#define EXP_MOST ((REAL)(IS_DOUBLE ? 708.0 : 87.0)) /* 2^k and its inverse are normal numbers */

INLINE vector series(vector r) {
  static const double inverse_factorials[] = {
      1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800,
      1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
  const int terms = IS_DOUBLE ? 12 : 6;
  vector sum = all((REAL)inverse_factorials[terms - 1]);
  UNROLL for (int n = terms - 2; n >= 0; n--) sum = fma_(sum, r, all((REAL)inverse_factorials[n]));
  return fma_(sum, r * r, r);
}

INLINE Exponential exponential(vector x) {
  const REAL ln2_high = (REAL)(IS_DOUBLE ? 0x1.62e42fefa38p-1 : 0x1.62e4p-1);
  const REAL ln2_low = (REAL)(IS_DOUBLE ? 0x1.ef35793c7673p-45 : 0x1.7f7d1cf7p-20);
  const REAL rounder = (REAL)(IS_DOUBLE ? 0x1.8p52 : 0x1.8p23); /* adding it rounds to a whole number, in the lowest bits */
  const vector shifted = fma_(x, all((REAL)1.4426950408889634), all(rounder));
  const vector k = shifted - all(rounder);
  const vector r = fma_(k, all(-ln2_low), fma_(k, all(-ln2_high), x));
  const bits exponent = bits_of(shifted) - bits_of(all(rounder)) + (IS_DOUBLE ? 1023 : 127);
  return (Exponential){(vector)(exponent << (IS_DOUBLE ? 52 : 23)), series(r)};
}

/* x within ±most; NaN stays */
INLINE vector within(vector x, REAL most) {
  x = choose(x > all(most), all(most), x);
  return choose(x < all(-most), all(-most), x);
}

INLINE vector sigmoid(vector x) {
  const Exponential e = exponential(-within(x, EXP_MOST));
  return all(1) / (all(1) + fma_(e.scale, e.small, e.scale));
}

INLINE vector hyperbolic_tangent(vector x) {
  const Exponential e = exponential(within(x + x, (REAL)(IS_DOUBLE ? 40 : 20))); /* beyond ±20, ±10 it rounds to ±1 */
  const vector less_one = fma_(e.scale, e.small, e.scale - all(1));              /* e^2x − 1 */
  return less_one / (less_one + all(2));
}

/* In a loop of its own, so that the series' coefficients stay in registers. */
static inline void to_sigmoids(REAL *values, int64_t count) {
  for (int64_t j = 0; j < count; j += LANES) store(values + j, sigmoid(load(values + j)));
}

#endif
