/* Long short-term memory                                              (Graves 2013, eqs. 7–11, without peepholes)
 *
 *     i, f, o = σ(W_• x_t + U_• h_{t−1} + b_•)
 *     c̃ = tanh(W_c x_t + U_c h_{t−1} + b_c)
 *     c_t = f ∘ c_{t−1} + i ∘ c̃
 *     h_t = o ∘ tanh(c_t)
 *
 * With D = ∂L/∂h_t and what later steps ask of c_t in C:
 *
 *     C ← C + D ∘ o ∘ (1 − tanh²(c_t))
 *     δ_i = C ∘ c̃ ∘ i (1 − i),   δ_f = C ∘ c_{t−1} ∘ f (1 − f),   δ_c = C ∘ i ∘ (1 − c̃²),   δ_o = D ∘ tanh(c_t) ∘ o (1 − o)
 *     ∂L/∂c_{t−1} = C ∘ f,   ∂L/∂h_{t−1} = [δ_i δ_f δ_c δ_o] Uᵀ
 */
enum { LSTM_H, LSTM_C, LSTM_I, LSTM_F, LSTM_CANDIDATE, LSTM_O }; /* blocks of what is kept */

static inline void lstm_forward(const Step *s) {
  const int64_t H = s->width;
  form_sums(s, 0);
  for (int64_t row = 0; row < s->rows; row++) {
    const REAL *before = s->before + row * kept_width(s);
    REAL *sums = s->sums + row * s->sums_width, *kept = s->kept + row * kept_width(s);
    if (is_masked(s, row)) {
      carry(s, row, 2);
      continue;
    }
    to_sigmoids(sums, 2 * H);
    to_sigmoids(sums + 3 * H, H);
    for (int64_t j = 0; j < H; j += LANES) {
      const vector i = load(sums + j), f = load(sums + H + j), o = load(sums + 3 * H + j);
      const vector candidate = hyperbolic_tangent(load(sums + 2 * H + j));
      const vector c = fma_(f, load(before + LSTM_C * H + j), i * candidate);
      store(kept + LSTM_H * H + j, o * hyperbolic_tangent(c));
      store(kept + LSTM_C * H + j, c);
      store(kept + LSTM_I * H + j, i);
      store(kept + LSTM_F * H + j, f);
      store(kept + LSTM_CANDIDATE * H + j, candidate);
      store(kept + LSTM_O * H + j, o);
    }
  }
}

static inline void lstm_backward(const Step *s) {
  const int64_t H = s->width;
  for (int64_t row = 0; row < s->rows; row++) {
    const REAL *kept = s->kept + row * kept_width(s), *before = s->before + row * kept_width(s);
    REAL *delta = s->sums + row * s->sums_width, *d_h = s->d_h + row * H, *d_c = s->d_c + row * H;
    if (is_masked(s, row)) continue;
    for (int64_t j = 0; j < H; j += LANES) {
      const vector i = load(kept + LSTM_I * H + j), f = load(kept + LSTM_F * H + j), o = load(kept + LSTM_O * H + j);
      const vector candidate = load(kept + LSTM_CANDIDATE * H + j), tanh_c = hyperbolic_tangent(load(kept + LSTM_C * H + j));
      const vector D = load(d_h + j), C = fma_(D * o, all(1) - tanh_c * tanh_c, load(d_c + j));
      store(delta + j, C * candidate * i * (all(1) - i));
      store(delta + H + j, C * load(before + LSTM_C * H + j) * f * (all(1) - f));
      store(delta + 2 * H + j, C * i * (all(1) - candidate * candidate));
      store(delta + 3 * H + j, D * tanh_c * o * (all(1) - o));
      store(d_c + j, C * f);
      store(d_h + j, all(0));
    }
  }
  clear_deltas(s);
  add_from_state(s, 0, s->d_h);
}
