/* The one matrix product: out = start + Σ_m left_m · right_m, from small tiles that stay in registers.
 *
 * Every element is one chain of fused multiply-adds, over m and then over the depth of the product, in this order alone,
 * and the start is added to its sum: a large start would cost every term of the chain some of its digits.
 * So neither the tiles' sizes nor the number of threads nor the vector length can be seen in the result.
 *
 * The right factors are packed in panels of a few vectors of columns: the rows of a panel follow each other in memory,
 *
 *     [panel][depth][columns of the panel],
 *
 * so that a tile reads one stream from the cache.
 */
#ifndef GRU_TF_PRODUCT_H
#define GRU_TF_PRODUCT_H

#include "vector.h"

/* Accumulators of a tile, TILE_ROWS × PANEL_VECTORS, a row of the right factor and a number of the left one fit the
 * registers: 16 of AVX2, 32 of AVX-512 and of NEON. */
#if defined(__AVX2__) && !defined(__AVX512F__)
#define TILE_ROWS 6
#define PANEL_VECTORS 2
#else
#define TILE_ROWS 8
#define PANEL_VECTORS 3
#endif

typedef struct {
  const REAL *left; /* element (i, k) at left[i * row_stride + k]; of a left factor in tiles at left[k * rows of the tile + i] */
  int64_t row_stride, depth;
  const REAL *right;              /* panels of a matrix of `right_depth` rows, of which this factor reads `depth` */
  int64_t right_depth, right_row; /* from row `right_row` on */
} Factor;

typedef struct {
  const REAL *values; /* NULL for zeros */
  int64_t row_stride; /* 0 for the same in every row */
} Start;

/* Columns are rounded up to whole vectors. */
INLINE int64_t padded(int64_t columns) { return (columns + LANES - 1) / LANES * LANES; }

/* A length in parts of at most `most`, all about equal: the first `longer` of them are one longer than `size`. */
typedef struct {
  int64_t count, size, longer;
} Parts;

INLINE Parts parts_of(int64_t length, int64_t most) {
  const int64_t count = (length + most - 1) / most, size = count ? length / count : 0;
  return (Parts){count, size, length - count * size};
}
INLINE int64_t part_size(Parts p, int64_t n) { return p.size + (n < p.longer); }
INLINE Parts panels_of(int64_t columns) { return parts_of(columns / LANES, PANEL_VECTORS); }
INLINE Parts tiles_of(int64_t rows) { return parts_of(rows, TILE_ROWS); }

INLINE void tile(const int in_tiles, const int rows, const int vectors, const Factor *factors, int count, int64_t row,
                 int64_t panel, Start start, REAL *out, int64_t out_stride) {
  vector sum[TILE_ROWS][PANEL_VECTORS];
  UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < vectors; j++)
      sum[i][j] = all(0);
  for (int m = 0; m < count; m++) {
    const Factor f = factors[m];
    const REAL *left = f.left + row * f.row_stride;
    const REAL *right = f.right + panel * LANES * f.right_depth + f.right_row * vectors * LANES;
    UNROLL_4 for (int64_t k = 0; k < f.depth; k++) {
      vector b[PANEL_VECTORS];
      UNROLL for (int j = 0; j < vectors; j++) b[j] = load(right + (k * vectors + j) * LANES);
      UNROLL for (int i = 0; i < rows; i++) {
        const vector a = all(in_tiles ? left[k * rows + i] : left[i * f.row_stride + k]);
        UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = fma_(a, b[j], sum[i][j]);
      }
    }
  }
  UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < vectors; j++) {
    if (start.values) sum[i][j] += load(start.values + i * start.row_stride + j * LANES);
    store(out + i * out_stride + j * LANES, sum[i][j]);
  }
}

/* The tile of `rows` × `vectors`; each size is compiled for itself. */
INLINE void any_tile(const int in_tiles, int64_t rows, int64_t vectors, const Factor *f, int count, int64_t row,
                     int64_t panel, Start start, REAL *out, int64_t stride) {
#define TILES(R)                                                                           \
  case R:                                                                                  \
    if (vectors == 1) tile(in_tiles, R, 1, f, count, row, panel, start, out, stride);      \
    else if (vectors == 2) tile(in_tiles, R, 2, f, count, row, panel, start, out, stride); \
    else tile(in_tiles, R, PANEL_VECTORS, f, count, row, panel, start, out, stride);       \
    break;
  switch (rows) {
    TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6)
#if TILE_ROWS == 8
    TILES(7) TILES(8)
#endif
  }
#undef TILES
}

/* out (rows, columns) = start + Σ left · right; `columns` is a multiple of LANES, and out may be start's values. */
static inline void product(int64_t rows, int64_t columns, const Factor *factors, int count, Start start, REAL *out, int64_t out_stride) {
  const Parts panels = panels_of(columns), tiles = tiles_of(rows);
  for (int64_t n = 0, panel = 0, vectors; n < panels.count; n++, panel += vectors) {
    vectors = part_size(panels, n);
    for (int64_t m = 0, row = 0, height; m < tiles.count; m++, row += height) {
      height = part_size(tiles, m);
      const Start here = {start.values ? start.values + row * start.row_stride + panel * LANES : 0, start.row_stride};
      any_tile(0, height, vectors, factors, count, row, panel, here, out + row * out_stride + panel * LANES, out_stride);
    }
  }
}

/* Row `depth_row` of a packed matrix of `depth` rows := values, whose length is a multiple of LANES. */
INLINE void pack_row(REAL *packed, int64_t depth, int64_t depth_row, const REAL *values, int64_t columns) {
  const Parts panels = panels_of(columns);
  for (int64_t n = 0, panel = 0, vectors; n < panels.count; n++, panel += vectors) {
    vectors = part_size(panels, n);
    REAL *to = packed + panel * LANES * depth + depth_row * vectors * LANES;
    for (int64_t j = 0; j < vectors; j++) store(to + j * LANES, load(values + (panel + j) * LANES));
  }
}

#endif
