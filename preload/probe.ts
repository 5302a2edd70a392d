/** Bridge for the GPU probe's hidden page: reports its result, or the reason why there is none. */
import { contextBridge, ipcRenderer } from 'electron';
import { IPC } from '../shared/wire.ts';

contextBridge.exposeInMainWorld('idlewattProbe', {
  report: (result: unknown) => ipcRenderer.send(IPC.probeReport, result),
  fail: (message: unknown) => ipcRenderer.send(IPC.probeFail, String(message).slice(0, 500)),
});
