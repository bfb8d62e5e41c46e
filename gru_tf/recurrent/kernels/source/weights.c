/* The gradients by weights and by inputs, from the deltas of all steps: large products.
 *
 *     ∂L/∂W = Σ_t x_tᵀ δ_t    ∂L/∂U = Σ_t s_tᵀ δ_t    ∂L/∂b = Σ_t δ_t    ∂L/∂x_t = δ_t Wᵀ
 *
 * with s_t = h_{t−1}, or r_t ∘ h_{t−1} where the reset comes before the product. Threads share out the columns of W and U,
 * and the rows of x: each number is summed by one thread, in the order of time.
 */
#include "layout.h"
#include "threads.h"

#define STEPS_AT_ONCE 256 /* rows of deltas: a panel of so many stays in the first cache, the left factor in the second */

/* Left factors transposed, in tiles: [tile][row of deltas][rows of the tile]. */
typedef struct {
  REAL *tiles;
  int64_t rows; /* of the result: I or H */
} Left;

typedef struct {
  const GruTfSequence *sequence;
  int64_t panels, parts; /* panels of all groups together */
  int failed;
} Job;

/* h_{t−1} of a row. */
static const REAL *state_before(const GruTfSequence *s, int64_t row, int64_t t) {
  return t ? kept_row(s, row, t - 1) : (const REAL *)s->h0 + row * s->units;
}

/* One row of a left factor, spread over its tiles as their column k. */
static void put(const Left *left, int64_t k, const REAL *values, const REAL *times) {
  REAL *tiles = left->tiles;
  for (int64_t row = 0, height; row < left->rows; row += height) {
    height = tile_rows(left->rows - row);
    for (int64_t i = 0; i < height; i++) tiles[k * height + i] = times ? times[row + i] * values[row + i] : values[row + i];
    tiles += STEPS_AT_ONCE * height;
  }
}

/* Rows `from` to `to` of x, h and r ∘ h. A masked step's input counts for nothing, whatever stands there. */
static void put_rows(const GruTfSequence *s, int64_t from, int64_t to, const Left left[3], const REAL *zeros) {
  for (int64_t k = from; k < to; k++) {
    const int64_t t = k / s->batch, row = k % s->batch;
    const REAL *before = state_before(s, row, t);
    put(&left[0], k - from, is_real(s, row, t) ? input_row(s, row, t) : zeros, NULL);
    put(&left[STATE], k - from, before, NULL);
    if (s->cell == CELL_GRU_RESET_BEFORE)
      put(&left[RESET_STATE], k - from, before, kept_row(s, row, t) + 2 * width_of(s));
  }
}

/* sums (rows, vectors of the panel) += leftᵀ · deltas, both `count` rows long */
static void accumulate(const Left *left, const REAL *deltas, int64_t count, int64_t vectors, REAL *sums) {
  const REAL *tiles = left->tiles;
  const int64_t columns = vectors * LANES;
  for (int64_t row = 0, height; row < left->rows; row += height) {
    height = tile_rows(left->rows - row);
    const Factor factor = {tiles, 0, count, deltas, count, 0};
    any_tile(1, height, vectors, &factor, 1, 0, 0, (Start){sums + row * columns, columns}, sums + row * columns, columns);
    tiles += STEPS_AT_ONCE * height;
  }
}

static void add_rows(const REAL *deltas, int64_t count, int64_t columns, REAL *sums) {
  for (int64_t k = 0; k < count; k++)
    for (int64_t j = 0; j < columns; j += LANES) store(sums + j, load(sums + j) + load(deltas + k * columns + j));
}

/* A panel's sums, cut into their gates and without the padding, as columns of a gradient (rows, G·H). */
static void write_panel(const GruTfSequence *s, int group, int64_t panel, int64_t vectors, const REAL *sums, int64_t rows, REAL *out) {
  const int64_t H = s->units, width = width_of(s), columns = cell_of(s)->gates * H;
  for (int64_t row = 0; out && row < rows; row++)
    for (int64_t j = 0; j < vectors; j++) {
      const int64_t column = (panel + j) * LANES, gate = cell_of(s)->group[group].first_gate + column / width, unit = column % width;
      const int64_t count = H - unit < LANES ? H - unit : LANES;
      memcpy(out + row * columns + gate * H + unit, sums + (row * vectors + j) * LANES, (size_t)count * sizeof(REAL));
    }
}

typedef struct {
  int group;
  int64_t panel, vectors;
} Panel;

/* The n-th panel of all groups. */
static Panel find_panel(const GruTfSequence *s, int64_t n) {
  for (int group = 0; group < cell_of(s)->groups; group++)
    for (int64_t panel = 0, left = columns_of(s, group) / LANES, vectors; left > 0; panel += vectors, left -= vectors) {
      vectors = panel_vectors(left);
      if (n-- == 0) return (Panel){group, panel, vectors};
    }
  return (Panel){-1, 0, 0};
}

