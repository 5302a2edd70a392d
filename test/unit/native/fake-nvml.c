/*
 * Fake of NVIDIA's library for tests: two GPUs with fixed values. Its declarations are its own, so that a wrong layout
 * in native/src/nvml.c shows. With -DREPORTS_NOTHING every query that a GPU may not support returns "not supported".
 */
#include <stdio.h>
#include <string.h>

#define NOT_SUPPORTED 3
#define INSUFFICIENT_SIZE 7

struct utilization {
  unsigned int gpu, memory;
};
struct memory {
  unsigned long long total, free, used;
};
struct process {
  unsigned int pid;
  unsigned long long used_memory;
  unsigned int gpu_instance_id, compute_instance_id;
};
struct sample {
  unsigned int pid;
  unsigned long long time_stamp;
  unsigned int sm, mem, enc, dec;
};

static int initialized;

#ifdef NO_DRIVER
int nvmlInit_v2(void) { return 9; }
#else
int nvmlInit_v2(void) {
  initialized = 1;
  return 0;
}
#endif
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) {
  *count = 2;
  return initialized ? 0 : 1;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
  *device = (void *)(unsigned long)(index + 1);
  return 0;
}

#ifdef REPORTS_NOTHING
#define RESULT(...) return NOT_SUPPORTED
#else
#define RESULT(...) \
  __VA_ARGS__;      \
  return 0
#endif
#define FIRST (device == (void *)1)
#define UNUSED(name) (void)(name)

int nvmlDeviceGetName(void *device, char *name, unsigned int length) {
  UNUSED(device), UNUSED(name), UNUSED(length);
  RESULT(snprintf(name, length, FIRST ? "Test Card 24G" : "Test Card 8G"));
}
int nvmlDeviceGetUUID(void *device, char *uuid, unsigned int length) {
  UNUSED(device), UNUSED(uuid), UNUSED(length);
  RESULT(snprintf(uuid, length, "GPU-%d", FIRST ? 1 : 2));
}
int nvmlDeviceGetUtilizationRates(void *device, struct utilization *utilization) {
  UNUSED(device), UNUSED(utilization);
  RESULT(utilization->gpu = FIRST ? 90 : 15, utilization->memory = 3);
}
int nvmlDeviceGetMemoryInfo(void *device, struct memory *memory) {
  UNUSED(device), UNUSED(memory);
  RESULT(memory->total = FIRST ? 24000000000ull : 8000000000ull, memory->used = FIRST ? 9000000000ull : 500000000ull,
         memory->free = memory->total - memory->used);
}
int nvmlDeviceGetPowerUsage(void *device, unsigned int *milliwatts) {
  UNUSED(device), UNUSED(milliwatts);
  RESULT(*milliwatts = FIRST ? 215500 : 30000);
}
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *celsius) {
  UNUSED(device), UNUSED(celsius);
  if (sensor != 0) return 2;
  RESULT(*celsius = FIRST ? 67 : 41);
}

#ifndef REPORTS_NOTHING
static int give(unsigned int *count, struct process *into, const struct process *all, unsigned int length) {
  if (*count < length) return *count = length, INSUFFICIENT_SIZE;
  memcpy(into, all, length * sizeof *all);
  *count = length;
  return 0;
}
#endif
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned int *count, struct process *into) {
  UNUSED(device), UNUSED(count), UNUSED(into);
#ifndef REPORTS_NOTHING
  /* 100 is our process; 300 also draws. */
  static const struct process first[] = {{100, 6000000000ull, ~0u, ~0u}, {300, 700000000ull, ~0u, ~0u}};
  return give(count, into, first, FIRST ? 2 : 0);
#else
  return NOT_SUPPORTED;
#endif
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(void *device, unsigned int *count, struct process *into) {
  UNUSED(device), UNUSED(count), UNUSED(into);
#ifndef REPORTS_NOTHING
  static const struct process first[] = {{300, 700000000ull, ~0u, ~0u}, {200, 1500000000ull, ~0u, ~0u}};
  /* As on Windows: the process holds memory, but the amount is unknown. */
  static const struct process second[] = {{400, ~0ull, ~0u, ~0u}};
  return FIRST ? give(count, into, first, 2) : give(count, into, second, 1);
#else
  return NOT_SUPPORTED;
#endif
}
int nvmlDeviceGetProcessUtilization(void *device, struct sample *into, unsigned int *count,
                                    unsigned long long since) {
  UNUSED(device), UNUSED(into), UNUSED(count), UNUSED(since);
#ifndef REPORTS_NOTHING
  const unsigned long long later = since + 200000, latest = since + 900000;
  const struct sample first[] = {
      {100, latest, 60, 1, 0, 0}, {200, latest, 25, 1, 0, 0}, {200, later, 70, 1, 0, 0}, {300, later, 5, 1, 0, 0},
      {0, 0, 99, 99, 99, 99},
  };
  if (!FIRST) return 6;
  if (!into || *count < 5) return *count = 5, INSUFFICIENT_SIZE;
  memcpy(into, first, sizeof first);
  *count = 5;
  return 0;
#else
  return NOT_SUPPORTED;
#endif
}
