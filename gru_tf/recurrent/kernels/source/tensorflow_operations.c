/* TensorFlow's operations for CPUs: their inputs and outputs, checked and handed to the functions of kernels.h.
 *
 *     GruTfSequence           a cell over all steps
 *     GruTfSequenceBackward   ∂L/∂sums of all steps, and the gradients by the initial states
 *     GruTfWeightGradient     from these, the gradients by the weights
 *     GruTfInputGradient      and by the inputs: where nobody asks for them, a graph leaves the operation out
 *     GruTfMatrixProduct      left · right, either of them transposed in memory or not
 *
 * A tensor without elements stands for one that is not given (mask, c0, bias). A bias of shape (2, G·H) is the input's and
 * the state's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kernels.h"
#include "tensorflow_c.h"

enum { MOST_INPUTS = 8, MOST_OUTPUTS = 4 };

static int32_t threads = 1;
GRU_TF_API void gru_tf_set_threads(int32_t count) { threads = count; }

/* The attributes of an operation. */
typedef struct {
  int32_t cell, write, backwards, every_step, zero_masked, keep; /* of a sequence */
  int32_t transposed_left, transposed_right;                     /* of a product */
  TF_DataType type;
} Attributes;

/* One call: its tensors, and the first thing that went wrong. */
typedef struct {
  const Attributes *attributes;
  TF_OpKernelContext *context;
  TF_Status *status;
  TF_Tensor *inputs[MOST_INPUTS], *outputs[MOST_OUTPUTS];
  GruTfSequence sequence;
} Call;

static void *read_attributes(TF_OpKernelConstruction *construction, Attributes *a, int count, const char *const *names, int32_t *const *values) {
  TF_Status *status = TF_NewStatus();
  for (int i = 0; i < count && TF_GetCode(status) == TF_OK; i++)
    TF_OpKernelConstruction_GetAttrInt32(construction, names[i], values[i], status);
  if (TF_GetCode(status) == TF_OK) TF_OpKernelConstruction_GetAttrType(construction, "T", &a->type, status);
  if (a->cell < CELL_RNN || a->cell > CELL_GRU_RESET_BEFORE) TF_SetStatus(status, TF_INVALID_ARGUMENT, "fused kernel: no such cell");
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return a;
}

static void *create(TF_OpKernelConstruction *construction) {
  Attributes *a = calloc(1, sizeof *a);
  const char *const names[] = {"cell", "write", "backwards", "every_step", "zero_masked", "keep"};
  int32_t *const values[] = {&a->cell, &a->write, &a->backwards, &a->every_step, &a->zero_masked, &a->keep};
  return read_attributes(construction, a, 6, names, values);
}

static void *create_product(TF_OpKernelConstruction *construction) {
  Attributes *a = calloc(1, sizeof *a);
  const char *const names[] = {"transposed_left", "transposed_right"};
  int32_t *const values[] = {&a->transposed_left, &a->transposed_right};
  return read_attributes(construction, a, 2, names, values);
}

static int failed(const Call *call) { return TF_GetCode(call->status) != TF_OK; }

static void begin(Call *call, void *attributes, TF_OpKernelContext *context, int inputs) {
  *call = (Call){.attributes = attributes, .context = context, .status = TF_NewStatus()};
  const Attributes *a = attributes;
  call->sequence = (GruTfSequence){.cell = a->cell, .write = a->write, .backwards = a->backwards, .every_step = a->every_step,
                                   .zero_masked = a->zero_masked, .threads = threads};
  for (int i = 0; i < inputs && !failed(call); i++) TF_GetInput(context, i, &call->inputs[i], call->status);
}

static void end(Call *call) {
  for (int i = 0; i < MOST_INPUTS; i++)
    if (call->inputs[i]) TF_DeleteTensor(call->inputs[i]);
  for (int i = 0; i < MOST_OUTPUTS; i++)
    if (call->outputs[i]) TF_DeleteTensor(call->outputs[i]);
  if (failed(call)) TF_OpKernelContext_Failure(call->context, call->status);
  TF_DeleteStatus(call->status);
}

/* Input `index`, of the shape given by `dimensions` sizes; −1 fits any. NULL where an optional one is left out. */
static void *input(Call *call, int index, int optional, const char *name, int dimensions, const int64_t *sizes) {
  if (failed(call)) return NULL;
  const TF_Tensor *tensor = call->inputs[index];
  if (optional && TF_TensorElementCount(tensor) == 0) return NULL;
  int fits = TF_NumDims(tensor) == dimensions;
  for (int i = 0; i < dimensions && fits; i++) fits = sizes[i] < 0 || sizes[i] == TF_Dim(tensor, i);
  if (fits) return TF_TensorData(tensor);
  char message[400], *at = message, *const last = message + sizeof message;
  at += snprintf(at, (size_t)(last - at), "fused kernel: expected %s of shape (", name);
  for (int i = 0; i < dimensions; i++) at += snprintf(at, (size_t)(last - at), i ? ", %lld" : "%lld", (long long)sizes[i]);
  at += snprintf(at, (size_t)(last - at), "). Received: %d dimensions", TF_NumDims(tensor));
  for (int i = 0; i < TF_NumDims(tensor) && i < 4; i++)
    at += snprintf(at, (size_t)(last - at), i ? ", %lld" : ": %lld", (long long)TF_Dim(tensor, i));
  TF_SetStatus(call->status, TF_INVALID_ARGUMENT, message);
  return NULL;
}

