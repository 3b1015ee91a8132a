// A stand-in for cuBLAS: see libcudart.c. A product leaves its result as it was.
#include <stdlib.h>

#define NOTHING(name) \
  int name(void) { return 0; }

int cublasCreate_v2(void **handle) {
  *handle = malloc(64);
  return 0;
}
int cublasGetMathMode(void *handle, int *mode) {
  (void)handle;
  *mode = 0;
  return 0;
}
const char *cublasGetStatusName(int status) { return status ? "CUBLAS_STATUS" : "CUBLAS_STATUS_SUCCESS"; }
const char *cublasGetStatusString(int status) { return cublasGetStatusName(status); }
NOTHING(cublasDestroy_v2)
NOTHING(cublasSetMathMode)
NOTHING(cublasSetStream_v2)
NOTHING(cublasDcopy_v2)
NOTHING(cublasScopy_v2)
NOTHING(cublasSscal_v2)
NOTHING(cublasDgeam)
NOTHING(cublasSgeam)
NOTHING(cublasDgemm_v2)
NOTHING(cublasSgemm_v2)
NOTHING(cublasDgemmBatched)
NOTHING(cublasSgemmBatched)
NOTHING(cublasDgemmStridedBatched)
NOTHING(cublasSgemmStridedBatched)
NOTHING(cublasGemmEx)
NOTHING(cublasGemmBatchedEx)
NOTHING(cublasGemmStridedBatchedEx)
NOTHING(cublasDgetrfBatched)
NOTHING(cublasSgetrfBatched)
NOTHING(cublasDgetriBatched)
NOTHING(cublasSgetriBatched)
