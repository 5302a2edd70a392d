/** What the window for secrets gets: one question to the shell at a time, and nothing of the agent. */
import { contextBridge, ipcRenderer } from 'electron';

contextBridge.exposeInMainWorld('idlewattSecret', {
  ask: (request: unknown): Promise<unknown> => ipcRenderer.invoke('idlewatt-secret', request),
});
