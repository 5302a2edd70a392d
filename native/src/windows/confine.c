/*
 * Never run: written from Microsoft's documentation. A job object limits memory and refuses more processes; a thread
 * ends this process with its parent. Network and files stay open: restricting them takes an AppContainer, which only
 * the process that starts another one can create.
 */
#define _WIN32_WINNT 0x0A00
#include "../confine.h"
#include "../priority.h"

#include <string.h>
#include <windows.h>

static DWORD WINAPI end_with(LPVOID parent) {
  WaitForSingleObject((HANDLE)parent, INFINITE);
  TerminateProcess(GetCurrentProcess(), 1);
  return 0;
}

static int die_with(int parent) {
  const HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)parent);
  if (!process) return 0;
  const HANDLE thread = CreateThread(NULL, 0, end_with, process, 0, NULL);
  if (!thread) return 0;
  CloseHandle(thread);
  return 1;
}

static int limit_memory(uint64_t bytes) {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
  /* Stays open for as long as this process runs. */
  const HANDLE job = CreateJobObjectA(NULL, NULL);
  if (!job) return 0;
  limits.BasicLimitInformation.LimitFlags =
      JOB_OBJECT_LIMIT_PROCESS_MEMORY | JOB_OBJECT_LIMIT_ACTIVE_PROCESS | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
  limits.BasicLimitInformation.ActiveProcessLimit = 1;
  limits.ProcessMemoryLimit = (SIZE_T)bytes;
  return SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits) &&
         AssignProcessToJobObject(job, GetCurrentProcess());
}

void idlewatt_confine(uint64_t memory_bytes_max, int parent, char *active_parts) {
  *active_parts = 0;
  if (die_with(parent)) strcat(active_parts, "diesWithParent ");
  if (idlewatt_lower_priority()) strcat(active_parts, "priority ");
  if (limit_memory(memory_bytes_max)) strcat(active_parts, "memory ");
}
