/* The gradients by the weights, from the deltas of all steps: large products.
 *
 *     ∂L/∂W = Σ_t x_tᵀ δ_t    ∂L/∂U = Σ_t s_tᵀ δ_t    ∂L/∂b = Σ_t δ_t
 *
 * with s_t = h_{t−1}, or r_t ∘ h_{t−1} where the reset comes before the product. Threads share out the columns: each number
 * is summed by one thread, in the order of time.
 */
#include "layout.h"
#include "gru.h"
#include "threads.h"

#define ROWS_AT_ONCE 128 /* of deltas: so many stay in the second cache, with the left factors */
#define ROWS_AHEAD 8
#define WIDEST (PANEL_VECTORS * LANES)
#define PANEL_SIZE (ROWS_AT_ONCE * WIDEST + LANES) /* the odd vector keeps panels out of each other's place in the caches */

/* A panel of deltas: `vectors` of columns of a group, from `column` on among the group's and `place` among all. */
typedef struct {
  int group;
  int64_t column, place, vectors;
} Panel;

/* The panels that one thread sums up. */
typedef struct {
  const GruTfSequence *sequence;
  int64_t count;
  Panel *panels;
  REAL *row;     /* room for a row of x or h */
  REAL *left[3]; /* of ROWS_AT_ONCE rows: x; h_{t−1} at STATE; r ∘ h_{t−1} at RESET_STATE; transposed, in tiles */
  REAL *deltas;  /* of as many rows, panel after panel */
  REAL *sums;    /* panel after panel, the rows of ∂L/∂W, of ∂L/∂U and of ∂L/∂b */
} Part;

typedef struct {
  const GruTfSequence *sequence;
  int64_t panels, parts;
  int failed;
} Job;

/* Panels `from` to `to` among those of all groups are put into `panels`; returns how many there are in all. */
static int64_t list_panels(const GruTfSequence *s, int64_t from, int64_t to, Panel *panels) {
  int64_t all_panels = 0;
  for (int group = 0; group < cell_of(s)->groups; group++) {
    const Parts parts = panels_of(columns_of(s, group));
    for (int64_t n = 0, column = 0; n < parts.count; n++, all_panels++) {
      const int64_t vectors = part_size(parts, n);
      if (all_panels >= from && all_panels < to)
        panels[all_panels - from] = (Panel){group, column, columns_before(s, group) + column, vectors};
      column += vectors * LANES;
    }
  }
  return all_panels;
}

/* A left factor in tiles: [tile][row of deltas][rows of the tile], with a gap of a vector behind each tile. */
INLINE int64_t tile_size(int64_t height) { return ROWS_AT_ONCE * height + LANES; }
INLINE int64_t left_size(int64_t rows) { return rows * (ROWS_AT_ONCE + LANES) + LANES; }
INLINE int64_t sums_size(const GruTfSequence *s) { return (s->features + s->units + 1) * WIDEST; }

/* One row of a left factor, spread over its tiles as their column k. Whole vectors are written: what stands behind a tile's
 * rows is the place of column k + 1, which comes later, or the gap. So `values` has a vector more that may be read. */
static void put(REAL *tiles, int64_t rows, int64_t k, const REAL *values, const REAL *times) {
  const Parts parts = tiles_of(rows);
  for (int64_t n = 0, row = 0, height; n < parts.count; n++, row += height) {
    height = part_size(parts, n);
    for (int64_t i = 0; i < height; i += LANES) {
      const vector v = load(values + row + i);
      store(tiles + k * height + i, times ? load(times + row + i) * v : v);
    }
    tiles += tile_size(height);
  }
}

/* Row k of x, h_{t−1} and r ∘ h_{t−1} becomes their column `at`. A masked step's input counts for nothing, whatever it is. */
static void put_left(const Part *part, int64_t k, int64_t at) {
  const GruTfSequence *s = part->sequence;
  const int64_t t = k / s->batch, row = k % s->batch, I = s->features, H = s->units;
  if (is_real(s, row, t)) memcpy(part->row, input_row(s, row, t), (size_t)I * sizeof(REAL));
  else memset(part->row, 0, (size_t)I * sizeof(REAL));
  put(part->left[0], I, at, part->row, NULL);
  if (t == 0) memcpy(part->row, (const REAL *)s->h0 + row * H, (size_t)H * sizeof(REAL));
  const REAL *before = t ? kept_row(s, row, t - 1) : part->row;
  put(part->left[STATE], H, at, before, NULL);
  if (s->cell == CELL_GRU_RESET_BEFORE) put(part->left[RESET_STATE], H, at, before, kept_row(s, row, t) + GRU_R * width_of(s));
}

/* Ask for what `put_left` will read of row k: short pieces far apart, which the processor does not foresee. */
static void fetch_left(const GruTfSequence *s, int64_t k) {
  const int64_t t = k / s->batch, row = k % s->batch, line = 64 / sizeof(REAL);
  for (int64_t i = 0; i < s->features; i += line) __builtin_prefetch(input_row(s, row, t) + i);
  for (int64_t j = 0; t && j < s->units; j += line) __builtin_prefetch(kept_row(s, row, t - 1) + j);
}

/* Row k of the deltas becomes row `at` of each panel. */
static void put_deltas(const Part *part, int64_t k, int64_t at) {
  const GruTfSequence *s = part->sequence;
  const REAL *row = (const REAL *)s->deltas + k * sums_width_of(s);
  for (int64_t n = 0; n < part->count; n++) {
    const Panel p = part->panels[n];
    const REAL *from = row + p.place;
    REAL *to = part->deltas + n * PANEL_SIZE + at * p.vectors * LANES;
    for (int64_t j = 0; j < p.vectors; j++) store(to + j * LANES, load(from + j * LANES));
  }
}

