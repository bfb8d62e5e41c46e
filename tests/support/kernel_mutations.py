"""Mistakes that somebody could make in the kernels' C sources: (file, text, text in its place), text by text as it stands.

Each is one wrong term, sign, gate, step or row. Every one changes what the library answers to `core_checks.quick`.
"""

RNN = [
    ("store(h + j, hyperbolic_tangent(load(sums + j)))", "store(h + j, load(sums + j))"),
    ("store(h + j, hyperbolic_tangent(load(sums + j)))", "store(h + j, sigmoid(load(sums + j)))"),
    ("carry(s, row, 1);", ""),
    ("(all(1) - h * h)", "(all(1) - h)"),
    ("(all(1) - h * h)", "(all(1) + h * h)"),
    ("load(d_h + j) * (all(1)", "(all(1)"),
    ("store(d_h + j, all(0));", ""),
    ("    if (is_masked(s, row)) continue;\n", ""),
    ("  clear_deltas(s);\n", ""),
    ("  add_from_state(s, 0, s->d_h);\n", ""),
]

LSTM = [
    ("to_sigmoids(sums, 2 * H);", "to_sigmoids(sums, H);"),
    ("to_sigmoids(sums + 3 * H, H);", ""),
    ("const vector i = load(sums + j), f = load(sums + H + j)", "const vector f = load(sums + j), i = load(sums + H + j)"),
    ("o = load(sums + 3 * H + j)", "o = load(sums + H + j)"),
    ("hyperbolic_tangent(load(sums + 2 * H + j))", "load(sums + 2 * H + j)"),
    ("i * candidate);", "candidate);"),
    ("c = fma_(f, load(before", "c = fma_(i, load(before"),
    ("load(before + LSTM_C * H + j), i * candidate", "all(0), i * candidate"),
    ("load(before + LSTM_C * H + j), i * candidate", "load(before + LSTM_H * H + j), i * candidate"),
    ("o * hyperbolic_tangent(c)", "o * c"),
    ("o * hyperbolic_tangent(c)", "hyperbolic_tangent(c)"),
    ("store(kept + LSTM_C * H + j, c);", "store(kept + LSTM_C * H + j, candidate);"),
    ("store(kept + LSTM_I * H + j, i);", "store(kept + LSTM_I * H + j, f);"),
    ("store(kept + LSTM_F * H + j, f);", "store(kept + LSTM_F * H + j, i);"),
    ("store(kept + LSTM_CANDIDATE * H + j, candidate);", "store(kept + LSTM_CANDIDATE * H + j, c);"),
    ("store(kept + LSTM_O * H + j, o);", "store(kept + LSTM_O * H + j, i);"),
    ("carry(s, row, 2);", "carry(s, row, 1);"),
    ("    if (is_masked(s, row)) continue;\n", ""),
    ("C = fma_(D * o, all(1) - tanh_c * tanh_c, load(d_c + j))", "C = D * o * (all(1) - tanh_c * tanh_c)"),
    ("C = fma_(D * o, all(1) - tanh_c * tanh_c, load(d_c + j))", "C = load(d_c + j)"),
    ("C = fma_(D * o, all(1) - tanh_c * tanh_c,", "C = fma_(D, all(1) - tanh_c * tanh_c,"),
    ("C = fma_(D * o, all(1) - tanh_c * tanh_c,", "C = fma_(D * o, all(1),"),
    ("C * candidate * i * (all(1) - i)", "C * candidate * i"),
    ("C * candidate * i * (all(1) - i)", "C * i * (all(1) - i)"),
    ("C * load(before + LSTM_C * H + j) * f * (all(1) - f)", "C * load(kept + LSTM_C * H + j) * f * (all(1) - f)"),
    ("C * load(before + LSTM_C * H + j) * f * (all(1) - f)", "C * load(before + LSTM_C * H + j) * f"),
    ("C * i * (all(1) - candidate * candidate)", "C * i"),
    ("C * i * (all(1) - candidate * candidate)", "C * (all(1) - candidate * candidate)"),
    ("D * tanh_c * o * (all(1) - o)", "D * tanh_c * o"),
    ("D * tanh_c * o * (all(1) - o)", "C * tanh_c * o * (all(1) - o)"),
    ("store(d_c + j, C * f);", "store(d_c + j, C);"),
    ("store(d_c + j, C * f);", ""),
    ("store(d_h + j, all(0));", ""),
    ("  clear_deltas(s);\n", ""),
    ("  add_from_state(s, 0, s->d_h);\n", ""),
]

