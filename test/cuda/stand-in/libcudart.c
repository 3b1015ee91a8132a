// A stand-in for NVIDIA's CUDA runtime on a machine without a card: memory of the "device" is the host's, copies are
// copies, and a kernel that is launched does nothing. ONNX Runtime's CUDA provider loads against it and decides, as on a
// card, which nodes it has kernels for; what it then computes is worth nothing. Signatures: CUDA's runtime API, version 13.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef int Status;
#define NOTHING(name) \
  Status name(void) { return 0; }
#define GIVES_HANDLE(name) \
  Status name(void **handle) { \
    *handle = malloc(64); \
    return 0; \
  }

static const size_t memoryBytes = (size_t)16 << 30;

/* The card: one of compute capability 9.0, the first fields of cudaDeviceProp at their places. */
Status cudaGetDeviceCount(int *count) {
  *count = 1;
  return 0;
}
Status cudaGetDevice(int *device) {
  *device = 0;
  return 0;
}
Status cudaGetDeviceProperties(char *properties, int device) {
  (void)device;
  memset(properties, 0, 1008);
  strcpy(properties, "stand-in");
  *(size_t *)(properties + 288) = memoryBytes;
  *(size_t *)(properties + 296) = 48 << 10; /* shared memory of a block */
  *(int *)(properties + 304) = 65536;       /* registers of a block */
  *(int *)(properties + 308) = 32;          /* threads of a warp */
  *(int *)(properties + 320) = 1024;        /* threads of a block */
  for (int axis = 0; axis < 3; axis++) {
    *(int *)(properties + 324 + 4 * axis) = axis < 2 ? 1024 : 64;
    *(int *)(properties + 336 + 4 * axis) = axis < 1 ? 0x7fffffff : 65535;
  }
  *(size_t *)(properties + 352) = 64 << 10; /* constant memory */
  *(int *)(properties + 360) = 9;           /* compute capability */
  *(int *)(properties + 364) = 0;
  *(size_t *)(properties + 368) = 512;
  *(size_t *)(properties + 376) = 32;
  *(int *)(properties + 384) = 100; /* multiprocessors */
  return 0;
}
Status cudaDeviceGetAttribute(int *value, int attribute, int device) {
  (void)device;
  switch (attribute) {
    case 1: *value = 1024; break;      /* threads of a block */
    case 5: *value = 0x7fffffff; break; /* blocks of a grid */
    case 6:
    case 7: *value = 65535; break;
    case 8: *value = 48 << 10; break; /* shared memory of a block */
    case 10: *value = 32; break;      /* threads of a warp */
    case 16: *value = 100; break;     /* multiprocessors */
    case 75: *value = 9; break;       /* compute capability */
    case 97: *value = 227 << 10; break; /* shared memory of a block that asks for it */
    default: *value = 0;
  }
  return 0;
}
Status cudaDriverGetVersion(int *version) {
  *version = 13000;
  return 0;
}
Status cudaRuntimeGetVersion(int *version) {
  *version = 13000;
  return 0;
}
NOTHING(cudaSetDevice)
NOTHING(cudaDeviceSynchronize)

/* Errors: there are none. */
NOTHING(cudaGetLastError)
NOTHING(cudaPeekAtLastError)
const char *cudaGetErrorName(Status status) { return status ? "cudaError" : "cudaSuccess"; }
const char *cudaGetErrorString(Status status) { return status ? "not in the stand-in" : "no error"; }