static void *output(Call *call, int index, int dimensions, const int64_t *sizes) {
  if (failed(call)) return NULL;
  size_t bytes = call->attributes->type == TF_DOUBLE ? 8 : 4;
  for (int i = 0; i < dimensions; i++) bytes *= (size_t)sizes[i];
  call->outputs[index] = TF_AllocateOutput(call->context, index, call->attributes->type, sizes, dimensions, bytes, call->status);
  return failed(call) ? NULL : TF_TensorData(call->outputs[index]);
}

#define SIZES(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__}

/* A size that tells the others theirs; the tensor must have so many dimensions. */
static int64_t size(Call *call, int index, int dimensions, int dimension) {
  if (failed(call)) return 0;
  if (TF_NumDims(call->inputs[index]) == dimensions) return TF_Dim(call->inputs[index], dimension);
  TF_SetStatus(call->status, TF_INVALID_ARGUMENT, "fused kernel: an input has a wrong number of dimensions");
  return 0;
}

static void compute(Call *call, int (*of_float)(const GruTfSequence *), int (*of_double)(const GruTfSequence *)) {
  if (failed(call)) return;
  if ((call->attributes->type == TF_DOUBLE ? of_double : of_float)(&call->sequence))
    TF_SetStatus(call->status, TF_RESOURCE_EXHAUSTED, "fused kernel: out of memory");
}

static int64_t gates(const Call *call) {
  return (int64_t[]){1, 4, 3, 3}[call->attributes->cell];
}

static int64_t numbers(const Call *call, int64_t (*of_float)(const GruTfSequence *), int64_t (*of_double)(const GruTfSequence *)) {
  return (call->attributes->type == TF_DOUBLE ? of_double : of_float)(&call->sequence);
}

static int64_t per_row(int64_t all, int64_t rows) { return rows > 0 ? all / rows : 0; }

/* bias (G·H), or (2, G·H) for the input's and the state's */
static void read_bias(Call *call, int index, int64_t columns) {
  if (failed(call)) return;
  GruTfSequence *s = &call->sequence;
  if (TF_NumDims(call->inputs[index]) < 2 || s->cell != CELL_GRU) {
    s->bias = input(call, index, 1, "bias", SIZES(columns));
    return;
  }
  s->bias = input(call, index, 1, "bias", SIZES(2, columns));
  const size_t bytes = (size_t)columns * (call->attributes->type == TF_DOUBLE ? 8 : 4);
  s->recurrent_bias = s->bias ? (const char *)s->bias + bytes : NULL;
}

static void forward(void *attributes, TF_OpKernelContext *context) {
  Call call;
  begin(&call, attributes, context, 7);
  GruTfSequence *s = &call.sequence;
  const int64_t B = s->batch = size(&call, 0, 3, 0), T = s->steps = size(&call, 0, 3, 1), I = s->features = size(&call, 0, 3, 2);
  const int64_t H = s->units = size(&call, 5, 2, 0), columns = gates(&call) * H;
  s->inputs = input(&call, 0, 0, "inputs", SIZES(B, T, I));
  s->mask = input(&call, 1, 1, "mask", SIZES(B, T));
  s->h0 = input(&call, 2, 0, "state h", SIZES(B, H));
  if (s->cell == CELL_LSTM) s->c0 = input(&call, 3, 0, "state c", SIZES(B, H));
  s->kernel = input(&call, 4, 0, "kernel", SIZES(I, columns));
  s->recurrent_kernel = input(&call, 5, 0, "recurrent kernel", SIZES(H, columns));
  read_bias(&call, 6, columns);
  s->outputs = s->every_step ? output(&call, 0, SIZES(B, T, H)) : output(&call, 0, SIZES(B, H));
  s->h_last = output(&call, 1, SIZES(B, H));
  s->c_last = s->cell == CELL_LSTM ? output(&call, 2, SIZES(B, H)) : output(&call, 2, SIZES(0));
  const int64_t kept = failed(&call) ? 0 : numbers(&call, gru_tf_kept_size_float, gru_tf_kept_size_double);
  void *room = output(&call, 3, SIZES(T, B, call.attributes->keep ? per_row(kept, T * B) : 0));
  s->kept = call.attributes->keep ? room : NULL;
  compute(&call, gru_tf_forward_float, gru_tf_forward_double);
  end(&call);
}

