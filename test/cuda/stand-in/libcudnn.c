// A stand-in for cuDNN: see libcudart.c. Of its functions those that ONNX Runtime's reductions call; it looks them up
// by name, and does without the others.
#include <stddef.h>
#include <stdlib.h>

#define NOTHING(name) \
  int name(void) { return 0; }
#define GIVES_HANDLE(name) \
  int name(void **handle) { \
    *handle = malloc(64); \
    return 0; \
  }
#define NEEDS_NO_BYTES(name) \
  int name(void *handle, void *reduction, void *from, void *to, size_t *bytes) { \
    (void)handle, (void)reduction, (void)from, (void)to; \
    *bytes = 0; \
    return 0; \
  }

GIVES_HANDLE(cudnnCreate)
GIVES_HANDLE(cudnnCreateReduceTensorDescriptor)
GIVES_HANDLE(cudnnCreateTensorDescriptor)
NOTHING(cudnnDestroy)
NOTHING(cudnnDestroyReduceTensorDescriptor)
NOTHING(cudnnDestroyTensorDescriptor)
NOTHING(cudnnReduceTensor)
NOTHING(cudnnSetReduceTensorDescriptor)
NOTHING(cudnnSetStream)
NOTHING(cudnnSetTensorNdDescriptor)
NEEDS_NO_BYTES(cudnnGetReductionIndicesSize)
NEEDS_NO_BYTES(cudnnGetReductionWorkspaceSize)
size_t cudnnGetVersion(void) { return 91000; }
const char *cudnnGetErrorString(int status) { return status ? "CUDNN_STATUS" : "CUDNN_STATUS_SUCCESS"; }
