/* What the library exports: a recurrent layer over whole sequences, forward and backward, for float and for double.
 *
 * Letters: B batch, T steps, I features, H units, G gates of the cell, in Keras' order of blocks:
 * SimpleRNN h; LSTM i, f, c, o; GRU z, r, h. All arrays are dense, in C's order, of the function's own type.
 * Every function returns 0, or 1 where memory ran out.
 */
#ifndef GRU_TF_KERNELS_H
#define GRU_TF_KERNELS_H

#include <stdint.h>

#define GRU_TF_API __attribute__((visibility("default")))

enum { CELL_RNN, CELL_LSTM, CELL_GRU, CELL_GRU_RESET_BEFORE };

typedef struct {
  int64_t batch, steps, features, units; /* B, T, I, H */
  int32_t cell;                          /* one of the four above */
  int32_t write;       /* GRU: 1 where a large z writes the candidate, 0 where it keeps the old state */
  int32_t backwards;   /* 1 to read from the last step to the first; outputs come in the order of reading */
  int32_t every_step;  /* 1 for an output of every step, 0 for the last one alone */
  int32_t zero_masked; /* 1 for zeros as the output of a masked step, 0 to repeat the output before it, at first h0 */
  int32_t threads;     /* how many to use at the most; results do not depend on it */

  const void *inputs;           /* (B, T, I) */
  const uint8_t *mask;          /* (B, T), 0 where a step is not real; or NULL */
  const void *h0, *c0;          /* (B, H); c0 for LSTM alone */
  const void *kernel;           /* (I, G·H) */
  const void *recurrent_kernel; /* (H, G·H) */
  const void *bias;             /* (G·H), or NULL */
  const void *recurrent_bias;   /* (G·H) for CELL_GRU, or NULL */

  void *packed;                 /* forward: what gru_tf_pack made of these four, or NULL to make it for this call */

  void *outputs;      /* forward writes: (B, T, H), or (B, H) */
  void *h_last;       /* (B, H) */
  void *c_last;       /* (B, H), LSTM */
  void *kept;         /* what backward needs: `gru_tf_kept_size` numbers, or NULL to keep nothing */

  const void *d_outputs;          /* backward reads: shaped like outputs */
  const void *d_h_last, *d_c_last; /* (B, H), or NULL for zeros */
  void *deltas;                   /* backward writes, the gradients read: `gru_tf_deltas_size` numbers */
  void *d_h0, *d_c0;              /* (B, H) */
  void *d_kernel, *d_recurrent_kernel, *d_bias, *d_recurrent_bias; /* shaped like the weights; a bias may be NULL */
  void *d_inputs;                 /* (B, T, I) */
} GruTfSequence;

/* out (rows, columns) = left · right */
typedef struct {
  int64_t rows, depth, columns;
  const void *left;  /* (rows, depth), or transposed */
  const void *right; /* (depth, columns), or transposed */
  void *out;
  int32_t transposed_left, transposed_right; /* 1 for a factor that lies transposed in memory */
  int32_t threads;                           /* how many to use at the most; the result does not depend on it */
} GruTfProduct;

#define GRU_TF_EXPORTS(T, real)                                                                           \
  GRU_TF_API int gru_tf_forward_##real(const GruTfSequence *);                                            \
  GRU_TF_API int gru_tf_backward_##real(const GruTfSequence *);        /* kept → deltas, d_h0, d_c0 */     \
  GRU_TF_API int gru_tf_weight_gradient_##real(const GruTfSequence *); /* deltas, kept, inputs → d_kernel … */ \
  GRU_TF_API int gru_tf_input_gradient_##real(const GruTfSequence *);  /* deltas → d_inputs */             \
  GRU_TF_API void *gru_tf_pack_##real(const GruTfSequence *); /* memory for gru_tf_free, or NULL */         \
  GRU_TF_API int64_t gru_tf_kept_size_##real(const GruTfSequence *);                                      \
  GRU_TF_API int64_t gru_tf_deltas_size_##real(const GruTfSequence *);                                    \
  GRU_TF_API int gru_tf_product_##real(const GruTfProduct *);                                             \
  GRU_TF_API void gru_tf_tanh_##real(const T *, T *, int64_t);                                            \
  GRU_TF_API void gru_tf_sigmoid_##real(const T *, T *, int64_t);

GRU_TF_EXPORTS(float, float)
GRU_TF_EXPORTS(double, double)
GRU_TF_API void gru_tf_free(void *);

#endif