GRU = [
    ("s->sequence->write ? all(1) - z : z;", "s->sequence->write ? z : all(1) - z;"),
    ("s->sequence->write ? all(1) - z : z;", "z;"),
    ("fma_(k, h - candidate, candidate)", "fma_(k, candidate - h, h)"),
    ("fma_(k, h - candidate, candidate)", "k * h + candidate"),
    ("for (int group = 0; group < 3; group++)", "for (int group = 0; group < 2; group++)"),
    ("r = load(sums + H + j), q = load(sums + 3 * H + j)", "r = load(sums + j), q = load(sums + 3 * H + j)"),
    ("fma_(r, q, load(sums + 2 * H + j))", "q + load(sums + 2 * H + j)"),
    ("fma_(r, q, load(sums + 2 * H + j))", "fma_(r, load(sums + 2 * H + j), q)"),
    ("hyperbolic_tangent(fma_(", "sigmoid(fma_("),
    ("store(kept + GRU_K * H + j, k);", "store(kept + GRU_K * H + j, r);"),
    ("      store(kept + GRU_R * H + j, r);\n      store(kept + GRU_CANDIDATE", "      store(kept + GRU_CANDIDATE"),
    ("store(kept + GRU_Q * H + j, q);", "store(kept + GRU_Q * H + j, r * q);"),
    ("D * (load(before) - candidate) * k * (all(1) - k)", "D * (candidate - load(before)) * k * (all(1) - k)"),
    ("D * (load(before) - candidate) * k * (all(1) - k)", "D * load(before) * k * (all(1) - k)"),
    ("D * (load(before) - candidate) * k * (all(1) - k)", "D * (load(before) - candidate) * k"),
    ("D * (all(1) - k) * (all(1) - candidate * candidate)", "D * k * (all(1) - candidate * candidate)"),
    ("D * (all(1) - k) * (all(1) - candidate * candidate)", "D * (all(1) - k)"),
    ("s->sequence->write ? -by_share : by_share", "by_share"),
    ("delta_h * q * r * (all(1) - r)", "delta_h * r * (all(1) - r)"),
    ("delta_h * q * r * (all(1) - r)", "delta_h * q * r"),
    ("store(delta + 3 * H + j, delta_h * r);", "store(delta + 3 * H + j, delta_h);"),
    ("store(d_h + j, D * load(kept + GRU_K * H + j));", "store(d_h + j, D);"),
    ("store(d_h + j, D * load(kept + GRU_K * H + j));", "store(d_h + j, all(0));"),
    ("  add_from_state(s, 2, s->d_h);\n", ""),
    ("  add_from_state(s, 0, s->d_h);\n  add_from_state(s, 2", "  add_from_state(s, 2"),
    ("store(reset + j, r * load(before + j));", "store(reset + j, load(before + j));"),
    ("  form_sums(s, 1);\n", ""),
    ("store(kept + GRU_K * H + j, kept_share(s, load(sums + j)));", "store(kept + GRU_K * H + j, load(sums + j));"),
    ("new_state(load(kept + GRU_K * H + j), load(before + j), candidate)", "candidate"),
    ("store(kept + GRU_CANDIDATE * H + j, candidate);\n    }", "}"),
    ("  add_from_state(s, 1, s->reset);\n", ""),
    ("R * load(before + j) * r * (all(1) - r)", "R * r * (all(1) - r)"),
    ("R * load(before + j) * r * (all(1) - r)", "R * load(before + j) * r"),
    ("fma_(load(d_h + j), load(kept + GRU_K * H + j), R * r)", "load(d_h + j) * load(kept + GRU_K * H + j)"),
    ("fma_(load(d_h + j), load(kept + GRU_K * H + j), R * r)", "fma_(load(d_h + j), load(kept + GRU_K * H + j), R)"),
    ("fma_(load(d_h + j), load(kept + GRU_K * H + j), R * r)", "R * r"),
]

CELL = [
    ("[CELL_GRU] = {3, 3, 5, {{0, 2, 1, STATE, 3}", "[CELL_GRU] = {3, 3, 5, {{0, 2, 1, STATE, 1}"),
    ("{2, 1, 1, NO_STATE, 1}, {2, 1, 0, STATE, 2}", "{2, 1, 1, NO_STATE, 3}, {2, 1, 0, STATE, 2}"),
    ("{2, 1, 1, RESET_STATE, 1}", "{2, 1, 1, STATE, 1}"),
    ("if (g->reads_input) factors[count++]", "if (g->reads_input && !s->masked) factors[count++]"),
    ("(Start){s->starts[group], 0}", "(Start){NULL, 0}"),
    ("(Start){out, s->width}", "(Start){NULL, 0}"),
    ("if (is_masked(s, row)) memset(delta, 0,", "if (0) memset(delta, 0,"),
    ("first_lanes(load(delta + block + s->width - LANES), H + LANES - s->width)", "load(delta + block + s->width - LANES)"),
]

