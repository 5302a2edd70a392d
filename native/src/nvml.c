/*
 * NVML through dlopen. Declares only what is used; numbers and layouts follow the published interface.
 * Calls are serialized: the library is thread-safe, the table of its functions is not.
 */
#include "nvml.h"

#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
static SRWLOCK turn = SRWLOCK_INIT;
#define TAKE_TURN AcquireSRWLockExclusive(&turn)
#define END_TURN ReleaseSRWLockExclusive(&turn)
#define OPEN(path) ((void *)LoadLibraryA(path))
#define FIND(library, name) ((void *)GetProcAddress((HMODULE)(library), name))
#define CLOSE(library) FreeLibrary((HMODULE)(library))
#define SYSTEM_LIBRARY "nvml.dll"
#else
#include <dlfcn.h>
#include <pthread.h>
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
#define TAKE_TURN pthread_mutex_lock(&turn)
#define END_TURN pthread_mutex_unlock(&turn)
#define OPEN(path) dlopen(path, RTLD_NOW | RTLD_LOCAL)
#define FIND(library, name) dlsym(library, name)
#define CLOSE(library) dlclose(library)
#define SYSTEM_LIBRARY "libnvidia-ml.so.1"
#endif

#define SUCCESS 0
#define NOT_FOUND 6
#define INSUFFICIENT_SIZE 7
#define TEMPERATURE_GPU 0
#define NOT_AVAILABLE (~0ull)

typedef void *device;
struct utilization {
  unsigned gpu, memory;
};
struct memory {
  unsigned long long total, free, used;
};
struct holder {
  unsigned pid;
  unsigned long long memory;
  unsigned gpu_instance, compute_instance;
};
struct sample {
  unsigned pid;
  unsigned long long at_us;
  unsigned sm, memory, encoder, decoder;
};

static struct {
  int (*init)(void);
  int (*shutdown)(void);
  int (*count)(unsigned *);
  int (*by_index)(unsigned, device *);
  int (*name)(device, char *, unsigned);
  int (*uuid)(device, char *, unsigned);
  int (*utilization)(device, struct utilization *);
  int (*memory)(device, struct memory *);
  int (*power)(device, unsigned *);
  int (*temperature)(device, int, unsigned *);
  int (*compute_holders)(device, unsigned *, struct holder *);
  int (*graphics_holders)(device, unsigned *, struct holder *);
  int (*samples)(device, struct sample *, unsigned *, unsigned long long);
} nvml;
static void *opened;
static char opened_path[1024];

#define LOOK_UP(field, symbol) *(void **)&nvml.field = FIND(opened, symbol)

static void leave(void) {
  if (!opened) return;
  if (nvml.shutdown) nvml.shutdown();
  CLOSE(opened);
  opened = NULL;
}

static int enter(const char *path) {
  if (opened && strcmp(path, opened_path) == 0) return 1;
  leave();
  if (strlen(path) >= sizeof opened_path || !(opened = OPEN(path))) return 0;
  strcpy(opened_path, path);
  LOOK_UP(init, "nvmlInit_v2");
  LOOK_UP(shutdown, "nvmlShutdown");
  LOOK_UP(count, "nvmlDeviceGetCount_v2");
  LOOK_UP(by_index, "nvmlDeviceGetHandleByIndex_v2");
  LOOK_UP(name, "nvmlDeviceGetName");
  LOOK_UP(uuid, "nvmlDeviceGetUUID");
  LOOK_UP(utilization, "nvmlDeviceGetUtilizationRates");
  LOOK_UP(memory, "nvmlDeviceGetMemoryInfo");
  LOOK_UP(power, "nvmlDeviceGetPowerUsage");
  LOOK_UP(temperature, "nvmlDeviceGetTemperature");
  LOOK_UP(compute_holders, "nvmlDeviceGetComputeRunningProcesses_v3");
  LOOK_UP(graphics_holders, "nvmlDeviceGetGraphicsRunningProcesses_v3");
  LOOK_UP(samples, "nvmlDeviceGetProcessUtilization");
  if (nvml.init && nvml.count && nvml.by_index && nvml.init() == SUCCESS) return 1;
  nvml.shutdown = NULL;
  leave();
  return 0;
}

