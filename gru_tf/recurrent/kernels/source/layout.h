/* Where things lie: weights packed into panels, what is kept of a step, the deltas of all steps. */
#ifndef GRU_TF_LAYOUT_H
#define GRU_TF_LAYOUT_H

#include <stdlib.h>

#include "cell.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#if defined(REAL_IS_DOUBLE)
#define EXPORTED(name) PASTE(name, _double)
#else
#define EXPORTED(name) PASTE(name, _float)
#endif

INLINE const Cell *cell_of(const GruTfSequence *s) { return &CELLS[s->cell]; }
INLINE int64_t width_of(const GruTfSequence *s) { return padded(s->units); }
INLINE int64_t columns_of(const GruTfSequence *s, int group) { return cell_of(s)->group[group].gates * width_of(s); }

/* Columns of all groups before this one; with the number of groups, of all. */
INLINE int64_t columns_before(const GruTfSequence *s, int group) {
  int64_t columns = 0;
  for (int g = 0; g < group; g++) columns += columns_of(s, g);
  return columns;
}
INLINE int64_t sums_width_of(const GruTfSequence *s) { return columns_before(s, cell_of(s)->groups); }

/* The step that is read t-th. */
INLINE int64_t place_in_time(const GruTfSequence *s, int64_t t) { return s->backwards ? s->steps - 1 - t : t; }
INLINE int is_real(const GruTfSequence *s, int64_t row, int64_t t) {
  return !s->mask || s->mask[row * s->steps + place_in_time(s, t)];
}
INLINE const REAL *input_row(const GruTfSequence *s, int64_t row, int64_t t) {
  return (const REAL *)s->inputs + (row * s->steps + place_in_time(s, t)) * s->features;
}

/* What was kept: [step in the order of reading][row][block of H and padding]. */
INLINE REAL *kept_row(const GruTfSequence *s, int64_t row, int64_t t) {
  return (REAL *)s->kept + (t * s->batch + row) * cell_of(s)->kept * width_of(s);
}

/* The deltas: [step in the order of reading][row][columns of all groups]. */
INLINE REAL *deltas_row(const GruTfSequence *s, int64_t row, int64_t t) {
  return (REAL *)s->deltas + (t * s->batch + row) * sums_width_of(s);
}

/* At least one number, so that NULL means that memory ran out; and a vector more, which may be read. */
INLINE REAL *memory(int64_t numbers) {
  void *found = NULL;
  return posix_memalign(&found, 64, (size_t)(numbers + 64) * sizeof(REAL)) ? NULL : found;
}

/* Blocks of a group's gates from a row of G·H numbers, each padded with zeros; NULL stands for zeros. */
INLINE void padded_row(const GruTfSequence *s, int group, const REAL *row, REAL *out) {
  const Group *g = &cell_of(s)->group[group];
  const int64_t H = s->units, width = width_of(s);
  memset(out, 0, (size_t)(g->gates * width) * sizeof(REAL));
  for (int gate = 0; row && gate < g->gates; gate++)
    memcpy(out + gate * width, row + (g->first_gate + gate) * H, (size_t)H * sizeof(REAL));
}

/* A group's columns of `weights` (depth, G·H), in panels; `row` is room for one padded row. */
INLINE void pack_weights(const GruTfSequence *s, int group, const REAL *weights, int64_t depth, REAL *row, REAL *panels) {
  for (int64_t k = 0; k < depth; k++) {
    padded_row(s, group, weights + k * cell_of(s)->gates * s->units, row);
    pack_row(panels, depth, k, row, columns_of(s, group));
  }
}

/* The same transposed: `depth` columns, and as rows `first` and following of `all_rows` the group's padded columns. */
INLINE void pack_transposed(const GruTfSequence *s, int group, const REAL *weights, int64_t depth, int64_t first,
                            int64_t all_rows, REAL *row, REAL *panels) {
  const Group *g = &cell_of(s)->group[group];
  const int64_t H = s->units, width = width_of(s), columns = cell_of(s)->gates * H;
  for (int64_t n = 0; n < g->gates * width; n++) {
    const int64_t gate = n / width, unit = n % width;
    memset(row, 0, (size_t)padded(depth) * sizeof(REAL));
    for (int64_t k = 0; unit < H && k < depth; k++) row[k] = weights[k * columns + (g->first_gate + gate) * H + unit];
    pack_row(panels, all_rows, first + n, row, padded(depth));
  }
}

#endif
