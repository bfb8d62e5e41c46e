/* Simple recurrent network                                                                  (Elman 1990, eq. 1)
 *
 *     h_t = tanh(W x_t + U h_{t−1} + b)
 *
 * With D = ∂L/∂h_t:   δ = D ∘ (1 − h_t²),   ∂L/∂h_{t−1} = δ Uᵀ.
 */
static inline void rnn_forward(const Step *s) {
  form_sums(s, 0);
  for (int64_t row = 0; row < s->rows; row++) {
    const REAL *sums = s->sums + row * s->sums_width;
    REAL *h = s->kept + row * kept_width(s);
    if (is_masked(s, row)) {
      carry(s, row, 1);
      continue;
    }
    for (int64_t j = 0; j < s->width; j += LANES) store(h + j, hyperbolic_tangent(load(sums + j)));
  }
}

static inline void rnn_backward(const Step *s) {
  for (int64_t row = 0; row < s->rows; row++) {
    const REAL *kept = s->kept + row * kept_width(s);
    REAL *delta = s->sums + row * s->sums_width, *d_h = s->d_h + row * s->width;
    if (is_masked(s, row)) continue;
    for (int64_t j = 0; j < s->width; j += LANES) {
      const vector h = load(kept + j);
      store(delta + j, load(d_h + j) * (all(1) - h * h));
      store(d_h + j, all(0));
    }
  }
  clear_deltas(s);
  add_from_state(s, 0, s->d_h);
}