SEQUENCE = [
    ("case CELL_GRU: gru_forward(s); break;", "case CELL_GRU: gru_reset_before_forward(s); break;"),
    ("g->starts_with & 1 ? s->bias : NULL, start", "NULL, start"),
    ("g->starts_with & 2 ? s->recurrent_bias : NULL", "NULL"),
    ("(const REAL *)s->h0 + (first + row) * H", "(const REAL *)s->h0 + first * H"),
    ("(const REAL *)s->c0 + (first + row) * H", "(const REAL *)s->h0 + (first + row) * H"),
    ("if (is_masked(step, row) && s->zero_masked) memset(out", "if (s->zero_masked) memset(out"),
    ("if (is_masked(step, row) && s->zero_masked) memset(out", "if (is_masked(step, row)) memset(out"),
    ("if (is_masked(step, row) && s->zero_masked) memset(out", "if (0) memset(out"),
    ("if (!s->every_step && t < s->steps - 1) continue;", "if (!s->every_step && t > 0) continue;"),
    ("masked[row] = !is_real(s, first + row, t);\n  }\n  step->x", "masked[row] = 0;\n  }\n  step->x"),
    ("step.before = step.kept;", "step.before = records_of[1];"),
    ("s->c_last + (first + row) * s->units, kept + step->width", "s->c_last + (first + row) * s->units, kept"),
    ("if (!s->every_step && t < s->steps - 1) return;", "if (!s->every_step && t > 0) return;"),
    ("if (is_masked(step, row) && s->zero_masked) continue;", "if (s->zero_masked) continue;"),
    ("if (is_masked(step, row) && s->zero_masked) continue;", "if (is_masked(step, row)) continue;"),
    ("if (is_masked(step, row) && s->zero_masked) continue;", ""),
    ("d_h[j] += d_output[j]", "d_h[j] = d_output[j]"),
    ("read_gradient(&step, first, s->d_h_last, step.d_h);", "read_gradient(&step, first, NULL, step.d_h);"),
    ("read_gradient(&step, first, s->d_c_last, step.d_c);", "read_gradient(&step, first, NULL, step.d_c);"),
    ("masked[row] = !is_real(s, first + row, t);\n    step.kept", "masked[row] = 0;\n    step.kept"),
    ("step.before = t ? kept_row(s, first, t - 1) : initial;", "step.before = t ? kept_row(s, first, t) : initial;"),
    ("step.before = t ? kept_row(s, first, t - 1) : initial;", "step.before = t > 1 ? kept_row(s, first, t - 1) : initial;"),
    ("write_gradient(&step, first, step.d_c, s->d_c0);", "write_gradient(&step, first, step.d_h, s->d_c0);"),
]

WEIGHTS = [
    ("if (is_real(s, row, t)) memcpy(part->row, input_row(s, row, t)", "if (1) memcpy(part->row, input_row(s, row, 0)"),
    (
        "const REAL *before = t ? kept_row(s, row, t - 1) : part->row;",
        "const REAL *before = t ? kept_row(s, row, t) : part->row;",
    ),
    (
        "if (t == 0) memcpy(part->row, (const REAL *)s->h0 + row * H, (size_t)H * sizeof(REAL));",
        "if (t == 0) memset(part->row, 0, (size_t)H * sizeof(REAL));",
    ),
    ("kept_row(s, row, t) + GRU_R * width_of(s)", "kept_row(s, row, t) + GRU_K * width_of(s)"),
    ("times ? load(times + row + i) * v : v", "v"),
    ("add_product(part->left[g->reads_state]", "add_product(part->left[STATE]"),
    ("add_rows(deltas, count, p.vectors, by_bias);", ""),
    (
        "if (g->starts_with & 1) write_sums(s, p, by_bias, 1, s->d_bias);",
        "if (g->starts_with & 1) write_sums(s, p, by_input, 1, s->d_bias);",
    ),
    (
        "if (g->starts_with & 2) write_sums(s, p, by_bias, 1, s->d_recurrent_bias);",
        "if (g->starts_with & 2) write_sums(s, p, by_state, 1, s->d_recurrent_bias);",
    ),
    ("cell_of(s)->group[p.group].first_gate + column / width", "column / width"),
    ("(Start){sums + row * columns, columns}", "(Start){NULL, 0}"),
    ("first < all_rows; first += ROWS_AT_ONCE", "first < all_rows && !first; first += ROWS_AT_ONCE"),
]

