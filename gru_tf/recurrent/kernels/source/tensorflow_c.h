/* The part of TensorFlow's C API that is used here, as its headers tensorflow/c/{kernels,ops,tf_tensor,tf_status}.h declare it
 * (TensorFlow 2.21): building needs no TensorFlow. The functions are found among the symbols of the running TensorFlow. */
#ifndef GRU_TF_TENSORFLOW_C_H
#define GRU_TF_TENSORFLOW_C_H

#include <stddef.h>
#include <stdint.h>

typedef struct TF_Status TF_Status;
typedef struct TF_Tensor TF_Tensor;
typedef struct TF_OpDefinitionBuilder TF_OpDefinitionBuilder;
typedef struct TF_ShapeInferenceContext TF_ShapeInferenceContext;
typedef struct TF_KernelBuilder TF_KernelBuilder;
typedef struct TF_OpKernelConstruction TF_OpKernelConstruction;
typedef struct TF_OpKernelContext TF_OpKernelContext;

typedef enum { TF_OK = 0, TF_INVALID_ARGUMENT = 3, TF_RESOURCE_EXHAUSTED = 8 } TF_Code;
typedef enum { TF_FLOAT = 1, TF_DOUBLE = 2 } TF_DataType;

extern TF_Status *TF_NewStatus(void);
extern void TF_DeleteStatus(TF_Status *);
extern void TF_SetStatus(TF_Status *, TF_Code, const char *message);
extern TF_Code TF_GetCode(const TF_Status *);
extern const char *TF_Message(const TF_Status *);

extern int TF_NumDims(const TF_Tensor *);
extern int64_t TF_Dim(const TF_Tensor *, int index);
extern int64_t TF_TensorElementCount(const TF_Tensor *);
extern void *TF_TensorData(const TF_Tensor *);
extern void TF_DeleteTensor(TF_Tensor *);

extern TF_OpDefinitionBuilder *TF_NewOpDefinitionBuilder(const char *name);
extern void TF_OpDefinitionBuilderAddInput(TF_OpDefinitionBuilder *, const char *);
extern void TF_OpDefinitionBuilderAddOutput(TF_OpDefinitionBuilder *, const char *);
extern void TF_OpDefinitionBuilderAddAttr(TF_OpDefinitionBuilder *, const char *);
extern void TF_OpDefinitionBuilderSetShapeInferenceFunction(TF_OpDefinitionBuilder *,
                                                            void (*)(TF_ShapeInferenceContext *, TF_Status *));
extern void TF_RegisterOpDefinition(TF_OpDefinitionBuilder *, TF_Status *);
extern void TF_ShapeInferenceContextSetUnknownShape(TF_ShapeInferenceContext *, TF_Status *);

extern TF_KernelBuilder *TF_NewKernelBuilder(const char *op_name, const char *device, void *(*create)(TF_OpKernelConstruction *),
                                             void (*compute)(void *, TF_OpKernelContext *), void (*destroy)(void *));
extern void TF_KernelBuilder_TypeConstraint(TF_KernelBuilder *, const char *attribute, const TF_DataType, TF_Status *);
extern void TF_RegisterKernelBuilder(const char *kernel_name, TF_KernelBuilder *, TF_Status *);
extern void TF_OpKernelConstruction_GetAttrInt32(TF_OpKernelConstruction *, const char *name, int32_t *value, TF_Status *);
extern void TF_OpKernelConstruction_GetAttrType(TF_OpKernelConstruction *, const char *name, TF_DataType *value, TF_Status *);
extern void TF_OpKernelConstruction_Failure(TF_OpKernelConstruction *, TF_Status *);

extern void TF_GetInput(TF_OpKernelContext *, int index, TF_Tensor **, TF_Status *);
extern TF_Tensor *TF_AllocateOutput(TF_OpKernelContext *, int index, TF_DataType, const int64_t *sizes, int dimensions,
                                    size_t bytes, TF_Status *);
extern void TF_OpKernelContext_Failure(TF_OpKernelContext *, TF_Status *);

#endif
