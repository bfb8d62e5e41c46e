/* Memory that the library made, given back by the library. */
#include "kernels.h"

#include <stdlib.h>

void gru_tf_free(void *memory) { free(memory); }