/* T, B and what was kept, of input `index`. */
static void read_kept(Call *call, int index) {
  GruTfSequence *s = &call->sequence;
  s->steps = size(call, index, 3, 0);
  s->batch = size(call, index, 3, 1);
  const int64_t kept = failed(call) ? 0 : numbers(call, gru_tf_kept_size_float, gru_tf_kept_size_double);
  const int64_t rows = s->steps * s->batch;
  s->kept = input(call, index, 0, "what was kept", SIZES(s->steps, s->batch, rows > 0 ? kept / rows : -1));
}

static void read_deltas(Call *call, int index) {
  GruTfSequence *s = &call->sequence;
  const int64_t all = failed(call) ? 0 : numbers(call, gru_tf_deltas_size_float, gru_tf_deltas_size_double);
  const int64_t rows = s->steps * s->batch;
  s->deltas = input(call, index, 0, "deltas", SIZES(s->steps, s->batch, rows > 0 ? all / rows : -1));
}

static void backward(void *attributes, TF_OpKernelContext *context) {
  Call call;
  begin(&call, attributes, context, 8);
  GruTfSequence *s = &call.sequence;
  const int64_t H = s->units = size(&call, 3, 2, 0);
  read_kept(&call, 4);
  const int64_t B = s->batch, T = s->steps;
  s->mask = input(&call, 0, 1, "mask", SIZES(B, T));
  s->h0 = input(&call, 1, 0, "state h", SIZES(B, H));
  if (s->cell == CELL_LSTM) s->c0 = input(&call, 2, 0, "state c", SIZES(B, H));
  s->recurrent_kernel = input(&call, 3, 0, "recurrent kernel", SIZES(H, gates(&call) * H));
  s->d_outputs = s->every_step ? input(&call, 5, 0, "gradient of outputs", SIZES(B, T, H)) : input(&call, 5, 0, "gradient of output", SIZES(B, H));
  s->d_h_last = input(&call, 6, 0, "gradient of h", SIZES(B, H));
  if (s->cell == CELL_LSTM) s->d_c_last = input(&call, 7, 0, "gradient of c", SIZES(B, H));
  const int64_t deltas = failed(&call) ? 0 : numbers(&call, gru_tf_deltas_size_float, gru_tf_deltas_size_double);
  s->deltas = output(&call, 0, SIZES(T, B, per_row(deltas, T * B)));
  s->d_h0 = output(&call, 1, SIZES(B, H));
  s->d_c0 = s->cell == CELL_LSTM ? output(&call, 2, SIZES(B, H)) : output(&call, 2, SIZES(0));
  compute(&call, gru_tf_backward_float, gru_tf_backward_double);
  end(&call);
}

static void weight_gradient(void *attributes, TF_OpKernelContext *context) {
  Call call;
  begin(&call, attributes, context, 6);
  GruTfSequence *s = &call.sequence;
  const int64_t B = size(&call, 0, 3, 0), T = size(&call, 0, 3, 1), I = s->features = size(&call, 0, 3, 2);
  const int64_t H = s->units = size(&call, 2, 2, 1), columns = gates(&call) * H;
  read_kept(&call, 3);
  s->inputs = input(&call, 0, 0, "inputs", SIZES(s->batch, s->steps, I));
  s->mask = input(&call, 1, 1, "mask", SIZES(B, T));
  s->h0 = input(&call, 2, 0, "state h", SIZES(B, H));
  read_deltas(&call, 4);
  s->d_kernel = output(&call, 0, SIZES(I, columns));
  s->d_recurrent_kernel = output(&call, 1, SIZES(H, columns));
  read_bias(&call, 5, columns);
  const int two = s->recurrent_bias != NULL;
  char *d_bias = !s->bias ? output(&call, 2, SIZES(0)) : two ? output(&call, 2, SIZES(2, columns)) : output(&call, 2, SIZES(columns));
  s->d_bias = s->bias ? d_bias : NULL;
  s->d_recurrent_bias = two && d_bias ? d_bias + (size_t)columns * (call.attributes->type == TF_DOUBLE ? 8 : 4) : NULL;
  compute(&call, gru_tf_weight_gradient_float, gru_tf_weight_gradient_double);
  end(&call);
}

static void input_gradient(void *attributes, TF_OpKernelContext *context) {
  Call call;
  begin(&call, attributes, context, 2);
  GruTfSequence *s = &call.sequence;
  const int64_t I = s->features = size(&call, 0, 2, 0), columns = size(&call, 0, 2, 1);
  s->units = columns / gates(&call);
  s->steps = size(&call, 1, 3, 0);
  s->batch = size(&call, 1, 3, 1);
  s->kernel = input(&call, 0, 0, "kernel", SIZES(I, gates(&call) * s->units));
  read_deltas(&call, 1);
  s->d_inputs = output(&call, 0, SIZES(s->batch, s->steps, I));
  compute(&call, gru_tf_input_gradient_float, gru_tf_input_gradient_double);
  end(&call);
}

