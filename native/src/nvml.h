/* NVIDIA's management library, loaded on demand and not needed to build. Negative means unknown. */
#ifndef IDLEWATT_NVML_H
#define IDLEWATT_NVML_H

#include <stdint.h>

#define NVML_CARDS_MAX 16
#define NVML_PROCESSES_MAX 64

struct nvml_card {
  char name[96];
  char uuid[96];
  double load_percent, memory_used_bytes, memory_total_bytes, watts, celsius;
  /* Processes that hold memory; the count is -1 if the driver doesn't report them. */
  int holder_count;
  struct {
    double pid, memory_bytes;
  } holders[NVML_PROCESSES_MAX];
  /* Load per process, sampled by the driver since the requested time. */
  int sample_count;
  struct {
    double pid, load_percent;
    uint64_t at_us;
  } samples[NVML_PROCESSES_MAX];
};

struct nvml_reading {
  int count;
  struct nvml_card card[NVML_CARDS_MAX];
};

/* `library` is NULL for the system's own. Returns 0 if there is no library, no driver or no response. */
int idlewatt_read_nvml(const char *library, uint64_t since_us, struct nvml_reading *reading);

#endif
