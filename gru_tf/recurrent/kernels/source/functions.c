/* The vector functions for arrays, so that tests can see them alone. */
#include "layout.h"

#define OF_AN_ARRAY(name, function)                                                       \
  void EXPORTED(name)(const REAL *from, REAL *to, int64_t count) {                        \
    for (int64_t n = 0; n < count; n += LANES) {                                          \
      REAL lanes[VECTOR_BYTES / sizeof(REAL)] = {0};                                      \
      const size_t size = (size_t)(count - n < LANES ? count - n : LANES) * sizeof(REAL); \
      memcpy(lanes, from + n, size);                                                      \
      store(lanes, function(load(lanes)));                                                \
      memcpy(to + n, lanes, size);                                                        \
    }                                                                                     \
  }

OF_AN_ARRAY(gru_tf_tanh, hyperbolic_tangent)
OF_AN_ARRAY(gru_tf_sigmoid, sigmoid)