/* sums (rows, columns of the panel) += leftᵀ · deltas, both `count` rows long */
static void add_product(const REAL *tiles, int64_t rows, const REAL *deltas, int64_t count, int64_t vectors, REAL *sums) {
  const int64_t columns = vectors * LANES;
  const Parts parts = tiles_of(rows);
  for (int64_t n = 0, row = 0, height; n < parts.count; n++, row += height) {
    height = part_size(parts, n);
    const Factor factor = {tiles, 0, count, deltas, count, 0};
    any_tile(1, height, vectors, &factor, 1, 0, 0, (Start){sums + row * columns, columns}, sums + row * columns, columns);
    tiles += tile_size(height);
  }
}

static void add_rows(const REAL *deltas, int64_t count, int64_t vectors, REAL *sums) {
  for (int64_t j = 0; j < vectors; j++) {
    vector sum = load(sums + j * LANES);
    for (int64_t k = 0; k < count; k++) sum += load(deltas + (k * vectors + j) * LANES);
    store(sums + j * LANES, sum);
  }
}

/* All panels' sums of `count` rows more. */
static void add_panels(const Part *part, int64_t count) {
  const GruTfSequence *s = part->sequence;
  for (int64_t n = 0; n < part->count; n++) {
    const Panel p = part->panels[n];
    const Group *g = &cell_of(s)->group[p.group];
    const REAL *deltas = part->deltas + n * PANEL_SIZE;
    REAL *by_input = part->sums + n * sums_size(s), *by_state = by_input + s->features * WIDEST, *by_bias = by_state + s->units * WIDEST;
    if (g->reads_input) add_product(part->left[0], s->features, deltas, count, p.vectors, by_input);
    if (g->reads_state) add_product(part->left[g->reads_state], s->units, deltas, count, p.vectors, by_state);
    add_rows(deltas, count, p.vectors, by_bias);
  }
}

/* A panel's sums, cut into their gates and without the padding, as columns of a gradient (rows, G·H). */
static void write_sums(const GruTfSequence *s, Panel p, const REAL *sums, int64_t rows, REAL *out) {
  const int64_t H = s->units, width = width_of(s), columns = cell_of(s)->gates * H;
  for (int64_t row = 0; out && row < rows; row++)
    for (int64_t j = 0; j < p.vectors; j++) {
      const int64_t column = p.column + j * LANES, gate = cell_of(s)->group[p.group].first_gate + column / width, unit = column % width;
      const int64_t count = H - unit < LANES ? H - unit : LANES;
      memcpy(out + row * columns + gate * H + unit, sums + (row * p.vectors + j) * LANES, (size_t)count * sizeof(REAL));
    }
}

static void write_panels(const Part *part) {
  const GruTfSequence *s = part->sequence;
  for (int64_t n = 0; n < part->count; n++) {
    const Panel p = part->panels[n];
    const Group *g = &cell_of(s)->group[p.group];
    const REAL *by_input = part->sums + n * sums_size(s), *by_state = by_input + s->features * WIDEST, *by_bias = by_state + s->units * WIDEST;
    if (g->reads_input) write_sums(s, p, by_input, s->features, s->d_kernel);
    if (g->reads_state) write_sums(s, p, by_state, s->units, s->d_recurrent_kernel);
    if (g->starts_with & 1) write_sums(s, p, by_bias, 1, s->d_bias);
    if (g->starts_with & 2) write_sums(s, p, by_bias, 1, s->d_recurrent_bias);
  }
}

static void weights_part(void *pointer, int64_t number) {
  Job *job = pointer;
  const GruTfSequence *s = job->sequence;
  const int64_t from = job->panels * number / job->parts, to = job->panels * (number + 1) / job->parts;
  const int64_t row = padded(s->features > s->units ? s->features : s->units) + LANES, all_rows = s->steps * s->batch;
  Part part = {.sequence = s, .count = to - from, .panels = malloc((size_t)(to - from) * sizeof(Panel))};
  part.row = memory(row + left_size(s->features) + 2 * left_size(s->units) + part.count * (PANEL_SIZE + sums_size(s)));
  if (part.panels && part.row) {
    list_panels(s, from, to, part.panels);
    part.left[0] = part.row + row;
    part.left[STATE] = part.left[0] + left_size(s->features);
    part.left[RESET_STATE] = part.left[STATE] + left_size(s->units);
    part.deltas = part.left[RESET_STATE] + left_size(s->units);
    part.sums = part.deltas + part.count * PANEL_SIZE;
    memset(part.sums, 0, (size_t)(part.count * sums_size(s)) * sizeof(REAL));
    for (int64_t first = 0; first < all_rows; first += ROWS_AT_ONCE) {
      const int64_t count = all_rows - first < ROWS_AT_ONCE ? all_rows - first : ROWS_AT_ONCE;
      for (int64_t k = 0; k < count; k++) {
        if (first + k + ROWS_AHEAD < all_rows) fetch_left(s, first + k + ROWS_AHEAD);
        put_left(&part, first + k, k);
        put_deltas(&part, first + k, k);
      }
      add_panels(&part, count);
    }
    write_panels(&part);
  } else {
    job->failed = 1;
  }
  free(part.row);
  free(part.panels);
}

int EXPORTED(gru_tf_weight_gradient)(const GruTfSequence *s) {
  Job job = {.sequence = s, .panels = list_panels(s, 0, 0, NULL)};
  job.parts = s->threads < 1 ? 1 : s->threads < job.panels ? s->threads : job.panels;
  gru_tf_in_threads(weights_part, &job, job.parts, job.parts);
  return job.failed;
}
