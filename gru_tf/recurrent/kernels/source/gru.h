/* Gated recurrent unit                                                            (Cho et al. 2014, eqs. 5–8)
 *
 *     z = σ(W_z x_t + U_z h_{t−1} + b_z)
 *     r = σ(W_r x_t + U_r h_{t−1} + b_r)
 *     h̃ = tanh(W_h x_t + b_h + r ∘ q),  q = U_h h_{t−1} + b'_h         reset after the product (cuDNN, Keras)
 *     h̃ = tanh(W_h x_t + U_h (r ∘ h_{t−1}) + b_h)                      reset before it
 *     h_t = k ∘ h_{t−1} + (1 − k) ∘ h̃                                  k = z in the convention "keep", 1 − z in "write"
 *
 * With D = ∂L/∂h_t:
 *
 *     δ_z = ± D ∘ (h_{t−1} − h̃) ∘ k (1 − k)                            + in "keep", − in "write"
 *     δ_h = D ∘ (1 − k) ∘ (1 − h̃²)
 *     reset after:    δ_r = δ_h ∘ q ∘ r (1 − r),   δ_q = δ_h ∘ r
 *                     ∂L/∂h_{t−1} = D ∘ k + [δ_z δ_r] [U_z U_r]ᵀ + δ_q U_hᵀ
 *     reset before:   R = δ_h U_hᵀ,   δ_r = R ∘ h_{t−1} ∘ r (1 − r)
 *                     ∂L/∂h_{t−1} = D ∘ k + R ∘ r + [δ_z δ_r] [U_z U_r]ᵀ
 */
enum { GRU_H, GRU_K, GRU_R, GRU_CANDIDATE, GRU_Q }; /* blocks of what is kept */

INLINE vector kept_share(const Step *s, vector z) { return s->sequence->write ? all(1) - z : z; }
INLINE vector new_state(vector k, vector h, vector candidate) { return fma_(k, h - candidate, candidate); }

/* Sums stand side by side: z, r, W_h x + b_h, and q. */
static inline void gru_forward(const Step *s) {
  const int64_t H = s->width;
  for (int group = 0; group < 3; group++) form_sums(s, group);
  for (int64_t row = 0; row < s->rows; row++) {
    const REAL *before = s->before + row * kept_width(s);
    REAL *sums = s->sums + row * s->sums_width, *kept = s->kept + row * kept_width(s);
    if (is_masked(s, row)) {
      carry(s, row, 1);
      continue;
    }
    to_sigmoids(sums, 2 * H);
    for (int64_t j = 0; j < H; j += LANES) {
      const vector k = kept_share(s, load(sums + j)), r = load(sums + H + j), q = load(sums + 3 * H + j);
      const vector candidate = hyperbolic_tangent(fma_(r, q, load(sums + 2 * H + j)));
      store(kept + GRU_H * H + j, new_state(k, load(before + j), candidate));
      store(kept + GRU_K * H + j, k);
      store(kept + GRU_R * H + j, r);
      store(kept + GRU_CANDIDATE * H + j, candidate);
      store(kept + GRU_Q * H + j, q);
    }
  }
}

/* δ_z and δ_h of some columns are stored; δ_h is returned. */
INLINE vector gru_deltas(const Step *s, const REAL *kept, const REAL *before, vector D, REAL *delta) {
  const int64_t H = s->width;
  const vector k = load(kept + GRU_K * H), candidate = load(kept + GRU_CANDIDATE * H);
  const vector by_share = D * (load(before) - candidate) * k * (all(1) - k);
  const vector delta_h = D * (all(1) - k) * (all(1) - candidate * candidate);
  store(delta, s->sequence->write ? -by_share : by_share);
  store(delta + 2 * H, delta_h);
  return delta_h;
}

static inline void gru_backward(const Step *s) {
  const int64_t H = s->width;
  for (int64_t row = 0; row < s->rows; row++) {
    const REAL *kept = s->kept + row * kept_width(s), *before = s->before + row * kept_width(s);
    REAL *delta = s->sums + row * s->sums_width, *d_h = s->d_h + row * H;
    if (is_masked(s, row)) continue;
    for (int64_t j = 0; j < H; j += LANES) {
      const vector D = load(d_h + j), r = load(kept + GRU_R * H + j), q = load(kept + GRU_Q * H + j);
      const vector delta_h = gru_deltas(s, kept + j, before + j, D, delta + j);
      store(delta + H + j, delta_h * q * r * (all(1) - r));
      store(delta + 3 * H + j, delta_h * r);
      store(d_h + j, D * load(kept + GRU_K * H + j));
    }
  }
  clear_deltas(s);
  add_from_state(s, 0, s->d_h);
  add_from_state(s, 2, s->d_h);
}

/* Sums stand side by side: z, r, and W_h x + U_h (r ∘ h) + b_h. */
static inline void gru_reset_before_forward(const Step *s) {
  const int64_t H = s->width;
  form_sums(s, 0);
  for (int64_t row = 0; row < s->rows; row++) {
    const REAL *before = s->before + row * kept_width(s);
    REAL *sums = s->sums + row * s->sums_width, *kept = s->kept + row * kept_width(s), *reset = s->reset + row * H;
    to_sigmoids(sums, 2 * H);
    for (int64_t j = 0; j < H; j += LANES) {
      const vector r = load(sums + H + j);
      store(kept + GRU_K * H + j, kept_share(s, load(sums + j)));
      store(kept + GRU_R * H + j, r);
      store(reset + j, r * load(before + j));
    }
  }
  form_sums(s, 1);
  for (int64_t row = 0; row < s->rows; row++) {
    const REAL *sums = s->sums + row * s->sums_width, *before = s->before + row * kept_width(s);
    REAL *kept = s->kept + row * kept_width(s);
    if (is_masked(s, row)) {
      carry(s, row, 1);
      continue;
    }
    for (int64_t j = 0; j < H; j += LANES) {
      const vector candidate = hyperbolic_tangent(load(sums + 2 * H + j));
      store(kept + GRU_H * H + j, new_state(load(kept + GRU_K * H + j), load(before + j), candidate));
      store(kept + GRU_CANDIDATE * H + j, candidate);
    }
  }
}

static inline void gru_reset_before_backward(const Step *s) {
  const int64_t H = s->width;
  for (int64_t row = 0; row < s->rows; row++) {
    const REAL *kept = s->kept + row * kept_width(s), *before = s->before + row * kept_width(s), *d_h = s->d_h + row * H;
    REAL *delta = s->sums + row * s->sums_width, *reset = s->reset + row * H;
    for (int64_t j = 0; j < H; j += LANES) {
      store(reset + j, all(0));
      if (!is_masked(s, row)) gru_deltas(s, kept + j, before + j, load(d_h + j), delta + j);
    }
  }
  clear_deltas(s);
  add_from_state(s, 1, s->reset);
  for (int64_t row = 0; row < s->rows; row++) {
    const REAL *kept = s->kept + row * kept_width(s), *before = s->before + row * kept_width(s);
    REAL *delta = s->sums + row * s->sums_width, *reset = s->reset + row * H, *d_h = s->d_h + row * H;
    if (is_masked(s, row)) continue;
    for (int64_t j = 0; j < H; j += LANES) {
      const vector R = load(reset + j), r = load(kept + GRU_R * H + j);
      store(delta + H + j, R * load(before + j) * r * (all(1) - r));
      store(d_h + j, fma_(load(d_h + j), load(kept + GRU_K * H + j), R * r));
    }
  }
  clear_deltas(s);
  add_from_state(s, 0, s->d_h);
}
