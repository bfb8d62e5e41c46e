#include "threads.h"


#include <pthread.h>
#include <stdlib.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

typedef struct {
  void (*work)(void *job, int64_t part);
  void *job;
  int64_t first, step, parts;
} Share;

/* Denormals are slow, and TensorFlow's own threads flush them; here everybody does, so that all get the same bits. */
#if defined(__x86_64__)
typedef unsigned int Mode;
static Mode flush_denormals(void) {
  const Mode before = _mm_getcsr();
  _mm_setcsr(before | 0x8040); /* flush to zero, denormals are zero */
  return before;
}
static void restore(Mode mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
typedef uint64_t Mode;
static Mode flush_denormals(void) {
  Mode before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"(before | (UINT64_C(1) << 24)));
  return before;
}
static void restore(Mode mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#else
typedef int Mode;
static Mode flush_denormals(void) { return 0; }
static void restore(Mode mode) { (void)mode; }
#endif

static void *do_share(void *pointer) {
  const Share *share = pointer;
  const Mode before = flush_denormals();
  for (int64_t part = share->first; part < share->parts; part += share->step) share->work(share->job, part);
  restore(before);
  return NULL;
}

void gru_tf_in_threads(void (*work)(void *job, int64_t part), void *job, int64_t parts, int64_t threads) {
  enum { MOST = 256 };
  pthread_t started[MOST];
  Share shares[MOST];
  int64_t count = threads < parts ? threads : parts;
  count = count < 1 ? 1 : count > MOST ? MOST : count;
  int running[MOST] = {0};
  for (int64_t i = 0; i < count; i++) shares[i] = (Share){work, job, i, count, parts};
  for (int64_t i = 1; i < count; i++) running[i] = pthread_create(&started[i], NULL, do_share, &shares[i]) == 0;
  do_share(&shares[0]);
  for (int64_t i = 1; i < count; i++) {
    if (running[i]) pthread_join(started[i], NULL);
    else do_share(&shares[i]);
  }
}