static void weights_part(void *pointer, int64_t part) {
  Job *job = pointer;
  const GruTfSequence *s = job->sequence;
  const int64_t from = job->panels * part / job->parts, to = job->panels * (part + 1) / job->parts, all_rows = s->steps * s->batch;
  const int64_t I = s->features, H = s->units, widest = PANEL_VECTORS * LANES, room = (I + H + 1) * widest;
  REAL *const zeros = memory(I + STEPS_AT_ONCE * (I + 2 * H) + (to - from) * room);
  if (!zeros) {
    job->failed = 1;
    return;
  }
  REAL *const sums = zeros + I + STEPS_AT_ONCE * (I + 2 * H);
  const Left left[3] = {{zeros + I, I}, {zeros + I + STEPS_AT_ONCE * I, H}, {zeros + I + STEPS_AT_ONCE * (I + H), H}};
  memset(zeros, 0, (size_t)I * sizeof(REAL));
  memset(sums, 0, (size_t)((to - from) * room) * sizeof(REAL));
  for (int64_t first = 0; first < all_rows; first += STEPS_AT_ONCE) {
    const int64_t last = first + STEPS_AT_ONCE < all_rows ? first + STEPS_AT_ONCE : all_rows;
    put_rows(s, first, last, left, zeros);
    for (int64_t n = from; n < to; n++) {
      const Panel p = find_panel(s, n);
      const Group *g = &cell_of(s)->group[p.group];
      const REAL *deltas = deltas_of(s, p.group) + p.panel * LANES * all_rows + first * p.vectors * LANES;
      REAL *by_input = sums + (n - from) * room, *by_state = by_input + I * widest, *by_bias = by_state + H * widest;
      if (g->reads_input) accumulate(&left[0], deltas, last - first, p.vectors, by_input);
      if (g->reads_state) accumulate(&left[g->reads_state], deltas, last - first, p.vectors, by_state);
      add_rows(deltas, last - first, p.vectors * LANES, by_bias);
    }
  }
  for (int64_t n = from; n < to; n++) {
    const Panel p = find_panel(s, n);
    const Group *g = &cell_of(s)->group[p.group];
    const REAL *by_input = sums + (n - from) * room, *by_state = by_input + I * widest, *by_bias = by_state + H * widest;
    if (g->reads_input) write_panel(s, p.group, p.panel, p.vectors, by_input, I, s->d_kernel);
    if (g->reads_state) write_panel(s, p.group, p.panel, p.vectors, by_state, H, s->d_recurrent_kernel);
    if (g->starts_with & 1) write_panel(s, p.group, p.panel, p.vectors, by_bias, 1, s->d_bias);
    if (g->starts_with & 2) write_panel(s, p.group, p.panel, p.vectors, by_bias, 1, s->d_recurrent_bias);
  }
  free(zeros);
}

int EXPORTED(gru_tf_weight_gradient)(const GruTfSequence *s) {
  Job job = {.sequence = s};
  while (find_panel(s, job.panels).group >= 0) job.panels++;
  job.parts = s->threads < 1 ? 1 : s->threads < job.panels ? s->threads : job.panels;
  gru_tf_in_threads(weights_part, &job, job.parts, job.parts);
  return job.failed;
}

typedef struct {
  const GruTfSequence *sequence;
  const REAL *panels; /* Wᵀ of all groups that read the input, one below the other */
  int64_t depth;      /* its rows */
  int failed;
} InputJob;

#define ROWS_AT_ONCE 64

/* ∂L/∂x of some rows: the groups' panels of deltas one after the other. */
static void inputs_part(void *pointer, int64_t part) {
  InputJob *job = pointer;
  const GruTfSequence *s = job->sequence;
  const int64_t all_rows = s->steps * s->batch, first = part * ROWS_AT_ONCE, left = all_rows - first;
  const int64_t rows = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE, width = padded(s->features);
  REAL *const out = memory(rows * width);
  if (!out) {
    job->failed = 1;
    return;
  }
  memset(out, 0, (size_t)(rows * width) * sizeof(REAL));
  int64_t row_of_w = 0;
  for (int64_t n = 0;; n++) {
    const Panel p = find_panel(s, n);
    if (p.group < 0) break;
    if (!cell_of(s)->group[p.group].reads_input) continue;
    const int64_t columns = p.vectors * LANES;
    const REAL *deltas = deltas_of(s, p.group) + p.panel * LANES * all_rows + first * columns;
    const Factor factor = {deltas, columns, columns, job->panels, job->depth, row_of_w};
    product(rows, width, &factor, 1, (Start){out, width}, out, width);
    row_of_w += columns;
  }
  for (int64_t k = first; k < first + rows; k++)
    memcpy((REAL *)s->d_inputs + ((k % s->batch) * s->steps + place_in_time(s, k / s->batch)) * s->features,
           out + (k - first) * width, (size_t)s->features * sizeof(REAL));
  free(out);
}

int EXPORTED(gru_tf_input_gradient)(const GruTfSequence *s) {
  InputJob job = {.sequence = s};
  const int64_t width = padded(s->features), all_rows = s->steps * s->batch;
  for (int group = 0; group < cell_of(s)->groups; group++)
    if (cell_of(s)->group[group].reads_input) job.depth += columns_of(s, group);
  REAL *const row = memory(width + job.depth * width), *panels = row + width;
  if (!row) return 1;
  for (int group = 0, first = 0; group < cell_of(s)->groups; group++)
    if (cell_of(s)->group[group].reads_input) {
      pack_transposed(s, group, s->kernel, s->features, first, job.depth, row, panels);
      first += (int)columns_of(s, group);
    }
  job.panels = panels;
  if (all_rows) gru_tf_in_threads(inputs_part, &job, (all_rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, s->threads);
  free(row);
  return job.failed;
}

#define EACH_LANE(name, function)                                             \
  void EXPORTED(name)(const REAL *from, REAL *to, int64_t count) {            \
    for (int64_t n = 0; n < count; n += LANES) {                              \
      REAL lanes[VECTOR_BYTES / sizeof(REAL)] = {0};                          \
      const size_t size = (size_t)(count - n < LANES ? count - n : LANES) * sizeof(REAL); \
      memcpy(lanes, from + n, size);                                          \
      store(lanes, function(load(lanes)));                                    \
      memcpy(to + n, lanes, size);                                            \
    }                                                                         \
  }
EACH_LANE(gru_tf_tanh, hyperbolic_tangent)
EACH_LANE(gru_tf_sigmoid, sigmoid)
