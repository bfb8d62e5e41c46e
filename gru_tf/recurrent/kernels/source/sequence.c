/* A cell over all steps, forward and backward. Rows of the batch do not know each other: threads share them out. */
#include "layout.h"
#include "threads.h"

#include "gru.h"
#include "lstm.h"
#include "rnn.h"

#define ROWS_AT_ONCE 64 /* of the batch: what a thread works on stays in its cache */



typedef struct {
  const GruTfSequence *sequence;
  Step weights; /* a step with packed weights and nothing else */
  int64_t rows; /* of a part */
  int failed;
} Job;

static void forward_step(const Step *s) {
  switch (s->sequence->cell) {
    case CELL_RNN: rnn_forward(s); break;
    case CELL_LSTM: lstm_forward(s); break;
    case CELL_GRU: gru_forward(s); break;
    case CELL_GRU_RESET_BEFORE: gru_reset_before_forward(s); break;
  }
}

static void backward_step(const Step *s) {
  switch (s->sequence->cell) {
    case CELL_RNN: rnn_backward(s); break;
    case CELL_LSTM: lstm_backward(s); break;
    case CELL_GRU: gru_backward(s); break;
    case CELL_GRU_RESET_BEFORE: gru_reset_before_backward(s); break;
  }
}

/* Numbers that packed weights take: W, U and two rows of biases forward, Uᵀ backward. */
static int64_t packed_size(const GruTfSequence *s, int backward) {
  return (backward ? width_of(s) : s->features + s->units + 2) * sums_width_of(s);
}

/* Say where packed weights lie in `room` and, where `fill` says so, put them there. */
static void pack_forward(Job *job, REAL *room, int fill, REAL *row) {
  const GruTfSequence *s = job->sequence;
  const int64_t I = s->features, H = s->units;
  for (int group = 0; group < cell_of(s)->groups; group++) {
    const Group *g = &cell_of(s)->group[group];
    const int64_t columns = columns_of(s, group);
    REAL *const by_input = room, *const by_state = by_input + columns * I, *const start = by_state + columns * H;
    job->weights.input_panels[group] = by_input;
    job->weights.state_panels[group] = by_state;
    job->weights.starts[group] = start;
    room = start + 2 * columns;
    if (!fill) continue;
    if (g->reads_input) pack_weights(s, group, s->kernel, I, row, by_input);
    if (g->reads_state) pack_weights(s, group, s->recurrent_kernel, H, row, by_state);
    padded_row(s, group, g->starts_with & 1 ? s->bias : NULL, start);
    padded_row(s, group, g->starts_with & 2 ? s->recurrent_bias : NULL, start + columns);
    for (int64_t j = 0; j < columns; j++) start[j] += start[columns + j];
  }
}

static void pack_backward(Job *job, REAL *room, REAL *row) {
  const GruTfSequence *s = job->sequence;
  for (int group = 0; group < cell_of(s)->groups; group++) {
    job->weights.state_panels[group] = room;
    if (cell_of(s)->group[group].reads_state)
      pack_transposed(s, group, s->recurrent_kernel, s->units, 0, columns_of(s, group), row, room);
    room += columns_of(s, group) * width_of(s);
  }
}

/* Weights in panels, in memory that is returned; NULL where it ran out. */
static REAL *pack(Job *job, int backward) {
  const GruTfSequence *s = job->sequence;
  const int64_t size = packed_size(s, backward), gates = cell_of(s)->gates * width_of(s);
  REAL *const room = memory(size + (gates > padded(s->units) ? gates : padded(s->units)));
  if (room && backward) pack_backward(job, room, room + size);
  else if (room) pack_forward(job, room, 1, room + size);
  return room;
}

/* What stands for the step before the first: h0 and c0. */
static void initial_state(const GruTfSequence *s, int64_t first, int64_t rows, REAL *kept) {
  const int64_t H = s->units, width = width_of(s), kept_width = cell_of(s)->kept * width;
  memset(kept, 0, (size_t)(rows * kept_width) * sizeof(REAL));
  for (int64_t row = 0; row < rows; row++) {
    memcpy(kept + row * kept_width, (const REAL *)s->h0 + (first + row) * H, (size_t)H * sizeof(REAL));
    if (s->cell == CELL_LSTM)
      memcpy(kept + row * kept_width + width, (const REAL *)s->c0 + (first + row) * H, (size_t)H * sizeof(REAL));
  }
}

