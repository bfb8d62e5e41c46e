/* Which of the x86-64 levels this processor and operating system have: 4 (AVX-512), 3 (AVX2 and fused multiply-add) or 0.
 *
 * https://gitlab.com/x86-psABIs/x86-64-ABI, "Micro-Architecture Levels". The processor is asked itself: the library of
 * clang's __builtin_cpu_supports says 0 to everything in a library linked by zig, and /proc/cpuinfo is not there in every
 * container and, under an emulator, that of another processor.
 */
#include "kernels.h"

GRU_TF_API int gru_tf_processor_level(void);

#if defined(__x86_64__)
#include <cpuid.h>

typedef struct {
  unsigned int a, b, c, d;
} Registers;

static Registers ask(unsigned int leaf) {
  Registers r = {0, 0, 0, 0};
  __get_cpuid_count(leaf, 0, &r.a, &r.b, &r.c, &r.d); /* leaves zeros where the processor has no such leaf */
  return r;
}

static int has(unsigned int set, unsigned int bits) { return (set & bits) == bits; }

/* Which registers the operating system saves when it switches threads. */
static unsigned int saved_registers(void) {
  unsigned int low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

int gru_tf_processor_level(void) {
  enum { XMM_YMM = 0x6, MASKS_ZMM = 0xe0 };
  const unsigned int v2 = bit_SSE3 | bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT | bit_CMPXCHG16B;
  const unsigned int v3 = bit_AVX | bit_FMA | bit_F16C | bit_MOVBE | bit_OSXSAVE;
  const unsigned int v3_more = bit_AVX2 | bit_BMI | bit_BMI2;
  const unsigned int v4 = bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
  const unsigned int lahf = 1, lzcnt = 1 << 5;
  const Registers basic = ask(1), more = ask(7), extended = ask(0x80000001);
  if (!has(basic.c, v2 | v3) || !has(more.b, v3_more) || !has(extended.c, lahf | lzcnt)) return 0;
  const unsigned int saved = saved_registers();
  if (!has(saved, XMM_YMM)) return 0;
  return has(more.b, v4) && has(saved, MASKS_ZMM) ? 4 : 3;
}

#else

int gru_tf_processor_level(void) { return 0; }

#endif