/* A process that both draws and computes is in both lists with the same memory. */
static int add_holders(struct nvml_card *card, int (*ask)(device, unsigned *, struct holder *), device handle) {
  struct holder found[NVML_PROCESSES_MAX];
  unsigned count = NVML_PROCESSES_MAX;
  if (!ask || ask(handle, &count, found) != SUCCESS) return 0;
  for (unsigned i = 0; i < count; i++) {
    int known = 0;
    for (int k = 0; k < card->holder_count && !known; k++) known = card->holders[k].pid == found[i].pid;
    if (known) continue;
    if (card->holder_count == NVML_PROCESSES_MAX) return 0;
    card->holders[card->holder_count].pid = found[i].pid;
    card->holders[card->holder_count].memory_bytes =
        found[i].memory == NOT_AVAILABLE ? -1 : (double)found[i].memory;
    card->holder_count++;
  }
  return 1;
}

static void read_samples(struct nvml_card *card, device handle, uint64_t since_us) {
  card->sample_count = -1;
  if (!nvml.samples) return;
  unsigned count = 0;
  int result = nvml.samples(handle, NULL, &count, since_us);
  /* No process has used the GPU since then. */
  if (result == NOT_FOUND || (result == SUCCESS && count == 0)) card->sample_count = 0;
  if (result != INSUFFICIENT_SIZE || count == 0 || count > 4096) return;
  struct sample *found = calloc(count, sizeof *found);
  if (!found) return;
  result = nvml.samples(handle, found, &count, since_us);
  if (result == SUCCESS) {
    card->sample_count = 0;
    for (unsigned i = 0; i < count && card->sample_count < NVML_PROCESSES_MAX; i++) {
      /* The driver did not fill this row. */
      if (found[i].at_us == 0) continue;
      card->samples[card->sample_count].pid = found[i].pid;
      card->samples[card->sample_count].at_us = found[i].at_us;
      card->samples[card->sample_count].load_percent = found[i].sm;
      card->sample_count++;
    }
  }
  free(found);
}

static void read_card(struct nvml_card *card, device handle, uint64_t since_us) {
  struct utilization utilization;
  struct memory memory;
  unsigned number;
  if (!nvml.name || nvml.name(handle, card->name, sizeof card->name) != SUCCESS) *card->name = 0;
  if (!nvml.uuid || nvml.uuid(handle, card->uuid, sizeof card->uuid) != SUCCESS) *card->uuid = 0;
  card->load_percent = card->memory_used_bytes = card->memory_total_bytes = card->watts = -1;
  card->celsius = -1;
  if (nvml.utilization && nvml.utilization(handle, &utilization) == SUCCESS) card->load_percent = utilization.gpu;
  if (nvml.memory && nvml.memory(handle, &memory) == SUCCESS) {
    card->memory_used_bytes = (double)memory.used;
    card->memory_total_bytes = (double)memory.total;
  }
  if (nvml.power && nvml.power(handle, &number) == SUCCESS) card->watts = number / 1000.0;
  if (nvml.temperature && nvml.temperature(handle, TEMPERATURE_GPU, &number) == SUCCESS) card->celsius = number;
  card->holder_count = 0;
  /* An incomplete list of processes would be taken for a complete one. */
  if (!add_holders(card, nvml.compute_holders, handle) || !add_holders(card, nvml.graphics_holders, handle))
    card->holder_count = -1;
  read_samples(card, handle, since_us);
}

int idlewatt_read_nvml(const char *library, uint64_t since_us, struct nvml_reading *reading) {
  unsigned count = 0;
  memset(reading, 0, sizeof *reading);
  TAKE_TURN;
  int known = enter(library ? library : SYSTEM_LIBRARY) && nvml.count(&count) == SUCCESS;
  for (unsigned i = 0; known && i < count && i < NVML_CARDS_MAX; i++) {
    device handle;
    if (nvml.by_index(i, &handle) == SUCCESS) read_card(&reading->card[reading->count++], handle, since_us);
  }
  /* The driver was replaced or the GPU fell off the bus: start over next time. */
  if (!known) leave();
  END_TURN;
  return known;
}