/* The t-th step's output of each row: its state, which a masked step carries; or zero for a masked one. */
static void write_outputs(const Step *step, int64_t first, int64_t t) {
  const GruTfSequence *s = step->sequence;
  for (int64_t row = 0; row < step->rows; row++) {
    if (!s->every_step && t < s->steps - 1) continue;
    REAL *out = (REAL *)s->outputs + (s->every_step ? (first + row) * s->steps + t : first + row) * s->units;
    if (is_masked(step, row) && s->zero_masked) memset(out, 0, (size_t)s->units * sizeof(REAL));
    else memcpy(out, step->kept + row * kept_width(step), (size_t)s->units * sizeof(REAL));
  }
}

static void write_last(const Step *step, int64_t first) {
  const GruTfSequence *s = step->sequence;
  for (int64_t row = 0; row < step->rows; row++) {
    const REAL *kept = step->before + row * kept_width(step);
    const size_t size = (size_t)s->units * sizeof(REAL);
    memcpy((REAL *)s->h_last + (first + row) * s->units, kept, size);
    if (s->cell == CELL_LSTM) memcpy((REAL *)s->c_last + (first + row) * s->units, kept + step->width, size);
    if (!s->every_step && s->steps == 0) memcpy((REAL *)s->outputs + (first + row) * s->units, kept, size);
  }
}

/* Of one step: the inputs of some rows side by side, and which rows are masked. */
static void gather(Step *step, int64_t first, int64_t t, REAL *x, uint8_t *masked) {
  const GruTfSequence *s = step->sequence;
  for (int64_t row = 0; row < step->rows; row++) {
    memcpy(x + row * s->features, input_row(s, first + row, t), (size_t)s->features * sizeof(REAL));
    masked[row] = !is_real(s, first + row, t);
  }
  step->x = x;
  step->masked = s->mask ? masked : NULL;
}

static void forward_part(void *pointer, int64_t part) {
  Job *job = pointer;
  const GruTfSequence *s = job->sequence;
  const int64_t first = part * job->rows, left = s->batch - first, rows = left < job->rows ? left : job->rows;
  Step step = job->weights;
  const int64_t records = rows * kept_width(&step);
  REAL *const x = memory(rows * (s->features + step.sums_width + step.width) + 2 * records);
  uint8_t masked[ROWS_AT_ONCE];
  if (!x) {
    job->failed = 1;
    return;
  }
  step.rows = rows;
  step.sums = x + rows * s->features;
  step.reset = step.sums + rows * step.sums_width;
  REAL *const records_of[] = {step.reset + rows * step.width, step.reset + rows * step.width + records};
  initial_state(s, first, rows, records_of[1]);
  step.before = records_of[1];
  for (int64_t t = 0; t < s->steps; t++) {
    gather(&step, first, t, x, masked);
    step.kept = s->kept ? kept_row(s, first, t) : records_of[t % 2];
    forward_step(&step);
    write_outputs(&step, first, t);
    step.before = step.kept;
  }
  write_last(&step, first);
  free(x);
}

/* ∂L/∂h += ∂L/∂output of the t-th step, where that output is the state. */
static void add_outputs(const Step *step, int64_t first, int64_t t) {
  const GruTfSequence *s = step->sequence;
  if (!s->every_step && t < s->steps - 1) return;
  for (int64_t row = 0; row < step->rows; row++) {
    if (is_masked(step, row) && s->zero_masked) continue;
    const REAL *d_output = (const REAL *)s->d_outputs + (s->every_step ? (first + row) * s->steps + t : first + row) * s->units;
    REAL *d_h = step->d_h + row * step->width;
    for (int64_t j = 0; j < s->units; j++) d_h[j] += d_output[j];
  }
}

