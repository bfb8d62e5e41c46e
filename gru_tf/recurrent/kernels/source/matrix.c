/* A matrix product by itself, as a dense layer needs it: out = left · right. Threads share out the rows.
 *
 * The depth is taken in parts of one size on every processor, whose sums are added up in order.
 */
#include "layout.h"
#include "threads.h"

#define ROWS_AT_ONCE 48
#define DEPTH_AT_ONCE 512 /* terms of a sum: so much of a panel stays in the first cache */
#define TURNED_STRIDE (DEPTH_AT_ONCE + 16) /* the odd line keeps rows out of each other's place in the cache */

typedef struct {
  const GruTfProduct *product;
  const REAL *panels; /* the right factor */
  int failed;
} Job;

/* Rows from `first` and columns from k of the left factor, which lies transposed, as rows TURNED_STRIDE apart. */
static void turn(const GruTfProduct *p, int64_t first, int64_t rows, int64_t k, int64_t depth, REAL *out) {
  for (int64_t j = 0; j < depth; j++)
    for (int64_t i = 0; i < rows; i++) out[i * TURNED_STRIDE + j] = ((const REAL *)p->left)[(k + j) * p->rows + first + i];
}

static void rows_part(void *pointer, int64_t part) {
  Job *job = pointer;
  const GruTfProduct *p = job->product;
  const int64_t first = part * ROWS_AT_ONCE, left = p->rows - first, width = padded(p->columns);
  const int64_t rows = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
  REAL *const sums = memory(rows * (width + TURNED_STRIDE)), *turned = sums + rows * width;
  if (!sums) {
    job->failed = 1;
    return;
  }
  memset(sums, 0, (size_t)(rows * width) * sizeof(REAL));
  for (int64_t k = 0; k < p->depth; k += DEPTH_AT_ONCE) {
    const int64_t depth = p->depth - k < DEPTH_AT_ONCE ? p->depth - k : DEPTH_AT_ONCE;
    if (p->transposed_left) turn(p, first, rows, k, depth, turned);
    const REAL *from = p->transposed_left ? turned : (const REAL *)p->left + first * p->depth + k;
    const Factor factor = {from, p->transposed_left ? TURNED_STRIDE : p->depth, depth, job->panels, p->depth, k};
    product(rows, width, &factor, 1, (Start){sums, width}, sums, width);
  }
  for (int64_t row = 0; row < rows; row++)
    memcpy((REAL *)p->out + (first + row) * p->columns, sums + row * width, (size_t)p->columns * sizeof(REAL));
  free(sums);
}

int EXPORTED(gru_tf_product)(const GruTfProduct *p) {
  const int64_t width = padded(p->columns), step = p->transposed_right ? p->depth : 1;
  REAL *const row = memory(width + p->depth * width), *panels = row + width;
  if (!row) return 1;
  memset(row, 0, (size_t)width * sizeof(REAL));
  for (int64_t k = 0; k < p->depth; k++) {
    const REAL *right = (const REAL *)p->right + k * (p->transposed_right ? 1 : p->columns);
    for (int64_t j = 0; j < p->columns; j++) row[j] = right[j * step];
    pack_row(panels, p->depth, k, row, width);
  }
  Job job = {p, panels, 0};
  gru_tf_in_threads(rows_part, &job, (p->rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, p->threads);
  free(row);
  return job.failed;
}
