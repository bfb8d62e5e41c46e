/* The gradient by the inputs, from the deltas of all steps: ∂L/∂x_t = δ_t Wᵀ. Threads share out the rows. */
#include "layout.h"
#include "threads.h"

#define ROWS_AT_ONCE 64

typedef struct {
  const GruTfSequence *sequence;
  const REAL *panels; /* Wᵀ of all groups that read the input, one below the other */
  int64_t depth;      /* its rows */
  int failed;
} Job;

/* Those of some rows: the groups one after the other. */
static void inputs_part(void *pointer, int64_t part) {
  Job *job = pointer;
  const GruTfSequence *s = job->sequence;
  const int64_t all_rows = s->steps * s->batch, first = part * ROWS_AT_ONCE, left = all_rows - first;
  const int64_t rows = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE, width = padded(s->features), sums_width = sums_width_of(s);
  REAL *const out = memory(rows * width);
  if (!out) {
    job->failed = 1;
    return;
  }
  Factor factors[MOST_GROUPS];
  int count = 0;
  for (int64_t group = 0, row_of_w = 0; group < cell_of(s)->groups; group++) {
    if (!cell_of(s)->group[group].reads_input) continue;
    const REAL *deltas = (const REAL *)s->deltas + first * sums_width + columns_before(s, (int)group);
    factors[count++] = (Factor){deltas, sums_width, columns_of(s, (int)group), job->panels, job->depth, row_of_w};
    row_of_w += columns_of(s, (int)group);
  }
  product(rows, width, factors, count, (Start){0}, out, width);
  for (int64_t k = first; k < first + rows; k++)
    memcpy((REAL *)s->d_inputs + ((k % s->batch) * s->steps + place_in_time(s, k / s->batch)) * s->features,
           out + (k - first) * width, (size_t)s->features * sizeof(REAL));
  free(out);
}

int EXPORTED(gru_tf_input_gradient)(const GruTfSequence *s) {
  Job job = {.sequence = s};
  const int64_t width = padded(s->features), all_rows = s->steps * s->batch;
  for (int group = 0; group < cell_of(s)->groups; group++)
    if (cell_of(s)->group[group].reads_input) job.depth += columns_of(s, group);
  REAL *const row = memory(width + job.depth * width), *panels = row + width;
  if (!row) return 1;
  job.panels = panels;
  for (int64_t group = 0, first = 0; group < cell_of(s)->groups; group++)
    if (cell_of(s)->group[group].reads_input) {
      pack_transposed(s, (int)group, s->kernel, s->features, first, job.depth, row, panels);
      first += columns_of(s, (int)group);
    }
  gru_tf_in_threads(inputs_part, &job, (all_rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, s->threads);
  free(row);
  return job.failed;
}