static void read_gradient(const Step *step, int64_t first, const REAL *from, REAL *to) {
  const int64_t H = step->sequence->units;
  memset(to, 0, (size_t)(step->rows * step->width) * sizeof(REAL));
  for (int64_t row = 0; from && row < step->rows; row++)
    memcpy(to + row * step->width, from + (first + row) * H, (size_t)H * sizeof(REAL));
}

static void write_gradient(const Step *step, int64_t first, const REAL *from, REAL *to) {
  const int64_t H = step->sequence->units;
  for (int64_t row = 0; row < step->rows; row++)
    memcpy(to + (first + row) * H, from + row * step->width, (size_t)H * sizeof(REAL));
}

static void backward_part(void *pointer, int64_t part) {
  Job *job = pointer;
  const GruTfSequence *s = job->sequence;
  const int64_t first = part * job->rows, left = s->batch - first, rows = left < job->rows ? left : job->rows;
  Step step = job->weights;
  REAL *const initial = memory(rows * (kept_width(&step) + 3 * step.width));
  uint8_t masked[ROWS_AT_ONCE];
  if (!initial) {
    job->failed = 1;
    return;
  }
  step.rows = rows;
  step.reset = initial + rows * kept_width(&step);
  step.d_h = step.reset + rows * step.width;
  step.d_c = step.d_h + rows * step.width;
  step.masked = s->mask ? masked : NULL;
  initial_state(s, first, rows, initial);
  read_gradient(&step, first, s->d_h_last, step.d_h);
  read_gradient(&step, first, s->d_c_last, step.d_c);
  for (int64_t t = s->steps - 1; t >= 0; t--) {
    for (int64_t row = 0; row < rows; row++) masked[row] = !is_real(s, first + row, t);
    step.kept = kept_row(s, first, t);
    step.before = t ? kept_row(s, first, t - 1) : initial;
    step.sums = deltas_row(s, first, t);
    add_outputs(&step, first, t);
    backward_step(&step);
  }
  write_gradient(&step, first, step.d_h, s->d_h0);
  if (s->cell == CELL_LSTM) write_gradient(&step, first, step.d_c, s->d_c0);
  free(initial);
}

static Job job_of(const GruTfSequence *s) {
  const Step weights = {.sequence = s, .cell = cell_of(s), .width = width_of(s), .sums_width = sums_width_of(s)};
  return (Job){.sequence = s, .weights = weights};
}

/* Rows are shared out evenly, in whole tiles. */
static int over_rows(Job *job, void (*part)(void *, int64_t)) {
  const GruTfSequence *s = job->sequence;
  const int64_t threads = s->threads < 1 ? 1 : s->threads;
  const int64_t share = ((s->batch + threads - 1) / threads + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS;
  job->rows = share < ROWS_AT_ONCE ? share : ROWS_AT_ONCE;
  if (s->batch) gru_tf_in_threads(part, job, (s->batch + job->rows - 1) / job->rows, threads);
  return job->failed;
}

int EXPORTED(gru_tf_forward)(const GruTfSequence *s) {
  Job job = job_of(s);
  if (s->packed) {
    pack_forward(&job, s->packed, 0, NULL);
    return over_rows(&job, forward_part);
  }
  REAL *const room = pack(&job, 0);
  const int failed = !room || over_rows(&job, forward_part);
  free(room);
  return failed;
}

int EXPORTED(gru_tf_backward)(const GruTfSequence *s) {
  Job job = job_of(s);
  REAL *const room = pack(&job, 1);
  const int failed = !room || over_rows(&job, backward_part);
  free(room);
  return failed;
}

void *EXPORTED(gru_tf_pack)(const GruTfSequence *s) {
  Job job = job_of(s);
  return pack(&job, 0);
}

int64_t EXPORTED(gru_tf_kept_size)(const GruTfSequence *s) { return s->steps * s->batch * cell_of(s)->kept * width_of(s); }
int64_t EXPORTED(gru_tf_deltas_size)(const GruTfSequence *s) { return s->steps * s->batch * sums_width_of(s); }
