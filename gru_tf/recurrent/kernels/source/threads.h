/* Independent parts of a job, side by side. */
#ifndef GRU_TF_THREADS_H
#define GRU_TF_THREADS_H

#include <stdint.h>

/* Call work(job, part) for every part from 0 to parts − 1, with denormal numbers taken for zero.
 *
 * The threads live as long as the call: nothing has to survive a fork, and no idle thread takes a core from TensorFlow.
 * Where the system gives no thread, the caller does its share as well. */
void gru_tf_in_threads(void (*work)(void *job, int64_t part), void *job, int64_t parts, int64_t threads);

#endif