/* Memory. */
Status cudaMemGetInfo(size_t *free, size_t *total) {
  *free = *total = memoryBytes;
  return 0;
}
static Status allocate(void **pointer, size_t bytes) {
  /* malloc would promise more than there is. */
  *pointer = bytes > memoryBytes ? NULL : aligned_alloc(256, (bytes + 255) / 256 * 256 + 256);
  return *pointer ? 0 : 2; /* cudaErrorMemoryAllocation */
}
Status cudaMalloc(void **pointer, size_t bytes) { return allocate(pointer, bytes); }
Status cudaMallocHost(void **pointer, size_t bytes) { return allocate(pointer, bytes); }
Status cudaHostAlloc(void **pointer, size_t bytes, unsigned flags) {
  (void)flags;
  return allocate(pointer, bytes);
}
Status cudaMallocFromPoolAsync(void **pointer, size_t bytes) { return allocate(pointer, bytes); }
Status cudaFree(void *pointer) {
  free(pointer);
  return 0;
}
Status cudaFreeHost(void *pointer) { return cudaFree(pointer); }
Status cudaFreeAsync(void *pointer) { return cudaFree(pointer); }
Status cudaMemcpy(void *to, const void *from, size_t bytes) {
  memmove(to, from, bytes);
  return 0;
}
Status cudaMemcpyAsync(void *to, const void *from, size_t bytes) { return cudaMemcpy(to, from, bytes); }
Status cudaMemcpy2DAsync(char *to, size_t toPitch, const char *from, size_t fromPitch, size_t width, size_t height) {
  for (size_t row = 0; row < height; row++) memmove(to + row * toPitch, from + row * fromPitch, width);
  return 0;
}
Status cudaMemcpyFromSymbol(void *to, const void *symbol, size_t bytes) {
  (void)symbol;
  memset(to, 0, bytes);
  return 0;
}
Status cudaMemset(void *to, int value, size_t bytes) {
  memset(to, value, bytes);
  return 0;
}
Status cudaMemsetAsync(void *to, int value, size_t bytes) { return cudaMemset(to, value, bytes); }
Status cudaPointerGetAttributes(int *attributes, const void *pointer) {
  (void)pointer;
  attributes[0] = 2; /* cudaMemoryTypeDevice */
  attributes[1] = 0;
  return 0;
}
GIVES_HANDLE(cudaMemPoolCreate)
NOTHING(cudaMemPoolDestroy)
NOTHING(cudaMemPoolSetAttribute)
NOTHING(cudaMemPoolTrimTo)
Status cudaMemPoolGetAttribute(void *pool, int attribute, uint64_t *value) {
  (void)pool, (void)attribute;
  *value = 0;
  return 0;
}

/* Streams, events and graphs. */
GIVES_HANDLE(cudaStreamCreate)
GIVES_HANDLE(cudaStreamCreateWithFlags)
NOTHING(cudaStreamDestroy)
NOTHING(cudaStreamSynchronize)
NOTHING(cudaStreamWaitEvent)
NOTHING(cudaStreamBeginCapture)
NOTHING(cudaStreamEndCapture)
Status cudaStreamIsCapturing(void *stream, int *capturing) {
  (void)stream;
  *capturing = 0;
  return 0;
}
GIVES_HANDLE(cudaEventCreate)
GIVES_HANDLE(cudaEventCreateWithFlags)
NOTHING(cudaEventDestroy)
NOTHING(cudaEventRecord)
NOTHING(cudaEventSynchronize)
Status cudaEventElapsedTime(float *milliseconds) {
  *milliseconds = 1;
  return 0;
}
NOTHING(cudaGraphDestroy)
NOTHING(cudaGraphExecDestroy)
NOTHING(cudaGraphInstantiate)
NOTHING(cudaGraphLaunch)
Status cudaLaunchHostFunc(void *stream, void (*run)(void *), void *data) {
  (void)stream;
  run(data);
  return 0;
}

/* Kernels. */
void **__cudaRegisterFatBinary(void *binary) {
  (void)binary;
  return malloc(64);
}
NOTHING(__cudaRegisterFatBinaryEnd)
NOTHING(__cudaUnregisterFatBinary)
NOTHING(__cudaRegisterFunction)
NOTHING(__cudaRegisterVar)
GIVES_HANDLE(__cudaGetKernel)
NOTHING(__cudaLaunchKernel)
NOTHING(__cudaPushCallConfiguration)
NOTHING(__cudaPopCallConfiguration)
NOTHING(cudaLaunchKernel)
NOTHING(cudaLaunchKernelExC)
NOTHING(cudaLaunchCooperativeKernel)
NOTHING(cudaFuncSetAttribute)
NOTHING(cudaKernelSetAttributeForDevice)
NOTHING(cudaLibraryLoadData)
NOTHING(cudaLibraryUnload)
GIVES_HANDLE(cudaLibraryGetKernel)
Status cudaFuncGetAttributes(int *attributes, const void *function) {
  (void)function;
  memset(attributes, 0, 144);
  attributes[6] = 1024; /* threads of a block */
  return 0;
}
Status cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks) {
  *blocks = 1;
  return 0;
}
Status cudaGetDriverEntryPointByVersion(const char *symbol, void **entry) {
  (void)symbol;
  *entry = NULL;
  return 500; /* cudaErrorSymbolNotFound */
}
