// A stand-in for cuBLAS Lt: see libcudart.c.
#include <stdlib.h>

#define NOTHING(name) \
  int name(void) { return 0; }
#define GIVES_HANDLE(name) \
  int name(void **handle) { \
    *handle = malloc(256); \
    return 0; \
  }

GIVES_HANDLE(cublasLtCreate)
GIVES_HANDLE(cublasLtMatmulDescCreate)
GIVES_HANDLE(cublasLtMatmulPreferenceCreate)
GIVES_HANDLE(cublasLtMatrixLayoutCreate)
GIVES_HANDLE(cublasLtMatrixTransformDescCreate)
NOTHING(cublasLtDestroy)
NOTHING(cublasLtMatmul)
NOTHING(cublasLtMatmulAlgoConfigSetAttribute)
NOTHING(cublasLtMatmulAlgoInit)
NOTHING(cublasLtMatmulDescDestroy)
NOTHING(cublasLtMatmulDescSetAttribute)
NOTHING(cublasLtMatmulPreferenceDestroy)
NOTHING(cublasLtMatmulPreferenceSetAttribute)
NOTHING(cublasLtMatrixLayoutDestroy)
NOTHING(cublasLtMatrixLayoutSetAttribute)
NOTHING(cublasLtMatrixTransform)
NOTHING(cublasLtMatrixTransformDescDestroy)
int cublasLtMatmulAlgoGetHeuristic(void *handle, void *operation, void *a, void *b, void *c, void *d, void *preference,
                                   int asked, void *results, int *found) {
  (void)handle, (void)operation, (void)a, (void)b, (void)c, (void)d, (void)preference, (void)asked, (void)results;
  *found = 0;
  return 0;
}
