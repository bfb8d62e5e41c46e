/* What the cells share: which products a cell forms, what it keeps of a step, and how its files see one step.
 *
 * A cell's products come in groups of gates that are formed alike; forward, a group's sums are
 *
 *     sums = start + x W + s U        with x where it reads the input, s the state h (or r ∘ h, "reset state")
 *
 * and backward, the group's deltas δ = ∂L/∂sums give ∂L/∂W = xᵀ δ, ∂L/∂U = sᵀ δ, ∂L/∂x = δ Wᵀ and ∂L/∂s = δ Uᵀ.
 */
#ifndef GRU_TF_CELL_H
#define GRU_TF_CELL_H

#include "kernels.h"
#include "product.h"

#define MOST_GROUPS 3

enum { NO_STATE, STATE, RESET_STATE };

typedef struct {
  int first_gate, gates;
  int reads_input;  /* whether x W is in it */
  int reads_state;  /* NO_STATE, STATE or RESET_STATE */
  int starts_with;  /* its bias: 1 the input's, 2 the state's, 3 both */
} Group;

typedef struct {
  int gates, groups, kept; /* `kept`: blocks of H that are kept of a step, the state h first */
  Group group[MOST_GROUPS];
} Cell;

static const Cell CELLS[] = {
    [CELL_RNN] = {1, 1, 1, {{0, 1, 1, STATE, 1}}},                                             /* keeps h */
    [CELL_LSTM] = {4, 1, 6, {{0, 4, 1, STATE, 1}}},                                            /* h, c, i, f, c̃, o */
    [CELL_GRU] = {3, 3, 5, {{0, 2, 1, STATE, 3}, {2, 1, 1, NO_STATE, 1}, {2, 1, 0, STATE, 2}}}, /* h, k, r, h̃, U_h h + b'_h */
    [CELL_GRU_RESET_BEFORE] = {3, 2, 4, {{0, 2, 1, STATE, 1}, {2, 1, 1, RESET_STATE, 1}}},     /* h, k, r, h̃ */
};

/* One step of some rows of the batch. A row of `kept` and `before` has cell->kept blocks of `width` numbers, H and padding. */
typedef struct {
  const GruTfSequence *sequence;
  const Cell *cell;
  int64_t rows, width;
  const uint8_t *masked; /* of each row, whether this step is not real; NULL where all are */
  const REAL *x;         /* (rows, I) */
  const REAL *before;    /* what was kept of the step before: h and, of LSTM, c */
  REAL *kept;            /* what is kept of this step */
  REAL *sums;            /* forward: the groups' sums; backward: their deltas, for good; side by side, in rows of `sums_width` */
  int64_t sums_width;
  REAL *reset;           /* (rows, width): r ∘ h forward, ∂L/∂(r ∘ h) backward */
  REAL *d_h, *d_c;       /* backward, (rows, width): ∂L/∂h_t and ∂L/∂c_t come, what reaches h_{t−1} and c_{t−1} goes */
  const REAL *input_panels[MOST_GROUPS], *state_panels[MOST_GROUPS]; /* forward: W, U; backward: Uᵀ */
  const REAL *starts[MOST_GROUPS];
} Step;

INLINE int64_t kept_width(const Step *s) { return s->cell->kept * s->width; }
INLINE int is_masked(const Step *s, int64_t row) { return s->masked && s->masked[row]; }

/* Where a group's columns begin in a row of sums. */
INLINE int64_t group_column(const Step *s, int group) {
  int64_t column = 0;
  for (int g = 0; g < group; g++) column += s->cell->group[g].gates * s->width;
  return column;
}

/* sums of a group := start + x W + s U */
INLINE void form_sums(const Step *s, int group) {
  const Group *g = &s->cell->group[group];
  const int64_t I = s->sequence->features, H = s->sequence->units;
  Factor factors[2];
  int count = 0;
  if (g->reads_input) factors[count++] = (Factor){s->x, I, I, s->input_panels[group], I, 0};
  if (g->reads_state == STATE) factors[count++] = (Factor){s->before, kept_width(s), H, s->state_panels[group], H, 0};
  if (g->reads_state == RESET_STATE) factors[count++] = (Factor){s->reset, s->width, H, s->state_panels[group], H, 0};
  product(s->rows, g->gates * s->width, factors, count, (Start){s->starts[group], 0}, s->sums + group_column(s, group), s->sums_width);
}

/* out (rows, width) += δ Uᵀ of a group */
INLINE void add_from_state(const Step *s, int group, REAL *out) {
  const int64_t depth = s->cell->group[group].gates * s->width;
  const Factor factor = {s->sums + group_column(s, group), s->sums_width, depth, s->state_panels[group], depth, 0};
  product(s->rows, s->width, &factor, 1, (Start){out, s->width}, out, s->width);
}

/* A masked step: the states are carried, and the rest of what is kept is zero. */
INLINE void carry(const Step *s, int64_t row, int states) {
  REAL *kept = s->kept + row * kept_width(s);
  memcpy(kept, s->before + row * kept_width(s), (size_t)(states * s->width) * sizeof(REAL));
  memset(kept + states * s->width, 0, (size_t)(kept_width(s) - states * s->width) * sizeof(REAL));
}

/* Deltas of masked rows are zero, and so is the padding, whatever the padding of an infinite input became. */
INLINE void clear_deltas(const Step *s) {
  const int64_t H = s->sequence->units;
  for (int64_t row = 0; row < s->rows; row++) {
    REAL *delta = s->sums + row * s->sums_width;
    if (is_masked(s, row)) memset(delta, 0, (size_t)s->sums_width * sizeof(REAL));
    for (int64_t block = 0; H < s->width && block < s->sums_width; block += s->width)
      store(delta + block + s->width - LANES, first_lanes(load(delta + block + s->width - LANES), H + LANES - s->width));
  }
}

#endif