static void matrix_product(void *attributes, TF_OpKernelContext *context) {
  Call call;
  begin(&call, attributes, context, 2);
  const int left = call.attributes->transposed_left, right = call.attributes->transposed_right;
  GruTfProduct p = {.transposed_left = left, .transposed_right = right, .threads = threads};
  p.rows = size(&call, 0, 2, left);
  p.depth = size(&call, 0, 2, !left);
  p.columns = size(&call, 1, 2, !right);
  p.left = left ? input(&call, 0, 0, "left factor", SIZES(p.depth, p.rows)) : input(&call, 0, 0, "left factor", SIZES(p.rows, p.depth));
  p.right = right ? input(&call, 1, 0, "right factor", SIZES(p.columns, p.depth)) : input(&call, 1, 0, "right factor", SIZES(p.depth, p.columns));
  p.out = output(&call, 0, SIZES(p.rows, p.columns));
  if (!failed(&call) && (call.attributes->type == TF_DOUBLE ? gru_tf_product_double : gru_tf_product_float)(&p))
    TF_SetStatus(call.status, TF_RESOURCE_EXHAUSTED, "fused kernel: out of memory");
  end(&call);
}

static void unknown_shape(TF_ShapeInferenceContext *context, TF_Status *status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status); /* gru_tf/recurrent/kernels/operations.py says the shapes */
}

static void complain(const char *name, TF_Status *status) {
  if (TF_GetCode(status) != TF_OK) fprintf(stderr, "gru_tf: operation %s: %s\n", name, TF_Message(status));
}

static void register_operation(const char *name, const char *const *attributes, const char *const *inputs, const char *const *outputs,
                               void *(*create_it)(TF_OpKernelConstruction *), void (*compute_it)(void *, TF_OpKernelContext *)) {
  TF_Status *status = TF_NewStatus();
  TF_OpDefinitionBuilder *builder = TF_NewOpDefinitionBuilder(name);
  for (; *inputs; inputs++) TF_OpDefinitionBuilderAddInput(builder, *inputs);
  for (; *outputs; outputs++) TF_OpDefinitionBuilderAddOutput(builder, *outputs);
  for (; *attributes; attributes++) TF_OpDefinitionBuilderAddAttr(builder, *attributes);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, unknown_shape);
  TF_RegisterOpDefinition(builder, status);
  complain(name, status);
  for (int type = TF_FLOAT; type <= TF_DOUBLE; type++) {
    TF_KernelBuilder *kernel = TF_NewKernelBuilder(name, "CPU", create_it, compute_it, free);
    TF_KernelBuilder_TypeConstraint(kernel, "T", (TF_DataType)type, status);
    TF_RegisterKernelBuilder(name, kernel, status);
    complain(name, status);
  }
  TF_DeleteStatus(status);
}

#define NAMES(...) (const char *const[]){__VA_ARGS__, NULL}
#define TYPE "T: {float, double}"

__attribute__((constructor)) static void register_operations(void) {
  const char *const *of_a_sequence =
      NAMES(TYPE, "cell: int", "write: int", "backwards: int", "every_step: int", "zero_masked: int", "keep: int");
  register_operation("GruTfSequence", of_a_sequence,
                     NAMES("inputs: T", "mask: bool", "h: T", "c: T", "kernel: T", "recurrent_kernel: T", "bias: T"),
                     NAMES("outputs: T", "last_h: T", "last_c: T", "kept: T"), create, forward);
  register_operation("GruTfSequenceBackward", of_a_sequence,
                     NAMES("mask: bool", "h: T", "c: T", "recurrent_kernel: T", "kept: T", "d_outputs: T", "d_last_h: T", "d_last_c: T"),
                     NAMES("deltas: T", "d_h: T", "d_c: T"), create, backward);
  register_operation("GruTfWeightGradient", of_a_sequence,
                     NAMES("inputs: T", "mask: bool", "h: T", "kept: T", "deltas: T", "bias: T"),
                     NAMES("d_kernel: T", "d_recurrent_kernel: T", "d_bias: T"), create, weight_gradient);
  register_operation("GruTfInputGradient", of_a_sequence, NAMES("kernel: T", "deltas: T"), NAMES("d_inputs: T"), create, input_gradient);
  register_operation("GruTfMatrixProduct", NAMES(TYPE, "transposed_left: int", "transposed_right: int"), NAMES("left: T", "right: T"),
                     NAMES("out: T"), create_product, matrix_product);
}