INPUTS = [
    ("first * sums_width + columns_before(s, (int)group)", "first * sums_width"),
    ("first * sums_width + columns_before", "columns_before"),
    ("    row_of_w += columns_of(s, (int)group);\n", ""),
    ("place_in_time(s, k / s->batch)", "k / s->batch"),
    ("product(rows, width, factors, count,", "product(rows, width, factors, 1,"),
    ("      first += columns_of(s, (int)group);\n", ""),
]

MATRIX = [
    ("(const REAL *)p->left + first * p->depth + k;", "(const REAL *)p->left + k;"),
    ("[(k + j) * p->rows + first + i]", "[(k + j) * p->rows + i]"),
    ("[(k + j) * p->rows + first + i]", "[j * p->rows + first + i]"),
    ("p->transposed_left ? turned : (const", "(const"),
    ("job->panels, p->depth, k}", "job->panels, p->depth, 0}"),
    ("(Start){sums, width}", "(Start){NULL, 0}"),
    ("(first + row) * p->columns, sums", "row * p->columns, sums"),
    ("sums + row * width, (size_t)", "sums, (size_t)"),
    ("k * (p->transposed_right ? 1 : p->columns)", "k * p->columns"),
    ("row[j] = right[j * step];", "row[j] = right[j];"),
]

LAYOUT = [
    ("s->backwards ? s->steps - 1 - t : t", "t"),
    ("s->mask[row * s->steps + place_in_time(s, t)]", "s->mask[row * s->steps + t]"),
    ("(row * s->steps + place_in_time(s, t)) * s->features", "(row * s->steps + t) * s->features"),
    ("(g->first_gate + gate) * H, (size_t)H", "gate * H, (size_t)H"),
    ("(g->first_gate + gate) * H + unit]", "gate * H + unit]"),
]

PRODUCT = [
    ("for (int m = 0; m < count; m++) {", "for (int m = 0; m < 1; m++) {"),
    ("k < f.depth; k++", "k < f.depth - 1; k++"),
    ("sum[i][j] = fma_(a, b[j], sum[i][j]);", "sum[i][j] = fma_(a, b[0], sum[i][j]);"),
    ("start.values + row * start.row_stride + panel * LANES : 0", "start.values : 0"),
]

VECTOR = [
    (
        "return all(1) / (all(1) + fma_(e.scale, e.small, e.scale));",
        "return all(1) / (all(2) + fma_(e.scale, e.small, e.scale));",
    ),
    ("exponential(-within(x, EXP_MOST))", "exponential(within(x, EXP_MOST))"),
    ("exponential(-within(x, EXP_MOST))", "exponential(-x)"),
    ("return less_one / (less_one + all(2));", "return less_one / (less_one + all(1));"),
    ("within(x + x, (REAL)(IS_DOUBLE ? 40 : 20))", "within(x, (REAL)(IS_DOUBLE ? 40 : 20))"),
    ("within(x + x, (REAL)(IS_DOUBLE ? 40 : 20))", "within(x + x, (REAL)(IS_DOUBLE ? 4 : 4))"),
    ("fma_(e.scale, e.small, e.scale - all(1))", "fma_(e.scale, e.small, e.scale) - all(1)"),
    ("1.0 / 2, 1.0 / 6,", "1.0 / 2, 1.0 / 5,"),
    ("const int terms = IS_DOUBLE ? 12 : 6;", "const int terms = IS_DOUBLE ? 12 : 4;"),
    ("fma_(k, all(-ln2_low), fma_(k, all(-ln2_high), x))", "fma_(k, all(-ln2_high), x)"),
    ("return choose(x < all(-most), all(-most), x);", "return x;"),
]

THREADS = [("part < share->parts; part += share->step", "part < share->parts; part += share->step + 1")]

ALL = {
    "rnn.h": RNN,
    "lstm.h": LSTM,
    "gru.h": GRU,
    "cell.h": CELL,
    "sequence.c": SEQUENCE,
    "weights.c": WEIGHTS,
    "inputs.c": INPUTS,
    "matrix.c": MATRIX,
    "layout.h": LAYOUT,
    "product.h": PRODUCT,
    "vector.h": VECTOR,
    "threads.c": THREADS,
}
