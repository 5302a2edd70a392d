/** Bridge for the secret window: one request to the shell at a time, and no access to the agent. */
import { contextBridge, ipcRenderer } from 'electron';
import { IPC } from '../shared/wire.ts';

contextBridge.exposeInMainWorld('idlewattSecret', {
  ask: (request: unknown): Promise<unknown> => ipcRenderer.invoke(IPC.secret, request),
});
